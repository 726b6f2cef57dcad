//! Batches for a factor through the whole program, on both databases: selected, made, approved by another, handed over once.

use std::collections::BTreeSet;
use std::path::Path;

use encours::clock;
use encours::engine::Setup;
use encours::engine::assignments::{
    Error, Made, Received, Wanted, approve, by_hand, discard, make, plan, received, send,
};
use encours::factoring::{Refusal, Stated};
use encours::ledger::{AssignmentRow, BatchState};
use encours::model::{Allocation, Currency, Date};
use encours::transport::drop;

use super::cycle::{client, invoice};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, errors, run};

const CONTRACT: &str = r#"factor = "Exemple Factor"
number = "54321"
connection = "factor"
valid_from = "2026-01-01"
countries = ["FR", "BE"]
minimum_amount = "100.00"
recourse_days = 60
holdback_percent = "10"
excluded_buyers = [{ kind = "affiliate", siren = "005520135" }]

[batches]
first = 7

[e_invoicing]
status = "225"
iban = "FR92 0000 0000 0000 0000 0000 197"
holder = "Exemple Factor"

[[buyer]]
siren = "404833048"
factor_id = "0001234"
approval = "2000.00"
"#;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// A company with two buyers, a contract with a factor, and a folder from which the factor takes files.
async fn world(ledger: &str) -> (World, Setup) {
    world_under(ledger, "out = \"to-factor\", ", CONTRACT).await
}

async fn world_under(ledger: &str, way: &str, contract: &str) -> (World, Setup) {
    let world = World::new(ledger).with_csv().with(&format!(
        "[[connection]]\nid = \"factor\"\nconnector = \"eurofactor\"\nsettings = {{ {way}sender_domestic = \"11111\", \
         sender_export = \"22222\", client = \"54321\" }}"
    ));
    std::fs::create_dir(world.path().join("contracts")).unwrap();
    std::fs::create_dir(world.path().join("to-factor")).unwrap();
    std::fs::write(world.path().join("contracts/exemple.toml"), contract).unwrap();
    let setup = world.setup().await;
    let clients =
        client("C1", "404833048", "") + &client("C2", "005520135", "") + &client("C3", "000000018", "");
    world.export("clients_1.csv", format!("{CLIENTS}{clients}").as_bytes());
    (world, setup)
}

fn items() -> String {
    invoice("F1", "C1", "02/03/2026", "30/04/2026", "1150,00", "1150,00")
        + &invoice("F2", "C1", "05/03/2026", "30/04/2026", "1500,00", "1000,00")
        + &invoice("F3", "C2", "05/03/2026", "30/04/2026", "500,00", "500,00")
        + &invoice("F4", "C3", "05/03/2026", "30/04/2026", "500,00", "500,00")
        + &invoice("F5", "C1", "05/03/2026", "30/04/2026", "99,99", "99,99")
        + "Avoir;A1;C1;Exemple C1;06/03/2026;06/03/2026;EUR;150,00;150,00;N;\n"
        + "Avoir;A2;C3;Exemple C3;06/03/2026;06/03/2026;EUR;10,00;10,00;N;\n"
}

fn wanted<'s>(setup: &'s Setup, on: &str) -> Wanted<'s> {
    Wanted { contract: &setup.contracts[0], currency: Currency::EUR, on: day(on), statement_date: None }
}

async fn made(setup: &Setup, on: &str) -> Result<Made, Error> {
    make(setup, &wanted(setup, on), "Alix", clock::now()).await
}

async fn row(setup: &Setup, id: &str) -> AssignmentRow {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.assignments("exemple").await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter().find(|row| row.id == id).unwrap()
}

/// What a folder shows: names and bytes, hidden ones left out.
fn shown(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    files.sort();
    files
}

fn numbers(made: &Made) -> Vec<&str> {
    made.batch.documents.iter().map(|own| own.document.number.as_str()).collect()
}

