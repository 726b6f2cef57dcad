//! `encours explain`: one buyer's whole story, from the ERP's records to what the insurer would pay.
//!
//! Nothing here decides anything: the figures are computed by the pure core from the records of the ledger, and every
//! line of cover keeps the numbers it was decided with.

mod backdated;
mod basis;
mod changed;
mod cover;
mod decided;
#[cfg(test)]
mod golden;
mod group;
mod invoice;
mod json;
mod owes;
mod own;
mod phrases;
mod terms;
#[cfg(test)]
mod tests;
mod to_do;
mod who;

use std::collections::{BTreeMap, BTreeSet};

use encours::credit::{
    Computed, Cover, Experience, Exposure, LimitHistory, OpenItem, Stops, Terms, allocate, exposures,
};
use encours::engine::past::{Moment, stops_on};
use encours::engine::stops;
use encours::ledger::{
    AccountRow, AccountsThen, BreakRow, BuyerRow, CoverStopRow, DeltaRow, ItemVersion, ItemView, LimitRow,
    LinkRow, RatingRow, accounts_then,
};
use encours::model::{Currency, Date, ItemKind, LimitRequest, Policy, net_minor};
use serde_json::json;

use super::language::Language;
use super::table::{Column, Table};
use super::time::{self, Asked, Unkept};
use super::{Books, Context, Exit, buyers, deltas, words};
use backdated::{Change, Eve};
use cover::covered;
use decided::decided;
use group::{Group, Shared};
pub(super) use invoice::{InColumns, in_columns};

/// How many deltas are shown.
const DELTAS_MAX: usize = 10;

/// How many of the company's last deltas are searched for the buyer's.
const DELTAS_SEARCHED: i64 = 5_000;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An account code, a registry number, a buyer id, or a part of the name
    buyer: String,
    /// The story of one invoice only: its number, or the ERP's key of it; CONNECTION/KEY where several have the same
    #[arg(long, value_name = "NUMBER")]
    invoice: Option<String>,
    /// The language of the story, as the environment has it unless said; what --json gives is the same in both
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<Language>,
    #[command(flatten)]
    time: time::Flags,
}

/// What a story of another day cannot tell as it was then.
const UNKEPT: &[Unkept] = &[Unkept::Payments, Unkept::Accounts, Unkept::Terms, Unkept::Open];

/// All that the ledger holds of one buyer.
struct File {
    buyer: BuyerRow,
    accounts: Vec<AccountRow>,
    /// Why each account and each insurer's buyer is this buyer.
    links: Vec<LinkRow>,
    items: Vec<ItemView>,
    limits: Vec<LimitRow>,
    /// What insurers list as undecided, with the connection.
    requests: Vec<(String, LimitRequest)>,
    ratings: Vec<RatingRow>,
    breaks: Vec<BreakRow>,
    deltas: Vec<(Date, DeltaRow)>,
    /// The policy periods of the day.
    policies: Vec<Policy>,
    /// Every period, also those that are over.
    periods: Vec<Policy>,
    /// How it has paid, where a policy computes its discretionary limit.
    experience: Option<Experience>,
    /// What it has ordered and is not invoiced yet, by currency; of another day it is not known.
    backlogs: Vec<(String, i64)>,
    /// The stops of its cover, also those that were lifted.
    stops: Vec<CoverStopRow>,
    day: Date,
    /// The moment that was asked for, where it is not now.
    asked: Option<Asked>,
    /// Open documents that are known and dated after the day.
    later: usize,
    /// What was known before decisions were read that reach back.
    eves: Vec<Eve>,
    /// The companies around it.
    group: Group,
    /// What was known before terms of policies were read that differ.
    terms_eves: Vec<terms::Eve>,
}

