//! Requests on cover against the simulator: one cause, one request.

use encours::engine::effects::{
    Options, Verdict, Which, carry_out, decline, plan, record, settle_by_hand, withdraw,
};
use encours::model::{Approval, BreakKind};
use encours::sandbox::atradius::{Action, DecisionCode, Foreseen};
use encours::sandbox::fault::{Calls, FaultKind};
use encours::sandbox::{Asked, Insurer};

use super::{AUTOMATIC, at, cycle_on, date, effects, send, states};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, decision, insurer};

const SIREN: &str = "000000018";

fn clients(limit: &str) -> String {
    format!("{CLIENTS}C1;Exemple C1;{SIREN};;FR;{limit};EUR;30;N\n")
}

fn items(rows: &[(&str, &str)]) -> String {
    let rows = rows.iter().map(|(number, open)| {
        format!("Facture;{number};C1;Exemple C1;01/06/2026;01/08/2026;EUR;{open};{open};N;\n")
    });
    format!("{ITEMS}{}", rows.collect::<String>())
}

/// A buyer that the insurer has decided 20 000 on, so that its id is known, and that owes what is asked.
async fn world(extra: &str, owed: &str) -> (encours::sandbox::atradius::Sandbox, World) {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, 20_000, 20_000)];
    let (sandbox, url) = insurer("2026-06-10", vec![buyer(31_001, SIREN, story)]).await;
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url).with(extra);
    world.export("clients_1.csv", clients("").as_bytes());
    world.export("encours_1.csv", items(&[("F1", owed)]).as_bytes());
    (sandbox, world)
}

fn at_once(seen: &Foreseen) -> bool {
    seen.days == 0 && seen.total > 20_000
}

fn later(seen: &Foreseen) -> bool {
    seen.days > 0
}

/// An amount owed for which an increase is decided as wished, as a CSV amount; the request is for exactly it.
fn owed(sandbox: &encours::sandbox::atradius::Sandbox, wish: impl Fn(&Foreseen) -> bool) -> (u64, String) {
    let amount = sandbox.amount_for(31_001, Action::Supersede, 30_000, wish).unwrap();
    (amount, format!("{amount},00"))
}

#[tokio::test]
async fn a_need_is_proposed_sent_once_and_settled_by_the_decision() {
    let (sandbox, world) = world(AUTOMATIC, "0,00").await;
    let (amount, text) = owed(&sandbox, at_once);
    world.export("encours_1.csv", items(&[("F1", &text)]).as_bytes());
    let setup = world.setup().await;
    let report = cycle_on(&setup, date("2026-06-10")).await;
    assert_eq!(report.deltas.get(&encours::model::Event::RequestProposed), Some(&1));
    assert_eq!(states(&setup).await, ["increase proposed"]);
    assert!(sandbox.accepted().is_empty(), "a cycle proposes and sends nothing");

    send(&setup, date("2026-06-10"), at(date("2026-06-10"), 9)).await;
    assert_eq!(states(&setup).await, ["increase done"]);
    let accepted = sandbox.accepted();
    assert_eq!(accepted.len(), 1);
    assert_eq!(
        (accepted[0].asked, accepted[0].amount_minor),
        (Asked::Change, i64::try_from(amount).unwrap() * 100)
    );
    assert_eq!(accepted[0].reference.as_deref(), Some(effects(&setup).await[0].our_reference.as_str()));

    // Nothing new: neither a proposal nor a request, however often.
    for hour in 10..13 {
        cycle_on(&setup, date("2026-06-10")).await;
        send(&setup, date("2026-06-10"), at(date("2026-06-10"), hour)).await;
    }
    assert_eq!(sandbox.accepted().len(), 1);
}

