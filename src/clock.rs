//! The only place that reads the clock. Everything else is handed its time.

use crate::model::Instant;

/// The present instant, in UTC, to the millisecond: what both databases keep exactly.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the seam that the lint protects")]
pub fn now() -> Instant {
    use chrono::SubsecRound as _;
    chrono::Utc::now().trunc_subsecs(3)
}
