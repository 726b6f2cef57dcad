//! A simulator of Allianz Trade's interface, over HTTP, for tests and for people who try Encours without a contract.
//!
//! It reproduces what the research found: an API key for a token of an hour, the other paths of the test environment,
//! bare arrays in pages with status 206, requests that are answered with the bare number of a job, jobs that take their
//! time, and calls back that are tried three times. Its day is set by [`Sandbox::set_today`] or `POST /sandbox/today`; the
//! only clock it reads is for the life of tokens.
//! Invariant: the same seed, days and calls give the same answers, whatever the machine.

mod answer;
mod callback;
mod demo;
mod insurer;
mod operation;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fault;
pub use super::fault::FaultKind;
use super::insurer::{Accepted, Asked};
use answer::{Answer, Cut};
pub use callback::Callback;
pub(super) use insurer::open;
pub use operation::{Environment, On, Operation};
use operation::{Found, Route};
use state::{Book, Stage, Task};
pub use state::{BuyerSetup, Decision, Extension, Foreseen, Layer, Notice, Setup, Verdict};

/// A fault of this interface.
pub type Fault = fault::Fault<On>;

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

/// A call that reached the simulator, as its log keeps it. The pages under `/sandbox` are not logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The status that was answered, or was going to be when the caller hung up.
    pub status: u16,
}

/// Everything behind the lock.
struct Inner {
    book: Book,
    tokens: HashMap<String, (Environment, DateTime<Utc>)>,
    faults: Vec<Fault>,
    calls: Vec<Call>,
    callbacks: Vec<Callback>,
    lost_callbacks: u32,
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
        let inner = Inner {
            book,
            tokens: HashMap::new(),
            faults: Vec::new(),
            calls: Vec::new(),
            callbacks: Vec::new(),
            lost_callbacks: 0,
            keep: None,
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Continues where [`Sandbox::save`] left off. Tokens, faults, calls back and the log of calls are not kept.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let book = serde_json::from_slice(&text)
            .map_err(|source| Error::Content { path: path.to_owned(), source })?;
        Ok(Self::of(book))
    }

