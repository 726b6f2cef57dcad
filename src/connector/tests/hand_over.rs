//! Files that go out, how far they are after a crash, and the same lists as text and as workbooks.

use std::path::PathBuf;

use super::*;
use crate::format::csv::{Next, Options as CsvOptions, Rows};
use crate::format::table::Cell;
use crate::format::xlsx;
use crate::mapping::Outcome as Mapped;
use crate::model::Date;
use crate::transport::Verdict;

fn day() -> Date {
    "2026-03-10".parse().unwrap()
}

fn open(connector: &str, folder: &Path, more: &[(&str, &str)]) -> Connection {
    let (inside, out) = (folder.join("in"), folder.join("out"));
    for path in [&inside, &out] {
        std::fs::create_dir_all(path).unwrap();
    }
    let (inside, out) = (inside.to_str().unwrap(), out.to_str().unwrap());
    let mut settings = vec![("out", out)];
    if connector != "limits-file" {
        settings.extend([("folder", inside), ("policy", "POL-7")]);
    }
    if connector == "credendo" {
        let form = ["insured", "transaction_type", "insured_risk", "payment_method", "cause_of_loss"];
        settings.extend(form.map(|name| (name, "any")));
    }
    settings.extend(more);
    Connection::new(setup(load(connector, None).unwrap(), &settings, None)).unwrap()
}

fn facts(connector: &str, sample: &str) -> Vec<BTreeMap<String, String>> {
    serde_json::from_slice(&load(connector, None).unwrap().samples[sample]).unwrap()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_partner_is_told_of_a_fact_that_is_in_what_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let connection = open("insurer-files", dir.path(), &[("decimal", "comma")]);
    let rows = facts("insurer-files", "requests.json");
    for row in &rows {
        assert!(
            connection.tells("request_limit", row, ("urgent", "true")).unwrap(),
            "also where it is there already"
        );
        assert!(!connection.tells("request_limit", row, ("reason", "true")).unwrap());
        assert!(!connection.tells("find_buyer", row, ("urgent", "true")).unwrap());
        let none = BTreeMap::new();
        assert!(
            connection.tells("request_limit", &none, ("urgent", "true")).is_err(),
            "no row can be made of it"
        );
        assert!(connection.tells("request_limit", row, ("urgent", "maybe")).is_err());
    }
}

#[test]
fn a_file_is_seen_whole_or_not_at_all_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let connection = open("insurer-files", dir.path(), &[("decimal", "comma")]);
    let rows = facts("insurer-files", "requests.json");
    assert_eq!(connection.handed_over("request_limit", "7", day()).unwrap(), HandOver::NotBegun);
    let prepared = connection.hand_over("request_limit", "7", day(), &rows).unwrap();
    assert_eq!(prepared.file_name, "limit-requests_2026-03-10_7.csv");
    assert!(!prepared.path.exists(), "the partner sees nothing yet");
    assert_eq!(connection.handed_over("request_limit", "7", day()).unwrap(), HandOver::Prepared);
    assert_eq!(prepared.publish().unwrap(), Publication::Now);
    assert_eq!(connection.handed_over("request_limit", "7", day()).unwrap(), HandOver::Published);
    assert_eq!(files(&dir.path().join("out")), ["limit-requests_2026-03-10_7.csv".to_owned()].into());
    assert_eq!(prepared.publish().unwrap(), Publication::Already, "publishing again changes nothing");
    let expected = "Our reference;Action;Policy;Buyer id;Buyer name;Country;Identifier type;Identifier;Customer account;Amount;Currency;From;Payment terms in days;Urgent;Comment\r\n\
                    ENC-0001;increase;POL-7;00012;Ateliers Dorvenne SAS;FR;siren;000104000;C00012;120000,00;EUR;2026-03-10;60;yes;'=season\r\n\
                    ENC-0002;new;POL-7;;Neuville Panneaux SAS;FR;siren;000704007;C00019;25000,50;EUR;;;;\r\n";
    assert_eq!(text(&prepared.path), expected);

    let again = connection.hand_over("request_limit", "7", day(), &rows).unwrap();
    assert_eq!(again.bytes_hash, prepared.bytes_hash, "the same facts give the same bytes");
    assert_eq!(again.publish().unwrap(), Publication::Already);
    let error = connection.hand_over("request_limit", "7", day(), &rows[..1]).unwrap_err();
    assert_eq!(error.verdict(), Verdict::FixData, "{error}");
    assert!(error.to_string().contains("not overwritten"), "{error}");
    assert_eq!(text(&prepared.path), expected);
}

