//! The command line of Encours: arguments in, one command run, an exit code out.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    // One TLS provider for HTTP, AMQP and PostgreSQL, chosen before any of them opens a connection. A second choice is
    // refused, and this is the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::run(cli::Cli::parse()).await
}
