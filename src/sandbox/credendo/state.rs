//! What the simulated insurer knows: debtors, what was decided on each, and what was asked.
//!
//! A decision stands from its own day on, so the day can be moved; what is listed on a day is told anew from all of them.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::files::{Row, minor, shown};
use crate::sandbox::insurer::{Accepted, Asked};

/// A company that the insurer knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debtor {
    /// The insurer's number of it, with its zeros.
    pub partner_id: String,
    /// Its name.
    pub name: String,
    /// Its number in its country's registry; empty where none is known.
    pub national_id: String,
    /// ISO 3166 alpha-2 code.
    pub country: String,
    /// What is granted on the first day, minor units; 0 for nothing.
    pub granted_minor: i64,
}

/// What the simulator starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// What decisions are drawn from.
    pub seed: u64,
    /// The first day.
    pub today: NaiveDate,
    /// The policy.
    pub policy: String,
    /// Its currency, with two decimals.
    pub currency: String,
    /// The companies.
    pub debtors: Vec<Debtor>,
}

/// Invented names, with country.
const NAMES: &[(&str, &str)] = &[
    ("Tarvenne Logistiek NV", "BE"),
    ("Ostrelle Metaal BV", "NL"),
    ("Fiorvanta Srl", "IT"),
    ("Galdorne SAS", "FR"),
    ("Mirabeck GmbH", "DE"),
    ("Quellinster Dranken NV", "BE"),
    ("Papelera Tornavela SL", "ES"),
    ("Sorvelle Papiers SAS", "FR"),
    ("Westermark Kabel BV", "NL"),
    ("Brouwerij Haldermont NV", "BE"),
    ("Verreries d'Ombrelune SAS", "FR"),
    ("Steinhagger Pumpen GmbH", "DE"),
];

impl Setup {
    /// An invented portfolio of twelve debtors around a day.
    #[must_use]
    pub fn demo(seed: u64, today: NaiveDate) -> Self {
        let debtors = NAMES.iter().zip(1_u64..).map(|((name, country), number)| Debtor {
            partner_id: format!("{:07}", 7_000 + number),
            name: (*name).to_owned(),
            national_id: format!("{:09}", 100 + number),
            country: (*country).to_owned(),
            granted_minor: if number % 4 == 0 {
                0
            } else {
                i64::try_from(1 + draw(seed, name, 0, "granted", 12)).unwrap_or(1) * 500_000
            },
        });
        Self {
            seed,
            today,
            policy: "C-2200".to_owned(),
            currency: "EUR".to_owned(),
            debtors: debtors.collect(),
        }
    }
}

/// Words of the column Status. `APPLICATION` is published, the others are assumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    Approved,
    Partial,
    Refused,
    Reduced,
    WithdrawalAnnounced,
    Withdrawn,
    Cancelled,
    Expired,
    Other(String),
}

impl Status {
    fn as_str(&self) -> &str {
        match self {
            Self::Approved => "APPROVED",
            Self::Partial => "PARTIAL",
            Self::Refused => "REFUSED",
            Self::Reduced => "REDUCED",
            Self::WithdrawalAnnounced => "WITHDRAWAL ANNOUNCED",
            Self::Withdrawn => "WITHDRAWN",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
            Self::Other(word) => word,
        }
    }
}

/// A decision, standing from the day `on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Decision {
    pub id: u64,
    pub partner_id: String,
    pub on: NaiveDate,
    pub status: Status,
    pub amount_minor: i64,
    pub requested_minor: Option<i64>,
    pub requested_on: Option<NaiveDate>,
    pub valid_until: Option<NaiveDate>,
    pub withdrawal_on: Option<NaiveDate>,
    pub reference: Option<String>,
    pub reason: Option<String>,
}

