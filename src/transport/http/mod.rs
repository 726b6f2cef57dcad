//! One HTTP client for every partner: authentication, limits, retries of reads, and verdicts.
//!
//! Reads are retried with growing, jittered delays. Writes are sent once, and what may have been accepted is never sent
//! again. Refused credentials are remembered: the client does not knock a second time. No redirect is followed, no answer
//! larger than the cap is kept, and no body, token or query is logged.

mod credential;
mod session;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::BackoffBuilder as _;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

pub use credential::Credentials;
pub use session::{Auth, Lifetime, Token, TokenRequest};

use super::{Error, Scope, Template, Verdict, is_this_machine};
use crate::format::json::Path;
use crate::format::{Value, json};
use credential::Credential;
use session::Session;

/// Largest answer that is read, in bytes after decompression.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Answers nested deeper than this are refused before they are parsed.
const DEPTH_MAX: usize = 128;
/// From this size on, an answer is parsed outside of the asynchronous workers.
const PARSED_IN_PLACE_BYTES_MAX: usize = 128 << 10;
/// A read waits at most this long for a partner that asks for patience; beyond, the caller schedules it.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How much of a partner's message is kept.
const MESSAGE_CHARS_MAX: usize = 400;

/// Whether a call changes something at the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It may be repeated at will.
    Read,
    /// It must happen at most once.
    Write,
    /// It changes nothing and costs money: asked at most once, like a write.
    Billed,
}

/// The HTTP method of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Method {
    /// Every method with its key in manifests.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("get", Self::Get),
        ("post", Self::Post),
        ("put", Self::Put),
        ("patch", Self::Patch),
        ("delete", Self::Delete),
    ];

    /// Its name in HTTP.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    const fn to_reqwest(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Post => reqwest::Method::POST,
            Self::Put => reqwest::Method::PUT,
            Self::Patch => reqwest::Method::PATCH,
            Self::Delete => reqwest::Method::DELETE,
        }
    }
}

/// A condition on an answer; all of its parts must hold.
#[derive(Debug, Clone, Default)]
pub struct Test {
    /// One of these statuses; any when empty.
    pub status: Vec<u16>,
    /// Something other than null stands at one of these paths.
    pub path: Vec<Path>,
    /// What stands there contains this, whatever its case.
    pub matches: Option<String>,
}

impl Test {
    /// Whether the answer meets it.
    #[must_use]
    pub fn holds(&self, status: u16, body: &Value) -> bool {
        if !self.status.is_empty() && !self.status.contains(&status) {
            return false;
        }
        if self.path.is_empty() {
            return true;
        }
        let wanted = self.matches.as_ref().map(|text| text.to_lowercase());
        self.path.iter().filter_map(|path| path.find(body)).any(|value| match &wanted {
            None => !matches!(value, Value::Null),
            Some(wanted) => {
                json::scalar(value).unwrap_or_else(|| value.to_string()).to_lowercase().contains(wanted)
            }
        })
    }
}

/// What a partner's errors look like.
#[derive(Debug, Clone, Default)]
pub struct ErrorRules {
    /// Where its words are; the first that has some.
    pub message: Vec<Path>,
    /// The response header with the reference its support asks for.
    pub reference: Option<String>,
    /// An answer with status 2xx that has something here is an error.
    pub when: Vec<Path>,
    /// Verdicts that differ from those of the status.
    pub verdicts: Vec<(Test, Verdict)>,
}

/// How often the partner may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Time between two calls.
    pub period: Duration,
    /// Calls at once.
    pub in_flight: usize,
}

