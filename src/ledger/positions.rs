//! What follows for each buyer: exposure per currency, cover per policy.

use std::collections::BTreeSet;

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};

use super::Error;
use super::db::{Tx, marks, on, row};
use super::rows::{Existing, Rows};
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
        /// What is outstanding net of tax; none where no policy in this currency counts so.
        pub net_minor: Option<i64>,
        /// How many invoices are whole in that, since they carry no tax figure.
        pub lacks_tax: i64,
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
        /// How many invoices count whole under a policy that counts net of tax, since they carry no tax figure.
        pub lacks_tax: i64,
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
     net_minor, lacks_tax, said_minor, version, as_of";
const COVER: &str = "buyer_id, connection, policy, currency, cap_minor, covered_minor, uninsured_minor, indemnity_minor, \
     lacks_tax, over_limit, version, as_of";

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
        let select = format!("SELECT {EXPOSURE} FROM exposure WHERE company = $1");
        self.of_buyers(&select, "buyer_id, currency", company, buyers).await
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
        let select = format!("SELECT {COVER} FROM cover WHERE company = $1");
        self.of_buyers(&select, "buyer_id, connection, policy", company, buyers).await
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
        let rows = Rows::of(rows)
            .column("company", |_| company)
            .column("buyer_id", |row| row.buyer_id.as_str())
            .column("currency", |row| row.currency.as_str())
            .column("outstanding_minor", |row| row.outstanding_minor)
            .column("not_due_minor", |row| row.not_due_minor)
            .column("overdue_30_minor", |row| row.overdue_30_minor)
            .column("overdue_60_minor", |row| row.overdue_60_minor)
            .column("overdue_90_minor", |row| row.overdue_90_minor)
            .column("overdue_more_minor", |row| row.overdue_more_minor)
            .column("disputed_minor", |row| row.disputed_minor)
            .column("credits_minor", |row| row.credits_minor)
            .column("unallocated_minor", |row| row.unallocated_minor)
            .column("oldest_due", |row| row.oldest_due)
            .column("invoice_count", |row| row.invoice_count)
            .column("net_minor", |row| row.net_minor)
            .column("lacks_tax", |row| row.lacks_tax)
            .column("said_minor", |row| row.said_minor)
            .column("version", |row| row.version)
            .column("as_of", |row| row.as_of)
            .column("recorded_at", |_| now);
        let key = "company, buyer_id, currency";
        self.insert("exposure", rows, Existing::Replaced { key, but: &[] }).await?;
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
        let rows = Rows::of(rows)
            .column("company", |_| company)
            .column("buyer_id", |row| row.buyer_id.as_str())
            .column("connection", |row| row.connection.as_str())
            .column("policy", |row| row.policy.as_str())
            .column("currency", |row| row.currency.as_str())
            .column("cap_minor", |row| row.cap_minor)
            .column("covered_minor", |row| row.covered_minor)
            .column("uninsured_minor", |row| row.uninsured_minor)
            .column("indemnity_minor", |row| row.indemnity_minor)
            .column("lacks_tax", |row| row.lacks_tax)
            .column("over_limit", |row| row.over_limit)
            .column("version", |row| row.version)
            .column("as_of", |row| row.as_of)
            .column("recorded_at", |_| now);
        let key = "company, buyer_id, connection, policy";
        self.insert("cover", rows, Existing::Replaced { key, but: &[] }).await?;
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

impl Tx<'_> {
    /// Reads the rows of some buyers of a company, or of all: `select` asks for those of the company `$1`.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(super) async fn of_buyers<R>(
        &mut self,
        select: &str,
        order: &str,
        company: &str,
        buyers: Option<&BTreeSet<String>>,
    ) -> Result<Vec<R>, Error>
    where
        R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let buyers: Option<Vec<&String>> = buyers.map(|buyers| buyers.iter().collect());
        let chunks: Vec<&[&String]> = match &buyers {
            None => vec![&[]],
            Some(buyers) => buyers.chunks(ROWS_MAX).collect(),
        };
        let mut all = Vec::new();
        for chunk in chunks {
            let filter = match chunk.len() {
                0 => String::new(),
                count => format!(" AND buyer_id IN ({})", marks(2, count)),
            };
            let sql = format!("{select}{filter} ORDER BY {order}");
            let rows: Vec<R> = on!(&mut *self, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(company);
                for buyer in chunk {
                    query = query.bind(*buyer);
                }
                query.fetch_all(c).await?
            });
            all.extend(rows);
        }
        Ok(all)
    }
}
