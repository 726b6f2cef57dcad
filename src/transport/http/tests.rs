//! A small partner that misbehaves on command.

use std::sync::Mutex;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap as Headers, Uri};
use axum::response::{IntoResponse, Response};

use super::*;
use crate::transport::JsonTemplate;

type Handler = Box<dyn Fn(usize, &Seen) -> Response + Send + Sync>;

/// A call as the partner saw it.
#[derive(Debug, Clone)]
struct Seen {
    path: String,
    authorization: String,
    correlation: String,
    body: String,
}

struct Partner {
    handler: Handler,
    seen: Mutex<Vec<Seen>>,
}

async fn serve(State(partner): State<Arc<Partner>>, uri: Uri, headers: Headers, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).map_or_else(String::new, |v| v.to_str().unwrap().to_owned());
    let seen = Seen {
        path: uri.to_string(),
        authorization: header("authorization"),
        correlation: header("x-correlation"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let count = {
        let mut all = partner.seen.lock().unwrap();
        all.push(seen.clone());
        all.iter().filter(|other| other.path == seen.path).count()
    };
    (partner.handler)(count, &seen)
}

/// Starts a partner; the handler is given how often the path was called, this call included.
async fn partner(
    handler: impl Fn(usize, &Seen) -> Response + Send + Sync + 'static,
) -> (Arc<Partner>, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let partner = Arc::new(Partner { handler: Box::new(handler), seen: Mutex::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(serve).with_state(Arc::clone(&partner));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (partner, url)
}

impl Partner {
    fn paths(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.path.clone()).collect()
    }
}

fn template(text: &str) -> Template {
    Template::parse(text).unwrap()
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn token() -> Token {
    Token {
        request: TokenRequest {
            base: None,
            method: Method::Post,
            path: template("/login"),
            basic: Some(template("Basic {base64:user:password}")),
            headers: Vec::new(),
            query: Vec::new(),
            json: Some(JsonTemplate::Table(vec![("user".into(), JsonTemplate::Text(template("{user}")))])),
            form: Vec::new(),
        },
        values: vec![("token".to_owned(), path("data.token"))],
        headers: vec![("Authorization".to_owned(), template("Bearer {token}"))],
        lifetime: Lifetime::At(path("data.expires_in")),
        refused_status: Vec::new(),
        refused_when_absent: Some(path("data.token")),
    }
}

fn config(url: &str, auth: Auth) -> Config {
    Config {
        connection: "test".to_owned(),
        base_url: url.to_owned(),
        settings: [("user", "ann"), ("password", "s3cret-value")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
        secrets: vec!["password".to_owned()],
        headers: vec![("X-Correlation".to_owned(), template("{uuid}"))],
        auth,
        limit: Limit { period: Duration::from_millis(1), in_flight: 4 },
        retries: 3,
        first_delay: Duration::from_millis(5),
        timeout: Duration::from_secs(5),
        answer_bytes_max: 10_000,
        errors: ErrorRules {
            message: vec![path("error[0]"), path("errors[0].detail")],
            reference: Some("x-reference".to_owned()),
            when: vec![path("error")],
            verdicts: vec![(
                Test { path: vec![path("error[0]")], matches: Some("stale".to_owned()), ..Test::default() },
                Verdict::RetryLater { after: None },
            )],
        },
    }
}

fn client(url: &str, auth: Auth) -> Client {
    Client::new(config(url, auth)).unwrap()
}

fn call(effect: Effect, path: &str) -> Call<'static> {
    let (method, body) = match effect {
        Effect::Read | Effect::Billed => (Method::Get, None),
        Effect::Write => {
            (Method::Post, Some(json::object([("a".to_owned(), json::number("1.10").unwrap())])))
        }
    };
    Call {
        operation: "test",
        effect,
        method,
        path: path.to_owned(),
        query: Vec::new(),
        body,
        headers: Vec::new(),
    }
}

fn ok(body: &'static str) -> Response {
    body.into_response()
}

fn status(code: u16, body: &'static str) -> Response {
    (StatusCode::from_u16(code).unwrap(), body).into_response()
}

fn issue(count: usize, lifetime: u64) -> Response {
    format!("{{\"data\":{{\"token\":\"t{count}\",\"expires_in\":{lifetime}}}}}").into_response()
}

#[tokio::test]
async fn one_login_serves_many_calls_and_is_renewed_before_its_end() {
    let (partner, url) = partner(|count, seen| match seen.path.as_str() {
        "/login" => issue(count, if count == 1 { 1000 } else { 0 }),
        _ => ok("{}"),
    })
    .await;
    let client = client(&url, Auth::Token(Box::new(token())));
    for _ in 0..3 {
        client.call(&call(Effect::Read, "/a")).await.unwrap();
    }
    assert_eq!(partner.paths(), ["/login", "/a", "/a", "/a"]);
    let seen = partner.seen.lock().unwrap().clone();
    assert_eq!(seen[0].authorization, "Basic YW5uOnMzY3JldC12YWx1ZQ==");
    assert_eq!(seen[0].body, r#"{"user":"ann"}"#);
    assert_eq!(seen[1].authorization, "Bearer t1");
    assert_eq!(seen[1].correlation.len(), 36);
    assert_ne!(seen[1].correlation, seen[2].correlation, "each call has its own correlation id");

    client.inner.credential.sessions.forget(1).await;
    client.call(&call(Effect::Read, "/b")).await.unwrap();
    client.call(&call(Effect::Read, "/b")).await.unwrap();
    assert_eq!(
        partner.paths()[4..],
        ["/login", "/b", "/login", "/b"],
        "a session of no lifetime is renewed each time"
    );
}

#[tokio::test]
async fn a_login_at_another_host_goes_there_and_to_no_place_in_clear() {
    let (gate, at) = partner(|count, _| issue(count, 1000)).await;
    let (partner, url) = partner(|_, _| ok("{}")).await;
    let signing_in_at = |base: &str| {
        let request = TokenRequest { base: Some(template("{gate}")), ..token().request };
        let mut config = config(&url, Auth::Token(Box::new(Token { request, ..token() })));
        config.settings.insert("gate".to_owned(), base.to_owned());
        Client::new(config).unwrap()
    };
    signing_in_at(&format!("{at}/")).call(&call(Effect::Read, "/a")).await.unwrap();
    assert_eq!((gate.paths(), partner.paths()), (vec!["/login".to_owned()], vec!["/a".to_owned()]));
    for bad in ["http://gate.example", "https://user:word@gate.example", "gate.example", "ftp://127.0.0.1"] {
        let error = signing_in_at(bad).call(&call(Effect::Read, "/a")).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::FixConfiguration);
        assert!(
            error.to_string().ends_with("is no place to sign in at: write https:// and the host"),
            "{error}"
        );
    }
    assert_eq!(partner.paths().len(), 1, "nothing is called without a session");
}

#[tokio::test]
async fn callers_at_once_share_one_login() {
    let (partner, url) =
        partner(|count, seen| if seen.path == "/login" { issue(count, 1000) } else { ok("{}") }).await;
    let client = client(&url, Auth::Token(Box::new(token())));
    let calls = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.call(&call(Effect::Read, "/a")).await.map(|_| ()) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(partner.paths().iter().filter(|path| *path == "/login").count(), 1);
}

#[tokio::test]
async fn a_session_that_died_is_renewed_once_even_for_a_write() {
    let (partner, url) = partner(|count, seen| match (seen.path.as_str(), count) {
        ("/login", _) => issue(count, 1000),
        (_, 1) => status(401, ""),
        _ => ok("{}"),
    })
    .await;
    let client = client(&url, Auth::Token(Box::new(token())));
    client.call(&call(Effect::Write, "/a")).await.unwrap();
    assert_eq!(partner.paths(), ["/login", "/a", "/login", "/a"]);
    let seen = partner.seen.lock().unwrap().clone();
    assert_eq!((seen[1].authorization.as_str(), seen[3].authorization.as_str()), ("Bearer t1", "Bearer t2"));
    assert_eq!(seen[3].body, r#"{"a":1.10}"#);
}

#[tokio::test]
async fn a_session_that_is_always_refused_is_not_renewed_for_ever() {
    let (partner, url) =
        partner(|count, seen| if seen.path == "/login" { issue(count, 1000) } else { status(401, "") }).await;
    let error =
        client(&url, Auth::Token(Box::new(token()))).call(&call(Effect::Read, "/a")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::FixConfiguration);
    assert_eq!(partner.paths(), ["/login", "/a", "/login", "/a"]);
}

#[tokio::test]
async fn a_refused_login_is_never_tried_again_and_names_the_settings() {
    let refusals: [fn() -> Response; 3] = [
        || status(401, r#"{"errors":[{"detail":"no such secret: s3cret-value"}]}"#),
        || ok(r#"{"data":{"token":null}}"#),
        || status(400, "<html>"),
    ];
    for refusal in refusals {
        let (partner, url) = partner(move |_, _| refusal()).await;
        let client = client(&url, Auth::Token(Box::new(token())));
        for effect in [Effect::Read, Effect::Write, Effect::Read] {
            let error = client.clone().call(&call(effect, "/a")).await.unwrap_err();
            assert_eq!(error.verdict(), Verdict::FixConfiguration, "{error}");
            assert!(error.to_string().contains("check the settings user, password"), "{error}");
            assert!(!error.to_string().contains("s3cret"), "a partner's words are masked: {error}");
        }
        assert_eq!(partner.paths(), ["/login"], "one knock, then silence");
    }
}

#[tokio::test]
async fn a_login_that_fails_is_tried_again_for_a_read_and_means_not_sent_for_a_write() {
    let (partner, url) = partner(|count, seen| match (seen.path.as_str(), count) {
        ("/login", 1 | 2) => status(503, ""),
        ("/login", _) => issue(count, 1000),
        _ => ok("{}"),
    })
    .await;
    let client = client(&url, Auth::Token(Box::new(token())));
    let error = client.call(&call(Effect::Write, "/a")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryLater { after: None }, "nothing was sent: {error}");
    client.call(&call(Effect::Read, "/a")).await.unwrap();
    assert_eq!(partner.paths(), ["/login", "/login", "/login", "/a"]);
}

#[tokio::test]
async fn reads_survive_failures_and_writes_are_sent_once() {
    let (partner, url) =
        partner(|count, _| if count < 3 { status(500, "oops") } else { ok("{\"n\":1}") }).await;
    let client = client(&url, Auth::None);
    assert_eq!(client.call(&call(Effect::Read, "/read")).await.unwrap().body.to_string(), r#"{"n":1}"#);
    let error = client.call(&call(Effect::Write, "/write")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::OutcomeUnknown, "{error}");
    assert_eq!(partner.paths(), ["/read", "/read", "/read", "/write"]);
}

#[tokio::test]
async fn a_question_that_is_billed_is_asked_once() {
    let (partner, url) = partner(|_, seen| if seen.path == "/cut" { ok("{") } else { status(503, "") }).await;
    let client = client(&url, Auth::None);
    for path in ["/failed", "/cut"] {
        let error = client.call(&call(Effect::Billed, path)).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::OutcomeUnknown, "{error}");
    }
    assert_eq!(partner.paths(), ["/failed", "/cut"]);
}

#[tokio::test]
async fn a_read_gives_up_after_its_retries() {
    let (partner, url) = partner(|_, _| status(502, "")).await;
    let error = client(&url, Auth::None).call(&call(Effect::Read, "/a")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryLater { after: None });
    assert_eq!(partner.paths().len(), 4);
}

#[tokio::test]
async fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    let (partner, url) = partner(|count, seen| match (seen.path.as_str(), count) {
        ("/short", 1) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "").into_response(),
        ("/long", _) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "3600")], "").into_response(),
        ("/date", _) => {
            let at = crate::clock::now() + chrono::Duration::seconds(600);
            (
                StatusCode::SERVICE_UNAVAILABLE,
                [("retry-after", at.format("%a, %d %b %Y %H:%M:%S GMT").to_string())],
                "",
            )
                .into_response()
        }
        _ => ok("{}"),
    })
    .await;
    let client = client(&url, Auth::None);
    let started = tokio::time::Instant::now();
    client.call(&call(Effect::Read, "/short")).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(990));

    let error = client.call(&call(Effect::Read, "/long")).await.unwrap_err();
    assert_eq!(
        error.verdict(),
        Verdict::RetryLater { after: Some(Duration::from_secs(3600)) },
        "too long to wait in place"
    );
    let error = client.call(&call(Effect::Write, "/long")).await.unwrap_err();
    assert_eq!(
        error.verdict(),
        Verdict::RetryLater { after: Some(Duration::from_secs(3600)) },
        "429 accepted nothing"
    );
    let Verdict::RetryLater { after: Some(after) } =
        client.call(&call(Effect::Read, "/date")).await.unwrap_err().verdict()
    else {
        panic!("a date is a delay")
    };
    assert!((590..=600).contains(&after.as_secs()), "{after:?}");
    assert_eq!(partner.paths(), ["/short", "/short", "/long", "/long", "/date"]);
}

