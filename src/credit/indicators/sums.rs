//! What indicators are quotients of: sums over items and covers, of one buyer or of many, in one currency.
//!
//! Invariant: adding is associative and commutative, and every sum is checked.

use std::collections::BTreeMap;

use super::super::statement::Period;
use super::super::{Error, add};
use super::Window;
use crate::model::{Date, ItemKind};

/// An open item, as far as indicators go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenPart {
    /// Invoice, credit note or receipt.
    pub kind: ItemKind,
    /// What is open of it, minor units, not negative.
    pub open_minor: i64,
    /// Date of the document.
    pub issued: Date,
    /// Due date as first invoiced.
    pub original_due: Date,
    /// The due date was computed from terms.
    pub due_estimated: bool,
}

/// Days, each counted as often as the amount beside it has minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weighted {
    /// Σ amount, minor units.
    pub weight_minor: i64,
    /// Σ amount × days.
    pub minor_days: i128,
}

impl Weighted {
    fn add(&mut self, amount_minor: i64, days: i64) -> Result<(), Error> {
        add(&mut self.weight_minor, amount_minor, "weights of days")?;
        self.join(i128::from(amount_minor) * i128::from(days))
    }

    fn join(&mut self, minor_days: i128) -> Result<(), Error> {
        let sum = self.minor_days.checked_add(minor_days);
        self.minor_days = sum.ok_or(Error::Overflow { what: "weighted days" })?;
        Ok(())
    }
}

/// What one insurer says of one buyer under one policy, in the currency of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stake {
    /// The insurer's connection.
    pub connection: String,
    /// What is covered, minor units.
    pub covered_minor: i64,
    /// The limit of the day where the insurer has decided one, minor units.
    pub limit_minor: Option<i64>,
    /// What was requested and what of it was granted, where the insurer says both, minor units.
    pub requested_minor: Option<(i64, i64)>,
    /// The nearest last day of something that is still to be done.
    pub next_deadline: Option<Date>,
}

/// Sums of one currency; amounts are minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// Open invoices.
    pub invoices_minor: i64,
    /// Thereof past the original due date.
    pub overdue_minor: i64,
    /// Thereof more than 90 days past it.
    pub over_90_minor: i64,
    /// Open invoices whose due date was computed from terms.
    pub estimated_minor: i64,
    /// Open credit notes and unallocated receipts, as a positive amount.
    pub credits_minor: i64,
    /// Terms of the open invoices.
    pub terms: Weighted,
    /// Invoices less credit notes by the month of their date; no month that is not in the window.
    pub turnover: BTreeMap<Period, i64>,
    /// Days late of the invoices settled within the window.
    pub late: Weighted,
    /// Settled invoices of which nobody says when.
    pub undated_count: i64,
    /// What buyers who owe, owe: those with a credit balance count as 0.
    pub owed_minor: i64,
    /// Thereof covered.
    pub covered_minor: i64,
    /// What buyers with a decided limit above zero owe.
    pub limited_owed_minor: i64,
    /// Their limits.
    pub limits_minor: i64,
    /// What was requested.
    pub requested_minor: i64,
    /// What of it was granted.
    pub granted_minor: i64,
    /// The nearest last day of something that an insurer has to be told, or a buyer has to pay.
    pub next_deadline: Option<Date>,
}

/// The earlier of two days that may not be there.
fn nearer(one: Option<Date>, other: Option<Date>) -> Option<Date> {
    one.into_iter().chain(other).min()
}

