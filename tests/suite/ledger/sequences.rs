//! Whatever lists came before, the last one says what is open; and the counts of each landing are true.

use std::collections::BTreeMap;

use encours::ledger::Ledger;
use encours::model::{Item, ItemKind};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Database, Reading, currency, invoice};

/// What a list says of one key: open amount, account, kind and currency.
type Row = (i64, u8, bool, bool);
/// What a list says, by key: no key twice.
type List = BTreeMap<u8, Row>;

fn lists() -> impl Strategy<Value = Vec<(bool, List)>> {
    let row = (0_i64..4, 0_u8..3, any::<bool>(), any::<bool>());
    let list = prop::collection::btree_map(0_u8..12, row, 0..10);
    // Most readings are whole lists; some bring changes only.
    prop::collection::vec((prop::bool::weighted(0.75), list), 1..7)
}

fn items(list: &List) -> Vec<Item> {
    let of = |(key, (open, account, is_credit, is_dollars)): (&u8, &Row)| Item {
        kind: if *is_credit { ItemKind::CreditNote } else { ItemKind::Invoice },
        currency: if *is_dollars { currency("USD") } else { currency("EUR") },
        ..invoice(&format!("I{key}"), &format!("C{account}"), *open)
    };
    list.iter().map(of).collect()
}

/// A ledger that holds the same as the real one should, kept in a map.
#[derive(Default)]
struct Model {
    items: BTreeMap<u8, Row>,
    history: usize,
}

impl Model {
    /// New, changed, unchanged and closed, of landing a list.
    fn land(&mut self, is_snapshot: bool, list: &List) -> (u64, u64, u64, u64) {
        let (mut new, mut changed, mut unchanged, mut closed) = (0, 0, 0, 0);
        for (key, row) in list {
            match self.items.insert(*key, *row) {
                None => new += 1,
                Some(before) if before == *row => unchanged += 1,
                Some(_) => changed += 1,
            }
        }
        for (_, row) in
            self.items.iter_mut().filter(|(key, row)| is_snapshot && row.0 > 0 && !list.contains_key(key))
        {
            row.0 = 0;
            closed += 1;
        }
        self.history += usize::try_from(changed + closed).unwrap();
        (new, changed, unchanged, closed)
    }
}

async fn land(
    ledger: &Ledger,
    connection: &'static str,
    second: i64,
    is_snapshot: bool,
    list: &List,
) -> encours::ledger::Landed {
    let mut tx = ledger.begin().await.unwrap();
    let reading =
        Reading { connection, is_snapshot, vanish_percent_max: 100, batch: 4, ..Reading::snapshot(second) };
    let (landed, duplicates) = reading.land(&mut tx, &items(list)).await.unwrap();
    assert_eq!(duplicates, []);
    tx.commit().await.unwrap();
    landed
}

async fn open_of(db: &Database, connection: &str) -> Vec<String> {
    let sql = format!(
        "SELECT external_id || ' ' || account || ' ' || kind || ' ' || currency || ' ' || CAST(open_minor AS TEXT) FROM item \
         WHERE connection = '{connection}' AND open_minor > 0 ORDER BY external_id"
    );
    db.texts(&sql).await
}

/// Lands a sequence on one connection, and what is left of it on another; the connections are this case's own.
async fn holds(db: &Database, readings: &[(bool, List)]) {
    let name = |part: &str| -> &'static str {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Box::leak(format!("{part}{number}").into_boxed_str())
    };
    let (all, last) = (name("all"), name("last"));
    let mut model = Model::default();
    for (second, (is_snapshot, list)) in (0..).zip(readings) {
        let want = model.land(*is_snapshot, list);
        let landed = land(&db.ledger, all, second, *is_snapshot, list).await;
        assert_eq!((landed.new, landed.changed, landed.unchanged, landed.closed), want, "reading {second}");
        assert_eq!(landed.touched.is_empty(), want.0 + want.1 + want.3 == 0);
        // The control totals are those of the list.
        let mut totals = BTreeMap::new();
        for item in items(list) {
            let total: &mut (i64, i64) = totals.entry(item.currency).or_default();
            *total = (total.0 + 1, total.1 + item.kind.sign() * item.open_minor);
        }
        assert_eq!(landed.ledger, totals, "reading {second}");
    }
    let open: List = model.items.iter().filter(|(_, row)| row.0 > 0).map(|(key, row)| (*key, *row)).collect();
    land(&db.ledger, last, 0, true, &open).await;
    assert_eq!(open_of(db, all).await, open_of(db, last).await);
    if let Some((true, list)) = readings.last() {
        let listed = list.values().filter(|row| row.0 > 0).count();
        assert_eq!(open.len(), listed, "the last whole list says what is open");
    }
    assert_eq!(
        db.count("item", &format!("connection = '{all}'")).await,
        model.items.len(),
        "nothing is ever deleted"
    );
    assert_eq!(db.count("item_history", &format!("connection = '{all}'")).await, model.history);
}

fn check(open: impl Future<Output = Database>, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let db = runtime.block_on(open);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&lists(), |readings| {
        runtime.block_on(holds(&db, &readings));
        Ok(())
    });
    runtime.block_on(db.remove());
    checked.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn sqlite_the_last_list_says_what_is_open() {
    check(Database::sqlite(), 40);
}

#[test]
fn postgres_the_last_list_says_what_is_open() {
    check(Database::postgres(), 40);
}
