//! What was owed and covered on the date of each invoice, and what is on the day of the pack.
//!
//! On the date of an invoice counts what was open then, as far as the ledger knew it: as of the last cycle of that day, or of
//! the first one that read the invoice where that is later. It is held against the limits and stops of that date as they are
//! known at the instant of the pack, so that a decision which came late counts from its own day.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::Error;
use super::super::past::{Moment, stops_on};
use super::super::pools::{self, Member};
use super::super::settle::statements;
use super::super::stops::periods;
use super::{File, Known, Wanted, shown};
use crate::credit::{
    Cover, Experience, Exposure, LimitAt, LimitHistory, Line, OpenItem, Terms, allocate, exposures,
};
use crate::format::table::Cell;
use crate::ledger::{CoverStopRow, Error as LedgerError, ItemVersion, LimitRow, Tx, accounts_then};
use crate::model::{Currency, Date, Instant, ItemKind, Policy, render_minor};

/// A version of a document of the buyer.
pub(super) struct Document {
    pub(super) kind: ItemKind,
    pub(super) currency: Currency,
    pub(super) version: ItemVersion,
}

impl Document {
    pub(super) fn new(version: ItemVersion) -> Result<Self, Error> {
        let unreadable = |what, value: &str| Error::Ledger(LedgerError::unreadable(what, value));
        Ok(Self {
            kind: ItemKind::parse(&version.kind).ok_or_else(|| unreadable("kind", &version.kind))?,
            currency: Currency::parse(&version.currency)
                .ok_or_else(|| unreadable("currency", &version.currency))?,
            version,
        })
    }

    /// The ERP's connection and key.
    pub(super) fn key(&self) -> Key<'_> {
        (&self.version.connection, &self.version.external_id)
    }

    pub(super) fn amount(&self, minor: i64) -> Cell {
        Cell::Number(render_minor(minor, self.currency))
    }
}

/// A buyer that may share a limit with the one of the pack, or what the same one owes to another insured company.
pub(super) struct Other {
    /// The other insured company; none for that of the pack.
    pub(super) insured: Option<String>,
    pub(super) buyer: String,
    country: String,
    documents: Vec<Document>,
    limits: Vec<LimitRow>,
    stops: Vec<CoverStopRow>,
    experience: Option<Experience>,
}

impl Other {
    pub(super) async fn read(tx: &mut Tx<'_>, wanted: &Wanted<'_>) -> Result<Vec<Self>, Error> {
        let Wanted { company, buyer, moment, policies, .. } = *wanted;
        let others = pools::beside(policies, &BTreeSet::from([buyer.to_owned()]));
        let mut found = Vec::new();
        for insured in pools::insured_with(policies, company) {
            let then = tx.buyers_known(insured, moment.known_at).await?;
            for buyer in others.iter().map(String::as_str).chain([buyer]) {
                let (country, documents) = documents(tx, (insured, &then), buyer, moment).await?;
                if !documents.is_empty() {
                    found.push(Self {
                        insured: Some(insured.to_owned()),
                        buyer: buyer.to_owned(),
                        country,
                        documents,
                        limits: Vec::new(),
                        stops: Vec::new(),
                        experience: None,
                    });
                }
            }
        }
        if others.is_empty() {
            return Ok(found);
        }
        let then = tx.buyers_known(company, moment.known_at).await?;
        let limits = tx.limits_known(company, moment.known_at).await?;
        let (day, known_at) = (moment.as_of, Some(moment.known_at));
        let mut experiences = tx.experiences(company, policies, &others, day, known_at).await?;
        for buyer in others {
            let (country, documents) = documents(tx, (company, &then), &buyer, moment).await?;
            found.push(Self {
                insured: None,
                country,
                documents,
                limits: limits.iter().filter(|row| row.buyer_id.as_ref() == Some(&buyer)).cloned().collect(),
                stops: tx.stops_known(company, Some(&buyer), moment.known_at).await?,
                experience: experiences.remove(&buyer),
                buyer,
            });
        }
        Ok(found)
    }

    fn member(&self, at: Instant, day: Date) -> Member<'_> {
        Member {
            insured: self.insured.as_deref(),
            buyer: &self.buyer,
            country: &self.country,
            items: open_on(&self.documents, at, day),
            limits: self.limits.iter().collect(),
            stops: &self.stops,
            experience: self.experience.as_ref(),
        }
    }
}

