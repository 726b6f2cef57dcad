//! `[connection.openpgp]`: for whom the files of a factor's batches are encrypted, and with what they are signed.
//!
//! A table of its own, since it holds for every way that a batch goes, also by hand. Keys stay references until the connection is built.

use std::ops::Range;

use toml::Spanned;

use super::delivery::{Keys, Table};
use super::reader::Text;
use crate::format::toml::Problem;

/// How files are sealed.
#[derive(Debug, Clone)]
pub struct OpenPgp {
    /// Where the table begins.
    pub span: Range<usize>,
    /// The factor's public key.
    pub encrypt_to: Text,
    /// Our own secret key.
    pub sign_with: Option<Text>,
    /// What it is encrypted with.
    pub sign_passphrase: Option<Text>,
}

impl OpenPgp {
    /// Its secrets, as they are written, by name.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, &Spanned<String>)> {
        let key = self.sign_with.iter().map(|own| ("sign_with", own));
        key.chain(self.sign_passphrase.iter().map(|own| ("sign_passphrase", own))).collect()
    }
}

/// Reads a table; nothing when it has a problem.
pub(super) fn read(file: &str, text: &str, table: Table, problems: &mut Vec<Problem>) -> Option<OpenPgp> {
    let (before, span) = (problems.len(), table.span());
    let mut keys = Keys::of(file, text, table, problems);
    let encrypt_to = keys.required("encrypt_to", "the factor's public key, as file:factor.asc");
    let (sign_with, sign_passphrase) = (keys.text("sign_with"), keys.text("sign_passphrase"));
    if let (None, Some(passphrase)) = (&sign_with, &sign_passphrase) {
        keys.problem(Some(passphrase.span()), "sign_passphrase is of a key, and there is no sign_with = …");
    }
    keys.finish();
    let encrypt_to = encrypt_to.filter(|_| problems.len() == before)?;
    Some(OpenPgp { span, encrypt_to, sign_with, sign_passphrase })
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const HEAD: &str = "[company]\nid = \"acme\"\nname = \"Exemple SAS\"\n[ledger]\nurl = \"sqlite:encours.db\"\n[[connection]]\n\
                        id = \"factor\"\nconnector = \"eurofactor\"\n[connection.openpgp]\n";

    fn config(openpgp: &str) -> Result<OpenPgp, String> {
        let told = |problems: Vec<Problem>| problems.iter().map(|own| format!("{own}\n")).collect::<String>();
        let config = Config::parse("encours.toml", &format!("{HEAD}{openpgp}"), std::path::Path::new("."));
        config.map(|config| config.connections[0].openpgp.clone().unwrap()).map_err(told)
    }

    #[test]
    fn keys_are_read_as_references() {
        let own = config("encrypt_to = \"file:factor.asc\"\n").unwrap();
        assert_eq!((own.encrypt_to.get_ref().as_str(), own.secrets().len()), ("file:factor.asc", 0));
        let own = config(
            "encrypt_to = \"file:factor.asc\"\nsign_with = \"file:own.asc\"\nsign_passphrase = \"env:P\"\n",
        )
        .unwrap();
        let secrets: Vec<_> =
            own.secrets().into_iter().map(|(name, own)| (name, own.get_ref().as_str())).collect();
        assert_eq!(secrets, [("sign_with", "file:own.asc"), ("sign_passphrase", "env:P")]);
    }

    #[test]
    fn what_is_wrong_is_told_in_its_place_and_shows_no_secret() {
        for (openpgp, expected) in [
            (
                "sign_with = \"file:own.asc\"\n",
                "encours.toml:9:1: encrypt_to is missing: the factor's public key",
            ),
            (
                "encrypt_to = \"file:a\"\nsign_passphrase = \"s3cret\"\n",
                "encours.toml:11:19: sign_passphrase is of a key, and there is no sign_with",
            ),
            ("encrypt_to = 3\n", "encours.toml:10:14: encrypt_to is a text in quotes"),
            (
                "encrypt_to = \"file:a\"\nsign_withs = \"s3cret\"\n",
                "encours.toml:11:14: sign_withs is not known here; there are: encrypt_to, sign_with, sign_passphrase",
            ),
        ] {
            let told = config(openpgp).unwrap_err();
            assert!(told.contains(expected), "{told}");
            let is_known = !openpgp.contains("sign_withs");
            assert!(!is_known || !told.contains("s3cret"), "{told}");
        }
    }
}
