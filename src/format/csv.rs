//! Delimited files, streamed.
//!
//! Any delimiter, encoding and preamble. A row that does not fit the header is one bad row; a file that ends in the
//! middle of a row, or whose delimiter is not the declared one, is refused whole.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;
use serde::Deserialize;

use super::{Error, Header};

/// How a delimited file is written.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The sign between fields; `auto` counts the usual ones in the header line.
    pub delimiter: String,
    /// `auto` (UTF-8 where valid, else Windows-1252) or a label such as `iso-8859-15`.
    pub encoding: String,
    /// Lines to pass over before the header.
    pub skip_lines: usize,
    /// Column names, for a file without a header line.
    pub columns: Option<Vec<String>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { delimiter: "auto".into(), encoding: "auto".into(), skip_lines: 0, columns: None }
    }
}

/// What reading the next row gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The row is in the buffer; the line it starts on.
    Row(u64),
    /// The row does not fit the header: line, reason. The buffer holds what was read.
    Bad(u64, String),
    /// There are no more rows.
    End,
}

/// A delimited file, one row at a time.
pub struct Rows {
    name: Arc<str>,
    header: Arc<Header>,
    reader: csv::Reader<Box<dyn Read + Send>>,
    line_offset: u64,
    ends_with_newline: bool,
    /// A row read ahead, to learn whether a bad one is the last.
    ahead: Option<StringRecord>,
}

const DELIMITERS: [u8; 4] = [b';', b',', b'\t', b'|'];

