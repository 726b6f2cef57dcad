//! Policies as files through the cycle: each invoice under the period of its own date, excluded buyers without cover.

use encours::model::EffectState;
use encours::sandbox::atradius::DecisionCode;

use super::cycle::{client, invoice};
use crate::support::database::sqlite;
use crate::support::world::{CLIENTS, ITEMS, POLICY, World, buyer, decision, errors, insurer, run};

/// A world whose policy stands in a file, with more lines in its head.
async fn world(head: &str) -> World {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, 100_000, 100_000)];
    let (_, url) = insurer("2027-01-05", vec![buyer(31_001, "000000018", story)]).await;
    let world = World::new(&sqlite()).with_csv().with_insurer(&url);
    let file = std::fs::read_to_string(world.file()).unwrap();
    let (connections, _) = file.split_once("[[policy]]").unwrap();
    std::fs::write(world.path().join("encours.toml"), connections).unwrap();
    std::fs::create_dir(world.path().join("policies")).unwrap();
    let policy = format!(
        "number = \"{POLICY}\"\nconnection = \"insurer\"\ninsured_percentage = \"90\"\n{head}\n[requests]\nstep = \"1000.00\"\n\
         [[period]]\nvalid_from = \"2026-01-01\"\nvalid_to = \"2026-12-31\"\ninsured_percentage = \"80\"\n\
         [[period]]\nvalid_from = \"2027-01-01\"\n"
    );
    std::fs::write(world.path().join("policies/atradius.toml"), policy).unwrap();
    let clients =
        format!("{CLIENTS}{}{}", client("C1", "000000018", "100 000,00"), client("C2", "404833048", "0,00"));
    world.export("clients_1.csv", clients.as_bytes());
    world
}

/// (owner, covered, uninsured, indemnity) in euros of each buyer, and how many first requests are proposed.
async fn stand(world: &World) -> (Vec<(String, i64, i64, i64)>, usize) {
    let (covers, proposed, _) = stand_on(world, "2027-01-05").await;
    (covers, proposed)
}

/// The same after a day, with the limit of the buyer that nobody has decided on.
async fn stand_on(world: &World, on: &str) -> (Vec<(String, i64, i64, i64)>, usize, i64) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = encours::config::Config::load(&world.path().join("encours.toml")).unwrap();
    let setup = encours::engine::Setup::open(&config).await.unwrap();
    let report = run(&setup, on).await;
    assert_eq!(errors(&report), Vec::<String>::new());
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.covers("exemple", None).await.unwrap();
    let cap = rows.iter().find(|row| row.buyer_id == "siren:404833048").map_or(0, |row| row.cap_minor / 100);
    let mut covers: Vec<_> = rows
        .into_iter()
        .map(|c| (c.buyer_id, c.covered_minor / 100, c.uninsured_minor / 100, c.indemnity_minor / 100))
        .collect();
    let proposed = tx.effects("exemple", &[EffectState::Proposed]).await.unwrap();
    tx.rollback().await.unwrap();
    covers.sort();
    (covers, proposed.iter().filter(|row| row.kind == "request_limit").count(), cap)
}

#[tokio::test]
async fn an_invoice_of_the_period_before_stays_covered_by_its_own_terms() {
    let world = world("").await;
    let f1 = invoice("F1", "C1", "20/12/2026", "20/01/2027", "10000,00", "10000,00");
    let f2 = invoice("F2", "C1", "04/01/2027", "04/02/2027", "20000,00", "20000,00");
    let f3 = invoice("F3", "C1", "31/12/2025", "31/01/2026", "500,00", "500,00");
    world.export("encours_1.csv", format!("{ITEMS}{f1}{f2}{f3}").as_bytes());
    let (covers, _) = stand(&world).await;
    let c1 = covers.iter().find(|(id, ..)| id == "siren:000000018").unwrap();
    assert_eq!((c1.1, c1.2, c1.3), (30_000, 500, 8_000 + 18_000), "F3 is of no period");
}

