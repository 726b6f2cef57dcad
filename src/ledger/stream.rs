//! The open items of all buyers, streamed in the order of buyers.
//!
//! PostgreSQL sends them by `COPY … BINARY`, which costs a third of fetching rows; SQLite, and a few buyers of either, by a
//! query. Both hand out the same rows.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::Error;
use super::db::{Tx, marks, on, row};
use crate::model::Date;

/// Buyers of one query.
const BUYERS_MAX: usize = 400;

row! {
    /// An open item, as settling reads it.
    pub struct OpenItemRow {
        /// The legal buyer.
        pub buyer_id: String,
        /// External id.
        pub external_id: String,
        /// Number.
        pub number: String,
        /// Kind, as text.
        pub kind: String,
        /// Currency code.
        pub currency: String,
        /// Total, minor units.
        pub total_minor: i64,
        /// Open amount, minor units.
        pub open_minor: i64,
        /// Date of the document.
        pub issued: Date,
        /// Due date.
        pub due: Date,
        /// The first due date it had.
        pub original_due: Date,
        /// Disputed.
        pub disputed: bool,
    }
}

const SELECT: &str = "SELECT a.buyer_id, i.external_id, i.number, i.kind, i.currency, i.total_minor, i.open_minor, i.issued, \
                      i.due, i.original_due, i.disputed FROM account a JOIN item i ON i.connection = a.connection \
                      AND i.account = a.external_id AND i.open_minor > 0";

impl Tx<'_> {
    /// Reads the open items of buyers in the order of their ids, handing each to `each`. `None` reads all buyers.
    ///
    /// # Errors
    /// [`Error::Database`], and what `each` says.
    pub async fn open_items(
        &mut self,
        company: &str,
        buyers: Option<&BTreeSet<String>>,
        mut each: impl FnMut(OpenItemRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let connections = self.connections().await?;
        let own: Vec<String> =
            connections.into_iter().filter(|row| row.company == company).map(|row| row.id).collect();
        if own.is_empty() {
            return Ok(());
        }
        match (self, buyers) {
            (Tx::Postgres(transaction), None) => copy_out(transaction, &own, &mut each).await,
            (tx, None) => tx.query_items(&own, &[], &mut each).await,
            (tx, Some(buyers)) => {
                let buyers: Vec<&String> = buyers.iter().collect();
                for chunk in buyers.chunks(BUYERS_MAX) {
                    tx.query_items(&own, chunk, &mut each).await?;
                }
                Ok(())
            }
        }
    }

    async fn query_items(
        &mut self,
        connections: &[String],
        buyers: &[&String],
        each: &mut impl FnMut(OpenItemRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut sql = format!("{SELECT} WHERE a.connection IN ({})", marks(1, connections.len()));
        if !buyers.is_empty() {
            sql.push_str(&format!(" AND a.buyer_id IN ({})", marks(1 + connections.len(), buyers.len())));
        }
        sql.push_str(" ORDER BY a.buyer_id");
        on!(self, c => {
            let mut query = sqlx::query_as::<_, OpenItemRow>(AssertSqlSafe(sql));
            for connection in connections {
                query = query.bind(connection);
            }
            for buyer in buyers {
                query = query.bind(*buyer);
            }
            let mut rows = query.fetch(c);
            while let Some(row) = rows.try_next().await? {
                each(row)?;
            }
        });
        Ok(())
    }
}

async fn copy_out(
    connection: &mut PgConnection,
    connections: &[String],
    each: &mut impl FnMut(OpenItemRow) -> Result<(), Error>,
) -> Result<(), Error> {
    // COPY takes no parameters; ids of connections are letters, digits, - and _, and are quoted all the same.
    let quoted: Vec<String> = connections.iter().map(|id| format!("'{}'", id.replace('\'', "''"))).collect();
    let sql = format!(
        "COPY ({SELECT} AND i.connection IN ({0}) WHERE a.connection IN ({0}) ORDER BY a.buyer_id) TO STDOUT (FORMAT BINARY)",
        quoted.join(", ")
    );
    sqlx::query("SET LOCAL work_mem = '64MB'").execute(&mut *connection).await?;
    let mut chunks = connection.copy_out_raw(&sql).await?;
    let mut decoder = Decoder::default();
    while let Some(chunk) = chunks.try_next().await? {
        decoder.feed(&chunk);
        while let Some(row) = decoder.row()? {
            each(row)?;
        }
    }
    if decoder.ended { Ok(()) } else { Err(Error::unreadable("COPY stream", "it has no end")) }
}

/// Reads PostgreSQL's binary COPY form: a header, then per row a field count and length-prefixed fields, then −1.
#[derive(Default)]
struct Decoder {
    bytes: Vec<u8>,
    at: usize,
    begun: bool,
    ended: bool,
}

/// Signature, flags and the length of an empty header extension.
const HEADER: usize = 11 + 4 + 4;

impl Decoder {
    fn feed(&mut self, chunk: &[u8]) {
        if self.at == self.bytes.len() {
            self.bytes.clear();
        } else {
            self.bytes.drain(..self.at);
        }
        self.at = 0;
        self.bytes.extend_from_slice(chunk);
    }

    /// The next whole row, if it has arrived.
    fn row(&mut self) -> Result<Option<OpenItemRow>, Error> {
        if !self.begun {
            if self.bytes.len() < HEADER {
                return Ok(None);
            }
            self.at = HEADER;
            self.begun = true;
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut fields = Fields { bytes: rest, used: 0 };
        let Some(count) = fields.take::<2>().map(i16::from_be_bytes) else { return Ok(None) };
        if count < 0 {
            self.ended = true;
            return Ok(None);
        }
        let wrong = || Error::unreadable("COPY stream", format!("a row of {count} fields"));
        let mut values: [&[u8]; 11] = [&[]; 11];
        if usize::from(count.unsigned_abs()) != values.len() {
            return Err(wrong());
        }
        for value in &mut values {
            let Some(length) = fields.take::<4>().map(i32::from_be_bytes) else { return Ok(None) };
            let Some(bytes) = usize::try_from(length).ok().and_then(|length| fields.slice(length)) else {
                return if length < 0 { Err(wrong()) } else { Ok(None) };
            };
            *value = bytes;
        }
        let used = fields.used;
        let [buyer_id, external_id, number, kind, currency, total, open, issued, due, original_due, disputed] =
            values;
        let row = OpenItemRow {
            buyer_id: text(buyer_id)?,
            external_id: text(external_id)?,
            number: text(number)?,
            kind: text(kind)?,
            currency: text(currency)?,
            total_minor: integer(total).ok_or_else(wrong)?,
            open_minor: integer(open).ok_or_else(wrong)?,
            issued: date(issued).ok_or_else(wrong)?,
            due: date(due).ok_or_else(wrong)?,
            original_due: date(original_due).ok_or_else(wrong)?,
            disputed: disputed == [1],
        };
        self.at += used;
        Ok(Some(row))
    }
}

struct Fields<'a> {
    bytes: &'a [u8],
    used: usize,
}

impl<'a> Fields<'a> {
    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let slice = self.bytes.get(self.used..self.used + length)?;
        self.used += length;
        Some(slice)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }
}