#[tokio::test]
async fn what_was_sent_and_not_answered_is_unknown_and_what_was_not_sent_is_not() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hung_up = tokio::spawn(async move {
        for _ in 0..2 {
            use tokio::io::AsyncReadExt as _;
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 64];
            let _ = socket.read(&mut buffer).await.unwrap();
        }
    });
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::new(Config { retries: 0, ..config(&url, Auth::None) }).unwrap();
    let error = client.call(&call(Effect::Write, "/a")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::OutcomeUnknown, "{error}");
    let error = client.call(&call(Effect::Read, "/a")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::RetryLater { after: None }, "{error}");
    hung_up.await.unwrap();
    let error = client.call(&call(Effect::Write, "/a")).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "nobody listens any more: {error}");
    assert_eq!(error.verdict(), Verdict::RetryLater { after: None });
}

#[tokio::test]
async fn a_partner_that_is_too_slow_may_have_accepted() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let _silent = tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            open.push(listener.accept().await.unwrap());
        }
    });
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client =
        Client::new(Config { timeout: Duration::from_millis(200), retries: 0, ..config(&url, Auth::None) })
            .unwrap();
    assert_eq!(client.call(&call(Effect::Write, "/a")).await.unwrap_err().verdict(), Verdict::OutcomeUnknown);
    assert_eq!(
        client.call(&call(Effect::Read, "/a")).await.unwrap_err().verdict(),
        Verdict::RetryLater { after: None }
    );
}

