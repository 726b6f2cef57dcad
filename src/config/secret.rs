//! Values that are not written in the configuration but pointed at: `env:NAME`, `file:PATH`, `exec:COMMAND`.

use std::path::Path;
use std::process::Command;

/// Follows a reference; any other text is the value itself.
///
/// # Errors
/// A sentence that names the reference, never the value.
pub fn resolve(text: &str, folder: &Path) -> Result<String, String> {
    // What a command is given may be secret too.
    let shown = if text.starts_with("exec:") { text.split_whitespace().next().unwrap_or(text) } else { text };
    let content = String::from_utf8(bytes(text, folder)?).map_err(|_| format!("{shown} gives no text"))?;
    Ok(if is_reference(text) { content.trim_end_matches(['\r', '\n']).to_owned() } else { content })
}

/// The same for what need not be text, byte for byte.
///
/// # Errors
/// As [`resolve`].
#[allow(clippy::disallowed_methods, reason = "this is the seam that the lint protects")]
pub fn bytes(text: &str, folder: &Path) -> Result<Vec<u8>, String> {
    if let Some(name) = text.strip_prefix("env:") {
        let value = std::env::var(name);
        return value
            .map(String::into_bytes)
            .map_err(|_| format!("the environment variable {name} is not set"));
    }
    if let Some(path) = text.strip_prefix("file:") {
        return std::fs::read(folder.join(path))
            .map_err(|error| format!("the file {path} cannot be read: {error}"));
    }
    if let Some(command) = text.strip_prefix("exec:") {
        let mut words = command.split_whitespace();
        let program = words.next().ok_or_else(|| "exec: names no command".to_owned())?;
        let output = Command::new(program).args(words).current_dir(folder).output();
        let output = output.map_err(|error| format!("the command {program} cannot be run: {error}"))?;
        if !output.status.success() {
            return Err(format!("the command {program} failed ({})", output.status));
        }
        return Ok(output.stdout);
    }
    Ok(text.as_bytes().to_vec())
}

/// Whether a text points at a value rather than being one.
#[must_use]
pub fn is_reference(text: &str) -> bool {
    ["env:", "file:", "exec:"].iter().any(|prefix| text.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_a_file_or_a_command() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), "s3cret\n").unwrap();
        assert_eq!(resolve("file:key", dir.path()).as_deref(), Ok("s3cret"));
        assert_eq!(resolve("exec:cat key", dir.path()).as_deref(), Ok("s3cret"));
        assert_eq!(resolve("plain", dir.path()).as_deref(), Ok("plain"));
    }

    #[test]
    fn what_is_no_text_is_read_as_bytes_and_refused_as_text() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), [0x99, 0xff, b'\n']).unwrap();
        for (text, shown) in [("file:key", "file:key"), ("exec:cat key", "exec:cat")] {
            assert_eq!(bytes(text, dir.path()), Ok(vec![0x99, 0xff, b'\n']));
            assert_eq!(resolve(text, dir.path()), Err(format!("{shown} gives no text")));
        }
        assert_eq!(bytes("plain", dir.path()), Ok(b"plain".to_vec()));
    }

    #[test]
    fn a_reference_that_leads_nowhere_says_which() {
        let dir = tempfile::tempdir().unwrap();
        assert!(
            resolve("env:ENCOURS_NO_SUCH_VARIABLE", dir.path())
                .unwrap_err()
                .contains("ENCOURS_NO_SUCH_VARIABLE")
        );
        assert!(resolve("file:absent", dir.path()).unwrap_err().contains("absent"));
        assert!(resolve("exec:false", dir.path()).unwrap_err().contains("failed"));
    }
}