#[tokio::test]
async fn nothing_is_asked_for_a_buyer_that_the_policy_excludes() {
    let excluded = "excluded_buyers = [{ siren = \"404833048\", kind = \"affiliate\" }]";
    for (head, asked, covered) in [("", 1, 5_000), (excluded, 0, 0)] {
        let world = world(&format!("discretionary = \"5000.00\"\n{head}")).await;
        let open = invoice("F1", "C2", "04/01/2027", "04/02/2027", "50000,00", "50000,00");
        world.export("encours_1.csv", format!("{ITEMS}{open}").as_bytes());
        let (covers, requests) = stand(&world).await;
        let c2 = covers.iter().find(|(id, ..)| id == "siren:404833048").unwrap();
        assert_eq!((c2.1, c2.2, requests), (covered, 50_000 - covered, asked), "{head}");
    }
}

#[tokio::test]
async fn a_computed_discretionary_limit_follows_what_was_paid_and_what_is_late() {
    let rule =
        "discretionary = { amount = \"25000.00\", min_payments = 1, without_experience = \"1000.00\" }";
    let world = world(rule).await;
    let day = async |on: &str, part: usize, items: &[String]| {
        world.export(&format!("encours_{part}.csv"), format!("{ITEMS}{}", items.concat()).as_bytes());
        let (covers, asked, cap) = stand_on(&world, on).await;
        let c2 = covers.into_iter().find(|(id, ..)| id == "siren:404833048").unwrap();
        (c2.1, cap, asked)
    };
    let f1 = |open: &str| invoice("F1", "C2", "04/01/2027", "04/02/2027", "10000,00", open);
    assert_eq!(day("2027-01-05", 1, &[f1("10000,00")]).await, (1_000, 1_000, 1), "no experience yet");
    let f2 = invoice("F2", "C2", "19/01/2027", "19/02/2027", "20000,00", "20000,00");
    let f3 = invoice("F3", "C2", "20/01/2027", "20/03/2027", "20000,00", "20000,00");
    let open = [f1("0,00"), f2, f3];
    // F2 was invoiced the day before F1 was paid, and is held against the limit of that day.
    assert_eq!(day("2027-01-20", 2, &open).await, (10_000, 10_000, 1));
    assert_eq!(day("2027-03-21", 3, &open).await, (10_000, 10_000, 1), "thirty days late are allowed");
    assert_eq!(
        day("2027-03-22", 4, &open).await,
        (10_000, 0, 1),
        "what was invoiced keeps the limit of its day"
    );
}

/// What the program prints and how it ends.
fn said(arguments: &[&str]) -> (String, String, i32) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_encours"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
}

const EXAMPLES: &str = "docs/examples/encours.toml";

