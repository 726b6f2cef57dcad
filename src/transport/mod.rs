//! How Encours reaches a partner: HTTP, and folders of files. It knows protocols, not partners.
//!
//! Invariant: a write is sent at most once. Whatever may have been accepted is reported as [`Verdict::OutcomeUnknown`], and
//! only the partner's own lists settle it. Reference: shared rules, "Effects happen once".

pub mod drop;
mod error;
pub mod http;
mod template;

pub use error::{Error, Verdict};
pub use template::{JsonTemplate, Scope, Template};
