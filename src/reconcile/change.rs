//! Tells what happened between two states of a limit, or of what is owed, as one event and one sentence.
//!
//! The event follows what may be covered on the day, not the insurer's code: a code without effect is no news, and an
//! effect without a code is. Invariant: the same content gives no event, whichever day it is compared on.
//! Reference: shared rules, "Deltas" and "Cover of each invoice".

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::model::{Date, Decision, Event, Limit, Money};

/// One thing that happened, for a delta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub event: Event,
    /// One sentence for people, with the amounts.
    pub summary: String,
    /// The last day of cover that an `expiring` or `expired` speaks of; the first day without it, where a withdrawal or
    /// its notice names one. Belongs to the version of the delta: the same limit, event and day is the same fact.
    pub day: Option<Date>,
}

/// Compares a limit as it was with the limit as it is, as seen on a day.
///
/// `None` for a limit that the insurer did not or does not state. A change that leaves the cover as it is (a rating,
/// a condition, a later end) is no event, except a refusal, a notice of withdrawal and the lifting of one. A state still
/// under review without an amount says nothing: pass the last decided state as `before`.
#[must_use]
pub fn limit_change(before: Option<&Limit>, after: Option<&Limit>, on: Date) -> Option<Change> {
    if after.is_some_and(is_undecided) {
        return None;
    }
    match (before.filter(|limit| !is_undecided(limit)), after) {
        (None, None) => None,
        (None, Some(after)) => first_seen(after, on),
        (Some(before), None) => {
            let was = cover_on(before, on);
            (was.minor > 0).then(|| Change {
                event: Event::LimitWithdrawn,
                summary: format!(
                    "{} is no longer stated by the insurer: {was} before, no cover now.",
                    title(before)
                ),
                day: None,
            })
        }
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) => restated(before, after, on),
    }
}

/// The events of a limit that nobody had seen before.
fn first_seen(limit: &Limit, on: Date) -> Option<Change> {
    let is = cover_on(limit, on);
    let (event, summary) = if is.minor > 0 {
        if let Some(day) = notice(limit, on) {
            return Some(announced(limit, is, day));
        }
        if undated_notice(None, limit) {
            return Some(announced_undated(limit, is));
        }
        let rest = match limit.decision {
            Decision::Kept => ", and the increase asked for was refused",
            Decision::Approved
            | Decision::Partial
            | Decision::Refused
            | Decision::Reduced
            | Decision::NoticeOfWithdrawal
            | Decision::Withdrawn
            | Decision::Cancelled
            | Decision::Expired
            | Decision::Pending
            | Decision::Unknown => "",
        };
        let granted =
            format!("{} was granted: {is}{}{}{rest}.", title(limit), asked(limit), starting(limit, on));
        (Event::LimitGranted, granted)
    } else if limit.decision == Decision::Refused {
        (Event::LimitRefused, format!("{} was refused{}: no cover.", title(limit), asked(limit)))
    } else {
        return None; // what had ended before it was first seen is history
    };
    Some(Change { event, summary, day: None })
}

fn restated(before: &Limit, after: &Limit, on: Date) -> Option<Change> {
    let (was, is) = (cover_on(before, on), cover_on(after, on));
    let title = title(after);
    let change = |event, summary| Some(Change { event, summary, day: None });
    if let Some(day) = notice(after, on)
        && notice(before, on) != Some(day)
        && is.minor > 0
    {
        return Some(announced(after, is, day));
    }
    if undated_notice(Some(before), after) && is.minor > 0 && is.minor == was.minor {
        return Some(announced_undated(after, is));
    }
    if was.currency != is.currency && was.minor > 0 && is.minor > 0 {
        let summary = format!("{title} is now {is}, before {was}: its currency has changed.");
        return change(Event::LimitGranted, summary);
    }
    let starting = starting(after, on);
    match is.minor.cmp(&was.minor) {
        Ordering::Greater if was.minor == 0 => {
            let summary = format!("{title} was granted: {is}{}, no cover before{starting}.", asked(after));
            change(Event::LimitGranted, summary)
        }
        Ordering::Greater => {
            change(Event::LimitIncreased, format!("{title} was increased from {was} to {is}{starting}."))
        }
        Ordering::Less if is.minor > 0 => {
            change(Event::LimitReduced, format!("{title} was reduced from {was} to {is}{starting}."))
        }
        Ordering::Less => Some(without_cover(after, was, &title, on)),
        Ordering::Equal => unmoved(before, after, is, on),
    }
}

