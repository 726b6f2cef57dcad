//! A simulator of Atradius' cover interface, over HTTP, for tests and for people who try Encours without a contract.
//!
//! It reproduces what the research found: the `data` envelope, amounts as texts, two layers of a decision, 201 for
//! decided and 202 for referred, 403 for a wrong path whatever the credentials, tokens that end, no paging, and lists as
//! the only way to a cover. Its day is set by [`Sandbox::set_today`] or `POST /sandbox/today`; the only clock it reads is
//! for the life of tokens.
//! Invariant: the same seed, day and calls give the same answers, whatever the machine.

mod answer;
mod demo;
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
use base64::Engine as _;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fault;
pub use super::fault::FaultKind;
use answer::{Answer, Cut};
pub(super) use insurer::open;
pub use operation::{On, Operation};
pub use state::{
    Action, BuyerSetup, CREDIT_CHECK_AMOUNT, ConditionSetup, CoverType, Decision, DecisionCode, Foreseen,
    LayerSetup, NonPayment, Setup,
};
use state::{Asked, Book};

/// A fault of this interface.
pub type Fault = fault::Fault<On>;

const TOKENS: &str = "/authenticate/v2/tokens";
const BUYERS: &str = "/credit-insurance/organisation-management/v1/buyers";
const MY_BUYERS: &str = "/credit-insurance/organisation-management/v1/buyers/my-buyers";
const COVERS: &str = "/credit-insurance/cover-management/v1/covers";
const DECISIONS: &str = "/credit-insurance/cover-management/v1/covers/decisions";
const APPLICATIONS: &str = "/credit-insurance/cover-management/v1/covers/applications";
const HISTORIC: &str = "/credit-insurance/cover-management/v1/covers/historic";
/// Assumed: an interface for non-payments exists, and nothing public shows it.
const NON_PAYMENTS: &str = "/non-payments/v1/notifications";
const POLICY_DETAILS: &str = "/credit-insurance/policy-management/v1/policies/details";

/// Every path and method that the gateway knows; a buyer's own page comes besides.
const ROUTES: &[(&str, &Method, Operation)] = &[
    (TOKENS, &Method::POST, Operation::Token),
    (BUYERS, &Method::GET, Operation::FindBuyer),
    (MY_BUYERS, &Method::GET, Operation::MyBuyers),
    (COVERS, &Method::GET, Operation::Covers),
    (COVERS, &Method::POST, Operation::Apply),
    (COVERS, &Method::PUT, Operation::Change),
    (DECISIONS, &Method::GET, Operation::Decisions),
    (APPLICATIONS, &Method::GET, Operation::Applications),
    (HISTORIC, &Method::GET, Operation::Historic),
    (POLICY_DETAILS, &Method::GET, Operation::PolicyDetails),
    (NON_PAYMENTS, &Method::POST, Operation::NonPayment),
    (NON_PAYMENTS, &Method::GET, Operation::NonPayments),
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
    /// The `Atradius-Correlation-Id`, when there was one.
    pub correlation_id: Option<String>,
}

/// A request that the underwriters have not decided yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Application {
    /// The number under which the decision will come.
    pub cover_id: u64,
    /// The buyer.
    pub buyer_id: u64,
    /// `credit-limit` or `credit-check`.
    pub cover_type: String,
    /// Whole units asked for.
    pub amount: u64,
    /// Day of the request.
    pub made_on: NaiveDate,
    /// The caller's `customerRefNumber`.
    pub reference: Option<String>,
}

