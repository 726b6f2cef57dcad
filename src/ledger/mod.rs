//! The store: what partners said, what was derived from it, and what is still to be said.
//!
//! One transaction per cycle: records, their cursor, the figures and the deltas that follow from them are true together or
//! not at all. Everything here is SQL that both SQLite and PostgreSQL take; only the bulk insert of new items has two ways.
//! Reference: ARCHITECTURE.md, "The ledger".

mod accounts;
mod approvals;
mod assignments;
mod breaks;
mod connections;
mod days;
mod db;
mod deadline_files;
mod deltas;
mod direct_payments;
mod effects;
mod experience;
mod factor_cash;
mod factor_lines;
mod facts;
mod indicators;
mod items;
mod known;
mod limits;
mod links;
mod lookups;
mod orders;
mod past;
mod positions;
mod proofs;
mod quarantine;
mod ratings;
mod read;
mod rows;
mod runs;
mod source;
mod spans;
mod statements;
mod stops;
mod stream;
mod subrogations;
mod urgent;
mod versions;

pub use accounts::{AccountLanding, AccountRow};
pub use approvals::{ApprovalRow, ApprovalsLanded};
pub use assignments::{
    AssignableRow, AssignmentDocumentRow, AssignmentFileRow, AssignmentRow, AssignmentStepRow, BatchState,
    CreditedRow, Given, HeldRow, InForceRow, InvoiceStatusRow, NewAssignment, Outgoing,
};
pub use breaks::{BreakRow, StoredBreak};
pub use connections::ConnectionRow;
pub use days::{Owed, PeakRow};
pub use db::{Ledger, Tx};
pub use deadline_files::DeadlineFileRow;
pub use deltas::DeltaRow;
pub use direct_payments::DirectPaymentRow;
pub use effects::{
    AUTOMATIC, EffectRow, EffectStep, EndedRequests, OverdueRow, Proposed, Step, effect_id, reference_of,
};
pub use factor_cash::FactorCashRow;
pub use factor_lines::{FactorLineChange, FactorLineRow};
pub use indicators::{BuyerSums, RunDay, SourceRead, business_day};
pub use items::{ItemLanding, ItemRow, Landed, copy as copy_items};
pub use limits::{LimitChange, LimitRow};
pub use links::{AccountLink, LinkRow, NewLink};
pub use lookups::{Known, LookupAnswer, LookupAsk, LookupKey, LookupRow, LookupState};
pub use orders::OrdersLanded;
pub use past::ItemVersion;
pub use positions::{CoverRow, ExposureRow};
pub use proofs::ProofRow;
pub use quarantine::{BadRecord, QuarantineRow};
pub use ratings::{RatingChange, RatingRow};
pub use read::{BuyerRow, ItemView};
pub use runs::{ControlTotal, RunRow};
pub use source::{AllocationRow, SourceRow};
pub use spans::ItemSpan;
pub use statements::{Figures, LastStated, Rebuilt, StatementLineRow, StatementRow, statement_id};
pub use stops::CoverStopRow;
pub use stream::OpenItemRow;
pub use subrogations::SubrogationRow;
pub use versions::{
    AccountVersion, AccountsThen, Begins, PoliciesThen, PolicyVersion, accounts_then, policies_then,
};

/// Why the ledger could not do what was asked. The transaction it happened in left no trace.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A URL of neither database.
    #[error("\"{0}\" is not a ledger; write sqlite:FILE or postgres://USER@HOST/DATABASE")]
    Url(String),
    /// The database cannot be opened.
    #[error("cannot open the ledger {ledger}: {error}")]
    Open {
        /// The URL without its password.
        ledger: String,
        /// What the driver said.
        error: sqlx::Error,
    },
    /// A statement failed.
    #[error("the ledger failed: {0}; nothing of this run was kept")]
    Database(sqlx::Error),
    /// Another process writes to the same SQLite file, and did not end in time.
    #[error(
        "another process is writing to the ledger and did not end within 10 s; nothing was changed. Run again when it is \
         done, or keep the ledger in PostgreSQL, which several can write to"
    )]
    Busy,
    /// A stored value is not what this version writes.
    #[error("the ledger holds a {what} that this version cannot read: {value}")]
    Unreadable {
        /// Which column.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A snapshot would close too much.
    #[error(
        "{operation} of {connection} is refused whole: {gone} of {open} open items are not in it any more ({share} %, the \
         limit is {limit} %); nothing was changed. If it is right, run again with --accept-vanished"
    )]
    Vanished {
        /// The connection.
        connection: String,
        /// The operation.
        operation: String,
        /// How many are gone.
        gone: u64,
        /// How many were open.
        open: u64,
        /// Per cent gone.
        share: u64,
        /// Per cent allowed.
        limit: u64,
    },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if db::is_busy(&error) { Self::Busy } else { Self::Database(error) }
    }
}

impl Error {
    /// Whether something else has taken the place meanwhile that this was to have.
    pub(crate) fn is_taken(&self) -> bool {
        match self {
            Self::Database(error) => error.as_database_error().is_some_and(|own| own.is_unique_violation()),
            Self::Url(_)
            | Self::Open { .. }
            | Self::Busy
            | Self::Unreadable { .. }
            | Self::Vanished { .. } => false,
        }
    }

    pub(crate) fn unreadable(what: &'static str, value: impl Into<String>) -> Self {
        Self::Unreadable { what, value: value.into() }
    }
}