fn refused(result: Result<impl std::fmt::Debug, Error>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_batch_is_selected_made_approved_by_another_and_handed_over_once() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = world(&ledger).await;
        world.export("encours_1.csv", format!("{ITEMS}{}", items()).as_bytes());
        run(&setup, "2026-03-10").await;

        let mut tx = setup.ledger.read().await.unwrap();
        let planned = plan(&setup, &mut tx, &wanted(&setup, "2026-03-10")).await.unwrap();
        tx.rollback().await.unwrap();
        let why: Vec<(&str, Refusal)> =
            planned.refused.iter().map(|own| (own.document.number.as_str(), own.reason)).collect();
        assert_eq!(
            why,
            [
                ("F5", Refusal::BelowMinimum),
                ("F3", Refusal::Affiliate),
                ("F4", Refusal::UnknownBuyer),
                ("A2", Refusal::UnknownBuyer)
            ]
        );
        // 1 150.00 and 1 000.00 less 150.00; 10 % is kept of each, and 2 000.00 less 200.00 is within the approval.
        assert_eq!((planned.totals.invoices_minor, planned.totals.credit_notes_minor), (215_000, 15_000));
        assert_eq!(planned.sum.amount_minor, 200_000);
        assert_eq!((planned.sum.holdback_minor, planned.sum.excess_minor), (20_000, 0));

        let batch = made(&setup, "2026-03-10").await.unwrap();
        let id = batch.batch.row.id.clone();
        assert_eq!((batch.batch.row.number, numbers(&batch)), (7, vec!["F1", "F2", "A1"]));
        assert_eq!(batch.batch.row.totals.0, planned.totals);
        assert_eq!(batch.batch.documents[1].document.amount_minor, 100_000, "what is open of it");
        let [file] = batch.batch.files.as_slice() else { panic!("{:?}", batch.batch.files) };
        assert_eq!(file.content.len(), 3 * 242);
        assert!(shown(&world.path().join("to-factor")).is_empty(), "making sends nothing");

        assert!(
            refused(send(&setup, &id, "Alix", clock::now()).await).contains("only an approved batch is sent")
        );
        assert!(
            refused(approve(&setup, &id, "Alix", clock::now()).await)
                .contains("another person has to approve it")
        );
        approve(&setup, &id, "Dominique", clock::now()).await.unwrap();
        assert!(refused(approve(&setup, &id, "Dominique", clock::now()).await).contains("is approved"));
        send(&setup, &id, "Dominique", clock::now()).await.unwrap();
        let there = shown(&world.path().join("to-factor"));
        assert_eq!(there, [(file.file_name.clone(), file.content.clone())]);
        assert_eq!(row(&setup, &id).await.state().unwrap(), BatchState::Sent);
        assert!(refused(send(&setup, &id, "Dominique", clock::now()).await).contains("is sent"));
        assert!(refused(discard(&setup, &id, "Alix", "wrong", clock::now()).await).contains("is sent"));

        // The fact is said once, with its figures.
        let mut tx = setup.ledger.read().await.unwrap();
        let deltas = tx.deltas("exemple", 100).await.unwrap();
        let steps = tx.assignment_steps(&id).await.unwrap();
        tx.rollback().await.unwrap();
        let sent: Vec<&str> = deltas
            .iter()
            .filter(|delta| delta.event == "assignment.sent")
            .map(|delta| delta.summary.as_str())
            .collect();
        assert_eq!(
            sent,
            ["Batch 7 of the contract 54321 with Exemple Factor went out: 3 documents, 2 000.00 EUR."]
        );
        let told: Vec<(&str, &str)> =
            steps.iter().map(|step| (step.state.as_str(), step.done_by.as_str())).collect();
        assert_eq!(
            told,
            [("made", "Alix"), ("approved", "Dominique"), ("sending", "Dominique"), ("sent", "Dominique")]
        );

        // The same documents never go again; what is new does, with the next number and with what is left of the approval.
        assert!(refused(made(&setup, "2026-03-11").await).contains("there is nothing to assign"));
        let f6 = invoice("F6", "C1", "11/03/2026", "30/05/2026", "1000,00", "1000,00");
        world.export("encours_2.csv", format!("{ITEMS}{}{f6}", items()).as_bytes());
        run(&setup, "2026-03-11").await;
        let next = made(&setup, "2026-03-11").await.unwrap();
        assert_eq!((next.batch.row.number, numbers(&next)), (8, vec!["F6"]));
        // Before: 2 000.00 owed, 200.00 kept. 3 000.00 less 300.00 is 700.00 beyond 2 000.00.
        assert_eq!(
            (next.batch.row.financed.excess_minor, next.batch.row.financed.available_minor),
            (70_000, 20_000)
        );
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn a_batch_that_is_discarded_gives_its_number_and_its_documents_back() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = world(&ledger).await;
        world.export("encours_1.csv", format!("{ITEMS}{}", items()).as_bytes());
        run(&setup, "2026-03-10").await;
        let first = made(&setup, "2026-03-10").await.unwrap().batch;
        assert!(
            refused(made(&setup, "2026-03-10").await)
                .contains("batch 7 of the contract 54321 with Exemple Factor is made")
        );
        discard(&setup, &first.row.id, "Alix", "a wrong discount", clock::now()).await.unwrap();
        let second = made(&setup, "2026-03-10").await.unwrap().batch;
        assert_eq!(second.row.number, first.row.number, "no gap");
        assert_ne!(second.row.id, first.row.id);
        assert_eq!(
            second.files[0].content, first.files[0].content,
            "the same documents, the same day, the same bytes"
        );
        assert!(refused(approve(&setup, &first.row.id, "Dominique", clock::now()).await).contains("is void"));
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

/// Sets a credit note against an invoice, as an ERP does that reads allocations.
async fn set_against(setup: &Setup, credit_note: &str, invoice: &str, amount_minor: i64) {
    let allocation = Allocation {
        external_id: format!("{credit_note}-{invoice}"),
        from: credit_note.to_owned(),
        to: invoice.to_owned(),
        currency: Currency::EUR,
        amount_minor,
        date: day("2026-03-01"),
    };
    let mut tx = setup.ledger.begin().await.unwrap();
    tx.land_allocations("erp", &[allocation], clock::now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_credit_note_goes_with_what_it_takes_off_an_invoice_that_the_factor_has() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = world(&ledger).await;
        let f = |number: &str, open: &str| invoice(number, "C1", "02/03/2026", "30/04/2026", "1000,00", open);
        let a = |number: &str, open: &str| {
            format!("Avoir;{number};C1;Exemple C1;06/03/2026;06/03/2026;EUR;300,00;{open};N;\n")
        };
        // A1 has lowered F1 before it is assigned: F1 goes with what is left of it.
        world
            .export("encours_1.csv", format!("{ITEMS}{}{}", f("F1", "900,00"), a("A1", "200,00")).as_bytes());
        run(&setup, "2026-03-09").await;
        let mut tx = setup.ledger.read().await.unwrap();
        let key: std::collections::BTreeMap<String, String> = tx
            .assignable("exemple", "Exemple Factor", "54321")
            .await
            .unwrap()
            .into_iter()
            .map(|row| (row.number, row.external_id))
            .collect();
        tx.rollback().await.unwrap();
        set_against(&setup, &key["A1"], &key["F1"], 10_000).await;
        let batch = made(&setup, "2026-03-10").await.unwrap().batch;
        let sums = |batch: &encours::ledger::NewAssignment| -> Vec<(String, i64, Option<String>)> {
            let own = |own: &encours::ledger::AssignmentDocumentRow| {
                (own.document.number.clone(), own.document.amount_minor, own.document.credits.clone())
            };
            batch.documents.iter().map(own).collect()
        };
        assert_eq!(sums(&batch), [("F1".into(), 90_000, None), ("A1".into(), 20_000, Some("F1".into()))]);
        approve(&setup, &batch.row.id, "Dominique", clock::now()).await.unwrap();
        send(&setup, &batch.row.id, "Dominique", clock::now()).await.unwrap();

        // A2 lowers F1 afterwards, partly; A3 does it wholly and is settled by that. Both are still to be told.
        let open = f("F1", "500,00") + &a("A2", "200,00") + &a("A3", "300,00") + &a("A1", "200,00");
        world.export("encours_2.csv", format!("{ITEMS}{open}").as_bytes());
        run(&setup, "2026-03-11").await;
        let mut tx = setup.ledger.read().await.unwrap();
        let rows = tx.assignable("exemple", "Exemple Factor", "54321").await.unwrap();
        tx.rollback().await.unwrap();
        let key_of = |number: &str| rows.iter().find(|row| row.number == number).unwrap().external_id.clone();
        set_against(&setup, &key_of("A2"), &key["F1"], 10_000).await;
        set_against(&setup, &key_of("A3"), &key["F1"], 30_000).await;
        let open = f("F1", "500,00") + &a("A2", "200,00") + &a("A1", "200,00");
        world.export("encours_3.csv", format!("{ITEMS}{open}").as_bytes());
        run(&setup, "2026-03-12").await;
        let batch = made(&setup, "2026-03-12").await.unwrap().batch;
        assert_eq!(
            sums(&batch),
            [("A2".into(), 30_000, Some("F1".into())), ("A3".into(), 30_000, Some("F1".into()))]
        );
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn what_is_assigned_to_one_factor_is_not_assigned_to_another() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = world(&ledger).await;
        let other =
            CONTRACT.replace("54321", "98765").replace("Exemple Factor\"\nnumber", "Autre Factor\"\nnumber");
        std::fs::write(world.path().join("contracts/other.toml"), other).unwrap();
        setup.ledger.close().await;
        let setup = world.setup().await;
        world.export("encours_1.csv", format!("{ITEMS}{}", items()).as_bytes());
        run(&setup, "2026-03-10").await;
        made(&setup, "2026-03-10").await.unwrap();
        let second = Wanted { contract: &setup.contracts[1], ..wanted(&setup, "2026-03-10") };
        let mut tx = setup.ledger.read().await.unwrap();
        let planned = plan(&setup, &mut tx, &second).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(planned.documents, []);
        let elsewhere = planned.refused.iter().filter(|own| own.reason == Refusal::AssignedElsewhere);
        let numbers: Vec<&str> = elsewhere.map(|own| own.document.number.as_str()).collect();
        assert_eq!(numbers, ["F1", "F2", "A1"]);
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn numbers_and_contracts_come_to_an_end() {
    let short = CONTRACT
        .replace("first = 7", "first = 7\nlast = 7")
        .replace("valid_from = \"2026-01-01\"", "valid_from = \"2026-01-01\"\nvalid_to = \"2026-03-31\"");
    let (world, setup) = world_under(&sqlite(), "out = \"to-factor\", ", &short).await;
    world.export("encours_1.csv", format!("{ITEMS}{}", items()).as_bytes());
    run(&setup, "2026-03-10").await;
    assert!(refused(made(&setup, "2026-04-01").await).contains("the contract 54321 ended on 2026-03-31"));
    let id = made(&setup, "2026-03-31").await.unwrap().batch.row.id;
    approve(&setup, &id, "Dominique", clock::now()).await.unwrap();
    send(&setup, &id, "Dominique", clock::now()).await.unwrap();
    let f6 = invoice("F6", "C1", "11/03/2026", "30/05/2026", "1000,00", "1000,00");
    world.export("encours_2.csv", format!("{ITEMS}{}{f6}", items()).as_bytes());
    run(&setup, "2026-03-31").await;
    assert!(refused(made(&setup, "2026-03-31").await).contains("are used up: 8 would be the next"));
    setup.ledger.close().await;
}

#[tokio::test]
async fn of_two_batches_made_at_once_one_is_kept() {
    let postgres = Postgres::new().await;
    let (world, setup) = world(&postgres.url).await;
    world.export("encours_1.csv", format!("{ITEMS}{}", items()).as_bytes());
    run(&setup, "2026-03-10").await;
    let both = futures_util::future::join(made(&setup, "2026-03-10"), made(&setup, "2026-03-10")).await;
    let kept: BTreeSet<bool> = [both.0.is_ok(), both.1.is_ok()].into();
    assert_eq!(kept, [false, true].into(), "{both:?}");
    let told = both.0.err().or(both.1.err()).unwrap().to_string();
    assert!(
        told.contains("was made at the same time") || told.contains("is made: send it or discard it"),
        "{told}"
    );
    let mut tx = setup.ledger.read().await.unwrap();
    assert_eq!(tx.assignments("exemple").await.unwrap().len(), 1);
    tx.rollback().await.unwrap();
    setup.ledger.close().await;
    postgres.drop().await;
}

#[tokio::test]
async fn a_crash_between_two_steps_leads_to_one_file() {
    let taken = |folder: &Path, name: &str| std::fs::remove_file(folder.join(name)).unwrap();
    for crash in ["hidden", "named", "taken", "elsewhere"] {
        let (world, setup) = world(&sqlite()).await;
        world.export("encours_1.csv", format!("{ITEMS}{}", items()).as_bytes());
        run(&setup, "2026-03-10").await;
        let batch = made(&setup, "2026-03-10").await.unwrap().batch;
        let id = batch.row.id.as_str();
        approve(&setup, id, "Dominique", clock::now()).await.unwrap();
        let (folder, file) = (world.path().join("to-factor"), &batch.files[0]);
        // The state in which a process died: "sending" is committed, the proof is not.
        let part = drop::prepare(&folder, &file.file_name, &file.content).unwrap();
        let mut tx = setup.ledger.begin().await.unwrap();
        let moved = tx
            .move_assignment(
                id,
                BatchState::Approved,
                BatchState::Sending,
                "Dominique",
                &format!(
                    "handed over into {}",
                    if crash == "elsewhere" { world.path() } else { &folder }
                        .canonicalize()
                        .unwrap()
                        .display()
                ),
                clock::now(),
            )
            .await
            .unwrap();
        assert!(moved);
        tx.commit().await.unwrap();
        if crash != "hidden" {
            drop::publish(&part, &folder.join(&file.file_name)).unwrap();
        }
        if crash == "taken" {
            taken(&folder, &file.file_name);
        }
        if crash == "elsewhere" {
            assert!(
                refused(send(&setup, id, "Dominique", clock::now()).await).contains("put its folder back")
            );
            assert_eq!(row(&setup, id).await.state().unwrap(), BatchState::Sending);
            continue;
        }
        send(&setup, id, "Dominique", clock::now()).await.unwrap();
        let names: Vec<String> = shown(&folder).into_iter().map(|(name, _)| name).collect();
        let expected: &[String] = if crash == "taken" { &[] } else { std::slice::from_ref(&file.file_name) };
        assert_eq!(names, expected, "{crash}");
        let mut tx = setup.ledger.read().await.unwrap();
        let proof = tx.assignment_files(id).await.unwrap().remove(0).proof.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(proof.contains("taken since"), crash == "taken", "{crash}: {proof}");
        setup.ledger.close().await;
    }
}

#[tokio::test]
async fn another_file_of_the_name_is_not_overwritten_and_the_batch_stays_approved() {
    let (world, setup) = world(&sqlite()).await;
    world.export("encours_1.csv", format!("{ITEMS}{}", items()).as_bytes());
    run(&setup, "2026-03-10").await;
    let batch = made(&setup, "2026-03-10").await.unwrap().batch;
    approve(&setup, &batch.row.id, "Dominique", clock::now()).await.unwrap();
    let path = world.path().join("to-factor").join(&batch.files[0].file_name);
    std::fs::write(&path, "something else").unwrap();
    assert!(
        refused(send(&setup, &batch.row.id, "Dominique", clock::now()).await)
            .contains("it is not overwritten")
    );
    // A chain of causes tells each thing once.
    let error =
        anyhow::Error::from(send(&setup, &batch.row.id, "Dominique", clock::now()).await.unwrap_err());
    assert_eq!(format!("{error:#}").matches("it is not overwritten").count(), 1, "{error:#}");
    assert_eq!(std::fs::read(&path).unwrap(), b"something else");
    assert_eq!(row(&setup, &batch.row.id).await.state().unwrap(), BatchState::Approved);
    setup.ledger.close().await;
}

#[tokio::test]
async fn without_a_delivery_a_person_takes_the_files_and_says_so() {
    let (world, setup) = world_under(&sqlite(), "", CONTRACT).await;
    world.export("encours_1.csv", format!("{ITEMS}{}", items()).as_bytes());
    run(&setup, "2026-03-10").await;
    let id = made(&setup, "2026-03-10").await.unwrap().batch.row.id;
    assert!(
        refused(by_hand(&setup, &id, "Alix", "mailed", clock::now()).await)
            .contains("only an approved batch")
    );
    approve(&setup, &id, "Dominique", clock::now()).await.unwrap();
    assert!(refused(send(&setup, &id, "Dominique", clock::now()).await).contains("goes by hand"));
    by_hand(&setup, &id, "Alix", "mailed on the 10th, answer 4711", clock::now()).await.unwrap();
    assert_eq!(row(&setup, &id).await.state().unwrap(), BatchState::Sent);
    let mut tx = setup.ledger.read().await.unwrap();
    let files = tx.assignment_files(&id).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(files[0].proof.as_deref(), Some("Alix: mailed on the 10th, answer 4711"));
    setup.ledger.close().await;
}

/// A contract through the connector that reads statements too; one batch of it is with the factor.
async fn sent_by_file(ledger: &str) -> (World, Setup) {
    let world = World::new(ledger).with_csv().with(
        "[[connection]]\nid = \"factor\"\nconnector = \"factor-files\"\nsettings = { folder = \"from-factor\", out = \"to-factor\" }",
    );
    for folder in ["contracts", "to-factor", "from-factor"] {
        std::fs::create_dir(world.path().join(folder)).unwrap();
    }
    std::fs::write(world.path().join("contracts/exemple.toml"), CONTRACT).unwrap();
    let setup = world.setup().await;
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "404833048", "")).as_bytes());
    let items = invoice("F1", "C1", "02/03/2026", "30/04/2026", "1150,00", "1150,00")
        + &invoice("F2", "C1", "05/03/2026", "30/04/2026", "1000,00", "1000,00")
        + &invoice("F3", "C1", "05/03/2026", "30/04/2026", "200,00", "200,00");
    world.export("encours_1.csv", format!("{ITEMS}{items}").as_bytes());
    run(&setup, "2026-03-10").await;
    let id = made(&setup, "2026-03-10").await.unwrap().batch.row.id;
    approve(&setup, &id, "Dominique", clock::now()).await.unwrap();
    send(&setup, &id, "Dominique", clock::now()).await.unwrap();
    (world, setup)
}

