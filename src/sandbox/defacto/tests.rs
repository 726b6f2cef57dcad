//! The simulator seen from outside, over HTTP on a local port.

use std::time::{Duration, Instant};

use super::*;
use crate::sandbox::fault::FaultKind;

const DAY: &str = "2026-07-10";

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn sandbox() -> Sandbox {
    Sandbox::new(Setup::demo(1, date(DAY)))
}

struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    async fn open(sandbox: &Sandbox) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = sandbox.router();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
        Self { http, base }
    }

    async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        Self::answer(self.http.get(format!("{}{path}", self.base)).bearer_auth("sandbox-key")).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth("sandbox-key");
        Self::answer(if body.is_null() { request } else { request.json(body) }).await
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{body}");
        body["data"].as_array().unwrap().clone()
    }
}

fn invoice(number: &str) -> Value {
    json!({
        "invoice_number": number,
        "issued_at": "2026-07-01T00:00:00+02:00",
        "due_at": "2026-08-30T00:00:00+02:00",
        "total_amount": 120_000,
        "net_amount": 100_000,
        "tax_amount": 20_000,
        "currency": "EUR",
        "buyer": { "identifier": "000000018", "identifier_type": "siren", "name": "Menuiserie Aubrelle SAS" },
        "seller": { "identifier": "404833048", "identifier_type": "siren" },
        "document": STANDARD.encode("%PDF-1.7 an invoice"),
    })
}

fn request(number: &str, salt: Option<&str>) -> Value {
    json!({
        "amount": 120_000,
        "borrower": { "identifier": "404833048", "identifier_type": "siren" },
        "invoices": [invoice(number)],
        "loan_to": { "account_number": "FR7630006000011234567890189" },
        "to_pay_at": "2026-07-13T00:00:00+02:00",
        "to_repay_at": "2026-08-30T00:00:00+02:00",
        "salt_id": salt,
        "metadata": { "batch": "B-2026-0001", "lines": [1, 2] },
    })
}

/// A request with one field of it, or of its invoice, replaced; removed where the value is none.
fn with(mut body: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
    body
}

#[tokio::test]
async fn a_call_needs_the_key() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    assert_eq!(client.get("/hello").await, (200, Value::String("Hello from Defacto".to_owned())));
    let url = format!("{}/hello", client.base);
    let (status, body) = Client::answer(client.http.get(&url)).await;
    assert_eq!((status, body["message"].is_string()), (401, true));
    assert_eq!(Client::answer(client.http.get(&url).bearer_auth("another")).await.0, 401);
    assert_eq!(Client::answer(client.http.get(&url).header("authorization", "sandbox-key")).await.0, 401);
    assert_eq!(client.get("/nothing").await.0, 404);
    assert_eq!(client.get("/loan/nothing/validate").await.0, 405);
    assert_eq!(client.get("/loan/nothing").await.0, 404);
    assert_eq!(sandbox.calls()[0], ("GET".to_owned(), "/hello".to_owned(), 200));
}

