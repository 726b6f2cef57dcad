//! Accounts and the buyers behind them: who has the word, who is touched, who is found.

use std::collections::BTreeSet;

use encours::ledger::AccountLanding;
use encours::model::{Account, Currency, Identifier, Scheme};

use super::{COMPANY, Database, ERP, SIREN_1, SIREN_2, account, at, contract};

contract!(
    the_same_accounts_again_write_nothing,
    a_customer_record_has_the_word_over_items,
    a_change_of_buyer_touches_both,
    a_second_customer_record_of_one_key_is_handed_back,
    a_buyer_is_named_alike_whatever_came_first,
    accounts_are_read_as_they_were_written,
    buyers_are_found_by_what_people_type,
    wildcards_are_letters_like_others,
);

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn counts(landing: &AccountLanding) -> (u64, u64, u64) {
    (landing.landed.new, landing.landed.changed, landing.landed.unchanged)
}

/// Lands customer records of a connection and commits.
async fn customers(db: &Database, connection: &str, second: i64, accounts: Vec<Account>) -> AccountLanding {
    let mut tx = db.begin().await;
    let mut landing = AccountLanding::begin(&mut tx, connection, at(second)).await.unwrap();
    landing.write(&mut tx, accounts).await.unwrap();
    tx.commit().await.unwrap();
    landing
}

/// Lands accounts that only items describe, and commits.
async fn from_items(db: &Database, connection: &str, second: i64, accounts: Vec<Account>) -> AccountLanding {
    let mut tx = db.begin().await;
    let mut landing = AccountLanding::begin(&mut tx, connection, at(second)).await.unwrap();
    landing.write_from_items(&mut tx, accounts).await.unwrap();
    tx.commit().await.unwrap();
    landing
}

async fn the_same_accounts_again_write_nothing(db: &Database) {
    let all: Vec<Account> =
        (0..900).map(|n| account(&format!("C{n}"), &format!("Client {n}"), None)).collect();
    let first = customers(db, ERP, 0, all.clone()).await;
    assert_eq!((counts(&first), first.buyers.len()), ((900, 0, 0), 900));
    assert!(first.has("C899") && !first.has("C900"));
    let again = customers(db, ERP, 1, all).await;
    assert_eq!((counts(&again), again.buyers.len()), ((0, 0, 900), 0));
    assert_eq!(db.texts("SELECT DISTINCT CAST(recorded_at AS TEXT) FROM account").await.len(), 1);
    assert_eq!(db.texts("SELECT DISTINCT CAST(recorded_at AS TEXT) FROM buyer").await.len(), 1);
}

async fn a_customer_record_has_the_word_over_items(db: &Database) {
    const STATE: &str =
        "SELECT external_id || ' ' || origin || ' ' || name FROM account ORDER BY external_id";
    let landing =
        from_items(db, ERP, 0, vec![account("C1", "as the items say", None), account("C2", "C2", None)])
            .await;
    assert_eq!(counts(&landing), (2, 0, 0));
    assert_eq!(db.texts(STATE).await, ["C1 item as the items say", "C2 item C2"]);
    let landing = customers(db, ERP, 1, vec![account("C1", "Client 1", None)]).await;
    assert_eq!(counts(&landing), (0, 1, 0));
    let landing =
        from_items(db, ERP, 2, vec![account("C1", "something else", None), account("C2", "C2", None)]).await;
    assert_eq!((counts(&landing), &landing.buyers), ((0, 0, 1), &BTreeSet::new()));
    assert_eq!(db.texts(STATE).await, ["C1 customer Client 1", "C2 item C2"]);
    // The same words from a customer record are taken note of: from now on it has the word.
    let landing = customers(db, ERP, 3, vec![account("C2", "C2", None)]).await;
    assert_eq!(counts(&landing), (0, 1, 0));
    assert_eq!(db.texts(STATE).await, ["C1 customer Client 1", "C2 customer C2"]);
    // Within one landing too.
    let mut tx = db.begin().await;
    let mut landing = AccountLanding::begin(&mut tx, ERP, at(4)).await.unwrap();
    landing.write(&mut tx, vec![account("C3", "Client 3", None)]).await.unwrap();
    landing
        .write_from_items(&mut tx, vec![account("C3", "no", None), account("C4", "yes", None)])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(counts(&landing), (2, 0, 0));
    assert_eq!(db.texts(STATE).await[2..], ["C3 customer Client 3", "C4 item yes"]);
}