/// Cover there was, and none is left.
fn without_cover(after: &Limit, was: Money, title: &str, on: Date) -> Change {
    let (event, how) = match after.decision {
        Decision::Expired => (Event::LimitExpired, "has expired"),
        Decision::Refused => (Event::LimitWithdrawn, "was refused"),
        Decision::Cancelled => (Event::LimitWithdrawn, "was given up"),
        Decision::Withdrawn => (Event::LimitWithdrawn, "was withdrawn"),
        Decision::Approved
        | Decision::Partial
        | Decision::Kept
        | Decision::Reduced
        | Decision::NoticeOfWithdrawal
        | Decision::Pending
        | Decision::Unknown => {
            if after.effective_to.is_some_and(|last| last < on) {
                (Event::LimitExpired, "has expired")
            } else {
                (Event::LimitWithdrawn, "was withdrawn")
            }
        }
    };
    let day = if event == Event::LimitExpired { after.effective_to } else { after.withdrawal_on };
    let none = Money::new(0, was.currency);
    Change { event, summary: format!("{title} {how}: {was} before, {none} now."), day }
}

/// The cover of the day is what it was; only these say something all the same.
fn unmoved(before: &Limit, after: &Limit, is: Money, on: Date) -> Option<Change> {
    let title = title(after);
    let decided_anew = before.decision != after.decision
        || before.decided_on != after.decided_on
        || before.requested_minor != after.requested_minor;
    let change = |event, summary| Some(Change { event, summary, day: None });
    if is.minor > 0 {
        if after.decision == Decision::Kept && decided_anew {
            let what = after.requested_minor.map(|minor| Money::new(minor, after.currency));
            let what = what.map_or_else(String::new, |asked| format!(" to {asked}"));
            let summary =
                format!("An increase of {}{what} was refused; the cover of {is} stays.", the(&title));
            return change(Event::LimitRefused, summary);
        }
        if notice(before, on).is_some() && notice(after, on).is_none() {
            let summary = format!("{title} stays at {is}: the announced withdrawal was lifted.");
            return change(Event::LimitGranted, summary);
        }
    } else if after.decision == Decision::Refused && decided_anew {
        return change(Event::LimitRefused, format!("{title} was refused{}: no cover.", asked(after)));
    }
    // The insurer now says what had come about by its own date.
    if let Some(day) = before.withdrawal_on.filter(|day| *day <= on) {
        let said = after.decision == Decision::Withdrawn && before.decision != Decision::Withdrawn;
        return if said { withdrawn(before, day) } else { None };
    }
    let (day, amount) = ends(before).into_iter().rfind(|(day, _)| *day < on)?;
    let said = after.decision == Decision::Expired && before.decision != Decision::Expired;
    let dropped = total(after) < total(before) && ends(after).get(&day).is_none_or(|left| *left < amount);
    (amount > 0 && (said || dropped)).then(|| lapsed(before, day, amount, is))
}

/// The ends of cover from `on` to `warning_days` later, one change per last day, earliest first.
///
/// Counts temporary layers and the last day of the limit itself; a withdrawal has its own announcement.
#[must_use]
pub fn expiring(limit: &Limit, on: Date, warning_days: i64) -> Vec<Change> {
    let soon = 0..=warning_days.max(0);
    let is = cover_on(limit, on);
    ends(limit)
        .into_iter()
        .filter(|(day, amount)| *amount > 0 && soon.contains(&day.signed_duration_since(on).num_days()))
        .map(|(day, amount)| {
            let part = Money::new(amount, limit.currency);
            let summary = format!("{} expires soon: {part} of {is} counts until {day}.", title(limit));
            Change { event: Event::LimitExpiring, summary, day: Some(day) }
        })
        .collect()
}

/// What ended by its own date after `since` and up to `on`: one change per day, and the withdrawal once it takes effect.
///
/// `since` is the day this was last asked for, so that a first import does not tell the past. The insurer may say the
/// same later: [`limit_change`] then gives an equal event and day.
#[must_use]
pub fn ended(limit: &Limit, since: Date, on: Date) -> Vec<Change> {
    let is = cover_on(limit, on);
    let mut changes: Vec<Change> = ends(limit)
        .into_iter()
        .filter(|(day, amount)| *amount > 0 && *day >= since && *day < on)
        .map(|(day, amount)| lapsed(limit, day, amount, is))
        .collect();
    let took_effect = limit.withdrawal_on.filter(|day| *day > since && *day <= on);
    changes.extend(took_effect.and_then(|day| withdrawn(limit, day)));
    changes
}

