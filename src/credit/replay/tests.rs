//! The worked example of docs/policies.md, and what holds of every history.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::credit::LimitVersion;
use crate::model::{
    ClaimFrom, ClaimRule, Decision, Fees, ItemKind, Layer, LayerKind, NoticeFrom, NoticeRule, StopLifts,
    StopRule, Threshold, ThresholdPer,
};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn invoice(number: &'static str, euros: i64, issued: &str, due: &str) -> OpenItem<'static> {
    OpenItem {
        connection: "erp",
        id: number,
        number,
        kind: ItemKind::Invoice,
        currency: Currency::EUR,
        open_minor: euros * 100,
        net_minor: None,
        issued: day(issued),
        original_due: day(due),
        disputed: false,
    }
}

fn held(item: OpenItem<'static>, paid: Option<&str>) -> Held<'static> {
    Held { item, from: item.issued, until: paid.map(day) }
}

fn limit(from: &str, euros: i64) -> LimitVersion {
    LimitVersion {
        from: day(from),
        decision: Decision::Approved,
        layers: vec![Layer { kind: LayerKind::Permanent, amount_minor: euros * 100, until: None }],
        effective_to: None,
        withdrawal_on: None,
    }
}

fn example() -> History<'static> {
    History {
        experience: None,
        buyer: "siren:404833048",
        country: "FR",
        items: vec![
            held(invoice("F1", 60_000, "2026-02-05", "2026-04-05"), Some("2026-05-20")),
            held(invoice("F2", 50_000, "2026-03-01", "2026-05-30"), Some("2026-06-10")),
            held(invoice("F3", 20_000, "2026-05-10", "2026-07-09"), None),
        ],
        limits: LimitHistory::new(vec![limit("2026-01-01", 100_000)]).unwrap(),
        lifts: Vec::new(),
        notified: BTreeMap::from([("F1".to_owned(), Some(day("2026-05-20")))]),
        requests: vec![(day("2026-01-03"), Action::New)],
    }
}

fn in_force() -> Policy {
    let none = Threshold { minor: 0, per: ThresholdPer::Invoice };
    Policy {
        mep_days: Some(60),
        cover_stop: Some(StopRule { threshold_minor: 50_000, lifts: StopLifts::Payment }),
        notices: Some(NoticeRule { from: NoticeFrom::ExtensionEnd, days: 30, threshold: none }),
        claims: Some(ClaimRule { from: ClaimFrom::Due, days: 10, threshold: none }),
        fees: Fees { request_minor: 2_500, monitoring_minor: 3_650, ..Fees::default() },
        ..Policy::plain("insurer", "0042", Currency::EUR, day("2026-01-01"), Decimal::from(90))
    }
}

fn draft() -> Policy {
    let none = Threshold { minor: 0, per: ThresholdPer::Invoice };
    Policy {
        maximum_terms_days: Some(60),
        mep_days: Some(30),
        insured_percentage: Decimal::from(85),
        notices: Some(NoticeRule { from: NoticeFrom::Due, days: 40, threshold: none }),
        fees: Fees { request_minor: 4_000, monitoring_minor: 7_300, ..Fees::default() },
        ..in_force()
    }
}

fn window() -> Window {
    Window { from: day("2026-01-01"), to: day("2026-06-30") }
}

#[test]
fn example_a_shorter_extension_period_and_shorter_terms() {
    let (old, new) = (in_force(), draft());
    let found = replay(&example(), [&[&old], &[&new]], window()).unwrap();
    let mut totals = Totals::default();
    totals.add(&found).unwrap();
    let [left, right] = totals.sums(window()).unwrap();

    // 10 000 for 70 days and 30 000 for 10, of 181; 50 000 for 101 days and 20 000 for 10.
    assert_eq!((left.average.uninsured_minor, right.average.uninsured_minor), (552_486, 2_900_552));
    assert_eq!((left.peak.uninsured_minor, right.peak.uninsured_minor), (3_000_000, 7_000_000));
    assert_eq!((left.peak_on, right.peak_on), (Some(day("2026-05-10")), Some(day("2026-05-10"))));
    // 11 330 000 covered euro-days at 90 %, 7 080 000 at 85 %.
    assert_eq!((left.average.covered_minor, right.average.covered_minor), (6_259_669, 3_911_602));
    assert_eq!((left.average.indemnity_minor, right.average.indemnity_minor), (5_633_702, 3_324_862));
    // F1 stops cover on 5 May, until it is paid; F3 is of 10 May.
    assert_eq!((left.peak.stopped_minor, right.peak.stopped_minor), (0, 2_000_000));

    let [old, new] = totals.counts;
    assert_eq!((old.stops, new.stops), (0, 1));
    assert_eq!((old.notices, old.missed, old.missed_minor), (0, 0, 0), "F1 would be notified by 4 July");
    assert_eq!(
        (new.notices, new.missed, new.missed_minor),
        (1, 1, 6_000_000),
        "made on 20 May, owed by the 15th"
    );
    assert_eq!((old.claims, old.claims_minor, old.lost_minor), (2, 11_000_000, 0));
    assert_eq!(
        (new.claims, new.claims_minor, new.lost_minor),
        (2, 11_000_000, 5_000_000),
        "F2 is not covered"
    );
    assert_eq!((old.fees_minor().unwrap(), new.fees_minor().unwrap()), (2_500 + 1_810, 4_000 + 3_620));
    assert_eq!((old.requests, old.changes), (1, 0));

    assert_eq!(found.main_reason(), Some(Why::Cover(Reason::TermsTooLong)));
    assert_eq!(found.uninsured_days, 4_250_000 * 100, "the difference of both");
    let months = totals.months(window()).unwrap();
    let may = months[4];
    assert_eq!((months.len(), may.window.from, may.window.to), (6, day("2026-05-01"), day("2026-05-31")));
    assert_eq!((may.sums[0].peak.uninsured_minor, may.sums[1].peak.uninsured_minor), (3_000_000, 7_000_000));
    assert_eq!(months[0].sums[0], Sums { peak_on: Some(day("2026-01-01")), ..Sums::default() });
}

#[test]
fn a_notice_counts_on_the_day_on_which_it_was_made() {
    let policy = draft();
    let missed = |made: Option<Option<&str>>| {
        let notified = made.map(|on| ("F1".to_owned(), on.map(day))).into_iter().collect();
        let found = replay(&History { notified, ..example() }, [&[&policy], &[&policy]], window()).unwrap();
        found.sides[0].counts.missed
    };
    assert_eq!(missed(Some(Some("2026-05-15"))), 0, "the last day is in time");
    assert_eq!(missed(Some(Some("2026-05-16"))), 1);
    assert_eq!(missed(Some(None)), 0, "somebody said it was done, and no day");
    assert_eq!(missed(None), 1);
}

#[test]
fn a_stop_that_began_before_the_window_goes_on_in_it() {
    let policy = draft();
    let window = Window { from: day("2026-05-12"), to: day("2026-05-19") };
    let found = replay(&example(), [&[&policy], &[&policy]], window).unwrap();
    let [side, _] = &found.sides;
    assert_eq!((side.counts.stops, side.days.len()), (0, 1));
    assert_eq!((side.days[0].0, side.days[0].1.stopped_minor), (window.from, 2_000_000));
}

#[test]
fn the_insurers_word_ends_a_stop_that_stays() {
    let stays =
        Policy { cover_stop: Some(StopRule { threshold_minor: 0, lifts: StopLifts::Stays }), ..draft() };
    let stopped = |lifts: Vec<Lift>| {
        let found = replay(&History { lifts, ..example() }, [&[&stays], &[&stays]], window()).unwrap();
        found.sides[0].days.last().unwrap().1.stopped_minor
    };
    assert_eq!(stopped(Vec::new()), 2_000_000, "payment does not end it");
    let lift = Lift { on: day("2026-06-01"), from: day("2026-05-08"), why: crate::credit::Lifted::Person };
    assert_eq!(stopped(vec![lift]), 0);
}

#[test]
fn a_percentage_alone_is_its_own_reason() {
    let (old, new) = (in_force(), Policy { insured_percentage: Decimal::from(80), ..in_force() });
    let found = replay(&example(), [&[&old], &[&new]], window()).unwrap();
    assert_eq!((found.main_reason(), found.uninsured_days), (Some(Why::Percentage), 0));
    // 11 330 000 covered euro-days, 10 % of which are not paid any more.
    assert_eq!(found.indemnity_days, -113_300_000);
    assert_eq!(found.why, BTreeMap::from([(Why::Percentage, 113_300_000)]));
}

#[test]
fn only_the_days_of_the_window_are_compared_its_first_one_too() {
    let (old, new) = (in_force(), Policy { insured_percentage: Decimal::from(80), ..in_force() });
    let window = Window { from: day("2026-02-10"), to: day("2026-02-16") };
    let found = replay(&example(), [&[&old], &[&new]], window).unwrap();
    // F1 is covered since 5 February: 10 % of 60 000.00 less, on seven days.
    assert_eq!(found.indemnity_days, -600_000 * 7);
}

#[test]
fn each_reason_makes_its_part_of_the_difference() {
    let (old, new) = (in_force(), draft());
    let forth = replay(&example(), [&[&old], &[&new]], window()).unwrap();
    // F2 has too long terms under the draft, and is covered but for 10 000 beyond the limit while F1 is open, for 80 days.
    let terms = (4_000_000 * 80 + 5_000_000 * 21, Why::Cover(Reason::TermsTooLong));
    // F1 alone for 24 days and F3 alone for 21 are covered alike, at 85 % instead of 90.
    let percentage = (300_000 * 24 + 100_000 * 21, Why::Percentage);
    assert_eq!(sorted(&forth), [percentage, terms]);
    let back = replay(&example(), [&[&new], &[&old]], window()).unwrap();
    assert_eq!(sorted(&back), [(-terms.0, terms.1), (-percentage.0, percentage.1)], "the other way round");
    assert_eq!((back.uninsured_days, back.indemnity_days), (-forth.uninsured_days, -forth.indemnity_days));
    assert_eq!((forth.main_reason(), back.main_reason()), (Some(terms.1), Some(terms.1)));
    assert_eq!((terms.1.as_str(), Why::Percentage.as_str()), ("terms_too_long", "insured_percentage"));
}

/// What each reason makes, the least first.
fn sorted(found: &Replayed) -> Vec<(i128, Why)> {
    let mut all: Vec<(i128, Why)> = found.why.iter().map(|(why, minor)| (*minor, *why)).collect();
    all.sort_unstable();
    all
}

#[test]
fn an_item_is_open_between_its_days_where_something_is_left_of_it() {
    let late = Held {
        from: day("2026-02-10"),
        ..held(invoice("F1", 10, "2026-02-05", "2026-03-07"), Some("2026-03-01"))
    };
    let early = Held { from: day("2026-02-01"), ..held(invoice("F2", 10, "2026-02-05", "2026-03-07"), None) };
    let nothing = held(invoice("F3", 0, "2026-02-05", "2026-03-07"), None);
    let history = History { items: vec![late, early, nothing], ..example() };
    let open = |on: &str| -> Vec<&str> { history.open_on(day(on)).iter().map(|item| item.id).collect() };
    assert_eq!(open("2026-02-04"), Vec::<&str>::new(), "known, and not invoiced yet");
    assert_eq!(open("2026-02-05"), ["F2"]);
    assert_eq!(open("2026-02-10"), ["F1", "F2"]);
    assert_eq!(open("2026-02-28"), ["F1", "F2"]);
    assert_eq!(open("2026-03-01"), ["F2"], "at the end of the day it is paid");
}

#[test]
fn between_and_beyond_periods_the_one_before_counts() {
    let of = |from: &str, to: &str| Policy { valid_from: day(from), valid_to: Some(day(to)), ..in_force() };
    let periods =
        [of("2026-04-01", "2026-05-31"), of("2026-01-01", "2026-02-28"), of("2026-02-10", "2026-02-20")];
    let all: Vec<&Policy> = periods.iter().collect();
    let history = example();
    let run = Run::new(&history, &all, window());
    let from = |on: &str| run.policy_on(day(on)).unwrap().valid_from.to_string();
    assert_eq!(from("2025-12-31"), "2026-01-01", "before all of them the first");
    assert_eq!(from("2026-02-28"), "2026-01-01");
    assert_eq!(from("2026-03-31"), "2026-02-10", "the last that had begun");
    assert_eq!((from("2026-04-01"), from("2026-06-30")), ("2026-04-01".to_owned(), "2026-04-01".to_owned()));
    assert!(Run::new(&history, &[], window()).policy_on(day("2026-01-01")).is_none());
}

#[test]
fn fees_are_of_requests_within_the_window_and_of_limits_held() {
    let fees = Fees { request_minor: 2_500, change_minor: 1_000, monitoring_minor: 365, ..Fees::default() };
    let policy = Policy { fees, ..in_force() };
    let refused = LimitVersion { decision: Decision::Refused, layers: Vec::new(), ..limit("2026-06-21", 0) };
    let requests = [
        ("2025-12-31", Action::New),
        ("2026-01-01", Action::New),
        ("2026-02-01", Action::Increase),
        ("2026-03-01", Action::Reduce),
        ("2026-04-01", Action::Supersede),
        ("2026-05-01", Action::Cancel),
        ("2026-06-30", Action::Increase),
        ("2026-07-01", Action::Increase),
    ];
    let history = History {
        limits: LimitHistory::new(vec![limit("2026-01-11", 100_000), refused]).unwrap(),
        requests: requests.map(|(on, action)| (day(on), action)).to_vec(),
        ..example()
    };
    let found = replay(&history, [&[&policy], &[&policy]], window()).unwrap();
    let mut totals = Totals::default();
    totals.add(&found).unwrap();
    totals.add(&found).unwrap();
    let [counts, _] = totals.counts;
    assert_eq!((counts.requests, counts.changes), (2 * 2, 2 * 3));
    assert_eq!(counts.requests_minor, 2 * (2 * 2_500 + 3 * 1_000));
    // Held from 11 January to 20 June, 161 of the 181 days.
    assert_eq!(counts.monitoring_day_minor, 2 * 161 * 365);
    assert_eq!(counts.fees_minor(), Ok(2 * (8_000 + 161)));
    let free = Policy { fees: Fees { monitoring_minor: 0, ..policy.fees.clone() }, ..policy };
    let found = replay(&history, [&[&free], &[&free]], window()).unwrap();
    assert_eq!(found.sides[0].counts.monitoring_day_minor, 0);
}

#[test]
fn buyers_add_up_in_every_count() {
    let counts = Counts {
        notices: 2,
        missed: 3,
        missed_minor: 5,
        claims: 7,
        claims_minor: 11,
        lost_minor: 13,
        stops: 17,
        requests: 19,
        changes: 23,
        requests_minor: 29,
        monitoring_day_minor: 31,
    };
    let side = |counts| Side { days: Vec::new(), counts };
    let replayed = Replayed { sides: [side(counts), side(Counts::default())], ..Replayed::default() };
    let mut totals = Totals::default();
    totals.add(&replayed).unwrap();
    assert_eq!(totals.counts, [counts, Counts::default()]);
    totals.add(&replayed).unwrap();
    let twice = Counts {
        notices: 4,
        missed: 6,
        missed_minor: 10,
        claims: 14,
        claims_minor: 22,
        lost_minor: 26,
        stops: 34,
        requests: 38,
        changes: 46,
        requests_minor: 58,
        monitoring_day_minor: 62,
    };
    assert_eq!(totals.counts, [twice, Counts::default()]);
}

#[test]
fn the_peak_is_of_the_first_day_that_reached_it() {
    let figures = |outstanding_minor, uninsured_minor| Figures {
        outstanding_minor,
        uninsured_minor,
        ..Figures::default()
    };
    let days = vec![
        (day("2025-12-31"), figures(9, 9)),
        (day("2026-01-01"), figures(1, 1)),
        (day("2026-02-01"), figures(20, 7)),
        (day("2026-03-01"), figures(30, 7)),
        (day("2026-04-01"), figures(10, 3)),
        (day("2026-07-01"), figures(90, 90)),
    ];
    let side = Side { days, counts: Counts::default() };
    let mut totals = Totals::default();
    totals.add(&Replayed { sides: [side, Side::default()], ..Replayed::default() }).unwrap();
    let [sums, nothing] = totals.sums(window()).unwrap();
    assert_eq!((sums.peak_on, sums.peak), (Some(day("2026-02-01")), figures(30, 7)));
    // 31 days of 1, 28 of 20, 31 of 30 and 91 of 10 are 2 431 over 181 days; 31 of 1, 59 of 7 and 91 of 3 are 717.
    assert_eq!(sums.average, figures(13, 4));
    assert_eq!(nothing, Sums { peak_on: Some(window().from), ..Sums::default() });
    let months = totals.months(Window { from: day("2026-01-20"), to: day("2026-03-10") }).unwrap();
    let told: Vec<_> = months
        .iter()
        .map(|month| {
            (month.window.from.to_string(), month.window.to.to_string(), month.sums[0].peak.outstanding_minor)
        })
        .collect();
    let month = |from: &str, to: &str, peak| (from.to_owned(), to.to_owned(), peak);
    assert_eq!(
        told,
        [
            month("2026-01-20", "2026-01-31", 1),
            month("2026-02-01", "2026-02-28", 20),
            month("2026-03-01", "2026-03-10", 30)
        ]
    );
}

#[test]
fn averages_round_half_to_even() {
    let of = |minor, days| average(minor, days).unwrap();
    assert_eq!((of(5, 2), of(7, 2), of(-5, 2), of(-7, 2)), (2, 4, -2, -4));
    assert_eq!((of(10, 3), of(11, 3), of(-11, 3)), (3, 4, -4));
    assert!(average(i128::MAX / 4, 1).is_err());
}

const NUMBERS: [&str; 6] = ["F1", "F2", "F3", "F4", "F5", "F6"];

prop_compose! {
    fn versions()(
        issued in 0_i64..120, terms in 0_i64..100, read in 0_i64..10, euros in 1_i64..500, kind in 0..8,
        lives in 1_i64..120, disputed in any::<bool>(), paid in any::<bool>(), part in 1_i64..120,
    ) -> (Date, Date, [(Date, Option<Date>, i64); 2], ItemKind, bool) {
        let start = day("2026-01-01");
        let after = |from: Date, days: i64| from + chrono::TimeDelta::days(days);
        let issued = after(start, issued);
        let from = after(issued, read);
        let middle = after(from, part.min(lives));
        let end = paid.then(|| after(middle, lives));
        let kind = if kind == 0 { ItemKind::CreditNote } else { ItemKind::Invoice };
        let open = [(from, Some(middle), euros * 100), (middle, end, euros * 50)];
        (issued, after(issued, terms), open, kind, disputed && paid)
    }
}

prop_compose! {
    fn history()(
        items in prop::collection::vec(versions(), 0..6), limits in prop::collection::vec((0_i64..150, 0_i64..600), 0..3),
        lift in prop::option::of(30_i64..200), notified in prop::option::of(0_i64..200),
    ) -> History<'static> {
        let start = day("2026-01-01");
        let after = |days: i64| start + chrono::TimeDelta::days(days);
        let items = items.into_iter().zip(NUMBERS).flat_map(|((issued, due, open, kind, disputed), number)| {
            open.map(|(from, until, open_minor)| Held {
                item: OpenItem {
                    kind, issued, original_due: due, disputed, open_minor,
                    ..invoice(number, 1, "2026-01-01", "2026-01-01")
                },
                from,
                until,
            })
        });
        let limits = limits.into_iter().map(|(from, euros)| limit(&after(from).to_string(), euros)).collect();
        History {
            items: items.collect(),
            limits: LimitHistory::new(limits).unwrap(),
            lifts: lift.map(|on| Lift { on: after(on), from: after(on - 20), why: crate::credit::Lifted::Person }).into_iter().collect(),
            notified: notified.map(|on| ("F1".to_owned(), Some(after(on)))).into_iter().collect(),
            requests: vec![(after(10), Action::New), (after(60), Action::Increase)],
            ..example()
        }
    }
}

