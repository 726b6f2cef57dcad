//! Small questions that a cycle asks of the whole ledger.

use std::collections::BTreeMap;

use super::Error;
use super::db::{Tx, on, row};
use crate::model::Currency;

row! {
    struct SumRow { currency: String, sum: i64 }
}

impl Tx<'_> {
    /// The connections of a company of which at least one account holds a limit.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn connections_holding_limits(&mut self, company: &str) -> Result<Vec<String>, Error> {
        let rows: Vec<(String,)> = on!(self, c => sqlx::query_as(
            "SELECT DISTINCT connection FROM account WHERE limit_minor > 1 AND connection IN \
             (SELECT id FROM connection WHERE company = $1) ORDER BY connection").bind(company).fetch_all(c).await?);
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// What all buyers of a company owe, by currency.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn outstanding(&mut self, company: &str) -> Result<BTreeMap<Currency, i64>, Error> {
        let rows: Vec<SumRow> = on!(self, c => sqlx::query_as(
            "SELECT currency, CAST(SUM(outstanding_minor) AS BIGINT) AS sum FROM exposure WHERE company = $1 \
             GROUP BY currency ORDER BY currency").bind(company).fetch_all(c).await?);
        rows.into_iter()
            .map(|row| {
                let currency = Currency::parse(&row.currency)
                    .ok_or_else(|| Error::unreadable("currency", &row.currency))?;
                Ok((currency, row.sum))
            })
            .collect()
    }
}

impl super::Ledger {
    /// Deltas that no broker has confirmed, after a sequence number, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn outbox(&self, company: &str, after: i64, most: i64) -> Result<Vec<super::DeltaRow>, Error> {
        let mut tx = self.read().await?;
        let rows = on!(&mut tx, c => sqlx::query_as(
            "SELECT seq, id, event, subject, routing_key, summary, data, created_at, published_at, run FROM delta \
             WHERE company = $1 AND published_at IS NULL AND seq > $2 ORDER BY seq LIMIT $3")
            .bind(company).bind(after).bind(most).fetch_all(c).await?);
        tx.rollback().await?;
        Ok(rows)
    }
}
