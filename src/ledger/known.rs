//! What a landing compares with: the keys the ledger holds, and those it has seen itself.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// On which line each external id was first seen in this landing, by key.
pub(super) type Seen = HashMap<[u8; 16], u32, BuildHasherDefault<KeyHasher>>;

/// Takes the beginning of a key for its hash: keys are uniform already.
#[derive(Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(head) = bytes.first_chunk::<8>() {
            self.0 = u64::from_ne_bytes(*head);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What the ledger knows of the open items of a connection, sorted by key.
///
/// Keys are uniform, so each is looked for in the small run of those that start alike: two looks into memory instead of
/// twenty, which is a quarter of the time of an unchanged landing.
pub(super) struct Known {
    pub(super) items: Vec<KnownItem>,
    /// For each guess, how many items have a smaller one; one more than there are items, the last being their count.
    starts: Vec<u32>,
}

pub(super) struct KnownItem {
    pub(super) key: [u8; 16],
    pub(super) hash: [u8; 16],
    /// Where this landing lists it; 0 until then.
    pub(super) line: u32,
}

impl Known {
    pub(super) fn new(mut items: Vec<KnownItem>) -> Self {
        items.sort_unstable_by_key(|known| known.key);
        let count = items.len();
        let mut starts = vec![0_u32; count + 1];
        for item in &items {
            if let Some(next) = starts.get_mut(guess(&item.key, count) + 1) {
                *next += 1;
            }
        }
        let mut below = 0;
        for start in &mut starts {
            below += *start;
            *start = below;
        }
        Self { items, starts }
    }

    pub(super) fn find(&mut self, key: &[u8; 16]) -> Option<&mut KnownItem> {
        let at = self.place(key);
        self.items.get_mut(at).filter(|known| known.key == *key)
    }

    /// How many keys are below `key`.
    fn place(&self, key: &[u8; 16]) -> usize {
        let guess = guess(key, self.items.len());
        let at = |guess: usize| self.starts.get(guess).map_or(0, |start| *start as usize);
        let (from, to) = (at(guess), at(guess + 1));
        from + self.items.get(from..to).unwrap_or_default().partition_point(|known| known.key < *key)
    }
}

/// The index at which a uniform key is expected among `count` sorted ones.
fn guess(key: &[u8; 16], count: usize) -> usize {
    let mut head = [0; 8];
    head.copy_from_slice(key.first_chunk::<8>().unwrap_or(&[0; 8]));
    let place = (u128::from(u64::from_be_bytes(head)) * count as u128) >> 64;
    usize::try_from(place).unwrap_or(0).min(count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ids::digest;

    fn known(mut keys: Vec<[u8; 16]>) -> Known {
        keys.reverse(); // any order will do
        Known::new(keys.into_iter().map(|key| KnownItem { key, hash: [0; 16], line: 0 }).collect())
    }

    /// Finds every key where it is, and nothing for their neighbours that are not there.
    fn finds(what: &str, keys: &[[u8; 16]]) {
        let mut known = known(keys.to_vec());
        let all: BTreeSet<[u8; 16]> = keys.iter().copied().collect();
        assert_eq!(all.len(), keys.len(), "{what}: each key once");
        for (at, key) in all.iter().enumerate() {
            assert_eq!(known.place(key), at, "{what}, {} keys: {key:?}", keys.len());
            assert_eq!(known.find(key).map(|found| found.key), Some(*key));
        }
        let number = |key: &[u8; 16]| u128::from_be_bytes(*key);
        let beside = all.iter().flat_map(|key| [number(key).wrapping_add(1), number(key).wrapping_sub(1)]);
        for other in beside.chain([0, 1, u128::MAX >> 1, u128::MAX]).map(u128::to_be_bytes) {
            assert_eq!(
                known.place(&other),
                all.range(..other).count(),
                "{what}, {} keys: {other:?}",
                keys.len()
            );
            assert_eq!(known.find(&other).is_some(), all.contains(&other));
        }
    }

    #[test]
    fn a_key_is_found_however_the_keys_are_spread() {
        for count in [0_u32, 1, 2, 3, 7, 100, 2_000] {
            let of = |make: fn(u32, u32) -> u128| -> Vec<[u8; 16]> {
                (0..count).map(|n| make(n, count).to_be_bytes()).collect()
            };
            let uniform: Vec<_> = (0..count).map(|n| digest(&[&n.to_le_bytes()])).collect();
            finds("uniform", &uniform);
            finds("all at the bottom", &of(|n, _| u128::from(n)));
            finds("all at the top", &of(|n, _| u128::MAX - u128::from(n)));
            finds("all in the middle", &of(|n, _| (1 << 127) + u128::from(n)));
            finds(
                "half at each end",
                &of(|n, _| if n % 2 == 0 { u128::from(n) } else { u128::MAX - u128::from(n) }),
            );
            finds("evenly", &of(|n, count| u128::MAX / u128::from(count) * u128::from(n)));
            finds("doubling", &of(|n, _| (1 << (n % 120)) + u128::from(n)));
        }
    }

    #[test]
    fn ten_thousand_uniform_keys_are_each_found_once() {
        let keys: Vec<_> = (0..10_000_u32).map(|n| digest(&[&n.to_le_bytes()])).collect();
        let mut known = known(keys.clone());
        let longest = known.starts.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(longest.is_some_and(|longest| longest < 16), "uniform keys come in short runs: {longest:?}");
        for key in &keys {
            known.find(key).unwrap().line = 1;
        }
        assert!(known.items.iter().all(|known| known.line == 1), "each found once");
        for n in 10_000..20_000_u32 {
            assert!(known.find(&digest(&[&n.to_le_bytes()])).is_none());
        }
    }
}
