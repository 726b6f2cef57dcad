//! The only place that makes identifiers: deterministic ones from facts, random ones for correlation.

use std::cell::RefCell;

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

/// A key of 128 bits to compare content by, from the XXH3 of length-prefixed parts: fast, and not made against forgers.
///
/// A ledger compares the records of its own sources with it. Two of a million different ones are taken for one with a
/// chance of about 2⁻⁸⁹; whoever can choose them can also simply repeat a number, which is reported.
#[must_use]
pub fn digest(parts: &[&[u8]]) -> [u8; 16] {
    thread_local! {
        // Two of these are made of every record: a buffer each would be most of their time.
        static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        for part in parts {
            bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        xxhash_rust::xxh3::xxh3_128(bytes).to_be_bytes()
    })
}

/// The same as [`fingerprint`], as 32 hexadecimal digits.
#[must_use]
pub fn fingerprint_hex(parts: &[&[u8]]) -> String {
    hex(&fingerprint(parts))
}

/// The SHA-256 of bytes as they are, as 64 hexadecimal digits: what any other tool says of the same file.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&SHA256, bytes).as_ref())
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
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"", b"a"]), digest(&[b"a", b""]));
        assert_eq!(fingerprint_hex(&[b"ab", b"c"]).len(), 32);
    }

    #[test]
    fn a_hash_is_the_one_that_other_tools_give() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180, for "abc"
        assert_eq!(sha256_hex(b"abc"), known);
    }
}
