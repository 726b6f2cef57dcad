//! One contract for the ledger, kept by real SQLite and by real PostgreSQL.
//!
//! A test is a function of a fresh database; `contract!` runs each of a module on both, as `…::sqlite::<name>` and
//! `…::postgres::<name>`. What the ledger does not hand out (history, instants, counters) is read past it, in SQL.

mod accounts;
mod effects;
mod facts;
mod indicators;
mod items;
mod limits;
mod links;
mod lookups;
mod opening;
mod past;
mod quarantine;
mod ratings;
mod sequences;
mod statements;
mod stops;
mod texts;
mod versions;

use encours::ledger::{Error, ItemLanding, ItemRow, Landed, Ledger, Tx};
use encours::model::{Account, Currency, Date, Identifier, Instant, Item, ItemKind, Scheme};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tempfile::TempDir;

use crate::support::database::{Postgres, sqlite};

/// Runs functions of a [`Database`] on both databases.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let database = crate::suite::ledger::Database::sqlite().await;
                super::$name(&database).await;
                database.remove().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let database = crate::suite::ledger::Database::postgres().await;
                super::$name(&database).await;
                database.remove().await;
            })+
        }
    };
}
use contract;

const COMPANY: &str = "exemple";
const ERP: &str = "erp";
const INSURER: &str = "insurer";

/// A fresh ledger with the connections of one company.
struct Database {
    ledger: Ledger,
    url: String,
    place: Place,
    /// Reads past the ledger.
    probe: Probe,
}

enum Place {
    Sqlite(#[expect(dead_code, reason = "the folder lives as long as the test")] TempDir),
    Postgres(Postgres),
}

enum Probe {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Database {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = sqlite().replace("sqlite:", &format!("sqlite:{}/", folder.path().display()));
        Self::open(url, Place::Sqlite(folder)).await
    }

    async fn postgres() -> Self {
        let postgres = Postgres::new().await;
        Self::open(postgres.url.clone(), Place::Postgres(postgres)).await
    }

    async fn open(url: String, place: Place) -> Self {
        let ledger = Ledger::open(&url).await.unwrap();
        let mut tx = ledger.begin().await.unwrap();
        tx.know_connection(ERP, COMPANY, "csv", "erp").await.unwrap();
        tx.know_connection(INSURER, COMPANY, "simulated", "insurer").await.unwrap();
        tx.commit().await.unwrap();
        let probe = match place {
            Place::Sqlite(_) => {
                Probe::Sqlite(SqlitePoolOptions::new().max_connections(1).connect_lazy(&url).unwrap())
            }
            Place::Postgres(_) => {
                Probe::Postgres(PgPoolOptions::new().max_connections(1).connect_lazy(&url).unwrap())
            }
        };
        Self { ledger, url, place, probe }
    }

    async fn remove(self) {
        self.ledger.close().await;
        match &self.probe {
            Probe::Sqlite(pool) => pool.close().await,
            Probe::Postgres(pool) => pool.close().await,
        }
        if let Place::Postgres(postgres) = self.place {
            postgres.drop().await;
        }
    }

    async fn begin(&self) -> Tx<'static> {
        self.ledger.begin().await.unwrap()
    }

    /// The one text column of a statement, read past the ledger.
    async fn texts(&self, sql: &str) -> Vec<String> {
        match &self.probe {
            Probe::Sqlite(pool) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap(),
            Probe::Postgres(pool) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap(),
        }
    }

