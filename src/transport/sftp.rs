//! A folder of an SFTP server into which files are put for a partner, who sees them whole or not at all.
//!
//! The steps are those of [`super::drop`]. The server is known by its host key, whose fingerprint is pinned: to another one nothing is said,
//! no user and no password. A file is written under its hidden name, made durable where the server can, and read back before anything
//! follows from it; a rename of this protocol never overwrites. Whoever calls sees to it that one process at a time prepares a file.
//! Invariant: a file has its name whole, or does not have it.
//! Reference: RFC 4253; draft-ietf-secsh-filexfer-02, which is version 3 of the protocol, and OpenSSH's extensions to it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, AuthResult, Handle};
use russh::keys::ssh_key::Fingerprint;
use russh::keys::{self, Algorithm, EcdsaCurve, HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{Disconnect, Preferred};
use russh_sftp::client::{Config, SftpSession, error::Error as Said};
use russh_sftp::protocol::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::drop::Publication;

/// How long reaching a server may take, and signing in to it.
const CONNECT: Duration = Duration::from_secs(20);

/// How long the server may take to answer one request, in seconds.
const REQUEST_SECONDS: u64 = 30;

/// After how long a silence the server is asked whether it is still there; three times unanswered, the connection is given up.
const SILENCE: Duration = Duration::from_secs(15);

const ECDSA: [Algorithm; 3] = [
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
];
const RSA: [Algorithm; 2] =
    [Algorithm::Rsa { hash: Some(HashAlg::Sha512) }, Algorithm::Rsa { hash: Some(HashAlg::Sha256) }];

/// The fingerprint of a server's key: `SHA256:` and 43 signs, as `ssh-keygen -l` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostKey(Fingerprint);

impl HostKey {
    /// Reads it; nothing when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|own: &Fingerprint| own.is_sha256()).map(Self)
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How to sign in.
#[derive(Clone)]
pub enum Login {
    /// With a password.
    Password(SecretString),
    /// With a private key.
    Key(Arc<PrivateKey>),
}

impl Login {
    /// Reads a private key in any of the usual forms: OpenSSH, PKCS#1, PKCS#8, PuTTY.
    ///
    /// # Errors
    /// A sentence, without the key.
    pub fn key(text: &str, passphrase: Option<&str>) -> Result<Self, String> {
        match keys::decode_secret_key(text, passphrase) {
            Ok(key) => Ok(Self::Key(Arc::new(key))),
            Err(keys::Error::KeyIsEncrypted) => {
                Err("the private key has a passphrase: write key_passphrase too".to_owned())
            }
            Err(error) if passphrase.is_some() => {
                Err(format!("it is no private key, or key_passphrase is not its passphrase ({error})"))
            }
            Err(error) => Err(format!(
                "it is no private key ({error}): write key = \"file:PATH\", the file that ssh-keygen made without \".pub\""
            )),
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Key(_) => "Key",
        })
    }
}

/// A server, and the folder on it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Who signs in.
    pub user: String,
    /// How.
    pub login: Login,
    /// The key that the server has.
    pub host_key: HostKey,
    /// The folder; a relative one starts where the server puts the user.
    pub folder: String,
}

/// Why a file is not on the server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server does not answer, or stops answering.
    #[error("{server} cannot be reached: {reason}")]
    Unreachable {
        /// Which server.
        server: String,
        /// What happened.
        reason: String,
    },
    /// The server is not the one that is pinned.
    #[error(
        "{server} shows {shown}, and not the host_key of the connection, {pinned}: nothing was said to it. Ask the factor, by another way than \
         this network, which key its server has; write what it confirms into host_key, and nothing else"
    )]
    HostKey {
        /// Which server.
        server: String,
        /// What it showed.
        shown: String,
        /// What it should have shown.
        pinned: HostKey,
    },
    /// The server does not let the user in.
    #[error("{server} does not let the user in: {reason}")]
    Login {
        /// Which server.
        server: String,
        /// What it says.
        reason: String,
    },
    /// The folder cannot be used.
    #[error("the folder {folder} cannot be used: {reason}; is its name right, and may the user see it?")]
    Folder {
        /// Which folder.
        folder: String,
        /// What the server said.
        reason: String,
    },
    /// A file could not be written, read or named.
    #[error("{file} cannot be {done}: {reason}")]
    File {
        /// Which file.
        file: String,
        /// What was to be done with it.
        done: &'static str,
        /// What the server said.
        reason: String,
    },
    /// A file of the name holds other bytes.
    #[error("{file} is there already and holds something else; it is not overwritten")]
    Taken {
        /// Which file.
        file: String,
    },
}

