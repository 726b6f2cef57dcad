//! Files that were made for a deadline, byte for byte, so that sending one again sends the same.
//!
//! Invariant: a row is never changed and never removed; its id is made of its bytes.

use sqlx::types::Json;

use super::Error;
use super::db::{Tx, on, row};
use super::rows::{Existing, Rows};
use crate::model::{Date, Instant};

row! {
    /// A file as it was made.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DeadlineFileRow {
        /// The first digits of the hash.
        pub id: String,
        /// What it is for, as text.
        pub kind: String,
        /// The insurer's connection.
        pub connection: String,
        /// Policy number.
        pub policy: String,
        /// The legal buyer.
        pub buyer_id: String,
        /// Its name.
        pub file_name: String,
        /// The invoices in it: ERP and the ERP's key.
        pub invoices: Json<Vec<(String, String)>>,
        /// Its bytes.
        pub content: Vec<u8>,
        /// SHA-256 of them, as hexadecimal.
        pub content_hash: String,
        /// The business day that it was made on.
        pub made_on: Date,
        /// Who made it.
        pub made_by: String,
        /// When.
        pub recorded_at: Instant,
    }
}

const COLUMNS: &str = "id, kind, connection, policy, buyer_id, file_name, invoices, content, content_hash, made_on, made_by, \
                       recorded_at";

impl Tx<'_> {
    /// Keeps a file; `false` when one of the same bytes was kept before, which stays as it is.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn keep_deadline_file(&mut self, company: &str, file: &DeadlineFileRow) -> Result<bool, Error> {
        let rows = Rows::of(std::slice::from_ref(file))
            .column("company", |_| company)
            .column("id", |row| row.id.as_str())
            .column("kind", |row| row.kind.as_str())
            .column("connection", |row| row.connection.as_str())
            .column("policy", |row| row.policy.as_str())
            .column("buyer_id", |row| row.buyer_id.as_str())
            .column("file_name", |row| row.file_name.as_str())
            .column("invoices", |row| &row.invoices)
            .column("content", |row| row.content.clone())
            .column("content_hash", |row| row.content_hash.as_str())
            .column("made_on", |row| row.made_on)
            .column("made_by", |row| row.made_by.as_str())
            .column("recorded_at", |row| row.recorded_at);
        let kept = self.insert("deadline_file", rows, Existing::Stays { key: "company, id" }).await?;
        Ok(kept > 0)
    }

    /// The files of a company, the oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn deadline_files(&mut self, company: &str) -> Result<Vec<DeadlineFileRow>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM deadline_file WHERE company = $1 ORDER BY recorded_at, id");
        Ok(on!(self, c => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(company).fetch_all(c).await?))
    }
}
