//! Layouts of invented factors: what is refused at load, what at writing, and what is read back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{
    AssignedBuyer, AssignedDocument, BatchHead, ControlTotals, Currency, Date, DocumentKind, Identifier,
    Market, Scheme,
};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn head() -> BatchHead {
    BatchHead {
        contract: "K-1".to_owned(),
        batch: 7,
        date: day("2026-03-31"),
        currency: Currency::EUR,
        company: "Exemple Industrie SAS".to_owned(),
        statement_date: None,
    }
}

pub(super) fn buyer(code: &str, market: Market) -> AssignedBuyer {
    AssignedBuyer {
        id: format!("account:erp:{code}"),
        code: code.to_owned(),
        name: format!("Exemple {code}"),
        country: "FR".to_owned(),
        street: None,
        postcode: None,
        town: None,
        identifiers: Identifier::new(Scheme::Siret, "40483304800022").into_iter().collect(),
        factor_id: Some("0000123".to_owned()),
        market,
    }
}

pub(super) fn document(kind: DocumentKind, number: &str, amount_minor: i64) -> AssignedDocument {
    AssignedDocument {
        kind,
        number: number.to_owned(),
        buyer: buyer("C1", Market::Domestic),
        currency: Currency::EUR,
        amount_minor,
        total_minor: None,
        tax_minor: None,
        issued: day("2026-03-01"),
        due: day("2026-04-30"),
        credits: None,
        reference: None,
    }
}

