//! What indicators are made from: open items, turnover by month, settled invoices and cover, by buyer and currency.
//!
//! The ledger keeps every version of an item with the instant until which it was known, so the open items of a past day can
//! be read again. It holds what sources listed: an invoice that was issued and paid before the first reading of a list of
//! open items was never seen, which is why [`Tx::known_whole_since`] is told beside every turnover.
//! Invariant: what is read as of now adds up to the exposure that was settled. Reference: shared rules, "Indicators".

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;

use super::Error;
use super::db::{Tx, on, row};
use crate::credit::indicators::{OpenPart, Stake, Sums, Window};
use crate::credit::statement::Period;
use crate::model::{Currency, Date, Decision, Instant, ItemKind, Policy};

/// Runs that are looked through for the last reading of a source, a page at a time.
const RUNS_PAGE: i64 = 200;

row! {
    /// A business day that a cycle ran for.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RunDay {
        /// The business day.
        pub on_date: Date,
        /// When the cycle began: the instant at which it records what it reads.
        pub started_at: Instant,
    }
}

row! {
    struct OpenRow {
        connection: String,
        account: String,
        currency: String,
        kind: String,
        open_minor: i64,
        issued: Date,
        original_due: Date,
        due_estimated: bool,
    }
}

row! {
    struct TurnoverRow { connection: String, account: String, currency: String, month: String, sum: i64 }
}

row! {
    struct SettledRow {
        connection: String,
        account: String,
        currency: String,
        total_minor: i64,
        original_due: Date,
        allocated_on: Option<Date>,
        settled_at: Option<Instant>,
    }
}

/// The sums of one buyer in one currency, before cover, and what each insurer says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyerSums {
    /// The legal buyer.
    pub buyer_id: String,
    /// The currency of every amount.
    pub currency: Currency,
    /// Sums over its items.
    pub sums: Sums,
    /// What the insurers of the buyer say in this currency.
    pub stakes: Vec<Stake>,
}

/// What was read of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRead {
    /// The connection.
    pub connection: String,
    /// `erp` or `insurer`, as the connector says.
    pub role: String,
    /// The last business day on which an operation of it was read without error.
    pub read_on: Option<Date>,
    /// When that was.
    pub read_at: Option<Instant>,
    /// Since when it is paused.
    pub paused_since: Option<Instant>,
}

type BySums = BTreeMap<(String, Currency), Sums>;

fn currency(code: &str) -> Result<Currency, Error> {
    Currency::parse(code).ok_or_else(|| Error::unreadable("currency", code))
}

fn sum_error(error: &crate::credit::Error) -> Error {
    Error::unreadable("sum for an indicator", error.to_string())
}

/// The business day of an instant: that of the last cycle that had begun by then; the date itself before the first one.
#[must_use]
pub fn business_day(runs: &[RunDay], at: Instant) -> Date {
    let begun = runs.partition_point(|run| run.started_at <= at);
    runs.get(..begun).and_then(<[_]>::last).map_or_else(|| at.date_naive(), |run| run.on_date)
}

