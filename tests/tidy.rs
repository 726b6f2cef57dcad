//! The rules of the house that no compiler and no lint holds: floors, names, folders and tables in step, documents.
//!
//! Each rule is one test. A finding says where, and the failure says which rule and what to do. Every exception stands in
//! a table with its reason; an exception that nothing needs any more is a finding too.
//! Reference: CONTRIBUTING.md, "Rules"; ARCHITECTURE.md, "Floors".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

// ------------------------------------------------------------------------------------------------------- the tables

/// The floor of every module of `src/`. ARCHITECTURE.md shows the same table to people, and a test compares the two.
const FLOORS: &[(&str, u8)] = &[
    ("main", 7),
    ("cli", 7),
    ("sandbox", 6),
    ("demo", 6),
    ("server", 6),
    ("engine", 5),
    ("ledger", 4),
    ("queue", 4),
    ("connector", 4),
    ("config", 4),
    ("transport", 3),
    ("mapping", 3),
    ("format", 2),
    ("credit", 1),
    ("factoring", 1),
    ("reconcile", 1),
    ("model", 0),
    ("clock", 0),
    ("ids", 0),
];

/// Uses that the floors forbid and that are right all the same: who, whom, why.
const FLOOR_EXCEPTIONS: &[(&str, &str, &str)] =
    &[("clock", "model", "the clock gives the model's word for an instant; nobody on floor 0 reads it")];

/// Modules that may use less than their floor allows: who, whom alone, why.
const NARROW: &[(&str, &[&str], &str)] = &[
    (
        "sandbox",
        &["model", "clock", "ids"],
        "a simulator that read a field through the client's code would share its misreading, and every test would pass",
    ),
    ("demo", &["model"], "the invented company is a function of a seed and a date"),
    ("credit", &["model"], "the core is functions of values to values"),
    ("factoring", &["model"], "the core is functions of values to values"),
    ("reconcile", &["model"], "the core is functions of values to values"),
    ("model", &[], "the words of the field stand on nothing"),
];

/// Modules without a clock, a file, a process, a database or a network.
const PURE: &[&str] = &["model", "credit", "factoring", "reconcile", "mapping", "demo"];

/// What a pure module must not name.
const WORLD: &[&str] = &[
    "tokio",
    "sqlx",
    "reqwest",
    "lapin",
    "axum",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
];

/// Names of partners, as they could appear in code. Words of three or four letters count only when they stand alone.
const VENDORS: &[&str] = &[
    "allianz",
    "aria",
    "atradius",
    "bpce",
    "business central",
    "cegid",
    "cesce",
    "coface",
    "credendo",
    "defacto",
    "dolibarr",
    "dynamics365",
    "ebp",
    "erpnext",
    "eulerhermes",
    "eurofactor",
    "factofrance",
    "netsuite",
    "odoo",
    "pennylane",
    "quickbooks",
    "sage",
    "sap",
    "sellsy",
    "tryton",
];

/// Where a partner may be named in code: simulators and the demo play partners, and the command line offers them.
const VENDOR_PLACES: &[(&str, &str)] = &[
    ("src/sandbox/", "a simulator is of one partner"),
    ("src/demo/", "the demo's insurer and exports are a partner's"),
    ("src/cli/demo", "the demo's insurer and exports are a partner's"),
    ("src/cli/sandbox", "a simulator is of one partner"),
    ("src/cli/init", "the commented configuration that `encours init` writes shows real connectors"),
];

/// The file that embeds `connectors/` and `mappings/`; partners stand there as folder names only.
const EMBEDDED: &str = "src/connector/builtin.rs";

/// Files of `src/` over the length, with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// How many lines a file of `src/` may have.
const LINES_MAX: usize = 900;

/// Files of `src/` that may use floats, with the reason.
const FLOAT_FILES: &[(&str, &str)] = &[(
    "src/format/xlsx.rs",
    "a workbook keeps every number as a float; what does not come back digit by digit is refused",
)];

/// Packages that must not be in Cargo.lock, with the reason.
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-sys", "ring is the one TLS provider; choose features that do not bring a second, built from C"),
    ("aws-lc-rs", "ring is the one TLS provider; choose features that do not bring a second, built from C"),
    ("openssl-sys", "TLS is rustls; nothing here links a C library that has to be patched apart"),
    ("native-tls", "TLS is rustls; nothing here links a C library that has to be patched apart"),
    ("backoff", "unmaintained (RUSTSEC-2025-0012); backon takes its place"),
];

// -------------------------------------------------------------------------------------------------------- the tests

#[test]
fn a_module_uses_only_what_is_below_it() {
    let uses = uses(sources());
    let mut findings = above(&uses);
    for (user, used, reason) in FLOOR_EXCEPTIONS {
        if !uses.iter().any(|u| u.user == *user && u.used == *used) {
            findings.push(format!(
                "tests/tidy.rs: the exception {user} → {used} ({reason}) is not needed any more"
            ));
        }
    }
    report(
        "floors",
        "move the code down to the floor that both stand on, or hand the value in; see ARCHITECTURE.md, \"Floors\"",
        &findings,
    );
}

#[test]
fn a_pure_module_names_nothing_of_the_world() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|s| PURE.contains(&s.module.as_str())) {
        for (number, line) in source.code.lines().enumerate() {
            for name in WORLD.iter().filter(|name| stands_in(line, name)) {
                findings.push(format!("{}:{}: {name}", source.path, number + 1));
            }
        }
    }
    report("pure core", "take the value as an argument, and do the work on a floor above", &findings);
}

