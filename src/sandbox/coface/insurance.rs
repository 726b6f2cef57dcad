//! The insurance interface: companies, the portfolio, orders and what they come to, notifications, overdues.

use serde_json::{Map, Value, json};

use super::answer::{self, Answer};
use super::state::{Action, Book, MOST, Notice, Status};
use super::{Incoming, Wrong, wrong};

type Result = std::result::Result<Answer, Wrong>;

/// The list with its name and its length.
fn listed(name: &str, rows: Vec<Value>, count: usize) -> Answer {
    Answer::new(200, json!({ name: rows, "count": count }))
}

pub(super) fn company(book: &mut Book, call: &Incoming<'_>) -> Result {
    let country = call.needed("countryCode")?;
    let kind = call.needed("identifierType")?;
    let value = call.needed("identifierValue")?;
    if kind.rsplit_once('_').is_none_or(|(_, suffix)| suffix != country) {
        return Err(wrong(400, "missing_or_invalid_param", "identifierType ends with the country"));
    }
    book.billed_lookups += 1;
    let fits = |buyer: &&super::BuyerSetup| {
        buyer.country_alpha3 == country
            && kind == format!("{}_{country}", buyer.identifier_type)
            && buyer.identifier.as_deref() == Some(value)
    };
    let rows: Vec<Value> = book.setup.buyers.iter().filter(fits).map(answer::company).collect();
    let count = rows.len();
    Ok(listed("companies", rows, count))
}

pub(super) fn portfolio(book: &mut Book, call: &Incoming<'_>) -> Result {
    let number = |name: &'static str, otherwise: usize| match call.parameter(name) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| wrong(400, "missing_or_invalid_param", name)),
    };
    let (page, size) = (number("page", 1)?.max(1), number("size", 50)?.clamp(1, 200));
    let all: Vec<Value> = book
        .setup
        .buyers
        .iter()
        .filter_map(|buyer| {
            let position = book.timeline(&buyer.easy_number).current?;
            Some(answer::portfolio_row(book, buyer, &position))
        })
        .collect();
    let count = all.len();
    let rows = all.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
    Ok(listed("companies", rows, count))
}

pub(super) fn orders(book: &mut Book, call: &Incoming<'_>) -> Result {
    let status = call.parameter("status");
    let fits = |order: &&super::state::Order| {
        status.is_none_or(|status| order.status(book.today).as_str() == status)
    };
    let rows: Vec<Value> =
        book.orders.iter().filter(fits).map(|order| answer::order_row(book, order)).collect();
    let count = rows.len();
    Ok(listed("orders", rows, count))
}

fn object(call: &Incoming<'_>) -> std::result::Result<Map<String, Value>, Wrong> {
    serde_json::from_slice(call.body)
        .map_err(|_| wrong(400, "missing_or_invalid_param", "the body is no JSON object"))
}

