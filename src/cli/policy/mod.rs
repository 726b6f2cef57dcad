//! `encours policy`: what the policies say, in words.

mod check;

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
}

/// Runs the command.
///
/// # Errors
/// A configuration or a policy file with problems.
pub fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Check { file } => check::run(context, file.as_deref()),
    }
}
