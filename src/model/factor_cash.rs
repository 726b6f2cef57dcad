//! What a bank account says that a factor has paid, or has taken.
//!
//! Invariant: amounts are never negative; the direction says which way the money went. Reference: shared rules, "Factoring".

use super::{Currency, Date, words};

words! {
    /// Which way money went, seen from the company's account.
    CashDirection {
        /// Into it.
        Credit = "credit",
        /// Out of it.
        Debit = "debit",
    }
}

/// An entry of a bank account on the other side of which the factor stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FactorCash {
    /// The company's account.
    pub account: String,
    /// The bank's reference of the entry, the same wherever it tells of it.
    pub reference: Option<String>,
    /// Currency of the amount.
    pub currency: Currency,
    /// The amount, minor units.
    pub amount_minor: i64,
    /// Which way it went.
    pub direction: CashDirection,
    /// It takes an earlier entry back.
    pub reversal: bool,
    /// The day on which it was booked.
    pub booked: Date,
    /// The day from which it counts.
    pub valued: Option<Date>,
    /// The other side, as the bank writes it.
    pub party: String,
    /// What the payment says of itself.
    pub text: Option<String>,
}
