//! `encours stops`: whose cover an unpaid invoice has stopped since when; and what the insurer says of it.

use std::collections::BTreeMap;

use encours::credit::{Stop, Stops};
use encours::engine::publish;
use encours::engine::stops::{LiftedByHand, lift_by_hand, remembered};
use encours::ledger::CoverStopRow;
use encours::model::{Date, StopLifts};
use serde_json::{Value, json};

use super::table::{Column, Table};
use super::{Context, Exit, Misconfigured, sync};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Those that were lifted, too
    #[arg(long)]
    all: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What a person says of one.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say that the insurer has lifted the stop of a buyer
    Lift(LiftArgs),
}

#[derive(Debug, clap::Args)]
struct LiftArgs {
    /// An account code, a registry number, a buyer id, or a part of the name
    buyer: String,
    /// Why; kept with it
    #[arg(long, value_name = "TEXT")]
    because: String,
    /// First day whose invoices are covered again; the day of the last cycle, unless the insurer says another
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// One policy only
    #[arg(long, value_name = "NUMBER")]
    policy: Option<String>,
    /// Your name; kept with it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "a person")]
    by: String,
}

/// A stop in force, for people.
pub fn told(stop: &Stop) -> String {
    let end = match stop.lifts {
        StopLifts::Payment => "until nothing is past the extension period any more",
        StopLifts::Stays => "until the insurer lifts it",
    };
    format!(
        "Cover is stopped since {}, because {} was not paid within the extension period: what is invoiced from that day on is \
         not covered, {end}.\n",
        stop.since, stop.cause_number
    )
}

/// Why an invoice within a stop is not covered.
pub fn reason(stop: &Stop) -> String {
    format!("cover had stopped on {}: {} was not paid", stop.since, stop.cause_number)
}

/// A stop, for programs.
pub fn value(stop: &Stop) -> Value {
    json!({
        "stopped_on": stop.since, "cause": stop.cause_number,
        "cause_connection": stop.cause_connection, "cause_item": stop.cause, "lifts": stop.lifts,
        "lifted_on": stop.lift.map(|lift| lift.on), "covered_from": stop.lift.map(|lift| lift.from),
        "lifted_why": stop.lift.map(|lift| lift.why),
    })
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that fails; nobody, or several, that answer to the text.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        Some(Command::Lift(lift)) => lifted(context, lift).await,
        None => list(context, args.all).await,
    }
}

async fn list(context: &Context, all: bool) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let mut rows = books.tx.cover_stops(&company, None).await?;
    rows.retain(|row| all || row.lifted_on.is_none());
    let ids = rows.iter().map(|row| row.buyer_id.clone()).collect();
    let names = books.tx.buyer_names(&ids).await?;
    let head = books.close().await?;
    context.answer(
        || {
            if let Some(told) = head.nothing_yet() {
                return told;
            }
            if rows.is_empty() {
                return format!("No cover is stopped on {}.\n", head.day());
            }
            table(&rows, &names)
        },
        || json!({ "date": head.settled_on, "stops": rows.iter().map(|row| row_value(row, &names)).collect::<Vec<_>>() }),
    )?;
    Ok(Exit::Fine)
}

fn table(rows: &[CoverStopRow], names: &BTreeMap<String, String>) -> String {
    let mut table = Table::new(&[
        Column::Word("stopped on"),
        Column::Text("buyer"),
        Column::Word("policy"),
        Column::Word("because of"),
        Column::Text("until"),
    ]);
    for row in rows {
        let end = match (row.lifted_on, row.lifted_by.as_deref()) {
            (Some(on), Some(by)) => {
                format!("{on}, said {by}: {}", row.because.as_deref().unwrap_or_default())
            }
            (Some(on), None) => format!("{on} ({})", row.lifted_why.as_deref().unwrap_or_default()),
            (None, _) if row.lifts == StopLifts::Payment.as_str() => "it is paid".to_owned(),
            (None, _) => "the insurer lifts it".to_owned(),
        };
        table.row([
            row.stopped_on.to_string(),
            names.get(&row.buyer_id).unwrap_or(&row.buyer_id).clone(),
            row.policy.clone(),
            row.cause_number.clone(),
            end,
        ]);
    }
    table.to_string()
}

fn row_value(row: &CoverStopRow, names: &BTreeMap<String, String>) -> Value {
    json!({
        "buyer": row.buyer_id, "name": names.get(&row.buyer_id), "connection": row.connection, "policy": row.policy,
        "stop": row.number, "stopped_on": row.stopped_on, "cause": row.cause_number,
        "cause_connection": row.cause_connection, "cause_item": row.cause_item,
        "lifts": row.lifts, "known_since": row.known_since, "lifted_on": row.lifted_on, "covered_from": row.covered_from,
        "lifted_why": row.lifted_why, "lifted_by": row.lifted_by, "because": row.because,
    })
}

async fn lifted(context: &Context, args: &LiftArgs) -> anyhow::Result<Exit> {
    let setup = sync::open(context).await?;
    let mut tx = setup.ledger.read().await?;
    let company = setup.company.id.as_str();
    let found = tx.find_buyers(company, &args.buyer).await?;
    let day = tx.settled_on(company).await?.unwrap_or_else(super::today);
    tx.rollback().await?;
    let buyer = match found.as_slice() {
        [buyer] => buyer.clone(),
        [] => return Err(Misconfigured(format!("no buyer answers to \"{}\"", args.buyer)).into()),
        several => {
            let ids: Vec<&str> = several.iter().map(|buyer| buyer.id.as_str()).collect();
            let told = format!(
                "several buyers answer to \"{}\": {}; nothing was lifted",
                args.buyer,
                ids.join(", ")
            );
            return Err(Misconfigured(told).into());
        }
    };
    let said = LiftedByHand {
        buyer: &buyer.id,
        policy: args.policy.as_deref(),
        from: args.from.unwrap_or(day),
        by: &args.by,
        because: &args.because,
        day,
        now: encours::clock::now(),
    };
    let rows = lift_by_hand(&setup, &said).await?;
    publish(&setup).await?;
    if rows.is_empty() {
        return Err(
            Misconfigured(format!("no cover of {} is stopped; nothing was changed", buyer.name)).into()
        );
    }
    let names = BTreeMap::from([(buyer.id.clone(), buyer.name.clone())]);
    let stops: Stops = remembered(&rows.iter().collect::<Vec<_>>())?;
    context.answer(
        || {
            let mut text = String::new();
            for (row, stop) in rows.iter().zip(stops.all()) {
                let from = stop.lift.map_or(day, |lift| lift.from);
                text.push_str(&format!(
                    "{}, policy {}: what is invoiced from {from} on is covered again. Its figures follow with the next cycle.\n",
                    buyer.name, row.policy
                ));
            }
            text
        },
        || json!({ "stops": rows.iter().map(|row| row_value(row, &names)).collect::<Vec<_>>() }),
    )?;
    Ok(Exit::Fine)
}
