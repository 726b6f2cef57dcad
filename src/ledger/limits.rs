//! Cover limits and requests of insurers: a snapshot in, what changed out.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::Error;
use super::db::{Tx, marks, on, placeholders_from, row};
use super::rows::{Existing, Rows};
use crate::ids::fingerprint;
use crate::model::{Date, Decision, InOtherCurrency, Instant, Limit, LimitRequest};

const ROWS_MAX: usize = 400;

row! {
    /// A limit, current or superseded.
    #[derive(Debug, Clone)]
    pub struct LimitRow {
        /// The insurer's connection.
        pub connection: String,
        /// Policy number.
        pub policy: String,
        /// The insurer's id of the buyer.
        pub insurer_buyer_id: String,
        /// The legal buyer, where it is known.
        pub buyer_id: Option<String>,
        /// The whole limit.
        pub payload: Json<Limit>,
        /// Counts its changes, from 1.
        pub version: i64,
        /// The business day on which it was first read so.
        pub seen_on: Date,
        /// When we learnt it.
        pub recorded_at: Instant,
    }
}

row! {
    struct RequestHash { reference: String, content_hash: Vec<u8> }
}

/// A limit before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitChange {
    /// The legal buyer, where it is known.
    pub buyer_id: Option<String>,
    /// What was in force, if anything.
    pub before: Option<Limit>,
    /// What is in force.
    pub after: Limit,
    /// Counts the changes of this limit, from 1.
    pub version: i64,
}

const COLUMNS: &str = "connection, policy, insurer_buyer_id, buyer_id, decision, amount_minor, currency, effective_from, \
                       payload, content_hash, version, seen_on, recorded_at";
pub(super) const ROW: &str =
    "connection, policy, insurer_buyer_id, buyer_id, payload, version, seen_on, recorded_at";

/// The code of a limit that its list does not show any more, as long as nothing says why.
const NOT_LISTED: &str = "not listed any more";

/// Whether a decision says that the cover has ended.
const fn has_ended(decision: Decision) -> bool {
    match decision {
        Decision::Withdrawn | Decision::Cancelled | Decision::Expired => true,
        Decision::Approved
        | Decision::Partial
        | Decision::Refused
        | Decision::Kept
        | Decision::Reduced
        | Decision::NoticeOfWithdrawal
        | Decision::Pending
        | Decision::Unknown => false,
    }
}

fn hash<T: serde::Serialize>(value: &T) -> Vec<u8> {
    fingerprint(&[&serde_json::to_vec(value).unwrap_or_default()]).to_vec()
}

