//! How a partner recognises us: headers that never change, or a session that ends and is renewed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};
use tokio::time::Instant;

use super::{Error, Method, add_header};
use crate::format::json::Path;
use crate::format::{Value, json};
use crate::transport::template::percent_encoded;
use crate::transport::{JsonTemplate, Scope, Template};

/// How a partner recognises us.
#[derive(Debug, Clone)]
pub enum Auth {
    /// It does not.
    None,
    /// By the same headers on every call: a key, or HTTP Basic.
    Headers {
        /// Names and templates of settings.
        headers: Vec<(String, Template)>,
    },
    /// By a session that a login gives.
    Token(Box<Token>),
}

impl Auth {
    /// The settings that hold the credentials.
    #[must_use]
    pub fn settings(&self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::Headers { headers } => {
                headers.iter().flat_map(|(_, t)| t.names()).map(str::to_owned).collect()
            }
            Self::Token(token) => token.request.settings(),
        }
    }
}

/// How long a session lives.
#[derive(Debug, Clone)]
pub enum Lifetime {
    /// Until the partner refuses it.
    Unstated,
    /// Always this long.
    Fixed(Duration),
    /// The answer says it here, in seconds.
    At(Path),
}

/// A login and what it gives.
#[derive(Debug, Clone)]
pub struct Token {
    /// The login.
    pub request: TokenRequest,
    /// Values of the session, by name, and where they are in the answer.
    pub values: Vec<(String, Path)>,
    /// Headers that every call carries.
    pub headers: Vec<(String, Template)>,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Statuses that mean wrong credentials, besides 4xx.
    pub refused_status: Vec<u16>,
    /// A good status without this means wrong credentials.
    pub refused_when_absent: Option<Path>,
}

/// The call that logs in.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The method.
    pub method: Method,
    /// Where it goes, when not to the host of the other calls.
    pub base: Option<Template>,
    /// The path.
    pub path: Template,
    /// The two settings of HTTP Basic.
    pub basic: Option<Template>,
    /// Headers of this call only.
    pub headers: Vec<(String, Template)>,
    /// The query.
    pub query: Vec<(String, Template)>,
    /// The body, as JSON.
    pub json: Option<JsonTemplate>,
    /// The body, as a form; instead of JSON.
    pub form: Vec<(String, Template)>,
}

/// A login, ready to be sent.
pub(super) struct Login {
    /// Scheme and host, when not those of the other calls.
    pub(super) base: Option<String>,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Value>,
    /// The fields of a form, already encoded; empty without one.
    pub(super) form: String,
}

impl TokenRequest {
    /// The settings that it uses.
    #[must_use]
    pub fn settings(&self) -> Vec<String> {
        let texts = self.headers.iter().chain(&self.query).chain(&self.form);
        let headers = texts.flat_map(|(_, template)| template.names());
        let body = self.json.iter().flat_map(JsonTemplate::names);
        let mut names: Vec<String> = self
            .basic
            .iter()
            .chain(&self.base)
            .flat_map(Template::names)
            .chain(headers)
            .chain(body)
            .map(str::to_owned)
            .collect();
        names.dedup();
        names
    }

    pub(super) fn fill(&self, scope: &Scope<'_>) -> Result<Login, Error> {
        let missing =
            |name: String| Error::Configuration { reason: format!("the setting \"{name}\" is not given") };
        let path = self.path.fill_path(scope).map_err(missing)?;
        let base = self.base.as_ref().map(|base| base.fill(scope).map_err(missing)).transpose()?.flatten();
        let filled = |templates: &[(String, Template)]| {
            let mut pairs = Vec::new();
            for (name, template) in templates {
                pairs.extend(template.fill(scope).map_err(missing)?.map(|text| (name.clone(), text)));
            }
            Ok::<_, Error>(pairs)
        };
        let body = match &self.json {
            Some(template) => template.fill(scope).map_err(missing)?,
            None => None,
        };
        let fields: Vec<String> = filled(&self.form)?
            .iter()
            .map(|(name, text)| format!("{}={}", percent_encoded(name), percent_encoded(text)))
            .collect();
        Ok(Login { base, path, query: filled(&self.query)?, body, form: fields.join("&") })
    }