/// An announced withdrawal that has taken effect; `None` when nothing was covered any more.
fn withdrawn(limit: &Limit, day: Date) -> Option<Change> {
    let was = day.pred_opt().map(|eve| cover_on(limit, eve)).filter(|was| was.minor > 0)?;
    let none = Money::new(0, was.currency);
    let summary = format!("{} was withdrawn on {day}: {was} before, {none} now.", title(limit));
    Some(Change { event: Event::LimitWithdrawn, summary, day: Some(day) })
}

fn lapsed(limit: &Limit, day: Date, amount: i64, is: Money) -> Change {
    let part = Money::new(amount, limit.currency);
    let summary = format!("{} lost {part} that counted until {day}: {is} now.", title(limit));
    Change { event: Event::LimitExpired, summary, day: Some(day) }
}

/// Whether a change of what is owed is worth saying: by at least `threshold_minor`.
///
/// `before_minor` is the amount last announced, not the last computed: many small changes in one direction add up.
#[must_use]
pub fn exposure_event(before_minor: i64, after_minor: i64, threshold_minor: i64) -> Option<Event> {
    let moved = after_minor.abs_diff(before_minor);
    (moved > 0 && moved >= threshold_minor.max(0).unsigned_abs()).then_some(Event::ExposureChanged)
}

/// Whether a buyer went over its limit or came back within it.
#[must_use]
pub const fn over_limit_event(was_over: bool, is_over: bool) -> Option<Event> {
    match (was_over, is_over) {
        (false, true) => Some(Event::ExposureOverLimit),
        (true, false) => Some(Event::ExposureBackWithinLimit),
        (true, true) | (false, false) => None,
    }
}

/// Under review and without an amount: not yet a decision.
fn is_undecided(limit: &Limit) -> bool {
    limit.decision == Decision::Pending && total(limit) == 0
}

/// What the limit covers on a day, taken alone. A limit that starts later counts with what it will cover.
fn cover_on(limit: &Limit, on: Date) -> Money {
    let on = on.max(limit.effective_from);
    let ended = limit.withdrawal_on.is_some_and(|day| on >= day)
        || limit.effective_to.is_some_and(|last| on > last)
        || revoked(limit);
    let minor = if ended {
        0
    } else if limit.layers.is_empty() {
        limit.amount_minor.max(0)
    } else {
        let counts = limit.layers.iter().filter(|layer| layer.until.is_none_or(|last| on <= last));
        counts.fold(0_i64, |sum, layer| sum.saturating_add(layer.amount_minor.max(0)))
    };
    Money::new(minor, limit.currency)
}

/// Whether the decision leaves nothing. A withdrawal that names its day leaves the cover until then.
fn revoked(limit: &Limit) -> bool {
    match limit.decision {
        Decision::Refused | Decision::Cancelled | Decision::Expired => true,
        Decision::Withdrawn => limit.withdrawal_on.is_none(),
        Decision::Approved
        | Decision::Partial
        | Decision::Kept
        | Decision::Reduced
        | Decision::NoticeOfWithdrawal
        | Decision::Pending
        | Decision::Unknown => false,
    }
}

/// The day from which an announced withdrawal takes effect, while it is still to come.
fn notice(limit: &Limit, on: Date) -> Option<Date> {
    limit.withdrawal_on.filter(|day| *day > on)
}

/// A notice whose day the insurer does not name, and which was not there before.
fn undated_notice(before: Option<&Limit>, after: &Limit) -> bool {
    let is_undated =
        |limit: &Limit| limit.decision == Decision::NoticeOfWithdrawal && limit.withdrawal_on.is_none();
    is_undated(after) && !before.is_some_and(is_undated)
}

fn announced_undated(limit: &Limit, is: Money) -> Change {
    Change {
        event: Event::LimitNoticeOfWithdrawal,
        summary: format!(
            "{} will be withdrawn: {is} until then. The insurer does not name the day.",
            title(limit)
        ),
        day: None,
    }
}

