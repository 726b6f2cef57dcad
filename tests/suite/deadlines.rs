//! Deadlines through the cycle: warned of twice, met by hand with who and how, or missed aloud.

use encours::credit::deadline::{DeadlineKind, DeadlineState};
use encours::engine::Setup;
use encours::engine::deadlines::deadlines;
use encours::engine::effects::{Options, Verdict, Which, settle_by_hand};
use encours::sandbox::atradius::DecisionCode;

use super::cycle::{client, invoice};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, day, decision, deltas, insurer, run};

/// (kind, state, last day, who met it) of every deadline.
async fn stand(setup: &Setup, on: &str) -> Vec<(DeadlineKind, DeadlineState, String, Option<String>)> {
    let mut tx = setup.ledger.read().await.unwrap();
    let all = deadlines(&mut tx, "exemple", &setup.policies, day(on)).await.unwrap();
    tx.rollback().await.unwrap();
    all.into_iter()
        .map(|d| (d.kind, d.state, d.last_day.to_string(), d.proof.map(|p| format!("{}: {}", p.who, p.how))))
        .collect()
}

/// The figure that `encours indicators` tells of the company.
fn days_to_the_next(world: &World) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_encours"))
        .args(["--json", "indicators", "--config"])
        .arg(world.file())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = told["groups"][0]["figures"].as_array().unwrap();
    figures.iter().find(|figure| figure["id"] == "next_deadline").unwrap()["value"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn example_d_a_notice_is_warned_of_twice_and_met_by_hand() {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, 100_000, 100_000)];
    let (_, url) = insurer("2026-12-31", vec![buyer(31_001, "000000018", story)]).await;
    let world = World::new(&sqlite()).with_csv().with_insurer(&url).with(
        "mep_days = 60\n[policy.notices]\nfrom = \"mep\"\ndays = 30\nthreshold = \"500.00\"\n\
         [policy.claims]\nfrom = \"notice\"\ndays = 120",
    );
    let setup = world.setup().await;
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "000000018", "100 000,00")).as_bytes());
    let f1 = invoice("F1", "C1", "31/12/2026", "31/01/2027", "900,00", "900,00");
    let small = invoice("F2", "C1", "31/12/2026", "31/01/2027", "499,99", "499,99");
    world.export("encours_1.csv", format!("{ITEMS}{f1}{small}").as_bytes());
    let told = |report: &encours::engine::Report| {
        deltas(report).into_iter().filter(|told| told.starts_with("deadline.")).collect::<Vec<_>>()
    };
    let notice = |state, who: Option<&str>| {
        (DeadlineKind::OverdueNotice, state, "2027-05-01".to_owned(), who.map(str::to_owned))
    };
    for (on, said) in [("2027-04-15", 0), ("2027-04-16", 1), ("2027-04-17", 0), ("2027-04-26", 1)] {
        let report = run(&setup, on).await;
        let wanted: Vec<String> = (0..said).map(|_| "deadline.upcoming=1".to_owned()).collect();
        assert_eq!(told(&report), wanted, "on {on}");
    }
    let before = stand(&setup, "2027-04-26").await;
    assert!(before.contains(&notice(DeadlineState::DueSoon, None)), "{before:?}");
    assert_eq!(days_to_the_next(&world), "5", "of the notice, on 1 May");
    let own = before.iter().filter(|(kind, ..)| *kind == DeadlineKind::OverdueNotice).count();
    assert_eq!(own, 1, "F2 is below the threshold: {before:?}");
    assert_eq!(
        stand(&setup, "2027-05-02")
            .await
            .iter()
            .filter(|d| **d == notice(DeadlineState::Missed, None))
            .count(),
        1
    );

    let mut tx = setup.ledger.read().await.unwrap();
    let effects = tx.effects("exemple", &[]).await.unwrap();
    tx.rollback().await.unwrap();
    let effect = effects.iter().find(|row| row.kind == "notify_overdue").unwrap();
    let options =
        Options { which: Which::Approved, by: "Ada", day: day("2027-04-27"), now: encours::clock::now() };
    let because = "by registered letter, receipt 4711";
    let settled = settle_by_hand(&setup, &effect.id, Verdict::Done, because, &options).await.unwrap();
    assert_eq!(settled.unwrap().state, "done");
    let report = run(&setup, "2027-05-02").await;
    assert_eq!(told(&report), ["deadline.met=1"]);
    let after = stand(&setup, "2027-05-02").await;
    let met = notice(DeadlineState::Met, Some("Ada: by registered letter, receipt 4711"));
    assert!(after.contains(&met), "{after:?}");
    assert_eq!(told(&run(&setup, "2027-05-03").await), Vec::<String>::new(), "said once");
    assert_eq!(
        told(&run(&setup, "2027-08-30").await),
        ["deadline.missed=2"],
        "the claims of both were owed by 29 August: claims have no threshold here"
    );
}

