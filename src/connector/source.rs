//! Records of any source to canonical ones, in batches: rows as they stream, trees page by page.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;

use super::error::Error;
use super::load::Connector;
use super::manifest::{FileOperation, FormatRule, Records};
use super::pull::{Batch, PulledRecord};
use crate::format::csv::{self as text, Next};
use crate::format::table::{self, Rows};
use crate::format::{self, Header, Place, Record, Value, fec, json, lines, xlsx, xml};
use crate::mapping::{Bound, Fault, Filter, Mapped, Mapping, Outcome, Target, Terms};
use crate::model::{Currency, NumberStyle, render_minor};
use crate::transport::{Scope, Template};

/// How many records go to the ledger at once.
pub(super) const BATCH_RECORDS: usize = 4096;

/// Everything that mapping needs, owned, so that it can work on another thread.
pub(super) struct Mapper {
    pub(super) connector: Arc<Connector>,
    pub(super) target: Target,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) terms: Terms,
    pub(super) currency: Currency,
}

/// A file, or the bytes of a sample.
pub(super) enum Input<'a> {
    /// A file of the drop folder.
    File(&'a Path),
    /// Bytes with a name.
    Bytes(&'a str, &'a [u8]),
}

impl Input<'_> {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Bytes(name, _) => (*name).to_owned(),
        }
    }

    fn bytes(&self) -> Result<Vec<u8>, format::Error> {
        match self {
            Self::File(path) => std::fs::read(path)
                .map_err(|error| format::Error::Read { source_name: path.display().to_string(), error }),
            Self::Bytes(_, bytes) => Ok(bytes.to_vec()),
        }
    }

    pub(super) fn rows(&self, options: &table::Options) -> Result<Rows, format::Error> {
        match self {
            Self::File(path) => Rows::open(path, options),
            Self::Bytes(name, bytes) => Rows::of_bytes(name, bytes.to_vec(), options),
        }
    }
}

impl Mapper {
    pub(super) fn mapping(&self) -> Result<&Mapping, Error> {
        self.connector.mappings.records.get(&self.target).ok_or_else(|| Error::Shape {
            operation: self.target.to_string(),
            reason: "the connector has no mapping for this record".to_owned(),
        })
    }

    /// Maps trees, from the first of which `line` is the ordinal.
    pub(super) fn map_trees(
        &self,
        source: &Arc<str>,
        line: u64,
        trees: &[Value],
    ) -> Result<Vec<PulledRecord>, Error> {
        let bound = self.bind(source, None)?;
        let record = |(line, tree): (u64, &Value)| {
            let record = Record::Tree(tree);
            let mapped = bound.map(record);
            let raw = is_bad(&mapped).then(|| record.to_json());
            PulledRecord { place: Place { source: Arc::clone(source), line }, mapped, raw }
        };
        Ok((line..).zip(trees).map(record).collect())
    }

