//! What is in doubt or undecided is read from the partner: nothing is ever sent again blindly.
//!
//! An effect is in doubt when its sender died, or when the call did not tell. It is looked for in everything the partner
//! lists, by our reference where the partner keeps one, else by buyer and amount since the day of sending. Found, it is
//! done. Not found in lists that were read whole, after the time that the partner takes to show a request, and by a reference
//! that would be there, it goes back to be sent. Everything else stays in doubt, which a break says, until a person has asked
//! the partner.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use tokio::sync::mpsc;

use super::super::{Error, Setup};
use super::apply::{Ending, Held, Options, Told, after_step, finish, held};
use crate::connector::{self, Batch, Connection, Reach};
use crate::ledger::{EffectRow, Step};
use crate::mapping::Outcome;
use crate::model::{Date, Decision, EffectKind, EffectState, Limit, LimitRequest};

/// Settles what was left by workers that died, what is in doubt, and what the partner had yet to decide.
pub(super) async fn abandoned(setup: &Setup, options: &Options<'_>) -> Result<Vec<Told>, Error> {
    let company = setup.company.id.as_str();
    let mut tx = setup.ledger.begin().await?;
    let mut doubtful = Vec::new();
    for row in tx.effects(company, &[EffectState::Sending, EffectState::Unknown]).await? {
        let left = row.state()? == EffectState::Sending;
        if left && row.lease_until.is_some_and(|until| until > options.now) {
            continue; // whoever sends it is believed to live
        }
        if !left {
            doubtful.push(row);
            continue;
        }
        let step = Step::new(
            &[EffectState::Sending],
            EffectState::Unknown,
            "encours",
            "whoever sent it did not come back; the partner is read before anything is sent again",
            options.day,
            options.now,
        );
        doubtful.extend(tx.advance(&row.id, &step).await?);
    }
    let undecided: Vec<EffectRow> =
        tx.effects(company, &[EffectState::Done]).await?.into_iter().filter(|row| row.awaiting).collect();
    let paused: Vec<String> = tx
        .connections()
        .await?
        .into_iter()
        .filter(|row| row.paused_since.is_some())
        .map(|row| row.id)
        .collect();
    tx.commit().await?;

    let mut told = Vec::new();
    for connection in setup.connections.iter().filter(|connection| !paused.contains(&connection.id)) {
        let of = |rows: &[EffectRow]| -> Vec<EffectRow> {
            rows.iter().filter(|row| row.connection == connection.id).cloned().collect()
        };
        let (doubtful, undecided) = (of(&doubtful), of(&undecided));
        if doubtful.is_empty() && undecided.is_empty() {
            continue;
        }
        if connection.connector.manifest.reach == Reach::Files {
            told.extend(super::files::settle(setup, connection, &doubtful, options).await?);
        }
        let needs_lists =
            doubtful.iter().chain(&undecided).any(|row| row.kind().is_ok_and(EffectKind::is_request));
        let lists = if needs_lists { Some(Lists::read(connection).await) } else { None };
        for row in doubtful {
            if connection.connector.manifest.reach == Reach::Files {
                continue;
            }
            let ending = in_doubt(connection, &row, lists.as_ref(), options).await?;
            if let Some(ending) = ending {
                let (one, _) = finish(setup, connection, &row, EffectState::Unknown, ending, options).await?;
                told.extend(one);
            }
        }
        for row in undecided {
            let ending = match followed(connection, &row).await {
                Followed::Decided(ending) => Some(ending),
                Followed::Pending => None,
                Followed::Unasked => {
                    lists.as_ref().and_then(|lists| decided(connection, &row, lists, options))
                }
            };
            if let Some(ending) = ending {
                let mut tx = setup.ledger.begin().await?;
                let now = crate::clock::now().max(options.now);
                let step = Step {
                    answer: ending.answer.as_deref(),
                    ..Step::new(&[EffectState::Done], ending.to, "encours", &ending.note, options.day, now)
                };
                if let Some(row) = tx.advance(&row.id, &step).await? {
                    after_step(&mut tx, company, &row, options, now).await?;
                    told.push(Told { row, held: None });
                }
                tx.commit().await?;
            }
        }
    }
    Ok(told)
}

/// Everything that a partner lists, as far as it could be read.
struct Lists {
    requests: Option<Vec<LimitRequest>>,
    limits: Option<Vec<Limit>>,
    /// Covers that are over: a request may have been answered and ended since.
    ended: Option<Vec<Limit>>,
}

