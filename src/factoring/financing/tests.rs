//! Worked examples, and that the parts are the whole.

use proptest::prelude::*;

use super::*;
use crate::factoring::sample;
use crate::model::ContractBuyer;

const BUYER: &str = "siren:404833048";

fn invoice(amount_minor: i64) -> Due<'static> {
    Due { kind: DocumentKind::Invoice, buyer: BUYER, amount_minor }
}

fn credit_note(amount_minor: i64) -> Due<'static> {
    Due { kind: DocumentKind::CreditNote, buyer: BUYER, amount_minor }
}

fn approved(minor: i64) -> Contract {
    let contract = sample::contract();
    let own = ContractBuyer { approval: Some([(Currency::EUR, minor)].into()), ..contract.buyers[0].clone() };
    Contract { buyers: vec![own], ..contract }
}

fn run(documents: &[Due<'_>], contract: &Contract) -> (Vec<Financed>, Position) {
    let mut positions = Positions::new();
    let all = finance(documents, contract, Currency::EUR, &mut positions).unwrap();
    (all, positions.get(BUYER).copied().unwrap_or_default())
}

/// Available, holdback and excess of each document.
fn parts(all: &[Financed]) -> Vec<(i64, i64, i64)> {
    all.iter().map(|own| (own.available_minor, own.holdback_minor, own.excess_minor)).collect()
}

#[test]
fn example_e_without_a_limit_and_with_one() {
    let (all, _) = run(&[invoice(115_000)], &sample::contract());
    assert_eq!(parts(&all), [(103_500, 11_500, 0)]);
    assert_eq!(all[0].bound, None);
    let (all, after) = run(&[invoice(115_000)], &approved(80_000));
    assert_eq!(parts(&all), [(80_000, 11_500, 23_500)]);
    assert_eq!(all[0].bound, Some(Bound::Approval));
    assert_eq!(after, Position { balance_minor: 115_000, holdback_minor: 11_500, excess_minor: 23_500 });
}

#[test]
fn a_dispute_pays_nothing_holds_nothing_and_frees_nothing() {
    let dispute = Due { kind: DocumentKind::Dispute, buyer: BUYER, amount_minor: 115_000 };
    let (all, after) = run(&[invoice(115_000), dispute], &approved(80_000));
    assert_eq!(all[1], Financed::default());
    assert_eq!(after, run(&[invoice(115_000)], &approved(80_000)).1);
}

#[test]
fn the_commission_and_its_tax_are_taken_off_an_invoice_and_leave_less_beyond_the_limit() {
    let priced = Contract {
        fee_percent: Decimal::new(45, 2),
        fee_tax_percent: Decimal::from(20),
        ..sample::contract()
    };
    let (all, _) = run(&[invoice(115_000)], &priced);
    // 0.45 % of 1 150.00 is 5.175, which is 5.18 to even; 20 % of it is 1.036.
    assert_eq!((all[0].fee_minor, all[0].fee_tax_minor, all[0].available_minor), (518, 104, 102_878));
    let both = Contract { buyers: approved(80_000).buyers, ..priced };
    let (all, _) = run(&[invoice(115_000)], &both);
    assert_eq!(parts(&all), [(80_000, 11_500, 22_878)]);
    let (all, _) = run(&[invoice(115_000), credit_note(15_000)], &both);
    assert_eq!((all[1].fee_minor, all[1].fee_tax_minor), (0, 0), "a credit note gives no commission back");
}

#[test]
fn halves_of_a_cent_are_rounded_to_even() {
    assert_eq!(percent_of(25, Decimal::TEN), Some(2));
    assert_eq!(percent_of(35, Decimal::TEN), Some(4));
    assert_eq!(percent_of(-25, Decimal::TEN), Some(-2));
}

#[test]
fn a_second_invoice_beyond_the_limit_is_held_whole_but_for_the_guarantee() {
    let (all, after) = run(&[invoice(80_000), invoice(50_000)], &approved(72_000));
    assert_eq!(parts(&all), [(72_000, 8_000, 0), (0, 5_000, 45_000)]);
    assert_eq!(after.balance_minor - after.holdback_minor - after.excess_minor, 72_000);
}

#[test]
fn a_credit_note_takes_from_what_is_beyond_the_limit_first() {
    let (all, after) = run(&[invoice(115_000), credit_note(20_000)], &approved(80_000));
    // 950.00 less 95.00 less the limit: 55.00 stay held, so 180.00 of the 235.00 are free, and nothing is taken back.
    assert_eq!(parts(&all), [(80_000, 11_500, 23_500), (0, -2_000, -18_000)]);
    assert_eq!(after, Position { balance_minor: 95_000, holdback_minor: 9_500, excess_minor: 5_500 });
    assert_eq!(all[1].bound, None, "it sets free, and is beyond nothing");
}

#[test]
fn a_credit_note_without_a_limit_takes_back_what_was_paid() {
    let (all, after) = run(&[invoice(115_000), credit_note(15_000)], &sample::contract());
    assert_eq!(parts(&all), [(103_500, 11_500, 0), (-13_500, -1_500, 0)]);
    assert_eq!(after.balance_minor, 100_000);
}

#[test]
fn no_more_of_the_guarantee_is_given_back_than_there_is() {
    let (all, after) = run(&[invoice(10_000), credit_note(15_000)], &sample::contract());
    assert_eq!(parts(&all), [(9_000, 1_000, 0), (-14_000, -1_000, 0)]);
    assert_eq!(after, Position { balance_minor: -5_000, holdback_minor: 0, excess_minor: 0 });
}

#[test]
fn a_buyer_may_have_its_own_holdback() {
    let contract = sample::contract();
    let own = ContractBuyer { holdback_percent: Some(Decimal::from(20)), ..contract.buyers[0].clone() };
    let (all, _) = run(&[invoice(10_000)], &Contract { buyers: vec![own], ..contract });
    assert_eq!(parts(&all), [(8_000, 2_000, 0)]);
}

#[test]
fn an_approval_in_another_currency_is_none_in_this_one() {
    let contract = sample::contract();
    let dollars = [(Currency::parse("USD").unwrap(), 1_000_000)].into();
    let own = ContractBuyer { approval: Some(dollars), ..contract.buyers[0].clone() };
    let (all, _) = run(&[invoice(10_000)], &Contract { buyers: vec![own], ..contract });
    assert_eq!(parts(&all), [(0, 1_000, 9_000)]);
}

#[test]
fn one_buyer_has_no_more_than_its_share_of_all_that_is_assigned() {
    let contract = Contract { concentration_percent: Some(Decimal::from(40)), ..sample::contract() };
    let other = Due { buyer: "siren:005520135", ..invoice(50_000) };
    let (all, _) = run(&[invoice(50_000), other], &contract);
    // 40 % of 1 000.00: 450.00 would be paid on each, and 50.00 of that is held.
    assert_eq!(parts(&all), [(40_000, 5_000, 5_000), (40_000, 5_000, 5_000)]);
    assert_eq!(all[0].bound, Some(Bound::Concentration));
    let tight = Contract { buyers: approved(30_000).buyers, ..contract };
    let (all, _) = run(&[invoice(50_000), other], &tight);
    assert_eq!(
        (all[0].available_minor, all[0].bound),
        (30_000, Some(Bound::Approval)),
        "the lower one holds"
    );
    assert_eq!(all[1].bound, Some(Bound::Concentration));
}

#[test]
fn what_was_assigned_before_counts_for_the_limit_and_the_share() {
    let mut positions = Positions::from([(
        BUYER.to_owned(),
        Position { balance_minor: 60_000, holdback_minor: 6_000, excess_minor: 0 },
    )]);
    let all = finance(&[invoice(40_000)], &approved(60_000), Currency::EUR, &mut positions).unwrap();
    assert_eq!(parts(&all), [(6_000, 4_000, 30_000)]);
    let contract = Contract { concentration_percent: Some(Decimal::from(50)), ..sample::contract() };
    let others = Position { balance_minor: 100_000, ..Position::default() };
    let mut positions = Positions::from([("siren:005520135".to_owned(), others)]);
    let all = finance(&[invoice(100_000)], &contract, Currency::EUR, &mut positions).unwrap();
    assert_eq!(parts(&all), [(90_000, 10_000, 0)], "half of 2 000.00 is 1 000.00");
}

#[test]
fn when_the_factor_is_paid_the_guarantee_is_free_and_the_excess_as_far_as_it_is_not_needed() {
    let limits = Limits { approval_minor: Some(80_000), concentration_minor: None };
    let contract = approved(80_000);
    let (_, mut position) = run(&[invoice(115_000), invoice(40_000)], &contract);
    assert_eq!(position, Position { balance_minor: 155_000, holdback_minor: 15_500, excess_minor: 59_500 });
    let first = release(40_000, 4_000, &contract, limits, &mut position).unwrap();
    assert_eq!(first, Released { holdback_minor: 4_000, excess_minor: 36_000 });
    let second = release(115_000, 11_500, &contract, limits, &mut position).unwrap();
    assert_eq!(second, Released { holdback_minor: 11_500, excess_minor: 23_500 });
    assert_eq!(position, Position::default());
}

#[test]
fn a_buyer_stands_as_what_is_still_owed_says() {
    let limits = Limits { approval_minor: Some(80_000), concentration_minor: None };
    let contract = approved(80_000);
    let (all, mut position) = run(&[invoice(115_000), invoice(40_000)], &contract);
    // The first is paid: the second alone is within the limit, and the excess that was held of it is not needed.
    let left = Position { balance_minor: 40_000, holdback_minor: 4_000, excess_minor: all[1].excess_minor };
    release(115_000, 11_500, &contract, limits, &mut position).unwrap();
    assert_eq!(Position::standing(left, limits), Some(position));
    // The second is paid instead: the first is beyond the limit as it was.
    let left = Position { balance_minor: 115_000, holdback_minor: 11_500, excess_minor: all[0].excess_minor };
    assert_eq!(Position::standing(left, limits), Some(left));
    assert_eq!(Position::standing(left, Limits::default()).unwrap().excess_minor, 0);
}

#[test]
fn sums_of_documents_are_sums_of_each_part() {
    let (all, _) = run(&[invoice(115_000), credit_note(20_000)], &approved(80_000));
    let sum = all.iter().try_fold(Financed::default(), |sum, own| sum.plus(own)).unwrap();
    assert_eq!(
        sum,
        Financed {
            amount_minor: 95_000,
            fee_minor: 0,
            fee_tax_minor: 0,
            holdback_minor: 9_500,
            excess_minor: 5_500,
            available_minor: 80_000,
            bound: None
        }
    );
}

#[test]
fn sums_beyond_any_ledger_are_told() {
    let mut positions = Positions::new();
    let told =
        finance(&[invoice(i64::MAX), invoice(i64::MAX)], &sample::contract(), Currency::EUR, &mut positions);
    assert_eq!(told, Err(Error::Overflow { contract: "12345".to_owned() }));
}

proptest! {
    #[test]
    fn the_parts_are_the_whole_and_no_more_than_the_limit_is_financed(
        documents in prop::collection::vec((any::<bool>(), 1_i64..1_000_000), 1..40),
        limit in 0_i64..5_000_000,
        fee in 0_i64..300,
        share in prop::option::of(1_i64..100),
    ) {
        let contract = Contract {
            fee_percent: Decimal::new(fee, 2),
            fee_tax_percent: Decimal::from(20),
            concentration_percent: share.map(Decimal::from),
            ..approved(limit)
        };
        let documents: Vec<Due<'_>> = documents
            .iter()
            .map(|(is_invoice, minor)| if *is_invoice { invoice(*minor) } else { credit_note(*minor) })
            .collect();
        let (all, after) = run(&documents, &contract);
        for (own, document) in all.iter().zip(&documents) {
            prop_assert_eq!(own.amount_minor, document.kind.sign() * document.amount_minor);
            let sum = own.available_minor + own.fee_minor + own.fee_tax_minor + own.holdback_minor + own.excess_minor;
            prop_assert_eq!(sum, own.amount_minor);
        }
        let paid: i64 = all.iter().map(|own| own.available_minor).sum();
        prop_assert!(paid <= limit, "{} is financed under a limit of {}", paid, limit);
        prop_assert_eq!(after.balance_minor, all.iter().map(|own| own.amount_minor).sum::<i64>());
        prop_assert_eq!(after.holdback_minor, all.iter().map(|own| own.holdback_minor).sum::<i64>());
        prop_assert_eq!(after.excess_minor, all.iter().map(|own| own.excess_minor).sum::<i64>());
        prop_assert!(after.holdback_minor >= 0 && after.excess_minor >= 0);
    }

    #[test]
    fn paying_everything_sets_everything_free(amounts in prop::collection::vec(1_i64..1_000_000, 1..20), limit in 0_i64..5_000_000) {
        let contract = approved(limit);
        let documents: Vec<Due<'_>> = amounts.iter().map(|minor| invoice(*minor)).collect();
        let (all, mut position) = run(&documents, &contract);
        let limits = Limits { approval_minor: Some(limit), concentration_minor: None };
        let held: i64 = all.iter().map(|own| own.holdback_minor + own.excess_minor).sum();
        let mut free = 0;
        for own in &all {
            let released = release(own.amount_minor, own.holdback_minor, &contract, limits, &mut position).unwrap();
            prop_assert!(released.holdback_minor >= 0 && released.excess_minor >= 0);
            free += released.holdback_minor + released.excess_minor;
        }
        prop_assert_eq!(free, held);
        prop_assert_eq!(position, Position::default());
    }
}
