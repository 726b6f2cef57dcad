//! Payments of assigned invoices that reached the seller, and the batches that tell the factor of them.

use sqlx::types::Json;

use super::Error;
use super::db::{Tx, on, row};
use super::rows::{Existing, Rows};
use crate::model::{AssignedDocument, Date, Instant};

row! {
    /// A payment that reached the seller.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DirectPaymentRow {
        /// Its id.
        pub id: String,
        /// The company.
        pub company: String,
        /// The factor.
        pub factor: String,
        /// The contract's number.
        pub contract: String,
        /// The connection of the ERP that has the invoice.
        pub connection: String,
        /// The invoice's key there.
        pub external_id: String,
        /// The invoice's number.
        pub number: String,
        /// Currency code.
        pub currency: String,
        /// The amount, minor units.
        pub amount_minor: i64,
        /// The day on which it came.
        pub received_on: Date,
        /// Who says so.
        pub said_by: String,
        /// When.
        pub recorded_at: Instant,
        /// The batch that tells the factor of it.
        pub assignment: Option<String>,
    }
}

impl Tx<'_> {
    /// Keeps what a person says.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn keep_direct_payment(&mut self, row: &DirectPaymentRow) -> Result<(), Error> {
        let rows = Rows::of(std::slice::from_ref(row))
            .column("id", |row| row.id.as_str())
            .column("company", |row| row.company.as_str())
            .column("factor", |row| row.factor.as_str())
            .column("contract", |row| row.contract.as_str())
            .column("connection", |row| row.connection.as_str())
            .column("external_id", |row| row.external_id.as_str())
            .column("number", |row| row.number.as_str())
            .column("currency", |row| row.currency.as_str())
            .column("amount_minor", |row| row.amount_minor)
            .column("received_on", |row| row.received_on)
            .column("said_by", |row| row.said_by.as_str())
            .column("recorded_at", |row| row.recorded_at);
        self.insert("direct_payment", rows, Existing::Refused).await?;
        Ok(())
    }

    /// The direct payments under a contract, the first said first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn direct_payments(
        &mut self,
        factor: &str,
        contract: &str,
    ) -> Result<Vec<DirectPaymentRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT id, company, factor, contract, connection, external_id, number, currency, amount_minor, received_on, said_by, \
             recorded_at, assignment FROM direct_payment WHERE factor = $1 AND contract = $2 ORDER BY recorded_at, id")
            .bind(factor).bind(contract).fetch_all(c).await?))
    }

    /// Says that a batch tells the factor of a payment.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn tell_direct_payment(&mut self, id: &str, assignment: &str) -> Result<(), Error> {
        on!(self, c => sqlx::query("UPDATE direct_payment SET assignment = $2 WHERE id = $1 AND assignment IS NULL")
            .bind(id).bind(assignment).execute(c).await?;);
        Ok(())
    }

    /// Keeps that a document of a contract went back to the seller: since when, who says so, and how it is known.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn reassign(
        &mut self,
        factor: &str,
        contract: &str,
        (connection, external_id): (&str, &str),
        (on, by, because): (Date, &str, &str),
        now: Instant,
    ) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "UPDATE assignment_document SET reassigned_on = $5, reassigned_by = $6, reassigned_because = $7, reassigned_at = $8 \
             WHERE factor = $1 AND contract = $2 AND connection = $3 AND external_id = $4 AND in_force AND kind IN ('invoice', 'credit_note') \
             AND reassigned_on IS NULL")
            .bind(factor).bind(contract).bind(connection).bind(external_id).bind(on).bind(by).bind(because).bind(now).execute(c).await?;);
        Ok(())
    }

    /// An invoice as it was assigned under a contract, if the factor has it, and since when it is the seller's again.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sent_invoice(
        &mut self,
        factor: &str,
        contract: &str,
        connection: &str,
        external_id: &str,
    ) -> Result<Option<(AssignedDocument, Option<Date>)>, Error> {
        let found: Option<(Json<AssignedDocument>, Option<Date>)> = on!(self, c => sqlx::query_as(
            "SELECT d.document, d.reassigned_on FROM assignment_document d JOIN assignment b ON b.id = d.assignment WHERE d.factor = $1 \
             AND d.contract = $2 AND d.connection = $3 AND d.external_id = $4 AND d.kind = 'invoice' AND d.in_force AND b.state = 'sent'")
            .bind(factor).bind(contract).bind(connection).bind(external_id).fetch_optional(c).await?);
        Ok(found.map(|(document, reassigned_on)| (document.0, reassigned_on)))
    }
}
