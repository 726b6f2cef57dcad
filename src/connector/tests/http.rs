//! Paging, cursors, shapes and outcomes, against a small partner.

use std::collections::HashMap;
use std::sync::Mutex;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json, json};

use super::manifest::user_connector;
use super::*;
use crate::mapping::Outcome as Mapped;
use crate::transport::Verdict;

type Log = Arc<Mutex<Vec<(String, Json)>>>;

async fn answer(
    State(log): State<Log>,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    let sent: Json = serde_json::from_slice(&body).unwrap_or(Json::Null);
    log.lock().unwrap().push((uri.to_string(), sent.clone()));
    let row = |id: usize| json!({ "id": id, "name": format!("N{id}"), "changed": format!("2026-03-0{id}T10:00:00Z") });
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let all: Vec<Json> = (1..=5).map(row).collect();
    let of = |from: usize| all.iter().skip(from).take(2).cloned().collect::<Vec<_>>();
    let body = match uri.path() {
        "/offset" => json!({ "items": of(number("offset")) }),
        "/page" => json!({ "items": of((number("page") - 1) * 2), "more": number("page") < 3 }),
        "/after" => json!({ "items": of(sent["after"].to_string().parse().unwrap()) }),
        "/link" => {
            let from = number("from");
            json!({ "items": of(from), "next": (from < 4).then(|| format!("/link?from={}", from + 2)) })
        }
        "/deaf" => json!({ "items": of(0) }),
        "/none" => json!({ "rows": [] }),
        "/null" => json!({ "items": null }),
        "/empty" => json!({ "items": [] }),
        "/since" => {
            json!({ "items": all.iter().filter(|row| row["changed"].as_str() >= query.get("since").map(String::as_str)).collect::<Vec<_>>() })
        }
        "/odd" => {
            json!({ "odd": sent["ids"].as_array().unwrap().iter().filter(|id| id.as_u64().unwrap() % 2 == 1).collect::<Vec<_>>() })
        }
        "/limits" => {
            let outcome = sent["amount"].as_str().unwrap().to_owned();
            let (status, body) = match outcome.as_str() {
                "1.00" => (201, json!({ "data": [{ "coverId": 71, "response": "Action successful" }] })),
                "2.00" => (202, json!({ "data": [{ "coverId": 72, "response": "Action successful" }] })),
                "3.00" => (
                    201,
                    json!({ "data": [{ "coverId": 73, "response": "Action has been REFUSED, key k3y-of-ours." }] }),
                ),
                "4.00" => (422, json!({ "errors": [{ "detail": "a multiple of 1000" }] })),
                _ => (200, json!({ "data": [] })),
            };
            return (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response();
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    axum::Json(body).into_response()
}

async fn shop(operations: &str) -> (Connection, Log) {
    let log = Log::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&log));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let role = if operations.contains("request_limit") { "insurer" } else { "erp" };
    let manifest = format!(
        r#"
[connector]
id = "shop"
name = "Shop"
role = "{role}"
transport = "http"
status = "unverified"
[settings]
key = {{ type = "secret", required = true, help = "k" }}
company = {{ type = "integer", default = "7", help = "n" }}
[auth]
kind = "api_key"
header = "X-Key"
setting = "key"
[http]
retries = 0
limit = {{ per_second = 1000, in_flight = 1 }}
error = {{ message = "errors[0].detail" }}
{operations}
"#
    );
    let mapping = ("customer", "[customer]\nexternal_id = \"id\"\nname = \"name\"\n");
    let connector = user_connector(&manifest, &[mapping]).unwrap_or_else(|error| panic!("{error}"));
    (Connection::new(setup(connector, &[("key", "k3y-of-ours")], Some(&url))).unwrap(), log)
}

fn ids(records: &[PulledRecord]) -> Vec<String> {
    records
        .iter()
        .map(|record| {
            let Mapped::Account(account) = &record.mapped.outcome else { panic!("{record:?}") };
            account.external_id.clone()
        })
        .collect()
}

fn paths(log: &Log) -> Vec<String> {
    log.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
}

#[tokio::test]
async fn each_kind_of_paging_reads_every_record_once() {
    for (operation, calls) in [
        (
            "get = \"/offset\"\nquery = { offset = \"{offset}\", limit = \"{size}\" }\npaging = { kind = \"offset\", size = 2 }",
            3,
        ),
        ("get = \"/page\"\nquery = { page = \"{page}\" }\npaging = { kind = \"page\", size = 2 }", 3),
        ("get = \"/page\"\nquery = { page = \"{page}\" }\npaging = { kind = \"page\", more = \"more\" }", 3),
        ("get = \"/page\"\nquery = { page = \"{page}\" }\npaging = { kind = \"page\" }", 4),
        (
            "post = \"/after\"\njson = { jq = '{after: .page.last}' }\npaging = { kind = \"after\", key = \"id\", size = 2, first = \"0\" }",
            3,
        ),
        (
            "get = \"/link\"\nquery = { from = \"{company}\" }\npaging = { kind = \"next_link\", path = \"next\" }",
            1,
        ),
    ] {
        let (connection, log) =
            shop(&format!("[operations.customers]\nrecords = \"items\"\nmode = \"snapshot\"\n{operation}"))
                .await;
        let (pulled, records) =
            pull(&connection, "customers", None).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(paths(&log).len(), calls, "{operation}: {:?}", paths(&log));
        if operation.contains("next_link") {
            continue; // it starts behind the end: the setting is in the query
        }
        assert_eq!(ids(&records), ["1", "2", "3", "4", "5"], "{operation}");
        assert_eq!((pulled.read, pulled.mode, pulled.cursor), (5, Mode::Snapshot, None));
        assert_eq!(records[4].place.to_string(), "customers:5");
    }
}

#[tokio::test]
async fn links_are_followed_to_their_end() {
    let operation = "[operations.customers]\nget = \"/link\"\nrecords = \"items\"\nmode = \"snapshot\"\npaging = { kind = \"next_link\", path = \"next\" }";
    let (connection, log) = shop(operation).await;
    let (_, records) = pull(&connection, "customers", None).await.unwrap();
    assert_eq!(ids(&records), ["1", "2", "3", "4", "5"]);
    assert_eq!(paths(&log), ["/link", "/link?from=2", "/link?from=4"]);
}

#[tokio::test]
async fn an_answer_of_another_shape_is_not_an_empty_ledger() {
    let read = |path: &str, paging: &str| {
        format!("[operations.customers]\nget = \"{path}\"\nquery = {{ offset = \"{{offset}}\" }}\nrecords = \"items\"\nmode = \"snapshot\"\npaging = {{ {paging} }}")
            .replace("query = { offset = \"{offset}\" }", if paging.contains("offset") { "query = { offset = \"{offset}\" }" } else { "" })
    };
    for path in ["/none", "/null"] {
        let (connection, _) = shop(&read(path, "kind = \"none\"")).await;
        let error = pull(&connection, "customers", None).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::Defect, "{path}: {error}");
    }
    let (connection, _) = shop(&read("/empty", "kind = \"none\"")).await;
    assert_eq!(pull(&connection, "customers", None).await.unwrap().0.read, 0);
    let (connection, log) = shop(&read("/deaf", "kind = \"offset\", size = 2")).await;
    let error = pull(&connection, "customers", None).await.unwrap_err();
    assert!(error.to_string().contains("takes no notice of the paging"), "{error}");
    assert_eq!(paths(&log).len(), 2);
}

