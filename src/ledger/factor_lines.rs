//! What factors state of assigned documents: a statement in, what changed out, with what was stated before.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::Error;
use super::db::{Tx, on, row};
use super::rows::{Existing, Rows};
use crate::model::{FactorLine, Instant, Listing};

row! {
    /// A line of the last statement.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct FactorLineRow {
        /// The factor's connection.
        pub connection: String,
        /// What it says.
        pub payload: Json<FactorLine>,
        /// Counts its changes, from 1.
        pub version: i64,
    }
}

/// A line before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorLineChange {
    /// The factor's connection.
    pub connection: String,
    /// What was stated, if anything.
    pub before: Option<FactorLine>,
    /// What is stated.
    pub after: FactorLine,
    /// Counts the changes of this line, from 1.
    pub version: i64,
}

type Key = (String, String, String);

fn key(line: &FactorLine) -> Key {
    (line.contract.clone().unwrap_or_default(), line.number.clone(), line.currency.code().to_owned())
}

impl Tx<'_> {
    /// Lands a statement. A line as known is not written; one that a whole statement no longer lists moves to the history, and so does
    /// one that is superseded. An answer that is older than what is known says nothing.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn land_factor_lines(
        &mut self,
        connection: &str,
        lines: Vec<FactorLine>,
        listing: Listing,
        now: Instant,
    ) -> Result<Vec<FactorLineChange>, Error> {
        let mut known: BTreeMap<Key, FactorLineRow> =
            self.factor_lines(connection).await?.into_iter().map(|row| (key(&row.payload), row)).collect();
        let left: Vec<(String, String, String, i64)> = on!(&mut *self, c => sqlx::query_as(
            "SELECT contract, number, currency, MAX(version) FROM factor_line_history WHERE connection = $1 \
             GROUP BY contract, number, currency")
            .bind(connection).fetch_all(c).await?);
        // A line that left and comes back goes on counting, so that what is said of it is new.
        let left: BTreeMap<Key, i64> = left
            .into_iter()
            .map(|(contract, number, currency, version)| ((contract, number, currency), version))
            .collect();
        let mut changes = Vec::new();
        let mut gone: Vec<Key> = Vec::new();
        for after in lines {
            let before = known.remove(&key(&after));
            let says_nothing = |row: &FactorLineRow| {
                row.payload.0 == after || (listing == Listing::Answers && row.payload.date > after.date)
            };
            if before.as_ref().is_some_and(says_nothing) {
                continue;
            }
            if before.is_some() {
                gone.push(key(&after));
            }
            changes.push(FactorLineChange {
                connection: connection.to_owned(),
                version: before
                    .as_ref()
                    .map(|row| row.version)
                    .or_else(|| left.get(&key(&after)).copied())
                    .map_or(1, |version| version + 1),
                before: before.map(|row| row.payload.0),
                after,
            });
        }
        if listing == Listing::Whole {
            gone.extend(known.into_keys());
        }
        for (contract, number, currency) in &gone {
            const WHERE: &str = "connection = $1 AND contract = $2 AND number = $3 AND currency = $4";
            let kept = format!(
                "INSERT INTO factor_line_history (connection, contract, number, currency, payload, version, recorded_at, superseded_at) \
                 SELECT connection, contract, number, currency, payload, version, recorded_at, $5 FROM factor_line WHERE {WHERE}"
            );
            on!(&mut *self, c => sqlx::query(AssertSqlSafe(kept))
                .bind(connection).bind(contract).bind(number).bind(currency).bind(now).execute(c).await?;);
            let taken = format!("DELETE FROM factor_line WHERE {WHERE}");
            on!(&mut *self, c => sqlx::query(AssertSqlSafe(taken))
                .bind(connection).bind(contract).bind(number).bind(currency).execute(c).await?;);
        }
        let rows = Rows::of(&changes)
            .column("connection", |_| connection)
            .column("contract", |change| change.after.contract.clone().unwrap_or_default())
            .column("number", |change| change.after.number.as_str())
            .column("currency", |change| change.after.currency.code())
            .column("payload", |change| Json(&change.after))
            .column("version", |change| change.version)
            .column("recorded_at", |_| now);
        self.insert("factor_line", rows, Existing::Refused).await?;
        Ok(changes)
    }

    /// Whether a factor has ever stated anything: a statement that lists nothing is one too.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn has_stated(&mut self, connection: &str) -> Result<bool, Error> {
        let (has,): (bool,) = on!(self, c => sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM factor_line WHERE connection = $1) \
             OR EXISTS (SELECT 1 FROM factor_line_history WHERE connection = $1)")
            .bind(connection).fetch_one(c).await?);
        Ok(has)
    }

    /// The last statement of a connection.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn factor_lines(&mut self, connection: &str) -> Result<Vec<FactorLineRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT connection, payload, version FROM factor_line WHERE connection = $1 ORDER BY contract, number, currency")
            .bind(connection).fetch_all(c).await?))
    }
}