pub(super) fn parse(text: &str) -> Layout {
    Layout::parse("assignment.toml", text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The problems of a layout: line, column, and message.
pub(super) fn problems(text: &str) -> Vec<String> {
    let problems = Layout::parse("assignment.toml", text).expect_err("it is refused");
    problems
        .iter()
        .map(|problem| format!("{}:{}: {}", problem.line, problem.column, problem.message))
        .collect()
}

fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

pub(super) fn written(
    layout: &Layout,
    documents: &[AssignedDocument],
) -> Result<Written<Vec<u8>>, LayoutError> {
    layout.write(&head(), &settings(&[("seller", "123456")]), documents)
}

pub(super) fn texts(written: &Written<Vec<u8>>) -> Vec<(&str, String)> {
    let text = |file: &WrittenFile<Vec<u8>>| String::from_utf8(file.out.clone()).unwrap();
    written.files.iter().map(|file| (file.name.as_str(), text(file))).collect()
}

const FIXED: &str = r#"
[layout]
kind = "fixed"
length = 30
encoding = "ascii"
missing = "plain"
case = "upper"
line_end = "lf"
date = "DDMMYY"

[[file]]
name = "F{batch:3}.txt"

[[record]]
name = "head"
when = "start"
fields = [
  { at = "1", const = "H" },
  { at = "2-7", setting = "seller", as = "digits" },
  { at = "8-17", fact = "company", cut = true, align = "right" },
  { at = "18-23", fact = "statement_date", optional = true },
  { at = "24-30", const = "" },
]

[[record]]
name = "line"
when = "document"
kinds = ["invoice", "credit_note"]
fields = [
  { at = "1", fact = "kind", codes = { invoice = "I", credit_note = "C" } },
  { at = "2-9", fact = "number", keep = "alphanumeric" },
  { at = "10-15", fact = "due" },
  { at = "16-21", fact = "amount" },
  { at = "22", fact = "sign" },
  { at = "23-26", fact = "reference", optional = true, only = ["invoice"] },
  { at = "27-30", fact = "record" },
]

[[record]]
name = "foot"
when = "end"
fields = [
  { at = "1", const = "T" },
  { at = "2-3", fact = "documents" },
  { at = "4-12", fact = "credit_notes_sum" },
  { at = "13-21", fact = "balance" },
  { at = "22-30", fact = "invoices_sum", money = "comma" },
]
"#;

#[test]
fn records_are_written_field_by_field_in_their_places() {
    let layout = parse(FIXED);
    let mut documents =
        [document(DocumentKind::Invoice, "F-é/1", 12_345), document(DocumentKind::CreditNote, "A 2", 345)];
    documents[0].reference = Some("ab".to_owned());
    documents[1].reference = Some("too long for it".to_owned());
    let written = written(&layout, &documents).unwrap();
    let expected = "\
H123456EXEMPLE IN             
IFE1     300426012345+AB  0002
CA2      300426000345-    0003
T02000000345000012000   123,45
";
    assert_eq!(texts(&written), [("F007.txt", expected.to_owned())]);
    assert_eq!(written.numbers, ["FE1", "A2"]);
    let totals = ControlTotals {
        invoices: 1,
        invoices_minor: 12_345,
        credit_notes: 1,
        credit_notes_minor: 345,
        ..ControlTotals::default()
    };
    assert_eq!((written.totals, written.files[0].totals, written.files[0].records), (totals, totals, 4));
}

#[test]
fn a_file_is_read_back_into_its_facts() {
    let layout = parse(FIXED);
    let documents = [document(DocumentKind::Invoice, "F1", 7)];
    let written = written(&layout, &documents).unwrap();
    let read = layout.read(0, &written.files[0].out).unwrap();
    let told: Vec<String> =
        read.iter().map(|record| format!("{} {:?}", record.record, record.fields)).collect();
    assert_eq!(
        told,
        [
            r#"head {"company": "EXEMPLE IN", "seller": "123456"}"#,
            r#"line {"amount": "7", "due": "300426", "kind": "invoice", "number": "F1", "record": "2", "sign": "+"}"#,
            r#"foot {"balance": "7", "credit_notes_sum": "0", "documents": "1", "invoices_sum": "7"}"#,
        ]
    );
    let mut short = written.files[0].out.clone();
    short.remove(40);
    assert_eq!(layout.read(0, &short).unwrap_err(), "record 2 has 29 signs, not 30");
}

#[test]
fn what_does_not_fit_is_an_error_that_names_the_field_and_the_document() {
    let layout = parse(FIXED);
    let invoice = |number: &str, minor| document(DocumentKind::Invoice, number, minor);
    let with = |change: fn(&mut AssignedDocument)| {
        let mut document = invoice("F1", 1);
        change(&mut document);
        document
    };
    for (documents, expected) in [
        (
            vec![invoice("FAC/2026/12", 1)],
            "the field \"number\" of invoice FAC/2026/12 cannot be written: \"FAC202612\" has 9 signs, and the field holds 8",
        ),
        (
            vec![invoice("F1", 1_000_000)],
            "the field \"amount\" of invoice F1 (buyer C1) cannot be written: \"1000000\" has 7 signs, and the field holds 6",
        ),
        (
            vec![with(|document| document.reference = Some("abcde".to_owned()))],
            "the field \"reference\" of invoice F1 (buyer C1) cannot be written: \"ABCDE\" has 5 signs, and the field holds 4",
        ),
        (
            vec![with(|document| document.reference = Some("Ω".to_owned()))],
            "the field \"reference\" of invoice F1 (buyer C1) cannot be written: \"Ω\" has the sign \"Ω\", which ascii has not",
        ),
        (
            vec![invoice("///", 1)],
            "the field \"number\" of invoice /// cannot be written: nothing is left of \"///\" in the signs that the field takes",
        ),
        (
            vec![invoice("F1", 1), document(DocumentKind::CreditNote, "A1", 2)],
            "the field \"balance\" of the record \"foot\" cannot be written: it is -0.01 EUR, and the field has no sign: how the factor wants a negative amount there is not known",
        ),
        (
            vec![invoice("F1", 1), invoice("F/1", 1)],
            "invoice F1 and invoice F/1 would both reach the factor as \"F1\", and it takes each number once: send one of them by hand, or give it another number in the ERP",
        ),
        (
            vec![document(DocumentKind::Payment, "F1", 1)],
            "payment of F1 has no place in this layout: for domestic buyers it has records for invoice, credit_note",
        ),
        (
            vec![with(|document| document.currency = Currency::parse("USD").unwrap())],
            "invoice F1 does not belong into this batch: it is in USD, the batch in EUR",
        ),
        (
            vec![with(|document| document.amount_minor = -1)],
            "invoice F1 does not belong into this batch: its amount is negative; which way it counts comes from its kind",
        ),
        (vec![], "the batch has no document, so there is no file to make"),
    ] {
        assert_eq!(written(&layout, &documents).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_missing_setting_and_a_currency_without_two_decimals_are_refused() {
    let layout = parse(FIXED);
    let error =
        layout.write(&head(), &settings(&[]), &[document(DocumentKind::Invoice, "F1", 1)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the field \"seller\" of the record \"head\" cannot be written: the setting \"seller\" is not given"
    );
    for code in ["JPY", "TND"] {
        let currency = Currency::parse(code).unwrap();
        let head = BatchHead { currency, ..head() };
        let document = AssignedDocument { currency, ..document(DocumentKind::Invoice, "F1", 1234) };
        let seller = settings(&[("seller", "1")]);
        let error = layout.write(&head, &seller, [&document]).unwrap_err();
        assert!(matches!(error, LayoutError::Decimals { currency: own } if own == currency), "{error}");
        let knows = parse(&FIXED.replace("case = ", "decimals = \"currency\"\ncase = "));
        let text = texts(&knows.write(&head, &seller, [&document]).unwrap())[0].1.clone();
        assert!(text.contains("001234+"), "{text}");
    }
}

const PAIR: &str = r#"
[layout]
kind = "delimited"
separator = ";"
encoding = "utf-8"
money = "comma"
date = "DD/MM/YYYY"
line_end = "lf"
last_line_end = false

[[file]]
name = "items-{seller}-D.csv"
market = "domestic"
form = "items"

[[file]]
name = "buyers-{seller}-D.csv"
market = "domestic"
form = "buyers"

[[file]]
name = "items-{seller}-E.csv"
market = "export"
form = "items"

[[record]]
form = "items"
name = "item"
when = "document"
fields = [
  { fact = "buyer.code", max = 4 },
  { fact = "number" },
  { fact = "signed_amount" },
  { name = "paid", fact = { invoice = "due", credit_note = "due", payment = "issued", adjustment = "due" } },
]

[[record]]
form = "buyers"
name = "buyer"
when = "buyer"
fields = [{ fact = "buyer.code" }, { fact = "buyer.name", max = 12, cut = true }]
"#;

#[test]
fn files_are_by_market_and_a_buyer_has_one_record() {
    let layout = parse(PAIR);
    let mut documents: Vec<AssignedDocument> = [
        (DocumentKind::Invoice, "F1", 100_000),
        (DocumentKind::CreditNote, "A1", 5),
        (DocumentKind::Payment, "F1", 1_000),
        (DocumentKind::Invoice, "F2", 200),
    ]
    .into_iter()
    .map(|(kind, number, minor)| document(kind, number, minor))
    .collect();
    documents[3].buyer = buyer("C2", Market::Domestic);
    let all = written(&layout, &documents).unwrap();
    assert_eq!(
        texts(&all),
        [
            ("items-123456-D.csv", "C1;F1;1000,00;30/04/2026\nC1;A1;-0,05;30/04/2026\nC1;F1;-10,00;01/03/2026\nC2;F2;2,00;30/04/2026".to_owned()),
            ("buyers-123456-D.csv", "C1;Exemple C1\nC2;Exemple C2".to_owned()),
        ]
    );
    assert_eq!((all.files[0].totals.balance_minor(), all.files[1].totals.count()), (99_195, 0));
    let read = layout.read(0, &all.files[0].out).unwrap();
    assert_eq!(
        (read[1].fields["signed_amount"].as_str(), read[2].fields["paid"].as_str()),
        ("-5", "2026-03-01")
    );
    documents[0].buyer.market = Market::Export;
    let all = written(&layout, &documents).unwrap();
    let names: Vec<&str> = all.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["items-123456-D.csv", "buyers-123456-D.csv", "items-123456-E.csv"]);
    let by_file: i64 = all.files.iter().map(|file| file.totals.count()).sum();
    assert_eq!((by_file, all.totals.count()), (4, 4));
}

/// A place to write to that can be looked at from outside, and that takes so many bytes.
#[derive(Clone)]
struct Shared(std::rc::Rc<std::cell::RefCell<Vec<u8>>>, usize);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut all = self.0.borrow_mut();
        if all.len() + bytes.len() > self.1 {
            return Err(std::io::Error::other("no room"));
        }
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn each_document_is_written_at_once_and_a_file_is_opened_for_its_first() {
    let layout = parse(PAIR);
    let (head, settings) = (head(), settings(&[("seller", "1")]));
    let out = Shared(std::rc::Rc::default(), 40);
    let opened = std::cell::RefCell::new(Vec::new());
    let open = |name: &str| {
        opened.borrow_mut().push(name.to_owned());
        Ok(out.clone())
    };
    let documents = [document(DocumentKind::Invoice, "F1", 100), document(DocumentKind::Invoice, "F2", 100)];
    let mut outline = layout.outline();
    documents.iter().for_each(|document| outline.add(document).unwrap());
    let mut writer = layout.writer(&head, &settings, outline, open).unwrap();
    assert!(opened.borrow().is_empty());
    assert_eq!(writer.document(&documents[0]).unwrap(), "F1");
    assert_eq!(*opened.borrow(), ["items-1-D.csv", "buyers-1-D.csv"]);
    assert_eq!(String::from_utf8(out.0.borrow().clone()).unwrap(), "C1;F1;1,00;30/04/2026C1;Exemple C1");
    let error = writer.document(&documents[1]).unwrap_err();
    assert_eq!(error.to_string(), "cannot write the file items-1-D.csv: no room");
}

#[test]
fn documents_that_are_not_those_of_the_first_pass_make_no_batch() {
    let layout = parse(PAIR);
    let (head, settings) = (head(), settings(&[("seller", "1")]));
    let documents = [document(DocumentKind::Invoice, "F1", 100), document(DocumentKind::Invoice, "F2", 100)];
    let finish = |outlined: &[AssignedDocument], written: &[AssignedDocument]| {
        let mut outline = layout.outline();
        outlined.iter().for_each(|document| outline.add(document).unwrap());
        let mut writer = layout.writer(&head, &settings, outline, |_| Ok(Vec::new())).unwrap();
        written.iter().for_each(|document| drop(writer.document(document).unwrap()));
        writer.finish().map(|written| written.totals.count())
    };
    assert_eq!(finish(&documents, &documents).unwrap(), 2);
    for (outlined, written) in [(&documents[..1], &documents[..]), (&documents[..], &documents[..1])] {
        assert!(matches!(finish(outlined, written), Err(LayoutError::OtherDocuments)));
    }
}

#[test]
fn two_buyers_with_one_code_a_year_of_five_digits_and_a_separator_in_a_field_are_refused() {
    let layout = parse(PAIR);
    let one = document(DocumentKind::Invoice, "F1", 1);
    let mut other = document(DocumentKind::Invoice, "F2", 1);
    other.buyer.id = "account:crm:C1".to_owned();
    let error = written(&layout, &[one.clone(), other]).unwrap_err();
    assert!(matches!(error, LayoutError::SameBuyer { .. }), "{error}");
    let late = AssignedDocument { due: Date::from_ymd_opt(12_026, 4, 30).unwrap(), ..one };
    let error = written(&layout, &[late]).unwrap_err().to_string();
    assert!(error.contains("+12026-04-30 does not fit the pattern"), "{error}");
    let split = document(DocumentKind::Invoice, "F;1", 1);
    let error = written(&layout, std::slice::from_ref(&split)).unwrap_err().to_string();
    assert!(error.contains("\"number\"") && error.contains("F;1"), "{error}");
    let quoted = parse(&PAIR.replace("money = ", "quotes = true\nmoney = "));
    let out = written(&quoted, &[split, document(DocumentKind::Invoice, "F\"2\"", 1)]).unwrap();
    assert_eq!(texts(&out)[0].1, "C1;\"F;1\";0,01;30/04/2026\nC1;\"F\"\"2\"\"\";0,01;30/04/2026");
    assert_eq!(quoted.read(0, &out.files[0].out).unwrap()[1].fields["number"], "F\"2\"");
}

#[test]
fn a_header_names_the_columns() {
    let layout = parse(
        "[layout]\nkind = \"delimited\"\nseparator = \"tab\"\nheader = true\nencoding = \"utf-8\"\nmoney = \"point\"\n\
         [[file]]\nname = \"a.csv\"\n[[record]]\nname = \"r\"\nwhen = \"document\"\n\
         fields = [{ name = \"Number\", fact = \"number\" }, { name = \"Amount\", fact = \"amount\" }]\n",
    );
    let out = written(&layout, &[document(DocumentKind::Invoice, "F1", 105)]).unwrap();
    assert_eq!(texts(&out)[0].1, "Number\tAmount\r\nF1\t1.05\r\n");
    assert_eq!(layout.read(0, &out.files[0].out).unwrap()[0].fields["Amount"], "105");
}

#[test]
fn a_setting_decides_between_facts_and_the_first_known_of_a_list_counts() {
    let layout = parse(&FIXED.replace(
        "fact = \"reference\", optional = true, only = [\"invoice\"]",
        "name = \"by\", fact = { setting = \"by\", code = \"buyer.code\", ref = [\"reference\", \"currency\"] }",
    ));
    assert_eq!(layout.settings().into_iter().collect::<Vec<_>>(), ["by", "seller"]);
    let invoice = document(DocumentKind::Invoice, "F1", 1);
    let line = |by: &str| {
        let settings = settings(&[("seller", "1"), ("by", by)]);
        layout.write(&head(), &settings, [&invoice]).map(|written| texts(&written)[0].1.clone())
    };
    assert!(line("code").unwrap().contains("000001+C1  0002"));
    assert!(line("ref").unwrap().contains("000001+EUR 0002"));
    let error = line("other").unwrap_err().to_string();
    assert!(
        error.contains("the setting \"by\" is \"other\", and it decides here between code, ref"),
        "{error}"
    );
}

#[test]
fn the_written_number_is_what_the_file_holds() {
    let layout = parse(FIXED);
    let invoice = document(DocumentKind::Invoice, "F-é/1", 1);
    assert_eq!(layout.written_number(&invoice).unwrap(), "FE1");
    assert!(layout.takes(DocumentKind::Invoice, Market::Export));
    assert!(!layout.takes(DocumentKind::Payment, Market::Domestic));
}

#[test]
fn a_layout_that_does_not_fit_together_is_refused_with_the_place() {
    let change = |from: &str, to: &str| {
        assert!(FIXED.contains(from), "{from}");
        problems(&FIXED.replacen(from, to, 1)).join("\n")
    };
    for (from, to, expected) in [
        ("{ at = \"8-17\"", "{ at = \"9-17\"", "20:10: the field begins at 9; position 8 is missing"),
        ("{ at = \"8-17\"", "{ at = \"7-17\"", "20:10: the field begins at 7; position 8 is taken"),
        ("{ at = \"24-30\"", "{ at = \"24-29\"", "22:3: the record ends at 29, and has 30 positions"),
        ("{ at = \"24-30\"", "{ at = \"24-31\"", "22:10: the field ends at 31, the record at 30"),
        ("at = \"1\", const = \"H\"", "at = \"0\", const = \"H\"", "\"0\" is no position"),
        (
            "fact = \"due\"",
            "fact = \"dew\"",
            "32:26: \"dew\" is not known here; it is one of contract, batch",
        ),
        ("fact = \"sign\"", "fakt = \"sign\"", "34:16: unknown key \"fakt\""),
        ("case = \"upper\"", "caze = \"upper\"", "7:1: unknown key \"caze\""),
        ("[[file]]", "[[fyle]]", "unknown key \"fyle\""),
        ("\"ascii\"", "\"utf-8\"", "a fixed width needs an encoding in which each sign is one byte"),
        ("const = \"H\"", "const = \"HH\"", "\"HH\" has 2 signs, and the field holds 1"),
        ("const = \"H\"", "const = \"é\"", "which ascii has not"),
        ("const = \"H\"", "const = \"H\", fact = \"kind\"", "exactly one of const, setting and fact"),
        ("credit_note = \"C\"", "payment = \"C\"", "codes has no word for credit_note"),
        ("credit_note = \"C\"", "credit_note = \"CC\"", "\"CC\" has 2 signs"),
        ("fact = \"amount\"", "fact = \"amount\", cut = true", "is never cut"),
        ("fact = \"due\"", "fact = \"due\", cut = true", "is never cut"),
        ("keep = \"alphanumeric\"", "cut = true", "is never cut"),
        (
            "setting = \"seller\", as = \"digits\"",
            "setting = \"seller\", cut = true",
            "a setting is never cut",
        ),
        ("fact = \"due\"", "fact = \"due\", date = \"DDMMYYYY\"", "the date has 8 signs, and the field 6"),
        ("fact = \"due\"", "fact = \"due\", date = \"jjmmaa\"", "is no date pattern"),
        ("date = \"DDMMYY\"", "", "a date has a pattern"),
        (
            "fact = \"record\"",
            "fact = \"invoices\"",
            "is of the whole file: it stands in records with when = \"start\" or \"end\"",
        ),
        (
            "setting = \"seller\", as = \"digits\"",
            "fact = \"number\"",
            "is not known in a record with when = \"start\"",
        ),
        (
            "fact = \"company\", cut = true, align = \"right\"",
            "fact = \"market\"",
            "this record also stands in files of both",
        ),
        (
            "fact = \"number\", keep = \"alphanumeric\"",
            "fact = \"buyer.code\"",
            "no field holds the number of the document",
        ),
        ("only = [\"invoice\"]", "only = [\"payment\"]", "this record is not for \"payment\""),
        ("fact = \"amount\"", "fact = \"amount\", as = \"digits\"", "as is of texts"),
        ("money = \"comma\"", "money = \"comma\", pad = \"zero\"", "room for a minus"),
        ("name = \"foot\"", "name = \"head\"", "two records are called \"head\""),
        ("fact = \"record\"", "fact = \"number\"", "two fields are called \"number\""),
        ("name = \"F{batch:3}.txt\"", "name = \"F{date}.txt\"", "a date in a name has a pattern"),
        ("name = \"F{batch:3}.txt\"", "name = \"F.txt\"\nform = \"x\"", "no [[record]] has the form \"x\""),
        ("when = \"end\"", "when = \"document\"", "the document \"invoice\" has a record already"),
        ("length = 30", "", "\"length\" is missing here"),
        (
            "kind = \"fixed\"",
            "kind = \"json\"",
            "\"json\" is not known here; it is one of fixed, delimited, xml",
        ),
    ] {
        let told = change(from, to);
        assert!(told.contains(expected), "{from} → {to}: {told}");
    }
    let twice = problems(&PAIR.replace(
        "form = \"buyers\"\nname = \"buyer\"\nwhen = \"buyer\"",
        "form = \"buyers\"\nname = \"buyer\"\nwhen = \"document\"",
    ));
    assert!(twice.join("\n").contains("documents of domestic buyers would stand in two files"), "{twice:?}");
    let half = problems(&PAIR.replace("payment = \"issued\", ", ""));
    assert!(half.join("\n").contains("nothing is said for payment"), "{half:?}");
}

proptest! {
    /// What is written is what is read: numbers, names with accents, and amounts up to the limits of the field.
    #[test]
    fn reading_is_the_inverse_of_writing(
        rows in prop::collection::vec((0_usize..4, "[A-Za-z0-9/ éß-]{1,12}", 1_i64..=99_999_999_999, "[ -~éèçüßŒ’]{0,60}"), 1..20),
    ) {
        let layout = parse(&PAIR.replace("money = ", "quotes = true\nmoney = "));
        let mut documents = Vec::new();
        for (index, (kind, number, minor, name)) in rows.into_iter().enumerate() {
            // Numbers of their own, as those of a ledger are.
            let mut document = document(DocumentKind::ALL[kind], &format!("{index}{number}"), minor);
            document.buyer = buyer(&format!("C{}", index % 3), Market::Domestic);
            document.buyer.name = format!("N{name}");
            documents.push(document);
        }
        let written = written(&layout, &documents).unwrap();
        let read = layout.read(0, &written.files[0].out).unwrap();
        prop_assert_eq!(read.len(), documents.len());
        for ((record, document), number) in read.iter().zip(&documents).zip(&written.numbers) {
            prop_assert_eq!(&record.fields["number"], document.number.trim());
            prop_assert_eq!(&record.fields["number"], number);
            prop_assert_eq!(&record.fields["buyer.code"], &document.buyer.code);
            prop_assert_eq!(record.fields["signed_amount"].parse::<i64>().unwrap(), document.amount_minor * document.kind.sign());
            let date = if document.kind == DocumentKind::Payment { document.issued } else { document.due };
            prop_assert_eq!(&record.fields["paid"], &date.to_string());
        }
        let sum: i64 = documents.iter().map(|document| document.amount_minor * document.kind.sign()).sum();
        prop_assert_eq!(written.totals.balance_minor(), sum);
    }
}
