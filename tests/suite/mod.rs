//! The suites, one a subject.

mod cycle;
mod ledger;
mod queue;
mod tryton;