    pub(super) fn add_headers(&self, scope: &Scope<'_>, headers: &mut HeaderMap) -> Result<(), Error> {
        if let Some(basic) = &self.basic {
            add_header(headers, AUTHORIZATION, basic, scope)?;
        }
        add_all(&self.headers, scope, headers)
    }
}

fn add_all(
    templates: &[(String, Template)],
    scope: &Scope<'_>,
    headers: &mut HeaderMap,
) -> Result<(), Error> {
    for (name, template) in templates {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::Configuration {
            reason: format!("\"{name}\" is not the name of a header"),
        })?;
        add_header(headers, name, template, scope)?;
    }
    Ok(())
}

/// What the partner gave us to be recognised by.
#[derive(Clone, Default)]
pub(super) struct Session {
    values: BTreeMap<String, String>,
    expires: Option<Instant>,
    /// Which login it came from; nothing when there is no login.
    pub(super) generation: Option<u64>,
}

impl Session {
    pub(super) fn of(token: &Token, answer: &Value) -> Result<Self, Error> {
        let mut values = BTreeMap::new();
        for (name, path) in &token.values {
            let text = path.find(answer).and_then(json::scalar);
            let text = text.ok_or_else(|| Error::Answer {
                reason: format!("the login gives no {name}"),
                effect: super::Effect::Read,
            })?;
            values.insert(name.clone(), text);
        }
        let lifetime = match &token.lifetime {
            Lifetime::Unstated => None,
            Lifetime::Fixed(lifetime) => Some(*lifetime),
            Lifetime::At(path) => path
                .find(answer)
                .and_then(json::scalar)
                .and_then(|text| text.parse().ok())
                .map(Duration::from_secs),
        };
        // Renewed a tenth, at most a minute, before its end: a call that starts with a session should end with it.
        let expires = lifetime.map(|lifetime| {
            Instant::now() + lifetime.saturating_sub((lifetime / 10).min(Duration::from_secs(60)))
        });
        Ok(Self { values, expires, generation: None })
    }

    pub(super) fn add_headers(
        &self,
        auth: &Auth,
        settings: &BTreeMap<String, String>,
        correlation: &str,
        headers: &mut HeaderMap,
    ) -> Result<(), Error> {
        let scope = Scope { layers: &[&self.values, settings], correlation };
        match auth {
            Auth::None => Ok(()),
            Auth::Headers { headers: templates } => add_all(templates, &scope, headers),
            Auth::Token(token) => add_all(&token.headers, &scope, headers),
        }
    }
}

/// The session of one credential, renewed by one caller at a time, and the memory of a refusal.
#[derive(Default)]
pub(super) struct Sessions {
    current: tokio::sync::Mutex<(u64, Option<Session>)>,
    refused: Mutex<Option<Error>>,
}

impl Sessions {
    pub(super) fn without_login(&self) -> Result<Session, Error> {
        self.refusal().map_or_else(|| Ok(Session::default()), Err)
    }

    pub(super) async fn current<F>(
        &self,
        _token: &Token,
        log_in: impl FnOnce() -> F,
    ) -> Result<Session, Error>
    where
        F: Future<Output = Result<Session, Error>>,
    {
        let mut current = self.current.lock().await;
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        let (generation, session) = &mut *current;
        if let Some(session) =
            session.as_ref().filter(|session| session.expires.is_none_or(|at| Instant::now() < at))
        {
            return Ok(session.clone());
        }
        let fresh = log_in().await.inspect_err(|error| self.refuse(error))?;
        *generation += 1;
        let fresh = Session { generation: Some(*generation), ..fresh };
        *session = Some(fresh.clone());
        Ok(fresh)
    }

    /// Drops a session that the partner no longer accepts, unless another caller renewed it already.
    pub(super) async fn forget(&self, generation: u64) {
        let mut current = self.current.lock().await;
        if current.0 == generation {
            current.1 = None;
        }
    }

    /// Remembers refused credentials.
    pub(super) fn refuse(&self, error: &Error) {
        if matches!(error, Error::Credentials { .. }) {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
    }

    pub(super) fn refusal(&self) -> Option<Error> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
