//! Where an item comes from, and what was allocated to it.

use super::Error;
use super::db::{Tx, on, row};
use crate::model::{Date, Instant};

row! {
    /// What is kept of an item's record beside the figures.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SourceRow {
        /// The operation that read it.
        pub operation: String,
        /// The tax within its total, minor units, where the source states it.
        pub tax_minor: Option<i64>,
        /// What the source refers to by it.
        pub reference: Option<String>,
        /// Since when it is known as it is.
        pub recorded_at: Instant,
    }
}

row! {
    /// A part of a receipt or credit note that was allocated to an item.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AllocationRow {
        /// The source's key of the allocation.
        pub external_id: String,
        /// The source's key of the receipt or credit note.
        pub from_item: String,
        /// Its number, where the ledger holds it.
        pub from_number: Option<String>,
        /// Its kind, likewise.
        pub from_kind: Option<String>,
        /// Currency code.
        pub currency: String,
        /// The amount, minor units.
        pub amount_minor: i64,
        /// The day of the allocation.
        pub allocated_on: Date,
        /// Since when it is known as it is.
        pub recorded_at: Instant,
    }
}

impl Tx<'_> {
    /// What is kept of the record of an item.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn item_source(
        &mut self,
        connection: &str,
        external_id: &str,
    ) -> Result<Option<SourceRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT operation, tax_minor, reference, recorded_at FROM item WHERE connection = $1 AND external_id = $2")
            .bind(connection).bind(external_id).fetch_optional(c).await?))
    }

    /// The number of an item.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn item_number(
        &mut self,
        connection: &str,
        external_id: &str,
    ) -> Result<Option<String>, Error> {
        let row: Option<(String,)> = on!(self, c => sqlx::query_as(
            "SELECT number FROM item WHERE connection = $1 AND external_id = $2")
            .bind(connection).bind(external_id).fetch_optional(c).await?);
        Ok(row.map(|(number,)| number))
    }

    /// What was allocated to an item, by day and key.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn allocations_to(
        &mut self,
        connection: &str,
        external_id: &str,
    ) -> Result<Vec<AllocationRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT a.external_id, a.from_item, i.number AS from_number, i.kind AS from_kind, a.currency, a.amount_minor, \
             a.allocated_on, a.recorded_at FROM allocation a LEFT JOIN item i ON i.connection = a.connection \
             AND i.external_id = a.from_item WHERE a.connection = $1 AND a.to_item = $2 \
             ORDER BY a.allocated_on, a.external_id")
            .bind(connection).bind(external_id).fetch_all(c).await?))
    }
}
