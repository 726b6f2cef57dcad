//! Handing a file over to a partner, once.
//!
//! The protocol with whoever keeps a ledger of effects, so that a crash at any point leads to exactly one file:
//!
//! 1. [`Connection::hand_over`] writes the whole file under a hidden name (`.<name>.part`) and makes it durable. The
//!    partner sees nothing.
//! 2. The caller commits "prepared" to its ledger, with the hash.
//! 3. [`Prepared::publish`] renames it to its final name, in one step.
//! 4. The caller commits "done".
//!
//! After a crash [`Connection::handed_over`] says where it stands, and [`HandOver::was_published`] what follows: a hidden
//! file is published again ([`Connection::prepared`]); when there is none and the ledger says "prepared", the rename took
//! place and the partner may have taken the file since; when there is none and the ledger says nothing, it never began. A
//! hidden file that no ledger knows is overwritten by the next `hand_over`.
//! Invariant: the same facts give the same bytes, and no file that the partner may have seen is overwritten.
//! Reference: shared rules, "Effects happen once".

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::connection::Connection;
use super::error::Error;
use super::load::Connector;
use super::manifest::{FileSend, Work};
use super::roles::Kind;
use super::send::translated;
use super::source::number_style;
use crate::format::table::{Cell, CsvStyle, Kind as TableKind, write_csv};
use crate::format::xlsx;
use crate::ids;
use crate::mapping::{Body, RenderError};
use crate::model::Date;
use crate::transport::{Scope, Template, drop};

/// The sheet of a workbook whose manifest names none.
const SHEET: &str = "Encours";

/// A file that is whole and durable under its hidden name, and that the partner does not see yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The name that it gets.
    pub file_name: String,
    /// A hash of its bytes, as 32 hexadecimal digits.
    pub bytes_hash: String,
    /// Where it is now.
    pub part: PathBuf,
    /// Where it goes.
    pub path: PathBuf,
}

pub use crate::transport::drop::Publication;

impl Prepared {
    /// Gives the file its final name. A file of that name is never overwritten: with the same bytes it is the one that was
    /// published before.
    ///
    /// # Errors
    /// [`Error::Folder`]: another file has the name, or the folder is gone.
    pub fn publish(&self) -> Result<Publication, Error> {
        Ok(drop::publish(&self.part, &self.path)?)
    }
}

/// How far a file is that was to be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOver {
    /// There is neither the hidden file nor the final one. Where a ledger says "prepared", that means published and taken:
    /// see [`HandOver::was_published`].
    NotBegun,
    /// The hidden file is there.
    Prepared,
    /// The final file is there.
    Published,
}

impl HandOver {
    /// Whether the partner has, or had, the file; `recorded` says whether the ledger has it as prepared.
    #[must_use]
    pub const fn was_published(self, recorded: bool) -> bool {
        match self {
            Self::NotBegun => recorded,
            Self::Prepared => false,
            Self::Published => true,
        }
    }
}

impl Connection {
    /// Writes the file of a batch under its hidden name; publishing it is another step.
    ///
    /// # Errors
    /// [`Error`]: a fact that the partner's form cannot hold, the first by row; another file of that name; the folder.
    pub fn hand_over(
        &self,
        operation: &str,
        batch: &str,
        date: Date,
        rows: &[BTreeMap<String, String>],
    ) -> Result<Prepared, Error> {
        let bytes = self.file_of(operation, batch, date, rows)?;
        let (folder, file_name) = self.destination(operation, batch, date)?;
        let path = folder.join(&file_name);
        drop::refuse_another(&path, &bytes)?;
        let part = drop::prepare(&folder, &file_name, &bytes)?;
        Ok(Prepared { file_name, bytes_hash: ids::fingerprint_hex(&[&bytes]), part, path })
    }

