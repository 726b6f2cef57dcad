//! The simulator seen from outside, over HTTP on a local port.

use reqwest::header::HeaderMap as Headers;
use serde_json::{Value, json};

use super::*;

const DAY: &str = "2026-07-10";

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn layer(amount: u64, expiry: Option<&str>, conditions: usize) -> Option<LayerSetup> {
    let conditions = state::sample_conditions().take(conditions).collect();
    Some(LayerSetup { amount, expiry: expiry.map(date), conditions })
}

fn decision(on: &str, code: DecisionCode, first: Option<LayerSetup>, second: Option<LayerSetup>) -> Decision {
    Decision {
        on: date(on),
        code,
        requested: 80_000,
        first,
        second,
        effective_from: date(on),
        withdrawal_date: None,
        pending_indicator: None,
    }
}

fn buyer(buyer_id: u64, story: Vec<Decision>) -> BuyerSetup {
    BuyerSetup {
        buyer_id,
        name: format!("Invented {buyer_id} SAS"),
        country_alpha3: "FRA".to_owned(),
        uid_type: "SN".to_owned(),
        uid: Some(format!("00{buyer_id}")),
        rating: 30,
        story,
    }
}

/// Buyers 5000001 to 5000004 have stories, 5000010 to 5000039 have none.
fn setup() -> Setup {
    let mut buyers = vec![
        buyer(5_000_001, vec![decision("2026-03-10", DecisionCode::Dc01, layer(80_000, None, 0), None)]),
        buyer(
            5_000_002,
            vec![decision(
                "2026-01-05",
                DecisionCode::Dc02,
                layer(50_000, None, 2),
                layer(20_000, Some("2026-07-31"), 2),
            )],
        ),
        buyer(
            5_000_003,
            vec![
                decision("2026-02-01", DecisionCode::Dc01, layer(60_000, None, 0), None),
                Decision {
                    withdrawal_date: Some(date("2026-08-20")),
                    pending_indicator: Some("W".to_owned()),
                    ..decision("2026-07-20", DecisionCode::Dc21, None, None)
                },
            ],
        ),
        BuyerSetup {
            uid: None,
            ..buyer(5_000_004, vec![decision("2026-05-01", DecisionCode::Dc03, None, None)])
        },
    ];
    buyers.extend((5_000_010..5_000_040).map(|buyer_id| buyer(buyer_id, Vec::new())));
    Setup { buyers, ..Setup::demo(7, date(DAY)) }
}

struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

struct Reply {
    status: u16,
    headers: Headers,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn data(&self) -> Vec<Value> {
        self.json()["data"].as_array().unwrap_or_else(|| panic!("no list in {}", self.text)).clone()
    }

    /// The first error, at either depth.
    fn error(&self) -> (String, String) {
        let body = self.json();
        let inner = if body.is_array() { &body[0] } else { &body };
        let error = inner["errors"][0].clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&error["detail"]), text(&error["source"]["parameter"]))
    }
}

impl Client {
    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Reply { status, headers, text: answer.text().await.unwrap() }
    }

    fn bare(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    fn call(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.bare(method, path)
            .bearer_auth(&self.token)
            .header("Atradius-App-Key", "sandbox-key")
            .header("Atradius-Correlation-Id", "corr-1")
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(self.call(Method::GET, path)).await
    }

    async fn login(&self, secret: &str) -> Reply {
        let request = self.bare(Method::POST, TOKENS).basic_auth("sandbox-client", Some(secret));
        self.send(request.header("Atradius-App-Key", "sandbox-key")).await
    }

    async fn covers(&self, list: &str) -> Vec<Value> {
        let reply = self.get(&format!("{COVERS}{list}?customerId=4100123&policyId=900123")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.data()
    }

    async fn cover_of(&self, buyer_id: u64) -> Option<Value> {
        self.covers("/decisions").await.into_iter().find(|row| row["buyerId"] == json!(buyer_id))
    }

    async fn request(&self, method: Method, buyer_id: u64, amount: u64, more: Value) -> Reply {
        let mut body = json!({
            "customerId": 4_100_123, "policyId": "900123", "buyerId": buyer_id, "coverType": "credit-limit",
            "currencyCode": "EUR", "creditLimitAmount": amount, "customerRefNumber": "ENC-1",
        });
        for (key, value) in more.as_object().unwrap() {
            if value.is_null() {
                body.as_object_mut().unwrap().remove(key);
            } else {
                body[key] = value.clone();
            }
        }
        self.send(self.call(method, COVERS).json(&body)).await
    }

    async fn apply(&self, buyer_id: u64, amount: u64) -> Reply {
        self.request(Method::POST, buyer_id, amount, json!({})).await
    }

    async fn change(&self, action: &str, buyer_id: u64, amount: u64) -> Reply {
        self.request(Method::PUT, buyer_id, amount, json!({ "action": action })).await
    }
}

/// Serves `sandbox` on a free port while `body` runs against it, already logged in.
fn with(sandbox: &Sandbox, body: impl AsyncFnOnce(Client)) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let http =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(1_500)).build().unwrap();
        let mut client = Client { http, base, token: String::new() };
        tokio::select! {
            ended = sandbox.clone().serve(listener, std::future::pending()) => panic!("{ended:?}"),
            () = async {
                let reply = client.login("sandbox-secret").await;
                client.token = reply.json()["data"]["access_token"].as_str().unwrap().to_owned();
                body(client).await;
            } => {}
        }
    });
}

