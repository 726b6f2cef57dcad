//! Reading a partner's records, page by page or row by row, mapped, in batches.
//!
//! Memory stays flat: a page or a batch at a time, and a channel that waits for whoever lands them. A pull that fails has
//! said nothing: the caller discards what it was given.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::connection::Connection;
use super::cursor;
use super::error::Error;
use super::manifest::{
    Choice, FileOperation, HttpOperation, Mode, Operation, Paging, Presence, ShapeSpan, Work,
};
use super::source::{BATCH_RECORDS, Input, Mapper, records_of, settings_value, shaped};
use crate::format::json::Path;
use crate::format::{self, Place, Value, json};
use crate::mapping::{Mapped, Target};
use crate::transport::drop;
use crate::transport::http::{Answer, Effect};

/// A pull ends here at the latest.
pub(super) const PAGES_MAX: u64 = 100_000;

/// A record of the partner, mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledRecord {
    /// Where it stands in its source.
    pub place: Place,
    /// What it is.
    pub mapped: Mapped,
    /// The record as JSON text; only of a bad one.
    pub raw: Option<String>,
}

/// Some records, in the order of their source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The records.
    pub records: Vec<PulledRecord>,
}

/// What a pull that succeeded says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Whether what was not shown is gone. `Incremental` with nothing read for an optional file that is not there.
    pub mode: Mode,
    /// The cursor to keep with what landed.
    pub cursor: Option<String>,
    /// The files that were dealt with: those read, and the older versions that they replace.
    pub files: Vec<PathBuf>,
    /// How many records of the source were read.
    pub read: u64,
}

impl Connection {
    /// Reads the records of an operation and hands them to `out` in batches.
    ///
    /// # Errors
    /// [`Error`]; then nothing of what was handed over may be kept.
    pub async fn pull(
        &self,
        operation: &str,
        cursor: Option<&str>,
        out: Sender<Batch>,
    ) -> Result<Pulled, Error> {
        let declared = self.pull_operation(operation)?;
        let mode = self.mode(operation, cursor)?;
        let mapper = self.mapper(declared);
        match &declared.work {
            Work::Http(http) => self.pull_pages(operation, http, cursor, mode, &mapper, out).await,
            Work::File(file) => self.pull_files(declared, file, &mapper, out).await,
            Work::HandOver(_) | Work::Batch(_) => Err(Error::Request {
                operation: operation.to_owned(),
                reason: "it hands a file over and reads none".to_owned(),
            }),
        }
    }

    /// What maps the records of an operation.
    pub(super) fn mapper(&self, declared: &Operation) -> Arc<Mapper> {
        Arc::new(Mapper {
            connector: Arc::clone(&self.connector),
            target: declared.into.unwrap_or(Target::Invoice),
            settings: self.settings.clone(),
            terms: self.terms.clone(),
            currency: self.currency,
        })
    }

    async fn pull_pages(
        &self,
        operation: &str,
        http: &HttpOperation,
        cursor: Option<&str>,
        mode: Mode,
        mapper: &Arc<Mapper>,
        out: Sender<Batch>,
    ) -> Result<Pulled, Error> {
        let wrong = |reason: String| Error::Shape { operation: operation.to_owned(), reason };
        let source: Arc<str> = operation.into();
        let since = self.since(http, cursor).map_err(wrong)?;
        let settings = settings_value(mapper);
        let mut newest = cursor.map(str::to_owned);
        let mut page = Page::first(&http.paging);
        let mut previous = None;
        let (mut read, mut line) = (0, 1);
        let (mut kept, mut kept_also) = (Vec::new(), Vec::new());
        for _ in 0..PAGES_MAX {
            let places = page.places(&http.paging);
            let input = self.filter_input(page.filter_input(&http.paging, since.get("cursor")));
            let answer = self
                .request(operation, Effect::Read, &http.request, &[&places, &since], input, page.link.clone())
                .await?;
            if previous.replace(answer.digest) == Some(answer.digest) {
                return Err(wrong(
                    "two pages are the same; the partner takes no notice of the paging".to_owned(),
                ));
            }
            let records = records_of(&http.records, &answer.body).map_err(wrong)?;
            read += records.len() as u64;
            if let Some(rule) = &http.cursor {
                for record in &records {
                    let stamp = cursor::stamp(rule, record).map_err(wrong)?;
                    if let Some(stamp) = stamp
                        .filter(|stamp| newest.as_ref().is_none_or(|newest| cursor::later(stamp, newest)))
                    {
                        newest = Some(stamp);
                    }
                }
            }
            let next = page.next(&http.paging, &answer, &records).map_err(wrong)?;
            let also = self.also(operation, http, &records).await?;
            let records = match http.span {
                ShapeSpan::Page => shaped(http.shape.as_ref(), records, also, &settings).map_err(wrong)?,
                ShapeSpan::Whole => {
                    kept.extend(records);
                    kept_also.extend(also);
                    if next.is_some() {
                        Vec::new()
                    } else {
                        let (shape, settings) = (http.shape.clone(), settings.clone());
                        let (records, also) = (std::mem::take(&mut kept), kept_also.drain(..).collect());
                        let all = move || shaped(shape.as_ref(), records, Some(also), &settings);
                        tokio::task::spawn_blocking(all).await.map_err(|_| Error::GivenUp)?.map_err(wrong)?
                    }
                }
            };
            line = self.hand_on(mapper, &source, line, records, &out).await?;
            match next {
                Some(next) => page = next,
                None => return Ok(Pulled { mode, cursor: newest, files: Vec::new(), read }),
            }
        }
        Err(wrong(format!("it has not ended after {PAGES_MAX} pages")))
    }

