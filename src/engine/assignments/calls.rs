//! Telling a factor of the documents of a batch one by one, each once.
//!
//! A factor that is called has no hidden names and takes nothing back. So before each call a doubt is committed, which the answer
//! takes away. What is in doubt, after a crash too, is said again by itself only to a factor that knows our reference again; to any
//! other one when a person says so. Each id that a call gave is committed before anything else is done, so that no call is made twice. A
//! document that the factor refuses is an answer like one of its statement, and the others go on; where it may be there from an earlier
//! call, a refusal answers nothing.

use super::hand_over::{Doubtful, Sending, short};
use super::{Error, line_delta, refused, title};
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
            let age = (self.now.date_naive() - self.row.made_on).num_days();
            if let Some(most) = connection.told_within_days().filter(|most| age > *most) {
                return refused(format!(
                    "{} was made on {}, and what it says may be told of up to {most} days after: discard it and make it again",
                    title(&self.row),
                    self.row.made_on
                ));
            }
            self.begin(&note).await?.commit().await?;
        } else {
            self.goes_on(&note)?;
        }
        for (file, document) in self.files.iter().zip(&documents).filter(|(file, _)| file.proof.is_none()) {
            if let Err(stopped) = self.tell(connection, &place, file, &document.document, doubtful).await {
                if let Stopped::Untaken(reason) = &stopped {
                    self.take_back(reason).await?;
                }
                return Err(stopped.into());
            }
        }
        Ok(())
    }

    /// Tells of one document in as many calls as that takes, from the first that was not answered.
    async fn tell(
        &self,
        connection: &Connection,
        place: &str,
        file: &AssignmentFileRow,
        document: &AssignedDocument,
        doubtful: Doubtful,
    ) -> Result<(), Stopped> {
        let mut doubt = file.doubt.clone();
        let mut ids = [file.reference.clone(), file.financing.clone()];
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
                self.may_be_said_again(connection, place, file, given, doubt, doubtful)?;
            }
            let begun = format!("{BEGUN} {} at {}{NEVER_HEARD}", self.by, self.now.to_rfc3339());
            if !self.doubt_known(file, doubt.as_deref(), known, Some(&begun)).await? {
                return Err(Stopped::Refused(format!(
                    "{} of {} is being told of by another command: look at `encours assignments status {}`",
                    document.number,
                    title(&self.row),
                    short(&self.row.id)
                )));
            }
            let answer = connection.tell_document(operation, &file.content, known).await;
            match answer {
                Ok(Taken::As(id)) => {
                    self.know(place, file, document, given, &id, &begun).await?;
                    let [reference, financing] = &mut ids;
                    *(if given == Given::Document { reference } else { financing }) = Some(id);
                    doubt = None;
                }
                Ok(Taken::Refused(reason)) if doubt.is_some() && doubtful == Doubtful::Stays => {
                    let told = format!("said again, it was refused: {reason}");
                    self.doubt_known(file, Some(&begun), known, Some(&told)).await?;
                    return Err(self.unheard(place, file, given, connection, &told));
                }
                Ok(Taken::Refused(reason)) => return self.keep_refusal(file, document, &reason).await,
                Err(error) if error.verdict() == Verdict::OutcomeUnknown => {
                    let reason = error.to_string();
                    self.doubt_known(file, Some(&begun), known, Some(&reason)).await?;
                    if connection.is_repeatable() {
                        return Err(Stopped::Untaken(format!(
                            "{} of {} may have reached {place}, or not: {reason}. The factor knows it again by our reference",
                            file.file_name,
                            title(&self.row)
                        )));
                    }
                    return Err(self.unheard(place, file, given, connection, &reason));
                }
                Err(error) => {
                    self.doubt_known(file, Some(&begun), known, doubt.as_deref()).await?;
                    return Err(Stopped::Untaken(format!("{}: {error}", document.number)));
                }
            }
        }
        let [reference, financing] = ids;
        let mut proof = format!("taken by {place} as {}", reference.unwrap_or_default());
        if let Some(id) = financing {
            proof.push_str(&format!("; its financing as {id}"));
        }
        Ok(self.prove(file, &proof).await?)
    }

    /// Refuses to say again what the factor would not know again, or what may be on its way at this moment.
    fn may_be_said_again(
        &self,
        connection: &Connection,
        place: &str,
        file: &AssignmentFileRow,
        given: Given,
        doubt: &str,
        doubtful: Doubtful,
    ) -> Result<(), Stopped> {
        if connection.is_repeatable() {
            return Ok(());
        }
        if doubtful == Doubtful::Stays {
            return Err(self.unheard(place, file, given, connection, doubt));
        }
        let timeout = connection.connector.manifest.timeout;
        let may_live = begun_at(doubt).map(|since| (self.now - since).to_std().unwrap_or_default());
        match may_live {
            Some(passed) if passed <= timeout * 2 => Err(Stopped::Refused(format!(
                "{} of {} may be on its way at this moment: {doubt}. A call may take {} seconds: wait, look at {place}, and say --again then",
                file.file_name,
                title(&self.row),
                timeout.as_secs()
            ))),
            Some(_) | None => Ok(()),
        }
    }

    /// Keeps an id that the factor gave.
    async fn know(
        &self,
        place: &str,
        file: &AssignmentFileRow,
        document: &AssignedDocument,
        given: Given,
        id: &str,
        begun: &str,
    ) -> Result<(), Stopped> {
        let known = async {
            let mut tx = self.setup.ledger.begin().await?;
            let known = tx.know_document(&self.row.id, file.position, given, id, begun).await?;
            tx.commit().await?;
            Ok::<_, crate::ledger::Error>(known)
        };
        let batch = short(&self.row.id);
        match known.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stopped::Refused(format!(
                "{} was taken by {place} as {id}, and another command has changed meanwhile what is known of it. Note this id, and look at \
                 `encours assignments status {batch}`",
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
    async fn keep_refusal(
        &self,
        file: &AssignmentFileRow,
        document: &AssignedDocument,
        reason: &str,
    ) -> Result<(), Stopped> {
        let line = FactorLine {
            contract: Some(self.row.contract.clone()),
            number: document.number.clone(),
            currency: document.currency,
            amount_minor: document.amount_minor,
            state: FactorState::Rejected,
            financed_minor: None,
            holdback_minor: None,
            released_minor: None,
            fee_minor: None,
            reason: Some(reason.to_owned()),
            date: Some(self.now.date_naive()),
        };
        let kept = async {
            let mut tx = self.setup.ledger.begin().await?;
            let proof = format!("refused when it was told of: {reason}");
            tx.prove_assignment_file(&self.row.id, file.position, &proof, self.now).await?;
            let answers = self.row.terms.answers();
            let changes = tx.land_factor_lines(answers, vec![line], Listing::Answers, self.now).await?;
            let deltas: Vec<_> = changes.iter().filter_map(line_delta).collect();
            tx.say(&self.row.company, &self.row.id, &deltas, self.now).await?;
            tx.commit().await
        };
        Ok(kept.await.map_err(Error::from)?)
    }

    /// What a person has to look for, and what it comes to.
    fn unheard(
        &self,
        place: &str,
        file: &AssignmentFileRow,
        given: Given,
        connection: &Connection,
        reason: &str,
    ) -> Stopped {
        let (what, if_it_has) = match (given, connection.document_calls().contains(&FINANCE)) {
            (Given::Document, false) => ("the document", ""),
            (Given::Document, true) => ("the document", ", and ask for its financing there"),
            (Given::Financing, _) => ("a financing of it", ""),
        };
        let id = short(&self.row.id);
        Stopped::Refused(format!(
            "{} of {} may have reached {place}, or not: {reason}. Look there whether {what} has come. If it has{if_it_has}: \
             `encours assignments sent {id} --because …`. If not: `encours assignments send {id} --again` says the same once more, and takes the \
             answer as it is",
            file.file_name,
            title(&self.row)
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
