//! The reader of terms that a person writes: dates, amounts, percentages, buyers, each problem told in its place.
//!
//! Amounts and percentages are texts, because a number of TOML is a float.

use rust_decimal::Decimal;
use serde::Deserialize;
use toml::Spanned;

use crate::format::toml::Problem;
use crate::model::{
    BuyerId, BuyerKind, Currency, Date, ExcludedBuyer, Groups, Identifier, NumberStyle, Scheme, Threshold,
    ThresholdPer, identify, parse_minor,
};

pub(super) type Text = Spanned<String>;

/// One of `excluded_buyers`: by one registry number, or by the id that Encours gives the buyer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Excluded {
    kind: BuyerKind,
    siren: Option<String>,
    vat: Option<String>,
    lei: Option<String>,
    buyer: Option<String>,
}

/// The longest span of months that a term may have.
const MONTHS_MAX: i64 = 120;

/// The longest span of days that a term may have: ten years.
const DAYS_MAX: i64 = 3_650;

/// What a problem is placed with.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    /// The ids of the connections of the configuration.
    pub(super) connections: &'a [&'a str],
    /// The id of the company.
    pub(super) company: &'a str,
    /// Who is owned by whom.
    pub(super) groups: &'a Groups,
    /// How the terms are written.
    pub(super) form: Form,
}

/// How the terms of a policy are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As a `[[policy]]` of `encours.toml`.
    Table,
    /// As a file of their own.
    File,
}

/// The legal buyer that a person names by one registry number, or by its id.
///
/// # Errors
/// A sentence for none or several of them, and for a number whose check digits do not fit.
pub(super) fn named_buyer(
    siren: Option<&str>,
    vat: Option<&str>,
    lei: Option<&str>,
    buyer: Option<&str>,
) -> Result<BuyerId, String> {
    let numbers = [(Scheme::Siren, siren), (Scheme::Vat, vat), (Scheme::Lei, lei)];
    let mut numbers = numbers.into_iter().filter_map(|(scheme, number)| Some((scheme, number?)));
    match (numbers.next(), numbers.next(), buyer) {
        (Some((scheme, number)), None, None) => {
            let identifier = Identifier::new(scheme, number);
            let found = identify("", identifier.as_slice()).map(|identity| identity.buyer);
            found.ok_or_else(|| {
                format!("{number} is no {}: its check digits do not fit", scheme.as_str().to_uppercase())
            })
        }
        (None, _, Some(id)) => Ok(id.to_owned()),
        _ => Err("a buyer is named by one of siren, vat, lei, or buyer = \"…\", an id of `encours buyers`"
            .to_owned()),
    }
}

/// The reader of one table; it goes on after a problem, so that all of them are told at once.
pub(super) struct Reader<'a> {
    pub(super) places: &'a Places<'a>,
    pub(super) problems: &'a mut Vec<Problem>,
    pub(super) currency: Currency,
}

