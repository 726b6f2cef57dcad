//! Coface's two connectors against its simulator: cover in layers, orders, opinions, and a door that locks.

use std::time::Duration;

use super::*;
use crate::engine::{CycleOptions, cycle};
use crate::mapping::{Outcome as Mapped, UnknownCode};
use crate::model::{Decision, LayerKind, Limit, RequestStatus};
use crate::sandbox::Insurer as _;
use crate::sandbox::coface::{
    Action, DecisionCode, Fault, FaultKind, On, Operation as Page, Sandbox, Setup as Book,
};
use crate::sandbox::insurer::{Asked, Surprise};
use crate::transport::Verdict;

const DAY: &str = "2026-07-20";
const POLICY: &str = "0070412";

async fn served(sandbox: &Sandbox) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
    url
}

fn connected(id: &str, url: &str, password: &str) -> Connection {
    let mut settings = vec![("username", "sandbox-user"), ("password", password), ("api_key", "sandbox-key")];
    if id == "coface" {
        settings.push(("policy_number", POLICY));
    }
    let mut connector = load(id, None).unwrap();
    connector.manifest.limit.period = Duration::from_millis(1);
    Connection::new(setup(connector, &settings, Some(url))).unwrap()
}

async fn insurer(id: &str) -> (Connection, Sandbox) {
    let sandbox = Sandbox::new(Book::demo(3, DAY.parse().unwrap()));
    let url = served(&sandbox).await;
    (connected(id, &url, "sandbox-password"), sandbox)
}

fn limits(records: &[PulledRecord]) -> BTreeMap<String, Limit> {
    let limit = |record: &PulledRecord| {
        let Mapped::Limit(limit) = &record.mapped.outcome else { panic!("{record:?}") };
        (limit.insurer_buyer_id.clone(), limit.clone())
    };
    records.iter().map(limit).collect()
}

fn fault(operation: Page, times: u32, kind: FaultKind) -> Fault {
    Fault { on: Some(On::Operation(operation)), times, kind }
}

#[tokio::test]
async fn the_portfolio_is_read_to_the_cent_with_its_layers() {
    let (connection, sandbox) = insurer("coface").await;
    sandbox.fault(fault(Page::Portfolio, 1, FaultKind::Unavailable));
    let (pulled, records) = pull(&connection, "list_limits", None).await.unwrap();
    assert_eq!(pulled.mode, Mode::Snapshot);
    let limits = limits(&records);
    let amounts: BTreeMap<String, i64> =
        limits.iter().map(|(buyer, limit)| (buyer.clone(), limit.amount_minor)).collect();
    assert_eq!(amounts, sandbox.limits());
    let kinds = |limit: &Limit| limit.layers.iter().map(|layer| layer.kind).collect::<Vec<_>>();
    let mut seen = BTreeSet::new();
    for limit in limits.values() {
        assert_eq!(limit.insurer_buyer_id.len(), 14, "an easy number is a text: {}", limit.insurer_buyer_id);
        assert_eq!(limit.policy, POLICY, "and so is a policy");
        assert_eq!(limit.layers.iter().map(|layer| layer.amount_minor).sum::<i64>(), limit.amount_minor);
        assert_ne!(limit.decision, Decision::Unknown, "{limit:?}");
        for kind in kinds(limit) {
            seen.insert(kind.as_str());
        }
        for condition in &limit.conditions {
            assert!(!condition.text.is_empty(), "every reason has words: {condition:?}");
        }
    }
    assert_eq!(seen, BTreeSet::from(["permanent", "temporary", "top_up"]));
    let topped = limits.values().find(|limit| kinds(limit).contains(&LayerKind::TopUp)).unwrap();
    let complement = topped.layers.iter().find(|layer| layer.kind == LayerKind::TopUp).unwrap();
    assert!(complement.until.is_some(), "a complement keeps its last day: {topped:?}");
}