fn text(bytes: &[u8]) -> Result<String, Error> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Error::unreadable("text", "not UTF-8"))
}

fn integer(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(bytes.try_into().ok()?))
}

/// PostgreSQL counts days from 2000-01-01.
fn date(bytes: &[u8]) -> Option<Date> {
    let days = i32::from_be_bytes(bytes.try_into().ok()?);
    Date::from_num_days_from_ce_opt(days.checked_add(730_120)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(rows: usize) -> Vec<u8> {
        let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        for n in 0..rows {
            out.extend_from_slice(&11_i16.to_be_bytes());
            let number = format!("F{n}");
            let day = 9_500_i32.to_be_bytes();
            let total = 1_000_i64.to_be_bytes();
            let fields: [&[u8]; 11] = [
                b"siren:1",
                b"1",
                number.as_bytes(),
                b"invoice",
                b"EUR",
                &total,
                &total,
                &day,
                &day,
                &day,
                &[1],
            ];
            for field in fields {
                out.extend_from_slice(&u32::try_from(field.len()).unwrap().to_be_bytes());
                out.extend_from_slice(field);
            }
        }
        out.extend_from_slice(&(-1_i16).to_be_bytes());
        out
    }

    #[test]
    fn rows_are_whole_wherever_the_stream_is_cut() {
        let bytes = stream(3);
        for size in [1, 7, 64, bytes.len()] {
            let (mut decoder, mut numbers) = (Decoder::default(), Vec::new());
            for chunk in bytes.chunks(size) {
                decoder.feed(chunk);
                while let Some(row) = decoder.row().unwrap() {
                    assert_eq!(
                        (row.issued.to_string().as_str(), row.open_minor, row.disputed),
                        ("2026-01-04", 1_000, true)
                    );
                    numbers.push(row.number);
                }
            }
            assert_eq!(
                (numbers.join(" ").as_str(), decoder.ended),
                ("F0 F1 F2", true),
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn a_stream_that_breaks_off_is_not_whole() {
        let bytes = stream(2);
        let mut decoder = Decoder::default();
        decoder.feed(&bytes[..bytes.len() - 2]);
        while decoder.row().unwrap().is_some() {}
        assert!(!decoder.ended);
    }
}
