//! Handing the files of a batch over, once.
//!
//! Into a place, here or on a server:
//! 1. Every file is written whole under its hidden name and made durable. The factor sees nothing.
//! 2. "Sending" is committed.
//! 3. Each file gets its name, in one step, and what proves it is committed.
//! 4. "Sent" is committed, with the delta that says so.
//!
//! After a crash the same command goes on: a hidden file is published, one that is there is counted, and where there is neither the
//! factor has taken it since, because nothing is called sending before all hidden files are there.
//!
//! By mail, by HTTP and in calls there is no hidden name, so "sending" is committed first. What HTTP may have put is put again after a cut, which does no
//! harm. Before a file is mailed, a doubt is committed, which its proof takes away; what is in doubt, after a crash too, is mailed again only
//! when a person says so. Calls are told of in `calls`.

use serde_json::json;

use super::make::move_on;
use super::{Error, batch, connection_of, heading, refused, statuses, title};
use crate::connector::Form;
use crate::engine::Setup;
use crate::ledger::{AssignmentFileRow, AssignmentRow, BatchState, Tx};
use crate::model::{Delta, Event, Instant, Money, render_minor};
use crate::transport::place::{Place, Way};
use crate::transport::{mail, upload};

/// The operation of the connector.
const OPERATION: &str = "send_batch";

/// How the note begins of a batch that goes into a place.
const INTO: &str = "handed over into";

/// What to do with a file of which nobody knows whether the factor has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubtful {
    Stays,
    GoesAgain,
}

/// Sends a batch that is approved, or goes on with one that was cut off.
///
/// # Errors
/// [`Error`]: it is not approved, it goes by hand, the factor cannot be reached, or a file may be there already. The same command goes on,
/// save in the last case: see [`send_again`].
pub async fn send(setup: &Setup, id: &str, by: &str, now: Instant) -> Result<AssignmentRow, Error> {
    hand_over(setup, id, by, Doubtful::Stays, now).await
}

/// The same; a file that may be with the factor already goes once more, the same bytes under the same sign of the mail.
///
/// # Errors
/// As [`send`].
pub async fn send_again(setup: &Setup, id: &str, by: &str, now: Instant) -> Result<AssignmentRow, Error> {
    hand_over(setup, id, by, Doubtful::GoesAgain, now).await
}

async fn hand_over(
    setup: &Setup,
    id: &str,
    by: &str,
    doubtful: Doubtful,
    now: Instant,
) -> Result<AssignmentRow, Error> {
    let mut tx = setup.ledger.read().await?;
    let row = batch(&mut tx, &setup.company.id, id).await?;
    let files = tx.assignment_files(id).await?;
    let began = tx.assignment_steps(id).await?.pop().map(|step| step.note).unwrap_or_default();
    tx.rollback().await?;
    let state = row.state()?;
    if !matches!(state, BatchState::Approved | BatchState::Sending) {
        return refused(format!("{} is {state}; only an approved batch is sent", title(&row)));
    }
    let connection = connection_of(setup, &row.terms)?;
    if state == BatchState::Approved {
        sealed_as_wanted(setup, &row, &files)?;
    }
    let batch = Sending { setup, row, files, state, began, by, now };
    if let Some(Form::Calls(..)) = connection.form() {
        batch.by_calls(connection, doubtful).await?;
    } else if let Some(way) = connection.batch_way(OPERATION)? {
        match &way {
            Way::Folder(folder) => batch.by_place(Place::folder(folder)?).await?,
            Way::Sftp(server) => batch.by_place(Place::sftp(server).await?).await?,
            Way::Mail(server) => batch.by_mail(server, doubtful).await?,
            Way::Http(server) => batch.by_http(server).await?,
        }
    } else {
        let row = &batch.row;
        return refused(format!(
            "{} goes by hand: the connection \"{}\" has no way for it. `encours assignments files {} --out FOLDER` writes its files, and \
             `encours assignments sent {} --because …` says that the factor has them",
            title(row),
            row.connection,
            short(id),
            short(id)
        ));
    }
    let mut tx = setup.ledger.begin().await?;
    let note = "every file is with the factor";
    let after = finish(&mut tx, setup, &batch.row, BatchState::Sending, by, note, now).await?;
    tx.commit().await?;
    Ok(after)
}

