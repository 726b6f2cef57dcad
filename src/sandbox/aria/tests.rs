//! The simulator seen from outside, over HTTP on a local port.

use std::time::Instant;

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
    token: String,
}

impl Client {
    async fn open(sandbox: &Sandbox) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = sandbox.router();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
        let mut client = Self { http, base, token: String::new() };
        client.sign_in().await;
        client
    }

    async fn sign_in(&mut self) {
        let (status, answer) = self.post("/oauth/token", &grant()).await;
        assert_eq!(status, 200, "{answer}");
        self.token = answer["access_token"].as_str().unwrap().to_owned();
    }

    async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        Self::answer(self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_text(path, body.to_string()).await
    }

    async fn post_text(&self, path: &str, body: String) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token);
        Self::answer(request.header("content-type", "application/json").body(body)).await
    }

    /// Sends an invoice, and says its id.
    async fn send(&self, number: &str) -> String {
        let (status, made) = self.post("/invoices", &invoice(number)).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }
}

fn grant() -> Value {
    json!({
        "client_id": "sandbox-client", "client_secret": "sandbox-secret", "audience": "https://api.aria.example",
        "grant_type": "client_credentials",
    })
}

fn invoice(number: &str) -> Value {
    json!({
        "invoiceNumber": number,
        "invoiceDate": "2026-07-01T00:00:00+02:00",
        "totalAmountIncludingTaxes": 1200,
        "totalAmountExcludingTaxes": 1000,
        "currency": "EUR",
        "debtorName": "Menuiserie Aubrelle SAS",
        "debtorIdentifier": { "type": "siren", "value": "000000018", "country": "FR" },
        "repaymentPeriod": 45,
        "attachments": [{ "url": "https://documents.exemple.example/F1.pdf" }],
        "contacts": [{ "email": "compta@aubrelle.example", "phoneNumber": "+33100000000" }],
    })
}

fn request(invoice_id: &str) -> Value {
    json!({
        "amount": 1200,
        "currency": "EUR",
        "userId": "00000000-0000-4000-8000-000000000001",
        "invoiceId": invoice_id,
        "externalId": "B-2026-0001/1",
        "paymentDestination": {
            "type": "BANK_ACCOUNT", "accountNumberType": "IBAN", "accountNumber": "FR7630006000011234567890189",
        },
    })
}

/// A body with one field replaced; removed where the value is none.
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
async fn a_token_needs_every_part_and_ends() {
    let mut setup = Setup::demo(1, date(DAY));
    let sandbox = Sandbox::new(setup.clone());
    let mut client = Client::open(&sandbox).await;
    assert_eq!(client.get("/loans/none").await.0, 404);
    for part in ["client_id", "client_secret", "audience"] {
        let wrong = with(grant(), &format!("/{part}"), Some(json!("wrong")));
        assert_eq!(client.post("/oauth/token", &wrong).await.0, 401, "{part}");
        assert_eq!(
            client.post("/oauth/token", &with(grant(), &format!("/{part}"), None)).await.0,
            400,
            "{part}"
        );
    }
    let password = with(grant(), "/grant_type", Some(json!("password")));
    assert_eq!(client.post("/oauth/token", &password).await.0, 400);
    let form = client.http.post(format!("{}/oauth/token", client.base)).body(grant().to_string());
    assert_eq!(Client::answer(form).await.0, 400, "JSON that says so, and nothing else");
    client.token = "another".to_owned();
    let (status, body) = client.get("/loans/none").await;
    assert_eq!((status, &body["status"], &body["code"]), (401, &json!("401"), &json!("UNAUTHORIZED")));
    assert_eq!(Client::answer(client.http.get(format!("{}/loans/none", client.base))).await.0, 401);

    setup.token_lifetime_seconds = 0;
    let brief = Client::open(&Sandbox::new(setup)).await;
    assert_eq!(brief.get("/loans/none").await.0, 401, "it has ended");
}

