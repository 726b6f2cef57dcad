//! `[connection.delivery]`: how the files of a factor's batches go out, every problem told in its place.
//!
//! Each way has its own keys; secrets stay references until the connection is built.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::{Spanned, Value};

use super::reader::Text;
use crate::format::toml::Problem;
use crate::transport::is_this_machine;
use crate::transport::mail::{Address, Tls, address};
use crate::transport::sftp::HostKey;
use crate::transport::upload::{self, Url};

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
    /// By mail, one file each.
    Mail(Mail),
    /// By HTTP, to an address for each.
    Http(Http),
}

/// The keys whose values are secrets.
const SECRETS: &[&str] =
    &["password", "token", "key_passphrase", "key", "encrypt_to", "sign_with", "sign_passphrase"];

/// The words of `way`.
const WAYS: &[&str] = &["sftp", "mail", "http"];

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

/// `way = "mail"`.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the line is guarded.
    pub tls: Tls,
    /// Who signs in, and the password.
    pub login: Option<(String, Text)>,
    /// Who mails.
    pub from: Address,
    /// To whom.
    pub to: Address,
    /// The subject, in which `{file}` stands for the file's name.
    pub subject: String,
}

/// `way = "http"`.
#[derive(Debug, Clone)]
pub struct Http {
    /// The address, to which the file's name is added.
    pub url: Url,
    /// How to sign in.
    pub login: HttpLogin,
}

/// How to sign in by HTTP.
#[derive(Debug, Clone)]
pub enum HttpLogin {
    /// Not at all.
    Nobody,
    /// With a token.
    Bearer(Text),
    /// With a name and a password.
    Basic(String, Text),
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
            Way::Http(Http { login: HttpLogin::Bearer(token), .. }) => vec![("token", token)],
            Way::Http(Http { login: HttpLogin::Basic(_, password), .. }) => vec![("password", password)],
            Way::Http(Http { login: HttpLogin::Nobody, .. }) => Vec::new(),
            Way::Mail(own) => own.login.iter().map(|(_, password)| ("password", password)).collect(),
        }
    }
}

