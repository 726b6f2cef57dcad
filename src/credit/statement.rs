//! An exposure statement: what an insurer is told of every buyer for one calendar month, line by line.
//!
//! The balance method states what each buyer owes at the end of the month, the turnover method what was invoiced to it
//! within the month. Invariant: the bytes of a statement depend on its values and on nothing else, so that it can be made
//! again later and compared. Reference: shared rules, "Exposure statements".

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Datelike as _, Months};

use super::{Error, add};
use crate::model::{Basis, Currency, Date, Instant, StatementMethod, render_minor};

/// A calendar month, written `2026-05`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Date);

impl Period {
    /// The month that a day is in.
    #[must_use]
    pub fn of(day: Date) -> Self {
        Self(day.with_day(1).unwrap_or(day))
    }

    /// Reads `2026-05`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let first: Date = format!("{text}-01").parse().ok()?;
        Some(Self(first)).filter(|period| period.to_string() == text)
    }

    /// Its first day.
    #[must_use]
    pub const fn first(self) -> Date {
        self.0
    }

    /// Its last day.
    #[must_use]
    pub fn last(self) -> Date {
        self.next().0.pred_opt().unwrap_or(self.0)
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add_months(Months::new(1)).unwrap_or(Date::MAX))
    }

    /// The months that begin on `from` or later and are over on `day`, oldest first.
    #[must_use]
    pub fn finished(from: Date, day: Date) -> Vec<Self> {
        let month = Self::of(from);
        let mut period = if month.0 == from { month } else { month.next() };
        let mut periods = Vec::new();
        while period.last() < day {
            periods.push(period);
            period = period.next();
        }
        periods
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

/// Whom a line may speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The insurer's id of the buyer; without one it cannot be stated.
    pub insurer_buyer_id: Option<String>,
    /// Its name.
    pub name: String,
    /// ISO 3166 alpha-2, or empty.
    pub country: String,
}

/// What a buyer owes or was invoiced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figure {
    /// The amount, minor units.
    pub minor: i64,
    /// How many documents are in it with their tax on the net basis, since they carry no tax figure.
    pub lacks_tax: i64,
}

/// One line of a statement, minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The legal buyer.
    pub buyer_id: String,
    /// Who it is.
    pub party: Party,
    /// What is stated.
    pub amount_minor: i64,
    /// How many documents are in it with their tax on the net basis, since they carry no tax figure.
    pub lacks_tax: i64,
    /// What was stated the last time; none when it never was.
    pub before_minor: Option<i64>,
}

impl Line {
    /// Whether it can be stated.
    #[must_use]
    pub const fn is_stated(&self) -> bool {
        self.party.insurer_buyer_id.is_some()
    }

    /// What has changed since the last statement.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn change_minor(&self) -> Result<i64, Error> {
        let before = self.before_minor.unwrap_or(0);
        self.amount_minor.checked_sub(before).ok_or(Error::Overflow { what: "changes of a statement" })
    }
}

/// What is stated of a figure: a credit balance is no exposure, while more credit notes than invoices are turnover below
/// zero.
#[must_use]
pub fn stated(method: StatementMethod, minor: i64) -> i64 {
    match method {
        StatementMethod::Balance => minor.max(0),
        StatementMethod::Turnover => minor,
    }
}

/// The lines of a statement, in the order of buyers.
///
/// `figures` is what each buyer owes or was invoiced, `before` what was last stated of it. A buyer that has nothing gets a
/// line of zero if something else was stated the last time, and else none.
#[must_use]
pub fn lines(
    method: StatementMethod,
    parties: &BTreeMap<String, Party>,
    figures: &BTreeMap<String, Figure>,
    before: &BTreeMap<String, i64>,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for (buyer_id, party) in parties {
        let Figure { minor, lacks_tax } = figures.get(buyer_id).copied().unwrap_or_default();
        let amount_minor = stated(method, minor);
        let before_minor = before.get(buyer_id).copied();
        let ends = before_minor.is_some_and(|minor| minor != 0) && party.insurer_buyer_id.is_some();
        if amount_minor != 0 || ends {
            let (buyer_id, party) = (buyer_id.clone(), party.clone());
            lines.push(Line { buyer_id, party, amount_minor, lacks_tax, before_minor });
        }
    }
    lines
}

