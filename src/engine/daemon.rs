//! The daemon: a cycle at its interval, and a publisher beside it.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::publish::LedgerOutbox;
use super::{CycleOptions, Error, Setup, cycle, effects};
use crate::queue::{Publisher, Remedy};

/// Hints that something has changed at a partner: the next cycle comes early. Any number of them before it are one.
#[derive(Debug, Default)]
pub struct Hints {
    given: AtomicBool,
    wake: Notify,
}

impl Hints {
    /// Gives a hint.
    pub fn give(&self) {
        self.given.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Resolves once a hint is given, and takes all that were.
    async fn heard(&self) {
        // A wake may be left over from hints that were taken together: the flag decides.
        while !self.given.swap(false, Ordering::AcqRel) {
            self.wake.notified().await;
        }
    }
}

/// Runs cycles until `shutdown` resolves; the transaction in hand is finished first.
///
/// A cycle that fails is logged and tried again at the next interval; deltas wait in the outbox meanwhile.
///
/// # Errors
/// [`Error::Queue`] when the broker's settings have to change before anything can be published.
pub async fn run(
    setup: &Setup,
    hints: &Hints,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let wake = Notify::new();
    let (stop, stopped) = watch::channel(false);
    let cycles = async {
        let mut stopped = stopped.clone();
        let pause = Duration::from_secs(setup.schedule.every_minutes.max(1) * 60);
        let hint_pause = Duration::from_secs(setup.schedule.hint_seconds).min(pause);
        while !*stopped.borrow() {
            one_cycle(setup).await;
            send_effects(setup).await;
            wake.notify_one();
            let hinted = async {
                tokio::time::sleep(hint_pause).await;
                hints.heard().await;
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = hinted => {}
                _ = stopped.changed() => {}
            }
        }
    };
    let publishing = async {
        let Some(settings) = &setup.amqp else { return Ok(()) };
        let mut stopped = stopped.clone();
        let mut publisher = Publisher::new(settings.clone())?;
        let until = async move {
            let _ = stopped.wait_for(|stop| *stop).await; // the sender lives as long as this function
        };
        let done = publisher.run(&LedgerOutbox::new(setup), &wake, until).await;
        if let Err(error) = &done {
            let mend = match error.remedy() {
                Remedy::FixConfiguration => {
                    "mend [amqp] and start again; cycles go on and deltas wait in the outbox"
                }
                Remedy::RetryLater => "deltas wait in the outbox",
            };
            tracing::error!(%error, mend, "publishing has stopped");
        }
        publisher.close().await;
        done
    };
    let signal = async {
        shutdown.await;
        tracing::info!("stopping after the cycle in hand");
        let _ = stop.send(true); // receivers live in this function
    };
    let ((), published, ()) = tokio::join!(cycles, publishing, signal);
    published.map_err(Error::from)
}

/// Carries out what the policies let go by themselves. Not stopped in the middle: a call that was made is written down.
async fn send_effects(setup: &Setup) {
    let now = crate::clock::now();
    let options =
        effects::Options { which: effects::Which::Automatic, by: "encours", day: now.date_naive(), now };
    match effects::carry_out(setup, &options).await {
        Ok(told) => {
            for one in told {
                let note = one.held.as_deref().or(one.row.message.as_deref()).unwrap_or_default();
                tracing::info!(
                    effect = one.row.id,
                    kind = one.row.kind,
                    state = one.row.state,
                    note,
                    "effect"
                );
            }
        }
        Err(error) => tracing::error!(%error, "effects wait for the next cycle"),
    }
}

async fn one_cycle(setup: &Setup) {
    let day = crate::clock::now().date_naive();
    let report = match cycle(setup, day, &CycleOptions::default(), &|_| {}).await {
        Ok(report) => report,
        Err(error) => return tracing::error!(%error, "the cycle failed; nothing of it was kept"),
    };
    for operation in &report.operations {
        match &operation.error {
            Some(error) => tracing::error!(
                connection = operation.connection,
                operation = operation.operation,
                error,
                "not landed"
            ),
            None => tracing::info!(
                connection = operation.connection,
                operation = operation.operation,
                read = operation.read,
                new = operation.new,
                changed = operation.changed,
                closed = operation.closed,
                quarantined = operation.quarantined,
                "landed"
            ),
        }
    }
    let deltas: u64 = report.deltas.values().sum();
    tracing::info!(run = report.run, day = %report.day, outcome = report.outcome.as_str(), deltas, "cycle done");
}
