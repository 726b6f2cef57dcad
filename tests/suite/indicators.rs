//! `encours indicators` on the demo's ledger against the generator's own items, and on whole French ledgers.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};

use encours::demo::{Day, Demo};
use encours::model::{Currency, Date, Item, ItemKind, render_minor};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

fn encours(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_encours")).args(arguments).output().unwrap()
}

fn text(arguments: &[&str]) -> String {
    let output = encours(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&text(arguments)).unwrap()
}

fn figure<'v>(group: &'v Value, id: &str) -> &'v Value {
    group["figures"].as_array().unwrap().iter().find(|figure| figure["id"] == id).unwrap()
}

fn told(group: &Value, id: &str) -> String {
    figure(group, id)["value"].as_str().unwrap_or_else(|| panic!("{id}: {}", figure(group, id))).to_owned()
}

fn cents(text: &str) -> i64 {
    text.replace('.', "").parse().unwrap()
}

/// `part ÷ whole` as a figure is printed, by another way than the program's.
fn quotient(part: i128, whole: i128, scale: u32) -> String {
    let exact = Decimal::from_i128_with_scale(part, 0) / Decimal::from_i128_with_scale(whole, 0);
    let mut rounded = exact.round_dp_with_strategy(scale, RoundingStrategy::MidpointNearestEven);
    rounded.rescale(scale);
    rounded.to_string()
}

fn late(due: Date, on: Date) -> i64 {
    on.signed_duration_since(due).num_days()
}

