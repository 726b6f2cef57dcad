//! Layers that a policy pays otherwise, or does not take as cover.

use super::*;
use crate::model::LayerTerm;

fn term(kind: LayerKind, percentage: Option<i64>) -> LayerTerm {
    LayerTerm { kind, insured_percentage: percentage.map(Decimal::from) }
}

fn paid(layers: Vec<LayerTerm>) -> Policy {
    Policy { layers, ..policy() }
}

/// (number, layer, covered in euros, percentage).
fn parts(cover: &Cover<'_>, terms: &Terms<'_>) -> Vec<(String, Option<LayerKind>, i64, String)> {
    let of = |line: &Line<'_>| {
        let number = line.number.to_owned();
        let parts = terms.parts(line);
        parts
            .map(move |part| {
                (number.clone(), part.layer, part.covered_minor / 100, part.percentage.to_string())
            })
            .collect::<Vec<_>>()
    };
    cover.lines.iter().flat_map(of).collect()
}

fn part(
    number: &str,
    layer: LayerKind,
    euros: i64,
    percentage: &str,
) -> (String, Option<LayerKind>, i64, String) {
    (number.to_owned(), Some(layer), euros, percentage.to_owned())
}

#[test]
fn example_c_each_layer_is_paid_by_its_own_percentage() {
    use LayerKind::{Permanent, Temporary, TopUp};
    let open = [
        invoice("F1", 60_000, "2026-06-01"),
        invoice("F2", 20_000, "2026-06-02"),
        invoice("F3", 10_000, "2026-06-03"),
    ];
    let own = paid(vec![term(Temporary, Some(80)), term(TopUp, Some(70))]);
    let cover = allocate(&open, &layered(), &own, &Stops::default(), day("2026-06-30")).unwrap();
    let terms = Terms::from(&own);
    assert_eq!(
        parts(&cover, &terms),
        [
            part("F1", Permanent, 50_000, "90"),
            part("F1", Temporary, 10_000, "80"),
            part("F2", Temporary, 10_000, "80"),
            part("F2", TopUp, 10_000, "70"),
            part("F3", TopUp, 5_000, "70"),
        ]
    );
    assert_eq!(cover.covered_minor, 8_500_000);
    assert_eq!(cover.indemnity_minor, 4_500_000 + 1_600_000 + 1_050_000);
    let alone: Vec<i64> = cover.lines.iter().map(|line| terms.indemnity(line).unwrap()).collect();
    assert_eq!(alone, [5_300_000, 1_500_000, 350_000]);
    let usual = allocate(&open, &layered(), &policy(), &Stops::default(), day("2026-06-30")).unwrap();
    assert_eq!(usual.indemnity_minor, 7_650_000, "without the clause all of it at 90 %");
}

#[test]
fn an_invoice_is_held_against_the_layers_of_its_own_date() {
    use LayerKind::{Permanent, Temporary, TopUp};
    let own = paid(vec![term(TopUp, Some(70))]);
    let open = [invoice("F1", 55_000, "2026-06-30"), invoice("F2", 20_000, "2026-07-01")];
    let cover = allocate(&open, &layered(), &own, &Stops::default(), day("2026-07-02")).unwrap();
    assert_eq!(
        parts(&cover, &Terms::from(&own)),
        [
            part("F1", Permanent, 50_000, "90"),
            part("F1", Temporary, 5_000, "90"),
            part("F2", TopUp, 10_000, "70"), // of 65 000, 55 000 are used: the temporary layer has ended
        ]
    );
}

#[test]
fn a_layer_that_the_policy_does_not_take_is_no_cover() {
    let on = day("2026-06-01");
    let own = paid(vec![term(LayerKind::TopUp, None)]);
    assert_eq!(layered().limit_at(on, &own).cap_minor, 7_000_000);
    assert_eq!(layered().decided_at(on).unwrap().cap_minor, 8_500_000, "what the insurer decided stays");
    let only = Layer { kind: LayerKind::TopUp, amount_minor: 100, until: Some(on) };
    let limits = history(vec![version("2026-01-01", Decision::Approved, vec![only])]);
    let reason = |date: &str| {
        let limit = limits.limit_at(day(date), &own);
        (limit.cap_minor, limit.reason)
    };
    assert_eq!(reason("2026-06-01"), (0, CapReason::LayersNotCounted));
    assert_eq!(reason("2026-06-02"), (0, CapReason::Expired));
}

#[test]
fn the_period_of_the_invoice_says_which_layers_count() {
    let mut periods = renewed();
    (periods[0].maximum_terms_days, periods[1].maximum_terms_days) = (None, None);
    periods[1].layers = vec![term(LayerKind::TopUp, None)];
    let open = [invoice("F1", 65_000, "2026-06-29"), invoice("F2", 65_000, "2026-07-01")];
    let terms = terms(&periods, "", "");
    let cover = allocate(&open, &layered(), terms, &Stops::default(), day("2026-07-02")).unwrap();
    let caps: Vec<_> = cover.lines.iter().map(|line| line.limit.unwrap().cap_minor).collect();
    assert_eq!((caps, cover.today.cap_minor), (vec![8_500_000, 5_000_000], 5_000_000));
}