/// What a name stands for on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    Same,
    /// Of the same size, and may not be read.
    Unreadable,
    Other,
}

/// Why a connection is not made.
#[derive(Debug)]
enum Refusal {
    Key(String),
    Ssh(russh::Error),
}

impl From<russh::Error> for Refusal {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

/// Lets one server key pass.
struct Pinned(HostKey);

impl client::Handler for Pinned {
    type Error = Refusal;

    async fn check_server_key(&mut self, server: &keys::PublicKeyOrCertificate) -> Result<bool, Refusal> {
        let key = server.public_key();
        let shown = key.fingerprint(HashAlg::Sha256);
        if shown == self.0.0 { Ok(true) } else { Err(Refusal::Key(format!("{} {shown}", key.algorithm()))) }
    }
}

impl Server {
    /// `sftp://user@host:port/folder`.
    #[must_use]
    pub fn address(&self) -> String {
        match self.folder.as_str() {
            "." => format!("{}/~", self.name()),
            folder if folder.starts_with('/') => format!("{}{folder}", self.name()),
            folder => format!("{}/~/{folder}", self.name()),
        }
    }

    fn name(&self) -> String {
        format!("sftp://{}@{}:{}", self.user, self.host, self.port)
    }

    fn unreachable(&self, reason: impl fmt::Display) -> Error {
        Error::Unreachable { server: self.name(), reason: reason.to_string() }
    }

    /// Connects to the server and to no other. A server has a key of several kinds, and the factor may have named any of them.
    async fn connect(&self) -> Result<Handle<Pinned>, Error> {
        let mut shown: Vec<String> = Vec::new();
        let every: Vec<Algorithm> = [Algorithm::Ed25519].into_iter().chain(ECDSA).chain(RSA).collect();
        for kinds in [every, ECDSA.to_vec(), RSA.to_vec()] {
            let config = client::Config {
                preferred: Preferred { key: Cow::Owned(kinds), ..Preferred::DEFAULT },
                keepalive_interval: Some(SILENCE),
                nodelay: true,
                ..client::Config::default()
            };
            let address = (self.host.as_str(), self.port);
            let connected = client::connect(Arc::new(config), address, Pinned(self.host_key));
            match timeout(CONNECT, connected).await {
                Ok(Ok(handle)) => return Ok(handle),
                Ok(Err(Refusal::Key(key))) if shown.contains(&key) => {}
                Ok(Err(Refusal::Key(key))) => shown.push(key),
                // It has no key of the other kinds.
                Ok(Err(Refusal::Ssh(_))) | Err(_) if !shown.is_empty() => {}
                Ok(Err(Refusal::Ssh(error))) => return Err(self.unreachable(error)),
                Err(_) => {
                    return Err(self.unreachable(format!("no answer within {} s", CONNECT.as_secs())));
                }
            }
        }
        Err(Error::HostKey { server: self.name(), shown: shown.join(" and "), pinned: self.host_key })
    }

