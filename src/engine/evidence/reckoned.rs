//! What was owed and covered on the date of each invoice, and what is on the day of the pack.
//!
//! On the date of an invoice counts what was open then, as far as the ledger knew it: as of the last cycle of that day, or of
//! the first one that read the invoice where that is later. It is held against the limits and stops of that date as they are
//! known at the instant of the pack, so that a decision which came late counts from its own day.

use super::super::Error;
use super::super::past::{Moment, stops_on};
use super::super::settle::statements;
use super::super::stops::periods;
use super::{File, Known, shown};
use crate::credit::{Cover, LimitHistory, Line, OpenItem, Terms, allocate, exposures};
use crate::format::table::Cell;
use crate::ledger::{Error as LedgerError, ItemVersion, LimitRow};
use crate::model::{Currency, Date, Instant, ItemKind, Policy, render_minor};

/// A version of a document of the buyer.
pub(super) struct Document {
    /// Connection and key: two ERPs may use the same one.
    pub(super) id: String,
    pub(super) kind: ItemKind,
    pub(super) currency: Currency,
    pub(super) version: ItemVersion,
}

impl Document {
    pub(super) fn new(version: ItemVersion) -> Result<Self, Error> {
        let unreadable = |what, value: &str| Error::Ledger(LedgerError::unreadable(what, value));
        Ok(Self {
            id: format!("{}/{}", version.connection, version.external_id),
            kind: ItemKind::parse(&version.kind).ok_or_else(|| unreadable("kind", &version.kind))?,
            currency: Currency::parse(&version.currency)
                .ok_or_else(|| unreadable("currency", &version.currency))?,
            version,
        })
    }

    fn is(&self, line: &Line<'_>) -> bool {
        line.connection == self.version.connection && line.id == self.version.external_id
    }

    pub(super) fn amount(&self, minor: i64) -> Cell {
        Cell::Number(render_minor(minor, self.currency))
    }
}

impl Known<'_> {
    /// What was open at an instant of what is dated up to a day.
    pub(super) fn open_on(&self, at: Instant, day: Date) -> Vec<OpenItem<'_>> {
        let open = self.documents.iter().filter(|document| {
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

    /// What a policy covers of items on a day up to that of the pack, by all that is known of its limits and stops.
    pub(super) fn cover<'i>(
        &self,
        policy: &Policy,
        items: &[OpenItem<'i>],
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
        let stops = stops_on(&self.stops, policy, self.wanted.policies, items, moment)?;
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

    /// From which state of the ledger the date of an invoice is reckoned.
    fn state_of(&self, id: &str, day: Date) -> Instant {
        let of_day = self.runs.iter().filter(|run| run.on_date <= day).map(|run| run.started_at).max();
        let versions = self.documents.iter().filter(|document| document.id == id);
        let first = versions.map(|document| document.version.recorded_at).min();
        of_day.max(first).unwrap_or(self.wanted.moment.known_at)
    }

    pub(super) fn cover_csv(&self) -> Result<File, Error> {
        let moment = self.wanted.moment;
        let open_now = self.open_on(moment.known_at, moment.as_of);
        let invoices = self.documents.iter().filter(|document| {
            document.kind == ItemKind::Invoice && document.version.is_known_at(moment.known_at)
        });
        let now: Vec<(&Policy, Cover<'_>)> = self
            .policies
            .iter()
            .map(|policy| Ok((*policy, self.cover(policy, &open_now, moment.as_of)?)))
            .collect::<Result<_, Error>>()?;
        let mut rows = Vec::new();
        for document in invoices {
            let (version, day) = (&document.version, document.version.issued);
            let state = self.state_of(&document.id, day);
            let open_then = self.open_on(state, day);
            let owed = exposures(&open_then, day)?;
            let owed = owed.iter().find(|one| one.currency == document.currency);
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
            let periods: Vec<_> = now.iter().filter(|(policy, _)| policy.contains(day)).collect();
            if periods.is_empty() {
                head.resize(COVER.len(), Cell::Empty);
                rows.push(head);
                continue;
            }
            for (policy, now) in periods {
                let then = self.cover(policy, &open_then, day)?;
                let mut row = head.clone();
                row.extend([
                    text(&policy.connection),
                    text(&policy.number),
                    text(policy.currency),
                    Cell::Number(render_minor(then.today.cap_minor, policy.currency)),
                    text(then.today.reason),
                    then.today.since.map_or(Cell::Empty, text),
                ]);
                row.extend(line_cells(document, &then));
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
fn line_cells(document: &Document, cover: &Cover<'_>) -> [Cell; 4] {
    let line: Option<&Line<'_>> = cover.lines.iter().find(|line| document.is(line));
    match line {
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
