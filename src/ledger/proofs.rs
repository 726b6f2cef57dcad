//! What a person says was done by hand for a deadline.
//!
//! Invariant: a row is never overwritten. What is taken back keeps its row, with who took it back.

use super::Error;
use super::db::{Tx, on, row};
use super::rows::{Existing, Rows};
use crate::model::{Date, Instant};

row! {
    /// A deadline that was met by hand.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ProofRow {
        /// What was done, as text.
        pub kind: String,
        /// The insurer's connection.
        pub connection: String,
        /// Policy number.
        pub policy: String,
        /// The ERP of the invoice.
        pub erp: String,
        /// The ERP's key of the invoice.
        pub external_id: String,
        /// The day on which it was done.
        pub done_on: Date,
        /// Who says so.
        pub said_by: String,
        /// How it was done.
        pub how: String,
        /// What stood there when it was said: invoice, amount at stake, last day, as JSON.
        pub payload: String,
        /// When it was said.
        pub recorded_at: Instant,
    }
}

const COLUMNS: &str =
    "kind, connection, policy, erp, external_id, done_on, said_by, how, payload, recorded_at";

impl Tx<'_> {
    /// What was said and not taken back, in the order in which it was said.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn deadline_proofs(&mut self, company: &str) -> Result<Vec<ProofRow>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM deadline_proof WHERE company = $1 AND undone_at IS NULL ORDER BY recorded_at, external_id"
        );
        Ok(on!(self, c => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(company).fetch_all(c).await?))
    }

    /// Keeps what a person says was done.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn prove_deadline(&mut self, company: &str, proof: &ProofRow) -> Result<(), Error> {
        let rows = Rows::of(std::slice::from_ref(proof))
            .column("company", |_| company)
            .column("kind", |row| row.kind.as_str())
            .column("connection", |row| row.connection.as_str())
            .column("policy", |row| row.policy.as_str())
            .column("erp", |row| row.erp.as_str())
            .column("external_id", |row| row.external_id.as_str())
            .column("done_on", |row| row.done_on)
            .column("said_by", |row| row.said_by.as_str())
            .column("how", |row| row.how.as_str())
            .column("payload", |row| row.payload.as_str())
            .column("recorded_at", |row| row.recorded_at);
        self.insert("deadline_proof", rows, Existing::Refused).await?;
        Ok(())
    }

    /// Takes back what was said of a deadline; `false` when nothing was.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn take_back_proof(
        &mut self,
        company: &str,
        proof: &ProofRow,
        by: &str,
        now: Instant,
    ) -> Result<bool, Error> {
        const UPDATE: &str = "UPDATE deadline_proof SET undone_at = $7, undone_by = $8 WHERE company = $1 AND kind = $2 AND \
                              connection = $3 AND policy = $4 AND erp = $5 AND external_id = $6 AND undone_at IS NULL";
        let done = on!(self, c => sqlx::query(UPDATE).bind(company).bind(&proof.kind).bind(&proof.connection)
            .bind(&proof.policy).bind(&proof.erp).bind(&proof.external_id).bind(now).bind(by)
            .execute(c).await?.rows_affected());
        Ok(done > 0)
    }
}
