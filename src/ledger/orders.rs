//! Orders that are not invoiced yet: a list in, and what it changes.

use std::collections::{BTreeMap, HashMap};

use sqlx::AssertSqlSafe;

use super::Error;
use super::db::{Tx, marks, on, row};
use super::rows::{Existing, Rows};
use crate::model::{Date, Instant, Order};

const KEYS_MAX: usize = 400;

row! {
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct OrderRow {
        external_id: String,
        number: String,
        account: String,
        currency: String,
        open_minor: i64,
        ordered_on: Date,
    }
}

/// What a list of orders changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrdersLanded {
    /// Orders that were not there.
    pub new: u64,
    /// Orders that said otherwise.
    pub changed: u64,
    /// Orders as they were.
    pub unchanged: u64,
    /// Orders that are invoiced whole, or no longer listed.
    pub closed: u64,
}

impl OrderRow {
    fn says(&self, order: &Order) -> bool {
        let Self { external_id, number, account, currency, open_minor, ordered_on } = self;
        (external_id, number, account) == (&order.external_id, &order.number, &order.account)
            && (currency.as_str(), *open_minor, *ordered_on)
                == (order.currency.code(), order.open_minor, order.ordered)
    }
}

impl Tx<'_> {
    /// Lands the orders of a connection, each listed once. One of which nothing is to be invoiced any more leaves; with
    /// `snapshot`, so does one that is not listed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn land_orders(
        &mut self,
        connection: &str,
        orders: &[Order],
        snapshot: bool,
        now: Instant,
    ) -> Result<OrdersLanded, Error> {
        let rows: Vec<OrderRow> = on!(&mut *self, c => sqlx::query_as(
            "SELECT external_id, number, account, currency, open_minor, ordered_on FROM sales_order WHERE connection = $1")
            .bind(connection).fetch_all(c).await?);
        let mut known: HashMap<String, OrderRow> =
            rows.into_iter().map(|row| (row.external_id.clone(), row)).collect();
        let mut landed = OrdersLanded::default();
        let (mut write, mut gone) = (Vec::new(), Vec::new());
        for order in orders {
            match known.remove(&order.external_id) {
                before if order.open_minor == 0 => gone.extend(before.map(|row| row.external_id)),
                Some(row) if row.says(order) => landed.unchanged += 1,
                before => {
                    let count = if before.is_some() { &mut landed.changed } else { &mut landed.new };
                    *count += 1;
                    write.push(order);
                }
            }
        }
        if snapshot {
            gone.extend(known.into_keys());
        }
        landed.closed = gone.len() as u64;
        for chunk in gone.chunks(KEYS_MAX) {
            let sql = format!(
                "DELETE FROM sales_order WHERE connection = $1 AND external_id IN ({})",
                marks(2, chunk.len())
            );
            on!(&mut *self, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(connection);
                for id in chunk {
                    query = query.bind(id);
                }
                query.execute(c).await?;
            });
        }
        let rows = Rows::of(&write)
            .column("connection", |_| connection)
            .column("external_id", |order| order.external_id.as_str())
            .column("number", |order| order.number.as_str())
            .column("account", |order| order.account.as_str())
            .column("currency", |order| order.currency.code())
            .column("open_minor", |order| order.open_minor)
            .column("ordered_on", |order| order.ordered)
            .column("recorded_at", |_| now);
        let key = "connection, external_id";
        self.insert("sales_order", rows, Existing::Replaced { key, but: &[] }).await?;
        Ok(landed)
    }

    /// What is ordered and not invoiced yet, minor units by legal buyer and currency; of one buyer or of all.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::Unreadable`] when a sum leaves the range of money.
    pub async fn order_backlogs(
        &mut self,
        company: &str,
        buyer: Option<&str>,
    ) -> Result<BTreeMap<(String, String), i64>, Error> {
        let rows: Vec<(String, String, i64)> = on!(self, c => sqlx::query_as(
            "SELECT account.buyer_id, sales_order.currency, sales_order.open_minor FROM sales_order JOIN account \
             ON account.connection = sales_order.connection AND account.external_id = sales_order.account \
             WHERE sales_order.connection IN (SELECT id FROM connection WHERE company = $1) \
             AND ($2 IS NULL OR account.buyer_id = $2)")
            .bind(company).bind(buyer).fetch_all(c).await?);
        let mut backlogs: BTreeMap<(String, String), i64> = BTreeMap::new();
        for (buyer, currency, minor) in rows {
            let told = format!("orders of {buyer} in {currency}");
            let sum = backlogs.entry((buyer, currency)).or_default();
            *sum = sum.checked_add(minor).ok_or_else(|| Error::unreadable("sum of orders", &told))?;
        }
        Ok(backlogs)
    }
}
