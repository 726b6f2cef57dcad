//! Groups through the cycle: what each level owes, and a limit that a holding's subsidiaries share, on both databases.

use encours::config::Config;
use encours::engine::past::{Moment, positions};
use encours::engine::{Setup, deadlines};
use encours::ledger::CoverRow;

use super::cycle::{client, invoice};
use super::past::{encours, json, told};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, day, errors, run};

const LIMITS: &str = "Reference;Buyer id;Buyer name;Identifier type;Identifier;Policy;Status;Requested amount;Amount;Currency;\
     Temporary amount;Temporary end;Valid from;Valid until;Withdrawal on;Decided on;Reason code;Reason;Rating\n";

const HOLDING: &str = "siren:000000018";
const NORTH: &str = "siren:000000026";
const SOUTH: &str = "siren:000000034";

const GROUPS: &str = r#"
[[owned]]
company = { siren = "000000026" }
by = { siren = "000000018", name = "Exemple Holding" }

[[owned]]
company = { siren = "000000034" }
by = { siren = "000000018" }
"#;

fn limit(buyer: &str, siren: &str, euros: i64, from: &str) -> String {
    format!(
        "L{buyer};{buyer};Exemple {buyer};SIREN;{siren};P1;approved;{euros}.00;{euros}.00;EUR;;;{from};;;{from};;;\n"
    )
}

fn f1(open: &str) -> String {
    invoice("F1", "C2", "05/02/2026", "07/03/2026", "60000,00", open)
}

fn f2() -> String {
    invoice("F2", "C3", "01/03/2026", "31/03/2026", "50000,00", "50000,00")
}

fn f3() -> String {
    invoice("F3", "C2", "15/03/2026", "14/04/2026", "20000,00", "20000,00")
}

/// A holding that may have an account, two subsidiaries, and the insurer's list.
fn world(ledger: &str, terms: &str, accounts: &str) -> World {
    let world = World::new(ledger).with_csv().with(&format!(
        "[[connection]]\nid = \"insurer\"\nconnector = \"insurer-files\"\nsettings = {{ folder = \"lists\" }}\n\n[[policy]]\n\
         number = \"P1\"\nconnection = \"insurer\"\nvalid_from = \"2026-01-01\"\ninsured_percentage = \"90\"\n{terms}"
    ));
    std::fs::create_dir(world.path().join("lists")).unwrap();
    std::fs::write(world.path().join("groups.toml"), GROUPS).unwrap();
    world.export("clients.csv", format!("{CLIENTS}{accounts}").as_bytes());
    world
}

fn accounts() -> String {
    client("C1", "000000018", "") + &subsidiaries()
}

fn subsidiaries() -> String {
    client("C2", "000000026", "30 000,00") + &client("C3", "000000034", "")
}

fn state(world: &World, limits: &str, items: &str) {
    std::fs::write(world.path().join("lists/limits.csv"), format!("{LIMITS}{limits}")).unwrap();
    world.export("encours.csv", format!("{ITEMS}{items}").as_bytes());
}

/// Covered and uninsured of each buyer, in euros.
fn figures(covers: &[CoverRow]) -> Vec<(&str, i64, i64)> {
    covers
        .iter()
        .map(|row| (row.buyer_id.as_str(), row.covered_minor / 100, row.uninsured_minor / 100))
        .collect()
}

async fn covers(setup: &Setup) -> Vec<CoverRow> {
    let mut tx = setup.ledger.read().await.unwrap();
    let covers = tx.covers("exemple", None).await.unwrap();
    tx.rollback().await.unwrap();
    covers
}

async fn open_breaks(setup: &Setup) -> Vec<String> {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.open_breaks("exemple").await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter().map(|row| format!("{} {}", row.kind, row.subject)).collect()
}

async fn fine(setup: &Setup, on: &str) {
    let report = run(setup, on).await;
    assert_eq!(errors(&report), Vec::<String>::new());
}

/// The figures of every buyer as of a day, from all that is known.
async fn of_another_day(setup: &Setup, on: &str) -> Vec<CoverRow> {
    let moment = Moment { as_of: day(on), known_at: encours::clock::now(), is_ahead: false };
    let mut tx = setup.ledger.read().await.unwrap();
    let found = positions(&mut tx, "exemple", &setup.policies, moment).await.unwrap();
    tx.rollback().await.unwrap();
    found.buyers.into_iter().flat_map(|position| position.covers).collect()
}