/// The first amount of a free buyer that is decided as wished.
fn wished(sandbox: &Sandbox, action: Action, wish: impl Fn(&Foreseen) -> bool + Copy) -> (u64, u64) {
    (5_000_010..5_000_040)
        .find_map(|buyer| Some((buyer, sandbox.amount_for(buyer, action, 10_000, wish)?)))
        .expect("no seed of these reaches the outcome: choose another seed in setup()")
}

fn at_once(code: DecisionCode) -> impl Fn(&Foreseen) -> bool + Copy {
    let code: &'static str = match code.as_str() {
        "DC03" => "DC03",
        "DC04" => "DC04",
        _ => "DC01",
    };
    move |seen| seen.days == 0 && seen.codes.len() == 1 && seen.codes[0].as_str() == code
}

#[test]
fn a_token_needs_the_right_secret_and_key() {
    with(&Sandbox::new(setup()), async |client| {
        let good = client.login("sandbox-secret").await;
        assert_eq!(good.status, 200);
        assert_eq!(good.json()["data"]["token_type"], "Bearer");
        assert_eq!(good.json()["data"]["expires_in"], 1800);
        let bad = client.login("wrong").await;
        assert_eq!(bad.status, 401);
        assert!(bad.json()["fault"]["faultstring"].is_string());
        let keyless = client.bare(Method::POST, TOKENS).basic_auth("sandbox-client", Some("sandbox-secret"));
        assert_eq!(client.send(keyless).await.status, 401);
    });
}

#[test]
fn a_wrong_path_is_403_before_credentials_are_looked_at() {
    with(&Sandbox::new(setup()), async |client| {
        for path in
            ["/oauth2/token", &format!("{COVERS}/50000001"), "/credit-insurance", &format!("{COVERS}/")]
        {
            assert_eq!(client.send(client.bare(Method::GET, path)).await.status, 403, "{path}");
            assert_eq!(client.get(path).await.status, 403, "{path}");
        }
        assert_eq!(client.send(client.bare(Method::DELETE, COVERS)).await.status, 405);
        assert_eq!(client.send(client.bare(Method::GET, COVERS)).await.status, 401);
    });
}

#[test]
fn a_call_needs_token_key_and_correlation_id() {
    with(&Sandbox::new(setup()), async |client| {
        let path = format!("{COVERS}?policyId=900123");
        let with_key = || client.bare(Method::GET, &path).header("Atradius-App-Key", "sandbox-key");
        assert_eq!(client.send(with_key()).await.status, 401, "no token");
        assert_eq!(client.send(with_key().bearer_auth("made-up")).await.status, 401, "unknown token");
        let keyless = client.bare(Method::GET, &path).bearer_auth(&client.token);
        assert_eq!(client.send(keyless).await.status, 401, "no key");
        let reply = client.send(with_key().bearer_auth(&client.token)).await;
        assert_eq!((reply.status, reply.error().1.as_str()), (400, "Atradius-Correlation-Id"));
        let reply = client.get(&path).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.headers["atradius-correlation-id"], "corr-1");
    });
}

