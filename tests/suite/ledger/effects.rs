//! Effects: one cause is one effect, a state is reached by one worker only, and every step is kept.

use std::collections::{BTreeMap, BTreeSet};

use encours::ledger::{
    AccountLanding, EffectRow, EndedRequests, Ledger, Owed, PeakRow, Proposed, Step, Tx, effect_id,
};
use encours::model::{Account, Action, Approval, Date, Effect, EffectKind, EffectState, Item, Money};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{COMPANY, Database, ERP, INSURER, SIREN_1, account, at, contract, currency, day, invoice};

contract!(
    one_cause_is_proposed_once_and_its_figures_follow,
    a_proposal_comes_back_unless_a_person_said_no,
    one_request_of_a_buyer_lives_at_a_time,
    what_was_dropped_stays_so_while_another_request_lives,
    other_effects_are_not_kept_waiting_by_a_request,
    a_step_needs_the_state_it_begins_in,
    of_two_workers_one_sends,
    every_step_is_kept_with_its_number,
    a_lease_lasts_as_long_as_the_sending,
    what_has_ended_does_not_come_to_life,
    ended_requests_are_counted_and_the_last_is_known,
    the_last_write_back_counts_sent_or_not,
    a_peak_counts_what_was_owed_when_the_span_began,
    a_day_is_kept_only_when_it_changed_something,
    a_peak_net_of_tax_takes_days_that_no_policy_counted_so_gross,
    what_was_owed_on_a_day_is_known_later,
    overdue_invoices_are_those_past_their_first_due_date,
    a_written_limit_is_known_until_the_erp_is_read,
    companies_do_not_see_each_other,
);

const BUYER: &str = "siren:000000018";
const POLICY: &str = "0004711";

fn request(cause: &str) -> Effect {
    Effect {
        kind: EffectKind::RequestLimit,
        action: Action::New,
        connection: INSURER.to_owned(),
        policy: POLICY.to_owned(),
        buyer_id: BUYER.to_owned(),
        name: "Exemple".to_owned(),
        country: "FR".to_owned(),
        subject: "31001".to_owned(),
        cause: cause.to_owned(),
        why: "It owes 30 000.00 EUR.".to_owned(),
        expected: "Covered.".to_owned(),
        amount: Some(euros(30_000)),
        before: Some(euros(0)),
        fee: Some(euros(25)),
        approval: Approval::Automatic,
        facts: [("amount".to_owned(), "30000.00".to_owned())].into(),
        expires_on: Some(day("2026-04-01")),
    }
}

fn write(account: &str, cause: &str, euros: i64) -> Effect {
    Effect {
        kind: EffectKind::WriteLimit,
        action: Action::Set,
        connection: ERP.to_owned(),
        subject: account.to_owned(),
        amount: Some(self::euros(euros)),
        before: None,
        ..request(cause)
    }
}

fn euros(euros: i64) -> Money {
    Money::new(euros * 100, currency("EUR"))
}

fn today() -> Date {
    day("2026-03-01")
}

/// Proposes in a transaction of its own.
async fn propose(db: &Database, effect: &Effect, second: i64) -> Proposed {
    let mut tx = db.begin().await;
    let proposed = tx.propose(COMPANY, effect, today(), at(second)).await.unwrap();
    tx.commit().await.unwrap();
    proposed
}

async fn new(db: &Database, effect: &Effect, second: i64) -> EffectRow {
    match propose(db, effect, second).await {
        Proposed::New(row) => *row,
        other => panic!("it should be new: {other:?}"),
    }
}

fn step(from: &[EffectState], to: EffectState, second: i64) -> Step<'_> {
    Step::new(from, to, "anne", "a step", today(), at(second))
}

async fn advance(db: &Database, id: &str, step: &Step<'_>) -> Option<EffectRow> {
    let mut tx = db.begin().await;
    let row = tx.advance(id, step).await.unwrap();
    tx.commit().await.unwrap();
    row
}

use EffectState::{Approved, Done, Dropped, Failed, Refused, Sending, Unknown};

/// Takes a new effect through states, one second a step.
async fn walk(db: &Database, effect: &Effect, second: i64, states: &[EffectState]) -> EffectRow {
    let mut row = new(db, effect, second).await;
    for (after, to) in (second + 1..).zip(states) {
        let from = [row.state().unwrap()];
        row = advance(db, &row.id, &step(&from, *to, after))
            .await
            .unwrap_or_else(|| panic!("{from:?} to {to}"));
    }
    row
}

