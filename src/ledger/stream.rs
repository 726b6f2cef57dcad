//! The open items of all buyers, handed out in the order of buyers.
//!
//! PostgreSQL sends them by `COPY … BINARY`, which costs a third of fetching rows, and unsorted: the program puts a part of
//! the buyers in order by itself, packed, in a tenth of the time that a server takes to sort whole rows. SQLite, and a few
//! buyers of either, go by a query. Both hand out the same rows.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::Error;
use super::db::{Tx, marks, on, row};
use crate::model::{Currency, Date, ItemKind, net_minor};

/// Buyers of one query.
const BUYERS_MAX: usize = 400;

/// So many items are put in order at once, 48 bytes each and its texts: a larger ledger is read in parts of its buyers.
const PART_ITEMS: usize = 400_000;

/// An open item, as settling reads it.
#[derive(Debug)]
pub struct OpenItemRow {
    /// The connection it came through.
    pub connection: Arc<str>,
    /// External id.
    pub external_id: String,
    /// Number.
    pub number: String,
    /// Kind.
    pub kind: ItemKind,
    /// Currency of the amounts.
    pub currency: Currency,
    /// Open amount, minor units.
    pub open_minor: i64,
    /// What of it is not tax, minor units; none where the document carries no tax figure.
    pub net_minor: Option<i64>,
    /// Date of the document.
    pub issued: Date,
    /// The first due date it had.
    pub original_due: Date,
    /// Disputed.
    pub disputed: bool,
}

row! {
    struct QueriedRow {
        buyer_id: String,
        connection: String,
        external_id: String,
        number: String,
        kind: String,
        currency: String,
        total_minor: i64,
        open_minor: i64,
        tax_minor: i64,
        issued: Date,
        original_due: Date,
        disputed: bool,
    }
}

/// A tax that nobody stated comes as −1, since COPY reads no null here.
const COLUMNS: &str = "a.buyer_id, i.connection, i.external_id, i.number, i.kind, i.currency, i.total_minor, i.open_minor, \
                       COALESCE(i.tax_minor, -1) AS tax_minor, i.issued, i.original_due, i.disputed";
const OF_ACCOUNT: &str =
    "JOIN item i ON i.connection = a.connection AND i.account = a.external_id AND i.open_minor > 0";