#[tokio::test]
async fn example_g_a_payment_of_one_subsidiary_gives_cover_to_the_other() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let world =
            world(&ledger, "pooled_groups = true\n[policy.notices]\nfrom = \"due\"\ndays = 30", &accounts());
        let first = limit("B1", "000000018", 100_000, "2026-01-01");
        state(&world, &first, &(f1("60000,00") + &f2()));
        let setup = world.setup().await;
        fine(&setup, "2026-03-05").await;
        let cut = limit("B1", "000000018", 40_000, "2026-03-10");
        state(&world, &cut, &(f1("60000,00") + &f2() + &f3()));
        fine(&setup, "2026-03-20").await;
        let stored = covers(&setup).await;
        assert_eq!(figures(&stored), [(HOLDING, 0, 0), (NORTH, 60_000, 20_000), (SOUTH, 40_000, 10_000)]);
        assert!(
            stored.iter().all(|row| row.cap_minor == 4_000_000),
            "all are held against one limit: {stored:?}"
        );
        let breaks = open_breaks(&setup).await;
        let of_limits: Vec<&String> = breaks.iter().filter(|told| told.starts_with("limit_")).collect();
        assert_eq!(
            of_limits,
            [&format!("limit_missing_in_erp {HOLDING}")],
            "what an account holds of the shared limit is its own business"
        );
        assert!(breaks.contains(&format!("over_limit {SOUTH}")), "{breaks:?}");
        let then = of_another_day(&setup, "2026-03-20").await;
        assert_eq!(figures(&then), [(NORTH, 60_000, 20_000), (SOUTH, 40_000, 10_000)]);
        let mut tx = setup.ledger.read().await.unwrap();
        let due = deadlines::deadlines(&mut tx, "exemple", &setup.policies, day("2026-04-10")).await.unwrap();
        tx.rollback().await.unwrap();
        let due: Vec<&str> = due.iter().map(|one| one.invoice.number.as_str()).collect();
        assert_eq!(due, ["F1", "F2"], "what the shared limit covers is notified");

        // On the same day, so that only the subsidiary that paid is touched.
        state(&world, &cut, &(f1("0,00") + &f2() + &f3()));
        fine(&setup, "2026-03-20").await;
        assert_eq!(figures(&covers(&setup).await), [(HOLDING, 0, 0), (NORTH, 0, 20_000), (SOUTH, 50_000, 0)]);
        assert!(!open_breaks(&setup).await.contains(&format!("over_limit {SOUTH}")));

        // The tree changes on the same day: everything is settled anew.
        let alone = GROUPS.replace(
            "[[owned]]\ncompany = { siren = \"000000034\" }",
            "[[owned]]\ncompany = { siren = \"000000034\" }\nto = \"2026-02-28\"",
        );
        std::fs::write(world.path().join("groups.toml"), alone).unwrap();
        setup.ledger.close().await;
        let setup = world.setup().await;
        fine(&setup, "2026-03-20").await;
        assert_eq!(figures(&covers(&setup).await), [(HOLDING, 0, 0), (NORTH, 20_000, 0), (SOUTH, 0, 50_000)]);
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn without_the_clause_a_group_is_told_and_shares_nothing() {
    let world = world(&sqlite(), "", &accounts());
    state(&world, &limit("B1", "000000018", 100_000, "2026-01-01"), &(f1("60000,00") + &f2()));
    let setup = world.setup().await;
    fine(&setup, "2026-03-20").await;
    assert_eq!(figures(&covers(&setup).await), [(HOLDING, 0, 0), (NORTH, 0, 60_000), (SOUTH, 0, 50_000)]);
    setup.ledger.close().await;
    let text = told(&world, &["groups"]);
    assert!(text.contains("Exemple Holding") && text.contains("110 000.00 EUR"), "{text}");
    assert!(!told(&world, &["explain", "C2"]).contains("It shares the limit"));
}