/// A whole amount above zero in the policy's currency.
fn whole(book: &Book, body: &Map<String, Value>) -> std::result::Result<u64, Wrong> {
    let amount = body.get("amount").and_then(Value::as_object);
    let currency = amount.and_then(|amount| amount.get("currency")).and_then(Value::as_str);
    if currency != Some(book.setup.currency.as_str()) {
        return Err(wrong(400, "missing_or_invalid_param", "the currency is not the policy's"));
    }
    let text = amount.and_then(|amount| amount.get("value")).filter(|value| value.is_number());
    let text = text.map(ToString::to_string).unwrap_or_default();
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    whole
        .parse()
        .ok()
        .filter(|units| (1..=MOST).contains(units) && rest.bytes().all(|digit| digit == b'0'))
        .ok_or(wrong(400, "missing_or_invalid_param", "the amount is not a whole number above zero"))
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// An easy number as it must be written: a text of 14 digits.
fn easy_number(body: &Map<String, Value>) -> std::result::Result<&str, Wrong> {
    text(body, "easyNumber")
        .filter(|number| number.len() == 14 && number.bytes().all(|digit| digit.is_ascii_digit()))
        .ok_or(wrong(400, "missing_or_invalid_param", "easyNumber is a text of 14 digits"))
}

pub(super) fn order(book: &mut Book, call: &Incoming<'_>) -> Result {
    let body = object(call)?;
    let easy_number = easy_number(&body)?;
    let action = text(&body, "operation").and_then(Action::parse).ok_or(wrong(
        400,
        "missing_or_invalid_param",
        "operation is REQUEST, MODIFY or DELETE",
    ))?;
    if text(&body, "productCode") != Some("AGREEMENT") {
        return Err(wrong(400, "wrong_product", "this product cannot be ordered"));
    }
    let amount = if action == Action::Delete { 0 } else { whole(book, &body)? };
    let today = book.today;
    let refused = |(status, text): (u16, &'static str)| {
        wrong(status, if status == 404 { "resource_not_found" } else { "wrong_product" }, text)
    };
    let order = book.order(easy_number, action, amount, text(&body, "customerReference")).map_err(refused)?;
    let status = order.status(today);
    let mut row = json!({ "deliveryId": order.delivery_id, "status": status.as_str() });
    if status == Status::InPreparation {
        return Ok(Answer::new(202, row));
    }
    if let Some(object) = row.as_object_mut() {
        object.insert("decision".to_owned(), json!({ "code": order.decision.code.as_str() }));
    }
    Ok(Answer::new(if action == Action::Delete { 200 } else { 201 }, row))
}

pub(super) fn withdraw_order(book: &mut Book, call: &Incoming<'_>) -> Result {
    let today = book.today;
    let order = book.orders.iter_mut().find(|order| order.delivery_id == call.id);
    let order = order.ok_or(wrong(404, "resource_not_found", "no such order"))?;
    match order.status(today) {
        Status::Ready => Err(wrong(409, "wrong_product", "the order is decided")),
        Status::Cancelled => Err(wrong(400, "order_cancelled", "the order was cancelled")),
        Status::InPreparation => {
            order.withdrawn_on = Some(today);
            Ok(Answer::new(
                200,
                json!({ "deliveryId": order.delivery_id, "status": Status::Cancelled.as_str() }),
            ))
        }
    }
}

/// What an order came to: 202 while it has not, 205 without a body once it was taken back.
pub(super) fn delivery(book: &mut Book, call: &Incoming<'_>) -> Result {
    let status =
        book.orders.iter().find(|order| order.delivery_id == call.id).map(|order| order.status(book.today));
    match status {
        Some(Status::InPreparation) => {
            Ok(Answer::error(book, call.path, 202, "order_not_finished", "the order is in preparation"))
        }
        Some(Status::Cancelled) => Ok(Answer::empty(205)),
        Some(Status::Ready) | None => {
            let known = book.setup.buyers.iter().find_map(|buyer| {
                let changes = book.timeline(&buyer.easy_number).changes;
                let position = changes.into_iter().find(|position| position.delivery_id == call.id)?;
                Some(answer::delivery(book, &buyer.easy_number, &position))
            });
            let known = known.ok_or(wrong(404, "resource_not_found", "no such delivery"))?;
            Ok(Answer::new(200, known))
        }
    }
}

pub(super) fn notifications(book: &mut Book, _call: &Incoming<'_>) -> Result {
    let rows: Vec<Value> = book
        .setup
        .buyers
        .iter()
        .flat_map(|buyer| {
            let changes = book.timeline(&buyer.easy_number).changes;
            changes
                .into_iter()
                .map(|position| answer::notification(book, &buyer.easy_number, &position))
                .collect::<Vec<_>>()
        })
        .collect();
    let count = rows.len();
    Ok(listed("notifications", rows, count))
}

pub(super) fn overdue(book: &mut Book, call: &Incoming<'_>) -> Result {
    let body = object(call)?;
    let easy_number = easy_number(&body)?.to_owned();
    if book.buyer(&easy_number).is_none() {
        return Err(wrong(404, "resource_not_found", "company not found"));
    }
    let needed = |name: &'static str| {
        text(&body, name).map(str::to_owned).ok_or(wrong(400, "missing_or_invalid_param", name))
    };
    let (kind, invoice) = (needed("type")?, needed("invoiceNumber")?);
    needed("dueDate")?;
    let amount = body.get("amount").and_then(|amount| amount.get("value")).filter(|value| value.is_number());
    let amount = amount.ok_or(wrong(400, "missing_or_invalid_param", "amount"))?.to_string();
    let same = |notice: &Notice| {
        notice.easy_number == easy_number && notice.invoice == invoice && notice.kind == kind
    };
    if book.notices.iter().any(same) {
        return Err(wrong(409, "wrong_product", "this invoice is declared"));
    }
    let id = format!("OD-{:08}", book.notices.len() + 1);
    book.notices.push(Notice {
        id: id.clone(),
        easy_number,
        kind,
        invoice,
        amount,
        made_on: book.today,
        reference: text(&body, "customerReference").map(str::to_owned),
    });
    Ok(Answer::new(201, json!({ "overdueId": id, "status": "received" })))
}

pub(super) fn overdues(book: &mut Book, _call: &Incoming<'_>) -> Result {
    let row = |notice: &Notice| {
        json!({
            "overdueId": notice.id,
            "status": "received",
            "easyNumber": notice.easy_number,
            "type": notice.kind,
            "invoiceNumber": notice.invoice,
            "amount": { "currency": book.setup.currency, "value": notice.amount.parse::<Value>().ok() },
            "declarationDate": notice.made_on,
            "customerReference": notice.reference,
        })
    };
    let rows: Vec<Value> = book.notices.iter().map(row).collect();
    let count = rows.len();
    Ok(listed("overdues", rows, count))
}