#[tokio::test]
async fn pages_that_repeat_or_change_their_order_change_no_cover() {
    let (connection, sandbox) = insurer("coface").await;
    for kind in [FaultKind::Repeated, FaultKind::Reordered] {
        sandbox.fault(fault(Page::Portfolio, 1, kind));
        let (_, records) = pull(&connection, "list_limits", None).await.unwrap();
        let read = limits(&records);
        assert_eq!(read.len(), sandbox.limits().len(), "{kind:?}");
    }
    sandbox.fault(fault(Page::Portfolio, 1, FaultKind::Truncated));
    let error = pull(&connection, "list_limits", None).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Defect, "half a portfolio is none: {error}");
    sandbox.fault(fault(Page::Portfolio, 1, FaultKind::ExpiredToken));
    assert!(pull(&connection, "list_limits", None).await.is_ok(), "a token that ended is renewed once");
    assert_eq!(sandbox.refused_logins(), 0);
}

#[tokio::test]
async fn what_the_insurer_decides_by_itself_is_read_as_such() {
    let (connection, sandbox) = insurer("coface").await;
    let read = || async { limits(&pull(&connection, "list_limits", None).await.unwrap().1) };
    let covered: Vec<String> = sandbox
        .limits()
        .into_iter()
        .filter(|(_, minor)| *minor > 2_000_000)
        .map(|(buyer, _)| buyer)
        .collect();
    let [reduced, noticed, withdrawn, expired, unknown, ..] = covered.as_slice() else {
        panic!("{covered:?}")
    };
    let on = "2026-08-10".parse().unwrap();
    assert!(sandbox.surprise(reduced, Surprise::Reduce { to_minor: 1_000_000 }));
    assert!(sandbox.surprise(noticed, Surprise::AnnounceWithdrawal { on }));
    assert!(sandbox.surprise(withdrawn, Surprise::Withdraw));
    assert!(sandbox.surprise(expired, Surprise::Expire));
    assert!(sandbox.surprise(unknown, Surprise::UnknownCode));
    let before = sandbox.limits();
    let now = read().await;
    assert_eq!((now[reduced].decision, now[reduced].amount_minor), (Decision::Reduced, 1_000_000));
    assert_eq!(now[noticed].decision, Decision::NoticeOfWithdrawal);
    assert_eq!((now[noticed].withdrawal_on, now[noticed].amount_minor), (Some(on), before[noticed]));
    assert_eq!((now[withdrawn].decision, now[withdrawn].amount_minor), (Decision::Withdrawn, 0));
    assert!(now[expired].amount_minor > 0, "today is its last day");
    assert_eq!(now[unknown].decision, Decision::Unknown, "an unknown code keeps the record");
    assert_eq!((now[unknown].decision_code.as_str(), now[unknown].amount_minor), ("ZZ99", before[unknown]));
    let (_, records) = pull(&connection, "list_limits", None).await.unwrap();
    let codes: BTreeSet<UnknownCode> =
        records.iter().flat_map(|record| record.mapped.unknown.clone()).collect();
    assert_eq!(
        codes,
        BTreeSet::from([UnknownCode { table: "decision".to_owned(), code: "ZZ99".to_owned() }])
    );
    sandbox.set_today("2026-07-21".parse().unwrap());
    assert_eq!((read().await[expired].decision, read().await[expired].amount_minor), (Decision::Expired, 0));
    sandbox.set_today(on);
    assert_eq!(
        (read().await[noticed].decision, read().await[noticed].amount_minor),
        (Decision::Withdrawn, 0)
    );
}

fn asked(buyer: &str, action: &str, amount: u64) -> BTreeMap<String, String> {
    texts(&[
        ("insurer_buyer_id", buyer),
        ("policy", POLICY),
        ("action", action),
        ("amount", &format!("{amount}.00")),
        ("currency", "EUR"),
        ("our_reference", "ENC-42"),
    ])
}

/// A buyer without cover and without a decision.
fn free(sandbox: &Sandbox) -> String {
    let known = sandbox.limits();
    let book = Book::demo(3, DAY.parse().unwrap());
    let buyers = book.buyers.iter().map(|buyer| buyer.easy_number.clone());
    buyers
        .filter(|buyer| !known.contains_key(buyer))
        .find(|buyer| sandbox.amount_for(buyer, Action::Request, 30_000, |seen| seen.days > 0).is_some())
        .expect("the demo has a buyer whose request takes days")
}

