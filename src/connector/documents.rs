//! Batches of assigned documents, whichever way a factor takes them: in the files of a layout, or document by document in calls.
//!
//! For a factor that is called, what is said of each document is written when the batch is made: a JSON object with the body of
//! each call by the name of its operation. It is kept like a file, and never made anew. What only the factor can know then, its
//! own id of the document, stands in it as a place, [`DOCUMENT_REFERENCE`], and is filled in when the first call has answered.
//! Invariant: one document, one entry; the same document of a contract has the same reference of ours for ever.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use serde_json::{Value as Json, json};

use super::batch::{Sample, placed};
use super::connection::Connection;
use super::error::Error;
use super::load::Connector;
use super::manifest::{Asks, HttpOperation, Mode, Outcome, Work};
use super::pull::{Batch, Pulled};
use super::roles::Kind;
use super::send::{Sent, http_of, texts, translated};
use super::source::{BATCH_RECORDS, records_of, settings_value, shaped};
use crate::format::{Value, json as tree};
use crate::ids::fingerprint_hex;
use crate::mapping::Terms;
use crate::mapping::layout::{self, Layout, LayoutError, Written, WrittenFile};
use crate::model::{
    AssignedDocument, BatchHead, ControlTotals, Currency, DocumentKind, Market, Scheme, render_minor,
};
use crate::transport::http::Effect;
use crate::transport::{self, Scope, Template, Verdict};

/// The operation that tells a factor of a document.
pub const SEND: &str = "send_document";

/// The operation that asks for its financing, where that is another call.
pub const FINANCE: &str = "finance_document";

/// The place of the factor's id of a document in what is said after it has one.
const DOCUMENT_REFERENCE: &str = "{document_reference}";

/// What the file of a document begins with.
const PDF: &[u8] = b"%PDF-";

/// The largest file of a document.
const ATTACHED_BYTES_MAX: u64 = 10 << 20;

/// How a connection assigns documents.
#[derive(Debug, Clone, Copy)]
pub enum Form<'c> {
    /// In files.
    Files(&'c Layout, &'c BTreeMap<String, String>),
    /// In calls.
    Calls(&'c Connection, &'c HttpOperation),
}

/// What a factor answered to one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It has it: the factor's id of the document, or of its financing.
    As(String),
    /// It does not take it, and why. Nothing of it is there.
    Refused(String),
}

