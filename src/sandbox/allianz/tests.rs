//! The simulator seen from outside, over HTTP on a local port.

use base64::Engine as _;

use super::*;
use crate::sandbox::{Insurer as _, Surprise};

const DAY: &str = "2026-07-10";
const UAT: [&str; 3] = ["/uatm/v1/idp/oauth2/authorize", "/uatm/riskinfo/v3", "/search/uatm-v2"];
const PRODUCTION: [&str; 3] = ["/v1/idp/oauth2/authorize", "/riskinfo/v3", "/search/v2"];

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn setup() -> Setup {
    Setup { callback_milliseconds: 5, ..Setup::demo(7, date(DAY)) }
}

struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    risk: &'static str,
}

struct Reply {
    status: u16,
    retry_after: Option<String>,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn rows(&self) -> Vec<Value> {
        self.json().as_array().unwrap_or_else(|| panic!("no bare array: {}", self.text)).clone()
    }
}

impl Client {
    async fn call(&self, method: Method, path: &str, body: Option<Value>, header: Option<&str>) -> Reply {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(header) = header {
            request = request.header("X-Callback", header);
        }
        let answer = request.send().await.unwrap();
        Reply {
            status: answer.status().as_u16(),
            retry_after: answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned()),
            text: answer.text().await.unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, &format!("{}{path}", self.risk), None, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, &format!("{}{path}", self.risk), Some(body), None).await
    }

    async fn log_in(&self, path: &str, key: &str) -> Reply {
        self.call(Method::POST, path, Some(json!({ "apiKey": key })), None).await
    }

    async fn search(&self, what: &str, page: usize, size: usize) -> Reply {
        let policies = [("0090415", ""), ("0090416", "DCL"), ("0090417", "CAP")];
        let policies: Vec<Value> = policies
            .iter()
            .map(|(id, extension)| json!({ "businessUnitCode": "ACI", "policyId": id, "extensionId": extension }))
            .collect();
        let pagination = json!({ "page": page, "pageSize": size, "isTotalRequired": true });
        let body =
            json!({ "policies": policies, "requestStatusCode": "InProgress", "pagination": pagination });
        self.post(&format!("/{what}/search"), body).await
    }

    fn request(company: &str, amount: &Value) -> Value {
        json!({
            "requestTypeCode": "Primary",
            "policy": { "businessUnitCode": "ACI", "policyId": "0090415" },
            "companyId": company,
            "isRequestUrgent": false,
            "creditLimitDetails": { "requestedAmount": amount, "currencyCode": "EUR" },
        })
    }

    /// Asks for whole units and gives the number of the job.
    async fn ask(&self, company: &str, minor: i64) -> String {
        let reply = self.post("/covers", Self::request(company, &json!(minor / 100))).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        reply.json().as_str().expect("the answer is a bare text").to_owned()
    }

    async fn job(&self, job: &str) -> Value {
        self.get(&format!("/jobs/{job}")).await.json()
    }
}

/// Serves `sandbox` on a free port while `body` runs against it, logged in to one of its environments.
fn with(sandbox: &Sandbox, paths: [&'static str; 3], body: impl AsyncFnOnce(Client)) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
        let mut client = Client { http, base, token: String::new(), risk: paths[1] };
        let router = sandbox.router();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let reply = client.log_in(paths[0], "sandbox-key").await;
        client.token = reply.json()["access_token"].as_str().unwrap().to_owned();
        body(client).await;
    });
}

fn free(sandbox: &Sandbox, wish: impl Fn(&Foreseen) -> bool + Copy) -> (String, i64) {
    let covered = sandbox.limits();
    let buyers = setup().buyers.into_iter().map(|buyer| buyer.company_id);
    buyers
        .filter(|id| !covered.contains_key(id))
        .find_map(|id| Some((id.clone(), sandbox.amount_for(&id, 1_000_000, wish)?)))
        .expect("no seed of these reaches the outcome: choose another seed in setup()")
}

#[test]
fn a_token_is_for_an_hour_and_one_environment() {
    with(&Sandbox::new(setup()), UAT, async |client| {
        let good = client.log_in(UAT[0], "sandbox-key").await.json();
        assert_eq!((&good["token_type"], &good["expires_in"]), (&json!("Bearer"), &json!(3600)));
        assert_eq!(client.log_in(UAT[0], "other").await.status, 401);
        assert_eq!(client.log_in("/oauth2/token", "sandbox-key").await.status, 404);
        assert_eq!(client.search("covers", 1, 100).await.status, 200);
        let production = Client { risk: PRODUCTION[1], ..client };
        assert_eq!(production.search("covers", 1, 100).await.status, 401, "a token of the other environment");
    });
    with(&Sandbox::new(Setup { token_lifetime_seconds: 0, ..setup() }), PRODUCTION, async |client| {
        assert_eq!(client.search("covers", 1, 100).await.status, 401, "the hour is over");
    });
}

