//! The subrogation receipts of batches, byte for byte. One that was kept is never changed.

use super::Error;
use super::db::{Tx, on, row};
use super::rows::{Existing, Rows};

row! {
    /// The receipt of a batch.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SubrogationRow {
        /// The batch.
        pub assignment: String,
        /// The name of the paper.
        pub file_name: String,
        /// The paper: a PDF.
        pub content: Vec<u8>,
        /// SHA-256 of it, as hexadecimal.
        pub content_hash: String,
        /// What it says, as JSON.
        pub data: String,
    }
}

impl Tx<'_> {
    /// Keeps the receipt of a batch.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn keep_subrogation(&mut self, receipt: &SubrogationRow) -> Result<(), Error> {
        let rows = Rows::of(std::slice::from_ref(receipt))
            .column("assignment", |row| row.assignment.as_str())
            .column("file_name", |row| row.file_name.as_str())
            .column("content", |row| row.content.as_slice())
            .column("content_hash", |row| row.content_hash.as_str())
            .column("data", |row| row.data.as_str());
        self.insert("subrogation", rows, Existing::Refused).await?;
        Ok(())
    }

    /// The receipt of a batch; none where its contract asked for none.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn subrogation(&mut self, assignment: &str) -> Result<Option<SubrogationRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT assignment, file_name, content, content_hash, data FROM subrogation WHERE assignment = $1")
            .bind(assignment).fetch_optional(c).await?))
    }
}
