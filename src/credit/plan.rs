//! Which limit to ask for: a function of what a buyer owes, what the insurer covers and what the policy lets one do.
//!
//! A proposal that comes and goes with every invoice teaches people to look away. So the need is a peak over many days,
//! rounded up to a step; a lower limit is proposed only when the higher one has been too high all along; and after a
//! refusal nothing is asked until the cool-off is over. The same figures give the same proposal, so that two cycles with
//! nothing new between them never differ.
//! Reference: shared rules, "Planning requests".

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{Error, add};
use crate::model::{
    Action, Approval, Automation, Basis, Currency, Date, EffectKind, Money, Policy, RequestRule,
};

/// What the insurer covers of a buyer, as planning sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was ever decided.
    Never,
    /// A limit was decided; 0 when refused, withdrawn or ended.
    Decided {
        /// What may be covered today, minor units.
        cap_minor: i64,
        /// Since when the limit is what it is.
        since: Date,
        /// It was refused or withdrawn by the insurer, rather than ended or given up.
        by_insurer: bool,
    },
}

/// What is known of one buyer under one policy. Amounts are minor units of the policy's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// What the buyer owes today.
    pub owed_minor: i64,
    /// The most it owed on a day within the policy's `peak_days`, today included.
    pub peak_minor: i64,
    /// The most it owed within the policy's `slack_days`, today included.
    pub slack_peak_minor: i64,
    /// What is ordered and not invoiced yet.
    pub backlog_minor: i64,
    /// The last day on which anything was owed or invoiced; none when nothing ever was.
    pub last_active: Option<Date>,
    /// The first day of which the ledger knows what the buyer owed.
    pub known_since: Option<Date>,
    /// What the insurer covers.
    pub standing: Standing,
    /// The last day on which the insurer said no to a request, or could not take one.
    pub refused_on: Option<Date>,
    /// What was last asked for and answered, and when: an insurer that granted less is not asked for the same again.
    pub answered: Option<(i64, Date)>,
    /// What the discretionary limit of the policy holds today; it counts where nothing was ever decided.
    pub own_minor: i64,
    /// The policy does not insure the buyer: more is not asked for, what is too much is given back.
    pub excluded: bool,
}

/// Another limit to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The operation.
    pub kind: EffectKind,
    /// New, increase, reduce, supersede or cancel.
    pub action: Action,
    /// What is asked for, minor units; 0 for a cancellation.
    pub amount_minor: i64,
    /// What stands before, minor units.
    pub before_minor: i64,
    /// What the insurer charges for it, minor units.
    pub fee_minor: i64,
    /// Why, in one sentence.
    pub why: String,
    /// What it is expected to change, in one sentence.
    pub expected: String,
    /// Who approves it.
    pub approval: Approval,
}

/// What a limit has to be for a need: the need with its headroom, rounded up to the policy's step.
///
/// # Errors
/// [`Error`] when the amount leaves the range of money.
pub fn limit_for(need_minor: i64, rule: &RequestRule) -> Result<i64, Error> {
    let grown = Decimal::from(need_minor.max(0)) * (Decimal::ONE_HUNDRED + rule.headroom_percent)
        / Decimal::ONE_HUNDRED;
    let step = Decimal::from(rule.step_minor.max(1));
    let steps = (grown / step).ceil();
    (steps * step).to_i64().ok_or(Error::Overflow { what: "the limit to ask for" })
}

