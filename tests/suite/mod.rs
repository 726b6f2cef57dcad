//! The suites, one a subject.

mod cycle;
mod demo;
mod effects;
mod ledger;
mod queue;
mod tryton;
