//! Records that could not be taken, kept one by one with the reason, the place and the payload.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use sqlx::AssertSqlSafe;

use super::Error;
use super::db::{Tx, marks, on, row};
use super::rows::{Existing, Rows};
use crate::ids::fingerprint_hex;
use crate::model::{Currency, Instant};

const ROWS_MAX: usize = 400;

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

/// The identity of a record in quarantine, whose like has been seen so often before.
fn next_id<'r>(
    connection: &str,
    operation: &str,
    payload: &'r str,
    repeats: &mut HashMap<&'r str, u32>,
) -> String {
    let repeat = repeats.entry(payload).or_default();
    *repeat += 1;
    fingerprint_hex(&[connection.as_bytes(), operation.as_bytes(), payload.as_bytes(), &repeat.to_le_bytes()])
}

/// Text as both databases keep it: PostgreSQL has no U+0000 in a text.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{2400}")) } else { Cow::Borrowed(text) }
}

impl Tx<'_> {
    /// Puts records aside. The same record, read again, is the same entry; identical records of one run are one entry each.
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
        // Identical rows of one source are told apart by their count.
        let mut repeats: HashMap<&str, u32> = HashMap::new();
        for chunk in records.chunks(ROWS_MAX) {
            let mut rows: Vec<(String, &BadRecord)> = Vec::with_capacity(chunk.len());
            for record in chunk {
                rows.push((next_id(connection, operation, &record.payload, &mut repeats), record));
            }
            // An earlier call of this run may have counted some already.
            loop {
                let taken = self.noted_in_run(run, &rows).await?;
                if taken.is_empty() {
                    break;
                }
                for (id, record) in rows.iter_mut().filter(|(id, _)| taken.contains(id)) {
                    *id = next_id(connection, operation, &record.payload, &mut repeats);
                }
            }
            let rows = Rows::of(&rows)
                .column("id", |(id, _)| id.as_str())
                .column("connection", |_| connection)
                .column("operation", |_| operation)
                .column("stage", |(_, record)| record.stage)
                .column("place", |(_, record)| storable(&record.place))
                .column("reason", |(_, record)| storable(&record.reason))
                .column("payload", |(_, record)| storable(&record.payload))
                .column("currency", |(_, record)| record.currency.code())
                .column("amount_minor", |(_, record)| record.amount_minor)
                .column("first_seen", |_| now)
                .column("last_seen", |_| now)
                .column("last_run", |_| run)
                .column("resolved_at", |_| None::<Instant>);
            let but = &["connection", "operation", "payload", "first_seen"];
            self.insert("quarantine", rows, Existing::Replaced { key: "id", but }).await?;
        }
        Ok(())
    }

    async fn noted_in_run(
        &mut self,
        run: &str,
        rows: &[(String, &BadRecord)],
    ) -> Result<HashSet<String>, Error> {
        let sql =
            format!("SELECT id FROM quarantine WHERE last_run = $1 AND id IN ({})", marks(2, rows.len()));
        let noted: Vec<(String,)> = on!(self, c => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(run);
            for (id, _) in rows {
                query = query.bind(id);
            }
            query.fetch_all(c).await?
        });
        Ok(noted.into_iter().map(|(id,)| id).collect())
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
