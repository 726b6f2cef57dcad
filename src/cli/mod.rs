//! What people touch: one file per command, and one table of them.
//!
//! Standard output holds the answer and nothing else, so that `--json` can be read by a program; progress, warnings and
//! logs go to standard error. Reading commands open the ledger only: no connector, no secret, no partner.

mod apply;
mod assignments;
mod breaks;
mod buyers;
mod calendar;
mod check;
mod connectors;
mod deadline_file;
mod deadlines;
mod deltas;
mod demo;
mod evidence;
mod explain;
mod exposure;
mod groups;
mod indicators;
mod init;
mod language;
mod limits;
mod mapping;
mod plan;
mod policy;
mod quarantine;
mod requests;
mod run;
mod sandbox;
mod statements;
mod stops;
mod summary;
mod sync;
mod table;
mod time;
mod words;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use encours::config::Config;
use encours::format::toml::Problem;
use encours::ledger::{Ledger, Tx};
use encours::model::Date;

/// The open hub between a company's ERPs and its credit insurers and factors.
#[derive(Debug, clap::Parser)]
#[command(
    name = "encours",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub struct Cli {
    /// Prints JSON on standard output, and nothing else there
    #[arg(long, global = true, help_heading = "Everywhere")]
    json: bool,
    /// The configuration
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "encours.toml",
        help_heading = "Everywhere"
    )]
    config: PathBuf,
    /// What is logged on standard error: error, warn, info, debug, trace, or by module as in "warn,encours=debug".
    /// ENCOURS_LOG says the same
    #[arg(long, global = true, value_name = "LEVELS", help_heading = "Everywhere")]
    log: Option<String>,
    /// How it is logged
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text, help_heading = "Everywhere")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done · 1 failed, wholly or in part, or a connection is paused · \
                          2 wrong arguments or configuration · 3 done, with records in quarantine";

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// For programs, one object a line.
    Json,
}

/// Every command.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the main job on an invented company, or on an export of your own
    Demo(demo::Args),
    /// Write a commented encours.toml to start from
    Init(init::Args),
    /// Check the configuration, the connectors and their mappings, without touching a partner
    Check(check::Args),
    /// Tell what the policies say, in words
    Policy(policy::Args),
    /// Run one cycle: read every partner, settle, reconcile, publish what changed
    Sync(sync::Args),
    /// Run as a daemon: a cycle on schedule, until SIGINT or SIGTERM
    Run(run::Args),
    /// List buyers with what they owe and what is covered of it
    Buyers(buyers::Args),
    /// List the insurers' limits
    Limits(limits::Args),
    /// List what buyers owe, by age
    Exposure(exposure::Args),
    /// List groups of companies with what each level owes and has covered
    Groups(groups::Args),
    /// Tell DSO, lateness, cover and their like, each with its definition; or the working capital of a French ledger
    Indicators(indicators::Args),
    /// List the differences that are open, each with the next step
    Breaks(breaks::Args),
    /// List what Encours would do now, why, and what it costs; changes nothing
    Plan(plan::Args),
    /// Do what the plan lists, once
    Apply(apply::Args),
    /// List what was proposed, sent and answered, and say what becomes of it
    Requests(requests::Args),
    /// List what insurers were told of every buyer for a month, and make it again
    Statements(statements::Args),
    /// List until when the insurer has to be told what: notices, stops of cover, claims; also as a calendar
    Deadlines(deadlines::Args),
    /// Assign invoices to a factor: what would go and why the rest does not, batches made, approved and handed over
    Assignments(assignments::Args),
    /// List the buyers whose cover an unpaid invoice has stopped, and say when the insurer has lifted it
    Stops(stops::Args),
    /// List what changed, newest first
    Deltas(deltas::Args),
    /// List the records that could not be taken, with the reason
    Quarantine(quarantine::Args),
    /// Tell a buyer's whole story: who it is, what it owes, what is covered, and why
    Explain(explain::Args),
    /// Write the evidence on a buyer as of a day into a folder and an archive, with hashes; the same again gives the same bytes
    Evidence(evidence::Args),
    /// List, describe and check connectors
    Connectors(connectors::Args),
    /// Test mappings on their samples
    Mapping(mapping::Args),
    /// Serve the simulator of a partner, to try a connection without a contract
    Sandbox(sandbox::Args),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Fine,
    /// Failed, wholly or in part.
    Failed,
    /// The configuration is wrong.
    Misconfigured,
    /// Done, with records in quarantine.
    Quarantine,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::Misconfigured => 2,
            Exit::Quarantine => 3,
        })
    }
}

/// A problem that a person mends in a file or an argument: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misconfigured(pub String);

impl Misconfigured {
    /// Several problems, each in its own paragraph.
    pub fn problems(problems: &[Problem]) -> Self {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Self(texts.join("\n\n"))
    }
}

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// The path of the configuration.
    pub config: PathBuf,
    /// Whether a program reads the answer.
    pub json: bool,
}

impl Context {
    /// Reads the configuration.
    ///
    /// # Errors
    /// [`Misconfigured`], with every problem in its place.
    pub fn config(&self) -> anyhow::Result<Config> {
        if !self.config.exists() {
            let path = self.config.display();
            let told =
                format!("there is no {path}; `encours init` writes one, and `encours demo` needs none");
            return Err(Misconfigured(told).into());
        }
        Config::load(&self.config).map_err(|problems| Misconfigured::problems(&problems).into())
    }