#[test]
fn the_floors_of_architecture_md_are_these() {
    let text = read("ARCHITECTURE.md");
    let mut told: BTreeMap<String, u8> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (Some(floor), Some(modules)) = (cells.next().and_then(|c| c.parse().ok()), cells.next()) else {
            continue;
        };
        for name in modules.split('`').skip(1).step_by(2) {
            told.insert(name.trim_end_matches('/').trim_end_matches(".rs").to_owned(), floor);
        }
    }
    let mut findings = Vec::new();
    for (module, floor) in FLOORS {
        match told.remove(*module) {
            Some(said) if said == *floor => {}
            Some(said) => findings
                .push(format!("ARCHITECTURE.md puts {module} on floor {said}, tests/tidy.rs on {floor}")),
            None => findings.push(format!("ARCHITECTURE.md has no floor for {module}")),
        }
    }
    findings.extend(
        told.keys().map(|module| format!("ARCHITECTURE.md has a floor for {module}, tests/tidy.rs has none")),
    );
    report("floors in the documents", "make the two tables say the same", &findings);
}

#[test]
fn every_file_is_declared() {
    let sources = sources();
    let mut findings = Vec::new();
    for source in sources {
        let Some((parents, name)) = parents(&source.path) else { continue };
        let declared = sources
            .iter()
            .any(|s| parents.contains(&s.path) && s.whole_code.contains(&format!("mod {name};")));
        if !declared {
            findings.push(format!("{}: no `mod {name};` in {}", source.path, parents.join(" or ")));
        }
    }
    let tests: Vec<Source> = files("tests", "rs").iter().map(|path| Source::read(path)).collect();
    for test in tests.iter().filter(|test| test.path.matches('/').count() > 1) {
        let stem = test.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        let name = if stem == "mod" { test.path.rsplit('/').nth(1).unwrap_or_default() } else { stem };
        if !tests.iter().any(|other| other.whole_code.contains(&format!("mod {name};"))) {
            findings.push(format!("{}: no test binary declares `mod {name};`, so it never runs", test.path));
        }
    }
    report("dead files", "declare the module, or delete the file", &findings);
}

#[test]
fn no_partner_is_named_in_code() {
    let mut findings = Vec::new();
    for source in sources() {
        if VENDOR_PLACES.iter().any(|(place, _)| source.path.starts_with(place)) {
            continue;
        }
        let embedded = source.path == EMBEDDED;
        for (number, (code, strings)) in source.code.lines().zip(source.strings.lines()).enumerate() {
            let strings = if embedded { without_folders(strings) } else { strings.to_owned() };
            for vendor in VENDORS.iter().filter(|vendor| names(code, vendor) || names(&strings, vendor)) {
                findings.push(format!("{}:{}: {vendor}", source.path, number + 1));
            }
        }
    }
    report(
        "no partner in code",
        "say it in connectors/<system>/connector.toml or mappings/<system>/, or ask a capability flag; only simulators, the \
         demo and tests know partners",
        &findings,
    );
}

#[test]
fn both_databases_have_the_same_schema() {
    let (mut findings, mut names) = (Vec::new(), Vec::new());
    for folder in ["migrations/sqlite", "migrations/postgres"] {
        let list: Vec<String> = files(folder, "sql").iter().filter_map(|path| file_name(path)).collect();
        names.push(list);
    }
    let (sqlite, postgres) =
        (names.first().cloned().unwrap_or_default(), names.get(1).cloned().unwrap_or_default());
    if sqlite != postgres {
        findings.push(format!("migrations/sqlite has {sqlite:?}, migrations/postgres has {postgres:?}"));
    }
    let runner = read("src/ledger/db.rs");
    for name in sqlite.iter().filter(|name| postgres.contains(name)) {
        let (one, other) = (format!("migrations/sqlite/{name}"), format!("migrations/postgres/{name}"));
        findings.extend(schema_differences(&one, &read(&one), &other, &read(&other)));
        for file in [one, other] {
            if !runner.contains(&file) {
                findings.push(format!("{file}: src/ledger/db.rs does not run it"));
            }
        }
    }
    report(
        "two databases, one schema",
        "write the change in both folders: same file name, same tables, same columns in the same order, same keys",
        &findings,
    );
}

#[test]
fn connectors_mappings_and_the_embedded_table_are_in_step() {
    let mut findings = Vec::new();
    let (connectors, mappings) = (folders("connectors"), folders("mappings"));
    for id in &connectors {
        for part in ["connector.toml", "README.md", "samples"] {
            if !root().join("connectors").join(id).join(part).exists() {
                findings.push(format!("connectors/{id} has no {part}"));
            }
        }
        if !mappings.contains(id) {
            findings.push(format!("connectors/{id} has no mappings/{id}"));
        }
        let manifest = root().join("connectors").join(id).join("connector.toml");
        let manifest = fs::read_to_string(manifest).unwrap_or_default();
        let parsed: toml::Table = toml::from_str(&manifest).unwrap_or_default();
        let said = parsed.get("connector").and_then(|c| c.get("id")).and_then(toml::Value::as_str);
        if said != Some(id) {
            findings.push(format!(
                "connectors/{id}/connector.toml has the id {said:?}; an id is its folder's name"
            ));
        }
    }
    findings
        .extend(mappings.difference(&connectors).map(|id| format!("mappings/{id} has no connectors/{id}")));

    let on_disk: BTreeSet<String> =
        ["connectors", "mappings"].iter().flat_map(|folder| files(folder, "")).collect();
    let embedded: BTreeSet<String> = read(EMBEDDED)
        .split("(\"../../")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(path, _)| path.to_owned())
        .collect();
    findings
        .extend(on_disk.difference(&embedded).map(|file| format!("{file}: {EMBEDDED} does not embed it")));
    findings.extend(
        embedded.difference(&on_disk).map(|file| format!("{EMBEDDED}: embeds {file}, which is not there")),
    );
    report(
        "connectors in step",
        "give every system the same files, and list each of them in the embedded table",
        &findings,
    );
}

