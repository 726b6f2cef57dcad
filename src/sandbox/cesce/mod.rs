//! A simulator of Cesce's interfaces for policyholders, over HTTP, for tests and for people who try Encours without a contract.
//!
//! Paths, log-in, the one published status and the rules of endorsements and credit notes are from the insurer's public
//! pages; the names of most fields are assumed. A request is decided at once or after days in process; refused ones get no
//! endorsement. Its day is set by [`Sandbox::set_today`] or `POST /sandbox/today`; the only clock it reads is for the life
//! of tokens.
//! Invariant: the same seed, day and calls give the same answers, whatever the machine.

mod answer;
mod demo;
mod insurer;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::fault::{self, Calls, FaultKind};
use answer::{Answer, Cut, amount_minor};
pub(super) use insurer::open;
use state::{Book, Entry};
pub use state::{Change, Debtor, NonPayment, Sale, Setup, Status};

/// A fault of this interface.
pub type Fault = fault::Fault<Calls>;

/// Rows of a page, where a list is paged and the call states no size.
const PAGE_ROWS: usize = 20;
/// The most rows that a call may ask for.
const PAGE_ROWS_MAX: usize = 100;

/// Why a simulator could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read or written.
    #[error("the sandbox's file {path} cannot be used: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not one that a simulator wrote.
    #[error(
        "the sandbox's file {path} is not readable as a saved simulator, delete it to start afresh: {source}"
    )]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Everything behind the lock.
struct Inner {
    book: Book,
    /// When each token ends, and its scopes.
    tokens: HashMap<String, (DateTime<Utc>, String)>,
    faults: Vec<Fault>,
    /// Method, path with query and status of every call, without bodies.
    calls: Vec<(String, String, u16)>,
    keep: Option<PathBuf>,
}

/// A running simulator; clones share one state.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Mutex<Inner>>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("today", &self.today()).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts from a setup, on its first day.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self::of(Book::new(setup))
    }

    fn of(book: Book) -> Self {
        let inner = Inner { book, tokens: HashMap::new(), faults: Vec::new(), calls: Vec::new(), keep: None };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Continues where [`Sandbox::keep_in`] left off. Tokens, faults and the log of calls are not kept.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let book = serde_json::from_slice(&text)
            .map_err(|source| Error::Content { path: path.to_owned(), source })?;
        Ok(Self::of(book))
    }

    /// Saves to `path` now and after every change of the state, so that nothing is lost when the process is killed.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`]; later failures are logged.
    pub fn keep_in(&self, path: &Path) -> Result<(), Error> {
        let mut inner = self.lock();
        save(&inner.book, path)?;
        inner.keep = Some(path.to_owned());
        Ok(())
    }

    /// The simulator's day.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.lock().book.today
    }

    /// Moves the day. Decisions due by then become visible; going back hides what came after.
    pub fn set_today(&self, date: NaiveDate) {
        let mut inner = self.lock();
        inner.book.today = date;
        inner.persist();
    }

    /// Scripts a fault; several are used up in the order in which they were given.
    pub fn fault(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Method, path with query and status of every call so far, in the order of their answers.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, String, u16)> {
        self.lock().calls.clone()
    }

    /// The sales that were declared, those with a spoilt answer among them.
    #[must_use]
    pub fn sales(&self) -> Vec<Sale> {
        self.lock().book.sales.clone()
    }

    /// The non-payments that were declared, those with a spoilt answer among them.
    #[must_use]
    pub fn non_payments(&self) -> Vec<NonPayment> {
        self.lock().book.non_payments.clone()
    }

    /// The days until a request made now would be decided, and what would be granted, minor units; `Some(None)` is a refusal.
    #[must_use]
    pub fn foresee(&self, debtor: &str, amount_minor: i64) -> Option<(u64, Option<i64>)> {
        let inner = self.lock();
        let standing = inner.book.timeline(debtor).standing.filter(|standing| standing.status.covers());
        inner.book.debtor(debtor).map(|known| inner.book.plan(known, standing.as_ref(), amount_minor))
    }

    /// The interface as a router.
    pub fn router(&self) -> axum::Router {
        axum::Router::new().fallback(serve_call).with_state(self.clone())
    }
}