    /// How many rows of a table meet a condition, read past the ledger.
    async fn count(&self, table: &str, condition: &str) -> usize {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table} WHERE {condition}");
        self.texts(&sql).await[0].parse().unwrap()
    }

    /// Lands a whole list of the ERP's invoices, whatever vanishes.
    async fn snapshot(&self, items: &[Item], second: i64) -> Landed {
        self.land(Reading { vanish_percent_max: 100, ..Reading::snapshot(second) }, items).await.unwrap().0
    }

    /// Lands a reading and commits it, or undoes it. Returns also the lines of duplicates: (their own, the first one's).
    async fn land(&self, reading: Reading, items: &[Item]) -> Result<(Landed, Vec<(u64, u64)>), Error> {
        let mut tx = self.begin().await;
        match reading.land(&mut tx, items).await {
            Ok(landed) => {
                tx.commit().await?;
                Ok(landed)
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    /// What is open, as `id=amount`, by id.
    async fn open_items(&self) -> Vec<String> {
        self.texts("SELECT external_id || '=' || CAST(open_minor AS TEXT) FROM item WHERE open_minor > 0 ORDER BY external_id")
            .await
    }
}

/// How one operation is landed.
#[derive(Clone, Copy)]
struct Reading {
    connection: &'static str,
    operation: &'static str,
    is_snapshot: bool,
    second: i64,
    vanish_percent_max: u64,
    batch: usize,
}

impl Reading {
    const fn snapshot(second: i64) -> Self {
        Self {
            connection: ERP,
            operation: "invoices",
            is_snapshot: true,
            second,
            vanish_percent_max: 20,
            batch: 7,
        }
    }

    const fn changes(second: i64) -> Self {
        Self { is_snapshot: false, ..Self::snapshot(second) }
    }

    async fn land(self, tx: &mut Tx<'_>, items: &[Item]) -> Result<(Landed, Vec<(u64, u64)>), Error> {
        let mut landing =
            ItemLanding::begin(tx, self.connection, self.operation, self.is_snapshot, at(self.second))
                .await?;
        let mut duplicates = Vec::new();
        // A file has its header on line 1.
        let rows: Vec<(u64, Item)> = (2..).zip(items.iter().cloned()).collect();
        for batch in rows.chunks(self.batch) {
            let batch = batch.iter().map(|(line, item)| (*line, ItemRow::new(item.clone()))).collect();
            let repeated = landing.write(tx, batch).await?;
            duplicates.extend(repeated.into_iter().map(|(line, _, first)| (line, first)));
        }
        Ok((landing.finish(tx, self.vanish_percent_max).await?, duplicates))
    }
}

/// An instant, so many seconds into the test.
fn at(second: i64) -> Instant {
    Instant::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

/// An invoice in euros, open as given, of a total of 100 000 cents at least.
fn invoice(id: &str, account: &str, open_minor: i64) -> Item {
    Item {
        external_id: id.to_owned(),
        number: format!("F-{id}"),
        kind: ItemKind::Invoice,
        account: account.to_owned(),
        currency: Currency::EUR,
        total_minor: open_minor.max(100_000),
        open_minor,
        tax_minor: None,
        issued: day("2026-03-01"),
        due: day("2026-04-30"),
        due_estimated: false,
        disputed: false,
        reference: None,
    }
}

/// `count` invoices `I000`, `I001`, … of 1 000 cents and more, on the accounts `C0` to `C4`.
fn invoices(count: usize) -> Vec<Item> {
    (0..count).map(|n| invoice(&format!("I{n:03}"), &format!("C{}", n % 5), 1_000 + n as i64)).collect()
}

fn account(external_id: &str, name: &str, siren: Option<&str>) -> Account {
    Account {
        external_id: external_id.to_owned(),
        code: external_id.to_owned(),
        name: name.to_owned(),
        country: "FR".to_owned(),
        street: None,
        postcode: None,
        town: None,
        identifiers: siren.and_then(|siren| Identifier::new(Scheme::Siren, siren)).into_iter().collect(),
        insurer_buyer_id: None,
        limit_minor: None,
        limit_currency: None,
        terms_days: None,
        blocked: false,
    }
}

/// Two SIRENs with a sound check digit that are nobody's.
const SIREN_1: &str = "000000018";
const SIREN_2: &str = "000000026";
