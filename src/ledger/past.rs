//! The ledger as it was known at an instant.
//!
//! Items and limits keep the versions that were superseded, links say since when and until when, a stop of cover is told by
//! its deltas, an effect by its steps: each is read here as it stood. What was paid later is open. Accounts and the terms
//! of policies are read by their versions in [`super::versions`].
//! Invariant: nothing that is recorded after an instant changes what is read as of it. Reference: shared rules, "Another
//! day".

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::db::{Tx, on, placeholders_from, row};
use super::deltas::{self, DeltaRow};
use super::effects::{EffectRow, EffectStep};
use super::indicators::known;
use super::limits::{self, LimitRow};
use super::links::LinkRow;
use super::read::ItemView;
use super::stops::CoverStopRow;
use super::stream::OpenItemRow;
use super::{Error, effects};
use crate::model::{Currency, Date, Event, Instant, ItemKind, LinkKind, net_minor, own_buyer_id};

const ACCOUNTS_MAX: usize = 400;

row! {
    /// An item as it was from one reading to the next.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ItemVersion {
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
        /// Since when it was known so.
        pub recorded_at: Instant,
        /// Since when it was known otherwise, as far as was known at the instant asked for.
        pub superseded_at: Option<Instant>,
    }
}

row! {
    struct OpenRow {
        connection: String,
        account: String,
        external_id: String,
        number: String,
        kind: String,
        currency: String,
        total_minor: i64,
        open_minor: i64,
        tax_minor: Option<i64>,
        issued: Date,
        original_due: Date,
        disputed: bool,
    }
}

const ITEM: &str = "connection, external_id, number, kind, account, currency, total_minor, open_minor, tax_minor, issued, due, original_due, \
                    due_estimated, disputed, recorded_at";

impl ItemVersion {
    /// Whether this is what was known of the item at an instant.
    #[must_use]
    pub fn is_known_at(&self, at: Instant) -> bool {
        self.recorded_at <= at && self.superseded_at.is_none_or(|end| end > at)
    }

    /// What of the open amount is not tax, where the source says the tax.
    #[must_use]
    pub fn net_minor(&self) -> Option<i64> {
        net_minor(self.open_minor, self.total_minor, self.tax_minor)
    }

    /// The item without its instants.
    #[must_use]
    pub fn view(&self) -> ItemView {
        ItemView {
            connection: self.connection.clone(),
            external_id: self.external_id.clone(),
            number: self.number.clone(),
            kind: self.kind.clone(),
            account: self.account.clone(),
            currency: self.currency.clone(),
            total_minor: self.total_minor,
            open_minor: self.open_minor,
            tax_minor: self.tax_minor,
            issued: self.issued,
            due: self.due,
            original_due: self.original_due,
            due_estimated: self.due_estimated,
            disputed: self.disputed,
        }
    }
}

