//! What an insurer has decided on a buyer, what it was asked, and the limit that follows.

use encours::credit::{CapReason, LimitAt};
use encours::ledger::LimitRow;
use encours::model::{Date, InOtherCurrency, Limit, LimitRequest};

use super::super::language::Language;
use super::{Insured, own, phrases};

/// The decisions under a policy, the oldest first, and the limit of the day.
pub(super) fn decided(say: Language, insured: &Insured<'_>) -> String {
    let mut text = String::new();
    let policy = insured.policy;
    if let Some(row) = insured.statements.last() {
        let rating = row.payload.rating.as_ref().map_or_else(String::new, |rating| {
            say.of(format!(", rating {rating}"), format!(", notation {rating}"))
        });
        let (id, name) = (&row.insurer_buyer_id, &row.payload.buyer_name);
        text.push_str(&say.of(
            format!("The insurer knows it as {id}, \"{name}\"{rating}.\n"),
            format!("L'assureur le connaît sous {id}, « {name} »{rating}.\n"),
        ));
    }
    if !insured.others.is_empty() {
        let others = insured.others.join(", ");
        text.push_str(&say.of(
            format!("It also knows it as {others}; the higher cover counts.\n"),
            format!("Il le connaît aussi sous {others} ; la garantie la plus élevée compte.\n"),
        ));
    }
    // A rate that moved every day is no decision: such a statement is told once, with what it says last.
    for alike in insured.statements.chunk_by(|one, next| one.payload.counts_like(&next.payload)) {
        if let (Some(first), Some(last)) = (alike.first(), alike.last()) {
            text.push_str(&statement(say, last, first.seen_on));
        }
    }
    for request in &insured.pending {
        text.push_str(&asked(say, request));
    }
    for change in &insured.changes {
        text.push_str(&change.told(say, policy.currency));
    }
    for change in &insured.terms_changes {
        text.push_str(&change.told(say, policy.currency));
    }
    let LimitAt { cap_minor, reason, since, .. } = insured.cover.today;
    let cap = say.money(cap_minor, policy.currency);
    let when = if insured.is_another_day {
        say.of("that day", "ce jour-là")
    } else {
        say.of("today", "aujourd'hui")
    };
    let of_day = if insured.is_another_day { "de ce jour-là" } else { "d'aujourd'hui" };
    let since = since.map_or_else(String::new, |day| {
        let day = say.date(day);
        say.of(format!(" since {day}"), format!(" depuis le {day}"))
    });
    let none = |english: &str, french: &str| {
        say.of(
            format!("There is no cover {when}: {english}.\n"),
            format!("Il n'y a pas de garantie {when} : {french}.\n"),
        )
    };
    text.push_str(&match reason {
        CapReason::Granted => say.of(
            format!("The limit {when} is {cap}{since}.\n"),
            format!("L'agrément {of_day} est de {cap}{since}.\n"),
        ),
        CapReason::Discretionary if cap_minor > 0 => say.of(
            format!("Nothing was ever decided: the discretionary limit of {cap} counts.\n"),
            format!("Rien n'a jamais été décidé : la zone non dénommée de {cap} compte.\n"),
        ),
        CapReason::Discretionary if insured.own.is_some() => say
            .of(
                "Nothing was ever decided, and the discretionary limit is zero.\n",
                "Rien n'a jamais été décidé, et la zone non dénommée est nulle.\n",
            )
            .to_owned(),
        CapReason::Discretionary => say
            .of(
                "Nothing was ever decided, and the policy has no discretionary limit.\n",
                "Rien n'a jamais été décidé, et la police n'a pas de zone non dénommée.\n",
            )
            .to_owned(),
        CapReason::Refused => none(&format!("refused{since}"), &format!("refusée{since}")),
        CapReason::Withdrawn => none(&format!("withdrawn{since}"), &format!("retirée{since}")),
        CapReason::Cancelled => none(&format!("given up{since}"), &format!("abandonnée{since}")),
        CapReason::Expired => none("it has expired", "elle est arrivée à son terme"),
        CapReason::Zero => none(&format!("the limit is zero{since}"), &format!("l'agrément est nul{since}")),
        CapReason::LayersNotCounted => none(
            "the policy does not take the layers that the insurer granted as cover",
            "la police ne retient pas les couches accordées par l'assureur",
        ),
        CapReason::Excluded => {
            none("the policy does not insure this buyer", "la police n'assure pas cet acheteur")
        }
    });
    text.push_str(&own::told(say, insured));
    if let Some(stop) = insured.stops.in_force() {
        text.push_str(&phrases::stop_told(say, stop));
    }
    text
}