/// Reads a table; nothing when it has a problem.
pub(super) fn read(file: &str, text: &str, table: Table, problems: &mut Vec<Problem>) -> Option<Delivery> {
    let before = problems.len();
    let span = table.span();
    let mut keys = Keys::of(file, text, table, problems);
    let way = keys.required("way", "how the files go out");
    let way = match way.as_ref().map(|way| way.get_ref().as_str()) {
        Some("sftp") => sftp(&mut keys).map(Way::Sftp),
        Some("mail") => mail(&mut keys).map(Way::Mail),
        Some("http") => http(&mut keys).map(Way::Http),
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

fn mail(keys: &mut Keys<'_>) -> Option<Mail> {
    let host = keys.required("host", "the name of the mail server");
    let tls = match keys.text("tls") {
        None => Some(Tls::Required),
        Some(text) => {
            let found = Tls::parse(text.get_ref());
            match (found, &host) {
                (None, _) => keys.problem(Some(text.span()), "tls is \"required\", \"starttls\" or \"none\""),
                (Some(Tls::None), Some(host)) if !is_this_machine(host.get_ref()) => {
                    let told = "tls = \"none\" is for a mail server of this machine only: anybody on the way could read invoices and password";
                    keys.problem(Some(text.span()), told);
                }
                (Some(_), _) => {}
            }
            found
        }
    };
    let port = keys.port(match tls {
        Some(Tls::Required) | None => 465,
        Some(Tls::Starttls) => 587,
        Some(Tls::None) => 25,
    });
    let login = keys.user_and_password();
    let from = keys.address("from", "the address that the factor expects mail from");
    let to = keys.address("to", "the address that the factor gave for files");
    let subject = keys.text("subject").map_or_else(
        || "{file}".to_owned(),
        |subject| {
            if subject.get_ref().replace("{file}", "").contains(['{', '}']) {
                keys.problem(
                    Some(subject.span()),
                    "the one place that a subject has is {file}, the name of the file",
                );
            }
            subject.into_inner()
        },
    );
    Some(Mail { host: host?.into_inner(), port, tls: tls?, login, from: from?, to: to?, subject })
}

fn http(keys: &mut Keys<'_>) -> Option<Http> {
    let url = keys.required("url", "the address that files are put to").and_then(|text| {
        upload::address(text.get_ref()).map_err(|told| keys.problem(Some(text.span()), told)).ok()
    });
    let login = match (keys.text("token"), keys.user_and_password()) {
        (Some(token), None) => HttpLogin::Bearer(token),
        (None, Some((user, password))) => HttpLogin::Basic(user, password),
        (None, None) => HttpLogin::Nobody,
        (Some(token), Some(_)) => {
            keys.problem(Some(token.span()), "token and password are both given: take one of them out");
            return None;
        }
    };
    Some(Http { url: url?, login })
}

/// The keys of a table, taken one by one; what is left is unknown.
pub(super) struct Keys<'a> {
    file: &'a str,
    text: &'a str,
    span: Range<usize>,
    left: BTreeMap<String, Spanned<Value>>,
    known: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Keys<'a> {
    pub(super) fn of(file: &'a str, text: &'a str, table: Table, problems: &'a mut Vec<Problem>) -> Self {
        Self { file, text, span: table.span(), left: table.into_inner(), known: Vec::new(), problems }
    }

    /// Tells a problem at its place, or at the table.
    pub(super) fn problem(&mut self, at: Option<Range<usize>>, told: impl Into<String>) {
        let at = at.unwrap_or_else(|| self.span.clone());
        let mut problem = Problem::at(self.file, self.text, Some(at), told);
        // A line that may hold a secret is not shown.
        let is_word = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
        let mut words = problem.excerpt.split(|sign| !is_word(sign));
        if let Some(secret) = words.find_map(|word| SECRETS.iter().find(|own| **own == word)) {
            problem.excerpt = format!("{secret} = …");
        }
        self.problems.push(problem);
    }

    fn take(&mut self, name: &'static str) -> Option<Spanned<Value>> {
        self.known.push(name);
        self.left.remove(name)
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<Text> {
        let found = self.take(name)?;
        let text = found.get_ref().as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if text.is_none() {
            self.problem(Some(found.span()), format!("{name} is a text in quotes"));
        }
        text.map(|text| Spanned::new(found.span(), text))
    }

    pub(super) fn required(&mut self, name: &'static str, help: &str) -> Option<Text> {
        if !self.left.contains_key(name) {
            self.known.push(name);
            self.problem(None, format!("{name} is missing: {help}"));
            return None;
        }
        self.text(name)
    }

    fn user_and_password(&mut self) -> Option<(String, Text)> {
        match (self.text("user"), self.text("password")) {
            (Some(user), Some(password)) => Some((user.into_inner(), password)),
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => {
                self.problem(Some(one.span()), "user and password go together");
                None
            }
        }
    }

    fn address(&mut self, name: &'static str, help: &str) -> Option<Address> {
        let text = self.required(name, help)?;
        let found = address(text.get_ref());
        if found.is_none() {
            self.problem(Some(text.span()), format!("{name} is one address, as name@host.example"));
        }
        found
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

    pub(super) fn finish(mut self) {
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
        let Way::Sftp(own) = &delivery.way else { panic!("{delivery:?}") };
        assert_eq!((own.host.as_str(), own.port, own.folder.as_str()), ("sftp.factor.example", 22, "in"));
        let secrets: Vec<_> =
            delivery.secrets().into_iter().map(|(name, own)| (name, own.get_ref().as_str())).collect();
        assert_eq!(secrets, [("key", "file:id")]);
    }

    const MAIL: &str = "way = \"mail\"\nhost = \"mail.example\"\nfrom = \"finance@acme.example\"\nto = \"in@factor.example\"\n";

    #[test]
    fn a_mail_is_read_and_never_goes_in_clear_to_another_machine() {
        for (more, port) in
            [("", 465), ("tls = \"starttls\"\n", 587), ("tls = \"starttls\"\nport = 2525\n", 2525)]
        {
            let config = config(&format!("{MAIL}{more}")).unwrap();
            let Way::Mail(own) = &config.connections[0].delivery.as_ref().unwrap().way else {
                panic!("no mail")
            };
            assert_eq!((own.port, own.subject.as_str()), (port, "{file}"));
        }
        assert!(config(&format!("{}tls = \"none\"\n", MAIL.replace("mail.example", "127.0.0.1"))).is_ok());
        for (more, expected) in [
            ("tls = \"none\"", "encours.toml:14:7: tls = \"none\" is for a mail server of this machine only"),
            ("tls = \"maybe\"", "encours.toml:14:7: tls is \"required\""),
            ("user = \"acme\"", "encours.toml:14:8: user and password go together"),
            ("subject = \"{batch}\"", "encours.toml:14:11: the one place that a subject has"),
            ("host_key = \"x\"", "encours.toml:14:12: host_key is not known here"),
        ] {
            let told = config(&format!("{MAIL}{more}\n")).unwrap_err();
            assert!(told.contains(expected), "{told}");
        }
        let told = config(&MAIL.replace("in@factor.example", "the factor")).unwrap_err();
        assert!(told.contains("encours.toml:13:6: to is one address"), "{told}");
    }

    #[test]
    fn an_address_is_read_with_one_way_to_sign_in() {
        let good = "way = \"http\"\nurl = \"https://factor.example/in\"\n";
        for (more, secrets) in [
            ("", vec![]),
            ("token = \"env:T\"\n", vec!["token"]),
            ("user = \"acme\"\npassword = \"env:P\"\n", vec!["password"]),
        ] {
            let config = config(&format!("{good}{more}")).unwrap();
            let found = config.connections[0].delivery.as_ref().unwrap().secrets();
            assert_eq!(found.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), secrets);
        }
        for (from, to, expected) in [
            ("https", "http", "encours.toml:11:7: files go by https:// only"),
            (
                "way",
                "token = \"a\"\nuser = \"b\"\npassword = \"c\"\nway",
                "encours.toml:10:9: token and password are both given",
            ),
            ("way", "password = \"c\"\nway", "encours.toml:10:12: user and password go together"),
            ("way", "token = 4711\nway", "encours.toml:10:9: token is a text in quotes"),
        ] {
            let told = config(&good.replacen(from, to, 1)).unwrap_err();
            assert!(told.contains(expected), "{told}");
            let is_shown = ["\"a\"", "\"c\"", "4711"].into_iter().any(|secret| told.contains(secret));
            assert!(!is_shown, "{told}");
        }
    }

    #[test]
    fn every_problem_is_placed() {
        let told = |delivery: &str| config(delivery).unwrap_err();
        for (from, to, expected) in [
            ("way = \"sftp\"\n", "", "encours.toml:9:1: way is missing"),
            (
                "\"sftp\"",
                "\"pigeon\"",
                "encours.toml:10:7: there is no way \"pigeon\"; there are: sftp, mail, http",
            ),
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
