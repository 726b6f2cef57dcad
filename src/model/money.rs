//! Money as integers of minor units.
//!
//! Invariant: no float, and no rounding on intake. Text with more decimals than its currency has is a bad record,
//! except zeros, which carry nothing (`1440.00000000 EUR` is 1 440.00 EUR).
//! Reference: shared rules, "Numbers".

use std::fmt;

/// An ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");

    /// Reads a three-letter code in upper or lower case; `None` when ISO 4217 does not list it.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.trim().as_bytes().try_into().ok()?;
        let upper = bytes.map(|b| b.to_ascii_uppercase());
        if upper == *b"EUR" {
            return Some(Self(upper)); // by far the most frequent: spares the table
        }
        let text = std::str::from_utf8(&upper).ok()?;
        iso_currency::Currency::from_code(text).map(|_| Self(upper))
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// How many decimals the currency has: 2 for EUR, 0 for JPY, 3 for TND.
    #[must_use]
    pub fn decimals(self) -> u32 {
        if self == Self::EUR {
            return 2;
        }
        iso_currency::Currency::from_code(self.code()).and_then(|c| c.exponent()).map_or(2, u32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("\"{text}\" is not an ISO 4217 currency")))
    }
}

/// Why a text is not an amount. Messages are for the person who reads the quarantine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits with at most one decimal sign.
    #[error("\"{0}\" is not an amount")]
    NotANumber(String),
    /// More significant decimals than the currency has.
    #[error("\"{text}\" has {found} decimals, {currency} has {allowed}")]
    TooManyDecimals {
        /// The text as it came.
        text: String,
        /// Significant decimals found.
        found: usize,
        /// The currency of the record.
        currency: Currency,
        /// Decimals that the currency has.
        allowed: u32,
    },
    /// Beyond what 64 bits hold.
    #[error("\"{0}\" is too large an amount")]
    TooLarge(String),
}

/// How a source writes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberStyle {
    /// `1234.56`; a comma is an error.
    Point,
    /// `1234,56` or `1 234,56`, with blanks, no-break blanks or points between thousands.
    Comma,
}

/// Reads an amount into minor units of `currency`.
///
/// Accepts leading and trailing blanks, a sign in front or behind, brackets for negatives, and blanks, no-break
/// blanks or apostrophes between digits. Refuses exponents: `1E5` in an amount column is an identifier that strayed.
///
/// # Errors
/// [`MoneyError`], with the text as it came.
pub fn parse_minor(text: &str, currency: Currency, style: NumberStyle) -> Result<i64, MoneyError> {
    let bad = || MoneyError::NotANumber(text.trim().chars().take(60).collect());
    let mut body = text.trim();
    let mut negative = false;
    if let Some(inner) = body.strip_prefix('(').and_then(|b| b.strip_suffix(')')) {
        negative = true;
        body = inner.trim();
    }
    if let Some(rest) = body.strip_prefix('-').or_else(|| body.strip_suffix('-')) {
        if negative {
            return Err(bad());
        }
        negative = true;
        body = rest.trim();
    } else if let Some(rest) = body.strip_prefix('+') {
        body = rest.trim();
    }
    let (decimal, thousands) = match style {
        NumberStyle::Point => ('.', ','),
        NumberStyle::Comma => (',', '.'),
    };
    let decimals = currency.decimals() as usize;
    let mut minor: i64 = 0;
    let (mut seen_decimal, mut kept, mut dropped, mut digits, mut group) = (false, 0_usize, 0_usize, 0, None);
    let too_large = || MoneyError::TooLarge(text.trim().to_owned());
    let mut significant = 0_usize;
    for ch in body.chars() {
        if let Some(digit) = ch.to_digit(10).filter(|_| ch.is_ascii_digit()) {
            digits += 1;
            if seen_decimal && kept == decimals {
                dropped += 1;
                if digit != 0 {
                    significant = kept + dropped;
                }
                continue;
            }
            if seen_decimal {
                kept += 1;
            } else if let Some(run) = group.as_mut() {
                *run += 1;
            }
            minor =
                minor.checked_mul(10).and_then(|m| m.checked_add(i64::from(digit))).ok_or_else(too_large)?;
        } else if ch == decimal && !seen_decimal && group.is_none_or(|run| run == 3) {
            seen_decimal = true;
        } else if !seen_decimal && digits > 0 && is_thousands(ch, thousands, style) {
            if group.is_some_and(|run| run != 3) {
                return Err(bad());
            }
            group = Some(0);
        } else {
            return Err(bad());
        }
    }
    if digits == 0 || (!seen_decimal && group.is_some_and(|run| run != 3)) {
        return Err(bad());
    }
    if significant > 0 {
        let allowed = currency.decimals();
        return Err(MoneyError::TooManyDecimals {
            text: text.trim().to_owned(),
            found: significant,
            currency,
            allowed,
        });
    }
    for _ in kept..decimals {
        minor = minor.checked_mul(10).ok_or_else(too_large)?;
    }
    Ok(if negative { -minor } else { minor })
}

