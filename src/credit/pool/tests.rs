//! Shared limits by example and by property.

use super::*;
use crate::credit::{CapReason, LimitVersion, Reason, Stop, allocate};
use crate::model::{
    BuyerKind, Currency, Decision, ExcludedBuyer, Groups, ItemKind, Layer, LayerKind, Owner, Policy,
    StopLifts,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Everybody of `members` is owned by the first of them.
fn groups(members: &[&str]) -> Groups {
    let owner = |parent: &str| Owner { parent: parent.to_owned(), from: None, to: None };
    let (head, owned) = members.split_first().unwrap();
    Groups::new(owned.iter().map(|one| ((*one).to_owned(), owner(head))), BTreeMap::new())
}

fn policy(pooled_groups: Groups) -> Policy {
    let plain = Policy::plain("insurer", "P1", Currency::EUR, day("2025-01-01"), Decimal::from(90));
    Policy { pooled_groups, discretionary_minor: 1_000_000, ..plain }
}

fn invoice(number: &'static str, euros: i64, issued: &str) -> OpenItem<'static> {
    let issued = day(issued);
    OpenItem {
        connection: "erp",
        id: number,
        number,
        kind: ItemKind::Invoice,
        currency: Currency::EUR,
        open_minor: euros * 100,
        net_minor: None,
        issued,
        original_due: issued + chrono::Days::new(30),
        disputed: false,
    }
}

fn decided(versions: &[(&str, i64)]) -> LimitHistory {
    let version = |(from, euros): &(&str, i64)| LimitVersion {
        from: day(from),
        decision: Decision::Approved,
        layers: vec![Layer { kind: LayerKind::Permanent, amount_minor: euros * 100, until: None }],
        effective_to: None,
        withdrawal_on: None,
    };
    LimitHistory::new(versions.iter().map(version).collect()).unwrap()
}

fn cut() -> LimitHistory {
    decided(&[("2026-01-01", 100_000), ("2026-03-10", 40_000)])
}

/// One buyer of an example: its id, what is open, what was decided on it.
type One<'a> = (&'static str, Vec<OpenItem<'a>>, LimitHistory);

fn run<'a>(policy: &Policy, buyers: &[One<'a>], on: &str) -> Vec<Cover<'a>> {
    let stops = Stops::default();
    let shares: Vec<Share<'a, '_>> = buyers
        .iter()
        .map(|(buyer, open, limits)| Share {
            open,
            limits,
            terms: Terms { policy, periods: vec![policy], buyer, country: "FR", experience: None },
            stops: &stops,
        })
        .collect();
    allocate_pool(&shares, day(on)).unwrap()
}

/// (number, covered, limit, used before, reason), in euros.
fn told(cover: &Cover<'_>) -> Vec<(String, i64, i64, i64, Reason)> {
    let line = |l: &Line<'_>| {
        let cap = l.limit.map_or(-100, |limit| limit.cap_minor);
        (l.number.to_owned(), l.covered_minor / 100, cap / 100, l.used_before_minor / 100, l.reason)
    };
    cover.lines.iter().map(line).collect()
}

fn example_g() -> [One<'static>; 3] {
    [
        ("head", vec![], cut()),
        (
            "north",
            vec![invoice("F1", 60_000, "2026-02-05"), invoice("F3", 20_000, "2026-03-15")],
            LimitHistory::default(),
        ),
        ("south", vec![invoice("F2", 50_000, "2026-03-01")], LimitHistory::default()),
    ]
}

