//! The insurer's limit into a real Tryton 8.2: the right amount, once, and never over what a person has put there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use encours::engine::Setup;
use encours::engine::effects::{Options, Which, carry_out};
use encours::model::BreakKind;
use encours::sandbox::atradius::{Decision, DecisionCode, LayerSetup, Sandbox, Setup as Policy};
use encours::sandbox::{Insurer, Surprise};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{at, cycle_on, date, effects, send, states};
use crate::support::service;
use crate::support::world::{World, buyer, decision, insurer};

const BUYER: u64 = 31_001;
const DAY: &str = "2026-06-10";
const AUTOMATIC: &str = "[policy.automation]\nwrite_back = \"automatic\"";

/// What a person sees of a customer in Tryton.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
struct Seen {
    id: i64,
    code: String,
    siren: String,
    /// `None` is no limit; a zero is a zero.
    limit: Option<String>,
    version: String,
}

impl Seen {
    fn siren(&self) -> String {
        self.siren.replace(' ', "")
    }
}

/// A Tryton database of these tests, one test at a time.
struct Erp {
    database: String,
    _alone: tokio::sync::MutexGuard<'static, ()>,
}

impl Erp {
    async fn open() -> Self {
        static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let alone = ALONE.lock().await;
        let spares = service("ENCOURS_TEST_TRYTON_SPARES");
        let database = spares.split([' ', ',']).filter(|name| !name.is_empty()).nth(2).unwrap().to_owned();
        script(database.clone(), vec!["forget".into(), "--name".into(), "Exemple Essai".into()]).await;
        Self { database, _alone: alone }
    }

    fn configured(&self, url: &str) -> String {
        format!(
            "[[connection]]\nid = \"erp\"\nconnector = \"tryton\"\nurl = \"{url}\"\n\
             settings = {{ database = \"{}\", user = \"{}\", password = \"{}\" }}",
            self.database,
            service("ENCOURS_TEST_TRYTON_USER"),
            service("ENCOURS_TEST_TRYTON_PASSWORD"),
        )
    }

    async fn run(&self, arguments: &[&str]) -> Seen {
        let arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
        person(self.database.clone(), arguments).await
    }

    /// A customer that no other test knows.
    async fn customer(&self, siren: &str, limit: Option<&str>) -> Seen {
        let mut arguments = vec!["new", "--name", "Exemple Essai SAS", "--siren", siren];
        arguments.extend(limit.iter().flat_map(|limit| ["--limit", limit]));
        self.run(&arguments).await
    }

    async fn read(&self, customer: &Seen) -> Seen {
        self.run(&["read", "--party", &customer.id.to_string()]).await
    }

    async fn write(&self, customer: &Seen, limit: &str) -> Seen {
        self.run(&["write", "--party", &customer.id.to_string(), "--limit", limit]).await
    }

    /// What the customer's limit is now, with two decimals.
    async fn limit(&self, customer: &Seen) -> Option<String> {
        let limit = self.read(customer).await.limit?;
        Some(if limit.contains('.') { limit } else { format!("{limit}.00") })
    }
}

async fn person(database: String, arguments: Vec<String>) -> Seen {
    serde_json::from_value(script(database, arguments).await).unwrap()
}

/// Runs the script that speaks to Tryton as another program would.
async fn script(database: String, arguments: Vec<String>) -> serde_json::Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tryton");
    let mut command = std::process::Command::new(service("ENCOURS_TEST_TRYTON_PYTHON"));
    command.current_dir(folder).arg("limit.py").args(arguments).env("ENCOURS_TEST_TRYTON_DB", database);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "limit.py: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What happens to a call that writes a limit, on its way to Tryton.
#[derive(Debug, Clone)]
enum Way {
    Through,
    /// It arrives, and its answer is lost.
    AnswerLost,
    /// It never arrives.
    CallLost,
    /// Somebody does this just before it arrives.
    After(String, Vec<String>),
}

/// A road to Tryton on which calls get lost.
struct Road {
    url: String,
    next: Arc<Mutex<Vec<Way>>>,
    /// How many writes reached Tryton.
    arrived: Arc<Mutex<u32>>,
}

