//! Reading tables of TOML so that every problem is told, each with its place, and unknown keys with the known ones.
//!
//! Invariant: a key that nobody asked for is a problem, so that a misspelt one never passes for an absent one.

use std::cell::RefCell;
use std::ops::Range;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::toml::Problem;

/// A file that is being read.
pub(crate) struct Reader<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    pub(crate) problems: RefCell<Vec<Problem>>,
}

impl Reader<'_> {
    pub(crate) fn problem(&self, span: Range<usize>, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem::at(self.file, self.text, Some(span), message));
    }
}

/// A table, with the keys that were asked for.
pub(crate) struct Section<'a> {
    pub(crate) reader: &'a Reader<'a>,
    pub(crate) span: Range<usize>,
    table: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    pub(crate) const fn new(reader: &'a Reader<'a>, table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        Self { reader, span, table, asked: RefCell::new(Vec::new()) }
    }

    pub(crate) fn problem(&self, span: Range<usize>, message: impl Into<String>) {
        self.reader.problem(span, message);
    }

    pub(crate) fn entry(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, Range<usize>, &'a Spanned<DeValue<'a>>)> {
        self.table.iter().map(|(name, value)| (name.get_ref().as_ref(), name.span(), value))
    }

    /// A key that must be there.
    pub(crate) fn required<T>(&self, key: &'static str, found: Option<T>) -> Option<T> {
        if found.is_none() && !self.table.iter().any(|(name, _)| name.get_ref() == key) {
            self.problem(self.span.clone(), format!("\"{key}\" is missing here"));
        }
        found
    }

    /// What a key holds, read by `read`, which says what it expected.
    pub(crate) fn read<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.entry(key)?;
        self.place(value, read)
    }

    pub(crate) fn place<T>(
        &self,
        value: &'a Spanned<DeValue<'a>>,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, String>,
    ) -> Option<T> {
        match read(value.get_ref()) {
            Ok(found) => Some(found),
            Err(message) => {
                self.problem(value.span(), message);
                None
            }
        }
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.read(key, |value| text(value).map(str::to_owned))
    }

    pub(crate) fn integer(&self, key: &'static str) -> Option<u64> {
        self.read(key, integer)
    }

    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        self.read(key, |value| value.as_bool().ok_or_else(|| "expected true or false".to_owned()))
    }

    /// A text, or a list of texts.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<String> {
        self.read(key, texts).unwrap_or_default()
    }

    /// A word of a closed list.
    pub(crate) fn word<T: Copy>(&self, key: &'static str, known: &[(&str, T)]) -> Option<T> {
        self.read(key, |value| {
            let word = text(value)?;
            known.iter().find(|(name, _)| *name == word).map(|(_, meaning)| *meaning).ok_or_else(|| {
                let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
                format!("\"{word}\" is not known here; it is one of {}", names.join(", "))
            })
        })
    }

    /// A table within this one.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.entry(key)?;
        self.as_section(value)
    }

    pub(crate) fn as_section(&self, value: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        let table =
            self.place(value, |value| value.as_table().ok_or_else(|| "expected a table".to_owned()))?;
        Some(Section::new(self.reader, table, value.span()))
    }

    /// The tables of a list.
    pub(crate) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let list =
            self.read(key, |value| value.as_array().ok_or_else(|| "expected a list of tables".to_owned()));
        list.into_iter().flat_map(|list| list.iter()).filter_map(|value| self.as_section(value)).collect()
    }

    /// Tells the keys that nobody asked for.
    pub(crate) fn close(self) {
        let asked = self.asked.borrow();
        for (name, span, _) in self.entries() {
            if !asked.contains(&name) {
                let mut known: Vec<&str> = asked.to_vec();
                known.sort_unstable();
                known.dedup();
                self.problem(span, format!("unknown key \"{name}\", expected one of: {}", known.join(", ")));
            }
        }
    }
}

pub(crate) fn text<'a>(value: &'a DeValue<'a>) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| "expected a text".to_owned())
}

pub(crate) fn integer(value: &DeValue<'_>) -> Result<u64, String> {
    value
        .as_integer()
        .and_then(|number| u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok())
        .ok_or_else(|| "expected a whole number from 0".to_owned())
}

pub(crate) fn integers(value: &DeValue<'_>) -> Result<Vec<u64>, String> {
    match value.as_array() {
        Some(list) => list.iter().map(|item| integer(item.get_ref())).collect(),
        None => Ok(vec![integer(value)?]),
    }
}

pub(crate) fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    match value.as_array() {
        Some(list) => list.iter().map(|item| text(item.get_ref()).map(str::to_owned)).collect(),
        None => {
            Ok(vec![text(value).map_err(|_| "expected a text or a list of texts".to_owned())?.to_owned()])
        }
    }
}
