//! What insurers decide in layers and with dates, as cover on each day.

use encours::engine::Setup;
use encours::sandbox::atradius::{ConditionSetup, DecisionCode, LayerSetup};

use super::{cycle_on, date};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, decision, errors, insurer};

/// What may be covered of a buyer on a day, in whole euros, after a cycle on it.
async fn cap(setup: &Setup, buyer: &str, on: &str) -> i64 {
    cycle_on(setup, date(on)).await;
    let mut tx = setup.ledger.read().await.unwrap();
    let covers = tx.covers(&setup.company.id, None).await.unwrap();
    tx.rollback().await.unwrap();
    covers.iter().find(|row| row.buyer_id == buyer).unwrap().cap_minor / 100
}

fn layer(amount: u64, last: Option<&str>) -> Option<LayerSetup> {
    let conditions = vec![ConditionSetup { code: "C1".to_owned(), text: "Retention of title".to_owned() }];
    Some(LayerSetup { amount, expiry: last.map(|day| day.parse().unwrap()), conditions })
}

#[tokio::test]
async fn kept_announced_and_temporary_cover_counts_until_its_day() {
    let mut kept = decision("2026-02-01", DecisionCode::Dc05, 80_000, 0);
    kept.first = None;
    let mut announced = decision("2026-02-01", DecisionCode::Dc21, 0, 0);
    announced.first = None;
    announced.withdrawal_date = Some(date("2026-03-10"));
    let mut two = decision("2026-01-01", DecisionCode::Dc02, 70_000, 0);
    (two.first, two.second) = (layer(50_000, None), layer(20_000, Some("2026-06-30")));
    let granted = |amount| decision("2026-01-01", DecisionCode::Dc01, amount, amount);
    let buyers = vec![
        buyer(31_001, "000000018", vec![granted(40_000), kept]),
        // An even number: this insurer prints the day of the withdrawal.
        buyer(31_002, "000000026", vec![granted(30_000), announced]),
        buyer(31_003, "000000034", vec![two]),
    ];
    let (sandbox, url) = insurer("2026-02-15", buyers).await;
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url);
    let clients = ["000000018", "000000026", "000000034"];
    let clients =
        clients.iter().enumerate().map(|(n, siren)| format!("C{n};Exemple C{n};{siren};;FR;;EUR;30;N\n"));
    world.export("clients_1.csv", format!("{CLIENTS}{}", clients.collect::<String>()).as_bytes());
    let items = (0..3)
        .map(|n| format!("Facture;F{n};C{n};Exemple C{n};10/02/2026;10/04/2026;EUR;100,00;100,00;N;\n"));
    world.export("encours_1.csv", format!("{ITEMS}{}", items.collect::<String>()).as_bytes());
    let setup = world.setup().await;

    assert_eq!(
        cap(&setup, "siren:000000018", "2026-02-15").await,
        40_000,
        "DC05: the increase is refused, the cover stays"
    );
    assert_eq!(
        cap(&setup, "siren:000000026", "2026-02-15").await,
        30_000,
        "DC21: announced, and valid today"
    );
    assert_eq!(cap(&setup, "siren:000000034", "2026-02-15").await, 70_000, "both layers");
    sandbox.set_today(date("2026-03-09"));
    assert_eq!(cap(&setup, "siren:000000026", "2026-03-09").await, 30_000, "the last day");
    // The insurer is not read on the day itself: the announcement is enough.
    assert_eq!(cap(&setup, "siren:000000026", "2026-03-10").await, 0, "withdrawn from its day on");
    sandbox.set_today(date("2026-06-30"));
    assert_eq!(
        cap(&setup, "siren:000000034", "2026-06-30").await,
        70_000,
        "the last day of the temporary layer"
    );
    assert_eq!(cap(&setup, "siren:000000034", "2026-07-01").await, 50_000, "what is permanent stays");
    assert_eq!(cap(&setup, "siren:000000018", "2026-07-01").await, 40_000);

    let mut tx = setup.ledger.read().await.unwrap();
    let limits = tx.limits("exemple").await.unwrap();
    tx.rollback().await.unwrap();
    let layered = limits.iter().find(|row| row.insurer_buyer_id == "31003").unwrap();
    assert_eq!(layered.payload.conditions.len(), 1, "a condition that both layers repeat is one");
}

#[tokio::test]
async fn a_top_up_is_a_layer_over_the_named_limit() {
    let opened = encours::sandbox::find("allianz")
        .unwrap()
        .open(&encours::sandbox::Options {
            seed: 1,
            day: Some(date("2026-06-01")),
            ..encours::sandbox::Options::default()
        })
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, opened.insurer.router()).into_future());
    let world = World::new("sqlite:ledger.db").with_csv().with(&(opened.configuration)(&url));
    world.export("encours_1.csv", ITEMS.as_bytes());
    let setup = world.setup().await;
    let report = cycle_on(&setup, date("2026-06-01")).await;
    assert_eq!(errors(&report), Vec::<String>::new());
    let mut tx = setup.ledger.read().await.unwrap();
    let limits = tx.limits("exemple").await.unwrap();
    tx.rollback().await.unwrap();
    let theirs = opened.insurer.limits();
    let topped: Vec<_> = limits
        .iter()
        .filter(|row| row.payload.layers.iter().any(|layer| layer.kind == encours::model::LayerKind::TopUp))
        .collect();
    let told: Vec<_> = limits.iter().map(|row| (&row.insurer_buyer_id, &row.payload.layers)).collect();
    assert!(!topped.is_empty(), "this insurer tops up some buyers: {told:?}");
    assert!(topped.iter().any(|row| row.payload.layers.len() > 1), "over a named limit");
    for row in topped {
        let sum: i64 = row.payload.layers.iter().map(|layer| layer.amount_minor).sum();
        assert_eq!(
            (sum, row.payload.amount_minor),
            (theirs[&row.insurer_buyer_id], theirs[&row.insurer_buyer_id])
        );
    }
}
