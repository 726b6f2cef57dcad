//! Lands a generated file of N invoices into PostgreSQL, twice, beside `psql \copy` of the same file in the same run.
//!
//! `cargo bench --bench landing` with ENCOURS_TEST_PG_URL set (`eval "$(scripts/services start --only postgres)"`);
//! ENCOURS_BENCH_ROWS sets N (1 000 000). Each measured run is a process of its own, so that its peak memory is its own.
//! Ratios of one run on one machine are what counts; absolute times depend on the machine.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "a benchmark measures wall time and stops at the first surprise"
)]

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use encours::config::Config;
use encours::engine::{CycleOptions, Setup, cycle};
use encours::model::Date;

const BUYERS: u64 = 20_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("--land") => land(Path::new(&arguments[2])),
        _ => compare(),
    }
}

/// The file of an ERP in French habits: semicolons, decimal commas, DD/MM/YYYY.
fn generate(path: &Path, rows: u64) {
    let mut file = BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(
        file,
        "Type;Pièce;Code client;Raison sociale;Date pièce;Échéance;Devise;Montant;Reste dû;Litige;Référence"
    )
    .unwrap();
    let start = Date::from_ymd_opt(2025, 1, 1).unwrap();
    let mut state = 42_u64;
    let mut line = String::new();
    for row in 0..rows {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let buyer = (state >> 33) % BUYERS;
        let issued = start + chrono::Duration::days(i64::try_from(row * 420 / rows).unwrap());
        let due = issued + chrono::Duration::days(i64::try_from(30 + (state >> 20) % 3 * 15).unwrap());
        let cents = 10_000 + (state >> 12) % 5_000_000;
        let open = if state.is_multiple_of(5) { cents / 2 } else { cents };
        line.clear();
        write!(
            line,
            "Facture;FA{row:08};C{buyer:06};Exemple {buyer};{};{};EUR;{},{:02};{},{:02};N;CMD{row}",
            issued.format("%d/%m/%Y"),
            due.format("%d/%m/%Y"),
            cents / 100,
            cents % 100,
            open / 100,
            open % 100,
        )
        .unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

fn psql(url: &str, sql: &str) -> f64 {
    let begun = Instant::now();
    let status = Command::new("psql").args([url, "-q", "-v", "ON_ERROR_STOP=1", "-c", sql]).status().unwrap();
    assert!(status.success(), "psql failed: {sql}");
    begun.elapsed().as_secs_f64()
}

/// One landing in this process; prints seconds, deltas and peak memory for the parent.
fn land(folder: &Path) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config =
        Config::load(&folder.join("encours.toml")).unwrap_or_else(|problems| panic!("{}", problems[0]));
    runtime.block_on(async {
        let setup = Setup::open(&config).await.unwrap();
        let begun = Instant::now();
        let day = Date::from_ymd_opt(2026, 3, 10).unwrap();
        let report = cycle(&setup, day, &CycleOptions::default(), &|_| {}).await.unwrap();
        let seconds = begun.elapsed().as_secs_f64();
        assert!(
            report.operations.iter().all(|operation| operation.error.is_none()),
            "{:?}",
            report.operations
        );
        assert!(report.adds_up(), "control totals");
        let (read, landed, quarantined) = report.records();
        let deltas: u64 = report.deltas.values().sum();
        let memory = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak =
            memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB").trim().to_owned();
        println!("{seconds} {read} {landed} {quarantined} {deltas} {peak}");
    });
}

fn child(folder: &Path) -> (f64, u64, String) {
    let output = Command::new(std::env::current_exe().unwrap()).arg("--land").arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    (words[0].parse().unwrap(), words[4].parse().unwrap(), words[5..].join(" "))
}

fn compare() {
    let rows: u64 =
        std::env::var("ENCOURS_BENCH_ROWS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let Ok(server) = std::env::var("ENCOURS_TEST_PG_URL") else {
        println!(
            "landing: ENCOURS_TEST_PG_URL is not set; eval \"$(scripts/services start --only postgres)\" sets it"
        );
        return;
    };
    let folder = std::env::temp_dir().join(format!("encours-bench-{}", std::process::id()));
    let exports = folder.join("exports");
    std::fs::create_dir_all(&exports).unwrap();
    let file = exports.join("encours_20260310.csv");
    generate(&file, rows);
    let database = format!("encours_bench_{}", std::process::id());
    psql(&server, &format!("CREATE DATABASE {database}"));
    let (head, _) = server.rsplit_once('/').unwrap();
    let url = format!("{head}/{database}");

    // The same columns with a primary key; amounts stay text because the file has decimal commas.
    psql(
        &url,
        "CREATE TABLE plain (type text, number text PRIMARY KEY, account text, name text, issued date, due date, currency text, \
         total text, open text, disputed text, reference text)",
    );
    let copy = format!(
        "SET datestyle = 'ISO, DMY'; \\copy plain FROM '{}' WITH (FORMAT csv, HEADER true, DELIMITER ';')",
        file.display()
    );
    // \copy needs a statement of its own: the setting goes into the connection's options.
    let copy = copy.split_once("; ").unwrap().1.to_owned();
    psql(&url, &format!("ALTER DATABASE {database} SET datestyle = 'ISO, DMY'"));
    let copied = psql(&url, &copy);

    let config = format!(
        "[company]\nid = \"bench\"\nname = \"Exemple\"\n\n[ledger]\nurl = \"{url}\"\n\n[[connection]]\nid = \"erp\"\n\
         connector = \"csv\"\nsettings = {{ folder = \"exports\" }}\n"
    );
    std::fs::write(folder.join("encours.toml"), config).unwrap();
    let (first, deltas, memory) = child(&folder);
    let (second, repeated, memory_second) = child(&folder);
    let count = rows as f64;
    println!("landing of {rows} CSV invoices of {BUYERS} buyers into PostgreSQL, one machine, one run");
    println!("  psql \\copy, same file, with a primary key   {copied:8.2} s {:12.0} rows/s", count / copied);
    println!(
        "  first landing, validated, hashed, settled   {first:8.2} s {:12.0} rows/s  peak {memory}, {deltas} deltas",
        count / first
    );
    println!(
        "  second landing, unchanged                   {second:8.2} s {:12.0} rows/s  peak {memory_second}, {repeated} deltas",
        count / second
    );
    println!(
        "  first / copy {:.2} (aim 2.5)   second / first {:.2} (aim 0.33)",
        first / copied,
        second / first
    );
    psql(&server, &format!("DROP DATABASE {database} WITH (FORCE)"));
    std::fs::remove_dir_all(&folder).unwrap();
}
