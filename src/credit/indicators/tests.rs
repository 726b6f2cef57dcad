//! Worked examples by hand, then properties.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::ItemKind;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn month(text: &str) -> Period {
    Period::parse(text).unwrap()
}

fn window(on: &str, months: u32, known_from: &str) -> Window {
    Window { on: day(on), months, known_from: Some(day(known_from)) }
}

fn part(kind: ItemKind, open_minor: i64, issued: &str, original_due: &str) -> OpenPart {
    OpenPart { kind, open_minor, issued: day(issued), original_due: day(original_due), due_estimated: false }
}

fn stake(covered_minor: i64, limit_minor: Option<i64>, requested_minor: Option<(i64, i64)>) -> Stake {
    Stake {
        connection: "insurer".to_owned(),
        covered_minor,
        limit_minor,
        requested_minor,
        next_deadline: None,
    }
}

fn of(indicator: Indicator, sums: &Sums, window: &Window) -> Result<String, Reason> {
    let all = figures(sums, window, CoverKnown::Today).unwrap();
    let figure = all.into_iter().find(|figure| figure.indicator == indicator).unwrap();
    figure.value.map(|value| match value {
        Value::Decimal(decimal) => decimal.to_string(),
        Value::Money(minor) => minor.to_string(),
    })
}

/// The company of the page "Indicators": 300 000 owed on 15 June, 100 000 invoiced by then, 150 000 in May, 120 000 in April.
fn company() -> Sums {
    let mut sums = Sums::default();
    let on = day("2026-06-15");
    for item in [
        part(ItemKind::Invoice, 20_000_000, "2026-06-01", "2026-07-01"),
        part(ItemKind::Invoice, 10_000_000, "2026-04-16", "2026-06-15"),
        part(ItemKind::Invoice, 1_500_000, "2026-04-15", "2026-06-14"),
        part(ItemKind::Invoice, 500_000, "2026-01-17", "2026-03-16"),
        part(ItemKind::CreditNote, 1_500_000, "2026-05-01", "2026-05-01"),
        part(ItemKind::Receipt, 500_000, "2026-06-10", "2026-06-10"),
    ] {
        sums.add_open(&item, on).unwrap();
    }
    for (period, minor) in [("2026-06", 10_000_000), ("2026-05", 15_000_000), ("2026-04", 12_000_000)] {
        sums.add_turnover(month(period), minor).unwrap();
    }
    sums
}

#[test]
fn dso_counts_back_through_the_months() {
    let window = window("2026-06-15", 12, "2025-01-01");
    // 300 000 = 100 000 of June (15 days) + 150 000 of May (31 days) + 50 000 of the 120 000 of April (30 × 5/12 = 12.5 days)
    assert_eq!(of(Indicator::DsoCountBack, &company(), &window), Ok("58.5".to_owned()));
}

#[test]
fn dso_by_the_average_of_the_window() {
    // 300 000 ÷ 370 000 × 76 days of 1 April to 15 June = 61.62…
    let window = window("2026-06-15", 3, "2026-04-01");
    assert_eq!(of(Indicator::DsoSimple, &company(), &window), Ok("61.6".to_owned()));
}

#[test]
fn a_dso_that_would_need_turnover_that_nobody_knows_is_not_given() {
    let known = window("2026-06-15", 3, "2026-04-02");
    assert_eq!(of(Indicator::DsoSimple, &company(), &known), Err(Reason::TurnoverNotKnown));
    assert_eq!(of(Indicator::DsoCountBack, &company(), &known), Err(Reason::TurnoverNotKnown));
    let never = Window { known_from: None, ..known };
    assert_eq!(of(Indicator::DsoCountBack, &company(), &never), Err(Reason::TurnoverNotKnown));
    let short = window("2026-06-15", 2, "2026-01-01");
    assert_eq!(of(Indicator::DsoCountBack, &company(), &short), Err(Reason::BeyondWindow));
    // What the months that are known use up needs no others.
    let mut little = company();
    little
        .add_open(&part(ItemKind::Receipt, 25_000_000, "2026-06-01", "2026-06-01"), day("2026-06-15"))
        .unwrap();
    // 50 000 of the 100 000 of the 15 days of June
    assert_eq!(
        of(Indicator::DsoCountBack, &little, &window("2026-06-15", 12, "2026-06-01")),
        Ok("7.5".to_owned())
    );
}