/// What follows for one policy.
struct Insured<'a> {
    policy: &'a Policy,
    terms: Terms<'a>,
    /// What the insurer stated over time, of the one insurer's buyer that counts.
    statements: Vec<&'a LimitRow>,
    /// The insurer's other ids of the same legal buyer.
    others: Vec<&'a str>,
    /// What the insurer has been asked and has not decided.
    pending: Vec<&'a LimitRequest>,
    cover: Cover<'a>,
    /// Whose limit it shares, where it shares one.
    shared: Option<Shared<'a>>,
    stops: Stops,
    /// What decisions changed that reach back before the day on which they were read.
    changes: Vec<Change>,
    /// What other terms changed, for days that had passed.
    terms_changes: Vec<terms::Change>,
    is_another_day: bool,
    /// How its discretionary limit was computed, where that counts.
    own: Option<Computed>,
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read; nobody, or several, that answer to the text.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let say = args.lang.unwrap_or_else(Language::of_environment);
    let mut books = context.books().await?;
    let company = books.company();
    let asked = args.time.asked(&mut books).await?;
    let mut found = books.tx.find_buyers(&company, &args.buyer).await?;
    if let (Some(asked), true) = (&asked, found.is_empty()) {
        // Whoever was a buyer then may have become another one since; its id still names it.
        let then = books.tx.buyers_known(&company, asked.moment.known_at).await?;
        if then.values().any(|id| *id == args.buyer) {
            found.push(BuyerRow { id: args.buyer.clone(), name: args.buyer.clone(), country: String::new() });
        }
    }
    if found.len() > 1 {
        let names = found.iter().filter(|buyer| buyer.name.to_lowercase() == args.buyer.to_lowercase());
        if let [one] = names.collect::<Vec<_>>().as_slice() {
            found = vec![(*one).clone()];
        }
    }
    let buyer = match found.as_slice() {
        [buyer] => buyer.clone(),
        [] => {
            let hint = if books.head.settled_on.is_none() {
                "nothing was read yet, run `encours sync` first"
            } else {
                "`encours buyers` lists them"
            };
            anyhow::bail!("no buyer answers to \"{}\": {hint}", args.buyer);
        }
        several => {
            books.close().await?;
            return candidates(context, say, &args.buyer, several);
        }
    };
    let file = match asked {
        None => File::read(&mut books, buyer).await?,
        Some(asked) => File::of_another_day(&mut books, buyer, asked).await?,
    };
    let stories = match &args.invoice {
        Some(wanted) => Some(invoice::read(&mut books, &file, wanted).await?),
        None => None,
    };
    books.close().await?;
    let items = file.open_items()?;
    let owed = exposures(&items, file.day)?;
    let insured = file
        .policies
        .iter()
        .map(|policy| file.insured(policy, &items))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(stories) = stories {
        let told = invoice::told(say, &file, &stories, &insured)?;
        let json = invoice::json(&file, &stories, &insured)?;
        context.answer(|| told, || json)?;
        return Ok(Exit::Fine);
    }
    context.answer(|| file.told(say, &owed, &insured), || file.json(&owed, &insured))?;
    Ok(Exit::Fine)
}

fn candidates(context: &Context, say: Language, text: &str, several: &[BuyerRow]) -> anyhow::Result<Exit> {
    context.answer(
        || {
            let mut table = Table::new(&[
                Column::Text(say.of("buyer", "acheteur")),
                Column::Word(say.of("country", "pays")),
                Column::Word(say.of("id", "identifiant")),
            ]);
            for buyer in several {
                table.row([buyer.name.clone(), buyer.country.clone(), buyer.id.clone()]);
            }
            let count = several.len();
            say.of(
                format!("{count} buyers answer to \"{text}\". Which one? Ask again with its id.\n\n{table}"),
                format!("{count} acheteurs répondent à « {text} ». Lequel ? Redemandez par son identifiant.\n\n{table}"),
            )
        },
        || {
            let all = several
                .iter()
                .map(|buyer| json!({ "id": buyer.id, "name": buyer.name, "country": buyer.country }));
            json!({ "candidates": all.collect::<Vec<_>>() })
        },
    )?;
    Ok(Exit::Failed)
}

