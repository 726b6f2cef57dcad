//! Records that could not be taken, kept one by one with the reason, the place and the payload.

use std::collections::BTreeMap;

use super::Error;
use super::db::{Tx, on, row};
use crate::ids::fingerprint_hex;
use crate::model::{Currency, Instant};

/// A record to put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// `read`, `map` or `land`.
    pub stage: &'static str,
    /// File and line, or operation and ordinal.
    pub place: String,
    /// What is wrong, for a person.
    pub reason: String,
    /// The record as it came, as JSON text.
    pub payload: String,
    /// Currency of the control total; XXX when unreadable.
    pub currency: Currency,
    /// Signed open amount as far as it could be read.
    pub amount_minor: i64,
}

row! {
    /// A record in quarantine.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct QuarantineRow {
        /// Its id.
        pub id: String,
        /// The connection.
        pub connection: String,
        /// The operation.
        pub operation: String,
        /// Where it failed.
        pub stage: String,
        /// Where it stands in the source.
        pub place: String,
        /// Why.
        pub reason: String,
        /// The record.
        pub payload: String,
        /// First time seen.
        pub first_seen: Instant,
        /// Last time seen.
        pub last_seen: Instant,
    }
}

impl Tx<'_> {
    /// Puts records aside. The same record with the same fault, read again, is the same entry.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn quarantine(
        &mut self,
        connection: &str,
        operation: &str,
        run: &str,
        records: &[BadRecord],
        now: Instant,
    ) -> Result<(), Error> {
        // Identical rows of one file are told apart by their count.
        let mut repeats: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for record in records {
            let repeat = repeats.entry((&record.payload, &record.reason)).or_default();
            *repeat += 1;
            let id = fingerprint_hex(&[
                connection.as_bytes(),
                operation.as_bytes(),
                record.payload.as_bytes(),
                &repeat.to_le_bytes(),
            ]);
            on!(&mut *self, c => sqlx::query(
                "INSERT INTO quarantine (id, connection, operation, stage, place, reason, payload, currency, amount_minor, \
                 first_seen, last_seen, last_run) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11) \
                 ON CONFLICT (id) DO UPDATE SET stage = excluded.stage, place = excluded.place, reason = excluded.reason, \
                 last_seen = excluded.last_seen, last_run = excluded.last_run, resolved_at = NULL")
                .bind(id).bind(connection).bind(operation).bind(record.stage).bind(&record.place).bind(&record.reason)
                .bind(&record.payload).bind(record.currency.code()).bind(record.amount_minor).bind(now).bind(run)
                .execute(c).await?;);
        }
        Ok(())
    }

    /// Notes as resolved what a whole new reading of the source no longer contains.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn resolve_quarantine(
        &mut self,
        connection: &str,
        operation: &str,
        run: &str,
        now: Instant,
    ) -> Result<u64, Error> {
        Ok(on!(self, c => sqlx::query(
            "UPDATE quarantine SET resolved_at = $4 WHERE connection = $1 AND operation = $2 AND last_run <> $3 AND resolved_at IS NULL")
            .bind(connection).bind(operation).bind(run).bind(now).execute(c).await?.rows_affected()))
    }

    /// What is in quarantine of a company, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn quarantined(&mut self, company: &str) -> Result<Vec<QuarantineRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT id, connection, operation, stage, place, reason, payload, first_seen, last_seen FROM quarantine \
             WHERE resolved_at IS NULL AND connection IN (SELECT id FROM connection WHERE company = $1) \
             ORDER BY first_seen, connection, operation, place, id").bind(company).fetch_all(c).await?))
    }
}
