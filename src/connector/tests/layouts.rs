//! Files of factors against the positions that are written down in this file by hand: a golden file that was accepted
//! wrongly is noticed here.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Connection, list, load, mapping_test, setup};
use crate::mapping::layout::{Layout, LayoutError, ReadRecord, Written};
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
        total_minor: None,
        tax_minor: None,
        issued: day("2026-12-01"),
        due: day("2027-01-31"),
        credits: (kind == DocumentKind::CreditNote).then(|| "FA-1".to_owned()),
        reference: Some("CDE 7".to_owned()),
    }
}

/// The layout of a connector, and its defaults with these settings.
fn loaded(connector: &str, settings: &[(&str, &str)]) -> (Layout, BTreeMap<String, String>) {
    let connector = load(connector, None).unwrap_or_else(|error| panic!("{error}"));
    let declared = connector.manifest.settings.iter();
    let mut all: BTreeMap<String, String> =
        declared.filter_map(|(name, setting)| Some((name.clone(), setting.default.clone()?))).collect();
    all.extend(settings.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    (connector.mappings.layout.expect("it has a layout"), all)
}

/// What a connector writes with its defaults and these settings.
fn written(
    connector: &str,
    settings: &[(&str, &str)],
    documents: &[AssignedDocument],
) -> Result<Written<Vec<u8>>, LayoutError> {
    let (layout, settings) = loaded(connector, settings);
    layout.write(&BatchHead { currency: documents[0].currency, ..head() }, &settings, documents)
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
fn the_balance_of_275_positions_of_bpce_factor() {
    let mut documents = [
        document(DocumentKind::Invoice, "FA/2026/1", 99_999_999_999, domestic()),
        document(DocumentKind::CreditNote, "AV-1", 5_000, export()),
        document(DocumentKind::Invoice, "F2", 1, domestic()),
    ];
    documents[2].buyer.identifiers = Identifier::new(Scheme::Siren, "404833048").into_iter().collect();
    let written = written("bpce-factor", &[("client", "4711")], &documents).unwrap();
    assert_eq!(written.files[0].name, "BPCE_20261219_042.txt");
    assert_eq!(written.numbers, ["FA 2026 1", "AV 1", "F2"]);
    let records = records(&written.files[0].out, 275);
    assert_eq!(records.len(), 5);
    holds(
        records[0],
        &[
            (1, 2, "01"),
            (3, 8, "000001"),
            (9, 11, "138"),
            (12, 17, "004711"),
            (18, 20, "EUR"),
            (21, 45, "    EXEMPLE INDUSTRIE SAS"),
            (46, 53, "30112026"),
            (54, 61, "19122026"),
            (62, 64, "042"),
            (65, 67, "7.0"),
            (68, 275, ""),
        ],
    );
    let detail = |record: &[u8], own: &[(usize, usize, &str)]| {
        let mut all = vec![
            (1, 2, "02"),
            (48, 52, ""),
            (54, 62, ""),
            (63, 82, ""),
            (149, 156, "01122026"),
            (157, 164, "31012027"),
            (178, 180, "EUR"),
            (181, 182, ""),
            (183, 183, ""),
            (184, 190, ""),
            (191, 203, "0000000000000"),
            (204, 216, "0000000000000"),
            (217, 239, ""),
            (240, 247, ""),
            (248, 257, ""),
            (258, 258, ""),
            (259, 275, ""),
        ];
        all.extend_from_slice(own);
        all.sort_unstable();
        holds(record, &all);
    };
    detail(
        records[1],
        &[
            (3, 8, "000002"),
            (9, 22, "40483304800022"),
            (23, 37, "SOCI T  EXEMPLE"),
            (38, 47, "C0012"),
            (53, 53, "D"),
            (83, 112, "FA 2026 1"),
            (113, 142, "FA 2026 1"),
            (143, 145, "FAC"),
            (146, 148, "VIR"),
            (165, 177, "0099999999999"),
        ],
    );
    detail(
        records[2],
        &[
            (3, 8, "000003"),
            (9, 22, ""),
            (23, 37, "BEISPIEL GMBH"),
            (38, 47, "X9"),
            (53, 53, "E"),
            (83, 112, "AV 1"),
            (113, 142, "AV 1"),
            (143, 145, "AVO"),
            (146, 148, ""),
            (165, 177, "0000000005000"),
        ],
    );
    // A SIREN is filled up with zeros behind it.
    assert_eq!(&records[3][8..22], b"40483304800000");
    holds(
        records[4],
        &[
            (1, 2, "09"),
            (3, 8, "000005"),
            (9, 11, "138"),
            (12, 17, "004711"),
            (18, 42, "    EXEMPLE INDUSTRIE SAS"),
            (43, 55, "0099999995000"),
            (56, 275, ""),
        ],
    );
}

#[test]
fn the_remise_of_360_positions_of_factofrance() {
    let mut documents = [
        document(DocumentKind::Invoice, "FA/2026/1", 99_999_999_999, domestic()),
        document(DocumentKind::CreditNote, "AV-1", 5_000, domestic()),
        document(DocumentKind::Payment, "FA-2", 70, domestic()),
        document(DocumentKind::Adjustment, "FA-3", 8, domestic()),
    ];
    documents[2].reference = None;
    let settings = [("seller", "123456"), ("seller_identifier", "00052451200017")];
    let written = written("factofrance", &settings, &documents).unwrap();
    assert_eq!(written.files[0].name, "F042_20261219.txt");
    let records = records(&written.files[0].out, 360);
    assert_eq!(records.len(), 6);
    holds(
        records[0],
        &[
            (1, 3, "100"),
            (4, 9, "123456"),
            (10, 49, "EXEMPLE INDUSTRIE SAS"),
            (50, 57, "20261219"),
            (58, 117, ""),
            (118, 118, "1"),
            (119, 119, "2"),
            (120, 135, "00052451200017"),
            (136, 138, "042"),
            (139, 351, ""),
            (352, 354, "EUR"),
            (355, 360, "031998"),
        ],
    );
    let detail = |record: &[u8], own: &[(usize, usize, &str)]| {
        let mut all = vec![
            (4, 11, "20261219"),
            (12, 17, "123456"),
            (18, 31, "40483304800022"),
            (32, 71, "SOCIETE EXEMPLE"),
            (72, 111, ""),
            (112, 151, "1 RUE DE L'EGLISE"),
            (152, 191, ""),
            (192, 197, "75001"),
            (198, 231, "PARIS"),
            (232, 234, "FR"),
            (235, 244, ""),
            (245, 254, "C0012"),
            (255, 262, "20261201"),
            (278, 280, "EUR"),
        ];
        all.extend_from_slice(own);
        all.sort_unstable();
        holds(record, &all);
    };
    detail(
        records[1],
        &[
            (1, 3, "101"),
            (263, 277, "FA20261"),
            (281, 281, "+"),
            (282, 296, "000099999999999"),
            (297, 299, "VIR"),
            (300, 307, "20270131"),
            (308, 317, ""),
            (318, 357, "CDE 7"),
            (358, 360, "FAC"),
        ],
    );
    detail(
        records[2],
        &[
            (1, 3, "102"),
            (263, 277, "AV1"),
            (281, 281, "-"),
            (282, 296, "000000000005000"),
            (297, 307, ""),
            (308, 322, "FA1"),
            (323, 357, ""),
            (358, 360, "AVO"),
        ],
    );
    detail(
        records[3],
        &[
            (1, 3, "103"),
            (263, 277, "FA2"),
            (281, 281, "-"),
            (282, 296, "000000000000070"),
            (297, 304, "20261201"),
            (305, 357, ""),
            (358, 360, "VIR"),
        ],
    );
    detail(
        records[4],
        &[
            (1, 3, "104"),
            (263, 277, "FA3"),
            (281, 281, "-"),
            (282, 296, "000000000000008"),
            (297, 304, ""),
            (305, 357, ""),
            (358, 360, "AJC"),
        ],
    );
    holds(
        records[5],
        &[
            (1, 3, "199"),
            (4, 9, "123456"),
            (10, 49, "EXEMPLE INDUSTRIE SAS"),
            (50, 57, "20261219"),
            (58, 61, "0001"),
            (62, 76, "000099999999999"),
            (77, 80, "0001"),
            (81, 95, "000000000005000"),
            (96, 99, "0001"),
            (100, 114, "000000000000070"),
            (115, 133, ""),
            (134, 137, "0000"),
            (138, 152, "000000000000000"),
            (153, 351, ""),
            (352, 354, "EUR"),
            (355, 360, "031998"),
        ],
    );
}

#[test]
fn the_pairs_of_csv_files_of_factofrance() {
    let settings = [
        ("seller", "123456"),
        ("seller_siret", "00052451200017"),
        ("seller_street", "2 quai de l'Écluse"),
        ("seller_postcode", "33000"),
        ("seller_town", "Bordeaux"),
    ];
    let documents = [
        document(DocumentKind::Invoice, "FA/1", 99_999_999_999, domestic()),
        document(DocumentKind::CreditNote, "AV/1", 5, domestic()),
        document(DocumentKind::Invoice, "X1", 100, export()),
    ];
    let written = written("factofrance-csv", &settings, &documents).unwrap();
    let names: Vec<&str> = written.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["FBAFH1234561A.353", "TIEFH1234561A.353", "FBAFH1234561B.353", "TIEFH1234561B.353"]);
    let lines: [&[u8]; 4] = [
        b"000000;19/12/2026;;;19/12/2026;EUR;0,00;0;DEB;;\r\n\
          123456;19/12/2026;C0012;FA/1;01/12/2026;EUR;999999999,99;31/01/2027;FAC;VIR;\r\n\
          123456;19/12/2026;C0012;AV/1;01/12/2026;EUR;-0,05;31/01/2027;AVO;;\r\n\
          999999;19/12/2026;;;19/12/2026;EUR;0,00;0;FIN;;\r\n",
        b"000000;DEB;00052451200017;Exemple Industrie SAS;Exemple Industrie SAS;2 quai de l'\x90cluse;;33000;Bordeaux;FR\r\n\
          123456;C0012;40483304800022;Soci\x82t\x82 Exemple;Soci\x82t\x82 Exemple;1 rue de l'\x90glise;;75001;Paris;FR\r\n\
          999999;FIN;00052451200017;Exemple Industrie SAS;Exemple Industrie SAS;2 quai de l'\x90cluse;;33000;Bordeaux;FR\r\n",
        b"000000;19/12/2026;;;19/12/2026;EUR;0,00;0;DEB;;\r\n\
          123456;19/12/2026;X9;X1;01/12/2026;EUR;1,00;31/01/2027;FAC;VIR;\r\n\
          999999;19/12/2026;;;19/12/2026;EUR;0,00;0;FIN;;\r\n",
        b"000000;DEB;00052451200017;Exemple Industrie SAS;Exemple Industrie SAS;2 quai de l'\x90cluse;;33000;Bordeaux;FR\r\n\
          123456;X9;;Beispiel GmbH;Beispiel GmbH;1 rue de l'\x90glise;;75001;Paris;DE\r\n\
          999999;FIN;00052451200017;Exemple Industrie SAS;Exemple Industrie SAS;2 quai de l'\x90cluse;;33000;Bordeaux;FR\r\n",
    ];
    for (file, expected) in written.files.iter().zip(lines) {
        let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
        assert_eq!(shown(&file.out), shown(expected), "{}", file.name);
    }
}

/// Connectors with a layout, the settings they need, what they take, and the names of their fields for number, amount,
/// customer code and due date.
type Known =
    (&'static str, &'static [(&'static str, &'static str)], &'static [DocumentKind], [&'static str; 4]);

