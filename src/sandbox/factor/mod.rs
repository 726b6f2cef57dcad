//! What the simulators of factors share: one lock, the log of calls, faults, the file of the state, the pages under `/sandbox`.
//!
//! What a factor takes, refuses and answers is its own: a simulator is a [`Factor`], its state with the interface before it.
//! Nothing is decided by itself: whoever tries or tests a client says what the factor decides, by [`Sandbox::decide`] or
//! `POST /sandbox/decide`.
//! Invariant: the same seed, day, calls and decisions give the same answers, whatever the machine.

mod answer;
mod fields;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Number, Value, json};

use super::fault::{self, FaultKind};
use super::{Options, Served};
pub use answer::Answer;
use answer::Cut;
pub(super) use fields::{Field, Kind, Need, Problem, check, is_iban};

/// What a body may weigh: invoices come with their documents.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

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

/// What the factor says of a loan, or of an invoice without one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The status, in the factor's word; one that nobody published shows what a client makes of it.
    pub status: String,
    /// Why not, in the factor's word.
    #[serde(default)]
    pub reason: Option<String>,
    /// Another amount than was asked for, in the unit of the interface.
    #[serde(default)]
    pub amount: Option<Number>,
    /// The day that it happened on, where the interface tells one; today without it.
    #[serde(default)]
    pub on: Option<NaiveDate>,
}

impl Decision {
    /// A status and nothing else.
    #[must_use]
    pub fn of(status: &str) -> Self {
        Self { status: status.to_owned(), reason: None, amount: None, on: None }
    }

    /// A refusal and its reason.
    #[must_use]
    pub fn because(status: &str, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..Self::of(status) }
    }
}

/// A call, taken apart.
#[derive(Debug)]
pub struct Incoming<'a, O> {
    /// What it asks for.
    pub operation: O,
    /// The id in its path; empty where the path has none.
    pub id: &'a str,
    /// Its parameters, in their order.
    pub query: Vec<(String, String)>,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl<O> Incoming<'_, O> {
    /// The token or key of the call.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        bearer(self.headers)
    }

    /// The body, where it is JSON and says so.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        let kind = self.headers.get("content-type")?.to_str().ok()?;
        kind.starts_with("application/json").then(|| serde_json::from_slice(self.body).ok())?
    }

    /// A field of the body in the very digits that came.
    #[must_use]
    pub fn as_it_came(&self, name: &str) -> Option<String> {
        let fields: HashMap<String, Box<RawValue>> = serde_json::from_slice(self.body).ok()?;
        fields.get(name).map(|value| value.get().to_owned())
    }

    /// Whether a body came at all.
    #[must_use]
    pub fn has_body(&self) -> bool {
        !self.body.is_empty()
    }
}

/// The state of one factor, and its interface.
pub trait Factor: Serialize + DeserializeOwned + Send + 'static {
    /// What can be called.
    type Operation: Copy + PartialEq + std::fmt::Debug + Send + 'static;

    /// The status of an answer that took too long.
    const TIMED_OUT: u16;

    /// Its day.
    fn today(&self) -> NaiveDate;

    /// Moves its day.
    fn set_today(&mut self, date: NaiveDate);

    /// The operation behind a method and a path, and the id in the path.
    ///
    /// # Errors
    /// The answer for a path or method that does not exist.
    fn find<'p>(method: &Method, path: &'p str) -> Result<(Self::Operation, &'p str), Answer>;

    /// Whether the operation fetches a token.
    fn is_token(operation: Self::Operation) -> bool;

    /// Makes a token useless, where there are any.
    fn expire(&mut self, token: &str);

    /// Checks the credentials and does what is asked.
    fn carry_out(&mut self, call: &Incoming<'_, Self::Operation>) -> Answer;

    /// An error in the factor's form.
    fn refuse(status: u16, message: &str) -> Answer;

    /// Decides on the loan of this id, or else on all loans of the invoices of this number; says how many.
    fn decide(&mut self, which: &str, decision: &Decision) -> usize;

    /// The state for people, without secrets.
    fn told(&self) -> Value;
}

/// Everything behind the lock.
struct Inner<F: Factor> {
    book: F,
    faults: Vec<fault::Fault<F::Operation>>,
    calls: Vec<(String, String, u16)>,
    keep: Option<PathBuf>,
}

impl<F: Factor> Inner<F> {
    fn persist(&self) {
        if let Some(path) = &self.keep
            && let Err(error) = save(&self.book, path)
        {
            tracing::error!(%error, "the sandbox's state was not saved");
        }
    }
}

/// A running simulator; clones share one state.
pub struct Sandbox<F: Factor> {
    inner: Arc<Mutex<Inner<F>>>,
}

impl<F: Factor> Clone for Sandbox<F> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<F: Factor> std::fmt::Debug for Sandbox<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("today", &self.today()).finish_non_exhaustive()
    }
}

