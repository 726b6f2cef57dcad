//! What was looked up at a partner for a fee: asked once, and kept for ever.
//!
//! That a question is about to be asked is written and committed before the call, its answer after it. A crash in between
//! leaves `asked`: nobody knows whether it was billed, and only a person lets it be asked again.
//! Invariant: of several who want to ask the same, one is told to.

use std::collections::BTreeMap;

use sqlx::types::Json;

use super::Error;
use super::db::{Tx, on, row};
use crate::model::{Instant, words};

words! {
    /// How far a look-up came.
    LookupState {
        /// About to be asked, or asked without an answer that was kept.
        Asked = "asked",
        /// Answered; the answer may be that nobody was found.
        Answered = "answered",
    }
}

/// One row of the answer: named fields, as the connector gives them.
pub type LookupAnswer = Vec<BTreeMap<String, String>>;

row! {
    /// A look-up as it is stored.
    #[derive(Debug, Clone)]
    pub struct LookupRow {
        /// The connection.
        pub connection: String,
        /// ISO 3166 alpha-2.
        pub country: String,
        /// The kind of identifier.
        pub scheme: String,
        /// The identifier.
        pub value: String,
        /// `asked` or `answered`.
        pub state: String,
        /// The rows of the answer; nothing while there is none.
        pub answer: Option<Json<LookupAnswer>>,
        /// When it was last about to be asked.
        pub asked_at: Instant,
        /// When its answer was kept.
        pub answered_at: Option<Instant>,
        /// How often a person let it be asked again.
        pub repeats: i64,
    }
}

row! {
    /// One asking of a look-up.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LookupAsk {
        /// From 1.
        pub ask: i64,
        /// When.
        pub at: Instant,
        /// Who let it be asked.
        pub who: String,
        /// Why again; empty the first time.
        pub because: String,
    }
}

/// What is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupKey<'a> {
    /// The connection.
    pub connection: &'a str,
    /// ISO 3166 alpha-2.
    pub country: &'a str,
    /// The kind of identifier.
    pub scheme: &'a str,
    /// The identifier.
    pub value: &'a str,
}

/// Whether a question may be asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nobody asked before: ask now. That it is about to be asked is in this transaction; commit it first.
    AskNow,
    /// It was about to be asked and no answer was kept: it may have been billed. A person decides.
    AskedBefore {
        /// When.
        at: Instant,
    },
    /// The answer, for ever.
    Answered(LookupAnswer),
}

impl LookupRow {
    /// How far it came.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn state(&self) -> Result<LookupState, Error> {
        LookupState::parse(&self.state).ok_or_else(|| Error::unreadable("state of a look-up", &self.state))
    }
}

