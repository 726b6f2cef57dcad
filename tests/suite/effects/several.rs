//! Several connections, policies, currencies and companies at once.

use std::collections::{BTreeMap, BTreeSet};

use encours::engine::Setup;
use encours::sandbox::Insurer;
use encours::sandbox::atradius::{DecisionCode, Sandbox};

use super::{AUTOMATIC, at, cycle_on, date, effects, send, states};
use crate::support::database::Postgres;
use crate::support::world::{CLIENTS, ITEMS, World, buyer, decision, insurer};

const SIRENS: [&str; 3] = ["000000018", "000000026", "000000034"];

/// Another connection to the same simulator, with the same credential.
fn second(url: &str) -> String {
    format!(
        "[[connection]]\nid = \"insurer-2\"\nconnector = \"atradius\"\nurl = \"{url}/\"\n[connection.settings]\n\
         client_id = \"client\"\nclient_secret = \"secret\"\napp_key = \"key\"\ncustomer_id = \"42\"\npolicy_id = \"0004711\""
    )
}

fn sign_ins(sandbox: &Sandbox) -> usize {
    sandbox.calls().iter().filter(|call| call.path.contains("/tokens")).count()
}

async fn paused(setup: &Setup) -> Vec<String> {
    let mut tx = setup.ledger.read().await.unwrap();
    let rows = tx.connections().await.unwrap();
    tx.rollback().await.unwrap();
    rows.into_iter().filter(|row| row.paused_since.is_some()).map(|row| row.id).collect()
}

/// A buyer with a limit that owes too much, and two connections of one credential.
async fn one_credential() -> (Sandbox, World) {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, 20_000, 20_000)];
    let (sandbox, url) = insurer("2026-06-10", vec![buyer(31_001, SIRENS[0], story)]).await;
    let world =
        World::new("sqlite:ledger.db").with_csv().with(&second(&url)).with_insurer(&url).with(AUTOMATIC);
    world.export("clients_1.csv", clients(&[(SIRENS[0], "FR")]).as_bytes());
    world.export("encours_1.csv", items(&[("C1", "EUR", "90000,00")]).as_bytes());
    (sandbox, world)
}

fn clients(rows: &[(&str, &str)]) -> String {
    let rows = (1..).zip(rows).map(|(number, (siren, country))| {
        let (siren, vat) = if *country == "FR" { (*siren, "") } else { ("", *siren) };
        format!("C{number};Exemple C{number};{siren};{vat};{country};;EUR;30;N\n")
    });
    format!("{CLIENTS}{}", rows.collect::<String>())
}

fn items(rows: &[(&str, &str, &str)]) -> String {
    let rows = (1..).zip(rows).map(|(number, (account, currency, open))| {
        format!("Facture;F{number};{account};Exemple {account};01/06/2026;01/08/2026;{currency};{open};{open};N;\n")
    });
    format!("{ITEMS}{}", rows.collect::<String>())
}

#[tokio::test]
async fn two_connections_of_one_credential_sign_in_once() {
    let (sandbox, world) = one_credential().await;
    let setup = world.setup().await;
    let on = date("2026-06-10");
    let report = cycle_on(&setup, on).await;
    let read: Vec<&str> =
        report.operations.iter().filter(|op| op.error.is_none()).map(|op| op.connection.as_str()).collect();
    assert!(read.contains(&"insurer") && read.contains(&"insurer-2"), "{read:?}");
    send(&setup, on, at(on, 9)).await;
    assert_eq!(sandbox.accepted().len(), 1);
    assert_eq!(sign_ins(&sandbox), 1, "one sign-in for two connections, reading and sending");
    setup.ledger.close().await;
}

#[tokio::test]
async fn a_credential_that_a_cycle_finds_refused_pauses_every_connection_that_uses_it() {
    let (sandbox, world) = one_credential().await;
    sandbox.change_secret("another");
    let on = date("2026-06-10");
    let setup = world.setup().await;
    cycle_on(&setup, on).await;
    assert_eq!(paused(&setup).await, ["insurer", "insurer-2"]);
    assert_eq!(sign_ins(&sandbox), 1, "the other connection was not tried");
    setup.ledger.close().await;
    assert!(!sandbox.is_locked());
}

