//! `encours check`: everything that can be wrong before a cycle runs, all at once, each in its place.

use std::collections::BTreeMap;
use std::fs;

use encours::config::{self, Config, secret};
use encours::connector::{self, Batch, Connection, Error, Form, Reach, Role, SettingType};
use encours::engine;
use encours::format::toml::Problem;
use encours::ledger::Ledger;
use encours::model::{Date, Policy};
use encours::transport::http::Credentials;
use serde_json::json;
use tokio::sync::mpsc;

use super::{Context, Exit, Misconfigured, connectors, words};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also signs in to every partner, reads its first records, and compares policies with what insurers say of them;
    /// nothing is kept
    #[arg(long)]
    online: bool,
}

/// What was found.
#[derive(Default)]
struct Findings {
    /// What fits, one line each.
    fine: Vec<String>,
    /// What works and should be looked at.
    warnings: Vec<Problem>,
    /// What has to be mended.
    problems: Vec<Problem>,
    /// What partners answered wrongly, with `--online`.
    failures: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// [`Misconfigured`] with every problem.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let name = context.config.display().to_string();
    let mut findings = Findings::default();
    if !context.config.exists() {
        context.config()?;
    }
    match Config::load(&context.config) {
        Err(problems) => findings.problems = problems,
        Ok(config) => {
            let text = fs::read_to_string(&context.config)?;
            let place = |span, message: String| Problem::at(&name, &text, span, message);
            inspect(&config, &place, args, &mut findings).await;
        }
    }
    tell(context, &findings)
}