#[test]
fn every_module_says_what_it_is() {
    let findings: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path.clone())
        .collect();
    report("module header", "begin the file with `//!`: what, why, its invariant, its reference", &findings);
}

#[test]
fn nothing_is_left_half_done() {
    let mut findings = Vec::new();
    for source in sources() {
        let whole = source.whole_code.lines().zip(source.comments.lines());
        for (number, (code, comment)) in whole.enumerate() {
            for word in ["todo!", "unimplemented!", "dbg!"] {
                if code.split(|c: char| !is_word(c) && c != '!').any(|token| token == word) {
                    findings.push(format!("{}:{}: {word}", source.path, number + 1));
                }
            }
            if let Some(word) = marker(comment) {
                findings.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    report("half done", "finish it, or write an issue and take the mark out", &findings);
}

#[test]
fn no_float_comes_near_money() {
    let mut findings = Vec::new();
    let mut needed = BTreeSet::new();
    for source in sources() {
        for (number, line) in source.whole_code.lines().enumerate() {
            if line.split(|c: char| !is_word(c)).any(is_float) {
                match FLOAT_FILES.iter().find(|(file, _)| *file == source.path) {
                    Some((file, _)) => drop(needed.insert(*file)),
                    None => findings.push(format!("{}:{}: {}", source.path, number + 1, line.trim())),
                }
            }
        }
    }
    let unneeded = FLOAT_FILES.iter().filter(|(file, _)| !needed.contains(file));
    findings.extend(
        unneeded.map(|(file, reason)| format!("tests/tidy.rs: {file} ({reason}) has no float any more")),
    );
    report("no float", "use minor units (i64) or rust_decimal; a float is exact for nothing here", &findings);
}

#[test]
fn no_file_is_too_long_to_read() {
    let mut findings = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        let listed = LONG_FILES.iter().any(|(file, _)| *file == source.path);
        if lines > LINES_MAX && !listed {
            findings.push(format!("{}: {lines} lines", source.path));
        }
        if lines <= LINES_MAX && listed {
            findings.push(format!("tests/tidy.rs: {} is listed as long and has {lines} lines", source.path));
        }
    }
    let what =
        format!("split it along its concepts, or move its tests to tests.rs; {LINES_MAX} lines are the most");
    report("length", &what, &findings);
}

#[test]
fn the_lock_file_holds_what_was_chosen() {
    let lock: toml::Table = toml::from_str(&read("Cargo.lock")).unwrap_or_default();
    let packages = lock.get("package").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    assert!(packages.len() > 10, "Cargo.lock cannot be read");
    let mut findings = Vec::new();
    for package in &packages {
        let text = |key| package.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        let (name, version, source) = (text("name"), text("version"), text("source"));
        if let Some((_, reason)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            findings.push(format!("{name} {version}: {reason}; `cargo tree -i {name}` says who brings it"));
        }
        // The name that Cargo gives the public registry, whichever mirror it is fetched from.
        if name != "encours" && source != "registry+https://github.com/rust-lang/crates.io-index" {
            findings.push(format!("{name} {version}: comes from \"{source}\", not from the public registry"));
        }
    }
    report("dependencies", "change the features or the crate; deny.toml holds the same bans", &findings);
}

#[test]
fn every_dependency_has_its_reason() {
    let mut findings = Vec::new();
    let mut inside = false;
    for (number, line) in read("Cargo.toml").lines().enumerate() {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
        } else if inside && line.contains('=') && !line.starts_with('#') && !line.contains(" # ") {
            findings.push(format!("Cargo.toml:{}: {line}", number + 1));
        }
    }
    report("reasons of dependencies", "write behind it, after a #, what it is here for", &findings);
}

#[test]
fn every_link_leads_somewhere() {
    let mut findings = Vec::new();
    for file in documents() {
        let text = without_code(&read(&file));
        for (line, target) in links(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let folder = Path::new(&file).parent().unwrap_or(Path::new(""));
            let to = if path.is_empty() { PathBuf::from(&file) } else { folder.join(path) };
            if !root().join(&to).exists() {
                findings.push(format!("{file}:{line}: {target} is not there"));
            } else if !anchor.is_empty() && to.extension().is_some_and(|e| e == "md") {
                let headings = headings(&fs::read_to_string(root().join(&to)).unwrap_or_default());
                if !headings.contains(anchor) {
                    findings.push(format!("{file}:{line}: {target}: the file has no such heading"));
                }
            }
        }
    }
    report("links", "correct the link, or write what it leads to", &findings);
}

#[test]
fn code_refers_to_headings_that_exist() {
    let mut findings = Vec::new();
    for source in sources() {
        let comments = source.comments.replace("\n//!", " ").replace("\n///", " ");
        for (name, document) in
            [("ARCHITECTURE.md, ", "ARCHITECTURE.md"), ("shared rules, ", "docs/rules.md")]
        {
            let text = read(document).to_lowercase();
            for rest in comments.split(name).skip(1) {
                let quoted = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
                let Some((heading, _)) = quoted else { continue };
                let heading = heading.split_whitespace().collect::<Vec<_>>().join(" ");
                if !text.contains(&heading.to_lowercase()) {
                    findings.push(format!("{}: {document} has no \"{heading}\"", source.path));
                }
            }
        }
    }
    report("references", "correct the reference, or write what it refers to", &findings);
}

#[test]
fn the_connector_of_the_guide_is_a_connector() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in examples("docs/connectors.md", "example/") {
        let path = folder.path().join(&name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(&path, text).expect("a file can be written");
    }
    let connector = match encours::connector::load("example", Some(folder.path())) {
        Ok(connector) => Arc::new(connector),
        Err(error) => {
            panic!("rule \"the guide is true\": docs/connectors.md shows what does not load:\n{error}")
        }
    };
    let told = encours::connector::mapping_test(&connector);
    let sample = told.samples.first().expect("the guide has a sample");
    let outcome = (sample.records, sample.bad, sample.unknown_codes.len());
    let told = (&sample.actual, &sample.differences);
    assert_eq!(outcome, (2, 0, 0), "rule \"the guide is true\": its sample gives {told:?}");
}

#[test]
fn the_documents_list_what_there_is() {
    use encours::credit::Reason;
    use encours::model::{BreakKind, Decision, Event};
    let mut findings = Vec::new();
    let mut listed = |document: &str, what: &str, words: Vec<&str>| {
        let text = read(document);
        for word in words.into_iter().filter(|word| !text.contains(&format!("`{word}`"))) {
            findings.push(format!("{document} does not list the {what} `{word}`"));
        }
    };
    listed("docs/connectors.md", "operation", encours::connector::PURPOSES.iter().map(|p| p.name).collect());
    listed("docs/connectors.md", "verdict", encours::transport::Verdict::NAMES.to_vec());
    let decisions = Decision::ALL.iter().filter(|decision| **decision != Decision::Unknown);
    listed("docs/connectors.md", "decision", decisions.map(|decision| decision.as_str()).collect());
    listed("docs/events.md", "delta", Event::ALL.iter().map(|event| event.as_str()).collect());
    listed("docs/rules.md", "break", BreakKind::ALL.iter().map(|kind| kind.as_str()).collect());
    listed("docs/rules.md", "reason", Reason::ALL.iter().map(|reason| reason.as_str()).collect());
    report("the documents are whole", "write down what it means", &findings);
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = |arguments: &[&str]| -> String {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_encours"));
        let output = command.args(arguments).current_dir(folder.path()).env_remove("COLUMNS").output();
        String::from_utf8_lossy(&output.expect("the program can be run").stdout).into_owned()
    };
    let mut printed = said(&["demo", "--once", "--data-dir", "demo"]);
    printed.push_str(&said(&["--config", "demo/encours.toml", "explain", "siren:000524512"]));
    let printed: BTreeSet<&str> = printed.lines().map(str::trim_end).collect();
    let readme = read("README.md");
    let mut blocks =
        readme.split("<!-- tested").skip(1).filter_map(|rest| rest.split("```").nth(1)).peekable();
    assert!(blocks.peek().is_some(), "the README shows no output any more");
    let findings: Vec<String> = blocks
        .flat_map(str::lines)
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && *line != "…" && !printed.contains(line))
        .map(|line| format!("not printed any more: {line}"))
        .collect();
    report("the README is true", "run the commands of the tour and copy what they print", &findings);
}

