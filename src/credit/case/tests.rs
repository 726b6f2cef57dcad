//! Cases by example: what comes out of one, what planning is told of it, and which clauses it hangs on.

use rust_decimal::Decimal;

use super::*;
use crate::credit::Lifted;
use crate::model::{
    Automation, AutomationRule, Layer, LayerKind, NoticeFrom, NoticeRule, RequestRule, StopLifts, StopRule,
    Threshold, ThresholdPer,
};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn invoice(number: &str, euros: i64, issued: &str, due: &str) -> CaseItem {
    CaseItem {
        number: number.to_owned(),
        kind: ItemKind::Invoice,
        currency: Currency::EUR,
        open_minor: euros * 100,
        tax_minor: None,
        issued: day(issued),
        due: day(due),
        disputed: false,
        paid_on: None,
    }
}

fn paid(item: CaseItem, on: &str) -> CaseItem {
    CaseItem { paid_on: Some(day(on)), ..item }
}

fn limit(from: &str, decision: Decision, euros: i64) -> LimitVersion {
    let layers = vec![Layer { kind: LayerKind::Permanent, amount_minor: euros * 100, until: None }];
    LimitVersion { from: day(from), decision, layers, effective_to: None, withdrawal_on: None }
}

fn case(on: &str, items: Vec<CaseItem>, limits: Vec<LimitVersion>) -> Case {
    Case {
        name: "an example".to_owned(),
        on: day(on),
        buyer: "siren:404833048".to_owned(),
        country: "FR".to_owned(),
        rating: String::new(),
        limits,
        items,
        backlog_minor: 0,
        expected: Expected::default(),
    }
}

fn policy() -> Policy {
    let threshold = Threshold { minor: 0, per: ThresholdPer::Invoice };
    Policy {
        mep_days: Some(60),
        cover_stop: Some(StopRule { threshold_minor: 50_000, lifts: StopLifts::Payment }),
        notices: Some(NoticeRule { from: NoticeFrom::ExtensionEnd, days: 30, threshold }),
        requests: Some(RequestRule {
            headroom_percent: Decimal::from(10),
            step_minor: 500_000,
            peak_days: 20,
            slack_percent: Decimal::from(50),
            slack_days: 60,
            cool_off_days: 90,
            idle_days: 365,
            automatic_max_minor: None,
            expires_days: 30,
        }),
        ..Policy::plain("insurer", "P1", Currency::EUR, day("2026-01-01"), Decimal::from(90))
    }
}

/// Two invoices, of which the second is beyond the limit by 10 000.
fn beyond() -> Case {
    let items = vec![
        invoice("F2", 50_000, "2026-03-01", "2026-03-31"),
        invoice("F1", 60_000, "2026-02-05", "2026-03-07"),
    ];
    case("2026-03-20", items, vec![limit("2026-01-01", Decision::Approved, 100_000)])
}

fn deadline(kind: DeadlineKind, number: &str, last_day: &str, state: Option<DeadlineState>) -> CaseDeadline {
    CaseDeadline { kind, number: number.to_owned(), last_day: day(last_day), state }
}

fn of_beyond() -> Vec<CaseDeadline> {
    vec![
        deadline(DeadlineKind::CoverStop, "F1", "2026-05-06", Some(DeadlineState::Upcoming)),
        deadline(DeadlineKind::OverdueNotice, "F1", "2026-06-05", Some(DeadlineState::Upcoming)),
    ]
}

/// Everything that a case can expect, as it comes out of [`beyond`].
fn as_it_is() -> Expected {
    let line = |number: &str, euros: i64, reason| ExpectedInvoice {
        number: number.to_owned(),
        covered_minor: Some(euros * 100),
        reason: Some(reason),
        limit_minor: Some(10_000_000),
    };
    Expected {
        invoices: vec![line("F1", 60_000, Reason::Covered), line("F2", 40_000, Reason::LimitUsed)],
        covered_minor: Some(10_000_000),
        uninsured_minor: Some(1_000_000),
        indemnity_minor: Some(9_000_000),
        limit_minor: Some(10_000_000),
        stopped_since: Some(None),
        deadlines: Some(of_beyond()),
        plan: Some(Some(ExpectedPlan {
            action: Action::Increase,
            amount_minor: Some(12_500_000),
            fee_minor: Some(0),
            by_person: Some(true),
        })),
    }
}

