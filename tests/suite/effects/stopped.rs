//! A stop of cover holds back what asks for more, aloud, until it is lifted.

use std::process::Command;

use encours::sandbox::atradius::DecisionCode;

use super::{AUTOMATIC, cycle_on, date, states};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, decision, insurer};

const STOPS: &str = "mep_days = 60\n[policy.cover_stop]\nthreshold = \"500.00\"\nlifts = \"payment\"";

#[tokio::test]
async fn nothing_more_is_asked_for_while_cover_is_stopped() {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, 20_000, 20_000)];
    let (_, url) = insurer("2026-06-10", vec![buyer(31_001, "000000018", story)]).await;
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url).with(STOPS).with(AUTOMATIC);
    world.export("clients_1.csv", format!("{CLIENTS}C1;Exemple C1;000000018;;FR;;EUR;30;N\n").as_bytes());
    let f1 = |open: &str| format!("Facture;F1;C1;Exemple C1;10/03/2026;09/04/2026;EUR;900,00;{open};N;\n");
    let f2 = "Facture;F2;C1;Exemple C1;01/06/2026;01/08/2026;EUR;30000,00;30000,00;N;\n";
    world.export("encours_1.csv", format!("{ITEMS}{}{f2}", f1("900,00")).as_bytes());
    let setup = world.setup().await;
    let plan = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_encours"))
            .args(["plan", "--config"])
            .arg(world.file())
            .args(arguments)
            .current_dir(world.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    // F1 was due on 9 April: on 8 June its extension period was over.
    cycle_on(&setup, date("2026-06-10")).await;
    let requests = async || {
        let all = states(&setup).await;
        all.into_iter().filter(|told| !told.starts_with("set ")).collect::<Vec<_>>()
    };
    assert_eq!(requests().await, Vec::<String>::new(), "30 900 are owed and 20 000 are covered");
    let why = "cover is stopped since 2026-06-08: have it paid, or ask the insurer to lift it, first";
    let told = plan(&[]);
    assert!(
        told.contains(&format!("Exemple C1, policy 0004711: increase to 31 000.00 EUR: {why}")),
        "{told}"
    );
    let value: serde_json::Value = serde_json::from_str(&plan(&["--json"])).unwrap();
    assert_eq!((&value["held"][0]["waits"], &value["held"][0]["amount"]), (&why.into(), &"31000.00".into()));
    let mut tx = setup.ledger.read().await.unwrap();
    let deltas = tx.deltas("exemple", 100).await.unwrap();
    tx.rollback().await.unwrap();
    let missed = deltas.iter().find(|row| row.event == "deadline.missed").unwrap();
    assert_eq!(
        missed.summary,
        "Exemple C1: F1 (900.00 EUR) was not paid before 2026-06-08, the end of its extension period: cover is stopped, nothing \
         invoiced from that day on is covered; what was invoiced before keeps its cover."
    );

    world.export("encours_2.csv", format!("{ITEMS}{}{f2}", f1("0,00")).as_bytes());
    cycle_on(&setup, date("2026-06-11")).await;
    assert_eq!(requests().await, ["increase proposed"], "F1 is paid and the stop is lifted");
    assert!(!plan(&[]).contains("held back"));
}
