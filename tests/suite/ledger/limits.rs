//! Limits and requests of an insurer: a list in, what changed out, every version kept.

use std::collections::BTreeSet;

use encours::ledger::{Error, LimitChange};
use encours::model::{
    Condition, Currency, Decision, Identifier, InOtherCurrency, Layer, LayerKind, Limit, LimitRequest,
    RequestStatus, Scheme,
};

use super::{COMPANY, Database, INSURER, at, contract, currency, day};

contract!(
    a_list_of_limits_tells_what_changed,
    a_limit_keeps_every_field,
    a_rate_that_moves_is_a_version_and_an_end_takes_the_second_amount_away,
    a_limit_that_is_not_listed_any_more_is_withdrawn_once,
    a_limit_that_left_its_list_gets_the_reason_once,
    many_limits_that_vanish_are_refused,
    a_limit_that_comes_back_goes_on_counting,
    a_link_that_is_found_later_reaches_back,
    two_limits_under_one_key_are_one,
    requests_leave_when_they_are_decided,
);

fn limit(buyer: &str, euros: i64) -> Limit {
    Limit {
        reference: format!("REF-{buyer}"),
        insurer_buyer_id: buyer.to_owned(),
        buyer_name: format!("Acheteur {buyer}"),
        identifiers: Vec::new(),
        policy: "0004711".to_owned(),
        decision: Decision::Approved,
        decision_code: "DC01".to_owned(),
        requested_minor: Some(euros * 100),
        amount_minor: euros * 100,
        currency: Currency::EUR,
        layers: Limit::layers_of(euros * 100, &[]),
        effective_from: day("2026-01-01"),
        effective_to: None,
        withdrawal_on: None,
        decided_on: Some(day("2025-12-30")),
        conditions: Vec::new(),
        rating: None,
        our_reference: None,
        in_other_currency: None,
    }
}

