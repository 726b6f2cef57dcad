//! What the operations that hand files over say in a manifest.

use super::manifest::{BatchSend, FileSend, OutRule};
use super::parse::{Names, words};
use super::read::Section;
use super::roles::Purpose;
use crate::format::table::Kind as TableKind;
use crate::mapping::Mappings;

/// A batch, which the layout of the mappings turns into files.
pub(super) fn batch_send(section: &Section<'_>, names: &Names<'_>, mappings: &Mappings) -> Option<BatchSend> {
    let folder = section.required("folder", names.template(section, "folder"));
    match &mappings.layout {
        None => section.problem(
            section.span.clone(),
            "the mappings have no [layout], which says what the files of a batch are",
        ),
        Some(layout) => names.check(section, section.span.clone(), layout.settings()),
    }
    Some(BatchSend { folder: folder? })
}

pub(super) fn file_send(
    section: &Section<'_>,
    purpose: &'static Purpose,
    names: &Names<'_>,
    mappings: &Mappings,
) -> Option<FileSend> {
    let file = section.required("file", names.with(["batch", "date"]).template(section, "file"));
    let folder = section.required("folder", names.template(section, "folder"));
    let mut format = None;
    if let Some(table) = section.required("format", section.section("format")) {
        let kinds = [("csv", TableKind::Csv), ("xlsx", TableKind::Xlsx), ("table", TableKind::Either)];
        format = table.required("kind", table.word("kind", &kinds)).map(|kind| OutRule {
            kind,
            delimiter: names.template(&table, "delimiter"),
            encoding: names.template(&table, "encoding"),
            decimal: names.template(&table, "decimal"),
            sheet: names.template(&table, "sheet"),
            header: table.flag("header").unwrap_or(true),
        });
        table.close();
    }
    let codes = words(section, "codes", "fact", purpose.name, purpose.facts);
    let body = section.required("body", section.text("body"))?;
    let span = section.entry("body").map_or(section.span.clone(), toml::Spanned::span);
    match mappings.bodies.get(&body) {
        None => {
            let known = mappings.bodies.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            section.problem(span, format!("the mappings have no [send.{body}]; they have: {known}"));
        }
        Some(rules) if rules.is_filtered() => {
            section.problem(
                span,
                format!("[send.{body}] is made by a filter; the columns of a file are fields"),
            );
        }
        Some(rules) => {
            names.with(purpose.facts.iter().copied().chain(["batch", "date"])).check(
                section,
                span,
                rules.names(),
            );
        }
    }
    Some(FileSend { file: file?, folder: folder?, format: format?, body, codes })
}
