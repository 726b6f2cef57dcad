//! What the simulated factor knows: invoices, loans and what was decided on them, and the shapes in which it tells them.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{cents, text};
use crate::sandbox::factor::{Decision, uuid};

/// What the simulator starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// What ids are made from.
    pub seed: u64,
    /// Its day.
    pub today: NaiveDate,
    /// The key that calls must bear.
    pub api_key: String,
    /// The number of the one company that may borrow.
    pub borrower: String,
}

impl Setup {
    /// The setup of `encours sandbox defacto`.
    #[must_use]
    pub fn demo(seed: u64, today: NaiveDate) -> Self {
        Self { seed, today, api_key: "sandbox-key".to_owned(), borrower: "404833048".to_owned() }
    }
}

/// An invoice that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invoice {
    /// Defacto's id of it.
    pub id: String,
    /// Its number; empty where a draft has none.
    pub number: String,
    /// Its total in cents; absent where a draft has none.
    pub total_amount: Option<i64>,
    /// ISO 4217 code.
    pub currency: String,
    /// Its status, in Defacto's word.
    pub status: String,
    /// Why it was declined.
    pub status_reason: Option<String>,
    /// What was sent of it, without the document.
    pub sent: Map<String, Value>,
    /// How long its document is.
    pub document_bytes: usize,
    /// The SHA-256 of its document, as 64 hexadecimal digits.
    pub document_sha256: String,
}

impl Invoice {
    /// Replaces what was sent of it.
    pub(super) fn change(&mut self, sent: Map<String, Value>) {
        text(&sent, "invoice_number").unwrap_or_default().clone_into(&mut self.number);
        text(&sent, "currency").unwrap_or("EUR").clone_into(&mut self.currency);
        self.total_amount = cents(&sent, "total_amount");
        self.sent = sent;
    }
}

/// A loan that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loan {
    /// Defacto's id of it.
    pub id: String,
    /// The simulator's day of the request.
    pub on: NaiveDate,
    /// The caller's key against a second one.
    pub salt_id: Option<String>,
    /// Cents.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Defacto's id of the invoice.
    pub invoice_id: String,
    /// The number of the invoice.
    pub invoice_number: String,
    /// The number of the company that borrows.
    pub borrower: String,
    /// Its status, in Defacto's word.
    pub status: String,
    /// Why it was declined.
    pub denial_reason: Option<String>,
    /// The day of the payment.
    pub paid_on: Option<NaiveDate>,
    /// The day on which all was paid back.
    pub closed_on: Option<NaiveDate>,
    /// What was sent of it, without documents.
    pub sent: Map<String, Value>,
}

/// A day as a moment.
fn at(day: NaiveDate) -> String {
    format!("{day}T09:00:00+00:00")
}

impl Loan {
    /// The loan as it is told: in full, or as a row of a list.
    pub(super) fn answer(&self, is_full: bool) -> Value {
        let sent = |name: &str| self.sent.get(name).cloned().unwrap_or(Value::Null);
        let list = |name: &str| self.sent.get(name).cloned().unwrap_or_else(|| json!([]));
        let business = json!({ "identifier": self.borrower, "identifier_type": "siren" });
        let account = |number: &Value| {
            json!({
                "account_number": number, "account_number_type": "iban", "bank_identifier": "FK2FACTO",
                "bank_identifier_type": "bic",
            })
        };
        let own = account(&"FR1420041010050500013M02606".into());
        let loan_to =
            self.sent.get("loan_to").and_then(|to| to.get("account_number")).unwrap_or(&Value::Null);
        let repaid = if self.closed_on.is_some() { self.amount } else { 0 };
        let mut answer = json!({
            "amount": self.amount,
            "beneficiary": business,
            "borrower": business,
            "borrower_financial_product_id": sent("borrower_financial_product_id"),
            "closed_at": self.closed_on.map(at),
            "contract_url": null,
            "contractual_repayment_date": sent("to_repay_at"),
            "currency": self.currency,
            "denial_reason": self.denial_reason,
            "deposits": {},
            "earliest_to_repay_at": sent("to_pay_at"),
            "fees_estimated": null,
            "fees_ongoing": null,
            "guarantor": null,
            "id": self.id,
            "invoice_ids": [self.invoice_id],
            "loan_from": own,
            "loan_from_references": [],
            "loan_to": account(loan_to),
            "loan_to_references": list("loan_to_references"),
            "loan_type": "INVOICE_BASED_FINANCING",
            "metadata": sent("metadata"),
            "notification_emails": list("notification_emails"),
            "paid_at": self.paid_on.map(at),
            "paid_interests_amount": 0,
            "repaid_amount": repaid,
            "repaid_nominal_amount": repaid,
            "repaid_nominal_at": self.closed_on.map(at),
            "repayment_from": null,
            "repayment_from_references": list("repayment_from_references"),
            "repayment_method": "SCT",
            "repayment_to": own,
            "repayment_to_references": [],
            "status": self.status,
            "submitted_at": at(self.on),
            "to_pay_at": sent("to_pay_at"),
            "to_repay_at": sent("to_repay_at"),
            "transfer_contract_url": null,
        });
        if let Some(answer) = answer.as_object_mut().filter(|_| is_full) {
            answer.insert("documents".to_owned(), json!([]));
        }
        answer
    }
}

/// Everything that is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct Book {
    pub(super) setup: Setup,
    pub(super) today: NaiveDate,
    pub(super) loans: Vec<Loan>,
    pub(super) invoices: Vec<Invoice>,
}

impl Book {
    pub(super) fn new(setup: Setup) -> Self {
        Self { today: setup.today, setup, loans: Vec::new(), invoices: Vec::new() }
    }