#[test]
fn example_g_two_subsidiaries_share_the_limit_of_their_holding_through_a_cut() {
    let policy = policy(groups(&["head", "north", "south"]));
    let covers = run(&policy, &example_g(), "2026-03-20");
    assert_eq!(told(&covers[0]), []);
    assert_eq!(
        told(&covers[1]),
        [
            ("F1".to_owned(), 60_000, 100_000, 0, Reason::Covered),
            ("F3".to_owned(), 0, 40_000, 100_000, Reason::LimitUsed),
        ]
    );
    assert_eq!(told(&covers[2]), [("F2".to_owned(), 40_000, 100_000, 60_000, Reason::LimitUsed)]);
    let covered: Vec<i64> = covers.iter().map(|cover| cover.covered_minor / 100).collect();
    assert_eq!(covered, [0, 60_000, 40_000]);
    let indemnities: Vec<i64> = covers.iter().map(|cover| cover.indemnity_minor / 100).collect();
    assert_eq!(indemnities, [0, 54_000, 36_000]);
    for cover in &covers {
        assert_eq!((cover.today.cap_minor, cover.used_minor), (4_000_000, 10_000_000));
    }
    // F1 is paid: the invoice of the other subsidiary grows into the cover, as in example A.
    let mut paid = example_g();
    paid[1].1.remove(0);
    let covers = run(&policy, &paid, "2026-03-20");
    assert_eq!(told(&covers[1]), [("F3".to_owned(), 0, 40_000, 50_000, Reason::LimitUsed)]);
    assert_eq!(told(&covers[2]), [("F2".to_owned(), 50_000, 100_000, 0, Reason::Covered)]);
}

#[test]
fn a_policy_that_does_not_pool_leaves_each_buyer_alone() {
    let covers = run(&policy(Groups::default()), &example_g(), "2026-03-20");
    let covered: Vec<i64> = covers.iter().map(|cover| cover.covered_minor / 100).collect();
    assert_eq!(covered, [0, 10_000, 10_000], "each has its own discretionary limit and nothing from above");
    assert_eq!(covers[1].today.reason, CapReason::Discretionary);
}

#[test]
fn a_member_that_was_decided_on_keeps_its_own_limit_from_that_day_also_a_refusal() {
    let policy = policy(groups(&["head", "north", "south"]));
    let mut buyers = example_g();
    buyers[1].2 = decided(&[("2026-03-10", 15_000)]);
    let covers = run(&policy, &buyers, "2026-03-20");
    assert_eq!(
        told(&covers[1]),
        [
            ("F1".to_owned(), 60_000, 100_000, 0, Reason::Covered),
            ("F3".to_owned(), 15_000, 15_000, 0, Reason::LimitUsed),
        ],
        "what was invoiced before stays under the limit of the holding, and uses nothing of its own"
    );
    assert_eq!((covers[1].today.cap_minor, covers[1].used_minor), (1_500_000, 1_500_000));
    buyers[1].2 = decided(&[("2026-01-01", 0)]);
    let covers = run(&policy, &buyers, "2026-03-20");
    assert_eq!((covers[1].covered_minor, covers[2].covered_minor), (0, 5_000_000));
}

#[test]
fn before_anything_is_decided_each_member_has_its_own_discretionary_limit() {
    let policy = policy(groups(&["head", "north", "south"]));
    let mut buyers = example_g();
    buyers[0].2 = decided(&[("2026-03-10", 20_000)]);
    let covers = run(&policy, &buyers, "2026-03-20");
    assert_eq!(
        told(&covers[1]),
        [
            ("F1".to_owned(), 10_000, 10_000, 0, Reason::LimitUsed),
            ("F3".to_owned(), 20_000, 20_000, 0, Reason::Covered),
        ],
        "what its own limit covers uses nothing of the holding's"
    );
    assert_eq!(told(&covers[2]), [("F2".to_owned(), 10_000, 10_000, 0, Reason::LimitUsed)]);
}

#[test]
fn a_subsidiary_that_was_sold_has_no_part_in_the_limit_from_that_day() {
    let owner = Owner { parent: "head".into(), from: None, to: Some(day("2026-03-09")) };
    let sold = Groups::new([("north".to_owned(), owner)], BTreeMap::new());
    let covers = run(&policy(sold), &example_g(), "2026-03-20");
    assert_eq!(
        told(&covers[1]),
        [
            ("F1".to_owned(), 60_000, 100_000, 0, Reason::Covered),
            ("F3".to_owned(), 10_000, 10_000, 0, Reason::LimitUsed),
        ]
    );
}