#[tokio::test]
async fn a_credential_that_a_sending_finds_refused_pauses_every_connection_that_uses_it() {
    let (sandbox, world) = one_credential().await;
    let on = date("2026-06-10");
    let setup = world.setup().await;
    cycle_on(&setup, on).await;
    assert_eq!(states(&setup).await, ["increase proposed"], "one of the two has something to send");
    setup.ledger.close().await;

    sandbox.change_secret("another");
    let before = sign_ins(&sandbox);
    let setup = world.setup().await;
    send(&setup, on, at(on, 9)).await;
    assert_eq!(states(&setup).await, ["increase approved"]);
    assert_eq!(paused(&setup).await, ["insurer", "insurer-2"]);
    setup.ledger.close().await;
    // The next process does not show it again either, through whichever of the two.
    let setup = world.setup().await;
    let options = encours::engine::CycleOptions::default();
    encours::engine::cycle(&setup, on, &options, &|_| {}).await.unwrap();
    send(&setup, on, at(on, 10)).await;
    assert_eq!(sign_ins(&sandbox) - before, 1);
    setup.ledger.close().await;
}

#[tokio::test]
async fn another_credential_goes_on_when_one_is_refused() {
    let (sandbox, world) = one_credential().await;
    let (other, url) = insurer("2026-06-10", Vec::new()).await;
    let third = second(&url).replace("insurer-2", "insurer-3");
    let world = world.with(&third);
    sandbox.change_secret("another");
    let setup = world.setup().await;
    cycle_on(&setup, date("2026-06-10")).await;
    assert_eq!(paused(&setup).await, ["insurer", "insurer-2"]);
    assert_eq!(sign_ins(&other), 1);
    setup.ledger.close().await;
}

const LIMITS: &str = "Reference;Buyer id;Buyer name;Identifier type;Identifier;Policy;Status;Requested amount;Amount;Currency;\
     Temporary amount;Temporary end;Valid from;Valid until;Withdrawal on;Decided on;Reason code;Reason;Rating\n";

/// A limit in a list by file: the buyer's id there is its SIREN with a letter before it.
fn listed(siren: &str, policy: &str, amount: &str, currency: &str) -> String {
    format!(
        "L{policy}{siren};B{siren};Exemple;SIREN;{siren};{policy};approved;{amount};{amount};{currency};;;2026-01-05;;;2026-01-05;;;3\n"
    )
}

fn by_file(world: World, id: &str, limits: &str) -> World {
    let folder = world.path().join(id);
    std::fs::create_dir_all(folder.join("in")).unwrap();
    std::fs::write(folder.join("in/limits.csv"), limits).unwrap();
    let (inbox, out) = (folder.join("in"), folder.join("out"));
    std::fs::create_dir_all(&out).unwrap();
    world.with(&format!(
        "[[connection]]\nid = \"{id}\"\nconnector = \"insurer-files\"\nsettings = {{ folder = \"{}\", out = \"{}\" }}",
        inbox.display(),
        out.display()
    ))
}

fn policy(number: &str, connection: &str, currency: &str, countries: &str) -> String {
    format!(
        "[[policy]]\nnumber = \"{number}\"\nconnection = \"{connection}\"\ncurrency = \"{currency}\"\nvalid_from = \"2026-01-01\"\n\
         insured_percentage = \"90\"\ncountries = [{countries}]\n\n{AUTOMATIC}"
    )
}