#[tokio::test]
async fn an_undecided_request_locks_the_buyer_until_it_is_answered() {
    let (sandbox, world) = world(AUTOMATIC, "0,00").await;
    let (_, text) = owed(&sandbox, later);
    world.export("encours_1.csv", items(&[("F1", &text)]).as_bytes());
    let setup = world.setup().await;
    let first = date("2026-06-10");
    cycle_on(&setup, first).await;
    send(&setup, first, at(first, 9)).await;
    assert_eq!(states(&setup).await, ["increase awaiting"]);

    // It owes still more: the request in hand is not followed by another.
    world.export("encours_2.csv", items(&[("F1", &text), ("F2", "50000,00")]).as_bytes());
    cycle_on(&setup, date("2026-06-11")).await;
    send(&setup, date("2026-06-11"), at(date("2026-06-11"), 9)).await;
    assert_eq!(sandbox.accepted().len(), 1);

    // Answered, whatever it came to, it is followed by what is needed then.
    sandbox.set_today(date("2026-06-20"));
    cycle_on(&setup, date("2026-06-20")).await;
    send(&setup, date("2026-06-20"), at(date("2026-06-20"), 9)).await;
    let now = states(&setup).await;
    assert!(now.iter().any(|state| state == "increase done" || state == "increase refused"), "{now:?}");
}

