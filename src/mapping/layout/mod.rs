//! Layouts of the files that carry assigned documents to a factor, as data.
//!
//! A layout says which files a batch becomes, which records they have, and what stands at each position. It is checked when
//! it is loaded, record by record, so that a field that is too short, too long or missing is told before any document is.
//! Invariant: money, dates, numbers and identifiers are never cut; a value that does not fit is an error that names the field and
//! the document. Writing keeps no document: memory grows with numbers and buyers only. What a file says of the whole before
//! its first document (totals, buyers) comes from a first pass, [`Outline`].
//! Reference: docs/connectors.md, "Layouts of assignment files".

mod declare;
mod error;
mod fact;
mod field;
mod read;
mod signs;
#[cfg(test)]
mod tests;
mod write;
mod xml;

use std::collections::{BTreeMap, BTreeSet};

pub use error::{LayoutError, told};
pub use fact::Fact;
pub use read::ReadRecord;
pub use signs::{Charset, Missing, printable};
pub use write::{Outline, Writer, Written, WrittenFile};

use fact::{DatePattern, FileName, Of};
use signs::Signs;

use crate::model::{AssignedDocument, DocumentKind, Market, NumberStyle, words};

/// The layout of a factor's files.
#[derive(Debug, Clone)]
pub struct Layout {
    shape: Shape,
    signs: Signs,
    line_end: &'static str,
    /// The last line has its end too.
    ends_last: bool,
    decimals: Decimals,
    files: Vec<File>,
    records: Vec<Record>,
}

/// How records are kept apart, and fields within them.
#[derive(Debug, Clone)]
enum Shape {
    /// Each record has this many signs, each field its positions.
    Fixed(usize),
    /// A separator stands between fields.
    Delimited {
        separator: char,
        /// A field that holds the separator, a quote or a line end is put in quotes; without quotes that is an error.
        quotes: bool,
        /// The first line names the columns.
        header: bool,
    },
    /// Each record is an element, or adds to elements that are open; each field is an element in it.
    Xml,
}

/// What becomes of currencies whose amounts have not two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decimals {
    /// They are refused.
    Two,
    /// Their minor units, or their own decimals, are written.
    OfCurrency,
}

/// One file of a batch.
#[derive(Debug, Clone)]
struct File {
    name: FileName,
    /// Whose documents it holds; all of them when there is none.
    market: Option<Market>,
    /// Which records it is made of.
    form: String,
    /// What is around them, of XML.
    frame: Option<xml::Frame>,
}

words! {
    /// When a record is written.
    When {
        /// Before the documents.
        Start = "start",
        /// For each document.
        Document = "document",
        /// Once for each buyer, before the documents, among the records with `start` in the order of the declaration.
        Buyer = "buyer",
        /// After the documents.
        End = "end",
    }
}

/// One kind of record.
#[derive(Debug, Clone)]
struct Record {
    name: String,
    form: String,
    when: When,
    /// The documents that it is for.
    kinds: Vec<DocumentKind>,
    /// The elements that it stands in, of XML.
    at: Vec<String>,
    fields: Vec<Field>,
}

/// One field of a record.
#[derive(Debug, Clone)]
struct Field {
    name: String,
    source: Source,
    form: Form,
    /// Signs that it holds; of a delimited file none where there is no limit.
    width: Option<usize>,
    align: Align,
    pad: char,
    /// The kinds of document that fill it; it is blank for the others.
    only: Option<Vec<DocumentKind>>,
    /// It may have nothing to say.
    optional: bool,
    /// A shorter value does not fit either.
    full: bool,
    /// A longer value is cut.
    cut: bool,
    /// The signs that are kept; the others are dropped.
    keep: Option<Keep>,
    /// Our words to theirs.
    codes: Option<BTreeMap<String, String>>,
    /// What stands before the value.
    before: String,
    /// Its elements within the record, of XML; the last one holds it.
    at: Vec<String>,
    /// Attributes of the last element, and the facts of the batch that they hold.
    with: Vec<(String, Fact)>,
}

#[derive(Debug, Clone)]
enum Source {
    Const(String),
    Setting(Choice<String>),
    /// The first of these facts that is known.
    Fact(Choice<Vec<Fact>>),
}

/// One thing for all, or one for each market, for each kind of document, or for each value of a setting.
#[derive(Debug, Clone)]
enum Choice<T> {
    One(T),
    ByMarket(Vec<(Market, T)>),
    ByKind(Vec<(DocumentKind, T)>),
    BySetting(String, Vec<(String, T)>),
}

impl<T> Choice<T> {
    fn all(&self) -> Vec<&T> {
        match self {
            Self::One(one) => vec![one],
            Self::ByMarket(list) => list.iter().map(|(_, one)| one).collect(),
            Self::ByKind(list) => list.iter().map(|(_, one)| one).collect(),
            Self::BySetting(_, list) => list.iter().map(|(_, one)| one).collect(),
        }
    }

    /// The setting that decides.
    fn setting(&self) -> Option<&str> {
        match self {
            Self::BySetting(name, _) => Some(name),
            Self::One(_) | Self::ByMarket(_) | Self::ByKind(_) => None,
        }
    }
}

