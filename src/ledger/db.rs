//! The thin dispatch between SQLite and PostgreSQL: one SQL text, two drivers.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, PgConnection, Postgres, SqlSafeStr as _, Sqlite, Transaction};

use super::Error;

/// The store of a ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) pool: Pool,
    name: String,
}

#[derive(Debug, Clone)]
pub(super) enum Pool {
    Postgres(PgPool),
    /// One connection that writes, and some that only read: they see the last commit while a run goes on.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
    },
}

/// A transaction, or a savepoint within one. Dropped without [`Tx::commit`], it leaves no trace.
#[derive(Debug)]
pub enum Tx<'c> {
    /// PostgreSQL.
    Postgres(Transaction<'c, Postgres>),
    /// SQLite.
    Sqlite(Transaction<'c, Sqlite>),
}

/// Runs the same expression with the connection of either driver.
macro_rules! on {
    ($tx:expr, $conn:ident => $body:expr ;) => {
        on!($tx, $conn => { $body; })
    };
    ($tx:expr, $conn:ident => $body:expr) => {
        match $tx {
            $crate::ledger::Tx::Postgres(transaction) => {
                let $conn = &mut **transaction;
                $body
            }
            $crate::ledger::Tx::Sqlite(transaction) => {
                let $conn = &mut **transaction;
                $body
            }
        }
    };
}
pub(super) use on;

/// Defines a row as a struct that either driver can fill, by column name.
macro_rules! row {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$fmeta:meta])* $fvis:vis $field:ident : $type:ty),+ $(,)? }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$fmeta])* $fvis $field: $type),+ }
        row!(@impl sqlx::postgres::PgRow, $name { $($field),+ });
        row!(@impl sqlx::sqlite::SqliteRow, $name { $($field),+ });
    };
    (@impl $row:ty, $name:ident { $($field:ident),+ }) => {
        impl<'r> sqlx::FromRow<'r, $row> for $name {
            fn from_row(row: &'r $row) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?),+ })
            }
        }
    };
}
pub(super) use row;

/// The values of a statement that has no others: `rows` rows of `columns` columns, bound in their order.
///
/// SQLite finds the number of a numbered mark by looking through all of them, once for each: 400 rows of 18 columns take
/// longer to bind than to write. Its marks without a number need no looking.
pub(super) fn values(tx: &Tx<'_>, rows: usize, columns: usize) -> String {
    match tx {
        Tx::Postgres(_) => placeholders_from(1, rows, columns),
        Tx::Sqlite(_) => {
            let row = format!("({})", vec!["?"; columns].join(", "));
            vec![row.as_str(); rows].join(", ")
        }
    }
}

/// `($3, $4), ($5, $6)` for two rows of two columns, counted from 3.
pub(super) fn placeholders_from(first: usize, rows: usize, columns: usize) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(rows * columns * 6);
    let mut number = first;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let _ = write!(text, "{}${number}", if column == 0 { "" } else { ", " }); // writing to a String cannot fail
            number += 1;
        }
        text.push(')');
    }
    text
}

/// `$2, $3, $4` for three values from the second on.
pub(super) fn marks(first: usize, count: usize) -> String {
    let marks: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    marks.join(", ")
}

type Files = &'static [(i64, &'static str, &'static str)];

async fn migrate<C: Migrate>(files: Files, connection: &mut C) -> Result<(), sqlx::Error> {
    let migrations = files.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    // `run` gives a future that cannot be spawned (rust-lang/rust#100013).
    Ok(Migrator::with_migrations(migrations.collect()).run_direct(None, connection, false).await?)
}

