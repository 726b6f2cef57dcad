//! The way of the deltas from the ledger's outbox to the broker.
//!
//! The ledger writes a delta and its outbox row in one transaction. [`Publisher`] sends the rows and takes a row out of
//! the outbox only when the broker has confirmed that at least one queue holds the message.
//! Invariant: a message is in the outbox, in a queue, or in both; a consumer drops a repeat by its `message_id`.
//! Reference: shared rules, "Deltas".

mod amqp;
mod error;

pub use amqp::{CONFIRM_TIMEOUT, CONNECT_TIMEOUT, PUBLISH_TIMEOUT, Publisher};
pub use error::{Error, Remedy};

use std::collections::BTreeMap;
use std::future::Future;

use secrecy::SecretString;

use crate::model::Instant;

/// The exchange that deltas go to when nothing else is configured.
pub const DEFAULT_EXCHANGE: &str = "encours.deltas";

/// The queue that holds every delta until somebody reads it, bound to all routing keys.
pub const DEFAULT_QUEUE: &str = "encours.deltas.all";

/// How many messages may wait for their confirm at once, when nothing else is configured.
pub const DEFAULT_WINDOW: usize = 500;

/// Where and how deltas are published.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `amqp://user:password@host:5672/vhost`, or `amqps` for TLS. A vhost `/` is written `%2f`.
    pub url: SecretString,
    /// A durable topic exchange; declared when it is not there.
    pub exchange: String,
    /// A durable quorum queue that is declared and bound to every routing key; `None` leaves all queues to the operator.
    pub queue: Option<String>,
    /// How many messages are in memory and unconfirmed at most; 0 counts as 1.
    pub window: usize,
}

impl Settings {
    /// Returns the settings of a fresh installation: the default exchange, the default queue, a window of 500.
    #[must_use]
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            exchange: DEFAULT_EXCHANGE.to_owned(),
            queue: Some(DEFAULT_QUEUE.to_owned()),
            window: DEFAULT_WINDOW,
        }
    }
}

/// A delta that waits to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// The place in the outbox; grows, and is what [`Outbox::confirmed`] is told.
    pub seq: i64,
    /// The event's id, a function of the fact it tells: the same fact has the same id.
    pub id: String,
    /// What happened, as `<subject>.<event>`; the type on the wire is `encours.<event>.v1`.
    pub event: String,
    /// What it happened to: a buyer, a break, a connection.
    pub subject: String,
    /// `<subject>.<event>.<connection>.<country>`.
    pub routing_key: String,
    /// When it happened.
    pub time: Instant,
    /// A URI reference that names the installation and connection the fact came through.
    pub source: String,
    /// The data, JSON.
    pub body: Vec<u8>,
}

/// The ledger's side: rows that wait, and rows that need not wait any more.
///
/// One publisher reads an outbox at a time. Two at once lose nothing, yet every message is sent twice.
pub trait Outbox {
    /// Why the ledger could not answer.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Reads the first `limit` unconfirmed messages whose `seq` is above `after`, by growing `seq`.
    ///
    /// `after` lets one pass go beyond messages that no queue takes; the next pass begins at the front again.
    fn pending(
        &self,
        after: i64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<OutboxMessage>, Self::Error>> + Send;

    /// Takes messages out of the outbox, by `seq`, growing. A `seq` that is no longer there is not an error.
    fn confirmed(&self, seqs: &[i64]) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Why a message was left in the outbox although the broker is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Left {
    /// The exchange has no queue for the routing key, so the broker gave the message back.
    #[error(
        "exchange {exchange} has no queue for routing key {routing_key}; the message stays in the outbox; bind a queue \
         to the exchange with this key or with \"#\", or set `queue` to have {DEFAULT_QUEUE} made"
    )]
    Unroutable {
        /// The exchange it was published to.
        exchange: String,
        /// The routing key that nothing is bound to.
        routing_key: String,
    },
    /// The broker could not store the message in a queue it is routed to.
    #[error(
        "the broker refused to store a message with routing key {routing_key}; it stays in the outbox; look for a full \
         queue that rejects, or a quorum queue without a majority"
    )]
    Refused {
        /// The routing key of the message.
        routing_key: String,
    },
    /// AMQP cannot carry the message.
    #[error(
        "message {seq} of the outbox has a {field} of {bytes} bytes, the most is {bytes_max}; it stays in the outbox"
    )]
    TooLong {
        /// The place in the outbox.
        seq: i64,
        /// Which part is too long.
        field: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
}

