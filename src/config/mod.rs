//! `encours.toml` and the policy files beside it: typed, unknown keys refused, every problem with its line and column.

mod case_file;
mod contract;
pub mod delivery;
mod groups;
pub mod openpgp;
mod policy;
mod policy_file;
mod reader;
pub mod secret;

pub use case_file::Cases;
pub use contract::CONTRACTS;
pub use delivery::Delivery;
pub use groups::GROUPS;
pub use openpgp::OpenPgp;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::format::toml::{Problem, read};
use crate::model::{Contract, Currency, Date, Groups, Policy};

/// The configuration of one company.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the file: relative paths start here.
    pub folder: PathBuf,
    /// The company.
    pub company: Company,
    /// The URL of the ledger, as written.
    pub ledger: String,
    /// The ledger holds every document issued from this day on, also those that were paid before it was first read.
    pub complete_from: Option<Date>,
    /// The broker, where there is one.
    pub amqp: Option<Amqp>,
    /// How the daemon runs.
    pub schedule: Schedule,
    /// What others may call, where anything.
    pub server: Option<Server>,
    /// Payment terms for sources without due dates.
    pub terms: Terms,
    /// Connections, in the order of the file.
    pub connections: Vec<Connection>,
    /// Policy periods: those of `encours.toml` in its order, then those of the policy files in the order of their names.
    pub policies: Vec<Policy>,
    /// The file that each of them stands in.
    pub policy_files: Vec<String>,
    /// Factoring contracts, in the order of the names of their files.
    pub contracts: Vec<Contract>,
    /// Who is owned by whom, by the file [`GROUPS`].
    pub groups: Groups,
    /// What works and should be looked at.
    pub warnings: Vec<Problem>,
}

/// The folder of the policy files, beside `encours.toml`.
pub const POLICIES: &str = "policies";

/// The company whose receivables these are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Company {
    /// A short id, part of every delta.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its bookkeeping currency.
    #[serde(default = "euro")]
    pub currency: Currency,
    /// ISO 3166 alpha-2.
    #[serde(default)]
    pub country: String,
}

/// The broker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amqp {
    /// `amqp://…` or `amqps://…`, best as a reference (`env:…`).
    pub url: String,
    /// The topic exchange.
    #[serde(default = "exchange")]
    pub exchange: String,
    /// A queue that catches every delta, so that none is returned before a consumer binds its own; none when absent.
    pub queue: Option<String>,
}

/// How the daemon runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Minutes from the end of a cycle to the start of the next.
    pub every_minutes: u64,
    /// A snapshot that would settle more than this share of the open items is refused.
    pub vanish_percent_max: u64,
    /// Seconds from the end of a cycle to an early one that a partner's hint asks for.
    pub hint_seconds: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { every_minutes: 60, vanish_percent_max: 20, hint_seconds: 60 }
    }
}

/// What others may call.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port, best on the loopback behind a proxy that speaks TLS.
    pub listen: SocketAddr,
}

/// Payment terms.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// For every account without its own.
    pub default_days: Option<i64>,
    /// By the account's code in the ERP.
    pub by_account: BTreeMap<String, i64>,
}

/// A connection to a partner.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Its id: part of deltas, logs and breaks.
    pub id: Spanned<String>,
    /// The connector.
    pub connector: Spanned<String>,
    /// One of the connector's environments.
    pub environment: Option<Spanned<String>>,
    /// A base URL, instead of an environment.
    pub url: Option<String>,
    /// The connector's settings, as written; secrets as references.
    #[serde(default)]
    pub settings: BTreeMap<String, Spanned<toml::Value>>,
    #[serde(default, rename = "delivery")]
    delivery_table: Option<delivery::Table>,
    /// How the files of batches go out, where not through a folder of the settings.
    #[serde(skip)]
    pub delivery: Option<Delivery>,
    #[serde(default, rename = "openpgp")]
    openpgp_table: Option<delivery::Table>,
    /// For whom the files of batches are encrypted, and how they are signed; they go in clear without it.
    #[serde(skip)]
    pub openpgp: Option<OpenPgp>,
}

/// The name and the text of a configuration file.
fn content(path: &Path) -> Result<(String, String), Vec<Problem>> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            let told = format!("it cannot be read: {error}; `encours init` writes one");
            Err(vec![Problem::at(&name, "", None, told)])
        }
    }
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