/// What differs, as `what: expected / got`.
fn told(case: &Case, expected: &Expected, periods: &[Policy]) -> Vec<String> {
    let differences = expected.differences(case.run(periods).unwrap().as_ref(), periods);
    differences.iter().map(|one| format!("{}: {} / {}", one.what, one.expected, one.got)).collect()
}

// ------------------------------------------------------------------------------------------------- the days of a case

#[test]
fn something_may_change_on_each_date_and_extension_end_up_to_the_day() {
    let mut case = beyond();
    case.items = vec![
        paid(invoice("F1", 1, "2026-01-05", "2026-01-10"), "2026-03-12"),
        invoice("F2", 1, "2026-02-05", "2026-03-07"),
        paid(invoice("F3", 1, "2026-03-20", "2026-04-19"), "2026-03-21"),
        invoice("F4", 1, "2025-12-31", "2026-01-05"), // in no period: nothing says when its extension ends
    ];
    let days =
        |periods: &[&Policy]| -> Vec<String> { case.days(periods).iter().map(ToString::to_string).collect() };
    let dates = ["2025-12-31", "2026-01-05", "2026-02-05", "2026-03-12", "2026-03-20"];
    assert_eq!(days(&[]), dates);
    let with_end = ["2025-12-31", "2026-01-05", "2026-02-05", "2026-03-11", "2026-03-12", "2026-03-20"];
    assert_eq!(days(&[&policy()]), with_end, "10 January + 60 days; 7 March + 60 is still to come");
    let empty = Case { items: Vec::new(), ..case.clone() };
    assert_eq!(empty.days(&[&policy()]), BTreeSet::from([day("2026-03-20")]));
}

#[test]
fn an_item_is_open_from_its_date_to_the_day_before_it_was_paid() {
    let items = vec![
        paid(invoice("F1", 100, "2026-02-05", "2026-03-07"), "2026-03-10"),
        CaseItem { tax_minor: Some(2_000), disputed: true, ..invoice("F2", 120, "2026-03-01", "2026-03-31") },
    ];
    let case = case("2026-03-20", items, Vec::new());
    let open = |on: &str| -> Vec<&str> { case.open_on(day(on)).iter().map(|item| item.number).collect() };
    assert_eq!(open("2026-02-04"), Vec::<&str>::new());
    assert_eq!(open("2026-02-05"), ["F1"]);
    assert_eq!(open("2026-03-01"), ["F1", "F2"]);
    assert_eq!(open("2026-03-09"), ["F1", "F2"]);
    assert_eq!(open("2026-03-10"), ["F2"], "what is paid on the day is not open at its end");
    assert_eq!(open("2026-03-11"), ["F2"]);
    let as_item = OpenItem {
        connection: "",
        id: "F2",
        number: "F2",
        kind: ItemKind::Invoice,
        currency: Currency::EUR,
        open_minor: 12_000,
        net_minor: Some(10_000),
        issued: day("2026-03-01"),
        original_due: day("2026-03-31"),
        disputed: true,
    };
    assert_eq!(case.open_on(day("2026-03-20")), [as_item]);
}

#[test]
fn what_is_owed_is_in_the_currency_and_on_the_basis_of_the_policy() {
    let usd = Currency::parse("USD").unwrap();
    let items = vec![
        CaseItem { currency: usd, ..invoice("F0", 7, "2026-01-05", "2026-02-04") },
        CaseItem { tax_minor: Some(20_000), ..invoice("F1", 1_200, "2026-01-05", "2026-02-04") },
        CaseItem { kind: ItemKind::Receipt, ..invoice("R1", 600, "2026-01-06", "2026-01-06") },
    ];
    let case = case("2026-03-20", items, Vec::new());
    let net = Policy { basis: Basis::Net, ..policy() };
    let dollars = Policy { currency: usd, ..policy() };
    let pounds = Policy { currency: Currency::parse("GBP").unwrap(), ..policy() };
    let owed = |on: &str, policy: &Policy| case.owed_on(day(on), policy).unwrap();
    assert_eq!(owed("2026-01-05", &policy()), 120_000);
    assert_eq!(owed("2026-03-20", &policy()), 60_000);
    assert_eq!(owed("2026-03-20", &net), 50_000, "the receipt takes its part of the tax with it");
    assert_eq!(owed("2026-03-20", &dollars), 700);
    assert_eq!(owed("2026-03-20", &pounds), 0);
}

