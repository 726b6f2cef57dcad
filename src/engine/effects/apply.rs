//! Carrying effects out: what is approved is sent, once.
//!
//! A worker claims an effect by writing `sending` with a lease, commits, and only then calls the partner; the call is given
//! up well before the lease ends, so that nothing of it can leave later. What the call did not tell is `unknown` and belongs
//! to [`super::settle`]. Connections go side by side, the effects of one connection one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;

use super::super::{Error, Setup};
use super::write_back::Standing;
use super::{request_delta, settle, urgent};
use crate::connector::{self, Connection, Outcome, Reach, Sent};
use crate::ledger::{EffectRow, Step, Tx};
use crate::model::{Currency, Date, EffectKind, EffectState, Event, Instant, NumberStyle, parse_minor};
use crate::transport::Verdict;

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Nothing new: what is in doubt is settled, and what was approved before goes out.
    Approved,
    /// What the policies let go by itself.
    Automatic,
    /// Every proposal.
    All,
    /// These.
    These(BTreeSet<String>),
    /// These requests, urgently.
    Urgent(BTreeSet<String>),
}

/// How effects are carried out.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// What is to be sent.
    pub which: Which,
    /// Who says so: a person's name, or `encours`.
    pub by: &'a str,
    /// The business day.
    pub day: Date,
    /// The instant at which it begins.
    pub now: Instant,
}

/// What became of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its row, as it stands now.
    pub row: EffectRow,
    /// Why nothing was done with it, where nothing was.
    pub held: Option<String>,
}

/// Beyond the partner's own time limit, what a call may take in all: waiting for its turn, and a new session.
const CALL_SLACK: Duration = Duration::from_secs(60);
/// How long after a call was given up its lease still holds.
const LEASE_SLACK: TimeDelta = TimeDelta::minutes(2);

/// Settles what is in doubt, follows what is undecided, approves what was asked for, and sends it.
///
/// Dropped at any point, it leaves a ledger that the next call goes on from.
///
/// # Errors
/// What the ledger says. What a partner says is part of the answer.
pub async fn carry_out(setup: &Setup, options: &Options<'_>) -> Result<Vec<Told>, Error> {
    let mut told = settle::abandoned(setup, options).await?;
    let (rows, paused) = approve(setup, options, &mut told).await?;
    let work = setup.connections.iter().map(|connection| {
        let own: Vec<EffectRow> =
            rows.iter().filter(|row| row.connection == connection.id).cloned().collect();
        let paused = paused.get(&connection.id);
        async move {
            match paused {
                Some(reason) => Ok(own
                    .into_iter()
                    .map(|row| Told { row, held: Some(format!("{} is paused: {reason}", connection.id)) })
                    .collect()),
                None => one_connection(setup, connection, own, options).await,
            }
        }
    });
    for result in futures_util::future::join_all(work).await {
        let done: Vec<Told> = result?;
        told.extend(done);
    }
    // An effect that was settled and then sent is told once, as it stands.
    let mut last: BTreeMap<String, Told> = BTreeMap::new();
    for one in told {
        last.insert(one.row.id.clone(), one);
    }
    Ok(last.into_values().collect())
}

/// Approves what was asked for and returns what may go out, with the connections that are paused.
async fn approve(
    setup: &Setup,
    options: &Options<'_>,
    told: &mut Vec<Told>,
) -> Result<(Vec<EffectRow>, BTreeMap<String, String>), Error> {
    let company = setup.company.id.as_str();
    let mut tx = setup.ledger.begin().await?;
    for row in tx.effects(company, &[EffectState::Proposed]).await? {
        let chosen = match &options.which {
            Which::Approved => false,
            Which::Automatic => row.is_automatic(),
            Which::All => true,
            Which::These(ids) | Which::Urgent(ids) => ids.contains(&row.id),
        };
        if !chosen {
            continue;
        }
        if let Some(reason) = missing(setup, &row) {
            told.push(Told { row, held: Some(reason) });
            continue;
        }
        let mut note =
            if row.is_automatic() { "the policy lets it go by itself" } else { "approved" }.to_owned();
        if matches!(options.which, Which::Urgent(_)) {
            let fee = match urgent::fee_of_row(setup, &row, options.day) {
                Ok(fee) => fee,
                Err(reason) => {
                    told.push(Told { row, held: Some(reason) });
                    continue;
                }
            };
            tx.make_urgent(&row, fee.minor, options.now).await?;
            note = format!("approved, urgently: {fee} more");
        }
        let step = Step::new(
            &[EffectState::Proposed],
            EffectState::Approved,
            // What the policy lets go was approved by nobody in person.
            if options.which == Which::Automatic { "encours" } else { options.by },
            &note,
            options.day,
            options.now,
        );
        tx.advance(&row.id, &step).await?;
    }
    let rows = tx.effects(company, &[EffectState::Approved]).await?;
    let paused = tx.connections().await?.into_iter().filter_map(|row| Some((row.id, row.paused_reason?)));
    let paused = paused.collect();
    tx.commit().await?;
    Ok((rows, paused))
}