prop_compose! {
    fn policy()(
        terms in prop::option::of(10_i64..90), mep in prop::option::of(1_i64..60), stays in any::<bool>(), percent in 50_u32..100,
        notice in 1_i64..60, claim in 1_i64..60, own in 0_i64..100, from in 0_i64..60, last in prop::option::of(60_i64..200),
        per_buyer in any::<bool>(),
    ) -> Policy {
        let start = day("2026-01-01");
        let per = if per_buyer { ThresholdPer::Buyer } else { ThresholdPer::Invoice };
        let threshold = Threshold { minor: 10_000, per };
        Policy {
            maximum_terms_days: terms,
            mep_days: mep,
            cover_stop: mep.map(|_| StopRule {
                threshold_minor: 5_000,
                lifts: if stays { StopLifts::Stays } else { StopLifts::Payment },
            }),
            notices: Some(NoticeRule { from: NoticeFrom::Due, days: notice, threshold }),
            claims: Some(ClaimRule { from: ClaimFrom::Notice, days: claim, threshold }),
            insured_percentage: percent.into(),
            discretionary_minor: own * 100,
            valid_from: start + chrono::TimeDelta::days(from),
            valid_to: last.map(|days| start + chrono::TimeDelta::days(days)),
            ..in_force()
        }
    }
}