const INVOICES: &[DocumentKind] = &[DocumentKind::Invoice, DocumentKind::CreditNote];
const OURS: [&str; 4] = ["Number", "Amount", "Buyer code", "Due"];
const LAYOUTS: &[Known] = &[
    ("bnp-paribas-factor", &[], DocumentKind::ALL, OURS),
    ("bpce-factor", &[("client", "4711")], INVOICES, ["number", "amount", "buyer.code", "due"]),
    ("cga", &[], DocumentKind::ALL, OURS),
    (
        "eurofactor",
        &[("client", "K1234"), ("sender_domestic", "11111"), ("sender_export", "22222")],
        INVOICES,
        ["number", "amount", "buyer.code", "due"],
    ),
    ("factofrance", &[("seller", "123456")], DocumentKind::USUAL, ["number", "amount", "buyer.code", "due"]),
    (
        "factofrance-csv",
        &[("seller", "123456"), ("seller_siret", "00052451200017")],
        INVOICES,
        ["number", "signed_amount", "buyer.code", "due"],
    ),
    ("factor-files", &[], DocumentKind::ALL, OURS),
    (
        "fci",
        &[
            ("sender_code", "FR00000"),
            ("receiver_code", "DE00000"),
            ("exporter_code", "FR00000"),
            ("importer_code", "DE00000"),
            ("seller_number", "V-77"),
            ("credit_note_type", "2"),
            ("document_paid", "1"),
            ("payment_type", "1"),
        ],
        &[DocumentKind::Invoice, DocumentKind::CreditNote, DocumentKind::Payment],
        ["number", "amount", "buyer", "due"],
    ),
    (
        "iso20022-assignment",
        &[("factor_name", "Exemple Affacturage"), ("seller_registration", "404833048")],
        INVOICES,
        ["number", "amount", "buyer.place", "due"],
    ),
    ("la-banque-postale", &[], DocumentKind::ALL, OURS),
];

