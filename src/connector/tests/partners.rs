//! The built-in connectors over HTTP: against the simulator, and against a real Tryton where one runs.

use super::*;
use crate::format::json;
use crate::mapping::Outcome as Mapped;
use crate::model::Decision;
use crate::sandbox::atradius::{
    Action, DecisionCode, Fault, FaultKind, On, Operation as Page, Sandbox, Setup as Book,
};
use crate::transport::Verdict;
use crate::transport::http::{Call, Effect, Method};

pub(super) async fn insurer() -> (Connection, Sandbox) {
    let book = Book::demo(3, "2026-07-20".parse().unwrap());
    let settings = [
        ("client_id", book.client_id.clone()),
        ("client_secret", book.client_secret.clone()),
        ("app_key", book.app_key.clone()),
        ("customer_id", book.customer_id.to_string()),
        ("policy_id", book.policy_id.clone()),
    ];
    let sandbox = Sandbox::new(book);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
    let settings: Vec<_> = settings.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut connector = load("atradius", None).unwrap();
    connector.manifest.limit.period = std::time::Duration::from_millis(1);
    (Connection::new(setup(connector, &settings, Some(&url))).unwrap(), sandbox)
}

#[tokio::test]
async fn the_portfolio_of_the_simulator_is_read_to_the_unit() {
    let (connection, sandbox) = insurer().await;
    sandbox.fault(Fault { on: Some(On::Operation(Page::Covers)), times: 1, kind: FaultKind::Unavailable });
    let (pulled, records) = pull(&connection, "list_limits", None).await.unwrap();
    assert_eq!(pulled.mode, Mode::Snapshot);
    let mut covers = BTreeMap::new();
    for record in &records {
        let Mapped::Limit(limit) = &record.mapped.outcome else { panic!("{record:?}") };
        assert_ne!(limit.decision, Decision::Unknown);
        covers.insert(
            limit.insurer_buyer_id.parse::<u64>().unwrap(),
            u64::try_from(limit.amount_minor).unwrap() / 100,
        );
    }
    assert_eq!(covers, sandbox.covers_snapshot());
    assert!(sandbox.calls().iter().all(|call| call.correlation_id.is_some()), "every call says who asks");
}

#[tokio::test]
async fn the_decisions_that_stand_are_those_of_the_portfolio() {
    let (connection, sandbox) = insurer().await;
    let decisions = connection.look_up("list_decisions", &texts(&[("policy", "900123")])).await.unwrap();
    let field = |row: &BTreeMap<String, String>, name: &str| row.get(name).cloned().unwrap_or_default();
    assert!(
        decisions
            .iter()
            .all(|row| field(row, "code").starts_with("DC") && !field(row, "reference").is_empty())
    );
    let decided: BTreeMap<u64, u64> = decisions
        .iter()
        .map(|row| {
            (field(row, "insurer_buyer_id").parse().unwrap(), field(row, "amount").parse().unwrap_or(0))
        })
        .collect();
    assert_eq!(decided, sandbox.covers_snapshot());
}

#[tokio::test]
async fn what_is_asked_of_the_simulator_is_decided_referred_or_refused() {
    let (connection, sandbox) = insurer().await;
    let policy = connection.look_up("policy", &texts(&[("policy", "900123")])).await.unwrap();
    assert_eq!(policy[0].get("currency").map(String::as_str), Some("EUR"));
    let buyer = *sandbox.covers_snapshot().iter().find(|(_, amount)| **amount > 0).unwrap().0;
    let id = buyer.to_string();
    let ask = |operation: &'static str, action: &'static str, amount: u64| {
        let (connection, id) = (connection.clone(), id.clone());
        async move {
            let amount = format!("{amount}.00");
            let facts = [
                ("insurer_buyer_id", id.as_str()),
                ("policy", "900123"),
                ("action", action),
                ("amount", &amount),
                ("currency", "EUR"),
                ("our_reference", "ENC-42"),
            ];
            connection.send(operation, &texts(&facts)).await
        }
    };
    let error = ask("request_limit", "new", 10_000).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::FixData);
    assert!(error.to_string().contains("already exists for this buyer"), "{error}");
    assert_eq!(
        ask("change_limit", "increase", 10_500).await.unwrap_err().verdict(),
        Verdict::FixData,
        "not a multiple of 1000"
    );

    let referred = sandbox.amount_for(buyer, Action::Supersede, 10_000, |seen| seen.days > 0);
    let refused = sandbox.amount_for(buyer, Action::Supersede, 10_000, |seen| {
        seen.days == 0 && seen.codes == [DecisionCode::Dc05]
    });
    for (amount, outcome) in [(refused, Outcome::Refused), (referred, Outcome::Pending)] {
        let Some(amount) = amount else { continue };
        let sent = ask("change_limit", "increase", amount).await.unwrap();
        assert_eq!(sent.outcome, outcome, "{sent:?}");
        assert!(sent.reference.is_some());
    }
    let (_, requests) = pull(&connection, "list_requests", None).await.unwrap();
    let ours = requests.iter().any(|record| matches!(&record.mapped.outcome, Mapped::Request(request) if request.our_reference.as_deref() == Some("ENC-42")));
    assert!(ours, "what is pending is found again by our reference");
    assert_eq!(ask("cancel_limit", "cancel", 0).await.unwrap().outcome, Outcome::Done);
}

