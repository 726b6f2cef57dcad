//! Records as elements of an XML document, written and read.
//!
//! Where an element stands is a path of names. Writing keeps the elements that are open: what the next path has in common with them
//! stays, the rest is closed, so that fields and records of one parent stand in it together. A record of a document or a buyer
//! begins an element of its own; the records before and after the documents add to what is open.
//! Invariant: a text that was written is read back sign by sign. A document type declaration is refused.

use std::collections::BTreeMap;

use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::read::ReadRecord;
use super::{Field, Layout, Record, Source, When};

/// Elements within one another, at most, of a file that is read.
const DEPTH: usize = 64;

/// What is around all records of a file.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The outermost element.
    pub(super) root: String,
    /// Its namespace.
    pub(super) namespace: String,
}

/// The elements that are open in a file, from the outermost one.
#[derive(Debug, Clone, Default)]
pub(super) struct Elements(Vec<String>);

impl Elements {
    /// Appends what a file begins with.
    pub(super) fn begin(&mut self, frame: &Frame, line: &mut Vec<u8>) {
        push(line, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        push(line, &format!("<{} xmlns=\"{}\">", frame.root, escape(&frame.namespace)));
        self.0 = vec![frame.root.clone()];
    }

    /// Appends the ends of all elements.
    pub(super) fn end(&mut self, line: &mut Vec<u8>) {
        self.close_to(0, line);
    }

    /// Appends the beginning of the element of a document or a buyer, on a line of its own; other records have none of their own.
    pub(super) fn begin_record(&mut self, record: &Record, line_end: &str, line: &mut Vec<u8>) {
        let (When::Document | When::Buyer, Some((own, parents))) = (record.when, record.at.split_last())
        else {
            return;
        };
        self.lead_to(parents.iter(), line);
        push(line, line_end);
        self.open(own, line);
    }

    /// Appends a field that has a text.
    pub(super) fn field<'w>(
        &mut self,
        (record, field): (&Record, &Field),
        text: &str,
        with: impl Iterator<Item = (&'w str, String)>,
        line: &mut Vec<u8>,
    ) {
        let Some((own, parents)) = field.at.split_last() else { return };
        self.lead_to(record.at.iter().chain(parents), line);
        push(line, &format!("<{own}"));
        for (name, value) in with {
            push(line, &format!(" {name}=\"{}\"", escape(&value)));
        }
        push(line, &format!(">{}</{own}>", escape(text)));
    }

    /// Closes and opens until exactly these are open within the outermost one.
    fn lead_to<'w>(&mut self, wanted: impl Iterator<Item = &'w String> + Clone, line: &mut Vec<u8>) {
        let open = self.0.iter().skip(1);
        let common = open.zip(wanted.clone()).take_while(|(own, wanted)| own == wanted).count();
        self.close_to(common + 1, line);
        wanted.skip(common).for_each(|name| self.open(name, line));
    }

    fn open(&mut self, name: &str, line: &mut Vec<u8>) {
        push(line, &format!("<{name}>"));
        self.0.push(name.to_owned());
    }

    fn close_to(&mut self, depth: usize, line: &mut Vec<u8>) {
        while self.0.len() > depth {
            let Some(name) = self.0.pop() else { return };
            push(line, &format!("</{name}>"));
        }
    }
}

fn push(line: &mut Vec<u8>, text: &str) {
    line.extend_from_slice(text.as_bytes());
}

/// The names of the elements from a record's first to a field's, within the outermost one.
pub(super) fn path<'f>(record: &'f Record, field: &'f Field) -> Vec<&'f str> {
    record.at.iter().chain(&field.at).map(String::as_str).collect()
}

/// A sign that no XML document can hold; control signs never come so far.
pub(super) const fn is_foreign(sign: char) -> bool {
    matches!(sign, '\u{fffe}' | '\u{ffff}')
}

/// Whether a word can be the name of an element or an attribute.
pub(super) fn is_name(word: &str) -> bool {
    let mut signs = word.chars();
    let first = signs.next().is_some_and(|sign| sign.is_ascii_alphabetic() || sign == '_');
    first && signs.all(|sign| sign.is_ascii_alphanumeric() || "_-.".contains(sign))
}

