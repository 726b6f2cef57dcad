//! One rich story in both languages, byte for byte, and nothing English left in the French one.

use std::collections::BTreeSet;

use encours::model::{
    BreakKind, Condition, Decision, Event, InOtherCurrency, LayerKind, LinkReason, RequestStatus,
};
use encours::model::{Instant, Layer, LinkKind, Rating};
use sqlx::types::Json;

use super::tests::{day, example_a, invoice, limit, policy};
use super::*;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn account(code: &str, identifiers: &[(&str, &str)], limit_minor: Option<i64>) -> AccountRow {
    AccountRow {
        connection: "erp".into(),
        external_id: code.into(),
        code: code.into(),
        name: "Exemple SAS".into(),
        country: "FR".into(),
        street: None,
        postcode: None,
        town: None,
        identifiers: Json(identifiers.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect()),
        insurer_buyer_id: limit_minor.map(|_| "77".into()),
        limit_minor,
        limit_currency: limit_minor.map(|_| "EUR".into()),
        buyer_id: "siren:404833048".into(),
        link: None,
    }
}

fn link(kind: LinkKind, external_id: &str, reason: LinkReason, detail: &str) -> LinkRow {
    LinkRow {
        seq: 1,
        kind: kind.as_str().into(),
        connection: if kind == LinkKind::Account { "erp" } else { "insurer" }.into(),
        external_id: external_id.into(),
        buyer_id: "siren:404833048".into(),
        reason: reason.as_str().into(),
        detail: detail.into(),
        score: None,
        decided_by: "Ada".into(),
        previous_buyer: None,
        recorded_at: at("2026-01-05T08:00:00Z"),
        reversed_at: None,
        reversed_by: None,
    }
}

/// A difference of every kind, with the sides that the core writes.
fn differences() -> Vec<BreakRow> {
    let sides = [
        ("130 000.00 EUR owed", "100 000.00 EUR covered"),
        ("C1 50 000.00 EUR, C2 10.00 EUR", "no cover"),
        ("50 000.00 EUR", "never decided"),
        ("1.00 EUR owed", "nothing covered"),
        ("F0 was not paid within the extension period", "nothing invoiced from 2026-03-16 on is covered"),
        ("900.00 EUR due on 2026-01-31", "notice owed by 2026-05-01"),
        ("1.00 EUR owed", "20 000.00 EUR until 2026-06-30"),
        ("erp does not stop deliveries on a limit", ""),
        ("1.00 USD owed", "no policy counts in USD"),
    ];
    let row = |(kind, (ours, theirs)): (&BreakKind, &(&str, &str))| BreakRow {
        id: kind.as_str().into(),
        kind: kind.as_str().into(),
        subject: "siren:404833048".into(),
        name: "Exemple".into(),
        country: "FR".into(),
        connection: "insurer".into(),
        ours: (*ours).into(),
        theirs: (*theirs).into(),
        occurrence: 1,
        opened_at: at("2026-03-19T08:00:00Z"),
        opened_on: day("2026-03-19"),
        closed_at: None,
    };
    BreakKind::ALL.iter().zip(sides.iter().cycle()).map(row).collect()
}

/// A delta of every event, with facts as the cycle writes them.
fn events() -> Vec<(Date, DeltaRow)> {
    let facts = |event: &Event| match event.subject() {
        "limit" => {
            json!({ "amount": "40000.00", "requested": "100000.00", "currency": "EUR", "effective_from": "2026-03-10" })
        }
        "exposure" => json!({ "outstanding": "130000.00", "before": "110000.00", "currency": "EUR" }),
        "cover" => json!({ "stopped_on": "2026-03-16", "cause": "F0", "lifted_on": null }),
        "deadline" => {
            json!({ "kind": "overdue_notice", "number": "12", "last_day": "2026-05-01", "at_stake": "900.00", "currency": "EUR" })
        }
        "request" => {
            json!({ "kind": "change_limit", "action": "increase", "amount": "55000.00", "currency": "EUR" })
        }
        "break" => json!({ "kind": "over_limit" }),
        _ => json!({ "rating": "42", "before": "40" }),
    };
    let row = |event: &Event| DeltaRow {
        seq: 1,
        id: event.as_str().into(),
        event: event.as_str().into(),
        subject: "siren:404833048".into(),
        routing_key: String::new(),
        summary: format!("The sentence of {event}."),
        data: Json(facts(event)),
        created_at: at("2026-03-19T08:00:00Z"),
        published_at: None,
        run: "r1".into(),
    };
    Event::ALL.iter().map(|event| (day("2026-03-19"), row(event))).collect()
}