#[test]
fn the_demo_has_the_figures_of_its_generator() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo").display().to_string();
    let days = json(&["demo", "--once", "--json", "--data-dir", &dir]);
    let demo = Demo::new(1, days["days"][0]["date"].as_str().unwrap().parse().unwrap());
    let on = demo.date(Day::Second);
    let config = format!("{dir}/encours.toml");
    let ask = |arguments: &[&str]| {
        let mut all = vec!["--config", &config, "--json", "indicators"];
        all.extend(arguments);
        json(&all)
    };

    // What the two files showed: what is open on either day, and what was paid between them.
    let first: BTreeSet<&str> = demo
        .items(Day::First)
        .iter()
        .filter(|item| item.open_minor > 0)
        .map(|item| item.number.as_str())
        .collect();
    let listed: Vec<&Item> = demo
        .items(Day::Second)
        .iter()
        .filter(|item| item.open_minor > 0 || first.contains(item.number.as_str()))
        .collect();

    let company = ask(&["--complete-from", "2000-01-01"]);
    assert_eq!((company["by"].as_str(), company["date"].as_str()), (Some("company"), Some(&*on.to_string())));
    let from: Date = company["window"]["from"].as_str().unwrap().parse().unwrap();
    assert_eq!(company["window"]["months"], 12);
    let mut currencies = BTreeSet::new();
    for group in company["groups"].as_array().unwrap() {
        let code = group["currency"].as_str().unwrap();
        let currency = Currency::parse(code).unwrap();
        currencies.insert(currency);
        let own: Vec<&&Item> = listed.iter().filter(|item| item.currency == currency).collect();
        let invoices: Vec<&&&Item> = own.iter().filter(|item| item.kind == ItemKind::Invoice).collect();
        let open = |wanted: &dyn Fn(&Item) -> bool| -> i128 {
            invoices.iter().filter(|item| wanted(item)).map(|item| i128::from(item.open_minor)).sum()
        };
        let all = open(&|_| true);
        let owed = demo.expected(Day::Second).outstanding[&currency].sum_minor;
        assert_eq!(told(group, "customer_working_capital"), render_minor(owed, currency), "{code}");
        let overdue = open(&|item| late(item.due, on) > 0);
        assert_eq!(told(group, "overdue_rate"), quotient(overdue * 100, all, 2), "{code}");
        let unpaid = open(&|item| late(item.due, on) > 90);
        assert_eq!(told(group, "unpaid_rate"), quotient(unpaid * 100, all, 2), "{code}");
        let terms: i128 = invoices
            .iter()
            .map(|item| i128::from(item.open_minor) * i128::from(late(item.issued, item.due)))
            .sum();
        assert_eq!(told(group, "dso_contractual"), quotient(terms, all, 1), "{code}");
        let turnover: i128 = own
            .iter()
            .filter(|item| item.kind != ItemKind::Receipt && item.issued >= from)
            .map(|item| i128::from(item.kind.sign() * item.total_minor))
            .sum();
        let window = i128::from(late(from, on) + 1);
        assert_eq!(told(group, "dso_simple"), quotient(i128::from(owed) * window, turnover, 1), "{code}");

        let paid: Vec<_> = invoices.iter().filter(|item| item.open_minor == 0).collect();
        let weight: i128 = paid.iter().map(|item| i128::from(item.total_minor)).sum();
        if weight == 0 {
            assert_eq!(figure(group, "average_days_late")["reason"], "no_settled_invoice", "{code}");
        } else {
            let days: i128 = paid
                .iter()
                .map(|item| i128::from(item.total_minor) * i128::from(late(item.due, on).max(0)))
                .sum();
            assert_eq!(told(group, "average_days_late"), quotient(days, weight, 1), "{code}");
        }
    }
    assert_eq!(currencies, demo.expected(Day::Second).outstanding.into_keys().collect());
    let paid: usize = listed.iter().filter(|i| i.kind == ItemKind::Invoice && i.open_minor == 0).count();
    assert_eq!(paid, demo.expected(Day::Second).paid_in_full, "the test counts what the generator paid");

    // The ledger began with the demo, and says so instead of telling a DSO of what happened to be open.
    let known = ask(&["--currency", "EUR"]);
    let groups = known["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!(figure(&groups[0], "dso_simple")["reason"], "turnover_not_known");
    assert_eq!(known["window"]["turnover_known_from"], demo.date(Day::First).to_string());

    let file = std::fs::read_to_string(&config).unwrap();
    let url = file.lines().find(|line| line.starts_with("url = \"sqlite")).unwrap();
    let whole = file.replacen(url, &format!("{url}\ncomplete_from = \"2000-01-01\""), 1);
    std::fs::write(&config, whole).unwrap();
    assert_eq!(ask(&[])["groups"], company["groups"], "the file says it for good");
    std::fs::write(&config, file).unwrap();

    // What is covered is what the buyers' list says, one by one.
    let buyers = json(&["--config", &config, "--json", "buyers"]);
    let covered: i64 = buyers["buyers"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|buyer| buyer["cover"].as_array().unwrap())
        .map(|cover| cents(cover["covered"].as_str().unwrap()))
        .sum();
    let basis = &groups[0]["basis"];
    assert_eq!(cents(basis["covered"].as_str().unwrap()), covered);
    let owed = cents(basis["owed"].as_str().unwrap());
    assert_eq!(cents(&told(&groups[0], "uninsured_exposure")), owed - covered);

    // Parts add up to the whole.
    for by in ["buyer", "country", "insurer"] {
        let parts = ask(&["--by", by]);
        for id in ["customer_working_capital", "uninsured_exposure"] {
            let mut sums: BTreeMap<String, i64> = BTreeMap::new();
            for group in parts["groups"].as_array().unwrap() {
                *sums.entry(group["currency"].to_string()).or_default() += cents(&told(group, id));
            }
            for group in company["groups"].as_array().unwrap() {
                assert_eq!(sums[&group["currency"].to_string()], cents(&told(group, id)), "{id} by {by}");
            }
        }
    }
    let months = ask(&["--by", "month", "--currency", "EUR"]);
    let months = months["groups"].as_array().unwrap();
    assert_eq!(months.len(), 12);
    assert_eq!(months[0]["basis"], Value::Null);
    assert_eq!(figure(&months[0], "overdue_rate")["reason"], "before_ledger");
    assert_eq!(told(&months[11], "overdue_rate"), told(&groups[0], "overdue_rate"));

    for source in known["sources"].as_array().unwrap() {
        assert_eq!(source["value"], "0", "{source}");
        assert_eq!(source["read_on"], on.to_string(), "{source}");
    }

    // Each figure has its definition beside it, in the language that is asked for.
    let english = text(&["--config", &config, "indicators"]);
    let french = text(&["--config", &config, "indicators", "--lang", "fr"]);
    for (id, definition) in company["definitions"].as_object().unwrap() {
        assert!(english.contains(definition["definition"]["en"].as_str().unwrap()), "{id}: {english}");
        assert!(french.contains(definition["definition"]["fr"].as_str().unwrap()), "{id}: {french}");
    }
    let wrong = encours(&["--config", &config, "indicators", "--currency", "EURO"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_whole_ledger_has_its_working_capital() {
    let sample = |name: &str| format!("{}/connectors/fec/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    let whole = json(&["--json", "indicators", "--fec", &sample("whole-ledger.txt")]);
    let parts: BTreeMap<&str, &str> = whole["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (part["id"].as_str().unwrap(), part["amount"].as_str().unwrap()))
        .collect();
    let by_hand = [
        ("stocks", "12000.00"),
        ("receivables", "16200.00"),
        ("payables", "-9600.00"),
        ("customer_advances", "-1500.00"),
        ("supplier_advances", "700.00"),
        ("operating_claims", "100.00"),
        ("operating_debts", "-3200.00"),
        ("prepaid_charges", "300.00"),
        ("deferred_income", "0.00"),
        ("investment_suppliers", "-8400.00"),
        ("depreciation", "-1000.00"),
        ("other_third_parties", "-50.00"),
        ("elsewhere", "-5550.00"),
        ("no_account", "0.00"),
    ];
    assert_eq!(parts, by_hand.into_iter().collect());
    assert_eq!((&whole["trade"], &whole["whole"]), (&"18600.00".into(), &"15000.00".into()));
    assert_eq!((&whole["debit"], &whole["credit"]), (&"80450.00".into(), &"80450.00".into()));
    assert_eq!(whole["has_opening"], true);

    let told = text(&["indicators", "--fec", &sample("tab-utf8-debit-credit.txt"), "--lang", "fr"]);
    assert!(told.contains("2 620.00") && told.contains("Plan comptable général"), "{told}");
    assert!(told.contains("à-nouveaux"), "a file without opening entries says what is missing: {told}");

    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.txt");
    let text = std::fs::read_to_string(sample("whole-ledger.txt")).unwrap();
    std::fs::write(&cut, text.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n").unwrap();
    let refused = encours(&["indicators", "--fec", &cut.display().to_string()]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("debit 80 450.00") && told.contains("export it again"), "{told}");
}
