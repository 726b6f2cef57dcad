//! What people ask of the ledger.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;

use super::Error;
use super::db::{Tx, marks, on, row};
use crate::model::{Date, Identifier, Scheme};

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
    struct NameRow { id: String, name: String, country: String, account: String }
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
        /// The tax in the total, where the source says it.
        pub tax_minor: Option<i64>,
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

    /// The buyers that a person may mean: those whose id, account code or registry number it is; without one, those with it
    /// in their name or the name of an account, whatever its case and accents.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn find_buyers(&mut self, company: &str, wanted: &str) -> Result<Vec<BuyerRow>, Error> {
        const SCOPE: &str = "FROM buyer b JOIN account a ON a.buyer_id = b.id JOIN connection n ON n.id = a.connection \
                             WHERE n.company = $1";
        let wanted = wanted.trim();
        if wanted.is_empty() || wanted.contains('\0') {
            return Ok(Vec::new());
        }
        let mut ids = BTreeSet::from([wanted.to_owned()]);
        for identifier in Scheme::ALL.iter().filter_map(|scheme| Identifier::new(*scheme, wanted)) {
            ids.extend(identifier.siren().map(|siren| format!("{}:{}", siren.scheme, siren.value)));
        }
        // Identifiers are kept as [["siren", "404833048"]]. REPLACE heeds the case in both databases, LIKE does not.
        let number = Identifier::new(Scheme::Registration, wanted).map(|identifier| identifier.value);
        let number = format!("{}]", serde_json::Value::from(number.unwrap_or_else(|| wanted.to_owned())));
        let sql = format!(
            "SELECT DISTINCT b.id, b.name, b.country {SCOPE} AND (a.code = $2 OR a.external_id = $2 OR \
             REPLACE(CAST(a.identifiers AS TEXT), $3, '') <> CAST(a.identifiers AS TEXT) OR b.id IN ({})) \
             ORDER BY b.name, b.id",
            marks(4, ids.len())
        );
        let exact: Vec<BuyerRow> = on!(&mut *self, c => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(company).bind(wanted).bind(number);
            for id in &ids {
                query = query.bind(id);
            }
            query.fetch_all(c).await?
        });
        if !exact.is_empty() {
            return Ok(exact);
        }
        // LOWER and LIKE mean other things in the two databases, and neither knows accents: names are compared here.
        let part = plain(wanted);
        let sql = format!(
            "SELECT DISTINCT b.id, b.name, b.country, a.name AS account {SCOPE} ORDER BY b.name, b.id, a.name"
        );
        let mut found: Vec<BuyerRow> = Vec::new();
        on!(&mut *self, c => {
            let mut rows = sqlx::query_as::<_, NameRow>(AssertSqlSafe(sql)).bind(company).fetch(c);
            while let Some(NameRow { id, name, country, account }) = rows.try_next().await? {
                let is_known = found.last().is_some_and(|last| last.id == id);
                if !is_known && (plain(&name).contains(&part) || plain(&account).contains(&part)) {
                    found.push(BuyerRow { id, name, country });
                }
            }
        });
        Ok(found)
    }

    /// The items of a buyer, open ones first, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn items_of(&mut self, company: &str, buyer: &str) -> Result<Vec<ItemView>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT i.connection, i.external_id, i.number, i.kind, i.account, i.currency, i.total_minor, i.open_minor, \
             i.tax_minor, i.issued, i.due, i.original_due, i.due_estimated, i.disputed FROM item i \
             JOIN account a ON a.connection = i.connection AND a.external_id = i.account \
             JOIN connection n ON n.id = a.connection WHERE n.company = $1 AND a.buyer_id = $2 \
             ORDER BY CASE WHEN i.open_minor > 0 THEN 0 ELSE 1 END, i.issued, i.number, i.external_id")
            .bind(company).bind(buyer).fetch_all(c).await?))
    }
}

/// Text for comparison: lower case, without accents; blanks are one kind.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
        } else if c.is_whitespace() {
            out.push(' ');
        } else {
            out.push_str(&crate::format::fold(c.encode_utf8(&mut [0; 4])));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_are_compared_without_case_and_accents() {
        assert_eq!(plain("ÉTABLISSEMENTS Lefèvre & Fils"), "etablissements lefevre & fils");
        assert_eq!(plain("E\u{301}cole\u{a0}50%_"), "ecole 50%_");
        assert_eq!(plain("ŁÓDŹ Ελλάς 株式会社"), plain("łódź ελλάς 株式会社"));
    }
}
