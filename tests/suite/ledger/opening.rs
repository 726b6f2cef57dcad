//! Opening a ledger, alone and with others, and reading it while it is written.

use std::time::{Duration, Instant};

use encours::ledger::{Error, Ledger};

use super::{COMPANY, Database, ERP, Place, Reading, at, contract, invoices};
use crate::support::database::Postgres;

contract!(
    opening_again_changes_nothing,
    who_reads_waits_for_no_run,
    a_reading_sees_one_state,
    a_reading_cannot_write,
);

async fn opening_again_changes_nothing(db: &Database) {
    db.snapshot(&invoices(3), 0).await;
    let migrations = || {
        db.texts("SELECT CAST(version AS TEXT) || ' ' || CAST(installed_on AS TEXT) FROM _sqlx_migrations")
    };
    let before = migrations().await;
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite")).unwrap();
    assert_eq!(before.len(), files.count(), "every migration was run, once");
    for _ in 0..2 {
        Ledger::open(&db.url).await.unwrap().close().await;
    }
    assert_eq!((migrations().await, db.open_items().await.len()), (before, 3));
}

async fn who_reads_waits_for_no_run(db: &Database) {
    db.snapshot(&invoices(10), 0).await;
    let mut run = db.begin().await;
    Reading::snapshot(1).land(&mut run, &invoices(12)).await.unwrap();
    run.say(COMPANY, "run", &[], at(1)).await.unwrap();

    // A person at the command line, and the publisher of the daemon.
    let began = Instant::now();
    let second = Ledger::open(&db.url).await.unwrap();
    for ledger in [&second, &db.ledger] {
        let mut tx = ledger.read().await.unwrap();
        assert_eq!(tx.items_of(COMPANY, "nobody").await.unwrap(), []);
        let mut count = 0;
        tx.open_items(COMPANY, None, |_, _| {
            count += 1;
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(count, 0, "no account is known");
        tx.rollback().await.unwrap();
        assert_eq!(ledger.outbox(super::COMPANY, 0, 10).await.unwrap().len(), 0);
        assert_eq!(ledger.pending_deltas(10).await.unwrap().len(), 0);
    }
    second.close().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(db.open_items().await.len(), 10, "what is not committed is not seen");
    run.commit().await.unwrap();
    assert_eq!(db.open_items().await.len(), 12);
}

async fn a_reading_sees_one_state(db: &Database) {
    let mut reading = db.ledger.read().await.unwrap();
    assert_eq!(reading.cursor(ERP, "invoices").await.unwrap(), None);
    let mut run = db.begin().await;
    run.set_cursor(ERP, "invoices", "7", at(0)).await.unwrap();
    run.commit().await.unwrap();
    assert_eq!(reading.cursor(ERP, "invoices").await.unwrap(), None, "as it was when the reading began");
    reading.rollback().await.unwrap();
    let mut reading = db.ledger.read().await.unwrap();
    assert_eq!(reading.cursor(ERP, "invoices").await.unwrap().as_deref(), Some("7"));
    reading.commit().await.unwrap();
}

async fn a_reading_cannot_write(db: &Database) {
    let mut reading = db.ledger.read().await.unwrap();
    let refused = reading.set_cursor(ERP, "invoices", "7", at(0)).await;
    assert!(matches!(refused, Err(Error::Database(_))), "{refused:?}");
    reading.rollback().await.unwrap();
    let mut run = db.begin().await;
    run.set_cursor(ERP, "invoices", "7", at(0)).await.unwrap();
    run.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_no_ledger_is_said_plainly() {
    for url in ["mysql://u:secret@h/db", "encours.db", ""] {
        let error = Ledger::open(url).await.unwrap_err();
        assert!(matches!(error, Error::Url(_)), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    for url in
        ["postgres://u:s3cret@127.0.0.1:1/db", "postgres:///db?host=127.0.0.1&port=1&user=u&password=s3cret"]
    {
        let error = Ledger::open(url).await.unwrap_err();
        assert!(matches!(error, Error::Open { .. }), "{error:?}");
        let text = error.to_string();
        assert!(!text.contains("s3cret") && text.contains("***"), "{text}");
        assert!(text.contains("refused"), "the reason, and not that time was up: {text}");
    }
    let error = Ledger::open("sqlite:/nowhere/at/all/ledger.db").await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all/ledger.db"), "{error}");
}

#[tokio::test]
async fn a_ledger_in_memory_lives_as_long_as_it_is_open() {
    let ledger = Ledger::open("sqlite::memory:").await.unwrap();
    let mut tx = ledger.begin().await.unwrap();
    tx.set_cursor(ERP, "invoices", "7", at(0)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = ledger.read().await.unwrap();
    assert_eq!(tx.cursor(ERP, "invoices").await.unwrap().as_deref(), Some("7"));
    tx.rollback().await.unwrap();
    ledger.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_writer_on_a_sqlite_file_waits_and_is_then_told_so() {
    let db = Database::sqlite().await;
    let second = Ledger::open(&db.url).await.unwrap();
    // A short run is waited for.
    let run = db.begin().await;
    let (began, waiting) = (Instant::now(), second.begin());
    let ending = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        run.commit().await.unwrap();
    };
    let (waited, ()) = tokio::join!(waiting, ending);
    waited.unwrap().rollback().await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(700), "{:?}", began.elapsed());
    // A long one is not.
    let run = db.begin().await;
    let began = Instant::now();
    let error = second.begin().await.unwrap_err();
    assert!(matches!(error, Error::Busy), "{error:?}");
    assert!((9..20).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert!(error.to_string().starts_with("another process is writing to the ledger"), "{error}");
    run.rollback().await.unwrap();
    second.begin().await.unwrap().rollback().await.unwrap();
    second.close().await;
    db.remove().await;
}

/// Opens as many ledgers at once as there may be processes that start together.
async fn open_together(url: &str) {
    let opening: Vec<_> = (0..6)
        .map(|_| {
            let url = url.to_owned();
            tokio::spawn(async move { Ledger::open(&url).await })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().unwrap_or_else(|error| panic!("{error}")).close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_may_open_a_new_sqlite_file_at_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        open_together(&format!("sqlite:{}/new.db", folder.path().display())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_may_open_a_new_postgres_database_at_once() {
    let postgres = Postgres::new().await;
    open_together(&postgres.url).await;
    postgres.drop().await;
}

const WRITERS: usize = 4;
const RUNS: usize = 15;

/// What each process of the next test does; alone, it has no file and fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of processes_share_a_sqlite_file, which starts it"]
async fn one_process_of_several() {
    let url = crate::support::service("ENCOURS_TEST_SHARED_LEDGER");
    let ledger = Ledger::open(&url).await.unwrap_or_else(|error| panic!("{error}"));
    for run in 0..RUNS {
        let id = format!("{}-{run}", std::process::id());
        let mut tx = ledger.begin().await.unwrap_or_else(|error| panic!("{error}"));
        let reading = Reading { operation: "shared", ..Reading::changes(run as i64) };
        reading.land(&mut tx, &[super::invoice(&id, "C1", 1_000)]).await.unwrap();
        // Counted in the transaction: no two may see the same.
        let before: i64 = tx.cursor(ERP, "shared").await.unwrap().map_or(0, |value| value.parse().unwrap());
        tx.set_cursor(ERP, "shared", &(before + 1).to_string(), at(0)).await.unwrap();
        tx.commit().await.unwrap();
    }
    ledger.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_sqlite_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/shared.db", folder.path().display());
    let program = std::env::current_exe().unwrap();
    let name = "suite::ledger::opening::one_process_of_several";
    let processes: Vec<_> = (0..WRITERS)
        .map(|_| {
            std::process::Command::new(&program)
                .args(["--exact", name, "--ignored", "--nocapture"])
                .env("ENCOURS_TEST_SHARED_LEDGER", &url)
                .stdin(std::process::Stdio::null())
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for process in processes {
        let output = tokio::task::spawn_blocking(|| process.wait_with_output()).await.unwrap().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
    let db = Database::open(url, Place::Sqlite(folder)).await;
    assert_eq!(db.texts("PRAGMA integrity_check").await, ["ok"]);
    assert_eq!(db.open_items().await.len(), WRITERS * RUNS);
    assert_eq!(db.texts("SELECT value FROM cursor").await, [(WRITERS * RUNS).to_string()], "no run was lost");
    db.remove().await;
}
