//! The suites, one a subject.

mod ledger;
mod queue;