/// `2026-03-10  reduced (DC09): 40 000.00 EUR, asked for 100 000.00`, with conditions below.
fn statement(say: Language, row: &LimitRow, read_on: Date) -> String {
    let limit: &Limit = &row.payload;
    let money = |minor| say.amount(minor, limit.currency);
    let (from, what) = (say.date(limit.effective_from), phrases::decision(say, limit.decision));
    let (code, amount) = (&limit.decision_code, say.money(limit.amount_minor, limit.currency));
    let mut text =
        say.of(format!("{from}  {what} ({code}): {amount}"), format!("{from}  {what} ({code}) : {amount}"));
    if let Some(asked) = limit.requested_minor.filter(|asked| *asked != limit.amount_minor && *asked > 0) {
        let asked = money(asked);
        text.push_str(&say.of(format!(", {asked} were asked for"), format!(", {asked} étaient demandés")));
    }
    let end = phrases::end(say, limit);
    if !end.is_empty() {
        text.push_str(&format!(", {end}"));
    }
    if let Some(other) = &limit.in_other_currency {
        text.push_str(&stated_twice(say, other));
    }
    if let Some(decided) = limit.decided_on.filter(|day| *day != limit.effective_from) {
        let decided = say.date(decided);
        text.push_str(&say.of(format!(", decided on {decided}"), format!(", décidé le {decided}")));
    }
    let read_on = say.date(read_on);
    text.push_str(
        &say.of(
            format!("; first read on {read_on}\n"),
            format!(" ; lu pour la première fois le {read_on}\n"),
        ),
    );
    for condition in &limit.conditions {
        text.push_str(&format!("            {} {}\n", condition.code, condition.text));
    }
    text
}

/// `2026-03-08  asked for 100 000.00 EUR, reference 4711: pending`.
fn asked(say: Language, request: &LimitRequest) -> String {
    let day = request.requested_on.map_or_else(|| "          ".to_owned(), |day| say.date(day));
    let what = request.requested_minor.map_or_else(
        || {
            say.of(
                "asked, for an amount that is not stated",
                "demandé, pour un montant qui n'est pas indiqué",
            )
            .to_owned()
        },
        |minor| {
            let amount = say.money(minor, request.currency);
            say.of(format!("asked for {amount}"), format!("demandé : {amount}"))
        },
    );
    let (reference, status) = (&request.reference, phrases::request_status(say, request.status));
    let mut text = say.of(
        format!("{day}  {what}, reference {reference}: {status}"),
        format!("{day}  {what}, référence {reference} : {status}"),
    );
    if let Some(other) = &request.in_other_currency {
        text.push_str(&stated_twice(say, other));
    }
    text.push('\n');
    text
}

/// `; stated as 372 500.00 DKK too, of which 149 000.00 until 2026-06-30`: for people only, nothing counts in it.
fn stated_twice(say: Language, other: &InOtherCurrency) -> String {
    let money = |minor| say.amount(minor, other.currency);
    let currency = other.currency;
    let mut told = Vec::new();
    if let Some(minor) = other.amount_minor {
        let amount = money(minor);
        let mut text = say.of(
            format!("stated as {amount} {currency} too"),
            format!("aussi exprimé en {currency} : {amount}"),
        );
        for layer in &other.layers {
            if let Some(until) = layer.until {
                let (amount, until) = (money(layer.amount_minor), say.date(until));
                text.push_str(&say.of(
                    format!(", of which {amount} until {until}"),
                    format!(", dont {amount} jusqu'au {until}"),
                ));
            }
        }
        told.push(text);
    }
    if let Some(asked) =
        other.requested_minor.filter(|asked| Some(*asked) != other.amount_minor && *asked > 0)
    {
        let asked = money(asked);
        told.push(say.of(
            format!("{asked} {currency} were asked for"),
            format!("{asked} {currency} étaient demandés"),
        ));
    }
    if told.is_empty() {
        return String::new();
    }
    let told = told.join(", ");
    say.of(format!("; {told}"), format!(" ; {told}"))
}