fn save(book: &Book, path: &Path) -> Result<(), Error> {
    let text =
        serde_json::to_vec_pretty(book).map_err(|source| Error::Content { path: path.to_owned(), source })?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|source| Error::File { path: path.to_owned(), source })
}

impl Inner {
    fn persist(&self) {
        if let Some(path) = &self.keep
            && let Err(error) = save(&self.book, path)
        {
            tracing::error!(%error, "the sandbox's state was not saved");
        }
    }
}

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Token,
    Classifications,
    Classify,
    Annul,
    Movements,
    Sales,
    Sell,
    Dossiers,
    NonPay,
}

impl Operation {
    const fn calls(self) -> Calls {
        match self {
            Self::Token => Calls::Token,
            Self::Classifications | Self::Movements | Self::Sales | Self::Dossiers => Calls::Read,
            Self::Classify | Self::Annul | Self::Sell | Self::NonPay => Calls::Write,
        }
    }

    /// The scope that a session needs.
    const fn scope(self) -> &'static str {
        match self {
            Self::Token => "",
            Self::Classifications | Self::Movements | Self::Sales | Self::Dossiers => "read",
            Self::Classify | Self::Sell | Self::NonPay => "create",
            Self::Annul => "update",
        }
    }
}

/// The operation behind a method and a path, and the contract it names.
fn find<'p>(method: &Method, path: &'p str) -> Result<(Operation, &'p str), Answer> {
    if path == "/oauth2/v1/token" {
        return if method == Method::POST { Ok((Operation::Token, "")) } else { Err(not_allowed()) };
    }
    let inside = path.strip_prefix("/contracts/").and_then(|rest| rest.split_once('/'));
    let Some((contract, rest)) = inside else { return Err(Answer::error(404, "404", "Not Found")) };
    let operation = match (rest, method) {
        ("classifications", &Method::GET) => Operation::Classifications,
        ("classifications", &Method::POST) => Operation::Classify,
        ("classifications/cancel", &Method::POST) => Operation::Annul,
        ("movements", &Method::GET) => Operation::Movements,
        ("sales", &Method::GET) => Operation::Sales,
        ("sales", &Method::POST) => Operation::Sell,
        ("dossiers", &Method::GET) => Operation::Dossiers,
        ("non-payments", &Method::POST) => Operation::NonPay,
        (
            "classifications"
            | "classifications/cancel"
            | "movements"
            | "sales"
            | "dossiers"
            | "non-payments",
            _,
        ) => {
            return Err(not_allowed());
        }
        (_, _) => return Err(Answer::error(404, "404", "Not Found")),
    };
    Ok((operation, contract))
}

fn not_allowed() -> Answer {
    Answer::error(405, "405", "Method Not Allowed")
}

/// A call, taken apart.
struct Incoming<'a> {
    operation: Operation,
    contract: &'a str,
    query: Vec<(String, String)>,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl Incoming<'_> {
    /// The first value of a parameter; an empty one counts as absent.
    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }
}

async fn serve_call(
    State(sandbox): State<Sandbox>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path().starts_with("/sandbox/") {
        return admin(&sandbox, &method, uri.path(), &body);
    }
    let (answer, silence) = answer_call(&sandbox, &method, &uri, &headers, &body);
    sandbox.lock().calls.push((method.to_string(), uri.to_string(), answer.status));
    if let Some(silence) = silence {
        tokio::time::sleep(silence).await;
    }
    answer.respond()
}

