//! Batches for factors: what would go, making one, letting it go, and handing it over once.
//!
//! A batch is made in one transaction with its number, its files and its documents, and is never changed: sending it, and sending it
//! again, sends the stored bytes. Reference: shared rules, "Factoring".

mod answers;
mod calls;
mod cash;
mod hand_over;
mod lifecycle;
mod make;
mod reassigned;
mod received;
mod select;
mod watch;

pub(in crate::engine) use answers::held;
pub use cash::{Cash, CashTotals, cash};
pub use hand_over::{by_hand, by_hand_one, sealed_as_wanted, send, send_again};
pub(in crate::engine) use lifecycle::statuses;
pub use make::{Made, approve, discard, make};
pub use reassigned::{Reassigned, reassigned};
pub use received::{Received, received};
pub use select::{Planned, Wanted, plan};
pub use watch::{Comparison, Differs, Recourse, compare};
pub(in crate::engine) use watch::{breaks, line_delta};

use super::Setup;
use crate::connector::{Connection, Form};
use crate::ledger::{AssignmentRow, InForceRow, Tx};
use crate::mapping::layout::LayoutError;
use crate::model::{Contract, Currency};

/// Why a batch is not made, not approved or not sent. Where it does not say otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] crate::ledger::Error),
    /// A connection is not as the contract says.
    #[error(transparent)]
    Connector(#[from] crate::connector::Error),
    /// The factor's form cannot hold it.
    #[error("the batch is not made: {0}")]
    Layout(LayoutError),
    /// A figure does not fit.
    #[error(transparent)]
    Factoring(#[from] crate::factoring::Error),
    /// A place for files fails.
    #[error("the batch is not handed over: {0}")]
    Place(crate::transport::place::Error),
    /// A file was certainly not mailed.
    #[error("nothing was mailed: {0}; the same command tries again")]
    NotMailed(String),
    /// A document did not reach the factor, or does no harm when it is said again.
    #[error("the batch is not wholly handed over: {0}; the same command goes on")]
    NotTaken(String),
    /// A file was not put to its address, or nobody knows; putting it again does no harm.
    #[error("{0}; the same command tries again")]
    Upload(crate::transport::upload::Error),
    /// It is not to be done, and why.
    #[error("{0}")]
    Refused(String),
}

// By hand: what a message holds already is not its source too, or a chain of causes would tell it twice.
impl From<LayoutError> for Error {
    fn from(error: LayoutError) -> Self {
        Self::Layout(error)
    }
}

impl From<crate::transport::place::Error> for Error {
    fn from(error: crate::transport::place::Error) -> Self {
        Self::Place(error)
    }
}

fn refused<T>(told: impl Into<String>) -> Result<T, Error> {
    Err(Error::Refused(told.into()))
}

/// The contract that a person names by its number, or as FACTOR/NUMBER; the only one without a name.
///
/// # Errors
/// [`Error::Refused`]: there is none, or there are several.
pub fn contract<'s>(setup: &'s Setup, number: Option<&str>) -> Result<&'s Contract, Error> {
    let known = || setup.contracts.iter().map(|own| own.number.as_str()).collect::<Vec<_>>().join(", ");
    match (number, setup.contracts.as_slice()) {
        (_, []) => refused("there is no factoring contract: write one into contracts/, beside encours.toml"),
        (None, [one]) => Ok(one),
        (None, _) => refused(format!("which contract? There are: {}", known())),
        (Some(number), all) => {
            let is_named =
                |own: &&Contract| own.number == number || format!("{}/{}", own.factor, own.number) == number;
            match all.iter().filter(is_named).collect::<Vec<_>>().as_slice() {
                [one] => Ok(*one),
                [] => refused(format!("there is no contract {number}; there are: {}", known())),
                _ => {
                    refused(format!("several factors have a contract {number}: name one as FACTOR/{number}"))
                }
            }
        }
    }
}

/// The currency of a batch: the one that is named, or the only one of the contract.
///
/// # Errors
/// [`Error::Refused`]: the contract does not have it, or has several.
pub fn currency(contract: &Contract, named: Option<Currency>) -> Result<Currency, Error> {
    let known = || contract.currencies.iter().map(Currency::code).collect::<Vec<_>>().join(", ");
    match (named, contract.currencies.as_slice()) {
        (None, [one]) => Ok(*one),
        (None, _) => refused(format!("a batch is of one currency: which of {}?", known())),
        (Some(named), all) if all.contains(&named) => Ok(named),
        (Some(named), _) => {
            refused(format!("the contract {} has no {named}; it has {}", contract.number, known()))
        }
    }
}

fn connection_of<'s>(setup: &'s Setup, contract: &Contract) -> Result<&'s Connection, Error> {
    let found = setup.connections.iter().find(|own| own.id == contract.connection);
    match found {
        Some(connection) => Ok(connection),
        None => refused(format!(
            "the contract {} names the connection \"{}\", which is not there",
            contract.number, contract.connection
        )),
    }
}

/// How a connection assigns documents.
fn form_of(connection: &Connection) -> Result<Form<'_>, Error> {
    match connection.form() {
        Some(form) => Ok(form),
        None => refused(format!(
            "the connection \"{}\" has no layout of assigned documents, and no call for one: name one whose connector has [layout] or \
             send_document",
            connection.id
        )),
    }
}

/// The document that a person names by its number or as CONNECTION/KEY, among those that the factor was sent; none where there is none.
fn sent_document<'r>(
    in_force: &'r [InForceRow],
    named: &str,
    fits: impl Fn(&InForceRow) -> bool,
) -> Result<Option<&'r InForceRow>, Error> {
    let is_named = |row: &&InForceRow| {
        let is_named = row.number == named || format!("{}/{}", row.connection, row.external_id) == named;
        is_named && row.sent && fits(row)
    };
    match in_force.iter().filter(is_named).collect::<Vec<_>>().as_slice() {
        [one] => Ok(Some(one)),
        [] => Ok(None),
        _ => refused(format!("several documents are called {named}: name one as CONNECTION/KEY")),
    }
}

async fn batch(tx: &mut Tx<'_>, company: &str, id: &str) -> Result<AssignmentRow, Error> {
    match tx.assignments(company).await?.into_iter().find(|row| row.id == id) {
        Some(row) => Ok(row),
        None => refused(format!("there is no batch {id}")),
    }
}

/// A batch in words: `batch 17 of the contract 00123 with Exemple Factor`.
#[must_use]
pub fn title(row: &AssignmentRow) -> String {
    format!("batch {} of the contract {} with {}", row.number, row.contract, row.factor)
}

/// The same at the beginning of a sentence.
#[must_use]
pub fn heading(row: &AssignmentRow) -> String {
    title(row).replacen('b', "B", 1)
}