#[test]
fn a_month_with_more_credited_than_invoiced_counts_and_adds_to_what_is_left() {
    let mut sums = Sums::default();
    sums.add_open(&part(ItemKind::Invoice, 1_000, "2026-04-01", "2026-05-01"), day("2026-06-15")).unwrap();
    for (period, minor) in [("2026-05", -500), ("2026-04", 3_000)] {
        sums.add_turnover(month(period), minor).unwrap();
    }
    // June 15 days, May 31 days and 1 500 left, half of April's 30 days
    assert_eq!(
        of(Indicator::DsoCountBack, &sums, &window("2026-06-15", 12, "2025-01-01")),
        Ok("61.0".to_owned())
    );
}

#[test]
fn rates_and_terms_are_weighted_by_amounts() {
    let (sums, window) = (company(), window("2026-06-15", 12, "2025-01-01"));
    // 320 000 open; 20 000 past their date (15 000 since a day, 5 000 since 91 days); one due on the day itself is not
    assert_eq!(of(Indicator::OverdueRate, &sums, &window), Ok("6.25".to_owned()));
    // 5 000 ÷ 320 000 = 1.5625 %
    assert_eq!(of(Indicator::UnpaidRate, &sums, &window), Ok("1.56".to_owned()));
    // (200 000 × 30 + 100 000 × 60 + 15 000 × 60 + 5 000 × 58) ÷ 320 000 = 41.218…
    assert_eq!(of(Indicator::DsoContractual, &sums, &window), Ok("41.2".to_owned()));
    assert_eq!(of(Indicator::CustomerWorkingCapital, &sums, &window), Ok("30000000".to_owned()));
}

#[test]
fn lateness_counts_what_was_settled_in_the_window_and_early_as_none() {
    let window = window("2026-06-15", 3, "2026-01-01");
    let mut sums = Sums::default();
    for (total, due, settled) in [
        (1_000, "2026-04-30", Some("2026-05-20")), // 20 days
        (3_000, "2026-04-30", Some("2026-04-01")), // early, on the first day of the window
        (1_000, "2026-01-31", Some("2026-03-31")), // before the window
        (9_000, "2026-01-31", None),
    ] {
        sums.add_settled(total, day(due), settled.map(day), &window).unwrap();
    }
    // 1 000 × 20 ÷ 4 000
    assert_eq!(of(Indicator::AverageDaysLate, &sums, &window), Ok("5.0".to_owned()));
    assert_eq!(sums.undated_count, 1);
}

#[test]
fn cover_is_of_buyers_who_owe_and_never_more_than_they_owe() {
    let buyer = |open: i64, credits: i64, stakes: &[Stake]| {
        let mut sums = Sums::default();
        let on = day("2026-06-15");
        sums.add_open(&part(ItemKind::Invoice, open, "2026-06-01", "2026-07-01"), on).unwrap();
        sums.add_open(&part(ItemKind::CreditNote, credits, "2026-06-01", "2026-07-01"), on).unwrap();
        sums.add_cover(stakes).unwrap();
        sums
    };
    let mut all = buyer(100_000, 0, &[stake(60_000, Some(80_000), Some((100_000, 80_000)))]);
    // Two policies cover all of it between them.
    all.join(&buyer(50_000, 10_000, &[stake(30_000, Some(30_000), None), stake(30_000, None, None)]))
        .unwrap();
    all.join(&buyer(0, 20_000, &[stake(0, Some(0), Some((50_000, 0)))])).unwrap();
    let window = window("2026-06-15", 12, "2026-01-01");
    // owed 100 000 + 40 000 + 0; covered 60 000 + 40 000 + 0
    assert_eq!(of(Indicator::CoveredShare, &all, &window), Ok("71.43".to_owned()));
    assert_eq!(of(Indicator::UninsuredExposure, &all, &window), Ok("40000".to_owned()));
    // 140 000 ÷ 110 000: a refusal is no limit
    assert_eq!(of(Indicator::LimitUse, &all, &window), Ok("127.27".to_owned()));
    // 80 000 ÷ 150 000
    assert_eq!(of(Indicator::GrantedShare, &all, &window), Ok("53.33".to_owned()));
    assert_eq!(of(Indicator::CustomerWorkingCapital, &all, &window), Ok("120000".to_owned()));
    let then = figures(&all, &window, CoverKnown::NotThen).unwrap();
    let unknown = then.iter().filter(|figure| figure.value == Err(Reason::CoverNotKept)).count();
    assert_eq!(unknown, 5, "what was covered on a past day is not known");
}