impl Lists {
    async fn read(connection: &Connection) -> Self {
        let mut requests = None;
        if connection.has("list_requests") {
            requests = whole(connection, "list_requests").await.map(|outcomes| {
                outcomes
                    .into_iter()
                    .filter_map(
                        |outcome| if let Outcome::Request(request) = outcome { Some(request) } else { None },
                    )
                    .collect()
            });
        }
        // Limits after requests: one that is decided in between shows in the second list, not in neither.
        let limits = whole(connection, "list_limits").await.map(limits_of);
        let ended = if connection.has("list_ended") {
            whole(connection, "list_ended").await.map(limits_of)
        } else {
            None
        };
        Self { requests, limits, ended }
    }

    /// Whether "it is not there" can be said: every list that the partner has was read whole.
    fn are_whole(&self, connection: &Connection) -> bool {
        self.limits.is_some()
            && (self.requests.is_some() || !connection.has("list_requests"))
            && (self.ended.is_some() || !connection.has("list_ended"))
    }

    /// The limit, standing or over, that answers a request by our reference of it.
    fn by_reference(&self, row: &EffectRow) -> Option<&Limit> {
        let all = self.limits.iter().chain(&self.ended).flatten();
        let mut own = all.filter(|limit| limit.our_reference.as_deref() == Some(row.our_reference.as_str()));
        own.next()
    }

    fn limit(&self, row: &EffectRow) -> Option<&Limit> {
        let id = row.facts.get("insurer_buyer_id")?;
        let limits = self.limits.as_deref().unwrap_or_default();
        limits.iter().find(|limit| limit.insurer_buyer_id == *id && limit.policy == row.policy)
    }

    fn request(&self, row: &EffectRow) -> Option<&LimitRequest> {
        let requests = self.requests.as_deref().unwrap_or_default();
        let ours =
            |request: &&LimitRequest| request.our_reference.as_deref() == Some(row.our_reference.as_str());
        let by_theirs = |request: &&LimitRequest| {
            row.partner_reference.as_deref().is_some_and(|reference| reference == request.reference)
        };
        let id = row.facts.get("insurer_buyer_id");
        let alike = |request: &&LimitRequest| {
            // A request that carries somebody else's reference is somebody else's.
            request.our_reference.as_deref().is_none_or(str::is_empty)
                && id.is_some_and(|id| *id == request.insurer_buyer_id)
                && request.policy == row.policy
                && (request.requested_minor.is_none() || request.requested_minor == row.amount_minor)
                && row.sent_on.is_none_or(|sent| request.requested_on.is_none_or(|on| on >= sent))
        };
        requests
            .iter()
            .find(ours)
            .or_else(|| requests.iter().find(by_theirs))
            .or_else(|| requests.iter().find(alike))
    }
}

fn limits_of(outcomes: Vec<Outcome>) -> Vec<Limit> {
    let limits = outcomes.into_iter();
    limits
        .filter_map(|outcome| if let Outcome::Limit(limit) = outcome { Some(limit) } else { None })
        .collect()
}

/// A whole list; `None` when it could not be read, or not all of it.
async fn whole(connection: &Connection, operation: &str) -> Option<Vec<Outcome>> {
    let (sender, mut receiver) = mpsc::channel::<Batch>(2);
    let pull = connection.pull(operation, None, sender);
    let collect = async {
        let mut outcomes = Vec::new();
        while let Some(batch) = receiver.recv().await {
            outcomes.extend(batch.records.into_iter().map(|record| record.mapped.outcome));
        }
        outcomes
    };
    let (pulled, outcomes) = tokio::join!(pull, collect);
    match pulled {
        Ok(_) if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Bad(_))) => {
            tracing::warn!(
                connection = connection.id,
                operation,
                "a record cannot be read, so nothing is concluded from its list"
            );
            None
        }
        Ok(_) => Some(outcomes),
        Err(error) => {
            tracing::warn!(connection = connection.id, operation, %error, "not read; what is in doubt stays so");
            None
        }
    }
}

/// Whether the partner has had the time that it takes to show a request.
fn is_due(connection: &Connection, row: &EffectRow, options: &Options<'_>) -> bool {
    let minutes = connection.connector.manifest.capabilities.visible_after_minutes;
    let after = TimeDelta::minutes(i64::try_from(minutes).unwrap_or(0));
    row.sent_at.is_none_or(|sent| options.now >= sent + after)
}

