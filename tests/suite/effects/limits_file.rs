//! The insurer's limit as a file to load, for an ERP that cannot be written to: once, and never as "no limit".

use std::process::Command;

use encours::engine::Setup;
use encours::model::BreakKind;
use encours::sandbox::atradius::{Decision, DecisionCode, Sandbox};
use encours::sandbox::{Insurer, Surprise};

use super::{at, cycle_on, date, effects, send, states};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, decision, insurer};

const DAY: &str = "2026-06-10";
const FIRST: &str = "000000018";
const SECOND: &str = "000000026";
const HEADER: &str = "Customer;Customer code;Name;Operation;Amount;Currency;Until;Policy;Our reference\n";

/// A connector folder of a user's own, for an ERP with its own ways.
fn own_connector(capabilities: &str) -> String {
    format!(
        "[connector]\nid = \"stubborn\"\nname = \"Stubborn ERP\"\nrole = \"erp\"\ntransport = \"files\"\n\
         status = \"unverified\"\n\n[connector.capabilities]\n{capabilities}\n\n\
         [settings]\nout = {{ type = \"string\", required = true, help = \"folder\" }}\n\
         for = {{ type = \"string\", help = \"connection\" }}\n\n[operations.write_limit]\n\
         file = \"{{date}}_{{batch}}.csv\"\nfolder = \"{{out}}\"\nformat = {{ kind = \"csv\" }}\nbody = \"limit\"\n"
    )
}

const OWN_MAPPING: &str = "[send.limit]\nCode = \"code\"\nDo = \"kind\"\nPlafond = { path = \"amount\", optional = true }\n\
     Unblock = { path = \"unblock\", optional = true }\n";

fn refused() -> Decision {
    Decision { first: None, ..decision("2026-01-05", DecisionCode::Dc03, 10_000, 0) }
}

fn granted(on: &str, amount: u64) -> Decision {
    decision(on, DecisionCode::Dc01, amount, amount)
}

fn clients(limits: [&str; 2]) -> String {
    let [first, second] = limits;
    format!(
        "{CLIENTS}C1;Exemple C1;{FIRST};;FR;{first};EUR;30;N\nC2;Exemple C2;{SECOND};;FR;{second};EUR;30;N\n"
    )
}

/// Two customers in CSV files, and limits that go into files; `own` are the capabilities of a connector of the user's.
async fn company(own: Option<&str>, first: Vec<Decision>, owed: &str) -> (Sandbox, World, Setup) {
    let buyers = vec![buyer(31_001, FIRST, first), buyer(31_002, SECOND, vec![refused()])];
    let (sandbox, url) = insurer(DAY, buyers).await;
    let connector = if own.is_some() { "stubborn" } else { "limits-file" };
    let world = World::new("sqlite:ledger.db")
        .with_csv()
        .with(&format!(
            "[[connection]]\nid = \"to-load\"\nconnector = \"{connector}\"\nsettings = {{ out = \"to-load\", for = \"erp\" }}"
        ))
        .with_insurer(&url)
        .with("[policy.automation]\nwrite_back = \"automatic\"");
    std::fs::create_dir(world.path().join("to-load")).unwrap();
    if let Some(capabilities) = own {
        for folder in ["connectors/stubborn", "mappings/stubborn"] {
            std::fs::create_dir_all(world.path().join(folder)).unwrap();
        }
        let put = |path: &str, text: &str| std::fs::write(world.path().join(path), text).unwrap();
        put("connectors/stubborn/connector.toml", &own_connector(capabilities));
        put("mappings/stubborn/limit.toml", OWN_MAPPING);
    }
    world.export("clients_01.csv", clients(["", ""]).as_bytes());
    world.export(
        "encours_01.csv",
        format!("{ITEMS}Facture;F1;C1;Exemple C1;01/06/2026;01/08/2026;EUR;{owed};{owed};N;\n").as_bytes(),
    );
    let setup = world.setup().await;
    (sandbox, world, setup)
}

/// A cycle and what goes by itself; how many breaks of a kind are open.
async fn turn(setup: &Setup, on: &str, hour: i64, kind: BreakKind) -> u64 {
    let report = cycle_on(setup, date(on)).await;
    let told = send(setup, date(on), at(date(on), hour)).await;
    assert!(told.iter().all(|one| one.held.is_none()), "{told:?}");
    report.breaks.get(&kind).copied().unwrap_or(0)
}

