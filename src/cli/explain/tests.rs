//! The sentences of a story, and the figures in them.

use super::*;
use encours::credit::discretionary::Invoiced;
use encours::model::{
    Block, Decision, DiscretionaryRule, InOtherCurrency, Layer, LayerKind, LayerTerm, Limit, RequestStatus,
};

pub(super) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(super) fn invoice(number: &str, euros: i64, issued: &str) -> ItemView {
    let issued = day(issued);
    ItemView {
        connection: "erp".into(),
        external_id: number.into(),
        number: number.into(),
        kind: "invoice".into(),
        account: "C1".into(),
        currency: "EUR".into(),
        total_minor: euros * 100,
        tax_minor: None,
        open_minor: euros * 100,
        issued,
        due: issued + chrono::Days::new(30),
        original_due: issued + chrono::Days::new(30),
        due_estimated: false,
        disputed: false,
    }
}

pub(super) fn limit(version: i64, decision: Decision, code: &str, euros: i64, from: &str) -> LimitRow {
    let payload = Limit {
        reference: "L1".into(),
        insurer_buyer_id: "77".into(),
        buyer_name: "EXEMPLE".into(),
        identifiers: vec![],
        policy: "P1".into(),
        decision,
        decision_code: code.into(),
        requested_minor: None,
        amount_minor: euros * 100,
        currency: Currency::EUR,
        layers: vec![Layer { kind: LayerKind::Permanent, amount_minor: euros * 100, until: None }],
        effective_from: day(from),
        effective_to: None,
        withdrawal_on: None,
        decided_on: Some(day(from)),
        conditions: vec![],
        rating: None,
        our_reference: None,
        in_other_currency: None,
    };
    LimitRow {
        connection: "insurer".into(),
        policy: "P1".into(),
        insurer_buyer_id: "77".into(),
        buyer_id: Some("siren:404833048".into()),
        payload: sqlx::types::Json(payload),
        version,
        seen_on: day(from),
        recorded_at: encours::clock::now(),
    }
}

pub(super) fn policy() -> Policy {
    Policy {
        maximum_terms_days: Some(120),
        ..Policy::plain("insurer", "P1", Currency::EUR, day("2026-01-01"), 90.into())
    }
}

/// Example A of the shared rules: a cut leaves covered what was already invoiced.
pub(super) fn example_a() -> File {
    File {
        experience: None,
        backlogs: vec![],
        stops: vec![],
        requests: vec![],
        asked: None,
        later: 0,
        eves: vec![],
        terms_eves: vec![],
        group: Group::default(),
        buyer: BuyerRow { id: "siren:404833048".into(), name: "Exemple".into(), country: "FR".into() },
        accounts: vec![],
        links: vec![],
        items: vec![
            invoice("F1", 60_000, "2026-02-05"),
            invoice("F2", 50_000, "2026-03-01"),
            invoice("F3", 20_000, "2026-03-15"),
        ],
        limits: vec![
            limit(1, Decision::Approved, "A", 100_000, "2026-01-01"),
            limit(2, Decision::Reduced, "R", 40_000, "2026-03-10"),
        ],
        ratings: vec![],
        breaks: vec![],
        deltas: vec![],
        policies: vec![policy()],
        periods: vec![policy()],
        day: day("2026-03-20"),
    }
}

#[test]
fn the_story_of_a_cut_says_what_is_covered_and_why() {
    let file = example_a();
    let items = file.open_items().unwrap();
    let insured = vec![file.insured(&file.policies[0], &items).unwrap()];
    let told = file.told(Language::English, &exposures(&items, file.day).unwrap(), &insured);
    for expected in [
        "130 000.00 EUR: 3 invoices for 130 000.00 EUR.",
        "2026-03-10  reduced (R): 40 000.00 EUR; first read on 2026-03-10",
        "The limit today is 40 000.00 EUR since 2026-03-10.",
        "older invoices leave only this much of the limit",
        "older invoices use up the limit of that day",
        "Covered: 100 000.00 EUR of the 130 000.00 EUR owed in EUR. Uninsured: 30 000.00 EUR, beyond the limit.",
        "the insurer pays 90 000.00 EUR (90 % of what is covered)",
        "A new invoice would find no room in today's limit.",
    ] {
        assert!(told.contains(expected), "\"{expected}\" is missing in:\n{told}");
    }
    let json = file.json(&[], &insured);
    assert_eq!(json["cover"][0]["lines"][1]["covered"], "40000.00");
    assert_eq!(json["cover"][0]["lines"][1]["reason"], "limit_used");
}

#[test]
fn what_is_paid_is_told_by_layer_where_the_policy_says_so() {
    let mut file = example_a();
    let layers = vec![
        Layer { kind: LayerKind::Permanent, amount_minor: 9_000_000, until: None },
        Layer { kind: LayerKind::TopUp, amount_minor: 1_000_000, until: None },
    ];
    file.limits[0].payload.0.layers = layers;
    let term = LayerTerm { kind: LayerKind::TopUp, insured_percentage: Some("72.5".parse().unwrap()) };
    (file.policies[0].layers, file.periods[0].layers) = (vec![term.clone()], vec![term]);
    let told = |file: &File, say| {
        let items = file.open_items().unwrap();
        let insured = vec![file.insured(&file.policies[0], &items).unwrap()];
        file.told(say, &exposures(&items, file.day).unwrap(), &insured)
    };
    let english = told(&file, Language::English);
    let paid =
        "pays 88 250.00 EUR (90 % of 90 000.00 EUR in permanent layers, 72.5 % of 10 000.00 EUR in top-ups)";
    assert!(english.contains(paid), "{english}");
    let french = told(&file, Language::French);
    let paid = "verse 88 250,00 EUR (90 % de 90 000,00 EUR en agrément permanent ; 72,5 % de 10 000,00 EUR en complément)";
    assert!(french.contains(paid), "{french}");
    let none = LayerTerm { kind: LayerKind::Permanent, insured_percentage: None };
    (file.policies[0].layers, file.periods[0].layers) = (vec![none.clone()], vec![none]);
    let english = told(&file, Language::English);
    assert!(
        english.contains("no cover today: the policy does not take the layers that the insurer granted"),
        "{english}"
    );
    assert!(told(&file, Language::French).contains("la police ne retient pas les couches accordées"));
}