#[tokio::test]
async fn an_invoice_is_known_by_its_id_and_twice_when_it_is_sent_twice() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    let (status, made) = client.post("/invoices", &invoice("F1")).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!((status, made.as_object().unwrap().len(), id.len()), (201, 1, 36));
    let (status, told) = client.get(&format!("/invoices/{id}")).await;
    assert_eq!((status, &told["invoiceNumber"], &told["id"]), (200, &json!("F1"), &json!(id)));
    assert_eq!(client.get("/invoices").await.0, 405, "there is no list");
    assert_eq!(client.get("/loans").await.0, 405);
    assert_eq!(client.get("/invoices/none").await.0, 404);
    assert_ne!(client.send("F1").await, id);
    let exact =
        invoice("F2").to_string().replace(":1200", ":1200.50").replace(":1000", ":1000.416666666666666667");
    assert_eq!(client.post_text("/invoices", exact).await.0, 201);
    let kept = sandbox.invoices();
    let numbers: Vec<&str> = kept.iter().map(|invoice| invoice.number.as_str()).collect();
    assert_eq!(numbers, ["F1", "F1", "F2"]);
    assert_eq!(kept[2].total_including_taxes, "1200.50", "in the digits that came");
    assert_eq!(kept[2].total_excluding_taxes, "1000.416666666666666667");
    let again = Sandbox::new(Setup::demo(1, date(DAY)));
    assert_eq!(Client::open(&again).await.send("F9").await, id, "ids depend on the seed");
}

#[tokio::test]
async fn an_invoice_that_lacks_something_is_refused() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    for (pointer, value) in [
        ("/attachments", None),
        ("/attachments", Some(json!("https://documents.exemple.example/F1.pdf"))),
        ("/attachments", Some(json!([]))),
        ("/attachments/0/url", None),
        ("/attachments/0/url", Some(json!("documents.exemple.example"))),
        ("/attachments/0/url", Some(json!("https://documents.exemple.example/{number}.pdf"))),
        ("/totalAmountIncludingTaxes", Some(json!(0))),
        ("/totalAmountIncludingTaxes", Some(json!("1200"))),
        ("/totalAmountExcludingTaxes", Some(json!(-1000))),
        ("/totalAmountExcludingTaxes", None),
        ("/currency", Some(json!("CHF"))),
        ("/currency", None),
        ("/invoiceDate", Some(json!("2026-07-01"))),
        ("/invoiceNumber", Some(json!(17))),
        ("/invoiceNumber", Some(json!(""))),
        ("/invoiceOwner", Some(json!("other"))),
        ("/debtorName", None),
        ("/debtorIdentifier", None),
        ("/debtorIdentifier/type", Some(json!("siret"))),
        ("/debtorIdentifier/value", Some(json!("000 000 018"))),
        ("/debtorIdentifier/value", None),
        ("/debtorIdentifier/country", Some(json!("BE"))),
        ("/repaymentPeriod", Some(json!(31))),
        ("/repaymentPeriod", Some(json!("30"))),
        ("/repaymentPeriod", None),
        ("/contacts/0/email", Some(json!("aubrelle"))),
        ("/contacts/0/phoneNumber", Some(json!("0100000000"))),
        ("/contacts/0/phoneNumber", None),
        ("/dueDate", Some(json!("2026-08-30"))),
        ("/debtorId", Some(Value::Null)),
    ] {
        let (status, body) = client.post("/invoices", &with(invoice("F1"), pointer, value)).await;
        assert_eq!(
            (status, &body["status"], &body["code"]),
            (400, &json!("400"), &json!("BAD_REQUEST")),
            "{pointer}"
        );
        let field = pointer.trim_start_matches('/').replace('/', ".");
        assert!(body["message"].as_str().unwrap().starts_with(&format!("{field} ")), "{pointer}: {body}");
    }
    assert_eq!(client.post_text("/invoices", "{".to_owned()).await.1["message"], "The body is not JSON");
    assert_eq!(sandbox.invoices(), []);
    for period in [30, 45, 60] {
        let good = with(invoice("F1"), "/repaymentPeriod", Some(json!(period)));
        assert_eq!(client.post("/invoices", &good).await.0, 201);
    }
}

