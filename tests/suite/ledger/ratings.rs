//! Ratings: what is as known is not written, what changed keeps what was before.

use encours::ledger::RatingChange;
use encours::model::Rating;

use super::{COMPANY, Database, INSURER, at, contract, day};

contract!(ratings_tell_what_changed_and_keep_what_was, many_ratings_land_at_once);

fn rating(buyer: &str, text: &str) -> Rating {
    Rating {
        insurer_buyer_id: buyer.to_owned(),
        buyer_name: String::new(),
        rating: text.to_owned(),
        class: Some("Low risk".to_owned()),
        previous: None,
        changed_on: Some(day("2026-02-28")),
    }
}

async fn land(database: &Database, on: i64, ratings: Vec<Rating>) -> Vec<RatingChange> {
    let mut tx = database.begin().await;
    let changes = tx.land_ratings(INSURER, ratings, day(&format!("2026-03-{on:02}")), at(on)).await.unwrap();
    tx.commit().await.unwrap();
    changes
}

async fn ratings_tell_what_changed_and_keep_what_was(database: &Database) {
    let first = land(database, 1, vec![rating("B1", "30"), rating("B2", "40")]).await;
    assert_eq!(
        first.iter().map(|change| (change.version, change.before.is_none())).collect::<Vec<_>>(),
        [(1, true); 2]
    );
    assert_eq!(land(database, 2, vec![rating("B1", "30")]).await, [], "as known; and one not listed stays");
    assert_eq!(database.count("rating", "seen_on = '2026-03-01'").await, 2, "nothing was written");
    let second = land(database, 3, vec![rating("B1", "55"), rating("B2", "40")]).await;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].before, Some(rating("B1", "30")));
    assert_eq!((second[0].after.rating.as_str(), second[0].version), ("55", 2));
    assert_eq!(database.count("rating_history", "insurer_buyer_id = 'B1' AND version = 1").await, 1);
    assert_eq!(database.count("rating", "insurer_buyer_id = 'B1' AND version = 2").await, 1);

    let mut tx = database.begin().await;
    assert!(tx.ratings_of(COMPANY, "account:B1").await.unwrap().is_empty(), "no limit ties it to a buyer");
    tx.rollback().await.unwrap();
}

async fn many_ratings_land_at_once(database: &Database) {
    let all = |text: &str| (0..1_000).map(|n| rating(&format!("B{n:04}"), text)).collect::<Vec<_>>();
    assert_eq!(land(database, 1, all("30")).await.len(), 1_000);
    assert_eq!(land(database, 2, all("30")).await.len(), 0);
    assert_eq!(land(database, 3, all("31")).await.len(), 1_000);
    assert_eq!(database.count("rating_history", "version = 1").await, 1_000);
}
