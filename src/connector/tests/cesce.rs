//! The connector that is a folder and nothing else, against the simulator.

use super::*;
use crate::mapping::Outcome as Mapped;
use crate::sandbox::cesce::{Sandbox, Setup as Book};
use crate::sandbox::fault::{Calls, FaultKind};
use crate::sandbox::insurer::{Insurer as _, Surprise};
use crate::transport::Verdict;

const CONTRACT: &str = "30004711";

async fn insurer(password: &str) -> (Connection, Sandbox) {
    let mut book = Book::demo(1, "2026-07-10".parse().unwrap());
    book.password = "of a form: a&b=ü +%2B".to_owned();
    let settings = [
        ("client_id", book.client_id.clone()),
        ("client_secret", book.client_secret.clone()),
        ("username", book.username.clone()),
        ("password", if password.is_empty() { book.password.clone() } else { password.to_owned() }),
        ("contract_no", book.contract_no.clone()),
    ];
    let sandbox = Sandbox::new(book);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = sandbox.router();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let settings: Vec<_> = settings.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut connector = load("cesce", None).unwrap();
    connector.manifest.limit.period = std::time::Duration::from_millis(1);
    (Connection::new(setup(connector, &settings, Some(&url))).unwrap(), sandbox)
}

async fn covered(connection: &Connection) -> BTreeMap<String, i64> {
    let (pulled, records) = pull(connection, "list_limits", None).await.unwrap();
    assert_eq!(pulled.mode, Mode::Snapshot);
    let limit = |record: &PulledRecord| {
        let Mapped::Limit(limit) = &record.mapped.outcome else { panic!("{record:?}") };
        (limit.insurer_buyer_id.clone(), limit.amount_minor)
    };
    let all: Vec<_> = records.iter().map(limit).collect();
    let once: BTreeMap<_, _> = all.iter().cloned().collect();
    assert_eq!(once.len(), all.len(), "one limit a debtor");
    once
}

fn asked<'a>(debtor: &'a str, amount: &'a str, reference: &'a str) -> BTreeMap<String, String> {
    texts(&[
        ("insurer_buyer_id", debtor),
        ("policy", CONTRACT),
        ("action", "new"),
        ("amount", amount),
        ("currency", "EUR"),
        ("our_reference", reference),
    ])
}

#[tokio::test]
async fn what_is_covered_at_cesce_is_read_to_the_cent_on_every_day() {
    let (connection, sandbox) = insurer("").await;
    let start = sandbox.today();
    sandbox.spoil(Calls::Read, 2, FaultKind::TooManyRequests { retry_after_seconds: 0 });
    for days in 0..45 {
        sandbox.set_today(start + chrono::Days::new(days));
        assert_eq!(covered(&connection).await, sandbox.limits(), "day {days}");
        let buyer = format!("D{:07}", 101 + days % 24);
        sandbox.surprise(
            &buyer,
            match days % 5 {
                0 => Surprise::Reduce { to_minor: 12_345 },
                1 => Surprise::AnnounceWithdrawal { on: start + chrono::Days::new(days + 4) },
                2 => Surprise::Withdraw,
                3 => Surprise::Expire,
                _ => Surprise::UnknownCode,
            },
        );
        connection
            .send("request_limit", &asked(&buyer, "50000.50", &format!("ENC-{days}")))
            .await
            .map_or_else(|error| assert_eq!(error.verdict(), Verdict::FixData, "{error}"), |_| ());
        sandbox.spoil(Calls::Read, 1, if days % 2 == 0 { FaultKind::Repeated } else { FaultKind::Reordered });
    }
    assert!(sandbox.accepted().len() > 30);
}

