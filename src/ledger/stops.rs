//! Stops of cover, remembered beyond the invoice that caused them.

use std::collections::BTreeSet;

use super::Error;
use super::db::{Tx, row};
use super::rows::{Existing, Rows};
use crate::model::{Date, Instant};

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
        /// The ERP's connection of the invoice that caused it; empty where it is not known which one it was.
        pub cause_connection: String,
        /// The ERP's key of it.
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

const COLUMNS: &str = "buyer_id, connection, policy, number, stopped_on, cause_connection, cause_item, cause_number, lifts, known_since, \
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
        let select = format!("SELECT {COLUMNS} FROM cover_stop WHERE company = $1");
        self.of_buyers(&select, "buyer_id, connection, policy, number", company, buyers).await
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
        let rows = Rows::of(rows)
            .column("company", |_| company)
            .column("buyer_id", |row| row.buyer_id.as_str())
            .column("connection", |row| row.connection.as_str())
            .column("policy", |row| row.policy.as_str())
            .column("number", |row| row.number)
            .column("stopped_on", |row| row.stopped_on)
            .column("cause_connection", |row| row.cause_connection.as_str())
            .column("cause_item", |row| row.cause_item.as_str())
            .column("cause_number", |row| row.cause_number.as_str())
            .column("lifts", |row| row.lifts.as_str())
            .column("known_since", |row| row.known_since)
            .column("lifted_on", |row| row.lifted_on)
            .column("covered_from", |row| row.covered_from)
            .column("lifted_why", |row| row.lifted_why.as_deref())
            .column("lifted_by", |row| row.lifted_by.as_deref())
            .column("because", |row| row.because.as_deref())
            .column("version", |row| row.version)
            .column("recorded_at", |_| now);
        let key = "company, buyer_id, connection, policy, number";
        self.insert("cover_stop", rows, Existing::Replaced { key, but: &["known_since"] }).await?;
        Ok(())
    }
}