#[test]
fn the_buyers_experience_is_its_invoices_and_its_rating_where_it_has_one() {
    let f1 = CaseItem { tax_minor: Some(2_000), ..invoice("F1", 120, "2026-01-05", "2026-02-04") };
    let f2 = CaseItem { disputed: true, ..invoice("F2", 50, "2026-02-05", "2026-03-07") };
    let credit = CaseItem { kind: ItemKind::CreditNote, ..invoice("A1", 30, "2026-02-06", "2026-02-06") };
    let mut case = case("2026-03-20", vec![paid(f1, "2026-02-10"), credit, f2], Vec::new());
    let invoiced = |number: &str, minor, net_minor, issued: &str, due: &str, paid: Option<&str>| Invoiced {
        number: number.to_owned(),
        currency: Currency::EUR,
        minor,
        net_minor,
        issued: day(issued),
        due: day(due),
        paid_on: paid.map(day),
        disputed: paid.is_none(),
    };
    let invoices = vec![
        invoiced("F1", 12_000, Some(10_000), "2026-01-05", "2026-02-04", Some("2026-02-10")),
        invoiced("F2", 5_000, None, "2026-02-05", "2026-03-07", None),
    ];
    assert_eq!(
        case.experience(&policy()),
        Experience { invoices: invoices.clone(), ratings: Vec::new() },
        "no rating is not an empty one"
    );
    case.rating = "2".to_owned();
    let ratings = vec![Rated { connection: "insurer".to_owned(), from: Date::MIN, rating: "2".to_owned() }];
    assert_eq!(case.experience(&policy()), Experience { invoices, ratings });
}

#[test]
fn a_ledger_is_known_from_its_first_document_or_decision_on() {
    let first = |items: Vec<CaseItem>, limits: Vec<LimitVersion>| {
        case("2026-03-20", items, limits).first_day().to_string()
    };
    let limits =
        || vec![limit("2026-02-01", Decision::Approved, 1), limit("2026-03-01", Decision::Reduced, 1)];
    let f1 = |issued: &str| invoice("F1", 1, issued, "2026-03-31");
    assert_eq!(first(vec![f1("2026-01-15"), f1("2026-02-15")], limits()), "2026-01-15");
    assert_eq!(first(vec![f1("2026-02-15")], limits()), "2026-02-01");
    assert_eq!(first(vec![f1("2026-03-21")], Vec::new()), "2026-03-20", "no later than the day itself");
    assert_eq!(first(Vec::new(), Vec::new()), "2026-03-20");
}

#[test]
fn a_no_counts_while_it_is_the_insurers_last_word() {
    let refused = |limits: Vec<LimitVersion>| case("2026-03-20", Vec::new(), limits).refused_on();
    let approved = |from: &str| limit(from, Decision::Approved, 1_000);
    for no in [Decision::Refused, Decision::Kept] {
        let on = |from: &str| limit(from, no, 0);
        assert_eq!(refused(vec![on("2026-03-20"), approved("2026-01-01")]), Some(day("2026-03-20")), "{no}");
        assert_eq!(refused(vec![approved("2026-01-01"), on("2026-03-21")]), None, "{no}: not said yet");
        assert_eq!(refused(vec![on("2026-02-01"), approved("2026-03-01")]), None, "{no}: another word since");
    }
    assert_eq!(refused(vec![limit("2026-02-01", Decision::Withdrawn, 0)]), None, "nobody had asked");
    assert_eq!(refused(Vec::new()), None);
}

// --------------------------------------------------------------------------------------------- what planning is told

fn situation(case: &Case, policy: &Policy) -> Situation {
    let history = LimitHistory::new(case.limits.clone()).unwrap();
    let outcome = case.run(std::slice::from_ref(policy)).unwrap().unwrap();
    case.situation(&history, policy, &outcome.cover).unwrap()
}

