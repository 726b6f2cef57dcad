//! `encours explain`: one buyer's whole story, from the ERP's records to what the insurer would pay.
//!
//! Nothing here decides anything: the figures are computed by the pure core from the records of the ledger, and every
//! line of cover keeps the numbers it was decided with.

mod backdated;
mod basis;
mod json;
mod own;
mod stated;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use encours::credit::{
    CapReason, Computed, Cover, Experience, Exposure, LimitAt, LimitHistory, Line, OpenItem, Reason, Stops,
    Terms, allocate, exposures,
};
use encours::engine::past::{Moment, stops_on};
use encours::engine::stops;
use encours::ledger::{
    AccountRow, BreakRow, BuyerRow, CoverStopRow, DeltaRow, ItemVersion, ItemView, LimitRow, LinkRow,
    RatingRow,
};
use encours::model::{Currency, Date, Exclusion, ItemKind, Limit, LimitRequest, Policy, net_minor};
use serde_json::json;

use super::table::{Column, Table, amount, plural};
use super::time::{self, Asked, Unkept};
use super::{Books, Context, Exit, buyers, deltas, limits, words};
use backdated::{Change, Eve};
use stated::{asked, stated_twice};

/// How many settled items are shown, the newest ones.
const SETTLED_MAX: usize = 5;

/// How many deltas are shown.
const DELTAS_MAX: usize = 10;

/// How many of the company's last deltas are searched for the buyer's.
const DELTAS_SEARCHED: i64 = 5_000;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An account code, a registry number, a buyer id, or a part of the name
    buyer: String,
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
    /// The stops of its cover, also those that were lifted.
    stops: Vec<CoverStopRow>,
    day: Date,
    /// The moment that was asked for, where it is not now.
    asked: Option<Asked>,
    /// Open documents that are known and dated after the day.
    later: usize,
    /// What was known before decisions were read that reach back.
    eves: Vec<Eve>,
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
    stops: Stops,
    /// What decisions changed that reach back before the day on which they were read.
    changes: Vec<Change>,
    is_another_day: bool,
    /// How its discretionary limit was computed, where that counts.
    own: Option<Computed>,
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read; nobody, or several, that answer to the text.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
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
            return candidates(context, &args.buyer, several);
        }
    };
    let file = match asked {
        None => File::read(&mut books, buyer).await?,
        Some(asked) => File::of_another_day(&mut books, buyer, asked).await?,
    };
    books.close().await?;
    let items = file.open_items()?;
    let owed = exposures(&items, file.day)?;
    let insured = file
        .policies
        .iter()
        .map(|policy| file.insured(policy, &items))
        .collect::<anyhow::Result<Vec<_>>>()?;
    context.answer(|| file.told(&owed, &insured), || file.json(&owed, &insured))?;
    Ok(Exit::Fine)
}

