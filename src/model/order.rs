//! Orders that customers have placed and that are not invoiced yet: what buyers will owe next.
//!
//! Reference: shared rules, "Planning requests": the order backlog is a part of the need.

use super::{Currency, Date};

/// One order of one account, as far as it is not invoiced.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Order {
    /// The source's own key, text for ever.
    pub external_id: String,
    /// The number people quote.
    pub number: String,
    /// The external id of the account that placed it.
    pub account: String,
    /// Currency of the amount.
    pub currency: Currency,
    /// What is still to be invoiced of it, tax included, minor units; never negative.
    pub open_minor: i64,
    /// Date of the order.
    pub ordered: Date,
}
