//! The ping of the information service when an order is ready: no credentials, no content, and patience.
//!
//! Published of it: an empty call, 10 seconds to answer with any 2xx, and up to 16 repetitions, after 2^n minutes for the
//! first eight and every 8 hours then. Assumed: it is a POST.

use std::time::Duration;

/// How many times a ping is repeated.
pub const RETRIES: u32 = 16;
const PATIENCE: Duration = Duration::from_secs(10);

/// The delay before repetition `n`, from 1; nothing beyond the last.
#[must_use]
pub fn delay(n: u32) -> Option<Duration> {
    let minutes = match n {
        1..=8 => 2_u64.pow(n),
        9..=RETRIES => 8 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(minutes * 60))
}

/// How often a callback was tried, and whether somebody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Calls that were made.
    pub calls: u32,
    /// Whether the last of them was answered with 2xx.
    pub is_answered: bool,
}

/// Calls a URL back until it answers or patience ends; `delays` gives the time before each repetition.
pub async fn ring(url: &str, delays: impl Fn(u32) -> Option<Duration>) -> Rung {
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build();
    let Ok(client) = client else { return Rung { calls: 0, is_answered: false } };
    let mut calls = 0;
    loop {
        calls += 1;
        let answer = client.post(url).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Rung { calls, is_answered: true };
        }
        match delays(calls) {
            Some(delay) => tokio::time::sleep(delay).await,
            None => return Rung { calls, is_answered: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_repetitions_take_more_than_two_days() {
        let minutes: Vec<u64> = (1..).map_while(delay).map(|delay| delay.as_secs() / 60).collect();
        assert_eq!(minutes.get(..9), Some([2, 4, 8, 16, 32, 64, 128, 256, 480].as_slice()));
        assert_eq!((minutes.len(), minutes.iter().sum::<u64>()), (16, 510 + 8 * 480));
    }
}
