//! Factoring: which documents may be assigned, and what the factor pays for them.
//!
//! Functions of values to values, with the date passed in; every refusal has its reason. Reference: shared rules,
//! "Factoring".

mod approvals;
mod eligibility;
mod financing;
mod holdback;
mod lifecycle;
mod receipt;
mod reconcile;
#[cfg(test)]
mod sample;

pub use approvals::{Approved, with_approvals};
pub use eligibility::{Candidate, Refusal, Refused, Selection, Taken, Writes, select};
pub use financing::{
    Bound, Due, Financed, Limits, Position, Positions, Released, approval, finance, release,
};
pub use holdback::{Age, Held, Holding, holdbacks};
pub use lifecycle::lifecycle;
pub use receipt::{FileHash, Receipt, receipt};
pub use reconcile::{Compared, Finding, Sent, Side, Stated, reconcile};

/// Why a figure cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A sum is larger than any ledger.
    #[error("an amount of the contract {contract} does not fit into the ledger")]
    Overflow {
        /// The contract's number.
        contract: String,
    },
}
