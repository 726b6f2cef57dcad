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
            Shape::Fixed(length) => self.lines(*length, &text)?,
            Shape::Delimited { separator, quotes, header } => cells(*separator, *quotes, *header, &text)?,
        };
        let count = rows.len();
        let own: Vec<&Record> = self.records.iter().filter(|record| record.form == file.form).collect();
        let read = |(number, row): (usize, &Row)| {
            // Where constants do not tell records apart, their place does.
            let has_place = |record: &Record| match record.when {
                When::Start => number == 1,
                When::End => number == count,
                When::Document | When::Buyer => true,
            };
            let fitting = own.iter().filter(|record| has_place(record));
            fitting
                .filter_map(|record| Some((record, record.read(row)?)))
                .map(|(record, fields)| ReadRecord { record: record.name.clone(), fields })
                .next()
                .ok_or_else(|| format!("record {number} is of no known kind"))
        };
        (1..).zip(&rows).map(read).collect()
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
    fn read(&self, cell: &str) -> Option<String> {
        let text = match self.align {
            Align::Left => cell.trim_end(),
            Align::Right => cell.trim_start(),
        };
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