#[test]
fn only_its_own_paths_and_methods_are_known() {
    with(&Sandbox::new(setup()), PRODUCTION, async |client| {
        for path in [
            "/riskinfo/v2/covers",
            "/uatm/search/v2/companies/matching",
            "/v1/overdues",
            "/riskinfo/v3/jobs/",
        ] {
            assert_eq!(client.call(Method::GET, path, None, None).await.status, 404, "{path}");
        }
        assert_eq!(client.call(Method::GET, "/riskinfo/v3/covers", None, None).await.status, 405);
        assert_eq!(client.get("/jobs/1").await.status, 404);
        assert_eq!(client.get("/covers/C-1").await.status, 404);
    });
}

#[test]
fn lists_are_bare_arrays_in_pages_without_an_order() {
    let sandbox = Sandbox::new(setup());
    with(&sandbox, UAT, async |client| {
        let whole = client.search("covers", 1, 5_000).await;
        let rows = whole.rows();
        assert_eq!(whole.status, 200, "one page is no part");
        let ids: Vec<String> = rows.iter().map(|row| row["companyId"].as_str().unwrap().to_owned()).collect();
        assert!(!ids.is_sorted(), "no order is to be relied on");
        let mut paged = Vec::new();
        for page in 1.. {
            let reply = client.search("covers", page, 10).await;
            assert_eq!(reply.status, 206);
            if reply.rows().is_empty() {
                break;
            }
            paged.extend(reply.rows());
        }
        assert_eq!(paged, rows, "the pages of a day fit together");
        let extensions: std::collections::BTreeSet<&str> =
            rows.iter().map(|row| row["policy"]["extensionId"].as_str().unwrap()).collect();
        assert_eq!(extensions, ["", "CAP", "DCL"].into());
        let by_grade = rows.iter().find(|row| row["coverStatusCode"] == "CheckPolicy").unwrap();
        assert_eq!(by_grade.get("creditLimitsAggregation"), None, "a grade has no amount");
        sandbox.fault(Fault {
            on: Some(On::Operation(Operation::Covers)),
            times: 1,
            kind: FaultKind::Repeated,
        });
        assert_eq!(client.search("covers", 1, 5_000).await.rows().len(), rows.len() + 1);
        let foreign = json!({ "policies": [{ "businessUnitCode": "ACI", "policyId": "1" }], "pagination": { "page": 1, "pageSize": 5 } });
        assert_eq!(client.post("/covers/search", foreign).await.status, 403);
        assert_eq!(client.search("covers", 0, 10).await.status, 400, "pages count from 1");
    });
}

#[test]
fn a_request_is_a_job_that_ends_after_some_polls_or_on_the_next_day() {
    let sandbox = Sandbox::new(setup());
    let (company, amount) = free(&sandbox, |seen| seen.days == 0 && seen.total_minor > 0);
    with(&sandbox, UAT, async |client| {
        let job = client.ask(&company, amount).await;
        let mut polls = 1;
        let done = loop {
            let row = client.job(&job).await;
            if row["jobStatusCode"] == "PROCESSED" {
                break row;
            }
            assert_eq!((&row["jobStatusCode"], row.get("resourceUrl")), (&json!("PENDING"), None));
            assert!(!sandbox.limits().contains_key(&company));
            polls += 1;
        };
        assert!(polls <= 4, "{polls}");
        let link = done["resourceUrl"].as_str().unwrap().to_owned();
        assert!(link.starts_with(&format!("{}/uatm/riskinfo/v3/covers/C-", client.base)), "{link}");
        let cover =
            client.call(Method::GET, link.strip_prefix(&client.base).unwrap(), None, None).await.json();
        assert_eq!(cover["coverStatusCode"], "Agreement");
        let first = &cover["creditLimitsAggregation"]["creditLimits"][0];
        assert!(first["amount"].is_number() && first["startDate"] == DAY, "{first}");

        let (other, amount) = free(&sandbox, |seen| seen.days > 1);
        let job = client.ask(&other, amount).await;
        assert_eq!(client.search("coverRequests", 1, 10).await.rows(), Vec::<Value>::new());
        sandbox.set_today(date("2026-07-11"));
        let row = client.search("coverRequests", 1, 10).await.rows().remove(0);
        assert_eq!((&row["requestStatusCode"], &row["companyId"]), (&json!("InProgress"), &json!(other)));
        assert_eq!(
            client.job(&job).await["jobStatusCode"],
            "PROCESSED",
            "a day ends every job of the day before"
        );
        sandbox.set_today(date("2026-07-30"));
        assert_eq!(client.search("coverRequests", 1, 10).await.rows(), Vec::<Value>::new());
        assert!(sandbox.limits().contains_key(&other));
    });
}

