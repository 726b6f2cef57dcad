//! How an insurer rates a buyer. Scales differ, so a rating is a text and is not compared.

use super::Date;

/// An insurer's rating of one buyer, as it states it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rating {
    /// The insurer's id of the buyer.
    pub insurer_buyer_id: String,
    /// The name the insurer gives the buyer, for people only; empty without one.
    pub buyer_name: String,
    /// The rating.
    pub rating: String,
    /// The insurer's words for it.
    pub class: Option<String>,
    /// The rating before, where the insurer says so.
    pub previous: Option<String>,
    /// Since when, where the insurer says so.
    pub changed_on: Option<Date>,
}
