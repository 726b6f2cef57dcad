//! `encours limits`: what the insurers cover, as they state it.

use std::collections::BTreeMap;

use encours::credit::{LimitAt, LimitHistory, LimitVersion};
use encours::ledger::LimitRow;
use encours::model::{Date, InOtherCurrency, Limit, render_minor};
use serde_json::json;

use super::table::{Column, Table, amount, plural};
use super::time::{self, Unkept};
use super::{Context, Exit, words};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A part of the buyer's name, or the insurer's buyer id
    #[arg(long, value_name = "TEXT")]
    buyer: Option<String>,
    #[command(flatten)]
    time: time::Flags,
}

/// What limits of another day cannot tell as they were then.
const UNKEPT: &[Unkept] = &[];

/// A statement of an insurer, and where another day was asked for, the limit that it gives on that day.
struct Stated {
    row: LimitRow,
    on_day: Option<LimitAt>,
}

/// Of every version that was known, the one in force on a day for each insurer's buyer; nothing where the insurer had
/// decided nothing by that day.
fn in_force(rows: Vec<LimitRow>, day: Date) -> anyhow::Result<Vec<Stated>> {
    let mut versions: BTreeMap<(String, String, String), Vec<LimitRow>> = BTreeMap::new();
    for row in rows {
        let key = (row.connection.clone(), row.policy.clone(), row.insurer_buyer_id.clone());
        versions.entry(key).or_default().push(row);
    }
    let mut found = Vec::new();
    for mut rows in versions.into_values() {
        let Some(last) = rows.last() else { continue };
        // Of a limit that changed its currency, what was stated in the last one.
        let currency = last.payload.currency;
        rows.retain(|row| row.payload.currency == currency);
        let history =
            LimitHistory::from_statements(rows.iter().map(|row| (row.seen_on, &row.payload.0)), currency)?;
        let Some(on_day) = history.decided_at(day) else { continue };
        let version = history.versions().iter().rfind(|version| Some(version.from) == on_day.since);
        let says_so = |row: &LimitRow| {
            let said = LimitVersion::of(&row.payload);
            said.zip(version)
                .is_some_and(|(said, version)| LimitVersion { from: version.from, ..said } == *version)
        };
        // Of statements that say the same of cover, the last one that had been read by that day.
        let place = rows.iter().rposition(|row| row.seen_on <= day && says_so(row));
        let place = place.or_else(|| rows.iter().position(says_so));
        if let Some(place) = place {
            found.push(Stated { row: rows.swap_remove(place), on_day: Some(on_day) });
        }
    }
    Ok(found)
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
    let asked = args.time.asked(&mut books).await?;
    let mut rows = match &asked {
        None => {
            let rows = books.tx.limits(&company).await?;
            rows.into_iter().map(|row| Stated { row, on_day: None }).collect()
        }
        Some(asked) => {
            in_force(books.tx.limits_known(&company, asked.moment.known_at).await?, asked.moment.as_of)?
        }
    };
    if let Some(text) = &args.buyer {
        rows.retain(|stated| matches(&stated.row, text));
    }
    rows.sort_by(|Stated { row: a, .. }, Stated { row: b, .. }| {
        (&a.payload.buyer_name, &a.connection, &a.policy).cmp(&(
            &b.payload.buyer_name,
            &b.connection,
            &b.policy,
        ))
    });
    let day: Date = asked.as_ref().map_or_else(|| books.head.day(), |asked| asked.moment.as_of);
    let head = books.close().await?;
    context.answer(
        || {
            if let Some(told) = head.nothing_yet() {
                return told;
            }
            // A second currency is told where an insurer states one.
            let twice = rows.iter().any(|stated| stated.row.payload.in_other_currency.is_some());
            let mut columns = vec![
                Column::Text("buyer"),
                Column::Word("insurer, policy"),
                Column::Figure("limit"),
                Column::Word(""),
            ];
            if asked.is_some() {
                columns.push(Column::Figure("on that day"));
            }
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
            for Stated { row, on_day } in &rows {
                let limit = &row.payload.0;
                let stranger = if row.buyer_id.is_none() { " ¹" } else { "" };
                unknown += usize::from(row.buyer_id.is_none());
                let mut cells = vec![
                    format!("{}{stranger}", limit.buyer_name),
                    format!("{}, {}", row.connection, row.policy),
                    amount(limit.amount_minor, limit.currency),
                    limit.currency.to_string(),
                ];
                cells.extend(on_day.map(|at| amount(at.cap_minor, limit.currency)));
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
            let above = asked.as_ref().map_or_else(String::new, |asked| format!("{}\n", asked.told(UNKEPT, 0)));
            let mut text = format!("{above}{table}\n{} on {day}\n", plural(rows.len(), "limit", "limits"));
            if unknown > 0 {
                text.push_str("¹ no customer account answers to this buyer: see `encours breaks --kind buyer_unmatched`\n");
            }
            text
        },
        || {
            let limits = rows.iter().map(|Stated { row, on_day }| {
                let limit = &row.payload.0;
                let amount = |minor| render_minor(minor, limit.currency);
                let mut value = json!({
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
                });
                if let (Some(object), Some(at)) = (value.as_object_mut(), on_day) {
                    let at = json!({ "amount": amount(at.cap_minor), "reason": at.reason, "since": at.since });
                    object.insert("on_day".to_owned(), at);
                }
                value
            });
            let mut value = json!({ "date": head.settled_on, "limits": limits.collect::<Vec<_>>() });
            if let Some(asked) = &asked {
                asked.put_into(&mut value, UNKEPT);
            }
            value
        },
    )?;
    Ok(Exit::Fine)
}