/// Answers one call, faults included, and says how long to keep silent first.
fn answer_call(
    sandbox: &Sandbox,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> (Answer, Option<Duration>) {
    let (operation, contract) = match find(method, uri.path()) {
        Ok(found) => found,
        Err(answer) => return (answer, None),
    };
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return (Answer::error(400, "400", "Bad Request"), None);
    };
    let call = Incoming { operation, contract, query, headers, body };
    let inner = &mut *sandbox.lock();
    let fits = |on| on == Calls::Any || on == operation.calls();
    match fault::take(&mut inner.faults, operation == Operation::Token, fits) {
        None | Some(FaultKind::LostCallback) => (carry_out(inner, &call), None), // nobody is called back
        Some(FaultKind::TooManyRequests { retry_after_seconds }) => {
            let answer = Answer::error(429, "429", "Too Many Requests");
            (Answer { retry_after_seconds: Some(retry_after_seconds), ..answer }, None)
        }
        Some(FaultKind::Unavailable) => (Answer::error(503, "503", "Service Unavailable"), None),
        Some(FaultKind::ErrorBefore) => (Answer::error(500, "500", "Internal Server Error"), None),
        Some(FaultKind::ErrorAfter) => {
            carry_out(inner, &call);
            (Answer::error(500, "500", "Internal Server Error"), None)
        }
        Some(FaultKind::TimeoutBefore { milliseconds }) => {
            (Answer::error(408, "408", "Request Timeout"), Some(Duration::from_millis(milliseconds)))
        }
        Some(FaultKind::TimeoutAfter { milliseconds }) => {
            (carry_out(inner, &call), Some(Duration::from_millis(milliseconds)))
        }
        Some(FaultKind::ExpiredToken) => {
            if let Some(token) = bearer(call.headers) {
                inner.tokens.remove(token);
            }
            (unauthorized(), None)
        }
        Some(FaultKind::Truncated) => (Answer { cut: Cut::InTheMiddle, ..carry_out(inner, &call) }, None),
        Some(FaultKind::Repeated) => (carry_out(inner, &call).with_rows(answer::repeat_first), None),
        Some(FaultKind::Reordered) => (carry_out(inner, &call).with_rows(|rows| rows.reverse()), None),
    }
}

fn unauthorized() -> Answer {
    Answer::error(401, "401", "Unauthorized")
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization").and_then(|value| value.to_str().ok())?.strip_prefix("Bearer ")
}

/// Looks at the session, then does what the call asks.
fn carry_out(inner: &mut Inner, call: &Incoming<'_>) -> Answer {
    if call.operation == Operation::Token {
        return issue_token(inner, call).unwrap_or_else(|answer| answer);
    }
    let scopes = match bearer(call.headers).and_then(|token| inner.tokens.get(token)) {
        Some((ends, scopes)) if *ends > crate::clock::now() => scopes.clone(),
        Some(_) | None => return unauthorized(),
    };
    if !scopes.split(' ').any(|scope| scope == call.operation.scope()) {
        return Answer::error(403, "403", "The session has not the scope for this operation");
    }
    if call.contract != inner.book.setup.contract_no {
        return Answer::error(404, "404", "Contract not found");
    }
    let book = &mut inner.book;
    let result = match call.operation {
        Operation::Token => Err(not_allowed()), // answered above
        Operation::Classifications => Ok(classifications(book, call)),
        Operation::Movements => page(
            call,
            "movements",
            book.movements()
                .into_iter()
                .map(|(debtor, on, standing)| answer::movement(book, debtor, on, &standing))
                .collect(),
        ),
        Operation::Sales => {
            let fits = |sale: &&Sale| {
                call.parameter("debtorCode").is_none_or(|code| sale.debtor.as_deref() == Some(code))
                    && call.parameter("invoiceMonth").is_none_or(|month| sale.month == month)
            };
            page(call, "sales", book.sales.iter().filter(fits).map(|sale| answer::sale(book, sale)).collect())
        }
        Operation::Dossiers => Ok(Answer::new(200, json!({ "dossiers": answer::dossiers(book) }))),
        Operation::Classify => read_body(call).and_then(|body| classify(book, &body)),
        Operation::Annul => read_body(call).and_then(|body| annul(book, &body)),
        Operation::Sell => read_body(call).and_then(|body| sell(book, &body)),
        Operation::NonPay => read_body(call).and_then(|body| non_pay(book, &body)),
    };
    let answer = result.unwrap_or_else(|answer| answer);
    if call.operation.calls() == Calls::Write && answer.is_good() {
        inner.persist();
    }
    answer
}

