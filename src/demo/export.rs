//! The files that the ERP of the demo writes each evening, with the habits of French exports.
//!
//! Semicolons, Windows-1252, CRLF, decimal commas, `DD/MM/YYYY`. Credit notes and receipts are negative, so that the
//! column `Reste dû` adds up to what buyers owe. Documents are keyed by `Pièce`, accounts by `Code client`.
//! The open items file is a snapshot: what is absent is settled; what was paid since the day before is shown once more
//! with `0,00`.

use std::collections::BTreeMap;

use chrono::Datelike as _;

use super::{Day, Demo};
use crate::model::{Account, Currency, Date, Identifier, Item, ItemKind, Scheme};

/// Header of `clients_AAAAMMJJ.csv`.
///
/// `Plafond` has no-break blanks between thousands and is empty where the ERP holds no limit; `Bloqué` is `O` or `N`.
pub const CLIENTS_HEADER: [&str; 9] = [
    "Code client",
    "Raison sociale",
    "SIREN",
    "TVA",
    "Pays",
    "Plafond",
    "Devise plafond",
    "Délai (jours)",
    "Bloqué",
];

/// Header of `encours_AAAAMMJJ.csv`.
///
/// `Type` is `Facture`, `Avoir` or `Règlement`; `Litige` is `O` or `N`; `Référence` is the buyer's order, the invoice
/// that a credit note is about, or the bank's words of a receipt.
pub const ITEMS_HEADER: [&str; 11] = [
    "Type",
    "Pièce",
    "Code client",
    "Raison sociale",
    "Date pièce",
    "Échéance",
    "Devise",
    "Montant",
    "Reste dû",
    "Litige",
    "Référence",
];

/// What is wrong with a row that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// 31 February.
    ImpossibleDate,
    /// An amount with three decimals in a currency that has two.
    TooManyDecimals,
    /// Currency `XXZ`.
    UnknownCurrency,
    /// The number of another row, with another amount. It comes after the good row.
    RepeatedNumber,
    /// An amount with the letter O in it.
    MalformedAmount,
    /// No account.
    MissingCustomer,
}

/// A row of the open items file that is to end in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// What is wrong.
    pub defect: Defect,
    /// `Pièce`.
    pub number: String,
    /// Currency and `Reste dû` in minor units, where both can be read.
    pub readable: Option<(Currency, i64)>,
    fields: [String; 11],
}

/// Rows and their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many rows.
    pub rows: usize,
    /// Σ `Reste dû`, signed, minor units.
    pub sum_minor: i64,
}

/// What a reader of the files of one day must find: computed from values, not from the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Rows of the clients file; all of them can be read.
    pub accounts: usize,
    /// Rows of the open items file, header apart.
    pub rows: usize,
    /// Rows that can be read.
    pub good: usize,
    /// Rows that end in quarantine.
    pub bad: usize,
    /// The good rows per currency; the sums are what buyers owe, net of credits.
    pub outstanding: BTreeMap<Currency, Totals>,
    /// The bad rows of which currency and `Reste dû` can be read.
    pub bad_readable: BTreeMap<Currency, Totals>,
    /// The bad rows of which they cannot.
    pub bad_unreadable: usize,
    /// Good rows with something open.
    pub open: usize,
    /// Good rows that were not there the day before (all of them on the first day).
    pub new: usize,
    /// Good rows that say `0,00`: paid in full since the day before.
    pub paid_in_full: usize,
    /// Good rows of which a part was paid since the day before.
    pub paid_in_part: usize,
    /// Rows of the day before that are gone.
    pub vanished: usize,
    /// Good rows in dispute.
    pub disputed: usize,
}

