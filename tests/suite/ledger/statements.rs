//! What a statement was made from stays known, whatever is noted of its days afterwards.

use encours::credit::statement::{Period, bytes};
use encours::ids::sha256_hex;
use encours::ledger::{StatementLineRow, StatementRow, statement_id};
use encours::model::StatementMethod;

use super::{COMPANY, Database, INSURER, at, contract, day};

contract! {
    a_day_that_is_noted_again_or_taken_back_leaves_a_statement_as_it_was,
}

async fn note(db: &Database, on: &str, minor: i64, second: i64) {
    let mut tx = db.begin().await;
    tx.note_exposures(COMPANY, &[("a", "EUR", minor)], day(on), at(second)).await.unwrap();
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
    let now = tx.figures(COMPANY, StatementMethod::Balance, period, None).await.unwrap();
    assert_eq!(now["EUR"]["a"], 7, "what is known now is another thing");
    tx.rollback().await.unwrap();
}