/// The process dies at each step of the protocol; the ledger's record is played by a flag. Whatever the step, recovery ends
/// with the partner having had exactly one file, also when it takes the file away at once.
#[test]
fn a_crash_at_any_point_leads_to_exactly_one_file() {
    for taken in [false, true] {
        for dies_after in ["part", "record", "publish", "nothing"] {
            let dir = tempfile::tempdir().unwrap();
            let connection = open("limits-file", dir.path(), &[]);
            let rows = facts("limits-file", "limits.json");
            let seen = std::cell::RefCell::new(Vec::<PathBuf>::new());
            let partner = || {
                for name in files(&dir.path().join("out")).into_iter().filter(|name| !name.starts_with('.')) {
                    let path = dir.path().join("out").join(&name);
                    if taken {
                        std::fs::remove_file(&path).unwrap();
                        seen.borrow_mut().push(path);
                    } else if !seen.borrow().contains(&path) {
                        seen.borrow_mut().push(path);
                    }
                }
            };
            let mut recorded = false;
            let prepared = connection.hand_over("write_limit", "b1", day(), &rows).unwrap();
            if dies_after != "part" {
                recorded = true;
                if dies_after != "record" {
                    prepared.publish().unwrap();
                    partner();
                }
            }
            if dies_after != "nothing" {
                drop(prepared);
                let stands = connection.handed_over("write_limit", "b1", day()).unwrap();
                if stands == HandOver::Prepared && recorded {
                    connection.prepared("write_limit", "b1", day()).unwrap().unwrap().publish().unwrap();
                } else if !stands.was_published(recorded) {
                    connection.hand_over("write_limit", "b1", day(), &rows).unwrap().publish().unwrap();
                }
                partner();
            }
            assert_eq!(seen.borrow().len(), 1, "died after {dies_after}, taken at once: {taken}");
        }
    }
}

#[test]
fn a_torn_file_is_never_published() {
    let dir = tempfile::tempdir().unwrap();
    let connection = open("limits-file", dir.path(), &[]);
    let rows = facts("limits-file", "limits.json");
    std::fs::write(dir.path().join("out/.limits-to-load_2026-03-10_b1.csv.new"), "Custo").unwrap();
    assert_eq!(connection.handed_over("write_limit", "b1", day()).unwrap(), HandOver::NotBegun);
    let prepared = connection.hand_over("write_limit", "b1", day(), &rows).unwrap();
    prepared.publish().unwrap();
    assert!(text(&prepared.path).starts_with("Customer;Customer code;Name;Operation;Amount"));
    assert!(
        text(&prepared.path).contains("18;C00018;'@Galdorne SAS;zero;0.00;EUR;"),
        "{}",
        text(&prepared.path)
    );
    assert!(text(&prepared.path).contains("19;C00019;Mirabeck GmbH;block;;;;"));
}

#[test]
fn what_does_not_fit_is_told_by_column_and_row_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let connection = open("allianz-eolis", dir.path(), &[]);
    let mut rows = facts("allianz-eolis", "requests.json");
    rows[1].remove("identifier");
    let error = connection.hand_over("request_limit", "1", day(), &rows).unwrap_err();
    assert!(error.to_string().contains("\"Identifier value, row 2\""), "{error}");
    assert_eq!(error.verdict(), Verdict::FixData);
    rows[1].insert("identifier".to_owned(), "000104000".to_owned());
    rows[1].insert("amount".to_owned(), "9e4".to_owned());
    let error = connection.hand_over("request_limit", "1", day(), &rows).unwrap_err();
    assert!(error.to_string().contains("\"9e4\" is not a number"), "{error}");
    rows[1].insert("amount".to_owned(), "90000.00".to_owned());
    rows[1].insert("identifier_scheme".to_owned(), "passport".to_owned());
    let error = connection.hand_over("request_limit", "1", day(), &rows).unwrap_err();
    assert!(error.to_string().contains("no word at this partner"), "{error}");
    assert!(connection.hand_over("request_limit", "1", day(), &[]).is_err());
    assert!(
        connection.hand_over("request_limit", "../1", day(), &rows[..1]).is_err(),
        "a batch adds no folder"
    );
    assert!(connection.hand_over("list_limits", "1", day(), &rows).is_err());
    assert_eq!(files(&dir.path().join("out")).len(), 0);
    let latin = open("limits-file", dir.path(), &[("encoding", "windows-1252")]);
    let mut rows = facts("limits-file", "limits.json");
    rows[0].insert("buyer_name".to_owned(), "Łódź".to_owned());
    let error = latin.hand_over("write_limit", "1", day(), &rows).unwrap_err();
    assert!(error.to_string().contains("the sign \"Ł\""), "{error}");
}

