//! Settles a million open invoices of 50 000 buyers on one core: exposure, stops of cover, cover and deadlines of each buyer,
//! by the functions that a cycle uses; then the buyers that one change in a hundred touches.
//!
//! `cargo bench --bench settling`; ENCOURS_BENCH_ROWS sets the number of invoices (1 000 000). Nothing is read or written: what
//! the ledger costs is in the other benchmark.
#![allow(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::disallowed_methods,
    reason = "a benchmark measures wall time and stops at the first surprise"
)]

use std::hint::black_box;
use std::time::Instant;

use encours::credit::{LimitHistory, LimitVersion, OpenItem, Stops, allocate, deadline, exposures};
use encours::model::{
    Currency, Date, Decision, ItemKind, Layer, LayerKind, NoticeFrom, NoticeRule, Policy, StopLifts,
    StopRule, Threshold, ThresholdPer,
};

const BUYERS: usize = 50_000;

struct Item {
    number: String,
    kind: ItemKind,
    open_minor: i64,
    issued: Date,
    due: Date,
    disputed: bool,
}

struct Buyer {
    items: Vec<Item>,
    limits: LimitHistory,
}

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// A limit that was cut once, and invoices over a year, some late, some disputed, a few credit notes.
fn buyer(number: usize, items: usize, state: &mut u64) -> Buyer {
    let start = Date::from_ymd_opt(2025, 3, 1).unwrap();
    let decided = |from: Date, euros: u64| {
        let amount_minor = i64::try_from(euros * 100).unwrap();
        let layers = vec![Layer { kind: LayerKind::Permanent, amount_minor, until: None }];
        LimitVersion { from, decision: Decision::Approved, layers, effective_to: None, withdrawal_on: None }
    };
    let cut = start + chrono::Duration::days(200);
    let limits = vec![decided(start, 40_000 + random(state) % 80_000), decided(cut, random(state) % 60_000)];
    let one = |place: usize, state: &mut u64| {
        let issued = start + chrono::Duration::days(i64::try_from(random(state) % 360).unwrap());
        Item {
            number: format!("F{number:05}{place:03}"),
            kind: if random(state).is_multiple_of(12) { ItemKind::CreditNote } else { ItemKind::Invoice },
            open_minor: i64::try_from(10_000 + random(state) % 900_000).unwrap(),
            issued,
            due: issued + chrono::Duration::days(i64::try_from(30 + random(state) % 60).unwrap()),
            disputed: random(state).is_multiple_of(50),
        }
    };
    let items = (0..items).map(|place| one(place, state)).collect();
    Buyer { items, limits: LimitHistory::new(limits).unwrap() }
}

/// Everything of one buyer that a cycle reckons; a number that depends on all of it.
fn settle(buyer: &Buyer, policy: &Policy, on: Date) -> i64 {
    let items: Vec<OpenItem<'_>> = buyer
        .items
        .iter()
        .map(|item| OpenItem {
            connection: "erp",
            net_minor: None,
            id: &item.number,
            number: &item.number,
            kind: item.kind,
            currency: Currency::EUR,
            open_minor: item.open_minor,
            issued: item.issued,
            original_due: item.due,
            disputed: item.disputed,
        })
        .collect();
    let owed: i64 = exposures(&items, on).unwrap().iter().map(|exposure| exposure.outstanding_minor).sum();
    let stops = Stops::default().brought_to(&items, &[policy], on).unwrap();
    let cover = allocate(&items, &buyer.limits, policy, &stops, on).unwrap();
    let due = deadline::deadlines(&items, policy, on).unwrap().len();
    owed + cover.covered_minor + i64::try_from(due).unwrap()
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB").trim().to_owned()
}

fn main() {
    let rows: usize =
        std::env::var("ENCOURS_BENCH_ROWS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let on = Date::from_ymd_opt(2026, 3, 1).unwrap();
    let valid_from = Date::from_ymd_opt(2025, 1, 1).unwrap();
    let policy = Policy {
        maximum_terms_days: Some(80),
        mep_days: Some(30),
        cover_stop: Some(StopRule { threshold_minor: 50_000, lifts: StopLifts::Payment }),
        notices: Some(NoticeRule {
            from: NoticeFrom::ExtensionEnd,
            days: 30,
            threshold: Threshold { minor: 50_000, per: ThresholdPer::Invoice },
        }),
        ..Policy::plain("insurer", "P1", Currency::EUR, valid_from, 90.into())
    };
    let mut state = 42;
    let buyers: Vec<Buyer> = (0..BUYERS).map(|number| buyer(number, rows / BUYERS, &mut state)).collect();
    let held = peak();
    let timed = |buyers: &mut dyn Iterator<Item = &Buyer>| {
        let begun = Instant::now();
        let sum: i64 = buyers.map(|buyer| settle(buyer, &policy, on)).sum();
        black_box(sum);
        begun.elapsed().as_secs_f64()
    };
    let whole = timed(&mut buyers.iter());
    let touched = timed(&mut buyers.iter().step_by(100));
    let count = (rows / BUYERS * BUYERS) as f64;
    println!("settling of {count:.0} open invoices of {BUYERS} buyers, one core");
    println!(
        "  all buyers                {whole:8.3} s {:8.0} ns an invoice (aim: less than 3 s)",
        whole * 1e9 / count
    );
    println!("  one buyer in a hundred    {touched:8.3} s, {:.4} of the whole", touched / whole);
    println!("  peak memory {} ({held} before settling)", peak());
}
