//! A random history of ten thousand events, taken in cycle by cycle: the figures are those of settling everything anew, of a
//! reckoning of the test's own, and of the same facts in any order. A seed that fails is printed and replays:
//! `ENCOURS_TEST_HISTORY=17 scripts/test history`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use encours::engine::{CycleOptions, Report, Setup, cycle};
use encours::ledger::{CoverRow, ExposureRow};
use encours::model::Date;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};

use crate::support::world::{CLIENTS, ITEMS, World, errors};

const BUYERS: usize = 60;
const GROUP: usize = 5;
const DAYS: i64 = 20;
const CYCLES: usize = 3;
const EVENTS: usize = 170;
const LIMITS: &str = "Reference;Buyer id;Buyer name;Identifier type;Identifier;Policy;Status;Requested amount;Amount;Currency;\
     Temporary amount;Temporary end;Valid from;Valid until;Withdrawal on;Decided on;Reason code;Reason;Rating\n";

struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % most as u64).unwrap()
    }
}

#[derive(Clone)]
struct Item {
    number: usize,
    account: usize,
    credit: bool,
    currency: &'static str,
    issued: Date,
    due: Date,
    total: i64,
    open: i64,
    disputed: bool,
}

struct State {
    random: Random,
    day: Date,
    items: Vec<Item>,
    /// Amount in euros and since when, by buyer; none before the first decision.
    limits: Vec<Option<(i64, Date)>>,
    highest: Vec<i64>,
    made: usize,
    /// Groups of five share the limit on their first, and nobody else is decided on.
    pooled: bool,
}

fn siren(buyer: usize) -> String {
    let body = format!("{buyer:08}");
    let digits = body.bytes().map(|byte| u32::from(byte - b'0'));
    // The check digit stands last, so every second digit from the right of the body counts double.
    let sum: u32 = digits.rev().enumerate().fold(0, |sum, (place, digit)| {
        let digit = if place % 2 == 0 { digit * 2 } else { digit };
        sum + digit / 10 + digit % 10
    });
    format!("{body}{}", (10 - sum % 10) % 10)
}

impl State {
    fn new(seed: u64, day: Date, pooled: bool) -> Self {
        let (random, limits) = (Random(seed), vec![None; BUYERS]);
        Self { random, day, items: Vec::new(), limits, highest: vec![0; BUYERS], made: 0, pooled }
    }

    fn happen(&mut self) {
        let days = |state: &mut Self, most| i64::try_from(state.random.below(most)).unwrap();
        let dice = self.random.below(100);
        if dice < 45 || self.items.is_empty() {
            let issued = self.day - chrono::Duration::days(days(self, 15));
            let due = issued + chrono::Duration::days(15 + days(self, 60));
            let total = 100 * (1 + days(self, 20_000)) + days(self, 100);
            let currency = if self.random.below(12) == 0 { "USD" } else { "EUR" };
            let (account, credit) = (self.random.below(BUYERS), self.random.below(9) == 0);
            let (number, open, disputed) = (self.made, total, false);
            self.made += 1;
            self.items.push(Item { number, account, credit, currency, issued, due, total, open, disputed });
            return;
        }
        let place = self.random.below(self.items.len());
        if dice < 75 {
            let part = days(self, 3);
            let item = &mut self.items[place];
            item.open = if part == 0 { item.open / 3 } else { 0 };
            if item.open == 0 {
                self.items.swap_remove(place);
            }
        } else if dice < 81 {
            self.items[place].disputed ^= true;
        } else if dice < 86 {
            self.items[place].due += chrono::Duration::days(20);
        } else if dice < 90 {
            self.items[place].account = self.random.below(BUYERS);
        } else {
            let mut buyer = self.random.below(BUYERS);
            if self.pooled {
                buyer -= buyer % GROUP;
            }
            let euros = if self.random.below(4) == 0 { 0 } else { 1_000 * (1 + days(self, 400)) };
            let since = self.day - chrono::Duration::days(days(self, 5));
            // An insurer's later decision is not older than the one before it.
            let since = self.limits[buyer].map_or(since, |(_, before)| before.max(since));
            self.limits[buyer] = Some((euros, since));
            self.highest[buyer] = self.highest[buyer].max(euros * 100);
        }
    }

    fn items_file(&self, items: &[Item]) -> String {
        let mut text = ITEMS.to_owned();
        for item in items {
            let kind = if item.credit { "Avoir" } else { "Facture" };
            let (french, euros) = ("%d/%m/%Y", |cents: i64| format!("{},{:02}", cents / 100, cents % 100));
            writeln!(
                text,
                "{kind};F{};C{};Exemple C{};{};{};{};{};{};{};",
                item.number,
                item.account,
                item.account,
                item.issued.format(french),
                item.due.format(french),
                item.currency,
                euros(item.total),
                euros(item.open),
                if item.disputed { "O" } else { "N" },
            )
            .unwrap();
        }
        text
    }

