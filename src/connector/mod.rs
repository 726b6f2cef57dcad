//! Connectors: partner systems as data, and the few verbs that work on them: pull, look up, send.
//!
//! A connector is a manifest and its mappings. Built-in ones are part of the program; files of the user's folder replace
//! or add to theirs one by one. Nothing here knows a partner's name. Reference: ARCHITECTURE.md, "A connector is data".

mod batch;
mod builtin;
mod connection;
mod cursor;
mod documents;
mod environment;
mod error;
mod hand_over;
mod limits;
mod load;
mod manifest;
mod outcome;
mod outgoing;
mod parse;
mod pull;
mod read;
mod roles;
mod sample;
mod send;
mod settings;
mod source;
mod tells;
#[cfg(test)]
mod tests;

pub use connection::{Connection, Setup};
pub use documents::{FINANCE, Form, SEND, Taken};
pub use error::Error;
pub use hand_over::{HandOver, Prepared, Publication};
pub use load::{Connector, DescribedOperation, Description, Listed, LoadError, Origin, list, load};
pub use manifest::{
    Asks, BatchSend, BodyRule, Capabilities, Choice, CursorRule, Environment, FileOperation, FileSend,
    Finding, FormatRule, HeaderRule, HeaderText, HttpOperation, Manifest, Mode, Operation, OutRule, Outcome,
    Paging, Presence, Reach, Records, Request, Setting, SettingType, ShapeSpan, Stamp, Status, Then, Work,
};
pub use pull::{Batch, Pulled, PulledRecord};
pub use roles::{Kind, PURPOSES, Purpose, Role};
pub use sample::{Report, SampleReport, mapping_test};
pub use send::Sent;
