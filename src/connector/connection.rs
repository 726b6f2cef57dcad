//! A connection: a connector with the settings of one company at one partner.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;

use super::error::Error;
use super::load::Connector;
use super::manifest::{
    BodyRule, Environment, HeaderRule, HeaderText, Mode, Operation, Paging, Reach, Request, SettingType,
};
use super::roles::Kind;
use super::{environment, settings, source};
use crate::format::{Value, json};
use crate::mapping::Terms;
use crate::model::{Currency, Date};
use crate::transport::http::{Answer, Call, Client, Config, Credentials, Effect, Method};
use crate::transport::place::Way;
use crate::transport::seal::Seal;
use crate::transport::{Scope, Template, drop};

/// What a connection is made of.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its id in the configuration.
    pub id: String,
    /// Its connector.
    pub connector: Arc<Connector>,
    /// Its settings as texts, secrets resolved.
    pub settings: BTreeMap<String, String>,
    /// One of the connector's environments; `production` when it is not said and there is one.
    pub environment: Option<String>,
    /// A base URL instead; together with an environment where paths differ between them.
    pub base_url: Option<String>,
    /// Payment terms, for sources that state no due date.
    pub terms: Terms,
    /// The company's currency.
    pub currency: Currency,
}

/// A connection that can be used. Clones share the partner's session and rate, with all that were built from one
/// [`Credentials`] and sign in alike.
#[derive(Clone)]
pub struct Connection {
    /// Its id: part of deltas, logs and breaks.
    pub id: String,
    /// Its connector.
    pub connector: Arc<Connector>,
    /// Its settings, defaults filled in, and the variables of its environment.
    pub settings: BTreeMap<String, String>,
    /// The base URL that is called; nothing for files.
    pub base_url: Option<String>,
    /// Payment terms.
    pub terms: Terms,
    /// The company's currency.
    pub currency: Currency,
    /// The client; nothing for files.
    pub http: Option<Client>,
    /// How batches go out, where not through a folder of its settings.
    pub delivery: Option<Way>,
    /// What the files of batches are sealed with; nothing where they go in clear.
    pub seal: Option<Arc<Seal>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("connector", &self.connector.manifest.id)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Checks the settings and builds the client, with a credential of its own. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Settings`] with every problem, [`Error::Transport`] when the base URL is not one.
    pub fn new(setup: Setup) -> Result<Self, Error> {
        Self::sharing(setup, &Credentials::default())
    }

    /// The same, sharing rate, session and the memory of a refusal with every connection that signs in alike.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn sharing(setup: Setup, credentials: &Credentials) -> Result<Self, Error> {
        let Setup { id, connector, settings, environment, base_url, terms, currency } = setup;
        let manifest = &connector.manifest;
        let mut settings = settings::resolve(manifest, &settings).map_err(Error::Settings)?;
        let (base_url, http) = match manifest.reach {
            Reach::Files => (None, None),
            Reach::Http => {
                let Environment { url: base_url, vars } =
                    environment::of(&connector, environment.as_deref(), base_url)
                        .map_err(|problem| Error::Settings(vec![problem]))?;
                settings.extend(vars);
                let secrets =
                    manifest.settings.iter().filter(|(_, setting)| setting.kind == SettingType::Secret);
                let config = Config {
                    connection: id.clone(),
                    base_url: base_url.clone(),
                    settings: settings.clone(),
                    secrets: secrets.map(|(name, _)| name.clone()).collect(),
                    headers: manifest.headers.clone(),
                    auth: manifest.auth.clone(),
                    limit: manifest.limit,
                    retries: usize::try_from(manifest.retries).unwrap_or(0).min(10),
                    first_delay: Duration::from_millis(500),
                    timeout: manifest.timeout,
                    answer_bytes_max: crate::transport::http::ANSWER_BYTES_MAX,
                    errors: manifest.errors.clone(),
                };
                let client = Client::sharing(config, &manifest.id, credentials)?;
                (Some(base_url), Some(client))
            }
        };
        Ok(Self { id, connector, settings, base_url, terms, currency, http, delivery: None, seal: None })
    }

    /// Whether the partner has refused the credential, shown by this connection or by another one that signs in alike.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.http.as_ref().is_some_and(Client::is_refused)
    }

    /// The operations of the connector that pull records, in the order in which they should land: customers first.
    #[must_use]
    pub fn pulls(&self) -> Vec<&str> {
        let declared = |name: &&str| self.connector.manifest.operations.contains_key(*name);
        let role = self.connector.manifest.role;
        let of_role = super::roles::PURPOSES
            .iter()
            .filter(|purpose| purpose.role == role && matches!(purpose.kind, Kind::Pull(_)));
        of_role.map(|purpose| purpose.name).filter(declared).collect()
    }

    /// What a pull with this cursor will say about what it does not show.
    ///
    /// An incremental operation without a cursor reads everything, so it is a snapshot, unless its manifest starts it at
    /// a date.
    ///
    /// # Errors
    /// [`Error::Operation`].
    pub fn mode(&self, operation: &str, cursor: Option<&str>) -> Result<Mode, Error> {
        let declared = self.pull_operation(operation)?;
        let initial = match &declared.work {
            super::Work::Http(http) => http.cursor.as_ref().and_then(|rule| rule.initial.as_ref()),
            super::Work::File(_) | super::Work::HandOver(_) | super::Work::Batch(_) => None,
        };
        Ok(if cursor.is_none() && initial.is_none() { Mode::Snapshot } else { declared.mode })
    }

    /// Whether the connection has an operation. One that hands a file over needs its folder among the settings.
    #[must_use]
    pub fn has(&self, operation: &str) -> bool {
        self.connector.manifest.operations.get(operation).is_some_and(|declared| match &declared.work {
            super::Work::HandOver(send) => {
                self.folder(Some(&send.folder)).is_ok_and(|folder| folder.is_some())
            }
            super::Work::Batch(_) => self.batch_way(operation).is_ok_and(|way| way.is_some()),
            super::Work::Http(_) | super::Work::File(_) => true,
        })
    }

    /// A value of a fact in the partner's words, where an operation over HTTP knows it: itself where the operation has no
    /// list of words for the fact.
    #[must_use]
    pub fn word<'a>(&'a self, operation: &str, fact: &str, value: &'a str) -> Option<&'a str> {
        match &self.connector.manifest.operations.get(operation)?.work {
            super::Work::Http(http) => {
                http.codes.get(fact).map_or(Some(value), |words| words.get(value).map(String::as_str))
            }
            super::Work::File(_) | super::Work::HandOver(_) | super::Work::Batch(_) => None,
        }
    }

    /// Whether the partner may charge for a look-up.
    #[must_use]
    pub fn is_billed(&self, operation: &str) -> bool {
        let manifest = &self.connector.manifest;
        let declared = manifest.operations.get(operation).is_some_and(|declared| match &declared.work {
            super::Work::Http(http) => http.billed,
            super::Work::File(_) | super::Work::HandOver(_) | super::Work::Batch(_) => false,
        });
        declared || (operation == "find_buyer" && manifest.capabilities.billed_lookup)
    }

    /// Whether a look-up is one call, so that a failure of it is a failure of the whole.
    #[must_use]
    pub fn is_one_call(&self, operation: &str) -> bool {
        self.connector.manifest.operations.get(operation).is_some_and(|declared| match &declared.work {
            super::Work::Http(http) => matches!(http.paging, Paging::None) && http.then.is_none(),
            super::Work::File(_) | super::Work::HandOver(_) | super::Work::Batch(_) => false,
        })
    }

    /// Moves files that a pull read, once they have landed, to `<archive>/YYYY-MM-DD/`; nothing without that setting.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn archive(&self, files: &[PathBuf], on: Date) -> Result<(), Error> {
        match self.folder(self.connector.manifest.archive.as_ref())? {
            Some(folder) => Ok(drop::archive(files, Path::new(&folder), on)?),
            None => Ok(()),
        }
    }

    pub(super) fn folder(&self, template: Option<&Template>) -> Result<Option<String>, Error> {
        let scope = Scope { layers: &[&self.settings], correlation: "" };
        let missing = |name| Error::Settings(vec![format!("\"{name}\" is not given")]);
        template.map_or(Ok(None), |template| template.fill(&scope).map_err(missing))
    }

    pub(super) fn pull_operation(&self, name: &str) -> Result<&Operation, Error> {
        self.operation(name, "pull", |kind| matches!(kind, Kind::Pull(_)))
    }

    pub(super) fn operation(
        &self,
        name: &str,
        verb: &'static str,
        fits: impl Fn(Kind) -> bool,
    ) -> Result<&Operation, Error> {
        let manifest = &self.connector.manifest;
        manifest.operations.get(name).filter(|operation| fits(operation.purpose.kind)).ok_or_else(|| {
            let known = manifest.operations.iter().filter(|(_, operation)| fits(operation.purpose.kind));
            Error::Operation {
                connector: manifest.id.clone(),
                operation: name.to_owned(),
                verb,
                known: known.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
            }
        })
    }

    /// The body of a call; none where it has none.
    pub(super) fn body_of(
        &self,
        operation: &str,
        request: &Request,
        places: &[&BTreeMap<String, String>],
        input: Value,
    ) -> Result<Option<Value>, Error> {
        let layers: Vec<_> = places.iter().copied().chain([&self.settings]).collect();
        let scope = Scope { layers: &layers, correlation: "" };
        let wrong = |reason: String| Error::Request { operation: operation.to_owned(), reason };
        let missing = |name: String| wrong(format!("\"{name}\" is not given"));
        Ok(match &request.body {
            BodyRule::Nothing => None,
            BodyRule::Json(template) => template.fill(&scope).map_err(missing)?,
            BodyRule::Jq(filter) => Some(
                filter
                    .first(input)
                    .map_err(wrong)?
                    .ok_or_else(|| wrong("its filter gives nothing".to_owned()))?,
            ),
            BodyRule::Mapping(name) => {
                let body = self
                    .connector
                    .mappings
                    .bodies
                    .get(name)
                    .ok_or_else(|| wrong(format!("there is no body \"{name}\"")))?;
                let facts = places
                    .iter()
                    .flat_map(|layer| layer.iter())
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                Some(body.render(&facts, &self.settings)?)
            }
        })
    }

    /// Makes one call of an operation.
    pub(super) async fn request(
        &self,
        operation: &str,
        effect: Effect,
        request: &Request,
        places: &[&BTreeMap<String, String>],
        input: Value,
        link: Option<String>,
    ) -> Result<Answer, Error> {
        let body = self.body_of(operation, request, places, input)?;
        self.request_with(operation, effect, request, places, body, link).await
    }

    /// The same, with a body that was made before.
    pub(super) async fn request_with(
        &self,
        operation: &str,
        effect: Effect,
        request: &Request,
        places: &[&BTreeMap<String, String>],
        body: Option<Value>,
        link: Option<String>,
    ) -> Result<Answer, Error> {
        let client = self.http.as_ref().ok_or_else(|| Error::Request {
            operation: operation.to_owned(),
            reason: "the connector has no HTTP".to_owned(),
        })?;
        let layers: Vec<_> = places.iter().copied().chain([&self.settings]).collect();
        let scope = Scope { layers: &layers, correlation: "" };
        let wrong = |reason: String| Error::Request { operation: operation.to_owned(), reason };
        let missing = |name: String| wrong(format!("\"{name}\" is not given"));
        let mut query = Vec::new();
        if link.is_none() {
            for (name, template) in &request.query {
                query.extend(template.fill(&scope).map_err(missing)?.map(|text| (name.clone(), text)));
            }
        }
        let path = match link {
            Some(link) => link,
            None => request.path.fill_path(&scope).map_err(missing)?,
        };
        let headers = request.headers.iter().filter_map(|rule| header(rule, &scope)).collect();
        let call = Call { operation, effect, method: request.method, path, query, body, headers };
        Ok(client.call_accepting(&call, &request.accepts).await?)
    }

    /// Follows a link that the partner gave; it must lead to the partner's own host.
    pub(super) async fn follow(&self, operation: &str, link: String) -> Result<Answer, Error> {
        let client = self.http.as_ref().ok_or_else(|| Error::Request {
            operation: operation.to_owned(),
            reason: "the connector has no HTTP".to_owned(),
        })?;
        let call = Call {
            operation,
            effect: Effect::Read,
            method: Method::Get,
            path: link,
            query: Vec::new(),
            body: None,
            headers: Vec::new(),
        };
        Ok(client.call(&call).await?)
    }

    /// What the filter of a request is given.
    pub(super) fn filter_input(&self, more: impl IntoIterator<Item = (String, Value)>) -> Value {
        let settings = source::plain_settings(&self.connector, &self.settings);
        json::object([("settings".to_owned(), settings)].into_iter().chain(more))
    }
}

/// A header of one request; nothing when its name or a place in its text has nothing to put there.
fn header(rule: &HeaderRule, scope: &Scope<'_>) -> Option<(String, String)> {
    let name = rule.name.fill(scope).ok().flatten()?;
    let text = match &rule.text {
        HeaderText::Plain(template) => template.fill(scope).ok().flatten()?,
        HeaderText::Base64(template) => {
            if template.names().into_iter().any(|name| scope.get(name).is_none()) {
                return None;
            }
            let document = template.fill(scope).ok().flatten()?;
            base64::engine::general_purpose::STANDARD.encode(document.to_string())
        }
    };
    Some((name, text))
}
