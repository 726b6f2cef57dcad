//! `encours breaks`: what the two sides do not agree on, with its age and the next step.

use std::collections::BTreeMap;

use encours::ledger::BreakRow;
use encours::model::BreakKind;
use serde_json::json;

use super::table::{Column, Table, count};
use super::{Context, Exit, words};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One kind only, e.g. over_limit
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Option<BreakKind>,
}

fn parse_kind(text: &str) -> Result<BreakKind, String> {
    BreakKind::parse(text).ok_or_else(|| {
        let known: Vec<_> = BreakKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("the kinds are {}", known.join(", "))
    })
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let mut by_kind: BTreeMap<BreakKind, Vec<BreakRow>> = BTreeMap::new();
    for row in books.tx.open_breaks(&company).await? {
        let kind = row.to_break()?.kind;
        if args.kind.is_none_or(|wanted| wanted == kind) {
            by_kind.entry(kind).or_default().push(row);
        }
    }
    let day = books.head.day();
    let head = books.close().await?;
    context.answer(
        || {
            if let Some(told) = head.nothing_yet() {
                return told;
            }
            let mut text = String::new();
            for (kind, rows) in &by_kind {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&format!("{kind}: {}, {}\n", words::break_meaning(*kind), count(rows.len())));
                text.push_str(&format!("Next: {}.\n", kind.next_step()));
                let mut table = Table::new(&[
                    Column::Text("subject"),
                    Column::Text("our side"),
                    Column::Text("their side"),
                    Column::Word("with"),
                    Column::Word("open for"),
                ]);
                for row in rows {
                    table.row([
                        row.name.clone(),
                        row.ours.clone(),
                        row.theirs.clone(),
                        row.connection.clone(),
                        words::age(row.opened_on, day),
                    ]);
                }
                text.push_str(&table.to_string());
            }
            if by_kind.is_empty() {
                text = match args.kind {
                    None => format!("No break is open on {day}: both sides agree.\n"),
                    Some(kind) => format!("No break of kind {kind} is open on {day}.\n"),
                };
            }
            text
        },
        || {
            let breaks = by_kind.iter().flat_map(|(kind, rows)| {
                rows.iter().map(move |row| {
                    json!({
                        "id": row.id,
                        "kind": kind,
                        "subject": row.subject,
                        "name": row.name,
                        "country": row.country,
                        "connection": row.connection,
                        "ours": row.ours,
                        "theirs": row.theirs,
                        "opened_on": row.opened_on,
                        "age_days": day.signed_duration_since(row.opened_on).num_days(),
                        "next_step": kind.next_step(),
                        "occurrence": row.occurrence,
                    })
                })
            });
            json!({ "date": head.settled_on, "breaks": breaks.collect::<Vec<_>>() })
        },
    )?;
    Ok(Exit::Fine)
}
