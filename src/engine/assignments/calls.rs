//! Telling a factor of the documents of a batch one by one, each once.
//!
//! A factor that is called has no hidden names and takes nothing back. So before each call a doubt is committed, which the answer
//! takes away. What is in doubt, after a crash too, is said again by itself only to a factor that knows our reference again; to any
//! other one when a person says so. Each id that a call gave is committed before anything else is done, so that no call is made twice. A
//! document that the factor refuses is an answer like one of its statement, and the others go on; where it may be there from an earlier
//! call, a refusal answers nothing.

use super::hand_over::{Doubtful, Sending, short};
use super::{Error, line_delta, refused, title};
use crate::clock;
use crate::connector::{Connection, FINANCE, Taken};
use crate::ledger::{AssignmentFileRow, BatchState, Given};
use crate::model::{AssignedDocument, FactorLine, FactorState, Instant, Listing};
use crate::transport::Verdict;

impl Sending<'_> {
    pub(super) async fn by_calls(&self, connection: &Connection, doubtful: Doubtful) -> Result<(), Error> {
        let place = connection.base_url.clone().unwrap_or_default();
        let note = format!("handed over by calls to {place}");
        let mut tx = self.setup.ledger.read().await?;
        let documents = tx.assignment_documents(&self.row.id).await?;
        tx.rollback().await?;
        if self.files.len() != documents.len() {
            return refused(format!(
                "{} was made as files, and the connection \"{}\" now tells of each document in a call: put its connector back, or discard \
                 the batch and make it again",
                title(&self.row),
                self.row.connection
            ));
        }
        if self.state == BatchState::Approved {
            if let Some(told) = self.too_late(connection) {
                return refused(format!("{told}: discard it and make it again"));
            }
            self.begin(&note).await?.commit().await?;
        } else {
            self.goes_on(&note)?;
        }
        for (file, document) in self.files.iter().zip(&documents).filter(|(file, _)| file.proof.is_none()) {
            let telling =
                Telling { batch: self, connection, place: &place, file, document: &document.document };
            if let Err(stopped) = telling.tell(doubtful).await {
                if let Stopped::Untaken(reason) = &stopped {
                    self.take_back(reason).await?;
                }
                return Err(stopped.into());
            }
        }
        Ok(())
    }

    /// What the batch says names days that have passed.
    fn too_late(&self, connection: &Connection) -> Option<String> {
        let age = (self.now.date_naive() - self.row.made_on).num_days();
        let most = connection.told_within_days().filter(|most| age > *most)?;
        Some(format!(
            "{} was made on {}, and what it says may be told of up to {most} days after",
            title(&self.row),
            self.row.made_on
        ))
    }
}

/// One document on its way.
struct Telling<'t> {
    batch: &'t Sending<'t>,
    connection: &'t Connection,
    place: &'t str,
    file: &'t AssignmentFileRow,
    document: &'t AssignedDocument,
}

