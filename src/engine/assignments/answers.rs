//! Which of a factor's answers speak of which contract, and what they leave of it.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use crate::connector::Mode;
use crate::engine::Setup;
use crate::factoring::{Approved, with_approvals};
use crate::ledger::{ApprovalRow, Tx};
use crate::model::{Contract, Date, FactorApproval, FactorLine, FactorState, Listing, render_minor};

/// Whether what names this contract, or none, speaks of a contract: what names it does, and of the first contract of a connection what names
/// none of them does too, so that nothing is passed over.
fn speaks_of(setup: &Setup, contract: &Contract, named: Option<&str>) -> bool {
    let mut numbers = setup
        .contracts
        .iter()
        .filter(|own| own.answers() == contract.answers())
        .map(|own| own.number.as_str());
    let first = numbers.clone().next();
    match named {
        Some(named) if numbers.any(|number| number == named) => named == contract.number,
        Some(_) | None => first == Some(contract.number.as_str()),
    }
}

/// The lines that speak of a contract.
pub(super) async fn lines_of(
    tx: &mut Tx<'_>,
    setup: &Setup,
    contract: &Contract,
) -> Result<Vec<FactorLine>, Error> {
    let rows = tx.factor_lines(contract.answers()).await?;
    let own = |line: &FactorLine| speaks_of(setup, contract, line.contract.as_deref());
    Ok(rows.into_iter().map(|row| row.payload.0).filter(own).collect())
}

/// What the factor's statement says of what it does not list.
pub(super) fn listing(setup: &Setup, contract: &Contract) -> Listing {
    let connection = setup.connections.iter().find(|own| own.id == contract.answers());
    let operation = connection.and_then(|own| own.connector.manifest.operations.get("read_statement"));
    match operation.map(|operation| operation.mode) {
        Some(Mode::Incremental) => Listing::Answers,
        Some(Mode::Snapshot) | None => Listing::Whole,
    }
}

/// The documents that a factor has under ids of its own and has not said its last word on, for an operation that asks of each.
pub(in crate::engine) async fn held(
    tx: &mut Tx<'_>,
    connection: &str,
) -> Result<Vec<BTreeMap<String, String>>, crate::ledger::Error> {
    let is_last = |line: &FactorLine| matches!(line.state, FactorState::Paid | FactorState::Rejected);
    let lines = tx.factor_lines(connection).await?.into_iter().map(|row| row.payload.0).filter(is_last);
    let ended: BTreeSet<(Option<String>, String)> = lines.map(|line| (line.contract, line.number)).collect();
    let mut held = Vec::new();
    for row in tx.held_by_factor(connection).await? {
        if ended.contains(&(Some(row.contract.clone()), row.written.clone())) {
            continue;
        }
        let amount = render_minor(row.amount_minor, row.currency()?);
        let known = [
            ("contract", Some(row.contract)),
            ("number", Some(row.written)),
            ("currency", Some(row.currency)),
            ("amount", Some(amount)),
            ("reference", Some(row.reference)),
            ("financing", row.financing),
        ];
        held.push(known.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect());
    }
    Ok(held)
}

/// A contract with what its factor approves, as of a day, and what was taken from where.
pub(super) async fn approved(
    tx: &mut Tx<'_>,
    setup: &Setup,
    contract: &Contract,
    on: Date,
) -> Result<(Contract, Vec<Approved>), Error> {
    let own = |rows: Vec<ApprovalRow>| -> Vec<FactorApproval> {
        let all = rows.into_iter().map(|row| row.payload.0);
        all.filter(|own| speaks_of(setup, contract, own.contract.as_deref())).collect()
    };
    // What names a contract that is not here grants nothing under another one; it is told with the first.
    let is_known = |own: &FactorApproval| {
        own.contract.as_deref().is_none_or(|named| setup.contracts.iter().any(|own| own.number == named))
    };
    let stated = own(tx.approvals(contract.answers()).await?);
    let (stated, strange): (Vec<_>, Vec<_>) = stated.into_iter().partition(is_known);
    let mut left = own(tx.left_approvals(contract.answers()).await?);
    left.retain(is_known);
    let (effective, mut all) = with_approvals(contract, &stated, &left, on);
    all.extend(strange.into_iter().map(|last| Approved {
        buyer: None,
        currency: last.currency,
        file_minor: None,
        stated_minor: None,
        counts_minor: None,
        last: FactorApproval {
            reason: Some(format!(
                "it is for the contract {}, which is not here",
                last.contract.as_deref().unwrap_or_default()
            )),
            ..last
        },
    }));
    Ok((effective, all))
}