fn announced(limit: &Limit, is: Money, day: Date) -> Change {
    let none = Money::new(0, is.currency);
    Change {
        event: Event::LimitNoticeOfWithdrawal,
        summary: format!(
            "{} will be withdrawn on {day}: {is} until then, {none} from that day.",
            title(limit)
        ),
        day: Some(day),
    }
}

/// Last days of cover and what ends on them, the earliest first; after a withdrawal or refusal nothing is left to end.
fn ends(limit: &Limit) -> BTreeMap<Date, i64> {
    let mut ends: BTreeMap<Date, i64> = BTreeMap::new();
    if limit.decision != Decision::Expired && revoked(limit) {
        return ends;
    }
    let before_the_end = |day: Date| {
        limit.effective_to.is_none_or(|last| day < last) && limit.withdrawal_on.is_none_or(|w| day < w)
    };
    for layer in &limit.layers {
        if let Some(day) = layer.until.filter(|day| before_the_end(*day)) {
            let sum = ends.entry(day).or_default();
            *sum = sum.saturating_add(layer.amount_minor.max(0));
        }
    }
    if let Some(last) = limit.effective_to.filter(|last| limit.withdrawal_on.is_none_or(|w| *last < w)) {
        let taken: i64 = ends.values().fold(0, |sum, amount| sum.saturating_add(*amount));
        ends.insert(last, total(limit).saturating_sub(taken));
    }
    ends
}

fn total(limit: &Limit) -> i64 {
    if limit.layers.is_empty() {
        return limit.amount_minor.max(0);
    }
    limit.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.amount_minor.max(0)))
}

/// The subject of a sentence; the name is for people, the policy tells two limits on one buyer apart.
fn title(limit: &Limit) -> String {
    let name = if limit.buyer_name.is_empty() { &limit.insurer_buyer_id } else { &limit.buyer_name };
    format!("The limit on {name} under policy {}", limit.policy)
}

/// The same in the middle of a sentence.
fn the(title: &str) -> String {
    title.replacen("The ", "the ", 1)
}

fn asked(limit: &Limit) -> String {
    limit
        .requested_minor
        .filter(|minor| *minor != limit.amount_minor)
        .map_or_else(String::new, |minor| format!(" ({} was asked for)", Money::new(minor, limit.currency)))
}