async fn effect(db: &Database, id: &str) -> EffectRow {
    let mut tx = db.begin().await;
    let row = tx.effect(id).await.unwrap().unwrap();
    tx.rollback().await.unwrap();
    row
}

async fn one_cause_is_proposed_once_and_its_figures_follow(db: &Database) {
    let row = new(db, &request("0"), 0).await;
    assert_eq!(row.id, effect_id(COMPANY, &request("0")));
    assert_eq!((row.state().unwrap(), row.version, row.attempts), (EffectState::Proposed, 1, 0));
    assert_eq!((row.amount(), row.fee(), row.is_automatic()), (Some(euros(30_000)), Some(euros(25)), true));
    assert_eq!(propose(db, &request("0"), 1).await, Proposed::Known);
    assert_eq!(effect(db, &row.id).await, row, "what says the same writes nothing");

    let more: &[(&str, Effect)] = &[
        ("amount", Effect { amount: Some(euros(31_000)), ..request("0") }),
        ("before", Effect { before: Some(euros(10)), ..request("0") }),
        ("fee", Effect { fee: Some(euros(40)), ..request("0") }),
        ("words", Effect { why: "It owes more.".to_owned(), ..request("0") }),
        ("expected", Effect { expected: "Less uninsured.".to_owned(), ..request("0") }),
        (
            "currency",
            Effect {
                amount: Some(Money::new(3_000_000, currency("USD"))),
                before: None,
                fee: None,
                ..request("0")
            },
        ),
        ("approval", Effect { approval: Approval::Person("too high".to_owned()), ..request("0") }),
        ("facts", Effect { facts: BTreeMap::new(), ..request("0") }),
        ("subject", Effect { subject: "31002".to_owned(), ..request("0") }),
        ("kind", Effect { kind: EffectKind::ChangeLimit, action: Action::Increase, ..request("0") }),
    ];
    for (second, (what, changed)) in (10..).zip(more) {
        assert_eq!(propose(db, changed, second).await, Proposed::Known, "{what}");
        let now = effect(db, &row.id).await;
        assert_eq!(now.updated_at, at(second), "another {what} is written");
        assert_eq!((now.amount(), now.fee(), now.before()), (changed.amount, changed.fee, changed.before));
        assert_eq!(
            (&now.why, &now.expected, &now.facts.0),
            (&changed.why, &changed.expected, &changed.facts)
        );
        assert_eq!((now.kind().unwrap(), &now.subject), (changed.kind, &changed.subject));
        assert_eq!(
            (now.version, now.our_reference),
            (1, row.our_reference.clone()),
            "{what}: it is the same effect"
        );
    }
    assert_eq!(db.count("effect", "1 = 1").await, 1);

    // Once somebody has said yes, its figures stand.
    advance(db, &row.id, &step(&[EffectState::Proposed], Approved, 30)).await.unwrap();
    assert_eq!(propose(db, &request("0"), 31).await, Proposed::Closed);
    assert_eq!(effect(db, &row.id).await.kind().unwrap(), EffectKind::ChangeLimit);
}

async fn a_proposal_comes_back_unless_a_person_said_no(db: &Database) {
    let row = walk(db, &request("0"), 0, &[Dropped]).await;
    assert_eq!((row.settled_on, row.message.as_deref()), (Some(today()), Some("a step")));
    let again = new(db, &request("0"), 5).await;
    assert_eq!((again.id, again.version, again.settled_on, again.message), (row.id.clone(), 3, None, None));

    let no = Step { declined: true, ..step(&[EffectState::Proposed], Dropped, 6) };
    assert!(advance(db, &row.id, &no).await.unwrap().declined);
    let other = Effect { amount: Some(euros(90_000)), ..request("0") };
    assert_eq!(propose(db, &other, 7).await, Proposed::Closed, "a person said no to this cause");
    new(db, &request("1"), 8).await;
}

