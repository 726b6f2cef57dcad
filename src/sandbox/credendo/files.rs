//! The files that go through the folder: requests to be filled in, and the list of the portal.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataType as _, Reader as _, Xlsx};
use chrono::{Datelike as _, NaiveDate};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};

/// How the list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Delimited by semicolons.
    Csv,
    /// A workbook.
    Xlsx,
}

impl Form {
    /// The ending of the name.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// The columns of the list.
pub(super) const COLUMNS: [&str; 18] = [
    "Id",
    "Type",
    "Status",
    "Policy",
    "Partner id",
    "Debtor",
    "National id",
    "Country",
    "Requested amount",
    "Amount",
    "Currency",
    "Requested on",
    "Decided on",
    "Valid from",
    "Valid until",
    "Withdrawal on",
    "Our reference",
    "Reason",
];

/// Columns that hold amounts.
const AMOUNTS: [&str; 2] = ["Requested amount", "Amount"];

/// A row that is filled in, by the names of its columns; empty cells are left out.
pub(super) type Row = BTreeMap<String, String>;

/// The rows of a file of requests.
pub(super) fn requests(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let table = if bytes.starts_with(b"PK") { book(bytes)? } else { text(bytes)? };
    let mut rows = table.into_iter();
    let header = rows.next().ok_or("the file is empty")?;
    for wanted in ["Action", "Amount", "Partner id", "Our reference"] {
        let cancels = wanted == "Amount" && !header.iter().any(|name| name == "Transaction type");
        if !cancels && !header.iter().any(|name| name == wanted) {
            return Err(format!("there is no column {wanted}"));
        }
    }
    let named = |row: Vec<String>| {
        header.iter().cloned().zip(row).filter(|(_, text)| !text.trim().is_empty()).collect::<Row>()
    };
    Ok(rows.map(named).filter(|row| !row.is_empty()).collect())
}

fn text(bytes: &[u8]) -> Result<Vec<Vec<String>>, String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or_default();
    let semicolons = head.matches(';').count() >= head.matches(',').count();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        // Whoever fills a form in sees no apostrophe that only tells a spreadsheet "this is text".
        let shown = |field: &str| match field.strip_prefix('\'') {
            Some(rest) if rest.trim_start().starts_with(['=', '+', '-', '@']) => rest.to_owned(),
            Some(_) | None => field.to_owned(),
        };
        rows.push(record.iter().map(shown).collect());
    }
    Ok(rows)
}

fn book(bytes: &[u8]) -> Result<Vec<Vec<String>>, String> {
    let told = |error: calamine::XlsxError| error.to_string();
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(told)?;
    let sheet = book.sheet_names().into_iter().next().ok_or("there is no sheet")?;
    let range = book.worksheet_range(&sheet).map_err(told)?;
    Ok(range
        .rows()
        .map(|row| row.iter().map(|cell| cell.as_string().unwrap_or_default()).collect())
        .collect())
}

/// Minor units of `45000.00`, `45000,5` or `45000`.
pub(super) fn minor(text: &str) -> Option<i64> {
    let text = text.trim().replace(',', ".");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || cents.len() > 2 || !digits(whole) || !digits(cents) {
        return None;
    }
    format!("{whole}{cents:0<2}").parse().ok()
}

/// Minor units as the portal shows them.
pub(super) fn shown(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// The list as a file.
pub(super) fn list(rows: &[Row], form: Form, today: NaiveDate) -> Result<Vec<u8>, String> {
    let cells = |row: &Row| COLUMNS.map(|name| row.get(name).cloned().unwrap_or_default());
    match form {
        Form::Csv => {
            let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
            let told = |error: csv::Error| error.to_string();
            writer.write_record(COLUMNS).map_err(told)?;
            for row in rows {
                writer.write_record(cells(row)).map_err(told)?;
            }
            writer.into_inner().map_err(|error| error.to_string())
        }
        Form::Xlsx => {
            let told = |error: rust_xlsxwriter::XlsxError| error.to_string();
            let small = |number: u32| u8::try_from(number).unwrap_or(1);
            let year = u16::try_from(today.year()).unwrap_or(1900);
            let made =
                ExcelDateTime::from_ymd(year, small(today.month()), small(today.day())).map_err(told)?;
            let mut book = Workbook::new();
            book.set_properties(&DocProperties::new().set_creation_datetime(&made));
            let page = book.add_worksheet();
            page.set_name("Risk acceptances").map_err(told)?;
            for (name, column) in COLUMNS.iter().zip(0_u16..) {
                page.write_string(0, column, *name).map_err(told)?;
            }
            for (row, line) in rows.iter().zip(1_u32..) {
                for ((cell, name), column) in cells(row).iter().zip(COLUMNS).zip(0_u16..) {
                    let amount = minor(cell).filter(|_| AMOUNTS.contains(&name));
                    match amount.map(|amount| (i32::try_from(amount / 100), amount % 100)) {
                        Some((Ok(whole), 0)) => drop(page.write_number(line, column, whole).map_err(told)?),
                        _ if cell.is_empty() => {}
                        _ => drop(page.write_string(line, column, cell).map_err(told)?),
                    }
                }
            }
            book.save_to_buffer().map_err(told)
        }
    }
}

/// Cuts a file, a text in the middle of a row: about half of its fields are left.
pub(super) fn cut(bytes: &mut Vec<u8>, form: Form) {
    bytes.truncate(bytes.len() * 2 / 3);
    let fields =
        |bytes: &[u8]| bytes.iter().rev().take_while(|b| **b != b'\n').filter(|b| **b == b';').count();
    while form == Form::Csv && !bytes.is_empty() && !(1..COLUMNS.len() / 2).contains(&fields(bytes)) {
        bytes.pop();
    }
}