#[test]
fn a_token_ends() {
    with(&Sandbox::new(Setup { token_lifetime_seconds: 0, ..setup() }), async |client| {
        let reply = client.get(&format!("{COVERS}?policyId=900123")).await;
        assert_eq!(reply.status, 401);
        assert_eq!(reply.json()["fault"]["faultstring"], "Access Token expired");
    });
}

#[test]
fn amounts_are_texts_and_layers_are_two() {
    with(&Sandbox::new(setup()), async |client| {
        let rows = client.covers("").await;
        assert_eq!(rows.len(), 4);
        let plain = &rows[0];
        assert_eq!(plain["buyerId"], 5_000_001);
        assert_eq!(plain["coverStatus"], "DECISION");
        assert_eq!(plain["totalDecision"]["decisionAmtInPolicyCurrency"], "80000");
        assert_eq!(plain["totalDecision"]["decisionAmtInUserCurrency"], "596800");
        assert_eq!(plain["decisionDate"], "2026-03-10T00:00:00Z");
        assert_eq!(plain.get("withdrawalDate"), None);
        assert_eq!(plain["uniqueIdentifiers"][0]["uid"], "005000001");

        let layered = &rows[1];
        assert_eq!(layered["totalDecision"]["decisionAmtInPolicyCurrency"], "70000");
        assert_eq!(layered["firstAmtDecision"]["decisionAmtInPolicyCurrency"], "50000");
        assert_eq!(layered["secondAmtDecision"]["decisionAmtInPolicyCurrency"], "20000");
        assert_eq!(layered["secondAmtDecision"]["decisionExpiryDate"], "2026-07-31T00:00:00+01:00");
        assert_eq!(layered["firstAmtDecision"].get("decisionExpiryDate"), None);
        let codes = |part: &str| -> Vec<String> {
            let rows = layered[part]["decisionConditions"].as_array().unwrap();
            rows.iter().map(|row| row["conditionCode"].to_string()).collect()
        };
        assert_eq!(codes("firstAmtDecision"), codes("secondAmtDecision"));
        assert_eq!(codes("totalDecision").len(), 4, "conditions repeat");

        let refused = &rows[3];
        assert_eq!(refused["totalDecision"]["decisionAmtInPolicyCurrency"], "0");
        assert_eq!(refused["firstAmtDecision"]["decisionAmtInPolicyCurrency"], "");
        assert_eq!(refused["uniqueIdentifiers"], json!([]));
    });
}

#[test]
fn lists_filter_by_what_they_know_and_pass_over_the_rest() {
    with(&Sandbox::new(setup()), async |client| {
        let count = async |query: &str| client.get(&format!("{COVERS}{query}")).await.data().len();
        assert_eq!(count("?policyId=900123&buyerId=5000002").await, 1);
        assert_eq!(count("?policyId=900123&coverType=credit-check").await, 0);
        assert_eq!(count("?policyId=900123&fromDate=2026-03-10T00:00:00").await, 2);
        assert_eq!(
            count("/decisions?policyId=900123&fromDate=2026-03-10T00:00:00").await,
            4,
            "ignored there"
        );
        assert_eq!(count("?policyId=900123&page=2&pageSize=1").await, 4, "no paging");
        assert_eq!(client.get(COVERS).await.status, 400);
        assert_eq!(client.get(&format!("{COVERS}?customerId=1")).await.status, 422);
        assert_eq!(client.get(&format!("{COVERS}?policyId=900123&fromDate=yesterday")).await.status, 400);
    });
}

