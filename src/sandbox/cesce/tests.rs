//! The simulator seen from outside, over HTTP on a local port.

use serde_json::{Value, json};

use super::*;
use crate::sandbox::insurer::{Asked, Insurer as _, Surprise};

const DAY: &str = "2026-07-10";

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
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
        let (status, answer) = client.log_in("sandbox-password", "create read update").await;
        assert_eq!(status, 200, "{answer}");
        client.token = answer["access_token"].as_str().unwrap().to_owned();
        client
    }

    async fn log_in(&self, password: &str, scope: &str) -> (u16, Value) {
        let form = format!(
            "grant_type=password&client_id=sandbox-client&client_secret=sandbox-secret&username=sandbox-user\
             &password={password}&scope={}",
            scope.replace(' ', "%20")
        );
        let request = self
            .http
            .post(format!("{}/oauth2/v1/token", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        Self::answer(request).await
    }

    async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, rest: &str) -> (u16, Value) {
        let url = format!("{}/contracts/30004711/{rest}", self.base);
        Self::answer(self.http.get(url).bearer_auth(&self.token)).await
    }

    async fn post(&self, rest: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/contracts/30004711/{rest}", self.base);
        Self::answer(self.http.post(url).bearer_auth(&self.token).json(&body)).await
    }

    async fn rows(&self, debtor: &str) -> Vec<Value> {
        let (status, body) = self.get("classifications").await;
        assert_eq!(status, 200, "{body}");
        let rows = body["classifications"].as_array().unwrap().iter();
        rows.filter(|row| row["debtor"]["debtorCode"] == debtor).cloned().collect()
    }
}

fn asked(debtor: &str, minor: i64) -> Value {
    let units = serde_json::from_str::<Value>(&format!("{}.{:02}", minor / 100, minor % 100)).unwrap();
    json!({ "debtorCode": debtor, "requestedAmount": units, "currencyCode": "EUR", "customerReference": "ENC-1" })
}

/// A debtor without a story, and an amount whose request comes out as wished.
fn wished(sandbox: &Sandbox, wish: impl Fn(u64, Option<i64>, i64) -> bool) -> (String, i64) {
    let free = |debtor: &&Debtor| debtor.story.is_empty();
    let debtors = sandbox.lock().book.setup.debtors.clone();
    let amounts = |code: String| (1..400).map(move |step| (code.clone(), step * 100_000));
    let mut all = debtors.iter().filter(free).flat_map(|debtor| amounts(debtor.code.clone()));
    let found = all.find(|(code, amount)| {
        let (days, granted) = sandbox.foresee(code, *amount).unwrap();
        wish(days, granted, *amount)
    });
    found.expect("every outcome is reachable")
}

#[tokio::test]
async fn a_session_needs_every_part_of_the_form_and_has_its_scopes() {
    let sandbox = Sandbox::new(Setup::demo(1, date(DAY)));
    let mut client = Client::open(&sandbox).await;
    assert_eq!(client.log_in("wrong", "read").await.0, 400);
    assert_eq!(client.log_in("sandbox-password", "").await.0, 400);
    assert_eq!(client.log_in("sandbox-password", "read everything").await.0, 400);
    let as_json = client.http.post(format!("{}/oauth2/v1/token", client.base)).json(&json!({}));
    assert_eq!(Client::answer(as_json).await.0, 400, "a form and nothing else");
    let (_, reader) = client.log_in("sandbox-password", "read").await;
    client.token = reader["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.get("classifications").await.0, 200);
    assert_eq!(client.post("classifications", asked("D0000101", 100_000)).await.0, 403);
    client.token = "other".to_owned();
    assert_eq!(client.get("classifications").await.0, 401);
}

#[tokio::test]
async fn a_request_is_in_process_for_days_and_then_an_endorsement_of_the_same_number() {
    let sandbox = Sandbox::new(Setup::demo(1, date(DAY)));
    let client = Client::open(&sandbox).await;
    let (debtor, amount) = wished(&sandbox, |days, granted, asked| days > 0 && granted == Some(asked));
    let (status, made) = client.post("classifications", asked(&debtor, amount)).await;
    assert_eq!((status, &made["statusCode"]), (201, &json!(1)));
    assert_eq!(made.get("endorsementNo"), None);
    assert_eq!(client.post("classifications", asked(&debtor, amount)).await.0, 409, "one at a time");
    assert_eq!(client.post("classifications/cancel", asked(&debtor, amount)).await.0, 409);
    assert_eq!(sandbox.limits().get(&debtor), None);
    let (days, _) = sandbox.foresee(&debtor, amount).unwrap();
    sandbox.set_today(date(DAY) + chrono::Days::new(days));
    let rows = client.rows(&debtor).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["endorsementNo"], made["requestNo"]);
    assert_eq!(rows[0]["customerReference"], "ENC-1");
    assert_eq!(sandbox.limits()[&debtor], amount);
    let taken = sandbox.accepted();
    assert_eq!((taken.len(), taken[0].asked, taken[0].amount_minor), (1, Asked::New, amount));
}

