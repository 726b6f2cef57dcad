//! JSON with its decimals kept as text.

use super::Value;

/// Parses one JSON document.
///
/// # Errors
/// What the parser said, with the byte offset.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    jaq_json::read::parse_single(bytes).map_err(|error| error.to_string())
}

/// A text value.
#[must_use]
pub fn text(text: &str) -> Value {
    Value::utf8_str(text.to_owned())
}

/// A number value that keeps the digits it is given; `None` when the text is not a JSON number.
#[must_use]
pub fn number(digits: &str) -> Option<Value> {
    jaq_json::read::parse_single_num(digits.as_bytes()).map(Value::Num)
}

/// An object from pairs.
#[must_use]
pub fn object(pairs: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::obj(pairs.into_iter().map(|(key, value)| (text(&key), value)).collect())
}

/// The text of a scalar: strings as they are, numbers with the digits they came with, booleans as words.
///
/// `None` for null, the empty string, arrays and objects: in the answers of partners an empty string means "nothing".
#[must_use]
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Arr(_) | Value::Obj(_) => None,
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Num(number) => Some(number.to_string()),
        Value::BStr(bytes) | Value::TStr(bytes) => {
            let text = String::from_utf8_lossy(bytes).trim().to_owned();
            (!text.is_empty()).then_some(text)
        }
    }
}

/// The value of a key of an object.
#[must_use]
pub fn get<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Obj(map) => map.get(&text(key)),
        Value::Null | Value::Bool(_) | Value::Num(_) | Value::BStr(_) | Value::TStr(_) | Value::Arr(_) => {
            None
        }
    }
}

/// A step of a path: a key of an object or an index of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Key of an object.
    Key(String),
    /// Index of an array, from 0.
    Index(usize),
}

/// A place in a tree: `a.b[0].c`, a JSON pointer (`/party./name`) where a key has a dot, or `.` for the tree itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// Reads the notation.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        if text == "." {
            return Ok(Self(steps));
        }
        if let Some(pointer) = text.strip_prefix('/') {
            for part in pointer.split('/') {
                let key = part.replace("~1", "/").replace("~0", "~");
                steps.push(key.parse().map_or(Step::Key(key), Step::Index));
            }
            return Ok(Self(steps));
        }
        for part in text.split('.') {
            let (key, mut rest) = part.split_once('[').map_or((part, ""), |(key, rest)| (key, rest));
            if key.is_empty() && rest.is_empty() {
                return Err(format!(
                    "\"{text}\" has an empty step; write a JSON pointer (/a./b) for keys with dots"
                ));
            }
            if !key.is_empty() {
                steps.push(Step::Key(key.to_owned()));
            }
            while !rest.is_empty() {
                let (index, tail) =
                    rest.split_once(']').ok_or_else(|| format!("\"{text}\" has no closing bracket"))?;
                let index =
                    index.parse().map_err(|_| format!("\"[{index}]\" in \"{text}\" is not an index"))?;
                steps.push(Step::Index(index));
                rest = tail.strip_prefix('[').unwrap_or("");
            }
        }
        Ok(Self(steps))
    }

    /// Follows the path; `None` where a step leads nowhere.
    #[must_use]
    pub fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |at, step| match (step, at) {
            (Step::Key(key), _) => get(at, key),
            (Step::Index(index), Value::Arr(list)) => list.get(*index),
            (Step::Index(index), _) => get(at, &index.to_string()),
        })
    }

    /// The first step as a key, for reports on what a mapping uses.
    #[must_use]
    pub fn first_key(&self) -> Option<&str> {
        match self.0.first() {
            Some(Step::Key(key)) => Some(key),
            Some(Step::Index(_)) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(doc: &str, path: &str) -> Option<String> {
        Path::parse(path).unwrap().find(&parse(doc.as_bytes()).unwrap()).and_then(scalar)
    }

    #[test]
    fn decimals_keep_their_text() {
        let doc = r#"{"a":{"b":[185.28000000,123456789012345678.91,1e5]},"party.":{"code":"00012"}}"#;
        assert_eq!(at(doc, "a.b[0]").as_deref(), Some("185.28000000"));
        assert_eq!(at(doc, "a.b[1]").as_deref(), Some("123456789012345678.91"));
        assert_eq!(at(doc, "/party./code").as_deref(), Some("00012"));
        assert_eq!(at(doc, "a.x.y"), None);
    }

    #[test]
    fn an_empty_string_is_nothing() {
        assert_eq!(at(r#"{"a":""}"#, "a"), None);
        assert_eq!(at(r#"{"a":"  "}"#, "a"), None);
        assert_eq!(at(r#"{"a":false}"#, "a").as_deref(), Some("false"));
    }

    #[test]
    fn a_path_that_cannot_be_is_refused() {
        assert!(Path::parse("a..b").is_err());
        assert!(Path::parse("a[x]").is_err());
        assert!(Path::parse("a[1").is_err());
    }

    #[test]
    fn numbers_are_written_back_with_their_digits() {
        let value = object([("n".to_owned(), number("35000.00").unwrap())]);
        assert_eq!(value.to_string(), r#"{"n":35000.00}"#);
    }
}