#[tokio::test]
async fn a_loan_is_on_an_invoice_and_goes_the_way_that_is_decided() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    let invoice_id = client.send("F1").await;
    let asked = request(&invoice_id).to_string().replace(":1200", ":1200.00");
    let (status, made) = client.post_text("/loans", asked).await;
    assert_eq!((status, &made["status"]), (201, &json!("CREATED")), "{made}");
    assert_eq!((&made["externalId"], &made["invoiceId"]), (&json!("B-2026-0001/1"), &json!(invoice_id)));
    assert_eq!((&made["currency"], made.get("refusalReason")), (&json!("EUR"), None));
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&format!("/loans/{id}")).await, (200, made));
    assert_eq!(sandbox.loans()[0].amount, "1200.00", "in the digits that came");
    for status in ["ACCEPTED", "PAYMENT_ORDERED", "TO_REPAY", "PAST_DUE", "REPAID"] {
        assert_eq!(sandbox.decide("F1", &Decision::of(status)), 1);
        assert_eq!(client.get(&format!("/loans/{id}")).await.1["status"], status);
    }
    assert_eq!(sandbox.decide(&id, &Decision::because("REFUSED", "INVOICE_DATE_TOO_OLD")), 1);
    assert_eq!(client.get(&format!("/loans/{id}")).await.1["refusalReason"], "INVOICE_DATE_TOO_OLD");
    assert_eq!(sandbox.decide(&id, &Decision::because("BLOCKED", "DEBTOR_RISK_ISSUE")), 1);
    let (_, blocked) = client.get(&format!("/loans/{id}")).await;
    assert_eq!(
        (&blocked["blockedReason"], blocked.get("refusalReason")),
        (&json!("DEBTOR_RISK_ISSUE"), None)
    );
    let less = Decision { amount: Some(900.into()), ..Decision::of("ACCEPTED") };
    assert_eq!(sandbox.decide(&id, &less), 1);
    assert_eq!(client.get(&format!("/loans/{id}")).await.1["amount"], 900);
    assert_eq!(sandbox.decide("F2", &less), 0, "it was never sent");
    assert_eq!(client.post("/loans", &request(&invoice_id)).await.0, 201);
    assert_eq!(
        (sandbox.loans().len(), sandbox.decide("F1", &less)),
        (2, 2),
        "twice when it is asked for twice"
    );
}

#[tokio::test]
async fn a_loan_that_lacks_something_is_refused() {
    let sandbox = sandbox();
    let client = Client::open(&sandbox).await;
    let whole = request(&client.send("F1").await);
    for (pointer, value) in [
        ("/amount", None),
        ("/amount", Some(json!("1200"))),
        ("/amount", Some(json!(0.0))),
        ("/currency", Some(json!("CHF"))),
        ("/currency", Some(json!("USD"))),
        ("/userId", Some(json!("another"))),
        ("/invoiceId", Some(json!("another"))),
        ("/invoiceId", None),
        ("/paymentDestination", None),
        ("/paymentDestination/type", None),
        ("/paymentDestination/accountNumberType", Some(json!("RIB"))),
        ("/paymentDestination/accountNumber", Some(json!("FR76 3000 6000 0112 3456 7890 189"))),
        ("/externalId", Some(json!(17))),
        ("/guarantor", Some(json!("user"))),
        ("/preferInstantPayment", Some(json!("no"))),
        ("/metadata", Some(json!({}))),
    ] {
        let (status, body) = client.post("/loans", &with(whole.clone(), pointer, value)).await;
        assert_eq!((status, &body["code"]), (400, &json!("BAD_REQUEST")), "{pointer}");
        let field = pointer.trim_start_matches('/').replace('/', ".");
        assert!(body["message"].as_str().unwrap().starts_with(&format!("{field} ")), "{pointer}: {body}");
    }
    assert_eq!(sandbox.loans(), []);
}