async fn inspect(
    config: &Config,
    place: &(dyn Fn(Option<std::ops::Range<usize>>, String) -> Problem + Sync),
    args: &Args,
    findings: &mut Findings,
) {
    findings.fine.push(format!(
        "company {}: {}, books in {}",
        config.company.id, config.company.name, config.company.currency
    ));
    let credentials = Credentials::default();
    let mut built = Vec::new();
    for connection in &config.connections {
        findings.warnings.extend(literal_secrets(config, connection, place));
        let mut reasons = Vec::new();
        let alone = Config { connections: vec![connection.clone()], ..config.clone() };
        for found in engine::connections(&alone, &credentials, &mut reasons) {
            reasons.extend(found.out_problems());
            let usable = found.seal.as_ref().map_or(Ok(()), |seal| seal.usable(encours::clock::now()));
            reasons.extend(usable.err().map(|error| format!("openpgp: {error}")));
            findings.fine.push(described(&found));
            built.push(found);
        }
        findings.problems.extend(reasons.iter().flat_map(|reason| placed(connection, reason, place)));
    }
    findings.warnings.extend(config.warnings.iter().cloned());
    if !config.groups.is_empty() {
        let companies = config.groups.companies().len();
        findings
            .fine
            .push(format!("groups: {companies} companies in trees of ownership, by {}", config::GROUPS));
    }
    for policy in &config.policies {
        let role = built
            .iter()
            .find(|found| found.id == policy.connection)
            .map(|found| found.connector.manifest.role);
        match role {
            Some(Role::Insurer) => {
                let end = policy.valid_to.map_or_else(|| "on".to_owned(), |day| format!("to {day}"));
                findings.fine.push(format!(
                    "policy {} with {}: {} % in {}, from {} {end}",
                    policy.number,
                    policy.connection,
                    policy.insured_percentage.normalize(),
                    policy.currency,
                    policy.valid_from
                ));
            }
            Some(role) => {
                let message = format!(
                    "policy {} belongs to \"{}\", which is {}, not an insurer",
                    policy.number,
                    policy.connection,
                    connectors::role(role)
                );
                findings.problems.push(place(span_of(config, &policy.connection), message));
            }
            None => {}
        }
    }
    for found in built.iter().filter(|found| found.connector.manifest.role == Role::Insurer) {
        if !config.policies.iter().any(|policy| policy.connection == found.id) {
            let message = format!(
                "no policy names \"{}\": its limits are read, but no cover is computed with them",
                found.id
            );
            findings.warnings.push(place(span_of(config, &found.id), message));
        }
    }
    for contract in &config.contracts {
        for (key, id, role) in
            [("answers", &contract.answers, Role::Factor), ("bank", &contract.bank, Role::Bank)]
        {
            let Some(found) = id.as_ref().and_then(|id| built.iter().find(|found| &found.id == id)) else {
                continue;
            };
            if found.pulls().is_empty() || found.connector.manifest.role != role {
                let message = format!(
                    "the contract {} of {} has {key} = \"{}\", whose connector does not read what a {role} says",
                    contract.number, contract.factor, found.id
                );
                findings.problems.push(place(span_of(config, &found.id), message));
            }
        }
        let found = built.iter().find(|found| found.id == contract.connection);
        let form = found.and_then(|found| found.form());
        if let Some(form) = form {
            let buyers = if contract.any_buyer {
                "any buyer".to_owned()
            } else {
                format!("{} buyers", contract.buyers.len())
            };
            findings.fine.push(format!(
                "contract {} with {}: {buyers}, {} % kept, {}",
                contract.number,
                contract.factor,
                contract.holdback_percent.normalize(),
                match form {
                    Form::Files(..) => format!("files as {} has them", contract.connection),
                    Form::Calls(..) => format!("each document in a call to {}", contract.connection),
                }
            ));
        } else if found.is_some() {
            let message = format!(
                "the contract {} of {} names \"{}\", whose connector neither writes assigned documents nor tells of them: `encours connectors` lists \
                 factors",
                contract.number, contract.factor, contract.connection
            );
            findings.problems.push(place(span_of(config, &contract.connection), message));
        }
    }
    if config.connections.is_empty() {
        findings.warnings.push(place(None, "there is no [[connection]]: nothing will be read".to_owned()));
    }
    match &config.amqp {
        None => findings.fine.push("broker: none; deltas stay readable with `encours deltas`".to_owned()),
        Some(amqp) => match secret::resolve(&amqp.url, &config.folder) {
            Ok(url) => {
                findings.fine.push(format!("broker: {} (not contacted)", encours::queue::redact(&url)))
            }
            Err(reason) => findings.problems.push(place(None, format!("[amqp] url: {reason}"))),
        },
    }
    match config.ledger_url() {
        Err(reason) => findings.problems.push(place(None, format!("[ledger] url: {reason}"))),
        Ok(url) => match Ledger::open(&url).await {
            Ok(ledger) => {
                findings.fine.push(format!("ledger: {}, opened, its schema is up to date", ledger.name()));
                ledger.close().await;
            }
            Err(error) => findings.problems.push(place(None, error.to_string())),
        },
    }
    if args.online {
        for connection in &built {
            if let Some(way) = &connection.delivery {
                match way.reach().await {
                    Ok(told) => findings.fine.push(format!("{}: {told}", connection.id)),
                    Err(told) => findings.failures.push(format!("{}, delivery: {told}", connection.id)),
                }
            }
            match reach(connection).await {
                Ok(told) => {
                    findings.fine.push(told);
                    for policy in config.policies.iter().filter(|policy| policy.connection == connection.id) {
                        compare_policy(connection, policy, super::today(), findings).await;
                    }
                }
                Err(told) => findings.failures.push(told),
            }
        }
    }
}

fn span_of(config: &Config, id: &str) -> Option<std::ops::Range<usize>> {
    config
        .connections
        .iter()
        .find(|connection| connection.id.get_ref() == id)
        .map(|connection| connection.id.span())
}

