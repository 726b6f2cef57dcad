//! `encours limits`: what the insurers cover, as they state it.

use encours::ledger::LimitRow;
use encours::model::{Date, InOtherCurrency, Limit, render_minor};
use serde_json::json;

use super::table::{Column, Table, amount, plural};
use super::{Context, Exit, words};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A part of the buyer's name, or the insurer's buyer id
    #[arg(long, value_name = "TEXT")]
    buyer: Option<String>,
}

/// When the cover of a limit ends, in words: a last day, an announced withdrawal, or parts that end.
pub fn end(limit: &Limit) -> String {
    let mut ends = Vec::new();
    for layer in &limit.layers {
        if let Some(until) = layer.until {
            ends.push(format!("{} until {until}", amount(layer.amount_minor, limit.currency)));
        }
    }
    // A withdrawal says it all.
    let last = limit.effective_to.filter(|_| limit.withdrawal_on.is_none());
    ends.extend(last.map(|day| format!("until {day}")));
    ends.extend(limit.withdrawal_on.map(|day| format!("withdrawn on {day}")));
    ends.join("; ")
}

fn matches(row: &LimitRow, text: &str) -> bool {
    let name = row.payload.buyer_name.to_lowercase();
    name.contains(&text.to_lowercase())
        || row.insurer_buyer_id == text
        || row.buyer_id.as_deref() == Some(text)
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let mut rows = books.tx.limits(&company).await?;
    if let Some(text) = &args.buyer {
        rows.retain(|row| matches(row, text));
    }
    rows.sort_by(|a, b| {
        (&a.payload.buyer_name, &a.connection, &a.policy).cmp(&(
            &b.payload.buyer_name,
            &b.connection,
            &b.policy,
        ))
    });
    let day: Date = books.head.day();
    let head = books.close().await?;
    context.answer(
        || {
            if let Some(told) = head.nothing_yet() {
                return told;
            }
            // A second currency is told where an insurer states one.
            let twice = rows.iter().any(|row| row.payload.in_other_currency.is_some());
            let mut columns = vec![
                Column::Text("buyer"),
                Column::Word("insurer, policy"),
                Column::Figure("limit"),
                Column::Word(""),
            ];
            if twice {
                columns.extend([Column::Figure("stated as"), Column::Word("")]);
            }
            columns.extend([
                Column::Text("decision"),
                Column::Word("from"),
                Column::Text("ends"),
                Column::Word("rating"),
            ]);
            let mut table = Table::new(&columns);
            let mut unknown = 0;
            for row in &rows {
                let limit = &row.payload.0;
                let stranger = if row.buyer_id.is_none() { " ¹" } else { "" };
                unknown += usize::from(row.buyer_id.is_none());
                let mut cells = vec![
                    format!("{}{stranger}", limit.buyer_name),
                    format!("{}, {}", row.connection, row.policy),
                    amount(limit.amount_minor, limit.currency),
                    limit.currency.to_string(),
                ];
                if twice {
                    let other = limit.in_other_currency.as_ref();
                    let stated = other.and_then(|other| Some((other.amount_minor?, other.currency)));
                    let stated = stated.map(|(minor, currency)| [amount(minor, currency), currency.to_string()]);
                    cells.extend(stated.unwrap_or_default());
                }
                cells.extend([
                    format!("{} ({})", words::decision(limit.decision), limit.decision_code),
                    limit.effective_from.to_string(),
                    end(limit),
                    limit.rating.clone().unwrap_or_default(),
                ]);
                table.row(cells);
            }
            let mut text = format!("{table}\n{} on {day}\n", plural(rows.len(), "limit", "limits"));
            if unknown > 0 {
                text.push_str("¹ no customer account answers to this buyer: see `encours breaks --kind buyer_unmatched`\n");
            }
            text
        },
        || {
            let limits = rows.iter().map(|row| {
                let limit = &row.payload.0;
                let amount = |minor| render_minor(minor, limit.currency);
                json!({
                    "connection": row.connection,
                    "policy": row.policy,
                    "buyer": row.buyer_id,
                    "insurer_buyer_id": row.insurer_buyer_id,
                    "name": limit.buyer_name,
                    "reference": limit.reference,
                    "decision": limit.decision,
                    "decision_code": limit.decision_code,
                    "requested": limit.requested_minor.map(amount),
                    "amount": amount(limit.amount_minor),
                    "currency": limit.currency,
                    "layers": limit.layers.iter().map(|layer| json!({
                        "kind": layer.kind, "amount": amount(layer.amount_minor), "until": layer.until })).collect::<Vec<_>>(),
                    "effective_from": limit.effective_from,
                    "effective_to": limit.effective_to,
                    "withdrawal_on": limit.withdrawal_on,
                    "decided_on": limit.decided_on,
                    "in_other_currency": limit.in_other_currency.as_ref().map(InOtherCurrency::to_json),
                    "conditions": limit.conditions,
                    "rating": limit.rating,
                    "version": row.version,
                    "seen_on": row.seen_on,
                })
            });
            json!({ "date": head.settled_on, "limits": limits.collect::<Vec<_>>() })
        },
    )?;
    Ok(Exit::Fine)
}