/// Everything a client needs to know about one connection.
#[derive(Clone)]
pub struct Config {
    /// The connection's name, for logs.
    pub connection: String,
    /// Scheme, host and the part of the path that every call shares.
    pub base_url: String,
    /// Settings by name, secrets included.
    pub settings: BTreeMap<String, String>,
    /// The names of those that are secret.
    pub secrets: Vec<String>,
    /// Headers of every call.
    pub headers: Vec<(String, Template)>,
    /// How the partner recognises us.
    pub auth: Auth,
    /// How often it may be called.
    pub limit: Limit,
    /// How many times a read is repeated.
    pub retries: usize,
    /// The delay before the first repetition; it doubles, with jitter.
    pub first_delay: Duration,
    /// For a whole call, from connecting to the last byte.
    pub timeout: Duration,
    /// Largest answer that is read.
    pub answer_bytes_max: usize,
    /// What errors look like.
    pub errors: ErrorRules,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The operation, for logs.
    pub operation: &'a str,
    /// Whether it changes something.
    pub effect: Effect,
    /// The method.
    pub method: Method,
    /// The path, already encoded, or a whole link of the same origin as the base URL.
    pub path: String,
    /// The query, not yet encoded.
    pub query: Vec<(String, String)>,
    /// The body, as JSON.
    pub body: Option<Value>,
    /// Headers of this call only.
    pub headers: Vec<(String, String)>,
}

/// A good answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null when there was none.
    pub body: Value,
    /// SHA-256 of the bytes, first half.
    pub digest: [u8; 16],
    /// The partner's reference of the call, else our correlation id.
    pub reference: String,
}

/// A client of one credential. Clones share its session, its rate and its memory of a refusal, and so do all clients of the
/// same [`Credentials`] that sign in alike.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    config: Config,
    headers: Vec<(HeaderName, Template)>,
    credential: Arc<Credential>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("connection", &self.inner.config.connection).finish_non_exhaustive()
    }
}

/// A failed attempt.
struct Failure {
    error: Error,
    /// The session that the partner no longer accepts, for the one renewal.
    stale: Option<u64>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, stale: None }
    }
}