impl Road {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (next, arrived) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let road = Self { url, next: Arc::clone(&next), arrived: Arc::clone(&arrived) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(one_call(client, Arc::clone(&next), Arc::clone(&arrived)));
            }
        });
        road
    }

    /// What happens to the next write.
    fn next(&self, way: Way) {
        self.next.lock().unwrap().push(way);
    }

    fn arrived(&self) -> u32 {
        *self.arrived.lock().unwrap()
    }
}

async fn one_call(mut client: TcpStream, next: Arc<Mutex<Vec<Way>>>, arrived: Arc<Mutex<u32>>) {
    let mut call = Vec::new();
    let whole = loop {
        let mut part = [0; 4096];
        let read = client.read(&mut part).await.unwrap_or(0);
        if read == 0 {
            return; // the client closed it
        }
        call.extend_from_slice(&part[..read]);
        let Some(head) = call.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&call[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
        if call.len() >= head + 4 + length {
            break head;
        }
    };
    let writes = String::from_utf8_lossy(&call).contains("model.party.party.write");
    let way = if writes { next.lock().unwrap().pop().unwrap_or(Way::Through) } else { Way::Through };
    match &way {
        Way::CallLost => return,
        Way::After(database, arguments) => {
            person(database.clone(), arguments.clone()).await;
        }
        Way::Through | Way::AnswerLost => {}
    }
    // One call, one connection: nothing has to be told apart in what comes back.
    let mut forwarded = call[..whole].to_vec();
    forwarded.extend_from_slice(b"\r\nConnection: close");
    forwarded.extend_from_slice(&call[whole..]);
    let address = service("ENCOURS_TEST_TRYTON_URL").replace("http://", "");
    let mut tryton = TcpStream::connect(address).await.unwrap();
    tryton.write_all(&forwarded).await.unwrap();
    let mut answer = Vec::new();
    tryton.read_to_end(&mut answer).await.unwrap();
    if writes {
        *arrived.lock().unwrap() += 1;
    }
    if !matches!(way, Way::AnswerLost) {
        client.write_all(&answer).await.unwrap();
        client.shutdown().await.unwrap();
    }
}

fn granted(amount: u64) -> Decision {
    decision("2026-01-01", DecisionCode::Dc01, amount, amount)
}

fn refused(on: &str) -> Decision {
    Decision { first: None, ..decision(on, DecisionCode::Dc03, 10_000, 0) }
}

/// Tryton and an insurer that has decided on one customer, with the terms of the policy.
async fn company(
    erp: &Erp,
    url: &str,
    siren: &str,
    story: Vec<Decision>,
    terms: &str,
) -> (Sandbox, World, Setup) {
    let (sandbox, insurer) = insurer(DAY, vec![buyer(BUYER, siren, story)]).await;
    let world = World::new("sqlite:ledger.db").with(&erp.configured(url)).with_insurer(&insurer).with(terms);
    let setup = world.setup().await;
    (sandbox, world, setup)
}

/// A cycle, and what goes by itself after it. The breaks of the cycle.
async fn turn(setup: &Setup, on: &str, hour: i64) -> BTreeMap<BreakKind, u64> {
    let report = cycle_on(setup, date(on)).await;
    assert!(report.paused.is_empty(), "{:?}", report.paused);
    send(setup, date(on), at(date(on), hour)).await;
    report.breaks
}

/// How often anything was sent, and how many effects there are.
async fn traffic(setup: &Setup) -> (i64, usize) {
    let rows = effects(setup).await;
    (rows.iter().map(|row| row.attempts).sum(), rows.len())
}

/// The break on what somebody changed, in words without blanks; empty without one.
async fn change_told(setup: &Setup) -> String {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.open_breaks(&setup.company.id).await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter()
        .filter(|row| row.kind == BreakKind::LimitChangedInErp.as_str())
        .flat_map(|row| [row.ours, row.theirs])
        .flat_map(|text| text.chars().filter(|sign| !sign.is_whitespace()).collect::<Vec<_>>())
        .collect()
}

fn tryton_url() -> String {
    service("ENCOURS_TEST_TRYTON_URL")
}

#[tokio::test]
async fn tryton_holds_what_the_insurer_decides_and_is_told_once() {
    let erp = Erp::open().await;
    let customer = erp.customer("99921001", None).await;
    let refusal = erp.customer("99921002", Some("4000")).await;
    let unheard = erp.customer("99921003", None).await;
    let later = decision("2026-06-20", DecisionCode::Dc01, 25_000, 25_000);
    let (sandbox, url) = insurer(
        DAY,
        vec![
            buyer(BUYER, &customer.siren(), vec![granted(20_000), later]),
            buyer(31_002, &refusal.siren(), vec![refused("2026-01-05")]),
            buyer(31_003, &unheard.siren(), vec![refused("2026-01-05")]),
        ],
    )
    .await;
    let world = World::new("sqlite:ledger.db")
        .with(&erp.configured(&tryton_url()))
        .with_insurer(&url)
        .with(AUTOMATIC);
    let setup = world.setup().await;
    let id = BUYER.to_string();

    let steps = [
        (DAY, None, "20000.00"),
        ("2026-06-12", Some(Surprise::Reduce { to_minor: 1_200_000 }), "12000.00"),
        ("2026-06-15", Some(Surprise::Withdraw), "0.00"),
        ("2026-06-20", None, "25000.00"),
    ];
    for (on, surprise, expected) in steps {
        sandbox.set_today(date(on));
        assert!(surprise.is_none_or(|surprise| sandbox.surprise(&id, surprise)), "{on}");
        let breaks = turn(&setup, on, 9).await;
        assert_eq!(breaks.get(&BreakKind::LimitChangedInErp), None, "{on}");
        assert_eq!(erp.limit(&customer).await.as_deref(), Some(expected), "{on}");
        let (seen, sent) = (erp.read(&customer).await, traffic(&setup).await);
        turn(&setup, on, 10).await;
        turn(&setup, on, 11).await;
        assert_eq!(erp.read(&customer).await, seen, "{on}: not touched again");
        assert_eq!(traffic(&setup).await, sent, "{on}: nothing more was proposed or sent");
    }
    // Refused: where there was no limit it is a real zero now; where a person had put one, a person decides.
    assert_eq!(erp.limit(&unheard).await.as_deref(), Some("0.00"), "a refusal is never no limit");
    assert_eq!(erp.limit(&refusal).await.as_deref(), Some("4000.00"));
    let rows = effects(&setup).await;
    let waiting = rows.iter().find(|row| row.subject == refusal.id.to_string()).unwrap();
    assert_eq!((waiting.action.as_str(), waiting.state.as_str()), ("zero", "proposed"));
    assert!(waiting.approval.contains("Encours did not write"), "{}", waiting.approval);
    let options = Options {
        which: Which::These([waiting.id.clone()].into()),
        by: "Dominique",
        day: date("2026-06-20"),
        now: at(date("2026-06-20"), 12),
    };
    carry_out(&setup, &options).await.unwrap();
    assert_eq!(erp.limit(&refusal).await.as_deref(), Some("0.00"));
    assert_eq!(traffic(&setup).await, (6, 6), "six writes, each sent once");
}

#[tokio::test]
async fn a_persons_change_in_tryton_survives_until_somebody_approves() {
    let erp = Erp::open().await;
    let customer = erp.customer("99922001", None).await;
    let (sandbox, _world, setup) =
        company(&erp, &tryton_url(), &customer.siren(), vec![granted(20_000)], AUTOMATIC).await;
    turn(&setup, DAY, 9).await;
    assert_eq!(erp.limit(&customer).await.as_deref(), Some("20000.00"));

    let changed = erp.write(&customer, "18000").await;
    for on in ["2026-06-10", "2026-06-11", "2026-06-12"] {
        sandbox.set_today(date(on));
        let breaks = turn(&setup, on, 10).await;
        assert_eq!(breaks.get(&BreakKind::LimitChangedInErp), Some(&1), "{on}");
        let told = change_told(&setup).await;
        assert!(told.contains("18000.00EUR") && told.contains("Encourswrote20000.00EUR"), "{told}");
        assert_eq!(erp.read(&customer).await, changed, "{on}");
    }
    // The insurer moves on; the person's amount does not.
    sandbox.set_today(date("2026-06-15"));
    assert!(sandbox.surprise(&BUYER.to_string(), Surprise::Reduce { to_minor: 1_200_000 }));
    turn(&setup, "2026-06-15", 9).await;
    turn(&setup, "2026-06-16", 9).await;
    assert_eq!(erp.read(&customer).await, changed);
    let rows = effects(&setup).await;
    let waiting: Vec<_> = rows.iter().filter(|row| row.state == "proposed").collect();
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].amount_minor, waiting[0].before_minor), (Some(1_200_000), Some(1_800_000)));
    assert!(waiting[0].approval.contains("somebody changed"), "{}", waiting[0].approval);

    let options = Options {
        which: Which::These([waiting[0].id.clone()].into()),
        by: "Dominique",
        day: date("2026-06-16"),
        now: at(date("2026-06-16"), 12),
    };
    carry_out(&setup, &options).await.unwrap();
    assert_eq!(erp.limit(&customer).await.as_deref(), Some("12000.00"));
    let breaks = turn(&setup, "2026-06-17", 9).await;
    assert_eq!(breaks.get(&BreakKind::LimitChangedInErp), None, "settled");
    assert_eq!(states(&setup).await, ["set done", "set done"]);

    // A limit that a person takes out altogether is a change like any other.
    let without = erp.write(&customer, "none").await;
    let breaks = turn(&setup, "2026-06-18", 9).await;
    assert_eq!(breaks.get(&BreakKind::LimitChangedInErp), Some(&1));
    assert_eq!((erp.read(&customer).await, without.limit.as_deref()), (without.clone(), None));
    // And what a person sets to the insurer's own amount is no difference.
    erp.write(&customer, "12000").await;
    let breaks = turn(&setup, "2026-06-19", 9).await;
    assert_eq!(breaks.get(&BreakKind::LimitChangedInErp), None);
    assert_eq!(traffic(&setup).await.0, 2);
}

