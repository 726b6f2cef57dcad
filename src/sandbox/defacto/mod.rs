//! A simulator of Defacto's interface for partners: invoices, and loans on them.
//!
//! Paths, fields, statuses, pages and `salt_id` are from the reconstructed OpenAPI file of its public reference; it does not
//! give back a `salt_id`. Assumed: the form of errors (400 for what the schema refuses, 422 for what the rules refuse), that
//! fields which nobody knows are refused, what a loan does to its invoice's status, and that a second loan on an invoice is
//! taken (it might be declined as `INVOICE_ALREADY_FINANCED`). A page knows the parameters below; any other is refused
//! rather than passed over. What takes too long is 504, as published. A loan waits at `PENDING_VALIDATION` until
//! [`Sandbox::decide`] says otherwise.
//! Reference: `openapi/defacto-loan-api-openapi.yml` and its neighbours in github.com/api-evangelist/defacto.

mod schema;
mod state;
#[cfg(test)]
mod tests;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value, json};

use super::factor::{self, Answer, Decision, Error, Factor, Incoming, Problem, check};
use super::{Options, Served, fault};
use state::Book;
pub use state::{Invoice, Loan, Setup};

/// The simulator; clones share one state.
pub type Sandbox = factor::Sandbox<Book>;

/// A fault of this interface.
pub type Fault = fault::Fault<Operation>;

/// Rows of a page, where the call states no size.
const PAGE_ROWS: usize = 100;
/// The most that a loan may be, in cents.
const LOAN_CENTS_MAX: i64 = 20_000_000;

/// What can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `GET /hello`, which checks the key.
    Hello,
    /// `GET /loans`.
    Loans,
    /// `POST /loans`.
    AskLoan,
    /// `GET /loan/{id}`.
    Loan,
    /// `POST /loan/{id}/validate`.
    Validate,
    /// `POST /loan/{id}/cancel`.
    Cancel,
    /// `GET /invoices`.
    Invoices,
    /// `POST /invoices`.
    SendInvoice,
    /// `GET /invoice/{id}`.
    Invoice,
    /// `POST /invoice/{id}/submit`.
    Submit,
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

    /// The invoices that were taken, alone or with a loan, in order.
    #[must_use]
    pub fn invoices(&self) -> Vec<Invoice> {
        self.look(|book| book.invoices.clone())
    }
}

/// Opens the simulator for the command line.
pub(super) fn open(options: &Options) -> Result<Served, Error> {
    let start = |seed, day| Book::new(Setup::demo(seed, day));
    factor::open(options, start, |book| {
        let (key, borrower) = (book.setup.api_key.clone(), book.setup.borrower.clone());
        Box::new(move |url: &str| {
            format!(
                "[[connection]]\nid = \"defacto\"\nconnector = \"defacto\"\nurl = \"{url}\"\n\n[connection.settings]\n\
                 api_key = \"{key}\"\nborrower = \"{borrower}\"\niban = \"FR7630006000011234567890189\"\n\
                 documents = \"invoices\"\n"
            )
        })
    })
}

impl Factor for Book {
    type Operation = Operation;

    const TIMED_OUT: u16 = 504;

    fn today(&self) -> NaiveDate {
        self.today
    }

    fn set_today(&mut self, date: NaiveDate) {
        self.today = date;
    }

