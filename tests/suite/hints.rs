//! A partner's call back makes the next cycle come early, and does nothing else.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use encours::engine::{self, Hints, Setup};
use encours::server;
use tokio::sync::Notify;

use super::cycle::invoice;
use crate::support::world::{ITEMS, World};

async fn runs(setup: &Setup) -> usize {
    let mut tx = setup.ledger.read().await.unwrap();
    let runs = tx.runs("exemple", 100).await.unwrap();
    tx.rollback().await.unwrap();
    runs.len()
}

async fn until_runs_are(setup: &Setup, count: usize) {
    let reached = async {
        while runs(setup).await < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), reached).await.unwrap();
}

async fn owed(setup: &Setup) -> i64 {
    let mut tx = setup.ledger.read().await.unwrap();
    let owed = tx.exposures("exemple", None).await.unwrap().iter().map(|row| row.outstanding_minor).sum();
    tx.rollback().await.unwrap();
    owed
}

#[tokio::test]
async fn a_call_back_makes_the_next_cycle_come_early_and_several_are_one() {
    let opened = encours::sandbox::find("allianz")
        .unwrap()
        .open(&encours::sandbox::Options { seed: 1, ..encours::sandbox::Options::default() })
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, opened.insurer.router()).into_future());
    let world = World::new("sqlite:ledger.db")
        .with("[schedule]\nevery_minutes = 600\nhint_seconds = 0\n\n[server]\nlisten = \"127.0.0.1:0\"")
        .with_csv()
        .with(&(opened.configuration)(&url));
    let export = |amount: &str| {
        let row = invoice("F1", "C1", "01/06/2026", "01/08/2026", "900,00", amount);
        world.export("encours_1.csv", format!("{ITEMS}{row}").as_bytes());
    };
    export("900,00");
    let setup = world.setup().await;
    let insurer = setup.connections[1].id.clone();

    let listener = server::listen(setup.server.unwrap().listen).await.unwrap();
    let base = format!("http://{}/hints", listener.local_addr().unwrap());
    let (hints, stop) = (Arc::new(Hints::default()), Arc::new(Notify::new()));
    let (ended, stopping) = (Arc::clone(&stop), Arc::new(Notify::new()));
    let hearing = {
        let stopping = Arc::clone(&stopping);
        server::serve(&setup, listener, Arc::clone(&hints), async move { stopping.notified().await })
    };
    let daemon = engine::run(&setup, &hints, async move { ended.notified().await });
    let story = async {
        until_runs_are(&setup, 1).await;
        assert_eq!(owed(&setup).await, 90_000);
        export("400,00");
        let call = |to: &str| reqwest::get(format!("{base}/{to}"));
        for nobody in ["erp", "another", ""] {
            assert_eq!(call(nobody).await.unwrap().status().as_u16(), 404, "\"{nobody}\" calls nobody back");
        }
        assert_eq!(runs(&setup).await, 1);
        assert_eq!(call(&insurer).await.unwrap().status().as_u16(), 202);
        until_runs_are(&setup, 2).await;
        assert_eq!(owed(&setup).await, 40_000);
        for _ in 0..5 {
            hints.give();
        }
        until_runs_are(&setup, 3).await;
        stop.notify_one();
        stopping.notify_one();
    };
    let (done, heard, ()) = tokio::join!(daemon, hearing, story);
    done.unwrap();
    heard.unwrap();
    assert_eq!(runs(&setup).await, 3, "one interval, one call and five hints at once");
    assert_eq!(owed(&setup).await, 40_000);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_the_setting() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let told = server::listen(address).await.unwrap_err().to_string();
    assert!(told.starts_with(&format!("[server] listen = \"{address}\": ")), "{told}");
    assert!(told.ends_with("choose another address, or leave [server] away"), "{told}");
}