#[test]
fn a_workbook_goes_out_in_the_order_of_the_template_and_the_same_twice() {
    let dir = tempfile::tempdir().unwrap();
    let connection = open("allianz-eolis", dir.path(), &[]);
    let rows = facts("allianz-eolis", "requests.json");
    let one = connection.file_of("request_limit", "1", day(), &rows).unwrap();
    assert_eq!(one, connection.file_of("request_limit", "1", day(), &rows).unwrap());
    let options = xlsx::Options {
        sheet: Some("AGRDEM".into()),
        skip_rows: 0,
        decimal: crate::model::NumberStyle::Point,
    };
    let mut read = xlsx::Rows::of_bytes("f", one, &options).unwrap();
    assert_eq!(
        read.header().names(),
        [
            "Policy number",
            "Euler-ID",
            "Country code",
            "Identifier type",
            "Identifier value",
            "Customer reference",
            "Amount requested",
            "Currency",
            "Comments",
            "Credit period"
        ]
    );
    let mut row = csv::StringRecord::new();
    assert_eq!(read.next(&mut row), Next::Row(2));
    let told: Vec<_> = row.iter().collect();
    assert_eq!(told, ["0099001", "", "FR", "SIREN", "000704007", "ENC-0201", "40000", "EUR", "", "60"]);
    assert!(connection.connector.manifest.operations["request_limit"].steps.len() >= 3);
}

/// The rows of a CSV sample as a workbook, amounts as numbers and dates as texts.
fn workbook(bytes: &[u8]) -> Vec<u8> {
    let mut rows = Rows::of_bytes("s", bytes.to_vec(), &CsvOptions::default()).unwrap();
    let header = rows.header().names().to_vec();
    let (mut all, mut row) = (Vec::new(), csv::StringRecord::new());
    while let Next::Row(_) = rows.next(&mut row).unwrap() {
        let cell = |(name, text): (&String, &str)| match text {
            "" => Cell::Empty,
            text if name.contains("mount") => Cell::Number(text.to_owned()),
            text => Cell::Text(text.to_owned()),
        };
        all.push(header.iter().zip(row.iter()).map(cell).collect());
    }
    xlsx::write("List", &header, &all, day()).unwrap()
}

#[tokio::test]
async fn a_list_says_the_same_as_text_and_as_a_workbook_whatever_the_decimal_sign() {
    for connector in ["insurer-files", "credendo", "allianz-eolis"] {
        let sample = load(connector, None).unwrap().samples["limits.csv"].to_vec();
        let mut told = Vec::new();
        for (name, bytes, decimal) in [
            ("limits.csv", sample.clone(), "point"),
            ("limits.xlsx", workbook(&sample), "point"),
            ("limits.xlsx", workbook(&sample), "comma"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let connection = open(connector, dir.path(), &[("decimal", decimal)]);
            std::fs::write(dir.path().join("in").join(name), bytes).unwrap();
            let (_, records) = pull(&connection, "list_limits", None).await.unwrap();
            told.push(records.into_iter().map(|record| record.mapped).collect::<Vec<_>>());
        }
        assert_eq!(told[0], told[1], "{connector}");
        assert_eq!(told[0], told[2], "{connector}");
        assert!(told[0].iter().any(|mapped| matches!(mapped.outcome, Mapped::Limit(_))), "{connector}");
    }
}

#[tokio::test]
async fn one_list_gives_limits_and_requests_and_is_archived_once() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("archive");
    let connection = open("credendo", dir.path(), &[("archive", archive.to_str().unwrap())]);
    let sample = load("credendo", None).unwrap().samples["limits.csv"].to_vec();
    std::fs::write(dir.path().join("in/limits.csv"), &sample).unwrap();
    let (limits, records) = pull(&connection, "list_limits", None).await.unwrap();
    assert_eq!(records.len(), 4, "neither the contract approval nor the application is a limit");
    assert!(records.iter().any(|record| record.mapped.unknown.iter().any(|code| code.code == "SUSPENDED")));
    let (requests, records) = pull(&connection, "list_requests", None).await.unwrap();
    assert_eq!(records.len(), 1);
    let Mapped::Request(request) = &records[0].mapped.outcome else { panic!("{records:?}") };
    assert_eq!(request.our_reference.as_deref(), Some("ENC-0103"));
    connection.archive(&[limits.files, requests.files].concat(), day()).unwrap();
    assert_eq!(files(&archive.join("2026-03-10")).len(), 1);
    let headless = String::from_utf8(sample).unwrap().replacen(";Type;", ";Sort;", 1);
    std::fs::write(dir.path().join("in/limits.csv"), headless).unwrap();
    let error = pull(&connection, "list_limits", None).await.unwrap_err();
    assert!(error.to_string().contains("it has no column \"Type\""), "{error}");
}