const POSTGRES: Files = &[
    (1, "ledger", include_str!("../../migrations/postgres/0001_ledger.sql")),
    (2, "effects", include_str!("../../migrations/postgres/0002_effects.sql")),
    (3, "buyer_links", include_str!("../../migrations/postgres/0003_buyer_links.sql")),
    (4, "statements", include_str!("../../migrations/postgres/0004_statements.sql")),
    (5, "lookup_asks", include_str!("../../migrations/postgres/0005_lookup_asks.sql")),
    (6, "cover_stop", include_str!("../../migrations/postgres/0006_cover_stop.sql")),
    (7, "deadline_proof", include_str!("../../migrations/postgres/0007_deadline_proof.sql")),
    (8, "stop_cause", include_str!("../../migrations/postgres/0008_stop_cause.sql")),
    (9, "net_of_tax", include_str!("../../migrations/postgres/0009_net_of_tax.sql")),
    (10, "sales_order", include_str!("../../migrations/postgres/0010_sales_order.sql")),
    (11, "account_policy_history", include_str!("../../migrations/postgres/0011_account_policy_history.sql")),
    (12, "deadline_file", include_str!("../../migrations/postgres/0012_deadline_file.sql")),
    (13, "assignment", include_str!("../../migrations/postgres/0013_assignment.sql")),
    (14, "factor_line", include_str!("../../migrations/postgres/0014_factor_line.sql")),
    (15, "invoice_status", include_str!("../../migrations/postgres/0015_invoice_status.sql")),
    (16, "direct_payment", include_str!("../../migrations/postgres/0016_direct_payment.sql")),
    (17, "delivery_doubt", include_str!("../../migrations/postgres/0017_delivery_doubt.sql")),
    (18, "answers", include_str!("../../migrations/postgres/0018_answers.sql")),
    (19, "subrogation", include_str!("../../migrations/postgres/0019_subrogation.sql")),
    (20, "reassignment", include_str!("../../migrations/postgres/0020_reassignment.sql")),
    (21, "sealed_file", include_str!("../../migrations/postgres/0021_sealed_file.sql")),
    (22, "documents", include_str!("../../migrations/postgres/0022_documents.sql")),
];
const SQLITE: Files = &[
    (1, "ledger", include_str!("../../migrations/sqlite/0001_ledger.sql")),
    (2, "effects", include_str!("../../migrations/sqlite/0002_effects.sql")),
    (3, "buyer_links", include_str!("../../migrations/sqlite/0003_buyer_links.sql")),
    (4, "statements", include_str!("../../migrations/sqlite/0004_statements.sql")),
    (5, "lookup_asks", include_str!("../../migrations/sqlite/0005_lookup_asks.sql")),
    (6, "cover_stop", include_str!("../../migrations/sqlite/0006_cover_stop.sql")),
    (7, "deadline_proof", include_str!("../../migrations/sqlite/0007_deadline_proof.sql")),
    (8, "stop_cause", include_str!("../../migrations/sqlite/0008_stop_cause.sql")),
    (9, "net_of_tax", include_str!("../../migrations/sqlite/0009_net_of_tax.sql")),
    (10, "sales_order", include_str!("../../migrations/sqlite/0010_sales_order.sql")),
    (11, "account_policy_history", include_str!("../../migrations/sqlite/0011_account_policy_history.sql")),
    (12, "deadline_file", include_str!("../../migrations/sqlite/0012_deadline_file.sql")),
    (13, "assignment", include_str!("../../migrations/sqlite/0013_assignment.sql")),
    (14, "factor_line", include_str!("../../migrations/sqlite/0014_factor_line.sql")),
    (15, "invoice_status", include_str!("../../migrations/sqlite/0015_invoice_status.sql")),
    (16, "direct_payment", include_str!("../../migrations/sqlite/0016_direct_payment.sql")),
    (17, "delivery_doubt", include_str!("../../migrations/sqlite/0017_delivery_doubt.sql")),
    (18, "answers", include_str!("../../migrations/sqlite/0018_answers.sql")),
    (19, "subrogation", include_str!("../../migrations/sqlite/0019_subrogation.sql")),
    (20, "reassignment", include_str!("../../migrations/sqlite/0020_reassignment.sql")),
    (21, "sealed_file", include_str!("../../migrations/sqlite/0021_sealed_file.sql")),
    (22, "documents", include_str!("../../migrations/sqlite/0022_documents.sql")),
];

impl Ledger {
    /// Opens the ledger at a URL (`sqlite:path`, `postgres://…`) and brings its schema up to date.
    ///
    /// # Errors
    /// [`Error::Url`] for another scheme; [`Error::Open`] when the database cannot be reached or migrated.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
        let open = |error: sqlx::Error| Error::Open { ledger: redact(url), error };
        match scheme {
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(url).map_err(open)?.application_name("encours");
                // Alone, not from the pool: a pool tries again until its time is up, and then says only that.
                let mut connection = PgConnection::connect_with(&options).await.map_err(open)?;
                migrate(POSTGRES, &mut connection).await.map_err(open)?;
                connection.close().await.map_err(open)?;
                let pool = PgPoolOptions::new()
                    .max_connections(8)
                    .acquire_timeout(Duration::from_secs(10))
                    .connect_lazy_with(options);
                Ok(Self { pool: Pool::Postgres(pool), name: redact(url) })
            }
            "sqlite" => {
                let options = SqliteConnectOptions::from_str(url).map_err(open)?;
                Ok(Self { pool: open_sqlite(url, options).await.map_err(open)?, name: redact(url) })
            }
            other => Err(Error::Url(other.to_owned())),
        }
    }

    /// The URL without its password.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Begins a transaction that may write. SQLite has one at a time: another one waits.
    ///
    /// # Errors
    /// [`Error::Busy`] when another process writes for longer than one waits; [`Error::Database`].
    pub async fn begin(&self) -> Result<Tx<'static>, Error> {
        Ok(match &self.pool {
            Pool::Postgres(pool) => Tx::Postgres(pool.begin().await?),
            Pool::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
        })
    }

    /// Begins a transaction that only reads. It sees one state of the ledger throughout, and waits for no run.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn read(&self) -> Result<Tx<'static>, Error> {
        Ok(match &self.pool {
            Pool::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?)
            }
            Pool::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
        })
    }

    /// Closes the connections.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Postgres(pool) => pool.close().await,
            Pool::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}

