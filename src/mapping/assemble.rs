//! Records to canonical values, with the faults of those that are not.

mod factor;
mod insurer;
mod twice;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::compile::Mapping;
use super::rule::{Decimal, Otherwise, Reference, Rule, Source};
use super::target::{
    ACCOUNT, ALLOCATION, Field, IDENTIFIER, INSTALMENT, ITEM, Kind, ORDER, Target, index_of,
};
use crate::format::{Header, Record, Value, json};
use crate::model::{
    Account, Allocation, Currency, Date, FactorApproval, FactorCash, FactorLine, Identifier, Instalment,
    Item, ItemKind, Limit, LimitRequest, NumberStyle, Order, Rating, Scheme, parse_minor,
};

/// One thing that is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field as the source calls it.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

/// A code that a mapping's table does not list. The record was kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownCode {
    /// The `[codes.…]` table.
    pub table: String,
    /// The code as it came.
    pub code: String,
}

/// Payment terms, for sources that state no due date.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// For every account without its own.
    pub default_days: Option<i64>,
    /// By the account's external id.
    pub by_account: BTreeMap<String, i64>,
}

/// An item with what its record says of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemIn {
    /// The item, or the first instalment of it.
    pub item: Item,
    /// Further instalments.
    pub more: Vec<Item>,
    /// The account, where the record describes it.
    pub account: Option<Box<AccountIn>>,
}

/// An order with what its record says of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderIn {
    /// The order.
    pub order: Order,
    /// The account, where the record describes it.
    pub account: Option<Box<AccountIn>>,
}

/// What the record of an item or an order says of its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountIn {
    /// Its name.
    pub name: String,
    /// ISO 3166 alpha-2, or empty.
    pub country: String,
    /// Registry identifiers.
    pub identifiers: Vec<Identifier>,
    /// The insurer's id of the buyer.
    pub insurer_buyer_id: Option<String>,
}

/// What a record turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A customer.
    Account(Account),
    /// An item and its account.
    Item(ItemIn),
    /// An allocation.
    Allocation(Allocation),
    /// An order and its account.
    Order(OrderIn),
    /// A limit.
    Limit(Limit),
    /// A request.
    Request(LimitRequest),
    /// A rating.
    Rating(Rating),
    /// A line of a factor's statement.
    FactorLine(FactorLine),
    /// What a factor approves for a buyer.
    Approval(Box<FactorApproval>),
    /// What a bank account says of a factor's payment.
    FactorCash(Box<FactorCash>),
    /// The mapping says that this record is none of our business.
    Ignored,
    /// It goes to quarantine.
    Bad(Vec<Fault>),
}

/// A record, mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// What it is.
    pub outcome: Outcome,
    /// Codes that no table lists.
    pub unknown: Vec<UnknownCode>,
    /// The currency and the signed open amount that it adds to the control totals, as far as they can be read; the
    /// currency of an unreadable one is XXX.
    pub control: (Currency, i64),
}

/// A mapping bound to the header of a source and the settings of a connection.
pub struct Bound<'m> {
    mapping: &'m Mapping,
    rules: Cow<'m, [Option<Rule>]>,
    slots: Vec<Option<usize>>,
    settings: &'m BTreeMap<String, String>,
    terms: &'m Terms,
    company_currency: Currency,
}

/// The index of a field, as a constant.
macro_rules! field {
    ($fields:ident, $name:literal) => {
        const { index_of($fields, $name) }
    };
}
use field;

const NO_CURRENCY: &str = "XXX";

/// The largest amount of a record: 13 digits before the decimal sign in a currency of three decimals. The totals of a
/// ledger then stay within 64 bits.
const AMOUNT_MINOR_MAX: u64 = 9_999_999_999_999_999;

/// The longest key. An index entry of PostgreSQL has 2 704 bytes for all its columns.
const KEY_BYTES_MAX: usize = 500;

/// Why no ledger can keep a text. PostgreSQL has no U+0000 in a text, and what one database refuses, none is given.
fn unfit(text: &str, kind: Option<Kind>) -> Option<String> {
    if text.contains('\0') {
        return Some(
            "contains the character U+0000, which no ledger can keep; take it out in the source".to_owned(),
        );
    }
    let is_key = matches!(kind, Some(Kind::Key | Kind::Code(_)));
    (is_key && text.len() > KEY_BYTES_MAX)
        .then(|| format!("is too long for a key: {} bytes, {KEY_BYTES_MAX} are the most", text.len()))
}