/// One line on a connection that fits.
fn described(connection: &Connection) -> String {
    let manifest = &connection.connector.manifest;
    let reads: Vec<&str> = connection.pulls().into_iter().map(words::operation).collect();
    let at = connection.base_url.as_ref().map_or_else(
        || connection.settings.get("folder").map_or_else(String::new, |folder| format!(" in {folder}")),
        |url| format!(" at {url}"),
    );
    let role = connectors::role(manifest.role);
    let way = connection
        .delivery
        .as_ref()
        .map_or_else(String::new, |way| format!("; batches go to {}", way.told()));
    let seal =
        connection.seal.as_ref().map_or_else(String::new, |seal| format!("; batches are {}", seal.told()));
    format!(
        "connection {}: {}, {role}, {}{at}; reads {}{way}{seal}",
        connection.id,
        manifest.name,
        manifest.status,
        if reads.is_empty() { "nothing".to_owned() } else { reads.join(", ") }
    )
}

/// Secrets that stand in the file, save those for a simulator on this machine.
fn literal_secrets(
    config: &Config,
    connection: &config::Connection,
    place: &dyn Fn(Option<std::ops::Range<usize>>, String) -> Problem,
) -> Vec<Problem> {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    if connection.url.as_ref().is_some_and(|url| local.iter().any(|host| url.starts_with(host))) {
        return Vec::new();
    }
    let Ok(connector) = connector::load(connection.connector.get_ref(), Some(&config.folder)) else {
        return Vec::new();
    };
    let secret = |name: &str| {
        connector.manifest.settings.get(name).is_some_and(|setting| setting.kind == SettingType::Secret)
    };
    let literal = connection.settings.iter().filter(|(name, value)| {
        secret(name) && value.get_ref().as_str().is_none_or(|text| !secret::is_reference(text))
    });
    let delivery = connection.delivery.iter().flat_map(|own| own.secrets());
    let openpgp = connection.openpgp.iter().flat_map(|own| own.secrets());
    let of_delivery = delivery.chain(openpgp).filter(|(_, value)| !secret::is_reference(value.get_ref()));
    literal
        .map(|(name, value)| (name.as_str(), value.span()))
        .chain(of_delivery.map(|(name, value)| (name, value.span())))
        .map(|(name, span)| {
            // The line itself holds the secret, so it is not shown.
            let mut problem = place(
                Some(span),
                format!("{name} is a secret and stands in the file; write env:NAME, file:PATH or exec:COMMAND instead"),
            );
            problem.excerpt = format!("{name} = …");
            problem.column = 1;
            problem
        })
        .collect()
}

/// Puts what is wrong with a connection where it is written: at a setting, at the connector, or at the id.
fn placed(
    connection: &config::Connection,
    reason: &str,
    place: &dyn Fn(Option<std::ops::Range<usize>>, String) -> Problem,
) -> Vec<Problem> {
    let id = connection.id.get_ref();
    let reason = reason.strip_prefix(&format!("connection \"{id}\": ")).unwrap_or(reason);
    let parts: Vec<&str> = match reason.strip_prefix("the settings do not fit: ") {
        Some(list) => list.split("; \"").collect(),
        None => vec![reason],
    };
    let one = |part: &str| {
        let part = part.trim_start_matches('"');
        let named = connection.settings.iter().find(|(name, _)| {
            part.starts_with(&format!("{name}\"")) || part.starts_with(&format!("setting {name}:"))
        });
        let span = match named {
            Some((_, value)) => value.span(),
            None if part.starts_with("there is no connector") => connection.connector.span(),
            None if part.starts_with("delivery") => {
                connection.delivery.as_ref().map_or_else(|| connection.id.span(), |own| own.span.clone())
            }
            None if part.starts_with("openpgp") => {
                connection.openpgp.as_ref().map_or_else(|| connection.id.span(), |own| own.span.clone())
            }
            None => connection
                .environment
                .as_ref()
                .filter(|_| part.contains("environment"))
                .map_or_else(|| connection.id.span(), |e| e.span()),
        };
        let quoted = if reason.starts_with("the settings") { format!("\"{part}") } else { part.to_owned() };
        place(Some(span), format!("connection {id}: {quoted}"))
    };
    parts.into_iter().map(one).collect()
}

