//! The main job on an export of one's own: a French ledger (FEC) or a delimited file of open items.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use encours::config::Config;
use encours::connector;
use encours::engine::{CycleOptions, Setup, cycle};
use encours::format::csv::{Next, Options, Rows};
use encours::format::fec;
use encours::format::toml::Problem;
use encours::mapping::{Bound, Target, Terms};
use encours::model::Currency;
use serde_json::json;

use super::Args;
use super::folder::Folder;
use crate::cli::buyers::Portfolio;
use crate::cli::summary::{Bar, Cycle};
use crate::cli::{Books, Context, Exit, Head, Misconfigured, exposure, print, words};

/// How many buyers are shown.
const BUYERS_MAX: usize = 10;

/// How much of a file decides what it is.
const HEAD_BYTES: usize = 64 * 1024;

/// How many rows decide how amounts are written.
const ROWS_SNIFFED: usize = 500;

/// The built-in mappings: amounts with a decimal comma. With a point they stand beside the demo's configuration, which is
/// how a user changes a mapping too.
const MAPPINGS: [(&str, &str); 2] = [
    ("invoice.toml", include_str!("../../../mappings/csv/invoice.toml")),
    ("customer.toml", include_str!("../../../mappings/csv/customer.toml")),
];

/// What a path holds.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// A French ledger.
    Fec(PathBuf),
    /// Open items, and the customers where there is a file of them.
    Csv { items: PathBuf, customers: Option<PathBuf> },
}

