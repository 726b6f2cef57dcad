//! Differences between two sides that should agree, typed.
//!
//! A break has an identity that survives runs, so its age is real. Reference: shared rules, "Reconciliation".

use super::words;

words! {
    /// Which comparison failed, and how.
    BreakKind {
        /// The ERP and the insurer hold different limits.
        LimitDiffers = "limit_differs",
        /// The insurer covers the buyer, the ERP holds no limit.
        LimitMissingInErp = "limit_missing_in_erp",
        /// The ERP holds a limit that no insurer knows.
        LimitUnknownToInsurer = "limit_unknown_to_insurer",
        /// Both hold a limit, in different currencies.
        CurrencyDiffers = "currency_differs",
        /// The buyer owes more than is covered by its limit.
        OverLimit = "over_limit",
        /// The buyer owes and nothing is covered.
        NoCover = "no_cover",
        /// An unpaid invoice stopped cover: what is delivered now is not covered.
        CoverStopped = "cover_stopped",
        /// A temporary layer ends soon.
        CoverExpiring = "cover_expiring",
        /// An insurer's buyer that no account answers to.
        BuyerUnmatched = "buyer_unmatched",
        /// An insurer's buyer that several buyers answer to.
        BuyerAmbiguous = "buyer_ambiguous",
        /// Two accounts of one legal buyer (information).
        SameBuyerTwoAccounts = "same_buyer_two_accounts",
        /// One insurer covers one legal buyer under two of its ids.
        TwoInsurerIds = "two_insurer_ids",
        /// A code that the mapping does not know.
        UnknownCode = "unknown_code",
        /// The ERP holds another limit than Encours wrote into it.
        LimitChangedInErp = "limit_changed_in_erp",
        /// Nothing is covered, and the ERP does not stop deliveries.
        LimitNotEnforced = "limit_not_enforced",
        /// A request of ours that the insurer does not list.
        RequestUnknownToInsurer = "request_unknown_to_insurer",
        /// A request of ours that the insurer has not answered for long.
        RequestUnanswered = "request_unanswered",
        /// An overdue invoice whose notice is owed soon.
        NoticeDue = "notice_due",
        /// An overdue invoice whose notice is late.
        NoticeMissed = "notice_missed",
        /// A buyer with an amount that no statement could name, since the insurer's id of it is not known.
        NeverDeclared = "never_declared",
        /// What was stated is not what the ledger knows now.
        DeclaredDiffers = "declared_differs",
        /// A document that was assigned, is open, and is not on the factor's statement.
        MissingAtFactor = "missing_at_factor",
        /// A document on the factor's statement that was never assigned.
        UnknownToLedger = "unknown_to_ledger",
        /// The factor has another amount of a document than was assigned.
        AmountDiffers = "amount_differs",
        /// The factor did not take a document.
        Rejected = "rejected",
        /// A document that is paid here, and that the factor still counts on the buyer for.
        PaidNotReleased = "paid_not_released",
        /// The factor holds another guarantee than the contract says.
        HoldbackDiffers = "holdback_differs",
        /// The factor has taken its financing of an open document back.
        Definanced = "definanced",
    }
}

impl BreakKind {
    /// What a person should do next, in one sentence.
    #[must_use]
    pub const fn next_step(self) -> &'static str {
        match self {
            Self::LimitDiffers => "load the insurer's amount into the ERP, or ask the insurer for the ERP's",
            Self::LimitMissingInErp => "load the insurer's amount into the ERP",
            Self::LimitUnknownToInsurer => "request cover from the insurer, or take the limit out of the ERP",
            Self::CurrencyDiffers => "hold the limit in the policy's currency in the ERP",
            Self::OverLimit => "request an increase, collect, or stop deliveries",
            Self::NoCover => "request cover before the next delivery",
            Self::CoverStopped => {
                "stop deliveries and collect; once the insurer has lifted it, say so with `encours stops lift`"
            }
            Self::CoverExpiring => "ask for a renewal before the date, or plan for the lower limit",
            Self::BuyerUnmatched => {
                "add the registry number or the insurer's buyer id to the customer in the ERP, or decide with \
                 `encours buyers match`"
            }
            Self::BuyerAmbiguous => {
                "correct the registry numbers so that one buyer remains, or decide with `encours buyers match`"
            }
            Self::SameBuyerTwoAccounts => "nothing: the accounts share one cover",
            Self::TwoInsurerIds => {
                "ask the insurer to merge its two ids, or correct the link (`encours buyers links`)"
            }
            Self::UnknownCode => "add the code to the [codes] table of the mapping",
            Self::LimitChangedInErp => {
                "ask who changed it; approve the write-back to replace it, or ask the insurer for the ERP's amount"
            }
            Self::LimitNotEnforced => "stop deliveries by hand: the ERP will not",
            Self::RequestUnknownToInsurer => {
                "ask the insurer for it by our reference, then say what it is with `encours requests settle`"
            }
            Self::RequestUnanswered => {
                "call the insurer, or take the request back with `encours requests withdraw`"
            }
            Self::NoticeDue => {
                "approve the notice, or send it by hand and say so with `encours requests settle`"
            }
            Self::NoticeMissed => "notify at once and tell the insurer why it is late",
            Self::NeverDeclared => {
                "give the buyer the insurer's id in the ERP or with `encours buyers link`, or state it by hand"
            }
            Self::DeclaredDiffers => {
                "tell the insurer what has changed since, and keep its receipt with the statement"
            }
            Self::MissingAtFactor => "ask the factor whether it has the batch, with its number and its hash",
            Self::UnknownToLedger => {
                "ask the factor where the document comes from: Encours never assigned it"
            }
            Self::AmountDiffers => {
                "compare the document with the factor's; a credit note may be missing on one side"
            }
            Self::Rejected => {
                "mend what the factor names, or collect the invoice yourself: it is not financed"
            }
            Self::PaidNotReleased => {
                "forward a direct payment and tell the factor of it, or ask why its payment is not booked there"
            }
            Self::HoldbackDiffers => "compare the percentage in the contract with the factor's statement",
            Self::Definanced => "collect the invoice yourself, and plan for the money that went back",
        }
    }
}

/// One difference, as a run finds it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Break {
    /// What differs.
    pub kind: BreakKind,
    /// What it is about, stable over runs: a buyer id, or `connection/reference` where there is no buyer.
    pub subject: String,
    /// The name a person knows the subject by.
    pub name: String,
    /// ISO 3166 alpha-2 of the subject, empty when unknown.
    pub country: String,
    /// The connection the other side was read from.
    pub connection: String,
    /// Our side, for people.
    pub ours: String,
    /// Their side, for people.
    pub theirs: String,
}
