//! The real GnuPG with a home of its own: keys are made, and files read, by another program than ours.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// One person's keys.
pub struct Gpg {
    home: TempDir,
}

/// How a key is made.
pub struct Kind {
    /// The primary key, which signs.
    pub primary: &'static str,
    /// The subkey that encrypts; none where it is empty.
    pub encrypts: &'static str,
    /// What protects it.
    pub passphrase: &'static str,
    /// When the clock says that it is made, as 20200101T000000; now where it is empty.
    pub made: &'static str,
    /// How long each part lives: `never`, `1d`.
    pub lives: &'static str,
}

pub const RSA: Kind =
    Kind { primary: "rsa2048", encrypts: "rsa2048", passphrase: "", made: "", lives: "never" };
pub const CURVE: Kind = Kind { primary: "ed25519", encrypts: "cv25519", ..RSA };

/// A file that was decrypted, and what GnuPG said meanwhile.
pub struct Read {
    pub bytes: Vec<u8>,
    /// Its lines of status.
    pub status: String,
}

impl Read {
    /// The words of the first line of status that begins so.
    pub fn said(&self, word: &str) -> Vec<&str> {
        let line = self.status.lines().find_map(|line| line.strip_prefix(&format!("[GNUPG:] {word} ")));
        line.unwrap_or_else(|| panic!("no {word} in {}", self.status)).split_whitespace().collect()
    }
}

impl Gpg {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        // Opening a key takes a tenth of a second by default, and many times that in a program that is not optimised.
        std::fs::write(home.path().join("gpg-agent.conf"), "s2k-count 65536\nallow-loopback-pinentry\n")
            .unwrap();
        Self { home }
    }

    pub fn path(&self) -> &Path {
        self.home.path()
    }

    fn output(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.home.path());
        command.args([
            "--batch",
            "--no-tty",
            "--yes",
            "--pinentry-mode",
            "loopback",
            "--trust-model",
            "always",
        ]);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().expect("gpg is not there: run scripts/test-openpgp, which installs it");
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Runs it; what it printed.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.output(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Makes a key; its fingerprint.
    pub fn key(&self, user: &str, kind: &Kind) -> String {
        let at = format!("{}!", kind.made);
        let clock: Vec<&str> = if kind.made.is_empty() { vec![] } else { vec!["--faked-system-time", &at] };
        let run = |words: &[&str]| {
            let all = [&clock, ["--passphrase", kind.passphrase].as_slice(), words].concat();
            self.run(&all, b"")
        };
        run(&["--quick-generate-key", user, kind.primary, "sign", kind.lives]);
        let listed =
            String::from_utf8(self.run(&["--with-colons", "--list-keys", &format!("={user}")], b"")).unwrap();
        let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
        let fingerprint = line.split(':').nth(9).unwrap().to_owned();
        if !kind.encrypts.is_empty() {
            run(&["--quick-add-key", &fingerprint, kind.encrypts, "encr", kind.lives]);
        }
        fingerprint
    }

    /// Writes the public key into a file; armored or binary.
    pub fn public(&self, fingerprint: &str, file: &Path, armor: bool) {
        let words: &[&str] =
            if armor { &["--armor", "--export", fingerprint] } else { &["--export", fingerprint] };
        std::fs::write(file, self.run(words, b"")).unwrap();
    }

    /// Writes the secret key into a file. `--export-secret-subkeys` leaves the primary one out.
    pub fn secret(&self, command: &str, fingerprint: &str, passphrase: &str, file: &Path) {
        let words = ["--armor", "--passphrase", passphrase, command, fingerprint];
        std::fs::write(file, self.run(&words, b"")).unwrap();
    }

    pub fn import(&self, file: &Path) {
        self.run(&["--import", file.to_str().unwrap()], b"");
    }

    /// Revokes a key by the certificate that GnuPG wrote when it was made.
    pub fn revoke(&self, fingerprint: &str) {
        let file = self.home.path().join(format!("openpgp-revocs.d/{fingerprint}.rev"));
        let text = std::fs::read_to_string(file).unwrap();
        self.run(&["--import"], text.replace(":-----BEGIN", "-----BEGIN").as_bytes());
    }

    /// Answers the questions of `--edit-key`.
    pub fn edit(&self, fingerprint: &str, answers: &str) {
        let words = ["--command-fd", "0", "--passphrase", "", "--edit-key", fingerprint];
        self.run(&words, answers.as_bytes());
    }

    /// Decrypts a file, and verifies the signature in it.
    pub fn read(&self, bytes: &[u8], passphrase: &str) -> Read {
        let file = self.home.path().join("in.pgp");
        let out: PathBuf = self.home.path().join("out");
        std::fs::write(&file, bytes).unwrap();
        let words =
            ["--passphrase", passphrase, "--status-fd", "1", "--output", out.to_str().unwrap(), "--decrypt"];
        let status = self.run(&[words.as_slice(), &[file.to_str().unwrap()]].concat(), b"");
        Read { bytes: std::fs::read(out).unwrap(), status: String::from_utf8(status).unwrap() }
    }

    /// Whether it cannot read a file.
    pub fn cannot_read(&self, bytes: &[u8]) -> bool {
        !self.output(&["--decrypt"], bytes).status.success()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        let _ = command.arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).status();
    }
}
