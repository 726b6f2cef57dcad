//! Who is who, from end to end: numbers, insurers' ids and what persons say, through cycles and the commands, on both
//! databases.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use encours::engine::Setup;
use encours::ledger::{AccountRow, CoverRow};
use encours::model::LinkKind;
use encours::sandbox::atradius::{BuyerSetup, DecisionCode};
use serde_json::Value;

use crate::support::database::Postgres;
use crate::support::world::{ITEMS, World, buyer, decision, errors, insurer, run};

const CLIENTS: &str = "Code client;Raison sociale;SIREN;SIRET;N° acheteur assureur;Pays;Code postal;Ville\n";

/// A SIREN with a sound check digit that is nobody's.
const SIREN: &str = "000000018";
const OTHER: &str = "000000026";

fn invoice(number: &str, account: &str, total: &str) -> String {
    format!("Facture;{number};{account};Exemple {account};05/02/2026;05/04/2026;EUR;{total};{total};N;\n")
}

/// An insurer's buyer with a limit, with or without a number.
fn insured(id: u64, name: &str, siren: Option<&str>, euros: u64) -> BuyerSetup {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, euros, euros)];
    BuyerSetup { name: name.to_owned(), uid: siren.map(str::to_owned), ..buyer(id, SIREN, story) }
}

/// Runs the program on a world's configuration.
fn encours(world: &World, args: &[&str]) -> Output {
    let config = world.path().join("encours.toml");
    Command::new(env!("CARGO_BIN_EXE_encours"))
        .args(["--config", config.to_str().unwrap()])
        .args(args)
        .output()
        .unwrap()
}