/// Why an effect cannot be sent as it is.
fn missing(setup: &Setup, row: &EffectRow) -> Option<String> {
    let Some(connection) = setup.connections.iter().find(|connection| connection.id == row.connection) else {
        return Some(format!("there is no connection {} in the configuration", row.connection));
    };
    if !connection.has(&row.kind) {
        let name = &connection.connector.manifest.name;
        return Some(format!(
            "{name} has no {}: do it by hand, then say so with `encours requests settle {} --done`",
            row.kind, row.id
        ));
    }
    let by_id =
        connection.connector.manifest.reach == Reach::Http && row.kind().is_ok_and(EffectKind::is_request);
    (by_id && !row.facts.contains_key("insurer_buyer_id"))
        .then(|| format!("{} does not know the buyer yet: its id is needed", connection.id))
}

/// The facts of a call: those of the cause, and those of its day.
pub(super) fn facts_of(row: &EffectRow, day: Date) -> BTreeMap<String, String> {
    let mut facts = row.facts.0.clone();
    facts.entry("our_reference".to_owned()).or_insert_with(|| row.our_reference.clone());
    facts.entry("from".to_owned()).or_insert_with(|| day.to_string());
    facts
}

async fn one_connection(
    setup: &Setup,
    connection: &Connection,
    rows: Vec<EffectRow>,
    options: &Options<'_>,
) -> Result<Vec<Told>, Error> {
    if connection.connector.manifest.reach == Reach::Files {
        return super::files::hand_over(setup, connection, rows, options).await;
    }
    let mut told = Vec::new();
    for row in rows {
        let (row, go_on) = one_effect(setup, connection, row, options).await?;
        told.extend(row);
        if !go_on {
            break; // the credentials were refused, or the partner is away: the rest waits, approved
        }
    }
    Ok(told)
}

/// How a call ended, in the words of the ledger.
pub(super) struct Ending {
    pub(super) to: EffectState,
    pub(super) awaiting: bool,
    pub(super) note: String,
    pub(super) answer: Option<String>,
    pub(super) reference: Option<String>,
    /// The connection is not to be used again for now.
    pub(super) stop: bool,
    /// The connection has to pause.
    pub(super) pause: bool,
}

impl Ending {
    pub(super) fn of(to: EffectState, note: impl Into<String>) -> Self {
        Self {
            to,
            awaiting: false,
            note: note.into(),
            answer: None,
            reference: None,
            stop: false,
            pause: false,
        }
    }

    fn sent(sent: Sent) -> Self {
        let said = sent.message.unwrap_or_default();
        let (to, awaiting, note) = match sent.outcome {
            Outcome::Decided => (EffectState::Done, false, "decided at once"),
            Outcome::Done => (EffectState::Done, false, "done"),
            Outcome::Pending => (EffectState::Done, true, "taken; the decision is to come"),
            Outcome::Refused => (EffectState::Refused, false, "refused"),
        };
        let note = if said.is_empty() { note.to_owned() } else { format!("{note}: {said}") };
        Self {
            awaiting,
            answer: Some(sent.raw),
            reference: sent.reference,
            ..Self::of(to, format!("{note} (call {})", sent.call_reference))
        }
    }

    fn error(error: &connector::Error) -> Self {
        let text = error.to_string();
        match error.verdict() {
            Verdict::RetryLater { .. } => Self {
                stop: true,
                ..Self::of(EffectState::Approved, format!("not sent: {text}; it is tried again"))
            },
            Verdict::OutcomeUnknown => Self::of(
                EffectState::Unknown,
                format!("{text}; the partner is read before anything is sent again"),
            ),
            Verdict::FixConfiguration => Self {
                stop: true,
                pause: true,
                ..Self::of(EffectState::Approved, format!("not sent: {text}; the connection is paused"))
            },
            Verdict::FixData | Verdict::NotAllowed | Verdict::Defect => Self::of(EffectState::Failed, text),
        }
    }
}

