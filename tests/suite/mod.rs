//! The suites, one a subject.

mod cycle;
mod demo;
mod effects;
mod identity;
mod indicators;
mod ledger;
mod queue;
mod tryton;
