//! Batches of assigned documents: what was made, its files byte for byte, and what became of them.
//!
//! Invariant: of a factor's contract, batches that are not void have the numbers from the first on without a gap, and a document's
//! number as it is written for the factor is there once. A batch, its documents and its files are never changed; only a batch that
//! was never sent can become void, which gives its number and its documents back, and of a document it is added when it went back.

use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::Error;
use super::db::{Tx, on, row};
use super::rows::{Existing, Rows};
use crate::factoring::Financed;
use crate::model::{
    AssignedDocument, Contract, ControlTotals, Currency, Date, DocumentKind, Identifier, Instant, words,
};

/// What the name of a sealed file ends with.
const SEALED: &str = ".pgp";

words! {
    /// Where a batch stands.
    BatchState {
        /// Its files are there; nobody has approved them.
        Made = "made",
        /// It may be sent.
        Approved = "approved",
        /// It is being handed over: written down before the first byte leaves.
        Sending = "sending",
        /// The factor has it.
        Sent = "sent",
        /// It was never sent, and will not be.
        Void = "void",
    }
}

row! {
    /// A batch.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AssignmentRow {
        /// A function of its contract, number and files.
        pub id: String,
        /// The company.
        pub company: String,
        /// The factor.
        pub factor: String,
        /// The connection with the factor.
        pub connection: String,
        /// The contract's number.
        pub contract: String,
        /// Its number in the contract.
        pub number: i64,
        /// Currency code.
        pub currency: String,
        /// The business day on which it was made.
        pub made_on: Date,
        /// The contract as it was.
        pub terms: Json<Contract>,
        /// Number and sum by kind.
        pub totals: Json<ControlTotals>,
        /// What is expected to be paid and held.
        pub financed: Json<Financed>,
        /// SHA-256 of its files' hashes.
        pub content_hash: String,
        /// State, as text.
        pub state: String,
        /// When it was made.
        pub recorded_at: Instant,
    }
}

impl AssignmentRow {
    /// Where it stands.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn state(&self) -> Result<BatchState, Error> {
        BatchState::parse(&self.state).ok_or_else(|| Error::unreadable("state of a batch", &self.state))
    }

    /// Its currency.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn currency(&self) -> Result<Currency, Error> {
        Currency::parse(&self.currency).ok_or_else(|| Error::unreadable("currency", &self.currency))
    }
}

row! {
    /// A file of a batch.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AssignmentFileRow {
        /// Its place, from 0.
        pub position: i64,
        /// Its name.
        pub file_name: String,
        /// How many documents it lists.
        pub documents: i64,
        /// Its bytes.
        pub content: Vec<u8>,
        /// SHA-256 of them, as hexadecimal.
        pub content_hash: String,
        /// What shows that the factor has it.
        pub proof: Option<String>,
        /// Since when.
        pub delivered_at: Option<Instant>,
        /// Why it is not known whether the factor has it.
        pub doubt: Option<String>,
        /// The factor's id of the document, where it was told of it in a call.
        pub reference: Option<String>,
        /// The factor's id of its financing, where that is another call.
        pub financing: Option<String>,
        /// Its bytes as they go out, where the factor gets them encrypted.
        pub sealed: Option<Vec<u8>>,
        /// SHA-256 of these, as hexadecimal.
        pub sealed_hash: Option<String>,
        /// The fingerprint of the key that they are for.
        pub sealed_for: Option<String>,
    }
}

/// A file as the factor gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl AssignmentFileRow {
    /// What goes out of it: the sealed bytes under a name that says so, or the file as it is.
    #[must_use]
    pub fn outgoing(&self) -> Outgoing<'_> {
        match &self.sealed {
            Some(sealed) => Outgoing { name: format!("{}{SEALED}", self.file_name), bytes: sealed },
            None => Outgoing { name: self.file_name.clone(), bytes: &self.content },
        }
    }
}

row! {
    /// A document that a factor has under an id of its own.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HeldRow {
        /// The contract's number.
        pub contract: String,
        /// The document's number as the factor has it.
        pub written: String,
        /// Currency code.
        pub currency: String,
        /// What was assigned, minor units.
        pub amount_minor: i64,
        /// The factor's id of it.
        pub reference: String,
        /// The factor's id of its financing, where there is another.
        pub financing: Option<String>,
    }
}

row! {
    /// A document of a batch.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AssignmentDocumentRow {
        /// Its place, from 0.
        pub position: i64,
        /// The connection that it was read from.
        pub connection: String,
        /// The ERP's key.
        pub external_id: String,
        /// Its number as the factor's form has it.
        pub written: String,
        /// The document as it was assigned.
        pub document: Json<AssignedDocument>,
        /// What is expected to be paid and held of it.
        pub financed: Json<Financed>,
    }
}

