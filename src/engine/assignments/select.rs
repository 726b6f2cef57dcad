//! What a batch would hold, and what the factor would pay for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::answers::approved;
use super::{Error, connection_of, form_of};
use crate::connector::Form;
use crate::engine::Setup;
use crate::factoring::{
    Approved, Candidate, Due, Financed, Limits, Position, Positions, Refusal, Refused, Selection, Taken,
    approval, finance, select,
};
use crate::ledger::{AssignableRow, CreditedRow, DirectPaymentRow, InForceRow, Tx};
use crate::model::{
    AssignedBuyer, AssignedDocument, BatchHead, Contract, ControlTotals, Currency, Date, DocumentKind,
    Identifier, ItemKind,
};

/// What a batch would hold.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What is the same for all of its documents.
    pub head: BatchHead,
    /// The ledger's key of each document: connection and external id; of a payment, that of its invoice.
    pub keys: Vec<(String, String)>,
    /// The documents as the factor is told of them, in the order of the keys.
    pub documents: Vec<AssignedDocument>,
    /// What is expected to be paid and held of each.
    pub financed: Vec<Financed>,
    /// Documents that do not go, and why.
    pub refused: Vec<Refused>,
    /// Ids of the direct payments among the documents.
    pub payments: Vec<String>,
    /// Direct payments that the factor's form has no place for: a person tells it.
    pub untold: Vec<DirectPaymentRow>,
    /// Number and sum by kind.
    pub totals: ControlTotals,
    /// What is expected to be paid and held in all.
    pub sum: Financed,
    /// The contract as it was used: with what the factor approves.
    pub terms: Contract,
    /// What the factor approves, beside what the contract's file names.
    pub approvals: Vec<Approved>,
}

/// Which batch is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// One of its currencies.
    pub currency: Currency,
    /// The business day.
    pub on: Date,
    /// The day of the factor's last statement that was taken into account, for the forms that have a place for it.
    pub statement_date: Option<Date>,
}

/// Works out the batch that a contract would get.
///
/// # Errors
/// [`Error`]: the ledger, or a contract whose connection has no layout.
pub async fn plan(setup: &Setup, tx: &mut Tx<'_>, wanted: &Wanted<'_>) -> Result<Planned, Error> {
    let Wanted { contract, currency, on, statement_date } = *wanted;
    let connection = connection_of(setup, contract)?;
    let form = form_of(connection)?;
    if statement_date.is_none() && form.needs_statement_date() {
        let told = format!(
            "the files of \"{}\" name the day of the factor's last statement that you have taken into account: say it with \
             --statement-date",
            connection.id
        );
        return Err(Error::Refused(told));
    }
    let (terms, approvals) = approved(tx, setup, contract, on).await?;
    let contract = &terms;
    let overflow = || crate::factoring::Error::Overflow { contract: contract.number.clone() };
    let company = setup.company.id.as_str();
    let in_force = tx.assigned(&contract.factor, &contract.number).await?;
    let (mut taken, mut positions) = standing(&in_force, contract, currency).ok_or_else(overflow)?;
    let (factor, number) = (contract.factor.as_str(), contract.number.as_str());
    taken.elsewhere = tx.assigned_elsewhere(company, factor, number).await?.into_iter().collect();
    let credited = credited(tx.credited(company, factor, number).await?);
    let candidates: Vec<Candidate> = tx
        .assignable(company, factor, number)
        .await?
        .into_iter()
        .map(|row| candidate(row, &credited, contract))
        .collect::<Result<_, _>>()?;
    let head = BatchHead {
        contract: contract.number.clone(),
        batch: tx.next_batch(&contract.factor, &contract.number, contract.first_batch).await?,
        date: on,
        currency,
        company: setup.company.name.clone(),
        statement_date,
    };
    let writes = |candidate: &Candidate| {
        form.try_alone(&head, &document(candidate)).map_err(|error| error.to_string())
    };
    let mut selection = select(candidates, contract, &taken, currency, on, &writes);
    if matches!(form, Form::Calls(..)) {
        leave_unfinanced(&mut selection, contract, currency, &positions)?;
    }
    let mut documents: Vec<AssignedDocument> = selection.documents.iter().map(document).collect();
    let mut keys: Vec<(String, String)> =
        selection.documents.into_iter().map(|own| (own.connection, own.external_id)).collect();
    let (mut payments, mut untold) = (Vec::new(), Vec::new());
    for row in tx.direct_payments(factor, number).await? {
        if row.assignment.is_some() || row.currency != currency.code() {
            continue;
        }
        match tx.sent_invoice(factor, number, &row.connection, &row.external_id).await? {
            // It came when the invoice was the seller's again.
            Some((_, Some(since))) if row.received_on >= since => {}
            Some((invoice, _)) if form.takes(DocumentKind::Payment, invoice.buyer.market) => {
                documents.push(AssignedDocument {
                    kind: DocumentKind::Payment,
                    amount_minor: row.amount_minor,
                    issued: row.received_on,
                    ..invoice
                });
                keys.push((row.connection, row.external_id));
                payments.push(row.id);
            }
            Some(_) | None => untold.push(row),
        }
    }
    for (row, invoice) in disputes(tx, contract, currency, &in_force).await? {
        // Where the form has no place for it, `assignments statement` asks a person to tell the factor.
        if form.takes(DocumentKind::Dispute, invoice.buyer.market) {
            let amount_minor = row.open_minor.min(row.amount_minor);
            documents.push(AssignedDocument {
                kind: DocumentKind::Dispute,
                amount_minor,
                issued: on,
                ..invoice
            });
            keys.push((row.connection.clone(), row.external_id.clone()));
        }
    }
    let financed = finance(&due(&documents), contract, currency, &mut positions)?;
    let totals = documents
        .iter()
        .try_fold(ControlTotals::default(), |totals, own| totals.with(own.kind, own.amount_minor))
        .ok_or_else(overflow)?;
    let sum = financed.iter().try_fold(Financed::default(), |sum, own| sum.plus(own)).ok_or_else(overflow)?;
    let refused = selection.refused;
    Ok(Planned { head, keys, documents, financed, refused, payments, untold, totals, sum, terms, approvals })
}

