//! The process dies: at every point where it waits, and for real while the insurer holds the request.

use std::process::{Command, Stdio};
use std::time::Duration;

use encours::engine::effects::{Options, Which, carry_out};
use encours::sandbox::Insurer;
use encours::sandbox::atradius::{Action, DecisionCode, Sandbox};
use encours::sandbox::fault::{Calls, FaultKind};

use super::{AUTOMATIC, at, cycle_on, date, effects, send, states};
use crate::support::cut;
use crate::support::world::{CLIENTS, ITEMS, World, buyer, decision, insurer};

const SIREN: &str = "000000018";

async fn world() -> (Sandbox, String, World) {
    let story = vec![decision("2026-01-01", DecisionCode::Dc01, 20_000, 20_000)];
    let (sandbox, url) = insurer("2026-06-10", vec![buyer(31_001, SIREN, story)]).await;
    let amount = sandbox
        .amount_for(31_001, Action::Supersede, 30_000, |seen| seen.days == 0 && seen.total > 20_000)
        .unwrap();
    let world = World::new("sqlite:ledger.db").with_csv().with_insurer(&url).with(AUTOMATIC);
    world.export("clients_1.csv", format!("{CLIENTS}C1;Exemple C1;{SIREN};;FR;;EUR;30;N\n").as_bytes());
    let row = format!("Facture;F1;C1;Exemple C1;01/06/2026;01/08/2026;EUR;{amount},00;{amount},00;N;\n");
    world.export("encours_1.csv", format!("{ITEMS}{row}").as_bytes());
    (sandbox, url, world)
}

/// Waits until the simulator has answered whatever had reached it: a call of its own goes behind.
async fn settled(url: &str) {
    reqwest::get(format!("{url}/sandbox/state")).await.unwrap().text().await.unwrap();
}

#[tokio::test]
async fn dying_wherever_it_waits_leads_to_exactly_one_request() {
    let on = date("2026-06-10");
    let (sandbox, url, world) = world().await;
    let setup = world.setup().await;
    cycle_on(&setup, on).await;
    setup.ledger.close().await;
    let ledger = world.path().join("ledger.db");
    let proposed = std::fs::read(&ledger).unwrap();
    let mut polls = 1;
    let mut seen = std::collections::BTreeSet::new();
    loop {
        for beside in ["ledger.db-wal", "ledger.db-shm"] {
            let _ = std::fs::remove_file(world.path().join(beside)); // there may be none
        }
        std::fs::write(&ledger, &proposed).unwrap();
        sandbox.forget_requests();
        let setup = world.setup().await;
        let options = Options { which: Which::Automatic, by: "encours", day: on, now: at(on, 9) };
        let done = cut(carry_out(&setup, &options), polls).await;
        settled(&url).await;
        setup.ledger.close().await;

        let setup = world.setup().await;
        seen.extend(states(&setup).await);
        for hour in 10..13 {
            send(&setup, on, at(on, hour)).await;
            settled(&url).await;
        }
        assert_eq!(states(&setup).await, ["increase done"], "cut after {polls} polls");
        let references: Vec<_> =
            sandbox.accepted().into_iter().map(|request| request.reference.unwrap()).collect();
        assert_eq!(references, [effects(&setup).await[0].our_reference.clone()], "cut after {polls} polls");
        setup.ledger.close().await;
        if done.is_some() {
            break;
        }
        polls += 1;
    }
    for state in ["proposed", "approved", "sending", "done"] {
        assert!(
            seen.contains(&format!("increase {state}")),
            "no cut left it {state}: {seen:?}, {polls} cuts"
        );
    }
}

#[tokio::test]
async fn killed_while_the_insurer_holds_the_request_it_is_found_after_a_restart() {
    for (fault, attempts) in [
        (FaultKind::TimeoutAfter { milliseconds: 60_000 }, 1),
        (FaultKind::TimeoutBefore { milliseconds: 60_000 }, 2),
    ] {
        let on = date("2026-06-10");
        let (sandbox, url, world) = world().await;
        let setup = world.setup().await;
        cycle_on(&setup, on).await;
        setup.ledger.close().await;
        sandbox.spoil(Calls::Write, 1, fault);
        let mut child = Command::new(env!("CARGO_BIN_EXE_encours"))
            .args(["apply", "--auto", "--config"])
            .arg(world.file())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let held = || sandbox.calls().iter().any(|call| call.method == "PUT");
        tokio::time::timeout(Duration::from_secs(120), async {
            while !held() {
                assert!(child.try_wait().unwrap().is_none(), "it ended before it called the insurer");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        settled(&url).await;

        let setup = world.setup().await;
        assert_eq!(states(&setup).await, ["increase sending"], "{fault:?}");
        // The lease of the dead holds for a while, in the time of the machine.
        let now = encours::clock::now();
        send(&setup, on, now).await;
        assert_eq!(states(&setup).await, ["increase sending"], "{fault:?}");
        let later = now + chrono::TimeDelta::hours(1);
        send(&setup, on, later).await;
        send(&setup, on, later + chrono::TimeDelta::hours(1)).await;
        assert_eq!(states(&setup).await, ["increase done"], "{fault:?}");
        assert_eq!(effects(&setup).await[0].attempts, attempts, "{fault:?}");
        assert_eq!(sandbox.accepted().len(), 1, "{fault:?}");
    }
}
