//! What the ledger knew at an instant: items, links, limits, stops and effects as they stood, whatever came later.

use std::collections::{BTreeMap, BTreeSet};

use encours::ledger::{AccountLanding, AccountLink, NewLink, Step};
use encours::model::{
    Action, Approval, Currency, Decision, Delta, Effect, EffectKind, EffectState, Event, Item, Limit,
    LinkKind, LinkReason, Money,
};
use serde_json::json;

use super::{COMPANY, Database, ERP, INSURER, Reading, account, at, contract, day, invoice};

contract! {
    what_was_paid_later_is_open,
    an_item_that_moves_is_on_the_account_of_then,
    an_account_is_the_buyer_that_it_was,
    a_limit_is_the_version_that_was_known_and_of_the_buyer_of_then,
    a_stop_stands_as_it_was_told,
    an_effect_has_taken_the_steps_of_then,
}

const BUYER: &str = "siren:000000018";

async fn accounts(db: &Database, names: &[&str]) {
    let mut tx = db.begin().await;
    let mut landing = AccountLanding::begin(&mut tx, ERP, at(0)).await.unwrap();
    landing.write(&mut tx, names.iter().map(|name| account(name, name, None)).collect()).await.unwrap();
    tx.commit().await.unwrap();
}

fn of(accounts: &[&str]) -> BTreeSet<(String, String)> {
    accounts.iter().map(|account| (ERP.to_owned(), (*account).to_owned())).collect()
}

/// The items of some accounts as known at one second, asked from another: `id=open`.
async fn known(db: &Database, accounts: &[&str], second: i64, asked_at: i64) -> Vec<String> {
    let mut tx = db.begin().await;
    let versions = tx.item_versions(&of(accounts), at(asked_at)).await.unwrap();
    tx.rollback().await.unwrap();
    let then = versions.iter().filter(|version| version.is_known_at(at(second)));
    then.map(|version| format!("{}={}", version.external_id, version.open_minor)).collect()
}

/// What was open of each buyer, as the whole company is read: `buyer id=open`.
async fn open(db: &Database, second: i64) -> Vec<String> {
    let mut tx = db.begin().await;
    let all = tx.open_items_known(COMPANY, at(second)).await.unwrap();
    tx.rollback().await.unwrap();
    let mut told: Vec<String> = all
        .iter()
        .flat_map(|(buyer, items)| {
            items.iter().map(move |item| format!("{buyer} {}={}", item.external_id, item.open_minor))
        })
        .collect();
    told.sort();
    told
}

