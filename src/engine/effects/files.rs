//! Effects that go out in files: all that is approved for one operation of a connection, in one file.
//!
//! The file is whole and durable under a hidden name before the ledger says `sending`, and gets its name after; so a crash
//! leaves either a hidden file, which is published, or none, which was. The name of the batch is made from its effects.

use std::collections::BTreeMap;

use super::super::{Error, Setup};
use super::apply::{Options, Told, after_step, facts_of};
use super::settle::is_certain;
use crate::connector::{Connection, HandOver};
use crate::ids::fingerprint_hex;
use crate::ledger::{EffectRow, Step};
use crate::model::{Date, EffectState};

/// Hands over what is approved for a connection, one file per operation.
pub(super) async fn hand_over(
    setup: &Setup,
    connection: &Connection,
    rows: Vec<EffectRow>,
    options: &Options<'_>,
) -> Result<Vec<Told>, Error> {
    let mut by_operation: BTreeMap<String, Vec<EffectRow>> = BTreeMap::new();
    for row in rows {
        by_operation.entry(row.kind.clone()).or_default().push(row);
    }
    let mut told = Vec::new();
    for (operation, rows) in by_operation {
        told.extend(one_file(setup, connection, &operation, rows, options).await?);
    }
    Ok(told)
}

async fn one_file(
    setup: &Setup,
    connection: &Connection,
    operation: &str,
    rows: Vec<EffectRow>,
    options: &Options<'_>,
) -> Result<Vec<Told>, Error> {
    let company = setup.company.id.as_str();
    // A row that the form cannot hold must not keep the others back.
    let mut whole = Vec::new();
    let mut told = Vec::new();
    for row in rows {
        let facts = facts_of(&row, options.day);
        match connection.file_of(operation, "0", options.day, std::slice::from_ref(&facts)) {
            Ok(_) => whole.push((row, facts)),
            Err(error) => {
                let note = format!("it does not fit the file: {error}");
                let from = [EffectState::Approved];
                let step = Step::new(&from, EffectState::Failed, options.by, &note, options.day, options.now);
                let mut tx = setup.ledger.begin().await?;
                let row = tx.advance(&row.id, &step).await?;
                tx.commit().await?;
                told.extend(row.map(|row| Told { row, held: None }));
            }
        }
    }
    if whole.is_empty() {
        return Ok(told);
    }
    let ids: Vec<&[u8]> = whole.iter().map(|(row, _)| row.id.as_bytes()).collect();
    let batch: String = fingerprint_hex(&ids).chars().take(12).collect();
    let facts: Vec<BTreeMap<String, String>> = whole.iter().map(|(_, facts)| facts.clone()).collect();
    let prepared = match connection.hand_over(operation, &batch, options.day, &facts) {
        Ok(prepared) => prepared,
        Err(error) => {
            let held = format!("nothing was written: {error}");
            told.extend(whole.into_iter().map(|(row, _)| Told { row, held: Some(held.clone()) }));
            return Ok(told);
        }
    };
    let note = format!("written as {}, {}", prepared.file_name, prepared.bytes_hash);
    let mut tx = setup.ledger.begin().await?;
    for (row, _) in &whole {
        let claim = Step {
            batch: Some(&batch),
            lease_until: None,
            ..Step::new(
                &[EffectState::Approved],
                EffectState::Sending,
                options.by,
                &note,
                options.day,
                options.now,
            )
        };
        if tx.advance(&row.id, &claim).await?.is_none() {
            // Another worker has one of them: its file is another one, and this one is never published.
            tx.rollback().await?;
            return Ok(told);
        }
    }
    tx.commit().await?;
    if let Err(error) = prepared.publish() {
        let held = format!("the file is ready and not handed over: {error}; it is tried again");
        told.extend(whole.into_iter().map(|(row, _)| Told { row, held: Some(held.clone()) }));
        return Ok(told);
    }
    let rows: Vec<EffectRow> = whole.into_iter().map(|(row, _)| row).collect();
    let note = format!("handed over in {}", prepared.file_name);
    told.extend(done(setup, company, &rows, &note, options).await?);
    Ok(told)
}

async fn done(
    setup: &Setup,
    company: &str,
    rows: &[EffectRow],
    note: &str,
    options: &Options<'_>,
) -> Result<Vec<Told>, Error> {
    let now = crate::clock::now().max(options.now);
    let mut told = Vec::new();
    let mut tx = setup.ledger.begin().await?;
    for row in rows {
        // What was asked for in a file is decided by the list that comes back.
        let from = [EffectState::Sending, EffectState::Unknown];
        let step = Step {
            awaiting: row.kind()?.is_request(),
            ..Step::new(&from, EffectState::Done, options.by, note, options.day, now)
        };
        if let Some(row) = tx.advance(&row.id, &step).await? {
            after_step(&mut tx, company, &row, options, now).await?;
            told.push(Told { row, held: None });
        }
    }
    tx.commit().await?;
    Ok(told)
}

/// Settles files whose writer died: a hidden one is published, and one that is not there was.
pub(super) async fn settle(
    setup: &Setup,
    connection: &Connection,
    doubtful: &[EffectRow],
    options: &Options<'_>,
) -> Result<Vec<Told>, Error> {
    let mut batches: BTreeMap<(String, String, Date), Vec<EffectRow>> = BTreeMap::new();
    for row in doubtful {
        if let (Some(batch), Some(day)) = (&row.batch, row.sent_on) {
            batches.entry((row.kind.clone(), batch.clone(), day)).or_default().push(row.clone());
        }
    }
    let mut told = Vec::new();
    for ((operation, batch, day), rows) in batches {
        let state = match connection.handed_over(&operation, &batch, day) {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(connection = connection.id, batch, %error, "the folder cannot be read; the file stays in doubt");
                continue;
            }
        };
        let note = match (state, connection.prepared(&operation, &batch, day)) {
            (HandOver::Prepared, Ok(Some(prepared))) => match prepared.publish() {
                Ok(_) => format!("handed over in {} after an interruption", prepared.file_name),
                Err(error) if is_certain(&error) => {
                    tracing::warn!(connection = connection.id, batch, %error, "the file is ready and not handed over");
                    continue;
                }
                Err(_) => continue,
            },
            (HandOver::Prepared, _) => continue,
            (HandOver::Published, _) => "the file had been handed over".to_owned(),
            (HandOver::NotBegun, _) => "the file had been handed over, and was taken".to_owned(),
        };
        told.extend(done(setup, &setup.company.id, &rows, &note, options).await?);
    }
    Ok(told)
}
