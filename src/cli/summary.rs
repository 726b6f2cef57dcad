//! What a cycle did, told to a person: what was read, the proof that nothing was lost, and what follows.

use std::fmt::Write as _;

use encours::engine::{OperationReport, Outcome, Progress, Report, Setup};
use encours::ledger::{ControlTotal, DeltaRow, QuarantineRow};
use encours::model::Currency;
use indicatif::{ProgressBar, ProgressStyle};

use super::table::{Column, Table, amount, count, plural};
use super::{Exit, quarantine, words};

/// How many reasons of the quarantine a summary names.
const REASONS_MAX: usize = 10;

/// A cycle with what the ledger keeps of it beside the report.
pub struct Cycle {
    /// The report.
    pub report: Report,
    /// What is in quarantine after it.
    pub quarantine: Vec<QuarantineRow>,
    /// The deltas it made, in order.
    pub deltas: Vec<DeltaRow>,
}

impl Cycle {
    /// Reads from the ledger what belongs to a report.
    ///
    /// # Errors
    /// What the ledger says.
    pub async fn of(setup: &Setup, report: Report) -> anyhow::Result<Self> {
        let mut tx = setup.ledger.read().await?;
        let quarantine = tx.quarantined(&setup.company.id).await?;
        let deltas = tx.deltas_of(&report.run).await?;
        tx.rollback().await?;
        Ok(Self { report, quarantine, deltas })
    }

    /// How the cycle ended, for the exit code.
    pub fn exit(&self) -> Exit {
        match self.report.outcome {
            Outcome::Partial | Outcome::Failed => Exit::Failed,
            Outcome::Done if !self.report.paused.is_empty() => Exit::Failed,
            Outcome::Done if !self.quarantine.is_empty() => Exit::Quarantine,
            Outcome::Done => Exit::Fine,
        }
    }

    /// What was read, with every operation that was refused and every connection that is paused.
    pub fn read(&self) -> String {
        let report = &self.report;
        let mut text = String::new();
        let landed: Vec<&OperationReport> =
            report.operations.iter().filter(|op| op.error.is_none()).collect();
        if !landed.is_empty() {
            let mut table = Table::new(&[
                Column::Word("read from"),
                Column::Figure("records"),
                Column::Figure("new"),
                Column::Figure("changed"),
                Column::Figure("as known"),
                Column::Figure("settled"),
                Column::Figure("quarantined"),
            ]);
            for op in landed {
                let figures = [op.read, op.new, op.changed, op.unchanged, op.closed, op.quarantined];
                let mut cells = vec![format!("{}, {}", op.connection, words::operation(&op.operation))];
                cells.extend(figures.iter().map(|n| if *n == 0 { "–".to_owned() } else { count(*n) }));
                table.row(cells);
            }
            let _ = write!(text, "{table}"); // writing to a String cannot fail
        }
        for op in &report.operations {
            if let Some(error) = &op.error {
                let _ = writeln!(text, "✗ {}, {}: {error}", op.connection, words::operation(&op.operation));
            }
        }
        for (connection, reason) in &report.paused {
            let _ = writeln!(text, "✗ {connection} is paused: {reason}");
            let _ = writeln!(
                text,
                "  Mend its settings, then run `encours sync`: it tries paused connections again."
            );
        }
        text
    }

    /// The control totals: what the source listed is in the ledger or in quarantine.
    pub fn proof(&self) -> String {
        let totals = &self.report.control_totals;
        if totals.is_empty() {
            return String::new();
        }
        let mut table = Table::new(&[
            Column::Word("source"),
            Column::Word(""),
            Column::Figure("records"),
            Column::Figure("= ledger"),
            Column::Figure("+ bad"),
            Column::Figure("amount"),
            Column::Figure("= ledger"),
            Column::Figure("+ bad"),
            Column::Word(""),
        ]);
        for (connection, operation, total) in totals {
            table.row(total_cells(connection, operation, total));
        }
        let verdict = if self.report.adds_up() {
            "Nothing was lost: what each source listed is in the ledger or, where it is bad, in quarantine."
                .to_owned()
        } else {
            "The control totals do NOT add up: something was lost between source and ledger.".to_owned()
        };
        format!("{verdict}\n{table}")
    }

