//! One cycle of one company, from left to right: pull, land, settle, reconcile, say.
//!
//! What is behind a network is read before the transaction begins; files of a local folder are streamed into it. Each
//! operation lands in a savepoint: one that is refused leaves no trace and hinders no other. Everything that landed, its
//! cursors, what follows from it and the deltas are committed together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tokio::sync::mpsc;

use super::land::{Landed, Landing};
use super::ratings::rating_delta;
use super::settle::{Context, PLANNED, compare_breaks, settle};
use super::{
    CycleOptions, Error, OperationReport, Outcome, Progress, Report, Setup, assignments, effects, link, pools,
};
use crate::connector::{Batch, Connection, Mode, Pulled, Reach, Role};
use crate::ids::{correlation, fingerprint_hex};
use crate::ledger::{LimitChange, RunRow, Tx};
use crate::model::{
    Break, BreakKind, Date, Delta, Event, InOtherCurrency, Instant, Limit, Policy, render_minor,
};
use crate::reconcile::{self, Change};
use crate::transport::Verdict;

/// What one operation gave before the transaction.
enum Read {
    /// Batches of a partner behind a network.
    Whole(Vec<Batch>, Pulled),
    /// To be streamed within the transaction.
    Local,
    /// The connection has just been paused.
    NotTried,
    /// Nothing; why, and whether the connection must pause.
    Failed { message: String, pause: bool },
}

struct Task<'a> {
    connection: &'a Connection,
    operation: &'a str,
    mode: Mode,
    cursor: Option<String>,
    /// What is asked of, where the operation asks of each document that a factor has.
    held: Option<Vec<BTreeMap<String, String>>>,
    read: Read,
}

