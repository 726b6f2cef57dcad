//! A simulator of an insurer with a portal and no interface: what a person would carry to it goes through a folder.
//!
//! It takes files of requests from `in/` (and moves them to `in/taken/`), decides over its days, and puts the list of limits
//! and applications into `out/`, as delimited text or as a workbook. It plays both the person at the form and the
//! underwriters: a row that is filled in twice is an application twice. The fields of the form and the status
//! `APPLICATION` are published; columns and the other words are assumed.
//! Invariant: the same seed, days and files give the same decisions and the same lists, whatever the machine.

mod files;
mod insurer;
mod state;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::{self, FaultKind};
pub use files::Form;
pub(super) use insurer::open;
use state::Book;
pub use state::{Debtor, Setup};

/// Why the simulator could not be opened, or could not exchange files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was given no folder.
    #[error("this partner exchanges files: say where with --folder FOLDER")]
    NoFolder,
    /// A file or folder cannot be read or written.
    #[error("the sandbox cannot use {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The saved state is not one.
    #[error("the sandbox's file {path} is no saved simulator, delete it to start afresh: {source}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The list could not be written.
    #[error("the sandbox cannot write its list: {0}")]
    List(String),
}

/// What one exchange of files did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Exchange {
    /// Files that were taken, by name, with how many rows of them became applications or cancellations.
    pub taken: Vec<(String, usize)>,
    /// Files and rows that nobody could fill in, with the reason.
    pub refused: Vec<(String, String)>,
    /// The list that was written; none while a fault holds it back.
    pub list: Option<String>,
}

struct Inner {
    book: Book,
    folder: PathBuf,
    form: Form,
    faults: Vec<fault::Fault<()>>,
    keep: Option<PathBuf>,
}

/// A running simulator; clones share one state.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Mutex<Inner>>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("today", &self.today()).finish_non_exhaustive()
    }
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    |source| Error::File { path: path.to_owned(), source }
}

impl Sandbox {
    /// Starts from a setup in a folder, whose `in` and `out` it makes. Nothing is exchanged yet.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn new(setup: Setup, folder: &Path, form: Form) -> Result<Self, Error> {
        Self::of(Book::new(setup), folder, form)
    }

    fn of(book: Book, folder: &Path, form: Form) -> Result<Self, Error> {
        for name in ["in", "in/taken", "in/refused", "out"] {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).map_err(at(&path))?;
        }
        let inner = Inner { book, folder: folder.to_owned(), form, faults: Vec::new(), keep: None };
        Ok(Self { inner: Arc::new(Mutex::new(inner)) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Continues where [`Sandbox::keep_in`] left off.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`].
    pub fn load(state: &Path, folder: &Path, form: Form) -> Result<Self, Error> {
        let text = std::fs::read(state).map_err(at(state))?;
        let book = serde_json::from_slice(&text)
            .map_err(|source| Error::Content { path: state.to_owned(), source })?;
        Self::of(book, folder, form)
    }

    /// Saves to `path` now and after every change.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Content`].
    pub fn keep_in(&self, path: &Path) -> Result<(), Error> {
        let mut inner = self.lock();
        inner.keep = Some(path.to_owned());
        inner.persist()
    }

    /// The simulator's day.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.lock().book.today
    }

    /// Takes what lies in `in/`, and writes the list of the day into `out/`.
    ///
    /// # Errors
    /// [`Error`]: the folder, or the state that is kept.
    pub fn exchange(&self) -> Result<Exchange, Error> {
        let mut inner = self.lock();
        let mut done = inner.take_requests()?;
        inner.persist()?;
        done.list = inner.write_list()?;
        Ok(done)
    }

    fn router_of(&self) -> axum::Router {
        axum::Router::new()
            .route("/sandbox/exchange", post(exchange_page))
            .route("/sandbox/today", post(today_page))
            .route("/sandbox/state", get(state_page))
            .fallback(|| async {
                let hint = "known here: POST /sandbox/exchange, POST /sandbox/today, GET /sandbox/state";
                (StatusCode::NOT_FOUND, axum::Json(json!({ "error": hint })))
            })
            .with_state(self.clone())
    }
}