#[test]
fn the_discretionary_limit_has_no_layers() {
    let own = Policy {
        discretionary_percentage: Some(Decimal::from(60)),
        ..paid(vec![term(LayerKind::Permanent, None)])
    };
    let open = [invoice("F1", 20_000, "2026-06-01")];
    let cover =
        allocate(&open, &LimitHistory::default(), &own, &Stops::default(), day("2026-06-02")).unwrap();
    assert_eq!((cover.covered_minor, cover.indemnity_minor), (1_000_000, 600_000));
}

fn stacks() -> impl Strategy<Value = LimitHistory> {
    let layer = (0..3_usize, 0_i64..100, prop::option::of(0_u64..300));
    let one = (0_u64..300, prop::collection::vec(layer, 0..5));
    prop::collection::vec(one, 0..4).prop_map(|specs| {
        let made = specs.into_iter().map(|(from, layers)| {
            let from = day("2026-01-01") + chrono::Days::new(from);
            let layers = layers.into_iter().map(|(kind, amount_minor, days)| Layer {
                kind: LayerKind::ALL[kind],
                amount_minor,
                until: days.map(|days| from + chrono::Days::new(days)),
            });
            LimitVersion {
                from,
                decision: Decision::Approved,
                layers: layers.collect(),
                effective_to: None,
                withdrawal_on: None,
            }
        });
        history(made.collect())
    })
}

proptest! {
    #[test]
    fn the_parts_of_a_line_are_what_is_covered_of_it(
        open in items(true), limits in stacks(),
        shares in prop::collection::vec(prop::option::of(0_i64..=100), 3),
    ) {
        let on = day("2026-10-01");
        let clause = LayerKind::ALL.iter().zip(&shares).map(|(kind, share)| term(*kind, *share)).collect();
        let own = Policy { layers: clause, ..small_policy() };
        let cover = allocate(&open, &limits, &own, &Stops::default(), on).unwrap();
        let terms = Terms::from(&own);
        for line in &cover.lines {
            let parts: Vec<_> = terms.parts(line).collect();
            prop_assert_eq!(parts.iter().map(|part| part.covered_minor).sum::<i64>(), line.covered_minor);
            prop_assert!(parts.iter().all(|part| part.covered_minor > 0) || line.covered_minor == 0);
            if let Some(limit) = line.limit.filter(|limit| limit.reason == CapReason::Granted) {
                prop_assert_eq!(limit.layers.sum(), limit.cap_minor);
                for part in parts.iter().filter(|_| line.covered_minor > 0) {
                    prop_assert!(own.layer_percentage(part.layer.unwrap()) == Some(part.percentage));
                }
            }
        }
        prop_assert!((0..=cover.covered_minor).contains(&cover.indemnity_minor));
    }

    #[test]
    fn a_clause_that_says_what_counts_anyway_changes_nothing(open in items(true), limits in stacks()) {
        let on = day("2026-10-01");
        let plain = small_policy();
        let clause = LayerKind::ALL.iter().map(|kind| term(*kind, Some(90))).collect();
        let own = Policy { layers: clause, ..plain.clone() };
        let cover = |policy: &Policy| allocate(&open, &limits, policy, &Stops::default(), on).unwrap();
        prop_assert_eq!(cover(&own), cover(&plain));
    }
}

#[test]
fn a_layer_of_nothing_is_not_what_keeps_a_limit_from_counting() {
    let own = paid(vec![term(LayerKind::TopUp, None)]);
    let top_up = |euros: i64| Layer { kind: LayerKind::TopUp, amount_minor: euros * 100, until: None };
    let reason = |layers: Vec<Layer>| {
        let limits = history(vec![version("2026-01-01", Decision::Approved, layers)]);
        let at = limits.limit_at(day("2026-02-01"), &own);
        (at.cap_minor, at.reason)
    };
    assert_eq!(reason(vec![permanent(0), top_up(10)]), (0, CapReason::LayersNotCounted));
    assert_eq!(reason(vec![permanent(0), top_up(0)]), (0, CapReason::Zero));
}

#[test]
fn an_invoice_that_is_not_covered_has_one_part_of_nothing() {
    let own = paid(vec![term(LayerKind::TopUp, Some(70))]);
    let open = [invoice("F1", 85_000, "2026-06-01"), invoice("F2", 20_000, "2026-06-02")];
    let cover = allocate(&open, &layered(), &own, &Stops::default(), day("2026-06-30")).unwrap();
    let terms = Terms::from(&own);
    let of_second: Vec<Part> = terms.parts(&cover.lines[1]).collect();
    assert_eq!(of_second, [Part { layer: None, covered_minor: 0, percentage: Decimal::from(90) }]);
}