impl Tx<'_> {
    /// The buyer of each account, by connection and key, as known at an instant.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn buyers_known(
        &mut self,
        company: &str,
        known_at: Instant,
    ) -> Result<BTreeMap<(String, String), String>, Error> {
        self.buyers_of_all_accounts(company, Some(known_at)).await
    }

    /// What was linked otherwise at an instant than it is now: the buyer of then, or `None` where nothing linked it.
    pub(super) async fn linked_otherwise(
        &mut self,
        company: &str,
        kind: LinkKind,
        known_at: Instant,
    ) -> Result<BTreeMap<(String, String), Option<String>>, Error> {
        // The link that was in force, else the buyer before the first link after.
        let links: Vec<(String, String, String, Option<String>, Instant)> = on!(&mut *self, c => sqlx::query_as(
            "SELECT connection, external_id, buyer_id, previous_buyer, recorded_at FROM buyer_link WHERE company = $1 \
             AND kind = $2 AND (recorded_at > $3 OR reversed_at > $3) ORDER BY connection, external_id, recorded_at DESC, seq DESC")
            .bind(company).bind(kind.as_str()).bind(known_at).fetch_all(c).await?);
        // Newest first, so that the oldest one that counts is written last.
        let then = links.into_iter().map(|(connection, key, buyer, previous, recorded_at)| {
            ((connection, key), if recorded_at <= known_at { Some(buyer) } else { previous })
        });
        Ok(then.collect())
    }

    /// The links that were in force at an instant, by kind, connection and key.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn links_known(&mut self, company: &str, known_at: Instant) -> Result<Vec<LinkRow>, Error> {
        let mut links = self.links(company, None).await?;
        links.retain(|link| {
            link.recorded_at <= known_at && link.reversed_at.is_none_or(|reversed| reversed > known_at)
        });
        for link in &mut links {
            (link.reversed_at, link.reversed_by) = (None, None);
        }
        links.sort_by(|a, b| {
            (&a.kind, &a.connection, &a.external_id).cmp(&(&b.kind, &b.connection, &b.external_id))
        });
        Ok(links)
    }

    /// Every version of the items of some accounts that was known by an instant, by date, number, key and version. The
    /// version that was known then has no end.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn item_versions(
        &mut self,
        accounts: &BTreeSet<(String, String)>,
        known_at: Instant,
    ) -> Result<Vec<ItemVersion>, Error> {
        let mut all: Vec<ItemVersion> = Vec::new();
        let accounts: Vec<&(String, String)> = accounts.iter().collect();
        for chunk in accounts.chunks(ACCOUNTS_MAX) {
            let among = format!("(connection, account) IN (VALUES {})", placeholders_from(2, chunk.len(), 2));
            let sql = format!(
                "SELECT {ITEM}, superseded_at FROM item_history WHERE recorded_at <= $1 AND {among} UNION ALL \
                 SELECT {ITEM}, NULL FROM item WHERE recorded_at <= $1 AND {among}"
            );
            let rows: Vec<ItemVersion> = on!(&mut *self, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(known_at);
                for (connection, account) in chunk {
                    query = query.bind(connection).bind(account);
                }
                query.fetch_all(c).await?
            });
            all.extend(rows);
        }
        for version in &mut all {
            version.superseded_at = version.superseded_at.filter(|end| *end <= known_at);
        }
        all.sort_by(|a, b| {
            (a.issued, &a.number, &a.connection, &a.external_id, a.recorded_at).cmp(&(
                b.issued,
                &b.number,
                &b.connection,
                &b.external_id,
                b.recorded_at,
            ))
        });
        Ok(all)
    }

    /// What was open of every buyer, as known at an instant, with the buyers of that instant.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn open_items_known(
        &mut self,
        company: &str,
        known_at: Instant,
    ) -> Result<BTreeMap<String, Vec<OpenItemRow>>, Error> {
        const COLUMNS: &str = "connection, account, external_id, number, kind, currency, total_minor, open_minor, \
                               tax_minor, issued, original_due, disputed";
        let buyers = self.buyers_known(company, known_at).await?;
        let items = known(COLUMNS, "open_minor > 0", Some(known_at), 2);
        let sql = format!(
            "SELECT {COLUMNS} FROM ({items}) AS known WHERE connection IN (SELECT id FROM connection WHERE company = $1)"
        );
        let mut all: BTreeMap<String, Vec<OpenItemRow>> = BTreeMap::new();
        on!(self, c => {
            let mut rows = sqlx::query_as::<_, OpenRow>(AssertSqlSafe(sql)).bind(company).bind(known_at).fetch(c);
            while let Some(row) = rows.try_next().await? {
                let account = (row.connection, row.account);
                let Some(buyer) = buyers.get(&account) else { continue };
                let item = OpenItemRow {
                    kind: ItemKind::parse(&row.kind).ok_or_else(|| Error::unreadable("kind", &row.kind))?,
                    currency: Currency::parse(&row.currency)
                        .ok_or_else(|| Error::unreadable("currency", &row.currency))?,
                    connection: account.0.as_str().into(),
                    external_id: row.external_id,
                    number: row.number,
                    open_minor: row.open_minor,
                    net_minor: net_minor(row.open_minor, row.total_minor, row.tax_minor),
                    issued: row.issued,
                    original_due: row.original_due,
                    disputed: row.disputed,
                };
                match all.get_mut(buyer) {
                    Some(items) => items.push(item),
                    None => drop(all.insert(buyer.clone(), vec![item])),
                }
            }
        });
        Ok(all)
    }

    /// Every version of every limit of a company that was known by an instant, each with the buyer of that instant, by
    /// connection, policy, insurer's buyer and version.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn limits_known(&mut self, company: &str, known_at: Instant) -> Result<Vec<LimitRow>, Error> {
        let row = limits::ROW;
        let scope =
            "WHERE recorded_at <= $2 AND connection IN (SELECT id FROM connection WHERE company = $1)";
        let sql = format!(
            "SELECT {row} FROM cover_limit_history {scope} UNION ALL SELECT {row} FROM cover_limit {scope}"
        );
        let mut rows: Vec<LimitRow> = on!(&mut *self, c => sqlx::query_as(AssertSqlSafe(sql))
            .bind(company).bind(known_at).fetch_all(c).await?);
        let then = self.linked_otherwise(company, LinkKind::InsurerBuyer, known_at).await?;
        for row in &mut rows {
            if let Some(buyer) = then.get(&(row.connection.clone(), row.insurer_buyer_id.clone())) {
                row.buyer_id.clone_from(buyer);
            }
        }
        rows.sort_by(|a, b| {
            (&a.connection, &a.policy, &a.insurer_buyer_id, a.version).cmp(&(
                &b.connection,
                &b.policy,
                &b.insurer_buyer_id,
                b.version,
            ))
        });
        Ok(rows)
    }

    /// The stops of cover as they were told by an instant, by buyer, policy and number; of one buyer or of all.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn stops_known(
        &mut self,
        company: &str,
        buyer: Option<&str>,
        known_at: Instant,
    ) -> Result<Vec<CoverStopRow>, Error> {
        let told: Vec<(String, Json<serde_json::Value>)> = on!(self, c => sqlx::query_as(
            "SELECT connection, data FROM delta WHERE company = $1 AND event IN ($2, $3) AND created_at <= $4 ORDER BY seq")
            .bind(company).bind(Event::CoverStopped.as_str()).bind(Event::CoverLifted.as_str()).bind(known_at)
            .fetch_all(c).await?);
        let mut stops: BTreeMap<(String, String, String, i64), CoverStopRow> = BTreeMap::new();
        for (connection, data) in told {
            let row = stop_told(connection, &data)?;
            if buyer.is_none_or(|buyer| buyer == row.buyer_id) {
                let key = (row.buyer_id.clone(), row.connection.clone(), row.policy.clone(), row.number);
                stops.insert(key, row);
            }
        }
        Ok(stops.into_values().collect())
    }

    /// The effects of a buyer with the steps that were taken by an instant, in the order of their first steps; those that
    /// had taken none are left out. The columns of an effect are those of now: its steps say how it stood.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn effects_known(
        &mut self,
        company: &str,
        buyer: &str,
        known_at: Instant,
    ) -> Result<Vec<(EffectRow, Vec<EffectStep>)>, Error> {
        let columns = effects::COLUMNS;
        let sql = format!("SELECT {columns} FROM effect WHERE company = $1 AND buyer_id = $2");
        let rows: Vec<EffectRow> = on!(&mut *self, c => sqlx::query_as(AssertSqlSafe(sql))
            .bind(company).bind(buyer).fetch_all(c).await?);
        let mut all = Vec::new();
        for row in rows {
            let mut steps = self.effect_steps(&row.id).await?;
            steps.retain(|step| step.at <= known_at);
            if let Some(first) = steps.first().map(|step| step.at) {
                all.push((first, row, steps));
            }
        }
        all.sort_by(|(a, left, _), (b, right, _)| (a, &left.id).cmp(&(b, &right.id)));
        Ok(all.into_iter().map(|(_, row, steps)| (row, steps)).collect())
    }

    /// The last deltas of a company that had been made by an instant, newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn deltas_known(
        &mut self,
        company: &str,
        most: i64,
        known_at: Instant,
    ) -> Result<Vec<DeltaRow>, Error> {
        let columns = deltas::COLUMNS;
        let sql = format!(
            "SELECT {columns} FROM delta WHERE company = $1 AND created_at <= $3 ORDER BY seq DESC LIMIT $2"
        );
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql))
            .bind(company).bind(most).bind(known_at).fetch_all(c).await?))
    }
}

