//! Canonical facts to the body a partner expects.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::filter::Filter;
use super::rule::DateStyle;
use crate::format::table::Cell;
use crate::format::{Value, json};
use crate::model::Date;

/// Why a body cannot be made. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the field \"{field}\" of the request cannot be written: {reason}")]
pub struct RenderError {
    /// The partner's field.
    pub field: String,
    /// What is missing or does not fit.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Text,
    Number,
    Whole,
    Date(DateStyle),
}

#[derive(Debug, Clone)]
enum From {
    Fact(String),
    Setting(String),
    Const(String),
}

#[derive(Debug, Clone)]
struct Part {
    name: String,
    from: From,
    form: Form,
    optional: bool,
}

/// The rules of one body.
#[derive(Debug, Clone)]
pub struct Body {
    parts: Vec<Part>,
    filter: Option<Filter>,
}

impl Body {
    pub(super) fn parse(rules: &toml::Spanned<DeValue<'_>>) -> Result<Self, (Range<usize>, String)> {
        let table = rules
            .get_ref()
            .as_table()
            .ok_or_else(|| (rules.span(), "a body is a table of fields".to_owned()))?;
        let mut body = Self { parts: Vec::new(), filter: None };
        // In the order in which they are written, which is the order of the columns of a file.
        let mut rules: Vec<_> = table.iter().collect();
        rules.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in rules {
            let name = key.get_ref().to_string();
            let part = match value.get_ref() {
                DeValue::String(code) if name == "jq" => {
                    body.filter = Some(Filter::parse(code).map_err(|message| (value.span(), message))?);
                    continue;
                }
                DeValue::String(fact) => {
                    Part { name, from: From::Fact(fact.to_string()), form: Form::Text, optional: false }
                }
                DeValue::Table(rule) => part(name, rule).map_err(|message| (value.span(), message))?,
                DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => {
                    return Err((
                        value.span(),
                        "a field of a body is a fact (\"amount\") or a table".to_owned(),
                    ));
                }
            };
            body.parts.push(part);
        }
        Ok(body)
    }

    /// Writes the body from canonical facts and the settings of the connection.
    ///
    /// # Errors
    /// [`RenderError`] when a fact is missing, or an amount does not fit the partner's form: it is never cut or rounded.
    pub fn render(
        &self,
        facts: &BTreeMap<String, String>,
        settings: &BTreeMap<String, String>,
    ) -> Result<Value, RenderError> {
        let mut pairs = Vec::new();
        for part in &self.parts {
            let Some(text) = part.text(facts, settings)? else { continue };
            let number = |digits: &str| {
                json::number(digits).ok_or_else(|| part.error(format!("\"{text}\" is not a number")))
            };
            let value = match &part.form {
                Form::Text => json::text(text),
                Form::Number => number(text)?,
                Form::Whole => number(part.whole(text)?)?,
                Form::Date(style) => json::text(&part.date(text, style)?),
            };
            pairs.push((part.name.clone(), value));
        }
        let value = json::object(pairs);
        match &self.filter {
            None => Ok(value),
            Some(filter) => {
                let all = json::object(
                    facts.iter().chain(settings).map(|(key, text)| (key.clone(), json::text(text))),
                );
                let error = |reason| RenderError { field: "jq".to_owned(), reason };
                filter.first(all).map_err(error)?.ok_or_else(|| error("the filter gives nothing".to_owned()))
            }
        }
    }
}

