//! What is said of a rating that changed. A rating that is read for the first time is no change.

use serde_json::json;

use crate::ledger::RatingChange;
use crate::model::{Delta, Event};

/// The delta of a change, if it is one; `country` is the buyer's.
pub(super) fn rating_delta(connection: &str, change: &RatingChange, country: String) -> Option<Delta> {
    let (before, after) = (change.before.as_ref()?, &change.after);
    if before.rating == after.rating {
        return None;
    }
    let who = if after.buyer_name.is_empty() { &after.insurer_buyer_id } else { &after.buyer_name };
    let class = after.class.as_ref().map_or_else(String::new, |class| format!(" ({class})"));
    Some(Delta {
        event: Event::RatingChanged,
        subject: format!("{connection}/{}", after.insurer_buyer_id),
        version: change.version.to_string(),
        connection: connection.to_owned(),
        country,
        summary: format!("The insurer's rating of {who} changed from {} to {}{class}.", before.rating, after.rating),
        data: json!({
            "insurer_buyer_id": after.insurer_buyer_id, "buyer": change.buyer_id, "name": after.buyer_name,
            "before": before.rating, "rating": after.rating, "class": after.class, "changed_on": after.changed_on,
            "version": change.version,
        })
        .to_string(),
    })
}
