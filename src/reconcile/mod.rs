//! Compares whole states of two sides and says what differs, and what has changed since it was last compared.
//!
//! Level-triggered: nothing here remembers, so a message that was missed is made good by the next run. Whoever stores
//! the result hands the former one back in. Reference: shared rules, "Reconciliation" and "Deltas".

mod change;
mod diff;
mod identity;
mod limits;

pub use change::{Change, ended, expiring, exposure_event, limit_change, over_limit_event};
pub use diff::{Diff, Identity, StillOpen, diff};
pub use identity::{Candidate, Directory, InsurerIds, POINTS_MIN, Party, Score, score, two_insurer_ids};
pub use limits::{Buyer, ErpAccount, Owed, PolicyState, Stand, Stopped, breaks};
