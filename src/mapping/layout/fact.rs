//! What a field can be made from, and the patterns of dates and file names.

use std::collections::BTreeMap;

use chrono::Datelike as _;

use super::error::LayoutError;
use crate::model::{BatchHead, Date, words};

words! {
    /// Something known of a batch, a document, its buyer or the file so far.
    Fact {
        /// The number of the contract.
        Contract = "contract",
        /// The number of the batch.
        Batch = "batch",
        /// The day of the batch.
        Date = "date",
        /// Its currency.
        Currency = "currency",
        /// The company that assigns.
        Company = "company",
        /// The day of the factor's last statement.
        StatementDate = "statement_date",
        /// `domestic` or `export`.
        Market = "market",
        /// `invoice`, `credit_note`, `payment` or `adjustment`.
        Kind = "kind",
        /// The number of the document.
        Number = "number",
        /// Its amount, without a sign.
        Amount = "amount",
        /// Its amount, negative for what lowers the debt.
        SignedAmount = "signed_amount",
        /// The whole document, tax included; of a payment, its invoice.
        Total = "total",
        /// The tax in it.
        Tax = "tax",
        /// The whole document without its tax.
        Net = "net",
        /// `+` or `-`: which way the amount counts.
        Sign = "sign",
        /// Date of the document.
        Issued = "issued",
        /// Due date.
        Due = "due",
        /// Number of the credited invoice.
        Credits = "credits",
        /// The buyer's reference.
        Reference = "reference",
        /// The customer code.
        BuyerCode = "buyer.code",
        /// Its name.
        BuyerName = "buyer.name",
        /// Its country, ISO 3166 alpha-2.
        BuyerCountry = "buyer.country",
        /// Street and number.
        BuyerStreet = "buyer.street",
        /// Postcode.
        BuyerPostcode = "buyer.postcode",
        /// Town.
        BuyerTown = "buyer.town",
        /// The factor's number of the buyer.
        BuyerFactorId = "buyer.factor_id",
        /// SIREN.
        BuyerSiren = "buyer.siren",
        /// SIRET.
        BuyerSiret = "buyer.siret",
        /// VAT number.
        BuyerVat = "buyer.vat",
        /// LEI.
        BuyerLei = "buyer.lei",
        /// Number in another register.
        BuyerRegistration = "buyer.registration",
        /// Its place among the buyers of the file, from 1, in the order of their first documents.
        BuyerPlace = "buyer.place",
        /// The number of this record in its file, from 1.
        Record = "record",
        /// How many buyers the file speaks of.
        Buyers = "buyers",
        /// How many documents the file has.
        Documents = "documents",
        /// How many of them are invoices.
        Invoices = "invoices",
        /// Their sum.
        InvoicesSum = "invoices_sum",
        /// How many are credit notes.
        CreditNotes = "credit_notes",
        /// Their sum, without a sign.
        CreditNotesSum = "credit_notes_sum",
        /// How many are payments.
        Payments = "payments",
        /// Their sum, without a sign.
        PaymentsSum = "payments_sum",
        /// How many are adjustments.
        Adjustments = "adjustments",
        /// Their sum, without a sign.
        AdjustmentsSum = "adjustments_sum",
        /// All amounts, none of them negative.
        AmountsSum = "amounts_sum",
        /// Invoices less everything that lowers them.
        Balance = "balance",
    }
}

/// What a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A number, a code or a word: never cut.
    Text,
    /// A name or an address, which may be cut where the factor's form says so.
    Name,
    /// An amount of minor units.
    Money,
    /// A date.
    Date,
    /// A whole number.
    Number,
}

/// What a fact is known of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Batch,
    Market,
    Buyer,
    Document,
    Record,
    /// The whole file.
    File,
}

impl Fact {
    pub(super) const fn of_type(self) -> Type {
        match self {
            Self::Company | Self::BuyerName | Self::BuyerStreet | Self::BuyerTown => Type::Name,
            Self::Amount
            | Self::SignedAmount
            | Self::Total
            | Self::Tax
            | Self::Net
            | Self::InvoicesSum
            | Self::CreditNotesSum
            | Self::PaymentsSum
            | Self::AdjustmentsSum
            | Self::AmountsSum
            | Self::Balance => Type::Money,
            Self::Date | Self::StatementDate | Self::Issued | Self::Due => Type::Date,
            Self::Batch
            | Self::Record
            | Self::BuyerPlace
            | Self::Buyers
            | Self::Documents
            | Self::Invoices
            | Self::CreditNotes
            | Self::Payments
            | Self::Adjustments => Type::Number,
            Self::Contract
            | Self::Currency
            | Self::Market
            | Self::Kind
            | Self::Number
            | Self::Sign
            | Self::Credits
            | Self::Reference
            | Self::BuyerCode
            | Self::BuyerCountry
            | Self::BuyerPostcode
            | Self::BuyerFactorId
            | Self::BuyerSiren
            | Self::BuyerSiret
            | Self::BuyerVat
            | Self::BuyerLei
            | Self::BuyerRegistration => Type::Text,
        }
    }

