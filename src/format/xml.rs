//! XML documents as trees of JSON shape.
//!
//! An element that has nothing but text is that text. Any other is an object: its attributes as `@name`, its text as `$`, its elements
//! by their names. Elements that stand more than once are a list in their order, and so is a single one whose name is among `lists`: a
//! path does not depend on how many there happen to be. Names are local; an element of another namespace than the root's is
//! `{namespace}name`, so that it is never taken for one of the document's own. Every value is text, so amounts keep their digits.
//! Invariant: nothing outside the text is read, no entity but the five of XML is known, and memory is bounded by the limits below.

use std::borrow::Cow;
use std::collections::BTreeMap;

use encoding_rs::{Encoding, UTF_8};
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use super::{Value, json};

/// The largest document.
const BYTES_MAX: usize = 64 << 20;
/// How deep elements nest.
const DEPTH_MAX: usize = 64;
/// Elements and attributes in all.
const PARTS_MAX: usize = 2_000_000;
/// The longest text of one element or attribute.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// How a document is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The namespaces that the root may be of, `*` at the end for any ending; any when empty.
    pub namespaces: Vec<String>,
    /// Names of elements that are a list even where one stands alone.
    pub lists: Vec<String>,
}

/// Parses one document into an object that has the root by its name.
///
/// # Errors
/// What is wrong with it, with line and column.
pub fn parse(bytes: &[u8], options: &Options) -> Result<Value, String> {
    if bytes.len() > BYTES_MAX {
        return Err(format!("it has {} bytes; {BYTES_MAX} are the most for a document of XML", bytes.len()));
    }
    let text = decode(bytes)?;
    let at = |offset: usize| {
        let before = text.get(..offset).unwrap_or(&text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("line {line}, column {column}")
    };
    if let Some((offset, sign)) = text.char_indices().find(|(_, sign)| !is_allowed(*sign)) {
        return Err(format!("{}: U+{:04X} is no character of XML", at(offset), u32::from(sign)));
    }
    let mut reader = NsReader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut tree = Tree { options, root: None, open: Vec::new(), parts: 0 };
    loop {
        let start = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let step = match reader.read_resolved_event() {
            Ok((_, Event::Eof)) => break,
            Ok((namespace, event)) => tree.take(namespace, event),
            Err(error) => {
                let offset = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
                return Err(format!("{}: {error}", at(offset)));
            }
        };
        step.map_err(|reason| format!("{}: {reason}", at(start)))?;
    }
    if let Some(open) = tree.open.last() {
        return Err(format!("it ends in the middle: <{}> is not closed", open.name));
    }
    let (_, name, value) = tree.root.ok_or("it has no element")?;
    Ok(json::object([(name, value)]))
}

/// The text of a document, by its byte order mark, else by the encoding that it declares, else UTF-8.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    let (encoding, bytes) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (encoding, bytes.get(mark..).unwrap_or_default()),
        None => (declared(bytes)?.unwrap_or(UTF_8), bytes),
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.ok_or_else(|| format!("it is not valid {}, which it says that it is", encoding.name()))
}

fn declared(bytes: &[u8]) -> Result<Option<&'static Encoding>, String> {
    let head = String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes));
    let Some(declaration) = head.strip_prefix("<?xml").and_then(|rest| Some(rest.split_once("?>")?.0)) else {
        return Ok(None);
    };
    let Some((_, rest)) = declaration.split_once("encoding") else { return Ok(None) };
    let label = rest.split(['"', '\'']).nth(1).unwrap_or_default();
    let known = Encoding::for_label(label.as_bytes());
    known.map(Some).ok_or_else(|| format!("it is in the encoding \"{label}\", which is not known"))
}