    async fn sign_in(&self, handle: &mut Handle<Pinned>) -> Result<AuthResult, russh::Error> {
        match &self.login {
            Login::Password(password) => {
                handle.authenticate_password(&self.user, password.expose_secret()).await
            }
            Login::Key(key) => {
                let hash = match key.algorithm() {
                    // SHA-1 is not offered, even where a server knows nothing else.
                    algorithm if algorithm.clone().is_rsa() => {
                        let best = handle.best_supported_rsa_hash().await?.flatten();
                        Some(best.unwrap_or(HashAlg::Sha512))
                    }
                    _ => None,
                };
                let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
                handle.authenticate_publickey(&self.user, key).await
            }
        }
    }
}

/// A folder of a server, signed in to.
pub struct Session {
    handle: Handle<Pinned>,
    sftp: SftpSession,
    /// The server, as it is told.
    server: String,
    host_key: HostKey,
    /// The folder, from the root on, without a slash at its end.
    folder: String,
}

impl Session {
    /// Connects, signs in and looks for the folder.
    ///
    /// # Errors
    /// [`Error`]; nothing was written.
    pub async fn open(server: &Server) -> Result<Self, Error> {
        let mut handle = server.connect().await?;
        let late = |_| server.unreachable(format!("no answer within {} s", CONNECT.as_secs()));
        let entered = timeout(CONNECT, server.sign_in(&mut handle)).await.map_err(late)?;
        match entered.map_err(|error| server.unreachable(error))? {
            AuthResult::Success => {}
            AuthResult::Failure { remaining_methods, .. } => {
                let offered: Vec<&str> = remaining_methods.iter().map(Into::into).collect();
                let reason = if offered.is_empty() {
                    "it closes the connection".to_owned()
                } else {
                    format!(
                        "is it the right user with the right password or key? It would take {}",
                        offered.join(", ")
                    )
                };
                return Err(Error::Login { server: server.name(), reason });
            }
        }
        let begun = async {
            let channel = handle.channel_open_session().await.map_err(|error| error.to_string())?;
            channel.request_subsystem(true, "sftp").await.map_err(|error| error.to_string())?;
            let config = Config { request_timeout_secs: REQUEST_SECONDS, ..Config::default() };
            SftpSession::new_with_config(channel.into_stream(), config).await.map_err(|error| said(&error))
        };
        let sftp = timeout(CONNECT, begun).await.map_err(late)?.map_err(|reason| Error::Login {
            server: server.name(),
            reason: format!("it gives no SFTP ({reason})"),
        })?;
        let unusable = |reason: String| Error::Folder { folder: server.address(), reason };
        let folder = sftp.canonicalize(&server.folder).await.map_err(|error| unusable(said(&error)))?;
        let session = Self {
            handle,
            sftp,
            server: server.name(),
            host_key: server.host_key,
            folder: folder.trim_end_matches('/').to_owned(),
        };
        session.is_there().await?;
        Ok(session)
    }

    /// The folder, by one name however it was written: `sftp://user@host:port/folder`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}{}", self.server, self.folder)
    }

