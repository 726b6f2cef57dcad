//! The program as a newcomer runs it: the demo, a data folder kept, an export of one's own.

use std::path::Path;
use std::process::{Command, Output};

use encours::demo::{Day, Demo};
use encours::model::render_minor;
use serde_json::Value;

fn encours(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_encours")).args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = encours(arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}\n{}", String::from_utf8_lossy(&output.stderr)))
}

fn count(day: &Value, of: &str) -> u64 {
    day[of].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum()
}

#[test]
fn the_demo_prints_one_object_whose_totals_are_those_of_the_generator() {
    let out = json(&["demo", "--once", "--json"]);
    let days = out["days"].as_array().unwrap();
    assert_eq!((days.len(), out.as_object().unwrap().len()), (2, 1));
    let seed = 1;
    let first = days[0]["date"].as_str().unwrap().parse().unwrap();
    let demo = Demo::new(seed, first);
    for (day, which) in days.iter().zip(Day::ALL) {
        let expected = demo.expected(which);
        assert_eq!(day["date"].as_str().unwrap(), demo.date(which).to_string());
        assert_eq!(day["records"]["quarantined"].as_u64().unwrap(), expected.bad as u64);
        let (read, landed) =
            (day["records"]["read"].as_u64().unwrap(), day["records"]["landed"].as_u64().unwrap());
        assert_eq!(read, landed + expected.bad as u64);
        for total in day["control_totals"].as_array().unwrap() {
            let number = |key: &str| total[key].as_i64().unwrap();
            let cents = |key: &str| total[key].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
            assert!(total["source"].is_string() && total["currency"].is_string(), "{total}");
            assert_eq!(
                number("source_count"),
                number("ledger_count") + number("quarantined_count"),
                "{total}"
            );
            assert_eq!(cents("source_sum"), cents("ledger_sum") + cents("quarantined_sum"), "{total}");
        }
        for (currency, total) in &expected.outstanding {
            let printed = day["exposure"]
                .as_array()
                .unwrap()
                .iter()
                .find(|row| row["currency"] == currency.code())
                .unwrap();
            assert_eq!(printed["outstanding"].as_str().unwrap(), render_minor(total.sum_minor, *currency));
        }
        assert!(count(day, "deltas") > 0 && count(day, "breaks") > 0);
        assert!(day["limits"].as_u64().unwrap() > 150);
    }
    assert_eq!(days[1]["deltas"]["limit.reduced"].as_u64(), Some(3), "{}", days[1]["deltas"]);
    assert_eq!(days[1]["deltas"]["limit.withdrawn"].as_u64(), Some(1));
    assert_eq!(days[1]["deltas"]["limit.notice_of_withdrawal"].as_u64(), Some(1));
}

#[test]
fn a_demo_that_is_kept_says_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo").display().to_string();
    let first = json(&["demo", "--once", "--json", "--data-dir", &dir]);
    assert!(first["days"].as_array().unwrap().iter().any(|day| count(day, "deltas") > 0));
    let again = json(&["demo", "--once", "--json", "--data-dir", &dir]);
    let days = again["days"].as_array().unwrap();
    assert!(!days.is_empty());
    assert!(days.iter().all(|day| count(day, "deltas") == 0), "{again}");

    // The kept folder answers the everyday questions.
    let config = format!("{dir}/encours.toml");
    for command in ["buyers", "limits", "exposure", "breaks", "deltas", "quarantine", "connectors"] {
        let people = encours(&["--config", &config, command]);
        assert!(people.status.success(), "{command}: {}", String::from_utf8_lossy(&people.stderr));
        assert!(!people.stdout.is_empty(), "{command}");
        let programs = json(&["--config", &config, "--json", command]);
        assert!(programs.is_array() || programs.is_object(), "{command}");
    }
    let buyers = json(&["--config", &config, "--json", "buyers"]);
    let rows = buyers.as_array().cloned().unwrap_or_else(|| buyers["buyers"].as_array().unwrap().clone());
    assert!(rows.len() > 250, "{}", rows.len());
    let deadlines = json(&["--config", &config, "--json", "deadlines"]);
    let states: Vec<_> =
        deadlines["deadlines"].as_array().unwrap().iter().map(|one| one["state"].as_str()).collect();
    for state in ["missed", "due_soon", "upcoming"] {
        assert!(states.contains(&Some(state)), "{state}");
    }
    let policy = encours(&["--config", &config, "policy", "check"]);
    let policy = String::from_utf8(policy.stdout).unwrap();
    assert!(
        policy.contains("an overdue notice is owed 30 days after the end of the extension period"),
        "{policy}"
    );
    let story = encours(&["--config", &config, "explain", "00012"]);
    assert!(story.status.success(), "{}", String::from_utf8_lossy(&story.stderr));
    assert!(String::from_utf8_lossy(&story.stdout).contains("00012"));
}

#[test]
fn an_export_of_ones_own_is_enough() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/fec/samples");
    let ledger = std::fs::read_dir(samples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "txt"))
        .unwrap();
    let out = json(&["demo", "--once", "--json", "--from", &ledger.display().to_string()]);
    let day = &out["days"][0];
    assert!(day["records"]["read"].as_u64().unwrap() > 0, "{out}");
    assert!(!day["exposure"].as_array().unwrap().is_empty(), "{out}");
    let refused = encours(&["demo", "--once", "--from", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    assert!(!refused.status.success(), "a file that is no export is refused with a reason");
    assert!(!refused.stderr.is_empty());
}

#[test]
fn init_writes_what_check_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_encours"))
            .current_dir(folder.path())
            .args(arguments)
            .output()
            .unwrap()
    };
    assert!(run(&["init"]).status.success());
    let check = run(&["check"]);
    assert!(
        check.status.success(),
        "{}{}",
        String::from_utf8_lossy(&check.stdout),
        String::from_utf8_lossy(&check.stderr)
    );
    assert!(!run(&["init"]).status.success(), "a file that is there is not overwritten");
    let file = folder.path().join("encours.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("[company]", "[compagny]", 1)).unwrap();
    let check = run(&["check"]);
    assert_eq!(check.status.code(), Some(2));
    let told = String::from_utf8_lossy(&check.stderr).into_owned() + &String::from_utf8_lossy(&check.stdout);
    assert!(told.contains("encours.toml:") && told.contains("compagny"), "{told}");
}
