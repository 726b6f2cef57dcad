//! A place into which the files of a batch are put: a folder of this machine, or one of an SFTP server. Both have the same two steps:
//! a file is written whole under a hidden name, and later gets its own name at once, which is never done twice and never over another file.

use std::path::{Path, PathBuf};

use super::drop::{self, Publication};
use super::{mail, sftp, upload};
use crate::ids::sha256_hex;

/// How the files of a batch reach a partner.
#[derive(Debug, Clone)]
pub enum Way {
    /// Through a folder, from which a program of the company or of the partner takes them.
    Folder(PathBuf),
    /// Into a folder of an SFTP server.
    Sftp(Box<sftp::Server>),
    /// By mail, one file each.
    Mail(Box<mail::Server>),
    /// By HTTP, to an address for each.
    Http(Box<upload::Server>),
}

impl Way {
    /// Where it leads, in a few signs.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Sftp(server) => server.address(),
            Self::Mail(server) => server.address(),
            Self::Http(server) => server.url.to_string(),
        }
    }

    /// Finds the folder, or signs in to the server and out again; what was found.
    ///
    /// # Errors
    /// A sentence; nothing was written or sent.
    pub async fn reach(&self) -> Result<String, String> {
        match self {
            Self::Folder(folder) => Place::folder(folder).map(|place| format!("{} is there", place.name())),
            Self::Sftp(server) => match Place::sftp(server).await {
                Ok(place) => {
                    let name = place.name();
                    place.close().await;
                    Ok(format!("signed in, {name} is there"))
                }
                Err(error) => Err(error),
            },
            // Whatever is asked of an address could be taken for a file.
            Self::Http(server) => {
                return Ok(format!("{} is not tried: only a file can be put there", server.url));
            }
            Self::Mail(server) => {
                return match server.reach().await {
                    Ok(()) => Ok(format!("the mail server answers; nothing was mailed to {}", server.to)),
                    Err(error) => Err(error.to_string()),
                };
            }
        }
        .map_err(|error| error.to_string())
    }
}

/// Why a file is not in its place.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder of this machine.
    #[error(transparent)]
    Folder(#[from] drop::Error),
    /// A server.
    #[error(transparent)]
    Sftp(#[from] sftp::Error),
}

/// A place that can be reached.
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A folder of a server, signed in to.
    Sftp(Box<sftp::Session>),
}

impl Place {
    /// Finds a folder of this machine.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn folder(folder: &Path) -> Result<Self, Error> {
        drop::is_there(folder)?;
        // One folder has one name, wherever the command is run from.
        Ok(Self::Folder(std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())))
    }

    /// Signs in to a server and finds the folder there.
    ///
    /// # Errors
    /// [`Error::Sftp`]; nothing was written.
    pub async fn sftp(server: &sftp::Server) -> Result<Self, Error> {
        Ok(Self::Sftp(Box::new(sftp::Session::open(server).await?)))
    }

    /// Its one name.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Sftp(session) => session.name(),
        }
    }

    /// Writes a file under its hidden name: whole and durable when this returns, or not at all.
    ///
    /// # Errors
    /// [`Error`], also when another file has its name already.
    pub async fn prepare(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Folder(folder) => {
                drop::refuse_another(&folder.join(name), bytes)?;
                drop::prepare(folder, name, bytes)?;
            }
            Self::Sftp(session) => session.prepare(name, bytes).await?,
        }
        Ok(())
    }

    /// Gives a prepared file its name; what shows that it is there, or was.
    ///
    /// # Errors
    /// [`Error`]; the file then has its hidden name, or its own, and the same step goes on.
    pub async fn publish(&self, name: &str, bytes: &[u8]) -> Result<String, Error> {
        let published = match self {
            Self::Folder(folder) => publish(folder, name)?,
            Self::Sftp(session) => session.publish(name, bytes).await?,
        };
        let mut proof = format!("put there as {}/{name}", self.name());
        if published.is_none() {
            proof.push_str(", and taken since");
        }
        if let Self::Sftp(session) = self {
            let (size, hash, key) = (bytes.len(), sha256_hex(bytes), session.host_key());
            proof.push_str(&format!("; {size} bytes, SHA-256 {hash}, host key {key}"));
        }
        Ok(proof)
    }

    /// Says goodbye to a server.
    pub async fn close(self) {
        match self {
            Self::Folder(_) => {}
            Self::Sftp(session) => session.close().await,
        }
    }
}

fn publish(folder: &Path, name: &str) -> Result<Option<Publication>, drop::Error> {
    let (part, path) = (drop::part(folder, name), folder.join(name));
    drop::is_there(folder)?;
    if drop::bytes(&part)?.is_none() && drop::bytes(&path)?.is_none() {
        return Ok(None);
    }
    drop::publish(&part, &path).map(Some)
}