impl Decision {
    /// As it stands on a day: its own last day and an announced withdrawal come true by themselves.
    fn on_day(&self, day: NaiveDate) -> Self {
        if let Some(last) = self.valid_until.filter(|last| *last < day) {
            let on = last.succ_opt().unwrap_or(last);
            return Self { status: Status::Expired, amount_minor: 0, on, ..self.clone() };
        }
        if let Some(on) = self.withdrawal_on.filter(|on| *on <= day) {
            return Self { status: Status::Withdrawn, amount_minor: 0, on, ..self.clone() };
        }
        self.clone()
    }
}

/// Something that was asked, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub id: u64,
    pub partner_id: String,
    pub made_on: NaiveDate,
    pub cancels: bool,
    pub changes: bool,
    pub amount_minor: i64,
    pub reference: Option<String>,
    /// The day of the decision; on the day before, it is an application.
    pub decided_on: NaiveDate,
    /// Superseded by a later request of the same debtor before it was decided.
    pub dropped_on: Option<NaiveDate>,
}

impl Request {
    fn is_pending(&self, day: NaiveDate) -> bool {
        self.made_on <= day && day < self.decided_on && self.dropped_on.is_none_or(|on| day < on)
    }
}

/// Everything that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    pub seed: u64,
    pub today: NaiveDate,
    pub policy: String,
    pub currency: String,
    pub debtors: Vec<Debtor>,
    pub decisions: Vec<Decision>,
    pub requests: Vec<Request>,
    pub next_id: u64,
}

