//! Exposure statements from end to end: made when a month is over, sent once, kept, and made again to the same bytes.

use encours::engine::Setup;
use encours::engine::effects::{Options, Verdict, Which, carry_out, settle_by_hand};
use encours::ledger::{EffectRow, StatementLineRow, StatementRow};
use encours::model::BreakKind;
use encours::sandbox::Insurer as _;
use encours::sandbox::cesce::{Change, Debtor, Sandbox, Setup as Book, Status};
use encours::sandbox::fault::{Calls, FaultKind};
use serde_json::Value;

use super::{at, cycle_on, date, effects, send};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, errors};

const LIMITS: &str = "Reference;Buyer id;Buyer name;Identifier type;Identifier;Policy;Status;Amount;Currency;Valid from;Decided on\n\
    L1;00012;Exemple C1;SIREN;000104000;POL-7;approved;80000.00;EUR;2026-01-05;2026-01-05\n\
    L2;00013;Exemple C2;SIREN;000204008;POL-7;approved;70000.00;EUR;2026-01-05;2026-01-05\n";

/// An invoice or credit note: type, number, account, date as DD/MM/YYYY, currency, total and what is open of it.
type Document<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, &'a str, &'a str);

fn items(rows: &[Document<'_>]) -> String {
    let rows = rows.iter().map(|(kind, number, account, issued, currency, total, open)| {
        format!(
            "{kind};{number};{account};Exemple {account};{issued};01/09/2026;{currency};{total};{open};N;\n"
        )
    });
    format!("{ITEMS}{}", rows.collect::<String>())
}

fn clients() -> String {
    format!(
        "{CLIENTS}C1;Exemple C1;000104000;;FR;;EUR;30;N\nC2;Exemple C2;000204008;;FR;;EUR;30;N\nC3;Exemple C3;;;FR;;EUR;30;N\n"
    )
}

/// A company that states to an insurer by file.
fn by_file(ledger: &str, method: &str, automation: &str) -> World {
    let world = World::new(ledger);
    let out = world.path().join("out").display().to_string();
    let world = world.with_csv().with(&format!(
        "[[connection]]\nid = \"insurer\"\nconnector = \"insurer-files\"\nsettings = {{ folder = \"lists\", out = \"{out}\" }}\n\n\
         [[policy]]\nnumber = \"POL-7\"\nconnection = \"insurer\"\nvalid_from = \"2026-01-01\"\ninsured_percentage = \"90\"\n\
         [policy.statement]\nmethod = \"{method}\"\nfrom = \"2026-05-01\"\n[policy.automation]\nstatement = \"{automation}\"\n\
         write_back = \"never\"\n"
    ));
    for folder in ["lists", "out"] {
        std::fs::create_dir(world.path().join(folder)).unwrap();
    }
    std::fs::write(world.path().join("lists/limits.csv"), LIMITS).unwrap();
    world.export("clients_1.csv", clients().as_bytes());
    world
}

/// The files that went out, by name, line by line without our references.
fn handed_over(world: &World) -> Vec<Vec<String>> {
    let mut names: Vec<_> =
        std::fs::read_dir(world.path().join("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let text = text.trim_start_matches('\u{feff}');
            text.lines().map(|line| line.rsplit_once(';').unwrap().0.to_owned()).collect()
        })
        .collect()
}

async fn statements(setup: &Setup) -> Vec<StatementRow> {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.statements(&setup.company.id).await.unwrap();
    tx.rollback().await.unwrap();
    rows
}

async fn lines(setup: &Setup, id: &str) -> Vec<StatementLineRow> {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.statement_lines(id).await.unwrap();
    tx.rollback().await.unwrap();
    rows
}

/// The bytes of a statement made again, and whether they are those that were made.
async fn rebuilt(setup: &Setup, id: &str) -> (String, bool) {
    let mut tx = setup.ledger.read().await.unwrap();
    let rebuilt = tx.rebuild_statement(id).await.unwrap().unwrap();
    tx.rollback().await.unwrap();
    let same = rebuilt.is_same();
    (String::from_utf8(rebuilt.bytes).unwrap(), same)
}

async fn breaks(setup: &Setup, kind: BreakKind) -> Vec<(String, String)> {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.open_breaks(&setup.company.id).await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter().filter(|row| row.kind == kind.as_str()).map(|row| (row.name, row.ours)).collect()
}

async fn cycle_and_send(setup: &Setup, on: &str) {
    let report = cycle_on(setup, date(on)).await;
    assert_eq!(errors(&report), Vec::<String>::new());
    let told = send(setup, date(on), at(date(on), 9)).await;
    let held: Vec<_> = told.into_iter().filter_map(|one| one.held).collect();
    assert_eq!(held, Vec::<String>::new());
}

fn encours(world: &World, arguments: &[&str]) -> (i32, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_encours"));
    let output =
        command.arg("--config").arg(world.file()).args(arguments).current_dir(world.path()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), if text.is_empty() { error.into_owned() } else { text })
}

