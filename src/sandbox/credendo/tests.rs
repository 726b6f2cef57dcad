//! The simulator through its folder: applications, days, lists, faults.

use std::path::Path;

use super::*;
use crate::sandbox::fault::Calls;
use crate::sandbox::insurer::{Asked, Insurer as _, Surprise};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn sandbox(folder: &Path, form: Form) -> Sandbox {
    Sandbox::new(Setup::demo(3, day("2026-03-10")), folder, form).unwrap()
}

const HEADER: &str = "Our reference;Action;Insured;Policy;Partner id;National id;Debtor;Debtor country;Transaction type;Insured risk;Payment method;Cause of loss;Amount;Currency;Urgent\r\n";

fn row(reference: &str, action: &str, partner: &str, amount: &str) -> String {
    format!(
        "{reference};{action};Us;C-2200;{partner};;;;Goods;Default;Open account;Commercial;{amount};EUR;\r\n"
    )
}

fn ask(folder: &Path, name: &str, rows: &str) {
    std::fs::write(folder.join("in").join(name), format!("{HEADER}{rows}")).unwrap();
}

#[test]
fn an_application_is_taken_reviewed_and_decided() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path(), Form::Csv);
    let rows: String =
        (1..=12).map(|n| row(&format!("R{n}"), "new", &format!("{:07}", 7_000 + n), "87000.00")).collect();
    ask(dir.path(), "applications_1.csv", &rows);
    let done = sandbox.exchange().unwrap();
    assert_eq!((done.taken, done.refused), (vec![("applications_1.csv".to_owned(), 12)], vec![]));
    assert!(dir.path().join("in/taken/applications_1.csv").exists());
    assert!(!dir.path().join("in/applications_1.csv").exists());
    let accepted = sandbox.accepted();
    assert_eq!(accepted.len(), 12);
    assert_eq!(
        (accepted[3].asked, accepted[0].asked),
        (Asked::New, Asked::Change),
        "the fourth has no limit"
    );
    assert!(accepted.iter().all(|request| request.amount_minor == 8_700_000));

    let list = std::fs::read_to_string(dir.path().join("out/limits_2026-03-10.csv")).unwrap();
    let pending = list.lines().filter(|line| line.contains(";APPLICATION;")).count();
    assert!((1..12).contains(&pending), "some are decided at once, some are not: {list}");
    sandbox.set_today(day("2026-03-20"));
    let list = std::fs::read_to_string(dir.path().join("out/limits_2026-03-20.csv")).unwrap();
    assert!(!list.contains(";APPLICATION;"), "{list}");
    for word in [";APPROVED;", ";PARTIAL;", ";REFUSED;", ";Contract approval;"] {
        assert!(list.contains(word), "{word}: {list}");
    }
    let again = tempfile::tempdir().unwrap();
    let twin = super::tests::sandbox(again.path(), Form::Csv);
    ask(again.path(), "applications_1.csv", &rows);
    twin.exchange().unwrap();
    twin.set_today(day("2026-03-20"));
    assert_eq!(list, std::fs::read_to_string(again.path().join("out/limits_2026-03-20.csv")).unwrap());
}

#[test]
fn what_is_filled_in_twice_is_asked_twice() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path(), Form::Csv);
    for _ in 0..2 {
        ask(dir.path(), "a.csv", &row("R1", "increase", "0007001", "90000"));
        sandbox.exchange().unwrap();
    }
    assert_eq!(sandbox.accepted().len(), 2);
    assert!(dir.path().join("in/taken/2-a.csv").exists());
}

#[test]
fn what_the_form_does_not_take_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path(), Form::Csv);
    let rows = [
        row("R1", "new", "999", "1"),
        row("R2", "new", "0007004", "ten"),
        row("R3", "cancel", "0007004", "0"),
    ];
    ask(dir.path(), "a.csv", &rows.concat());
    std::fs::write(dir.path().join("in/b.csv"), "x;y\n1;2\n").unwrap();
    let done = sandbox.exchange().unwrap();
    assert_eq!(done.refused.len(), 4, "{:?}", done.refused);
    assert!(sandbox.accepted().is_empty());
    assert!(dir.path().join("in/refused/b.csv").exists());
}

#[test]
fn a_new_debtor_gets_a_number_and_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path(), Form::Csv);
    let line = "R1;new;Us;C-2200;;000904001;Nouvelle SAS;FR;Goods;Default;Open account;Commercial;10000,50;EUR;YES\r\n";
    ask(dir.path(), "a.csv", line);
    sandbox.exchange().unwrap();
    ask(dir.path(), "b.csv", &line.replace("R1;new", "R2;increase"));
    sandbox.exchange().unwrap();
    let accepted = sandbox.accepted();
    assert_eq!((accepted[0].buyer.as_str(), accepted[0].amount_minor), ("0008013", 1_000_050));
    assert_eq!(accepted[0].buyer, accepted[1].buyer);
}