    fn write(&self, world: &World) {
        world.export("encours.csv", self.items_file(&self.items).as_bytes());
        let mut text = LIMITS.to_owned();
        for (buyer, limit) in self.limits.iter().enumerate() {
            let Some((euros, since)) = limit else { continue };
            let status = if *euros == 0 { "refused" } else { "approved" };
            writeln!(
                text,
                "L{buyer};B{buyer};Exemple C{buyer};SIREN;{};P1;{status};{euros}.00;{euros}.00;EUR;;;{since};;;{since};;;",
                siren(buyer)
            )
            .unwrap();
        }
        std::fs::write(world.path().join("lists/limits.csv"), text).unwrap();
    }

    /// What each buyer owes by currency, reckoned by the test.
    fn owed(&self) -> BTreeMap<(String, String), i64> {
        let mut owed = BTreeMap::new();
        for item in &self.items {
            let key = (format!("siren:{}", siren(item.account)), item.currency.to_owned());
            *owed.entry(key).or_default() += if item.credit { -item.open } else { item.open };
        }
        owed
    }
}

/// Who is owned by whom: the last of each group is sold to the one before during the history.
fn groups() -> String {
    let owned = (0..BUYERS).filter(|buyer| buyer % GROUP != 0).map(|buyer| {
        let head = buyer - buyer % GROUP;
        let one = |by: usize, days: &str| {
            format!(
                "[[owned]]\ncompany = {{ siren = \"{}\" }}\nby = {{ siren = \"{}\" }}\n{days}\n",
                siren(buyer),
                siren(by)
            )
        };
        if buyer % GROUP == GROUP - 1 && head > 0 {
            one(head, "to = \"2026-01-24\"") + &one(head - GROUP, "from = \"2026-01-25\"")
        } else {
            one(head, "")
        }
    });
    owned.collect()
}

fn world(pooled: bool) -> World {
    let world = World::new("sqlite:ledger.db").with_csv();
    std::fs::create_dir(world.path().join("lists")).unwrap();
    let lists = world.path().join("lists");
    let world = world.with(&format!(
        "[[connection]]\nid = \"insurer\"\nconnector = \"insurer-files\"\nsettings = {{ folder = \"{}\" }}\n\n[[policy]]\n\
         number = \"P1\"\nconnection = \"insurer\"\nvalid_from = \"2025-01-01\"\ninsured_percentage = \"90\"\n\
         maximum_terms_days = 90\ndiscretionary = \"5000.00\"\nmep_days = 30\n{}\n[policy.cover_stop]\nthreshold = \"500.00\"\n\
         lifts = \"payment\"",
        lists.display(),
        if pooled { "pooled_groups = true\n" } else { "" }
    ));
    if pooled {
        std::fs::write(world.path().join("groups.toml"), groups()).unwrap();
    }
    let clients = (0..BUYERS).map(|n| format!("C{n};Exemple C{n};{};;FR;;EUR;30;N\n", siren(n)));
    world.export("clients.csv", format!("{CLIENTS}{}", clients.collect::<String>()).as_bytes());
    world
}

async fn take_in(setup: &Setup, day: Date) -> Report {
    let options = CycleOptions { accept_vanished: true, ..CycleOptions::default() };
    let report = cycle(setup, day, &options, &|_| {}).await.unwrap();
    assert_eq!(errors(&report), Vec::<String>::new());
    assert!(report.adds_up());
    report
}

/// Exposures and covers, without what counts announcements; what is settled to nothing is left out.
async fn figures(setup: &Setup) -> (Vec<ExposureRow>, Vec<CoverRow>) {
    let mut tx = setup.ledger.read().await.unwrap();
    let exposures = tx.exposures("exemple", None).await.unwrap();
    let covers = tx.covers("exemple", None).await.unwrap();
    tx.rollback().await.unwrap();
    let exposures = exposures.into_iter().map(|row| ExposureRow { said_minor: 0, version: 0, ..row });
    let exposures = exposures.filter(|row| row.oldest_due.is_some() || row.outstanding_minor != 0);
    (exposures.collect(), covers.into_iter().map(|row| CoverRow { version: 0, ..row }).collect())
}

