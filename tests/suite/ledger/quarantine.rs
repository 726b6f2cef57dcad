//! Records that could not be taken: one entry each, for as long as the source has them.

use encours::ledger::BadRecord;
use encours::model::Currency;

use super::{COMPANY, Database, ERP, at, contract};

contract!(
    the_same_record_read_again_is_the_same_entry,
    identical_rows_are_counted_apart,
    what_is_gone_is_resolved_and_what_returns_is_open,
    a_nul_in_a_bad_record_does_not_fail_the_run,
    thousands_of_bad_records_are_kept,
);

fn bad(line: u64, payload: &str, reason: &str) -> BadRecord {
    BadRecord {
        stage: "map",
        place: format!("encours.csv:{line}"),
        reason: reason.to_owned(),
        payload: payload.to_owned(),
        currency: Currency::EUR,
        amount_minor: 100,
    }
}

async fn quarantine(db: &Database, run: &str, second: i64, calls: &[&[BadRecord]]) -> u64 {
    let mut tx = db.begin().await;
    for records in calls {
        tx.quarantine(ERP, "invoices", run, records, at(second)).await.unwrap();
    }
    let resolved = tx.resolve_quarantine(ERP, "invoices", run, at(second)).await.unwrap();
    tx.commit().await.unwrap();
    resolved
}

/// The open entries: place, payload, reason.
async fn open(db: &Database) -> Vec<(String, String, String)> {
    let mut tx = db.begin().await;
    let rows = tx.quarantined(COMPANY).await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter().map(|row| (row.place, row.payload, row.reason)).collect()
}

async fn the_same_record_read_again_is_the_same_entry(db: &Database) {
    quarantine(db, "run1", 0, &[&[bad(3, "{\"a\":1}", "no date")]]).await;
    quarantine(db, "run2", 10, &[&[bad(7, "{\"a\":1}", "no date, and no amount")]]).await;
    let mut tx = db.begin().await;
    let rows = tx.quarantined(COMPANY).await.unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    assert_eq!((row.first_seen, row.last_seen, row.place.as_str()), (at(0), at(10), "encours.csv:7"));
    assert_eq!(
        (row.stage.as_str(), row.reason.as_str()),
        ("map", "no date, and no amount"),
        "the fault of today"
    );
    tx.quarantine(ERP, "receipts", "run3", &[bad(7, "{\"a\":1}", "no date")], at(20)).await.unwrap();
    assert_eq!(tx.quarantined(COMPANY).await.unwrap().len(), 2, "another operation's is another");
    assert_eq!(tx.quarantined("another").await.unwrap(), []);
    tx.rollback().await.unwrap();
}

async fn identical_rows_are_counted_apart(db: &Database) {
    let row = |line, reason: &str| bad(line, "{\"a\":1}", reason);
    // The fault need not be the same: each is a repeat of another line.
    let three = [row(3, "no date"), row(4, "is already on line 3"), row(5, "is already on line 3")];
    quarantine(db, "run1", 0, &[&three]).await;
    assert_eq!(open(db).await.len(), 3);
    quarantine(db, "run2", 1, &[&three[..2], &three[2..]]).await;
    assert_eq!(open(db).await.len(), 3, "in one call or in several");
    assert_eq!(quarantine(db, "run3", 2, &[&three[..1]]).await, 2);
    assert_eq!(open(db).await.len(), 1);
    let many: Vec<BadRecord> = (0..1_000).map(|line| row(line, "blank")).collect();
    quarantine(db, "run4", 3, &[&many[..300], &many[300..]]).await;
    assert_eq!(open(db).await.len(), 1_000);
    assert_eq!(db.count("quarantine", "1 = 1").await, 1_000);
}

async fn what_is_gone_is_resolved_and_what_returns_is_open(db: &Database) {
    let (one, two) = (bad(3, "{\"a\":1}", "no date"), bad(4, "{\"a\":2}", "no date"));
    assert_eq!(quarantine(db, "run1", 0, &[&[one.clone(), two.clone()]]).await, 0);
    assert_eq!(quarantine(db, "run2", 1, &[std::slice::from_ref(&two)]).await, 1);
    assert_eq!(open(db).await.len(), 1);
    assert_eq!(quarantine(db, "run3", 2, &[std::slice::from_ref(&two)]).await, 0, "resolved once");
    assert_eq!(quarantine(db, "run4", 3, &[&[one, two]]).await, 0);
    assert_eq!(open(db).await.len(), 2, "it is there again");
    assert_eq!(
        db.texts("SELECT CAST(first_seen AS TEXT) FROM quarantine").await.len(),
        2,
        "as the same entry"
    );
    assert_eq!(quarantine(db, "run5", 4, &[]).await, 2);
    assert_eq!(open(db).await, []);
}

async fn a_nul_in_a_bad_record_does_not_fail_the_run(db: &Database) {
    let record = BadRecord {
        place: "f\0.csv:2".to_owned(),
        ..bad(2, "{\"a\":\"x\0y\"}", "\"1\u{0}2\" is not an amount")
    };
    quarantine(db, "run1", 0, &[std::slice::from_ref(&record)]).await;
    quarantine(db, "run2", 1, &[&[record]]).await;
    let shown = ("f␀.csv:2".to_owned(), "{\"a\":\"x␀y\"}".to_owned(), "\"1␀2\" is not an amount".to_owned());
    assert_eq!(open(db).await, [shown]);
}

async fn thousands_of_bad_records_are_kept(db: &Database) {
    let many: Vec<BadRecord> = (0..5_000).map(|n| bad(n, &format!("{{\"n\":{n}}}"), "no date")).collect();
    quarantine(db, "run1", 0, &[&many]).await;
    assert_eq!(quarantine(db, "run2", 1, &[&many[..2_000], &many[2_000..4_000]]).await, 1_000);
    assert_eq!(open(db).await.len(), 4_000);
}
