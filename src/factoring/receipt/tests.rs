//! What the receipt of a batch lists, says and adds up to.

use super::*;
use crate::factoring::sample;
use crate::model::ReceiptTerms;

fn head() -> BatchHead {
    BatchHead {
        contract: "12345".to_owned(),
        batch: 7,
        date: "2026-03-31".parse().unwrap(),
        currency: Currency::EUR,
        company: "Exemple Industrie SAS".to_owned(),
        statement_date: None,
    }
}

fn document(kind: DocumentKind, number: &str, amount_minor: i64) -> AssignedDocument {
    AssignedDocument {
        kind,
        number: number.to_owned(),
        buyer: sample::buyer("B1"),
        currency: Currency::EUR,
        amount_minor,
        total_minor: None,
        tax_minor: None,
        issued: "2026-03-01".parse().unwrap(),
        due: "2026-04-30".parse().unwrap(),
        credits: None,
        reference: None,
    }
}

fn files() -> Vec<FileHash> {
    vec![FileHash { name: "assignment_7.csv".to_owned(), sha256: "ab12".to_owned() }]
}

fn contract(clause: Option<&str>) -> Contract {
    Contract { receipt: Some(ReceiptTerms { clause: clause.map(str::to_owned) }), ..sample::contract() }
}

fn documents() -> Vec<AssignedDocument> {
    vec![
        document(DocumentKind::Invoice, "F1", 115_000),
        document(DocumentKind::Invoice, "FACTURE/2026/0000000000000042", 100),
        document(DocumentKind::CreditNote, "A1", 15_000),
        document(DocumentKind::Payment, "F0", 40_000),
    ]
}

#[test]
fn invoices_and_credit_notes_are_listed_and_add_up_to_what_is_assigned() {
    let own = receipt(&contract(None), &head(), &documents(), files()).unwrap();
    let told: Vec<(&str, &str)> =
        own.documents.iter().map(|line| (line.number.as_str(), line.amount.as_str())).collect();
    assert_eq!(told, [("F1", "1150.00"), ("FACTURE/2026/0000000000000042", "1.00"), ("A1", "-150.00")]);
    assert_eq!(
        (own.invoices.as_str(), own.credit_notes.as_str(), own.amount.as_str()),
        ("1151.00", "150.00", "1001.00")
    );
    assert_eq!(own.documents[0].registration.as_deref(), Some("404833048"));
    let lines = own.lines(str::to_owned);
    assert_eq!(
        lines[..8],
        [
            "F1                     Exemple B1 SAS                 01/03/2026 30/04/2026           1 150,00",
            "FACTURE/2026/0000000000000042",
            "                       Exemple B1 SAS                 01/03/2026 30/04/2026               1,00",
            "A1                     Exemple B1 SAS                 01/03/2026 30/04/2026            -150,00",
            "----------------------------------------------------------------------------------------------",
            "Factures                                                                              1 151,00",
            "Avoirs                                                                                  150,00",
            "Montant cédé                                                                          1 001,00",
        ]
    );
    let text = lines.join("\n");
    assert!(
        text.contains("article 1346-1 du Code")
            && text.contains("assignment_7.csv\nab12\n")
            && text.contains("Bon pour subrogation"),
        "{text}"
    );
    let flat = lines.join(" ");
    assert!(
        flat.contains("Exemple Industrie SAS donne quittance à Exemple Factor du paiement")
            && flat.contains("1 001,00 EUR"),
        "{flat}"
    );
    assert!(lines.iter().chain(&own.heading(str::to_owned)).all(|line| line.chars().count() <= WIDTH));
}

#[test]
fn amounts_are_as_french_paper_has_them() {
    for (amount, paper) in [
        ("0.01", "0,01"),
        ("999.99", "999,99"),
        ("-1150.00", "-1 150,00"),
        ("999999999.99", "999 999 999,99"),
        ("110000", "110 000"),
    ] {
        assert_eq!(french(amount), paper);
    }
}

#[test]
fn the_words_are_the_factors_where_the_contract_brings_them() {
    let own = contract(Some("Contrat {contract}, remise {batch} : {amount} de {company} à {factor}."));
    let own = receipt(&own, &head(), &documents(), files()).unwrap();
    assert_eq!(
        own.clause,
        "Contrat 12345, remise 7 : 1 001,00 EUR de Exemple Industrie SAS à Exemple Factor."
    );
}

#[test]
fn without_terms_or_without_an_assigned_document_there_is_none() {
    assert_eq!(receipt(&sample::contract(), &head(), &documents(), files()), None);
    let without = |documents: &[AssignedDocument]| receipt(&contract(None), &head(), documents, files());
    assert_eq!(without(&documents()[3..]), None, "payments assign nothing");
    assert_eq!(without(&documents()[2..]), None, "nor does a credit note alone");
    let (small, large) = (document(DocumentKind::Invoice, "F2", 15_000), documents().remove(2));
    assert_eq!(without(&[small, large]), None, "what is taken off is as much");
    assert!(without(&documents()[..3]).is_some());
}

#[test]
fn long_words_are_broken_and_nothing_is_lost() {
    let text = format!("a {} b", "x".repeat(25));
    assert_eq!(wrapped(&text, 10), ["a", "xxxxxxxxxx", "xxxxxxxxxx", "xxxxx b"]);
    assert_eq!(wrapped("", 10), Vec::<String>::new());
}