#[test]
fn the_worked_examples_come_out_and_every_clause_is_hung_on() {
    let (told, errors, code) = said(&["--config", EXAMPLES, "policy", "test", "--json"]);
    assert_eq!((errors.as_str(), code), ("", 0), "{told}");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let cases = told["cases"].as_array().unwrap();
    for example in ["A", "B", "C", "D", "E", "F", "H"] {
        let own = |case: &&serde_json::Value| {
            case["case"].as_str().unwrap().starts_with(&format!("Example {example}:"))
        };
        assert!(cases.iter().filter(own).count() >= 2, "example {example}");
    }
    let periods: Vec<(&str, &str, String, String)> = told["periods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|period| {
            let text = |key: &str| period[key].as_str().unwrap();
            let list = |key: &str| {
                let all = period[key].as_array().unwrap().iter();
                all.map(|clause| clause.as_str().unwrap()).collect::<Vec<_>>().join(" ")
            };
            (text("policy"), text("valid_from"), list("covered"), list("missed"))
        })
        .collect();
    let all = "insured_percentage maximum_terms_days discretionary_percentage excluded_buyers excluded_countries \
               discretionary mep_days cover_stop notices deadline_warning_days requests fees automation";
    let all = |without: &[&str]| {
        all.split(' ').filter(|clause| !without.contains(clause)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(periods[0], ("0042", "2025-01-01", all(&[]), String::new()));
    assert_eq!(
        periods[1],
        ("0042", "2027-01-01", "insured_percentage".to_owned(), all(&["insured_percentage"])),
        "no case hangs on another clause of the second period"
    );
    assert_eq!(periods[2].2, "mep_days cover_stop");
    let computed = ("0051", "insured_percentage discretionary requests");
    assert_eq!((periods[4].0, periods[4].2.as_str()), computed);
    assert_eq!((periods[5].0, periods[5].2.as_str()), ("0052", "insured_percentage layers"));
    assert_eq!((periods[3].0, periods[3].2.as_str()), ("0050", "insured_percentage basis requests"));
}

#[test]
fn what_differs_is_told_with_what_was_expected_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.toml");
    let good = std::fs::read_to_string(format!(
        "{}/docs/examples/policies/tests/0043.toml",
        env!("CARGO_MANIFEST_DIR")
    ));
    let good = good.unwrap();
    let run = |text: &str| {
        std::fs::write(&file, text).unwrap();
        said(&["--config", EXAMPLES, "policy", "test", file.to_str().unwrap()])
    };
    assert_eq!(run(&good).2, 0);
    let (told, _, code) =
        run(&good.replace("covered = \"0.00\", reason = \"after_cover_stop\"", "covered = \"7000.00\""));
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("✗ Example B: F1 is paid"), "{told}");
    assert!(told.contains("F3 covered\n        expected 7000.00\n        got      0.00\n"), "{told}");
    assert!(told.contains("1 case, 1 not as expected."), "{told}");
    assert!(told.contains("cases hang on 0 of"), "a case that differs proves nothing: {told}");
    let (_, wrong, code) =
        run(&good.replace("\"100000.00\"", "\"100000.001\"").replace("F2\", covered", "F2\", coverd"));
    assert_eq!(code, 2);
    assert!(wrong.contains("cases.toml:18:20: unknown field `coverd`"), "{wrong}");
    let (_, wrong, _) = run(&good.replace("\"100000.00\"", "\"100000.001\""));
    assert!(wrong.contains("cases.toml:8:43: "), "{wrong}");
    let (_, wrong, _) = run(&good.replace("policy = \"0043\"", "policy = \"0044\""));
    assert!(
        wrong.contains(
            "cases.toml:3:10: there is no policy \"0044\"; there are: 0042, 0043, 0050, 0051, 0052"
        ),
        "{wrong}"
    );
}

#[test]
fn a_policy_file_is_checked_alone_and_its_problems_are_placed() {
    let (told, _, code) =
        said(&["--config", EXAMPLES, "policy", "check", "docs/examples/policies/0043.toml"]);
    assert_eq!(code, 0);
    assert!(told.contains("Policy 0043 with insurer") && !told.contains("0042"), "{told}");
    assert!(told.contains("no notice rule: no deadline is computed"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("draft.toml");
    std::fs::write(&file, "number = \"1\"\nconnection = \"nobody\"\ninsured_percentage = \"90\"\n[[period]]\nvalid_from = \"2026-01-01\"\n").unwrap();
    let (_, told, code) = said(&["--config", EXAMPLES, "policy", "check", file.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(
        told.contains("draft.toml:2:14: there is no connection \"nobody\"; there are: insurer"),
        "{told}"
    );
}

#[test]
fn what_the_guide_shows_can_be_read() {
    let guide = std::fs::read_to_string(format!("{}/docs/policies.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let block = |name: &str| {
        let (_, rest) = guide.split_once(&format!("```toml\n# policies/{name}\n")).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let world = World::of("acme", "sqlite:ledger.db")
        .with("[[connection]]\nid = \"insurer\"\nconnector = \"insurer-files\"\nsettings = { folder = \"insurer\" }");
    let config = world.file();
    let config = config.to_str().unwrap();
    std::fs::create_dir_all(world.path().join("policies/tests")).unwrap();
    std::fs::write(world.path().join("policies/900123.toml"), block("900123.toml")).unwrap();
    std::fs::write(world.path().join("policies/tests/900123.toml"), block("tests/900123.toml")).unwrap();
    let (told, errors, code) = said(&["--config", config, "policy", "test"]);
    assert_eq!(code, 0, "{told}{errors}");
    assert_eq!(said(&["--config", config, "policy", "check"]).2, 0);
}