#[tokio::test]
async fn an_order_is_followed_from_its_delivery_to_the_decision() {
    let (connection, sandbox) = insurer("coface").await;
    let buyer = free(&sandbox);
    let wish = |seen: &crate::sandbox::coface::Foreseen| seen.days > 0 && seen.total > 0;
    let amount = sandbox.amount_for(&buyer, Action::Request, 30_000, wish).unwrap();
    let sent = connection.send("request_limit", &asked(&buyer, "new", amount)).await.unwrap();
    assert_eq!(sent.outcome, Outcome::Pending, "{sent:?}");
    let reference = sent.reference.unwrap();
    let question = texts(&[("reference", &reference)]);
    let answer = connection.look_up("read_request", &question).await.unwrap();
    assert_eq!(answer, [texts(&[("status", "pending")])], "202 is no decision");
    let (_, requests) = pull(&connection, "list_requests", None).await.unwrap();
    let Mapped::Request(request) = &requests[0].mapped.outcome else { panic!("{requests:?}") };
    assert_eq!((request.reference.as_str(), request.status), (reference.as_str(), RequestStatus::Pending));
    assert_eq!(request.our_reference.as_deref(), Some("ENC-42"));
    assert_eq!(request.requested_minor, i64::try_from(amount * 100).ok());

    let again = connection.send("request_limit", &asked(&buyer, "new", amount)).await.unwrap_err();
    assert_eq!(again.verdict(), Verdict::FixData, "one order at a time: {again}");

    sandbox.set_today("2026-08-01".parse().unwrap());
    let answer = connection.look_up("read_request", &question).await.unwrap().remove(0);
    assert_eq!((answer["status"].as_str(), answer["our_reference"].as_str()), ("decided", "ENC-42"));
    let granted: i64 = sandbox.limits()[&buyer];
    assert_eq!(answer["amount"], format!("{}.0", granted / 100));
    assert_eq!(answer["insurer_buyer_id"], buyer);
    let told = connection.look_up("list_decisions", &texts(&[("policy", POLICY)])).await.unwrap();
    assert!(told.iter().any(|row| row.get("our_reference").is_some_and(|ours| ours == "ENC-42")), "{told:?}");
    assert_eq!(sandbox.accepted().len(), 1);
    assert_eq!(sandbox.accepted()[0].amount_minor, i64::try_from(amount * 100).unwrap());
    assert_eq!(sandbox.accepted()[0].asked, Asked::New);
}

#[tokio::test]
async fn an_order_that_is_taken_back_answers_without_a_body() {
    let (connection, sandbox) = insurer("coface").await;
    let buyer = free(&sandbox);
    let amount = sandbox.amount_for(&buyer, Action::Request, 30_000, |seen| seen.days > 0).unwrap();
    let sent = connection.send("request_limit", &asked(&buyer, "new", amount)).await.unwrap();
    let reference = sent.reference.unwrap();
    let question = texts(&[("reference", &reference)]);
    let back = connection.send("withdraw_request", &question).await.unwrap();
    assert_eq!((back.outcome, back.reference.as_deref()), (Outcome::Done, Some(reference.as_str())));
    let answer = connection.look_up("read_request", &question).await.unwrap();
    assert_eq!(answer, [texts(&[("status", "cancelled")])]);
    assert!(sandbox.calls().iter().any(|call| call.status == 205), "the trap was set");
    let nothing = connection.look_up("read_request", &texts(&[("reference", "PD-99")])).await.unwrap();
    assert!(nothing.is_empty(), "an order that nobody knows is none, and pauses nothing: {nothing:?}");
    let error = connection.send("withdraw_request", &question).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::FixData, "{error}");
}

