//! The ledger's history under a draft of a policy, beside the policy in force.
//!
//! The pure core replays one buyer; this module brings it each buyer's items, one buyer at a time, and what is small beside
//! them: limits, stops that a person lifted, notices and requests that were made. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use super::settle::statements;
use super::{Error, stops};
use crate::credit::replay::{Held, History, Replayed, Totals, Why, Window, average, replay};
use crate::credit::{Experience, Lift, Lifted, LimitHistory, OpenItem};
use crate::ledger::{CoverStopRow, Error as LedgerError, ItemSpan, LimitRow, RunDay, Tx, business_day};
use crate::model::{Action, Currency, Date, EffectKind, EffectState, ItemKind, Policy, net_minor};

/// So many buyers are named, those with the greatest differences.
const MOVERS_MAX: usize = 10;

/// What is replayed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The company.
    pub company: &'a str,
    /// The periods of the policy in force; at least one.
    pub in_force: &'a [&'a Policy],
    /// The periods of the draft, in the same currency.
    pub draft: &'a [&'a Policy],
    /// Every policy period of the configuration, in its order: they say whose buyers are whose.
    pub policies: &'a [Policy],
    /// From when to when.
    pub window: Window,
}

/// A buyer on whom the two policies differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mover {
    /// Its id.
    pub buyer: String,
    /// What the draft leaves uninsured more than the policy in force, on average of the days; minor units.
    pub uninsured_minor: i64,
    /// What the insurer would pay more, likewise.
    pub indemnity_minor: i64,
    /// The reason that makes most of it.
    pub why: Option<Why>,
}

/// What came out.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The sums of all buyers.
    pub totals: Totals,
    /// The buyers with the greatest differences, the greatest first.
    pub movers: Vec<Mover>,
    /// How many buyers were replayed.
    pub buyers: usize,
    /// … and on how many of them the two differ.
    pub differing: usize,
}

/// What is known of the buyers beside their items.
#[derive(Default)]
struct Known {
    countries: BTreeMap<String, String>,
    limits: BTreeMap<String, Vec<LimitRow>>,
    /// Buyers on whom another policy has decided.
    of_others: BTreeSet<String>,
    lifts: BTreeMap<String, Vec<Lift>>,
    /// By buyer: the keys of invoices with the days of their notices.
    notified: BTreeMap<String, Option<Date>>,
    requests: BTreeMap<String, Vec<(Date, Action)>>,
    experiences: BTreeMap<String, Experience>,
    runs: Vec<RunDay>,
}

/// Replays the buyers of a policy under it and under a draft.
///
/// # Errors
/// What the ledger says; a figure that cannot be computed.
pub async fn run(tx: &mut Tx<'_>, wanted: Wanted<'_>) -> Result<Outcome, Error> {
    let Some(policy) = wanted.in_force.first() else { return Ok(Outcome::default()) };
    let mut known = Known::read(tx, wanted.company, policy).await?;
    let both: Vec<Policy> =
        wanted.in_force.iter().chain(wanted.draft).map(|period| (*period).clone()).collect();
    let buyers: BTreeSet<String> = known.countries.keys().cloned().collect();
    known.experiences = tx.experiences(wanted.company, &both, &buyers, wanted.window.to, None).await?;
    let mut outcome = Outcome::default();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    tx.item_spans(wanted.company, |buyer, spans| -> Result<(), Error> {
        if known.is_of(policy, buyer, wanted.policies) {
            seen.insert(buyer.to_owned());
            outcome.add(buyer, &known.replay(buyer, &spans, policy, &wanted)?, wanted.window)?;
        }
        Ok(())
    })
    .await?;
    // A limit is watched over, and paid for, where nothing is owed too.
    for buyer in known.limits.keys().filter(|buyer| !seen.contains(*buyer)) {
        outcome.add(buyer, &known.replay(buyer, &[], policy, &wanted)?, wanted.window)?;
    }
    Ok(outcome)
}

impl Outcome {
    fn add(&mut self, buyer: &str, replayed: &Replayed, window: Window) -> Result<(), Error> {
        self.buyers += 1;
        self.totals.add(replayed)?;
        if replayed.why.is_empty() {
            return Ok(());
        }
        self.differing += 1;
        self.movers.push(Mover {
            buyer: buyer.to_owned(),
            uninsured_minor: average(replayed.uninsured_days, window.count())?,
            indemnity_minor: average(replayed.indemnity_days, window.count())?,
            why: replayed.main_reason(),
        });
        let size =
            |mover: &Mover| (mover.uninsured_minor.unsigned_abs(), mover.indemnity_minor.unsigned_abs());
        self.movers.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| a.buyer.cmp(&b.buyer)));
        self.movers.truncate(MOVERS_MAX);
        Ok(())
    }
}

