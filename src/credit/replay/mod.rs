//! What a buyer's history would have come to under another policy, beside what it comes to under the one in force.
//!
//! The buyer's behaviour and the insurer's decisions are taken as they were. Both policies go through the same days by the same
//! functions as the figures of a day: open items of the day, stops brought to it, cover of each invoice, deadlines.
//! Days on which nothing begins, changes or ends are not visited: cover and stops depend on the day only by what is open and by
//! the ends of extension periods, since an invoice answers to the period and to the limit of its own date.
//! Invariants: a policy beside itself shows no difference; every day visited gives what the days that matter give.
//! Reference: docs/policies.md, "What if".

#[cfg(test)]
mod tests;
mod totals;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

pub use totals::{Month, Sums, Totals, Window, average};

use super::deadline::{self, DeadlineKind};
use super::{
    Cover, Error, Experience, Lift, LimitHistory, OpenItem, Reason, Stops, Terms, add, allocate,
    extension_end,
};
use crate::model::{Action, Basis, Currency, Date, Policy};

/// An item as it was known from one day to another.
#[derive(Debug, Clone)]
pub struct Held<'a> {
    /// How it was known.
    pub item: OpenItem<'a>,
    /// First day at whose end it was known so.
    pub from: Date,
    /// First day at whose end it was known otherwise.
    pub until: Option<Date>,
}

/// All that happened with one buyer under one policy.
#[derive(Debug, Clone, Default)]
pub struct History<'a> {
    /// The legal buyer.
    pub buyer: &'a str,
    /// ISO 3166 alpha-2 of the buyer, or empty.
    pub country: &'a str,
    /// Versions of its items.
    pub items: Vec<Held<'a>>,
    /// How it has paid, where a policy computes its discretionary limit.
    pub experience: Option<Experience>,
    /// What the insurer decided.
    pub limits: LimitHistory,
    /// The insurer's word that ended a stop, as a person passed it on.
    pub lifts: Vec<Lift>,
    /// Overdue notices that were made, by the key of the item, with their day; without one they were in time.
    pub notified: BTreeMap<String, Option<Date>>,
    /// Requests that were sent to the insurer.
    pub requests: Vec<(Date, Action)>,
}

/// What was owed and covered on a day, minor units of the policy's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Figures {
    /// Open invoices less open credits.
    pub outstanding_minor: i64,
    /// Covered.
    pub covered_minor: i64,
    /// Owed and not covered.
    pub uninsured_minor: i64,
    /// What the insurer would pay.
    pub indemnity_minor: i64,
    /// Not covered because a stop of cover had begun before the invoice.
    pub stopped_minor: i64,
}

/// What is counted over a window, minor units of the policy's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Invoices of which an overdue notice was owed on its last day.
    pub notices: i64,
    /// … and had not been made by then.
    pub missed: i64,
    /// What was covered of those.
    pub missed_minor: i64,
    /// Invoices that were unpaid on the last day for their claim.
    pub claims: i64,
    /// What was left open of them.
    pub claims_minor: i64,
    /// Thereof not covered: lost whatever is claimed.
    pub lost_minor: i64,
    /// Stops of cover that began.
    pub stops: i64,
    /// First requests that were sent.
    pub requests: i64,
    /// Requests for another amount that were sent.
    pub changes: i64,
    /// What both cost.
    pub requests_minor: i64,
    /// What watching over the limits held costs, times 365.
    pub monitoring_day_minor: i128,
}

/// One buyer under one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// The figures from each day on which they changed; the first day is that of the window.
    pub days: Vec<(Date, Figures)>,
    /// What is counted.
    pub counts: Counts,
}

/// Why two policies differ on a buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// An invoice is covered less by one of them: the reason there.
    Cover(Reason),
    /// The same is covered, at another percentage.
    Percentage,
}

impl Why {
    /// The reason in one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cover(reason) => reason.as_str(),
            Self::Percentage => "insured_percentage",
        }
    }
}

/// One buyer under both policies: the one in force, then the draft.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Under each.
    pub sides: [Side; 2],
    /// Uninsured under the draft less that in force, times days.
    pub uninsured_days: i128,
    /// What the insurer would pay, likewise.
    pub indemnity_days: i128,
    /// How much of what the draft leaves more without pay, times days, each reason makes; less is negative.
    pub why: BTreeMap<Why, i128>,
}

/// Replays the history of a buyer under two policies, each given by its periods.
///
/// # Errors
/// Those of the figures of a day.
pub fn replay(history: &History<'_>, policies: [&[&Policy]; 2], window: Window) -> Result<Replayed, Error> {
    replay_on(history, policies, window, &history.days(&policies, window))
}

