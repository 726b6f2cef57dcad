//! Files of factors against the positions that are written down in this file by hand: a golden file that was accepted
//! wrongly is noticed here.

use std::collections::BTreeMap;

use super::{load, mapping_test};
use crate::mapping::layout::{Layout, LayoutError, Written};
use crate::model::{
    AssignedBuyer, AssignedDocument, BatchHead, Currency, Date, DocumentKind, Identifier, Market, Scheme,
};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn head() -> BatchHead {
    BatchHead {
        contract: "K-1".to_owned(),
        batch: 42,
        date: day("2026-12-19"),
        currency: Currency::EUR,
        company: "Exemple Industrie SAS".to_owned(),
        statement_date: Some(day("2026-11-30")),
    }
}

fn domestic() -> AssignedBuyer {
    AssignedBuyer {
        id: "siren:404833048".to_owned(),
        code: "C0012".to_owned(),
        name: "Société Exemple".to_owned(),
        country: "FR".to_owned(),
        street: Some("1 rue de l’Église".to_owned()),
        postcode: Some("75001".to_owned()),
        town: Some("Paris".to_owned()),
        identifiers: Identifier::new(Scheme::Siret, "40483304800022").into_iter().collect(),
        factor_id: Some("0000123".to_owned()),
        market: Market::Domestic,
    }
}

fn export() -> AssignedBuyer {
    AssignedBuyer {
        id: "vat:DE136695976".to_owned(),
        code: "X9".to_owned(),
        name: "Beispiel GmbH".to_owned(),
        country: "DE".to_owned(),
        identifiers: Identifier::new(Scheme::Vat, "DE136695976").into_iter().collect(),
        factor_id: Some("7654321".to_owned()),
        market: Market::Export,
        ..domestic()
    }
}

fn document(kind: DocumentKind, number: &str, amount_minor: i64, buyer: AssignedBuyer) -> AssignedDocument {
    AssignedDocument {
        kind,
        number: number.to_owned(),
        buyer,
        currency: Currency::EUR,
        amount_minor,
        issued: day("2026-12-01"),
        due: day("2027-01-31"),
        credits: (kind == DocumentKind::CreditNote).then(|| "FA-1".to_owned()),
        reference: Some("CDE 7".to_owned()),
    }
}

