//! What indicators are read from: the same sums on both databases, now and as known on a past day.

use encours::credit::indicators::{Stake, Sums, Weighted, Window};
use encours::credit::statement::Period;
use encours::ledger::{BuyerSums, CoverRow, RunDay, RunRow, business_day};
use encours::model::{Account, Allocation, Currency, Decision, Item, ItemKind, Limit, Policy};

use super::{COMPANY, Database, ERP, INSURER, Reading, account, at, contract, currency, day, invoice};

contract! {
    sums_are_of_the_buyer_in_each_currency,
    what_was_open_on_a_past_day_is_known_again,
    an_invoice_is_settled_on_the_day_that_the_source_says_else_on_the_day_it_was_seen,
    turnover_is_known_since_the_last_source_began,
    cover_counts_under_the_policies_that_have_decided,
    a_source_is_as_old_as_its_last_reading_without_error,
}

const JUNE: Window =
    Window { on: encours::model::Date::from_ymd_opt(2026, 6, 15).unwrap(), months: 3, known_from: None };

async fn accounts(db: &Database, accounts: &[Account]) {
    let mut tx = db.begin().await;
    let mut landing = encours::ledger::AccountLanding::begin(&mut tx, ERP, at(0)).await.unwrap();
    landing.write(&mut tx, accounts.to_vec()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn run(db: &Database, id: &str, on: &str, second: i64, failed: &[&str], read: &[&str]) {
    let operation = |id: &str, error: Option<&str>| serde_json::json!({ "connection": id, "operation": "invoices", "error": error });
    let operations: Vec<_> = read
        .iter()
        .map(|id| operation(id, None))
        .chain(failed.iter().map(|id| operation(id, Some("no answer"))))
        .collect();
    let row = RunRow {
        id: id.to_owned(),
        on_date: day(on),
        started_at: at(second),
        finished_at: at(second + 1),
        outcome: "done".to_owned(),
        summary: sqlx::types::Json(serde_json::json!({ "operations": operations })),
    };
    let mut tx = db.begin().await;
    tx.record_run(COMPANY, &row).await.unwrap();
    tx.commit().await.unwrap();
}

async fn sums(
    db: &Database,
    window: Window,
    known_at: Option<i64>,
    policies: Option<&[&Policy]>,
) -> Vec<BuyerSums> {
    let mut tx = db.begin().await;
    let runs = tx.run_days(COMPANY).await.unwrap();
    let rows = tx.indicator_sums(COMPANY, &window, &runs, known_at.map(at), policies).await.unwrap();
    tx.rollback().await.unwrap();
    rows
}

fn month(text: &str) -> Period {
    Period::parse(text).unwrap()
}

async fn sums_are_of_the_buyer_in_each_currency(db: &Database) {
    accounts(db, &[account("C1", "Exemple A", None), account("C2", "Exemple B", None)]).await;
    let dollars = Item { currency: currency("USD"), ..invoice("I3", "C1", 7_000) };
    let settled = Item { issued: day("2026-05-31"), ..invoice("I4", "C1", 0) };
    let estimated = Item { due_estimated: true, due: day("2026-06-15"), ..invoice("I2", "C1", 20_000) };
    let note = Item {
        kind: ItemKind::CreditNote,
        total_minor: 4_000,
        issued: day("2026-06-01"),
        ..invoice("N1", "C1", 3_000)
    };
    let receipt = Item { kind: ItemKind::Receipt, ..invoice("R1", "C2", 500) };
    let april = Item { issued: day("2026-04-01"), ..invoice("I1", "C1", 30_000) };
    let old = Item { issued: day("2026-03-31"), ..invoice("I5", "C2", 10_000) };
    db.land(Reading::changes(1), &[april, estimated, dollars, settled, note, receipt, old]).await.unwrap();
    let rows = sums(db, JUNE, None, None).await;
    let told: Vec<_> = rows.iter().map(|row| (row.currency.code(), &row.sums)).collect();
    assert_eq!(told.len(), 3, "two buyers in euros, one of them in dollars too: {told:?}");
    let of = |minor: i64| {
        rows.iter().map(|row| &row.sums).find(|sums| sums.invoices_minor == minor).unwrap().clone()
    };
    assert_eq!(
        of(50_000),
        Sums {
            invoices_minor: 50_000,
            overdue_minor: 30_000,
            estimated_minor: 20_000,
            credits_minor: 3_000,
            // 29 days from 1 April to 30 April, 106 from 1 March to 15 June
            terms: Weighted { weight_minor: 50_000, minor_days: 30_000 * 29 + 20_000 * 106 },
            turnover: [(month("2026-04"), 100_000), (month("2026-05"), 100_000), (month("2026-06"), -4_000)]
                .into(),
            undated_count: 1,
            ..Sums::default()
        }
    );
    assert_eq!(of(10_000).credits_minor, 500);
    assert!(of(10_000).turnover.is_empty(), "31 March is before the window of three months");
    assert_eq!(of(7_000).overdue_minor, 7_000);
}

async fn what_was_open_on_a_past_day_is_known_again(db: &Database) {
    accounts(db, &[account("C1", "Exemple A", None)]).await;
    db.snapshot(&[invoice("I1", "C1", 30_000), invoice("I2", "C1", 20_000)], 10).await;
    db.snapshot(&[invoice("I1", "C1", 5_000), invoice("I3", "C1", 70_000)], 20).await;
    let open = async |known_at| {
        let rows = sums(db, JUNE, known_at, None).await;
        rows.iter().map(|row| row.sums.invoices_minor).sum::<i64>()
    };
    assert_eq!(open(None).await, 75_000);
    assert_eq!(open(Some(20)).await, 75_000);
    assert_eq!(open(Some(19)).await, 50_000);
    assert_eq!(open(Some(10)).await, 50_000, "what a cycle records is known from its beginning on");
    assert_eq!(open(Some(9)).await, 0);
}

async fn an_invoice_is_settled_on_the_day_that_the_source_says_else_on_the_day_it_was_seen(db: &Database) {
    accounts(db, &[account("C1", "Exemple A", None)]).await;
    run(db, "r1", "2026-06-01", 10, &[], &[ERP]).await;
    run(db, "r2", "2026-06-10", 20, &[], &[ERP]).await;
    db.snapshot(
        &[
            invoice("I1", "C1", 30_000),
            invoice("I2", "C1", 20_000),
            invoice("I3", "C1", 0),
            invoice("I4", "C1", 9_000),
        ],
        10,
    )
    .await;
    db.snapshot(&[invoice("I4", "C1", 9_000)], 20).await;
    let allocation = |id: &str, on: &str| Allocation {
        external_id: id.to_owned(),
        from: "R1".to_owned(),
        to: "I2".to_owned(),
        currency: Currency::EUR,
        amount_minor: 10_000,
        date: day(on),
    };
    let mut tx = db.begin().await;
    let allocations = [allocation("A1", "2026-05-03"), allocation("A2", "2026-05-05")];
    tx.land_allocations(ERP, &allocations, at(20)).await.unwrap();
    tx.commit().await.unwrap();
    let rows = sums(db, JUNE, None, None).await;
    let own = &rows[0].sums;
    // I1 was due on 30 April and seen settled by the cycle of 10 June: 41 days; I2 was allocated by 5 May: 5 days.
    assert_eq!(own.late, Weighted { weight_minor: 200_000, minor_days: 100_000 * 41 + 100_000 * 5 });
    assert_eq!(own.undated_count, 1, "I3 came settled, and nobody says since when");
    let runs = [RunDay { on_date: day("2026-06-01"), started_at: at(10) }];
    assert_eq!(business_day(&runs, at(15)), day("2026-06-01"));
    assert_eq!(business_day(&runs, at(9)), at(9).date_naive(), "no cycle had begun");
}

async fn turnover_is_known_since_the_last_source_began(db: &Database) {
    let since = async || {
        let mut tx = db.begin().await;
        let runs = tx.run_days(COMPANY).await.unwrap();
        let since = tx.known_whole_since(COMPANY, &runs).await.unwrap();
        tx.rollback().await.unwrap();
        since
    };
    run(db, "r1", "2026-06-01", 10, &[], &[ERP]).await;
    run(db, "r2", "2026-06-10", 20, &[], &[ERP]).await;
    assert_eq!(since().await, None, "a ledger without items knows no turnover");
    db.snapshot(&[invoice("I1", "C1", 30_000)], 10).await;
    db.snapshot(&[invoice("I1", "C1", 20_000)], 20).await;
    assert_eq!(since().await, Some(day("2026-06-01")), "the first version counts, not the last");
    let mut tx = db.begin().await;
    tx.know_connection("second", COMPANY, "csv", "erp").await.unwrap();
    tx.commit().await.unwrap();
    let reading = Reading { connection: "second", ..Reading::snapshot(20) };
    db.land(reading, &[invoice("I1", "C9", 1_000)]).await.unwrap();
    assert_eq!(since().await, Some(day("2026-06-10")), "a source that began later knows less");
}

fn limit(buyer: &str, amount_minor: i64, requested_minor: Option<i64>) -> Limit {
    Limit {
        reference: format!("L-{buyer}"),
        insurer_buyer_id: buyer.to_owned(),
        buyer_name: "Exemple".to_owned(),
        identifiers: Vec::new(),
        policy: "POL-7".to_owned(),
        decision: Decision::Partial,
        decision_code: "P".to_owned(),
        requested_minor,
        amount_minor,
        currency: Currency::EUR,
        layers: Limit::layers_of(amount_minor, &[]),
        effective_from: day("2026-01-01"),
        effective_to: None,
        withdrawal_on: None,
        decided_on: None,
        conditions: Vec::new(),
        rating: None,
        our_reference: None,
        in_other_currency: None,
    }
}

async fn cover_counts_under_the_policies_that_have_decided(db: &Database) {
    let policy = |number: &str, countries: &[&str]| Policy {
        countries: countries.iter().map(|country| (*country).to_owned()).collect(),
        ..Policy::plain(INSURER, number, Currency::EUR, day("2026-01-01"), rust_decimal::Decimal::from(90))
    };
    let (german, rest) = (policy("POL-8", &["DE"]), policy("POL-7", &[]));
    accounts(db, &[account("C1", "Exemple A", None), account("C2", "Exemple B", None)]).await;
    db.snapshot(&[invoice("I1", "C1", 30_000), invoice("I2", "C2", 20_000)], 10).await;
    let mut tx = db.begin().await;
    let buyers = tx.accounts(COMPANY).await.unwrap();
    let buyer = |code: &str| buyers.iter().find(|row| row.code == code).unwrap().buyer_id.clone();
    let (first, second) = (buyer("C1"), buyer("C2"));
    let decided = vec![limit("31001", 50_000, Some(80_000))];
    tx.land_limits(INSURER, "list_limits", decided, 20, day("2026-06-15"), at(10), |_| Some(first.clone()))
        .await
        .unwrap();
    let cover = |buyer: &str, policy: &str, cap_minor: i64, covered_minor: i64| CoverRow {
        buyer_id: buyer.to_owned(),
        connection: INSURER.to_owned(),
        policy: policy.to_owned(),
        currency: "EUR".to_owned(),
        cap_minor,
        covered_minor,
        uninsured_minor: 0,
        indemnity_minor: 0,
        lacks_tax: 0,
        over_limit: false,
        version: 0,
        as_of: day("2026-06-15"),
    };
    let covers = [
        cover(&first, "POL-7", 50_000, 25_000),
        cover(&first, "POL-8", 10_000, 10_000),
        cover(&second, "POL-7", 15_000, 15_000),
        cover(&second, "POL-8", 10_000, 10_000),
    ];
    tx.write_covers(COMPANY, &covers, at(10)).await.unwrap();
    tx.commit().await.unwrap();
    let rows = sums(db, JUNE, None, Some(&[&german, &rest])).await;
    let stakes = |id: &str| rows.iter().find(|row| row.buyer_id == id).map(|row| row.stakes.clone()).unwrap();
    let stake = |covered_minor, limit_minor, requested_minor| {
        vec![Stake {
            connection: INSURER.to_owned(),
            covered_minor,
            limit_minor,
            requested_minor,
            next_deadline: None,
        }]
    };
    assert_eq!(stakes(&first), stake(25_000, Some(50_000), Some((80_000, 50_000))));
    assert_eq!(
        stakes(&second),
        stake(15_000, None, None),
        "nobody decided: the first policy that takes a buyer of France, whose discretionary limit is no limit"
    );
    assert!(sums(db, JUNE, None, None).await.iter().all(|row| row.stakes.is_empty()));
}

async fn a_source_is_as_old_as_its_last_reading_without_error(db: &Database) {
    run(db, "r1", "2026-06-01", 10, &[], &[ERP]).await;
    run(db, "r2", "2026-06-02", 20, &[ERP], &[]).await;
    let mut tx = db.begin().await;
    let sources = tx.sources_read(COMPANY).await.unwrap();
    tx.rollback().await.unwrap();
    let told: Vec<_> =
        sources.iter().map(|one| (one.connection.as_str(), one.read_on, one.read_at)).collect();
    assert_eq!(told, [(ERP, Some(day("2026-06-01")), Some(at(11))), (INSURER, None, None)]);
}
