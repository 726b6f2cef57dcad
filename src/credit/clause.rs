//! The clauses of a policy period, by name: what a policy may state, and the same policy without it.
//!
//! Invariant: a period without a clause that it does not state is the period itself.
//! Reference: shared rules, "Clauses of a policy".

use rust_decimal::Decimal;

use crate::model::{Automation, AutomationRule, Basis, Fees, Policy, words};

words! {
    /// One clause of a policy period, named like its key in a policy file.
    Clause {
        /// Share of a covered loss that is paid.
        InsuredPercentage = "insured_percentage",
        /// Whether tax counts.
        Basis = "basis",
        /// Longest credit that is insured.
        MaximumTerms = "maximum_terms_days",
        /// The same share, of what the discretionary limit covers.
        DiscretionaryPercentage = "discretionary_percentage",
        /// Which layers of a limit count, and the same share of what each kind covers.
        Layers = "layers",
        /// Buyers that are not insured.
        ExcludedBuyers = "excluded_buyers",
        /// Countries whose buyers are not insured.
        ExcludedCountries = "excluded_countries",
        /// Groups that share the limit on their head.
        PooledGroups = "pooled_groups",
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
            Self::Basis => policy.basis != Basis::Gross,
            Self::MaximumTerms => policy.maximum_terms_days.is_some(),
            Self::DiscretionaryPercentage => policy.discretionary_percentage.is_some(),
            Self::Layers => !policy.layers.is_empty(),
            Self::ExcludedBuyers => !policy.excluded_buyers.is_empty(),
            Self::ExcludedCountries => !policy.excluded_countries.is_empty(),
            Self::PooledGroups => !policy.pooled_groups.is_empty(),
            Self::Discretionary => policy.discretionary_minor != 0 || policy.discretionary_rule.is_some(),
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

impl Clause {
    /// The period without it: as if the policy did not state it, or without effect where every policy states it. None for a
    /// clause that no case hangs on, since it acts outside of cover, deadlines and requests.
    #[must_use]
    pub fn without(self, policy: &Policy) -> Option<Policy> {
        let mut without = policy.clone();
        match self {
            Self::InsuredPercentage => {
                let whole = policy.insured_percentage == Decimal::ONE_HUNDRED;
                without.insured_percentage = if whole { Decimal::ZERO } else { Decimal::ONE_HUNDRED };
            }
            Self::Basis => without.basis = Basis::Gross,
            Self::DiscretionaryPercentage => without.discretionary_percentage = None,
            Self::Layers => without.layers.clear(),
            Self::ExcludedBuyers => without.excluded_buyers.clear(),
            Self::ExcludedCountries => without.excluded_countries.clear(),
            Self::MaximumTerms => without.maximum_terms_days = None,
            Self::Discretionary => {
                (without.discretionary_minor, without.discretionary_rule) = (0, None);
            }
            Self::Extension => without.mep_days = None,
            Self::CoverStop => without.cover_stop = None,
            Self::Notices => without.notices = None,
            Self::Claims => without.claims = None,
            Self::ExtensionRequest => without.extension_days_before = None,
            Self::DeadlineWarnings => without.deadline_warning_days.clear(),
            Self::Requests => without.requests = None,
            Self::Fees => without.fees = Fees::default(),
            Self::Automation => without.automation = everything(opposite(policy.automation.request)),
            // A case is of one buyer, and shares nothing.
            Self::PooledGroups => return None,
            Self::Countries | Self::Statement | Self::ExposureThreshold | Self::Warning | Self::WhenEnded => {
                return None;
            }
        }
        Some(without)
    }
}

/// What goes by itself waits, and the other way round.
const fn opposite(level: Automation) -> Automation {
    match level {
        Automation::Automatic => Automation::Person,
        Automation::Person | Automation::Never => Automation::Automatic,
    }
}

const fn everything(level: Automation) -> AutomationRule {
    AutomationRule {
        request: level,
        change: level,
        cancel: level,
        write_back: level,
        notice: level,
        statement: level,
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{
        Block, BuyerKind, ClaimFrom, ClaimRule, Currency, DiscretionaryRule, ExcludedBuyer, Groups,
        LayerKind, LayerTerm, NoticeFrom, NoticeRule, Owner, RequestRule, StatementMethod, StatementRule,
        StopLifts, StopRule, Threshold, ThresholdPer,
    };

    fn plain() -> Policy {
        let from = "2026-01-01".parse().unwrap();
        Policy {
            deadline_warning_days: Vec::new(),
            ..Policy::plain("insurer", "P1", Currency::EUR, from, Decimal::from(90))
        }
    }

    /// What every period states.
    const ALWAYS: [Clause; 4] =
        [Clause::InsuredPercentage, Clause::Automation, Clause::Warning, Clause::WhenEnded];

    /// Periods that state this clause, each in one way, and nothing else but what every period does.
    fn stating(clause: Clause) -> Vec<Policy> {
        let with = |change: &dyn Fn(&mut Policy)| {
            let mut policy = plain();
            change(&mut policy);
            policy
        };
        let threshold = Threshold { minor: 0, per: ThresholdPer::Invoice };
        let one = match clause {
            Clause::InsuredPercentage | Clause::Automation | Clause::Warning | Clause::WhenEnded => {
                return Vec::new();
            }
            Clause::Discretionary => {
                let rule = DiscretionaryRule {
                    amount_minor: 1,
                    share_percent: Decimal::ONE,
                    experience_months: 1,
                    min_payments: 1,
                    without_experience_minor: 0,
                    max_days_late: 0,
                    reports: Vec::new(),
                    blocks: vec![Block::Overdue],
                    rebuild_months: 0,
                };
                return vec![
                    with(&|policy| policy.discretionary_minor = 1),
                    with(&|policy| policy.discretionary_rule = Some(rule.clone())),
                ];
            }
            Clause::Basis => with(&|policy| policy.basis = Basis::Net),
            Clause::MaximumTerms => with(&|policy| policy.maximum_terms_days = Some(90)),
            Clause::DiscretionaryPercentage => with(&|policy| {
                policy.discretionary_percentage = Some(Decimal::ONE);
            }),
            Clause::Layers => with(&|policy| {
                policy.layers = vec![LayerTerm { kind: LayerKind::TopUp, insured_percentage: None }];
            }),
            Clause::ExcludedBuyers => with(&|policy| {
                let buyer = "siren:404833048".to_owned();
                policy.excluded_buyers = vec![ExcludedBuyer { buyer, kind: BuyerKind::Public }];
            }),
            Clause::ExcludedCountries => with(&|policy| policy.excluded_countries = vec!["IT".to_owned()]),
            Clause::PooledGroups => with(&|policy| {
                let owner = Owner { parent: "siren:404833048".to_owned(), from: None, to: None };
                policy.pooled_groups = Groups::new([("name:Exemple".to_owned(), owner)], BTreeMap::new());
            }),
            Clause::Extension => with(&|policy| policy.mep_days = Some(60)),
            Clause::CoverStop => with(&|policy| {
                policy.cover_stop = Some(StopRule { threshold_minor: 1, lifts: StopLifts::Stays });
            }),
            Clause::Notices => with(&|policy| {
                policy.notices = Some(NoticeRule { from: NoticeFrom::Due, days: 30, threshold });
            }),
            Clause::Claims => with(&|policy| {
                policy.claims = Some(ClaimRule { from: ClaimFrom::Due, days: 30, threshold });
            }),
            Clause::ExtensionRequest => with(&|policy| policy.extension_days_before = Some(10)),
            Clause::DeadlineWarnings => with(&|policy| policy.deadline_warning_days = vec![3]),
            Clause::Countries => with(&|policy| policy.countries = vec!["FR".to_owned()]),
            Clause::Requests => with(&|policy| {
                policy.requests = Some(RequestRule {
                    headroom_percent: Decimal::ONE,
                    step_minor: 1,
                    peak_days: 1,
                    slack_percent: Decimal::ONE,
                    slack_days: 1,
                    cool_off_days: 1,
                    idle_days: 1,
                    automatic_max_minor: None,
                    expires_days: 1,
                });
            }),
            Clause::Fees => with(&|policy| policy.fees.urgent_minor = 1),
            Clause::Statement => with(&|policy| {
                let (method, from) = (StatementMethod::Balance, policy.valid_from);
                policy.statement = Some(StatementRule { method, from });
            }),
            Clause::ExposureThreshold => with(&|policy| policy.exposure_threshold_minor = 1),
        };
        vec![one]
    }

    #[test]
    fn a_period_states_what_it_has_terms_for_and_is_plain_without_it() {
        let nothing = plain();
        let stated = |policy: &Policy| -> Vec<Clause> {
            Clause::ALL.iter().copied().filter(|clause| clause.is_stated(policy)).collect()
        };
        assert_eq!(stated(&nothing), ALWAYS);
        for clause in Clause::ALL.iter().copied().filter(|clause| !ALWAYS.contains(clause)) {
            let all = stating(clause);
            assert!(!all.is_empty(), "{clause}");
            for policy in all {
                let mut expected = [&ALWAYS[..], &[clause]].concat();
                expected.sort_unstable();
                assert_eq!(stated(&policy), expected, "{clause}");
                let outside = matches!(
                    clause,
                    Clause::PooledGroups | Clause::Countries | Clause::Statement | Clause::ExposureThreshold
                );
                let without = (!outside).then(|| nothing.clone());
                assert_eq!(clause.without(&policy), without, "{clause}");
            }
        }
        assert_eq!(Clause::Warning.without(&nothing), None, "it acts outside of cases");
        assert_eq!(Clause::WhenEnded.without(&nothing), None, "it acts outside of cases");
    }

    #[test]
    fn without_its_percentage_all_is_paid_or_nothing_where_all_was() {
        let of = |percent: i64| Policy { insured_percentage: Decimal::from(percent), ..plain() };
        for (percent, without) in [(90, 100), (0, 100), (100, 0)] {
            assert_eq!(Clause::InsuredPercentage.without(&of(percent)), Some(of(without)), "{percent} %");
        }
    }

    #[test]
    fn without_its_automation_what_goes_by_itself_waits_and_the_other_way_round() {
        for (request, without) in [
            (Automation::Automatic, Automation::Person),
            (Automation::Person, Automation::Automatic),
            (Automation::Never, Automation::Automatic),
        ] {
            let rule = AutomationRule { request, ..AutomationRule::default() };
            let policy = Clause::Automation.without(&Policy { automation: rule, ..plain() }).unwrap();
            let all = automations(&policy.automation);
            assert!(all.iter().all(|(_, level)| *level == without), "{request}: {all:?}");
        }
    }

    #[test]
    fn automations_have_the_names_of_the_policy_file() {
        let all = AutomationRule {
            request: Automation::Automatic,
            change: Automation::Never,
            cancel: Automation::Person,
            write_back: Automation::Automatic,
            notice: Automation::Never,
            statement: Automation::Person,
        };
        let written = serde_json::to_value(all).unwrap();
        for (name, level) in automations(&all) {
            assert_eq!(written[name], level.as_str(), "{name}");
        }
        assert_eq!(written.as_object().unwrap().len(), automations(&all).len());
    }

    #[test]
    fn a_period_without_a_clause_does_not_state_it_and_differs_in_nothing_else() {
        let from = "2026-01-01".parse().unwrap();
        let plain = Policy::plain("insurer", "P1", Currency::EUR, from, Decimal::from(90));
        let threshold = Threshold { minor: 0, per: ThresholdPer::Invoice };
        let policy = Policy {
            maximum_terms_days: Some(90),
            basis: Basis::Net,
            discretionary_minor: 1,
            discretionary_percentage: Some(Decimal::ONE),
            layers: vec![LayerTerm { kind: LayerKind::TopUp, insured_percentage: None }],
            excluded_countries: vec!["IT".into()],
            excluded_buyers: vec![ExcludedBuyer { buyer: "siren:404833048".into(), kind: BuyerKind::Public }],
            mep_days: Some(60),
            claims: Some(ClaimRule { from: ClaimFrom::Due, days: 1, threshold }),
            ..plain.clone()
        };
        for clause in Clause::ALL.iter().filter(|clause| clause.is_stated(&policy)) {
            let Some(without) = clause.without(&policy) else { continue };
            assert_ne!(without, policy, "{clause}");
            let in_any_case = matches!(clause, Clause::InsuredPercentage | Clause::Automation);
            assert_eq!(clause.is_stated(&without), in_any_case, "{clause}");
            assert_eq!(
                clause.without(&plain).is_some_and(|same| same == plain),
                !clause.is_stated(&plain),
                "{clause}"
            );
            let others = Clause::ALL.iter().filter(|other| *other != clause);
            for other in others {
                assert_eq!(
                    other.is_stated(&without),
                    other.is_stated(&policy),
                    "{clause} took {other} with it"
                );
            }
        }
    }
}
