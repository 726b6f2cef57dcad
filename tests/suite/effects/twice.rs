//! Amounts that an insurer states in two currencies: both are kept and shown, and one of them counts.

use std::process::{Command, Stdio};

use encours::model::{Layer, LayerKind};
use encours::sandbox::atradius::{DecisionCode, LayerSetup, Sandbox};

use super::{AUTOMATIC, cycle_on, date, effects};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, decision, errors, insurer_stating};

const SIREN: &str = "000000018";

/// A customer that owes 10 000 of a limit of 70 000, in two parts, that the insurer states in yen too.
async fn company() -> (Sandbox, World) {
    let layer = |amount, last: Option<&str>| {
        Some(LayerSetup { amount, expiry: last.map(date), conditions: Vec::new() })
    };
    let mut two = decision("2026-01-01", DecisionCode::Dc02, 80_000, 0);
    (two.first, two.second) = (layer(50_000, None), layer(20_000, Some("2026-12-31")));
    let (sandbox, url) =
        insurer_stating("2026-06-01", vec![buyer(31_001, SIREN, vec![two])], "JPY", 16_000).await;
    let world = World::new("sqlite:ledger.db")
        .with_csv()
        .with("[[connection]]\nid = \"to-load\"\nconnector = \"limits-file\"\nsettings = { out = \"to-load\", for = \"erp\" }")
        .with_insurer(&url)
        .with(AUTOMATIC);
    std::fs::create_dir(world.path().join("to-load")).unwrap();
    world.export("clients_1.csv", format!("{CLIENTS}C1;Exemple C1;{SIREN};;FR;;EUR;30;N\n").as_bytes());
    let row = "Facture;F1;C1;Exemple C1;15/05/2026;15/07/2026;EUR;10000,00;10000,00;N;\n";
    world.export("encours_1.csv", format!("{ITEMS}{row}").as_bytes());
    (sandbox, world)
}

async fn encours(world: &World, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_encours"));
    command.args(args).args(["--config"]).arg(world.file()).stdin(Stdio::null());
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test]
async fn both_amounts_of_a_limit_are_kept_as_stated_and_one_counts() {
    let (_sandbox, world) = company().await;
    let setup = world.setup().await;
    let report = cycle_on(&setup, date("2026-06-01")).await;
    assert_eq!(errors(&report), Vec::<String>::new());
    let mut tx = setup.ledger.read().await.unwrap();
    let limit = tx.limits("exemple").await.unwrap().remove(0).payload.0;
    let cover = tx.covers("exemple", None).await.unwrap().remove(0);
    let deltas = tx.deltas("exemple", 100).await.unwrap();
    tx.rollback().await.unwrap();
    setup.ledger.close().await;

    assert_eq!((limit.amount_minor, limit.currency.code()), (7_000_000, "EUR"));
    let other = limit.in_other_currency.unwrap();
    assert_eq!(
        (other.currency.code(), other.amount_minor, other.requested_minor),
        ("JPY", Some(11_200_000), Some(12_800_000)),
        "a yen has no decimals"
    );
    let layer = |kind, amount_minor, until| Layer { kind, amount_minor, until };
    assert_eq!(
        other.layers,
        [
            layer(LayerKind::Permanent, 8_000_000, None),
            layer(LayerKind::Temporary, 3_200_000, Some(date("2026-12-31")))
        ]
    );
    assert_eq!(
        (cover.currency.as_str(), cover.cap_minor, cover.covered_minor),
        ("EUR", 7_000_000, 1_000_000)
    );
    let granted = deltas.iter().find(|row| row.event == "limit.granted").unwrap();
    let told = &granted.data.0["in_other_currency"];
    assert_eq!(
        (told["currency"].as_str(), told["amount"].as_str(), told["requested"].as_str()),
        (Some("JPY"), Some("11200000"), Some("12800000"))
    );

    let table = encours(&world, &["limits"]).await;
    assert!(table.contains("stated as") && table.contains("11 200 000  JPY"), "{table}");
    let json: serde_json::Value =
        serde_json::from_str(&encours(&world, &["limits", "--json"]).await).unwrap();
    let shown = &json["limits"][0]["in_other_currency"];
    assert_eq!(
        (shown["amount"].as_str(), shown["layers"][1]["amount"].as_str()),
        (Some("11200000"), Some("3200000"))
    );
    let explained = encours(&world, &["explain", SIREN]).await;
    let sentence =
        "stated as 11 200 000 JPY too, of which 3 200 000 until 2026-12-31, 12 800 000 JPY were asked for";
    assert!(explained.contains(sentence), "{explained}");
}

/// What follows from nine days on which only the rate moves, or does not.
#[derive(Debug, PartialEq, Eq)]
struct Followed {
    deltas: Vec<(String, String)>,
    effects: Vec<(String, String, i64)>,
    covers: Vec<(i64, i64)>,
    statements: usize,
}

async fn nine_days(moves: bool) -> (Followed, usize) {
    let (sandbox, world) = company().await;
    let setup = world.setup().await;
    for on in 1..=9_u64 {
        let day = date(&format!("2026-06-{on:02}"));
        sandbox.set_today(day);
        if moves {
            sandbox.set_user_percent(16_000 + on);
        }
        let report = cycle_on(&setup, day).await;
        assert_eq!(errors(&report), Vec::<String>::new());
    }
    let mut tx = setup.ledger.read().await.unwrap();
    let versions = tx.limit_versions("exemple", None).await.unwrap().len();
    let deltas = tx.deltas("exemple", 100).await.unwrap();
    let covers = tx.covers("exemple", None).await.unwrap();
    tx.rollback().await.unwrap();
    let effects = effects(&setup).await;
    setup.ledger.close().await;
    let explained = encours(&world, &["explain", SIREN]).await;
    let table = encours(&world, &["limits"]).await;
    let stated = if moves { "11 206 300  JPY" } else { "11 200 000  JPY" };
    assert!(table.contains(stated), "the last word of the insurer: {table}");
    let followed = Followed {
        deltas: deltas.into_iter().map(|row| (row.event, row.summary)).collect(),
        effects: effects
            .into_iter()
            .map(|row| (row.action, row.state, row.amount_minor.unwrap_or(-1)))
            .collect(),
        covers: covers.into_iter().map(|row| (row.cap_minor, row.covered_minor)).collect(),
        statements: explained.matches("(DC02): ").count(),
    };
    (followed, versions)
}

#[tokio::test]
async fn a_rate_that_moves_every_day_is_kept_and_changes_nothing_that_follows() {
    let (still, one) = nine_days(false).await;
    let (moved, nine) = nine_days(true).await;
    assert_eq!((one, nine), (1, 9), "each statement of the insurer is kept");
    assert_eq!(moved, still, "no delta, no request, no file for the ERP and no cover is another");
    let reductions = still.effects.iter().filter(|(action, ..)| action == "reduce").count();
    assert_eq!(reductions, 1, "a limit too high all along is reduced, although its rate moved: {still:?}");
    assert_eq!(still.statements, 1, "`explain` tells one decision");
}
