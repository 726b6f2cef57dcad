//! `encours policy test`: whether each case comes out as expected, and which clauses no case hangs on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use encours::config::{Cases, Config, POLICIES};
use encours::credit::case::{Case, Difference, covered_clauses};
use encours::credit::clause::Clause;
use encours::format::toml::Problem;
use encours::model::Policy;
use serde_json::json;

use super::super::table::plural;
use super::super::{Context, Exit, Misconfigured};

/// The folder of the case files, within that of the policies.
const TESTS: &str = "tests";

/// How one case came out.
struct Told<'a> {
    file: &'a str,
    case: &'a Case,
    differences: Vec<Difference>,
}

/// What the cases say of the clauses of one period.
struct Coverage<'a> {
    policy: &'a Policy,
    covered: Vec<Clause>,
    /// Stated, and no case hangs on it.
    missed: Vec<Clause>,
    /// Stated, and nothing that a case can show.
    outside: Vec<Clause>,
}

/// The periods of one policy and all its cases.
type OfPolicy<'a> = (&'a [Policy], Vec<&'a Case>);

/// Runs the command.
///
/// # Errors
/// [`Misconfigured`] with every problem of the configuration and of the case files; a figure that cannot be computed.
pub fn run(context: &Context, files: &[PathBuf]) -> anyhow::Result<Exit> {
    let config = context.config()?;
    let paths = if files.is_empty() { case_files(&config)? } else { files.to_vec() };
    let mut problems: Vec<Problem> = Vec::new();
    let mut all: Vec<Cases> = Vec::new();
    for path in &paths {
        match Cases::load(path, &config) {
            Ok(cases) => all.push(cases),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(Misconfigured::problems(&problems).into());
    }
    let mut told = Vec::new();
    for Cases { file, periods, cases } in &all {
        for case in cases {
            let outcome = case.run(periods)?;
            let differences = case.expected.differences(outcome.as_ref(), periods);
            told.push(Told { file, case, differences });
        }
    }
    let coverage = coverage(&all)?;
    let good = told.iter().all(|one| one.differences.is_empty());
    context.answer(|| words(&told, &coverage), || value(good, &told, &coverage))?;
    Ok(if good { Exit::Fine } else { Exit::Failed })
}

/// The case files beside the policies, in the order of their names.
fn case_files(config: &Config) -> anyhow::Result<Vec<PathBuf>> {
    let folder = config.folder.join(POLICIES).join(TESTS);
    let folder = folder.strip_prefix(".").map(Path::to_path_buf).unwrap_or(folder);
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// What all files say of the clauses of each policy that one of them is of.
fn coverage(all: &[Cases]) -> anyhow::Result<Vec<Coverage<'_>>> {
    let mut by_policy: BTreeMap<(&str, &str), OfPolicy<'_>> = BTreeMap::new();
    for Cases { periods, cases, .. } in all {
        let Some(first) = periods.first() else { continue };
        let entry = by_policy.entry((&first.connection, &first.number)).or_insert((periods, Vec::new()));
        entry.1.extend(cases);
    }
    let mut told = Vec::new();
    for (periods, cases) in by_policy.into_values() {
        let touched = covered_clauses(&cases, periods)?;
        for (index, policy) in periods.iter().enumerate() {
            let stated = || Clause::ALL.iter().copied().filter(|clause| clause.is_stated(policy));
            let is_covered = |clause: &Clause| touched.contains(&(index, *clause));
            let (seen, outside): (Vec<Clause>, Vec<Clause>) =
                stated().partition(|clause| clause.without(policy).is_some());
            let (covered, missed) = seen.into_iter().partition(is_covered);
            told.push(Coverage { policy, covered, missed, outside });
        }
    }
    Ok(told)
}

fn words(told: &[Told<'_>], coverage: &[Coverage<'_>]) -> String {
    if told.is_empty() {
        return format!(
            "There is no case: write some into {POLICIES}/{TESTS}/NAME.toml, as docs/policies.md shows.\n"
        );
    }
    let mut text = String::new();
    let mut file = "";
    for one in told {
        if file != one.file {
            file = one.file;
            text.push_str(&format!("{file}\n"));
        }
        let sign = if one.differences.is_empty() { "✓" } else { "✗" };
        text.push_str(&format!("  {sign} {}\n", one.case.name));
        for Difference { what, expected, got } in &one.differences {
            text.push_str(&format!("      {what}\n        expected {expected}\n        got      {got}\n"));
        }
    }
    for Coverage { policy, covered, missed, outside } in coverage {
        let list = |clauses: &[Clause]| clauses.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
        let all = plural(covered.len() + missed.len(), "clause", "clauses");
        text.push_str(&format!(
            "\nPolicy {} with {}, from {}: cases hang on {} of {all}.\n",
            policy.number,
            policy.connection,
            policy.valid_from,
            covered.len()
        ));
        for (what, clauses) in [("No case hangs on", missed), ("Nothing that a case shows", outside)] {
            if !clauses.is_empty() {
                text.push_str(&format!("  {what}: {}.\n", list(clauses)));
            }
        }
    }
    let wrong = told.iter().filter(|one| !one.differences.is_empty()).count();
    text.push_str(&format!("\n{}, {wrong} not as expected.\n", plural(told.len(), "case", "cases")));
    text
}

fn value(good: bool, told: &[Told<'_>], coverage: &[Coverage<'_>]) -> serde_json::Value {
    let cases = told.iter().map(|one| {
        json!({
            "file": one.file, "case": one.case.name, "ok": one.differences.is_empty(), "differences": one.differences,
        })
    });
    let periods = coverage.iter().map(|Coverage { policy, covered, missed, outside }| {
        json!({
            "policy": policy.number, "connection": policy.connection, "valid_from": policy.valid_from,
            "covered": covered, "missed": missed, "outside": outside,
        })
    });
    json!({ "ok": good, "cases": cases.collect::<Vec<_>>(), "periods": periods.collect::<Vec<_>>() })
}
