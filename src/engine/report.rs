//! What a cycle did, for people and for programs.

use std::collections::BTreeMap;

use crate::ledger::ControlTotal;
use crate::model::{BreakKind, Currency, Date, Event, render_minor};

/// How a cycle or one of its operations ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was read and landed.
    Done,
    /// Some operations failed; the others landed.
    Partial,
    /// Nothing could be read.
    Failed,
}

impl Outcome {
    /// The word that the ledger keeps.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// What one operation of one connection gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationReport {
    /// The connection.
    pub connection: String,
    /// The operation.
    pub operation: String,
    /// Records read.
    pub read: u64,
    /// Records put in quarantine.
    pub quarantined: u64,
    /// New in the ledger.
    pub new: u64,
    /// Changed in the ledger.
    pub changed: u64,
    /// As known.
    pub unchanged: u64,
    /// Settled because a snapshot no longer lists them.
    pub closed: u64,
    /// Why it was refused whole, if it was. Then nothing of it was kept.
    pub error: Option<String>,
}

impl OperationReport {
    /// An operation of which nothing was read yet.
    #[must_use]
    pub fn new(connection: &str, operation: &str) -> Self {
        Self {
            connection: connection.to_owned(),
            operation: operation.to_owned(),
            read: 0,
            quarantined: 0,
            new: 0,
            changed: 0,
            unchanged: 0,
            closed: 0,
            error: None,
        }
    }
}

/// What a cycle did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The run's id.
    pub run: String,
    /// The business day it ran for.
    pub day: Date,
    /// How it ended.
    pub outcome: Outcome,
    /// Each operation, in the order of the configuration.
    pub operations: Vec<OperationReport>,
    /// Control totals, with the connection and the operation they belong to.
    pub control_totals: Vec<(String, String, ControlTotal)>,
    /// What all buyers owe, by currency, minor units.
    pub exposure: BTreeMap<Currency, i64>,
    /// Limits above zero that are in force.
    pub limits: u64,
    /// Breaks that are open after the cycle, by kind.
    pub breaks: BTreeMap<BreakKind, u64>,
    /// Deltas that the cycle made, by event.
    pub deltas: BTreeMap<Event, u64>,
    /// Connections that are paused, with the reason.
    pub paused: Vec<(String, String)>,
}

impl Report {
    /// Whether every control total adds up.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.control_totals.iter().all(|(_, _, total)| total.adds_up())
    }

    /// Records read, landed and quarantined, over all operations.
    #[must_use]
    pub fn records(&self) -> (u64, u64, u64) {
        let read = self.operations.iter().map(|op| op.read).sum::<u64>();
        let quarantined = self.operations.iter().map(|op| op.quarantined).sum::<u64>();
        (read, read - quarantined.min(read), quarantined)
    }

    /// The report as JSON; amounts are decimal text.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let (read, landed, quarantined) = self.records();
        let totals: Vec<_> = self
            .control_totals
            .iter()
            .map(|(connection, operation, total)| {
                let amount = |minor| render_minor(minor, total.currency);
                serde_json::json!({
                    "source": format!("{connection}/{operation}"),
                    "currency": total.currency,
                    "source_count": total.source_count,
                    "ledger_count": total.ledger_count,
                    "quarantined_count": total.quarantined_count,
                    "source_sum": amount(total.source_minor),
                    "ledger_sum": amount(total.ledger_minor),
                    "quarantined_sum": amount(total.quarantined_minor),
                })
            })
            .collect();
        let exposure: Vec<_> = self
            .exposure
            .iter()
            .map(|(currency, minor)| serde_json::json!({ "currency": currency, "outstanding": render_minor(*minor, *currency) }))
            .collect();
        let operations: Vec<_> = self
            .operations
            .iter()
            .map(|op| {
                serde_json::json!({
                    "connection": op.connection, "operation": op.operation, "read": op.read, "new": op.new,
                    "changed": op.changed, "unchanged": op.unchanged, "closed": op.closed, "quarantined": op.quarantined,
                    "error": op.error,
                })
            })
            .collect();
        let paused: Vec<_> = self
            .paused
            .iter()
            .map(|(id, reason)| serde_json::json!({ "connection": id, "reason": reason }))
            .collect();
        serde_json::json!({
            "run": self.run,
            "date": self.day,
            "outcome": self.outcome.as_str(),
            "records": { "read": read, "landed": landed, "quarantined": quarantined },
            "operations": operations,
            "control_totals": totals,
            "exposure": exposure,
            "limits": self.limits,
            "breaks": counts(&self.breaks),
            "deltas": counts(&self.deltas),
            "paused": paused,
        })
    }
}

fn counts<K: ToString>(counts: &BTreeMap<K, u64>) -> serde_json::Map<String, serde_json::Value> {
    counts.iter().map(|(key, count)| (key.to_string(), (*count).into())).collect()
}