#[tokio::test]
async fn errors_inside_a_good_status_are_errors() {
    let (partner, url) = partner(|_, seen| match seen.path.as_str() {
        "/stale" => ok(r#"{"id":1,"error":["StaleError","x"]}"#),
        "/null" => ok(r#"{"id":1,"error":null,"result":[]}"#),
        _ => (StatusCode::OK, [("x-reference", "R-77")], r#"{"id":1,"error":["UserError","x"]}"#)
            .into_response(),
    })
    .await;
    let client = client(&url, Auth::None);
    let error = client.call(&call(Effect::Write, "/a")).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::FixData);
    assert_eq!(error.to_string(), "the partner refuses with status 200: UserError (reference R-77)");
    assert_eq!(client.call(&call(Effect::Read, "/a")).await.unwrap_err().verdict(), Verdict::Defect);
    assert_eq!(
        client.call(&call(Effect::Write, "/stale")).await.unwrap_err().verdict(),
        Verdict::RetryLater { after: None }
    );
    client.call(&call(Effect::Read, "/null")).await.unwrap();
    assert_eq!(partner.paths().len(), 4);
}

#[tokio::test]
async fn each_status_has_its_verdict() {
    let (_partner, url) =
        partner(|_, seen| status(seen.path[1..].parse().unwrap(), r#"{"errors":[{"detail":"why"}]}"#)).await;
    let client = Client::new(Config { retries: 0, ..config(&url, Auth::None) }).unwrap();
    for (code, read, write) in [
        (301, Verdict::FixConfiguration, Verdict::FixConfiguration),
        (403, Verdict::NotAllowed, Verdict::NotAllowed),
        (404, Verdict::FixConfiguration, Verdict::FixData),
        (408, Verdict::RetryLater { after: None }, Verdict::OutcomeUnknown),
        (422, Verdict::FixConfiguration, Verdict::FixData),
        (503, Verdict::RetryLater { after: None }, Verdict::OutcomeUnknown),
    ] {
        for (effect, expected) in [(Effect::Read, read), (Effect::Write, write)] {
            let error = client.call(&call(effect, &format!("/{code}"))).await.unwrap_err();
            assert_eq!(error.verdict(), expected, "{code} {effect:?}");
            assert!(error.to_string().contains("why"), "{error}");
        }
    }
}

#[tokio::test]
async fn answers_that_are_too_large_too_deep_or_no_json_are_refused() {
    let (_partner, url) = partner(|_, seen| match seen.path.as_str() {
        "/large" => format!("[\"{}\"]", "x".repeat(10_000)).into_response(),
        "/deep" => "[".repeat(5_000).into_response(),
        "/brackets" => format!("[\"{}\\\"{}\"]", "[".repeat(500), "{".repeat(500)).into_response(),
        "/nothing" => status(204, ""),
        _ => ok("<html>"),
    })
    .await;
    let client = client(&url, Auth::None);
    for (path, why) in [("/large", "larger than 10000 bytes"), ("/deep", "nested"), ("/html", "not JSON")] {
        let error = client.call(&call(Effect::Read, path)).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(error.verdict(), Verdict::Defect);
        let error = client.call(&call(Effect::Write, path)).await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::OutcomeUnknown, "a write that was accepted stays accepted");
    }
    client.call(&call(Effect::Read, "/brackets")).await.unwrap();
    assert_eq!(client.call(&call(Effect::Read, "/nothing")).await.unwrap().body, Value::Null);
}

#[tokio::test]
async fn the_rate_holds_over_clones_and_so_does_the_number_in_flight() {
    let (partner, url) = partner(|_, _| ok("{}")).await;
    let limit = Limit { period: Duration::from_millis(50), in_flight: 2 };
    let client = Client::new(Config { limit, ..config(&url, Auth::None) }).unwrap();
    let started = tokio::time::Instant::now();
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(&call(Effect::Read, "/a")).await.map(|_| ()) })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert!(
        started.elapsed() >= Duration::from_millis(240),
        "six calls take five periods: {:?}",
        started.elapsed()
    );
    assert_eq!(partner.paths().len(), 6);
}

#[tokio::test]
async fn credentials_do_not_follow_a_link_to_another_host() {
    let (_partner, url) = partner(|_, _| ok("{}")).await;
    let client = client(&url, Auth::None);
    client.call(&call(Effect::Read, &format!("{url}/page2?x=1"))).await.unwrap();
    for link in ["http://127.0.0.1:1/page2", "https://elsewhere.example/page2"] {
        let error = client.call(&call(Effect::Read, link)).await.unwrap_err();
        assert!(error.to_string().contains("another host"), "{error}");
    }
    for base in
        ["ftp://host.example", "host.example", "https://user:pw@host.example", "https://host.example?x=1"]
    {
        assert!(Client::new(config(base, Auth::None)).is_err(), "{base}");
    }
}

#[tokio::test]
async fn a_key_that_is_refused_is_not_shown_again() {
    let (partner, url) = partner(|_, _| status(401, "")).await;
    let client = client(&url, Auth::Headers { headers: vec![("X-Key".to_owned(), template("{password}"))] });
    for _ in 0..2 {
        let error = client.call(&call(Effect::Read, "/a")).await.unwrap_err();
        assert!(error.to_string().contains("check the settings password"), "{error}");
    }
    assert_eq!(partner.paths().len(), 1);
}

/// Two connections of one company: `change` says what is otherwise in the second.
fn pair(url: &str, auth: &Auth, change: impl Fn(&mut Config)) -> (Client, Client) {
    pair_with(url, auth, change, Duration::from_millis(250))
}

fn pair_with(url: &str, auth: &Auth, change: impl Fn(&mut Config), period: Duration) -> (Client, Client) {
    let credentials = Credentials::default();
    let limit = Limit { period, in_flight: 1 };
    let one = Config { limit, ..config(url, auth.clone()) };
    let mut other = Config { connection: "other".to_owned(), ..one.clone() };
    change(&mut other);
    let build = |config| Client::sharing(config, "partner", &credentials).unwrap();
    (build(one), build(other))
}

fn share(pair: &(Client, Client)) -> bool {
    Arc::ptr_eq(&pair.0.inner.credential, &pair.1.inner.credential)
}

#[test]
fn who_signs_in_alike_is_one_caller() {
    let set = |name: &'static str, value: &'static str| {
        move |config: &mut Config| {
            config.settings.insert(name.to_owned(), value.to_owned());
        }
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = "http://127.0.0.1:9";
    let token = Auth::Token(Box::new(token()));
    assert!(share(&pair(url, &token, |_| {})));
    assert!(share(&pair(url, &token, |other| other.base_url.push('/'))));
    assert!(share(&pair(url, &token, set("policy", "2"))), "a policy is not how a company signs in");
    assert!(!share(&pair(url, &token, set("password", "another"))));
    assert!(!share(&pair(url, &token, set("user", "bob"))), "not every part of a credential is a secret");
    assert!(!share(&pair(url, &token, |other| other.base_url = "http://127.0.0.1:8".to_owned())));
    let in_path = {
        let mut login = self::token();
        login.request.path = template("/login/{tenant}");
        Auth::Token(Box::new(login))
    };
    assert!(!share(&pair(url, &in_path, set("tenant", "2"))));
    let key = |other: &mut Config| {
        other.headers.push(("X-App".to_owned(), template("{app}")));
        other.settings.insert("app".to_owned(), "2".to_owned());
    };
    assert!(!share(&pair(url, &token, key)), "a key that every call carries is part of who calls");
    let basic = Auth::Headers {
        headers: vec![("Authorization".to_owned(), template("Basic {base64:user:password}"))],
    };
    assert!(share(&pair(url, &basic, set("policy", "2"))));
    assert!(!share(&pair(url, &basic, set("password", "another"))));
    let (one, other) = (client(url, Auth::None), client(url, Auth::None));
    assert!(!share(&(one, other)), "a client alone has a rate of its own");
    let credentials = Credentials::default();
    let of = |partner| Client::sharing(config(url, Auth::None), partner, &credentials).unwrap();
    assert!(!share(&(of("a"), of("b"))), "two partners behind one gateway");
}

#[tokio::test]
async fn two_connections_of_one_credential_sign_in_once() {
    let (partner, url) = partner(|count, seen| match seen.path.as_str() {
        "/login" => issue(count, 3600),
        _ => ok("{}"),
    })
    .await;
    let auth = Auth::Token(Box::new(token()));
    let (one, other) = pair(&url, &auth, |other| other.limit.period = Duration::from_secs(3600));
    let (a, b) = (call(Effect::Read, "/a"), call(Effect::Read, "/b"));
    let (first, second) = tokio::join!(one.call(&a), other.call(&b));
    first.unwrap();
    second.unwrap();
    let mut paths = partner.paths();
    assert_eq!(paths.remove(0), "/login");
    paths.sort();
    assert_eq!(paths, ["/a", "/b"], "one signed in for both");
    let tokens: Vec<String> =
        partner.seen.lock().unwrap().iter().skip(1).map(|seen| seen.authorization.clone()).collect();
    assert_eq!(tokens, ["Bearer t1", "Bearer t1"]);
    // One in flight, over both.
    assert_eq!(one.inner.credential.in_flight.available_permits(), 1);
}

#[tokio::test]
async fn what_one_connection_was_refused_the_other_does_not_try() {
    let (partner, url) = partner(|_, _| status(401, "")).await;
    let auth = Auth::Token(Box::new(token()));
    let (one, other) = pair(&url, &auth, |_| {});
    assert!(!other.is_refused());
    for client in [&one, &other, &one] {
        let error = client.call(&call(Effect::Read, "/a")).await.unwrap_err();
        assert!(matches!(error, Error::Credentials { .. }), "{error}");
        assert_eq!(error.verdict(), Verdict::FixConfiguration);
    }
    assert_eq!(partner.paths(), ["/login"]);
    assert!(one.is_refused() && other.is_refused());
}

#[test]
fn two_connections_together_keep_the_rate_of_one() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // So slow that no machine is: the second turn is an hour away.
    let (one, other) = pair_with("http://127.0.0.1:9", &Auth::None, |_| {}, Duration::from_secs(3600));
    assert!(one.inner.credential.has_turn());
    assert!(!other.inner.credential.has_turn(), "the other connection has used the turn of both");
    assert!(!one.inner.credential.has_turn());
    let (elsewhere, _) = pair_with("http://127.0.0.1:8", &Auth::None, |_| {}, Duration::from_secs(3600));
    assert!(elsewhere.inner.credential.has_turn(), "another place, another rate");
}
