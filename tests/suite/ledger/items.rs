//! Landing items: new, changed, unchanged, gone; what is kept of what was; and what a refusal leaves.

use std::collections::BTreeSet;

use encours::ledger::{Error, Landed, Tx};
use encours::model::{Allocation, Currency, Item, ItemKind};

use super::{COMPANY, Database};
use super::{ERP, Reading, account, at, contract, currency, day, invoice, invoices};
use encours::ledger::{AccountLanding, ItemLanding, ItemRow};

contract!(
    a_first_list_is_new,
    the_same_list_again_writes_nothing,
    a_change_keeps_the_old_version_and_the_first_due_date,
    an_item_that_moves_touches_both_accounts,
    what_is_gone_is_settled,
    a_second_row_of_one_key_is_handed_back,
    twenty_per_cent_may_vanish_and_not_one_item_more,
    a_refused_list_leaves_nothing_behind,
    a_savepoint_undoes_one_operation_alone,
    a_settled_item_opens_again,
    changes_alone_settle_nothing,
    changes_leave_an_item_to_the_list_that_sees_it_vanish,
    an_item_goes_with_the_operation_that_lists_it,
    control_totals_are_read_back,
    control_totals_of_changes_are_read_back,
    versions_within_one_run_are_one,
    open_items_come_by_buyer,
    items_of_a_buyer_are_read_with_the_settled_ones,
    allocations_are_written_once,
    a_first_landing_in_bulk_leaves_the_index_as_it_was,
    a_first_landing_in_bulk_waits_for_no_reader,
);

