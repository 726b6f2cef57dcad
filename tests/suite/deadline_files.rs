//! Files for a claim and for later due dates: built from the ledger, kept byte for byte, and pointed to by what was done.

use encours::sandbox::atradius::DecisionCode;
use serde_json::Value;

use super::cycle::{client, invoice};
use super::past::{encours, json, told};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, decision, errors, insurer, run};

const TERMS: &str = "mep_days = 60\nextension_days_before = 10\n[policy.notices]\nfrom = \"due\"\ndays = 30\n\
                     [policy.claims]\nfrom = \"due\"\ndays = 120";

/// The rows of a CSV of ours, by the names of their columns.
fn rows(bytes: &[u8]) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(bytes);
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn refused(world: &World, args: &[&str], words: &str) {
    let output = encours(world, args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && error.contains(words), "{args:?}: {error}");
}

async fn files(ledger: &str) {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, 100_000, 1_000)];
    let (_, url) = insurer("2026-12-31", vec![buyer(31_001, "000000018", story)]).await;
    let world = World::new(ledger).with_csv().with_insurer(&url).with(TERMS);
    let setup = world.setup().await;
    let clients = client("C1", "000000018", "1 000,00") + &client("C2", "000000026", "");
    world.export("clients_1.csv", format!("{CLIENTS}{clients}").as_bytes());
    let f1 = |open: &str| invoice("F1", "C1", "31/12/2026", "31/01/2027", "900,00", open);
    let f2 = invoice("F2", "C1", "01/02/2027", "09/06/2027", "800,00", "800,00");
    let f3 = invoice("F3", "C2", "01/02/2027", "09/06/2027", "10,00", "10,00");
    let f4 = invoice("F4", "C1", "01/02/2027", "09/06/2027", "5,00", "5,00").replace(";N;\n", ";O;\n");
    world.export("encours_1.csv", format!("{ITEMS}{}{f2}{f3}{f4}", f1("600,00")).as_bytes());
    assert_eq!(errors(&run(&setup, "2027-02-20").await), Vec::<String>::new());
    let because = ["--because", "by letter, receipt 4711", "--by", "Ada"];
    let listed = json(&world, &["requests"]);
    let rows_of = listed["requests"].as_array().cloned().unwrap_or_default();
    let sent =
        rows_of.iter().find(|row| row["kind"] == "notify_overdue").map(|row| row["id"].as_str().unwrap());
    let id = sent.unwrap();
    let notice = ["requests", "settle", id, "--done"];
    told(&world, &[&notice[..], &because[..]].concat());
    assert_eq!(errors(&run(&setup, "2027-05-29").await), Vec::<String>::new());

    let out = world.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let folder = out.to_str().unwrap();
    let make = |args: &[&str]| {
        json(&world, &[&["deadlines", "file"], args, &["--out", folder, "--by", "Ada"]].concat())
    };
    let made = make(&["claim", "F1"]);
    let path = made["path"].as_str().unwrap();
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(encours::ids::sha256_hex(&bytes), made["sha256"].as_str().unwrap());
    let all = rows(&bytes);
    assert_eq!(all.len(), 1);
    for (column, value) in [
        ("policy", "0004711"),
        ("as_of", "2027-05-29"),
        ("insurer_buyer_id", "31001"),
        ("buyer_identifiers", "SIREN 000000018"),
        ("invoice", "F1"),
        ("issued", "2026-12-31"),
        ("original_due", "2027-01-31"),
        ("total", "900.00"),
        ("received", "300.00"),
        ("open", "600.00"),
        ("limit_on_invoice_date", "1000.00"),
        ("covered", "600.00"),
        ("insured_percentage", "90"),
        ("indemnity", "540.00"),
        ("notice_how", "by letter, receipt 4711"),
        ("last_day", "2027-05-31"),
    ] {
        assert_eq!(all[0][column], value, "{column} of {:?}", all[0]);
    }
    assert!(
        all[0]["notice_made_on"].starts_with("2027-0") && all[0]["notice_sha256"].len() == 64,
        "{:?}",
        all[0]
    );
    assert!(!all[0].contains_key("new_due"));
    let again = make(&["claim", "F1"]);
    assert_eq!((&again["id"], &again["is_new"]), (&made["id"], &Value::Bool(false)));

    // The ledger goes on; what was sent stays what it was.
    world.export("encours_2.csv", format!("{ITEMS}{}{f2}{f3}{f4}", f1("100,00")).as_bytes());
    assert_eq!(errors(&run(&setup, "2027-05-30").await), Vec::<String>::new());
    std::fs::remove_file(path).unwrap();
    let id = made["id"].as_str().unwrap();
    told(&world, &["deadlines", "files", &id[..4], "--out", folder]);
    assert_eq!(std::fs::read(path).unwrap(), bytes);
    std::fs::write(path, "another").unwrap();
    let taken = encours(&world, &["deadlines", "files", id, "--out", folder]);
    assert_ne!(taken.status.code(), Some(0));
    assert_eq!(std::fs::read(path).unwrap(), b"another", "nothing is written over");

    let met = [
        "deadlines",
        "met",
        "claim",
        "F1",
        "--because",
        "on the portal",
        "--by",
        "Ada",
        "--on",
        "2027-05-29",
    ];
    refused(&world, &[&met[..], &["--file", "ffff"]].concat(), "no file ffff was made");
    told(&world, &[&met[..], &["--file", id]].concat());
    let deadlines = json(&world, &["deadlines"]).to_string();
    let (name, hash) = (made["file_name"].as_str().unwrap(), made["sha256"].as_str().unwrap());
    assert!(deadlines.contains(&format!("on the portal; {name}, SHA-256 {hash}")), "{deadlines}");

    let asked =
        make(&["extension", "F2", "--instalment", "2027-07-31=300.00", "--instalment", "2027-06-30=500"]);
    let parts: Vec<(String, String)> = rows(&std::fs::read(asked["path"].as_str().unwrap()).unwrap())
        .into_iter()
        .map(|mut row| (row.remove("new_due").unwrap(), row.remove("new_amount").unwrap()))
        .collect();
    let part = |due: &str, amount: &str| (due.to_owned(), amount.to_owned());
    assert_eq!(parts, [part("2027-06-30", "500.00"), part("2027-07-31", "300.00")]);
    let book = make(&[
        "extension",
        "F1",
        "F2",
        "--new-due",
        "2027-07-15",
        "--new-due",
        "F1=2027-06-15",
        "--format",
        "xlsx",
    ]);
    assert!(std::fs::read(book["path"].as_str().unwrap()).unwrap().starts_with(b"PK"));
    refused(&world, &[&met[..], &["--file", asked["id"].as_str().unwrap()]].concat(), "is not a claim of F1");
    for (args, words) in [
        (&["claim", "F9"][..], "no open invoice that nobody disputes is F9"),
        (&["claim", "F4"], "no open invoice that nobody disputes is F4"),
        (&["claim", "F1", "F3"], "of several buyers"),
        (&["claim", "F1", "--new-due", "2027-07-15"], "belong to an extension"),
        (&["extension", "F2"], "no new due date is given for F2"),
        (&["extension", "F2", "--new-due", "2027-06-09"], "2027-06-09 is not after 2027-06-09"),
        (
            &["extension", "F2", "--instalment", "2027-06-30=799.99"],
            "come to 799.99 EUR, and 800.00 EUR of F2 are open",
        ),
    ] {
        refused(&world, &[&["deadlines", "file"], args].concat(), words);
    }
    let listed = json(&world, &["deadlines", "files"]);
    assert_eq!(listed["files"].as_array().unwrap().len(), 3);
    setup.ledger.close().await;
}

#[tokio::test]
async fn a_claim_and_an_extension_go_out_as_files_that_stay_what_they_were() {
    files(&sqlite()).await;
}

#[tokio::test]
async fn a_claim_and_an_extension_go_out_as_files_that_stay_what_they_were_on_postgres() {
    let postgres = Postgres::new().await;
    files(&postgres.url).await;
    postgres.drop().await;
}