#[test]
fn malformed_requests_are_refused_and_nothing_is_taken() {
    let sandbox = Sandbox::new(setup());
    with(&sandbox, UAT, async |client| {
        let company = setup().buyers[0].company_id.clone();
        let good = Client::request(&company, &json!(10_000));
        let without = |key: &str| {
            let mut body = good.clone();
            body.as_object_mut().unwrap().remove(key);
            body
        };
        for key in ["requestTypeCode", "companyId", "isRequestUrgent"] {
            assert_eq!(client.post("/covers", without(key)).await.status, 400, "{key}");
        }
        assert_eq!(client.post("/covers", without("policy")).await.status, 403);
        assert_eq!(client.post("/covers", without("creditLimitDetails")).await.status, 422);
        for amount in [json!(0), json!(-5), json!("10000"), json!(1.234)] {
            assert_eq!(
                client.post("/covers", Client::request(&company, &amount)).await.status,
                422,
                "{amount}"
            );
        }
        assert_eq!(client.post("/covers", Client::request("1", &json!(5))).await.status, 422);
        assert_eq!(sandbox.accepted(), []);
        assert_eq!(client.post("/covers", Client::request(&company, &json!(123.45))).await.status, 202);
        assert_eq!(sandbox.accepted()[0].amount_minor, 12_345);
    });
}

#[test]
fn every_outcome_is_reachable_and_a_refused_increase_leaves_the_cover() {
    let sandbox = Sandbox::new(Setup { polls_max: 0, ..setup() });
    let partial = |seen: &Foreseen| seen.verdict == Verdict::Granted && seen.total_minor % 100_000 == 0;
    let (company, amount) = free(&sandbox, |seen| partial(seen) && seen.days == 0);
    assert!(sandbox.foresee(&company, amount).unwrap().total_minor <= amount);
    free(&sandbox, |seen| seen.days > 0);
    free(&sandbox, |seen| seen.verdict == Verdict::Refused);
    with(&sandbox, UAT, async |client| {
        let company = setup().buyers[0].company_id.clone();
        let before = sandbox.limits()[&company];
        let refused = |seen: &Foreseen| seen.days == 0 && seen.verdict == Verdict::Refused;
        let amount = sandbox.amount_for(&company, before + 100_000, refused).unwrap();
        let job = client.ask(&company, amount).await;
        let link = client.job(&job).await["resourceUrl"].as_str().unwrap().to_owned();
        let cover =
            client.call(Method::GET, link.strip_prefix(&client.base).unwrap(), None, None).await.json();
        assert_eq!(cover["coverStatusCode"], "Refused");
        assert_eq!(sandbox.limits()[&company], before);
        let temporary =
            |seen: &Foreseen| seen.days == 0 && seen.total_minor > before && seen.verdict == Verdict::Granted;
        let amount = sandbox.amount_for(&company, before + 200_000, temporary).unwrap();
        client.ask(&company, amount).await;
        assert!(sandbox.limits()[&company] > before);
    });
}

#[test]
fn time_brings_reductions_and_ends() {
    let sandbox = Sandbox::new(setup());
    let buyer = |index: usize| setup().buyers[index].company_id.clone();
    let before = sandbox.limits();
    sandbox.set_today(date("2026-07-22"));
    let after = sandbox.limits();
    assert!(after[&buyer(5)] < before[&buyer(5)], "a later reduction");
    assert_eq!(after[&buyer(10)], 0, "a later withdrawal");
    sandbox.set_today(date("2026-08-19"));
    assert_eq!(sandbox.limits()[&buyer(4)], before[&buyer(4)], "its last day is the day itself");
    sandbox.set_today(date("2026-08-20"));
    assert!(sandbox.limits()[&buyer(4)] < before[&buyer(4)], "the temporary part has ended");
    assert!(sandbox.surprise(&buyer(0), Surprise::AnnounceWithdrawal { on: date("2026-08-25") }));
    assert_eq!(sandbox.limits()[&buyer(0)], before[&buyer(0)], "until then it counts");
    sandbox.set_today(date("2026-08-25"));
    assert_eq!(sandbox.limits()[&buyer(0)], 0);
    assert!(!sandbox.surprise(&buyer(0), Surprise::Reduce { to_minor: 100 }));
}

