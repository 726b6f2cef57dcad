//! Cases: what a policy comes to on a piece of a ledger that somebody writes down, what was expected, and which clauses that
//! hangs on.
//!
//! A case runs through the functions that the ledger's own figures come from, day by day up to its own day, so that a stop
//! which began and was lifted before is known. Nothing is decided here.
//! Invariant: a clause counts as covered only if a case that agrees would not agree without it.
//! Reference: shared rules, "Clauses of a policy".

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::clause::Clause;
use super::deadline::{self, DeadlineKind, DeadlineState};
use super::discretionary::{Experience, Invoiced, Rated};
use super::plan::{self, Situation, Standing};
use super::{
    CapReason, Cover, Error, LimitHistory, LimitVersion, OpenItem, Reason, Stops, Terms, allocate, exposures,
    extension_end, net_exposure,
};
use crate::model::{
    Action, Approval, Basis, Currency, Date, Decision, ItemKind, Policy, net_minor, render_minor,
};

/// One item of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseItem {
    /// The number, which no other item of the case has.
    pub number: String,
    /// Invoice, credit note or receipt.
    pub kind: ItemKind,
    /// Currency of the amount.
    pub currency: Currency,
    /// What is open of it until it is paid, minor units.
    pub open_minor: i64,
    /// The tax in it, minor units; none where the document carries no tax figure.
    pub tax_minor: Option<i64>,
    /// Date of the document.
    pub issued: Date,
    /// Original due date.
    pub due: Date,
    /// The buyer contests it.
    pub disputed: bool,
    /// The day on which it was settled; none while it is open.
    pub paid_on: Option<Date>,
}

/// A piece of a ledger under one policy, on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What people call it.
    pub name: String,
    /// The day.
    pub on: Date,
    /// The legal buyer, or empty.
    pub buyer: String,
    /// ISO 3166 alpha-2 of the buyer, or empty.
    pub country: String,
    /// How the insurers rate the buyer, or empty.
    pub rating: String,
    /// What the insurer decided, and from when on.
    pub limits: Vec<LimitVersion>,
    /// What is open, or was until it was paid.
    pub items: Vec<CaseItem>,
    /// What is ordered and not invoiced yet, minor units of the policy's currency.
    pub backlog_minor: i64,
    /// What should come out.
    pub expected: Expected,
}

/// A deadline of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseDeadline {
    /// What has to be done.
    pub kind: DeadlineKind,
    /// The number of the invoice.
    pub number: String,
    /// Its last day.
    pub last_day: Date,
    /// How it stands; of an expected one, none where it does not matter.
    pub state: Option<DeadlineState>,
}

/// What should be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedPlan {
    /// New, increase, reduce, supersede or cancel.
    pub action: Action,
    /// The limit that is asked for, minor units.
    pub amount_minor: Option<i64>,
    /// What it costs, minor units.
    pub fee_minor: Option<i64>,
    /// Whether a person has to approve it.
    pub by_person: Option<bool>,
}

/// What should come out of one invoice. What is none does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedInvoice {
    /// Its number.
    pub number: String,
    /// What is covered, minor units.
    pub covered_minor: Option<i64>,
    /// Why.
    pub reason: Option<Reason>,
    /// The limit on its date, minor units.
    pub limit_minor: Option<i64>,
}

/// What should come out of a case. What is none does not matter; amounts are minor units of the policy's currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Invoices, by number.
    pub invoices: Vec<ExpectedInvoice>,
    /// Covered in all.
    pub covered_minor: Option<i64>,
    /// Owed and not covered.
    pub uninsured_minor: Option<i64>,
    /// What the insurer would pay.
    pub indemnity_minor: Option<i64>,
    /// The limit that a new invoice would be held against.
    pub limit_minor: Option<i64>,
    /// The first day of the stop in force; `Some(None)` where there should be none.
    pub stopped_since: Option<Option<Date>>,
    /// All deadlines.
    pub deadlines: Option<Vec<CaseDeadline>>,
    /// What is asked for; `Some(None)` where nothing should be.
    pub plan: Option<Option<ExpectedPlan>>,
}

/// What came out of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// Cover of each invoice.
    pub cover: Cover<'a>,
    /// Stops of cover, also those that were lifted.
    pub stops: Stops,
    /// Deadlines that are listed on the day.
    pub deadlines: Vec<CaseDeadline>,
    /// What is asked for.
    pub plan: Option<plan::Proposal>,
}

