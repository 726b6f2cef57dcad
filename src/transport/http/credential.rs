//! What all users of one credential share: the rate, the calls at once, the session, and the memory of a refusal.
//!
//! A partner counts calls and refusals by credential. Two connections of one company that sign in alike are one caller to
//! it, whatever else their settings say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::session::Sessions;
use super::{Auth, Config, Limit};
use crate::ids::fingerprint;

/// One credential at one partner.
pub(super) struct Credential {
    period: Duration,
    /// When the next call may leave.
    next: Mutex<Option<Instant>>,
    pub(super) in_flight: Semaphore,
    pub(super) sessions: Sessions,
}

impl Credential {
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            period: limit.period,
            next: Mutex::new(None),
            in_flight: Semaphore::new(limit.in_flight.clamp(1, 256)),
            sessions: Sessions::default(),
        }
    }

    /// Waits for the next turn, in the order of asking.
    pub(super) async fn turn(&self) {
        tokio::time::sleep_until(self.next_turn(Instant::now())).await;
    }

    /// Takes the next turn: the instant at which the call may leave.
    pub(super) fn next_turn(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.map_or(now, |next| next.max(now));
        *next = Some(at + self.period);
        at
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