impl Connection {
    /// How it assigns documents; none where the connector does neither.
    #[must_use]
    pub fn form(&self) -> Option<Form<'_>> {
        if let Some((layout, settings)) = self.layout() {
            return Some(Form::Files(layout, settings));
        }
        match &self.connector.manifest.operations.get(SEND)?.work {
            Work::Http(http) => Some(Form::Calls(self, http)),
            Work::File(_) | Work::HandOver(_) | Work::Batch(_) => None,
        }
    }

    /// The calls that each document takes, in their order; none of a connection that hands files over.
    #[must_use]
    pub fn document_calls(&self) -> Vec<&'static str> {
        let operations = &self.connector.manifest.operations;
        [SEND, FINANCE].into_iter().filter(|name| operations.contains_key(*name)).collect()
    }

    /// Whether saying the same twice is no harm: the factor knows our reference again.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.connector.manifest.capabilities.idempotency_key
    }

    /// Tells the factor of one document, once: one call with what was written of it.
    ///
    /// # Errors
    /// [`Error`]. Its verdict matters: after [`Verdict::OutcomeUnknown`] nobody knows whether the factor has it.
    pub async fn tell_document(
        &self,
        operation: &str,
        content: &[u8],
        document_reference: Option<&str>,
    ) -> Result<Taken, Error> {
        let http = http_of(self.operation(operation, "tell of a document", |kind| kind == Kind::Send)?)?;
        let wrong = |reason: String| Error::Request { operation: operation.to_owned(), reason };
        let bodies = tree::parse(content).map_err(wrong)?;
        let body = tree::get(&bodies, operation).ok_or_else(|| {
            wrong("the batch was made without this call: discard it and make it again".to_owned())
        })?;
        let has_body = !matches!(body, Value::Null);
        let body = has_body.then(|| filled(body, document_reference.unwrap_or_default()));
        let facts = document_reference.map(|id| ("document_reference".to_owned(), id.to_owned()));
        let facts = facts.into_iter().collect();
        let sent = match self.say(operation, http, &facts, body).await {
            Ok(sent) => sent,
            Err(Error::Transport(error)) => return refusal(error),
            Err(error) => return Err(error),
        };
        match sent {
            Sent { outcome: Outcome::Refused, message, .. } => Ok(Taken::Refused(
                message.unwrap_or_else(|| "the factor says no, without a reason".to_owned()),
            )),
            Sent { reference: Some(reference), .. } => Ok(Taken::As(reference)),
            Sent { reference: None, .. } => Err(unclear("it says yes, and gives no id".to_owned())),
        }
    }

    /// For how many days after a batch was made its documents may be told of; for ever without a number.
    #[must_use]
    pub fn told_within_days(&self) -> Option<i64> {
        match &self.connector.manifest.operations.get(SEND)?.work {
            Work::Http(http) => http.within_days,
            Work::File(_) | Work::HandOver(_) | Work::Batch(_) => None,
        }
    }

    /// Whether an operation asks of each document.
    #[must_use]
    pub fn asks_each(&self, operation: &str) -> bool {
        self.connector.manifest.operations.get(operation).is_some_and(|declared| match &declared.work {
            Work::Http(http) => http.asks == Asks::EachDocument,
            Work::File(_) | Work::HandOver(_) | Work::Batch(_) => false,
        })
    }

    /// Asks the factor of each document that it has, and hands on what it answers: each record as `{ asked, answer }`. A document of
    /// which the factor says that something is wrong with it is a bad record, and no reason to be silent about the others.
    ///
    /// # Errors
    /// [`Error`]; then nothing of what was handed over may be kept.
    pub async fn pull_each(
        &self,
        operation: &str,
        held: &[BTreeMap<String, String>],
        out: tokio::sync::mpsc::Sender<Batch>,
    ) -> Result<Pulled, Error> {
        let declared = self.pull_operation(operation)?;
        let http = http_of(declared)?;
        let mapper = self.mapper(declared);
        let settings = settings_value(&mapper);
        let wrong = |reason: String| Error::Shape { operation: operation.to_owned(), reason };
        let (mut read, mut line, mut records) = (0, 1, Vec::new());
        // What a person took to the factor has no id to ask for.
        let can_ask = |facts: &&BTreeMap<String, String>| {
            let scope = Scope { layers: &[facts, &self.settings], correlation: "" };
            http.request.path.fill_path(&scope).is_ok()
        };
        for facts in held.iter().filter(can_ask) {
            let input = self.filter_input(texts(facts));
            let asked = tree::object(facts.iter().map(|(name, text)| (name.clone(), tree::text(text))));
            match self.request(operation, Effect::Read, &http.request, &[facts], input, None).await {
                Ok(answer) => {
                    let answers = records_of(&http.records, &answer.body).map_err(wrong)?;
                    records.extend(answers.into_iter().map(|answer| told(&asked, "answer", answer)));
                }
                Err(error) if error.verdict() == Verdict::FixData => {
                    records.push(told(&asked, "error", tree::text(&error.to_string())));
                }
                Err(error) => return Err(error),
            }
            read += 1;
            if records.len() >= BATCH_RECORDS {
                let records = shaped(http.shape.as_ref(), std::mem::take(&mut records), None, &settings);
                line = self.hand_on(&mapper, &operation.into(), line, records.map_err(wrong)?, &out).await?;
            }
        }
        let records = shaped(http.shape.as_ref(), records, None, &settings).map_err(wrong)?;
        self.hand_on(&mapper, &operation.into(), line, records, &out).await?;
        Ok(Pulled { mode: Mode::Incremental, cursor: None, files: Vec::new(), read })
    }

    /// What is said of one document in all calls, as it is kept.
    fn written(&self, facts: &BTreeMap<String, String>) -> Result<Value, Error> {
        let mut bodies = Vec::new();
        for operation in self.document_calls() {
            let http = http_of(self.operation(operation, "tell of a document", |kind| kind == Kind::Send)?)?;
            let facts = translated(&http.codes, facts)?;
            let body = self.body_of(operation, &http.request, &[&facts], self.filter_input(texts(&facts)))?;
            bodies.push((operation.to_owned(), body.unwrap_or(Value::Null)));
        }
        Ok(tree::object(bodies))
    }
}

/// What a failed call says of the document. Only what says that its data are wrong (400, 413, 422, or an error inside a good status) is the
/// factor's no: any other refusal is of the call, and holds for the next document too. A conflict may mean that the document is there.
fn refusal(error: transport::Error) -> Result<Taken, Error> {
    let transport::Error::Refused { status, verdict, .. } = &error else { return Err(error.into()) };
    match (status, verdict) {
        (200..=299 | 400 | 413 | 422, Verdict::FixData) => Ok(Taken::Refused(error.to_string())),
        (409, _) => Err(unclear(error.to_string())),
        (_, _) => Err(error.into()),
    }
}