fn replay_on(
    history: &History<'_>,
    policies: [&[&Policy]; 2],
    window: Window,
    days: &BTreeSet<Date>,
) -> Result<Replayed, Error> {
    let mut found = Replayed::default();
    let [mut left, mut right] = policies.map(|periods| Run::new(history, periods, window));
    let mut days = days.iter().copied().peekable();
    while let Some(day) = days.next() {
        let open = history.open_on(day);
        let (before, after) = (left.visit(&open, day)?, right.visit(&open, day)?);
        if day < window.from {
            continue;
        }
        let next = days.peek().copied().or_else(|| window.to.succ_opt()).unwrap_or(day);
        let span = i128::from(next.signed_duration_since(day).num_days());
        found.compare(&before, &after, span);
    }
    found.sides = [left.end()?, right.end()?];
    Ok(found)
}

impl Replayed {
    /// Adds what differs between two covers of one day, which holds for so many days.
    fn compare(&mut self, before: &Cover<'_>, after: &Cover<'_>, days: i128) {
        let less = |a: i64, b: i64| i128::from(a) - i128::from(b);
        self.uninsured_days += less(after.uninsured_minor, before.uninsured_minor) * days;
        let paid = less(after.indemnity_minor, before.indemnity_minor);
        self.indemnity_days += paid * days;
        let lines: BTreeMap<&str, _> = before.lines.iter().map(|line| (line.id, line)).collect();
        let mut is_covered_alike = true;
        for line in after.lines.iter().filter(|line| line.currency == after.currency) {
            let Some(other) = lines.get(line.id) else { continue };
            let more = less(line.uncovered_minor, other.uncovered_minor);
            let reason = match more.cmp(&0) {
                Ordering::Less => other.reason,
                Ordering::Greater => line.reason,
                Ordering::Equal => continue,
            };
            is_covered_alike = false;
            *self.why.entry(Why::Cover(reason)).or_default() += more * days;
        }
        if is_covered_alike && paid != 0 {
            *self.why.entry(Why::Percentage).or_default() -= paid * days;
        }
    }

    /// The reason that makes most of the difference.
    #[must_use]
    pub fn main_reason(&self) -> Option<Why> {
        let most = self.why.iter().max_by_key(|(why, minor)| (minor.unsigned_abs(), Reverse(**why)));
        most.map(|(why, _)| *why)
    }
}

impl<'a> History<'a> {
    /// What was open at the end of a day.
    fn open_on(&self, day: Date) -> Vec<OpenItem<'a>> {
        let held = self.items.iter().filter(|held| {
            held.from <= day && held.until.is_none_or(|until| until > day) && held.item.issued <= day
        });
        held.filter(|held| held.item.open_minor > 0).map(|held| held.item).collect()
    }

    /// The days on which anything may differ from the day before, up to the end of the window; those before it too, since stops
    /// of cover that began then go on.
    fn days(&self, policies: &[&[&Policy]; 2], window: Window) -> BTreeSet<Date> {
        let mut days = BTreeSet::from([window.from]);
        for held in &self.items {
            days.insert(held.from.max(held.item.issued));
            days.extend(held.until);
            let periods = policies.iter().filter_map(|periods| period_of(periods, held.item.issued));
            for period in periods {
                let due = held.item.original_due;
                days.extend(extension_end(due, period));
                days.extend(deadline::last_day(DeadlineKind::OverdueNotice, due, period));
                days.extend(deadline::last_day(DeadlineKind::Claim, due, period));
            }
        }
        days.extend(self.lifts.iter().map(|lift| lift.on));
        let first = self.items.iter().map(|held| held.from).min().unwrap_or(window.from).min(window.from);
        days.retain(|day| (first..=window.to).contains(day));
        days
    }
}

fn period_of<'p>(periods: &[&'p Policy], date: Date) -> Option<&'p Policy> {
    periods.iter().copied().find(|period| period.contains(date))
}

/// One policy going through the days.
struct Run<'h, 'a> {
    history: &'h History<'a>,
    periods: &'h [&'h Policy],
    window: Window,
    stops: Stops,
    side: Side,
    /// Days on which some deadline has its last day.
    last_days: BTreeSet<Date>,
}

