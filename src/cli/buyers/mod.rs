//! `encours buyers`: who owes, what, and how much of it is covered; and who is who.

mod find;
pub mod links;
mod matching;

use std::collections::{BTreeMap, BTreeSet};

use encours::engine::past::positions;
use encours::ledger::{AccountRow, BuyerRow, CoverRow, ExposureRow};
use encours::model::{Currency, render_minor};
use serde_json::json;

use super::table::{Column, Table, amount, plural};
use super::time::Asked;
use super::{Books, Context, Exit};

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// An account code, a registry number, a buyer id or a part of the name; all buyers without it
    text: Option<String>,
}

/// What is to be done about who is who; without it, buyers are listed.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List what waits for a person: whose limits and accounts nobody knows, with those that have names alike
    Match,
    /// Say which legal buyer an account or an insurer's buyer is; this outranks every number
    Link(links::LinkArgs),
    /// Take back what a person said; the numbers decide again
    Unlink(links::UnlinkArgs),
    /// Ask an insurer which of its buyers one is: once, since it may charge for it, and the answer is kept for ever
    Find(find::Args),
    /// List the links that persons made, also those taken back; of one buyer, or with --all, every link
    Links(links::ListArgs),
}

/// Buyers with everything that the lists show of them.
pub struct Portfolio {
    /// The buyers, by name.
    pub buyers: Vec<BuyerRow>,
    accounts: BTreeMap<String, Vec<AccountRow>>,
    exposures: BTreeMap<String, Vec<ExposureRow>>,
    covers: BTreeMap<String, Vec<CoverRow>>,
    /// Open documents that are known and dated after the day that was asked for.
    pub later: usize,
}

impl Portfolio {
    /// Reads the buyers that a text may mean, or all of them.
    ///
    /// # Errors
    /// What the ledger says.
    pub async fn read(books: &mut Books, text: Option<&str>) -> anyhow::Result<Self> {
        let company = books.company();
        let buyers = match text {
            Some(text) => books.tx.find_buyers(&company, text).await?,
            None => books.tx.buyers(&company).await?,
        };
        let ids = buyers.iter().map(|buyer| buyer.id.clone()).collect();
        let scope = text.map(|_| &ids);
        Ok(Self {
            accounts: by_buyer(books.tx.accounts_of(&company, &ids).await?, |row| &row.buyer_id),
            exposures: by_buyer(books.tx.exposures(&company, scope).await?, |row| &row.buyer_id),
            covers: by_buyer(books.tx.covers(&company, scope).await?, |row| &row.buyer_id),
            buyers,
            later: 0,
        })
    }

    /// Reckons for another moment: the buyers that owed something then, or those of them that a text may mean.
    ///
    /// # Errors
    /// What the ledger says; a figure that cannot be computed.
    pub async fn of_another_day(
        books: &mut Books,
        text: Option<&str>,
        asked: &mut Asked,
    ) -> anyhow::Result<Self> {
        let company = books.company();
        let found = positions(&mut books.tx, &company, &asked.policies, asked.moment).await?;
        asked.accounts_begin.clone_from(&found.accounts_begin);
        let mut names: Vec<BuyerRow> = match text {
            Some(text) => {
                // Whoever answers to it now, as it was named then; whoever was a buyer then may have become another one since.
                let mut ids: BTreeSet<String> =
                    books.tx.find_buyers(&company, text).await?.into_iter().map(|buyer| buyer.id).collect();
                ids.insert(text.to_owned());
                ids.iter().filter_map(|id| found.names.get(id).cloned()).collect()
            }
            None => found.names.into_values().collect(),
        };
        names.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let ids = names.iter().map(|buyer| buyer.id.clone()).collect();
        let accounts = by_buyer(books.tx.accounts_of(&company, &ids).await?, |row| &row.buyer_id);
        let mut portfolio = Self {
            accounts,
            exposures: BTreeMap::new(),
            covers: BTreeMap::new(),
            buyers: names,
            later: found.later,
        };
        for position in found.buyers {
            portfolio.exposures.insert(position.buyer_id.clone(), position.exposures);
            portfolio.covers.insert(position.buyer_id, position.covers);
        }
        Ok(portfolio)
    }

