//! Case files: pieces of a ledger under one policy with what should come out of them, for `encours policy test`.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::Config;
use crate::credit::case::{Case, CaseDeadline, CaseItem, Expected, ExpectedInvoice, ExpectedPlan};
use crate::credit::deadline::{DeadlineKind, DeadlineState};
use crate::credit::{LimitVersion, Reason};
use crate::format::toml::{Problem, read};
use crate::model::{
    Action, Currency, Date, Decision, ItemKind, Layer, LayerKind, NumberStyle, Policy, parse_minor,
};

type Text = Spanned<String>;

/// The cases of one file, and the periods of the policy that they are of.
#[derive(Debug, Clone)]
pub struct Cases {
    /// The file.
    pub file: String,
    /// Every period of the policy, by its days.
    pub periods: Vec<Policy>,
    /// The cases, in the order of the file.
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: Text,
    connection: Option<Text>,
    #[serde(rename = "case")]
    cases: Vec<CaseTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseTable {
    name: String,
    on: Text,
    #[serde(default)]
    buyer: String,
    #[serde(default)]
    country: String,
    #[serde(default)]
    rating: String,
    #[serde(default)]
    limits: Vec<LimitTable>,
    #[serde(default)]
    items: Vec<ItemTable>,
    orders: Option<Text>,
    expect: ExpectTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitTable {
    from: Text,
    decision: Option<Decision>,
    amount: Option<Text>,
    #[serde(default)]
    layers: Vec<LayerTable>,
    until: Option<Text>,
    withdrawal_on: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerTable {
    kind: Option<LayerKind>,
    amount: Text,
    until: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemTable {
    number: Text,
    kind: Option<ItemKind>,
    issued: Text,
    due: Option<Text>,
    open: Text,
    tax: Option<Text>,
    currency: Option<Currency>,
    #[serde(default)]
    disputed: bool,
    paid_on: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectTable {
    #[serde(default)]
    invoices: Vec<InvoiceTable>,
    covered: Option<Text>,
    uninsured: Option<Text>,
    indemnity: Option<Text>,
    limit: Option<Text>,
    stopped_since: Option<Text>,
    deadlines: Option<Vec<DeadlineTable>>,
    plan: Option<Spanned<PlanTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvoiceTable {
    number: String,
    covered: Option<Text>,
    reason: Option<Reason>,
    limit: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadlineTable {
    invoice: String,
    kind: DeadlineKind,
    last_day: Text,
    state: Option<DeadlineState>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanTable {
    action: String,
    amount: Option<Text>,
    fee: Option<Text>,
    by_person: Option<bool>,
}

/// The word for "nothing" where a day or an action could stand.
const NONE: &str = "none";

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    currency: Currency,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn problem<T>(&mut self, field: &Spanned<T>, message: impl Into<String>) {
        self.problems.push(Problem::at(self.file, self.text, Some(field.span()), message));
    }

    fn date(&mut self, field: &Text) -> Date {
        field.get_ref().parse().unwrap_or_else(|_| {
            self.problem(field, format!("\"{}\" is not a date (YYYY-MM-DD)", field.get_ref()));
            Date::default()
        })
    }

    fn day(&mut self, field: Option<&Text>) -> Option<Date> {
        field.map(|field| self.date(field))
    }

    fn amount_in(&mut self, field: &Text, currency: Currency) -> i64 {
        match parse_minor(field.get_ref(), currency, NumberStyle::Point) {
            Ok(minor) if minor >= 0 => minor,
            Ok(_) => {
                self.problem(field, "an amount here is not negative: the kind of an item gives its sign");
                0
            }
            Err(error) => {
                self.problem(field, error.to_string());
                0
            }
        }
    }

    fn amount(&mut self, field: &Text) -> i64 {
        self.amount_in(field, self.currency)
    }

    fn figure(&mut self, field: Option<&Text>) -> Option<i64> {
        field.map(|field| self.amount(field))
    }

    fn limit(&mut self, table: &LimitTable) -> LimitVersion {
        let mut layers = Vec::new();
        for layer in &table.layers {
            let until = self.day(layer.until.as_ref());
            let amount_minor = self.amount(&layer.amount);
            layers.push(Layer { kind: Layer::kind_of(layer.kind, until), amount_minor, until });
        }
        if let Some(field) = &table.amount {
            if layers.is_empty() {
                let amount_minor = self.amount(field);
                layers.push(Layer { kind: LayerKind::Permanent, amount_minor, until: None });
            } else {
                self.problem(
                    field,
                    "a limit has an amount or layers: a permanent layer is one of kind \"permanent\"",
                );
            }
        }
        LimitVersion {
            from: self.date(&table.from),
            decision: table.decision.unwrap_or(Decision::Approved),
            layers,
            effective_to: self.day(table.until.as_ref()),
            withdrawal_on: self.day(table.withdrawal_on.as_ref()),
        }
    }

    fn item(&mut self, table: &ItemTable) -> CaseItem {
        let currency = table.currency.unwrap_or(self.currency);
        let kind = table.kind.unwrap_or(ItemKind::Invoice);
        let issued = self.date(&table.issued);
        if kind == ItemKind::Invoice && table.due.is_none() {
            self.problem(&table.number, "an invoice has a due date");
        }
        let open_minor = self.amount_in(&table.open, currency);
        let tax_minor = table.tax.as_ref().map(|field| {
            let tax = self.amount_in(field, currency);
            if tax > open_minor {
                self.problem(field, "the tax in what is open is not more than what is open");
            }
            tax
        });
        CaseItem {
            number: table.number.get_ref().clone(),
            kind,
            currency,
            open_minor,
            tax_minor,
            issued,
            due: self.day(table.due.as_ref()).unwrap_or(issued),
            disputed: table.disputed,
            paid_on: self.day(table.paid_on.as_ref()),
        }
    }

    fn expected(&mut self, table: &ExpectTable) -> Expected {
        let mut invoices = Vec::new();
        for invoice in &table.invoices {
            invoices.push(ExpectedInvoice {
                number: invoice.number.clone(),
                covered_minor: self.figure(invoice.covered.as_ref()),
                reason: invoice.reason,
                limit_minor: self.figure(invoice.limit.as_ref()),
            });
        }
        let deadlines = table.deadlines.as_ref().map(|all| {
            all.iter()
                .map(|deadline| CaseDeadline {
                    kind: deadline.kind,
                    number: deadline.invoice.clone(),
                    last_day: self.date(&deadline.last_day),
                    state: deadline.state,
                })
                .collect()
        });
        let stopped_since =
            table.stopped_since.as_ref().map(|field| (field.get_ref() != NONE).then(|| self.date(field)));
        let plan = table.plan.as_ref().map(|field| self.plan(field));
        Expected {
            invoices,
            covered_minor: self.figure(table.covered.as_ref()),
            uninsured_minor: self.figure(table.uninsured.as_ref()),
            indemnity_minor: self.figure(table.indemnity.as_ref()),
            limit_minor: self.figure(table.limit.as_ref()),
            stopped_since,
            deadlines,
            plan,
        }
    }

    fn plan(&mut self, field: &Spanned<PlanTable>) -> Option<ExpectedPlan> {
        let table = field.get_ref();
        if table.action == NONE {
            return None;
        }
        let known = [Action::New, Action::Increase, Action::Reduce, Action::Supersede, Action::Cancel];
        let action = Action::parse(&table.action).filter(|action| known.contains(action));
        if action.is_none() {
            let known = known.map(Action::as_str).join(", ");
            self.problem(field, format!("no request is \"{}\"; there are: {known}, {NONE}", table.action));
        }
        Some(ExpectedPlan {
            action: action?,
            amount_minor: self.figure(table.amount.as_ref()),
            fee_minor: self.figure(table.fee.as_ref()),
            by_person: table.by_person,
        })
    }
}

impl Cases {
    /// Reads a case file against the policies of a configuration.
    ///
    /// # Errors
    /// Every problem found, each placed in the file.
    pub fn load(path: &Path, config: &Config) -> Result<Self, Vec<Problem>> {
        let content = super::policy_file::content(path)?;
        Self::parse(&content.name, &content.text, config)
    }

    /// Reads cases from their text.
    ///
    /// # Errors
    /// As [`Cases::load`].
    pub fn parse(name: &str, text: &str, config: &Config) -> Result<Self, Vec<Problem>> {
        let file: File = read(name, text).map_err(|problem| vec![problem])?;
        let number = file.policy.get_ref();
        let named = config.policies.iter().filter(|policy| policy.number == *number);
        let mut periods: Vec<Policy> = named
            .filter(|policy| file.connection.as_ref().is_none_or(|own| *own.get_ref() == policy.connection))
            .cloned()
            .collect();
        periods.sort_by_key(|policy| policy.valid_from);
        let at = |field: &Text, message: String| vec![Problem::at(name, text, Some(field.span()), message)];
        let Some(first) = periods.first() else {
            let mut known: Vec<&str> = config.policies.iter().map(|policy| policy.number.as_str()).collect();
            known.dedup();
            let known = if known.is_empty() { NONE.to_owned() } else { known.join(", ") };
            return Err(at(&file.policy, format!("there is no policy \"{number}\"; there are: {known}")));
        };
        if let Some(other) = periods.iter().find(|policy| policy.connection != first.connection) {
            let told = format!(
                "{} and {} both have a policy {number}: say which with connection = …",
                first.connection, other.connection
            );
            return Err(at(&file.policy, told));
        }
        let mut reader = Reader { file: name, text, currency: first.currency, problems: Vec::new() };
        let mut cases = Vec::new();
        for table in &file.cases {
            let mut items: Vec<CaseItem> = Vec::new();
            for item in &table.items {
                if items.iter().any(|known| known.number == *item.number.get_ref()) {
                    reader.problem(&item.number, "two items of the case have this number");
                }
                items.push(reader.item(item));
            }
            cases.push(Case {
                name: table.name.clone(),
                on: reader.date(&table.on),
                buyer: table.buyer.clone(),
                country: table.country.clone(),
                rating: table.rating.clone(),
                limits: table.limits.iter().map(|limit| reader.limit(limit)).collect(),
                items,
                backlog_minor: reader.figure(table.orders.as_ref()).unwrap_or_default(),
                expected: reader.expected(&table.expect),
            });
        }
        if reader.problems.is_empty() {
            Ok(Self { file: name.to_owned(), periods, cases })
        } else {
            Err(reader.problems)
        }
    }
}
