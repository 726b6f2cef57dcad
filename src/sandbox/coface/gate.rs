//! The door of the sign-in: five refusals in a row lock it, for longer each time.
//!
//! Published of it: a lock after five refused sign-ins, from 1 second to about 15 minutes, doubling, and gone after a good
//! one. Assumed: while it is locked nobody gets in, and knocking does not make it longer.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Refusals in a row before the first lock.
pub const REFUSALS_MAX: u32 = 5;
const FIRST_LOCK: Duration = Duration::from_secs(1);
const LONGEST_LOCK: Duration = Duration::from_secs(15 * 60);

/// What became of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Open,
    Refused,
    Locked,
}

/// The door; the state of one account.
#[derive(Debug, Default)]
pub(super) struct Gate {
    refusals: u32,
    locks: u32,
    locked_until: Option<DateTime<Utc>>,
}

impl Gate {
    /// Somebody knocks at `now`, with the right credentials or not.
    pub fn knock(&mut self, is_right: bool, now: DateTime<Utc>) -> Entry {
        if self.locked_until.is_some_and(|until| now < until) {
            return Entry::Locked;
        }
        if is_right {
            *self = Self::default();
            return Entry::Open;
        }
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals >= REFUSALS_MAX {
            self.locked_until = Some(now + lock(self.locks));
            self.locks = self.locks.saturating_add(1);
        }
        Entry::Refused
    }

    /// Whether it was locked since the last good sign-in.
    pub const fn was_locked(&self) -> bool {
        self.locks > 0
    }
}

/// How long a lock lasts that comes after `locks` others.
fn lock(locks: u32) -> Duration {
    2_u32
        .checked_pow(locks)
        .and_then(|times| FIRST_LOCK.checked_mul(times))
        .unwrap_or(LONGEST_LOCK)
        .min(LONGEST_LOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn the_fifth_refusal_locks_and_each_further_one_doubles_the_lock() {
        let mut gate = Gate::default();
        for _ in 0..4 {
            assert_eq!(gate.knock(false, at(0)), Entry::Refused);
        }
        assert!(!gate.was_locked(), "four are forgiven");
        let mut now = 0;
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(gate.knock(false, at(now)), Entry::Refused);
            assert_eq!(
                gate.knock(true, at(now + seconds - 1)),
                Entry::Locked,
                "{seconds} s, also for the right one"
            );
            now += seconds;
        }
        assert!(gate.was_locked());
        assert_eq!(gate.knock(true, at(now)), Entry::Open);
        assert!(!gate.was_locked(), "a good sign-in resets it");
        assert_eq!(gate.knock(false, at(now)), Entry::Refused);
        assert_eq!(gate.knock(true, at(now)), Entry::Open);
    }
}
