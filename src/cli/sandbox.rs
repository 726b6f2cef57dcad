//! `encours sandbox`: the simulator of a partner, served until Ctrl-C.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use encours::model::Date;
use encours::sandbox;
use serde_json::json;

use super::{Context, Exit, Misconfigured, run as daemon};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The partner; "list" shows them
    partner: String,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What buyers, decisions and ids are invented from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keeps the state in a file, and goes on from it when it is there
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where files are exchanged, for a partner without an interface
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The simulator's day; today without it, or the saved one
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,
}

/// Runs the command.
///
/// # Errors
/// An unknown partner, an address in use, a state that cannot be kept.
pub async fn run(context: &Context, args: Args) -> anyhow::Result<Exit> {
    if args.partner == "list" {
        context.answer(
            || sandbox::SIMULATORS.iter().map(|s| format!("{:<12} {}: {}\n", s.name, s.partner, s.summary)).collect(),
            || json!({ "simulators": sandbox::SIMULATORS.iter().map(|s| json!({ "name": s.name, "partner": s.partner, "summary": s.summary })).collect::<Vec<_>>() }),
        )?;
        return Ok(Exit::Fine);
    }
    let simulator = sandbox::find(&args.partner).map_err(|error| Misconfigured(error.to_string()))?;
    let options = sandbox::Options {
        seed: args.seed,
        day: args.day,
        state: args.state.clone(),
        folder: args.folder.clone(),
    };
    let sandbox::Served { router, today, configuration } = simulator.serve(&options)?;
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let url = format!("http://{}", listener.local_addr()?);
    let connection = configuration(&url);
    context.answer(
        || {
            format!(
                "A simulator of {partner} answers at {url}; its day is {today}. Everything in it is invented.\n\n\
                 Paste this into encours.toml:\n\n{connection}\n\
                 Look inside:   curl {url}/sandbox/state\n\
                 Move the day:  curl -X POST {url}/sandbox/today -d '{{\"date\": \"{next}\"}}'\n\
                 Ctrl-C ends it{kept}.\n",
                partner = simulator.partner,
                next = today.succ_opt().unwrap_or(today),
                kept = args.state.as_ref().map_or_else(String::new, |path| format!("; its state stays in {}", path.display())),
            )
        },
        || json!({ "simulator": simulator.name, "url": url, "today": today, "connection": connection }),
    )?;
    axum::serve(listener, router).with_graceful_shutdown(daemon::signal()).await?;
    Ok(Exit::Fine)
}