impl<F: Factor> Sandbox<F> {
    pub(super) fn of(book: F) -> Self {
        let inner = Inner { book, faults: Vec::new(), calls: Vec::new(), keep: None };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<F>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks into the state.
    pub(super) fn look<T>(&self, at: impl FnOnce(&F) -> T) -> T {
        at(&self.lock().book)
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
        self.lock().book.today()
    }

    /// Moves the day.
    pub fn set_today(&self, date: NaiveDate) {
        let mut inner = self.lock();
        inner.book.set_today(date);
        inner.persist();
    }

    /// Decides on the loan of this id, or else on all loans of the invoices of this number. Says how many were found: none
    /// for an invoice that was not sent.
    #[must_use = "a decision on nothing changes nothing"]
    pub fn decide(&self, which: &str, decision: &Decision) -> usize {
        let mut inner = self.lock();
        let found = inner.book.decide(which, decision);
        inner.persist();
        found
    }

    /// Scripts a fault; several are used up in the order in which they were given.
    pub fn inject(&self, fault: fault::Fault<F::Operation>) {
        self.lock().faults.push(fault);
    }

    /// Method, path with query and status of every call so far, in the order of their answers. No bodies.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, String, u16)> {
        self.lock().calls.clone()
    }

    /// The interface as a router.
    pub fn router(&self) -> axum::Router {
        axum::Router::new()
            .fallback(serve_call::<F>)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(self.clone())
    }
}

fn save<F: Factor>(book: &F, path: &Path) -> Result<(), Error> {
    let text =
        serde_json::to_vec_pretty(book).map_err(|source| Error::Content { path: path.to_owned(), source })?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|source| Error::File { path: path.to_owned(), source })
}

/// Opens a simulator for the command line.
pub(super) fn open<F: Factor>(
    options: &Options,
    start: impl FnOnce(u64, NaiveDate) -> F,
    configuration: impl FnOnce(&F) -> Box<dyn Fn(&str) -> String + Send>,
) -> Result<Served, Error> {
    let day = options.day.unwrap_or_else(|| crate::clock::now().date_naive());
    let sandbox = match options.state.as_ref().filter(|path| path.exists()) {
        Some(path) => Sandbox::load(path)?,
        None => Sandbox::of(start(options.seed, day)),
    };
    if let Some(day) = options.day {
        sandbox.set_today(day);
    }
    if let Some(path) = &options.state {
        sandbox.keep_in(path)?;
    }
    let (today, configuration) = sandbox.look(|book| (book.today(), configuration(book)));
    Ok(Served { router: sandbox.router(), today, configuration })
}

/// An id of the form of a UUID that depends on nothing else than the arguments.
pub(super) fn uuid(what: &str, seed: u64, number: usize) -> String {
    let print = crate::ids::fingerprint(&[
        b"sandbox factor",
        what.as_bytes(),
        &seed.to_le_bytes(),
        number.to_string().as_bytes(),
    ]);
    uuid::Builder::from_random_bytes(print).into_uuid().to_string()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization").and_then(|value| value.to_str().ok())?.strip_prefix("Bearer ")
}

