//! Mapping tests: a sample of the partner's records against the canonical records expected of it, with coverage.
//!
//! `samples/<operation>.expected.json` holds what the operation's `sample` must give. Coverage is measured, not guessed:
//! a source field has no effect when taking it away changes no record, so filters are seen through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use csv::StringRecord;
use serde_json::{Map, Value as Json, json};

use super::documents::told;
use super::error::Error;
use super::load::Connector;
use super::manifest::{Asks, FileOperation, FormatRule, Operation, Records, ShapeSpan, Work};
use super::roles::Kind;
use super::send::fields_of;
use super::source::{Input, Mapper, records_of, settings_value, shaped};
use crate::format::csv::Next;
use crate::format::{Header, Record, Value, json as tree};
use crate::mapping::{AccountIn, Filter, Mapped, Outcome, Target, Terms};
use crate::model::Currency;

/// The settings of the samples that read, where the defaults do not do.
const SETTINGS: &str = "settings.json";

/// What the samples of a connector gave.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Report {
    /// The connector.
    pub connector: String,
    /// Each operation with a sample.
    pub samples: Vec<SampleReport>,
    /// Operations that read and have no sample.
    pub untested: Vec<String>,
}

/// What one sample gave.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SampleReport {
    /// The operation.
    pub operation: String,
    /// The file of `samples/`.
    pub sample: String,
    /// How many canonical records it gave.
    pub records: usize,
    /// How many of them are bad.
    pub bad: usize,
    /// Codes that no table lists.
    pub unknown_codes: BTreeSet<String>,
    /// The canonical records, for a new `.expected.json`.
    pub actual: Json,
    /// Where it is not what was expected; empty when it is.
    pub differences: Vec<String>,
    /// Source fields that change nothing when they are taken away.
    pub without_effect: BTreeSet<String>,
    /// Canonical fields that no record of the sample fills.
    pub never_filled: BTreeSet<String>,
    /// The files that came of it, for new expected ones; only of a batch.
    #[serde(skip)]
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Report {
    /// Whether every sample gave what was expected.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.samples.iter().all(|sample| sample.differences.is_empty())
    }
}

/// Holds the samples of a connector against what is expected of them. The company's currency is EUR, its terms 30 days,
/// and settings have their defaults, or what `samples/settings.json` gives them.
#[must_use]
pub fn mapping_test(connector: &Arc<Connector>) -> Report {
    let mut report =
        Report { connector: connector.manifest.id.clone(), samples: Vec::new(), untested: Vec::new() };
    for (name, operation) in &connector.manifest.operations {
        match &operation.sample {
            Some(sample) => report.samples.push(test(connector, name, operation, sample)),
            None if operation.purpose.kind != Kind::Send => report.untested.push(name.clone()),
            None => {}
        }
    }
    report
}

fn test(connector: &Arc<Connector>, name: &str, operation: &Operation, sample: &str) -> SampleReport {
    let mut report = SampleReport {
        operation: name.to_owned(),
        sample: sample.to_owned(),
        records: 0,
        bad: 0,
        unknown_codes: BTreeSet::new(),
        actual: Json::Null,
        differences: Vec::new(),
        without_effect: BTreeSet::new(),
        never_filled: BTreeSet::new(),
        files: BTreeMap::new(),
    };
    let read = connector
        .samples
        .get(sample)
        .ok_or_else(|| format!("samples/{sample} is not there"))
        .and_then(|bytes| run(connector, operation, sample, bytes, &mut report));
    let records = match read {
        Ok(records) => records,
        Err(problem) => {
            report.differences.push(problem);
            return report;
        }
    };
    report.records = records.len();
    report.never_filled = never_filled(&records);
    report.actual = Json::Array(records);
    let expected_name = format!("{name}.expected.json");
    match connector.samples.get(&expected_name).map(|bytes| serde_json::from_slice::<Json>(bytes)) {
        None => report.differences.push(format!("samples/{expected_name} is not there")),
        Some(Err(error)) => report.differences.push(format!("samples/{expected_name}: {error}")),
        Some(Ok(expected)) => differences("", &expected, &report.actual, &mut report.differences),
    }
    report
}

