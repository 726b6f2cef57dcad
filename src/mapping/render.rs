//! Canonical facts to the body a partner expects.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::filter::Filter;
use crate::format::{Value, json};

/// Why a body cannot be made. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the field \"{field}\" of the request cannot be written: {reason}")]
pub struct RenderError {
    /// The partner's field.
    pub field: String,
    /// What is missing or does not fit.
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Number,
    Whole,
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
        for (key, value) in table.iter() {
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
            let error = |reason: String| RenderError { field: part.name.clone(), reason };
            let text = match &part.from {
                From::Fact(name) => facts.get(name),
                From::Setting(name) => settings.get(name),
                From::Const(text) => Some(text),
            };
            let Some(text) = text else {
                if part.optional {
                    continue;
                }
                return Err(error(match &part.from {
                    From::Setting(name) => format!("the setting \"{name}\" is not given"),
                    From::Fact(name) | From::Const(name) => format!("\"{name}\" is not known here"),
                }));
            };
            let value = match part.form {
                Form::Text => json::text(text),
                Form::Number => {
                    json::number(text).ok_or_else(|| error(format!("\"{text}\" is not a number")))?
                }
                Form::Whole => {
                    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
                    if rest.bytes().any(|digit| digit != b'0') {
                        return Err(error(format!(
                            "{text} is not a whole amount, which is all this partner takes"
                        )));
                    }
                    json::number(whole).ok_or_else(|| error(format!("\"{text}\" is not a number")))?
                }
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
            ("optional", None) => part.optional = value.get_ref().as_bool() == Some(true),
            (other, _) => {
                return Err(format!(
                    "\"{other}\" is not part of a body's field; it has path, setting or const, as (text, number, whole), optional"
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
