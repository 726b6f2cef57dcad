//! The suites, one a subject.

mod cycle;
mod demo;
mod effects;
mod identity;
mod ledger;
mod queue;
mod stops;
mod tryton;
