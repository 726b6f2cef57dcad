//! The information interface: companies, orders of opinions, their content, monitoring and its notifications.
//!
//! An opinion says what a company seems to be good for. It is no cover: nothing here touches the portfolio.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{self, Answer};
use super::state::{Book, BuyerSetup, DecisionCode, draw, later};
use super::{Incoming, Wrong, wrong};

type Result = std::result::Result<Answer, Wrong>;

/// The most rows of one page.
const PAGE: usize = 20;

/// Where an order of information stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Somebody is at it.
    InPreparation,
    /// Its content can be read.
    Ready,
    /// It will never be.
    Cancelled,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InPreparation => "in-preparation",
            Self::Ready => "ready",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An order of information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    pub id: String,
    pub company_id: String,
    pub slugs: Vec<String>,
    pub currency: String,
    pub requested: u64,
    pub reference: Option<String>,
    pub callback_url: Option<String>,
    pub called_back: bool,
    pub ready_on: NaiveDate,
    pub cancelled: bool,
}

impl Report {
    fn status(&self, day: NaiveDate) -> Status {
        if self.ready_on > day {
            Status::InPreparation
        } else if self.cancelled {
            Status::Cancelled
        } else {
            Status::Ready
        }
    }
}

/// A company that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Monitoring {
    pub id: String,
    pub company_id: String,
    pub slug: String,
    pub reference: Option<String>,
    pub starts: NaiveDate,
    pub ends: NaiveDate,
}

impl Book {
    /// The next callback that is due, which counts as made from now on.
    pub fn next_callback(&mut self) -> Option<(String, String)> {
        let today = self.today;
        let due = self.reports.iter_mut().find(|report| {
            !report.called_back
                && report.callback_url.is_some()
                && report.status(today) != Status::InPreparation
        })?;
        due.called_back = true;
        Some((due.id.clone(), due.callback_url.clone()?))
    }

    fn company(&self, company_id: &str) -> Option<&BuyerSetup> {
        self.setup.buyers.iter().find(|buyer| buyer.company_id == company_id)
    }

    /// A company by its id, or by an external id (`easy#00000000012345`) and a country.
    fn identified(
        &self,
        company: Option<&str>,
        external: Option<&str>,
        country: Option<&str>,
    ) -> Option<&BuyerSetup> {
        if let Some(company) = company {
            return self.company(company);
        }
        let (slug, id) = external?.split_once('#')?;
        self.setup.buyers.iter().filter(|buyer| Some(buyer.country.as_str()) == country).find(|buyer| {
            match slug {
                "easy" => buyer.easy_number == id,
                "icon" => buyer.icon_number == id,
                "registration-number" => {
                    buyer.identifier_type != "VAT" && buyer.identifier.as_deref() == Some(id)
                }
                "vat-number" => buyer.identifier_type == "VAT" && buyer.identifier.as_deref() == Some(id),
                _ => false,
            }
        })
    }
}

