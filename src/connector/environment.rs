//! The environments of a partner: where it answers, and what its paths look like there.
//!
//! A partner's test system is not always its production under another host. What differs is a variable of the environment,
//! written into paths as it stands. Invariant: every environment of a connector has the same variables.

use std::collections::{BTreeMap, BTreeSet};

use super::load::Connector;
use super::manifest::{Environment, Setting};
use super::read::{Section, text};

/// Reads `[environments]`: names to a URL, or to `{ url, vars }`.
pub(super) fn parse(
    root: &Section<'_>,
    settings: &BTreeMap<String, Setting>,
) -> BTreeMap<String, Environment> {
    let mut environments = BTreeMap::new();
    let Some(section) = root.section("environments") else { return environments };
    for (name, _, value) in section.entries() {
        if !value.get_ref().is_table() {
            let url = section.place(value, text).map(str::to_owned);
            environments
                .extend(url.map(|url| (name.to_owned(), Environment { url, ..Environment::default() })));
            continue;
        }
        let Some(table) = section.as_section(value) else { continue };
        let mut environment = Environment::default();
        environment.url = table.required("url", table.text("url")).unwrap_or_default();
        if let Some(vars) = table.section("vars") {
            for (name, span, value) in vars.entries() {
                let is_name = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
                if !is_name || name == "uuid" || name.is_empty() {
                    vars.problem(span, "the name of a variable has small letters, digits and _");
                } else if settings.contains_key(name) {
                    vars.problem(span, format!("\"{name}\" is a setting; give the variable another name"));
                } else if let Some(steps) = vars.place(value, |value| steps(text(value)?)) {
                    environment.vars.insert(name.to_owned(), steps);
                }
            }
        }
        table.close();
        environments.insert(name.to_owned(), environment);
    }
    let known: BTreeSet<String> = environments.values().flat_map(|e| e.vars.keys()).cloned().collect();
    for (name, span, _) in section.entries() {
        let Some(environment) = environments.get(name) else { continue };
        let missing: Vec<&str> =
            known.iter().filter(|var| !environment.vars.contains_key(*var)).map(String::as_str).collect();
        if !missing.is_empty() {
            let message =
                format!("\"{name}\" does not say {}, which another environment does", missing.join(", "));
            section.problem(span, message);
        }
    }
    environments
}

fn steps(value: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'.' | b'_' | b'~');
    if value.is_empty() || !value.bytes().all(fits) {
        return Err("a variable is a part of a path: letters, digits and / - . _ ~".to_owned());
    }
    Ok(value.to_owned())
}

/// Where a connection goes, and the variables that count there.
///
/// A URL of the connection's own takes the place of the environment's; where paths differ between environments it must be
/// said which of them is behind it.
///
/// # Errors
/// A sentence that says what is missing or unknown.
pub(super) fn of(
    connector: &Connector,
    environment: Option<&str>,
    url: Option<String>,
) -> Result<Environment, String> {
    let known = &connector.manifest.environments;
    let id = &connector.manifest.id;
    let names = || known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let has_vars = known.values().any(|environment| !environment.vars.is_empty());
    let named = match environment {
        Some(name) => Some(
            known
                .get(name)
                .ok_or_else(|| format!("\"{name}\" is not an environment of {id}; it has: {}", names()))?,
        ),
        None => None,
    };
    match (url, named) {
        (Some(_), Some(_)) if !has_vars => {
            Err("a connection has an environment or a url, not both".to_owned())
        }
        (Some(_), None) if has_vars => Err(format!(
            "the paths of {id} differ between its environments: beside the url, say which environment is behind it, one of {}",
            names()
        )),
        (Some(url), named) => Ok(Environment {
            url,
            vars: named.map(|environment| environment.vars.clone()).unwrap_or_default(),
        }),
        (None, Some(environment)) => Ok(environment.clone()),
        (None, None) => known
            .get("production")
            .cloned()
            .ok_or_else(|| format!("{id} has no host of its own: give the connection a url")),
    }
}
