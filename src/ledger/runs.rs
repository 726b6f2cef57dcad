//! Runs and their control totals: the proof that nothing was lost between a source and the ledger.

use sqlx::types::Json;

use super::Error;
use super::db::{Tx, on, row};
use crate::model::{Currency, Date, Instant};

/// Source = ledger + quarantined, in count and sum, for one currency of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlTotal {
    /// The currency; XXX collects records whose currency cannot be read.
    pub currency: Currency,
    /// Records that the source listed.
    pub source_count: i64,
    /// Signed open amounts of them; an unreadable one counts as zero.
    pub source_minor: i64,
    /// Of these, in the ledger.
    pub ledger_count: i64,
    /// Signed open amounts, read back from the ledger.
    pub ledger_minor: i64,
    /// Of these, in quarantine.
    pub quarantined_count: i64,
    /// Signed open amounts of those, as far as they could be read.
    pub quarantined_minor: i64,
}

impl ControlTotal {
    /// Whether both count and sum add up.
    #[must_use]
    pub const fn adds_up(&self) -> bool {
        let count = self.ledger_count.checked_add(self.quarantined_count);
        let minor = self.ledger_minor.checked_add(self.quarantined_minor);
        matches!((count, minor), (Some(count), Some(minor)) if count == self.source_count && minor == self.source_minor)
    }
}

row! {
    /// A run.
    #[derive(Debug, Clone)]
    pub struct RunRow {
        /// Its id.
        pub id: String,
        /// The business day it ran for.
        pub on_date: Date,
        /// When it began.
        pub started_at: Instant,
        /// When it ended.
        pub finished_at: Instant,
        /// `done`, `partial` or `failed`.
        pub outcome: String,
        /// What it did.
        pub summary: Json<serde_json::Value>,
    }
}

impl Tx<'_> {
    /// Records a run.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn record_run(&mut self, company: &str, run: &RunRow) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "INSERT INTO run (id, company, on_date, started_at, finished_at, outcome, summary) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(&run.id).bind(company).bind(run.on_date).bind(run.started_at).bind(run.finished_at).bind(&run.outcome)
            .bind(&run.summary).execute(c).await?;);
        Ok(())
    }

    /// Records a control total of a run.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn record_control_total(
        &mut self,
        run: &str,
        connection: &str,
        operation: &str,
        total: &ControlTotal,
    ) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "INSERT INTO control_total (run, connection, operation, currency, source_count, source_minor, ledger_count, \
             ledger_minor, quarantined_count, quarantined_minor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(run).bind(connection).bind(operation).bind(total.currency.code()).bind(total.source_count)
            .bind(total.source_minor).bind(total.ledger_count).bind(total.ledger_minor).bind(total.quarantined_count)
            .bind(total.quarantined_minor).execute(c).await?;);
        Ok(())
    }

    /// The last runs of a company, newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn runs(&mut self, company: &str, most: i64) -> Result<Vec<RunRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT id, on_date, started_at, finished_at, outcome, summary FROM run WHERE company = $1 \
             ORDER BY started_at DESC, id LIMIT $2").bind(company).bind(most).fetch_all(c).await?))
    }
}