fn counts(landed: &Landed) -> (u64, u64, u64, u64) {
    (landed.new, landed.changed, landed.unchanged, landed.closed)
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn a_first_list_is_new(db: &Database) {
    let landed = db.snapshot(&invoices(25), 0).await;
    assert_eq!(counts(&landed), (25, 0, 0, 0));
    assert_eq!(landed.touched, set(&["C0", "C1", "C2", "C3", "C4"]));
    assert_eq!(db.open_items().await.len(), 25);
    assert_eq!(db.count("item", "operation = 'invoices' AND connection = 'erp'").await, 25);
    assert_eq!(db.count("item_history", "1 = 1").await, 0);
    assert_eq!(counts(&db.snapshot(&[], 1).await), (0, 0, 0, 25));
    assert_eq!(counts(&db.snapshot(&[], 2).await), (0, 0, 0, 0), "settled once");
}

async fn the_same_list_again_writes_nothing(db: &Database) {
    const STATE: &str = "SELECT external_id || ' ' || CAST(recorded_at AS TEXT) || ' ' || CAST(open_minor AS TEXT) FROM item ORDER BY external_id";
    let mut items = invoices(25);
    items[3].open_minor = 0;
    items[4].reference = Some(String::new());
    items[5].tax_minor = Some(0);
    db.snapshot(&items, 0).await;
    let before = db.texts(STATE).await;
    items.reverse();
    let again = db.snapshot(&items, 1).await;
    assert_eq!((counts(&again), &again.touched), ((0, 0, 25, 0), &BTreeSet::new()));
    assert_eq!((db.texts(STATE).await, db.count("item_history", "1 = 1").await), (before.clone(), 0));
    let changes = db.land(Reading::changes(2), &items).await.unwrap().0;
    assert_eq!((counts(&changes), changes.touched), ((0, 0, 25, 0), BTreeSet::new()));
    assert_eq!((db.texts(STATE).await, db.count("item_history", "1 = 1").await), (before, 0));
}

async fn a_change_keeps_the_old_version_and_the_first_due_date(db: &Database) {
    let first =
        Item { reference: Some("PO 1".to_owned()), tax_minor: Some(200), ..invoice("1", "C1", 1_200) };
    db.snapshot(std::slice::from_ref(&first), 0).await;
    let changed =
        Item { due: day("2026-06-30"), open_minor: 700, disputed: true, reference: None, ..first.clone() };
    let landed = db.snapshot(std::slice::from_ref(&changed), 10).await;
    assert_eq!((counts(&landed), landed.touched), ((0, 1, 0, 0), set(&["C1"])));
    let now = db
        .texts("SELECT CAST(due AS TEXT) || ' ' || CAST(original_due AS TEXT) || ' ' || CAST(open_minor AS TEXT) FROM item")
        .await;
    assert_eq!(now, ["2026-06-30 2026-04-30 700"]);
    let before = db
        .texts("SELECT CAST(due AS TEXT) || ' ' || CAST(original_due AS TEXT) || ' ' || CAST(open_minor AS TEXT) || ' ' || reference || ' ' || CAST(tax_minor AS TEXT) FROM item_history")
        .await;
    assert_eq!(before, ["2026-04-30 2026-04-30 1200 PO 1 200"]);
    assert_eq!(
        db.count(
            "item_history JOIN item ON item.external_id = item_history.external_id",
            "superseded_at = item.recorded_at"
        )
        .await,
        1,
        "what was ends where what is begins"
    );

    // Each field alone is a change.
    let fields: [fn(&mut Item); 13] = [
        |item| item.number.push('x'),
        |item| item.kind = ItemKind::CreditNote,
        |item| item.account = "C2".to_owned(),
        |item| item.currency = currency("USD"),
        |item| item.total_minor += 1,
        |item| item.open_minor += 1,
        |item| item.tax_minor = Some(0),
        |item| item.issued = day("2026-03-02"),
        |item| item.due = day("2026-07-01"),
        |item| item.due_estimated = true,
        |item| item.disputed = false,
        |item| item.reference = Some(String::new()),
        |item| item.reference = Some("PO 2".to_owned()),
    ];
    let mut item = changed;
    for (second, change) in (20..).zip(fields) {
        change(&mut item);
        let landed = db.snapshot(std::slice::from_ref(&item), second).await;
        assert_eq!(counts(&landed), (0, 1, 0, 0), "{item:?}");
    }
    assert_eq!(db.count("item_history", "1 = 1").await, 14);
    assert_eq!(db.count("item", "original_due <> due").await, 1);
}

async fn an_item_that_moves_touches_both_accounts(db: &Database) {
    db.snapshot(&invoices(10), 0).await;
    let mut items = invoices(10);
    items[0].account = "C4".to_owned();
    assert_eq!(db.snapshot(&items, 1).await.touched, set(&["C0", "C4"]), "the one it left owes less");
    items[1].account = "C9".to_owned();
    let landed = db.land(Reading::changes(2), &items[1..2]).await.unwrap().0;
    assert_eq!(landed.touched, set(&["C1", "C9"]));
}

async fn what_is_gone_is_settled(db: &Database) {
    db.snapshot(&invoices(25), 0).await;
    let mut rest = invoices(25);
    rest.truncate(21);
    rest.remove(7);
    let landed = db.land(Reading::snapshot(1), &rest).await.unwrap().0;
    assert_eq!(counts(&landed), (0, 0, 20, 5));
    assert_eq!(landed.touched, set(&["C1", "C2", "C3", "C4"]), "I007 and I021 to I024");
    assert_eq!(db.open_items().await.len(), 20);
    assert_eq!(
        db.texts("SELECT external_id FROM item WHERE open_minor = 0 ORDER BY external_id").await,
        ["I007", "I021", "I022", "I023", "I024"]
    );
    assert_eq!(
        db.texts(
            "SELECT external_id || '=' || CAST(open_minor AS TEXT) FROM item_history ORDER BY external_id"
        )
        .await,
        ["I007=1007", "I021=1021", "I022=1022", "I023=1023", "I024=1024"]
    );
    assert_eq!(counts(&db.snapshot(&rest, 2).await), (0, 0, 20, 0));
}

async fn a_second_row_of_one_key_is_handed_back(db: &Database) {
    let mut items = invoices(10);
    items.push(Item { open_minor: 5, ..items[2].clone() });
    items.insert(4, items[0].clone());
    for second in [0, 1] {
        // New to the ledger the first time, known the second: the same rows are handed back.
        let (landed, duplicates) = db.land(Reading::snapshot(second), &items).await.unwrap();
        assert_eq!(duplicates, [(6, 2), (13, 4)]);
        assert_eq!((landed.new + landed.unchanged, landed.changed, landed.closed), (10, 0, 0));
        assert_eq!(landed.ledger[&Currency::EUR], (10, 10 * 1_000 + 45), "the first one counts");
    }
    let (landed, duplicates) = db.land(Reading::changes(2), &items).await.unwrap();
    assert_eq!((counts(&landed), duplicates), ((0, 0, 10, 0), vec![(6, 2), (13, 4)]));
    assert_eq!(db.open_items().await.len(), 10);
}

async fn twenty_per_cent_may_vanish_and_not_one_item_more(db: &Database) {
    let items = invoices(25);
    db.snapshot(&items, 0).await;
    let error = db.land(Reading::snapshot(1), &items[6..]).await.unwrap_err();
    let Error::Vanished { connection, operation, gone, open, share, limit } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((connection.as_str(), operation.as_str()), ("erp", "invoices"));
    assert_eq!((*gone, *open, *share, *limit), (6, 25, 24, 20));
    assert!(error.to_string().contains("--accept-vanished"), "{error}");
    assert_eq!(
        counts(&db.land(Reading::snapshot(2), &items[5..]).await.unwrap().0),
        (0, 0, 20, 5),
        "a fifth exactly"
    );

    // The share is of what is open, and settled rows on the list are not gone.
    let mut settled = items[5..].to_vec();
    settled.iter_mut().for_each(|item| item.open_minor = 0);
    assert_eq!(counts(&db.land(Reading::snapshot(3), &settled).await.unwrap().0), (0, 20, 0, 0));
    assert_eq!(counts(&db.land(Reading::snapshot(4), &[]).await.unwrap().0), (0, 0, 0, 0));
}

/// The whole content of the tables that items are in.
async fn content(db: &Database) -> Vec<String> {
    db.texts(
        "SELECT external_id || ' ' || operation || ' ' || account || ' ' || CAST(open_minor AS TEXT) || ' ' || \
         CAST(recorded_at AS TEXT) FROM item UNION ALL SELECT external_id || ' ' || CAST(superseded_at AS TEXT) FROM item_history \
         ORDER BY 1",
    )
    .await
}

async fn a_refused_list_leaves_nothing_behind(db: &Database) {
    let items = invoices(25);
    db.snapshot(&items, 0).await;
    let before = content(db).await;
    let mut other = vec![invoice("new", "C9", 1), Item { open_minor: 7, ..items[20].clone() }];
    other.extend_from_slice(&items[21..]);
    let mut tx = db.begin().await;
    let mut savepoint = tx.savepoint().await.unwrap();
    let refused = Reading::snapshot(1).land(&mut savepoint, &other).await;
    assert!(matches!(refused, Err(Error::Vanished { gone: 20, .. })), "{refused:?}");
    drop(savepoint); // as a caller that returns early leaves it
    tx.commit().await.unwrap();
    assert_eq!(content(db).await, before);
    assert_eq!(counts(&db.snapshot(&items, 2).await), (0, 0, 25, 0));
}

async fn a_savepoint_undoes_one_operation_alone(db: &Database) {
    let mut tx = db.begin().await;
    let mut savepoint = tx.savepoint().await.unwrap();
    Reading::snapshot(0).land(&mut savepoint, &invoices(10)).await.unwrap();
    savepoint.commit().await.unwrap();

    let receipts = Reading { operation: "receipts", ..Reading::snapshot(0) };
    let mut savepoint = tx.savepoint().await.unwrap();
    receipts.land(&mut savepoint, &[invoice("R1", "C1", 5)]).await.unwrap();
    savepoint.rollback().await.unwrap();

    // A statement that the database refuses must not take the transaction with it.
    let mut savepoint = tx.savepoint().await.unwrap();
    let landing = ItemLanding::begin(&mut savepoint, "other", "invoices", true, at(0)).await.unwrap();
    drop(landing);
    let twice = Reading { connection: "other", ..Reading::snapshot(0) };
    twice.land(&mut savepoint, &[invoice("1", "C1", 5)]).await.unwrap();
    // As a second landing that began when the connection was empty: it takes everything for new.
    let mut first = ItemLanding::begin(&mut savepoint, "third", "a", true, at(0)).await.unwrap();
    let mut second = ItemLanding::begin(&mut savepoint, "third", "b", true, at(0)).await.unwrap();
    let row = || vec![(2, ItemRow::new(invoice("1", "C1", 5)))];
    first.write(&mut savepoint, row()).await.unwrap();
    let refused = second.write(&mut savepoint, row()).await;
    assert!(matches!(refused, Err(Error::Database(_))), "{refused:?}");
    savepoint.rollback().await.unwrap();

    Reading { operation: "others", ..Reading::snapshot(0) }
        .land(&mut tx, &[invoice("X", "C1", 5)])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        db.texts("SELECT DISTINCT operation FROM item ORDER BY operation").await,
        ["invoices", "others"]
    );
    assert_eq!(db.open_items().await.len(), 11);

    let mut tx = db.begin().await;
    Reading::snapshot(1).land(&mut tx, &invoices(12)).await.unwrap();
    drop(tx); // never committed
    assert_eq!(db.open_items().await.len(), 11);
}