    /// The records in quarantine, with their reasons.
    pub fn quarantined(&self) -> String {
        if self.quarantine.is_empty() {
            return String::new();
        }
        let title = plural(self.quarantine.len(), "record is in quarantine", "records are in quarantine");
        format!("{title}; everything else landed.\n{}", quarantine::table(&self.quarantine, REASONS_MAX))
    }

    /// What follows: what buyers owe, limits, breaks by kind, deltas by event.
    pub fn figures(&self) -> String {
        let report = &self.report;
        let mut text = String::new();
        let owed: Vec<String> = report
            .exposure
            .iter()
            .map(|(currency, minor)| format!("{} {currency}", amount(*minor, *currency)))
            .collect();
        let owed = if owed.is_empty() { "nothing".to_owned() } else { owed.join(" · ") };
        let _ = writeln!(text, "Buyers owe   {owed}"); // writing to a String cannot fail
        if report.limits > 0 {
            let _ = writeln!(text, "Insured by   {}", plural(report.limits as i64, "limit", "limits"));
        }
        let open: u64 = report.breaks.values().sum();
        let _ = writeln!(text, "Breaks open  {}", if open == 0 { "none".to_owned() } else { count(open) });
        for (kind, number) in &report.breaks {
            let _ = writeln!(
                text,
                "{:>8}  {:<28} {}",
                count(*number),
                kind.as_str(),
                words::break_meaning(*kind)
            );
        }
        let said: u64 = report.deltas.values().sum();
        let _ = writeln!(
            text,
            "Deltas       {}",
            if said == 0 { "none: nothing has changed".to_owned() } else { count(said) }
        );
        for (event, number) in &report.deltas {
            let _ = writeln!(
                text,
                "{:>8}  {:<28} {}",
                count(*number),
                event.as_str(),
                words::event_heading(*event)
            );
        }
        text
    }

    /// Everything, in one text.
    pub fn told(&self, title: &str) -> String {
        let parts = [self.read(), self.proof(), self.quarantined(), self.figures()];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!("{title}\n\n{}", parts.join("\n"))
    }
}

fn total_cells(connection: &str, operation: &str, total: &ControlTotal) -> Vec<String> {
    let money = |minor| amount(minor, total.currency);
    let none = |text: String, number: i64| if number == 0 { "–".to_owned() } else { text };
    // XXX collects records whose currency cannot be read.
    let unreadable = Currency::parse("XXX") == Some(total.currency);
    vec![
        format!("{connection}, {}", words::operation(operation)),
        if unreadable { "unreadable".to_owned() } else { total.currency.to_string() },
        count(total.source_count),
        count(total.ledger_count),
        none(count(total.quarantined_count), total.quarantined_count),
        money(total.source_minor),
        money(total.ledger_minor),
        none(money(total.quarantined_minor), total.quarantined_count),
        if total.adds_up() { "✓" } else { "✗" }.to_owned(),
    ]
}

/// A line on standard error that shows how far a cycle has come; nothing when that is no terminal.
pub struct Bar(ProgressBar);

impl Bar {
    /// Starts it.
    pub fn start() -> Self {
        let bar = ProgressBar::new_spinner(); // draws on standard error, and only on a terminal
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        bar.set_message("starting");
        Self(bar)
    }

    /// Shows where the cycle is.
    pub fn show(&self, progress: Progress<'_>) {
        let Progress { connection, operation, read } = progress;
        self.0.set_message(format!(
            "{connection}, {}: {}",
            words::operation(operation),
            plural(read as i64, "record", "records")
        ));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