/// The files to load, as they were written so far, in their order.
fn files(world: &World) -> Vec<String> {
    let folder = std::fs::read_dir(world.path().join("to-load")).unwrap();
    let mut names: Vec<_> = folder.map(|file| file.unwrap().path()).filter(|path| path.is_file()).collect();
    names.sort();
    names.into_iter().map(|path| std::fs::read_to_string(path).unwrap().replace("\r\n", "\n")).collect()
}

/// The reference of the last effect on an account.
async fn reference(setup: &Setup, account: &str) -> String {
    effects(setup).await.into_iter().rfind(|row| row.subject == account).unwrap().our_reference
}

async fn finding(setup: &Setup, kind: BreakKind) -> String {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.open_breaks(&setup.company.id).await.unwrap();
    tx.rollback().await.unwrap();
    let row = rows.into_iter().find(|row| row.kind == kind.as_str());
    row.map(|row| format!("{}: {} / {}", row.name, row.ours, row.theirs)).unwrap_or_default()
}

fn told(world: &World, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_encours"))
        .args(arguments)
        .arg("--config")
        .arg(world.file())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn limits_to_load_are_written_once_and_settle_with_the_next_export() {
    let (sandbox, world, setup) = company(None, vec![granted("2026-01-01", 20_000)], "1000,00").await;
    assert_eq!(turn(&setup, DAY, 9, BreakKind::LimitChangedInErp).await, 0);
    let (one, two) = (reference(&setup, "C1").await, reference(&setup, "C2").await);
    let expected = format!(
        "{HEADER}C1;C1;Exemple C1;set;20000.00;EUR;;0004711;{one}\nC2;C2;Exemple C2;zero;0.00;EUR;;0004711;{two}\n"
    );
    assert_eq!(files(&world), [expected]);
    // Nobody has loaded it: it is neither written again nor a difference that somebody made.
    for on in [DAY, "2026-06-11", "2026-06-12"] {
        assert_eq!(turn(&setup, on, 10, BreakKind::LimitChangedInErp).await, 0, "{on}");
    }
    assert_eq!((files(&world).len(), states(&setup).await.len()), (1, 2));

    // Loaded: both sides agree, silently.
    world.export("clients_02.csv", clients(["20000,00", "0,00"]).as_bytes());
    let report = cycle_on(&setup, date("2026-06-13")).await;
    for kind in [BreakKind::LimitChangedInErp, BreakKind::LimitDiffers, BreakKind::LimitMissingInErp] {
        assert_eq!(report.breaks.get(&kind), None, "{kind}");
    }
    send(&setup, date("2026-06-13"), at(date("2026-06-13"), 9)).await;
    assert_eq!(states(&setup).await, ["set done", "zero done"]);

    // A reduction is a file of its own, with one row.
    sandbox.set_today(date("2026-06-15"));
    assert!(sandbox.surprise("31001", Surprise::Reduce { to_minor: 1_200_000 }));
    turn(&setup, "2026-06-15", 9, BreakKind::LimitChangedInErp).await;
    let written = files(&world);
    assert_eq!(written.len(), 2);
    let last = written.last().unwrap().lines().skip(1).collect::<Vec<_>>();
    assert_eq!(last.len(), 1);
    assert!(last[0].starts_with("C1;C1;Exemple C1;set;12000.00;EUR;"), "{last:?}");

    // The export shows neither what was there nor what was to be loaded: a person put it there, and a person decides.
    world.export("clients_03.csv", clients(["15000,00", "0,00"]).as_bytes());
    for on in ["2026-06-16", "2026-06-17"] {
        assert_eq!(turn(&setup, on, 9, BreakKind::LimitChangedInErp).await, 1, "{on}");
    }
    assert_eq!(files(&world).len(), 2, "not written again without a person");
    let row = effects(&setup).await.into_iter().find(|row| row.state == "proposed").unwrap();
    assert!(row.approval.contains("somebody changed"), "{}", row.approval);
}

#[tokio::test]
async fn where_zero_means_no_limit_zero_is_never_written() {
    let capabilities =
        "zero_is_unlimited = true\nrefuses_below_exposure = true\nlimit_operations = [\"set\", \"zero\"]";
    let (_sandbox, world, setup) =
        company(Some(capabilities), vec![granted("2026-01-01", 20_000)], "25000,00").await;
    assert_eq!(turn(&setup, DAY, 9, BreakKind::LimitNotEnforced).await, 1);
    assert_eq!(files(&world), ["Code;Do;Plafond;Unblock\nC2;zero;0.01;\n"], "the least amount there is");
    // C1 owes more than its limit, which this ERP would not take.
    let row = effects(&setup).await.into_iter().find(|row| row.subject == "C1").unwrap();
    assert_eq!(row.state, "proposed");
    assert!(row.approval.contains("refuses a limit below the"), "{}", row.approval);
    // That the ERP delivers all the same is said on the buyer.
    let said = finding(&setup, BreakKind::LimitNotEnforced).await;
    assert!(said.contains("Exemple C2: erp does not stop deliveries on a limit"), "{said}");
    let explained = told(&world, &["explain", SECOND]);
    assert!(explained.contains("erp does not stop deliveries on a limit"), "{explained}");
    assert!(explained.contains("stop deliveries by hand: the ERP will not"), "{explained}");
    assert!(told(&world, &["breaks"]).contains("Exemple C2"));

    world.export("clients_02.csv", clients(["", "0,01"]).as_bytes());
    assert_eq!(turn(&setup, "2026-06-11", 9, BreakKind::LimitChangedInErp).await, 0, "loaded");
    // A zero in that ERP is no limit at all: not what was written, and told.
    world.export("clients_03.csv", clients(["", "0,00"]).as_bytes());
    assert_eq!(turn(&setup, "2026-06-12", 9, BreakKind::LimitChangedInErp).await, 0, "as it was before");
    world.export("clients_04.csv", clients(["", "300,00"]).as_bytes());
    assert_eq!(turn(&setup, "2026-06-13", 9, BreakKind::LimitChangedInErp).await, 1);
    assert!(!files(&world).iter().any(|file| file.contains(";0.00")));
    assert_eq!(files(&world).len(), 1);
}

#[tokio::test]
async fn where_zero_cannot_be_said_the_customer_is_blocked_and_let_go_again() {
    let capabilities = "zero_is_unlimited = true\nlimit_operations = [\"set\", \"block\"]";
    let story = vec![granted("2026-01-01", 20_000), granted("2026-06-20", 20_000)];
    let (sandbox, world, setup) = company(Some(capabilities), story, "1000,00").await;
    assert_eq!(turn(&setup, DAY, 9, BreakKind::LimitNotEnforced).await, 0, "a block is enforced");
    assert_eq!(files(&world), ["Code;Do;Plafond;Unblock\nC1;set;20000.00;\nC2;block;;\n"]);
    world.export("clients_02.csv", clients(["20000,00", ""]).as_bytes());
    sandbox.set_today(date("2026-06-15"));
    assert!(sandbox.surprise("31001", Surprise::Withdraw));
    turn(&setup, "2026-06-15", 9, BreakKind::LimitChangedInErp).await;
    assert_eq!(files(&world).last().unwrap(), "Code;Do;Plafond;Unblock\nC1;block;;\n");
    // The block leaves the amount, so the export looks as before: nothing is written again.
    for on in ["2026-06-16", "2026-06-17"] {
        assert_eq!(turn(&setup, on, 9, BreakKind::LimitChangedInErp).await, 0, "{on}");
    }
    assert_eq!(files(&world).len(), 2);
    // Covered again with the amount that the ERP still holds: it has to be let go all the same.
    sandbox.set_today(date("2026-06-20"));
    assert_eq!(turn(&setup, "2026-06-20", 9, BreakKind::LimitChangedInErp).await, 0);
    turn(&setup, "2026-06-21", 9, BreakKind::LimitChangedInErp).await;
    assert_eq!(files(&world).len(), 3);
    assert_eq!(files(&world).last().unwrap(), "Code;Do;Plafond;Unblock\nC1;set;20000.00;true\n");
}
