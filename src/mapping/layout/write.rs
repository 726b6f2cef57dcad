//! Documents to files, one by one.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use super::error::{LayoutError, told};
use super::field::Context;
use super::{Decimals, File, Layout, Record, Shape, When};
use crate::model::{AssignedBuyer, AssignedDocument, BatchHead, ControlTotals, DocumentKind, Market};

/// One file of a batch, whole.
#[derive(Debug)]
pub struct WrittenFile<W> {
    /// Its name.
    pub name: String,
    /// Its place in the layout, from 0, by which [`Layout::read`] knows it.
    pub place: usize,
    /// Whose documents it holds; of both markets when there is none.
    pub market: Option<Market>,
    /// How many records it has.
    pub records: i64,
    /// What its documents add up to; nothing in a file of buyers.
    pub totals: ControlTotals,
    /// Where it was written.
    pub out: W,
}

/// All files of a batch.
#[derive(Debug)]
pub struct Written<W> {
    /// The files, in the order of the layout.
    pub files: Vec<WrittenFile<W>>,
    /// What all documents add up to.
    pub totals: ControlTotals,
    /// The number of each document as it was written, in their order; only [`Layout::write`] collects them.
    pub numbers: Vec<String>,
}

struct Open<W> {
    name: String,
    out: W,
    totals: ControlTotals,
    records: i64,
    /// Buyers that have their record, by code.
    buyers: BTreeMap<String, String>,
}

/// Writes a batch: [`Writer::document`] for each document, then [`Writer::finish`]. After an error what was written is
/// of no use.
pub struct Writer<'a, W, F> {
    layout: &'a Layout,
    head: &'a BatchHead,
    settings: &'a BTreeMap<String, String>,
    open: F,
    files: Vec<Option<Open<W>>>,
    /// The documents by the number that they were written with.
    numbers: HashMap<String, (DocumentKind, Box<str>)>,
    totals: ControlTotals,
    line: Vec<u8>,
}

impl Layout {
    /// Begins a batch. `open` is asked for a place to write to when a file gets its first document, by the file's name.
    ///
    /// # Errors
    /// [`LayoutError`]: how amounts of the currency are written is not known.
    pub fn writer<'a, W: Write, F: FnMut(&str) -> std::io::Result<W>>(
        &'a self,
        head: &'a BatchHead,
        settings: &'a BTreeMap<String, String>,
        open: F,
    ) -> Result<Writer<'a, W, F>, LayoutError> {
        if self.decimals == Decimals::Two && head.currency.decimals() != 2 {
            return Err(LayoutError::Decimals { currency: head.currency });
        }
        Ok(Writer {
            layout: self,
            head,
            settings,
            open,
            files: self.files.iter().map(|_| None).collect(),
            numbers: HashMap::new(),
            totals: ControlTotals::default(),
            line: Vec::new(),
        })
    }

    /// Writes a whole batch into memory.
    ///
    /// # Errors
    /// [`LayoutError`]: the first thing that does not fit.
    pub fn write<'d>(
        &self,
        head: &BatchHead,
        settings: &BTreeMap<String, String>,
        documents: impl IntoIterator<Item = &'d AssignedDocument>,
    ) -> Result<Written<Vec<u8>>, LayoutError> {
        let mut writer = self.writer(head, settings, |_| Ok(Vec::new()))?;
        let numbers =
            documents.into_iter().map(|document| writer.document(document)).collect::<Result<_, _>>()?;
        Ok(Written { numbers, ..writer.finish()? })
    }
}

