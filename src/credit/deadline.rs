//! Deadlines of an invoice towards its insurer: until when something has to be done, and how it stands.
//!
//! Every deadline counts from the *original* due date, in calendar days, by the terms of the policy period that the
//! invoice falls in: putting a due date off moves none of them. This is their one definition.
//! Invariant: what was done stays done, whatever day it is; of two days the later never has the earlier state again.
//! Reference: shared rules, "Deadlines", example D.

use std::collections::HashSet;

use super::{Cover, Error, OpenItem, add, after_credits, extension_end};
use crate::model::{ClaimFrom, Date, Instant, NoticeFrom, Policy, Threshold, ThresholdPer, words};

words! {
    /// What has to be done by a deadline.
    DeadlineKind {
        /// Be paid, or ask for an extension before its due date where the policy asks for that.
        ExtensionRequest = "extension_request",
        /// Be paid, else cover stops for what is delivered later.
        CoverStop = "cover_stop",
        /// The overdue notice is with the insurer.
        OverdueNotice = "overdue_notice",
        /// The claim is with the insurer.
        Claim = "claim",
    }
}

words! {
    /// How a deadline stands on a day.
    DeadlineState {
        /// Its first warning is still to come.
        Upcoming = "upcoming",
        /// Within the warning days, its last day included.
        DueSoon = "due_soon",
        /// Done; the proof says when and how.
        Met = "met",
        /// Its last day is over.
        Missed = "missed",
        /// Nothing is left to do: the invoice was paid before.
        Moot = "moot",
    }
}

/// What shows that a deadline was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The id of the effect, or of the receipt.
    pub id: String,
    /// When it was done.
    pub at: Instant,
    /// Who did it: a person's name, or `encours`.
    pub who: String,
    /// How, in one sentence.
    pub how: String,
    /// SHA-256 of what was told, as hexadecimal.
    pub payload_hash: String,
}

/// The last day for one thing on an invoice that was due on `original_due`; none where the period has no such term.
#[must_use]
pub fn last_day(kind: DeadlineKind, original_due: Date, policy: &Policy) -> Option<Date> {
    let after = |start: Date, days: i64| start.checked_add_signed(chrono::TimeDelta::days(days));
    match kind {
        DeadlineKind::CoverStop => {
            policy.cover_stop.as_ref().and_then(|_| extension_end(original_due, policy))
        }
        DeadlineKind::OverdueNotice => {
            let rule = policy.notices.as_ref()?;
            let start = match rule.from {
                NoticeFrom::Due => original_due,
                NoticeFrom::ExtensionEnd => extension_end(original_due, policy)?,
            };
            after(start, rule.days)
        }
        DeadlineKind::Claim => {
            let rule = policy.claims.as_ref()?;
            let start = match rule.from {
                ClaimFrom::Due => original_due,
                ClaimFrom::Notice => last_day(DeadlineKind::OverdueNotice, original_due, policy)?,
            };
            after(start, rule.days)
        }
        DeadlineKind::ExtensionRequest => after(original_due, policy.extension_days_before?.checked_neg()?),
    }
}

/// The days on which a deadline is warned of, the first one first: the policy's warning days before its last day.
#[must_use]
pub fn warnings(last_day: Date, policy: &Policy) -> Vec<Date> {
    let mut days: Vec<Date> = policy
        .deadline_warning_days
        .iter()
        .filter_map(|days| last_day.checked_sub_signed(chrono::TimeDelta::days(*days)))
        .collect();
    days.sort_unstable();
    days.dedup();
    days
}

/// How a deadline stands on a day.
///
/// `met_on` is the day on which it was done and `settled_on` that on which the invoice was paid, where they are. The last day
/// is in time; a stop of cover is there on its day already. What was done too late was missed all the same.
#[must_use]
pub fn state(
    kind: DeadlineKind,
    last_day: Date,
    policy: &Policy,
    met_on: Option<Date>,
    settled_on: Option<Date>,
    on: Date,
) -> DeadlineState {
    let is_over = |day: Date| match kind {
        DeadlineKind::CoverStop => day >= last_day,
        DeadlineKind::OverdueNotice | DeadlineKind::Claim | DeadlineKind::ExtensionRequest => day > last_day,
    };
    if met_on.is_some_and(|day| !is_over(day)) {
        DeadlineState::Met
    } else if settled_on.is_some_and(|day| !is_over(day)) {
        DeadlineState::Moot
    } else if met_on.is_some() || is_over(on) {
        DeadlineState::Missed
    } else if warnings(last_day, policy).first().is_some_and(|first| on >= *first) {
        DeadlineState::DueSoon
    } else {
        DeadlineState::Upcoming
    }
}

