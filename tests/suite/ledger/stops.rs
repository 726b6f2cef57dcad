//! Stops of cover: remembered after what caused them is paid, and changed in place.

use std::collections::BTreeSet;

use encours::ledger::CoverStopRow;

use super::{COMPANY, Database, INSURER, at, contract, day};

contract!(stops_are_kept_and_changed_in_place, many_stops_are_written_and_read_by_buyer);

fn stop(buyer: &str, number: i64, since: &str) -> CoverStopRow {
    CoverStopRow {
        buyer_id: buyer.to_owned(),
        connection: INSURER.to_owned(),
        policy: "00471".to_owned(),
        number,
        stopped_on: day(since),
        cause_connection: "erp".to_owned(),
        cause_item: "00012".to_owned(),
        cause_number: "F1".to_owned(),
        lifts: "stays".to_owned(),
        known_since: day("2026-03-20"),
        lifted_on: None,
        covered_from: None,
        lifted_why: None,
        lifted_by: None,
        because: None,
        version: 1,
    }
}

async fn write(db: &Database, company: &str, rows: &[CoverStopRow], second: i64) {
    let mut tx = db.begin().await;
    tx.write_cover_stops(company, rows, at(second)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn read(db: &Database, company: &str, buyers: Option<&[&str]>) -> Vec<CoverStopRow> {
    let buyers: Option<BTreeSet<String>> = buyers.map(|all| all.iter().map(|id| (*id).to_owned()).collect());
    let mut tx = db.begin().await;
    let rows = tx.cover_stops(company, buyers.as_ref()).await.unwrap();
    tx.rollback().await.unwrap();
    rows
}

async fn stops_are_kept_and_changed_in_place(db: &Database) {
    let first = stop("siren:000000018", 1, "2026-03-16");
    write(db, COMPANY, std::slice::from_ref(&first), 1).await;
    assert_eq!(read(db, COMPANY, None).await, std::slice::from_ref(&first));

    // An older invoice came late, then the insurer lifted it, then another one began.
    let earlier = CoverStopRow {
        stopped_on: day("2026-03-01"),
        cause_number: "F0".to_owned(),
        known_since: day("2026-03-25"),
        version: 2,
        ..first.clone()
    };
    write(db, COMPANY, std::slice::from_ref(&earlier), 2).await;
    let kept = CoverStopRow { known_since: first.known_since, ..earlier };
    assert_eq!(read(db, COMPANY, None).await, std::slice::from_ref(&kept), "known since it was first found");
    let lifted = CoverStopRow {
        lifted_on: Some(day("2026-04-01")),
        covered_from: Some(day("2026-03-30")),
        lifted_why: Some("person".to_owned()),
        lifted_by: Some("Ada".to_owned()),
        because: Some("letter of 1 April".to_owned()),
        version: 3,
        ..kept
    };
    let second = stop("siren:000000018", 2, "2026-05-01");
    write(db, COMPANY, &[second.clone(), lifted.clone()], 3).await;
    assert_eq!(read(db, COMPANY, None).await, [lifted, second]);
    assert_eq!(read(db, "zweite", None).await, []);
}

async fn many_stops_are_written_and_read_by_buyer(db: &Database) {
    let all: Vec<CoverStopRow> = (0..900).map(|n| stop(&format!("b{n:03}"), 1, "2026-03-16")).collect();
    write(db, COMPANY, &all, 1).await;
    assert_eq!(read(db, COMPANY, None).await, all);
    assert_eq!(
        read(db, COMPANY, Some(&["b007", "b899", "nobody"])).await,
        [all[7].clone(), all[899].clone()]
    );
    assert_eq!(read(db, COMPANY, Some(&[])).await, []);
}
