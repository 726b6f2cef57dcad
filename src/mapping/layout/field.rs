//! A field's value: taken from the batch, made text, and set into its place.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::error::{LayoutError, told};
use super::fact::Fact;
use super::xml::Elements;
use super::{Align, Choice, Field, Form, Layout, Record, Shape, Source};
use crate::model::{
    AssignedBuyer, AssignedDocument, BatchHead, ControlTotals, Currency, Date, DocumentKind, Market,
    NumberStyle, Scheme, render_minor,
};

/// What a record is made from.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) head: &'a BatchHead,
    pub(super) settings: &'a BTreeMap<String, String>,
    /// The buyer's market; in the first and last records that of the file.
    pub(super) market: Option<Market>,
    pub(super) document: Option<&'a AssignedDocument>,
    pub(super) buyer: Option<&'a AssignedBuyer>,
    /// The place of the buyer in the file.
    pub(super) place: Option<i64>,
    /// How many buyers the file speaks of.
    pub(super) buyers: i64,
    /// The number of the record in its file.
    pub(super) record: i64,
    /// The whole file.
    pub(super) totals: &'a ControlTotals,
}

/// What stands behind a field, before it is text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value<'a> {
    Text(Cow<'a, str>),
    Minor(i64),
    Date(Date),
    Number(i64),
}

impl Value<'_> {
    /// A text as it is; the facts of attributes are texts.
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text.into_owned(),
            Self::Minor(number) | Self::Number(number) => number.to_string(),
            Self::Date(date) => date.to_string(),
        }
    }
}

impl<'a> Context<'a> {
    /// What the record is about, for a message.
    fn told(&self, record: &Record) -> String {
        match (self.document, self.buyer) {
            (Some(document), _) => {
                format!("{} (buyer {})", told(document.kind, &document.number), document.buyer.code)
            }
            (None, Some(buyer)) => format!("buyer {} ({})", buyer.code, buyer.name),
            (None, None) => format!("the record \"{}\"", record.name),
        }
    }

    fn value(&self, fact: Fact) -> Option<Value<'a>> {
        let text = |text: &'a str| Some(Value::Text(Cow::Borrowed(text)));
        let of_register =
            |scheme| self.buyer?.identifier(scheme).map(|number| Value::Text(Cow::Owned(number)));
        let (head, totals) = (self.head, self.totals);
        match fact {
            Fact::Contract => text(&head.contract),
            Fact::Batch => Some(Value::Number(head.batch)),
            Fact::Date => Some(Value::Date(head.date)),
            Fact::Currency => text(head.currency.code()),
            Fact::Company => text(&head.company),
            Fact::StatementDate => head.statement_date.map(Value::Date),
            Fact::Market => text(self.market?.as_str()),
            Fact::Kind => text(self.document?.kind.as_str()),
            Fact::Number => text(&self.document?.number),
            Fact::Amount => Some(Value::Minor(self.document?.amount_minor)),
            Fact::SignedAmount => {
                let document = self.document?;
                Some(Value::Minor(document.amount_minor.saturating_mul(document.kind.sign())))
            }
            Fact::Total => Some(Value::Minor(self.total()?)),
            Fact::Tax => Some(Value::Minor(self.tax()?)),
            Fact::Net => Some(Value::Minor(self.total()? - self.tax()?)),
            Fact::Sign => text(if self.document?.kind.sign() < 0 { "-" } else { "+" }),
            Fact::Issued => Some(Value::Date(self.document?.issued)),
            Fact::Due => Some(Value::Date(self.document?.due)),
            Fact::Credits => text(self.document?.credits.as_deref()?),
            Fact::Reference => text(self.document?.reference.as_deref()?),
            Fact::BuyerCode => text(&self.buyer?.code),
            Fact::BuyerName => text(&self.buyer?.name),
            Fact::BuyerCountry => text(&self.buyer?.country),
            Fact::BuyerStreet => text(self.buyer?.street.as_deref()?),
            Fact::BuyerPostcode => text(self.buyer?.postcode.as_deref()?),
            Fact::BuyerTown => text(self.buyer?.town.as_deref()?),
            Fact::BuyerFactorId => text(self.buyer?.factor_id.as_deref()?),
            Fact::BuyerSiren => of_register(Scheme::Siren),
            Fact::BuyerSiret => of_register(Scheme::Siret),
            Fact::BuyerVat => of_register(Scheme::Vat),
            Fact::BuyerLei => of_register(Scheme::Lei),
            Fact::BuyerRegistration => of_register(Scheme::Registration),
            Fact::BuyerPlace => Some(Value::Number(self.place?)),
            Fact::Record => Some(Value::Number(self.record)),
            Fact::Buyers => Some(Value::Number(self.buyers)),
            Fact::Documents => Some(Value::Number(totals.count())),
            Fact::Invoices => Some(Value::Number(totals.invoices)),
            Fact::InvoicesSum => Some(Value::Minor(totals.invoices_minor)),
            Fact::CreditNotes => Some(Value::Number(totals.credit_notes)),
            Fact::CreditNotesSum => Some(Value::Minor(totals.credit_notes_minor)),
            Fact::Payments => Some(Value::Number(totals.payments)),
            Fact::PaymentsSum => Some(Value::Minor(totals.payments_minor)),
            Fact::Adjustments => Some(Value::Number(totals.adjustments)),
            Fact::AdjustmentsSum => Some(Value::Minor(totals.adjustments_minor)),
            Fact::AmountsSum => Some(Value::Minor(totals.amounts_minor()?)),
            Fact::Balance => Some(Value::Minor(totals.balance_minor())),
        }
    }

    /// The whole amount of the document, or of its invoice.
    fn total(&self) -> Option<i64> {
        let document = self.document?;
        match document.kind {
            DocumentKind::Invoice | DocumentKind::CreditNote => {
                Some(document.total_minor.unwrap_or(document.amount_minor))
            }
            DocumentKind::Payment | DocumentKind::Adjustment | DocumentKind::Dispute => document.total_minor,
        }
    }

    /// The tax in it; none where the ERP does not say it, or says more than there is.
    fn tax(&self) -> Option<i64> {
        let total = self.total()?;
        self.document?.tax_minor.filter(|tax| (0..=total).contains(tax))
    }

    /// What a choice is for this record.
    fn chosen<'c, T>(&self, choice: &'c Choice<T>) -> Result<&'c T, String> {
        // That a market or a kind is there, and has its part, was checked with the declaration.
        let unknown = || "what it depends on is not known".to_owned();
        match choice {
            Choice::One(one) => Ok(one),
            Choice::ByMarket(list) => {
                let own = self.market.ok_or_else(unknown)?;
                list.iter().find(|(market, _)| *market == own).map(|(_, one)| one).ok_or_else(unknown)
            }
            Choice::ByKind(list) => {
                let own = self.document.ok_or_else(unknown)?.kind;
                list.iter().find(|(kind, _)| *kind == own).map(|(_, one)| one).ok_or_else(unknown)
            }
            Choice::BySetting(name, list) => {
                let own = self.settings.get(name).map_or("", |text| text.trim());
                list.iter().find(|(value, _)| value == own).map(|(_, one)| one).ok_or_else(|| {
                    let known: Vec<&str> = list.iter().map(|(value, _)| value.as_str()).collect();
                    format!(
                        "the setting \"{name}\" is \"{own}\", and it decides here between {}",
                        known.join(", ")
                    )
                })
            }
        }
    }
}