/// How a value becomes text.
#[derive(Debug, Clone)]
enum Form {
    Text,
    /// A text that has digits only.
    Digits,
    Number,
    /// An amount of minor units, without a sign.
    Cents,
    /// An amount with its decimals, and with a minus where it is negative.
    Decimal(NumberStyle),
    Date(DatePattern),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

words! {
    /// The signs that a field keeps.
    Keep {
        /// A to Z, a to z, 0 to 9.
        Alphanumeric = "alphanumeric",
        /// 0 to 9.
        Digits = "digits",
    }
}

impl Keep {
    const fn keeps(self, sign: char) -> bool {
        match self {
            Self::Alphanumeric => sign.is_ascii_alphanumeric(),
            Self::Digits => sign.is_ascii_digit(),
        }
    }
}

impl Layout {
    /// Every setting of the connection that it uses.
    #[must_use]
    pub fn settings(&self) -> BTreeSet<&str> {
        let of_names = self.files.iter().flat_map(|file| file.name.settings());
        let fields = self.records.iter().flat_map(|record| &record.fields);
        let of_fields = fields.flat_map(|field| match &field.source {
            Source::Const(_) => Vec::new(),
            Source::Setting(choice) => {
                choice.all().into_iter().map(String::as_str).chain(choice.setting()).collect()
            }
            Source::Fact(choice) => choice.setting().into_iter().collect(),
        });
        of_names.chain(of_fields).collect()
    }

    /// What is wrong with settings that are given, each told with the setting's name: a code that its field does not hold.
    #[must_use]
    pub fn setting_problems(&self, settings: &BTreeMap<String, String>) -> BTreeSet<String> {
        let given = |name: &str| settings.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
        let fields = self.records.iter().flat_map(|record| &record.fields);
        let own = fields.filter_map(|field| match &field.source {
            Source::Setting(choice) => Some(choice.all().into_iter().map(move |name| (name, field))),
            Source::Const(_) | Source::Fact(_) => None,
        });
        let problem = |(name, field): (&String, &Field)| {
            let reason = field.text_of(given(name)?, self).err()?;
            Some(format!("setting {name}: it does not fit the factor's files: {reason}"))
        };
        own.flatten().filter_map(problem).collect()
    }

    /// The names of its files, with their places.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.files.iter().map(|file| file.name.raw.as_str()).collect()
    }

    /// Whether it cannot be written without the day of the factor's last statement.
    #[must_use]
    pub fn needs_statement_date(&self) -> bool {
        let mut fields = self.records.iter().flat_map(|record| &record.fields);
        fields.any(|field| field.is(Fact::StatementDate) && !field.optional)
    }

    /// Whether it has a record for such a document.
    #[must_use]
    pub fn takes(&self, kind: DocumentKind, market: Market) -> bool {
        self.record_of(kind, market).is_some()
    }

    /// The number of a document as the factor gets it: what the factor must see once only. Of a payment or an adjustment it is
    /// that of the invoice.
    ///
    /// # Errors
    /// [`LayoutError`]: the layout has no record for the document, or the number does not fit its field.
    pub fn written_number(&self, document: &AssignedDocument) -> Result<String, LayoutError> {
        let market = document.buyer.market;
        let record = self.record_of(document.kind, market).ok_or_else(|| self.no_place(document))?;
        let is_number = |field: &&Field| field.shows(document.kind) && field.is(Fact::Number);
        let field = record.fields.iter().find(is_number).ok_or_else(|| self.no_place(document))?;
        field.text_of(&document.number, self).map_err(|reason| LayoutError::Field {
            field: field.name.clone(),
            of: error::told(document.kind, &document.number),
            reason,
        })
    }

    fn no_place(&self, document: &AssignedDocument) -> LayoutError {
        let market = document.buyer.market;
        let takes: Vec<&str> = DocumentKind::ALL
            .iter()
            .filter(|kind| self.takes(**kind, market))
            .map(|kind| kind.as_str())
            .collect();
        let reason = if takes.is_empty() {
            format!("none of its files is for {market} buyers")
        } else {
            format!("for {market} buyers it has records for {}", takes.join(", "))
        };
        LayoutError::NoPlace { document: error::told(document.kind, &document.number), reason }
    }

    const fn is_xml(&self) -> bool {
        matches!(self.shape, Shape::Xml)
    }

    /// The files that a document stands in, or its buyer only.
    fn files_for(&self, kind: DocumentKind, market: Market) -> impl Iterator<Item = (usize, &File)> {
        self.files_of(market).filter(move |(_, file)| {
            let mut records = self.records_of(&file.form, When::Document).peekable();
            records.peek().is_none() || records.any(|record| record.kinds.contains(&kind))
        })
    }

    /// The files of a market.
    fn files_of(&self, market: Market) -> impl Iterator<Item = (usize, &File)> {
        let of_market = move |(_, file): &(usize, &File)| file.market.is_none_or(|own| own == market);
        self.files.iter().enumerate().filter(of_market)
    }

    fn records_of<'a>(&'a self, form: &'a str, when: When) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter(move |record| record.form == form && record.when == when)
    }

    /// The record that a document gets, in the one file of its market that holds such documents.
    fn record_of(&self, kind: DocumentKind, market: Market) -> Option<&Record> {
        self.files_of(market).find_map(|(_, file)| {
            self.records_of(&file.form, When::Document).find(|record| record.kinds.contains(&kind))
        })
    }
}

impl Field {
    /// Whether documents of a kind fill it.
    fn shows(&self, kind: DocumentKind) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&kind))
    }

    /// Whether it holds a fact and nothing else.
    fn is(&self, fact: Fact) -> bool {
        matches!(&self.source, Source::Fact(Choice::One(own)) if *own == [fact])
    }

    fn facts(&self) -> Vec<Fact> {
        match &self.source {
            Source::Fact(choice) => choice.all().into_iter().flatten().copied().collect(),
            Source::Const(_) | Source::Setting(_) => Vec::new(),
        }
    }

    fn needs(&self, of: Of) -> bool {
        self.facts().iter().any(|fact| fact.of() == of)
    }
}
