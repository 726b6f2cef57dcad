//! Orders through the cycle: from the ERP's list to the limit that is proposed, on both databases.

use encours::engine::Outcome;
use encours::ledger::EffectRow;

use super::cycle::{client, invoice};
use super::effects::{AUTOMATIC, effects};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, errors, insurer, run};

const ORDERS: &str =
    "N° commande;Code client;Raison sociale;Date commande;Devise;Montant TTC;Reste à facturer\n";

fn order(number: &str, account: &str, open: &str) -> String {
    format!("{number};{account};Exemple {account};10/03/2026;EUR;90000,00;{open}\n")
}

/// Account, state, amount in euros and why, of each request.
fn told(rows: &[EffectRow]) -> Vec<(String, String, i64, String)> {
    let one = |row: &EffectRow| {
        let amount = row.amount_minor.unwrap_or_default() / 100;
        (row.buyer_id.clone(), row.state.clone(), amount, row.why.clone())
    };
    rows.iter().filter(|row| row.policy == crate::support::world::POLICY).map(one).collect()
}

#[tokio::test]
async fn what_is_ordered_is_asked_for_before_it_is_invoiced() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let (_, url) = insurer("2026-03-20", vec![buyer(31_001, "000000018", vec![])]).await;
        let waits = AUTOMATIC.replace("automatic\"", "person\"");
        let world = World::new(&ledger).with_csv().with_insurer(&url).with(&waits);
        let setup = world.setup().await;
        world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "000000018", "")).as_bytes());
        world.export("encours_1.csv", ITEMS.as_bytes());
        let both = order("CC-1", "C1", "20000,00") + &order("CC-2", "C1", "5000,00");
        world.export("commandes_1.csv", format!("{ORDERS}{both}").as_bytes());
        let report = run(&setup, "2026-03-20").await;
        assert_eq!((report.outcome.clone(), errors(&report)), (Outcome::Done, vec![]));
        let [(who, state, amount, why)] = told(&effects(&setup).await).try_into().unwrap();
        assert_eq!((who.as_str(), state.as_str(), amount), ("siren:000000018", "proposed", 25_000));
        assert!(why.starts_with("Owed 0.00 EUR, 25 000.00 EUR more ordered and not invoiced"), "{why}");

        // A part is invoiced: the need is the same, and so is the proposal.
        let part = order("CC-1", "C1", "8000,00") + &order("CC-2", "C1", "5000,00");
        let f1 = invoice("F1", "C1", "21/03/2026", "20/04/2026", "12000,00", "12000,00");
        world.export("commandes_2.csv", format!("{ORDERS}{part}").as_bytes());
        world.export("encours_2.csv", format!("{ITEMS}{f1}").as_bytes());
        run(&setup, "2026-03-21").await;
        let [(_, state, amount, why)] = told(&effects(&setup).await).try_into().unwrap();
        assert_eq!((state.as_str(), amount), ("proposed", 25_000));
        assert!(why.starts_with("Owed 12 000.00 EUR, 13 000.00 EUR more ordered"), "{why}");

        // A list that cannot be read changes nothing; one without an order takes it out.
        world.export("commandes_3.csv", b"No column that is known\nx\n");
        let report = run(&setup, "2026-03-22").await;
        assert_eq!(errors(&report).len(), 1, "{:?}", errors(&report));
        assert_eq!(told(&effects(&setup).await)[0].2, 25_000);
        world.export("commandes_4.csv", format!("{ORDERS}{}", order("CC-1", "C1", "8000,00")).as_bytes());
        let report = run(&setup, "2026-03-23").await;
        let orders = report.operations.iter().find(|operation| operation.operation == "orders").unwrap();
        assert_eq!((orders.read, orders.new, orders.unchanged, orders.closed), (1, 0, 1, 1));
        assert_eq!(told(&effects(&setup).await)[0].2, 20_000);
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn a_second_order_of_one_number_and_one_below_zero_go_to_quarantine() {
    let (_, url) = insurer("2026-03-20", vec![]).await;
    let world = World::new(&sqlite()).with_csv().with_insurer(&url);
    let setup = world.setup().await;
    world.export("encours_1.csv", ITEMS.as_bytes());
    let listed =
        order("CC-1", "C1", "200,00") + &order("CC-1", "C1", "300,00") + &order("CC-2", "C1", "-1,00");
    world.export("commandes_1.csv", format!("{ORDERS}{listed}").as_bytes());
    let report = run(&setup, "2026-03-20").await;
    let orders = report.operations.iter().find(|operation| operation.operation == "orders").unwrap();
    assert_eq!((orders.read, orders.new, orders.quarantined), (3, 1, 2));
    let mut tx = setup.ledger.read().await.unwrap();
    let backlogs = tx.order_backlogs("exemple", None).await.unwrap();
    tx.rollback().await.unwrap();
    let of = ("account:erp:C1".to_owned(), "EUR".to_owned());
    assert_eq!(backlogs.into_iter().collect::<Vec<_>>(), [(of, 20_000)], "the account is known by its order");
    setup.ledger.close().await;
}