impl Book {
    pub(super) fn new(setup: Setup) -> Self {
        let Setup { seed, today, policy, currency, debtors } = setup;
        let mut book = Self {
            seed,
            today,
            policy,
            currency,
            debtors: Vec::new(),
            decisions: Vec::new(),
            requests: Vec::new(),
            next_id: 90_001,
        };
        let since = today.checked_sub_days(Days::new(60)).unwrap_or(today);
        for debtor in &debtors {
            let id = book.id();
            if debtor.granted_minor > 0 {
                book.decisions.push(Decision {
                    id,
                    partner_id: debtor.partner_id.clone(),
                    on: since,
                    status: Status::Approved,
                    amount_minor: debtor.granted_minor,
                    requested_minor: Some(debtor.granted_minor),
                    requested_on: Some(since),
                    valid_until: None,
                    withdrawal_on: None,
                    reference: None,
                    reason: None,
                });
            }
        }
        book.debtors = debtors;
        book
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// What stands on a debtor today.
    pub(super) fn standing(&self, partner_id: &str) -> Option<Decision> {
        let decided = self.decisions.iter().filter(|d| d.partner_id == partner_id && d.on <= self.today);
        // The last of the same day counts.
        let last = decided.enumerate().max_by_key(|(order, d)| (d.on, *order));
        last.map(|(_, decision)| decision.on_day(self.today))
    }

    /// Minor units per debtor; those that nothing was ever decided on are absent.
    pub(super) fn limits(&self) -> BTreeMap<String, i64> {
        let standing = |debtor: &Debtor| {
            Some((debtor.partner_id.clone(), self.standing(&debtor.partner_id)?.amount_minor))
        };
        self.debtors.iter().filter_map(standing).collect()
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(|request| request.is_pending(self.today))
    }

    pub(super) fn accepted(&self) -> Vec<Accepted> {
        let told = |request: &Request| Accepted {
            on: request.made_on,
            buyer: request.partner_id.clone(),
            asked: match (request.cancels, request.changes) {
                (true, _) => Asked::Cancel,
                (false, true) => Asked::Change,
                (false, false) => Asked::New,
            },
            amount_minor: if request.cancels { 0 } else { request.amount_minor },
            reference: request.reference.clone(),
        };
        self.requests.iter().map(told).collect()
    }

    /// A decision on what stands, from today; `false` when nothing stands.
    pub(super) fn decide(&mut self, partner_id: &str, change: impl FnOnce(&mut Decision)) -> bool {
        let Some(mut decision) = self.standing(partner_id).filter(|standing| standing.amount_minor > 0)
        else {
            return false;
        };
        decision.on = self.today;
        change(&mut decision);
        self.decisions.push(decision);
        true
    }

    /// Fills a row into the form.
    ///
    /// # Errors
    /// What the form would not take.
    pub(super) fn take(&mut self, row: &Row) -> Result<(), String> {
        let text = |name: &str| row.get(name).map(|text| text.trim().to_owned());
        let action = text("Action").ok_or("there is no action")?;
        let cancels = action == "cancel";
        if !cancels {
            for wanted in
                ["Insured", "Transaction type", "Insured risk", "Payment method", "Cause of loss", "Currency"]
            {
                text(wanted).ok_or_else(|| format!("the form wants: {wanted}"))?;
            }
            if text("Currency").is_some_and(|currency| currency != self.currency) {
                return Err(format!("the policy is in {}", self.currency));
            }
        }
        if text("Policy").is_some_and(|policy| policy != self.policy) {
            return Err("the policy is not known".to_owned());
        }
        let amount_minor = match text("Amount") {
            Some(amount) => minor(&amount).ok_or_else(|| format!("\"{amount}\" is no amount"))?,
            None if cancels => 0,
            None => return Err("there is no amount".to_owned()),
        };
        let partner_id = self.debtor(&text)?;
        let standing = self.standing(&partner_id).filter(|standing| standing.amount_minor > 0);
        if cancels && standing.is_none() && !self.pending().any(|request| request.partner_id == partner_id) {
            return Err("there is nothing to cancel".to_owned());
        }
        let (today, id, seed) = (self.today, self.id(), self.seed);
        for request in self.requests.iter_mut().filter(|r| r.partner_id == partner_id && r.is_pending(today))
        {
            request.dropped_on = Some(today);
            let dropped = request.id;
            self.decisions.retain(|decision| decision.id != dropped || decision.on <= today);
        }
        let roll = |what: &str, below: u64| draw(seed, &partner_id, amount_minor, what, below);
        let urgent = text("Urgent").is_some_and(|word| word == "YES");
        let days = if cancels || urgent { 0 } else { roll("days", 4) };
        let decided_on = today.checked_add_days(Days::new(days)).unwrap_or(today);
        let held = standing.as_ref().map_or(0, |standing| standing.amount_minor);
        let share = amount_minor / 2 / 10_000 * 10_000;
        let (status, granted, valid_until, reason) = match roll("outcome", 20) {
            _ if cancels => (Status::Cancelled, 0, None, None),
            // A reduction that was asked for is always granted.
            _ if amount_minor <= held => (Status::Approved, amount_minor, None, None),
            0..=10 => (Status::Approved, amount_minor, None, None),
            11..=14 if share > held => {
                (Status::Partial, share, None, Some("Limited by the size of the company"))
            }
            15..=17 if held == 0 => (Status::Refused, 0, None, Some("No recent accounts")),
            15..=17 => (Status::Partial, held, None, Some("The increase is refused, the limit stays")),
            _ => {
                let last = decided_on.checked_add_days(Days::new(90));
                (Status::Approved, amount_minor, last, Some("For the season"))
            }
        };
        let reference = text("Our reference");
        self.requests.push(Request {
            id,
            partner_id: partner_id.clone(),
            made_on: today,
            cancels,
            changes: standing.is_some(),
            amount_minor,
            reference: reference.clone(),
            decided_on,
            dropped_on: None,
        });
        self.decisions.push(Decision {
            id,
            partner_id,
            on: decided_on,
            status,
            amount_minor: granted,
            requested_minor: Some(amount_minor),
            requested_on: Some(today),
            valid_until,
            withdrawal_on: None,
            reference,
            reason: reason.map(str::to_owned),
        });
        Ok(())
    }

    /// The debtor of a row: by the insurer's number, else by the national one, else a new one.
    fn debtor(&mut self, text: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
        if let Some(id) = text("Partner id") {
            let known = self.debtors.iter().any(|debtor| debtor.partner_id == id);
            return if known { Ok(id) } else { Err(format!("the partner {id} is not known")) };
        }
        let national_id = text("National id").unwrap_or_default();
        let known = self.debtors.iter().find(|d| !national_id.is_empty() && d.national_id == national_id);
        if let Some(debtor) = known {
            return Ok(debtor.partner_id.clone());
        }
        let (Some(name), Some(country)) = (text("Debtor"), text("Debtor country")) else {
            return Err("a new debtor needs a name and a country".to_owned());
        };
        if let Some(debtor) = self.debtors.iter().find(|d| d.name == name && d.country == country) {
            return Ok(debtor.partner_id.clone());
        }
        let partner_id = format!("{:07}", 8_001 + self.debtors.len());
        let debtor = Debtor { partner_id: partner_id.clone(), name, national_id, country, granted_minor: 0 };
        self.debtors.push(debtor);
        Ok(partner_id)
    }

    /// The rows of the portal's list: what stands, what is under review, and a contract approval, which is no limit.
    pub(super) fn list(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for debtor in &self.debtors {
            if let Some(decision) = self.standing(&debtor.partner_id) {
                let mut row = self.row(debtor, decision.id, "Credit limit", decision.status.as_str());
                let date = |date: Option<NaiveDate>| date.map_or_else(String::new, |date| date.to_string());
                for (name, value) in [
                    ("Requested amount", decision.requested_minor.map_or_else(String::new, shown)),
                    ("Amount", shown(decision.amount_minor)),
                    ("Requested on", date(decision.requested_on)),
                    ("Decided on", decision.on.to_string()),
                    ("Valid from", decision.on.to_string()),
                    ("Valid until", date(decision.valid_until)),
                    ("Withdrawal on", date(decision.withdrawal_on)),
                    ("Our reference", decision.reference.unwrap_or_default()),
                    ("Reason", decision.reason.unwrap_or_default()),
                ] {
                    row.insert(name.to_owned(), value);
                }
                rows.push(row);
            }
            for request in self.pending().filter(|request| request.partner_id == debtor.partner_id) {
                let mut row = self.row(debtor, request.id, "Credit limit", "APPLICATION");
                row.insert("Requested amount".to_owned(), shown(request.amount_minor));
                row.insert("Requested on".to_owned(), request.made_on.to_string());
                row.insert("Our reference".to_owned(), request.reference.clone().unwrap_or_default());
                rows.push(row);
            }
        }
        if let Some(debtor) = self.debtors.first() {
            let mut row = self.row(debtor, 80_001, "Contract approval", "APPROVED");
            row.insert("Requested amount".to_owned(), shown(90_000_000));
            row.insert("Amount".to_owned(), shown(90_000_000));
            rows.push(row);
        }
        rows
    }

    fn row(&self, debtor: &Debtor, id: u64, kind: &str, status: &str) -> Row {
        let id = id.to_string();
        [
            ("Id", id.as_str()),
            ("Type", kind),
            ("Status", status),
            ("Policy", &self.policy),
            ("Partner id", &debtor.partner_id),
            ("Debtor", &debtor.name),
            ("National id", &debtor.national_id),
            ("Country", &debtor.country),
            ("Currency", &self.currency),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into()
    }
}

/// A number below `below` that depends on nothing else than the other arguments.
fn draw(seed: u64, who: &str, amount: i64, what: &str, below: u64) -> u64 {
    let print = crate::ids::fingerprint(&[
        b"sandbox credendo",
        &seed.to_le_bytes(),
        who.as_bytes(),
        &amount.to_le_bytes(),
        what.as_bytes(),
    ]);
    let number = print.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    number.checked_rem(below).unwrap_or(0)
}