impl Inner {
    fn persist(&self) -> Result<(), Error> {
        let Some(path) = &self.keep else { return Ok(()) };
        let text = serde_json::to_vec_pretty(&self.book)
            .map_err(|source| Error::Content { path: path.clone(), source })?;
        let passing = path.with_extension("new");
        std::fs::write(&passing, text).and_then(|()| std::fs::rename(&passing, path)).map_err(at(path))
    }

    fn take_requests(&mut self) -> Result<Exchange, Error> {
        let folder = self.folder.join("in");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(at(&folder))? {
            let entry = entry.map_err(at(&folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && entry.path().is_file() {
                names.push(name);
            }
        }
        names.sort();
        let mut done = Exchange::default();
        for name in names {
            let path = folder.join(&name);
            let read = std::fs::read(&path).map_err(at(&path))?;
            let (to, rows) = match files::requests(&read) {
                Ok(rows) => ("taken", rows),
                Err(reason) => {
                    done.refused.push((name.clone(), reason));
                    ("refused", Vec::new())
                }
            };
            let goes = free(&folder.join(to), &name);
            std::fs::rename(&path, &goes).map_err(at(&path))?;
            let mut count = 0;
            for (row, number) in rows.iter().zip(2..) {
                match self.book.take(row) {
                    Ok(()) => count += 1,
                    Err(reason) => done.refused.push((format!("{name}, row {number}"), reason)),
                }
            }
            if to == "taken" {
                done.taken.push((name, count));
            }
        }
        Ok(done)
    }

    fn write_list(&mut self) -> Result<Option<String>, Error> {
        let mut rows = self.book.list();
        let fault = fault::take(&mut self.faults, false, |()| true);
        let mut cut = false;
        match fault {
            Some(FaultKind::Unavailable | FaultKind::ErrorBefore) => return Ok(None),
            Some(FaultKind::Truncated) => cut = true,
            Some(FaultKind::Repeated) => rows.extend(rows.first().cloned()),
            Some(FaultKind::Reordered) => rows.reverse(),
            Some(
                FaultKind::TooManyRequests { .. }
                | FaultKind::ErrorAfter
                | FaultKind::TimeoutBefore { .. }
                | FaultKind::TimeoutAfter { .. }
                | FaultKind::ExpiredToken
                | FaultKind::LostCallback,
            )
            | None => {}
        }
        let mut bytes = files::list(&rows, self.form, self.book.today).map_err(Error::List)?;
        if cut {
            files::cut(&mut bytes, self.form);
        }
        let name = format!("limits_{}.{}", self.book.today, self.form.ending());
        let (path, passing) = (self.folder.join("out").join(&name), self.folder.join("out/.passing"));
        std::fs::write(&passing, bytes).and_then(|()| std::fs::rename(&passing, &path)).map_err(at(&path))?;
        Ok(Some(name))
    }

    fn told(&self) -> Value {
        json!({
            "today": self.book.today,
            "seed": self.book.seed,
            "policy": self.book.policy,
            "debtors": self.book.debtors,
            "limits": self.book.limits(),
            "applications": self.book.pending().collect::<Vec<_>>(),
        })
    }
}

/// The path in a folder; with a number in front where the name is taken.
fn free(folder: &Path, name: &str) -> PathBuf {
    let mut path = folder.join(name);
    let mut number = 1;
    while path.exists() {
        number += 1;
        path = folder.join(format!("{number}-{name}"));
    }
    path
}

async fn exchange_page(State(sandbox): State<Sandbox>) -> Response {
    match sandbox.exchange() {
        Ok(done) => axum::Json(json!(done)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(json!({ "error": error.to_string() })))
            .into_response(),
    }
}

#[derive(Deserialize)]
struct NewDay {
    date: NaiveDate,
}

async fn today_page(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    match serde_json::from_slice::<NewDay>(&body) {
        Ok(new) => {
            sandbox.lock().book.today = new.date;
            exchange_page(State(sandbox)).await
        }
        Err(error) => {
            let hint = format!("expected {{\"date\": \"2026-03-10\"}}: {error}");
            (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": hint }))).into_response()
        }
    }
}

async fn state_page(State(sandbox): State<Sandbox>) -> Response {
    axum::Json(sandbox.lock().told()).into_response()
}