#[test]
fn surprises_come_true_on_their_day() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path(), Form::Csv);
    let before = sandbox.limits()["0007001"];
    assert!(sandbox.surprise("0007001", Surprise::Reduce { to_minor: before - 100 }));
    assert_eq!(sandbox.limits()["0007001"], before - 100);
    assert!(!sandbox.surprise("0007001", Surprise::Reduce { to_minor: before }));
    assert!(sandbox.surprise("0007002", Surprise::AnnounceWithdrawal { on: day("2026-03-12") }));
    assert!(sandbox.surprise("0007003", Surprise::Expire));
    assert!(sandbox.surprise("0007005", Surprise::Withdraw));
    assert!(sandbox.surprise("0007006", Surprise::UnknownCode));
    assert!(!sandbox.surprise("0007004", Surprise::Withdraw), "there is nothing to withdraw");
    assert!(sandbox.limits()["0007002"] > 0 && sandbox.limits()["0007003"] > 0);
    assert_eq!(sandbox.limits()["0007005"], 0);
    sandbox.set_today(day("2026-03-11"));
    assert_eq!(sandbox.limits()["0007003"], 0);
    sandbox.set_today(day("2026-03-12"));
    assert_eq!(sandbox.limits()["0007002"], 0);
    let list = std::fs::read_to_string(dir.path().join("out/limits_2026-03-12.csv")).unwrap();
    for word in [";REDUCED;", ";WITHDRAWN;", ";EXPIRED;", ";STATUS 77;"] {
        assert!(list.contains(word), "{word}: {list}");
    }
}

#[test]
fn only_what_can_happen_to_a_list_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path(), Form::Csv);
    let path = dir.path().join("out/limits_2026-03-10.csv");
    sandbox.exchange().unwrap();
    let whole = std::fs::read_to_string(&path).unwrap();
    let spoilt = |kind| {
        assert!(sandbox.spoil(Calls::Read, 1, kind));
        sandbox.exchange().unwrap();
        std::fs::read_to_string(&path).unwrap()
    };
    let cut = spoilt(FaultKind::Truncated);
    assert!(whole.starts_with(&cut) && !cut.ends_with('\n'));
    assert_eq!(spoilt(FaultKind::Repeated).lines().count(), whole.lines().count() + 1);
    let reordered = spoilt(FaultKind::Reordered);
    assert!(reordered != whole && reordered.len() == whole.len());
    assert!(sandbox.spoil(Calls::Any, 1, FaultKind::Unavailable));
    assert_eq!(sandbox.exchange().unwrap().list, None);
    sandbox.exchange().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), whole, "the weather clears");
    for kind in [FaultKind::ExpiredToken, FaultKind::LostCallback, FaultKind::ErrorAfter] {
        assert!(!sandbox.spoil(Calls::Read, 1, kind));
    }
    assert!(!sandbox.spoil(Calls::Write, 1, FaultKind::Truncated));
}

#[tokio::test]
async fn its_pages_exchange_and_the_state_survives() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state.json");
    let options = crate::sandbox::Options {
        seed: 3,
        day: Some(day("2026-03-10")),
        state: Some(state.clone()),
        folder: Some(dir.path().to_owned()),
    };
    let opened = crate::sandbox::find("credendo").unwrap();
    let insurer = opened.open(&options).unwrap().insurer;
    ask(dir.path(), "a.csv", &row("R1", "increase", "0007001", "90000"));
    let call = |method: &str, path: &str, body: &str| {
        let (router, method, path, body) =
            (insurer.router(), method.to_owned(), path.to_owned(), body.to_owned());
        async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}{path}", listener.local_addr().unwrap());
            let served = tokio::spawn(async move { axum::serve(listener, router).await });
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = reqwest::Client::builder().build().unwrap();
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = client.request(method, url).body(body).send().await.unwrap();
            let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
            served.abort();
            (status, text)
        }
    };
    let (status, text) = call("POST", "/sandbox/exchange", "").await;
    assert_eq!((status, text.contains("a.csv")), (200, true), "{text}");
    let (status, text) = call("POST", "/sandbox/today", "{\"date\":\"2026-03-11\"}").await;
    assert_eq!((status, text.contains("limits_2026-03-11.csv")), (200, true), "{text}");
    assert_eq!(call("GET", "/sandbox/state", "").await.0, 200);
    assert_eq!(call("GET", "/limits", "").await.0, 404);
    let again = opened.open(&crate::sandbox::Options { day: None, ..options.clone() }).unwrap().insurer;
    assert_eq!((again.today(), again.accepted()), (day("2026-03-11"), insurer.accepted()));
    let Err(error) = opened.open(&crate::sandbox::Options { folder: None, ..options }) else {
        panic!("opened")
    };
    assert!(error.to_string().contains("--folder"), "{error}");
}
