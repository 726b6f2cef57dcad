//! The shapes of the answers, as far as they are published; README.md of the connector says how far that is.
//!
//! Amounts are objects of currency and number, with a decimal that says nothing; errors are lists of messages; a
//! cancelled order answers 205 without a body.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::Datelike as _;
use serde_json::{Value, json};

use super::state::{Book, BuyerSetup, Order, Part, Position, Product, Status};

/// An answer before it is put on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: u16,
    pub body: Option<Value>,
    /// `Content-Range` of a list of the information interface.
    pub range: Option<String>,
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
    pub const fn new(status: u16, body: Value) -> Self {
        Self { status, body: Some(body), range: None, retry_after_seconds: None, cut: Cut::Whole }
    }

    /// A status and nothing else.
    pub const fn empty(status: u16) -> Self {
        Self { status, body: None, range: None, retry_after_seconds: None, cut: Cut::Whole }
    }

    /// What the gateway says by itself.
    pub fn gateway(status: u16, text: &str) -> Self {
        Self::new(status, json!({ "message": text }))
    }

    /// A refusal with its code.
    pub fn error(book: &Book, path: &str, status: u16, code: &str, text: &str) -> Self {
        let tag = crate::ids::fingerprint_hex(&[path.as_bytes(), code.as_bytes()]);
        Self::new(
            status,
            json!({
                "httpCode": status,
                "url": path,
                "errorDate": format!("{}T08:00:00.000Z", book.today),
                "fishtag": tag.get(..12),
                "messages": [{ "code": code, "message": text }],
            }),
        )
    }

    /// With the rows of a list spoilt; other answers stay as they are.
    pub fn with_rows(mut self, spoil: impl FnOnce(&mut Vec<Value>)) -> Self {
        let rows = match &mut self.body {
            Some(Value::Array(rows)) => Some(rows),
            Some(Value::Object(object)) => object.values_mut().find_map(Value::as_array_mut),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => None,
        };
        if let Some(rows) = rows {
            spoil(rows);
        }
        self
    }

    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Puts it on the wire.
    pub fn respond(self) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(range) = self.range.and_then(|range| HeaderValue::from_str(&range).ok()) {
            headers.insert(header::CONTENT_RANGE, range);
            headers.insert(HeaderName::from_static("accept-range"), HeaderValue::from_static("item 20"));
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let Some(body) = self.body else { return (status, headers).into_response() };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let whole = body.to_string();
        let text = match self.cut {
            Cut::Whole => whole,
            Cut::InTheMiddle => whole.chars().take(whole.chars().count() / 2).collect(),
        };
        (status, headers, text).into_response()
    }
}

/// An amount: `{"currency": "EUR", "value": 50000.0}`.
pub(super) fn amount(currency: &str, units: u64) -> Value {
    let value: Value = format!("{units}.0").parse().unwrap_or(Value::Null);
    json!({ "currency": currency, "value": value })
}

/// Where a reason has words here; the interface leaves some without.
fn reason(code: &str) -> Value {
    let words = match code {
        "AB09" => "Weak profitability",
        "AB05" => "Decrease in turnover",
        _ => return json!({ "code": code }),
    };
    json!({ "code": code, "description": words })
}

fn identifiers(buyer: &BuyerSetup) -> Value {
    let identifier = |value: &String| {
        json!({
            "identifierType": format!("{}_{}", buyer.identifier_type, buyer.country_alpha3),
            "identifierValue": value,
        })
    };
    buyer.identifier.iter().map(identifier).collect()
}

/// A company, as the look-up shows it.
pub(super) fn company(buyer: &BuyerSetup) -> Value {
    json!({
        "easyNumber": buyer.easy_number,
        "companyName": buyer.name,
        "countryCode": buyer.country_alpha3,
        "identifiers": identifiers(buyer),
        "status": "ACTIVE",
    })
}

/// A decision, as every list shows it.
pub(super) fn decision(book: &Book, position: &Position) -> Value {
    let currency = book.setup.currency.as_str();
    let mut decision = json!({
        "deliveryId": position.delivery_id,
        "code": position.code.as_str(),
        "decisionDate": position.decided_on,
        "reasons": position.reasons.iter().map(|code| reason(code)).collect::<Vec<_>>(),
        "customerReference": position.reference,
    });
    if let Some(object) = decision.as_object_mut() {
        if position.requested > 0 {
            object.insert("requestedAmount".to_owned(), amount(currency, position.requested));
        }
        if let Some(on) = position.withdrawal_on {
            object.insert("withdrawalDate".to_owned(), json!(on));
        }
    }
    decision
}

fn product(book: &Book, position: &Position, part: &Part) -> Value {
    let temporary = part.until.is_some() && part.product == Product::Agreement;
    json!({
        "productCode": part.product.as_str(),
        "coverType": if temporary { "TEMPORARY" } else { "PERMANENT" },
        "amount": amount(&book.setup.currency, part.amount),
        "startDate": position.decided_on,
        "endDate": part.until,
    })
}

/// A company of the portfolio with everything that covers it.
pub(super) fn portfolio_row(book: &Book, buyer: &BuyerSetup, position: &Position) -> Value {
    let products = position.parts.iter().map(|part| product(book, position, part));
    json!({
        "easyNumber": buyer.easy_number,
        "companyName": buyer.name,
        "countryCode": buyer.country_alpha3,
        "identifiers": identifiers(buyer),
        "debtorRiskAssessment": buyer.dra,
        "policyNumber": book.setup.policy,
        "currency": book.setup.currency,
        "decision": decision(book, position),
        "products": products.collect::<Vec<_>>(),
    })
}

/// An order, as the list of orders shows it.
pub(super) fn order_row(book: &Book, order: &Order) -> Value {
    json!({
        "deliveryId": order.delivery_id,
        "status": order.status(book.today).as_str(),
        "easyNumber": order.easy_number,
        "policyNumber": book.setup.policy,
        "requestedAmount": amount(&book.setup.currency, order.amount),
        "orderDate": order.made_on,
        "customerReference": order.reference,
    })
}

/// What an order came to, at its delivery.
pub(super) fn delivery(book: &Book, easy_number: &str, position: &Position) -> Value {
    json!({
        "deliveryId": position.delivery_id,
        "status": Status::Ready.as_str(),
        "easyNumber": easy_number,
        "policyNumber": book.setup.policy,
        "customerReference": position.reference,
        "grantedAmount": amount(&book.setup.currency, position.total()),
        "decision": decision(book, position),
    })
}

/// A change on the portfolio, as a notification.
pub(super) fn notification(book: &Book, easy_number: &str, position: &Position) -> Value {
    json!({
        "notificationDate": position.decided_on,
        "deliveryId": position.delivery_id,
        "easyNumber": easy_number,
        "policyNumber": book.setup.policy,
        "decisionCode": position.code.as_str(),
        "amount": amount(&book.setup.currency, position.total()),
        "customerReference": position.reference,
    })
}

/// The policy.
pub(super) fn policy(book: &Book) -> Value {
    let year = book.setup.today.year();
    json!({
        "policyNumber": book.setup.policy,
        "currency": book.setup.currency,
        "startDate": format!("{year}-01-01"),
        "endDate": format!("{year}-12-31"),
        "status": "ACTIVE",
    })
}

/// The first row once more at the end.
pub(super) fn repeat_first(rows: &mut Vec<Value>) {
    if let Some(first) = rows.first().cloned() {
        rows.push(first);
    }
}
