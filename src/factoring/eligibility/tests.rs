//! Each reason by itself, the order of reasons, and that nothing is lost.

use proptest::prelude::*;

use super::*;
use crate::factoring::sample;
use crate::model::{ContractBuyer, ExcludedBuyer};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// An invoice of a buyer that the contract knows, with nothing against it.
fn sound() -> Candidate {
    Candidate {
        connection: "erp".into(),
        external_id: "1".into(),
        number: "F1".into(),
        kind: ItemKind::Invoice,
        buyer: sample::buyer("B1"),
        currency: Currency::EUR,
        total_minor: 115_000,
        tax_minor: None,
        open_minor: 115_000,
        issued: day("2026-03-02"),
        due: day("2026-04-30"),
        original_due: day("2026-04-30"),
        disputed: false,
        credits: None,
        reference: None,
    }
}

fn numbered(document: Candidate, key: &str) -> Candidate {
    Candidate { external_id: key.into(), number: key.into(), ..document }
}

fn selected(candidates: Vec<Candidate>, contract: &Contract, taken: &Taken) -> Selection {
    let plain = |document: &Candidate| Ok(document.number.clone());
    select(candidates, contract, taken, Currency::EUR, day("2026-03-10"), &plain)
}

/// The reason for the only document; none where it is assigned.
fn reason(document: Candidate, contract: &Contract) -> Option<Refusal> {
    let selection = selected(vec![document], contract, &Taken::default());
    selection.refused.first().map(|refused| refused.reason)
}

#[test]
fn a_sound_invoice_is_assigned() {
    assert_eq!(reason(sound(), &sample::contract()), None);
}

#[test]
fn each_reason_by_itself() {
    let contract = sample::contract();
    let of = |change: fn(&mut Candidate)| {
        let mut document = sound();
        change(&mut document);
        reason(document, &contract)
    };
    assert_eq!(of(|d| d.kind = ItemKind::Receipt), Some(Refusal::NotAClaim));
    assert_eq!(of(|d| d.buyer.id = "siren:000000018".into()), Some(Refusal::UnknownBuyer));
    assert_eq!(of(|d| d.currency = Currency::parse("USD").unwrap()), Some(Refusal::Currency));
    assert_eq!(of(|d| d.buyer.country = "US".into()), Some(Refusal::Country));
    assert_eq!(of(|d| d.buyer.country = String::new()), Some(Refusal::Country));
    assert_eq!(of(|d| d.issued = day("2025-12-31")), Some(Refusal::OutsideContract));
    assert_eq!(of(|d| d.issued = day("2026-01-01")), None, "the first day of the contract");
    assert_eq!(of(|d| d.issued = day("2026-03-10")), None, "the day of the batch");
    assert_eq!(of(|d| d.issued = day("2026-03-11")), Some(Refusal::OutsideContract));
    assert_eq!(of(|d| d.disputed = true), Some(Refusal::Disputed));
    assert_eq!(of(|d| d.original_due = day("2026-03-10")), None, "due on the day is not overdue");
    assert_eq!(
        of(|d| d.original_due = day("2026-03-09")),
        Some(Refusal::Overdue),
        "a new due date does not help"
    );
    assert_eq!(of(|d| d.open_minor = 10_000), None, "the least amount");
    assert_eq!(of(|d| d.open_minor = 9_999), Some(Refusal::BelowMinimum));
    assert_eq!(of(|d| d.kind = ItemKind::CreditNote), Some(Refusal::NothingAssigned));
}

#[test]
fn a_contract_may_take_overdue_invoices_any_buyer_and_every_country() {
    let late = Candidate { original_due: day("2026-02-08"), ..sound() };
    let contract = Contract { max_days_overdue: 30, ..sample::contract() };
    assert_eq!(reason(late.clone(), &contract), None, "30 days");
    assert_eq!(
        reason(Candidate { original_due: day("2026-02-07"), ..late }, &contract),
        Some(Refusal::Overdue)
    );
    let mut unknown = sound();
    unknown.buyer.id = "siren:000000018".into();
    unknown.buyer.country = "US".into();
    let open = Contract { any_buyer: true, countries: Vec::new(), ..sample::contract() };
    assert_eq!(reason(unknown, &open), None);
}

#[test]
fn excluded_buyers_keep_the_kind_of_their_exclusion() {
    let told: Vec<Option<Refusal>> = BuyerKind::ALL
        .iter()
        .map(|kind| {
            let excluded_buyers = vec![ExcludedBuyer { buyer: "siren:404833048".into(), kind: *kind }];
            reason(sound(), &Contract { excluded_buyers, ..sample::contract() })
        })
        .collect();
    assert_eq!(
        told,
        [Some(Refusal::Public), Some(Refusal::PrivatePerson), Some(Refusal::Affiliate)],
        "in the order of BuyerKind"
    );
}

