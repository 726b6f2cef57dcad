//! What the simulated factor knows: invoices, loans and what was decided on them, and the shapes in which it tells them.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::sandbox::factor::Decision;

/// What the simulator starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// What ids and tokens are made from.
    pub seed: u64,
    /// Its day.
    pub today: NaiveDate,
    /// Who fetches tokens.
    pub client_id: String,
    /// And the secret of that.
    pub client_secret: String,
    /// What tokens are for.
    pub audience: String,
    /// How long a token is good.
    pub token_lifetime_seconds: u64,
    /// Aria's id of the company that borrows.
    pub user_id: String,
    /// The debtors that have a limit.
    pub credit_limits: Vec<CreditLimit>,
}

/// The limit of a debtor; it does not move by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditLimit {
    /// The debtor's SIREN or SIRET.
    pub debtor: String,
    /// The limit, in the unit of the interface.
    pub amount: u64,
    /// What of it is used.
    pub outstanding: u64,
}

impl Setup {
    /// The setup of `encours sandbox aria`.
    #[must_use]
    pub fn demo(seed: u64, today: NaiveDate) -> Self {
        Self {
            seed,
            today,
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            audience: "https://api.aria.example".to_owned(),
            token_lifetime_seconds: 3_600,
            user_id: "00000000-0000-4000-8000-000000000001".to_owned(),
            credit_limits: vec![
                CreditLimit { debtor: "000000018".to_owned(), amount: 50_000, outstanding: 12_000 },
                CreditLimit { debtor: "00000002600018".to_owned(), amount: 0, outstanding: 0 },
            ],
        }
    }
}

/// An invoice that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invoice {
    /// Aria's id of it.
    pub id: String,
    /// The simulator's day on which it came.
    pub on: NaiveDate,
    /// Its number.
    pub number: String,
    /// `totalAmountIncludingTaxes` in the digits that came.
    pub total_including_taxes: String,
    /// `totalAmountExcludingTaxes` in the digits that came.
    pub total_excluding_taxes: String,
    /// What was sent.
    pub sent: Map<String, Value>,
}

impl Invoice {
    /// The invoice as it is told.
    pub(super) fn answer(&self) -> Value {
        let mut answer = self.sent.clone();
        answer.insert("id".to_owned(), self.id.clone().into());
        Value::Object(answer)
    }
}

/// A loan that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loan {
    /// Aria's id of it.
    pub id: String,
    /// The simulator's day of the request.
    pub on: NaiveDate,
    /// Its status, in Aria's word.
    pub status: String,
    /// `amount` in the digits that came.
    pub amount: String,
    /// Why it was refused or is blocked, in Aria's word.
    pub reason: Option<String>,
    /// Aria's id of the invoice.
    pub invoice_id: String,
    /// The number of the invoice.
    pub invoice_number: String,
    /// The caller's own reference.
    pub external_id: Option<String>,
    /// What was sent.
    pub sent: Map<String, Value>,
}

impl Loan {
    /// The loan as it is told.
    pub(super) fn answer(&self) -> Value {
        let mut answer = self.sent.clone();
        answer.insert("id".to_owned(), self.id.clone().into());
        answer.insert("status".to_owned(), self.status.clone().into());
        let name = if self.status == "BLOCKED" { "blockedReason" } else { "refusalReason" };
        if let Some(reason) = &self.reason {
            answer.insert(name.to_owned(), reason.clone().into());
        }
        Value::Object(answer)
    }
}

/// Everything that is saved, and the tokens, which are not.
#[derive(Debug, Serialize, Deserialize)]
pub struct Book {
    pub(super) setup: Setup,
    pub(super) today: NaiveDate,
    pub(super) invoices: Vec<Invoice>,
    pub(super) loans: Vec<Loan>,
    pub(super) tokens_issued: u64,
    /// When each token ends.
    #[serde(skip)]
    pub(super) tokens: HashMap<String, DateTime<Utc>>,
}

impl Book {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            today: setup.today,
            setup,
            invoices: Vec::new(),
            loans: Vec::new(),
            tokens_issued: 0,
            tokens: HashMap::new(),
        }
    }

    /// Decides on the loan of this id, else on the loans of the invoices of this number.
    pub(super) fn decide_on(&mut self, which: &str, decision: &Decision) -> usize {
        let is_id = self.loans.iter().any(|loan| loan.id == which);
        let meant = |loan: &&mut Loan| if is_id { loan.id == which } else { loan.invoice_number == which };
        let mut found = 0;
        for loan in self.loans.iter_mut().filter(meant) {
            found += 1;
            loan.status.clone_from(&decision.status);
            loan.reason.clone_from(&decision.reason);
            if let Some(amount) = &decision.amount {
                loan.sent.insert("amount".to_owned(), amount.clone().into());
            }
        }
        found
    }
}
