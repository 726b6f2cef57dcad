//! Allianz Trade's connector against its simulator, and the grammar that it needs: variables of environments, lists that
//! are shaped as a whole, a look-up that follows a link.

use std::sync::Mutex;
use std::time::Duration;

use super::manifest::user_connector;
use super::*;
use crate::mapping::Outcome as Mapped;
use crate::model::{Decision, LayerKind, Limit};
use crate::sandbox::allianz::{
    Extension, Fault, FaultKind, Foreseen, On, Operation as Page, Sandbox, Setup as Book, Verdict as Decided,
};
use crate::sandbox::fault::Calls;
use crate::sandbox::{Asked, Insurer as _, Surprise};
use crate::transport::Verdict;

const DAY: &str = "2026-07-20";

fn date(text: &str) -> chrono::NaiveDate {
    text.parse().unwrap()
}

fn book() -> Book {
    Book { callback_milliseconds: 20, ..Book::demo(3, date(DAY)) }
}

async fn serve(book: Book) -> (Sandbox, String) {
    let sandbox = Sandbox::new(book);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = sandbox.router();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (sandbox, url)
}

fn connect(url: &str, environment: &str, more: &[(&str, &str)]) -> Result<Connection, Error> {
    let mut connector = load("allianz", None).unwrap();
    connector.manifest.limit.period = Duration::from_millis(1);
    let mut settings = vec![
        ("api_key", "sandbox-key"),
        ("business_unit", "ACI"),
        ("policy_id", "0090415"),
        ("discretionary_policy_id", "0090416"),
        ("top_up_policy_id", "0090417"),
    ];
    settings.extend(more);
    let environment = (!environment.is_empty()).then(|| environment.to_owned());
    Connection::new(Setup { environment, ..setup(connector, &settings, Some(url)) })
}

async fn insurer() -> (Connection, Sandbox) {
    let (sandbox, url) = serve(book()).await;
    (connect(&url, "uat", &[]).unwrap(), sandbox)
}

async fn limits(connection: &Connection) -> BTreeMap<String, Limit> {
    let (pulled, records) = pull(connection, "list_limits", None).await.unwrap();
    assert_eq!(pulled.mode, Mode::Snapshot);
    let mut limits = BTreeMap::new();
    for record in records {
        let Mapped::Limit(limit) = record.mapped.outcome else { panic!("{record:?}") };
        assert_eq!(limit.layers.iter().map(|layer| layer.amount_minor).sum::<i64>(), limit.amount_minor);
        assert_eq!(limit.policy, "0090415", "one policy, whatever extension a row is under");
        let id = limit.insurer_buyer_id.clone();
        assert!(limits.insert(id, limit).is_none(), "one limit a buyer");
    }
    limits
}

fn amounts(limits: &BTreeMap<String, Limit>) -> BTreeMap<String, i64> {
    limits.iter().map(|(buyer, limit)| (buyer.clone(), limit.amount_minor)).collect()
}

async fn requests(connection: &Connection) -> Vec<crate::model::LimitRequest> {
    let (_, records) = pull(connection, "list_requests", None).await.unwrap();
    let request = |record: PulledRecord| {
        let Mapped::Request(request) = record.mapped.outcome else { panic!("{record:?}") };
        request
    };
    records.into_iter().map(request).collect()
}

/// A buyer without any cover and an amount whose outcome is as wished.
fn free(sandbox: &Sandbox, wish: impl Fn(&Foreseen) -> bool + Copy) -> (String, i64) {
    let covered = sandbox.limits();
    let found = book().buyers.into_iter().filter(|buyer| !covered.contains_key(&buyer.company_id)).find_map(
        |buyer| Some((buyer.company_id.clone(), sandbox.amount_for(&buyer.company_id, 1_000_000, wish)?)),
    );
    found.expect("no seed of these reaches the outcome: choose another seed in book()")
}

fn facts(buyer: &str, minor: i64) -> BTreeMap<String, String> {
    let amount = format!("{}.{:02}", minor / 100, minor % 100);
    texts(&[
        ("insurer_buyer_id", buyer),
        ("policy", "0090415"),
        ("amount", &amount),
        ("currency", "EUR"),
        ("action", "new"),
    ])
}

