//! Files of records of several kinds, one a line, each with fields of its own: what they mean is said by the first field.
//!
//! A line becomes `{ "line": 3, "fields": ["221", …], "parts": […] }`, where `parts` are the lines below it whose kind is declared to be a
//! part. Fields are separated, never quoted, and blanks around them are taken off. Nothing is passed over but blank lines and comments.
//! Reference: docs/connectors.md, "Reading files".

use encoding_rs::Encoding;

use super::{Value, decode, json};

/// The largest file.
const BYTES_MAX: usize = 64 << 20;

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The sign between fields; `tab` too.
    pub delimiter: String,
    /// What a line begins with that is a comment; none when empty.
    pub comment: String,
    /// The label of the encoding; `auto` for UTF-8, or Windows-1252 where it is not valid UTF-8.
    pub encoding: String,
    /// First fields of lines that are parts of the line before.
    pub parts: Vec<String>,
}

/// Parses a file into a list of its lines.
///
/// # Errors
/// What is wrong with it or with the options.
pub fn parse(bytes: &[u8], options: &Options) -> Result<Value, String> {
    if bytes.len() > BYTES_MAX {
        return Err(format!(
            "it has {} bytes; {BYTES_MAX} are the most for a file of this kind",
            bytes.len()
        ));
    }
    let text = match options.encoding.as_str() {
        "auto" => decode(bytes),
        label => {
            let encoding = Encoding::for_label(label.as_bytes()).ok_or_else(|| {
                format!("\"{label}\" is not an encoding; try utf-8, windows-1252 or iso-8859-2")
            })?;
            encoding.decode_with_bom_removal(bytes).0
        }
    };
    let delimiter = if options.delimiter == "tab" { "\t" } else { options.delimiter.as_str() };
    if delimiter.chars().count() != 1 {
        return Err(format!("the delimiter \"{delimiter}\" is not one sign"));
    }
    let mut lines: Vec<Line> = Vec::new();
    for (number, text) in (1_u64..).zip(text.lines()) {
        let is_comment = !options.comment.is_empty() && text.starts_with(&options.comment);
        if is_comment || text.trim().is_empty() {
            continue;
        }
        let fields: Vec<Value> = text.split(delimiter).map(|field| json::text(field.trim())).collect();
        let kind = fields.first().and_then(json::scalar).unwrap_or_default();
        let line = Line { number, fields, parts: Vec::new() };
        match lines.last_mut() {
            Some(head) if options.parts.contains(&kind) => head.parts.push(line.value()),
            Some(_) | None => lines.push(line),
        }
    }
    if lines.is_empty() {
        return Err("it has no record".to_owned());
    }
    Ok(lines.into_iter().map(Line::value).collect())
}

struct Line {
    number: u64,
    fields: Vec<Value>,
    parts: Vec<Value>,
}

impl Line {
    fn value(self) -> Value {
        let number = json::number(&self.number.to_string()).unwrap_or(Value::Null);
        let fields = self.fields.into_iter().collect();
        let parts = self.parts.into_iter().collect();
        json::object([
            ("line".to_owned(), number),
            ("fields".to_owned(), fields),
            ("parts".to_owned(), parts),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        let text = str::to_owned;
        Options { delimiter: text("|"), comment: text(";"), encoding: text("auto"), parts: vec![text("222")] }
    }

    fn read(text: &[u8]) -> Result<String, String> {
        parse(text, &options()).map(|value| value.to_string())
    }

    #[test]
    fn a_part_belongs_to_the_line_before() {
        let text = b"000|1\r\n; made by hand | 222\r\n221|0007| 1150.00\r\n222|a\r\n222|b\r\n\r\n221|8\r\n";
        assert_eq!(
            read(text).unwrap(),
            r#"[{"line":1,"fields":["000","1"],"parts":[]},{"line":3,"fields":["221","0007","1150.00"],"parts":[{"line":4,"fields":["222","a"],"parts":[]},{"line":5,"fields":["222","b"],"parts":[]}]},{"line":7,"fields":["221","8"],"parts":[]}]"#
        );
    }

    #[test]
    fn a_part_of_nothing_is_a_line_of_its_own() {
        assert_eq!(read(b"222|a").unwrap(), r#"[{"line":1,"fields":["222","a"],"parts":[]}]"#);
    }

    #[test]
    fn encodings_are_declared_or_found() {
        assert_eq!(read(b"000|\xe9").unwrap(), r#"[{"line":1,"fields":["000","é"],"parts":[]}]"#);
        let czech = Options { encoding: "iso-8859-2".into(), ..options() };
        let value = parse(b"000|\xf8", &czech).unwrap();
        assert_eq!(value.to_string(), r#"[{"line":1,"fields":["000","ř"],"parts":[]}]"#);
        assert!(parse(b"000", &Options { encoding: "klingon".into(), ..options() }).is_err());
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        assert_eq!(read(b"; nothing\n\n").unwrap_err(), "it has no record");
        assert!(
            parse(b"000", &Options { delimiter: "||".into(), ..options() })
                .unwrap_err()
                .contains("not one sign")
        );
    }
}
