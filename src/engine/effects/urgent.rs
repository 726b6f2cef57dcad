//! Requests that a person wants decided urgently: what that costs, and whether the insurer is told of it.

use std::collections::BTreeMap;

use super::super::Setup;
use crate::ledger::EffectRow;
use crate::model::{Date, Effect, EffectKind, Money};

/// What urgency adds to the fee of a proposal.
///
/// # Errors
/// A sentence: it is no request, or the insurer takes no urgent ones.
pub fn urgent_fee(setup: &Setup, effect: &Effect, day: Date) -> Result<Money, String> {
    fee(setup, (effect.kind, &effect.connection, &effect.policy), &effect.facts, day)
}

/// The same of a proposal that is written down.
pub(super) fn fee_of_row(setup: &Setup, row: &EffectRow, day: Date) -> Result<Money, String> {
    let kind = row.kind().map_err(|error| error.to_string())?;
    fee(setup, (kind, &row.connection, &row.policy), &row.facts, day)
}

fn fee(
    setup: &Setup,
    (kind, connection, number): (EffectKind, &str, &str),
    facts: &BTreeMap<String, String>,
    day: Date,
) -> Result<Money, String> {
    if !matches!(kind, EffectKind::RequestLimit | EffectKind::ChangeLimit) {
        return Err("only a request for a limit can be urgent".to_owned());
    }
    let able = setup.connections.iter().find(|own| own.id == connection && own.has(kind.as_str()));
    let able = able.ok_or_else(|| format!("nothing can be sent to {connection}: urgency is said by hand"))?;
    let mut facts = facts.clone();
    facts.entry("our_reference".to_owned()).or_insert_with(|| "urgent".to_owned()); // known once it is proposed
    facts.entry("from".to_owned()).or_insert_with(|| day.to_string());
    match able.tells(kind.as_str(), &facts, ("urgent", "true")) {
        Ok(true) => {}
        Ok(false) => {
            let name = &able.connector.manifest.name;
            return Err(format!(
                "{name} takes no urgent requests: leave --urgent out, or tell the insurer by hand"
            ));
        }
        Err(error) => return Err(error.to_string()),
    }
    let policies =
        || setup.policies.iter().filter(|own| own.connection == connection && own.number == number);
    let policy = policies()
        .find(|own| own.contains(day))
        .ok_or_else(|| format!("policy {number} has no period on {day}"))?;
    Ok(Money::new(policy.fees.urgent_minor, policy.currency))
}
