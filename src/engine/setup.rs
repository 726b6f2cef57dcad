//! From the configuration to what a cycle works with.

use crate::config::{Company, Config, Schedule};
use crate::connector::Connection;
use crate::format::toml::Problem;
use crate::ledger::Ledger;
use crate::model::Policy;
use crate::queue;

/// What a cycle works with.
pub struct Setup {
    /// The company.
    pub company: Company,
    /// The open ledger.
    pub ledger: Ledger,
    /// Its connections, in the order of the configuration.
    pub connections: Vec<Connection>,
    /// Its policies.
    pub policies: Vec<Policy>,
    /// How the daemon runs.
    pub schedule: Schedule,
    /// The broker, where there is one.
    pub amqp: Option<queue::Settings>,
}

/// Why a configuration cannot be worked with: every problem, not only the first.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SetupError {
    /// The problems, in the order of the configuration.
    pub problems: Vec<String>,
}