    fn find<'p>(method: &Method, path: &'p str) -> Result<(Operation, &'p str), Answer> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let known = match parts.as_slice() {
            ["hello"] => [(Method::GET, Operation::Hello, "")].to_vec(),
            ["loans"] => {
                [(Method::GET, Operation::Loans, ""), (Method::POST, Operation::AskLoan, "")].to_vec()
            }
            ["loan", id] => [(Method::GET, Operation::Loan, *id)].to_vec(),
            ["loan", id, "validate"] => [(Method::POST, Operation::Validate, *id)].to_vec(),
            ["loan", id, "cancel"] => [(Method::POST, Operation::Cancel, *id)].to_vec(),
            ["invoices"] => {
                [(Method::GET, Operation::Invoices, ""), (Method::POST, Operation::SendInvoice, "")].to_vec()
            }
            ["invoice", id] => [(Method::GET, Operation::Invoice, *id)].to_vec(),
            ["invoice", id, "submit"] => [(Method::POST, Operation::Submit, *id)].to_vec(),
            _ => return Err(Self::refuse(404, "not found")),
        };
        let found = known.into_iter().find(|(known, ..)| known == method);
        found.map(|(_, operation, id)| (operation, id)).ok_or_else(|| Self::refuse(405, "method not allowed"))
    }

    fn is_token(_: Operation) -> bool {
        false // a key is not fetched
    }

    fn expire(&mut self, _: &str) {} // a key does not expire: a fault refuses it once

    fn carry_out(&mut self, call: &Incoming<'_, Operation>) -> Answer {
        if call.bearer() != Some(self.setup.api_key.as_str()) {
            return Self::refuse(401, "unauthorized");
        }
        let done = match call.operation {
            Operation::Hello => Ok(Answer::new(200, Value::String("Hello from Defacto".to_owned()))),
            Operation::Loans => loans(self, call),
            Operation::AskLoan => ask_loan(self, call),
            Operation::Loan => loan(self, call.id).map(|loan| Answer::new(200, loan.answer(true))),
            Operation::Validate => move_loan(self, call.id, &["TO_VALIDATE"], "VALIDATED"),
            Operation::Cancel => {
                move_loan(self, call.id, &["TO_VALIDATE", "VALIDATED", "SCHEDULED"], "CANCELED")
            }
            Operation::Invoices => invoices(self, call),
            Operation::SendInvoice => send_invoice(self, call),
            Operation::Invoice => {
                let found = self.invoices.iter().find(|invoice| invoice.id == call.id);
                found.map(|invoice| Answer::new(200, self.answer(invoice))).ok_or_else(not_found)
            }
            Operation::Submit => submit(self, call),
        };
        done.unwrap_or_else(|answer| answer)
    }

    fn refuse(status: u16, message: &str) -> Answer {
        Answer::new(status, json!({ "message": message }))
    }

    fn decide(&mut self, which: &str, decision: &Decision) -> usize {
        self.decide_on(which, decision)
    }

    fn told(&self) -> Value {
        json!({
            "today": self.today,
            "seed": self.setup.seed,
            "borrower": self.setup.borrower,
            "loans": self.loans.iter().map(|loan| loan.answer(false)).collect::<Vec<_>>(),
            "invoices": self.invoices.iter().map(|invoice| self.answer(invoice)).collect::<Vec<_>>(),
        })
    }
}

fn not_found() -> Answer {
    Book::refuse(404, "not found")
}

fn against_the_rules(message: &str) -> Answer {
    Book::refuse(422, message)
}

/// What the schema refuses, all of it.
fn malformed(problems: &[Problem]) -> Answer {
    let errors: Vec<Value> =
        problems.iter().map(|problem| json!({ "field": problem.field, "message": problem.wrong })).collect();
    let first = problems.first().map(ToString::to_string).unwrap_or_default();
    Answer::new(400, json!({ "message": format!("the body is not valid: {first}"), "errors": errors }))
}

fn read_body(call: &Incoming<'_, Operation>, fields: &[factor::Field]) -> Result<Map<String, Value>, Answer> {
    let body = call.json().ok_or_else(|| Book::refuse(400, "the body is not JSON"))?;
    let problems = check("", &body, fields);
    if let Value::Object(body) = body
        && problems.is_empty()
    {
        return Ok(body);
    }
    Err(malformed(&problems))
}

fn loan<'b>(book: &'b Book, id: &str) -> Result<&'b Loan, Answer> {
    book.loans.iter().find(|loan| loan.id == id).ok_or_else(not_found)
}