fn json(world: &World, arguments: &[&str]) -> (i32, Value) {
    let (code, text) = encours(world, &[arguments, &["--json"]].concat());
    (code, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}")))
}

async fn balances_by_file(ledger: &str) {
    let world = by_file(ledger, "balance", "automatic");
    world.export(
        "encours_1.csv",
        items(&[
            ("Facture", "F1", "C1", "05/05/2026", "EUR", "1000,00", "600,00"),
            ("Facture", "F2", "C1", "05/05/2026", "USD", "50,00", "50,00"),
            ("Facture", "F3", "C2", "06/05/2026", "EUR", "200,00", "200,00"),
            ("Facture", "F4", "C3", "06/05/2026", "EUR", "77,00", "77,00"),
        ])
        .as_bytes(),
    );
    let setup = world.setup().await;
    cycle_and_send(&setup, "2026-05-20").await;
    cycle_and_send(&setup, "2026-05-31").await;
    assert!(statements(&setup).await.is_empty(), "May is not over on its last day");

    // On the first of June C2 has paid: May is stated as it ended.
    world.export(
        "encours_2.csv",
        items(&[
            ("Facture", "F1", "C1", "05/05/2026", "EUR", "1000,00", "600,00"),
            ("Facture", "F2", "C1", "05/05/2026", "USD", "50,00", "50,00"),
            ("Facture", "F3", "C2", "06/05/2026", "EUR", "200,00", "0,00"),
            ("Facture", "F4", "C3", "06/05/2026", "EUR", "77,00", "77,00"),
        ])
        .as_bytes(),
    );
    cycle_and_send(&setup, "2026-06-01").await;
    let head = "Policy;Method;Period;As of;Buyer id;Buyer name;Country;Customer account;Amount;Change since the last;Currency";
    let may = vec![
        head.to_owned(),
        "POL-7;balance;2026-05;2026-05-31;00012;Exemple C1;FR;C1;600.00;600.00;EUR".to_owned(),
        "POL-7;balance;2026-05;2026-05-31;00013;Exemple C2;FR;C2;200.00;200.00;EUR".to_owned(),
    ];
    assert_eq!(handed_over(&world), [may], "{:?} {:?}", statements(&setup).await, effects(&setup).await);
    let first = statements(&setup).await.remove(0);
    assert_eq!((first.line_count, first.total_minor, first.change_minor), (2, 80_000, 80_000));
    assert_eq!((first.not_stated, first.other_currency), (1, 1), "C3 has no id, C1 owes dollars too");
    let undeclared = [("Exemple C3".to_owned(), "77.00 EUR, owed on 2026-05-31".to_owned())];
    assert_eq!(breaks(&setup, BreakKind::NeverDeclared).await, undeclared);
    let (made, same) = rebuilt(&setup, &first.id).await;
    assert!(same, "{made}");
    assert!(made.contains("siren:000104000,00012,Exemple C1,FR,600.00,600.00\n"), "{made}");

    // Later payments, invoices, names; the month after; and a day that is gone being run again.
    world.export("clients_2.csv", clients().replace("Exemple C1", "Exemple C1 renommé").as_bytes());
    world.export(
        "encours_3.csv",
        items(&[
            ("Facture", "F1", "C1", "05/05/2026", "EUR", "1000,00", "0,00"),
            ("Facture", "F2", "C1", "05/05/2026", "USD", "50,00", "50,00"),
            ("Facture", "F4", "C3", "06/05/2026", "EUR", "77,00", "77,00"),
            ("Facture", "F5", "C1", "15/06/2026", "EUR", "300,00", "300,00"),
        ])
        .as_bytes(),
    );
    cycle_and_send(&setup, "2026-06-15").await;
    cycle_and_send(&setup, "2026-07-01").await;
    let june = handed_over(&world).pop().unwrap();
    assert_eq!(
        june,
        [
            head,
            "POL-7;balance;2026-06;2026-06-30;00012;Exemple C1 renommé;FR;C1;300.00;-300.00;EUR",
            "POL-7;balance;2026-06;2026-06-30;00013;Exemple C2;FR;C2;0.00;-200.00;EUR",
        ]
    );
    assert!(breaks(&setup, BreakKind::DeclaredDiffers).await.is_empty());
    cycle_on(&setup, date("2026-05-31")).await;
    let rows = statements(&setup).await;
    assert_eq!(rows.len(), 2);
    for row in &rows {
        let (made, same) = rebuilt(&setup, &row.id).await;
        assert!(same, "{} on {ledger}: {made}", row.period);
    }
    assert_eq!(rebuilt(&setup, &first.id).await.0, made);
    // Everything has been said: neither file nor effect is repeated.
    cycle_and_send(&setup, "2026-07-02").await;
    assert_eq!((handed_over(&world).len(), effects(&setup).await.len()), (2, 4));
    let differs = breaks(&setup, BreakKind::DeclaredDiffers).await;
    assert_eq!(differs.len(), 2, "the day that was run again knows other figures: {differs:?}");

    // As of before the first reading there was nothing: the figures do come from the history.
    let mut earlier = first.clone();
    earlier.known_at = first.known_at - chrono::TimeDelta::days(1);
    let kept = lines(&setup, &first.id).await;
    let mut tx = setup.ledger.begin().await.unwrap();
    tx.write_statement(&earlier, &kept).await.unwrap();
    tx.commit().await.unwrap();
    let (made, same) = rebuilt(&setup, &first.id).await;
    assert!(!same && made.contains("lines,0\n"), "{made}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balance_goes_out_in_one_file_and_is_made_again_to_the_same_bytes_on_sqlite() {
    balances_by_file(&sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balance_goes_out_in_one_file_and_is_made_again_to_the_same_bytes_on_postgres() {
    let postgres = Postgres::new().await;
    balances_by_file(&postgres.url).await;
    postgres.drop().await;
}

async fn turnover_that_a_person_approves(ledger: &str) {
    let world = by_file(ledger, "turnover", "person");
    let first = ("Facture", "F1", "C1", "05/05/2026", "EUR", "1000,00", "1000,00");
    let credit = ("Avoir", "A1", "C1", "20/05/2026", "EUR", "300,00", "300,00");
    let second = ("Facture", "F2", "C2", "31/05/2026", "EUR", "500,00", "500,00");
    let next = ("Facture", "F3", "C2", "01/06/2026", "EUR", "9,00", "9,00");
    let dollars = ("Facture", "F4", "C2", "07/05/2026", "USD", "40,00", "40,00");
    let late = ("Facture", "F5", "C1", "30/05/2026", "EUR", "60,00", "60,00");
    world.export("encours_1.csv", items(&[first, credit, second, next, dollars]).as_bytes());
    let setup = world.setup().await;
    cycle_on(&setup, date("2026-06-01")).await;
    let told = |rows: Vec<StatementLineRow>| -> Vec<(String, i64)> {
        rows.into_iter().map(|row| (row.name, row.amount_minor)).collect()
    };
    let of = |rows: &[(&str, i64)]| -> Vec<(String, i64)> {
        rows.iter().map(|(name, minor)| ((*name).to_owned(), *minor)).collect()
    };
    let made = statements(&setup).await.remove(0);
    assert_eq!(told(lines(&setup, &made.id).await), of(&[("Exemple C1", 70_000), ("Exemple C2", 50_000)]));
    assert_eq!(made.other_currency, 1);

    // An invoice of May that comes late is in it as long as nobody has approved it.
    world.export("encours_2.csv", items(&[first, credit, second, next, dollars, late]).as_bytes());
    cycle_on(&setup, date("2026-06-03")).await;
    let anew = statements(&setup).await.remove(0);
    assert_eq!((anew.id.as_str(), anew.total_minor), (made.id.as_str(), 126_000));
    assert!(anew.known_at > made.known_at);

    // One row for people, every line for programs, and its own id approves it whole.
    let (code, plan) = json(&world, &["plan"]);
    assert_eq!(code, 0);
    assert_eq!(plan["plan"].as_array().unwrap().len(), 2);
    let group = &plan["statements"][0];
    assert_eq!((group["lines"].as_u64(), group["total"].as_str()), (Some(2), Some("1260.00")));
    let (_, text) = encours(&world, &["plan"]);
    assert!(text.contains("1 260.00 EUR") && !text.contains("Exemple C1"), "{text}");
    let (code, text) = encours(&world, &["apply", &anew.id[..8]]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(handed_over(&world).len(), 1);
    let (_, text) = encours(&world, &["requests"]);
    assert!(text.contains("2 lines: done") && !text.contains("Exemple C1"), "{text}");
    let (code, shown) = json(&world, &["statements", "show", "2026-05"]);
    assert_eq!(
        (code, shown["state"].as_str(), shown["buyers"].as_array().unwrap().len()),
        (0, Some("done"), 2)
    );
    assert!(shown["files"][0].as_str().unwrap().starts_with("written as exposure_2026-06-03_"), "{shown}");

    // After that it stays, whatever comes: the difference is told, and the bytes are found again.
    let later = ("Facture", "F6", "C2", "29/05/2026", "EUR", "5,00", "5,00");
    let paid = ("Facture", "F1", "C1", "05/05/2026", "EUR", "1000,00", "0,00");
    world.export("encours_3.csv", items(&[paid, credit, second, next, late, later]).as_bytes());
    cycle_on(&setup, date("2026-06-20")).await;
    let kept = statements(&setup).await.remove(0);
    assert_eq!((kept.known_at, &kept.content_hash), (anew.known_at, &anew.content_hash));
    let differs = [("Exemple C2".to_owned(), "505.00 EUR, invoiced less credit notes in 2026-05".to_owned())];
    assert_eq!(breaks(&setup, BreakKind::DeclaredDiffers).await, differs);
    assert!(rebuilt(&setup, &kept.id).await.1);
    let out = world.path().join("may.csv");
    let (code, told) = json(&world, &["statements", "rebuild", "2026-05", "--out", out.to_str().unwrap()]);
    assert_eq!(
        (code, told["same"].as_bool(), told["sha256"].as_str()),
        (0, Some(true), Some(kept.content_hash.as_str()))
    );
    assert_eq!(std::fs::read_to_string(&out).unwrap(), rebuilt(&setup, &kept.id).await.0);
    let said = [
        "statements",
        "receipt",
        "2026-05",
        "--reference",
        "Q-17",
        "--because",
        "its mail",
        "--by",
        "Exemple",
    ];
    assert_eq!(encours(&world, &said).0, 0);
    let (_, listed) = json(&world, &["statements"]);
    assert_eq!(listed["statements"][0]["receipt"], "Q-17");

    // A hash that is not that of its history is told, and the exit code says so.
    let mut wrong = kept.clone();
    wrong.content_hash = "0".repeat(64);
    let rows = lines(&setup, &kept.id).await;
    let mut tx = setup.ledger.begin().await.unwrap();
    tx.write_statement(&wrong, &rows).await.unwrap();
    tx.commit().await.unwrap();
    let (code, told) = json(&world, &["statements", "rebuild", "2026-05"]);
    assert_eq!((code, told["same"].as_bool()), (1, Some(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turnover_follows_the_ledger_until_it_is_approved_and_then_stays_on_sqlite() {
    turnover_that_a_person_approves(&sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turnover_follows_the_ledger_until_it_is_approved_and_then_stays_on_postgres() {
    let postgres = Postgres::new().await;
    turnover_that_a_person_approves(&postgres.url).await;
    postgres.drop().await;
}

fn debtor(code: &str, siren: &str) -> Debtor {
    let granted = Change {
        on: date("2026-01-05"),
        status: Status::InForce,
        amount_minor: 8_000_000,
        requested_minor: 8_000_000,
        annul_on: None,
        last_day: None,
    };
    Debtor {
        code: code.to_owned(),
        name: format!("Exemple {code}"),
        country: "FR".to_owned(),
        tax_code: siren.to_owned(),
        rating: 3,
        story: vec![granted],
    }
}

#[tokio::test]
async fn turnover_in_doubt_is_never_sent_twice_and_a_person_settles_it() {
    let mut book = Book::demo(1, date("2026-06-01"));
    book.debtors = vec![debtor("700001", "000104000"), debtor("700002", "000204008")];
    let (contract, secret) = (book.contract_no.clone(), book.client_secret.clone());
    let settings = format!(
        "client_id = \"{}\"\nclient_secret = \"{secret}\"\nusername = \"{}\"\npassword = \"{}\"\ncontract_no = \"{contract}\"",
        book.client_id, book.username, book.password
    );
    let sandbox = Sandbox::new(book);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = sandbox.router();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let world = World::new(&sqlite()).with_csv().with(&format!(
        "[[connection]]\nid = \"insurer\"\nconnector = \"cesce\"\nurl = \"{url}\"\n[connection.settings]\n{settings}\n\n\
         [[policy]]\nnumber = \"{contract}\"\nconnection = \"insurer\"\nvalid_from = \"2026-01-01\"\ninsured_percentage = \"90\"\n\
         [policy.statement]\nmethod = \"turnover\"\nfrom = \"2026-05-01\"\n[policy.automation]\nstatement = \"automatic\"\n"
    ));
    world.export("clients_1.csv", clients().as_bytes());
    let first = ("Facture", "F1", "C1", "05/05/2026", "EUR", "1000,00", "1000,00");
    let credit = ("Avoir", "A1", "C1", "20/05/2026", "EUR", "300,00", "300,00");
    let second = ("Facture", "F2", "C2", "06/05/2026", "EUR", "500,00", "500,00");
    world.export("encours_1.csv", items(&[first, credit, second]).as_bytes());
    let setup = world.setup().await;
    let on = date("2026-06-01");
    cycle_on(&setup, on).await;
    assert!(sandbox.spoil(Calls::Write, 1, FaultKind::ErrorAfter));
    for hour in 9..14 {
        send(&setup, on, at(on, hour)).await;
    }
    for later in ["2026-06-02", "2026-06-12"] {
        cycle_and_send(&setup, later).await;
    }
    let sales = || -> Vec<(String, String, i64)> {
        let sales = sandbox.sales().into_iter();
        let mut sales: Vec<_> =
            sales.map(|sale| (sale.debtor.unwrap(), sale.month, sale.amount_minor)).collect();
        sales.sort();
        sales
    };
    let sale = |debtor: &str, month: &str, minor| (debtor.to_owned(), month.to_owned(), minor);
    let may = [sale("700001", "2026-05", 70_000), sale("700002", "2026-05", 50_000)];
    assert_eq!(sales(), may, "taken in silence, and not repeated");
    let states = |rows: Vec<EffectRow>| -> Vec<(String, String)> {
        rows.into_iter()
            .filter(|row| row.kind == "report_exposure")
            .map(|row| (row.facts["period"].clone(), row.state))
            .collect()
    };
    let state = |period: &str, state: &str| (period.to_owned(), state.to_owned());
    assert_eq!(states(effects(&setup).await), [state("2026-05", "unknown"), state("2026-05", "done")]);

    // The insurer lists no sales to look in: a person asks and says so.
    let doubtful = effects(&setup).await.into_iter().find(|row| row.state == "unknown").unwrap();
    let options = Options { which: Which::Approved, by: "Exemple", day: on, now: at(on, 15) };
    let because = "the insurer confirmed V00000001 on the telephone";
    assert!(settle_by_hand(&setup, &doubtful.id, Verdict::Done, because, &options).await.unwrap().is_some());
    carry_out(&setup, &options).await.unwrap();
    assert_eq!(sales(), may);
    let done =
        effects(&setup).await.into_iter().find(|row| row.id != doubtful.id && row.state == "done").unwrap();
    assert!(done.partner_reference.unwrap().starts_with('V'), "the insurer's reference is kept");

    // June: C1 bought nothing, C2 sent goods back.
    let back = ("Avoir", "A2", "C2", "10/06/2026", "EUR", "100,00", "100,00");
    world.export("encours_2.csv", items(&[first, credit, second, back]).as_bytes());
    sandbox.set_today(date("2026-07-01"));
    cycle_and_send(&setup, "2026-07-01").await;
    let june = [sale("700001", "2026-06", 0), sale("700002", "2026-06", -10_000)];
    let [c1, c2] = may;
    let [c1_june, c2_june] = june;
    assert_eq!(sales(), [c1, c1_june, c2, c2_june]);
    for row in statements(&setup).await {
        assert!(rebuilt(&setup, &row.id).await.1, "{}", row.period);
    }
}
