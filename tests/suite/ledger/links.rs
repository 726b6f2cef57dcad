//! Links between accounts, insurers' buyers and legal buyers: one in force each, the others kept as history.

use std::collections::BTreeSet;

use encours::ledger::{AccountLanding, AccountLink, LinkRow, NewLink};
use encours::model::{LinkKind, LinkReason};

use super::{COMPANY, Database, ERP, INSURER, account, at, contract};

contract!(
    a_link_takes_the_place_of_another_and_keeps_it,
    a_link_that_ends_leaves_none_in_force,
    two_links_in_force_are_refused,
    accounts_carry_their_buyer_and_why,
    touched_buyers_are_taken_once,
    an_address_is_kept_as_it_came,
);

fn link(external_id: &str, buyer: &str, reason: LinkReason, replaces: bool) -> NewLink {
    NewLink {
        kind: LinkKind::Account,
        connection: ERP.to_owned(),
        external_id: external_id.to_owned(),
        to: Some((buyer.to_owned(), reason, format!("because of {reason}"))),
        score: None,
        previous_buyer: None,
        replaces,
    }
}

async fn record(db: &Database, second: i64, by: &str, links: &[NewLink]) {
    let mut tx = db.begin().await;
    tx.record_links(COMPANY, links, by, at(second)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn links(db: &Database, buyer: Option<&str>) -> Vec<LinkRow> {
    let mut tx = db.begin().await;
    let rows = tx.links(COMPANY, buyer).await.unwrap();
    tx.rollback().await.unwrap();
    rows
}

async fn a_link_takes_the_place_of_another_and_keeps_it(db: &Database) {
    record(db, 0, "encours", &[link("C1", "siren:1", LinkReason::Siren, false)]).await;
    let by_person = NewLink {
        score: Some(83),
        previous_buyer: Some("siren:1".to_owned()),
        ..link("C1", "siren:2", LinkReason::Person, true)
    };
    record(db, 1, "Camille", &[by_person, link("C2", "siren:2", LinkReason::Vat, false)]).await;
    let all = links(db, None).await;
    let told: Vec<_> = all
        .iter()
        .map(|row| (row.external_id.as_str(), row.buyer_id.as_str(), row.reason.as_str(), row.is_in_force()))
        .collect();
    assert_eq!(
        told,
        [
            ("C1", "siren:1", "siren", false),
            ("C1", "siren:2", "person", true),
            ("C2", "siren:2", "vat", true)
        ]
    );
    assert_eq!((all[0].reversed_at, all[0].reversed_by.as_deref()), (Some(at(1)), Some("Camille")));
    let person = &all[1];
    assert_eq!((person.score, person.decided_by.as_str(), person.recorded_at), (Some(83), "Camille", at(1)));
    assert_eq!(
        (person.detail.as_str(), person.previous_buyer.as_deref()),
        ("because of person", Some("siren:1"))
    );
    assert_eq!(links(db, Some("siren:1")).await.len(), 2, "what led to it, and what led away from it");
    assert_eq!(links(db, Some("siren:3")).await, []);
    let mut tx = db.begin().await;
    assert_eq!(tx.persons_links(COMPANY).await.unwrap(), std::slice::from_ref(person));
    assert_eq!(tx.persons_links("another").await.unwrap(), []);
    assert_eq!(tx.insurer_links(COMPANY).await.unwrap(), [], "these are of accounts");
    assert_eq!(tx.link_of(LinkKind::Account, ERP, "C1").await.unwrap().as_ref(), Some(person));
    assert_eq!(tx.link_of(LinkKind::InsurerBuyer, ERP, "C1").await.unwrap(), None);
    tx.rollback().await.unwrap();
}

async fn a_link_that_ends_leaves_none_in_force(db: &Database) {
    let of_insurer = NewLink {
        kind: LinkKind::InsurerBuyer,
        connection: INSURER.to_owned(),
        ..link("31001", "siren:1", LinkReason::InsurerId, false)
    };
    record(db, 0, "encours", std::slice::from_ref(&of_insurer)).await;
    let mut tx = db.begin().await;
    assert_eq!(tx.insurer_links(COMPANY).await.unwrap().len(), 1);
    tx.rollback().await.unwrap();
    record(db, 1, "Camille", &[NewLink { to: None, replaces: true, ..of_insurer.clone() }]).await;
    let mut tx = db.begin().await;
    assert_eq!(tx.insurer_links(COMPANY).await.unwrap(), []);
    tx.rollback().await.unwrap();
    record(db, 2, "encours", &[of_insurer]).await;
    let told: Vec<_> = links(db, None).await.into_iter().map(|row| row.reversed_by).collect();
    assert_eq!(told, [Some("Camille".to_owned()), None]);
}

async fn two_links_in_force_are_refused(db: &Database) {
    record(db, 0, "encours", &[link("C1", "siren:1", LinkReason::Siren, false)]).await;
    let mut tx = db.begin().await;
    let again = [link("C1", "siren:2", LinkReason::Siren, false)];
    assert!(tx.record_links(COMPANY, &again, "encours", at(1)).await.is_err());
    tx.rollback().await.unwrap();
    assert_eq!(links(db, None).await.len(), 1);
    // More than one statement takes, each once.
    let many: Vec<NewLink> =
        (0..900).map(|n| link(&format!("C{n}"), "siren:3", LinkReason::Siren, true)).collect();
    record(db, 2, "encours", &many).await;
    assert_eq!(db.count("buyer_link", "reversed_at IS NULL").await, 900);
    assert_eq!(links(db, None).await.len(), 901);
}

async fn accounts_carry_their_buyer_and_why(db: &Database) {
    let mut tx = db.begin().await;
    let mut landing = AccountLanding::begin(&mut tx, ERP, at(0)).await.unwrap();
    landing.write(&mut tx, vec![account("C1", "Un", None), account("C2", "Deux", None)]).await.unwrap();
    let set = |id: &str, buyer: &str, link: Option<&str>| AccountLink {
        connection: ERP.to_owned(),
        external_id: id.to_owned(),
        buyer_id: buyer.to_owned(),
        link: link.map(str::to_owned),
    };
    tx.set_account_links(&[set("C1", "siren:1", Some("person siren:1")), set("C2", "siren:1", None)])
        .await
        .unwrap();
    tx.name_buyers(&BTreeSet::from(["siren:1".to_owned()]), at(0)).await.unwrap();
    // A record that changes keeps what was recorded of it, and is told to settle again.
    landing.write(&mut tx, vec![]).await.unwrap();
    let mut next = AccountLanding::begin(&mut tx, ERP, at(1)).await.unwrap();
    next.write(&mut tx, vec![account("C1", "Un SA", None)]).await.unwrap();
    assert_eq!(next.buyers, ["account:erp:C1", "siren:1"].map(str::to_owned).into());
    let rows = tx.accounts(COMPANY).await.unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.external_id.as_str(), row.buyer_id.as_str(), row.link.as_deref()))
        .collect();
    assert_eq!(told, [("C1", "account:erp:C1", Some("person siren:1")), ("C2", "siren:1", None)]);
    tx.set_account_links(&[set("C1", "siren:1", None)]).await.unwrap();
    assert!(tx.accounts(COMPANY).await.unwrap().iter().all(|row| row.link.is_none()));
    assert_eq!(tx.find_buyers(COMPANY, "siren:1").await.unwrap().len(), 1);
    tx.rollback().await.unwrap();
}

