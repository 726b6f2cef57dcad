//! Workbooks (XLSX): rows in, cell by cell as exact text, and rows out, the same bytes for the same rows.
//!
//! A workbook keeps every number as a binary fraction and promises fifteen digits of it. A number that needs more is not
//! what somebody typed: the row is bad, told with sheet, row and column, and nothing is rounded. Texts stay texts, so an
//! identifier such as `00012` survives, and a text is never written as a formula.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use calamine::{Data, DataType as _, Range, Reader as _, Xlsx, XlsxError};
use chrono::{Datelike as _, NaiveTime};
use csv::StringRecord;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};

use super::csv::Next;
use super::table::Cell;
use super::{Error, Header};
use crate::model::{Date, NumberStyle};

/// How many digits a workbook keeps of a number.
const DIGITS_MAX: usize = 15;

/// How a workbook is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Name of the sheet, or its number from 1; the first without it.
    pub sheet: Option<String>,
    /// Rows to pass over before the header.
    pub skip_rows: u32,
    /// The decimal sign that numbers are shown with, so that one mapping reads text files and workbooks.
    pub decimal: NumberStyle,
}

/// A sheet, one row at a time.
pub struct Rows {
    name: Arc<str>,
    sheet: String,
    header: Arc<Header>,
    cells: Range<Data>,
    decimal: NumberStyle,
    /// The next row, from 0.
    at: u32,
    /// The last row and the last column.
    end: (u32, u32),
}

impl Rows {
    /// Opens a workbook and reads the header of its sheet.
    ///
    /// # Errors
    /// [`Error::Read`] when the system refuses; [`Error::Refused`] when it is no workbook or was cut, when the sheet is
    /// not there, or when it is empty.
    pub fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = std::fs::read(path)
            .map_err(|error| Error::Read { source_name: path.display().to_string(), error })?;
        Self::of_bytes(&name, bytes, options)
    }

    /// Reads rows from bytes in memory.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub fn of_bytes(name: &str, bytes: Vec<u8>, options: &Options) -> Result<Self, Error> {
        let refused = |reason: String| Error::refused(name, reason);
        let damaged = |error: XlsxError| {
            refused(format!("it is no XLSX workbook, or was cut: {error}; export it again"))
        };
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
        let sheets = book.sheet_names();
        let chosen = match options.sheet.as_deref() {
            None | Some("") => sheets.first(),
            Some(text) => sheets
                .iter()
                .find(|sheet| *sheet == text)
                .or_else(|| text.parse::<usize>().ok().and_then(|number| sheets.get(number.checked_sub(1)?))),
        };
        let sheet = chosen.cloned().ok_or_else(|| {
            let wanted = options.sheet.as_deref().unwrap_or("1");
            refused(format!("it has no sheet \"{wanted}\"; its sheets are {}", sheets.join(", ")))
        })?;
        let cells = book.worksheet_range(&sheet).map_err(damaged)?;
        let empty =
            || refused(format!("its sheet \"{sheet}\" is empty; a list without rows still has a header"));
        let end = cells.end().ok_or_else(empty)?;
        let mut rows = Self {
            name: name.into(),
            sheet: sheet.clone(),
            header: Arc::new(Header::new(Vec::new())),
            cells,
            decimal: options.decimal,
            at: options.skip_rows,
            end,
        };
        let mut row = StringRecord::new();
        while rows.at <= rows.end.0 {
            let fault = rows.read(&mut row, u32::MAX);
            if let Some(reason) = fault {
                return Err(refused(reason));
            }
            let mut names: Vec<String> = row.iter().map(|name| name.trim().to_owned()).collect();
            while names.last().is_some_and(String::is_empty) {
                names.pop();
            }
            if !names.is_empty() {
                rows.header = Arc::new(Header::new(names));
                return Ok(rows);
            }
        }
        Err(empty())
    }

    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The column names.
    #[must_use]
    pub fn header(&self) -> Arc<Header> {
        Arc::clone(&self.header)
    }

    /// Reads the next row that is not blank into `row`.
    pub fn next(&mut self, row: &mut StringRecord) -> Next {
        let width = u32::try_from(self.header.names().len()).unwrap_or(u32::MAX);
        while self.at <= self.end.0 {
            let line = u64::from(self.at) + 1;
            let fault = self.read(row, width);
            match fault {
                Some(reason) => return Next::Bad(line, reason),
                None if row.iter().all(|field| field.trim().is_empty()) => {}
                None => return Next::Row(line),
            }
        }
        Next::End
    }

    /// Reads a row whose header has `width` columns, and says what cannot be shown of it.
    fn read(&mut self, row: &mut StringRecord, width: u32) -> Option<String> {
        let at = self.at;
        self.at += 1;
        row.clear();
        let mut fault = None;
        for column in 0..=self.end.1 {
            let cell = self.cells.get_value((at, column)).unwrap_or(&Data::Empty);
            let (text, wrong) = match shown(cell, self.decimal) {
                Ok(text) => (text, None),
                Err(reason) => (cell.to_string(), Some(reason)),
            };
            let beside = column >= width && !text.trim().is_empty();
            let wrong =
                wrong.or_else(|| beside.then(|| "stands beside the columns of the header".to_owned()));
            if let (None, Some(reason)) = (&fault, wrong) {
                let place = format!("sheet \"{}\", row {}, column {}", self.sheet, at + 1, letters(column));
                fault = Some(format!("{place}: {reason}"));
            }
            if column < width || beside {
                row.push_field(&text);
            }
        }
        for _ in self.end.1.saturating_add(1)..width.min(self.header_width()) {
            row.push_field("");
        }
        fault
    }

    fn header_width(&self) -> u32 {
        u32::try_from(self.header.names().len()).unwrap_or(u32::MAX)
    }
}

