//! Calling back: at most three times, with a wait between them, and then silence.
//!
//! Invariant: a message is tried once after another and never put off, so a client that was away has lost it.

use std::time::Duration;

use super::Sandbox;
use super::state::{Message, Webhook};
use base64::Engine as _;
use serde_json::Value;

/// Calls until somebody takes the message; the first and two more.
const CALLS_MAX: u32 = 3;

/// A message that was to be called back with, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Where.
    pub url: String,
    /// What.
    pub body: Value,
    /// How many calls were made; 0 when the message was lost.
    pub calls: u32,
    /// Whether somebody took it.
    pub taken: bool,
}

/// What the header of a request asks for, or why it cannot be had.
///
/// The insurer calls HTTPS only; this simulator calls its own machine besides.
pub(super) fn read(header: &str) -> Result<Webhook, &'static str> {
    let text = base64::engine::general_purpose::STANDARD
        .decode(header)
        .map_err(|_| "the webhook header is not base64")?;
    let asked: Value =
        serde_json::from_slice(&text).map_err(|_| "the webhook header is not JSON in base64")?;
    let url = asked.get("callbackUrl").and_then(Value::as_str).ok_or("callbackUrl is missing")?;
    let own = url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost");
    if !url.starts_with("https://") && !own {
        return Err("callbackUrl must be HTTPS");
    }
    if asked.get("timeToLive").and_then(Value::as_u64).is_none() {
        return Err("timeToLive must be a number of hours");
    }
    let extended = asked.get("extendedNotification").and_then(Value::as_bool) == Some(true);
    Ok(Webhook { url: url.to_owned(), extended })
}

/// Calls back with what has gathered, in the background.
pub(super) fn start(sandbox: &Sandbox) {
    // Without a runtime nobody serves; the messages go with the next call.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let (messages, wait) = {
        let mut inner = sandbox.lock();
        let mut messages = std::mem::take(&mut inner.book.messages);
        let lost = messages.len().min(usize::try_from(inner.lost_callbacks).unwrap_or(usize::MAX));
        inner.lost_callbacks -= u32::try_from(lost).unwrap_or(inner.lost_callbacks);
        for Message { url, body } in messages.drain(..lost) {
            inner.callbacks.push(Callback { url, body, calls: 0, taken: false });
        }
        (messages, Duration::from_millis(inner.book.setup.callback_milliseconds))
    };
    for message in messages {
        runtime.spawn(deliver(sandbox.clone(), message, wait));
    }
}

async fn deliver(sandbox: Sandbox, message: Message, wait: Duration) {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build();
    let (mut calls, mut taken) = (0, false);
    if let Ok(client) = client {
        while calls < CALLS_MAX && !taken {
            if calls > 0 {
                tokio::time::sleep(wait).await;
            }
            calls += 1;
            let answer = client.post(&message.url).json(&message.body).send().await;
            taken = answer.is_ok_and(|answer| answer.status().is_success());
        }
    }
    let Message { url, body } = message;
    sandbox.lock().callbacks.push(Callback { url, body, calls, taken });
}