/// What a connector writes with its defaults and these settings.
fn written(
    connector: &str,
    settings: &[(&str, &str)],
    documents: &[AssignedDocument],
) -> Result<Written<Vec<u8>>, LayoutError> {
    let connector = load(connector, None).unwrap_or_else(|error| panic!("{error}"));
    let declared = connector.manifest.settings.iter();
    let mut all: BTreeMap<String, String> =
        declared.filter_map(|(name, setting)| Some((name.clone(), setting.default.clone()?))).collect();
    all.extend(settings.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    let head = BatchHead { currency: documents[0].currency, ..head() };
    connector.mappings.layout.expect("it has a layout").write(&head, &all, documents)
}

/// The records of a file of fixed width, each of which ends with a line end, the last one too.
fn records(file: &[u8], length: usize) -> Vec<&[u8]> {
    let records: Vec<&[u8]> = file.chunks(length + 2).collect();
    for record in &records {
        assert_eq!(record.len(), length + 2);
        assert!(record.ends_with(b"\r\n"));
        assert!(record[..length].iter().all(|byte| (b' '..=b'~').contains(byte)), "plain signs only");
    }
    records
}

/// Holds a record against positions (from 1, both inclusive) and their text; every position has to be among them.
fn holds(record: &[u8], positions: &[(usize, usize, &str)]) {
    let mut next = 1;
    for (from, to, text) in positions {
        assert_eq!(*from, next, "the positions of the test leave a gap");
        let found = std::str::from_utf8(&record[from - 1..*to]).unwrap();
        let wanted = format!("{text:<width$}", width = to + 1 - from);
        assert_eq!(found, wanted, "positions {from} to {to}");
        next = to + 1;
    }
    assert_eq!(&record[next - 1..], b"\r\n", "the positions of the test end at {next}");
}

#[test]
fn the_file_of_240_positions_of_eurofactor() {
    let settings = [("client", "K1234"), ("sender_domestic", "11111"), ("sender_export", "22222")];
    let documents = [
        document(DocumentKind::Invoice, "FA-1", 123_456, domestic()),
        document(DocumentKind::CreditNote, "AV/1", 99_999_999_999, domestic()),
        document(DocumentKind::Invoice, "FX11111", 1, export()),
    ];
    let written = written("eurofactor", &settings, &documents).unwrap();
    let names: Vec<&str> = written.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["FAA11111_20261219_42.txt", "FAA22222_20261219_42.txt"]);
    let common = |record: &[u8], own: &[(usize, usize, &str)]| {
        let mut all = vec![
            (7, 11, "K1234"),
            (13, 20, "20261219"),
            (30, 32, "EUR"),
            (58, 80, ""),
            (113, 120, "20261201"),
            (122, 129, "20270131"),
            (131, 131, "A"),
            (144, 168, ""),
            (185, 235, ""),
            (237, 239, ""),
        ];
        for separator in
            [6, 12, 21, 23, 27, 29, 33, 41, 57, 81, 96, 112, 121, 130, 132, 143, 169, 184, 236, 240]
        {
            all.push((separator, separator, ";"));
        }
        all.extend_from_slice(own);
        all.sort_unstable();
        holds(record, &all);
    };
    let domestic = records(&written.files[0].out, 240);
    let export = records(&written.files[1].out, 240);
    assert_eq!((domestic.len(), export.len()), (2, 1));
    common(
        domestic[0],
        &[
            (1, 5, "11111"),
            (22, 22, "D"),
            (24, 26, "711"),
            (28, 28, "F"),
            (34, 40, "0000123"),
            (42, 56, "C0012"),
            (82, 95, "FA1"),
            (97, 111, "000000000123456"),
            (133, 142, "CDE 7"),
            (170, 183, ""),
        ],
    );
    common(
        domestic[1],
        &[
            (1, 5, "11111"),
            (22, 22, "D"),
            (24, 26, "711"),
            (28, 28, "A"),
            (34, 40, "0000123"),
            (42, 56, "C0012"),
            (82, 95, "AV1"),
            (97, 111, "000099999999999"),
            (133, 142, ""),
            (170, 183, "FA1"),
        ],
    );
    common(
        export[0],
        &[
            (1, 5, "22222"),
            (22, 22, "E"),
            (24, 26, "999"),
            (28, 28, "F"),
            (34, 40, "7654321"),
            (42, 56, "X9"),
            (82, 95, "FX11111"),
            (97, 111, "000000000000001"),
            (133, 142, "CDE 7"),
            (170, 183, ""),
        ],
    );
}

#[test]
fn amounts_of_currencies_without_two_decimals_are_refused_where_nothing_is_known_of_them() {
    for code in ["JPY", "TND"] {
        let currency = Currency::parse(code).unwrap();
        let document =
            AssignedDocument { currency, ..document(DocumentKind::Invoice, "F1", 5000, domestic()) };
        let settings = [("client", "K1234"), ("sender_domestic", "11111")];
        let error = written("eurofactor", &settings, &[document]).unwrap_err();
        assert!(matches!(error, LayoutError::Decimals { .. }), "{error}");
    }
}

#[test]
fn a_golden_file_that_differs_is_told_with_its_place() {
    let mut connector = load("eurofactor", None).unwrap();
    let golden = connector.samples.iter().find(|(name, _)| name.starts_with("domestic."));
    let (name, bytes) = golden.map(|(name, bytes)| (name.clone(), bytes.to_vec())).unwrap();
    let mut changed = bytes.clone();
    changed[242 + 27] = b'X';
    connector.samples.insert(name.clone(), changed.into());
    connector.samples.insert("older.txt".to_owned(), bytes.into());
    let report = mapping_test(&std::sync::Arc::new(connector));
    assert!(!report.is_good());
    let told = report.samples[0].differences.join("\n");
    assert!(
        told.contains(&format!("samples/{name} differs in line 2 from position 28: expected \"X;EUR")),
        "{told}"
    );
    assert!(told.contains("samples/older.txt is made by no case"), "{told}");
}

#[test]
fn the_layouts_of_the_documents_are_layouts() {
    for document in ["docs/connectors.md", "docs/factor-specification.md"] {
        let text = std::fs::read_to_string(super::root().join(document)).unwrap();
        let blocks = text.split("```toml\n[layout]").skip(1).filter_map(|rest| rest.split("```").next());
        let layouts: Vec<String> = blocks.map(|block| format!("[layout]{block}")).collect();
        assert!(!layouts.is_empty(), "{document} shows no layout any more");
        for layout in layouts {
            Layout::parse(document, &layout).unwrap_or_else(|problems| panic!("{document}: {problems:#?}"));
        }
    }
}
