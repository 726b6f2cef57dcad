//! Writes a batch of 100 000 documents in the layouts of factors, document by document, and says how much memory that took.
//!
//! `cargo bench --bench assignment`; ENCOURS_BENCH_ROWS sets the number of documents (100 000). Nothing is written to a disk.
#![allow(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::disallowed_methods,
    reason = "a benchmark measures wall time and stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Instant;

use encours::connector::load;
use encours::model::{
    AssignedBuyer, AssignedDocument, BatchHead, Currency, Date, DocumentKind, Identifier, Market, Scheme,
};

const BUYERS: usize = 5_000;

/// Counts bytes and keeps none.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn document(number: usize) -> AssignedDocument {
    let code = number % BUYERS;
    let kind = if number % 12 == 11 { DocumentKind::CreditNote } else { DocumentKind::Invoice };
    let issued = Date::from_ymd_opt(2026, 3, 1).unwrap();
    AssignedDocument {
        kind,
        number: format!("FAC/26/{number:06}"),
        buyer: AssignedBuyer {
            id: format!("account:erp:{code}"),
            code: format!("C{code:05}"),
            name: format!("Société Exemple {code}"),
            country: "FR".to_owned(),
            street: Some("1 rue de l’Église".to_owned()),
            postcode: Some("75001".to_owned()),
            town: Some("Paris".to_owned()),
            identifiers: Identifier::new(Scheme::Siret, "40483304800022").into_iter().collect(),
            factor_id: Some(format!("{code:07}")),
            market: Market::Domestic,
        },
        currency: Currency::EUR,
        amount_minor: i64::try_from(10_000 + number % 900_000).unwrap(),
        total_minor: None,
        tax_minor: Some(0),
        issued,
        due: issued + chrono::Days::new(30),
        credits: None,
        reference: None,
    }
}

/// The most memory that the process has had, in MB; nothing where the system does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
}

fn main() {
    let rows = std::env::var("ENCOURS_BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(100_000);
    let head = BatchHead {
        contract: "A-1".to_owned(),
        batch: 1,
        date: Date::from_ymd_opt(2026, 3, 31).unwrap(),
        currency: Currency::EUR,
        company: "Exemple Industrie SAS".to_owned(),
        statement_date: Date::from_ymd_opt(2026, 2, 28),
    };
    let settings: BTreeMap<String, String> = [
        ("client", "12345"),
        ("sender_domestic", "11111"),
        ("afc_domestic", "711"),
        ("seller", "123456"),
        ("version", "FH"),
        ("seller_siret", "40483304800022"),
        ("seller_country", "FR"),
        ("factor_name", "Exemple Affacturage"),
        ("seller_registration", "404833048"),
        ("invoice_indicator", "DBIT"),
        ("credit_note_indicator", "CRDT"),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .collect();
    for id in ["eurofactor", "bpce-factor", "factofrance-csv", "factor-files", "iso20022-assignment"] {
        let layout = load(id, None).unwrap().mappings.layout.unwrap();
        let before = peak();
        let start = Instant::now();
        let mut outline = layout.outline();
        for number in 0..rows {
            outline.add(&document(number)).unwrap();
        }
        let mut writer = layout.writer(&head, &settings, outline, |_| Ok(Counter(0))).unwrap();
        for number in 0..rows {
            writer.document(&document(number)).unwrap();
        }
        let written = writer.finish().unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let bytes: usize = written.files.iter().map(|file| file.out.0).sum();
        let memory = before
            .zip(peak())
            .map_or_else(String::new, |(before, after)| format!(", peak {before} → {after} MB"));
        println!("{id}: {rows} documents, {:.1} MB in {seconds:.2} s{memory}", bytes as f64 / 1e6);
    }
}