#[tokio::test]
async fn a_refused_request_gets_no_endorsement_and_leaves_what_stands() {
    let sandbox = Sandbox::new(Setup::demo(1, date(DAY)));
    let client = Client::open(&sandbox).await;
    let (debtor, amount) = wished(&sandbox, |days, granted, _| days == 0 && granted.is_none());
    let (_, made) = client.post("classifications", asked(&debtor, amount)).await;
    assert_eq!((made["statusCode"].as_u64(), made.get("endorsementNo")), (Some(3), None));
    assert_eq!(sandbox.limits()[&debtor], 0);

    let covered = sandbox.limits()["D0000101"];
    let more = (1..400)
        .map(|step| covered + step * 100_000)
        .find(|amount| sandbox.foresee("D0000101", *amount).unwrap() == (0, None));
    let number = client.rows("D0000101").await[0]["endorsementNo"].clone();
    client.post("classifications", asked("D0000101", more.unwrap())).await;
    let rows = client.rows("D0000101").await;
    assert_eq!(rows.len(), 2, "what stands, and the refusal");
    assert_eq!(sandbox.limits()["D0000101"], covered);
    client.post("classifications", asked("D0000101", covered - 100_000)).await;
    let rows = client.rows("D0000101").await;
    assert_eq!((rows.len(), &rows[0]["endorsementNo"]), (1, &number), "the number stays with the debtor");
    assert_eq!(sandbox.limits()["D0000101"], covered - 100_000);
}

#[tokio::test]
async fn movements_are_those_of_two_days_in_pages() {
    let sandbox = Sandbox::new(Setup::demo(1, date(DAY)));
    let client = Client::open(&sandbox).await;
    let buyers: Vec<String> =
        sandbox.limits().into_iter().filter(|(_, amount)| *amount > 100).map(|(buyer, _)| buyer).collect();
    assert!(buyers.len() > 5);
    for buyer in &buyers {
        assert!(sandbox.surprise(buyer, Surprise::Reduce { to_minor: 100 }));
    }
    let mut seen = Vec::new();
    for page in 0.. {
        let (_, body) = client.get(&format!("movements?page={page}&size=4")).await;
        let rows = body["movements"].as_array().unwrap();
        if rows.is_empty() {
            assert_eq!(body["totalPages"].as_u64(), Some(page));
            break;
        }
        seen.extend(rows.iter().map(|row| row["debtor"]["debtorCode"].as_str().unwrap().to_owned()));
    }
    seen.sort();
    assert_eq!(seen, buyers);
    sandbox.set_today(date(DAY) + chrono::Days::new(1));
    assert_eq!(client.get("movements").await.1["totalElements"], buyers.len());
    sandbox.set_today(date(DAY) + chrono::Days::new(2));
    let (_, later) = client.get("movements").await;
    assert_eq!(later["totalElements"], 0, "after two days they are gone");
}

