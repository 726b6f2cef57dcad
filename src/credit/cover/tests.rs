//! Cover by example and by property.

mod layers;

use super::*;
use crate::model::{
    BuyerKind, DiscretionaryRule, ExcludedBuyer, InOtherCurrency, LayerKind, StopLifts, StopRule,
};
use proptest::prelude::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn policy() -> Policy {
    Policy {
        valid_to: Some(day("2026-12-31")),
        maximum_terms_days: Some(120),
        discretionary_minor: 1_000_000,
        warning_days: 15,
        ..Policy::plain("insurer", "P1", Currency::EUR, day("2026-01-01"), Decimal::from(90))
    }
}

fn invoice(number: &'static str, euros: i64, issued: &str) -> OpenItem<'static> {
    let issued = day(issued);
    let due = issued + chrono::Days::new(30);
    OpenItem {
        connection: "erp",
        id: number,
        number,
        kind: ItemKind::Invoice,
        currency: Currency::EUR,
        open_minor: euros * 100,
        net_minor: None,
        issued,
        original_due: due,
        disputed: false,
    }
}

fn credit(kind: ItemKind, euros: i64) -> OpenItem<'static> {
    OpenItem { kind, ..invoice("A1", euros, "2026-05-01") }
}

fn permanent(euros: i64) -> Layer {
    Layer { kind: LayerKind::Permanent, amount_minor: euros * 100, until: None }
}

fn version(from: &str, decision: Decision, layers: Vec<Layer>) -> LimitVersion {
    LimitVersion { from: day(from), decision, layers, effective_to: None, withdrawal_on: None }
}

fn history(versions: Vec<LimitVersion>) -> LimitHistory {
    LimitHistory::new(versions).unwrap()
}

fn cut() -> LimitHistory {
    history(vec![
        version("2026-01-01", Decision::Approved, vec![permanent(100_000)]),
        version("2026-03-10", Decision::Reduced, vec![permanent(40_000)]),
    ])
}

/// (number, covered, limit, used before, reason), in euros.
fn told(cover: &Cover<'_>) -> Vec<(String, i64, i64, i64, Reason)> {
    cover
        .lines
        .iter()
        .map(|l| {
            let cap = l.limit.map_or(-100, |limit| limit.cap_minor);
            (l.number.to_owned(), l.covered_minor / 100, cap / 100, l.used_before_minor / 100, l.reason)
        })
        .collect()
}

fn limit_of(decision: Decision, euros: i64, from: &str) -> Limit {
    Limit {
        reference: "L1".into(),
        insurer_buyer_id: "B1".into(),
        buyer_name: "Exemple".into(),
        identifiers: vec![],
        policy: "P1".into(),
        decision,
        decision_code: String::new(),
        requested_minor: None,
        amount_minor: euros * 100,
        currency: Currency::EUR,
        layers: Limit::layers_of(euros * 100, &[]),
        effective_from: day(from),
        effective_to: None,
        withdrawal_on: None,
        decided_on: None,
        conditions: vec![],
        rating: None,
        our_reference: None,
        in_other_currency: None,
    }
}

#[test]
fn a_statement_that_says_the_same_of_cover_counts_from_no_day_of_its_own() {
    let first = limit_of(Decision::Approved, 100, "2026-01-01");
    let stated = InOtherCurrency {
        currency: Currency::parse("JPY").unwrap(),
        amount_minor: Some(1),
        requested_minor: None,
        layers: vec![permanent(7)],
    };
    let rate = Limit { in_other_currency: Some(stated), ..first.clone() };
    let rated = Limit { rating: Some("30".to_owned()), ..first.clone() };
    let cut = limit_of(Decision::Reduced, 40, "2026-01-01");
    let since = |statements: &[(&str, &Limit)]| {
        let statements = statements.iter().map(|(seen, limit)| (day(seen), *limit));
        let history = LimitHistory::from_statements(statements, Currency::EUR).unwrap();
        history.versions().iter().map(|version| version.from.to_string()).collect::<Vec<_>>()
    };
    let same = [("2026-02-01", &first), ("2026-02-02", &rate), ("2026-02-03", &rated)];
    assert_eq!(since(&same), ["2026-01-01"]);
    let moved = [&same[..], &[("2026-02-04", &cut), ("2026-02-05", &rate)]].concat();
    assert_eq!(
        since(&moved),
        ["2026-01-01", "2026-02-04", "2026-02-05"],
        "what was another in between counts"
    );
}