/// The password grant: a form, whose every part must be right.
fn issue_token(inner: &mut Inner, call: &Incoming<'_>) -> Result<Answer, Answer> {
    let denied = |status, error: &str| Answer::new(status, json!({ "error": error }));
    let kind = call.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(denied(400, "invalid_request"));
    }
    let form = std::str::from_utf8(call.body).ok().and_then(|text| format!("/?{text}").parse::<Uri>().ok());
    let fields = form.and_then(|uri| Query::<BTreeMap<String, String>>::try_from_uri(&uri).ok());
    let Some(Query(fields)) = fields else { return Err(denied(400, "invalid_request")) };
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let setup = &inner.book.setup;
    if field("grant_type") != "password" {
        return Err(denied(400, "unsupported_grant_type"));
    }
    if field("client_id") != setup.client_id || field("client_secret") != setup.client_secret {
        return Err(denied(401, "invalid_client"));
    }
    if field("username") != setup.username || field("password") != setup.password {
        return Err(denied(400, "invalid_grant"));
    }
    let scopes = field("scope");
    if scopes.is_empty()
        || !scopes.split(' ').all(|scope| ["create", "read", "update", "delete"].contains(&scope))
    {
        return Err(denied(400, "invalid_scope"));
    }
    let lifetime = setup.token_lifetime_seconds;
    inner.book.tokens_issued += 1;
    let token = crate::ids::fingerprint_hex(&[
        b"sandbox token",
        &inner.book.setup.seed.to_le_bytes(),
        &inner.book.tokens_issued.to_le_bytes(),
    ]);
    let ends = crate::clock::now() + Duration::from_secs(lifetime);
    inner.tokens.insert(token.clone(), (ends, scopes.to_owned()));
    Ok(Answer::new(
        200,
        json!({ "access_token": token, "token_type": "bearer", "expires_in": lifetime, "scope": scopes }),
    ))
}

/// Everything that stands, was refused or is in process; not paged.
fn classifications(book: &Book, call: &Incoming<'_>) -> Answer {
    let fits = |debtor: &&Debtor| {
        call.parameter("countryCode").is_none_or(|country| debtor.country == country)
            && call.parameter("taxCode").is_none_or(|code| debtor.tax_code == code)
    };
    let mut rows = Vec::new();
    for debtor in book.setup.debtors.iter().filter(fits) {
        let timeline = book.timeline(&debtor.code);
        rows.extend(timeline.standing.iter().map(|standing| answer::classification(book, debtor, standing)));
        rows.extend(timeline.refused.iter().map(|request| answer::request(book, debtor, request)));
        rows.extend(book.in_process(&debtor.code).map(|request| answer::request(book, debtor, request)));
    }
    if let Some(code) = call.parameter("statusCode") {
        let code: Option<u64> = code.parse().ok();
        rows.retain(|row| row.get("statusCode").and_then(Value::as_u64) == code);
    }
    Answer::new(200, json!({ "classifications": rows }))
}

/// A page of a list: `page` from 0 and `size`.
fn page(call: &Incoming<'_>, name: &str, rows: Vec<Value>) -> Result<Answer, Answer> {
    let number = |name: &str, default: usize| match call.parameter(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| Answer::error(400, "400", "page and size are numbers")),
    };
    let size = number("size", PAGE_ROWS)?.clamp(1, PAGE_ROWS_MAX);
    let page = number("page", 0)?;
    let total = rows.len();
    let rows: Vec<Value> = rows.into_iter().skip(page.saturating_mul(size)).take(size).collect();
    let mut body = Map::new();
    body.insert(name.to_owned(), rows.into());
    body.insert("page".to_owned(), page.into());
    body.insert("totalPages".to_owned(), total.div_ceil(size).into());
    body.insert("totalElements".to_owned(), total.into());
    Ok(Answer::new(200, body.into()))
}

