//! Bytes of a FEC to rows of text: encoding, separator, header, and the rows that exporters break.
//!
//! Two defects are common enough to be mended, and only when one reading alone fits the dates and amounts of the row:
//! a separator inside a label, and a line break inside a label. Blank cells too many at the end are dropped, and those
//! after the amounts may be missing where the line ends properly. Anything else with the wrong number of columns refuses
//! the file, because a row that cannot be placed cannot be balanced.
//! Invariant: one row is held at a time.
//! Reference: LPF art. A47 A-1 (columns, separators, encodings).

use std::borrow::Cow;

use encoding_rs::{ISO_8859_15, WINDOWS_1252};

use super::Error;
use crate::model::{Currency, Date, MoneyError, NumberStyle, parse_minor};

/// How the bytes of a file are turned into text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark; plain ASCII is a part of it.
    Utf8,
    /// ISO 8859-15, the encoding the decree names: bytes above ASCII, none of 0x80 to 0x9F.
    Latin9,
    /// Windows-1252: at least one byte of 0x80 to 0x9F, which ISO 8859-15 has no letters for.
    Windows1252,
}

impl Encoding {
    /// The name people know it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Latin9 => "ISO-8859-15",
            Self::Windows1252 => "windows-1252",
        }
    }

    fn of(bytes: &[u8]) -> Self {
        if std::str::from_utf8(bytes).is_ok() {
            Self::Utf8
        } else if bytes.iter().any(|byte| (0x80..=0x9f).contains(byte)) {
            Self::Windows1252
        } else {
            Self::Latin9
        }
    }

    fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes), // checked by `of`: nothing is lost
            Self::Latin9 => ISO_8859_15.decode_without_bom_handling(bytes).0,
            Self::Windows1252 => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        }
    }
}

/// The names that must be in the header, besides those of the amounts.
const REQUIRED: [&str; 8] = [
    "JournalCode",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompAuxNum",
    "PieceRef",
    "PieceDate",
    "EcritureLet",
];

#[derive(Debug, Clone, Copy)]
enum Amounts {
    Sides { debit: usize, credit: usize },
    Sense { amount: usize, sense: usize },
}

/// Where each column of a file is; the order of the decree is usual but not relied on.
#[derive(Debug)]
struct Columns {
    journal: usize,
    journal_name: Option<usize>,
    entry: usize,
    date: usize,
    account: usize,
    account_name: Option<usize>,
    auxiliary: usize,
    auxiliary_name: Option<usize>,
    piece: usize,
    piece_date: usize,
    label: Option<usize>,
    amounts: Amounts,
    letter: usize,
    letter_date: Option<usize>,
    validated: Option<usize>,
    foreign_amount: Option<usize>,
    foreign_currency: Option<usize>,
    /// Columns in the header.
    count: usize,
    /// A row that has this many has everything up to its amounts.
    enough: usize,
}

/// The amounts of a row, in minor units, as the two sides of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sides {
    pub(super) debit: i64,
    pub(super) credit: i64,
}

/// One row, its cells trimmed and unquoted.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) line: u64,
    pub(super) text: &'a str,
    pub(super) journal: Cow<'a, str>,
    pub(super) journal_name: Cow<'a, str>,
    pub(super) entry: Cow<'a, str>,
    pub(super) date: Cow<'a, str>,
    pub(super) account: Cow<'a, str>,
    pub(super) account_name: Cow<'a, str>,
    pub(super) auxiliary: Cow<'a, str>,
    pub(super) auxiliary_name: Cow<'a, str>,
    pub(super) piece: Cow<'a, str>,
    pub(super) piece_date: Cow<'a, str>,
    pub(super) label: Cow<'a, str>,
    pub(super) letter: Cow<'a, str>,
    pub(super) foreign_amount: Cow<'a, str>,
    pub(super) foreign_currency: Cow<'a, str>,
    pub(super) sides: Sides,
}

