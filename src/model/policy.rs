//! The terms of a credit insurance policy that cover is computed with.
//!
//! Values belong to a policy *period*, never to code. Reference: shared rules, "Cover of each invoice".

use rust_decimal::Decimal;

use super::{Currency, Date};

/// One period of one policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Policy {
    /// The policy number, as the insurer writes it in its answers.
    pub number: String,
    /// The connection of the insurer.
    pub connection: String,
    /// The currency that limits and cover are counted in.
    pub currency: Currency,
    /// First day of the period.
    pub valid_from: Date,
    /// Last day of the period; none while it is renewed tacitly.
    pub valid_to: Option<Date>,
    /// Share of a covered loss that is paid, 0 to 100.
    pub insured_percentage: Decimal,
    /// Longest credit, in days from invoice to due date, that is insured; none when the policy names none.
    pub maximum_terms_days: Option<i64>,
    /// The small cover the policyholder grants himself on a buyer that was never decided, minor units.
    pub discretionary_minor: i64,
    /// A change of exposure below this is not announced, minor units.
    pub exposure_threshold_minor: i64,
    /// How many days before a temporary layer ends its end is announced.
    pub warning_days: i64,
}

impl Policy {
    /// Whether the period contains a date.
    #[must_use]
    pub fn contains(&self, date: Date) -> bool {
        date >= self.valid_from && self.valid_to.is_none_or(|to| date <= to)
    }
}