#[tokio::test]
async fn limits_are_changed_refused_and_given_up() {
    let (connection, sandbox) = insurer("coface").await;
    let buyer = sandbox.limits().into_iter().find(|(_, minor)| *minor > 3_000_000).unwrap().0;
    let refused = sandbox.amount_for(&buyer, Action::Modify, 200_000, |seen| {
        seen.days == 0 && seen.code == DecisionCode::IncreaseRefused
    });
    let before = sandbox.limits()[&buyer];
    let amount = refused.expect("some increase is refused at once");
    let sent = connection.send("change_limit", &asked(&buyer, "increase", amount)).await.unwrap();
    assert_eq!((sent.outcome, sent.message.as_deref()), (Outcome::Refused, Some("INCREASE_REFUSED")));
    assert_eq!(sandbox.limits()[&buyer], before, "the cover stays");
    let sent = connection.send("change_limit", &asked(&buyer, "reduce", 20_000)).await.unwrap();
    assert_eq!((sent.outcome, sandbox.limits()[&buyer]), (Outcome::Decided, 2_000_000));
    let sent = connection.send("cancel_limit", &asked(&buyer, "cancel", 0)).await.unwrap();
    assert_eq!((sent.outcome, sandbox.limits().contains_key(&buyer)), (Outcome::Done, false));
    let asked: Vec<Asked> = sandbox.accepted().iter().map(|accepted| accepted.asked).collect();
    assert_eq!(asked, [Asked::Change, Asked::Change, Asked::Cancel]);
}

#[tokio::test]
async fn an_accident_after_an_order_was_taken_is_unknown_and_sent_once() {
    let (connection, sandbox) = insurer("coface").await;
    let buyer = free(&sandbox);
    let taken = |kind| fault(Page::Order, 1, kind);
    sandbox.fault(taken(FaultKind::ErrorAfter));
    let error = connection.send("request_limit", &asked(&buyer, "new", 30_000)).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::OutcomeUnknown, "{error}");
    assert_eq!(sandbox.accepted().len(), 1, "it was taken all the same, once");
    assert_eq!(
        sandbox.accepted()[0].reference.as_deref(),
        Some("ENC-42"),
        "and can be found by our reference"
    );
    sandbox.fault(taken(FaultKind::ErrorBefore));
    let error = connection.send("change_limit", &asked(&buyer, "increase", 90_000)).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::OutcomeUnknown, "nobody can tell the two apart: {error}");
    assert_eq!(sandbox.accepted().len(), 1);
    sandbox.fault(taken(FaultKind::TooManyRequests { retry_after_seconds: 7 }));
    let error = connection.send("change_limit", &asked(&buyer, "increase", 90_000)).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryLater { after: Some(Duration::from_secs(7)) });
}

#[tokio::test]
async fn amounts_keep_their_digits_and_easy_numbers_their_zeros_on_the_way_out() {
    let connector = load("coface", None).unwrap();
    let body = &connector.mappings.bodies["overdue"];
    for amount in ["1200.50", "0.10", "9007199254740993.01", "12345678.90"] {
        let facts = texts(&[
            ("insurer_buyer_id", "00000041001009"),
            ("kind", "OVERDUE_ACCOUNT"),
            ("number", "F-0007"),
            ("amount", amount),
            ("currency", "EUR"),
            ("due", "2026-05-31"),
        ]);
        let text = body.render(&facts, &BTreeMap::new()).unwrap().to_string();
        assert!(text.contains(&format!("\"value\":{amount}")), "{amount}: {text}");
        assert!(text.contains("\"easyNumber\":\"00000041001009\""), "{text}");
        assert!(!text.contains("null"), "what is not known is left out: {text}");
    }
}