#[tokio::test]
async fn tryton_changed_between_the_proposal_and_the_sending_is_left_alone() {
    let erp = Erp::open().await;
    let customer = erp.customer("99923001", None).await;
    let (_sandbox, _world, setup) =
        company(&erp, &tryton_url(), &customer.siren(), vec![granted(20_000)], AUTOMATIC).await;
    cycle_on(&setup, date(DAY)).await;
    assert_eq!(states(&setup).await, ["set proposed"]);
    let changed = erp.write(&customer, "9000").await;
    send(&setup, date(DAY), at(date(DAY), 9)).await;
    assert_eq!(states(&setup).await, ["set dropped"]);
    let row = effects(&setup).await.remove(0);
    assert!(row.message.as_deref().unwrap().contains("changed in the ERP meanwhile"), "{:?}", row.message);
    assert_eq!((erp.read(&customer).await, row.attempts), (changed.clone(), 0));
    turn(&setup, "2026-06-11", 9).await;
    assert_eq!(states(&setup).await, ["set proposed"], "it waits for a person now");
    assert_eq!(erp.read(&customer).await, changed);
}

#[tokio::test]
async fn tryton_refuses_what_was_changed_between_our_reading_and_our_write() {
    let erp = Erp::open().await;
    let customer = erp.customer("99924001", None).await;
    let road = Road::open().await;
    let (sandbox, _world, setup) =
        company(&erp, &road.url, &customer.siren(), vec![granted(20_000)], AUTOMATIC).await;
    let id = customer.id.to_string();
    let does = |arguments: &[&str]| {
        let mut all = vec![arguments[0].to_owned(), "--party".to_owned(), id.clone()];
        all.extend(arguments[1..].iter().map(|text| (*text).to_owned()));
        Way::After(erp.database.clone(), all)
    };
    road.next(does(&["write", "--limit", "7000"]));
    turn(&setup, DAY, 9).await;
    assert_eq!(states(&setup).await, ["set dropped"]);
    let row = effects(&setup).await.remove(0);
    assert!(row.message.as_deref().unwrap().contains("changed in the ERP meanwhile"), "{:?}", row.message);
    assert_eq!(road.arrived(), 1, "it reached Tryton, which refused it");
    assert_eq!(erp.limit(&customer).await.as_deref(), Some("7000.00"));
    turn(&setup, "2026-06-11", 9).await;
    assert_eq!((road.arrived(), erp.limit(&customer).await.as_deref()), (1, Some("7000.00")));

    // Approved, and this time something else of the record changes: nobody's limit is in the way, so it is written.
    let options = Options {
        which: Which::All,
        by: "Dominique",
        day: date("2026-06-11"),
        now: at(date("2026-06-11"), 10),
    };
    road.next(does(&["rename", "--name", "Exemple Essai et Fils SAS"]));
    carry_out(&setup, &options).await.unwrap();
    assert_eq!(erp.limit(&customer).await.as_deref(), Some("7000.00"));
    assert_eq!(states(&setup).await, ["set approved"]);
    send(&setup, date("2026-06-11"), at(date("2026-06-11"), 11)).await;
    assert_eq!(states(&setup).await, ["set done"]);
    assert_eq!((road.arrived(), erp.limit(&customer).await.as_deref()), (3, Some("20000.00")));
    sandbox.set_today(date("2026-06-12"));
    let breaks = turn(&setup, "2026-06-12", 9).await;
    assert_eq!((breaks.get(&BreakKind::LimitChangedInErp), road.arrived()), (None, 3));
}

