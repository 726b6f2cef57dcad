//! A real Tryton 8.2 server → ledger → exposure against the insurer's limits → deltas read from a real RabbitMQ.

use std::collections::BTreeMap;

use encours::engine::{CycleOptions, Outcome, Report, Setup, cycle, publish};
use encours::model::{Currency, render_minor};
use encours::sandbox::atradius::DecisionCode;

use crate::support::broker::{Consumer, vhost};
use crate::support::database::Postgres;
use crate::support::service;
use crate::support::world::{World, buyer, decision, deltas, errors, insurer};

const DAY: &str = "2026-11-23";

fn spare(number: usize) -> String {
    let spares = service("ENCOURS_TEST_TRYTON_SPARES");
    spares.split([' ', ',']).filter(|name| !name.is_empty()).nth(number).expect("a spare database").to_owned()
}

fn connection(database: &str) -> String {
    format!(
        "[[connection]]\nid = \"erp\"\nconnector = \"tryton\"\nurl = \"{}\"\nsettings = {{ database = \"{database}\", user = \"{}\", password = \"{}\" }}",
        service("ENCOURS_TEST_TRYTON_URL"),
        service("ENCOURS_TEST_TRYTON_USER"),
        service("ENCOURS_TEST_TRYTON_PASSWORD"),
    )
}

/// Runs one of the scripts that speak to Tryton as another program would.
async fn script(database: &str, name: &str, arguments: &[&str]) -> serde_json::Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tryton");
    let mut command = std::process::Command::new(service("ENCOURS_TEST_TRYTON_PYTHON"));
    command.current_dir(folder).arg(name).args(arguments).env("ENCOURS_TEST_TRYTON_DB", database);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn today(setup: &Setup) -> Report {
    cycle(setup, DAY.parse().unwrap(), &CycleOptions::default(), &|_| {}).await.unwrap()
}

/// What the ledger holds, held against what Tryton says of itself: by currency in total, and by party where all is in euros.
async fn agrees(setup: &Setup, database: &str) -> String {
    let truth = script(database, "balance.py", &[]).await;
    let mut tx = setup.ledger.begin().await.unwrap();
    let outstanding = tx.outstanding("exemple").await.unwrap();
    let ours: BTreeMap<String, String> = outstanding
        .iter()
        .filter(|(_, minor)| **minor != 0)
        .map(|(c, m)| (c.to_string(), render_minor(*m, *c)))
        .collect();
    let theirs: BTreeMap<String, String> = serde_json::from_value(truth["by_currency"].clone()).unwrap();
    assert_eq!(ours, theirs, "open amounts by currency");
    let exposures = tx.exposures("exemple", None).await.unwrap();
    let foreign: Vec<&str> =
        exposures.iter().filter(|e| e.currency != "EUR").map(|e| e.buyer_id.as_str()).collect();
    let accounts = tx.accounts("exemple").await.unwrap();
    let mut compared = 0;
    for account in accounts.iter().filter(|account| !foreign.contains(&account.buyer_id.as_str())) {
        let ours =
            exposures.iter().find(|e| e.buyer_id == account.buyer_id).map_or(0, |e| e.outstanding_minor);
        let ours = render_minor(ours, Currency::EUR);
        assert_eq!(
            Some(ours.as_str()),
            truth["parties"][&account.code].as_str(),
            "{} {}",
            account.code,
            account.name
        );
        compared += 1;
    }
    assert!(compared >= 6, "parties in euros only: {compared}");
    tx.rollback().await.unwrap();
    truth["total"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn tryton_to_rabbitmq_and_then_one_payment_is_the_one_change() {
    let database = spare(0);
    let postgres = Postgres::new().await;
    let amqp = vhost("tryton").await;
    let grant = |amount| vec![decision("2026-01-02", DecisionCode::Dc01, amount, amount)];
    let (_sandbox, url) =
        insurer(DAY, vec![buyer(41_001, "999001019", grant(15_000)), buyer(41_002, "999001027", grant(500))])
            .await;
    let world =
        World::new(&postgres.url).with(&connection(&database)).with_insurer(&url).with_amqp(&amqp.url);
    let setup = world.setup().await;

    let first = today(&setup).await;
    assert_eq!((first.outcome.clone(), errors(&first)), (Outcome::Done, vec![]));
    assert_eq!(first.records().2, 0, "nothing in quarantine");
    assert!(first.adds_up());
    agrees(&setup, &database).await;
    let mut tx = setup.ledger.begin().await.unwrap();
    assert_eq!(tx.find_buyers("exemple", "00012").await.unwrap().len(), 1, "codes are text");
    assert_eq!(tx.find_buyers("exemple", "1E5").await.unwrap().len(), 1, "codes are text");
    let bakery = tx.find_buyers("exemple", "00012").await.unwrap().remove(0);
    assert_eq!(bakery.id, "siren:999001019");
    let instalments: Vec<_> = tx.items_of("exemple", &bakery.id).await.unwrap();
    assert!(!instalments.is_empty());
    tx.rollback().await.unwrap();
    assert!(publish(&setup).await.unwrap().unwrap().published > 0);
    let seen = Consumer::all(&amqp.url, "encours.deltas.all").await;
    assert!(seen.iter().any(|m| m.routing_key == "limit.granted.insurer.fr"), "{seen:?}");

    let again = today(&setup).await;
    assert_eq!((errors(&again), deltas(&again)), (vec![], vec![]), "unchanged Tryton says nothing");

    // A payment is made in Tryton by another user.
    let mut tx = setup.ledger.begin().await.unwrap();
    let open = tx.items_of("exemple", &bakery.id).await.unwrap();
    tx.rollback().await.unwrap();
    let invoice =
        open.iter().find(|i| i.kind == "invoice" && i.open_minor > 20_000 && i.currency == "EUR").unwrap();
    let paid = script(&database, "pay.py", &["--invoice", &invoice.number, "--amount", "100.25"]).await;
    assert_eq!(paid["invoice"].as_str(), Some(invoice.number.as_str()));
    let after = today(&setup).await;
    assert_eq!((errors(&after), deltas(&after)), (vec![], vec!["exposure.changed=1".to_owned()]));
    agrees(&setup, &database).await;
    assert_eq!(publish(&setup).await.unwrap().unwrap().published, 1);
    let seen = Consumer::all(&amqp.url, "encours.deltas.all").await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].routing_key, "exposure.changed.erp.fr");
    assert_eq!(seen[0].body["data"]["buyer"]["id"].as_str(), Some(bakery.id.as_str()));
    drop(setup);
    postgres.drop().await;
    amqp.remove().await;
}

#[tokio::test]
async fn a_refused_sign_in_pauses_tryton_and_names_the_setting() {
    let postgres = Postgres::new().await;
    let text = connection(&spare(1)).replace(&service("ENCOURS_TEST_TRYTON_PASSWORD"), "not the password");
    let world = World::new(&postgres.url).with(&text);
    let setup = world.setup().await;
    let report = today(&setup).await;
    assert_eq!(report.paused.len(), 1, "{:?}", errors(&report));
    assert!(report.paused[0].1.contains("password"), "{:?}", report.paused);
    drop(setup);
    postgres.drop().await;
}