fn state(world: &World, number: u32, lines: &[&str]) {
    let head = "Contract;Number;Currency;Amount;State;Financed;Holdback;Reason;Since\n";
    let text: String = lines.iter().map(|line| format!("54321;{line}\n")).collect();
    std::fs::write(world.path().join(format!("from-factor/statement_{number}.csv")), format!("{head}{text}"))
        .unwrap();
}

/// The open breaks of assignments: kind, name, our side and theirs.
async fn breaks(setup: &Setup) -> Vec<(String, String, String, String)> {
    let mut tx = setup.ledger.read().await.unwrap();
    let open = tx.open_breaks("exemple").await.unwrap();
    tx.rollback().await.unwrap();
    let own = open.into_iter().filter(|row| row.connection == "factor");
    let mut told: Vec<_> = own.map(|row| (row.kind, row.name, row.ours, row.theirs)).collect();
    told.sort();
    told
}

/// What was said of the e-invoicing status of invoices, the first first.
async fn statuses(setup: &Setup) -> Vec<String> {
    let mut tx = setup.ledger.read().await.unwrap();
    let mut deltas = tx.deltas("exemple", 100).await.unwrap();
    tx.rollback().await.unwrap();
    deltas.retain(|delta| delta.event == "invoice.status");
    deltas.sort_by_key(|delta| delta.seq);
    deltas.into_iter().map(|delta| delta.summary).collect()
}