#[tokio::test]
async fn a_write_into_tryton_whose_fate_is_unknown_is_read_and_written_once() {
    let erp = Erp::open().await;
    for (siren, way, arrivals) in [("99925001", Way::AnswerLost, 1), ("99925002", Way::CallLost, 1)] {
        let customer = erp.customer(siren, None).await;
        let road = Road::open().await;
        let (_sandbox, _world, setup) =
            company(&erp, &road.url, &customer.siren(), vec![granted(20_000)], AUTOMATIC).await;
        road.next(way.clone());
        turn(&setup, DAY, 9).await;
        assert_eq!(states(&setup).await, ["set unknown"], "{way:?}");
        let arrived = erp.read(&customer).await;
        send(&setup, date(DAY), at(date(DAY), 10)).await;
        assert_eq!(states(&setup).await, ["set done"], "{way:?}");
        let held = erp.read(&customer).await;
        assert_eq!(held.limit.as_deref(), Some("20000.00"), "{way:?}");
        assert_eq!(arrived == held, matches!(way, Way::AnswerLost), "{way:?}");
        turn(&setup, "2026-06-11", 9).await;
        assert_eq!((road.arrived(), traffic(&setup).await.1), (arrivals, 1), "{way:?}");
        assert_eq!(erp.read(&customer).await, held, "{way:?}");
    }
    // A person's amount, put there while nobody knew: it is not taken for ours and not written over.
    let customer = erp.customer("99925003", None).await;
    let road = Road::open().await;
    let (_sandbox, _world, setup) =
        company(&erp, &road.url, &customer.siren(), vec![granted(20_000)], AUTOMATIC).await;
    road.next(Way::AnswerLost);
    turn(&setup, DAY, 9).await;
    let changed = erp.write(&customer, "6000").await;
    turn(&setup, "2026-06-11", 9).await;
    turn(&setup, "2026-06-12", 9).await;
    assert_eq!((erp.read(&customer).await, road.arrived()), (changed, 1));
    assert_eq!(states(&setup).await, ["set proposed"], "it waits for a person");
}

