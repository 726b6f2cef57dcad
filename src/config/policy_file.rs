//! Policy files: one policy a file, its head and its `[[period]]` tables; and what the periods of a policy are to each other.
//!
//! A period takes what it does not state from the head, key by key, and never from another period: it can be read with the
//! head alone, and taking a period out changes no other. A clause that is a table (`[notices]`) is taken or replaced whole.
//! Invariant: of one policy, no day is in two periods.

use std::path::Path;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::policy::{Found, Table};
use super::reader::Places;
use crate::format::toml::Problem;
use crate::model::Policy;

/// The name and the text of a policy file.
pub(super) struct Content {
    pub(super) name: String,
    pub(super) text: String,
}

/// Keys that say which policy it is, and so stand in the head.
const OF_THE_HEAD: &[&str] = &["number", "connection", "currency", "insured_companies"];

/// Keys that say which period it is.
const OF_A_PERIOD: &[&str] = &["valid_from", "valid_to"];

/// The policy files of a folder in the order of their names; none where there is no folder.
pub(super) fn of_folder(folder: &Path) -> Result<Vec<Content>, Vec<Problem>> {
    let failed = |error: std::io::Error| {
        vec![Problem::at(&folder.display().to_string(), "", None, format!("it cannot be read: {error}"))]
    };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|extension| extension == "toml") && !is_hidden && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    paths.iter().map(|path| content(path)).collect()
}

/// One policy file.
pub(super) fn content(path: &Path) -> Result<Content, Vec<Problem>> {
    let shown = path.strip_prefix(".").unwrap_or(path).display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Content { name: shown, text }),
        Err(error) => Err(vec![Problem::at(&shown, "", None, format!("it cannot be read: {error}"))]),
    }
}

