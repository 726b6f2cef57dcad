//! Each rule of the reader on ledgers small enough to check by hand, then properties on generated ones.

use proptest::prelude::*;

use super::*;

const HEADER: &str = "JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\tCompAuxLib\t\
                      PieceRef\tPieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise";

/// One row; what the rule under test does not look at stays at its default.
#[derive(Clone)]
struct R {
    journal: &'static str,
    name: &'static str,
    entry: String,
    date: String,
    account: String,
    auxiliary: String,
    piece: String,
    piece_date: String,
    cents: i64,
    letter: String,
    foreign: (&'static str, &'static str),
}

impl R {
    fn piece(self, piece: &str) -> Self {
        Self { piece: piece.into(), ..self }
    }
    fn letter(self, letter: &str) -> Self {
        Self { letter: letter.into(), ..self }
    }
    fn entry(self, entry: &str) -> Self {
        Self { entry: entry.into(), ..self }
    }
    fn render(&self) -> String {
        let amount = |cents: i64| format!("{},{:02}", cents / 100, cents % 100);
        let (debit, credit) = (amount(self.cents.max(0)), amount((-self.cents).max(0)));
        let Self { journal, name, entry, date, account, auxiliary, piece, piece_date, letter, .. } = self;
        let (money, code) = self.foreign;
        format!(
            "{journal}\t{name}\t{entry}\t{date}\t{account}\tCompte\t{auxiliary}\tEXEMPLE {auxiliary}\t{piece}\t\
             {piece_date}\tLibellé\t{debit}\t{credit}\t{letter}\t\t20261231\t{money}\t{code}"
        )
    }
}

fn row(journal: &'static str, entry: &str, date: &str, account: &str, auxiliary: &str, cents: i64) -> R {
    R {
        journal,
        name: "",
        entry: entry.into(),
        date: date.into(),
        account: account.into(),
        auxiliary: auxiliary.into(),
        piece: format!("{journal}{entry}"),
        piece_date: date.into(),
        cents,
        letter: String::new(),
        foreign: ("", ""),
    }
}

/// A sale and its counterpart; the receivable line comes first.
fn sale(entry: &str, date: &str, customer: &str, cents: i64) -> Vec<R> {
    vec![row("VE", entry, date, "411000", customer, cents), row("VE", entry, date, "701000", "", -cents)]
}

/// A receipt and its counterpart; the receivable line comes first.
fn receipt(entry: &str, date: &str, customer: &str, cents: i64) -> Vec<R> {
    vec![row("BQ", entry, date, "411000", customer, -cents), row("BQ", entry, date, "512000", "", cents)]
}

/// Changes the first row of an entry, which is the receivable one.
fn first(mut rows: Vec<R>, change: impl FnOnce(R) -> R) -> Vec<R> {
    rows[0] = change(rows[0].clone());
    rows
}

fn text(entries: &[Vec<R>]) -> String {
    let rows = entries.iter().flatten().map(|row| row.render() + "\r\n");
    std::iter::once(format!("{HEADER}\r\n")).chain(rows).collect()
}

fn options() -> Options {
    Options::new(Currency::EUR, 30)
}

fn ledger(entries: &[Vec<R>]) -> Ledger {
    read(text(entries).as_bytes(), &options()).unwrap()
}

fn refused(bytes: &[u8]) -> Error {
    read(bytes, &options()).unwrap_err()
}

/// Number, kind, open amount and inference of each item.
fn seen(ledger: &Ledger) -> Vec<(&str, &str, i64, Option<&str>)> {
    ledger.items.iter().map(|i| (i.number.as_str(), i.kind.as_str(), i.open_minor, i.inferred)).collect()
}

fn balances(ledger: &Ledger) -> Vec<(&str, i64)> {
    ledger.balances.iter().map(|(customer, balance)| (customer.as_str(), *balance)).collect()
}

fn date(text: &str) -> Date {
    parse_date(text).unwrap()
}

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/connectors/fec/samples/", $name)).as_slice()
    };
}

// -- the samples, with the totals of connectors/fec/samples/README.md

#[test]
fn sample_tab_utf8_a_receipt_carries_the_reference_of_its_invoice() {
    let ledger = read(sample!("tab-utf8-debit-credit.txt"), &options()).unwrap();
    assert_eq!((ledger.debit_minor, ledger.credit_minor, ledger.entries_read), (479_400, 479_400, 16));
    assert_eq!((ledger.receivable_balance_minor, ledger.receivable_count), (329_400, 6));
    assert_eq!(balances(&ledger), [("2", 75_000), ("3", 14_400), ("4", 240_000)]);
    assert_eq!(
        seen(&ledger),
        [
            ("EX-0001", "invoice", 14_400, None),
            ("EX-0002 [CDE-7]", "invoice", 75_000, Some(PIECE_REF)),
            ("EX-0004", "invoice", 240_000, None),
        ]
    );
    assert_eq!(
        (ledger.items[1].total_minor, ledger.items[1].account_name.as_str()),
        (120_000, "EXEMPLE MÉCANIQUE")
    );
    assert_eq!((ledger.encoding, ledger.separator, ledger.settled_count), (Encoding::Utf8, '\t', 3));
    assert_eq!((ledger.items[0].issued, ledger.items[0].due), (date("20260810"), date("20260909")));
}