fn euro() -> Currency {
    Currency::EUR
}

fn exchange() -> String {
    "encours.deltas".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    company: Company,
    ledger: LedgerTable,
    amqp: Option<Amqp>,
    #[serde(default)]
    schedule: Schedule,
    server: Option<Server>,
    #[serde(default)]
    terms: Terms,
    #[serde(default)]
    connection: Vec<Connection>,
    #[serde(default)]
    policy: Vec<policy::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerTable {
    url: String,
    complete_from: Option<Spanned<String>>,
}

/// The files beside `encours.toml`.
#[derive(Clone, Copy, Default)]
struct Beside<'a> {
    policies: &'a [policy_file::Content],
    contracts: &'a [policy_file::Content],
    groups: Option<&'a policy_file::Content>,
}

impl Config {
    /// Reads a configuration file and beside it the policy files in the folder [`POLICIES`], the contracts in [`CONTRACTS`] and the
    /// file [`GROUPS`].
    ///
    /// # Errors
    /// Every problem found, each placed in its file.
    pub fn load(path: &Path) -> Result<Self, Vec<Problem>> {
        let (name, text) = content(path)?;
        let folder = folder_of(path);
        let policies = policy_file::of_folder(&folder.join(POLICIES))?;
        let contracts = policy_file::of_folder(&folder.join(CONTRACTS))?;
        let groups = groups::of_folder(&folder)?;
        let beside = Beside { policies: &policies, contracts: &contracts, groups: groups.as_ref() };
        Self::read(&name, &text, &folder, beside, None)
    }