    /// The cursor as the request wants it, by name.
    fn since(&self, http: &HttpOperation, cursor: Option<&str>) -> Result<BTreeMap<String, String>, String> {
        let Some(rule) = &http.cursor else { return Ok(BTreeMap::new()) };
        let text = match (cursor, &rule.initial) {
            (Some(cursor), _) => cursor::back(cursor, rule.overlap)?,
            (None, Some(initial)) => initial.clone(),
            (None, None) => return Ok(BTreeMap::new()),
        };
        Ok(BTreeMap::from([("cursor".to_owned(), text)]))
    }

    /// The second call of a page; none when its filter gives nothing to ask.
    async fn also(
        &self,
        operation: &str,
        http: &HttpOperation,
        records: &[Value],
    ) -> Result<Option<Value>, Error> {
        let Some(request) = &http.also else { return Ok(None) };
        let input = self.filter_input([("records".to_owned(), records.iter().cloned().collect())]);
        if let super::BodyRule::Jq(filter) = &request.body {
            let wrong = |reason| Error::Request { operation: operation.to_owned(), reason };
            if filter.first(input.clone()).map_err(wrong)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(self.request(operation, Effect::Read, request, &[], input, None).await?.body))
    }

    /// Maps a page outside of the asynchronous workers and hands it on; gives the ordinal of the next record.
    pub(super) async fn hand_on(
        &self,
        mapper: &Arc<Mapper>,
        source: &Arc<str>,
        line: u64,
        records: Vec<Value>,
        out: &Sender<Batch>,
    ) -> Result<u64, Error> {
        let mut line = line;
        let mut records = records;
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(BATCH_RECORDS));
            let chunk = std::mem::replace(&mut records, rest);
            let count = chunk.len() as u64;
            let (mapper, source) = (Arc::clone(mapper), Arc::clone(source));
            let mapped = tokio::task::spawn_blocking(move || mapper.map_trees(&source, line, &chunk));
            let records = mapped.await.map_err(|_| Error::GivenUp)??;
            out.send(Batch { records }).await.map_err(|_| Error::GivenUp)?;
            line += count;
        }
        Ok(line)
    }

    async fn pull_files(
        &self,
        declared: &Operation,
        file: &FileOperation,
        mapper: &Arc<Mapper>,
        out: Sender<Batch>,
    ) -> Result<Pulled, Error> {
        let folder = self.folder(self.connector.manifest.folder.as_ref())?.unwrap_or_default();
        let pattern = self.folder(Some(&file.file))?.unwrap_or_default();
        let matching = drop::matching(std::path::Path::new(&folder), &pattern)?;
        let mut pulled = Pulled { mode: declared.mode, cursor: None, files: matching.clone(), read: 0 };
        let chosen = match file.choice {
            Choice::All => matching,
            Choice::Newest => matching.into_iter().next_back().into_iter().collect(),
        };
        if chosen.is_empty() {
            return match file.presence {
                Presence::Required => Err(Error::NoFile { folder, pattern }),
                Presence::Optional => Ok(Pulled { mode: Mode::Incremental, ..pulled }),
            };
        }
        for path in chosen {
            let (mapper, out, file) = (Arc::clone(mapper), out.clone(), file.clone());
            let read = move || {
                let changed = |error| format::Error::Read { source_name: path.display().to_string(), error };
                let before = drop::stamp(&path).map_err(changed)?;
                let mut emit = |batch| out.blocking_send(batch).map_err(|_| Error::GivenUp);
                let read = mapper.read(&Input::File(&path), &file, &mut emit)?;
                if drop::stamp(&path).map_err(changed)? != before {
                    let reason = "it changed while it was read; export under another name, then rename it";
                    return Err(Error::Source(format::Error::refused(path.display().to_string(), reason)));
                }
                Ok(read)
            };
            pulled.read += tokio::task::spawn_blocking(read).await.map_err(|_| Error::GivenUp)??;
        }
        Ok(pulled)
    }
}

