//! The grammar, by example.

use std::collections::BTreeMap;

use csv::StringRecord;

use super::*;
use crate::format::{Header, Record, json};
use crate::model::{Currency, Decision, InOtherCurrency, ItemKind};

const INVOICE: &str = r#"
[read]
date = ["DD/MM/YYYY", "YYYY-MM-DD"]
decimal = "comma"

[invoice]
number = { path = ["Pièce", "Facture"] }
kind = { path = "Type", codes = "kind" }
account = "Code client"
currency = { path = "Devise", default = "EUR" }
total = "Montant"
open = "Reste dû"
issued = "Date"
due = "Échéance"

[codes.kind]
FA = "invoice"
AV = "credit_note"
RG = "receipt"
"#;

fn mapping(text: &str) -> Mappings {
    parse_files(&[("m.toml".to_owned(), text.to_owned())])
        .unwrap_or_else(|problems| panic!("{}", problems[0]))
}

fn problem(text: &str) -> String {
    parse_files(&[("m.toml".to_owned(), text.to_owned())])
        .unwrap_err()
        .iter()
        .map(|p| format!("{p}\n"))
        .collect()
}

fn row(values: &[&str]) -> Mapped {
    let names = ["Pièce", "Type", "Code client", "Devise", "Montant", "Reste dû", "Date", "Échéance"];
    let header = Header::new(names.iter().map(|n| (*n).to_owned()).collect());
    let mappings = mapping(INVOICE);
    let (settings, terms) = (BTreeMap::new(), Terms { default_days: Some(30), ..Terms::default() });
    let bound =
        Bound::new(&mappings.records[&Target::Invoice], Some(&header), &settings, &terms, Currency::EUR)
            .unwrap();
    bound.map(Record::Row(&header, &StringRecord::from(values.to_vec())))
}