#[test]
fn every_connector_with_a_layout_is_among_those_that_are_read_back() {
    let with_layout = list(None).unwrap().into_iter().map(|listed| listed.id);
    let with_layout: Vec<String> =
        with_layout.filter(|id| load(id, None).unwrap().mappings.layout.is_some()).collect();
    assert_eq!(with_layout, LAYOUTS.iter().map(|(id, ..)| *id).collect::<Vec<_>>());
}

/// What is read of a file is what was written into it, for each layout: any kind of document, numbers with punctuation,
/// names with accents, amounts from the smallest to 999 999 999.99.
#[test]
fn reading_is_the_inverse_of_writing_for_each_layout() {
    for (id, settings, kinds, [number, amount, code, due]) in LAYOUTS {
        let (layout, settings) = loaded(id, settings);
        let row = (
            0..kinds.len(),
            "[A-Za-z0-9/ _-]{1,9}",
            prop_oneof![Just(1_i64), Just(99_999_999_999), 1_i64..=99_999_999_999],
            "[A-Za-zéèÀçüß’ &.-]{0,19}",
            0_i64..400,
            any::<bool>(),
        );
        proptest!(ProptestConfig::with_cases(64), |(rows in prop::collection::vec(row, 1..12))| {
            let mut documents = Vec::new();
            for (index, (kind, text, minor, name, days, abroad)) in rows.into_iter().enumerate() {
                // Numbers of their own, as those of a ledger are; an invoice in front keeps the balance from being negative.
                let kind = if index == 0 { DocumentKind::Invoice } else { kinds[kind] };
                let minor = if index == 0 { 99_999_999_999 } else { minor };
                let minor = if kind == DocumentKind::Invoice { minor } else { minor / 20 };
                let buyer = if abroad && *id != "factofrance" { export() } else { domestic() };
                let buyer = AssignedBuyer { name: format!("N{name}"), ..buyer };
                let mut document = document(kind, &format!("{index:02}A{text}"), minor, buyer);
                document.tax_minor = Some(minor / 6);
                document.due = day("2026-12-01") + chrono::Days::new(days.unsigned_abs());
                documents.push(document);
            }
            let written = layout.write(&head(), &settings, &documents).unwrap();
            let (mut read, mut places) = (Vec::new(), BTreeMap::new());
            for file in &written.files {
                let records = layout.read(file.place, &file.out).unwrap();
                prop_assert_eq!(i64::try_from(records.len()), Ok(file.records));
                let of_buyer = |record: &&ReadRecord| record.record == "buyer" && record.fields.contains_key("buyer.place");
                places.extend(records.iter().filter(of_buyer).map(|record| {
                    (record.fields["buyer.place"].clone(), record.fields["buyer.code"].clone())
                }));
                read.extend(records.into_iter().filter(|record| record.fields.contains_key(*number)));
            }
            prop_assert_eq!(read.len(), documents.len());
            for (document, wrote) in documents.iter().zip(&written.numbers) {
                let wanted = document.amount_minor * if amount.starts_with("signed") || *amount == "Amount" { document.kind.sign() } else { 1 };
                let same = |record: &&ReadRecord| {
                    record.fields[*number] == *wrote && record.fields[*amount] == wanted.to_string()
                };
                let record = read.iter().find(same);
                prop_assert!(record.is_some(), "{wrote} {wanted} is not in {read:?}");
                let fields = &record.unwrap().fields;
                match *code {
                    "buyer.place" => prop_assert_eq!(&places[&fields[*code]], &document.buyer.code),
                    "buyer" => prop_assert_eq!(Some(&fields[*code]), document.buyer.factor_id.as_ref()),
                    _ => prop_assert_eq!(&fields[*code], &document.buyer.code),
                }
                if let Some(date) = fields.get(*due) {
                    prop_assert_eq!(date, &document.due.to_string());
                }
                if *number == "Number" {
                    prop_assert_eq!(&fields["Buyer name"], document.buyer.name.trim());
                }
            }
            let sum: i64 = documents.iter().map(|document| document.amount_minor * document.kind.sign()).sum();
            prop_assert_eq!(written.totals.balance_minor(), sum);
        });
    }
}