/// How long one waits for another process that writes to the same SQLite file.
const WAIT: Duration = Duration::from_secs(10);
/// How long one waits for another task of this process that writes; it ends.
const ACQUIRE: Duration = Duration::from_secs(600);

async fn open_sqlite(url: &str, options: SqliteConnectOptions) -> Result<Pool, sqlx::Error> {
    let options = options
        .create_if_missing(true)
        // Power may fail right after a delta was confirmed: what it tells must be on the disk by then.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", "-65536")
        .busy_timeout(WAIT);
    let write = options.clone().journal_mode(SqliteJournalMode::Wal);
    // One connection writes: SQLite has one writer, and a second one would only meet "database is locked". No age ends it,
    // since a ledger in memory lives no longer than its connection.
    let write_pool = || {
        SqlitePoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(ACQUIRE)
            .connect_with(write.clone())
    };
    // The change to WAL needs the file alone and does not wait by itself: two processes may meet on a new file.
    let mut attempts = 0_u8;
    let write_pool = loop {
        match write_pool().await {
            Err(error) if is_busy(&error) && attempts < 100 => attempts += 1,
            done => break done?,
        }
        tokio::time::sleep(WAIT / 100).await;
    };
    let mut connection = write_pool.acquire().await?;
    let applied = connection.list_applied_migrations("_sqlx_migrations").await.unwrap_or_default();
    if applied.len() == SQLITE.len() {
        // Nothing to write: a ledger that another process is writing to opens all the same.
        migrate(SQLITE, &mut *connection).await?;
    } else {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        migrate(SQLITE, &mut *tx).await?;
        tx.commit().await?;
    }
    drop(connection);
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let read = if in_memory {
        write_pool.clone()
    } else {
        SqlitePoolOptions::new().max_connections(4).connect_lazy_with(options.pragma("query_only", "ON"))
    };
    Ok(Pool::Sqlite { write: write_pool, read })
}

/// Whether SQLite says that another connection holds the file.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    // SQLITE_BUSY is the low byte; the extended codes say what was waited for.
    let code = |error: &dyn sqlx::error::DatabaseError| {
        error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
        error.code()?.parse::<u32>().ok()
    };
    error.as_database_error().and_then(code).is_some_and(|code| code & 0xff == 5)
}

impl Tx<'_> {
    /// Begins a savepoint: what is done in it is undone alone when it is dropped.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn savepoint(&mut self) -> Result<Tx<'_>, Error> {
        use sqlx::Acquire as _;
        Ok(match self {
            Self::Postgres(transaction) => Tx::Postgres(transaction.begin().await?),
            Self::Sqlite(transaction) => Tx::Sqlite(transaction.begin().await?),
        })
    }

    /// Makes everything of the transaction true at once.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Postgres(transaction) => transaction.commit().await?,
            Self::Sqlite(transaction) => transaction.commit().await?,
        }
        Ok(())
    }

    /// Undoes everything of the transaction now, rather than when the connection is next used.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn rollback(self) -> Result<(), Error> {
        match self {
            Self::Postgres(transaction) => transaction.rollback().await?,
            Self::Sqlite(transaction) => transaction.rollback().await?,
        }
        Ok(())
    }
}

/// A URL without the password in it.
fn redact(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
        return url.to_owned();
    };
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let rest = match rest.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:***@{host}"),
            None => format!("{user}@{host}"),
        },
        None => rest.to_owned(),
    };
    let Some(query) = query else { return format!("{scheme}://{rest}") };
    let query: Vec<&str> = query
        .split('&')
        .map(|pair| if pair.starts_with("password=") { "password=***" } else { pair })
        .collect();
    format!("{scheme}://{rest}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_print() {
        assert_eq!(redact("postgres://u:p@ss@h/db"), "postgres://u:***@h/db");
        assert_eq!(redact("postgres://u@h/db"), "postgres://u@h/db");
        assert_eq!(
            redact("postgres:///db?user=u&password=p&host=/tmp"),
            "postgres:///db?user=u&password=***&host=/tmp"
        );
        assert_eq!(redact("sqlite:///home/me@work/encours.db"), "sqlite:///home/me@work/encours.db");
        assert_eq!(redact("sqlite:encours.db"), "sqlite:encours.db");
    }

    #[test]
    fn placeholders_count_up() {
        assert_eq!(placeholders_from(3, 2, 2), "($3, $4), ($5, $6)");
        assert_eq!(marks(2, 3), "$2, $3, $4");
    }
}
