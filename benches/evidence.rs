//! Puts the evidence on one buyer together, out of an embedded ledger: of N open invoices dated over two years, and of 2 N.
//!
//! `cargo bench --bench evidence`; ENCOURS_BENCH_ROWS sets N (10 000). The ratio of the two, of one run on one machine, is what
//! counts: 2 is linear, 4 is quadratic.
#![allow(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::disallowed_methods,
    reason = "a benchmark measures wall time and stops at the first surprise"
)]

use std::time::Instant;

use encours::engine::evidence::{Wanted, pack};
use encours::engine::past::Moment;
use encours::ledger::{AccountLanding, ItemLanding, ItemRow, Ledger};
use encours::model::{Account, Currency, Date, Item, ItemKind, Policy};

const DAYS: i64 = 730;

fn main() {
    let rows = std::env::var("ENCOURS_BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(10_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let once = runtime.block_on(measure(rows));
    let twice = runtime.block_on(measure(2 * rows));
    println!("ratio {:.2}", twice / once);
}

async fn measure(rows: i64) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&format!("sqlite:{}/ledger.db", folder.path().display())).await.unwrap();
    let now = encours::clock::now();
    let start = Date::from_ymd_opt(2024, 1, 1).unwrap();
    let mut tx = ledger.begin().await.unwrap();
    tx.know_connection("erp", "exemple", "csv", "erp").await.unwrap();
    let mut accounts = AccountLanding::begin(&mut tx, "erp", now).await.unwrap();
    accounts.write(&mut tx, vec![account()]).await.unwrap();
    let mut items = ItemLanding::begin(&mut tx, "erp", "invoices", true, now).await.unwrap();
    let invoice = |row: i64| {
        let issued = start + chrono::Duration::days(row * DAYS / rows);
        ItemRow::new(Item {
            external_id: row.to_string(),
            number: format!("F{row:06}"),
            kind: ItemKind::Invoice,
            account: "C1".to_owned(),
            currency: Currency::EUR,
            total_minor: 100_000 + row,
            open_minor: 100_000 + row,
            tax_minor: None,
            issued,
            due: issued + chrono::Duration::days(30),
            due_estimated: false,
            disputed: false,
            reference: None,
        })
    };
    let all = (0..rows).map(|row| (u64::try_from(row + 2).unwrap(), invoice(row))).collect();
    items.write(&mut tx, all).await.unwrap();
    items.finish(&mut tx, 100).await.unwrap();
    tx.commit().await.unwrap();
    let policy = Policy {
        discretionary_minor: 50_000_000,
        ..Policy::plain("insurer", "0042", Currency::EUR, start, 90.into())
    };
    let moment = Moment { as_of: start + chrono::Duration::days(DAYS), known_at: now, is_ahead: false };
    let wanted = Wanted {
        company: "exemple",
        buyer: "account:erp:C1",
        moment,
        policies: std::slice::from_ref(&policy),
        policies_begin: &[],
    };
    let mut tx = ledger.read().await.unwrap();
    let begun = Instant::now();
    let pack = pack(&mut tx, wanted).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!("{rows} invoices: {seconds:.2} s, {} bytes", pack.zip.len());
    tx.rollback().await.unwrap();
    ledger.close().await;
    seconds
}

fn account() -> Account {
    Account {
        external_id: "C1".to_owned(),
        code: "C1".to_owned(),
        name: "Exemple".to_owned(),
        country: "FR".to_owned(),
        street: None,
        postcode: None,
        town: None,
        identifiers: Vec::new(),
        insurer_buyer_id: None,
        limit_minor: None,
        limit_currency: None,
        terms_days: None,
        blocked: false,
    }
}