/// Everything behind the lock.
struct Inner {
    book: Book,
    tokens: HashMap<String, DateTime<Utc>>,
    faults: Vec<Fault>,
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
        let inner = Inner { book, tokens: HashMap::new(), faults: Vec::new(), calls: Vec::new(), keep: None };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Continues where [`Sandbox::save`] left off. Tokens, faults and the log of calls are not kept.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let book = serde_json::from_slice(&text)
            .map_err(|source| Error::Content { path: path.to_owned(), source })?;
        Ok(Self::of(book))
    }

    /// Writes setup, day and requests to a file as JSON, all or nothing.
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
        self.lock().faults.push(fault);
    }

    /// Takes another secret from now on; tokens that were issued end, so that the next call has to sign in again.
    pub fn change_secret(&self, secret: &str) {
        let mut inner = self.lock();
        secret.clone_into(&mut inner.book.setup.client_secret);
        inner.tokens.clear();
    }

    /// Loses every request that was taken, as an insurer may that never shows them again.
    pub fn forget_requests(&self) {
        self.lock().book.requests.clear();
    }

    /// Every call so far, in the order of their answers.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How many buyer look-ups were billed.
    #[must_use]
    pub fn billed_lookups(&self) -> u64 {
        self.lock().book.billed_lookups
    }

    /// The non-payments that were taken, those with a spoilt answer among them.
    #[must_use]
    pub fn non_payments(&self) -> Vec<NonPayment> {
        self.lock().book.non_payments.clone()
    }

    /// Moves the rate by which amounts are stated in the user's currency, and nothing else.
    pub fn set_user_percent(&self, percent: u64) {
        let mut inner = self.lock();
        inner.book.setup.user_percent = percent;
        inner.persist();
    }

    /// Rates a buyer anew; `false` when it is not known.
    #[must_use]
    pub fn rate(&self, buyer_id: u64, rating: u8) -> bool {
        let mut inner = self.lock();
        let known = inner.book.setup.buyers.iter_mut().find(|buyer| buyer.buyer_id == buyer_id);
        let found = known.map(|buyer| buyer.rating = rating).is_some();
        inner.persist();
        found
    }

    /// Whole units covered per buyer today, for tests.
    ///
    /// A refused or withdrawn cover counts 0; buyers whose cover was cancelled or expired are absent.
    #[must_use]
    pub fn covers_snapshot(&self) -> BTreeMap<u64, u64> {
        self.lock().book.snapshot()
    }

    /// Requests still with the underwriters today, in the order in which they came.
    #[must_use]
    pub fn applications(&self) -> Vec<Application> {
        let inner = self.lock();
        let pending = inner.book.pending();
        pending
            .map(|request| Application {
                cover_id: request.cover_id,
                buyer_id: request.buyer_id,
                cover_type: request.cover_type.as_str().to_owned(),
                amount: request.amount,
                made_on: request.made_on,
                reference: request.reference.clone(),
            })
            .collect()
    }

    /// What a request on a credit limit would lead to if it were made now; nothing for an unknown buyer or a cancellation.
    #[must_use]
    pub fn foresee(&self, buyer_id: u64, action: Action, amount: u64) -> Option<Foreseen> {
        self.lock().book.foresee(buyer_id, action, amount)
    }

    /// The first amount from `least` upwards, in steps of 1000 and at most 500 of them, whose outcome is as wished.
    #[must_use]
    pub fn amount_for(
        &self,
        buyer_id: u64,
        action: Action,
        least: u64,
        wish: impl Fn(&Foreseen) -> bool,
    ) -> Option<u64> {
        let inner = self.lock();
        let start = least.div_ceil(state::STEP).max(1) * state::STEP;
        (start..)
            .step_by(1_000)
            .take(500)
            .find(|amount| inner.book.foresee(buyer_id, action, *amount).is_some_and(|seen| wish(&seen)))
    }

    /// The interface as a router: everything goes through one table of routes, so that order and log are one too.
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

/// What the gateway makes of a method and a path, before it looks at any credential.
enum Found {
    Operation(Operation),
    WrongMethod,
    Nothing,
}

fn find(method: &Method, path: &str) -> Found {
    let exact = |(known, _, _): &&(&str, &Method, Operation)| *known == path;
    if let Some((_, _, operation)) = ROUTES.iter().filter(exact).find(|(_, known, _)| *known == method) {
        return Found::Operation(*operation);
    }
    if ROUTES.iter().any(|route| exact(&route)) {
        return Found::WrongMethod;
    }
    match buyer_in(path) {
        Some(_) if method == Method::GET => Found::Operation(Operation::Buyer),
        Some(_) => Found::WrongMethod,
        None => Found::Nothing,
    }
}

