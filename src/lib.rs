//! Encours: the open hub between a company's ERPs and its credit insurers and factors.
//!
//! The way of the data, the floors and the reasons are in `ARCHITECTURE.md`.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod clock;
pub mod config;
pub mod connector;
pub mod credit;
pub mod demo;
pub mod engine;
pub mod factoring;
pub mod format;
pub mod ids;
pub mod ledger;
pub mod mapping;
pub mod model;
pub mod queue;
pub mod reconcile;
pub mod sandbox;
pub mod server;
pub mod transport;
