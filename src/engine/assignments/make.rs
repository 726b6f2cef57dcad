//! Making a batch, and letting it go.

use sqlx::types::Json;

use super::{Error, Planned, Wanted, batch, connection_of, form_of, plan, refused, title};
use crate::engine::Setup;
use crate::factoring::{FileHash, Refused, receipt};
use crate::format::pdf;
use crate::ids::{fingerprint_hex, sha256_hex};
use crate::ledger::{
    AssignmentDocumentRow, AssignmentFileRow, AssignmentRow, BatchState, NewAssignment, SubrogationRow, Tx,
};
use crate::mapping::layout::printable;
use crate::model::{Contract, Date, Instant};
use crate::transport::seal::Seal;

/// A batch that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// It, with its files and documents.
    pub batch: NewAssignment,
    /// The subrogation receipt, where the contract asks for one.
    pub receipt: Option<SubrogationRow>,
    /// Documents that did not go, and why.
    pub refused: Vec<Refused>,
}

/// Makes a batch: number, files and documents in one transaction. Nothing leaves.
///
/// # Errors
/// [`Error`]: nothing is to be assigned, an earlier batch of the contract is not sent, the numbers are used up, or a document
/// does not fit the factor's form.
pub async fn make(setup: &Setup, wanted: &Wanted<'_>, by: &str, now: Instant) -> Result<Made, Error> {
    let Wanted { contract, currency, on, .. } = *wanted;
    let connection = connection_of(setup, contract)?;
    if contract.valid_to.is_some_and(|last| on > last) {
        return refused(format!("the contract {} ended on {}", contract.number, told(contract.valid_to)));
    }
    let mut tx = setup.ledger.begin().await?;
    tx.know_connection(&setup.company.id, &connection.id, &connection.connector.manifest.id, "factor")
        .await?;
    let earlier = tx.assignments(&setup.company.id).await?;
    let waits = |row: &&AssignmentRow| {
        let is_open = row.state != BatchState::Sent.as_str() && row.state != BatchState::Void.as_str();
        is_open && row.factor == contract.factor && row.contract == contract.number
    };
    if let Some(row) = earlier.iter().find(waits) {
        return refused(format!(
            "{} is {}: send it or discard it first, so that the factor gets the numbers in their order",
            title(row),
            row.state
        ));
    }
    let planned = plan(setup, &mut tx, wanted).await?;
    if contract.last_batch.is_some_and(|last| planned.head.batch > last) {
        return refused(format!(
            "the numbers of the contract {} are used up: {} would be the next. Ask the factor how it goes on, and set first and last of \
             [batches]",
            contract.number, planned.head.batch
        ));
    }
    if planned.documents.is_empty() {
        return refused(format!(
            "there is nothing to assign under the contract {}: {} documents are open, and `encours assignments plan` says of each why \
             it does not go",
            contract.number,
            planned.refused.len()
        ));
    }
    let available: Vec<i64> = planned.financed.iter().map(|own| own.available_minor).collect();
    let written = form_of(connection)?.write(&planned.head, &planned.documents, &available)?;
    if written.totals != planned.totals {
        return refused(format!(
            "the files would hold {} documents and the ledger gives {}, or their sums differ: no file is made. This is a fault of the \
             layout {}; report it",
            written.totals.count(),
            planned.totals.count(),
            connection.connector.manifest.id
        ));
    }
    let mut files: Vec<AssignmentFileRow> = written
        .files
        .into_iter()
        .zip(0..)
        .map(|(file, position)| AssignmentFileRow {
            position,
            file_name: file.name,
            documents: file.totals.count(),
            content_hash: sha256_hex(&file.out),
            content: file.out,
            proof: None,
            delivered_at: None,
            doubt: None,
            reference: None,
            financing: None,
            sealed: None,
            sealed_hash: None,
            sealed_for: None,
        })
        .collect();
    if let Some(own) = &connection.seal {
        files.iter_mut().try_for_each(|file| seal(own, file, now))?;
    }
    let hashes: String =
        files.iter().map(|file| format!("{} {}\n", file.content_hash, file.file_name)).collect();
    let content_hash = sha256_hex(hashes.as_bytes());
    let number = planned.head.batch.to_string();
    let parts = ["assignment", &contract.factor, &contract.number, &number, &content_hash, &now.to_rfc3339()];
    let id = fingerprint_hex(&parts.map(str::as_bytes));
    let paper = paper(contract, &planned, &files, &id)?;
    let documents = planned
        .keys
        .into_iter()
        .zip(planned.documents)
        .zip(planned.financed)
        .zip(written.numbers)
        .zip(0..)
        .map(|(((((connection, external_id), document), financed), written), position)| {
            AssignmentDocumentRow {
                position,
                connection,
                external_id,
                written,
                document: Json(document),
                financed: Json(financed),
            }
        })
        .collect();
    let new = NewAssignment {
        row: AssignmentRow {
            id,
            company: setup.company.id.clone(),
            factor: contract.factor.clone(),
            connection: contract.connection.clone(),
            contract: contract.number.clone(),
            number: planned.head.batch,
            currency: currency.code().to_owned(),
            made_on: on,
            terms: Json(planned.terms),
            totals: Json(planned.totals),
            financed: Json(planned.sum),
            content_hash,
            state: BatchState::Made.as_str().to_owned(),
            recorded_at: now,
        },
        files,
        documents,
    };
    if let Err(error) = tx.keep_assignment(&new, by, "made from the ledger").await {
        if error.is_taken() {
            return refused(format!(
                "another batch of the contract {} was made at the same time, so nothing was kept: look at `encours assignments status`",
                contract.number
            ));
        }
        return Err(error.into());
    }
    if let Some(paper) = &paper {
        tx.keep_subrogation(paper).await?;
    }
    for id in &planned.payments {
        tx.tell_direct_payment(id, &new.row.id).await?;
    }
    tx.commit().await?;
    Ok(Made { batch: new, receipt: paper, refused: planned.refused })
}

