//! How buyers have paid and are rated: what a computed discretionary limit rests on.
//!
//! Read for some buyers at a time, so that memory does not grow with the ledger, and for none where no policy computes a limit.
//! Invariant: nothing that was recorded after an instant changes what is read as of it, but a rating's link to an account.
//! Reference: shared rules, "Discretionary limit".

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::Error;
use super::db::{Tx, on, placeholders_from, row};
use super::indicators::{business_day, known};
use crate::credit::Experience;
use crate::credit::discretionary::{Invoiced, Rated};
use crate::model::{Currency, Date, Instant, Policy, Rating, net_minor};

/// Accounts of one query: each reads the items once.
const ACCOUNTS_MAX: usize = 4_000;

row! {
    struct InvoiceRow {
        connection: String,
        account: String,
        number: String,
        currency: String,
        total_minor: i64,
        open_minor: i64,
        tax_minor: Option<i64>,
        issued: Date,
        original_due: Date,
        disputed: bool,
        allocated_on: Option<Date>,
        settled_at: Option<Instant>,
    }
}

impl Tx<'_> {
    /// How some buyers have paid and are rated, as known at an instant or as known now, on a business day; nothing where none of
    /// the policies computes a discretionary limit. An invoice that came settled without a day is left out, since nobody knows when it was.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn experiences(
        &mut self,
        company: &str,
        policies: &[Policy],
        buyers: &BTreeSet<String>,
        day: Date,
        known_at: Option<Instant>,
    ) -> Result<BTreeMap<String, Experience>, Error> {
        let mut found: BTreeMap<String, Experience> = BTreeMap::new();
        if policies.iter().all(|policy| policy.discretionary_rule.is_none()) || buyers.is_empty() {
            return Ok(found);
        }
        let mut accounts = self.buyers_of_all_accounts(company, known_at).await?;
        accounts.retain(|_, buyer| buyers.contains(buyer));
        let runs = self.run_days(company).await?;
        let keys: Vec<&(String, String)> = accounts.keys().collect();
        for chunk in keys.chunks(ACCOUNTS_MAX) {
            for row in self.invoices_of(chunk, known_at).await? {
                let Some(buyer) = accounts.get(&(row.connection, row.account)) else { continue };
                // What a cycle reads carries the instant at which it began, and one that goes on is no run yet.
                let day_of = |at: Instant| match runs.last() {
                    Some(last) if at <= last.started_at => business_day(&runs, at),
                    _ => day,
                };
                let settled = row.allocated_on.or_else(|| row.settled_at.map(day_of));
                let paid_on = settled.filter(|_| row.open_minor == 0);
                if row.open_minor == 0 && paid_on.is_none() {
                    continue;
                }
                found.entry(buyer.clone()).or_default().invoices.push(Invoiced {
                    currency: Currency::parse(&row.currency)
                        .ok_or_else(|| Error::unreadable("currency", &row.currency))?,
                    minor: row.total_minor,
                    net_minor: net_minor(row.total_minor, row.total_minor, row.tax_minor),
                    number: row.number,
                    issued: row.issued,
                    due: row.original_due,
                    paid_on,
                    disputed: row.disputed,
                });
            }
        }
        if policies
            .iter()
            .filter_map(|policy| policy.discretionary_rule.as_ref())
            .any(|r| !r.reports.is_empty())
        {
            self.rate(company, &accounts, known_at, &mut found).await?;
        }
        Ok(found)
    }

    async fn invoices_of(
        &mut self,
        accounts: &[&(String, String)],
        known_at: Option<Instant>,
    ) -> Result<Vec<InvoiceRow>, Error> {
        const COLUMNS: &str = "connection, external_id, account, number, currency, total_minor, open_minor, tax_minor, issued, \
                               original_due, disputed";
        let from = if known_at.is_some() { 2 } else { 1 };
        let among =
            format!("(connection, account) IN (VALUES {})", placeholders_from(from, accounts.len(), 2));
        let items = known(COLUMNS, &format!("kind = 'invoice' AND total_minor > 0 AND {among}"), known_at, 1);
        let (allocated, superseded) = match known_at {
            None => ("", ""),
            Some(_) => (" AND l.recorded_at <= $1", " AND h.superseded_at <= $1"),
        };
        let sql = format!(
            "SELECT i.connection, i.account, i.number, i.currency, i.total_minor, i.open_minor, i.tax_minor, i.issued, \
             i.original_due, i.disputed, CASE WHEN i.open_minor = 0 THEN (SELECT MAX(l.allocated_on) FROM allocation l \
             WHERE l.connection = i.connection AND l.to_item = i.external_id{allocated}) END AS allocated_on, \
             CASE WHEN i.open_minor = 0 THEN (SELECT MAX(h.superseded_at) FROM item_history h WHERE \
             h.connection = i.connection AND h.external_id = i.external_id AND h.open_minor > 0{superseded}) END AS settled_at \
             FROM ({items}) AS i ORDER BY i.connection, i.external_id"
        );
        Ok(on!(self, c => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            if let Some(at) = known_at {
                query = query.bind(at);
            }
            for (connection, account) in accounts {
                query = query.bind(connection).bind(account);
            }
            query.fetch_all(c).await?
        }))
    }

    /// Adds ratings, found by the insurer's id that an account stores; an id that two insurers rate says nothing, since no ERP
    /// says whose it stores.
    async fn rate(
        &mut self,
        company: &str,
        accounts: &BTreeMap<(String, String), String>,
        known_at: Option<Instant>,
        found: &mut BTreeMap<String, Experience>,
    ) -> Result<(), Error> {
        let of = "SELECT connection, insurer_buyer_id, payload, seen_on, recorded_at FROM";
        let sql = format!(
            "SELECT a.connection AS erp, a.external_id, r.connection, r.payload, r.seen_on, r.recorded_at FROM \
             ({of} rating UNION ALL {of} rating_history) AS r JOIN account a ON a.insurer_buyer_id = r.insurer_buyer_id \
             WHERE r.connection IN (SELECT id FROM connection WHERE company = $1) \
             ORDER BY a.connection, a.external_id, r.connection, r.recorded_at"
        );
        type Row = (String, String, String, Json<Rating>, Date, Instant);
        let rows: Vec<Row> =
            on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?);
        let mut by_account: BTreeMap<(String, String), Vec<Rated>> = BTreeMap::new();
        for (erp, account, connection, rating, seen_on, recorded_at) in rows {
            if known_at.is_some_and(|at| recorded_at > at) {
                continue;
            }
            let from = rating.changed_on.unwrap_or(seen_on);
            let rated = Rated { connection, from, rating: rating.0.rating };
            by_account.entry((erp, account)).or_default().push(rated);
        }
        for (account, ratings) in by_account {
            let insurers: BTreeSet<&str> = ratings.iter().map(|rated| rated.connection.as_str()).collect();
            if let (Some(buyer), 1) = (accounts.get(&account), insurers.len()) {
                found.entry(buyer.clone()).or_default().ratings.extend(ratings);
            }
        }
        Ok(())
    }
}