/// Something that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// What differs: `F2 covered`, `deadlines`.
    pub what: String,
    /// What should have come out.
    pub expected: String,
    /// What came out.
    pub got: String,
}

impl Case {
    /// Runs it under the periods of its policy; nothing comes out where no period contains its day.
    ///
    /// # Errors
    /// Those of the pure core.
    pub fn run(&self, periods: &[Policy]) -> Result<Option<Outcome<'_>>, Error> {
        let Some(policy) = periods.iter().find(|period| period.contains(self.on)) else { return Ok(None) };
        let all: Vec<&Policy> = periods.iter().collect();
        let history = LimitHistory::new(self.limits.clone())?;
        let mut stops = Stops::default();
        for day in self.days(&all) {
            stops = stops.brought_to(&self.open_on(day), &all, day)?;
        }
        let open = self.open_on(self.on);
        let experience = self.experience(policy);
        let (buyer, country) = (self.buyer.as_str(), self.country.as_str());
        let terms = Terms { policy, periods: all, buyer, country, experience: Some(&experience) };
        let cover = allocate(&open, &history, terms, &stops, self.on)?;
        let mut deadlines = Vec::new();
        for period in periods {
            for due in deadline::of_cover(deadline::deadlines(&open, period, self.on)?, &cover) {
                let state = deadline::state(due.kind, due.last_day, period, None, None, self.on);
                if deadline::is_listed(due.kind, state) {
                    let number = due.item.number.to_owned();
                    let state = Some(state);
                    deadlines.push(CaseDeadline { kind: due.kind, number, last_day: due.last_day, state });
                }
            }
        }
        sort(&mut deadlines);
        let plan = plan::request(&self.situation(&history, policy, &cover)?, policy, self.on)?;
        let stopped = stops.in_force().map(|stop| stop.since);
        let plan = plan.filter(|proposal| plan::held_back(proposal, stopped).is_none());
        Ok(Some(Outcome { cover, stops, deadlines, plan }))
    }

    /// The days on which anything may change, up to the day of the case.
    fn days(&self, periods: &[&Policy]) -> BTreeSet<Date> {
        let mut days = BTreeSet::from([self.on]);
        for item in &self.items {
            days.insert(item.issued);
            days.extend(item.paid_on);
            let period = periods.iter().find(|period| period.contains(item.issued));
            days.extend(period.and_then(|period| extension_end(item.due, period)));
        }
        days.retain(|day| *day <= self.on);
        days
    }

    /// What is open at the end of a day.
    fn open_on(&self, day: Date) -> Vec<OpenItem<'_>> {
        let open = self.items.iter();
        let open = open.filter(|item| item.issued <= day && item.paid_on.is_none_or(|paid| paid > day));
        open.map(|item| OpenItem {
            connection: "",
            id: &item.number,
            number: &item.number,
            kind: item.kind,
            currency: item.currency,
            open_minor: item.open_minor,
            net_minor: net_minor(item.open_minor, item.open_minor, item.tax_minor),
            issued: item.issued,
            original_due: item.due,
            disputed: item.disputed,
        })
        .collect()
    }

    fn owed_on(&self, day: Date, policy: &Policy) -> Result<i64, Error> {
        let open = self.open_on(day);
        if policy.basis == Basis::Net {
            return Ok(net_exposure(&open, policy.currency)?.outstanding_minor);
        }
        let owed = exposures(&open, day)?;
        Ok(owed.iter().find(|own| own.currency == policy.currency).map_or(0, |own| own.outstanding_minor))
    }

    /// How the buyer pays and is rated: the items are all of it.
    fn experience(&self, policy: &Policy) -> Experience {
        let invoices = self.items.iter().filter(|item| item.kind == ItemKind::Invoice);
        let invoices = invoices.map(|item| Invoiced {
            number: item.number.clone(),
            currency: item.currency,
            minor: item.open_minor,
            net_minor: net_minor(item.open_minor, item.open_minor, item.tax_minor),
            issued: item.issued,
            due: item.due,
            paid_on: item.paid_on,
            disputed: item.disputed,
        });
        let rated =
            Rated { connection: policy.connection.clone(), from: Date::MIN, rating: self.rating.clone() };
        Experience {
            invoices: invoices.collect(),
            ratings: Some(rated).filter(|rated| !rated.rating.is_empty()).into_iter().collect(),
        }
    }

    /// What planning sees: the items are all that is known of the buyer, from the first of them on.
    fn situation(
        &self,
        history: &LimitHistory,
        policy: &Policy,
        cover: &Cover<'_>,
    ) -> Result<Situation, Error> {
        let (peak_days, slack_days) =
            policy.requests.as_ref().map_or((0, 0), |rule| (rule.peak_days, rule.slack_days));
        let days = self.days(&[]);
        let peak = |within: i64| -> Result<i64, Error> {
            let from = self.on.checked_sub_signed(chrono::TimeDelta::days(within)).unwrap_or(self.on);
            // What was owed before and not paid is owed on the first of these days.
            let inside = days.range(from..).copied().chain([from.max(self.first_day())]);
            inside.map(|day| self.owed_on(day, policy)).try_fold(0, |most, owed| Ok(owed?.max(most)))
        };
        let owed_minor = self.owed_on(self.on, policy)?;
        let last_paid = self.items.iter().filter_map(|item| item.paid_on).filter(|day| *day <= self.on).max();
        let at = history.limit_at(self.on, policy);
        Ok(Situation {
            owed_minor,
            peak_minor: peak(peak_days)?.max(owed_minor),
            slack_peak_minor: peak(slack_days)?.max(owed_minor),
            backlog_minor: self.backlog_minor,
            last_active: if owed_minor == 0 && self.backlog_minor == 0 { last_paid } else { Some(self.on) },
            known_since: Some(self.first_day()),
            standing: match at.since {
                None => Standing::Never,
                Some(since) => Standing::Decided {
                    cap_minor: at.cap_minor,
                    since,
                    by_insurer: matches!(
                        at.reason,
                        CapReason::Refused | CapReason::Withdrawn | CapReason::Zero
                    ),
                },
            },
            refused_on: self.refused_on(),
            answered: None,
            own_minor: cover.today.cap_minor,
            excluded: policy.exclusion(&self.buyer, &self.country).is_some(),
        })
    }

    fn first_day(&self) -> Date {
        let issued = self.items.iter().map(|item| item.issued);
        issued.chain(self.limits.iter().map(|limit| limit.from)).chain([self.on]).min().unwrap_or(self.on)
    }

    /// The day of the insurer's last no, where that is its last word.
    fn refused_on(&self) -> Option<Date> {
        let last = self.limits.iter().filter(|limit| limit.from <= self.on).max_by_key(|limit| limit.from)?;
        matches!(last.decision, Decision::Refused | Decision::Kept).then_some(last.from)
    }
}