    /// Writes the whole state to a file as JSON, all or nothing.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        save(&self.lock().book, path)
    }

    /// Saves to `path` now and after every change of the state.
    ///
    /// # Errors
    /// As [`Sandbox::save`]; later failures are logged.
    pub fn keep_in(&self, path: &Path) -> Result<(), Error> {
        self.save(path)?;
        self.lock().keep = Some(path.to_owned());
        Ok(())
    }

    /// The simulator's day.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.lock().book.today
    }

    /// Moves the day. Jobs of earlier days end and decisions due by then are made; going back undoes nothing.
    pub fn set_today(&self, date: NaiveDate) {
        {
            let mut inner = self.lock();
            inner.book.set_today(date);
            inner.persist();
        }
        callback::start(self);
    }

    /// Scripts a fault; several are used up in the order in which they were given.
    pub fn fault(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Loses the next messages that would be called back with.
    pub fn lose_callbacks(&self, count: u32) {
        let mut inner = self.lock();
        inner.lost_callbacks = inner.lost_callbacks.saturating_add(count);
    }

    /// Every call so far, in the order of their answers.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Every message that was called back with, given up or lost.
    #[must_use]
    pub fn callbacks(&self) -> Vec<Callback> {
        self.lock().callbacks.clone()
    }

    /// The overdue notices that were taken.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.lock().book.notices.clone()
    }

    /// What a request of the main policy would lead to if its job ended today; nothing for an unknown buyer.
    #[must_use]
    pub fn foresee(&self, company_id: &str, amount_minor: i64) -> Option<Foreseen> {
        self.lock().book.foresee(company_id, amount_minor)
    }

    /// The first amount from `least_minor` upwards, in steps of a thousand and at most 500 of them, whose outcome is as wished.
    #[must_use]
    pub fn amount_for(
        &self,
        company_id: &str,
        least_minor: i64,
        wish: impl Fn(&Foreseen) -> bool,
    ) -> Option<i64> {
        let inner = self.lock();
        (least_minor..)
            .step_by(100_000)
            .take(500)
            .find(|amount| inner.book.foresee(company_id, *amount).is_some_and(|seen| wish(&seen)))
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

/// A call, taken apart.
struct Incoming<'a> {
    route: Route,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

async fn serve_call(
    State(sandbox): State<Sandbox>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path();
    if path.starts_with("/sandbox/") {
        return admin(&sandbox, &method, path, &body);
    }
    let (answer, silence) = answer_call(&sandbox, &method, path, &headers, &body);
    sandbox.lock().calls.push(Call {
        method: method.to_string(),
        path: path.to_owned(),
        status: answer.status,
    });
    callback::start(&sandbox);
    if let Some(silence) = silence {
        tokio::time::sleep(silence).await;
    }
    answer.respond()
}

/// Answers one call, faults included, and says how long to keep silent first.
fn answer_call(
    sandbox: &Sandbox,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> (Answer, Option<Duration>) {
    let route = match operation::find(method, path) {
        Found::Route(route) => route,
        Found::WrongMethod => return (Answer::error(405, "Method not allowed"), None),
        Found::Nothing => return (Answer::error(404, "Resource not found"), None),
    };
    let operation = route.operation;
    let call = Incoming { route, headers, body };
    let inner = &mut *sandbox.lock();
    match fault::take(&mut inner.faults, operation == Operation::Token, |on| on.fits(operation)) {
        None | Some(FaultKind::LostCallback) => (carry_out(inner, &call), None),
        Some(FaultKind::TooManyRequests { retry_after_seconds }) => {
            let answer = Answer::error(429, "Too many requests");
            (Answer { retry_after_seconds: Some(retry_after_seconds), ..answer }, None)
        }
        Some(FaultKind::Unavailable) => (Answer::error(503, "Service unavailable"), None),
        Some(FaultKind::ErrorBefore) => (Answer::error(500, "Internal server error"), None),
        Some(FaultKind::ErrorAfter) => {
            carry_out(inner, &call);
            (Answer::error(500, "Internal server error"), None)
        }
        Some(FaultKind::TimeoutBefore { milliseconds }) => {
            (Answer::error(408, "Request timed out"), Some(Duration::from_millis(milliseconds)))
        }
        Some(FaultKind::TimeoutAfter { milliseconds }) => {
            (carry_out(inner, &call), Some(Duration::from_millis(milliseconds)))
        }
        Some(FaultKind::ExpiredToken) => {
            if let Some(token) = bearer(call.headers) {
                inner.tokens.remove(token);
            }
            (Answer::error(401, "The access token has expired"), None)
        }
        Some(FaultKind::Truncated) => (Answer { cut: Cut::InTheMiddle, ..carry_out(inner, &call) }, None),
        Some(FaultKind::Repeated) => (carry_out(inner, &call).with_rows(answer::repeat_first), None),
        Some(FaultKind::Reordered) => (carry_out(inner, &call).with_rows(|rows| rows.reverse()), None),
    }
}

/// Looks at the credentials, then does what the call asks.
fn carry_out(inner: &mut Inner, call: &Incoming<'_>) -> Answer {
    if call.route.operation == Operation::Token {
        return issue_token(inner, call);
    }
    let known = bearer(call.headers).and_then(|token| inner.tokens.get(token));
    match known {
        Some((environment, ends))
            if *environment == call.route.environment && *ends > crate::clock::now() => {}
        Some((environment, _)) if *environment == call.route.environment => {
            return Answer::error(401, "The access token has expired");
        }
        Some(_) | None => return Answer::error(401, "The access token is not valid"),
    }
    let book = &mut inner.book;
    let result = match call.route.operation {
        Operation::Token => return Answer::error(500, "Internal server error"), // answered above
        Operation::Match => find_companies(book, call),
        Operation::Companies => list_companies(book, call),
        Operation::Covers => list_covers(book, call),
        Operation::Requests => list_requests(book, call),
        Operation::Cover => match book.cover(&call.route.id) {
            Some(cover) => Ok(Answer::new(200, answer::cover_row(book, cover))),
            None => Err((404, "No such cover")),
        },
        Operation::Job => poll_job(book, call),
        Operation::Request => request_cover(book, call),
        Operation::CancelCover => cancel_cover(book, call),
        Operation::WithdrawRequest => withdraw_request(book, call),
        Operation::Overdue => take_notice(book, call),
    };
    let answer = result.unwrap_or_else(|(status, message)| Answer::error(status, message));
    let changes =
        call.route.operation.calls() == fault::Calls::Write || call.route.operation == Operation::Job;
    if changes && answer.is_good() {
        inner.persist();
    }
    answer
}

/// A status and the words beside it.
type Wrong = (u16, &'static str);

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}

fn document(call: &Incoming<'_>) -> Result<Value, Wrong> {
    serde_json::from_slice(call.body).map_err(|_| (400, "The body is not JSON"))
}

fn issue_token(inner: &mut Inner, call: &Incoming<'_>) -> Answer {
    let setup = &inner.book.setup;
    let given = document(call).ok();
    let key = given.as_ref().and_then(|body| body.get("apiKey")).and_then(Value::as_str);
    if key != Some(setup.api_key.as_str()) {
        return Answer::new(
            401,
            json!({ "error": "invalid_client", "error_description": "The API key is not valid" }),
        );
    }
    let lifetime = setup.token_lifetime_seconds;
    inner.book.tokens_issued += 1;
    let token = crate::ids::fingerprint_hex(&[
        b"sandbox allianz token",
        &inner.book.setup.seed.to_le_bytes(),
        &inner.book.tokens_issued.to_le_bytes(),
    ]);
    let ends = crate::clock::now() + Duration::from_secs(lifetime);
    inner.tokens.insert(token.clone(), (call.route.environment, ends));
    Answer::new(200, json!({ "access_token": token, "token_type": "Bearer", "expires_in": lifetime }))
}

/// The extension that a policy of a call names; all three parts must be right.
fn extension_of(book: &Book, policy: &Value) -> Result<Extension, Wrong> {
    let text = |name: &str| policy.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("businessUnitCode") != book.setup.business_unit {
        return Err((403, "The business unit is not yours"));
    }
    let mut known = Extension::ALL.into_iter().zip(&book.setup.policies);
    known
        .find(|(extension, number)| {
            text("policyId") == number.as_str() && text("extensionId") == extension.code()
        })
        .map(|(extension, _)| extension)
        .ok_or((403, "The policy is not yours"))
}

/// The extensions, page and page size of a search.
fn search(book: &Book, body: &Value) -> Result<(Vec<Extension>, usize, usize), Wrong> {
    let policies = body.get("policies").and_then(Value::as_array).filter(|list| !list.is_empty());
    let policies = policies.ok_or((400, "policies must not be empty"))?;
    let extensions = policies.iter().map(|policy| extension_of(book, policy)).collect::<Result<_, _>>()?;
    let number = |name: &str| {
        let value = body.get("pagination").and_then(|pagination| pagination.get(name));
        value
            .and_then(Value::as_u64)
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| *number > 0)
    };
    let page = number("page").ok_or((400, "pagination.page starts at 1"))?;
    Ok((extensions, page, number("pageSize").ok_or((400, "pagination.pageSize must be a number"))?))
}

fn list_covers(book: &Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let (extensions, page, size) = search(book, &document(call)?)?;
    let covers = book
        .covers
        .iter()
        .filter(|cover| cover.is_listed(book.today) && extensions.contains(&cover.extension))
        .map(|cover| (cover.cover_id.clone(), answer::cover_row(book, cover)));
    let by_grade = book
        .setup
        .buyers
        .iter()
        .filter(|buyer| buyer.by_grade && extensions.contains(&Extension::Main))
        .filter(|buyer| book.standing(&buyer.company_id, Extension::Main).is_none())
        .map(|buyer| (buyer.company_id.clone(), answer::grade_row(book, buyer)));
    Ok(answer::page(book, covers.chain(by_grade).collect(), page, size))
}

fn list_requests(book: &Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let body = document(call)?;
    let (extensions, page, size) = search(book, &body)?;
    if body.get("requestStatusCode").and_then(Value::as_str) != Some("InProgress") {
        return Err((400, "requestStatusCode must be InProgress")); // the other words are not known
    }
    let rows = book
        .requests
        .iter()
        .filter(|request| request.stage == Stage::InProgress && extensions.contains(&request.extension))
        .map(|request| (request.request_id.clone(), answer::request_row(book, request)));
    Ok(answer::page(book, rows.collect(), page, size))
}

fn find_companies(book: &Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let body = document(call)?;
    let country = body.get("countryCode").and_then(Value::as_str).ok_or((400, "countryCode is mandatory"))?;
    let name = body.get("companyName").and_then(Value::as_str).map(str::to_lowercase);
    let wanted = body.get("companyIdentifiers").and_then(Value::as_array).and_then(|list| list.first());
    let text = |name: &str| wanted.and_then(|id| id.get(name)).and_then(Value::as_str);
    let wanted = text("idTypeCode").zip(text("idValue"));
    if name.is_none() && wanted.is_none() {
        return Err((400, "companyName or companyIdentifiers is mandatory"));
    }
    let size = body.get("requestedSize").and_then(Value::as_u64).unwrap_or(10);
    let score = |buyer: &BuyerSetup| {
        let by_id =
            buyer.identifiers.iter().any(|(kind, value)| wanted == Some((kind.as_str(), value.as_str())));
        let by_name = name.as_ref().is_some_and(|name| buyer.name.to_lowercase().contains(name.as_str()));
        if by_id { Some(100) } else { by_name.then_some(60) }
    };
    let mut found: Vec<_> = book
        .setup
        .buyers
        .iter()
        .filter(|buyer| buyer.country == country)
        .filter_map(|buyer| Some((score(buyer)?, buyer)))
        .collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let rows: Vec<Value> =
        found.into_iter().map(|(score, buyer)| answer::company_row(buyer, score)).collect();
    Ok(Answer::new(200, json!({ "results": rows })))
}

fn list_companies(book: &Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let body = document(call)?;
    let ids = body.as_array().ok_or((400, "The body must be an array of company ids"))?;
    let known = ids.iter().filter_map(Value::as_str).filter_map(|id| book.buyer(id));
    Ok(Answer::new(200, json!({ "companies": known.map(answer::identifiers_row).collect::<Vec<_>>() })))
}

fn poll_job(book: &mut Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let host = call.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let job = book.poll(&call.route.id).filter(|job| job.environment == call.route.environment);
    Ok(Answer::new(200, answer::job_row(&job.ok_or((404, "No such job"))?, host)))
}

/// An amount in minor units, from a JSON number of at most two decimals.
fn minor(value: Option<&Value>) -> Option<i64> {
    let text = value?.as_number()?.to_string();
    let (units, cents) = text.split_once('.').unwrap_or((&text, ""));
    let cents = format!("{cents:0<2}");
    let cents: i64 = Some(cents).filter(|cents| cents.len() == 2)?.parse().ok()?;
    units.parse::<i64>().ok().filter(|units| *units >= 0)?.checked_mul(100)?.checked_add(cents)
}

/// What the header of a request asks to be called back with.
fn webhook(book: &Book, call: &Incoming<'_>) -> Result<Option<state::Webhook>, Wrong> {
    let Some(header) = call.headers.get(book.setup.webhook_header.as_str()) else { return Ok(None) };
    let text = header.to_str().map_err(|_| (400, "the webhook header is not text"))?;
    callback::read(text).map(Some).map_err(|problem| (400, problem))
}

fn taken(book: &mut Book, call: &Incoming<'_>, task: Task, webhook: Option<state::Webhook>) -> Answer {
    Answer::new(202, Value::String(book.take(task, call.route.environment, webhook)))
}

fn request_cover(book: &mut Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let body = document(call)?;
    if body.get("requestTypeCode").and_then(Value::as_str) != Some("Primary") {
        return Err((400, "requestTypeCode must be Primary")); // grades are not asked for here
    }
    let extension = extension_of(book, body.get("policy").unwrap_or(&Value::Null))?;
    let company_id =
        body.get("companyId").and_then(Value::as_str).ok_or((400, "companyId must be a text"))?;
    if book.buyer(company_id).is_none() {
        return Err((422, "The company is not known"));
    }
    if body.get("isRequestUrgent").and_then(Value::as_bool).is_none() {
        return Err((400, "isRequestUrgent must be true or false"));
    }
    let details = body.get("creditLimitDetails").unwrap_or(&Value::Null);
    if details.get("currencyCode").and_then(Value::as_str) != Some(book.setup.currency.as_str()) {
        return Err((422, "The currency is not the policy's"));
    }
    let amount_minor = minor(details.get("requestedAmount"))
        .filter(|amount| *amount > 0)
        .ok_or((422, "requestedAmount must be a positive amount"))?;
    let webhook = webhook(book, call)?;
    let standing = book.standing(company_id, extension).map_or(0, |cover| cover.amount_on(book.today));
    book.accepted.push(Accepted {
        on: book.today,
        buyer: company_id.to_owned(),
        asked: if standing > 0 { Asked::Change } else { Asked::New },
        amount_minor,
        reference: None, // the interface has no place for one
    });
    let task = Task::Request { company_id: company_id.to_owned(), extension, amount_minor };
    Ok(taken(book, call, task, webhook))
}

fn cancel_cover(book: &mut Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let cover = book.cover(&call.route.id).filter(|cover| cover.stands).ok_or((404, "No such cover"))?;
    let (cover_id, company_id) = (cover.cover_id.clone(), cover.company_id.clone());
    Ok(given_up(book, call, company_id, Task::Cancel { cover_id }))
}

fn withdraw_request(book: &mut Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let request = book.requests.iter().find(|request| request.request_id == call.route.id);
    let request = request.ok_or((404, "No such request"))?;
    if request.stage != Stage::InProgress {
        return Err((409, "The request is not in progress"));
    }
    let (request_id, company_id) = (request.request_id.clone(), request.company_id.clone());
    Ok(given_up(book, call, company_id, Task::Withdraw { request_id }))
}

fn given_up(book: &mut Book, call: &Incoming<'_>, buyer: String, task: Task) -> Answer {
    let accepted = Accepted { on: book.today, buyer, asked: Asked::Cancel, amount_minor: 0, reference: None };
    book.accepted.push(accepted);
    taken(book, call, task, None)
}

fn take_notice(book: &mut Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let body = document(call)?;
    let category = body.get("overdueCategoryTypeCode").and_then(Value::as_str).unwrap_or_default();
    if !matches!(category, "OVD" | "EXP" | "RES") {
        return Err((400, "overdueCategoryTypeCode must be one of OVD, EXP, RES"));
    }
    extension_of(book, body.get("policy").unwrap_or(&Value::Null))?;
    let company_id = body.get("companyId").and_then(Value::as_str).unwrap_or_default();
    if book.buyer(company_id).is_none() {
        return Err((422, "The company is not known"));
    }
    let invoice = body.get("invoice").unwrap_or(&Value::Null);
    let number =
        invoice.get("invoiceNumber").and_then(Value::as_str).ok_or((400, "invoiceNumber is mandatory"))?;
    if minor(invoice.get("overdueAmount")).is_none() || answer::date(invoice.get("dueDate")).is_none() {
        return Err((400, "overdueAmount and dueDate are mandatory"));
    }
    if category == "EXP" && answer::date(invoice.get("newDueDate")).is_none() {
        return Err((400, "newDueDate is mandatory for an extension"));
    }
    let notice = Notice {
        on: book.today,
        category: category.to_owned(),
        company_id: company_id.to_owned(),
        invoice: number.to_owned(),
    };
    book.notices.push(notice);
    Ok(taken(book, call, Task::Overdue, None))
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
            let covers = book.covers.iter().filter(|cover| cover.is_listed(book.today));
            let pending = book.requests.iter().filter(|request| request.stage == Stage::InProgress);
            axum::Json(json!({
                "today": book.today,
                "seed": book.setup.seed,
                "businessUnit": book.setup.business_unit,
                "policies": book.setup.policies,
                "webhookHeader": book.setup.webhook_header,
                "buyers": book.setup.buyers.len(),
                "covers": covers.map(|cover| answer::cover_row(book, cover)).collect::<Vec<_>>(),
                "requests": pending.map(|request| answer::request_row(book, request)).collect::<Vec<_>>(),
                "jobs": book.jobs.len(),
                "accepted": book.accepted,
                "notices": book.notices.iter().map(|notice| &notice.invoice).collect::<Vec<_>>(),
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