    pub(super) fn bind(&self, source: &str, header: Option<&Header>) -> Result<Bound<'_>, Error> {
        Bound::new(self.mapping()?, header, &self.settings, &self.terms, self.currency)
            .map_err(|reason| Error::Source(format::Error::refused(source, reason)))
    }

    /// Reads a file and hands its records on in batches; gives how many there were.
    pub(super) fn read(
        &self,
        input: &Input<'_>,
        operation: &FileOperation,
        emit: &mut dyn FnMut(Batch) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        match &operation.format {
            FormatRule::Csv { .. } | FormatRule::Table { .. } => {
                self.read_rows(input.rows(&self.table_options(operation)?)?, emit)
            }
            FormatRule::Json | FormatRule::Xml(_) | FormatRule::Lines { .. } => {
                let name: Arc<str> = input.name().into();
                let refused = |reason| Error::Source(format::Error::refused(name.as_ref(), reason));
                let document = self.document(&operation.format, &input.bytes()?)?.map_err(refused)?;
                let records = records_of(&operation.records, &document).map_err(refused)?;
                let records = shaped(operation.shape.as_ref(), records, None, &settings_value(self))
                    .map_err(refused)?;
                self.emit_trees(&name, &records, emit)
            }
            FormatRule::Fec { receivable, terms_days, opening } => {
                self.read_fec(input, [receivable, terms_days, opening], emit)
            }
        }
    }

    /// The tree of a document, or what is wrong with it and where; JSON where the format does not say otherwise.
    pub(super) fn document(&self, format: &FormatRule, bytes: &[u8]) -> Result<Result<Value, String>, Error> {
        Ok(match format {
            FormatRule::Xml(options) => xml::parse(bytes, options),
            FormatRule::Lines { delimiter, comment, encoding, parts } => {
                let options = lines::Options {
                    delimiter: self.filled(delimiter.as_ref())?.unwrap_or_default(),
                    comment: self.filled(comment.as_ref())?.unwrap_or_default(),
                    encoding: self.filled(encoding.as_ref())?.unwrap_or_else(|| "auto".to_owned()),
                    parts: parts.clone(),
                };
                lines::parse(bytes, &options)
            }
            FormatRule::Json | FormatRule::Csv { .. } | FormatRule::Table { .. } | FormatRule::Fec { .. } => {
                json::parse(bytes)
            }
        })
    }

    fn filled(&self, template: Option<&Template>) -> Result<Option<String>, Error> {
        let scope = Scope { layers: &[&self.settings], correlation: "" };
        let missing = |name| Error::Settings(vec![format!("\"{name}\" is not given")]);
        template.map_or(Ok(None), |template| template.fill(&scope).map_err(missing))
    }

    /// How the rows of an operation are read; for a format without rows, as delimited text.
    pub(super) fn table_options(&self, operation: &FileOperation) -> Result<table::Options, Error> {
        let (kind, [delimiter, encoding, skip_lines, sheet, decimal], columns) = match &operation.format {
            FormatRule::Csv { delimiter, encoding, skip_lines, columns } => {
                (table::Kind::Csv, [delimiter, encoding, skip_lines, &None, &None], columns.clone())
            }
            FormatRule::Table { kind, delimiter, encoding, skip_lines, sheet, decimal } => {
                (*kind, [delimiter, encoding, skip_lines, sheet, decimal], None)
            }
            FormatRule::Json | FormatRule::Xml(_) | FormatRule::Lines { .. } | FormatRule::Fec { .. } => {
                (table::Kind::Csv, [&None; 5], None)
            }
        };
        let defaults = text::Options::default();
        let skip = self.filled(skip_lines.as_ref())?;
        let wrong = |text: &str| Error::Settings(vec![format!("\"{text}\" is not a number of lines")]);
        let skip_lines = skip.map_or(Ok(0), |text| text.parse().map_err(|_| wrong(&text)))?;
        Ok(table::Options {
            kind,
            csv: text::Options {
                delimiter: self.filled(delimiter.as_ref())?.unwrap_or(defaults.delimiter),
                encoding: self.filled(encoding.as_ref())?.unwrap_or(defaults.encoding),
                skip_lines,
                columns,
            },
            xlsx: xlsx::Options {
                sheet: self.filled(sheet.as_ref())?,
                skip_rows: u32::try_from(skip_lines).unwrap_or(u32::MAX),
                decimal: number_style(self.filled(decimal.as_ref())?.as_deref())?,
            },
            choices: operation.rows.clone(),
        })
    }

    fn read_rows(
        &self,
        mut rows: Rows,
        emit: &mut dyn FnMut(Batch) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let (name, header) = (rows.name(), rows.header());
        let bound = self.bind(&name, Some(&header))?;
        let mut row = StringRecord::new();
        let mut records = Vec::with_capacity(BATCH_RECORDS);
        let mut read = 0;
        loop {
            let (line, mapped, raw) = match rows.next(&mut row)? {
                Next::End => break,
                Next::Row(line) => {
                    let record = Record::Row(&header, &row);
                    let mapped = bound.map(record);
                    let raw = is_bad(&mapped).then(|| record.to_json());
                    (line, mapped, raw)
                }
                Next::Bad(line, reason) => {
                    (line, bad("row", reason, self.currency), Some(every_field(&header, &row)))
                }
            };
            read += 1;
            records.push(PulledRecord { place: Place { source: Arc::clone(&name), line }, mapped, raw });
            if records.len() == BATCH_RECORDS {
                emit(Batch { records: std::mem::replace(&mut records, Vec::with_capacity(BATCH_RECORDS)) })?;
            }
        }
        if !records.is_empty() {
            emit(Batch { records })?;
        }
        Ok(read)
    }

    fn emit_trees(
        &self,
        name: &Arc<str>,
        trees: &[Value],
        emit: &mut dyn FnMut(Batch) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut line = 1;
        for chunk in trees.chunks(BATCH_RECORDS) {
            emit(Batch { records: self.map_trees(name, line, chunk)? })?;
            line += chunk.len() as u64;
        }
        Ok(line - 1)
    }

    fn read_fec(
        &self,
        input: &Input<'_>,
        [receivable, terms_days, opening]: [&Option<Template>; 3],
        emit: &mut dyn FnMut(Batch) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let name: Arc<str> = input.name().into();
        let terms = match self.filled(terms_days.as_ref())? {
            Some(text) => text
                .parse()
                .map_err(|_| Error::Settings(vec![format!("\"{text}\" is not a number of days")]))?,
            None => self.terms.default_days.unwrap_or(30),
        };
        let mut options = fec::Options::new(self.currency, terms);
        options.terms_days = self.terms.by_account.clone();
        if let Some(prefixes) = self.filled(receivable.as_ref())? {
            options.receivable_prefixes =
                prefixes.split(',').map(|prefix| prefix.trim().to_owned()).collect();
        }
        if self.filled(opening.as_ref())?.as_deref() == Some("skip") {
            options.opening = fec::Opening::SkipOpeningEntries;
        }
        let ledger = fec::read(&input.bytes()?, &options)
            .map_err(|error| Error::Source(format::Error::refused(name.as_ref(), error.to_string())))?;
        let bound = self.bind(&name, None)?;
        let place = |line| Place { source: Arc::clone(&name), line };
        let open = ledger.items.iter().map(|item| {
            let tree = item_tree(item);
            let record = Record::Tree(&tree);
            let mapped = bound.map(record);
            let raw = is_bad(&mapped).then(|| record.to_json());
            PulledRecord { place: place(item.line), mapped, raw }
        });
        let rejected = ledger.rejected.iter().map(|row| {
            let mut mapped = bad("row", row.reason.clone(), self.currency);
            mapped.control = (self.currency, row.receivable_minor);
            let raw = json::object([("row".to_owned(), json::text(&row.payload))]).to_string();
            PulledRecord { place: place(row.line), mapped, raw: Some(raw) }
        });
        let mut records: Vec<PulledRecord> = open.chain(rejected).collect();
        let read = records.len() as u64;
        records.sort_by_key(|record| record.place.line);
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(BATCH_RECORDS));
            emit(Batch { records: std::mem::replace(&mut records, rest) })?;
        }
        Ok(read)
    }
}

