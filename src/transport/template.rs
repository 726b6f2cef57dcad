//! Texts with places to fill, as manifests write them: `/{database}/rpc/`, `Bearer {token}`, `{base64:user:password}`.
//!
//! A name stands for a setting, a value of the session, a fact of the operation or a place in the paging; `{uuid}` is the
//! correlation id of the call. A value that is one place only, with nothing to put there, is left out.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;

use crate::format::{Value, json};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
    /// A name whose text is part of a path, steps included.
    Steps(String),
    Correlation,
    Base64(Vec<String>),
}

/// A text with places to fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    raw: String,
    parts: Vec<Part>,
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

/// What the places of a template are filled from; the first layer that has a name wins.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Layers of names and their texts. An empty text counts as nothing.
    pub layers: &'a [&'a BTreeMap<String, String>],
    /// The correlation id of the call.
    pub correlation: &'a str,
}

impl<'a> Scope<'a> {
    /// The text of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.layers
            .iter()
            .find_map(|layer| layer.get(name))
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }
}

impl Template {
    /// Reads the notation.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (place, tail) =
                after.split_once('}').ok_or_else(|| format!("\"{text}\" has no closing brace"))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let is_name = |name: &str| {
                !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            parts.push(match place.strip_prefix("base64:") {
                None if place == "uuid" => Part::Correlation,
                None if is_name(place) => Part::Name(place.to_owned()),
                Some(names) if names.split(':').all(is_name) => Part::Base64(names.split(':').map(str::to_owned).collect()),
                None | Some(_) => {
                    return Err(format!("\"{{{place}}}\" in \"{text}\" is no place; write {{setting}}, {{uuid}} or {{base64:user:password}}"));
                }
            });
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { raw: text.to_owned(), parts })
    }

    /// Every name that it uses.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Name(name) | Part::Steps(name) => std::slice::from_ref(name),
                Part::Base64(names) => names.as_slice(),
                Part::Text(_) | Part::Correlation => &[],
            })
            .map(String::as_str)
    }

    /// The same, with the texts of some names written into paths as they stand: they are steps, not values.
    #[must_use]
    pub fn with_steps(mut self, is_steps: impl Fn(&str) -> bool) -> Self {
        for part in &mut self.parts {
            if let Part::Name(name) = part
                && is_steps(name)
            {
                *part = Part::Steps(std::mem::take(name));
            }
        }
        self
    }

    /// The name, when the template is one place and nothing else.
    #[must_use]
    pub fn only_name(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Name(name)] => Some(name),
            _ => None,
        }
    }

    /// Fills it; nothing when it is one place without a text.
    ///
    /// # Errors
    /// The first name that has no text, where the template is more than that name.
    pub fn fill(&self, scope: &Scope<'_>) -> Result<Option<String>, String> {
        match self.only_name() {
            Some(name) => Ok(scope.get(name).map(str::to_owned)),
            None => self.join(scope, str::to_owned).map(Some),
        }
    }

    /// Fills it as a path: what is put in is percent-encoded, so that no value adds a step or a query.
    ///
    /// # Errors
    /// The first name that has no text.
    pub fn fill_path(&self, scope: &Scope<'_>) -> Result<String, String> {
        self.join(scope, percent_encoded)
    }

    fn join(&self, scope: &Scope<'_>, written: impl Fn(&str) -> String) -> Result<String, String> {
        let mut out = String::new();
        let find = |name: &str| scope.get(name).ok_or_else(|| name.to_owned());
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Name(name) => out.push_str(&written(find(name)?)),
                Part::Steps(name) => out.push_str(find(name)?),
                Part::Correlation => out.push_str(scope.correlation),
                Part::Base64(names) => {
                    let texts = names.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
                    out.push_str(&base64::engine::general_purpose::STANDARD.encode(texts.join(":")));
                }
            }
        }
        Ok(out)
    }
}

