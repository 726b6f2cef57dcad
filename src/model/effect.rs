//! Effects: what Encours changes outside itself, each exactly once.
//!
//! Partners offer no key that makes repeating a request harmless, so an effect is a row before anything is sent, and what
//! became of it is read from the partner when the call itself did not tell.
//! Invariant: the id of an effect is a function of its kind, policy, subject and cause; the same cause leads to the same
//! effect, whoever finds it and however often. Reference: shared rules, "Effects happen once".

use std::collections::BTreeMap;

use super::{Date, Money, words};

words! {
    /// What is done; the name of the operation that does it.
    EffectKind {
        /// Cover where there is none.
        RequestLimit = "request_limit",
        /// Another amount of cover.
        ChangeLimit = "change_limit",
        /// No cover any more.
        CancelLimit = "cancel_limit",
        /// A request that is not decided is taken back.
        WithdrawRequest = "withdraw_request",
        /// The insurer's limit goes into the ERP.
        WriteLimit = "write_limit",
        /// An invoice past its due date is notified to the insurer.
        NotifyOverdue = "notify_overdue",
        /// A line of an exposure statement.
        ReportExposure = "report_exposure",
    }
}

impl EffectKind {
    /// Whether it asks for cover: of these, one lives at a time per buyer and policy.
    #[must_use]
    pub const fn is_request(self) -> bool {
        match self {
            Self::RequestLimit | Self::ChangeLimit | Self::CancelLimit => true,
            Self::WithdrawRequest | Self::WriteLimit | Self::NotifyOverdue | Self::ReportExposure => false,
        }
    }
}

words! {
    /// Where an effect stands.
    EffectState {
        /// It should be done; nobody has said so yet.
        Proposed = "proposed",
        /// A person, or the policy, says so.
        Approved = "approved",
        /// It is being sent: written down before the first byte leaves.
        Sending = "sending",
        /// The partner has it.
        Done = "done",
        /// The partner decided against it.
        Refused = "refused",
        /// The partner cannot take it as it is; a person must look.
        Failed = "failed",
        /// Sent, and no answer says what became of it: the partner is read before anything else.
        Unknown = "unknown",
        /// Not done, and not to be done: its cause is gone, it has expired, or a person said no.
        Dropped = "dropped",
    }
}

words! {
    /// What is done with a limit.
    Action {
        /// Ask for cover where there is none.
        New = "new",
        /// Ask for more.
        Increase = "increase",
        /// Ask for less.
        Reduce = "reduce",
        /// Ask again where a cover has ended: some insurers want their own word for it.
        Supersede = "supersede",
        /// Give it up.
        Cancel = "cancel",
        /// Take a request back.
        Withdraw = "withdraw",
        /// Write an amount into the ERP.
        Set = "set",
        /// Write that nothing is covered, which is never "no limit".
        Zero = "zero",
        /// Take the limit out of the ERP.
        Remove = "remove",
        /// Stop deliveries in the ERP.
        Block = "block",
        /// Notify an overdue invoice.
        Notify = "notify",
        /// State an exposure.
        State = "state",
    }
}

/// Who has to approve an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// The policy lets it go by itself.
    Automatic,
    /// A person, and why.
    Person(String),
}

/// Something that should be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What is done.
    pub kind: EffectKind,
    /// What is done with the limit.
    pub action: Action,
    /// The connection that it goes through.
    pub connection: String,
    /// The policy number, empty where none counts.
    pub policy: String,
    /// The legal buyer.
    pub buyer_id: String,
    /// Its name, for people.
    pub name: String,
    /// ISO 3166 alpha-2, or empty.
    pub country: String,
    /// What it is done to, in the partner's words: its buyer, an account, an invoice, a period.
    pub subject: String,
    /// The version of the cause: what has to change before the same is done again.
    pub cause: String,
    /// Why, in one sentence.
    pub why: String,
    /// What it is expected to change, in one sentence.
    pub expected: String,
    /// The amount that it carries.
    pub amount: Option<Money>,
    /// What stands before it.
    pub before: Option<Money>,
    /// What it costs, as the policy states it.
    pub fee: Option<Money>,
    /// Who approves it.
    pub approval: Approval,
    /// What the operation is given, by name.
    pub facts: BTreeMap<String, String>,
    /// The last day on which doing it makes sense.
    pub expires_on: Option<Date>,
}

impl Effect {
    /// What makes it this effect and no other: the same cause gives the same parts on every machine.
    #[must_use]
    pub fn identity(&self) -> [&str; 6] {
        // Of requests one lives per buyer and policy, whatever it asks for and whatever the insurer calls the buyer.
        let (kind, subject) = if self.kind.is_request() {
            ("request", "")
        } else {
            (self.kind.as_str(), self.subject.as_str())
        };
        [kind, &self.connection, &self.policy, &self.buyer_id, subject, &self.cause]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect() -> Effect {
        Effect {
            kind: EffectKind::RequestLimit,
            action: Action::New,
            connection: "insurer".into(),
            policy: "0042".into(),
            buyer_id: "siren:000000018".into(),
            name: "Exemple".into(),
            country: "FR".into(),
            subject: "31001".into(),
            cause: "0".into(),
            why: String::new(),
            expected: String::new(),
            amount: None,
            before: None,
            fee: None,
            approval: Approval::Automatic,
            facts: BTreeMap::new(),
            expires_on: None,
        }
    }

    #[test]
    fn one_cause_is_one_effect_whatever_it_asks_for() {
        let asked = effect();
        let mut more = effect();
        (more.kind, more.action) = (EffectKind::ChangeLimit, Action::Increase);
        assert_eq!(asked.identity(), more.identity(), "one live request per buyer and policy");
        let mut later = effect();
        later.cause = "1".into();
        assert_ne!(asked.identity(), later.identity());
        let mut notice = effect();
        notice.kind = EffectKind::NotifyOverdue;
        assert_ne!(asked.identity(), notice.identity());
        let other = Effect { subject: "F2".into(), ..notice.clone() };
        assert_ne!(notice.identity(), other.identity(), "two invoices are two notices");
    }
}