fn told(world: &World, args: &[&str]) -> String {
    let output = encours(world, args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "encours {args:?} said: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(world: &World, args: &[&str]) -> Value {
    let mut all = vec!["--json"];
    all.extend(args);
    serde_json::from_str(&told(world, &all)).unwrap()
}

async fn accounts(setup: &Setup) -> Vec<AccountRow> {
    let mut tx = setup.ledger.begin().await.unwrap();
    let mut rows = tx.accounts("exemple").await.unwrap();
    tx.rollback().await.unwrap();
    rows.sort_by(|a, b| a.external_id.cmp(&b.external_id));
    rows
}

async fn buyers(setup: &Setup) -> Vec<String> {
    accounts(setup).await.into_iter().map(|row| row.buyer_id).collect()
}

async fn covers(setup: &Setup) -> BTreeMap<String, CoverRow> {
    let mut tx = setup.ledger.begin().await.unwrap();
    let rows = tx.covers("exemple", None).await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter().map(|row| (row.buyer_id.clone(), row)).collect()
}

async fn breaks(setup: &Setup, kind: &str) -> Vec<(String, String)> {
    let mut tx = setup.ledger.begin().await.unwrap();
    let rows = tx.open_breaks("exemple").await.unwrap();
    tx.rollback().await.unwrap();
    // The blank within an amount is one that does not break.
    let plain = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let of_kind = rows.into_iter().filter(|row| row.kind == kind);
    of_kind.map(|row| (plain(row.ours), plain(row.theirs))).collect()
}

async fn a_person_decides(ledger: &str) {
    let stranger = insured(31_001, "IMPRIMERIE FICTIVEL SARL", None, 50_000);
    let (_sandbox, url) = insurer("2026-03-01", vec![stranger]).await;
    let world = World::new(ledger).with_csv().with_insurer(&url);
    let setup = world.setup().await;
    world.export(
        "clients_1.csv",
        format!(
            "{CLIENTS}C1;Imprimerie Fictivel;{SIREN};;;FR;69001;Lyon\nC2;Fictivel Imprimerie (dépôt);;;;FR;69002;Lyon\n\
             C3;Menuiserie Brindezinc;;;;FR;;\n"
        )
        .as_bytes(),
    );
    let items =
        [invoice("F1", "C1", "30000,00"), invoice("F2", "C2", "30000,00"), invoice("F3", "C3", "10,00")];
    world.export("encours_1.csv", format!("{ITEMS}{}", items.concat()).as_bytes());
    let first = run(&setup, "2026-03-01").await;
    assert_eq!(errors(&first), Vec::<String>::new());
    let siren = format!("siren:{SIREN}");
    assert_eq!(buyers(&setup).await, [siren.as_str(), "account:erp:C2", "account:erp:C3"]);
    let (hint, amount) = breaks(&setup, "buyer_unmatched").await.remove(0);
    assert!(
        hint.starts_with("no account; Imprimerie Fictivel (siren:000000018) has a name alike, "),
        "{hint}"
    );
    assert_eq!(amount, "50 000.00 EUR");

    // What waits, best first; a name has linked nothing.
    let waiting = json(&world, &["buyers", "match"]);
    let strangers = &waiting["insurer_buyers"];
    assert_eq!(strangers[0]["external_id"], "31001");
    assert_eq!(strangers[0]["candidates"][0]["buyer"], siren.as_str());
    let names: Vec<&Value> =
        waiting["accounts"].as_array().unwrap().iter().map(|row| &row["external_id"]).collect();
    assert_eq!(names, ["C2", "C3"]);
    assert_eq!(waiting["accounts"][1]["candidates"].as_array().unwrap().len(), 0);
    let text = told(&world, &["buyers", "match"]);
    assert!(text.contains("insurer/31001  IMPRIMERIE FICTIVEL SARL: 50 000.00 EUR under 0004711"), "{text}");
    assert!(text.contains("encours buyers link insurer/31001 siren:000000018 --because"), "{text}");

    // A person says who both are; the next cycle settles them, though nothing new was read.
    let because = ["--because", "contract of 2019", "--by", "Camille"];
    told(&world, &[&["buyers", "link", "insurer/31001", SIREN], because.as_slice()].concat());
    told(&world, &[&["buyers", "link", "erp/C2", "C1"], because.as_slice()].concat());
    let again = told(&world, &[&["buyers", "link", "erp/C2", "C1"], because.as_slice()].concat());
    assert!(again.contains("already; nothing was changed"), "{again}");
    run(&setup, "2026-03-01").await;
    assert_eq!(buyers(&setup).await, [siren.as_str(), siren.as_str(), "account:erp:C3"]);
    let covers_now = covers(&setup).await;
    let cover = &covers_now[&siren];
    assert_eq!(
        (cover.cap_minor, cover.covered_minor, cover.uninsured_minor),
        (5_000_000, 5_000_000, 1_000_000)
    );
    assert_eq!(covers_now["account:erp:C2"].uninsured_minor, 0, "it has no account any more");
    assert_eq!(breaks(&setup, "buyer_unmatched").await, []);
    let story = told(&world, &["explain", &siren]);
    assert!(story.contains("it is this buyer said by Camille on "), "{story}");
    assert!(story.contains("it is this buyer by SIREN 000000018"), "{story}");
    assert!(story.contains("insurer 31001 is this buyer said by Camille on "), "{story}");

    // A record that changes does not undo what a person said.
    world.export(
        "clients_2.csv",
        format!(
            "{CLIENTS}C1;Imprimerie Fictivel;{SIREN};;;FR;69001;Lyon\nC2;Fictivel Imprimerie;{OTHER};;;FR;69002;Lyon\n\
             C3;Menuiserie Brindezinc;;;;FR;;\n"
        )
        .as_bytes(),
    );
    run(&setup, "2026-03-01").await;
    assert_eq!(buyers(&setup).await[1], siren);

    // Taken back: the numbers of today decide, and both sides are settled again.
    let back = told(&world, &["buyers", "unlink", "erp/C2", "--by", "Dominique"]);
    assert!(back.contains("is siren:000000026 again, by SIREN 000000026"), "{back}");
    told(&world, &["buyers", "unlink", "insurer/31001", "--by", "Dominique"]);
    run(&setup, "2026-03-01").await;
    assert_eq!(buyers(&setup).await, [siren.as_str(), "siren:000000026", "account:erp:C3"]);
    let covers = covers(&setup).await;
    assert_eq!((covers[&siren].cap_minor, covers[&siren].uninsured_minor), (0, 3_000_000));
    assert_eq!(covers["siren:000000026"].uninsured_minor, 3_000_000);
    assert_eq!(breaks(&setup, "buyer_unmatched").await.len(), 1);

    // Everything is kept.
    let history = json(&world, &["buyers", "links"]);
    let history = history["links"].as_array().unwrap();
    assert_eq!(history.len(), 2);
    assert!(history.iter().all(|link| {
        link["reason"] == "person" && link["decided_by"] == "Camille" && link["reversed_by"] == "Dominique"
    }));
    assert_eq!(history[1]["previous_buyer"], "account:erp:C2");
    assert!(history[1]["score"].as_i64().unwrap() > 60, "{:?}", history[1]);
    let refused = encours(&world, &["buyers", "unlink", "erp/C1"]);
    assert_eq!(refused.status.code(), Some(1));
    let wrong = encours(&world, &[&["buyers", "link", "nowhere/C1", SIREN], because.as_slice()].concat());
    assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_on_sqlite() {
    a_person_decides("sqlite:ledger.db").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_on_postgres() {
    let postgres = Postgres::new().await;
    a_person_decides(&postgres.url).await;
    postgres.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_insurers_id_joins_accounts_and_never_two_numbers() {
    let known = insured(31_001, "FICTIVEL", Some(SIREN), 40_000);
    let nameless = insured(31_002, "BRINDEZINC", None, 20_000);
    let torn = insured(31_003, "LALUBERLU", None, 10_000);
    let (_sandbox, url) = insurer("2026-03-01", vec![known, nameless, torn]).await;
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url);
    let setup = world.setup().await;
    let third = "000000034";
    world.export(
        "clients_1.csv",
        format!(
            "{CLIENTS}C1;Fictivel;;;31001;FR;;\nC2;Fictivel Lyon;;00000001800018;;FR;;\nC3;Brindezinc;;;31002;FR;;\n\
             C4;Brindezinc Sud;;;31002;FR;;\nC5;Laluberlu;{OTHER};;31003;FR;;\nC6;Laluberlu;{third};;31003;FR;;\n"
        )
        .as_bytes(),
    );
    let items: String = (1..=6).map(|n| invoice(&format!("F{n}"), &format!("C{n}"), "15000,00")).collect();
    world.export("encours_1.csv", format!("{ITEMS}{items}").as_bytes());
    run(&setup, "2026-03-01").await;
    let siren = format!("siren:{SIREN}");
    let is_sound = accounts(&setup).await[1].identifiers().all(|id| id.is_sound());
    let branch = if is_sound { siren.as_str() } else { "account:erp:C2" };
    assert_eq!(
        buyers(&setup).await,
        [siren.as_str(), branch, "account:erp:C3", "account:erp:C3", "siren:000000026", "siren:000000034"]
    );
    let covers = covers(&setup).await;
    assert_eq!(covers["account:erp:C3"].covered_minor, 2_000_000, "two accounts share one cover of 20 000");
    assert_eq!(covers["account:erp:C3"].uninsured_minor, 1_000_000);
    assert_eq!(breaks(&setup, "buyer_ambiguous").await.len(), 1, "two numbers behind one id are not joined");
    assert_eq!(covers["siren:000000026"].covered_minor, 0);
    let mut tx = setup.ledger.begin().await.unwrap();
    let link = tx.link_of(LinkKind::Account, "erp", "C1").await.unwrap().unwrap();
    assert_eq!(link.reason, "insurer_id");
    let of_insurer = tx.link_of(LinkKind::InsurerBuyer, "insurer", "31002").await.unwrap().unwrap();
    assert_eq!((of_insurer.buyer_id.as_str(), of_insurer.reason.as_str()), ("account:erp:C3", "insurer_id"));
    tx.rollback().await.unwrap();

    // Nothing new is nothing to record.
    let count = |setup: &Setup| {
        let ledger = setup.ledger.clone();
        async move {
            let mut tx = ledger.begin().await.unwrap();
            let links = tx.links("exemple", None).await.unwrap().len();
            tx.rollback().await.unwrap();
            links
        }
    };
    let before = count(&setup).await;
    run(&setup, "2026-03-01").await;
    run(&setup, "2026-03-02").await;
    assert_eq!(count(&setup).await, before);
    // An account that gets a number takes along whoever a person tied to it.
    told(&world, &["buyers", "link", "erp/C5", "account:erp:C3", "--because", "merged", "--by", "Camille"]);
    world.export(
        "clients_2.csv",
        format!(
            "{CLIENTS}C1;Fictivel;;;31001;FR;;\nC2;Fictivel Lyon;;00000001800018;;FR;;\nC3;Brindezinc;000000042;;31002;FR;;\n\
             C4;Brindezinc Sud;;;31002;FR;;\nC5;Laluberlu;{OTHER};;31003;FR;;\nC6;Laluberlu;{third};;31003;FR;;\n"
        )
        .as_bytes(),
    );
    run(&setup, "2026-03-02").await;
    let now = buyers(&setup).await;
    assert_eq!(now[2..5], ["siren:000000042", "siren:000000042", "siren:000000042"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ids_of_one_insurer_are_a_break() {
    let one = insured(31_001, "FICTIVEL", Some(SIREN), 40_000);
    let two = insured(31_002, "FICTIVEL SAS", Some(SIREN), 25_000);
    let (_sandbox, url) = insurer("2026-03-01", vec![one, two]).await;
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url);
    let setup = world.setup().await;
    world.export("clients_1.csv", format!("{CLIENTS}C1;Fictivel;{SIREN};;;FR;;\n").as_bytes());
    world.export("encours_1.csv", format!("{ITEMS}{}", invoice("F1", "C1", "1000,00")).as_bytes());
    run(&setup, "2026-03-01").await;
    let found = breaks(&setup, "two_insurer_ids").await;
    assert_eq!(
        found,
        [(
            "40 000.00 EUR of 31001 counts under 0004711".to_owned(),
            "31001 40 000.00 EUR and 31002 25 000.00 EUR".to_owned()
        )]
    );
    let listed = told(&world, &["breaks", "--kind", "two_insurer_ids"]);
    assert!(listed.contains("Next: ask the insurer to merge its two ids"), "{listed}");
}