    pub(super) const fn of(self) -> Of {
        match self {
            Self::Contract
            | Self::Batch
            | Self::Date
            | Self::Currency
            | Self::Company
            | Self::StatementDate => Of::Batch,
            Self::Market => Of::Market,
            Self::Kind
            | Self::Number
            | Self::Amount
            | Self::SignedAmount
            | Self::Total
            | Self::Tax
            | Self::Net
            | Self::Sign
            | Self::Issued
            | Self::Due
            | Self::Credits
            | Self::Reference => Of::Document,
            Self::BuyerCode
            | Self::BuyerName
            | Self::BuyerCountry
            | Self::BuyerStreet
            | Self::BuyerPostcode
            | Self::BuyerTown
            | Self::BuyerFactorId
            | Self::BuyerSiren
            | Self::BuyerSiret
            | Self::BuyerVat
            | Self::BuyerLei
            | Self::BuyerRegistration
            | Self::BuyerPlace => Of::Buyer,
            Self::Record => Of::Record,
            Self::Buyers
            | Self::Documents
            | Self::Invoices
            | Self::InvoicesSum
            | Self::CreditNotes
            | Self::CreditNotesSum
            | Self::Payments
            | Self::PaymentsSum
            | Self::Adjustments
            | Self::AdjustmentsSum
            | Self::AmountsSum
            | Self::Balance => Of::File,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Year,
    ShortYear,
    Month,
    Day,
    DayOfYear,
    Sign(char),
}

/// How a date is written: `YYYY`, `YY`, `MM`, `DD`, `DDD` (the day of the year) and separators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DatePattern {
    tokens: Vec<Token>,
    pub(super) length: usize,
}

impl DatePattern {
    const PARTS: [(&str, Token); 5] = [
        ("YYYY", Token::Year),
        ("YY", Token::ShortYear),
        ("MM", Token::Month),
        ("DDD", Token::DayOfYear),
        ("DD", Token::Day),
    ];

    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut rest = pattern;
        while let Some(sign) = rest.chars().next() {
            let found = Self::PARTS.iter().find(|(part, _)| rest.starts_with(part));
            let (token, used) = match found {
                Some((part, token)) => (*token, part.len()),
                None if sign.is_ascii() && !sign.is_ascii_alphanumeric() && !sign.is_ascii_control() => {
                    (Token::Sign(sign), 1)
                }
                None => {
                    return Err(format!(
                        "\"{pattern}\" is no date pattern; it is made of YYYY, YY, MM, DD, DDD (the day of the year) and separators"
                    ));
                }
            };
            if tokens.contains(&token) && !matches!(token, Token::Sign(_)) {
                return Err(format!("\"{pattern}\" has a part of the date twice"));
            }
            tokens.push(token);
            rest = rest.get(used..).unwrap_or_default();
        }
        if tokens.iter().all(|token| matches!(token, Token::Sign(_))) {
            return Err(format!("\"{pattern}\" has no part of a date"));
        }
        Ok(Self { tokens, length: pattern.len() })
    }

    pub(super) fn write(&self, date: Date) -> String {
        let mut out = String::with_capacity(self.length);
        for token in &self.tokens {
            match token {
                Token::Year => out.push_str(&format!("{:04}", date.year())),
                Token::ShortYear => out.push_str(&format!("{:02}", date.year().rem_euclid(100))),
                Token::Month => out.push_str(&format!("{:02}", date.month())),
                Token::Day => out.push_str(&format!("{:02}", date.day())),
                Token::DayOfYear => out.push_str(&format!("{:03}", date.ordinal())),
                Token::Sign(sign) => out.push(*sign),
            }
        }
        out
    }

    /// The date of a text; nothing when it is none, or when the pattern does not hold a whole date.
    pub(super) fn read(&self, text: &str) -> Option<Date> {
        let (mut year, mut month, mut day, mut rest) = (None, None, None, text);
        for token in &self.tokens {
            let width = match token {
                Token::Year => 4,
                Token::DayOfYear => 3,
                Token::ShortYear | Token::Month | Token::Day => 2,
                Token::Sign(_) => 1,
            };
            let (part, tail) = rest.split_at_checked(width)?;
            let number = || part.parse::<u32>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()));
            match token {
                Token::Year => year = Some(i32::try_from(number()?).ok()?),
                Token::Month => month = Some(number()?),
                Token::Day => day = Some(number()?),
                Token::ShortYear | Token::DayOfYear => drop(number()?),
                Token::Sign(sign) if part.starts_with(*sign) => {}
                Token::Sign(_) => return None,
            }
            rest = tail;
        }
        if !rest.is_empty() {
            return None;
        }
        Date::from_ymd_opt(year?, month?, day?)
    }
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Date(DatePattern),
    /// The number of the batch, with zeros up to a width.
    Batch(usize),
    Contract,
    Currency,
    Setting(String),
}