fn sort(deadlines: &mut [CaseDeadline]) {
    deadlines.sort_by(|a, b| (a.last_day, a.kind, &a.number).cmp(&(b.last_day, b.kind, &b.number)));
}

/// The clauses of each period that some case hangs on: it agrees, and would not without the clause.
///
/// # Errors
/// Those of the pure core, of a case as it is; a case that cannot be reckoned without a clause hangs on it.
pub fn covered_clauses(cases: &[&Case], periods: &[Policy]) -> Result<BTreeSet<(usize, Clause)>, Error> {
    let mut covered = BTreeSet::new();
    for case in cases {
        if !case.expected.differences(case.run(periods)?.as_ref(), periods).is_empty() {
            continue;
        }
        for (index, period) in periods.iter().enumerate() {
            for clause in Clause::ALL {
                let Some(without) = clause.without(period).filter(|_| !covered.contains(&(index, *clause)))
                else {
                    continue;
                };
                let mut others = periods.to_vec();
                if let Some(slot) = others.get_mut(index) {
                    *slot = without;
                }
                let hangs = case
                    .run(&others)
                    .map_or(true, |outcome| !case.expected.differences(outcome.as_ref(), &others).is_empty());
                if hangs {
                    covered.insert((index, *clause));
                }
            }
        }
    }
    Ok(covered)
}

