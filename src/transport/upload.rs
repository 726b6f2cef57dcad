//! Putting a file to an address of a partner, by HTTP: a PUT to the address and the file's name.
//!
//! A PUT may be repeated: the same bytes to the same address come to the same. So nothing is ever in doubt, and after a cut it is done again.
//! No redirect is followed, since an address that the factor did not give is not the factor's.
//! Reference: RFC 9110, section 9.3.4.

use std::time::Duration;

use reqwest::Response;
pub use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use secrecy::{ExposeSecret as _, SecretString};

use super::is_this_machine;
use crate::ids::sha256_hex;

/// How long reaching the server may take.
const CONNECT: Duration = Duration::from_secs(20);

/// How long a file and the answer to it may take.
const ANSWER: Duration = Duration::from_secs(300);

/// How much of a header of the answer is kept.
const HEADER_CHARS_MAX: usize = 200;

/// How to sign in.
#[derive(Debug, Clone)]
pub enum Login {
    /// Not at all.
    Nobody,
    /// With a token.
    Bearer(SecretString),
    /// With a name and a password.
    Basic(String, SecretString),
}

/// An address that files are put to.
#[derive(Debug, Clone)]
pub struct Server {
    /// The address, to which the file's name is added.
    pub url: Url,
    /// How to sign in.
    pub login: Login,
}

/// Why a file was not put.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server does not have it.
    #[error("{0}")]
    NotSent(String),
    /// It may have it; doing it again does no harm.
    #[error("{0}")]
    Unknown(String),
}

/// Reads an address.
///
/// # Errors
/// What is wrong with it.
pub fn address(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no address: write https://host/path")?;
    let is_here = is_this_machine(url.host_str().unwrap_or_default());
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        _ => return Err("files go by https:// only; http:// is for this machine"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a name and a password are not written into the address: write user and password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the name of the file is added to the address, so it has no ? and no #");
    }
    Ok(url)
}

impl Server {
    /// Puts a file; what shows that the server took it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put(&self, name: &str, bytes: &[u8]) -> Result<String, Error> {
        let mut url = self.url.clone();
        // Every https address has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(name);
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .build()
            .map_err(|error| Error::NotSent(error.to_string()))?;
        let request = client.put(url.clone()).header(CONTENT_TYPE, "application/octet-stream");
        let request = match &self.login {
            Login::Nobody => request,
            Login::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Login::Basic(user, password) => request.basic_auth(user, Some(password.expose_secret())),
        };
        let told = |error: reqwest::Error| {
            let reason = format!("{url}: {}", reasons(&error));
            if error.is_connect() { Error::NotSent(reason) } else { Error::Unknown(reason) }
        };
        let answer = request.body(bytes.to_vec()).send().await.map_err(told)?;
        let status = answer.status();
        if status.is_redirection() {
            let to = header(&answer, &LOCATION).unwrap_or_default();
            return Err(Error::NotSent(format!(
                "{url} answers {status} and leads to {to}, which is not followed: if the factor confirms that address, write it into url"
            )));
        }
        if status.is_client_error() {
            return Err(Error::NotSent(format!("{url} answers {status}")));
        }
        if !status.is_success() {
            return Err(Error::Unknown(format!("{url} answers {status}")));
        }
        let (size, hash) = (bytes.len(), sha256_hex(bytes));
        let mut proof = format!("put to {url}; {size} bytes, SHA-256 {hash}; it answers {status}");
        for (word, name) in [("ETag", &ETAG), ("Location", &LOCATION)] {
            if let Some(text) = header(&answer, name) {
                proof.push_str(&format!(", {word} {text}"));
            }
        }
        Ok(proof)
    }
}

fn header(answer: &Response, name: &HeaderName) -> Option<String> {
    let text = answer.headers().get(name)?.to_str().ok()?;
    Some(text.chars().take(HEADER_CHARS_MAX).collect())
}

/// What happened, down to its cause, without the address.
fn reasons(error: &reqwest::Error) -> String {
    let mut told = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(own) = cause {
        told.push(own.to_string());
        cause = own.source();
    }
    told.pop().unwrap_or_else(|| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_guarded_and_plain() {
        for good in
            ["https://factor.example/in", "http://127.0.0.1:8080/", "http://[::1]/in", "http://localhost/"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for (bad, expected) in [
            ("factor.example", "no address"),
            ("http://factor.example/in", "https:// only"),
            ("ftp://factor.example/in", "https:// only"),
            ("https://user:word@factor.example/", "not written into"),
            ("https://factor.example/in?name=x", "no ?"),
        ] {
            assert!(address(bad).unwrap_err().contains(expected), "{bad}");
        }
    }
}