#[test]
fn sample_pipe_windows_1252_amounts_with_a_side() {
    let ledger = read(sample!("pipe-cp1252-montant-sens.txt"), &options()).unwrap();
    assert_eq!((ledger.debit_minor, ledger.credit_minor), (347_456, 347_456));
    assert_eq!(ledger.receivable_balance_minor, 203_456);
    assert_eq!(balances(&ledger), [("C0001", 0), ("C0002", 111_456), ("C0003", 92_000)]);
    assert_eq!(
        seen(&ledger),
        [
            ("FA58", "invoice", 123_456, None),
            ("AV59", "credit_note", 12_000, None),
            ("FA60", "invoice", 92_000, None)
        ]
    );
    assert_eq!(ledger.encoding, Encoding::Windows1252);
    assert_eq!(ledger.items[0].account_name, "EXEMPLE ŒUVRES – ÉTÉ");
    assert_eq!(ledger.items[0].reference.as_deref(), Some("Prix 5 € l’unité"));
    assert_eq!(ledger.items[2].currency, Currency::EUR);
    assert_eq!(ledger.items[2].foreign, Some(Money::new(100_000, Currency::parse("USD").unwrap())));
}

#[test]
fn sample_opening_entries_padded_amounts_and_no_final_newline() {
    let bytes = sample!("opening-entries.txt");
    let ledger = read(bytes, &options()).unwrap();
    assert_eq!((ledger.debit_minor, ledger.receivable_balance_minor), (219_440, 141_440));
    assert_eq!(balances(&ledger), [("00012", 134_000), ("00031", 15_440), ("00044", -8_000)]);
    assert_eq!(
        seen(&ledger),
        [
            ("OUVERTURE/2026", "invoice", 120_000, None),
            ("OUVERTURE/2026", "receipt", 8_000, None),
            ("INV/2026/00001", "invoice", 14_000, Some(PIECE_REF)),
            ("CDE 9", "invoice", 15_440, None),
        ]
    );
    let origins: Vec<_> = ledger.items.iter().map(|i| i.origin).collect();
    assert_eq!(origins, [Origin::Opening, Origin::Opening, Origin::Ledger, Origin::Ledger]);
    assert!(ledger.items.iter().all(|i| i.foreign.is_none()), "Idevise EUR is the bookkeeping currency");

    let skip = Options { opening: Opening::SkipOpeningEntries, ..options() };
    let ledger = read(bytes, &skip).unwrap();
    assert_eq!((ledger.receivable_balance_minor, ledger.skipped_opening_minor), (141_440, 112_000));
    assert_eq!(balances(&ledger), [("00012", 14_000), ("00031", 15_440)]);
}

#[test]
fn sample_partial_lettering() {
    let ledger = read(sample!("partial-lettering.txt"), &options()).unwrap();
    assert_eq!((ledger.debit_minor, ledger.receivable_balance_minor), (182_500, 21_500));
    assert_eq!(balances(&ledger), [("P1", 15_000), ("P2", 8_000), ("P3", -1_500)]);
    assert_eq!(
        seen(&ledger),
        [
            ("F2", "invoice", 15_000, Some(PARTIAL_LETTERING)),
            ("F4", "invoice", 8_000, None),
            ("F5", "invoice", 8_000, None),
            ("V4", "receipt", 8_000, None), // two invoices of 80.00: nothing says which one
            ("V5", "receipt", 1_500, None), // AB of P3 is not AB of P2; the letter leaves no choice
        ]
    );
}

#[test]
fn sample_trap_identifiers_survive() {
    let ledger = read(sample!("trap-identifiers.txt"), &options()).unwrap();
    assert_eq!((ledger.debit_minor, ledger.receivable_balance_minor), (35_000, 35_000));
    assert_eq!(
        balances(&ledger),
        [
            ("00012", 1_000),
            ("007", 6_000),
            ("1E5", 2_000),
            ("41100000", 5_000),
            ("7", 14_000),
            ("ATELIER", 7_000)
        ]
    );
    let numbers: Vec<_> = ledger.items.iter().map(|i| i.number.as_str()).collect();
    assert_eq!(numbers, ["000123", "2E3", "9", "FA4", "FA5", "FA6", "FA7", "FA7"]);
    assert_eq!(ledger.items[5].account_name, "EXEMPLE \"GUILLEMETS\"");
    assert_eq!(ledger.items[5].reference.as_deref(), Some("Tube 12\" acier"));
    assert_eq!(ledger.items[3].issued, date("20260304"), "a PieceDate of zeros is blank");
    assert_eq!(ledger.items[7].external_id, format!("{}#2", ledger.items[6].external_id));
    assert!(ledger.items[0].external_id.starts_with("VE:00007:20260301:"));
}