row! {
    /// A step of a batch.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AssignmentStepRow {
        /// The state it led to, as text.
        pub state: String,
        /// Who: a person's name, or `encours`.
        pub done_by: String,
        /// What happened, in one sentence.
        pub note: String,
        /// When.
        pub recorded_at: Instant,
    }
}

row! {
    /// A document that is open, with the account that owes it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AssignableRow {
        /// The connection of the ERP.
        pub connection: String,
        /// The ERP's key.
        pub external_id: String,
        /// Number.
        pub number: String,
        /// Kind, as text.
        pub kind: String,
        /// Currency code.
        pub currency: String,
        /// Total, minor units.
        pub total_minor: i64,
        /// Open amount, minor units.
        pub open_minor: i64,
        /// The tax in the total, minor units.
        pub tax_minor: Option<i64>,
        /// Date of the document.
        pub issued: Date,
        /// Due date.
        pub due: Date,
        /// The first due date it had.
        pub original_due: Date,
        /// The buyer contests it.
        pub disputed: bool,
        /// The buyer's reference.
        pub reference: Option<String>,
        /// The account's code.
        pub code: String,
        /// The account's name.
        pub name: String,
        /// Country, or empty.
        pub country: String,
        /// Street.
        pub street: Option<String>,
        /// Postcode.
        pub postcode: Option<String>,
        /// Town.
        pub town: Option<String>,
        /// Registry identifiers.
        pub identifiers: Json<Vec<Identifier>>,
        /// The legal buyer.
        pub buyer_id: String,
    }
}

row! {
    /// What a credit note settles of an invoice.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CreditedRow {
        /// The connection of the ERP.
        pub connection: String,
        /// The credit note's key.
        pub external_id: String,
        /// The invoice's number.
        pub number: String,
        /// How much, minor units.
        pub amount_minor: i64,
        /// The invoice was assigned before this was known, minor units are still to be told.
        pub after_assignment: bool,
    }
}

row! {
    /// A document in force, with what is open of it now.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct InForceRow {
        /// The connection of the ERP.
        pub connection: String,
        /// The ERP's key.
        pub external_id: String,
        /// What it is, as text.
        pub kind: String,
        /// Its own number.
        pub number: String,
        /// The number as written.
        pub written: String,
        /// The batch's currency.
        pub currency: String,
        /// The legal buyer.
        pub buyer_id: String,
        /// The amount assigned, minor units.
        pub amount_minor: i64,
        /// What is open of it in the ledger, minor units; 0 where it went back to the seller.
        pub open_minor: i64,
        /// Its due date as it was assigned.
        pub due: Date,
        /// What is expected to be paid and held of it.
        pub financed: Json<Financed>,
        /// Its batch is with the factor.
        pub sent: bool,
        /// Its batch is on its way.
        pub sending: bool,
        /// The buyer contests it now.
        pub disputed: bool,
        /// The business day on which its batch was made.
        pub made_on: Date,
        /// Since when it is the seller's again; nothing is open at the factor then.
        pub reassigned_on: Option<Date>,
    }
}

row! {
    /// A status of an invoice in the French life cycle.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct InvoiceStatusRow {
        /// The connection of the ERP.
        pub connection: String,
        /// The ERP's key.
        pub external_id: String,
        /// The status, as text.
        pub status: String,
        /// Since when.
        pub recorded_at: Instant,
    }
}

impl HeldRow {
    /// Its currency.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn currency(&self) -> Result<Currency, Error> {
        Currency::parse(&self.currency).ok_or_else(|| Error::unreadable("currency", &self.currency))
    }
}

impl InForceRow {
    /// Its currency.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn currency(&self) -> Result<Currency, Error> {
        Currency::parse(&self.currency).ok_or_else(|| Error::unreadable("currency", &self.currency))
    }

    /// Whether it is a document of its own, rather than a word on an assigned invoice.
    #[must_use]
    pub fn is_document(&self) -> bool {
        self.kind == DocumentKind::Invoice.as_str() || self.kind == DocumentKind::CreditNote.as_str()
    }
}

/// What a factor gave an id to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The document.
    Document,
    /// Its financing.
    Financing,
}

/// A batch to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAssignment {
    /// The batch.
    pub row: AssignmentRow,
    /// Its files.
    pub files: Vec<AssignmentFileRow>,
    /// Its documents.
    pub documents: Vec<AssignmentDocumentRow>,
}

