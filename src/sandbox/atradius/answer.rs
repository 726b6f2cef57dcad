//! The shapes of the insurer's answers, quirks included.
//!
//! Amounts are texts, sometimes empty; each comes in the policy's currency and in another one; conditions repeat across
//! layers; an absent second layer is left out or left blank; dates carry the British summer time when it rules.
//! Invariant: which quirk a row shows depends on its cover id, so an answer never flickers between two calls.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{Datelike as _, NaiveDate, Weekday};
use serde_json::{Map, Value, json};

use super::state::{Book, BuyerSetup, Ended, LayerSetup, Request, Version, draw};

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

    /// `{"data": …}`.
    pub fn data(status: u16, data: Value) -> Self {
        Self::new(status, json!({ "data": data }))
    }

    /// What the gateway says by itself.
    pub fn gateway(status: u16, text: &str) -> Self {
        Self::new(status, json!({ "fault": { "faultstring": text } }))
    }

    /// `{"errors": […]}`, for half of the paths one level deeper inside an array.
    pub fn error(book: &Book, path: &str, status: u16, detail: &str, parameter: &str) -> Self {
        let mut error = json!({ "detail": detail });
        if let Some(error) = error.as_object_mut().filter(|_| !parameter.is_empty()) {
            error.insert("source".to_owned(), json!({ "parameter": parameter }));
        }
        let plain = json!({ "errors": [error] });
        let nested = draw(book.setup.seed, 0, u64::from(status), path, 2) == 1;
        Self::new(status, if nested { json!([plain]) } else { plain })
    }

    /// With the rows of a list spoilt; other answers stay as they are.
    pub fn with_rows(mut self, spoil: impl FnOnce(&mut Vec<Value>)) -> Self {
        if let Some(rows) = self.body.get_mut("data").and_then(Value::as_array_mut) {
            spoil(rows);
        }
        self
    }

    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Puts it on the wire, with the caller's correlation id.
    pub fn respond(self, correlation: Option<&HeaderValue>) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(id) = correlation {
            headers.insert("atradius-correlation-id", id.clone());
        }
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

/// A date as the interface prints it: midnight, in UTC or in British summer time.
pub(super) fn timestamp(day: NaiveDate) -> String {
    let last_sunday =
        |month| NaiveDate::from_ymd_opt(day.year(), month, 31).map(|end| end.week(Weekday::Sun).first_day());
    let summer =
        last_sunday(3).is_some_and(|start| day > start) && last_sunday(10).is_some_and(|end| day <= end);
    if summer { format!("{day}T00:00:00+01:00") } else { format!("{day}T00:00:00Z") }
}

/// Writes `<name>InPolicyCurrency` and `<name>InUserCurrency`; without an amount both are empty texts.
fn put_amount(book: &Book, row: &mut Map<String, Value>, name: &str, amount: Option<u64>) {
    let text = |amount: Option<u64>| Value::from(amount.map_or_else(String::new, |a| a.to_string()));
    row.insert(format!("{name}InPolicyCurrency"), text(amount));
    let user = amount.map(|a| a * book.setup.user_percent / 100);
    row.insert(format!("{name}InUserCurrency"), text(user));
}

fn conditions(layers: &[&LayerSetup]) -> Value {
    let rows = layers.iter().flat_map(|layer| &layer.conditions).map(|condition| {
        json!({
            "conditionCode": condition.code,
            "conditionType": "COMMENT",
            "conditionDescription": condition.text,
            "conditionCategoryDescription": "Information",
        })
    });
    Value::Array(rows.collect())
}

fn layer(book: &Book, layer: Option<&LayerSetup>) -> Value {
    let mut row = Map::new();
    put_amount(book, &mut row, "decisionAmt", layer.map(|l| l.amount));
    if let Some(last) = layer.and_then(|l| l.expiry) {
        row.insert("decisionExpiryDate".to_owned(), timestamp(last).into());
    }
    row.insert("decisionConditions".to_owned(), conditions(layer.as_slice()));
    Value::Object(row)
}

fn total(book: &Book, version: &Version) -> Value {
    let layers: Vec<&LayerSetup> = [&version.first, &version.second].into_iter().flatten().collect();
    let mut row = Map::new();
    put_amount(book, &mut row, "decisionAmt", Some(version.total()));
    row.insert("decisionConditions".to_owned(), conditions(&layers));
    Value::Object(row)
}