#[tokio::test]
async fn a_credit_note_follows_a_sale_and_non_payments_share_the_file_of_their_debtor() {
    let sandbox = Sandbox::new(Setup::demo(1, date(DAY)));
    let client = Client::open(&sandbox).await;
    let sale = |amount: Value| json!({ "debtorCode": "D0000101", "invoiceMonth": "2026-06", "amount": amount, "currencyCode": "EUR", "paymentTerms": 60 });
    assert_eq!(client.post("sales", sale(json!(-10))).await.0, 422);
    assert_eq!(client.post("sales", sale(serde_json::from_str("1000.05").unwrap())).await.0, 201);
    assert_eq!(client.post("sales", sale(serde_json::from_str("1000.055").unwrap())).await.0, 400);
    assert_eq!(client.post("sales", sale(json!(-1000))).await.0, 201);
    assert_eq!(client.post("sales", sale(json!(-1))).await.0, 422);
    let amounts: Vec<i64> = sandbox.sales().iter().map(|sale| sale.amount_minor).collect();
    assert_eq!(amounts, [100_005, -100_000]);
    assert_eq!(client.get("sales?invoiceMonth=2026-06").await.1["totalElements"], 2);
    assert_eq!(client.get("sales?invoiceMonth=2026-05").await.1["totalElements"], 0);

    let notice = |invoice: &str| json!({ "debtorCode": "D0000101", "invoiceNo": invoice, "dueDate": "2026-05-01", "unpaidAmount": 12, "currencyCode": "EUR" });
    let (status, one) = client.post("non-payments", notice("F1")).await;
    let (_, two) = client.post("non-payments", notice("F2")).await;
    assert_eq!((status, &one["dossierNo"]), (201, &two["dossierNo"]));
    assert_ne!(one["internalNo"], two["internalNo"]);
    assert_eq!(sandbox.non_payments().len(), 2);
    let (_, dossiers) = client.get("dossiers").await;
    assert_eq!(dossiers["dossiers"][0]["nonPayments"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_happens_of_its_own_accord_happens_on_its_day() {
    let sandbox = Sandbox::new(Setup::demo(1, date(DAY)));
    let client = Client::open(&sandbox).await;
    let covered = sandbox.limits()["D0000101"];
    let end = date("2026-07-20");
    assert!(sandbox.surprise("D0000101", Surprise::AnnounceWithdrawal { on: end }));
    let row = client.rows("D0000101").await.remove(0);
    assert_eq!((row["statusCode"].as_u64(), row["annulmentDate"].as_str()), (Some(5), Some("2026-07-20")));
    assert_eq!(sandbox.limits()["D0000101"], covered);
    sandbox.set_today(end);
    assert_eq!(client.rows("D0000101").await[0]["statusCode"], 6);
    assert_eq!(sandbox.limits()["D0000101"], 0);
    assert!(!sandbox.surprise("D0000101", Surprise::Withdraw), "there is nothing left to withdraw");

    sandbox.set_today(date(DAY));
    assert!(sandbox.surprise("D0000102", Surprise::Expire));
    assert!(sandbox.limits()["D0000102"] > 0, "the last day counts");
    sandbox.set_today(date("2026-07-11"));
    assert_eq!(client.rows("D0000102").await[0]["statusCode"], 7);
    assert!(sandbox.surprise("D0000103", Surprise::UnknownCode));
    assert_eq!(client.rows("D0000103").await[0]["statusCode"], 77);
}

#[tokio::test]
async fn faults_spoil_the_calls_they_were_meant_for() {
    let sandbox = Sandbox::new(Setup::demo(1, date(DAY)));
    let client = Client::open(&sandbox).await;
    assert!(sandbox.spoil(Calls::Read, 1, FaultKind::TooManyRequests { retry_after_seconds: 3 }));
    let url = format!("{}/contracts/30004711/classifications", client.base);
    let answer = client.http.get(url).bearer_auth(&client.token).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    assert_eq!(client.get("classifications").await.0, 200);

    let (debtor, amount) = wished(&sandbox, |days, granted, _| days == 0 && granted.is_some());
    sandbox.spoil(Calls::Write, 1, FaultKind::ErrorBefore);
    assert_eq!(client.post("classifications", asked(&debtor, amount)).await.0, 500);
    assert_eq!(sandbox.accepted(), []);
    sandbox.spoil(Calls::Write, 1, FaultKind::ErrorAfter);
    assert_eq!(client.post("classifications", asked(&debtor, amount)).await.0, 500);
    assert_eq!(sandbox.accepted().len(), 1, "taken although the answer says otherwise");
    let whole = client.get("classifications").await.1["classifications"].as_array().unwrap().clone();
    sandbox.spoil(Calls::Read, 1, FaultKind::Repeated);
    let repeated = client.get("classifications").await.1["classifications"].as_array().unwrap().clone();
    assert_eq!(repeated.len(), whole.len() + 1);
    sandbox.spoil(Calls::Any, 1, FaultKind::Truncated);
    assert!(client.get("classifications").await.1.is_string());
    sandbox.spoil(Calls::Any, 1, FaultKind::ExpiredToken);
    assert_eq!(client.get("classifications").await.0, 401);
    assert_eq!(client.get("classifications").await.0, 401, "the token stays dead");
    assert!(!sandbox.spoil(Calls::Any, 1, FaultKind::LostCallback));
}

#[tokio::test]
async fn a_saved_simulator_continues_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cesce.json");
    let sandbox = Sandbox::new(Setup::demo(1, date(DAY)));
    sandbox.keep_in(&path).unwrap();
    let client = Client::open(&sandbox).await;
    for (code, amount) in [("D0000107", 4_000_000), ("D0000108", 30_000_000), ("D0000115", 2_000_000)] {
        assert_eq!(client.post("classifications", asked(code, amount)).await.0, 201);
    }
    let loaded = Sandbox::load(&path).unwrap();
    assert_eq!(loaded.accepted(), sandbox.accepted());
    for days in 0..40 {
        let day = date(DAY) + chrono::Days::new(days);
        loaded.set_today(day);
        sandbox.set_today(day);
        assert_eq!(loaded.limits(), sandbox.limits(), "{day}");
    }
    assert!(matches!(Sandbox::load(&folder.path().join("none")), Err(Error::File { .. })));
}
