//! What tests stand on: private servers and databases of their own.

pub mod broker;
pub mod database;
pub mod world;

/// What `scripts/test` announces of a private server. A test without its server fails; it is never skipped.
#[allow(clippy::disallowed_methods, reason = "the private servers are announced in the environment")]
pub fn service(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run scripts/test"))
}