impl Demo {
    /// The files of one evening: name and bytes of the clients file, then of the open items file.
    #[must_use]
    pub fn export(&self, day: Day) -> Vec<(String, Vec<u8>)> {
        let stamp = self.date(day).format("%Y%m%d");
        let names: BTreeMap<&str, &str> =
            self.accounts.iter().map(|a| (a.code.as_str(), a.name.as_str())).collect();
        let mut rows: Vec<(bool, [String; 11])> =
            self.rows(day).map(|item| (false, item_fields(item, &names))).collect();
        rows.extend(self.bad_rows.iter().map(|row| (true, row.fields.clone())));
        // By account, then number; the good row comes before the bad one that repeats it.
        rows.sort_by(|(bad_a, a), (bad_b, b)| {
            let key = |f: &[String; 11]| f.get(2).cloned().zip(f.get(1).cloned());
            (key(a), bad_a).cmp(&(key(b), bad_b))
        });
        vec![
            (format!("clients_{stamp}.csv"), csv(&CLIENTS_HEADER, self.accounts.iter().map(account_fields))),
            (format!("encours_{stamp}.csv"), csv(&ITEMS_HEADER, rows.into_iter().map(|(_, fields)| fields))),
        ]
    }

    /// What must be found in the files of that day.
    #[must_use]
    pub fn expected(&self, day: Day) -> Expected {
        let mut outstanding: BTreeMap<Currency, Totals> = BTreeMap::new();
        for item in self.rows(day) {
            add(&mut outstanding, item.currency, item.kind.sign() * item.open_minor);
        }
        let mut bad_readable = BTreeMap::new();
        for (currency, minor) in self.bad_rows.iter().filter_map(|row| row.readable) {
            add(&mut bad_readable, currency, minor);
        }
        let good = self.rows(day).count();
        let bad = self.bad_rows.len();
        let readable: usize = bad_readable.values().map(|totals: &Totals| totals.rows).sum();
        let changes = self.changes();
        let since = |count: usize| match day {
            Day::First => 0,
            Day::Second => count,
        };
        Expected {
            accounts: self.accounts.len(),
            rows: good + bad,
            good,
            bad,
            outstanding,
            bad_readable,
            bad_unreadable: bad - readable,
            open: self.rows(day).filter(|item| item.open_minor > 0).count(),
            new: match day {
                Day::First => good,
                Day::Second => changes.new_invoices.len() + changes.new_credit_notes.len(),
            },
            paid_in_full: since(changes.paid_in_full.len()),
            paid_in_part: since(changes.paid_in_part.len()),
            vanished: since(changes.allocated_receipts.len()),
            disputed: self.rows(day).filter(|item| item.disputed).count(),
        }
    }

    /// The items that the snapshot of a day shows.
    fn rows(&self, day: Day) -> impl Iterator<Item = &Item> {
        let paid = match day {
            Day::First => &[][..],
            Day::Second => &self.changes().paid_in_full[..],
        };
        self.items(day).iter().filter(|item| item.open_minor > 0 || paid.contains(&item.number))
    }
}

fn add(totals: &mut BTreeMap<Currency, Totals>, currency: Currency, minor: i64) {
    let entry = totals.entry(currency).or_default();
    entry.rows += 1;
    entry.sum_minor += minor;
}

/// The rows that somebody spoilt, the same ones every evening until they are mended.
pub(super) fn bad_rows(
    accounts: &[Account],
    repeated: Option<&Item>,
    first_day: Date,
    rng: &mut super::rng::Rng,
) -> Vec<BadRow> {
    let names: BTreeMap<&str, &str> = accounts.iter().map(|a| (a.code.as_str(), a.name.as_str())).collect();
    let french: Vec<&Account> = accounts.iter().filter(|a| a.country == "FR").collect();
    let defects = [
        Defect::ImpossibleDate,
        Defect::TooManyDecimals,
        Defect::UnknownCurrency,
        Defect::RepeatedNumber,
        Defect::MalformedAmount,
        Defect::MissingCustomer,
    ];
    let row = |(number, defect): (i32, Defect)| {
        let account = rng.pick(&french)?;
        let issued =
            super::calendar::next_business_day(super::calendar::shift(first_day, -rng.between(20, 60)));
        let mut minor = rng.between(40_000, 900_000);
        if defect == Defect::RepeatedNumber {
            minor += repeated?.total_minor;
        }
        let mut item = Item {
            number: format!("FD{number:06}"),
            account: account.code.clone(),
            total_minor: minor,
            open_minor: minor,
            issued,
            due: super::calendar::shift(issued, account.terms_days.unwrap_or(45)),
            disputed: false,
            reference: None,
            currency: Currency::EUR,
            ..repeated?.clone()
        };
        if defect == Defect::RepeatedNumber {
            item.number.clone_from(&repeated?.number);
            item.account.clone_from(&repeated?.account);
        }
        let [kind, number, code, name, date, due, currency, total, open, dispute, reference] =
            item_fields(&item, &names);
        let mut readable = Some((Currency::EUR, minor));
        let mut fields =
            [kind, number.clone(), code, name, date, due, currency, total, open, dispute, reference];
        let mut spoil = |columns: &[usize], text: String| {
            for column in columns {
                if let Some(field) = fields.get_mut(*column) {
                    field.clone_from(&text);
                }
            }
        };
        match defect {
            Defect::ImpossibleDate => spoil(&[4], format!("31/02/{}", first_day.year())),
            Defect::TooManyDecimals => spoil(&[7, 8], format!("{},125", minor / 100)),
            Defect::UnknownCurrency => spoil(&[6], "XXZ".to_owned()),
            Defect::MalformedAmount => spoil(&[7, 8], format!("{}O0,00", minor / 10_000)),
            Defect::MissingCustomer => spoil(&[2, 3], String::new()),
            Defect::RepeatedNumber => {}
        }
        if matches!(defect, Defect::TooManyDecimals | Defect::UnknownCurrency | Defect::MalformedAmount) {
            readable = None;
        }
        Some(BadRow { defect, number, readable, fields })
    };
    (311..).zip(defects).filter_map(row).collect()
}