/// The buyer's number in `…/buyers/{buyerId}`.
fn buyer_in(path: &str) -> Option<u64> {
    path.strip_prefix(BUYERS)?.strip_prefix('/')?.parse().ok()
}

/// A call, taken apart.
struct Incoming<'a> {
    operation: Operation,
    path: &'a str,
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
    let correlation = headers.get("atradius-correlation-id");
    let (answer, silence) = answer_call(&sandbox, &method, &uri, &headers, &body);
    sandbox.lock().calls.push(Call {
        method: method.to_string(),
        path: path.to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        status: answer.status,
        correlation_id: correlation.and_then(|id| id.to_str().ok()).map(str::to_owned),
    });
    if let Some(silence) = silence {
        tokio::time::sleep(silence).await;
    }
    answer.respond(correlation)
}

/// Answers one call, faults included, and says how long to keep silent first.
fn answer_call(
    sandbox: &Sandbox,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> (Answer, Option<Duration>) {
    let operation = match find(method, uri.path()) {
        Found::Operation(operation) => operation,
        Found::WrongMethod => return (Answer::gateway(405, "Method not allowed"), None),
        Found::Nothing => return (Answer::gateway(403, "Access to the resource is forbidden"), None),
    };
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return (Answer::gateway(400, "Malformed query"), None);
    };
    let call = Incoming { operation, path: uri.path(), query, headers, body };
    let inner = &mut *sandbox.lock();
    match fault::take(&mut inner.faults, operation == Operation::Token, |on| on.fits(operation)) {
        None => (carry_out(inner, &call), None),
        Some(FaultKind::TooManyRequests { retry_after_seconds }) => {
            let answer = Answer::gateway(429, "Rate limit quota violation");
            (Answer { retry_after_seconds: Some(retry_after_seconds), ..answer }, None)
        }
        Some(FaultKind::Unavailable) => {
            (Answer::gateway(503, "The Service is temporarily unavailable"), None)
        }
        Some(FaultKind::ErrorBefore) => (Answer::gateway(500, "Internal server error"), None),
        Some(FaultKind::ErrorAfter) => {
            carry_out(inner, &call);
            (Answer::gateway(500, "Internal server error"), None)
        }
        Some(FaultKind::TimeoutBefore { milliseconds }) => {
            (Answer::gateway(408, "Request timed out"), Some(Duration::from_millis(milliseconds)))
        }
        Some(FaultKind::TimeoutAfter { milliseconds }) => {
            (carry_out(inner, &call), Some(Duration::from_millis(milliseconds)))
        }
        Some(FaultKind::ExpiredToken) => {
            if let Some(token) = bearer(call.headers) {
                inner.tokens.remove(token);
            }
            (Answer::gateway(401, "Access Token expired"), None)
        }
        Some(FaultKind::Truncated) => (Answer { cut: Cut::InTheMiddle, ..carry_out(inner, &call) }, None),
        Some(FaultKind::Repeated) => (carry_out(inner, &call).with_rows(answer::repeat_first), None),
        Some(FaultKind::Reordered) => (carry_out(inner, &call).with_rows(|rows| rows.reverse()), None),
        Some(FaultKind::LostCallback) => (carry_out(inner, &call), None), // this interface calls nobody back
    }
}