impl Body {
    /// The partner's fields in the order in which they are written: the columns of a file.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.name.clone()).collect()
    }

    /// Whether a filter makes the body, so that it has no columns.
    #[must_use]
    pub const fn is_filtered(&self) -> bool {
        self.filter.is_some()
    }

    /// The facts and the settings that it uses.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match &part.from {
            From::Fact(name) | From::Setting(name) => Some(name.as_str()),
            From::Const(_) => None,
        })
    }

    /// Writes one row of a file from canonical facts and the settings of the connection. An empty fact is no fact.
    ///
    /// # Errors
    /// As [`Body::render`].
    pub fn cells(
        &self,
        facts: &BTreeMap<String, String>,
        settings: &BTreeMap<String, String>,
    ) -> Result<Vec<Cell>, RenderError> {
        let cell = |part: &Part| {
            let text = match part.text(facts, settings)?.map(str::trim) {
                Some("") if !part.optional => {
                    return Err(part.error("it is required, and nothing is known of it".to_owned()));
                }
                None | Some("") => return Ok(Cell::Empty),
                Some(text) => text,
            };
            let number = |digits: &str| {
                let body = digits.strip_prefix('-').unwrap_or(digits);
                let (whole, rest) = body.split_once('.').unwrap_or((body, "0"));
                let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                let is_number = plain(whole) && plain(rest);
                is_number
                    .then(|| Cell::Number(digits.to_owned()))
                    .ok_or_else(|| part.error(format!("\"{text}\" is not a number")))
            };
            match &part.form {
                Form::Text => Ok(Cell::Text(text.to_owned())),
                Form::Number => number(text),
                Form::Whole => number(part.whole(text)?),
                Form::Date(style) => Ok(Cell::Text(part.date(text, style)?)),
            }
        };
        self.parts.iter().map(cell).collect()
    }
}

impl Part {
    fn error(&self, reason: String) -> RenderError {
        RenderError { field: self.name.clone(), reason }
    }

    /// What it is written from; nothing when it may be left out.
    fn text<'a>(
        &'a self,
        facts: &'a BTreeMap<String, String>,
        settings: &'a BTreeMap<String, String>,
    ) -> Result<Option<&'a str>, RenderError> {
        let (text, missing) = match &self.from {
            From::Fact(name) => (facts.get(name), format!("\"{name}\" is not known here")),
            From::Setting(name) => (settings.get(name), format!("the setting \"{name}\" is not given")),
            From::Const(text) => (Some(text), String::new()),
        };
        match text {
            None if !self.optional => Err(self.error(missing)),
            found => Ok(found.map(String::as_str)),
        }
    }

    fn whole<'a>(&self, text: &'a str) -> Result<&'a str, RenderError> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        if rest.bytes().any(|digit| digit != b'0') {
            let reason = format!("{text} is not a whole amount, which is all this partner takes");
            return Err(self.error(reason));
        }
        Ok(whole)
    }

    fn date(&self, text: &str, style: &DateStyle) -> Result<String, RenderError> {
        let date: Date =
            text.parse().map_err(|_| self.error(format!("\"{text}\" is not a date (YYYY-MM-DD)")))?;
        let part = |form| date.format(form).to_string();
        let pattern = style.pattern.replace("YYYY", &part("%Y"));
        Ok(pattern.replace("MM", &part("%m")).replace("DD", &part("%d")))
    }
}

fn part(name: String, rule: &DeTable<'_>) -> Result<Part, String> {
    let mut part = Part { name, from: From::Const(String::new()), form: Form::Text, optional: false };
    let mut sources = 0;
    for (key, value) in rule.iter() {
        let text = value.get_ref().as_str();
        match (key.get_ref().as_ref(), text) {
            ("path", Some(text)) => (part.from, sources) = (From::Fact(text.to_owned()), sources + 1),
            ("setting", Some(text)) => (part.from, sources) = (From::Setting(text.to_owned()), sources + 1),
            ("const", Some(text)) => (part.from, sources) = (From::Const(text.to_owned()), sources + 1),
            ("as", Some("text")) => part.form = Form::Text,
            ("as", Some("number")) => part.form = Form::Number,
            ("as", Some("whole")) => part.form = Form::Whole,
            ("date", Some(pattern)) => part.form = Form::Date(DateStyle::parse(pattern)?),
            ("optional", None) => part.optional = value.get_ref().as_bool() == Some(true),
            (other, _) => {
                return Err(format!(
                    "\"{other}\" is not part of a body's field; it has path, setting or const, as (text, number, whole), date, optional"
                ));
            }
        }
    }
    if sources == 1 {
        Ok(part)
    } else {
        Err("a body's field has exactly one of path, setting and const".to_owned())
    }
}