/// The country of a buyer of a company and its documents, as they were known at a moment; `then` are the company's buyers of
/// then, by account.
async fn documents(
    tx: &mut Tx<'_>,
    (company, then): (&str, &BTreeMap<(String, String), String>),
    buyer: &str,
    moment: Moment,
) -> Result<(String, Vec<Document>), Error> {
    let own = then.iter().filter(|(_, id)| *id == buyer).map(|(key, _)| key.clone()).collect();
    let versions = tx.item_versions(&own, moment.known_at).await?;
    let versions = versions.into_iter().filter(|version| version.issued <= moment.as_of);
    let versions_of = tx.account_versions(company, Some(&own)).await?;
    let named = accounts_then(&versions_of, then, moment.known_at).buyers.remove(buyer);
    let documents = versions.map(Document::new).collect::<Result<_, _>>()?;
    Ok((named.map_or_else(String::new, |named| named.country), documents))
}

/// What of some documents was open at an instant, of what is dated up to a day.
fn open_on(documents: &[Document], at: Instant, day: Date) -> Vec<OpenItem<'_>> {
    let open = documents.iter().filter(|document| {
        let version = &document.version;
        version.is_known_at(at) && version.issued <= day && version.open_minor > 0
    });
    open.map(|document| OpenItem {
        connection: &document.version.connection,
        id: &document.version.external_id,
        number: &document.version.number,
        kind: document.kind,
        currency: document.currency,
        open_minor: document.version.open_minor,
        net_minor: document.version.net_minor(),
        issued: document.version.issued,
        original_due: document.version.original_due,
        disputed: document.version.disputed,
    })
    .collect()
}

impl Known<'_> {
    /// What was open at an instant of what is dated up to a day.
    pub(super) fn open_on(&self, at: Instant, day: Date) -> Vec<OpenItem<'_>> {
        open_on(&self.documents, at, day)
    }

    /// What a policy covers of items on a day up to that of the pack, by all that is known of its limits and stops.
    /// `at` says from which state of the ledger those come that share its limit.
    pub(super) fn cover<'i>(
        &'i self,
        policy: &Policy,
        items: &[OpenItem<'i>],
        at: Instant,
        day: Date,
    ) -> Result<Cover<'i>, Error> {
        let own: Vec<&LimitRow> = self
            .limits
            .iter()
            .filter(|row| row.connection == policy.connection && row.policy == policy.number)
            .collect();
        let history = LimitHistory::from_statements(statements(&own).1, policy.currency)?;
        let is_ahead = self.wanted.moment.is_ahead && day == self.wanted.moment.as_of;
        let moment = Moment { as_of: day, is_ahead, ..self.wanted.moment };
        if !self.others.is_empty() {
            let mut members = vec![Member {
                insured: None,
                buyer: self.wanted.buyer,
                country: &self.country,
                items: items.to_vec(),
                limits: self.limits.iter().collect(),
                stops: &self.stops,
                experience: self.experience.as_ref(),
            }];
            members.extend(self.others.iter().map(|other| other.member(at, day)));
            let policies = self.wanted.policies;
            let stops_of = |rows: &[CoverStopRow], open: &pools::ByCompany<'_, '_>| {
                stops_on(rows, policy, policies, open, moment)
            };
            let mut covers = pools::covers(policy, policies, &members, day, stops_of)?;
            if let Some(held) = covers.remove(self.wanted.buyer) {
                return Ok(held.cover);
            }
        }
        let stops = stops_on(&self.stops, policy, self.wanted.policies, &[items], moment)?;
        let periods = periods(self.wanted.policies, policy);
        let terms = Terms {
            policy,
            periods,
            buyer: self.wanted.buyer,
            country: &self.country,
            experience: self.experience.as_ref(),
        };
        Ok(allocate(items, &history, terms, &stops, day)?)
    }

    /// When each document was first read.
    pub(super) fn first_read(&self) -> HashMap<Key<'_>, Instant> {
        let mut first: HashMap<Key<'_>, Instant> = HashMap::new();
        for document in &self.documents {
            let at = document.version.recorded_at;
            first.entry(document.key()).and_modify(|known| *known = at.min(*known)).or_insert(at);
        }
        first
    }

    /// What the periods of a day cover of items, with each invoice's line at hand.
    fn covers<'k, 'i>(
        &'k self,
        policies: impl Iterator<Item = &'k Policy>,
        items: &[OpenItem<'i>],
        at: Instant,
        day: Date,
    ) -> Result<Vec<Covered<'k, 'i>>, Error>
    where
        'k: 'i,
    {
        let covers = policies.map(|policy| {
            let cover = self.cover(policy, items, at, day)?;
            let lines = cover.lines.iter().map(|line| ((line.connection, line.id), *line)).collect();
            Ok(Covered { policy, today: cover.today, lines })
        });
        covers.collect()
    }

    pub(super) fn cover_csv(&self) -> Result<File, Error> {
        let moment = self.wanted.moment;
        let open_now = self.open_on(moment.known_at, moment.as_of);
        let first_read = self.first_read();
        let invoices = self.documents.iter().filter(|document| {
            document.kind == ItemKind::Invoice && document.version.is_known_at(moment.known_at)
        });
        let now = self.covers(self.policies.iter().copied(), &open_now, moment.known_at, moment.as_of)?;
        let mut rows = Vec::new();
        // Documents stand in the order of their dates, so what was reckoned of one serves all of its date and state.
        let mut day_before: Option<Date> = None;
        let mut of_day: BTreeMap<Instant, Then<'_, '_>> = BTreeMap::new();
        let mut cycle: Option<Instant> = None;
        for document in invoices {
            let (version, day) = (&document.version, document.version.issued);
            if day_before != Some(day) {
                day_before = Some(day);
                of_day.clear();
                let until = self.runs.iter().filter(|run| run.on_date <= day);
                cycle = until.map(|run| run.started_at).max();
            }
            let first = first_read.get(&document.key()).copied();
            let state = cycle.max(first).unwrap_or(moment.known_at);
            let then = match of_day.entry(state) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    let open = self.open_on(state, day);
                    let periods = self.policies.iter().copied().filter(|policy| policy.contains(day));
                    free.insert(Then {
                        owed: exposures(&open, day)?,
                        covers: self.covers(periods, &open, state, day)?,
                    })
                }
            };
            let owed = then.owed.iter().find(|one| one.currency == document.currency);
            let mut head = vec![
                text(&version.connection),
                text(&version.external_id),
                text(&version.number),
                text(day),
                text(version.original_due),
                text(document.currency),
                document.amount(version.total_minor),
                text(shown(state)),
                document.amount(owed.map_or(0, |one| one.outstanding_minor)),
            ];
            let periods: Vec<_> = now.iter().filter(|now| now.policy.contains(day)).collect();
            if periods.is_empty() {
                head.resize(COVER.len(), Cell::Empty);
                rows.push(head);
                continue;
            }
            for (then, now) in then.covers.iter().zip(periods) {
                let policy = then.policy;
                let mut row = head.clone();
                row.extend([
                    text(&policy.connection),
                    text(&policy.number),
                    text(policy.currency),
                    Cell::Number(render_minor(then.today.cap_minor, policy.currency)),
                    text(then.today.reason),
                    then.today.since.map_or(Cell::Empty, text),
                ]);
                row.extend(line_cells(document, then));
                row.extend(line_cells(document, now));
                rows.push(row);
            }
        }
        super::tables::csv(
            "cover.csv",
            "every invoice: what was owed on its date, the limit of that date, what was open and covered of it then, and what is on the \
             day of this pack",
            COVER,
            &rows,
        )
    }
}

