//! `encours run`: the daemon.

use encours::engine;

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
    let stop = async {
        signal().await;
        tracing::info!("stopping when the transaction in hand is done; a second signal stops at once");
    };
    let twice = async {
        signal().await;
        signal().await;
    };
    let exit = tokio::select! {
        done = engine::run(&setup, stop) => {
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