impl Telling<'_> {
    /// Tells of one document in as many calls as that takes, from the first that was not answered.
    async fn tell(&self, doubtful: Doubtful) -> Result<(), Stopped> {
        let Self { batch, connection, place, file, document } = *self;
        let mut doubt = file.doubt.clone();
        let mut ids = [file.reference.clone(), file.financing.clone()];
        if let (Some(told), None, None) = (batch.too_late(connection), &doubt, &file.reference) {
            return Err(Stopped::Refused(format!(
                "{told}, so {} is not told of any more. Tell the factor of it yourself, and say so: {}",
                document.number,
                self.say_so()
            )));
        }
        for operation in connection.document_calls() {
            let given = if operation == FINANCE { Given::Financing } else { Given::Document };
            let [reference, financing] = &ids;
            let own = if given == Given::Document { reference } else { financing };
            if own.is_some() {
                continue;
            }
            let reference = reference.clone();
            let known = reference.as_deref();
            if let Some(doubt) = &doubt {
                self.may_be_said_again(given, doubt, doubtful)?;
            }
            let begun = format!("{BEGUN} {} at {}{NEVER_HEARD}", batch.by, clock::now().to_rfc3339());
            if !batch.doubt_known(file, doubt.as_deref(), known, Some(&begun)).await? {
                return Err(Stopped::Refused(format!(
                    "{} of {} is being told of by another command: look at `encours assignments status {}`",
                    document.number,
                    title(&batch.row),
                    short(&batch.row.id)
                )));
            }
            let answer = connection.tell_document(operation, &file.content, known).await;
            match answer {
                Ok(Taken::As(id)) => {
                    self.know(given, &id, &begun).await?;
                    let [reference, financing] = &mut ids;
                    *(if given == Given::Document { reference } else { financing }) = Some(id);
                    doubt = None;
                }
                Ok(Taken::Refused(reason)) if doubt.is_some() && doubtful == Doubtful::Stays => {
                    let told = format!("said again, it was refused: {reason}");
                    batch.doubt_known(file, Some(&begun), known, Some(&told)).await?;
                    return Err(self.unheard(given, &told));
                }
                Ok(Taken::Refused(reason)) => return self.keep_refusal(&reason, known).await,
                Err(error) if error.verdict() == Verdict::OutcomeUnknown => {
                    let reason = error.to_string();
                    batch.doubt_known(file, Some(&begun), known, Some(&reason)).await?;
                    if connection.is_repeatable() && doubt.is_none() {
                        return Err(Stopped::Untaken(format!(
                            "{} of {} may have reached {place}, or not: {reason}. The factor knows it again by our reference",
                            file.file_name,
                            title(&batch.row)
                        )));
                    }
                    return Err(self.unheard(given, &reason));
                }
                Err(error) => {
                    batch.doubt_known(file, Some(&begun), known, doubt.as_deref()).await?;
                    return Err(Stopped::Untaken(format!("{}: {error}", document.number)));
                }
            }
        }
        let [reference, financing] = ids;
        let mut proof = format!("taken by {place} as {}", reference.unwrap_or_default());
        if let Some(id) = financing {
            proof.push_str(&format!("; its financing as {id}"));
        }
        Ok(batch.prove(file, &proof).await?)
    }

    /// Refuses to say again what the factor would not know again, or what may be on its way at this moment.
    fn may_be_said_again(&self, given: Given, doubt: &str, doubtful: Doubtful) -> Result<(), Stopped> {
        let Self { batch, connection, place, file, .. } = *self;
        if connection.is_repeatable() {
            return Ok(());
        }
        if doubtful == Doubtful::Stays {
            return Err(self.unheard(given, doubt));
        }
        // A call may sign in first, and both once more where the session has ended.
        let longest = connection.connector.manifest.timeout * 4;
        let passed = begun_at(doubt).map(|since| (clock::now() - since).to_std().unwrap_or_default());
        match passed {
            Some(passed) if passed <= longest => Err(Stopped::Refused(format!(
                "{} of {} may be on its way at this moment: {doubt}. That may take {} seconds: wait, look at {place}, and say --again then",
                file.file_name,
                title(&batch.row),
                longest.as_secs()
            ))),
            Some(_) | None => Ok(()),
        }
    }

    /// Keeps an id that the factor gave.
    async fn know(&self, given: Given, id: &str, begun: &str) -> Result<(), Stopped> {
        let Self { batch, place, file, document, .. } = *self;
        let known = async {
            let mut tx = batch.setup.ledger.begin().await?;
            let known = tx.know_document(&batch.row.id, file.position, given, id, begun).await?;
            tx.commit().await?;
            Ok::<_, crate::ledger::Error>(known)
        };
        let id_of_batch = short(&batch.row.id);
        match known.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stopped::Refused(format!(
                "{} was taken by {place} as {id}, and another command has changed meanwhile what is known of it. Note this id, and look at \
                 `encours assignments status {id_of_batch}`",
                document.number
            ))),
            Err(error) => Err(Stopped::Refused(format!(
                "{} was taken by {place} as {id}, and this could not be kept: {error}. Note this id: the ledger does not know it, and says that \
                 the call may have been lost",
                document.number
            ))),
        }
    }

    /// Keeps the factor's no as its answer on the document.
    async fn keep_refusal(&self, reason: &str, reference: Option<&str>) -> Result<(), Stopped> {
        let Self { batch, file, document, .. } = *self;
        let line = FactorLine {
            contract: Some(batch.row.contract.clone()),
            number: document.number.clone(),
            currency: document.currency,
            amount_minor: document.amount_minor,
            state: FactorState::Rejected,
            financed_minor: None,
            holdback_minor: None,
            released_minor: None,
            fee_minor: None,
            reason: Some(reason.to_owned()),
            date: Some(batch.now.date_naive()),
        };
        let kept = async {
            let mut tx = batch.setup.ledger.begin().await?;
            let there = reference.map(|id| format!("; the document itself is there as {id}"));
            let proof = format!("refused when it was told of: {reason}{}", there.unwrap_or_default());
            tx.prove_assignment_file(&batch.row.id, file.position, &proof, batch.now).await?;
            let answers = batch.row.terms.answers();
            let changes = tx.land_factor_lines(answers, vec![line], Listing::Answers, batch.now).await?;
            let deltas: Vec<_> = changes.iter().filter_map(line_delta).collect();
            tx.say(&batch.row.company, &batch.row.id, &deltas, batch.now).await?;
            tx.commit().await
        };
        Ok(kept.await.map_err(Error::from)?)
    }

    /// How a person says of one document that the factor has it.
    fn say_so(&self) -> String {
        let (id, number) = (short(&self.batch.row.id), &self.document.number);
        format!("`encours assignments sent {id} --document {number} --because …`")
    }

    /// What a person has to look for, and what it comes to.
    fn unheard(&self, given: Given, reason: &str) -> Stopped {
        let Self { batch, connection, place, file, .. } = *self;
        let (what, then) = match (given, connection.document_calls().contains(&FINANCE)) {
            (Given::Document, false) => ("the document", "say so"),
            (Given::Document, true) => ("the document", "ask for its financing there, and say so"),
            (Given::Financing, _) => ("a financing of it", "say so"),
        };
        Stopped::Refused(format!(
            "{} of {} may have reached {place}, or not: {reason}. Look there whether {what} has come. If it has, {then}: {}. If not: \
             `encours assignments send {} --again` says the same once more, and takes a refusal as the answer",
            file.file_name,
            title(&batch.row),
            self.say_so(),
            short(&batch.row.id)
        ))
    }
}

/// How a doubt begins and ends of a call whose answer is awaited.
const BEGUN: &str = "begun by";
const NEVER_HEARD: &str = ", and its end was never heard of";

/// When a call began that nobody has heard of.
fn begun_at(doubt: &str) -> Option<Instant> {
    let told = doubt.strip_prefix(BEGUN)?.strip_suffix(NEVER_HEARD)?;
    let (_, at) = told.rsplit_once(" at ")?;
    at.parse().ok()
}

/// Why the documents do not go on.
enum Stopped {
    /// The factor has nothing of this document that it would not know again; the same command goes on.
    Untaken(String),
    /// A person has to look.
    Refused(String),
    /// The ledger.
    Failed(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Untaken(reason) => Self::NotTaken(reason),
            Stopped::Refused(told) => Self::Refused(told),
            Stopped::Failed(error) => error,
        }
    }
}
