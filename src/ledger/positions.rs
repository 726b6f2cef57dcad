//! What follows for each buyer: exposure per currency, cover per policy.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use super::Error;
use super::db::{Tx, marks, on, row, values};
use crate::model::{Date, Instant};

const ROWS_MAX: usize = 400;

row! {
    /// What a buyer owes in one currency.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ExposureRow {
        /// The legal buyer.
        pub buyer_id: String,
        /// Currency code.
        pub currency: String,
        /// Open invoices less open credit notes less unallocated receipts.
        pub outstanding_minor: i64,
        /// Open invoices that are not due.
        pub not_due_minor: i64,
        /// 1 to 30 days past the original due date.
        pub overdue_30_minor: i64,
        /// 31 to 60 days.
        pub overdue_60_minor: i64,
        /// 61 to 90 days.
        pub overdue_90_minor: i64,
        /// More than 90 days.
        pub overdue_more_minor: i64,
        /// Of the open invoices, those disputed.
        pub disputed_minor: i64,
        /// Open credit notes.
        pub credits_minor: i64,
        /// Receipts not allocated.
        pub unallocated_minor: i64,
        /// The oldest original due date of an open invoice.
        pub oldest_due: Option<Date>,
        /// How many invoices are open.
        pub invoice_count: i64,
        /// The outstanding amount that was last announced.
        pub said_minor: i64,
        /// Counts announcements.
        pub version: i64,
        /// The day the ages are counted to.
        pub as_of: Date,
    }
}

row! {
    /// What one policy covers of a buyer.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CoverRow {
        /// The legal buyer.
        pub buyer_id: String,
        /// The insurer's connection.
        pub connection: String,
        /// Policy number.
        pub policy: String,
        /// The policy's currency.
        pub currency: String,
        /// The limit of the day.
        pub cap_minor: i64,
        /// Covered amount of the open invoices.
        pub covered_minor: i64,
        /// Outstanding less covered, not below zero.
        pub uninsured_minor: i64,
        /// Covered × insured percentage.
        pub indemnity_minor: i64,
        /// Eligible invoices are beyond the limit.
        pub over_limit: bool,
        /// Counts changes of `over_limit`.
        pub version: i64,
        /// The day it is computed for.
        pub as_of: Date,
    }
}

const EXPOSURE: &str = "buyer_id, currency, outstanding_minor, not_due_minor, overdue_30_minor, overdue_60_minor, \
     overdue_90_minor, overdue_more_minor, disputed_minor, credits_minor, unallocated_minor, oldest_due, invoice_count, \
     said_minor, version, as_of";
const COVER: &str = "buyer_id, connection, policy, currency, cap_minor, covered_minor, uninsured_minor, indemnity_minor, \
     over_limit, version, as_of";