fn read_body(call: &Incoming<'_>) -> Result<Map<String, Value>, Answer> {
    serde_json::from_slice(call.body).map_err(|_| Answer::error(400, "400", "The body is not a JSON object"))
}

fn text<'b>(body: &'b Map<String, Value>, name: &str) -> Option<&'b str> {
    body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn mandatory<'b>(body: &'b Map<String, Value>, name: &str) -> Result<&'b str, Answer> {
    text(body, name).ok_or_else(|| Answer::error(400, "E010", &format!("{name} is mandatory")))
}

fn money(book: &Book, body: &Map<String, Value>, name: &str) -> Result<i64, Answer> {
    if text(body, "currencyCode") != Some(book.setup.currency.as_str()) {
        return Err(Answer::error(422, "E020", "currencyCode is not the currency of the contract"));
    }
    body.get(name).and_then(amount_minor).ok_or_else(|| {
        Answer::error(400, "E011", &format!("{name} is not an amount with two decimals at most"))
    })
}

/// The debtor that a body names: by code, else by country and tax number.
fn debtor_of<'b>(book: &'b Book, body: &Map<String, Value>) -> Result<&'b Debtor, Answer> {
    let found = match (text(body, "debtorCode"), text(body, "countryCode"), text(body, "taxCode")) {
        (Some(code), _, _) => book.debtor(code),
        (None, Some(country), Some(tax_code)) => book.debtor_by_tax_code(country, tax_code),
        (None, _, _) => {
            return Err(Answer::error(400, "E010", "debtorCode, or countryCode and taxCode, is mandatory"));
        }
    };
    found.ok_or_else(|| Answer::error(404, "E030", "Debtor not found"))
}

fn classify(book: &mut Book, body: &Map<String, Value>) -> Result<Answer, Answer> {
    let debtor = debtor_of(book, body)?.clone();
    let amount = money(book, body, "requestedAmount")?;
    if amount <= 0 {
        return Err(Answer::error(422, "E021", "requestedAmount must be above zero"));
    }
    if book.in_process(&debtor.code).is_some() {
        return Err(Answer::error(409, "E040", "A request on this debtor is in process"));
    }
    let reference = text(body, "customerReference").map(str::to_owned);
    let number = book.request(&debtor.code, amount, reference);
    let request = book.requests().find(|request| Some(request.number) == number);
    let missing = || Answer::error(500, "500", "Internal Server Error");
    let request = request.ok_or_else(missing)?;
    let timeline = book.timeline(&debtor.code);
    let row = match timeline.standing.filter(|standing| Some(standing.request_no) == number) {
        Some(standing) => answer::classification(book, &debtor, &standing),
        None => answer::request(book, &debtor, request),
    };
    Ok(Answer::new(201, row))
}

fn annul(book: &mut Book, body: &Map<String, Value>) -> Result<Answer, Answer> {
    let debtor = debtor_of(book, body)?.clone();
    if book.in_process(&debtor.code).is_some() {
        return Err(Answer::error(409, "E041", "A request in process is taken back by Cesce, not here"));
    }
    let standing = book.timeline(&debtor.code).standing.filter(|standing| standing.status.covers());
    let standing = standing.ok_or_else(|| Answer::error(404, "E031", "No classification in force"))?;
    let stated = body
        .get("endorsementNo")
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    if stated.is_some_and(|stated| stated != standing.endorsement_no.to_string()) {
        return Err(Answer::error(422, "E022", "endorsementNo is not the one of this debtor"));
    }
    let reference = text(body, "customerReference").map(str::to_owned);
    book.journal.push(Entry::Annulment { debtor: debtor.code.clone(), on: book.today, reference });
    let (code, description) = Status::GivenUp.code();
    Ok(Answer::new(
        200,
        json!({ "endorsementNo": standing.endorsement_no, "statusCode": code, "statusDescription": description }),
    ))
}

