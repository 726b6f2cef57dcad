//! What a partner's records mean, as data.
//!
//! A mapping is a TOML file of rules, one per field of a canonical record. It is checked when it is loaded, with file, line
//! and column; it gives typed records with the faults of the bad ones; and it keeps a record whose code it does not know.
//! Reference: ARCHITECTURE.md, "A connector is data"; the grammar is in docs/connectors.md.

mod assemble;
mod compile;
mod filter;
pub mod layout;
mod render;
mod rule;
mod target;
#[cfg(test)]
mod tests;

pub use assemble::{AccountIn, Bound, Fault, ItemIn, Mapped, OrderIn, Outcome, Terms, UnknownCode};
pub use compile::{Mapping, Mappings, parse_files};
pub use filter::Filter;
pub use render::{Body, RenderError};
pub use target::Target;
