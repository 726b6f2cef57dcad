//! Looking a buyer up for a fee: by a person, once, and the request goes out with what was found.

use std::process::{Command, Stdio};
use std::time::Duration;

use encours::engine::lookup::Question;
use encours::ledger::{LookupAsk, LookupKey};
use encours::model::{Identifier, Scheme};
use encours::sandbox::Insurer;
use encours::sandbox::atradius::{Fault, FaultKind, On, Operation, Sandbox};

use super::{AUTOMATIC, at, cycle_on, date, effects, send, states};
use crate::support::world::{CLIENTS, ITEMS, World, buyer, insurer};

const SIREN: &str = "000000018";
const BUYER: &str = "siren:000000018";
const FEES: &str = "[policy.fees]\nlook_up = \"12.50\"";
const KEY: LookupKey<'static> =
    LookupKey { connection: "insurer", country: "FR", scheme: "siren", value: SIREN };

/// A buyer that owes and that the insurer has never decided on; it knows it, as 31001, when `known`.
async fn world(known: &[u64]) -> (Sandbox, World) {
    let buyers = known.iter().map(|id| buyer(*id, SIREN, Vec::new())).collect();
    let (sandbox, url) = insurer("2026-06-10", buyers).await;
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url).with(AUTOMATIC).with(FEES);
    world.export("clients_1.csv", format!("{CLIENTS}C1;Exemple C1;{SIREN};;FR;;EUR;30;N\n").as_bytes());
    let row = "Facture;F1;C1;Exemple C1;01/06/2026;01/08/2026;EUR;24000,00;24000,00;N;\n";
    world.export("encours_1.csv", format!("{ITEMS}{row}").as_bytes());
    let setup = world.setup().await;
    cycle_on(&setup, date("2026-06-10")).await;
    setup.ledger.close().await;
    (sandbox, world)
}