#[test]
fn example_a_a_cut_leaves_what_was_invoiced_covered() {
    let open = [
        invoice("F3", 20_000, "2026-03-15"),
        invoice("F1", 60_000, "2026-02-05"),
        invoice("F2", 50_000, "2026-03-01"),
    ];
    let cover = allocate(&open, &cut(), &policy(), &Stops::default(), day("2026-03-20")).unwrap();
    assert_eq!(
        told(&cover),
        [
            ("F1".to_owned(), 60_000, 100_000, 0, Reason::Covered),
            ("F2".to_owned(), 40_000, 100_000, 60_000, Reason::LimitUsed),
            ("F3".to_owned(), 0, 40_000, 100_000, Reason::LimitUsed),
        ]
    );
    assert_eq!((cover.outstanding_minor, cover.covered_minor), (13_000_000, 10_000_000));
    assert_eq!((cover.uninsured_minor, cover.beyond_limit_minor), (3_000_000, 3_000_000));
    assert_eq!(cover.indemnity_minor, 9_000_000);
    assert_eq!(
        cover.today,
        LimitAt {
            cap_minor: 4_000_000,
            reason: CapReason::Granted,
            since: Some(day("2026-03-10")),
            layers: Stack { permanent_minor: 4_000_000, ..Stack::NONE },
        }
    );
}

#[test]
fn example_a_once_f1_is_paid_f2_grows_into_the_cover() {
    let open = [invoice("F2", 50_000, "2026-03-01"), invoice("F3", 20_000, "2026-03-15")];
    let cover = allocate(&open, &cut(), &policy(), &Stops::default(), day("2026-03-20")).unwrap();
    assert_eq!(
        told(&cover),
        [
            ("F2".to_owned(), 50_000, 100_000, 0, Reason::Covered),
            ("F3".to_owned(), 0, 40_000, 50_000, Reason::LimitUsed),
        ]
    );
}

fn layered() -> LimitHistory {
    history(vec![version(
        "2026-01-01",
        Decision::Approved,
        vec![
            permanent(50_000),
            Layer { kind: LayerKind::Temporary, amount_minor: 2_000_000, until: Some(day("2026-06-30")) },
            Layer { kind: LayerKind::TopUp, amount_minor: 1_500_000, until: None },
        ],
    )])
}

#[test]
fn example_c_layers_add_up_while_they_are_valid() {
    let cap = |date: &str| layered().limit_at(day(date), &policy()).cap_minor / 100;
    assert_eq!((cap("2026-06-01"), cap("2026-07-01")), (85_000, 65_000));
}

#[test]
fn a_temporary_layer_counts_on_its_last_day_too() {
    let cap = |date: &str| layered().limit_at(day(date), &policy()).cap_minor / 100;
    assert_eq!((cap("2026-06-30"), cap("2026-07-01")), (85_000, 65_000));
    let only = Layer { kind: LayerKind::Temporary, amount_minor: 100, until: Some(day("2026-06-30")) };
    let limits = history(vec![version("2026-01-01", Decision::Approved, vec![only])]);
    assert_eq!(limits.limit_at(day("2026-06-30"), &policy()).cap_minor, 100);
    let after = limits.limit_at(day("2026-07-01"), &policy());
    assert_eq!((after.cap_minor, after.reason), (0, CapReason::Expired), "no fall back to own cover");
}

#[test]
fn own_cover_only_where_nothing_was_ever_decided() {
    let open = [invoice("F1", 4_000, "2026-02-05"), invoice("F2", 9_000, "2026-02-06")];
    let on = day("2026-03-01");
    let never = allocate(&open, &LimitHistory::default(), &policy(), &Stops::default(), on).unwrap();
    assert_eq!(
        told(&never),
        [
            ("F1".to_owned(), 4_000, 10_000, 0, Reason::Covered),
            ("F2".to_owned(), 6_000, 10_000, 4_000, Reason::LimitUsed),
        ]
    );
    assert_eq!(never.today.reason, CapReason::Discretionary);
    for (decision, reason) in [
        (Decision::Refused, CapReason::Refused),
        (Decision::Withdrawn, CapReason::Withdrawn),
        (Decision::Cancelled, CapReason::Cancelled),
        (Decision::Expired, CapReason::Expired),
        (Decision::Unknown, CapReason::Zero),
    ] {
        let limits = history(vec![version("2026-02-06", decision, vec![])]);
        let cover = allocate(&open, &limits, &policy(), &Stops::default(), on).unwrap();
        assert_eq!(
            told(&cover),
            [
                ("F1".to_owned(), 4_000, 10_000, 0, Reason::Covered),
                ("F2".to_owned(), 0, 0, 4_000, Reason::NoLimit),
            ],
            "{decision}: invoiced the day before it is still under own cover"
        );
        assert_eq!(cover.today.reason, reason);
    }
}

#[test]
fn a_request_still_pending_is_no_decision() {
    let pending = limit_of(Decision::Pending, 0, "2026-02-01");
    assert_eq!(LimitVersion::of(&pending), None);
    let refused = LimitVersion::of(&limit_of(Decision::Refused, 500, "2026-02-01")).unwrap();
    assert_eq!(refused.layers, [], "a refusal grants nothing, whatever amount stands beside it");
}