proptest! {
    #[test]
    fn a_policy_beside_itself_shows_no_difference(history in history(), policy in policy()) {
        let found = replay(&history, [&[&policy], &[&policy.clone()]], window()).unwrap();
        prop_assert_eq!(&found.sides[0], &found.sides[1]);
        prop_assert_eq!((found.uninsured_days, found.indemnity_days, found.why.len()), (0, 0, 0));
    }

    #[test]
    fn the_days_that_matter_give_what_every_day_gives(history in history(), old in policy(), new in policy()) {
        let policies: [&[&Policy]; 2] = [&[&old], &[&new]];
        let first = history.items.iter().map(|held| held.from).min().unwrap_or(window().from).min(window().from);
        let every = Window { from: first, ..window() }.days().collect();
        prop_assert_eq!(
            replay(&history, policies, window()).unwrap(),
            replay_on(&history, policies, window(), &every).unwrap()
        );
    }

    #[test]
    fn averages_of_the_totals_are_those_of_the_days(history in history(), old in policy(), new in policy()) {
        let found = replay(&history, [&[&old], &[&new]], window()).unwrap();
        let mut totals = Totals::default();
        totals.add(&found).unwrap();
        totals.add(&found).unwrap();
        let sums = totals.sums(window()).unwrap();
        for (sums, side) in sums.iter().zip(&found.sides) {
            let on = |day: Date| side.days.iter().rfind(|(from, _)| *from <= day).unwrap().1.uninsured_minor;
            let all: i128 = window().days().map(|day| i128::from(2 * on(day))).sum();
            prop_assert_eq!(sums.average.uninsured_minor, average(all, window().count()).unwrap());
            prop_assert_eq!(sums.peak.uninsured_minor, window().days().map(|day| 2 * on(day)).max().unwrap());
        }
        let difference = found.uninsured_days * 2;
        let [left, right] = sums;
        let gap = average(difference, window().count()).unwrap() - (right.average.uninsured_minor - left.average.uninsured_minor);
        prop_assert!(gap.abs() <= 1, "each is rounded once: {gap}");
    }
}