impl Tx<'_> {
    /// The exposure of some buyers, or of all, by buyer and currency.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn exposures(
        &mut self,
        company: &str,
        buyers: Option<&BTreeSet<String>>,
    ) -> Result<Vec<ExposureRow>, Error> {
        let mut all = Vec::new();
        for (filter, chunk) in chunks(buyers) {
            let sql = format!(
                "SELECT {EXPOSURE} FROM exposure WHERE company = $1{filter} ORDER BY buyer_id, currency"
            );
            let rows: Vec<ExposureRow> = on!(&mut *self, c => {
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

    /// The cover of some buyers, or of all, by buyer and policy.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn covers(
        &mut self,
        company: &str,
        buyers: Option<&BTreeSet<String>>,
    ) -> Result<Vec<CoverRow>, Error> {
        let mut all = Vec::new();
        for (filter, chunk) in chunks(buyers) {
            let sql = format!(
                "SELECT {COVER} FROM cover WHERE company = $1{filter} ORDER BY buyer_id, connection, policy"
            );
            let rows: Vec<CoverRow> = on!(&mut *self, c => {
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

    /// Writes exposures as they are now.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn write_exposures(
        &mut self,
        company: &str,
        rows: &[ExposureRow],
        now: Instant,
    ) -> Result<(), Error> {
        for chunk in rows.chunks(ROWS_MAX) {
            let sql = format!(
                "INSERT INTO exposure (company, {EXPOSURE}, recorded_at) VALUES {} ON CONFLICT (company, buyer_id, currency) \
                 DO UPDATE SET outstanding_minor = excluded.outstanding_minor, not_due_minor = excluded.not_due_minor, \
                 overdue_30_minor = excluded.overdue_30_minor, overdue_60_minor = excluded.overdue_60_minor, \
                 overdue_90_minor = excluded.overdue_90_minor, overdue_more_minor = excluded.overdue_more_minor, \
                 disputed_minor = excluded.disputed_minor, credits_minor = excluded.credits_minor, \
                 unallocated_minor = excluded.unallocated_minor, oldest_due = excluded.oldest_due, \
                 invoice_count = excluded.invoice_count, said_minor = excluded.said_minor, version = excluded.version, \
                 as_of = excluded.as_of, recorded_at = excluded.recorded_at",
                values(self, chunk.len(), 18)
            );
            on!(&mut *self, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for row in chunk {
                    query = query
                        .bind(company)
                        .bind(&row.buyer_id)
                        .bind(&row.currency)
                        .bind(row.outstanding_minor)
                        .bind(row.not_due_minor)
                        .bind(row.overdue_30_minor)
                        .bind(row.overdue_60_minor)
                        .bind(row.overdue_90_minor)
                        .bind(row.overdue_more_minor)
                        .bind(row.disputed_minor)
                        .bind(row.credits_minor)
                        .bind(row.unallocated_minor)
                        .bind(row.oldest_due)
                        .bind(row.invoice_count)
                        .bind(row.said_minor)
                        .bind(row.version)
                        .bind(row.as_of)
                        .bind(now);
                }
                query.execute(c).await?;
            });
        }
        Ok(())
    }

    /// Writes covers as they are now.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn write_covers(
        &mut self,
        company: &str,
        rows: &[CoverRow],
        now: Instant,
    ) -> Result<(), Error> {
        for chunk in rows.chunks(ROWS_MAX) {
            let sql = format!(
                "INSERT INTO cover (company, {COVER}, recorded_at) VALUES {} ON CONFLICT (company, buyer_id, connection, policy) \
                 DO UPDATE SET currency = excluded.currency, cap_minor = excluded.cap_minor, \
                 covered_minor = excluded.covered_minor, uninsured_minor = excluded.uninsured_minor, \
                 indemnity_minor = excluded.indemnity_minor, over_limit = excluded.over_limit, version = excluded.version, \
                 as_of = excluded.as_of, recorded_at = excluded.recorded_at",
                values(self, chunk.len(), 13)
            );
            on!(&mut *self, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for row in chunk {
                    query = query
                        .bind(company)
                        .bind(&row.buyer_id)
                        .bind(&row.connection)
                        .bind(&row.policy)
                        .bind(&row.currency)
                        .bind(row.cap_minor)
                        .bind(row.covered_minor)
                        .bind(row.uninsured_minor)
                        .bind(row.indemnity_minor)
                        .bind(row.over_limit)
                        .bind(row.version)
                        .bind(row.as_of)
                        .bind(now);
                }
                query.execute(c).await?;
            });
        }
        Ok(())
    }

    /// The last day for which the company was settled whole.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn settled_on(&mut self, company: &str) -> Result<Option<Date>, Error> {
        let row: (Option<Date>,) = on!(self, c => sqlx::query_as(
            "SELECT MAX(on_date) FROM run WHERE company = $1 AND outcome IN ('done', 'partial')").bind(company).fetch_one(c).await?);
        Ok(row.0)
    }
}

/// Buyers in chunks, each with its SQL condition from `$2` on; one chunk without condition for all.
pub(super) fn chunks(buyers: Option<&BTreeSet<String>>) -> Vec<(String, Vec<&String>)> {
    let Some(buyers) = buyers else { return vec![(String::new(), Vec::new())] };
    let buyers: Vec<&String> = buyers.iter().collect();
    let with_marks = |chunk: &[&'_ String]| format!(" AND buyer_id IN ({})", marks(2, chunk.len()));
    buyers.chunks(ROWS_MAX).map(|chunk| (with_marks(chunk), chunk.to_vec())).collect()
}
