//! What was open of a company's items from when to when, a buyer at a time.
//!
//! The database puts the versions in the order of their buyers, so that whoever goes through all of them holds those of one.

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;

use super::Error;
use super::db::{Tx, on, row};
use crate::model::{Date, Instant};

row! {
    /// A version of an item that left something open, with the buyer of today.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ItemSpan {
        /// The legal buyer.
        pub buyer_id: String,
        /// The connection it came through.
        pub connection: String,
        /// The source's key.
        pub external_id: String,
        /// Number.
        pub number: String,
        /// Kind.
        pub kind: String,
        /// Currency.
        pub currency: String,
        /// Total.
        pub total_minor: i64,
        /// Open amount.
        pub open_minor: i64,
        /// The tax in the total, where the source says it.
        pub tax_minor: Option<i64>,
        /// Date of the document.
        pub issued: Date,
        /// First due date.
        pub original_due: Date,
        /// Disputed.
        pub disputed: bool,
        /// Since when it was known so.
        pub recorded_at: Instant,
        /// Since when it was known otherwise.
        pub superseded_at: Option<Instant>,
    }
}

const COLUMNS: &str = "connection, external_id, account, number, kind, currency, total_minor, open_minor, tax_minor, issued, original_due, disputed, recorded_at";

impl Tx<'_> {
    /// Hands the versions of each buyer's items to `each`, those that left nothing open aside, in the order of the buyers' ids,
    /// each buyer's by connection, key and instant.
    ///
    /// # Errors
    /// [`Error::Database`], and what `each` says.
    pub async fn item_spans<E: From<Error>>(
        &mut self,
        company: &str,
        mut each: impl FnMut(&str, Vec<ItemSpan>) -> Result<(), E>,
    ) -> Result<(), E> {
        let scope = "WHERE open_minor > 0 AND connection IN (SELECT id FROM connection WHERE company = $1)";
        let sql = format!(
            "SELECT a.buyer_id, v.connection, v.external_id, v.number, v.kind, v.currency, v.total_minor, v.open_minor, \
             v.tax_minor, v.issued, v.original_due, v.disputed, v.recorded_at, v.superseded_at FROM (SELECT {COLUMNS}, superseded_at FROM item_history {scope} UNION ALL \
             SELECT {COLUMNS}, NULL FROM item {scope}) AS v JOIN account a ON a.connection = v.connection \
             AND a.external_id = v.account ORDER BY a.buyer_id, v.connection, v.external_id, v.recorded_at"
        );
        let mut own: Vec<ItemSpan> = Vec::new();
        on!(self, c => {
            let mut rows = sqlx::query_as::<_, ItemSpan>(AssertSqlSafe(sql)).bind(company).fetch(c);
            while let Some(row) = rows.try_next().await.map_err(Error::from)? {
                if own.first().is_some_and(|first| first.buyer_id != row.buyer_id) {
                    let whole = std::mem::take(&mut own);
                    hand(whole, &mut each)?;
                }
                own.push(row);
            }
        });
        hand(own, &mut each)
    }
}

fn hand<E>(own: Vec<ItemSpan>, each: &mut impl FnMut(&str, Vec<ItemSpan>) -> Result<(), E>) -> Result<(), E> {
    match own.first().map(|first| first.buyer_id.clone()) {
        Some(buyer) => each(&buyer, own),
        None => Ok(()),
    }
}