#[test]
fn without_an_approved_amount_nothing_is_assigned_where_the_contract_asks_for_one() {
    let asks = Contract { approval_required: true, ..sample::contract() };
    assert_eq!(reason(sound(), &asks), Some(Refusal::NoApproval));
    let approved = |minor| {
        let own = ContractBuyer { approval: Some([(Currency::EUR, minor)].into()), ..asks.buyers[0].clone() };
        Contract { buyers: vec![own], ..asks.clone() }
    };
    assert_eq!(reason(sound(), &approved(1)), None, "more than that is held back, not refused");
    assert_eq!(reason(sound(), &approved(0)), Some(Refusal::NoApproval));
    let credit = Candidate { kind: ItemKind::CreditNote, ..numbered(sound(), "A1") };
    let selection = selected(vec![sound(), credit], &approved(1), &Taken::default());
    assert_eq!(selection.documents.len(), 2);
}

#[test]
fn credit_notes_follow_the_buyer_whatever_is_wrong_with_them_as_claims() {
    let credit = Candidate {
        kind: ItemKind::CreditNote,
        disputed: true,
        open_minor: 1,
        original_due: day("2025-01-01"),
        ..numbered(sound(), "A1")
    };
    let with = selected(vec![credit.clone(), sound()], &sample::contract(), &Taken::default());
    assert_eq!(with.documents.len(), 2, "{with:?}");
    let disputed = Candidate { disputed: true, ..sound() };
    let without = selected(vec![credit.clone(), disputed], &sample::contract(), &Taken::default());
    let reasons: Vec<Refusal> = without.refused.iter().map(|refused| refused.reason).collect();
    assert_eq!(reasons, [Refusal::NothingAssigned, Refusal::Disputed]);
    let earlier = Taken { buyers: ["siren:404833048".to_owned()].into(), ..Taken::default() };
    assert_eq!(selected(vec![credit], &sample::contract(), &earlier).documents.len(), 1);
}

#[test]
fn a_document_and_a_number_go_once_for_ever() {
    let taken = Taken {
        documents: [("erp".to_owned(), "1".to_owned())].into(),
        elsewhere: [("erp".to_owned(), "F4".to_owned())].into(),
        numbers: ["F2".to_owned()].into(),
        buyers: BTreeSet::new(),
    };
    let other_key = Candidate { external_id: "3".into(), ..numbered(sound(), "F3") };
    let selection = selected(
        vec![
            sound(),
            numbered(sound(), "F2"),
            numbered(sound(), "F3"),
            numbered(sound(), "F4"),
            Candidate { connection: "crm".into(), ..other_key },
        ],
        &sample::contract(),
        &taken,
    );
    let told: Vec<(&str, Refusal)> =
        selection.refused.iter().map(|refused| (refused.document.number.as_str(), refused.reason)).collect();
    assert_eq!(
        told,
        [
            ("F1", Refusal::Assigned),
            ("F2", Refusal::NumberTaken),
            ("F3", Refusal::NumberTaken),
            ("F4", Refusal::AssignedElsewhere)
        ]
    );
    assert_eq!(selection.documents.len(), 1);
}

#[test]
fn what_the_form_cannot_hold_is_refused_with_the_field() {
    let long = numbered(sound(), "FACTURE-2026-000001");
    let form = |document: &Candidate| {
        let number = &document.number;
        if number.len() > 14 {
            Err(format!("number: {number} has 19 signs, and there is room for 14"))
        } else {
            Ok(number.clone())
        }
    };
    let selection =
        select(vec![long], &sample::contract(), &Taken::default(), Currency::EUR, day("2026-03-10"), &form);
    assert_eq!(selection.refused[0].reason, Refusal::DoesNotFit);
    assert!(selection.refused[0].detail.as_deref().unwrap().contains("room for 14"));
}

#[test]
fn documents_go_by_buyer_date_and_number() {
    let at = |key: &str, code: &str, issued: &str| {
        let mut document = numbered(sound(), key);
        document.buyer.code = code.into();
        document.issued = day(issued);
        document
    };
    let all = vec![
        at("F9", "B2", "2026-03-01"),
        at("F8", "B1", "2026-03-03"),
        at("F7", "B1", "2026-03-03"),
        at("F6", "B1", "2026-03-04"),
    ];
    let selection = selected(all, &sample::contract(), &Taken::default());
    let numbers: Vec<&str> = selection.documents.iter().map(|document| document.number.as_str()).collect();
    assert_eq!(numbers, ["F7", "F8", "F6", "F9"]);
}

