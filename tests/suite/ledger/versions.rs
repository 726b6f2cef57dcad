//! Accounts and terms of policies as they were known at an instant, and what is said where that was not kept.

use std::collections::BTreeSet;

use encours::ledger::{AccountLanding, AccountsThen, PoliciesThen, accounts_then, policies_then};
use encours::model::{Account, Currency, Policy};

use super::{COMPANY, Database, ERP, INSURER, Probe, account, at, contract, day};

contract! {
    an_account_is_as_it_was_known,
    an_account_that_stays_as_it_is_writes_nothing,
    what_accounts_were_before_their_history_is_not_guessed,
    terms_are_those_that_had_been_read,
    terms_of_before_their_history_are_the_first_that_were_kept,
}

async fn land(db: &Database, second: i64, accounts: Vec<Account>) {
    let mut tx = db.begin().await;
    let mut landing = AccountLanding::begin(&mut tx, ERP, at(second)).await.unwrap();
    landing.write(&mut tx, accounts).await.unwrap();
    tx.commit().await.unwrap();
}

fn named(id: &str, name: &str, limit: i64) -> Account {
    let limit_currency = Some(Currency::EUR);
    Account { name: name.to_owned(), limit_minor: Some(limit), limit_currency, ..account(id, name, None) }
}

async fn then(db: &Database, second: i64) -> AccountsThen {
    let mut tx = db.begin().await;
    let versions = tx.account_versions(COMPANY, None).await.unwrap();
    let buyers = tx.buyers_known(COMPANY, at(second)).await.unwrap();
    let own: BTreeSet<(String, String)> = buyers.keys().cloned().collect();
    let some = tx.account_versions(COMPANY, Some(&own)).await.unwrap();
    assert_eq!(some.len(), versions.len(), "all, and each by its key");
    assert!(tx.account_versions("another", None).await.unwrap().is_empty());
    tx.rollback().await.unwrap();
    accounts_then(&versions, &buyers, at(second))
}

/// `code name limit` of each account that was known.
fn told(then: &AccountsThen) -> Vec<String> {
    let accounts = then.accounts.iter();
    accounts.map(|row| format!("{} {} {}", row.code, row.name, row.limit_minor.unwrap())).collect()
}

/// Changes the ledger past it.
async fn execute(db: &Database, sql: &'static str) {
    match &db.probe {
        Probe::Sqlite(pool) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
        Probe::Postgres(pool) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
    }
}

async fn an_account_is_as_it_was_known(db: &Database) {
    land(db, 10, vec![named("C1", "Exemple", 5)]).await;
    land(db, 20, vec![named("C1", "Exemple et Fils", 5), named("C2", "Modele", 7)]).await;
    land(db, 30, vec![named("C1", "Exemple et Fils", 9), named("C2", "Modele", 7)]).await;
    assert_eq!(told(&then(db, 9).await), Vec::<String>::new());
    assert_eq!(told(&then(db, 10).await), ["C1 Exemple 5"]);
    assert_eq!(told(&then(db, 19).await), ["C1 Exemple 5"]);
    assert_eq!(told(&then(db, 20).await), ["C1 Exemple et Fils 5", "C2 Modele 7"]);
    assert_eq!(told(&then(db, 30).await), ["C1 Exemple et Fils 9", "C2 Modele 7"]);
    assert_eq!(then(db, 9).await.begin, [], "it was not there, which is known");
    let buyer = then(db, 19).await.buyers.into_values().next().unwrap();
    assert_eq!((buyer.id.as_str(), buyer.name.as_str()), ("account:erp:C1", "Exemple"));
}

async fn an_account_that_stays_as_it_is_writes_nothing(db: &Database) {
    land(db, 10, vec![named("C1", "Exemple", 5), named("C2", "Modele", 7)]).await;
    land(db, 20, vec![named("C1", "Exemple", 5), named("C2", "Modele", 7)]).await;
    assert_eq!(db.count("account_history", "1 = 1").await, 0);
    land(db, 30, vec![named("C1", "Exemple", 5), named("C2", "Modele", 8)]).await;
    assert_eq!(db.count("account_history", "external_id = 'C2'").await, 1, "the changed one alone");
    assert_eq!(db.count("account_history", "1 = 1").await, 1);
    // Written twice at one instant, the first writing was seen by nobody.
    land(db, 30, vec![named("C2", "Modele", 9)]).await;
    assert_eq!(db.count("account_history", "1 = 1").await, 1);
    assert_eq!(told(&then(db, 29).await), ["C1 Exemple 5", "C2 Modele 7"]);
}

