//! Bytes to records and back, for formats that many partners share.
//!
//! A record is either a row with named columns or a tree. Its amounts and identifiers are text until a mapping gives
//! them a type: no number passes through a float.

pub mod csv;
pub mod fec;
pub mod json;
pub mod lines;
pub mod pdf;
pub(crate) mod section;
pub mod table;
pub mod toml;
pub mod xlsx;
pub mod xml;
pub mod zip;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A tree of JSON shape that keeps the text of every decimal number.
pub use jaq_json::Val as Value;

/// Where a record stands in its source, so that a person can find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// File name or operation.
    pub source: Arc<str>,
    /// Line of a file, or ordinal of a record in an answer, from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.line)
    }
}

/// Column names of a row source, as they came and folded for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    names: Vec<String>,
    folded: Vec<String>,
}

impl Header {
    /// Takes the names in their order.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        let folded = names.iter().map(|name| fold(name)).collect();
        Self { names, folded }
    }

    /// The names as they came.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The index of a column, by its name without regard to case, accents, blanks and punctuation.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        let wanted = fold(name);
        self.folded.iter().position(|have| *have == wanted)
    }
}

/// One source record, before it means anything.
#[derive(Clone, Copy)]
pub enum Record<'a> {
    /// A row of named columns.
    Row(&'a Header, &'a ::csv::StringRecord),
    /// A tree.
    Tree(&'a Value),
}

impl Record<'_> {
    /// The record as JSON text, for the quarantine and for `jq`.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// The record as a tree; the columns of a row become the keys.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Tree(value) => (*value).clone(),
            Self::Row(header, row) => {
                let pairs = header.names.iter().zip(row.iter());
                Value::obj(pairs.map(|(k, v)| (json::text(k), json::text(v))).collect())
            }
        }
    }
}

/// Why a whole source is refused. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be opened or read.
    #[error("cannot read {source_name}: {error}")]
    Read {
        /// Which source.
        source_name: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is not what the connection declares it to be.
    #[error("{source_name} is refused whole: {reason}")]
    Refused {
        /// Which source.
        source_name: String,
        /// What was found and what to do.
        reason: String,
    },
}

impl Error {
    /// A refusal with its reason.
    pub fn refused(source_name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Refused { source_name: source_name.into(), reason: reason.into() }
    }
}

/// Folds a name for comparison: lower case, no accents, letters and digits only.
#[must_use]
pub fn fold(name: &str) -> String {
    name.chars()
        .flat_map(char::to_lowercase)
        .filter_map(|c| {
            Some(match c {
                'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
                'ç' => 'c',
                'è' | 'é' | 'ê' | 'ë' => 'e',
                'ì' | 'í' | 'î' | 'ï' => 'i',
                'ñ' => 'n',
                'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
                'ù' | 'ú' | 'û' | 'ü' => 'u',
                '°' | 'º' => 'o',
                c if c.is_alphanumeric() || matches!(c, '<' | '>' | '+') => c,
                _ => return None,
            })
        })
        .collect()
}

/// Decodes text whose encoding the source does not declare: UTF-8 where it is valid, else Windows-1252.
///
/// Windows-1252 gives every byte a meaning, and holds all of ISO 8859-1; the euro sign of ISO 8859-15 differs, which is
/// why a connection may name its encoding.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_names_are_found_whatever_the_export_did_to_them() {
        let header = Header::new(vec!["N° Pièce".into(), "Échéance".into(), "> 90 j".into()]);
        assert_eq!(header.index_of("no piece"), Some(0));
        assert_eq!(header.index_of("ECHEANCE"), Some(1));
        assert_eq!(header.index_of(">90j"), Some(2));
        assert_eq!(header.index_of("due"), None);
    }

    #[test]
    fn undeclared_text_is_utf8_or_windows_1252() {
        assert_eq!(decode("\u{feff}é".as_bytes()), "é");
        assert_eq!(decode(b"\x80 \xe9"), "€ é");
    }
}