fn sell(book: &mut Book, body: &Map<String, Value>) -> Result<Answer, Answer> {
    let debtor = match text(body, "debtorCode") {
        Some(_) => Some(debtor_of(book, body)?.code.clone()),
        None => None,
    };
    let country = text(body, "countryCode").map(str::to_owned);
    if debtor.is_none() && country.is_none() {
        return Err(Answer::error(400, "E010", "debtorCode or countryCode is mandatory"));
    }
    let month = mandatory(body, "invoiceMonth")?.to_owned();
    let amount = money(book, body, "amount")?;
    let same = book
        .sales
        .iter()
        .filter(|sale| sale.debtor == debtor && (debtor.is_some() || sale.country == country));
    let before: i64 = same.map(|sale| sale.amount_minor).sum();
    if amount < 0 && before.saturating_add(amount) < 0 {
        return Err(Answer::error(422, "E050", "A credit note must follow a sale above zero"));
    }
    let sale = Sale {
        reference: format!("V{:08}", book.sales.len().saturating_add(1)),
        on: book.today,
        debtor,
        country,
        month,
        amount_minor: amount,
        terms_days: body.get("paymentTerms").and_then(Value::as_u64),
        our_reference: text(body, "customerReference").map(str::to_owned),
    };
    let row = answer::sale(book, &sale);
    book.sales.push(sale);
    Ok(Answer::new(201, row))
}

fn non_pay(book: &mut Book, body: &Map<String, Value>) -> Result<Answer, Answer> {
    let debtor = debtor_of(book, body)?.code.clone();
    let invoice = mandatory(body, "invoiceNo")?.to_owned();
    let due = mandatory(body, "dueDate")?
        .parse()
        .map_err(|_| Answer::error(400, "E012", "dueDate is not a date of the form YYYY-MM-DD"))?;
    let unpaid_minor = money(book, body, "unpaidAmount")?;
    if book.timeline(&debtor).standing.is_none() {
        return Err(Answer::error(422, "E051", "The debtor has no endorsement")); // assumed
    }
    let known = book.non_payments.iter().find(|known| known.debtor == debtor).map(|known| known.dossier_no);
    let internal_no = 90_000_001 + u64::try_from(book.non_payments.len()).unwrap_or(0);
    let notice = NonPayment {
        internal_no,
        dossier_no: known.unwrap_or(internal_no),
        on: book.today,
        debtor,
        invoice,
        due,
        unpaid_minor,
        our_reference: text(body, "customerReference").map(str::to_owned),
    };
    let row = answer::non_payment(&notice);
    book.non_payments.push(notice);
    Ok(Answer::new(201, row))
}

/// What a person posts to move the day.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDay {
    date: NaiveDate,
}

/// The pages for people, without credentials: `POST /sandbox/today` and `GET /sandbox/state`.
fn admin(sandbox: &Sandbox, method: &Method, path: &str, body: &[u8]) -> Response {
    match (method, path) {
        (&Method::POST, "/sandbox/today") => match serde_json::from_slice::<NewDay>(body) {
            Ok(new) => {
                sandbox.set_today(new.date);
                axum::Json(json!({ "today": new.date })).into_response()
            }
            Err(error) => {
                let hint = format!("expected {{\"date\": \"2026-03-10\"}}: {error}");
                (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": hint }))).into_response()
            }
        },
        (&Method::GET, "/sandbox/state") => {
            let inner = sandbox.lock();
            let book = &inner.book;
            axum::Json(json!({
                "today": book.today,
                "seed": book.setup.seed,
                "contractNo": book.setup.contract_no,
                "debtors": book.setup.debtors.len(),
                "limitsMinor": book.limits(),
                "requests": book.requests().count(),
                "sales": book.sales.len(),
                "nonPayments": book.non_payments.len(),
                "calls": inner.calls.len(),
            }))
            .into_response()
        }
        _ => {
            let hint = "known here: POST /sandbox/today, GET /sandbox/state";
            (StatusCode::NOT_FOUND, axum::Json(json!({ "error": hint }))).into_response()
        }
    }
}
