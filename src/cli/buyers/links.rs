//! `encours buyers link`, `unlink`, `links`: what persons say about who is who, kept with its reason, and taken back.

use std::collections::BTreeSet;

use encours::config::secret;
use encours::engine::{insurer_party, party, relink};
use encours::ledger::{AccountRow, Ledger, LimitRow, LinkRow, NewLink, Tx};
use encours::model::{LinkKind, LinkReason, NAMED, own_buyer_id};
use encours::reconcile::score;
use serde_json::json;

use super::super::table::{Column, Table, plural};
use super::super::{Books, Context, Exit, Misconfigured};

/// What `link` takes.
#[derive(Debug, clap::Args)]
pub struct LinkArgs {
    /// CONNECTION/ACCOUNT of an ERP, or CONNECTION/BUYER of an insurer, as `encours buyers match` shows it
    what: String,
    /// The legal buyer: its id, an account code, a registry number or its name
    buyer: String,
    /// Why it is that buyer; kept for ever
    #[arg(long, value_name = "TEXT")]
    because: String,
    /// Who says so; else the user of this machine
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// What `unlink` takes.
#[derive(Debug, clap::Args)]
pub struct UnlinkArgs {
    /// CONNECTION/ACCOUNT of an ERP, or CONNECTION/BUYER of an insurer
    what: String,
    /// Who says so; else the user of this machine
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// What `links` takes.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// The legal buyer: its id, an account code, a registry number or its name
    buyer: Option<String>,
    /// Every link of every buyer, also those by numbers
    #[arg(long)]
    all: bool,
}

/// What is linked, as the ledger knows it.
enum What {
    Account(Box<AccountRow>),
    InsurerBuyer(Box<LimitRow>),
    /// A buyer that the insurer has named in a look-up and decided nothing on.
    LookedUp(Box<LookedUp>),
}

struct LookedUp {
    connection: String,
    id: String,
    name: String,
    buyer: Option<String>,
}

impl What {
    const fn kind(&self) -> LinkKind {
        match self {
            Self::Account(_) => LinkKind::Account,
            Self::InsurerBuyer(_) | Self::LookedUp(_) => LinkKind::InsurerBuyer,
        }
    }

    fn key(&self) -> (&str, &str) {
        match self {
            Self::Account(row) => (&row.connection, &row.external_id),
            Self::InsurerBuyer(row) => (&row.connection, &row.insurer_buyer_id),
            Self::LookedUp(row) => (&row.connection, &row.id),
        }
    }

    fn buyer(&self) -> Option<&str> {
        match self {
            Self::Account(row) => Some(&row.buyer_id),
            Self::InsurerBuyer(row) => row.buyer_id.as_deref(),
            Self::LookedUp(row) => row.buyer.as_deref(),
        }
    }

    fn told(&self) -> String {
        let (connection, id) = self.key();
        let name = match self {
            Self::Account(row) => &row.name,
            Self::InsurerBuyer(row) => &row.payload.buyer_name,
            Self::LookedUp(row) => &row.name,
        };
        // An insurer may answer a look-up with an id and no name.
        if name.is_empty() { format!("{connection}/{id}") } else { format!("{connection}/{id} ({name})") }
    }