/// What the records of a sample are made from, so that a part can be taken away.
enum Material<'a> {
    Rows { header: Arc<Header>, rows: Vec<StringRecord> },
    Trees { records: Vec<Value>, also: Option<Value>, shape: Option<&'a Filter> },
}

fn run(
    connector: &Arc<Connector>,
    operation: &Operation,
    sample: &str,
    bytes: &[u8],
    report: &mut SampleReport,
) -> Result<Vec<Json>, String> {
    let defaults = connector
        .manifest
        .settings
        .iter()
        .filter_map(|(name, setting)| Some((name.clone(), setting.default.clone()?)));
    let own: BTreeMap<String, String> = match connector.samples.get(SETTINGS) {
        Some(bytes) => {
            serde_json::from_slice(bytes).map_err(|error| format!("samples/{SETTINGS}: {error}"))?
        }
        None => BTreeMap::new(),
    };
    let mapper = Mapper {
        connector: Arc::clone(connector),
        target: operation.into.unwrap_or(Target::Invoice),
        settings: defaults.chain(own).collect(),
        terms: Terms { default_days: Some(30), by_account: BTreeMap::new() },
        currency: Currency::EUR,
    };
    let material = match &operation.work {
        Work::Http(http) => {
            if operation.purpose.kind == Kind::Send {
                return super::documents::sample(connector, bytes);
            }
            let body = tree::parse(bytes)?;
            if operation.purpose.kind == Kind::LookUp {
                let found = fields_of(http, &body)?;
                return Ok(found.into_iter().map(|fields| json!(fields)).collect());
            }
            let also =
                connector.samples.get(&also_name(sample)).map(|bytes| tree::parse(bytes)).transpose()?;
            // A shape over the whole list is given the second answers of all pages.
            let also = match http.span {
                ShapeSpan::Page => also,
                ShapeSpan::Whole => Some(also.into_iter().collect()),
            };
            let records = match http.asks {
                Asks::Once => records_of(&http.records, &body)?,
                Asks::EachDocument => answered(&http.records, &body)?,
            };
            Material::Trees { records, also, shape: http.shape.as_ref() }
        }
        Work::HandOver(send) => return super::hand_over::sample_rows(connector, send, bytes),
        Work::Batch(_) => {
            let results = super::batch::sample(connector, bytes, report)?;
            let made = report.files.keys().map(String::as_str).collect();
            report.differences.extend(super::batch::left_over(connector, &made));
            return Ok(results);
        }
        Work::File(file) => {
            match file_material(&mapper, file, sample, bytes).map_err(|error| error.to_string())? {
                Some(material) => material,
                // A format that makes its own records: nothing of the file can be taken away and still be read.
                None => {
                    let mut records = Vec::new();
                    let mut emit = |batch: super::Batch| {
                        records.extend(batch.records.into_iter().map(|record| record.mapped));
                        Ok(())
                    };
                    mapper
                        .read(&Input::Bytes(sample, bytes), file, &mut emit)
                        .map_err(|error| error.to_string())?;
                    note(&records, report);
                    return Ok(records.iter().map(canonical).collect());
                }
            }
        }
    };
    let mapped = material.map(&mapper).map_err(|error| error.to_string())?;
    note(&mapped, report);
    let records: Vec<Json> = mapped.iter().map(canonical).collect();
    for field in material.fields() {
        let without = material.without(&field).map(&mapper);
        if without.is_ok_and(|without| without.iter().map(canonical).eq(records.iter().cloned())) {
            report.without_effect.insert(field);
        }
    }
    Ok(records)
}

/// The records of a sample of answers on single documents: a list of `{ asked, answer }`, each answer whole.
fn answered(rule: &Records, body: &Value) -> Result<Vec<Value>, String> {
    let Value::Arr(list) = body else { return Err("it is no list of { asked, answer }".to_owned()) };
    let mut records = Vec::new();
    for one in list.iter() {
        let part = |name| tree::get(one, name).ok_or_else(|| format!("\"{name}\" is missing in {one}"));
        let asked = part("asked")?;
        let answers = records_of(rule, part("answer")?)?;
        records.extend(answers.into_iter().map(|answer| told(asked, "answer", answer)));
    }
    Ok(records)
}

