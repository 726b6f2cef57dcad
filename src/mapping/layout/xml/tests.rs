//! Layouts of XML: what stands where, what is refused, and that reading is the inverse of writing.

use proptest::prelude::*;

use crate::mapping::layout::tests::{buyer, document, parse, problems, texts, written};
use crate::model::{AssignedDocument, DocumentKind, Market};

const TREE: &str = r#"
[layout]
kind = "xml"
encoding = "utf-8"
money = "point"
date = "YYYY-MM-DD"
decimals = "currency"
line_end = "lf"

[[file]]
name = "batch{batch}.xml"
root = "Batch"
namespace = "urn:example:batch"

[[record]]
name = "head"
when = "start"
at = "Hdr"
fields = [
  { at = "Id", const = "A&B" },
  { at = "By", fact = "company" },
  { at = "Sum/All", fact = "amounts_sum", with = { Ccy = "currency" } },
]

[[record]]
name = "buyer"
when = "buyer"
at = "Hdr/Pty"
fields = [
  { at = "Id", fact = "buyer.place", before = "b-" },
  { at = "Nm", fact = "buyer.name" },
  { at = "Adr/Twn", fact = "buyer.town", optional = true },
]

[[record]]
name = "list"
when = "start"
at = "List"
fields = [{ at = "Cnt", fact = "documents" }]

[[record]]
name = "document"
when = "document"
at = "List/Itm"
fields = [
  { at = "No", fact = "number" },
  { at = "Pty", fact = "buyer.place", before = "b-" },
  { at = "Kd", fact = "kind", codes = { invoice = "I", credit_note = "C", payment = "P", adjustment = "A" } },
  { at = "Amt/Due", fact = "amount", with = { Ccy = "currency" } },
  { at = "Amt/Net", fact = "net", with = { Ccy = "currency" }, optional = true },
  { at = "Dt", fact = "due" },
]

[[record]]
name = "foot"
when = "end"
fields = [{ at = "Pties", fact = "buyers" }]
"#;

#[test]
fn elements_of_one_parent_stand_in_it_together() {
    let layout = parse(TREE);
    let mut documents =
        [document(DocumentKind::Invoice, "F<1>", 12_000), document(DocumentKind::CreditNote, "A \"2\"", 345)];
    documents[0].total_minor = Some(24_000);
    documents[0].tax_minor = Some(4_000);
    documents[1].buyer = buyer("C2", Market::Domestic);
    documents[1].buyer.name = "Exemple & Fils".to_owned();
    documents[1].buyer.town = Some("L’Église".to_owned());
    let written = written(&layout, &documents).unwrap();
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<Batch xmlns="urn:example:batch"><Hdr><Id>A&amp;B</Id><By>Exemple Industrie SAS</By><Sum><All Ccy="EUR">123.45</All></Sum>
<Pty><Id>b-1</Id><Nm>Exemple C1</Nm></Pty>
<Pty><Id>b-2</Id><Nm>Exemple &amp; Fils</Nm><Adr><Twn>L’Église</Twn></Adr></Pty></Hdr><List><Cnt>2</Cnt>
<Itm><No>F&lt;1&gt;</No><Pty>b-1</Pty><Kd>I</Kd><Amt><Due Ccy="EUR">120.00</Due><Net Ccy="EUR">200.00</Net></Amt><Dt>2026-04-30</Dt></Itm>
<Itm><No>A &quot;2&quot;</No><Pty>b-2</Pty><Kd>C</Kd><Amt><Due Ccy="EUR">3.45</Due></Amt><Dt>2026-04-30</Dt></Itm></List><Pties>2</Pties></Batch>
"#;
    assert_eq!(texts(&written), [("batch7.xml", expected.to_owned())]);
    let read = layout.read(0, &written.files[0].out).unwrap();
    let told: Vec<String> =
        read.iter().map(|record| format!("{} {:?}", record.record, record.fields)).collect();
    assert_eq!(
        told,
        [
            r#"head {"amounts_sum": "12345", "amounts_sum Ccy": "EUR", "company": "Exemple Industrie SAS"}"#,
            r#"list {"documents": "2"}"#,
            r#"buyer {"buyer.name": "Exemple C1", "buyer.place": "1"}"#,
            r#"buyer {"buyer.name": "Exemple & Fils", "buyer.place": "2", "buyer.town": "L’Église"}"#,
            r#"document {"amount": "12000", "amount Ccy": "EUR", "buyer.place": "1", "due": "2026-04-30", "kind": "invoice", "net": "20000", "net Ccy": "EUR", "number": "F<1>"}"#,
            r#"document {"amount": "345", "amount Ccy": "EUR", "buyer.place": "2", "due": "2026-04-30", "kind": "credit_note", "number": "A \"2\""}"#,
            r#"foot {"buyers": "2"}"#,
        ]
    );
}