/// Lands a list on a day of March, with `account:<id>` for the buyers whose id ends in an even digit.
async fn land(db: &Database, on: i64, limits: Vec<Limit>, percent: u64) -> Result<Vec<LimitChange>, Error> {
    let mut tx = db.begin().await;
    let today = day(&format!("2026-03-{on:02}"));
    let landed = tx.land_limits(INSURER, "list_limits", limits, percent, today, at(on), even).await;
    match landed {
        Ok(changes) => {
            tx.commit().await?;
            Ok(changes)
        }
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

fn even(limit: &Limit) -> Option<String> {
    let last = limit.insurer_buyer_id.bytes().last()?;
    (last % 2 == 0).then(|| format!("account:{}", limit.insurer_buyer_id))
}

fn told(changes: &[LimitChange]) -> Vec<String> {
    changes
        .iter()
        .map(|change| {
            let before = change
                .before
                .as_ref()
                .map_or("none".to_owned(), |before| (before.amount_minor / 100).to_string());
            let (after, version) = (&change.after, change.version);
            format!("{} {before}→{} v{version}", after.insurer_buyer_id, after.amount_minor / 100)
        })
        .collect()
}

async fn a_list_of_limits_tells_what_changed(db: &Database) {
    let list: Vec<Limit> = (0..900).map(|n| limit(&format!("{n:04}"), 1_000 + n)).collect();
    let first = land(db, 1, list.clone(), 20).await.unwrap();
    assert_eq!(
        (first.len(), told(&first)[..2].to_vec()),
        (900, vec!["0000 none→1000 v1".to_owned(), "0001 none→1001 v1".to_owned()])
    );
    assert_eq!((first[0].buyer_id.as_deref(), first[1].buyer_id.as_deref()), (Some("account:0000"), None));
    assert_eq!(land(db, 2, list.clone(), 20).await.unwrap(), [], "unchanged");
    assert_eq!(
        db.texts("SELECT DISTINCT CAST(seen_on AS TEXT) FROM cover_limit").await,
        ["2026-03-01"],
        "and not written"
    );

    // Every one changes at once: as many versions go to history.
    let cut: Vec<Limit> = (0..900).map(|n| limit(&format!("{n:04}"), 500)).collect();
    let changes = land(db, 3, cut.clone(), 20).await.unwrap();
    assert_eq!((changes.len(), told(&changes)[0].clone()), (900, "0000 1000→500 v2".to_owned()));
    assert_eq!(db.count("cover_limit_history", "version = 1").await, 900);
    assert_eq!(db.count("cover_limit", "version = 2 AND amount_minor = 50000").await, 900);
    let ends = "cover_limit_history.superseded_at = cover_limit.recorded_at";
    assert_eq!(
        db.count("cover_limit_history JOIN cover_limit ON cover_limit.insurer_buyer_id = cover_limit_history.insurer_buyer_id", ends).await,
        900
    );

    let mut one = cut;
    one[7].rating = Some("30".to_owned());
    assert_eq!(told(&land(db, 4, one, 20).await.unwrap()), ["0007 500→500 v3"], "any field is a change");

    let mut tx = db.begin().await;
    assert_eq!(tx.limits(COMPANY).await.unwrap().len(), 900);
    assert_eq!(tx.limits("another").await.unwrap().len(), 0);
    let versions = tx.limit_versions(COMPANY, None).await.unwrap();
    assert_eq!(versions.len(), 900, "two of each that has a buyer");
    assert!(versions.is_sorted_by_key(|row| (row.buyer_id.clone(), row.version)));
    assert_eq!((versions[0].seen_on, versions[1].seen_on), (day("2026-03-01"), day("2026-03-03")));
    let wanted: BTreeSet<String> = (0..900)
        .map(|n| format!("account:{n:04}"))
        .filter(|id| id < &"account:0010".to_owned() || id > &"account:0890".to_owned())
        .collect();
    let mut wanted_more: BTreeSet<String> = (0..500).map(|n| format!("x{n}")).collect();
    wanted_more.extend(wanted);
    assert_eq!(tx.limit_versions(COMPANY, Some(&wanted_more)).await.unwrap().len(), 18);
    assert_eq!(tx.limit_versions(COMPANY, Some(&BTreeSet::new())).await.unwrap().len(), 0);
    tx.rollback().await.unwrap();
}

async fn a_limit_keeps_every_field(db: &Database) {
    let whole = Limit {
        identifiers: vec![Identifier::new(Scheme::Siren, "000000018").unwrap()],
        decision: Decision::NoticeOfWithdrawal,
        requested_minor: None,
        amount_minor: 99_999_999_999_999,
        currency: currency("TND"),
        layers: vec![
            Layer { kind: LayerKind::Permanent, amount_minor: 90_000_000_000_000, until: None },
            Layer {
                kind: LayerKind::Temporary,
                amount_minor: 9_999_999_999_999,
                until: Some(day("9999-12-31")),
            },
        ],
        effective_from: day("0001-01-01"),
        effective_to: Some(day("9999-12-31")),
        withdrawal_on: Some(day("2026-06-30")),
        decided_on: None,
        conditions: vec![Condition {
            code: "1E5".to_owned(),
            text: "accepté 𝄞 \"sous réserve\" \\".to_owned(),
        }],
        rating: Some("007".to_owned()),
        in_other_currency: stated(99_999_999_999_999),
        ..limit("00012", 1)
    };
    land(db, 1, vec![whole.clone()], 20).await.unwrap();
    assert_eq!(land(db, 2, vec![whole.clone()], 20).await.unwrap(), [], "read back, it is the same");
    let mut tx = db.begin().await;
    assert_eq!(tx.limits(COMPANY).await.unwrap()[0].payload.0, whole);
    tx.rollback().await.unwrap();
}

/// Amounts in yen beside those in the policy's currency.
fn stated(minor: i64) -> Option<InOtherCurrency> {
    Some(InOtherCurrency {
        currency: currency("JPY"),
        amount_minor: Some(minor),
        requested_minor: Some(minor),
        layers: vec![Layer { kind: LayerKind::Permanent, amount_minor: minor, until: None }],
    })
}

async fn a_rate_that_moves_is_a_version_and_an_end_takes_the_second_amount_away(db: &Database) {
    let with = |minor| Limit { in_other_currency: stated(minor), ..limit("0", 100) };
    for (on, minor) in [(1, 16_000), (2, 16_100)] {
        land(db, on, vec![with(minor)], 100).await.unwrap();
        assert_eq!(land(db, on, vec![with(minor)], 100).await.unwrap(), [], "as known");
    }
    land(db, 3, Vec::new(), 100).await.unwrap();
    let mut tx = db.begin().await;
    let versions = tx.limit_versions(COMPANY, None).await.unwrap();
    tx.rollback().await.unwrap();
    let told: Vec<_> = versions
        .iter()
        .map(|row| {
            let other = row.payload.in_other_currency.as_ref().unwrap();
            (
                row.version,
                row.payload.amount_minor,
                other.amount_minor,
                other.layers.len(),
                other.requested_minor,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, 10_000, Some(16_000), 1, Some(16_000)),
            (2, 10_000, Some(16_100), 1, Some(16_100)),
            (3, 0, None, 0, Some(16_100)),
        ],
        "no cover is left in any currency; what was asked stays what was asked"
    );
}

async fn a_limit_that_is_not_listed_any_more_is_withdrawn_once(db: &Database) {
    let mut list: Vec<Limit> = (0..10).map(|n| limit(&n.to_string(), 100)).collect();
    list[1].effective_from = day("2026-12-01"); // not yet in force
    land(db, 1, list.clone(), 20).await.unwrap();
    let changes = land(db, 2, list[2..].to_vec(), 20).await.unwrap();
    assert_eq!(told(&changes), ["0 100→0 v2", "1 100→0 v2"]);
    let after = &changes[0].after;
    assert_eq!(
        (after.decision, after.decision_code.as_str(), after.layers.len()),
        (Decision::Withdrawn, "not listed any more", 0)
    );
    assert_eq!(
        (after.effective_from, changes[1].after.effective_from),
        (day("2026-03-02"), day("2026-12-01"))
    );
    assert_eq!(changes[0].buyer_id.as_deref(), Some("account:0"), "its buyer is told");
    for on in 3..5 {
        assert_eq!(land(db, on, list[2..].to_vec(), 20).await.unwrap(), [], "withdrawn once");
    }
    assert_eq!(db.count("cover_limit_history", "1 = 1").await, 2);
    // What was refused, and nothing is lost by, is noted all the same.
    let mut refused = list[2..].to_vec();
    refused[0].decision = Decision::Refused;
    refused[0].amount_minor = 0;
    assert_eq!(told(&land(db, 6, refused.clone(), 20).await.unwrap()), ["2 100→0 v2"]);
    assert_eq!(told(&land(db, 7, refused[1..].to_vec(), 0).await.unwrap()), ["2 0→0 v3"]);
}

async fn many_limits_that_vanish_are_refused(db: &Database) {
    let mut list: Vec<Limit> = (0..12).map(|n| limit(&format!("{n:02}"), 100)).collect();
    list[10].amount_minor = 0;
    list[11].amount_minor = 0;
    land(db, 1, list.clone(), 20).await.unwrap();
    let error = land(db, 2, list[3..].to_vec(), 20).await.unwrap_err();
    assert!(matches!(error, Error::Vanished { gone: 3, open: 10, share: 30, limit: 20, .. }), "{error:?}");
    assert_eq!(db.count("cover_limit", "version = 1").await, 12, "nothing was changed");
    assert_eq!(
        land(db, 3, list[2..10].to_vec(), 20).await.unwrap().len(),
        4,
        "a fifth exactly, and the two without amount"
    );
    // One alone may always go: a small company has few.
    let few: Vec<Limit> = list[2..9].to_vec();
    assert_eq!(told(&land(db, 4, few, 0).await.unwrap()), ["09 100→0 v2"]);
    let error = land(db, 5, Vec::new(), 99).await.unwrap_err();
    assert!(matches!(error, Error::Vanished { gone: 7, open: 7, share: 100, .. }), "{error:?}");
    assert_eq!(land(db, 6, Vec::new(), 100).await.unwrap().len(), 7, "a person has looked");
}

async fn a_limit_that_comes_back_goes_on_counting(db: &Database) {
    land(db, 1, vec![limit("0", 100)], 20).await.unwrap();
    land(db, 2, Vec::new(), 20).await.unwrap();
    let changes = land(db, 3, vec![limit("0", 100)], 20).await.unwrap();
    assert_eq!(told(&changes), ["0 0→100 v3"]);
    let mut tx = db.begin().await;
    let versions = tx.limit_versions(COMPANY, None).await.unwrap();
    let seen: Vec<_> = versions.iter().map(|row| (row.version, row.payload.amount_minor)).collect();
    assert_eq!(seen, [(1, 10_000), (2, 0), (3, 10_000)]);
    // Two changes within one instant: the one nobody saw is no version of history, and nothing collides.
    for euros in [50, 60, 70, 80] {
        tx.land_limits(INSURER, "list_limits", vec![limit("0", euros)], 20, day("2026-03-04"), at(4), even)
            .await
            .unwrap();
    }
    let versions = tx.limit_versions(COMPANY, None).await.unwrap();
    assert_eq!(versions.iter().map(|row| row.version).collect::<Vec<_>>(), [1, 2, 3, 7]);
    tx.rollback().await.unwrap();
}

async fn a_link_that_is_found_later_reaches_back(db: &Database) {
    let list: Vec<Limit> = (0..900).map(|n| limit(&format!("{:04}", 2 * n + 1), 100)).collect();
    land(db, 1, list.clone(), 20).await.unwrap();
    let cut: Vec<Limit> = list.iter().map(|limit| Limit { amount_minor: 1, ..limit.clone() }).collect();
    land(db, 2, cut, 20).await.unwrap();
    let mut tx = db.begin().await;
    assert_eq!(tx.limit_versions(COMPANY, None).await.unwrap().len(), 0, "nobody's");
    assert_eq!(tx.relink_limits(INSURER, even).await.unwrap(), BTreeSet::new());
    let linked =
        tx.relink_limits(INSURER, |limit| Some(format!("siren:{}", limit.insurer_buyer_id))).await.unwrap();
    assert_eq!((linked.len(), linked.first().map(String::as_str)), (900, Some("siren:0001")));
    let versions = tx.limit_versions(COMPANY, None).await.unwrap();
    assert_eq!(versions.len(), 1_800, "what was known before is linked too");
    assert!(
        versions
            .iter()
            .all(|row| row.buyer_id.as_deref() == Some(&format!("siren:{}", row.insurer_buyer_id)))
    );
    assert_eq!(versions.iter().filter(|row| row.version == 2).count(), 900, "a link is no version");
    // To another buyer, and to none: both sides are touched.
    let moved = tx
        .relink_limits(INSURER, |limit| match limit.insurer_buyer_id.as_str() {
            "0001" => None,
            "0003" => Some("siren:other".to_owned()),
            id => Some(format!("siren:{id}")),
        })
        .await
        .unwrap();
    assert_eq!(moved, ["siren:0001", "siren:0003", "siren:other"].map(str::to_owned).into());
    assert_eq!(tx.limit_versions(COMPANY, None).await.unwrap().len(), 1_798);
    assert_eq!(tx.relink_limits("another", |_| Some("x".to_owned())).await.unwrap(), BTreeSet::new());
    tx.rollback().await.unwrap();
}

async fn two_limits_under_one_key_are_one(db: &Database) {
    let list = vec![limit("0", 100), limit("1", 5), limit("0", 200)];
    assert_eq!(told(&land(db, 1, list.clone(), 20).await.unwrap()), ["0 none→200 v1", "1 none→5 v1"]);
    assert_eq!(land(db, 2, list, 20).await.unwrap(), []);
    // The same buyer under another policy is another limit.
    let other = Limit { policy: "0004712".to_owned(), ..limit("0", 7) };
    let changes = land(db, 3, vec![limit("0", 200), limit("1", 5), other], 20).await.unwrap();
    assert_eq!(told(&changes), ["0 none→7 v1"]);
}

async fn requests_leave_when_they_are_decided(db: &Database) {
    const STATE: &str = "SELECT reference || ' ' || status || ' ' || CAST(recorded_at AS TEXT) FROM limit_request WHERE connection = 'insurer' ORDER BY reference";
    let request = |reference: &str, requested_minor| LimitRequest {
        reference: reference.to_owned(),
        our_reference: None,
        insurer_buyer_id: "31001".to_owned(),
        policy: "0004711".to_owned(),
        requested_minor,
        currency: Currency::EUR,
        status: RequestStatus::Pending,
        requested_on: Some(day("2026-03-01")),
        in_other_currency: None,
    };
    let all: Vec<LimitRequest> = (0..900).map(|n| request(&format!("R{n:03}"), Some(n))).collect();
    let land = async |requests: &[LimitRequest], second| {
        let mut tx = db.begin().await;
        tx.land_requests(INSURER, requests, at(second)).await.unwrap();
        tx.land_requests("other", &requests[..1], at(second)).await.unwrap();
        tx.commit().await.unwrap();
        db.texts(STATE).await
    };
    let first = land(&all, 0).await;
    assert_eq!(first.len(), 900);
    assert_eq!(land(&all, 1).await, first, "as known, not written");
    let mut fewer = all[..450].to_vec();
    fewer[3].status = RequestStatus::Unknown;
    fewer.push(fewer[4].clone());
    let next = land(&fewer, 2).await;
    assert_eq!(next.len(), 450);
    assert_eq!((next[2] == first[2], next[4] == first[4]), (true, true));
    assert!(next[3].starts_with("R003 unknown") && next[3] != first[3], "{}", next[3]);
    let status = db.texts("SELECT DISTINCT status FROM limit_request WHERE reference = 'R003'").await;
    assert_eq!(status, ["unknown"]);
    assert_eq!(db.count("limit_request", "connection = 'other'").await, 1, "another connection's stay");
}

/// Lands what the insurer says has ended, on a day of March.
async fn ended(db: &Database, on: i64, ended: &[Limit]) -> Vec<LimitChange> {
    let mut tx = db.begin().await;
    let changes = tx.land_ended(INSURER, ended, day(&format!("2026-03-{on:02}")), at(on)).await.unwrap();
    tx.commit().await.unwrap();
    changes
}

async fn a_limit_that_left_its_list_gets_the_reason_once(db: &Database) {
    let all = vec![limit("B2", 100), limit("B4", 200), limit("B6", 300)];
    land(db, 1, all.clone(), 100).await.unwrap();
    let end = |buyer: &str, decision, code: &str, on: &str| Limit {
        decision,
        decision_code: code.to_owned(),
        amount_minor: 0,
        layers: Vec::new(),
        effective_from: day(on),
        ..limit(buyer, 0)
    };
    let reasons = [
        end("B2", Decision::Cancelled, "SCLD", "2026-02-01"),
        end("B2", Decision::Expired, "ECLD", "2026-03-02"),
        Limit {
            reference: "REF-of-an-older-cover".to_owned(),
            ..end("B4", Decision::Expired, "ECLD", "2026-03-02")
        },
        end("B6", Decision::Withdrawn, "WCLD", "2026-03-02"),
        end("B8", Decision::Withdrawn, "WCLD", "2026-03-02"),
    ];
    assert_eq!(ended(db, 1, &reasons).await, [], "what is listed has not ended");

    land(db, 2, vec![limit("B6", 300)], 100).await.unwrap();
    let changes = ended(db, 2, &reasons).await;
    assert_eq!(changes.len(), 1, "{changes:?}");
    let after = &changes[0].after;
    assert_eq!(
        (after.insurer_buyer_id.as_str(), after.decision, after.amount_minor),
        ("B2", Decision::Expired, 0)
    );
    assert_eq!((after.decision_code.as_str(), after.effective_from), ("ECLD", day("2026-03-02")));
    assert_eq!(changes[0].version, 2, "the bare end of the same run is no version");
    assert_eq!(db.count("cover_limit_history", "insurer_buyer_id = 'B2'").await, 1);

    for on in 3..5 {
        assert_eq!(land(db, on, vec![limit("B6", 300)], 100).await.unwrap(), [], "day {on}");
        assert_eq!(ended(db, on, &reasons).await, [], "day {on}");
    }
    land(db, 6, vec![limit("B2", 150), limit("B6", 300)], 100).await.unwrap();
    assert_eq!(ended(db, 6, &reasons).await, [], "it covers again");
}