impl Expected {
    /// What came out otherwise than expected.
    #[must_use]
    pub fn differences(&self, outcome: Option<&Outcome<'_>>, periods: &[Policy]) -> Vec<Difference> {
        let Some(outcome) = outcome else {
            let period = |period: &Policy| {
                let end = period.valid_to.map_or_else(|| "on".to_owned(), |day| format!("to {day}"));
                format!("{} {end}", period.valid_from)
            };
            return vec![Difference {
                what: "the day of the case".to_owned(),
                expected: "a day of a policy period".to_owned(),
                got: format!(
                    "periods from {}",
                    periods.iter().map(period).collect::<Vec<_>>().join(", from ")
                ),
            }];
        };
        let cover = &outcome.cover;
        let amount = |minor: i64| render_minor(minor, cover.currency);
        let mut found = Vec::new();
        let mut tell = |what: &str, expected: String, got: String| {
            if expected != got {
                found.push(Difference { what: what.to_owned(), expected, got });
            }
        };
        for expected in &self.invoices {
            let number = &expected.number;
            let Some(line) = cover.lines.iter().find(|line| line.number == number) else {
                tell(number, "an open invoice".to_owned(), "none of this number".to_owned());
                continue;
            };
            if let Some(covered) = expected.covered_minor {
                tell(&format!("{number} covered"), amount(covered), amount(line.covered_minor));
            }
            if let Some(reason) = expected.reason {
                tell(&format!("{number} reason"), reason.to_string(), line.reason.to_string());
            }
            if let Some(limit) = expected.limit_minor {
                let got = line.limit.map_or_else(|| "none".to_owned(), |limit| amount(limit.cap_minor));
                tell(&format!("{number} limit"), amount(limit), got);
            }
        }
        for (what, expected, got) in [
            ("covered", self.covered_minor, cover.covered_minor),
            ("uninsured", self.uninsured_minor, cover.uninsured_minor),
            ("indemnity", self.indemnity_minor, cover.indemnity_minor),
            ("limit", self.limit_minor, cover.today.cap_minor),
        ] {
            if let Some(expected) = expected {
                tell(what, amount(expected), amount(got));
            }
        }
        if let Some(since) = self.stopped_since {
            let words = |since: Option<Date>| since.map_or_else(|| "no".to_owned(), |day| day.to_string());
            tell("stopped since", words(since), words(outcome.stops.in_force().map(|stop| stop.since)));
        }
        if let Some(expected) = &self.deadlines {
            let mut expected = expected.clone();
            sort(&mut expected);
            let words = |deadline: &CaseDeadline, with_state: bool| {
                let CaseDeadline { kind, number, last_day, state } = deadline;
                let state =
                    state.filter(|_| with_state).map_or_else(String::new, |state| format!(" {state}"));
                format!("{number} {kind} {last_day}{state}")
            };
            let mut got = Vec::new();
            for (index, deadline) in outcome.deadlines.iter().enumerate() {
                // A state that nobody asked for is no difference.
                let with_state = expected.get(index).is_none_or(|own| own.state.is_some());
                got.push(words(deadline, with_state));
            }
            let expected: Vec<String> = expected.iter().map(|deadline| words(deadline, true)).collect();
            let list = |all: &[String]| if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            tell("deadlines", list(&expected), list(&got));
        }
        if let Some(expected) = &self.plan {
            let (expected, got) = match (expected, &outcome.plan) {
                (None, got) => ("none".to_owned(), plan_words(got.as_ref(), None, &amount)),
                (Some(expected), got) => {
                    let by = |by_person: bool| if by_person { ", by a person" } else { ", by itself" };
                    let mut text = expected.action.to_string();
                    text.push_str(
                        &expected.amount_minor.map_or_else(String::new, |it| format!(" {}", amount(it))),
                    );
                    text.push_str(
                        &expected.fee_minor.map_or_else(String::new, |it| format!(", fee {}", amount(it))),
                    );
                    text.push_str(expected.by_person.map_or("", by));
                    (text, plan_words(got.as_ref(), Some(expected), &amount))
                }
            };
            tell("plan", expected, got);
        }
        found
    }
}

/// A proposal in the words of an expected one: what that does not state is left out.
fn plan_words(
    got: Option<&plan::Proposal>,
    like: Option<&ExpectedPlan>,
    amount: &dyn Fn(i64) -> String,
) -> String {
    let Some(got) = got else { return "none".to_owned() };
    let states = |field: fn(&ExpectedPlan) -> bool| like.is_none_or(field);
    let mut text = got.action.to_string();
    if states(|plan| plan.amount_minor.is_some()) {
        text.push_str(&format!(" {}", amount(got.amount_minor)));
    }
    if states(|plan| plan.fee_minor.is_some()) {
        text.push_str(&format!(", fee {}", amount(got.fee_minor)));
    }
    if states(|plan| plan.by_person.is_some()) {
        text.push_str(match got.approval {
            Approval::Person(_) => ", by a person",
            Approval::Automatic => ", by itself",
        });
    }
    text
}