#[tokio::test]
async fn a_loan_waits_and_goes_the_way_that_is_decided() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    let (status, made) = client.post("/loans", &request("F1", Some("S1"))).await;
    assert_eq!((status, made["status"].as_str()), (201, Some("PENDING_VALIDATION")), "{made}");
    assert_eq!(made["metadata"], json!({ "batch": "B-2026-0001", "lines": [1, 2] }));
    assert_eq!((made["amount"].as_i64(), &made["paid_at"]), (Some(120_000), &Value::Null));
    assert_eq!((made.get("salt_id"), made["documents"].is_array()), (None, true));
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made, client.get(&format!("/loan/{id}")).await.1);

    for status in ["TO_VALIDATE", "VALIDATED", "SCHEDULED", "INITIATED"] {
        assert_eq!(sandbox.decide("F1", &Decision::of(status)), 1);
        let (_, loan) = client.get(&format!("/loan/{id}")).await;
        assert_eq!((loan["status"].as_str(), &loan["paid_at"]), (Some(status), &Value::Null));
    }
    let paid =
        Decision { amount: Some(100_000.into()), on: Some(date("2026-07-13")), ..Decision::of("TO_REPAY") };
    assert_eq!(sandbox.decide(&id, &paid), 1);
    let (_, loan) = client.get(&format!("/loan/{id}")).await;
    assert_eq!(
        (loan["amount"].as_i64(), loan["paid_at"].as_str(), &loan["closed_at"]),
        (Some(100_000), Some("2026-07-13T09:00:00+00:00"), &Value::Null)
    );
    sandbox.set_today(date("2026-09-01"));
    assert_eq!(sandbox.decide("F1", &Decision::of("CLOSED")), 1);
    let (_, loan) = client.get(&format!("/loan/{id}")).await;
    assert_eq!(loan["paid_at"], "2026-07-13T09:00:00+00:00");
    assert_eq!(
        (&loan["closed_at"], &loan["repaid_amount"]),
        (&json!("2026-09-01T09:00:00+00:00"), &json!(100_000))
    );
    assert_eq!(client.list("/invoices").await[0]["status"], "PAID");

    client.post("/loans", &request("F2", None)).await;
    assert_eq!(sandbox.decide("F2", &Decision::because("DECLINED", "INVOICE_OVERDUE")), 1);
    let row = client.list("/loans?status=DECLINED").await.remove(0);
    assert_eq!((&row["denial_reason"], row.get("documents")), (&json!("INVOICE_OVERDUE"), None));
    assert_eq!(client.list("/invoices?status=DECLINED").await[0]["status_reason"], "INVOICE_OVERDUE");
    assert_eq!(sandbox.decide("F3", &Decision::of("CLOSED")), 0, "it was never sent");
}

#[tokio::test]
async fn a_known_salt_gives_the_loan_that_is_there() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    let (_, one) = client.post("/loans", &request("F1", Some("S1"))).await;
    let (status, two) = client.post("/loans", &request("F1", Some("S1"))).await;
    assert_eq!((status, &two["id"], sandbox.loans().len()), (201, &one["id"], 1));
    assert_eq!(sandbox.invoices().len(), 1);
    client.post("/loans", &request("F1", Some("S2"))).await;
    client.post("/loans", &request("F1", None)).await;
    client.post("/loans", &request("F1", None)).await;
    let salts: Vec<_> = sandbox.loans().into_iter().map(|loan| loan.salt_id).collect();
    assert_eq!(salts, [Some("S1".to_owned()), Some("S2".to_owned()), None, None]);
    let ids: std::collections::BTreeSet<String> = sandbox.loans().into_iter().map(|loan| loan.id).collect();
    assert_eq!((ids.len(), sandbox.loans()[0].id.len()), (4, 36));
    let again = Sandbox::new(Setup::demo(1, date(DAY)));
    Client::open(&again).await.post("/loans", &request("F1", Some("S1"))).await;
    assert_eq!(again.loans()[0].id, sandbox.loans()[0].id, "ids depend on the seed");
    assert_eq!(sandbox.decide("F1", &Decision::of("CANCELED")), 4);
}

#[tokio::test]
async fn what_the_schema_refuses_is_400() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    let whole = request("F1", None);
    for (pointer, value) in [
        ("/amount", None),
        ("/amount", Some(json!("120000"))),
        ("/amount", Some(json!(1200.5))),
        ("/loan_to", None),
        ("/loan_to/account_number", Some(json!("FR76 3000 6000 0112 3456 7890 189"))),
        ("/loan_to/account_number", Some(json!("FR7630006000011234567890188"))),
        ("/to_pay_at", Some(json!("2026-07-13"))),
        ("/to_repay_at", None),
        ("/currency", Some(json!("USD"))),
        ("/salt", Some(json!("misspelt"))),
        ("/borrower/identifier", Some(json!("404 833 048"))),
        ("/invoices/0/total_amount", Some(json!(1200.00))),
        ("/invoices/0/total_amount", None),
        ("/invoices/0/tax_amount", Some(json!("20000"))),
        ("/invoices/0/currency", Some(json!("CHF"))),
        ("/invoices/0/invoice_number", Some(json!(17))),
        ("/invoices/0/issued_at", None),
        ("/invoices/0/document", None),
        ("/invoices/0/buyer", None),
        ("/invoices/0/buyer/identifier_type", Some(json!("SIREN"))),
        ("/invoices/0/metadata", Some(json!("text"))),
    ] {
        let (status, body) = client.post("/loans", &with(whole.clone(), pointer, value)).await;
        assert_eq!(status, 400, "{pointer}: {body}");
        let field = pointer.trim_start_matches('/').replace('/', ".");
        assert_eq!(body["errors"][0]["field"], field, "{body}");
    }
    let (status, body) = client.post("/loans", &json!({})).await;
    assert_eq!((status, body["errors"].as_array().unwrap().len()), (400, 4), "{body}");
    assert_eq!(client.post("/loans", &Value::Null).await.0, 400, "no body");
    assert_eq!(sandbox.loans(), []);
}

