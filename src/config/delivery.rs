//! `[connection.delivery]`: how the files of a factor's batches go out, every problem told in its place.
//!
//! Each way has its own keys; secrets stay references until the connection is built.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::{Spanned, Value};

use super::reader::Text;
use crate::format::toml::Problem;
use crate::transport::sftp::HostKey;

/// The table as it is written.
pub(super) type Table = Spanned<BTreeMap<String, Spanned<Value>>>;

/// How batches go out.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where the table begins.
    pub span: Range<usize>,
    /// The way.
    pub way: Way,
}

/// One of the ways.
#[derive(Debug, Clone)]
pub enum Way {
    /// Into a folder of an SFTP server.
    Sftp(Sftp),
}

/// The words of `way`.
const WAYS: &[&str] = &["sftp"];

/// `way = "sftp"`.
#[derive(Debug, Clone)]
pub struct Sftp {
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
    /// The folder; where the server puts the user, without it.
    pub folder: String,
}

/// How to sign in to an SFTP server.
#[derive(Debug, Clone)]
pub enum Login {
    /// With a password.
    Password(Text),
    /// With a private key.
    Key {
        /// The key itself: its file in a reference.
        key: Text,
        /// What it is encrypted with.
        passphrase: Option<Text>,
    },
}

impl Delivery {
    /// Its secrets, as they are written, by name.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, &Spanned<String>)> {
        match &self.way {
            Way::Sftp(Sftp { login: Login::Password(password), .. }) => vec![("password", password)],
            Way::Sftp(Sftp { login: Login::Key { key, passphrase }, .. }) => {
                let passphrase = passphrase.iter().map(|own| ("key_passphrase", own));
                [("key", key)].into_iter().chain(passphrase).collect()
            }
        }
    }
}

/// Reads a table; nothing when it has a problem.
pub(super) fn read(file: &str, text: &str, table: Table, problems: &mut Vec<Problem>) -> Option<Delivery> {
    let before = problems.len();
    let span = table.span();
    let mut keys =
        Keys { file, text, span: span.clone(), left: table.into_inner(), known: Vec::new(), problems };
    let way = keys.required("way", "how the files go out");
    let way = match way.as_ref().map(|way| way.get_ref().as_str()) {
        Some("sftp") => sftp(&mut keys).map(Way::Sftp),
        Some(other) => {
            let told = format!("there is no way \"{other}\"; there are: {}", WAYS.join(", "));
            let at = way.map(|way| way.span());
            keys.problem(at, told);
            return None;
        }
        None => return None,
    };
    keys.finish();
    way.filter(|_| problems.len() == before).map(|way| Delivery { span, way })
}

fn sftp(keys: &mut Keys<'_>) -> Option<Sftp> {
    let host = keys.required("host", "the name of the server");
    let port = keys.port(22);
    let user = keys.required("user", "who signs in");
    let (password, key, passphrase) = (keys.text("password"), keys.text("key"), keys.text("key_passphrase"));
    let login = match (password, key, passphrase) {
        (Some(password), None, None) => Some(Login::Password(password)),
        (None, Some(key), passphrase) => Some(Login::Key { key, passphrase }),
        (Some(_), Some(key), _) => {
            keys.problem(Some(key.span()), "password and key are both given: take one of them out");
            None
        }
        (_, None, Some(passphrase)) => {
            keys.problem(Some(passphrase.span()), "key_passphrase is of a key, and there is no key = …");
            None
        }
        (None, None, None) => {
            keys.problem(
                None,
                "password or key is missing: write one as env:NAME, file:PATH or exec:COMMAND",
            );
            None
        }
    };
    let help = "the fingerprint of the server's key, SHA256:…, as the factor gives it";
    let host_key = keys.required("host_key", help).and_then(|text| {
        let found = HostKey::parse(text.get_ref());
        if found.is_none() {
            let told = "it is no fingerprint: write SHA256: and 43 signs, as `ssh-keygen -l` shows it";
            keys.problem(Some(text.span()), told);
        }
        found
    });
    let folder = keys.text("folder").map_or_else(|| ".".to_owned(), Spanned::into_inner);
    Some(Sftp {
        host: host?.into_inner(),
        port,
        user: user?.into_inner(),
        login: login?,
        host_key: host_key?,
        folder,
    })
}

/// The keys of a table, taken one by one; what is left is unknown.
struct Keys<'a> {
    file: &'a str,
    text: &'a str,
    span: Range<usize>,
    left: BTreeMap<String, Spanned<Value>>,
    known: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

