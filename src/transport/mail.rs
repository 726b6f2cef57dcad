//! Mailing a file to a partner: one file a mail, nothing else in it, and an outcome that is known.
//!
//! A mail server answers every step. Until it has asked for the mail, and whenever it answers with a refusal, nothing was sent. Only where
//! the line breaks between the first byte of the mail and the answer to its end does nobody know; that is told, and never repeated by itself.
//! Invariant: the same file of the same batch is mailed with the same Message-ID and the same bytes, however often.
//! Reference: RFC 5321, sections 4.1.1.4, 4.2.5 and 4.5.3.2; RFC 5322; RFC 8314.

use std::fmt::Display;
use std::time::Duration;

pub use lettre::Address;
use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Attachment, Body, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use crate::ids::{fingerprint_hex, sha256_hex};
use crate::model::{Instant, words};

/// How long reaching a server may take, with signing in and the words before a mail.
const CONNECT: Duration = Duration::from_secs(60);

/// How long a server may take over a mail. It is what the standard asks for: a client that gives up before makes doubles.
const ANSWER: Duration = Duration::from_secs(600);

/// How much of the server's answer is kept.
const ANSWER_CHARS_MAX: usize = 200;

words! {
    /// How the line to the server is guarded.
    Tls {
        /// By TLS from the first byte.
        Required = "required",
        /// By TLS after a word in clear; without it nothing is sent.
        Starttls = "starttls",
        /// Not at all; only on this machine.
        None = "none",
    }
}

/// A mail server, and whom it mails to.
#[derive(Debug, Clone)]
pub struct Server {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the line is guarded.
    pub tls: Tls,
    /// Who signs in, where the server wants it.
    pub login: Option<(String, SecretString)>,
    /// Who mails.
    pub from: Address,
    /// To whom.
    pub to: Address,
    /// The subject, in which `{file}` stands for the file's name.
    pub subject: String,
}

/// Why a mail is not there, or may not be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// The server may have it.
    #[error("{0}")]
    Unknown(String),
}

/// Reads an address of the plain kind: `name@host`.
#[must_use]
pub fn address(text: &str) -> Option<Address> {
    text.parse().ok().filter(|_| text.is_ascii())
}

impl Server {
    /// `name@host, through server:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}, through {}", self.to, self.name())
    }

    fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The Message-ID of a file, the same every time.
    #[must_use]
    pub fn message_id(&self, batch: &str, name: &str) -> String {
        let own = fingerprint_hex(&[batch.as_bytes(), name.as_bytes()]);
        format!("<{own}@{}>", self.from.domain())
    }

    /// Connects, with TLS and a sign-in where they are asked for; then says goodbye.
    ///
    /// # Errors
    /// [`Error::NotSent`].
    pub async fn reach(&self) -> Result<(), Error> {
        let mut connection = self.connect().await?;
        let _ = timeout(CONNECT, connection.quit()).await;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let not_sent = |reason: &dyn Display| Error::NotSent(format!("{}: {reason}", self.name()));
        let connected = async {
            let hello = ClientId::Domain(self.from.domain().to_owned());
            let tls = TlsParameters::new(self.host.clone())?;
            let (at_once, later) = match self.tls {
                Tls::Required => (Some(tls), None),
                Tls::Starttls => (None, Some(tls)),
                Tls::None => (None, None),
            };
            let at = (self.host.as_str(), self.port);
            let mut connection =
                AsyncSmtpConnection::connect_tokio1(at, Some(CONNECT), &hello, at_once, None).await?;
            if let Some(tls) = later {
                connection.starttls(tls, &hello).await?;
            }
            if let Some((user, password)) = &self.login {
                let login = Credentials::new(user.clone(), password.expose_secret().to_owned());
                connection.auth(&[Mechanism::Plain, Mechanism::Login], &login).await?;
            }
            Ok(connection)
        };
        let late = |_| not_sent(&format!("no answer within {} s", CONNECT.as_secs()));
        timeout(CONNECT, connected)
            .await
            .map_err(late)?
            .map_err(|error: lettre::transport::smtp::Error| not_sent(&error))
    }

    /// Mails a file; what shows that the server took it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn send(&self, batch: &str, name: &str, bytes: &[u8], now: Instant) -> Result<String, Error> {
        let id = self.message_id(batch, name);
        let mail = self.mail(&id, name, bytes, now).map_err(Error::NotSent)?;
        let mut connection = self.connect().await?;
        let not_sent = |reason: &dyn Display| Error::NotSent(format!("{}: {reason}", self.name()));
        let begun = async {
            connection.command(MailFrom::new(Some(self.from.clone()), Vec::new())).await?;
            connection.command(Rcpt::new(self.to.clone(), Vec::new())).await?;
            connection.command(Data).await
        };
        let late = |_| not_sent(&format!("no answer within {} s", CONNECT.as_secs()));
        timeout(CONNECT, begun).await.map_err(late)?.map_err(|error| not_sent(&error))?;
        let unknown = |reason: String| Error::Unknown(format!("{}: {reason}", self.name()));
        let answer = match timeout(ANSWER, connection.message(&mail)).await {
            Ok(Ok(answer)) if answer.code().severity == Severity::PositiveCompletion => told(&answer),
            Ok(Ok(answer)) => return Err(unknown(format!("it answers {}", told(&answer)))),
            Ok(Err(error)) if error.is_transient() || error.is_permanent() => return Err(not_sent(&error)),
            Ok(Err(error)) => return Err(unknown(format!("the line broke off before its answer ({error})"))),
            Err(_) => return Err(unknown(format!("no answer within {} s", ANSWER.as_secs()))),
        };
        let _ = timeout(CONNECT, connection.quit()).await;
        let (to, size, hash) = (&self.to, bytes.len(), sha256_hex(bytes));
        Ok(format!(
            "mailed to {to} with the Message-ID {id}; {size} bytes, SHA-256 {hash}; {} answers {answer}",
            self.name()
        ))
    }

    /// The mail, byte for byte.
    fn mail(&self, id: &str, name: &str, bytes: &[u8], now: Instant) -> Result<Vec<u8>, String> {
        let unwritten = |reason: &dyn Display| format!("the mail cannot be written: {reason}");
        // Base64 whatever the bytes are: every other encoding may touch the ends of lines.
        let body = Body::new_with_encoding(bytes.to_vec(), ContentTransferEncoding::Base64)
            .map_err(|_| unwritten(&"its file cannot be encoded"))?;
        let kind = ContentType::parse("application/octet-stream").map_err(|error| unwritten(&error))?;
        let file = Attachment::new(name.to_owned()).body(body, kind);
        let boundary = fingerprint_hex(&[id.as_bytes()]);
        let envelope = Envelope::new(Some(self.from.clone()), vec![self.to.clone()]);
        let message = Message::builder()
            .from(self.from.clone().into())
            .to(self.to.clone().into())
            .date(now.into())
            .message_id(Some(id.to_owned()))
            .subject(self.subject.replace("{file}", name))
            .envelope(envelope.map_err(|error| unwritten(&error))?)
            .multipart(MultiPart::mixed().boundary(boundary).singlepart(file));
        Ok(message.map_err(|error| unwritten(&error))?.formatted())
    }
}

fn told(answer: &Response) -> String {
    let lines: Vec<&str> = answer.message().collect();
    format!("{} {}", answer.code(), lines.join(" ")).chars().take(ANSWER_CHARS_MAX).collect()
}