/// One open invoice that has a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due<'a> {
    /// What has to be done.
    pub kind: DeadlineKind,
    /// The invoice.
    pub item: OpenItem<'a>,
    /// Its last day.
    pub last_day: Date,
    /// What is at stake: what open credits leave of the invoice, on the basis of the policy, minor units of its currency.
    pub left_minor: i64,
}

/// The deadlines of a buyer's open invoices under one policy period, in the order of their days.
///
/// Counts invoices that the period contains, in its currency, that nobody disputes and of which open credits leave
/// something: past their original due date for the insurer's deadlines, not yet due for a request of extension. Open
/// credits settle the oldest first and count before a threshold does; a threshold per buyer is held against the sum of
/// all its invoices that are past due.
///
/// # Errors
/// [`Error::NegativeItem`] and [`Error::Overflow`].
pub fn deadlines<'a>(open: &[OpenItem<'a>], policy: &Policy, on: Date) -> Result<Vec<Due<'a>>, Error> {
    let mut own: Vec<(OpenItem<'a>, i64)> = Vec::new();
    let mut late_minor = 0;
    for (item, left) in after_credits(open)? {
        if left == 0 || item.disputed || item.currency != policy.currency || !policy.contains(item.issued) {
            continue;
        }
        let left = item.on_basis(left, policy.basis);
        if item.original_due < on {
            add(&mut late_minor, left, "overdue invoices")?;
        }
        own.push((*item, left));
    }
    let mut all = Vec::new();
    for (item, left_minor) in own {
        for kind in DeadlineKind::ALL {
            let wants_due = *kind == DeadlineKind::ExtensionRequest;
            if wants_due == (item.original_due < on) {
                continue;
            }
            let threshold = threshold(*kind, policy);
            let held = match threshold.per {
                ThresholdPer::Invoice => left_minor,
                ThresholdPer::Buyer => late_minor,
            };
            if held < threshold.minor {
                continue;
            }
            if let Some(last_day) = last_day(*kind, item.original_due, policy) {
                all.push(Due { kind: *kind, item, last_day, left_minor });
            }
        }
    }
    all.sort_by_key(|due| (due.last_day, due.kind, due.item.number, due.item.connection, due.item.id));
    Ok(all)
}

/// The deadlines that are left of a buyer's once its cover is known: none where nothing is covered and nothing would be; of
/// an invoice that the policy does not insure only the stop of cover, which it causes all the same.
#[must_use]
pub fn of_cover<'a>(mut all: Vec<Due<'a>>, cover: &Cover<'_>) -> Vec<Due<'a>> {
    let eligible = cover.lines.iter().filter(|line| line.reason.is_eligible());
    let eligible: HashSet<_> = eligible.map(|line| (line.connection, line.id)).collect();
    let insured = |item: &OpenItem<'_>| eligible.contains(&(item.connection, item.id));
    if cover.covered_minor == 0 && cover.today.cap_minor == 0 {
        return Vec::new();
    }
    all.retain(|due| due.kind == DeadlineKind::CoverStop || (cover.covered_minor != 0 && insured(&due.item)));
    all
}

/// Whether a deadline is listed: a request of extension is a chance, no duty, from its first warning to its last day, and
/// once it was made.
#[must_use]
pub fn is_listed(kind: DeadlineKind, state: DeadlineState) -> bool {
    kind != DeadlineKind::ExtensionRequest || matches!(state, DeadlineState::DueSoon | DeadlineState::Met)
}

