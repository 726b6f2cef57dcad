//! One rule: where a field comes from and how its text is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::filter::Filter;
use crate::format::json::Path;
use crate::model::{Date, NumberStyle};

/// A table of codes: theirs to ours.
pub(super) type Codes = Arc<BTreeMap<String, String>>;

/// A path into a record: a column of a row, or steps into a tree.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    /// As written.
    pub(super) raw: String,
    /// As steps; a name that is no path notation can still be a column.
    pub(super) tree: Option<Path>,
    /// Its place in the columns that [`super::Bound`] resolved.
    pub(super) slot: usize,
}

/// Where the text of a field comes from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// The first of these that has something.
    Paths(Vec<Reference>),
    /// Always this text.
    Const(String),
    /// A setting of the connection.
    Setting(String),
    /// What a filter gives.
    Jq(Filter),
}

/// How dates are written, as positions of year, month and day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DateStyle {
    pub(super) pattern: String,
}

impl DateStyle {
    /// Reads a pattern of `YYYY`, `MM`, `DD` and separators.
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        let rest = ["YYYY", "MM", "DD"].iter().try_fold(pattern.to_owned(), |rest, part| {
            (rest.matches(part).count() == 1).then(|| rest.replacen(part, "", 1))
        });
        match rest {
            Some(rest) if !rest.contains(char::is_alphanumeric) && pattern.is_ascii() => {
                Ok(Self { pattern: pattern.to_owned() })
            }
            _ => Err(format!(
                "\"{pattern}\" is not a date pattern; write for example DD/MM/YYYY, YYYY-MM-DD or YYYYMMDD"
            )),
        }
    }

    /// Reads a date. A timestamp keeps its printed date part: partners mix UTC and local time in one list.
    pub(super) fn read(&self, text: &str) -> Option<Date> {
        let (mut year, mut month, mut day) = (0_i32, 0_u32, 0_u32);
        let (pattern, bytes) = (self.pattern.as_bytes(), text.as_bytes());
        for (at, sign) in pattern.iter().enumerate() {
            let byte = bytes.get(at)?;
            let digit = || byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
            match sign {
                b'Y' => year = year * 10 + i32::try_from(digit()?).ok()?,
                b'M' => month = month * 10 + digit()?,
                b'D' => day = day * 10 + digit()?,
                other if other == byte => {}
                _ => return None,
            }
        }
        match bytes.get(pattern.len()) {
            None | Some(b'T' | b' ') => Date::from_ymd_opt(year, month, day),
            Some(_) => None,
        }
    }
}

/// How numbers are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decimal {
    /// Always so.
    Fixed(NumberStyle),
    /// As a setting of the connection says: `point` or `comma`.
    Setting(String),
}

/// What stands for a field that has nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// This text.
    Text(String),
    /// The value of a setting of the connection.
    Setting(String),
}

/// The rule of one field.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) source: Source,
    pub(super) codes: Option<(String, Codes)>,
    pub(super) dates: Vec<DateStyle>,
    pub(super) style: Decimal,
    /// Where the currency of this amount is, when it is not the record's.
    pub(super) currency: Option<Reference>,
    /// An amount to take off: debit less credit.
    pub(super) minus: Option<Reference>,
    pub(super) default: Option<Otherwise>,
    /// Rules of the parts, for a list; by index of the part's field.
    pub(super) parts: Vec<Option<Rule>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, text: &str) -> Option<String> {
        DateStyle::parse(pattern).unwrap().read(text).map(|d| d.to_string())
    }

    #[test]
    fn dates_follow_their_pattern() {
        assert_eq!(read("DD/MM/YYYY", "31/12/2026").as_deref(), Some("2026-12-31"));
        assert_eq!(read("YYYYMMDD", "20261231").as_deref(), Some("2026-12-31"));
        assert_eq!(read("YYYY-MM-DD", "2026-07-10T00:00:00+01:00").as_deref(), Some("2026-07-10"));
        for (pattern, text) in [
            ("DD/MM/YYYY", "31/02/2026"),
            ("DD/MM/YYYY", "2026-12-31"),
            ("DD/MM/YYYY", "1/2/2026"),
            ("YYYYMMDD", "202612311"),
            ("YYYY-MM-DD", ""),
        ] {
            assert_eq!(read(pattern, text), None, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_without_a_day_is_refused() {
        for pattern in ["MM/YYYY", "DD/MM/YY", "jj/mm/aaaa", ""] {
            assert!(DateStyle::parse(pattern).is_err(), "{pattern}");
        }
    }
}