#[tokio::test]
async fn a_credit_limit_is_found_by_the_beginning_of_the_debtors_number() {
    let client = Client::open(&sandbox()).await;
    let filter = |siren: &str| format!("/credit-limits?filter=like(debtorIdentifier.value,{siren}%25)");
    let found = (200, json!({ "amount": 50_000, "outstandingAmount": 12_000 }));
    assert_eq!(client.get(&filter("000000018")).await, found);
    assert_eq!(client.get(&filter("000000026")).await.1["amount"], 0, "kept under its SIRET");
    assert_eq!(client.get(&filter("000000034")).await.0, 404);
    for bad in
        ["", "?filter=", "?filter=000000018", "?filter=like(debtorIdentifier.value,%25)", "?siren=000000018"]
    {
        assert_eq!(client.get(&format!("/credit-limits{bad}")).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn faults_spoil_the_calls_they_were_meant_for() {
    let sandbox = sandbox();
    let mut client = Client::open(&sandbox).await;
    let id = client.send("F0").await;
    let fault = |kind| sandbox.inject(Fault { on: Some(Operation::SendInvoice), times: 1, kind });
    fault(FaultKind::TooManyRequests { retry_after_seconds: 3 });
    let url = format!("{}/invoices", client.base);
    let answer = client.http.post(url).bearer_auth(&client.token).json(&invoice("F1")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    for (kind, status, taken) in [
        (FaultKind::Unavailable, 503, 1),
        (FaultKind::ErrorBefore, 500, 1),
        (FaultKind::ErrorAfter, 500, 2),
        (FaultKind::TimeoutBefore { milliseconds: 40 }, 408, 2),
        (FaultKind::TimeoutAfter { milliseconds: 40 }, 201, 3),
        (FaultKind::Truncated, 201, 4),
        (FaultKind::LostCallback, 201, 5),
    ] {
        fault(kind);
        assert_eq!(client.get(&format!("/invoices/{id}")).await.0, 200, "the fault is for another operation");
        let began = Instant::now();
        let (got, body) = client.post("/invoices", &invoice("F1")).await;
        assert_eq!((got, sandbox.invoices().len()), (status, taken), "{kind:?}");
        assert_eq!(body.is_string(), kind == FaultKind::Truncated, "{kind:?}");
        let is_slow = matches!(kind, FaultKind::TimeoutBefore { .. } | FaultKind::TimeoutAfter { .. });
        assert!(!is_slow || began.elapsed() >= Duration::from_millis(40), "{kind:?}");
    }
    let whole = client.get(&format!("/invoices/{id}")).await;
    for kind in [FaultKind::Repeated, FaultKind::Reordered] {
        sandbox.inject(Fault { on: None, times: 1, kind });
        assert_eq!(client.get(&format!("/invoices/{id}")).await, whole, "there is no list to spoil");
    }
    sandbox.inject(Fault { on: None, times: 1, kind: FaultKind::ExpiredToken });
    assert_eq!(client.post("/invoices", &invoice("F2")).await.0, 401);
    assert_eq!(client.post("/invoices", &invoice("F2")).await.0, 401, "the token stays dead");
    client.sign_in().await;
    assert_eq!(client.post("/invoices", &invoice("F2")).await.0, 201);
    sandbox.inject(Fault { on: Some(Operation::Token), times: 1, kind: FaultKind::Unavailable });
    assert_eq!(client.post("/oauth/token", &grant()).await.0, 503);
}

#[tokio::test]
async fn a_saved_simulator_continues_where_it_was_and_its_pages_show_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aria.json");
    let sandbox = sandbox();
    sandbox.keep_in(&path).unwrap();
    let client = Client::open(&sandbox).await;
    let asked = request(&client.send("F1").await);
    client.post("/loans", &asked).await;
    let page = |what: &str| format!("{}/sandbox/{what}", client.base);
    let decide = client.http.post(page("decide")).json(&json!({ "loan": "F1", "status": "ACCEPTED" }));
    assert_eq!(Client::answer(decide).await, (200, json!({ "decided": 1 })));
    let today = client.http.post(page("today")).json(&json!({ "date": "2026-07-20" }));
    assert_eq!(Client::answer(today).await.0, 200);
    let (_, state) = Client::answer(client.http.get(page("state"))).await;
    assert_eq!((&state["loans"][0]["status"], &state["today"]), (&json!("ACCEPTED"), &json!("2026-07-20")));
    assert!(!state.to_string().contains("sandbox-secret") && !state.to_string().contains(&client.token));

    let options = Options { seed: 1, day: None, state: Some(path.clone()), folder: None };
    let served = open(&options).unwrap();
    assert_eq!(served.today, date("2026-07-20"));
    let configuration = (served.configuration)("http://127.0.0.1:1");
    assert!(configuration.contains("connector = \"aria\"\nurl = \"http://127.0.0.1:1\""), "{configuration}");
    assert!(configuration.contains("document_url = \"https://documents.exemple.example/{number}.pdf\""));
    let loaded = Sandbox::load(&path).unwrap();
    assert_eq!((loaded.loans(), loaded.invoices()), (sandbox.loans(), sandbox.invoices()));
    assert_eq!(Client::open(&loaded).await.post("/loans", &asked).await.0, 201, "the invoice is still known");
}
