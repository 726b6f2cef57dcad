//! Stops of cover between the ledger and the pure core: remembered, brought up to date, said once, lifted by a person.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Error, Setup};
use crate::credit::{Lift, Lifted, Stop, Stops};
use crate::ledger::CoverStopRow;
use crate::model::{Date, Delta, Event, Instant, Policy, StopLifts};

/// The stops of one policy out of those of a buyer, by number.
#[must_use]
pub fn of_policy<'r>(rows: &'r [CoverStopRow], policy: &Policy) -> Vec<&'r CoverStopRow> {
    rows.iter().filter(|row| row.connection == policy.connection && row.policy == policy.number).collect()
}

/// The periods of the same policy.
#[must_use]
pub fn periods<'p>(all: &'p [Policy], policy: &Policy) -> Vec<&'p Policy> {
    all.iter()
        .filter(|period| period.connection == policy.connection && period.number == policy.number)
        .collect()
}

/// The stops of one policy as the pure core takes them.
///
/// # Errors
/// A word in the ledger that this version does not know.
pub fn remembered(rows: &[&CoverStopRow]) -> Result<Stops, Error> {
    let unreadable = |value: &str| Error::Ledger(crate::ledger::Error::unreadable("stop of cover", value));
    let stops = rows.iter().map(|row| {
        let lift = match (row.lifted_on, row.covered_from, row.lifted_why.as_deref()) {
            (Some(on), Some(from), Some(why)) => {
                Some(Lift { on, from, why: Lifted::parse(why).ok_or_else(|| unreadable(why))? })
            }
            _ => None,
        };
        Ok(Stop {
            since: row.stopped_on,
            cause_connection: row.cause_connection.clone(),
            cause: row.cause_item.clone(),
            cause_number: row.cause_number.clone(),
            lifts: StopLifts::parse(&row.lifts).ok_or_else(|| unreadable(&row.lifts))?,
            lift,
        })
    });
    Ok(Stops::new(stops.collect::<Result<_, Error>>()?))
}

/// What differs from what is remembered: each row as it is to be kept, with the delta that tells it.
pub(super) fn changes(
    stops: &Stops,
    known: &[&CoverStopRow],
    buyer: (&str, &str, &str),
    policy: &Policy,
    day: Date,
) -> Vec<(CoverStopRow, Delta)> {
    let mut changes = Vec::new();
    for (index, (stop, number)) in stops.all().iter().zip(1..).enumerate() {
        let before = known.get(index).copied();
        let row = CoverStopRow {
            buyer_id: buyer.0.to_owned(),
            connection: policy.connection.clone(),
            policy: policy.number.clone(),
            number,
            stopped_on: stop.since,
            cause_connection: stop.cause_connection.clone(),
            cause_item: stop.cause.clone(),
            cause_number: stop.cause_number.clone(),
            lifts: stop.lifts.as_str().to_owned(),
            known_since: before.map_or(day, |row| row.known_since),
            lifted_on: stop.lift.map(|lift| lift.on),
            covered_from: stop.lift.map(|lift| lift.from),
            lifted_why: stop.lift.map(|lift| lift.why.as_str().to_owned()),
            lifted_by: before.and_then(|row| row.lifted_by.clone()),
            because: before.and_then(|row| row.because.clone()),
            version: before.map_or(0, |row| row.version),
        };
        if before != Some(&row) {
            let row = CoverStopRow { version: row.version + 1, ..row };
            let delta = delta(&row, buyer);
            changes.push((row, delta));
        }
    }
    changes
}

fn delta(row: &CoverStopRow, (id, name, country): (&str, &str, &str)) -> Delta {
    let (since, cause) = (row.stopped_on, &row.cause_number);
    let (event, summary) = match (row.lifted_on, row.covered_from) {
        (Some(_), Some(from)) if from <= since => (
            Event::CoverLifted,
            format!(
                "{name}: the stop of cover since {since} is lifted; everything invoiced meanwhile is covered again."
            ),
        ),
        (Some(_), Some(from)) => (
            Event::CoverLifted,
            format!(
                "{name}: the stop of cover is lifted; what was invoiced from {since} and before {from} stays uncovered."
            ),
        ),
        _ => (
            Event::CoverStopped,
            format!(
                "{name}: cover stopped, since {cause} was not paid within the extension period; nothing invoiced from {since} on \
                 is covered."
            ),
        ),
    };
    Delta {
        event,
        subject: format!("{id}/{}", row.policy),
        version: format!("{}.{}", row.number, row.version),
        connection: row.connection.clone(),
        country: country.to_owned(),
        summary,
        data: json!({
            "buyer": { "id": id, "name": name, "country": country }, "policy": row.policy, "stop": row.number,
            "stopped_on": since, "cause": cause,
            "cause_connection": row.cause_connection, "cause_item": row.cause_item, "lifts": row.lifts,
            "known_since": row.known_since, "lifted_on": row.lifted_on, "covered_from": row.covered_from,
            "lifted_why": row.lifted_why, "lifted_by": row.lifted_by, "because": row.because, "version": row.version,
        })
        .to_string(),
    }
}

/// What a person says when the insurer has lifted a stop.
#[derive(Debug, Clone, Copy)]
pub struct LiftedByHand<'a> {
    /// The legal buyer.
    pub buyer: &'a str,
    /// One policy only.
    pub policy: Option<&'a str>,
    /// First day whose invoices are covered again.
    pub from: Date,
    /// Who says so.
    pub by: &'a str,
    /// Why.
    pub because: &'a str,
    /// The business day.
    pub day: Date,
    /// The instant.
    pub now: Instant,
}

/// Lifts what stops cover of a buyer, as the insurer said to a person: what is past the extension period by then stops
/// nothing any more. The buyer's figures follow with the next cycle. Returns what was lifted; nothing where nothing was
/// stopped.
///
/// # Errors
/// What the ledger says.
pub async fn lift_by_hand(setup: &Setup, said: &LiftedByHand<'_>) -> Result<Vec<CoverStopRow>, Error> {
    let company = setup.company.id.as_str();
    let buyer = BTreeSet::from([said.buyer.to_owned()]);
    let mut tx = setup.ledger.begin().await?;
    let account = tx.accounts_of(company, &buyer).await?.into_iter().next();
    let (name, country) =
        account.as_ref().map_or((said.buyer, ""), |row| (row.name.as_str(), row.country.as_str()));
    let mut lifted = tx.cover_stops(company, Some(&buyer)).await?;
    lifted.retain(|row| row.lifted_on.is_none() && said.policy.is_none_or(|policy| policy == row.policy));
    let mut deltas = Vec::new();
    for row in &mut lifted {
        row.lifted_on = Some(said.day);
        row.covered_from = Some(said.from.max(row.stopped_on));
        row.lifted_why = Some(Lifted::Person.as_str().to_owned());
        row.lifted_by = Some(said.by.to_owned());
        row.because = Some(said.because.to_owned());
        row.version += 1;
        deltas.push(delta(row, (said.buyer, name, country)));
    }
    tx.write_cover_stops(company, &lifted, said.now).await?;
    tx.touch_buyers(company, &buyer).await?;
    tx.say(company, "stops", &deltas, said.now).await?;
    tx.commit().await?;
    Ok(lifted)
}
