//! The shapes of the insurer's answers, quirks included.
//!
//! Lists are bare arrays in no order, pages of them come with status 206, and what is taken answers with the bare number of
//! its job. Invariant: the order of a list depends on the seed and the day, so that the pages of one reading fit together.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::state::{Book, BuyerSetup, Cover, Job, Layer, Request, draw};

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

    /// A complaint (its shape is assumed).
    pub fn error(status: u16, message: &str) -> Self {
        Self::new(status, json!({ "status": status, "message": message }))
    }

    /// With the rows of a list spoilt; other answers stay as they are.
    pub fn with_rows(mut self, spoil: impl FnOnce(&mut Vec<Value>)) -> Self {
        if let Some(rows) = self.body.as_array_mut() {
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
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let whole = self.body.to_string();
        let text = match self.cut {
            Cut::Whole => whole,
            // Half of a job's number is one to whoever does not count, so its quotation mark goes.
            Cut::InTheMiddle => whole.chars().take(whole.chars().count() / 2).collect(),
        };
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, headers, text).into_response()
    }
}

/// The first row comes a second time.
pub(super) fn repeat_first(rows: &mut Vec<Value>) {
    rows.extend(rows.first().cloned());
}

/// An amount as a JSON number.
fn number(minor: i64) -> Value {
    let text = if minor % 100 == 0 {
        (minor / 100).to_string()
    } else {
        format!("{}.{:02}", minor / 100, (minor % 100).abs())
    };
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

fn policy(book: &Book, extension: super::Extension) -> Value {
    let index = super::Extension::ALL.iter().position(|known| *known == extension).unwrap_or(0);
    let number = book.setup.policies.get(index).cloned().unwrap_or_default();
    json!({ "businessUnitCode": book.setup.business_unit, "policyId": number, "extensionId": extension.code() })
}

/// A page of a list. Rows have no order; `key` names each.
pub(super) fn page(book: &Book, mut rows: Vec<(String, Value)>, number: usize, size: usize) -> Answer {
    let day = u64::from_le_bytes(i64::from(chrono::Datelike::num_days_from_ce(&book.today)).to_le_bytes());
    rows.sort_by_cached_key(|(key, _)| (draw(book.setup.seed, key, day, "order", u64::MAX), key.clone()));
    let size = size.clamp(1, book.setup.page_size_max.max(1));
    let status = if rows.len() > size { 206 } else { 200 };
    let from = number.saturating_sub(1).saturating_mul(size);
    let page = rows.into_iter().skip(from).take(size).map(|(_, row)| row);
    Answer::new(status, page.collect())
}

fn layer_row(book: &Book, cover: &Cover, layer: &Layer) -> Value {
    let mut row = json!({
        "technicalDecisionStatusCode": cover.technical,
        "amount": number(layer.amount_minor),
        "currencyCode": book.setup.currency,
        "startDate": layer.from,
    });
    if let (Some(row), Some(last)) = (row.as_object_mut(), layer.until) {
        row.insert("endDate".to_owned(), json!(last));
    }
    row
}

/// A cover, in a list and by itself.
pub(super) fn cover_row(book: &Book, cover: &Cover) -> Value {
    let buyer = book.buyer(&cover.company_id);
    let mut layers: Vec<Value> =
        cover.layers_on(book.today).map(|layer| layer_row(book, cover, layer)).collect();
    if let (true, Some(on)) = (layers.is_empty(), cover.decided_on) {
        let nothing = Layer { amount_minor: 0, from: on, until: None };
        layers.push(layer_row(book, cover, &nothing));
    }
    let mut row = json!({
        "coverId": cover.cover_id,
        "companyId": cover.company_id,
        "companyName": buyer.map(|buyer| buyer.name.as_str()),
        "companyCountryCode": buyer.map(|buyer| buyer.country.as_str()),
        "coverStatusCode": cover.status,
        "policy": policy(book, cover.extension),
        "creditLimitDetails": { "requestedAmount": number(cover.requested_minor), "currencyCode": book.setup.currency },
        "creditLimitsAggregation": { "creditLimits": layers },
        "lastUpdateDate": cover.updated_on,
    });
    if let (Some(row), Some(on)) = (row.as_object_mut(), cover.decided_on) {
        row.insert("decisionDate".to_owned(), json!(on));
    }
    row
}

/// The row of a buyer whom the policy covers by its grade: without an amount.
pub(super) fn grade_row(book: &Book, buyer: &BuyerSetup) -> Value {
    json!({
        "companyId": buyer.company_id,
        "companyName": buyer.name,
        "companyCountryCode": buyer.country,
        "coverStatusCode": "CheckPolicy",
        "gradePolicyCoverGradeCode": buyer.grade.to_string(),
        "policy": policy(book, super::Extension::Main),
        "lastUpdateDate": book.setup.today,
    })
}

pub(super) fn request_row(book: &Book, request: &Request) -> Value {
    json!({
        "requestId": request.request_id,
        "coverId": request.cover_id,
        "companyId": request.company_id,
        "requestStatusCode": "InProgress",
        "policy": policy(book, request.extension),
        "creditLimitDetails": { "requestedAmount": number(request.amount_minor), "currencyCode": book.setup.currency },
        "creationDate": request.made_on,
        "lastUpdateDate": request.updated_on,
    })
}

/// A job; when it is done, with the link to what came of it.
pub(super) fn job_row(job: &Job, host: &str) -> Value {
    if !job.is_done {
        return json!({ "jobId": job.job_id, "jobStatusCode": "PENDING" });
    }
    let mut row = json!({ "jobId": job.job_id, "jobStatusCode": "PROCESSED" });
    if let (Some(row), Some(cover_id)) = (row.as_object_mut(), &job.cover_id) {
        let link = format!("http://{host}{}/covers/{cover_id}", job.environment.risk());
        row.insert("resourceUrl".to_owned(), json!(link));
    }
    row
}

/// A company as the search shows it.
pub(super) fn company_row(buyer: &BuyerSetup, score: u8) -> Value {
    json!({
        "score": score,
        "company": {
            "companyId": buyer.company_id,
            "legalData": { "companyName": buyer.name },
            "address": {
                "streetName": "rue de l'Invention", "town": "Ville-Neuve", "countryCode": buyer.country,
                "postCodes": [{ "postCodeValue": "00000" }],
            },
            "communicationChannels": [{ "typeCode": "PHONE_NUMBER", "value": "+33 0 00 00 00 00" }],
        },
    })
}

/// The registry numbers of a company, the insurer's own among them.
pub(super) fn identifiers_row(buyer: &BuyerSetup) -> Value {
    let own = json!({ "idTypeCode": "EH", "idValue": buyer.company_id });
    let others =
        buyer.identifiers.iter().map(|(kind, value)| json!({ "idTypeCode": kind, "idValue": value }));
    json!({ "companyIdentifiers": std::iter::once(own).chain(others).collect::<Vec<_>>() })
}

/// A date of a call's body.
pub(super) fn date(value: Option<&Value>) -> Option<NaiveDate> {
    value.and_then(Value::as_str).and_then(|text| text.parse().ok())
}