/// A file whose header was understood, ready to be walked row by row.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    body: &'a [u8],
    columns: Columns,
    pub(super) encoding: Encoding,
    pub(super) separator: char,
}

impl<'a> Reader<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Error> {
        let bytes = without_bom(bytes);
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Error::Utf16);
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(Error::Empty);
        }
        let encoding = Encoding::of(bytes);
        let (header, body) = first_line(bytes);
        let (columns, separator) = read_header(&encoding.decode(header))?;
        Ok(Self { body, columns, encoding, separator })
    }

    /// Hands every row to `each`, in the order of the file.
    pub(super) fn rows(
        &self,
        currency: Currency,
        mut each: impl FnMut(Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut lines = Lines { rest: self.body, number: 1 };
        while let Some(first) = lines.next() {
            let mut text = self.encoding.decode(first.bytes);
            if text.split(self.separator).all(is_blank) {
                continue;
            }
            let mut complete = first.terminated;
            let mut pieces = 1;
            while self.width(&text) < self.columns.enough && complete && pieces < 20 {
                let Some(next) = lines.next() else { break };
                let tail = self.encoding.decode(next.bytes);
                text = Cow::Owned(format!("{text} {tail}"));
                complete = next.terminated;
                pieces += 1;
            }
            let found = self.width(&text);
            let expected = self.columns.count;
            if !complete && found < expected {
                return Err(Error::CutShort { line: first.number, found, expected });
            }
            if found < self.columns.enough || (pieces > 1 && found != expected) {
                let found = self.width(&self.encoding.decode(first.bytes));
                return Err(Error::Width { line: first.number, found, expected });
            }
            let cells =
                self.lay_out(&text, currency).ok_or(Error::Width { line: first.number, found, expected })?;
            each(self.row(first.number, &text, &cells, currency)?)?;
        }
        Ok(())
    }

    fn width(&self, text: &str) -> usize {
        text.split(self.separator).count()
    }

    /// Puts the cells of a row under the header; `None` when a surplus of cells has no single place.
    fn lay_out<'t>(&self, text: &'t str, currency: Currency) -> Option<Vec<Cow<'t, str>>> {
        let cells: Vec<Cow<'t, str>> = text.split(self.separator).map(Cow::Borrowed).collect();
        let c = &self.columns;
        let surplus = cells.len().saturating_sub(c.count);
        let tail_is_blank = cells.iter().skip(c.count).all(|cell| is_blank(cell));
        if surplus == 0 || (tail_is_blank && self.fits(&cells, currency)) {
            return Some(cells);
        }
        let labels = [c.journal_name, c.account_name, c.auxiliary_name, c.label];
        let rejoined = labels.iter().flatten().filter_map(|at| {
            let end = at + surplus + 1;
            let label = cells.get(*at..end)?.join(&self.separator.to_string());
            let mut whole = cells.get(..*at)?.to_vec();
            whole.push(Cow::Owned(label));
            whole.extend_from_slice(cells.get(end..)?);
            Some(whole)
        });
        let mut readings =
            std::iter::once(cells.clone()).chain(rejoined).filter(|cells| self.fits(cells, currency));
        let only = readings.next()?;
        readings.next().is_none().then_some(only)
    }

    /// Whether dates are dates and amounts are amounts under this reading of a row.
    fn fits(&self, cells: &[Cow<'_, str>], currency: Currency) -> bool {
        let c = &self.columns;
        let dates = [Some(c.piece_date), c.letter_date, c.validated];
        parse_date(&cell(cells, Some(c.date))).is_some()
            && dates.iter().flatten().all(|at| {
                let text = cell(cells, Some(*at));
                text.is_empty() || parse_date(&text).is_some()
            })
            && self.sides(0, cells, currency).is_ok()
    }

    fn sides(&self, line: u64, cells: &[Cow<'_, str>], currency: Currency) -> Result<Sides, Error> {
        let read = |at: usize, column: &'static str| {
            parse_amount(&cell(cells, Some(at)), currency).map_err(|cause| Error::Amount {
                line,
                column,
                cause,
            })
        };
        match self.columns.amounts {
            Amounts::Sides { debit, credit } => {
                Ok(Sides { debit: read(debit, "Debit")?, credit: read(credit, "Credit")? })
            }
            Amounts::Sense { amount, sense } => {
                let amount = read(amount, "Montant")?;
                let sense = cell(cells, Some(sense));
                match sense.to_lowercase().as_str() {
                    "d" | "+1" | "1" | "+" | "debit" | "débit" => Ok(Sides { debit: amount, credit: 0 }),
                    "c" | "-1" | "-" | "credit" | "crédit" => Ok(Sides { debit: 0, credit: amount }),
                    "" if amount == 0 => Ok(Sides { debit: 0, credit: 0 }),
                    _ => Err(Error::Sense { line, found: sense.into_owned() }),
                }
            }
        }
    }

    fn row<'t>(
        &self,
        line: u64,
        text: &'t str,
        cells: &[Cow<'t, str>],
        currency: Currency,
    ) -> Result<Row<'t>, Error> {
        let c = &self.columns;
        let at = |index: usize| cell(cells, Some(index));
        Ok(Row {
            line,
            text,
            journal: at(c.journal),
            journal_name: cell(cells, c.journal_name),
            entry: at(c.entry),
            date: at(c.date),
            account: at(c.account),
            account_name: cell(cells, c.account_name),
            auxiliary: at(c.auxiliary),
            auxiliary_name: cell(cells, c.auxiliary_name),
            piece: at(c.piece),
            piece_date: at(c.piece_date),
            label: cell(cells, c.label),
            letter: at(c.letter),
            foreign_amount: cell(cells, c.foreign_amount),
            foreign_currency: cell(cells, c.foreign_currency),
            sides: self.sides(line, cells, currency)?,
        })
    }
}

