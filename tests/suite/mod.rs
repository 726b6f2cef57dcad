//! The suites, one a subject.

mod cycle;
mod deadlines;
mod demo;
mod effects;
mod identity;
mod indicators;
mod ledger;
mod queue;
mod stops;
mod tryton;