/// The name of a file: text with places for the batch and for settings.
#[derive(Debug, Clone)]
pub(super) struct FileName {
    /// As written.
    pub(super) raw: String,
    parts: Vec<Part>,
}

impl FileName {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (place, tail) =
                after.split_once('}').ok_or_else(|| format!("\"{text}\" has no closing brace"))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (name, detail) = place.split_once(':').map_or((place, None), |(n, d)| (n, Some(d)));
            parts.push(match (name, detail) {
                ("date", Some(pattern)) => Part::Date(DatePattern::parse(pattern)?),
                ("date", None) => {
                    return Err("a date in a name has a pattern, such as {date:YYYYMMDD}".to_owned());
                }
                ("batch", None) => Part::Batch(0),
                ("batch", Some(width)) => Part::Batch(
                    width.parse().map_err(|_| format!("{{batch:{width}}}: a width is a number of digits"))?,
                ),
                ("contract", None) => Part::Contract,
                ("currency", None) => Part::Currency,
                (name, None) if !name.is_empty() => Part::Setting(name.to_owned()),
                (_, _) => {
                    return Err(format!(
                        "{{{place}}} is no place in a name; there are {{date:YYYYMMDD}}, {{batch}}, {{batch:3}}, {{contract}}, {{currency}} and settings"
                    ));
                }
            });
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { raw: text.to_owned(), parts })
    }

    pub(super) fn settings(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Setting(name) => Some(name.as_str()),
            Part::Text(_) | Part::Date(_) | Part::Batch(_) | Part::Contract | Part::Currency => None,
        })
    }

    /// The name for a batch.
    pub(super) fn fill(
        &self,
        head: &BatchHead,
        settings: &BTreeMap<String, String>,
    ) -> Result<String, LayoutError> {
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Date(pattern) => name.push_str(&pattern.write(head.date)),
                Part::Batch(width) => name.push_str(&format!("{:0width$}", head.batch)),
                Part::Contract => name.push_str(&head.contract),
                Part::Currency => name.push_str(head.currency.code()),
                Part::Setting(setting) => name.push_str(
                    settings
                        .get(setting)
                        .filter(|text| !text.is_empty())
                        .ok_or_else(|| LayoutError::Setting { name: setting.clone() })?,
                ),
            }
        }
        let unsafe_sign = |sign: char| sign.is_control() || "/\\:*?\"<>|".contains(sign);
        if name.is_empty() || name.starts_with('.') || name.contains(unsafe_sign) {
            return Err(LayoutError::Name { name, template: self.raw.clone() });
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Currency;

    #[test]
    fn dates_are_written_by_their_pattern_and_read_back() {
        let date = Date::from_ymd_opt(2026, 2, 9).unwrap();
        for (pattern, text) in [
            ("YYYYMMDD", "20260209"),
            ("DDMMYYYY", "09022026"),
            ("DD/MM/YYYY", "09/02/2026"),
            ("YYYY-MM-DD", "2026-02-09"),
        ] {
            let pattern = DatePattern::parse(pattern).unwrap();
            assert_eq!((pattern.write(date).as_str(), pattern.length), (text, text.len()));
            assert_eq!(pattern.read(text), Some(date));
            assert_eq!(pattern.read(&text.replace('9', "x")), None);
        }
        assert_eq!(DatePattern::parse("DDD").unwrap().write(date), "040");
        assert_eq!(DatePattern::parse("YYMMDD").unwrap().write(date), "260209");
        assert_eq!(
            DatePattern::parse("YYMMDD").unwrap().read("260209"),
            None,
            "which century is not guessed"
        );
        for wrong in ["jj/mm/aaaa", "", "--", "DDMMYYYYDD", "YYYYMMDDTHH"] {
            assert!(DatePattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_filled_and_stays_in_its_folder() {
        let head = BatchHead {
            contract: "C/1".to_owned(),
            batch: 7,
            date: Date::from_ymd_opt(2026, 12, 19).unwrap(),
            currency: Currency::EUR,
            company: "Exemple SAS".to_owned(),
            statement_date: None,
        };
        let settings = BTreeMap::from([("seller".to_owned(), "123456".to_owned())]);
        let fill = |name: &str| FileName::parse(name).unwrap().fill(&head, &settings);
        assert_eq!(fill("FBA{seller}1A.{date:DDD}").unwrap(), "FBA1234561A.353");
        assert_eq!(fill("F{batch:3}_{batch}_{currency}.txt").unwrap(), "F007_7_EUR.txt");
        assert!(matches!(fill("{contract}.txt"), Err(LayoutError::Name { .. })));
        assert!(matches!(fill("{sender}.txt"), Err(LayoutError::Setting { .. })));
        for wrong in ["{date}", "{date:x}", "{batch:x}", "{", "{}", "{seller:3}"] {
            assert!(FileName::parse(wrong).is_err(), "{wrong}");
        }
    }
}
