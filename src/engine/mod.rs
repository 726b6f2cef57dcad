//! The cycle of a company: pull, land, settle, reconcile, say; and the daemon that repeats it.
//!
//! Level-triggered: each cycle compares whole states, so a lost message or a crash heals on the next one.
//! Reference: ARCHITECTURE.md, "Four ideas".

mod answers;
pub mod assignments;
mod cycle;
mod daemon;
pub mod deadlines;
pub mod effects;
pub mod evidence;
mod land;
mod link;
pub mod lookup;
pub mod past;
pub mod pools;
mod publish;
mod ratings;
pub mod replay;
mod report;
pub mod settle;
mod setup;
pub mod stops;

pub use cycle::cycle;
pub use daemon::{Hints, run};
pub use link::{insurer_party, party, relink};
pub use publish::publish;
pub use report::{OperationReport, Outcome, Report};
pub use setup::{Setup, SetupError, connections};

use crate::ledger::ControlTotal;

/// How a cycle is to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CycleOptions {
    /// A person has looked: settle what a snapshot no longer lists, however much it is.
    pub accept_vanished: bool,
    /// A person has mended the settings: try paused connections again. The daemon never does.
    pub retry_paused: bool,
}

/// How far an operation has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The connection.
    pub connection: &'a str,
    /// The operation.
    pub operation: &'a str,
    /// Records read so far.
    pub read: u64,
}

/// Why a cycle could not be done. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger failed or refused.
    #[error(transparent)]
    Ledger(#[from] crate::ledger::Error),
    /// A connection cannot be worked with as it is configured.
    #[error(transparent)]
    Connector(#[from] crate::connector::Error),
    /// A contract cannot be compared with its factor's statement.
    #[error(transparent)]
    Assignments(#[from] assignments::Error),
    /// A figure could not be computed.
    #[error("a figure cannot be computed: {0}")]
    Credit(#[from] crate::credit::Error),
    /// What landed is not what was read.
    #[error(
        "{operation} of {connection} is refused whole: its control totals do not add up in {}: the source has {} records, the \
         ledger {} and the quarantine {}; nothing of it was kept. Run again; if it stays, report it with the file",
        total.currency, total.source_count, total.ledger_count, total.quarantined_count
    )]
    ControlTotal {
        /// The connection.
        connection: String,
        /// The operation.
        operation: String,
        /// The total.
        total: ControlTotal,
    },
    /// Read files could not be moved. They are in the ledger; reading them again changes nothing.
    #[error("the files read by {connection} are in the ledger but could not be archived: {reason}")]
    Archive {
        /// The connection.
        connection: String,
        /// What the system said.
        reason: String,
    },
    /// A file of a pack could not be made. Nothing was written.
    #[error("the evidence cannot be put together: {0}; nothing was written")]
    Evidence(String),
    /// Deltas could not be published. They stay in the outbox.
    #[error("deltas wait in the outbox: {0}")]
    Queue(#[from] crate::queue::Error),
}

impl Error {
    /// Whether one operation was refused, rather than the ledger broken.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Ledger(crate::ledger::Error::Vanished { .. }) | Self::ControlTotal { .. })
    }
}
