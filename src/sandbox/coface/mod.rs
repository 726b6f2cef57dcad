//! A simulator of Coface's two interfaces, insurance (`CofaServe`) and information (iCON), over HTTP, for tests and for
//! people who try Encours without a contract.
//!
//! Published, and kept here: the sign-in and the raw idToken that every call carries, the policy in a header, the lock
//! after five refused sign-ins, easy numbers as texts of 14 digits, the look-up of companies; of the information service
//! also orders, monitoring, notifications, 202 and 205, pages by `range` and the empty ping. The rest of the insurance
//! interface is not published: paths and fields are those of the connector and prove only that both fit.
//! Its day is set by [`Sandbox::set_today`] or `POST /sandbox/today`; the clock is read for tokens and locks only.
//! Invariant: the same seed, day and calls give the same answers, whatever the machine.

mod answer;
mod callback;
mod demo;
mod gate;
mod icon;
mod insurance;
mod insurer;
mod operation;
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
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fault;
pub use super::fault::FaultKind;
use answer::{Answer, Cut};
pub use callback::{Rung, delay as callback_delay};
pub use gate::REFUSALS_MAX;
use gate::{Entry, Gate};
pub use icon::Status as ReportStatus;
pub(super) use insurer::open;
pub use operation::{On, Operation};
use state::Book;
pub use state::{Action, BuyerSetup, Decision, DecisionCode, Foreseen, Part, Product, RATING_LIMIT, Setup};

/// A fault of these interfaces.
pub type Fault = fault::Fault<On>;

const TOKEN: &str = "/authentication/v1/token";
const ORDERS: &str = "/products/orders";
const DELIVERIES: &str = "/products/deliveries";
/// What the paths of the information service begin with.
const ICON: &str = "/bi/icon-data/v1";

/// Every path and method of the insurance interface but those that end with an id.
const ROUTES: &[(&str, &Method, Operation)] = &[
    (TOKEN, &Method::POST, Operation::Token),
    ("/companies/identifier", &Method::GET, Operation::Company),
    ("/products", &Method::GET, Operation::Portfolio),
    (ORDERS, &Method::GET, Operation::Orders),
    (ORDERS, &Method::POST, Operation::Order),
    ("/notifications", &Method::GET, Operation::Notifications),
    ("/overdues", &Method::GET, Operation::Overdues),
    ("/overdues", &Method::POST, Operation::Overdue),
    ("/policy", &Method::GET, Operation::Policy),
];

/// Every path and method of the information interface below [`ICON`], but those that end with an id.
const ICON_ROUTES: &[(&str, &Method, Operation)] = &[
    ("/companies", &Method::GET, Operation::IconCompanies),
    ("/publications/orders", &Method::POST, Operation::IconOrder),
    ("/publications/orders", &Method::GET, Operation::IconOrders),
    ("/publications", &Method::GET, Operation::IconContent),
    ("/monitorings/orders", &Method::POST, Operation::IconMonitor),
    ("/notifications", &Method::GET, Operation::IconNotifications),
];

/// Why a simulator could not be saved, loaded or served.
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
    /// The listener failed.
    #[error("the sandbox cannot serve: {0}")]
    Serve(std::io::Error),
}

/// A call that reached the simulator, as its log keeps it. The pages under `/sandbox` are not logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query as it came, empty without one.
    pub query: String,
    /// The status that was answered, or was going to be when the caller hung up.
    pub status: u16,
}