#[tokio::test]
async fn a_cursor_moves_with_the_latest_stamp_and_asks_with_an_overlap() {
    let operation = "[operations.customers]\nget = \"/since\"\nquery = { since = \"{cursor}\" }\nrecords = \"items\"\nmode = \"incremental\"\ncursor = { path = \"changed\", overlap_seconds = 3600 }";
    let (connection, log) = shop(operation).await;
    let (first, records) = pull(&connection, "customers", None).await.unwrap();
    assert_eq!((records.len(), first.mode), (5, Mode::Snapshot), "without a cursor everything is read");
    assert_eq!(first.cursor.as_deref(), Some("2026-03-05T10:00:00Z"));
    let (second, records) = pull(&connection, "customers", Some("2026-03-04T10:30:00Z")).await.unwrap();
    assert_eq!((ids(&records), second.mode), (vec!["4".to_owned(), "5".to_owned()], Mode::Incremental));
    let (third, records) = pull(&connection, "customers", Some("2026-04-01T00:00:00Z")).await.unwrap();
    assert_eq!(
        (records.len(), third.cursor.as_deref()),
        (0, Some("2026-04-01T00:00:00Z")),
        "nothing new keeps the cursor"
    );
    assert_eq!(
        paths(&log),
        ["/since", "/since?since=2026-03-04T09%3A30%3A00Z", "/since?since=2026-03-31T23%3A00%3A00Z"]
    );

    let (connection, _) = shop(
        &operation.replace("overlap_seconds = 3600", "overlap_seconds = 3600, initial = \"2026-03-03\""),
    )
    .await;
    assert_eq!(
        connection.mode("customers", None).unwrap(),
        Mode::Incremental,
        "a pull from a date does not show everything"
    );
    assert_eq!(pull(&connection, "customers", None).await.unwrap().1.len(), 3);
}

