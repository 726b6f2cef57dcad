//! The job from end to end: files of an ERP and the insurer's answers in, figures, breaks and deltas out.

use std::collections::BTreeSet;

use encours::engine::{CycleOptions, Outcome, cycle, publish};
use encours::model::{BreakKind, Currency};
use encours::sandbox::atradius::{DecisionCode, LayerSetup};

use crate::support::broker::{Consumer, vhost};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, day, decision, deltas, errors, insurer, run};

pub(super) fn client(code: &str, siren: &str, limit: &str) -> String {
    format!("{code};Exemple {code};{siren};;FR;{limit};EUR;30;N\n")
}

pub(super) fn invoice(
    number: &str,
    account: &str,
    issued: &str,
    due: &str,
    total: &str,
    open: &str,
) -> String {
    format!("Facture;{number};{account};Exemple {account};{issued};{due};EUR;{total};{open};N;\n")
}

#[tokio::test]
async fn example_a_a_cut_leaves_what_was_invoiced_covered() {
    let story = vec![
        decision("2026-01-01", DecisionCode::Dc01, 100_000, 100_000),
        decision("2026-03-10", DecisionCode::Dc09, 100_000, 40_000),
    ];
    let (sandbox, url) = insurer("2026-02-01", vec![buyer(31_001, "000000018", story)]).await;
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url);
    let setup = world.setup().await;
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "000000018", "100 000,00")).as_bytes());
    let f1 = invoice("F1", "C1", "05/02/2026", "05/04/2026", "60000,00", "60000,00");
    let f2 = invoice("F2", "C1", "01/03/2026", "30/04/2026", "50000,00", "50000,00");
    let f3 = invoice("F3", "C1", "15/03/2026", "14/05/2026", "20000,00", "20000,00");
    world.export("encours_1.csv", format!("{ITEMS}{f1}{f2}").as_bytes());
    let first = run(&setup, "2026-03-01").await;
    assert_eq!((first.outcome.clone(), errors(&first)), (Outcome::Done, vec![]));
    assert_eq!(first.limits, 1);

    sandbox.set_today(day("2026-03-15"));
    world.export("encours_2.csv", format!("{ITEMS}{f1}{f2}{f3}").as_bytes());
    let second = run(&setup, "2026-03-15").await;
    assert!(deltas(&second).contains(&"limit.reduced=1".to_owned()), "{:?}", deltas(&second));
    let mut tx = setup.ledger.begin().await.unwrap();
    let cover = tx.covers("exemple", None).await.unwrap().remove(0);
    tx.rollback().await.unwrap();
    assert_eq!(
        (cover.cap_minor, cover.covered_minor, cover.uninsured_minor),
        (4_000_000, 10_000_000, 3_000_000)
    );
    assert_eq!(cover.indemnity_minor, 9_000_000);

    let paid = f1.replace("60000,00;N", "0,00;N");
    world.export("encours_3.csv", format!("{ITEMS}{paid}{f2}{f3}").as_bytes());
    run(&setup, "2026-03-16").await;
    let mut tx = setup.ledger.begin().await.unwrap();
    let cover = tx.covers("exemple", None).await.unwrap().remove(0);
    tx.rollback().await.unwrap();
    assert_eq!(
        (cover.covered_minor, cover.uninsured_minor),
        (5_000_000, 2_000_000),
        "F2 grows into the cover, F3 does not"
    );
}