fn id_of(seed: u64, kind: &str, number: usize) -> String {
    let print = crate::ids::fingerprint_hex(&[
        b"sandbox icon",
        &seed.to_le_bytes(),
        kind.as_bytes(),
        &number.to_le_bytes(),
    ]);
    let part = |from: usize, to: usize| print.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// One page of a list: 206 and `Content-Range`, even when it is all there is.
fn page(call: &Incoming<'_>, rows: Vec<Value>) -> Result {
    let count = rows.len();
    let bad = wrong(400, "missing_or_invalid_param", "range is from-to, 20 items at most");
    let (from, to) = match call.parameter("range") {
        None => (0, PAGE - 1),
        Some(text) => {
            let bounds =
                text.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
            match bounds {
                Some((from, to)) if from <= to && to - from < PAGE => (from, to),
                _ => return Err(bad),
            }
        }
    };
    let rows: Vec<Value> = rows.into_iter().skip(from).take(to - from + 1).collect();
    let range = Some(format!("{from}-{to}/{count}"));
    Ok(Answer { range, ..Answer::new(206, Value::Array(rows)) })
}

fn company_row(buyer: &BuyerSetup) -> Value {
    let mut external = vec![
        json!({ "repositorySlug": "icon", "id": buyer.icon_number }),
        json!({ "repositorySlug": "easy", "id": buyer.easy_number }),
    ];
    if let Some(identifier) = &buyer.identifier {
        let slug = if buyer.identifier_type == "VAT" { "vat-number" } else { "registration-number" };
        external.push(json!({ "repositorySlug": slug, "id": identifier }));
    }
    json!({
        "id": buyer.company_id,
        "name": buyer.name,
        "address": { "countryCode": buyer.country },
        "externalIds": external,
    })
}

pub(super) fn companies(book: &mut Book, call: &Incoming<'_>) -> Result {
    book.billed_lookups += 1;
    let country = call.parameter("countryCode");
    if let (None, None, Some(name)) =
        (call.parameter("companyId"), call.parameter("externalId"), call.parameter("companyName"))
    {
        let name = name.to_lowercase();
        let fits = |buyer: &&BuyerSetup| {
            buyer.name.to_lowercase().contains(&name)
                && country.is_none_or(|country| country == buyer.country)
        };
        let rows = book.setup.buyers.iter().filter(fits).map(company_row).collect();
        return page(call, rows);
    }
    let found = book.identified(call.parameter("companyId"), call.parameter("externalId"), country);
    let found = found.ok_or(wrong(404, "resource_not_found", "company not found"))?;
    page(call, vec![company_row(found)])
}

/// What an order of both kinds says.
struct Ordered {
    company_id: String,
    slugs: Vec<String>,
    currency: String,
    requested: u64,
    reference: Option<String>,
    callback_url: Option<String>,
    starts: Option<NaiveDate>,
}

fn read_order(book: &Book, call: &Incoming<'_>) -> std::result::Result<Ordered, Wrong> {
    let body: Map<String, Value> = serde_json::from_slice(call.body)
        .map_err(|_| wrong(400, "missing_or_invalid_param", "the body is no JSON object"))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let company = book
        .identified(text("companyId"), text("externalId"), text("countryCode"))
        .ok_or(wrong(404, "resource_not_found", "company not found"))?;
    let assessments = body.get("assessments").and_then(Value::as_array).cloned().unwrap_or_default();
    let slugs: Vec<String> = assessments
        .iter()
        .filter_map(|assessment| assessment.get("slug").and_then(Value::as_str).map(str::to_owned))
        .collect();
    let known = ["debtor-risk-assessment", "credit-opinion", "advanced-opinion"];
    if slugs.is_empty() || slugs.iter().any(|slug| !known.contains(&slug.as_str())) {
        return Err(wrong(400, "wrong_product", "no such product"));
    }
    let first = assessments.iter().find_map(|assessment| assessment.get("requestedAmount"));
    let requested = match first {
        None => 0,
        Some(value) => value
            .as_u64()
            .filter(|units| *units >= 1_000 && units.is_multiple_of(1_000))
            .ok_or(wrong(400, "missing_or_invalid_param", "requestedAmount must be a round value"))?,
    };
    let currency =
        assessments.iter().find_map(|assessment| assessment.get("currency").and_then(Value::as_str));
    Ok(Ordered {
        company_id: company.company_id.clone(),
        slugs,
        currency: currency.unwrap_or("EUR").to_owned(),
        requested,
        reference: text("customerReference").map(str::to_owned),
        callback_url: text("callbackUrl").map(str::to_owned),
        starts: text("startDate").and_then(|day| day.parse().ok()),
    })
}

pub(super) fn order(book: &mut Book, call: &Incoming<'_>) -> Result {
    let ordered = read_order(book, call)?;
    let buyer = book.company(&ordered.company_id);
    let easy = buyer.map(|buyer| buyer.easy_number.clone()).unwrap_or_default();
    let gone = buyer.is_some_and(|buyer| buyer.dra == 0);
    let days = draw(book.setup.seed, &easy, ordered.requested, "report", 3);
    let report = Report {
        id: id_of(book.setup.seed, "report", book.reports.len()),
        company_id: ordered.company_id,
        slugs: ordered.slugs,
        currency: ordered.currency,
        requested: ordered.requested,
        reference: ordered.reference,
        callback_url: ordered.callback_url,
        called_back: false,
        ready_on: later(book.today, days),
        cancelled: gone,
    };
    let row = json!({ "id": report.id, "status": report.status(book.today).as_str() });
    book.reports.push(report);
    Ok(Answer::new(201, row))
}

pub(super) fn orders(book: &mut Book, call: &Incoming<'_>) -> Result {
    let (id, company) = (call.parameter("id"), call.parameter("companyId"));
    let fits = |report: &&Report| {
        id.is_none_or(|id| report.id == id) && company.is_none_or(|company| report.company_id == company)
    };
    let row = |report: &Report| {
        json!({
            "id": report.id,
            "status": report.status(book.today).as_str(),
            "companyId": report.company_id,
            "customerReference": report.reference,
            "assessments": report.slugs.iter().map(|slug| json!({ "slug": slug })).collect::<Vec<_>>(),
        })
    };
    page(call, book.reports.iter().filter(fits).map(row).collect())
}

/// What a company seems to be good for: whole units.
fn opinion(buyer: &BuyerSetup, requested: u64) -> u64 {
    let most = match buyer.dra {
        0..=2 => 0,
        3..=5 => 20_000,
        6..=7 => 100_000,
        _ => 500_000,
    };
    if requested == 0 { most } else { most.min(requested) }
}

fn assessment(book: &Book, report: &Report, buyer: &BuyerSetup, slug: &str) -> Value {
    let units = opinion(buyer, report.requested);
    let mut row =
        json!({ "releaseDate": report.ready_on, "assessmentSlug": slug, "companyId": buyer.company_id });
    let Some(object) = row.as_object_mut() else { return row };
    match slug {
        "debtor-risk-assessment" => {
            // Ten is best, one is extremely high risk; the probability is invented.
            object.insert("debtorRiskValue".to_owned(), buyer.dra.to_string().into());
            let percent = 1 + draw(book.setup.seed, &buyer.easy_number, 0, "default", 9);
            object.insert(
                "probabilityOfDefault".to_owned(),
                format!("0.0{percent}").parse().unwrap_or(Value::Null),
            );
        }
        _ => {
            object.insert("maxCreditAmount".to_owned(), answer::amount(&report.currency, units));
        }
    }
    if slug == "credit-opinion" {
        let rating = if units == 0 { "X" } else { "R" };
        object.insert("rating".to_owned(), rating.into());
    }
    if slug == "advanced-opinion" && units == 0 {
        let detail = json!({
            "code": "AB09",
            "descriptions": [{ "label": "Refusal Motivation", "full": "Weak profitability", "language": "en" }],
        });
        object.insert("decisionDetails".to_owned(), json!([detail]));
    }
    row
}

/// 202 while it is not ready. One that was cancelled answers 205 without a body or 400, as the published list of errors
/// has both; which one depends on its id.
pub(super) fn content(book: &mut Book, call: &Incoming<'_>) -> Result {
    let id = call.needed("id")?;
    if call.needed("format")? != "json" {
        return Err(wrong(400, "missing_or_invalid_param", "format"));
    }
    let report = book.reports.iter().find(|report| report.id == id);
    let report = report.ok_or(wrong(404, "resource_not_found", "no such publication"))?;
    match report.status(book.today) {
        Status::InPreparation => {
            Ok(Answer::error(book, call.path, 202, "order_not_finished", "the order is not finished"))
        }
        Status::Cancelled if id.bytes().fold(0_u8, |sum, byte| sum.wrapping_add(byte)).is_multiple_of(2) => {
            Ok(Answer::empty(205))
        }
        Status::Cancelled => Err(wrong(400, "order_cancelled", "the order was cancelled")),
        Status::Ready => {
            let buyer = book.company(&report.company_id);
            let buyer = buyer.ok_or(wrong(404, "resource_not_found", "company not found"))?;
            let rows = report.slugs.iter().map(|slug| assessment(book, report, buyer, slug));
            Ok(Answer::new(200, rows.collect()))
        }
    }
}

pub(super) fn monitor(book: &mut Book, call: &Incoming<'_>) -> Result {
    let ordered = read_order(book, call)?;
    let starts = ordered.starts.unwrap_or(book.today);
    let mut rows = Vec::new();
    for slug in ordered.slugs {
        let monitoring = Monitoring {
            id: id_of(book.setup.seed, "monitoring", book.monitorings.len()),
            company_id: ordered.company_id.clone(),
            slug,
            reference: ordered.reference.clone(),
            starts,
            ends: later(starts, 365),
        };
        rows.push(monitoring_row(&monitoring));
        book.monitorings.push(monitoring);
    }
    Ok(Answer::new(201, Value::Array(rows)))
}

fn monitoring_row(monitoring: &Monitoring) -> Value {
    json!({
        "id": monitoring.id,
        "startDate": monitoring.starts,
        "endDate": monitoring.ends,
        "assessmentSlug": monitoring.slug,
        "status": "monitoring_active",
        "companyId": monitoring.company_id,
    })
}

pub(super) fn monitoring(book: &mut Book, call: &Incoming<'_>) -> Result {
    let found = book.monitorings.iter().find(|monitoring| monitoring.id == call.id);
    let found = found.ok_or(wrong(404, "resource_not_found", "no such monitoring"))?;
    Ok(Answer::new(200, monitoring_row(found)))
}

/// What changed at watched companies: here, every decision that the insurer made on them for reasons.
pub(super) fn notifications(book: &mut Book, call: &Incoming<'_>) -> Result {
    let day = |name: &'static str| {
        call.needed(name)?.parse::<NaiveDate>().map_err(|_| wrong(400, "missing_or_invalid_param", name))
    };
    let (from, to) = (day("deliveryDateFrom")?, day("deliveryDateTo")?);
    let mut rows = Vec::new();
    for monitoring in &book.monitorings {
        let Some(buyer) = book.company(&monitoring.company_id) else { continue };
        for position in book.timeline(&buyer.easy_number).changes {
            let on = position.decided_on;
            let watched = (monitoring.starts..=monitoring.ends).contains(&on);
            if !watched || on < from || on > to || position.code == DecisionCode::Cancelled {
                continue;
            }
            rows.push(json!({
                "id": id_of(book.setup.seed, &format!("{}{on}", monitoring.id), 0),
                "deliveryDate": on,
                "monitoringId": monitoring.id,
                "assessmentSlug": monitoring.slug,
                "companyId": monitoring.company_id,
                "customerReference": monitoring.reference,
                "status": "ready",
            }));
        }
    }
    page(call, rows)
}