impl Client {
    /// Builds a client with a credential of its own. A TLS provider must have been installed for the process.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the base URL or a header name is not one.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::sharing(config, "", &Credentials::default())
    }

    /// Builds a client that shares rate, session and the memory of a refusal with the others of one credential at a partner.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn sharing(config: Config, partner: &str, credentials: &Credentials) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Configuration { reason };
        let url = reqwest::Url::parse(&config.base_url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if url
            .is_none_or(|url| url.query().is_some() || !url.username().is_empty() || url.password().is_some())
        {
            return Err(wrong(
                "the base URL is not one: write scheme and host, for example https://host.example".to_owned(),
            ));
        }
        let mut headers = Vec::new();
        for (name, template) in &config.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| wrong(format!("\"{name}\" is not the name of a header")))?;
            headers.push((name, template.clone()));
        }
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(config.timeout.min(Duration::from_secs(10)))
            .timeout(config.timeout)
            .user_agent(concat!("encours/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| wrong(format!("the HTTP client cannot be built: {}", error.without_url())))?;
        let credential = credentials.of(partner, &config);
        let inner = Inner { http, config, headers, credential };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether the partner has refused the credential: nobody shows it again.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.inner.credential.sessions.refusal().is_some()
    }

    /// Makes a call, with the retries that its effect allows.
    ///
    /// # Errors
    /// [`Error`]; its verdict says what follows.
    pub async fn call(&self, call: &Call<'_>) -> Result<Answer, Error> {
        self.call_accepting(call, &[]).await
    }

    /// Makes a call whose answer may have a status that is none of 2xx and yet no error, where one of `accepts` holds.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call_accepting(&self, call: &Call<'_>, accepts: &[Test]) -> Result<Answer, Error> {
        let correlation = crate::ids::correlation();
        let config = &self.inner.config;
        let mut delays = backon::ExponentialBuilder::default()
            .with_min_delay(config.first_delay)
            .with_max_delay(WAIT_MAX)
            .with_max_times(config.retries)
            .with_jitter()
            .build();
        let mut renewed = false;
        let mut attempt: u32 = 1;
        loop {
            let started = tokio::time::Instant::now();
            let result = self.attempt(call, accepts, &correlation).await;
            let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let (connection, operation) = (config.connection.as_str(), call.operation);
            let failure = match result {
                Ok(answer) => {
                    tracing::debug!(connection, operation, %correlation, status = answer.status, elapsed_ms, attempt, "call answered");
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            let verdict = failure.error.verdict();
            tracing::debug!(connection, operation, %correlation, verdict = verdict.as_str(), elapsed_ms, attempt, "call failed");
            attempt += 1;
            if let Some(stale) = failure.stale.filter(|_| !renewed) {
                // The partner did not look at the call, so even a write may be repeated once.
                self.inner.credential.sessions.forget(stale).await;
                renewed = true;
                continue;
            }
            let after = match (call.effect, verdict) {
                (Effect::Read, Verdict::RetryLater { after }) => after.unwrap_or_default(),
                _ => return Err(failure.error),
            };
            match delays.next().map(|delay| delay.max(after)) {
                Some(delay) if delay <= WAIT_MAX => tokio::time::sleep(delay).await,
                _ => return Err(failure.error),
            }
        }
    }

    /// Text of the partner with the secrets of this connection covered, and cut to a readable length.
    #[must_use]
    pub fn masked(&self, text: &str) -> String {
        let config = &self.inner.config;
        let secrets = config.secrets.iter().filter_map(|name| config.settings.get(name));
        let mut text = text.to_owned();
        for secret in secrets.filter(|secret| secret.chars().count() >= 4) {
            text = text.replace(secret.as_str(), "•••");
        }
        text.chars().take(4096).collect()
    }

    async fn attempt(&self, call: &Call<'_>, accepts: &[Test], correlation: &str) -> Result<Answer, Failure> {
        let config = &self.inner.config;
        let _permit = self
            .inner
            .credential
            .in_flight
            .acquire()
            .await
            .map_err(|_| Error::Configuration { reason: "the client is closed".to_owned() })?;
        let session = self.session(correlation).await?;
        let mut headers = self.common_headers(correlation)?;
        session.add_headers(&config.auth, &config.settings, correlation, &mut headers)?;
        for (name, text) in &call.headers {
            let wrong = || Error::Configuration { reason: format!("\"{name}\" cannot be sent as a header") };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            headers.insert(name, HeaderValue::from_str(text).map_err(|_| wrong())?);
        }
        let sent = self.send(call, self.url(&call.path)?, headers, None).await?;
        if sent.status == StatusCode::UNAUTHORIZED {
            let error = Error::Credentials { message: self.message(&sent), settings: config.auth.settings() };
            return Err(match session.generation {
                Some(generation) => Failure { error, stale: Some(generation) },
                None => {
                    self.inner.credential.sessions.refuse(&error);
                    error.into()
                }
            });
        }
        let reference = self.reference(&sent).unwrap_or_else(|| correlation.to_owned());
        let status = sent.status.as_u16();
        let accepted = |body: &Value| accepts.iter().any(|test| test.holds(status, body));
        if sent.body.as_ref().is_ok_and(accepted) {
            let body = sent.body.unwrap_or(Value::Null);
            return Ok(Answer { status, body, digest: sent.digest, reference });
        }
        self.judge(sent, call.effect, reference).map_err(Failure::from)
    }

    /// What an answer means.
    fn judge(&self, sent: Raw, effect: Effect, reference: String) -> Result<Answer, Error> {
        let rules = &self.inner.config.errors;
        let status = sent.status.as_u16();
        let body = sent.body.as_ref().unwrap_or(&Value::Null);
        let stated =
            rules.verdicts.iter().find(|(test, _)| test.holds(status, body)).map(|(_, verdict)| *verdict);
        let refused = |verdict| Error::Refused {
            status,
            message: self.message(&sent),
            reference: Some(reference.clone()),
            verdict,
        };
        if sent.status.is_success() {
            let inside = rules
                .when
                .iter()
                .any(|path| path.find(body).is_some_and(|value| !matches!(value, Value::Null)));
            if inside {
                let natural = match effect {
                    Effect::Read => Verdict::Defect,
                    Effect::Write | Effect::Billed => Verdict::FixData,
                };
                return Err(refused(stated.unwrap_or(natural)));
            }
            return match sent.body {
                Ok(body) => Ok(Answer { status, body, digest: sent.digest, reference }),
                Err(reason) => Err(Error::Answer { reason, effect }),
            };
        }
        if let Some(verdict) = stated {
            return Err(refused(verdict));
        }
        let natural = match (status, effect) {
            (429, _) => return Err(Error::Throttled { status, after: sent.retry_after }),
            (408 | 425 | 500..=599, _) => {
                return Err(Error::Failed {
                    status,
                    message: self.message(&sent),
                    reference: Some(reference),
                    effect,
                    after: sent.retry_after,
                });
            }
            (403, _) => Verdict::NotAllowed,
            (300..=399, _) | (_, Effect::Read) => Verdict::FixConfiguration,
            (_, Effect::Write | Effect::Billed) => Verdict::FixData,
        };
        Err(refused(natural))
    }

    fn message(&self, sent: &Raw) -> String {
        let Ok(body) = &sent.body else { return String::new() };
        let found = self.inner.config.errors.message.iter().find_map(|path| path.find(body));
        let text =
            found.map(|value| json::scalar(value).unwrap_or_else(|| value.to_string())).unwrap_or_default();
        self.masked(&text).chars().take(MESSAGE_CHARS_MAX).collect()
    }

    fn reference(&self, sent: &Raw) -> Option<String> {
        let name = self.inner.config.errors.reference.as_ref()?;
        sent.headers.get(name)?.to_str().ok().map(str::to_owned)
    }

    fn common_headers(&self, correlation: &str) -> Result<HeaderMap, Error> {
        let scope = Scope { layers: &[&self.inner.config.settings], correlation };
        let mut headers = HeaderMap::new();
        for (name, template) in &self.inner.headers {
            add_header(&mut headers, name.clone(), template, &scope)?;
        }
        Ok(headers)
    }

    async fn session(&self, correlation: &str) -> Result<Session, Error> {
        match &self.inner.config.auth {
            Auth::None | Auth::Headers { .. } => self.inner.credential.sessions.without_login(),
            Auth::Token(token) => {
                self.inner.credential.sessions.current(token, || self.log_in(token, correlation)).await
            }
        }
    }

    async fn log_in(&self, token: &Token, correlation: &str) -> Result<Session, Error> {
        let config = &self.inner.config;
        let scope = Scope { layers: &[&config.settings], correlation };
        let session::Login { base, path, query, body, form } = token.request.fill(&scope)?;
        let mut headers = self.common_headers(correlation)?;
        token.request.add_headers(&scope, &mut headers)?;
        let call = Call {
            operation: "log in",
            effect: Effect::Read,
            method: token.request.method,
            path,
            query,
            body,
            headers: Vec::new(),
        };
        let form = (!form.is_empty()).then_some(form);
        let url = match &base {
            Some(base) => login_url(base, &call.path)?,
            None => self.url(&call.path)?,
        };
        let sent = self.send(&call, url, headers, form).await?;
        let status = sent.status.as_u16();
        let refusal = |message: String| Error::Credentials { message, settings: token.request.settings() };
        let is_refusal = token.refused_status.contains(&status)
            || (sent.status.is_client_error() && !matches!(status, 408 | 425 | 429));
        if is_refusal {
            let message = self.message(&sent);
            return Err(refusal(if message.is_empty() { format!("status {status}") } else { message }));
        }
        let reference = self.reference(&sent).unwrap_or_else(|| correlation.to_owned());
        let answer = self.judge(sent, Effect::Read, reference)?;
        let missing = |path: &Path| {
            path.find(&answer.body).is_none_or(|value| matches!(value, Value::Null | Value::Bool(false)))
        };
        if token.refused_when_absent.as_ref().is_some_and(missing) {
            return Err(refusal(String::new()));
        }
        tracing::debug!(connection = config.connection.as_str(), %correlation, "logged in");
        Session::of(token, &answer.body)
    }

    async fn send(
        &self,
        call: &Call<'_>,
        url: reqwest::Url,
        mut headers: HeaderMap,
        form: Option<String>,
    ) -> Result<Raw, Error> {
        let config = &self.inner.config;
        self.inner.credential.turn().await;
        let mut request = self.inner.http.request(call.method.to_reqwest(), url);
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        if let Some(form) = form {
            headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("application/x-www-form-urlencoded"));
            request = request.body(form);
        } else if let Some(body) = &call.body {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            request = request.body(body.to_string());
        }
        let mut response = request.headers(headers).send().await.map_err(|error| lost(error, call.effect))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let retry_after =
            headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(read_retry_after);
        let mut bytes = Vec::new();
        let mut too_large = false;
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(error, call.effect))? {
            if bytes.len() + chunk.len() > config.answer_bytes_max {
                too_large = true;
                break;
            }
            bytes.extend_from_slice(&chunk);
        }
        let digest = crate::ids::fingerprint(&[&bytes]);
        let body = if too_large {
            Err(format!("it is larger than {} bytes; ask for smaller pages", config.answer_bytes_max))
        } else if bytes.len() <= PARSED_IN_PLACE_BYTES_MAX {
            parse(&bytes)
        } else {
            tokio::task::spawn_blocking(move || parse(&bytes))
                .await
                .map_err(|_| Error::Lost { reason: "the parser stopped".to_owned(), effect: call.effect })?
        };
        Ok(Raw { status, headers, retry_after, body, digest })
    }

    fn url(&self, path: &str) -> Result<reqwest::Url, Error> {
        let wrong = |reason: String| Error::Configuration { reason };
        let base = self.inner.config.base_url.trim_end_matches('/');
        if !path.starts_with("http://") && !path.starts_with("https://") {
            return reqwest::Url::parse(&format!("{base}{path}"))
                .map_err(|_| wrong("the path of the operation gives no URL".to_owned()));
        }
        let (link, base) = (reqwest::Url::parse(path), reqwest::Url::parse(base));
        match (link, base) {
            // Credentials go to the partner's own host, wherever its answer points.
            (Ok(link), Ok(base)) if link.origin() == base.origin() => Ok(link),
            _ => Err(wrong("the link in the answer leads to another host than the base URL".to_owned())),
        }
    }
}