async fn a_settled_item_opens_again(db: &Database) {
    let items = invoices(10);
    db.snapshot(&items, 0).await;
    db.snapshot(&items[2..], 1).await;
    assert_eq!(db.open_items().await.len(), 8);
    let landed = db.snapshot(&items[1..], 2).await;
    assert_eq!((counts(&landed), landed.touched), ((0, 1, 8, 0), set(&["C1"])));
    assert_eq!(landed.ledger[&Currency::EUR].0, 9);
    assert_eq!(db.open_items().await.len(), 9);
    assert_eq!(db.count("item_history", "external_id = 'I001'").await, 2, "open, settled, open again");
    assert_eq!(counts(&db.snapshot(&items[2..], 3).await), (0, 0, 8, 1), "and vanishes again");

    // Settled on the list itself, then left out, then back.
    let mut paid = items[2..].to_vec();
    paid[0].open_minor = 0;
    assert_eq!(counts(&db.snapshot(&paid, 4).await), (0, 1, 7, 0));
    assert_eq!(counts(&db.snapshot(&paid, 5).await), (0, 0, 8, 0));
    assert_eq!(counts(&db.snapshot(&paid[1..], 6).await), (0, 0, 7, 0));
    assert_eq!(counts(&db.snapshot(&items[2..], 7).await), (0, 1, 7, 0));
}

