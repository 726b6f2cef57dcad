//! The seal by the library `pgp`: which of a key's parts may be used, and the message itself.
//!
//! The library reads keys and says nothing of whether they may be used. What is believed here was signed by the key itself, and of several
//! words the last one counts. A revocation counts whatever its reason.

use std::fmt;

use pgp::composed::{
    MessageBuilder, PublicOrSecret, SignedPublicKey, SignedPublicSubKey, SignedSecretKey, SubpacketConfig,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{Signature, SignatureType, Subpacket, SubpacketData};
use pgp::types::{
    Fingerprint, KeyDetails, KeyVersion, Password, S2kParams, SecretParams, SigningKey, StringToKey, Tag,
    Timestamp,
};
use rand::rngs::OsRng;

use super::{Error, Signer};
use crate::model::Instant;

/// The seal of a partner: its key, and ours where files are signed.
pub struct Seal {
    recipient: SignedPublicKey,
    own: Option<Own>,
    key: String,
    told: String,
}

/// Our own key: its public side, by which its parts are judged, and the secret parts that are here, open.
struct Own {
    key: SignedPublicKey,
    secrets: Vec<Secret>,
}

type Secret = Box<dyn SigningKey + Send + Sync>;

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What a part of a key is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Encrypts,
    Signs,
}

/// A part of a key.
#[derive(Clone, Copy)]
enum Part<'a> {
    Primary(&'a SignedPublicKey),
    Subkey(&'a SignedPublicSubKey),
}

impl Part<'_> {
    fn fingerprint(self) -> Fingerprint {
        match self {
            Self::Primary(key) => key.fingerprint(),
            Self::Subkey(key) => key.fingerprint(),
        }
    }
}

impl Seal {
    /// Reads the partner's public key and our own secret one, and tries both on nothing. Whether they have expired is asked later, see
    /// [`Seal::usable`]: time passes without anybody changing a file.
    ///
    /// # Errors
    /// [`Error`]: what is wrong with which key, and what to do.
    pub fn new(public: &[u8], signer: Option<Signer<'_>>) -> Result<Self, Error> {
        let recipient = match one(public, "file:factor.asc").map_err(Error::Recipient)? {
            PublicOrSecret::Public(key) => key,
            PublicOrSecret::Secret(_) => {
                let told = "it is a secret key, and the factor's public one belongs here; nothing of it was kept. If the factor sent it, tell \
                            them: it is no secret any more";
                return Err(Error::Recipient(told.to_owned()));
            }
        };
        let version = recipient.version();
        if version != KeyVersion::V4 {
            let told = format!(
                "it is a key of version {}, and only version 4 is written for: ask the factor for such a key",
                u8::from(version)
            );
            return Err(Error::Recipient(told));
        }
        let own = signer.map(own).transpose()?;
        let key = format!("{:X}", recipient.fingerprint());
        let mut told = format!("encrypted for {}", named(&recipient));
        if let Some(own) = &own {
            told.push_str(&format!(", signed by {}", named(&own.key)));
        }
        let seal = Self { recipient, own, key, told };
        seal.write("", &[], None)?;
        Ok(seal)
    }

    /// The fingerprint of the partner's key, in capitals.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// For whom, and signed by whom.
    #[must_use]
    pub fn told(&self) -> &str {
        &self.told
    }

    /// Whether both keys may be used now.
    ///
    /// # Errors
    /// [`Error`]: which has expired, and what to do.
    pub fn usable(&self, now: Instant) -> Result<(), Error> {
        self.parts(Some(stamp(now))).map(|_| ())
    }

    /// Seals a file. The bytes differ each time, since each message has a key of its own.
    ///
    /// # Errors
    /// [`Error`]: a key has expired.
    pub fn seal(&self, name: &str, bytes: &[u8], now: Instant) -> Result<Vec<u8>, Error> {
        self.write(name, bytes, Some(stamp(now)))
    }

    /// The parts that encrypt and sign at an instant, or at any.
    fn parts(&self, at: Option<Timestamp>) -> Result<(Part<'_>, Option<&Secret>), Error> {
        let any = |_: &Fingerprint| true;
        let part = usable(&self.recipient, Purpose::Encrypts, at, &any).map_err(|wrong| {
            Error::Recipient(format!(
                "{}. Ask the factor for another key",
                wrong.told(&self.recipient, Purpose::Encrypts)
            ))
        })?;
        let Some(own) = &self.own else { return Ok((part, None)) };
        let secret =
            |fingerprint: &Fingerprint| own.secrets.iter().find(|own| own.fingerprint() == *fingerprint);
        let has = |fingerprint: &Fingerprint| secret(fingerprint).is_some();
        let signs = usable(&own.key, Purpose::Signs, at, &has).map_err(|wrong| {
            Error::Signer(format!("{}. Name another key of yours", wrong.told(&own.key, Purpose::Signs)))
        })?;
        Ok((part, secret(&signs.fingerprint())))
    }

