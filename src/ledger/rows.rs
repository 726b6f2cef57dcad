//! Many rows written at once, described column by column, in the form that each database takes fastest.
//!
//! PostgreSQL gets one array a column, so that a statement has as many parameters as columns, is planned once, and may be as
//! long as memory allows. SQLite gets a list of values, in pieces that stay below the number of its parameters.

use sqlx::postgres::{PgArguments, PgHasArrayType};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Postgres, Sqlite, Type, TypeInfo as _};

use super::Error;
use super::db::Tx;

/// Rows of one statement of PostgreSQL.
const POSTGRES_ROWS: usize = 4_000;
/// Parameters of one statement of SQLite, which takes 32 766 at most and reads short statements faster.
const SQLITE_PARAMETERS: usize = 8_000;

/// Rows to write, and the value of each of their columns.
pub(super) struct Rows<'a, T> {
    rows: &'a [T],
    columns: Vec<(&'static str, Box<dyn Column<'a, T> + Send + 'a>)>,
}

/// What happens when a row is there already.
#[derive(Debug, Clone, Copy)]
pub(super) enum Existing<'a> {
    /// It is an error.
    Refused,
    /// It stays as it is.
    Stays { key: &'a str },
    /// It takes the new values, all but the key and what is to stay.
    Replaced { key: &'a str, but: &'a [&'a str] },
    /// It takes the new values where one of these columns differs.
    ReplacedIfOther { key: &'a str, columns: &'a [&'a str] },
}

/// One column, for either driver.
trait Column<'a, T> {
    /// Adds the values of rows as one array; returns its type.
    fn array(&self, rows: &'a [T], to: &mut PgArguments) -> Result<String, Error>;
    /// Adds the value of one row.
    fn value(&self, row: &'a T, to: &mut SqliteArguments) -> Result<(), Error>;
}

impl<'a, T: 'a, V, F> Column<'a, T> for F
where
    F: Fn(&'a T) -> V,
    V: Encode<'a, Postgres> + PgHasArrayType + Encode<'a, Sqlite> + Type<Sqlite> + 'a,
    Vec<V>: Encode<'a, Postgres> + Type<Postgres>,
{
    fn array(&self, rows: &'a [T], to: &mut PgArguments) -> Result<String, Error> {
        let values: Vec<V> = rows.iter().map(self).collect();
        to.add(values).map_err(unwritable)?;
        Ok(V::array_type_info().name().to_owned())
    }

    fn value(&self, row: &'a T, to: &mut SqliteArguments) -> Result<(), Error> {
        to.add(self(row)).map_err(unwritable)
    }
}

fn unwritable(error: sqlx::error::BoxDynError) -> Error {
    Error::Database(sqlx::Error::Encode(error))
}

impl<'a, T> Rows<'a, T> {
    /// Describes rows, which have no columns yet.
    pub(super) const fn of(rows: &'a [T]) -> Self {
        Self { rows, columns: Vec::new() }
    }

    /// Adds a column.
    pub(super) fn column<V, F>(mut self, name: &'static str, value: F) -> Self
    where
        F: Fn(&'a T) -> V + Send + 'a,
        V: Encode<'a, Postgres> + PgHasArrayType + Encode<'a, Sqlite> + Type<Sqlite> + 'a,
        Vec<V>: Encode<'a, Postgres> + Type<Postgres>,
    {
        self.columns.push((name, Box::new(value)));
        self
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(name, _)| *name)
    }

    fn conflict(&self, existing: Existing<'_>) -> String {
        let update = |key: &str, but: &[&str]| {
            let keys: Vec<&str> = key.split(", ").collect();
            let set = self.names().filter(|name| !keys.contains(name) && !but.contains(name));
            let set: Vec<String> = set.map(|name| format!("{name} = excluded.{name}")).collect();
            format!(" ON CONFLICT ({key}) DO UPDATE SET {}", set.join(", "))
        };
        match existing {
            Existing::Refused => String::new(),
            Existing::Stays { key } => format!(" ON CONFLICT ({key}) DO NOTHING"),
            Existing::Replaced { key, but } => update(key, but),
            Existing::ReplacedIfOther { key, .. } => update(key, &[]),
        }
    }
}

impl Tx<'_> {
    /// Writes rows; returns how many were written or rewritten.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(super) async fn insert<'a, T: Sync>(
        &mut self,
        table: &str,
        rows: Rows<'a, T>,
        existing: Existing<'_>,
    ) -> Result<u64, Error> {
        let columns = rows.columns.len();
        let names = rows.names().collect::<Vec<_>>().join(", ");
        let mut conflict = rows.conflict(existing);
        if let Existing::ReplacedIfOther { columns, .. } = existing {
            let differs = |column: &&str| format!("{table}.{column} IS DISTINCT FROM excluded.{column}");
            let differ: Vec<String> = columns.iter().map(differs).collect();
            conflict.push_str(&format!(" WHERE {}", differ.join(" OR ")));
        }
        let mut written = 0;
        match self {
            Self::Postgres(transaction) => {
                for chunk in rows.rows.chunks(POSTGRES_ROWS) {
                    let mut arguments = PgArguments::default();
                    let mut arrays = Vec::with_capacity(columns);
                    for (place, (_, column)) in rows.columns.iter().enumerate() {
                        arrays.push(format!("${}::{}", place + 1, column.array(chunk, &mut arguments)?));
                    }
                    let arrays = arrays.join(", ");
                    let sql =
                        format!("INSERT INTO {table} ({names}) SELECT * FROM UNNEST({arrays}){conflict}");
                    let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                    written += query.execute(&mut **transaction).await?.rows_affected();
                }
            }
            Self::Sqlite(transaction) => {
                let mark = format!("({})", vec!["?"; columns].join(", "));
                for chunk in rows.rows.chunks((SQLITE_PARAMETERS / columns.max(1)).max(1)) {
                    let mut arguments = SqliteArguments::default();
                    for row in chunk {
                        for (_, column) in &rows.columns {
                            column.value(row, &mut arguments)?;
                        }
                    }
                    let marks = vec![mark.as_str(); chunk.len()].join(", ");
                    let sql = format!("INSERT INTO {table} ({names}) VALUES {marks}{conflict}");
                    let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                    written += query.execute(&mut **transaction).await?.rows_affected();
                }
            }
        }
        Ok(written)
    }
}
