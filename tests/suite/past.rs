//! Another day through the commands: what is told as of a day from what was known at an instant, on both databases.

use std::process::{Command, Output};

use encours::engine::Setup;
use encours::model::Instant;
use encours::sandbox::atradius::{DecisionCode, Sandbox};
use serde_json::Value;

use super::cycle::{client, invoice};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, day, decision, errors, insurer, run};

pub(super) fn encours(world: &World, args: &[&str]) -> Output {
    let config = world.path().join("encours.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_encours"));
    command
        .args(["--config", config.to_str().unwrap()])
        .args(args)
        .current_dir(world.path())
        .output()
        .unwrap()
}

/// What is told, with plain blanks.
pub(super) fn told(world: &World, args: &[&str]) -> String {
    let output = encours(world, args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "encours {args:?} said: {error}");
    String::from_utf8(output.stdout).unwrap().replace(['\u{a0}', '\u{202f}'], " ")
}

pub(super) fn json(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&told(world, &[&["--json"], args].concat())).unwrap()
}

fn refused(world: &World, args: &[&str]) -> String {
    let output = encours(world, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

/// Example A with a cut from 10 March that is read on the 15th only: F2 of the 11th had been counted as covered.
pub(super) struct Story {
    pub(super) world: World,
    pub(super) setup: Setup,
    pub(super) sandbox: Sandbox,
}

pub(super) fn f1(open: &str) -> String {
    invoice("F1", "C1", "05/02/2026", "05/04/2026", "60000,00", open)
}

pub(super) fn later() -> String {
    let f2 = invoice("F2", "C1", "11/03/2026", "10/05/2026", "50000,00", "50000,00");
    f2 + &invoice("F3", "C1", "15/03/2026", "14/05/2026", "20000,00", "20000,00")
}

impl Story {
    async fn new(ledger: &str) -> Self {
        Self::under(ledger, "").await
    }

    /// The same under further terms of the policy; in July the insurer cuts again.
    pub(super) async fn under(ledger: &str, terms: &str) -> Self {
        let story = vec![
            decision("2026-01-01", DecisionCode::Dc01, 100_000, 100_000),
            decision("2026-03-10", DecisionCode::Dc09, 100_000, 40_000),
            decision("2026-07-01", DecisionCode::Dc09, 100_000, 5_000),
        ];
        let (sandbox, url) = insurer("2026-03-09", vec![buyer(31_001, "000000018", story)]).await;
        let world = World::new(ledger).with_csv().with_insurer(&url).with(terms);
        let setup = world.setup().await;
        let clients = format!("{CLIENTS}{}", client("C1", "000000018", "100 000,00"));
        world.export("clients_1.csv", clients.as_bytes());
        let f2 = later().lines().next().unwrap().to_owned();
        world.export("encours_1.csv", format!("{ITEMS}{}{f2}\n", f1("60000,00")).as_bytes());
        let story = Self { world, setup, sandbox };
        story.cycle("2026-03-12").await;
        story.sandbox.set_today(day("2026-03-15"));
        story.world.export("encours_2.csv", format!("{ITEMS}{}{}", f1("60000,00"), later()).as_bytes());
        story.cycle("2026-03-15").await;
        story
    }

    pub(super) async fn cycle(&self, on: &str) {
        let report = run(&self.setup, on).await;
        assert_eq!(errors(&report), Vec::<String>::new());
    }

    /// When each cycle began, the first one first, as `--known-at` takes it.
    pub(super) async fn instants(&self) -> Vec<String> {
        let mut tx = self.setup.ledger.read().await.unwrap();
        let runs = tx.run_days("exemple").await.unwrap();
        tx.rollback().await.unwrap();
        runs.iter().map(|run| shown(run.started_at)).collect()
    }
}

pub(super) fn shown(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

async fn another_day(ledger: &str) {
    let story = Story::new(ledger).await;
    // F1 is paid in a third cycle.
    story.world.export("encours_3.csv", format!("{ITEMS}{}{}", f1("0,00"), later()).as_bytes());
    story.cycle("2026-03-16").await;
    let (world, at) = (&story.world, story.instants().await);

    // Now, without either flag: as ever, and nothing of it says otherwise.
    let now = json(world, &["explain", "C1"]);
    assert_eq!(now["cover"][0]["outstanding"], "70000.00");
    assert!(now.get("known_at").is_none() && now.get("as_of").is_none());
    assert!(json(world, &["exposure"]).get("known_at").is_none());

    // As known in the first cycle: F1 is open, F3 is not there, and nobody knows of the cut.
    let first = json(world, &["explain", "C1", "--known-at", &at[0]]);
    assert_eq!((&first["as_of"], &first["known_at"]), (&"2026-03-12".into(), &at[0].as_str().into()));
    let cover = &first["cover"][0];
    assert_eq!(
        (&cover["outstanding"], &cover["covered"], &cover["limit_today"]["amount"]),
        (&"110000.00".into(), &"100000.00".into(), &"100000.00".into())
    );
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    assert_eq!(first["not_kept"].as_array().unwrap().len(), 1, "{}", first["not_kept"]);
    // The same day from what is known now: F1 is paid, and the cut of 10 March reaches F2 of the 11th.
    let then = json(world, &["explain", "C1", "--as-of", "2026-03-12"]);
    let cover = &then["cover"][0];
    assert_eq!(
        (&cover["outstanding"], &cover["covered"], &cover["limit_today"]["amount"]),
        (&"50000.00".into(), &"40000.00".into(), &"40000.00".into())
    );
    let text = told(world, &["explain", "C1", "--as-of", "2026-03-12"]);
    for part in [
        "As of 2026-03-12, from what was known at ",
        "1 document is known and dated after 2026-03-12: not in it.",
        "What was paid after 2026-03-12 counts as paid here",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    // Both: February from what the first cycle knew.
    let both = json(world, &["explain", "C1", "--as-of", "2026-02-28", "--known-at", &at[0]]);
    assert_eq!(
        (&both["exposure"][0]["outstanding"], &both["date"]),
        (&"60000.00".into(), &"2026-02-28".into())
    );

    let owed = |args: &[&str]| {
        let value = json(world, &[&["exposure"], args].concat());
        let row = value["exposure"][0].clone();
        (row["outstanding"].as_str().unwrap().to_owned(), row["overdue_1_30"].as_str().unwrap().to_owned())
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(owed(&[]), pair("70000.00", "0.00"));
    assert_eq!(owed(&["--known-at", &at[0]]), pair("110000.00", "0.00"));
    assert_eq!(owed(&["--known-at", &at[1], "--as-of", "2026-04-06"]), pair("130000.00", "60000.00"), "ages");
    assert!(told(world, &["exposure", "--known-at", &at[0]]).contains("100 000.00"), "covered then");

    let limit = |args: &[&str]| {
        let value = json(world, &[&["limits"], args].concat());
        let row = &value["limits"][0];
        (row["amount"].clone(), row["on_day"]["amount"].clone())
    };
    assert_eq!(limit(&[]), ("40000.00".into(), Value::Null));
    assert_eq!(limit(&["--known-at", &at[0]]), ("100000.00".into(), "100000.00".into()));
    assert_eq!(limit(&["--as-of", "2026-03-09"]), ("100000.00".into(), "100000.00".into()));
    assert_eq!(limit(&["--as-of", "2026-03-10"]), ("40000.00".into(), "40000.00".into()));
    assert_eq!(json(world, &["limits", "--as-of", "2025-12-31"])["limits"], Value::Array(Vec::new()));

    for (args, why) in [
        (["exposure", "--as-of", "2999-01-01"], "still to come"),
        (["limits", "--known-at", "2999-01-01"], "still to come"),
        (["limits", "--known-at", "2000-01-01"], "knew nothing at 2000-01-01T23:59:59.999Z"),
        (["exposure", "--known-at", "last week"], "write a date as"),
    ] {
        let told = refused(world, &args);
        assert!(told.contains(why), "{args:?} said: {told}");
    }
    story.setup.ledger.close().await;
}

#[tokio::test]
async fn another_day_is_told_from_what_was_known_then() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        another_day(&ledger).await;
    }
    postgres.drop().await;
}

async fn reaches_back(ledger: &str) {
    let story = Story::new(ledger).await;
    let (world, at) = (&story.world, story.instants().await);
    let text = told(world, &["explain", "C1"]);
    let sentence = "The decision from 2026-03-10 was first read on 2026-03-15, and reaches back: of the 110 000.00 EUR owed on \
                    2026-03-12, 100 000.00 EUR were reckoned as covered before it was known, 60 000.00 EUR are with it; the \
                    limit of that day was 100 000.00 EUR and is 40 000.00 EUR.";
    assert!(text.contains(sentence), "{text}");
    let told = json(world, &["explain", "C1"])["cover"][0]["backdated"].clone();
    assert_eq!(told.as_array().unwrap().len(), 1, "the first reading changed nothing: {told}");
    assert_eq!(
        (&told[0]["covered_before"], &told[0]["covered_with_it"]),
        (&"100000.00".into(), &"60000.00".into())
    );
    // Before it was read nobody knew; and what is paid later leaves the sentence as it is.
    let before = json(world, &["explain", "C1", "--known-at", &at[0]]);
    assert_eq!(before["cover"][0]["backdated"], Value::Array(Vec::new()));
    story.world.export("encours_3.csv", format!("{ITEMS}{}{}", f1("0,00"), later()).as_bytes());
    story.cycle("2026-03-16").await;
    assert_eq!(json(world, &["explain", "C1"])["cover"][0]["backdated"], told);
    story.setup.ledger.close().await;
}

#[tokio::test]
async fn a_decision_that_reaches_back_says_what_it_changed() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        reaches_back(&ledger).await;
    }
    postgres.drop().await;
}

/// Since when cover is stopped, and the day on which that ended, of each stop that is told.
fn stops(world: &World, args: &[&str]) -> Vec<(String, Option<String>)> {
    let value = json(world, &[&["explain", "C1"], args].concat());
    let all = value["cover"][0]["stops"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    all.iter().map(|stop| (text(&stop["stopped_on"]).unwrap(), text(&stop["lifted_on"]))).collect()
}

async fn stops_of_another_day(ledger: &str) {
    let terms = "mep_days = 60\n[policy.cover_stop]\nthreshold = \"500.00\"\nlifts = \"payment\"";
    let story = Story::under(ledger, terms).await;
    let world = &story.world;
    // F1 is due on 5 April. No cycle has found the stop of 4 June yet: on a day after the last one it follows from what is open.
    let in_force = vec![("2026-06-04".to_owned(), None)];
    assert_eq!(stops(world, &["--as-of", "2026-06-03"]), []);
    assert_eq!(stops(world, &["--as-of", "2026-06-04"]), in_force);
    story.cycle("2026-06-20").await;
    story.world.export("encours_3.csv", format!("{ITEMS}{}{}", f1("0,00"), later()).as_bytes());
    story.cycle("2026-06-25").await;
    let at = story.instants().await;
    let lifted = vec![("2026-06-04".to_owned(), Some("2026-06-25".to_owned()))];
    assert_eq!(stops(world, &[]), lifted);
    assert_eq!(stops(world, &["--as-of", "2026-06-25"]), lifted);
    assert_eq!(stops(world, &["--as-of", "2026-06-24"]), in_force, "it had not ended");
    assert_eq!(stops(world, &["--as-of", "2026-06-03"]), [], "it had not begun");
    assert_eq!(stops(world, &["--known-at", &at[2]]), in_force);
    assert_eq!(stops(world, &["--known-at", &at[1]]), [], "nobody had found it");
    let text = told(world, &["explain", "C1", "--as-of", "2026-06-24"]);
    assert!(text.contains("Cover is stopped since 2026-06-04"), "{text}");
    story.setup.ledger.close().await;
}

#[tokio::test]
async fn a_stop_stands_as_it_did_on_the_day() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        stops_of_another_day(&ledger).await;
    }
    postgres.drop().await;
}