fn identifiers(buyer: &BuyerSetup) -> Value {
    let description = match buyer.uid_type.as_str() {
        "VAT" => "VAT Number",
        "NRN" => "National Registration Number",
        "CR" => "Company Registration Number",
        "DB" => "Dun & Bradstreet Number",
        "FC" => "Fiscal Code",
        "SN" => "Siren Number",
        _ => "Other",
    };
    buyer
        .uid
        .iter()
        .map(|uid| json!({ "uid": uid, "uidType": buyer.uid_type, "uidTypeDescription": description }))
        .collect()
}

/// The rating that the buyer had before.
fn previous_rating(book: &Book, buyer: &BuyerSetup) -> u8 {
    match draw(book.setup.seed, buyer.buyer_id, 0, "rating", 3) {
        0 => buyer.rating.saturating_add(7).min(100),
        1 => buyer.rating.saturating_sub(7).max(1),
        _ => buyer.rating,
    }
}

/// `up` when the buyer's health improved, `down` when it got worse: a low rating is a good one.
pub(super) fn health_change(book: &Book, buyer: &BuyerSetup) -> &'static str {
    match buyer.rating.cmp(&previous_rating(book, buyer)) {
        std::cmp::Ordering::Less => "up",
        std::cmp::Ordering::Greater => "down",
        std::cmp::Ordering::Equal => "",
    }
}

/// The day of the buyer's last rating, before the first day of the simulator.
pub(super) fn rated_on(book: &Book, buyer: &BuyerSetup) -> NaiveDate {
    super::state::earlier(book.setup.today, draw(book.setup.seed, buyer.buyer_id, 0, "rated", 180))
}

fn rating_fields(book: &Book, buyer: &BuyerSetup, row: &mut Map<String, Value>) {
    let class = match buyer.rating {
        0..=20 => "Very low risk",
        21..=40 => "Low risk",
        41..=60 => "Medium risk",
        61..=80 => "High risk",
        81.. => "Very high risk",
    };
    row.insert("currentBuyerRating".to_owned(), buyer.rating.to_string().into());
    row.insert("currentBuyerRatingClass".to_owned(), class.into());
    row.insert("previousBuyerRating".to_owned(), previous_rating(book, buyer).to_string().into());
    row.insert("buyerRatingChange".to_owned(), health_change(book, buyer).to_uppercase().into());
    row.insert("tradingStatus".to_owned(), "Active".into());
    row.insert("tradingStatusCode".to_owned(), "A".into());
}

/// A buyer; no stored example of the interface shows a name here.
pub(super) fn buyer_row(book: &Book, buyer: &BuyerSetup) -> Value {
    let mut row = Map::new();
    row.insert("buyerId".to_owned(), buyer.buyer_id.into());
    row.insert("uniqueIdentifiers".to_owned(), identifiers(buyer));
    rating_fields(book, buyer, &mut row);
    row.insert("registeredAddress".to_owned(), json!({ "country": buyer.country_alpha3 }));
    Value::Object(row)
}

/// What all rows about a cover share.
fn head(
    book: &Book,
    buyer: &BuyerSetup,
    cover_id: u64,
    kind: &str,
    reference: Option<&str>,
) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("coverId".to_owned(), cover_id.into());
    row.insert("policyId".to_owned(), book.setup.policy_id.clone().into());
    row.insert("policyCurrencyCode".to_owned(), book.setup.policy_currency.clone().into());
    // No source shows how the user's currency is named; this is the policy's name with the other word.
    row.insert("userCurrencyCode".to_owned(), book.setup.user_currency.clone().into());
    row.insert("buyerId".to_owned(), buyer.buyer_id.into());
    row.insert("buyerName".to_owned(), buyer.name.clone().into());
    row.insert("uniqueIdentifiers".to_owned(), identifiers(buyer));
    row.insert("coverType".to_owned(), kind.into());
    row.insert("customerRefNumber".to_owned(), reference.unwrap_or_default().into());
    rating_fields(book, buyer, &mut row);
    row
}

/// A decided cover.
pub(super) fn cover_row(book: &Book, buyer: &BuyerSetup, version: &Version) -> Value {
    Value::Object(decided(book, buyer, version))
}

