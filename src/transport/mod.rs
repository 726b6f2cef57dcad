//! How Encours reaches a partner: HTTP, folders of files, SFTP and mail, and how files are sealed for it. It knows protocols, not partners.
//!
//! Invariant: a write is sent at most once. Whatever may have been accepted is reported as [`Verdict::OutcomeUnknown`], and
//! only the partner's own lists settle it. Reference: shared rules, "Effects happen once".

pub mod drop;
mod error;
pub mod http;
pub mod mail;
pub mod place;
pub mod seal;
pub mod sftp;
mod template;
pub mod upload;

use std::net::IpAddr;

pub use error::{Error, Verdict};
pub use template::{JsonTemplate, Scope, Template};

/// Whether a host is this machine, to which nothing needs to be guarded on the way.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    // An address of IPv6 stands in brackets in a URL.
    let bare = host.trim_matches(['[', ']']);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