async fn a_change_of_buyer_touches_both(db: &Database) {
    let first =
        customers(db, ERP, 0, vec![account("C1", "Client", None), account("C2", "Autre", Some(SIREN_2))])
            .await;
    assert_eq!(first.buyers, set(&["account:erp:C1", "siren:000000026"]));
    let second = customers(db, ERP, 1, vec![account("C1", "Client", Some(SIREN_1))]).await;
    assert_eq!(second.buyers, set(&["account:erp:C1", "siren:000000018"]));
    let third = customers(db, ERP, 2, vec![account("C1", "Client", Some(SIREN_2))]).await;
    assert_eq!(third.buyers, set(&["siren:000000018", "siren:000000026"]));
    let mut tx = db.begin().await;
    let both =
        tx.accounts_of(COMPANY, &set(&["siren:000000026", "siren:000000018", "nobody"])).await.unwrap();
    assert_eq!(both.iter().map(|row| row.external_id.as_str()).collect::<Vec<_>>(), ["C1", "C2"]);
    assert_eq!(third.buyer_of("C1"), Some("siren:000000026"));
    let again = AccountLanding::begin(&mut tx, ERP, at(3)).await.unwrap();
    assert_eq!((again.buyer_of("C1"), again.buyer_of("X1")), (Some("siren:000000026"), None));
    assert_eq!(tx.buyers(COMPANY).await.unwrap().len(), 1, "a buyer without an account is nobody's");
    tx.rollback().await.unwrap();
}

async fn a_second_customer_record_of_one_key_is_handed_back(db: &Database) {
    let (one, other) = (account("C1", "Client", None), account("C1", "Client bis", None));
    for (second, want) in [(0, (1, 0, 0)), (1, (0, 0, 1))] {
        let landing = customers(db, ERP, second, vec![one.clone(), other.clone(), one.clone()]).await;
        assert_eq!((counts(&landing), landing.repeated), (want, vec![other.clone()]), "read {second}");
        assert_eq!(db.texts("SELECT name || CAST(recorded_at AS TEXT) FROM account").await.len(), 1);
    }
    let mut tx = db.begin().await;
    let mut landing = AccountLanding::begin(&mut tx, ERP, at(2)).await.unwrap();
    landing.write(&mut tx, vec![one.clone()]).await.unwrap();
    landing.write(&mut tx, vec![other.clone()]).await.unwrap(); // the next page of the same reading
    assert_eq!((counts(&landing), landing.repeated), ((0, 0, 1), vec![other]));
    tx.rollback().await.unwrap();
}

async fn a_buyer_is_named_alike_whatever_came_first(db: &Database) {
    const NAMES: &str = "SELECT id || ' ' || name FROM buyer ORDER BY id";
    let one = |name| account("C1", name, Some(SIREN_1));
    let two = |name| account("C2", name, Some(SIREN_1));
    from_items(db, "books", 0, vec![account("411C", "CLIENT (FEC)", Some(SIREN_1))]).await;
    assert_eq!(db.texts(NAMES).await, ["siren:000000018 CLIENT (FEC)"]);
    customers(db, ERP, 1, vec![two("Client Lyon")]).await;
    assert_eq!(db.texts(NAMES).await, ["siren:000000018 Client Lyon"], "a customer record before items");
    customers(db, ERP, 2, vec![one("Client"), two("Client Lyon")]).await;
    assert_eq!(db.texts(NAMES).await, ["siren:000000018 Client"], "the first of its accounts");
    customers(db, ERP, 3, vec![two("Client Lyon 2")]).await;
    from_items(db, "books", 4, vec![account("411C", "CLIENT 2", Some(SIREN_1))]).await;
    assert_eq!(db.texts(NAMES).await, ["siren:000000018 Client"], "whichever changed last");
    customers(db, ERP, 5, vec![account("C1", "Client", Some(SIREN_2))]).await;
    assert_eq!(
        db.texts(NAMES).await,
        ["siren:000000018 Client Lyon 2", "siren:000000026 Client"],
        "an account that leaves takes its name along"
    );
}