/// The invoices with the factor that their buyers contest, and that it was not told of: each with what was assigned of it.
async fn disputes<'r>(
    tx: &mut Tx<'_>,
    contract: &Contract,
    currency: Currency,
    in_force: &'r [InForceRow],
) -> Result<Vec<(&'r InForceRow, AssignedDocument)>, Error> {
    let key = |row: &'r InForceRow| (row.connection.as_str(), row.external_id.as_str());
    let is_told = |row: &&InForceRow| row.kind == DocumentKind::Dispute.as_str();
    let told: BTreeSet<(&str, &str)> = in_force.iter().filter(is_told).map(key).collect();
    let mut found = Vec::new();
    for row in in_force {
        let is_contested = row.kind == DocumentKind::Invoice.as_str()
            && row.sent
            && row.disputed
            && row.open_minor > 0
            && row.reassigned_on.is_none()
            && row.currency == currency.code();
        if !is_contested || told.contains(&key(row)) {
            continue;
        }
        let (factor, number) = (contract.factor.as_str(), contract.number.as_str());
        let invoice = tx.sent_invoice(factor, number, &row.connection, &row.external_id).await?;
        found.extend(invoice.map(|(invoice, _)| (row, invoice)));
    }
    Ok(found)
}

fn due(documents: &[AssignedDocument]) -> Vec<Due<'_>> {
    let due = |own| {
        let AssignedDocument { kind, amount_minor, buyer, .. }: &AssignedDocument = own;
        Due { kind: *kind, buyer: &buyer.id, amount_minor: *amount_minor }
    };
    documents.iter().map(due).collect()
}

/// Leaves out the documents for which nothing would be paid, one by one: what the first of them would have used up, the next may
/// have.
fn leave_unfinanced(
    selection: &mut Selection,
    contract: &Contract,
    currency: Currency,
    positions: &Positions,
) -> Result<(), Error> {
    loop {
        let documents: Vec<AssignedDocument> = selection.documents.iter().map(document).collect();
        let financed = finance(&due(&documents), contract, currency, &mut positions.clone())?;
        let Some(place) = financed.iter().position(|own| own.available_minor <= 0) else { return Ok(()) };
        let document = selection.documents.remove(place);
        selection.refused.push(Refused { document, reason: Refusal::NothingFinanced, detail: None });
    }
}