#[test]
fn what_has_no_denominator_has_a_reason_and_no_zero() {
    let window = window("2026-06-15", 12, "2025-01-01");
    let nothing = Sums::default();
    for (indicator, reason) in [
        (Indicator::DsoCountBack, Reason::NothingOwed),
        (Indicator::DsoSimple, Reason::NoTurnover),
        (Indicator::DsoContractual, Reason::NoOpenInvoice),
        (Indicator::OverdueRate, Reason::NoOpenInvoice),
        (Indicator::UnpaidRate, Reason::NoOpenInvoice),
        (Indicator::AverageDaysLate, Reason::NoSettledInvoice),
        (Indicator::CoveredShare, Reason::NothingOwed),
        (Indicator::LimitUse, Reason::NoLimit),
        (Indicator::GrantedShare, Reason::NoRequest),
    ] {
        assert_eq!(of(indicator, &nothing, &window), Err(reason), "{indicator}");
    }
    let mut credit = Sums::default();
    credit.add_open(&part(ItemKind::Receipt, 5, "2026-06-01", "2026-06-01"), window.on).unwrap();
    assert_eq!(of(Indicator::DsoCountBack, &credit, &window), Err(Reason::NothingOwed));
    assert_eq!(of(Indicator::CustomerWorkingCapital, &credit, &window), Ok("-5".to_owned()));
    assert_eq!(source_age(None, window.on).value, Err(Reason::NeverRead));
    assert_eq!(source_age(Some(day("2026-06-12")), window.on).value, Ok(Value::Decimal(Decimal::from(3))));
}

#[test]
fn a_figure_that_lies_in_the_middle_is_rounded_to_the_even_one() {
    let percent = |part: i128, whole: i128| quotient(part * 100, whole, PERCENT_SCALE).unwrap();
    for (part, whole, want) in [(1, 32, "3.12"), (3, 32, "9.38"), (1, 20_000, "0.00"), (3, 20_000, "0.02")] {
        assert_eq!(percent(part, whole), Value::Decimal(want.parse().unwrap()), "{part}/{whole}");
    }
    assert_eq!(percent(-1, 20_000), Value::Decimal("0.00".parse().unwrap()));
    assert_eq!(percent(-3, 20_000), Value::Decimal("-0.02".parse().unwrap()));
    assert!(quotient(i128::MAX, 1, 2).is_err());
}

#[test]
fn every_indicator_says_what_it_is_in_both_languages() {
    for indicator in Indicator::ALL {
        let texts = Language::ALL.iter().map(|language| indicator.definition(*language)).collect::<Vec<_>>();
        assert!(texts.iter().all(|text| text.ends_with('.') && text.len() > 20), "{indicator}: {texts:?}");
        assert_ne!(texts[0], texts[1]);
        assert_ne!(indicator.label(Language::English), indicator.label(Language::French));
    }
}