impl Layout {
    /// Appends one record, without its line end. `open` holds the elements that are open in a file of XML.
    pub(super) fn record(
        &self,
        record: &Record,
        context: &Context<'_>,
        open: &mut Elements,
        line: &mut Vec<u8>,
    ) -> Result<(), LayoutError> {
        if self.is_xml() {
            open.begin_record(record, self.line_end, line);
        }
        for (index, field) in record.fields.iter().enumerate() {
            let text = field.value(context, self).map_err(|reason| LayoutError::Field {
                field: field.name.clone(),
                of: context.told(record),
                reason,
            })?;
            match &self.shape {
                Shape::Xml => {
                    let Some(text) = text else { continue };
                    let with = field.with.iter().map(|(name, fact)| {
                        let value = context.value(*fact).map_or_else(String::new, Value::into_text);
                        (name.as_str(), value)
                    });
                    open.field((record, field), &text, with, line);
                }
                Shape::Fixed(_) => field.set(text, self, line),
                Shape::Delimited { separator, quotes, .. } => {
                    if index > 0 {
                        self.encode(separator.encode_utf8(&mut [0; 4]), line);
                    }
                    let text = text.unwrap_or_default();
                    let needs = text.contains([*separator, '"', '\r', '\n']);
                    if needs && !quotes {
                        return Err(LayoutError::Field {
                            field: field.name.clone(),
                            of: context.told(record),
                            reason: format!(
                                "\"{text}\" holds the sign that keeps fields apart, or a quote, and this layout has no quotes"
                            ),
                        });
                    }
                    if needs {
                        self.encode(&format!("\"{}\"", text.replace('"', "\"\"")), line);
                    } else {
                        self.encode(&text, line);
                    }
                }
            }
        }
        Ok(())
    }

    /// Appends text whose signs the set has: values were brought into them, and constants were checked at load.
    pub(super) fn encode(&self, text: &str, line: &mut Vec<u8>) {
        if self.signs.charset.encode(text, line).is_err() {
            // Values are made of the set's signs only, and the declaration is checked.
            debug_assert!(false, "\"{text}\" is not in {}", self.signs.charset);
        }
    }
}