fn move_loan(book: &mut Book, id: &str, from: &[&str], to: &str) -> Result<Answer, Answer> {
    let loan = book.loans.iter_mut().find(|loan| loan.id == id).ok_or_else(not_found)?;
    if !from.contains(&loan.status.as_str()) {
        let message =
            format!("not possible for a loan that is {}, only for {}", loan.status, from.join(", "));
        return Err(Book::refuse(400, &message));
    }
    to.clone_into(&mut loan.status);
    Ok(Answer::new(200, loan.answer(true)))
}

fn text<'b>(body: &'b Map<String, Value>, name: &str) -> Option<&'b str> {
    body.get(name).and_then(Value::as_str)
}

fn cents(body: &Map<String, Value>, name: &str) -> Option<i64> {
    body.get(name).and_then(Value::as_i64)
}

fn moment(body: &Map<String, Value>, name: &str) -> Option<DateTime<chrono::FixedOffset>> {
    text(body, name).and_then(|text| DateTime::parse_from_rfc3339(text).ok())
}

/// A request for a loan: the one of its `salt_id` if there is one already.
fn ask_loan(book: &mut Book, call: &Incoming<'_, Operation>) -> Result<Answer, Answer> {
    let mut body = read_body(call, schema::LOAN)?;
    let salt = text(&body, "salt_id").map(str::to_owned);
    if let Some(known) = book.loans.iter().find(|loan| salt.is_some() && loan.salt_id == salt) {
        return Ok(Answer::new(201, known.answer(true)));
    }
    let amount = cents(&body, "amount").unwrap_or_default();
    if !(1..=LOAN_CENTS_MAX).contains(&amount) {
        return Err(against_the_rules("amount must be above zero and at most 200000 euros, in cents"));
    }
    if moment(&body, "to_repay_at") <= moment(&body, "to_pay_at") {
        return Err(against_the_rules("to_repay_at must be after to_pay_at"));
    }
    let borrower =
        body.get("borrower").and_then(|borrower| borrower.get("identifier")).and_then(Value::as_str);
    if borrower.is_some_and(|borrower| borrower != book.setup.borrower) {
        return Err(Book::refuse(404, "borrower not found"));
    }
    let taken = |name: &str| body.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let invoice = match (taken("invoice_ids").as_slice(), taken("invoices").as_slice()) {
        ([id], []) => {
            let id = id.as_str().unwrap_or_default();
            let known = book.invoices.iter().find(|invoice| invoice.id == id);
            let known = known.ok_or_else(|| Book::refuse(404, "invoice not found"))?;
            if known.status != "VERIFIED" {
                let message =
                    format!("a loan is for an invoice that is VERIFIED, this one is {}", known.status);
                return Err(against_the_rules(&message));
            }
            known.clone()
        }
        ([], [Value::Object(invoice)]) => new_invoice(book, invoice.clone())?,
        ([], []) => return Err(against_the_rules("invoice_ids or invoices is required")),
        _ => return Err(against_the_rules("a loan finances one invoice")),
    };
    let currency = text(&body, "currency").unwrap_or("EUR");
    if currency != invoice.currency {
        return Err(against_the_rules("currency is not that of the invoice"));
    }
    if Some(amount) > invoice.total_amount {
        return Err(against_the_rules("amount is above the total of the invoice"));
    }
    if let Some(Value::Array(invoices)) = body.get_mut("invoices") {
        invoices.iter_mut().filter_map(Value::as_object_mut).for_each(|invoice| {
            invoice.remove("document");
        });
    }
    let loan = book.lend(salt, amount, &invoice, body);
    let answer = loan.answer(true);
    if !book.invoices.iter().any(|known| known.id == invoice.id) {
        book.invoices.push(invoice);
    }
    book.loans.push(loan);
    Ok(Answer::new(201, answer))
}