pub(super) fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// A JSON body with places to fill.
#[derive(Debug, Clone)]
pub enum JsonTemplate {
    /// A text.
    Text(Template),
    /// One place whose text is written as a number or a boolean.
    Bare(Template),
    /// A value as it stands.
    Fixed(Value),
    /// A list.
    List(Vec<JsonTemplate>),
    /// An object.
    Table(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// Every name that it uses.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Text(template) | Self::Bare(template) => template.names().collect(),
            Self::Fixed(_) => Vec::new(),
            Self::List(list) => list.iter().flat_map(Self::names).collect(),
            Self::Table(pairs) => pairs.iter().flat_map(|(_, value)| value.names()).collect(),
        }
    }

    /// Fills it; nothing when it is one place without a text.
    ///
    /// # Errors
    /// The first name that has no text, or whose text is no number where one is due.
    pub fn fill(&self, scope: &Scope<'_>) -> Result<Option<Value>, String> {
        Ok(match self {
            Self::Text(template) => template.fill(scope)?.map(|text| json::text(&text)),
            Self::Bare(template) => match template.fill(scope)?.as_deref() {
                None => None,
                Some("true") => Some(Value::Bool(true)),
                Some("false") => Some(Value::Bool(false)),
                Some(text) => Some(
                    json::number(text).ok_or_else(|| template.only_name().unwrap_or_default().to_owned())?,
                ),
            },
            Self::Fixed(value) => Some(value.clone()),
            Self::List(list) => {
                let mut values = Vec::new();
                for item in list {
                    values.extend(item.fill(scope)?);
                }
                Some(values.into_iter().collect())
            }
            Self::Table(pairs) => {
                let mut filled = Vec::new();
                for (key, value) in pairs {
                    filled.extend(value.fill(scope)?.map(|value| (key.clone(), value)));
                }
                Some(json::object(filled))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> BTreeMap<String, String> {
        [("user", "ann"), ("password", "s:1"), ("base", "a b/../c?"), ("empty", ""), ("company", "1")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into()
    }

    fn fill(text: &str) -> Result<Option<String>, String> {
        let names = names();
        Template::parse(text)?.fill(&Scope { layers: &[&names], correlation: "c-1" })
    }

    #[test]
    fn places_are_filled() {
        assert_eq!(fill("Session {base64:user:password}").unwrap().as_deref(), Some("Session YW5uOnM6MQ=="));
        assert_eq!(fill("{user}-{uuid}").unwrap().as_deref(), Some("ann-c-1"));
        assert_eq!(fill("{empty}").unwrap(), None, "one place and nothing to put there");
        assert_eq!(fill("x{empty}").unwrap_err(), "empty");
    }

    #[test]
    fn a_value_in_a_path_adds_no_step() {
        let names = names();
        let scope = Scope { layers: &[&names], correlation: "" };
        let path = Template::parse("/{base}/rpc/").unwrap().fill_path(&scope).unwrap();
        assert_eq!(path, "/a%20b%2F..%2Fc%3F/rpc/");
    }

    #[test]
    fn steps_of_a_path_are_written_as_they_stand() {
        let names: BTreeMap<String, String> =
            [("risk", "/uatm/riskinfo/v3"), ("id", "a/b")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let scope = Scope { layers: &[&names], correlation: "" };
        let template = Template::parse("{risk}/jobs/{id}").unwrap().with_steps(|name| name == "risk");
        assert_eq!(template.fill_path(&scope).unwrap(), "/uatm/riskinfo/v3/jobs/a%2Fb");
        assert_eq!(template.names().collect::<Vec<_>>(), ["risk", "id"]);
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["{", "{a b}", "{Upper}", "{base64:}", "{}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bodies_keep_types_and_leave_out_what_is_not_there() {
        let names = names();
        let template = |text: &str| Template::parse(text).unwrap();
        let body = JsonTemplate::Table(vec![
            (
                "params".into(),
                JsonTemplate::List(vec![
                    JsonTemplate::Text(template("{user}")),
                    JsonTemplate::Bare(template("{company}")),
                ]),
            ),
            ("gone".into(), JsonTemplate::Text(template("{nothing}"))),
        ]);
        let value = body.fill(&Scope { layers: &[&names], correlation: "" }).unwrap().unwrap();
        assert_eq!(value.to_string(), r#"{"params":["ann",1]}"#);
    }
}
