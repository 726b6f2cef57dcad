//! What the operations that hand files or documents over say in a manifest.

use super::manifest::{Asks, BatchSend, FileSend, HeaderText, OutRule, Request};
use super::parse::{Names, words};
use super::read::Section;
use super::roles::{Kind, Purpose};
use crate::format::json::Path;
use crate::format::table::Kind as TableKind;
use crate::mapping::Mappings;
use crate::transport::Template;

/// How often a pull asks: `each = "document"` for an operation of a factor that lists nothing.
pub(super) fn asks(section: &Section<'_>, purpose: &Purpose) -> Asks {
    let each = section.word("each", &[("document", Asks::EachDocument)]).unwrap_or(Asks::Once);
    let is_of_documents = matches!(purpose.kind, Kind::Pull(_)) && !purpose.facts.is_empty();
    if each == Asks::EachDocument && !is_of_documents {
        section.problem(section.span.clone(), "each = \"document\" is of read_statement alone");
    }
    if each == Asks::EachDocument && section.entry("paging").is_some() {
        section.problem(section.span.clone(), "what is asked of each document has no pages");
    }
    each
}

/// The file of a document that is sent.
pub(super) fn attach(section: &Section<'_>, purpose: &Purpose, names: &Names<'_>) -> Option<Template> {
    let template = names.template(section, "attach")?;
    if !purpose.facts.contains(&"file") {
        section.problem(section.span.clone(), "attach is of send_document and finance_document");
    }
    Some(template)
}

/// For how many days a document may be told of.
pub(super) fn within_days(section: &Section<'_>, purpose: &Purpose) -> Option<i64> {
    let days = section.integer("within_days").and_then(|days| i64::try_from(days).ok())?;
    if purpose.name != "send_document" {
        section.problem(section.span.clone(), "within_days is of send_document alone");
    }
    Some(days)
}

/// What the call of a document has to say, and cannot: its body is written with the batch, its address when it is made.
pub(super) fn of_document(section: &Section<'_>, purpose: &Purpose, request: &Request, reference: &[Path]) {
    if !purpose.facts.contains(&"document_reference") {
        return;
    }
    if reference.is_empty() {
        section.problem(
            section.span.clone(),
            "\"reference\" is missing here: where the answer has the factor's id, by which the document is known",
        );
    }
    let of_headers = request.headers.iter().flat_map(|rule| {
        let of_text = match &rule.text {
            HeaderText::Plain(text) => text.names().collect(),
            HeaderText::Base64(document) => document.names(),
        };
        rule.name.names().chain(of_text)
    });
    let of_query = request.query.iter().flat_map(|(_, text)| text.names());
    let names = request.path.names().chain(of_query).chain(of_headers);
    for name in names.filter(|name| *name != "document_reference" && purpose.facts.contains(name)) {
        let told = format!(
            "\"{name}\" cannot stand in the address or in a header: of a document only its body is kept, and {{document_reference}} is known"
        );
        section.problem(section.span.clone(), told);
    }
}

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