    /// The accounts of a buyer.
    pub fn accounts(&self, buyer: &str) -> &[AccountRow] {
        self.accounts.get(buyer).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a buyer owes, by currency.
    pub fn exposures(&self, buyer: &str) -> &[ExposureRow] {
        self.exposures.get(buyer).map(Vec::as_slice).unwrap_or_default()
    }

    /// What is covered of it, by policy.
    pub fn covers(&self, buyer: &str) -> &[CoverRow] {
        self.covers.get(buyer).map(Vec::as_slice).unwrap_or_default()
    }
}

fn by_buyer<T>(rows: Vec<T>, id: impl Fn(&T) -> &String) -> BTreeMap<String, Vec<T>> {
    let mut map: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for row in rows {
        map.entry(id(&row).clone()).or_default().push(row);
    }
    map
}

/// `1 234.00 EUR, 12.00 USD`, or a dash.
pub fn sums(amounts: impl IntoIterator<Item = (String, i64)>) -> String {
    let texts: Vec<String> = amounts.into_iter().map(|(code, minor)| money(minor, &code)).collect();
    if texts.is_empty() { "–".to_owned() } else { texts.join(", ") }
}

/// `1 234.00 EUR`, from a currency as the ledger stores it.
pub fn money(minor: i64, code: &str) -> String {
    Currency::parse(code)
        .map_or_else(|| format!("{minor} {code}"), |currency| format!("{} {code}", amount(minor, currency)))
}

/// Decimal text for programs, from a currency as the ledger stores it.
pub fn decimal(minor: i64, code: &str) -> String {
    Currency::parse(code).map_or_else(|| minor.to_string(), |currency| render_minor(minor, currency))
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    match &args.action {
        Some(Action::Match) => return matching::run(context).await,
        Some(Action::Link(args)) => return links::link(context, args).await,
        Some(Action::Unlink(args)) => return links::unlink(context, args).await,
        Some(Action::Find(args)) => return find::run(context, args).await,
        Some(Action::Links(args)) => return links::list(context, args).await,
        None => {}
    }
    let mut books = context.books().await?;
    let portfolio = Portfolio::read(&mut books, args.text.as_deref()).await?;
    if let (Some(text), true) = (&args.text, portfolio.buyers.is_empty()) {
        anyhow::bail!(
            "no buyer answers to \"{text}\"{}",
            if books.head.settled_on.is_none() { ": nothing was read yet" } else { "" }
        );
    }
    let head = books.close().await?;
    context.answer(
        || {
            let mut table = Table::new(&[
                Column::Text("buyer"),
                Column::Word("country"),
                Column::Text("accounts"),
                Column::Figure("owes"),
                Column::Figure("limit today"),
                Column::Figure("covered"),
                Column::Figure("uninsured"),
            ]);
            for buyer in &portfolio.buyers {
                let codes: Vec<&str> =
                    portfolio.accounts(&buyer.id).iter().map(|account| account.code.as_str()).collect();
                let covers = portfolio.covers(&buyer.id);
                let covered =
                    |minor: fn(&CoverRow) -> i64| sums(covers.iter().map(|c| (c.currency.clone(), minor(c))));
                let owed = portfolio.exposures(&buyer.id).iter().filter(|e| e.outstanding_minor != 0);
                table.row([
                    buyer.name.clone(),
                    buyer.country.clone(),
                    codes.join(", "),
                    sums(owed.map(|e| (e.currency.clone(), e.outstanding_minor))),
                    covered(|c| c.cap_minor),
                    covered(|c| c.covered_minor),
                    covered(|c| c.uninsured_minor),
                ]);
            }
            let end = format!("\n{} on {}\n", plural(portfolio.buyers.len(), "buyer", "buyers"), head.day());
            head.nothing_yet().unwrap_or_else(|| format!("{table}{end}"))
        },
        || {
            let buyers = portfolio.buyers.iter().map(|buyer| {
                json!({
                    "id": buyer.id,
                    "name": buyer.name,
                    "country": buyer.country,
                    "accounts": portfolio.accounts(&buyer.id).iter().map(account_json).collect::<Vec<_>>(),
                    "exposure": portfolio.exposures(&buyer.id).iter().map(exposure_json).collect::<Vec<_>>(),
                    "cover": portfolio.covers(&buyer.id).iter().map(cover_json).collect::<Vec<_>>(),
                })
            });
            json!({ "date": head.settled_on, "buyers": buyers.collect::<Vec<_>>() })
        },
    )?;
    Ok(Exit::Fine)
}

/// An account for programs.
pub fn account_json(account: &AccountRow) -> serde_json::Value {
    json!({
        "connection": account.connection,
        "external_id": account.external_id,
        "code": account.code,
        "name": account.name,
        "country": account.country,
        "street": account.street,
        "postcode": account.postcode,
        "town": account.town,
        "identifiers": account.identifiers().map(|id| json!({ "scheme": id.scheme, "value": id.value, "sound": id.is_sound() })).collect::<Vec<_>>(),
        "insurer_buyer_id": account.insurer_buyer_id,
        "limit": account.limit().map(|(minor, currency)| json!({ "amount": render_minor(minor, currency), "currency": currency })),
    })
}

/// An exposure for programs.
pub fn exposure_json(row: &ExposureRow) -> serde_json::Value {
    let amount = |minor| decimal(minor, &row.currency);
    json!({
        "currency": row.currency,
        "outstanding": amount(row.outstanding_minor),
        "not_due": amount(row.not_due_minor),
        "overdue_1_30": amount(row.overdue_30_minor),
        "overdue_31_60": amount(row.overdue_60_minor),
        "overdue_61_90": amount(row.overdue_90_minor),
        "overdue_over_90": amount(row.overdue_more_minor),
        "disputed": amount(row.disputed_minor),
        "credits": amount(row.credits_minor),
        "unallocated": amount(row.unallocated_minor),
        "oldest_due": row.oldest_due,
        "invoices": row.invoice_count,
        "net_of_tax": row.net_minor.map(amount),
        "without_tax_figure": row.net_minor.map(|_| row.lacks_tax),
        "as_of": row.as_of,
    })
}

/// A cover for programs.
pub fn cover_json(row: &CoverRow) -> serde_json::Value {
    let amount = |minor| decimal(minor, &row.currency);
    json!({
        "connection": row.connection,
        "policy": row.policy,
        "currency": row.currency,
        "limit": amount(row.cap_minor),
        "covered": amount(row.covered_minor),
        "uninsured": amount(row.uninsured_minor),
        "indemnity": amount(row.indemnity_minor),
        "without_tax_figure": row.lacks_tax,
        "over_limit": row.over_limit,
        "as_of": row.as_of,
    })
}