/// What stands above the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// The company.
    pub company: &'a str,
    /// The connection of the insurer.
    pub connection: &'a str,
    /// Policy number.
    pub policy: &'a str,
    /// Balance or turnover.
    pub method: StatementMethod,
    /// The month.
    pub period: Period,
    /// Currency of every amount.
    pub currency: Currency,
    /// Whether tax is in them.
    pub basis: Basis,
    /// As what was known when it is made.
    pub known_at: Instant,
}

/// Sums of the lines that are stated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many lines.
    pub lines: u32,
    /// Sum of the amounts, minor units.
    pub amount_minor: i64,
    /// Sum of the changes, minor units.
    pub change_minor: i64,
    /// How many buyers are not stated, since the insurer's id of them is not known.
    pub not_stated: u32,
}

/// Adds up lines.
///
/// # Errors
/// [`Error::Overflow`].
pub fn totals(lines: &[Line]) -> Result<Totals, Error> {
    let mut totals = Totals::default();
    for line in lines {
        if line.is_stated() {
            totals.lines = totals.lines.saturating_add(1);
            add(&mut totals.amount_minor, line.amount_minor, "amounts of a statement")?;
            add(&mut totals.change_minor, line.change_minor()?, "changes of a statement")?;
        } else {
            totals.not_stated = totals.not_stated.saturating_add(1);
        }
    }
    Ok(totals)
}

