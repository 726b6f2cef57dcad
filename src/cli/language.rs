//! The language that a person reads: English or French, each with its dates and amounts.
//!
//! A sentence stands where it is said, in both languages side by side: [`Language::of`] takes the two of them, so one that
//! is missing does not compile. What programs read is the same in every language.

use std::path::Path;

use encours::config::secret;
use encours::model::{Currency, Date, Instant};

use super::table;

/// A language that a story is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// English.
    #[value(name = "en")]
    English,
    /// French.
    #[value(name = "fr")]
    French,
}

impl Language {
    /// The language of the environment: French where it says so, else English.
    pub fn of_environment() -> Self {
        let names = ["env:LC_ALL", "env:LC_MESSAGES", "env:LANG"];
        Self::of_locales(names.iter().filter_map(|name| secret::resolve(name, Path::new(".")).ok()))
    }

    /// That of the first locale that is not empty, as the C library chooses.
    fn of_locales(locales: impl IntoIterator<Item = String>) -> Self {
        match locales.into_iter().find(|locale| !locale.is_empty()) {
            Some(locale) if locale.starts_with("fr") => Self::French,
            Some(_) | None => Self::English,
        }
    }

    /// The text of the two that is in this language.
    pub fn of<T>(self, english: T, french: T) -> T {
        match self {
            Self::English => english,
            Self::French => french,
        }
    }

    /// `2027-01-31`, `31/01/2027`.
    pub fn date(self, day: Date) -> String {
        self.of(day.to_string(), day.format("%d/%m/%Y").to_string())
    }

    /// `2027-01-31 08:00 UTC`, `31/01/2027 à 08:00 UTC`.
    pub fn instant(self, at: Instant) -> String {
        let time = at.format("%H:%M UTC");
        let day = self.date(at.date_naive());
        self.of(format!("{day} {time}"), format!("{day} à {time}"))
    }

    /// `1 150.00`, `1 150,00`: an amount whose currency stands elsewhere. The blank is a plain one, so that a figure can be
    /// searched for and copied as it stands.
    pub fn amount(self, minor: i64, currency: Currency) -> String {
        let text = table::amount(minor, currency);
        self.of(text.clone(), text.replace('.', ","))
    }

    /// `1 150.00 EUR`, `1 150,00 EUR`.
    pub fn money(self, minor: i64, currency: Currency) -> String {
        format!("{} {currency}", self.amount(minor, currency))
    }

    /// `1 invoice`, `2 invoices`; in French nothing is one of its kind too: `0 facture`.
    pub fn plural(self, number: i64, english: [&str; 2], french: [&str; 2]) -> String {
        let [one, many] = self.of(english, french);
        let is_one = number == 1 || (self == Self::French && number == 0);
        format!("{} {}", table::count(number), if is_one { one } else { many })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_that_says_something_counts() {
        let of = |locales: &[&str]| Language::of_locales(locales.iter().map(|&locale| locale.to_owned()));
        assert_eq!(of(&["fr_FR.UTF-8"]), Language::French);
        assert_eq!(of(&["", "fr_BE.UTF-8", "en_GB.UTF-8"]), Language::French);
        assert_eq!(of(&["C.UTF-8", "fr_FR.UTF-8"]), Language::English, "LC_ALL outranks LANG");
        assert_eq!(of(&[]), Language::English);
    }

    #[test]
    fn dates_and_amounts_are_those_of_the_language() {
        let day: Date = "2027-01-31".parse().unwrap();
        let told = |say: Language| {
            let money = say.money(-115_000, Currency::EUR);
            format!("{} {money} {}", say.date(day), say.plural(0, ["day", "days"], ["jour", "jours"]))
        };
        assert_eq!(told(Language::English), "2027-01-31 -1 150.00 EUR 0 days");
        assert_eq!(told(Language::French), "31/01/2027 -1 150,00 EUR 0 jour");
        assert_eq!(Language::French.amount(-5, Currency::parse("JPY").unwrap()), "-5");
        let at: Instant = "2027-01-31T08:05:00Z".parse().unwrap();
        assert_eq!(Language::French.instant(at), "31/01/2027 à 08:05 UTC");
    }
}
