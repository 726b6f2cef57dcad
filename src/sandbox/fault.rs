//! Faults on demand, the same words for every simulator: what goes wrong, on which calls, how many times.
//!
//! Invariant: a fault is used up by exactly the calls it spoils, so a test knows when the weather clears.

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// 429 with `Retry-After`; nothing is done.
    TooManyRequests {
        /// The value of `Retry-After`.
        retry_after_seconds: u64,
    },
    /// 503 of the gateway; nothing is done.
    Unavailable,
    /// 500; nothing is done.
    ErrorBefore,
    /// 500 after the call was carried out: a request is accepted although its answer says otherwise.
    ErrorAfter,
    /// Silence, then 408 or what the interface answers instead; nothing is done.
    TimeoutBefore {
        /// How long the silence lasts.
        milliseconds: u64,
    },
    /// The call is carried out at once, and its true answer comes after a silence.
    TimeoutAfter {
        /// How long the silence lasts.
        milliseconds: u64,
    },
    /// The token of the call is no longer good: 401, until a new one is fetched. Token calls are passed over.
    ExpiredToken,
    /// The call is carried out and its answer is cut in the middle of the JSON text, under a good status.
    Truncated,
    /// A list shows one of its rows twice.
    Repeated,
    /// A list comes in another order.
    Reordered,
    /// What would have been called back is not.
    LostCallback,
}

/// The calls that a fault of a script spoils, in words that every interface has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Calls {
    /// Any of them.
    Any,
    /// Fetching a token.
    Token,
    /// Reading a list or one record.
    Read,
    /// Asking for, changing or giving up cover; reporting.
    Write,
}

/// A fault for the next calls of an operation, `O` being the simulator's own operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault<O> {
    /// Which operation it spoils; `None` for any.
    pub on: Option<O>,
    /// How many calls it spoils.
    pub times: u32,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// Takes the first fault that `fits` the call, and counts it down. A fault of tokens spoils no call that fetches one.
pub(super) fn take<O: Copy>(
    faults: &mut Vec<Fault<O>>,
    is_token: bool,
    fits: impl Fn(O) -> bool,
) -> Option<FaultKind> {
    let fault = faults.iter_mut().find(|fault| {
        fault.times > 0 && fault.on.is_none_or(&fits) && !(fault.kind == FaultKind::ExpiredToken && is_token)
    })?;
    fault.times -= 1;
    let kind = fault.kind;
    faults.retain(|fault| fault.times > 0);
    Some(kind)
}
