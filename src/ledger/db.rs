//! The thin dispatch between SQLite and PostgreSQL: one SQL text, two drivers.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Postgres, SqlSafeStr as _, Sqlite, Transaction};

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
    Sqlite(SqlitePool),
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

/// `($1, $2), ($3, $4)` for `rows` rows of `columns` columns.
pub(super) fn placeholders(rows: usize, columns: usize) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(rows * columns * 6);
    let mut number = 0;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            number += 1;
            let _ = write!(text, "{}${number}", if column == 0 { "" } else { ", " }); // writing to a String cannot fail
        }
        text.push(')');
    }
    text
}

fn migrations(files: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = files.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

const POSTGRES: &[(i64, &str, &str)] =
    &[(1, "ledger", include_str!("../../migrations/postgres/0001_ledger.sql"))];
const SQLITE: &[(i64, &str, &str)] =
    &[(1, "ledger", include_str!("../../migrations/sqlite/0001_ledger.sql"))];

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
                let pool = PgPoolOptions::new()
                    .max_connections(8)
                    .acquire_timeout(Duration::from_secs(10))
                    .connect_with(options)
                    .await
                    .map_err(open)?;
                migrations(POSTGRES).run(&pool).await.map_err(|error| open(error.into()))?;
                Ok(Self { pool: Pool::Postgres(pool), name: redact(url) })
            }
            "sqlite" => {
                let options = SqliteConnectOptions::from_str(url)
                    .map_err(open)?
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
                    .foreign_keys(true)
                    .pragma("cache_size", "-65536")
                    .busy_timeout(Duration::from_secs(10));
                // One connection: SQLite has one writer, and a second one would only meet "database is locked".
                let pool =
                    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(open)?;
                migrations(SQLITE).run(&pool).await.map_err(|error| open(error.into()))?;
                Ok(Self { pool: Pool::Sqlite(pool), name: redact(url) })
            }
            other => Err(Error::Url(other.to_owned())),
        }
    }

    /// The URL without its password.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn begin(&self) -> Result<Tx<'static>, Error> {
        Ok(match &self.pool {
            Pool::Postgres(pool) => Tx::Postgres(pool.begin().await?),
            Pool::Sqlite(pool) => Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
        })
    }

    /// Closes the connections.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Postgres(pool) => pool.close().await,
            Pool::Sqlite(pool) => pool.close().await,
        }
    }
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
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => format!("{scheme}://{}:***@{host}", user.split(':').next().unwrap_or_default()),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_print() {
        assert_eq!(redact("postgres://u:p@ss@h/db"), "postgres://u:***@h/db");
        assert_eq!(redact("sqlite:encours.db"), "sqlite:encours.db");
    }

    #[test]
    fn placeholders_count_up() {
        assert_eq!(placeholders(2, 2), "($1, $2), ($3, $4)");
    }
}