fn faults(values: &[&str]) -> String {
    let Outcome::Bad(faults) = row(values).outcome else { panic!("{values:?} is not bad") };
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_trap_identifiers_come_through_unchanged() {
    let mapped = row(&["1E5", "FA", "00012", "", "1 234 567 890 123,45", "0,45", "31/12/2026", "2027-01-30"]);
    let Outcome::Item(ItemIn { item, .. }) = mapped.outcome else { panic!("{mapped:?}") };
    assert_eq!(
        (item.number.as_str(), item.external_id.as_str(), item.account.as_str()),
        ("1E5", "1E5", "00012")
    );
    assert_eq!((item.total_minor, item.open_minor), (123_456_789_012_345, 45));
    assert_eq!((item.issued.to_string(), item.due.to_string()), ("2026-12-31".into(), "2027-01-30".into()));
    assert_eq!(mapped.control, (Currency::EUR, 45));
}

#[test]
fn each_fault_names_the_column_and_keeps_the_readable_amount() {
    let bad = ["F1", "FA", "C1", "EUR", "10,00", "10,00", "31/02/2026", ""];
    assert_eq!(faults(&bad), r#"Date: "31/02/2026" is not a date (DD/MM/YYYY or YYYY-MM-DD)"#);
    assert_eq!(row(&bad).control, (Currency::EUR, 1000));
    assert!(faults(&["F1", "FA", "C1", "EUR", "10,005", "0", "01/02/2026", ""]).contains("3 decimals"));
    assert!(faults(&["F1", "FA", "", "EUR", "10", "10", "01/02/2026", ""]).contains("Code client: is empty"));
    assert!(faults(&["F1", "FA", "C", "EUR", "10", "", "01/02/2026", ""]).contains("Reste dû: is empty"));
    assert!(
        faults(&["F1", "FA", "C", "EUR", "10", "10,01", "01/02/2026", ""]).contains("more than the total")
    );
    assert!(faults(&["F1", "FA", "C", "EUR", "10", "-1", "01/02/2026", ""]).contains("other sign"));
    let unknown = ["F1", "FA", "C", "XXZ", "10", "10", "01/02/2026", ""];
    assert_eq!(faults(&unknown), r#"Devise: "XXZ" is not an ISO 4217 currency"#);
    assert_eq!((row(&unknown).control.0.code().to_owned(), row(&unknown).control.1), ("XXX".to_owned(), 0));
}

#[test]
fn an_unknown_code_keeps_the_record_and_is_reported() {
    let mapped = row(&["F1", "ZZ", "C1", "EUR", "-10,00", "-4,00", "01/02/2026", ""]);
    assert_eq!(mapped.unknown, [UnknownCode { table: "kind".into(), code: "ZZ".into() }]);
    let Outcome::Item(ItemIn { item, .. }) = mapped.outcome else { panic!() };
    assert_eq!(
        (item.kind, item.open_minor),
        (ItemKind::CreditNote, 400),
        "a negative invoice is a credit note"
    );
    assert_eq!(mapped.control, (Currency::EUR, -400));
}

#[test]
fn a_missing_due_date_is_estimated_from_the_terms_and_marked() {
    let Outcome::Item(ItemIn { item, .. }) =
        row(&["F1", "FA", "C1", "EUR", "1", "1", "01/02/2026", ""]).outcome
    else {
        panic!()
    };
    assert_eq!((item.due.to_string().as_str(), item.due_estimated), ("2026-03-03", true));
}

#[test]
fn missing_columns_refuse_the_file_and_name_what_is_there() {
    let mappings = mapping(INVOICE);
    let header = Header::new(vec!["Facture;Code client;Montant".into()]);
    let (settings, terms) = (BTreeMap::new(), Terms::default());
    let error =
        Bound::new(&mappings.records[&Target::Invoice], Some(&header), &settings, &terms, Currency::EUR)
            .err()
            .unwrap();
    assert!(error.contains("\"Pièce\" or \"Facture\"") && error.contains("delimiter"), "{error}");
}

#[test]
fn problems_are_placed_and_all_told() {
    let text = INVOICE
        .replace("due = \"Échéance\"", "dueDate = \"Échéance\"\nopenn = { path = \"x\" }")
        .replace("\"receipt\"", "\"recipt\"");
    let told = problem(&text);
    assert!(
        told.contains("m.toml:14:1: \"dueDate\" is not a field of this record; it has external_id, number"),
        "{told}"
    );
    assert!(told.contains("m.toml:15:1: \"openn\""), "{told}");
    assert!(told.contains("\"recipt\" is not a value of \"kind\""), "{told}");
    assert!(problem("[invoice]\nnumber = \"a\"\n").contains("\"account\" is required"), "");
    assert!(problem("[invoic]\n").contains("is not a record"), "");
    assert!(problem("[invoice]\ntotal = { path = \"a\", as = \"date\" }").contains("is money, not date"));
    assert!(problem("[invoice]\ntotal = { jq = \"env\" }").contains("not allowed"));
    assert!(problem("[invoice]\ntotal = { path = \"a\", const = \"1\" }").contains("exactly one"));
    assert!(problem("[limit]\nlayers = { path = \"a\" }").contains("needs fields"));
    assert!(problem("[invoice\n").contains("m.toml:1:9"));
}

const LIMIT: &str = r#"
[limit]
insurer_buyer_id = "buyerId"
reference = "coverId"
policy = "policyId"
currency = "policyCurrencyCode"
amount = { path = "totalDecision.decisionAmtInPolicyCurrency", as = "money", default = "0" }
decision = { path = "decisionCode", codes = "decision" }
effective_from = { path = "effectFromDate", as = "date" }
layers = { jq = "[.firstAmtDecision, .secondAmtDecision | select(. != null and .decisionAmtInPolicyCurrency != \"\")]", fields = { amount = "decisionAmtInPolicyCurrency", until = "decisionExpiryDate" } }
conditions = { jq = "[.firstAmtDecision, .secondAmtDecision | .decisionConditions[]?]", fields = { code = "conditionCode", text = "conditionDescription" } }

[codes.decision]
DC01 = "approved"
DC05 = "kept"
"#;

fn limit(doc: &str) -> (crate::model::Limit, Vec<UnknownCode>) {
    let mappings = mapping(LIMIT);
    let (settings, terms) = (BTreeMap::new(), Terms::default());
    let bound =
        Bound::new(&mappings.records[&Target::Limit], None, &settings, &terms, Currency::EUR).unwrap();
    let mapped = bound.map(Record::Tree(&json::parse(doc.as_bytes()).unwrap()));
    let Outcome::Limit(limit) = mapped.outcome else { panic!("{doc} is no limit") };
    (limit, mapped.unknown)
}

#[test]
fn a_decision_in_two_layers_with_repeated_conditions() {
    let (limit, unknown) = limit(
        r#"{"buyerId": 1042, "coverId": 7, "policyId": "P1", "policyCurrencyCode": "EUR", "decisionCode": "DC99",
            "effectFromDate": "2026-07-10T00:00:00+01:00", "totalDecision": {"decisionAmtInPolicyCurrency": "70000"},
            "firstAmtDecision": {"decisionAmtInPolicyCurrency": "50000", "decisionExpiryDate": "",
              "decisionConditions": [{"conditionCode": "C1", "conditionDescription": "x"}]},
            "secondAmtDecision": {"decisionAmtInPolicyCurrency": "20000", "decisionExpiryDate": "2026-12-31",
              "decisionConditions": [{"conditionCode": "C1", "conditionDescription": "x"}]}}"#,
    );
    assert_eq!(
        (limit.insurer_buyer_id.as_str(), limit.amount_minor, limit.conditions.len()),
        ("1042", 7_000_000, 1)
    );
    assert_eq!(
        limit.layers.iter().map(|l| (l.amount_minor, l.until.is_some())).collect::<Vec<_>>(),
        [(5_000_000, false), (2_000_000, true)]
    );
    assert_eq!((limit.decision, limit.decision_code.as_str()), (Decision::Unknown, "DC99"));
    assert_eq!(unknown.len(), 1);
    assert_eq!(limit.effective_from.to_string(), "2026-07-10");
}

const TWICE: &str = r#"
[limit]
reference = "id"
insurer_buyer_id = "id"
policy = "id"
currency = "currency"
amount = "amount"
requested = "asked"
effective_from = { const = "2026-01-01" }
layers = { path = "parts", fields = { amount = "amount", until = "until", other_amount = "other" } }
other_currency = "other_currency"
other_amount = "other_amount"
other_requested = "other_asked"

[request]
reference = "id"
insurer_buyer_id = "id"
policy = "id"
currency = "currency"
requested = "asked"
other_currency = "other_currency"
other_requested = "other_asked"
"#;

/// A record of 70 000 euros with some fields put into it: the limit or the request that it is, or its faults.
fn twice(target: Target, fields: serde_json::Value) -> Result<Outcome, String> {
    let mut record = serde_json::json!({ "id": "1", "currency": "EUR", "amount": "70000", "asked": "80000" });
    record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let mappings = mapping(TWICE);
    let (settings, terms) = (BTreeMap::new(), Terms::default());
    let bound = Bound::new(&mappings.records[&target], None, &settings, &terms, Currency::EUR).unwrap();
    let outcome = bound.map(Record::Tree(&json::parse(record.to_string().as_bytes()).unwrap())).outcome;
    if let Outcome::Bad(faults) = outcome {
        return Err(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    }
    Ok(outcome)
}

fn stated_twice(fields: serde_json::Value) -> Option<InOtherCurrency> {
    let outcome = twice(Target::Limit, fields).unwrap_or_else(|faults| panic!("{faults}"));
    let Outcome::Limit(limit) = outcome else { panic!("{outcome:?}") };
    assert_eq!((limit.amount_minor, limit.currency), (7_000_000, Currency::EUR), "what counts is as it was");
    limit.in_other_currency
}

#[test]
fn amounts_given_twice_are_kept_twice_with_the_decimals_of_their_currency() {
    for (currency, amount, minor) in [("JPY", "11200000", 11_200_000), ("tnd", "230000.125", 230_000_125)] {
        let stated = stated_twice(serde_json::json!({
            "other_currency": currency, "other_amount": amount, "other_asked": "",
            "parts": [
                { "amount": "50000", "other": "7" }, { "amount": "20000", "until": "2026-12-31", "other": "8" },
                { "amount": "0", "other": "0" },
            ],
        }))
        .unwrap();
        let layers: Vec<_> = stated.layers.iter().map(|l| (l.kind.as_str(), l.until.is_some())).collect();
        assert_eq!(layers, [("permanent", false), ("temporary", true)], "as listed, whatever they add up to");
        assert_eq!((stated.amount_minor, stated.requested_minor), (Some(minor), None), "{currency}");
    }
    assert_eq!(stated_twice(serde_json::json!({})), None);
    let asked = serde_json::json!({ "other_currency": "JPY", "other_asked": "5" });
    let Ok(Outcome::Request(request)) = twice(Target::Request, asked) else { panic!("no request") };
    let stated = request.in_other_currency.unwrap();
    assert_eq!((stated.requested_minor, stated.amount_minor), (Some(5), None));
}

#[test]
fn a_second_amount_without_its_currency_and_the_other_way_round_is_a_bad_record() {
    let fault = |fields| twice(Target::Limit, fields).unwrap_err();
    assert_eq!(
        fault(serde_json::json!({ "other_amount": "5" })),
        "other_amount: \"5\" is stated without its currency: other_currency is empty"
    );
    assert_eq!(
        fault(serde_json::json!({ "parts": [{ "amount": "70000", "other": "5" }] })),
        "layers.other: \"5\" is stated without its currency: other_currency is empty"
    );
    let no_amount = "other_currency: JPY is stated without an amount in it";
    assert_eq!(fault(serde_json::json!({ "other_currency": "JPY", "other_amount": "" })), no_amount);
    let request = twice(Target::Request, serde_json::json!({ "other_currency": "JPY" }));
    assert_eq!(request.unwrap_err(), no_amount);
    assert_eq!(
        fault(serde_json::json!({ "other_currency": "KRONE", "other_amount": "5" })),
        "other_currency: \"KRONE\" is not an ISO 4217 currency"
    );
    assert_eq!(
        fault(serde_json::json!({ "other_currency": "JPY", "other_amount": "5.5" })),
        "other_amount: \"5.5\" has 1 decimals, JPY has 0",
        "the second currency's decimals, and one fault for one mistake"
    );
    assert_eq!(
        fault(serde_json::json!({ "other_currency": "JPY", "other_amount": "-5" })),
        "other_amount: is negative"
    );
}

#[test]
fn the_same_currency_twice_says_nothing_unless_it_contradicts_itself() {
    let same = serde_json::json!({
        "other_currency": "EUR", "other_amount": "70000", "other_asked": "80000.00",
        "parts": [{ "amount": "70000", "other": "70000" }],
    });
    assert_eq!(stated_twice(same), None);
    let differs =
        "other_currency: EUR is the record's own currency, and the amounts in it are stated twice and differ";
    for (field, value) in [
        ("other_amount", serde_json::json!("70001")),
        ("other_asked", serde_json::json!("1")),
        ("parts", serde_json::json!([{ "amount": "70000", "other": "1" }])),
    ] {
        assert_eq!(
            twice(Target::Limit, serde_json::json!({ "other_currency": "EUR", field: value })).unwrap_err(),
            differs,
            "{field}"
        );
    }
}

#[test]
fn a_mapping_of_second_amounts_without_their_currency_does_not_load() {
    let without = |line: &str| problem(&TWICE.replacen(&format!("{line}\n"), "", 1));
    let told = without("other_currency = \"other_currency\"");
    assert!(told.contains("\"other_requested\" has no currency: map other_currency beside it"), "{told}");
    let bare = TWICE
        .replace("other_amount = \"other_amount\"\n", "")
        .replace("other_requested = \"other_asked\"\n", "");
    let told = problem(&bare);
    assert!(told.contains("\"other_currency\" has no amount"), "{told}");
    assert_eq!(told.matches("has no amount").count(), 1, "the limit still has its layers: {told}");
    let own = TWICE.replacen("\"other_amount\"\n", "{ path = \"other_amount\", currency = \"x\" }\n", 1);
    assert!(problem(&own).contains("\"other_amount\" is in other_currency: it has no currency of its own"));
}

#[test]
fn bodies_are_written_with_whole_amounts_or_not_at_all() {
    let mappings = mapping(
        "[send.request]\ncustomerId = { setting = \"customer_id\", as = \"number\" }\ncreditLimitAmount = { path = \"amount\", as = \"whole\" }\npolicyId = \"policy\"\naction = { path = \"action\", optional = true }\n",
    );
    let settings = BTreeMap::from([("customer_id".to_owned(), "12".to_owned())]);
    let facts = |amount: &str| {
        BTreeMap::from([("amount".to_owned(), amount.to_owned()), ("policy".to_owned(), "0042".to_owned())])
    };
    let body = &mappings.bodies["request"];
    assert_eq!(
        body.render(&facts("35000.00"), &settings).unwrap().to_string(),
        r#"{"customerId":12,"creditLimitAmount":35000,"policyId":"0042"}"#
    );
    assert!(body.render(&facts("35000.50"), &settings).unwrap_err().to_string().contains("whole"));
    assert!(body.render(&facts("1"), &BTreeMap::new()).unwrap_err().to_string().contains("customer_id"));
}

#[test]
fn what_no_ledger_can_keep_is_a_fault() {
    let with = |number: &str, account: &str, total: &str| {
        faults(&[number, "FA", account, "EUR", total, total, "2026-03-01", "2026-04-30"])
    };
    assert!(with("F\u{0}1", "C1", "1,00").starts_with("Pièce: contains the character U+0000"));
    assert!(with("F1", "C\0", "1,00").starts_with("Code client: contains the character U+0000"));
    assert!(with("F1", "C1", "1\0,00").contains("U+0000"));
    assert_eq!(
        with(&"é".repeat(251), "C1", "1,00"),
        "Pièce: is too long for a key: 502 bytes, 500 are the most"
    );
    assert!(with("F1", "C1", "100000000000000,00").contains("too large an amount"));
    for total in ["99999999999999,99", "-99999999999999,99"] {
        let mapped = row(&[&"é".repeat(250), "FA", "C1", "EUR", total, total, "2026-03-01", "2026-04-30"]);
        assert!(matches!(mapped.outcome, Outcome::Item(_)), "{mapped:?}");
    }
}

#[test]
fn a_nul_is_found_in_the_parts_of_a_list_too() {
    let mappings = mapping(
        "[limit]\nreference = \"r\"\ninsurer_buyer_id = \"b\"\npolicy = \"p\"\namount = \"a\"\ncurrency = \"c\"\n\
         effective_from = \"f\"\nconditions = { path = \"l\", fields = { code = \"k\", text = \"t\" } }\n",
    );
    let (settings, terms) = (BTreeMap::new(), Terms::default());
    let bound =
        Bound::new(&mappings.records[&Target::Limit], None, &settings, &terms, Currency::EUR).unwrap();
    let limit = |text: &str| {
        let tree = format!(
            r#"{{"r":"1","b":"2","p":"3","a":"4","c":"EUR","f":"2026-01-01","l":[{{"k":"c","t":"{text}"}}]}}"#
        );
        bound.map(Record::Tree(&json::parse(tree.as_bytes()).unwrap())).outcome
    };
    assert!(matches!(limit("a b"), Outcome::Limit(_)));
    let Outcome::Bad(faults) = limit("a\\u0000b") else { panic!("it is bad") };
    assert!(faults[0].to_string().starts_with("conditions.t: contains the character U+0000"), "{faults:?}");
}