/// Polls until the job is done; gives the last answer and how often was asked.
async fn polled(connection: &Connection, job: &str) -> (BTreeMap<String, String>, usize) {
    for polls in 1..10 {
        let answer = connection.look_up("read_request", &texts(&[("reference", job)])).await.unwrap();
        if answer[0]["code"] != "PENDING" {
            return (answer[0].clone(), polls);
        }
        assert_eq!(answer[0]["status"], "pending");
    }
    panic!("the job never ends")
}

#[tokio::test]
async fn three_extensions_come_out_as_one_limit_whatever_the_pages_do() {
    let (sandbox, url) = serve(Book { page_size_max: 7, ..book() }).await;
    let connection = connect(&url, "uat", &[]).unwrap();
    let spoil = |kind| sandbox.fault(Fault { on: Some(On::Operation(Page::Covers)), times: 2, kind });
    spoil(FaultKind::Repeated);
    spoil(FaultKind::Reordered);
    let read = limits(&connection).await;
    assert_eq!(amounts(&read), sandbox.limits());
    assert!(read.values().all(|limit| limit.decision != Decision::Unknown));
    let pages = sandbox.calls().iter().filter(|call| call.path == "/uatm/riskinfo/v3/covers/search").count();
    assert!(pages > 3, "{pages} pages");
    assert!(sandbox.calls().iter().all(|call| call.path.contains("uatm")), "no path of production");

    let kinds = |limit: &Limit| limit.layers.iter().map(|layer| layer.kind).collect::<Vec<_>>();
    let all: Vec<_> = read.values().map(kinds).collect();
    for wanted in [
        vec![LayerKind::Permanent],
        vec![LayerKind::Permanent, LayerKind::Temporary],
        vec![LayerKind::Permanent, LayerKind::TopUp],
        vec![LayerKind::TopUp],
        vec![],
    ] {
        assert!(all.contains(&wanted), "{wanted:?} is in the stories: {all:?}");
    }
    for wanted in [Decision::Approved, Decision::Partial, Decision::Refused, Decision::Withdrawn] {
        assert!(read.values().any(|limit| limit.decision == wanted), "{wanted:?}");
    }
    let decided = |id: &str| read.values().find(|limit| limit.insurer_buyer_id == id).unwrap();
    let over_refusal = &book().buyers[7].company_id;
    assert_eq!(decided(over_refusal).decision, Decision::Approved, "a top-up over a refusal is cover");
    let schemes: BTreeSet<_> =
        read.values().flat_map(|limit| &limit.identifiers).map(|id| id.scheme.as_str()).collect();
    assert_eq!(schemes, BTreeSet::from(["siren", "vat"]));
}

#[tokio::test]
async fn registry_numbers_are_left_alone_when_the_contract_has_none() {
    let (sandbox, url) = serve(book()).await;
    let connection = connect(&url, "uat", &[("read_identifiers", "false")]).unwrap();
    let read = limits(&connection).await;
    assert_eq!(amounts(&read), sandbox.limits());
    assert!(read.values().all(|limit| limit.identifiers.is_empty()));
    assert!(sandbox.calls().iter().all(|call| !call.path.contains("referential")));
}

#[tokio::test]
async fn a_request_is_a_job_then_a_request_then_a_decision() {
    let (connection, sandbox) = insurer().await;
    let (buyer, amount) = free(&sandbox, |seen| seen.days > 1 && seen.verdict == Decided::Granted);
    let seen = sandbox.foresee(&buyer, amount).unwrap();
    let sent = connection.send("request_limit", &facts(&buyer, amount)).await.unwrap();
    assert_eq!(sent.outcome, Outcome::Pending);
    let job = sent.reference.expect("the answer is the number of the job");
    assert!(!sent.raw.contains("sandbox-key"));
    assert_eq!(requests(&connection).await, [], "no list shows it before its job is done");

    let (answer, polls) = polled(&connection, &job).await;
    assert!((1..=4).contains(&polls));
    assert_eq!((answer["status"].as_str(), answer["insurer_buyer_id"].as_str()), ("pending", buyer.as_str()));
    let waiting = requests(&connection).await;
    assert_eq!(
        (waiting[0].insurer_buyer_id.as_str(), waiting[0].requested_minor),
        (buyer.as_str(), Some(amount))
    );
    assert_eq!((waiting.len(), waiting[0].our_reference.as_deref()), (1, None), "nothing of ours comes back");

    sandbox.set_today(date(DAY) + chrono::Days::new(seen.days));
    let (answer, _) = polled(&connection, &job).await;
    assert_eq!(answer["status"], "decided", "{answer:?}");
    assert_eq!(requests(&connection).await, []);
    assert_eq!(limits(&connection).await[&buyer].amount_minor, seen.total_minor);
    let accepted = sandbox.accepted();
    assert_eq!((accepted.len(), accepted[0].asked, accepted[0].amount_minor), (1, Asked::New, amount));
}