// -- what the file looks like

#[test]
fn separators_line_ends_boms_and_header_case_do_not_matter() {
    let plain = text(&[sale("1", "20260105", "C1", 12_345), receipt("2", "20260110", "C1", 2_345)]);
    let want = read(plain.as_bytes(), &options()).unwrap().items;
    assert_eq!(want.len(), 2);
    for other in [
        plain.replace('\t', "|"),
        plain.replace('\t', ";"),
        plain.replace("\r\n", "\n"),
        plain.trim_end().to_owned() + "\t\t", // the final newline and not the final blank cells
        format!("\u{feff}{plain}"),
        plain.replace("JournalCode", "JOURNALCODE").replace("Debit", "débit"),
        plain.replace("Idevise\r\n", "Idevise\t\r\n"), // a separator too many in the header only
        plain.replace("\r\n", "\t\t\r\n"),
        format!("{plain}\r\n\u{1a}"),
        plain.replace(",45", ".45").replace(",00", ""),
        plain.replace("123,45", " 000000000000123,45"),
        plain.replace("Idevise", "Idevise\tCodeEtablissement").replace("20261231\t\t", "20261231\t\t\tE1"),
    ] {
        assert_eq!(read(other.as_bytes(), &options()).unwrap().items, want, "{other}");
    }
}

#[test]
fn the_encoding_is_found_and_said() {
    let with = |bytes: &[u8]| {
        let mut file = text(&[sale("1", "20260105", "C1", 100)]).replace("Libellé", "@@").into_bytes();
        let at = file.windows(2).position(|w| w == b"@@").unwrap();
        file.splice(at..at + 2, bytes.iter().copied());
        let ledger = read(&file, &options()).unwrap();
        (ledger.encoding.as_str(), ledger.items[0].reference.clone().unwrap())
    };
    assert_eq!(with("été €".as_bytes()), ("UTF-8", "été €".to_owned()));
    assert_eq!(with(b"\xe9t\xe9 \xa4 \xbd"), ("ISO-8859-15", "été € œ".to_owned()));
    assert_eq!(with(b"\xe9t\xe9 \x80 \x9c"), ("windows-1252", "été € œ".to_owned()));
}

#[test]
fn sides_are_letters_or_signs() {
    let file = |debit: &str, credit: &str| {
        format!(
            "{}\nVE\t\t1\t20260105\t411\t\tC1\t\tF1\t\t\t12,00\t{debit}\t\t\t\t\t\nVE\t\t1\t20260105\t701\t\t\t\tF1\t\t\t12,00\t{credit}\t\t\t\t\t\n",
            HEADER.replace("Debit", "Montant").replace("Credit", "Sens")
        )
    };
    for (debit, credit) in [("D", "C"), ("d", "c"), ("+1", "-1"), ("1", "-1")] {
        let ledger = read(file(debit, credit).as_bytes(), &options()).unwrap();
        assert_eq!((ledger.debit_minor, ledger.receivable_balance_minor), (1_200, 1_200), "{debit}");
    }
    assert_eq!(refused(file("D", "X").as_bytes()), Error::Sense { line: 3, found: "X".into() });
}

#[test]
fn a_separator_or_a_line_break_inside_a_label_is_mended() {
    let plain = text(&[sale("1", "20260105", "C1", 12_345)]);
    for (from, to) in [("Libellé", "Lib\tellé"), ("Libellé", "A\tB\tC"), ("Libellé", "Lib\r\nellé")] {
        let broken = plain.replacen(from, to, 1);
        let ledger = read(broken.as_bytes(), &options()).unwrap();
        assert_eq!(balances(&ledger), [("C1", 12_345)], "{to:?}");
    }
}

