//! Why accounts and insurers' buyers are the legal buyers that they are: each link with its reason, none ever deleted.
//!
//! What registry numbers say is recorded when it changes; what a person says stands until a person takes it back.
//! Invariant: an account, and an insurer's buyer, has one link in force or none; a link that ended says when and by whom.
//! Reference: shared rules, "Who is who".

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;

use super::Error;
use super::db::{Tx, on, placeholders_from, row, values};
use super::rows::{Existing, Rows};
use crate::model::{Instant, LinkKind, LinkReason};

const ROWS_MAX: usize = 400;

row! {
    /// A link, in force or reversed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LinkRow {
        /// Counts the links of the ledger.
        pub seq: i64,
        /// [`LinkKind`], as text.
        pub kind: String,
        /// The connection of the account, or the insurer's.
        pub connection: String,
        /// The account's key, or the insurer's id of the buyer.
        pub external_id: String,
        /// The legal buyer.
        pub buyer_id: String,
        /// [`LinkReason`], as text.
        pub reason: String,
        /// The reason in words.
        pub detail: String,
        /// How alike the names were when a person decided, 0 to 100.
        pub score: Option<i64>,
        /// Who made it: `encours`, or a person.
        pub decided_by: String,
        /// The buyer before it, if any.
        pub previous_buyer: Option<String>,
        /// Since when it is recorded.
        pub recorded_at: Instant,
        /// Since when it is not in force any more.
        pub reversed_at: Option<Instant>,
        /// Who took it back, or what took its place.
        pub reversed_by: Option<String>,
    }
}

/// A link to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// Of an account or of an insurer's buyer.
    pub kind: LinkKind,
    /// The connection.
    pub connection: String,
    /// The account's key, or the insurer's id of the buyer.
    pub external_id: String,
    /// The legal buyer and the reason, with its words; `None` when nothing links it any more.
    pub to: Option<(String, LinkReason, String)>,
    /// How alike the names are, 0 to 100, where a person decided on that.
    pub score: Option<i64>,
    /// The buyer before it.
    pub previous_buyer: Option<String>,
    /// Whether one may be in force that this one takes the place of.
    pub replaces: bool,
}

/// The buyer of an account and why, as the account's row keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLink {
    /// The connection.
    pub connection: String,
    /// The account's key.
    pub external_id: String,
    /// The legal buyer.
    pub buyer_id: String,
    /// What [`super::AccountRow::link`] holds from now on.
    pub link: Option<String>,
}

const ROW: &str = "seq, kind, connection, external_id, buyer_id, reason, detail, score, decided_by, previous_buyer, \
                   recorded_at, reversed_at, reversed_by";

impl LinkRow {
    /// Whether it is in force.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.reversed_at.is_none()
    }

    /// Whether a person made it.
    #[must_use]
    pub fn is_a_persons(&self) -> bool {
        self.reason == LinkReason::Person.as_str()
    }
}

