//! `encours demo`: the main job on an invented company, or on an export of one's own, with nothing to install.

mod folder;
mod insurer;
mod invented;
mod own;
mod told;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use encours::model::Date;

use super::{Context, Exit, run as daemon};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ends when the days are told; without it and on a terminal, the simulated insurer goes on answering until Ctrl-C
    #[arg(long)]
    once: bool,
    /// Your own export instead of the invented company: a FEC or a CSV of open items, or the folder that holds them
    #[arg(long, value_name = "FILE_OR_FOLDER")]
    from: Option<PathBuf>,
    /// Keeps the ledger, the files and the configuration there; a second run on it finds nothing new
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What the company is invented from
    #[arg(long, value_name = "N", conflicts_with = "from")]
    seed: Option<u64>,
    /// The first day (2026-03-10 for the invented company, so that its output is the same every time), or the day of your export (today)
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,
}

/// Runs the command. Ctrl-C ends it at any time, and a temporary folder is taken away then too.
///
/// # Errors
/// An export that cannot be read, a folder that cannot be written, a ledger that fails.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<Exit> {
    let stay = !args.once && !context.json && std::io::stdout().is_terminal();
    let told = std::cell::Cell::new(Exit::Failed);
    let story = async {
        match &args.from {
            Some(from) => own::run(context, &args, from).await,
            None => invented::run(context, &args, stay, &told).await,
        }
    };
    tokio::select! {
        exit = story => exit,
        () = daemon::signal() => Ok(told.get()),
    }
}