fn note(mapped: &[Mapped], report: &mut SampleReport) {
    report.bad = mapped.iter().filter(|mapped| matches!(mapped.outcome, Outcome::Bad(_))).count();
    let unknown = mapped.iter().flat_map(|mapped| &mapped.unknown);
    report.unknown_codes = unknown.map(|code| format!("{}: {}", code.table, code.code)).collect();
}

/// `receipts.json` → `receipts.also.json`.
fn also_name(sample: &str) -> String {
    let (stem, extension) = sample.rsplit_once('.').unwrap_or((sample, "json"));
    format!("{stem}.also.{extension}")
}

fn file_material<'a>(
    mapper: &Mapper,
    file: &'a FileOperation,
    sample: &str,
    bytes: &[u8],
) -> Result<Option<Material<'a>>, Error> {
    match &file.format {
        FormatRule::Csv { .. } | FormatRule::Table { .. } => {
            let options = mapper.table_options(file)?;
            let mut source = Input::Bytes(sample, bytes).rows(&options)?;
            let (mut rows, mut row) = (Vec::new(), StringRecord::new());
            loop {
                match source.next(&mut row)? {
                    Next::Row(_) => rows.push(row.clone()),
                    Next::Bad(..) => {}
                    Next::End => break,
                }
            }
            Ok(Some(Material::Rows { header: source.header(), rows }))
        }
        FormatRule::Json | FormatRule::Xml(_) | FormatRule::Lines { .. } => {
            let wrong = |reason| Error::Shape { operation: sample.to_owned(), reason };
            let body = mapper.document(&file.format, bytes)?.map_err(wrong)?;
            let records: &Records = &file.records;
            let records = records_of(records, &body).map_err(wrong)?;
            Ok(Some(Material::Trees { records, also: None, shape: file.shape.as_ref() }))
        }
        FormatRule::Fec { .. } => Ok(None),
    }
}

impl Material<'_> {
    fn map(&self, mapper: &Mapper) -> Result<Vec<Mapped>, Error> {
        match self {
            Self::Rows { header, rows } => {
                let bound = mapper.bind("sample", Some(header))?;
                Ok(rows.iter().map(|row| bound.map(Record::Row(header, row))).collect())
            }
            Self::Trees { records, also, shape } => {
                let wrong = |reason| Error::Shape { operation: "sample".to_owned(), reason };
                let records =
                    shaped(*shape, records.clone(), also.clone(), &settings_value(mapper)).map_err(wrong)?;
                let records = mapper.map_trees(&"sample".into(), 1, &records)?;
                Ok(records.into_iter().map(|record| record.mapped).collect())
            }
        }
    }

    fn fields(&self) -> BTreeSet<String> {
        match self {
            Self::Rows { header, .. } => header.names().iter().cloned().collect(),
            Self::Trees { records, .. } => {
                let mut fields = BTreeSet::new();
                for record in records {
                    leaves(record, "", &mut fields);
                }
                fields
            }
        }
    }

    fn without(&self, field: &str) -> Self {
        match self {
            Self::Rows { header, rows } => {
                let at = header.names().iter().position(|name| name == field);
                let blank = |row: &StringRecord| {
                    row.iter()
                        .enumerate()
                        .map(|(index, text)| if Some(index) == at { "" } else { text })
                        .collect()
                };
                Self::Rows { header: Arc::clone(header), rows: rows.iter().map(blank).collect() }
            }
            Self::Trees { records, also, shape } => {
                let records = records.iter().map(|record| pruned(record, "", field)).collect();
                Self::Trees { records, also: also.clone(), shape: *shape }
            }
        }
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path} › {key}") }
}

/// The places of all scalars; elements of a list share theirs.
fn leaves(value: &Value, path: &str, out: &mut BTreeSet<String>) {
    match value {
        Value::Obj(map) => {
            for (key, value) in map.iter() {
                leaves(value, &below(path, &tree::scalar(key).unwrap_or_default()), out);
            }
        }
        Value::Arr(list) => list.iter().for_each(|value| leaves(value, path, out)),
        Value::Null | Value::Bool(_) | Value::Num(_) | Value::BStr(_) | Value::TStr(_) => {
            out.insert(path.to_owned());
        }
    }
}