impl Tx<'_> {
    /// The business days of the cycles that kept something, in the order in which they began.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn run_days(&mut self, company: &str) -> Result<Vec<RunDay>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT on_date, started_at FROM run WHERE company = $1 AND outcome IN ('done', 'partial') ORDER BY started_at")
            .bind(company).fetch_all(c).await?))
    }

    /// The first business day from which on the ledger saw every document of every source, those that were settled since
    /// included; none while it holds no item.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn known_whole_since(&mut self, company: &str, runs: &[RunDay]) -> Result<Option<Date>, Error> {
        let rows: Vec<(String, Instant)> = on!(self, c => sqlx::query_as(
            "SELECT connection, MIN(recorded_at) FROM (SELECT connection, recorded_at FROM item UNION ALL \
             SELECT connection, recorded_at FROM item_history) AS seen WHERE connection IN \
             (SELECT id FROM connection WHERE company = $1) GROUP BY connection").bind(company).fetch_all(c).await?);
        Ok(rows.into_iter().map(|(_, first)| business_day(runs, first)).max())
    }

    /// The sums of every buyer with an item, a limit or a settlement, by buyer and currency.
    ///
    /// Items are taken as known at an instant, or as known now; their buyers and the days of settlement as known now.
    /// `policies` are those in force, in the order of the configuration; without them nothing is said of cover. A buyer
    /// counts under every policy that has decided on it, else under the first one that takes its country.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn indicator_sums(
        &mut self,
        company: &str,
        window: &Window,
        runs: &[RunDay],
        known_at: Option<Instant>,
        policies: Option<&[&Policy]>,
    ) -> Result<Vec<BuyerSums>, Error> {
        let buyers = self.buyers_of_all_accounts(company, None).await?;
        let mut all = BySums::new();
        self.sum_open(company, window, known_at, &buyers, &mut all).await?;
        self.sum_turnover(company, window, known_at, &buyers, &mut all).await?;
        self.sum_settled(company, window, runs, &buyers, &mut all).await?;
        let mut stakes = match policies {
            Some(policies) => self.stakes(company, policies).await?,
            None => BTreeMap::new(),
        };
        let keys: BTreeSet<(String, Currency)> = all.keys().chain(stakes.keys()).cloned().collect();
        let rows = keys.into_iter().map(|key| {
            let (sums, stakes) =
                (all.remove(&key).unwrap_or_default(), stakes.remove(&key).unwrap_or_default());
            BuyerSums { buyer_id: key.0, currency: key.1, sums, stakes }
        });
        Ok(rows.filter(|row| !row.sums.is_empty() || row.stakes.iter().any(is_told)).collect())
    }

    async fn sum_open(
        &mut self,
        company: &str,
        window: &Window,
        known_at: Option<Instant>,
        buyers: &BTreeMap<(String, String), String>,
        all: &mut BySums,
    ) -> Result<(), Error> {
        const COLUMNS: &str =
            "connection, account, currency, kind, open_minor, issued, original_due, due_estimated";
        let items = known(COLUMNS, "open_minor > 0", known_at, 2);
        let sql = format!(
            "SELECT {COLUMNS} FROM ({items}) AS known WHERE connection IN (SELECT id FROM connection WHERE company = $1)"
        );
        on!(self, c => {
            let mut query = sqlx::query_as::<_, OpenRow>(AssertSqlSafe(sql)).bind(company);
            if let Some(at) = known_at {
                query = query.bind(at);
            }
            let mut rows = query.fetch(c);
            while let Some(row) = rows.try_next().await? {
                let key = (row.connection, row.account);
                let Some(buyer) = buyers.get(&key) else { continue };
                let part = OpenPart {
                    kind: ItemKind::parse(&row.kind).ok_or_else(|| Error::unreadable("kind", &row.kind))?,
                    open_minor: row.open_minor,
                    issued: row.issued,
                    original_due: row.original_due,
                    due_estimated: row.due_estimated,
                };
                let sums = all.entry((buyer.clone(), currency(&row.currency)?)).or_default();
                sums.add_open(&part, window.on).map_err(|error| sum_error(&error))?;
            }
        });
        Ok(())
    }

    async fn sum_turnover(
        &mut self,
        company: &str,
        window: &Window,
        known_at: Option<Instant>,
        buyers: &BTreeMap<(String, String), String>,
        all: &mut BySums,
    ) -> Result<(), Error> {
        const COLUMNS: &str = "connection, account, currency, kind, issued, total_minor";
        let condition = "issued >= $2 AND issued <= $3 AND kind IN ('invoice', 'credit_note')";
        let items = known(COLUMNS, condition, known_at, 4);
        // Both databases write a date as 2026-05-31.
        let sql = format!(
            "SELECT connection, account, currency, SUBSTR(CAST(issued AS TEXT), 1, 7) AS month, \
             CAST(SUM(CASE WHEN kind = 'invoice' THEN total_minor ELSE -total_minor END) AS BIGINT) AS sum \
             FROM ({items}) AS known WHERE connection IN (SELECT id FROM connection WHERE company = $1) \
             GROUP BY connection, account, currency, SUBSTR(CAST(issued AS TEXT), 1, 7)"
        );
        let rows: Vec<TurnoverRow> = on!(self, c => {
            let query = sqlx::query_as(AssertSqlSafe(sql)).bind(company).bind(window.first()).bind(window.on);
            match known_at {
                None => query.fetch_all(c).await?,
                Some(at) => query.bind(at).fetch_all(c).await?,
            }
        });
        for row in rows {
            let key = (row.connection, row.account);
            let Some(buyer) = buyers.get(&key) else { continue };
            let month = Period::parse(&row.month).ok_or_else(|| Error::unreadable("month", &row.month))?;
            let sums = all.entry((buyer.clone(), currency(&row.currency)?)).or_default();
            sums.add_turnover(month, row.sum).map_err(|error| sum_error(&error))?;
        }
        Ok(())
    }

    async fn sum_settled(
        &mut self,
        company: &str,
        window: &Window,
        runs: &[RunDay],
        buyers: &BTreeMap<(String, String), String>,
        all: &mut BySums,
    ) -> Result<(), Error> {
        const SETTLED: &str = "SELECT i.connection, i.account, i.currency, i.total_minor, i.original_due, \
             (SELECT MAX(l.allocated_on) FROM allocation l WHERE l.connection = i.connection AND l.to_item = i.external_id) \
             AS allocated_on, \
             (SELECT MAX(h.superseded_at) FROM item_history h WHERE h.connection = i.connection AND \
             h.external_id = i.external_id AND h.open_minor > 0) AS settled_at \
             FROM item i WHERE i.kind = 'invoice' AND i.open_minor = 0 AND i.total_minor > 0 AND i.connection IN \
             (SELECT id FROM connection WHERE company = $1)";
        on!(self, c => {
            let mut rows = sqlx::query_as::<_, SettledRow>(SETTLED).bind(company).fetch(c);
            while let Some(row) = rows.try_next().await? {
                let key = (row.connection, row.account);
                let Some(buyer) = buyers.get(&key) else { continue };
                let settled_on = row.allocated_on.or_else(|| row.settled_at.map(|at| business_day(runs, at)));
                let sums = all.entry((buyer.clone(), currency(&row.currency)?)).or_default();
                sums.add_settled(row.total_minor, row.original_due, settled_on, window)
                    .map_err(|error| sum_error(&error))?;
            }
        });
        Ok(())
    }

    /// What each policy that a buyer belongs to says of it.
    async fn stakes(
        &mut self,
        company: &str,
        policies: &[&Policy],
    ) -> Result<BTreeMap<(String, Currency), Vec<Stake>>, Error> {
        let limits = self.limits(company).await?;
        let countries: BTreeMap<String, String> =
            self.buyers(company).await?.into_iter().map(|buyer| (buyer.id, buyer.country)).collect();
        let covers = self.covers(company, None).await?;
        let mut decided: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
        let mut requested: BTreeMap<(&str, &str, &str), (i64, i64)> = BTreeMap::new();
        for row in &limits {
            let limit = &row.payload.0;
            let Some(buyer) = row.buyer_id.as_deref().filter(|_| limit.decision != Decision::Pending) else {
                continue;
            };
            let own = (row.connection.as_str(), row.policy.as_str());
            decided.entry(buyer).or_default().insert(own);
            if let Some(asked) = limit.requested_minor {
                let sum = requested.entry((buyer, own.0, own.1)).or_default();
                sum.0 = sum.0.saturating_add(asked);
                sum.1 = sum.1.saturating_add(limit.amount_minor);
            }
        }
        let mut stakes: BTreeMap<(String, Currency), Vec<Stake>> = BTreeMap::new();
        for row in &covers {
            let own = (row.connection.as_str(), row.policy.as_str());
            let has_decided = match decided.get(row.buyer_id.as_str()) {
                Some(by) => by.contains(&own),
                None => {
                    let country = countries.get(&row.buyer_id).map_or("", String::as_str);
                    let first = policies.iter().find(|policy| policy.takes(country));
                    if first.is_none_or(|policy| (policy.connection.as_str(), policy.number.as_str()) != own)
                    {
                        continue;
                    }
                    false
                }
            };
            if decided.contains_key(row.buyer_id.as_str()) && !has_decided {
                continue;
            }
            let asked = requested.get(&(row.buyer_id.as_str(), own.0, own.1)).copied();
            stakes.entry((row.buyer_id.clone(), currency(&row.currency)?)).or_default().push(Stake {
                connection: row.connection.clone(),
                covered_minor: row.covered_minor,
                limit_minor: has_decided.then_some(row.cap_minor),
                requested_minor: asked,
                next_deadline: None, // follows from items and policies, which the caller has
            });
        }
        Ok(stakes)
    }

    /// Every connection of a company with the last reading of it that was no failure.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sources_read(&mut self, company: &str) -> Result<Vec<SourceRead>, Error> {
        let connections = self.connections().await?;
        let mut sources: Vec<SourceRead> = connections
            .into_iter()
            .filter(|row| row.company == company)
            .map(|row| SourceRead {
                connection: row.id,
                role: row.role,
                read_on: None,
                read_at: None,
                paused_since: row.paused_since,
            })
            .collect();
        let mut skipped = 0;
        while sources.iter().any(|source| source.read_on.is_none()) {
            let page: Vec<(Date, Instant, sqlx::types::Json<serde_json::Value>)> = on!(&mut *self, c => sqlx::query_as(
                "SELECT on_date, finished_at, summary FROM run WHERE company = $1 ORDER BY started_at DESC, id LIMIT $2 OFFSET $3")
                .bind(company).bind(RUNS_PAGE).bind(skipped).fetch_all(c).await?);
            for (on_date, finished_at, summary) in &page {
                let operations = summary.get("operations").and_then(|list| list.as_array());
                let read = operations
                    .into_iter()
                    .flatten()
                    .filter(|one| one.get("error").is_some_and(serde_json::Value::is_null));
                let ids: BTreeSet<&str> =
                    read.filter_map(|one| one.get("connection").and_then(|id| id.as_str())).collect();
                for source in sources.iter_mut().filter(|source| source.read_on.is_none()) {
                    if ids.contains(source.connection.as_str()) {
                        (source.read_on, source.read_at) = (Some(*on_date), Some(*finished_at));
                    }
                }
            }
            if page.is_empty() {
                break;
            }
            skipped += RUNS_PAGE;
        }
        Ok(sources)
    }
}

/// Whether a stake tells anything of a buyer that owes nothing.
fn is_told(stake: &Stake) -> bool {
    stake.limit_minor.is_some() || stake.requested_minor.is_some()
}

/// Items that meet a condition: as known now, or at the instant that parameter `at` is bound to.
pub(super) fn known(columns: &str, condition: &str, known_at: Option<Instant>, at: u8) -> String {
    match known_at {
        None => format!("SELECT {columns} FROM item WHERE {condition}"),
        Some(_) => format!(
            "SELECT {columns} FROM item WHERE {condition} AND recorded_at <= ${at} UNION ALL \
             SELECT {columns} FROM item_history WHERE {condition} AND recorded_at <= ${at} AND superseded_at > ${at}"
        ),
    }
}