#[test]
fn folders_that_files_go_out_to_are_tried_before_they_are_needed() {
    let dir = tempfile::tempdir().unwrap();
    let connection = open("limits-file", dir.path(), &[]);
    assert_eq!(connection.out_problems(), Vec::<String>::new());
    assert!(connection.pulls().is_empty(), "an ERP behind a file is only written to");
    assert_eq!(files(&dir.path().join("out")).len(), 0, "trying leaves nothing behind");
    std::fs::remove_dir(dir.path().join("out")).unwrap();
    assert_eq!(connection.out_problems().len(), 1);
    let rows = facts("limits-file", "limits.json");
    let error = connection.hand_over("write_limit", "b", day(), &rows).unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryLater { after: None }, "{error}");
    assert!(connection.handed_over("write_limit", "b", day()).is_err(), "a folder that is gone is no answer");

    let settings = [("folder", dir.path().to_str().unwrap())];
    let reader = Connection::new(setup(load("insurer-files", None).unwrap(), &settings, None)).unwrap();
    assert!(reader.has("list_limits") && !reader.has("request_limit"), "without a folder nothing goes out");
    assert!(reader.out_problems().is_empty());
    let error = reader.hand_over("request_limit", "b", day(), &rows).unwrap_err();
    assert_eq!(error.verdict(), Verdict::FixConfiguration, "{error}");
}

#[test]
fn what_a_manifest_of_files_gets_wrong_is_told() {
    let manifest = r#"
[connector]
id = "shop"
name = "Shop"
role = "erp"
transport = "files"
status = "unverified"
[settings]
out = { type = "string", help = "f" }
[operations.write_limit]
file = "{batch}_{when}.csv"
folder = "{out}"
format = { kind = "csv", sheat = "x" }
body = "limit"
codes = { colour = { red = "1" } }
"#;
    let told = |mapping: &str| {
        super::manifest::user_connector(manifest, &[("limit", mapping)]).unwrap_err().to_string()
    };
    let all = told("[send.limit]\nA = \"amount\"\nB = \"price\"\n");
    for expected in [
        "{when} is not known here; known are batch, date, out",
        "unknown key \"sheat\"",
        "{price} is not known here",
        "\"colour\" is not a fact of write_limit",
    ] {
        assert!(all.contains(expected), "{expected}\n{all}");
    }
    assert!(told("[send.limit]\njq = \".\"\n").contains("made by a filter"));
    assert!(told("[send.other]\nA = \"amount\"\n").contains("no [send.limit]"));
}

#[test]
fn a_connector_that_writes_limits_says_how_a_refusal_is_told() {
    let told = |capabilities: &str| {
        let manifest = format!(
            "[connector]\nid = \"shop\"\nname = \"Shop\"\nrole = \"erp\"\ntransport = \"files\"\nstatus = \"unverified\"\n\
             {capabilities}[settings]\nout = {{ type = \"string\", help = \"f\" }}\n[operations.write_limit]\n\
             file = \"{{batch}}.csv\"\nfolder = \"{{out}}\"\nformat = {{ kind = \"csv\" }}\nbody = \"limit\"\n"
        );
        let loaded =
            super::manifest::user_connector(&manifest, &[("limit", "[send.limit]\nA = \"account\"\n")]);
        loaded.err().map(|error| error.to_string())
    };
    let able = |words: &str| told(&format!("[connector.capabilities]\n{words}\n"));
    let missing = told("").unwrap();
    assert!(missing.contains("connector.toml:9:1: a connector with write_limit says in"), "{missing}");
    let empty = able("limit_operations = []").unwrap();
    assert!(empty.contains("connector.toml:8:20: a connector with write_limit says in"), "{empty}");
    let unable = able("limit_operations = [\"set\", \"remove\"]").unwrap();
    assert!(unable.contains("connector.toml:8:20: limit_operations has neither zero nor block"), "{unable}");
    let unlimited = able("zero_is_unlimited = true\nlimit_operations = [\"set\"]").unwrap();
    assert!(
        unlimited.contains("connector.toml:9:20") && unlimited.contains("takes 0 for \"no limit\""),
        "{unlimited}"
    );
    let unknown = able("limit_operations = [\"zero\", \"nil\"]").unwrap();
    assert!(unknown.contains("\"nil\" is none of set, zero, remove, block"), "{unknown}");
    for good in ["\"set\", \"zero\"", "\"set\", \"block\""] {
        assert_eq!(able(&format!("zero_is_unlimited = true\nlimit_operations = [{good}]")), None);
    }
}