/// The proposal for one buyer under one policy; nothing when the limit is right, or when now is not the time.
///
/// Whether a request is already with the insurer is the caller's to know: one lives at a time.
///
/// # Errors
/// [`Error`] when an amount leaves the range of money.
pub fn request(situation: &Situation, policy: &Policy, on: Date) -> Result<Option<Proposal>, Error> {
    let Some(rule) = &policy.requests else { return Ok(None) };
    let mut soon_minor = situation.owed_minor;
    add(&mut soon_minor, situation.backlog_minor, "what is owed and ordered")?;
    let need_minor = situation.peak_minor.max(soon_minor).max(0);
    let wanted = limit_for(need_minor, rule)?;
    let cooling = situation.refused_on.is_some_and(|day| days_between(day, on) < rule.cool_off_days);
    let money = |minor| Money::new(minor, policy.currency);
    let need = need_text(situation, rule, policy);
    let proposal = |kind, action, amount_minor, before_minor, fee_minor, why, expected, automation| {
        approval_of(automation, amount_minor, fee_minor, rule, policy.currency).map(|approval| Proposal {
            kind,
            action,
            amount_minor,
            before_minor,
            fee_minor,
            why,
            expected,
            approval,
        })
    };
    Ok(match situation.standing {
        Standing::Never => {
            if need_minor <= situation.own_minor || cooling || situation.excluded {
                return Ok(None);
            }
            let beyond = if situation.own_minor > 0 {
                format!(", more than the discretionary limit of {}", money(situation.own_minor))
            } else {
                String::new()
            };
            proposal(
                EffectKind::RequestLimit,
                Action::New,
                wanted,
                0,
                policy.fees.request_minor,
                format!("{need}{beyond}, and no cover was ever asked for."),
                format!("Deliveries up to {} are covered from the day of the decision.", money(wanted)),
                policy.automation.request,
            )
        }
        Standing::Decided { cap_minor, by_insurer, .. } if need_minor > cap_minor => {
            // The insurer has just said what it thinks; asking again at once only costs.
            let heard = situation
                .answered
                .is_some_and(|(asked, day)| asked >= wanted && days_between(day, on) < rule.cool_off_days);
            if cooling
                || heard
                || situation.excluded
                || (by_insurer && cap_minor == 0 && situation.refused_on.is_none())
            {
                return Ok(None);
            }
            let (kind, action, automation) = if cap_minor == 0 {
                (EffectKind::RequestLimit, Action::Supersede, policy.automation.request)
            } else {
                (EffectKind::ChangeLimit, Action::Increase, policy.automation.change)
            };
            let fee = if cap_minor == 0 { policy.fees.request_minor } else { policy.fees.change_minor };
            proposal(
                kind,
                action,
                wanted,
                cap_minor,
                fee,
                format!("{need}, and the limit is {}.", money(cap_minor)),
                format!("{} more can be covered.", money(wanted.saturating_sub(cap_minor))),
                automation,
            )
        }
        Standing::Decided { cap_minor, since, .. } if cap_minor > 0 => {
            let steady = |days: i64| {
                days_between(since, on) >= days
                    && situation.known_since.is_some_and(|known| days_between(known, on) >= days)
            };
            let idle = need_minor == 0
                && steady(rule.idle_days)
                && situation.last_active.is_none_or(|day| days_between(day, on) >= rule.idle_days);
            if idle {
                proposal(
                    EffectKind::CancelLimit,
                    Action::Cancel,
                    0,
                    cap_minor,
                    0,
                    format!("Nothing was owed or ordered for {} days.", rule.idle_days),
                    saved(policy),
                    policy.automation.cancel,
                )
            } else {
                let high = Decimal::from(cap_minor)
                    > Decimal::from(wanted) * (Decimal::ONE_HUNDRED + rule.slack_percent)
                        / Decimal::ONE_HUNDRED;
                let slack_need = limit_for(situation.slack_peak_minor.max(need_minor), rule)?;
                if !(high && need_minor > 0 && slack_need < cap_minor && steady(rule.slack_days)) {
                    return Ok(None);
                }
                proposal(
                    EffectKind::ChangeLimit,
                    Action::Reduce,
                    wanted,
                    cap_minor,
                    policy.fees.change_minor,
                    format!(
                        "{need}; the limit of {} was not needed for {} days.",
                        money(cap_minor),
                        rule.slack_days
                    ),
                    format!(
                        "{} of the insurer's cover is given back.",
                        money(cap_minor.saturating_sub(wanted))
                    ),
                    policy.automation.change,
                )
            }
        }
        Standing::Decided { .. } => None,
    })
}

/// Why a request for more waits although the figures ask for it: while cover is stopped, no limit covers what is invoiced.
/// Asking for less, and giving up, wait for nothing.
#[must_use]
pub fn held_back(proposal: &Proposal, stopped_since: Option<Date>) -> Option<String> {
    let since = stopped_since
        .filter(|_| matches!(proposal.action, Action::New | Action::Increase | Action::Supersede))?;
    Some(format!("cover is stopped since {since}: have it paid, or ask the insurer to lift it, first"))
}

fn saved(policy: &Policy) -> String {
    if policy.fees.monitoring_minor > 0 {
        format!(
            "The monitoring fee of {} a year is saved.",
            Money::new(policy.fees.monitoring_minor, policy.currency)
        )
    } else {
        "The limit is free for others.".to_owned()
    }
}