fn is_allowed(sign: char) -> bool {
    matches!(sign, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// An element that is not closed yet.
struct Open {
    name: String,
    text: String,
    parts: BTreeMap<String, Vec<Value>>,
}

/// A document as far as it is read.
struct Tree<'o> {
    options: &'o Options,
    /// Namespace, name and value of the root; the value is there once it is closed.
    root: Option<(String, String, Value)>,
    open: Vec<Open>,
    parts: usize,
}

impl Tree<'_> {
    fn take(&mut self, namespace: ResolveResult<'_>, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(start) | Event::Empty(start) => self.begin(&resolved(namespace)?, &start),
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(name) => match name.resolve_char_ref().map_err(|error| error.to_string())? {
                Some(sign) if is_allowed(sign) => self.text(sign.encode_utf8(&mut [0; 4])),
                Some(sign) => Err(format!("U+{:04X} is no character of XML", u32::from(sign))),
                None => match resolve_xml_entity(&name) {
                    Some(text) => self.text(text),
                    None => Err(format!("the entity &{}; is not known, and none is looked up", &*name)),
                },
            },
            Event::DocType(_) => Err("it has a DOCTYPE, which is refused: no document needs one".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn begin(&mut self, namespace: &str, start: &BytesStart<'_>) -> Result<(), String> {
        if self.open.len() == DEPTH_MAX {
            return Err(format!("its elements nest deeper than {DEPTH_MAX}"));
        }
        let local = start.local_name();
        let local = local.as_ref();
        let name = match &self.root {
            None => {
                self.check(namespace, local)?;
                self.root = Some((namespace.to_owned(), local.to_owned(), Value::Null));
                local.to_owned()
            }
            Some(_) if self.open.is_empty() => {
                return Err(format!("<{local}> is a second root; a document has one"));
            }
            Some((root, ..)) if root == namespace => local.to_owned(),
            Some(_) => format!("{{{namespace}}}{local}"),
        };
        self.count()?;
        let mut parts = BTreeMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            self.count()?;
            let text =
                attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string())?;
            if text.len() > TEXT_BYTES_MAX || !text.chars().all(is_allowed) {
                return Err(format!("the attribute {} holds what cannot be read", attribute.key.0));
            }
            parts.insert(format!("@{}", attribute.key.0), vec![json::text(text.trim())]);
        }
        self.open.push(Open { name, text: String::new(), parts });
        Ok(())
    }

    fn check(&self, namespace: &str, local: &str) -> Result<(), String> {
        let fits = |known: &String| match known.strip_suffix('*') {
            Some(start) => namespace.starts_with(start),
            None => namespace == known,
        };
        if self.options.namespaces.is_empty() || self.options.namespaces.iter().any(fits) {
            return Ok(());
        }
        let known = self.options.namespaces.join(", ");
        Err(format!("it is a <{local}> of the namespace \"{namespace}\"; what is read here is {known}"))
    }

    fn count(&mut self) -> Result<(), String> {
        self.parts += 1;
        let told = || format!("it has more than {PARTS_MAX} elements and attributes");
        (self.parts <= PARTS_MAX).then_some(()).ok_or_else(told)
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        let Some(open) = self.open.last_mut() else {
            return if text.trim().is_empty() {
                Ok(())
            } else {
                Err("it has text outside its root".to_owned())
            };
        };
        if open.text.len() + text.len() > TEXT_BYTES_MAX {
            return Err(format!("the text of <{}> is longer than {TEXT_BYTES_MAX} bytes", open.name));
        }
        open.text.push_str(text);
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Open { name, text, parts } = self.open.pop().ok_or("it closes what is not open")?;
        let text = text.trim();
        let value = if parts.is_empty() {
            json::text(text)
        } else {
            let lists = &self.options.lists;
            let own = (!text.is_empty()).then(|| ("$".to_owned(), json::text(text)));
            json::object(own.into_iter().chain(parts.into_iter().map(|(name, mut values)| {
                let alone = if values.len() == 1 && !lists.contains(&name) { values.pop() } else { None };
                let value = alone.unwrap_or_else(|| values.into_iter().collect());
                (name, value)
            })))
        };
        match (self.open.last_mut(), &mut self.root) {
            (Some(parent), _) => parent.parts.entry(name).or_default().push(value),
            (None, Some((.., root))) => *root = value,
            (None, None) => {}
        }
        Ok(())
    }
}

