//! Tests of answers by status and by what stands in them; and what the answer to a look-up means beyond its fields.

use super::manifest::Finding;
use super::parse::words_of;
use super::read::{Parts as _, Section, integers};
use super::roles::{Kind, Purpose};
use crate::transport::http::Test;

/// What the answer to a look-up means: `pending`, `decided` and `cancelled` fill its field `status`.
///
/// Only a look-up has them; `follows` says that it has a second call, which an outcome would pass over.
pub(super) fn findings(section: &Section<'_>, purpose: &Purpose, follows: bool) -> Vec<(Test, Finding)> {
    if purpose.kind != Kind::LookUp {
        return Vec::new();
    }
    let findings = tests(section, "outcome", &words_of(Finding::ALL, Finding::as_str));
    let says = findings.iter().find(|(_, finding)| *finding != Finding::Nothing);
    if let (Some((_, finding)), Some(entry)) = (says, section.entry("outcome"))
        && !purpose.fields.contains(&"status")
    {
        let message =
            format!("\"{finding}\" goes into the field \"status\", which {} does not have", purpose.name);
        section.problem(entry.span(), message);
    }
    if let (true, Some(entry)) = (follows, section.entry("outcome")) {
        section.problem(entry.span(), "a look-up has an outcome or a second call (then), not both");
    }
    findings
}

/// A list of `{ status, path, matches, is }`.
pub(super) fn tests<T: Copy>(
    section: &Section<'_>,
    key: &'static str,
    known: &[(&str, T)],
) -> Vec<(Test, T)> {
    let mut tests = Vec::new();
    for table in section.sections(key) {
        let test = Test {
            status: statuses(&table, "status"),
            path: table.paths("path"),
            matches: table.text("matches"),
        };
        if test.matches.is_some() && test.path.is_empty() {
            table.problem(table.span.clone(), "matches needs a path");
        }
        let is = table.required("is", table.word("is", known));
        tests.extend(is.map(|is| (test, is)));
        table.close();
    }
    tests
}

pub(super) fn statuses(section: &Section<'_>, key: &'static str) -> Vec<u16> {
    let statuses = section.read(key, |value| {
        integers(value)?
            .iter()
            .map(|n| u16::try_from(*n).map_err(|_| "expected HTTP statuses".to_owned()))
            .collect()
    });
    statuses.unwrap_or_default()
}