/// Everything behind the lock.
struct Inner {
    book: Book,
    gate: Gate,
    refused_logins: u64,
    tokens: HashMap<String, DateTime<Utc>>,
    faults: Vec<Fault>,
    lost_callbacks: u32,
    calls: Vec<Call>,
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
            gate: Gate::default(),
            refused_logins: 0,
            tokens: HashMap::new(),
            faults: Vec::new(),
            lost_callbacks: 0,
            calls: Vec::new(),
            keep: None,
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Continues where [`Sandbox::save`] left off. Tokens, locks, faults and the log of calls are not kept.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let book = serde_json::from_slice(&text)
            .map_err(|source| Error::Content { path: path.to_owned(), source })?;
        Ok(Self::of(book))
    }

    /// Writes setup, day and orders to a file as JSON, all or nothing.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        save(&self.lock().book, path)
    }

    /// Saves to `path` now and after every change of the state, so that nothing is lost when the process is killed.
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

    /// Moves the day. Decisions due by then become visible; going back hides what came after.
    pub fn set_today(&self, date: NaiveDate) {
        let mut inner = self.lock();
        inner.book.today = date;
        inner.persist();
    }

    /// Scripts a fault; several are used up in the order in which they were given.
    pub fn fault(&self, fault: Fault) {
        let mut inner = self.lock();
        if fault.kind == FaultKind::LostCallback {
            // It spoils the ping, whatever call it was scripted for.
            inner.lost_callbacks = inner.lost_callbacks.saturating_add(fault.times);
        } else {
            inner.faults.push(fault);
        }
    }

    /// Every call so far, in the order of their answers.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How many sign-ins were refused, those at a locked door among them.
    #[must_use]
    pub fn refused_logins(&self) -> u64 {
        self.lock().refused_logins
    }

    /// Whole units covered per buyer today: 0 where refused, withdrawn or expired.
    #[must_use]
    pub fn covers_snapshot(&self) -> BTreeMap<String, u64> {
        self.lock().book.snapshot()
    }

    /// What an order would lead to if it were made now; nothing for an unknown buyer.
    #[must_use]
    pub fn foresee(&self, easy_number: &str, action: Action, amount: u64) -> Option<Foreseen> {
        self.lock().book.foresee(easy_number, action, amount)
    }

    /// The first amount from `least` upwards, in steps of 1000 and at most 500 of them, whose outcome is as wished.
    #[must_use]
    pub fn amount_for(
        &self,
        easy_number: &str,
        action: Action,
        least: u64,
        wish: impl Fn(&Foreseen) -> bool,
    ) -> Option<u64> {
        let inner = self.lock();
        (least..)
            .step_by(1_000)
            .take(500)
            .find(|amount| inner.book.foresee(easy_number, action, *amount).is_some_and(|seen| wish(&seen)))
    }

    /// Calls back for every order of information that is ready and whose caller was not called yet, one after the other;
    /// `delays` gives the time before each repetition. A scripted [`FaultKind::LostCallback`] swallows one callback whole.
    pub async fn call_back(&self, delays: impl Fn(u32) -> Option<Duration>) -> Vec<(String, Rung)> {
        let mut rung = Vec::new();
        loop {
            let due = {
                let mut inner = self.lock();
                let due = inner.book.next_callback();
                let swallowed = due.is_some() && inner.lost_callbacks > 0;
                if swallowed {
                    inner.lost_callbacks -= 1;
                }
                inner.persist();
                due.map(|due| (due, swallowed))
            };
            match due {
                None => return rung,
                Some(((id, _), true)) => rung.push((id, Rung { calls: 0, is_answered: false })),
                Some(((id, url), false)) => rung.push((id, callback::ring(&url, &delays).await)),
            }
        }
    }

    /// Both interfaces as a router: everything goes through one table of routes, so that order and log are one too.
    pub fn router(&self) -> axum::Router {
        axum::Router::new().fallback(serve_call).with_state(self.clone())
    }

    /// Serves until `shutdown` is ready and open calls are answered.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub async fn serve(
        self,
        listener: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        axum::serve(listener, self.router()).with_graceful_shutdown(shutdown).await.map_err(Error::Serve)
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

/// What the gateway makes of a method and a path, with the id at the end of the path where there is one.
fn find<'a>(method: &Method, path: &'a str) -> Option<(Operation, &'a str)> {
    let (table, path) = match path.strip_prefix(ICON) {
        Some(rest) => (ICON_ROUTES, rest),
        None => (ROUTES, path),
    };
    let exact = table.iter().find(|(known, with, _)| *known == path && *with == method);
    if let Some((_, _, operation)) = exact {
        return Some((*operation, ""));
    }
    let (folder, id) = path.rsplit_once('/').filter(|(_, id)| !id.is_empty())?;
    match (folder, method) {
        (ORDERS, &Method::DELETE) => Some((Operation::WithdrawOrder, id)),
        (DELIVERIES, &Method::GET) => Some((Operation::Delivery, id)),
        ("/monitorings", &Method::GET) if table == ICON_ROUTES => Some((Operation::IconMonitoring, id)),
        _ => None,
    }
}

