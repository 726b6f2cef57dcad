//! What a connector must say before limits are written through it.

use std::ops::Range;

use toml::Spanned;

use super::manifest::Capabilities;
use super::read::Section;

/// An ERP that is written to must have a way to be told that nothing is covered: an amount that is left out, or a zero that
/// it takes for "no limit", would be the opposite.
pub(super) fn operations_of_limits(root: &Section<'_>, able: &Capabilities, write: Range<usize>) {
    let said = root
        .section("connector")
        .and_then(|section| section.section("capabilities"))
        .and_then(|section| section.entry("limit_operations"))
        .map(Spanned::span);
    let words = &able.limit_operations;
    if words.is_empty() {
        root.problem(
            said.unwrap_or(write),
            "a connector with write_limit says in [connector.capabilities] what its ERP can be told of a limit: \
             limit_operations with some of set, zero, remove, block",
        );
    } else if !words.iter().any(|word| word == "zero" || word == "block") {
        let why = if able.zero_is_unlimited {
            "; the ERP takes 0 for \"no limit\", so say how it is told that nothing is covered"
        } else {
            ""
        };
        root.problem(
            said.unwrap_or(write),
            format!("limit_operations has neither zero nor block, so a refused limit could not be told{why}"),
        );
    }
}