#[test]
fn credits_stops_and_exclusions_stay_with_their_own_buyer() {
    let mut policy = policy(groups(&["head", "north", "south"]));
    let mut buyers = example_g();
    let credit = OpenItem { kind: ItemKind::CreditNote, ..invoice("A1", 30_000, "2026-03-16") };
    buyers[2].1.push(credit);
    let covers = run(&policy, &buyers, "2026-03-20");
    assert_eq!((covers[1].covered_minor, covers[2].covered_minor), (6_000_000, 2_000_000));
    assert_eq!(covers[1].lines[0].credited_minor, 0, "a credit of one buyer pays no other's invoice");

    let stop = Stop {
        cause_connection: "erp".into(),
        since: day("2026-01-10"),
        cause: "F0".into(),
        cause_number: "F0".into(),
        lifts: StopLifts::Payment,
        lift: None,
    };
    let (stopped, free) = (Stops::new(vec![stop]), Stops::default());
    let shares: Vec<Share<'_, '_>> = buyers
        .iter()
        .map(|(buyer, open, limits)| Share {
            open,
            limits,
            terms: Terms { policy: &policy, periods: vec![&policy], buyer, country: "FR", experience: None },
            stops: if *buyer == "north" { &stopped } else { &free },
        })
        .collect();
    let covers = allocate_pool(&shares, day("2026-03-20")).unwrap();
    assert_eq!(covers[1].lines[0].reason, Reason::AfterCoverStop);
    assert_eq!((covers[1].covered_minor, covers[2].covered_minor), (0, 2_000_000));

    policy.excluded_buyers.push(ExcludedBuyer { buyer: "south".into(), kind: BuyerKind::Affiliate });
    let covers = run(&policy, &buyers, "2026-03-20");
    assert_eq!((covers[1].covered_minor, covers[2].covered_minor), (6_000_000, 0));
    assert_eq!(covers[2].today.reason, CapReason::Excluded);
}

/// Example A, its second invoice owed to another insured company: two shares of one buyer.
fn example_j() -> [One<'static>; 2] {
    [
        ("b", vec![invoice("F1", 60_000, "2026-02-05"), invoice("F3", 20_000, "2026-03-15")], cut()),
        ("b", vec![OpenItem { connection: "beta", ..invoice("F2", 50_000, "2026-03-01") }], cut()),
    ]
}

#[test]
fn example_j_two_insured_companies_share_one_limit_through_a_cut() {
    let policy = policy(Groups::default());
    let covers = run(&policy, &example_j(), "2026-03-20");
    assert_eq!(
        told(&covers[0]),
        [
            ("F1".to_owned(), 60_000, 100_000, 0, Reason::Covered),
            ("F3".to_owned(), 0, 40_000, 100_000, Reason::LimitUsed),
        ]
    );
    assert_eq!(told(&covers[1]), [("F2".to_owned(), 40_000, 100_000, 60_000, Reason::LimitUsed)]);
    for cover in &covers {
        assert_eq!((cover.today.cap_minor, cover.used_minor), (4_000_000, 10_000_000));
    }
    assert_eq!([covers[0].beyond_limit_minor, covers[1].beyond_limit_minor], [2_000_000, 1_000_000]);
    // A credit of one company settles its own invoice, and gives cover to that of the other.
    let mut credited = example_j();
    credited[0].1.push(OpenItem { kind: ItemKind::CreditNote, ..invoice("A1", 60_000, "2026-03-16") });
    let covers = run(&policy, &credited, "2026-03-20");
    assert_eq!(told(&covers[1]), [("F2".to_owned(), 50_000, 100_000, 0, Reason::Covered)]);
    assert_eq!(covers[0].covered_minor, 0);
    // Nothing was decided: they share the discretionary limit too, which is one a buyer.
    let undecided = example_j().map(|(buyer, open, _)| (buyer, open, LimitHistory::default()));
    let covers = run(&policy, &undecided, "2026-03-20");
    assert_eq!([covers[0].covered_minor, covers[1].covered_minor], [1_000_000, 0]);
}

const BUYERS: [&str; 4] = ["b0", "b1", "b2", "b3"];
const IDS: [&str; 9] = ["F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9"];