#[test]
fn a_buyer_is_found_by_the_right_kind_of_identifier_and_billed() {
    let sandbox = Sandbox::new(setup());
    with(&sandbox, async |client| {
        let found = client.get(&format!("{BUYERS}?country=FRA&uid=005000001&uidType=SN")).await;
        assert_eq!(found.data()[0]["buyerId"], 5_000_001);
        let other = client.get(&format!("{BUYERS}?country=FRA&uid=005000001&uidType=VAT")).await;
        assert_eq!((other.status, other.data().len()), (200, 0));
        let refused = client.get(&format!("{BUYERS}?country=FRA&uid=1&uidType=SN&policyId=900123")).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (400, "unknown query parameter"));
        assert_eq!(client.get(&format!("{BUYERS}/5000001")).await.data().len(), 1);
        assert_eq!(client.get(&format!("{BUYERS}/1")).await.status, 404);
        assert_eq!(client.get(&format!("{MY_BUYERS}?policyId=900123")).await.data().len(), 4);
        let up = client.get(&format!("{MY_BUYERS}?policyId=900123&healthChange=up")).await.data().len();
        let down = client.get(&format!("{MY_BUYERS}?policyId=900123&healthChange=down")).await.data().len();
        assert!(up + down <= 4);
    });
    assert_eq!(sandbox.billed_lookups(), 2);
}

#[test]
fn policy_details_are_one_object_and_refuse_the_customer() {
    with(&Sandbox::new(setup()), async |client| {
        let reply = client.get(&format!("{POLICY_DETAILS}?policyId=900123")).await;
        assert_eq!(reply.json()["data"]["policyStatus"], "live");
        assert_eq!(reply.json()["data"]["policyCurrency"], "EUR");
        let refused = client.get(&format!("{POLICY_DETAILS}?policyId=900123&customerId=4100123")).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.error(), ("unknown query parameter".to_owned(), "customerId".to_owned()));
    });
}

#[test]
fn a_request_decided_at_once_is_201_and_a_second_one_is_refused() {
    let sandbox = Sandbox::new(setup());
    let (buyer_id, amount) = wished(&sandbox, Action::New, at_once(DecisionCode::Dc01));
    with(&sandbox, async |client| {
        let reply = client.apply(buyer_id, amount).await;
        assert_eq!((reply.status, reply.data()[0]["response"].as_str()), (201, Some("Action successful")));
        let row = client.cover_of(buyer_id).await.unwrap();
        assert_eq!(row["coverId"], reply.data()[0]["coverId"]);
        assert_eq!(row["decisionCode"], "DC01");
        assert_eq!(row["customerRefNumber"], "ENC-1");
        let again = client.apply(buyer_id, amount).await;
        assert_eq!(again.status, 422);
        assert_eq!(again.error().0, "Credit limit/credit check already exists for this buyer.");
    });
    assert_eq!(sandbox.covers_snapshot()[&buyer_id], amount);
}

#[test]
fn a_refusal_comes_under_a_good_status() {
    let sandbox = Sandbox::new(setup());
    let (buyer_id, amount) = wished(&sandbox, Action::New, at_once(DecisionCode::Dc03));
    with(&sandbox, async |client| {
        let reply = client.apply(buyer_id, amount).await;
        assert_eq!(
            (reply.status, reply.data()[0]["response"].as_str()),
            (201, Some("Action has been refused."))
        );
        assert_eq!(client.cover_of(buyer_id).await.unwrap()["decisionCode"], "DC03");
    });
    assert_eq!(sandbox.covers_snapshot()[&buyer_id], 0);
}

#[test]
fn a_referred_request_waits_in_the_applications() {
    let sandbox = Sandbox::new(setup());
    let (buyer_id, amount) =
        wished(&sandbox, Action::New, |seen| seen.days > 1 && seen.codes.len() == 1 && seen.total > 0);
    let seen = sandbox.foresee(buyer_id, Action::New, amount).unwrap();
    assert!((2..=5).contains(&seen.days));
    with(&sandbox, async |client| {
        let reply = client.apply(buyer_id, amount).await;
        assert_eq!(reply.status, 202);
        let waiting = client.covers("/applications").await;
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0]["coverStatus"], "REFERRED");
        assert_eq!(waiting[0]["coverId"], reply.data()[0]["coverId"]);
        assert_eq!(waiting[0]["totalDecision"]["decisionAmtInPolicyCurrency"], "");
        assert_eq!(client.covers("").await.len(), 5, "the portfolio shows the pending request too");
        assert_eq!(client.cover_of(buyer_id).await, None);
        assert_eq!(client.apply(buyer_id, amount).await.status, 422);

        sandbox.set_today(state::later(date(DAY), seen.days - 1));
        assert_eq!(sandbox.applications().len(), 1);
        sandbox.set_today(state::later(date(DAY), seen.days));
        assert_eq!(client.covers("/applications").await.len(), 0);
        let row = client.cover_of(buyer_id).await.unwrap();
        assert_eq!(row["coverId"], reply.data()[0]["coverId"]);
        assert_eq!(row["decisionCode"].as_str(), Some(seen.codes[0].as_str()));
    });
    assert_eq!(sandbox.covers_snapshot()[&buyer_id], seen.total);
}

