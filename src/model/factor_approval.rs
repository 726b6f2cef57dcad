//! What a factor approves for a buyer: how much of its invoices it finances and covers, from when to when.
//!
//! Invariant: amounts are never negative, and the buyer is named by a registry number or by the factor's own number. Reference: shared
//! rules, "Factoring".

use super::{Currency, Date, Identifier, identify, words};

words! {
    /// What the factor says of a buyer.
    ApprovalState {
        /// It approves the amount.
        Granted = "granted",
        /// It approves nothing any more.
        Withdrawn = "withdrawn",
        /// It did not grant what was asked; what was granted before stands.
        Refused = "refused",
        /// The factor's word is not in the mapping.
        Unknown = "unknown",
    }
}

/// One statement of a factor on a buyer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FactorApproval {
    /// The contract's number, where it says it.
    pub contract: Option<String>,
    /// What the factor calls the buyer.
    pub factor_id: Option<String>,
    /// The buyer's registry numbers.
    pub identifiers: Vec<Identifier>,
    /// The buyer's name; may be empty.
    pub buyer_name: String,
    /// Currency of the amount.
    pub currency: Currency,
    /// What it approves, minor units; 0 where it approves nothing.
    pub amount_minor: i64,
    /// What it says.
    pub state: ApprovalState,
    /// The first day on which it holds; always until then without it.
    pub from: Option<Date>,
    /// The last day on which it holds; without an end without it.
    pub to: Option<Date>,
    /// When the factor said so.
    pub date: Option<Date>,
    /// Its reason or its conditions.
    pub reason: Option<String>,
}

impl FactorApproval {
    /// The legal buyer that its registry numbers lead to.
    #[must_use]
    pub fn identity(&self) -> Option<String> {
        identify("", &self.identifiers).map(|identity| identity.buyer)
    }

    /// What it is about: two statements with the same key are one, said again.
    #[must_use]
    pub fn key(&self) -> String {
        let buyer = self
            .identity()
            .unwrap_or_else(|| format!("factor:{}", self.factor_id.as_deref().unwrap_or_default()));
        let from = self.from.map(|day| day.to_string()).unwrap_or_default();
        let contract = self.contract.as_deref().unwrap_or_default();
        format!("{contract}|{buyer}|{}|{}|{from}", self.currency, self.state)
    }
}
