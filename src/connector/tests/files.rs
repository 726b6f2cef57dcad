//! Pulls from folders of files.

use super::*;
use crate::demo::{Day, Demo};
use crate::mapping::Outcome as Mapped;
use crate::model::Date;
use crate::transport::Verdict;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn csv(folder: &Path, more: &[(&str, &str)]) -> Connection {
    let folder = folder.to_str().unwrap();
    let settings: Vec<_> = [("folder", folder)].iter().chain(more).copied().collect();
    Connection::new(setup(load("csv", None).unwrap(), &settings, None)).unwrap()
}

const HEADER: &str = "Pièce;Code client;Date pièce;Échéance;Montant;Reste dû\n";

fn write(folder: &Path, name: &str, rows: &str) {
    std::fs::write(folder.join(name), format!("{HEADER}{rows}")).unwrap();
}

#[tokio::test]
async fn the_files_of_the_demo_are_read_as_it_foretells() {
    let demo = Demo::new(7, day("2026-03-10"));
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in Day::ALL.iter().flat_map(|day| demo.export(*day)) {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let connection = csv(dir.path(), &[]);
    let expected = demo.expected(Day::Second);

    let (customers, records) = pull(&connection, "customers", None).await.unwrap();
    assert_eq!(
        (customers.read, customers.mode, customers.files.len()),
        (expected.accounts as u64, Mode::Snapshot, 2)
    );
    assert!(
        records
            .iter()
            .all(|record| matches!(record.mapped.outcome, Mapped::Account(_)) && record.raw.is_none())
    );

    let (invoices, records) = pull(&connection, "invoices", None).await.unwrap();
    assert_eq!(invoices.read, expected.rows as u64);
    let stamp = demo.date(Day::Second).format("%Y%m%d");
    assert_eq!(&*records[0].place.source, format!("encours_{stamp}.csv").as_str(), "the newest by name");
    let bad: Vec<_> =
        records.iter().filter(|record| matches!(record.mapped.outcome, Mapped::Bad(_))).collect();
    // A repeated number is a matter of the ledger; every other defect shows in its own row.
    assert_eq!(bad.len(), expected.bad - 1);
    assert!(bad.iter().all(|record| record.raw.as_ref().is_some_and(|raw| raw.contains("\"Pièce\":\"FD"))));
    let mut outstanding = BTreeMap::new();
    for record in records.iter().filter(|record| matches!(record.mapped.outcome, Mapped::Item(_))) {
        *outstanding.entry(record.mapped.control.0).or_insert(0) += record.mapped.control.1;
    }
    let repeated = 1;
    assert_eq!(records.len() - bad.len(), expected.good + repeated);
    for (currency, totals) in &expected.outstanding {
        if *currency != Currency::EUR {
            assert_eq!(outstanding[currency], totals.sum_minor, "{currency}");
        }
    }
    assert!(records.iter().all(|record| record.mapped.unknown.is_empty()), "every type of the demo is known");
}

#[tokio::test]
async fn a_row_of_another_width_is_one_bad_record_with_all_its_fields() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "encours.csv",
        "F1;C1;01/02/2026;01/03/2026;10,00;10,00\nF2;C1;01/02/2026;01/03/2026;10,00;10,00;stray\nF3;C1;01/02/2026;01/03/2026;10,00;10,00\n",
    );
    let (pulled, records) = pull(&csv(dir.path(), &[]), "invoices", None).await.unwrap();
    assert_eq!(pulled.read, 3);
    assert!(
        matches!(&records[1].mapped.outcome, Mapped::Bad(faults) if faults[0].to_string() == "row: the row has 7 fields, the header 6")
    );
    let raw: serde_json::Value = serde_json::from_str(records[1].raw.as_ref().unwrap()).unwrap();
    assert_eq!((raw["Pièce"].as_str(), raw["column 7"].as_str()), (Some("F2"), Some("stray")));
    assert_eq!(records[1].place.to_string(), "encours.csv:3");
}

#[tokio::test]
async fn a_cut_file_and_a_wrong_one_are_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "encours.csv", "F1;C1;01/02/2026;01/03/2026;10,00;10,00\nF2;C1;01/0");
    let error = pull(&csv(dir.path(), &[]), "invoices", None).await.unwrap_err();
    assert!(error.to_string().contains("cut"), "{error}");
    assert_eq!(error.verdict(), Verdict::FixData);
    std::fs::write(dir.path().join("encours.csv"), "a;b\n1;2\n").unwrap();
    let error = pull(&csv(dir.path(), &[]), "invoices", None).await.unwrap_err();
    assert!(error.to_string().contains("no column for number"), "{error}");
}

#[tokio::test]
async fn no_file_is_not_an_empty_file() {
    let dir = tempfile::tempdir().unwrap();
    let connection = csv(dir.path(), &[]);
    let error = pull(&connection, "invoices", None).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryLater { after: None }, "{error}");
    let (pulled, records) = pull(&connection, "customers", None).await.unwrap();
    assert_eq!(
        (pulled.mode, pulled.read, records.len()),
        (Mode::Incremental, 0, 0),
        "an optional file that is not there closes nothing"
    );
    let error = pull(&csv(&dir.path().join("gone"), &[]), "invoices", None).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryLater { after: None }, "{error}");
    let error = pull(&csv(dir.path(), &[("invoices_file", "../*.csv")]), "invoices", None).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::FixConfiguration, "{error}");
    let error = pull(&connection, "allocations", None).await.unwrap_err();
    assert!(error.to_string().contains("it has: customers, invoices, orders, receipts"), "{error}");
    assert_eq!(connection.pulls(), ["customers", "invoices", "receipts", "orders"]);
}