    /// How far the file of a batch is. It looks at the folder only; what the ledger knows comes besides.
    ///
    /// # Errors
    /// [`Error`]: the folder cannot be read, or is not given.
    pub fn handed_over(&self, operation: &str, batch: &str, date: Date) -> Result<HandOver, Error> {
        let (folder, name) = self.destination(operation, batch, date)?;
        drop::is_there(&folder)?;
        Ok(if drop::part(&folder, &name).exists() {
            HandOver::Prepared
        } else if folder.join(&name).exists() {
            HandOver::Published
        } else {
            HandOver::NotBegun
        })
    }

    /// The hidden file of a batch, to publish it after a crash; nothing when it is not there.
    ///
    /// # Errors
    /// As [`Connection::handed_over`].
    pub fn prepared(&self, operation: &str, batch: &str, date: Date) -> Result<Option<Prepared>, Error> {
        let (folder, file_name) = self.destination(operation, batch, date)?;
        let part = drop::part(&folder, &file_name);
        let Some(bytes) = drop::bytes(&part)? else { return Ok(None) };
        let path = folder.join(&file_name);
        Ok(Some(Prepared { file_name, bytes_hash: ids::fingerprint_hex(&[&bytes]), part, path }))
    }

    /// The bytes of the file of a batch; the same facts give the same bytes, today and later.
    ///
    /// # Errors
    /// [`Error`]: no rows, or a fact that the partner's form cannot hold.
    pub fn file_of(
        &self,
        operation: &str,
        batch: &str,
        date: Date,
        rows: &[BTreeMap<String, String>],
    ) -> Result<Vec<u8>, Error> {
        let send = self.file_send(operation)?;
        let (_, name) = self.destination(operation, batch, date)?;
        let wrong = |reason: String| Error::Request { operation: operation.to_owned(), reason };
        if rows.is_empty() {
            return Err(wrong("it has no rows".to_owned()));
        }
        let body = body_of(&self.connector, send)
            .ok_or_else(|| wrong(format!("there is no body \"{}\"", send.body)))?;
        let mut cells = Vec::with_capacity(rows.len());
        for (row, number) in rows.iter().zip(1..) {
            let mut facts = translated(&send.codes, row)?;
            facts.entry("batch".to_owned()).or_insert_with(|| batch.to_owned());
            facts.entry("date".to_owned()).or_insert_with(|| date.to_string());
            let placed =
                |error: RenderError| RenderError { field: format!("{}, row {number}", error.field), ..error };
            cells.push(body.cells(&facts, &self.settings).map_err(placed)?);
        }
        let header = if send.format.header { body.columns() } else { Vec::new() };
        let ending = Path::new(&name).extension().map(|ending| ending.to_ascii_lowercase());
        let is_book = match send.format.kind {
            TableKind::Csv => false,
            TableKind::Xlsx => true,
            TableKind::Either => ending.is_some_and(|ending| ending == "xlsx"),
        };
        let filled = |template: &Option<Template>| self.folder(template.as_ref());
        let field = format!("the file {name}");
        let unwritable = |reason| Error::Render(RenderError { field: field.clone(), reason });
        if is_book {
            let sheet = filled(&send.format.sheet)?.unwrap_or_else(|| SHEET.to_owned());
            xlsx::write(&sheet, &header, &cells, date).map_err(unwritable)
        } else {
            let style = CsvStyle {
                delimiter: filled(&send.format.delimiter)?.unwrap_or_else(|| "auto".to_owned()),
                encoding: filled(&send.format.encoding)?.unwrap_or_else(|| "auto".to_owned()),
                decimal: number_style(filled(&send.format.decimal)?.as_deref())?,
            };
            write_csv(&header, &cells, &style).map_err(unwritable)
        }
    }