async fn one_request_of_a_buyer_lives_at_a_time(db: &Database) {
    let row = new(db, &request("0"), 0).await;
    let other = Effect { kind: EffectKind::CancelLimit, action: Action::Cancel, ..request("1") };
    let path: &[(EffectState, bool)] = &[
        (Approved, false),
        (Sending, false),
        (Unknown, false),
        (Approved, false),
        (Sending, false),
        (Done, true),
    ];
    let mut state = EffectState::Proposed;
    assert_eq!(propose(db, &other, 1).await, Proposed::Closed, "{state}");
    for (second, (to, awaiting)) in (2..).zip(path) {
        let from = [state];
        let next = Step { awaiting: *awaiting, ..step(&from, *to, second) };
        let row = advance(db, &row.id, &next).await.unwrap();
        assert!(row.is_live());
        state = *to;
        assert_eq!(propose(db, &other, second).await, Proposed::Closed, "{state}, awaiting: {awaiting}");
    }
    // Another buyer, another policy, another insurer: free.
    new(db, &Effect { buyer_id: "siren:000000026".to_owned(), ..request("1") }, 20).await;
    new(db, &Effect { policy: "0004712".to_owned(), ..request("1") }, 21).await;
    new(db, &Effect { connection: "other".to_owned(), ..request("1") }, 22).await;

    let decided = advance(db, &row.id, &step(&[Done], Done, 23)).await.unwrap();
    assert!(!decided.is_live());
    let next = new(db, &other, 24).await;
    assert_eq!(next.action().unwrap(), Action::Cancel);

    // Refused and failed ones free the buyer too.
    for (cause, second, end) in [("2", 30, Refused), ("3", 40, Failed)] {
        let buyer = format!("b{cause}");
        let own = Effect { buyer_id: buyer.clone(), ..request(cause) };
        let row = walk(db, &own, second, &[Approved, Sending, end]).await;
        assert!(!row.is_live());
        new(db, &Effect { buyer_id: buyer, ..request("9") }, second + 5).await;
    }
}

async fn what_was_dropped_stays_so_while_another_request_lives(db: &Database) {
    let dropped = walk(db, &request("0"), 0, &[Dropped]).await;
    let live = new(db, &request("1"), 3).await;
    assert_eq!(propose(db, &request("0"), 4).await, Proposed::Closed);
    assert_eq!(effect(db, &dropped.id).await, dropped);
    advance(db, &live.id, &step(&[EffectState::Proposed], Dropped, 5)).await.unwrap();
    assert_eq!(new(db, &request("0"), 6).await.id, dropped.id);
}

async fn other_effects_are_not_kept_waiting_by_a_request(db: &Database) {
    new(db, &request("0"), 0).await;
    new(db, &write("C1", "0", 10), 1).await;
    new(db, &write("C2", "0", 10), 2).await;
    let notice = |invoice: &str| Effect {
        kind: EffectKind::NotifyOverdue,
        action: Action::Notify,
        subject: invoice.to_owned(),
        ..request("0")
    };
    new(db, &notice("F1"), 3).await;
    new(db, &notice("F2"), 4).await;
    assert_eq!(propose(db, &notice("F2"), 5).await, Proposed::Known);
    let mut tx = db.begin().await;
    assert_eq!(tx.effects(COMPANY, &[]).await.unwrap().len(), 5);
    assert_eq!(tx.effects(COMPANY, &[Approved, Done]).await.unwrap(), []);
    assert_eq!(tx.effects(COMPANY, &[EffectState::Proposed]).await.unwrap().len(), 5);
    tx.rollback().await.unwrap();
}

async fn a_step_needs_the_state_it_begins_in(db: &Database) {
    let row = new(db, &request("0"), 0).await;
    for from in [Approved, Sending, Unknown, Done, Refused, Failed, Dropped] {
        assert_eq!(advance(db, &row.id, &step(&[from], Done, 1)).await, None, "it is not {from}");
    }
    assert_eq!(advance(db, &row.id, &step(&[], Done, 1)).await, None);
    assert_eq!(advance(db, "none", &step(&[EffectState::Proposed], Approved, 1)).await, None);
    assert_eq!(effect(db, &row.id).await, row);
    assert_eq!(db.count("effect_step", "1 = 1").await, 1, "what did not happen is no step");
}

async fn of_two_workers_one_sends(db: &Database) {
    let row = walk(db, &request("0"), 0, &[Approved]).await;
    // Each has a connection of its own; both saw it approved.
    let other = Ledger::open(&db.url).await.unwrap();
    let claim = |ledger: Ledger, id: String, who: &'static str| async move {
        let mut tx = ledger.begin().await.unwrap();
        let claim = Step { who, ..step(&[Approved], Sending, 5) };
        let won = tx.advance(&id, &claim).await.unwrap();
        tokio::task::yield_now().await;
        tx.commit().await.unwrap();
        won.map(|_| who)
    };
    let tasks = [
        tokio::spawn(claim(db.ledger.clone(), row.id.clone(), "one")),
        tokio::spawn(claim(other.clone(), row.id.clone(), "two")),
        tokio::spawn(claim(other.clone(), row.id.clone(), "three")),
    ];
    let mut winners = Vec::new();
    for task in tasks {
        winners.extend(task.await.unwrap());
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    let now = effect(db, &row.id).await;
    assert_eq!((now.state().unwrap(), now.attempts, now.version), (Sending, 1, 3));
    let mut tx = db.begin().await;
    let last = tx.effect_steps(&row.id).await.unwrap().pop().unwrap();
    tx.rollback().await.unwrap();
    assert_eq!((last.state.as_str(), last.who.as_str()), ("sending", winners[0]));
    other.close().await;
}