#[tokio::test]
async fn example_c_a_temporary_layer_ends_by_itself() {
    let mut granted = decision("2026-01-02", DecisionCode::Dc01, 70_000, 50_000);
    granted.second =
        Some(LayerSetup { amount: 20_000, expiry: Some(day("2026-06-30")), conditions: Vec::new() });
    let (sandbox, url) = insurer("2026-06-01", vec![buyer(31_001, "000000018", vec![granted])]).await;
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url);
    let setup = world.setup().await;
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "000000018", "70 000,00")).as_bytes());
    world.export(
        "encours_1.csv",
        format!("{ITEMS}{}", invoice("F1", "C1", "01/06/2026", "01/07/2026", "100,00", "100,00")).as_bytes(),
    );
    let before = run(&setup, "2026-06-01").await;
    assert!(deltas(&before).contains(&"limit.expiring=1".to_owned()), "{:?}", deltas(&before));
    sandbox.set_today(day("2026-07-01"));
    let after = run(&setup, "2026-07-01").await;
    assert!(deltas(&after).contains(&"limit.expired=1".to_owned()), "{:?}", deltas(&after));
    let mut tx = setup.ledger.begin().await.unwrap();
    let cover = tx.covers("exemple", None).await.unwrap().remove(0);
    tx.rollback().await.unwrap();
    assert_eq!(cover.cap_minor, 5_000_000);
}

#[tokio::test]
async fn postgres_and_rabbitmq_carry_each_delta_once() {
    let postgres = Postgres::new().await;
    let amqp = vhost("cycle").await;
    let stories = (0..20_u64).map(|n| {
        buyer(
            31_000 + n,
            &siren(n),
            vec![
                decision("2026-01-02", DecisionCode::Dc01, 30_000, 30_000),
                decision("2026-03-11", DecisionCode::Dc09, 30_000, 10_000),
            ],
        )
    });
    let (sandbox, url) = insurer("2026-03-10", stories.collect()).await;
    let world = World::new(&postgres.url).with_csv().with_insurer(&url).with_amqp(&amqp.url);
    let setup = world.setup().await;
    let clients: String = (0..20).map(|n| client(&format!("C{n}"), &siren(n), "30 000,00")).collect();
    let items: String = (0..200)
        .map(|n| {
            invoice(
                &format!("F{n:04}"),
                &format!("C{}", n % 20),
                "02/02/2026",
                "04/03/2026",
                "1000,00",
                "1000,00",
            )
        })
        .collect();
    world.export("clients_1.csv", format!("{CLIENTS}{clients}").as_bytes());
    world.export("encours_1.csv", format!("{ITEMS}{items}").as_bytes());
    let first = run(&setup, "2026-03-10").await;
    assert_eq!(errors(&first), Vec::<String>::new());
    assert_eq!(first.records(), (260, 260, 0), "200 invoices, 20 customers, 20 limits, 20 ratings");
    assert_eq!(first.exposure.get(&Currency::EUR), Some(&20_000_000));
    assert_eq!(deltas(&first), ["limit.granted=20", "exposure.changed=20"]);
    let drained = publish(&setup).await.unwrap().unwrap();
    assert_eq!((drained.published, drained.left_count()), (40, 0));

    let again = run(&setup, "2026-03-10").await;
    assert_eq!(deltas(&again), Vec::<String>::new(), "unchanged input says nothing");
    assert_eq!(publish(&setup).await.unwrap().unwrap().published, 0);

    sandbox.set_today(day("2026-03-11"));
    let next = run(&setup, "2026-03-11").await;
    assert_eq!(deltas(&next), ["limit.reduced=20", "break.opened=20"], "the ERP still holds the old limits");
    assert_eq!(publish(&setup).await.unwrap().unwrap().published, 40);

    let mut tx = setup.ledger.begin().await.unwrap();
    let ids: BTreeSet<String> =
        tx.deltas("exemple", 1000).await.unwrap().into_iter().map(|row| row.id).collect();
    tx.rollback().await.unwrap();
    let read = Consumer::all(&amqp.url, "encours.deltas.all").await;
    assert_eq!(read.len(), 80, "every delta once");
    assert_eq!(read.iter().map(|message| message.id.clone()).collect::<BTreeSet<_>>(), ids);
    assert!(read.iter().any(|m| m.routing_key == "limit.reduced.insurer.fr"), "{:?}", read.first());
    assert!(read.iter().any(|m| m.routing_key == "exposure.changed.erp.fr"), "{:?}", read.first());
    drop(setup);
    postgres.drop().await;
    amqp.remove().await;
}