/// A buyer of whom as much is to be told as there can be.
fn rich() -> File {
    let mut cut = limit(2, Decision::Reduced, "R", 40_000, "2026-03-10");
    cut.payload.requested_minor = Some(10_000_000);
    cut.payload.decided_on = Some(day("2026-03-09"));
    cut.payload.rating = Some("42".into());
    cut.payload.layers.push(Layer {
        kind: LayerKind::Temporary,
        amount_minor: 1_000_000,
        until: Some(day("2026-06-30")),
    });
    cut.payload.conditions = vec![Condition { code: "C7".into(), text: "Bilan attendu".into() }];
    cut.payload.in_other_currency = Some(InOtherCurrency {
        currency: Currency::parse("DKK").unwrap(),
        amount_minor: Some(37_250_000),
        requested_minor: Some(74_500_000),
        layers: vec![],
    });
    let request = LimitRequest {
        reference: "R9".into(),
        our_reference: None,
        insurer_buyer_id: "77".into(),
        policy: "P1".into(),
        requested_minor: Some(12_000_000),
        currency: Currency::EUR,
        status: RequestStatus::Pending,
        requested_on: Some(day("2026-03-18")),
        in_other_currency: None,
    };
    let file = example_a();
    let mut items = file.items.clone();
    items.push(ItemView { disputed: true, ..invoice("F4", 1_150, "2026-03-16") });
    items.push(ItemView { due: day("2026-03-01"), due_estimated: true, ..invoice("F0", 900, "2026-01-02") });
    items.push(ItemView { original_due: day("2026-09-01"), ..invoice("F5", 700, "2026-03-17") });
    items.push(ItemView { currency: "USD".into(), ..invoice("F6", 600, "2026-03-18") });
    items.push(invoice("F7", 500, "2025-12-01"));
    items.push(ItemView { kind: "credit_note".into(), ..invoice("A1", 100, "2026-03-02") });
    items.push(ItemView { kind: "receipt".into(), ..invoice("E1", 50, "2026-03-03") });
    items.push(ItemView { open_minor: 0, ..invoice("F8", 10, "2026-01-03") });
    let stop = CoverStopRow {
        buyer_id: file.buyer.id.clone(),
        connection: "insurer".into(),
        policy: "P1".into(),
        number: 1,
        stopped_on: day("2026-03-16"),
        cause_connection: "erp".into(),
        cause_item: "F0".into(),
        cause_number: "F0".into(),
        lifts: "payment".into(),
        known_since: day("2026-03-16"),
        lifted_on: None,
        covered_from: None,
        lifted_why: None,
        lifted_by: None,
        because: None,
        version: 1,
    };
    let rating = RatingRow {
        connection: "insurer".into(),
        insurer_buyer_id: "77".into(),
        payload: Json(Rating {
            insurer_buyer_id: "77".into(),
            buyer_name: "EXEMPLE".into(),
            rating: "42".into(),
            class: None,
            previous: Some("40".into()),
            changed_on: Some(day("2026-02-01")),
        }),
        version: 2,
        seen_on: day("2026-02-02"),
        recorded_at: at("2026-02-02T08:00:00Z"),
    };
    File {
        items,
        accounts: vec![
            account("C1", &[("siren", "404833048"), ("vat", "FR83404833048")], Some(5_000_000)),
            account("C2", &[("siren", "404833049")], None),
            account("C3", &[], None),
        ],
        links: vec![
            link(LinkKind::Account, "C1", LinkReason::Siren, "SIREN 404833048"),
            link(LinkKind::Account, "C2", LinkReason::Person, "contrat 12"),
            link(
                LinkKind::InsurerBuyer,
                "77",
                LinkReason::InsurerId,
                "an account stores the insurer's id 77",
            ),
        ],
        limits: vec![limit(1, Decision::Approved, "A", 100_000, "2026-01-01"), cut],
        requests: vec![("insurer".into(), request)],
        ratings: vec![rating],
        stops: vec![stop],
        breaks: differences(),
        deltas: events(),
        backlogs: vec![("EUR".into(), 1_200_000)],
        policies: vec![policy()],
        periods: vec![policy()],
        ..file
    }
}