async fn changes_alone_settle_nothing(db: &Database) {
    let items = invoices(10);
    db.land(Reading::changes(0), &items).await.unwrap();
    let mut some = vec![items[3].clone(), items[8].clone(), invoice("new", "C7", 9)];
    some[0].open_minor = 0;
    let (landed, _) = db.land(Reading::changes(1), &some).await.unwrap();
    assert_eq!((counts(&landed), landed.touched), ((1, 1, 1, 0), set(&["C3", "C7"])));
    assert_eq!(db.open_items().await.len(), 10);
    // Known as settled, told again as settled; then open again.
    assert_eq!(counts(&db.land(Reading::changes(2), &some).await.unwrap().0), (0, 0, 3, 0));
    let (landed, _) = db.land(Reading::changes(3), &items[3..4]).await.unwrap();
    assert_eq!((counts(&landed), landed.ledger[&Currency::EUR]), ((0, 1, 0, 0), (1, 1_003)));
    assert_eq!(counts(&db.land(Reading::changes(4), &[]).await.unwrap().0), (0, 0, 0, 0));
    assert_eq!(db.open_items().await.len(), 11);
}

async fn changes_leave_an_item_to_the_list_that_sees_it_vanish(db: &Database) {
    let items = invoices(10);
    db.snapshot(&items, 0).await;
    let changes = Reading { operation: "payments", ..Reading::changes(1) };
    let part_paid = [Item { open_minor: 1, ..items[0].clone() }, items[1].clone()];
    assert_eq!(counts(&db.land(changes, &part_paid).await.unwrap().0), (0, 1, 1, 0));
    assert_eq!(db.count("item", "operation = 'invoices'").await, 10);
    assert_eq!(counts(&db.land(Reading::snapshot(2), &items[2..]).await.unwrap().0), (0, 0, 8, 2));
    assert_eq!(db.open_items().await.len(), 8);
}