#[test]
fn a_limit_with_an_amount_counts_while_another_request_is_pending() {
    let alone = limit_of(Decision::Pending, 500, "2026-02-01");
    let only_amount = Limit { layers: Vec::new(), ..alone.clone() };
    for stated in [&alone, &only_amount] {
        assert_eq!(
            LimitVersion::of(stated),
            Some(version("2026-02-01", Decision::Pending, vec![permanent(500)]))
        );
    }
    let only_layers = Limit { amount_minor: 0, ..alone };
    assert_eq!(LimitVersion::of(&only_layers).unwrap().layers, [permanent(500)]);
}

#[test]
fn a_notice_of_withdrawal_changes_nothing_until_its_date() {
    let mut notice = limit_of(Decision::NoticeOfWithdrawal, 50_000, "2026-01-01");
    notice.withdrawal_on = Some(day("2026-04-01"));
    let limits = history(vec![LimitVersion::of(&notice).unwrap()]);
    let open = [invoice("F1", 10_000, "2026-03-31"), invoice("F2", 10_000, "2026-04-01")];
    let cover = allocate(&open, &limits, &policy(), &Stops::default(), day("2026-03-20")).unwrap();
    assert_eq!(
        told(&cover),
        [
            ("F1".to_owned(), 10_000, 50_000, 0, Reason::Covered),
            ("F2".to_owned(), 0, 0, 10_000, Reason::NoLimit),
        ]
    );
    assert_eq!(cover.today.cap_minor, 5_000_000);
    assert_eq!(limits.limit_at(day("2026-04-01"), &policy()).reason, CapReason::Withdrawn);
}

#[test]
fn a_withdrawal_leaves_what_was_invoiced_before_its_day() {
    let granted = limit_of(Decision::Approved, 100, "2026-01-01");
    let mut notice = Limit { decision: Decision::NoticeOfWithdrawal, ..granted.clone() };
    notice.withdrawal_on = Some(day("2026-05-01"));
    let withdrawn =
        Limit { withdrawal_on: notice.withdrawal_on, ..limit_of(Decision::Withdrawn, 0, "2026-01-01") };
    let still_shown = Limit { decision: Decision::Withdrawn, ..notice.clone() };
    let expired =
        Limit { effective_to: Some(day("2026-04-30")), ..limit_of(Decision::Expired, 0, "2026-01-01") };
    let first = (day("2026-01-02"), &granted);
    for statements in [
        vec![first, (day("2026-03-20"), &notice)],
        vec![first, (day("2026-03-20"), &notice), (day("2026-05-03"), &withdrawn)],
        vec![first, (day("2026-05-03"), &withdrawn)],
        vec![first, (day("2026-05-03"), &expired)],
        vec![(day("2026-03-20"), &still_shown)],
    ] {
        let limits = LimitHistory::from_statements(statements, Currency::EUR).unwrap();
        let cap = |date: &str| limits.limit_at(day(date), &policy()).cap_minor / 100;
        assert_eq!((cap("2026-04-30"), cap("2026-05-01"), cap("2026-06-01")), (100, 0, 0), "{limits:?}");
    }
}

#[test]
fn a_limit_ends_on_its_last_day() {
    let limits = history(vec![LimitVersion {
        effective_to: Some(day("2026-05-31")),
        ..version("2026-01-01", Decision::Approved, vec![permanent(10)])
    }]);
    assert_eq!(limits.limit_at(day("2026-05-31"), &policy()).cap_minor, 1000);
    assert_eq!(limits.limit_at(day("2026-06-01"), &policy()).reason, CapReason::Expired);
}

#[test]
fn a_restated_limit_counts_from_the_day_it_was_seen() {
    let first = limit_of(Decision::Approved, 100, "2026-01-01");
    let lower = limit_of(Decision::Reduced, 40, "2026-01-01");
    let announced = limit_of(Decision::Approved, 70, "2026-05-01");
    let instead = limit_of(Decision::Withdrawn, 0, "2026-04-15");
    let limits = LimitHistory::from_statements(
        [
            (day("2026-04-10"), &instead),
            (day("2026-01-02"), &first),
            (day("2026-03-10"), &lower),
            (day("2026-04-01"), &announced),
        ],
        Currency::EUR,
    )
    .unwrap();
    let cap = |date: &str| limits.limit_at(day(date), &policy()).cap_minor / 100;
    assert_eq!((cap("2026-01-01"), cap("2026-03-09"), cap("2026-03-10")), (100, 100, 40));
    assert_eq!((cap("2026-04-14"), cap("2026-04-15"), cap("2026-05-01")), (40, 0, 0));
    let same_day = LimitHistory::from_statements(
        [(day("2026-01-01"), &first), (day("2026-01-01"), &lower)],
        Currency::EUR,
    );
    assert_eq!(same_day.unwrap().versions().len(), 1, "corrected on the day itself");
    let usd = Currency::parse("USD").unwrap();
    let mixed = LimitHistory::from_statements([(day("2026-01-02"), &first)], usd);
    assert!(matches!(mixed, Err(Error::LimitCurrency { .. })));
}