    fn write(&self, name: &str, bytes: &[u8], at: Option<Timestamp>) -> Result<Vec<u8>, Error> {
        let (part, secret) = self.parts(at)?;
        let failed =
            |error: pgp::errors::Error| Error::Failed { name: name.to_owned(), reason: error.to_string() };
        let cannot = |error: pgp::errors::Error| {
            Error::Recipient(format!(
                "nothing can be encrypted for {}: {error}. Ask the factor for a key of RSA or of Curve 25519",
                named(&self.recipient)
            ))
        };
        let mut builder = MessageBuilder::from_bytes(name.to_owned(), bytes.to_vec())
            .seipd_v1(OsRng, SymmetricKeyAlgorithm::AES256);
        match part {
            Part::Primary(key) => builder.encrypt_to_key(OsRng, &key.primary_key).map_err(cannot)?,
            Part::Subkey(key) => builder.encrypt_to_key(OsRng, &key.key).map_err(cannot)?,
        };
        if let Some(secret) = secret {
            let said = signed_at(secret.as_ref(), at.unwrap_or_default()).map_err(failed)?;
            builder.sign_with_subpackets(secret.as_ref(), Password::empty(), HashAlgorithm::Sha512, said);
        }
        builder.to_vec(OsRng).map_err(failed)
    }
}

/// What a signature says beside the file: by whom and when.
fn signed_at(key: &dyn SigningKey, at: Timestamp) -> Result<SubpacketConfig, pgp::errors::Error> {
    let hashed = vec![
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        Subpacket::regular(SubpacketData::SignatureCreationTime(at))?,
    ];
    let unhashed = vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
    Ok(SubpacketConfig::UserDefined { hashed, unhashed })
}

fn stamp(now: Instant) -> Timestamp {
    Timestamp::from_secs(u32::try_from(now.timestamp()).unwrap_or(u32::MAX))
}

fn date(at: Timestamp) -> String {
    chrono::DateTime::from_timestamp(i64::from(at.as_secs()), 0)
        .map_or_else(String::new, |at| at.date_naive().to_string())
}

/// A key as people know it: its fingerprint and its first user.
fn named(key: &SignedPublicKey) -> String {
    // Whoever made the key wrote it, and it is shown on a terminal.
    let shown =
        |id: &[u8]| String::from_utf8_lossy(id).chars().filter(|sign| !sign.is_control()).collect::<String>();
    let user = key.details.users.first().map(|user| shown(user.id.id()));
    let fingerprint = format!("{:X}", key.fingerprint());
    user.map_or_else(|| fingerprint.clone(), |user| format!("{fingerprint} ({user})"))
}

/// The one key of a file.
fn one(bytes: &[u8], example: &str) -> Result<PublicOrSecret, String> {
    let no_key = || {
        format!(
            "it is no OpenPGP key: write a file as `gpg --export` makes it, armored or binary, in the form {example}"
        )
    };
    let (keys, _) = PublicOrSecret::from_reader_many(bytes).map_err(|_| no_key())?;
    let mut keys = keys.collect::<Result<Vec<_>, _>>().map_err(|_| no_key())?;
    // Of several armored blocks only the first is read.
    let blocks = String::from_utf8_lossy(bytes).matches("-----BEGIN PGP ").count();
    let found = keys.pop().ok_or_else(no_key)?;
    if keys.is_empty() && blocks < 2 {
        return Ok(found);
    }
    Err("the file holds several keys: export the one that is meant, alone".to_owned())
}

/// Opens our own key.
fn own(signer: Signer<'_>) -> Result<Own, Error> {
    let key = match one(signer.key, "file:own.asc").map_err(Error::Signer)? {
        PublicOrSecret::Secret(key) => key,
        PublicOrSecret::Public(_) => {
            let told = "it is a public key, and only a secret one signs: write what `gpg --export-secret-keys` gives";
            return Err(Error::Signer(told.to_owned()));
        }
    };
    let public = key.to_public_key();
    if public.version() != KeyVersion::V4 {
        let told = format!(
            "it is a key of version {}, and only version 4 is signed with",
            u8::from(public.version())
        );
        return Err(Error::Signer(told));
    }
    let secrets = secrets(key, signer.passphrase, &named(&public))?;
    Ok(Own { key: public, secrets })
}

