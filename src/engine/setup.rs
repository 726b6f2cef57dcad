//! From the configuration to what a cycle works with.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;

use crate::config::{self, Company, Config, Schedule, delivery, secret};
use crate::connector::{self, Connection};
use crate::ledger::Ledger;
use crate::mapping::Terms;
use crate::model::{Contract, Policy};
use crate::queue;
use crate::transport::http::Credentials;
use crate::transport::mail;
use crate::transport::place::Way;
use crate::transport::seal::{Seal, Signer};
use crate::transport::sftp::{self, Login};
use crate::transport::upload;

/// What a cycle works with.
pub struct Setup {
    /// The company.
    pub company: Company,
    /// The open ledger.
    pub ledger: Ledger,
    /// Its connections, in the order of the configuration.
    pub connections: Vec<Connection>,
    /// Its policies.
    pub policies: Vec<Policy>,
    /// Its factoring contracts.
    pub contracts: Vec<Contract>,
    /// How the daemon runs.
    pub schedule: Schedule,
    /// What others may call, where anything.
    pub server: Option<config::Server>,
    /// The broker, where there is one.
    pub amqp: Option<queue::Settings>,
}

/// Why a configuration cannot be worked with: every problem, not only the first.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.problems.join("\n"))]
pub struct SetupError {
    /// The problems, in the order of the configuration.
    pub problems: Vec<String>,
}

impl Setup {
    /// Loads the connectors, follows the secrets and opens the ledger. No partner is called.
    ///
    /// # Errors
    /// [`SetupError`] with every problem.
    pub async fn open(config: &Config) -> Result<Self, SetupError> {
        let mut problems = Vec::new();
        let connections = connections(config, &Credentials::default(), &mut problems);
        let amqp = config.amqp.as_ref().and_then(|amqp| match secret::resolve(&amqp.url, &config.folder) {
            Ok(url) => {
                let mut settings = queue::Settings::new(url.into());
                settings.exchange.clone_from(&amqp.exchange);
                settings.queue.clone_from(&amqp.queue);
                Some(settings)
            }
            Err(reason) => {
                problems.push(format!("[amqp] url: {reason}"));
                None
            }
        });
        let url = config.ledger_url().map_err(|reason| problems.push(format!("[ledger] url: {reason}"))).ok();
        let ledger = match url {
            Some(url) if problems.is_empty() => {
                Ledger::open(&url).await.map_err(|error| problems.push(error.to_string())).ok()
            }
            _ => None,
        };
        if let Some(ledger) = &ledger {
            match foreign(ledger, config).await {
                Ok(found) => problems.extend(found),
                Err(error) => problems.push(error.to_string()),
            }
        }
        match ledger {
            Some(ledger) if problems.is_empty() => Ok(Self {
                company: config.company.clone(),
                ledger,
                connections,
                policies: config.policies.clone(),
                contracts: config.contracts.clone(),
                schedule: config.schedule.clone(),
                server: config.server,
                amqp,
            }),
            _ => Err(SetupError { problems }),
        }
    }
}

/// Connections that the ledger holds for another company: what they have read would become this one's.
async fn foreign(ledger: &Ledger, config: &Config) -> Result<Vec<String>, crate::ledger::Error> {
    let mut tx = ledger.read().await?;
    let rows = tx.connections().await?;
    tx.rollback().await?;
    let own = |id: &str| config.connections.iter().any(|connection| connection.id.get_ref() == id);
    let others = rows.into_iter().filter(|row| row.company != config.company.id && own(&row.id));
    Ok(others
        .map(|row| {
            format!(
                "connection \"{}\": in this ledger it belongs to the company \"{}\"; an id is used once per ledger, so give it \
                 another one",
                row.id, row.company
            )
        })
        .collect())
}

/// Builds every connection of a configuration; what is wrong with one is told and the others go on. Those that sign in alike
/// share a credential.
pub fn connections(
    config: &Config,
    credentials: &Credentials,
    problems: &mut Vec<String>,
) -> Vec<Connection> {
    let terms =
        Terms { default_days: config.terms.default_days, by_account: config.terms.by_account.clone() };
    let mut connections = Vec::new();
    for connection in &config.connections {
        let id = connection.id.get_ref();
        match build(config, connection, &terms, credentials) {
            Ok(built) => connections.push(built),
            Err(reason) => problems.push(format!("connection \"{id}\": {reason}")),
        }
    }
    connections
}