async fn what_accounts_were_before_their_history_is_not_guessed(db: &Database) {
    land(db, 10, vec![named("C1", "Exemple", 5)]).await;
    // As a ledger is that knew the account before its history was kept.
    execute(db, "UPDATE account SET first_recorded_at = NULL").await;
    land(db, 20, vec![named("C1", "Exemple et Fils", 5)]).await;
    let early = then(db, 9).await;
    assert_eq!(told(&early), ["C1 Exemple 5"]);
    assert_eq!(
        early.begin.iter().map(|one| (one.what.as_str(), one.since)).collect::<Vec<_>>(),
        [("C1", at(10))]
    );
    assert_eq!(
        (told(&then(db, 10).await), then(db, 10).await.begin),
        (vec!["C1 Exemple 5".to_owned()], vec![])
    );
}

async fn policies(db: &Database, second: i64) -> PoliciesThen {
    let mut tx = db.begin().await;
    let versions = tx.policy_versions(COMPANY).await.unwrap();
    assert!(tx.policy_versions("another").await.unwrap().is_empty());
    tx.rollback().await.unwrap();
    policies_then(&versions, at(second)).unwrap()
}

fn plain() -> Policy {
    Policy::plain(INSURER, "0004711", Currency::EUR, day("2026-01-01"), 90.into())
}

async fn know(db: &Database, second: i64, policies: &[Policy]) -> bool {
    let mut tx = db.begin().await;
    let differs = tx.know_policies(COMPANY, policies, at(second)).await.unwrap();
    tx.commit().await.unwrap();
    differs
}

async fn terms_are_those_that_had_been_read(db: &Database) {
    let mep = Policy { mep_days: Some(60), ..plain() };
    let next = Policy { valid_from: day("2027-01-01"), ..plain() };
    assert!(know(db, 10, &[plain()]).await);
    assert!(!know(db, 20, &[plain()]).await, "read again, and as it was");
    assert_eq!(db.count("policy_history", "1 = 1").await, 0);
    assert!(know(db, 30, &[mep.clone(), next.clone()]).await);
    assert!(know(db, 40, std::slice::from_ref(&mep)).await, "a period that is gone");
    assert!(!know(db, 50, std::slice::from_ref(&mep)).await);
    assert_eq!(policies(db, 9).await, PoliciesThen::default());
    for (second, expected) in
        [(10, vec![plain()]), (29, vec![plain()]), (30, vec![mep.clone(), next]), (40, vec![mep])]
    {
        assert_eq!(
            policies(db, second).await,
            PoliciesThen { policies: expected, begin: Vec::new() },
            "at {second}"
        );
    }
}

async fn terms_of_before_their_history_are_the_first_that_were_kept(db: &Database) {
    know(db, 10, &[plain()]).await;
    execute(db, "UPDATE policy SET first_recorded_at = NULL").await;
    know(db, 30, &[Policy { mep_days: Some(60), ..plain() }]).await;
    let early = policies(db, 9).await;
    assert_eq!(early.policies, [plain()]);
    let begin: Vec<_> = early.begin.iter().map(|one| (one.what.as_str(), one.since)).collect();
    assert_eq!(begin, [("0004711 from 2026-01-01 on", at(10))]);
    // A form that this version does not know is told, not skipped.
    execute(db, "UPDATE policy_history SET payload = '{\"number\": \"0004711\"}'").await;
    let mut tx = db.begin().await;
    let versions = tx.policy_versions(COMPANY).await.unwrap();
    tx.rollback().await.unwrap();
    let error = policies_then(&versions, at(10)).unwrap_err().to_string();
    assert!(error.contains("period of a policy that this version cannot read: 0004711"), "{error}");
    assert!(policies_then(&versions, at(30)).is_ok(), "what is not asked for does not hinder");
}