/// Forgets what was settled, so that the next cycle of the same day settles everything from the facts.
async fn forget_figures(world: &World) {
    let url = format!("sqlite:{}", world.path().join("ledger.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    for table in ["exposure", "cover", "run"] {
        connection.execute(AssertSqlSafe(format!("DELETE FROM {table}"))).await.unwrap();
    }
    connection.close().await.unwrap();
}

fn checked(state: &State, (exposures, covers): &(Vec<ExposureRow>, Vec<CoverRow>)) {
    let owed: BTreeMap<_, _> = exposures
        .iter()
        .map(|row| ((row.buyer_id.clone(), row.currency.clone()), row.outstanding_minor))
        .collect();
    assert_eq!(owed, state.owed());
    for row in exposures {
        let aged = row.not_due_minor
            + row.overdue_30_minor
            + row.overdue_60_minor
            + row.overdue_90_minor
            + row.overdue_more_minor;
        let parts = aged - row.credits_minor - row.unallocated_minor;
        assert_eq!(parts, row.outstanding_minor, "the parts of {} {}", row.buyer_id, row.currency);
    }
    // What members of a group are covered for comes from limits of others too.
    let all: i64 = (0..BUYERS).map(|buyer| state.highest[buyer].max(500_000)).sum();
    for buyer in 0..BUYERS {
        let id = format!("siren:{}", siren(buyer));
        let row = covers.iter().find(|row| row.buyer_id == id).unwrap();
        let most = if state.pooled { all } else { state.highest[buyer].max(500_000) };
        assert!((0..=most).contains(&row.covered_minor), "{row:?} with limits up to {most}");
        let whole = owed.get(&(id, "EUR".to_owned())).copied().unwrap_or_default();
        assert_eq!(row.uninsured_minor, (whole - row.covered_minor).max(0), "{row:?} of {whole}");
    }
}

#[tokio::test]
async fn ten_thousand_events_settle_as_if_settled_anew_and_twice_changes_nothing() {
    ten_thousand_events(false).await;
}

#[tokio::test]
async fn ten_thousand_events_of_groups_that_share_limits_settle_as_if_settled_anew() {
    ten_thousand_events(true).await;
}

async fn ten_thousand_events(pooled: bool) {
    #[allow(clippy::disallowed_methods, reason = "a seed that failed is replayed by hand")]
    let seed = std::env::var("ENCOURS_TEST_HISTORY").map_or(2026, |text| text.parse().unwrap());
    eprintln!("seed {seed}");
    let first: Date = "2026-01-05".parse().unwrap();
    let world = world(pooled);
    let mut state = State::new(seed, first, pooled);
    state.write(&world);
    let setup = world.setup().await;
    let (mut events, mut deltas) = (0, 0);
    for number in 0..DAYS {
        state.day = first + chrono::Duration::days(number * 3);
        for _ in 0..CYCLES {
            for _ in 0..EVENTS {
                state.happen();
                events += 1;
            }
            state.write(&world);
            deltas += take_in(&setup, state.day).await.deltas.values().sum::<u64>();
        }
        if number % 7 == 0 {
            checked(&state, &figures(&setup).await);
        }
    }
    assert!(events > 10_000 && deltas > 1_000, "{events} events, {deltas} deltas");
    let incremental = figures(&setup).await;
    checked(&state, &incremental);
    let shares =
        |row: &CoverRow| {
            row.covered_minor > 500_000
                && state.limits.iter().zip(0..).all(|(limit, buyer)| {
                    limit.is_none() || row.buyer_id != format!("siren:{}", siren(buyer))
                })
        };
    assert_eq!(
        incremental.1.iter().any(shares),
        pooled,
        "cover beyond the discretionary limit on a buyer that was never decided"
    );

    let again = take_in(&setup, state.day).await;
    assert_eq!(again.deltas.values().sum::<u64>(), 0, "{:?}", again.deltas);
    assert_eq!(figures(&setup).await, incremental);

    setup.ledger.close().await;
    forget_figures(&world).await;
    let setup = world.setup().await;
    take_in(&setup, state.day).await;
    assert_eq!(figures(&setup).await, incremental, "settled anew");
    setup.ledger.close().await;
}

#[tokio::test]
async fn the_order_in_which_facts_arrive_changes_no_figure() {
    in_any_order(false).await;
    in_any_order(true).await;
}

async fn in_any_order(pooled: bool) {
    let day: Date = "2026-03-02".parse().unwrap();
    let mut state = State::new(7, day, pooled);
    for _ in 0..2_000 {
        state.happen();
    }
    let mut seen = Vec::new();
    for order in 0..3 {
        let world = world(pooled);
        state.write(&world);
        let mut items = state.items.clone();
        for place in (1..items.len()).rev().take(if order == 0 { 0 } else { items.len() }) {
            let other = state.random.below(place + 1);
            items.swap(place, other);
        }
        // The last time in two parts: a half first, then everything.
        if order == 2 {
            world.export("encours.csv", state.items_file(&items[..items.len() / 2]).as_bytes());
            let setup = world.setup().await;
            take_in(&setup, day).await;
            setup.ledger.close().await;
        }
        world.export("encours.csv", state.items_file(&items).as_bytes());
        let setup = world.setup().await;
        take_in(&setup, day).await;
        seen.push(figures(&setup).await);
        setup.ledger.close().await;
    }
    checked(&state, &seen[0]);
    assert!(seen[0].0.len() > BUYERS, "{} exposures", seen[0].0.len());
    assert_eq!(seen[1], seen[0], "shuffled");
    assert_eq!(seen[2], seen[0], "shuffled, and in two parts");
}
