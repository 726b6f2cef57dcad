//! Why a partner could not be reached or did not do what was asked, and what follows from it.

use std::time::Duration;

/// What to do about a failure. Every caller handles every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was accepted; the same call may succeed later, not before `after` when the partner named a delay.
    RetryLater {
        /// The delay that the partner asked for.
        after: Option<Duration>,
    },
    /// It may have been accepted. Read the partner before anything else; never send again blindly.
    OutcomeUnknown,
    /// A setting, a credential or the manifest has to change first. Retrying does harm: some partners lock the account.
    FixConfiguration,
    /// The partner refuses what was said; the record or the request has to change.
    FixData,
    /// The contract or the rights do not include this.
    NotAllowed,
    /// Encours or the manifest is wrong about the partner.
    Defect,
}

impl Verdict {
    /// Its name in manifests, in the ledger and in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RetryLater { .. } => "retry_later",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::FixConfiguration => "fix_configuration",
            Self::FixData => "fix_data",
            Self::NotAllowed => "not_allowed",
            Self::Defect => "defect",
        }
    }

    /// Every name, for the loader of manifests.
    pub const NAMES: &'static [&'static str] =
        &["retry_later", "outcome_unknown", "fix_configuration", "fix_data", "not_allowed", "defect"];

    /// Reads a name back; `None` when it is not one of [`Verdict::NAMES`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "retry_later" => Self::RetryLater { after: None },
            "outcome_unknown" => Self::OutcomeUnknown,
            "fix_configuration" => Self::FixConfiguration,
            "fix_data" => Self::FixData,
            "not_allowed" => Self::NotAllowed,
            "defect" => Self::Defect,
            _ => return None,
        })
    }
}

/// A failed call. The texts hold no body, no token and no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No connection was made; nothing was sent.
    #[error("the partner cannot be reached: {reason}")]
    Unreachable {
        /// What the network said.
        reason: String,
    },
    /// The partner asks to slow down, and did not accept the call.
    #[error("the partner asks to slow down (status {status})")]
    Throttled {
        /// The status of the answer.
        status: u16,
        /// The delay it asked for.
        after: Option<Duration>,
    },
    /// Sent, and no whole answer came back.
    #[error("no whole answer came back: {reason}")]
    Lost {
        /// What the network said.
        reason: String,
        /// Whether the call changes something at the partner.
        effect: super::http::Effect,
    },
    /// The partner failed.
    #[error("the partner failed with status {status}{}", said(message, reference.as_ref()))]
    Failed {
        /// The status of the answer.
        status: u16,
        /// What the partner says.
        message: String,
        /// The reference its support asks for.
        reference: Option<String>,
        /// Whether the call changes something at the partner.
        effect: super::http::Effect,
        /// The delay it asked for.
        after: Option<Duration>,
    },
    /// The credentials were refused. They are not tried again until the connection is built anew.
    #[error("the partner refuses the credentials{}; check the settings {}", said(message, None), settings.join(", "))]
    Credentials {
        /// What the partner says.
        message: String,
        /// The settings that hold them.
        settings: Vec<String>,
    },
    /// The partner understood and says no.
    #[error("the partner refuses with status {status}{}", said(message, reference.as_ref()))]
    Refused {
        /// The status of the answer.
        status: u16,
        /// What the partner says.
        message: String,
        /// The reference its support asks for.
        reference: Option<String>,
        /// What follows.
        verdict: Verdict,
    },
    /// The answer is not what the manifest expects.
    #[error("the answer cannot be used: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: String,
        /// Whether the call changes something at the partner.
        effect: super::http::Effect,
    },
    /// The call cannot be built from the settings.
    #[error("{reason}")]
    Configuration {
        /// What is missing or wrong.
        reason: String,
    },
}

fn said(message: &str, reference: Option<&String>) -> String {
    let mut text = String::new();
    if !message.is_empty() {
        text.push_str(": ");
        text.push_str(message);
    }
    if let Some(reference) = reference {
        text.push_str(&format!(" (reference {reference})"));
    }
    text
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        use super::http::Effect;
        match self {
            Self::Unreachable { .. } | Self::Lost { effect: Effect::Read, .. } => {
                Verdict::RetryLater { after: None }
            }
            Self::Throttled { after, .. } | Self::Failed { effect: Effect::Read, after, .. } => {
                Verdict::RetryLater { after: *after }
            }
            Self::Lost { effect: Effect::Write | Effect::Billed, .. }
            | Self::Failed { effect: Effect::Write | Effect::Billed, .. }
            | Self::Answer { effect: Effect::Write | Effect::Billed, .. } => Verdict::OutcomeUnknown,
            Self::Credentials { .. } | Self::Configuration { .. } => Verdict::FixConfiguration,
            Self::Refused { verdict, .. } => *verdict,
            Self::Answer { effect: Effect::Read, .. } => Verdict::Defect,
        }
    }
}
