//! Documents that the factor gives back: the seller collects them itself again.

use super::{Error, refused, sent_document};
use crate::engine::Setup;
use crate::model::{Contract, Date, Instant};

/// What a person says.
#[derive(Debug, Clone, Copy)]
pub struct Reassigned<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// The document's number, or CONNECTION/KEY where two ERPs have the same.
    pub document: &'a str,
    /// Since when it is the seller's again.
    pub on: Date,
    /// How that is known: the factor's word.
    pub because: &'a str,
    /// Who says so.
    pub by: &'a str,
}

/// Keeps that a document went back to the seller. It uses no approved amount any more, is not expected in the factor's statement, and what the
/// buyer pays is the seller's; under this contract it never goes again. Its number is returned.
///
/// # Errors
/// [`Error::Refused`]: the factor does not have it, it went back before, or not on such a day.
pub async fn reassigned(setup: &Setup, said: &Reassigned<'_>, now: Instant) -> Result<String, Error> {
    let Reassigned { contract, document, on, because, by } = *said;
    let (factor, number) = (contract.factor.as_str(), contract.number.as_str());
    let mut tx = setup.ledger.begin().await?;
    let in_force = tx.assigned(factor, number).await?;
    let row = sent_document(&in_force, document, |row| row.is_document())?.ok_or_else(|| {
        Error::Refused(format!(
            "the factor does not have a document {document} under the contract {number}: `encours assignments status` lists what it has"
        ))
    })?;
    if let Some(since) = row.reassigned_on {
        return refused(format!("{} went back to you on {since}", row.number));
    }
    // A day of difference between this machine and where the person is.
    let last = now.date_naive() + chrono::Days::new(1);
    if on < row.made_on || on > last {
        return refused(format!(
            "{} was assigned on {}: it cannot have gone back to you on {on}; say a day from then on, up to today",
            row.number, row.made_on
        ));
    }
    let key = (row.connection.as_str(), row.external_id.as_str());
    tx.reassign(factor, number, key, (on, by, because), now).await?;
    let deltas = super::statuses(&mut tx, setup, now).await?;
    tx.say(&setup.company.id, &format!("reassigned/{}/{}", key.0, key.1), &deltas, now).await?;
    let number = row.number.clone();
    tx.commit().await?;
    Ok(number)
}
