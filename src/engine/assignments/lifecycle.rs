//! What the platforms of the French e-invoicing reform have to be told of assigned invoices.
//!
//! Level-triggered: each run compares the status that an invoice should have with the one that was said last.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;

use super::Error;
use crate::engine::Setup;
use crate::factoring::lifecycle;
use crate::ledger::{InForceRow, InvoiceStatusRow, Tx};
use crate::model::{Contract, Delta, DocumentKind, EInvoicing, Event, FactorState, Instant, LifecycleStatus};

/// Keeps the statuses that have changed, and says each once.
pub(in crate::engine) async fn statuses(
    tx: &mut Tx<'_>,
    setup: &Setup,
    now: Instant,
) -> Result<Vec<Delta>, Error> {
    let company = setup.company.id.as_str();
    let mut known: HashMap<(String, String), (LifecycleStatus, usize)> = HashMap::new();
    for row in tx.invoice_statuses(company).await? {
        let status = LifecycleStatus::parse(&row.status).ok_or_else(|| crate::ledger::Error::Unreadable {
            what: "status of an invoice",
            value: row.status.clone(),
        })?;
        let own = known.entry((row.connection, row.external_id)).or_insert((status, 0));
        *own = (status, own.1 + 1);
    }
    let (mut rows, mut deltas) = (Vec::new(), Vec::new());
    // What went back from one contract and went to another is the other's to speak of.
    let mut held: HashSet<(String, String)> = HashSet::new();
    for contract in &setup.contracts {
        let own = tx.assigned(&contract.factor, &contract.number).await?;
        let own = own.into_iter().filter(|row| row.reassigned_on.is_none());
        held.extend(own.map(|row| (row.connection, row.external_id)));
    }
    for contract in &setup.contracts {
        let Some(terms) = &contract.e_invoicing else { continue };
        let lines = super::answers::lines_of(tx, setup, contract).await?;
        let states: BTreeMap<&str, FactorState> =
            lines.iter().map(|line| (line.number.as_str(), line.state)).collect();
        let in_force = tx.assigned(&contract.factor, &contract.number).await?;
        for row in in_force.iter().filter(|row| row.kind == DocumentKind::Invoice.as_str()) {
            let key = (row.connection.clone(), row.external_id.clone());
            if row.reassigned_on.is_some() && held.contains(&key) {
                continue;
            }
            let before = known.get(&key).copied();
            let stated = states.get(row.written.as_str()).copied();
            // What went back stays the seller's, whatever an older statement says.
            let state = if row.reassigned_on.is_some() { Some(FactorState::Definanced) } else { stated };
            let said = before.map(|(status, _)| status);
            let Some(status) = lifecycle(terms.status, row.sent, state, said) else { continue };
            if said == Some(status) {
                continue;
            }
            deltas.push(delta(
                contract,
                terms,
                row,
                (said, status),
                before.map_or(0, |(_, count)| count) + 1,
            ));
            rows.push(InvoiceStatusRow {
                connection: row.connection.clone(),
                external_id: row.external_id.clone(),
                status: status.as_str().to_owned(),
                recorded_at: now,
            });
        }
    }
    tx.keep_invoice_statuses(company, &rows).await?;
    Ok(deltas)
}

fn delta(
    contract: &Contract,
    terms: &EInvoicing,
    row: &InForceRow,
    (before, status): (Option<LifecycleStatus>, LifecycleStatus),
    version: usize,
) -> Delta {
    // 226 must never reach the buyer or its platform.
    let (told, to_buyer) = match status {
        LifecycleStatus::Factored => ("factored", true),
        LifecycleStatus::FactoredConfidentially => ("factored confidentially", false),
        LifecycleStatus::AccountChanged => ("to be paid to another account", true),
        LifecycleStatus::NotFactored => {
            ("not factored any more", before != Some(LifecycleStatus::FactoredConfidentially))
        }
    };
    let account = (status != LifecycleStatus::NotFactored)
        .then(|| json!({ "iban": terms.iban, "bic": terms.bic, "holder": terms.holder }));
    Delta {
        event: Event::InvoiceStatus,
        subject: format!("{}/{}", row.connection, row.external_id),
        version: version.to_string(),
        connection: contract.connection.clone(),
        country: contract.country.clone(),
        summary: format!("Invoice {} is {told} ({status}).", row.number),
        data: json!({
            "erp": row.connection, "external_id": row.external_id, "number": row.number, "buyer": row.buyer_id,
            "status": status, "before": before, "to_buyer": to_buyer, "factor": contract.factor, "contract": contract.number,
            "account": account, "version": version,
        })
        .to_string(),
    }
}