#[test]
fn a_row_that_has_no_single_reading_refuses_the_file() {
    let plain = text(&[sale("1", "20260105", "C1", 12_345)]);
    // Is it the name "EXEMPLE C1" of C1, or the account "Compte C1" of EXEMPLE?
    let broken = plain.replacen("EXEMPLE C1", "EXEMPLE\tC1", 1);
    assert_eq!(refused(broken.as_bytes()), Error::Width { line: 2, found: 19, expected: 18 });
    let split = plain.replacen("\t123,45\t", "\t123\t45\t", 1);
    assert!(matches!(refused(split.as_bytes()), Error::Unbalanced { .. }));
    let joined = plain.replacen("Libellé", "Lib\r\nellé", 1).replacen("\t20261231\t\t", "", 1);
    assert!(
        matches!(refused(joined.as_bytes()), Error::Width { line: 2, found: 11, .. }),
        "joined, yet not whole"
    );
    let lost =
        plain.replacen("\t411000\tCompte\tC1\tEXEMPLE C1\t", "\t", 1).replacen("\t20261231\t\t", "", 1);
    assert!(matches!(refused(lost.as_bytes()), Error::Width { line: 2, .. }), "never joined to the next row");
}

#[test]
fn what_is_no_fec_is_refused_by_name() {
    assert_eq!(refused(b" \r\n"), Error::Empty);
    assert_eq!(refused(b"\xff\xfeJ\0"), Error::Utf16);
    let Error::NoHeader { found } = refused(b"Code;Nom;Solde\n1;EXEMPLE;12,00\n") else { panic!() };
    assert_eq!(found, "Code;Nom;Solde");
    let commas = text(&[sale("1", "20260105", "C1", 100)]).replace('\t', ",");
    assert_eq!(refused(commas.as_bytes()), Error::CommaSeparated);
    let lacking = text(&[]).replace("PieceRef\t", "").replace("Credit\t", "");
    assert_eq!(
        refused(lacking.as_bytes()),
        Error::MissingColumns { names: "PieceRef, Debit and Credit, or Montant and Sens".into() }
    );
    let twice = text(&[]).replace("JournalLib", "PieceRef");
    assert_eq!(refused(twice.as_bytes()), Error::ColumnTwice { name: "PieceRef" });
    assert_eq!(refused(text(&[]).as_bytes()), Error::NoEntries);
    assert!(looks_like_fec(commas.as_bytes()) && looks_like_fec(sample!("trap-identifiers.txt")));
    assert!(!looks_like_fec(b"Code;Nom;Solde\n") && !looks_like_fec(b"") && !looks_like_fec(b"PK\x03\x04"));
}

// -- what proves it whole

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = text(&[sale("1", "20260105", "C1", 12_345), receipt("2", "20260110", "C1", 2_345)]);
    let rows: Vec<usize> = whole.match_indices("\r\n").map(|(at, _)| at).collect();
    // The end of an entry is the one place where a cut leaves a ledger that balances: nothing in a FEC tells it from a shorter year.
    let ends_of_entries = rows[2]..=rows[2] + 2;
    for cut in HEADER.len() + 3..whole.len() {
        let Some(part) = whole.get(..cut) else { continue }; // inside a letter of several bytes
        let read = read(part.as_bytes(), &options());
        if cut < rows[4] && !ends_of_entries.contains(&cut) {
            assert!(read.is_err(), "cut at {cut}: {part}");
        }
    }
    let cut = &whole[..whole.len() - 30];
    assert!(matches!(refused(cut.as_bytes()), Error::CutShort { line: 5, .. }));
}

#[test]
fn debits_must_be_credits() {
    let mut entries = vec![sale("1", "20260105", "C1", 12_345)];
    entries[0].push(row("VE", "1", "20260105", "411000", "C1", 1));
    let error = refused(text(&entries).as_bytes());
    assert_eq!(
        error.to_string(),
        "truncated or damaged file: debit 123.46 EUR, credit 123.45 EUR; a complete ledger balances, export it again"
    );
}

#[test]
fn a_row_with_an_impossible_date_is_set_apart_and_still_balances() {
    let bad = first(sale("2", "20260230", "C2", 500), |r| r);
    let bad_piece = first(sale("3", "20260110", "C2", 700), |r| R { piece_date: "10/01/2026".into(), ..r });
    let ledger = ledger(&[sale("1", "20260105", "C1", 100), bad, bad_piece]);
    let rejected: Vec<_> =
        ledger.rejected.iter().map(|r| (r.line, r.reason.as_str(), r.receivable_minor)).collect();
    assert_eq!(
        rejected,
        [
            (4, "EcritureDate \"20260230\" is not a day written AAAAMMJJ", 500),
            (5, "EcritureDate \"20260230\" is not a day written AAAAMMJJ", 0),
            (6, "PieceDate \"10/01/2026\" is not a day written AAAAMMJJ", 700),
        ]
    );
    assert!(ledger.rejected[2].payload.contains("EXEMPLE C2"));
    assert_eq!((ledger.receivable_balance_minor, ledger.rejected_receivable_minor), (1_300, 1_200));
    assert_eq!(balances(&ledger), [("C1", 100)]);
    let all = text(&[sale("2", "20261301", "C2", 500)]);
    assert!(matches!(refused(all.as_bytes()), Error::NothingUsable { line: 2, .. }));
}