impl Sums {
    /// Open invoices less credits; negative when customers are owed.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn outstanding_minor(&self) -> Result<i64, Error> {
        self.invoices_minor.checked_sub(self.credits_minor).ok_or(Error::Overflow { what: "open items" })
    }

    /// Turnover of a month.
    #[must_use]
    pub fn turnover_of(&self, period: Period) -> i64 {
        self.turnover.get(&period).copied().unwrap_or_default()
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Counts an open item at `on`. One with nothing open counts nowhere.
    ///
    /// # Errors
    /// [`Error::NegativeItem`], [`Error::Overflow`].
    pub fn add_open(&mut self, part: &OpenPart, on: Date) -> Result<(), Error> {
        if part.open_minor < 0 {
            return Err(Error::NegativeItem { id: "of an indicator".to_owned(), minor: part.open_minor });
        }
        match part.kind {
            ItemKind::CreditNote | ItemKind::Receipt => {
                return add(&mut self.credits_minor, part.open_minor, "open credits");
            }
            ItemKind::Invoice => {}
        }
        add(&mut self.invoices_minor, part.open_minor, "open invoices")?;
        let late = on.signed_duration_since(part.original_due).num_days();
        if late > 0 {
            add(&mut self.overdue_minor, part.open_minor, "overdue invoices")?;
        }
        if late > 90 {
            add(&mut self.over_90_minor, part.open_minor, "overdue invoices")?;
        }
        if part.due_estimated {
            add(&mut self.estimated_minor, part.open_minor, "estimated due dates")?;
        }
        let terms = part.original_due.signed_duration_since(part.issued).num_days();
        self.terms.add(part.open_minor, terms)
    }

    /// Counts what was invoiced less credited in a month.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn add_turnover(&mut self, period: Period, minor: i64) -> Result<(), Error> {
        add(self.turnover.entry(period).or_default(), minor, "turnover")
    }

    /// Counts a settled invoice where it was settled within the window, or where nobody says when.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn add_settled(
        &mut self,
        total_minor: i64,
        original_due: Date,
        settled_on: Option<Date>,
        window: &Window,
    ) -> Result<(), Error> {
        match settled_on {
            None => add(&mut self.undated_count, 1, "settled invoices"),
            Some(day) if window.contains(day) => {
                let late = day.signed_duration_since(original_due).num_days();
                self.late.add(total_minor, late.max(0))
            }
            Some(_) => Ok(()),
        }
    }

    /// Counts what insurers say of the one buyer that these sums are of. Once, after its items.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn add_cover<'s>(&mut self, stakes: impl IntoIterator<Item = &'s Stake>) -> Result<(), Error> {
        let owed = self.outstanding_minor()?.max(0);
        let (mut covered, mut limit) = (0, 0);
        for stake in stakes {
            add(&mut covered, stake.covered_minor, "covered amounts")?;
            add(&mut limit, stake.limit_minor.unwrap_or_default(), "limits")?;
            self.next_deadline = nearer(self.next_deadline, stake.next_deadline);
            if let Some((requested, granted)) = stake.requested_minor {
                add(&mut self.requested_minor, requested, "requested limits")?;
                add(&mut self.granted_minor, granted, "granted limits")?;
            }
        }
        add(&mut self.owed_minor, owed, "open items")?;
        add(&mut self.covered_minor, covered.clamp(0, owed), "covered amounts")?;
        if limit > 0 {
            add(&mut self.limits_minor, limit, "limits")?;
            add(&mut self.limited_owed_minor, owed, "open items")?;
        }
        Ok(())
    }

    /// Adds the sums of other buyers, or of another part of the same one, in the same currency.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn join(&mut self, other: &Self) -> Result<(), Error> {
        let pairs = [
            (&mut self.invoices_minor, other.invoices_minor),
            (&mut self.overdue_minor, other.overdue_minor),
            (&mut self.over_90_minor, other.over_90_minor),
            (&mut self.estimated_minor, other.estimated_minor),
            (&mut self.credits_minor, other.credits_minor),
            (&mut self.terms.weight_minor, other.terms.weight_minor),
            (&mut self.late.weight_minor, other.late.weight_minor),
            (&mut self.undated_count, other.undated_count),
            (&mut self.owed_minor, other.owed_minor),
            (&mut self.covered_minor, other.covered_minor),
            (&mut self.limited_owed_minor, other.limited_owed_minor),
            (&mut self.limits_minor, other.limits_minor),
            (&mut self.requested_minor, other.requested_minor),
            (&mut self.granted_minor, other.granted_minor),
        ];
        for (sum, amount) in pairs {
            add(sum, amount, "sums of buyers")?;
        }
        self.next_deadline = nearer(self.next_deadline, other.next_deadline);
        self.terms.join(other.terms.minor_days)?;
        self.late.join(other.late.minor_days)?;
        for (period, minor) in &other.turnover {
            self.add_turnover(*period, *minor)?;
        }
        Ok(())
    }
}