fn threshold(kind: DeadlineKind, policy: &Policy) -> Threshold {
    let none = Threshold { minor: 0, per: ThresholdPer::Invoice };
    match kind {
        DeadlineKind::CoverStop => {
            policy.cover_stop.as_ref().map_or(none, |rule| Threshold { minor: rule.threshold_minor, ..none })
        }
        DeadlineKind::OverdueNotice => policy.notices.as_ref().map_or(none, |rule| rule.threshold),
        DeadlineKind::Claim => policy.claims.as_ref().map_or(none, |rule| rule.threshold),
        DeadlineKind::ExtensionRequest => none,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credit::{LimitHistory, LimitVersion, Stops, allocate};
    use crate::model::{
        ClaimRule, Currency, Decision, ItemKind, Layer, LayerKind, NoticeRule, StopLifts, StopRule,
    };
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn per(per: ThresholdPer, euros: i64) -> Threshold {
        Threshold { minor: euros * 100, per }
    }

    fn policy() -> Policy {
        let threshold = per(ThresholdPer::Invoice, 500);
        Policy {
            mep_days: Some(60),
            cover_stop: Some(StopRule { threshold_minor: 50_000, lifts: StopLifts::Payment }),
            notices: Some(NoticeRule { from: NoticeFrom::ExtensionEnd, days: 30, threshold }),
            claims: Some(ClaimRule { from: ClaimFrom::Notice, days: 120, threshold }),
            extension_days_before: Some(10),
            ..Policy::plain("insurer", "P1", Currency::EUR, day("2026-01-01"), Decimal::from(90))
        }
    }

    fn invoice(id: &'static str, euros: i64, due: &str) -> OpenItem<'static> {
        OpenItem {
            connection: "erp",
            id,
            number: id,
            kind: ItemKind::Invoice,
            currency: Currency::EUR,
            open_minor: euros * 100,
            net_minor: None,
            issued: day("2026-12-31"),
            original_due: day(due),
            disputed: false,
        }
    }

    fn told(open: &[OpenItem<'_>], policy: &Policy, on: &str) -> Vec<String> {
        let all = deadlines(open, policy, day(on)).unwrap();
        let line =
            |d: &Due<'_>| format!("{} {} {} {}", d.last_day, d.kind, d.item.number, d.left_minor / 100);
        all.iter().map(line).collect()
    }

    #[test]
    fn example_d_a_notice_thirty_days_after_the_extension_period() {
        let (policy, due) = (policy(), day("2027-01-31"));
        let notice = last_day(DeadlineKind::OverdueNotice, due, &policy).unwrap();
        assert_eq!(notice, day("2027-05-01"));
        assert_eq!(warnings(notice, &policy), [day("2027-04-16"), day("2027-04-26")]);
        let at = |on: &str| state(DeadlineKind::OverdueNotice, notice, &policy, None, None, day(on));
        assert_eq!(at("2027-04-15"), DeadlineState::Upcoming);
        assert_eq!(at("2027-04-16"), DeadlineState::DueSoon);
        assert_eq!(at("2027-05-01"), DeadlineState::DueSoon, "the last day is in time");
        assert_eq!(at("2027-05-02"), DeadlineState::Missed);
        let from_due = NoticeRule { from: NoticeFrom::Due, ..policy.notices.clone().unwrap() };
        let short = Policy { notices: Some(from_due), ..policy };
        assert_eq!(last_day(DeadlineKind::OverdueNotice, due, &short), Some(day("2027-03-02")));
    }

    #[test]
    fn every_deadline_counts_from_the_original_due_date_by_its_own_rule() {
        let policy = policy();
        assert_eq!(
            told(&[invoice("F1", 900, "2027-01-31")], &policy, "2027-02-01"),
            ["2027-04-01 cover_stop F1 900", "2027-05-01 overdue_notice F1 900", "2027-08-29 claim F1 900"]
        );
        let before = told(&[invoice("F1", 900, "2027-01-31")], &policy, "2027-01-31");
        assert_eq!(before, ["2027-01-21 extension_request F1 900"], "on its due date it is not overdue");
        let rule = ClaimRule { from: ClaimFrom::Due, ..policy.claims.clone().unwrap() };
        let claims = Policy { claims: Some(rule), ..policy };
        assert_eq!(last_day(DeadlineKind::Claim, day("2027-01-31"), &claims), Some(day("2027-05-31")));
        let plain = Policy::plain("insurer", "P1", Currency::EUR, day("2026-01-01"), Decimal::from(90));
        assert_eq!(told(&[invoice("F1", 900, "2027-01-31")], &plain, "2027-02-01"), Vec::<String>::new());
    }

    #[test]
    fn a_twin_of_another_erp_that_is_not_insured_takes_no_notice_from_the_one_that_is() {
        let policy = Policy { maximum_terms_days: Some(60), ..policy() };
        let layer = Layer { kind: LayerKind::Permanent, amount_minor: 1_000_000, until: None };
        let version = LimitVersion {
            from: day("2026-01-01"),
            decision: Decision::Approved,
            layers: vec![layer],
            effective_to: None,
            withdrawal_on: None,
        };
        let limits = LimitHistory::new(vec![version]).unwrap();
        let insured = invoice("F1", 900, "2027-01-31");
        let open = [OpenItem { connection: "dated", issued: day("2026-01-31"), ..insured }, insured];
        let cover = allocate(&open, &limits, &policy, &Stops::default(), day("2027-02-01")).unwrap();
        let due = of_cover(deadlines(&open, &policy, day("2027-02-01")).unwrap(), &cover);
        let notices: Vec<_> = due
            .iter()
            .filter(|due| due.kind == DeadlineKind::OverdueNotice)
            .map(|due| due.item.connection)
            .collect();
        assert_eq!(notices, ["erp"], "a year of credit is not insured");
    }

    #[test]
    fn paid_before_is_moot_and_done_stays_done() {
        let policy = policy();
        let last = day("2027-05-01");
        let notice = DeadlineKind::OverdueNotice;
        let at = |met: Option<&str>, paid: Option<&str>| {
            state(notice, last, &policy, met.map(day), paid.map(day), day("2027-06-01"))
        };
        assert_eq!(at(None, Some("2027-05-01")), DeadlineState::Moot);
        assert_eq!(at(None, Some("2027-05-02")), DeadlineState::Missed);
        assert_eq!(at(Some("2027-05-01"), Some("2027-04-01")), DeadlineState::Met);
        assert_eq!(at(Some("2027-05-01"), None), DeadlineState::Met);
        assert_eq!(at(Some("2027-05-02"), None), DeadlineState::Missed, "done too late");
        let stop = |on: &str| state(DeadlineKind::CoverStop, last, &policy, None, None, day(on));
        assert_eq!((stop("2027-04-30"), stop("2027-05-01")), (DeadlineState::DueSoon, DeadlineState::Missed));
    }

    #[test]
    fn thresholds_are_held_against_what_credits_leave_by_invoice_or_by_buyer() {
        let only = |threshold| Policy {
            cover_stop: None,
            claims: None,
            notices: Some(NoticeRule { from: NoticeFrom::Due, days: 30, threshold }),
            ..policy()
        };
        let credit = OpenItem { kind: ItemKind::Receipt, ..invoice("R1", 300, "2027-01-01") };
        let open = [invoice("F1", 700, "2027-01-31"), invoice("F2", 400, "2027-02-05"), credit];
        let by_invoice = |euros| told(&open, &only(per(ThresholdPer::Invoice, euros)), "2027-03-01");
        let by_buyer = |euros| told(&open, &only(per(ThresholdPer::Buyer, euros)), "2027-03-01");
        let (f1, f2) = ("2027-03-02 overdue_notice F1 400", "2027-03-07 overdue_notice F2 400");
        assert_eq!(by_invoice(400), [f1, f2], "300 of F1 are settled by the receipt");
        assert_eq!(by_invoice(401), Vec::<String>::new());
        assert_eq!(by_buyer(800), [f1, f2]);
        assert_eq!(by_buyer(801), Vec::<String>::new());
    }

    #[test]
    fn what_is_due_today_is_not_late_and_does_not_help_a_sum_over_its_threshold() {
        let notices = |euros| Policy {
            notices: Some(NoticeRule {
                from: NoticeFrom::Due,
                days: 30,
                threshold: per(ThresholdPer::Buyer, euros),
            }),
            ..Policy::plain("insurer", "P1", Currency::EUR, day("2026-01-01"), Decimal::from(90))
        };
        let open = [invoice("F1", 500, "2027-01-31"), invoice("F2", 400, "2027-03-01")];
        assert_eq!(told(&open, &notices(501), "2027-03-01"), Vec::<String>::new());
        assert_eq!(told(&open, &notices(500), "2027-03-01"), ["2027-03-02 overdue_notice F1 500"]);
    }

    #[test]
    fn an_invoice_below_the_threshold_of_the_stop_has_no_stop() {
        let only = Policy { notices: None, claims: None, ..policy() };
        let stops = |euros| told(&[invoice("F1", euros, "2027-01-31")], &only, "2027-03-01");
        assert_eq!(stops(500), ["2027-04-01 cover_stop F1 500"]);
        assert_eq!(stops(499), Vec::<String>::new());
    }

    #[test]
    fn cover_leaves_the_deadlines_of_what_is_insured_and_the_stops_of_all() {
        let policy = Policy { maximum_terms_days: Some(40), ..policy() };
        // 31 days of terms, and 46, which are more than the policy insures.
        let open = [invoice("F1", 900, "2027-01-31"), invoice("F2", 900, "2027-02-15")];
        let on = day("2027-03-01");
        let left = |limits: &[(&str, i64)]| {
            let layer = |euros| Layer { kind: LayerKind::Permanent, amount_minor: euros * 100, until: None };
            let versions = limits.iter().map(|(from, euros)| LimitVersion {
                from: day(from),
                decision: Decision::Approved,
                layers: vec![layer(*euros)],
                effective_to: None,
                withdrawal_on: None,
            });
            let history = LimitHistory::new(versions.collect()).unwrap();
            let cover = allocate(&open, &history, &policy, &Stops::default(), on).unwrap();
            let all = of_cover(deadlines(&open, &policy, on).unwrap(), &cover);
            all.iter().map(|due| format!("{} {}", due.kind, due.item.number)).collect::<Vec<_>>()
        };
        assert_eq!(
            left(&[("2026-01-01", 5_000)]),
            ["cover_stop F1", "cover_stop F2", "overdue_notice F1", "claim F1"]
        );
        assert_eq!(left(&[]), Vec::<String>::new(), "nothing is covered, and nothing would be");
        // Covered before, no limit today; and nothing covered, a limit since.
        assert_eq!(
            left(&[("2026-01-01", 5_000), ("2027-02-01", 0)]),
            ["cover_stop F1", "cover_stop F2", "overdue_notice F1", "claim F1"]
        );
        assert_eq!(left(&[("2027-02-01", 5_000)]), ["cover_stop F1", "cover_stop F2"]);
    }

    #[test]
    fn a_chance_is_listed_while_it_can_be_taken_and_once_it_was() {
        for state in DeadlineState::ALL {
            for kind in DeadlineKind::ALL {
                let listed = match kind {
                    DeadlineKind::ExtensionRequest => {
                        matches!(state, DeadlineState::DueSoon | DeadlineState::Met)
                    }
                    DeadlineKind::CoverStop | DeadlineKind::OverdueNotice | DeadlineKind::Claim => true,
                };
                assert_eq!(is_listed(*kind, *state), listed, "{kind} {state}");
            }
        }
    }

    #[test]
    fn disputed_foreign_and_other_periods_invoices_have_none() {
        let f1 = invoice("F1", 900, "2027-01-31");
        let usd = Currency::parse("USD").unwrap();
        for open in [
            OpenItem { disputed: true, ..f1 },
            OpenItem { currency: usd, ..f1 },
            OpenItem { issued: day("2025-12-31"), ..f1 },
        ] {
            assert_eq!(told(&[open], &policy(), "2027-03-01"), Vec::<String>::new());
        }
    }

    proptest! {
        #[test]
        fn time_only_goes_forward(last in 0_u64..400, met in prop::option::of(0_u64..400), paid in prop::option::of(0_u64..400), from in 0_u64..400) {
            let policy = policy();
            let start = day("2027-01-01");
            let on = |days| start + chrono::Days::new(days);
            let at = |days| state(DeadlineKind::Claim, on(last), &policy, met.map(on), paid.map(on), on(days));
            let rank = |state| match state {
                DeadlineState::Upcoming => 0,
                DeadlineState::DueSoon => 1,
                DeadlineState::Missed | DeadlineState::Met | DeadlineState::Moot => 2,
            };
            prop_assert!(rank(at(from)) <= rank(at(from + 1)));
            prop_assert_eq!(at(from) == DeadlineState::Met, met.is_some_and(|day| day <= last));
            prop_assert!(met.is_none_or(|day| day <= last) || paid.is_some_and(|day| day <= last) || at(from) == DeadlineState::Missed);
        }

        #[test]
        fn the_order_of_items_is_irrelevant(
            (open, mixed) in prop::collection::vec((0_i64..2_000, 0_u64..200, any::<bool>()), 0..6)
                .prop_map(|all| all.into_iter().zip(["I0", "I1", "I2", "I3", "I4", "I5"]).map(|((euros, late, credit), id)| OpenItem {
                    kind: if credit { ItemKind::CreditNote } else { ItemKind::Invoice },
                    original_due: day("2027-01-01") + chrono::Days::new(late),
                    ..invoice(id, euros, "2027-01-01")
                }).collect::<Vec<_>>())
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            let (policy, on) = (policy(), day("2027-04-01"));
            let found = deadlines(&open, &policy, on).unwrap();
            prop_assert_eq!(&found, &deadlines(&mixed, &policy, on).unwrap());
            prop_assert!(found.iter().all(|due| due.left_minor > 0));
        }
    }
}
