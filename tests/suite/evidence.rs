//! Evidence on a buyer: everything in it, and the same bytes again whatever happened since, on both databases.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::Path;

use encours::engine::effects::{Options, Verdict, Which, settle_by_hand};
use encours::ids::sha256_hex;
use serde_json::Value;

use super::cycle::{client, invoice};
use super::past::{Story, encours, f1, json, later, shown, told};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, day, run};

const TERMS: &str = "mep_days = 60\n[policy.cover_stop]\nthreshold = \"500.00\"\nlifts = \"payment\"\n\
                     [policy.notices]\nfrom = \"mep\"\ndays = 30\nthreshold = \"500.00\"";

/// The files of a folder, by name.
fn folder(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// The rows of a file, each by the names of its columns.
fn rows(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(files[name].as_slice());
    let header = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        header.iter().zip(row.unwrap().iter()).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    });
    rows.collect()
}

async fn the_same_again(ledger: &str) {
    let story = Story::under(ledger, TERMS).await;
    let (world, setup) = (&story.world, &story.setup);
    // F1 was due on 5 April: cover stops on 4 June, and its notice is owed by 4 July.
    story.sandbox.set_today(day("2026-06-20"));
    story.cycle("2026-06-20").await;
    let mut tx = setup.ledger.read().await.unwrap();
    let effects = tx.effects("exemple", &[]).await.unwrap();
    tx.rollback().await.unwrap();
    let notice =
        effects.iter().find(|row| row.kind == "notify_overdue" && row.subject.ends_with("F1")).unwrap();
    let options =
        Options { which: Which::Approved, by: "Ada", day: day("2026-06-20"), now: encours::clock::now() };
    let because = "by registered letter, receipt 4711";
    settle_by_hand(setup, &notice.id, Verdict::Done, because, &options).await.unwrap().unwrap();
    let known_at = shown(encours::clock::now());

    let asked = |out: &str| {
        let args = ["evidence", "C1", "--on", "2026-06-20", "--known-at", &known_at, "--out", out];
        json(world, &args)
    };
    let first = asked("a");
    assert_eq!((&first["written"], &first["known_at"]), (&true.into(), &known_at.as_str().into()));
    let path = world.path().join("a/evidence-exemple-siren-000000018-2026-06-20");
    let files = folder(&path);

    // Every file is in the index with its hash, and in the archive with its bytes.
    let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    let listed: BTreeMap<&str, &str> = index["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["name"].as_str().unwrap(), file["sha256"].as_str().unwrap()))
        .collect();
    let names: Vec<&str> =
        files.keys().map(String::as_str).filter(|name| !name.starts_with("index.")).collect();
    assert_eq!(listed.keys().copied().collect::<Vec<_>>(), names);
    let text = String::from_utf8(files["index.txt"].clone()).unwrap();
    for (name, hash) in listed {
        assert_eq!(sha256_hex(&files[name]), hash, "{name}");
        assert!(text.contains(&format!("{hash}  {name}\n")), "{text}");
    }
    let zip = std::fs::read(path.with_extension("zip")).unwrap();
    assert_eq!(first["sha256"], sha256_hex(&zip));
    let mut archive = zip::ZipArchive::new(Cursor::new(zip.as_slice())).unwrap();
    assert_eq!(archive.len(), files.len());
    for (name, bytes) in &files {
        let mut packed = Vec::new();
        let whole = format!("evidence-exemple-siren-000000018-2026-06-20/{name}");
        archive.by_name(&whole).unwrap().read_to_end(&mut packed).unwrap();
        assert_eq!(&packed, bytes, "{name}");
    }

    // What is in them.
    let of = |name: &str, column: &str| -> Vec<String> {
        rows(&files, name).into_iter().map(|mut row| row.remove(column).unwrap()).collect()
    };
    assert_eq!(of("invoices.csv", "number"), ["F1", "F2", "F3"]);
    assert_eq!(
        (of("accounts.csv", "name"), of("accounts.csv", "erp_limit")),
        (vec!["Exemple C1".to_owned()], vec!["100000.00".to_owned()])
    );
    assert_eq!(of("limits.csv", "amount"), ["100000.00", "40000.00"]);
    assert_eq!(of("limits.csv", "first_read_on"), ["2026-03-12", "2026-03-15"]);
    assert_eq!(of("stops.csv", "stopped_on"), ["2026-06-04"]);
    assert_eq!(of("cover.csv", "owed_then"), ["60000.00", "110000.00", "130000.00"]);
    assert_eq!(of("cover.csv", "limit_then"), ["100000.00", "40000.00", "40000.00"]);
    assert_eq!(of("cover.csv", "covered_then"), ["60000.00", "0.00", "0.00"], "the cut reaches F2");
    assert_eq!(of("cover.csv", "why_on_day"), ["covered", "limit_used", "limit_used"]);
    let told_notice = rows(&files, "notices.csv").into_iter().find(|row| !row["invoice"].is_empty()).unwrap();
    assert_eq!(
        (told_notice["invoice"].as_str(), told_notice["amount"].as_str(), told_notice["state"].as_str()),
        ("erp/F1", "60000.00", "done")
    );
    assert_eq!(told_notice["last_word"], because);
    let effects: Value = serde_json::from_slice(&files["effects.json"]).unwrap();
    assert!(effects.to_string().contains("\"who\":\"Ada\""), "{effects}");
    assert!(String::from_utf8_lossy(&files["policies.json"]).contains("\"mep_days\": 60"));

    // Much happens: F1 is paid and the stop ends, F4 comes with a date of before, the insurer cuts again, the account
    // has another name, and the other notices go on.
    story.sandbox.set_today(day("2026-07-02"));
    let renamed = client("C1", "000000018", "40 000,00").replace("Exemple C1", "Exemple et Fils");
    world.export("clients_2.csv", format!("{CLIENTS}{renamed}").as_bytes());
    let f4 = invoice("F4", "C1", "01/06/2026", "30/06/2026", "7000,00", "7000,00");
    let f5 = invoice("F5", "C1", "15/03/2026", "14/05/2026", "1000,00", "1000,00");
    world.export("encours_3.csv", format!("{ITEMS}{}{}{f4}{f5}", f1("0,00"), later()).as_bytes());
    story.cycle("2026-07-02").await;
    story.cycle("2026-08-20").await;

    // The terms are changed too, and read.
    let file = world.path().join("encours.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace("insured_percentage = \"90\"", "insured_percentage = \"50\""))
        .unwrap();
    let changed = encours::engine::Setup::open(&encours::config::Config::load(&file).unwrap()).await.unwrap();
    run(&changed, "2026-08-21").await;
    changed.ledger.close().await;

    let again = asked("b");
    assert_eq!(again["sha256"], first["sha256"]);
    assert_eq!(folder(&world.path().join("b/evidence-exemple-siren-000000018-2026-06-20")), files);
    assert_eq!(asked("a")["written"], false, "it is there, byte for byte");
    let words = told(world, &["evidence", "C1", "--on", "2026-06-20", "--known-at", &known_at, "--out", "a"]);
    assert!(words.contains("There already, byte for byte"), "{words}");

    // Known today it is another pack: beside the first it is not written, elsewhere it is.
    let refused = encours(world, &["evidence", "C1", "--on", "2026-06-20", "--out", "a"]);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{error}");
    assert!(
        error.contains("another content") && error.contains(&format!("--known-at {known_at} makes")),
        "{error}"
    );
    assert_eq!(folder(&path), files, "nothing was written");
    let now = json(world, &["evidence", "C1", "--on", "2026-06-20", "--out", "c"]);
    assert_ne!(now["sha256"], first["sha256"]);
    let files = folder(&world.path().join("c/evidence-exemple-siren-000000018-2026-06-20"));
    let numbers: Vec<String> =
        rows(&files, "invoices.csv").into_iter().map(|mut row| row.remove("number").unwrap()).collect();
    assert_eq!(numbers, ["F1", "F2", "F3", "F5", "F4"]);
    let cover = rows(&files, "cover.csv");
    let of = |column: &str| cover.iter().map(|row| row[column].as_str()).collect::<Vec<_>>();
    assert_eq!(
        of("owed_then"),
        ["60000.00", "110000.00", "130000.00", "71000.00", "78000.00"],
        "F5 has the date of F3, and was read when F1 was paid"
    );
    assert_eq!(of("open_then"), ["60000.00", "50000.00", "20000.00", "1000.00", "7000.00"]);
    assert_eq!(of("covered_then"), ["60000.00", "0.00", "0.00", "0.00", "0.00"]);
    assert_eq!(of("why_on_day"), ["settled", "limit_used", "limit_used", "limit_used", "limit_used"]);

    let nobody = encours(world, &["evidence", "nobody", "--on", "2026-06-20"]);
    assert_eq!(nobody.status.code(), Some(1));
    let before = encours(world, &["evidence", "C1", "--on", "2026-06-20", "--known-at", "2000-01-01"]);
    assert_eq!(before.status.code(), Some(2));
    setup.ledger.close().await;
}

#[tokio::test]
async fn evidence_is_made_again_to_the_same_bytes() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        the_same_again(&ledger).await;
    }
    postgres.drop().await;
}