fn unclear(reason: String) -> Error {
    transport::Error::Answer { reason, effect: Effect::Write }.into()
}

/// A record of what was asked and what was answered.
pub(super) fn told(asked: &Value, name: &str, answer: Value) -> Value {
    tree::object([("asked".to_owned(), asked.clone()), (name.to_owned(), answer)])
}

/// A body with the factor's id of the document in its place.
fn filled(body: &Value, reference: &str) -> Value {
    match body {
        Value::Obj(map) => tree::object(
            map.iter().map(|(key, value)| (tree::scalar(key).unwrap_or_default(), filled(value, reference))),
        ),
        Value::Arr(list) => list.iter().map(|value| filled(value, reference)).collect(),
        Value::TStr(_) => match tree::scalar(body) {
            Some(text) if text.contains(DOCUMENT_REFERENCE) => {
                tree::text(&text.replace(DOCUMENT_REFERENCE, reference))
            }
            Some(_) | None => body.clone(),
        },
        Value::Null | Value::Bool(_) | Value::Num(_) | Value::BStr(_) => body.clone(),
    }
}

/// The file of a document: whether it is read, or only looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attached {
    Read,
    LookedFor,
}

impl Form<'_> {
    /// Whether it cannot be written without the day of the factor's last statement.
    #[must_use]
    pub fn needs_statement_date(&self) -> bool {
        match self {
            Self::Files(layout, _) => layout.needs_statement_date(),
            Self::Calls(..) => false,
        }
    }

    /// Whether it has a place for such a document.
    #[must_use]
    pub fn takes(&self, kind: DocumentKind, market: Market) -> bool {
        match self {
            Self::Files(layout, _) => layout.takes(kind, market),
            Self::Calls(_, http) => match http.codes.get("kind") {
                Some(words) => words.contains_key(kind.as_str()),
                None => kind == DocumentKind::Invoice,
            },
        }
    }

    /// Writes one document as if it were the first of a batch, keeps nothing, and says its number as written.
    ///
    /// # Errors
    /// [`LayoutError`]: it has no place, or does not fit.
    pub fn try_alone(&self, head: &BatchHead, document: &AssignedDocument) -> Result<String, LayoutError> {
        match self {
            Self::Files(layout, settings) => layout.try_alone(head, settings, document),
            Self::Calls(connection, _) => {
                self.of_document(connection, head, document, document.amount_minor, Attached::LookedFor)?;
                Ok(document.number.clone())
            }
        }
    }

    /// Writes a whole batch; `available` is what the factor is expected to pay for each document, minor units.
    ///
    /// # Errors
    /// [`LayoutError`]: the first thing that does not fit.
    pub fn write(
        &self,
        head: &BatchHead,
        documents: &[AssignedDocument],
        available: &[i64],
    ) -> Result<Written<Vec<u8>>, LayoutError> {
        let connection = match self {
            Self::Files(layout, settings) => return layout.write(head, settings, documents),
            Self::Calls(connection, _) => connection,
        };
        connection.one_file_each(documents)?;
        let mut written =
            Written { files: Vec::new(), totals: ControlTotals::default(), numbers: Vec::new() };
        for ((document, available), place) in documents.iter().zip(available).zip(1..) {
            let body = self.of_document(connection, head, document, *available, Attached::Read)?;
            let (kind, amount) = (document.kind, document.amount_minor);
            written.totals = written.totals.with(kind, amount).ok_or(LayoutError::TooLarge)?;
            written.files.push(WrittenFile {
                name: format!("{place:04}_{}.json", file_signs(&document.number)),
                place: 0,
                market: Some(document.buyer.market),
                records: 1,
                totals: ControlTotals::default().with(kind, amount).ok_or(LayoutError::TooLarge)?,
                out: body.to_string().into_bytes(),
            });
            written.numbers.push(document.number.clone());
        }
        if written.files.is_empty() { Err(LayoutError::NoDocuments) } else { Ok(written) }
    }

    fn of_document(
        &self,
        connection: &Connection,
        head: &BatchHead,
        document: &AssignedDocument,
        available_minor: i64,
        attached: Attached,
    ) -> Result<Value, LayoutError> {
        let of = layout::told(document.kind, &document.number);
        let wrong = |reason: String| LayoutError::NotTold { document: of.clone(), reason };
        if !self.takes(document.kind, document.buyer.market) {
            return Err(wrong("it has no call for documents of this kind".to_owned()));
        }
        let mut facts = facts(&connection.connector.manifest.id, head, document, available_minor);
        for operation in connection.document_calls() {
            let Some(Work::Http(http)) =
                connection.connector.manifest.operations.get(operation).map(|own| &own.work)
            else {
                continue;
            };
            let Some(template) = &http.attach else { continue };
            let path = connection.attached(template, &document.number).map_err(wrong)?;
            let content = content_of(&path, attached).map_err(wrong)?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            facts.insert("file".to_owned(), base64::engine::general_purpose::STANDARD.encode(content));
            facts.insert("file_name".to_owned(), name);
        }
        match connection.written(&facts) {
            Ok(body) => Ok(body),
            // Of a filter there is no field to name: it says itself what is missing.
            Err(Error::Render(error)) if error.field == "jq" => {
                Err(wrong(error.reason.trim_matches('"').to_owned()))
            }
            Err(Error::Fact { fact, value, known }) => {
                Err(wrong(format!("it has no word for the {fact} \"{value}\"; it knows {known}")))
            }
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}

impl Connection {
    /// Refuses two documents whose numbers lead to one file: the factor would get the paper of another invoice.
    fn one_file_each(&self, documents: &[AssignedDocument]) -> Result<(), LayoutError> {
        let attaches = self.document_calls().iter().any(|name| {
            self.connector
                .manifest
                .operations
                .get(*name)
                .is_some_and(|own| matches!(&own.work, Work::Http(http) if http.attach.is_some()))
        });
        let mut of: BTreeMap<String, &str> = BTreeMap::new();
        for document in documents.iter().filter(|_| attaches) {
            if let Some(other) = of.insert(file_signs(&document.number), &document.number) {
                let reason = format!(
                    "its file has the name of that of {other}; exclude one of them from the batch, or give it another number"
                );
                let document = layout::told(document.kind, &document.number);
                return Err(LayoutError::NotTold { document, reason });
            }
        }
        Ok(())
    }

    /// The path of the file of a document. Of its number, signs that a file's name cannot have are `_`.
    pub(super) fn attached(&self, template: &Template, number: &str) -> Result<PathBuf, String> {
        let facts = BTreeMap::from([("number".to_owned(), file_signs(number))]);
        let scope = Scope { layers: &[&facts, &self.settings], correlation: "" };
        match template.fill(&scope) {
            Ok(Some(path)) => Ok(PathBuf::from(path)),
            Ok(None) => Err("the setting that says where the documents' files are is not given".to_owned()),
            Err(name) => Err(format!("the setting \"{name}\" is not given: where the documents' files are")),
        }
    }
}

/// A body for people and for comparing: numbers as `number 12.50`, digit by digit.
fn shown(value: &Value) -> Json {
    match value {
        Value::Obj(map) => Json::Object(
            map.iter().map(|(key, value)| (tree::scalar(key).unwrap_or_default(), shown(value))).collect(),
        ),
        Value::Arr(list) => list.iter().map(shown).collect(),
        Value::Num(number) => Json::String(format!("number {number}")),
        Value::Bool(flag) => Json::Bool(*flag),
        Value::BStr(_) | Value::TStr(_) => tree::scalar(value).map_or(Json::Null, Json::String),
        Value::Null => Json::Null,
    }
}

/// What the calls of a sample of documents say, for the mapping test: a factor is expected to pay all of each, and each document's file
/// is an empty PDF. An error is a result like any other.
///
/// # Errors
/// A sentence: what is wrong with the sample itself.
pub(super) fn sample(connector: &Arc<Connector>, bytes: &[u8]) -> Result<Vec<Json>, String> {
    let Sample { settings, buyers, cases } =
        serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let defaults = connector.manifest.settings.iter();
    let defaults = defaults.filter_map(|(name, setting)| Some((name.clone(), setting.default.clone()?)));
    let mut connection = Connection {
        id: "sample".to_owned(),
        connector: Arc::clone(connector),
        settings: defaults.chain(settings).collect(),
        base_url: None,
        terms: Terms { default_days: None, by_account: BTreeMap::new() },
        currency: Currency::EUR,
        http: None,
        delivery: None,
        seal: None,
    };
    let mut results = Vec::new();
    for case in cases {
        connection.settings.extend(case.settings);
        for document in case.documents {
            let document = placed(document, &buyers).map_err(|error| format!("{}: {error}", case.case))?;
            let mut facts = facts(&connector.manifest.id, &case.head, &document, document.amount_minor);
            facts.insert("file".to_owned(), base64::engine::general_purpose::STANDARD.encode(PDF));
            facts.insert("file_name".to_owned(), format!("{}.pdf", file_signs(&document.number)));
            let said = match connection.written(&facts) {
                Ok(said) => shown(&said),
                Err(error) => json!({ "error": error.to_string() }),
            };
            results.push(json!({ "case": case.case, "number": document.number, "said": said }));
        }
    }
    Ok(results)
}

fn file_signs(number: &str) -> String {
    let plain = |sign: char| sign.is_alphanumeric() || matches!(sign, '-' | '_' | '.');
    number.chars().map(|sign| if plain(sign) { sign } else { '_' }).collect()
}

/// The file of a document, which is a PDF; its first signs only where it is just looked for.
fn content_of(path: &std::path::Path, attached: Attached) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            format!("{shown} is not there, and the factor takes a document with its file only")
        } else {
            format!("{shown} cannot be read: {error}")
        }
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size > ATTACHED_BYTES_MAX {
        return Err(format!("{shown} has {size} bytes, and {ATTACHED_BYTES_MAX} is the most"));
    }
    let mut content = Vec::new();
    let most = match attached {
        Attached::Read => ATTACHED_BYTES_MAX,
        Attached::LookedFor => PDF.len() as u64,
    };
    file.by_ref().take(most).read_to_end(&mut content).map_err(unreadable)?;
    if !content.starts_with(PDF) {
        return Err(format!("{shown} is no PDF"));
    }
    Ok(content)
}

