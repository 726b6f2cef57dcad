//! The simulator seen from outside, over HTTP on a local port, in its own shapes.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::sandbox::fault::Calls;
use crate::sandbox::insurer::{Insurer as _, Surprise};

const DAY: &str = "2026-07-10";

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn demo() -> Setup {
    Setup::demo(7, date(DAY))
}

struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    async fn of(sandbox: &Sandbox) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
        let http = reqwest::Client::builder().build().unwrap();
        Self { http, base, token: None }
    }

    /// With a good token.
    async fn signed_in(sandbox: &Sandbox) -> Self {
        let mut client = Self::of(sandbox).await;
        let (status, body) = client.sign_in("sandbox-password", "grantType").await;
        assert_eq!(status, 200);
        client.token = body["idToken"].as_str().map(str::to_owned);
        client
    }

    async fn sign_in(&self, password: &str, grant: &str) -> (u16, Value) {
        let body = json!({ "username": "sandbox-user", "password": password, grant: "password" });
        self.call(reqwest::Method::POST, TOKEN, Some(body)).await
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header("x-api-key", "sandbox-key")
            .header("X-COF-Policy-Number", "0070412");
        if let Some(token) = &self.token {
            request = request.header("authorization", token);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(reqwest::Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(reqwest::Method::POST, path, Some(body)).await
    }
}

fn order(buyer: &str, operation: &str, amount: u64, reference: &str) -> Value {
    json!({
        "operation": operation, "easyNumber": buyer, "productCode": "AGREEMENT",
        "amount": { "currency": "EUR", "value": amount }, "customerReference": reference,
    })
}

fn free(sandbox: &Sandbox) -> String {
    let known = sandbox.limits();
    demo().buyers.into_iter().map(|buyer| buyer.easy_number).find(|buyer| !known.contains_key(buyer)).unwrap()
}

#[tokio::test]
async fn the_raw_id_token_opens_and_nothing_else_does() {
    let sandbox = Sandbox::new(demo());
    let mut client = Client::of(&sandbox).await;
    for spelling in ["grantType", "grant_type"] {
        assert_eq!(client.sign_in("sandbox-password", spelling).await.0, 200, "both spellings are in use");
    }
    assert_eq!(client.get("/policy").await.0, 401, "no token");
    let (_, answer) = client.sign_in("sandbox-password", "grantType").await;
    for (token, status) in [
        (answer["accessToken"].as_str().unwrap().to_owned(), 401),
        (format!("Bearer {}", answer["idToken"].as_str().unwrap()), 401),
        (answer["idToken"].as_str().unwrap().to_owned(), 200),
    ] {
        client.token = Some(token.clone());
        assert_eq!(client.get("/policy").await.0, status, "{token}");
    }
    assert_eq!(client.get("/polices").await.0, 403, "a wrong path is not a 404");
    sandbox.fault(Fault { on: None, times: 1, kind: FaultKind::ExpiredToken });
    assert_eq!(client.get("/policy").await.0, 401);
    assert_eq!(client.get("/policy").await.0, 401, "it is gone for good");
    let stranger = client.http.get(format!("{}/policy", client.base)).send().await.unwrap();
    assert_eq!(stranger.status().as_u16(), 403, "the key comes first");
}

#[tokio::test]
async fn five_refused_sign_ins_lock_the_right_password_out_too() {
    let sandbox = Sandbox::new(demo());
    let client = Client::of(&sandbox).await;
    for _ in 0..REFUSALS_MAX {
        assert!(!sandbox.is_locked());
        assert_eq!(client.sign_in("wrong", "grantType").await.0, 401);
    }
    assert!(sandbox.is_locked());
    let (status, body) = client.sign_in("sandbox-password", "grantType").await;
    assert_eq!((status, body["message"].as_str()), (401, Some("Password attempts exceeded")));
    assert_eq!(sandbox.refused_logins(), 6);
}

#[tokio::test]
async fn an_order_is_202_then_a_decision_and_205_once_taken_back() {
    let sandbox = Sandbox::new(demo());
    let client = Client::signed_in(&sandbox).await;
    let wish = |seen: &Foreseen| seen.days > 0 && seen.total > 0;
    let slow = |buyer: &str| sandbox.amount_for(buyer, Action::Request, 30_000, wish);
    let free = demo().buyers.into_iter().map(|buyer| buyer.easy_number);
    let mut free = free.filter(|buyer| !sandbox.limits().contains_key(buyer));
    let (buyer, slow) = free.find_map(|buyer| Some((buyer.clone(), slow(&buyer)?))).unwrap();
    let (status, body) = client.post(ORDERS, order(&buyer, "REQUEST", slow, "A")).await;
    assert_eq!((status, body["status"].as_str()), (202, Some("in-preparation")));
    let delivery = format!("{DELIVERIES}/{}", body["deliveryId"].as_str().unwrap());
    let (status, told) = client.get(&delivery).await;
    assert_eq!((status, told["messages"][0]["code"].as_str()), (202, Some("order_not_finished")));
    assert_eq!(client.post(ORDERS, order(&buyer, "REQUEST", slow, "B")).await.0, 409, "one at a time");
    let foreseen = sandbox.foresee(&buyer, Action::Request, slow).unwrap();
    sandbox.set_today(state::later(date(DAY), foreseen.days));
    let (status, told) = client.get(&delivery).await;
    assert_eq!((status, told["decision"]["code"].as_str()), (200, Some(foreseen.code.as_str())));
    assert_eq!(sandbox.covers_snapshot().get(&buyer), Some(&foreseen.total));

    sandbox.set_today(date(DAY));
    let (status, _) = client
        .call(reqwest::Method::DELETE, &format!("{ORDERS}/{}", told["deliveryId"].as_str().unwrap()), None)
        .await;
    assert_eq!(status, 200);
    let (status, body) = client.get(&delivery).await;
    assert_eq!((status, body), (205, json!("")), "and no body at all");
    assert!(!sandbox.limits().contains_key(&buyer));
    assert_eq!(sandbox.accepted().len(), 1, "only what was taken is listed");
}

#[tokio::test]
async fn an_easy_number_that_is_a_number_is_refused() {
    let sandbox = Sandbox::new(demo());
    let client = Client::signed_in(&sandbox).await;
    for wrong in [json!(41_014_126), json!("41014126"), json!("0000004101412X")] {
        let mut body = order("", "REQUEST", 30_000, "A");
        body["easyNumber"] = wrong.clone();
        let (status, answer) = client.post(ORDERS, body).await;
        assert_eq!(
            (status, answer["messages"][0]["code"].as_str()),
            (400, Some("missing_or_invalid_param")),
            "{wrong}"
        );
    }
    for wrong in [json!(0), json!(-5), json!(30_000.5), json!("30000")] {
        let mut body = order(&free(&sandbox), "REQUEST", 1, "A");
        body["amount"]["value"] = wrong.clone();
        assert_eq!(client.post(ORDERS, body).await.0, 400, "{wrong}");
    }
    assert!(sandbox.accepted().is_empty());
}

#[tokio::test]
async fn what_was_taken_is_listed_although_its_answer_was_spoilt() {
    let sandbox = Sandbox::new(demo());
    let client = Client::signed_in(&sandbox).await;
    let buyers: Vec<String> = demo().buyers.into_iter().map(|buyer| buyer.easy_number).collect();
    let covered = sandbox.limits();
    let free: Vec<&String> = buyers.iter().filter(|buyer| !covered.contains_key(*buyer)).collect();
    for (kind, status) in [
        (FaultKind::ErrorAfter, 500),
        (FaultKind::TimeoutAfter { milliseconds: 1 }, 0),
        (FaultKind::ErrorBefore, 500),
    ]
    .into_iter()
    {
        assert!(sandbox.spoil(Calls::Write, 1, kind));
        let buyer = free[sandbox.accepted().len().min(free.len() - 1)];
        let answer = client.post(ORDERS, order(buyer, "REQUEST", 30_000, "A")).await;
        assert!(status == 0 || answer.0 == status, "{kind:?}: {answer:?}");
    }
    assert_eq!(sandbox.accepted().len(), 2, "ErrorBefore takes nothing");
}

#[tokio::test]
async fn a_surprise_after_an_order_of_the_same_day_has_the_last_word() {
    let sandbox = Sandbox::new(demo());
    let client = Client::signed_in(&sandbox).await;
    let buyer = sandbox.limits().into_iter().find(|(_, minor)| *minor > 4_000_000).unwrap().0;
    assert_eq!(client.post(ORDERS, order(&buyer, "MODIFY", 30_000, "A")).await.0, 201);
    assert_eq!(sandbox.limits()[&buyer], 3_000_000);
    assert!(sandbox.surprise(&buyer, Surprise::Reduce { to_minor: 1_000_000 }));
    assert_eq!(sandbox.limits()[&buyer], 1_000_000);
    assert!(!sandbox.surprise(&buyer, Surprise::Reduce { to_minor: 1_000_000 }), "that is no reduction");
    assert!(!sandbox.surprise("99999999999999", Surprise::Withdraw), "nobody knows this buyer");
    assert!(sandbox.surprise(&buyer, Surprise::Expire));
    sandbox.set_today(date("2026-07-11"));
    assert_eq!(sandbox.limits()[&buyer], 0);
}

#[tokio::test]
async fn the_portfolio_comes_in_pages_and_is_the_same_for_the_same_seed() {
    let sandbox = Sandbox::new(demo());
    let client = Client::signed_in(&sandbox).await;
    let mut rows = Vec::new();
    for page in 1..=9 {
        let (_, body) = client.get(&format!("/products?page={page}&size=5")).await;
        rows.extend(body["companies"].as_array().unwrap().clone());
    }
    assert_eq!(rows.len(), sandbox.limits().len());
    let twin = Client::signed_in(&Sandbox::new(demo())).await;
    assert_eq!(twin.get("/products?size=200").await, client.get("/products?size=200").await);
    assert_eq!(rows[0]["products"][0]["amount"]["value"].to_string().rsplit('.').next(), Some("0"));
}

#[tokio::test]
async fn a_saved_simulator_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let sandbox = Sandbox::new(demo());
    sandbox.keep_in(&file).unwrap();
    let client = Client::signed_in(&sandbox).await;
    let buyer = free(&sandbox);
    client.post(ORDERS, order(&buyer, "REQUEST", 30_000, "A")).await;
    let again = Sandbox::load(&file).unwrap();
    assert_eq!(
        (again.accepted(), again.limits(), again.today()),
        (sandbox.accepted(), sandbox.limits(), date(DAY))
    );
}