/// How an item is known: the ERP's connection and key.
pub(super) type Key<'a> = (&'a str, &'a str);

/// What one policy covers on a day, line by line.
struct Covered<'k, 'i> {
    policy: &'k Policy,
    today: LimitAt,
    lines: HashMap<Key<'i>, Line<'i>>,
}

/// What was owed and covered on a day, from one state of the ledger.
struct Then<'k, 'i> {
    owed: Vec<Exposure>,
    covers: Vec<Covered<'k, 'i>>,
}

const COVER: &[&str] = &[
    "connection",
    "external_id",
    "number",
    "issued",
    "original_due",
    "currency",
    "total",
    "then_known_at",
    "owed_then",
    "insurer",
    "policy",
    "policy_currency",
    "limit_then",
    "limit_reason",
    "limit_since",
    "open_then",
    "covered_then",
    "not_covered_then",
    "why_then",
    "open_on_day",
    "covered_on_day",
    "not_covered_on_day",
    "why_on_day",
];

/// Open, covered, not covered and why; open is zero where the invoice was settled.
fn line_cells(document: &Document, covered: &Covered<'_, '_>) -> [Cell; 4] {
    match covered.lines.get(&document.key()) {
        Some(line) => [
            document.amount(line.open_minor),
            document.amount(line.covered_minor),
            document.amount(line.uncovered_minor),
            text(line.reason),
        ],
        None => [document.amount(0), Cell::Empty, Cell::Empty, text("settled")],
    }
}

/// A cell of text.
pub(super) fn text(value: impl ToString) -> Cell {
    Cell::Text(value.to_string())
}