#[tokio::test]
async fn overdues_are_declared_once_and_listed() {
    let (connection, sandbox) = insurer("coface").await;
    let buyer = sandbox.limits().into_keys().next().unwrap();
    let notice = texts(&[
        ("insurer_buyer_id", buyer.as_str()),
        ("policy", POLICY),
        ("kind", "overdue"),
        ("number", "F-0007"),
        ("amount", "1200.50"),
        ("currency", "EUR"),
        ("issued", "2026-04-30"),
        ("due", "2026-05-31"),
        ("our_reference", "ENC-9"),
    ]);
    let sent = connection.send("notify_overdue", &notice).await.unwrap();
    assert_eq!(sent.outcome, Outcome::Done);
    assert_eq!(connection.send("notify_overdue", &notice).await.unwrap_err().verdict(), Verdict::FixData);
    let listed = connection.look_up("list_notices", &texts(&[("policy", POLICY)])).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].get("reference"), listed[0]["our_reference"].as_str()),
        (sent.reference.as_ref(), "ENC-9")
    );
    let mut extension = notice.clone();
    extension.insert("kind".to_owned(), "extension".to_owned());
    let error = connection.send("notify_overdue", &extension).await.unwrap_err();
    assert!(error.to_string().contains("has no word at this partner"), "{error}");
}

#[tokio::test]
async fn a_buyer_is_found_by_country_and_identifier_and_the_policy_is_read() {
    let (connection, sandbox) = insurer("coface").await;
    let book = Book::demo(3, DAY.parse().unwrap());
    let buyer = book.buyers.iter().find(|buyer| buyer.identifier_type == "SIREN").unwrap();
    let value = buyer.identifier.clone().unwrap();
    let question = |value: &str| texts(&[("country", "FR"), ("scheme", "siren"), ("value", value)]);
    let found = connection.look_up("find_buyer", &question(&value)).await.unwrap();
    assert_eq!(found[0]["insurer_buyer_id"], buyer.easy_number);
    let query = sandbox.calls().pop().unwrap().query;
    assert_eq!(query, format!("countryCode=FRA&identifierType=SIREN_FRA&identifierValue={value}"));
    assert!(connection.look_up("find_buyer", &question("999999990")).await.unwrap().is_empty());
    assert_eq!(sandbox.billed_lookups(), 2);
    let policy = connection.look_up("policy", &texts(&[("policy", POLICY)])).await.unwrap();
    assert_eq!((policy[0]["policy"].as_str(), policy[0]["currency"].as_str()), (POLICY, "EUR"));
}

#[tokio::test]
async fn an_opinion_is_ordered_awaited_and_read() {
    let (connection, sandbox) = insurer("coface-icon").await;
    assert!(connection.pulls().is_empty(), "information is no cover: nothing lands as a limit");
    let book = Book::demo(3, DAY.parse().unwrap());
    let buyer = book.buyers.iter().find(|buyer| buyer.dra >= 8 && buyer.identifier_type == "SIREN").unwrap();
    let question = |value: &str| texts(&[("country", "FR"), ("scheme", "siren"), ("value", value)]);
    let found =
        connection.look_up("find_buyer", &question(buyer.identifier.as_deref().unwrap())).await.unwrap();
    assert_eq!(found[0]["insurer_buyer_id"], buyer.company_id);
    let query = sandbox.calls().pop().unwrap().query;
    assert!(query.contains("externalId=registration-number%23"), "# is encoded once: {query}");
    assert!(
        connection.look_up("find_buyer", &question("999999990")).await.unwrap().is_empty(),
        "404 is nobody"
    );

    let order = texts(&[
        ("insurer_buyer_id", buyer.company_id.as_str()),
        ("product", "credit-opinion"),
        ("amount", "50000"),
        ("currency", "EUR"),
        ("our_reference", "ENC-R"),
    ]);
    let sent = connection.send("order_report", &order).await.unwrap();
    assert_eq!(sent.outcome, Outcome::Pending);
    let reading = texts(&[("reference", sent.reference.as_deref().unwrap())]);
    sandbox.set_today("2026-07-19".parse().unwrap());
    let answer = connection.look_up("read_report", &reading).await.unwrap();
    assert_eq!(answer, [texts(&[("status", "pending")])], "202 is no content");
    sandbox.set_today("2026-07-24".parse().unwrap());
    let answer = connection.look_up("read_report", &reading).await.unwrap().remove(0);
    assert_eq!((answer["status"].as_str(), answer["rating"].as_str()), ("decided", "R"));
    assert_eq!((answer["amount"].as_str(), answer["currency"].as_str()), ("50000.0", "EUR"));
    assert_eq!(
        sandbox.limits(),
        Sandbox::new(Book::demo(3, "2026-07-24".parse().unwrap())).limits(),
        "no cover came of it"
    );

    let mut uneven = order.clone();
    uneven.insert("amount".to_owned(), "50001".to_owned());
    let error = connection.send("order_report", &uneven).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::FixData, "{error}");
    assert!(error.to_string().contains("round value"), "{error}");
}