/// Runs one cycle for a business day.
///
/// # Errors
/// [`Error`] when the ledger itself fails: then nothing of the cycle was kept. An operation that fails is part of the report.
pub async fn cycle(
    setup: &Setup,
    day: Date,
    options: &CycleOptions,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Report, Error> {
    let now = crate::clock::now();
    let company = setup.company.id.as_str();
    let run = fingerprint_hex(&[company.as_bytes(), now.to_rfc3339().as_bytes(), correlation().as_bytes()]);
    let vanish_percent_max = if options.accept_vanished { 100 } else { setup.schedule.vanish_percent_max };

    let (mut tasks, paused) = prepare(setup, options, day).await?;
    let mut refused: Vec<&str> = Vec::new();
    for task in &mut tasks {
        if task.connection.connector.manifest.reach == Reach::Files {
            continue;
        }
        let id = task.connection.id.as_str();
        if refused.contains(&id) {
            // A refused credential is not shown twice: some partners lock the account.
            task.read = Read::NotTried;
            continue;
        }
        task.read = pull_whole(task, progress).await;
        if matches!(task.read, Read::Failed { pause: true, .. }) {
            refused.push(id);
        }
    }

    let mut tx = setup.ledger.begin().await?;
    let settled_on = tx.settled_on(company).await?;
    let policy_changed = tx.know_policies(company, &setup.policies, now).await?;
    let mut operations = Vec::new();
    let mut control_totals = Vec::new();
    let mut touched: BTreeSet<String> = tx.take_touched(company).await?;
    let mut deltas = Vec::new();
    let mut limit_changes = Vec::new();
    let mut rating_changes = Vec::new();
    let mut factor_changes = Vec::new();
    let mut findings = Findings::default();
    let mut archive = Vec::new();
    let mut pauses: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for task in tasks {
        let id = task.connection.id.as_str();
        let name = task.operation;
        let landing = Landing {
            run: &run,
            company,
            connection: id,
            operation: name,
            mode: task.mode,
            day,
            now,
            vanish_percent_max,
            progress,
        };
        match land(&mut tx, &landing, task.connection, task.cursor.as_deref(), task.read).await? {
            Ok((landed, pulled)) => {
                if let Some(cursor) = &pulled.cursor {
                    tx.set_cursor(id, name, cursor, now).await?;
                }
                archive.push((task.connection, pulled.files));
                pauses.entry(id).or_insert(None);
                touched.extend(landed.buyers.iter().cloned());
                control_totals
                    .extend(landed.totals.iter().map(|total| (id.to_owned(), name.to_owned(), *total)));
                operations.extend(landed.report.clone());
                for change in landed.limits.iter().cloned() {
                    tell(&mut limit_changes, id, change, name == "list_ended");
                }
                rating_changes.extend(landed.ratings.iter().cloned().map(|change| (id, change)));
                factor_changes.extend(landed.factor_lines.iter().cloned());
                touched.extend(landed.limits.iter().filter_map(|change| change.buyer_id.clone()));
                findings.collect(id, name, pulled.mode, &landed);
            }
            Err(failure) => {
                if failure.pause {
                    pauses.insert(id, Some(failure.message.clone()));
                }
                let error = Some(failure.message);
                operations.push(OperationReport { error, ..OperationReport::new(id, name) });
            }
        }
    }
    for (id, reason) in &pauses {
        deltas.extend(pause_delta(&mut tx, id, reason.as_deref(), now).await?);
    }
    deltas.extend(pause_refused(&mut tx, setup, now).await?);
    // Every limit gets the buyer that is known now: an identifier that was added to an account links it.
    let mut resolved = link::resolve(&mut tx, company, None, now).await?;
    touched.append(&mut resolved.touched);
    let countries = Countries(
        resolved.accounts.iter().map(|row| (row.buyer_id.as_str(), row.country.as_str())).collect(),
    );
    deltas.extend(limit_deltas(&limit_changes, &countries, day));
    deltas.extend(
        rating_changes
            .iter()
            .filter_map(|(id, change)| rating_delta(id, change, countries.of(change.buyer_id.as_deref()))),
    );

    deltas.extend(factor_changes.iter().filter_map(assignments::line_delta));
    deltas.extend(assignments::statuses(&mut tx, setup, now).await?);

    let policies: Vec<&Policy> = setup.policies.iter().filter(|policy| policy.contains(day)).collect();
    let context = Context { company, policies, periods: &setup.policies, day, now };
    deltas.extend(findings.breaks(&mut tx, &context).await?);
    deltas.extend(identity_breaks(&mut tx, &context, &resolved).await?);
    deltas.extend(dated_limits(&mut tx, setup, &countries, settled_on.unwrap_or(day), day).await?);
    // What another insured company reads touches none of our buyers, and may take cover from any of them.
    let is_joint = !pools::insured_with(&setup.policies, company).is_empty();
    let whole = settled_on != Some(day) || policy_changed || is_joint;
    deltas.extend(settle(&mut tx, &context, &resolved.accounts, (!whole).then_some(&touched)).await?);
    // What is stated must not come from half a reading.
    let erps_read =
        setup.connections.iter().filter(|own| own.connector.manifest.role == Role::Erp).all(|own| {
            !paused.contains(&own.id)
                && operations
                    .iter()
                    .all(|operation| operation.connection != own.id || operation.error.is_none())
        });
    if erps_read {
        effects::make_statements(&mut tx, setup, day, now).await?;
    }
    let mut plan = effects::plan(&mut tx, setup, day).await?;
    plan.breaks.extend(assignments::breaks(&mut tx, setup, day).await?);
    deltas.extend(effects::propose(&mut tx, setup, &plan, day, now).await?);
    deltas.extend(planned_breaks(&mut tx, &context, &plan.breaks).await?);
    tx.say(company, &run, &deltas, now).await?;

    let failed = operations.iter().filter(|operation| operation.error.is_some()).count();
    let outcome = match failed {
        0 if paused.is_empty() => Outcome::Done,
        _ if failed == operations.len() && failed > 0 => Outcome::Failed,
        _ => Outcome::Partial,
    };
    let mut report = Report {
        run: run.clone(),
        day,
        outcome,
        operations,
        control_totals,
        exposure: tx.outstanding(company).await?,
        limits: 0,
        breaks: BTreeMap::new(),
        deltas: BTreeMap::new(),
        paused: Vec::new(),
    };
    report.limits =
        tx.limits(company).await?.iter().filter(|row| row.payload.amount_minor > 0).count() as u64;
    for row in tx.open_breaks(company).await? {
        *report.breaks.entry(row.to_break()?.kind).or_default() += 1;
    }
    for (event, count) in tx.count_deltas_of(&run).await? {
        if let Some(event) = Event::parse(&event) {
            *report.deltas.entry(event).or_default() += count.unsigned_abs();
        }
    }
    for connection in tx.connections().await? {
        if let (true, Some(reason)) = (connection.company == company, connection.paused_reason) {
            report.paused.push((connection.id, reason));
        }
    }
    let finished_at = crate::clock::now();
    let summary = sqlx::types::Json(report.to_json());
    let outcome = report.outcome.as_str().to_owned();
    tx.record_run(company, &RunRow { id: run, on_date: day, started_at: now, finished_at, outcome, summary })
        .await?;
    tx.commit().await?;
    for (connection, files) in archive {
        connection.archive(&files, day).map_err(|error| Error::Archive {
            connection: connection.id.clone(),
            reason: error.to_string(),
        })?;
    }
    Ok(report)
}

/// Compares the breaks that only planning sees with those that are open.
async fn planned_breaks(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    found: &[Break],
) -> Result<Vec<Delta>, Error> {
    let stored: Vec<_> = tx
        .open_breaks(context.company)
        .await?
        .into_iter()
        .filter(|row| PLANNED.iter().any(|kind| kind.as_str() == row.kind))
        .collect();
    compare_breaks(tx, context, &stored, found).await
}

/// Makes the configuration known to the ledger and reads what each operation starts from.
async fn prepare<'a>(
    setup: &'a Setup,
    options: &CycleOptions,
    day: Date,
) -> Result<(Vec<Task<'a>>, Vec<String>), Error> {
    let mut tx = setup.ledger.begin().await?;
    for connection in &setup.connections {
        let manifest = &connection.connector.manifest;
        let (connector, role) = (manifest.id.as_str(), manifest.role.as_str());
        tx.know_connection(&connection.id, &setup.company.id, connector, role).await?;
    }
    let paused: Vec<String> = tx
        .connections()
        .await?
        .into_iter()
        .filter(|row| row.company == setup.company.id && row.paused_since.is_some() && !options.retry_paused)
        .map(|row| row.id)
        .collect();
    let whole = tx.settled_on(&setup.company.id).await? != Some(day);
    let mut tasks = Vec::new();
    // Whoever owes comes before whoever covers: limits are linked to buyers that are known.
    let mut connections: Vec<&Connection> = setup.connections.iter().collect();
    connections.sort_by_key(|connection| connection.connector.manifest.role);
    for connection in connections {
        if paused.contains(&connection.id) {
            continue;
        }
        for operation in connection.pulls() {
            // Once a day everything is read anew: some systems change an item without moving its stamp.
            let cursor = if whole { None } else { tx.cursor(&connection.id, operation).await? };
            let mode = connection.mode(operation, cursor.as_deref())?;
            let held = match connection.asks_each(operation) {
                true => Some(assignments::held(&mut tx, &connection.id).await?),
                false => None,
            };
            tasks.push(Task { connection, operation, mode, cursor, held, read: Read::Local });
        }
    }
    tx.commit().await?;
    Ok((tasks, paused))
}