/// A cell as text.
///
/// # Errors
/// Why it cannot be shown exactly.
fn shown(cell: &Data, decimal: NumberStyle) -> Result<String, String> {
    match cell {
        Data::Empty => Ok(String::new()),
        Data::String(text) | Data::DateTimeIso(text) => Ok(text.clone()),
        Data::Bool(flag) => Ok(flag.to_string()),
        Data::Int(number) => Ok(number.to_string()),
        // The shortest digits that give the same number again, without an exponent.
        Data::Float(number) => exact(&number.to_string(), decimal),
        Data::DateTime(stamp) if stamp.is_duration() => Err("holds a duration".to_owned()),
        Data::DateTime(_) => {
            let stamp = cell.as_datetime().ok_or("holds a date that no calendar has")?;
            let form = if stamp.time() == NaiveTime::MIN { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%S" };
            Ok(stamp.format(form).to_string())
        }
        Data::DurationIso(_) => Err("holds a duration".to_owned()),
        Data::Error(error) => Err(format!("holds the error {error}")),
    }
}

fn exact(digits: &str, decimal: NumberStyle) -> Result<String, String> {
    let significant = digits.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    if significant > DIGITS_MAX || !plain {
        return Err(format!(
            "{digits} has more digits than a workbook keeps exactly; store it as text, or round it there"
        ));
    }
    let digits = if digits == "-0" { "0" } else { digits };
    Ok(match decimal {
        NumberStyle::Point => digits.to_owned(),
        NumberStyle::Comma => digits.replace('.', ","),
    })
}

/// The letters of a column, from 0: A, B … Z, AA.
fn letters(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        let letter = u8::try_from((rest - 1) % 26).unwrap_or(0);
        letters.push(char::from(b'A' + letter));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

/// Writes a workbook of one sheet. `made_on` is the day that its properties state, so that the same rows give the same
/// bytes.
///
/// # Errors
/// A sentence: a number that a workbook does not keep exactly, or a text that is too long for a cell.
pub fn write(sheet: &str, header: &[String], rows: &[Vec<Cell>], made_on: Date) -> Result<Vec<u8>, String> {
    let told = |error: rust_xlsxwriter::XlsxError| error.to_string();
    let small = |number: u32| u8::try_from(number).unwrap_or(1);
    let year = u16::try_from(made_on.year()).unwrap_or(1900);
    let made = ExcelDateTime::from_ymd(year, small(made_on.month()), small(made_on.day())).map_err(told)?;
    let mut book = Workbook::new();
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let page = book.add_worksheet();
    page.set_name(sheet).map_err(told)?;
    for (name, column) in header.iter().zip(0_u16..) {
        page.write_string(0, column, name).map_err(told)?;
    }
    let first = u32::from(!header.is_empty());
    for (row, at) in rows.iter().zip(first..) {
        for (cell, column) in row.iter().zip(0_u16..) {
            match cell {
                Cell::Empty => {}
                Cell::Text(text) => drop(page.write_string(at, column, text).map_err(told)?),
                Cell::Number(text) => {
                    let digits = without_padding(text);
                    let number: f64 = digits.parse().map_err(|_| format!("{text} is not a number"))?;
                    if number.to_string() != digits || exact(&digits, NumberStyle::Point).is_err() {
                        return Err(format!("{text} has more digits than a workbook keeps exactly"));
                    }
                    page.write_number(at, column, number).map_err(told)?;
                }
            }
        }
    }
    book.save_to_buffer().map_err(told)
}

/// `0012.50` as `12.5`.
fn without_padding(text: &str) -> String {
    let (sign, body) = text.strip_prefix('-').map_or(("", text), |body| ("-", body));
    let (whole, rest) = body.split_once('.').unwrap_or((body, ""));
    let (whole, rest) = (whole.trim_start_matches('0'), rest.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    match (sign, rest) {
        ("-", "") if whole == "0" => "0".to_owned(),
        (_, "") => format!("{sign}{whole}"),
        (_, _) => format!("{sign}{whole}.{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(decimal: NumberStyle) -> Options {
        Options { sheet: None, skip_rows: 0, decimal }
    }

    fn read(bytes: Vec<u8>, options: &Options) -> Vec<Vec<String>> {
        let mut rows = Rows::of_bytes("f.xlsx", bytes, options).unwrap();
        let (mut out, mut row) = (vec![rows.header().names().to_vec()], StringRecord::new());
        loop {
            match rows.next(&mut row) {
                Next::End => return out,
                Next::Row(_) => out.push(row.iter().map(str::to_owned).collect()),
                Next::Bad(line, reason) => out.push(vec![format!("bad {line}"), reason]),
            }
        }
    }

    fn day() -> Date {
        Date::from_ymd_opt(2026, 3, 1).unwrap()
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_written_is_read_back_digit_by_digit_and_twice_the_same() {
        let row =
            |id: &str, amount: &str| vec![Cell::Text(id.into()), Cell::Number(amount.into()), Cell::Empty];
        let rows = [
            row("00012", "1234.56"),
            row("1E5", "-0.10"),
            row("=1+1", "999999999999999"),
            row("é", "35000.00"),
        ];
        let bytes = write("Limits", &names(&["Id", "Amount", "Note"]), &rows, day()).unwrap();
        assert_eq!(bytes, write("Limits", &names(&["Id", "Amount", "Note"]), &rows, day()).unwrap());
        let read = read(bytes, &options(NumberStyle::Comma));
        assert_eq!(read[0], ["Id", "Amount", "Note"]);
        let told: Vec<String> = read[1..].iter().map(|row| row.join("|")).collect();
        assert_eq!(told, ["00012|1234,56|", "1E5|-0,1|", "=1+1|999999999999999|", "é|35000|"]);
    }

    #[test]
    fn a_number_that_a_workbook_cannot_keep_is_not_written() {
        for amount in ["1234567890123.456", "12345678901234567", "x", "1e5"] {
            let rows = [vec![Cell::Number(amount.into())]];
            assert!(write("S", &[], &rows, day()).is_err(), "{amount}");
        }
    }

    #[test]
    fn a_cell_that_cannot_be_shown_is_one_bad_row_with_its_place() {
        let mut book = Workbook::new();
        let page = book.add_worksheet();
        page.set_name("Limites").unwrap();
        page.write_string(2, 0, "Id").unwrap();
        page.write_string(2, 1, "Amount").unwrap();
        page.write_number(3, 0, 5_520_135).unwrap();
        page.write_number(3, 1, 0.1 + 0.2).unwrap();
        page.write_number(4, 0, 12_345_678_901_234_567_u64 as f64).unwrap();
        let date = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
        page.write_datetime_with_format(5, 0, ExcelDateTime::from_ymd(2026, 12, 31).unwrap(), &date).unwrap();
        page.write_number(5, 1, 12).unwrap();
        page.write_string(6, 3, "stray").unwrap();
        let bytes = book.save_to_buffer().unwrap();
        let told = read(bytes.clone(), &options(NumberStyle::Point));
        assert_eq!(told[1][0], "bad 4");
        assert!(
            told[1][1].starts_with("sheet \"Limites\", row 4, column B: 0.30000000000000004 has"),
            "{told:?}"
        );
        assert!(told[2][1].contains("row 5, column A"), "{told:?}");
        assert_eq!(told[3], ["2026-12-31", "12"]);
        assert!(told[4][1].contains("row 7, column D: stands beside"), "{told:?}");
        let by = |sheet: &str| Options { sheet: Some(sheet.to_owned()), ..options(NumberStyle::Point) };
        assert!(Rows::of_bytes("f", bytes.clone(), &by("Limites")).is_ok());
        assert!(Rows::of_bytes("f", bytes.clone(), &by("1")).is_ok());
        let Err(error) = Rows::of_bytes("f", bytes.clone(), &by("Other")) else { panic!("found") };
        assert!(error.to_string().contains("its sheets are Limites"), "{error}");
        let cut = bytes[..bytes.len() / 2].to_vec();
        let Err(error) = Rows::of_bytes("f", cut, &by("1")) else { panic!("read") };
        assert!(error.to_string().contains("refused whole"), "{error}");
        assert_eq!((letters(0), letters(25), letters(26)), ("A".into(), "Z".into(), "AA".into()));
    }

    #[test]
    fn a_sheet_without_anything_is_not_an_empty_list() {
        let bytes = write("S", &[], &[], day()).unwrap();
        assert!(Rows::of_bytes("f", bytes, &options(NumberStyle::Point)).is_err());
        let bytes = write("S", &names(&["Id"]), &[], day()).unwrap();
        assert_eq!(read(bytes, &options(NumberStyle::Point)), [["Id"]]);
    }
}