fn starting(limit: &Limit, on: Date) -> String {
    if limit.effective_from > on { format!(", from {}", limit.effective_from) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Currency, InOtherCurrency, Layer, LayerKind};
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn on() -> Date {
        day("2026-03-20")
    }

    fn limit(decision: Decision, euros: i64) -> Limit {
        Limit {
            reference: "L1".into(),
            insurer_buyer_id: "B1".into(),
            buyer_name: "Exemple".into(),
            identifiers: vec![],
            policy: "P1".into(),
            decision,
            decision_code: String::new(),
            requested_minor: None,
            amount_minor: euros * 100,
            currency: Currency::EUR,
            layers: Limit::layers_of(euros * 100, &[]),
            effective_from: day("2026-01-01"),
            effective_to: None,
            withdrawal_on: None,
            decided_on: None,
            conditions: vec![],
            rating: None,
            our_reference: None,
            in_other_currency: None,
        }
    }

    fn told(before: Option<&Limit>, after: Option<&Limit>) -> Option<(&'static str, String)> {
        limit_change(before, after, on()).map(|change| (change.event.as_str(), change.summary))
    }

    fn says(before: Option<&Limit>, after: Option<&Limit>, event: &str, summary: &str) {
        assert_eq!(
            told(before, after).map(|(e, s)| (e.to_owned(), s)),
            Some((event.to_owned(), summary.to_owned()))
        );
    }

    fn temporary(until: &str) -> Limit {
        Limit {
            amount_minor: 7000,
            layers: vec![
                Layer { kind: LayerKind::Permanent, amount_minor: 5000, until: None },
                Layer { kind: LayerKind::Temporary, amount_minor: 2000, until: Some(day(until)) },
            ],
            ..limit(Decision::Approved, 70)
        }
    }

    #[test]
    fn a_first_limit_is_granted() {
        let mut first = limit(Decision::Partial, 1_000);
        first.requested_minor = Some(250_000);
        says(
            None,
            Some(&first),
            "limit.granted",
            "The limit on Exemple under policy P1 was granted: 1 000.00 EUR (2 500.00 EUR was asked for).",
        );
        first.effective_from = day("2026-04-01");
        assert!(told(None, Some(&first)).unwrap().1.ends_with(", from 2026-04-01."));
        let again = limit(Decision::Approved, 5);
        says(
            Some(&limit(Decision::Withdrawn, 0)),
            Some(&again),
            "limit.granted",
            "The limit on Exemple under policy P1 was granted: 5.00 EUR, no cover before.",
        );
        assert_eq!(told(None, Some(&limit(Decision::Kept, 5))).unwrap().0, "limit.granted");
    }

    #[test]
    fn a_first_refusal_is_said_and_what_was_over_before_is_not() {
        says(
            None,
            Some(&limit(Decision::Refused, 0)),
            "limit.refused",
            "The limit on Exemple under policy P1 was refused: no cover.",
        );
        for decision in [Decision::Withdrawn, Decision::Cancelled, Decision::Expired, Decision::Pending] {
            assert_eq!(told(None, Some(&limit(decision, 0))), None, "{decision}");
        }
    }

    #[test]
    fn amounts_in_a_second_currency_are_no_news() {
        let stated = |minor| {
            Some(InOtherCurrency {
                currency: Currency::parse("JPY").unwrap(),
                amount_minor: Some(minor),
                requested_minor: Some(minor * 2),
                layers: vec![],
            })
        };
        for decision in Decision::ALL {
            for amount in [0, 100] {
                let with = |minor| Limit { in_other_currency: stated(minor), ..limit(*decision, amount) };
                assert_eq!(told(Some(&with(7)), Some(&with(9))), None, "{decision} {amount}");
                assert_eq!(
                    told(Some(&limit(*decision, amount)), Some(&with(9))),
                    None,
                    "{decision} {amount}"
                );
                assert_eq!(
                    told(Some(&with(7)), Some(&limit(*decision, amount))),
                    None,
                    "{decision} {amount}"
                );
            }
        }
    }

    #[test]
    fn amounts_that_move_are_named_both() {
        let (low, high) = (limit(Decision::Approved, 40_000), limit(Decision::Approved, 100_000));
        says(
            Some(&low),
            Some(&high),
            "limit.increased",
            "The limit on Exemple under policy P1 was increased from 40 000.00 EUR to 100 000.00 EUR.",
        );
        says(
            Some(&high),
            Some(&Limit { decision: Decision::Unknown, ..low.clone() }),
            "limit.reduced",
            "The limit on Exemple under policy P1 was reduced from 100 000.00 EUR to 40 000.00 EUR.",
        );
    }

    #[test]
    fn cover_that_ends_says_how() {
        let was = limit(Decision::Approved, 100);
        for (decision, event, how) in [
            (Decision::Withdrawn, "limit.withdrawn", "was withdrawn"),
            (Decision::Cancelled, "limit.withdrawn", "was given up"),
            (Decision::Refused, "limit.withdrawn", "was refused"),
            (Decision::Expired, "limit.expired", "has expired"),
            (Decision::Reduced, "limit.withdrawn", "was withdrawn"),
        ] {
            let want =
                format!("The limit on Exemple under policy P1 {how}: 100.00 EUR before, 0.00 EUR now.");
            says(Some(&was), Some(&limit(decision, 0)), event, &want);
        }
        says(
            Some(&was),
            None,
            "limit.withdrawn",
            "The limit on Exemple under policy P1 is no longer stated by the insurer: 100.00 EUR before, no cover now.",
        );
        assert_eq!(told(Some(&limit(Decision::Refused, 0)), None), None);
    }

    #[test]
    fn a_notice_of_withdrawal_is_said_once_per_day_announced() {
        let was = limit(Decision::Approved, 100);
        let mut notice = limit(Decision::NoticeOfWithdrawal, 100);
        notice.withdrawal_on = Some(day("2026-05-01"));
        let want = "The limit on Exemple under policy P1 will be withdrawn on 2026-05-01: 100.00 EUR until then, \
                    0.00 EUR from that day.";
        says(Some(&was), Some(&notice), "limit.notice_of_withdrawal", want);
        says(None, Some(&notice), "limit.notice_of_withdrawal", want);
        let rated = Limit { rating: Some("7".into()), ..notice.clone() };
        assert_eq!(told(Some(&notice), Some(&rated)), None);
        let postponed = Limit { withdrawal_on: Some(day("2026-06-01")), ..notice.clone() };
        assert_eq!(told(Some(&notice), Some(&postponed)).unwrap().0, "limit.notice_of_withdrawal");
        says(
            Some(&notice),
            Some(&was),
            "limit.granted",
            "The limit on Exemple under policy P1 stays at 100.00 EUR: the announced withdrawal was lifted.",
        );
    }

    #[test]
    fn kept_is_a_refusal_that_leaves_the_cover() {
        let was = limit(Decision::Approved, 100);
        let kept = Limit { requested_minor: Some(25_000), ..limit(Decision::Kept, 100) };
        says(
            Some(&was),
            Some(&kept),
            "limit.refused",
            "An increase of the limit on Exemple under policy P1 to 250.00 EUR was refused; the cover of 100.00 EUR stays.",
        );
        assert_eq!(told(Some(&kept), Some(&Limit { rating: Some("5".into()), ..kept.clone() })), None);
        let again = Limit { decided_on: Some(on()), ..kept.clone() };
        assert_eq!(told(Some(&kept), Some(&again)).unwrap().0, "limit.refused", "asked again, refused again");
    }

    #[test]
    fn a_pending_request_that_is_refused_is_said() {
        let change = told(Some(&limit(Decision::Pending, 0)), Some(&limit(Decision::Refused, 0)));
        assert_eq!(change.unwrap().0, "limit.refused");
    }

    #[test]
    fn what_leaves_the_cover_as_it_is_is_no_event() {
        let was = temporary("2026-06-30");
        assert_eq!(told(None, None), None);
        assert_eq!(told(Some(&was), Some(&was)), None);
        assert_eq!(told(Some(&was), Some(&Limit { decision_code: "X".into(), ..was.clone() })), None);
        assert_eq!(told(Some(&was), Some(&temporary("2026-09-30"))), None, "a later end");
        assert_eq!(told(Some(&was), Some(&limit(Decision::Pending, 0))), None, "a review ends no cover");
        let refused = limit(Decision::Refused, 0);
        assert_eq!(told(Some(&refused), Some(&Limit { rating: Some("9".into()), ..refused.clone() })), None);
        assert_eq!(told(Some(&refused), Some(&limit(Decision::Cancelled, 0))), None);
    }

    #[test]
    fn another_currency_is_no_increase() {
        let was = limit(Decision::Approved, 100);
        let usd = Limit { currency: Currency::parse("USD").unwrap(), ..limit(Decision::Approved, 200) };
        says(
            Some(&was),
            Some(&usd),
            "limit.granted",
            "The limit on Exemple under policy P1 is now 200.00 USD, before 100.00 EUR: its currency has changed.",
        );
    }

    #[test]
    fn an_end_is_announced_and_told_by_its_day() {
        let limit = temporary("2026-03-31");
        assert_eq!(expiring(&limit, day("2026-03-15"), 15), []);
        let soon = expiring(&limit, day("2026-03-16"), 15);
        assert_eq!(
            soon,
            [Change {
                event: Event::LimitExpiring,
                summary: "The limit on Exemple under policy P1 expires soon: 20.00 EUR of 70.00 EUR counts until 2026-03-31."
                    .into(),
                day: Some(day("2026-03-31")),
            }]
        );
        assert_eq!(expiring(&limit, day("2026-03-31"), 0).len(), 1, "on the last day it still counts");
        assert_eq!(expiring(&limit, day("2026-04-01"), 15), []);

        assert_eq!(ended(&limit, day("2026-03-30"), day("2026-03-31")), []);
        let over = ended(&limit, day("2026-03-31"), day("2026-04-01"));
        assert_eq!(
            over,
            [Change {
                event: Event::LimitExpired,
                summary: "The limit on Exemple under policy P1 lost 20.00 EUR that counted until 2026-03-31: 50.00 EUR now."
                    .into(),
                day: Some(day("2026-03-31")),
            }]
        );
        assert_eq!(ended(&limit, day("2026-04-01"), day("2026-04-02")), [], "told once");
    }

    #[test]
    fn a_layer_that_the_insurer_drops_after_its_end_is_the_same_fact() {
        let (with, without) = (temporary("2026-03-31"), limit(Decision::Approved, 50));
        let dropped = limit_change(Some(&with), Some(&without), day("2026-04-02")).unwrap();
        assert_eq!(vec![dropped], ended(&with, day("2026-03-31"), day("2026-04-01")));
        let early = limit_change(Some(&with), Some(&without), day("2026-03-31")).unwrap();
        assert_eq!(early.event, Event::LimitReduced, "on its last day it still counted");
    }

    #[test]
    fn a_withdrawal_is_told_when_it_takes_effect_whoever_says_so_first() {
        let mut notice = temporary("2026-03-31");
        notice.decision = Decision::NoticeOfWithdrawal;
        notice.withdrawal_on = Some(day("2026-05-01"));
        assert_eq!(ended(&notice, day("2026-04-01"), day("2026-04-30")), []);
        let told = ended(&notice, day("2026-04-30"), day("2026-05-01"));
        assert_eq!(
            told,
            [Change {
                event: Event::LimitWithdrawn,
                summary: "The limit on Exemple under policy P1 was withdrawn on 2026-05-01: 50.00 EUR before, 0.00 EUR now."
                    .into(),
                day: Some(day("2026-05-01")),
            }]
        );
        assert_eq!(ended(&notice, day("2026-05-01"), day("2026-05-02")), [], "told once");
        let said = limit_change(Some(&notice), Some(&limit(Decision::Withdrawn, 0)), day("2026-05-03"));
        assert_eq!(said, told.first().cloned());
        let sooner = limit_change(Some(&notice), Some(&limit(Decision::Withdrawn, 0)), day("2026-04-20"));
        assert_eq!(sooner.unwrap().event, Event::LimitWithdrawn);
    }

    #[test]
    fn a_whole_limit_ends_with_its_layers() {
        let limit = Limit { effective_to: Some(day("2026-03-31")), ..temporary("2026-04-30") };
        let soon = expiring(&limit, day("2026-03-20"), 15);
        assert_eq!(soon.len(), 1);
        assert!(soon[0].summary.contains("70.00 EUR of 70.00 EUR counts until 2026-03-31"), "{soon:?}");
        let ended = Limit { decision: Decision::Expired, ..limit.clone() };
        let change = limit_change(Some(&limit), Some(&ended), day("2026-04-02")).unwrap();
        assert_eq!(
            (change.event, change.day),
            (Event::LimitExpired, Some(day("2026-03-31"))),
            "the insurer says so after the day"
        );
    }

    #[test]
    fn exposure_is_said_from_the_threshold_on() {
        assert_eq!(exposure_event(1000, 1499, 500), None);
        assert_eq!(exposure_event(1000, 1500, 500), Some(Event::ExposureChanged));
        assert_eq!(exposure_event(1000, 500, 500), Some(Event::ExposureChanged));
        assert_eq!(exposure_event(7, 7, 0), None, "no change, whatever the threshold");
        assert_eq!(exposure_event(i64::MIN, i64::MAX, i64::MAX), Some(Event::ExposureChanged));
    }

    #[test]
    fn crossing_the_limit_is_said_once_each_way() {
        assert_eq!(over_limit_event(false, true), Some(Event::ExposureOverLimit));
        assert_eq!(over_limit_event(true, false), Some(Event::ExposureBackWithinLimit));
        assert_eq!((over_limit_event(true, true), over_limit_event(false, false)), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_said_follows_the_cover_of_the_day(
            kinds in (prop::sample::select(Decision::ALL), prop::sample::select(Decision::ALL)),
            amounts in (0_i64..4, 0_i64..4),
            days in (0_u64..60, prop::option::of(0_u64..60), prop::option::of(0_u64..60)),
        ) {
            let at = |days: u64| day("2026-03-01") + chrono::Days::new(days);
            let before = limit(kinds.0, amounts.0);
            let after = Limit {
                withdrawal_on: days.1.map(at), effective_to: days.2.map(at), ..limit(kinds.1, amounts.1)
            };
            let on = at(days.0);
            prop_assert_eq!(limit_change(Some(&after), Some(&after), on), None);
            let change = limit_change(Some(&before), Some(&after), on);
            let (was, is) = (cover_on(&before, on).minor, cover_on(&after, on).minor);
            if is != was && !is_undecided(&after) {
                prop_assert!(change.is_some(), "cover went from {was} to {is} and nobody is told");
            }
            if let Some(change) = change {
                prop_assert!(change.summary.ends_with('.') && !change.summary.contains('\n'));
                prop_assert!(change.event != Event::LimitIncreased || is > was);
                prop_assert!(change.event != Event::LimitReduced || (0 < is && is < was));
                prop_assert!(change.event != Event::LimitWithdrawn || is == 0);
            }
        }
    }
}
