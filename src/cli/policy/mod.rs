//! `encours policy`: what the policies say, in words, whether they say what somebody expects, and what another would have come to.

mod check;
mod replay;
mod test;

use std::path::PathBuf;

use super::{Context, Exit};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check the policies and tell their clauses in words, period by period, and what follows where one is missing
    Check {
        /// One policy file; all policies of the configuration without it
        file: Option<PathBuf>,
    },
    /// Run cases through the policies: a piece of a ledger each, with the cover, the deadlines and the request that should follow
    Test {
        /// Case files; those in policies/tests without any
        files: Vec<PathBuf>,
    },
    /// Run the ledger's history through a draft, beside the policy in force: what would have been uninsured, lost, owed and missed
    Replay(replay::Args),
}

/// Runs the command.
///
/// # Errors
/// A configuration or a policy file with problems; what the ledger says.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Test { files } => test::run(context, files),
        Command::Replay(args) => replay::run(context, args).await,
        Command::Check { file } => check::run(context, file.as_deref()),
    }
}