/// An invoice that is whole and sound, not yet in the book.
fn new_invoice(book: &Book, mut body: Map<String, Value>) -> Result<Invoice, Answer> {
    let document = match body.remove("document") {
        Some(Value::String(text)) => STANDARD.decode(text).ok().filter(|bytes| bytes.starts_with(b"%PDF")),
        _ => None,
    };
    let document = document.ok_or_else(|| against_the_rules("document is not a PDF in base64"))?;
    let invoice = book.invoice(body, &document);
    if invoice.status != "TO_SUBMIT" {
        sound(&invoice.sent)?;
    }
    Ok(invoice)
}

/// What an invoice must have before it is looked at.
fn sound(invoice: &Map<String, Value>) -> Result<(), Answer> {
    let is_missing = |name: &&&str| invoice.get(**name).is_none_or(Value::is_null);
    let missing: Vec<&&str> = schema::COMPLETE.iter().filter(is_missing).collect();
    if !missing.is_empty() {
        return Err(Answer::new(422, json!({ "message": "fields are missing", "missing_fields": missing })));
    }
    for party in ["buyer", "seller"] {
        let names =
            |name: &&str| invoice.get(party).and_then(|party| party.get(*name)).is_some_and(Value::is_string);
        if !["identifier", "vat_number", "name"].iter().any(names) {
            return Err(against_the_rules(&format!(
                "{party} has neither identifier nor vat_number nor name"
            )));
        }
    }
    let total = cents(invoice, "total_amount").unwrap_or_default();
    if total <= 0 {
        return Err(against_the_rules("total_amount must be above zero"));
    }
    if let (Some(net), Some(tax)) = (cents(invoice, "net_amount"), cents(invoice, "tax_amount"))
        && net.checked_add(tax) != Some(total)
    {
        return Err(against_the_rules("total_amount is not net_amount and tax_amount together"));
    }
    Ok(())
}

fn send_invoice(book: &mut Book, call: &Incoming<'_, Operation>) -> Result<Answer, Answer> {
    let body = read_body(call, schema::INVOICE)?;
    let invoice = new_invoice(book, body)?;
    let answer = book.answer(&invoice);
    book.invoices.push(invoice);
    Ok(Answer::new(201, answer))
}

/// Hands a draft in, with changes if the call has any.
fn submit(book: &mut Book, call: &Incoming<'_, Operation>) -> Result<Answer, Answer> {
    let place = book.invoices.iter().position(|invoice| invoice.id == call.id).ok_or_else(not_found)?;
    let changes = if call.has_body() { read_body(call, schema::CHANGES)? } else { Map::new() };
    let Some(invoice) = book.invoices.get_mut(place) else { return Err(not_found()) };
    if !["TO_SUBMIT", "TO_EDIT"].contains(&invoice.status.as_str()) {
        return Err(Book::refuse(400, &format!("the invoice is {}", invoice.status)));
    }
    let mut sent = invoice.sent.clone();
    sent.extend(changes);
    sound(&sent)?;
    invoice.change(sent);
    "SUBMITTED".clone_into(&mut invoice.status);
    let invoice = invoice.clone();
    Ok(Answer::new(200, book.answer(&invoice)))
}

fn loans(book: &Book, call: &Incoming<'_, Operation>) -> Result<Answer, Answer> {
    let wants = Wants::read(call, &["borrower", "id", "status", "query", "sort_by"])?;
    let fits = |loan: &&Loan| {
        wants.has("borrower", &book.setup.borrower)
            && wants.has("id", &loan.id)
            && wants.has("status", &loan.status)
            && wants.finds(&[&loan.id, &loan.invoice_number, &loan.amount.to_string(), &loan.status])
    };
    let mut rows: Vec<&Loan> = book.loans.iter().filter(fits).collect();
    let key = |loan: &Loan, name: &str| moment(&loan.sent, name);
    match wants.first("sort_by").unwrap_or("created_at:desc") {
        "created_at:asc" => {}
        "created_at:desc" => rows.reverse(),
        "to_pay_at:asc" => rows.sort_by_key(|loan| key(loan, "to_pay_at")),
        "to_pay_at:desc" => rows.sort_by_key(|loan| std::cmp::Reverse(key(loan, "to_pay_at"))),
        "to_repay_at:asc" => rows.sort_by_key(|loan| key(loan, "to_repay_at")),
        "to_repay_at:desc" => rows.sort_by_key(|loan| std::cmp::Reverse(key(loan, "to_repay_at"))),
        _ => return Err(Book::refuse(400, "sort_by has a value that is not allowed")),
    }
    wants.page(rows.into_iter().map(|loan| (loan.id.as_str(), loan.answer(false))).collect())
}