async fn touched_buyers_are_taken_once(db: &Database) {
    let buyers: BTreeSet<String> = (0..900).map(|n| format!("siren:{n}")).collect();
    let mut tx = db.begin().await;
    tx.touch_buyers(COMPANY, &buyers).await.unwrap();
    tx.touch_buyers(COMPANY, &buyers).await.unwrap();
    tx.touch_buyers("another", &BTreeSet::from(["siren:x".to_owned()])).await.unwrap();
    tx.commit().await.unwrap();
    // A cycle that fails has settled nothing.
    let mut tx = db.begin().await;
    assert_eq!(tx.take_touched(COMPANY).await.unwrap(), buyers);
    tx.rollback().await.unwrap();
    let mut tx = db.begin().await;
    assert_eq!(tx.take_touched(COMPANY).await.unwrap(), buyers);
    assert_eq!(tx.take_touched(COMPANY).await.unwrap(), BTreeSet::new());
    tx.commit().await.unwrap();
    assert_eq!(db.count("touched_buyer", "company = 'another'").await, 1);
}

async fn an_address_is_kept_as_it_came(db: &Database) {
    let mut one = account("C1", "Un", None);
    (one.street, one.postcode) = (Some("12 rue des Rêves".to_owned()), Some("01000".to_owned()));
    let mut tx = db.begin().await;
    let mut landing = AccountLanding::begin(&mut tx, ERP, at(0)).await.unwrap();
    landing.write(&mut tx, vec![one]).await.unwrap();
    let rows = tx.accounts(COMPANY).await.unwrap();
    let row = &rows[0];
    assert_eq!(
        (row.street.as_deref(), row.postcode.as_deref(), row.town.as_deref()),
        (Some("12 rue des Rêves"), Some("01000"), None)
    );
    tx.rollback().await.unwrap();
}