async fn one_effect(
    setup: &Setup,
    connection: &Connection,
    row: EffectRow,
    options: &Options<'_>,
) -> Result<(Option<Told>, bool), Error> {
    let mut facts = facts_of(&row, options.day);
    let writes = row.kind()? == EffectKind::WriteLimit && connection.has("read_limit");
    if writes {
        // Read before the claim: nothing may take long between the claim and the call.
        match before_writing(connection, &row).await {
            Ok(Some(stamp)) => facts.extend(stamp),
            Ok(None) => {
                let ending = Ending::of(EffectState::Done, "the ERP holds it already");
                return finish(setup, connection, &row, EffectState::Approved, ending, options).await;
            }
            Err(ending) => {
                return finish(setup, connection, &row, EffectState::Approved, ending, options).await;
            }
        }
    }
    let limit = connection.connector.manifest.timeout + CALL_SLACK;
    let lease = TimeDelta::from_std(limit).unwrap_or(LEASE_SLACK) + LEASE_SLACK;
    let mut tx = setup.ledger.begin().await?;
    let note = format!("sending to {}", connection.id);
    let claim = Step {
        lease_until: Some(crate::clock::now().max(options.now) + lease),
        ..Step::new(
            &[EffectState::Approved],
            EffectState::Sending,
            options.by,
            &note,
            options.day,
            options.now,
        )
    };
    let claimed = tx.advance(&row.id, &claim).await?;
    tx.commit().await?;
    let Some(row) = claimed else { return Ok((None, true)) }; // another worker has it
    let call = connection.send(&row.kind, &facts);
    let mut ending = match tokio::time::timeout(limit, call).await {
        Ok(Ok(sent)) => Ending::sent(sent),
        Ok(Err(error)) => Ending::error(&error),
        Err(_) => Ending::of(
            EffectState::Unknown,
            "no answer came within the time of the call; the partner is read before anything is sent again",
        ),
    };
    if writes && ending.to == EffectState::Done {
        ending = read_back(connection, &row, ending).await;
    } else if writes && ending.to == EffectState::Approved && !ending.pause {
        ending = not_over_another(connection, &row, facts.get("stamp"), ending).await;
    }
    finish(setup, connection, &row, EffectState::Sending, ending, options).await
}

/// What the ERP holds of the account now, beside what it should hold.
pub(super) enum Held {
    /// What was to be written.
    Wanted,
    /// What was there before.
    Before(BTreeMap<String, String>),
    /// Something else.
    Other(String),
    /// Amounts of another currency, which cannot be compared.
    Foreign(String),
}

/// Reads the account's limit.
pub(super) async fn held(connection: &Connection, row: &EffectRow) -> Result<Held, connector::Error> {
    let question = BTreeMap::from([("account".to_owned(), row.subject.clone())]);
    let mut answers = connection.look_up("read_limit", &question).await?;
    let Some(answer) = answers.pop() else {
        return Ok(Held::Other("the ERP does not know the account".to_owned()));
    };
    let currency = answer.get("currency").and_then(|code| Currency::parse(code));
    if let (Some(theirs), false) = (currency, row.currency.is_empty())
        && theirs.code() != row.currency
    {
        return Ok(Held::Foreign(format!(
            "the ERP holds the account's limit in {theirs}, and this is in {}",
            row.currency
        )));
    }
    let currency = currency.or_else(|| Currency::parse(&row.currency)).unwrap_or(Currency::EUR);
    let found = match answer.get("amount").filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => match parse_minor(text, currency, NumberStyle::Point) {
            Ok(minor) => Some(minor),
            Err(error) => return Ok(Held::Other(format!("the ERP holds \"{text}\": {error}"))),
        },
    };
    let zero_is_unlimited = connection.connector.manifest.capabilities.zero_is_unlimited;
    let standing = Standing::of(found, zero_is_unlimited);
    let blocked = answer.get("blocked").is_some_and(|text| text == "true");
    let unblocks = row.facts.contains_key("unblock");
    let is_wanted = match row.action.as_str() {
        "block" => blocked,
        _ if unblocks && blocked => false,
        "remove" => standing == Standing::Unlimited,
        "zero" => standing == Standing::Nothing,
        _ => found == row.amount_minor,
    };
    if is_wanted {
        return Ok(Held::Wanted);
    }
    if standing == Standing::of(row.before_minor, zero_is_unlimited) {
        let stamp = answer.into_iter().filter(|(name, _)| name == "stamp");
        return Ok(Held::Before(stamp.collect()));
    }
    let holds = found
        .map_or_else(|| "no limit".to_owned(), |minor| crate::model::Money::new(minor, currency).to_string());
    Ok(Held::Other(format!("the ERP holds {holds}")))
}

/// The stamp to write over, `None` when there is nothing to write, or why nothing is written.
async fn before_writing(
    connection: &Connection,
    row: &EffectRow,
) -> Result<Option<BTreeMap<String, String>>, Ending> {
    match held(connection, row).await {
        Ok(Held::Wanted) => Ok(None),
        Ok(Held::Before(stamp)) => Ok(Some(stamp)),
        Ok(Held::Other(holds)) => Err(Ending::of(
            EffectState::Dropped,
            format!("changed in the ERP meanwhile: {holds}; it is left alone"),
        )),
        Ok(Held::Foreign(why)) => Err(Ending::of(EffectState::Failed, why)),
        Err(error) => {
            let ending = Ending::error(&error);
            // Reading changes nothing, so nothing is in doubt.
            Err(if ending.to == EffectState::Unknown {
                Ending { stop: true, ..Ending::of(EffectState::Approved, ending.note) }
            } else {
                ending
            })
        }
    }
}