#[test]
fn every_word_is_its_own() {
    for language in Language::ALL {
        let units = [Unit::Days, Unit::Percent, Unit::Money].map(|unit| unit.word(*language));
        assert!(units.iter().all(|word| !word.is_empty()) && units[0] != units[1] && units[1] != units[2]);
        let reasons: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.text(*language)).collect();
        assert_eq!(reasons.len(), Reason::ALL.len(), "each reason has a text of its own");
    }
    assert_ne!(Unit::Days.word(Language::English), Unit::Days.word(Language::French));
}

#[test]
fn sums_of_money_add_up_over_buyers_and_quotients_do_not() {
    for indicator in Indicator::ALL {
        assert_eq!(indicator.is_additive(), indicator.unit() == Unit::Money, "{indicator}");
    }
}

#[test]
fn counting_back_ends_where_nothing_is_left() {
    let window = window("2026-06-15", 3, "2025-01-01");
    let owed = |minor: i64| {
        let mut sums = Sums::default();
        sums.add_open(&part(ItemKind::Invoice, minor, "2026-06-01", "2026-07-01"), window.on).unwrap();
        sums
    };
    let invoiced = |mut sums: Sums, months: &[(&str, i64)]| {
        for (period, minor) in months {
            sums.add_turnover(month(period), *minor).unwrap();
        }
        of(Indicator::DsoCountBack, &sums, &window)
    };
    assert_eq!(invoiced(owed(1_000), &[]), Err(Reason::BeyondWindow), "something is owed, nothing invoiced");
    assert_eq!(invoiced(owed(0), &[("2026-05", 700)]), Ok("0.0".to_owned()), "all that was invoiced is paid");
    assert_eq!(invoiced(owed(700), &[("2026-06", 700)]), Ok("15.0".to_owned()), "the month to its end");
    let all = [("2026-06", 300), ("2026-05", 300), ("2026-04", 100)];
    assert_eq!(invoiced(owed(700), &all), Ok("76.0".to_owned()), "the window to its end");
    assert_eq!(invoiced(owed(701), &all), Err(Reason::BeyondWindow));
}

#[test]
fn sums_are_empty_until_something_counts() {
    let mut sums = Sums::default();
    assert!(sums.is_empty());
    sums.add_turnover(month("2026-06"), 1).unwrap();
    assert!(!sums.is_empty());
}

#[test]
fn ninety_days_late_are_not_more_than_ninety() {
    let (on, mut sums) = (day("2026-06-15"), Sums::default());
    sums.add_open(&part(ItemKind::Invoice, 700, "2026-02-01", "2026-03-17"), on).unwrap();
    assert_eq!((sums.overdue_minor, sums.over_90_minor), (700, 0));
    sums.add_open(&part(ItemKind::Invoice, 300, "2026-02-01", "2026-03-16"), on).unwrap();
    assert_eq!((sums.overdue_minor, sums.over_90_minor), (1_000, 300));
}

#[test]
fn what_a_refused_buyer_owes_uses_no_limit() {
    let mut sums = Sums::default();
    sums.add_open(&part(ItemKind::Invoice, 900, "2026-06-01", "2026-07-01"), day("2026-06-15")).unwrap();
    sums.add_cover(&[stake(0, Some(0), None)]).unwrap();
    assert_eq!((sums.owed_minor, sums.limits_minor, sums.limited_owed_minor), (900, 0, 0));
}

fn item() -> impl Strategy<Value = (u8, ItemKind, i64, u64, u64)> {
    (0_u8..4, prop::sample::select(ItemKind::ALL), 0_i64..10_000_000, 0_u64..300, 0_u64..120)
}

/// The sums of each buyer, from items given in any order.
fn by_buyer(items: &[(u8, ItemKind, i64, u64, u64)], window: &Window) -> Vec<Sums> {
    let mut buyers = vec![Sums::default(); 4];
    for (buyer, kind, open_minor, back, terms) in items {
        let issued = window.on - chrono::Days::new(*back);
        let original_due = issued + chrono::Days::new(*terms);
        let own = &mut buyers[usize::from(*buyer)];
        let part =
            OpenPart { kind: *kind, open_minor: *open_minor, issued, original_due, due_estimated: false };
        own.add_open(&part, window.on).unwrap();
        if *kind == ItemKind::Invoice && window.contains(issued) {
            own.add_turnover(Period::of(issued), *open_minor).unwrap();
        }
        own.add_settled(*open_minor, original_due, Some(window.on), window).unwrap();
    }
    for (index, own) in buyers.iter_mut().enumerate() {
        own.add_cover(&[stake(3_000_000 * index as i64, Some(5_000_000), Some((10, 7)))]).unwrap();
    }
    buyers
}