async fn every_step_is_kept_with_its_number(db: &Database) {
    let row = walk(db, &request("0"), 0, &[Approved, Sending]).await;
    let answer = Step {
        who: "encours",
        note: "decided at once",
        answer: Some("{\"secret\":\"•••\"}"),
        reference: Some("D-1"),
        ..step(&[Sending], Done, 9)
    };
    let done = advance(db, &row.id, &answer).await.unwrap();
    assert_eq!(
        (done.partner_reference.as_deref(), done.message.as_deref()),
        (Some("D-1"), Some("decided at once"))
    );
    assert_eq!((done.sent_on, done.sent_at, done.settled_on), (Some(today()), Some(at(2)), Some(today())));
    // A later step without a reference keeps the one that is known.
    let awaiting = Step { awaiting: true, ..step(&[Done], Done, 10) };
    let done = advance(db, &row.id, &awaiting).await.unwrap();
    assert_eq!((done.partner_reference.as_deref(), done.settled_on), (Some("D-1"), None));

    let mut tx = db.begin().await;
    let steps = tx.effect_steps(&row.id).await.unwrap();
    tx.rollback().await.unwrap();
    let told: Vec<String> = steps
        .iter()
        .map(|step| format!("{} {} by {}: {}", step.step, step.state, step.who, step.note))
        .collect();
    assert_eq!(
        told,
        [
            "1 proposed by encours: It owes 30 000.00 EUR.",
            "2 approved by anne: a step",
            "3 sending by anne: a step",
            "4 done by encours: decided at once",
            "5 done by anne: a step",
        ]
    );
    assert_eq!(steps[3].answer.as_deref(), Some("{\"secret\":\"•••\"}"));
    assert_eq!(steps.last().unwrap().step, done.version);
    assert_eq!(steps.iter().map(|step| step.at).collect::<Vec<_>>(), [at(0), at(1), at(2), at(9), at(10)]);
}

async fn a_lease_lasts_as_long_as_the_sending(db: &Database) {
    let row = walk(db, &request("0"), 0, &[Approved]).await;
    let claim = Step { lease_until: Some(at(500)), batch: Some("B1"), ..step(&[Approved], Sending, 2) };
    let row = advance(db, &row.id, &claim).await.unwrap();
    assert_eq!((row.lease_until, row.batch.as_deref(), row.attempts), (Some(at(500)), Some("B1"), 1));
    let row = advance(db, &row.id, &step(&[Sending], Unknown, 3)).await.unwrap();
    assert_eq!((row.lease_until, row.batch.as_deref()), (None, Some("B1")), "who is in doubt holds nothing");
    advance(db, &row.id, &step(&[Unknown], Approved, 4)).await.unwrap();
    let row = advance(db, &row.id, &Step { lease_until: Some(at(900)), ..step(&[Approved], Sending, 5) })
        .await
        .unwrap();
    assert_eq!((row.lease_until, row.attempts, row.sent_at), (Some(at(900)), 2, Some(at(5))));
}

async fn what_has_ended_does_not_come_to_life(db: &Database) {
    for (cause, path) in [
        ("a", &[Approved, Sending, Refused][..]),
        ("b", &[Approved, Sending, Failed]),
        ("c", &[Dropped]),
        ("d", &[Approved, Sending, Done]),
    ] {
        let row = walk(db, &Effect { buyer_id: cause.to_owned(), ..request(cause) }, 0, path).await;
        let from = [row.state().unwrap()];
        for to in [EffectState::Proposed, Approved, Sending, Unknown] {
            assert_eq!(advance(db, &row.id, &step(&from, to, 9)).await, None, "{from:?} to {to}");
        }
        assert_eq!(effect(db, &row.id).await, row);
    }
    // But for a person who knows that the partner has it after all.
    let failed = effect_id(COMPANY, &Effect { buyer_id: "b".to_owned(), ..request("b") });
    assert!(advance(db, &failed, &step(&[Failed], Done, 10)).await.is_some());
}