struct Sheet<'a, 'm> {
    bound: &'a Bound<'m>,
    record: Record<'a>,
    fields: &'static [Field],
    rules: &'a [Option<Rule>],
    currency: Result<Currency, String>,
    faults: Vec<Fault>,
    unknown: Vec<UnknownCode>,
}

impl<'m> Bound<'m> {
    /// Binds a mapping to a source.
    ///
    /// # Errors
    /// For a row source, a sentence that names the required columns that are not there.
    pub fn new(
        mapping: &'m Mapping,
        header: Option<&Header>,
        settings: &'m BTreeMap<String, String>,
        terms: &'m Terms,
        company_currency: Currency,
    ) -> Result<Self, String> {
        let slots: Vec<Option<usize>> = match header {
            Some(header) => mapping.references.iter().map(|name| header.index_of(name)).collect(),
            None => Vec::new(),
        };
        let rules = Cow::Borrowed(mapping.rules.as_slice());
        let mut bound = Self { mapping, rules, slots, settings, terms, company_currency };
        let Some(header) = header else { return Ok(bound) };
        let missing: Vec<String> = mapping
            .target
            .fields()
            .iter()
            .zip(&mapping.rules)
            .filter(|(field, _)| field.required)
            .filter_map(|(field, rule)| match rule.as_ref().map(|rule| (&rule.source, &rule.default)) {
                Some((Source::Paths(paths), None))
                    if !paths.iter().any(|path| bound.column(path).is_some()) =>
                {
                    let names: Vec<_> = paths.iter().map(|path| format!("\"{}\"", path.raw)).collect();
                    Some(format!("{} ({})", field.name, names.join(" or ")))
                }
                _ => None,
            })
            .collect();
        if missing.is_empty() {
            bound.rules = bound.present().into();
            return Ok(bound);
        }
        Err(format!(
            "it has no column for {}; its columns are: {}. Is the delimiter right, or does {} name other columns?",
            missing.join(", "),
            header.names().join(" | "),
            mapping.file,
        ))
    }

    fn style(&self, rule: &Rule) -> NumberStyle {
        match &rule.style {
            Decimal::Fixed(style) => *style,
            Decimal::Setting(name) => match self.settings.get(name).map(String::as_str) {
                Some("comma") => NumberStyle::Comma,
                Some(_) | None => NumberStyle::Point,
            },
        }
    }

    /// The rules without the names of columns that are not there, of which a mapping lists many; none of a rule's names
    /// being there, the first stays for what is said of the field.
    fn present(&self) -> Vec<Option<Rule>> {
        let mut rules = self.mapping.rules.clone();
        for rule in rules.iter_mut().flatten() {
            if let Source::Paths(paths) = &mut rule.source {
                let any = paths.iter().any(|path| self.column(path).is_some());
                let mut first = true;
                paths.retain(
                    |path| if any { self.column(path).is_some() } else { std::mem::take(&mut first) },
                );
            }
        }
        rules
    }

    fn column(&self, reference: &Reference) -> Option<usize> {
        self.slots.get(reference.slot).copied().flatten()
    }

