//! A first landing on PostgreSQL drops the indexes of items while it copies. Whatever happens meanwhile, they are back, and
//! what was not committed is not there.

use std::process::{Command, Stdio};
use std::time::Duration;

use encours::engine::{CycleOptions, cycle};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use super::cycle::invoice;
use crate::support::cut;
use crate::support::database::Postgres;
use crate::support::world::{ITEMS, World, day, run};

const ROWS: usize = 5_000;
const INDEXES: &str =
    "SELECT string_agg(indexdef, '; ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'item'";

async fn text(connection: &mut PgConnection, sql: &str) -> String {
    connection.fetch_one(AssertSqlSafe(sql.to_owned())).await.unwrap().get(0)
}

/// A ledger with its schema and nothing in it, and an export of more rows than one statement takes.
async fn world() -> (Postgres, World, PgConnection) {
    let database = Postgres::new().await;
    let world = World::new(&database.url).with_csv();
    let row = |n: usize| {
        invoice(&format!("F{n}"), &format!("C{}", n % 50), "01/06/2026", "01/08/2026", "100,00", "100,00")
    };
    world.export("encours_1.csv", format!("{ITEMS}{}", (0..ROWS).map(row).collect::<String>()).as_bytes());
    world.setup().await.ledger.close().await;
    let connection = PgConnection::connect(&database.url).await.unwrap();
    (database, world, connection)
}

/// What is kept of items, accounts, exposures and deltas.
async fn kept(connection: &mut PgConnection) -> String {
    let count = |table| format!("(SELECT COUNT(*) FROM {table})");
    let counts = ["item", "account", "exposure", "delta"].map(count).join(" || ' ' || ");
    text(connection, &format!("SELECT {counts}")).await
}

async fn lands_whole(world: &World, connection: &mut PgConnection, indexes: &str) {
    let setup = world.setup().await;
    let report = run(&setup, "2026-06-10").await;
    setup.ledger.close().await;
    assert!(report.adds_up());
    assert_eq!(kept(connection).await, format!("{ROWS} 50 50 50"));
    assert_eq!(text(connection, INDEXES).await, indexes);
}

#[tokio::test]
async fn a_first_landing_that_is_cut_wherever_it_waits_leaves_nothing_and_every_index() {
    let (database, world, mut connection) = world().await;
    let indexes = text(&mut connection, INDEXES).await;
    assert!(indexes.contains("item_pkey") && indexes.contains("item_open_by_account"), "{indexes}");
    let (mut polls, mut cuts) = (1, 0);
    loop {
        let setup = world.setup().await;
        let done = cut(cycle(&setup, day("2026-06-10"), &CycleOptions::default(), &|_| {}), polls).await;
        setup.ledger.close().await;
        if let Some(report) = done {
            assert!(report.unwrap().adds_up());
            break;
        }
        assert_eq!(kept(&mut connection).await, "0 0 0 0", "cut after {polls} polls");
        assert_eq!(text(&mut connection, INDEXES).await, indexes, "cut after {polls} polls");
        cuts += 1;
        // At every wait at first: a loaded machine does more between two of them.
        polls += 1 + polls / 40;
    }
    assert!(cuts > 10, "{cuts} cuts are few");
    lands_whole(&world, &mut connection, &indexes).await;
    connection.close().await.unwrap();
    database.drop().await;
}

#[tokio::test]
async fn a_first_landing_that_is_killed_while_the_indexes_are_dropped_leaves_nothing_and_every_index() {
    let (database, world, mut connection) = world().await;
    let indexes = text(&mut connection, INDEXES).await;
    // Accounts can be read and not written: it stops there, after the COPY.
    let mut blocker = PgConnection::connect(&database.url).await.unwrap();
    blocker.execute("BEGIN; LOCK TABLE account IN SHARE MODE").await.unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_encours"))
        .args(["sync", "--config"])
        .arg(world.file())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    const WAITS: &str = "SELECT COUNT(*)::TEXT FROM pg_stat_activity WHERE datname = current_database() AND \
                         application_name = 'encours' AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO account%'";
    tokio::time::timeout(Duration::from_secs(120), async {
        while text(&mut connection, WAITS).await == "0" {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it wrote an account");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    // It holds the table of items for itself: that is how one sees that it has dropped the indexes.
    const HOLDS: &str = "SELECT COUNT(*)::TEXT FROM pg_locks WHERE relation = 'item'::REGCLASS AND \
                         mode = 'AccessExclusiveLock' AND granted";
    assert_eq!(text(&mut connection, HOLDS).await, "1");
    child.kill().unwrap();
    child.wait().unwrap();
    blocker.execute("ROLLBACK").await.unwrap();
    blocker.close().await.unwrap();
    const LEFT: &str = "SELECT COUNT(*)::TEXT FROM pg_stat_activity WHERE datname = current_database() AND \
                        application_name = 'encours'";
    tokio::time::timeout(Duration::from_secs(60), async {
        while text(&mut connection, LEFT).await != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(kept(&mut connection).await, "0 0 0 0");
    assert_eq!(text(&mut connection, INDEXES).await, indexes);
    lands_whole(&world, &mut connection, &indexes).await;
    connection.close().await.unwrap();
    database.drop().await;
}