/// Nine digits from `n` with their Luhn digit: not issued to anybody, since they begin with zeros.
fn siren(n: u64) -> String {
    let body = format!("{:08}", n + 1);
    let sum: u32 = body
        .chars()
        .rev()
        .enumerate()
        .map(|(i, c)| {
            let digit = c.to_digit(10).unwrap() * if i % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

#[tokio::test]
async fn the_trap_file_of_identifiers_comes_through_unchanged() {
    let world = World::new(&sqlite()).with_csv();
    let setup = world.setup().await;
    let rows = [
        invoice("00012", "00012", "31/12/2026", "31/12/2026", "1 234 567 890 123,45", "1234567890123,45"),
        invoice("1E5", "1E5", "31/12/2026", "29/01/2027", "0,01", "0,01"),
        invoice("005520135", "005520135", "01/12/2026", "02/12/2026", "10,00", "10,00"),
    ];
    world.export(
        "clients_1.csv",
        format!(
            "{CLIENTS}00012;Zéro;005 520 135;;FR;;EUR;;\n1E5;Exposant;;;FR;;;;\n005520135;Siren;;;;;;;\n"
        )
        .as_bytes(),
    );
    world.export("encours_1.csv", format!("{ITEMS}{}", rows.concat()).as_bytes());
    let report = run(&setup, "2026-12-31").await;
    assert_eq!((errors(&report), report.records()), (vec![], (6, 6, 0)));
    let mut tx = setup.ledger.begin().await.unwrap();
    let found = tx.find_buyers("exemple", "005520135").await.unwrap();
    assert!(found.iter().any(|b| b.id == "siren:005520135"), "{found:?}");
    let items = tx.items_of("exemple", "siren:005520135").await.unwrap();
    assert_eq!(
        (items[0].number.as_str(), items[0].account.as_str(), items[0].open_minor),
        ("00012", "00012", 123_456_789_012_345)
    );
    assert_eq!(items[0].issued, day("2026-12-31"));
    let exponent = tx.find_buyers("exemple", "1E5").await.unwrap();
    assert_eq!(tx.items_of("exemple", &exponent[0].id).await.unwrap()[0].number, "1E5");
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn bad_records_are_set_aside_and_the_rest_lands() {
    let world = World::new(&sqlite()).with_csv();
    let setup = world.setup().await;
    let good = invoice("F1", "C1", "01/02/2026", "01/03/2026", "100,00", "100,00");
    let rows = [
        good.clone(),
        invoice("F2", "C1", "31/02/2026", "01/03/2026", "50,00", "50,00"),
        invoice("F3", "C1", "01/02/2026", "01/03/2026", "10,005", "10,005"),
        invoice("F4", "C1", "01/02/2026", "01/03/2026", "10,00", "10,00").replace("EUR", "XXZ"),
        good.replace("100,00", "200,00"),
        "Facture;F5;C1\n".to_owned(),
        invoice("F6", "C1", "01/02/2026", "01/03/2026", "7,00", "7,00").replace("Facture", "Mystère"),
    ];
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "", "")).as_bytes());
    world.export("encours_1.csv", format!("{ITEMS}{}", rows.concat()).as_bytes());
    let report = run(&setup, "2026-03-10").await;
    assert_eq!((report.outcome.clone(), errors(&report)), (Outcome::Done, vec![]));
    assert_eq!(report.records(), (8, 3, 5));
    assert!(report.adds_up());
    assert_eq!(report.exposure.get(&Currency::EUR), Some(&10_700), "F1 and F6 count");
    assert_eq!(
        report.breaks.get(&BreakKind::UnknownCode),
        Some(&1),
        "the unknown type is told, its record kept"
    );
    let mut tx = setup.ledger.begin().await.unwrap();
    let aside = tx.quarantined("exemple").await.unwrap();
    tx.rollback().await.unwrap();
    let told: Vec<String> =
        aside.iter().map(|row| format!("{} {}: {}", row.stage, row.place, row.reason)).collect();
    for wanted in ["31/02/2026", "3 decimals", "XXZ", "already on line 2", "3 fields"] {
        assert!(told.iter().any(|text| text.contains(wanted)), "{wanted} not in {told:#?}");
    }
    assert!(aside.iter().all(|row| !row.payload.is_empty() && row.place.contains(':')), "{aside:#?}");

    // Mended at the source: nothing stays aside.
    world.export("encours_2.csv", format!("{ITEMS}{good}{}", rows[6]).as_bytes());
    run(&setup, "2026-03-10").await;
    let mut tx = setup.ledger.begin().await.unwrap();
    assert_eq!(tx.quarantined("exemple").await.unwrap().len(), 0);
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn a_customer_told_twice_in_two_ways_is_told_to_a_person() {
    let world = World::new(&sqlite()).with_csv();
    let setup = world.setup().await;
    let (one, other) = (client("C1", "000000018", "1 000,00"), client("C1", "", "9 000,00"));
    world.export("clients_1.csv", format!("{CLIENTS}{one}{one}{other}").as_bytes());
    world.export(
        "encours_1.csv",
        format!("{ITEMS}{}", invoice("F1", "C1", "01/02/2026", "01/03/2026", "1,00", "1,00")).as_bytes(),
    );
    let report = run(&setup, "2026-03-10").await;
    assert_eq!((errors(&report), report.records().2), (vec![], 1));
    let mut tx = setup.ledger.begin().await.unwrap();
    let aside = tx.quarantined("exemple").await.unwrap();
    assert!(aside[0].reason.contains("second record of customer C1"), "{aside:?}");
    assert_eq!(tx.accounts("exemple").await.unwrap()[0].buyer_id, "siren:000000018", "the first one counts");
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn a_source_that_cannot_be_trusted_is_refused_whole() {
    let world = World::new(&sqlite()).with_csv();
    let setup = world.setup().await;
    let rows: Vec<String> = (0..10)
        .map(|n| invoice(&format!("F{n}"), "C1", "01/02/2026", "01/03/2026", "100,00", "100,00"))
        .collect();
    let all = rows.concat();
    world.export("encours_1.csv", format!("{ITEMS}{all}").as_bytes());
    assert_eq!(errors(&run(&setup, "2026-03-10").await), Vec::<String>::new());

    let cut = format!("{ITEMS}{all}");
    world.export("encours_2.csv", &cut.as_bytes()[..cut.len() - 40]);
    let report = run(&setup, "2026-03-10").await;
    assert!(errors(&report)[0].contains("cut"), "{:?}", errors(&report));
    assert_eq!(report.exposure.get(&Currency::EUR), Some(&100_000));

    world.export("encours_3.csv", format!("{ITEMS}{all}").replace(';', "¤").as_bytes());
    let report = run(&setup, "2026-03-10").await;
    assert!(errors(&report)[0].contains("delimiter"), "{:?}", errors(&report));

    world.export("encours_4.csv", format!("{ITEMS}{}", rows[..7].concat()).as_bytes());
    let report = run(&setup, "2026-03-10").await;
    assert!(errors(&report)[0].contains("3 of 10"), "{:?}", errors(&report));
    assert_eq!(report.exposure.get(&Currency::EUR), Some(&100_000), "nothing changed");
    assert_eq!(deltas(&report), Vec::<String>::new());

    let accepted = CycleOptions { accept_vanished: true, ..CycleOptions::default() };
    let report = cycle(&setup, day("2026-03-10"), &accepted, &|_| {}).await.unwrap();
    assert_eq!((errors(&report), report.exposure.get(&Currency::EUR)), (vec![], Some(&70_000)));

    world.export("encours_5.csv", format!("{ITEMS}{}", rows[..6].concat()).as_bytes());
    assert_eq!(errors(&run(&setup, "2026-03-10").await), Vec::<String>::new(), "1 of 7 is within the share");
}

#[tokio::test]
async fn wrong_credentials_pause_the_connection_and_name_the_setting() {
    let (sandbox, url) = insurer(
        "2026-03-10",
        vec![buyer(31_001, "000000018", vec![decision("2026-01-02", DecisionCode::Dc01, 1000, 1000)])],
    )
    .await;
    let world = World::new(&sqlite()).with_csv().with_insurer(&url.clone());
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "000000018", "")).as_bytes());
    world.export(
        "encours_1.csv",
        format!("{ITEMS}{}", invoice("F1", "C1", "01/02/2026", "01/03/2026", "100,00", "100,00")).as_bytes(),
    );
    let good = std::fs::read_to_string(world.file()).unwrap();
    std::fs::write(world.path().join("wrong.toml"), good.replace("\"secret\"", "\"wrong\"")).unwrap();
    let config = encours::config::Config::load(&world.path().join("wrong.toml")).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let setup = encours::engine::Setup::open(&config).await.unwrap();
    let report = run(&setup, "2026-03-10").await;
    assert_eq!(report.outcome, Outcome::Partial, "the ERP's side landed");
    assert!(report.paused[0].1.contains("client_secret"), "{:?}", report.paused);
    assert_eq!(deltas(&report).iter().filter(|text| text.starts_with("connection.paused")).count(), 1);
    let sign_ins = sandbox.calls().iter().filter(|call| call.path.contains("tokens")).count();
    assert_eq!(sign_ins, 1, "a refused credential is shown once: some partners lock the account");
    let tried = sandbox.calls().len();
    let report = run(&setup, "2026-03-10").await;
    assert_eq!(
        (sandbox.calls().len(), report.paused.len()),
        (tried, 1),
        "a refused credential is not tried again"
    );

    let setup = world.setup().await;
    let mended = CycleOptions { retry_paused: true, ..CycleOptions::default() };
    let report = cycle(&setup, day("2026-03-10"), &mended, &|_| {}).await.unwrap();
    assert_eq!((report.outcome.clone(), report.paused.len(), report.limits), (Outcome::Done, 0, 1));
    assert!(deltas(&report).contains(&"connection.recovered=1".to_owned()), "{:?}", deltas(&report));
}