/// Refuses a batch that has not left and would go in clear, or for another key than the connection has now. One that was sealed stays so
/// when the connection has no key any more.
///
/// # Errors
/// [`Error::Refused`].
pub fn sealed_as_wanted(
    setup: &Setup,
    row: &AssignmentRow,
    files: &[AssignmentFileRow],
) -> Result<(), Error> {
    let connection = connection_of(setup, &row.terms)?;
    let Some(seal) = &connection.seal else { return Ok(()) };
    for file in files {
        let wrong = match file.sealed_for.as_deref() {
            Some(key) if key == seal.key() => continue,
            Some(key) => format!("is encrypted for the key {key}"),
            None => "is in clear".to_owned(),
        };
        return refused(format!(
            "{} of {} {wrong}, and the connection \"{}\" now has [connection.openpgp] with the key {}: discard the batch and make it again, \
             `encours assignments discard {} --because …`",
            file.file_name,
            title(row),
            row.connection,
            seal.key(),
            short(&row.id)
        ));
    }
    Ok(())
}

/// A batch on its way.
pub(super) struct Sending<'s> {
    pub(super) setup: &'s Setup,
    pub(super) row: AssignmentRow,
    pub(super) files: Vec<AssignmentFileRow>,
    pub(super) state: BatchState,
    /// The note of its last step.
    began: String,
    pub(super) by: &'s str,
    pub(super) now: Instant,
}