fn need_text(situation: &Situation, rule: &RequestRule, policy: &Policy) -> String {
    let money = |minor| Money::new(minor, policy.currency);
    let owed = money(situation.owed_minor.max(0));
    let net = match policy.basis {
        Basis::Gross => "",
        Basis::Net => ", net of tax",
    };
    let ordered = match situation.backlog_minor {
        0 => String::new(),
        minor => format!(", {} more ordered and not invoiced", money(minor)),
    };
    if situation.peak_minor > situation.owed_minor {
        let peak = money(situation.peak_minor);
        format!("Owed {owed} today and {peak} within {} days{net}{ordered}", rule.peak_days)
    } else {
        format!("Owed {owed}{net}{ordered}")
    }
}

/// Who approves; `None` when the policy does not want it proposed.
fn approval_of(
    automation: Automation,
    amount_minor: i64,
    fee_minor: i64,
    rule: &RequestRule,
    currency: Currency,
) -> Option<Approval> {
    match automation {
        Automation::Never => None,
        Automation::Person => Some(Approval::Person("the policy asks for a person".to_owned())),
        Automation::Automatic => Some(match rule.automatic_max_minor {
            Some(most) if amount_minor > most => Approval::Person(format!(
                "more than the {} that may go by itself",
                Money::new(most, currency)
            )),
            _ if fee_minor > 0 => Approval::Person(format!("it costs {}", Money::new(fee_minor, currency))),
            Some(_) | None => Approval::Automatic,
        }),
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    to.signed_duration_since(from).num_days()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AutomationRule, Fees};
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    const TODAY: &str = "2026-06-30";

    fn policy() -> Policy {
        Policy {
            discretionary_minor: 1_000_000,
            requests: Some(RequestRule {
                headroom_percent: Decimal::from(10),
                step_minor: 500_000,
                peak_days: 90,
                slack_percent: Decimal::from(50),
                slack_days: 60,
                cool_off_days: 90,
                idle_days: 365,
                automatic_max_minor: Some(10_000_000),
                expires_days: 30,
            }),
            automation: AutomationRule {
                request: Automation::Automatic,
                change: Automation::Automatic,
                cancel: Automation::Automatic,
                ..AutomationRule::default()
            },
            ..Policy::plain("insurer", "P1", Currency::EUR, day("2026-01-01"), Decimal::from(90))
        }
    }

    fn owes(euros: i64, standing: Standing) -> Situation {
        Situation {
            owed_minor: euros * 100,
            peak_minor: euros * 100,
            slack_peak_minor: euros * 100,
            backlog_minor: 0,
            last_active: Some(day(TODAY)),
            known_since: Some(day("2025-01-01")),
            standing,
            refused_on: None,
            answered: None,
            own_minor: 1_000_000,
            excluded: false,
        }
    }

    #[test]
    fn for_a_buyer_that_is_excluded_less_is_asked_for_and_never_more() {
        let excluded = |situation: Situation| Situation { excluded: true, ..situation };
        let idle = || owes(0, limit(50_000, "2025-01-01"));
        let idle = Situation { last_active: Some(day("2025-01-02")), ..idle() };
        assert_eq!(asked(&idle, &policy()), Some((Action::Cancel, 0)));
        assert_eq!(asked(&excluded(idle), &policy()), Some((Action::Cancel, 0)));
        for more in [owes(50_000, Standing::Never), owes(50_000, limit(20_000, "2026-01-01"))] {
            assert!(asked(&more, &policy()).is_some());
            assert_eq!(asked(&excluded(more), &policy()), None);
        }
    }

    fn limit(euros: i64, since: &str) -> Standing {
        Standing::Decided { cap_minor: euros * 100, since: day(since), by_insurer: false }
    }

    fn asked(situation: &Situation, policy: &Policy) -> Option<(Action, i64)> {
        let proposal = request(situation, policy, day(TODAY)).unwrap()?;
        Some((proposal.action, proposal.amount_minor / 100))
    }

    #[test]
    fn the_need_has_its_headroom_and_is_rounded_up_to_a_step() {
        let rule = policy().requests.unwrap();
        assert_eq!(limit_for(4_000_000, &rule).unwrap(), 4_500_000, "44 000 to the next 5 000");
        assert_eq!(
            limit_for(5_000_000, &RequestRule { headroom_percent: Decimal::ZERO, ..rule }).unwrap(),
            5_000_000
        );
    }

    #[test]
    fn a_first_request_is_for_what_the_discretionary_limit_does_not_hold() {
        assert_eq!(asked(&owes(10_000, Standing::Never), &policy()), None);
        assert_eq!(asked(&owes(10_001, Standing::Never), &policy()), Some((Action::New, 15_000)));
        let peak = Situation { peak_minor: 6_000_000, ..owes(10, Standing::Never) };
        assert_eq!(asked(&peak, &policy()), Some((Action::New, 70_000)), "the peak counts, not only today");
    }

    #[test]
    fn a_limit_that_is_too_low_is_raised_and_one_that_is_right_is_left_alone() {
        assert_eq!(
            asked(&owes(50_000, limit(40_000, "2026-06-01")), &policy()),
            Some((Action::Increase, 55_000))
        );
        assert_eq!(asked(&owes(40_000, limit(40_000, "2026-06-01")), &policy()), None);
        assert_eq!(asked(&owes(39_000, limit(40_000, "2026-06-01")), &policy()), None);
    }

    #[test]
    fn nothing_is_asked_while_a_refusal_is_fresh() {
        let refused =
            Situation { refused_on: Some(day("2026-06-01")), ..owes(50_000, limit(40_000, "2026-06-01")) };
        assert_eq!(asked(&refused, &policy()), None);
        let old = Situation { refused_on: Some(day("2026-01-01")), ..refused };
        assert_eq!(asked(&old, &policy()), Some((Action::Increase, 55_000)));
    }

    #[test]
    fn an_insurer_that_granted_less_is_not_asked_for_the_same_again() {
        let partial = Situation {
            answered: Some((5_500_000, day("2026-06-20"))),
            ..owes(50_000, limit(30_000, "2026-06-20"))
        };
        assert_eq!(asked(&partial, &policy()), None);
        let more = Situation { owed_minor: 6_000_000, ..partial };
        assert_eq!(
            asked(&more, &policy()),
            Some((Action::Increase, 70_000)),
            "the need has grown beyond what was asked"
        );
        let old = Situation { answered: Some((5_500_000, day("2026-01-20"))), ..partial };
        assert_eq!(asked(&old, &policy()), Some((Action::Increase, 55_000)));
    }

    #[test]
    fn an_insurer_that_withdrew_by_itself_is_not_asked_by_a_machine() {
        let withdrawn = Standing::Decided { cap_minor: 0, since: day("2026-06-01"), by_insurer: true };
        assert_eq!(asked(&owes(50_000, withdrawn), &policy()), None);
        let ended = Standing::Decided { cap_minor: 0, since: day("2026-06-01"), by_insurer: false };
        assert_eq!(asked(&owes(50_000, ended), &policy()), Some((Action::Supersede, 55_000)));
    }

    #[test]
    fn a_limit_too_high_all_along_is_reduced_and_an_idle_one_given_up() {
        let high = owes(10_000, limit(100_000, "2026-01-01"));
        assert_eq!(asked(&high, &policy()), Some((Action::Reduce, 15_000)));
        assert_eq!(
            asked(&owes(10_000, limit(100_000, "2026-06-01")), &policy()),
            None,
            "not for long enough"
        );
        let needed = Situation { slack_peak_minor: 9_500_000, ..high };
        assert_eq!(asked(&needed, &policy()), None, "it was needed within the slack days");
        let idle =
            Situation { last_active: Some(day("2025-06-01")), ..owes(0, limit(100_000, "2025-01-01")) };
        assert_eq!(asked(&idle, &policy()), Some((Action::Cancel, 0)));
        let young = Situation { known_since: Some(day("2026-05-01")), ..idle };
        assert_eq!(asked(&young, &policy()), None, "the ledger does not know for long enough");
    }

    #[test]
    fn orders_on_hand_are_a_part_of_the_need() {
        let ordered =
            |euros: i64, situation: Situation| Situation { backlog_minor: euros * 100, ..situation };
        let first = ordered(20_000, owes(0, Standing::Never));
        assert_eq!(asked(&first, &policy()), Some((Action::New, 25_000)), "before the first invoice");
        let proposal = request(&first, &policy(), day(TODAY)).unwrap().unwrap();
        assert!(
            proposal.why.starts_with("Owed 0.00 EUR, 20 000.00 EUR more ordered and not invoiced, more than"),
            "{}",
            proposal.why
        );
        let within = owes(10_000, limit(30_000, "2026-06-20"));
        assert_eq!(asked(&within, &policy()), None);
        assert_eq!(asked(&ordered(20_000, within), &policy()), None, "30 000 need a limit of 30 000");
        assert_eq!(asked(&ordered(20_001, within), &policy()), Some((Action::Increase, 35_000)));
        let peak = Situation { peak_minor: 3_000_000, ..within };
        assert_eq!(asked(&ordered(20_000, peak), &policy()), None, "the peak is not added to the orders");
        let credit = owes(-5_000, limit(10_000, "2026-01-01"));
        assert_eq!(
            asked(&ordered(15_000, credit), &policy()),
            None,
            "a credit balance pays for orders first"
        );
        let idle = Situation { last_active: Some(day("2025-06-01")), ..owes(0, limit(10_000, "2025-01-01")) };
        assert_eq!(asked(&idle, &policy()), Some((Action::Cancel, 0)));
        assert_eq!(asked(&ordered(5_000, idle), &policy()), None, "an order keeps the limit");
    }

    #[test]
    fn an_amount_above_the_maximum_and_a_fee_wait_for_a_person() {
        let approval = |situation: &Situation, policy: &Policy| {
            request(situation, policy, day(TODAY)).unwrap().unwrap().approval
        };
        assert_eq!(approval(&owes(50_000, Standing::Never), &policy()), Approval::Automatic);
        assert!(
            matches!(approval(&owes(95_000, Standing::Never), &policy()), Approval::Person(why) if why.contains("100 000.00 EUR"))
        );
        let mut costly = policy();
        costly.fees.request_minor = 2_500;
        assert!(
            matches!(approval(&owes(50_000, Standing::Never), &costly), Approval::Person(why) if why.contains("25.00 EUR"))
        );
        let mut silent = policy();
        silent.automation.request = Automation::Never;
        assert_eq!(request(&owes(50_000, Standing::Never), &silent, day(TODAY)).unwrap(), None);
    }

    #[test]
    fn a_stop_of_cover_holds_back_what_asks_for_more_and_nothing_else() {
        let stopped = Some(day("2026-06-04"));
        let ended = Standing::Decided { cap_minor: 0, since: day("2026-06-01"), by_insurer: false };
        for more in
            [owes(50_000, Standing::Never), owes(50_000, limit(40_000, "2026-06-01")), owes(50_000, ended)]
        {
            let why = held_back(&proposed(&more, &policy()), stopped).unwrap();
            assert!(why.starts_with("cover is stopped since 2026-06-04: "), "{why}");
            assert_eq!(held_back(&proposed(&more, &policy()), None), None);
        }
        let idle = Situation { last_active: Some(day("2025-01-02")), ..owes(0, limit(50_000, "2025-01-01")) };
        for less in [owes(10_000, limit(100_000, "2026-01-01")), idle] {
            assert_eq!(held_back(&proposed(&less, &policy()), stopped), None);
        }
    }

    fn proposed(situation: &Situation, policy: &Policy) -> Proposal {
        request(situation, policy, day(TODAY)).unwrap().unwrap()
    }

    #[test]
    fn a_cool_off_is_over_after_as_many_days_as_the_policy_says() {
        let low = owes(50_000, limit(40_000, "2026-01-01"));
        let more = Some((Action::Increase, 55_000));
        for (heard, expected) in [("2026-04-02", None), ("2026-04-01", more)] {
            let refused = Situation { refused_on: Some(day(heard)), ..low };
            assert_eq!(asked(&refused, &policy()), expected, "refused on {heard}");
            let answered = Situation { answered: Some((5_500_000, day(heard))), ..low };
            assert_eq!(asked(&answered, &policy()), expected, "answered on {heard}");
        }
    }

    #[test]
    fn a_buyer_that_needs_nothing_and_has_nothing_is_left_alone() {
        let idle = |standing| Situation { last_active: Some(day("2025-01-02")), ..owes(0, standing) };
        assert_eq!(asked(&idle(limit(1, "2025-01-01")), &policy()), Some((Action::Cancel, 0)));
        assert_eq!(asked(&idle(limit(0, "2025-01-01")), &policy()), None);
        assert_eq!(asked(&idle(Standing::Never), &policy()), None);
        let not_yet = Situation { last_active: Some(day("2025-07-01")), ..idle(limit(1, "2025-01-01")) };
        assert_eq!(asked(&not_yet, &policy()), None, "nothing to reduce to: it is given up later, or kept");
    }

    #[test]
    fn a_limit_is_too_high_beyond_the_slack_and_where_the_peaks_never_needed_it() {
        let high = |cap_minor: i64| {
            let standing = Standing::Decided { cap_minor, since: day("2026-01-01"), by_insurer: false };
            owes(10_000, standing)
        };
        assert_eq!(asked(&high(2_250_000), &policy()), None, "half more than 15 000");
        assert_eq!(asked(&high(2_250_001), &policy()), Some((Action::Reduce, 15_000)));
        let within = |peak: i64| Situation { slack_peak_minor: peak * 100, ..high(10_000_000) };
        assert_eq!(asked(&within(90_000), &policy()), None, "99 000 need a limit of 100 000");
        assert_eq!(
            asked(&within(86_363), &policy()),
            Some((Action::Reduce, 15_000)),
            "95 000 would have done"
        );
    }

    #[test]
    fn each_request_has_the_fee_of_its_kind() {
        let fees = Fees { request_minor: 2_500, change_minor: 1_000, ..Fees::default() };
        let policy = Policy { fees, ..policy() };
        let ended = Standing::Decided { cap_minor: 0, since: day("2026-06-01"), by_insurer: false };
        let idle = Situation { last_active: Some(day("2025-01-02")), ..owes(0, limit(1, "2025-01-01")) };
        for (situation, kind, action, fee) in [
            (owes(50_000, Standing::Never), EffectKind::RequestLimit, Action::New, 2_500),
            (owes(50_000, ended), EffectKind::RequestLimit, Action::Supersede, 2_500),
            (owes(50_000, limit(40_000, "2026-06-01")), EffectKind::ChangeLimit, Action::Increase, 1_000),
            (owes(10_000, limit(90_000, "2026-01-01")), EffectKind::ChangeLimit, Action::Reduce, 1_000),
            (idle, EffectKind::CancelLimit, Action::Cancel, 0),
        ] {
            let proposal = proposed(&situation, &policy);
            assert_eq!((proposal.kind, proposal.action, proposal.fee_minor), (kind, action, fee));
        }
    }

    #[test]
    fn a_proposal_says_why_and_what_it_is_expected_to_change() {
        let peak = Situation { peak_minor: 6_000_000, ..owes(50_000, limit(40_000, "2026-06-01")) };
        let unknown = Situation { own_minor: 0, ..owes(50_000, Standing::Never) };
        let idle = Situation { last_active: Some(day("2025-01-02")), ..owes(0, limit(1, "2025-01-01")) };
        let net = Policy { basis: Basis::Net, ..policy() };
        let watched = Policy { fees: Fees { monitoring_minor: 3_650, ..Fees::default() }, ..policy() };
        for (situation, policy, why, expected) in [
            (
                unknown,
                policy(),
                "Owed 50 000.00 EUR, and no cover was ever asked for.",
                "Deliveries up to 55 000.00 EUR are covered from the day of the decision.",
            ),
            (
                owes(50_000, Standing::Never),
                net,
                "Owed 50 000.00 EUR, net of tax, more than the discretionary limit of 10 000.00 EUR, and no cover was ever asked for.",
                "Deliveries up to 55 000.00 EUR are covered from the day of the decision.",
            ),
            (
                peak,
                policy(),
                "Owed 50 000.00 EUR today and 60 000.00 EUR within 90 days, and the limit is 40 000.00 EUR.",
                "30 000.00 EUR more can be covered.",
            ),
            (
                owes(10_000, limit(90_000, "2026-01-01")),
                policy(),
                "Owed 10 000.00 EUR; the limit of 90 000.00 EUR was not needed for 60 days.",
                "75 000.00 EUR of the insurer's cover is given back.",
            ),
            (idle, policy(), "Nothing was owed or ordered for 365 days.", "The limit is free for others."),
            (
                idle,
                watched,
                "Nothing was owed or ordered for 365 days.",
                "The monitoring fee of 36.50 EUR a year is saved.",
            ),
        ] {
            let proposal = proposed(&situation, &policy);
            assert_eq!((proposal.why.as_str(), proposal.expected.as_str()), (why, expected));
        }
    }

    #[test]
    fn the_maximum_itself_goes_without_a_person() {
        let proposal = proposed(&owes(90_000, Standing::Never), &policy());
        assert_eq!((proposal.amount_minor, proposal.approval), (10_000_000, Approval::Automatic));
    }

    proptest! {
        /// After a proposal was granted as asked, the same figures lead to no further one.
        #[test]
        fn a_granted_proposal_is_not_followed_by_another(
            owed in 0_i64..50_000_000, peak in 0_i64..50_000_000, cap in 0_i64..50_000_000, ordered in 0_i64..9_000_000,
            decided: bool, old: bool,
        ) {
            let since = if old { "2025-01-01" } else { "2026-06-20" };
            let standing = if decided {
                Standing::Decided { cap_minor: cap, since: day(since), by_insurer: false }
            } else {
                Standing::Never
            };
            let situation = Situation {
                owed_minor: owed, peak_minor: peak.max(owed), slack_peak_minor: owed, backlog_minor: ordered, last_active: Some(day(TODAY)),
                known_since: Some(day("2025-01-01")), standing, refused_on: None, answered: None, own_minor: 1_000_000,
                excluded: false,
            };
            if let Some(proposal) = request(&situation, &policy(), day(TODAY)).unwrap() {
                let granted = Standing::Decided { cap_minor: proposal.amount_minor, since: day(TODAY), by_insurer: false };
                let after = Situation { standing: granted, ..situation };
                if proposal.kind != EffectKind::CancelLimit {
                    prop_assert_eq!(request(&after, &policy(), day(TODAY)).unwrap(), None);
                }
                prop_assert!(proposal.kind == EffectKind::CancelLimit || proposal.amount_minor >= situation.peak_minor.max(owed + ordered));
            }
        }

        /// What a buyer owes moves from day to day, and every proposal is granted as asked: none goes back on the one before
        /// it while what that one rested on still counts, and one that nobody acts on is there the next day too.
        #[test]
        fn proposals_do_not_flap_from_day_to_day(
            steps in prop::collection::vec((-3_000_000_i64..3_000_000, prop::bool::weighted(0.2)), 420),
            first in 0_i64..20_000_000,
        ) {
            let policy = policy();
            let rule = policy.requests.clone().unwrap();
            let begin = day("2025-01-01");
            let mut owed = vec![first];
            let mut standing = Standing::Never;
            let mut last: Option<(Action, Date)> = None;
            let most = |owed: &[i64], days: i64| {
                owed.iter().rev().take(usize::try_from(days).unwrap()).copied().max().unwrap_or_default()
            };
            for (step, moves) in steps {
                let before = *owed.last().unwrap();
                owed.push(if moves { (before + step).max(0) } else { before });
                let on = begin + chrono::TimeDelta::days(i64::try_from(owed.len()).unwrap());
                let situation = Situation {
                    owed_minor: *owed.last().unwrap(),
                    peak_minor: most(&owed, rule.peak_days),
                    slack_peak_minor: most(&owed, rule.slack_days),
                    backlog_minor: 0,
                    last_active: Some(on),
                    known_since: Some(begin),
                    standing,
                    refused_on: None,
                    answered: None,
                    own_minor: 1_000_000,
                    excluded: false,
                };
                let Some(proposal) = request(&situation, &policy, on).unwrap() else { continue };
                if let Some((action, day)) = last
                    && (action == Action::Reduce) != (proposal.action == Action::Reduce)
                {
                    let least = if proposal.action == Action::Reduce { rule.slack_days } else { 1 };
                    prop_assert!(days_between(day, on) >= least, "{action} on {day}, {} on {on}", proposal.action);
                }
                // Nobody acts on it and nothing is invoiced or paid: a peak of yesterday is one of today.
                let tomorrow = on + chrono::TimeDelta::days(1);
                if proposal.action != Action::Reduce && situation.peak_minor == situation.owed_minor {
                    prop_assert_eq!(request(&situation, &policy, tomorrow).unwrap(), Some(proposal.clone()));
                }
                standing = Standing::Decided { cap_minor: proposal.amount_minor, since: on, by_insurer: false };
                last = Some((proposal.action, on));
            }
        }
    }
}
