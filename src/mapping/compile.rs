//! Mapping files to rules, with every problem placed at its line and column.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::filter::Filter;
use super::layout::Layout;
use super::render::Body;
use super::rule::{Codes, DateStyle, Decimal, Otherwise, Reference, Rule, Source};
use super::target::{Field, Kind, OTHER, OTHER_CURRENCY, Target};
use crate::format::json::Path;
use crate::format::toml::Problem;
use crate::model::NumberStyle;

/// The rules for one canonical record of one system.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// What it fills.
    pub target: Target,
    /// The file it stands in.
    pub file: String,
    /// By index of the target's field.
    pub(super) rules: Vec<Option<Rule>>,
    /// Every path, in the order of their slots.
    pub(super) references: Vec<String>,
}

/// What the mapping files of one system declare.
#[derive(Debug, Clone, Default)]
pub struct Mappings {
    /// Records that come in.
    pub records: BTreeMap<Target, Mapping>,
    /// Bodies that go out, by name.
    pub bodies: BTreeMap<String, Body>,
    /// The layout of the files that assign documents to a factor.
    pub layout: Option<Layout>,
}

/// Reads all mapping files of one system; tables of codes are shared between them.
///
/// # Errors
/// Every problem of every file, not only the first.
pub fn parse_files(files: &[(String, String)]) -> Result<Mappings, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut documents = Vec::new();
    for (file, text) in files {
        match DeTable::parse(text) {
            Ok(document) => documents.push((file.as_str(), text.as_str(), document.into_inner())),
            Err(error) => problems.push(Problem::at(file, text, error.span(), error.message())),
        }
    }
    let mut codes = BTreeMap::new();
    for (file, text, document) in &documents {
        let mut reader = Reader { file, text, problems: &mut problems };
        for (name, value) in section(document, "codes").into_iter().flat_map(|table| table.iter()) {
            let table = reader.code_table(name.get_ref(), value);
            codes.insert(name.get_ref().to_string(), Arc::new(table));
        }
    }
    let mut mappings = Mappings::default();
    for (file, text, document) in &documents {
        if section(document, "layout").is_some() {
            match Layout::read_table(file, text, document) {
                Ok(layout) if mappings.layout.is_none() => mappings.layout = Some(layout),
                Ok(_) => problems.push(Problem::at(file, text, None, "another file has a [layout] already")),
                Err(found) => problems.extend(found),
            }
            continue;
        }
        let mut reader = Reader { file, text, problems: &mut problems };
        let defaults = reader.defaults(document);
        for (name, value) in document.iter() {
            let key = name.get_ref().as_ref();
            if key == "codes" || key == "read" {
                continue;
            }
            if key == "send" {
                for (body, rules) in value.get_ref().as_table().into_iter().flat_map(|t| t.iter()) {
                    match Body::parse(rules) {
                        Ok(parsed) => drop(mappings.bodies.insert(body.get_ref().to_string(), parsed)),
                        Err((span, message)) => reader.problem(span, message),
                    }
                }
                continue;
            }
            let Some(target) = Target::parse(key) else {
                let known = Target::ALL.iter().map(|t| t.as_str()).collect::<Vec<_>>().join(", ");
                reader.problem(name.span(), format!("\"{key}\" is not a record; a mapping has [{known}], [codes.<name>], [send.<name>] or [read], or is a [layout]"));
                continue;
            };
            let Some(table) = value.get_ref().as_table() else {
                reader.problem(value.span(), format!("\"{key}\" must be a table of fields"));
                continue;
            };
            let mut references = Vec::new();
            let rules = reader.rules(target.fields(), table, name.span(), &codes, &defaults, &mut references);
            reader.amounts_have_their_currency(target, &rules, name.span());
            let mapping = Mapping { target, file: (*file).to_owned(), rules, references };
            if mappings.records.insert(target, mapping).is_some() {
                reader.problem(name.span(), format!("[{key}] is mapped twice"));
            }
        }
    }
    if problems.is_empty() { Ok(mappings) } else { Err(problems) }
}

fn section<'a, 'b>(document: &'a DeTable<'b>, name: &str) -> Option<&'a DeTable<'b>> {
    document.iter().find(|(key, _)| key.get_ref() == name).and_then(|(_, value)| value.get_ref().as_table())
}