/// The namespace of an element; empty where it is in none.
fn resolved(namespace: ResolveResult<'_>) -> Result<String, String> {
    match namespace {
        ResolveResult::Bound(Namespace(name)) => Ok(name.to_owned()),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(prefix) => Err(format!("the prefix \"{prefix}\" is not declared")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, lists: &[&str]) -> Result<String, String> {
        let lists = lists.iter().map(|name| (*name).to_owned()).collect();
        let options = Options { namespaces: Vec::new(), lists };
        parse(text.as_bytes(), &options).map(|value| value.to_string())
    }

    fn refused(text: &str) -> String {
        read(text, &[]).unwrap_err()
    }

    #[test]
    fn an_element_is_its_text_or_an_object() {
        assert_eq!(
            read("<a><b Ccy=\"EUR\"> 1150.00000 </b><c>x</c><d/><e k='v'/></a>", &[]).unwrap(),
            r#"{"a":{"b":{"$":"1150.00000","@Ccy":"EUR"},"c":"x","d":"","e":{"@k":"v"}}}"#
        );
        assert_eq!(
            read("<a>1 &lt; 2 &amp;&#x20AC;<![CDATA[<b>]]><!-- no --><?no?></a>", &[]).unwrap(),
            r#"{"a":"1 < 2 &€<b>"}"#
        );
        assert_eq!(read("<a>one<b>two</b>three</a>", &[]).unwrap(), r#"{"a":{"$":"onethree","b":"two"}}"#);
    }

    #[test]
    fn what_may_repeat_is_a_list_however_many_there_are() {
        let many = "<a><b>1</b><c>x</c><b>2</b></a>";
        assert_eq!(read(many, &[]).unwrap(), r#"{"a":{"b":["1","2"],"c":"x"}}"#);
        assert_eq!(read(many, &["b"]).unwrap(), read(many, &[]).unwrap());
        assert_eq!(read("<a><b>1</b></a>", &["b"]).unwrap(), r#"{"a":{"b":["1"]}}"#);
        assert_eq!(read("<a><b>1</b></a>", &[]).unwrap(), r#"{"a":{"b":"1"}}"#);
    }

    #[test]
    fn names_are_local_within_the_namespace_of_the_root() {
        let own = "<p:a xmlns:p='urn:x:1' xmlns:q='urn:y'><p:b>1</p:b><q:b>2</q:b><c xmlns='urn:x:1'>3</c><d>4</d></p:a>";
        assert_eq!(read(own, &[]).unwrap(), r#"{"a":{"b":"1","c":"3","{urn:y}b":"2","{}d":"4"}}"#);
        let of = |namespace: &str| {
            let options = Options { namespaces: vec![namespace.to_owned()], lists: Vec::new() };
            parse(own.as_bytes(), &options)
        };
        assert!(of("urn:x:1").is_ok() && of("urn:x:*").is_ok());
        assert_eq!(
            of("urn:z:*").unwrap_err(),
            "line 1, column 1: it is a <a> of the namespace \"urn:x:1\"; what is read here is urn:z:*"
        );
        assert!(refused("<p:a/>").contains("the prefix \"p\" is not declared"));
    }

    #[test]
    fn the_encoding_is_the_declared_one() {
        let read = |bytes: &[u8]| parse(bytes, &Options::default()).map(|value| value.to_string());
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?>\n<a>\xe9</a>";
        assert_eq!(read(latin).unwrap(), r#"{"a":"é"}"#);
        assert_eq!(read("\u{feff}<a>é</a>".as_bytes()).unwrap(), r#"{"a":"é"}"#);
        let wide: Vec<u8> = "\u{feff}<?xml version='1.0' encoding='UTF-16'?><a>é</a>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(read(&wide).unwrap(), r#"{"a":"é"}"#);
        assert_eq!(read(b"<a>\xe9</a>").unwrap_err(), "it is not valid UTF-8, which it says that it is");
        assert!(read(b"<?xml version='1.0' encoding='klingon'?><a/>").unwrap_err().contains("\"klingon\""));
    }

    #[test]
    fn hostile_documents_are_refused() {
        let bomb =
            "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]>\n<a>&c;</a>";
        assert_eq!(
            refused(bomb),
            "line 2, column 1: it has a DOCTYPE, which is refused: no document needs one"
        );
        assert!(refused("<!DOCTYPE a SYSTEM \"file:///etc/hostname\"><a/>").contains("it has a DOCTYPE"));
        assert_eq!(
            refused("<a>\n  <b>&c;</b></a>"),
            "line 2, column 6: the entity &c; is not known, and none is looked up"
        );
        assert!(refused("<a k='&c;'/>").contains("c"));
        assert!(refused("<a>&#0;</a>").contains("line 1, column 4"));
        assert!(refused("<a>&#1;</a>").contains("U+0001 is no character of XML"));
        assert!(refused("<a>\u{1}</a>").contains("line 1, column 4: U+0001"));
        assert!(refused(&"<a>".repeat(200_000)).contains("its elements nest deeper than 64"));
        let long = format!("<a>{}</a>", "x".repeat(TEXT_BYTES_MAX + 1));
        assert!(refused(&long).contains("the text of <a> is longer than"));
        let pieces = format!("<a>{}</a>", "<![CDATA[xxxxxxxx]]>".repeat(TEXT_BYTES_MAX / 8 + 1));
        assert!(refused(&pieces).contains("the text of <a> is longer than"));
        let wide = format!("<a>{}</a>", "<b/>".repeat(PARTS_MAX));
        assert!(refused(&wide).contains("more than 2000000 elements"));
        assert!(refused("<a k='1' k='2'/>").contains("line 1"));
    }

    #[test]
    fn what_is_cut_off_or_no_document_is_told() {
        assert_eq!(refused("<a><b>1</b>"), "it ends in the middle: <a> is not closed");
        assert!(refused("<a><b>1").contains("it ends in the middle"));
        assert!(refused("<a><b></a>").contains("line 1"));
        assert!(refused("<a/><b/>").contains("<b> is a second root"));
        assert!(refused("<a/>x").contains("text outside"));
        assert_eq!(refused("  "), "it has no element");
        assert!(refused("{\"a\": 1}").contains("text outside"));
    }

    /// A tree as it is written and as it must be read.
    fn element() -> impl Strategy<Value = (String, String)> {
        let text = "[a-z&<>\"é0-9.]{1,8}";
        let quoted = |text: &str| json::text(text).to_string();
        let leaf =
            text.prop_map(move |text| (quick_xml::escape::escape(text.as_str()).into_owned(), quoted(&text)));
        leaf.prop_recursive(4, 32, 3, move |inner| {
            (prop::collection::vec(inner, 1..4), text).prop_map(move |(parts, attribute)| {
                let escaped = quick_xml::escape::escape(attribute.as_str());
                let (mut xml, mut own) = (String::new(), Vec::new());
                for (index, (part, value)) in parts.iter().enumerate() {
                    xml += &format!("<e{index} k=\"{escaped}\"><v>{part}</v></e{index}>\n");
                    own.push(format!("\"e{index}\":{{\"@k\":{},\"v\":{value}}}", quoted(&attribute)));
                }
                (xml, format!("{{{}}}", own.join(",")))
            })
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read((xml, value) in element()) {
            prop_assert_eq!(read(&format!("<r>{xml}</r>"), &[]).unwrap(), format!("{{\"r\":{value}}}"));
        }

        #[test]
        fn whatever_the_bytes_it_is_read_or_told(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, &Options::default());
        }

        #[test]
        fn a_document_that_is_cut_anywhere_is_refused((xml, _) in element(), share in 0_usize..1000) {
            let whole = format!("<r>{xml}</r>");
            let cut = whole.floor_char_boundary(whole.len() * share / 1000);
            prop_assert!(read(&whole[..cut], &[]).is_err());
        }
    }
}