fn decided(book: &Book, buyer: &BuyerSetup, version: &Version) -> Map<String, Value> {
    let kind = version.cover_type.as_str();
    let mut row = head(book, buyer, version.cover_id, kind, version.reference.as_deref());
    let requested = Some(version.requested).filter(|amount| *amount > 0);
    put_amount(book, &mut row, "creditLimitApplicationAmount", requested);
    row.insert("coverStatus".to_owned(), "DECISION".into());
    row.insert("decisionCode".to_owned(), version.code.as_str().into());
    row.insert("decisionTypeDescription".to_owned(), version.code.description().into());
    row.insert("totalDecision".to_owned(), total(book, version));
    row.insert("firstAmtDecision".to_owned(), layer(book, version.first.as_ref()));
    if version.second.is_some() || version.cover_id.is_multiple_of(2) {
        row.insert("secondAmtDecision".to_owned(), layer(book, version.second.as_ref()));
    }
    row.insert("applicationDate".to_owned(), timestamp(version.applied_on).into());
    row.insert("decisionDate".to_owned(), timestamp(version.decided_on).into());
    row.insert("effectFromDate".to_owned(), timestamp(version.effective_from).into());
    if let Some(on) = version.withdrawal_on {
        let over = on <= book.today;
        // Sources differ on whether an announced date is printed before it has come, so half of the buyers show it.
        if over || buyer.buyer_id.is_multiple_of(2) {
            row.insert("withdrawalDate".to_owned(), timestamp(on).into());
        }
        if over {
            row.insert("effectiveToDate".to_owned(), timestamp(on).into());
        }
    }
    let indicator = version.pending_indicator.as_deref().unwrap_or_default();
    row.insert("pendingProcessIndicator".to_owned(), indicator.into());
    row.insert("pendingProcessStatus".to_owned(), pending_status(indicator).into());
    row.insert("notes".to_owned(), "".into());
    row
}

fn pending_status(indicator: &str) -> &'static str {
    match indicator {
        "B" => "Pending Bulk Condition Change",
        "C" => "Pending Cancellation",
        "F" => "Future Withdrawal",
        "P" => "Postponed Withdrawal",
        "R" => "Pending Reactivation",
        "T" => "Pending Transfer",
        "V" => "Pending Indication Conversion",
        "W" => "Pending Withdrawal",
        _ => "",
    }
}

/// A request that is with the underwriters, or was cancelled there.
pub(super) fn application_row(book: &Book, buyer: &BuyerSetup, request: &Request) -> Map<String, Value> {
    let kind = request.cover_type.as_str();
    let mut row = head(book, buyer, request.cover_id, kind, request.reference.as_deref());
    put_amount(
        book,
        &mut row,
        "creditLimitApplicationAmount",
        Some(request.amount).filter(|amount| *amount > 0),
    );
    row.insert("coverStatus".to_owned(), "REFERRED".into());
    row.insert("decisionCode".to_owned(), "".into());
    row.insert("decisionTypeDescription".to_owned(), "".into());
    row.insert("totalDecision".to_owned(), layer(book, None));
    row.insert("applicationDate".to_owned(), timestamp(request.made_on).into());
    row.insert("effectFromDate".to_owned(), timestamp(request.effect_from).into());
    row.insert("pendingProcessIndicator".to_owned(), "".into());
    row
}

/// A version that ended.
pub(super) fn historic_row(book: &Book, buyer: &BuyerSetup, ended: &Ended) -> Value {
    let mut row = decided(book, buyer, &ended.version);
    row.insert("historicCode".to_owned(), ended.historic_code.into());
    row.insert("effectiveToDate".to_owned(), timestamp(ended.on).into());
    if ended.historic_code == "WCLD" {
        row.insert("withdrawalDate".to_owned(), timestamp(ended.on).into());
    }
    Value::Object(row)
}

/// A request that the policyholder took back before it was decided.
pub(super) fn cancelled_application_row(
    book: &Book,
    buyer: &BuyerSetup,
    request: &Request,
    on: NaiveDate,
) -> Value {
    let mut row = application_row(book, buyer, request);
    row.insert("historicCode".to_owned(), "CCLA".into());
    row.insert("effectiveToDate".to_owned(), timestamp(on).into());
    Value::Object(row)
}

/// The policy; one object, not a list.
pub(super) fn policy(book: &Book) -> Value {
    let year = book.setup.today.year();
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).map(timestamp);
    json!({
        "policyId": book.setup.policy_id,
        "policyStatus": "live",
        "policyStartDate": day(year, 1, 1),
        "policyExpiryDate": day(year, 12, 31),
        "policyCurrency": book.setup.policy_currency,
    })
}

/// The first row once more at the end.
pub(super) fn repeat_first(rows: &mut Vec<Value>) {
    if let Some(first) = rows.first().cloned() {
        rows.push(first);
    }
}
