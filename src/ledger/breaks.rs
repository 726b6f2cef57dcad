//! Breaks over time: opened once, updated while they last, closed when they are gone.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use super::Error;
use super::db::{Tx, marks, on, row};
use crate::ids::fingerprint_hex;
use crate::model::{Break, BreakKind, Date, Instant};

row! {
    /// A break as it is stored.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BreakRow {
        /// Its identity.
        pub id: String,
        /// What differs.
        pub kind: String,
        /// What it is about.
        pub subject: String,
        /// The name of the subject.
        pub name: String,
        /// Country of the subject.
        pub country: String,
        /// The connection of the other side.
        pub connection: String,
        /// Our side.
        pub ours: String,
        /// Their side.
        pub theirs: String,
        /// Counts how often it opened.
        pub occurrence: i64,
        /// Since when it is open.
        pub opened_at: Instant,
        /// The business day it opened on.
        pub opened_on: Date,
        /// When it closed.
        pub closed_at: Option<Instant>,
    }
}

const COLUMNS: &str =
    "id, kind, subject, name, country, connection, ours, theirs, occurrence, opened_at, opened_on, closed_at";

/// A break with its identity in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBreak {
    /// The id, the same over all runs.
    pub id: String,
    /// Which opening of it this is.
    pub occurrence: i64,
    /// The break.
    pub found: Break,
}

impl BreakRow {
    /// The break as a value.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when a later version wrote a kind that this one does not know.
    pub fn to_break(&self) -> Result<Break, Error> {
        Ok(Break {
            kind: BreakKind::parse(&self.kind).ok_or_else(|| Error::unreadable("break kind", &self.kind))?,
            subject: self.subject.clone(),
            name: self.name.clone(),
            country: self.country.clone(),
            connection: self.connection.clone(),
            ours: self.ours.clone(),
            theirs: self.theirs.clone(),
        })
    }
}

/// The identity of a break in the ledger.
fn id_of(company: &str, found: &Break) -> String {
    fingerprint_hex(&[
        company.as_bytes(),
        found.kind.as_str().as_bytes(),
        found.subject.as_bytes(),
        found.connection.as_bytes(),
    ])
}

impl Tx<'_> {
    /// The open breaks of a company, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn open_breaks(&mut self, company: &str) -> Result<Vec<BreakRow>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM break WHERE company = $1 AND closed_at IS NULL ORDER BY opened_at, kind, name, id"
        );
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?))
    }

    /// The open breaks about some subjects.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn open_breaks_of(
        &mut self,
        company: &str,
        subjects: &BTreeSet<String>,
    ) -> Result<Vec<BreakRow>, Error> {
        let mut all = Vec::new();
        let subjects: Vec<&String> = subjects.iter().collect();
        for chunk in subjects.chunks(400) {
            let sql = format!(
                "SELECT {COLUMNS} FROM break WHERE company = $1 AND closed_at IS NULL AND subject IN ({})",
                marks(2, chunk.len())
            );
            let rows: Vec<BreakRow> = on!(&mut *self, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(company);
                for subject in chunk {
                    query = query.bind(*subject);
                }
                query.fetch_all(c).await?
            });
            all.extend(rows);
        }
        Ok(all)
    }

    /// Opens a break, or opens it again after it was closed; one that is open stays the same opening. Returns it with its
    /// identity.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn open_break(
        &mut self,
        company: &str,
        found: &Break,
        now: Instant,
        day: Date,
    ) -> Result<StoredBreak, Error> {
        let id = id_of(company, found);
        let (occurrence,): (i64,) = on!(self, c => sqlx::query_as(
            "INSERT INTO break (id, company, kind, subject, name, country, connection, ours, theirs, occurrence, opened_at, \
             opened_on, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $10) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, country = excluded.country, ours = excluded.ours, \
             theirs = excluded.theirs, \
             occurrence = break.occurrence + CASE WHEN break.closed_at IS NULL THEN 0 ELSE 1 END, \
             opened_at = CASE WHEN break.closed_at IS NULL THEN break.opened_at ELSE excluded.opened_at END, \
             opened_on = CASE WHEN break.closed_at IS NULL THEN break.opened_on ELSE excluded.opened_on END, \
             updated_at = excluded.updated_at, closed_at = NULL RETURNING occurrence")
            .bind(&id).bind(company).bind(found.kind.as_str()).bind(&found.subject).bind(&found.name).bind(&found.country)
            .bind(&found.connection).bind(&found.ours).bind(&found.theirs).bind(now).bind(day).fetch_one(c).await?);
        Ok(StoredBreak { id, occurrence, found: found.clone() })
    }

    /// Notes the values of a break that is still open.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn update_break(&mut self, company: &str, found: &Break, now: Instant) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "UPDATE break SET name = $2, country = $3, ours = $4, theirs = $5, updated_at = $6 WHERE id = $1")
            .bind(id_of(company, found)).bind(&found.name).bind(&found.country).bind(&found.ours).bind(&found.theirs)
            .bind(now).execute(c).await?;);
        Ok(())
    }

    /// Closes a break.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn close_break(
        &mut self,
        company: &str,
        found: &Break,
        now: Instant,
    ) -> Result<StoredBreak, Error> {
        let id = id_of(company, found);
        let (occurrence,): (i64,) = on!(self, c => sqlx::query_as(
            "UPDATE break SET closed_at = $2, updated_at = $2 WHERE id = $1 RETURNING occurrence")
            .bind(&id).bind(now).fetch_one(c).await?);
        Ok(StoredBreak { id, occurrence, found: found.clone() })
    }
}
