//! The figures of all buyers over the days of a window: sums of each day, their peaks and averages, by month and over all.
//!
//! Each buyer adds only what changed and when, so the totals grow with the days of the window and not with the buyers.

use std::collections::BTreeMap;

use chrono::Datelike as _;

use super::{Counts, Error, Figures, Replayed, Side, add};
use crate::model::Date;

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

impl Window {
    /// Whether a day is in it.
    #[must_use]
    pub fn contains(self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }

    /// How many days it has.
    #[must_use]
    pub fn count(self) -> i64 {
        self.to.signed_duration_since(self.from).num_days() + 1
    }

    /// Its days.
    pub fn days(self) -> impl Iterator<Item = Date> {
        self.from.iter_days().take_while(move |day| *day <= self.to)
    }
}

/// Figures over some days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Of each figure the average of the days, rounded half to even.
    pub average: Figures,
    /// Of each figure the highest of a day.
    pub peak: Figures,
    /// The first day on which what is uninsured was the highest.
    pub peak_on: Option<Date>,
}

/// A calendar month, or the part of it that is in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    /// Its days.
    pub window: Window,
    /// Under the policy in force, then under the draft.
    pub sums: [Sums; 2],
}

/// The sums of all buyers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// By how much the sums change on a day.
    changes: [BTreeMap<Date, Figures>; 2],
    /// What is counted.
    pub counts: [Counts; 2],
}

impl Figures {
    fn zip(self, other: Self, mut with: impl FnMut(i64, i64) -> Result<i64, Error>) -> Result<Self, Error> {
        Ok(Self {
            outstanding_minor: with(self.outstanding_minor, other.outstanding_minor)?,
            covered_minor: with(self.covered_minor, other.covered_minor)?,
            uninsured_minor: with(self.uninsured_minor, other.uninsured_minor)?,
            indemnity_minor: with(self.indemnity_minor, other.indemnity_minor)?,
            stopped_minor: with(self.stopped_minor, other.stopped_minor)?,
        })
    }

    fn plus(self, other: Self) -> Result<Self, Error> {
        self.zip(other, |mut sum, amount| {
            add(&mut sum, amount, "a figure of all buyers")?;
            Ok(sum)
        })
    }

    fn minus(self, other: Self) -> Result<Self, Error> {
        let overflow = Error::Overflow { what: "a figure of all buyers" };
        self.zip(other, |a, b| a.checked_sub(b).ok_or_else(|| overflow.clone()))
    }
}

/// An amount times days over days, rounded half to even; what does not fit is an error.
///
/// # Errors
/// [`Error::Overflow`].
pub fn average(minor_days: i128, days: i64) -> Result<i64, Error> {
    let by = i128::from(days.max(1));
    let (whole, rest) = (minor_days.div_euclid(by), minor_days.rem_euclid(by));
    let up = match (2 * rest).cmp(&by) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => whole.rem_euclid(2),
    };
    i64::try_from(whole + up).map_err(|_| Error::Overflow { what: "an average" })
}

impl Counts {
    fn add(&mut self, other: &Self) -> Result<(), Error> {
        self.notices += other.notices;
        self.missed += other.missed;
        self.claims += other.claims;
        self.stops += other.stops;
        self.requests += other.requests;
        self.changes += other.changes;
        self.monitoring_day_minor += other.monitoring_day_minor;
        add(&mut self.missed_minor, other.missed_minor, "invoices without notice")?;
        add(&mut self.claims_minor, other.claims_minor, "invoices to claim")?;
        add(&mut self.lost_minor, other.lost_minor, "uncovered invoices to claim")?;
        add(&mut self.requests_minor, other.requests_minor, "fees")
    }

    /// Requests, changes and watching over limits together.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn fees_minor(&self) -> Result<i64, Error> {
        let mut sum = self.requests_minor;
        add(&mut sum, average(self.monitoring_day_minor, 365)?, "fees")?;
        Ok(sum)
    }
}

impl Totals {
    /// Adds one buyer.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn add(&mut self, replayed: &Replayed) -> Result<(), Error> {
        let own = self.changes.iter_mut().zip(&mut self.counts);
        for ((changes, counts), Side { days, counts: more }) in own.zip(&replayed.sides) {
            let mut before = Figures::default();
            for (day, figures) in days {
                let change = changes.entry(*day).or_default();
                *change = change.plus(figures.minus(before)?)?;
                before = *figures;
            }
            counts.add(more)?;
        }
        Ok(())
    }

    /// The figures over some days of the window, under the policy in force and under the draft.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn sums(&self, window: Window) -> Result<[Sums; 2], Error> {
        let [left, right] = &self.changes;
        Ok([of_changes(left, window)?, of_changes(right, window)?])
    }

    /// The same month by month.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn months(&self, window: Window) -> Result<Vec<Month>, Error> {
        let mut months = Vec::new();
        let mut from = window.from;
        while from <= window.to {
            let next = from.with_day(1).and_then(|first| first.checked_add_months(chrono::Months::new(1)));
            let last = next.and_then(|next| next.pred_opt()).unwrap_or(window.to).min(window.to);
            let part = Window { from, to: last };
            months.push(Month { window: part, sums: self.sums(part)? });
            let Some(next) = next else { break };
            from = next;
        }
        Ok(months)
    }
}

fn of_changes(changes: &BTreeMap<Date, Figures>, window: Window) -> Result<Sums, Error> {
    let mut now = Figures::default();
    for change in changes.range(..window.from).map(|(_, change)| *change) {
        now = now.plus(change)?;
    }
    let mut steps: Vec<(Date, Figures)> = vec![(window.from, now)];
    for (day, change) in changes.range(window.from..=window.to) {
        now = now.plus(*change)?;
        match steps.last_mut().filter(|(last, _)| last == day) {
            Some((_, figures)) => *figures = now,
            None => steps.push((*day, now)),
        }
    }
    let mut sums = Sums::default();
    let mut days = [0_i128; 5];
    let ends = steps.iter().skip(1).map(|(day, _)| *day).chain(window.to.succ_opt());
    for ((day, figures), end) in steps.iter().zip(ends) {
        let span = i128::from(end.signed_duration_since(*day).num_days());
        let all = [
            figures.outstanding_minor,
            figures.covered_minor,
            figures.uninsured_minor,
            figures.indemnity_minor,
            figures.stopped_minor,
        ];
        for (sum, minor) in days.iter_mut().zip(all) {
            *sum += i128::from(minor) * span;
        }
        if sums.peak_on.is_none() || figures.uninsured_minor > sums.peak.uninsured_minor {
            sums.peak_on = Some(*day);
        }
        sums.peak =
            if *day == window.from { *figures } else { sums.peak.zip(*figures, |a, b| Ok(a.max(b)))? };
    }
    let [outstanding, covered, uninsured, indemnity, stopped] = days;
    let count = window.count();
    sums.average = Figures {
        outstanding_minor: average(outstanding, count)?,
        covered_minor: average(covered, count)?,
        uninsured_minor: average(uninsured, count)?,
        indemnity_minor: average(indemnity, count)?,
        stopped_minor: average(stopped, count)?,
    };
    Ok(sums)
}
