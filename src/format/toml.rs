//! TOML files that people write, with errors that point at the line and the column.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;

/// A problem in a file that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
    /// The line itself.
    pub excerpt: String,
}

impl Problem {
    /// Places a message at a range of bytes of `text`.
    #[must_use]
    pub fn at(file: &str, text: &str, span: Option<Range<usize>>, message: impl Into<String>) -> Self {
        let start = span.map_or(0, |span| span.start).min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let excerpt = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).map_or(1, |head| head.chars().count() + 1),
            message: message.into(),
            excerpt: excerpt.to_owned(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        let gutter = self.line.to_string();
        writeln!(f, "  {gutter} | {}", self.excerpt)?;
        write!(f, "  {} | {}^", " ".repeat(gutter.len()), " ".repeat(self.column.saturating_sub(1)))
    }
}

/// Reads a file's text into a type; unknown keys are refused where the type says so.
///
/// # Errors
/// The first problem, placed.
pub fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Problem> {
    ::toml::from_str(text).map_err(|error| Problem::at(file, text, error.span(), error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[allow(dead_code, reason = "only the parsing is under test")]
        name: String,
    }

    #[test]
    fn a_misspelt_key_is_pointed_at() {
        let problem = read::<Sample>("encours.toml", "# été\nname = \"a\"\nnmae = \"b\"\n").unwrap_err();
        assert_eq!((problem.line, problem.column), (3, 1), "{problem}");
        assert!(problem.message.contains("nmae") && problem.message.contains("name"), "{problem}");
        assert!(problem.to_string().contains("3 | nmae = \"b\""), "{problem}");
    }

    #[test]
    fn columns_count_characters() {
        let problem = read::<Sample>("f", "name = \"é\" x\n").unwrap_err();
        assert_eq!((problem.line, problem.column), (1, 12), "{problem}");
    }
}
