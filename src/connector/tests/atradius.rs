//! What the insurer's codes mean, row by row, and what it is told beside requests.

use super::partners::insurer;
use super::*;
use crate::format::json;
use crate::mapping::{Bound, Outcome as Mapped};
use crate::model::{Decision, Limit};

/// A cover of 50 000 as the list shows it, mapped.
fn mapped(decision: &str, pending: &str, withdrawal: &str, policy: &str) -> Limit {
    let row = serde_json::json!({
        "coverId": 1, "policyId": policy, "policyCurrencyCode": "EUR", "buyerId": 7, "buyerName": "Invented 7 SAS",
        "coverStatus": "DECISION", "decisionCode": decision, "totalDecision": { "decisionAmtInPolicyCurrency": "50000" },
        "effectFromDate": "2026-01-05T00:00:00Z", "decisionDate": "2026-01-05T00:00:00Z", "withdrawalDate": withdrawal,
        "pendingProcessIndicator": pending, "pendingProcessStatus": "Pending Cancellation of something",
    });
    let connector = load("atradius", None).unwrap();
    let mapping = &connector.mappings.records[&crate::mapping::Target::Limit];
    let (settings, terms) = (BTreeMap::new(), Terms::default());
    let bound = Bound::new(mapping, None, &settings, &terms, Currency::EUR).unwrap();
    let tree = json::parse(row.to_string().as_bytes()).unwrap();
    let record = bound.map(crate::format::Record::Tree(&tree));
    let Mapped::Limit(limit) = record.outcome else { panic!("{record:?}") };
    limit
}

#[test]
fn what_is_pending_is_announced_and_zeroes_nothing() {
    for pending in ["B", "C", "F", "P", "R", "T", "V", "W"] {
        for printed in ["", "2026-09-01T00:00:00+01:00"] {
            let limit = mapped("DC01", pending, printed, "1");
            assert_eq!(
                (limit.amount_minor, limit.decision),
                (5_000_000, Decision::Approved),
                "{pending} {printed}"
            );
            let ends = ["C", "F", "P", "W"].contains(&pending) && !printed.is_empty();
            let day = ends.then(|| "2026-09-01".parse().unwrap());
            assert_eq!(limit.withdrawal_on, day, "{pending} {printed}");
            assert_eq!(limit.conditions.len(), 1);
            assert_eq!(limit.conditions[0].code, format!("pending {pending}"));
            assert_eq!(limit.conditions[0].text, "Pending Cancellation of something");
        }
    }
    let notice = mapped("DC21", "W", "2026-09-01T00:00:00+01:00", "1");
    assert_eq!(notice.decision, Decision::NoticeOfWithdrawal);
    assert_eq!((notice.amount_minor, notice.withdrawal_on), (5_000_000, Some("2026-09-01".parse().unwrap())));
    let undated = mapped("DC21", "W", "", "1");
    assert_eq!(
        (undated.amount_minor, undated.withdrawal_on),
        (5_000_000, None),
        "covered until a day is named"
    );
    assert_eq!(mapped("DC01", "", "", "1").conditions, []);
}

/// The rows of a list by its shape and its mapping, each with some fields put into it.
fn listed(operation: &str, settings: &[(&str, &str)], fields: &serde_json::Value) -> Vec<Mapped> {
    let connector = load("atradius", None).unwrap();
    let mut row = serde_json::json!({
        "coverId": 1, "policyId": "1", "policyCurrencyCode": "EUR", "buyerId": 7, "coverStatus": "DECISION",
        "decisionCode": "DC01", "totalDecision": { "decisionAmtInPolicyCurrency": "50000", "decisionAmtInUserCurrency": "373000" },
        "firstAmtDecision": { "decisionAmtInPolicyCurrency": "50000", "decisionAmtInUserCurrency": "373000" },
        "creditLimitApplicationAmountInPolicyCurrency": "60000", "creditLimitApplicationAmountInUserCurrency": "447600",
        "effectFromDate": "2026-01-05T00:00:00Z",
    });
    row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let operation = &connector.manifest.operations[operation];
    let (settings, target) = (texts(settings), operation.into.unwrap());
    let crate::connector::manifest::Work::Http(http) = &operation.work else { panic!("not over HTTP") };
    let known = json::parse(serde_json::to_string(&settings).unwrap().as_bytes()).unwrap();
    let rows = vec![json::parse(row.to_string().as_bytes()).unwrap()];
    let rows = crate::connector::source::shaped(http.shape.as_ref(), rows, None, &known).unwrap();
    let terms = Terms::default();
    let bound =
        Bound::new(&connector.mappings.records[&target], None, &settings, &terms, Currency::EUR).unwrap();
    rows.iter().map(|row| bound.map(crate::format::Record::Tree(row)).outcome).collect()
}