impl Field {
    /// What it says, without padding; nothing where it is blank.
    fn value(&self, context: &Context<'_>, layout: &Layout) -> Result<Option<String>, String> {
        if context.document.is_some_and(|document| !self.shows(document.kind)) {
            return Ok(None);
        }
        let (value, missing) = match &self.source {
            Source::Const(text) => return Ok(Some(text.clone())),
            Source::Setting(choice) => {
                let name = context.chosen(choice)?;
                let text = context.settings.get(name).filter(|text| !text.trim().is_empty());
                let value = text.map(|text| Value::Text(Cow::Borrowed(text)));
                (value, format!("the setting \"{name}\" is not given"))
            }
            Source::Fact(choice) => {
                let facts = context.chosen(choice)?;
                let is_there = |value: &Value<'_>| match value {
                    Value::Text(text) => !text.trim().is_empty(),
                    Value::Minor(_) | Value::Date(_) | Value::Number(_) => true,
                };
                let value = facts.iter().find_map(|fact| context.value(*fact).filter(is_there));
                let names: Vec<&str> = facts.iter().map(|fact| fact.as_str()).collect();
                (value, format!("{} is not known", names.join(" or ")))
            }
        };
        match value {
            Some(value) => {
                let text = self.text(&value, context.head.currency, layout)?;
                if self.before.is_empty() {
                    return Ok(Some(text));
                }
                self.fits(format!("{}{text}", self.before)).map(Some)
            }
            None if self.optional => Ok(None),
            None => Err(missing),
        }
    }

    fn text(&self, value: &Value<'_>, currency: Currency, layout: &Layout) -> Result<String, String> {
        match (value, &self.form) {
            (Value::Text(text), _) => self.text_of(text, layout),
            (Value::Date(date), Form::Date(pattern)) => {
                let text = pattern.write(*date);
                // A year of five digits.
                if text.len() == pattern.length {
                    Ok(text)
                } else {
                    Err(format!("{date} does not fit the pattern"))
                }
            }
            (Value::Minor(minor), Form::Decimal(style)) => {
                let text = render_minor(*minor, currency);
                self.fits(match style {
                    NumberStyle::Point => text,
                    NumberStyle::Comma => text.replace('.', ","),
                })
            }
            (Value::Minor(minor), _) if *minor < 0 => Err(format!(
                "it is {} {currency}, and the field has no sign: how the factor wants a negative amount there is not known",
                render_minor(*minor, currency)
            )),
            (Value::Minor(minor), _) => self.fits(minor.to_string()),
            (Value::Number(number), _) => self.fits(number.to_string()),
            (Value::Date(date), _) => self.fits(date.to_string()),
        }
    }

    /// A text that came from outside, in the signs of the file, as long as the field holds.
    pub(super) fn text_of(&self, text: &str, layout: &Layout) -> Result<String, String> {
        let text = text.trim();
        if let Some(codes) = &self.codes {
            let code = codes.get(text).ok_or_else(|| format!("\"{text}\" is not among its codes"))?;
            return Ok(code.clone());
        }
        let mut out = layout.signs.text(text).map_err(|sign| {
            format!("\"{text}\" has the sign \"{sign}\", which {} has not", layout.signs.charset)
        })?;
        if let Some(keep) = self.keep {
            out.retain(|sign| keep.keeps(sign));
        }
        if out.is_empty() {
            return Err(format!("nothing is left of \"{text}\" in the signs that the field takes"));
        }
        if matches!(self.form, Form::Digits) && !out.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("\"{out}\" is not made of digits only"));
        }
        if let Some(width) = self.width.filter(|_| self.cut)
            && out.chars().count() > width
        {
            out = out.chars().take(width).collect();
            out.truncate(out.trim_end().len());
        }
        self.fits(out)
    }

    fn fits(&self, text: String) -> Result<String, String> {
        let length = text.chars().count();
        match self.width {
            Some(width) if length > width => {
                Err(format!("\"{text}\" has {length} signs, and the field holds {width}"))
            }
            Some(width) if self.full && length < width => {
                Err(format!("\"{text}\" has {length} signs, and the field takes exactly {width}"))
            }
            Some(_) | None => Ok(text),
        }
    }

    /// Appends the text in the field's place. Where there is none, the place is left blank.
    fn set(&self, text: Option<String>, layout: &Layout, line: &mut Vec<u8>) {
        let width = self.width.unwrap_or_default();
        let (text, pad) = text.map_or((String::new(), ' '), |text| (text, self.pad));
        let padding = pad.to_string().repeat(width.saturating_sub(text.chars().count()));
        let parts = match self.align {
            Align::Left => [text, padding],
            Align::Right => [padding, text],
        };
        parts.iter().for_each(|part| layout.encode(part, line));
    }
}
