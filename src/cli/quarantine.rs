//! `encours quarantine`: the records that could not be taken, each with its place, the reason and what it says.

use std::collections::BTreeMap;

use encours::ledger::QuarantineRow;
use serde_json::json;

use super::table::{Column, Table, plural};
use super::{Context, Exit, words};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// The file, or the operation, and the line of a record: the order in which a person looks for them.
fn place(row: &QuarantineRow) -> (&str, u64) {
    let (source, line) = row.place.rsplit_once(':').unwrap_or((&row.place, ""));
    (source, line.parse().unwrap_or(0))
}

/// The first rows as a table of place and reason, in the order of the source.
pub fn table(rows: &[QuarantineRow], most: usize) -> String {
    let mut rows: Vec<&QuarantineRow> = rows.iter().collect();
    rows.sort_by_key(|row| place(row));
    let mut table = Table::new(&[Column::Word("place"), Column::Text("reason")]);
    for row in rows.iter().take(most) {
        table.row([row.place.clone(), row.reason.clone()]);
    }
    if rows.len() > most {
        table.row([String::new(), format!("… and {} more: `encours quarantine`", rows.len() - most)]);
    }
    table.to_string()
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read.
pub async fn run(context: &Context, _: &Args) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let rows = books.tx.quarantined(&company).await?;
    let head = books.close().await?;
    context.answer(
        || {
            if let Some(told) = head.nothing_yet() {
                return told;
            }
            if rows.is_empty() {
                return "Nothing is in quarantine: every record that was read is in the ledger.\n".to_owned();
            }
            let mut groups: BTreeMap<(&str, &str), Vec<&QuarantineRow>> = BTreeMap::new();
            for row in &rows {
                groups.entry((&row.connection, &row.operation)).or_default().push(row);
            }
            let mut text = String::new();
            for ((connection, operation), mut rows) in groups {
                rows.sort_by_key(|row| place(row));
                text.push_str(&format!(
                    "{connection}, {}: {}\n\n",
                    words::operation(operation),
                    plural(rows.len(), "record", "records")
                ));
                for row in rows {
                    text.push_str(&format!("  {}  (since {})\n", row.place, row.first_seen.date_naive()));
                    text.push_str(&format!("    {}\n", row.reason));
                    text.push_str(&format!("    {}\n\n", words::shorten(&row.payload, 400)));
                }
            }
            text.push_str(
                "Correct them in their source; the next cycle takes them, and they leave this list.\n",
            );
            text
        },
        || {
            let records = rows.iter().map(|row| {
                // The payload is the record as it came: JSON where it is JSON, else text.
                let payload = serde_json::from_str(&row.payload).unwrap_or_else(|_| json!(row.payload));
                json!({
                    "id": row.id,
                    "connection": row.connection,
                    "operation": row.operation,
                    "stage": row.stage,
                    "place": row.place,
                    "reason": row.reason,
                    "payload": payload,
                    "first_seen": row.first_seen,
                    "last_seen": row.last_seen,
                })
            });
            json!({ "records": records.collect::<Vec<_>>() })
        },
    )?;
    Ok(Exit::Fine)
}
