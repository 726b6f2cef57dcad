//! What an incremental pull has seen, as text that only the partner's clock gives meaning to.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, NaiveDateTime, SecondsFormat};

use super::manifest::{CursorRule, Stamp};
use crate::format::{Value, json};
use crate::model::Date;

/// A stamp in one of the forms that partners use.
enum Read {
    Zoned(DateTime<FixedOffset>),
    Plain(NaiveDateTime),
    Day(Date),
    Number(i64),
}

fn read(text: &str) -> Option<Read> {
    let plain = |pattern| NaiveDateTime::parse_from_str(text, pattern).ok().map(Read::Plain);
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(Read::Zoned)
        .or_else(|| plain("%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|| plain("%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|| text.parse().ok().map(Read::Day))
        .or_else(|| text.parse().ok().map(Read::Number))
}

/// Order of two stamps: by time or number where both can be read, else as text.
pub(super) fn later(a: &str, b: &str) -> bool {
    let key = |text: &str| match read(text)? {
        Read::Zoned(at) => Some(at.timestamp_micros()),
        Read::Plain(at) => Some(at.and_utc().timestamp_micros()),
        Read::Day(day) => Some(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros()),
        Read::Number(number) => Some(number),
    };
    match (key(a), key(b)) {
        (Some(a), Some(b)) => a > b,
        _ => a > b,
    }
}

/// The cursor, moved back by the overlap, in the form it came in.
///
/// # Errors
/// A sentence, when the cursor is neither a time nor a number.
pub(super) fn back(cursor: &str, overlap: Duration) -> Result<String, String> {
    if overlap.is_zero() {
        return Ok(cursor.to_owned());
    }
    let wrong = || format!("the cursor \"{cursor}\" is no time, and so has no overlap");
    let step = chrono::Duration::from_std(overlap).map_err(|_| wrong())?;
    let fraction = if cursor.contains('.') { "%.6f" } else { "" };
    let moved = match read(cursor).ok_or_else(wrong)? {
        Read::Zoned(at) => at.checked_sub_signed(step).map(|at| {
            let format = if fraction.is_empty() { SecondsFormat::Secs } else { SecondsFormat::Micros };
            at.to_rfc3339_opts(format, cursor.ends_with('Z'))
        }),
        Read::Plain(at) => {
            let sign = if cursor.contains('T') { 'T' } else { ' ' };
            at.checked_sub_signed(step)
                .map(|at| at.format(&format!("%Y-%m-%d{sign}%H:%M:%S{fraction}")).to_string())
        }
        // A date says the day only: any part of a day is a whole one.
        Read::Day(day) => {
            let days = overlap.as_secs().div_ceil(86_400);
            day.checked_sub_days(chrono::Days::new(days)).map(|day| day.to_string())
        }
        // Epochs come in seconds or, from 10¹¹ on, in milliseconds.
        Read::Number(number) => {
            let unit = if number.abs() >= 100_000_000_000 { 1000 } else { 1 };
            number.checked_sub(step.num_seconds().saturating_mul(unit)).map(|number| number.to_string())
        }
    };
    moved.ok_or_else(wrong)
}

/// The stamp of a record; nothing when it has none.
///
/// # Errors
/// What the filter said.
pub(super) fn stamp(rule: &CursorRule, record: &Value) -> Result<Option<String>, String> {
    match &rule.stamp {
        Stamp::At(paths) => Ok(paths.iter().filter_map(|path| path.find(record)).find_map(json::scalar)),
        Stamp::Jq(filter) => Ok(filter.first(record.clone())?.as_ref().and_then(json::scalar)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_keeps_its_form_when_it_moves_back() {
        let five_minutes = Duration::from_secs(300);
        for (cursor, expected) in [
            ("2026-03-01T00:02:00Z", "2026-02-28T23:57:00Z"),
            ("2026-03-01T00:02:00.123456", "2026-02-28T23:57:00.123456"),
            ("2026-03-01 00:02:00", "2026-02-28 23:57:00"),
            ("2026-03-01T00:02:00+01:00", "2026-02-28T23:57:00+01:00"),
            ("2026-03-01", "2026-02-28"),
            ("1000", "700"),
            ("1772323320000", "1772323020000"),
        ] {
            assert_eq!(back(cursor, five_minutes).as_deref(), Ok(expected), "{cursor}");
        }
        assert!(back("abc", five_minutes).is_err());
        assert_eq!(back("abc", Duration::ZERO).as_deref(), Ok("abc"), "a mark of the partner's own");
    }

    #[test]
    fn the_later_stamp_is_later_in_time_not_in_text() {
        assert!(later("2026-03-01T00:30:00Z", "2026-03-01T01:00:00+01:00"));
        assert!(later("1000", "999"));
        assert!(!later("2026-03-01T00:00:00.5Z", "2026-03-01T00:00:01Z"));
    }
}