fn invoices(book: &Book, call: &Incoming<'_, Operation>) -> Result<Answer, Answer> {
    let wants = Wants::read(call, &["invoice_id", "linked_to_loan", "status", "query"])?;
    let fits = |invoice: &&Invoice| {
        let is_linked = book.loans.iter().any(|loan| loan.invoice_id == invoice.id);
        wants.has("invoice_id", &invoice.id)
            && wants.has("status", &invoice.status)
            && wants.has("linked_to_loan", &is_linked.to_string())
            && wants.finds(&[&invoice.id, &invoice.number])
    };
    let rows = book.invoices.iter().rev().filter(fits);
    wants.page(rows.map(|invoice| (invoice.id.as_str(), book.answer(invoice))).collect())
}

/// The parameters of a list.
struct Wants<'q> {
    query: &'q [(String, String)],
    page_size: usize,
    cursor: Option<String>,
}

impl<'q> Wants<'q> {
    fn read(call: &'q Incoming<'_, Operation>, known: &[&str]) -> Result<Self, Answer> {
        let unknown = |(name, _): &&(String, String)| {
            !known.contains(&name.as_str()) && name != "cursor" && name != "page_size"
        };
        if let Some((name, _)) = call.query.iter().find(unknown) {
            return Err(Book::refuse(400, &format!("this simulator has no parameter {name}")));
        }
        let wants = Self { query: &call.query, page_size: PAGE_ROWS, cursor: None };
        let page_size = match wants.first("page_size").map(str::parse) {
            None => PAGE_ROWS,
            Some(Ok(size)) if size > 0 => size,
            Some(_) => return Err(Book::refuse(400, "page_size is not a number above zero")),
        };
        let bad = || Book::refuse(400, "cursor is not one that was given");
        let cursor = wants.first("cursor").map(|cursor| {
            let bytes = STANDARD.decode(cursor).map_err(|_| bad())?;
            String::from_utf8(bytes).map_err(|_| bad())
        });
        Ok(Self { page_size, cursor: cursor.transpose()?, ..wants })
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the parameter is absent, or one of its values is this one.
    fn has(&self, name: &str, value: &str) -> bool {
        let mut given = self.query.iter().filter(|(known, _)| known == name).peekable();
        given.peek().is_none() || given.any(|(_, wanted)| wanted == value)
    }

    fn finds(&self, in_any: &[&str]) -> bool {
        self.first("query").is_none_or(|wanted| in_any.iter().any(|text| text.contains(wanted)))
    }

    /// A page, from the row that the cursor names: rows that came meanwhile move nothing.
    fn page(&self, rows: Vec<(&str, Value)>) -> Result<Answer, Answer> {
        let first = match &self.cursor {
            None => Some(0),
            Some(cursor) => rows.iter().position(|(id, _)| id == cursor),
        };
        let first = first.ok_or_else(|| Book::refuse(400, "cursor is not one that was given"))?;
        let cursor_of = |index: usize| rows.get(index).map(|(id, _)| STANDARD.encode(id));
        let next_page = cursor_of(first.saturating_add(self.page_size));
        let previous_page = cursor_of(first.saturating_sub(self.page_size)).filter(|_| first > 0);
        let total = rows.len();
        let data: Vec<Value> =
            rows.into_iter().skip(first).take(self.page_size).map(|(_, row)| row).collect();
        Ok(Answer::new(
            200,
            json!({
                "count": data.len(), "data": data, "next_page": next_page, "page_size": self.page_size,
                "previous_page": previous_page, "total": total,
            }),
        ))
    }
}