#[tokio::test]
async fn what_is_asked_of_cesce_is_decided_refused_or_in_process_and_found_again() {
    let (connection, sandbox) = insurer("").await;
    let free: Vec<String> = [107, 108, 115, 116, 123, 124].iter().map(|n| format!("D{n:07}")).collect();
    let mut seen = BTreeSet::new();
    for (step, buyer) in free.iter().cycle().take(48).enumerate() {
        let amount = (i64::try_from(step).unwrap() + 1) * 400_000;
        let (days, granted) = sandbox.foresee(buyer, amount).unwrap();
        let expected = match (days, granted) {
            (0, Some(_)) => Outcome::Decided,
            (0, None) => Outcome::Refused,
            _ => Outcome::Pending,
        };
        let text = format!("{}.00", amount / 100);
        let reference = format!("ENC-{step}");
        let sent = connection.send("request_limit", &asked(buyer, &text, &reference)).await;
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                assert!(error.to_string().contains("in process"), "{error}");
                continue;
            }
        };
        assert_eq!(sent.outcome, expected, "{sent:?}");
        seen.insert(sent.outcome.as_str());
        let listed = if expected == Outcome::Pending {
            let (_, requests) = pull(&connection, "list_requests", None).await.unwrap();
            requests.iter().any(|record| {
                matches!(&record.mapped.outcome, Mapped::Request(request)
                if request.our_reference.as_deref() == Some(reference.as_str())
                    && Some(&request.reference) == sent.reference.as_ref()
                    && request.requested_minor == Some(amount))
            })
        } else {
            let decisions =
                connection.look_up("list_decisions", &texts(&[("policy", CONTRACT)])).await.unwrap();
            decisions.iter().any(|row| row.get("our_reference") == Some(&reference))
        };
        assert!(listed, "{reference} is found again");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["decided", "pending", "refused"]);

    let found = connection
        .look_up("find_buyer", &texts(&[("country", "ES"), ("scheme", "registration"), ("value", "none")]))
        .await
        .unwrap();
    assert_eq!(found, []);
    let (_, records) = pull(&connection, "list_limits", None).await.unwrap();
    let known = records.iter().find_map(|record| {
        let Mapped::Limit(limit) = &record.mapped.outcome else { return None };
        (limit.identifiers[0].scheme.as_str() == "siren").then(|| limit.clone())
    });
    let known = known.unwrap();
    let question = [("country", "FR"), ("scheme", "siren"), ("value", known.identifiers[0].value.as_str())];
    let found = connection.look_up("find_buyer", &texts(&question)).await.unwrap();
    assert_eq!(found[0]["insurer_buyer_id"], known.insurer_buyer_id);

    let cancelled = connection.send("cancel_limit", &asked("D0000101", "0.00", "ENC-X")).await.unwrap();
    assert_eq!(cancelled.outcome, Outcome::Done);
    assert_eq!(covered(&connection).await["D0000101"], 0);
}

#[tokio::test]
async fn turnover_and_non_payments_arrive_once_and_in_cents() {
    let (connection, sandbox) = insurer("").await;
    let sale = |method: &str, amount: &str| {
        texts(&[
            ("policy", CONTRACT),
            ("method", method),
            ("period", "2026-06"),
            ("insurer_buyer_id", "D0000101"),
            ("buyer_country", "ES"),
            ("amount", amount),
            ("terms_days", "60"),
            ("currency", "EUR"),
            ("our_reference", "ENC-S1"),
        ])
    };
    assert_eq!(
        connection.send("report_exposure", &sale("turnover", "1234.56")).await.unwrap().outcome,
        Outcome::Done
    );
    let error = connection.send("report_exposure", &sale("balance", "1234.56")).await.unwrap_err();
    assert!(error.to_string().contains("turnover"), "{error}");
    let error = connection.send("report_exposure", &sale("turnover", "-5000.00")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::FixData);
    assert!(error.to_string().contains("credit note must follow"), "{error}");
    sandbox.spoil(Calls::Write, 1, FaultKind::ErrorAfter);
    let error = connection.send("report_exposure", &sale("turnover", "-34.56")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::OutcomeUnknown);
    let amounts: Vec<_> = sandbox.sales().iter().map(|sale| (sale.amount_minor, sale.terms_days)).collect();
    assert_eq!(amounts, [(123_456, Some(60)), (-3_456, Some(60))]);

    let notice = |kind: &str| {
        texts(&[
            ("insurer_buyer_id", "D0000101"),
            ("policy", CONTRACT),
            ("kind", kind),
            ("number", "F-17"),
            ("amount", "450.10"),
            ("total", "1200.00"),
            ("currency", "EUR"),
            ("issued", "2026-04-01"),
            ("due", "2026-05-31"),
            ("our_reference", "ENC-N1"),
        ])
    };
    let sent = connection.send("notify_overdue", &notice("overdue")).await.unwrap();
    assert_eq!(sent.outcome, Outcome::Done);
    assert!(connection.send("notify_overdue", &notice("extension")).await.is_err(), "a person declares it");
    let notices = connection.look_up("list_notices", &texts(&[("policy", CONTRACT)])).await.unwrap();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].get("our_reference").map(String::as_str), Some("ENC-N1"));
    assert_eq!(notices[0].get("reference"), sent.reference.as_ref());
    assert_eq!(sandbox.non_payments()[0].unpaid_minor, 45_010);
}

#[tokio::test]
async fn a_password_that_cesce_refuses_is_shown_once() {
    let (connection, sandbox) = insurer("not & the = password").await;
    for _ in 0..2 {
        let error = pull(&connection, "list_limits", None).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::FixConfiguration, "{error}");
        assert!(error.to_string().contains("password"), "{error}");
    }
    assert_eq!(sandbox.calls().len(), 1);
}