fn items() -> impl Strategy<Value = Vec<OpenItem<'static>>> {
    let one = (0..5, 1_i64..100, 0_u64..200, 0..8);
    prop::collection::vec(one, 0..9).prop_map(|specs| {
        let made = specs.into_iter().zip(IDS).map(|((kind, open, issued, disputed), id)| {
            let issued = day("2026-01-01") + chrono::Days::new(issued);
            let kind = if kind == 0 { ItemKind::CreditNote } else { ItemKind::Invoice };
            OpenItem {
                kind,
                open_minor: open,
                issued,
                disputed: disputed == 0,
                ..invoice(id, 1, "2026-01-01")
            }
        });
        made.collect()
    })
}

fn histories() -> impl Strategy<Value = LimitHistory> {
    let one = (0_u64..200, 0_i64..250);
    prop::collection::vec(one, 0..3).prop_map(|specs| {
        let made = specs.into_iter().map(|(from, amount)| LimitVersion {
            from: day("2026-01-01") + chrono::Days::new(from),
            decision: Decision::Approved,
            layers: vec![Layer { kind: LayerKind::Permanent, amount_minor: amount, until: None }],
            effective_to: None,
            withdrawal_on: None,
        });
        LimitHistory::new(made.collect()).unwrap()
    })
}

fn portfolios() -> impl Strategy<Value = Vec<One<'static>>> {
    prop::collection::vec((items(), histories()), 4)
        .prop_map(|all| all.into_iter().zip(BUYERS).map(|((open, limits), id)| (id, open, limits)).collect())
}

fn tree() -> Policy {
    let owner = |parent: &str| Owner { parent: parent.to_owned(), from: None, to: None };
    let owned = [("b1", "b0"), ("b2", "b1"), ("b3", "b0")];
    let owned = owned.map(|(one, parent)| (one.to_owned(), owner(parent)));
    Policy { discretionary_minor: 50, ..policy(Groups::new(owned, BTreeMap::new())) }
}