async fn in_doubt(
    connection: &Connection,
    row: &EffectRow,
    lists: Option<&Lists>,
    options: &Options<'_>,
) -> Result<Option<Ending>, Error> {
    let kind = row.kind()?;
    if kind == EffectKind::WriteLimit && connection.has("read_limit") {
        return Ok(match held(connection, row).await {
            Ok(Held::Wanted) => Some(Ending::of(EffectState::Done, "read from the ERP: it was written")),
            Ok(Held::Before(_)) => Some(Ending::of(
                EffectState::Approved,
                "read from the ERP: it was not written; it is sent again",
            )),
            Ok(Held::Other(holds)) => Some(Ending::of(
                EffectState::Dropped,
                format!("changed in the ERP meanwhile: {holds}; it is left alone"),
            )),
            Err(error) => {
                tracing::warn!(connection = connection.id, effect = row.id, %error, "not read; it stays in doubt");
                None
            }
        });
    }
    if kind == EffectKind::NotifyOverdue && connection.has("list_notices") {
        return Ok(notice_in_doubt(connection, row, options).await);
    }
    let (true, Some(lists)) = (kind.is_request(), lists) else { return Ok(None) };
    if let Some(request) = lists.request(row) {
        return Ok(Some(Ending {
            awaiting: true,
            reference: Some(request.reference.clone()),
            ..Ending::of(
                EffectState::Done,
                format!("found at the insurer as {}; the decision is to come", request.reference),
            )
        }));
    }
    if let Some(limit) = lists.by_reference(row) {
        return Ok(Some(verdict(row, limit)));
    }
    if let Some(decision) = in_decisions(connection, row).await {
        return Ok(decision);
    }
    // Two requests of one amount on one day look alike; where our reference comes back, only it counts.
    if !connection.connector.manifest.capabilities.echoes_reference
        && let Some(ending) = answered(row, lists.limit(row))
    {
        return Ok(Some(ending));
    }
    if !lists.are_whole(connection) || !is_due(connection, row, options) {
        return Ok(None);
    }
    if kind == EffectKind::CancelLimit {
        // Giving up twice is giving up once: what still stands can be given up again.
        return Ok(Some(match lists.limit(row) {
            Some(limit) if limit.amount_minor > 0 => Ending::of(
                EffectState::Approved,
                "read from the insurer: the limit still stands; it is sent again",
            ),
            Some(_) | None => Ending::of(EffectState::Done, "the insurer lists no limit any more"),
        }));
    }
    // Without our reference a refusal may leave no trace: that it is not there does not say that it never arrived.
    let is_conclusive = connection.connector.manifest.capabilities.echoes_reference;
    Ok(is_conclusive.then(|| {
        Ending::of(EffectState::Approved, "read from the insurer: it never arrived; it is sent again")
    }))
}

/// A decision under our reference, where the insurer lists decisions; an inner `None` when they could not be read.
async fn in_decisions(connection: &Connection, row: &EffectRow) -> Option<Option<Ending>> {
    if !connection.has("list_decisions") {
        return None;
    }
    let question = BTreeMap::from([("policy".to_owned(), row.policy.clone())]);
    match connection.look_up("list_decisions", &question).await {
        Ok(decisions) => {
            let own = decisions.iter().find(|decision| {
                decision.get("our_reference").is_some_and(|text| *text == row.our_reference)
            })?;
            let code = own.get("code").map_or("", String::as_str);
            Some(Some(Ending {
                reference: own.get("reference").cloned(),
                ..Ending::of(EffectState::Done, format!("found among the insurer's decisions ({code})"))
            }))
        }
        Err(error) => {
            tracing::warn!(connection = connection.id, %error, "decisions could not be read; it stays in doubt");
            Some(None)
        }
    }
}

/// What a limit says of a request: decided on or after the day of sending, and about what was asked.
fn answered(row: &EffectRow, limit: Option<&Limit>) -> Option<Ending> {
    let limit = limit?;
    let sent = row.sent_on?;
    let decided_on: Option<Date> = limit.decided_on.or(Some(limit.effective_from));
    if decided_on.is_none_or(|on| on < sent) {
        return None;
    }
    let about = row.kind == "cancel_limit"
        || limit.requested_minor == row.amount_minor
        || Some(limit.amount_minor) == row.amount_minor;
    if !about {
        return None;
    }
    if row.kind == "cancel_limit" && limit.amount_minor > 0 {
        return None;
    }
    Some(verdict(row, limit))
}