fn build(
    config: &Config,
    connection: &config::Connection,
    terms: &Terms,
    credentials: &Credentials,
) -> Result<Connection, String> {
    let connector = connector::load(connection.connector.get_ref(), Some(&config.folder))
        .map_err(|error| error.to_string())?;
    let mut settings = BTreeMap::new();
    for (name, value) in &connection.settings {
        let text = value.get_ref().as_str().map_or_else(|| value.get_ref().to_string(), str::to_owned);
        let text =
            secret::resolve(&text, &config.folder).map_err(|reason| format!("setting {name}: {reason}"))?;
        settings.insert(name.clone(), text);
    }
    // Folders are written relative to the file they are written in.
    for name in connector.manifest.folder_settings() {
        if let Some(text) = settings.get_mut(&name).filter(|text| Path::new(text.as_str()).is_relative()) {
            *text = config.folder.join(text.as_str()).display().to_string();
        }
    }
    let base_url = connection.url.as_ref().map(|url| secret::resolve(url, &config.folder)).transpose()?;
    let setup = connector::Setup {
        id: connection.id.get_ref().clone(),
        connector: Arc::new(connector),
        settings,
        environment: connection.environment.as_ref().map(|name| name.get_ref().clone()),
        base_url,
        terms: terms.clone(),
        currency: config.company.currency,
    };
    let built = Connection::sharing(setup, credentials).map_err(|error| error.to_string())?;
    let built = match &connection.delivery {
        Some(delivery) => {
            let way = way(&delivery.way, &config.folder).map_err(|reason| format!("delivery: {reason}"))?;
            built.delivering(way).map_err(|error| error.to_string())?
        }
        None => built,
    };
    match &connection.openpgp {
        Some(own) => {
            let seal = seal(own, &config.folder).map_err(|reason| format!("openpgp: {reason}"))?;
            built.sealing(seal).map_err(|error| error.to_string())
        }
        None => Ok(built),
    }
}

/// The seal of batches, with its keys.
fn seal(own: &config::OpenPgp, folder: &Path) -> Result<Seal, String> {
    let bytes = |name: &str, text: &Spanned<String>| {
        secret::bytes(text.get_ref(), folder).map_err(|reason| format!("{name}: {reason}"))
    };
    let public = bytes("encrypt_to", &own.encrypt_to)?;
    let key = own.sign_with.as_ref().map(|own| bytes("sign_with", own)).transpose()?;
    let passphrase =
        own.sign_passphrase.as_ref().map(|own| secret::resolve(own.get_ref(), folder)).transpose();
    let passphrase = passphrase.map_err(|reason| format!("sign_passphrase: {reason}"))?;
    let signer = key.as_deref().map(|key| Signer { key, passphrase: passphrase.as_deref() });
    Seal::new(&public, signer).map_err(|error| error.to_string())
}

/// The way of batches, with its secrets.
fn way(way: &delivery::Way, folder: &Path) -> Result<Way, String> {
    let secret = |name: &str, text: &Spanned<String>| {
        secret::resolve(text.get_ref(), folder).map_err(|reason| format!("{name}: {reason}"))
    };
    match way {
        delivery::Way::Sftp(own) => {
            let login = match &own.login {
                delivery::Login::Password(password) => Login::Password(secret("password", password)?.into()),
                delivery::Login::Key { key, passphrase } => {
                    let passphrase =
                        passphrase.as_ref().map(|own| secret("key_passphrase", own)).transpose()?;
                    Login::key(&secret("key", key)?, passphrase.as_deref())
                        .map_err(|reason| format!("key: {reason}"))?
                }
            };
            let (host, user) = (own.host.clone(), own.user.clone());
            let (port, host_key, folder) = (own.port, own.host_key, own.folder.clone());
            Ok(Way::Sftp(Box::new(sftp::Server { host, port, user, login, host_key, folder })))
        }
        delivery::Way::Mail(own) => {
            let login = match &own.login {
                Some((user, password)) => Some((user.clone(), secret("password", password)?.into())),
                None => None,
            };
            let (host, port, tls) = (own.host.clone(), own.port, own.tls);
            let (from, to, subject) = (own.from.clone(), own.to.clone(), own.subject.clone());
            Ok(Way::Mail(Box::new(mail::Server { host, port, tls, login, from, to, subject })))
        }
        delivery::Way::Http(own) => {
            let login = match &own.login {
                delivery::HttpLogin::Nobody => upload::Login::Nobody,
                delivery::HttpLogin::Bearer(token) => upload::Login::Bearer(secret("token", token)?.into()),
                delivery::HttpLogin::Basic(user, password) => {
                    upload::Login::Basic(user.clone(), secret("password", password)?.into())
                }
            };
            Ok(Way::Http(Box::new(upload::Server { url: own.url.clone(), login })))
        }
    }
}