/// Points are accepted between thousands only where the comma is the decimal sign; a comma never is.
fn is_thousands(ch: char, thousands: char, style: NumberStyle) -> bool {
    matches!(ch, ' ' | '\u{a0}' | '\u{202f}' | '\'') || (style == NumberStyle::Comma && ch == thousands)
}

/// Writes minor units as decimal text with a point: the form of every amount in JSON that Encours prints.
#[must_use]
pub fn render_minor(minor: i64, currency: Currency) -> String {
    let decimals = currency.decimals();
    let unit = 10_u64.pow(decimals);
    let (whole, rest) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    let sign = if minor < 0 { "-" } else { "" };
    if decimals == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{rest:0width$}", width = decimals as usize)
    }
}

/// An amount of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Money {
    /// Minor units: cents for EUR, yen for JPY, millimes for TND.
    pub minor: i64,
    /// The currency of `minor`.
    pub currency: Currency,
}

impl Money {
    /// Puts an amount of minor units beside its currency.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }
}

impl fmt::Display for Money {
    /// Prints `1 234 567.00 EUR`, thousands apart, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = render_minor(self.minor, self.currency);
        let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
        let (whole, rest) = text.split_once('.').map_or((text, None), |(w, r)| (w, Some(r)));
        let mut grouped = String::with_capacity(whole.len() + whole.len() / 3);
        for (index, ch) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                grouped.push(' ');
            }
            grouped.push(ch);
        }
        match rest {
            Some(rest) => write!(f, "{sign}{grouped}.{rest} {}", self.currency),
            None => write!(f, "{sign}{grouped} {}", self.currency),
        }
    }
}

impl serde::Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut object = serializer.serialize_struct("Money", 2)?;
        object.serialize_field("amount", &render_minor(self.minor, self.currency))?;
        object.serialize_field("currency", self.currency.code())?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cur(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn decimals_follow_the_currency() {
        assert_eq!(parse_minor("12.5", cur("EUR"), NumberStyle::Point), Ok(1250));
        assert_eq!(parse_minor("12", cur("JPY"), NumberStyle::Point), Ok(12));
        assert_eq!(parse_minor("12.345", cur("TND"), NumberStyle::Point), Ok(12345));
        assert_eq!(parse_minor("1440.00000000", cur("EUR"), NumberStyle::Point), Ok(144_000));
        assert!(matches!(
            parse_minor("12.345", cur("EUR"), NumberStyle::Point),
            Err(MoneyError::TooManyDecimals { found: 3, allowed: 2, .. })
        ));
        assert!(matches!(
            parse_minor("1.5", cur("JPY"), NumberStyle::Point),
            Err(MoneyError::TooManyDecimals { found: 1, allowed: 0, .. })
        ));
    }

    #[test]
    fn the_habits_of_exports_are_read() {
        for (text, want) in [
            (" 000000000000125,00", 12_500),
            ("1\u{a0}234,56", 123_456),
            ("1\u{202f}234\u{202f}567,89", 123_456_789),
            ("1.234,56", 123_456),
            ("1 234,56-", -123_456),
            ("(12,00)", -1200),
            ("-0,01", -1),
            ("1234567890123,00", 123_456_789_012_300),
        ] {
            assert_eq!(parse_minor(text, Currency::EUR, NumberStyle::Comma), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused_not_guessed() {
        for text in [
            "", "-", "1E5", "12,5", "1,234.56", "12..5", "abc", "٣", "1 2 3", "--1", "12.5.1", "NaN",
            "1 23.00",
        ] {
            let read = parse_minor(text, Currency::EUR, NumberStyle::Point);
            assert!(matches!(read, Err(MoneyError::NotANumber(_))), "{text} gave {read:?}");
        }
        let read = parse_minor("99999999999999999999", Currency::EUR, NumberStyle::Point);
        assert!(matches!(read, Err(MoneyError::TooLarge(_))), "{read:?}");
    }

    #[test]
    fn people_see_thousands_apart() {
        assert_eq!(Money::new(123_456_700, Currency::EUR).to_string(), "1 234 567.00 EUR");
        assert_eq!(Money::new(-5, Currency::EUR).to_string(), "-0.05 EUR");
        assert_eq!(Money::new(1_000, cur("JPY")).to_string(), "1 000 JPY");
    }

    proptest! {
        #[test]
        fn parse_of_render_is_the_amount(minor in -1_000_000_000_000_000_i64..1_000_000_000_000_000, code in "EUR|JPY|TND|USD") {
            let currency = cur(&code);
            let text = render_minor(minor, currency);
            prop_assert_eq!(parse_minor(&text, currency, NumberStyle::Point), Ok(minor));
        }
    }
}
