//! The shapes of the insurer's answers. The names of most fields are assumed; what is published is said in the module's header.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::NaiveDate;
use serde_json::{Map, Number, Value, json};

use super::state::{Book, Debtor, NonPayment, Request, Sale, Standing, Status};

/// An answer before it is put on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: u16,
    pub body: Value,
    pub retry_after_seconds: Option<u64>,
    pub cut: Cut,
}

/// Whether the whole text is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Whole,
    InTheMiddle,
}

impl Answer {
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, body, retry_after_seconds: None, cut: Cut::Whole }
    }

    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::new(status, json!({ "code": code, "message": message }))
    }

    /// With the rows of its list spoilt; other answers stay as they are.
    pub fn with_rows(mut self, spoil: impl FnOnce(&mut Vec<Value>)) -> Self {
        let list = self.body.as_object_mut().and_then(|body| body.values_mut().find_map(Value::as_array_mut));
        if let Some(rows) = list {
            spoil(rows);
        }
        self
    }

    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn respond(self) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let whole = self.body.to_string();
        let text = match self.cut {
            Cut::Whole => whole,
            Cut::InTheMiddle => whole.chars().take(whole.chars().count() / 2).collect(),
        };
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, headers, text).into_response()
    }
}

/// Minor units of a JSON number with two decimals at most.
pub(super) fn amount_minor(value: &Value) -> Option<i64> {
    let text = value.as_number()?.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    if part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let cents: i64 = format!("{part:0<2}").parse().ok()?;
    let units = whole.parse::<i64>().ok()?.checked_mul(100)?;
    if whole.starts_with('-') { units.checked_sub(cents) } else { units.checked_add(cents) }
}

/// A JSON number with its cents.
fn amount(minor: i64) -> Value {
    let sign = if minor < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:02}", minor.unsigned_abs() / 100, minor.unsigned_abs() % 100);
    text.parse::<Number>().map_or(Value::Null, Value::Number)
}

fn head(book: &Book, debtor: &Debtor, status: Status) -> Map<String, Value> {
    let (code, description) = status.code();
    let mut row = Map::new();
    row.insert("contractNo".to_owned(), book.setup.contract_no.clone().into());
    row.insert("statusCode".to_owned(), code.into());
    row.insert("statusDescription".to_owned(), description.into());
    row.insert(
        "debtor".to_owned(),
        json!({
            "debtorCode": debtor.code, "name": debtor.name, "countryCode": debtor.country,
            "taxCode": debtor.tax_code, "rating": debtor.rating.to_string(),
        }),
    );
    row.insert("currencyCode".to_owned(), book.setup.currency.clone().into());
    row
}

/// An endorsement, in force or ended. What has ended keeps its amount beside the status that says so.
pub(super) fn classification(book: &Book, debtor: &Debtor, standing: &Standing) -> Value {
    let mut row = head(book, debtor, standing.status);
    let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
    put("requestNo", standing.request_no.into());
    put("endorsementNo", standing.endorsement_no.into());
    put("customerReference", standing.reference.clone().unwrap_or_default().into());
    put("requestedAmount", amount(standing.requested_minor));
    put("classifiedAmount", amount(standing.amount_minor));
    put("requestDate", standing.requested_on.to_string().into());
    put("decisionDate", standing.decided_on.to_string().into());
    put("effectiveDate", standing.effective_on.to_string().into());
    for (name, day) in [("annulmentDate", standing.annul_on), ("expiryDate", standing.last_day)] {
        if let Some(day) = day {
            put(name, day.to_string().into());
        }
    }
    let terms = json!([{ "code": "P90", "description": "Terms of at most 90 days" }]);
    let has_terms = standing.endorsement_no.is_multiple_of(3);
    put("conditions", if has_terms { terms } else { json!([]) });
    Value::Object(row)
}

/// A request that is in process or was refused: without an endorsement.
pub(super) fn request(book: &Book, debtor: &Debtor, request: &Request) -> Value {
    let decided = request.decided_on <= book.today;
    let mut row = head(book, debtor, if decided { Status::Refused } else { Status::InProcess });
    let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
    put("requestNo", request.number.into());
    put("customerReference", request.reference.clone().unwrap_or_default().into());
    put("requestedAmount", amount(request.amount_minor));
    put("classifiedAmount", Value::Null);
    put("requestDate", request.on.to_string().into());
    if decided {
        put("decisionDate", request.decided_on.to_string().into());
    }
    put("conditions", json!([]));
    Value::Object(row)
}

/// What stood after a change.
pub(super) fn movement(book: &Book, debtor: &Debtor, on: NaiveDate, standing: &Standing) -> Value {
    let mut row = classification(book, debtor, standing);
    if let Some(row) = row.as_object_mut() {
        row.insert("movementDate".to_owned(), on.to_string().into());
    }
    row
}

pub(super) fn sale(book: &Book, sale: &Sale) -> Value {
    json!({
        "saleReference": sale.reference,
        "debtorCode": sale.debtor,
        "countryCode": sale.country,
        "invoiceMonth": sale.month,
        "amount": amount(sale.amount_minor),
        "currencyCode": book.setup.currency,
        "paymentTerms": sale.terms_days,
        "declarationDate": sale.on,
        "customerReference": sale.our_reference,
    })
}

pub(super) fn non_payment(notice: &NonPayment) -> Value {
    json!({
        "internalNo": notice.internal_no,
        "dossierNo": notice.dossier_no,
        "debtorCode": notice.debtor,
        "invoiceNo": notice.invoice,
        "dueDate": notice.due,
        "unpaidAmount": amount(notice.unpaid_minor),
        "declarationDate": notice.on,
        "customerReference": notice.our_reference,
        "statusDescription": "Declared",
    })
}

/// One file for each debtor, with its non-payments.
pub(super) fn dossiers(book: &Book) -> Vec<Value> {
    let mut numbers: Vec<u64> = book.non_payments.iter().map(|notice| notice.dossier_no).collect();
    numbers.dedup();
    let mut seen = Vec::new();
    for number in numbers {
        if !seen.contains(&number) {
            seen.push(number);
        }
    }
    let rows = seen.into_iter().map(|number| {
        let own = book.non_payments.iter().filter(|notice| notice.dossier_no == number);
        json!({ "dossierNo": number, "nonPayments": own.map(non_payment).collect::<Vec<_>>() })
    });
    rows.collect()
}

/// The first row once more at the end.
pub(super) fn repeat_first(rows: &mut Vec<Value>) {
    if let Some(first) = rows.first().cloned() {
        rows.push(first);
    }
}