/// The name in `{ setting = "…" }`.
fn setting_of<'a>(value: &'a Spanned<DeValue<'_>>) -> Option<&'a str> {
    let table = value.get_ref().as_table().filter(|table| table.len() == 1)?;
    table.iter().find(|(key, _)| key.get_ref() == "setting")?.1.get_ref().as_str()
}

struct Defaults {
    dates: Vec<DateStyle>,
    style: Decimal,
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.problems.push(Problem::at(self.file, self.text, Some(span), message));
    }

    fn code_table(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> BTreeMap<String, String> {
        let Some(table) = value.get_ref().as_table() else {
            self.problem(value.span(), format!("codes.{name} must be a table of theirs = \"ours\""));
            return BTreeMap::new();
        };
        let mut codes = BTreeMap::new();
        for (theirs, ours) in table.iter() {
            match ours.get_ref().as_str() {
                Some(ours) => drop(codes.insert(theirs.get_ref().to_string(), ours.to_owned())),
                None => self.problem(ours.span(), "a code is mapped to a text"),
            }
        }
        codes
    }

    fn defaults(&mut self, document: &DeTable<'_>) -> Defaults {
        let mut defaults = Defaults {
            dates: vec![DateStyle { pattern: "YYYY-MM-DD".to_owned() }],
            style: Decimal::Fixed(NumberStyle::Point),
        };
        for (key, value) in section(document, "read").into_iter().flat_map(|table| table.iter()) {
            match key.get_ref().as_ref() {
                "date" => defaults.dates = self.dates(value),
                "decimal" => defaults.style = self.style(value),
                other => self.problem(
                    key.span(),
                    format!("unknown key \"{other}\" in [read], expected date or decimal"),
                ),
            }
        }
        defaults
    }

    fn dates(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<DateStyle> {
        let patterns: Vec<_> = match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|item| (item.span(), item.get_ref().as_str())).collect(),
            DeValue::String(one) => vec![(value.span(), Some(one.as_ref()))],
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => {
                vec![(value.span(), None)]
            }
        };
        let mut dates = Vec::new();
        for (span, pattern) in patterns {
            match DateStyle::parse(pattern.unwrap_or_default()) {
                Ok(style) => dates.push(style),
                Err(message) => self.problem(span, message),
            }
        }
        dates
    }

    fn style(&mut self, value: &Spanned<DeValue<'_>>) -> Decimal {
        match (value.get_ref().as_str(), setting_of(value)) {
            (Some("point"), _) => Decimal::Fixed(NumberStyle::Point),
            (Some("comma"), _) => Decimal::Fixed(NumberStyle::Comma),
            (_, Some(name)) => Decimal::Setting(name.to_owned()),
            (_, None) => {
                self.problem(
                    value.span(),
                    "decimal is \"point\", \"comma\" or { setting = \"…\" }, whose value is one of them",
                );
                Decimal::Fixed(NumberStyle::Point)
            }
        }
    }

    fn rules(
        &mut self,
        fields: &'static [Field],
        table: &DeTable<'_>,
        at: Range<usize>,
        codes: &BTreeMap<String, Codes>,
        defaults: &Defaults,
        references: &mut Vec<String>,
    ) -> Vec<Option<Rule>> {
        let mut rules: Vec<Option<Rule>> = fields.iter().map(|_| None).collect();
        for (key, value) in table.iter() {
            let name = key.get_ref().as_ref();
            let Some((index, field)) = fields.iter().enumerate().find(|(_, field)| field.name == name) else {
                let known = fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
                self.problem(key.span(), format!("\"{name}\" is not a field of this record; it has {known}"));
                continue;
            };
            let rule = self.rule(field, value, codes, defaults, references);
            if let Some(slot) = rules.get_mut(index) {
                *slot = rule;
            }
        }
        for (field, rule) in fields.iter().zip(&rules) {
            let stated = table.iter().any(|(key, _)| key.get_ref() == field.name);
            // A limit without an amount of its own has that of its layers.
            let added_up = field.name == "amount" && table.iter().any(|(key, _)| key.get_ref() == "layers");
            if field.required && rule.is_none() && !stated && !added_up {
                self.problem(at.clone(), format!("the field \"{}\" is required and not mapped", field.name));
            }
        }
        rules
    }

    /// Amounts in a second currency need its rule, and the other way round: each record without one of them would be bad.
    fn amounts_have_their_currency(&mut self, target: Target, rules: &[Option<Rule>], at: Range<usize>) {
        let (mut currency, mut amount, mut part) = (false, None, None);
        for (field, rule) in target.fields().iter().zip(rules) {
            let Some(rule) = rule else { continue };
            match field.kind {
                _ if field.name == OTHER_CURRENCY => currency = true,
                _ if field.name.starts_with(OTHER) => amount = Some(field.name.to_owned()),
                Kind::List(fields) => {
                    let mut stated = fields.iter().zip(&rule.parts).filter(|(_, rule)| rule.is_some());
                    if let Some((inner, _)) = stated.find(|(inner, _)| inner.name.starts_with(OTHER)) {
                        part = Some(format!("{}.{}", field.name, inner.name));
                    }
                }
                Kind::Text
                | Kind::Key
                | Kind::Currency
                | Kind::Money
                | Kind::Date
                | Kind::Integer
                | Kind::Flag
                | Kind::Code(_) => {}
            }
        }
        match (currency, amount.or(part)) {
            (false, Some(name)) => {
                self.problem(at, format!("\"{name}\" has no currency: map {OTHER_CURRENCY} beside it"));
            }
            (true, None) => self.problem(
                at,
                format!(
                    "\"{OTHER_CURRENCY}\" has no amount: map one whose name begins with {OTHER} beside it"
                ),
            ),
            (true, Some(_)) | (false, None) => {}
        }
    }

    fn rule(
        &mut self,
        field: &Field,
        value: &Spanned<DeValue<'_>>,
        codes: &BTreeMap<String, Codes>,
        defaults: &Defaults,
        references: &mut Vec<String>,
    ) -> Option<Rule> {
        let mut rule = Rule {
            source: Source::Paths(Vec::new()),
            codes: None,
            dates: defaults.dates.clone(),
            style: defaults.style.clone(),
            currency: None,
            minus: None,
            default: None,
            parts: Vec::new(),
        };
        let table = match value.get_ref() {
            DeValue::String(path) => {
                rule.source = Source::Paths(vec![self.reference(path, value.span(), references)?]);
                return self.checked(field, rule, value.span());
            }
            DeValue::Table(table) => table,
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {
                self.problem(
                    value.span(),
                    "a rule is a path (\"a.b\") or a table ({ path = \"a.b\", as = \"money\" })",
                );
                return None;
            }
        };
        let mut sources = 0;
        for (key, entry) in table.iter() {
            let text = entry.get_ref().as_str();
            match (key.get_ref().as_ref(), text) {
                ("path", Some(path)) => {
                    sources += 1;
                    rule.source = Source::Paths(vec![self.reference(path, entry.span(), references)?]);
                }
                ("path", None) => {
                    sources += 1;
                    let list = entry
                        .get_ref()
                        .as_array()
                        .map(|list| list.iter().collect::<Vec<_>>())
                        .unwrap_or_default();
                    let mut paths = Vec::new();
                    for item in list {
                        let path = item.get_ref().as_str().unwrap_or_default();
                        paths.push(self.reference(path, item.span(), references)?);
                    }
                    if paths.is_empty() {
                        self.problem(entry.span(), "path is a text or a list of texts, tried in order");
                        return None;
                    }
                    rule.source = Source::Paths(paths);
                }
                ("const", Some(text)) => {
                    sources += 1;
                    rule.source = Source::Const(text.to_owned());
                }
                ("setting", Some(name)) => {
                    sources += 1;
                    rule.source = Source::Setting(name.to_owned());
                }
                ("jq", Some(code)) => {
                    sources += 1;
                    match Filter::parse(code) {
                        Ok(filter) => rule.source = Source::Jq(filter),
                        Err(message) => {
                            self.problem(entry.span(), message);
                            return None;
                        }
                    }
                }
                ("as", Some(word)) => {
                    if word != field.kind.word() {
                        self.problem(
                            entry.span(),
                            format!("\"{}\" is {}, not {word}", field.name, field.kind.word()),
                        );
                    }
                }
                ("codes", Some(name)) => match codes.get(name) {
                    Some(table) => rule.codes = Some((name.to_owned(), Arc::clone(table))),
                    None => self.problem(entry.span(), format!("there is no table [codes.{name}]")),
                },
                ("date", _) => rule.dates = self.dates(entry),
                ("decimal", _) => rule.style = self.style(entry),
                ("currency", Some(path)) => {
                    rule.currency = Some(self.reference(path, entry.span(), references)?)
                }
                ("minus", Some(path)) => rule.minus = Some(self.reference(path, entry.span(), references)?),
                ("default", Some(text)) => rule.default = Some(Otherwise::Text(text.to_owned())),
                ("default", None) if setting_of(entry).is_some() => {
                    rule.default = setting_of(entry).map(|name| Otherwise::Setting(name.to_owned()));
                }
                ("fields", None) => {
                    let (Kind::List(parts), Some(inner)) = (field.kind, entry.get_ref().as_table()) else {
                        self.problem(
                            entry.span(),
                            format!("\"{}\" is no list and has no fields of its own", field.name),
                        );
                        continue;
                    };
                    rule.parts = self.rules(parts, inner, key.span(), codes, defaults, references);
                }
                (other, _) => {
                    let known = "path, const, setting, jq, as, codes, date, decimal, currency, minus, default, fields";
                    self.problem(
                        key.span(),
                        format!(
                            "\"{other}\" is not part of a rule with this kind of value; a rule has {known}"
                        ),
                    );
                }
            }
        }
        if sources != 1 {
            self.problem(value.span(), "a rule has exactly one of path, const, setting and jq");
            return None;
        }
        self.checked(field, rule, value.span())
    }

    fn checked(&mut self, field: &Field, rule: Rule, span: Range<usize>) -> Option<Rule> {
        match field.kind {
            Kind::Code(words) => {
                let targets = rule.codes.iter().flat_map(|(_, table)| table.values());
                let consts = match &rule.source {
                    Source::Const(text) if rule.codes.is_none() => Some(text),
                    Source::Const(_) | Source::Paths(_) | Source::Setting(_) | Source::Jq(_) => None,
                };
                let wrong: Vec<_> = targets
                    .chain(consts)
                    .chain(match &rule.default {
                        Some(Otherwise::Text(text)) => Some(text),
                        Some(Otherwise::Setting(_)) | None => None,
                    })
                    .filter(|w| !words.contains(&w.as_str()))
                    .collect();
                if let Some(word) = wrong.first() {
                    self.problem(
                        span,
                        format!(
                            "\"{word}\" is not a value of \"{}\"; it is one of {}",
                            field.name,
                            words.join(", ")
                        ),
                    );
                }
            }
            Kind::List(_) if rule.parts.is_empty() => {
                self.problem(
                    span,
                    format!("the list \"{}\" needs fields = {{ … }} for its parts", field.name),
                );
            }
            Kind::Text
            | Kind::Key
            | Kind::Currency
            | Kind::Money
            | Kind::Date
            | Kind::Integer
            | Kind::Flag
            | Kind::List(_) => {
                if rule.minus.is_some() && field.kind != Kind::Money {
                    self.problem(span.clone(), "minus belongs to amounts");
                }
                if rule.currency.is_some() && field.name.starts_with(OTHER) {
                    self.problem(
                        span,
                        format!("\"{}\" is in {OTHER_CURRENCY}: it has no currency of its own", field.name),
                    );
                }
            }
        }
        Some(rule)
    }

    fn reference(
        &mut self,
        path: &str,
        span: Range<usize>,
        references: &mut Vec<String>,
    ) -> Option<Reference> {
        if path.trim().is_empty() {
            self.problem(span, "a path cannot be empty");
            return None;
        }
        let slot = references.iter().position(|known| known == path).unwrap_or_else(|| {
            references.push(path.to_owned());
            references.len() - 1
        });
        Some(Reference { raw: path.to_owned(), tree: Path::parse(path).ok(), slot })
    }
}
