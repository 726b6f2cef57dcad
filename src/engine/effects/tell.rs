//! Effects in words: for people, and as deltas.

use serde_json::json;

use crate::ledger::EffectRow;
use crate::model::{Action, Delta, EffectKind, Event, render_minor};

/// The sentence that people know an effect by.
pub(super) fn title(row: &EffectRow) -> String {
    let amount = row.amount().map_or_else(String::new, |money| money.to_string());
    let before = row.before().map_or_else(String::new, |money| money.to_string());
    match Action::parse(&row.action) {
        Some(Action::New) => format!("ask {} for {amount} on {}", row.connection, row.name),
        Some(Action::Supersede) => format!("ask {} again for {amount} on {}", row.connection, row.name),
        Some(Action::Increase) => {
            format!("ask {} for {amount} instead of {before} on {}", row.connection, row.name)
        }
        Some(Action::Reduce) => format!("give back part of {before} on {}: {amount} stays", row.name),
        Some(Action::Cancel) => format!("give up the limit of {before} on {}", row.name),
        Some(Action::Withdraw) => format!("take back the request on {}", row.name),
        Some(Action::Set) => format!("write a limit of {amount} for {} into {}", row.name, row.connection),
        Some(Action::Zero) => format!("write a limit of zero for {} into {}", row.name, row.connection),
        Some(Action::Remove) => format!("take the limit of {} out of {}", row.name, row.connection),
        Some(Action::Block) => format!("block {} in {}", row.name, row.connection),
        Some(Action::Notify) => {
            format!("notify {} of {amount} overdue on {}: {}", row.connection, row.name, row.subject)
        }
        Some(Action::State) => format!("state {amount} owed by {} to {}", row.name, row.connection),
        None => format!("{} on {}", row.action, row.name),
    }
}

/// The delta of a request; other effects say nothing.
pub(in crate::engine) fn request_delta(event: Event, row: &EffectRow) -> Option<Delta> {
    if !row.kind().is_ok_and(EffectKind::is_request) {
        return None;
    }
    let currency = crate::model::Currency::parse(&row.currency);
    let amount =
        |minor: Option<i64>| minor.zip(currency).map(|(minor, currency)| render_minor(minor, currency));
    let summary = if event == Event::RequestProposed {
        format!("Proposed: {}. {}", title(row), row.why)
    } else if event == Event::RequestSent {
        format!("Sent: {}.", title(row))
    } else {
        format!("Answered: {}: {}.", title(row), row.message.as_deref().unwrap_or(&row.state))
    };
    Some(Delta {
        event,
        subject: row.id.clone(),
        version: row.version.to_string(),
        connection: row.connection.clone(),
        country: row.country.clone(),
        summary,
        data: json!({
            "request": row.id, "kind": row.kind, "action": row.action, "state": row.state, "awaiting": row.awaiting,
            "policy": row.policy, "buyer": row.buyer_id, "name": row.name, "insurer_buyer_id": row.subject,
            "amount": amount(row.amount_minor), "before": amount(row.before_minor), "fee": amount(row.fee_minor),
            "currency": row.currency, "why": row.why, "approval": row.approval, "our_reference": row.our_reference,
            "reference": row.partner_reference,
        })
        .to_string(),
    })
}