fn story(say: Language) -> String {
    let file = rich();
    let items = file.open_items().unwrap();
    let insured = vec![file.insured(&file.policies[0], &items).unwrap()];
    file.told(say, &exposures(&items, file.day).unwrap(), &insured)
}

#[test]
fn a_rich_story_is_told_so_in_both_languages() {
    for (say, golden) in [
        (Language::English, include_str!("golden/story.en.txt")),
        (Language::French, include_str!("golden/story.fr.txt")),
    ] {
        let told = story(say);
        assert!(told == golden, "if it is meant so, put this into golden/story.*.txt:\n{told}");
    }
}

/// Words that no French sentence has.
const ENGLISH: &[&str] = &[
    "the",
    "of",
    "is",
    "was",
    "were",
    "are",
    "and",
    "not",
    "for",
    "since",
    "with",
    "until",
    "which",
    "to",
    "in",
    "it",
    "its",
    "by",
    "from",
    "first",
    "older",
    "limit",
    "limits",
    "cover",
    "covered",
    "invoice",
    "invoices",
    "buyer",
    "insurer's",
    "policy",
    "read",
    "owed",
    "nothing",
    "this",
    "that",
    "has",
    "would",
    "days",
    "day",
    "today",
    "than",
    "no",
    "never",
    "new",
    "asked",
    "next",
    "side",
    "why",
    "open",
    "account",
    "accounts",
];

/// The English words that a text says in its own voice: commands between backticks and codes are what they are.
fn english(text: &str) -> BTreeSet<String> {
    let own = text.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let words = own.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '\'' | ':'));
    let words = words.map(|word| word.trim_end_matches(['.', ':', '\'']).to_lowercase());
    words.filter(|word| ENGLISH.contains(&word.as_str())).collect()
}

#[test]
fn nothing_english_is_left_in_a_french_story() {
    let (english_story, french) = (story(Language::English), story(Language::French));
    assert!(english(&english_story).len() > 30, "the words that are looked for are those of the story");
    assert_eq!(english(&french), BTreeSet::new(), "{french}");
    let lines: BTreeSet<&str> = french.lines().map(str::trim).collect();
    // A buyer, a condition of its insurer and an empty line read the same; no sentence does.
    let same = english_story.lines().map(str::trim).filter(|line| lines.contains(line) && line.contains(' '));
    let same: Vec<&str> = same.filter(|line| !line.starts_with("C7 ") && !line.starts_with('─')).collect();
    assert_eq!(same, Vec::<&str>::new());
}

#[test]
fn a_side_that_no_form_fits_is_quoted_as_it_stands() {
    assert_eq!(phrases::side(Language::French, "code X of a table"), "« code X of a table »");
    assert_eq!(phrases::side(Language::French, "411 100 000.00 EUR"), "411 100 000,00 EUR");
    assert_eq!(phrases::side(Language::English, "1.00 EUR owed"), "1.00 EUR owed");
}