#[test]
fn an_amount_that_cannot_be_read_refuses_the_file() {
    for bad in ["1E5", "12,345", "1,2,3", "douze"] {
        let file = text(&[sale("1", "20260105", "C1", 100)]).replacen("1,00", bad, 1);
        assert!(matches!(refused(file.as_bytes()), Error::Amount { line: 2, column: "Debit", .. }), "{bad}");
    }
    let huge = text(&[sale("1", "20260105", "C1", 100)]).replace("1,00", "92233720368547758,07");
    let twice = huge.clone() + &huge.replace(HEADER, "");
    assert!(matches!(refused(twice.as_bytes()), Error::TooLarge { line: 5 }));
}

#[test]
fn an_entry_that_does_not_balance_is_named() {
    let ledger = ledger(&[
        vec![row("OD", "7", "20260105", "411000", "C1", 101), row("OD", "7", "20260105", "701000", "", -100)],
        vec![row("OD", "8", "20260105", "401000", "", 100), row("OD", "8", "20260105", "701000", "", -101)],
        sale("1", "20260105", "C1", 100),
    ]);
    assert_eq!(ledger.unbalanced_count, 2);
    let said: Vec<_> = ledger.unbalanced.iter().map(|e| e.describe(Currency::EUR)).collect();
    assert_eq!(
        said,
        [
            "line 2: entry 7 of journal OD is off by 0.01 EUR",
            "line 4: entry 8 of journal OD is off by -0.01 EUR"
        ]
    );
}

#[test]
fn an_entry_whose_rows_lie_apart_is_one_entry() {
    let (one, two) = (sale("1", "20260105", "C1", 100), receipt("2", "20260106", "C2", 40));
    let mixed = vec![vec![one[0].clone(), two[0].clone(), one[1].clone(), two[1].clone()]];
    let ledger = ledger(&mixed);
    assert_eq!(ledger.unbalanced_count, 0);
    assert_eq!(seen(&ledger), [("VE1", "invoice", 100, None), ("BQ2", "receipt", 40, None)]);
}

#[test]
fn options_that_would_read_nonsense_are_refused() {
    let blank = Options { receivable_prefixes: vec![" ".into()], ..options() };
    assert_eq!(read(b"", &blank).unwrap_err(), Error::Prefixes);
    let terms = Options { terms_days: BTreeMap::from([("C1".to_owned(), -1)]), ..options() };
    assert_eq!(read(b"", &terms).unwrap_err(), Error::Terms { customer: "C1".into(), days: -1 });
}

// -- whose it is and what it is

#[test]
fn only_receivable_accounts_count_and_prefixes_are_configuration() {
    let entry = |account: &str| {
        vec![
            row("OD", account, "20260105", account, "C1", 100),
            row("OD", account, "20260105", "701000", "", -100),
        ]
    };
    let all = [
        entry("411000"),
        entry("413000"),
        entry("416000"),
        entry("401000"),
        entry("418100"),
        entry("512000"),
    ];
    assert_eq!(ledger(&all).receivable_balance_minor, 300);
    let wide = Options { receivable_prefixes: vec!["41".into()], ..options() };
    assert_eq!(read(text(&all).as_bytes(), &wide).unwrap().receivable_balance_minor, 400);
}

#[test]
fn a_bare_line_of_a_shared_account_is_no_customer_by_suffix() {
    let bare =
        |account: &str| first(sale(account, "20260105", "", 100), |r| R { account: account.into(), ..r });
    let ledger = ledger(&[
        bare("411DUPONT"),
        bare("4117"),
        bare("41100012"),
        bare("4110DIV"),
        first(sale("9", "20260105", "C1", 100), |r| R { account: "4110DIV".into(), ..r }),
    ]);
    let customers: Vec<_> = ledger.balances.keys().map(String::as_str).collect();
    assert_eq!(customers, ["00012", "4110DIV", "4117", "C1", "DUPONT"]);
}

#[test]
fn the_counterpart_of_a_credit_says_what_it_is() {
    let credit = |journal, contra: &[(&str, i64)]| {
        let mut rows = vec![row(journal, "1", "20260105", "411000", "C1", -100)];
        rows.extend(contra.iter().map(|(account, cents)| row(journal, "1", "20260105", account, "", *cents)));
        ledger(&[rows]).items[0].kind
    };
    assert_eq!(credit("BQ", &[("512000", 100)]), ItemKind::Receipt);
    assert_eq!(credit("BQ", &[("512000", 98), ("627000", 2)]), ItemKind::Receipt, "bank charges");
    assert_eq!(credit("CA", &[("530000", 100)]), ItemKind::Receipt);
    assert_eq!(credit("VE", &[("701000", 80), ("445710", 20)]), ItemKind::CreditNote);
    assert_eq!(credit("OD", &[("654000", 100)]), ItemKind::CreditNote, "a written-off debt brings no money");
    assert_eq!(credit("OD", &[("401000", 100)]), ItemKind::Receipt, "set-off");
    assert_eq!(credit("OD", &[("419100", 100)]), ItemKind::Receipt, "advance");
    assert_eq!(credit("AN", &[("120000", 100)]), ItemKind::Receipt);
}