#[test]
fn each_ineligible_invoice_keeps_its_reason() {
    let usd = Currency::parse("USD").unwrap();
    let open = [
        OpenItem { disputed: true, ..invoice("F1", 1, "2026-02-01") },
        OpenItem { original_due: day("2026-07-01"), ..invoice("F2", 2, "2026-02-02") },
        invoice("F3", 4, "2025-12-31"),
        OpenItem { currency: usd, ..invoice("F4", 8, "2026-02-04") },
        invoice("F5", 16, "2026-02-05"),
        invoice("F6", 32, "2026-02-06"),
    ];
    let cover = allocate(&open, &cut(), &policy(), &Stops::default(), day("2026-03-01")).unwrap();
    let reasons: Vec<_> = cover.lines.iter().map(|l| (l.number, l.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            ("F3", "outside_period"),
            ("F1", "disputed"),
            ("F2", "terms_too_long"),
            ("F4", "currency_not_covered"),
            ("F5", "covered"),
            ("F6", "covered"),
        ],
        "an extension granted later does not make the terms too long"
    );
    assert_eq!((cover.outstanding_minor, cover.covered_minor), (5_500, 4_800));
    assert_eq!((cover.ineligible_minor, cover.beyond_limit_minor), (700, 0));
}

#[test]
fn the_currency_is_looked_at_first_and_each_period_has_its_own() {
    let usd = Currency::parse("USD").unwrap();
    let mut periods = renewed();
    periods[0].currency = usd;
    let dollars = |number, issued| OpenItem { currency: usd, ..invoice(number, 1_000, issued) };
    let open = [
        dollars("F1", "2025-12-31"),
        invoice("F2", 1_000, "2025-12-31"),
        dollars("F3", "2026-06-30"),
        invoice("F4", 1_000, "2026-06-30"),
        dollars("F5", "2026-07-01"),
        invoice("F6", 1_000, "2026-07-01"),
    ];
    let terms = terms(&periods, "siren:404833048", "FR");
    let cover = allocate(&open, &cut(), terms, &Stops::default(), day("2026-07-02")).unwrap();
    let reasons: Vec<_> = cover.lines.iter().map(|line| (line.number, line.reason)).collect();
    assert_eq!(
        reasons,
        [
            ("F1", Reason::CurrencyNotCovered),
            ("F2", Reason::OutsidePeriod),
            ("F3", Reason::CurrencyNotCovered), // the period in force counts in euros
            ("F4", Reason::CurrencyNotCovered), // the period of its date counted in dollars
            ("F5", Reason::CurrencyNotCovered),
            ("F6", Reason::Covered),
        ]
    );
}

#[test]
fn credits_settle_the_oldest_invoices_first() {
    let mut late_due = invoice("F1", 100, "2026-01-10");
    late_due.original_due = day("2026-04-01");
    let open = [
        late_due,
        invoice("F2", 100, "2026-01-20"),
        invoice("F3", 100, "2026-01-20"),
        credit(ItemKind::CreditNote, 100),
        credit(ItemKind::Receipt, 30),
    ];
    let cover = allocate(&open, &cut(), &policy(), &Stops::default(), day("2026-06-01")).unwrap();
    let seen: Vec<_> =
        cover.lines.iter().map(|l| (l.number, l.credited_minor, l.covered_minor, l.reason)).collect();
    assert_eq!(
        seen,
        [
            ("F1", 0, 10_000, Reason::Covered),
            ("F2", 10_000, 0, Reason::SettledByCredits),
            ("F3", 3_000, 7_000, Reason::Covered),
        ]
    );
    assert_eq!((cover.outstanding_minor, cover.uninsured_minor), (17_000, 0));
}

#[test]
fn a_receipt_settles_an_invoice_with_its_tax_and_the_rest_counts_without() {
    let net = Policy { basis: Basis::Net, ..policy() };
    let taxed = |number, euros: i64, issued| {
        let whole = invoice(number, euros, issued);
        OpenItem { net_minor: Some(whole.open_minor * 5 / 6), ..whole }
    };
    let open = [
        taxed("F1", 120, "2026-02-01"),
        taxed("F2", 60_000, "2026-02-02"),
        invoice("F3", 60_000, "2026-02-03"),
        credit(ItemKind::Receipt, 60),
    ];
    let cover = allocate(&open, &cut(), &net, &Stops::default(), day("2026-03-01")).unwrap();
    let seen: Vec<_> = cover
        .lines
        .iter()
        .map(|l| (l.number, l.open_minor / 100, l.credited_minor / 100, l.covered_minor / 100, l.lacks_tax))
        .collect();
    assert_eq!(
        seen,
        [("F1", 100, 50, 50, false), ("F2", 50_000, 0, 50_000, false), ("F3", 60_000, 0, 49_950, true)],
        "60 of 120 are paid, so 50 of 100; F3 has no tax figure and counts whole"
    );
    assert_eq!((cover.outstanding_minor, cover.lacks_tax), (11_005_000, 1));
    let owed = super::super::net_exposure(&open, Currency::EUR).unwrap();
    assert_eq!((owed.outstanding_minor, owed.lacks_tax), (11_005_000, 1));
}