/// A call, taken apart.
struct Incoming<'a> {
    operation: Operation,
    path: &'a str,
    /// The id at the end of the path, or nothing.
    id: &'a str,
    query: Vec<(String, String)>,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl Incoming<'_> {
    /// The first value of a parameter; an empty one counts as absent.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    fn needed(&self, name: &'static str) -> Result<&str, Wrong> {
        self.parameter(name).ok_or(Wrong { status: 400, code: "missing_or_invalid_param", text: name })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A complaint, with its code.
struct Wrong {
    status: u16,
    code: &'static str,
    text: &'static str,
}

const fn wrong(status: u16, code: &'static str, text: &'static str) -> Wrong {
    Wrong { status, code, text }
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
        return admin(&sandbox, &method, path, &body).await;
    }
    let (answer, silence) = answer_call(&sandbox, &method, &uri, &headers, &body);
    sandbox.lock().calls.push(Call {
        method: method.to_string(),
        path: path.to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        status: answer.status,
    });
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
    let Some((operation, id)) = find(method, uri.path()) else {
        return (Answer::gateway(403, "Missing Authentication Token"), None);
    };
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return (Answer::gateway(400, "Malformed query"), None);
    };
    let call = Incoming { operation, path: uri.path(), id, query, headers, body };
    let inner = &mut *sandbox.lock();
    let is_token = operation == Operation::Token;
    let failed = || Answer::gateway(500, "Internal server error");
    match fault::take(&mut inner.faults, is_token, |on| on.fits(operation)) {
        None | Some(FaultKind::LostCallback) => (carry_out(inner, &call), None), // such a fault is kept apart
        Some(FaultKind::TooManyRequests { retry_after_seconds }) => {
            let answer =
                Answer::error(&inner.book, call.path, 429, "too_many_request", "busy, wait and retry");
            (Answer { retry_after_seconds: Some(retry_after_seconds), ..answer }, None)
        }
        Some(FaultKind::Unavailable) => (Answer::gateway(503, "Service Unavailable"), None),
        Some(FaultKind::ErrorBefore) => (failed(), None),
        Some(FaultKind::ErrorAfter) => {
            carry_out(inner, &call);
            (failed(), None)
        }
        Some(FaultKind::TimeoutBefore { milliseconds }) => {
            (Answer::gateway(408, "Request timed out"), Some(Duration::from_millis(milliseconds)))
        }
        Some(FaultKind::TimeoutAfter { milliseconds }) => {
            (carry_out(inner, &call), Some(Duration::from_millis(milliseconds)))
        }
        Some(FaultKind::ExpiredToken) => {
            if let Some(token) = call.header("authorization") {
                inner.tokens.remove(token);
            }
            (Answer::gateway(401, "The incoming token has expired"), None)
        }
        Some(FaultKind::Truncated) => (Answer { cut: Cut::InTheMiddle, ..carry_out(inner, &call) }, None),
        Some(FaultKind::Repeated) => (carry_out(inner, &call).with_rows(answer::repeat_first), None),
        Some(FaultKind::Reordered) => (carry_out(inner, &call).with_rows(|rows| rows.reverse()), None),
    }
}

/// Looks at the key, the token and the policy, then does what the call asks.
fn carry_out(inner: &mut Inner, call: &Incoming<'_>) -> Answer {
    if call.header("x-api-key") != Some(inner.book.setup.api_key.as_str()) {
        return Answer::gateway(403, "Forbidden");
    }
    if call.operation == Operation::Token {
        return sign_in(inner, call);
    }
    match call.header("authorization").map(|token| inner.tokens.get(token)) {
        None | Some(None) => return Answer::gateway(401, "Unauthorized"),
        Some(Some(ends)) if *ends <= crate::clock::now() => {
            return Answer::gateway(401, "The incoming token has expired");
        }
        Some(Some(_)) => {}
    }
    let book = &mut inner.book;
    if !call.operation.is_information()
        && call.header("x-cof-policy-number") != Some(book.setup.policy.as_str())
    {
        return Answer::error(book, call.path, 403, "forbiden", "this policy is not yours");
    }
    let result = match call.operation {
        Operation::Token => Ok(Answer::gateway(500, "Internal server error")), // answered above
        Operation::Company => insurance::company(book, call),
        Operation::Portfolio => insurance::portfolio(book, call),
        Operation::Orders => insurance::orders(book, call),
        Operation::Order => insurance::order(book, call),
        Operation::WithdrawOrder => insurance::withdraw_order(book, call),
        Operation::Delivery => insurance::delivery(book, call),
        Operation::Notifications => insurance::notifications(book, call),
        Operation::Overdues => insurance::overdues(book, call),
        Operation::Overdue => insurance::overdue(book, call),
        Operation::Policy => Ok(Answer::new(200, answer::policy(book))),
        Operation::IconCompanies => icon::companies(book, call),
        Operation::IconOrder => icon::order(book, call),
        Operation::IconOrders => icon::orders(book, call),
        Operation::IconContent => icon::content(book, call),
        Operation::IconMonitor => icon::monitor(book, call),
        Operation::IconMonitoring => icon::monitoring(book, call),
        Operation::IconNotifications => icon::notifications(book, call),
    };
    let answer =
        result.unwrap_or_else(|wrong| Answer::error(book, call.path, wrong.status, wrong.code, wrong.text));
    if answer.is_good() {
        inner.persist();
    }
    answer
}

