//! Requests that a person asks for urgently: the fee is told before, and the insurer is told of it, or nothing is sent.

use std::process::{Command, Output, Stdio};

use encours::sandbox::Insurer as _;
use encours::sandbox::atradius::DecisionCode;

use super::{AUTOMATIC, cycle_on, date, effects, states};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, decision, insurer};

const DAY: &str = "2026-06-10";
const TERMS: &str = "[policy.requests]\nheadroom_percent = \"0\"\n[policy.fees]\nrequest = \"25.00\"\nurgent = \"40.00\"\n\
     [policy.automation]\nwrite_back = \"never\"";

fn export(world: &World) {
    world.export(
        "clients_1.csv",
        format!("{CLIENTS}C1;Exemple C1;000000018;;FR;;EUR;30;N\nC2;Exemple C2;000000026;;FR;;EUR;30;N\n")
            .as_bytes(),
    );
    let rows = ["C1", "C2"].map(|account| {
        format!(
            "Facture;F-{account};{account};Exemple {account};01/06/2026;01/08/2026;EUR;50000,00;50000,00;N;\n"
        )
    });
    world.export("encours_1.csv", format!("{ITEMS}{}", rows.concat()).as_bytes());
}

async fn encours(world: &World, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_encours"));
    command.args(args).args(["--config"]).arg(world.file()).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The ids of the plan by buyer, with the fee and what urgency adds.
async fn planned(world: &World) -> Vec<(String, serde_json::Value, serde_json::Value)> {
    let said = encours(world, &["plan", "--json"]).await;
    let told: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let rows = told["plan"].as_array().unwrap().iter();
    rows.map(|row| (row["id"].as_str().unwrap().to_owned(), row["fee"].clone(), row["urgent_fee"].clone()))
        .collect()
}

#[tokio::test]
async fn an_urgent_request_costs_more_and_says_so_in_the_file() {
    let world = World::new("sqlite:ledger.db");
    let (inside, out) = (world.path().join("lists"), world.path().join("out"));
    for folder in [&inside, &out] {
        std::fs::create_dir(folder).unwrap();
    }
    let connection = format!(
        "[[connection]]\nid = \"insurer\"\nconnector = \"insurer-files\"\nsettings = {{ folder = \"lists\", out = \"{}\" }}\n\n\
         [[policy]]\nnumber = \"POL-7\"\nconnection = \"insurer\"\nvalid_from = \"2026-01-01\"\ninsured_percentage = \"90\"\n{TERMS}",
        out.display()
    );
    let world = world.with_csv().with(&connection);
    export(&world);
    let setup = world.setup().await;
    cycle_on(&setup, date(DAY)).await;
    assert_eq!(states(&setup).await, ["new proposed", "new proposed"]);
    setup.ledger.close().await;

    let rows = planned(&world).await;
    assert!(rows.iter().all(|row| row.1 == "25.00" && row.2 == "40.00"), "{rows:?}");
    let plan = text(&encours(&world, &["plan"]).await.stdout);
    assert!(plan.contains("urgently, with `--urgent`, for 40.00 EUR more"), "{plan}");
    let none = encours(&world, &["apply", "--urgent"]).await;
    assert_eq!(none.status.code(), Some(2), "urgency is asked for one by one: {}", text(&none.stderr));

    let done = encours(&world, &["apply", &rows[0].0, "--urgent", "--by", "Ada"]).await;
    assert!(text(&done.stderr).contains("asked urgently, for 40.00 EUR beside 25.00 EUR"), "{done:?}");
    assert!(done.status.success(), "{done:?}");
    let usual = encours(&world, &["apply", &rows[1].0, "--by", "Ada"]).await;
    assert!(usual.status.success(), "{usual:?}");
    let mut written = Vec::new();
    for file in std::fs::read_dir(&out).unwrap() {
        let file = text(&std::fs::read(file.unwrap().path()).unwrap());
        written.extend(file.lines().skip(1).map(|line| line.contains(";yes;")).collect::<Vec<_>>());
    }
    written.sort_unstable();
    assert_eq!(written, [false, true], "one of the two rows is urgent");

    let setup = world.setup().await;
    cycle_on(&setup, date("2026-06-11")).await;
    let mut fees: Vec<_> = effects(&setup).await.iter().map(|row| row.fee_minor).collect();
    fees.sort_unstable();
    assert_eq!(fees, [Some(2_500), Some(6_500)], "a later cycle leaves it so");
    setup.ledger.close().await;
}

#[tokio::test]
async fn an_insurer_that_takes_no_urgent_requests_is_sent_nothing() {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, 20_000, 20_000)];
    let (sandbox, url) = insurer(DAY, vec![buyer(31_001, "000000018", story)]).await;
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url).with(AUTOMATIC);
    export(&world);
    let setup = world.setup().await;
    cycle_on(&setup, date(DAY)).await;
    let row = effects(&setup).await.into_iter().find(|row| row.action == "increase").unwrap();
    setup.ledger.close().await;
    let said = encours(&world, &["apply", &row.id, "--urgent"]).await;
    let told = text(&said.stderr);
    assert_eq!(said.status.code(), Some(2), "{told}");
    assert!(told.contains("nothing was sent") && told.contains("takes no urgent requests"), "{told}");
    assert!(sandbox.accepted().is_empty());
}