impl Sending<'_> {
    /// The files that the factor does not have, or may not have.
    fn left(&self) -> impl Iterator<Item = &AssignmentFileRow> {
        self.files.iter().filter(|file| file.proof.is_none())
    }

    /// Takes the batch, so that another one who sends it waits and then finds it taken. True for others once it is committed.
    pub(super) async fn begin(&self, note: &str) -> Result<Tx<'static>, Error> {
        let mut tx = self.setup.ledger.begin().await?;
        let (from, to) = (BatchState::Approved, BatchState::Sending);
        if tx.move_assignment(&self.row.id, from, to, self.by, note, self.now).await? {
            return Ok(tx);
        }
        refused(format!(
            "{} was taken up by another command at the same time: look at `encours assignments status {}`",
            title(&self.row),
            short(&self.row.id)
        ))
    }

    /// Refuses to go on another way than the batch began.
    pub(super) fn goes_on(&self, note: &str) -> Result<(), Error> {
        if self.began == note {
            return Ok(());
        }
        let place = if self.began.starts_with(INTO) { "folder" } else { "address" };
        refused(format!(
            "{} was being {}, and the connection \"{}\" now has it {note}: put its {place} back, and send again; or, if the factor has all of \
             it, `encours assignments sent {} --because …`",
            title(&self.row),
            self.began,
            self.row.connection,
            short(&self.row.id)
        ))
    }

    pub(super) async fn prove(&self, file: &AssignmentFileRow, proof: &str) -> Result<(), Error> {
        let mut proof = proof.to_owned();
        if let (Some(sealed_hash), Some(key)) = (&file.sealed_hash, &file.sealed_for) {
            let (name, hash) = (&file.file_name, &file.content_hash);
            proof.push_str(&format!(
                "; SHA-256 {sealed_hash}, encrypted for the OpenPGP key {key} from {name} with the SHA-256 {hash}"
            ));
        }
        let mut tx = self.setup.ledger.begin().await?;
        tx.prove_assignment_file(&self.row.id, file.position, &proof, self.now).await?;
        Ok(tx.commit().await?)
    }

    async fn by_place(&self, place: Place) -> Result<(), Error> {
        let note = format!("{INTO} {}", place.name());
        if self.state == BatchState::Approved {
            // Committed only once every hidden file is there; until then nobody else writes them.
            let tx = self.begin(&note).await?;
            for out in self.files.iter().map(AssignmentFileRow::outgoing) {
                place.prepare(&out.name, out.bytes).await?;
            }
            tx.commit().await?;
        } else {
            // In another place nothing would be there, as if the factor had taken everything.
            self.goes_on(&note)?;
        }
        for file in self.left() {
            let out = file.outgoing();
            let proof = place.publish(&out.name, out.bytes).await?;
            self.prove(file, &proof).await?;
        }
        place.close().await;
        Ok(())
    }

    async fn by_mail(&self, server: &mail::Server, doubtful: Doubtful) -> Result<(), Error> {
        let note = format!("handed over by mail to {}", server.to);
        if self.state == BatchState::Approved {
            self.begin(&note).await?.commit().await?;
        } else {
            self.goes_on(&note)?;
        }
        for file in self.left() {
            if let (Some(doubt), Doubtful::Stays) = (&file.doubt, doubtful) {
                return refused(self.in_doubt(server, file, doubt));
            }
            // Written down before the first byte leaves: whatever happens then, it is not sent again unasked.
            let begun = format!("begun by {} at {}, and its end was never heard of", self.by, self.now);
            if !self.doubt(file, file.doubt.as_deref(), Some(&begun)).await? {
                return refused(format!(
                    "{} of {} is being sent by another command: look at `encours assignments status {}`",
                    file.file_name,
                    title(&self.row),
                    short(&self.row.id)
                ));
            }
            let out = file.outgoing();
            match server.send(&self.row.id, &out.name, out.bytes, self.now).await {
                Ok(proof) => self.prove(file, &proof).await?,
                Err(mail::Error::NotSent(reason)) => {
                    self.doubt(file, Some(&begun), file.doubt.as_deref()).await?;
                    self.take_back(&reason).await?;
                    return Err(Error::NotMailed(reason));
                }
                Err(mail::Error::Unknown(reason)) => {
                    self.doubt(file, Some(&begun), Some(&reason)).await?;
                    return refused(self.in_doubt(server, file, &reason));
                }
            }
        }
        Ok(())
    }

    /// What was begun is put again; the same bytes come to the same.
    async fn by_http(&self, server: &upload::Server) -> Result<(), Error> {
        let note = format!("handed over to {}", server.url);
        if self.state == BatchState::Approved {
            self.begin(&note).await?.commit().await?;
        } else {
            self.goes_on(&note)?;
        }
        for file in self.left() {
            let out = file.outgoing();
            match server.put(&out.name, out.bytes).await {
                Ok(proof) => self.prove(file, &proof).await?,
                Err(error) => {
                    if matches!(error, upload::Error::NotSent(_)) && self.state == BatchState::Approved {
                        self.take_back(&error.to_string()).await?;
                    }
                    return Err(Error::Upload(error));
                }
            }
        }
        Ok(())
    }

    pub(super) async fn doubt(
        &self,
        file: &AssignmentFileRow,
        before: Option<&str>,
        doubt: Option<&str>,
    ) -> Result<bool, Error> {
        self.doubt_known(file, before, file.reference.as_deref(), doubt).await
    }

    /// The same of a document that has got an id since.
    pub(super) async fn doubt_known(
        &self,
        file: &AssignmentFileRow,
        before: Option<&str>,
        reference: Option<&str>,
        doubt: Option<&str>,
    ) -> Result<bool, Error> {
        let mut tx = self.setup.ledger.begin().await?;
        let changed = tx.doubt_assignment_file(&self.row.id, file.position, before, reference, doubt).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// A batch of which nothing has left is approved as it was: it may be discarded, or go another way.
    pub(super) async fn take_back(&self, reason: &str) -> Result<(), Error> {
        let mut tx = self.setup.ledger.begin().await?;
        let files = tx.assignment_files(&self.row.id).await?;
        if files.iter().all(|file| file.proof.is_none() && file.doubt.is_none() && file.reference.is_none()) {
            let (from, to, note) = (BatchState::Sending, BatchState::Approved, format!("not sent: {reason}"));
            tx.move_assignment(&self.row.id, from, to, self.by, &note, self.now).await?;
        }
        Ok(tx.commit().await?)
    }

    fn in_doubt(&self, server: &mail::Server, file: &AssignmentFileRow, doubt: &str) -> String {
        let name = file.outgoing().name;
        format!(
            "{name} of {} may have reached {}, or not: {doubt}. Ask whether a mail with the Message-ID {} has come. If it has: `encours assignments \
             sent {} --because …`. If not: `encours assignments send {} --again` mails the same bytes with the same Message-ID",
            title(&self.row),
            server.to,
            server.message_id(&self.row.id, &name),
            short(&self.row.id),
            short(&self.row.id)
        )
    }
}

