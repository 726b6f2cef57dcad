//! What others may call: so far, the hints of partners that something has changed on their side.
//!
//! A hint carries no fact. Some partners send it without any credential, three times and then never again, so nothing of it
//! is read: it only makes the next cycle come earlier, and the cycle asks the partner itself. Whoever guesses the address can
//! do no more than that, and not more often than once in [`crate::config::Schedule::hint_seconds`].

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::any;
use tokio::net::TcpListener;

use crate::engine::{Hints, Setup};

/// Why nothing can be called.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not free, or not this machine's.
    #[error("[server] listen = \"{address}\": {error}; choose another address, or leave [server] away")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The listener broke off.
    #[error("the server broke off: {0}; cycles go on at their interval")]
    Serve(std::io::Error),
}

#[derive(Clone)]
struct Shared {
    /// The connections whose partners call back.
    callers: Arc<[String]>,
    hints: Arc<Hints>,
}

/// Takes the configured address.
///
/// # Errors
/// [`Error::Listen`].
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| Error::Listen { address, error })
}

/// Takes hints until `shutdown` resolves.
///
/// # Errors
/// [`Error::Serve`].
pub async fn serve(
    setup: &Setup,
    listener: TcpListener,
    hints: Arc<Hints>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let callers = setup.connections.iter().filter(|own| own.connector.manifest.capabilities.webhook);
    let callers = callers.map(|own| own.id.clone()).collect();
    let router = Router::new().route("/hints/{connection}", any(hint)).with_state(Shared { callers, hints });
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await.map_err(Error::Serve)
}

async fn hint(State(shared): State<Shared>, Path(connection): Path<String>) -> StatusCode {
    if !shared.callers.contains(&connection) {
        return StatusCode::NOT_FOUND;
    }
    tracing::info!(connection, "a hint: the next cycle comes early");
    shared.hints.give();
    StatusCode::ACCEPTED
}