#[tokio::test]
async fn an_accident_after_the_simulator_accepted_is_unknown_and_sent_once() {
    let (connection, sandbox) = insurer().await;
    let covered = sandbox.covers_snapshot();
    let buyer = covered.iter().find(|(_, amount)| **amount > 20_000).unwrap().0.to_string();
    let facts = texts(&[
        ("insurer_buyer_id", &buyer),
        ("policy", "900123"),
        ("action", "reduce"),
        ("amount", "10000.00"),
        ("currency", "EUR"),
    ]);
    sandbox.fault(Fault { on: Some(On::Operation(Page::Change)), times: 1, kind: FaultKind::ErrorAfter });
    let error = connection.send("change_limit", &facts).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::OutcomeUnknown, "{error}");
    assert_eq!(sandbox.covers_snapshot()[&buyer.parse().unwrap()], 10_000, "it was accepted all the same");
    sandbox.fault(Fault { on: Some(On::Operation(Page::Change)), times: 1, kind: FaultKind::ExpiredToken });
    let further = facts.into_iter().chain(texts(&[("amount", "5000.00")])).collect();
    connection.send("change_limit", &further).await.unwrap();
    let puts: Vec<u16> =
        sandbox.calls().iter().filter(|call| call.method == "PUT").map(|call| call.status).collect();
    assert_eq!(puts.len(), 3, "once, then a refused session and its repetition: {puts:?}");
}

#[tokio::test]
async fn the_simulator_finds_a_buyer_by_its_siren_for_a_fee() {
    let (connection, sandbox) = insurer().await;
    let (_, records) = pull(&connection, "list_limits", None).await.unwrap();
    let known = records.iter().find_map(|record| {
        let Mapped::Limit(limit) = &record.mapped.outcome else { return None };
        let siren = limit.identifiers.iter().find(|id| id.scheme.as_str() == "siren")?;
        Some((limit.insurer_buyer_id.clone(), siren.value.clone()))
    });
    let (id, siren) = known.unwrap();
    let found = connection
        .look_up("find_buyer", &texts(&[("country", "FR"), ("scheme", "siren"), ("value", &siren)]))
        .await
        .unwrap();
    assert_eq!(found[0]["insurer_buyer_id"], id);
    assert_eq!(sandbox.billed_lookups(), 1);
    let facts = texts(&[("country", "FR"), ("scheme", "siren"), ("value", &siren)]);
    for (billed, kind) in [(2, FaultKind::ErrorAfter), (3, FaultKind::Truncated), (3, FaultKind::Unavailable)]
    {
        sandbox.fault(Fault { on: Some(On::Operation(Page::FindBuyer)), times: 1, kind });
        let error = connection.look_up("find_buyer", &facts).await.unwrap_err();
        assert_eq!(
            (error.verdict(), sandbox.billed_lookups()),
            (Verdict::OutcomeUnknown, billed),
            "{kind:?}: {error}"
        );
    }
    let error = connection
        .look_up("find_buyer", &texts(&[("country", "XX"), ("scheme", "siren"), ("value", &siren)]))
        .await
        .unwrap_err();
    assert_eq!((error.verdict(), sandbox.billed_lookups()), (Verdict::FixData, 3), "{error}");
}

/// A connection to the Tryton that `scripts/services env` names. Without one the test fails; it is never passed over.
#[allow(clippy::disallowed_methods, reason = "tests are told by the environment where the services run")]
fn tryton(database: impl Fn(&dyn Fn(&str) -> Option<String>) -> Option<String>) -> Connection {
    let variable = |name: &str| std::env::var(format!("ENCOURS_TEST_TRYTON_{name}")).ok();
    let told = || Some((database(&variable)?, variable("USER")?, variable("PASSWORD")?, variable("URL")?));
    let (database, user, password, url) =
        told().expect("no Tryton is announced in the environment: run scripts/test");
    let settings = [("database", database.as_str()), ("user", &user), ("password", &password)];
    Connection::new(setup(load("tryton", None).unwrap(), &settings, Some(&url))).unwrap()
}

/// What each party owes, as the ERP adds it up itself: cents of the company's currency, by the party's number.
async fn receivable(connection: &Connection) -> BTreeMap<String, i64> {
    let body = r#"{"id":1,"method":"model.party.party.search_read","params":[[],0,null,null,["receivable"],{"company":1}]}"#;
    let call = Call {
        operation: "test",
        effect: Effect::Read,
        method: Method::Post,
        path: format!("/{}/rpc/", connection.settings["database"]),
        query: Vec::new(),
        body: Some(json::parse(body.as_bytes()).unwrap()),
        headers: Vec::new(),
    };
    let answer: serde_json::Value =
        serde_json::from_str(&connection.http.as_ref().unwrap().call(&call).await.unwrap().body.to_string())
            .unwrap();
    let cents = |text: &str| {
        crate::model::parse_minor(text, Currency::EUR, crate::model::NumberStyle::Point).unwrap()
    };
    let parties = answer["result"].as_array().unwrap().iter();
    parties
        .map(|party| (party["id"].to_string(), cents(party["receivable"]["decimal"].as_str().unwrap())))
        .collect()
}