    /// An invoice of what was sent, not yet kept.
    pub(super) fn invoice(&self, mut sent: Map<String, Value>, document: &[u8]) -> Invoice {
        // The schema's default is false, though its description says true.
        let is_draft = sent.remove("is_draft").and_then(|draft| draft.as_bool()).unwrap_or(false);
        let mut invoice = Invoice {
            id: uuid("defacto invoice", self.setup.seed, self.invoices.len()),
            number: String::new(),
            total_amount: None,
            currency: String::new(),
            status: if is_draft { "TO_SUBMIT" } else { "SUBMITTED" }.to_owned(),
            status_reason: None,
            sent: Map::new(),
            document_bytes: document.len(),
            document_sha256: crate::ids::sha256_hex(document),
        };
        invoice.change(sent);
        invoice
    }

    /// A loan on an invoice, not yet kept.
    pub(super) fn lend(
        &self,
        salt_id: Option<String>,
        amount: i64,
        invoice: &Invoice,
        sent: Map<String, Value>,
    ) -> Loan {
        Loan {
            id: uuid("defacto loan", self.setup.seed, self.loans.len()),
            on: self.today,
            salt_id,
            amount,
            currency: invoice.currency.clone(),
            invoice_id: invoice.id.clone(),
            invoice_number: invoice.number.clone(),
            borrower: self.setup.borrower.clone(),
            status: "PENDING_VALIDATION".to_owned(),
            denial_reason: None,
            paid_on: None,
            closed_on: None,
            sent,
        }
    }

    /// The invoice as it is told.
    pub(super) fn answer(&self, invoice: &Invoice) -> Value {
        let sent = |name: &str| invoice.sent.get(name).cloned().unwrap_or(Value::Null);
        let party = |name: &str| match invoice.sent.get(name) {
            Some(Value::Object(party)) => json!({
                "identifier": party.get("identifier"),
                "identifier_type": party.get("identifier_type"),
                "name": party.get("name"),
                "vat_number": party.get("vat_number"),
            }),
            Some(_) | None => Value::Null,
        };
        let total = invoice.total_amount;
        let net = cents(&invoice.sent, "net_amount").or_else(|| {
            total.map(|total| total.saturating_sub(cents(&invoice.sent, "tax_amount").unwrap_or_default()))
        });
        let loans = self.loans.iter().filter(|loan| loan.invoice_id == invoice.id);
        json!({
            "buyer": party("buyer"),
            "currency": invoice.currency,
            "document_url": null,
            "due_at": sent("due_at"),
            "id": invoice.id,
            "invoice_number": invoice.number,
            "is_draft": invoice.status == "TO_SUBMIT",
            "issued_at": sent("issued_at"),
            "loan_ids": loans.map(|loan| &loan.id).collect::<Vec<_>>(),
            "metadata": sent("metadata"),
            "net_amount": net,
            "seller": party("seller"),
            "status": invoice.status,
            "status_reason": invoice.status_reason,
            "tax_amount": sent("tax_amount"),
            "to_account_details": null,
            "to_pay_amount": sent("to_pay_amount"),
            "total_amount": total,
        })
    }

    /// Decides on the loan of this id, else on the loans of the invoices of this number, else on those invoices.
    pub(super) fn decide_on(&mut self, which: &str, decision: &Decision) -> usize {
        let is_id = self.loans.iter().any(|loan| loan.id == which);
        let today = self.today;
        let meant = |loan: &&mut Loan| if is_id { loan.id == which } else { loan.invoice_number == which };
        let mut invoices = Vec::new();
        for loan in self.loans.iter_mut().filter(meant) {
            loan.decide(decision, today);
            invoices.push((loan.invoice_id.clone(), of_invoice(&loan.status)));
        }
        let found = invoices.len();
        if found == 0 {
            let alone = self.invoices.iter().filter(|invoice| invoice.number == which || invoice.id == which);
            invoices = alone.map(|invoice| (invoice.id.clone(), Some(decision.status.as_str()))).collect();
        }
        for (id, status) in &invoices {
            let invoice = self.invoices.iter_mut().find(|invoice| invoice.id == *id);
            if let (Some(invoice), Some(status)) = (invoice, status) {
                (*status).clone_into(&mut invoice.status);
                invoice.status_reason.clone_from(&decision.reason);
            }
        }
        invoices.len()
    }
}

impl Loan {
    fn decide(&mut self, decision: &Decision, today: NaiveDate) {
        let on = decision.on.unwrap_or(today);
        let is_accepted = self.sent.get("auto_validate") == Some(&Value::Bool(true));
        self.status = match decision.status.as_str() {
            "TO_VALIDATE" if is_accepted => "VALIDATED".to_owned(),
            status => status.to_owned(),
        };
        self.denial_reason.clone_from(&decision.reason);
        if let Some(amount) = decision.amount.as_ref().and_then(serde_json::Number::as_i64) {
            self.amount = amount;
        }
        if ["TO_REPAY", "TO_REPAY_FEES", "CLOSED"].contains(&self.status.as_str()) {
            self.paid_on = self.paid_on.or(Some(on));
        }
        if self.status == "CLOSED" {
            self.closed_on = Some(on);
        }
    }
}

/// What a loan of this status says of its invoice: assumed.
fn of_invoice(loan: &str) -> Option<&'static str> {
    match loan {
        "TO_VALIDATE" | "VALIDATED" | "SCHEDULED" | "INITIATED" | "TO_REPAY" | "TO_REPAY_FEES" => {
            Some("VERIFIED")
        }
        "DECLINED" => Some("DECLINED"),
        "CLOSED" => Some("PAID"),
        _ => None,
    }
}
