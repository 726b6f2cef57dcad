//! Handing the files of a batch over, once.
//!
//! 1. Every file is written whole under its hidden name and made durable. The factor sees nothing.
//! 2. "Sending" is committed.
//! 3. Each file gets its name, in one step, and what proves it is committed.
//! 4. "Sent" is committed, with the delta that says so.
//!
//! After a crash the same command goes on: a hidden file is published, one that is there is counted, and where there is neither the
//! factor has taken it since, because nothing is called sending before all hidden files are there.

use serde_json::json;

use super::make::move_on;
use super::{Error, batch, connection_of, heading, refused, statuses, title};
use crate::engine::Setup;
use crate::ledger::{AssignmentRow, BatchState, Tx};
use crate::model::{Delta, Event, Instant, Money, render_minor};
use crate::transport::place::Place;

/// The operation of the connector.
const OPERATION: &str = "send_batch";

/// Sends a batch that is approved, or goes on with one that was cut off.
///
/// # Errors
/// [`Error`]: it is not approved, it goes by hand, or the place cannot be written to; the batch then stays as it is, and the
/// same command goes on.
pub async fn send(setup: &Setup, id: &str, by: &str, now: Instant) -> Result<AssignmentRow, Error> {
    let mut tx = setup.ledger.read().await?;
    let row = batch(&mut tx, &setup.company.id, id).await?;
    let files = tx.assignment_files(id).await?;
    let began = tx.assignment_steps(id).await?.pop().map(|step| step.note).unwrap_or_default();
    tx.rollback().await?;
    let state = row.state()?;
    if !matches!(state, BatchState::Approved | BatchState::Sending) {
        return refused(format!("{} is {state}; only an approved batch is sent", title(&row)));
    }
    let Some(way) = connection_of(setup, &row.terms)?.batch_way(OPERATION)? else {
        return refused(format!(
            "{} goes by hand: the connection \"{}\" has no way for it. `encours assignments files {} --out FOLDER` writes its files, and \
             `encours assignments sent {} --because …` says that the factor has them",
            title(&row),
            row.connection,
            short(id),
            short(id)
        ));
    };
    let place = Place::open(&way).await?;
    let note = format!("handed over into {}", place.name());
    if state == BatchState::Approved {
        // The batch is taken first, so that another one who sends it waits, and nobody writes the same hidden files. "Sending" is true
        // for the others only once all of them are there.
        let mut tx = setup.ledger.begin().await?;
        move_on(&mut tx, &row, BatchState::Approved, BatchState::Sending, by, &note, now).await?;
        for file in &files {
            place.prepare(&file.file_name, &file.content).await?;
        }
        tx.commit().await?;
    } else if began != note {
        // In another place nothing would be there, as if the factor had taken everything.
        return refused(format!(
            "{} was being {began}, and the connection \"{}\" now has {}: put its folder back, and send again",
            title(&row),
            row.connection,
            place.name()
        ));
    }
    for file in files.iter().filter(|file| file.proof.is_none()) {
        let proof = place.publish(&file.file_name, &file.content).await?;
        let mut tx = setup.ledger.begin().await?;
        tx.prove_assignment_file(id, file.position, &proof, now).await?;
        tx.commit().await?;
    }
    place.close().await;
    let mut tx = setup.ledger.begin().await?;
    let after =
        finish(&mut tx, setup, &row, BatchState::Sending, by, "every file is with the factor", now).await?;
    tx.commit().await?;
    Ok(after)
}

/// Says that the factor has a batch which a person took to it.
///
/// # Errors
/// [`Error::Refused`]: it is not approved.
pub async fn by_hand(
    setup: &Setup,
    id: &str,
    by: &str,
    because: &str,
    now: Instant,
) -> Result<AssignmentRow, Error> {
    let mut tx = setup.ledger.begin().await?;
    let row = batch(&mut tx, &setup.company.id, id).await?;
    if row.state()? != BatchState::Approved {
        return refused(format!("{} is {}; only an approved batch is sent", title(&row), row.state));
    }
    for file in tx.assignment_files(id).await? {
        tx.prove_assignment_file(id, file.position, &format!("{by}: {because}"), now).await?;
    }
    let after = finish(&mut tx, setup, &row, BatchState::Approved, by, because, now).await?;
    tx.commit().await?;
    Ok(after)
}

async fn finish(
    tx: &mut Tx<'_>,
    setup: &Setup,
    row: &AssignmentRow,
    from: BatchState,
    by: &str,
    note: &str,
    now: Instant,
) -> Result<AssignmentRow, Error> {
    move_on(tx, row, from, BatchState::Sent, by, note, now).await?;
    let mut deltas = vec![sent(row)?];
    deltas.extend(statuses(tx, setup, now).await?);
    tx.say(&row.company, &row.id, &deltas, now).await?;
    batch(tx, &row.company, &row.id).await
}

/// The fact that a batch is with the factor.
fn sent(row: &AssignmentRow) -> Result<Delta, Error> {
    let currency = row.currency()?;
    let totals = &row.totals;
    let balance = Money::new(totals.balance_minor(), currency);
    let data = json!({
        "factor": row.factor, "contract": row.contract, "batch": row.number, "made_on": row.made_on, "currency": currency,
        "documents": totals.count(), "balance": render_minor(totals.balance_minor(), currency),
        "available": render_minor(row.financed.available_minor, currency), "sha256": row.content_hash,
    });
    Ok(Delta {
        event: Event::AssignmentSent,
        subject: row.id.clone(),
        version: row.content_hash.clone(),
        connection: row.connection.clone(),
        country: row.terms.country.clone(),
        summary: format!("{} went out: {} documents, {balance}.", heading(row), totals.count()),
        data: data.to_string(),
    })
}

fn short(id: &str) -> String {
    id.chars().take(8).collect()
}
