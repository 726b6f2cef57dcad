//! Look-ups for a fee: of all who ask the same, one is told to, and what was answered is never asked again.

use encours::ledger::{Error, Known, LookupAnswer, LookupKey, LookupState};

use super::{Database, INSURER, at, contract};

contract!(
    a_question_is_asked_once_and_its_answer_kept,
    a_crash_after_asking_leaves_the_question_to_a_person,
    a_question_that_was_never_sent_is_forgotten,
    an_answer_needs_a_question,
    who_let_it_be_asked_is_kept_each_time,
);

const KEY: LookupKey<'static> =
    LookupKey { connection: INSURER, country: "FR", scheme: "siren", value: "000000018" };

fn answer(id: &str) -> LookupAnswer {
    vec![[("insurer_buyer_id".to_owned(), id.to_owned())].into_iter().collect()]
}

/// Asks in a transaction of its own, as whoever is about to call does.
async fn known(database: &Database, key: LookupKey<'_>, second: i64) -> Known {
    let mut tx = database.begin().await;
    let known = tx.known_lookup(key, at(second)).await.unwrap();
    tx.commit().await.unwrap();
    known
}

async fn a_question_is_asked_once_and_its_answer_kept(database: &Database) {
    assert_eq!(known(database, KEY, 0).await, Known::AskNow);
    let mut tx = database.begin().await;
    tx.remember_lookup(KEY, &answer("31004001"), at(1)).await.unwrap();
    tx.remember_lookup(KEY, &answer("31009999"), at(2)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(known(database, KEY, 9).await, Known::Answered(answer("31004001")), "the first answer stays");
    for other in [
        LookupKey { country: "DE", ..KEY },
        LookupKey { scheme: "vat", ..KEY },
        LookupKey { value: "000000026", ..KEY },
        LookupKey { connection: "other", ..KEY },
    ] {
        assert_eq!(known(database, other, 10).await, Known::AskNow, "{other:?} is another question");
        let mut tx = database.begin().await;
        tx.remember_lookup(other, &Vec::new(), at(11)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            known(database, other, 12).await,
            Known::Answered(Vec::new()),
            "nobody found is an answer too"
        );
    }
    assert_eq!(database.count("lookup", "state = 'answered'").await, 5);
}

async fn a_crash_after_asking_leaves_the_question_to_a_person(database: &Database) {
    assert_eq!(known(database, KEY, 0).await, Known::AskNow);
    for second in 1..4 {
        assert_eq!(known(database, KEY, second).await, Known::AskedBefore { at: at(0) });
    }
    let mut tx = database.begin().await;
    assert!(tx.repeat_lookup(KEY, at(5)).await.unwrap(), "a person lets it be asked again");
    tx.forget_lookup(KEY).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(known(database, KEY, 6).await, Known::AskedBefore { at: at(5) }, "once, not for ever");
    let mut tx = database.begin().await;
    tx.remember_lookup(KEY, &answer("31004001"), at(7)).await.unwrap();
    let rows = tx.lookups(INSURER).await.unwrap();
    assert_eq!((rows.len(), rows[0].state().unwrap(), rows[0].repeats), (1, LookupState::Answered, 1));
    assert_eq!((rows[0].asked_at, rows[0].answered_at), (at(5), Some(at(7))));
    assert!(!tx.repeat_lookup(KEY, at(8)).await.unwrap(), "what is answered is not asked again");
    tx.commit().await.unwrap();
}

async fn a_question_that_was_never_sent_is_forgotten(database: &Database) {
    assert_eq!(known(database, KEY, 0).await, Known::AskNow);
    let mut tx = database.begin().await;
    tx.forget_lookup(KEY).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(known(database, KEY, 1).await, Known::AskNow);
    let mut tx = database.begin().await;
    tx.remember_lookup(KEY, &answer("1"), at(2)).await.unwrap();
    tx.forget_lookup(KEY).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(known(database, KEY, 3).await, Known::Answered(answer("1")), "an answer is never forgotten");

    let mut tx = database.begin().await;
    let other = LookupKey { value: "000000026", ..KEY };
    assert_eq!(tx.known_lookup(other, at(4)).await.unwrap(), Known::AskNow);
    tx.rollback().await.unwrap();
    assert_eq!(known(database, other, 5).await, Known::AskNow, "what was not committed was not written down");
}

async fn an_answer_needs_a_question(database: &Database) {
    let mut tx = database.begin().await;
    let error = tx.remember_lookup(KEY, &answer("1"), at(0)).await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    tx.rollback().await.unwrap();
}

async fn who_let_it_be_asked_is_kept_each_time(database: &Database) {
    let other = LookupKey { country: "DE", ..KEY };
    let mut tx = database.begin().await;
    tx.note_lookup_ask(KEY, "anne", "", at(1)).await.unwrap();
    tx.note_lookup_ask(KEY, "boris", "the insurer saw nothing", at(2)).await.unwrap();
    tx.note_lookup_ask(other, "carla", "", at(3)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = database.begin().await;
    let asks = tx.lookup_asks(KEY).await.unwrap();
    let told: Vec<_> =
        asks.iter().map(|ask| (ask.ask, ask.at, ask.who.as_str(), ask.because.as_str())).collect();
    assert_eq!(told, [(1, at(1), "anne", ""), (2, at(2), "boris", "the insurer saw nothing")]);
    assert_eq!(tx.lookup_asks(other).await.unwrap()[0].ask, 1);
    assert!(tx.lookup(KEY).await.unwrap().is_none(), "asking is noted beside the look-up, not instead of it");
    tx.rollback().await.unwrap();
}