#[test]
fn the_configurations_that_are_shown_can_be_read() {
    let mut shown: Vec<(String, String)> =
        vec![("docker/encours.toml".to_owned(), read("docker/encours.toml"))];
    for document in documents() {
        shown.extend(
            examples(&document, "encours.toml").into_iter().map(|(_, text)| (document.clone(), text)),
        );
    }
    assert!(shown.len() > 1, "the README shows a configuration that begins with \"# encours.toml\"");
    let mut findings = Vec::new();
    for (place, text) in shown {
        if let Err(problems) = encours::config::Config::parse(&place, &text, Path::new(".")) {
            findings.extend(problems.iter().map(ToString::to_string));
        }
    }
    report("the documents are true", "correct what is shown", &findings);
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let mut findings = Vec::new();
    let mut all = documents();
    for (folder, extension) in [
        ("src", "rs"),
        ("connectors", "toml"),
        ("mappings", "toml"),
        ("docker", ""),
        ("scripts", ""),
        ("migrations", "sql"),
    ] {
        all.extend(files(folder, extension));
    }
    for file in all {
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            for path in ["/work/", "/root/", "/home/"] {
                let begins = |at: usize| {
                    line.get(..at)
                        .and_then(|head| head.chars().next_back())
                        .is_none_or(|c| " \t\"'`(=:".contains(c))
                };
                if line.match_indices(path).any(|(at, _)| begins(at)) {
                    findings.push(format!("{file}:{}: {path}", number + 1));
                }
            }
        }
    }
    report(
        "no machine in the repository",
        "write a path relative to the repository, or /etc, /var and the like",
        &findings,
    );
}

#[test]
fn the_documents_name_commands_that_exist() {
    let known: BTreeSet<String> = fs::read_dir(root().join("src/cli"))
        .into_iter()
        .flatten()
        .filter_map(|entry| file_name(&entry.ok()?.path().display().to_string()))
        .map(|name| name.trim_end_matches(".rs").replace('_', "-"))
        .collect();
    let mut findings = Vec::new();
    for file in documents() {
        let text = read(&file);
        for (number, line) in text.lines().enumerate() {
            for command in commands(line) {
                if !known.contains(&command) && command != "help" {
                    findings.push(format!("{file}:{}: encours {command}", number + 1));
                }
            }
        }
    }
    report(
        "commands in documents",
        "correct the document, or write src/cli/<command>.rs; a command that is to come is named without `encours` before it",
        &findings,
    );
}