/// What is said of a document; amounts as decimals and in minor units.
fn facts(
    connector: &str,
    head: &BatchHead,
    document: &AssignedDocument,
    available_minor: i64,
) -> BTreeMap<String, String> {
    let buyer = &document.buyer;
    let parts = ["document", connector, &head.contract, document.kind.as_str(), &document.number];
    let mut facts: BTreeMap<String, String> = [
        ("contract", head.contract.clone()),
        ("batch", head.batch.to_string()),
        ("date", head.date.to_string()),
        ("company", head.company.clone()),
        ("kind", document.kind.as_str().to_owned()),
        ("number", document.number.clone()),
        ("issued", document.issued.to_string()),
        ("due", document.due.to_string()),
        ("currency", document.currency.code().to_owned()),
        ("buyer_code", buyer.code.clone()),
        ("buyer_name", buyer.name.clone()),
        ("buyer_country", buyer.country.clone()),
        ("our_reference", fingerprint_hex(&parts.map(str::as_bytes))),
        ("document_reference", DOCUMENT_REFERENCE.to_owned()),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text))
    .collect();
    let total = document.total_minor;
    let net = total.zip(document.tax_minor).and_then(|(total, tax)| total.checked_sub(tax));
    let amounts = [
        ("amount", Some(document.amount_minor)),
        ("total", total),
        ("net", net),
        ("tax", document.tax_minor),
        ("available", Some(available_minor)),
    ];
    for (name, minor) in amounts {
        let Some(minor) = minor else { continue };
        facts.insert(name.to_owned(), render_minor(minor, document.currency));
        facts.insert(format!("{name}_minor"), minor.to_string());
    }
    let identifier = |scheme| buyer.identifier(scheme);
    let more = [
        ("reference", document.reference.clone()),
        ("factor_id", buyer.factor_id.clone()),
        ("buyer_siren", identifier(Scheme::Siren)),
        ("buyer_siret", identifier(Scheme::Siret)),
        ("buyer_vat", identifier(Scheme::Vat)),
    ];
    facts.extend(more.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_no_to_the_data_is_the_factors_no() {
        let of = |status, verdict| {
            let message = "no".to_owned();
            match refusal(transport::Error::Refused { status, message, reference: None, verdict }) {
                Ok(taken) => Ok(taken),
                Err(error) => Err(error.verdict()),
            }
        };
        for status in [200, 400, 413, 422] {
            let Ok(Taken::Refused(told)) = of(status, Verdict::FixData) else { panic!("{status}") };
            assert!(told.contains(&format!("status {status}: no")), "{told}");
        }
        for status in [404, 405, 410, 415] {
            assert_eq!(of(status, Verdict::FixData), Err(Verdict::FixData), "{status} is of the call");
        }
        assert_eq!(of(409, Verdict::FixData), Err(Verdict::OutcomeUnknown), "it may be there");
        assert_eq!(of(403, Verdict::NotAllowed), Err(Verdict::NotAllowed));
        assert_eq!(
            of(422, Verdict::FixConfiguration),
            Err(Verdict::FixConfiguration),
            "the manifest says so"
        );
    }
}