/// An element that holds text, with its path within the outermost element.
struct Leaf {
    path: Vec<String>,
    text: String,
    attributes: BTreeMap<String, String>,
}

/// The leaves of one record, or of all records that have no element of their own.
type Leaves = Vec<Leaf>;

impl Layout {
    /// Reads a file: the records before the documents, those of buyers and documents, and those after them.
    pub(super) fn read_xml(&self, frame: &Frame, form: &str, text: &str) -> Result<Vec<ReadRecord>, String> {
        let own: Vec<&Record> = self.records.iter().filter(|record| record.form == form).collect();
        let repeats = |record: &&&Record| matches!(record.when, When::Document | When::Buyer);
        let paths: Vec<Vec<&str>> =
            own.iter().filter(repeats).map(|record| record.at.iter().map(String::as_str).collect()).collect();
        let (mut frame_leaves, groups) = split(frame, &paths, text)?;
        let (mut before, mut between, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for record in own.iter().filter(|record| !repeats(record)) {
            let of_record =
                |leaf: &mut Leaf| record.fields.iter().any(|field| path(record, field) == leaf.path);
            let leaves: Leaves = frame_leaves.extract_if(.., of_record).collect();
            let fields = record.read_xml(&leaves)?;
            let read = ReadRecord { record: record.name.clone(), fields };
            if record.when == When::Start { before.push(read) } else { after.push(read) }
        }
        if let Some(leaf) = frame_leaves.first() {
            return Err(format!("the element {} is of no record", leaf.path.join("/")));
        }
        for (number, leaves) in (1..).zip(&groups) {
            let mut reasons = Vec::new();
            let read = own.iter().filter(repeats).find_map(|record| match record.read_xml(leaves) {
                Ok(fields) => Some(ReadRecord { record: record.name.clone(), fields }),
                Err(reason) => {
                    reasons.push(reason);
                    None
                }
            });
            between.push(read.ok_or_else(|| {
                format!("document or buyer {number} is of no known kind: {}", reasons.join("; "))
            })?);
        }
        Ok(before.into_iter().chain(between).chain(after).collect())
    }
}

/// The leaves of a document: those of repeated elements, one list an element, and the others.
fn split(frame: &Frame, repeated: &[Vec<&str>], text: &str) -> Result<(Leaves, Vec<Leaves>), String> {
    let mut reader = Reader::from_str(text);
    let wrong = |at: u64, error: String| format!("it is no sound XML near byte {at}: {error}");
    // Whether the outermost element is open, and the path within it.
    let (mut begun, mut path): (bool, Vec<String>) = (false, Vec::new());
    let (mut single, mut groups): (Leaves, Vec<Leaves>) = Default::default();
    // What the innermost element holds, and whether it has elements in it.
    let (mut held, mut is_leaf, mut attributes) = (String::new(), false, BTreeMap::new());
    let mut inside: Option<usize> = None;
    loop {
        let event = reader.read_event().map_err(|error| wrong(reader.error_position(), error.to_string()))?;
        let at = reader.buffer_position();
        match event {
            Event::Start(start) => {
                if !held.trim().is_empty() {
                    return Err(wrong(at, "there is text between elements".to_owned()));
                }
                if path.len() == DEPTH {
                    return Err(wrong(at, format!("more than {DEPTH} elements within one another")));
                }
                attributes = given(&start).map_err(|error| wrong(at, error))?;
                if !begun {
                    if !single.is_empty() || !groups.is_empty() {
                        return Err(wrong(at, "something stands behind its end".to_owned()));
                    }
                    begun = true;
                    let namespace = attributes.remove("xmlns").unwrap_or_default();
                    if start.name().0 != frame.root || namespace != frame.namespace {
                        return Err(format!(
                            "it begins with <{} xmlns=\"{namespace}\">, not with <{} xmlns=\"{}\">",
                            start.name().0,
                            frame.root,
                            frame.namespace
                        ));
                    }
                    continue;
                }
                path.push(start.name().0.to_owned());
                held.clear();
                is_leaf = true;
                if inside.is_none() && repeated.iter().any(|own| *own == path) {
                    inside = Some(path.len());
                    groups.push(Vec::new());
                }
            }
            Event::End(_) => {
                if is_leaf {
                    let leaf = Leaf {
                        path: path.clone(),
                        text: std::mem::take(&mut held),
                        attributes: std::mem::take(&mut attributes),
                    };
                    match (inside, groups.last_mut()) {
                        (Some(_), Some(group)) => group.push(leaf),
                        (_, _) => single.push(leaf),
                    }
                } else if !held.trim().is_empty() {
                    return Err(wrong(at, "there is text between elements".to_owned()));
                }
                held.clear();
                is_leaf = false;
                if inside == Some(path.len()) {
                    inside = None;
                }
                if path.pop().is_none() {
                    begun = false;
                }
            }
            Event::Text(part) => held.push_str(&part.xml10_content()),
            Event::GeneralRef(name) => {
                let own = name.resolve_char_ref().map_err(|error| wrong(at, error.to_string()))?;
                match (own, resolve_predefined_entity(&name)) {
                    (Some(sign), _) => held.push(sign),
                    (None, Some(known)) => held.push_str(known),
                    (None, None) => return Err(wrong(at, format!("\"&{};\" stands for nothing", &*name))),
                }
            }
            Event::Decl(_) => {}
            Event::Eof if !begun && held.trim().is_empty() => return Ok((single, groups)),
            Event::Eof => {
                return Err(wrong(at, format!("<{}> does not end", path.last().unwrap_or(&frame.root))));
            }
            Event::Empty(_) | Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {
                return Err(wrong(at, "it holds what no layout writes".to_owned()));
            }
        }
    }
}

fn given(start: &BytesStart<'_>) -> Result<BTreeMap<String, String>, String> {
    let pair = |attribute: Result<quick_xml::events::attributes::Attribute<'_>, _>| {
        let attribute =
            attribute.map_err(|error: quick_xml::events::attributes::AttrError| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        Ok((attribute.key.0.to_owned(), value.into_owned()))
    };
    start.attributes().map(pair).collect()
}

impl Record {
    /// The fields of its leaves; an error where one is of no field, twice there, or does not fit.
    fn read_xml(&self, leaves: &[Leaf]) -> Result<BTreeMap<String, String>, String> {
        let mut fields = BTreeMap::new();
        let mut seen = Vec::new();
        for leaf in leaves {
            let told = || leaf.path.join("/");
            let field = self
                .fields
                .iter()
                .find(|field| path(self, field) == leaf.path)
                .ok_or_else(|| format!("the element {} is of no field of \"{}\"", told(), self.name))?;
            if seen.contains(&&leaf.path) {
                return Err(format!("the element {} is there twice", told()));
            }
            seen.push(&leaf.path);
            field
                .read_leaf(leaf, &mut fields)
                .ok_or_else(|| format!("the element {} does not fit", told()))?;
        }
        let told = |field: &&Field| matches!(field.source, Source::Const(_)) && field.only.is_none();
        let mut constants = self.fields.iter().filter(told).map(|field| path(self, field));
        match constants.find(|own| !seen.iter().any(|path| *own == **path)) {
            Some(missing) => Err(format!("the element {} is missing", missing.join("/"))),
            None => Ok(fields),
        }
    }
}

impl Field {
    fn read_leaf(&self, leaf: &Leaf, fields: &mut BTreeMap<String, String>) -> Option<()> {
        let value = self.read(&leaf.text)?;
        match &self.source {
            Source::Const(text) if value != *text => return None,
            Source::Const(_) => {}
            Source::Setting(_) | Source::Fact(_) => {
                fields.insert(self.name.clone(), value);
            }
        }
        if leaf.attributes.len() != self.with.len() {
            return None;
        }
        for (name, _) in &self.with {
            fields.insert(format!("{} {name}", self.name), leaf.attributes.get(name)?.clone());
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