#[test]
fn every_lint_that_is_lifted_says_why() {
    let mut findings = Vec::new();
    let tests: Vec<Source> = files("tests", "rs").iter().map(|path| Source::read(path)).collect();
    for source in sources().iter().chain(&tests) {
        for word in ["allow(", "expect("] {
            for (at, _) in source.whole_code.match_indices(word) {
                let before = source.whole_code.get(..at).unwrap_or_default();
                let attribute = before.rsplit('\n').next().unwrap_or_default().trim_start();
                if !attribute.starts_with("#[") && !attribute.starts_with("#![") {
                    continue;
                }
                let inside = source
                    .whole_code
                    .get(at..)
                    .and_then(|rest| rest.split_once(']'))
                    .map_or("", |(inside, _)| inside);
                if !inside.contains("reason") {
                    findings.push(format!(
                        "{}:{}: {}",
                        source.path,
                        before.matches('\n').count() + 1,
                        inside.trim()
                    ));
                }
            }
        }
    }
    report("lifted lints", "add `reason = \"…\"` to the attribute, or obey the lint", &findings);
}

// --------------------------------------------------------------------------------- the rules, on invented wrong input

#[test]
fn a_use_of_a_floor_above_is_found() {
    let wrong = Source::new(
        "src/format/x.rs",
        "//! x\nuse crate::{model::Date, ledger::{Tx, Error}};\nfn f() { encours::ids::hex(&[]) }\n",
    );
    let right = Source::new(
        "src/ledger/x.rs",
        "//! crate::cli\nuse crate::model::Date; // crate::engine\nconst A: &str = \"crate::cli\";\n",
    );
    let tests = Source::new(
        "src/credit/x.rs",
        "//! x\n#[cfg(test)]\nmod tests {\n use crate::engine::Report;\n}\nuse crate::ids::hex;\n",
    );
    let hidden = Source::new("src/queue/x.rs", "//! x\nuse super::super::connector::X;\n");
    let found = above(&uses(&[wrong, right, tests, hidden]));
    let told = found.join("\n");
    assert_eq!(found.len(), 3, "{told}");
    assert!(told.contains("src/format/x.rs:2: format (floor 2) uses ledger (floor 4)"), "{told}");
    assert!(told.contains("src/credit/x.rs:6: credit uses ids"), "{told}");
    assert!(told.contains("src/queue/x.rs:2: queue (floor 4) uses connector (floor 4)"), "{told}");
}

#[test]
fn code_strings_and_comments_are_told_apart() {
    let text = "let a = \"x // y\"; // \"z\"\nlet b = r#\"q\"r\"#; let c = '\"'; let d: &'a str = b\"e\\\"f\"; /* g /* h */ i */ j";
    let source = Source::new("src/x.rs", text);
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(squeeze(&source.code), "leta=;letb=r#;letc=;letd:&'astr=b;j");
    assert_eq!(squeeze(&source.strings), "\"x//y\"\"q\"r\"#'\"'\"e\\\"f\"");
    assert_eq!(squeeze(&source.comments), "//\"z\"/*g/*h*/i*/");
    assert_eq!(source.code.lines().count(), text.lines().count());
}

#[test]
fn a_partner_is_found_in_names_and_texts_and_not_in_words() {
    assert!(names("fn atradius_limit() {}", "atradius"));
    assert!(names("struct AtradiusClient;", "atradius"));
    assert!(names("let x = \"sage\";", "sage"));
    assert!(!names("let message = usage;", "sage"));
    assert!(!names("let disappear = 1;", "sap"));
}

#[test]
fn a_column_that_moved_is_found() {
    let one = "-- a\nCREATE TABLE a (x TEXT NOT NULL, y INTEGER, PRIMARY KEY (x, y)) STRICT;\nCREATE INDEX i ON a (y);";
    let same = "CREATE TABLE a (x TEXT COLLATE \"C\" NOT NULL, y BIGINT, PRIMARY KEY (x, y));\nCREATE INDEX i ON a (y);";
    assert_eq!(schema_differences("a", one, "b", same), Vec::<String>::new());
    for other in [
        "CREATE TABLE a (y BIGINT, x TEXT NOT NULL, PRIMARY KEY (x, y)); CREATE INDEX i ON a (y);",
        "CREATE TABLE a (x TEXT, y BIGINT, PRIMARY KEY (x, y)); CREATE INDEX i ON a (y);",
        "CREATE TABLE a (x TEXT NOT NULL, y BIGINT, PRIMARY KEY (x)); CREATE INDEX i ON a (y);",
        "CREATE TABLE a (x TEXT NOT NULL, y BIGINT, PRIMARY KEY (x, y)); CREATE INDEX i ON a (x);",
        "CREATE TABLE a (x TEXT NOT NULL, y BIGINT, PRIMARY KEY (x, y));",
    ] {
        assert_eq!(schema_differences("a", one, "b", other).len(), 1, "{other}");
    }
}

#[test]
fn marks_links_and_commands_are_read() {
    assert_eq!(marker("// TODO later"), Some("TODO"));
    assert_eq!(marker("// XXX: later"), Some("XXX"));
    assert_eq!(marker("/// The currency; XXX collects the rest."), None);
    assert!(is_float("f64") && is_float("1f32") && !is_float("0xf64") && !is_float("of64"));
    let text = without_code("[a](b.md) `[c](d)` ![e](f.png)\n```\n[g](h)\n```\n[i](j.md#k \"l\")\n");
    assert_eq!(links(&text), [(1, "b.md".into()), (1, "f.png".into()), (5, "j.md#k".into())]);
    assert!(headings("# One\n## Two words, `three`\n").contains("two-words-three"));
    assert_eq!(
        commands("`encours demo --once`; `encours` reads encours.toml; cargo run -- sync"),
        ["demo", "sync"]
    );
}