async fn an_item_goes_with_the_operation_that_lists_it(db: &Database) {
    let items = invoices(10);
    db.snapshot(&items, 0).await;
    // The operation was renamed in the connector: the new one must see what it lists vanish.
    let renamed =
        |second| Reading { operation: "open_items", vanish_percent_max: 100, ..Reading::snapshot(second) };
    let (landed, _) = db.land(renamed(1), &items).await.unwrap();
    assert_eq!(
        (counts(&landed), &landed.touched),
        ((0, 0, 10, 0), &BTreeSet::new()),
        "nothing that matters has changed"
    );
    assert_eq!(landed.ledger[&Currency::EUR], (10, 10_045), "and the totals are of all it listed");
    assert_eq!(db.count("item_history", "1 = 1").await, 0);
    assert_eq!(counts(&db.land(renamed(2), &items[1..]).await.unwrap().0), (0, 0, 9, 1));
    assert_eq!(db.open_items().await.len(), 9);
    // Two operations of one connection do not settle each other's items.
    let receipts = Reading { operation: "receipts", ..Reading::snapshot(3) };
    let receipt = Item { kind: ItemKind::Receipt, ..invoice("R1", "C1", 50) };
    assert_eq!(counts(&db.land(receipts, &[receipt]).await.unwrap().0), (1, 0, 0, 0));
    assert_eq!(counts(&db.land(renamed(4), &items[1..]).await.unwrap().0), (0, 0, 9, 0));
    assert_eq!(db.open_items().await.len(), 10);
    // Nor do two connections, whose keys may be the same.
    let other = Reading { connection: "crm", ..Reading::snapshot(5) };
    assert_eq!(counts(&db.land(other, &items[..3]).await.unwrap().0), (3, 0, 0, 0));
    assert_eq!(db.open_items().await.len(), 13);
}

async fn control_totals_are_read_back(db: &Database) {
    let (usd, jpy, tnd) = (currency("USD"), currency("JPY"), currency("TND"));
    let of = |id: &str, kind, currency, open_minor| Item { kind, currency, ..invoice(id, "C1", open_minor) };
    let items = [
        of("1", ItemKind::Invoice, Currency::EUR, 1_000),
        of("2", ItemKind::CreditNote, Currency::EUR, 300),
        of("3", ItemKind::Receipt, Currency::EUR, 50),
        of("4", ItemKind::CreditNote, usd, 700),
        of("5", ItemKind::Invoice, jpy, 1_234_567_890_123),
        of("6", ItemKind::Invoice, jpy, 9_999_999_999_999),
        of("7", ItemKind::Invoice, tnd, 0),
        of("8", ItemKind::Invoice, Currency::EUR, 0),
    ];
    let want = [(Currency::EUR, (4, 650)), (usd, (1, -700)), (jpy, (2, 11_234_567_890_122)), (tnd, (1, 0))];
    for second in 0..3 {
        let landed = db.snapshot(&items, second).await;
        assert_eq!(landed.ledger, want.into(), "landing {second}");
        let source = want.into();
        let quarantined = [(tnd, (1, 5)), (currency("CHF"), (2, 0))].into();
        let totals = landed.control_totals(&source, &quarantined);
        let told: Vec<_> =
            totals.iter().map(|total| (total.currency.code().to_owned(), total.adds_up())).collect();
        let want = [("CHF", false), ("EUR", true), ("JPY", true), ("TND", false), ("USD", true)];
        assert_eq!(told, want.map(|(code, sound)| (code.to_owned(), sound)));
    }
    // The ledger's side is the ledger's: a row that is not there is missed.
    let mut tx = db.begin().await;
    let mut landing = ItemLanding::begin(&mut tx, ERP, "invoices", true, at(9)).await.unwrap();
    let rows = items.iter().map(|item| (1, ItemRow::new(item.clone()))).collect();
    landing.write(&mut tx, rows).await.unwrap();
    let lost = "DELETE FROM item WHERE external_id = '6'";
    match &mut tx {
        Tx::Sqlite(c) => sqlx::query(lost).execute(&mut **c).await.map(|done| done.rows_affected()),
        Tx::Postgres(c) => sqlx::query(lost).execute(&mut **c).await.map(|done| done.rows_affected()),
    }
    .unwrap();
    let landed = landing.finish(&mut tx, 100).await.unwrap();
    assert_eq!(landed.ledger[&jpy], (1, 1_234_567_890_123));
    tx.rollback().await.unwrap();
}