impl Rows {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`Error::Read`] when the system refuses, [`Error::Refused`] when the encoding label is unknown, the file is
    /// empty, or the declared delimiter is not the one in the header.
    pub fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let read_error = |error| Error::Read { source_name: path.display().to_string(), error };
        let utf8 = if options.encoding == "auto" {
            is_utf8(File::open(path).map_err(read_error)?).map_err(read_error)?
        } else {
            false
        };
        let ends_with_newline = ends_with_newline(path).map_err(read_error)?;
        let file = File::open(path).map_err(read_error)?;
        Self::new(name, Box::new(file), utf8, ends_with_newline, options)
    }

    /// Reads rows from bytes in memory.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub fn of_bytes(name: &str, bytes: Vec<u8>, options: &Options) -> Result<Self, Error> {
        let utf8 = options.encoding == "auto" && std::str::from_utf8(&bytes).is_ok();
        let newline = matches!(bytes.last(), None | Some(b'\n' | b'\r'));
        Self::new(name.to_owned(), Box::new(std::io::Cursor::new(bytes)), utf8, newline, options)
    }

    fn new(
        name: String,
        source: Box<dyn Read + Send>,
        utf8: bool,
        ends_with_newline: bool,
        options: &Options,
    ) -> Result<Self, Error> {
        let io = |error| Error::Read { source_name: name.clone(), error };
        let mut source: Box<dyn Read + Send> = if utf8 {
            source
        } else {
            let label = if options.encoding == "auto" { "windows-1252" } else { options.encoding.as_str() };
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).ok_or_else(|| {
                Error::refused(
                    &name,
                    format!("\"{label}\" is not an encoding; try utf-8, windows-1252 or iso-8859-15"),
                )
            })?;
            Box::new(Decoded::new(source, encoding))
        };
        let mut source: Box<dyn Read + Send> = {
            let mut head = Vec::new();
            source.by_ref().take(3).read_to_end(&mut head).map_err(io)?;
            let head = head.strip_prefix(b"\xef\xbb\xbf").map_or(head.clone(), <[u8]>::to_vec);
            Box::new(std::io::Cursor::new(head).chain(source))
        };
        let mut line_offset = 0;
        for _ in 0..options.skip_lines {
            read_line(&mut source).map_err(io)?;
            line_offset += 1;
        }
        let mut head = read_line(&mut source).map_err(io)?;
        let mut declared = None;
        if let Some(sign) = head.strip_prefix(b"sep=").and_then(<[u8]>::first).copied() {
            declared = Some(sign);
            head = read_line(&mut source).map_err(io)?;
            line_offset += 1;
        }
        if head.is_empty() {
            return Err(Error::refused(&name, "it is empty; an export without rows still has a header line"));
        }
        let seen = |sign: u8| head.iter().filter(|b| **b == sign).count();
        let found = DELIMITERS.into_iter().max_by_key(|sign| (seen(*sign), std::cmp::Reverse(*sign)));
        let delimiter = match options.delimiter.as_str() {
            "auto" => declared.or(found).unwrap_or(b';'),
            "tab" | "\t" => b'\t',
            text => match text.as_bytes() {
                [one] => *one,
                _ => {
                    return Err(Error::refused(
                        &name,
                        format!("\"{text}\" is not a delimiter: one sign, `tab` or `auto`"),
                    ));
                }
            },
        };
        if let Some(other) = found.filter(|other| seen(delimiter) == 0 && seen(*other) > 1) {
            let (want, have) = (char::from(delimiter), char::from(other));
            let reason = format!(
                "the header line has no \"{}\" but {} times \"{}\"; set the delimiter of the connection",
                want.escape_debug(),
                seen(other),
                have.escape_debug()
            );
            return Err(Error::refused(&name, reason));
        }
        let builder = {
            let mut builder = csv::ReaderBuilder::new();
            builder.delimiter(delimiter).flexible(true).has_headers(false).buffer_capacity(1 << 18);
            builder
        };
        let names = match &options.columns {
            Some(columns) => {
                source = Box::new(std::io::Cursor::new([head.as_slice(), b"\n"].concat()).chain(source));
                columns.clone()
            }
            None => {
                line_offset += 1;
                let mut row = StringRecord::new();
                let mut reader = builder.from_reader(head.as_slice());
                reader
                    .read_record(&mut row)
                    .map_err(|e| Error::refused(&name, format!("its header line: {e}")))?;
                row.iter().map(|name| name.trim().to_owned()).collect()
            }
        };
        let reader = builder.from_reader(source);
        Ok(Self {
            name: name.into(),
            header: Arc::new(Header::new(names)),
            reader,
            line_offset,
            ends_with_newline,
            ahead: None,
        })
    }

    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The column names.
    #[must_use]
    pub fn header(&self) -> Arc<Header> {
        Arc::clone(&self.header)
    }

    /// Reads the next row that is not blank into `row`.
    ///
    /// # Errors
    /// [`Error::Refused`] when the file ends inside a row: it was cut, and what it lost is not known.
    pub fn next(&mut self, row: &mut StringRecord) -> Result<Next, Error> {
        loop {
            if !self.read(row)? {
                return Ok(Next::End);
            }
            if row.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            let line = row.position().map_or(0, csv::Position::line) + self.line_offset;
            let (have, want) = (row.len(), self.header.names().len());
            if have == want {
                return Ok(Next::Row(line));
            }
            let mut ahead = StringRecord::new();
            if self.read(&mut ahead)? {
                self.ahead = Some(ahead);
            } else if !self.ends_with_newline || row.iter().any(|field| field.contains('\n')) {
                let reason = format!(
                    "its last row, on line {line}, has {have} of {want} fields and no end: the file was cut; export it again"
                );
                return Err(Error::refused(self.name.as_ref(), reason));
            }
            return Ok(Next::Bad(line, format!("the row has {have} fields, the header {want}")));
        }
    }

    fn read(&mut self, row: &mut StringRecord) -> Result<bool, Error> {
        if let Some(ahead) = self.ahead.take() {
            *row = ahead;
            return Ok(true);
        }
        self.reader.read_record(row).map_err(|error| {
            Error::refused(
                self.name.as_ref(),
                format!("it cannot be read as text: {error}; set its encoding"),
            )
        })
    }
}

fn is_utf8(mut file: File) -> std::io::Result<bool> {
    let mut buffer = vec![0; 1 << 18];
    let mut kept = 0;
    loop {
        let read = file.read(buffer.get_mut(kept..).unwrap_or_default())?;
        let filled = kept + read;
        let chunk = buffer.get(..filled).unwrap_or_default();
        match std::str::from_utf8(chunk) {
            Ok(_) if read == 0 => return Ok(true),
            Ok(_) => kept = 0,
            Err(error) if error.error_len().is_some() || read == 0 => return Ok(false),
            Err(error) => {
                kept = filled - error.valid_up_to();
                buffer.copy_within(error.valid_up_to()..filled, 0);
            }
        }
    }
}