    /// The key that the server has shown.
    #[must_use]
    pub const fn host_key(&self) -> HostKey {
        self.host_key
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    fn part(&self, name: &str) -> String {
        self.path(&format!(".{name}.part"))
    }

    fn file(&self, path: &str, done: &'static str, reason: impl Into<String>) -> Error {
        Error::File { file: format!("{}{path}", self.server), done, reason: reason.into() }
    }

    async fn is_there(&self) -> Result<(), Error> {
        let folder = if self.folder.is_empty() { "/" } else { &self.folder };
        let unusable = |reason: String| Error::Folder { folder: format!("{}{folder}", self.server), reason };
        match self.sftp.metadata(folder).await {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(unusable("it is not a folder".to_owned())),
            Err(error) => Err(unusable(said(&error))),
        }
    }

    /// Writes a file under its hidden name: whole, durable where the server can, and read back when this returns, or not at all.
    ///
    /// # Errors
    /// [`Error::Taken`] when another file has the name already; [`Error::File`].
    pub async fn prepare(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.is_named(name, bytes).await?;
        let part = self.part(name);
        let unwritten = |reason: String| self.file(&part, "written", reason);
        let mut file = self.sftp.create(&part).await.map_err(|error| unwritten(said(&error)))?;
        let written = async {
            file.write_all(bytes).await?;
            file.flush().await?;
            file.shutdown().await
        };
        written.await.map_err(|error| unwritten(error.to_string()))?;
        match self.held(&part, bytes).await? {
            // A folder that one may only write into shows sizes.
            Held::Same | Held::Unreadable => Ok(()),
            Held::Nothing | Held::Other => {
                Err(unwritten("what is there afterwards is not what was sent".to_owned()))
            }
        }
    }

    /// Gives a prepared file its name, in one step; nothing when it had the name and was taken since.
    ///
    /// # Errors
    /// [`Error::Taken`] when another file has the name; [`Error::File`], [`Error::Folder`].
    pub async fn publish(&self, name: &str, bytes: &[u8]) -> Result<Option<Publication>, Error> {
        // Where the folder itself is gone, nothing would be there, as if the partner had taken everything.
        self.is_there().await?;
        let (part, path) = (self.part(name), self.path(name));
        let is_named = self.is_named(name, bytes).await?;
        match (self.held(&part, bytes).await?, is_named) {
            (Held::Nothing, named) => Ok(named.then_some(Publication::Already)),
            (Held::Same | Held::Unreadable | Held::Other, true) => {
                self.sftp
                    .remove_file(&part)
                    .await
                    .map_err(|error| self.file(&part, "removed", said(&error)))?;
                Ok(Some(Publication::Already))
            }
            (hidden, false) => {
                if hidden == Held::Other {
                    // The server lost of it what it had confirmed. It never had its name, or it would not be here.
                    self.prepare(name, bytes).await?;
                }
                let named = self.sftp.rename(&part, &path).await;
                named.map_err(|error| self.file(&path, "given its name", said(&error)))?;
                Ok(Some(Publication::Now))
            }
        }
    }

    /// Whether the file has its name. Refuses to go on where a file of this name holds other bytes, or bytes that cannot be known.
    async fn is_named(&self, name: &str, bytes: &[u8]) -> Result<bool, Error> {
        let path = self.path(name);
        match self.held(&path, bytes).await? {
            Held::Nothing => Ok(false),
            Held::Same => Ok(true),
            Held::Other => Err(Error::Taken { file: format!("{}{path}", self.server) }),
            Held::Unreadable => Err(self.file(
                &path,
                "told from another one",
                "a file of this name and size is there already, and the user may not read it",
            )),
        }
    }

    async fn held(&self, path: &str, wanted: &[u8]) -> Result<Held, Error> {
        let found = match self.sftp.metadata(path).await {
            Ok(found) => found,
            Err(error) if is(&error, StatusCode::NoSuchFile) => return Ok(Held::Nothing),
            Err(error) => return Err(self.file(path, "looked at", said(&error))),
        };
        let size = u64::try_from(wanted.len()).unwrap_or(u64::MAX);
        if found.size.is_some_and(|own| own != size) {
            return Ok(Held::Other);
        }
        let file = match self.sftp.open(path).await {
            Ok(file) => file,
            Err(error) if is(&error, StatusCode::NoSuchFile) => return Ok(Held::Nothing),
            Err(error) if is(&error, StatusCode::PermissionDenied) && found.size.is_some() => {
                return Ok(Held::Unreadable);
            }
            Err(error) => return Err(self.file(path, "read", said(&error))),
        };
        let mut there = Vec::with_capacity(wanted.len());
        let mut head = file.take(size.saturating_add(1));
        head.read_to_end(&mut there).await.map_err(|error| self.file(path, "read", error.to_string()))?;
        Ok(if there == wanted { Held::Same } else { Held::Other })
    }

    /// Says goodbye. What was done stays done whether the server hears it or not.
    pub async fn close(self) {
        let goodbye = async {
            let _ = self.sftp.close().await;
            let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
        };
        let _ = timeout(CONNECT, goodbye).await;
    }
}

fn is(error: &Said, code: StatusCode) -> bool {
    matches!(error, Said::Status(status) if status.status_code == code)
}

/// What the server said, in its own words where it has any.
fn said(error: &Said) -> String {
    match error {
        Said::Status(status) if status.error_message.is_empty() => status.status_code.to_string(),
        Said::Status(status) => status.error_message.clone(),
        Said::Timeout => format!("no answer within {REQUEST_SECONDS} s"),
        Said::IO(_) | Said::Limited(_) | Said::UnexpectedPacket | Said::UnexpectedBehavior(_) => {
            format!("the connection broke off ({error})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_one_of_sha_256() {
        let good = "SHA256:Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM";
        assert_eq!(HostKey::parse(good).unwrap().to_string(), good);
        for bad in ["", "SHA256:", "Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM", "MD5:aa:bb", "SHA256:Nh0M"]
        {
            assert_eq!(HostKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_key_is_told_without_it() {
        let told = Login::key("-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n", None).unwrap_err();
        assert!(told.contains("it is no private key") && !told.contains("c2VjcmV0"), "{told}");
    }
}