async fn control_totals_of_changes_are_read_back(db: &Database) {
    let usd = currency("USD");
    let mut items = invoices(1_000);
    for item in items.iter_mut().step_by(10) {
        item.kind = ItemKind::CreditNote;
        item.currency = usd;
    }
    items[1].open_minor = 0;
    let sum = |code: Currency| {
        items
            .iter()
            .filter(|item| item.currency == code)
            .map(|item| item.kind.sign() * item.open_minor)
            .sum::<i64>()
    };
    for second in 0..2 {
        let reading = Reading { batch: 450, ..Reading::changes(second) };
        let (landed, _) = db.land(reading, &items).await.unwrap();
        assert_eq!(
            landed.ledger,
            [(Currency::EUR, (900, sum(Currency::EUR))), (usd, (100, sum(usd)))].into()
        );
    }
}

async fn versions_within_one_run_are_one(db: &Database) {
    let of = |open| [invoice("1", "C1", open)];
    db.snapshot(&of(1_000), 0).await;
    let mut tx = db.begin().await;
    for (operation, open) in [("a", 900), ("b", 800), ("c", 700), ("d", 600)] {
        let reading = Reading { operation, ..Reading::changes(1) };
        assert_eq!(counts(&reading.land(&mut tx, &of(open)).await.unwrap().0), (0, 1, 0, 0));
    }
    tx.commit().await.unwrap();
    assert_eq!(
        db.texts("SELECT CAST(open_minor AS TEXT) FROM item_history").await,
        ["1000"],
        "nobody saw those between"
    );
    db.snapshot(&of(500), 2).await;
    assert_eq!(
        db.texts("SELECT CAST(open_minor AS TEXT) FROM item_history ORDER BY recorded_at").await,
        ["1000", "600"]
    );
}