    /// Maps one record.
    #[must_use]
    pub fn map(&self, record: Record<'_>) -> Mapped {
        let mut sheet = Sheet {
            bound: self,
            record,
            fields: self.mapping.target.fields(),
            rules: &self.rules,
            currency: Ok(self.company_currency),
            faults: Vec::new(),
            unknown: Vec::new(),
        };
        sheet.currency = sheet.read_currency();
        let (outcome, open) = match self.mapping.target {
            Target::Account => (sheet.account().map(Outcome::Account), 0),
            Target::Invoice => sheet.item(ItemKind::Invoice),
            Target::Receipt => sheet.item(ItemKind::Receipt),
            Target::Allocation => (sheet.allocation().map(Outcome::Allocation), 0),
            Target::Order => sheet.order(),
            Target::Limit => {
                let limit = sheet.limit();
                let amount = limit.as_ref().map_or(0, |limit| limit.amount_minor);
                (limit.map(Outcome::Limit), amount)
            }
            Target::Request => (sheet.request().map(Outcome::Request), 0),
            Target::Rating => (sheet.rating().map(Outcome::Rating), 0),
            Target::FactorLine => (sheet.factor_line().map(Outcome::FactorLine), 0),
            Target::Approval => (sheet.approval().map(|approval| Outcome::Approval(Box::new(approval))), 0),
            Target::FactorCash => (sheet.factor_cash().map(|own| Outcome::FactorCash(Box::new(own))), 0),
        };
        let currency = sheet.currency.clone().ok().or_else(|| Currency::parse(NO_CURRENCY));
        let outcome = match outcome {
            Some(Outcome::Ignored) => Outcome::Ignored,
            Some(outcome) if sheet.faults.is_empty() => outcome,
            _ => Outcome::Bad(std::mem::take(&mut sheet.faults)),
        };
        Mapped { outcome, unknown: sheet.unknown, control: (currency.unwrap_or(self.company_currency), open) }
    }
}