/// The acceptance matrix that one factor agrees with its clients before they go live: what becomes of each case.
#[test]
fn the_twelve_cases_of_a_first_delivery() {
    let buyer = |code: &str, approval: Option<i64>| ContractBuyer {
        buyer: sample::buyer(code).id,
        factor_id: None,
        approval: approval.map(|minor| [(Currency::EUR, minor)].into()),
        holdback_percent: None,
    };
    let contract = Contract {
        max_days_overdue: 90,
        countries: vec!["FR".into(), "BE".into()],
        buyers: vec![buyer("B1", Some(5_000_000)), buyer("B2", None), buyer("B4", Some(5_000_000))],
        excluded_buyers: vec![ExcludedBuyer { buyer: sample::buyer("B3").id, kind: BuyerKind::Affiliate }],
        approval_required: true,
        ..sample::contract()
    };
    let due = |key: &str, due: &str| Candidate {
        issued: day("2026-01-02"),
        original_due: day(due),
        ..numbered(sound(), key)
    };
    let of = |key: &str, code: &str| Candidate { buyer: sample::buyer(code), ..numbered(sound(), key) };
    let on = day("2026-06-10");
    let foreign = {
        let mut document = of("08-foreign", "B4");
        document.buyer.country = "BE".into();
        document
    };
    let cases: Vec<(Candidate, Option<Refusal>)> = vec![
        (due("01-healthy", "2026-07-01"), None),
        (due("02-overdue-30", "2026-05-11"), None),
        (due("03-overdue-75", "2026-03-27"), None),
        (due("04-overdue-91", "2026-03-11"), Some(Refusal::Overdue)),
        (Candidate { open_minor: 9_000_000, ..due("05-over-the-limit", "2026-07-01") }, None),
        (Candidate { kind: ItemKind::CreditNote, ..due("06-credit-note", "2026-07-01") }, None),
        (Candidate { open_minor: 57_500, ..due("07-half-paid", "2026-07-01") }, None),
        (of("09-no-approval", "B2"), Some(Refusal::NoApproval)),
        (foreign, None),
        (
            Candidate { currency: Currency::parse("USD").unwrap(), ..due("10-dollars", "2026-07-01") },
            Some(Refusal::Currency),
        ),
        (of("11-affiliate", "B3"), Some(Refusal::Affiliate)),
        (Candidate { open_minor: 9_999, ..due("12-small", "2026-07-01") }, Some(Refusal::BelowMinimum)),
    ];
    let plain = |document: &Candidate| Ok(document.number.clone());
    let candidates = cases.iter().map(|(document, _)| document.clone()).collect();
    let selection = select(candidates, &contract, &Taken::default(), Currency::EUR, on, &plain);
    for (document, expected) in &cases {
        let refused = selection.refused.iter().find(|refused| refused.document.number == document.number);
        assert_eq!(refused.map(|refused| refused.reason), *expected, "{}", document.number);
        let is_assigned = selection.documents.iter().any(|own| own.number == document.number);
        assert_eq!(is_assigned, expected.is_none(), "{}", document.number);
    }
}

proptest! {
    #[test]
    fn every_document_is_assigned_or_refused_and_the_order_of_arrival_does_not_matter(
        shapes in prop::collection::vec((0_usize..3, 0_usize..5, 0_i64..20_000, any::<bool>(), 0_u32..6), 0..40)
    ) {
        let candidates: Vec<Candidate> = shapes
            .iter()
            .zip(0..)
            .map(|((kind, buyer, open, disputed, number), key)| Candidate {
                kind: ItemKind::ALL[*kind],
                buyer: sample::buyer(&format!("B{buyer}")),
                open_minor: *open,
                disputed: *disputed,
                number: format!("F{number}"),
                external_id: format!("{key}"),
                ..sound()
            })
            .collect();
        let there = selected(candidates.clone(), &sample::contract(), &Taken::default());
        prop_assert_eq!(there.documents.len() + there.refused.len(), candidates.len());
        let back = selected(candidates.into_iter().rev().collect(), &sample::contract(), &Taken::default());
        let numbers: BTreeSet<&str> = there.documents.iter().map(|document| document.number.as_str()).collect();
        prop_assert_eq!(numbers.len(), there.documents.len(), "a number goes once");
        prop_assert_eq!(&there, &back);
    }
}