/// Limits by buyer, and the references of requests, as a pull of the portal's list gives them.
async fn listed(connection: &Connection) -> Result<(BTreeMap<String, i64>, Vec<Option<String>>), Error> {
    let (_, limits) = pull(connection, "list_limits", None).await?;
    let (_, requests) = pull(connection, "list_requests", None).await?;
    let limits = limits.iter().map(|record| {
        let Mapped::Limit(limit) = &record.mapped.outcome else { panic!("{record:?}") };
        (limit.insurer_buyer_id.clone(), limit.amount_minor)
    });
    let requests = requests.iter().map(|record| {
        let Mapped::Request(request) = &record.mapped.outcome else { panic!("{record:?}") };
        request.our_reference.clone()
    });
    Ok((limits.collect(), requests.collect()))
}

#[tokio::test]
async fn the_portal_takes_what_is_handed_over_and_its_list_comes_back() {
    use crate::sandbox::Insurer as _;
    use crate::sandbox::credendo::{Form, Sandbox, Setup};
    use crate::sandbox::fault::{Calls, FaultKind};
    for (form, format) in [(Form::Csv, "csv"), (Form::Xlsx, "xlsx")] {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(Setup::demo(3, day()), dir.path(), form).unwrap();
        // What goes out of here goes into the portal.
        let (inside, out) = (dir.path().join("out"), dir.path().join("in"));
        let more = [
            ("folder", inside.to_str().unwrap()),
            ("out", out.to_str().unwrap()),
            ("policy", "C-2200"),
            ("format", format),
        ];
        let connection = open("credendo", &dir.path().join("unused"), &more);
        let rows = facts("credendo", "applications.json");
        connection.hand_over("request_limit", "b1", day(), &rows).unwrap();
        assert!(sandbox.exchange().unwrap().taken.is_empty(), "a hidden file is not there for the portal");
        connection.prepared("request_limit", "b1", day()).unwrap().unwrap().publish().unwrap();
        let done = sandbox.exchange().unwrap();
        assert_eq!((done.taken.len(), done.refused), (1, Vec::new()), "{format}");
        let accepted = sandbox.accepted();
        let told: Vec<_> =
            accepted.iter().map(|request| (request.reference.as_deref(), request.amount_minor)).collect();
        assert_eq!(told, [(Some("ENC-0105"), 4_500_000), (Some("ENC-0106"), 7_500_000)]);
        assert_eq!(connection.handed_over("request_limit", "b1", day()).unwrap(), HandOver::NotBegun);

        let (limits, _) = listed(&connection).await.unwrap();
        assert_eq!(limits, sandbox.limits(), "{format}");
        sandbox.set_today(day() + chrono::Days::new(10));
        let (limits, requests) = listed(&connection).await.unwrap();
        assert_eq!(
            (&limits, requests.len()),
            (&sandbox.limits(), 0),
            "{format}: every application is decided"
        );

        assert!(sandbox.spoil(Calls::Read, 1, FaultKind::Truncated));
        sandbox.exchange().unwrap();
        let error = listed(&connection).await.unwrap_err();
        assert_eq!(
            error.verdict(),
            Verdict::FixData,
            "{format}: a list that was cut is refused whole: {error}"
        );
        for kind in [FaultKind::Repeated, FaultKind::Reordered] {
            assert!(sandbox.spoil(Calls::Read, 1, kind));
            sandbox.exchange().unwrap();
            assert_eq!(listed(&connection).await.unwrap().0, limits, "{format}");
        }
    }
}