impl<'a, 'm: 'a> Sheet<'a, 'm> {
    fn rule(&self, index: usize) -> Option<&'a Rule> {
        self.rules.get(index)?.as_ref()
    }

    fn name(&self, index: usize) -> &'static str {
        self.fields.get(index).map_or("?", |field| field.name)
    }

    fn fault(&mut self, index: usize, reason: impl Into<String>) {
        let field = match self.rule(index).map(|rule| &rule.source) {
            Some(Source::Paths(paths)) => {
                let there = paths.iter().find(|path| self.bound.column(path).is_some());
                there.or(paths.first()).map_or_else(|| self.name(index).to_owned(), |path| path.raw.clone())
            }
            Some(Source::Const(_) | Source::Setting(_) | Source::Jq(_)) | None => self.name(index).to_owned(),
        };
        self.faults.push(Fault { field, reason: reason.into() });
    }

    fn at(&self, reference: &Reference) -> Option<Cow<'a, str>> {
        match self.record {
            Record::Row(_, row) => {
                let text = row.get(self.bound.column(reference)?)?.trim();
                (!text.is_empty()).then_some(Cow::Borrowed(text))
            }
            Record::Tree(value) => {
                reference.tree.as_ref()?.find(value).and_then(json::scalar).map(Cow::Owned)
            }
        }
    }

    fn source(&self, rule: &Rule) -> Result<Option<Cow<'a, str>>, String> {
        Ok(match &rule.source {
            Source::Paths(paths) => paths.iter().find_map(|path| self.at(path)),
            Source::Const(text) => Some(Cow::Owned(text.clone())),
            Source::Setting(name) => self.bound.settings.get(name).map(|text| Cow::Owned(text.clone())),
            Source::Jq(filter) => {
                filter.first(self.record.to_value())?.as_ref().and_then(json::scalar).map(Cow::Owned)
            }
        }
        .or_else(|| match rule.default.as_ref()? {
            Otherwise::Text(text) => Some(Cow::Owned(text.clone())),
            Otherwise::Setting(name) => self.bound.settings.get(name).map(|text| Cow::Owned(text.clone())),
        }))
    }

    /// The text of a field, or nothing; a fault when it is required, its filter fails or no ledger can keep it.
    fn text(&mut self, index: usize) -> Option<Cow<'a, str>> {
        let field = self.fields.get(index);
        let found = match self.rule(index) {
            Some(rule) => self.source(rule),
            None => Ok(None),
        };
        match found {
            Ok(None) if field.is_some_and(|field| field.required) => self.fault(index, "is empty"),
            Ok(None) => {}
            Ok(Some(text)) => match unfit(&text, field.map(|field| field.kind)) {
                None => return Some(text),
                Some(reason) => self.fault(index, reason),
            },
            Err(reason) => self.fault(index, reason),
        }
        None
    }

    fn owned(&mut self, index: usize) -> Option<String> {
        self.text(index).map(Cow::into_owned)
    }

    /// A field through its table of codes: the word of ours, or `Err` with a code that the table does not list.
    fn code(&mut self, index: usize) -> Option<Result<Cow<'a, str>, String>> {
        let text = self.text(index)?;
        match self.rule(index).and_then(|rule| rule.codes.as_ref()) {
            None => Some(Ok(text)),
            Some((table, codes)) => match codes.get(text.as_ref()) {
                Some(ours) => Some(Ok(Cow::Borrowed(ours))),
                None => {
                    self.unknown.push(UnknownCode { table: table.clone(), code: text.clone().into_owned() });
                    Some(Err(text.into_owned()))
                }
            },
        }
    }

    fn read_currency(&mut self) -> Result<Currency, String> {
        let index = self.fields.iter().position(|field| field.name == "currency").unwrap_or(usize::MAX);
        match self.rule(index).map(|rule| self.source(rule)) {
            None | Some(Ok(None)) if self.fields.iter().any(|f| f.name == "currency" && f.required) => {
                Err("is empty".to_owned())
            }
            None | Some(Ok(None)) => Ok(self.bound.company_currency),
            Some(Ok(Some(text))) => Currency::parse(&text)
                .filter(|currency| currency.code() != NO_CURRENCY)
                .ok_or_else(|| format!("\"{text}\" is not an ISO 4217 currency")),
            Some(Err(reason)) => Err(reason),
        }
    }

    /// The record's currency; a fault once when it cannot be read.
    fn currency(&mut self) -> Option<Currency> {
        match self.currency.clone() {
            Ok(currency) => Some(currency),
            Err(reason) => {
                let index =
                    self.fields.iter().position(|field| field.name == "currency").unwrap_or(usize::MAX);
                self.fault(index, reason);
                None
            }
        }
    }

    /// An amount, signed, in the record's currency or the rule's own; nothing when the currency is unknown.
    fn money(&mut self, index: usize) -> Option<i64> {
        let text = self.text(index);
        let rule = self.rule(index)?;
        let minus = rule.minus.as_ref().and_then(|reference| self.at(reference));
        let currency = match &rule.currency {
            None => self.currency.clone().ok()?,
            Some(reference) => match self.at(reference) {
                None => self.currency.clone().ok()?,
                Some(code) => match Currency::parse(&code) {
                    Some(currency) => currency,
                    None => {
                        self.fault(index, format!("\"{code}\" is not an ISO 4217 currency"));
                        return None;
                    }
                },
            },
        };
        self.sum(index, text, minus, currency)
    }

    /// An amount less what is to be taken off it, in minor units of a currency.
    fn sum(
        &mut self,
        index: usize,
        text: Option<Cow<'a, str>>,
        minus: Option<Cow<'a, str>>,
        currency: Currency,
    ) -> Option<i64> {
        if text.is_none() && minus.is_none() {
            return None;
        }
        let rule = self.rule(index)?;
        let mut sum = 0_i64;
        for (part, sign) in [(text, 1), (minus, -1)] {
            let Some(part) = part else { continue };
            match parse_minor(&part, currency, self.bound.style(rule)) {
                Ok(minor) => sum = sum.saturating_add(sign * minor),
                Err(error) => {
                    self.fault(index, error.to_string());
                    return None;
                }
            }
        }
        if sum.unsigned_abs() > AMOUNT_MINOR_MAX {
            self.fault(index, "is too large an amount: sums of such would not fit the ledger");
            return None;
        }
        Some(sum)
    }

    fn date(&mut self, index: usize) -> Option<Date> {
        let text = self.text(index)?;
        let rule = self.rule(index)?;
        if let Some(date) = rule.dates.iter().find_map(|style| style.read(&text)) {
            return Some(date);
        }
        let patterns: Vec<_> = rule.dates.iter().map(|style| style.pattern.as_str()).collect();
        self.fault(index, format!("\"{text}\" is not a date ({})", patterns.join(" or ")));
        None
    }

    fn integer(&mut self, index: usize) -> Option<i64> {
        let text = self.text(index)?;
        match text.parse() {
            Ok(number) => Some(number),
            Err(_) => {
                self.fault(index, format!("\"{text}\" is not a whole number"));
                None
            }
        }
    }

    fn flag(&mut self, index: usize) -> bool {
        let Some(text) = self.text(index) else { return false };
        match text.as_ref() {
            // What most exports write, without folding it.
            "N" | "0" => return false,
            "O" | "Y" | "J" | "X" | "1" => return true,
            _ => {}
        }
        match crate::format::fold(&text).as_str() {
            "true" | "1" | "yes" | "y" | "oui" | "o" | "x" | "ja" | "j" => true,
            "false" | "0" | "no" | "n" | "non" | "nein" => false,
            _ => {
                self.fault(index, format!("\"{text}\" is neither yes nor no"));
                false
            }
        }
    }

    /// The records of a list field, each handed to `read` with the rules of its parts.
    fn list<T>(&mut self, index: usize, read: impl Fn(&mut Sheet<'_, '_>) -> Option<T>) -> Vec<T> {
        let Some(rule) = self.rule(index) else { return Vec::new() };
        let Some(Kind::List(fields)) = self.fields.get(index).map(|field| field.kind) else {
            return Vec::new();
        };
        let values = match (&rule.source, self.record) {
            (Source::Jq(filter), record) => filter.first(record.to_value()),
            (Source::Paths(paths), Record::Tree(tree)) => {
                Ok(paths.iter().find_map(|path| path.tree.as_ref()?.find(tree)).cloned())
            }
            (Source::Paths(_) | Source::Const(_) | Source::Setting(_), _) => Ok(None),
        };
        let values = match values {
            Ok(Some(Value::Arr(list))) => list,
            Ok(None | Some(Value::Null)) => return Vec::new(),
            Ok(Some(_)) => {
                self.fault(index, "is not a list");
                return Vec::new();
            }
            Err(reason) => {
                self.fault(index, reason);
                return Vec::new();
            }
        };
        let mut out = Vec::new();
        for value in values.iter() {
            let mut part = Sheet {
                bound: self.bound,
                record: Record::Tree(value),
                fields,
                rules: &rule.parts,
                currency: self.currency.clone(),
                faults: Vec::new(),
                unknown: Vec::new(),
            };
            let read = read(&mut part);
            let (faults, unknown) = (part.faults, part.unknown);
            let name = self.name(index);
            self.faults.extend(
                faults.into_iter().map(|f| Fault { field: format!("{name}.{}", f.field), reason: f.reason }),
            );
            self.unknown.extend(unknown);
            out.extend(read);
        }
        out
    }

    /// Registry numbers, from fields of their own and from the list at `index`.
    fn identifiers(&mut self, fields: &[(usize, Scheme)], index: usize) -> Vec<Identifier> {
        let mut found = Vec::new();
        for (index, scheme) in fields {
            found.extend(self.text(*index).and_then(|text| Identifier::new(*scheme, &text)));
        }
        found.extend(self.identifier_list(index));
        found.sort();
        found.dedup();
        found
    }

    fn identifier_list(&mut self, index: usize) -> Vec<Identifier> {
        let read = |part: &mut Sheet<'_, '_>| {
            let scheme = part.code(field!(IDENTIFIER, "scheme"))?;
            let value = part.text(field!(IDENTIFIER, "value"))?;
            // An identifier of a kind we do not know is no identity; the unknown code is reported.
            Identifier::new(Scheme::parse(&scheme.ok()?)?, &value)
        };
        self.list(index, read)
    }

    fn account(&mut self) -> Option<Account> {
        let numbers = [
            (field!(ACCOUNT, "siren"), Scheme::Siren),
            (field!(ACCOUNT, "siret"), Scheme::Siret),
            (field!(ACCOUNT, "vat"), Scheme::Vat),
            (field!(ACCOUNT, "lei"), Scheme::Lei),
            (field!(ACCOUNT, "registration"), Scheme::Registration),
        ];
        let identifiers = self.identifiers(&numbers, field!(ACCOUNT, "identifiers"));
        let limit_minor = self.money(field!(ACCOUNT, "limit"));
        let limit_currency = if limit_minor.is_some() { self.currency() } else { None };
        let external_id = self.owned(field!(ACCOUNT, "external_id"));
        let name = self.owned(field!(ACCOUNT, "name"));
        let code = self.owned(field!(ACCOUNT, "code"));
        let country = self.owned(field!(ACCOUNT, "country")).unwrap_or_default();
        let street = self.owned(field!(ACCOUNT, "street"));
        let postcode = self.owned(field!(ACCOUNT, "postcode"));
        let town = self.owned(field!(ACCOUNT, "town"));
        let terms_days = self.integer(field!(ACCOUNT, "terms_days"));
        let blocked = self.flag(field!(ACCOUNT, "blocked"));
        let insurer_buyer_id = self.owned(field!(ACCOUNT, "insurer_buyer_id"));
        let external_id = external_id?;
        Some(Account {
            code: code.unwrap_or_else(|| external_id.clone()),
            external_id,
            name: name?,
            country: country.to_uppercase(),
            street,
            postcode,
            town,
            identifiers,
            insurer_buyer_id,
            limit_minor,
            limit_currency,
            terms_days,
            blocked,
        })
    }

    fn item(&mut self, natural: ItemKind) -> (Option<Outcome>, i64) {
        let kind = match self.code(field!(ITEM, "kind")) {
            Some(Ok(word)) if word == "ignore" => return (Some(Outcome::Ignored), 0),
            Some(Ok(word)) => ItemKind::parse(&word).unwrap_or(natural),
            Some(Err(_)) | None => natural,
        };
        let number = self.owned(field!(ITEM, "number"));
        let external_id = self.owned(field!(ITEM, "external_id"));
        let account = self.owned(field!(ITEM, "account"));
        let currency = self.currency();
        let total = self.money(field!(ITEM, "total"));
        let open = if self.rule(field!(ITEM, "open")).is_some() {
            let faults = self.faults.len();
            let open = self.money(field!(ITEM, "open"));
            if open.is_none() && self.faults.len() == faults && currency.is_some() {
                self.fault(field!(ITEM, "open"), "is empty");
            }
            open
        } else {
            total
        };
        // A negative invoice is a credit note; credit notes and receipts come with either sign.
        let negative =
            total.is_some_and(|total| total < 0) || (total == Some(0) && open.is_some_and(|open| open < 0));
        let kind = if kind == ItemKind::Invoice && negative { ItemKind::CreditNote } else { kind };
        if let (Some(total), Some(open)) = (total, open) {
            if total.signum() * open.signum() < 0 {
                self.fault(field!(ITEM, "open"), "has the other sign than the total");
            } else if open.unsigned_abs() > total.unsigned_abs() {
                self.fault(field!(ITEM, "open"), "is more than the total");
            }
        }
        let control = kind.sign() * open.unwrap_or(0).checked_abs().unwrap_or(0);
        let issued = self.date(field!(ITEM, "issued"));
        let stated_due = self.date(field!(ITEM, "due"));
        let terms = self.integer(field!(ITEM, "terms_days"));
        let tax_minor = self.money(field!(ITEM, "tax")).and_then(i64::checked_abs);
        let disputed = self.flag(field!(ITEM, "disputed"));
        let estimated = self.flag(field!(ITEM, "due_estimated"));
        let reference = self.owned(field!(ITEM, "reference"));
        let read = |part: &mut Sheet<'_, '_>| {
            Some(Instalment {
                due: part.date(field!(INSTALMENT, "due"))?,
                amount_minor: part.money(field!(INSTALMENT, "amount"))?.checked_abs()?,
            })
        };
        let instalments = self.list(field!(ITEM, "instalments"), read);
        let stub = self.account_stub([
            field!(ITEM, "account_name"),
            field!(ITEM, "account_country"),
            field!(ITEM, "account_siren"),
            field!(ITEM, "account_siret"),
            field!(ITEM, "account_vat"),
            field!(ITEM, "account_insurer_buyer_id"),
        ]);
        let faulty = !self.faults.is_empty();
        let (Some(number), Some(account), Some(currency), Some(total), Some(open), Some(issued), false) =
            (number, account, currency, total, open, issued, faulty)
        else {
            return (None, control);
        };
        let (due, due_estimated) = match stated_due {
            Some(due) => (due, estimated),
            None if kind == ItemKind::Receipt || !instalments.is_empty() => (issued, false),
            None => {
                let terms = terms
                    .or_else(|| self.bound.terms.by_account.get(&account).copied())
                    .or(self.bound.terms.default_days);
                match terms.and_then(|days| issued.checked_add_signed(chrono::Duration::try_days(days)?)) {
                    Some(due) => (due, true),
                    None => {
                        self.fault(
                            field!(ITEM, "due"),
                            "is empty, and no payment terms are set for the account or by default",
                        );
                        return (None, control);
                    }
                }
            }
        };
        let item = Item {
            external_id: external_id.unwrap_or_else(|| number.clone()),
            number,
            kind,
            account,
            currency,
            total_minor: total.checked_abs().unwrap_or(i64::MAX),
            open_minor: open.checked_abs().unwrap_or(i64::MAX),
            tax_minor,
            issued,
            due,
            due_estimated,
            disputed,
            reference,
        };
        if instalments.is_empty() {
            return (Some(Outcome::Item(ItemIn { item, more: Vec::new(), account: stub })), control);
        }
        let total = item.total_minor;
        let mut parts = match item.split(&instalments) {
            Ok(parts) => parts.into_iter(),
            Err(sum) => {
                let (sum, total) =
                    (crate::model::render_minor(sum, currency), crate::model::render_minor(total, currency));
                self.fault(field!(ITEM, "instalments"), format!("add up to {sum}, the total is {total}"));
                return (None, control);
            }
        };
        let outcome =
            parts.next().map(|item| Outcome::Item(ItemIn { item, more: parts.collect(), account: stub }));
        (outcome, control)
    }

    fn order(&mut self) -> (Option<Outcome>, i64) {
        let number = self.owned(field!(ORDER, "number"));
        let external_id = self.owned(field!(ORDER, "external_id"));
        let account = self.owned(field!(ORDER, "account"));
        let currency = self.currency();
        let open = self.money(field!(ORDER, "open"));
        let ordered = self.date(field!(ORDER, "ordered"));
        let account_in = self.account_stub([
            field!(ORDER, "account_name"),
            field!(ORDER, "account_country"),
            field!(ORDER, "account_siren"),
            field!(ORDER, "account_siret"),
            field!(ORDER, "account_vat"),
            field!(ORDER, "account_insurer_buyer_id"),
        ]);
        if open.is_some_and(|open| open < 0) {
            self.fault(field!(ORDER, "open"), "is negative");
        }
        let control = open.unwrap_or(0);
        let order = || {
            let number = number?;
            Some(Order {
                external_id: external_id.unwrap_or_else(|| number.clone()),
                number,
                account: account?,
                currency: currency?,
                open_minor: open?,
                ordered: ordered?,
            })
        };
        (order().map(|order| Outcome::Order(OrderIn { order, account: account_in })), control)
    }

    /// What a record says of its account; `fields` are the places of its name, country, SIREN, SIRET, VAT number and the
    /// insurer's id of the buyer.
    fn account_stub(&mut self, fields: [usize; 6]) -> Option<Box<AccountIn>> {
        let [name, country, siren, siret, vat, insurer_buyer_id] = fields;
        let name = self.owned(name)?;
        let country = self.owned(country).unwrap_or_default().to_uppercase();
        let mut identifiers = Vec::new();
        for (index, scheme) in [(siren, Scheme::Siren), (siret, Scheme::Siret), (vat, Scheme::Vat)] {
            identifiers.extend(self.text(index).and_then(|text| Identifier::new(scheme, &text)));
        }
        let insurer_buyer_id = self.owned(insurer_buyer_id);
        Some(Box::new(AccountIn { name, country, identifiers, insurer_buyer_id }))
    }

    fn allocation(&mut self) -> Option<Allocation> {
        let external_id = self.owned(field!(ALLOCATION, "external_id"));
        let from = self.owned(field!(ALLOCATION, "from")).unwrap_or_default();
        let to = self.owned(field!(ALLOCATION, "to"));
        let currency = self.currency();
        let amount = self.money(field!(ALLOCATION, "amount"));
        let date = self.date(field!(ALLOCATION, "date"));
        Some(Allocation {
            external_id: external_id?,
            from,
            to: to?,
            currency: currency?,
            amount_minor: amount?.checked_abs()?,
            date: date?,
        })
    }
}
