//! `encours deltas`: what changed, newest first, and whether the broker has it.

use encours::ledger::{DeltaRow, Tx};
use encours::model::Date;
use serde_json::json;

use super::table::{Column, Table, count};
use super::{Context, Exit};

/// How many runs back the business day of a delta is looked up; an older one shows the day it was made.
const RUNS_MAX: i64 = 500;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
    /// Only those that no broker has confirmed, oldest first
    #[arg(long)]
    pending: bool,
}

/// Puts the business day of its run beside each delta: the day that people know a change by.
///
/// # Errors
/// What the ledger says.
pub async fn with_days(
    tx: &mut Tx<'_>,
    company: &str,
    rows: Vec<DeltaRow>,
) -> anyhow::Result<Vec<(Date, DeltaRow)>> {
    let runs = tx.runs(company, RUNS_MAX).await?;
    let day = |row: &DeltaRow| {
        runs.iter()
            .find(|run| run.id == row.run)
            .map_or_else(|| row.created_at.date_naive(), |run| run.on_date)
    };
    Ok(rows.into_iter().map(|row| (day(&row), row)).collect())
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let rows = if args.pending {
        let mut pending = books.tx.deltas(&company, i64::MAX).await?;
        pending.retain(|row| row.published_at.is_none());
        pending.reverse();
        pending.truncate(usize::try_from(args.limit).unwrap_or(usize::MAX));
        pending
    } else {
        books.tx.deltas(&company, args.limit).await?
    };
    let rows = with_days(&mut books.tx, &company, rows).await?;
    let broker = books.head.config.amqp.is_some();
    let head = books.close().await?;
    context.answer(
        || {
            if let Some(told) = head.nothing_yet() {
                return told;
            }
            if rows.is_empty() {
                return if args.pending { "Nothing waits to be published.\n" } else { "Nothing has changed yet.\n" }.to_owned();
            }
            let mut table = Table::new(&[Column::Word("day"), Column::Word("event"), Column::Text("what"), Column::Word("published")]);
            for (day, row) in &rows {
                table.row([
                    day.to_string(),
                    row.event.clone(),
                    row.summary.clone(),
                    match row.published_at {
                        Some(at) => at.format("%Y-%m-%d %H:%M UTC").to_string(),
                        None if broker => "waits".to_owned(),
                        None => "–".to_owned(),
                    },
                ]);
            }
            let hint = if broker { "" } else { "\nNo broker is configured: deltas stay readable here. [amqp] in the configuration publishes them.\n" };
            format!("{table}\n{} shown{hint}\n", count(rows.len())).replace("\n\n\n", "\n\n")
        },
        || {
            let deltas = rows.iter().map(|(day, row)| {
                json!({
                    "seq": row.seq,
                    "id": row.id,
                    "event": row.event,
                    "subject": row.subject,
                    "routing_key": row.routing_key,
                    "summary": row.summary,
                    "data": row.data.0,
                    "date": day,
                    "created_at": row.created_at,
                    "published_at": row.published_at,
                    "run": row.run,
                })
            });
            json!({ "deltas": deltas.collect::<Vec<_>>() })
        },
    )?;
    Ok(Exit::Fine)
}