/// Signs in, or looks into the folder, and reads up to the first records.
async fn reach(connection: &Connection) -> Result<String, String> {
    // What is owed matters most, and its file may not be absent.
    let pulls = connection.pulls();
    let chosen = pulls.iter().find(|name| **name == "invoices").or_else(|| pulls.first());
    let Some(operation) = chosen.map(|name| (*name).to_owned()) else {
        return Ok(format!("{}: nothing to read", connection.id));
    };
    if connection.asks_each(&operation) {
        return Ok(format!(
            "{}: not called; it is asked of each document that it was sent, and of nothing else",
            connection.id
        ));
    }
    let (sender, mut receiver) = mpsc::channel::<Batch>(1);
    let first = async {
        let first = receiver.recv().await;
        drop(receiver); // whoever reads stops at the next batch
        first.map_or(0, |batch| batch.records.len())
    };
    let (pulled, records) = tokio::join!(connection.pull(&operation, None, sender), first);
    let what = match connection.connector.manifest.reach {
        Reach::Http => "signed in",
        Reach::Files => "found its files",
    };
    match pulled {
        Ok(_) | Err(Error::GivenUp) => Ok(format!(
            "{}: {what}, {} answered with {}",
            connection.id,
            words::operation(&operation),
            super::table::plural(records as i64, "record", "records")
        )),
        Err(error) => Err(format!("{}, {}: {error}", connection.id, words::operation(&operation))),
    }
}

/// Asks the insurer for the details of a policy in force, where it can be asked, and says what differs from ours.
async fn compare_policy(connection: &Connection, policy: &Policy, today: Date, findings: &mut Findings) {
    if !connection.has("policy") || !policy.contains(today) {
        return;
    }
    let named = format!("policy {} with {}", policy.number, connection.id);
    let question = [("policy".to_owned(), policy.number.clone())].into();
    let rows = match connection.look_up("policy", &question).await {
        Ok(rows) => rows,
        Err(error) => {
            findings.failures.push(format!("{named}: its details could not be read: {error}"));
            return;
        }
    };
    let own =
        |row: &&BTreeMap<String, String>| row.get("policy").is_none_or(|number| *number == policy.number);
    let Some(theirs) = rows.iter().find(own) else {
        findings.failures.push(format!("{named}: the insurer states no details of it; is the number right?"));
        return;
    };
    let found = policy_differences(policy, theirs, today);
    if found.is_empty() {
        let status =
            theirs.get("status").map_or_else(String::new, |status| format!(", its status is {status}"));
        findings.fine.push(format!("{named}: the insurer states the same currency and dates{status}"));
    }
    findings.failures.extend(found.into_iter().map(|told| format!("{named}: {told}")));
}

/// Words in the status of a policy that say that it covers nothing any more, in whatever case.
const ENDED: &[&str] = &["cancel", "terminat", "expire", "suspend", "lapse", "closed", "inactive"];

/// What the insurer says of a policy otherwise than the configuration. What it does not say is not compared.
fn policy_differences(policy: &Policy, theirs: &BTreeMap<String, String>, today: Date) -> Vec<String> {
    let mut found = Vec::new();
    let said = |name: &str| theirs.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    if let Some(currency) = said("currency").filter(|code| *code != policy.currency.code()) {
        found.push(format!("the insurer says {currency}, [[policy]] says {}", policy.currency));
    }
    let mut date = |name: &str| {
        let text = said(name)?;
        let date = text.get(..10).and_then(|day| day.parse::<Date>().ok());
        if date.is_none() {
            found.push(format!(
                "the insurer says that it {name} \"{text}\", which is no date that can be compared"
            ));
        }
        date
    };
    let (starts, ends) = (date("starts"), date("ends"));
    if let Some(starts) = starts {
        // A policy that is renewed tacitly began long before the period that the insurer speaks of.
        let renewed = policy.valid_to.is_none() && starts > policy.valid_from && starts <= today;
        if starts != policy.valid_from && !renewed {
            found.push(format!(
                "the insurer says from {starts}, [[policy]] says valid_from {}",
                policy.valid_from
            ));
        }
    }
    match (ends, policy.valid_to) {
        (Some(ends), Some(to)) if ends != to => {
            found.push(format!("the insurer says to {ends}, [[policy]] says valid_to {to}"));
        }
        (Some(ends), None) if ends < today => {
            found.push(format!("the insurer says that it ended on {ends}, [[policy]] names no valid_to"));
        }
        (Some(_) | None, _) => {}
    }
    if let Some(status) = said("status").filter(|status| {
        let status = status.to_lowercase();
        ENDED.iter().any(|word| status.contains(word))
    }) {
        found.push(format!("the insurer says that its status is {status}"));
    }
    found
}