impl File {
    async fn read(books: &mut Books, buyer: BuyerRow) -> anyhow::Result<Self> {
        let company = books.company();
        let day = books.head.day();
        let ids = BTreeSet::from([buyer.id.clone()]);
        let breaks = books.tx.open_breaks_of(&company, &ids).await?;
        let limits = books.tx.limit_versions(&company, Some(&ids)).await?;
        let mut deltas = books.tx.deltas(&company, DELTAS_SEARCHED).await?;
        deltas.retain(|row| concerns(&row.data, &buyer.id));
        deltas.truncate(DELTAS_MAX);
        let deltas = deltas::with_days(&mut books.tx, &company, deltas).await?;
        let policies: Vec<Policy> =
            books.head.config.policies.iter().filter(|policy| policy.contains(day)).cloned().collect();
        let accounts = books.tx.accounts_of(&company, &ids).await?;
        let mut requests = Vec::new();
        for policy in &policies {
            let listed = books.tx.listed_requests(&policy.connection).await?;
            let own = listed.into_iter().filter(|request| request.policy == policy.number);
            requests.extend(own.map(|request| (policy.connection.clone(), request)));
        }
        let links = buyers::links::links_of(books, &accounts, &limits).await?;
        let own = accounts.iter().map(|row| (row.connection.clone(), row.external_id.clone())).collect();
        let known_at = encours::clock::now();
        let eves = backdated::read(books, &buyer.id, &own, &limits, known_at).await?;
        let terms_eves = terms::read(books, &buyer.id, &own, known_at).await?;
        let periods = books.head.config.policies.clone();
        let backlogs = books.tx.order_backlogs(&company, Some(&buyer.id)).await?;
        Ok(Self {
            experience: books.tx.experiences(&company, &periods, &ids, day, None).await?.remove(&buyer.id),
            backlogs: backlogs.into_iter().map(|((_, currency), minor)| (currency, minor)).collect(),
            asked: None,
            later: 0,
            group: Group::read(books, &buyer.id, None).await?,
            eves,
            terms_eves,
            periods,
            accounts,
            links,
            items: books.tx.items_of(&company, &buyer.id).await?,
            ratings: books.tx.ratings_of(&company, &buyer.id).await?,
            limits,
            requests,
            stops: books.tx.cover_stops(&company, Some(&ids)).await?,
            breaks,
            deltas,
            policies,
            day,
            buyer,
        })
    }

    /// The same as of a day, from what was known at an instant. Differences, and requests that insurers list, are those of
    /// now and left out.
    async fn of_another_day(
        books: &mut Books,
        mut buyer: BuyerRow,
        mut asked: Asked,
    ) -> anyhow::Result<Self> {
        let company = books.company();
        let Moment { as_of, known_at, .. } = asked.moment;
        let then = books.tx.buyers_known(&company, known_at).await?;
        let own: BTreeSet<(String, String)> =
            then.iter().filter(|(_, id)| **id == buyer.id).map(|(key, _)| key.clone()).collect();
        let known = books.tx.account_versions(&company, Some(&own)).await?;
        let AccountsThen { accounts, mut buyers, begin } = accounts_then(&known, &then, known_at);
        buyer = buyers.remove(&buyer.id).unwrap_or(buyer);
        asked.accounts_begin = begin;
        let mut limits = books.tx.limits_known(&company, known_at).await?;
        limits.retain(|row| row.buyer_id.as_deref() == Some(buyer.id.as_str()));
        let mut links = books.tx.links_known(&company, known_at).await?;
        links.retain(|link| link.buyer_id == buyer.id);
        let versions = books.tx.item_versions(&own, known_at).await?;
        let known = versions.iter().filter(|version| version.is_known_at(known_at));
        let (mut items, later): (Vec<ItemView>, Vec<ItemView>) =
            known.map(ItemVersion::view).partition(|item| item.issued <= as_of);
        items.sort_by_key(|item| item.open_minor == 0);
        let mut deltas = books.tx.deltas_known(&company, DELTAS_SEARCHED, known_at).await?;
        deltas.retain(|row| concerns(&row.data, &buyer.id));
        deltas.truncate(DELTAS_MAX);
        let mut ratings = books.tx.ratings_of(&company, &buyer.id).await?;
        ratings.retain(|row| row.recorded_at <= known_at);
        let eves = backdated::read(books, &buyer.id, &own, &limits, known_at).await?;
        let terms_eves = terms::read(books, &buyer.id, &own, known_at).await?;
        let periods = asked.policies.clone();
        let ids = BTreeSet::from([buyer.id.clone()]);
        let mut experiences = books.tx.experiences(&company, &periods, &ids, as_of, Some(known_at)).await?;
        Ok(Self {
            experience: experiences.remove(&buyer.id),
            backlogs: Vec::new(),
            policies: periods.iter().filter(|policy| policy.contains(as_of)).cloned().collect(),
            later: later.iter().filter(|item| item.open_minor > 0).count(),
            stops: books.tx.stops_known(&company, Some(&buyer.id), known_at).await?,
            deltas: deltas::with_days(&mut books.tx, &company, deltas).await?,
            group: Group::read(books, &buyer.id, Some(&asked)).await?,
            asked: Some(asked),
            periods,
            day: as_of,
            requests: Vec::new(),
            breaks: Vec::new(),
            eves,
            terms_eves,
            accounts,
            links,
            items,
            ratings,
            limits,
            buyer,
        })
    }