#[test]
fn a_preliminary_decision_is_in_both_lists_until_the_final_one() {
    let sandbox = Sandbox::new(setup());
    let (buyer_id, amount) = wished(&sandbox, Action::New, |seen| seen.codes.len() == 2);
    let seen = sandbox.foresee(buyer_id, Action::New, amount).unwrap();
    with(&sandbox, async |client| {
        assert_eq!(client.apply(buyer_id, amount).await.status, 202);
        sandbox.set_today(state::later(date(DAY), seen.days - 1));
        let (waiting, decided) = (client.covers("/applications").await, client.cover_of(buyer_id).await);
        let decided = decided.expect("the preliminary decision is at least a day before the final one");
        assert_eq!(waiting[0]["coverId"], decided["coverId"]);
        assert_eq!(decided["decisionCode"].as_str(), Some(seen.codes[0].as_str()));
        sandbox.set_today(state::later(date(DAY), seen.days));
        assert_eq!(client.covers("/applications").await.len(), 0);
        assert_eq!(
            client.cover_of(buyer_id).await.unwrap()["decisionCode"].as_str(),
            Some(seen.codes[1].as_str())
        );
    });
}

#[test]
fn a_malformed_request_says_which_parameter() {
    with(&Sandbox::new(setup()), async |client| {
        let buyer_id = 5_000_010;
        for amount in [0, 1, 12_500] {
            let reply = client.apply(buyer_id, amount).await;
            assert_eq!(reply.status, 422);
            assert_eq!(reply.error().0, "Must be positive number greater than zero and a multiple of 1000.");
        }
        let post = async |more: Value| {
            let reply = client.request(Method::POST, buyer_id, 10_000, more).await;
            (reply.status, reply.error().1)
        };
        assert_eq!(post(json!({ "customerId": null })).await, (422, "customerId".to_owned()));
        assert_eq!(post(json!({ "customerId": "4100123" })).await, (422, "customerId".to_owned()));
        assert_eq!(post(json!({ "policyId": "1" })).await, (422, "policyId".to_owned()));
        assert_eq!(post(json!({ "buyerId": 1 })).await, (422, "buyerId".to_owned()));
        assert_eq!(post(json!({ "currencyCode": "USD" })).await, (422, "currencyCode".to_owned()));
        assert_eq!(post(json!({ "coverType": "credit-check" })).await, (422, "currencyCode".to_owned()));
        assert_eq!(client.send(client.call(Method::POST, COVERS).body("{")).await.status, 400);
        let check = json!({ "coverType": "credit-check", "currencyCode": null, "creditLimitAmount": null });
        assert_eq!(client.request(Method::POST, buyer_id, 0, check).await.status, 201);
        let row = client.cover_of(buyer_id).await.unwrap();
        assert_eq!(row["totalDecision"]["decisionAmtInPolicyCurrency"], "7000");
    });
}

#[test]
fn a_cover_is_superseded_reduced_and_cancelled() {
    let sandbox = Sandbox::new(setup());
    let buyer_id = 5_000_001;
    with(&sandbox, async |client| {
        let before = client.cover_of(buyer_id).await.unwrap()["coverId"].clone();
        assert_eq!(client.change("supersede", buyer_id, 60_000).await.status, 201);
        assert_ne!(client.cover_of(buyer_id).await.unwrap()["coverId"], before);
        assert_eq!(sandbox.covers_snapshot()[&buyer_id], 60_000);

        let reply = client.change("reduce", buyer_id, 60_000).await;
        assert_eq!((reply.status, reply.error().1.as_str()), (422, "creditLimitAmount"));
        assert_eq!(client.change("reduce", buyer_id, 25_000).await.status, 201);
        let row = client.cover_of(buyer_id).await.unwrap();
        assert_eq!(
            (row["decisionCode"].as_str(), sandbox.covers_snapshot()[&buyer_id]),
            (Some("DC09"), 25_000)
        );

        assert_eq!(client.change("cancel", buyer_id, 0).await.status, 200);
        assert_eq!(client.cover_of(buyer_id).await, None);
        assert_eq!(client.change("cancel", buyer_id, 0).await.status, 422);
        let codes: Vec<Value> = client
            .covers("/historic")
            .await
            .into_iter()
            .filter(|row| row["buyerId"] == json!(buyer_id))
            .map(|row| row["historicCode"].clone())
            .collect();
        assert_eq!(codes, ["SCLD", "ACLD", "CCLD"]);
    });
    assert_eq!(sandbox.covers_snapshot().get(&buyer_id), None);
}

