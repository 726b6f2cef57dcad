//! What the command line, the demo and scripts of faults ask of any simulator of an insurer, whatever it speaks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;

use super::fault::{Calls, FaultKind};

/// What a request that was taken asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Cover where there was none.
    New,
    /// Another amount, higher or lower.
    Change,
    /// Nothing more.
    Cancel,
}

/// A request that the simulator took, whatever it answered to the call.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Accepted {
    /// The simulator's day.
    pub on: NaiveDate,
    /// The insurer's id of the buyer, as its interface writes it.
    pub buyer: String,
    /// What was asked for.
    pub asked: Asked,
    /// The amount, minor units of the policy's currency; 0 for a cancellation.
    pub amount_minor: i64,
    /// The caller's own reference, where the interface has a place for one.
    pub reference: Option<String>,
}

/// What an insurer does of its own accord, on the simulator's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surprise {
    /// Covers less, from today. Minor units.
    Reduce {
        /// What is left.
        to_minor: i64,
    },
    /// Announces that the cover ends on a day; it does end then.
    AnnounceWithdrawal {
        /// First day without cover.
        on: NaiveDate,
    },
    /// Withdraws the cover from today.
    Withdraw,
    /// Lets the cover end by its own date, today being the last day.
    Expire,
    /// Answers with a code that no client knows; the amount stays.
    UnknownCode,
}

/// A simulator of an insurer. Clones and handles share one state.
pub trait Insurer: Send + Sync + 'static {
    /// Its day.
    fn today(&self) -> NaiveDate;

    /// Moves its day. Decisions due by then become visible.
    fn set_today(&self, date: NaiveDate);

    /// Scripts a fault for the next `times` calls of a kind; `false` when this interface cannot fail so.
    fn spoil(&self, on: Calls, times: u32, kind: FaultKind) -> bool;

    /// Forgets the faults that are still to come.
    fn calm(&self);

    /// Decides something on a buyer by itself; `false` when the buyer has no cover that it could happen to.
    fn surprise(&self, buyer: &str, surprise: Surprise) -> bool;

    /// Every request on cover that was taken, in order, those with a spoilt answer among them.
    fn accepted(&self) -> Vec<Accepted>;

    /// What is covered today per buyer, minor units of the policy's currency: 0 where refused or withdrawn; buyers whose
    /// cover was cancelled or expired, or that never had one, may be absent.
    fn limits(&self) -> BTreeMap<String, i64>;

    /// Whether credentials were refused so often that the account is locked.
    fn is_locked(&self) -> bool;

    /// How many look-ups were billed.
    fn billed_lookups(&self) -> u64;

    /// Its interface.
    fn router(&self) -> axum::Router;
}

/// What a simulator is opened with on the command line.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What its buyers and their decisions are invented from.
    pub seed: u64,
    /// Its day: today without one, or the day of the saved state.
    pub day: Option<NaiveDate>,
    /// Where its state is kept.
    pub state: Option<PathBuf>,
    /// The folder through which it exchanges files, for an insurer without an interface.
    pub folder: Option<PathBuf>,
}

/// A simulator, open and not yet served.
pub struct Opened {
    /// The simulator.
    pub insurer: Arc<dyn Insurer>,
    /// The tables of `encours.toml` that connect to it, for the URL it will answer at.
    pub configuration: Box<dyn Fn(&str) -> String + Send>,
}
