//! What tests stand on: private servers and databases of their own.

pub mod broker;
pub mod database;
#[cfg(feature = "pgp")]
pub mod gpg;
pub mod proxy;
pub mod python;
pub mod sshd;
pub mod world;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// What `scripts/test` announces of a private server. A test without its server fails; it is never skipped.
#[allow(clippy::disallowed_methods, reason = "the private servers are announced in the environment")]
pub fn service(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run scripts/test"))
}

/// A port of this machine that nobody listens on now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Polls a future so many times and drops it; its result when it came to an end before.
pub async fn cut<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut left = polls;
    let mut future = pin!(future);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                if left == 0 {
                    return Poll::Ready(None);
                }
                Poll::Pending
            }
        }
    })
    .await
}