impl Tx<'_> {
    /// Answers from what was kept, or writes down that the question is about to be asked.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn known_lookup(&mut self, key: LookupKey<'_>, now: Instant) -> Result<Known, Error> {
        let inserted = on!(&mut *self, c => sqlx::query(
            "INSERT INTO lookup (connection, country, scheme, value, state, answer, asked_at, answered_at, repeats) \
             VALUES ($1, $2, $3, $4, 'asked', NULL, $5, NULL, 0) ON CONFLICT (connection, country, scheme, value) DO NOTHING")
            .bind(key.connection).bind(key.country).bind(key.scheme).bind(key.value).bind(now)
            .execute(c).await?.rows_affected());
        if inserted > 0 {
            return Ok(Known::AskNow);
        }
        let row = self.lookup(key).await?;
        let row = row.ok_or_else(|| Error::unreadable("look-up", "none, although one was just found"))?;
        match (row.state()?, row.answer) {
            (LookupState::Answered, Some(Json(answer))) => Ok(Known::Answered(answer)),
            (LookupState::Asked | LookupState::Answered, _) => Ok(Known::AskedBefore { at: row.asked_at }),
        }
    }

    /// Keeps the answer to a question that was written down before it was asked; a kept answer stays as it is.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::Unreadable`] when the question was not written down.
    pub async fn remember_lookup(
        &mut self,
        key: LookupKey<'_>,
        answer: &LookupAnswer,
        now: Instant,
    ) -> Result<(), Error> {
        let kept = on!(&mut *self, c => sqlx::query(
            "UPDATE lookup SET state = 'answered', answer = $5, answered_at = $6 WHERE connection = $1 AND country = $2 \
             AND scheme = $3 AND value = $4 AND state = 'asked'")
            .bind(key.connection).bind(key.country).bind(key.scheme).bind(key.value).bind(Json(answer)).bind(now)
            .execute(c).await?.rows_affected());
        if kept == 0 && self.lookup(key).await?.is_none() {
            return Err(Error::unreadable("look-up", "none was written down before it was asked"));
        }
        Ok(())
    }

    /// The question was certainly not asked (no connection was made, or the partner refused before looking): forgets it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn forget_lookup(&mut self, key: LookupKey<'_>) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "DELETE FROM lookup WHERE connection = $1 AND country = $2 AND scheme = $3 AND value = $4 AND state = 'asked' \
             AND repeats = 0")
            .bind(key.connection).bind(key.country).bind(key.scheme).bind(key.value).execute(c).await?;);
        Ok(())
    }

    /// A person lets a question without a kept answer be asked again, knowing that it may be billed twice; `false` when
    /// there is no such question. Commit before asking.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn repeat_lookup(&mut self, key: LookupKey<'_>, now: Instant) -> Result<bool, Error> {
        let done = on!(self, c => sqlx::query(
            "UPDATE lookup SET asked_at = $5, repeats = repeats + 1 WHERE connection = $1 AND country = $2 AND scheme = $3 \
             AND value = $4 AND state = 'asked'")
            .bind(key.connection).bind(key.country).bind(key.scheme).bind(key.value).bind(now)
            .execute(c).await?.rows_affected());
        Ok(done > 0)
    }

    /// Writes down who lets a question be asked now, and why, in the transaction that says that it is.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn note_lookup_ask(
        &mut self,
        key: LookupKey<'_>,
        who: &str,
        because: &str,
        now: Instant,
    ) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "INSERT INTO lookup_ask (connection, country, scheme, value, ask, at, who, because) SELECT $1, $2, $3, $4, \
             COUNT(*) + 1, $5, $6, $7 FROM lookup_ask WHERE connection = $1 AND country = $2 AND scheme = $3 AND value = $4")
            .bind(key.connection).bind(key.country).bind(key.scheme).bind(key.value).bind(now).bind(who).bind(because)
            .execute(c).await?;);
        Ok(())
    }

    /// Who let a question be asked, each time.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn lookup_asks(&mut self, key: LookupKey<'_>) -> Result<Vec<LookupAsk>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT ask, at, who, because FROM lookup_ask WHERE connection = $1 AND country = $2 AND scheme = $3 AND value = $4 \
             ORDER BY ask")
            .bind(key.connection).bind(key.country).bind(key.scheme).bind(key.value).fetch_all(c).await?))
    }

    /// One look-up, if it was ever asked.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn lookup(&mut self, key: LookupKey<'_>) -> Result<Option<LookupRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT connection, country, scheme, value, state, answer, asked_at, answered_at, repeats FROM lookup \
             WHERE connection = $1 AND country = $2 AND scheme = $3 AND value = $4")
            .bind(key.connection).bind(key.country).bind(key.scheme).bind(key.value).fetch_optional(c).await?))
    }

    /// The look-ups of a connection, oldest question first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn lookups(&mut self, connection: &str) -> Result<Vec<LookupRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT connection, country, scheme, value, state, answer, asked_at, answered_at, repeats FROM lookup \
             WHERE connection = $1 ORDER BY asked_at, country, scheme, value").bind(connection).fetch_all(c).await?))
    }
}
