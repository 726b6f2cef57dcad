//! What stands in for OpenPGP in a build without it: a seal that nobody can make.

use super::{Error, Signer};
use crate::model::Instant;

/// The seal of a partner: never there in this build.
#[derive(Debug)]
pub enum Seal {}

impl Seal {
    /// Says that this build has no OpenPGP.
    ///
    /// # Errors
    /// Always [`Error::Absent`].
    pub const fn new(_public: &[u8], _signer: Option<Signer<'_>>) -> Result<Self, Error> {
        Err(Error::Absent)
    }

    /// The fingerprint of the partner's key.
    #[must_use]
    pub const fn key(&self) -> &str {
        match *self {}
    }

    /// For whom, and signed by whom.
    #[must_use]
    pub const fn told(&self) -> &str {
        match *self {}
    }

    /// Whether both keys may be used now.
    ///
    /// # Errors
    /// Never: there is no seal.
    pub const fn usable(&self, _now: Instant) -> Result<(), Error> {
        match *self {}
    }

    /// Seals a file.
    ///
    /// # Errors
    /// Never: there is no seal.
    pub const fn seal(&self, _name: &str, _bytes: &[u8], _now: Instant) -> Result<Vec<u8>, Error> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_openpgp_refuses_and_says_what_to_build() {
        let told = Seal::new(b"whatever", None).unwrap_err().to_string();
        assert!(told.contains("has no OpenPGP") && told.contains("--features pgp"), "{told}");
    }
}
