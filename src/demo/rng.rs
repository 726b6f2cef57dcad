//! A small deterministic generator of numbers: splitmix64, one stream per part of the demo.
//!
//! Every part draws from its own stream, so a change to one part leaves the others as they were. Good enough to invent
//! a company with; never for secrets. Reference: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators".

/// One stream of numbers.
pub(super) struct Rng(u64);

impl Rng {
    /// The stream of one `part` of the demo, and of one `index` within it.
    pub(super) fn new(seed: u64, part: &str, index: u64) -> Self {
        // FNV-1a spreads the name of the part over 64 bits.
        let name = part
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        let mut rng = Self(seed ^ name);
        let mixed = rng.next();
        Self(mixed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low).unwrap_or(0) + 1;
        low + i64::try_from(self.next() % span).unwrap_or(0)
    }

    /// True in `share` cases of a hundred.
    pub(super) fn percent(&mut self, share: i64) -> bool {
        self.between(1, 100) <= share
    }

    /// One of the values; `None` only when there are none.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let last = i64::try_from(from.len()).unwrap_or(0) - 1;
        usize::try_from(self.between(0, last.max(0))).ok().and_then(|index| from.get(index)).copied()
    }

    /// Puts the values in another order (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            let other = self.between(0, i64::try_from(last).unwrap_or(0));
            values.swap(last, usize::try_from(other).unwrap_or(0));
        }
    }
}