/// Runs the demo on a path.
///
/// # Errors
/// [`Misconfigured`] when nothing there can be read, with what was found and what is expected.
pub async fn run(context: &Context, args: &Args, from: &Path) -> anyhow::Result<Exit> {
    let from = from.canonicalize().with_context(|| format!("{} is not there", from.display()))?;
    let found = find(&from)?;
    let folder = Folder::open(args.data_dir.as_deref())?;
    let text = configuration(&found)?;
    folder.write("encours.toml", text.as_bytes())?;
    let point = matches!(&found, Found::Csv { items, .. } if has_decimal_points(items));
    if point {
        for (name, mapping) in MAPPINGS {
            folder.write(&format!("mappings/csv/{name}"), with_decimal_point(mapping).as_bytes())?;
        }
    }
    let config = Config::parse("encours.toml", &text, folder.path()).map_err(|problems| {
        anyhow::anyhow!(problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    let setup = Setup::open(&config).await?;
    let day = args.day.unwrap_or_else(crate::cli::today);
    let bar = Bar::start();
    let report = cycle(&setup, day, &CycleOptions::default(), &|progress| bar.show(progress)).await?;
    drop(bar);
    let cycle = Cycle::of(&setup, report).await?;
    if context.json {
        print(&format!("{:#}\n", json!({ "days": [cycle.report.to_json()] })))?;
    } else {
        let tx = setup.ledger.read().await?;
        let mut books = Books { head: Head { config, settled_on: Some(day) }, tx };
        let portfolio = Portfolio::read(&mut books, None).await?;
        books.close().await?;
        print(&told(&found, point, &cycle, &portfolio, &folder))?;
    }
    setup.ledger.close().await;
    Ok(cycle.exit())
}

fn told(found: &Found, point: bool, cycle: &Cycle, portfolio: &Portfolio, folder: &Folder) -> String {
    let what = match found {
        Found::Fec(path) => format!(
            "{} is a French ledger (FEC): open items are derived from it.\nIt has no due dates, so they are estimated as 30 days \
             after each piece.",
            path.display()
        ),
        Found::Csv { items, customers: None } => format!("{} is read as open items.", items.display()),
        Found::Csv { items, customers: Some(customers) } => {
            format!("{} is read as open items, {} as customers.", items.display(), customers.display())
        }
    };
    let style = if point { " Its amounts have a decimal point." } else { "" };
    let title = format!("{what}{style}\nOn {}; --day counts the ages to another day.", cycle.report.day);
    let mut text = cycle.told(&title);
    for (currency, lines) in exposure::lines(portfolio) {
        text.push_str(&format!(
            "\nWho owes most in {currency}\n{}",
            exposure::table(currency, &lines, BUYERS_MAX)
        ));
    }
    let program = std::env::args().next().unwrap_or_else(|| "encours".to_owned());
    text.push_str("\nNo insurer is connected here, so nothing counts as covered. ");
    if folder.is_temporary() {
        text.push_str(&format!(
            "This ledger was temporary; --data-dir DIR keeps it.\nTo go on: {program} init\n"
        ));
    } else {
        let config = folder.path().join("encours.toml");
        text.push_str(&format!(
            "To go on:\n  {program} --config {} buyers\n  {program} init\n",
            config.display()
        ));
    }
    text
}

/// Finds what can be read at a path.
fn find(from: &Path) -> anyhow::Result<Found> {
    if from.is_file() {
        if is_fec(from)? {
            return Ok(Found::Fec(from.to_owned()));
        }
        return match fits(from, Target::Invoice) {
            Ok(()) => Ok(Found::Csv { items: from.to_owned(), customers: None }),
            Err(told) => Err(unreadable(&[(from.to_owned(), told)])),
        };
    }
    let mut files: Vec<PathBuf> = fs::read_dir(from)
        .with_context(|| format!("the folder {} cannot be read", from.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.is_file() && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
        })
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Misconfigured(format!("{} holds no file", from.display())).into());
    }
    // Of several, the last by name is the latest: that is how exports are named.
    let mut fec = None;
    for file in &files {
        if is_fec(file)? {
            fec = Some(file.clone());
        }
    }
    if let Some(file) = fec {
        return Ok(Found::Fec(file));
    }
    let delimited = |path: &&PathBuf| {
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
        matches!(extension.as_str(), "csv" | "txt" | "tsv")
    };
    let (mut items, mut customers, mut refused) = (None, None, Vec::new());
    for file in files.iter().filter(delimited) {
        match fits(file, Target::Invoice) {
            Ok(()) => items = Some(file.clone()),
            Err(told) => match fits(file, Target::Account) {
                Ok(()) => customers = Some(file.clone()),
                Err(_) => refused.push((file.clone(), told)),
            },
        }
    }
    match items {
        Some(items) => Ok(Found::Csv { items, customers }),
        None if refused.is_empty() && customers.is_none() => Err(Misconfigured(format!(
            "{} holds neither a FEC nor a .csv, .tsv or .txt file",
            from.display()
        ))
        .into()),
        None => {
            refused.extend(
                customers
                    .map(|file| (file, "it lists customers; a file of open items is missing".to_owned())),
            );
            Err(unreadable(&refused))
        }
    }
}

fn is_fec(path: &Path) -> anyhow::Result<bool> {
    use std::io::Read as _;
    let mut head = Vec::new();
    let file = fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    file.take(HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(fec::looks_like_fec(&head))
}

/// Whether the columns of a file are enough for a record of the built-in mapping; else what is missing.
fn fits(path: &Path, target: Target) -> Result<(), String> {
    let rows = Rows::open(path, &Options::default()).map_err(|error| error.to_string())?;
    let connector = connector::load("csv", None).map_err(|error| error.to_string())?;
    let mapping = connector
        .mappings
        .records
        .get(&target)
        .ok_or_else(|| "the connector has no mapping for it".to_owned())?;
    let (settings, terms) = (BTreeMap::new(), Terms { default_days: Some(30), by_account: BTreeMap::new() });
    let header = rows.header();
    Bound::new(mapping, Some(&header), &settings, &terms, Currency::EUR).map(|_| ())
}

/// Whether the amounts of a file have a decimal point: some field is written so, and none with a decimal comma.
fn has_decimal_points(path: &Path) -> bool {
    let Ok(mut rows) = Rows::open(path, &Options::default()) else { return false };
    let mut row = csv::StringRecord::new();
    let (mut points, mut commas) = (0, 0);
    for _ in 0..ROWS_SNIFFED {
        match rows.next(&mut row) {
            Ok(Next::Row(_)) => {
                points += row.iter().filter(|field| is_amount(field, '.', ',')).count();
                commas += row.iter().filter(|field| is_amount(field, ',', '.')).count();
            }
            Ok(Next::Bad(..)) => {}
            Ok(Next::End) | Err(_) => break,
        }
    }
    points > 0 && commas == 0
}

/// Whether a field is an amount with one or two decimals after `decimal`, and perhaps `thousands` before it.
fn is_amount(field: &str, decimal: char, thousands: char) -> bool {
    let Some((whole, rest)) = field.trim().trim_start_matches('-').rsplit_once(decimal) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (1..=2).contains(&rest.len())
        && digits(rest)
        && whole.split([thousands, ' ', '\u{a0}', '\u{202f}']).all(digits)
}

fn with_decimal_point(mapping: &str) -> String {
    mapping.replacen("decimal = \"comma\"", "decimal = \"point\"", 1)
}

fn unreadable(files: &[(PathBuf, String)]) -> anyhow::Error {
    let mut text = String::from("no open items could be recognised\n");
    for (file, told) in files {
        text.push_str(&format!(
            "\n{}:\n{}",
            file.display(),
            words::indent(&words::wrap(told, 98).join("\n"), 2)
        ));
    }
    text.push_str(
        "\nRename the columns to names that are known, or teach Encours yours:\n\
         1. `encours init` in an empty folder,\n\
         2. copy mappings/csv/invoice.toml of Encours into mappings/csv/ there, and put the names of your columns into it,\n\
         3. `encours connectors check` says whether it fits, `encours sync` reads the file.\n",
    );
    Misconfigured(text).into()
}

/// The configuration for what was found.
fn configuration(found: &Found) -> anyhow::Result<String> {
    let text = |text: String| toml::Value::from(text).to_string();
    let (connector, settings) = match found {
        Found::Fec(path) => {
            let (folder, name) = place(path)?;
            ("fec", format!("folder = {}, file = {}", text(folder), text(name)))
        }
        Found::Csv { items, customers } => {
            let (folder, name) = place(items)?;
            // A pattern that no file has keeps the customers' default from finding a file that was not asked for.
            let customers = match customers {
                Some(path) => place(path)?.1,
                None => "no file of customers".to_owned(),
            };
            let receipts = text("no file of receipts".to_owned());
            let orders = text("no file of orders".to_owned());
            let (folder, name, customers) = (text(folder), text(name), text(customers));
            (
                "csv",
                format!(
                    "folder = {folder}, invoices_file = {name}, customers_file = {customers}, receipts_file = {receipts}, \
                     orders_file = {orders}"
                ),
            )
        }
    };
    Ok(format!(
        "# Written by `encours demo --from`.\n\n[company]\nid = \"own\"\nname = \"Your company\"\ncurrency = \"EUR\"\n\n\
         [ledger]\nurl = \"sqlite:encours.db\"\n\n[terms]\ndefault_days = 30\n\n\
         [[connection]]\nid = \"erp\"\nconnector = \"{connector}\"\nsettings = {{ {settings} }}\n"
    ))
}

/// The folder of a file, and a pattern that only its name fits.
fn place(path: &Path) -> anyhow::Result<(String, String)> {
    let parts = path.parent().and_then(Path::to_str).zip(path.file_name().and_then(OsStr::to_str));
    let (folder, name) = parts.with_context(|| format!("the name of {} is not UTF-8", path.display()))?;
    Ok((folder.to_owned(), glob::Pattern::escape(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decimal_sign_is_told_from_the_amounts() {
        for (text, want) in [
            ("60,000.00", true),
            ("1234.5", true),
            ("-12.00", true),
            ("05.02.2026", false),
            ("1.234,56", false),
        ] {
            assert_eq!(is_amount(text, '.', ','), want, "{text}");
        }
        assert!(is_amount("1.234,56", ',', '.') && is_amount("1 234,56", ',', '.'));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("items.csv");
        let write =
            |amount: &str| fs::write(&file, format!("number;date;amount\nF1;05.02.2026;{amount}\n")).unwrap();
        write("1,234.50");
        assert!(has_decimal_points(&file));
        write("1.234,50");
        assert!(!has_decimal_points(&file));
    }

    #[test]
    fn the_built_in_mappings_can_be_turned_to_points() {
        for (name, mapping) in MAPPINGS {
            assert_ne!(with_decimal_point(mapping), mapping, "{name} names its decimal sign");
        }
    }

    #[test]
    fn a_folder_is_told_apart_by_its_columns() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("readme.md", "nothing");
        assert!(find(folder.path()).unwrap_err().to_string().contains("neither a FEC"));
        write("a.csv", "Code client;Raison sociale\nC1;Exemple\n");
        assert!(find(folder.path()).unwrap_err().to_string().contains("a file of open items is missing"));
        write("b.csv", "Pièce;Code client;Date pièce;Montant\nF1;C1;05/02/2026;12,00\n");
        let found = find(folder.path()).unwrap();
        let wanted =
            Found::Csv { items: folder.path().join("b.csv"), customers: Some(folder.path().join("a.csv")) };
        assert_eq!(found, wanted);
    }
}
