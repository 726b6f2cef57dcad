//! The French working calendar: weekends and the eleven public holidays of the Code du travail, article L3133-1.

use chrono::Datelike as _;

use crate::model::Date;

/// The date `days` later, or earlier when negative.
pub(super) fn shift(date: Date, days: i64) -> Date {
    chrono::TimeDelta::try_days(days).and_then(|delta| date.checked_add_signed(delta)).unwrap_or(date)
}

/// Whether people work in France on that date.
#[must_use]
pub fn is_business_day(date: Date) -> bool {
    if date.weekday().number_from_monday() > 5 {
        return false;
    }
    let fixed = matches!(
        (date.month(), date.day()),
        (1 | 5 | 11, 1) | (5, 8) | (7, 14) | (8, 15) | (11, 11) | (12, 25)
    );
    // Easter Monday, Ascension Day and Whit Monday.
    let movable =
        easter(date.year()).is_some_and(|easter| [1, 39, 50].iter().any(|n| shift(easter, *n) == date));
    !fixed && !movable
}

/// The first business day after a date.
#[must_use]
pub fn next_business_day(date: Date) -> Date {
    // The longest closure in France is of four days; the bound only keeps the end of the calendar from looping.
    (1..=10).map(|n| shift(date, n)).find(|day| is_business_day(*day)).unwrap_or(date)
}

/// Every business day from `first` to `last`, both included.
#[must_use]
pub fn business_days(first: Date, last: Date) -> Vec<Date> {
    first.iter_days().take_while(|day| *day <= last).filter(|day| is_business_day(*day)).collect()
}

/// Easter Sunday of the Gregorian calendar (the anonymous computus of 1876).
fn easter(year: i32) -> Option<Date> {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    Date::from_ymd_opt(year, u32::try_from(n / 31).ok()?, u32::try_from(n % 31 + 1).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn easter_falls_where_the_church_puts_it() {
        for text in ["2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25"] {
            assert_eq!(easter(day(text).year()), Some(day(text)));
        }
    }

    #[test]
    fn weekends_and_holidays_are_skipped() {
        assert_eq!(next_business_day(day("2026-03-10")), day("2026-03-11"));
        assert_eq!(next_business_day(day("2026-03-13")), day("2026-03-16"), "a weekend");
        assert_eq!(next_business_day(day("2026-04-03")), day("2026-04-07"), "Easter Monday");
        assert_eq!(next_business_day(day("2026-05-13")), day("2026-05-15"), "Ascension Day");
        assert_eq!(next_business_day(day("2026-05-22")), day("2026-05-26"), "Whit Monday");
        assert_eq!(next_business_day(day("2026-12-24")), day("2026-12-28"), "Christmas on a Friday");
        assert_eq!(
            business_days(day("2026-07-13"), day("2026-07-15")),
            [day("2026-07-13"), day("2026-07-15")]
        );
    }
}