// ----------------------------------------------------------------------------------------------------- how they read

/// Fails the test when there is something to report.
fn report(rule: &str, what_to_do: &str, findings: &[String]) {
    let mut text = String::new();
    for finding in findings {
        let _ = writeln!(text, "  {finding}"); // writing to a String cannot fail
    }
    assert!(
        findings.is_empty(),
        "rule \"{rule}\", {} times:\n{text}what to do: {what_to_do}\n",
        findings.len()
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

fn file_name(path: &str) -> Option<String> {
    Some(Path::new(path).file_name()?.to_str()?.to_owned())
}

/// Every file below a folder with an extension (any, when it is empty), relative to the root, sorted.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::from(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(root().join(&folder)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = folder.join(&name);
            if name.starts_with('.') || path == Path::new("target") {
                continue;
            }
            if entry.path().is_dir() {
                waiting.push(path);
            } else if extension.is_empty() || path.extension().is_some_and(|e| e == extension) {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn folders(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn documents() -> Vec<String> {
    files("", "md")
}

/// Every file of `src/`, read once.
fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(read_sources);
    &SOURCES
}

fn read_sources() -> Vec<Source> {
    let paths = files("src", "rs");
    assert!(paths.len() > 10, "src/ cannot be read");
    let mut sources: Vec<Source> = paths.iter().map(|path| Source::read(path)).collect();
    // `#[cfg(test)] mod tests;` makes the whole file a test, and the folder of its name.
    let mut tests = BTreeSet::new();
    for source in &sources {
        let folder = match source.path.rsplit_once('/') {
            Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
            _ => source.path.trim_end_matches(".rs").to_owned(),
        };
        for name in &source.test_modules {
            tests.extend([format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]);
        }
    }
    let is_test =
        |path: &str| tests.iter().any(|test| path == test || (test.ends_with('/') && path.starts_with(test)));
    for source in sources.iter_mut().filter(|source| is_test(&source.path)) {
        source.code = blank(&source.code);
        source.strings = blank(&source.strings);
    }
    sources
}

fn blank(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

/// A Rust file, taken apart. The parts have the lines of the text; what belongs to another part is blank.
struct Source {
    path: String,
    /// The module of `src/` that it belongs to.
    module: String,
    text: String,
    /// Code without tests.
    code: String,
    /// Code with tests.
    whole_code: String,
    /// Texts and characters, without tests.
    strings: String,
    comments: String,
    /// Modules that are declared for tests only.
    test_modules: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Text,
    Comment,
}

impl Source {
    fn read(path: &str) -> Self {
        Self::new(path, &read(path))
    }

    fn new(path: &str, text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let parts = parts(&chars);
        let only = |part: Part| -> Vec<char> {
            chars.iter().zip(&parts).map(|(c, p)| if *p == part || *c == '\n' { *c } else { ' ' }).collect()
        };
        let (mut code, mut strings) = (only(Part::Code), only(Part::Text));
        let whole_code = code.iter().collect();
        let mut test_modules = Vec::new();
        for (from, to) in tests(&code) {
            let item: String = code.get(from..to).unwrap_or_default().iter().collect();
            if let Some((_, name)) = item.trim_end_matches(';').rsplit_once("mod ") {
                test_modules.push(name.trim().to_owned());
            }
            for part in [&mut code, &mut strings] {
                for c in part.iter_mut().take(to).skip(from).filter(|c| **c != '\n') {
                    *c = ' ';
                }
            }
        }
        let below = path.strip_prefix("src/").unwrap_or(path);
        let module = below.split('/').next().unwrap_or(below).trim_end_matches(".rs").to_owned();
        Self {
            path: path.to_owned(),
            module,
            text: text.to_owned(),
            code: code.into_iter().collect(),
            whole_code,
            strings: strings.into_iter().collect(),
            comments: only(Part::Comment).into_iter().collect(),
            test_modules,
        }
    }

    /// How many modules lie between this one and the root of the crate.
    fn depth(&self) -> usize {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let steps = below.split('/').count();
        if matches!(below.rsplit('/').next(), Some("mod.rs" | "lib.rs" | "main.rs")) {
            steps - 1
        } else {
            steps
        }
    }
}

/// Which part each character belongs to.
fn parts(chars: &[char]) -> Vec<Part> {
    let mut parts = Vec::with_capacity(chars.len());
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut i = 0;
    while i < chars.len() {
        let (part, end) = match at(i) {
            '/' if at(i + 1) == '/' => {
                (Part::Comment, chars.iter().skip(i).position(|c| *c == '\n').map_or(chars.len(), |n| i + n))
            }
            '/' if at(i + 1) == '*' => {
                let (mut depth, mut j) = (0_usize, i);
                loop {
                    match (at(j), at(j + 1)) {
                        ('/', '*') => (depth, j) = (depth + 1, j + 2),
                        ('*', '/') => (depth, j) = (depth - 1, j + 2),
                        _ => j += 1,
                    }
                    if depth == 0 || j >= chars.len() {
                        break (Part::Comment, j);
                    }
                }
            }
            '"' => {
                // A raw text has no escapes and ends with as many # as it began with.
                let hashes = chars.iter().take(i).rev().take_while(|c| **c == '#').count();
                let raw = i > hashes
                    && at(i - hashes - 1) == 'r'
                    && (i < hashes + 2 || !is_word(at(i - hashes - 2)) || at(i - hashes - 2) == 'b');
                let mut j = i + 1;
                while j < chars.len() {
                    if !raw && at(j) == '\\' {
                        j += 2;
                        continue;
                    }
                    if at(j) == '"' && (!raw || (1..=hashes).all(|n| at(j + n) == '#')) {
                        j += if raw { hashes + 1 } else { 1 };
                        break;
                    }
                    j += 1;
                }
                (Part::Text, j)
            }
            '\'' if at(i + 1) == '\\' => (
                Part::Text,
                chars.iter().skip(i + 3).position(|c| *c == '\'').map_or(chars.len(), |n| i + 4 + n),
            ),
            '\'' if at(i + 2) == '\'' => (Part::Text, i + 3),
            _ => (Part::Code, i + 1),
        };
        let end = end.clamp(i + 1, chars.len());
        parts.resize(end, part);
        i = end;
    }
    parts
}

/// Where items under `#[cfg(test)]` begin and end.
fn tests(code: &[char]) -> Vec<(usize, usize)> {
    let mark: Vec<char> = "#[cfg(test)]".chars().collect();
    let mut found = Vec::new();
    for from in 0..code.len() {
        if code.get(from..from + mark.len()) != Some(mark.as_slice())
            || found.last().is_some_and(|(_, to)| from < *to)
        {
            continue;
        }
        let mut depth = 0_usize;
        let mut to = code.len();
        for (i, c) in code.iter().enumerate().skip(from + mark.len()) {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && matches!(c, '}' | ';') {
                to = i + 1;
                break;
            }
        }
        found.push((from, to));
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A use of one module by another.
struct Use {
    place: String,
    user: String,
    used: String,
}

fn uses(sources: &[Source]) -> Vec<Use> {
    let mut uses = Vec::new();
    for source in sources.iter().filter(|source| source.module != "lib") {
        let mut add = |at: usize, used: &str| {
            let line = source.code.get(..at).unwrap_or_default().matches('\n').count() + 1;
            if used != source.module && !used.is_empty() {
                uses.push(Use {
                    place: format!("{}:{line}", source.path),
                    user: source.module.clone(),
                    used: used.to_owned(),
                });
            }
        };
        for prefix in ["crate::", "encours::"] {
            for (at, _) in source.code.match_indices(prefix) {
                if source.code.get(..at).and_then(|head| head.chars().next_back()).is_some_and(is_word) {
                    continue;
                }
                let rest = source.code.get(at + prefix.len()..).unwrap_or_default();
                for name in roots(rest) {
                    add(at, &name);
                }
            }
        }
        // As many `super` as there are modules above lead to the root as well.
        let Some(climb) = source.depth().checked_sub(1).map(|above| "super::".repeat(above + 1)) else {
            continue;
        };
        for (at, _) in source.code.match_indices(&climb) {
            let rest = source.code.get(at + climb.len()..).unwrap_or_default();
            for name in roots(rest).iter().filter(|name| FLOORS.iter().any(|(module, _)| module == name)) {
                add(at, name);
            }
        }
    }
    uses
}

/// The first names of a path or of a group of paths.
fn roots(rest: &str) -> Vec<String> {
    let first = |text: &str| text.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>();
    let Some(group) = rest.trim_start().strip_prefix('{') else { return vec![first(rest)] };
    let (mut depth, mut names, mut name) = (0_usize, Vec::new(), String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(first(&std::mem::take(&mut name))),
            _ => {}
        }
        if depth == 0 && c != ',' {
            name.push(c);
        }
    }
    names.push(first(&name));
    names
}

fn above(uses: &[Use]) -> Vec<String> {
    let floor = |module: &str| FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor);
    let mut findings = BTreeSet::new();
    for Use { place, user, used } in uses {
        let (Some(from), Some(to)) = (floor(user), floor(used)) else {
            let unknown = if floor(user).is_none() { user } else { used };
            findings.insert(format!(
                "{place}: {unknown} has no floor; give it one in tests/tidy.rs and ARCHITECTURE.md"
            ));
            continue;
        };
        if FLOOR_EXCEPTIONS.iter().any(|(a, b, _)| a == user && b == used) {
            continue;
        }
        if to >= from {
            findings.insert(format!("{place}: {user} (floor {from}) uses {used} (floor {to})"));
        } else if let Some((_, allowed, reason)) = NARROW.iter().find(|(module, _, _)| module == user)
            && !allowed.contains(&used.as_str())
        {
            let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            findings.insert(format!("{place}: {user} uses {used}, it may use {allowed} only: {reason}"));
        }
    }
    findings.into_iter().collect()
}

/// The files that may declare a module, and its name; nothing for the roots of the crates.
fn parents(path: &str) -> Option<(Vec<String>, String)> {
    let (folder, file) = path.rsplit_once('/')?;
    let stem = file.strip_suffix(".rs")?;
    let (folder, name) = match stem {
        "lib" | "main" if folder == "src" => return None,
        "mod" => folder.rsplit_once('/')?,
        _ => (folder, stem),
    };
    let above = if folder == "src" {
        vec!["src/lib.rs".to_owned(), "src/main.rs".to_owned()]
    } else {
        vec![format!("{folder}/mod.rs"), format!("{folder}.rs")]
    };
    Some((above, name.to_owned()))
}

/// Whether a path such as `std::fs` stands in a line of code, whole.
fn stands_in(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        let after = line.get(at + name.len()..).and_then(|tail| tail.chars().next());
        before.is_none_or(|c| !is_word(c) && c != ':' && c != '.') && after.is_none_or(|c| !is_word(c))
    })
}

/// Whether a line names a partner: anywhere, or as a whole word when the name is short.
fn names(line: &str, vendor: &str) -> bool {
    let line = line.to_lowercase();
    if vendor.len() > 4 {
        return line.contains(vendor);
    }
    line.split(|c: char| !c.is_alphanumeric()).any(|word| word == vendor)
}

/// The embedded table names partners as folders, as their ids and in the names of files; only what stands outside of such
/// texts counts.
fn without_folders(strings: &str) -> String {
    static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let files = files("connectors", "").into_iter().filter_map(|path| file_name(&path));
        files.chain(folders("connectors")).collect()
    });
    strings
        .split('"')
        .filter(|text| !text.contains("connectors/") && !text.contains("mappings/") && !NAMES.contains(*text))
        .collect::<Vec<_>>()
        .join("\"")
}