#[tokio::test]
async fn several_accounts_of_one_buyer_in_tryton_each_hold_its_limit() {
    let erp = Erp::open().await;
    let first = erp.customer("99926001", None).await;
    let second = erp.customer("99926001", Some("5000")).await;
    assert_eq!((first.siren(), first.code == second.code), (second.siren(), false));
    let (sandbox, _world, setup) =
        company(&erp, &tryton_url(), &first.siren(), vec![granted(20_000)], AUTOMATIC).await;
    turn(&setup, DAY, 9).await;
    assert_eq!(erp.limit(&first).await.as_deref(), Some("20000.00"));
    assert_eq!(erp.limit(&second).await.as_deref(), Some("5000.00"), "Encours did not put it there");
    let mut now = states(&setup).await;
    now.sort();
    assert_eq!(now, ["set done", "set proposed"]);
    let options = Options { which: Which::All, by: "Dominique", day: date(DAY), now: at(date(DAY), 10) };
    carry_out(&setup, &options).await.unwrap();
    assert_eq!(erp.limit(&second).await.as_deref(), Some("20000.00"));
    // From now on it is Encours's own, and follows by itself.
    sandbox.set_today(date("2026-06-12"));
    assert!(sandbox.surprise(&BUYER.to_string(), Surprise::Reduce { to_minor: 900_000 }));
    turn(&setup, "2026-06-12", 9).await;
    for account in [&first, &second] {
        assert_eq!(erp.limit(account).await.as_deref(), Some("9000.00"));
    }
    // Changed in both, it is one break of the buyer that says both.
    erp.write(&first, "9100").await;
    erp.write(&second, "9200").await;
    let breaks = turn(&setup, "2026-06-13", 9).await;
    assert_eq!(breaks.get(&BreakKind::LimitChangedInErp), Some(&1));
    let told = change_told(&setup).await;
    assert!(told.contains("9100.00") && told.contains("9200.00"), "{told}");
}

