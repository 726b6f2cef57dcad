//! Telling a factor of the documents of a batch one by one, each once.
//!
//! A factor that is called has no hidden names and takes nothing back. So before each call a doubt is committed, which the answer
//! takes away. What is in doubt, after a crash too, is said again by itself only to a factor that knows our reference again; to any
//! other one when a person says so. The id that the first call gave is committed before the second call is made. A document that the
//! factor refuses is an answer like one of its statement: the others go on.

use super::hand_over::{Doubtful, Sending, short};
use super::{Error, line_delta, refused, title};
use crate::connector::{Connection, FINANCE, Taken};
use crate::ledger::{AssignmentFileRow, BatchState, Given};
use crate::model::{AssignedDocument, FactorLine, FactorState, Listing};
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
        let mut reference = file.reference.clone();
        let mut doubt = file.doubt.clone();
        let mut proof = String::new();
        for operation in connection.document_calls() {
            let given = if operation == FINANCE { Given::Financing } else { Given::Document };
            if given == Given::Document && reference.is_some() {
                continue;
            }
            if let Some(doubt) = &doubt
                && doubtful == Doubtful::Stays
                && !connection.is_repeatable()
            {
                return Err(self.unheard(connection, place, file, given, doubt));
            }
            let begun = format!("begun by {} at {}, and its end was never heard of", self.by, self.now);
            if !self.doubt(file, doubt.as_deref(), Some(&begun)).await? {
                return Err(Stopped::Refused(format!(
                    "{} of {} is being told of by another command: look at `encours assignments status {}`",
                    document.number,
                    title(&self.row),
                    short(&self.row.id)
                )));
            }
            match connection.tell_document(operation, &file.content, reference.as_deref()).await {
                Ok(Taken::As { reference: id, call }) => {
                    let mut tx = self.setup.ledger.begin().await.map_err(Error::from)?;
                    tx.know_document(&self.row.id, file.position, given, &id).await.map_err(Error::from)?;
                    tx.commit().await.map_err(Error::from)?;
                    let what = match given {
                        Given::Document => "taken",
                        Given::Financing => "its financing taken",
                    };
                    let begin = if proof.is_empty() { "" } else { "; " };
                    proof.push_str(&format!("{begin}{what} by {place} as {id} (call {call})"));
                    if given == Given::Document {
                        reference = Some(id);
                    }
                    doubt = None;
                }
                Ok(Taken::Refused(reason)) => return self.keep_refusal(file, document, &reason).await,
                Err(error) if error.verdict() == Verdict::OutcomeUnknown => {
                    let reason = error.to_string();
                    self.doubt(file, Some(&begun), Some(&reason)).await?;
                    return Err(self.unheard(connection, place, file, given, &reason));
                }
                Err(error) => {
                    self.doubt(file, Some(&begun), doubt.as_deref()).await?;
                    return Err(Stopped::Untaken(format!("{}: {error}", document.number)));
                }
            }
        }
        Ok(self.prove(file, &proof).await?)
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

    fn unheard(
        &self,
        connection: &Connection,
        place: &str,
        file: &AssignmentFileRow,
        given: Given,
        reason: &str,
    ) -> Stopped {
        let (name, batch) = (&file.file_name, title(&self.row));
        if connection.is_repeatable() {
            return Stopped::Untaken(format!(
                "{name} of {batch} may have reached {place}, or not: {reason}. The factor knows it again by our reference"
            ));
        }
        let (what, if_it_has) = match (given, connection.document_calls().contains(&FINANCE)) {
            (Given::Document, false) => ("the document", ""),
            (Given::Document, true) => ("the document", ", and ask for its financing there"),
            (Given::Financing, _) => ("a financing of it", ""),
        };
        let id = short(&self.row.id);
        Stopped::Refused(format!(
            "{name} of {batch} may have reached {place}, or not: {reason}. Look there whether {what} has come. If it has{if_it_has}: \
             `encours assignments sent {id} --because …`. If not: `encours assignments send {id} --again` says the same once more"
        ))
    }
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
