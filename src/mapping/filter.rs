//! The `jq` escape: filters compiled once, run in process, without I/O.
//!
//! For shapes, never for sums: jq computes in floats, so amounts must pass through it untouched. What reaches outside
//! (`env`, `input`, `halt`, `now`) and the loops without a bound are refused by name when the filter is loaded.

use std::fmt;
use std::sync::Arc;

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars};

use crate::format::Value;

/// Names that reach outside of the filter or may never end.
const REFUSED: &[&str] = &[
    "env",
    "$ENV",
    "halt",
    "halt_error",
    "input",
    "inputs",
    "input_filename",
    "debug",
    "stderr",
    "now",
    "repeat",
    "while",
    "until",
    "recurse",
];

/// A filter cannot give more values than this for one record.
const OUTPUTS_MAX: usize = 100_000;

/// A compiled filter. Cloning is cheap.
#[derive(Clone)]
pub struct Filter {
    code: Arc<str>,
    compiled: Arc<jaq_core::Filter<JustLut<Value>>>,
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jq({})", self.code)
    }
}

impl Filter {
    /// Compiles a filter.
    ///
    /// # Errors
    /// A sentence: what does not parse, which name is unknown or refused.
    pub fn parse(code: &str) -> Result<Self, String> {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        if let Some(name) = code.split(|c: char| !word(c)).find(|w| REFUSED.contains(w)) {
            return Err(format!(
                "`{name}` is not allowed in a mapping: a filter has no world around it and must end"
            ));
        }
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let funs = jaq_core::funs().chain(jaq_std::funs().filter(|f| f.0 != "env")).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(defs)
            .load(&arena, File { code, path: () })
            .map_err(|errors| format!("the filter does not parse: {}", first_load_error(&errors)))?;
        let compiled = Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
            let unknown: Vec<String> =
                errors.into_iter().flat_map(|(_, list)| list).map(|(name, _)| name.to_owned()).collect();
            format!("the filter uses what is not there: {}", unknown.join(", "))
        })?;
        Ok(Self { code: code.into(), compiled: Arc::new(compiled) })
    }

    /// All outputs of the filter for one input.
    ///
    /// # Errors
    /// The error that the filter raised, or that it gave more than 100 000 values.
    pub fn all(&self, input: Value) -> Result<Vec<Value>, String> {
        let context = Ctx::<JustLut<Value>>::new(&self.compiled.lut, Vars::new([]));
        let mut out = Vec::new();
        for result in self.compiled.id.run((context, input)) {
            match result {
                Ok(value) => out.push(value),
                Err(exception) => {
                    return Err(match exception.get_err() {
                        Ok(error) => error.to_string(),
                        Err(_) => "the filter broke off".to_owned(),
                    });
                }
            }
            if out.len() > OUTPUTS_MAX {
                return Err(format!("the filter gives more than {OUTPUTS_MAX} values"));
            }
        }
        Ok(out)
    }

    /// The first output, if any.
    ///
    /// # Errors
    /// As [`Filter::all`].
    pub fn first(&self, input: Value) -> Result<Option<Value>, String> {
        Ok(self.all(input)?.into_iter().next())
    }
}

fn first_load_error<P>(errors: &[(File<&str, P>, jaq_core::load::Error<&str>)]) -> String {
    use jaq_core::load::Error;
    let Some((_, error)) = errors.first() else { return "unknown reason".to_owned() };
    let near = |text: &str| {
        let text: String = text.chars().take(30).collect();
        if text.is_empty() { "its end".to_owned() } else { format!("`{text}`") }
    };
    match error {
        Error::Io(list) => list.first().map_or_else(String::new, |(path, why)| format!("{path}: {why}")),
        Error::Lex(list) => list
            .first()
            .map_or_else(String::new, |(want, at)| format!("expected {} near {}", want.as_str(), near(at))),
        Error::Parse(list) => list
            .first()
            .map_or_else(String::new, |(want, at)| format!("expected {} near {}", want.as_str(), near(at))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::json;

    fn run(code: &str, input: &str) -> Result<String, String> {
        let out = Filter::parse(code)?.all(json::parse(input.as_bytes())?)?;
        Ok(out.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn decimals_pass_through_untouched() {
        assert_eq!(
            run(".a, .b", r#"{"a":1.10,"b":123456789012345678.91}"#).unwrap(),
            "1.10 123456789012345678.91"
        );
    }

    #[test]
    fn the_world_is_out_of_reach() {
        for code in ["env", "$ENV.PATH", "halt", "[repeat(1)]", "input", "debug"] {
            assert!(Filter::parse(code).is_err(), "{code}");
        }
        assert!(Filter::parse(".environment, .halted").is_ok(), "whole words only");
    }

    #[test]
    fn an_error_is_a_sentence() {
        assert!(run(".a | nosuch", "{}").unwrap_err().contains("nosuch"));
        assert!(run(".a |", "{}").unwrap_err().contains("its end"));
        assert!(run("error(\"x\")", "{}").unwrap_err().contains('x'));
        assert!(run("[range(200000)] | .[]", "null").unwrap_err().contains("more than"));
    }
}
