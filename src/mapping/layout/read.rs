//! Files back to facts, by the same declaration: what proves that nothing is lost between the two.

use std::collections::BTreeMap;

use super::{Align, Field, Form, Layout, Record, Shape, Source, When};
use crate::model::NumberStyle;

/// One record as read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ReadRecord {
    /// The name of its declaration.
    pub record: String,
    /// Its fields that are no constants, by name: without padding, our words for their codes, dates as YYYY-MM-DD where
    /// the pattern holds a whole date, amounts as digits of their minor units. A blank field is left out.
    pub fields: BTreeMap<String, String>,
}

/// One record before its fields are told apart.
enum Row {
    Signs(Vec<char>),
    Cells(Vec<String>),
}

impl Layout {
    /// Reads a file by its place in the layout, from 0.
    ///
    /// # Errors
    /// A sentence with the number of the record: another length, or no known kind.
    pub fn read(&self, file: usize, bytes: &[u8]) -> Result<Vec<ReadRecord>, String> {
        let file = self.files.get(file).ok_or_else(|| format!("the layout has no file {file}"))?;
        let text = self.signs.charset.decode(bytes)?;
        let rows = match &self.shape {
            Shape::Xml => {
                let frame = file.frame.as_ref().ok_or("the file has no outermost element")?;
                return self.read_xml(frame, &file.form, &text);
            }
            Shape::Fixed(length) => self.lines(*length, &text)?,
            Shape::Delimited { separator, quotes, header } => cells(*separator, *quotes, *header, &text)?,
        };
        let of = |when: When| self.records_of(&file.form, when).collect::<Vec<_>>();
        let (first, last) = (of(When::Start), of(When::End));
        let between = [of(When::Document), of(When::Buyer)].concat();
        let until = rows.len().saturating_sub(last.len());
        let read = |(place, row): (usize, &Row)| {
            // All first and all last records are there, so their places tell them; the others are told by their constants.
            let candidates = match (first.get(place), place.checked_sub(until).and_then(|at| last.get(at))) {
                (Some(record), _) | (None, Some(record)) => std::slice::from_ref(record),
                (None, None) => between.as_slice(),
            };
            candidates
                .iter()
                .find_map(|record| {
                    Some(ReadRecord { record: record.name.clone(), fields: record.read(row)? })
                })
                .ok_or_else(|| format!("record {} is of no known kind", place + 1))
        };
        rows.iter().enumerate().map(read).collect()
    }

    /// The records of a file of fixed width.
    fn lines(&self, length: usize, text: &str) -> Result<Vec<Row>, String> {
        let text = text.strip_suffix(self.line_end).unwrap_or(text);
        let line = |(number, line): (usize, &str)| {
            let signs: Vec<char> = line.chars().collect();
            if signs.len() == length {
                Ok(Row::Signs(signs))
            } else {
                Err(format!("record {number} has {} signs, not {length}", signs.len()))
            }
        };
        (1..).zip(text.split(self.line_end)).map(line).collect()
    }
}

/// The records of a delimited file.
fn cells(separator: char, quotes: bool, header: bool, text: &str) -> Result<Vec<Row>, String> {
    let separator = u8::try_from(separator).map_err(|_| "the separator is not one byte".to_owned())?;
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(separator)
        .quoting(quotes)
        .has_headers(header)
        .flexible(true)
        .from_reader(text.as_bytes());
    let row = |row: Result<::csv::StringRecord, ::csv::Error>| {
        row.map(|row| Row::Cells(row.iter().map(str::to_owned).collect())).map_err(|error| error.to_string())
    };
    reader.records().map(row).collect()
}

impl Record {
    /// The fields of a row; nothing when it is not of this kind.
    fn read(&self, row: &Row) -> Option<BTreeMap<String, String>> {
        let mut fields = BTreeMap::new();
        let mut from = 0;
        if let Row::Cells(cells) = row
            && cells.len() != self.fields.len()
        {
            return None;
        }
        for (index, field) in self.fields.iter().enumerate() {
            let cell = match row {
                Row::Cells(cells) => cells.get(index)?.clone(),
                Row::Signs(signs) => {
                    let to = from + field.width?;
                    let cell = signs.get(from..to)?.iter().collect();
                    from = to;
                    cell
                }
            };
            if cell.trim().is_empty() {
                if matches!(&field.source, Source::Const(text) if !text.trim().is_empty() && field.only.is_none())
                {
                    return None;
                }
                continue;
            }
            let value = field.read(&cell)?;
            if let Source::Const(text) = &field.source {
                if value != *text {
                    return None;
                }
            } else {
                fields.insert(field.name.clone(), value);
            }
        }
        Some(fields)
    }
}

impl Field {
    /// The value of a cell that is not blank; nothing when it cannot be of this field.
    pub(super) fn read(&self, cell: &str) -> Option<String> {
        let text = match self.align {
            Align::Left => cell.trim_end(),
            Align::Right => cell.trim_start(),
        };
        let text = text.strip_prefix(&self.before)?;
        let text = if let Some(codes) = &self.codes {
            codes.iter().find(|(_, theirs)| *theirs == text).map(|(ours, _)| ours.clone())?
        } else {
            text.to_owned()
        };
        let digits = |text: &str| {
            let significant = text.trim_start_matches('0');
            let all = text.bytes().all(|b| b.is_ascii_digit());
            all.then(|| if significant.is_empty() { "0" } else { significant }.to_owned())
        };
        match &self.form {
            Form::Text => Some(text),
            Form::Digits => text.bytes().all(|b| b.is_ascii_digit()).then_some(text),
            Form::Number | Form::Cents => digits(&text),
            Form::Decimal(style) => {
                let sign = match style {
                    NumberStyle::Point => '.',
                    NumberStyle::Comma => ',',
                };
                let (minus, rest) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
                let (whole, part) = rest.split_once(sign).unwrap_or((rest, ""));
                digits(&format!("{whole}{part}")).map(|digits| format!("{minus}{digits}"))
            }
            Form::Date(pattern) => Some(pattern.read(&text).map_or(text, |date| date.to_string())),
        }
    }
}