/// What one pass over the outbox did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// Messages that are in a queue now and left the outbox.
    pub published: u64,
    /// Messages that no queue took; they stay.
    pub returned: u64,
    /// Messages that the broker could not store; they stay.
    pub refused: u64,
    /// Messages that AMQP cannot carry; they stay.
    pub too_long: u64,
    /// Each reason with how many messages it holds back; at most [`Drained::REASONS_MAX`] reasons, the counts are whole.
    pub left: BTreeMap<Left, u64>,
}

impl Drained {
    /// How many different reasons are kept for a pass.
    pub const REASONS_MAX: usize = 100;

    /// Tells how many messages the pass left in the outbox.
    #[must_use]
    pub fn left_count(&self) -> u64 {
        self.returned + self.refused + self.too_long
    }

    fn leave(&mut self, reason: Left) {
        match reason {
            Left::Unroutable { .. } => self.returned += 1,
            Left::Refused { .. } => self.refused += 1,
            Left::TooLong { .. } => self.too_long += 1,
        }
        if let Some(count) = self.left.get_mut(&reason) {
            *count += 1;
        } else if self.left.len() < Self::REASONS_MAX {
            self.left.insert(reason, 1);
        }
    }
}

/// Returns the URL without its password and its query, fit for a log.
///
/// Hides too much rather than too little: everything up to the last `@` counts as credentials, since a password with an
/// unescaped `/` or `@` is the usual mistake.
#[must_use]
pub fn redact(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (credentials, place) =
        rest.rsplit_once('@').map_or((None, rest), |(credentials, place)| (Some(credentials), place));
    let place = place.split(['?', '#']).next().unwrap_or_default();
    let mut text = String::new();
    if !scheme.is_empty() {
        text.push_str(scheme);
        text.push_str("://");
    }
    if let Some(credentials) = credentials {
        let (user, password) =
            credentials.split_once(':').map_or((credentials, ""), |(user, password)| (user, password));
        text.push_str(user);
        text.push_str(if password.is_empty() { "@" } else { ":***@" });
    }
    text.push_str(place);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("amqp://hub:s3cret@mq.example:5672/%2f", "amqp://hub:***@mq.example:5672/%2f"),
            ("amqps://hub:s3/cr@et@mq.example/v", "amqps://hub:***@mq.example/v"),
            ("amqps://hub:s3:cr?et@mq.example/v", "amqps://hub:***@mq.example/v"),
            ("hub:s3cret@mq.example", "hub:***@mq.example"),
            ("amqp://mq.example/v?password=s3cret", "amqp://mq.example/v"),
            ("amqp://hub@mq.example", "amqp://hub@mq.example"),
            ("amqp://hub:s3cret@[::1]:5672/v", "amqp://hub:***@[::1]:5672/v"),
        ] {
            assert_eq!(redact(url), shown);
        }
    }

    #[test]
    fn settings_do_not_print_the_password() {
        let settings = Settings::new(SecretString::from("amqp://hub:s3cret@mq.example/v"));
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn reasons_are_bounded_and_counts_are_whole() {
        let mut drained = Drained::default();
        for n in 0..250 {
            drained.leave(Left::Refused { routing_key: format!("limit.reduced.c{n}.fr") });
        }
        assert_eq!((drained.refused, drained.left_count(), drained.left.len()), (250, 250, 100));
    }
}