/// Looks at the credentials, then does what the call asks.
fn carry_out(inner: &mut Inner, call: &Incoming<'_>) -> Answer {
    if header(call.headers, "atradius-app-key") != Some(inner.book.setup.app_key.as_str()) {
        return Answer::gateway(401, "Invalid ApiKey");
    }
    if call.operation == Operation::Token {
        return issue_token(inner, call);
    }
    match bearer(call.headers).map(|token| inner.tokens.get(token)) {
        None => return Answer::gateway(401, "Invalid access token"),
        Some(None) => return Answer::gateway(401, "Invalid Access Token"),
        Some(Some(ends)) if *ends <= crate::clock::now() => {
            return Answer::gateway(401, "Access Token expired");
        }
        Some(Some(_)) => {}
    }
    if header(call.headers, "atradius-correlation-id").is_none_or(str::is_empty) {
        return Answer::error(&inner.book, call.path, 400, "Missing header", "Atradius-Correlation-Id");
    }
    let book = &mut inner.book;
    let result = match call.operation {
        Operation::Token => return Answer::gateway(500, "Internal server error"), // answered above
        Operation::FindBuyer => find_buyer(book, call),
        Operation::Buyer => one_buyer(book, call),
        Operation::MyBuyers => my_buyers(book, call),
        Operation::Covers | Operation::Decisions | Operation::Applications | Operation::Historic => {
            list_covers(book, call)
        }
        Operation::Apply | Operation::Change => request_cover(book, call),
        Operation::PolicyDetails => policy_details(book, call),
        Operation::NonPayment => non_payment(book, call),
        Operation::NonPayments => whose(book, call)
            .map(|()| Answer::data(200, book.non_payments.iter().map(NonPayment::row).collect())),
    };
    let answer = result
        .unwrap_or_else(|wrong| Answer::error(book, call.path, wrong.status, wrong.detail, wrong.parameter));
    let changes = matches!(
        call.operation,
        Operation::Apply | Operation::Change | Operation::FindBuyer | Operation::NonPayment
    );
    if changes && answer.is_good() {
        inner.persist();
    }
    answer
}

/// A complaint about one parameter.
struct Wrong {
    status: u16,
    detail: &'static str,
    parameter: &'static str,
}

fn wrong(status: u16, detail: &'static str, parameter: &'static str) -> Wrong {
    Wrong { status, detail, parameter }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    header(headers, "authorization")?.strip_prefix("Bearer ")
}

fn issue_token(inner: &mut Inner, call: &Incoming<'_>) -> Answer {
    let setup = &inner.book.setup;
    let expected = format!("{}:{}", setup.client_id, setup.client_secret);
    let given = header(call.headers, "authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    if given.as_deref() != Some(expected.as_bytes()) {
        return Answer::gateway(401, "Invalid client identifier or secret");
    }
    let lifetime = setup.token_lifetime_seconds;
    inner.book.tokens_issued += 1;
    let token = crate::ids::fingerprint_hex(&[
        b"sandbox token",
        &inner.book.setup.seed.to_le_bytes(),
        &inner.book.tokens_issued.to_le_bytes(),
    ]);
    let ends = crate::clock::now() + Duration::from_secs(lifetime);
    inner.tokens.insert(token.clone(), ends);
    Answer::data(200, json!({ "access_token": token, "token_type": "Bearer", "expires_in": lifetime }))
}

/// Refuses every query parameter that is not named.
fn only(call: &Incoming<'_>, known: &[&str]) -> Result<(), Wrong> {
    match call.query.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some((key, _)) if key == "customerId" => Err(wrong(400, "unknown query parameter", "customerId")),
        Some((key, _)) if key == "policyId" => Err(wrong(400, "unknown query parameter", "policyId")),
        Some(_) => Err(wrong(400, "unknown query parameter", "")),
    }
}

fn find_buyer(book: &mut Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    only(call, &["country", "uid", "uidType"])?;
    let country = call.parameter("country").ok_or(wrong(400, "Parameter is mandatory", "country"))?;
    let uid = call.parameter("uid").ok_or(wrong(400, "Parameter is mandatory", "uid"))?;
    let uid_type = call.parameter("uidType").ok_or(wrong(400, "Parameter is mandatory", "uidType"))?;
    book.billed_lookups += 1;
    let found = book.setup.buyers.iter().filter(|buyer| {
        buyer.country_alpha3 == country && buyer.uid_type == uid_type && buyer.uid.as_deref() == Some(uid)
    });
    Ok(Answer::data(200, found.map(|buyer| answer::buyer_row(book, buyer)).collect()))
}