#[test]
fn it_calls_back_three_times_and_then_never_again() {
    let sandbox = Sandbox::new(Setup { polls_max: 0, ..setup() });
    let (company, amount) = free(&sandbox, |seen| seen.days > 1);
    with(&sandbox, UAT, async |client| {
        let header = |url: &str, hours: Value| {
            let asked = json!({ "callbackUrl": url, "timeToLive": hours, "extendedNotification": true });
            base64::engine::general_purpose::STANDARD.encode(asked.to_string())
        };
        // A port where nobody listens: it was free a moment ago and its listener is gone.
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let path = format!("{}/covers", client.risk);
        let body = Client::request(&company, &json!(amount / 100));
        for wrong in [
            "%%",
            &header("http://client.example/hook", json!(24)),
            &header("https://client.example", json!("x")),
        ] {
            let reply = client.call(Method::POST, &path, Some(body.clone()), Some(wrong)).await;
            assert_eq!(reply.status, 400, "{wrong}");
        }
        let good = header(&format!("http://{gone}/hook"), json!(24));
        assert_eq!(client.call(Method::POST, &path, Some(body), Some(&good)).await.status, 202);
        let told = async |count: usize| {
            let wait = async {
                while sandbox.callbacks().len() < count {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it gives up after three calls");
            sandbox.callbacks().last().cloned().unwrap()
        };
        let technical = told(1).await;
        assert_eq!((technical.calls, technical.taken), (3, false));
        assert_eq!(technical.body["notificationType"], "Technical");
        assert!(sandbox.spoil(fault::Calls::Any, 1, FaultKind::LostCallback));
        sandbox.set_today(date("2026-07-30"));
        let functional = told(2).await;
        assert_eq!((functional.calls, functional.taken), (0, false), "lost on the way");
        assert_eq!(functional.body["notificationType"], "Functional");
    });
}

#[test]
fn faults_spoil_the_calls_they_were_meant_for() {
    let sandbox = Sandbox::new(setup());
    let spoil = |kind| sandbox.fault(Fault { on: Some(On::Operation(Operation::Request)), times: 1, kind });
    with(&sandbox, UAT, async |client| {
        let company = setup().buyers[0].company_id.clone();
        let body = || Client::request(&company, &json!(10_000));
        spoil(FaultKind::TooManyRequests { retry_after_seconds: 3 });
        let reply = client.post("/covers", body()).await;
        assert_eq!((reply.status, reply.retry_after.as_deref()), (429, Some("3")));
        for (kind, status) in [
            (FaultKind::Unavailable, 503),
            (FaultKind::ErrorBefore, 500),
            (FaultKind::TimeoutBefore { milliseconds: 1 }, 408),
        ] {
            spoil(kind);
            assert_eq!(client.search("covers", 1, 5_000).await.status, 200, "another operation");
            assert_eq!(client.post("/covers", body()).await.status, status);
        }
        assert_eq!(sandbox.accepted().len(), 0);
        spoil(FaultKind::ErrorAfter);
        assert_eq!(client.post("/covers", body()).await.status, 500);
        spoil(FaultKind::TimeoutAfter { milliseconds: 1 });
        assert_eq!(client.post("/covers", body()).await.status, 202);
        spoil(FaultKind::Truncated);
        let cut = client.post("/covers", body()).await;
        assert!(cut.status == 202 && serde_json::from_str::<Value>(&cut.text).is_err(), "{}", cut.text);
        assert_eq!(sandbox.accepted().len(), 3, "all that were carried out are told, whatever was answered");
        sandbox.fault(Fault { on: None, times: 1, kind: FaultKind::Reordered });
        let reversed = client.search("covers", 1, 5_000).await.rows();
        let plain = client.search("covers", 1, 5_000).await.rows();
        assert!(reversed != plain && reversed.iter().rev().eq(plain.iter()));
        sandbox.fault(Fault { on: None, times: 1, kind: FaultKind::ExpiredToken });
        assert_eq!(client.search("covers", 1, 5_000).await.status, 401);
        assert_eq!(client.search("covers", 1, 5_000).await.status, 401, "until a new one is fetched");
    });
}

#[test]
fn a_saved_simulator_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("allianz.json");
    let sandbox = Sandbox::new(setup());
    let (company, amount) = free(&sandbox, |seen| seen.days > 1);
    sandbox.keep_in(&path).unwrap();
    with(&sandbox, UAT, async |client| {
        client.ask(&company, amount).await;
    });
    let again = Sandbox::load(&path).unwrap();
    assert_eq!((again.accepted(), again.limits()), (sandbox.accepted(), sandbox.limits()));
    for sandbox in [&sandbox, &again] {
        sandbox.set_today(date("2026-08-30"));
    }
    assert_eq!(again.limits(), sandbox.limits());
    assert!(matches!(Sandbox::load(folder.path()), Err(Error::File { .. })));
    let state = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, state.get(..20).unwrap()).unwrap();
    assert!(matches!(Sandbox::load(&path), Err(Error::Content { .. })));
}