fn ends_with_newline(path: &Path) -> std::io::Result<bool> {
    use std::io::{Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(matches!(last, [b'\n' | b'\r']))
}

/// Reads up to and without the end of line, byte by byte: only for the few lines before the rows.
fn read_line(source: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while source.read(&mut byte)? == 1 {
        match byte {
            [b'\n'] => break,
            [other] => line.push(other),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

/// Text of another encoding, as UTF-8.
struct Decoded {
    source: BufReader<Box<dyn Read + Send>>,
    decoder: encoding_rs::Decoder,
    out: std::io::Cursor<Vec<u8>>,
    done: bool,
}

impl Decoded {
    fn new(source: Box<dyn Read + Send>, encoding: &'static encoding_rs::Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self {
            source: BufReader::with_capacity(1 << 17, source),
            decoder,
            out: std::io::Cursor::default(),
            done: false,
        }
    }
}

impl Read for Decoded {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        use std::io::BufRead as _;
        loop {
            let read = self.out.read(buf)?;
            if read > 0 || self.done || buf.is_empty() {
                return Ok(read);
            }
            let input = self.source.fill_buf()?;
            let (used, last) = (input.len(), input.is_empty());
            let mut text =
                String::with_capacity(self.decoder.max_utf8_buffer_length(used).unwrap_or(used * 3 + 16));
            let (_, _, _) = self.decoder.decode_to_string(input, &mut text, last);
            self.source.consume(used);
            self.done = last;
            self.out = std::io::Cursor::new(text.into_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(bytes: &[u8], options: &Options) -> Result<Vec<Vec<String>>, String> {
        let mut rows = Rows::of_bytes("f.csv", bytes.to_vec(), options).map_err(|e| e.to_string())?;
        let mut out = vec![rows.header().names().to_vec()];
        let mut row = StringRecord::new();
        loop {
            match rows.next(&mut row).map_err(|e| e.to_string())? {
                Next::End => return Ok(out),
                Next::Row(_) => out.push(row.iter().map(str::to_owned).collect()),
                Next::Bad(line, reason) => out.push(vec![format!("bad {line}"), reason]),
            }
        }
    }

    #[test]
    fn windows_1252_with_semicolons_is_read_without_being_told() {
        let read =
            rows(b"Pi\xe8ce;Montant\r\n00012;1 234,56\r\n;;\r\n1E5;0,00\r\n", &Options::default()).unwrap();
        assert_eq!(
            read,
            [["Pièce", "Montant"], ["00012", "1 234,56"], ["1E5", "0,00"]]
                .map(|r| r.map(String::from).to_vec())
                .to_vec()
        );
    }

    #[test]
    fn a_utf8_mark_and_a_sep_line_are_no_data() {
        let read = rows("\u{feff}sep=|\na|b\n1|2\n".as_bytes(), &Options::default()).unwrap();
        assert_eq!(read, [["a", "b"], ["1", "2"]].map(|r| r.map(String::from).to_vec()).to_vec());
    }

    #[test]
    fn a_short_row_is_one_bad_row_with_its_line() {
        let read = rows(b"a;b\n1\n3;4\n", &Options::default()).unwrap();
        assert_eq!(read[1], ["bad 2", "the row has 1 fields, the header 2"]);
        assert_eq!(read[2], ["3", "4"]);
    }

    #[test]
    fn a_cut_file_is_refused_whole() {
        let error = rows(b"a;b;c\n1;2;3\n4;5", &Options::default()).unwrap_err();
        assert!(error.contains("line 3") && error.contains("cut"), "{error}");
        let error = rows(b"a;b;c\n1;2;3\n4;\"5;6\n7;8;9\n", &Options::default()).unwrap_err();
        assert!(error.contains("cut"), "an open quote swallows the rest: {error}");
    }

    #[test]
    fn a_wrong_delimiter_is_refused_with_the_one_that_was_seen() {
        let options = Options { delimiter: ",".into(), ..Options::default() };
        let error = rows(b"a;b;c\n1;2;3\n", &options).unwrap_err();
        assert!(error.contains("2 times \";\""), "{error}");
    }

    #[test]
    fn an_empty_file_is_not_an_empty_ledger() {
        assert!(rows(b"", &Options::default()).unwrap_err().contains("empty"));
    }

    #[test]
    fn names_can_be_given_for_a_file_without_header() {
        let options =
            Options { columns: Some(vec!["x".into(), "y".into()]), skip_lines: 1, ..Options::default() };
        assert_eq!(rows(b"Title\n1;2\n", &options).unwrap()[1], ["1", "2"]);
    }

    #[test]
    fn long_utf8_is_recognised_over_the_borders_of_the_buffer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("big.csv");
        let text = format!("a;b\n{}\n", "é;ü\n".repeat(200_000));
        std::fs::write(&path, &text).unwrap();
        assert!(is_utf8(File::open(&path).unwrap()).unwrap());
        let mut latin = text.into_bytes();
        latin.extend_from_slice(b"\xe9;x\n");
        std::fs::write(&path, latin).unwrap();
        assert!(!is_utf8(File::open(&path).unwrap()).unwrap());
    }
}