#[test]
fn planning_is_told_what_is_owed_the_peaks_and_what_stands() {
    let mut case = beyond();
    // 560 000 were owed from 5 to 9 February, and 260 000 from then until 28 February.
    case.items.push(paid(invoice("P1", 300_000, "2026-01-15", "2026-02-14"), "2026-02-10"));
    case.items.push(paid(invoice("P2", 200_000, "2026-01-15", "2026-02-14"), "2026-03-01"));
    case.backlog_minor = 700;
    let told = situation(&case, &policy());
    assert_eq!(
        told,
        Situation {
            owed_minor: 11_000_000,
            peak_minor: 26_000_000, // on the first of the 20 days: 28 February, P2 and F1
            slack_peak_minor: 56_000_000, // on 5 February, P1, P2 and F1
            backlog_minor: 700,
            last_active: Some(day("2026-03-20")),
            known_since: Some(day("2026-01-01")),
            standing: Standing::Decided {
                cap_minor: 10_000_000,
                since: day("2026-01-01"),
                by_insurer: false,
            },
            refused_on: None,
            answered: None,
            own_minor: 10_000_000,
            excluded: false,
        }
    );
    let shorter = |peak_days: i64| {
        let requests = policy().requests.map(|rule| RequestRule { peak_days, ..rule });
        situation(&case, &Policy { requests, ..policy() }).peak_minor
    };
    assert_eq!(shorter(19), 11_000_000, "from 1 March on, when P2 was paid");
    assert_eq!(situation(&case, &Policy { requests: None, ..policy() }).peak_minor, 11_000_000);
}

#[test]
fn a_credit_balance_is_no_peak_of_nothing() {
    let credit = CaseItem { kind: ItemKind::CreditNote, ..invoice("A1", 30, "2026-03-01", "2026-03-01") };
    let told = situation(&case("2026-03-20", vec![credit], Vec::new()), &policy());
    assert_eq!((told.owed_minor, told.peak_minor), (-3_000, 0));
}

#[test]
fn a_buyer_was_last_active_when_it_last_paid_unless_something_is_owed_or_ordered() {
    let f1 = || paid(invoice("F1", 100, "2026-01-05", "2026-02-04"), "2026-02-10");
    let f2 = || paid(invoice("F2", 100, "2026-01-05", "2026-02-04"), "2026-03-02");
    let on = |on: &str, items: Vec<CaseItem>| case(on, items, Vec::new());
    let last = |case: &Case| situation(case, &policy()).last_active;
    assert_eq!(last(&on("2026-03-20", vec![f2(), f1()])), Some(day("2026-03-02")));
    assert_eq!(last(&on("2026-03-02", vec![f1(), f2()])), Some(day("2026-03-02")), "paid on the day");
    assert_eq!(last(&on("2026-03-01", vec![f1(), f2()])), Some(day("2026-03-01")), "F2 is open");
    let later = paid(invoice("F3", 100, "2026-03-21", "2026-04-20"), "2026-03-25");
    assert_eq!(last(&on("2026-03-20", vec![f1(), later])), Some(day("2026-02-10")), "not what is to come");
    let ordered = Case { backlog_minor: 1, ..on("2026-03-20", vec![f1()]) };
    assert_eq!(last(&ordered), Some(day("2026-03-20")), "something is ordered");
    assert_eq!(last(&on("2026-03-20", Vec::new())), None);
}

#[test]
fn a_limit_of_nothing_is_the_insurers_where_it_said_no() {
    let standing =
        |limits: Vec<LimitVersion>| situation(&case("2026-03-20", Vec::new(), limits), &policy()).standing;
    assert_eq!(standing(Vec::new()), Standing::Never);
    for (decision, by_insurer) in [
        (Decision::Refused, true),
        (Decision::Withdrawn, true),
        (Decision::Approved, true), // of an amount of zero
        (Decision::Cancelled, false),
        (Decision::Expired, false),
    ] {
        let since = day("2026-02-01");
        assert_eq!(
            standing(vec![limit("2026-02-01", decision, 0)]),
            Standing::Decided { cap_minor: 0, since, by_insurer },
            "{decision}"
        );
    }
    let refused = case("2026-03-20", Vec::new(), vec![limit("2026-02-01", Decision::Refused, 0)]);
    assert_eq!(situation(&refused, &policy()).refused_on, Some(day("2026-02-01")));
    let excluded = Policy { excluded_countries: vec!["FR".to_owned()], ..policy() };
    assert!(situation(&refused, &excluded).excluded);
}

