//! What all users of one credential share: the rate, the calls at once, the session, and the memory of a refusal.
//!
//! A partner counts calls and refusals by credential. Two connections of one company that sign in alike are one caller to
//! it, whatever else their settings say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::session::Sessions;
use super::{Auth, Config, Limit};
use crate::ids::fingerprint;

/// One credential at one partner.
pub(super) struct Credential {
    limiter: governor::DefaultDirectRateLimiter,
    pub(super) in_flight: Semaphore,
    pub(super) sessions: Sessions,
}

impl Credential {
    pub(super) fn new(limit: Limit) -> Self {
        // A period of nothing is no limit that anybody can keep: a microsecond is near enough.
        let quota = governor::Quota::with_period(limit.period.max(Duration::from_micros(1)))
            .unwrap_or_else(|| governor::Quota::per_second(NonZeroU32::MIN))
            .allow_burst(NonZeroU32::MIN);
        Self {
            limiter: governor::RateLimiter::direct(quota),
            in_flight: Semaphore::new(limit.in_flight.clamp(1, 256)),
            sessions: Sessions::default(),
        }
    }

    /// Waits until a call may leave.
    pub(super) async fn turn(&self) {
        self.limiter.until_ready().await;
    }

    /// Takes a turn if there is one now.
    #[cfg(test)]
    pub(super) fn has_turn(&self) -> bool {
        self.limiter.check().is_ok()
    }
}

/// The credentials that are in use, each once. Clones share them.
#[derive(Clone, Default)]
pub struct Credentials {
    known: Arc<Mutex<BTreeMap<[u8; 16], Arc<Credential>>>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// The credential of a configuration: that of everybody who signs in with the same settings at the same place.
    pub(super) fn of(&self, partner: &str, config: &Config) -> Arc<Credential> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let credential = known.entry(key(partner, config));
        Arc::clone(credential.or_insert_with(|| Arc::new(Credential::new(config.limit))))
    }
}

/// Partner, place, and every setting that is part of signing in or of a header of every call.
fn key(partner: &str, config: &Config) -> [u8; 16] {
    let mut names: BTreeSet<String> =
        config.headers.iter().flat_map(|(_, template)| template.names()).map(str::to_owned).collect();
    names.extend(config.auth.settings());
    if let Auth::Token(token) = &config.auth {
        let more = token.headers.iter().flat_map(|(_, template)| template.names());
        names.extend(more.chain(token.request.path.names()).map(str::to_owned));
    }
    let mut parts = vec![partner.as_bytes(), config.base_url.trim_end_matches('/').as_bytes()];
    for name in &names {
        // What is no setting comes from the session itself.
        if let Some(value) = config.settings.get(name) {
            parts.extend([name.as_bytes(), value.as_bytes()]);
        }
    }
    fingerprint(&parts)
}