#[test]
fn thresholds_are_held_against_what_is_left_without_tax() {
    let rule = StopRule { threshold_minor: 10_000, lifts: StopLifts::Payment };
    let gross = Policy { mep_days: Some(1), cover_stop: Some(rule), ..policy() };
    let net = Policy { basis: Basis::Net, ..gross.clone() };
    let stopped = |policy: &Policy, net_minor| {
        let open = [OpenItem { net_minor, ..invoice("F1", 110, "2026-02-01") }];
        let stops = Stops::default().brought_to(&open, &[policy], day("2026-06-01")).unwrap();
        stops.in_force().is_some()
    };
    assert!(stopped(&gross, Some(9_000)) && !stopped(&net, Some(9_000)), "90.00 of 110.00 are no tax");
    assert!(stopped(&net, None) && stopped(&net, Some(10_000)));
}

#[test]
fn credits_beyond_all_invoices_are_a_balance_not_negative_risk() {
    let open = [invoice("F1", 100, "2026-02-01"), credit(ItemKind::Receipt, 150)];
    let cover = allocate(&open, &cut(), &policy(), &Stops::default(), day("2026-06-01")).unwrap();
    assert_eq!(
        (cover.outstanding_minor, cover.covered_minor, cover.uninsured_minor, cover.credit_balance_minor),
        (-5_000, 0, 0, 5_000)
    );
}

#[test]
fn the_indemnity_is_rounded_half_to_even() {
    let indemnity =
        |covered_minor, percentage| super::indemnity([Part { layer: None, covered_minor, percentage }]);
    let half = |covered| indemnity(covered, Decimal::new(50, 0)).unwrap();
    assert_eq!((half(1), half(3), half(5), half(i64::MAX - 1)), (0, 2, 2, i64::MAX / 2));
    assert_eq!(indemnity(10_001, "87.5".parse().unwrap()), Ok(8_751));
    assert_eq!(indemnity(10_001, Decimal::ZERO), Ok(0), "a policy may pay nothing");
    assert_eq!(indemnity(10_001, Decimal::ONE_HUNDRED), Ok(10_001), "or all of it");
    assert!(matches!(indemnity(1, Decimal::from(101)), Err(Error::Percentage(_))));
    assert!(matches!(indemnity(1, Decimal::from(-1)), Err(Error::Percentage(_))));
}

#[test]
fn amounts_that_do_not_fit_are_errors() {
    let mut open = [invoice("F1", 1, "2026-02-01"), invoice("F2", 1, "2026-02-02")];
    open[0].open_minor = i64::MAX;
    let over = allocate(&open, &cut(), &policy(), &Stops::default(), day("2026-06-01"));
    assert_eq!(over, Err(Error::Overflow { what: "open invoices" }));
    open[0].open_minor = -1;
    assert!(matches!(
        allocate(&open, &cut(), &policy(), &Stops::default(), day("2026-06-01")),
        Err(Error::NegativeItem { .. })
    ));
    let layers = vec![permanent(i64::MAX / 100), permanent(i64::MAX / 100)];
    let broken = LimitHistory::new(vec![version("2026-01-01", Decision::Approved, layers)]);
    assert_eq!(broken, Err(Error::Overflow { what: "the layers of a limit" }));
    let negative = LimitHistory::new(vec![version("2026-01-01", Decision::Approved, vec![permanent(-1)])]);
    assert_eq!(negative, Err(Error::NegativeLayer { minor: -100 }));
}

const NUMBERS: [&str; 12] =
    ["F01", "F02", "F03", "F04", "F05", "F06", "F07", "F08", "F09", "F10", "F11", "F12"];

