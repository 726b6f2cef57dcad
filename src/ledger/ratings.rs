//! Ratings of buyers: a list in, what changed out, with what was rated before.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::Error;
use super::db::{Tx, marks, on, row};
use super::rows::{Existing, Rows};
use crate::model::{Date, Instant, Rating};

const ROWS_MAX: usize = 400;

row! {
    /// A rating, current or superseded.
    #[derive(Debug, Clone)]
    pub struct RatingRow {
        /// The insurer's connection.
        pub connection: String,
        /// The insurer's id of the buyer.
        pub insurer_buyer_id: String,
        /// The rating; its own day says since when it holds.
        pub payload: Json<Rating>,
        /// Counts its changes, from 1.
        pub version: i64,
        /// The business day on which it was first read so.
        pub seen_on: Date,
        /// When we learnt it.
        pub recorded_at: Instant,
    }
}

/// A rating before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatingChange {
    /// The legal buyer, where a limit or an account ties it to the insurer's buyer.
    pub buyer_id: Option<String>,
    /// What was known, if anything.
    pub before: Option<Rating>,
    /// What is known.
    pub after: Rating,
    /// Counts the changes of this rating, from 1.
    pub version: i64,
}

const ROW: &str = "connection, insurer_buyer_id, payload, version, seen_on, recorded_at";

impl Tx<'_> {
    /// Lands the ratings of a connection. One as known is not written; one that is no longer listed stays.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn land_ratings(
        &mut self,
        connection: &str,
        ratings: Vec<Rating>,
        day: Date,
        now: Instant,
    ) -> Result<Vec<RatingChange>, Error> {
        let sql = format!("SELECT {ROW} FROM rating WHERE connection = $1");
        let rows: Vec<RatingRow> =
            on!(&mut *self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(connection).fetch_all(c).await?);
        let mut known: BTreeMap<String, RatingRow> =
            rows.into_iter().map(|row| (row.insurer_buyer_id.clone(), row)).collect();
        let buyers = self.buyers_of_insured(connection).await?;
        let ratings: BTreeMap<String, Rating> =
            ratings.into_iter().map(|rating| (rating.insurer_buyer_id.clone(), rating)).collect();
        let mut changes = Vec::new();
        for (id, after) in ratings {
            let before = known.remove(&id);
            if before.as_ref().is_some_and(|row| row.payload.0 == after) {
                continue;
            }
            changes.push(RatingChange {
                buyer_id: buyers.get(&id).cloned(),
                version: before.as_ref().map_or(1, |row| row.version + 1),
                before: before.map(|row| row.payload.0),
                after,
            });
        }
        for chunk in changes.chunks(ROWS_MAX) {
            let sql = format!(
                "INSERT INTO rating_history ({ROW}, superseded_at) SELECT {ROW}, $2 FROM rating WHERE connection = $1 \
                 AND insurer_buyer_id IN ({})",
                marks(3, chunk.len())
            );
            on!(&mut *self, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(connection).bind(now);
                for change in chunk {
                    query = query.bind(&change.after.insurer_buyer_id);
                }
                query.execute(c).await?;
            });
        }
        let rows = Rows::of(&changes)
            .column("connection", |_| connection)
            .column("insurer_buyer_id", |change| change.after.insurer_buyer_id.as_str())
            .column("payload", |change| Json(&change.after))
            .column("version", |change| change.version)
            .column("seen_on", |_| day)
            .column("recorded_at", |_| now);
        let key = "connection, insurer_buyer_id";
        self.insert("rating", rows, Existing::Replaced { key, but: &[] }).await?;
        Ok(changes)
    }

    /// The ratings of a legal buyer, current and superseded, newest version first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ratings_of(&mut self, company: &str, buyer: &str) -> Result<Vec<RatingRow>, Error> {
        let mut found = Vec::new();
        for connection in self.connections().await?.into_iter().filter(|row| row.company == company) {
            let buyers = self.buyers_of_insured(&connection.id).await?;
            let ids: BTreeSet<&String> =
                buyers.iter().filter(|(_, known)| *known == buyer).map(|(id, _)| id).collect();
            if ids.is_empty() {
                continue;
            }
            let scope = format!("WHERE connection = $1 AND insurer_buyer_id IN ({})", marks(2, ids.len()));
            let sql = format!(
                "SELECT {ROW} FROM rating {scope} UNION ALL SELECT {ROW} FROM rating_history {scope} \
                 ORDER BY connection, insurer_buyer_id, version DESC"
            );
            let rows: Vec<RatingRow> = on!(&mut *self, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(&connection.id);
                for id in &ids {
                    query = query.bind(*id);
                }
                query.fetch_all(c).await?
            });
            found.extend(rows);
        }
        Ok(found)
    }

    /// The legal buyers behind an insurer's buyers, as its limits tell them.
    async fn buyers_of_insured(&mut self, connection: &str) -> Result<BTreeMap<String, String>, Error> {
        let rows: Vec<(String, String)> = on!(self, c => sqlx::query_as(
            "SELECT DISTINCT insurer_buyer_id, buyer_id FROM cover_limit WHERE connection = $1 AND buyer_id IS NOT NULL \
             ORDER BY insurer_buyer_id, buyer_id").bind(connection).fetch_all(c).await?);
        Ok(rows.into_iter().collect())
    }
}
