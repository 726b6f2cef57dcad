//! Faults on demand: what goes wrong, on which calls, how many times.
//!
//! Invariant: a fault is used up by exactly the calls it spoils, so a test knows when the weather clears.

/// The operations of the interface, for scripting faults and reading the log of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST /authenticate/v2/tokens`.
    Token,
    /// `GET …/buyers?country&uid&uidType`, which is billed.
    FindBuyer,
    /// `GET …/buyers/{buyerId}`.
    Buyer,
    /// `GET …/buyers/my-buyers`.
    MyBuyers,
    /// `GET …/covers`.
    Covers,
    /// `GET …/covers/decisions`.
    Decisions,
    /// `GET …/covers/applications`.
    Applications,
    /// `GET …/covers/historic`.
    Historic,
    /// `POST …/covers`.
    Apply,
    /// `PUT …/covers`.
    Change,
    /// `GET …/policies/details`.
    PolicyDetails,
}

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
    /// Silence, then 408; nothing is done.
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
}

/// A fault for the next calls of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which operation it spoils; `None` for any.
    pub on: Option<Operation>,
    /// How many calls it spoils.
    pub times: u32,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// Takes the first fault that fits `operation`, and counts it down.
pub(super) fn take(faults: &mut Vec<Fault>, operation: Operation) -> Option<FaultKind> {
    let fault = faults.iter_mut().find(|fault| {
        fault.times > 0
            && fault.on.is_none_or(|on| on == operation)
            && !(fault.kind == FaultKind::ExpiredToken && operation == Operation::Token)
    })?;
    fault.times -= 1;
    let kind = fault.kind;
    faults.retain(|fault| fault.times > 0);
    Some(kind)
}