/// What is taken by earlier batches, and how the buyers stand in a currency.
fn standing(in_force: &[InForceRow], contract: &Contract, currency: Currency) -> Option<(Taken, Positions)> {
    let mut taken = Taken::default();
    let mut owed: BTreeMap<&str, Position> = BTreeMap::new();
    for row in in_force.iter().filter(|row| row.is_document()) {
        taken.documents.insert((row.connection.clone(), row.external_id.clone()));
        taken.numbers.insert(row.written.clone());
        if row.open_minor == 0 {
            continue;
        }
        taken.buyers.insert(row.buyer_id.clone());
        if row.currency == currency.code() {
            let own = owed.entry(&row.buyer_id).or_default();
            let sign = row.financed.amount_minor.signum();
            own.balance_minor = own.balance_minor.checked_add(sign * row.open_minor.min(row.amount_minor))?;
            own.holdback_minor = own.holdback_minor.checked_add(row.financed.holdback_minor)?;
            own.excess_minor = own.excess_minor.checked_add(row.financed.excess_minor)?;
        }
    }
    let mut positions = Positions::new();
    for (buyer, owed) in owed {
        let approval_minor = approval(contract, buyer, currency);
        let limits = Limits { approval_minor, concentration_minor: None };
        positions.insert(buyer.to_owned(), Position::standing(owed, limits)?);
    }
    Some((taken, positions))
}

/// What a credit note was set against.
#[derive(Debug, Default)]
struct Credited {
    /// Numbers of the invoices.
    numbers: BTreeSet<String>,
    /// What lowered invoices that the factor had by then, minor units.
    assigned_minor: i64,
}

fn credited(rows: Vec<CreditedRow>) -> HashMap<(String, String), Credited> {
    let mut all: HashMap<(String, String), Credited> = HashMap::new();
    for row in rows {
        let own = all.entry((row.connection, row.external_id)).or_default();
        own.numbers.insert(row.number);
        if row.after_assignment {
            own.assigned_minor = own.assigned_minor.saturating_add(row.amount_minor);
        }
    }
    all
}

fn candidate(
    row: AssignableRow,
    credited: &HashMap<(String, String), Credited>,
    contract: &Contract,
) -> Result<Candidate, Error> {
    let unreadable = |what, value: &str| crate::ledger::Error::Unreadable { what, value: value.to_owned() };
    let kind = ItemKind::parse(&row.kind).ok_or_else(|| unreadable("kind of an item", &row.kind))?;
    let currency = Currency::parse(&row.currency).ok_or_else(|| unreadable("currency", &row.currency))?;
    let key = (row.connection, row.external_id);
    let own = credited.get(&key).filter(|_| kind == ItemKind::CreditNote);
    // One invoice is named; a credit note on several names none.
    let credits = own.filter(|own| own.numbers.len() == 1).and_then(|own| own.numbers.first().cloned());
    let assigned_minor = own.map_or(0, |own| own.assigned_minor);
    let (connection, external_id) = key;
    Ok(Candidate {
        connection,
        external_id,
        number: row.number,
        kind,
        currency,
        total_minor: row.total_minor,
        open_minor: row.open_minor.saturating_add(assigned_minor).min(row.total_minor),
        tax_minor: row.tax_minor,
        issued: row.issued,
        due: row.due,
        original_due: row.original_due,
        disputed: row.disputed,
        credits,
        reference: row.reference,
        buyer: AssignedBuyer {
            factor_id: contract.buyer(&row.buyer_id).and_then(|known| known.factor_id.clone()),
            market: contract.market(&row.country),
            id: row.buyer_id,
            code: row.code,
            name: row.name,
            country: row.country,
            street: row.street,
            postcode: row.postcode,
            town: row.town,
            identifiers: row.identifiers.0.into_iter().filter(Identifier::is_sound).collect(),
        },
    })
}

fn document(candidate: &Candidate) -> AssignedDocument {
    AssignedDocument {
        kind: match candidate.kind {
            ItemKind::Invoice => DocumentKind::Invoice,
            ItemKind::CreditNote => DocumentKind::CreditNote,
            ItemKind::Receipt => DocumentKind::Payment,
        },
        number: candidate.number.clone(),
        buyer: candidate.buyer.clone(),
        currency: candidate.currency,
        amount_minor: candidate.open_minor,
        total_minor: Some(candidate.total_minor),
        tax_minor: candidate.tax_minor,
        issued: candidate.issued,
        due: candidate.due,
        credits: candidate.credits.clone(),
        reference: candidate.reference.clone(),
    }
}