#[tokio::test]
async fn what_each_level_owes_and_shares_is_told_to_people_and_programs() {
    let world = world(&sqlite(), "pooled_groups = true", &accounts());
    state(&world, &limit("B1", "000000018", 100_000, "2026-01-01"), &(f1("60000,00") + &f2()));
    let setup = world.setup().await;
    fine(&setup, "2026-03-20").await;
    setup.ledger.close().await;

    for args in
        [&["groups"][..], &["groups", "C3"], &["groups", "holding"], &["groups", "--as-of", "2026-03-20"]]
    {
        let text = told(&world, args);
        assert!(text.contains("Exemple Holding") && text.contains("100 000.00 EUR"), "{args:?}\n{text}");
        assert!(
            text.contains("\n   Exemple C2 ") && text.contains("1 group on 2026-03-20"),
            "{args:?}\n{text}"
        );
    }
    let value = json(&world, &["groups"]);
    let head = &value["groups"][0];
    assert_eq!((&head["id"], &head["name"]), (&HOLDING.into(), &"Exemple Holding".into()));
    assert_eq!(head["with_below"][0]["outstanding"], "110000.00");
    assert_eq!(head["with_below"][0]["covered"], "100000.00");
    assert_eq!(head["owned"][1]["own"][0]["covered"], "40000.00");
    let unknown = encours(&world, &["groups", "nobody"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no company of a group answers to \"nobody\""));

    let text = told(&world, &["explain", "C3"]);
    for part in [
        "It is owned by Exemple Holding, which owes with all below 110 000.00 EUR, covered 100 000.00 EUR.",
        "It shares the limit on Exemple Holding with 2 other companies of its group",
        "Covered: 40 000.00 EUR of the 50 000.00 EUR owed",
        "A new invoice would find no room in today's limit.",
    ] {
        assert!(text.contains(part), "\"{part}\" is missing in:\n{text}");
    }
    let value = json(&world, &["explain", "C3"]);
    assert_eq!(value["cover"][0]["shared"]["limit_on"], HOLDING);
    assert_eq!(value["cover"][0]["lines"][0]["used_before"], "60000.00");
    assert_eq!(value["group"][1]["with_below"][0]["outstanding"], "110000.00");
    let then = json(&world, &["explain", "C3", "--as-of", "2026-03-20"]);
    assert_eq!(then["cover"][0]["covered"], "40000.00");

    let index = json(&world, &["evidence", "C3", "--on", "2026-03-20", "--out", "pack"]);
    let path = world.path().join("pack").join("evidence-exemple-siren-000000034-2026-03-20");
    let text =
        std::fs::read_to_string(path.join("index.txt")).unwrap_or_else(|error| panic!("{error}: {index}"));
    assert!(
        text.contains("Covered   40000.00 EUR under policy P1; the limit of that day is 100000.00"),
        "{text}"
    );
    assert!(text.contains("The policy pools groups") && text.contains(NORTH), "{text}");

    let checked = told(&world, &["check"]);
    assert!(checked.contains("groups: 3 companies in trees of ownership"), "{checked}");
    let words = told(&world, &["policy", "check"]);
    assert!(words.contains("companies of a group share the limit on the nearest one above them"), "{words}");
    std::fs::write(world.path().join("groups.toml"), GROUPS.replace("by =", "from =")).unwrap();
    let wrong = encours(&world, &["check"]);
    assert_eq!(wrong.status.code(), Some(2));
    let wrong = String::from_utf8_lossy(&wrong.stdout).into_owned() + &String::from_utf8_lossy(&wrong.stderr);
    assert!(wrong.contains("groups.toml:"), "{wrong}");
}

#[tokio::test]
async fn a_holding_without_an_account_lends_its_limit_once_a_person_has_linked_it() {
    let world = world(&sqlite(), "pooled_groups = true", &subsidiaries());
    state(&world, &limit("B1", "000000018", 100_000, "2026-01-01"), &(f1("60000,00") + &f2()));
    let setup = world.setup().await;
    fine(&setup, "2026-03-20").await;
    assert_eq!(figures(&covers(&setup).await), [(NORTH, 0, 60_000), (SOUTH, 0, 50_000)]);
    assert!(open_breaks(&setup).await.iter().any(|told| told.starts_with("buyer_unmatched")));
    setup.ledger.close().await;
    told(&world, &["buyers", "link", "insurer/B1", HOLDING, "--because", "register of 20 March"]);
    let setup = world.setup().await;
    fine(&setup, "2026-03-20").await;
    let incremental = figures(&covers(&setup).await)
        .into_iter()
        .map(|(id, a, b)| (id.to_owned(), a, b))
        .collect::<Vec<_>>();
    let expected = [(HOLDING, 0, 0), (NORTH, 60_000, 0), (SOUTH, 40_000, 10_000)]
        .map(|(id, a, b)| (id.to_owned(), a, b));
    assert_eq!(incremental, expected);
    assert!(!open_breaks(&setup).await.iter().any(|told| told.starts_with("buyer_unmatched")));
    fine(&setup, "2026-03-21").await;
    assert_eq!(figures(&covers(&setup).await).len(), 3, "settled whole, the same buyers have a row");
    setup.ledger.close().await;
}

#[tokio::test]
async fn what_a_shared_limit_needs_is_asked_for_once_on_the_company_that_has_it() {
    let terms = "pooled_groups = true\n[policy.requests]\nheadroom_percent = \"0\"\nstep = \"1000.00\"";
    let world = world(&sqlite(), terms, &accounts());
    state(&world, &limit("B1", "000000018", 60_000, "2026-01-01"), &(f1("60000,00") + &f2()));
    let setup = world.setup().await;
    fine(&setup, "2026-03-20").await;
    let mut tx = setup.ledger.read().await.unwrap();
    let effects = tx.effects("exemple", &[]).await.unwrap();
    tx.rollback().await.unwrap();
    let requests: Vec<(&str, Option<i64>)> =
        effects.iter().map(|row| (row.buyer_id.as_str(), row.amount_minor)).collect();
    assert_eq!(requests, [(HOLDING, Some(11_000_000))], "{effects:?}");
    setup.ledger.close().await;
}

#[test]
fn a_policy_that_pools_needs_groups() {
    let world = world(&sqlite(), "pooled_groups = true", "");
    std::fs::remove_file(world.path().join("groups.toml")).unwrap();
    let told = Config::load(&world.file()).unwrap_err();
    assert!(told[0].message.contains("write into groups.toml"), "{}", told[0]);
}