// ------------------------------------------------------------------------------------------------- what comes out

#[test]
fn a_case_comes_out_as_the_ledger_would() {
    assert_eq!(told(&beyond(), &as_it_is(), &[policy()]), Vec::<String>::new());
    let case = beyond();
    let periods = [policy()];
    let outcome = case.run(&periods).unwrap().unwrap();
    assert_eq!(outcome.deadlines, of_beyond(), "F2 is not overdue");
    assert_eq!(outcome.stops, Stops::default());
    assert_eq!(outcome.plan.unwrap().approval, Approval::Person("the policy asks for a person".to_owned()));
}

#[test]
fn on_a_day_of_no_period_nothing_comes_out() {
    let old = Policy { valid_from: day("2025-01-01"), valid_to: Some(day("2025-12-31")), ..policy() };
    let next = Policy { valid_from: day("2026-04-01"), ..policy() };
    let periods = [old, next];
    assert_eq!(beyond().run(&periods), Ok(None));
    assert_eq!(
        told(&beyond(), &Expected::default(), &periods),
        [
            "the day of the case: a day of a policy period / periods from 2025-01-01 to 2025-12-31, from 2026-04-01 on"
        ]
    );
}

#[test]
fn a_stop_that_was_lifted_before_the_day_is_known() {
    let f1 = || invoice("F1", 1_000, "2026-01-01", "2026-01-10"); // extended to 11 March
    let f2 = || invoice("F2", 2_000, "2026-03-12", "2026-04-11");
    let limits = || vec![limit("2026-01-01", Decision::Approved, 1_000)];
    let run = |items: Vec<CaseItem>, lifts: StopLifts| {
        let case = case("2026-03-20", items, limits());
        let cover_stop = Some(StopRule { threshold_minor: 50_000, lifts });
        let outcome = case.run(&[Policy { cover_stop, ..policy() }]).unwrap().unwrap();
        let since = outcome.stops.in_force().map(|stop| stop.since.to_string());
        let lifted: Vec<_> = outcome.stops.all().iter().map(|stop| stop.lift.map(|lift| lift.why)).collect();
        (since, lifted, outcome.cover.covered_minor, outcome.plan.map(|plan| plan.action))
    };
    let since = || Some("2026-03-11".to_owned());
    assert_eq!(
        run(vec![f1(), f2()], StopLifts::Payment),
        (since(), vec![None], 100_000, None),
        "F2 is not covered, and while cover is stopped nothing more is asked for"
    );
    let paid = || vec![paid(f1(), "2026-03-15"), f2()];
    let lifted = vec![Some(Lifted::Payment)];
    assert_eq!(run(paid(), StopLifts::Payment), (None, lifted, 100_000, Some(Action::Increase)));
    assert_eq!(run(paid(), StopLifts::Stays), (since(), vec![None], 0, None), "until the insurer lifts it");
}

#[test]
fn deadlines_of_all_periods_come_in_the_order_of_their_days() {
    let new = Policy { cover_stop: None, ..policy() };
    let old = Policy { valid_from: day("2025-01-01"), valid_to: Some(day("2025-12-31")), ..new.clone() };
    let periods = [new, old];
    let items = vec![
        invoice("F2", 100, "2026-01-02", "2026-02-10"),
        invoice("F1", 100, "2025-12-15", "2026-01-31"),
        invoice("F0", 100, "2026-01-02", "2026-02-10"),
    ];
    let case = case("2026-04-28", items, vec![limit("2025-01-01", Decision::Approved, 1_000)]);
    let notice = |number: &str, last_day: &str| {
        deadline(DeadlineKind::OverdueNotice, number, last_day, Some(DeadlineState::DueSoon))
    };
    let ordered = vec![notice("F1", "2026-05-01"), notice("F0", "2026-05-11"), notice("F2", "2026-05-11")];
    assert_eq!(case.run(&periods).unwrap().unwrap().deadlines, ordered);
    let backwards = Expected { deadlines: Some(ordered.into_iter().rev().collect()), ..Expected::default() };
    assert_eq!(
        told(&case, &backwards, &periods),
        Vec::<String>::new(),
        "in whatever order they are expected"
    );
}

