//! Connections, their pauses and their cursors; and the policies that the configuration names.

use super::Error;
use super::db::{Tx, on, row};
use crate::model::{Date, Instant, Policy};

row! {
    /// A connection as the ledger knows it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ConnectionRow {
        /// Id of the configuration.
        pub id: String,
        /// Company it belongs to.
        pub company: String,
        /// Connector.
        pub connector: String,
        /// Role of the connector.
        pub role: String,
        /// Since when it is paused.
        pub paused_since: Option<Instant>,
        /// Why.
        pub paused_reason: Option<String>,
    }
}

impl Tx<'_> {
    /// Makes a connection of the configuration known.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn know_connection(
        &mut self,
        id: &str,
        company: &str,
        connector: &str,
        role: &str,
    ) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "INSERT INTO connection (id, company, connector, role) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET \
             company = excluded.company, connector = excluded.connector, role = excluded.role WHERE \
             connection.company <> excluded.company OR connection.connector <> excluded.connector OR \
             connection.role <> excluded.role")
            .bind(id).bind(company).bind(connector).bind(role).execute(c).await?;);
        Ok(())
    }

    /// Every connection, by id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn connections(&mut self) -> Result<Vec<ConnectionRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT id, company, connector, role, paused_since, paused_reason FROM connection ORDER BY id").fetch_all(c).await?))
    }

    /// Pauses a connection with a reason, or lets it go on with `None`; returns whether that is a change.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn pause(&mut self, id: &str, reason: Option<&str>, now: Instant) -> Result<bool, Error> {
        let since = reason.map(|_| now);
        let done = on!(self, c => sqlx::query(
            "UPDATE connection SET paused_since = $2, paused_reason = $3 WHERE id = $1 AND \
             (paused_since IS NULL) <> (CAST($3 AS TEXT) IS NULL)")
            .bind(id).bind(since).bind(reason).execute(c).await?.rows_affected());
        Ok(done > 0)
    }

    /// The cursor of an operation: what was read up to it is in the ledger.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn cursor(&mut self, connection: &str, operation: &str) -> Result<Option<String>, Error> {
        let row: Option<(String,)> = on!(self, c => sqlx::query_as(
            "SELECT value FROM cursor WHERE connection = $1 AND operation = $2")
            .bind(connection).bind(operation).fetch_optional(c).await?);
        Ok(row.map(|(value,)| value))
    }

    /// Moves a cursor, in the transaction that holds what it stands for.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn set_cursor(
        &mut self,
        connection: &str,
        operation: &str,
        value: &str,
        now: Instant,
    ) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "INSERT INTO cursor (connection, operation, value, updated_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (connection, operation) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at")
            .bind(connection).bind(operation).bind(value).bind(now).execute(c).await?;);
        Ok(())
    }

    /// Makes the policy periods of the configuration known, and ends those that it no longer has; returns whether anything
    /// differs from what was known.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn know_policies(
        &mut self,
        company: &str,
        policies: &[Policy],
        now: Instant,
    ) -> Result<bool, Error> {
        let mut differs = false;
        let known: Vec<(String, String, Date)> = on!(&mut *self, c => sqlx::query_as(
            "SELECT connection, number, valid_from FROM policy WHERE connection IN \
             (SELECT id FROM connection WHERE company = $1)").bind(company).fetch_all(c).await?);
        for (connection, number, from) in known {
            let is_there = policies.iter().any(|policy| {
                policy.connection == connection && policy.number == number && policy.valid_from == from
            });
            if !is_there {
                differs = true;
                self.keep_policy(&connection, &number, from, now).await?;
                on!(&mut *self, c => sqlx::query(
                    "DELETE FROM policy WHERE connection = $1 AND number = $2 AND valid_from = $3")
                    .bind(&connection).bind(&number).bind(from).execute(c).await?;);
            }
        }
        for policy in policies {
            differs |= self.know_policy(policy, now).await?;
        }
        Ok(differs)
    }

    /// Makes a policy period of the configuration known; returns whether its terms differ from what was known.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn know_policy(&mut self, policy: &Policy, now: Instant) -> Result<bool, Error> {
        let payload = serde_json::to_value(policy).unwrap_or_default();
        let from: Date = policy.valid_from;
        let before: Option<(sqlx::types::Json<serde_json::Value>,)> = on!(&mut *self, c => sqlx::query_as(
            "SELECT payload FROM policy WHERE connection = $1 AND number = $2 AND valid_from = $3")
            .bind(&policy.connection).bind(&policy.number).bind(from).fetch_optional(c).await?);
        if before.is_some_and(|(known,)| known.0 == payload) {
            return Ok(false);
        }
        self.keep_policy(&policy.connection, &policy.number, from, now).await?;
        on!(self, c => sqlx::query(
            "INSERT INTO policy (connection, number, valid_from, payload, recorded_at, first_recorded_at) \
             VALUES ($1, $2, $3, $4, $5, $5) \
             ON CONFLICT (connection, number, valid_from) DO UPDATE SET payload = excluded.payload, recorded_at = excluded.recorded_at")
            .bind(&policy.connection).bind(&policy.number).bind(from).bind(sqlx::types::Json(payload)).bind(now)
            .execute(c).await?;);
        Ok(true)
    }
}