async fn what_was_paid_later_is_open(db: &Database) {
    accounts(db, &["C1", "C2"]).await;
    db.snapshot(&[invoice("I1", "C1", 30_000), invoice("I2", "C1", 20_000)], 10).await;
    db.snapshot(&[invoice("I1", "C1", 5_000), invoice("I3", "C2", 70_000)], 20).await;
    db.snapshot(&[], 30).await;
    for asked_at in [19, 20, 99] {
        assert_eq!(known(db, &["C1"], 19, asked_at).await, ["I1=30000", "I2=20000"], "asked at {asked_at}");
    }
    assert_eq!(known(db, &["C1"], 9, 99).await, Vec::<String>::new(), "nothing was read yet");
    assert_eq!(known(db, &["C1", "C2"], 20, 99).await, ["I1=5000", "I2=0", "I3=70000"]);
    assert_eq!(known(db, &["C1", "C2"], 99, 99).await, ["I1=0", "I2=0", "I3=0"]);
    let mut tx = db.begin().await;
    let before = tx.item_versions(&of(&["C1"]), at(15)).await.unwrap();
    assert!(
        before.iter().all(|version| version.superseded_at.is_none()),
        "an end that was to come is not known"
    );
    let after = tx.item_versions(&of(&["C1"]), at(25)).await.unwrap();
    assert_eq!(after[0].superseded_at, Some(at(20)));
    assert_eq!(tx.item_versions(&BTreeSet::new(), at(25)).await.unwrap(), []);
    tx.rollback().await.unwrap();
    assert_eq!(open(db, 9).await, Vec::<String>::new());
    assert_eq!(open(db, 10).await, ["account:erp:C1 I1=30000", "account:erp:C1 I2=20000"]);
    assert_eq!(open(db, 29).await, ["account:erp:C1 I1=5000", "account:erp:C2 I3=70000"]);
    assert_eq!(open(db, 30).await, Vec::<String>::new());
    // More accounts than one statement takes.
    let many: Vec<String> = (0..900).map(|n| format!("C{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(known(db, &many, 19, 99).await.len(), 2);
}

async fn an_item_that_moves_is_on_the_account_of_then(db: &Database) {
    accounts(db, &["C1", "C2"]).await;
    db.snapshot(&[invoice("I1", "C1", 30_000)], 10).await;
    let moved = Item { account: "C2".to_owned(), ..invoice("I1", "C1", 30_000) };
    db.land(Reading { vanish_percent_max: 100, ..Reading::snapshot(20) }, &[moved]).await.unwrap();
    assert_eq!(known(db, &["C1"], 19, 99).await, ["I1=30000"]);
    assert_eq!(known(db, &["C1"], 20, 99).await, Vec::<String>::new());
    assert_eq!(known(db, &["C2"], 20, 99).await, ["I1=30000"]);
    assert_eq!(open(db, 19).await, ["account:erp:C1 I1=30000"]);
    assert_eq!(open(db, 20).await, ["account:erp:C2 I1=30000"]);
}

fn link(kind: LinkKind, id: &str, buyer: Option<&str>, previous: Option<&str>) -> NewLink {
    NewLink {
        kind,
        connection: if kind == LinkKind::Account { ERP } else { INSURER }.to_owned(),
        external_id: id.to_owned(),
        to: buyer.map(|buyer| (buyer.to_owned(), LinkReason::Siren, "its SIREN".to_owned())),
        score: None,
        previous_buyer: previous.map(str::to_owned),
        replaces: previous.is_some(),
    }
}

async fn record(db: &Database, second: i64, link: NewLink) {
    let mut tx = db.begin().await;
    tx.record_links(COMPANY, std::slice::from_ref(&link), "encours", at(second)).await.unwrap();
    if link.kind == LinkKind::Account {
        let buyer_id = link.to.map_or_else(|| format!("account:erp:{}", link.external_id), |to| to.0);
        let row =
            AccountLink { connection: link.connection, external_id: link.external_id, buyer_id, link: None };
        tx.set_account_links(&[row]).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn an_account_is_the_buyer_that_it_was(db: &Database) {
    accounts(db, &["C1", "C2"]).await;
    record(db, 10, link(LinkKind::Account, "C1", Some("siren:1"), None)).await;
    record(db, 20, link(LinkKind::Account, "C1", Some("siren:2"), Some("siren:1"))).await;
    record(db, 30, link(LinkKind::Account, "C1", None, Some("siren:2"))).await;
    record(db, 40, link(LinkKind::Account, "C1", Some("siren:3"), None)).await;
    for (second, buyer) in [
        (9, "account:erp:C1"),
        (10, "siren:1"),
        (19, "siren:1"),
        (20, "siren:2"),
        (30, "account:erp:C1"),
        (39, "account:erp:C1"),
        (40, "siren:3"),
    ] {
        let mut tx = db.begin().await;
        let buyers = tx.buyers_known(COMPANY, at(second)).await.unwrap();
        let links = tx.links_known(COMPANY, at(second)).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(buyers[&(ERP.to_owned(), "C1".to_owned())], buyer, "at {second}");
        assert_eq!(buyers[&(ERP.to_owned(), "C2".to_owned())], "account:erp:C2");
        let linked: Vec<&str> = links.iter().map(|link| link.buyer_id.as_str()).collect();
        let expected: Vec<&str> =
            Some(buyer).filter(|buyer| buyer.starts_with("siren")).into_iter().collect();
        assert_eq!(linked, expected, "at {second}");
        assert!(links.iter().all(|link| link.is_in_force() && link.reversed_by.is_none()));
    }
}

fn limit(euros: i64) -> Limit {
    Limit {
        reference: "L1".to_owned(),
        insurer_buyer_id: "31001".to_owned(),
        buyer_name: "Acheteur 31001".to_owned(),
        identifiers: Vec::new(),
        policy: "0004711".to_owned(),
        decision: Decision::Approved,
        decision_code: "DC01".to_owned(),
        requested_minor: None,
        amount_minor: euros * 100,
        currency: Currency::EUR,
        layers: Limit::layers_of(euros * 100, &[]),
        effective_from: day("2026-01-01"),
        effective_to: None,
        withdrawal_on: None,
        decided_on: None,
        conditions: Vec::new(),
        rating: None,
        our_reference: None,
        in_other_currency: None,
    }
}

async fn land(db: &Database, second: i64, euros: i64, buyer: Option<&str>) {
    let mut tx = db.begin().await;
    let buyer_of = |_: &Limit| buyer.map(str::to_owned);
    tx.relink_limits(INSURER, buyer_of).await.unwrap();
    tx.land_limits(INSURER, "list_limits", vec![limit(euros)], 100, day("2026-03-01"), at(second), buyer_of)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn a_limit_is_the_version_that_was_known_and_of_the_buyer_of_then(db: &Database) {
    land(db, 10, 100, None).await;
    record(db, 20, link(LinkKind::InsurerBuyer, "31001", Some("siren:1"), None)).await;
    land(db, 20, 100, Some("siren:1")).await;
    land(db, 30, 40, Some("siren:1")).await;
    record(db, 40, link(LinkKind::InsurerBuyer, "31001", Some("siren:2"), Some("siren:1"))).await;
    land(db, 40, 40, Some("siren:2")).await;
    let none: (Vec<i64>, Vec<Option<String>>) = (vec![], vec![]);
    let all = |euros: &[i64], buyer: Option<&str>| -> (Vec<i64>, Vec<Option<String>>) {
        (euros.to_vec(), euros.iter().map(|_| buyer.map(str::to_owned)).collect())
    };
    for (second, expected) in [
        (9, none),
        (10, all(&[100], None)),
        (20, all(&[100], Some("siren:1"))),
        (29, all(&[100], Some("siren:1"))),
        (30, all(&[100, 40], Some("siren:1"))),
        (40, all(&[100, 40], Some("siren:2"))),
    ] {
        let mut tx = db.begin().await;
        let rows = tx.limits_known(COMPANY, at(second)).await.unwrap();
        assert!(tx.limits_known("another", at(second)).await.unwrap().is_empty());
        tx.rollback().await.unwrap();
        let told: (Vec<i64>, Vec<Option<String>>) =
            rows.into_iter().map(|row| (row.payload.amount_minor / 100, row.buyer_id)).unzip();
        assert_eq!(told, expected, "at {second}");
    }
}

async fn say_stop(db: &Database, second: i64, event: Event, buyer: &str, version: i64, lifted: Option<&str>) {
    let data = json!({
        "buyer": { "id": buyer, "name": "Exemple", "country": "FR" }, "policy": "0004711", "stop": 1,
        "stopped_on": "2026-03-16", "cause": "F1", "cause_item": "00012", "lifts": "payment",
        "known_since": "2026-03-20", "lifted_on": lifted, "covered_from": lifted.map(|_| "2026-03-16"),
        "lifted_why": lifted.map(|_| "payment"), "lifted_by": null, "because": null, "version": version,
    });
    let delta = Delta {
        event,
        subject: format!("{buyer}/0004711"),
        version: format!("1.{version}"),
        connection: INSURER.to_owned(),
        country: "FR".to_owned(),
        summary: "Told.".to_owned(),
        data: data.to_string(),
    };
    let mut tx = db.begin().await;
    tx.say(COMPANY, "run", &[delta], at(second)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_stop_stands_as_it_was_told(db: &Database) {
    say_stop(db, 10, Event::CoverStopped, BUYER, 1, None).await;
    say_stop(db, 15, Event::CoverStopped, "siren:000000026", 1, None).await;
    say_stop(db, 20, Event::CoverLifted, BUYER, 2, Some("2026-03-25")).await;
    let mut tx = db.begin().await;
    for (second, buyer, expected) in [
        (9, None, vec![]),
        (10, None, vec![(BUYER, 1, None)]),
        (19, Some(BUYER), vec![(BUYER, 1, None)]),
        (20, None, vec![(BUYER, 2, Some(day("2026-03-25"))), ("siren:000000026", 1, None)]),
    ] {
        let rows = tx.stops_known(COMPANY, buyer, at(second)).await.unwrap();
        let told: Vec<_> =
            rows.iter().map(|row| (row.buyer_id.as_str(), row.version, row.lifted_on)).collect();
        assert_eq!(told, expected, "at {second}");
    }
    for (second, most, expected) in [(9, 5, 0), (19, 5, 2), (20, 5, 3), (20, 1, 1)] {
        assert_eq!(tx.deltas_known(COMPANY, most, at(second)).await.unwrap().len(), expected, "at {second}");
    }
    let row = tx.stops_known(COMPANY, Some(BUYER), at(20)).await.unwrap().remove(0);
    tx.rollback().await.unwrap();
    assert_eq!(
        (row.connection.as_str(), row.policy.as_str(), row.number, row.stopped_on, row.known_since),
        (INSURER, "0004711", 1, day("2026-03-16"), day("2026-03-20"))
    );
    assert_eq!(
        (row.cause_item.as_str(), row.cause_number.as_str(), row.lifts.as_str(), row.lifted_why.as_deref()),
        ("00012", "F1", "payment", Some("payment"))
    );
}

async fn an_effect_has_taken_the_steps_of_then(db: &Database) {
    let effect = |kind, subject: &str| Effect {
        kind,
        action: Action::Notify,
        connection: INSURER.to_owned(),
        policy: "0004711".to_owned(),
        buyer_id: BUYER.to_owned(),
        name: "Exemple".to_owned(),
        country: "FR".to_owned(),
        subject: subject.to_owned(),
        cause: "2026-03-01".to_owned(),
        why: "It is late.".to_owned(),
        expected: "Covered.".to_owned(),
        amount: Some(Money::new(100, Currency::EUR)),
        before: None,
        fee: None,
        approval: Approval::Automatic,
        facts: BTreeMap::new(),
        expires_on: None,
    };
    let today = day("2026-03-20");
    let mut tx = db.begin().await;
    for (second, subject) in [(10, "erp/F2"), (12, "erp/F1")] {
        tx.propose(COMPANY, &effect(EffectKind::NotifyOverdue, subject), today, at(second)).await.unwrap();
    }
    let id = encours::ledger::effect_id(COMPANY, &effect(EffectKind::NotifyOverdue, "erp/F2"));
    for (second, from, to) in [
        (20, EffectState::Proposed, EffectState::Approved),
        (30, EffectState::Approved, EffectState::Sending),
        (31, EffectState::Sending, EffectState::Done),
    ] {
        let from = [from];
        let step = Step::new(&from, to, "Ada", "on it went", today, at(second));
        assert!(tx.advance(&id, &step).await.unwrap().is_some());
    }
    for (second, expected) in
        [(9, vec![]), (11, vec![("erp/F2", 1)]), (30, vec![("erp/F2", 3), ("erp/F1", 1)])]
    {
        let known = tx.effects_known(COMPANY, BUYER, at(second)).await.unwrap();
        let told: Vec<_> = known.iter().map(|(row, steps)| (row.subject.as_str(), steps.len())).collect();
        assert_eq!(told, expected, "at {second}");
    }
    assert!(tx.effects_known(COMPANY, "siren:000000026", at(99)).await.unwrap().is_empty());
    tx.rollback().await.unwrap();
}
