//! The clauses of a policy period, by name: what a policy may state, and the same policy without it.
//!
//! Invariant: a period without a clause that it does not state is the period itself.
//! Reference: shared rules, "Clauses of a policy".

use crate::model::{Automation, AutomationRule, Fees, Policy, words};

words! {
    /// One clause of a policy period, named like its key in a policy file.
    Clause {
        /// Share of a covered loss that is paid.
        InsuredPercentage = "insured_percentage",
        /// Longest credit that is insured.
        MaximumTerms = "maximum_terms_days",
        /// The same share, of what the discretionary limit covers.
        DiscretionaryPercentage = "discretionary_percentage",
        /// Buyers that are not insured.
        ExcludedBuyers = "excluded_buyers",
        /// Countries whose buyers are not insured.
        ExcludedCountries = "excluded_countries",
        /// The small cover that the policyholder grants himself.
        Discretionary = "discretionary",
        /// The maximum extension period.
        Extension = "mep_days",
        /// When an unpaid invoice stops cover, and how the stop ends.
        CoverStop = "cover_stop",
        /// When an overdue invoice is notified.
        Notices = "notices",
        /// When a claim is made.
        Claims = "claims",
        /// Until when an extension is asked for.
        ExtensionRequest = "extension_days_before",
        /// When deadlines are warned of.
        DeadlineWarnings = "deadline_warning_days",
        /// Which buyers' first requests go to the policy.
        Countries = "countries",
        /// When another limit is asked for.
        Requests = "requests",
        /// What the insurer charges.
        Fees = "fees",
        /// What is stated each month.
        Statement = "statement",
        /// Who lets what go.
        Automation = "automation",
        /// Which changes of exposure are announced.
        ExposureThreshold = "exposure_threshold",
        /// When the end of a cover is announced.
        Warning = "warning_days",
        /// What the ERP is told of a cover that ended.
        WhenEnded = "when_ended",
    }
}

impl Clause {
    /// Whether the period states it. What has a value in any case counts as stated.
    #[must_use]
    pub fn is_stated(self, policy: &Policy) -> bool {
        match self {
            Self::MaximumTerms => policy.maximum_terms_days.is_some(),
            Self::DiscretionaryPercentage => policy.discretionary_percentage.is_some(),
            Self::ExcludedBuyers => !policy.excluded_buyers.is_empty(),
            Self::ExcludedCountries => !policy.excluded_countries.is_empty(),
            Self::Discretionary => policy.discretionary_minor != 0,
            Self::Extension => policy.mep_days.is_some(),
            Self::CoverStop => policy.cover_stop.is_some(),
            Self::Notices => policy.notices.is_some(),
            Self::Claims => policy.claims.is_some(),
            Self::ExtensionRequest => policy.extension_days_before.is_some(),
            Self::DeadlineWarnings => !policy.deadline_warning_days.is_empty(),
            Self::Countries => !policy.countries.is_empty(),
            Self::Requests => policy.requests.is_some(),
            Self::Fees => policy.fees != Fees::default(),
            Self::Statement => policy.statement.is_some(),
            Self::ExposureThreshold => policy.exposure_threshold_minor != 0,
            Self::InsuredPercentage | Self::Automation | Self::Warning | Self::WhenEnded => true,
        }
    }
}

/// What goes by itself, waits for a person or is never proposed, by the names of the policy file.
#[must_use]
pub fn automations(rule: &AutomationRule) -> [(&'static str, Automation); 6] {
    let AutomationRule { request, change, cancel, write_back, notice, statement } = *rule;
    [
        ("request", request),
        ("change", change),
        ("cancel", cancel),
        ("write_back", write_back),
        ("notice", notice),
        ("statement", statement),
    ]
}
