//! What buyers owed at the end of each business day: kept where it changed, and read as peaks and as of a day.
//!
//! The last word of a day counts; a day that ended as it began leaves no row.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;

use super::Error;
use super::db::{Tx, marks, on, placeholders_from, row};
use super::rows::{Existing, Rows};
use crate::model::{Date, Instant};

const ROWS_MAX: usize = 400;

row! {
    /// What a buyer owed over a span of days, in one currency.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PeakRow {
        /// The legal buyer.
        pub buyer_id: String,
        /// Currency code.
        pub currency: String,
        /// The most it owed on a day of the span.
        pub peak_minor: i64,
        /// The same net of tax; days on which no policy counted so are in it gross.
        pub net_peak_minor: i64,
        /// The first day of which anything is known at all.
        pub known_since: Date,
        /// The last day on which what it owed changed.
        pub last_change: Date,
    }
}

/// What a buyer owes at the end of a day in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owed<'a> {
    /// The legal buyer.
    pub buyer: &'a str,
    /// Currency code.
    pub currency: &'a str,
    /// All of it, minor units.
    pub minor: i64,
    /// Net of tax, where a policy counts so.
    pub net_minor: Option<i64>,
    /// How many invoices are whole in that.
    pub lacks_tax: i64,
}

row! {
    struct OwedRow {
        buyer_id: String,
        currency: String,
        outstanding_minor: i64,
        net_minor: Option<i64>,
        lacks_tax: i64,
    }
}

impl OwedRow {
    fn owed(&self) -> Owed<'_> {
        Owed {
            buyer: &self.buyer_id,
            currency: &self.currency,
            minor: self.outstanding_minor,
            net_minor: self.net_minor,
            lacks_tax: self.lacks_tax,
        }
    }
}

impl Tx<'_> {
    /// Keeps what buyers owe at the end of a day, where it is not what they owed before. The last word of a day counts.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn note_exposures(
        &mut self,
        company: &str,
        exposures: &[Owed<'_>],
        day: Date,
        now: Instant,
    ) -> Result<(), Error> {
        self.keep_stated_day(company, exposures, day, now).await?;
        for chunk in exposures.chunks(ROWS_MAX) {
            let sql = format!(
                "SELECT buyer_id, currency, outstanding_minor, net_minor, lacks_tax FROM (SELECT buyer_id, currency, \
                 outstanding_minor, net_minor, lacks_tax, ROW_NUMBER() OVER (PARTITION BY buyer_id, currency ORDER BY as_of DESC) \
                 AS place FROM exposure_day WHERE company = $1 AND as_of < $2 AND buyer_id IN ({})) AS days WHERE place = 1",
                marks(3, chunk.len())
            );
            let before: Vec<OwedRow> = on!(&mut *self, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(company).bind(day);
                for row in chunk {
                    query = query.bind(row.buyer);
                }
                query.fetch_all(c).await?
            });
            let before: BTreeSet<Owed<'_>> = before.iter().map(OwedRow::owed).collect();
            let (same, changed): (Vec<_>, Vec<_>) = chunk.iter().partition(|row| before.contains(*row));
            self.forget_exposures(company, &same, day).await?;
            let rows = Rows::of(&changed)
                .column("company", |_| company)
                .column("buyer_id", |row| row.buyer)
                .column("currency", |row| row.currency)
                .column("as_of", |_| day)
                .column("outstanding_minor", |row| row.minor)
                .column("net_minor", |row| row.net_minor)
                .column("lacks_tax", |row| row.lacks_tax)
                .column("recorded_at", |_| now);
            let key = "company, buyer_id, currency, as_of";
            let columns = &["outstanding_minor", "net_minor", "lacks_tax"];
            self.insert("exposure_day", rows, Existing::ReplacedIfOther { key, columns }).await?;
        }
        Ok(())
    }

    /// Takes back what was kept of a day that ended as it began.
    async fn forget_exposures(&mut self, company: &str, rows: &[&Owed<'_>], day: Date) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "DELETE FROM exposure_day WHERE company = $1 AND as_of = $2 AND (buyer_id, currency) IN (VALUES {})",
            placeholders_from(3, rows.len(), 2)
        );
        on!(self, c => {
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(company).bind(day);
            for row in rows {
                query = query.bind(row.buyer).bind(row.currency);
            }
            query.execute(c).await?;
        });
        Ok(())
    }

    /// The most that each buyer owed from a day on, what it owed when that day began included.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn peaks(&mut self, company: &str, from: Date) -> Result<Vec<PeakRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT buyer_id, currency, MAX(CASE WHEN as_of >= starts THEN outstanding_minor END) AS peak_minor, \
             MAX(CASE WHEN as_of >= starts THEN COALESCE(net_minor, outstanding_minor) END) AS net_peak_minor, MIN(as_of) AS known_since, MAX(as_of) AS last_change FROM \
             (SELECT buyer_id, currency, as_of, outstanding_minor, net_minor, COALESCE(MAX(CASE WHEN as_of <= $2 THEN as_of END) \
             OVER (PARTITION BY buyer_id, currency), $2) AS starts FROM exposure_day WHERE company = $1) AS days \
             GROUP BY buyer_id, currency ORDER BY buyer_id, currency")
            .bind(company).bind(from).fetch_all(c).await?))
    }

    /// What each buyer owed at the end of a day, in one currency; those that owed nothing are left out.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn owed_on(
        &mut self,
        company: &str,
        currency: &str,
        day: Date,
    ) -> Result<BTreeMap<String, i64>, Error> {
        let rows: Vec<(String, i64)> = on!(self, c => sqlx::query_as(
            "SELECT buyer_id, outstanding_minor FROM (SELECT buyer_id, outstanding_minor, ROW_NUMBER() OVER \
             (PARTITION BY buyer_id ORDER BY as_of DESC) AS place FROM exposure_day WHERE company = $1 AND currency = $2 \
             AND as_of <= $3) AS days WHERE place = 1 AND outstanding_minor <> 0 ORDER BY buyer_id")
            .bind(company).bind(currency).bind(day).fetch_all(c).await?);
        Ok(rows.into_iter().collect())
    }
}