async fn accounts_and_terms_of_then(ledger: &str) {
    let story = Story::new(ledger).await;
    let world = &story.world;
    // In a third cycle the account has another name and limit, and the policy pays half.
    let renamed = client("C1", "000000018", "40 000,00").replace("Exemple C1", "Exemple et Fils");
    world.export("clients_2.csv", format!("{CLIENTS}{renamed}").as_bytes());
    let file = world.path().join("encours.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace("insured_percentage = \"90\"", "insured_percentage = \"50\""))
        .unwrap();
    let setup = Setup::open(&encours::config::Config::load(&file).unwrap()).await.unwrap();
    assert_eq!(errors(&run(&setup, "2026-03-16").await), Vec::<String>::new());
    let at = story.instants().await;

    let now = told(world, &["explain", "C1"]);
    assert!(now.contains("Exemple et Fils") && now.contains("limit of 40 000.00 EUR"), "{now}");
    assert!(now.contains("the insurer pays 30 000.00 EUR (50 %"), "{now}");
    let sentence = "The terms of the period from 2026-01-01 on were read otherwise on 2026-03-16, for days that had passed too: of the \
                    130 000.00 EUR owed on 2026-03-15, 60 000.00 EUR were covered by the terms before and 60 000.00 EUR are by \
                    these; the insurer would have paid 54 000.00 EUR, and pays 30 000.00 EUR.";
    assert!(now.contains(sentence), "{now}");
    let then = told(world, &["explain", "C1", "--known-at", &at[1]]);
    assert!(then.contains("Exemple C1") && then.contains("limit of 100 000.00 EUR"), "{then}");
    assert!(then.contains("the insurer pays 54 000.00 EUR (90 %"), "{then}");
    assert!(!then.contains("read otherwise") && !then.contains("et Fils"), "nobody knew of it:\n{then}");
    assert!(!then.contains("history is not kept") || then.contains("were open then are not told"), "{then}");
    let owed = told(world, &["exposure", "--known-at", &at[1]]);
    assert!(owed.contains("Exemple C1") && !owed.contains("et Fils"), "{owed}");
    assert!(
        told(world, &["exposure", "--as-of", "2026-03-15"]).contains("Exemple et Fils"),
        "named as is known now"
    );
    let changed = &json(world, &["explain", "C1"])["cover"][0]["terms_changed"][0];
    assert_eq!(
        (&changed["indemnity_before"], &changed["indemnity_with_it"]),
        (&"54000.00".into(), &"30000.00".into())
    );
    setup.ledger.close().await;
    story.setup.ledger.close().await;
}

#[tokio::test]
async fn accounts_and_terms_are_those_that_were_known() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        accounts_and_terms_of_then(&ledger).await;
    }
    postgres.drop().await;
}