impl Tx<'_> {
    /// Lands the whole list of a connection's limits; a limit that is no longer listed is recorded as withdrawn.
    ///
    /// `limits` holds one limit a buyer and policy; of several the last one counts. `buyer_of` names the legal buyer behind an insurer's buyer.
    ///
    /// # Errors
    /// [`Error::Vanished`] when more of them are gone than a list can lose in a day.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a list is landed with; each is used once, by one caller"
    )]
    pub async fn land_limits(
        &mut self,
        connection: &str,
        operation: &str,
        limits: Vec<Limit>,
        vanish_percent_max: u64,
        day: Date,
        now: Instant,
        buyer_of: impl Fn(&Limit) -> Option<String>,
    ) -> Result<Vec<LimitChange>, Error> {
        let sql = format!("SELECT {ROW} FROM cover_limit WHERE connection = $1");
        let rows: Vec<LimitRow> =
            on!(&mut *self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(connection).fetch_all(c).await?);
        let mut known: BTreeMap<(String, String), LimitRow> =
            rows.into_iter().map(|row| ((row.policy.clone(), row.insurer_buyer_id.clone()), row)).collect();
        let open = known.values().filter(|row| row.payload.amount_minor > 0).count() as u64;
        let mut changes = Vec::new();
        let limits: BTreeMap<(String, String), Limit> = limits
            .into_iter()
            .map(|limit| ((limit.policy.clone(), limit.insurer_buyer_id.clone()), limit))
            .collect();
        for (key, limit) in limits {
            let buyer_id = buyer_of(&limit);
            let before = known.remove(&key);
            if before.as_ref().is_some_and(|row| row.payload.0 == limit && row.buyer_id == buyer_id) {
                continue;
            }
            let version = before.as_ref().map_or(1, |row| row.version + 1);
            changes.push(LimitChange {
                buyer_id,
                before: before.map(|row| row.payload.0),
                after: limit,
                version,
            });
        }
        let gone: Vec<LimitRow> = known
            .into_values()
            .filter(|row| !has_ended(row.payload.decision) || row.payload.amount_minor > 0)
            .collect();
        let lost = gone.iter().filter(|row| row.payload.amount_minor > 0).count() as u64;
        if lost > 1 && lost * 100 > open * vanish_percent_max {
            return Err(Error::Vanished {
                connection: connection.to_owned(),
                operation: operation.to_owned(),
                gone: lost,
                open,
                share: lost * 100 / open,
                limit: vanish_percent_max,
            });
        }
        for row in gone {
            let before = row.payload.0;
            let after = Limit {
                decision: Decision::Withdrawn,
                decision_code: NOT_LISTED.to_owned(),
                amount_minor: 0,
                layers: Vec::new(),
                effective_from: day.max(before.effective_from),
                withdrawal_on: None,
                decided_on: None,
                conditions: Vec::new(),
                in_other_currency: before.in_other_currency.as_ref().and_then(InOtherCurrency::without_cover),
                ..before.clone()
            };
            changes.push(LimitChange {
                buyer_id: row.buyer_id,
                before: Some(before),
                after,
                version: row.version + 1,
            });
        }
        self.write_limits(connection, &changes, day, now).await?;
        Ok(changes)
    }

    /// Gives limits that left their list without a word the reason that the insurer states for their end; says nothing of
    /// others. Of several ends of one cover the latest counts.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn land_ended(
        &mut self,
        connection: &str,
        ended: &[Limit],
        day: Date,
        now: Instant,
    ) -> Result<Vec<LimitChange>, Error> {
        let sql = format!("SELECT {ROW} FROM cover_limit WHERE connection = $1 AND amount_minor = 0");
        let rows: Vec<LimitRow> =
            on!(&mut *self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(connection).fetch_all(c).await?);
        let mut latest: BTreeMap<(&str, &str, &str), &Limit> = BTreeMap::new();
        for end in ended.iter().filter(|end| has_ended(end.decision)) {
            let key = (end.policy.as_str(), end.insurer_buyer_id.as_str(), end.reference.as_str());
            let known = latest.entry(key).or_insert(end);
            if (end.effective_from, end.decided_on) >= (known.effective_from, known.decided_on) {
                *known = end;
            }
        }
        let mut changes = Vec::new();
        for row in rows.into_iter().filter(|row| row.payload.decision_code == NOT_LISTED) {
            let before = row.payload.0;
            let key = (before.policy.as_str(), before.insurer_buyer_id.as_str(), before.reference.as_str());
            let Some(end) = latest.get(&key) else { continue };
            let after = Limit {
                decision: end.decision,
                decision_code: end.decision_code.clone(),
                effective_from: end.effective_from.min(before.effective_from),
                withdrawal_on: end.withdrawal_on,
                decided_on: end.decided_on,
                conditions: end.conditions.clone(),
                ..before.clone()
            };
            // What this very run wrote was never seen by anybody, and is no version.
            let version = if row.recorded_at == now { row.version } else { row.version + 1 };
            changes.push(LimitChange { buyer_id: row.buyer_id, before: Some(before), after, version });
        }
        self.write_limits(connection, &changes, day, now).await?;
        Ok(changes)
    }

    async fn write_limits(
        &mut self,
        connection: &str,
        writes: &[LimitChange],
        day: Date,
        now: Instant,
    ) -> Result<(), Error> {
        for chunk in writes.chunks(ROWS_MAX) {
            // What was written in this very run was never seen by anybody, and is no version.
            let sql = format!(
                "INSERT INTO cover_limit_history ({COLUMNS}, superseded_at) SELECT {COLUMNS}, $2 FROM cover_limit \
                 WHERE connection = $1 AND recorded_at <> $2 AND (policy, insurer_buyer_id) IN (VALUES {}) \
                 ON CONFLICT (connection, policy, insurer_buyer_id, recorded_at) DO NOTHING",
                placeholders_from(3, chunk.len(), 2)
            );
            on!(&mut *self, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(connection).bind(now);
                for LimitChange { after: limit, .. } in chunk {
                    query = query.bind(&limit.policy).bind(&limit.insurer_buyer_id);
                }
                query.execute(c).await?;
            });
        }
        let rows = Rows::of(writes)
            .column("connection", |_| connection)
            .column("policy", |change| change.after.policy.as_str())
            .column("insurer_buyer_id", |change| change.after.insurer_buyer_id.as_str())
            .column("buyer_id", |change| change.buyer_id.as_deref())
            .column("decision", |change| change.after.decision.as_str())
            .column("amount_minor", |change| change.after.amount_minor)
            .column("currency", |change| change.after.currency.code())
            .column("effective_from", |change| change.after.effective_from)
            .column("payload", |change| Json(&change.after))
            .column("content_hash", |change| hash(&change.after))
            .column("version", |change| change.version)
            .column("seen_on", |_| day)
            .column("recorded_at", |_| now);
        let key = "connection, policy, insurer_buyer_id";
        self.insert("cover_limit", rows, Existing::Replaced { key, but: &[] }).await?;
        Ok(())
    }

    /// Gives limits that had no buyer, or another one, the buyer that is known now; returns the buyers concerned.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn relink_limits(
        &mut self,
        connection: &str,
        buyer_of: impl Fn(&Limit) -> Option<String>,
    ) -> Result<BTreeSet<String>, Error> {
        let sql = format!("SELECT {ROW} FROM cover_limit WHERE connection = $1");
        let rows: Vec<LimitRow> =
            on!(&mut *self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(connection).fetch_all(c).await?);
        let mut touched = BTreeSet::new();
        let mut linked: Vec<(LimitRow, Option<String>)> = Vec::new();
        for row in rows {
            let buyer = buyer_of(&row.payload);
            if buyer != row.buyer_id {
                touched.extend(buyer.clone());
                touched.extend(row.buyer_id.clone());
                linked.push((row, buyer));
            }
        }
        for chunk in linked.chunks(ROWS_MAX) {
            for table in ["cover_limit", "cover_limit_history"] {
                let sql = format!(
                    "WITH link (policy, insurer_buyer_id, buyer_id) AS (VALUES {}) UPDATE {table} SET buyer_id = link.buyer_id \
                     FROM link WHERE {table}.connection = $1 AND {table}.policy = link.policy AND \
                     {table}.insurer_buyer_id = link.insurer_buyer_id",
                    placeholders_from(2, chunk.len(), 3)
                );
                on!(&mut *self, c => {
                    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(connection);
                    for (row, buyer) in chunk {
                        query = query.bind(&row.policy).bind(&row.insurer_buyer_id).bind(buyer);
                    }
                    query.execute(c).await?;
                });
            }
        }
        Ok(touched)
    }

    /// The current limits of a company, by insurer, policy and buyer.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn limits(&mut self, company: &str) -> Result<Vec<LimitRow>, Error> {
        let sql = format!(
            "SELECT {ROW} FROM cover_limit WHERE connection IN (SELECT id FROM connection WHERE company = $1) \
             ORDER BY connection, policy, insurer_buyer_id"
        );
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?))
    }

    /// Every version of the limits of a company that have a buyer, each limit's in the order we learnt them; of some buyers
    /// or of all.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn limit_versions(
        &mut self,
        company: &str,
        buyers: Option<&BTreeSet<String>>,
    ) -> Result<Vec<LimitRow>, Error> {
        let mut all = Vec::new();
        let chunks: Vec<Vec<&String>> = match buyers {
            None => vec![Vec::new()],
            Some(buyers) => buyers.iter().collect::<Vec<_>>().chunks(ROWS_MAX).map(<[_]>::to_vec).collect(),
        };
        for chunk in chunks {
            let filter = if chunk.is_empty() {
                "buyer_id IS NOT NULL".to_owned()
            } else {
                format!("buyer_id IN ({})", marks(2, chunk.len()))
            };
            let scope =
                format!("WHERE connection IN (SELECT id FROM connection WHERE company = $1) AND {filter}");
            let sql = format!(
                "SELECT {ROW} FROM cover_limit_history {scope} UNION ALL SELECT {ROW} FROM cover_limit {scope} \
                 ORDER BY buyer_id, connection, policy, insurer_buyer_id, version"
            );
            let rows: Vec<LimitRow> = on!(&mut *self, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(company);
                for buyer in &chunk {
                    query = query.bind(*buyer);
                }
                query.fetch_all(c).await?
            });
            all.extend(rows);
        }
        Ok(all)
    }

    /// Lands the whole list of a connection's open requests; those no longer listed leave, and those as known are not
    /// written.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn land_requests(
        &mut self,
        connection: &str,
        requests: &[LimitRequest],
        now: Instant,
    ) -> Result<(), Error> {
        let rows: Vec<RequestHash> = on!(&mut *self, c => sqlx::query_as(
            "SELECT reference, content_hash FROM limit_request WHERE connection = $1")
            .bind(connection).fetch_all(c).await?);
        let mut known: BTreeMap<String, Vec<u8>> =
            rows.into_iter().map(|row| (row.reference, row.content_hash)).collect();
        let requests: BTreeMap<&str, &LimitRequest> =
            requests.iter().map(|request| (request.reference.as_str(), request)).collect();
        let mut writes: Vec<(&LimitRequest, Vec<u8>)> = Vec::new();
        for (reference, request) in requests {
            let hash = hash(request);
            if known.remove(reference).is_none_or(|before| before != hash) {
                writes.push((request, hash));
            }
        }
        let gone: Vec<String> = known.into_keys().collect();
        for chunk in gone.chunks(ROWS_MAX) {
            let sql = format!(
                "DELETE FROM limit_request WHERE connection = $1 AND reference IN ({})",
                marks(2, chunk.len())
            );
            on!(&mut *self, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(connection);
                for reference in chunk {
                    query = query.bind(reference);
                }
                query.execute(c).await?;
            });
        }
        let rows = Rows::of(&writes)
            .column("connection", |_| connection)
            .column("reference", |(request, _)| request.reference.as_str())
            .column("policy", |(request, _)| request.policy.as_str())
            .column("insurer_buyer_id", |(request, _)| request.insurer_buyer_id.as_str())
            .column("status", |(request, _)| request.status.as_str())
            .column("payload", |(request, _)| Json(request))
            .column("content_hash", |(_, hash)| hash.as_slice())
            .column("recorded_at", |_| now);
        let key = "connection, reference";
        self.insert("limit_request", rows, Existing::Replaced { key, but: &[] }).await?;
        Ok(())
    }
}
