//! Why a batch cannot be written.

use crate::model::{Currency, DocumentKind};

/// Why a batch cannot be written. Nothing of it is to be used.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A value does not fit its field.
    #[error("the field \"{field}\" of {of} cannot be written: {reason}")]
    Field {
        /// The field.
        field: String,
        /// The document, the buyer or the record that it belongs to.
        of: String,
        /// What the value is, and what the field holds.
        reason: String,
    },
    /// There is no document.
    #[error("the batch has no document, so there is no file to make")]
    NoDocuments,
    /// A document that the layout has no place for.
    #[error("{document} has no place in this layout: {reason}")]
    NoPlace {
        /// Which document.
        document: String,
        /// Why.
        reason: String,
    },
    /// A document that a factor which is called cannot be told of.
    #[error("the factor cannot be told of {document}: {reason}")]
    NotTold {
        /// Which document.
        document: String,
        /// Why.
        reason: String,
    },
    /// A document that does not belong into the batch.
    #[error("{document} does not belong into this batch: {reason}")]
    Foreign {
        /// Which document.
        document: String,
        /// Why.
        reason: String,
    },
    /// Amounts of the currency have another number of decimals than the layout states.
    #[error(
        "{currency} has {} decimals, and this layout is known for currencies with two only; ask the factor how it wants such amounts, then say so in the layout (decimals = \"currency\" writes minor units of any currency)",
        currency.decimals()
    )]
    Decimals {
        /// The currency of the batch.
        currency: Currency,
    },
    /// Two documents would reach the factor under one number.
    #[error(
        "{first} and {second} would both reach the factor as \"{written}\", and it takes each number once: send one of them by hand, or give it another number in the ERP"
    )]
    SameNumber {
        /// The number as written.
        written: String,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// Two buyers would reach the factor under one code.
    #[error(
        "{first} and {second} have one customer code, \"{code}\": the factor would take them for one buyer; send them in two batches, or give one of them another code"
    )]
    SameBuyer {
        /// The code.
        code: String,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// The first pass over the documents counted others.
    #[error(
        "the documents changed while the batch was written, so nothing of it is to be used; make it again"
    )]
    OtherDocuments,
    /// A setting that the name of a file needs is not given.
    #[error("the setting \"{name}\" is not given, and the name of the file needs it")]
    Setting {
        /// Its name.
        name: String,
    },
    /// What comes of the template is no file name.
    #[error("\"{name}\" is no name of a file; it comes from {template}")]
    Name {
        /// What came of it.
        name: String,
        /// The template.
        template: String,
    },
    /// Two files of the batch would have one name.
    #[error("two files of the batch would be called {name}")]
    SameName {
        /// The name.
        name: String,
    },
    /// Sums beyond 64 bits.
    #[error("the sums of the batch are too large")]
    TooLarge,
    /// The file could not be written.
    #[error("cannot write the file {name}: {error}")]
    Write {
        /// Its name.
        name: String,
        /// What the system said.
        error: std::io::Error,
    },
}

/// A document in a message: `invoice F-1`.
#[must_use]
pub fn told(kind: DocumentKind, number: &str) -> String {
    let kind = match kind {
        DocumentKind::Invoice => "invoice",
        DocumentKind::CreditNote => "credit note",
        DocumentKind::Payment => "payment of",
        DocumentKind::Adjustment => "adjustment of",
        DocumentKind::Dispute => "dispute of",
    };
    format!("{kind} {number}")
}