/// A write that was not taken: where it goes only over the version that was read, somebody may have changed that version
/// between the reading and the write. So it is read again, and left alone where the limit itself was changed.
async fn not_over_another(
    connection: &Connection,
    row: &EffectRow,
    stamp: Option<&String>,
    ending: Ending,
) -> Ending {
    if !connection.connector.manifest.capabilities.compare_and_set {
        return ending;
    }
    match held(connection, row).await {
        Ok(Held::Wanted) => Ending::of(EffectState::Done, "the ERP holds it already"),
        Ok(Held::Other(holds)) => Ending::of(
            EffectState::Dropped,
            format!("changed in the ERP meanwhile: {holds}; it is left alone"),
        ),
        // Something else of the record was changed: the next turn writes over the version that it reads then.
        Ok(Held::Before(now)) if now.get("stamp") != stamp => Ending { stop: false, ..ending },
        Ok(Held::Before(_) | Held::Foreign(_)) => ending,
        Err(error) => {
            tracing::warn!(connection = connection.id, effect = row.id, %error, "not read again");
            ending
        }
    }
}

async fn read_back(connection: &Connection, row: &EffectRow, ending: Ending) -> Ending {
    match held(connection, row).await {
        Ok(Held::Wanted) => Ending { note: format!("{}; read back as written", ending.note), ..ending },
        Ok(Held::Before(_)) => Ending {
            answer: ending.answer,
            ..Ending::of(EffectState::Failed, "the ERP took it and still holds what it held before")
        },
        Ok(Held::Other(holds) | Held::Foreign(holds)) => Ending {
            answer: ending.answer,
            ..Ending::of(EffectState::Failed, format!("written, and read back otherwise: {holds}"))
        },
        Err(error) => Ending {
            answer: ending.answer,
            ..Ending::of(EffectState::Unknown, format!("written, and not read back: {error}"))
        },
    }
}

/// Writes down how it ended, with what is worth saying.
pub(super) async fn finish(
    setup: &Setup,
    connection: &Connection,
    row: &EffectRow,
    from: EffectState,
    ending: Ending,
    options: &Options<'_>,
) -> Result<(Option<Told>, bool), Error> {
    let now = crate::clock::now().max(options.now);
    let company = setup.company.id.as_str();
    let mut tx = setup.ledger.begin().await?;
    let from = [from];
    let step = Step {
        awaiting: ending.awaiting,
        answer: ending.answer.as_deref(),
        reference: ending.reference.as_deref(),
        ..Step::new(&from, ending.to, options.by, &ending.note, options.day, now)
    };
    let after = tx.advance(&row.id, &step).await?;
    if let Some(after) = &after {
        after_step(&mut tx, company, after, options, now).await?;
    }
    if ending.pause {
        let deltas =
            super::super::cycle::pause_delta(&mut tx, &connection.id, Some(&ending.note), now).await?;
        tx.say(company, &row.id, deltas.as_slice(), now).await?;
        let deltas = super::super::cycle::pause_refused(&mut tx, setup, now).await?;
        tx.say(company, &row.id, &deltas, now).await?;
    }
    tx.commit().await?;
    let told = after.map(|row| Told { row, held: None });
    Ok((told, !ending.stop))
}

/// What follows from a step, in its transaction: what is said, what the ledger now knows of the ERP, and the request that
/// was taken back.
pub(super) async fn after_step(
    tx: &mut Tx<'_>,
    company: &str,
    after: &EffectRow,
    options: &Options<'_>,
    now: Instant,
) -> Result<(), Error> {
    let (kind, state) = (after.kind()?, after.state()?);
    let mut deltas = Vec::new();
    if state == EffectState::Done || state == EffectState::Refused {
        deltas.extend(request_delta(Event::RequestSent, after));
        if !after.awaiting {
            deltas.extend(request_delta(Event::RequestDecided, after));
        }
    }
    tx.say(company, &after.id, &deltas, now).await?;
    if state != EffectState::Done {
        return Ok(());
    }
    if kind == EffectKind::WriteLimit && after.batch.is_none() && after.action != "block" {
        tx.know_written_limit(after, now).await?;
    }
    if kind == EffectKind::WithdrawRequest {
        let from = [EffectState::Done, EffectState::Unknown, EffectState::Approved, EffectState::Proposed];
        let step = Step {
            declined: true,
            ..Step::new(
                &from,
                EffectState::Dropped,
                options.by,
                "taken back before it was decided",
                options.day,
                now,
            )
        };
        tx.advance(&after.subject, &step).await?;
    }
    Ok(())
}