#[tokio::test]
async fn the_ping_is_empty_and_patient_and_can_be_lost() {
    let rings = Arc::new(AtomicU32::new(0));
    let heard = Arc::clone(&rings);
    let ringing = move |headers: HeaderMap, body: Bytes| {
        let heard = Arc::clone(&heard);
        async move {
            assert!(body.is_empty() && !headers.contains_key("authorization"), "it says nothing at all");
            // The fourth call is answered.
            if heard.fetch_add(1, Ordering::SeqCst) < 3 {
                StatusCode::BAD_GATEWAY
            } else {
                StatusCode::NO_CONTENT
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ring", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(ringing);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let sandbox = Sandbox::new(demo());
    let client = Client::signed_in(&sandbox).await;
    let company = demo().buyers[0].company_id.clone();
    let ordered =
        json!({ "companyId": company, "callbackUrl": url, "assessments": [{ "slug": "credit-opinion" }] });
    let path = format!("{ICON}/publications/orders");
    assert_eq!(client.post(&path, ordered.clone()).await.0, 201);
    sandbox.set_today(date("2026-07-09"));
    let soon = |n: u32| callback_delay(n).map(|_| Duration::from_millis(1));
    assert!(sandbox.call_back(soon).await.is_empty(), "nothing is ready");
    sandbox.set_today(date("2026-07-20"));
    let rung = sandbox.call_back(soon).await;
    assert_eq!(
        rung.iter().map(|(_, rung)| *rung).collect::<Vec<_>>(),
        [Rung { calls: 4, is_answered: true }]
    );
    assert!(sandbox.call_back(soon).await.is_empty(), "once");

    let nobody = json!({ "companyId": company, "callbackUrl": "http://127.0.0.1:1/", "assessments": [{ "slug": "credit-opinion" }] });
    client.post(&path, nobody).await;
    sandbox.set_today(date("2026-08-20"));
    let rung = sandbox.call_back(soon).await;
    assert_eq!(
        rung.first().map(|(_, rung)| *rung),
        Some(Rung { calls: 17, is_answered: false }),
        "one and sixteen more"
    );

    assert!(sandbox.spoil(Calls::Any, 1, FaultKind::LostCallback));
    client.post(&path, ordered).await;
    sandbox.set_today(date("2026-09-20"));
    let before = rings.load(Ordering::SeqCst);
    assert_eq!(sandbox.call_back(soon).await.len(), 1);
    assert_eq!(rings.load(Ordering::SeqCst), before, "it was lost on the way");
}
