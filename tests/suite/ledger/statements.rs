//! What a statement was made from stays known, whatever is noted of its days afterwards.

use encours::credit::statement::{Period, bytes};
use encours::ids::sha256_hex;
use encours::ledger::{AccountLanding, Owed, StatementLineRow, StatementRow, statement_id};
use encours::model::{Basis, Item, ItemKind, StatementMethod};

use super::{COMPANY, Database, ERP, INSURER, Reading, account, at, contract, day, invoice};

contract! {
    a_day_that_is_noted_again_or_taken_back_leaves_a_statement_as_it_was,
    what_is_stated_net_of_tax_says_what_carries_no_tax_figure,
}

async fn note(db: &Database, on: &str, minor: i64, second: i64) {
    let mut tx = db.begin().await;
    let owed = Owed { buyer: "a", currency: "EUR", minor, net_minor: None, lacks_tax: 0 };
    tx.note_exposures(COMPANY, &[owed], day(on), at(second)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_day_that_is_noted_again_or_taken_back_leaves_a_statement_as_it_was(db: &Database) {
    note(db, "2026-05-30", 400, 1).await;
    note(db, "2026-05-31", 500, 2).await;
    let period = Period::parse("2026-05").unwrap();
    let line = StatementLineRow {
        buyer_id: "a".to_owned(),
        insurer_buyer_id: Some("31001".to_owned()),
        name: "Exemple A".to_owned(),
        country: "FR".to_owned(),
        account: "C1".to_owned(),
        amount_minor: 500,
        lacks_tax: 0,
        before_minor: None,
        before_statement: None,
    };
    let mut row = StatementRow {
        id: statement_id(COMPANY, INSURER, "POL-7", period, StatementMethod::Balance),
        company: COMPANY.to_owned(),
        connection: INSURER.to_owned(),
        policy: "POL-7".to_owned(),
        method: "balance".to_owned(),
        period: "2026-05".to_owned(),
        currency: "EUR".to_owned(),
        basis: "gross".to_owned(),
        as_of: day("2026-05-31"),
        made_on: day("2026-06-01"),
        known_at: at(3),
        line_count: 1,
        total_minor: 500,
        change_minor: 500,
        not_stated: 0,
        other_currency: 0,
        content_hash: String::new(),
        receipt: None,
        receipt_because: None,
        receipt_by: None,
        receipt_at: None,
    };
    row.content_hash = sha256_hex(&bytes(&row.head().unwrap(), &[line.line()]).unwrap());
    let mut tx = db.begin().await;
    tx.write_statement(&row, &[line]).await.unwrap();
    tx.commit().await.unwrap();

    // The eve is noted otherwise, after which the last day says what its eve says, and goes; then it comes back otherwise.
    note(db, "2026-05-30", 500, 4).await;
    note(db, "2026-05-31", 500, 5).await;
    assert_eq!(db.count("exposure_day", "as_of = '2026-05-31'").await, 0, "the case that this test is about");
    for second in [6, 7] {
        let mut tx = db.begin().await;
        let rebuilt = tx.rebuild_statement(&row.id).await.unwrap().unwrap();
        assert!(rebuilt.is_same(), "{}", String::from_utf8_lossy(&rebuilt.bytes));
        tx.rollback().await.unwrap();
        note(db, "2026-05-31", second, second).await;
    }
    let mut tx = db.begin().await;
    let now = tx.figures(COMPANY, StatementMethod::Balance, period, Basis::Gross, None).await.unwrap();
    assert_eq!(now["EUR"]["a"].minor, 7, "what is known now is another thing");
    tx.rollback().await.unwrap();
}

async fn what_is_stated_net_of_tax_says_what_carries_no_tax_figure(db: &Database) {
    let mut tx = db.begin().await;
    let mut accounts = AccountLanding::begin(&mut tx, ERP, at(0)).await.unwrap();
    accounts.write(&mut tx, vec![account("C1", "Exemple", None)]).await.unwrap();
    let dated = |id: &str, kind: ItemKind, total: i64, tax_minor: Option<i64>| Item {
        kind,
        total_minor: total,
        tax_minor,
        issued: day("2026-05-10"),
        ..invoice(id, "C1", total)
    };
    let items = [
        dated("I1", ItemKind::Invoice, 120, Some(20)),
        dated("I2", ItemKind::Invoice, 60, None),
        dated("I3", ItemKind::Invoice, 60, Some(61)),
        dated("A1", ItemKind::CreditNote, 12, Some(2)),
    ];
    Reading::snapshot(1).land(&mut tx, &items).await.unwrap();
    let buyer = tx.accounts(COMPANY).await.unwrap().remove(0).buyer_id;
    let owed = Owed { buyer: &buyer, currency: "EUR", minor: 228, net_minor: Some(210), lacks_tax: 2 };
    tx.note_exposures(COMPANY, &[owed], day("2026-05-31"), at(2)).await.unwrap();
    let before = Owed { minor: 100, net_minor: None, lacks_tax: 0, ..owed };
    tx.note_exposures(COMPANY, &[before], day("2026-04-30"), at(2)).await.unwrap();
    for known_at in [None, Some(at(3))] {
        for (method, month, basis, want) in [
            (StatementMethod::Turnover, "2026-05", Basis::Gross, (228, 0)),
            (StatementMethod::Turnover, "2026-05", Basis::Net, (210, 2)),
            (StatementMethod::Balance, "2026-05", Basis::Gross, (228, 0)),
            (StatementMethod::Balance, "2026-05", Basis::Net, (210, 2)),
            (StatementMethod::Balance, "2026-04", Basis::Net, (100, 1)),
        ] {
            let period = Period::parse(month).unwrap();
            let figures = tx.figures(COMPANY, method, period, basis, known_at).await.unwrap();
            let figure = figures["EUR"][&buyer];
            assert_eq!((figure.minor, figure.lacks_tax), want, "{method} {month} {basis}");
        }
    }
    tx.rollback().await.unwrap();
}
