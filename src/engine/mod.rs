//! The cycle of a company: pull, land, settle, reconcile, say; and the daemon that repeats it.
//!
//! Level-triggered: each cycle compares whole states, so a lost message or a crash heals on the next one.
//! Reference: ARCHITECTURE.md, "Four ideas".

mod report;

pub use report::{OperationReport, Outcome, Report};
