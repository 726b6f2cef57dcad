//! A simulator of Aria's interface for partners: invoices, loans on them, credit limits of debtors.
//!
//! Paths, the token, what an invoice and a loan must hold and the form of errors are from a public client of the
//! interface. Of the answers only `id` of an invoice, `id` and `status` of a loan, and `amount` and `outstandingAmount` of a
//! credit limit are published: the other fields of an answer here bear the names of the request, and `refusalReason` and
//! `blockedReason` are assumed, as are a SIREN of nine or fourteen digits and the answer where nothing is found. No list of
//! invoices or loans is known, and nothing keeps a caller from sending the same twice. Whether amounts are euros or cents
//! is not published: they are kept in the digits that came, and none is compared with another. A loan waits at `CREATED`
//! until [`Sandbox::decide`] says otherwise.
//! Reference: `src/Resource`, `src/Resolver`, `src/Enum` and `tests` in github.com/Medelse/aria-bundle.

mod schema;
mod state;
#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::http::Method;
use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::factor::{self, Answer, Decision, Error, Factor, Incoming, check, uuid};
use super::{Options, Served, fault};
use state::Book;
pub use state::{CreditLimit, Invoice, Loan, Setup};

/// The simulator; clones share one state.
pub type Sandbox = factor::Sandbox<Book>;

/// A fault of this interface.
pub type Fault = fault::Fault<Operation>;

/// What can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `POST /oauth/token`, which Aria serves from another host.
    Token,
    /// `POST /invoices`.
    SendInvoice,
    /// `GET /invoices/{id}`.
    Invoice,
    /// `POST /loans`.
    AskLoan,
    /// `GET /loans/{id}`.
    Loan,
    /// `GET /credit-limits?filter=like(debtorIdentifier.value,SIREN%)`.
    CreditLimit,
}

impl Sandbox {
    /// Starts from a setup.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self::of(Book::new(setup))
    }

    /// The loans that were taken, in order, those with a spoilt answer among them.
    #[must_use]
    pub fn loans(&self) -> Vec<Loan> {
        self.look(|book| book.loans.clone())
    }

    /// The invoices that were taken, in order, those with a spoilt answer among them.
    #[must_use]
    pub fn invoices(&self) -> Vec<Invoice> {
        self.look(|book| book.invoices.clone())
    }
}

/// Opens the simulator for the command line.
pub(super) fn open(options: &Options) -> Result<Served, Error> {
    let start = |seed, day| Book::new(Setup::demo(seed, day));
    factor::open(options, start, |book| {
        let setup = book.setup.clone();
        Box::new(move |url: &str| {
            format!(
                "[[connection]]\nid = \"aria\"\nconnector = \"aria\"\nurl = \"{url}\"\n\n[connection.settings]\nauth_url = \"{url}\"\n\
                 client_id = \"{}\"\nclient_secret = \"{}\"\naudience = \"{}\"\nuser_id = \"{}\"\n\
                 iban = \"FR7630006000011234567890189\"\n\
                 document_url = \"https://documents.exemple.example/{{number}}.pdf\"\namounts = \"decimal\"\nrepayment_period = \"45\"\n",
                setup.client_id, setup.client_secret, setup.audience, setup.user_id,
            )
        })
    })
}

impl Factor for Book {
    type Operation = Operation;

    const TIMED_OUT: u16 = 408;

    fn today(&self) -> NaiveDate {
        self.today
    }

    fn set_today(&mut self, date: NaiveDate) {
        self.today = date;
    }

    fn find<'p>(method: &Method, path: &'p str) -> Result<(Operation, &'p str), Answer> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (known, operation, id) = match parts.as_slice() {
            ["oauth", "token"] => (Method::POST, Operation::Token, ""),
            ["invoices"] => (Method::POST, Operation::SendInvoice, ""),
            ["invoices", id] => (Method::GET, Operation::Invoice, *id),
            ["loans"] => (Method::POST, Operation::AskLoan, ""),
            ["loans", id] => (Method::GET, Operation::Loan, *id),
            ["credit-limits"] => (Method::GET, Operation::CreditLimit, ""),
            _ => return Err(not_found()),
        };
        if known == method { Ok((operation, id)) } else { Err(Self::refuse(405, "Method not allowed")) }
    }

    fn is_token(operation: Operation) -> bool {
        operation == Operation::Token
    }

    fn expire(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    fn carry_out(&mut self, call: &Incoming<'_, Operation>) -> Answer {
        if call.operation == Operation::Token {
            return issue_token(self, call);
        }
        let ends = call.bearer().and_then(|token| self.tokens.get(token));
        if ends.is_none_or(|ends| *ends <= crate::clock::now()) {
            return Self::refuse(401, "Unauthorized");
        }
        let done = match call.operation {
            Operation::Token => Err(not_found()), // answered above
            Operation::SendInvoice => send_invoice(self, call),
            Operation::Invoice => {
                let found = self.invoices.iter().find(|invoice| invoice.id == call.id);
                found.map(|invoice| Answer::new(200, invoice.answer())).ok_or_else(not_found)
            }
            Operation::AskLoan => ask_loan(self, call),
            Operation::Loan => {
                let found = self.loans.iter().find(|loan| loan.id == call.id);
                found.map(|loan| Answer::new(200, loan.answer())).ok_or_else(not_found)
            }
            Operation::CreditLimit => credit_limit(self, call),
        };
        done.unwrap_or_else(|answer| answer)
    }

    /// The status stands in the body as a text, with a code.
    fn refuse(status: u16, message: &str) -> Answer {
        let code = match status {
            400 => "BAD_REQUEST",
            401 => "UNAUTHORIZED",
            404 => "NOT_FOUND",
            405 => "METHOD_NOT_ALLOWED",
            408 => "REQUEST_TIMEOUT",
            429 => "TOO_MANY_REQUESTS",
            503 => "SERVICE_UNAVAILABLE",
            _ => "INTERNAL_SERVER_ERROR",
        };
        Answer::new(status, json!({ "status": status.to_string(), "code": code, "message": message }))
    }

    fn decide(&mut self, which: &str, decision: &Decision) -> usize {
        self.decide_on(which, decision)
    }

    fn told(&self) -> Value {
        json!({
            "today": self.today,
            "seed": self.setup.seed,
            "userId": self.setup.user_id,
            "creditLimits": self.setup.credit_limits,
            "loans": self.loans.iter().map(Loan::answer).collect::<Vec<_>>(),
            "invoices": self.invoices.iter().map(Invoice::answer).collect::<Vec<_>>(),
        })
    }
}