#[tokio::test]
async fn refusals_and_repeats_are_told_apart() {
    let (connection, sandbox) = insurer().await;
    let (buyer, amount) = free(&sandbox, |seen| seen.days == 0 && seen.verdict == Decided::Refused);
    let job = connection.send("request_limit", &facts(&buyer, amount)).await.unwrap().reference.unwrap();
    let (answer, _) = polled(&connection, &job).await;
    assert_eq!((answer["status"].as_str(), answer["code"].as_str()), ("refused", "Refused"));
    assert_eq!(limits(&connection).await[&buyer].decision, Decision::Refused);

    let (buyer, standing) =
        sandbox.limits().into_iter().find(|(id, _)| *id == book().buyers[0].company_id).unwrap();
    let job = connection.send("change_limit", &facts(&buyer, standing)).await.unwrap().reference.unwrap();
    let (answer, _) = polled(&connection, &job).await;
    assert_eq!((answer["status"].as_str(), answer["code"].as_str()), ("decided", "AlreadyAgreed"));

    let job = connection.send("change_limit", &facts(&buyer, 1_234_567)).await.unwrap().reference.unwrap();
    polled(&connection, &job).await;
    assert_eq!(limits(&connection).await[&buyer].amount_minor, 1_234_567, "a lower amount, to the cent");
    assert_eq!(sandbox.accepted().last().unwrap().asked, Asked::Change);
    let missing = texts(&[("insurer_buyer_id", &buyer), ("amount", "1.00")]);
    assert_eq!(connection.send("request_limit", &missing).await.unwrap_err().verdict(), Verdict::FixData);
    let unknown = facts("1", 1_000_000);
    assert_eq!(connection.send("request_limit", &unknown).await.unwrap_err().verdict(), Verdict::FixData);
}

#[tokio::test]
async fn an_accident_after_a_request_was_taken_shows_only_when_its_job_is_done() {
    let (connection, sandbox) = insurer().await;
    let (buyer, amount) = free(&sandbox, |seen| seen.days > 2);
    sandbox.spoil(Calls::Write, 1, FaultKind::ErrorAfter);
    let error = connection.send("request_limit", &facts(&buyer, amount)).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::OutcomeUnknown, "{error}");
    assert_eq!(sandbox.accepted().len(), 1, "it was taken all the same");
    assert_eq!(requests(&connection).await, [], "and a list that is read too soon does not show it");
    assert!(connection.connector.manifest.capabilities.visible_after_minutes > 0);
    sandbox.set_today(date("2026-07-21"));
    assert_eq!(requests(&connection).await[0].insurer_buyer_id, buyer);

    for kind in [FaultKind::Truncated, FaultKind::TimeoutBefore { milliseconds: 5 }] {
        sandbox.spoil(Calls::Write, 1, kind);
        let error = connection.send("change_limit", &facts(&buyer, 1_000_000)).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::OutcomeUnknown, "{kind:?}: {error}");
    }
    assert_eq!(sandbox.accepted().len(), 2, "one of the two was taken");
    sandbox.spoil(Calls::Write, 1, FaultKind::ExpiredToken);
    connection.send("change_limit", &facts(&buyer, 1_100_000)).await.unwrap();
    assert_eq!(sandbox.accepted().len(), 3, "a session that has ended is renewed, and nothing is sent twice");
}

