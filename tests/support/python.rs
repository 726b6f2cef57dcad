//! Private servers that are a few lines of Python on a package of Debian.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Debian's own: its packages are there for no other.
const PROGRAM: &str = "/usr/bin/python3";

pub struct Server {
    process: Child,
    /// What it said when it was ready, word by word.
    pub words: Vec<String>,
}

impl Server {
    /// Starts a script of tests/support and waits for its first line.
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        let path = format!("{}/tests/support/{script}", env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new(PROGRAM)
            .arg(path)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let own = Self { process, words: line.split_whitespace().map(str::to_owned).collect() };
        assert!(
            !own.words.is_empty(),
            "{script} does not start: run scripts/test, which installs what it needs"
        );
        own
    }

    pub fn port(&self) -> u16 {
        self.words[0].parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
