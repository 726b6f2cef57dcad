//! A proposal that a person wants decided urgently.

use sqlx::types::Json;

use super::Error;
use super::db::{Tx, on};
use super::effects::EffectRow;
use crate::model::Instant;

impl Tx<'_> {
    /// Tells a proposal's partner that it is urgent, and adds what that costs to its fee. Proposed again, it is as it was.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn make_urgent(&mut self, row: &EffectRow, more_minor: i64, now: Instant) -> Result<(), Error> {
        let mut facts = row.facts.0.clone();
        facts.insert("urgent".to_owned(), "true".to_owned());
        let fee = row.fee_minor.unwrap_or_default().saturating_add(more_minor);
        let sql = "UPDATE effect SET facts = $2, fee_minor = $3, updated_at = $4 WHERE id = $1 AND state = 'proposed'";
        on!(&mut *self, c => sqlx::query(sql).bind(&row.id).bind(Json(&facts)).bind(fee).bind(now).execute(c).await?.rows_affected());
        Ok(())
    }
}