#[tokio::test]
async fn an_opinion_that_was_cancelled_is_told_by_205_or_400_and_pauses_nothing() {
    let (connection, sandbox) = insurer("coface-icon").await;
    let book = Book::demo(3, DAY.parse().unwrap());
    let gone = book.buyers.iter().find(|buyer| buyer.dra == 0).unwrap();
    let mut references = Vec::new();
    for _ in 0..8 {
        let order =
            texts(&[("insurer_buyer_id", gone.company_id.as_str()), ("product", "debtor-risk-assessment")]);
        references.extend(connection.send("order_report", &order).await.unwrap().reference);
    }
    sandbox.set_today("2026-07-30".parse().unwrap());
    for reference in references {
        let answer = connection.look_up("read_report", &texts(&[("reference", &reference)])).await.unwrap();
        assert_eq!(answer, [texts(&[("status", "cancelled")])]);
    }
    let statuses: BTreeSet<u16> = sandbox
        .calls()
        .iter()
        .filter(|call| call.path.ends_with("/publications"))
        .map(|call| call.status)
        .collect();
    assert_eq!(statuses, BTreeSet::from([205, 400]), "both traps were set");
}

#[tokio::test]
async fn notifications_are_read_page_by_page() {
    let (connection, sandbox) = insurer("coface-icon").await;
    let book = Book::demo(3, DAY.parse().unwrap());
    let changing = book.buyers.iter().filter(|buyer| buyer.story.len() > 1);
    let mut watched = 0;
    for buyer in changing {
        for product in ["debtor-risk-assessment", "credit-opinion", "advanced-opinion"] {
            let order = texts(&[
                ("insurer_buyer_id", buyer.company_id.as_str()),
                ("product", product),
                ("from", "2026-07-01"),
                ("our_reference", "ENC-M"),
            ]);
            assert_eq!(connection.send("order_monitoring", &order).await.unwrap().outcome, Outcome::Done);
            watched += 1;
        }
    }
    sandbox.set_today("2027-06-01".parse().unwrap());
    let between = texts(&[("from", "2026-07-01"), ("until", "2027-06-01")]);
    let rows = connection.look_up("list_notifications", &between).await.unwrap();
    assert!(rows.len() > 20 && watched > 20, "more than one page of 20: {}", rows.len());
    let ranges: Vec<String> = sandbox
        .calls()
        .iter()
        .filter(|call| call.path.ends_with("/notifications"))
        .map(|call| call.query.rsplit('=').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(ranges[..2], ["0-19".to_owned(), "20-39".to_owned()], "both ends are meant");
    let ids: BTreeSet<&String> = rows.iter().filter_map(|row| row.get("reference")).collect();
    assert_eq!(ids.len(), rows.len(), "each once");
    assert!(rows.iter().all(|row| row["our_reference"] == "ENC-M"));
}

#[tokio::test]
async fn a_refused_password_is_shown_once_however_often_one_asks() {
    for id in ["coface", "coface-icon"] {
        let sandbox = Sandbox::new(Book::demo(3, DAY.parse().unwrap()));
        let url = served(&sandbox).await;
        let connection = connected(id, &url, "not-the-password");
        let ask = || async {
            if id == "coface" {
                pull(&connection, "list_limits", None).await.unwrap_err()
            } else {
                let question = texts(&[("from", "2026-07-01"), ("until", "2026-07-02")]);
                connection.look_up("list_notifications", &question).await.unwrap_err()
            }
        };
        let together = tokio::join!(ask(), ask(), ask(), ask(), ask(), ask());
        for error in [together.0, together.1, together.2, together.3, together.4, together.5, ask().await] {
            assert_eq!(error.verdict(), Verdict::FixConfiguration, "{error}");
            assert!(error.to_string().contains("password"), "it names what to mend: {error}");
        }
        assert_eq!((sandbox.refused_logins(), sandbox.is_locked()), (1, false), "{id}");
    }
}

/// Two connections of one company at the same insurer, a ledger on disk, and the wrong password.
async fn company(folder: &std::path::Path, url: &str) -> crate::engine::Setup {
    let text = format!(
        "[company]\nid = \"exemple\"\nname = \"Exemple SAS\"\ncountry = \"FR\"\n\n[ledger]\nurl = \"sqlite:ledger.db\"\n\n\
         [[connection]]\nid = \"insurer\"\nconnector = \"coface\"\nurl = \"{url}\"\n[connection.settings]\n\
         username = \"sandbox-user\"\npassword = \"not-the-password\"\napi_key = \"sandbox-key\"\npolicy_number = \"{POLICY}\"\n\n\
         [[policy]]\nnumber = \"{POLICY}\"\nconnection = \"insurer\"\nvalid_from = \"2026-01-01\"\ninsured_percentage = \"90\"\n"
    );
    let file = folder.join("encours.toml");
    std::fs::write(&file, text).unwrap();
    let config = crate::config::Config::load(&file).unwrap_or_else(|problems| panic!("{}", problems[0]));
    crate::engine::Setup::open(&config).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn a_month_of_cycles_and_a_restart_each_day_show_a_refused_password_once() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sandbox = Sandbox::new(Book::demo(3, DAY.parse().unwrap()));
    let url = served(&sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let options = CycleOptions::default();
    for day in 1..=30 {
        let setup = company(folder.path(), &url).await; // the process starts anew each day
        for _ in 0..3 {
            let on = format!("2026-07-{day:02}").parse().unwrap();
            cycle(&setup, on, &options, &|_| {}).await.unwrap();
        }
    }
    let logins = sandbox.calls().iter().filter(|call| call.path.ends_with("/token")).count();
    assert_eq!((sandbox.refused_logins(), logins, sandbox.is_locked()), (1, 1, false));

    // A person who tries again without mending it costs one more, and still nothing is locked.
    let setup = company(folder.path(), &url).await;
    let options = CycleOptions { retry_paused: true, ..CycleOptions::default() };
    cycle(&setup, "2026-07-31".parse().unwrap(), &options, &|_| {}).await.unwrap();
    assert_eq!((sandbox.refused_logins(), sandbox.is_locked()), (2, false));
}

#[test]
fn an_outcome_of_a_look_up_is_checked_where_it_stands() {
    let manifest = |operation: &str| {
        format!(
            "[connector]\nid = \"shop\"\nname = \"Shop\"\nrole = \"insurer\"\ntransport = \"http\"\nstatus = \"unverified\"\n{operation}"
        )
    };
    let told =
        |operation: &str| super::manifest::user_connector(&manifest(operation), &[]).unwrap_err().to_string();
    let decisions = "[operations.list_decisions]\nget = \"/d\"\nrecords = \".\"\nfields = { code = \"c\" }\n";
    let problem = told(&format!("{decisions}outcome = [{{ status = 202, is = \"pending\" }}]\n"));
    assert!(problem.contains(":11:11"), "{problem}");
    assert!(
        problem.contains("\"pending\" goes into the field \"status\", which list_decisions does not have"),
        "{problem}"
    );
    let problem = told(&format!("{decisions}outcome = [{{ status = 404, is = \"done\" }}]\n"));
    assert!(problem.contains("pending, decided, cancelled, nothing"), "{problem}");
    let fits = format!("{decisions}outcome = [{{ status = 404, is = \"nothing\" }}]\n");
    assert!(super::manifest::user_connector(&manifest(&fits), &[]).is_ok());
}
