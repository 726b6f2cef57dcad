//! `encours sync`: one cycle now, and what it did.

use encours::engine::{CycleOptions, Setup, cycle, publish};
use encours::model::Date;
use encours::queue::Drained;
use serde_json::json;

use super::summary::{Bar, Cycle};
use super::table::plural;
use super::{Context, Exit, Misconfigured};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// You have looked: settle what a snapshot no longer lists, however much it is
    #[arg(long)]
    accept_vanished: bool,
    /// The business day; today without it
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,
}

/// Opens what a cycle works with.
///
/// # Errors
/// [`Misconfigured`] with every problem.
pub async fn open(context: &Context) -> anyhow::Result<Setup> {
    let config = context.config()?;
    Setup::open(&config).await.map_err(|error| Misconfigured(error.to_string()).into())
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that fails; what a partner answers wrongly is part of the summary.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let setup = open(context).await?;
    let options = CycleOptions { accept_vanished: args.accept_vanished, retry_paused: true };
    let bar = Bar::start();
    let report =
        cycle(&setup, args.day.unwrap_or_else(super::today), &options, &|progress| bar.show(progress))
            .await?;
    drop(bar);
    let cycle = Cycle::of(&setup, report).await?;
    let published = publish(&setup).await;
    context.answer(
        || {
            let title = format!("{}, {}", setup.company.name, cycle.report.day);
            let mut text = cycle.told(&title);
            if let Ok(Some(drained)) = &published {
                text.push_str(&told(drained));
            }
            text
        },
        || {
            let mut value = cycle.report.to_json();
            if let Some(object) = value.as_object_mut() {
                let queue = published.as_ref().ok().and_then(Option::as_ref);
                object.insert(
                    "queue".to_owned(),
                    queue
                        .map_or(json!(null), |d| json!({ "published": d.published, "left": d.left_count() })),
                );
            }
            value
        },
    )?;
    let left = published?.is_some_and(|drained| drained.left_count() > 0);
    Ok(if left { Exit::Failed } else { cycle.exit() })
}

fn told(drained: &Drained) -> String {
    let mut text = format!("Published    {}\n", plural(drained.published as i64, "delta", "deltas"));
    for (reason, number) in &drained.left {
        text.push_str(&format!(
            "✗ {} not taken by the broker: {reason}\n",
            plural(*number as i64, "delta was", "deltas were")
        ));
    }
    text
}