#[tokio::test]
async fn what_the_factor_states_is_held_against_what_was_assigned() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = sent_by_file(&ledger).await;
        run(&setup, "2026-03-11").await;
        assert_eq!(breaks(&setup).await, [], "before the first statement nothing is missing from it");
        let factored = ["F1", "F2", "F3"].map(|number| format!("Invoice {number} is factored (225)."));
        assert_eq!(statuses(&setup).await, factored, "said when the batch went out, and once");

        state(
            &world,
            1,
            &[
                "F1;EUR;1150.00;financed;1035.00;115.00;;2026-03-11",
                "F2;EUR;1000.00;rejected;;;no approval;2026-03-11",
                "F9;EUR;77.00;accepted;;;;",
            ],
        );
        let report = run(&setup, "2026-03-12").await;
        assert_eq!(errors(&report), Vec::<String>::new());
        let told: Vec<String> = breaks(&setup)
            .await
            .into_iter()
            .map(|(kind, name, ours, theirs)| format!("{kind} {name}: {ours} / {theirs}"))
            .collect();
        assert_eq!(
            told,
            [
                "missing_at_factor F3 (Exemple Factor): sent, 200.00 EUR open / not listed",
                "rejected F2 (Exemple Factor): sent, 1 000.00 EUR / rejected: no approval",
                "unknown_to_ledger F9 (Exemple Factor): never assigned / accepted, 77.00 EUR",
            ]
        );
        let events = ["assignment.accepted=1", "assignment.rejected=1", "assignment.financed=1"];
        let deltas = crate::support::world::deltas(&report);
        let own: Vec<&String> = deltas.iter().filter(|delta| delta.starts_with("assignment.")).collect();
        assert_eq!(own, events);

        assert_eq!(statuses(&setup).await[3..], ["Invoice F2 is not factored any more (228)."]);

        // The same again says nothing; the next one heals what it heals.
        let again = crate::support::world::deltas(&run(&setup, "2026-03-13").await);
        assert!(!again.iter().any(|delta| delta.starts_with("assignment.")), "{again:?}");
        state(
            &world,
            2,
            &[
                "F1;EUR;1150.00;definanced;;;45 days overdue;2026-03-14",
                "F2;EUR;1000.00;accepted;;;;2026-03-14",
                "F3;EUR;200.00;financed;180.00;40.00;;2026-03-14",
            ],
        );
        let report = run(&setup, "2026-03-14").await;
        let told: Vec<String> = breaks(&setup)
            .await
            .into_iter()
            .map(|(kind, name, ours, theirs)| format!("{kind} {name}: {ours} / {theirs}"))
            .collect();
        assert_eq!(
            told,
            [
                "definanced F1 (Exemple Factor): 1 150.00 EUR open / definanced: 45 days overdue",
                "holdback_differs F3 (Exemple Factor): 20.00 EUR / 40.00 EUR",
            ]
        );
        let deltas = crate::support::world::deltas(&report);
        let own: Vec<&String> = deltas.iter().filter(|delta| delta.starts_with("assignment.")).collect();
        assert_eq!(own, ["assignment.accepted=1", "assignment.financed=1", "assignment.definanced=1"]);

        assert_eq!(
            statuses(&setup).await[4..],
            ["Invoice F1 is not factored any more (228).", "Invoice F2 is factored (225)."]
        );

        let mut tx = setup.ledger.read().await.unwrap();
        let compared = encours::engine::assignments::compare(&mut tx, &setup, day("2026-06-29"))
            .await
            .unwrap()
            .remove(0);
        tx.rollback().await.unwrap();
        // A statement that lists nothing is one, and a line of a contract that nobody knows is not passed over.
        state(&world, 3, &[]);
        run(&setup, "2026-03-15").await;
        let kinds: Vec<String> =
            breaks(&setup).await.into_iter().map(|(kind, name, ..)| format!("{kind} {name}")).collect();
        let missing = ["F1", "F2", "F3"].map(|number| format!("missing_at_factor {number} (Exemple Factor)"));
        assert_eq!(kinds, missing);
        let strange = "Contract;Number;Currency;Amount;State;Financed;Holdback;Reason;Since\n777;F8;EUR;5.00;accepted;;;;\n54321;F2;EUR;1000.00;accepted;;;;\n";
        std::fs::write(world.path().join("from-factor/statement_4.csv"), strange).unwrap();
        let deltas = crate::support::world::deltas(&run(&setup, "2026-03-16").await);
        assert!(
            deltas.contains(&"assignment.accepted=2".to_owned()),
            "F2 comes back, and that is said: {deltas:?}"
        );
        let kinds: Vec<String> =
            breaks(&setup).await.into_iter().map(|(kind, name, ..)| format!("{kind} {name}")).collect();
        assert!(kinds.contains(&"unknown_to_ledger F8 (Exemple Factor)".to_owned()), "{kinds:?}");

        assert_eq!(compared.recourse, [], "60 days after 30 April");
        let mut tx = setup.ledger.read().await.unwrap();
        let later = encours::engine::assignments::compare(&mut tx, &setup, day("2026-06-30"))
            .await
            .unwrap()
            .remove(0);
        tx.rollback().await.unwrap();
        let numbers: Vec<&str> = later.recourse.iter().map(|own| own.number.as_str()).collect();
        assert_eq!(numbers, ["F1", "F2", "F3"]);
        let totals = compared.totals[&Currency::EUR];
        assert_eq!((compared.lines, totals.ours.count, totals.ours.sum_minor), (3, 3, 235_000));
        assert_eq!(totals.ours_matched, totals.theirs_matched);
        assert_eq!((totals.ours_only.count, totals.theirs_only.count), (0, 0));
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn a_line_that_cannot_be_read_goes_to_quarantine_and_a_strange_word_is_told() {
    let (world, setup) = sent_by_file(&sqlite()).await;
    state(
        &world,
        1,
        &[
            "F1;EUR;1150.00;en cours;;;;",
            "F2;EUR;abc;accepted;;;;",
            "F3;EUR;200.00;accepted;;;;",
            "F3;EUR;200.00;paid;;;;",
        ],
    );
    let report = run(&setup, "2026-03-12").await;
    let read = report.operations.iter().find(|own| own.operation == "read_statement").unwrap();
    assert_eq!((read.read, read.quarantined), (4, 2), "{read:?}");
    let told: Vec<String> =
        breaks(&setup).await.into_iter().map(|(kind, name, ..)| format!("{kind} {name}")).collect();
    assert!(told.iter().any(|own| own.starts_with("unknown_code")), "{told:?}");
    assert!(
        told.contains(&"missing_at_factor F2 (Exemple Factor)".to_owned()),
        "its line was not read: {told:?}"
    );
    setup.ledger.close().await;
}