/// The buyer of an account that nothing linked.
pub(super) fn own_buyer((connection, account): &(String, String)) -> String {
    own_buyer_id(connection, account)
}

/// A stop as its delta tells it.
fn stop_told(connection: String, data: &serde_json::Value) -> Result<CoverStopRow, Error> {
    let unreadable = || Error::unreadable("delta of a stop of cover", data.to_string());
    let text = |name: &str| data.get(name).and_then(serde_json::Value::as_str);
    let number = |name: &str| data.get(name).and_then(serde_json::Value::as_i64).ok_or_else(unreadable);
    let day = |name: &str| -> Result<Option<Date>, Error> {
        text(name).map(str::parse).transpose().map_err(|_| unreadable())
    };
    let needed = |name: &str| text(name).map(str::to_owned).ok_or_else(unreadable);
    let buyer = data.pointer("/buyer/id").and_then(serde_json::Value::as_str);
    Ok(CoverStopRow {
        buyer_id: buyer.ok_or_else(unreadable)?.to_owned(),
        connection,
        policy: needed("policy")?,
        number: number("stop")?,
        stopped_on: day("stopped_on")?.ok_or_else(unreadable)?,
        cause_connection: text("cause_connection").unwrap_or_default().to_owned(),
        cause_item: needed("cause_item")?,
        cause_number: needed("cause")?,
        lifts: needed("lifts")?,
        known_since: day("known_since")?.ok_or_else(unreadable)?,
        lifted_on: day("lifted_on")?,
        covered_from: day("covered_from")?,
        lifted_why: text("lifted_why").map(str::to_owned),
        lifted_by: text("lifted_by").map(str::to_owned),
        because: text("because").map(str::to_owned),
        version: number("version")?,
    })
}