/// An open item of a ledger as a record with named fields.
fn item_tree(item: &fec::OpenItem) -> Value {
    let amount = |minor| json::text(&render_minor(minor, item.currency));
    let fields = [
        ("kind", json::text(item.kind.as_str())),
        ("external_id", json::text(&item.external_id)),
        ("number", json::text(&item.number)),
        ("account", json::text(&item.account)),
        ("account_name", json::text(&item.account_name)),
        ("currency", json::text(item.currency.code())),
        ("total", amount(item.total_minor)),
        ("open", amount(item.open_minor)),
        ("issued", json::text(&item.issued.to_string())),
        ("due", json::text(&item.due.to_string())),
        ("due_estimated", Value::Bool(item.kind != crate::model::ItemKind::Receipt)),
        ("reference", json::text(item.reference.as_deref().unwrap_or_default())),
        ("inferred", json::text(item.inferred.unwrap_or_default())),
    ];
    json::object(fields.map(|(name, value)| (name.to_owned(), value)))
}

/// `point`, which it is without a word, or `comma`.
pub(super) fn number_style(word: Option<&str>) -> Result<NumberStyle, Error> {
    match word {
        None | Some("point") => Ok(NumberStyle::Point),
        Some("comma") => Ok(NumberStyle::Comma),
        Some(other) => {
            Err(Error::Settings(vec![format!("decimal is \"{other}\"; it is one of point, comma")]))
        }
    }
}