#[tokio::test]
async fn an_amount_in_another_currency_is_not_written_into_tryton() {
    let erp = Erp::open().await;
    let holds = erp.customer("99927001", Some("5000")).await;
    let without = erp.customer("99927002", None).await;
    let sandbox = Sandbox::new(Policy {
        seed: 1,
        today: date(DAY),
        customer_id: 42,
        policy_id: crate::support::world::POLICY.to_owned(),
        policy_currency: "USD".to_owned(),
        // That the insurer states euros too makes no amount of theirs ours to write.
        user_currency: "EUR".to_owned(),
        user_percent: 92,
        client_id: "client".to_owned(),
        client_secret: "secret".to_owned(),
        app_key: "key".to_owned(),
        buyers: vec![
            buyer(BUYER, &holds.siren(), vec![granted(20_000)]),
            buyer(31_002, &without.siren(), vec![granted(30_000)]),
        ],
        token_lifetime_seconds: 1800,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
    let terms = format!("currency = \"USD\"\n\n{AUTOMATIC}");
    let world =
        World::new("sqlite:ledger.db").with(&erp.configured(&tryton_url())).with_insurer(&url).with(&terms);
    let setup = world.setup().await;
    let breaks = turn(&setup, DAY, 9).await;
    assert_eq!(breaks.get(&BreakKind::CurrencyDiffers), Some(&1));
    turn(&setup, DAY, 10).await;
    turn(&setup, "2026-06-11", 9).await;
    assert_eq!(erp.read(&holds).await, holds, "not touched");
    assert_eq!(erp.read(&without).await, without, "dollars are not written into a field of euros");
    let rows = effects(&setup).await;
    assert_eq!(rows.iter().map(|row| row.attempts).sum::<i64>(), 0, "nothing was sent");
    let failed = rows.iter().find(|row| row.state == "failed").unwrap();
    assert!(
        failed.message.as_deref().unwrap().contains("in EUR, and this is in USD"),
        "{:?}",
        failed.message
    );
    assert!(rows.iter().all(|row| row.subject == without.id.to_string()), "{rows:?}");
    assert!(rows.iter().filter(|row| row.state == "proposed").all(|row| !row.is_automatic()));
}

#[tokio::test]
async fn an_expired_cover_takes_the_limit_out_of_tryton_where_the_policy_says_so() {
    let erp = Erp::open().await;
    let story = || {
        let first = Some(LayerSetup { amount: 20_000, expiry: Some(date("2026-06-15")), conditions: vec![] });
        vec![Decision { first, ..granted(20_000) }]
    };
    for (siren, when_ended, left) in [("99928001", "remove", None), ("99928002", "zero", Some("0.00"))] {
        let customer = erp.customer(siren, None).await;
        let terms = format!("when_ended = \"{when_ended}\"\n\n{AUTOMATIC}");
        let (sandbox, _world, setup) = company(&erp, &tryton_url(), &customer.siren(), story(), &terms).await;
        turn(&setup, DAY, 9).await;
        assert_eq!(erp.limit(&customer).await.as_deref(), Some("20000.00"));
        sandbox.set_today(date("2026-06-17"));
        turn(&setup, "2026-06-17", 9).await;
        assert_eq!(erp.limit(&customer).await.as_deref(), left, "{when_ended}");
        let (seen, sent) = (erp.read(&customer).await, traffic(&setup).await);
        let breaks = turn(&setup, "2026-06-18", 9).await;
        assert_eq!(breaks.get(&BreakKind::LimitChangedInErp), None, "{when_ended}");
        assert_eq!((erp.read(&customer).await, traffic(&setup).await), (seen, sent), "{when_ended}");
    }
}