#[test]
fn a_computed_discretionary_limit_is_told_line_by_line() {
    let rule = DiscretionaryRule {
        amount_minor: 2_500_000,
        share_percent: 100.into(),
        experience_months: 12,
        min_payments: 2,
        without_experience_minor: 300_000,
        max_days_late: 30,
        reports: vec![],
        blocks: Block::ALL.to_vec(),
        rebuild_months: 6,
    };
    let policy = Policy { discretionary_rule: Some(rule), ..policy() };
    let paid = |number: &str, due: &str, paid_on: Option<&str>| Invoiced {
        number: number.into(),
        currency: Currency::EUR,
        minor: 600_000,
        net_minor: None,
        issued: day("2026-01-02"),
        due: day(due),
        paid_on: paid_on.map(day),
        disputed: false,
    };
    let told = |invoices: Vec<Invoiced>| {
        let file = File {
            experience: Some(Experience { invoices, ratings: vec![] }),
            limits: vec![],
            policies: vec![policy.clone()],
            periods: vec![policy.clone()],
            ..example_a()
        };
        let items = file.open_items().unwrap();
        let insured = vec![file.insured(&file.policies[0], &items).unwrap()];
        (
            file.told(Language::English, &[], &insured),
            file.json(&[], &insured)["cover"][0]["discretionary"].clone(),
        )
    };
    let good = [paid("P1", "2026-02-01", Some("2026-02-01")), paid("P2", "2026-02-01", Some("2026-02-10"))];
    let (text, json) = told(good.to_vec());
    for expected in [
        "Nothing was ever decided: the discretionary limit of 12 000.00 EUR counts.\n    at most 25 000.00 EUR\n",
        "2 invoices paid in time within 12 months, 12 000.00 EUR of them owed at once: 100 % of that give 12 000.00 EUR\n",
        "without experience the policy gives 3 000.00 EUR\n",
    ] {
        assert!(text.contains(expected), "\"{expected}\" is missing in:\n{text}");
    }
    assert_eq!((&json["amount"], &json["grounds"][0]["payments"]), (&json!("12000.00"), &json!(2)));
    let (text, json) = told(good.iter().cloned().chain([paid("P3", "2026-02-01", None)]).collect());
    let blocked = "the discretionary limit is zero.\n    at most 25 000.00 EUR\n    P3 was not paid in the days allowed, on 2026-03-04, and that goes on: nothing counts\n";
    assert!(text.contains(blocked), "{text}");
    assert_eq!((&json["amount"], &json["grounds"][0]["block"]), (&json!("0.00"), &json!("overdue")));
}

#[test]
fn a_delta_concerns_the_buyer_that_its_facts_name() {
    let id = "siren:404833048";
    for data in [json!({ "buyer": id }), json!({ "buyer": { "id": id } }), json!({ "subject": id })] {
        assert!(concerns(&data, id), "{data}");
    }
    assert!(!concerns(&json!({ "buyer": null, "name": id }), id));
}

#[test]
fn what_the_insurer_has_not_decided_is_told_in_both_currencies() {
    let request = |insurer_buyer_id: &str, policy: &str| LimitRequest {
        reference: "R9".into(),
        our_reference: None,
        insurer_buyer_id: insurer_buyer_id.into(),
        policy: policy.into(),
        requested_minor: Some(12_000_000),
        currency: Currency::EUR,
        status: RequestStatus::Pending,
        requested_on: Some(day("2026-03-18")),
        in_other_currency: Some(InOtherCurrency {
            currency: Currency::parse("DKK").unwrap(),
            amount_minor: None,
            requested_minor: Some(89_400_000),
            layers: vec![],
        }),
    };
    let all =
        [("insurer", "77", "P1"), ("insurer", "78", "P1"), ("insurer", "77", "P2"), ("another", "77", "P1")];
    let requests = all.map(|(connection, id, policy)| (connection.to_owned(), request(id, policy)));
    let file = File { requests: requests.to_vec(), ..example_a() };
    let items = file.open_items().unwrap();
    let insured = vec![file.insured(&file.policies[0], &items).unwrap()];
    let told = file.told(Language::English, &exposures(&items, file.day).unwrap(), &insured);
    let line = "2026-03-18  asked for 120 000.00 EUR, reference R9: pending; 894 000.00 DKK were asked for\n";
    assert_eq!(told.matches(line).count(), 1, "{told}");
    let pending = &file.json(&[], &insured)["cover"][0]["pending"];
    assert_eq!(pending.as_array().unwrap().len(), 1);
    assert_eq!(
        (&pending[0]["requested"], &pending[0]["in_other_currency"]["requested"]),
        (&json!("120000.00"), &json!("894000.00"))
    );
}
