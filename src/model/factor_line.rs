//! What a factor says of a document that was assigned to it: a line of its statement.
//!
//! Invariant: amounts are never negative. Reference: shared rules, "Factoring".

use super::{Currency, Date, words};

words! {
    /// Where a document stands with the factor.
    FactorState {
        /// It has arrived, and nothing was decided.
        Received = "received",
        /// The factor took it.
        Accepted = "accepted",
        /// The factor did not take it.
        Rejected = "rejected",
        /// The factor has paid what it pays for it.
        Financed = "financed",
        /// The buyer has paid the factor, or the invoice is settled otherwise.
        Paid = "paid",
        /// The factor has taken its financing back.
        Definanced = "definanced",
        /// The factor's word is not in the mapping.
        Unknown = "unknown",
    }
}

impl FactorState {
    /// Whether the factor still counts on being paid by the buyer.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Received | Self::Accepted | Self::Financed => true,
            Self::Rejected | Self::Paid | Self::Definanced | Self::Unknown => false,
        }
    }
}

/// What a list says of what it does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// It shows everything: what is absent is gone.
    Whole,
    /// It answers what it was asked: what is absent is as it was, and what was said later counts.
    Answers,
}

/// One line of a factor's statement.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FactorLine {
    /// The contract's number, where the statement says it: one of several contracts does.
    pub contract: Option<String>,
    /// The document's number, as the factor writes it.
    pub number: String,
    /// Currency of the amounts.
    pub currency: Currency,
    /// Its amount, minor units.
    pub amount_minor: i64,
    /// Where it stands.
    pub state: FactorState,
    /// What the factor has paid for it, where the statement says so, minor units.
    pub financed_minor: Option<i64>,
    /// What the factor holds as a guarantee, where the statement says so, minor units.
    pub holdback_minor: Option<i64>,
    /// What the factor has given back of the guarantee, where the statement says so, minor units.
    #[serde(default)]
    pub released_minor: Option<i64>,
    /// What the factor charges for it, tax included, where the statement says so, minor units.
    #[serde(default)]
    pub fee_minor: Option<i64>,
    /// The factor's reason.
    pub reason: Option<String>,
    /// Since when it stands so, where the statement says so.
    pub date: Option<Date>,
}
