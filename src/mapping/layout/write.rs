//! Documents to files, one by one, after a first pass that counts them.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use super::error::{LayoutError, told};
use super::fact::Fact;
use super::field::Context;
use super::xml::Elements;
use super::{Decimals, Field, File, Layout, Record, Shape, When};
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
    /// What was written so far.
    totals: ControlTotals,
    records: i64,
    /// The elements that are open, of XML.
    elements: Elements,
}

/// What a batch will hold, known before its first document is written: [`Outline::add`] for each document. It keeps no document;
/// of buyers what the files say of them.
#[derive(Debug, Clone)]
pub struct Outline<'a> {
    layout: &'a Layout,
    files: Vec<Outlined>,
}

#[derive(Debug, Clone, Default)]
struct Outlined {
    totals: ControlTotals,
    /// Whether the file speaks of its buyers by themselves.
    tells_buyers: bool,
    /// Those buyers, in the order of their first documents.
    buyers: Vec<AssignedBuyer>,
    /// Their places, from 1, by code.
    places: HashMap<String, i64>,
}

impl Outline<'_> {
    /// Counts a document in.
    ///
    /// # Errors
    /// [`LayoutError`]: two buyers have one code, or the sums are too large.
    pub fn add(&mut self, document: &AssignedDocument) -> Result<(), LayoutError> {
        for (index, file) in self.layout.files_for(document.kind, document.buyer.market) {
            let Some(own) = self.files.get_mut(index) else { continue };
            if self.layout.records_of(&file.form, When::Document).next().is_some() {
                own.totals =
                    own.totals.with(document.kind, document.amount_minor).ok_or(LayoutError::TooLarge)?;
            }
            if own.tells_buyers {
                own.meet(&document.buyer)?;
            }
        }
        Ok(())
    }
}

impl Outlined {
    fn meet(&mut self, buyer: &AssignedBuyer) -> Result<(), LayoutError> {
        if let Some(place) = self.places.get(&buyer.code) {
            let known = usize::try_from(place - 1).ok().and_then(|index| self.buyers.get(index));
            return match known {
                Some(known) if known.id != buyer.id => Err(LayoutError::SameBuyer {
                    code: buyer.code.clone(),
                    first: known.id.clone(),
                    second: buyer.id.clone(),
                }),
                Some(_) | None => Ok(()),
            };
        }
        self.buyers.push(buyer.clone());
        let place = i64::try_from(self.buyers.len()).map_err(|_| LayoutError::TooLarge)?;
        self.places.insert(buyer.code.clone(), place);
        Ok(())
    }
}

/// Writes a batch: [`Writer::document`] for each document, then [`Writer::finish`]. After an error what was written is
/// of no use.
pub struct Writer<'a, W, F> {
    layout: &'a Layout,
    head: &'a BatchHead,
    settings: &'a BTreeMap<String, String>,
    outline: Outline<'a>,
    open: F,
    files: Vec<Option<Open<W>>>,
    /// The documents by the number that they were written with.
    numbers: HashMap<String, (DocumentKind, Box<str>)>,
    totals: ControlTotals,
    line: Vec<u8>,
}