fn one_buyer(book: &Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let buyer = buyer_in(call.path).and_then(|buyer_id| book.buyer(buyer_id)).ok_or(wrong(
        404,
        "No buyer match found",
        "buyerId",
    ))?;
    Ok(Answer::data(200, json!([answer::buyer_row(book, buyer)])))
}

fn my_buyers(book: &Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    only(
        call,
        &["customerId", "policyId", "healthChange", "buyerRatingUpdatedAfter", "buyerRatingUpdatedBefore"],
    )?;
    whose(book, call)?;
    let health = match call.parameter("healthChange") {
        None => None,
        Some(change @ ("up" | "down")) => Some(change),
        Some(_) => return Err(wrong(400, "Must be one of up, down", "healthChange")),
    };
    let after = day(call, "buyerRatingUpdatedAfter")?;
    let before = day(call, "buyerRatingUpdatedBefore")?;
    let rows = book.setup.buyers.iter().filter(|buyer| {
        let rated_on = answer::rated_on(book, buyer);
        health.is_none_or(|change| change == answer::health_change(book, buyer))
            && after.is_none_or(|day| rated_on >= day)
            && before.is_none_or(|day| rated_on <= day)
            && book.is_mine(buyer.buyer_id)
    });
    Ok(Answer::data(200, rows.map(|buyer| answer::buyer_row(book, buyer)).collect()))
}

/// Checks that the call names this customer or this policy, and neither another one.
fn whose(book: &Book, call: &Incoming<'_>) -> Result<(), Wrong> {
    let (customer, policy) = (call.parameter("customerId"), call.parameter("policyId"));
    if customer.is_none() && policy.is_none() {
        return Err(wrong(400, "Either customerId or policyId is mandatory", "customerId"));
    }
    if let Some(text) = customer {
        let number: u64 = text.parse().map_err(|_| wrong(400, "Must be a number", "customerId"))?;
        if number != book.setup.customer_id {
            return Err(wrong(422, "No customer match found", "customerId"));
        }
    }
    match policy {
        Some(text) if text != book.setup.policy_id => Err(wrong(422, "No policy match found", "policyId")),
        Some(_) | None => Ok(()),
    }
}

/// A date parameter, with or without a time.
fn day(call: &Incoming<'_>, name: &'static str) -> Result<Option<NaiveDate>, Wrong> {
    let Some(text) = call.parameter(name) else { return Ok(None) };
    text.parse::<NaiveDate>()
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").map(|at| at.date()))
        .map(Some)
        .map_err(|_| wrong(400, "Must be a date of the form YYYY-MM-DDTHH:MM:SS", name))
}

/// The four lists. Parameters they do not know pass in silence, `fromDate` outside `/covers` among them.
fn list_covers(book: &Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    whose(book, call)?;
    let buyer_id: Option<u64> = call
        .parameter("buyerId")
        .map(|text| text.parse().map_err(|_| wrong(400, "Must be a number", "buyerId")))
        .transpose()?;
    let kind = call
        .parameter("coverType")
        .map(|text| {
            CoverType::parse(text).ok_or(wrong(400, "Must be one of credit-limit, credit-check", "coverType"))
        })
        .transpose()?;
    let from = if call.operation == Operation::Covers { day(call, "fromDate")? } else { None };
    let fits = |cover_type: CoverType| kind.is_none_or(|kind| kind == cover_type);

    let mut rows = Vec::new();
    for buyer in book.setup.buyers.iter().filter(|b| buyer_id.is_none_or(|id| id == b.buyer_id)) {
        let timeline = book.timeline(buyer.buyer_id);
        if matches!(call.operation, Operation::Covers | Operation::Decisions) {
            let current = timeline.current.iter().filter(|version| fits(version.cover_type));
            rows.extend(
                current
                    .filter(|version| from.is_none_or(|from| version.decided_on >= from))
                    .map(|version| answer::cover_row(book, buyer, version)),
            );
        }
        if matches!(call.operation, Operation::Covers | Operation::Applications) {
            let pending = book.pending().filter(|r| r.buyer_id == buyer.buyer_id && fits(r.cover_type));
            rows.extend(
                pending
                    .filter(|request| from.is_none_or(|from| request.made_on >= from))
                    .map(|request| Value::Object(answer::application_row(book, buyer, request))),
            );
        }
        if call.operation == Operation::Historic {
            let ended = timeline.ended.iter().filter(|ended| fits(ended.version.cover_type));
            rows.extend(ended.map(|ended| answer::historic_row(book, buyer, ended)));
            let mine = book.requests.iter().filter(|r| r.buyer_id == buyer.buyer_id && fits(r.cover_type));
            rows.extend(mine.filter_map(|request| {
                let on = request.cancelled_on.filter(|on| *on <= book.today)?;
                Some(answer::cancelled_application_row(book, buyer, request, on))
            }));
        }
    }
    Ok(Answer::data(200, Value::Array(rows)))
}