#[tokio::test]
async fn a_shape_sees_the_page_and_the_second_call() {
    let operation = r#"
[operations.customers]
post = "/after"
json = { jq = '{after: .page.last, company: .settings.company, key: .settings.key}' }
records = "items"
mode = "snapshot"
paging = { kind = "after", key = "id", size = 2, first = "0" }
shape = '.also.odd as $odd | .records | map(select(.id as $id | $odd | index($id)) | .name = "\(.name) of \(.id)")'
[operations.customers.also]
post = "/odd"
json = { jq = '{ids: [.records[].id]}' }
"#;
    let (connection, log) = shop(operation).await;
    let (pulled, records) = pull(&connection, "customers", None).await.unwrap();
    assert_eq!((ids(&records), pulled.read), (["1", "3", "5"].map(str::to_owned).to_vec(), 5));
    let sent = log.lock().unwrap()[0].1.clone();
    assert_eq!(
        sent,
        json!({ "after": 0, "company": 7, "key": null }),
        "numbers are numbers, secrets are not shown to filters"
    );
}

const REQUEST: &str = r#"
[operations.request_limit]
post = "/limits"
json = { amount = "{amount}", action = "{action}", company = "{company}", note = "{our_reference}" }
reference = "data[0].coverId"
message = "data[0].response"
outcome = [
  { path = "data[0].response", matches = "refused", is = "refused" },
  { status = 201, is = "decided" },
  { status = 202, is = "pending" },
]
[operations.request_limit.codes.action]
new = "N"
"#;

#[tokio::test]
async fn what_is_sent_has_the_outcome_that_the_manifest_says() {
    let (connection, log) = shop(REQUEST).await;
    let send = |amount: &'static str| {
        let connection = connection.clone();
        async move { connection.send("request_limit", &texts(&[("amount", amount), ("action", "new")])).await }
    };
    for (amount, outcome, reference) in
        [("1.00", Outcome::Decided, "71"), ("2.00", Outcome::Pending, "72"), ("3.00", Outcome::Refused, "73")]
    {
        let sent = send(amount).await.unwrap();
        assert_eq!((sent.outcome, sent.reference.as_deref()), (outcome, Some(reference)));
        assert!(!sent.raw.contains("k3y-of-ours") && !sent.message.unwrap().contains("k3y-of-ours"));
    }
    assert_eq!(log.lock().unwrap()[0].1, json!({ "amount": "1.00", "action": "N", "company": 7 }));
    assert_eq!(send("4.00").await.unwrap_err().verdict(), Verdict::FixData);
    assert_eq!(
        send("5.00").await.unwrap_err().verdict(),
        Verdict::OutcomeUnknown,
        "an answer that nobody foresaw"
    );
    let before = paths(&log).len();
    let error = connection
        .send("request_limit", &texts(&[("amount", "1.00"), ("action", "other")]))
        .await
        .unwrap_err();
    assert_eq!(
        (error.verdict(), error.to_string()),
        (Verdict::FixData, "\"other\" of \"action\" has no word at this partner; it knows new".to_owned())
    );
    let error = connection.send("cancel_limit", &BTreeMap::new()).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::NotAllowed, "{error}");
    assert_eq!(paths(&log).len(), before, "nothing left the house");
}