/// A record with the scalars at a place set to null.
fn pruned(value: &Value, path: &str, field: &str) -> Value {
    match value {
        Value::Obj(map) => {
            let pair = |(key, value): (&Value, &Value)| {
                let name = tree::scalar(key).unwrap_or_default();
                let pruned = pruned(value, &below(path, &name), field);
                (name, pruned)
            };
            tree::object(map.iter().map(pair))
        }
        Value::Arr(list) => list.iter().map(|value| pruned(value, path, field)).collect(),
        Value::Null | Value::Bool(_) | Value::Num(_) | Value::BStr(_) | Value::TStr(_) if path == field => {
            Value::Null
        }
        Value::Null | Value::Bool(_) | Value::Num(_) | Value::BStr(_) | Value::TStr(_) => value.clone(),
    }
}

/// A mapped record as JSON, the form of `.expected.json`.
pub(super) fn canonical(mapped: &Mapped) -> Json {
    let mut out = match &mapped.outcome {
        Outcome::Account(account) => json!({ "customer": account }),
        Outcome::Item(item) => {
            json!({ "item": item.item, "more": item.more, "account": described(item.account.as_deref()) })
        }
        Outcome::Order(order) => {
            json!({ "order": order.order, "account": described(order.account.as_deref()) })
        }
        Outcome::Allocation(allocation) => json!({ "allocation": allocation }),
        Outcome::Limit(limit) => json!({ "limit": limit }),
        Outcome::Request(request) => json!({ "request": request }),
        Outcome::Rating(rating) => json!({ "rating": rating }),
        Outcome::FactorLine(line) => json!({ "factor_line": line }),
        Outcome::Approval(approval) => json!({ "approval": approval }),
        Outcome::FactorCash(cash) => json!({ "factor_cash": cash }),
        Outcome::Ignored => json!({ "ignored": true }),
        Outcome::Bad(faults) => json!({ "bad": faults.iter().map(ToString::to_string).collect::<Vec<_>>() }),
    };
    if let Some(object) = out.as_object_mut().filter(|_| !mapped.unknown.is_empty()) {
        let unknown = mapped.unknown.iter().map(|code| format!("{}: {}", code.table, code.code));
        object.insert("unknown_codes".to_owned(), unknown.collect());
    }
    out
}

/// What a record says of its account.
fn described(account: Option<&AccountIn>) -> Option<Json> {
    let account = account?;
    Some(json!({
        "name": account.name,
        "country": account.country,
        "identifiers": account.identifiers,
        "insurer_buyer_id": account.insurer_buyer_id,
    }))
}

/// The fields of canonical records that hold nothing in any of them.
fn never_filled(records: &[Json]) -> BTreeSet<String> {
    fn walk(
        path: &str,
        object: &Map<String, Json>,
        empty: &mut BTreeSet<String>,
        filled: &mut BTreeSet<String>,
    ) {
        for (key, value) in object {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let nothing = match value {
                Json::Null => true,
                Json::String(text) => text.is_empty(),
                Json::Array(list) => list.is_empty(),
                Json::Object(inner) => {
                    walk(&path, inner, empty, filled);
                    continue;
                }
                Json::Bool(_) | Json::Number(_) => false,
            };
            if nothing {
                empty.insert(path)
            } else {
                filled.insert(path)
            };
        }
    }
    let (mut empty, mut filled) = (BTreeSet::new(), BTreeSet::new());
    for record in records.iter().filter_map(Json::as_object) {
        walk("", record, &mut empty, &mut filled);
    }
    // A list of further instalments or an account that one record has covers the others.
    empty
        .into_iter()
        .filter(|path| !filled.iter().any(|have| have == path || have.starts_with(&format!("{path}."))))
        .collect()
}

/// Every difference between two documents, each with its place.
fn differences(path: &str, expected: &Json, actual: &Json, out: &mut Vec<String>) {
    match (expected, actual) {
        (Json::Object(a), Json::Object(b)) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                let (a, b) = (a.get(key).unwrap_or(&Json::Null), b.get(key).unwrap_or(&Json::Null));
                differences(&format!("{path}.{key}"), a, b, out);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{index}]"), a, b, out);
            }
        }
        (Json::Array(a), Json::Array(b)) => {
            out.push(format!("{path}: {} expected, {} found", a.len(), b.len()))
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}: expected {a}, found {b}")),
    }
}