async fn pull_whole(task: &Task<'_>, progress: &(dyn Fn(Progress<'_>) + Sync)) -> Read {
    let (sender, mut receiver) = mpsc::channel::<Batch>(2);
    let pull = async {
        match &task.held {
            Some(held) => task.connection.pull_each(task.operation, held, sender).await,
            None => task.connection.pull(task.operation, task.cursor.as_deref(), sender).await,
        }
    };
    let collect = async {
        let (mut batches, mut read) = (Vec::new(), 0);
        while let Some(batch) = receiver.recv().await {
            read += batch.records.len() as u64;
            progress(Progress { connection: &task.connection.id, operation: task.operation, read });
            batches.push(batch);
        }
        batches
    };
    match tokio::join!(pull, collect) {
        (Ok(pulled), batches) => Read::Whole(batches, pulled),
        (Err(error), _) => {
            Read::Failed { message: error.to_string(), pause: error.verdict() == Verdict::FixConfiguration }
        }
    }
}

/// So many batches of a file are mapped before the landing takes them: it reads what the ledger knows first.
const BATCHES_AHEAD: usize = 8;

struct Failure {
    message: String,
    pause: bool,
}

/// Lands one operation in a savepoint; a refusal undoes it alone.
async fn land(
    tx: &mut Tx<'_>,
    landing: &Landing<'_>,
    connection: &Connection,
    cursor: Option<&str>,
    read: Read,
) -> Result<Result<(Landed, Pulled), Failure>, Error> {
    let (sender, receiver) = mpsc::channel::<Batch>(BATCHES_AHEAD);
    let mut savepoint = tx.savepoint().await?;
    let (consumed, pulled) = match read {
        Read::Failed { message, pause } => {
            savepoint.rollback().await?;
            return Ok(Err(Failure { message, pause }));
        }
        Read::NotTried => {
            savepoint.rollback().await?;
            let message = "not tried: the connection has just been paused".to_owned();
            return Ok(Err(Failure { message, pause: false }));
        }
        Read::Whole(batches, pulled) => {
            let send = async {
                for batch in batches {
                    if sender.send(batch).await.is_err() {
                        break; // the landing has failed and says why
                    }
                }
                drop(sender);
            };
            let (consumed, ()) = tokio::join!(landing.consume(&mut savepoint, receiver), send);
            (consumed, Ok(pulled))
        }
        Read::Local => {
            let pull = connection.pull(landing.operation, cursor, sender);
            tokio::join!(landing.consume(&mut savepoint, receiver), pull)
        }
    };
    let consumed = consumed?;
    let failure = match pulled {
        Ok(pulled) => match landing.finish(&mut savepoint, consumed, pulled.mode).await {
            Ok(landed) => {
                savepoint.commit().await?;
                return Ok(Ok((landed, pulled)));
            }
            Err(error) if error.is_refusal() => Failure { message: error.to_string(), pause: false },
            Err(error) => return Err(error),
        },
        Err(error) => {
            Failure { message: error.to_string(), pause: error.verdict() == Verdict::FixConfiguration }
        }
    };
    savepoint.rollback().await?;
    Ok(Err(failure))
}