/// Both spellings of the grant are in use; the sandbox takes either.
#[derive(Deserialize)]
struct SignIn {
    username: String,
    password: String,
    #[serde(rename = "grantType", alias = "grant_type")]
    grant: String,
}

fn sign_in(inner: &mut Inner, call: &Incoming<'_>) -> Answer {
    let Ok(given) = serde_json::from_slice::<SignIn>(call.body) else {
        return Answer::error(
            &inner.book,
            call.path,
            400,
            "missing_or_invalid_param",
            "username, password, grantType",
        );
    };
    let setup = &inner.book.setup;
    let is_right =
        given.username == setup.username && given.password == setup.password && given.grant == "password";
    let entry = inner.gate.knock(is_right, crate::clock::now());
    match entry {
        Entry::Open => {}
        Entry::Refused => {
            inner.refused_logins += 1;
            return Answer::gateway(401, "Incorrect username or password.");
        }
        Entry::Locked => {
            inner.refused_logins += 1;
            return Answer::gateway(401, "Password attempts exceeded");
        }
    }
    let lifetime = setup.token_lifetime_seconds;
    let seed = setup.seed.to_le_bytes();
    inner.book.tokens_issued += 1;
    let issued = inner.book.tokens_issued.to_le_bytes();
    let token = |kind: &[u8]| crate::ids::fingerprint_hex(&[b"sandbox coface", kind, &seed, &issued]);
    let id_token = token(b"id");
    inner.tokens.insert(id_token.clone(), crate::clock::now() + Duration::from_secs(lifetime));
    Answer::new(
        200,
        json!({
            "idToken": id_token,
            "accessToken": token(b"access"),
            "refreshToken": token(b"refresh"),
            "expiresIn": lifetime,
            "tokenType": "Bearer",
        }),
    )
}

/// What a person posts to move the day.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDay {
    date: NaiveDate,
}

/// The pages for people, without credentials: `POST /sandbox/today`, which also calls back once, and `GET /sandbox/state`.
async fn admin(sandbox: &Sandbox, method: &Method, path: &str, body: &[u8]) -> Response {
    match (method, path) {
        (&Method::POST, "/sandbox/today") => match serde_json::from_slice::<NewDay>(body) {
            Ok(new) => {
                sandbox.set_today(new.date);
                let called: Vec<Value> = sandbox
                    .call_back(|_| None)
                    .await
                    .into_iter()
                    .map(|(id, rung)| json!({ "order": id, "answered": rung.is_answered }))
                    .collect();
                axum::Json(json!({ "today": new.date, "calledBack": called })).into_response()
            }
            Err(error) => {
                let hint = format!("expected {{\"date\": \"2026-03-10\"}}: {error}");
                (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": hint }))).into_response()
            }
        },
        (&Method::GET, "/sandbox/state") => {
            let inner = sandbox.lock();
            let book = &inner.book;
            let covers = book.setup.buyers.iter().filter_map(|buyer| {
                let position = book.timeline(&buyer.easy_number).current?;
                Some(answer::portfolio_row(book, buyer, &position))
            });
            axum::Json(json!({
                "today": book.today,
                "seed": book.setup.seed,
                "policy": book.setup.policy,
                "buyers": book.setup.buyers.len(),
                "covers": covers.collect::<Vec<_>>(),
                "orders": book.pending().map(|order| answer::order_row(book, order)).collect::<Vec<_>>(),
                "overdues": book.notices.len(),
                "billedLookups": book.billed_lookups,
                "refusedLogins": inner.refused_logins,
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
