//! What Encours does outside itself: proposed from the ledger's whole state, carried out exactly once.
//!
//! [`plan()`] is a function of the ledger: the same state gives the same effects, each with the id of its cause. A cycle
//! proposes them; [`carry_out`] sends what is approved, settles what is in doubt by reading the partner, and follows what
//! the partner has yet to decide. Every step is committed before the next one begins, so that a process can die between any
//! two of them and the next one knows where it stood.
//! Reference: shared rules, "Effects happen once".

mod apply;
mod book;
mod files;
mod hand;
mod notices;
mod requests;
mod settle;
mod statements;
mod tell;
mod urgent;
mod watch;
mod write_back;

use std::collections::BTreeSet;

pub use apply::{Options, Told, Which, carry_out};
pub use hand::{Verdict, decline, settle_by_hand, withdraw};
pub(super) use statements::make as make_statements;
pub(super) use tell::request_delta;
pub use urgent::urgent_fee;

use super::{Error, Setup};
use crate::ledger::{EffectRow, Proposed, Step, Tx, effect_id};
use crate::model::{Break, Date, Delta, Effect, EffectState, Event, Instant};
use book::Book;

/// What the ledger says should be done now, and what stands in the way of it.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The effects, in the order of connection, kind, buyer and subject.
    pub effects: Vec<Effect>,
    /// What would be proposed and has to wait.
    pub held: Vec<Held>,
    /// Breaks that only planning can see.
    pub breaks: Vec<Break>,
    /// What is worth saying of deadlines.
    pub deltas: Vec<Delta>,
}

/// An effect that the figures ask for and that is not proposed.
#[derive(Debug, Clone)]
pub struct Held {
    /// The effect.
    pub effect: Effect,
    /// What it waits for, in one sentence.
    pub why: String,
}

/// Plans: changes nothing.
///
/// # Errors
/// What the ledger says; a figure that cannot be computed.
pub async fn plan(tx: &mut Tx<'_>, setup: &Setup, day: Date) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    if setup.policies.is_empty() {
        return Ok(plan);
    }
    let book = Book::open(tx, setup, day).await?;
    requests::plan(&book, &mut plan)?;
    write_back::plan(&book, &mut plan)?;
    notices::plan(&book, tx, &mut plan).await?;
    watch::plan(&book, tx, &mut plan).await?;
    statements::plan(&book, tx, &mut plan).await?;
    plan.effects.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(plan)
}

fn order(effect: &Effect) -> (&str, &str, &str, &str, &str) {
    (&effect.connection, effect.kind.as_str(), &effect.name, &effect.buyer_id, &effect.subject)
}

/// Writes the plan down: proposes what is new, brings figures up to date, drops what has lost its cause. Returns what is
/// worth saying.
pub(super) async fn propose(
    tx: &mut Tx<'_>,
    setup: &Setup,
    plan: &Plan,
    day: Date,
    now: Instant,
) -> Result<Vec<Delta>, Error> {
    let company = setup.company.id.as_str();
    let wanted: BTreeSet<String> = plan.effects.iter().map(|effect| effect_id(company, effect)).collect();
    let mut deltas = plan.deltas.clone();
    for row in tx.effects(company, &[EffectState::Proposed, EffectState::Approved]).await? {
        let expired = row.expires_on.is_some_and(|last| last < day);
        let proposed = row.state()? == EffectState::Proposed;
        let note = match (expired, proposed && !wanted.contains(&row.id)) {
            (true, _) => "nobody approved or sent it in time",
            (false, true) => "its cause is gone",
            (false, false) => continue,
        };
        let from = [EffectState::Proposed, EffectState::Approved];
        let step = Step::new(&from, EffectState::Dropped, "encours", note, day, now);
        tx.advance(&row.id, &step).await?;
    }
    for effect in &plan.effects {
        if let Proposed::New(row) = tx.propose(company, effect, day, now).await? {
            deltas.extend(request_delta(Event::RequestProposed, &row));
        }
    }
    Ok(deltas)
}

/// Plans and writes the plan down, without reading any partner: what a person is about to approve is what the ledger says
/// now.
///
/// # Errors
/// What the ledger says; a figure that cannot be computed.
pub async fn record(setup: &Setup, day: Date, now: Instant) -> Result<(), Error> {
    let mut tx = setup.ledger.begin().await?;
    let plan = plan(&mut tx, setup, day).await?;
    let deltas = propose(&mut tx, setup, &plan, day, now).await?;
    tx.say(&setup.company.id, "plan", &deltas, now).await?;
    tx.commit().await?;
    Ok(())
}

/// The sentence that people know an effect by.
#[must_use]
pub fn title(row: &EffectRow) -> String {
    tell::title(row)
}