    async fn find(tx: &mut Tx<'_>, company: &str, text: &str) -> anyhow::Result<Self> {
        let wrong = |told: String| anyhow::Error::from(Misconfigured(told));
        let (connection, id) = text.split_once('/').ok_or_else(|| {
            wrong(format!("\"{text}\" is not CONNECTION/ID; `encours buyers match` shows them so"))
        })?;
        let known = tx.connections().await?;
        let known: Vec<_> = known.iter().filter(|row| row.company == company).collect();
        let Some(row) = known.iter().find(|row| row.id == connection) else {
            let names: Vec<&str> = known.iter().map(|row| row.id.as_str()).collect();
            return Err(wrong(format!(
                "no connection \"{connection}\" was read yet; there are {}",
                names.join(", ")
            )));
        };
        if row.role == "insurer" {
            let limits = tx.limits(company).await?;
            let found =
                limits.into_iter().find(|row| row.connection == connection && row.insurer_buyer_id == id);
            if let Some(row) = found {
                return Ok(Self::InsurerBuyer(Box::new(row)));
            }
            return looked_up(tx, connection, id).await?.map(Self::LookedUp).ok_or_else(|| {
                anyhow::anyhow!(
                    "{connection} has stated no limit on a buyer {id}, and no look-up has named it; `encours limits` lists them"
                )
            });
        }
        let mut accounts = tx.accounts(company).await?;
        accounts.retain(|row| row.connection == connection && (row.external_id == id || row.code == id));
        // The source's key has the word over a code that is alike.
        accounts.sort_by_key(|row| row.external_id != id);
        let found = accounts.into_iter().next();
        found
            .map(|row| Self::Account(Box::new(row)))
            .ok_or_else(|| anyhow::anyhow!("{connection} has no account {id}; `encours buyers` lists them"))
    }
}

/// A buyer that the insurer named in a look-up.
async fn looked_up(tx: &mut Tx<'_>, connection: &str, id: &str) -> anyhow::Result<Option<Box<LookedUp>>> {
    let lookups = tx.lookups(connection).await?;
    let rows = lookups.into_iter().filter_map(|row| row.answer).flat_map(|answer| answer.0);
    let Some(row) = rows.into_iter().find(|row| row.get("insurer_buyer_id").is_some_and(|own| own == id))
    else {
        return Ok(None);
    };
    let link = tx.link_of(LinkKind::InsurerBuyer, connection, id).await?;
    Ok(Some(Box::new(LookedUp {
        connection: connection.to_owned(),
        id: id.to_owned(),
        name: row.get("name").cloned().unwrap_or_default(),
        buyer: link.map(|link| link.buyer_id),
    })))
}

/// The id of the one buyer that a text means.
///
/// # Errors
/// None does, or several do; what the ledger says.
pub async fn one_buyer(tx: &mut Tx<'_>, company: &str, text: &str) -> anyhow::Result<String> {
    let mut found = tx.find_buyers(company, text).await?;
    if found.len() > 1 {
        let same = |name: &str| name.to_lowercase() == text.to_lowercase();
        if found.iter().filter(|buyer| same(&buyer.name)).count() == 1 {
            found.retain(|buyer| same(&buyer.name));
        }
    }
    match found.as_slice() {
        [buyer] => Ok(buyer.id.clone()),
        [] => anyhow::bail!("no buyer answers to \"{text}\": `encours buyers` lists them"),
        several => {
            let names: Vec<String> =
                several.iter().map(|buyer| format!("{} ({})", buyer.name, buyer.id)).collect();
            anyhow::bail!("several buyers answer to \"{text}\": {}. Say which by its id", names.join(", "))
        }
    }
}

async fn open(context: &Context) -> anyhow::Result<(Ledger, String)> {
    let config = context.config()?;
    let url = config.ledger_url().map_err(|told| Misconfigured(format!("the ledger's url: {told}")))?;
    Ok((Ledger::open(&url).await?, config.company.id))
}

/// Who says so: the name that was given, else the user of this machine.
pub fn person(by: Option<&String>) -> String {
    let user = || {
        ["env:USER", "env:LOGNAME"]
            .iter()
            .find_map(|name| secret::resolve(name, std::path::Path::new(".")).ok())
    };
    let name = by.cloned().or_else(user).map(|name| name.trim().to_owned());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "a person".to_owned())
}