/// The secret parts that are here and may sign by what the key says of them, open.
fn secrets(key: SignedSecretKey, passphrase: Option<&str>, name: &str) -> Result<Vec<Secret>, Error> {
    let open = |params: &SecretParams| match (params, passphrase) {
        (SecretParams::Encrypted(_), None) => Err(Error::Signer(format!(
            "the key {name} has a passphrase: write it as sign_passphrase = \"env:NAME\""
        ))),
        (SecretParams::Encrypted(_), Some(text)) => Ok(Password::from(text)),
        (SecretParams::Plain(_), _) => Ok(Password::empty()),
    };
    let wrong = |_: pgp::errors::Error| Error::Passphrase(format!("it does not open the key {name}"));
    let signs = |own: &Signature| own.key_flags().sign();
    let mut found: Vec<Secret> = Vec::new();
    let SignedSecretKey { mut primary_key, secret_subkeys, .. } = key;
    if is_here(primary_key.secret_params()) {
        primary_key.remove_password(&open(primary_key.secret_params())?).map_err(wrong)?;
        found.push(Box::new(primary_key));
    }
    for mut subkey in secret_subkeys {
        if subkey.signatures.iter().any(signs) && is_here(subkey.key.secret_params()) {
            subkey.key.remove_password(&open(subkey.key.secret_params())?).map_err(wrong)?;
            found.push(Box::new(subkey.key));
        }
    }
    Ok(found)
}

/// Whether a secret part is in the file: GnuPG leaves a mark in place of one that is kept elsewhere.
fn is_here(params: &SecretParams) -> bool {
    let SecretParams::Encrypted(own) = params else { return true };
    !matches!(
        own.string_to_key_params(),
        S2kParams::Cfb { s2k: StringToKey::Private { .. }, .. }
            | S2kParams::MalleableCfb { s2k: StringToKey::Private { .. }, .. }
    )
}

/// Why a key is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    Unable,
    Revoked,
    Expired(Timestamp),
    ToCome(Timestamp),
    Unsigned,
}

impl Wrong {
    fn told(self, key: &SignedPublicKey, purpose: Purpose) -> String {
        let verb = match purpose {
            Purpose::Encrypts => "encrypts",
            Purpose::Signs => "signs",
        };
        let name = named(key);
        match self {
            Self::Revoked => format!("the key {name} is revoked"),
            Self::Expired(at) => format!("the key {name} expired on {}", date(at)),
            Self::ToCome(at) => format!(
                "the key {name} is of {}, which is to come; is the clock of this machine right?",
                date(at)
            ),
            Self::Unsigned => format!(
                "nothing that the key {name} says of itself can be verified: it is damaged, or of a kind that is not known here; RSA and \
                 Curve 25519 are"
            ),
            Self::Unable => format!("the key {name} has no part that {verb}"),
        }
    }
}

/// The newest part of a key that serves a purpose; of the primary key only where no subkey does.
fn usable<'a>(
    key: &'a SignedPublicKey,
    purpose: Purpose,
    at: Option<Timestamp>,
    has: &dyn Fn(&Fingerprint) -> bool,
) -> Result<Part<'a>, Wrong> {
    let primary = &key.primary_key;
    let is_revocation = |own: &&Signature| own.typ() == Some(SignatureType::KeyRevocation);
    if key
        .details
        .revocation_signatures
        .iter()
        .filter(is_revocation)
        .any(|own| own.verify_key(primary).is_ok())
    {
        return Err(Wrong::Revoked);
    }
    let said = said(key).ok_or(Wrong::Unsigned)?;
    in_time(primary.created_at(), said, at)?;
    let mut why = Wrong::Unable;
    let mut newest: Option<&SignedPublicSubKey> = None;
    for subkey in &key.public_subkeys {
        match subkey_serves(key, subkey, purpose, at) {
            Ok(()) if !has(&subkey.fingerprint()) => {}
            Ok(()) if newest.is_none_or(|other| other.created_at() <= subkey.created_at()) => {
                newest = Some(subkey)
            }
            Ok(()) => {}
            Err(wrong) => why = why.max(wrong),
        }
    }
    if let Some(subkey) = newest {
        return Ok(Part::Subkey(subkey));
    }
    if serves(said, purpose) && has(&key.fingerprint()) {
        return Ok(Part::Primary(key));
    }
    Err(why)
}

/// What a key last said of itself: of one of its users, or else of itself directly.
fn said(key: &SignedPublicKey) -> Option<&Signature> {
    let primary = &key.primary_key;
    let users = key.details.users.iter().filter_map(|user| {
        let own = user
            .signatures
            .iter()
            .filter(|own| own.verify_certification(primary, Tag::UserId, &user.id).is_ok());
        newest(own).filter(|own| own.typ() != Some(SignatureType::CertRevocation))
    });
    newest(users).or_else(|| {
        let direct = key.details.direct_signatures.iter();
        newest(direct.filter(|own| own.typ() == Some(SignatureType::Key) && own.verify_key(primary).is_ok()))
    })
}

