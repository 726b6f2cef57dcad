//! The suites, one a subject.

mod cycle;
mod demo;
mod ledger;
mod queue;
mod tryton;
