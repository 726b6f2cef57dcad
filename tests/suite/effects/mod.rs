//! Effects from end to end: proposed, approved, sent once, and settled by reading the partner.

mod crash;
mod layers;
mod limits_file;
mod lookup;
mod requests;
mod scripts;
mod several;
mod statements;
mod stopped;
mod twice;
mod urgent;
mod write_back;

use encours::engine::effects::{Options, Told, Which, carry_out};
use encours::engine::{CycleOptions, Report, Setup, cycle};
use encours::ledger::EffectRow;
use encours::model::{Date, Instant};

use crate::support::world::day;

/// What a policy lets Encours do by itself, beside the terms of [`crate::support::world::World::with_insurer`].
pub const AUTOMATIC: &str = "[policy.requests]\nheadroom_percent = \"0\"\nstep = \"1000.00\"\nslack_days = 5\nslack_percent = \"50\"\n\
     cool_off_days = 20\nidle_days = 400\n\n[policy.automation]\nrequest = \"automatic\"\nchange = \"automatic\"\n\
     cancel = \"automatic\"\nwrite_back = \"automatic\"";

/// An instant so many hours after the beginning of a business day, in a calendar that begins now: leases are in real time.
pub fn at(on: Date, hour: i64) -> Instant {
    let days = on.signed_duration_since(date("2026-06-01")).num_days();
    encours::clock::now() + chrono::TimeDelta::hours(days * 24 + hour)
}

pub async fn cycle_on(setup: &Setup, on: Date) -> Report {
    let options = CycleOptions { retry_paused: true, ..CycleOptions::default() };
    cycle(setup, on, &options, &|_| {}).await.unwrap()
}

/// Carries out what the policies let go by themselves.
pub async fn send(setup: &Setup, on: Date, now: Instant) -> Vec<Told> {
    let options = Options { which: Which::Automatic, by: "encours", day: on, now };
    carry_out(setup, &options).await.unwrap()
}

pub async fn effects(setup: &Setup) -> Vec<EffectRow> {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.effects(&setup.company.id, &[]).await.unwrap();
    tx.rollback().await.unwrap();
    rows
}

/// `action state` of every effect, in the order in which they were proposed.
pub async fn states(setup: &Setup) -> Vec<String> {
    let word = |row: &EffectRow| if row.awaiting { "awaiting".to_owned() } else { row.state.clone() };
    effects(setup).await.iter().map(|row| format!("{} {}", row.action, word(row))).collect()
}

pub fn date(text: &str) -> Date {
    day(text)
}
