//! Handing the files of a batch over, once.
//!
//! 1. Every file is written whole under its hidden name and made durable. The factor sees nothing.
//! 2. "Sending" is committed.
//! 3. Each file gets its name, in one step, and what proves it is committed.
//! 4. "Sent" is committed, with the delta that says so.
//!
//! After a crash the same command goes on: a hidden file is published, one that is there is counted, and where there is neither the
//! factor has taken it since, because nothing is called sending before all hidden files are there.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::make::move_on;
use super::{Error, batch, connection_of, heading, refused, statuses, title};
use crate::engine::Setup;
use crate::ledger::{AssignmentFileRow, AssignmentRow, BatchState, Tx};
use crate::model::{Delta, Event, Instant, Money, render_minor};
use crate::transport::drop;

/// The operation of the connector.
const OPERATION: &str = "send_batch";

/// Sends a batch that is approved, or goes on with one that was cut off.
///
/// # Errors
/// [`Error`]: it is not approved, it goes by hand, or the place cannot be written to; the batch then stays as it is, and the
/// same command goes on.
pub async fn send(setup: &Setup, id: &str, by: &str, now: Instant) -> Result<AssignmentRow, Error> {
    let mut tx = setup.ledger.begin().await?;
    let row = batch(&mut tx, &setup.company.id, id).await?;
    let files = tx.assignment_files(id).await?;
    let state = row.state()?;
    let Some(folder) = connection_of(setup, &row.terms)?.batch_folder(OPERATION)? else {
        return refused(format!(
            "{} goes by hand: the connection \"{}\" has no folder for it. `encours assignments files {} --out FOLDER` writes its files, and \
             `encours assignments sent {} --because …` says that the factor has them",
            title(&row),
            row.connection,
            short(id),
            short(id)
        ));
    };
    drop::is_there(&folder)?;
    // One folder has one name, wherever the command is run from.
    let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
    match state {
        BatchState::Approved => {
            for file in &files {
                drop::refuse_another(&folder.join(&file.file_name), &file.content)?;
                drop::prepare(&folder, &file.file_name, &file.content)?;
            }
            let note = handed_over_into(&folder);
            move_on(&mut tx, &row, BatchState::Approved, BatchState::Sending, by, &note, now).await?;
            tx.commit().await?;
        }
        BatchState::Sending => {
            // In another folder nothing would be there, as if the factor had taken everything.
            let began = tx.assignment_steps(id).await?.pop().map(|step| step.note).unwrap_or_default();
            tx.rollback().await?;
            if began != handed_over_into(&folder) {
                return refused(format!(
                    "{} was being {began}, and the connection \"{}\" now has {}: put its folder back, and send again",
                    title(&row),
                    row.connection,
                    folder.display()
                ));
            }
        }
        BatchState::Made | BatchState::Sent | BatchState::Void => {
            return refused(format!("{} is {state}; only an approved batch is sent", title(&row)));
        }
    }
    for file in files.iter().filter(|file| file.proof.is_none()) {
        let proof = publish(&folder, file)?;
        let mut tx = setup.ledger.begin().await?;
        tx.prove_assignment_file(id, file.position, &proof, now).await?;
        tx.commit().await?;
    }
    let mut tx = setup.ledger.begin().await?;
    let after =
        finish(&mut tx, setup, &row, BatchState::Sending, by, "every file is with the factor", now).await?;
    tx.commit().await?;
    Ok(after)
}

fn handed_over_into(folder: &Path) -> String {
    format!("handed over into {}", folder.display())
}

/// Gives a file its name; what shows that it is there.
fn publish(folder: &Path, file: &AssignmentFileRow) -> Result<String, Error> {
    let path: PathBuf = folder.join(&file.file_name);
    let part = drop::part(folder, &file.file_name);
    drop::is_there(folder)?;
    if drop::bytes(&part)?.is_none() && drop::bytes(&path)?.is_none() {
        return Ok(format!("put there as {}, and taken since", path.display()));
    }
    drop::publish(&part, &path)?;
    Ok(format!("put there as {}", path.display()))
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