impl<W: Write, F: FnMut(&str) -> std::io::Result<W>> Writer<'_, W, F> {
    /// Writes one document, and says its number as written.
    ///
    /// # Errors
    /// [`LayoutError`]: it has no place, it does not fit, or it would reach the factor under the number of another one.
    pub fn document(&mut self, document: &AssignedDocument) -> Result<String, LayoutError> {
        let foreign = |reason: &str| LayoutError::Foreign {
            document: told(document.kind, &document.number),
            reason: reason.to_owned(),
        };
        if document.currency != self.head.currency {
            return Err(foreign(&format!(
                "it is in {}, the batch in {}",
                document.currency, self.head.currency
            )));
        }
        if document.amount_minor < 0 {
            return Err(foreign("its amount is negative; which way it counts comes from its kind"));
        }
        let layout = self.layout;
        let number = layout.written_number(document)?;
        self.once(document, &number)?;
        self.totals = self.totals.with(document.kind, document.amount_minor).ok_or(LayoutError::TooLarge)?;
        let market = document.buyer.market;
        for (index, file) in layout.files_of(market) {
            self.begin(index, file)?;
            let mut buyer = layout.records_of(&file.form, When::Buyer).peekable();
            if buyer.peek().is_some() && self.is_new(index, &document.buyer)? {
                for record in buyer {
                    self.record(index, record, (Some(market), None, Some(&document.buyer)))?;
                }
            }
            let own = |record: &&Record| record.kinds.contains(&document.kind);
            if let Some(record) = layout.records_of(&file.form, When::Document).find(own) {
                if let Some(Some(open)) = self.files.get_mut(index) {
                    open.totals = open
                        .totals
                        .with(document.kind, document.amount_minor)
                        .ok_or(LayoutError::TooLarge)?;
                }
                self.record(index, record, (Some(market), Some(document), Some(&document.buyer)))?;
            }
        }
        Ok(number)
    }

    /// Writes the last records and says what came of the batch.
    ///
    /// # Errors
    /// [`LayoutError`]: there was no document, or a total does not fit.
    pub fn finish(mut self) -> Result<Written<W>, LayoutError> {
        if self.totals.count() == 0 {
            return Err(LayoutError::NoDocuments);
        }
        let layout = self.layout;
        for (index, file) in layout.files.iter().enumerate() {
            if self.files.get(index).is_none_or(Option::is_none) {
                continue;
            }
            for record in layout.records_of(&file.form, When::End) {
                self.record(index, record, (file.market, None, None))?;
            }
            if layout.ends_last {
                self.put(index, layout.line_end.as_bytes())?;
            }
        }
        let mut files = Vec::new();
        for (place, (file, open)) in layout.files.iter().zip(self.files).enumerate() {
            let Some(Open { name, mut out, totals, records, .. }) = open else { continue };
            out.flush().map_err(|error| LayoutError::Write { name: name.clone(), error })?;
            files.push(WrittenFile { name, place, market: file.market, records, totals, out });
        }
        Ok(Written { files, totals: self.totals, numbers: Vec::new() })
    }

    /// Refuses a second document under one number; payments and adjustments have that of their invoice.
    fn once(&mut self, document: &AssignedDocument, number: &str) -> Result<(), LayoutError> {
        match document.kind {
            DocumentKind::Payment | DocumentKind::Adjustment => return Ok(()),
            DocumentKind::Invoice | DocumentKind::CreditNote => {}
        }
        let own = (document.kind, document.number.as_str().into());
        match self.numbers.insert(number.to_owned(), own) {
            None => Ok(()),
            Some((kind, other)) => Err(LayoutError::SameNumber {
                written: number.to_owned(),
                first: told(kind, &other),
                second: told(document.kind, &document.number),
            }),
        }
    }

    /// Opens a file that has no document yet, and writes its first records.
    fn begin(&mut self, index: usize, file: &File) -> Result<(), LayoutError> {
        if self.files.get(index).is_none_or(Option::is_some) {
            return Ok(());
        }
        let name = file.name.fill(self.head, self.settings)?;
        if self.files.iter().flatten().any(|open| open.name == name) {
            return Err(LayoutError::SameName { name });
        }
        let out = (self.open)(&name).map_err(|error| LayoutError::Write { name: name.clone(), error })?;
        let totals = ControlTotals::default();
        if let Some(slot) = self.files.get_mut(index) {
            *slot = Some(Open { name, out, totals, records: 0, buyers: BTreeMap::new() });
        }
        let layout = self.layout;
        if let Shape::Delimited { separator, header: true, .. } = &layout.shape {
            let columns = layout.columns(&file.form).unwrap_or_default();
            let mut line = Vec::new();
            layout.encode(&columns.join(&separator.to_string()), &mut line);
            line.extend_from_slice(layout.line_end.as_bytes());
            self.put(index, &line)?;
        }
        for record in layout.records_of(&file.form, When::Start) {
            self.record(index, record, (file.market, None, None))?;
        }
        Ok(())
    }

    /// Whether a buyer has no record yet in a file.
    fn is_new(&mut self, index: usize, buyer: &AssignedBuyer) -> Result<bool, LayoutError> {
        let Some(Some(open)) = self.files.get_mut(index) else { return Ok(false) };
        match open.buyers.get(&buyer.code) {
            Some(known) if *known == buyer.id => Ok(false),
            Some(known) => Err(LayoutError::SameBuyer {
                code: buyer.code.clone(),
                first: known.clone(),
                second: buyer.id.clone(),
            }),
            None => {
                open.buyers.insert(buyer.code.clone(), buyer.id.clone());
                Ok(true)
            }
        }
    }

    fn record(
        &mut self,
        index: usize,
        record: &Record,
        (market, document, buyer): (Option<Market>, Option<&AssignedDocument>, Option<&AssignedBuyer>),
    ) -> Result<(), LayoutError> {
        let Some(Some(open)) = self.files.get_mut(index) else { return Ok(()) };
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        if open.records > 0 {
            line.extend_from_slice(self.layout.line_end.as_bytes());
        }
        open.records += 1;
        let (head, settings, totals) = (self.head, self.settings, &open.totals);
        let context = Context { head, settings, market, document, buyer, record: open.records, totals };
        self.layout.record(record, &context, &mut line)?;
        self.put(index, &line)?;
        self.line = line;
        Ok(())
    }

    fn put(&mut self, index: usize, bytes: &[u8]) -> Result<(), LayoutError> {
        let Some(Some(open)) = self.files.get_mut(index) else { return Ok(()) };
        open.out.write_all(bytes).map_err(|error| LayoutError::Write { name: open.name.clone(), error })
    }
}
