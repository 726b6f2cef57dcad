//! Factoring contracts as files, one a file, in the folder [`CONTRACTS`] beside `encours.toml`; every problem told in its place.
//!
//! Amounts are a text in the contract's first currency, or a table by currency: `{ EUR = "100.00", JPY = "15000" }`.
//! Invariant: no two contracts of a factor have one number, and a buyer stands in a contract once.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::policy_file::Content;
use super::reader::{Excluded, Places, Reader, Text, named_buyer};
use crate::format::toml::{Problem, read};
use crate::model::{
    Amounts, Contract, ContractBuyer, Currency, EInvoicing, LifecycleStatus, ReceiptTerms, iban_is_sound,
};

/// The folder of the contract files, beside `encours.toml`.
pub const CONTRACTS: &str = "contracts";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    factor: String,
    number: Text,
    connection: Text,
    answers: Option<Text>,
    bank: Option<Text>,
    companies: Option<Vec<Text>>,
    #[serde(default = "euros")]
    currencies: Spanned<Vec<Currency>>,
    country: Option<Text>,
    #[serde(default)]
    countries: Vec<Text>,
    valid_from: Text,
    valid_to: Option<Text>,
    max_days_overdue: Option<Spanned<i64>>,
    recourse_days: Option<Spanned<i64>>,
    minimum_amount: Option<Spanned<Money>>,
    #[serde(default)]
    any_buyer: bool,
    #[serde(default)]
    approval_required: bool,
    #[serde(default)]
    excluded_buyers: Vec<Spanned<Excluded>>,
    holdback_percent: Text,
    concentration_percent: Option<Text>,
    #[serde(default)]
    fees: Fees,
    #[serde(default)]
    batches: Batches,
    #[serde(default)]
    buyer: Vec<Spanned<Buyer>>,
    e_invoicing: Option<EInvoicingTable>,
    receipt: Option<ReceiptTable>,
}

/// `[fees]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fees {
    percent: Option<Text>,
    tax_percent: Option<Text>,
}

/// `[batches]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Batches {
    first: Spanned<i64>,
    last: Option<Spanned<i64>>,
    four_eyes: bool,
    approvers: Vec<String>,
}

impl Default for Batches {
    fn default() -> Self {
        Self { first: Spanned::new(0..0, 1), last: None, four_eyes: true, approvers: Vec::new() }
    }
}

/// `[e_invoicing]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EInvoicingTable {
    status: Spanned<LifecycleStatus>,
    iban: Text,
    bic: Option<String>,
    holder: String,
}

/// `[receipt]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptTable {
    clause: Option<Text>,
}

/// `[[buyer]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Buyer {
    siren: Option<String>,
    vat: Option<String>,
    lei: Option<String>,
    buyer: Option<String>,
    factor_id: Option<String>,
    approval: Option<Spanned<Money>>,
    holdback_percent: Option<Text>,
}

/// An amount in the contract's first currency, or amounts by currency.
enum Money {
    First(String),
    By(BTreeMap<Currency, Text>),
}

/// By hand, since what is told apart by trying loses its place in the file.
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Money;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an amount as a text, or a table of amounts by currency")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Money::First(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Ok(Money::By(BTreeMap::deserialize(MapAccessDeserializer::new(map))?))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn euros() -> Spanned<Vec<Currency>> {
    Spanned::new(0..0, vec![Currency::EUR])
}