/// Reads `AAAAMMJJ`; `None` for anything that is not a day of the calendar.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year = text.get(..4)?.parse().ok()?;
    let month = text.get(4..6)?.parse().ok()?;
    let day = text.get(6..)?.parse().ok()?;
    Date::from_ymd_opt(year, month, day).filter(|_| year > 0)
}

/// Reads an amount written with a comma or a point; a blank cell is nothing on that side.
pub(super) fn parse_amount(text: &str, currency: Currency) -> Result<i64, MoneyError> {
    if text.is_empty() {
        return Ok(0);
    }
    // Where both signs occur, the last one is the decimal sign: `1.234,56`.
    let style = if text.rfind('.') > text.rfind(',') { NumberStyle::Point } else { NumberStyle::Comma };
    parse_minor(text, currency, style)
}

/// Whether the first line names the columns of a FEC, whatever the separator.
pub(super) fn names_fec_columns(bytes: &[u8]) -> bool {
    let (header, _) = first_line(without_bom(bytes));
    let Some(header) = header.get(..header.len().min(4096)) else { return false };
    let text = String::from_utf8_lossy(header).to_lowercase();
    ["journalcode", "ecriturenum", "ecrituredate", "comptenum"].iter().all(|name| text.contains(name))
}

fn read_header(line: &str) -> Result<(Columns, char), Error> {
    for separator in ['\t', '|', ';'] {
        let names: Vec<String> = line.split(separator).map(fold).collect();
        if names.iter().any(|name| name == "journalcode") && names.iter().any(|name| name == "comptenum") {
            return place(&names).map(|columns| (columns, separator));
        }
    }
    let found: String = line.trim().chars().take(80).collect();
    if line.split(',').map(fold).any(|name| name == "journalcode") {
        return Err(Error::CommaSeparated);
    }
    Err(Error::NoHeader { found })
}

