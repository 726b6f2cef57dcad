//! What the answer to a look-up means where its status, or a word in it, says more than its fields.

use super::manifest::Finding;
use super::parse::{tests, words_of};
use super::read::Section;
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