/// The contracts of the files; `country` is that of the company.
pub(super) fn contracts(
    files: &[Content],
    places: Places<'_>,
    country: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Contract> {
    let mut found: Vec<(Contract, &Content)> = Vec::new();
    for content in files {
        let places = Places { file: &content.name, text: &content.text, ..places };
        let file = match read::<File>(&content.name, &content.text) {
            Ok(file) => file,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let Some(contract) = file.contract(&places, country, problems) else { continue };
        let same = |own: &Contract| (&own.factor, &own.number) == (&contract.factor, &contract.number);
        if let Some((_, other)) = found.iter().find(|(own, _)| same(own)) {
            let told = format!(
                "the contract {} of {} stands in {} too",
                contract.number, contract.factor, other.name
            );
            problems.push(Problem::at(&content.name, &content.text, Some(file.number.span()), told));
        }
        found.push((contract, content));
    }
    found.into_iter().map(|(contract, _)| contract).collect()
}

impl File {
    fn contract(&self, places: &Places<'_>, country: &str, problems: &mut Vec<Problem>) -> Option<Contract> {
        let currencies = self.currencies.get_ref().clone();
        let first = currencies.first().copied();
        let mut reader = Reader { places, problems, currency: first.unwrap_or(Currency::EUR) };
        if first.is_none() {
            reader.problem(&self.currencies, "a contract has at least one currency");
        }
        reader.connection(&self.connection);
        for field in [&self.answers, &self.bank].into_iter().flatten() {
            reader.connection(field);
        }
        let valid_from = reader.date(&self.valid_from);
        let valid_to = self.valid_to.as_ref().and_then(|field| reader.date(field));
        if let (Some(field), Some(from), Some(to)) = (&self.valid_to, valid_from, valid_to)
            && to < from
        {
            reader.problem(field, format!("the contract ends on {to}, before it begins on {from}"));
        }
        let country = match &self.country {
            Some(field) => reader.countries(std::slice::from_ref(field)).pop(),
            None if country.is_empty() => {
                let told =
                    "which country is domestic? Add country = \"FR\" here, or to [company] of encours.toml";
                reader.problem(&self.number, told);
                None
            }
            None => Some(country.to_owned()),
        };
        let minimum = self
            .minimum_amount
            .as_ref()
            .map(|field| amounts(field, &currencies, &mut reader))
            .unwrap_or_default();
        let excluded_buyers: Vec<_> =
            self.excluded_buyers.iter().filter_map(|field| reader.excluded_buyer(field)).collect();
        let mut buyers: Vec<ContractBuyer> = Vec::new();
        for field in &self.buyer {
            let Some(buyer) = self::buyer(field, &currencies, &mut reader) else { continue };
            if buyers.iter().any(|known| known.buyer == buyer.buyer) {
                reader.problem(field, format!("the buyer {} stands here twice", buyer.buyer));
            }
            if excluded_buyers.iter().any(|excluded| excluded.buyer == buyer.buyer) {
                reader.problem(field, format!("the buyer {} is one of excluded_buyers too", buyer.buyer));
            }
            buyers.push(buyer);
        }
        if buyers.is_empty() && !self.any_buyer {
            let told = "the contract knows no buyer: add a [[buyer]] for each that the factor knows, or any_buyer = true";
            reader.problem(&self.number, told);
        }
        let holdback_percent = reader.percentage(&self.holdback_percent, Decimal::ONE_HUNDRED);
        let percent = |field: Option<&Text>, reader: &mut Reader<'_>| {
            field.and_then(|field| reader.percentage(field, Decimal::ONE_HUNDRED))
        };
        let concentration_percent = percent(self.concentration_percent.as_ref(), &mut reader);
        let fee_percent = percent(self.fees.percent.as_ref(), &mut reader).unwrap_or_default();
        let fee_tax_percent = percent(self.fees.tax_percent.as_ref(), &mut reader).unwrap_or_default();
        let first_batch = *self.batches.first.get_ref();
        let last_batch = self.batches.last.as_ref().map(|last| *last.get_ref());
        if first_batch < 1 {
            reader.problem(&self.batches.first, "batches are numbered from 1 on");
        }
        if let Some(last) = self.batches.last.as_ref().filter(|last| *last.get_ref() < first_batch) {
            reader.problem(last, "it is lower than the first number");
        }
        let companies = self.companies(&mut reader);
        Some(Contract {
            number: self.number.get_ref().clone(),
            factor: self.factor.clone(),
            connection: self.connection.get_ref().clone(),
            answers: self.answers.as_ref().map(|field| field.get_ref().clone()),
            bank: self.bank.as_ref().map(|field| field.get_ref().clone()),
            companies,
            currencies,
            country: country?,
            countries: reader.countries(&self.countries),
            valid_from: valid_from?,
            valid_to,
            max_days_overdue: self
                .max_days_overdue
                .as_ref()
                .and_then(|field| reader.days(field))
                .unwrap_or_default(),
            recourse_days: self.recourse_days.as_ref().and_then(|field| reader.days(field)),
            minimum,
            excluded_buyers,
            buyers,
            any_buyer: self.any_buyer,
            approval_required: self.approval_required,
            holdback_percent: holdback_percent?,
            fee_percent,
            fee_tax_percent,
            concentration_percent,
            first_batch,
            last_batch,
            four_eyes: self.batches.four_eyes,
            approvers: self.batches.approvers.clone(),
            e_invoicing: self.e_invoicing.as_ref().map(|table| table.read(&mut reader)),
            receipt: self.receipt.as_ref().map(|table| table.read(&mut reader)),
        })
    }

    /// The companies whose invoices it takes; that of the configuration is one of them.
    fn companies(&self, reader: &mut Reader<'_>) -> Vec<String> {
        let own = reader.places.company;
        let Some(fields) = &self.companies else { return vec![own.to_owned()] };
        let ids: Vec<String> = fields.iter().map(|field| field.get_ref().clone()).collect();
        if !ids.iter().any(|id| id == own) {
            let told = format!(
                "the contract is of {}, and the company of the configuration is \"{own}\": add it, or leave the contract out",
                ids.join(", ")
            );
            reader.problem(fields.first().unwrap_or(&self.number), told);
        }
        ids
    }
}

impl EInvoicingTable {
    fn read(&self, reader: &mut Reader<'_>) -> EInvoicing {
        let status = *self.status.get_ref();
        if status == LifecycleStatus::NotFactored {
            let told = "an assigned invoice is 225 (the buyer is told), 226 (only the factor is) or 227 (the buyer is told another account)";
            reader.problem(&self.status, told);
        }
        let iban: String = self.iban.get_ref().chars().filter(|sign| !sign.is_whitespace()).collect();
        if !iban_is_sound(&iban) {
            reader.problem(&self.iban, "it is no IBAN: its check digits do not fit");
        }
        EInvoicing { status, iban, bic: self.bic.clone(), holder: self.holder.clone() }
    }
}

impl ReceiptTable {
    /// Places of the clause; what a brace holds beside them is a slip that would stand on the paper.
    const PLACES: [&str; 5] = ["company", "factor", "contract", "batch", "amount"];

    fn read(&self, reader: &mut Reader<'_>) -> ReceiptTerms {
        let clause = self.clause.as_ref().map(|field| {
            for place in field.get_ref().split('{').skip(1) {
                let name = place.split_once('}').map_or(place, |(name, _)| name);
                if !Self::PLACES.contains(&name) {
                    let known = Self::PLACES.join("}, {");
                    reader.problem(field, format!("{{{name}}} is no place here; there are {{{known}}}"));
                }
            }
            field.get_ref().clone()
        });
        ReceiptTerms { clause }
    }
}

fn amounts(field: &Spanned<Money>, currencies: &[Currency], reader: &mut Reader<'_>) -> Amounts {
    match field.get_ref() {
        Money::First(text) => {
            [(reader.currency, reader.amount(&Spanned::new(field.span(), text.clone())))].into()
        }
        Money::By(by) => {
            let mut amounts = Amounts::new();
            let first = reader.currency;
            for (currency, text) in by {
                if !currencies.contains(currency) {
                    reader.problem(text, format!("{currency} is not one of currencies"));
                }
                reader.currency = *currency;
                amounts.insert(*currency, reader.amount(text));
            }
            reader.currency = first;
            amounts
        }
    }
}

fn buyer(field: &Spanned<Buyer>, currencies: &[Currency], reader: &mut Reader<'_>) -> Option<ContractBuyer> {
    let own = field.get_ref();
    let named =
        named_buyer(own.siren.as_deref(), own.vat.as_deref(), own.lei.as_deref(), own.buyer.as_deref());
    let buyer = named.map_err(|told| reader.problem(field, told)).ok()?;
    Some(ContractBuyer {
        buyer,
        factor_id: own.factor_id.clone(),
        approval: own.approval.as_ref().map(|field| amounts(field, currencies, reader)),
        holdback_percent: own
            .holdback_percent
            .as_ref()
            .and_then(|field| reader.percentage(field, Decimal::ONE_HUNDRED)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reader::Form;
    use crate::model::{BuyerKind, Groups};

    const GOOD: &str = r#"
factor = "Exemple Factor"
number = "00123"
connection = "factor"
currencies = ["EUR", "JPY"]
countries = ["FR", "BE"]
valid_from = "2026-01-01"
max_days_overdue = 30
recourse_days = 60
minimum_amount = { EUR = "100.00", JPY = "15000" }
approval_required = true
excluded_buyers = [{ kind = "affiliate", siren = "005520135" }]
holdback_percent = "10"
concentration_percent = "40"

[fees]
percent = "0.45"
tax_percent = "20"

[batches]
first = 17
last = 999
approvers = ["the treasurer"]

[e_invoicing]
status = "225"
iban = "FR92 0000 0000 0000 0000 0000 197"
holder = "Exemple Factor"

[[buyer]]
siren = "404833048"
factor_id = "0001234"
approval = "50000.00"
holdback_percent = "20"
"#;

    fn run(texts: &[&str]) -> (Vec<Contract>, String) {
        let files: Vec<Content> = texts
            .iter()
            .zip(1..)
            .map(|(text, number)| Content {
                name: format!("contracts/{number}.toml"),
                text: (*text).to_owned(),
            })
            .collect();
        let mut problems = Vec::new();
        let groups = Groups::default();
        let places = Places {
            file: "",
            text: "",
            connections: &["factor"],
            company: "acme",
            groups: &groups,
            form: Form::File,
        };
        let found = contracts(&files, places, "FR", &mut problems);
        (found, problems.iter().map(|problem| format!("{problem}\n")).collect())
    }

    #[test]
    fn a_contract_is_read_whole() {
        let (found, problems) = run(&[GOOD]);
        assert_eq!(problems, "");
        let jpy = Currency::parse("JPY").unwrap();
        let contract = &found[0];
        assert_eq!(
            (contract.number.as_str(), contract.country.as_str()),
            ("00123", "FR"),
            "a number is text"
        );
        assert_eq!(contract.minimum, Amounts::from([(Currency::EUR, 10_000), (jpy, 15_000)]));
        assert_eq!(contract.companies, ["acme"]);
        assert_eq!((contract.max_days_overdue, contract.recourse_days), (30, Some(60)));
        assert_eq!((contract.first_batch, contract.last_batch, contract.four_eyes), (17, Some(999), true));
        assert_eq!(contract.approvers, ["the treasurer"]);
        let told = contract.e_invoicing.as_ref().unwrap();
        assert_eq!(
            (told.status, told.iban.as_str()),
            (LifecycleStatus::Factored, "FR9200000000000000000000197")
        );
        assert_eq!(
            (contract.fee_percent, contract.fee_tax_percent),
            (Decimal::new(45, 2), Decimal::from(20))
        );
        assert_eq!(contract.concentration_percent, Some(Decimal::from(40)));
        assert_eq!(contract.excluded_buyers[0].kind, BuyerKind::Affiliate);
        assert_eq!(
            contract.buyers,
            [ContractBuyer {
                buyer: "siren:404833048".into(),
                factor_id: Some("0001234".into()),
                approval: Some([(Currency::EUR, 5_000_000)].into()),
                holdback_percent: Some(Decimal::from(20)),
            }]
        );
    }

    #[test]
    fn what_a_short_contract_does_not_say() {
        let short = "factor = \"F\"\nnumber = \"1\"\nconnection = \"factor\"\nvalid_from = \"2026-01-01\"\nany_buyer = true\nholdback_percent = \"10\"\n";
        let (found, problems) = run(&[short]);
        assert_eq!(problems, "");
        let contract = &found[0];
        assert_eq!(contract.currencies, [Currency::EUR]);
        assert_eq!((contract.first_batch, contract.last_batch, contract.four_eyes), (1, None, true));
        assert_eq!((contract.max_days_overdue, contract.recourse_days), (0, None));
        assert_eq!((contract.fee_percent, contract.concentration_percent), (Decimal::ZERO, None));
        assert!(contract.minimum.is_empty() && contract.countries.is_empty());
    }

    #[test]
    fn every_problem_is_told_in_its_place() {
        let told = |from: &str, to: &str| {
            assert!(GOOD.contains(from), "{from}");
            run(&[&GOOD.replace(from, to)]).1
        };
        let cases = [
            (
                "connection = \"factor\"",
                "connection = \"facteur\"",
                "1.toml:4:14: there is no connection \"facteur\"; there are: factor",
            ),
            ("[\"EUR\", \"JPY\"]", "[]", "1.toml:5:14: a contract has at least one currency"),
            ("\"100.00\", JPY", "\"100.001\", JPY", "3 decimals"),
            ("JPY = \"15000\"", "USD = \"15000\"", "USD is not one of currencies"),
            (
                "holdback_percent = \"10\"",
                "holdback_percent = \"110\"",
                "a percentage is a text from \"0\" to \"100\"",
            ),
            ("first = 17", "first = 0", "batches are numbered from 1 on"),
            ("last = 999", "last = 16", "it is lower than the first number"),
            ("siren = \"404833048\"", "siren = \"404833049\"", "404833049 is no SIREN"),
            ("siren = \"404833048\"", "siren = \"005520135\"", "is one of excluded_buyers too"),
            ("valid_from = \"2026-01-01\"", "valid_from = \"2026-13-01\"", "is not a date"),
            (
                "valid_from = \"2026-01-01\"",
                "valid_from = \"2026-01-01\"\nvalid_to = \"2025-12-31\"",
                "before it begins",
            ),
            (
                "factor = \"Exemple Factor\"",
                "factor = \"F\"\ncompanies = [\"other\"]",
                "the contract is of other",
            ),
            ("status = \"225\"", "status = \"228\"", "an assigned invoice is 225"),
            ("0000 197", "0000 198", "it is no IBAN"),
            ("max_days_overdue", "max_day_overdue", "unknown field `max_day_overdue`"),
        ];
        for (from, to, expected) in cases {
            let found = told(from, to);
            assert!(found.contains(expected), "{to}: {found}");
        }
        let without = GOOD.split("[[buyer]]").next().unwrap();
        assert!(run(&[without]).1.contains("knows no buyer"));
        let twice = format!("{GOOD}[[buyer]]\nsiren = \"404833048\"\n");
        assert!(run(&[&twice]).1.contains("stands here twice"));
        assert!(
            run(&[GOOD, GOOD])
                .1
                .contains("2.toml:3:10: the contract 00123 of Exemple Factor stands in contracts/1.toml too")
        );
    }
}
