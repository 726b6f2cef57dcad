//! Stops of cover through the cycle: from the ERP's list to figures, breaks and deltas, on both databases.

use encours::engine::Setup;
use encours::engine::stops::{LiftedByHand, lift_by_hand};
use encours::ledger::CoverStopRow;
use encours::sandbox::atradius::DecisionCode;

use super::cycle::{client, invoice};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, day, decision, deltas, errors, insurer, run};

const BUYER: &str = "siren:000000018";

fn f1() -> String {
    invoice("F1", "C1", "16/12/2025", "15/01/2026", "60000,00", "60000,00")
}

fn later() -> String {
    let f2 = invoice("F2", "C1", "14/03/2026", "13/04/2026", "5000,00", "5000,00");
    f2 + &invoice("F3", "C1", "18/03/2026", "17/04/2026", "7000,00", "7000,00")
}

async fn world(ledger: &str, lifts: &str) -> (World, Setup) {
    let story = vec![decision("2025-01-01", DecisionCode::Dc01, 100_000, 100_000)];
    let (_, url) = insurer("2026-03-20", vec![buyer(31_001, "000000018", story)]).await;
    let world = World::new(ledger)
        .with_csv()
        .with_insurer(&url)
        .with(&format!("mep_days = 60\n[policy.cover_stop]\nthreshold = \"500.00\"\nlifts = \"{lifts}\""));
    let file = std::fs::read_to_string(world.file()).unwrap();
    std::fs::write(world.path().join("encours.toml"), file.replace("2026-01-01", "2025-01-01")).unwrap();
    let config = encours::config::Config::load(&world.path().join("encours.toml")).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let setup = Setup::open(&config).await.unwrap();
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "000000018", "100 000,00")).as_bytes());
    (world, setup)
}

/// Covered and uninsured in euros, and the stops that are remembered.
async fn stand(setup: &Setup) -> (i64, i64, Vec<CoverStopRow>) {
    let mut tx = setup.ledger.read().await.unwrap();
    let cover = tx.covers("exemple", None).await.unwrap().remove(0);
    let stops = tx.cover_stops("exemple", None).await.unwrap();
    tx.rollback().await.unwrap();
    (cover.covered_minor / 100, cover.uninsured_minor / 100, stops)
}

async fn open_breaks(setup: &Setup) -> Vec<String> {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.open_breaks("exemple").await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter().filter(|row| row.kind == "cover_stopped").map(|row| row.ours).collect()
}

#[tokio::test]
async fn example_b_a_stop_that_lifts_by_payment() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (world, setup) = world(&ledger, "payment").await;
        world.export("encours_1.csv", format!("{ITEMS}{}{}", f1(), later()).as_bytes());
        let report = run(&setup, "2026-03-20").await;
        assert_eq!(errors(&report), Vec::<String>::new());
        assert!(deltas(&report).contains(&"cover.stopped=1".to_owned()), "{:?}", deltas(&report));
        let (covered, uninsured, stops) = stand(&setup).await;
        assert_eq!((covered, uninsured), (65_000, 7_000), "F1 and F2 are covered, F3 is not");
        assert_eq!(
            (stops[0].stopped_on, stops[0].cause_number.as_str(), stops.len()),
            (day("2026-03-16"), "F1", 1)
        );
        assert_eq!(open_breaks(&setup).await, ["F1 was not paid within the extension period"]);
        for on in ["2026-03-20", "2026-03-21"] {
            let again = run(&setup, on).await;
            assert!(!deltas(&again).iter().any(|told| told.starts_with("cover.")), "{:?}", deltas(&again));
        }

        world.export(
            "encours_2.csv",
            format!("{ITEMS}{}{}", f1().replace("60000,00;N", "0,00;N"), later()).as_bytes(),
        );
        let report = run(&setup, "2026-03-25").await;
        assert!(deltas(&report).contains(&"cover.lifted=1".to_owned()), "{:?}", deltas(&report));
        let (covered, uninsured, stops) = stand(&setup).await;
        assert_eq!((covered, uninsured), (12_000, 0), "F3 regains cover");
        assert_eq!(
            (stops[0].lifted_on, stops[0].lifted_why.as_deref()),
            (Some(day("2026-03-25")), Some("payment"))
        );
        assert_eq!(open_breaks(&setup).await, Vec::<String>::new());
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn a_stop_that_stays_is_remembered_until_a_person_says_so() {
    let (world, setup) = world(&sqlite(), "stays").await;
    world.export("encours_1.csv", format!("{ITEMS}{}{}", f1(), later()).as_bytes());
    run(&setup, "2026-03-20").await;
    // An invoice that is older still arrives late: the stop moves back to its own day.
    let f0 = invoice("F0", "C1", "05/12/2025", "05/01/2026", "900,00", "900,00");
    world.export("encours_2.csv", format!("{ITEMS}{f0}{}{}", f1(), later()).as_bytes());
    let report = run(&setup, "2026-03-21").await;
    assert!(deltas(&report).contains(&"cover.stopped=1".to_owned()), "{:?}", deltas(&report));
    let (covered, _, stops) = stand(&setup).await;
    assert_eq!((stops[0].stopped_on, stops[0].cause_number.as_str()), (day("2026-03-06"), "F0"));
    assert_eq!(covered, 60_900, "F2 of 14 March is after it now");

    let paid = (f0 + &f1()).replace("60000,00;N", "0,00;N").replace("900,00;N", "0,00;N");
    world.export("encours_3.csv", format!("{ITEMS}{paid}{}", later()).as_bytes());
    let report = run(&setup, "2026-03-25").await;
    assert!(!deltas(&report).iter().any(|told| told.starts_with("cover.")), "{:?}", deltas(&report));
    let (covered, uninsured, _) = stand(&setup).await;
    assert_eq!((covered, uninsured), (0, 12_000), "all is paid, and the insurer has not said a word");

    let said = LiftedByHand {
        buyer: BUYER,
        policy: None,
        from: day("2026-03-18"),
        by: "Ada",
        because: "its letter of 26 March",
        day: day("2026-03-26"),
        now: encours::clock::now(),
    };
    assert_eq!(lift_by_hand(&setup, &said).await.unwrap().len(), 1);
    assert_eq!(lift_by_hand(&setup, &said).await.unwrap().len(), 0, "there is nothing left to lift");
    run(&setup, "2026-03-26").await;
    let (covered, uninsured, stops) = stand(&setup).await;
    assert_eq!((covered, uninsured), (7_000, 5_000), "F3 of 18 March is covered again, F2 is not");
    assert_eq!(
        (stops[0].lifted_by.as_deref(), stops[0].because.as_deref(), stops[0].lifted_on),
        (Some("Ada"), Some("its letter of 26 March"), Some(day("2026-03-26")))
    );
    assert_eq!(open_breaks(&setup).await, Vec::<String>::new());
}
