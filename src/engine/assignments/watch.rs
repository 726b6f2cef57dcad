//! What a factor's statement says: facts that are new, and differences from what was assigned.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Error;
use super::answers::{approved, lines_of, listing};
use crate::engine::Setup;
use crate::factoring::{Age, Approved, Compared, Finding, Held, Holding, Sent, holdbacks, reconcile};
use crate::ledger::{FactorLineChange, InForceRow, Tx};
use crate::model::{
    Break, BreakKind, Contract, Currency, Date, Delta, DocumentKind, Event, FactorLine, FactorState, Listing,
    Money, render_minor,
};

/// The fact that a document stands otherwise with the factor than before, where it is one that is published.
pub(in crate::engine) fn line_delta(change: &FactorLineChange) -> Option<Delta> {
    let line = &change.after;
    let before = change.before.as_ref().map(|before| before.state);
    let (event, told) = match line.state {
        FactorState::Accepted => (Event::AssignmentAccepted, "accepted"),
        FactorState::Rejected => (Event::AssignmentRejected, "rejected"),
        FactorState::Financed => (Event::AssignmentFinanced, "financed"),
        FactorState::Definanced => (Event::AssignmentDefinanced, "definanced"),
        FactorState::Received | FactorState::Paid | FactorState::Unknown => return None,
    };
    if before == Some(line.state) {
        return None;
    }
    let amount = |minor: i64| render_minor(minor, line.currency);
    let reason = line.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let money = Money::new(line.amount_minor, line.currency);
    Some(Delta {
        event,
        subject: format!("{}/{}/{}", change.connection, line.contract.as_deref().unwrap_or_default(), line.number),
        version: change.version.to_string(),
        connection: change.connection.clone(),
        country: String::new(),
        summary: format!("The factor has {told} {}, {money}{reason}.", line.number),
        data: json!({
            "contract": line.contract, "number": line.number, "currency": line.currency, "amount": amount(line.amount_minor),
            "state": line.state, "previous": before, "financed": line.financed_minor.map(amount),
            "holdback": line.holdback_minor.map(amount), "released": line.released_minor.map(amount), "fee": line.fee_minor.map(amount),
            "reason": line.reason, "date": line.date, "version": change.version,
        })
        .to_string(),
    })
}

/// A contract against the last statement of its factor.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The contract's number.
    pub contract: String,
    /// The factor.
    pub factor: String,
    /// The connection that reads what the factor says.
    pub connection: String,
    /// Whether a statement was ever read.
    pub has_stated: bool,
    /// What the factor says of what it does not list.
    pub listing: Listing,
    /// How many lines the last one has.
    pub lines: usize,
    /// The differences.
    pub differences: Vec<Differs>,
    /// What was expected to be paid for everything that was sent, minor units by currency.
    pub expected: BTreeMap<Currency, i64>,
    /// What was counted, by currency.
    pub totals: BTreeMap<Currency, Compared>,
    /// The guarantee that the factor holds, by currency and by how long ago the documents were assigned.
    pub holdback: BTreeMap<(Currency, Age), Holding>,
    /// Documents that are open and past the days of recourse: the factor may take its financing back.
    pub recourse: Vec<Recourse>,
    /// Numbers of documents that the factor has and that the buyer contests, and that no batch told it: the factor has to be told.
    pub disputed: Vec<String>,
    /// The same that a batch told it of.
    pub disputes_told: Vec<String>,
    /// What the factor approves for buyers, beside what the contract's file names.
    pub approvals: Vec<Approved>,
}

/// A document that the factor may take its financing of back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recourse {
    /// Its number as the factor has it.
    pub number: String,
    /// Its due date as it was assigned.
    pub due: Date,
    /// What is open of it, minor units.
    pub open_minor: i64,
    /// Currency of the amount.
    pub currency: Currency,
}

/// One difference on one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// How they differ.
    pub kind: BreakKind,
    /// The document's number as the factor has it.
    pub number: String,
    /// The legal buyer, where it was assigned.
    pub buyer: Option<String>,
    /// Our side in words.
    pub ours: String,
    /// Theirs in words.
    pub theirs: String,
}

impl From<Finding<'_>> for Differs {
    fn from(own: Finding<'_>) -> Self {
        let Finding { kind, number, buyer, ours, theirs } = own;
        Self { kind, number: number.to_owned(), buyer: buyer.map(str::to_owned), ours, theirs }
    }
}