async fn paid(
    setup: &Setup,
    invoice: &str,
    amount: &str,
) -> Result<encours::ledger::DirectPaymentRow, Error> {
    let contract = &setup.contracts[0];
    let said = Received { contract, invoice, amount, on: day("2026-03-20"), by: "Alix" };
    received(setup, &said, clock::now()).await
}

#[tokio::test]
async fn what_a_buyer_pays_to_the_seller_is_told_with_the_next_batch() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = sent_by_file(&ledger).await;
        assert!(refused(paid(&setup, "F9", "10.00").await).contains("does not have an invoice F9"));
        assert!(
            refused(paid(&setup, "F1", "1150.01").await).contains("1 150.00 EUR is left of the invoice F1")
        );
        assert!(refused(paid(&setup, "F1", "0.00").await).contains("more than nothing"));
        assert!(refused(paid(&setup, "F1", "1.001").await).contains("3 decimals"));
        paid(&setup, "F1", "400.00").await.unwrap();
        assert!(refused(paid(&setup, "F1", "750.01").await).contains("750.00 EUR is left of the invoice F1"));

        let batch = made(&setup, "2026-03-20").await.unwrap().batch;
        let row = &batch.row;
        assert_eq!((row.totals.payments, row.totals.payments_minor, row.totals.count()), (1, 40_000, 1));
        // 40.00 of the guarantee comes back with 400.00, and what is beyond the approval of 2 000.00 is less.
        assert_eq!((row.financed.amount_minor, row.financed.holdback_minor), (-40_000, -4_000));
        let text = String::from_utf8(batch.files[0].content.clone()).unwrap();
        let line = text.lines().nth(1).unwrap();
        assert!(line.contains(";payment;F1;2026-03-20;") && line.contains(";-400.00;"), "{line}");

        // Discarded, it is still to be told; sent, it never is again.
        discard(&setup, &row.id, "Alix", "one more came", clock::now()).await.unwrap();
        paid(&setup, "F2", "10.00").await.unwrap();
        let batch = made(&setup, "2026-03-20").await.unwrap().batch;
        assert_eq!(batch.row.totals.payments, 2);
        approve(&setup, &batch.row.id, "Dominique", clock::now()).await.unwrap();
        send(&setup, &batch.row.id, "Dominique", clock::now()).await.unwrap();
        assert!(refused(made(&setup, "2026-03-21").await).contains("there is nothing to assign"));

        // A payment is a word on an invoice, not a document that the statement has to list.
        state(
            &world,
            1,
            &["F1;EUR;1150.00;financed;;;;", "F2;EUR;1000.00;financed;;;;", "F3;EUR;200.00;financed;;;;"],
        );
        run(&setup, "2026-03-21").await;
        assert_eq!(breaks(&setup).await, []);
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn a_payment_that_the_form_has_no_place_for_is_told_to_the_person() {
    let (world, setup) = world(&sqlite()).await;
    world.export("encours_1.csv", format!("{ITEMS}{}", items()).as_bytes());
    run(&setup, "2026-03-10").await;
    let id = made(&setup, "2026-03-10").await.unwrap().batch.row.id;
    assert!(refused(paid(&setup, "F1", "400.00").await).contains("does not have"), "it is not sent yet");
    approve(&setup, &id, "Dominique", clock::now()).await.unwrap();
    send(&setup, &id, "Dominique", clock::now()).await.unwrap();
    paid(&setup, "F1", "400.00").await.unwrap();
    let mut tx = setup.ledger.read().await.unwrap();
    let planned = plan(&setup, &mut tx, &wanted(&setup, "2026-03-20")).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(planned.documents, []);
    assert_eq!(planned.untold.iter().map(|own| own.amount_minor).collect::<Vec<_>>(), [40_000]);
    setup.ledger.close().await;
}