#[tokio::test]
async fn what_the_rules_refuse_is_422() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    let whole = request("F1", None);
    for (pointer, value) in [
        ("/amount", json!(120_001)),
        ("/amount", json!(0)),
        ("/amount", json!(20_000_001)),
        ("/currency", json!("GBP")),
        ("/to_repay_at", json!("2026-07-13T00:00:00+02:00")),
        ("/invoices", json!([])),
        ("/invoices", json!([invoice("F1"), invoice("F2")])),
        ("/invoices/0/document", json!("%PDF-1.7 not in base64")),
        ("/invoices/0/document", json!(STANDARD.encode("<html>"))),
        ("/invoices/0/tax_amount", json!(19_999)),
        ("/invoices/0/buyer", json!({})),
    ] {
        let (status, body) = client.post("/loans", &with(whole.clone(), pointer, Some(value))).await;
        assert_eq!((status, body["message"].is_string()), (422, true), "{pointer}: {body}");
    }
    let other = with(whole.clone(), "/borrower/identifier", Some(json!("000000018")));
    assert_eq!(client.post("/loans", &other).await.0, 404);
    assert_eq!((sandbox.loans(), sandbox.invoices()), (vec![], vec![]));
    let pounds =
        with(with(whole, "/currency", Some(json!("GBP"))), "/invoices/0/currency", Some(json!("GBP")));
    assert_eq!(client.post("/loans", &pounds).await.0, 201);
}

#[tokio::test]
async fn an_invoice_may_come_first_as_a_draft_too() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    let draft = with(with(invoice("F1"), "/is_draft", Some(json!(true))), "/due_at", None);
    let (status, made) = client.post("/invoices", &draft).await;
    assert_eq!((status, made["status"].as_str()), (201, Some("TO_SUBMIT")), "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    let (status, refused) = client.post(&format!("/invoice/{id}/submit"), &Value::Null).await;
    assert_eq!((status, &refused["missing_fields"]), (422, &json!(["due_at"])));
    let missing = with(invoice("F2"), "/buyer", None);
    assert_eq!(client.post("/invoices", &missing).await.1["missing_fields"], json!(["buyer"]));

    let by_id = with(with(request("F1", None), "/invoices", None), "/invoice_ids", Some(json!([id])));
    assert_eq!(client.post("/loans", &by_id).await.0, 422, "it is not verified");
    let due = json!({ "due_at": "2026-08-30T00:00:00+02:00" });
    let (status, submitted) = client.post(&format!("/invoice/{id}/submit"), &due).await;
    assert_eq!((status, submitted["status"].as_str()), (200, Some("SUBMITTED")), "{submitted}");
    assert_eq!(client.post(&format!("/invoice/{id}/submit"), &due).await.0, 400, "only once");
    assert_eq!(sandbox.decide("F1", &Decision::of("VERIFIED")), 1);
    let (status, loan) = client.post("/loans", &by_id).await;
    assert_eq!((status, &loan["invoice_ids"]), (201, &json!([id])), "{loan}");
    let (_, told) = client.get(&format!("/invoice/{id}")).await;
    assert_eq!((&told["loan_ids"], told.get("document")), (&json!([loan["id"]]), None));
    let kept = &sandbox.invoices()[0];
    assert_eq!((kept.total_amount, kept.document_bytes), (Some(120_000), 19));
    assert_eq!(kept.document_sha256, crate::ids::sha256_hex(b"%PDF-1.7 an invoice"));
    assert_eq!(client.list("/invoices?linked_to_loan=false").await, Vec::<Value>::new());
    let unknown = with(by_id, "/invoice_ids", Some(json!(["another"])));
    assert_eq!(client.post("/loans", &unknown).await.0, 404);
}