proptest! {
    #[test]
    fn parts_add_up_and_no_limit_is_given_out_twice(buyers in portfolios()) {
        let policy = tree();
        let covers = run(&policy, &buyers, "2026-10-01");
        let mut given: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for ((buyer, open, _), cover) in buyers.iter().zip(&covers) {
            let of = |kind| open.iter().filter(|i| (i.kind == ItemKind::Invoice) == kind).map(|i| i.open_minor).sum::<i64>();
            prop_assert_eq!(cover.outstanding_minor, of(true) - of(false));
            prop_assert_eq!(cover.outstanding_minor, cover.covered_minor + cover.uninsured_minor - cover.credit_balance_minor);
            prop_assert_eq!(cover.covered_minor, cover.lines.iter().map(|line| line.covered_minor).sum::<i64>());
            for line in &cover.lines {
                prop_assert_eq!(line.open_minor, line.credited_minor + line.covered_minor + line.uncovered_minor);
                let Some(limit) = line.limit else { continue };
                let decided = |id: &str| buyers.iter().any(|(own, _, limits)| *own == id && limits.is_decided(line.issued));
                let holder = policy.pooled_groups.holder(buyer, line.issued, decided);
                let entry = given.entry(holder).or_default();
                *entry = (entry.0 + line.covered_minor, entry.1.max(limit.cap_minor));
            }
        }
        for (holder, (covered, highest)) in &given {
            prop_assert!(covered <= highest, "{} gives {} of {}", holder, covered, highest);
        }
        let parts: i64 = given.values().map(|(covered, _)| covered).sum();
        prop_assert_eq!(parts, covers.iter().map(|cover| cover.covered_minor).sum::<i64>());
    }

    #[test]
    fn a_pool_whose_limit_is_on_the_head_covers_what_one_buyer_would(
        north in items(), south in items(), limits in histories()
    ) {
        // Without credits, which stay with their buyer, and from a day on which the limit was decided.
        let plain = |items: Vec<OpenItem<'static>>| -> Vec<OpenItem<'static>> {
            items.into_iter().filter(|item| item.kind == ItemKind::Invoice).collect()
        };
        let (north, south) = (plain(north), plain(south));
        let mut versions = limits.versions().to_vec();
        versions.extend(decided(&[("2025-06-01", 1)]).versions().to_vec());
        let limits = LimitHistory::new(versions).unwrap();
        let policy = policy(groups(&["b0", "b1", "b2"]));
        let none = LimitHistory::default();
        let all = [("b0", vec![], limits.clone()), ("b1", north.clone(), none.clone()), ("b2", south.clone(), none)];
        let covers = run(&policy, &all, "2026-10-01");
        let whole = allocate(&[north, south].concat(), &limits, &policy, &Stops::default(), day("2026-10-01")).unwrap();
        prop_assert_eq!(covers.iter().map(|cover| cover.covered_minor).sum::<i64>(), whole.covered_minor);
        prop_assert_eq!(covers.iter().map(|cover| cover.uninsured_minor).sum::<i64>(), whole.uninsured_minor);
        for cover in &covers {
            prop_assert_eq!((cover.today, cover.used_minor), (whole.today, whole.used_minor));
        }
    }

    #[test]
    fn alone_in_a_pool_or_without_one_a_buyer_is_covered_as_ever(buyers in portfolios()) {
        let (pooled, apart) = (tree(), Policy { pooled_groups: Groups::default(), ..tree() });
        let covers = run(&apart, &buyers, "2026-10-01");
        for (one, together) in buyers.iter().zip(&covers) {
            let own = allocate(&one.1, &one.2, &apart, &Stops::default(), day("2026-10-01")).unwrap();
            prop_assert_eq!(&own, together);
            prop_assert_eq!(&own, &run(&pooled, std::slice::from_ref(one), "2026-10-01")[0]);
        }
    }

    #[test]
    fn what_insured_companies_have_covered_of_one_buyer_adds_up_to_what_one_of_them_would_have(
        (ours, theirs, limits) in (items(), items(), histories())
    ) {
        // Without credits, which stay with their company.
        let plain = |items: Vec<OpenItem<'static>>, connection| -> Vec<OpenItem<'static>> {
            let invoices = items.into_iter().filter(|item| item.kind == ItemKind::Invoice);
            invoices.map(|item| OpenItem { connection, ..item }).collect()
        };
        let (ours, theirs) = (plain(ours, "erp"), plain(theirs, "beta"));
        let policy = Policy { discretionary_minor: 50, ..policy(Groups::default()) };
        let both = [("b", ours.clone(), limits.clone()), ("b", theirs.clone(), limits.clone())];
        let covers = run(&policy, &both, "2026-10-01");
        let whole =
            allocate(&[ours.clone(), theirs].concat(), &limits, &policy, &Stops::default(), day("2026-10-01")).unwrap();
        prop_assert_eq!(covers.iter().map(|cover| cover.covered_minor).sum::<i64>(), whole.covered_minor);
        prop_assert_eq!(covers.iter().map(|cover| cover.uninsured_minor).sum::<i64>(), whole.uninsured_minor);
        prop_assert_eq!(covers.iter().map(|cover| cover.beyond_limit_minor).sum::<i64>(), whole.beyond_limit_minor);
        let mut lines: Vec<Line<'_>> = covers.iter().flat_map(|cover| cover.lines.clone()).collect();
        lines.sort_unstable_by_key(Line::turn);
        prop_assert_eq!(lines, whole.lines, "line by line it is the allocation of one company");
        let nothing = [("b", ours.clone(), limits.clone()), ("b", Vec::new(), limits.clone())];
        let alone = allocate(&ours, &limits, &policy, &Stops::default(), day("2026-10-01")).unwrap();
        prop_assert_eq!(&run(&policy, &nothing, "2026-10-01")[0], &alone);
    }

    #[test]
    fn neither_the_order_of_items_nor_of_buyers_matters(
        (buyers, shuffled) in portfolios().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let policy = tree();
        let by_buyer = |buyers: &[One<'static>]| -> BTreeMap<&'static str, Cover<'static>> {
            buyers.iter().map(|one| one.0).zip(run(&policy, buyers, "2026-10-01")).collect()
        };
        let turned: Vec<One<'static>> = shuffled
            .into_iter()
            .map(|(id, open, limits)| (id, open.into_iter().rev().collect(), limits))
            .collect();
        prop_assert_eq!(by_buyer(&buyers), by_buyer(&turned));
    }
}