/// `buyer: action of amount under policy at connection` of every request, by buyer.
async fn requests(setup: &Setup) -> Vec<String> {
    let mut told: Vec<String> = effects(setup)
        .await
        .iter()
        .filter(|row| row.kind().unwrap().is_request())
        .map(|row| {
            let amount = row.amount().unwrap();
            format!("{}: {} of {amount} under {} at {}", row.buyer_id, row.action, row.policy, row.connection)
        })
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn two_policies_on_one_connection_share_the_buyers_out() {
    let limits = format!("{LIMITS}{}", listed(SIRENS[0], "P-DE", "20000.00", "EUR"));
    let world = by_file(World::new("sqlite:ledger.db").with_csv(), "insurer", &limits)
        .with(&policy("P-FR", "insurer", "EUR", "\"FR\""))
        .with(&policy("P-DE", "insurer", "EUR", "\"DE\", \"AT\""))
        .with(&policy("P-ALL", "insurer", "EUR", ""));
    // Of the French ones, the first was decided under the German policy; the Belgian fits neither.
    let rows = [(SIRENS[0], "FR"), (SIRENS[1], "FR"), ("DE000000014", "DE"), ("BE0000000097", "BE")];
    world.export("clients_1.csv", clients(&rows).as_bytes());
    let owed = ["C1", "C2", "C3", "C4"].map(|account| (account, "EUR", "50000,00"));
    world.export("encours_1.csv", items(&owed).as_bytes());
    let setup = world.setup().await;
    let on = date("2026-06-10");
    cycle_on(&setup, on).await;
    let want = [
        "siren:000000018: increase of 50 000.00 EUR under P-DE at insurer",
        "siren:000000026: new of 50 000.00 EUR under P-FR at insurer",
        "vat:BE0000000097: new of 50 000.00 EUR under P-ALL at insurer",
        "vat:DE000000014: new of 50 000.00 EUR under P-DE at insurer",
    ];
    assert_eq!(requests(&setup).await, want);
    send(&setup, on, at(on, 9)).await;
    for hour in 10..12 {
        cycle_on(&setup, on).await;
        send(&setup, on, at(on, hour)).await;
    }
    assert_eq!(requests(&setup).await, want, "each is asked for once, under one policy");
    let out = world.path().join("insurer/out");
    let mut by_policy: BTreeMap<String, usize> = BTreeMap::new();
    for file in std::fs::read_dir(out).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for number in ["P-FR", "P-DE", "P-ALL"] {
            let rows = text.lines().filter(|line| line.split(';').any(|field| field == number)).count();
            *by_policy.entry(number.to_owned()).or_default() += rows;
        }
    }
    assert_eq!(by_policy, [("P-ALL", 1), ("P-DE", 2), ("P-FR", 1)].map(|(n, c)| (n.to_owned(), c)).into());
    setup.ledger.close().await;
}

#[tokio::test]
async fn two_insurers_cover_what_is_owed_in_their_own_currency() {
    let euros = format!("{LIMITS}{}", listed(SIRENS[0], "P-EUR", "20000.00", "EUR"));
    let dollars = format!(
        "{LIMITS}{}{}",
        listed(SIRENS[0], "P-USD", "10000.00", "USD"),
        listed(SIRENS[1], "P-USD", "10000.00", "USD")
    );
    let world = by_file(World::new("sqlite:ledger.db").with_csv(), "euro-insurer", &euros);
    let world = by_file(world, "dollar-insurer", &dollars)
        .with(&policy("P-EUR", "euro-insurer", "EUR", ""))
        .with(&policy("P-USD", "dollar-insurer", "USD", ""));
    world.export("clients_1.csv", clients(&SIRENS.map(|siren| (siren, "FR"))).as_bytes());
    // The first is covered by both and owes both; the second owes euros too and stays with its insurer; the third is new.
    let owed = [
        ("C1", "EUR", "30000,00"),
        ("C1", "USD", "15000,00"),
        ("C2", "EUR", "70000,00"),
        ("C2", "USD", "12000,00"),
        ("C3", "USD", "40000,00"),
    ];
    world.export("encours_1.csv", items(&owed).as_bytes());
    let setup = world.setup().await;
    let on = date("2026-06-10");
    cycle_on(&setup, on).await;
    let want = [
        "siren:000000018: increase of 15 000.00 USD under P-USD at dollar-insurer",
        "siren:000000018: increase of 30 000.00 EUR under P-EUR at euro-insurer",
        "siren:000000026: increase of 12 000.00 USD under P-USD at dollar-insurer",
        "siren:000000034: new of 40 000.00 USD under P-USD at dollar-insurer",
    ];
    assert_eq!(
        requests(&setup).await,
        want,
        "no euro is asked of the dollar policy, and none added to a dollar"
    );
    // What is covered is counted in each policy's own currency, and nothing of one is in the other.
    let mut tx = setup.ledger.read().await.unwrap();
    let covers = tx.covers("exemple", None).await.unwrap();
    tx.rollback().await.unwrap();
    let told: Vec<String> = covers
        .iter()
        .map(|row| format!("{} {} {} of {}", row.buyer_id, row.currency, row.covered_minor, row.cap_minor))
        .collect();
    for line in [
        "siren:000000018 USD 1000000 of 1000000",
        "siren:000000018 EUR 2000000 of 2000000",
        "siren:000000026 USD 1000000 of 1000000",
    ] {
        assert!(told.contains(&line.to_owned()), "{line} is not in {told:?}");
    }
    setup.ledger.close().await;
}