impl Keys<'_> {
    /// Tells a problem at its place, or at the table.
    fn problem(&mut self, at: Option<Range<usize>>, told: impl Into<String>) {
        let at = at.unwrap_or_else(|| self.span.clone());
        self.problems.push(Problem::at(self.file, self.text, Some(at), told));
    }

    fn take(&mut self, name: &'static str) -> Option<Spanned<Value>> {
        self.known.push(name);
        self.left.remove(name)
    }

    fn text(&mut self, name: &'static str) -> Option<Text> {
        let found = self.take(name)?;
        let text = found.get_ref().as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if text.is_none() {
            self.problem(Some(found.span()), format!("{name} is a text in quotes"));
        }
        text.map(|text| Spanned::new(found.span(), text))
    }

    fn required(&mut self, name: &'static str, help: &str) -> Option<Text> {
        if !self.left.contains_key(name) {
            self.known.push(name);
            self.problem(None, format!("{name} is missing: {help}"));
            return None;
        }
        self.text(name)
    }

    fn port(&mut self, usual: u16) -> u16 {
        let Some(found) = self.take("port") else { return usual };
        let port =
            found.get_ref().as_integer().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
        if port.is_none() {
            self.problem(Some(found.span()), "port is a number from 1 to 65535, without quotes");
        }
        port.unwrap_or(usual)
    }

    fn finish(mut self) {
        for (name, value) in std::mem::take(&mut self.left) {
            let told = format!("{name} is not known here; there are: {}", self.known.join(", "));
            self.problem(Some(value.span()), told);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const HEAD: &str = "[company]\nid = \"acme\"\nname = \"Exemple SAS\"\n[ledger]\nurl = \"sqlite:encours.db\"\n[[connection]]\n\
                        id = \"factor\"\nconnector = \"eurofactor\"\n[connection.delivery]\n";
    const GOOD: &str = "way = \"sftp\"\nhost = \"sftp.factor.example\"\nuser = \"acme\"\nkey = \"file:id\"\n\
                        host_key = \"SHA256:Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM\"\nfolder = \"in\"\n";

    fn config(delivery: &str) -> Result<Config, String> {
        let told = |problems: Vec<Problem>| problems.iter().map(|own| format!("{own}\n")).collect();
        Config::parse("encours.toml", &format!("{HEAD}{delivery}"), std::path::Path::new(".")).map_err(told)
    }

    #[test]
    fn a_way_is_read() {
        let config = config(GOOD).unwrap();
        let delivery = config.connections[0].delivery.as_ref().unwrap();
        let Way::Sftp(own) = &delivery.way;
        assert_eq!((own.host.as_str(), own.port, own.folder.as_str()), ("sftp.factor.example", 22, "in"));
        let secrets: Vec<_> =
            delivery.secrets().into_iter().map(|(name, own)| (name, own.get_ref().as_str())).collect();
        assert_eq!(secrets, [("key", "file:id")]);
    }

    #[test]
    fn every_problem_is_placed() {
        let told = |delivery: &str| config(delivery).unwrap_err();
        for (from, to, expected) in [
            ("way = \"sftp\"\n", "", "encours.toml:9:1: way is missing"),
            ("\"sftp\"", "\"pigeon\"", "encours.toml:10:7: there is no way \"pigeon\"; there are: sftp"),
            ("host = \"sftp.factor.example\"\n", "", "encours.toml:9:1: host is missing"),
            ("user = \"acme\"", "user = 5", "encours.toml:12:8: user is a text in quotes"),
            ("key = \"file:id\"\n", "", "encours.toml:9:1: password or key is missing"),
            (
                "key = \"file:id\"",
                "key = \"file:id\"\npassword = \"env:P\"",
                "encours.toml:13:7: password and key are both given",
            ),
            (
                "key = \"file:id\"",
                "key_passphrase = \"env:P\"",
                "encours.toml:13:18: key_passphrase is of a key",
            ),
            ("SHA256:", "MD5:", "encours.toml:14:12: it is no fingerprint"),
            ("folder", "port = \"22\"\nfolder", "encours.toml:15:8: port is a number"),
            (
                "folder",
                "subject",
                "encours.toml:15:11: subject is not known here; there are: way, host, port, user",
            ),
        ] {
            let told = told(&GOOD.replacen(from, to, 1));
            assert!(told.contains(expected), "{told}");
        }
    }
}
