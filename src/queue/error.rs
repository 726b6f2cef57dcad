//! What can go wrong between the outbox and the broker, with what was kept and what to do.
//!
//! Every text is safe to log: no password, no body.

use lapin::ErrorKind;

/// Whether waiting helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// It may work later without anybody's help.
    RetryLater,
    /// A person has to change a setting, a right or a certificate first; trying again could lock an account.
    FixConfiguration,
}

/// Why deltas are not being published. Whatever the broker has not confirmed is still in the outbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The setting cannot be read as an AMQP URL.
    #[error(
        "setting `url` of the queue is not an AMQP URL: {reason}; nothing was sent; write \
         amqp://user:password@host:5672/vhost, or amqps for TLS, with special characters percent-encoded (\"/\" is %2f)"
    )]
    Url {
        /// What is wrong with it, without the text itself.
        reason: String,
    },
    /// A name in the settings does not fit in AMQP.
    #[error(
        "setting `{setting}` of the queue has {bytes} bytes, AMQP names have 1 to 255; nothing was sent; shorten it"
    )]
    Name {
        /// Which setting.
        setting: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// Nobody answers at the broker's address.
    #[error(
        "no broker at {broker}: {reason}; every message stays in the outbox and is sent when the broker is back; check \
         that it runs and that host and port in setting `url` of the queue are right"
    )]
    Unreachable {
        /// Host and port.
        broker: String,
        /// What the system said.
        reason: String,
    },
    /// TLS could not be agreed with the broker.
    #[error(
        "no TLS with the broker at {broker}: {reason}; every message stays in the outbox; check the certificate's names \
         and dates, that its issuer is in the system's trust store or in SSL_CERT_FILE, and that the port speaks TLS"
    )]
    Tls {
        /// Host and port.
        broker: String,
        /// What the TLS library said.
        reason: String,
    },
    /// The broker does not know the user, or the password is wrong.
    #[error(
        "broker {broker} refused user {user}; every message stays in the outbox; check user and password in setting \
         `url` of the queue"
    )]
    CredentialsRefused {
        /// Host and port.
        broker: String,
        /// Who was refused.
        user: String,
    },
    /// The vhost does not exist, or the user may not enter it.
    #[error(
        "broker {broker} does not let user {user} into vhost {vhost}: {reason}; every message stays in the outbox; \
         create the vhost, give the user rights in it, or correct the end of setting `url` of the queue"
    )]
    VhostRefused {
        /// Host and port.
        broker: String,
        /// Who asked.
        user: String,
        /// The vhost of the URL, decoded.
        vhost: String,
        /// What the broker said.
        reason: String,
    },
    /// The user is known, but may not do this.
    #[error(
        "broker {broker} does not allow user {user} to {step}: {reason}; every unconfirmed message stays in the outbox; \
         give the user the configure and write rights on the exchange and the queue, and read on the exchange"
    )]
    NotAllowed {
        /// Host and port.
        broker: String,
        /// Who asked.
        user: String,
        /// What was attempted.
        step: &'static str,
        /// What the broker said.
        reason: String,
    },
    /// Something of the same name exists with other properties, or the broker's limits forbid the operation.
    #[error(
        "broker {broker} cannot {step} as asked: {reason}; every unconfirmed message stays in the outbox; change \
         `exchange` or `queue` in the queue's settings, or what the broker holds under that name"
    )]
    Mismatch {
        /// Host and port.
        broker: String,
        /// What was attempted.
        step: &'static str,
        /// What the broker said.
        reason: String,
    },
    /// The connection ended while it was in use.
    #[error(
        "connection to broker {broker} lost on the step \"{step}\": {reason}; every unconfirmed message stays in the \
         outbox and is sent again, so a consumer may see some twice"
    )]
    Lost {
        /// Host and port.
        broker: String,
        /// What was being done.
        step: &'static str,
        /// What ended it.
        reason: String,
    },
    /// The broker is there and says nothing.
    #[error(
        "broker {broker} did not finish the step \"{step}\" within {seconds} s; the connection was dropped; every \
         unconfirmed message stays in the outbox and is sent again, so a consumer may see some twice"
    )]
    Timeout {
        /// Host and port.
        broker: String,
        /// What was being done.
        step: &'static str,
        /// How long it was given.
        seconds: u64,
    },
    /// The broker takes no messages for want of memory or disk.
    #[error(
        "broker {broker} takes no messages: it has raised its memory or disk alarm; every unconfirmed message stays in \
         the outbox and is sent again; free memory or disk on the broker, or read its queues"
    )]
    Blocked {
        /// Host and port.
        broker: String,
    },
    /// The ledger did not answer.
    #[error(
        "the outbox could not be {step}: {source}; nothing is lost, messages that were already published are sent again"
    )]
    Outbox {
        /// `read` or `updated`.
        step: &'static str,
        /// What the ledger said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Tells whether waiting helps.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Url { .. }
            | Self::Name { .. }
            | Self::Tls { .. }
            | Self::CredentialsRefused { .. }
            | Self::VhostRefused { .. }
            | Self::NotAllowed { .. }
            | Self::Mismatch { .. } => Remedy::FixConfiguration,
            Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::Timeout { .. }
            | Self::Blocked { .. }
            | Self::Outbox { .. } => Remedy::RetryLater,
        }
    }
}

/// Who was asked for what; turns the client library's errors into ours.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) broker: String,
    pub(super) user: String,
    pub(super) vhost: String,
}

/// The AMQP reply code of an error, when the broker gave one.
pub(super) fn reply_code(error: &lapin::Error) -> Option<u16> {
    if let ErrorKind::ProtocolError(error) = error.kind() { Some(error.get_id()) } else { None }
}

impl Peer {
    /// An error before the connection was open.
    pub(super) fn refused(&self, error: &lapin::Error) -> Error {
        let (broker, user, vhost) = (self.broker.clone(), self.user.clone(), self.vhost.clone());
        match (reply_code(error), error.kind()) {
            (Some(403), _) => Error::CredentialsRefused { broker, user },
            (Some(402 | 404 | 530), _) => Error::VhostRefused { broker, user, vhost, reason: said(error) },
            (_, ErrorKind::IOError(io)) if is_tls(io) => Error::Tls { broker, reason: io.to_string() },
            (_, ErrorKind::IOError(io)) => Error::Unreachable { broker, reason: io.to_string() },
            _ => Error::Unreachable { broker, reason: said(error) },
        }
    }

    /// An error on an open connection.
    pub(super) fn failed(&self, step: &'static str, error: &lapin::Error) -> Error {
        let (broker, reason) = (self.broker.clone(), said(error));
        match reply_code(error) {
            Some(403) => self.not_allowed(step, error),
            Some(406) => Error::Mismatch { broker, step, reason },
            _ => Error::Lost { broker, step, reason },
        }
    }

    /// The broker knows the user and says no.
    pub(super) fn not_allowed(&self, step: &'static str, error: &lapin::Error) -> Error {
        let (broker, user) = (self.broker.clone(), self.user.clone());
        Error::NotAllowed { broker, user, step, reason: said(error) }
    }
}

/// The broker's own words where there are any.
fn said(error: &lapin::Error) -> String {
    if let ErrorKind::ProtocolError(error) = error.kind() {
        error.get_message().to_string()
    } else {
        error.to_string()
    }
}

fn is_tls(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData
        || error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}