async fn serve_call<F: Factor>(
    State(sandbox): State<Sandbox<F>>,
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
fn answer_call<F: Factor>(
    sandbox: &Sandbox<F>,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> (Answer, Option<Duration>) {
    let (operation, id) = match F::find(method, uri.path()) {
        Ok(found) => found,
        Err(answer) => return (answer, None),
    };
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return (F::refuse(400, "the query is not readable"), None);
    };
    let call = Incoming { operation, id, query, headers, body };
    let inner = &mut *sandbox.lock();
    let wait = |milliseconds| Some(Duration::from_millis(milliseconds));
    let fault = fault::take(&mut inner.faults, F::is_token(operation), |on| on == operation);
    let mut done = || {
        let answer = inner.book.carry_out(&call);
        if answer.is_good() && *method != Method::GET {
            inner.persist();
        }
        answer
    };
    match fault {
        None | Some(FaultKind::LostCallback) => (done(), None), // nobody is called back
        Some(FaultKind::TooManyRequests { retry_after_seconds }) => {
            let answer = F::refuse(429, "too many requests");
            (Answer { retry_after_seconds: Some(retry_after_seconds), ..answer }, None)
        }
        Some(FaultKind::Unavailable) => (F::refuse(503, "service unavailable"), None),
        Some(FaultKind::ErrorBefore) => (F::refuse(500, "internal server error"), None),
        Some(FaultKind::ErrorAfter) => {
            done();
            (F::refuse(500, "internal server error"), None)
        }
        Some(FaultKind::TimeoutBefore { milliseconds }) => {
            (F::refuse(F::TIMED_OUT, "timed out"), wait(milliseconds))
        }
        Some(FaultKind::TimeoutAfter { milliseconds }) => (done(), wait(milliseconds)),
        Some(FaultKind::ExpiredToken) => {
            if let Some(token) = bearer(headers) {
                inner.book.expire(token);
            }
            (F::refuse(401, "unauthorized"), None)
        }
        Some(FaultKind::Truncated) => (Answer { cut: Cut::InTheMiddle, ..done() }, None),
        Some(FaultKind::Repeated) => (done().with_rows(|rows| rows.extend(rows.first().cloned())), None),
        Some(FaultKind::Reordered) => (done().with_rows(|rows| rows.reverse()), None),
    }
}

/// What a person posts to move the day.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDay {
    date: NaiveDate,
}

/// The pages for people, without credentials: `GET /sandbox/state`, `POST /sandbox/today`, `POST /sandbox/decide`.
fn admin<F: Factor>(sandbox: &Sandbox<F>, method: &Method, path: &str, body: &[u8]) -> Response {
    let told = |status: StatusCode, value: Value| (status, axum::Json(value)).into_response();
    match (method, path) {
        (&Method::POST, "/sandbox/today") => match serde_json::from_slice::<NewDay>(body) {
            Ok(new) => {
                sandbox.set_today(new.date);
                told(StatusCode::OK, json!({ "today": new.date }))
            }
            Err(error) => {
                let hint = format!("expected {{\"date\": \"2026-03-10\"}}: {error}");
                told(StatusCode::BAD_REQUEST, json!({ "error": hint }))
            }
        },
        (&Method::POST, "/sandbox/decide") => match decision(body) {
            Ok((which, decision)) => match sandbox.decide(&which, &decision) {
                0 => {
                    let error = format!("no loan has the id {which}, and no invoice this number");
                    told(StatusCode::NOT_FOUND, json!({ "error": error }))
                }
                found => told(StatusCode::OK, json!({ "decided": found })),
            },
            Err(error) => {
                let hint = format!(
                    "expected {{\"loan\": \"id of a loan, or number of an invoice\", \"status\": \"…\"}}, and where wanted \
                     \"reason\", \"amount\" and \"on\": {error}"
                );
                told(StatusCode::BAD_REQUEST, json!({ "error": hint }))
            }
        },
        (&Method::GET, "/sandbox/state") => {
            let inner = sandbox.lock();
            let mut state = inner.book.told();
            if let Some(state) = state.as_object_mut() {
                state.insert("calls".to_owned(), inner.calls.len().into());
            }
            told(StatusCode::OK, state)
        }
        _ => {
            let hint = "known here: GET /sandbox/state, POST /sandbox/today, POST /sandbox/decide";
            told(StatusCode::NOT_FOUND, json!({ "error": hint }))
        }
    }
}

/// Whom a person decides on, and what.
fn decision(body: &[u8]) -> Result<(String, Decision), serde_json::Error> {
    use serde::de::Error as _;
    let mut body: Value = serde_json::from_slice(body)?;
    let which = body.as_object_mut().and_then(|body| body.remove("loan"));
    match which {
        Some(Value::String(which)) => Ok((which, serde_json::from_value(body)?)),
        _ => Err(serde_json::Error::custom("loan is missing")),
    }
}