/// `POST` and `PUT` of a cover.
fn request_cover(book: &mut Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let body: Map<String, Value> = serde_json::from_slice(call.body)
        .map_err(|_| wrong(400, "Request body is not a valid JSON object", ""))?;
    let asked = read_request(book, call.operation, &body)?;
    let receipt = book.request(&asked).map_err(|refused| wrong(422, refused.detail, refused.parameter))?;
    let (status, text) = match (asked.action, &receipt.decided) {
        (Action::Cancel, _) => (200, "Action successful"),
        (_, None) => (202, "Action successful"),
        (_, Some(DecisionCode::Dc03 | DecisionCode::Dc05)) => (201, "Action has been refused."),
        (_, Some(_)) => (201, "Action successful"),
    };
    Ok(Answer::data(status, json!([{ "coverId": receipt.cover_id, "response": text }])))
}

fn read_request(book: &Book, operation: Operation, body: &Map<String, Value>) -> Result<Asked, Wrong> {
    let number = |name: &'static str| {
        body.get(name).and_then(Value::as_u64).ok_or(wrong(
            422,
            "Parameter is mandatory and must be a number",
            name,
        ))
    };
    let text = |name: &str| body.get(name).and_then(Value::as_str);

    if number("customerId")? != book.setup.customer_id {
        return Err(wrong(422, "No customer match found", "customerId"));
    }
    if text("policyId") != Some(book.setup.policy_id.as_str()) {
        return Err(wrong(422, "No policy match found", "policyId"));
    }
    let buyer_id = number("buyerId")?;
    let cover_type = text("coverType").and_then(CoverType::parse).ok_or(wrong(
        422,
        "Must be one of credit-limit, credit-check",
        "coverType",
    ))?;
    let action = match (operation == Operation::Apply, text("action")) {
        (true, None) => Action::New,
        (true, Some(_)) => return Err(wrong(422, "Unknown parameter", "action")),
        (false, Some("supersede")) => Action::Supersede,
        (false, Some("reduce")) => Action::Reduce,
        (false, Some("cancel")) => Action::Cancel,
        (false, _) => return Err(wrong(422, "Must be one of supersede, reduce, cancel", "action")),
    };
    let amount = match (cover_type, action) {
        (CoverType::CreditCheck, Action::Supersede | Action::Reduce) => {
            return Err(wrong(422, "Action is not available for a credit-check", "action"));
        }
        (CoverType::CreditCheck, Action::New | Action::Cancel) => {
            if let Some(name) =
                ["currencyCode", "creditLimitAmount"].into_iter().find(|n| body.contains_key(*n))
            {
                return Err(wrong(422, "Must be omitted for a credit-check", name));
            }
            if action == Action::New { CREDIT_CHECK_AMOUNT } else { 0 }
        }
        (CoverType::CreditLimit, Action::Cancel) => 0,
        (CoverType::CreditLimit, Action::New | Action::Supersede | Action::Reduce) => {
            if text("currencyCode") != Some(book.setup.policy_currency.as_str()) {
                return Err(wrong(422, "Must be a currency of the policy", "currencyCode"));
            }
            body.get("creditLimitAmount")
                .and_then(Value::as_u64)
                .filter(|amount| (1..=state::MOST).contains(amount) && amount.is_multiple_of(state::STEP))
                .ok_or(wrong(
                    422,
                    "Must be positive number greater than zero and a multiple of 1000.",
                    "creditLimitAmount",
                ))?
        }
    };
    let effect_from = match body.get("effectFromDate") {
        None => None,
        Some(value) => Some(
            value
                .as_str()
                .and_then(|text| text.get(..10))
                .and_then(|text| text.parse().ok())
                .ok_or(wrong(422, "Must be a date", "effectFromDate"))?,
        ),
    };
    let reference = text("customerRefNumber").map(str::to_owned);
    Ok(Asked { buyer_id, cover_type, action, amount, effect_from, reference })
}