async fn ended(db: &Database) -> BTreeMap<(String, String, String), EndedRequests> {
    let mut tx = db.begin().await;
    let ended = tx.ended_requests(COMPANY).await.unwrap();
    tx.rollback().await.unwrap();
    ended
}

async fn ended_requests_are_counted_and_the_last_is_known(db: &Database) {
    let key = (INSURER.to_owned(), POLICY.to_owned(), BUYER.to_owned());
    let amount = |euros: i64, cause: &str| Effect { amount: Some(self::euros(euros)), ..request(cause) };
    walk(db, &amount(10, "0"), 0, &[Approved, Sending, Refused]).await;
    walk(db, &amount(20, "1"), 10, &[Approved, Sending, Done]).await;
    // Neither a proposal nor a write-back nor what a person declined is an end.
    walk(db, &amount(30, "2"), 20, &[Dropped]).await;
    walk(db, &write("C1", "0", 10), 21, &[Approved, Sending, Done]).await;
    new(db, &amount(40, "3"), 30).await;
    let known = ended(db).await;
    assert_eq!(known.len(), 1);
    let want = EndedRequests { ended: 2, refused_on: Some(today()), last: Some((2_000, today())) };
    assert_eq!(known.get(&key), Some(&want));

    // Sent by hand: never sent by us, and the last one all the same.
    let id = effect_id(COMPANY, &amount(40, "3"));
    let later = day("2026-03-09");
    let done = Step { day: later, ..step(&[EffectState::Proposed], Done, 40) };
    assert_eq!(advance(db, &id, &done).await.unwrap().sent_at, None);
    let awaiting = Step { awaiting: true, ..step(&[EffectState::Proposed], Done, 50) };
    let row = new(db, &amount(50, "4"), 49).await;
    advance(db, &row.id, &awaiting).await.unwrap();
    let want = EndedRequests { ended: 3, refused_on: Some(today()), last: Some((4_000, later)) };
    assert_eq!(ended(db).await.get(&key), Some(&want), "one that is undecided has not ended");

    // An earlier one that was decided by hand is not the last although it was never sent.
    let done = Step { day: day("2026-03-10"), ..step(&[Done], Done, 60) };
    advance(db, &row.id, &done).await.unwrap();
    walk(db, &amount(60, "5"), 70, &[Approved, Sending, Done]).await;
    let id = effect_id(COMPANY, &amount(60, "5"));
    let after = Step { day: day("2026-03-11"), ..step(&[Done], Refused, 80) };
    advance(db, &id, &after).await.unwrap();
    let want = EndedRequests {
        ended: 5,
        refused_on: Some(day("2026-03-11")),
        last: Some((6_000, day("2026-03-11"))),
    };
    assert_eq!(ended(db).await.get(&key), Some(&want));
}

async fn written(db: &Database) -> Vec<(String, Option<i64>)> {
    let mut tx = db.begin().await;
    let rows = tx.written_limits(COMPANY).await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter().map(|((_, account), row)| (account, row.amount_minor)).collect()
}

async fn the_last_write_back_counts_sent_or_not(db: &Database) {
    walk(db, &write("C1", "0", 10), 0, &[Approved, Sending, Done]).await;
    walk(db, &write("C2", "0", 99), 0, &[Approved, Sending, Done]).await;
    // The ERP held it already: done without being sent.
    walk(db, &write("C1", "1", 20), 10, &[Approved, Done]).await;
    assert_eq!(written(db).await, [("C1".to_owned(), Some(2_000)), ("C2".to_owned(), Some(9_900))]);
    walk(db, &write("C1", "2", 30), 20, &[Approved, Sending, Done]).await;
    walk(db, &write("C1", "3", 40), 30, &[Approved, Sending, Failed]).await;
    walk(db, &write("C1", "4", 50), 40, &[Approved, Sending, Unknown]).await;
    assert_eq!(written(db).await, [("C1".to_owned(), Some(3_000)), ("C2".to_owned(), Some(9_900))]);
}

fn owed<'a>((buyer, currency, minor): (&'a str, &'a str, i64)) -> Owed<'a> {
    Owed { buyer, currency, minor, net_minor: None, lacks_tax: 0 }
}

