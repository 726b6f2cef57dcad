//! Why a pull, a look-up or something sent failed, and what follows from it.

use crate::mapping::RenderError;
use crate::transport::{self, Verdict};

/// A failed operation. Nothing of a failed pull may be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The partner, or the way to it.
    #[error(transparent)]
    Transport(#[from] transport::Error),
    /// The folder of files.
    #[error(transparent)]
    Folder(#[from] transport::drop::Error),
    /// A file is refused whole.
    #[error(transparent)]
    Source(#[from] crate::format::Error),
    /// The settings of the connection do not fit its connector.
    #[error("the settings do not fit: {}", .0.join("; "))]
    Settings(Vec<String>),
    /// The connector has no such operation, or it is of another kind.
    #[error("{connector} has no operation \"{operation}\" to {verb}; it has: {known}")]
    Operation {
        /// The connector.
        connector: String,
        /// What was asked.
        operation: String,
        /// What it was asked for.
        verb: &'static str,
        /// Those of this kind that there are.
        known: String,
    },
    /// No file of the folder fits.
    #[error("no file in {folder} is called {pattern}; the export has not come yet, or goes elsewhere")]
    NoFile {
        /// Where was looked.
        folder: String,
        /// For what.
        pattern: String,
    },
    /// The answer or the document does not have the declared shape.
    #[error("what {operation} answers does not fit the manifest: {reason}")]
    Shape {
        /// The operation.
        operation: String,
        /// What is wrong.
        reason: String,
    },
    /// A fact has a value that the partner has no word for.
    #[error("\"{value}\" of \"{fact}\" has no word at this partner; it knows {known}")]
    Fact {
        /// Which fact.
        fact: String,
        /// Its value.
        value: String,
        /// The values that have one.
        known: String,
    },
    /// The body cannot be written.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The request cannot be written.
    #[error("the request of {operation} cannot be written: {reason}")]
    Request {
        /// The operation.
        operation: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// Whoever took the records stopped taking them.
    #[error("the pull was given up")]
    GivenUp,
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Transport(error) => error.verdict(),
            Self::Folder(transport::drop::Error::Pattern { .. } | transport::drop::Error::Archive { .. })
            | Self::Settings(_) => Verdict::FixConfiguration,
            Self::Source(_)
            | Self::Fact { .. }
            | Self::Render(_)
            | Self::Folder(transport::drop::Error::Taken { .. }) => Verdict::FixData,
            Self::Operation { .. } => Verdict::NotAllowed,
            // A share that is not mounted comes back by itself.
            Self::Folder(transport::drop::Error::Folder { .. } | transport::drop::Error::Write { .. })
            | Self::NoFile { .. }
            | Self::GivenUp => Verdict::RetryLater { after: None },
            Self::Shape { .. } | Self::Request { .. } => Verdict::Defect,
        }
    }
}