/// Where a paged pull stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    /// Records before this page.
    offset: u64,
    /// Number of this page.
    number: u64,
    /// Key of the last record before this page, as text and as it came.
    last: (String, Value),
    /// The link that leads to it.
    pub(super) link: Option<String>,
}

impl Page {
    pub(super) fn first(paging: &Paging) -> Self {
        match paging {
            Paging::Page { first, .. } => Self { number: *first, ..Self::default() },
            Paging::After { first, .. } => {
                Self { last: (first.clone(), number_or_text(first)), ..Self::default() }
            }
            Paging::None | Paging::Offset { .. } | Paging::NextLink { .. } => Self::default(),
        }
    }

    pub(super) fn places(&self, paging: &Paging) -> BTreeMap<String, String> {
        let named = |pairs: &[(&str, String)]| {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect()
        };
        match paging {
            Paging::None | Paging::NextLink { .. } => BTreeMap::new(),
            Paging::Offset { size } => named(&[
                ("offset", self.offset.to_string()),
                ("end", (self.offset + size.saturating_sub(1)).to_string()),
                ("size", size.to_string()),
            ]),
            Paging::Page { size: Some(size), .. } => {
                named(&[("page", self.number.to_string()), ("size", size.to_string())])
            }
            Paging::Page { size: None, .. } => named(&[("page", self.number.to_string())]),
            Paging::After { size, .. } => named(&[("last", self.last.0.clone()), ("size", size.to_string())]),
        }
    }

    /// The same for a filter, numbers as numbers; `last` as it came.
    pub(super) fn filter_input(&self, paging: &Paging, cursor: Option<&String>) -> [(String, Value); 2] {
        let places = self.places(paging).into_iter().map(|(name, text)| {
            let value = if name == "last" { self.last.1.clone() } else { number_or_text(&text) };
            (name, value)
        });
        let cursor = cursor.map_or(Value::Null, |text| json::text(text));
        [("page".to_owned(), json::object(places)), ("cursor".to_owned(), cursor)]
    }

    pub(super) fn next(
        &self,
        paging: &Paging,
        answer: &Answer,
        records: &[Value],
    ) -> Result<Option<Self>, String> {
        let count = records.len() as u64;
        let on = Self {
            offset: self.offset + count,
            number: self.number + 1,
            last: self.last.clone(),
            link: None,
        };
        Ok(match paging {
            Paging::None => None,
            Paging::Offset { size } => (count >= *size).then_some(on),
            Paging::Page { more: Some(more), .. } => {
                let more = more.find(&answer.body).and_then(json::scalar);
                (count > 0 && more.is_some_and(|text| !matches!(text.as_str(), "false" | "0"))).then_some(on)
            }
            Paging::Page { size, more: None, .. } => {
                (count > 0 && size.is_none_or(|size| count >= size)).then_some(on)
            }
            Paging::After { size, key, .. } if count >= *size => {
                let last = records.last().and_then(|record| key.find(record));
                let last = last.and_then(|value| Some((json::scalar(value)?, value.clone())));
                let last = last.ok_or("its last record has no key to go on from")?;
                if last.0 == self.last.0 {
                    return Err("it gives the same last record again".to_owned());
                }
                Some(Self { last, ..on })
            }
            Paging::After { .. } => None,
            Paging::NextLink { path } => link(path, &answer.body).map(|link| Self { link: Some(link), ..on }),
        })
    }
}

/// A number where the text is nothing but one, so that the code `00012` stays a text.
fn number_or_text(text: &str) -> Value {
    text.parse::<u64>()
        .ok()
        .filter(|number| number.to_string() == text)
        .and_then(|_| json::number(text))
        .unwrap_or_else(|| json::text(text))
}

fn link(path: &Path, body: &Value) -> Option<String> {
    path.find(body).and_then(json::scalar)
}
