//! Terms of a policy that were changed for days that had passed, and what that changed.
//!
//! As with decisions, what was owed is held still: the open items of the eve, under the limits known then, are covered once by
//! the terms that were known and once by those that came. Stops of cover follow from each. A policy that was not known before
//! changed nothing.

use std::collections::BTreeSet;

use encours::credit::{LimitHistory, Terms, allocate};
use encours::engine::stops;
use encours::ledger::{CoverStopRow, ItemVersion, ItemView, LimitRow, business_day, policies_then};
use encours::model::{Currency, Date, Instant, Policy, render_minor};
use serde_json::{Value, json};

use super::super::Books;
use super::super::language::Language;

/// So many changes are looked at, the newest ones.
const CHANGES_MAX: usize = 5;

/// What was known before terms were read that differ.
pub(super) struct Eve {
    /// When they were read.
    at: Instant,
    /// The business day of that reading, and of the cycle before.
    read_on: Date,
    day: Date,
    /// The periods before, and after.
    policies: [Vec<Policy>; 2],
    items: Vec<ItemView>,
    stops: Vec<CoverStopRow>,
}

/// What other terms changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    from: Date,
    read_on: Date,
    eve: Date,
    owed_minor: i64,
    /// By the terms before, and by those that came.
    covered_minor: [i64; 2],
    indemnity_minor: [i64; 2],
}

/// Reads what was known before each of the last changes of terms.
pub(super) async fn read(
    books: &mut Books,
    buyer: &str,
    accounts: &BTreeSet<(String, String)>,
    known_at: Instant,
) -> anyhow::Result<Vec<Eve>> {
    let company = books.company();
    let versions = books.tx.policy_versions(&company).await?;
    let ends = versions.iter().filter_map(|version| version.superseded_at);
    let instants: BTreeSet<Instant> =
        versions.iter().map(|version| version.recorded_at).chain(ends).filter(|at| *at <= known_at).collect();
    let runs = books.tx.run_days(&company).await?;
    let first = runs.first().map(|run| run.started_at);
    let instants: Vec<Instant> = instants
        .into_iter()
        .rev()
        .filter(|at| first.is_some_and(|first| first < *at))
        .take(CHANGES_MAX)
        .collect();
    if instants.is_empty() {
        return Ok(Vec::new());
    }
    let items = books.tx.item_versions(accounts, known_at).await?;
    let mut eves = Vec::new();
    for at in instants.into_iter().rev() {
        let before = at - chrono::TimeDelta::milliseconds(1);
        let day = business_day(&runs, before);
        // Terms in a form of before this version cannot be reckoned with; nobody asked for them by name.
        let (Ok(old), Ok(new)) = (policies_then(&versions, before), policies_then(&versions, at)) else {
            continue;
        };
        let known = items.iter().filter(|version| version.is_known_at(before) && version.issued <= day);
        eves.push(Eve {
            at,
            read_on: business_day(&runs, at),
            day,
            policies: [old.policies, new.policies],
            items: known.map(ItemVersion::view).collect(),
            stops: books.tx.stops_known(&company, Some(buyer), before).await?,
        });
    }
    Ok(eves)
}

/// What changes of the terms of a policy changed, the oldest first; those that changed nothing are none.
pub(super) fn changes(
    eves: &[Eve],
    terms: &Terms<'_>,
    statements: &[&LimitRow],
) -> anyhow::Result<Vec<Change>> {
    let mut found = Vec::new();
    for eve in eves {
        let items = super::open_items(&eve.items)?;
        let known = statements.iter().filter(|row| row.recorded_at < eve.at);
        let known: Vec<_> = known.map(|row| (row.seen_on, &row.payload.0)).collect();
        let cover_by = |policies: &[Policy]| -> anyhow::Result<_> {
            let own = |policy: &&Policy| {
                policy.connection == terms.policy.connection
                    && policy.number == terms.policy.number
                    && policy.currency == terms.policy.currency
            };
            let Some(policy) = policies.iter().filter(own).find(|policy| policy.contains(eve.day)) else {
                return Ok(None);
            };
            let periods = stops::periods(policies, policy);
            let stops = stops::remembered(&stops::of_policy(&eve.stops, policy))?.as_of(eve.day);
            let stops = stops.brought_to(&items, &periods, eve.day)?;
            let history = LimitHistory::from_statements(known.iter().copied(), policy.currency)?;
            let (buyer, country, experience) = (terms.buyer, terms.country, terms.experience);
            let terms = Terms { policy, periods, buyer, country, experience };
            Ok(Some((policy.valid_from, allocate(&items, &history, terms, &stops, eve.day)?)))
        };
        let [before, after] = &eve.policies;
        let (Some((_, before)), Some((from, after))) = (cover_by(before)?, cover_by(after)?) else {
            continue;
        };
        if (before.covered_minor, before.indemnity_minor) != (after.covered_minor, after.indemnity_minor) {
            found.push(Change {
                from,
                read_on: eve.read_on,
                eve: eve.day,
                owed_minor: before.outstanding_minor,
                covered_minor: [before.covered_minor, after.covered_minor],
                indemnity_minor: [before.indemnity_minor, after.indemnity_minor],
            });
        }
    }
    Ok(found)
}

impl Change {
    /// `The terms of the period from 2026-01-01 on were first read so on 2026-03-15 …`, with the figures of both.
    pub(super) fn told(&self, say: Language, currency: Currency) -> String {
        let money = |minor| say.money(minor, currency);
        let [covered_before, covered] = self.covered_minor.map(money);
        let [paid_before, paid] = self.indemnity_minor.map(money);
        let (from, read, eve) = (say.date(self.from), say.date(self.read_on), say.date(self.eve));
        let owed = money(self.owed_minor);
        say.of(
            format!(
                "The terms of the period from {from} on were read otherwise on {read}, for days that had passed too: of the \
                 {owed} owed on {eve}, {covered_before} were covered by the terms before and {covered} are by these; the \
                 insurer would have paid {paid_before}, and pays {paid}.\n"
            ),
            format!(
                "Les termes de l'exercice qui commence le {from} ont été lus autrement le {read}, pour des jours passés aussi : \
                 des {owed} dus le {eve}, {covered_before} étaient garantis selon les termes d'avant et {covered} le sont \
                 selon ceux-ci ; l'assureur aurait versé {paid_before}, et verse {paid}.\n"
            ),
        )
    }

    pub(super) fn json(&self, currency: Currency) -> Value {
        let amount = |minor| render_minor(minor, currency);
        let ([covered_before, covered], [paid_before, paid]) = (self.covered_minor, self.indemnity_minor);
        json!({
            "period_from": self.from, "read_on": self.read_on, "on": self.eve, "outstanding": amount(self.owed_minor),
            "covered_before": amount(covered_before), "covered_with_it": amount(covered),
            "indemnity_before": amount(paid_before), "indemnity_with_it": amount(paid),
        })
    }
}