/// Says that the factor has a batch which a person took to it. Of one that is being sent and has files in doubt, it is said of these alone:
/// the others are still to go.
///
/// # Errors
/// [`Error::Refused`]: it is not approved, or the factor is told of its documents in calls and some are still to come: see [`by_hand_one`].
pub async fn by_hand(
    setup: &Setup,
    id: &str,
    by: &str,
    because: &str,
    now: Instant,
) -> Result<AssignmentRow, Error> {
    let mut tx = setup.ledger.begin().await?;
    let (row, state) = sendable(&mut tx, setup, id).await?;
    let files = tx.assignment_files(id).await?;
    let in_doubt = files.iter().any(|file| file.doubt.is_some());
    let left: Vec<&AssignmentFileRow> = files.iter().filter(|file| file.proof.is_none()).collect();
    let is_called = matches!(connection_of(setup, &row.terms)?.form(), Some(Form::Calls(..)));
    if is_called && state == BatchState::Sending && !in_doubt {
        let names: Vec<&str> = left.iter().map(|file| file.file_name.as_str()).collect();
        return refused(format!(
            "nothing of {} is in doubt, and the factor was not told of {}: `encours assignments send {}` goes on with them. One that you told \
             it of yourself: `encours assignments sent {} --document NUMBER --because …`",
            title(&row),
            names.join(", "),
            short(id),
            short(id)
        ));
    }
    for file in left.iter().filter(|file| file.doubt.is_some() || !in_doubt) {
        tx.prove_assignment_file(id, file.position, &format!("{by}: {because}"), now).await?;
    }
    let is_whole = left.iter().all(|file| file.doubt.is_some() || !in_doubt);
    let after = if is_whole { finish(&mut tx, setup, &row, state, by, because, now).await? } else { row };
    tx.commit().await?;
    Ok(after)
}

/// Says that the factor has one document which a person told it of, of a batch whose documents go in calls.
///
/// # Errors
/// [`Error::Refused`]: the batch is not on its way so, or the document is not of it, or is there already.
pub async fn by_hand_one(
    setup: &Setup,
    id: &str,
    number: &str,
    by: &str,
    because: &str,
    now: Instant,
) -> Result<AssignmentRow, Error> {
    let mut tx = setup.ledger.begin().await?;
    let (row, state) = sendable(&mut tx, setup, id).await?;
    if !matches!(connection_of(setup, &row.terms)?.form(), Some(Form::Calls(..))) {
        return refused(format!("{} goes as files: a document of it cannot go alone", title(&row)));
    }
    if state == BatchState::Approved {
        return refused(format!(
            "nothing of {} has left: `encours assignments send {}` tells the factor",
            title(&row),
            short(id)
        ));
    }
    let (files, documents) = (tx.assignment_files(id).await?, tx.assignment_documents(id).await?);
    let found = files.iter().zip(&documents).find(|(_, own)| own.document.number == number);
    let Some((file, _)) = found else {
        return refused(format!("there is no document {number} in {}", title(&row)));
    };
    if let Some(proof) = &file.proof {
        return refused(format!("{number} is done already: {proof}"));
    }
    tx.prove_assignment_file(id, file.position, &format!("{by}: {because}"), now).await?;
    let is_whole = files.iter().all(|own| own.proof.is_some() || own.position == file.position);
    let after = if is_whole { finish(&mut tx, setup, &row, state, by, because, now).await? } else { row };
    tx.commit().await?;
    Ok(after)
}

/// A batch that is approved or being sent.
async fn sendable(tx: &mut Tx<'_>, setup: &Setup, id: &str) -> Result<(AssignmentRow, BatchState), Error> {
    let row = batch(tx, &setup.company.id, id).await?;
    match row.state()? {
        state @ (BatchState::Approved | BatchState::Sending) => Ok((row, state)),
        state @ (BatchState::Made | BatchState::Sent | BatchState::Void) => {
            refused(format!("{} is {state}; only an approved batch is sent", title(&row)))
        }
    }
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

pub(super) fn short(id: &str) -> String {
    id.chars().take(8).collect()
}