impl<'h, 'a> Run<'h, 'a> {
    fn new(history: &'h History<'a>, periods: &'h [&'h Policy], window: Window) -> Self {
        let items = history.items.iter().map(|held| &held.item);
        let last_days = items.filter_map(|item| Some((item, period_of(periods, item.issued)?)));
        let last_days = last_days.flat_map(|(item, period)| {
            [DeadlineKind::OverdueNotice, DeadlineKind::Claim]
                .into_iter()
                .filter_map(|kind| deadline::last_day(kind, item.original_due, period))
        });
        let last_days = last_days.collect();
        Self { history, periods, window, stops: Stops::default(), side: Side::default(), last_days }
    }

    /// The period of a day; between and beyond the periods the one that went before, whose invoices stay covered.
    fn policy_on(&self, day: Date) -> Option<&'h Policy> {
        let begun = self.periods.iter().copied().filter(|period| period.valid_from <= day);
        let first = || self.periods.iter().copied().min_by_key(|period| period.valid_from);
        period_of(self.periods, day).or_else(|| begun.max_by_key(|period| period.valid_from)).or_else(first)
    }

    fn visit(&mut self, open: &[OpenItem<'a>], day: Date) -> Result<Cover<'a>, Error> {
        self.stops = self.stops.brought_to(open, self.periods, day)?;
        for lift in self.history.lifts.iter().filter(|lift| lift.on == day) {
            let mut all = self.stops.all().to_vec();
            if let Some(stop) = all.last_mut().filter(|stop| stop.lift.is_none()) {
                stop.lift = Some(*lift);
            }
            self.stops = Stops::new(all);
        }
        let Some(policy) = self.policy_on(day) else { return Ok(nothing()) };
        let (buyer, country) = (self.history.buyer, self.history.country);
        let experience = self.history.experience.as_ref();
        let terms = Terms { policy, periods: self.periods.to_vec(), buyer, country, experience };
        let cover = allocate(open, &self.history.limits, terms, &self.stops, day)?;
        if day >= self.window.from {
            self.keep(&cover, day)?;
            if self.last_days.contains(&day) {
                self.count_deadlines(open, &cover, day)?;
            }
        }
        Ok(cover)
    }

    fn keep(&mut self, cover: &Cover<'_>, day: Date) -> Result<(), Error> {
        let mut stopped_minor = 0;
        let stopped = cover.lines.iter().filter(|line| line.reason == Reason::AfterCoverStop);
        for line in stopped {
            add(&mut stopped_minor, line.uncovered_minor, "invoices after a stop of cover")?;
        }
        let figures = Figures {
            outstanding_minor: cover.outstanding_minor,
            covered_minor: cover.covered_minor,
            uninsured_minor: cover.uninsured_minor,
            indemnity_minor: cover.indemnity_minor,
            stopped_minor,
        };
        if self.side.days.last().is_none_or(|(_, before)| *before != figures) {
            self.side.days.push((day, figures));
        }
        Ok(())
    }

    /// Counts the notices and the claims whose last day this is.
    fn count_deadlines(&mut self, open: &[OpenItem<'_>], cover: &Cover<'_>, day: Date) -> Result<(), Error> {
        let line_of = |id: &str| cover.lines.iter().find(|line| line.id == id);
        let counts = &mut self.side.counts;
        for period in self.periods {
            let mut due = deadline::deadlines(open, period, day)?;
            due.retain(|due| due.last_day == day);
            for claim in due.iter().filter(|due| due.kind == DeadlineKind::Claim) {
                counts.claims += 1;
                add(&mut counts.claims_minor, claim.left_minor, "invoices to claim")?;
                let lost = line_of(claim.item.id).map_or(claim.left_minor, |line| line.uncovered_minor);
                add(&mut counts.lost_minor, lost, "uncovered invoices to claim")?;
            }
            due.retain(|due| due.kind == DeadlineKind::OverdueNotice);
            for notice in deadline::of_cover(due, cover) {
                counts.notices += 1;
                let made = self.history.notified.get(notice.item.id);
                if made.is_none_or(|on| on.is_some_and(|on| on > day)) {
                    counts.missed += 1;
                    let covered = line_of(notice.item.id).map_or(0, |line| line.covered_minor);
                    add(&mut counts.missed_minor, covered, "invoices without notice")?;
                }
            }
        }
        Ok(())
    }

    /// Counts what does not follow from the items of a day, and gives the side out.
    fn end(mut self) -> Result<Side, Error> {
        let window = self.window;
        let begun = self.stops.all().iter().filter(|stop| window.contains(stop.since)).count();
        self.side.counts.stops = i64::try_from(begun).unwrap_or(i64::MAX);
        for (day, action) in self.history.requests.iter().filter(|(day, _)| window.contains(*day)) {
            let Some(policy) = self.policy_on(*day) else { continue };
            let counts = &mut self.side.counts;
            let (count, fee) = match action {
                Action::New | Action::Supersede => (&mut counts.requests, policy.fees.request_minor),
                Action::Increase | Action::Reduce => (&mut counts.changes, policy.fees.change_minor),
                Action::Cancel
                | Action::Withdraw
                | Action::Set
                | Action::Zero
                | Action::Remove
                | Action::Block
                | Action::Notify
                | Action::State => continue,
            };
            *count += 1;
            add(&mut counts.requests_minor, fee, "fees")?;
        }
        if self.periods.iter().any(|period| period.fees.monitoring_minor != 0) {
            for day in window.days() {
                let held = self.history.limits.decided_at(day).is_some_and(|limit| limit.cap_minor > 0);
                if let Some(period) = period_of(self.periods, day).filter(|_| held) {
                    self.side.counts.monitoring_day_minor += i128::from(period.fees.monitoring_minor);
                }
            }
        }
        Ok(self.side)
    }
}

/// The cover of a policy without periods.
fn nothing<'a>() -> Cover<'a> {
    Cover {
        currency: Currency::EUR,
        basis: Basis::Gross,
        lacks_tax: 0,
        lines: Vec::new(),
        outstanding_minor: 0,
        covered_minor: 0,
        indemnity_minor: 0,
        uninsured_minor: 0,
        beyond_limit_minor: 0,
        ineligible_minor: 0,
        credit_balance_minor: 0,
        today: super::LimitAt::without_layers(0, super::CapReason::Zero),
        used_minor: 0,
    }
}