impl Layout {
    /// Begins the first pass over the documents of a batch.
    #[must_use]
    pub fn outline(&self) -> Outline<'_> {
        let of_file = |file: &File| {
            let mut records = self.records.iter().filter(|record| record.form == file.form);
            let tells_buyers = records.any(|record| {
                let tells = |field: &Field| field.is(Fact::BuyerPlace) || field.is(Fact::Buyers);
                record.when == When::Buyer || record.fields.iter().any(tells)
            });
            Outlined { tells_buyers, ..Outlined::default() }
        };
        Outline { layout: self, files: self.files.iter().map(of_file).collect() }
    }

    /// Begins the second pass. `open` is asked for a place to write to when a file gets its first document, by the file's name.
    ///
    /// # Errors
    /// [`LayoutError`]: how amounts of the currency are written is not known.
    pub fn writer<'a, W: Write, F: FnMut(&str) -> std::io::Result<W>>(
        &'a self,
        head: &'a BatchHead,
        settings: &'a BTreeMap<String, String>,
        outline: Outline<'a>,
        open: F,
    ) -> Result<Writer<'a, W, F>, LayoutError> {
        if self.decimals == Decimals::Two && head.currency.decimals() != 2 {
            return Err(LayoutError::Decimals { currency: head.currency });
        }
        Ok(Writer {
            layout: self,
            head,
            settings,
            outline,
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
        documents: impl IntoIterator<Item = &'d AssignedDocument> + Clone,
    ) -> Result<Written<Vec<u8>>, LayoutError> {
        let mut outline = self.outline();
        documents.clone().into_iter().try_for_each(|document| outline.add(document))?;
        let mut writer = self.writer(head, settings, outline, |_| Ok(Vec::new()))?;
        let numbers =
            documents.into_iter().map(|document| writer.document(document)).collect::<Result<_, _>>()?;
        Ok(Written { numbers, ..writer.finish()? })
    }

    /// Writes one document as if it were the first of a batch, keeps nothing, and says its number as written.
    ///
    /// # Errors
    /// [`LayoutError`]: it has no place, or does not fit.
    pub fn try_alone(
        &self,
        head: &BatchHead,
        settings: &BTreeMap<String, String>,
        document: &AssignedDocument,
    ) -> Result<String, LayoutError> {
        let mut outline = self.outline();
        outline.add(document)?;
        self.writer(head, settings, outline, |_| Ok(std::io::sink()))?.document(document)
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
        for (index, file) in layout.files_for(document.kind, market) {
            self.begin(index, file)?;
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
    /// [`LayoutError`]: there was no document, a total does not fit, or the documents are not those of the first pass.
    pub fn finish(mut self) -> Result<Written<W>, LayoutError> {
        if self.totals.count() == 0 {
            return Err(LayoutError::NoDocuments);
        }
        let layout = self.layout;
        for (index, file) in layout.files.iter().enumerate() {
            let written = self.files.get(index).and_then(Option::as_ref).map(|open| open.totals);
            let outlined = self.outline.files.get(index).map(|own| own.totals).unwrap_or_default();
            if written.unwrap_or_default() != outlined {
                return Err(LayoutError::OtherDocuments);
            }
            if written.is_none() {
                continue;
            }
            for record in layout.records_of(&file.form, When::End) {
                self.record(index, record, (file.market, None, None))?;
            }
            if let Some(Some(open)) = self.files.get_mut(index) {
                let mut line = Vec::new();
                open.elements.end(&mut line);
                self.put(index, &line)?;
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

    /// Refuses a second document under one number; payments, adjustments and disputes have that of their invoice.
    fn once(&mut self, document: &AssignedDocument, number: &str) -> Result<(), LayoutError> {
        match document.kind {
            DocumentKind::Payment | DocumentKind::Adjustment | DocumentKind::Dispute => return Ok(()),
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
            *slot = Some(Open { name, out, totals, records: 0, elements: Elements::default() });
        }
        let layout = self.layout;
        if let Shape::Delimited { separator, header: true, .. } = &layout.shape {
            let columns = layout.columns(&file.form).unwrap_or_default();
            let mut line = Vec::new();
            layout.encode(&columns.join(&separator.to_string()), &mut line);
            line.extend_from_slice(layout.line_end.as_bytes());
            self.put(index, &line)?;
        }
        if let (Some(frame), Some(Some(open))) = (&file.frame, self.files.get_mut(index)) {
            let mut line = Vec::new();
            open.elements.begin(frame, &mut line);
            self.put(index, &line)?;
        }
        let buyers = self.outline.files.get_mut(index).map(|own| std::mem::take(&mut own.buyers));
        let buyers = buyers.unwrap_or_default();
        for record in layout.records.iter().filter(|record| record.form == file.form) {
            match record.when {
                When::Start => self.record(index, record, (file.market, None, None))?,
                When::Buyer => {
                    for buyer in &buyers {
                        self.record(index, record, (Some(buyer.market), None, Some(buyer)))?;
                    }
                }
                When::Document | When::End => {}
            }
        }
        Ok(())
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
        if open.records > 0 && !self.layout.is_xml() {
            line.extend_from_slice(self.layout.line_end.as_bytes());
        }
        open.records += 1;
        let Some(outlined) = self.outline.files.get(index) else { return Ok(()) };
        let context = Context {
            head: self.head,
            settings: self.settings,
            market,
            document,
            buyer,
            place: buyer.and_then(|buyer| outlined.places.get(&buyer.code).copied()),
            buyers: i64::try_from(outlined.places.len()).unwrap_or(i64::MAX),
            record: open.records,
            totals: &outlined.totals,
        };
        self.layout.record(record, &context, &mut open.elements, &mut line)?;
        self.put(index, &line)?;
        self.line = line;
        Ok(())
    }

    fn put(&mut self, index: usize, bytes: &[u8]) -> Result<(), LayoutError> {
        let Some(Some(open)) = self.files.get_mut(index) else { return Ok(()) };
        open.out.write_all(bytes).map_err(|error| LayoutError::Write { name: open.name.clone(), error })
    }
}
