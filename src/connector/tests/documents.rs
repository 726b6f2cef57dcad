//! Factors that are told of documents one by one: what their manifests may say, and what is said of a document.

use super::manifest::user_connector;
use super::*;
use crate::connector::{FINANCE, Form, SEND};
use crate::mapping::layout::LayoutError;
use crate::model::{AssignedBuyer, AssignedDocument, BatchHead, DocumentKind, Identifier, Market, Scheme};

const MANIFEST: &str = r#"
[connector]
id = "shop"
name = "Shop"
role = "factor"
transport = "http"
status = "unverified"

[settings]
documents = { type = "string", required = true, help = "the folder of the invoices" }

[operations.send_document]
post = "/invoices"
body = "invoice"
attach = "{documents}/{number}.pdf"
reference = "id"

[operations.finance_document]
post = "/invoices/{document_reference}/loans"
json = { invoice = "{document_reference}", amount = "{available}" }
reference = "id"

[operations.read_statement]
get = "/loans/{financing}"
each = "document"
records = "."
mode = "incremental"
"#;

const BODY: &str = "[send.invoice]\nnumber = \"number\"\namount = { path = \"amount\", as = \"number\" }\nfile = \"file\"\n\
                    tax = { path = \"tax\", as = \"number\" }\n";
const LINE: &str = "[factor_line]\nnumber = \"asked.number\"\namount = \"asked.amount\"\nstate = { path = \"answer.status\", codes = \"state\" }\n\
                    [codes.state]\nA = \"accepted\"\n";

fn connector(manifest: &str) -> Result<Connector, LoadError> {
    user_connector(manifest, &[("invoice", BODY), ("line", LINE)])
}

fn head() -> BatchHead {
    BatchHead {
        contract: "54321".to_owned(),
        batch: 1,
        date: "2026-03-10".parse().unwrap(),
        currency: Currency::EUR,
        company: "Exemple SAS".to_owned(),
        statement_date: None,
    }
}

fn invoice(number: &str) -> AssignedDocument {
    AssignedDocument {
        kind: DocumentKind::Invoice,
        number: number.to_owned(),
        buyer: AssignedBuyer {
            id: "siren:404833048".into(),
            code: "C1".to_owned(),
            name: "Exemple".to_owned(),
            country: "FR".to_owned(),
            street: None,
            postcode: None,
            town: None,
            identifiers: Identifier::new(Scheme::Siren, "404833048").into_iter().collect(),
            factor_id: None,
            market: Market::Domestic,
        },
        currency: Currency::EUR,
        amount_minor: 100_010,
        total_minor: Some(120_010),
        tax_minor: Some(20_000),
        issued: "2026-03-02".parse().unwrap(),
        due: "2026-04-30".parse().unwrap(),
        credits: None,
        reference: None,
    }
}

#[test]
fn what_a_manifest_of_calls_cannot_say_is_told_in_its_place() {
    assert!(connector(MANIFEST).is_ok());
    for (from, to, expected) in [
        (
            "reference = \"id\"\n\n[operations.finance",
            "\n[operations.finance",
            "\"reference\" is missing here",
        ),
        ("\"/invoices\"", "\"/invoices/{number}\"", "\"number\" cannot stand in the address"),
        (
            "body = \"invoice\"\n",
            "body = \"invoice\"\nheaders = { Key = \"{our_reference}\" }\n",
            "\"our_reference\" cannot stand in the address or in a header",
        ),
        (
            "[operations.read_statement]",
            "within_days = 1\n[operations.read_statement]",
            "within_days is of send_document alone",
        ),
        ("each = \"document\"\n", "", "{financing} is not known here"),
        ("mode = \"incremental\"", "mode = \"incremental\"\npaging = { kind = \"page\" }", "has no pages"),
        (
            "[operations.read_statement]\nget = \"/loans/{financing}\"",
            "[operations.list_approvals]\nget = \"/limits\"",
            "each = \"document\" is of read_statement alone",
        ),
        (
            "[operations.read_statement]",
            "attach = \"{documents}/{nomber}.pdf\"\n[operations.read_statement]",
            "{nomber} is not known here",
        ),
        (
            "records = \".\"",
            "records = \".\"\nattach = \"x\"",
            "attach is of send_document and finance_document",
        ),
    ] {
        let told = connector(&MANIFEST.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(told.contains(expected), "{expected}\n{told}");
    }
}

#[test]
fn a_document_is_said_with_its_file_and_always_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("documents", folder.path().to_str().unwrap())];
    let connection =
        Connection::new(setup(connector(MANIFEST).unwrap(), &settings, Some("http://127.0.0.1:9"))).unwrap();
    let form = connection.form().unwrap();
    assert!(matches!(form, Form::Calls(..)));
    assert_eq!(connection.document_calls(), [SEND, FINANCE]);
    let told = |document: &AssignedDocument| form.try_alone(&head(), document).unwrap_err().to_string();

    assert!(told(&invoice("F/1")).contains("F_1.pdf is not there"), "{}", told(&invoice("F/1")));
    let path = folder.path().join("F_1.pdf");
    std::fs::write(&path, "no such thing").unwrap();
    assert!(told(&invoice("F/1")).ends_with("F_1.pdf is no PDF"));
    let file = std::fs::File::create(&path).unwrap();
    file.set_len((10 << 20) + 1).unwrap();
    assert!(told(&invoice("F/1")).contains("10485760 is the most"));
    std::fs::write(&path, "%PDF-1.7").unwrap();
    assert_eq!(form.try_alone(&head(), &invoice("F/1")).unwrap(), "F/1");
    assert!(
        told(&AssignedDocument { kind: DocumentKind::CreditNote, ..invoice("F/1") })
            .contains("no call for documents of this kind")
    );
    let untaxed = AssignedDocument { tax_minor: None, ..invoice("F/1") };
    assert!(
        matches!(form.try_alone(&head(), &untaxed), Err(LayoutError::NotTold { .. })),
        "{}",
        told(&untaxed)
    );

    let written = form.write(&head(), &[invoice("F/1")], &[90_000]).unwrap();
    let [file] = written.files.as_slice() else { panic!("{written:?}") };
    assert_eq!((file.name.as_str(), file.totals.invoices_minor, file.records), ("0001_F_1.json", 100_010, 1));
    assert_eq!((written.totals.invoices, written.numbers.as_slice()), (1, ["F/1".to_owned()].as_slice()));
    assert_eq!(
        String::from_utf8(file.out.clone()).unwrap(),
        r#"{"send_document":{"number":"F/1","amount":1000.10,"file":"JVBERi0xLjc=","tax":200.00},"finance_document":{"amount":"900.00","invoice":"{document_reference}"}}"#
    );
    assert!(matches!(form.write(&head(), &[], &[]), Err(LayoutError::NoDocuments)));
}