/// The periods of a policy file, in its order.
pub(super) fn periods<'a>(places: &Places<'a>, problems: &mut Vec<Problem>) -> Vec<Found<'a>> {
    let at = |span, message: String| Problem::at(places.file, places.text, span, message);
    let root = match DeTable::parse(places.text) {
        Ok(root) => root,
        Err(error) => {
            problems.push(at(error.span(), error.message().to_owned()));
            return Vec::new();
        }
    };
    let mut head = root.into_inner();
    for key in OF_A_PERIOD {
        if let Some((key, _)) = head.remove_entry(*key) {
            let told = format!("{} is of one period: it stands in a [[period]]", key.get_ref());
            problems.push(at(Some(key.span()), told));
        }
    }
    let listed = match head.remove("period").map(|value| (value.span(), value.into_inner())) {
        Some((_, DeValue::Array(periods))) if !periods.is_empty() => periods,
        Some((span, _)) => {
            problems.push(at(Some(span), "periods are written as [[period]]".to_owned()));
            return Vec::new();
        }
        None => {
            let told = "a policy has at least one [[period]]: it states valid_from and what is not the same in all periods";
            problems.push(at(None, told.to_owned()));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for period in listed {
        let span = period.span();
        let DeValue::Table(period) = period.into_inner() else {
            problems.push(at(Some(span), "periods are written as [[period]]".to_owned()));
            continue;
        };
        let mut whole = head.clone();
        for (key, value) in period {
            if OF_THE_HEAD.contains(&key.get_ref().as_ref()) {
                let told = format!(
                    "{} is the same in all periods: it stands above the first [[period]]",
                    key.get_ref()
                );
                problems.push(at(Some(key.span()), told));
                continue;
            }
            whole.remove(key.get_ref().as_ref()); // the key too, since it says where a problem is
            whole.insert(key, value);
        }
        // What is wrong with the head is found in every period, and told once.
        let mut own = Vec::new();
        match Table::deserialize(Deserializer::from(Spanned::new(span, whole))) {
            Ok(table) => found.extend(table.read(places, &mut own)),
            Err(error) => own.push(at(error.span(), error.message().to_owned())),
        }
        for problem in own {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    found
}

/// Looks for a policy in two places, periods that overlap, and days between two periods.
pub(super) fn compare(found: &[Found<'_>], problems: &mut Vec<Problem>, warnings: &mut Vec<Problem>) {
    let key = |one: &Found<'_>| (one.policy.connection.clone(), one.policy.number.clone());
    let mut tell = |problem: Problem| {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    };
    for (index, one) in found.iter().enumerate() {
        for earlier in found.iter().take(index).filter(|earlier| key(earlier) == key(one)) {
            if earlier.places.file != one.places.file {
                let told = format!(
                    "policy {} with {} stands in {} too: keep all its periods in one file",
                    one.policy.number, one.policy.connection, earlier.places.file
                );
                tell(placed(one, one.number.clone(), told));
            } else if one.policy.valid_from == earlier.policy.valid_from {
                let told =
                    format!("two periods of policy {} begin on {}", one.policy.number, one.policy.valid_from);
                tell(placed(one, one.valid_from.clone(), told));
            } else {
                let (first, second) = if earlier.policy.valid_from < one.policy.valid_from {
                    (earlier, one)
                } else {
                    (one, earlier)
                };
                tell_overlap(first, second, &mut tell);
            }
            // One limit holds the invoices of all periods, so it is shared by the same companies in all.
            let (insured, before) = (&one.policy.insured_companies, &earlier.policy.insured_companies);
            if insured != before && insured.len().max(before.len()) > 1 {
                let told = format!(
                    "the periods of policy {} differ in insured_companies: they share one limit, so name the same in each",
                    one.policy.number
                );
                tell(placed(one, one.number.clone(), told));
            }
        }
    }
    let mut ordered: Vec<&Found<'_>> = found.iter().collect();
    ordered.sort_by_key(|one| (key(one), one.policy.valid_from));
    for (before, after) in ordered.iter().zip(ordered.iter().skip(1)) {
        let gap = before.policy.valid_to.and_then(|to| to.succ_opt()).zip(after.policy.valid_from.pred_opt());
        if let Some((first, last)) = gap.filter(|(first, last)| key(before) == key(after) && first <= last) {
            let days = if first == last { first.to_string() } else { format!("{first} to {last}") };
            let told = format!(
                "no period of policy {} contains {days}: nothing invoiced then is covered",
                after.policy.number
            );
            warnings.push(placed(after, after.valid_from.clone(), told));
        }
    }
}

fn tell_overlap(first: &Found<'_>, second: &Found<'_>, tell: &mut impl FnMut(Problem)) {
    let Policy { valid_from, valid_to, number, .. } = &first.policy;
    let begins = second.policy.valid_from;
    if valid_to.is_some_and(|to| to < begins) {
        return;
    }
    let end = valid_to.map_or_else(|| "has no valid_to".to_owned(), |to| format!("ends on {to}"));
    let before = begins.pred_opt().unwrap_or(begins);
    let told = format!(
        "this period of policy {number} begins on {begins}, and the one from {valid_from} {end}: end that one with valid_to = \
         \"{before}\""
    );
    tell(placed(second, second.valid_from.clone(), told));
}

fn placed(one: &Found<'_>, span: std::ops::Range<usize>, message: String) -> Problem {
    Problem::at(one.places.file, one.places.text, Some(span), message)
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use std::fs;

    const CONFIG: &str = r#"
[company]
id = "acme"
name = "Exemple SAS"

[ledger]
url = "sqlite:encours.db"

[[connection]]
id = "insurer"
connector = "csv"
"#;

    const IN_CONFIG: &str = r#"
[[policy]]
number = "0007"
connection = "insurer"
valid_from = "2026-01-01"
insured_percentage = "90"
"#;

    const FILE: &str = r#"number = "0042"
connection = "insurer"
insured_companies = ["acme", "beta"]
insured_percentage = "90"
mep_days = 60

[notices]
days = 30
threshold = "500.00"

[[period]]
valid_from = "2025-01-01"
valid_to = "2025-12-31"
insured_percentage = "85"

[[period]]
valid_from = "2026-01-01"

[period.notices]
from = "mep"
days = 20
"#;

    fn load(config: &str, files: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("policies/tests")).unwrap();
        fs::write(folder.path().join("encours.toml"), config).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join("policies").join(name), text).unwrap();
        }
        let shown = format!("{}/", folder.path().display());
        Config::load(&folder.path().join("encours.toml")).map_err(|problems| {
            problems.iter().map(|p| format!("{p}\n")).collect::<String>().replace(&shown, "")
        })
    }

    fn told(text: &str) -> String {
        load(CONFIG, &[("a.toml", text)]).unwrap_err()
    }

    #[test]
    fn a_period_takes_what_it_does_not_state_from_the_head() {
        let files =
            [("a.toml", FILE), ("notes.txt", "no policy"), (".a.toml", "no policy"), ("tests/a.toml", "no")];
        let config = load(&format!("{CONFIG}{IN_CONFIG}"), &files).unwrap();
        let [table, old, new] = config.policies.as_slice() else { panic!("{:?}", config.policies) };
        assert_eq!(
            (table.number.as_str(), old.number.as_str(), new.number.as_str()),
            ("0007", "0042", "0042")
        );
        assert_eq!(
            (old.insured_percentage.to_string(), new.insured_percentage.to_string()),
            ("85".into(), "90".into())
        );
        assert_eq!((old.mep_days, new.mep_days), (Some(60), Some(60)));
        let (before, after) = (old.notices.as_ref().unwrap(), new.notices.as_ref().unwrap());
        assert_eq!((before.days, before.threshold.minor), (30, 50_000));
        assert_eq!(
            (after.days, after.threshold.minor),
            (20, 0),
            "a clause that is a table is replaced whole"
        );
        assert_eq!(new.insured_companies, ["acme", "beta"]);
        assert!(
            config.policy_files[0].ends_with("encours.toml")
                && config.policy_files[2].ends_with("policies/a.toml")
        );
        assert_eq!(config.warnings, []);
    }

    #[test]
    fn what_is_wrong_is_told_in_its_own_file_and_once() {
        assert!(told(&FILE.replace("\"90\"", "\"190\"")).starts_with("policies/a.toml:4:22: a percentage"));
        let head = told(&FILE.replace("mep_days = 60", "mep = 60"));
        assert!(head.starts_with("policies/a.toml:5:1: unknown field `mep`"), "{head}");
        assert_eq!(head.matches("unknown field").count(), 1, "found in both periods, told once:\n{head}");
        let inside = told(&FILE.replace("from = \"mep\"", "form = \"mep\""));
        assert!(inside.starts_with("policies/a.toml:20:1: unknown field `form`"), "{inside}");
        let percentage = told(&FILE.replace("insured_percentage = \"90\"\n", ""));
        assert!(
            percentage.starts_with("policies/a.toml:15:1: missing field `insured_percentage`"),
            "{percentage}"
        );
        assert!(
            told(&FILE.replace("\"insurer\"", "\"insuror\"")).contains("a.toml:2:14: there is no connection")
        );
        assert!(told(&FILE.replace("\"acme\", ", "")).contains("a.toml:3:22: the policy insures beta"));
        assert!(
            told(&FILE.replace("mep_days = 60\n", "")).contains("a.toml:19:8: notices count from the end")
        );
        assert!(told("number = \n").contains("a.toml:1:"), "{}", told("number = \n"));
    }

    #[test]
    fn a_key_stands_in_the_head_or_in_a_period() {
        let dates = told(&FILE.replace("mep_days = 60", "valid_to = \"2027-12-31\""));
        assert!(dates.contains("a.toml:5:1: valid_to is of one period"), "{dates}");
        let number = told(&format!("{FILE}\n[[period]]\nnumber = \"7\"\nvalid_from = \"2027-01-01\"\n"));
        assert!(number.contains("a.toml:24:1: number is the same in all periods"), "{number}");
        let (none, _) = FILE.split_once("[[period]]").unwrap();
        assert!(told(none).contains("a.toml:1:1: a policy has at least one [[period]]"));
        assert!(
            told(&format!("{none}[period]\nvalid_from = \"2026-01-01\"\n")).contains("written as [[period]]")
        );
    }

    #[test]
    fn periods_that_overlap_and_a_policy_in_two_places_are_refused() {
        let late = told(&FILE.replace("2025-12-31", "2026-03-31"));
        assert!(late.contains("a.toml:17:14: this period of policy 0042 begins on 2026-01-01"), "{late}");
        assert!(late.contains("ends on 2026-03-31: end that one with valid_to = \"2025-12-31\""), "{late}");
        let open = told(&FILE.replace("valid_to = \"2025-12-31\"\n", ""));
        assert!(open.contains("a.toml:16:14:") && open.contains("has no valid_to"), "{open}");
        assert!(
            told(&FILE.replace("2025-01-01", "2026-01-01")).contains("ends on 2025-12-31, before it begins")
        );
        let same = told(&FILE.replace("2025-01-01", "2026-01-01").replace("2025-12-31", "2026-12-31"));
        assert!(same.contains("two periods of policy 0042 begin on 2026-01-01"), "{same}");
        let twice =
            load(&format!("{CONFIG}{}", IN_CONFIG.replace("0007", "0042")), &[("a.toml", FILE)]).unwrap_err();
        assert!(
            twice.contains("policies/a.toml:1:10: policy 0042 with insurer stands in encours.toml too"),
            "{twice}"
        );
        assert_eq!(twice.matches("stands in").count(), 1, "{twice}");
        let files = load(CONFIG, &[("a.toml", FILE), ("b.toml", FILE)]).unwrap_err();
        assert!(
            files.contains("policies/b.toml:1:10:") && files.contains("stands in policies/a.toml too"),
            "{files}"
        );
        let tables = format!("{CONFIG}{IN_CONFIG}{}", IN_CONFIG.replace("2026", "2027"));
        assert!(load(&tables, &[]).unwrap_err().contains("encours.toml:22:14: this period of policy 0007"));
    }

    #[test]
    fn days_between_two_periods_are_a_warning() {
        let config = load(CONFIG, &[("a.toml", &FILE.replace("2025-12-31", "2025-12-30"))]).unwrap();
        let [warning] = config.warnings.as_slice() else { panic!("{:?}", config.warnings) };
        assert!(warning.message.contains("contains 2025-12-31: nothing invoiced then"), "{warning}");
        assert_eq!(warning.line, 17);
    }
}
