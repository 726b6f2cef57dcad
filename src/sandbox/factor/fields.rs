//! Tables of what a body may hold, and what is wrong with one that came.
//!
//! A field that no table knows is a problem too: a misspelt optional one would else be lost without a word.

use std::fmt;

use chrono::DateTime;
use serde_json::Value;

/// What a value has to be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text that is not empty.
    Text,
    /// A whole number, written as one.
    Whole,
    /// A number above zero.
    AboveZero,
    /// True or false.
    Flag,
    /// A moment with its offset, RFC 3339.
    Moment,
    /// Any object.
    Anything,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// One of these numbers.
    Among(&'static [i64]),
    /// A text of a form, and the form's name.
    Like(fn(&str) -> bool, &'static str),
    /// An object of these fields.
    Of(&'static [Field]),
    /// A list of such values.
    List(&'static Kind),
    /// A list of such values, and one at least.
    Filled(&'static Kind),
}

/// Whether a field has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It has to.
    Must,
    /// It may be left out.
    May,
    /// It may be left out or be null.
    MayBeNull,
}

/// A field's name, what it holds, and whether it has to be there.
pub type Field = (&'static str, Kind, Need);

/// One thing that is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path of the field.
    pub field: String,
    /// What is wrong.
    pub wrong: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.wrong)
    }
}

/// Everything that is wrong with a body; `at` is its path, empty for the outermost.
pub fn check(at: &str, body: &Value, fields: &[Field]) -> Vec<Problem> {
    let place = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    let Some(given) = body.as_object() else {
        return vec![Problem { field: at.to_owned(), wrong: "must be an object" }];
    };
    let unknown = given.keys().filter(|name| !fields.iter().any(|(known, ..)| name == known));
    let mut problems: Vec<Problem> =
        unknown.map(|name| Problem { field: place(name), wrong: "is not known" }).collect();
    for (name, kind, need) in fields {
        match (given.get(*name), need) {
            (None, Need::Must) => problems.push(Problem { field: place(name), wrong: "is required" }),
            (None, Need::May | Need::MayBeNull) | (Some(Value::Null), Need::MayBeNull) => {}
            (Some(value), Need::Must | Need::May | Need::MayBeNull) => {
                problems.extend(check_value(&place(name), value, *kind));
            }
        }
    }
    problems
}

fn check_value(at: &str, value: &Value, kind: Kind) -> Vec<Problem> {
    let text = value.as_str();
    let (good, wrong) = match kind {
        Kind::Text => (text.is_some_and(|text| !text.trim().is_empty()), "must be a text that is not empty"),
        Kind::Whole => (value.as_i64().is_some(), "must be a whole number"),
        Kind::AboveZero => (is_above_zero(value), "must be a number above zero"),
        Kind::Flag => (value.is_boolean(), "must be true or false"),
        Kind::Moment => {
            let is_moment = text.is_some_and(|text| DateTime::parse_from_rfc3339(text).is_ok());
            (is_moment, "must be a date with time and offset")
        }
        Kind::Anything => (value.is_object(), "must be an object"),
        Kind::OneOf(known) => {
            (text.is_some_and(|text| known.contains(&text)), "has a value that is not allowed")
        }
        Kind::Among(known) => {
            (value.as_i64().is_some_and(|number| known.contains(&number)), "has a value that is not allowed")
        }
        Kind::Like(is_like, form) => (text.is_some_and(is_like), form),
        Kind::Of(fields) => return check(at, value, fields),
        Kind::Filled(_) if value.as_array().is_some_and(Vec::is_empty) => (false, "must not be empty"),
        Kind::List(kind) | Kind::Filled(kind) => {
            let Some(values) = value.as_array() else {
                return vec![Problem { field: at.to_owned(), wrong: "must be a list" }];
            };
            let each = values.iter().enumerate();
            return each
                .flat_map(|(index, value)| check_value(&format!("{at}.{index}"), value, *kind))
                .collect();
        }
    };
    if good { Vec::new() } else { vec![Problem { field: at.to_owned(), wrong }] }
}

fn is_above_zero(value: &Value) -> bool {
    let Some(number) = value.as_number().map(ToString::to_string) else { return false };
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    !number.starts_with('-') && mantissa.contains(|digit: char| ('1'..='9').contains(&digit))
}

/// Whether a text is an IBAN without spaces whose check digits are right (ISO 13616).
pub fn is_iban(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let Some((head, rest)) = text.split_at_checked(4).filter(|_| plain && (15..=34).contains(&text.len()))
    else {
        return false;
    };
    let rest_of = rest.chars().chain(head.chars()).fold(0, |sum: u32, sign| {
        let value = sign.to_digit(36).unwrap_or(0);
        let shift = if value < 10 { 10 } else { 100 };
        (sum * shift + value) % 97
    });
    rest_of == 1
}
