//! A private OpenSSH server: a free port of this machine, keys of its own, SFTP into a folder of its own, and nobody else's login.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::free_port;

const PROGRAM: &str = "/usr/sbin/sshd";

/// The folder that sshd of Debian wants to be there when root starts it; its service makes it, and does not run here.
const PRIVILEGE_SEPARATION: &str = "/run/sshd";

pub struct Sshd {
    folder: TempDir,
    server: Child,
    pub port: u16,
    /// Who may sign in: whoever runs the tests.
    pub user: String,
    /// The fingerprints of its keys.
    pub ed25519: String,
    pub rsa: String,
}

impl Sshd {
    pub fn start() -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "{PROGRAM} is not there: run scripts/test, which installs openssh-server"
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        let user = output(Command::new("id").arg("-un"));
        if user == "root" {
            std::fs::create_dir_all(PRIVILEGE_SEPARATION).unwrap();
        }
        let at = |name: &str| folder.path().join(name);
        let ed25519 = keygen(&at("host_ed25519"), "ed25519", "");
        let rsa = keygen(&at("host_rsa"), "rsa", "");
        keygen(&at("id"), "ed25519", "");
        keygen(&at("id_rsa"), "rsa", "a passphrase");
        keygen(&at("id_stranger"), "ed25519", "");
        let known = ["id.pub", "id_rsa.pub"].map(|name| std::fs::read_to_string(at(name)).unwrap());
        std::fs::write(at("authorized_keys"), known.concat()).unwrap();
        let (server, port) = launch(folder.path());
        Self { folder, server, port, user, ed25519, rsa }
    }

    /// The folder that files are put into.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("in")
    }

    /// A private key: `id` and `id_rsa` (with a passphrase) may sign in, `id_stranger` may not.
    pub fn key(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A free port may be taken by another between finding it and listening on it: then the next one is tried.
fn launch(folder: &Path) -> (Child, u16) {
    let at = |name: &str| folder.join(name).display().to_string();
    for _ in 0..5 {
        let port = free_port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
             MaxStartups 100\nSubsystem sftp internal-sftp\n",
            at("host_ed25519"),
            at("host_rsa"),
            at("authorized_keys"),
        );
        std::fs::write(folder.join("sshd_config"), config).unwrap();
        let mut server = Command::new(PROGRAM)
            .args(["-D", "-e", "-f", &at("sshd_config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut told = Vec::new();
        if lines
            .by_ref()
            .inspect(|line| told.push(line.clone()))
            .any(|line| line.contains("Server listening on"))
        {
            // What it goes on telling has to be read, or it would wait for a reader one day.
            std::thread::spawn(move || lines.for_each(drop));
            return (server, port);
        }
        server.wait().unwrap();
        assert!(told.iter().any(|line| line.contains("already in use")), "sshd does not start: {told:?}");
    }
    panic!("sshd found no free port");
}

/// Makes a pair of keys; its fingerprint.
fn keygen(path: &Path, kind: &str, passphrase: &str) -> String {
    output(
        Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", passphrase, "-C", "test", "-f"]).arg(path),
    );
    let told = output(Command::new("ssh-keygen").arg("-lf").arg(path.with_extension("pub")));
    told.split(' ').nth(1).unwrap().to_owned()
}

fn output(command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}