impl Reader<'_> {
    pub(super) fn problem<T>(&mut self, field: &Spanned<T>, message: impl Into<String>) {
        let problem = Problem::at(self.places.file, self.places.text, Some(field.span()), message);
        self.problems.push(problem);
    }

    /// Says that there is no such connection, where there is none.
    pub(super) fn connection(&mut self, field: &Text) {
        let known = self.places.connections;
        if !known.contains(&field.get_ref().as_str()) {
            let told = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            self.problem(field, format!("there is no connection \"{}\"; there are: {told}", field.get_ref()));
        }
    }

    pub(super) fn date(&mut self, field: &Text) -> Option<Date> {
        let parsed = field.get_ref().parse::<Date>().ok();
        if parsed.is_none() {
            self.problem(field, format!("\"{}\" is not a date (YYYY-MM-DD)", field.get_ref()));
        }
        parsed
    }

    pub(super) fn amount(&mut self, field: &Text) -> i64 {
        match parse_minor(field.get_ref(), self.currency, NumberStyle::Point) {
            Ok(minor) if minor >= 0 => minor,
            Ok(_) => {
                self.problem(field, "an amount here is not negative");
                0
            }
            Err(error) => {
                self.problem(field, error.to_string());
                0
            }
        }
    }

    pub(super) fn amount_or(&mut self, field: Option<&Text>, default: i64) -> i64 {
        field.map_or(default, |field| self.amount(field))
    }

    pub(super) fn days(&mut self, field: &Spanned<i64>) -> Option<i64> {
        let days = Some(*field.get_ref()).filter(|days| (0..=DAYS_MAX).contains(days));
        if days.is_none() {
            self.problem(field, format!("days here are 0 to {DAYS_MAX}"));
        }
        days
    }

    /// A count from `least` to [`MONTHS_MAX`], of months or of payments.
    pub(super) fn count(&mut self, field: Option<&Spanned<i64>>, least: i64, usual: u32) -> u32 {
        let Some(field) = field else { return usual };
        let found = Some(*field.get_ref()).filter(|count| (least..=MONTHS_MAX).contains(count));
        if found.is_none() {
            self.problem(field, format!("a count here is {least} to {MONTHS_MAX}"));
        }
        found.and_then(|count| u32::try_from(count).ok()).unwrap_or(usual)
    }

    pub(super) fn threshold(&mut self, field: Option<&Text>, per: Option<ThresholdPer>) -> Threshold {
        Threshold { minor: self.amount_or(field, 0), per: per.unwrap_or(ThresholdPer::Invoice) }
    }

    /// Says that a term counts from the extension period, which the policy does not have.
    pub(super) fn needs_mep<T>(&mut self, mep_days: Option<i64>, field: &Spanned<T>, what: &str) {
        if mep_days.is_none() {
            let where_to = match self.places.form {
                Form::Table => "to the [[policy]], above its tables",
                Form::File => "to the head of the file or to the [[period]], above the tables",
            };
            self.problem(field, format!("{what}, and the policy names none: add mep_days = … {where_to}"));
        }
    }

    pub(super) fn percentage(&mut self, field: &Text, max: Decimal) -> Option<Decimal> {
        let value = field.get_ref().parse::<Decimal>().ok().filter(|p| *p >= Decimal::ZERO && *p <= max);
        if value.is_none() {
            self.problem(field, format!("a percentage is a text from \"0\" to \"{max}\""));
        }
        value
    }

    pub(super) fn countries(&mut self, fields: &[Text]) -> Vec<String> {
        let mut countries = Vec::new();
        for country in fields {
            let code = country.get_ref();
            if code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) {
                countries.push(code.clone());
            } else {
                self.problem(country, "a country is two capital letters, as FR");
            }
        }
        countries
    }

    pub(super) fn excluded_buyer(&mut self, field: &Spanned<Excluded>) -> Option<ExcludedBuyer> {
        let Excluded { kind, siren, vat, lei, buyer } = field.get_ref();
        match named_buyer(siren.as_deref(), vat.as_deref(), lei.as_deref(), buyer.as_deref()) {
            Ok(buyer) => Some(ExcludedBuyer { buyer, kind: *kind }),
            Err(told) => {
                self.problem(field, told);
                None
            }
        }
    }

    /// The groups of the configuration, where the period pools them.
    pub(super) fn pooled_groups(&mut self, field: Option<&Spanned<bool>>) -> Groups {
        let Some(field) = field.filter(|field| *field.get_ref()) else { return Groups::default() };
        if self.places.groups.is_empty() {
            let told = "there is no group to pool: write into groups.toml, beside encours.toml, who is owned by whom";
            self.problem(field, told);
        }
        self.places.groups.clone()
    }

    pub(super) fn percentage_or(&mut self, field: Option<&Text>, default: i64) -> Decimal {
        field
            .and_then(|field| self.percentage(field, Decimal::ONE_THOUSAND))
            .unwrap_or_else(|| Decimal::from(default))
    }
}