/// Runs `encours buyers link`.
///
/// # Errors
/// What is linked or the buyer is not known; what the ledger says.
pub async fn link(context: &Context, args: &LinkArgs) -> anyhow::Result<Exit> {
    let because = args.because.trim();
    if because.is_empty() {
        return Err(
            Misconfigured("--because needs words: they are all that a later reader has".to_owned()).into()
        );
    }
    let (ledger, company) = open(context).await?;
    let mut tx = ledger.begin().await?;
    let what = What::find(&mut tx, &company, &args.what).await?;
    let (kind, (connection, external_id)) = (what.kind(), what.key());
    let own = match &what {
        What::Account(row) => Some(own_buyer_id(&row.connection, &row.external_id)),
        What::InsurerBuyer(_) | What::LookedUp(_) => None,
    };
    // A holding may have a limit that its group shares, and no account.
    let groups = context.config()?.groups;
    let is_of_a_group = groups.companies().contains(args.buyer.as_str()) && !args.buyer.starts_with(NAMED);
    let buyer = match own.filter(|own| *own == args.buyer) {
        Some(own) => own,
        None if is_of_a_group => args.buyer.clone(),
        None => one_buyer(&mut tx, &company, &args.buyer).await?,
    };
    let before = tx.link_of(kind, connection, external_id).await?;
    if before.as_ref().is_some_and(|link| link.is_a_persons() && link.buyer_id == buyer) {
        tx.rollback().await?;
        return done(
            context,
            &format!("{} is {buyer} already; nothing was changed.\n", what.told()),
            before.as_ref(),
        );
    }
    let accounts = tx.accounts_of(&company, &[buyer.clone()].into()).await?;
    let wanted = match &what {
        What::Account(row) => Some(party(row)),
        What::InsurerBuyer(row) => Some(insurer_party(&row.payload)),
        What::LookedUp(_) => None, // found by its number: names were not compared
    };
    let others =
        accounts.iter().filter(|row| (row.connection.as_str(), row.external_id.as_str()) != what.key());
    let points = wanted.and_then(|wanted| others.map(|row| score(&wanted, &party(row)).points).max());
    let new = NewLink {
        kind,
        connection: connection.to_owned(),
        external_id: external_id.to_owned(),
        to: Some((buyer.clone(), LinkReason::Person, because.to_owned())),
        score: points.map(i64::from),
        previous_buyer: what.buyer().map(str::to_owned),
        replaces: true,
    };
    let now = encours::clock::now();
    tx.record_links(&company, &[new], &person(args.by.as_ref()), now).await?;
    relink(&mut tx, &company, now).await?;
    let made = tx.link_of(kind, connection, external_id).await?;
    tx.commit().await?;
    let was = match what.buyer() {
        Some(was) if was != buyer => format!(", before {was}"),
        Some(_) | None => String::new(),
    };
    let alike = points
        .map_or_else(String::new, |points| format!(" Names and addresses are alike by {points} of 100."));
    let told = format!(
        "{} is {buyer} now{was}.{alike}\nThe next `encours sync` settles what both owe and what is covered. \
         `encours buyers unlink {}` takes it back.\n",
        what.told(),
        args.what
    );
    done(context, &told, made.as_ref())
}

/// Runs `encours buyers unlink`.
///
/// # Errors
/// Nobody has linked it; what the ledger says.
pub async fn unlink(context: &Context, args: &UnlinkArgs) -> anyhow::Result<Exit> {
    let (ledger, company) = open(context).await?;
    let mut tx = ledger.begin().await?;
    let what = What::find(&mut tx, &company, &args.what).await?;
    let (kind, (connection, external_id)) = (what.kind(), what.key());
    let before = tx.link_of(kind, connection, external_id).await?;
    if !before.as_ref().is_some_and(LinkRow::is_a_persons) {
        let why = before.map_or_else(|| "nothing links it".to_owned(), |link| why(&link));
        anyhow::bail!(
            "no person has linked {}: {why}. To overrule a number, link it to another buyer",
            what.told()
        );
    }
    let end = NewLink {
        kind,
        connection: connection.to_owned(),
        external_id: external_id.to_owned(),
        to: None,
        score: None,
        previous_buyer: None,
        replaces: true,
    };
    let now = encours::clock::now();
    tx.record_links(&company, &[end], &person(args.by.as_ref()), now).await?;
    relink(&mut tx, &company, now).await?;
    let after = What::find(&mut tx, &company, &args.what).await?;
    let link = tx.link_of(kind, connection, external_id).await?;
    tx.commit().await?;
    let is = after.buyer().map_or_else(|| "no buyer of ours".to_owned(), str::to_owned);
    let by = link.as_ref().map_or_else(String::new, |link| format!(", {}", why(link)));
    let told = format!(
        "{} is {is} again{by}.\nThe next `encours sync` settles what both owe and what is covered.\n",
        what.told()
    );
    done(context, &told, link.as_ref())
}