#[tokio::test]
async fn older_versions_are_archived_with_the_one_that_replaces_them() {
    let dir = tempfile::tempdir().unwrap();
    for stamp in ["20260301", "20260302"] {
        write(
            dir.path(),
            &format!("encours_{stamp}.csv"),
            &format!("F{stamp};C1;01/02/2026;01/03/2026;10,00;10,00\n"),
        );
    }
    let archive = dir.path().join("archive");
    let connection = csv(dir.path(), &[("archive", archive.to_str().unwrap())]);
    let (pulled, records) = pull(&connection, "invoices", None).await.unwrap();
    assert_eq!((records.len(), pulled.files.len()), (1, 2));
    connection.archive(&pulled.files, day("2026-03-02")).unwrap();
    assert_eq!(files(&archive.join("2026-03-02")).len(), 2);
    let error = pull(&connection, "invoices", None).await.unwrap_err();
    assert!(
        matches!(error, Error::NoFile { .. }),
        "yesterday's file must not come back as the newest: {error}"
    );

    let kept = csv(dir.path(), &[]);
    write(dir.path(), "encours_20260303.csv", "");
    let (pulled, _) = pull(&kept, "invoices", None).await.unwrap();
    kept.archive(&pulled.files, day("2026-03-03")).unwrap();
    assert!(pulled.files[0].exists(), "without the setting files stay");
    assert_eq!(
        (pulled.mode, pulled.read),
        (Mode::Snapshot, 0),
        "a header alone is an empty ledger, and says so"
    );
}

#[tokio::test]
async fn a_ledger_of_entries_gives_open_items() {
    let folder = root().join("connectors/fec/samples");
    let settings =
        [("folder", folder.to_str().unwrap()), ("file", "opening-entries.txt"), ("opening", "skip")];
    let connection = Connection::new(setup(load("fec", None).unwrap(), &settings, None)).unwrap();
    let (skipped, _) = pull(&connection, "invoices", None).await.unwrap();
    let settings =
        [("folder", folder.to_str().unwrap()), ("file", "opening-entries.txt"), ("terms_days", "60")];
    let connection = Connection::new(setup(load("fec", None).unwrap(), &settings, None)).unwrap();
    let (kept, records) = pull(&connection, "invoices", None).await.unwrap();
    assert!(kept.read > skipped.read, "opening entries are items: {} > {}", kept.read, skipped.read);
    let open: i64 = records.iter().map(|record| record.mapped.control.1).sum();
    assert_eq!(open, 141_440, "the receivable balance of the samples' README");
    let Mapped::Item(item) = &records.last().unwrap().mapped.outcome else { panic!("{records:?}") };
    assert!(item.item.due_estimated && item.item.due == item.item.issued + chrono::Days::new(60));
    let error =
        Connection::new(setup(load("fec", None).unwrap(), &[("folder", "x"), ("opening", "maybe")], None))
            .unwrap_err();
    assert!(error.to_string().contains("it is one of keep, skip"), "{error}");
}

#[tokio::test]
async fn whoever_stops_listening_ends_the_pull() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "encours.csv", &"F1;C1;01/02/2026;01/03/2026;10,00;10,00\n".repeat(20_000));
    let (out, records) = tokio::sync::mpsc::channel(1);
    drop(records);
    let error = csv(dir.path(), &[]).pull("invoices", None, out).await.unwrap_err();
    assert!(matches!(error, Error::GivenUp), "{error}");
}

#[tokio::test]
async fn a_json_document_is_read_where_the_manifest_says_and_all_files_are_one_pull() {
    let manifest = r#"
[connector]
id = "shop"
name = "Shop"
role = "erp"
transport = "files"
status = "unverified"
[settings]
folder = { type = "string", required = true, help = "f" }
[files]
folder = "{folder}"
[operations.customers]
file = "*.json"
all = true
format = { kind = "json" }
records = "rows"
shape = '.records | map(select(.name))'
mode = "snapshot"
"#;
    let mapping = ("customer", "[customer]\nexternal_id = \"id\"\nname = \"name\"\n");
    let connector =
        super::manifest::user_connector(manifest, &[mapping]).unwrap_or_else(|error| panic!("{error}"));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("b.json"), r#"{"rows":[{"id":"00012","name":"x"},{"id":2}]}"#).unwrap();
    std::fs::write(dir.path().join("a.json"), r#"{"rows":[{"id":1,"name":"y"}]}"#).unwrap();
    let connection =
        Connection::new(setup(connector, &[("folder", dir.path().to_str().unwrap())], None)).unwrap();
    let (pulled, records) = pull(&connection, "customers", None).await.unwrap();
    let ids: Vec<_> = records.iter().map(|record| format!("{} {:?}", record.place, record.raw)).collect();
    assert_eq!(
        (ids.as_slice(), pulled.files.len()),
        (["a.json:1 None".to_owned(), "b.json:1 None".to_owned()].as_slice(), 2)
    );
    std::fs::write(dir.path().join("c.json"), r#"{"rows":"#).unwrap();
    let error = pull(&connection, "customers", None).await.unwrap_err();
    assert!(error.to_string().contains("c.json is refused whole"), "{error}");
}