    fn open_items(&self) -> anyhow::Result<Vec<OpenItem<'_>>> {
        open_items(&self.items)
    }

    /// What one policy covers. Where the insurer has two ids of one legal buyer, the one with the higher amount counts.
    fn insured<'a>(&'a self, policy: &'a Policy, items: &[OpenItem<'a>]) -> anyhow::Result<Insured<'a>> {
        let own = || {
            self.limits
                .iter()
                .filter(|row| row.connection == policy.connection && row.policy == policy.number)
        };
        let mut latest: BTreeMap<&str, &LimitRow> = BTreeMap::new();
        for row in own() {
            let entry = latest.entry(&row.insurer_buyer_id).or_insert(row);
            if row.version > entry.version {
                *entry = row;
            }
        }
        let current = latest
            .values()
            .max_by_key(|row| (row.payload.amount_minor, std::cmp::Reverse(&row.insurer_buyer_id)))
            .map(|row| row.insurer_buyer_id.as_str());
        let others = latest.keys().copied().filter(|id| Some(*id) != current).collect();
        let mut statements: Vec<&LimitRow> =
            own().filter(|row| Some(row.insurer_buyer_id.as_str()) == current).collect();
        statements.sort_by_key(|row| row.version);
        let history = LimitHistory::from_statements(
            statements.iter().map(|row| (row.seen_on, &row.payload.0)),
            policy.currency,
        )?;
        let known: BTreeSet<&str> = latest
            .keys()
            .copied()
            .chain(self.accounts.iter().filter_map(|account| account.insurer_buyer_id.as_deref()))
            .collect();
        let pending = self.requests.iter().filter(|(connection, request)| {
            *connection == policy.connection
                && request.policy == policy.number
                && known.contains(request.insurer_buyer_id.as_str())
        });
        let pending = pending.map(|(_, request)| request).collect();
        let mut stops = match &self.asked {
            None => stops::remembered(&stops::of_policy(&self.stops, policy))?,
            Some(asked) => stops_on(&self.stops, policy, &self.periods, &[items], asked.moment)?,
        };
        let periods = stops::periods(&self.periods, policy);
        let terms = Terms {
            policy,
            periods,
            buyer: &self.buyer.id,
            country: &self.buyer.country,
            experience: self.experience.as_ref(),
        };
        let (cover, shared, changes, terms_changes) = match self.pooled(policy, items)? {
            // What a decision or other terms changed is told of the buyer alone, which has no figure of its own in a pool.
            Some((held, shared)) => {
                stops = held.stops;
                (held.cover, shared, Vec::new(), Vec::new())
            }
            // The others may owe nothing today and have owed something then.
            None if policy.insured_companies.len() > 1 => {
                (allocate(items, &history, terms.clone(), &stops, self.day)?, None, Vec::new(), Vec::new())
            }
            None => (
                allocate(items, &history, terms.clone(), &stops, self.day)?,
                None,
                backdated::changes(&self.eves, &terms, &statements)?,
                terms::changes(&self.terms_eves, &terms, &statements)?,
            ),
        };
        let is_another_day = self.asked.is_some();
        let mut insured = Insured {
            policy,
            terms,
            statements,
            others,
            pending,
            cover,
            shared,
            stops,
            changes,
            terms_changes,
            is_another_day,
            own: None,
        };
        insured.own = own::computed(&insured, self.day)?;
        Ok(insured)
    }
}

