//! What bank accounts say that factors have paid: each entry once, whoever tells of it and however often.

use std::collections::BTreeMap;

use sqlx::types::Json;

use super::Error;
use super::db::{Tx, on, row};
use super::rows::{Existing, Rows};
use crate::model::{FactorCash, Instant};

row! {
    /// An entry.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct FactorCashRow {
        /// What tells it from the others of its connection.
        pub subject: String,
        /// What the bank says.
        pub payload: Json<FactorCash>,
    }
}

impl Tx<'_> {
    /// Keeps entries that are new, by what tells them apart. Gives how many there were.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn land_factor_cash(
        &mut self,
        connection: &str,
        entries: &BTreeMap<String, FactorCash>,
        now: Instant,
    ) -> Result<u64, Error> {
        let new: Vec<(&String, &FactorCash)> = entries.iter().collect();
        let rows = Rows::of(&new)
            .column("connection", |_| connection)
            .column("subject", |(subject, _)| subject.as_str())
            .column("payload", |(_, payload)| Json(*payload))
            .column("recorded_at", |_| now);
        self.insert("factor_cash", rows, Existing::Refused).await?;
        Ok(new.len() as u64)
    }

    /// The entries of a connection.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn factor_cash(&mut self, connection: &str) -> Result<Vec<FactorCashRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT subject, payload FROM factor_cash WHERE connection = $1 ORDER BY subject")
            .bind(connection).fetch_all(c).await?))
    }
}
