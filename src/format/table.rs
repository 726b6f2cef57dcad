//! Rows of named columns in and out, whether the file is delimited text or a workbook.
//!
//! In a delimited file a text that a spreadsheet would run as a formula is written with an apostrophe in front, since such
//! files are opened in spreadsheets: names come from partners and may hold anything.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;

use super::csv::Next;
use super::{Error, Header, csv as text, xlsx};
use crate::model::NumberStyle;

/// What kind of file holds the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Delimited text.
    Csv,
    /// A workbook.
    Xlsx,
    /// Whichever it is.
    Either,
}

/// How it is read.
#[derive(Debug, Clone)]
pub struct Options {
    /// What kind of file it is.
    pub kind: Kind,
    /// For delimited text.
    pub csv: text::Options,
    /// For a workbook.
    pub xlsx: xlsx::Options,
    /// Which rows count; all without it.
    pub choice: Option<RowChoice>,
}

/// Rows that count, by the text of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChoice {
    /// The column.
    pub column: String,
    /// The texts; case and blanks around them do not count.
    pub is: Vec<String>,
    /// Whether rows with one of them are left out, instead of being the only ones.
    pub except: bool,
}

enum Source {
    Csv(Box<text::Rows>),
    Xlsx(Box<xlsx::Rows>),
}

/// Rows, one at a time.
pub struct Rows {
    source: Source,
    choice: Option<(usize, RowChoice)>,
}

impl Rows {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// As [`text::Rows::open`] and [`xlsx::Rows::open`]; [`Error::Refused`] when the column of the choice is not there.
    pub fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let read_error = |error| Error::Read { source_name: path.display().to_string(), error };
        let is_book = || -> std::io::Result<bool> {
            let mut head = Vec::new();
            std::fs::File::open(path)?.take(4).read_to_end(&mut head)?;
            Ok(is_workbook(&head))
        };
        Self::chosen(
            match options.kind {
                Kind::Csv => Source::Csv(Box::new(text::Rows::open(path, &options.csv)?)),
                Kind::Either if !is_book().map_err(read_error)? => {
                    Source::Csv(Box::new(text::Rows::open(path, &options.csv)?))
                }
                Kind::Xlsx | Kind::Either => Source::Xlsx(Box::new(xlsx::Rows::open(path, &options.xlsx)?)),
            },
            options,
        )
    }

    /// Reads rows from bytes in memory.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub fn of_bytes(name: &str, bytes: Vec<u8>, options: &Options) -> Result<Self, Error> {
        let book = match options.kind {
            Kind::Csv => false,
            Kind::Xlsx => true,
            Kind::Either => is_workbook(&bytes),
        };
        Self::chosen(
            if book {
                Source::Xlsx(Box::new(xlsx::Rows::of_bytes(name, bytes, &options.xlsx)?))
            } else {
                Source::Csv(Box::new(text::Rows::of_bytes(name, bytes, &options.csv)?))
            },
            options,
        )
    }

    fn chosen(source: Source, options: &Options) -> Result<Self, Error> {
        let mut rows = Self { source, choice: None };
        if let Some(choice) = &options.choice {
            let header = rows.header();
            let at = header.index_of(&choice.column).ok_or_else(|| {
                let columns = header.names().join(" | ");
                let reason = format!("it has no column \"{}\"; its columns are: {columns}", choice.column);
                Error::refused(rows.name().as_ref(), reason)
            })?;
            rows.choice = Some((at, choice.clone()));
        }
        Ok(rows)
    }

    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        match &self.source {
            Source::Csv(rows) => rows.name(),
            Source::Xlsx(rows) => rows.name(),
        }
    }

    /// The column names.
    #[must_use]
    pub fn header(&self) -> Arc<Header> {
        match &self.source {
            Source::Csv(rows) => rows.header(),
            Source::Xlsx(rows) => rows.header(),
        }
    }

    /// Reads the next row that counts into `row`. A bad row counts always.
    ///
    /// # Errors
    /// As [`text::Rows::next`].
    pub fn next(&mut self, row: &mut StringRecord) -> Result<Next, Error> {
        loop {
            let next = match &mut self.source {
                Source::Csv(rows) => rows.next(row)?,
                Source::Xlsx(rows) => rows.next(row),
            };
            let passed = match (&next, &self.choice) {
                (Next::Row(_), Some((at, choice))) => {
                    let text = row.get(*at).unwrap_or_default().trim().to_lowercase();
                    choice.is.iter().any(|is| is.trim().to_lowercase() == text) == choice.except
                }
                (Next::Row(_) | Next::Bad(..) | Next::End, _) => false,
            };
            if !passed {
                return Ok(next);
            }
        }
    }
}

fn is_workbook(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

/// What is written into one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A text.
    Text(String),
    /// A number: digits, with a decimal point.
    Number(String),
}

/// How delimited text is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvStyle {
    /// One sign, `tab`, or `auto` for the semicolon.
    pub delimiter: String,
    /// A label such as `windows-1252`, or `auto` for UTF-8.
    pub encoding: String,
    /// The decimal sign of numbers.
    pub decimal: NumberStyle,
}