fn marker(comment: &str) -> Option<&'static str> {
    let words = || comment.split(|c: char| !is_word(c));
    ["TODO", "FIXME"].into_iter().find(|mark| words().any(|word| word == *mark)).or_else(|| {
        // XXX alone is the code of no currency.
        ["XXX:", "XXX("].iter().any(|mark| comment.contains(mark)).then_some("XXX")
    })
}

fn is_float(word: &str) -> bool {
    ["f32", "f64"].iter().any(|kind| {
        word.strip_suffix(kind).is_some_and(|digits| {
            digits.chars().all(|c| c.is_ascii_digit() || c == '_') && !digits.starts_with("0x")
        })
    })
}

/// What differs between two schemas, once per statement; types may differ, names, order, keys and NOT NULL may not.
fn schema_differences(one: &str, left: &str, other: &str, right: &str) -> Vec<String> {
    let (left, right) = (statements(left), statements(right));
    let mut findings = Vec::new();
    for n in 0..left.len().max(right.len()) {
        let (a, b) = (left.get(n), right.get(n));
        if a != b {
            let none = "nothing".to_owned();
            findings.push(format!("{one}: {}\n    {other}: {}", a.unwrap_or(&none), b.unwrap_or(&none)));
        }
    }
    findings
}

/// The statements of a schema without what the two databases say differently.
fn statements(sql: &str) -> Vec<String> {
    let plain: String = sql
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
        .collect::<Vec<_>>()
        .join(" ");
    plain
        .split(';')
        .map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|statement| !statement.is_empty())
        .map(|statement| {
            let Some((head, body)) =
                statement.split_once('(').filter(|(head, _)| head.starts_with("CREATE TABLE"))
            else {
                return match statement.starts_with("ALTER TABLE") {
                    true => statement.split(' ').take(6).collect::<Vec<_>>().join(" "),
                    false => statement,
                };
            };
            let body = body.rsplit_once(')').map_or(body, |(body, _)| body);
            let columns: Vec<String> = split_top(body).iter().map(|column| column_of(column)).collect();
            format!("{}({})", head.trim(), columns.join(", "))
        })
        .collect()
}