#[tokio::test]
async fn a_large_first_list_lands_the_same_in_either_ledger() {
    let mut rows: Vec<String> = (0..9_000)
        .map(|n| {
            invoice(
                &format!("F{n}"),
                &format!("C{}", n % 700),
                "01/02/2026",
                "01/03/2026",
                "100,00",
                "100,00",
            )
        })
        .collect();
    rows[1] = invoice("F0", "C1", "01/02/2026", "01/03/2026", "7,00", "7,00"); // a key that is there already
    rows[5_000] = invoice("F0", "C2", "01/02/2026", "01/03/2026", "8,00", "8,00"); // the same, in a later batch
    rows[6_000] = invoice("F6000", "C3", "31/02/2026", "01/03/2026", "9,00", "9,00"); // no such day
    let whole = format!("{ITEMS}{}", rows.concat());
    let cut = whole.trim_end_matches(";N;\n");
    let postgres = Postgres::new().await;
    let mut told = Vec::new();
    for ledger in [sqlite(), postgres.url.clone()] {
        let world = World::new(&ledger).with_csv();
        let setup = world.setup().await;
        world.export("encours_1.csv", cut.as_bytes());
        let refused = run(&setup, "2026-03-10").await;
        assert!(errors(&refused)[0].contains("cut"), "{:?}", errors(&refused));
        assert_eq!((refused.exposure.len(), deltas(&refused)), (0, vec![]), "nothing of a cut file stays");

        world.export("encours_2.csv", whole.as_bytes());
        let report = run(&setup, "2026-03-10").await;
        assert_eq!((errors(&report), report.adds_up()), (vec![], true));
        let invoices = report.operations.iter().find(|operation| operation.operation == "invoices").unwrap();
        assert_eq!((invoices.read, invoices.new, invoices.quarantined), (9_000, 8_997, 3));
        assert_eq!(report.exposure.get(&Currency::EUR), Some(&89_970_000));
        let mut tx = setup.ledger.read().await.unwrap();
        let mut exposures = tx.exposures("exemple", None).await.unwrap();
        exposures.sort_by(|a, b| a.buyer_id.cmp(&b.buyer_id));
        tx.rollback().await.unwrap();
        let again = run(&setup, "2026-03-10").await;
        let invoices = again.operations.iter().find(|operation| operation.operation == "invoices").unwrap();
        assert_eq!((invoices.unchanged, invoices.quarantined, deltas(&again)), (8_997, 3, vec![]));
        told.push((deltas(&report), report.control_totals, exposures));
        setup.ledger.close().await;
    }
    assert_eq!(told[0], told[1]);
    postgres.drop().await;
}