#[tokio::test]
async fn an_id_that_an_erp_stores_is_nobodys_where_there_are_two_insurers() {
    // An ERP says which id it stores, and not whose: with one insurer it is that one's, with two it may be the other's.
    let (sandbox, url) = insurer("2026-06-10", vec![buyer(31_001, SIRENS[0], Vec::new())]).await;
    for several in [false, true] {
        let mut world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url).with(AUTOMATIC);
        if several {
            world = by_file(world, "other", LIMITS);
        }
        let clients = format!(
            "Code client;Raison sociale;SIREN;Pays;Insurer buyer id\nC1;Exemple C1;{};FR;31001\n",
            SIRENS[0]
        );
        world.export("clients_1.csv", clients.as_bytes());
        world.export("encours_1.csv", items(&[("C1", "EUR", "24000,00")]).as_bytes());
        let setup = world.setup().await;
        cycle_on(&setup, date("2026-06-10")).await;
        let id = effects(&setup).await[0].facts.get("insurer_buyer_id").cloned();
        assert_eq!(id.as_deref(), (!several).then_some("31001"));
        setup.ledger.close().await;
    }
    assert_eq!(sandbox.billed_lookups(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_companies_on_one_database_do_not_see_each_other() {
    let postgres = Postgres::new().await;
    let story = || vec![decision("2026-01-01", DecisionCode::Dc01, 20_000, 20_000)];
    let mut worlds = Vec::new();
    for (company, limit) in [("exemple", 20_000), ("zweite", 70_000)] {
        let mut own = story();
        if limit != 20_000 {
            own.push(decision("2026-02-01", DecisionCode::Dc01, limit, limit));
        }
        let (sandbox, url) = insurer("2026-06-10", vec![buyer(31_001, SIRENS[0], own)]).await;
        let world = World::of(company, &postgres.url).with_csv().with_insurer(&url).with(AUTOMATIC);
        let world = if company == "exemple" {
            world
        } else {
            world.renamed("erp", "zweites-erp").renamed("insurer", "zweiter")
        };
        world.export("clients_1.csv", clients(&[(SIRENS[0], "FR")]).as_bytes());
        world.export("encours_1.csv", items(&[("C1", "EUR", "90000,00")]).as_bytes());
        worlds.push((company, sandbox, world));
    }
    let on = date("2026-06-10");
    let mut setups = Vec::new();
    for (_, _, world) in &worlds {
        let setup = world.setup().await;
        cycle_on(&setup, on).await;
        setups.push(setup);
    }
    for setup in &setups {
        cycle_on(setup, on).await;
    }
    // Each sends its own, whoever sends first.
    send(&setups[1], on, at(on, 9)).await;
    assert_eq!((worlds[0].1.accepted().len(), worlds[1].1.accepted().len()), (0, 1));
    assert_eq!(states(&setups[0]).await, ["increase proposed"]);
    send(&setups[0], on, at(on, 9)).await;
    assert_eq!((worlds[0].1.accepted().len(), worlds[1].1.accepted().len()), (1, 1));
    for (setup, (company, sandbox, _)) in setups.iter().zip(&worlds) {
        let rows = effects(setup).await;
        assert_eq!(rows.len(), 1, "{company}");
        assert_eq!(
            sandbox.accepted()[0].reference.as_deref(),
            Some(rows[0].our_reference.as_str()),
            "{company}"
        );
        let mut tx = setup.ledger.read().await.unwrap();
        let insurer = &setup.policies[0].connection;
        let limits = tx.limits(company).await.unwrap();
        assert!(!limits.is_empty() && limits.iter().all(|row| row.connection == *insurer), "{company}");
        assert!(
            tx.accounts(company)
                .await
                .unwrap()
                .iter()
                .all(|row| setup.connections.iter().any(|own| own.id == row.connection))
        );
        let owed: Vec<i64> =
            tx.exposures(company, None).await.unwrap().iter().map(|row| row.outstanding_minor).collect();
        assert_eq!(owed, [9_000_000], "{company} owes its own invoices, once");
        let deltas = tx.deltas(company, 1_000).await.unwrap();
        assert!(!deltas.is_empty());
        let connection = |key: &str| key.split('.').nth(2).unwrap_or_default().to_owned();
        let others: BTreeSet<String> = deltas
            .iter()
            .map(|delta| connection(&delta.routing_key))
            .filter(|id| !id.is_empty() && !setup.connections.iter().any(|own| own.id == *id))
            .collect();
        assert!(others.is_empty(), "{company} is told of {others:?}");
        tx.rollback().await.unwrap();
        let pending = setup.ledger.outbox(company, 0, 1_000).await.unwrap();
        assert_eq!(pending.len(), deltas.len(), "{company} publishes its own deltas and no others");
    }
    assert_ne!(effects(&setups[0]).await[0].our_reference, effects(&setups[1]).await[0].our_reference);
    for setup in setups {
        setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_does_not_take_over_the_connection_of_another() {
    let postgres = Postgres::new().await;
    let first = World::of("exemple", &postgres.url).with_csv();
    first.export("clients_1.csv", clients(&[(SIRENS[0], "FR")]).as_bytes());
    first.export("encours_1.csv", items(&[("C1", "EUR", "90000,00")]).as_bytes());
    let setup = first.setup().await;
    cycle_on(&setup, date("2026-06-10")).await;
    let other = World::of("zweite", &postgres.url).with_csv();
    let error = other.try_setup().await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("connection \"erp\"") && error.contains("company \"exemple\""), "{error}");
    setup.ledger.close().await;
    postgres.drop().await;
}

#[tokio::test]
async fn a_check_online_compares_the_policy_with_what_the_insurer_says() {
    let check = |currency: &'static str| async move {
        let (_sandbox, url) = insurer(&encours::clock::now().date_naive().to_string(), Vec::new()).await;
        let year = chrono::Datelike::year(&encours::clock::now().date_naive());
        let world = World::new("sqlite:ledger.db").with(&second(&url)).with(&format!(
            "[[policy]]\nnumber = \"0004711\"\nconnection = \"insurer-2\"\ncurrency = \"{currency}\"\n\
             valid_from = \"{year}-01-01\"\nvalid_to = \"{year}-12-31\"\ninsured_percentage = \"90\""
        ));
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_encours"));
        command.args(["check", "--online", "--config"]).arg(world.file());
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (done.status.code().unwrap(), String::from_utf8(done.stdout).unwrap())
    };
    let (code, told) = check("EUR").await;
    assert!(
        told.contains("✓ policy 0004711 with insurer-2: the insurer states the same currency and dates"),
        "{told}"
    );
    assert_eq!(code, 0, "{told}");
    let (code, told) = check("USD").await;
    assert!(
        told.contains("✗ policy 0004711 with insurer-2: the insurer says EUR, [[policy]] says USD"),
        "{told}"
    );
    assert_eq!(code, 1, "{told}");
}