async fn accounts_are_read_as_they_were_written(db: &Database) {
    let all = Account {
        identifiers: vec![
            Identifier::new(Scheme::Vat, "DE136695976").unwrap(),
            Identifier::new(Scheme::Registration, "HRB \"1\\2\" é").unwrap(),
        ],
        insurer_buyer_id: Some("31001".to_owned()),
        limit_minor: Some(9_999_999_999_999),
        limit_currency: Some(Currency::EUR),
        terms_days: Some(-1),
        blocked: true,
        ..account("00012", "Client", None)
    };
    customers(db, ERP, 0, vec![all.clone(), account("1E5", "Autre", None)]).await;
    let mut tx = db.begin().await;
    let rows = tx.accounts(COMPANY).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.external_id.as_str()).collect::<Vec<_>>(),
        ["1E5", "00012"],
        "by buyer"
    );
    let row = &rows[1];
    assert_eq!((row.buyer_id.as_str(), row.insurer_buyer_id.as_deref()), ("vat:DE136695976", Some("31001")));
    assert_eq!(row.limit(), Some((9_999_999_999_999, Currency::EUR)));
    assert_eq!(row.identifiers().collect::<Vec<_>>(), all.identifiers);
    assert_eq!((rows[0].limit(), rows[0].limit_minor, rows[0].insurer_buyer_id.clone()), (None, None, None));
    assert_eq!(tx.connections_holding_limits(COMPANY).await.unwrap(), [ERP]);
    assert_eq!(tx.connections_holding_limits("another").await.unwrap(), Vec::<String>::new());
    tx.rollback().await.unwrap();
    assert_eq!(
        db.texts("SELECT CAST(terms_days AS TEXT) FROM account WHERE external_id = '00012'").await,
        ["-1"]
    );
}

