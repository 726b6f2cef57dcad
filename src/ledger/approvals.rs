//! What factors approve for buyers: a list in, with the history of what was said before.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::types::Json;

use super::Error;
use super::db::{Tx, on, row};
use super::rows::{Existing, Rows};
use crate::model::{FactorApproval, Instant, Listing};

row! {
    /// What is said of a buyer now.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ApprovalRow {
        /// What it is about.
        pub subject: String,
        /// What the factor says.
        pub payload: Json<FactorApproval>,
        /// Counts its changes, from 1.
        pub version: i64,
    }
}

/// How many statements are new, and how many say otherwise than before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApprovalsLanded {
    /// New ones.
    pub new: u64,
    /// Those that say otherwise.
    pub changed: u64,
    /// Those that a whole list does not show any more.
    pub closed: u64,
}

impl Tx<'_> {
    /// Lands what a factor approves. What is as known is not written; what a whole list no longer shows moves to the history, and so does
    /// what is superseded. Of answers one that is older than what is known says nothing.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn land_approvals(
        &mut self,
        connection: &str,
        approvals: Vec<FactorApproval>,
        listing: Listing,
        now: Instant,
    ) -> Result<ApprovalsLanded, Error> {
        let mut known: BTreeMap<String, ApprovalRow> =
            self.approvals(connection).await?.into_iter().map(|row| (row.subject.clone(), row)).collect();
        // What left and comes back goes on counting.
        let left: Vec<(String, i64)> = on!(&mut *self, c => sqlx::query_as(
            "SELECT subject, MAX(version) FROM approval_history WHERE connection = $1 GROUP BY subject")
            .bind(connection).fetch_all(c).await?);
        let left: BTreeMap<String, i64> = left.into_iter().collect();
        let mut landed = ApprovalsLanded::default();
        let mut written: Vec<(String, FactorApproval, i64)> = Vec::new();
        let mut gone: BTreeSet<String> = BTreeSet::new();
        for after in approvals {
            let subject = after.key();
            let before = known.remove(&subject);
            let says_nothing = |row: &ApprovalRow| {
                row.payload.0 == after || (listing == Listing::Answers && row.payload.date > after.date)
            };
            match &before {
                Some(row) if says_nothing(row) => continue,
                Some(_) => {
                    landed.changed += 1;
                    gone.insert(subject.clone());
                }
                None => landed.new += 1,
            }
            let last = before.map(|row| row.version).or_else(|| left.get(&subject).copied());
            written.push((subject, after, last.map_or(1, |version| version + 1)));
        }
        if listing == Listing::Whole {
            landed.closed = known.len() as u64;
            gone.extend(known.into_keys());
        }
        for subject in &gone {
            on!(&mut *self, c => sqlx::query(
                "INSERT INTO approval_history (connection, subject, payload, version, recorded_at, superseded_at) \
                 SELECT connection, subject, payload, version, recorded_at, $3 FROM approval WHERE connection = $1 AND subject = $2")
                .bind(connection).bind(subject).bind(now).execute(c).await?;);
            on!(&mut *self, c => sqlx::query("DELETE FROM approval WHERE connection = $1 AND subject = $2")
                .bind(connection).bind(subject).execute(c).await?;);
        }
        let rows = Rows::of(&written)
            .column("connection", |_| connection)
            .column("subject", |(subject, ..)| subject.as_str())
            .column("payload", |(_, payload, _)| Json(payload))
            .column("version", |(.., version)| *version)
            .column("recorded_at", |_| now);
        self.insert("approval", rows, Existing::Refused).await?;
        Ok(landed)
    }

    /// What a factor says of buyers now.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn approvals(&mut self, connection: &str) -> Result<Vec<ApprovalRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT subject, payload, version FROM approval WHERE connection = $1 ORDER BY subject")
            .bind(connection).fetch_all(c).await?))
    }

    /// What was said of buyers and is not said any more: of each the last that was known.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn left_approvals(&mut self, connection: &str) -> Result<Vec<ApprovalRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT subject, payload, version FROM approval_history h WHERE connection = $1 AND version = (SELECT MAX(version) \
             FROM approval_history o WHERE o.connection = h.connection AND o.subject = h.subject) AND NOT EXISTS (SELECT 1 \
             FROM approval a WHERE a.connection = h.connection AND a.subject = h.subject) ORDER BY subject")
            .bind(connection).fetch_all(c).await?))
    }
}