fn item_fields(item: &Item, names: &BTreeMap<&str, &str>) -> [String; 11] {
    let kind = match item.kind {
        ItemKind::Invoice => "Facture",
        ItemKind::CreditNote => "Avoir",
        ItemKind::Receipt => "Règlement",
    };
    let sign = item.kind.sign();
    [
        kind.to_owned(),
        item.number.clone(),
        item.account.clone(),
        names.get(item.account.as_str()).copied().unwrap_or_default().to_owned(),
        french_date(item.issued),
        french_date(item.due),
        item.currency.code().to_owned(),
        french_amount(sign * item.total_minor, ""),
        french_amount(sign * item.open_minor, ""),
        yes_no(item.disputed),
        item.reference.clone().unwrap_or_default(),
    ]
}

fn account_fields(account: &Account) -> [String; 9] {
    let number = |scheme: Scheme| {
        let found: Option<&Identifier> = account.identifiers.iter().find(|id| id.scheme == scheme);
        found.map(|id| id.value.clone()).unwrap_or_default()
    };
    let mut siren = number(Scheme::Siren);
    // Some people type SIRENs in groups of three.
    if account.code.ends_with('7') {
        siren = thousands(&siren, " ");
    }
    [
        account.code.clone(),
        account.name.clone(),
        siren,
        number(Scheme::Vat),
        account.country.clone(),
        account.limit_minor.map(|minor| french_amount(minor, "\u{a0}")).unwrap_or_default(),
        account.limit_currency.map(|currency| currency.code().to_owned()).unwrap_or_default(),
        account.terms_days.map(|days| days.to_string()).unwrap_or_default(),
        yes_no(account.blocked),
    ]
}

fn yes_no(value: bool) -> String {
    if value { "O" } else { "N" }.to_owned()
}

fn french_date(date: Date) -> String {
    date.format("%d/%m/%Y").to_string()
}

/// Writes an amount of a currency with two decimals, as all three of the demo have.
fn french_amount(minor: i64, between_thousands: &str) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let (whole, cents) = (minor.unsigned_abs() / 100, minor.unsigned_abs() % 100);
    format!("{sign}{},{cents:02}", thousands(&whole.to_string(), between_thousands))
}

fn thousands(digits: &str, between: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push_str(between);
        }
        text.push(digit);
    }
    text
}

/// Writes rows in Windows-1252, in quotes only where a field needs them.
fn csv<const N: usize>(header: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Vec<u8> {
    let mut text = header.join(";");
    text.push_str("\r\n");
    for row in rows {
        let fields: Vec<String> = row
            .into_iter()
            .map(|field| {
                if field.contains([';', '"', '\r', '\n']) {
                    format!("\"{}\"", field.replace('"', "\"\""))
                } else {
                    field
                }
            })
            .collect();
        text.push_str(&fields.join(";"));
        text.push_str("\r\n");
    }
    encoding_rs::WINDOWS_1252.encode(&text).0.into_owned()
}