proptest! {
    #[test]
    fn the_company_is_the_sum_of_its_buyers_whatever_the_order(
        (items, shuffled) in prop::collection::vec(item(), 0..40)
            .prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
    ) {
        let window = window("2026-06-15", 12, "2020-01-01");
        let buyers = by_buyer(&items, &window);
        prop_assert_eq!(&buyers, &by_buyer(&shuffled, &window));
        let mut company = Sums::default();
        for own in &buyers {
            company.join(own).unwrap();
        }
        let mut other = Sums::default();
        for own in buyers.iter().rev() {
            other.join(own).unwrap();
        }
        prop_assert_eq!(&company, &other);
        let whole = figures(&company, &window, CoverKnown::Today).unwrap();
        let parts: Vec<_> =
            buyers.iter().map(|own| figures(own, &window, CoverKnown::Today).unwrap()).collect();
        for (place, figure) in whole.iter().enumerate().filter(|(_, figure)| figure.indicator.is_additive()) {
            let minor = |figure: &Figure| match figure.value {
                Ok(Value::Money(minor)) => minor,
                other => panic!("{}: {other:?}", figure.indicator),
            };
            prop_assert_eq!(minor(figure), parts.iter().map(|own| minor(&own[place])).sum::<i64>());
        }
        for figure in &whole {
            if let (Ok(Value::Decimal(percent)), Indicator::OverdueRate | Indicator::UnpaidRate | Indicator::CoveredShare) =
                (figure.value, figure.indicator)
            {
                prop_assert!((Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&percent));
            }
        }
    }

    #[test]
    fn more_turnover_never_makes_dso_longer(owed in 1_i64..1_000_000, months in prop::collection::vec(1_i64..200_000, 12), more in 0_usize..12) {
        let window = window("2026-06-15", 12, "2020-01-01");
        let make = |months: &[i64]| {
            let mut sums = Sums { invoices_minor: owed, ..Sums::default() };
            for ((period, _), minor) in window.back().zip(months) {
                sums.add_turnover(period, *minor).unwrap();
            }
            count_back(&sums, &window).unwrap()
        };
        let mut higher = months.clone();
        higher[more] += 50_000;
        if let (Ok(Value::Decimal(before)), Ok(Value::Decimal(after))) = (make(&months), make(&higher)) {
            prop_assert!(after <= before, "{before} became {after}");
        }
    }
}

#[test]
fn the_next_deadline_is_the_nearest_of_all_insurers_and_buyers() {
    let window = window("2026-06-15", 12, "2025-01-01");
    let next = |days: &[Option<&str>]| {
        let mut whole = Sums::default();
        for due in days {
            let mut buyer = Sums::default();
            let stakes =
                [Stake { next_deadline: due.map(day), ..stake(0, None, None) }, stake(0, None, None)];
            buyer.add_cover(&stakes).unwrap();
            whole.join(&buyer).unwrap();
        }
        of(Indicator::NextDeadline, &whole, &window)
    };
    assert_eq!(next(&[]), Err(Reason::NoDeadline));
    assert_eq!(next(&[None, Some("2026-07-01"), Some("2026-06-20"), None]), Ok("5".to_owned()));
    assert_eq!(next(&[Some("2026-06-15")]), Ok("0".to_owned()), "today is the last day");
    let all = figures(&Sums::default(), &window, CoverKnown::NotThen).unwrap();
    let then = all.iter().find(|figure| figure.indicator == Indicator::NextDeadline).unwrap();
    assert_eq!(then.value, Err(Reason::CoverNotKept));
}