/// A statement as a file: CSV in UTF-8 with commas, decimal points and line feeds; heads above, an empty line, the lines. On
/// the net basis it says so, and each line how many documents lack a tax figure.
///
/// # Errors
/// [`Error::Overflow`].
pub fn bytes(head: &Head<'_>, lines: &[Line]) -> Result<Vec<u8>, Error> {
    let totals = totals(lines)?;
    let amount = |minor| render_minor(minor, head.currency);
    let mut text = String::new();
    let mut row = |fields: &[&str]| {
        let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
        text.push_str(&fields.join(","));
        text.push('\n');
    };
    row(&["exposure statement", "1"]);
    row(&["company", head.company]);
    row(&["connection", head.connection]);
    row(&["policy", head.policy]);
    row(&["method", head.method.as_str()]);
    row(&["period", &head.period.to_string()]);
    row(&["as of", &head.period.last().to_string()]);
    row(&["known at", &head.known_at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()]);
    row(&["currency", head.currency.code()]);
    let is_net = head.basis == Basis::Net;
    if is_net {
        row(&["basis", head.basis.as_str()]);
    }
    row(&["lines", &totals.lines.to_string()]);
    row(&["total", &amount(totals.amount_minor)]);
    row(&["change", &amount(totals.change_minor)]);
    row(&["not stated", &totals.not_stated.to_string()]);
    row(&[]);
    let heads = ["buyer", "insurer id", "name", "country", "amount", "change", "without tax figure"];
    row(if is_net { &heads } else { heads.split_last().map_or(&heads, |(_, rest)| rest) });
    for line in lines {
        if let Some(id) = &line.party.insurer_buyer_id {
            let change = amount(line.change_minor()?);
            let party = &line.party;
            let (stated, lacks) = (amount(line.amount_minor), line.lacks_tax.to_string());
            let fields = [&line.buyer_id, id, &party.name, &party.country, &stated, &change, &lacks];
            let fields: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
            row(if is_net { &fields } else { fields.split_last().map_or(&fields, |(_, rest)| rest) });
        }
    }
    Ok(text.into_bytes())
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn party(id: Option<&str>, name: &str) -> Party {
        Party { insurer_buyer_id: id.map(str::to_owned), name: name.to_owned(), country: "FR".to_owned() }
    }

    fn parties() -> BTreeMap<String, Party> {
        [("a", Some("00031")), ("b", Some("32")), ("c", Some("33")), ("d", None)]
            .into_iter()
            .map(|(buyer, id)| (buyer.to_owned(), party(id, &format!("Exemple {buyer}"))))
            .collect()
    }

    fn map(figures: &[(&str, i64)]) -> BTreeMap<String, i64> {
        figures.iter().map(|(buyer, minor)| ((*buyer).to_owned(), *minor)).collect()
    }

    fn of(figures: &[(&str, i64)]) -> BTreeMap<String, Figure> {
        map(figures)
            .into_iter()
            .map(|(buyer, minor)| (buyer, Figure { minor, lacks_tax: i64::from(minor == 8_000) }))
            .collect()
    }

    fn told(lines: &[Line]) -> Vec<(&str, i64, i64)> {
        lines
            .iter()
            .map(|line| (line.buyer_id.as_str(), line.amount_minor, line.change_minor().unwrap()))
            .collect()
    }

    #[test]
    fn months_are_those_that_begin_on_the_first_day_or_later_and_are_over() {
        let finished = |from: &str, on: &str| -> Vec<String> {
            Period::finished(day(from), day(on)).iter().map(ToString::to_string).collect()
        };
        assert_eq!(finished("2026-11-01", "2027-02-01"), ["2026-11", "2026-12", "2027-01"]);
        assert_eq!(
            finished("2026-11-02", "2026-12-31"),
            Vec::<String>::new(),
            "December is not over on its last day"
        );
        assert_eq!(finished("2026-11-02", "2027-01-01"), ["2026-12"]);
        assert_eq!(finished("2027-01-01", "2026-01-01"), Vec::<String>::new());
        let leap = Period::parse("2028-02").unwrap();
        assert_eq!((leap.first(), leap.last()), (day("2028-02-01"), day("2028-02-29")));
        assert_eq!([Period::parse("2028-13"), Period::parse("2028-2"), Period::parse("")], [None; 3]);
    }

    #[test]
    fn a_balance_is_stated_with_its_change_and_a_credit_balance_as_nothing() {
        // Last month: a 100.00, b 50.00. Now a owes 80.00, b nothing, c has 10.00 to its credit, d owes 5.00 without an id.
        let before = map(&[("a", 10_000), ("b", 5_000)]);
        let now = of(&[("a", 8_000), ("c", -1_000), ("d", 500), ("stranger", 900)]);
        let lines = lines(StatementMethod::Balance, &parties(), &now, &before);
        assert_eq!(told(&lines), [("a", 8_000, -2_000), ("b", 0, -5_000), ("d", 500, 500)]);
        let totals = totals(&lines).unwrap();
        assert_eq!((totals.lines, totals.amount_minor, totals.change_minor), (2, 8_000, -7_000));
        assert_eq!(totals.not_stated, 1);
    }

    #[test]
    fn turnover_below_zero_is_stated_and_nothing_after_nothing_is_not() {
        let before = map(&[("a", 10_000), ("b", 0)]);
        let lines =
            lines(StatementMethod::Turnover, &parties(), &of(&[("a", 12_000), ("c", -1_000)]), &before);
        assert_eq!(told(&lines), [("a", 12_000, 2_000), ("c", -1_000, -1_000)]);
    }

    #[test]
    fn a_credit_balance_ends_what_was_stated_before() {
        let lines = lines(StatementMethod::Balance, &parties(), &of(&[("a", -1)]), &map(&[("a", 700)]));
        assert_eq!(told(&lines), [("a", 0, -700)]);
    }

    #[test]
    fn the_bytes_are_those_of_the_values() {
        let head = Head {
            company: "exemple",
            connection: "insurer",
            policy: "0042",
            method: StatementMethod::Balance,
            period: Period::parse("2026-05").unwrap(),
            currency: Currency::EUR,
            basis: Basis::Gross,
            known_at: "2026-06-01T04:05:06.007Z".parse().unwrap(),
        };
        let mut parties = parties();
        parties.insert("a".to_owned(), party(Some("00031"), "Exemple \"A\", fils"));
        let lines =
            lines(StatementMethod::Balance, &parties, &of(&[("a", 8_000), ("d", 1)]), &map(&[("a", 7_950)]));
        let made = bytes(&head, &lines).unwrap();
        let text = "exposure statement,1\ncompany,exemple\nconnection,insurer\npolicy,0042\nmethod,balance\nperiod,2026-05\n\
                    as of,2026-05-31\nknown at,2026-06-01T04:05:06.007Z\ncurrency,EUR\nlines,1\ntotal,80.00\nchange,0.50\n\
                    not stated,1\n\nbuyer,insurer id,name,country,amount,change\na,00031,\"Exemple \"\"A\"\", fils\",FR,80.00,0.50\n";
        assert_eq!(String::from_utf8(made.clone()).unwrap(), text);
        assert_eq!(made, bytes(&head, &lines).unwrap());
        let net = bytes(&Head { basis: Basis::Net, ..head }, &lines).unwrap();
        let with_basis = text
            .replace("currency,EUR\n", "currency,EUR\nbasis,net\n")
            .replace("amount,change\n", "amount,change,without tax figure\n")
            .replace("80.00,0.50\n", "80.00,0.50,1\n");
        assert_eq!(String::from_utf8(net).unwrap(), with_basis);
        let other = Head { policy: "0043", ..head };
        assert_ne!(made, bytes(&other, &lines).unwrap());
    }
}