#[tokio::test]
async fn a_list_is_asked_for_by_post_and_repeated_like_any_reading() {
    let (connection, sandbox) = insurer().await;
    sandbox.fault(Fault { on: Some(On::Operation(Page::Covers)), times: 1, kind: FaultKind::Unavailable });
    sandbox.fault(Fault { on: Some(On::Operation(Page::Covers)), times: 1, kind: FaultKind::ExpiredToken });
    sandbox.fault(Fault {
        on: Some(On::Operation(Page::Job)),
        times: 1,
        kind: FaultKind::TooManyRequests { retry_after_seconds: 0 },
    });
    assert_eq!(amounts(&limits(&connection).await), sandbox.limits());
    let (buyer, amount) = free(&sandbox, |seen| seen.days == 0);
    let job = connection.send("request_limit", &facts(&buyer, amount)).await.unwrap().reference.unwrap();
    polled(&connection, &job).await;
}

#[tokio::test]
async fn covers_are_cancelled_and_requests_withdrawn() {
    let (connection, sandbox) = insurer().await;
    let buyer = book().buyers[0].company_id.clone();
    let cover = limits(&connection).await[&buyer].reference.clone();
    let sent = connection.send("cancel_limit", &texts(&[("reference", &cover)])).await.unwrap();
    assert_eq!(sent.outcome, Outcome::Pending, "giving up is a job too");
    polled(&connection, &sent.reference.unwrap()).await;
    assert!(!limits(&connection).await.contains_key(&buyer));

    let (other, amount) = free(&sandbox, |seen| seen.days > 1);
    connection.send("request_limit", &facts(&other, amount)).await.unwrap();
    sandbox.set_today(date("2026-07-21"));
    let request = requests(&connection).await.remove(0).reference;
    let sent = connection.send("withdraw_request", &texts(&[("reference", &request)])).await.unwrap();
    let (answer, _) = polled(&connection, &sent.reference.unwrap()).await;
    assert_eq!(answer["status"], "cancelled");
    assert_eq!(requests(&connection).await, []);
    sandbox.set_today(date("2026-08-20"));
    assert!(!limits(&connection).await.contains_key(&other), "a request that was withdrawn is never decided");
}

#[tokio::test]
async fn what_the_insurer_does_by_itself_is_read() {
    let (connection, sandbox) = insurer().await;
    let buyer = |index: usize| book().buyers[index].company_id.clone();
    assert!(sandbox.surprise(&buyer(0), Surprise::Reduce { to_minor: 300_000 }));
    assert!(sandbox.surprise(&buyer(3), Surprise::AnnounceWithdrawal { on: date("2026-07-25") }));
    assert!(sandbox.surprise(&buyer(13), Surprise::UnknownCode));
    assert!(sandbox.surprise(&buyer(14), Surprise::Withdraw));
    assert!(sandbox.surprise(&buyer(17), Surprise::Expire));
    assert!(!sandbox.surprise(&buyer(2), Surprise::Withdraw), "nothing is covered");
    let (_, records) = pull(&connection, "list_limits", None).await.unwrap();
    let unknown: Vec<_> = records.iter().flat_map(|record| &record.mapped.unknown).collect();
    assert_eq!((unknown.len(), unknown[0].code.as_str()), (1, "AgreementUnderWatch"), "the code is flagged");
    let read = limits(&connection).await;
    assert_eq!(amounts(&read), sandbox.limits(), "and the record kept with its amount");
    assert_eq!(read[&buyer(13)].decision, Decision::Unknown);
    assert_eq!(read[&buyer(0)].amount_minor, 300_000);
    assert_eq!(read[&buyer(14)].decision, Decision::Withdrawn);
    let ends: BTreeSet<_> = read[&buyer(3)].layers.iter().map(|layer| (layer.kind, layer.until)).collect();
    let announced = (LayerKind::Temporary, Some(date("2026-07-24")));
    assert!(ends.contains(&announced), "an announced end is a last day: {ends:?}");
    sandbox.set_today(date("2026-07-25"));
    let read = limits(&connection).await;
    assert_eq!(amounts(&read), sandbox.limits());
    assert!(!read.contains_key(&buyer(17)), "what has expired is not listed any more");
}