#[test]
fn a_cancelled_application_never_becomes_a_decision() {
    let sandbox = Sandbox::new(setup());
    let (buyer_id, amount) = wished(&sandbox, Action::New, |seen| seen.days > 0 && seen.codes.len() == 1);
    with(&sandbox, async |client| {
        assert_eq!(client.apply(buyer_id, amount).await.status, 202);
        assert_eq!(client.change("cancel", buyer_id, 0).await.status, 200);
        sandbox.set_today(date("2026-08-10"));
        assert_eq!(sandbox.applications(), []);
        assert_eq!(client.cover_of(buyer_id).await, None);
        let historic = client.covers("/historic").await;
        assert!(historic.iter().any(|r| r["buyerId"] == json!(buyer_id) && r["historicCode"] == "CCLA"));
    });
}

#[test]
fn a_refused_increase_leaves_the_cover() {
    let sandbox = Sandbox::new(setup());
    let buyer_id = 5_000_001;
    let amount = sandbox
        .amount_for(buyer_id, Action::Supersede, 81_000, |seen| {
            seen.days == 0 && seen.codes == [DecisionCode::Dc05]
        })
        .unwrap();
    with(&sandbox, async |client| {
        let reply = client.change("supersede", buyer_id, amount).await;
        assert_eq!(
            (reply.status, reply.data()[0]["response"].as_str()),
            (201, Some("Action has been refused."))
        );
        let row = client.cover_of(buyer_id).await.unwrap();
        assert_eq!(row["decisionCode"], "DC05");
        assert_eq!(row["creditLimitApplicationAmountInPolicyCurrency"], amount.to_string());
        assert_eq!(row["totalDecision"]["decisionAmtInPolicyCurrency"], "80000");
    });
}

#[test]
fn every_outcome_is_reachable() {
    let sandbox = Sandbox::new(setup());
    for code in
        [DecisionCode::Dc01, DecisionCode::Dc02, DecisionCode::Dc03, DecisionCode::Dc04, DecisionCode::Dc06]
    {
        wished(&sandbox, Action::New, |seen| seen.codes.contains(&code));
    }
    for code in
        [DecisionCode::Dc01, DecisionCode::Dc02, DecisionCode::Dc04, DecisionCode::Dc05, DecisionCode::Dc21]
    {
        let amount =
            sandbox.amount_for(5_000_001, Action::Supersede, 81_000, |seen| seen.codes.contains(&code));
        assert!(amount.is_some(), "{code:?}");
    }
}

#[test]
fn time_brings_notices_withdrawals_and_expiries() {
    let sandbox = Sandbox::new(setup());
    with(&sandbox, async |client| {
        sandbox.set_today(date("2026-07-20"));
        let notice = client.cover_of(5_000_003).await.unwrap();
        assert_eq!(
            (notice["decisionCode"].as_str(), notice["pendingProcessIndicator"].as_str()),
            (Some("DC21"), Some("W"))
        );
        assert_eq!(
            notice["totalDecision"]["decisionAmtInPolicyCurrency"], "60000",
            "the cover counts until its date"
        );
        assert_eq!(notice.get("effectiveToDate"), None);

        sandbox.set_today(date("2026-08-01"));
        let row = client.cover_of(5_000_002).await.unwrap();
        assert_eq!(row["decisionCode"], "DC22");
        assert_eq!(row["totalDecision"]["decisionAmtInPolicyCurrency"], "50000");

        assert_eq!(sandbox.covers_snapshot()[&5_000_003], 60_000);
        let moved = client.bare(Method::POST, "/sandbox/today").json(&json!({ "date": "2026-08-20" }));
        assert_eq!(client.send(moved).await.status, 200);
        let gone = client.cover_of(5_000_003).await.unwrap();
        assert_eq!(
            (gone["decisionCode"].as_str(), gone["withdrawalDate"].as_str()),
            (Some("DC08"), Some("2026-08-20T00:00:00+01:00"))
        );
        assert_eq!(gone["coverId"], notice["coverId"]);
        assert_eq!(client.apply(5_000_003, 10_000).await.status, 422, "a withdrawn cover still blocks");
        assert!(client.change("supersede", 5_000_003, 10_000).await.status < 300);
        let state = client.send(client.bare(Method::GET, "/sandbox/state")).await;
        assert_eq!(state.json()["today"], "2026-08-20");
        assert!(!state.text.contains("sandbox-secret"));
    });
}

