//! `encours.toml`: typed, unknown keys refused, every problem with its line and column.

pub mod secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use serde::Deserialize;
use toml::Spanned;

use crate::format::toml::{Problem, read};
use crate::model::{Currency, Date, NumberStyle, Policy, parse_minor};

/// The configuration of one company.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the file: relative paths start here.
    pub folder: PathBuf,
    /// The company.
    pub company: Company,
    /// The URL of the ledger, as written.
    pub ledger: String,
    /// The broker, where there is one.
    pub amqp: Option<Amqp>,
    /// How the daemon runs.
    pub schedule: Schedule,
    /// Payment terms for sources without due dates.
    pub terms: Terms,
    /// Connections, in the order of the file.
    pub connections: Vec<Connection>,
    /// Policies, in the order of the file.
    pub policies: Vec<Policy>,
}

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
}

impl Default for Schedule {
    fn default() -> Self {
        Self { every_minutes: 60, vanish_percent_max: 20 }
    }
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
    #[serde(default)]
    terms: Terms,
    #[serde(default)]
    connection: Vec<Connection>,
    #[serde(default)]
    policy: Vec<PolicyTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerTable {
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyTable {
    number: String,
    connection: Spanned<String>,
    #[serde(default = "euro")]
    currency: Currency,
    valid_from: Spanned<String>,
    valid_to: Option<Spanned<String>>,
    insured_percentage: Spanned<String>,
    maximum_terms_days: Option<i64>,
    discretionary: Option<Spanned<String>>,
    exposure_threshold: Option<Spanned<String>>,
    #[serde(default = "warning_days")]
    warning_days: i64,
}

const fn warning_days() -> i64 {
    30
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// Every problem found, each placed in the file.
    pub fn load(path: &Path) -> Result<Self, Vec<Problem>> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            vec![Problem::at(
                &name,
                "",
                None,
                format!("it cannot be read: {error}; `encours init` writes one"),
            )]
        })?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::parse(&name, &text, folder)
    }

    /// Reads a configuration from its text.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, Vec<Problem>> {
        let file: File = read(name, text).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
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
        let mut policies = Vec::new();
        for table in &file.policy {
            let mut place =
                |span, message: String| problems.push(Problem::at(name, text, Some(span), message));
            if !ids.contains(&table.connection.get_ref().as_str()) {
                let known = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
                place(
                    table.connection.span(),
                    format!("there is no connection \"{}\"; there are: {known}", table.connection.get_ref()),
                );
            }
            let mut date = |field: &Spanned<String>| {
                let parsed = field.get_ref().parse::<Date>();
                if parsed.is_err() {
                    place(field.span(), format!("\"{}\" is not a date (YYYY-MM-DD)", field.get_ref()));
                }
                parsed.ok()
            };
            let valid_from = date(&table.valid_from);
            let valid_to = table.valid_to.as_ref().and_then(&mut date);
            let mut amount = |field: &Option<Spanned<String>>| {
                let Some(field) = field else { return 0 };
                match parse_minor(field.get_ref(), table.currency, NumberStyle::Point) {
                    Ok(minor) if minor >= 0 => minor,
                    Ok(_) => {
                        place(field.span(), "an amount here is not negative".to_owned());
                        0
                    }
                    Err(error) => {
                        place(field.span(), error.to_string());
                        0
                    }
                }
            };
            let (discretionary_minor, exposure_threshold_minor) =
                (amount(&table.discretionary), amount(&table.exposure_threshold));
            let percentage = table.insured_percentage.get_ref().parse::<Decimal>().ok();
            let percentage = percentage.filter(|p| *p >= Decimal::ZERO && *p <= Decimal::ONE_HUNDRED);
            if percentage.is_none() {
                place(
                    table.insured_percentage.span(),
                    "a percentage is a text from \"0\" to \"100\"".to_owned(),
                );
            }
            if let (Some(valid_from), Some(insured_percentage)) = (valid_from, percentage) {
                policies.push(Policy {
                    number: table.number.clone(),
                    connection: table.connection.get_ref().clone(),
                    currency: table.currency,
                    valid_from,
                    valid_to,
                    insured_percentage,
                    maximum_terms_days: table.maximum_terms_days,
                    discretionary_minor,
                    exposure_threshold_minor,
                    warning_days: table.warning_days,
                });
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            folder: folder.to_owned(),
            company: file.company,
            ledger: file.ledger.url,
            amqp: file.amqp,
            schedule: file.schedule,
            terms: file.terms,
            connections: file.connection,
            policies,
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
        assert!(problems(&GOOD.replace("15000.00", "15000.001")).contains("3 decimals"));
        assert!(problems(&GOOD.replace("name =", "nom =")).contains("unknown field `nom`"));
        assert!(problems(&GOOD.replace("id = \"insurer\"", "id = \"in.surer\"")).contains("routing keys"));
    }
}