fn items(credits: bool) -> impl Strategy<Value = Vec<OpenItem<'static>>> {
    let one = (0..if credits { 4 } else { 2 }, 0_i64..100, 0_u64..300, 0_u64..150, 0..6, 0..8);
    prop::collection::vec(one, 0..12).prop_map(|specs| {
        let made = specs.into_iter().zip(NUMBERS).map(|((kind, open, issued, terms, disputed, usd), id)| {
            let issued = day("2026-01-01") + chrono::Days::new(issued);
            let due = issued + chrono::Days::new(terms);
            let kind = match kind {
                2 => ItemKind::CreditNote,
                3 => ItemKind::Receipt,
                _ => ItemKind::Invoice,
            };
            let currency = if usd == 0 { Currency::parse("USD").unwrap() } else { Currency::EUR };
            let disputed = disputed == 0;
            OpenItem {
                connection: "erp",
                id,
                number: if open % 3 == 0 { "F00" } else { id },
                kind,
                currency,
                open_minor: open,
                net_minor: (open % 5 != 0).then_some(open * 5 / 6),
                issued,
                original_due: due,
                disputed,
            }
        });
        made.collect()
    })
}

fn histories() -> impl Strategy<Value = LimitHistory> {
    let one = (0_u64..300, 0_i64..250, prop::option::of(0_u64..100), any::<bool>());
    prop::collection::vec(one, 0..5).prop_map(|specs| {
        let made = specs.into_iter().map(|(from, amount, until, granted)| {
            let from = day("2026-01-01") + chrono::Days::new(from);
            let layer = Layer {
                kind: if until.is_some() { LayerKind::Temporary } else { LayerKind::Permanent },
                amount_minor: amount,
                until: until.map(|days| from + chrono::Days::new(days)),
            };
            let (decision, layers) =
                if granted { (Decision::Approved, vec![layer]) } else { (Decision::Refused, vec![]) };
            LimitVersion { from, decision, layers, effective_to: None, withdrawal_on: None }
        });
        history(made.collect())
    })
}

fn small_policy() -> Policy {
    Policy { discretionary_minor: 50, ..policy() }
}