/// Writes delimited text, lines ending as spreadsheets end them.
///
/// # Errors
/// A sentence: an unknown delimiter or encoding, or a sign that the encoding does not have.
pub fn write_csv(header: &[String], rows: &[Vec<Cell>], style: &CsvStyle) -> Result<Vec<u8>, String> {
    let delimiter = match (style.delimiter.as_str(), style.delimiter.as_bytes()) {
        ("auto", _) => b';',
        ("tab", _) => b'\t',
        (_, [one]) => *one,
        (other, _) => return Err(format!("\"{other}\" is not a delimiter: one sign, tab or auto")),
    };
    if delimiter == b',' && style.decimal == NumberStyle::Comma {
        return Err("fields and decimals cannot both be told by a comma".to_owned());
    }
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    if !header.is_empty() {
        writer.write_record(header).map_err(|error| error.to_string())?;
    }
    for row in rows {
        let fields = row.iter().map(|cell| match (cell, style.decimal) {
            (Cell::Empty, _) => String::new(),
            (Cell::Text(text), _) => harmless(text),
            (Cell::Number(digits), NumberStyle::Point) => digits.clone(),
            (Cell::Number(digits), NumberStyle::Comma) => digits.replace('.', ","),
        });
        writer.write_record(fields).map_err(|error| error.to_string())?;
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    let label = if style.encoding == "auto" { "utf-8" } else { style.encoding.as_str() };
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes())
        .ok_or_else(|| format!("\"{label}\" is not an encoding; try utf-8 or windows-1252"))?;
    let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    let (bytes, _, unmappable) = encoding.encode(&text);
    if unmappable {
        let line = text.lines().find(|line| encoding.encode(line).2).unwrap_or_default();
        let sign = line.chars().find(|sign| encoding.encode(sign.encode_utf8(&mut [0; 4])).2);
        let sign = sign.map_or_else(String::new, |sign| sign.to_string());
        return Err(format!("the sign \"{sign}\" does not exist in {label}; set the encoding to utf-8"));
    }
    Ok(bytes.into_owned())
}

/// A text as a spreadsheet shows it: what it would run as a formula gets an apostrophe in front.
fn harmless(text: &str) -> String {
    let runs = text.starts_with(['\t', '\r', '\n']) || text.trim_start().starts_with(['=', '+', '-', '@']);
    if runs { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(delimiter: &str, encoding: &str, decimal: NumberStyle) -> CsvStyle {
        CsvStyle { delimiter: delimiter.into(), encoding: encoding.into(), decimal }
    }

    #[test]
    fn no_text_becomes_a_formula_and_no_number_becomes_a_text() {
        let row = |name: &str, amount: &str| {
            vec![Cell::Text(name.into()), Cell::Number(amount.into()), Cell::Empty]
        };
        let rows = [
            row("=HYPERLINK(\"x\")", "-1234.50"),
            row("+33 1", "0.00"),
            row("-2", "1"),
            row("@a", "1"),
            row(" =1", "1"),
            row("A; B", "1"),
        ];
        let header = ["Nom".to_owned(), "Montant".to_owned(), "Vide".to_owned()];
        let bytes = write_csv(&header, &rows, &style("auto", "auto", NumberStyle::Comma)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            lines,
            [
                "Nom;Montant;Vide",
                "\"'=HYPERLINK(\"\"x\"\")\";-1234,50;",
                "'+33 1;0,00;",
                "'-2;1;",
                "'@a;1;",
                "' =1;1;",
                "\"A; B\";1;",
                ""
            ]
        );
    }

    #[test]
    fn what_an_encoding_does_not_have_is_not_replaced() {
        let rows = [vec![Cell::Text("Łódź".into())]];
        let latin = style(";", "windows-1252", NumberStyle::Point);
        let error = write_csv(&[], &rows, &latin).unwrap_err();
        assert!(error.contains("\"Ł\"") && error.contains("windows-1252"), "{error}");
        assert_eq!(write_csv(&[], &[vec![Cell::Text("é".into())]], &latin).unwrap(), b"\xe9\r\n");
        assert!(write_csv(&[], &rows, &style(",", "utf-8", NumberStyle::Comma)).is_err());
    }

    #[test]
    fn rows_are_chosen_by_one_column_in_either_kind_of_file() {
        let header = ["Id".to_owned(), "Statut".to_owned()];
        let cell = |text: &str| Cell::Text(text.to_owned());
        let rows = [vec![cell("1"), cell("APPLICATION")], vec![cell("2"), cell("Granted")]];
        let day = crate::model::Date::from_ymd_opt(2026, 1, 1).unwrap();
        let plain = write_csv(&header, &rows, &style(";", "auto", NumberStyle::Point)).unwrap();
        let book = xlsx::write("S", &header, &rows, day).unwrap();
        for (bytes, except, want) in [
            (plain.clone(), false, "1"),
            (plain.clone(), true, "2"),
            (book.clone(), false, "1"),
            (book, true, "2"),
        ] {
            let options = Options {
                kind: Kind::Either,
                csv: text::Options::default(),
                xlsx: xlsx::Options { sheet: None, skip_rows: 0, decimal: NumberStyle::Point },
                choice: Some(RowChoice { column: "statut".into(), is: vec!["application".into()], except }),
            };
            let mut rows = Rows::of_bytes("f", bytes, &options).unwrap();
            let mut row = StringRecord::new();
            assert!(matches!(rows.next(&mut row).unwrap(), Next::Row(_)));
            assert_eq!(row.get(0), Some(want));
            assert_eq!(rows.next(&mut row).unwrap(), Next::End);
        }
    }
}