#[test]
fn lines_numbered_as_entries_take_their_kind_from_the_journal() {
    let apart = |rows: Vec<R>, from: usize| {
        rows.into_iter().zip(from..).map(|(r, n)| r.entry(&n.to_string())).collect::<Vec<_>>()
    };
    let credit_note = first(sale("", "20260108", "C2", -100), |r| r);
    let ledger = ledger(&[
        apart(sale("", "20260105", "C1", 500), 1),
        apart(receipt("", "20260107", "C1", 100), 3),
        apart(credit_note, 5),
    ]);
    let kinds: Vec<_> = ledger.items.iter().map(|i| i.kind).collect();
    assert_eq!(kinds, [ItemKind::Invoice, ItemKind::Receipt, ItemKind::CreditNote]);
    assert_eq!(ledger.unbalanced_count, 6);
}

#[test]
fn due_dates_come_from_terms_and_a_receipt_has_its_own_date() {
    let late_piece = |rows: Vec<R>| first(rows, |r| R { piece_date: "20260101".into(), ..r });
    let entries = [
        late_piece(sale("1", "20260105", "C1", 100)),
        late_piece(sale("2", "20260105", "C2", 100)),
        late_piece(receipt("3", "20260110", "C3", 50)),
        first(sale("4", "20260105", "C1", 70), |r| R { piece_date: String::new(), ..r }),
    ];
    let own = Options { terms_days: BTreeMap::from([("C2".to_owned(), 60)]), ..options() };
    let ledger = read(text(&entries).as_bytes(), &own).unwrap();
    let dates: Vec<_> = ledger.items.iter().map(|i| (i.issued, i.due)).collect();
    let want = [
        ("20260101", "20260131"),
        ("20260101", "20260302"),
        ("20260110", "20260110"),
        ("20260105", "20260204"),
    ];
    assert_eq!(dates, want.map(|(issued, due)| (date(issued), date(due))));
}

#[test]
fn a_piece_without_reference_takes_the_number_of_the_entry() {
    for blank in ["", "-", " - ", "--"] {
        let ledger = ledger(&[first(sale("INV/9", "20260105", "C1", 100), |r| r.piece(blank))]);
        assert_eq!(ledger.items[0].number, "INV/9", "{blank:?}");
    }
}

#[test]
fn an_opening_journal_is_known_by_code_or_name() {
    for (journal, name, origin) in [
        ("AN", "", Origin::Opening),
        ("ran", "", Origin::Opening),
        ("99", "Report à-nouveaux", Origin::Opening),
        ("99", "OUVERTURE", Origin::Opening),
        ("99", "Nouveau magasin", Origin::Ledger),
    ] {
        let entry = sale("1", "20260101", "C1", 100).into_iter().map(|r| R { journal, name, ..r }).collect();
        assert_eq!(ledger(&[entry]).items[0].origin, origin, "{journal} {name}");
    }
}

#[test]
fn foreign_items_stay_in_the_bookkeeping_currency() {
    let in_dollars = |foreign| first(sale("1", "20260105", "C1", 920), move |r| R { foreign, ..r });
    for (foreign, want) in [
        (("-10,00", "USD"), Some(Money::new(1_000, Currency::parse("USD").unwrap()))),
        (("1500", "JPY"), Some(Money::new(1_500, Currency::parse("JPY").unwrap()))),
        (("9,20", "EUR"), None),
        (("dix", "USD"), None),
        (("10,00", "XXZ"), None),
    ] {
        let ledger = ledger(&[in_dollars(foreign)]);
        let item = &ledger.items[0];
        assert_eq!((item.currency, item.open_minor, item.foreign), (Currency::EUR, 920, want), "{foreign:?}");
    }
}

// -- what settles what