fn tell(context: &Context, findings: &Findings) -> anyhow::Result<Exit> {
    let Findings { fine, warnings, problems, failures } = findings;
    let problem =
        |p: &Problem| json!({ "file": p.file, "line": p.line, "column": p.column, "message": p.message });
    context.answer(
        || {
            let mut text: String = fine.iter().map(|line| format!("✓ {line}\n")).collect();
            text.extend(warnings.iter().map(|warning| format!("! {warning}\n")));
            text.extend(failures.iter().map(|failure| format!("✗ {failure}\n")));
            if problems.is_empty() && failures.is_empty() {
                text.push_str("\nEverything fits. Next: encours sync\n");
            }
            text
        },
        || {
            json!({
                "ok": problems.is_empty() && failures.is_empty(),
                "checked": fine,
                "warnings": warnings.iter().map(problem).collect::<Vec<_>>(),
                "problems": problems.iter().map(problem).collect::<Vec<_>>(),
                "failures": failures,
            })
        },
    )?;
    if !problems.is_empty() {
        return Err(Misconfigured::problems(problems).into());
    }
    Ok(if failures.is_empty() { Exit::Fine } else { Exit::Failed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use encours::model::Currency;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn policy(from: &str, to: Option<&str>) -> Policy {
        let percent = "90".parse().unwrap();
        Policy { valid_to: to.map(day), ..Policy::plain("insurer", "1", Currency::EUR, day(from), percent) }
    }

    fn differences(policy: &Policy, said: &[(&str, &str)]) -> Vec<String> {
        let said = said.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        policy_differences(policy, &said, day("2026-06-10"))
    }

    #[test]
    fn a_policy_is_compared_with_what_the_insurer_says_of_it() {
        let year = policy("2026-01-01", Some("2026-12-31"));
        let same = [
            ("currency", "EUR"),
            ("starts", "2026-01-01T00:00:00Z"),
            ("ends", "2026-12-31"),
            ("status", "live"),
        ];
        assert_eq!(differences(&year, &same), Vec::<String>::new());
        assert_eq!(differences(&year, &[]), Vec::<String>::new(), "what is not said is not compared");
        for (said, want) in [
            (("currency", "USD"), "the insurer says USD, [[policy]] says EUR"),
            (
                ("starts", "2026-02-01"),
                "the insurer says from 2026-02-01, [[policy]] says valid_from 2026-01-01",
            ),
            (("ends", "2026-09-30"), "the insurer says to 2026-09-30, [[policy]] says valid_to 2026-12-31"),
            (
                ("ends", "soon"),
                "the insurer says that it ends \"soon\", which is no date that can be compared",
            ),
            (("status", "Cancelled"), "the insurer says that its status is Cancelled"),
        ] {
            assert_eq!(differences(&year, &[said]), [want]);
        }
    }

    #[test]
    fn a_policy_that_is_renewed_tacitly_began_before_the_period_in_force() {
        let tacit = policy("2021-01-01", None);
        assert_eq!(
            differences(&tacit, &[("starts", "2026-01-01"), ("ends", "2026-12-31")]),
            Vec::<String>::new()
        );
        assert_eq!(
            differences(&tacit, &[("starts", "2020-01-01")]),
            ["the insurer says from 2020-01-01, [[policy]] says valid_from 2021-01-01"]
        );
        assert_eq!(
            differences(&tacit, &[("ends", "2025-12-31")]),
            ["the insurer says that it ended on 2025-12-31, [[policy]] names no valid_to"]
        );
    }
}