// ------------------------------------------------------------------------------------------------- what differs

#[test]
fn each_thing_that_came_out_otherwise_is_told_and_nothing_else() {
    let mut first = as_it_is().invoices.remove(0);
    let mut second = as_it_is().invoices.remove(1);
    first.limit_minor = Some(1);
    (second.covered_minor, second.reason) = (Some(4_000_001), Some(Reason::Covered));
    let third = ExpectedInvoice { number: "F3".to_owned(), ..second.clone() };
    let with = |change: fn(&mut Expected)| {
        let mut expected = as_it_is();
        change(&mut expected);
        expected
    };
    let plan = |change: fn(&mut ExpectedPlan)| {
        let mut expected = as_it_is();
        change(expected.plan.as_mut().unwrap().as_mut().unwrap());
        expected
    };
    let got_plan = "increase 125000.00, fee 0.00, by a person";
    let got_deadlines = "F1 cover_stop 2026-05-06 upcoming, F1 overdue_notice 2026-06-05 upcoming";
    let table: Vec<(Expected, Vec<String>)> = vec![
        (
            Expected { invoices: vec![third, second, first], ..as_it_is() },
            vec![
                "F3: an open invoice / none of this number".to_owned(),
                "F2 covered: 40000.01 / 40000.00".to_owned(),
                "F2 reason: covered / limit_used".to_owned(),
                "F1 limit: 0.01 / 100000.00".to_owned(),
            ],
        ),
        (with(|it| it.covered_minor = Some(0)), vec!["covered: 0.00 / 100000.00".to_owned()]),
        (with(|it| it.uninsured_minor = Some(0)), vec!["uninsured: 0.00 / 10000.00".to_owned()]),
        (with(|it| it.indemnity_minor = Some(0)), vec!["indemnity: 0.00 / 90000.00".to_owned()]),
        (with(|it| it.limit_minor = Some(0)), vec!["limit: 0.00 / 100000.00".to_owned()]),
        (
            with(|it| it.stopped_since = Some(Some(day("2026-03-16")))),
            vec!["stopped since: 2026-03-16 / no".to_owned()],
        ),
        (with(|it| it.deadlines = Some(Vec::new())), vec![format!("deadlines: none / {got_deadlines}")]),
        (with(|it| it.plan = Some(None)), vec![format!("plan: none / {got_plan}")]),
        (
            plan(|it| it.action = Action::Supersede),
            vec![format!("plan: supersede 125000.00, fee 0.00, by a person / {got_plan}")],
        ),
        (
            plan(|it| it.amount_minor = Some(1)),
            vec![format!("plan: increase 0.01, fee 0.00, by a person / {got_plan}")],
        ),
        (
            plan(|it| it.fee_minor = Some(2_500)),
            vec![format!("plan: increase 125000.00, fee 25.00, by a person / {got_plan}")],
        ),
        (
            plan(|it| it.by_person = Some(false)),
            vec![format!("plan: increase 125000.00, fee 0.00, by itself / {got_plan}")],
        ),
    ];
    for (expected, differences) in table {
        assert_eq!(told(&beyond(), &expected, &[policy()]), differences);
    }
}

#[test]
fn what_is_not_stated_does_not_matter() {
    let only = |plan: ExpectedPlan| Expected { plan: Some(Some(plan)), ..Expected::default() };
    let action = |action| ExpectedPlan { action, amount_minor: None, fee_minor: None, by_person: None };
    let states_little = Expected {
        invoices: vec![ExpectedInvoice {
            number: "F2".to_owned(),
            covered_minor: None,
            reason: None,
            limit_minor: None,
        }],
        deadlines: Some(of_beyond().into_iter().map(|one| CaseDeadline { state: None, ..one }).collect()),
        ..only(action(Action::Increase))
    };
    assert_eq!(told(&beyond(), &states_little, &[policy()]), Vec::<String>::new());
    assert_eq!(told(&beyond(), &Expected::default(), &[policy()]), Vec::<String>::new());
    let another = only(ExpectedPlan { amount_minor: Some(1), ..action(Action::New) });
    assert_eq!(told(&beyond(), &another, &[policy()]), ["plan: new 0.01 / increase 125000.00"]);
}