fn place(names: &[String]) -> Result<Columns, Error> {
    let find = |name: &str| names.iter().position(|found| *found == name.to_lowercase());
    let known = REQUIRED.iter().chain(&["Debit", "Credit", "Montant", "Sens"]);
    for name in known {
        if names.iter().filter(|found| **found == name.to_lowercase()).count() > 1 {
            return Err(Error::ColumnTwice { name });
        }
    }
    let sides = find("Debit").zip(find("Credit")).map(|(debit, credit)| Amounts::Sides { debit, credit });
    let sense = find("Montant").zip(find("Sens")).map(|(amount, sense)| Amounts::Sense { amount, sense });
    let mut missing: Vec<&str> = REQUIRED.into_iter().filter(|name| find(name).is_none()).collect();
    let amounts = sides.or(sense);
    if amounts.is_none() {
        missing.push("Debit and Credit, or Montant and Sens");
    }
    let lost = || Error::MissingColumns { names: missing.join(", ") };
    let need = |name: &str| find(name).ok_or_else(lost);
    let amounts = amounts.ok_or_else(lost)?;
    let last_amount = match amounts {
        Amounts::Sides { debit, credit } => debit.max(credit),
        Amounts::Sense { amount, sense } => amount.max(sense),
    };
    let mut columns = Columns {
        journal: need("JournalCode")?,
        journal_name: find("JournalLib"),
        entry: need("EcritureNum")?,
        date: need("EcritureDate")?,
        account: need("CompteNum")?,
        account_name: find("CompteLib"),
        auxiliary: need("CompAuxNum")?,
        auxiliary_name: find("CompAuxLib"),
        piece: need("PieceRef")?,
        piece_date: need("PieceDate")?,
        label: find("EcritureLib"),
        amounts,
        letter: need("EcritureLet")?,
        letter_date: find("DateLet"),
        validated: find("ValidDate"),
        foreign_amount: find("Montantdevise"),
        foreign_currency: find("Idevise"),
        count: names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1),
        enough: 0,
    };
    let c = &columns;
    let texts = [c.journal_name, c.account_name, c.auxiliary_name, c.label];
    let needed = [c.journal, c.entry, c.date, c.account, c.auxiliary, c.piece, c.piece_date, last_amount];
    columns.enough = needed.into_iter().chain(texts.into_iter().flatten()).max().map_or(0, |last| last + 1);
    Ok(columns)
}

/// A column name without case, blanks, quotes and accents.
fn fold(name: &str) -> String {
    name.trim().trim_matches('"').trim().to_lowercase().replace('é', "e")
}

fn cell<'t>(cells: &[Cow<'t, str>], at: Option<usize>) -> Cow<'t, str> {
    match at.and_then(|at| cells.get(at)) {
        None => Cow::Borrowed(""),
        Some(Cow::Borrowed(text)) => clean(text),
        Some(Cow::Owned(text)) => Cow::Owned(clean(text).into_owned()),
    }
}

/// Trims, and takes off the quotes that CSV writers put around a cell.
fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if inner.contains("\"\"") => Cow::Owned(inner.replace("\"\"", "\"").trim().to_owned()),
        Some(inner) => Cow::Borrowed(inner.trim()),
        None => Cow::Borrowed(text),
    }
}

/// Blank, or the end-of-file sign that exporters of the DOS age append.
fn is_blank(text: &str) -> bool {
    text.trim().trim_matches('\u{1a}').is_empty()
}

fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let header = parts.next().unwrap_or_default();
    (header.strip_suffix(b"\r").unwrap_or(header), parts.next().unwrap_or_default())
}

struct Line<'a> {
    number: u64,
    bytes: &'a [u8],
    terminated: bool,
}

struct Lines<'a> {
    rest: &'a [u8],
    number: u64,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let terminated = self.rest.contains(&b'\n');
        let (bytes, rest) = first_line(self.rest);
        self.rest = rest;
        Some(Line { number: self.number, bytes, terminated })
    }
}