/// Pauses every connection whose credential was refused, whoever showed it: the next process is not to show it again.
pub(super) async fn pause_refused(tx: &mut Tx<'_>, setup: &Setup, now: Instant) -> Result<Vec<Delta>, Error> {
    let mut deltas = Vec::new();
    for connection in setup.connections.iter().filter(|connection| connection.is_refused()) {
        let reason = "the partner refused the credential, which another connection uses too";
        deltas.extend(pause_delta(tx, &connection.id, Some(reason), now).await?);
    }
    Ok(deltas)
}

pub(super) async fn pause_delta(
    tx: &mut Tx<'_>,
    id: &str,
    reason: Option<&str>,
    now: Instant,
) -> Result<Option<Delta>, Error> {
    if !tx.pause(id, reason, now).await? {
        return Ok(None);
    }
    let (event, summary) = match reason {
        Some(reason) => (Event::ConnectionPaused, format!("{id} is paused: {reason}")),
        None => (Event::ConnectionRecovered, format!("{id} works again.")),
    };
    Ok(Some(Delta {
        event,
        subject: id.to_owned(),
        version: now.timestamp_millis().to_string(),
        connection: id.to_owned(),
        country: String::new(),
        summary,
        data: json!({ "connection": id, "reason": reason }).to_string(),
    }))
}

/// Compares the breaks about insurers' buyers that are nobody's, or several buyers', with those that were open.
async fn identity_breaks(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    resolved: &link::Resolved,
) -> Result<Vec<Delta>, Error> {
    let found = link::breaks(resolved, &tx.limits(context.company).await?);
    let is_of_identity =
        |kind: &str| kind == BreakKind::BuyerUnmatched.as_str() || kind == BreakKind::BuyerAmbiguous.as_str();
    let mut stored = tx.open_breaks(context.company).await?;
    stored.retain(|row| is_of_identity(&row.kind));
    compare_breaks(tx, context, &stored, &found).await
}

/// Where each buyer is, for the routing of what concerns it.
struct Countries<'a>(BTreeMap<&'a str, &'a str>);

impl Countries<'_> {
    fn of(&self, buyer: Option<&str>) -> String {
        buyer.and_then(|id| self.0.get(id)).map_or_else(String::new, |country| (*country).to_owned())
    }
}

/// Adds a change. The reason why a limit ended stands for the bare end that the same cycle found.
fn tell<'c>(changes: &mut Vec<(&'c str, LimitChange)>, id: &'c str, change: LimitChange, is_reason: bool) {
    let same = |of: &LimitChange| {
        of.after.policy == change.after.policy && of.after.insurer_buyer_id == change.after.insurer_buyer_id
    };
    match changes.iter_mut().filter(|_| is_reason).find(|(of, known)| *of == id && same(known)) {
        Some((_, known)) => known.after = change.after,
        None => changes.push((id, change)),
    }
}

fn limit_deltas(changes: &[(&str, LimitChange)], countries: &Countries<'_>, day: Date) -> Vec<Delta> {
    let told = changes.iter().filter_map(|(connection, change)| {
        let told = reconcile::limit_change(change.before.as_ref(), Some(&change.after), day)?;
        let buyer = change.buyer_id.as_deref();
        Some(limit_delta(
            connection,
            &change.after,
            (buyer, countries.of(buyer)),
            told,
            &change.version.to_string(),
        ))
    });
    told.collect()
}