#[tokio::test]
async fn what_is_given_back_and_charged_is_told_beside_what_was_expected() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = sent_by_file(&ledger).await;
        let items = invoice("F1", "C1", "02/03/2026", "30/04/2026", "1150,00", "0,00")
            + &invoice("F2", "C1", "05/03/2026", "30/04/2026", "1000,00", "1000,00")
            + &invoice("F3", "C1", "05/03/2026", "30/04/2026", "200,00", "200,00");
        world.export("encours_2.csv", format!("{ITEMS}{items}").as_bytes());
        let statement = "Number;Currency;Amount;State;Financed;Holdback;Released;Fee\n\
                         F1;EUR;1150.00;paid;1035.00;0.00;0.00;2.00\n\
                         F2;EUR;1000.00;financed;900.00;100.00;0.00;3.00\n\
                         F3;EUR;200.00;financed;180.00;20.00;;\n";
        std::fs::write(world.path().join("from-factor/statement_1.csv"), statement).unwrap();
        assert_eq!(errors(&run(&setup, "2026-05-04").await), Vec::<String>::new());
        let told: Vec<String> = breaks(&setup)
            .await
            .into_iter()
            .map(|(kind, name, ours, theirs)| format!("{kind} {name}: {ours} / {theirs}"))
            .collect();
        assert_eq!(
            told,
            [
                "paid_not_released F1 (Exemple Factor): paid, 115.00 EUR held / nothing of the guarantee given back"
            ]
        );
        let mut tx = setup.ledger.read().await.unwrap();
        let compared = encours::engine::assignments::compare(&mut tx, &setup, day("2026-05-04"))
            .await
            .unwrap()
            .remove(0);
        tx.rollback().await.unwrap();
        let own = compared.totals[&Currency::EUR];
        let of = |documents, expected_minor, stated_minor| Stated { documents, expected_minor, stated_minor };
        assert_eq!(own.paid, of(3, 200_000, 211_500), "more than the contract's approval lets expect");
        assert_eq!(own.released, of(2, 11_500, 0));
        assert_eq!(own.fees, of(2, 0, 500), "the contract has no fee, and the factor charges one");
    }
}