/// Runs the program beside the simulator: exit code, standard output and standard error.
async fn encours(world: &World, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_encours"));
    command.args(args).args(["--config"]).arg(world.file()).stdin(Stdio::null());
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

async fn asks(world: &World) -> Vec<LookupAsk> {
    let setup = world.setup().await;
    let mut tx = setup.ledger.read().await.unwrap();
    let asks = tx.lookup_asks(KEY).await.unwrap();
    tx.rollback().await.unwrap();
    setup.ledger.close().await;
    asks
}

fn spoil(sandbox: &Sandbox, kind: FaultKind) {
    sandbox.fault(Fault { on: Some(On::Operation(Operation::FindBuyer)), times: 1, kind });
}

#[tokio::test]
async fn a_buyer_is_looked_up_once_and_its_first_request_goes_out_with_what_was_found() {
    let (sandbox, world) = world(&[31_001]).await;
    let first = date("2026-06-10");
    let setup = world.setup().await;
    for hour in 8..11 {
        cycle_on(&setup, first).await;
        send(&setup, first, at(first, hour)).await;
    }
    assert_eq!(states(&setup).await, ["new proposed"]);
    let why = effects(&setup).await[0].approval.clone();
    assert!(why.contains("id of the buyer is not known"), "{why}");
    assert_eq!(sandbox.billed_lookups(), 0, "no cycle, no plan and no sending looks a buyer up");
    setup.ledger.close().await;
    encours(&world, &["plan"]).await;
    encours(&world, &["apply"]).await;
    encours(&world, &["check", "--online"]).await;
    assert_eq!((sandbox.billed_lookups(), sandbox.accepted().len()), (0, 0));

    let (code, told, noise) = encours(&world, &["buyers", "find", "C1", "--by", "anne"]).await;
    assert_eq!(code, 0, "{told}{noise}");
    assert!(
        noise.contains("The insurer may charge for it: policy 0004711 states a fee of 12.50 EUR for it."),
        "{noise}"
    );
    assert!(told.contains("31001") && told.contains("FRA"), "{told}");
    let line = "encours buyers link insurer/31001 siren:000000018 --because \"the insurer's look-up by siren 000000018\"";
    assert!(told.contains(line), "{told}");
    assert_eq!(sandbox.billed_lookups(), 1);
    for _ in 0..3 {
        let (code, told, noise) = encours(&world, &["buyers", "find", SIREN]).await;
        assert_eq!(code, 0);
        assert!(told.contains("nothing was asked now") && told.contains("31001"), "{told}");
        assert!(!noise.contains("Asking"), "{noise}");
    }
    let asked = asks(&world).await;
    assert_eq!(asked.iter().map(|ask| (ask.ask, ask.who.as_str())).collect::<Vec<_>>(), [(1, "anne")]);

    // Found is not linked: nothing is sent on what nobody has confirmed.
    let setup = world.setup().await;
    cycle_on(&setup, first).await;
    send(&setup, first, at(first, 12)).await;
    assert_eq!(states(&setup).await, ["new proposed"]);
    setup.ledger.close().await;
    let (code, told, _) = encours(&world, &["buyers", "find", "C1", "--link", "--by", "anne"]).await;
    assert_eq!(code, 0);
    assert!(
        told.contains("insurer/31001 is siren:000000018 now, by the insurer's look-up by siren 000000018"),
        "{told}"
    );
    assert_eq!(sandbox.billed_lookups(), 1);

    let setup = world.setup().await;
    cycle_on(&setup, first).await;
    let row = effects(&setup).await.remove(0);
    assert!(row.is_automatic(), "{}", row.approval);
    assert_eq!((row.subject.as_str(), row.facts["insurer_buyer_id"].as_str()), ("31001", "31001"));
    send(&setup, first, at(first, 13)).await;
    let accepted = sandbox.accepted();
    assert_eq!(
        accepted.iter().map(|one| (one.buyer.as_str(), one.amount_minor)).collect::<Vec<_>>(),
        [("31001", 2_400_000)]
    );
    assert_eq!(accepted[0].reference.as_deref(), Some(row.our_reference.as_str()));
    for hour in 14..17 {
        cycle_on(&setup, first).await;
        send(&setup, first, at(first, hour)).await;
    }
    assert_eq!((sandbox.accepted().len(), sandbox.billed_lookups()), (1, 1));
    setup.ledger.close().await;
}

#[tokio::test]
async fn a_person_links_what_was_found_and_takes_it_back() {
    let (sandbox, world) = world(&[31_001]).await;
    let (code, _, told) =
        encours(&world, &["buyers", "link", "insurer/31001", BUYER, "--because", "guessed"]).await;
    assert_eq!(code, 1, "nobody has heard of that id yet");
    assert!(told.contains("no look-up has named it"), "{told}");
    encours(&world, &["buyers", "find", "C1"]).await;
    let (code, told, noise) =
        encours(&world, &["buyers", "link", "insurer/31001", BUYER, "--because", "the insurer's look-up"])
            .await;
    assert_eq!(code, 0, "{noise}");
    assert!(told.contains("insurer/31001 is siren:000000018 now"), "{told}");
    let on = date("2026-06-10");
    let known = || async {
        let setup = world.setup().await;
        cycle_on(&setup, on).await;
        let id = effects(&setup).await[0].facts.get("insurer_buyer_id").cloned();
        setup.ledger.close().await;
        id
    };
    assert_eq!(known().await.as_deref(), Some("31001"));
    let (code, told, noise) = encours(&world, &["buyers", "unlink", "insurer/31001"]).await;
    assert_eq!(code, 0, "{told}{noise}");
    assert_eq!(known().await, None, "what was taken back is not used");
    assert_eq!(sandbox.billed_lookups(), 1);
}

#[tokio::test]
async fn a_question_in_doubt_is_not_repeated_unless_a_person_says_why() {
    // 500 after the search, and silence beyond the patience of the caller cannot be told from a billed question.
    for kind in [FaultKind::ErrorAfter, FaultKind::Truncated, FaultKind::ErrorBefore] {
        let (sandbox, world) = world(&[31_001]).await;
        spoil(&sandbox, kind);
        let (code, told, _) = encours(&world, &["buyers", "find", "C1", "--link"]).await;
        assert_eq!(code, 1, "{kind:?}: {told}");
        assert!(told.contains("may have been billed") && told.contains("12.50 EUR"), "{kind:?}: {told}");
        let billed = sandbox.billed_lookups();
        assert_eq!(billed, u64::from(kind != FaultKind::ErrorBefore));
        for _ in 0..3 {
            let (code, told, _) = encours(&world, &["buyers", "find", "C1"]).await;
            assert_eq!(code, 1);
            assert!(told.contains("no answer was kept"), "{told}");
        }
        assert_eq!(sandbox.billed_lookups(), billed, "{kind:?}");
        let (code, _, _) = encours(&world, &["buyers", "find", "C1", "--repeat"]).await;
        assert_eq!(code, 2, "a repetition needs a reason");
        let because = "the insurer says on the telephone that it saw nothing";
        let (code, told, _) =
            encours(&world, &["buyers", "find", "C1", "--repeat", "--because", because, "--by", "anne"])
                .await;
        assert_eq!(code, 0, "{kind:?}: {told}");
        assert!(told.contains("31001"), "{told}");
        assert_eq!(sandbox.billed_lookups(), billed + 1);
        // What is answered is not asked again, whatever is said.
        encours(&world, &["buyers", "find", "C1", "--repeat", "--because", "again"]).await;
        assert_eq!(sandbox.billed_lookups(), billed + 1);
        let asked = asks(&world).await;
        assert_eq!(asked.len(), 2);
        assert_eq!((asked[1].who.as_str(), asked[1].because.as_str()), ("anne", because));
    }
}

#[tokio::test]
async fn a_question_that_was_turned_away_may_be_asked_again() {
    let (sandbox, world) = world(&[31_001]).await;
    spoil(&sandbox, FaultKind::TooManyRequests { retry_after_seconds: 1 });
    let (code, told, _) = encours(&world, &["buyers", "find", "C1"]).await;
    assert_eq!(code, 1);
    assert!(told.contains("was not asked"), "{told}");
    assert_eq!(sandbox.billed_lookups(), 0);
    let (code, told, _) = encours(&world, &["buyers", "find", "C1"]).await;
    assert_eq!((code, sandbox.billed_lookups()), (0, 1), "{told}");
}

#[tokio::test]
async fn refused_credentials_ask_nothing_and_pause_the_connection() {
    let (sandbox, world) = world(&[31_001]).await;
    sandbox.change_secret("another");
    let sign_ins = || sandbox.calls().iter().filter(|call| call.path.contains("/tokens")).count();
    let before = sign_ins();
    for _ in 0..2 {
        let (code, told, _) = encours(&world, &["buyers", "find", "C1"]).await;
        assert_eq!(code, 1);
        assert!(told.contains("was not asked"), "{told}");
    }
    assert_eq!((sign_ins() - before, sandbox.billed_lookups()), (1, 0), "shown once, then paused");
}

#[tokio::test]
async fn nobody_found_is_an_answer_and_several_are_left_to_a_person() {
    let (sandbox, world) = world(&[]).await;
    for _ in 0..2 {
        let (code, told, _) = encours(&world, &["buyers", "find", "C1"]).await;
        assert_eq!(code, 0);
        assert!(told.contains("knows nobody as siren 000000018 in FR"), "{told}");
    }
    assert_eq!(sandbox.billed_lookups(), 1);

    let (sandbox, world) = self::world(&[31_001, 31_002]).await;
    let (code, told, _) = encours(&world, &["buyers", "find", "C1", "--link"]).await;
    assert_eq!(code, 1, "what was asked for was not done");
    assert!(
        told.contains("31001") && told.contains("31002") && told.contains("nothing was linked"),
        "{told}"
    );
    let (_, json, _) = encours(&world, &["--json", "buyers", "find", "C1"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (json["state"].as_str(), json["asked_now"].as_bool(), json["linked"].as_bool()),
        (Some("answered"), Some(false), Some(false))
    );
    assert_eq!(json["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(sandbox.billed_lookups(), 1);
}

#[tokio::test]
async fn an_answer_from_another_country_does_not_fit() {
    let (_sandbox, world) = world(&[]).await;
    let setup = world.setup().await;
    let connection = setup.connections.iter().find(|connection| connection.id == "insurer").unwrap();
    let question = Question {
        connection: "insurer".to_owned(),
        country: "FR".to_owned(),
        identifier: Identifier::new(Scheme::Siren, SIREN).unwrap(),
    };
    let row = |id: &str, country: Option<&str>| {
        let country = country.map(|country| ("country".to_owned(), country.to_owned()));
        [("insurer_buyer_id".to_owned(), id.to_owned())].into_iter().chain(country).collect()
    };
    let answer = vec![
        row("1", Some("FRA")),
        row("2", Some("FR")),
        row("3", None),
        row("4", Some("BEL")),
        row("", Some("FRA")),
    ];
    let fits: Vec<(String, bool)> =
        question.candidates(connection, &answer).into_iter().map(|one| (one.id, one.fits)).collect();
    let want = [("1", true), ("2", true), ("3", true), ("4", false)].map(|(id, fits)| (id.to_owned(), fits));
    assert_eq!(fits, want, "their word for the country, ours, or none; and nobody without an id");
    setup.ledger.close().await;
}

#[tokio::test]
async fn a_buyer_without_a_sound_number_is_not_asked_about() {
    let (sandbox, world) = world(&[31_001]).await;
    let clients = format!(
        "{CLIENTS}C1;Exemple C1;{SIREN};;FR;;EUR;30;N\nC2;Exemple C2;123456789;;FR;;EUR;30;N\nC3;Exemple C3;;DE000000014;DE;;EUR;30;N\n"
    );
    world.export("clients_2.csv", clients.as_bytes());
    let setup = world.setup().await;
    cycle_on(&setup, date("2026-06-11")).await;
    setup.ledger.close().await;
    let (code, _, told) = encours(&world, &["buyers", "find", "C2"]).await;
    assert_eq!(code, 1);
    assert!(told.contains("no account of the buyer has a sound number"), "{told}");
    let (code, _, told) = encours(&world, &["buyers", "find", "C1", "--with", "erp"]).await;
    assert_eq!(code, 2);
    assert!(told.contains("they can with insurer"), "{told}");
    assert_eq!(sandbox.billed_lookups(), 0);
    encours(&world, &["buyers", "find", "C3"]).await;
    assert_eq!(sandbox.billed_lookups(), 1, "a VAT number is asked by too");
    assert!(
        sandbox
            .calls()
            .iter()
            .any(|call| call.query.contains("uidType=VAT") && call.query.contains("country=DEU"))
    );
}

#[tokio::test]
async fn killed_while_the_insurer_searches_it_is_not_asked_again() {
    let (sandbox, world) = world(&[31_001]).await;
    spoil(&sandbox, FaultKind::TimeoutAfter { milliseconds: 60_000 });
    let mut child = Command::new(env!("CARGO_BIN_EXE_encours"))
        .args(["buyers", "find", "C1", "--config"])
        .arg(world.file())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::timeout(Duration::from_secs(120), async {
        while sandbox.billed_lookups() == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it asked the insurer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    for _ in 0..3 {
        let (code, told, _) = encours(&world, &["buyers", "find", "C1"]).await;
        assert_eq!(code, 1);
        assert!(told.contains("no answer was kept"), "{told}");
    }
    let setup = world.setup().await;
    cycle_on(&setup, date("2026-06-11")).await;
    setup.ledger.close().await;
    assert_eq!(sandbox.billed_lookups(), 1);
}