#[test]
fn where_nothing_comes_out_a_case_may_expect_that() {
    let empty = case("2026-03-20", vec![invoice("F1", 10, "2026-03-01", "2026-03-31")], Vec::new());
    let none = Policy { requests: None, ..policy() };
    let nothing = Expected { deadlines: Some(Vec::new()), plan: Some(None), ..Expected::default() };
    assert_eq!(told(&empty, &nothing, std::slice::from_ref(&none)), Vec::<String>::new());
    let differences = told(&empty, &as_it_is(), &[none]);
    assert!(differences.contains(&"plan: increase 125000.00, fee 0.00, by a person / none".to_owned()));
    assert!(differences.iter().any(|one| one.starts_with("deadlines: F1 ") && one.ends_with(" / none")));
}

#[test]
fn a_proposal_that_goes_by_itself_says_so() {
    let automation = AutomationRule { change: Automation::Automatic, ..AutomationRule::default() };
    let by_itself = Policy { automation, ..policy() };
    let expected = Expected { plan: as_it_is().plan, ..Expected::default() };
    let differences = told(&beyond(), &expected, &[by_itself]);
    assert_eq!(
        differences,
        ["plan: increase 125000.00, fee 0.00, by a person / increase 125000.00, fee 0.00, by itself"]
    );
}

// ------------------------------------------------------------------------------------------- the clauses that count

#[test]
fn a_case_covers_the_clauses_without_which_it_would_not_agree() {
    let covered = |expected: Expected, periods: &[Policy]| -> Vec<String> {
        let case = Case { expected, ..beyond() };
        let covered = covered_clauses(&[&case], periods).unwrap();
        covered.iter().map(|(index, clause)| format!("{index} {clause}")).collect()
    };
    let only = Expected { indemnity_minor: Some(9_000_000), ..Expected::default() };
    assert_eq!(covered(only, &[policy()]), ["0 insured_percentage"]);
    assert_eq!(
        covered(Expected { indemnity_minor: Some(1), ..as_it_is() }, &[policy()]),
        Vec::<String>::new(),
        "a case that does not agree shows nothing"
    );
    assert_eq!(
        covered(Expected::default(), &[policy()]),
        Vec::<String>::new(),
        "nor one that expects nothing"
    );
    let all = ["insured_percentage", "mep_days", "cover_stop", "notices", "requests", "automation"];
    let plain = Policy {
        valid_from: day("2025-01-01"),
        valid_to: Some(day("2025-12-31")),
        ..Policy::plain("insurer", "P1", Currency::EUR, day("2025-01-01"), Decimal::from(90))
    };
    let mut of_second: Vec<String> = all.iter().map(|clause| format!("1 {clause}")).collect();
    let mut found = covered(as_it_is(), &[plain, policy()]);
    of_second.sort();
    found.sort();
    assert_eq!(found, of_second, "the period of the invoices, not the one before");
}

#[test]
fn a_case_that_cannot_be_reckoned_without_a_clause_hangs_on_it() {
    let (huge, half) = (6_000_000_000_000_000_000, 3_000_000_000_000_000_000);
    let item = |number: &str| CaseItem {
        open_minor: huge,
        tax_minor: Some(half),
        ..invoice(number, 0, "2026-02-05", "2026-03-31")
    };
    let periods = [Policy { basis: Basis::Net, requests: None, ..policy() }];
    let mut case = case("2026-03-20", vec![item("F1"), item("F2")], Vec::new());
    case.expected = Expected { uninsured_minor: Some(huge), ..Expected::default() };
    let gross = [Policy { basis: Basis::Gross, ..periods[0].clone() }];
    assert_eq!(case.run(&gross), Err(Error::Overflow { what: "open invoices" }));
    let covered = covered_clauses(&[&case], &periods).unwrap();
    assert_eq!(covered, BTreeSet::from([(0, Clause::Basis)]));
}
