//! What an insurer has decided on a buyer, what it was asked, and the limit that follows.

use encours::credit::{CapReason, LimitAt};
use encours::ledger::LimitRow;
use encours::model::{Date, InOtherCurrency, Limit, LimitRequest};

use super::super::table::amount;
use super::super::{limits, stops, words};
use super::Insured;

/// The decisions under a policy, the oldest first, and the limit of the day.
pub(super) fn decided(insured: &Insured<'_>) -> String {
    let mut text = String::new();
    let policy = insured.policy;
    let money = |minor| format!("{} {}", amount(minor, policy.currency), policy.currency);
    if let Some(row) = insured.statements.last() {
        let rating =
            row.payload.rating.as_ref().map_or_else(String::new, |rating| format!(", rating {rating}"));
        text.push_str(&format!(
            "The insurer knows it as {}, \"{}\"{rating}.\n",
            row.insurer_buyer_id, row.payload.buyer_name
        ));
    }
    if !insured.others.is_empty() {
        text.push_str(&format!(
            "It also knows it as {}; the higher cover counts.\n",
            insured.others.join(", ")
        ));
    }
    // A rate that moved every day is no decision: such a statement is told once, with what it says last.
    for alike in insured.statements.chunk_by(|one, next| one.payload.counts_like(&next.payload)) {
        if let (Some(first), Some(last)) = (alike.first(), alike.last()) {
            text.push_str(&statement(last, first.seen_on));
        }
    }
    for request in &insured.pending {
        text.push_str(&asked(request));
    }
    for change in &insured.changes {
        text.push_str(&change.told(policy.currency));
    }
    let LimitAt { cap_minor, reason, since } = insured.cover.today;
    let when = if insured.is_another_day { "that day" } else { "today" };
    let since = since.map_or_else(String::new, |day| format!(" since {day}"));
    text.push_str(&match reason {
        CapReason::Granted => format!("The limit {when} is {}{since}.\n", money(cap_minor)),
        CapReason::Discretionary if cap_minor > 0 => {
            format!("Nothing was ever decided: the discretionary limit of {} counts.\n", money(cap_minor))
        }
        CapReason::Discretionary => {
            "Nothing was ever decided, and the policy has no discretionary limit.\n".to_owned()
        }
        CapReason::Refused => format!("There is no cover {when}: refused{since}.\n"),
        CapReason::Withdrawn => format!("There is no cover {when}: withdrawn{since}.\n"),
        CapReason::Cancelled => format!("There is no cover {when}: given up{since}.\n"),
        CapReason::Expired => format!("There is no cover {when}: it has expired.\n"),
        CapReason::Zero => format!("There is no cover {when}: the limit is zero{since}.\n"),
        CapReason::Excluded => format!("There is no cover {when}: the policy does not insure this buyer.\n"),
    });
    if let Some(stop) = insured.stops.in_force() {
        text.push_str(&stops::told(stop));
    }
    text
}

/// `2026-03-10  reduced (DC09): 40 000.00 EUR, asked for 100 000.00`, with conditions below.
fn statement(row: &LimitRow, read_on: Date) -> String {
    let limit: &Limit = &row.payload;
    let money = |minor| amount(minor, limit.currency);
    let mut text = format!(
        "{}  {} ({}): {} {}",
        limit.effective_from,
        words::decision(limit.decision),
        limit.decision_code,
        money(limit.amount_minor),
        limit.currency
    );
    if let Some(asked) = limit.requested_minor.filter(|asked| *asked != limit.amount_minor && *asked > 0) {
        text.push_str(&format!(", {} were asked for", money(asked)));
    }
    let end = limits::end(limit);
    if !end.is_empty() {
        text.push_str(&format!(", {end}"));
    }
    if let Some(other) = &limit.in_other_currency {
        text.push_str(&stated_twice(other));
    }
    if let Some(decided) = limit.decided_on.filter(|day| *day != limit.effective_from) {
        text.push_str(&format!(", decided on {decided}"));
    }
    text.push_str(&format!("; first read on {read_on}\n"));
    for condition in &limit.conditions {
        text.push_str(&format!("            {} {}\n", condition.code, condition.text));
    }
    text
}

/// `2026-03-08  asked for 100 000.00 EUR, reference 4711: pending`.
fn asked(request: &LimitRequest) -> String {
    let day = request.requested_on.map_or_else(|| "          ".to_owned(), |day| day.to_string());
    let what = request.requested_minor.map_or_else(
        || "asked, for an amount that is not stated".to_owned(),
        |minor| format!("asked for {} {}", amount(minor, request.currency), request.currency),
    );
    let mut text = format!("{day}  {what}, reference {}: {}", request.reference, request.status);
    if let Some(other) = &request.in_other_currency {
        text.push_str(&stated_twice(other));
    }
    text.push('\n');
    text
}

/// `; stated as 372 500.00 DKK too, of which 149 000.00 until 2026-06-30`: for people only, nothing counts in it.
fn stated_twice(other: &InOtherCurrency) -> String {
    let money = |minor| amount(minor, other.currency);
    let mut told = Vec::new();
    if let Some(minor) = other.amount_minor {
        let mut text = format!("stated as {} {} too", money(minor), other.currency);
        for layer in &other.layers {
            if let Some(until) = layer.until {
                text.push_str(&format!(", of which {} until {until}", money(layer.amount_minor)));
            }
        }
        told.push(text);
    }
    if let Some(asked) =
        other.requested_minor.filter(|asked| Some(*asked) != other.amount_minor && *asked > 0)
    {
        told.push(format!("{} {} were asked for", money(asked), other.currency));
    }
    if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
}