fn candidates(context: &Context, text: &str, several: &[BuyerRow]) -> anyhow::Result<Exit> {
    context.answer(
        || {
            let mut table = Table::new(&[Column::Text("buyer"), Column::Word("country"), Column::Word("id")]);
            for buyer in several {
                table.row([buyer.name.clone(), buyer.country.clone(), buyer.id.clone()]);
            }
            format!(
                "{} answer to \"{text}\". Which one? Ask again with its id.\n\n{table}",
                plural(several.len(), "buyer", "buyers")
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
        let periods = books.head.config.policies.clone();
        Ok(Self {
            experience: books.tx.experiences(&company, &periods, &ids, day, None).await?.remove(&buyer.id),
            asked: None,
            later: 0,
            eves,
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
    async fn of_another_day(books: &mut Books, buyer: BuyerRow, asked: Asked) -> anyhow::Result<Self> {
        let company = books.company();
        let Moment { as_of, known_at, .. } = asked.moment;
        let then = books.tx.buyers_known(&company, known_at).await?;
        let own: BTreeSet<(String, String)> =
            then.into_iter().filter(|(_, id)| *id == buyer.id).map(|(key, _)| key).collect();
        let mut accounts = books.tx.accounts(&company).await?;
        accounts.retain(|row| own.contains(&(row.connection.clone(), row.external_id.clone())));
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
        let periods = books.head.config.policies.clone();
        let ids = BTreeSet::from([buyer.id.clone()]);
        let mut experiences = books.tx.experiences(&company, &periods, &ids, as_of, Some(known_at)).await?;
        Ok(Self {
            experience: experiences.remove(&buyer.id),
            policies: periods.iter().filter(|policy| policy.contains(as_of)).cloned().collect(),
            later: later.iter().filter(|item| item.open_minor > 0).count(),
            stops: books.tx.stops_known(&company, Some(&buyer.id), known_at).await?,
            deltas: deltas::with_days(&mut books.tx, &company, deltas).await?,
            asked: Some(asked),
            periods,
            day: as_of,
            requests: Vec::new(),
            breaks: Vec::new(),
            eves,
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
        let stops = match &self.asked {
            None => stops::remembered(&stops::of_policy(&self.stops, policy))?,
            Some(asked) => stops_on(&self.stops, policy, &self.periods, items, asked.moment)?,
        };
        let periods = stops::periods(&self.periods, policy);
        let terms = Terms {
            policy,
            periods,
            buyer: &self.buyer.id,
            country: &self.buyer.country,
            experience: self.experience.as_ref(),
        };
        let cover = allocate(items, &history, terms.clone(), &stops, self.day)?;
        let changes = backdated::changes(&self.eves, &terms, &statements)?;
        let is_another_day = self.asked.is_some();
        let mut insured = Insured {
            policy,
            terms,
            statements,
            others,
            pending,
            cover,
            stops,
            changes,
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
    fn told(&self, owed: &[Exposure], insured: &[Insured<'_>]) -> String {
        let mut text = format!("{}\n{}, on {}\n", self.buyer.name, self.buyer.id, self.day);
        if let Some(asked) = &self.asked {
            text.push_str(&format!("\n{}", asked.told(UNKEPT, self.later)));
        }
        let mut part =
            |title: &str, body: String| text.push_str(&format!("\n{title}\n{}", words::indent(&body, 2)));
        part("Who it is", self.who());
        part("What it owes", self.owes(owed));
        if !self.ratings.is_empty() {
            part("How insurers rate it", self.rated());
        }
        if insured.is_empty() {
            part("Cover", format!("No policy of the configuration covers {}.\n", self.day));
        }
        for insured in insured {
            let title =
                format!("What {} has decided, policy {}", insured.policy.connection, insured.policy.number);
            part(&title, decided(insured));
            part("What is covered, invoice by invoice", covered(insured, &self.items));
        }
        if self.asked.is_none() {
            part("What is to be done", self.to_do());
        }
        part("What changed last", self.changed());
        text
    }

    fn rated(&self) -> String {
        let line = |row: &RatingRow| {
            let rating = &row.payload;
            let class = rating.class.as_ref().map_or_else(String::new, |class| format!(" ({class})"));
            let before = rating.previous.as_ref().filter(|previous| **previous != rating.rating);
            let before = before.map_or_else(String::new, |previous| format!(", {previous} before"));
            let since = rating.changed_on.map_or_else(String::new, |day| format!(", since {day}"));
            format!(
                "{}: {}{class}{before}{since}; first read on {}\n",
                row.connection, rating.rating, row.seen_on
            )
        };
        self.ratings.iter().map(line).collect()
    }

    fn who(&self) -> String {
        let mut text = String::new();
        for account in &self.accounts {
            text.push_str(&format!("Account {} in {}: {}", account.code, account.connection, account.name));
            if !account.country.is_empty() {
                text.push_str(&format!(", {}", account.country));
            }
            text.push('\n');
            let ids: Vec<String> = account
                .identifiers()
                .map(|id| {
                    let sound = if id.is_sound() {
                        ""
                    } else {
                        " (wrong: its check digits do not fit, so it identifies nobody)"
                    };
                    format!("{} {}{sound}", id.scheme.as_str().to_uppercase(), id.value)
                })
                .collect();
            let ids = if ids.is_empty() {
                "no registry number: the insurer's limits cannot find it".to_owned()
            } else {
                ids.join(", ")
            };
            text.push_str(&format!("  {ids}\n"));
            text.push_str(&buyers::links::account_told(&self.links, account));
            if let Some(id) = &account.insurer_buyer_id {
                text.push_str(&format!("  known to the insurer as {id}\n"));
            }
            text.push_str(&match account.limit() {
                Some((minor, currency)) => {
                    format!("  the ERP holds a limit of {} {currency}\n", amount(minor, currency))
                }
                None => "  the ERP holds no limit\n".to_owned(),
            });
        }
        text.push_str(&buyers::links::insurers_told(&self.links));
        if self.accounts.len() > 1 {
            text.push_str("These accounts are one legal buyer, and share its cover.\n");
        }
        text
    }

    fn owes(&self, owed: &[Exposure]) -> String {
        let mut text = String::new();
        for e in owed {
            text.push_str(&exposure_sentence(e));
        }
        if owed.is_empty() {
            text.push_str("Nothing.\n");
        }
        let open: Vec<&ItemView> = self.items.iter().filter(|item| item.open_minor > 0).collect();
        if !open.is_empty() {
            let mut table = Table::new(&[
                Column::Word("number"),
                Column::Word("kind"),
                Column::Word("date"),
                Column::Word("due"),
                Column::Figure("late"),
                Column::Figure("total"),
                Column::Figure("open"),
                Column::Word(""),
                Column::Text("remarks"),
            ])
            .indented(2);
            for item in open {
                table.row(self.item_cells(item));
            }
            text.push_str(&format!("\n{table}"));
        }
        let mut settled: Vec<&ItemView> = self.items.iter().filter(|item| item.open_minor == 0).collect();
        settled.sort_by_key(|item| std::cmp::Reverse(item.issued));
        if !settled.is_empty() {
            let numbers: Vec<&str> =
                settled.iter().take(SETTLED_MAX).map(|item| item.number.as_str()).collect();
            let more = if settled.len() > SETTLED_MAX { ", …" } else { "" };
            text.push_str(&format!(
                "\nSettled since the first reading: {} ({}{more})\n",
                settled.len(),
                numbers.join(", ")
            ));
        }
        text
    }

    fn item_cells(&self, item: &ItemView) -> Vec<String> {
        let sign = ItemKind::parse(&item.kind).map_or(1, ItemKind::sign);
        let money = |minor: i64| {
            Currency::parse(&item.currency).map_or_else(|| minor.to_string(), |c| amount(minor, c))
        };
        let invoice = item.kind == ItemKind::Invoice.as_str();
        let late = self.day.signed_duration_since(item.original_due).num_days();
        let mut remarks = Vec::new();
        if item.disputed {
            remarks.push("disputed".to_owned());
        }
        if item.due_estimated {
            remarks.push("due date estimated from terms".to_owned());
        }
        if item.original_due != item.due {
            remarks.push(format!("first due {}", item.original_due));
        }
        if self.accounts.len() > 1 {
            remarks.push(format!("account {}", item.account));
        }
        vec![
            item.number.clone(),
            item.kind.replace('_', " "),
            item.issued.to_string(),
            if invoice { item.due.to_string() } else { String::new() },
            if invoice && late > 0 { format!("{late} d") } else { String::new() },
            money(sign * item.total_minor),
            money(sign * item.open_minor),
            item.currency.clone(),
            remarks.join(", "),
        ]
    }

    fn to_do(&self) -> String {
        if self.breaks.is_empty() {
            return "Nothing: both sides agree on this buyer.\n".to_owned();
        }
        let mut text = String::new();
        for row in &self.breaks {
            let Ok(found) = row.to_break() else { continue };
            let age = match words::age(row.opened_on, self.day) {
                today if today == "today" => "since today".to_owned(),
                days => format!("for {days}"),
            };
            text.push_str(&format!("{} ({age}): {}\n", found.kind, words::break_meaning(found.kind)));
            let theirs = if found.theirs.is_empty() {
                String::new()
            } else {
                format!("; their side: {}", found.theirs)
            };
            text.push_str(&format!(
                "  our side: {}{theirs}\n  next: {}\n",
                found.ours,
                found.kind.next_step()
            ));
        }
        text
    }

    fn changed(&self) -> String {
        if self.deltas.is_empty() {
            return "Nothing was said about this buyer yet.\n".to_owned();
        }
        let lines = self.deltas.iter().map(|(day, row)| format!("{day}  {}  {}\n", row.event, row.summary));
        lines.collect()
    }
}

fn exposure_sentence(e: &Exposure) -> String {
    let money = |minor| format!("{} {}", amount(minor, e.currency), e.currency);
    let invoiced = e.outstanding_minor + e.credits_minor + e.unallocated_minor;
    let mut text = if e.outstanding_minor < 0 {
        format!("Nothing in {}: we owe it {}", e.currency, money(-e.outstanding_minor))
    } else {
        money(e.outstanding_minor)
    };
    text.push_str(&format!(": {} for {}", plural(e.invoice_count, "invoice", "invoices"), money(invoiced)));
    if e.credits_minor > 0 {
        text.push_str(&format!(", less {} of credit notes", money(e.credits_minor)));
    }
    if e.unallocated_minor > 0 {
        text.push_str(&format!(", less {} received and not yet allocated", money(e.unallocated_minor)));
    }
    text.push_str(".\n");
    let ages = [
        (e.not_due_minor, "not due"),
        (e.overdue_1_30_minor, "1–30 days late"),
        (e.overdue_31_60_minor, "31–60 days late"),
        (e.overdue_61_90_minor, "61–90 days late"),
        (e.overdue_over_90_minor, "more than 90 days late"),
    ];
    let ages = ages.iter().filter(|(minor, _)| *minor != 0);
    let ages: Vec<String> = ages.map(|(minor, age)| format!("{} {age}", money(*minor))).collect();
    if !ages.is_empty() {
        text.push_str(&format!("  Of the invoices: {}.\n", ages.join(", ")));
    }
    if e.disputed_minor > 0 {
        text.push_str(&format!("  The buyer contests {}.\n", money(e.disputed_minor)));
    }
    text
}

fn decided(insured: &Insured<'_>) -> String {
    let mut text = String::new();
    let policy = insured.policy;
    let money = |minor| format!("{} {}", amount(minor, policy.currency), policy.currency);
    if let Some(row) = insured.statements.last() {
        let rating =
            row.payload.rating.as_ref().map_or_else(String::new, |rating| format!(", rating {rating}"));
        text.push_str(&format!(
            "The insurer knows it as {}, \"{}\"{rating}.\n",
            row.insurer_buyer_id, row.payload.buyer_name
        ));
    }
    if !insured.others.is_empty() {
        text.push_str(&format!(
            "It also knows it as {}; the higher cover counts.\n",
            insured.others.join(", ")
        ));
    }
    // A rate that moved every day is no decision: such a statement is told once, with what it says last.
    for alike in insured.statements.chunk_by(|one, next| one.payload.counts_like(&next.payload)) {
        if let (Some(first), Some(last)) = (alike.first(), alike.last()) {
            text.push_str(&statement(last, first.seen_on));
        }
    }
    for request in &insured.pending {
        text.push_str(&asked(request));
    }
    for change in &insured.changes {
        text.push_str(&change.told(policy.currency));
    }
    let LimitAt { cap_minor, reason, since } = insured.cover.today;
    let when = if insured.is_another_day { "that day" } else { "today" };
    let since = since.map_or_else(String::new, |day| format!(" since {day}"));
    text.push_str(&match reason {
        CapReason::Granted => format!("The limit {when} is {}{since}.\n", money(cap_minor)),
        CapReason::Discretionary if cap_minor > 0 => {
            format!("Nothing was ever decided: the discretionary limit of {} counts.\n", money(cap_minor))
        }
        CapReason::Discretionary if insured.own.is_some() => {
            "Nothing was ever decided, and the discretionary limit is zero.\n".to_owned()
        }
        CapReason::Discretionary => {
            "Nothing was ever decided, and the policy has no discretionary limit.\n".to_owned()
        }
        CapReason::Refused => format!("There is no cover {when}: refused{since}.\n"),
        CapReason::Withdrawn => format!("There is no cover {when}: withdrawn{since}.\n"),
        CapReason::Cancelled => format!("There is no cover {when}: given up{since}.\n"),
        CapReason::Expired => format!("There is no cover {when}: it has expired.\n"),
        CapReason::Zero => format!("There is no cover {when}: the limit is zero{since}.\n"),
        CapReason::Excluded => format!("There is no cover {when}: the policy does not insure this buyer.\n"),
    });
    text.push_str(&own::told(insured));
    if let Some(stop) = insured.stops.in_force() {
        text.push_str(&super::stops::told(stop));
    }
    text
}

/// `2026-03-10  reduced (DC09): 40 000.00 EUR, asked for 100 000.00`, with conditions below.
fn statement(row: &LimitRow, read_on: Date) -> String {
    let limit: &Limit = &row.payload;
    let money = |minor| amount(minor, limit.currency);
    let mut text = format!(
        "{}  {} ({}): {} {}",
        limit.effective_from,
        words::decision(limit.decision),
        limit.decision_code,
        money(limit.amount_minor),
        limit.currency
    );
    if let Some(asked) = limit.requested_minor.filter(|asked| *asked != limit.amount_minor && *asked > 0) {
        text.push_str(&format!(", {} were asked for", money(asked)));
    }
    let end = limits::end(limit);
    if !end.is_empty() {
        text.push_str(&format!(", {end}"));
    }
    if let Some(other) = &limit.in_other_currency {
        text.push_str(&stated_twice(other));
    }
    if let Some(decided) = limit.decided_on.filter(|day| *day != limit.effective_from) {
        text.push_str(&format!(", decided on {decided}"));
    }
    text.push_str(&format!("; first read on {read_on}\n"));
    for condition in &limit.conditions {
        text.push_str(&format!("            {} {}\n", condition.code, condition.text));
    }
    text
}

fn covered(insured: &Insured<'_>, items: &[ItemView]) -> String {
    let (policy, cover) = (insured.policy, &insured.cover);
    let money = |minor| format!("{} {}", amount(minor, policy.currency), policy.currency);
    if cover.lines.is_empty() {
        return format!(
            "No invoice is open. A new one would be held against {}.\n",
            money(cover.today.cap_minor)
        );
    }
    let mut text =
        "Each invoice is held against the limit of its own date, less what older invoices use of it.\n"
            .to_owned();
    text.push_str(&basis::above(insured));
    let mut table = Table::new(&[
        Column::Word("number"),
        Column::Word("date"),
        Column::Figure("open"),
        Column::Figure("limit then"),
        Column::Figure("used before"),
        Column::Figure("covered"),
        Column::Figure("not covered"),
        Column::Text("why"),
    ])
    .indented(2);
    for line in &cover.lines {
        let money = |minor| amount(minor, line.currency);
        let mut why = why(line, insured);
        if line.credited_minor > 0 && line.reason != Reason::SettledByCredits {
            why = format!("{} settled by open credits; {why}", money(line.credited_minor));
        }
        why.push_str(basis::behind(line));
        // An instalment has the number of its invoice: its due date tells it apart.
        let twins = items.iter().filter(|item| item.open_minor > 0 && item.number == line.number).count();
        let number = if twins > 1 {
            format!("{} due {}", line.number, line.original_due)
        } else {
            line.number.to_owned()
        };
        table.row([
            number,
            line.issued.to_string(),
            format!(
                "{}{}",
                money(line.open_minor),
                if line.currency == policy.currency { String::new() } else { format!(" {}", line.currency) }
            ),
            line.limit.map_or_else(|| "–".to_owned(), |limit| money(limit.cap_minor)),
            line.limit.map_or_else(|| "–".to_owned(), |_| amount(line.used_before_minor, policy.currency)),
            money(line.covered_minor),
            money(line.uncovered_minor),
            why,
        ]);
    }
    text.push_str(&format!("\n{table}\n"));
    text.push_str(&result(insured));
    if cover.credit_balance_minor > 0 {
        text.push_str(&format!(
            "{} of open credits settle no invoice: we owe them to the buyer.\n",
            money(cover.credit_balance_minor)
        ));
    }
    text
}

/// What all lines come to: covered, uninsured, what the insurer would pay, what is left of the limit.
fn result(insured: &Insured<'_>) -> String {
    let (policy, cover) = (insured.policy, &insured.cover);
    let money = |minor| format!("{} {}", amount(minor, policy.currency), policy.currency);
    let mut text = String::new();
    if cover.outstanding_minor <= 0 {
        text.push_str(&format!("Nothing is owed in {}, so there is nothing to cover.\n", policy.currency));
    } else {
        let owed = money(cover.outstanding_minor);
        text.push_str(&format!(
            "Covered: {} of the {owed}{} owed in {}.",
            money(cover.covered_minor),
            basis::of_owed(insured),
            policy.currency
        ));
        let uninsured = money(cover.uninsured_minor);
        text.push_str(&match (cover.beyond_limit_minor, cover.ineligible_minor) {
            (0, 0) => String::new(),
            (_, 0) => format!(" Uninsured: {uninsured}, beyond the limit."),
            (0, _) => format!(" Uninsured: {uninsured}, which the policy does not insure."),
            (beyond, not) => format!(
                " Uninsured: {uninsured}, of which {} beyond the limit and {} that the policy does not insure.",
                money(beyond),
                money(not)
            ),
        });
        text.push('\n');
        if cover.covered_minor > 0 {
            let indemnity = money(cover.indemnity_minor);
            let one = |period: &&Policy| {
                period.insured_percentage == policy.insured_percentage
                    && period.discretionary_percentage.is_none()
            };
            let share = match insured.terms.periods.iter().all(one) {
                true => format!("{} % of what is covered", policy.insured_percentage.normalize()),
                false => "by the percentage of each invoice's period and kind of limit".to_owned(),
            };
            text.push_str(&format!("If it does not pay, the insurer pays {indemnity} ({share}).\n"));
        }
    }
    let free = (cover.today.cap_minor - cover.covered_minor).max(0);
    let limit = if insured.is_another_day { "the limit of that day" } else { "today's limit" };
    text.push_str(&match (cover.today.cap_minor, free) {
        _ if insured.stops.in_force().is_some() => {
            "A new invoice would not be covered: cover is stopped.\n".to_owned()
        }
        (0, _) => "A new invoice would not be covered.\n".to_owned(),
        (_, 0) => format!("A new invoice would find no room in {limit}.\n"),
        (_, free) => format!("A new invoice would find room for {} in {limit}.\n", money(free)),
    });
    text
}

/// Why a line is covered as far as it is.
fn why(line: &Line<'_>, insured: &Insured<'_>) -> String {
    let policy = insured.terms.period_of(line.issued).unwrap_or(insured.policy);
    match line.reason {
        Reason::CurrencyNotCovered => {
            format!("the policy covers {}, the invoice is in {}", policy.currency, line.currency)
        }
        Reason::OutsidePeriod => {
            let end = policy.valid_to.map_or_else(String::new, |day| format!(" to {day}"));
            format!("not invoiced in a period of the policy (today's is from {}{end})", policy.valid_from)
        }
        Reason::ExcludedBuyer => match policy.exclusion(insured.terms.buyer, insured.terms.country) {
            Some(Exclusion::Buyer(kind)) => {
                format!("the policy does not insure it: {}", words::buyer_kind(kind))
            }
            Some(Exclusion::Country) | None => "the policy does not insure it".to_owned(),
        },
        Reason::ExcludedCountry => format!("the policy does not insure buyers in {}", insured.terms.country),
        Reason::TermsTooLong => {
            let terms = line.original_due.signed_duration_since(line.issued).num_days();
            let most = policy
                .maximum_terms_days
                .map_or_else(String::new, |days| format!(", the policy insures at most {days}"));
            format!("{terms} days of credit{most}")
        }
        Reason::Disputed => "the buyer contests it".to_owned(),
        Reason::AfterCoverStop => {
            insured.stops.at(line.issued).map_or_else(String::new, super::stops::reason)
        }
        Reason::SettledByCredits => "open credits settle it".to_owned(),
        Reason::Covered => match line.limit.map(|limit| limit.reason) {
            Some(CapReason::Discretionary) => "within the discretionary limit".to_owned(),
            _ => "within the limit".to_owned(),
        },
        Reason::LimitUsed if line.covered_minor > 0 => {
            "older invoices leave only this much of the limit".to_owned()
        }
        Reason::LimitUsed => "older invoices use up the limit of that day".to_owned(),
        Reason::NoLimit => match line.limit.map(|limit| limit.reason) {
            Some(CapReason::Refused) => "cover was refused".to_owned(),
            Some(CapReason::Withdrawn) => "cover had been withdrawn".to_owned(),
            Some(CapReason::Cancelled) => "cover had been given up".to_owned(),
            Some(CapReason::Expired) => "cover had ended".to_owned(),
            Some(CapReason::Discretionary) => "never decided, and no discretionary limit".to_owned(),
            Some(CapReason::Zero | CapReason::Granted | CapReason::Excluded) | None => {
                "the limit was zero".to_owned()
            }
        },
    }
}