#[tokio::test]
async fn a_real_tryton_owes_what_its_own_balance_says() {
    let connection = tryton(|variable| variable("DB"));
    let (customers, accounts) = pull(&connection, "customers", None).await.unwrap();
    assert!(accounts.len() > 5 && customers.cursor.is_some());
    let mut open: BTreeMap<String, i64> = BTreeMap::new();
    let mut foreign = BTreeSet::new();
    let mut cursor = None;
    for operation in ["invoices", "receipts"] {
        let (pulled, records) = pull(&connection, operation, None).await.unwrap();
        assert_eq!(pulled.mode, Mode::Snapshot);
        for record in &records {
            let Mapped::Item(item) = &record.mapped.outcome else { panic!("{record:?}") };
            *open.entry(item.item.account.clone()).or_default() += record.mapped.control.1;
            if item.item.currency != Currency::EUR {
                foreign.insert(item.item.account.clone());
            }
        }
        cursor = pulled.cursor.or(cursor);
    }
    // An account with foreign invoices is held in its own currency here, in the company's there.
    let theirs = receivable(&connection).await;
    let compared: Vec<_> = open.iter().filter(|(account, _)| !foreign.contains(*account)).collect();
    assert!(compared.len() > 3, "{open:?}");
    for (account, minor) in compared {
        assert_eq!(Some(minor), theirs.get(account), "account {account}");
    }
    assert!(
        theirs.iter().all(|(account, minor)| *minor == 0 || open.contains_key(account)),
        "nobody who owes is missing"
    );

    let (since, _) = pull(&connection, "invoices", cursor.as_deref()).await.unwrap();
    assert_eq!(
        (since.mode, since.cursor),
        (Mode::Incremental, cursor),
        "the cursor is understood, and stays"
    );
    let (later, records) = pull(&connection, "invoices", Some("2999-01-01T00:00:00.000000")).await.unwrap();
    assert_eq!((later.read, records.len()), (0, 0));
    let (_, allocations) = pull(&connection, "allocations", None).await.unwrap();
    assert!(
        allocations.len() > 5
            && allocations.iter().all(|record| matches!(record.mapped.outcome, Mapped::Allocation(_)))
    );
}

#[tokio::test]
async fn a_limit_is_written_into_a_real_tryton_over_the_version_that_was_read() {
    let spare = |variable: &dyn Fn(&str) -> Option<String>| {
        variable("SPARES")?.split(' ').next_back().map(str::to_owned)
    };
    let connection = tryton(spare);
    let account = "2";
    let read = || async {
        connection.look_up("read_limit", &texts(&[("account", account)])).await.unwrap().remove(0)
    };
    let before = read().await;
    assert_eq!(before["currency"], "EUR");
    let facts =
        texts(&[("account", account), ("kind", "set"), ("amount", "12345.67"), ("stamp", &before["stamp"])]);
    assert_eq!(connection.send("write_limit", &facts).await.unwrap().outcome, Outcome::Done);
    assert_eq!(read().await["amount"], "12345.67");
    let error = connection.send("write_limit", &facts).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryLater { after: None }, "somebody else wrote: {error}");
    for (facts, why) in [
        (texts(&[("account", account), ("kind", "set"), ("amount", "1.001")]), "number of digits"),
        (texts(&[("account", account), ("kind", "set")]), "the amount is not given"),
        (texts(&[("account", account), ("kind", "block")]), "write a limit of 0"),
    ] {
        let error = connection.send("write_limit", &facts).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    connection.send("write_limit", &texts(&[("account", account), ("kind", "remove")])).await.unwrap();
    assert_eq!(read().await.get("amount"), None, "no limit is not a limit of 0");
    let back = texts(&[("account", account), ("kind", "set"), ("amount", &before["amount"])]);
    connection.send("write_limit", &back).await.unwrap();
    assert_eq!(read().await["amount"], before["amount"]);
}

#[tokio::test]
async fn a_real_tryton_that_refuses_the_password_is_asked_once() {
    let connection = tryton(|variable| variable("DB"));
    let mut settings = connection.settings.clone();
    settings.insert("password".to_owned(), "not-the-password".to_owned());
    let settings: Vec<_> = settings.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let wrong =
        Connection::new(setup(load("tryton", None).unwrap(), &settings, connection.base_url.as_deref()))
            .unwrap();
    for _ in 0..2 {
        let error = pull(&wrong, "customers", None).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::FixConfiguration, "{error}");
        assert!(
            error.to_string().contains("password, user") || error.to_string().contains("user, password"),
            "{error}"
        );
    }
}