#[test]
fn faults_spoil_the_calls_they_were_meant_for() {
    let sandbox = Sandbox::new(setup());
    let (buyer_id, amount) = wished(&sandbox, Action::New, at_once(DecisionCode::Dc01));
    let fault = |on, times, kind| sandbox.fault(Fault { on, times, kind });
    with(&sandbox, async |client| {
        fault(
            Some(On::Operation(Operation::Covers)),
            2,
            FaultKind::TooManyRequests { retry_after_seconds: 3 },
        );
        let list = format!("{COVERS}?policyId=900123");
        let reply = client.get(&list).await;
        assert_eq!((reply.status, reply.headers["retry-after"].to_str().unwrap()), (429, "3"));
        assert_eq!(client.get(&format!("{DECISIONS}?policyId=900123")).await.status, 200);
        assert_eq!(client.get(&list).await.status, 429);
        assert_eq!(client.get(&list).await.status, 200);

        fault(None, 1, FaultKind::Unavailable);
        assert_eq!(client.get(&list).await.status, 503);

        fault(Some(On::Operation(Operation::Apply)), 1, FaultKind::ErrorBefore);
        assert_eq!(client.apply(buyer_id, amount).await.status, 500);
        assert_eq!(sandbox.covers_snapshot().get(&buyer_id), None);
        fault(Some(On::Operation(Operation::Apply)), 1, FaultKind::ErrorAfter);
        assert_eq!(client.apply(buyer_id, amount).await.status, 500);
        assert_eq!(
            sandbox.covers_snapshot()[&buyer_id],
            amount,
            "accepted although the answer says otherwise"
        );

        fault(Some(On::Operation(Operation::Change)), 1, FaultKind::TimeoutAfter { milliseconds: 60_000 });
        let body = json!({
            "customerId": 4_100_123, "policyId": "900123", "buyerId": buyer_id, "coverType": "credit-limit",
            "action": "cancel",
        });
        assert!(client.call(Method::PUT, COVERS).json(&body).send().await.unwrap_err().is_timeout());
        assert_eq!(sandbox.covers_snapshot().get(&buyer_id), None);
        assert_eq!(
            sandbox.calls().last().unwrap().status,
            200,
            "the log keeps what was going to be answered"
        );

        fault(Some(On::Operation(Operation::Covers)), 1, FaultKind::TimeoutBefore { milliseconds: 10 });
        assert_eq!(client.get(&list).await.status, 408);
        fault(Some(On::Operation(Operation::Covers)), 1, FaultKind::Truncated);
        let reply = client.get(&list).await;
        assert!(reply.status == 200 && serde_json::from_str::<Value>(&reply.text).is_err());

        fault(None, 1, FaultKind::ExpiredToken);
        assert_eq!(client.login("sandbox-secret").await.status, 200, "a token call is passed over");
        assert_eq!(client.get(&list).await.status, 401);
        assert_eq!(client.get(&list).await.status, 401, "the token stays dead");
    });
}

#[test]
fn the_log_keeps_every_call() {
    let sandbox = Sandbox::new(setup());
    with(&sandbox, async |client| {
        client.get(&format!("{COVERS}?policyId=900123&buyerId=5000001")).await;
    });
    let calls = sandbox.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].method.as_str(), calls[0].path.as_str(), calls[0].status), ("POST", TOKENS, 200));
    assert_eq!(calls[1].query, "policyId=900123&buyerId=5000001");
    assert_eq!(calls[1].correlation_id.as_deref(), Some("corr-1"));
}

