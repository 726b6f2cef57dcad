//! The outbox of the ledger, handed to the broker.

use serde_json::json;

use super::{Error, Setup};
use crate::ledger::Ledger;
use crate::queue::{Drained, Outbox, OutboxMessage, Publisher};

/// The deltas of one company as messages: another one on the same ledger has a broker of its own.
pub(super) struct LedgerOutbox<'a> {
    ledger: &'a Ledger,
    company: &'a str,
    source: String,
}

impl<'a> LedgerOutbox<'a> {
    pub(super) fn new(setup: &'a Setup) -> Self {
        Self {
            ledger: &setup.ledger,
            company: &setup.company.id,
            source: format!("encours/{}", setup.company.id),
        }
    }
}

impl Outbox for LedgerOutbox<'_> {
    type Error = crate::ledger::Error;

    async fn pending(&self, after: i64, limit: usize) -> Result<Vec<OutboxMessage>, Self::Error> {
        let rows = self.ledger.outbox(self.company, after, i64::try_from(limit).unwrap_or(i64::MAX)).await?;
        let messages = rows.into_iter().map(|row| OutboxMessage {
            body: json!({ "summary": row.summary, "data": row.data.0 }).to_string().into_bytes(),
            seq: row.seq,
            id: row.id,
            event: row.event,
            subject: row.subject,
            routing_key: row.routing_key,
            time: row.created_at,
            source: self.source.clone(),
        });
        Ok(messages.collect())
    }

    async fn confirmed(&self, seqs: &[i64]) -> Result<(), Self::Error> {
        self.ledger.confirm_deltas(seqs, crate::clock::now()).await
    }
}

/// Publishes what is in the outbox, once; `None` where no broker is configured.
///
/// # Errors
/// [`Error::Queue`]; what was not confirmed stays in the outbox.
pub async fn publish(setup: &Setup) -> Result<Option<Drained>, Error> {
    let Some(settings) = &setup.amqp else { return Ok(None) };
    let mut publisher = Publisher::new(settings.clone())?;
    let drained = publisher.drain(&LedgerOutbox::new(setup)).await?;
    publisher.close().await;
    Ok(Some(drained))
}
