//! `encours run`: the daemon.

use std::sync::Arc;

use encours::engine::{self, Hints};
use encours::server;
use tokio::sync::Notify;

use super::{Context, Exit, sync};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command until a signal comes; a second signal ends it at once, which loses nothing that was committed.
///
/// # Errors
/// A configuration or a ledger that fails.
pub async fn run(context: &Context, _: &Args) -> anyhow::Result<Exit> {
    let setup = sync::open(context).await?;
    let company = &setup.company.name;
    let every = setup.schedule.every_minutes;
    tracing::info!(
        company,
        every_minutes = every,
        ledger = setup.ledger.name(),
        broker = setup.amqp.is_some(),
        "started"
    );
    let listener = match setup.server {
        Some(own) => Some(server::listen(own.listen).await?),
        None => None,
    };
    let (hints, ending) = (Arc::new(Hints::default()), Arc::new(Notify::new()));
    let hearing = async {
        let Some(listener) = listener else { return };
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "hints of partners are taken at /hints/CONNECTION");
        }
        let ending = Arc::clone(&ending);
        let until = async move { ending.notified().await };
        if let Err(error) = server::serve(&setup, listener, Arc::clone(&hints), until).await {
            tracing::error!(%error, "no hint is heard");
        }
    };
    let stop = async {
        signal().await;
        tracing::info!("stopping when the transaction in hand is done; a second signal stops at once");
    };
    let twice = async {
        signal().await;
        signal().await;
    };
    let daemon = async {
        let done = engine::run(&setup, &hints, stop).await;
        ending.notify_one();
        done
    };
    let exit = tokio::select! {
        (done, ()) = async { tokio::join!(daemon, hearing) } => {
            done?;
            Exit::Fine
        }
        () = twice => {
            tracing::warn!("stopped at once; what was not committed is read again by the next cycle");
            Exit::Failed
        }
    };
    setup.ledger.close().await;
    Ok(exit)
}

/// Resolves at the next SIGINT or SIGTERM.
pub async fn signal() {
    let interrupt = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "signals cannot be listened to");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut stream) => drop(stream.recv().await),
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be listened to");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