const COLUMNS: &str = "id, company, factor, connection, contract, number, currency, made_on, terms, totals, financed, content_hash, \
                       state, recorded_at";
const ASSIGNABLE: &str = "i.connection, i.external_id, i.number, i.kind, i.currency, i.total_minor, i.open_minor, i.tax_minor, i.issued, \
                          i.due, i.original_due, i.disputed, i.reference, a.code, a.name, a.country, a.street, a.postcode, a.town, \
                          a.identifiers, a.buyer_id";

impl Tx<'_> {
    /// Documents that a batch of a contract could hold: what is open, and credit notes that were set against an invoice which the
    /// contract has.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn assignable(
        &mut self,
        company: &str,
        factor: &str,
        contract: &str,
    ) -> Result<Vec<AssignableRow>, Error> {
        let from = format!(
            "SELECT {ASSIGNABLE} FROM item i JOIN account a ON a.connection = i.connection AND a.external_id = i.account \
             WHERE i.connection IN (SELECT id FROM connection WHERE company = $1)"
        );
        // Two lists, because one condition for both reads every item that was ever settled.
        let sql = format!(
            "{from} AND i.kind <> 'receipt' AND i.open_minor > 0 UNION ALL {from} AND i.kind = 'credit_note' AND i.open_minor = 0 \
             AND (i.connection, i.external_id) IN (SELECT l.connection, l.from_item FROM allocation l JOIN assignment_document d \
             ON d.connection = l.connection AND d.external_id = l.to_item AND d.in_force AND d.reassigned_on IS NULL AND d.factor = $2 \
             AND d.contract = $3)"
        );
        Ok(
            on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).bind(factor).bind(contract).fetch_all(c).await?),
        )
    }

    /// What credit notes settle, by invoice, and whether the invoice was assigned under a contract before the ledger knew.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn credited(
        &mut self,
        company: &str,
        factor: &str,
        contract: &str,
    ) -> Result<Vec<CreditedRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT l.connection, l.from_item AS external_id, i.number, l.amount_minor, \
             EXISTS (SELECT 1 FROM assignment_document d JOIN assignment b ON b.id = d.assignment WHERE d.connection = l.connection \
             AND d.external_id = l.to_item AND d.in_force AND d.reassigned_on IS NULL AND d.factor = $2 AND d.contract = $3 \
             AND b.recorded_at < l.recorded_at) AS after_assignment \
             FROM allocation l JOIN item i ON i.connection = l.connection AND i.external_id = l.to_item \
             JOIN item n ON n.connection = l.connection AND n.external_id = l.from_item AND n.kind = 'credit_note' \
             WHERE l.connection IN (SELECT id FROM connection WHERE company = $1) \
             ORDER BY l.connection, l.from_item, i.number")
            .bind(company).bind(factor).bind(contract).fetch_all(c).await?))
    }

    /// What other contracts of the company have, by connection and key.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn assigned_elsewhere(
        &mut self,
        company: &str,
        factor: &str,
        contract: &str,
    ) -> Result<Vec<(String, String)>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT d.connection, d.external_id FROM assignment_document d JOIN assignment b ON b.id = d.assignment \
             WHERE b.company = $1 AND d.in_force AND d.reassigned_on IS NULL AND (d.factor <> $2 OR d.contract <> $3)")
            .bind(company).bind(factor).bind(contract).fetch_all(c).await?))
    }

    /// What is assigned under a contract and not void.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn assigned(&mut self, factor: &str, contract: &str) -> Result<Vec<InForceRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT d.connection, d.external_id, d.kind, d.number, d.written, b.currency, d.buyer_id, d.amount_minor, \
             CASE WHEN d.reassigned_on IS NULL THEN COALESCE(i.open_minor, 0) ELSE 0 END AS open_minor, d.due, d.financed, b.state = 'sent' AS sent, b.state = 'sending' AS sending, \
             i.disputed IS TRUE AS disputed, b.made_on, d.reassigned_on FROM assignment_document d \
             JOIN assignment b ON b.id = d.assignment \
             LEFT JOIN item i ON i.connection = d.connection AND i.external_id = d.external_id \
             WHERE d.factor = $1 AND d.contract = $2 AND d.in_force ORDER BY d.connection, d.external_id")
            .bind(factor).bind(contract).fetch_all(c).await?))
    }

    /// The number that the next batch of a contract gets, which is at least `first`.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn next_batch(&mut self, factor: &str, contract: &str, first: i64) -> Result<i64, Error> {
        let (last,): (Option<i64>,) = on!(self, c => sqlx::query_as(
            "SELECT MAX(number) FROM assignment WHERE factor = $1 AND contract = $2 AND state <> 'void'")
            .bind(factor).bind(contract).fetch_one(c).await?);
        Ok(last.map_or(first, |last| (last + 1).max(first)))
    }

    /// Keeps a batch with its files and documents, and its first step.
    ///
    /// # Errors
    /// [`Error::Database`], also when its number or one of its documents was taken meanwhile: nothing of it is kept then.
    pub async fn keep_assignment(&mut self, new: &NewAssignment, by: &str, note: &str) -> Result<(), Error> {
        let row = &new.row;
        let rows = Rows::of(std::slice::from_ref(row))
            .column("id", |row| row.id.as_str())
            .column("company", |row| row.company.as_str())
            .column("factor", |row| row.factor.as_str())
            .column("connection", |row| row.connection.as_str())
            .column("contract", |row| row.contract.as_str())
            .column("number", |row| row.number)
            .column("currency", |row| row.currency.as_str())
            .column("made_on", |row| row.made_on)
            .column("terms", |row| &row.terms)
            .column("totals", |row| &row.totals)
            .column("financed", |row| &row.financed)
            .column("content_hash", |row| row.content_hash.as_str())
            .column("state", |row| row.state.as_str())
            .column("recorded_at", |row| row.recorded_at);
        self.insert("assignment", rows, Existing::Refused).await?;
        let files = Rows::of(&new.files)
            .column("assignment", |_| row.id.as_str())
            .column("position", |file| file.position)
            .column("file_name", |file| file.file_name.as_str())
            .column("documents", |file| file.documents)
            .column("content", |file| file.content.as_slice())
            .column("content_hash", |file| file.content_hash.as_str())
            .column("sealed", |file| file.sealed.as_deref())
            .column("sealed_hash", |file| file.sealed_hash.as_deref())
            .column("sealed_for", |file| file.sealed_for.as_deref());
        self.insert("assignment_file", files, Existing::Refused).await?;
        let documents = Rows::of(&new.documents)
            .column("assignment", |_| row.id.as_str())
            .column("position", |own| own.position)
            .column("contract", |_| row.contract.as_str())
            .column("factor", |_| row.factor.as_str())
            .column("connection", |own| own.connection.as_str())
            .column("external_id", |own| own.external_id.as_str())
            .column("kind", |own| own.document.kind.as_str())
            .column("number", |own| own.document.number.as_str())
            .column("written", |own| own.written.as_str())
            .column("buyer_id", |own| own.document.buyer.id.as_str())
            .column("amount_minor", |own| own.document.amount_minor)
            .column("due", |own| own.document.due)
            .column("document", |own| &own.document)
            .column("financed", |own| &own.financed)
            .column("in_force", |_| true);
        self.insert("assignment_document", documents, Existing::Refused).await?;
        self.step_assignment(&row.id, BatchState::Made, by, note, row.recorded_at).await
    }

    async fn step_assignment(
        &mut self,
        id: &str,
        state: BatchState,
        by: &str,
        note: &str,
        now: Instant,
    ) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "INSERT INTO assignment_step (assignment, state, done_by, note, recorded_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(id).bind(state.as_str()).bind(by).bind(note).bind(now).execute(c).await?;);
        Ok(())
    }

    /// Moves a batch on from a state; `false` when it is in another one, and nothing has changed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn move_assignment(
        &mut self,
        id: &str,
        from: BatchState,
        to: BatchState,
        by: &str,
        note: &str,
        now: Instant,
    ) -> Result<bool, Error> {
        let moved = on!(&mut *self, c => sqlx::query("UPDATE assignment SET state = $3 WHERE id = $1 AND state = $2")
            .bind(id).bind(from.as_str()).bind(to.as_str()).execute(c).await?.rows_affected());
        if moved == 0 {
            return Ok(false);
        }
        if to == BatchState::Void {
            on!(&mut *self, c => sqlx::query("UPDATE assignment_document SET in_force = $2 WHERE assignment = $1")
                .bind(id).bind(false).execute(c).await?;);
            on!(&mut *self, c => sqlx::query("UPDATE direct_payment SET assignment = NULL WHERE assignment = $1")
                .bind(id).execute(c).await?;);
        }
        self.step_assignment(id, to, by, note, now).await?;
        Ok(true)
    }

    /// Says that the factor has a file, and what shows it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn prove_assignment_file(
        &mut self,
        id: &str,
        position: i64,
        proof: &str,
        now: Instant,
    ) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "UPDATE assignment_file SET proof = $3, delivered_at = $4, doubt = NULL WHERE assignment = $1 AND position = $2 AND proof IS NULL")
            .bind(id).bind(position).bind(proof).bind(now).execute(c).await?;);
        Ok(())
    }

    /// Keeps the id that the factor gave a document, or its financing; what was doubted of it is known then. `false` when something else
    /// was said of it than `doubt`, and nothing has changed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn know_document(
        &mut self,
        id: &str,
        position: i64,
        given: Given,
        reference: &str,
        doubt: &str,
    ) -> Result<bool, Error> {
        let column = match given {
            Given::Document => "reference",
            Given::Financing => "financing",
        };
        let sql = format!(
            "UPDATE assignment_file SET {column} = $3, doubt = NULL WHERE assignment = $1 AND position = $2 AND proof IS NULL \
             AND doubt = $4 AND {column} IS NULL"
        );
        let known = on!(self, c => sqlx::query(AssertSqlSafe(sql))
            .bind(id).bind(position).bind(reference).bind(doubt).execute(c).await?.rows_affected());
        Ok(known > 0)
    }

    /// The documents that a factor has under ids of its own, and that are not the seller's again.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn held_by_factor(&mut self, connection: &str) -> Result<Vec<HeldRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT d.contract, d.written, b.currency, d.amount_minor, f.reference, f.financing FROM assignment_file f \
             JOIN assignment b ON b.id = f.assignment \
             JOIN assignment_document d ON d.assignment = f.assignment AND d.position = f.position \
             WHERE b.connection = $1 AND f.reference IS NOT NULL AND d.in_force AND d.reassigned_on IS NULL \
             ORDER BY b.recorded_at, f.position")
            .bind(connection).fetch_all(c).await?))
    }

    /// Says why it is not known whether the factor has a file, or that it has not; `false` when something else was said of it than
    /// `before`, or it has another id there than `reference`, and nothing has changed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn doubt_assignment_file(
        &mut self,
        id: &str,
        position: i64,
        before: Option<&str>,
        reference: Option<&str>,
        doubt: Option<&str>,
    ) -> Result<bool, Error> {
        let changed = on!(self, c => sqlx::query(
            "UPDATE assignment_file SET doubt = $5 WHERE assignment = $1 AND position = $2 AND proof IS NULL AND COALESCE(doubt, '') = $3 \
             AND COALESCE(reference, '') = $4 AND financing IS NULL")
            .bind(id).bind(position).bind(before.unwrap_or_default()).bind(reference.unwrap_or_default()).bind(doubt)
            .execute(c).await?.rows_affected());
        Ok(changed > 0)
    }

    /// The statuses of the invoices of a company, the first said first: the last of an invoice is in force.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn invoice_statuses(&mut self, company: &str) -> Result<Vec<InvoiceStatusRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT connection, external_id, status, recorded_at FROM invoice_status WHERE company = $1 ORDER BY seq")
            .bind(company).fetch_all(c).await?))
    }

    /// Keeps statuses that were said.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn keep_invoice_statuses(
        &mut self,
        company: &str,
        rows: &[InvoiceStatusRow],
    ) -> Result<(), Error> {
        let rows = Rows::of(rows)
            .column("company", |_| company)
            .column("connection", |row| row.connection.as_str())
            .column("external_id", |row| row.external_id.as_str())
            .column("status", |row| row.status.as_str())
            .column("recorded_at", |row| row.recorded_at);
        self.insert("invoice_status", rows, Existing::Refused).await?;
        Ok(())
    }

    /// The batches of a company, the newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn assignments(&mut self, company: &str) -> Result<Vec<AssignmentRow>, Error> {
        let sql =
            format!("SELECT {COLUMNS} FROM assignment WHERE company = $1 ORDER BY recorded_at DESC, id");
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?))
    }

    /// The files of a batch in their order.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn assignment_files(&mut self, id: &str) -> Result<Vec<AssignmentFileRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT position, file_name, documents, content, content_hash, proof, delivered_at, doubt, reference, financing, sealed, \
             sealed_hash, sealed_for FROM assignment_file WHERE assignment = $1 ORDER BY position")
            .bind(id).fetch_all(c).await?))
    }

    /// The documents of a batch in their order.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn assignment_documents(&mut self, id: &str) -> Result<Vec<AssignmentDocumentRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT position, connection, external_id, written, document, financed FROM assignment_document \
             WHERE assignment = $1 ORDER BY position")
            .bind(id).fetch_all(c).await?))
    }

    /// What happened to a batch, the first step first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn assignment_steps(&mut self, id: &str) -> Result<Vec<AssignmentStepRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT state, done_by, note, recorded_at FROM assignment_step WHERE assignment = $1 ORDER BY seq")
            .bind(id).fetch_all(c).await?))
    }
}
