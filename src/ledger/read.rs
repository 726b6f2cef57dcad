//! What people ask of the ledger.

use super::Error;
use super::db::{Tx, on, row};
use crate::model::Date;

row! {
    /// A legal buyer.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BuyerRow {
        /// Its id.
        pub id: String,
        /// Its name.
        pub name: String,
        /// ISO 3166 alpha-2, or empty.
        pub country: String,
    }
}

row! {
    /// An item as it stands, open or settled.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ItemView {
        /// The connection it came through.
        pub connection: String,
        /// The source's key.
        pub external_id: String,
        /// Number.
        pub number: String,
        /// Kind.
        pub kind: String,
        /// Account.
        pub account: String,
        /// Currency.
        pub currency: String,
        /// Total.
        pub total_minor: i64,
        /// Open amount.
        pub open_minor: i64,
        /// Date of the document.
        pub issued: Date,
        /// Due date.
        pub due: Date,
        /// First due date.
        pub original_due: Date,
        /// The due date was computed from terms.
        pub due_estimated: bool,
        /// Disputed.
        pub disputed: bool,
    }
}

impl Tx<'_> {
    /// The buyers of a company, by name.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn buyers(&mut self, company: &str) -> Result<Vec<BuyerRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT id, name, country FROM buyer WHERE id IN (SELECT a.buyer_id FROM account a JOIN connection n \
             ON n.id = a.connection WHERE n.company = $1) ORDER BY name, id").bind(company).fetch_all(c).await?))
    }

    /// The buyers that a person may mean: by id, account code, registry number, or part of the name, in this order.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn find_buyers(&mut self, company: &str, wanted: &str) -> Result<Vec<BuyerRow>, Error> {
        const SCOPE: &str = "SELECT DISTINCT b.id, b.name, b.country FROM buyer b JOIN account a ON a.buyer_id = b.id \
                             JOIN connection n ON n.id = a.connection WHERE n.company = $1";
        let compact: String = wanted.chars().filter(|c| !c.is_whitespace()).collect();
        let exact: Vec<BuyerRow> = on!(&mut *self, c => sqlx::query_as(
            const_format(SCOPE, " AND (b.id = $2 OR b.id = 'siren:' || $3 OR b.id = 'vat:' || $3 OR a.code = $2 OR a.external_id = $2) ORDER BY b.name, b.id"))
            .bind(company).bind(wanted).bind(&compact).fetch_all(c).await?);
        if !exact.is_empty() {
            return Ok(exact);
        }
        let pattern = format!("%{}%", wanted.to_lowercase().replace(['%', '_'], ""));
        Ok(on!(self, c => sqlx::query_as(
            const_format(SCOPE, " AND LOWER(b.name) LIKE $2 ORDER BY b.name, b.id"))
            .bind(company).bind(pattern).fetch_all(c).await?))
    }

    /// The items of a buyer, open ones first, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn items_of(&mut self, company: &str, buyer: &str) -> Result<Vec<ItemView>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT i.connection, i.external_id, i.number, i.kind, i.account, i.currency, i.total_minor, i.open_minor, \
             i.issued, i.due, i.original_due, i.due_estimated, i.disputed FROM item i \
             JOIN account a ON a.connection = i.connection AND a.external_id = i.account \
             JOIN connection n ON n.id = a.connection WHERE n.company = $1 AND a.buyer_id = $2 \
             ORDER BY CASE WHEN i.open_minor > 0 THEN 0 ELSE 1 END, i.issued, i.number, i.external_id")
            .bind(company).bind(buyer).fetch_all(c).await?))
    }
}

fn const_format(head: &'static str, tail: &'static str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("{head}{tail}"))
}