/// Where a login goes whose host is another one than that of the calls. Secrets go there: never in clear to another machine.
fn login_url(base: &str, path: &str) -> Result<reqwest::Url, Error> {
    let wrong = || Error::Configuration {
        reason: format!("\"{base}\" is no place to sign in at: write https:// and the host"),
    };
    let url = reqwest::Url::parse(&format!("{}{path}", base.trim_end_matches('/'))).map_err(|_| wrong())?;
    let is_here = is_this_machine(url.host_str().unwrap_or_default());
    let is_plain = url.username().is_empty() && url.password().is_none();
    let is_guarded = url.scheme() == "https" || (url.scheme() == "http" && is_here);
    if is_plain && is_guarded { Ok(url) } else { Err(wrong()) }
}

/// What came back, before anything is made of it.
struct Raw {
    status: StatusCode,
    headers: HeaderMap,
    retry_after: Option<Duration>,
    body: Result<Value, String>,
    digest: [u8; 16],
}

fn lost(error: reqwest::Error, effect: Effect) -> Error {
    let unsent = error.is_connect() || error.is_builder();
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        reason = format!("{reason}: {inner}");
        cause = inner.source();
    }
    if unsent { Error::Unreachable { reason } } else { Error::Lost { reason, effect } }
}

fn parse(bytes: &[u8]) -> Result<Value, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(format!("it is nested more than {DEPTH_MAX} levels deep"));
        }
    }
    json::parse(bytes).map_err(|error| format!("it is not JSON ({error})"))
}

fn read_retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(at.signed_duration_since(crate::clock::now()).to_std().unwrap_or_default())
}

fn add_header(
    headers: &mut HeaderMap,
    name: HeaderName,
    template: &Template,
    scope: &Scope<'_>,
) -> Result<(), Error> {
    let missing =
        |name: String| Error::Configuration { reason: format!("the setting \"{name}\" is not given") };
    if let Some(text) = template.fill(scope).map_err(missing)? {
        let mut value = HeaderValue::from_str(&text).map_err(|_| Error::Configuration {
            reason: format!("the value of the header {name} has signs that no header takes"),
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(())
}