fn is_bad(mapped: &Mapped) -> bool {
    matches!(mapped.outcome, Outcome::Bad(_))
}

/// A record that could not even be split into fields.
fn bad(field: &str, reason: String, otherwise: Currency) -> Mapped {
    let fault = Fault { field: field.to_owned(), reason };
    let currency = Currency::parse("XXX").unwrap_or(otherwise);
    Mapped { outcome: Outcome::Bad(vec![fault]), unknown: Vec::new(), control: (currency, 0) }
}

/// A row that does not fit its header, with every field it has.
fn every_field(header: &Header, row: &StringRecord) -> String {
    let names = header.names().iter().cloned().map(Some).chain(std::iter::repeat(None));
    let fields = row.iter().zip(names).enumerate();
    json::object(
        fields.map(|(at, (field, name))| {
            (name.unwrap_or_else(|| format!("column {}", at + 1)), json::text(field))
        }),
    )
    .to_string()
}

/// The records of an answer or a document.
///
/// # Errors
/// A sentence. Nothing there is an error: an empty list is something else than no list.
pub(super) fn records_of(rule: &Records, body: &Value) -> Result<Vec<Value>, String> {
    let listed = |value: &Value| match value {
        Value::Arr(list) => Ok(list.to_vec()),
        Value::Obj(_) => Ok(vec![value.clone()]),
        Value::Null | Value::Bool(_) | Value::Num(_) | Value::BStr(_) | Value::TStr(_) => {
            Err("there is neither a list nor a record where the manifest says so".to_owned())
        }
    };
    match rule {
        Records::Root => listed(body),
        Records::At(paths) => {
            let found = paths.iter().find_map(|path| path.find(body));
            listed(found.ok_or("there is nothing where the manifest says that the records are")?)
        }
        Records::Jq(filter) => Ok(flat(filter.all(body.clone())?)),
    }
}

/// Outputs of a filter as records: lists are taken apart.
fn flat(values: Vec<Value>) -> Vec<Value> {
    let mut records = Vec::new();
    for value in values {
        match value {
            Value::Arr(list) => records.extend(list.iter().cloned()),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Num(_)
            | Value::BStr(_)
            | Value::TStr(_)
            | Value::Obj(_)) => records.push(other),
        }
    }
    records
}

/// A page after its shape.
///
/// # Errors
/// What the filter said.
pub(super) fn shaped(
    shape: Option<&Filter>,
    records: Vec<Value>,
    also: Option<Value>,
    settings: &Value,
) -> Result<Vec<Value>, String> {
    let Some(shape) = shape else { return Ok(records) };
    let input = [
        ("records".to_owned(), records.into_iter().collect()),
        ("also".to_owned(), also.unwrap_or(Value::Null)),
        ("settings".to_owned(), settings.clone()),
    ];
    Ok(flat(shape.all(json::object(input))?))
}

/// The settings that are no secrets, with their types, for filters.
pub(super) fn settings_value(mapper: &Mapper) -> Value {
    plain_settings(&mapper.connector, &mapper.settings)
}

/// The settings that are no secrets, with their types, for filters.
pub(super) fn plain_settings(connector: &Connector, settings: &BTreeMap<String, String>) -> Value {
    use super::manifest::SettingType;
    let value = |(name, text): (&String, &String)| {
        let typed = match connector.manifest.settings.get(name)?.kind {
            SettingType::Secret => return None,
            SettingType::Text | SettingType::Date => json::text(text),
            SettingType::Integer => json::number(text)?,
            SettingType::Flag => Value::Bool(text == "true"),
        };
        Some((name.clone(), typed))
    };
    json::object(settings.iter().filter_map(value))
}