#[tokio::test]
async fn a_limit_that_ends_says_why_and_a_rating_that_changes_is_told_once() {
    let expiring = |on: &str, amount| {
        let first = Some(LayerSetup { amount, expiry: Some(day("2026-03-10")), conditions: Vec::new() });
        encours::sandbox::atradius::Decision { first, ..decision(on, DecisionCode::Dc01, amount, amount) }
    };
    let buyers = vec![
        buyer(31_001, "000000018", vec![expiring("2026-01-01", 50_000)]),
        buyer(31_002, "000000026", vec![decision("2026-01-01", DecisionCode::Dc01, 20_000, 20_000)]),
    ];
    let (sandbox, url) = insurer("2026-03-01", buyers).await;
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url);
    let setup = world.setup().await;
    let clients = format!("{}{}", client("C1", "000000018", "0,00"), client("C2", "000000026", "0,00"));
    world.export("clients_1.csv", format!("{CLIENTS}{clients}").as_bytes());
    world.export(
        "encours_1.csv",
        format!("{ITEMS}{}", invoice("F1", "C1", "05/02/2026", "05/04/2026", "100,00", "100,00")).as_bytes(),
    );
    let first = run(&setup, "2026-03-01").await;
    assert_eq!(errors(&first), Vec::<String>::new());
    assert!(
        !deltas(&first).iter().any(|told| told.starts_with("rating.")),
        "read for the first time is no change"
    );

    assert!(sandbox.rate(31_002, 77));
    sandbox.set_today(day("2026-03-11"));
    let second = run(&setup, "2026-03-11").await;
    assert_eq!(errors(&second), Vec::<String>::new());
    assert!(deltas(&second).contains(&"limit.expired=1".to_owned()), "{:?}", deltas(&second));
    assert!(!deltas(&second).iter().any(|told| told.starts_with("limit.withdrawn")), "{:?}", deltas(&second));
    assert!(deltas(&second).contains(&"rating.changed=1".to_owned()), "{:?}", deltas(&second));
    let mut tx = setup.ledger.begin().await.unwrap();
    let limits = tx.limits("exemple").await.unwrap();
    let ended = limits.iter().find(|row| row.insurer_buyer_id == "31001").unwrap();
    assert_eq!((ended.payload.decision_code.as_str(), ended.payload.amount_minor), ("ECLD", 0));
    let rated = tx.ratings_of("exemple", "siren:000000026").await.unwrap();
    assert_eq!((rated.len(), rated[0].payload.rating.as_str(), rated[0].version), (2, "77", 2));
    tx.rollback().await.unwrap();

    let third = run(&setup, "2026-03-11").await;
    assert_eq!(deltas(&third), Vec::<String>::new(), "the same again says nothing");
    let fourth = run(&setup, "2026-03-12").await;
    assert!(
        !deltas(&fourth).iter().any(|told| told.starts_with("limit.") || told.starts_with("rating.")),
        "{:?}",
        deltas(&fourth)
    );
}