#[tokio::test]
async fn a_request_that_was_taken_in_silence_is_found_and_not_repeated() {
    for kind in [FaultKind::ErrorAfter, FaultKind::Truncated] {
        let (sandbox, world) = world(AUTOMATIC, "0,00").await;
        let (_, text) = owed(&sandbox, at_once);
        world.export("encours_1.csv", items(&[("F1", &text)]).as_bytes());
        let setup = world.setup().await;
        let on = date("2026-06-10");
        cycle_on(&setup, on).await;
        sandbox.spoil(Calls::Write, 1, kind);
        send(&setup, on, at(on, 9)).await;
        assert_eq!(states(&setup).await, ["increase unknown"], "{kind:?}");
        send(&setup, on, at(on, 10)).await;
        assert_eq!(states(&setup).await, ["increase done"], "{kind:?}");
        assert_eq!(sandbox.accepted().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_request_that_never_arrived_is_sent_again_after_the_insurer_was_read() {
    let (sandbox, world) = world(AUTOMATIC, "0,00").await;
    let (_, text) = owed(&sandbox, at_once);
    world.export("encours_1.csv", items(&[("F1", &text)]).as_bytes());
    let setup = world.setup().await;
    let on = date("2026-06-10");
    cycle_on(&setup, on).await;
    sandbox.spoil(Calls::Write, 1, FaultKind::ErrorBefore);
    send(&setup, on, at(on, 9)).await;
    assert_eq!(states(&setup).await, ["increase unknown"]);
    // While the insurer cannot be read, nothing is concluded and nothing sent.
    sandbox.spoil(Calls::Read, 50, FaultKind::ErrorBefore);
    send(&setup, on, at(on, 10)).await;
    assert_eq!(states(&setup).await, ["increase unknown"]);
    assert!(sandbox.accepted().is_empty());
    sandbox.calm();
    send(&setup, on, at(on, 11)).await;
    assert_eq!(states(&setup).await, ["increase done"]);
    assert_eq!((sandbox.accepted().len(), effects(&setup).await[0].attempts), (1, 2));
}

#[tokio::test]
async fn a_refused_credential_pauses_the_connection_and_keeps_what_was_approved() {
    let (sandbox, world) = world(AUTOMATIC, "90000,00").await;
    let setup = world.setup().await;
    let on = date("2026-06-10");
    cycle_on(&setup, on).await;
    sandbox.change_secret("another");
    let told = send(&setup, on, at(on, 9)).await;
    assert_eq!(told.len(), 1);
    assert_eq!(states(&setup).await, ["increase approved"]);
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.connections().await.unwrap();
    tx.rollback().await.unwrap();
    assert!(rows.iter().any(|row| row.id == "insurer" && row.paused_since.is_some()));
    let refused = sandbox.calls().iter().filter(|call| call.status == 401).count();
    let told = send(&setup, on, at(on, 10)).await;
    assert!(told[0].held.as_deref().unwrap().contains("paused"), "{told:?}");
    assert_eq!(
        sandbox.calls().iter().filter(|call| call.status == 401).count(),
        refused,
        "asked once, not in a loop"
    );
}

#[tokio::test]
async fn a_person_approves_declines_and_takes_back() {
    let by_hand = AUTOMATIC.replace("change = \"automatic\"", "change = \"person\"");
    let (sandbox, world) = world(&by_hand, "0,00").await;
    let (_, text) = owed(&sandbox, later);
    world.export("encours_1.csv", items(&[("F1", &text)]).as_bytes());
    let setup = world.setup().await;
    let on = date("2026-06-10");
    cycle_on(&setup, on).await;
    send(&setup, on, at(on, 9)).await;
    assert!(sandbox.accepted().is_empty(), "it waits for a person");
    let mut tx = setup.ledger.read().await.unwrap();
    let open = plan(&mut tx, &setup, on).await.unwrap().effects;
    tx.rollback().await.unwrap();
    assert!(matches!(&open[0].approval, Approval::Person(why) if why.contains("person")));

    let options = |which| Options { which, by: "Dominique", day: on, now: at(on, 10) };
    let told = carry_out(&setup, &options(Which::All)).await.unwrap();
    assert_eq!((told.len(), states(&setup).await), (1, vec!["increase awaiting".to_owned()]));
    let row = effects(&setup).await.remove(0);
    // This insurer has no word for taking an application back that would leave the cover alone: a person calls.
    let told = withdraw(&setup, &row, "ordered by mistake", &options(Which::Approved)).await.unwrap();
    assert!(told[0].held.as_deref().unwrap().contains("withdraw_request"), "{told:?}");
    settle_by_hand(&setup, &row.id, Verdict::Refused, "taken back by telephone", &options(Which::Approved))
        .await
        .unwrap();
    assert!(states(&setup).await.contains(&"increase refused".to_owned()), "{:?}", states(&setup).await);
    // What a person took back is not proposed again by the same cause.
    record(&setup, on, at(on, 11)).await.unwrap();
    assert!(!states(&setup).await.contains(&"increase proposed".to_owned()));
    assert!(decline(&setup, &row.id, "no", &options(Which::Approved)).await.unwrap().is_none(), "it is over");
}

#[tokio::test]
async fn what_no_partner_can_tell_a_person_can() {
    let (sandbox, world) = world(AUTOMATIC, "90000,00").await;
    let setup = world.setup().await;
    let on = date("2026-06-10");
    cycle_on(&setup, on).await;
    sandbox.spoil(Calls::Write, 1, FaultKind::ErrorBefore);
    send(&setup, on, at(on, 9)).await;
    let row = effects(&setup).await.remove(0);
    assert_eq!(row.state, "unknown");
    let options = Options { which: Which::Approved, by: "Dominique", day: on, now: at(on, 10) };
    let settled = settle_by_hand(&setup, &row.id, Verdict::Refused, "said so on the telephone", &options)
        .await
        .unwrap();
    assert_eq!(settled.unwrap().state, "refused");
    // Within the cool-off nothing is asked again.
    cycle_on(&setup, date("2026-06-12")).await;
    assert_eq!(states(&setup).await, ["increase refused"]);
    cycle_on(&setup, date("2026-07-10")).await;
    assert_eq!(states(&setup).await, ["increase refused", "increase proposed"]);
}

#[tokio::test]
async fn a_request_that_the_insurer_loses_is_a_break() {
    let (sandbox, world) = world(AUTOMATIC, "0,00").await;
    let (_, text) = owed(&sandbox, later);
    world.export("encours_1.csv", items(&[("F1", &text)]).as_bytes());
    let setup = world.setup().await;
    let on = date("2026-06-10");
    cycle_on(&setup, on).await;
    send(&setup, on, at(on, 9)).await;
    sandbox.forget_requests();
    let report = cycle_on(&setup, date("2026-06-12")).await;
    assert_eq!(report.breaks.get(&BreakKind::RequestUnknownToInsurer), Some(&1));
    assert_eq!(states(&setup).await, ["increase awaiting"], "a person settles it");
    let report = cycle_on(&setup, date("2026-06-25")).await;
    assert_eq!(report.breaks.get(&BreakKind::RequestUnanswered), Some(&1));
}
