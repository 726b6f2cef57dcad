//! Deltas: facts about a change, each published once.
//!
//! Invariant: the id is a function of the subject, the event and the subject's version, so a repeat can be told.
//! Reference: shared rules, "Deltas".

use super::words;

words! {
    /// What happened, as `<subject>.<event>`.
    Event {
        /// First cover on a buyer.
        LimitGranted = "limit.granted",
        /// A higher limit.
        LimitIncreased = "limit.increased",
        /// A lower limit.
        LimitReduced = "limit.reduced",
        /// No cover any more.
        LimitWithdrawn = "limit.withdrawn",
        /// Asked for and not given.
        LimitRefused = "limit.refused",
        /// A layer ends soon.
        LimitExpiring = "limit.expiring",
        /// A limit or layer has ended.
        LimitExpired = "limit.expired",
        /// A withdrawal is announced for a date to come.
        LimitNoticeOfWithdrawal = "limit.notice_of_withdrawal",
        /// An insurer rates a buyer otherwise than before.
        RatingChanged = "rating.changed",
        /// What a buyer owes has changed past the threshold.
        ExposureChanged = "exposure.changed",
        /// A buyer went over its limit.
        ExposureOverLimit = "exposure.over_limit",
        /// A buyer came back within its limit.
        ExposureBackWithinLimit = "exposure.back_within_limit",
        /// An unpaid invoice stopped cover for later deliveries.
        CoverStopped = "cover.stopped",
        /// Deliveries are covered again.
        CoverLifted = "cover.lifted",
        /// A warning day of a deadline has come.
        DeadlineUpcoming = "deadline.upcoming",
        /// The last day of a deadline is over.
        DeadlineMissed = "deadline.missed",
        /// What a deadline is for was done.
        DeadlineMet = "deadline.met",
        /// A request on cover should be made.
        RequestProposed = "request.proposed",
        /// A request on cover is with the insurer.
        RequestSent = "request.sent",
        /// The insurer has answered a request.
        RequestDecided = "request.decided",
        /// A difference was found.
        BreakOpened = "break.opened",
        /// A difference is gone.
        BreakClosed = "break.closed",
        /// A batch of assigned documents is with the factor.
        AssignmentSent = "assignment.sent",
        /// A factor took a document.
        AssignmentAccepted = "assignment.accepted",
        /// A factor did not take a document.
        AssignmentRejected = "assignment.rejected",
        /// A factor paid for a document.
        AssignmentFinanced = "assignment.financed",
        /// A factor took its financing of a document back.
        AssignmentDefinanced = "assignment.definanced",
        /// What the platforms of the e-invoicing reform have to be told of an invoice that is assigned, or not any more.
        InvoiceStatus = "invoice.status",
        /// A connection stopped until a person mends its settings.
        ConnectionPaused = "connection.paused",
        /// A paused or stale connection works again.
        ConnectionRecovered = "connection.recovered",
    }
}

impl Event {
    /// The part before the point: what the delta is about.
    #[must_use]
    pub fn subject(self) -> &'static str {
        self.as_str().split_once('.').map_or("", |(subject, _)| subject)
    }
}

/// A change that is to be said once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// What happened.
    pub event: Event,
    /// The subject's key: a buyer id, a break id or a connection.
    pub subject: String,
    /// The subject's version that the delta speaks of.
    pub version: String,
    /// The connection that the change came through.
    pub connection: String,
    /// ISO 3166 alpha-2, or `xx`.
    pub country: String,
    /// One sentence for people.
    pub summary: String,
    /// The facts, for programs, as JSON text. Amounts are decimal text.
    pub data: String,
}

impl Delta {
    /// Where the delta goes on the exchange: `<subject>.<event>.<connection>.<country>`.
    #[must_use]
    pub fn routing_key(&self) -> String {
        let country = if self.country.is_empty() { "xx".to_owned() } else { self.country.to_lowercase() };
        format!("{}.{}.{}", self.event, self.connection, country)
    }
}