async fn note(db: &Database, on: &str, rows: &[(&str, &str, i64)]) {
    let mut tx = db.begin().await;
    let rows: Vec<Owed<'_>> = rows.iter().copied().map(owed).collect();
    tx.note_exposures(COMPANY, &rows, day(on), at(0)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn peak(db: &Database, from: &str, buyer: &str) -> Option<PeakRow> {
    let mut tx = db.begin().await;
    let rows = tx.peaks(COMPANY, day(from)).await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter().find(|row| row.buyer_id == buyer)
}

async fn a_peak_counts_what_was_owed_when_the_span_began(db: &Database) {
    note(db, "2026-01-05", &[("a", "EUR", 900), ("a", "USD", 5)]).await;
    note(db, "2026-01-10", &[("a", "EUR", 700)]).await;
    note(db, "2026-01-20", &[("a", "EUR", 100), ("b", "EUR", 50)]).await;
    note(db, "2026-01-25", &[("a", "EUR", 300)]).await;
    for (from, want) in [
        ("2025-12-01", 900),
        ("2026-01-05", 900),
        ("2026-01-06", 900),
        ("2026-01-09", 900),
        ("2026-01-10", 700),
        ("2026-01-19", 700),
        ("2026-01-20", 300),
        ("2026-01-24", 300),
        ("2026-01-25", 300),
        ("2026-02-25", 300),
    ] {
        let row = peak(db, from, "a").await.unwrap();
        assert_eq!(row.peak_minor, want, "from {from}");
        assert_eq!(
            (row.currency.as_str(), row.known_since, row.last_change),
            ("EUR", day("2026-01-05"), day("2026-01-25"))
        );
    }
    let row = peak(db, "2026-01-01", "b").await.unwrap();
    assert_eq!((row.peak_minor, row.known_since), (50, day("2026-01-20")), "first known within the span");
    let row = peak(db, "2026-03-01", "b").await.unwrap();
    assert_eq!(row.peak_minor, 50, "what it owes since before the span");
    assert_eq!(peak(db, "2026-01-01", "c").await, None);
}

async fn a_day_is_kept_only_when_it_changed_something(db: &Database) {
    note(db, "2026-01-05", &[("a", "EUR", 900), ("b", "EUR", 0)]).await;
    note(db, "2026-01-06", &[("a", "EUR", 0), ("b", "EUR", 0)]).await;
    for on in ["2026-01-07", "2026-02-07", "2026-03-07"] {
        note(db, on, &[("a", "EUR", 0), ("b", "EUR", 0)]).await;
    }
    let row = peak(db, "2026-03-01", "a").await.unwrap();
    assert_eq!((row.peak_minor, row.last_change), (0, day("2026-01-06")), "it has owed nothing since");
    assert_eq!(db.count("exposure_day", "1 = 1").await, 3);

    // The last word of a day counts, also when it is that nothing has changed after all.
    note(db, "2026-03-08", &[("a", "EUR", 40)]).await;
    note(db, "2026-03-08", &[("a", "EUR", 60)]).await;
    assert_eq!(peak(db, "2026-03-08", "a").await.unwrap().peak_minor, 60);
    note(db, "2026-03-08", &[("a", "EUR", 0)]).await;
    let row = peak(db, "2026-03-01", "a").await.unwrap();
    assert_eq!((row.peak_minor, row.last_change), (0, day("2026-01-06")));

    let many: Vec<String> = (0..900).map(|n| format!("m{n}")).collect();
    let rows = |minor: i64| many.iter().map(|id| (id.as_str(), "EUR", minor)).collect::<Vec<_>>();
    note(db, "2026-03-09", &rows(1)).await;
    note(db, "2026-03-10", &rows(1)).await;
    assert_eq!(db.count("exposure_day", "buyer_id LIKE 'm%'").await, 900);
}

async fn a_peak_net_of_tax_takes_days_that_no_policy_counted_so_gross(db: &Database) {
    let net = |minor: i64, net_minor: Option<i64>| Owed { net_minor, ..owed(("a", "EUR", minor)) };
    let days = [
        ("2026-03-01", net(120, None)),
        ("2026-03-02", net(240, Some(200))),
        ("2026-03-03", net(240, Some(210))),
    ];
    for (on, row) in days {
        let mut tx = db.begin().await;
        tx.note_exposures(COMPANY, &[row], day(on), at(0)).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(db.count("exposure_day", "1 = 1").await, 3, "another net amount alone is another day");
    let mut tx = db.begin().await;
    let row = tx.peaks(COMPANY, day("2026-03-01")).await.unwrap().remove(0);
    assert_eq!((row.peak_minor, row.net_peak_minor), (240, 210));
    tx.note_exposures(COMPANY, &[net(240, Some(90))], day("2026-03-03"), at(1)).await.unwrap();
    tx.note_exposures(COMPANY, &[net(240, Some(80))], day("2026-03-02"), at(1)).await.unwrap();
    let row = tx.peaks(COMPANY, day("2026-03-01")).await.unwrap().remove(0);
    assert_eq!(row.net_peak_minor, 120, "on the first of March nothing was known net");
    tx.rollback().await.unwrap();
}

async fn what_was_owed_on_a_day_is_known_later(db: &Database) {
    note(db, "2026-01-05", &[("a", "EUR", 900), ("b", "EUR", 10), ("b", "USD", 77)]).await;
    note(db, "2026-01-31", &[("b", "EUR", 0), ("c", "EUR", -5)]).await;
    let owed = |currency: &'static str, on: &'static str| async move {
        let mut tx = db.begin().await;
        let owed = tx.owed_on(COMPANY, currency, day(on)).await.unwrap();
        tx.rollback().await.unwrap();
        owed.into_iter().map(|(buyer, minor)| format!("{buyer}={minor}")).collect::<Vec<_>>()
    };
    assert!(owed("EUR", "2026-01-04").await.is_empty());
    assert_eq!(owed("EUR", "2026-01-05").await, ["a=900", "b=10"]);
    assert_eq!(owed("EUR", "2026-01-30").await, ["a=900", "b=10"]);
    assert_eq!(owed("EUR", "2026-01-31").await, ["a=900", "c=-5"], "who owes nothing is left out");
    assert_eq!(owed("USD", "2026-05-01").await, ["b=77"]);
}

async fn overdue_invoices_are_those_past_their_first_due_date(db: &Database) {
    customers(db, 0, vec![account("C1", "Client", Some(SIREN_1))]).await;
    let due = |id: &str, on: &str| Item { due: day(on), ..invoice(id, "C1", 500) };
    let first = vec![
        due("I1", "2026-02-20"),
        due("I2", "2026-03-01"),
        due("I3", "2026-03-02"),
        Item { disputed: true, ..due("I4", "2026-01-10") },
        Item { kind: encours::model::ItemKind::CreditNote, ..due("I5", "2026-01-10") },
        due("I6", "2026-01-05"),
    ];
    db.snapshot(&first, 1).await;
    let overdue = |on: &'static str| async move {
        let mut tx = db.begin().await;
        let rows = tx.overdue_invoices(COMPANY, day(on)).await.unwrap();
        tx.rollback().await.unwrap();
        rows.into_iter()
            .map(|row| format!("{} {} {}", row.external_id, row.original_due, row.buyer_id))
            .collect::<Vec<_>>()
    };
    let told = |id: &str, due: &str| format!("{id} {due} {BUYER}");
    assert_eq!(overdue("2026-03-01").await, [told("I6", "2026-01-05"), told("I1", "2026-02-20")]);
    assert_eq!(overdue("2026-01-05").await, Vec::<String>::new(), "on its due date it is not overdue");
    // The ERP puts a due date off: the first one counts. What is paid is gone.
    let second: Vec<Item> = first
        .into_iter()
        .filter(|item| item.external_id != "I6")
        .map(|item| if item.external_id == "I1" { Item { due: day("2026-08-01"), ..item } } else { item })
        .collect();
    db.snapshot(&second, 2).await;
    assert_eq!(overdue("2026-03-02").await, [told("I1", "2026-02-20"), told("I2", "2026-03-01")]);
}

async fn customers(db: &Database, second: i64, accounts: Vec<Account>) -> BTreeSet<String> {
    let mut tx = db.begin().await;
    let mut landing = AccountLanding::begin(&mut tx, ERP, at(second)).await.unwrap();
    landing.write(&mut tx, accounts).await.unwrap();
    tx.commit().await.unwrap();
    landing.buyers
}

async fn a_written_limit_is_known_until_the_erp_is_read(db: &Database) {
    let holds = |euros: Option<i64>| Account {
        limit_minor: euros.map(|euros| euros * 100),
        limit_currency: euros.map(|_| currency("EUR")),
        ..account("C1", "Client", Some(SIREN_1))
    };
    let stored = || async {
        let mut tx = db.begin().await;
        let rows = tx.accounts(COMPANY).await.unwrap();
        tx.rollback().await.unwrap();
        rows[0].limit().map(|(minor, _)| minor / 100)
    };
    customers(db, 0, vec![holds(Some(5))]).await;
    let row = walk(db, &write("C1", "0", 9), 1, &[Approved, Sending, Done]).await;
    let know = |row: EffectRow| async move {
        let mut tx = db.begin().await;
        tx.know_written_limit(&row, at(5)).await.unwrap();
        tx.commit().await.unwrap();
    };
    know(row.clone()).await;
    assert_eq!(stored().await, Some(9));
    // Read again with the new amount: it counts as read, and the buyer is looked at again.
    assert_eq!(customers(db, 10, vec![holds(Some(9))]).await, BTreeSet::from([BUYER.to_owned()]));
    assert_eq!(stored().await, Some(9));
    assert!(customers(db, 11, vec![holds(Some(9))]).await.is_empty(), "from then on it is as known");

    // Somebody put the old amount back in the meantime: the ERP has the word, although it says what it said before.
    know(row.clone()).await;
    assert_eq!(customers(db, 12, vec![holds(Some(5))]).await, BTreeSet::from([BUYER.to_owned()]));
    assert_eq!(stored().await, Some(5));

    // Taken out is no limit at all, which is not nothing.
    let removed = EffectRow { action: "remove".to_owned(), ..row.clone() };
    know(removed).await;
    assert_eq!(stored().await, None);
    let zero = EffectRow { action: "zero".to_owned(), amount_minor: Some(0), ..row };
    know(zero).await;
    assert_eq!(stored().await, Some(0));
}

async fn companies_do_not_see_each_other(db: &Database) {
    let mut tx = db.begin().await;
    for (company, euros) in [(COMPANY, 10), ("zweite", 20)] {
        let own = Effect { amount: Some(self::euros(euros)), ..request("0") };
        assert!(
            matches!(tx.propose(company, &own, today(), at(0)).await.unwrap(), Proposed::New(_)),
            "{company}"
        );
        tx.note_exposures(company, &[owed(("a", "EUR", euros))], today(), at(0)).await.unwrap();
    }
    for (company, euros) in [(COMPANY, 10), ("zweite", 20)] {
        let rows = tx.effects(company, &[]).await.unwrap();
        assert_eq!(rows.iter().map(EffectRow::amount).collect::<Vec<_>>(), [Some(self::euros(euros))]);
        assert_eq!(
            tx.owed_on(company, "EUR", today()).await.unwrap(),
            BTreeMap::from([("a".to_owned(), euros)])
        );
        assert_eq!(tx.peaks(company, today()).await.unwrap()[0].peak_minor, euros);
    }
    tx.rollback().await.unwrap();
}

/// One try of a worker that may be wrong about everything: from some states, to one.
type Try = (Vec<EffectState>, EffectState, bool);

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let state = || prop::sample::select(EffectState::ALL);
    // Often from where it is, so that the walk gets somewhere.
    let from = prop_oneof![Just(EffectState::ALL.to_vec()), prop::collection::vec(state(), 0..4)];
    prop::collection::vec((from, state(), prop::bool::weighted(0.2)), 1..40)
}

/// Whatever workers try, in whatever order: between two sendings somebody or some policy said yes.
async fn is_approved_before_each_sending(db: &Database, buyer: &str, tries: &[Try]) {
    let own = Effect { buyer_id: buyer.to_owned(), ..request("0") };
    let mut tx: Tx<'_> = db.begin().await;
    let id = effect_id(COMPANY, &own);
    tx.propose(COMPANY, &own, today(), at(0)).await.unwrap();
    for (second, (from, to, proposes)) in (1..).zip(tries) {
        if *proposes {
            tx.propose(COMPANY, &own, today(), at(second)).await.unwrap();
        }
        tx.advance(&id, &step(from, *to, second)).await.unwrap();
    }
    let steps = tx.effect_steps(&id).await.unwrap();
    let row = tx.effect(&id).await.unwrap().unwrap();
    tx.rollback().await.unwrap();
    let mut approved = false;
    for (number, step) in (1..).zip(&steps) {
        assert_eq!(step.step, number, "no step is missing");
        match EffectState::parse(&step.state).unwrap() {
            Approved => approved = true,
            Sending => assert!(std::mem::take(&mut approved), "sent twice on one approval: {steps:?}"),
            _ => {}
        }
    }
    assert_eq!((row.version, row.state), (steps.len() as i64, steps.last().unwrap().state.clone()));
    assert_eq!(row.attempts, steps.iter().filter(|step| step.state == "sending").count() as i64);
}

fn check(open: impl Future<Output = Database>, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let db = runtime.block_on(open);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&tries(), |tries| {
        runtime.block_on(is_approved_before_each_sending(&db, BUYER, &tries));
        Ok(())
    });
    runtime.block_on(db.remove());
    checked.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn sqlite_each_sending_was_approved() {
    check(Database::sqlite(), 100);
}

#[test]
fn postgres_each_sending_was_approved() {
    check(Database::postgres(), 40);
}