    /// Opens the ledger of the configuration for reading.
    ///
    /// # Errors
    /// [`Misconfigured`] for the configuration, and what the ledger says.
    pub async fn books(&self) -> anyhow::Result<Books> {
        let config = self.config()?;
        let url = config.ledger_url().map_err(|told| Misconfigured(format!("the ledger's url: {told}")))?;
        let ledger = Ledger::open(&url).await?;
        let mut tx = ledger.read().await?;
        let settled_on = tx.settled_on(&config.company.id).await?;
        Ok(Books { head: Head { config, settled_on }, tx })
    }

    /// Answers with a text for people or an object for programs.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn answer(
        &self,
        people: impl FnOnce() -> String,
        program: impl FnOnce() -> serde_json::Value,
    ) -> anyhow::Result<()> {
        if self.json { print(&format!("{:#}\n", program())) } else { print(&people()) }
    }
}

/// A ledger opened for reading. Close it before printing: while it is open, an embedded ledger keeps its writer waiting.
pub struct Books {
    /// What is known without the ledger.
    pub head: Head,
    /// One view of the ledger; nothing is written through it.
    pub tx: Tx<'static>,
}

impl Books {
    /// The company's id.
    pub fn company(&self) -> String {
        self.head.config.company.id.clone()
    }

    /// Closes the ledger and keeps what the answer needs.
    ///
    /// # Errors
    /// What the ledger says.
    pub async fn close(self) -> anyhow::Result<Head> {
        self.tx.rollback().await?;
        Ok(self.head)
    }
}

/// The configuration, and the day that the figures are of.
pub struct Head {
    /// The configuration.
    pub config: Config,
    /// The last day that a cycle ran for.
    pub settled_on: Option<Date>,
}

impl Head {
    /// The day that the figures are of: the last cycle's, or today before the first one.
    pub fn day(&self) -> Date {
        self.settled_on.unwrap_or_else(today)
    }

    /// A line that says what to do when nothing was ever read.
    pub fn nothing_yet(&self) -> Option<String> {
        self.settled_on.is_none().then(|| "Nothing was read yet: run `encours sync` first.\n".to_owned())
    }
}

/// Today's date.
pub fn today() -> Date {
    encours::clock::now().date_naive()
}

/// Writes to standard output. A reader that has gone away (`| head`) ends the program without a word.
///
/// # Errors
/// Every other failure.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => result.context("standard output cannot be written"),
    }
}

/// Runs the command that was asked for.
pub async fn run(cli: Cli) -> ExitCode {
    // A daemon has nobody in front of it: its log is its answer.
    let usual = if matches!(cli.command, Command::Run(_)) { "warn,encours=info" } else { "warn" };
    if let Err(error) = start_log(cli.log, usual, cli.log_format) {
        eprintln!("error: {error:#}");
        return Exit::Misconfigured.into();
    }
    let context = Context { config: cli.config, json: cli.json };
    let result = match cli.command {
        Command::Demo(args) => demo::run(&context, args).await,
        Command::Init(args) => init::run(&context, &args),
        Command::Check(args) => check::run(&context, &args).await,
        Command::Policy(args) => policy::run(&context, &args).await,
        Command::Sync(args) => sync::run(&context, &args).await,
        Command::Run(args) => run::run(&context, &args).await,
        Command::Buyers(args) => buyers::run(&context, &args).await,
        Command::Limits(args) => limits::run(&context, &args).await,
        Command::Exposure(args) => exposure::run(&context, &args).await,
        Command::Groups(args) => groups::run(&context, &args).await,
        Command::Indicators(args) => indicators::run(&context, &args).await,
        Command::Breaks(args) => breaks::run(&context, &args).await,
        Command::Plan(args) => plan::run(&context, &args).await,
        Command::Apply(args) => apply::run(&context, &args).await,
        Command::Requests(args) => requests::run(&context, &args).await,
        Command::Statements(args) => statements::run(&context, &args).await,
        Command::Deadlines(args) => deadlines::run(&context, &args).await,
        Command::Assignments(args) => assignments::run(&context, &args).await,
        Command::Stops(args) => stops::run(&context, &args).await,
        Command::Deltas(args) => deltas::run(&context, &args).await,
        Command::Quarantine(args) => quarantine::run(&context, &args).await,
        Command::Explain(args) => explain::run(&context, &args).await,
        Command::Evidence(args) => evidence::run(&context, &args).await,
        Command::Connectors(args) => connectors::run(&context, &args),
        Command::Mapping(args) => mapping::run(&context, &args),
        Command::Sandbox(args) => sandbox::run(&context, args).await,
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<Misconfigured>() { Exit::Misconfigured } else { Exit::Failed }.into()
        }
    }
}

/// Starts the log on standard error. lapin is silenced: the publisher says what matters of it, once.
fn start_log(levels: Option<String>, usual: &str, format: LogFormat) -> anyhow::Result<()> {
    use tracing_subscriber::EnvFilter;
    let levels = levels
        .or_else(|| encours::config::secret::resolve("env:ENCOURS_LOG", std::path::Path::new(".")).ok());
    let levels = levels.filter(|levels| !levels.trim().is_empty()).unwrap_or_else(|| usual.to_owned());
    let filter = EnvFilter::try_new(format!("lapin=off,{levels}")).with_context(|| {
        format!("\"{levels}\" is not a list of log levels; write e.g. info or warn,encours=debug")
    })?;
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    match format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_table_of_commands_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_after_the_command() {
        for line in [["encours", "--json", "buyers"], ["encours", "buyers", "--json"]] {
            assert!(Cli::try_parse_from(line).unwrap().json);
        }
    }
}