/// What a limit that answers a request says of it.
fn verdict(row: &EffectRow, limit: &Limit) -> Ending {
    let amount = crate::model::Money::new(limit.amount_minor, limit.currency);
    let code = if limit.decision_code.is_empty() { limit.decision.as_str() } else { &limit.decision_code };
    let refused = matches!(limit.decision, Decision::Refused | Decision::Kept) && row.kind != "cancel_limit";
    let to = if refused { EffectState::Refused } else { EffectState::Done };
    Ending {
        reference: Some(limit.reference.clone()).filter(|reference| !reference.is_empty()),
        ..Ending::of(to, format!("{} ({code}): the limit is {amount}", limit.decision))
    }
}

enum Followed {
    Decided(Ending),
    Pending,
    /// The insurer cannot be asked for one request.
    Unasked,
}

/// Asks for one request, where the insurer can be asked so.
async fn followed(connection: &Connection, row: &EffectRow) -> Followed {
    let (true, Some(reference)) = (connection.has("read_request"), &row.partner_reference) else {
        return Followed::Unasked;
    };
    let mut question: BTreeMap<String, String> = row
        .facts
        .iter()
        .filter(|(name, _)| matches!(name.as_str(), "insurer_buyer_id" | "policy"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    question.insert("reference".to_owned(), reference.clone());
    question.insert("our_reference".to_owned(), row.our_reference.clone());
    let answer = match connection.look_up("read_request", &question).await {
        Ok(mut answers) => answers.pop(),
        Err(error) => {
            tracing::warn!(connection = connection.id, effect = row.id, %error, "not followed; it is asked for again");
            return Followed::Pending;
        }
    };
    let Some(answer) = answer else { return Followed::Unasked };
    let code = answer.get("code").map_or(String::new(), |code| format!(" ({code})"));
    let amount = answer.get("amount").map_or(String::new(), |amount| format!(": {amount}"));
    match answer.get("status").map(String::as_str) {
        Some("decided") => Followed::Decided(Ending::of(EffectState::Done, format!("decided{code}{amount}"))),
        Some("refused") => Followed::Decided(Ending::of(EffectState::Refused, format!("refused{code}"))),
        Some("cancelled") => Followed::Decided(Ending::of(EffectState::Dropped, format!("cancelled{code}"))),
        // A status that no table knows says nothing: the lists decide.
        Some("pending") | None => Followed::Pending,
        Some(_) => Followed::Unasked,
    }
}

/// What the lists say of a request that was undecided.
fn decided(connection: &Connection, row: &EffectRow, lists: &Lists, options: &Options<'_>) -> Option<Ending> {
    if lists.request(row).is_some() || !lists.are_whole(connection) || !is_due(connection, row, options) {
        return None;
    }
    if let Some(limit) = lists.by_reference(row) {
        return Some(verdict(row, limit));
    }
    answered(row, lists.limit(row))
}

async fn notice_in_doubt(connection: &Connection, row: &EffectRow, options: &Options<'_>) -> Option<Ending> {
    let question = BTreeMap::from([("policy".to_owned(), row.policy.clone())]);
    match connection.look_up("list_notices", &question).await {
        Ok(notices) => {
            let own = notices
                .iter()
                .find(|notice| notice.get("our_reference").is_some_and(|text| *text == row.our_reference));
            match own {
                Some(notice) => Some(Ending {
                    reference: notice.get("reference").cloned(),
                    ..Ending::of(EffectState::Done, "found among the insurer's notices")
                }),
                None => is_due(connection, row, options).then(|| {
                    Ending::of(EffectState::Approved, "the insurer has no such notice; it is sent again")
                }),
            }
        }
        Err(error) => {
            tracing::warn!(connection = connection.id, %error, "notices could not be read; it stays in doubt");
            None
        }
    }
}

/// Whether an error leaves a file where nobody can tell.
#[must_use]
pub(super) fn is_certain(error: &connector::Error) -> bool {
    error.verdict() != crate::transport::Verdict::OutcomeUnknown
}