impl Tx<'_> {
    /// Every link of a company, or those that lead or led to one buyer or away from it, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn links(&mut self, company: &str, buyer: Option<&str>) -> Result<Vec<LinkRow>, Error> {
        let filter = if buyer.is_some() { " AND (buyer_id = $2 OR previous_buyer = $2)" } else { "" };
        let sql = format!("SELECT {ROW} FROM buyer_link WHERE company = $1{filter} ORDER BY seq");
        Ok(on!(self, c => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(company);
            if let Some(buyer) = buyer {
                query = query.bind(buyer);
            }
            query.fetch_all(c).await?
        }))
    }

    /// The links in force of a company that persons made.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn persons_links(&mut self, company: &str) -> Result<Vec<LinkRow>, Error> {
        let sql = format!(
            "SELECT {ROW} FROM buyer_link WHERE company = $1 AND reversed_at IS NULL AND reason = 'person' ORDER BY seq"
        );
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?))
    }

    /// The links in force of the buyers that the insurers of a company know.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn insurer_links(&mut self, company: &str) -> Result<Vec<LinkRow>, Error> {
        let sql = format!(
            "SELECT {ROW} FROM buyer_link WHERE company = $1 AND reversed_at IS NULL AND kind = 'insurer_buyer' ORDER BY seq"
        );
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?))
    }

    /// The link in force of one account or one insurer's buyer.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn link_of(
        &mut self,
        kind: LinkKind,
        connection: &str,
        external_id: &str,
    ) -> Result<Option<LinkRow>, Error> {
        let sql = format!(
            "SELECT {ROW} FROM buyer_link WHERE kind = $1 AND connection = $2 AND external_id = $3 AND reversed_at IS NULL"
        );
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql))
            .bind(kind.as_str()).bind(connection).bind(external_id).fetch_optional(c).await?))
    }

    /// Records links, each in the place of the one in force of the same account or insurer's buyer. Of several of one, the
    /// last counts.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn record_links(
        &mut self,
        company: &str,
        links: &[NewLink],
        by: &str,
        now: Instant,
    ) -> Result<(), Error> {
        let links: BTreeMap<_, &NewLink> =
            links.iter().map(|link| ((link.kind, &link.connection, &link.external_id), link)).collect();
        let links: Vec<&NewLink> = links.into_values().collect();
        for chunk in links.chunks(ROWS_MAX) {
            let old: Vec<&NewLink> = chunk.iter().copied().filter(|link| link.replaces).collect();
            if !old.is_empty() {
                self.end_links(&old, by, now).await?;
            }
            let made: Vec<_> = chunk.iter().filter_map(|link| Some((*link, link.to.as_ref()?))).collect();
            if made.is_empty() {
                continue;
            }
            let rows = Rows::of(&made)
                .column("company", |_| company)
                .column("kind", |(link, _)| link.kind.as_str())
                .column("connection", |(link, _)| link.connection.as_str())
                .column("external_id", |(link, _)| link.external_id.as_str())
                .column("buyer_id", |(_, (buyer, ..))| buyer.as_str())
                .column("reason", |(_, (_, reason, _))| reason.as_str())
                .column("detail", |(_, (.., detail))| detail.as_str())
                .column("score", |(link, _)| link.score)
                .column("decided_by", |_| by)
                .column("previous_buyer", |(link, (buyer, ..))| {
                    link.previous_buyer.as_deref().filter(|previous| previous != buyer)
                })
                .column("recorded_at", |_| now);
            self.insert("buyer_link", rows, Existing::Refused).await?;
        }
        Ok(())
    }

    async fn end_links(&mut self, links: &[&NewLink], by: &str, now: Instant) -> Result<(), Error> {
        let sql = format!(
            "UPDATE buyer_link SET reversed_at = $1, reversed_by = $2 WHERE reversed_at IS NULL AND \
             (kind, connection, external_id) IN (VALUES {})",
            placeholders_from(3, links.len(), 3)
        );
        on!(&mut *self, c => {
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now).bind(by);
            for link in links {
                query = query.bind(link.kind.as_str()).bind(&link.connection).bind(&link.external_id);
            }
            query.execute(c).await?;
        });
        Ok(())
    }

    /// Gives accounts their buyer and what was recorded of it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn set_account_links(&mut self, links: &[AccountLink]) -> Result<(), Error> {
        for chunk in links.chunks(ROWS_MAX) {
            let sql = format!(
                "WITH new (connection, external_id, buyer_id, link) AS (VALUES {}) UPDATE account SET \
                 buyer_id = new.buyer_id, link = CAST(new.link AS TEXT) FROM new WHERE \
                 account.connection = new.connection AND account.external_id = new.external_id",
                values(self, chunk.len(), 4)
            );
            on!(&mut *self, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for row in chunk {
                    query = query.bind(&row.connection).bind(&row.external_id).bind(&row.buyer_id).bind(&row.link);
                }
                query.execute(c).await?;
            });
        }
        Ok(())
    }

    /// Leaves buyers for the next cycle to settle.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn touch_buyers(&mut self, company: &str, buyers: &BTreeSet<String>) -> Result<(), Error> {
        let buyers: Vec<&String> = buyers.iter().collect();
        let rows =
            Rows::of(&buyers).column("company", |_| company).column("buyer_id", |buyer| buyer.as_str());
        self.insert("touched_buyer", rows, Existing::Stays { key: "company, buyer_id" }).await?;
        Ok(())
    }

    /// Takes the buyers that were left to settle: whoever commits this has settled them.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn take_touched(&mut self, company: &str) -> Result<BTreeSet<String>, Error> {
        let rows: Vec<(String,)> = on!(self, c => sqlx::query_as(
            "DELETE FROM touched_buyer WHERE company = $1 RETURNING buyer_id").bind(company).fetch_all(c).await?);
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}