#[test]
fn amounts_of_currencies_without_two_decimals_are_refused_where_nothing_is_known_of_them() {
    for code in ["JPY", "TND"] {
        let currency = Currency::parse(code).unwrap();
        let document = AssignedDocument {
            currency,
            tax_minor: Some(0),
            ..document(DocumentKind::Invoice, "F1", 5000, domestic())
        };
        for (id, settings, _, names) in LAYOUTS {
            let written = written(id, settings, std::slice::from_ref(&document));
            if *names == OURS {
                let text = String::from_utf8(written.unwrap().files[0].out.clone()).unwrap();
                assert!(text.contains(if code == "JPY" { ";JPY;5000;" } else { ";TND;5.000;" }), "{text}");
            } else if *id == "iso20022-assignment" {
                let text = String::from_utf8(written.unwrap().files[0].out.clone()).unwrap();
                let expected = if code == "JPY" { "Ccy=\"JPY\">5000<" } else { "Ccy=\"TND\">5.000<" };
                assert!(text.contains(expected), "{text}");
            } else {
                assert!(matches!(written, Err(LayoutError::Decimals { .. })), "{id}: {written:?}");
            }
        }
    }
}

#[test]
fn a_setting_that_does_not_fit_is_told_before_there_is_a_batch() {
    let out = tempfile::tempdir().unwrap();
    let connection = |client: &str| {
        let settings =
            [("out", out.path().to_str().unwrap()), ("client", client), ("sender_domestic", "11111")];
        Connection::new(setup(load("eurofactor", None).unwrap(), &settings, None)).unwrap()
    };
    let good = connection("K1234");
    assert_eq!(good.out_problems(), Vec::<String>::new());
    assert!(good.has("send_batch"));
    let way = good.batch_way("send_batch").unwrap().map(|way| way.told());
    assert_eq!(way.as_deref(), out.path().to_str());
    assert_eq!(good.layout().unwrap().1["afc_domestic"], "711");
    let expected = "setting client: it does not fit the factor's files: \"K123\" has 4 signs, and the field takes exactly 5";
    assert_eq!(connection("K123").out_problems(), [expected]);
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
