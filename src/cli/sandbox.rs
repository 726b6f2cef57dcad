//! `encours sandbox`: the simulator of a partner, served until Ctrl-C.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use encours::model::Date;
use encours::sandbox;
use encours::sandbox::atradius::{Sandbox, Setup};
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
    /// What the buyers and their decisions are invented from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keeps the state in a file, and goes on from it when it is there
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
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
    // One simulator so far: it is the one that was found.
    let setup = Setup::demo(args.seed, args.day.unwrap_or_else(super::today));
    let (client_id, client_secret, app_key) =
        (setup.client_id.clone(), setup.client_secret.clone(), setup.app_key.clone());
    let (customer, policy) = (setup.customer_id, setup.policy_id.clone());
    let sandbox = match &args.state {
        Some(path) if path.exists() => Sandbox::load(path)?,
        _ => Sandbox::new(setup),
    };
    if let Some(day) = args.day {
        sandbox.set_today(day);
    }
    if let Some(path) = &args.state {
        sandbox.keep_in(path)?;
    }
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let url = format!("http://{}", listener.local_addr()?);
    let today = sandbox.today();
    let connection = format!(
        "[[connection]]\nid = \"{name}\"\nconnector = \"{name}\"\nurl = \"{url}\"\n\n[connection.settings]\nclient_id = \"{client_id}\"\n\
         client_secret = \"{client_secret}\"\napp_key = \"{app_key}\"\ncustomer_id = {customer}\n\n[[policy]]\nnumber = \"{policy}\"\n\
         connection = \"{name}\"\nvalid_from = \"{year}-01-01\"\ninsured_percentage = \"90\"\nmaximum_terms_days = 120\n\
         discretionary = \"10000.00\"\n",
        name = simulator.name,
        year = today.format("%Y"),
    );
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
        || {
            json!({
                "simulator": simulator.name, "url": url, "today": today, "client_id": client_id, "client_secret": client_secret,
                "app_key": app_key, "customer_id": customer, "policy_id": policy, "connection": connection,
            })
        },
    )?;
    sandbox.serve(listener, daemon::signal()).await?;
    Ok(Exit::Fine)
}