/// A column without its type, or a constraint of the table as it is.
fn column_of(column: &str) -> String {
    let column = column.trim();
    let name = column.split(' ').next().unwrap_or_default();
    if ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "CONSTRAINT"].contains(&name) {
        return column.to_owned();
    }
    let kept = ["NOT NULL", "PRIMARY KEY", "UNIQUE"].into_iter().filter(|word| column.contains(word));
    std::iter::once(name).chain(kept).collect::<Vec<_>>().join(" ")
}

/// Splits at the commas that stand in no bracket.
fn split_top(text: &str) -> Vec<String> {
    let (mut depth, mut parts, mut part) = (0_usize, Vec::new(), String::new());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    parts
}

/// The code blocks of a document whose first line is a comment with a path that contains `part`: path and text.
fn examples(document: &str, part: &str) -> Vec<(String, String)> {
    let text = read(document);
    let blocks = text.split("\n```").enumerate().filter(|(n, _)| n % 2 == 1).map(|(_, block)| block);
    blocks
        .filter_map(|block| {
            let (first, rest) = block.split_once('\n')?.1.split_once('\n')?;
            let path = first.trim_start_matches(['#', '/', ' ']).split(',').next()?.trim();
            (path.contains(part) && first.starts_with(['#', '/']))
                .then(|| (path.to_owned(), format!("{rest}\n")))
        })
        .collect()
}

/// A document with its code blanked, so that only its prose has links.
fn without_code(text: &str) -> String {
    let mut fenced = false;
    let mut out = String::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        if !fence && !fenced {
            for (n, piece) in line.split('`').enumerate() {
                out.push_str(if n % 2 == 0 { piece } else { "" });
            }
        }
        fenced ^= fence;
        out.push('\n');
    }
    out
}

/// The targets of the links of a document, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            found.push((number + 1, target.to_owned()));
        }
    }
    found
}

/// The anchors that the headings of a document make.
fn headings(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|c| is_word(*c) || *c == ' ' || *c == '-')
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

/// The commands that a line of a document runs or names.
fn commands(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["`encours ", "$ encours ", "--release -- ", "cargo run -- "] {
        for rest in line.split(start).skip(1) {
            let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            if !word.is_empty() && !word.starts_with('-') {
                found.push(word);
            }
        }
    }
    if let Some(rest) = line.trim_start().strip_prefix("encours ") {
        let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        if line.trim_start() == line && !word.is_empty() && !word.starts_with('-') && !line.contains(". ") {
            found.push(word);
        }
    }
    found
}