/// Adds what goes out of a file that the factor gets encrypted. Made once: it would be other bytes each time.
fn seal(seal: &Seal, file: &mut AssignmentFileRow, now: Instant) -> Result<(), Error> {
    let sealed = seal.seal(&file.file_name, &file.content, now);
    let sealed = sealed
        .map_err(|error| Error::Refused(format!("no batch is made, since it would go in clear: {error}")))?;
    file.sealed_hash = Some(sha256_hex(&sealed));
    file.sealed_for = Some(seal.key().to_owned());
    file.sealed = Some(sealed);
    Ok(())
}

/// The receipt of a batch, as paper and as data.
fn paper(
    contract: &Contract,
    planned: &Planned,
    files: &[AssignmentFileRow],
    id: &str,
) -> Result<Option<SubrogationRow>, Error> {
    let hash = |file: &AssignmentFileRow| FileHash {
        name: file.file_name.clone(),
        sha256: file.content_hash.clone(),
    };
    let hashes = files.iter().map(hash).collect();
    let Some(own) = receipt(contract, &planned.head, &planned.documents, hashes) else {
        return Ok(None);
    };
    let wrong = |reason: String| Error::Refused(format!("the subrogation receipt cannot be made: {reason}"));
    let content = pdf::write(&own.title(), &own.heading(printable), &own.lines(printable)).map_err(wrong)?;
    let number: String =
        contract.number.chars().map(|sign| if sign.is_alphanumeric() { sign } else { '-' }).collect();
    Ok(Some(SubrogationRow {
        assignment: id.to_owned(),
        file_name: format!("quittance_{number}_{}.pdf", planned.head.batch),
        content_hash: sha256_hex(&content),
        content,
        data: serde_json::to_string(&own).map_err(|error| wrong(error.to_string()))?,
    }))
}

fn told(day: Option<Date>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// Who made a batch.
async fn maker(tx: &mut Tx<'_>, id: &str) -> Result<String, Error> {
    Ok(tx.assignment_steps(id).await?.into_iter().next().map(|step| step.done_by).unwrap_or_default())
}

/// Says that a batch may be sent. Where the contract asks for four eyes, another person than the one who made it says so.
///
/// # Errors
/// [`Error::Refused`]: it is not the person's to say, or the batch is not waiting for it.
pub async fn approve(setup: &Setup, id: &str, by: &str, now: Instant) -> Result<AssignmentRow, Error> {
    let mut tx = setup.ledger.begin().await?;
    let row = batch(&mut tx, &setup.company.id, id).await?;
    let terms = &row.terms.0;
    if terms.four_eyes && maker(&mut tx, id).await? == by {
        return refused(format!(
            "{} was made by {by}: another person has to approve it, since the contract has four_eyes",
            title(&row)
        ));
    }
    if !terms.approvers.is_empty() && !terms.approvers.iter().any(|own| own == by) {
        return refused(format!(
            "{by} is not one of the approvers of the contract {}: {}",
            row.contract,
            terms.approvers.join(", ")
        ));
    }
    move_on(&mut tx, &row, BatchState::Made, BatchState::Approved, by, "approved", now).await?;
    tx.commit().await?;
    Ok(row)
}

/// Discards a batch that was not sent: its number and its documents are free again.
///
/// # Errors
/// [`Error::Refused`]: it was sent, or is being sent.
pub async fn discard(
    setup: &Setup,
    id: &str,
    by: &str,
    because: &str,
    now: Instant,
) -> Result<AssignmentRow, Error> {
    let mut tx = setup.ledger.begin().await?;
    let row = batch(&mut tx, &setup.company.id, id).await?;
    let from = if row.state()? == BatchState::Approved { BatchState::Approved } else { BatchState::Made };
    move_on(&mut tx, &row, from, BatchState::Void, by, because, now).await?;
    tx.commit().await?;
    Ok(row)
}

/// Moves a batch on, or says where it stands.
pub(super) async fn move_on(
    tx: &mut Tx<'_>,
    row: &AssignmentRow,
    from: BatchState,
    to: BatchState,
    by: &str,
    note: &str,
    now: Instant,
) -> Result<(), Error> {
    if tx.move_assignment(&row.id, from, to, by, note, now).await? {
        return Ok(());
    }
    refused(format!("{} is {}, so it cannot become {to}", title(row), row.state))
}