#[tokio::test]
async fn a_dispute_of_an_assigned_invoice_is_in_the_next_file_once() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = sent_by_file(&ledger).await;
        let contested = invoice("F1", "C1", "02/03/2026", "30/04/2026", "1150,00", "900,00")
            .replace(";N;", ";O;")
            + &invoice("F2", "C1", "05/03/2026", "30/04/2026", "1000,00", "1000,00")
            + &invoice("F3", "C1", "05/03/2026", "30/04/2026", "200,00", "200,00");
        world.export("encours_2.csv", format!("{ITEMS}{contested}").as_bytes());
        state(
            &world,
            1,
            &[
                "F1;EUR;1150.00;financed;1035.00;115.00;;2026-03-11",
                "F2;EUR;1000.00;financed;900.00;100.00;;2026-03-11",
                "F3;EUR;200.00;financed;180.00;20.00;;2026-03-11",
            ],
        );
        assert_eq!(errors(&run(&setup, "2026-03-20").await), Vec::<String>::new());
        assert_eq!(contested_and_untold(&setup).await, ["F1"]);
        let batch = made(&setup, "2026-03-20").await.unwrap().batch;
        run(&setup, "2026-03-20").await;
        assert_eq!(breaks(&setup).await, [], "a word that waits hides nothing of its invoice");
        let told: Vec<(&str, &str, i64)> = batch
            .documents
            .iter()
            .map(|own| {
                (own.document.kind.as_str(), own.document.number.as_str(), own.financed.available_minor)
            })
            .collect();
        assert_eq!(told, [("dispute", "F1", 0)]);
        assert_eq!((batch.row.totals.disputes, batch.row.totals.disputes_minor), (1, 90_000));
        assert_eq!(batch.row.totals.balance_minor(), 0, "the debt stays");
        let file = String::from_utf8(batch.files[0].content.clone()).unwrap();
        let row = file.lines().nth(1).unwrap();
        assert!(row.contains(";dispute;F1;2026-03-20;2026-04-30;EUR;0.00;"), "{row}");

        // A batch that never left has told nothing; one that did has told it for good.
        discard(&setup, &batch.row.id, "Alix", "again", clock::now()).await.unwrap();
        let id = made(&setup, "2026-03-20").await.unwrap().batch.row.id;
        approve(&setup, &id, "Dominique", clock::now()).await.unwrap();
        send(&setup, &id, "Dominique", clock::now()).await.unwrap();
        run(&setup, "2026-03-21").await;
        assert!(refused(made(&setup, "2026-03-21").await).contains("there is nothing to assign"));
        assert_eq!(contested_and_untold(&setup).await, Vec::<String>::new());
    }
}

async fn contested_and_untold(setup: &Setup) -> Vec<String> {
    let mut tx = setup.ledger.read().await.unwrap();
    let compared =
        encours::engine::assignments::compare(&mut tx, setup, day("2026-03-21")).await.unwrap().remove(0);
    tx.rollback().await.unwrap();
    compared.disputed
}