/// Takes a non-payment of a buyer of the portfolio; fields and rules are assumed.
fn non_payment(book: &mut Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    let body: Map<String, Value> = serde_json::from_slice(call.body)
        .map_err(|_| wrong(400, "Request body is not a valid JSON object", ""))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if body.get("customerId").and_then(Value::as_u64) != Some(book.setup.customer_id) {
        return Err(wrong(422, "No customer match found", "customerId"));
    }
    if text("policyId") != Some(book.setup.policy_id.as_str()) {
        return Err(wrong(422, "No policy match found", "policyId"));
    }
    let buyer_id = body.get("buyerId").and_then(Value::as_u64).filter(|id| book.is_mine(*id));
    let invoice = text("invoiceNumber").ok_or(wrong(422, "Parameter is mandatory", "invoiceNumber"))?;
    let due = text("originalDueDate").and_then(|text| text.parse().ok());
    let amount = body.get("outstandingAmount").filter(|amount| amount.is_number());
    let number = u64::try_from(book.non_payments.len()).unwrap_or(u64::MAX / 2);
    let notice = NonPayment {
        notification_id: 90_000_001 + number,
        on: book.today,
        buyer_id: buyer_id.ok_or(wrong(422, "No buyer match found", "buyerId"))?,
        invoice: invoice.to_owned(),
        due: due.ok_or(wrong(422, "Must be a date", "originalDueDate"))?,
        amount: amount.ok_or(wrong(422, "Must be a number", "outstandingAmount"))?.to_string(),
        reference: text("customerRefNumber").map(str::to_owned),
    };
    let answer = json!([{ "notificationId": notice.notification_id, "response": "Action successful" }]);
    book.non_payments.push(notice);
    Ok(Answer::data(201, answer))
}

fn policy_details(book: &Book, call: &Incoming<'_>) -> Result<Answer, Wrong> {
    only(call, &["policyId"])?;
    let policy = call.parameter("policyId").ok_or(wrong(400, "Parameter is mandatory", "policyId"))?;
    if policy != book.setup.policy_id {
        return Err(wrong(404, "No policy match found", "policyId"));
    }
    Ok(Answer::data(200, answer::policy(book)))
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
            let applications = sandbox.applications();
            let inner = sandbox.lock();
            let book = &inner.book;
            let covers = book.setup.buyers.iter().filter_map(|buyer| {
                let version = book.timeline(buyer.buyer_id).current?;
                Some(json!({
                    "coverId": version.cover_id,
                    "buyerId": buyer.buyer_id,
                    "buyerName": buyer.name,
                    "coverType": version.cover_type.as_str(),
                    "decisionCode": version.code.as_str(),
                    "total": version.total(),
                }))
            });
            axum::Json(json!({
                "today": book.today,
                "seed": book.setup.seed,
                "customerId": book.setup.customer_id,
                "policyId": book.setup.policy_id,
                "buyers": book.setup.buyers.len(),
                "covers": covers.collect::<Vec<_>>(),
                "applications": applications,
                "billedLookups": book.billed_lookups,
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