proptest! {
    #[test]
    fn parts_add_up_and_cover_stays_within_the_rules(open in items(true), limits in histories()) {
        let terms = small_policy();
        let on = day("2026-10-01");
        let cover = allocate(&open, &limits, &terms, &Stops::default(), on).unwrap();
        let mut used = 0;
        let (mut credited, mut ineligible, mut beyond, mut highest) = (0, 0, 0, 0);
        for line in &cover.lines {
            prop_assert!(line.credited_minor >= 0 && line.covered_minor >= 0 && line.uncovered_minor >= 0);
            prop_assert_eq!(line.open_minor, line.credited_minor + line.covered_minor + line.uncovered_minor);
            prop_assert_eq!(line.used_before_minor, used);
            prop_assert_eq!(line.limit.is_some(), line.reason.is_eligible());
            if let Some(limit) = line.limit {
                prop_assert_eq!(limit, limits.limit_at(line.issued, &terms));
                let net = line.open_minor - line.credited_minor;
                prop_assert_eq!(line.covered_minor, net.min(limit.cap_minor - used).max(0));
                highest = highest.max(limit.cap_minor);
                beyond += line.uncovered_minor;
            } else if line.currency == cover.currency {
                ineligible += line.uncovered_minor;
            }
            credited += line.credited_minor;
            used += line.covered_minor;
        }
        prop_assert_eq!((cover.covered_minor, cover.beyond_limit_minor, cover.ineligible_minor), (used, beyond, ineligible));
        prop_assert_eq!(cover.uninsured_minor, beyond + ineligible);
        prop_assert!(cover.covered_minor <= highest);
        prop_assert!(cover.covered_minor <= cover.outstanding_minor.max(0));
        prop_assert!((0..=cover.covered_minor).contains(&cover.indemnity_minor));
        prop_assert_eq!(
            cover.outstanding_minor,
            cover.covered_minor + cover.uninsured_minor - cover.credit_balance_minor
        );
        prop_assert!(cover.credit_balance_minor == 0 || cover.covered_minor + cover.uninsured_minor == 0);
        let credits: i64 = open.iter()
            .filter(|i| i.currency == cover.currency && i.kind != ItemKind::Invoice).map(|i| i.open_minor).sum();
        prop_assert_eq!(credits, credited + cover.credit_balance_minor);
        let exposure = super::super::exposures(&open, on).unwrap();
        let owed = exposure.iter().find(|e| e.currency == cover.currency).map_or(0, |e| e.outstanding_minor);
        prop_assert_eq!(cover.outstanding_minor, owed, "the exposure must say the same");
    }

    #[test]
    fn net_of_tax_nothing_counts_for_more_than_gross(open in items(true), limits in histories()) {
        let run = |basis, open: &[OpenItem<'static>]| {
            allocate(open, &limits, &Policy { basis, ..small_policy() }, &Stops::default(), day("2026-10-01")).unwrap()
        };
        let (gross, net) = (run(Basis::Gross, &open), run(Basis::Net, &open));
        let mut used = 0;
        for line in &net.lines {
            let same = gross.lines.iter().find(|other| other.id == line.id).unwrap();
            prop_assert!(line.open_minor <= same.open_minor);
            prop_assert_eq!(line.open_minor, line.credited_minor + line.covered_minor + line.uncovered_minor);
            used += line.covered_minor;
        }
        prop_assert_eq!(net.covered_minor, used);
        prop_assert_eq!(net.credit_balance_minor, gross.credit_balance_minor);
        prop_assert!(net.outstanding_minor <= gross.outstanding_minor);
        prop_assert_eq!(
            net.outstanding_minor,
            net.covered_minor + net.beyond_limit_minor + net.ineligible_minor - net.credit_balance_minor
        );
        let owed = super::super::net_exposure(&open, Currency::EUR).unwrap();
        prop_assert_eq!((owed.outstanding_minor, owed.lacks_tax), (net.outstanding_minor, net.lacks_tax));
        let untaxed: Vec<_> = open.iter().map(|item| OpenItem { net_minor: None, ..*item }).collect();
        prop_assert_eq!(run(Basis::Gross, &untaxed), gross, "tax changes nothing of a gross policy");
    }

    #[test]
    fn neither_order_of_arrival_nor_a_second_run_matters(
        (open, shuffled) in items(true).prop_flat_map(|open| (Just(open.clone()), Just(open).prop_shuffle())),
        limits in histories(),
    ) {
        let run = |open: &[OpenItem<'static>]| allocate(open, &limits, &small_policy(), &Stops::default(), day("2026-10-01")).unwrap();
        prop_assert_eq!(run(&open), run(&open));
        prop_assert_eq!(run(&open), run(&shuffled));
    }

    #[test]
    fn a_payment_never_lowers_the_cover_of_another_invoice(
        open in items(false), limits in histories(), at in any::<prop::sample::Index>(), share in 0_i64..=100
    ) {
        prop_assume!(!open.is_empty());
        let run = |open: &[OpenItem<'static>]| allocate(open, &limits, &small_policy(), &Stops::default(), day("2026-10-01")).unwrap();
        let before = run(&open);
        let mut paid = open.clone();
        let index = at.index(paid.len());
        paid[index].open_minor = paid[index].open_minor * share / 100;
        let after = run(&paid);
        for line in after.lines.iter().filter(|line| line.id != open[index].id) {
            let was = before.lines.iter().find(|other| other.id == line.id).unwrap();
            prop_assert!(line.covered_minor >= was.covered_minor, "{was:?} became {line:?}");
        }
    }

    #[test]
    fn a_reduction_leaves_the_cover_of_earlier_invoices(
        open in items(true), limits in histories(), from in 0_u64..300, amount in 0_i64..100
    ) {
        let from = day("2026-01-01") + chrono::Days::new(from);
        let run = |limits: &LimitHistory| allocate(&open, limits, &small_policy(), &Stops::default(), day("2026-10-01")).unwrap();
        let mut versions: Vec<_> = limits.versions().iter().filter(|v| v.from < from).cloned().collect();
        let layer = Layer { kind: LayerKind::Permanent, amount_minor: amount, until: None };
        versions.push(LimitVersion { from, ..version("2026-01-01", Decision::Reduced, vec![layer]) });
        let (before, after) = (run(&limits), run(&history(versions)));
        for (was, is) in before.lines.iter().zip(&after.lines).filter(|(was, _)| was.issued < from) {
            prop_assert_eq!(was, is);
        }
    }
}

/// Terms of two periods, the second in force, for one buyer.
fn terms<'t>(periods: &'t [Policy; 2], buyer: &'t str, country: &'t str) -> Terms<'t> {
    let [_, policy] = periods;
    Terms { policy, periods: periods.iter().collect(), buyer, country, experience: None }
}

fn renewed() -> [Policy; 2] {
    let old = Policy { maximum_terms_days: Some(20), insured_percentage: Decimal::from(80), ..policy() };
    let old = Policy { valid_from: day("2026-01-01"), valid_to: Some(day("2026-06-30")), ..old };
    let new = Policy { valid_from: day("2026-07-01"), discretionary_minor: 3_000_000, ..policy() };
    [old, new]
}

#[test]
fn an_invoice_answers_to_the_period_of_its_own_date() {
    let mut periods = renewed();
    let open = [invoice("F1", 10_000, "2026-06-30"), invoice("F2", 25_000, "2026-07-01")];
    let run = |periods: &[Policy; 2]| {
        let terms = terms(periods, "siren:1", "FR");
        let cover =
            allocate(&open, &LimitHistory::default(), terms, &Stops::default(), day("2026-07-02")).unwrap();
        (told(&cover), cover.indemnity_minor, cover.today.cap_minor)
    };
    let line = |number: &str, covered, cap, used, reason| (number.to_owned(), covered, cap, used, reason);
    let late = run(&periods).0;
    assert_eq!(late[0], line("F1", 0, -1, 0, Reason::TermsTooLong), "30 days, the old period insures 20");
    periods[0].maximum_terms_days = None;
    let (lines, indemnity, today) = run(&periods);
    assert_eq!(
        lines,
        [
            line("F1", 10_000, 10_000, 0, Reason::Covered),
            line("F2", 20_000, 30_000, 10_000, Reason::LimitUsed)
        ],
        "each with the discretionary limit of its own period"
    );
    assert_eq!((indemnity, today), (800_000 + 1_800_000, 3_000_000), "80 % of the one, 90 % of the other");
    periods[0].valid_to = Some(day("2026-06-29"));
    assert_eq!(run(&periods).0[0], line("F1", 0, -1, 0, Reason::OutsidePeriod), "between two periods");
}

