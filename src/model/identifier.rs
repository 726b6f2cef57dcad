//! Registry identifiers and their checksums.
//!
//! A failed checksum is a warning on the buyer, never a lost invoice, and the text survives as it came: `005520135`
//! keeps its zeros. Reference: shared rules, "Numbers"; SIREN and SIRET use the Luhn sum (La Poste's SIRETs use the
//! plain sum of digits), French VAT keys, LEI and IBAN use remainders by 97.

use super::words;

words! {
    /// Which registry issued an identifier.
    Scheme {
        /// French company number, 9 digits.
        Siren = "siren",
        /// French establishment number, 14 digits, the first nine being the SIREN.
        Siret = "siret",
        /// VAT number with its country prefix.
        Vat = "vat",
        /// Legal Entity Identifier, ISO 17442.
        Lei = "lei",
        /// A national registration number of another country.
        Registration = "registration",
        /// Dun & Bradstreet number; it has no check digit.
        Duns = "duns",
    }
}

/// One identifier of a party, normalised for comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Identifier {
    /// The registry.
    pub scheme: Scheme,
    /// Upper case, without blanks, points or dashes; zeros kept.
    pub value: String,
}

impl Identifier {
    /// Normalises `text` and returns `None` when nothing is left of it.
    #[must_use]
    pub fn new(scheme: Scheme, text: &str) -> Option<Self> {
        let value: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '.' | '-' | '/' | '\u{a0}' | '\u{202f}'))
            .flat_map(char::to_uppercase)
            .collect();
        (!value.is_empty()).then_some(Self { scheme, value })
    }

    /// Whether the identifier passes the checksum and shape of its registry; true where the registry has none.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let v = self.value.as_str();
        match self.scheme {
            Scheme::Siren => v.len() == 9 && luhn(v),
            Scheme::Siret => {
                v.len() == 14
                    && (luhn(v) || (v.starts_with("356000000") && digit_sum(v).is_some_and(|s| s % 5 == 0)))
            }
            Scheme::Vat => vat_is_sound(v),
            Scheme::Lei => v.len() == 20 && mod97(v) == Some(1),
            Scheme::Duns => v.len() == 9 && v.bytes().all(|b| b.is_ascii_digit()),
            Scheme::Registration => true,
        }
    }

    /// The SIREN that a SIRET or a French VAT number contains, or the SIREN itself.
    ///
    /// Only a sound number yields one: a wrong digit must not join two companies.
    #[must_use]
    pub fn siren(&self) -> Option<Self> {
        if !self.is_sound() {
            return None;
        }
        let digits = match self.scheme {
            Scheme::Siren => self.value.as_str(),
            Scheme::Siret => self.value.get(..9)?,
            Scheme::Vat => self.value.strip_prefix("FR")?.get(2..)?,
            Scheme::Lei | Scheme::Registration | Scheme::Duns => return None,
        };
        let siren = Self { scheme: Scheme::Siren, value: digits.to_owned() };
        siren.is_sound().then_some(siren)
    }
}

/// Whether an IBAN has a sound shape and check digits.
#[must_use]
pub fn iban_is_sound(text: &str) -> bool {
    let v: String = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect();
    match (v.get(..4), v.get(4..)) {
        (Some(head), Some(tail)) if (15..=34).contains(&v.len()) => {
            mod97(&format!("{tail}{head}")) == Some(1)
        }
        _ => false,
    }
}

fn vat_is_sound(v: &str) -> bool {
    let Some((country, rest)) = v.split_at_checked(2) else { return false };
    if !country.bytes().all(|b| b.is_ascii_uppercase()) || rest.is_empty() {
        return false;
    }
    if country != "FR" {
        return rest.len() >= 5 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'*');
    }
    let (Some(key), Some(siren)) = (rest.get(..2), rest.get(2..)) else { return false };
    if siren.len() != 9 || !siren.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    // Letter keys exist and have no public formula; a two-digit key is (12 + 3 × (SIREN mod 97)) mod 97.
    match (key.parse::<u64>(), siren.parse::<u64>()) {
        (Ok(key), Ok(number)) => key == (12 + 3 * (number % 97)) % 97,
        _ => key.bytes().all(|b| b.is_ascii_alphanumeric()),
    }
}

fn digit_sum(v: &str) -> Option<u32> {
    v.chars().map(|c| c.to_digit(10)).sum()
}

fn luhn(v: &str) -> bool {
    let mut sum = 0;
    for (index, c) in v.chars().rev().enumerate() {
        let Some(digit) = c.to_digit(10) else { return false };
        let doubled = if index % 2 == 1 { digit * 2 } else { digit };
        sum += if doubled > 9 { doubled - 9 } else { doubled };
    }
    sum % 10 == 0
}

fn mod97(v: &str) -> Option<u32> {
    v.chars().try_fold(0_u32, |rest, c| {
        let digit = c.to_digit(36)?;
        Some(if digit > 9 { (rest * 100 + digit) % 97 } else { (rest * 10 + digit) % 97 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(scheme: Scheme, text: &str) -> Identifier {
        Identifier::new(scheme, text).unwrap()
    }

    #[test]
    fn siren_keeps_zeros_and_is_checked() {
        assert_eq!(id(Scheme::Siren, "005 520 135").value, "005520135");
        assert!(id(Scheme::Siren, "005 520 135").is_sound());
        assert!(id(Scheme::Siren, "404 833 048").is_sound());
        assert!(!id(Scheme::Siren, "404 833 049").is_sound());
        assert!(!id(Scheme::Siren, "40483304").is_sound());
    }

    #[test]
    fn la_poste_establishments_use_the_plain_sum() {
        assert!(id(Scheme::Siret, "35600000049837").is_sound());
        assert!(!id(Scheme::Siret, "35600000049838").is_sound());
    }

    #[test]
    fn french_vat_and_siret_lead_to_one_siren() {
        let vat = id(Scheme::Vat, "FR83 404 833 048");
        assert!(vat.is_sound());
        assert_eq!(vat.siren(), id(Scheme::Siren, "404833048").siren());
        assert!(!id(Scheme::Vat, "FR84404833048").is_sound());
        assert_eq!(id(Scheme::Vat, "FR84404833048").siren(), None, "a wrong key joins nothing");
        assert!(id(Scheme::Vat, "DE136695976").is_sound());
        assert_eq!(id(Scheme::Vat, "DE136695976").siren(), None);
    }

    #[test]
    fn lei_and_iban_are_checked_by_97() {
        assert!(id(Scheme::Lei, "529900T8BM49AURSDO55").is_sound());
        assert!(!id(Scheme::Lei, "529900T8BM49AURSDO56").is_sound());
        assert!(iban_is_sound("FR76 3000 6000 0112 3456 7890 189"));
        assert!(!iban_is_sound("FR77 3000 6000 0112 3456 7890 189"));
    }

    #[test]
    fn blanks_alone_are_no_identifier() {
        assert_eq!(Identifier::new(Scheme::Vat, " . "), None);
    }
}