#[tokio::test]
async fn an_offer_is_accepted_by_a_call_or_beforehand_and_cancelled_before_it_is_paid() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    let (_, made) = client.post("/loans", &request("F1", None)).await;
    let path = |what: &str| format!("/loan/{}/{what}", made["id"].as_str().unwrap());
    assert_eq!(client.post(&path("validate"), &Value::Null).await.0, 400);
    assert_eq!(client.post(&path("cancel"), &Value::Null).await.0, 400, "not while it is looked at");
    assert_eq!(sandbox.decide("F1", &Decision::of("TO_VALIDATE")), 1);
    let (status, loan) = client.post(&path("validate"), &Value::Null).await;
    assert_eq!((status, loan["status"].as_str()), (200, Some("VALIDATED")));
    let (status, loan) = client.post(&path("cancel"), &Value::Null).await;
    assert_eq!((status, loan["status"].as_str()), (200, Some("CANCELED")));
    client.post("/loans", &with(request("F2", None), "/auto_validate", Some(json!(true)))).await;
    assert_eq!(sandbox.decide("F2", &Decision::of("TO_VALIDATE")), 1);
    assert_eq!(sandbox.loans()[1].status, "VALIDATED");
}

#[tokio::test]
async fn lists_come_in_pages_newest_first() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    for number in 1..=5 {
        client.post("/loans", &request(&format!("F{number}"), None)).await;
    }
    let ids: Vec<String> = sandbox.loans().into_iter().rev().map(|loan| loan.id).collect();
    let (mut seen, mut cursor, mut sizes) = (Vec::new(), String::new(), Vec::new());
    loop {
        let (_, page) = client.get(&format!("/loans?page_size=2{cursor}")).await;
        let rows = page["data"].as_array().unwrap();
        assert_eq!((page["count"].as_u64(), page["total"].as_u64()), (Some(rows.len() as u64), Some(5)));
        assert_eq!(page["previous_page"].is_null(), seen.is_empty());
        sizes.push(rows.len());
        seen.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        client.post("/loans", &Value::Null).await; // what is refused moves nothing
        match page["next_page"].as_str() {
            Some(next) => cursor = format!("&cursor={}", next.replace('=', "%3D")),
            None => break,
        }
    }
    assert_eq!((seen, sizes), (ids, vec![2, 2, 1]));
    let oldest = client.list("/loans?sort_by=created_at:asc&page_size=1").await;
    assert_eq!(oldest[0]["id"], sandbox.loans()[0].id);
    assert_eq!(client.list(&format!("/loans?id={}", sandbox.loans()[2].id)).await.len(), 1);
    assert_eq!(client.list("/loans?query=F4").await.len(), 1);
    assert_eq!(client.list("/loans?status=CLOSED&status=PENDING_VALIDATION").await.len(), 5);
    for bad in ["cursor=another", "page_size=0", "sort_by=amount", "postponed=true"] {
        assert_eq!(client.get(&format!("/loans?{bad}")).await.0, 400, "{bad}");
    }
    sandbox.inject(Fault { on: Some(Operation::Loans), times: 1, kind: FaultKind::Repeated });
    sandbox.inject(Fault { on: Some(Operation::Loans), times: 1, kind: FaultKind::Reordered });
    let whole = client.list("/invoices").await;
    assert_eq!(whole.len(), 5, "the fault is for another operation");
    let (one, two, three) =
        (client.list("/loans").await, client.list("/loans").await, client.list("/loans").await);
    assert_eq!((one.len(), one.first(), one.last()), (6, three.first(), three.first()));
    assert_eq!(two, three.into_iter().rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn faults_spoil_the_calls_they_were_meant_for() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    let fault = |kind| sandbox.inject(Fault { on: Some(Operation::AskLoan), times: 1, kind });
    fault(FaultKind::TooManyRequests { retry_after_seconds: 3 });
    let url = format!("{}/loans", client.base);
    let answer =
        client.http.post(url).bearer_auth("sandbox-key").json(&request("F1", None)).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    for (kind, status, taken) in [
        (FaultKind::Unavailable, 503, 0),
        (FaultKind::ErrorBefore, 500, 0),
        (FaultKind::ErrorAfter, 500, 1),
        (FaultKind::TimeoutBefore { milliseconds: 40 }, 504, 1),
        (FaultKind::TimeoutAfter { milliseconds: 40 }, 201, 2),
        (FaultKind::ExpiredToken, 401, 2),
        (FaultKind::Truncated, 201, 3),
        (FaultKind::LostCallback, 201, 4),
    ] {
        fault(kind);
        assert_eq!(client.get("/hello").await.0, 200, "the fault is for another operation");
        let began = Instant::now();
        let (got, body) = client.post("/loans", &request("F1", None)).await;
        assert_eq!((got, sandbox.loans().len()), (status, taken), "{kind:?}");
        assert_eq!(body.is_string(), kind == FaultKind::Truncated, "{kind:?}");
        let is_slow = matches!(kind, FaultKind::TimeoutBefore { .. } | FaultKind::TimeoutAfter { .. });
        assert!(!is_slow || began.elapsed() >= Duration::from_millis(40), "{kind:?}");
    }
    assert_eq!(client.post("/loans", &request("F1", None)).await.0, 201, "the weather is clear");
}