/// What of some items is open, as the pure core takes it.
fn open_items(items: &[ItemView]) -> anyhow::Result<Vec<OpenItem<'_>>> {
    let open = items.iter().filter(|item| item.open_minor > 0);
    open.map(|item| {
        let kind = ItemKind::parse(&item.kind);
        let (kind, currency) = kind.zip(Currency::parse(&item.currency)).ok_or_else(|| {
            anyhow::anyhow!("the ledger holds {} as a {} in {}", item.number, item.kind, item.currency)
        })?;
        Ok(OpenItem {
            connection: &item.connection,
            id: &item.external_id,
            number: &item.number,
            kind,
            currency,
            open_minor: item.open_minor,
            net_minor: net_minor(item.open_minor, item.total_minor, item.tax_minor),
            issued: item.issued,
            original_due: item.original_due,
            disputed: item.disputed,
        })
    })
    .collect()
}

/// Whether the facts of a delta name the buyer.
fn concerns(data: &serde_json::Value, buyer: &str) -> bool {
    let is = |value: Option<&serde_json::Value>| value.and_then(serde_json::Value::as_str) == Some(buyer);
    is(data.get("buyer")) || is(data.get("subject")) || is(data.get("buyer").and_then(|who| who.get("id")))
}

// ------------------------------------------------------------------------------------------------------ for people

impl File {
    fn told(&self, say: Language, owed: &[Exposure], insured: &[Insured<'_>]) -> String {
        let (name, id, day) = (&self.buyer.name, &self.buyer.id, say.date(self.day));
        let mut text = say.of(format!("{name}\n{id}, on {day}\n"), format!("{name}\n{id}, au {day}\n"));
        if let Some(asked) = &self.asked {
            text.push_str(&format!("\n{}", phrases::asked(say, asked, UNKEPT, self.later)));
        }
        let mut part =
            |title: &str, body: String| text.push_str(&format!("\n{title}\n{}", words::indent(&body, 2)));
        part(say.of("Who it is", "Qui c'est"), self.who(say));
        if let Some(told) = self.group.told(say) {
            part(say.of("Its group", "Son groupe"), told);
        }
        part(say.of("What it owes", "Ce qu'il doit"), self.owes(say, owed));
        if !self.ratings.is_empty() {
            part(say.of("How insurers rate it", "Comment les assureurs le notent"), self.rated(say));
        }
        if insured.is_empty() {
            let none = say.of(
                format!("No policy of the configuration covers {day}.\n"),
                format!("Aucune police de la configuration ne garantit le {day}.\n"),
            );
            part(say.of("Cover", "Garantie"), none);
        }
        for insured in insured {
            let (insurer, number) = (&insured.policy.connection, &insured.policy.number);
            let title = say.of(
                format!("What {insurer} has decided, policy {number}"),
                format!("Ce qu'a décidé {insurer}, police {number}"),
            );
            let shared = insured.shared.as_ref();
            let shared = shared.map(|shared| self.group.shared_told(say, &self.buyer.id, shared));
            part(&title, decided(say, insured) + &shared.unwrap_or_default());
            let title =
                say.of("What is covered, invoice by invoice", "Ce qui est garanti, facture par facture");
            part(title, covered(say, insured, &self.items));
        }
        if self.asked.is_none() {
            part(say.of("What is to be done", "Ce qu'il y a à faire"), self.to_do(say));
        }
        part(say.of("What changed last", "Ce qui a changé en dernier"), self.changed(say));
        text
    }
}