impl Known {
    async fn read(tx: &mut Tx<'_>, company: &str, policy: &Policy) -> Result<Self, Error> {
        let is_own =
            |connection: &str, number: &str| connection == policy.connection && number == policy.number;
        let mut known = Self { runs: tx.run_days(company).await?, ..Self::default() };
        known.countries = tx.buyers(company).await?.into_iter().map(|row| (row.id, row.country)).collect();
        for row in tx.limit_versions(company, None).await? {
            let Some(buyer) = row.buyer_id.clone() else { continue };
            if is_own(&row.connection, &row.policy) {
                known.limits.entry(buyer).or_default().push(row);
            } else {
                known.of_others.insert(buyer);
            }
        }
        let mut lifted: BTreeMap<String, Vec<CoverStopRow>> = BTreeMap::new();
        for row in tx.cover_stops(company, None).await? {
            if is_own(&row.connection, &row.policy) {
                lifted.entry(row.buyer_id.clone()).or_default().push(row);
            }
        }
        for (buyer, rows) in lifted {
            let stops = stops::remembered(&rows.iter().collect::<Vec<_>>())?;
            let lifts = stops.all().iter().filter_map(|stop| stop.lift);
            let lifts: Vec<Lift> = lifts.filter(|lift| lift.why == Lifted::Person).collect();
            known.lifts.insert(buyer, lifts);
        }
        for row in tx.deadline_proofs(company).await? {
            if is_own(&row.connection, &row.policy) && row.kind == "overdue_notice" {
                known.notified.insert(format!("{}/{}", row.erp, row.external_id), Some(row.done_on));
            }
        }
        for row in tx.effects(company, &[]).await? {
            if !is_own(&row.connection, &row.policy) {
                continue;
            }
            match EffectKind::parse(&row.kind) {
                Some(EffectKind::NotifyOverdue) if row.state == EffectState::Done.as_str() => {
                    known.notified.insert(row.subject, row.sent_on);
                }
                Some(EffectKind::RequestLimit | EffectKind::ChangeLimit) => {
                    if let (Some(day), Some(action)) = (row.sent_on, Action::parse(&row.action)) {
                        known.requests.entry(row.buyer_id).or_default().push((day, action));
                    }
                }
                _ => {}
            }
        }
        Ok(known)
    }

    /// Whether a buyer is the policy's: it has decided on it, or no policy has and it is the first that takes its country.
    fn is_of(&self, policy: &Policy, buyer: &str, policies: &[Policy]) -> bool {
        if self.limits.contains_key(buyer) {
            return true;
        }
        let country = self.countries.get(buyer).map_or("", String::as_str);
        let first = policies.iter().find(|policy| policy.takes(country));
        let is_first =
            first.is_some_and(|first| first.connection == policy.connection && first.number == policy.number);
        is_first && !self.of_others.contains(buyer)
    }

    fn replay(
        &self,
        buyer: &str,
        spans: &[ItemSpan],
        policy: &Policy,
        wanted: &Wanted<'_>,
    ) -> Result<Replayed, Error> {
        let ids: Vec<String> =
            spans.iter().map(|span| format!("{}/{}", span.connection, span.external_id)).collect();
        let items = spans.iter().zip(&ids).map(|(span, id)| self.held(span, id));
        let items = items.collect::<Result<Vec<_>, Error>>()?;
        let rows: Vec<&LimitRow> = self.limits.get(buyer).into_iter().flatten().collect();
        let notified = ids.iter().filter_map(|id| Some((id.clone(), *self.notified.get(id)?)));
        let history = History {
            buyer,
            country: self.countries.get(buyer).map_or("", String::as_str),
            items,
            limits: LimitHistory::from_statements(statements(&rows).1, policy.currency)?,
            experience: self.experiences.get(buyer).cloned(),
            lifts: self.lifts.get(buyer).cloned().unwrap_or_default(),
            notified: notified.collect(),
            requests: self.requests.get(buyer).cloned().unwrap_or_default(),
        };
        Ok(replay(&history, [wanted.in_force, wanted.draft], wanted.window)?)
    }

    /// A version with the business days of the cycles that read it, and that read it otherwise.
    fn held<'s>(&self, span: &'s ItemSpan, id: &'s str) -> Result<Held<'s>, Error> {
        let unreadable = |what, value: &str| Error::Ledger(LedgerError::unreadable(what, value));
        Ok(Held {
            item: OpenItem {
                connection: &span.connection,
                id,
                number: &span.number,
                kind: ItemKind::parse(&span.kind).ok_or_else(|| unreadable("kind", &span.kind))?,
                currency: Currency::parse(&span.currency)
                    .ok_or_else(|| unreadable("currency", &span.currency))?,
                open_minor: span.open_minor,
                net_minor: net_minor(span.open_minor, span.total_minor, span.tax_minor),
                issued: span.issued,
                original_due: span.original_due,
                disputed: span.disputed,
            },
            from: business_day(&self.runs, span.recorded_at),
            until: span.superseded_at.map(|at| business_day(&self.runs, at)),
        })
    }
}