#[tokio::test]
async fn overdue_notices_are_taken_by_their_categories() {
    let (connection, sandbox) = insurer().await;
    let buyer = book().buyers[0].company_id.clone();
    for kind in ["overdue", "extension", "rescheduling"] {
        let notice = texts(&[
            ("insurer_buyer_id", &buyer),
            ("kind", kind),
            ("number", "F-00012"),
            ("amount", "1200.50"),
            ("total", "2000.00"),
            ("currency", "EUR"),
            ("issued", "2026-03-01"),
            ("due", "2026-04-30"),
            ("new_due", "2026-08-31"),
        ]);
        let sent = connection.send("notify_overdue", &notice).await.unwrap();
        assert_eq!((sent.outcome, sent.reference.is_some()), (Outcome::Pending, true));
    }
    let notices = sandbox.notices();
    let told: Vec<_> =
        notices.iter().map(|notice| (notice.category.as_str(), notice.invoice.as_str())).collect();
    assert_eq!(told, [("OVD", "F-00012"), ("EXP", "F-00012"), ("RES", "F-00012")]);
    let error = connection.send("notify_overdue", &texts(&[("kind", "dispute")])).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::FixData, "{error}");
}

#[tokio::test]
async fn a_buyer_is_found_by_its_siren_or_its_name() {
    let (connection, _) = insurer().await;
    let known = &book().buyers[1];
    let siren = &known.identifiers[0].1;
    let by_number = texts(&[("country", "FR"), ("scheme", "siren"), ("value", siren)]);
    let found = connection.look_up("find_buyer", &by_number).await.unwrap();
    assert_eq!((found.len(), &found[0]["insurer_buyer_id"]), (1, &known.company_id));
    let found =
        connection.look_up("find_buyer", &texts(&[("country", "FR"), ("name", "cardelune")])).await.unwrap();
    assert_eq!(found[0]["name"], known.name);
    let found =
        connection.look_up("find_buyer", &texts(&[("country", "DE"), ("name", "cardelune")])).await.unwrap();
    assert_eq!(found, Vec::<BTreeMap<String, String>>::new());
}