#[test]
fn letters_close_what_sums_to_nothing_and_never_across_accounts() {
    let on = |account: &str, rows: Vec<R>| first(rows, |r| R { account: account.into(), ..r }.letter("A"));
    let closed =
        [on("411000", sale("1", "20260105", "C1", 100)), on("411000", receipt("2", "20260110", "C1", 100))];
    assert!(ledger(&closed).items.is_empty() && ledger(&closed).pairings.is_empty());
    let other_account = [closed[0].clone(), on("416000", receipt("2", "20260110", "C1", 100))];
    assert_eq!(ledger(&other_account).items.len(), 2);
    let other_customer = [closed[0].clone(), on("411000", receipt("2", "20260110", "C2", 100))];
    assert_eq!(ledger(&other_customer).items.len(), 2);
    let other_case = [closed[0].clone(), first(receipt("2", "20260110", "C1", 90), |r| r.letter("a"))];
    assert_eq!(ledger(&other_case).items.len(), 2);
}

#[test]
fn an_exchange_difference_closes_its_letter() {
    let difference = vec![
        row("OD", "3", "20260131", "411000", "C1", -20).letter("B"),
        row("OD", "3", "20260131", "666000", "", 20),
    ];
    let ledger = ledger(&[
        first(sale("1", "20260105", "C1", 920), |r| r.letter("B")),
        first(receipt("2", "20260131", "C1", 900), |r| r.letter("B")),
        difference,
    ]);
    assert_eq!((ledger.items.len(), ledger.settled_count), (0, 3));
}

#[test]
fn a_letter_with_one_invoice_is_no_inference() {
    let ledger = ledger(&[
        first(sale("1", "20260105", "C1", 100), |r| r.letter("a")),
        first(receipt("2", "20260110", "C1", 30), |r| r.letter("a")),
        first(receipt("3", "20260111", "C1", 20), |r| r.letter("a")),
    ]);
    assert_eq!(seen(&ledger), [("VE1", "invoice", 50, None)]);
    assert!(ledger.pairings.iter().all(|p| p.how == LETTERING && p.to == ledger.items[0].external_id));
}

#[test]
fn a_partial_letter_prefers_the_invoice_it_names() {
    let ledger = ledger(&[
        first(sale("1", "20260105", "C1", 100), |r| r.letter("a")),
        first(sale("2", "20260106", "C1", 200), |r| r.letter("a")),
        first(receipt("3", "20260110", "C1", 150), |r| r.letter("a").piece("VE2")),
    ]);
    assert_eq!(
        seen(&ledger),
        [("VE1", "invoice", 100, None), ("VE2", "invoice", 50, Some(PARTIAL_LETTERING))]
    );
}

#[test]
fn an_equal_reference_pairs_unless_it_is_a_habit_or_ambiguous() {
    let paid = |piece: &str| first(receipt("9", "20260110", "C1", 30), |r| r.piece(piece));
    let one = [sale("1", "20260105", "C1", 100), paid("VE1")];
    assert_eq!(seen(&ledger(&one)), [("VE1", "invoice", 70, Some(PIECE_REF))]);
    let pairing = &ledger(&one).pairings[0];
    assert_eq!((pairing.amount_minor, pairing.how), (30, PIECE_REF));

    let habit = |rows| first(rows, |r: R| r.piece("FACT"));
    let shared =
        [habit(sale("1", "20260105", "C1", 100)), habit(sale("2", "20260105", "C2", 100)), paid("FACT")];
    assert_eq!(ledger(&shared).items.len(), 3, "FACT stands on invoices of two customers");
    let contract =
        [habit(sale("1", "20260105", "C1", 100)), habit(sale("2", "20260106", "C1", 100)), paid("FACT")];
    assert_eq!(ledger(&contract).items.len(), 3, "FACT stands on two invoices of the customer");
}

#[test]
fn a_credit_note_on_the_invoice_it_names_lowers_it() {
    let note = first(sale("2", "20260110", "C1", -30), |r| r.piece("VE1"));
    assert_eq!(
        seen(&ledger(&[sale("1", "20260105", "C1", 100), note])),
        [("VE1", "invoice", 70, Some(PIECE_REF))]
    );
}

#[test]
fn an_exact_amount_pairs_one_single_older_invoice() {
    let one = [
        sale("1", "20260105", "C1", 100),
        sale("2", "20260106", "C1", 70),
        receipt("9", "20260110", "C1", 100),
    ];
    let read = ledger(&one);
    assert_eq!(seen(&read), [("VE2", "invoice", 70, None)]);
    assert_eq!(read.pairings[0].how, EXACT_AMOUNT);
    let younger = [sale("1", "20260111", "C1", 100), receipt("9", "20260110", "C1", 100)];
    assert_eq!(ledger(&younger).items.len(), 2);
    let note = [sale("1", "20260105", "C1", 100), sale("2", "20260110", "C1", -100)];
    assert_eq!(ledger(&note).items.len(), 2, "a credit note is tied by its reference only");
    let other = [sale("1", "20260105", "C1", 100), receipt("9", "20260110", "C2", 100)];
    assert_eq!(ledger(&other).items.len(), 2);
}

// -- properties

