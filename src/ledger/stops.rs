//! Stops of cover, remembered beyond the invoice that caused them.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use super::Error;
use super::db::{Tx, on, row, values};
use super::positions::chunks;
use crate::model::{Date, Instant};

const ROWS_MAX: usize = 400;

row! {
    /// A stop of cover on a buyer under a policy.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CoverStopRow {
        /// The legal buyer.
        pub buyer_id: String,
        /// The insurer's connection.
        pub connection: String,
        /// Policy number.
        pub policy: String,
        /// Counts the stops of the buyer under the policy, from 1.
        pub number: i64,
        /// First day whose invoices are not covered.
        pub stopped_on: Date,
        /// The ERP's key of the invoice that caused it.
        pub cause_item: String,
        /// The number people quote of it.
        pub cause_number: String,
        /// How it ends, as text.
        pub lifts: String,
        /// The business day on which it was first found.
        pub known_since: Date,
        /// The business day on which it ended.
        pub lifted_on: Option<Date>,
        /// First day whose invoices are covered again.
        pub covered_from: Option<Date>,
        /// What ended it, as text.
        pub lifted_why: Option<String>,
        /// Who said so, where a person did.
        pub lifted_by: Option<String>,
        /// … and why.
        pub because: Option<String>,
        /// Counts what was said of it, from 1.
        pub version: i64,
    }
}

const COLUMNS: &str = "buyer_id, connection, policy, number, stopped_on, cause_item, cause_number, lifts, known_since, \
     lifted_on, covered_from, lifted_why, lifted_by, because, version";

impl Tx<'_> {
    /// The stops of some buyers, or of all, by buyer, policy and number; those that were lifted too.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn cover_stops(
        &mut self,
        company: &str,
        buyers: Option<&BTreeSet<String>>,
    ) -> Result<Vec<CoverStopRow>, Error> {
        let mut all = Vec::new();
        for (filter, chunk) in chunks(buyers) {
            let sql = format!(
                "SELECT {COLUMNS} FROM cover_stop WHERE company = $1{filter} ORDER BY buyer_id, connection, policy, number"
            );
            let rows: Vec<CoverStopRow> = on!(&mut *self, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(company);
                for buyer in &chunk {
                    query = query.bind(*buyer);
                }
                query.fetch_all(c).await?
            });
            all.extend(rows);
        }
        Ok(all)
    }

    /// Writes stops as they are now, each over the one of its number.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn write_cover_stops(
        &mut self,
        company: &str,
        rows: &[CoverStopRow],
        now: Instant,
    ) -> Result<(), Error> {
        for chunk in rows.chunks(ROWS_MAX) {
            let sql = format!(
                "INSERT INTO cover_stop (company, {COLUMNS}, recorded_at) VALUES {} \
                 ON CONFLICT (company, buyer_id, connection, policy, number) DO UPDATE SET stopped_on = excluded.stopped_on, \
                 cause_item = excluded.cause_item, cause_number = excluded.cause_number, lifts = excluded.lifts, \
                 lifted_on = excluded.lifted_on, covered_from = excluded.covered_from, \
                 lifted_why = excluded.lifted_why, lifted_by = excluded.lifted_by, because = excluded.because, version = excluded.version, recorded_at = excluded.recorded_at",
                values(self, chunk.len(), 17)
            );
            on!(&mut *self, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for row in chunk {
                    query = query
                        .bind(company)
                        .bind(&row.buyer_id)
                        .bind(&row.connection)
                        .bind(&row.policy)
                        .bind(row.number)
                        .bind(row.stopped_on)
                        .bind(&row.cause_item)
                        .bind(&row.cause_number)
                        .bind(&row.lifts)
                        .bind(row.known_since)
                        .bind(row.lifted_on)
                        .bind(row.covered_from)
                        .bind(&row.lifted_why)
                        .bind(&row.lifted_by)
                        .bind(&row.because)
                        .bind(row.version)
                        .bind(now);
                }
                query.execute(c).await?;
            });
        }
        Ok(())
    }
}
