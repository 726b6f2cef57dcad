//! Sealing files for a partner by OpenPGP: signed with our key where there is one, and encrypted for the partner's.
//!
//! Behind the feature `pgp`, because it doubles what has to be built. Without it the same type is here and can never be made, so that who asks
//! for encryption gets an error and never a file in clear.
//!
//! Invariant: a sealed file is one binary message, the signature inside the encryption, which GnuPG 2.2 reads: version 4 keys, AES-256 with a
//! modification detection code, SHA-512. Reference: RFC 9580, RFC 4880.

#[cfg(not(feature = "pgp"))]
mod absent;
#[cfg(feature = "pgp")]
mod openpgp;

#[cfg(not(feature = "pgp"))]
pub use absent::Seal;
#[cfg(feature = "pgp")]
pub use openpgp::Seal;

/// Our own key, to sign with.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The secret key, armored or binary.
    pub key: &'a [u8],
    /// What it is encrypted with.
    pub passphrase: Option<&'a str>,
}

/// Why a file cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The feature is off.
    #[error(
        "this build of Encours has no OpenPGP: build it with `cargo build --release --locked --features pgp`. Nothing is sent in clear instead"
    )]
    Absent,
    /// The partner's key.
    #[error("encrypt_to: {0}")]
    Recipient(String),
    /// Our own key.
    #[error("sign_with: {0}")]
    Signer(String),
    /// What our own key is encrypted with.
    #[error("sign_passphrase: {0}")]
    Passphrase(String),
    /// The library gave up.
    #[error("{name} cannot be encrypted: {reason}")]
    Failed {
        /// The file.
        name: String,
        /// Why.
        reason: String,
    },
}