async fn buyers_are_found_by_what_people_type(db: &Database) {
    let foreign = |id: &str, name: &str, scheme, number: &str| Account {
        identifiers: Identifier::new(scheme, number).into_iter().collect(),
        ..account(id, name, None)
    };
    customers(
        db,
        ERP,
        0,
        vec![
            account("00012", "ÉTABLISSEMENTS Lefèvre & Fils", Some(SIREN_1)),
            account("1E5", "Établissements Martin", Some("000 000 027")), // a wrong check digit
            foreign("C3", "Größe GmbH", Scheme::Vat, "DE136695976"),
            foreign("C4", "株式会社", Scheme::Registration, "123-45"),
            account("siren", "Le Siren", None),
        ],
    )
    .await;
    customers(db, "crm", 1, vec![account("K9", "Client du CRM", Some(SIREN_1))]).await;
    let mut tx = db.begin().await;
    tx.know_connection("crm", COMPANY, "csv", "erp").await.unwrap();
    tx.know_connection("foreign", "another", "csv", "erp").await.unwrap();
    let mut landing = AccountLanding::begin(&mut tx, "foreign", at(2)).await.unwrap();
    landing.write(&mut tx, vec![account("00012", "Lefèvre d'ailleurs", None)]).await.unwrap();

    let lefevre = "siren:000000018";
    for (wanted, want) in [
        ("siren:000000018", vec![lefevre]),
        ("00012", vec![lefevre]),
        (" 00012 ", vec![lefevre]),
        ("000 000 018", vec![lefevre]),
        ("000\u{a0}000\u{202f}018", vec![lefevre]),
        ("00000001800001", vec![]), // a SIRET with a wrong check digit leads to no company
        ("00000001800000", vec![]),
        ("FR54000000018", vec![]),
        ("K9", vec![lefevre]),
        ("000000027", vec!["account:erp:1E5"]),
        ("1E5", vec!["account:erp:1E5"]),
        ("100000", vec![]),
        ("de 136 695 976", vec!["vat:DE136695976"]),
        ("12345", vec!["registration:FR:12345"]),
        ("établissements", vec!["account:erp:1E5", lefevre]),
        ("ETABLISSEMENTS", vec!["account:erp:1E5", lefevre]),
        ("lefevre", vec![lefevre]),
        ("LEFÈVRE &", vec![lefevre]),
        ("client du crm", vec![lefevre]), // the name it has in the other ERP
        ("grösse", vec![]),
        ("GRÖß", vec!["vat:DE136695976"]),
        ("式会", vec!["registration:FR:12345"]),
        ("siren", vec!["account:erp:siren"]), // not every account with a SIREN
        ("SIREN", vec!["account:erp:siren"]),
        ("nobody", vec![]),
        ("", vec![]),
        (" ", vec![]),
        ("a\0b", vec![]),
        ("'; DROP TABLE buyer; --", vec![]),
    ] {
        let mut found: Vec<String> =
            tx.find_buyers(COMPANY, wanted).await.unwrap().into_iter().map(|row| row.id).collect();
        found.sort();
        let mut want = want;
        want.sort_unstable();
        assert_eq!(found, want, "{wanted:?}");
    }
    // Sound numbers that contain the SIREN lead to it, though no account holds them.
    for number in ["FR66000000018", "00000001800018"] {
        let sound = [Scheme::Vat, Scheme::Siret]
            .iter()
            .filter_map(|scheme| Identifier::new(*scheme, number))
            .any(|id| id.siren().is_some());
        let found = tx.find_buyers(COMPANY, number).await.unwrap();
        assert_eq!(found.len(), usize::from(sound), "{number}");
    }
    let names: Vec<String> = tx.buyers(COMPANY).await.unwrap().into_iter().map(|row| row.name).collect();
    // By their bytes in both databases; a buyer has the name of its first account, which is the CRM's.
    assert_eq!(names, ["Client du CRM", "Größe GmbH", "Le Siren", "Établissements Martin", "株式会社"]);
    tx.rollback().await.unwrap();
}

async fn wildcards_are_letters_like_others(db: &Database) {
    let names = ["100% bio", "100 bio", "A_B", "AxB", "C:\\Temp", "C:/Temp", "l'été [2]", "x!y"];
    let all = names.iter().enumerate().map(|(n, name)| account(&format!("C{n}"), name, None)).collect();
    customers(db, ERP, 0, all).await;
    let mut tx = db.begin().await;
    for (wanted, want) in [
        ("%", vec!["100% bio"]),
        ("100%", vec!["100% bio"]),
        ("_", vec!["A_B"]),
        ("a_b", vec!["A_B"]),
        ("\\", vec!["C:\\Temp"]),
        ("\\temp", vec!["C:\\Temp"]),
        ("[2]", vec!["l'été [2]"]),
        ("'ete", vec!["l'été [2]"]),
        ("!", vec!["x!y"]),
        ("100", vec!["100 bio", "100% bio"]),
        ("?", vec![]),
        ("*", vec![]),
    ] {
        let found: Vec<String> =
            tx.find_buyers(COMPANY, wanted).await.unwrap().into_iter().map(|row| row.name).collect();
        assert_eq!(found, want, "{wanted:?}");
    }
    let long = "é".repeat(100_000);
    assert_eq!(tx.find_buyers(COMPANY, &long).await.unwrap(), []);
    tx.rollback().await.unwrap();
}
