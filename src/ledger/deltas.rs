//! The outbox of deltas. Written with the facts they tell; left only by a confirmation.

use serde_json::value::RawValue;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::Error;
use super::db::{Ledger, Tx, marks, on, row};
use super::rows::{Existing, Rows};
use crate::ids::fingerprint_hex;
use crate::model::{Delta, Instant};

row! {
    /// A delta in the outbox or already said.
    #[derive(Debug, Clone)]
    pub struct DeltaRow {
        /// Order in which deltas were made.
        pub seq: i64,
        /// Deterministic id: consumers drop repeats by it.
        pub id: String,
        /// `<subject>.<event>`.
        pub event: String,
        /// The subject's key.
        pub subject: String,
        /// Where it goes on the exchange.
        pub routing_key: String,
        /// One sentence.
        pub summary: String,
        /// The facts.
        pub data: Json<serde_json::Value>,
        /// When it was made.
        pub created_at: Instant,
        /// When the broker confirmed it.
        pub published_at: Option<Instant>,
        /// The run that made it.
        pub run: String,
    }
}

/// Deltas of one statement.
const ROWS_MAX: usize = 4_000;

/// The same fact has the same id, whoever finds it and whenever.
fn id_of(company: &str, delta: &Delta) -> String {
    let parts = [company, delta.event.as_str(), &delta.connection, &delta.subject, &delta.version];
    fingerprint_hex(&parts.map(str::as_bytes))
}

pub(super) const COLUMNS: &str =
    "seq, id, event, subject, routing_key, summary, data, created_at, published_at, run";

impl Tx<'_> {
    /// Writes deltas to the outbox; one that is already there is not said again. Returns how many are new.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn say(
        &mut self,
        company: &str,
        run: &str,
        deltas: &[Delta],
        now: Instant,
    ) -> Result<u64, Error> {
        let mut said = 0;
        // The facts of many deltas are not held twice at once.
        for chunk in deltas.chunks(ROWS_MAX) {
            said += self.say_some(company, run, chunk, now).await?;
        }
        Ok(said)
    }

    async fn say_some(
        &mut self,
        company: &str,
        run: &str,
        deltas: &[Delta],
        now: Instant,
    ) -> Result<u64, Error> {
        let ready: Vec<(String, String, Json<Box<RawValue>>, &Delta)> = deltas
            .iter()
            .map(|delta| {
                let raw = RawValue::from_string(delta.data.clone())
                    .map_err(|_| Error::unreadable("delta", delta.data.clone()))?;
                Ok((id_of(company, delta), delta.routing_key(), Json(raw), delta))
            })
            .collect::<Result<_, Error>>()?;
        let rows = Rows::of(&ready)
            .column("id", |(id, ..)| id.as_str())
            .column("company", |_| company)
            .column("run", |_| run)
            .column("event", |(.., delta)| delta.event.as_str())
            .column("subject", |(.., delta)| delta.subject.as_str())
            .column("connection", |(.., delta)| delta.connection.as_str())
            .column("routing_key", |(_, key, ..)| key.as_str())
            .column("summary", |(.., delta)| delta.summary.as_str())
            .column("data", |(_, _, data, _)| data)
            .column("created_at", |_| now);
        self.insert("delta", rows, Existing::Stays { key: "id" }).await
    }

    /// The deltas of a company, newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn deltas(&mut self, company: &str, most: i64) -> Result<Vec<DeltaRow>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM delta WHERE company = $1 ORDER BY seq DESC LIMIT $2");
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).bind(most).fetch_all(c).await?))
    }

    /// How many deltas one run wrote, by event.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn count_deltas_of(&mut self, run: &str) -> Result<Vec<(String, i64)>, Error> {
        const COUNT: &str = "SELECT event, COUNT(*) FROM delta WHERE run = $1 GROUP BY event";
        Ok(on!(self, c => sqlx::query_as(COUNT).bind(run).fetch_all(c).await?))
    }

    /// The deltas of one run, in order.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn deltas_of(&mut self, run: &str) -> Result<Vec<DeltaRow>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM delta WHERE run = $1 ORDER BY seq");
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(run).fetch_all(c).await?))
    }
}

impl Ledger {
    /// The oldest deltas that no broker has confirmed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn pending_deltas(&self, most: i64) -> Result<Vec<DeltaRow>, Error> {
        let mut tx = self.read().await?;
        let sql = format!("SELECT {COLUMNS} FROM delta WHERE published_at IS NULL ORDER BY seq LIMIT $1");
        let rows = on!(&mut tx, c => sqlx::query_as(AssertSqlSafe(sql)).bind(most).fetch_all(c).await?);
        tx.rollback().await?;
        Ok(rows)
    }

    /// Notes the confirmation of deltas.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn confirm_deltas(&self, seqs: &[i64], now: Instant) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        for chunk in seqs.chunks(400) {
            let sql = format!(
                "UPDATE delta SET published_at = $1 WHERE published_at IS NULL AND seq IN ({})",
                marks(2, chunk.len())
            );
            on!(&mut tx, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now);
                for seq in chunk {
                    query = query.bind(*seq);
                }
                query.execute(c).await?;
            });
        }
        tx.commit().await
    }
}