#[tokio::test]
async fn what_a_person_did_by_hand_meets_a_deadline_and_can_be_taken_back() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let story = vec![decision("2026-01-01", DecisionCode::Dc01, 100_000, 100_000)];
        let (_, url) = insurer("2026-12-31", vec![buyer(31_001, "000000018", story)]).await;
        let world = World::new(&ledger)
            .with_csv()
            .with_insurer(&url)
            .with("mep_days = 60\nextension_days_before = 10\n[policy.claims]\nfrom = \"due\"\ndays = 120");
        let client = client("C1", "000000018", "100 000,00");
        world.export("clients_1.csv", format!("{CLIENTS}{client}").as_bytes());
        let f1 = invoice("F1", "C1", "31/12/2026", "31/01/2027", "900,00", "900,00");
        let f2 = invoice("F2", "C1", "01/05/2027", "09/06/2027", "800,00", "800,00");
        world.export("encours_1.csv", format!("{ITEMS}{f1}{f2}").as_bytes());
        let setup = world.setup().await;
        run(&setup, "2027-05-29").await; // the claim of F1 is owed by 31 May, an extension of F2 can be asked for until 30 May
        let encours = |arguments: &[&str]| {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_encours"))
                .args(["deadlines", "met", "--by", "Ada", "--config"])
                .arg(world.file())
                .args(arguments)
                .output()
                .unwrap();
            let told = if output.status.success() { output.stdout } else { output.stderr };
            (output.status.code().unwrap(), String::from_utf8(told).unwrap())
        };
        let claims = |all: Vec<(DeadlineKind, DeadlineState, String, Option<String>)>| {
            all.into_iter()
                .filter(|one| one.0 == DeadlineKind::Claim)
                .map(|one| (one.1, one.3))
                .collect::<Vec<_>>()
        };

        for (arguments, code, words) in [
            (&["claim", "F9", "--because", "x"][..], 2, "no open invoice F9 has such a deadline"),
            (&["notice", "F1", "--because", "x"], 2, "no open invoice F1 has such a deadline"),
            (&["claim", "F1", "--because", "x", "--on", "2999-01-01"], 2, "2999-01-01 is still to come"),
            (&["claim", "F1", "--undo"], 2, "nothing was said by hand"),
            (&["claim", "F1"], 2, "--because"),
        ] {
            let (exit, told) = encours(arguments);
            assert!(exit == code && told.contains(words), "{arguments:?}: {exit} {told}");
        }
        let how = ["claim", "F1", "--because", "on the portal, receipt 12", "--on", "2027-05-28"];
        let (exit, told) = encours(&how);
        assert_eq!((exit, told.contains("counts as done on 2027-05-28")), (0, true), "{told}");
        assert!(encours(&how).1.contains("it was met already, by Ada"));
        let proof = Some("Ada: on the portal, receipt 12, on 2027-05-28".to_owned());
        assert_eq!(claims(stand(&setup, "2027-06-08").await), [(DeadlineState::Met, proof)]);
        let told = deltas(&run(&setup, "2027-05-30").await);
        assert!(told.contains(&"deadline.met=1".to_owned()), "{told:?}");

        let (exit, told) = encours(&["extension", "F2", "--because", "by mail"]);
        assert_eq!((exit, told.contains("request of extension of F2")), (0, true), "{told}");
        let extension =
            stand(&setup, "2027-05-30").await.into_iter().find(|one| one.0 == DeadlineKind::ExtensionRequest);
        assert_eq!(extension.unwrap().1, DeadlineState::Met);

        assert_eq!(encours(&["claim", "F1", "--undo"]).0, 0);
        assert_eq!(claims(stand(&setup, "2027-05-30").await), [(DeadlineState::DueSoon, None)]);
        let (_, late) = encours(&["claim", "F1", "--because", "by letter", "--on", "2027-05-29"]);
        assert!(late.contains("counts as done"), "it can be said again: {late}");
        // Done, and too late: the right to be paid may be gone.
        assert_eq!(encours(&["claim", "F1", "--undo"]).0, 0);
        run(&setup, "2027-06-05").await;
        let (_, late) = encours(&["claim", "F1", "--because", "by letter", "--on", "2027-06-04"]);
        assert!(late.contains("which was too late"), "{late}");
        let proof = Some("Ada: by letter, on 2027-06-04".to_owned());
        assert_eq!(claims(stand(&setup, "2027-06-05").await), [(DeadlineState::Missed, proof)]);
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn two_erps_may_use_one_number_and_no_deadline_hides_the_other() {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, 100_000, 100_000)];
    let (_, url) = insurer("2026-12-31", vec![buyer(31_001, "000000018", story)]).await;
    let world = World::new(&sqlite())
        .with_csv()
        .with("[[connection]]\nid = \"erp-2\"\nconnector = \"csv\"\nsettings = { folder = \"others\" }")
        .with_insurer(&url)
        .with("[policy.claims]\nfrom = \"due\"\ndays = 120");
    std::fs::create_dir(world.path().join("others")).unwrap();
    // F1 differs between the two, F2 is the same to the last sign.
    for (folder, amount) in [("exports", "900,00"), ("others", "700,00")] {
        let write =
            |name: &str, text: String| std::fs::write(world.path().join(folder).join(name), text).unwrap();
        write("clients_1.csv", format!("{CLIENTS}{}", client("C1", "000000018", "100 000,00")));
        let f1 = invoice("F1", "C1", "31/12/2026", "31/01/2027", amount, amount);
        let f2 = invoice("F2", "C1", "31/12/2026", "31/01/2027", "50,00", "50,00");
        write("encours_1.csv", format!("{ITEMS}{f1}{f2}"));
    }
    let setup = world.setup().await;
    run(&setup, "2027-05-29").await;
    let claims = async || {
        let mut tx = setup.ledger.read().await.unwrap();
        let all = deadlines(&mut tx, "exemple", &setup.policies, day("2027-05-29")).await.unwrap();
        tx.rollback().await.unwrap();
        let told = |d: &encours::engine::deadlines::Deadline<'_>| {
            format!("{} {} {}", d.subject(), d.at_stake.minor / 100, d.state)
        };
        let mut told: Vec<String> = all.iter().map(told).collect();
        told.sort();
        told
    };
    assert_eq!(
        claims().await,
        ["erp-2/F1 700 due_soon", "erp-2/F2 50 due_soon", "erp/F1 900 due_soon", "erp/F2 50 due_soon"]
    );
    let said = |invoice: &str| {
        std::process::Command::new(env!("CARGO_BIN_EXE_encours"))
            .args(["deadlines", "met", "claim", invoice, "--because", "x", "--config"])
            .arg(world.file())
            .output()
            .unwrap()
    };
    let refused = said("F1");
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        refused.status.code() == Some(2) && told.contains("several invoices are meant: erp-2/F1, erp/F1"),
        "{told}"
    );
    assert!(said("erp-2/F1").status.success());
    assert_eq!(
        claims().await,
        ["erp-2/F1 700 met", "erp-2/F2 50 due_soon", "erp/F1 900 due_soon", "erp/F2 50 due_soon"]
    );
    setup.ledger.close().await;
}