/// A year of requests on every free buyer, and all lists on a few days of it.
fn year(sandbox: &Sandbox) -> Vec<Value> {
    let mut seen = Vec::new();
    with(sandbox, async |client| {
        for (buyer_id, step) in (5_000_010..5_000_040).zip(1..) {
            let reply = client.apply(buyer_id, step * 3_000).await;
            seen.push(reply.json());
            sandbox.set_today(state::later(sandbox.today(), 1));
            let reply = client.change("supersede", buyer_id, step * 4_000).await;
            seen.push(reply.json());
        }
        for list in ["", "/decisions", "/applications", "/historic"] {
            seen.extend(client.covers(list).await);
        }
    });
    seen
}

#[test]
fn the_same_seed_gives_the_same_answers() {
    let (one, two) = (year(&Sandbox::new(setup())), year(&Sandbox::new(setup())));
    assert_eq!(one, two);
    assert_ne!(one, year(&Sandbox::new(Setup { seed: 8, ..setup() })));
}

#[test]
fn a_saved_simulator_continues_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("atradius.json");
    let sandbox = Sandbox::new(setup());
    sandbox.keep_in(&path).unwrap();
    year(&sandbox);
    let loaded = Sandbox::load(&path).unwrap();
    assert_eq!(loaded.today(), sandbox.today());
    assert_eq!(loaded.applications(), sandbox.applications());
    for days in 0..120 {
        let day = state::later(date(DAY), days);
        loaded.set_today(day);
        sandbox.set_today(day);
        assert_eq!(loaded.covers_snapshot(), sandbox.covers_snapshot(), "{day}");
    }
    assert!(matches!(Sandbox::load(&folder.path().join("none")), Err(Error::File { .. })));
}

#[test]
fn the_demonstration_reaches_the_codes_of_the_appendix() {
    let today = date(DAY);
    let sandbox = Sandbox::new(Setup::demo(1, today));
    let mut codes = std::collections::BTreeSet::new();
    for days in 0..60 {
        sandbox.set_today(state::later(today, days));
        let inner = sandbox.lock();
        for buyer in &inner.book.setup.buyers {
            let current = inner.book.timeline(buyer.buyer_id).current;
            codes.extend(current.map(|version| version.code.as_str().to_owned()));
        }
    }
    let known = ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "21", "22"];
    assert_eq!(codes, known.iter().map(|code| format!("DC{code}")).collect());
    for buyer in Setup::demo(1, today).buyers.iter().filter(|buyer| buyer.uid_type == "SN") {
        if let Some(uid) = &buyer.uid {
            let digits = uid.bytes().rev().map(|byte| u32::from(byte - b'0')).zip([1, 2].into_iter().cycle());
            let sound =
                digits.map(|(digit, weight)| digit * weight).map(|n| n / 10 + n % 10).sum::<u32>() % 10 == 0;
            assert!(sound, "{uid}");
        }
    }
}

#[test]
fn dates_carry_british_summer_time_when_it_rules() {
    for (day, text) in [
        ("2026-03-10", "2026-03-10T00:00:00Z"),
        ("2026-03-29", "2026-03-29T00:00:00Z"),
        ("2026-03-30", "2026-03-30T00:00:00+01:00"),
        ("2026-10-25", "2026-10-25T00:00:00+01:00"),
        ("2026-10-26", "2026-10-26T00:00:00Z"),
    ] {
        assert_eq!(answer::timestamp(date(day)), text);
    }
}

#[test]
fn errors_are_nested_on_some_paths_and_always_on_the_same_ones() {
    let book = Book::new(setup());
    let shapes: Vec<bool> = [COVERS, BUYERS, POLICY_DETAILS, MY_BUYERS, DECISIONS, HISTORIC]
        .iter()
        .flat_map(|path| [400, 422].map(|status| (path, status)))
        .map(|(path, status)| Answer::error(&book, path, status, "text", "name").body.is_array())
        .collect();
    assert!(shapes.contains(&true) && shapes.contains(&false));
}