#[test]
fn what_no_layout_writes_is_not_read() {
    let layout = parse(TREE);
    let written = written(&layout, &[document(DocumentKind::Invoice, "F1", 100)]).unwrap();
    let text = texts(&written)[0].1.clone();
    for (from, to, expected) in [
        ("<Batch ", "<!DOCTYPE Batch [<!ENTITY x \"y\">]><Batch ", "it holds what no layout writes"),
        ("F1", "&x;", "\"&x;\" stands for nothing"),
        ("<No>F1</No>", "<No>F1</No><No>F2</No>", "the element List/Itm/No is there twice"),
        ("<No>F1</No>", "<No>F1</No><Nr>F2</Nr>", "the element List/Itm/Nr is of no field"),
        ("<Cnt>1</Cnt>", "<Cnt>1</Cnt><Other>1</Other>", "the element List/Other is of no record"),
        ("<Kd>I</Kd>", "<Kd>X</Kd>", "the element List/Itm/Kd does not fit"),
        ("<Id>A&amp;B</Id>", "", "the element Hdr/Id is missing"),
        ("<Id>b-1</Id>", "<Id>1</Id>", "the element Hdr/Pty/Id does not fit"),
        ("<Due Ccy=\"EUR\">", "<Due>", "the element List/Itm/Amt/Due does not fit"),
        ("<Dt>", "between<Dt>", "there is text between elements"),
        ("</Batch>", "", "<Batch> does not end"),
        (
            "</Batch>",
            "</Batch><Batch xmlns=\"urn:example:batch\"></Batch>",
            "something stands behind its end",
        ),
        ("urn:example:batch", "urn:example:other", "not with <Batch xmlns=\"urn:example:batch\">"),
        ("<Hdr>", &"<Deep>".repeat(70), "more than 64 elements within one another"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = layout.read(0, text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{from} → {to}: {error}");
    }
}

#[test]
fn a_tree_that_does_not_fit_together_is_refused_with_the_place() {
    for (from, to, expected) in [
        ("root = \"Batch\"\n", "", "\"root\" is missing here"),
        ("root = \"Batch\"", "root = \"1 x\"", "\"1 x\" is no name of an element"),
        ("namespace = \"urn:example:batch\"\n", "", "\"namespace\" is missing here"),
        ("\"utf-8\"", "\"cp850\"", "files of XML are written in utf-8"),
        ("at = \"List/Itm\"\n", "", "a document or a buyer has an element of its own"),
        ("{ at = \"Id\", const = \"A&B\" }", "{ const = \"A&B\" }", "\"at\" is missing here"),
        ("{ at = \"By\"", "{ at = \"Id\"", "the element Hdr/Id holds a field already"),
        ("{ at = \"By\"", "{ at = \"Sum\"", "the element Hdr/Sum/All holds a field already, Hdr/Sum"),
        ("at = \"Amt/Net\"", "at = \"Amt//Net\"", "\"\" is no name of an element"),
        ("{ Ccy = \"currency\" }", "{ Ccy = \"number\" }", "\"number\" is not known here"),
        ("const = \"A&B\"", "const = \"A&B\", before = \"x\"", "a constant has no before"),
    ] {
        assert!(TREE.contains(from), "{from}");
        let told = problems(&TREE.replacen(from, to, 1)).join("\n");
        assert!(told.contains(expected), "{from} → {to}: {told}");
    }
}

proptest! {
    /// Any sign that XML can hold comes back, in numbers and in names; so do amounts.
    #[test]
    fn reading_is_the_inverse_of_writing(
        rows in prop::collection::vec((0_usize..4, "[ -~éß€]{1,12}", 1_i64..=99_999_999_999, "\\PC{0,40}"), 1..12),
    ) {
        let layout = parse(TREE);
        let mut documents: Vec<AssignedDocument> = Vec::new();
        for (index, (kind, number, minor, name)) in rows.into_iter().enumerate() {
            let mut document = document(DocumentKind::ALL[kind], &format!("{index}{number}"), minor);
            document.buyer = buyer(&format!("C{index}"), Market::Domestic);
            document.buyer.name = format!("N{name}");
            document.tax_minor = Some(minor / 6);
            documents.push(document);
        }
        let written = written(&layout, &documents).unwrap();
        let read = layout.read(0, &written.files[0].out).unwrap();
        prop_assert_eq!(i64::try_from(read.len()), Ok(written.files[0].records));
        let of = |name: &str| read.iter().filter(|record| record.record == name).collect::<Vec<_>>();
        prop_assert_eq!((of("buyer").len(), of("document").len()), (documents.len(), documents.len()));
        for ((document, record), number) in documents.iter().zip(of("document")).zip(&written.numbers) {
            prop_assert_eq!(&record.fields["number"], number);
            prop_assert_eq!(&record.fields["amount"], &document.amount_minor.to_string());
            prop_assert_eq!(&record.fields["kind"], document.kind.as_str());
        }
        let sum: i64 = documents.iter().map(|document| document.amount_minor).sum();
        prop_assert_eq!(&of("head")[0].fields["amounts_sum"], &sum.to_string());
    }
}