/// What a customer does: a sale, maybe paid, maybe lettered.
#[derive(Debug, Clone)]
struct Deal {
    customer: u8,
    cents: i64,
    paid: i64,
    lettered: bool,
    day: u32,
    credit_note: bool,
}

fn deal() -> impl Strategy<Value = Deal> {
    let paid = prop_oneof![Just(0_i64), Just(100), 1_i64..=100];
    (0_u8..4, 1_i64..500, paid, any::<bool>(), 1_u32..=28, prop::bool::weighted(0.1)).prop_map(
        |(customer, cents, paid, lettered, day, credit_note)| {
            let cents = cents * 100; // so that percentages are whole cents
            Deal { customer, cents, paid: cents * paid / 100, lettered, day, credit_note }
        },
    )
}

fn entries_of(deals: &[Deal], start: usize) -> Vec<Vec<R>> {
    let mut entries = Vec::new();
    for (deal, n) in deals.iter().zip(start..) {
        let (customer, day) = (format!("C{}", deal.customer), format!("202601{:02}", deal.day));
        let letter = if deal.lettered { format!("L{n}") } else { String::new() };
        let sign = if deal.credit_note { -1 } else { 1 };
        entries.push(first(sale(&n.to_string(), &day, &customer, sign * deal.cents), |r| r.letter(&letter)));
        if deal.paid > 0 && !deal.credit_note {
            let paid = receipt(&n.to_string(), "20260201", &customer, deal.paid);
            entries.push(first(paid, |r| r.letter(&letter)));
        }
    }
    entries
}

fn ids(ledger: &Ledger) -> Vec<(u64, String)> {
    ledger.items.iter().map(|i| (i.line, i.external_id.clone())).collect()
}

/// Every receivable line's id: with one customer per line, no letters and no receipts of equal amounts, all stay open.
fn all_ids(entries: &[Vec<R>]) -> Vec<String> {
    let bare: Vec<Vec<R>> =
        entries.iter().map(|e| e.iter().map(|r| r.clone().letter("")).collect()).collect();
    let ledger = ledger(&bare);
    let ties = ledger.pairings.iter().flat_map(|p| [p.from.clone(), p.to.clone()]);
    let mut all: Vec<_> = ledger.items.iter().map(|i| i.external_id.clone()).chain(ties).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len() as u64, ledger.receivable_count, "every line has an id of its own");
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_open_is_the_balance(deals in prop::collection::vec(deal(), 1..40)) {
        let entries = entries_of(&deals, 1);
        let read = ledger(&entries);
        let mut want: BTreeMap<String, i64> = BTreeMap::new();
        for row in entries.iter().flatten().filter(|row| row.account.starts_with("411")) {
            *want.entry(row.auxiliary.clone()).or_default() += row.cents;
        }
        prop_assert_eq!(&read.balances, &want);
        let mut open: BTreeMap<String, i64> = want.keys().map(|customer| (customer.clone(), 0)).collect();
        for item in &read.items {
            prop_assert!(item.open_minor > 0 && item.open_minor <= item.total_minor);
            *open.entry(item.account.clone()).or_default() += item.kind.sign() * item.open_minor;
        }
        prop_assert_eq!(&open, &want);
        prop_assert_eq!(read.receivable_balance_minor, want.values().sum::<i64>());
    }

    #[test]
    fn lettered_pairs_are_closed(deals in prop::collection::vec(deal(), 1..30)) {
        let paid: Vec<_> = deals.into_iter().map(|d| Deal { paid: d.cents, lettered: true, credit_note: false, ..d }).collect();
        let read = ledger(&entries_of(&paid, 1));
        prop_assert!(read.items.is_empty());
        prop_assert_eq!(read.settled_count, 2 * paid.len() as u64);
    }

    #[test]
    fn ids_survive_a_second_reading_lettering_later_entries_and_another_order(
        deals in prop::collection::vec(deal(), 1..20),
        later in prop::collection::vec(deal(), 1..10),
    ) {
        let entries = entries_of(&deals, 1);
        prop_assert_eq!(ids(&ledger(&entries)), ids(&ledger(&entries)));
        let before = all_ids(&entries);
        let mut more = entries.clone();
        more.extend(entries_of(&later, 1000));
        let after = all_ids(&more);
        prop_assert!(before.iter().all(|id| after.contains(id)));
        more.reverse();
        prop_assert_eq!(&all_ids(&more), &after);
        for (_, id) in ids(&ledger(&entries)) {
            prop_assert!(before.contains(&id), "lettering changed {}", id);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut file = text(&[sale("1", "20260105", "C1", 100)]).into_bytes();
        file.extend_from_slice(&bytes);
        let _ = read(&file, &options());
        let _ = (read(&bytes, &options()), looks_like_fec(&bytes));
    }
}