#[test]
fn the_users_currency_is_what_the_row_says_else_what_the_setting_says() {
    let told = |settings: &[(&str, &str)], fields: serde_json::Value| {
        let outcomes = listed("list_limits", settings, &fields);
        let [Mapped::Limit(limit)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
        assert_eq!((limit.amount_minor, limit.requested_minor), (5_000_000, Some(6_000_000)));
        let other = limit.in_other_currency.as_ref()?;
        let layers: Vec<i64> = other.layers.iter().map(|layer| layer.amount_minor).collect();
        Some((other.currency.to_string(), other.amount_minor, other.requested_minor, layers))
    };
    let all = |code: &str| Some((code.to_owned(), Some(37_300_000), Some(44_760_000), vec![37_300_000]));
    let row = |code: &str| serde_json::json!({ "userCurrencyCode": code });
    assert_eq!(told(&[], row("DKK")), all("DKK"));
    assert_eq!(told(&[("user_currency", "SEK")], row("DKK")), all("DKK"), "the row knows better");
    assert_eq!(told(&[("user_currency", "SEK")], row("")), all("SEK"));
    assert_eq!(
        told(&[], row("")),
        None,
        "nobody tells the currency: the amounts in it say nothing, the limit lands"
    );
    let empty =
        serde_json::json!({ "decisionAmtInPolicyCurrency": "50000", "decisionAmtInUserCurrency": "" });
    let blank = serde_json::json!({
        "userCurrencyCode": "DKK", "creditLimitApplicationAmountInUserCurrency": "", "totalDecision": empty, "firstAmtDecision": empty,
    });
    assert_eq!(told(&[], blank), None, "amounts come empty");
}

#[test]
fn an_application_is_kept_in_both_currencies_where_both_are_stated() {
    let told = |fields: serde_json::Value| {
        let outcomes = listed("list_requests", &[], &fields);
        let [Mapped::Request(request)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
        assert_eq!(request.requested_minor, Some(6_000_000));
        request.in_other_currency.as_ref().map(|other| (other.currency.to_string(), other.requested_minor))
    };
    let row = |code: &str, asked: &str| serde_json::json!({ "userCurrencyCode": code, "creditLimitApplicationAmountInUserCurrency": asked });
    assert_eq!(told(row("DKK", "447600")), Some(("DKK".to_owned(), Some(44_760_000))));
    assert_eq!((told(row("", "447600")), told(row("DKK", ""))), (None, None));
}

#[test]
fn one_buyer_has_a_limit_under_each_policy() {
    let policies: Vec<_> = ["900123", "900124"].map(|policy| mapped("DC01", "", "", policy)).to_vec();
    assert_eq!(policies[0].insurer_buyer_id, policies[1].insurer_buyer_id);
    assert_eq!((policies[0].policy.as_str(), policies[1].policy.as_str()), ("900123", "900124"));
}

#[tokio::test]
async fn a_non_payment_is_told_and_found_again() {
    let (connection, sandbox) = insurer().await;
    let buyer = sandbox.covers_snapshot().keys().next().unwrap().to_string();
    let facts = |kind: &str| {
        texts(&[
            ("insurer_buyer_id", &buyer),
            ("policy", "900123"),
            ("kind", kind),
            ("number", "F-17"),
            ("amount", "450.10"),
            ("currency", "EUR"),
            ("due", "2026-05-31"),
            ("our_reference", "ENC-N1"),
        ])
    };
    assert!(connection.send("notify_overdue", &facts("rescheduling")).await.is_err());
    let sent = connection.send("notify_overdue", &facts("overdue")).await.unwrap();
    assert_eq!(sent.outcome, Outcome::Done);
    let told = sandbox.non_payments();
    assert_eq!((told.len(), told[0].amount.as_str(), told[0].invoice.as_str()), (1, "450.1", "F-17"));
    let listed = connection.look_up("list_notices", &texts(&[("policy", "900123")])).await.unwrap();
    assert_eq!(listed[0]["our_reference"], "ENC-N1");
    assert_eq!(listed[0].get("reference"), sent.reference.as_ref());
}

#[tokio::test]
async fn why_covers_ended_is_read_with_the_day() {
    let (connection, sandbox) = insurer().await;
    let covered: Vec<u64> =
        sandbox.covers_snapshot().into_iter().filter(|(_, amount)| *amount > 0).map(|(id, _)| id).collect();
    let id = covered[0].to_string();
    let facts = texts(&[("insurer_buyer_id", &id), ("policy", "900123"), ("action", "cancel")]);
    connection.send("cancel_limit", &facts).await.unwrap();
    let (pulled, records) = pull(&connection, "list_ended", None).await.unwrap();
    assert_eq!(pulled.mode, Mode::Snapshot);
    let ended: Vec<Limit> = records
        .into_iter()
        .map(|record| {
            let Mapped::Limit(limit) = record.mapped.outcome else { panic!("{record:?}") };
            assert_eq!(limit.amount_minor, 0, "{limit:?}");
            limit
        })
        .collect();
    let ours = ended.iter().find(|limit| limit.insurer_buyer_id == id).unwrap();
    assert_eq!((ours.decision, ours.decision_code.as_str()), (Decision::Cancelled, "CCLD"));
    assert_eq!(ours.effective_from, sandbox.today());
    assert_eq!(ours.conditions[0].text, "cancelled by us");
    assert!(
        ended.iter().all(|limit| !limit.decision_code.starts_with("ACL")),
        "a version that ended is no end"
    );
}