fn done(context: &Context, told: &str, link: Option<&LinkRow>) -> anyhow::Result<Exit> {
    context.answer(|| told.to_owned(), || json!({ "link": link.map(link_json) }))?;
    Ok(Exit::Fine)
}

/// Runs `encours buyers links`.
///
/// # Errors
/// A buyer that nobody knows; what the ledger says.
pub async fn list(context: &Context, args: &ListArgs) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let mut links = match &args.buyer {
        None => books.tx.links(&company, None).await?,
        Some(text) => {
            // A buyer that has lost its last account is still in the history.
            let by_id = books.tx.links(&company, Some(text)).await?;
            if by_id.is_empty() {
                let buyer = one_buyer(&mut books.tx, &company, text).await?;
                books.tx.links(&company, Some(&buyer)).await?
            } else {
                by_id
            }
        }
    };
    if args.buyer.is_none() && !args.all {
        links.retain(LinkRow::is_a_persons);
    }
    let head = books.close().await?;
    context.answer(
        || {
            if let Some(told) = head.nothing_yet() {
                return told;
            }
            if links.is_empty() {
                return match args.buyer {
                    Some(_) => "Nothing was ever linked to this buyer.\n".to_owned(),
                    None => "No person has linked anything; --all lists the links by numbers.\n".to_owned(),
                };
            }
            let mut table = Table::new(&[
                Column::Text("what"),
                Column::Text("buyer"),
                Column::Text("why"),
                Column::Figure("alike"),
                Column::Word("by"),
                Column::Word("since"),
                Column::Text("until"),
            ]);
            for link in &links {
                let until = link.reversed_at.zip(link.reversed_by.as_ref());
                table.row([
                    format!("{}/{}", link.connection, link.external_id),
                    link.buyer_id.clone(),
                    link.detail.clone(),
                    link.score.map_or_else(String::new, |score| score.to_string()),
                    link.decided_by.clone(),
                    link.recorded_at.date_naive().to_string(),
                    until.map_or_else(String::new, |(at, by)| format!("{}, by {by}", at.date_naive())),
                ]);
            }
            format!("{table}\n{}\n", plural(links.len(), "link", "links"))
        },
        || json!({ "links": links.iter().map(link_json).collect::<Vec<_>>() }),
    )?;
    Ok(Exit::Fine)
}

/// Why a link is, after "it is this buyer".
pub fn why(link: &LinkRow) -> String {
    let day = link.recorded_at.date_naive();
    match LinkReason::parse(&link.reason) {
        Some(LinkReason::Person) => format!("said by {} on {day}: {}", link.decided_by, link.detail),
        Some(LinkReason::InsurerId) => format!("by the insurer's id: {}", link.detail),
        Some(
            LinkReason::Siren
            | LinkReason::Siret
            | LinkReason::Vat
            | LinkReason::Lei
            | LinkReason::Registration,
        )
        | None => format!("by {}", link.detail),
    }
}

/// The links in force of accounts and of the insurers' buyers that have limits.
///
/// # Errors
/// What the ledger says.
pub async fn links_of(
    books: &mut Books,
    accounts: &[AccountRow],
    limits: &[LimitRow],
) -> anyhow::Result<Vec<LinkRow>> {
    let insurers = limits.iter().map(|row| (&row.connection, &row.insurer_buyer_id));
    let mut links = Vec::new();
    for row in accounts {
        links.extend(books.tx.link_of(LinkKind::Account, &row.connection, &row.external_id).await?);
    }
    for (connection, id) in insurers.collect::<BTreeSet<_>>() {
        links.extend(books.tx.link_of(LinkKind::InsurerBuyer, connection, id).await?);
    }
    Ok(links)
}

/// A link for programs.
pub fn link_json(link: &LinkRow) -> serde_json::Value {
    json!({
        "kind": link.kind,
        "connection": link.connection,
        "external_id": link.external_id,
        "buyer": link.buyer_id,
        "reason": link.reason,
        "detail": link.detail,
        "score": link.score,
        "decided_by": link.decided_by,
        "previous_buyer": link.previous_buyer,
        "recorded_at": link.recorded_at,
        "reversed_at": link.reversed_at,
        "reversed_by": link.reversed_by,
    })
}