#[test]
fn what_the_discretionary_limit_covers_is_paid_by_its_own_percentage() {
    let own = Policy { discretionary_percentage: Some(Decimal::from(70)), ..policy() };
    let granted = history(vec![version("2026-03-01", Decision::Approved, vec![permanent(50_000)])]);
    let open = [invoice("F1", 10_000, "2026-02-01"), invoice("F2", 20_000, "2026-03-01")];
    let indemnity = |policy: &Policy| {
        let cover = allocate(&open, &granted, policy, &Stops::default(), day("2026-03-02")).unwrap();
        assert_eq!(cover.covered_minor, 3_000_000);
        cover.indemnity_minor
    };
    assert_eq!(indemnity(&policy()), 2_700_000);
    assert_eq!(indemnity(&own), 700_000 + 1_800_000);
    let wrong = Policy { discretionary_percentage: Some(Decimal::from(101)), ..policy() };
    let told = allocate(&open, &granted, &wrong, &Stops::default(), day("2026-03-02"));
    assert_eq!(told, Err(Error::Percentage(Decimal::from(101))));
}

#[test]
fn a_computed_discretionary_limit_holds_until_the_insurer_has_decided() {
    let rule = DiscretionaryRule {
        amount_minor: 2_500_000,
        share_percent: Decimal::ONE_HUNDRED,
        experience_months: 12,
        min_payments: 2,
        without_experience_minor: 300_000,
        max_days_late: 30,
        reports: Vec::new(),
        blocks: Vec::new(),
        rebuild_months: 0,
    };
    let policy = Policy { discretionary_rule: Some(rule), ..policy() };
    let granted = history(vec![version("2026-03-01", Decision::Approved, vec![permanent(50_000)])]);
    let open = [invoice("F1", 10_000, "2026-02-28"), invoice("F2", 20_000, "2026-03-01")];
    let cover = |on: &str| allocate(&open, &granted, &policy, &Stops::default(), day(on)).unwrap();
    assert_eq!(
        told(&cover("2026-03-01")),
        [
            ("F1".to_owned(), 3_000, 3_000, 0, Reason::LimitUsed),
            ("F2".to_owned(), 20_000, 50_000, 3_000, Reason::Covered),
        ]
    );
    let today = |on: &str| (cover(on).today.cap_minor, cover(on).today.reason);
    assert_eq!(today("2026-02-28"), (300_000, CapReason::Discretionary));
    assert_eq!(today("2026-03-01"), (5_000_000, CapReason::Granted));
}

#[test]
fn a_buyer_that_the_policy_excludes_has_no_cover_and_a_reason() {
    let excluded = ExcludedBuyer { buyer: "siren:404833048".into(), kind: BuyerKind::Affiliate };
    let mut periods = renewed();
    periods[0].maximum_terms_days = None;
    periods[1].excluded_buyers = vec![excluded];
    periods[1].excluded_countries = vec!["IT".into()];
    let open = [invoice("F1", 1_000, "2026-06-01"), invoice("F2", 1_000, "2026-07-01")];
    let run = |buyer: &str, country: &str| {
        let terms = terms(&periods, buyer, country);
        let cover = allocate(&open, &cut(), terms, &Stops::default(), day("2026-07-02")).unwrap();
        assert_eq!(cover.covered_minor + cover.ineligible_minor, 200_000);
        (cover.lines.iter().map(|line| line.reason).collect::<Vec<_>>(), cover.today.reason)
    };
    let affiliate = run("siren:404833048", "FR");
    assert_eq!(
        affiliate,
        (vec![Reason::Covered, Reason::ExcludedBuyer], CapReason::Excluded),
        "not in the old period"
    );
    assert_eq!(
        run("siren:552100554", "IT"),
        (vec![Reason::Covered, Reason::ExcludedCountry], CapReason::Excluded)
    );
    assert_eq!(run("siren:552100554", "FR"), (vec![Reason::Covered, Reason::Covered], CapReason::Granted));
    assert_eq!(
        run("siren:552100554", "").1,
        CapReason::Granted,
        "a country that is not known excludes nobody"
    );
}
