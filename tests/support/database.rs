//! A ledger of a test's own, in real SQLite and in real PostgreSQL.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::service;

/// A PostgreSQL database of a test's own. It goes when the value goes, also when the test fails.
#[derive(Debug)]
pub struct Postgres {
    /// Its URL, for a ledger.
    pub url: String,
    server: String,
    name: String,
}

impl Postgres {
    /// Makes an empty database.
    pub async fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let server = service("ENCOURS_TEST_PG_URL");
        let (base, _) = server.rsplit_once('/').expect("ENCOURS_TEST_PG_URL names a database");
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("encours_test_{}_{number}", std::process::id());
        let url = format!("{base}/{name}");
        // A process of this number may have died before it could clean up.
        execute(&server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        execute(&server, format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        Self { url, server, name }
    }

    /// Removes the database now.
    pub async fn drop(mut self) {
        let name = std::mem::take(&mut self.name);
        execute(&self.server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        let (server, sql) =
            (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // The runtime of a failed test may be gone: this has one of its own.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(execute(&server, sql));
        });
        if dropping.join().is_err() {
            eprintln!("the test database {} is still there", self.name);
        }
    }
}

async fn execute(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server)
        .await
        .unwrap_or_else(|error| panic!("no PostgreSQL at {server}, run scripts/test: {error}"));
    connection.execute(AssertSqlSafe(sql)).await.unwrap_or_else(|error| panic!("{error}"));
    connection.close().await.unwrap_or_else(|error| panic!("{error}"));
}

/// The URL of a SQLite ledger beside a test's `encours.toml`: as fresh as the folder.
pub fn sqlite() -> String {
    "sqlite:ledger.db".to_owned()
}
