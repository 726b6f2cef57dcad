//! `encours mapping`: whether the mappings read their samples as expected, and how much of them they use.

use std::fmt::Write as _;
use std::sync::Arc;

use encours::connector::{self, Report, SampleReport};
use serde_json::json;

use super::connectors::{load, own_folder};
use super::table::{Column, Table, count};
use super::{Context, Exit};

/// How many differences of a sample are shown.
const DIFFERENCES_MAX: usize = 20;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read the samples of a connector and compare the records with what is expected
    Test {
        /// One connector; all of them without it
        connector: Option<String>,
        /// Also list the source fields that are not used, and the fields that a sample leaves empty
        #[arg(long)]
        fields: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// An unknown connector, or files with problems.
pub fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let Command::Test { connector, fields } = &args.command;
    let folder = own_folder(context);
    let ids = match connector {
        Some(id) => vec![id.clone()],
        None => connector::list(folder.as_deref())?.into_iter().map(|listed| listed.id).collect(),
    };
    let mut reports = Vec::new();
    for id in ids {
        reports.push(connector::mapping_test(&Arc::new(load(&id, folder.as_deref())?)));
    }
    let good = reports.iter().all(Report::is_good);
    context.answer(
        || reports.iter().map(|report| told(report, *fields)).collect::<Vec<_>>().join("\n"),
        || json!({ "ok": good, "reports": reports }),
    )?;
    Ok(if good { Exit::Fine } else { Exit::Failed })
}

/// A report for people; `fields` lists what it counts otherwise.
pub fn told(report: &Report, fields: bool) -> String {
    let mut table = Table::new(&[
        Column::Word(""),
        Column::Word("operation"),
        Column::Word("sample"),
        Column::Figure("records"),
        Column::Figure("bad"),
        Column::Text("result"),
    ]);
    for sample in &report.samples {
        let good = sample.differences.is_empty();
        let result =
            if good { "as expected".to_owned() } else { format!("{} differences", sample.differences.len()) };
        table.row([
            if good { "✓" } else { "✗" }.to_owned(),
            sample.operation.clone(),
            sample.sample.clone(),
            count(sample.records as i64),
            count(sample.bad as i64),
            result,
        ]);
    }
    let mut text = format!("{}\n", report.connector);
    if report.samples.is_empty() {
        text.push_str("  no samples\n");
    } else {
        let _ = write!(text, "{table}"); // writing to a String cannot fail
    }
    for sample in &report.samples {
        text.push_str(&notes(sample, fields));
    }
    if !report.untested.is_empty() {
        let _ = writeln!(text, "  without a sample: {}", report.untested.join(", "));
    }
    text
}

fn notes(sample: &SampleReport, fields: bool) -> String {
    let mut text = String::new();
    for difference in sample.differences.iter().take(DIFFERENCES_MAX) {
        let _ = writeln!(text, "  {}: {difference}", sample.operation); // writing to a String cannot fail
    }
    if sample.differences.len() > DIFFERENCES_MAX {
        let _ = writeln!(
            text,
            "  {}: … and {} more",
            sample.operation,
            sample.differences.len() - DIFFERENCES_MAX
        );
    }
    for (names, what, always) in [
        (&sample.unknown_codes, "codes that no table lists", true),
        (&sample.without_effect, "source fields that are not used", false),
        (&sample.never_filled, "fields that the sample leaves empty", false),
    ] {
        if names.is_empty() {
            continue;
        }
        let names = if always || fields {
            names.iter().cloned().collect::<Vec<_>>().join(", ")
        } else {
            format!("{} (--fields lists them)", names.len())
        };
        let _ = writeln!(text, "  {}, {what}: {names}", sample.operation);
    }
    text
}