async fn open_items_come_by_buyer(db: &Database) {
    let mut tx = db.begin().await;
    let mut accounts = AccountLanding::begin(&mut tx, ERP, at(0)).await.unwrap();
    let names: Vec<_> = (0..5).map(|n| account(&format!("C{n}"), &format!("Client {n}"), None)).collect();
    accounts.write(&mut tx, names).await.unwrap();
    let mut items = invoices(25);
    items[0].open_minor = 0;
    items[1].tax_minor = Some(items[1].total_minor / 5);
    Reading::snapshot(0).land(&mut tx, &items).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = db.ledger.read().await.unwrap();
    let mut all = Vec::new();
    tx.open_items(COMPANY, None, |buyer, row| {
        assert_eq!(&*row.connection, ERP);
        all.push((buyer.to_owned(), row.external_id, row.open_minor, row.net_minor));
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(all.len(), 24);
    assert!(all.is_sorted_by_key(|(buyer, ..)| buyer.clone()), "{all:?}");
    let net: Vec<_> = all.iter().filter_map(|(_, id, _, net)| Some((id.clone(), (*net)?))).collect();
    assert_eq!(net, [("I001".to_owned(), 801)], "four fifths of 1 001; of the others no tax is known");
    all.sort();
    // However small the parts that are put in order at once, the same items come in the order of buyers.
    for part_items in [0, 1, 5, 7, 23, 24, 1_000] {
        let mut parts = Vec::new();
        tx.open_items_in_parts(COMPANY, None, part_items, |buyer, row| {
            assert_eq!(&*row.connection, ERP);
            parts.push((buyer.to_owned(), row.external_id, row.open_minor, row.net_minor));
            Ok(())
        })
        .await
        .unwrap();
        assert!(parts.is_sorted_by_key(|(buyer, ..)| buyer.clone()), "parts of {part_items}: {parts:?}");
        parts.sort();
        assert_eq!(parts, all, "parts of {part_items}");
    }
    // More buyers than one statement takes, of which two owe.
    let mut wanted: BTreeSet<String> = (0..1_000).map(|n| format!("account:erp:X{n}")).collect();
    wanted.extend(["account:erp:C1".to_owned(), "account:erp:C3".to_owned()]);
    let mut some = Vec::new();
    tx.open_items(COMPANY, Some(&wanted), |buyer, _| {
        some.push(buyer.to_owned());
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(some.len(), 10);
    assert!(some.is_sorted() && some.iter().all(|id| id.ends_with("C1") || id.ends_with("C3")), "{some:?}");
    for (company, buyers) in [(COMPANY, Some(BTreeSet::new())), ("another", None)] {
        tx.open_items(company, buyers.as_ref(), |_, _| panic!("nothing was asked for")).await.unwrap();
    }
    tx.rollback().await.unwrap();
}

async fn items_of_a_buyer_are_read_with_the_settled_ones(db: &Database) {
    let mut tx = db.begin().await;
    let mut accounts = AccountLanding::begin(&mut tx, ERP, at(0)).await.unwrap();
    accounts.write(&mut tx, vec![account("C1", "Un", None), account("C2", "Deux", None)]).await.unwrap();
    let items = [
        Item { open_minor: 0, issued: day("2026-01-01"), ..invoice("a", "C1", 10) },
        Item { issued: day("2026-02-02"), ..invoice("b", "C1", 20) },
        Item { issued: day("2026-02-01"), due_estimated: true, disputed: true, ..invoice("c", "C1", 30) },
        invoice("d", "C2", 40),
    ];
    Reading::snapshot(0).land(&mut tx, &items).await.unwrap();
    let rows = tx.items_of(COMPANY, "account:erp:C1").await.unwrap();
    assert_eq!(rows.iter().map(|row| row.external_id.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
    assert_eq!(
        (rows[0].due_estimated, rows[0].disputed, rows[1].due_estimated, rows[1].disputed),
        (true, true, false, false)
    );
    assert_eq!(rows[0].kind, "invoice");
    assert_eq!(tx.items_of("another", "account:erp:C1").await.unwrap(), []);
    tx.rollback().await.unwrap();
}

async fn allocations_are_written_once(db: &Database) {
    let of = |id: &str, amount_minor| Allocation {
        external_id: id.to_owned(),
        from: "R1".to_owned(),
        to: "F1".to_owned(),
        currency: Currency::EUR,
        amount_minor,
        date: day("2026-03-01"),
    };
    let all: Vec<_> = (0..900).map(|n| of(&format!("A{n}"), n)).collect();
    let mut tx = db.begin().await;
    assert_eq!(tx.land_allocations(ERP, &all, at(0)).await.unwrap(), 900);
    assert_eq!(tx.land_allocations(ERP, &all, at(1)).await.unwrap(), 0);
    assert_eq!(tx.land_allocations(ERP, &[of("A1", 5), of("A2", 2)], at(2)).await.unwrap(), 1);
    assert_eq!(
        tx.land_allocations(ERP, &[of("A1", 6), of("A1", 7)], at(3)).await.unwrap(),
        1,
        "one key twice"
    );
    assert_eq!(
        tx.land_allocations(ERP, &[of("A1", 6), of("A1", 7)], at(4)).await.unwrap(),
        0,
        "and quiet again"
    );
    tx.commit().await.unwrap();
    assert_eq!(
        db.texts("SELECT CAST(amount_minor AS TEXT) FROM allocation WHERE external_id = 'A1'").await,
        ["7"]
    );
}

/// The definition of the index of open items, as the database has it; empty without one.
async fn index(db: &Database) -> Vec<String> {
    let sql = match db.place {
        super::Place::Sqlite(_) => "SELECT sql FROM sqlite_master WHERE name = 'item_open_by_account'",
        super::Place::Postgres(_) => {
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'item_open_by_account'"
        }
    };
    db.texts(sql).await
}

/// More rows at once than a statement of values takes, so that PostgreSQL copies them.
const fn in_bulk(connection: &'static str, second: i64) -> Reading {
    Reading { connection, batch: 5_000, vanish_percent_max: 100, ..Reading::snapshot(second) }
}

async fn a_first_landing_in_bulk_leaves_the_index_as_it_was(db: &Database) {
    let before = index(db).await;
    assert_eq!(before.len(), 1);
    let items = invoices(5_000);
    let mut tx = db.begin().await;
    let mut savepoint = tx.savepoint().await.unwrap();
    in_bulk(ERP, 0).land(&mut savepoint, &items).await.unwrap();
    savepoint.rollback().await.unwrap(); // as when its control totals do not add up
    let mut savepoint = tx.savepoint().await.unwrap();
    let landed = in_bulk(ERP, 0).land(&mut savepoint, &items).await.unwrap().0;
    savepoint.commit().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((counts(&landed), landed.ledger[&Currency::EUR].0), ((5_000, 0, 0, 0), 5_000));
    assert_eq!(index(db).await, before);
    // The bulk way and the row by row way write the same.
    let other = Reading { batch: 100, ..in_bulk("crm", 1) };
    db.land(other, &items).await.unwrap();
    let rows = async |connection: &str| {
        let sql = format!(
            "SELECT external_id || number || kind || account || currency || CAST(total_minor AS TEXT) || \
             CAST(open_minor AS TEXT) || CAST(issued AS TEXT) || CAST(due AS TEXT) || CAST(original_due AS TEXT) || \
             CAST(disputed AS TEXT) || operation FROM item WHERE connection = '{connection}' ORDER BY external_id"
        );
        db.texts(&sql).await
    };
    assert!(rows(ERP).await == rows("crm").await, "both ways write the same");
    let same =
        "item AS a JOIN item AS b ON a.external_id = b.external_id AND a.content_hash = b.content_hash";
    assert_eq!(db.count(same, "a.connection = 'erp' AND b.connection = 'crm'").await, 5_000);
}

async fn a_first_landing_in_bulk_waits_for_no_reader(db: &Database) {
    let mut reading = db.ledger.read().await.unwrap();
    assert_eq!(reading.items_of(COMPANY, "nobody").await.unwrap(), []);
    let began = std::time::Instant::now();
    db.land(in_bulk(ERP, 0), &invoices(5_000)).await.unwrap();
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    reading.rollback().await.unwrap();
    assert_eq!(index(db).await.len(), 1);
}

/// Two companies whose daemons start together: both begin when there is no item yet. SQLite has one run at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_two_first_landings_in_bulk_do_not_stop_each_other() {
    let db = Database::postgres().await;
    let mut runs = Vec::new();
    for connection in ["one", "other"] {
        let mut tx = db.begin().await;
        let landing = ItemLanding::begin(&mut tx, connection, "invoices", true, at(0)).await.unwrap();
        runs.push((tx, landing));
    }
    let both = runs.into_iter().map(|(mut tx, mut landing)| async move {
        let rows = (2..).zip(invoices(5_000).into_iter().map(ItemRow::new)).collect();
        landing.write(&mut tx, rows).await?;
        let landed = landing.finish(&mut tx, 20).await?;
        tx.commit().await?;
        Ok::<u64, Error>(landed.new)
    });
    for landed in futures_util::future::join_all(both).await {
        assert_eq!(landed.unwrap(), 5_000);
    }
    assert_eq!((index(&db).await.len(), db.open_items().await.len()), (1, 10_000));
    db.remove().await;
}