fn not_found() -> Answer {
    Book::refuse(404, "Not found")
}

fn bad(message: &str) -> Answer {
    Book::refuse(400, message)
}

fn read_body(call: &Incoming<'_, Operation>, fields: &[factor::Field]) -> Result<Map<String, Value>, Answer> {
    let body = call.json().ok_or_else(|| bad("The body is not JSON"))?;
    let problems: Vec<String> = check("", &body, fields).iter().map(ToString::to_string).collect();
    if let Value::Object(body) = body
        && problems.is_empty()
    {
        return Ok(body);
    }
    Err(bad(&problems.join(", ")))
}

/// The grant by client credentials, as JSON.
fn issue_token(book: &mut Book, call: &Incoming<'_, Operation>) -> Answer {
    let body = match read_body(call, schema::TOKEN) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let is = |name: &str, known: &str| body.get(name).and_then(Value::as_str) == Some(known);
    let setup = &book.setup;
    if !is("client_id", &setup.client_id)
        || !is("client_secret", &setup.client_secret)
        || !is("audience", &setup.audience)
    {
        return Answer::new(401, json!({ "error": "access_denied", "error_description": "Unauthorized" }));
    }
    book.tokens_issued += 1;
    let token = crate::ids::fingerprint_hex(&[
        b"sandbox aria token",
        &setup.seed.to_le_bytes(),
        &book.tokens_issued.to_le_bytes(),
    ]);
    let lifetime = setup.token_lifetime_seconds;
    book.tokens.insert(token.clone(), crate::clock::now() + Duration::from_secs(lifetime));
    Answer::new(200, json!({ "access_token": token, "token_type": "Bearer", "expires_in": lifetime }))
}

fn text(body: &Map<String, Value>, name: &str) -> String {
    body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn send_invoice(book: &mut Book, call: &Incoming<'_, Operation>) -> Result<Answer, Answer> {
    let body = read_body(call, schema::INVOICE)?;
    let amount = |name: &str| call.as_it_came(name).unwrap_or_default();
    let invoice = Invoice {
        id: uuid("aria invoice", book.setup.seed, book.invoices.len()),
        on: book.today,
        number: text(&body, "invoiceNumber"),
        total_including_taxes: amount("totalAmountIncludingTaxes"),
        total_excluding_taxes: amount("totalAmountExcludingTaxes"),
        sent: body,
    };
    let id = invoice.id.clone();
    book.invoices.push(invoice);
    Ok(Answer::new(201, json!({ "id": id })))
}

fn ask_loan(book: &mut Book, call: &Incoming<'_, Operation>) -> Result<Answer, Answer> {
    let body = read_body(call, schema::LOAN)?;
    if text(&body, "userId") != book.setup.user_id {
        return Err(bad("userId is not known"));
    }
    let invoice_id = text(&body, "invoiceId");
    let invoice = book.invoices.iter().find(|invoice| invoice.id == invoice_id);
    let invoice = invoice.ok_or_else(|| bad("invoiceId is not known"))?;
    if body.get("currency") != invoice.sent.get("currency") {
        return Err(bad("currency is not that of the invoice"));
    }
    let loan = Loan {
        id: uuid("aria loan", book.setup.seed, book.loans.len()),
        on: book.today,
        status: "CREATED".to_owned(),
        amount: call.as_it_came("amount").unwrap_or_default(),
        reason: None,
        invoice_id,
        invoice_number: invoice.number.clone(),
        external_id: body.get("externalId").and_then(Value::as_str).map(str::to_owned),
        sent: body,
    };
    let answer = loan.answer();
    book.loans.push(loan);
    Ok(Answer::new(201, answer))
}

/// The limit of the debtor whose number begins as the filter says.
fn credit_limit(book: &Book, call: &Incoming<'_, Operation>) -> Result<Answer, Answer> {
    let filter = match call.query.as_slice() {
        [(name, filter)] if name == "filter" => filter,
        _ => return Err(bad("filter is required, and nothing else")),
    };
    let wanted = filter.strip_prefix("like(debtorIdentifier.value,").and_then(|rest| rest.strip_suffix("%)"));
    let wanted = wanted.filter(|wanted| !wanted.is_empty()).ok_or_else(|| bad("filter is not valid"))?;
    let found = book.setup.credit_limits.iter().find(|limit| limit.debtor.starts_with(wanted));
    let limit = found.ok_or_else(not_found)?;
    Ok(Answer::new(200, json!({ "amount": limit.amount, "outstandingAmount": limit.outstanding })))
}