/// Whether a subkey serves a purpose; [`Wrong::Unable`] also where it was never meant to.
fn subkey_serves(
    key: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    purpose: Purpose,
    at: Option<Timestamp>,
) -> Result<(), Wrong> {
    let primary = &key.primary_key;
    let valid = |typ: SignatureType| {
        let own = subkey.signatures.iter().filter(move |own| own.typ() == Some(typ));
        own.filter(|own| own.verify_subkey_binding(primary, &subkey.key).is_ok())
    };
    let bound = newest(valid(SignatureType::SubkeyBinding)).ok_or(Wrong::Unable)?;
    // A part that signs has to say itself that it belongs to the key.
    let says_so = |own: &Signature| own.verify_primary_key_binding(&subkey.key, primary).is_ok();
    let is_its_own = purpose != Purpose::Signs || bound.embedded_signature().is_some_and(says_so);
    if !serves(bound, purpose) || !is_its_own {
        return Err(Wrong::Unable);
    }
    if valid(SignatureType::SubkeyRevocation).next().is_some() {
        return Err(Wrong::Revoked);
    }
    in_time(subkey.created_at(), bound, at)
}

fn serves(said: &Signature, purpose: Purpose) -> bool {
    let flags = said.key_flags();
    match purpose {
        Purpose::Encrypts => flags.encrypt_comms() || flags.encrypt_storage(),
        Purpose::Signs => flags.sign(),
    }
}

fn in_time(created: Timestamp, said: &Signature, at: Option<Timestamp>) -> Result<(), Wrong> {
    let Some(at) = at else { return Ok(()) };
    if created > at {
        return Err(Wrong::ToCome(created));
    }
    let seconds = said.key_expiration_time().map_or(0, |own| own.as_secs());
    let ends = created.as_secs().checked_add(seconds).filter(|_| seconds > 0).map(Timestamp::from_secs);
    ends.filter(|ends| *ends <= at).map_or(Ok(()), |ends| Err(Wrong::Expired(ends)))
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|own| own.created())
}

#[cfg(test)]
mod tests {
    use pgp::composed::{
        ArmorOptions, EncryptionCaps, KeyType, Message, SecretKeyParamsBuilder, SubkeyParamsBuilder,
    };
    use pgp::crypto::ecc_curve::ECCCurve;

    use super::*;

    fn key(user: &str) -> SignedSecretKey {
        let mut subkey = SubkeyParamsBuilder::default();
        subkey.key_type(KeyType::ECDH(ECCCurve::Curve25519Legacy)).can_encrypt(EncryptionCaps::All);
        let mut key = SecretKeyParamsBuilder::default();
        key.key_type(KeyType::Ed25519Legacy).can_sign(true).primary_user_id(user.to_owned());
        key.subkeys(vec![subkey.build().unwrap()]).build().unwrap().generate(OsRng).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_key_and_by_no_other() {
        let (theirs, ours) = (key("Exemple Factor"), key("Exemple SAS"));
        let public = theirs.to_public_key().to_armored_bytes(ArmorOptions::default()).unwrap();
        let own = ours.to_armored_bytes(ArmorOptions::default()).unwrap();
        let seal = Seal::new(&public, Some(Signer { key: &own, passphrase: None })).unwrap();
        assert_eq!(seal.key(), format!("{:X}", theirs.fingerprint()));
        let sealed = seal.seal("REMISE.TXT", b"1150.00", crate::clock::now()).unwrap();
        let opened = |key: &SignedSecretKey| {
            Message::from_bytes(&sealed[..]).unwrap().decrypt(&Password::empty(), key)
        };
        let mut message = opened(&theirs).unwrap();
        assert_eq!(message.as_data_vec().unwrap(), b"1150.00");
        assert!(message.verify(&ours.primary_key.public_key()).is_ok());
        assert!(message.verify(&theirs.primary_key.public_key()).is_err());
        assert!(opened(&ours).is_err());
    }

    #[test]
    fn what_a_key_calls_itself_is_shown_and_does_nothing_to_a_terminal() {
        let public = key("Exemple\u{1b}[2J\r\nFactor").to_public_key();
        let bytes = public.to_armored_bytes(ArmorOptions::default()).unwrap();
        let told = Seal::new(&bytes, None).unwrap().told().to_owned();
        assert!(told.ends_with("(Exemple[2JFactor)"), "{told:?}");
    }

    #[test]
    fn a_key_of_a_day_to_come_is_not_used_before() {
        let bytes = key("Exemple Factor").to_public_key().to_armored_bytes(ArmorOptions::default()).unwrap();
        let seal = Seal::new(&bytes, None).unwrap();
        let told = seal.usable(crate::clock::now() - chrono::Days::new(1)).unwrap_err().to_string();
        assert!(told.contains("which is to come; is the clock of this machine right?"), "{told}");
        assert!(seal.usable(crate::clock::now()).is_ok());
    }
}
