//! The only place that makes identifiers: deterministic ones from facts, random ones for correlation.

use ring::digest::{Context, SHA256};

/// A key of 128 bits, from the SHA-256 of length-prefixed parts.
///
/// The prefix keeps `("ab", "c")` and `("a", "bc")` apart. Two different facts share a key with a chance of 2⁻⁶⁴ after
/// 2³² of them, which is how far a ledger is trusted on it.
#[must_use]
pub fn fingerprint(parts: &[&[u8]]) -> [u8; 16] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut out = [0; 16];
    for (to, from) in out.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    out
}

/// The same, as 32 hexadecimal digits.
#[must_use]
pub fn fingerprint_hex(parts: &[&[u8]]) -> String {
    hex(&fingerprint(parts))
}

/// Bytes as lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

/// A random UUID that links the log lines, the request and the partner's own log of one call.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the seam that the lint protects")]
pub fn correlation() -> String {
    uuid::Uuid::new_v4().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
        assert_eq!(fingerprint_hex(&[b"ab", b"c"]).len(), 32);
    }
}