#[tokio::test]
async fn a_call_back_is_asked_for_only_where_both_settings_are_given() {
    let heard = Arc::new(Mutex::new(Vec::<serde_json::Value>::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hook = format!("http://{}/hook", listener.local_addr().unwrap());
    let log = Arc::clone(&heard);
    let router = axum::Router::new().fallback(move |body: axum::Json<serde_json::Value>| {
        log.lock().unwrap().push(body.0);
        std::future::ready(axum::http::StatusCode::NO_CONTENT)
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let (sandbox, url) = serve(Book { polls_max: 0, ..book() }).await;
    let (buyer, amount) = free(&sandbox, |seen| seen.days == 0);
    for more in [vec![], vec![("webhook_url", hook.as_str())], vec![("webhook_header", "X-Callback")]] {
        let connection = connect(&url, "uat", &more).unwrap();
        connection.send("request_limit", &facts(&buyer, amount)).await.unwrap();
    }
    assert_eq!(sandbox.callbacks(), [], "off unless both are given");
    let both = [("webhook_url", hook.as_str()), ("webhook_header", "X-Callback")];
    let connection = connect(&url, "uat", &both).unwrap();
    let higher = sandbox.amount_for(&buyer, 2 * amount, |seen| seen.days == 0).unwrap();
    let job = connection.send("request_limit", &facts(&buyer, higher)).await.unwrap().reference.unwrap();
    tokio::time::timeout(Duration::from_secs(20), async {
        while sandbox.callbacks().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("both messages are called back with");
    let heard = heard.lock().unwrap().clone();
    assert!(heard.iter().any(|message| message["jobId"] == job.as_str()), "{heard:?}");
    assert!(heard.iter().any(|message| message["notificationType"] == "Functional"), "{heard:?}");
    let (answer, _) = polled(&connection, &job).await;
    assert_ne!(answer["status"], "pending", "asking tells the same");
}

#[tokio::test]
async fn a_refused_key_is_not_tried_again() {
    let (sandbox, url) = serve(book()).await;
    let connection = connect(&url, "uat", &[("api_key", "wrong-key")]).unwrap();
    for _ in 0..2 {
        let error = pull(&connection, "list_limits", None).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::FixConfiguration, "{error}");
        assert!(!error.to_string().contains("wrong-key"));
    }
    assert_eq!(sandbox.calls().len(), 1);
}

#[tokio::test]
async fn the_environment_says_which_paths_count_and_a_url_needs_one() {
    let (sandbox, url) = serve(book()).await;
    let connection = connect(&url, "production", &[]).unwrap();
    assert_eq!(amounts(&limits(&connection).await), sandbox.limits());
    assert!(sandbox.calls().iter().all(|call| !call.path.contains("uatm")));
    let told = connect(&url, "", &[]).unwrap_err().to_string();
    assert!(told.contains("say which environment is behind it, one of production, uat"), "{told}");
    let told = connect(&url, "tests", &[]).unwrap_err().to_string();
    assert!(told.contains("\"tests\" is not an environment of allianz"), "{told}");
    let described = load("allianz", None).unwrap().describe();
    assert_eq!(described.variables["uat"]["search"], "/search/uatm-v2");
    assert_eq!(described.environments["production"], "https://api.allianz-trade.com");
    let covered: i64 = sandbox.limits().values().sum();
    let standing: i64 = book()
        .buyers
        .iter()
        .flat_map(|buyer| &buyer.story)
        .filter(|decision| decision.extension == Extension::TopUp)
        .count() as i64;
    assert!(covered > 0 && standing > 0, "the demo covers buyers under more than one extension");
}

#[test]
fn wrong_environments_and_second_calls_are_placed() {
    let manifest = r#"
[connector]
id = "shop"
name = "Shop"
role = "insurer"
transport = "http"
status = "unverified"

[settings.key]
type = "secret"
help = "its key"

[environments]
plain = "https://plain.example.com"

[environments.production]
url = "https://example.com"
vars = { risk = "/v1", key = "/v2", Big = "/v3" }

[environments.uat]
url = "https://uat.example.com"
vars = { risk = "/v1?x=1" }

[operations.read_request]
get = "{risk}/jobs/{reference}/{riks}"
records = "."
whole = true
fields = { status = "status" }
words = { state = { A = "pending" } }

[operations.read_request.then]
records = "."
fields = { status = "status" }
links = "url"
"#;
    let mapping = [("customer", "[customer]\nexternal_id = \"id\"\nname = \"name\"\n")];
    let told = user_connector(manifest, &mapping).unwrap_err().to_string();
    for expected in [
        "connector.toml:14:1: \"plain\" does not say risk, which another environment does",
        "connector.toml:18:24: \"key\" is a setting; give the variable another name",
        "connector.toml:18:37: the name of a variable has small letters, digits and _",
        "connector.toml:22:17: a variable is a part of a path",
        "{riks} is not known here; known are",
        "\"state\" is not a field of read_request; it has reference",
        "whole is of an operation that reads records",
        "\"link\" is missing here",
        "unknown key \"links\"",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
}

#[test]
fn a_limit_has_the_amount_of_its_layers_where_it_has_none_of_its_own() {
    let mapping = "[limit]\nreference = \"r\"\ninsurer_buyer_id = \"b\"\npolicy = \"p\"\ncurrency = \"c\"\neffective_from = \"d\"\n";
    let manifest = "[connector]\nid = \"shop\"\nname = \"Shop\"\nrole = \"insurer\"\ntransport = \"http\"\nstatus = \"unverified\"\n";
    let told = user_connector(manifest, &[("limit", mapping)]).unwrap_err().to_string();
    assert!(told.contains("the field \"amount\" is required and not mapped"), "{told}");
    let layers = "[limit.layers]\npath = \"l\"\nfields = { amount = \"a\", kind = { path = \"k\", codes = \"kind\" } }\n[codes.kind]\nX = \"top_down\"\n";
    let told = user_connector(manifest, &[("limit", &format!("{mapping}{layers}"))]).unwrap_err().to_string();
    assert!(told.contains("top_down"), "a kind of layer that there is not: {told}");
}