/// Ends that are near or past, of limits whose content has not changed.
async fn dated_limits(
    tx: &mut Tx<'_>,
    setup: &Setup,
    countries: &Countries<'_>,
    since: Date,
    day: Date,
) -> Result<Vec<Delta>, Error> {
    let mut deltas = Vec::new();
    for row in tx.limits(&setup.company.id).await? {
        let policy = setup
            .policies
            .iter()
            .find(|policy| policy.connection == row.connection && policy.number == row.policy);
        let warning_days = policy.map_or(0, |policy| policy.warning_days);
        let told = reconcile::ended(&row.payload, since, day).into_iter();
        for change in told.chain(reconcile::expiring(&row.payload, day, warning_days)) {
            let buyer = row.buyer_id.as_deref();
            deltas.push(limit_delta(&row.connection, &row.payload, (buyer, countries.of(buyer)), change, ""));
        }
    }
    Ok(deltas)
}

fn limit_delta(
    connection: &str,
    limit: &Limit,
    (buyer, country): (Option<&str>, String),
    change: Change,
    version: &str,
) -> Delta {
    let amount = |minor| render_minor(minor, limit.currency);
    Delta {
        event: change.event,
        subject: format!("{}/{}", limit.policy, limit.insurer_buyer_id),
        // The same event for the same day is the same fact, whoever finds it.
        version: change.day.map_or_else(|| version.to_owned(), |day| day.to_string()),
        connection: connection.to_owned(),
        country,
        summary: change.summary,
        data: json!({
            "policy": limit.policy, "insurer_buyer_id": limit.insurer_buyer_id, "buyer": buyer, "name": limit.buyer_name,
            "reference": limit.reference, "decision": limit.decision, "decision_code": limit.decision_code,
            "amount": amount(limit.amount_minor), "requested": limit.requested_minor.map(amount),
            "currency": limit.currency, "effective_from": limit.effective_from, "effective_to": limit.effective_to,
            "withdrawal_on": limit.withdrawal_on, "day": change.day,
            "layers": limit.layers.iter().map(|layer| json!({
                "kind": layer.kind, "amount": amount(layer.amount_minor), "until": layer.until })).collect::<Vec<_>>(),
            "conditions": limit.conditions,
            "in_other_currency": limit.in_other_currency.as_ref().map(InOtherCurrency::to_json),
        }).to_string(),
    }
}

/// Breaks about what partners answered, of the operations that were read whole in this cycle.
#[derive(Default)]
struct Findings {
    found: Vec<Break>,
    /// (connection, prefix of the subject) of what was looked at.
    scope: Vec<(String, String)>,
}

impl Findings {
    fn collect(&mut self, connection: &str, operation: &str, shown: Mode, landed: &Landed) {
        if shown == Mode::Snapshot {
            self.scope.push((connection.to_owned(), format!("{connection}/{operation}/")));
        }
        let blank = |kind, subject: String, name: &str, ours: String, theirs: String| Break {
            kind,
            subject,
            name: name.to_owned(),
            country: String::new(),
            connection: connection.to_owned(),
            ours,
            theirs,
        };
        for unknown in &landed.unknown {
            let subject = format!("{connection}/{operation}/{}/{}", unknown.table, unknown.code);
            let ours = format!("not in [codes.{}]", unknown.table);
            self.found.push(blank(
                BreakKind::UnknownCode,
                subject,
                &format!("code {}", unknown.code),
                ours,
                unknown.code.clone(),
            ));
        }
    }

    async fn breaks(self, tx: &mut Tx<'_>, context: &Context<'_>) -> Result<Vec<Delta>, Error> {
        let in_scope = |connection: &str, subject: &str| {
            self.scope.iter().any(|(id, prefix)| id == connection && subject.starts_with(prefix.as_str()))
        };
        let found_subjects: BTreeSet<&str> = self.found.iter().map(|found| found.subject.as_str()).collect();
        let stored: Vec<_> = tx
            .open_breaks(context.company)
            .await?
            .into_iter()
            .filter(|row| row.kind == BreakKind::UnknownCode.as_str())
            .filter(|row| {
                in_scope(&row.connection, &row.subject) || found_subjects.contains(row.subject.as_str())
            })
            .collect();
        compare_breaks(tx, context, &stored, &self.found).await
    }
}