#[tokio::test]
async fn the_pages_for_people_need_no_key_and_show_none() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    client.post("/loans", &request("F1", None)).await;
    let page = |path: &str| format!("{}/sandbox/{path}", client.base);
    let post = |path: &str, body: Value| Client::answer(client.http.post(page(path)).json(&body));
    assert_eq!(post("today", json!({ "date": "2026-07-20" })).await.0, 200);
    assert_eq!(post("today", json!({ "day": "2026-07-20" })).await.0, 400);
    let decision = json!({ "loan": "F1", "status": "TO_REPAY", "amount": 90_000, "on": "2026-07-19" });
    assert_eq!(post("decide", decision).await, (200, json!({ "decided": 1 })));
    assert_eq!(post("decide", json!({ "loan": "F9", "status": "CLOSED" })).await.0, 404);
    assert_eq!(post("decide", json!({ "loan": "F1", "state": "CLOSED" })).await.0, 400);
    assert_eq!(post("decide", json!({ "status": "CLOSED" })).await.0, 400);
    assert_eq!(post("other", json!({})).await.0, 404);
    let (_, state) = Client::answer(client.http.get(page("state"))).await;
    assert_eq!((&state["today"], &state["calls"]), (&json!("2026-07-20"), &json!(1)));
    assert_eq!(
        (&state["loans"][0]["status"], &state["loans"][0]["amount"]),
        (&json!("TO_REPAY"), &json!(90_000))
    );
    assert!(!state.to_string().contains("sandbox-key"));
}

#[tokio::test]
async fn a_saved_simulator_continues_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let options = |day: Option<&str>| Options {
        seed: 1,
        day: day.map(date),
        state: Some(folder.path().join("defacto.json")),
        folder: None,
    };
    let path = folder.path().join("defacto.json");
    let sandbox = sandbox();
    sandbox.keep_in(&path).unwrap();
    let client = Client::open(&sandbox).await;
    client.post("/loans", &request("F1", Some("S1"))).await;
    assert_eq!(sandbox.decide("F1", &Decision::of("TO_REPAY")), 1);
    let loaded = Sandbox::load(&path).unwrap();
    assert_eq!((loaded.loans(), loaded.invoices()), (sandbox.loans(), sandbox.invoices()));
    let again = Client::open(&loaded).await;
    let (status, loan) = again.post("/loans", &request("F1", Some("S1"))).await;
    assert_eq!((status, loan["status"].as_str(), loaded.loans().len()), (201, Some("TO_REPAY"), 1));

    let served = open(&options(None)).unwrap();
    assert_eq!(served.today, date(DAY), "the day of the saved state");
    let configuration = (served.configuration)("http://127.0.0.1:1");
    assert!(
        configuration.contains("connector = \"defacto\"\nurl = \"http://127.0.0.1:1\""),
        "{configuration}"
    );
    assert_eq!(open(&options(Some("2026-07-11"))).unwrap().today, date("2026-07-11"));
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(open(&options(None)), Err(Error::Content { .. })));
    assert!(matches!(Sandbox::load(&folder.path().join("none")), Err(Error::File { .. })));
}