/// Compares every contract with the last statement of its factor, as of a day. A factor that has stated nothing yet is compared with
/// nothing.
///
/// # Errors
/// [`Error`]: what the ledger says.
pub async fn compare(tx: &mut Tx<'_>, setup: &Setup, on: Date) -> Result<Vec<Comparison>, Error> {
    let mut all = Vec::new();
    for contract in &setup.contracts {
        let mut lines = lines_of(tx, setup, contract).await?;
        let in_force = tx.assigned(&contract.factor, &contract.number).await?;
        // Of a batch that is still on its way the factor may have spoken already: it is compared once all of it is there.
        let on_the_way: BTreeSet<(&str, &str)> = in_force
            .iter()
            .filter(|row| row.sending && row.is_document())
            .map(|row| (row.written.as_str(), row.currency.as_str()))
            .collect();
        lines.retain(|line| !on_the_way.contains(&(line.number.as_str(), line.currency.code())));
        let sent = sent(&in_force)?;
        let has_stated = tx.has_stated(contract.answers()).await?;
        let mut expected = BTreeMap::new();
        for own in &sent {
            let sum: &mut i64 = expected.entry(own.currency).or_default();
            *sum = sum.saturating_add(own.available_minor);
        }
        let listing = listing(setup, contract);
        let (findings, totals) =
            if has_stated { reconcile(&sent, &lines, listing) } else { Default::default() };
        let broken: Vec<&str> =
            totals.iter().filter(|(_, own)| !own.adds_up()).map(|(currency, _)| currency.code()).collect();
        if !broken.is_empty() {
            return Err(Error::Refused(format!(
                "the comparison of the contract {} with its factor's statement does not add up in {}; report it with the statement",
                contract.number,
                broken.join(", ")
            )));
        }
        let (disputed, disputes_told) = disputed(&in_force);
        let differences = findings.into_iter().map(Differs::from).collect();
        all.push(Comparison {
            contract: contract.number.clone(),
            factor: contract.factor.clone(),
            connection: contract.answers().to_owned(),
            has_stated,
            listing,
            lines: lines.len(),
            differences,
            expected,
            totals,
            holdback: holdbacks(&held(&in_force, &lines, listing)?, on),
            recourse: recourse(&in_force, contract, on)?,
            disputed,
            disputes_told,
            approvals: approved(tx, setup, contract, on).await?.1,
        });
    }
    Ok(all)
}

/// The guarantee of each document that the factor was sent.
fn held(rows: &[InForceRow], lines: &[FactorLine], listing: Listing) -> Result<Vec<Held>, Error> {
    let stated: BTreeMap<(&str, Currency), i64> = lines
        .iter()
        .filter_map(|line| Some(((line.number.as_str(), line.currency), line.holdback_minor?)))
        .collect();
    rows.iter()
        .filter(|row| row.sent && row.is_document())
        .map(|row| {
            let currency = row.currency()?;
            // A statement tells amounts without a sign.
            let sign = if row.kind == DocumentKind::CreditNote.as_str() { -1 } else { 1 };
            let is_settled = row.open_minor == 0;
            // An answer stays what it was: of what is settled since it says nothing.
            let is_stale = is_settled && listing == Listing::Answers;
            let stated = stated.get(&(row.written.as_str(), currency)).filter(|_| !is_stale);
            Ok(Held {
                currency,
                assigned: row.made_on,
                kept_minor: row.financed.holdback_minor,
                stated_minor: stated.map(|minor| sign * minor),
                is_settled,
            })
        })
        .collect()
}

fn recourse(rows: &[InForceRow], contract: &Contract, on: Date) -> Result<Vec<Recourse>, Error> {
    let Some(days) = contract.recourse_days else { return Ok(Vec::new()) };
    let is_past = |row: &&InForceRow| {
        let is_invoice = row.kind == DocumentKind::Invoice.as_str();
        is_invoice && row.sent && row.open_minor > 0 && (on - row.due).num_days() > days
    };
    rows.iter()
        .filter(is_past)
        .map(|row| {
            Ok(Recourse {
                number: row.written.clone(),
                due: row.due,
                open_minor: row.open_minor.min(row.amount_minor),
                currency: row.currency()?,
            })
        })
        .collect()
}

/// Documents that are with the factor and contested: those that no batch told it of, and those that one did.
fn disputed(rows: &[InForceRow]) -> (Vec<String>, Vec<String>) {
    let is_word = |row: &&InForceRow| row.sent && row.kind == DocumentKind::Dispute.as_str();
    let key = |row: &InForceRow| (row.connection.clone(), row.external_id.clone());
    let told: BTreeSet<(String, String)> = rows.iter().filter(is_word).map(key).collect();
    let is_disputed = |row: &&InForceRow| row.sent && row.is_document() && row.disputed && row.open_minor > 0;
    let (told, untold): (Vec<&InForceRow>, Vec<&InForceRow>) =
        rows.iter().filter(is_disputed).partition(|row| told.contains(&key(row)));
    let numbers = |rows: Vec<&InForceRow>| rows.into_iter().map(|row| row.written.clone()).collect();
    (numbers(untold), numbers(told))
}

fn sent(rows: &[InForceRow]) -> Result<Vec<Sent<'_>>, Error> {
    rows.iter()
        .filter(|row| row.sent && row.is_document())
        .map(|row| {
            let currency = row.currency()?;
            Ok(Sent {
                number: &row.written,
                buyer: &row.buyer_id,
                currency,
                amount_minor: row.amount_minor,
                open_minor: row.open_minor,
                is_reassigned: row.reassigned_on.is_some(),
                holdback_minor: row.financed.holdback_minor.saturating_abs(),
                available_minor: row.financed.available_minor,
                fee_minor: row.financed.fee_minor.saturating_add(row.financed.fee_tax_minor),
            })
        })
        .collect()
}

/// The differences of all contracts, as breaks.
pub(in crate::engine) async fn breaks(
    tx: &mut Tx<'_>,
    setup: &Setup,
    on: Date,
) -> Result<Vec<Break>, crate::engine::Error> {
    let mut all = Vec::new();
    for compared in compare(tx, setup, on).await? {
        for own in compared.differences {
            all.push(Break {
                kind: own.kind,
                subject: format!("{}/{}/{}", compared.connection, compared.contract, own.number),
                name: format!("{} ({})", own.number, compared.factor),
                country: String::new(),
                connection: compared.connection.clone(),
                ours: own.ours,
                theirs: own.theirs,
            });
        }
    }
    Ok(all)
}
