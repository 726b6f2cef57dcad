//! The tests that need more than the crate: real databases, a real broker, whole cycles. One binary, so they link once.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    reason = "a test may fail where it stands, and measures in floats"
)]

mod suite;
mod support;
