//! `encours policy replay`: the ledger's history under a draft, beside the policy in force, on both databases.

use serde_json::Value;

use super::past::{Story, encours, f1, json, later, told};
use crate::support::database::{Postgres, sqlite};
use crate::support::world::{ITEMS, POLICY, World, day};

const TERMS: &str = "mep_days = 60\n[policy.cover_stop]\nthreshold = \"500.00\"\nlifts = \"payment\"\n\
                     [policy.notices]\nfrom = \"mep\"\ndays = 30\nthreshold = \"500.00\"";

fn write(world: &World, name: &str, number: &str, head: &str, notices: &str) {
    let text = format!(
        "number = \"{number}\"\nconnection = \"insurer\"\ninsured_percentage = \"90\"\n{head}\n[cover_stop]\nthreshold = \"500.00\"\n\
         lifts = \"payment\"\n[notices]\n{notices}\nthreshold = \"500.00\"\n[[period]]\nvalid_from = \"2026-01-01\"\n"
    );
    std::fs::write(world.path().join(name), text).unwrap();
}

fn refused(world: &World, args: &[&str]) -> String {
    let output = encours(world, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

async fn the_history_under_a_draft(ledger: &str) {
    // F1 of 60 000 was due on 5 April and is paid on 25 June; F2 of 50 000 is read on 12 March, F3 of 20 000 on the 15th.
    let story = Story::under(ledger, TERMS).await;
    let world = &story.world;
    story.sandbox.set_today(day("2026-06-20"));
    story.cycle("2026-06-20").await;
    world.export("encours_3.csv", format!("{ITEMS}{}{}", f1("0,00"), later()).as_bytes());
    story.cycle("2026-06-25").await;
    write(world, "same.toml", POLICY, "mep_days = 60", "from = \"mep\"\ndays = 30");
    write(world, "draft.toml", POLICY, "mep_days = 30\nmaximum_terms_days = 59", "from = \"due\"\ndays = 30");
    let asked =
        |file: &str| json(world, &["policy", "replay", file, "--from", "2026-03-01", "--to", "2026-12-31"]);

    let same = asked("same.toml");
    assert_eq!(same["in_force"], same["draft"]);
    assert_eq!(
        (&same["buyers"], &same["buyers_differing"], &same["movers"]),
        (&1.into(), &0.into(), &Value::Array(vec![]))
    );

    let found = asked("draft.toml");
    assert_eq!(
        (&found["from"], &found["to"], &found["days"], &found["known_since"]),
        (&"2026-03-12".into(), &"2026-06-25".into(), &106.into(), &"2026-03-12".into())
    );
    let notes = found["notes"].to_string();
    for part in [
        "The ledger knows items since 2026-03-12",
        "2026-03-01 to 2026-03-11 is not replayed",
        "after 2026-06-25 are not replayed",
    ] {
        assert!(notes.contains(part), "{part:?} is missing in {notes}");
    }
    let side = |name: &str| {
        let side = &found[name];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            text(&side["average"]["uninsured"]),
            text(&side["peak"]["uninsured"]),
            side["stops"].as_i64().unwrap(),
            (side["notices"].as_i64().unwrap(), side["notices_missed"].as_i64().unwrap()),
            text(&side["covered_without_notice"]),
        )
    };
    // 50 000 for 3 days and 70 000 for 102; on the last day the cut limit finds room for 40 000 of F2, but not under the draft.
    assert_eq!(
        side("in_force"),
        ("69056.60".to_owned(), "70000.00".to_owned(), 1, (0, 0), "0.00".to_owned())
    );
    assert_eq!(
        side("draft"),
        ("69433.96".to_owned(), "70000.00".to_owned(), 1, (1, 1), "60000.00".to_owned())
    );
    let mover = &found["movers"][0];
    assert_eq!(
        (&mover["buyer"], &mover["uninsured"], &mover["indemnity"], &mover["why"]),
        (&"siren:000000018".into(), &"377.36".into(), &"-339.62".into(), &"terms_too_long".into())
    );
    assert_eq!(found["months"].as_array().unwrap().len(), 4);

    let words =
        told(world, &["policy", "replay", "draft.toml", "--from", "2026-03-12", "--to", "2026-06-25"]);
    for part in [
        "2026-03-12 to 2026-06-25 (106 days), in EUR",
        "They differ on 1 of 1 buyer; by the draft, on average of the days:",
        "terms_too_long",
        "… and not made in time",
    ] {
        assert!(words.contains(part), "{part:?} is missing in:\n{words}");
    }

    // Of another number it says which policy it is held against.
    write(world, "other.toml", "0099", "mep_days = 60", "from = \"mep\"\ndays = 30");
    let window = ["--from", "2026-03-12", "--to", "2026-06-25"];
    let with = |args: &[&str]| refused(world, &[&["policy", "replay"], args, &window[..]].concat());
    assert!(with(&["other.toml"]).contains("name one with --against"));
    assert!(with(&["other.toml", "--against", "0098"]).contains("no policy 0098"));
    let against =
        json(world, &[&["policy", "replay", "other.toml", "--against", POLICY], &window[..]].concat());
    assert_eq!((&against["policy"], &against["draft_policy"]), (&POLICY.into(), &"0099".into()));
    assert_eq!(against["in_force"], against["draft"]);
    let file = world.path().join("dollars.toml");
    let text = std::fs::read_to_string(world.path().join("same.toml")).unwrap();
    std::fs::write(&file, format!("currency = \"USD\"\n{text}")).unwrap();
    assert!(with(&["dollars.toml"]).contains("EUR and USD"));
    let before = ["policy", "replay", "same.toml", "--from", "2025-01-01", "--to", "2025-12-31"];
    assert!(refused(world, &before).contains("the ledger knows items from 2026-03-12 to 2026-06-25"));
    let around = ["policy", "replay", "same.toml", "--from", "2026-05-01", "--to", "2026-04-01"];
    assert!(refused(world, &around).contains("is after --to"));
    story.setup.ledger.close().await;
}

#[tokio::test]
async fn a_draft_is_told_beside_the_policy_in_force() {
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        the_history_under_a_draft(&ledger).await;
    }
    postgres.drop().await;
}
