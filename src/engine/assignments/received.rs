//! Payments of assigned invoices that reach the seller: the factor has to be told, and the money is its own.

use super::{Error, refused, sent_document};
use crate::engine::Setup;
use crate::ids::fingerprint_hex;
use crate::ledger::{DirectPaymentRow, InForceRow};
use crate::model::{Contract, Date, DocumentKind, Instant, Money, NumberStyle, parse_minor};

/// What a person says.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// The invoice's number, or CONNECTION/KEY where two ERPs have the same.
    pub invoice: &'a str,
    /// The amount in the invoice's currency, with a decimal point.
    pub amount: &'a str,
    /// The day on which it came.
    pub on: Date,
    /// Who says so.
    pub by: &'a str,
}

/// Keeps a payment that reached the seller; the next batch tells the factor of it.
///
/// # Errors
/// [`Error::Refused`]: the factor does not have the invoice, or not so much is left of it.
pub async fn received(setup: &Setup, said: &Received<'_>, now: Instant) -> Result<DirectPaymentRow, Error> {
    let Received { contract, invoice, amount, on, by } = *said;
    let (factor, number) = (contract.factor.as_str(), contract.number.as_str());
    let mut tx = setup.ledger.begin().await?;
    let in_force = tx.assigned(factor, number).await?;
    let is_invoice = |row: &InForceRow| row.kind == DocumentKind::Invoice.as_str();
    let row = sent_document(&in_force, invoice, is_invoice)?.ok_or_else(|| {
        Error::Refused(format!(
            "the factor does not have an invoice {invoice} under the contract {number}, so a payment of it is yours"
        ))
    })?;
    if let Some(since) = row.reassigned_on.filter(|since| *since <= on) {
        return refused(format!("{} went back to you on {since}, so a payment of it is yours", row.number));
    }
    let currency = row.currency()?;
    let amount_minor = match parse_minor(amount, currency, NumberStyle::Point) {
        Ok(minor) if minor > 0 => minor,
        Ok(_) => return refused("a payment is more than nothing"),
        Err(error) => return refused(error.to_string()),
    };
    let before: i64 = tx
        .direct_payments(factor, number)
        .await?
        .iter()
        .filter(|own| (&own.connection, &own.external_id) == (&row.connection, &row.external_id))
        .map(|own| own.amount_minor)
        .sum();
    let left = row.amount_minor.saturating_sub(before);
    if amount_minor > left {
        return refused(format!(
            "{} is left of the invoice {} as it was assigned, direct payments taken off, and {} is more",
            Money::new(left, currency),
            row.number,
            Money::new(amount_minor, currency)
        ));
    }
    let parts = ["direct payment", factor, number, &row.connection, &row.external_id, &now.to_rfc3339()];
    let payment = DirectPaymentRow {
        id: fingerprint_hex(&parts.map(str::as_bytes)),
        company: setup.company.id.clone(),
        factor: factor.to_owned(),
        contract: number.to_owned(),
        connection: row.connection.clone(),
        external_id: row.external_id.clone(),
        number: row.number.clone(),
        currency: row.currency.clone(),
        amount_minor,
        received_on: on,
        said_by: by.to_owned(),
        recorded_at: now,
        assignment: None,
    };
    tx.keep_direct_payment(&payment).await?;
    tx.commit().await?;
    Ok(payment)
}