impl Tx<'_> {
    /// Reads the open items of buyers in the order of their ids, handing each to `each` with its buyer. `None` reads all
    /// buyers.
    ///
    /// # Errors
    /// [`Error::Database`], and what `each` says.
    pub async fn open_items(
        &mut self,
        company: &str,
        buyers: Option<&BTreeSet<String>>,
        each: impl FnMut(&str, OpenItemRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.open_items_in_parts(company, buyers, PART_ITEMS, each).await
    }

    /// The same, putting not many more than `part_items` in order at once where the database does not.
    ///
    /// # Errors
    /// As [`Self::open_items`].
    pub async fn open_items_in_parts(
        &mut self,
        company: &str,
        buyers: Option<&BTreeSet<String>>,
        part_items: usize,
        mut each: impl FnMut(&str, OpenItemRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let connections = self.connections().await?;
        let own: Vec<String> =
            connections.into_iter().filter(|row| row.company == company).map(|row| row.id).collect();
        if own.is_empty() {
            return Ok(());
        }
        match (self, buyers) {
            (Tx::Postgres(transaction), None) => copy_out(transaction, &own, part_items, &mut each).await,
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
        each: &mut impl FnMut(&str, OpenItemRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut sql = format!(
            "SELECT {COLUMNS} FROM account a {OF_ACCOUNT} WHERE a.connection IN ({})",
            marks(1, connections.len())
        );
        if !buyers.is_empty() {
            sql.push_str(&format!(" AND a.buyer_id IN ({})", marks(1 + connections.len(), buyers.len())));
        }
        sql.push_str(" ORDER BY a.buyer_id");
        let known: Vec<Arc<str>> = connections.iter().map(|id| Arc::from(id.as_str())).collect();
        on!(self, c => {
            let mut query = sqlx::query_as::<_, QueriedRow>(AssertSqlSafe(sql));
            for connection in connections {
                query = query.bind(connection);
            }
            for buyer in buyers {
                query = query.bind(*buyer);
            }
            let mut rows = query.fetch(c);
            while let Some(row) = rows.try_next().await? {
                let item = OpenItemRow {
                    kind: kind(&row.kind)?,
                    currency: currency(&row.currency)?,
                    connection: known
                        .iter()
                        .find(|id| ***id == *row.connection)
                        .map_or_else(|| Arc::from(row.connection.as_str()), Arc::clone),
                    external_id: row.external_id,
                    number: row.number,
                    open_minor: row.open_minor,
                    net_minor: net_minor(row.open_minor, row.total_minor, Some(row.tax_minor)),
                    issued: row.issued,
                    original_due: row.original_due,
                    disputed: row.disputed,
                };
                each(&row.buyer_id, item)?;
            }
        });
        Ok(())
    }
}

async fn copy_out(
    connection: &mut PgConnection,
    connections: &[String],
    part_items: usize,
    each: &mut impl FnMut(&str, OpenItemRow) -> Result<(), Error>,
) -> Result<(), Error> {
    let own = connections.iter().map(|id| quoted(id)).collect::<Vec<_>>().join(", ");
    let count = format!("SELECT COUNT(*) FROM item WHERE open_minor > 0 AND connection IN ({own})");
    let (count,): (i64,) = sqlx::query_as(AssertSqlSafe(count)).fetch_one(&mut *connection).await?;
    let parts = usize::try_from(count).unwrap_or(usize::MAX).div_ceil(part_items.max(1)).max(1);
    let mut packed = Packed { items: Vec::with_capacity(PART_ITEMS.min(part_items)), ..Packed::default() };
    for buyers in ranges(connection, &own, parts).await? {
        let select = format!(
            "SELECT {COLUMNS} FROM account a {OF_ACCOUNT} AND i.connection IN ({own}) \
             WHERE a.connection IN ({own}){buyers}"
        );
        copied(connection, &select, |fields| packed.push(fields)).await?;
        packed.hand_out(each)?;
    }
    Ok(())
}

/// Conditions that split the buyers into so many parts, in their order.
async fn ranges(connection: &mut PgConnection, own: &str, parts: usize) -> Result<Vec<String>, Error> {
    if parts == 1 {
        return Ok(vec![String::new()]);
    }
    let select =
        format!("SELECT DISTINCT buyer_id FROM account WHERE connection IN ({own}) ORDER BY buyer_id");
    let ids: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(select)).fetch_all(&mut *connection).await?;
    let parts: Vec<_> = ids.chunks(ids.len().div_ceil(parts).max(1)).collect();
    let range = |part: &&[(String,)]| {
        let (first, last) = (part.first()?, part.last()?);
        Some(format!(" AND a.buyer_id BETWEEN {} AND {}", quoted(&first.0), quoted(&last.0)))
    };
    Ok(parts.iter().filter_map(range).collect())
}

/// Open items of many buyers as they come, without a piece of memory for each text.
#[derive(Default)]
struct Packed {
    /// The buyers, each once; an item names its buyer by the place here.
    buyers: Vec<String>,
    places: HashMap<String, u32>,
    texts: String,
    items: Vec<PackedItem>,
    /// The connections, each once.
    connections: Vec<Arc<str>>,
}

/// The texts of an item stand one after the other: external id, then number unless it is the same.
struct PackedItem {
    open_minor: i64,
    /// Below zero where it is not known.
    net_minor: i64,
    buyer: u32,
    text: u32,
    external_id: u32,
    number: u32,
    connection: u16,
    /// The number is the external id.
    is_same: bool,
    issued: Date,
    original_due: Date,
    kind: ItemKind,
    currency: Currency,
    disputed: bool,
}

impl Packed {
    fn push(&mut self, fields: [&[u8]; 12]) -> Result<(), Error> {
        let wrong = || Error::unreadable("COPY stream", "a number or a date of another length");
        let [
            buyer_id,
            connection,
            external_id,
            number,
            kind_word,
            currency_code,
            total,
            open,
            tax,
            dates @ ..,
            disputed,
        ] = fields;
        let [issued, original_due] = dates;
        let (buyer_id, external_id, number) = (text(buyer_id)?, text(external_id)?, text(number)?);
        let buyer = match self.places.get(buyer_id) {
            Some(place) => *place,
            None => {
                let place = length(self.buyers.len())?;
                self.buyers.push(buyer_id.to_owned());
                self.places.insert(buyer_id.to_owned(), place);
                place
            }
        };
        let is_same = number == external_id;
        let connection = self.connection(text(connection)?)?;
        let open_minor = integer(open).ok_or_else(wrong)?;
        let (total, tax) = (integer(total).ok_or_else(wrong)?, integer(tax).ok_or_else(wrong)?);
        self.items.push(PackedItem {
            buyer,
            text: length(self.texts.len())?,
            external_id: length(external_id.len())?,
            number: length(number.len())?,
            is_same,
            connection,
            open_minor,
            net_minor: net_minor(open_minor, total, Some(tax)).unwrap_or(-1),
            issued: date(issued).ok_or_else(wrong)?,
            original_due: date(original_due).ok_or_else(wrong)?,
            kind: kind(text(kind_word)?)?,
            currency: currency(text(currency_code)?)?,
            disputed: disputed == [1],
        });
        self.texts.push_str(external_id);
        if !is_same {
            self.texts.push_str(number);
        }
        Ok(())
    }

    /// The place of a connection.
    fn connection(&mut self, id: &str) -> Result<u16, Error> {
        let place = self.connections.iter().position(|known| **known == *id).unwrap_or_else(|| {
            self.connections.push(Arc::from(id));
            self.connections.len() - 1
        });
        u16::try_from(place).map_err(|_| Error::unreadable("COPY stream", "more than 65536 connections"))
    }

    /// Hands out what there is, in order, and is empty again; its memory serves the next part.
    fn hand_out(
        &mut self,
        each: &mut impl FnMut(&str, OpenItemRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut order: Vec<u32> = (0..length(self.buyers.len())?).collect();
        let name = |place: u32| self.buyers.get(place as usize).map(String::as_str).unwrap_or_default();
        order.sort_unstable_by_key(|place| name(*place));
        let mut rank = vec![0_u32; order.len()];
        for (at, place) in (0..).zip(&order) {
            if let Some(rank) = rank.get_mut(*place as usize) {
                *rank = at;
            }
        }
        self.items.sort_unstable_by_key(|item| rank.get(item.buyer as usize).copied());
        for item in &self.items {
            let from = item.text as usize;
            let middle = from + item.external_id as usize;
            let number_from = if item.is_same { from } else { middle };
            let part = |range: std::ops::Range<usize>| self.texts.get(range).unwrap_or_default().to_owned();
            let connection = self.connections.get(usize::from(item.connection));
            let nowhere = || Error::unreadable("open item", "its connection was not kept");
            let row = OpenItemRow {
                connection: Arc::clone(connection.ok_or_else(nowhere)?),
                external_id: part(from..middle),
                number: part(number_from..number_from + item.number as usize),
                kind: item.kind,
                currency: item.currency,
                open_minor: item.open_minor,
                net_minor: Some(item.net_minor).filter(|net| *net >= 0),
                issued: item.issued,
                original_due: item.original_due,
                disputed: item.disputed,
            };
            each(name(item.buyer), row)?;
        }
        self.items.clear();
        self.texts.clear();
        self.places.clear();
        self.buyers.clear();
        Ok(())
    }
}

/// A length or a place in 32 bits.
fn length(length: usize) -> Result<u32, Error> {
    u32::try_from(length).map_err(|_| Error::unreadable("COPY stream", "more than 32 bits count"))
}

/// A text within a statement that takes no parameters, as COPY does not.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Reads what a statement selects, by `COPY … BINARY`, handing the fields of each row to `each`. None of them may be null.
pub(super) async fn copied<const N: usize>(
    connection: &mut PgConnection,
    select: &str,
    mut each: impl FnMut([&[u8]; N]) -> Result<(), Error>,
) -> Result<(), Error> {
    let sql = format!("COPY ({select}) TO STDOUT (FORMAT BINARY)");
    let mut chunks = connection.copy_out_raw(&sql).await?;
    let mut decoder = Decoder::default();
    while let Some(chunk) = chunks.try_next().await? {
        decoder.feed(&chunk);
        while let Some(fields) = decoder.row()? {
            each(fields)?;
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

    /// The fields of the next whole row, if it has arrived.
    fn row<const N: usize>(&mut self) -> Result<Option<[&[u8]; N]>, Error> {
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
        let mut values: [&[u8]; N] = [&[]; N];
        if usize::from(count.unsigned_abs()) != N {
            return Err(wrong());
        }
        for value in &mut values {
            let Some(length) = fields.take::<4>().map(i32::from_be_bytes) else { return Ok(None) };
            let Some(bytes) = usize::try_from(length).ok().and_then(|length| fields.slice(length)) else {
                return if length < 0 { Err(wrong()) } else { Ok(None) };
            };
            *value = bytes;
        }
        self.at += fields.used;
        Ok(Some(values))
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

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::unreadable("text", "not UTF-8"))
}

fn kind(word: &str) -> Result<ItemKind, Error> {
    ItemKind::parse(word).ok_or_else(|| Error::unreadable("kind", word))
}

fn currency(code: &str) -> Result<Currency, Error> {
    Currency::parse(code).ok_or_else(|| Error::unreadable("currency", code))
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

    fn stream(buyers: &[&str]) -> Vec<u8> {
        let numbers: Vec<String> = (0..buyers.len()).map(|n| format!("F{n}")).collect();
        let rows: Vec<_> =
            buyers.iter().zip(&numbers).map(|(buyer, number)| (*buyer, "1", number.as_str())).collect();
        stream_of(&rows)
    }

    fn stream_of(rows: &[(&str, &str, &str)]) -> Vec<u8> {
        let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        for (buyer, external_id, number) in rows {
            out.extend_from_slice(&12_i16.to_be_bytes());
            let day = 9_500_i32.to_be_bytes();
            let (total, open, tax) =
                (6_000_i64.to_be_bytes(), 1_000_i64.to_be_bytes(), 1_200_i64.to_be_bytes());
            let fields: [&[u8]; 12] = [
                buyer.as_bytes(),
                b"erp",
                external_id.as_bytes(),
                number.as_bytes(),
                b"invoice",
                b"EUR",
                &total,
                &open,
                &tax,
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
        let bytes = stream(&["siren:1", "siren:1", "siren:1"]);
        for size in [1, 7, 64, bytes.len()] {
            let (mut decoder, mut packed) = (Decoder::default(), Packed::default());
            for chunk in bytes.chunks(size) {
                decoder.feed(chunk);
                while let Some(fields) = decoder.row().unwrap() {
                    packed.push(fields).unwrap();
                }
            }
            let mut numbers = Vec::new();
            packed
                .hand_out(&mut |buyer, item| {
                    assert_eq!(
                        (buyer, item.external_id.as_str(), item.issued.to_string().as_str(), item.open_minor),
                        ("siren:1", "1", "2026-01-04", 1_000)
                    );
                    assert!(item.disputed);
                    assert_eq!(
                        (&*item.connection, item.net_minor),
                        ("erp", Some(800)),
                        "a sixth of it is tax"
                    );
                    numbers.push(item.number);
                    Ok(())
                })
                .unwrap();
            numbers.sort();
            assert_eq!(
                (numbers.join(" ").as_str(), decoder.ended),
                ("F0 F1 F2", true),
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn buyers_come_in_the_order_of_their_ids_and_each_with_its_own_items() {
        let (mut decoder, mut packed) = (Decoder::default(), Packed::default());
        decoder.feed(&stream(&["siren:2", "account:erp/9", "siren:10", "siren:2", "account:erp/9"]));
        while let Some(fields) = decoder.row().unwrap() {
            packed.push(fields).unwrap();
        }
        let mut seen: Vec<(String, Vec<String>)> = Vec::new();
        packed
            .hand_out(&mut |buyer, item| {
                match seen.last_mut().filter(|(last, _)| last == buyer) {
                    Some((_, numbers)) => numbers.push(item.number),
                    None => seen.push((buyer.to_owned(), vec![item.number])),
                }
                Ok(())
            })
            .unwrap();
        for (_, numbers) in &mut seen {
            numbers.sort();
        }
        let seen: Vec<_> = seen.iter().map(|(buyer, numbers)| (buyer.as_str(), numbers.join(" "))).collect();
        assert_eq!(
            seen,
            [
                ("account:erp/9", "F1 F4".to_owned()),
                ("siren:10", "F2".to_owned()),
                ("siren:2", "F0 F3".to_owned())
            ]
        );
    }

    #[test]
    fn a_number_that_is_the_external_id_is_kept_once_and_comes_out_as_both() {
        let rows = [("siren:1", "F9", "F9"), ("siren:1", "77", "F10"), ("siren:1", "F11", "F11")];
        let (mut decoder, mut packed) = (Decoder::default(), Packed::default());
        decoder.feed(&stream_of(&rows));
        while let Some(fields) = decoder.row().unwrap() {
            packed.push(fields).unwrap();
        }
        assert_eq!(packed.texts, "F977F10F11");
        let mut seen = Vec::new();
        packed
            .hand_out(&mut |_, item| {
                seen.push((item.external_id, item.number));
                Ok(())
            })
            .unwrap();
        seen.sort();
        let seen: Vec<_> = seen.iter().map(|(id, number)| (id.as_str(), number.as_str())).collect();
        assert_eq!(seen, [("77", "F10"), ("F11", "F11"), ("F9", "F9")]);
    }

    #[test]
    fn a_stream_that_breaks_off_is_not_whole() {
        let bytes = stream(&["siren:1", "siren:1"]);
        let mut decoder = Decoder::default();
        decoder.feed(&bytes[..bytes.len() - 2]);
        while decoder.row::<12>().unwrap().is_some() {}
        assert!(!decoder.ended);
    }
}