    /// Reads a configuration file with one policy file instead of those of the folder, and keeps its policy alone.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with_policy(path: &Path, file: &Path) -> Result<Self, Vec<Problem>> {
        let (name, text) = content(path)?;
        let policy = policy_file::content(file)?;
        let groups = groups::of_folder(&folder_of(path))?;
        let beside =
            Beside { policies: std::slice::from_ref(&policy), contracts: &[], groups: groups.as_ref() };
        let mut config = Self::read(&name, &text, &folder_of(path), beside, None)?;
        let own = |of: &String| *of == policy.name;
        let mut files = config.policy_files.iter();
        config.policies.retain(|_| files.next().is_some_and(own));
        config.policy_files.retain(own);
        Ok(config)
    }

    /// Reads a policy file as a draft, beside a configuration whose own policies it may replace: it is compared with none of them.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_draft(path: &Path, file: &Path) -> Result<Self, Vec<Problem>> {
        let (name, text) = content(path)?;
        let draft = policy_file::content(file)?;
        let groups = groups::of_folder(&folder_of(path))?;
        let beside =
            Beside { policies: std::slice::from_ref(&draft), contracts: &[], groups: groups.as_ref() };
        Self::read(&name, &text, &folder_of(path), beside, Some(&draft.name))
    }

    /// Reads a configuration from its text, without any other file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, Vec<Problem>> {
        Self::read(name, text, folder, Beside::default(), None)
    }

    fn read(
        name: &str,
        text: &str,
        folder: &Path,
        beside: Beside<'_>,
        alone: Option<&str>,
    ) -> Result<Self, Vec<Problem>> {
        let mut file: File = read(name, text).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        for connection in &mut file.connection {
            let table = connection.delivery_table.take();
            connection.delivery = table.and_then(|table| delivery::read(name, text, table, &mut problems));
            let table = connection.openpgp_table.take();
            connection.openpgp = table.and_then(|table| openpgp::read(name, text, table, &mut problems));
        }
        let mut ids: Vec<&str> = Vec::new();
        for connection in &file.connection {
            let id = connection.id.get_ref();
            if ids.contains(&id.as_str()) {
                problems.push(Problem::at(
                    name,
                    text,
                    Some(connection.id.span()),
                    format!("the connection \"{id}\" is there twice"),
                ));
            }
            if id.is_empty() || id.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_') {
                let message = "an id has letters, digits, - and _ only: it becomes part of routing keys";
                problems.push(Problem::at(name, text, Some(connection.id.span()), message));
            }
            ids.push(id);
        }
        let complete_from = file.ledger.complete_from.as_ref().and_then(|field| {
            let day = field.get_ref().parse().ok();
            if day.is_none() {
                let told = format!("\"{}\" is not a date (YYYY-MM-DD)", field.get_ref());
                problems.push(Problem::at(name, text, Some(field.span()), told));
            }
            day
        });
        let groups = beside.groups.map(|content| groups::groups(content, &mut problems)).unwrap_or_default();
        let places = reader::Places {
            file: name,
            text,
            connections: &ids,
            company: &file.company.id,
            groups: &groups,
            form: reader::Form::Table,
        };
        let mut found: Vec<_> =
            file.policy.iter().filter_map(|table| table.read(&places, &mut problems)).collect();
        for content in beside.policies {
            let form = reader::Form::File;
            let places = reader::Places { file: &content.name, text: &content.text, form, ..places };
            found.extend(policy_file::periods(&places, &mut problems));
        }
        if let Some(alone) = alone {
            found.retain(|one| one.places.file == alone);
        }
        let mut warnings = Vec::new();
        policy_file::compare(&found, &mut problems, &mut warnings);
        let contracts = contract::contracts(beside.contracts, places, &file.company.country, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let (policies, policy_files) =
            found.into_iter().map(|found| (found.policy, found.places.file.to_owned())).unzip();
        Ok(Self {
            folder: folder.to_owned(),
            company: file.company,
            ledger: file.ledger.url,
            complete_from,
            amqp: file.amqp,
            schedule: file.schedule,
            server: file.server,
            terms: file.terms,
            connections: file.connection,
            policies,
            policy_files,
            contracts,
            groups,
            warnings,
        })
    }

    /// The ledger's URL with its references followed and a relative SQLite path put beside the file.
    ///
    /// # Errors
    /// A sentence when the reference leads nowhere.
    pub fn ledger_url(&self) -> Result<String, String> {
        let url = secret::resolve(&self.ledger, &self.folder)?;
        Ok(match url.strip_prefix("sqlite:") {
            Some(path) if !path.starts_with('/') && !path.starts_with(':') => {
                format!("sqlite:{}", self.folder.join(path.trim_start_matches("//")).display())
            }
            _ => url,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[company]
id = "acme"
name = "Exemple SAS"

[ledger]
url = "sqlite:encours.db"

[[connection]]
id = "insurer"
connector = "atradius"
environment = "uat"
settings = { client_id = "env:ATRADIUS_CLIENT_ID", customer_id = 12 }

[[policy]]
number = "0042"
connection = "insurer"
valid_from = "2026-01-01"
insured_percentage = "90"
discretionary = "15000.00"
"#;

    fn problems(text: &str) -> String {
        Config::parse("encours.toml", text, Path::new("."))
            .unwrap_err()
            .iter()
            .map(|p| format!("{p}\n"))
            .collect()
    }

    #[test]
    fn a_good_file_is_read() {
        let config = Config::parse("encours.toml", GOOD, Path::new("/etc/encours")).unwrap();
        assert_eq!(config.policies[0].discretionary_minor, 1_500_000);
        assert_eq!(config.policies[0].number, "0042", "a policy number is text");
        assert_eq!(config.ledger_url().unwrap(), "sqlite:/etc/encours/encours.db");
        assert_eq!(config.schedule.vanish_percent_max, 20);
    }

    #[test]
    fn every_problem_is_placed() {
        let told = problems(
            &GOOD
                .replace("connection = \"insurer\"", "connection = \"insuror\"")
                .replace("\"90\"", "\"190\""),
        );
        assert!(
            told.contains("encours.toml:17:14: there is no connection \"insuror\"; there are: insurer"),
            "{told}"
        );
        assert!(told.contains("encours.toml:19:22: a percentage"), "{told}");
        assert!(problems(&GOOD.replace("2026-01-01", "2026-02-30")).contains("is not a date"));
        let complete = GOOD.replace("encours.db\"", "encours.db\"\ncomplete_from = \"2024-13-01\"");
        assert!(problems(&complete).contains("encours.toml:8:17: \"2024-13-01\" is not a date"));
        assert!(problems(&GOOD.replace("15000.00", "15000.001")).contains("3 decimals"));
        assert!(problems(&GOOD.replace("name =", "nom =")).contains("unknown field `nom`"));
        assert!(problems(&GOOD.replace("id = \"insurer\"", "id = \"in.surer\"")).contains("routing keys"));
    }
}