    /// Tries every folder that files go out to and says what is wrong with each that cannot be used; which folder of documents' files
    /// is not there; and which settings do not fit the layout of a factor's files.
    #[must_use]
    pub fn out_problems(&self) -> Vec<String> {
        let operations = self.connector.manifest.operations.values();
        let sends = operations.filter_map(|operation| match &operation.work {
            Work::HandOver(send) => Some(&send.folder),
            Work::Batch(send) => Some(&send.folder),
            Work::Http(_) | Work::File(_) => None,
        });
        let folders: BTreeSet<String> =
            sends.filter_map(|folder| self.folder(Some(folder)).ok().flatten()).collect();
        let tried = folders.iter().map(|folder| drop::writable(Path::new(folder)));
        let attached =
            self.connector.manifest.operations.values().filter_map(|operation| match &operation.work {
                Work::Http(http) => self.attached(http.attach.as_ref()?, "0").ok(),
                Work::File(_) | Work::HandOver(_) | Work::Batch(_) => None,
            });
        let missing = attached.filter_map(|path| drop::is_there(path.parent()?).err());
        let of_layout =
            self.connector.mappings.layout.iter().flat_map(|layout| layout.setting_problems(&self.settings));
        tried.filter_map(Result::err).chain(missing).map(|error| error.to_string()).chain(of_layout).collect()
    }

    fn file_send(&self, operation: &str) -> Result<&FileSend, Error> {
        match &self.operation(operation, "hand over", |kind| kind == Kind::Send)?.work {
            Work::HandOver(send) => Ok(send),
            Work::Http(_) | Work::File(_) | Work::Batch(_) => Err(Error::Request {
                operation: operation.to_owned(),
                reason: "it is a call, and hands no file over".to_owned(),
            }),
        }
    }

    /// The folder and the name of the file of a batch.
    fn destination(&self, operation: &str, batch: &str, date: Date) -> Result<(PathBuf, String), Error> {
        let send = self.file_send(operation)?;
        let facts =
            BTreeMap::from([("batch".to_owned(), batch.to_owned()), ("date".to_owned(), date.to_string())]);
        let scope = Scope { layers: &[&facts, &self.settings], correlation: "" };
        let missing =
            |name: &str| Error::Settings(vec![format!("\"{name}\" is not given: where files go out to")]);
        let folder = self.folder(Some(&send.folder))?.ok_or_else(|| missing(&send.folder.to_string()))?;
        let name = send.file.fill(&scope).map_err(|name| missing(&name))?.unwrap_or_default();
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', ':', '\0']) {
            let reason = format!("\"{name}\" is not the name of a file in one folder");
            return Err(Error::Request { operation: operation.to_owned(), reason });
        }
        Ok((PathBuf::from(folder), name))
    }
}

fn body_of<'a>(connector: &'a Connector, send: &FileSend) -> Option<&'a Body> {
    connector.mappings.bodies.get(&send.body)
}

/// What a sample of facts gives, row by row, for the mapping test: each row as its columns. A setting without a default
/// stands as its name.
///
/// # Errors
/// A sentence.
pub(super) fn sample_rows(
    connector: &Arc<Connector>,
    send: &FileSend,
    bytes: &[u8],
) -> Result<Vec<Json>, String> {
    let rows: Vec<BTreeMap<String, String>> =
        serde_json::from_slice(bytes).map_err(|error| format!("it is no list of facts: {error}"))?;
    let body = body_of(connector, send).ok_or("there is no such body")?;
    let settings = connector.manifest.settings.iter().map(|(name, setting)| {
        (name.clone(), setting.default.clone().unwrap_or_else(|| format!("<{name}>")))
    });
    let settings = settings.collect();
    let columns = body.columns();
    let written = |row: &BTreeMap<String, String>| {
        let facts = translated(&send.codes, row).map_err(|error| error.to_string())?;
        let cells = body.cells(&facts, &settings).map_err(|error| error.to_string())?;
        let pairs = columns.iter().zip(cells).map(|(column, cell)| {
            let shown = match cell {
                Cell::Empty => Json::Null,
                Cell::Text(text) => Json::String(text),
                Cell::Number(digits) => Json::String(format!("number {digits}")),
            };
            (column.clone(), shown)
        });
        Ok(Json::Object(pairs.collect::<Map<_, _>>()))
    };
    rows.iter().map(written).collect()
}
