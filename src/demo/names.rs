//! Invented names and registry numbers.
//!
//! Names are made of stems that are words of no language, an activity and a legal form. Registry numbers have a sound
//! checksum or shape and begin with zeros that no registry has issued: they read well and name nobody.
//! Reference: SIREN uses the Luhn sum; a French VAT key is (12 + 3 × (SIREN mod 97)) mod 97; a Belgian number ends in
//! 97 − (number mod 97).

/// A country that the company sells to.
pub(super) struct Country {
    /// ISO 3166 alpha-2, as the ERP writes it.
    pub(super) alpha2: &'static str,
    /// ISO 3166 alpha-3, as the insurer writes it.
    pub(super) alpha3: &'static str,
    /// The kind of identifier that the insurer knows buyers of this country by.
    pub(super) uid_type: &'static str,
    /// Currency of its invoices.
    pub(super) currency: &'static str,
    activities: &'static [&'static str],
    forms: &'static [&'static str],
}

/// France comes first: it has a plan of its own.
pub(super) const COUNTRIES: [Country; 10] = [
    Country {
        alpha2: "FR",
        alpha3: "FRA",
        uid_type: "SN",
        currency: "EUR",
        activities: &[
            "Conserverie",
            "Laiterie",
            "Brasserie",
            "Cosmétiques",
            "Quincaillerie",
            "Imprimerie",
            "Transports",
            "Menuiserie",
            "Cartonnages",
            "Pâtisserie",
            "Mécanique",
            "Visserie",
            "Papeterie",
            "Salaisons",
            "Œnologie",
            "Plasturgie",
            "Fonderie",
            "Biscuiterie",
            "Logistique",
            "Négoce",
            "Maroquinerie",
            "Outillage",
        ],
        forms: &["SAS", "SARL", "SAS", "SA", "et Fils SARL", "EURL"],
    },
    Country {
        alpha2: "BE",
        alpha3: "BEL",
        uid_type: "VAT",
        currency: "EUR",
        activities: &["Brouwerij", "Chocolaterie", "Verpakkingen", "Emballages", "Drukkerij"],
        forms: &["NV", "SRL", "BV", "SA"],
    },
    Country {
        alpha2: "DE",
        alpha3: "DEU",
        uid_type: "VAT",
        currency: "EUR",
        activities: &["Verpackungen", "Maschinenbau", "Großhandel", "Schraubenwerk", "Süßwaren"],
        forms: &["GmbH", "GmbH & Co. KG", "AG"],
    },
    Country {
        alpha2: "ES",
        alpha3: "ESP",
        uid_type: "VAT",
        currency: "EUR",
        activities: &["Conservas", "Envases", "Suministros", "Aceites", "Cartón"],
        forms: &["S.L.", "S.A."],
    },
    Country {
        alpha2: "IT",
        alpha3: "ITA",
        uid_type: "VAT",
        currency: "EUR",
        activities: &["Imballaggi", "Alimentari", "Ferramenta", "Cartiera", "Macchine"],
        forms: &["S.r.l.", "S.p.A."],
    },
    Country {
        alpha2: "GB",
        alpha3: "GBR",
        uid_type: "VAT",
        currency: "GBP",
        activities: &["Packaging", "Foods", "Fasteners", "Supplies"],
        forms: &["Ltd", "Limited", "PLC"],
    },
    Country {
        alpha2: "US",
        alpha3: "USA",
        uid_type: "TK",
        currency: "USD",
        activities: &["Supply", "Packaging", "Industrial"],
        forms: &["Inc.", "LLC"],
    },
    Country {
        alpha2: "NL",
        alpha3: "NLD",
        uid_type: "VAT",
        currency: "EUR",
        activities: &["Verpakkingen", "Groothandel", "Kaas"],
        forms: &["B.V."],
    },
    Country {
        alpha2: "CH",
        alpha3: "CHE",
        uid_type: "VAT",
        currency: "EUR",
        activities: &["Chocolats", "Mécanique"],
        forms: &["SA", "AG"],
    },
    Country {
        alpha2: "LU",
        alpha3: "LUX",
        uid_type: "VAT",
        currency: "EUR",
        activities: &["Négoce", "Logistique"],
        forms: &["S.à r.l."],
    },
];

const HEADS: [&str; 24] = [
    "Val", "Bri", "Tor", "Mel", "Cor", "Gal", "Fen", "Lur", "Ost", "Var", "Ker", "Nov", "Pel", "Sar", "Dro",
    "Zan", "Tré", "Hul", "Jor", "Qué", "Wim", "Ébri", "Mau", "Sil",
];
const TAILS: [&str; 16] = [
    "quilmac", "zorvane", "thulène", "gorvex", "phimel", "narquet", "lumvic", "zibrac", "kestane", "vombre",
    "jolquin", "drimax", "wexil", "mondru", "fauvric", "brindol",
];

/// The 384 stems that names are made of, each once.
pub(super) fn stems() -> Vec<String> {
    HEADS.iter().flat_map(|head| TAILS.iter().map(move |tail| format!("{head}{tail}"))).collect()
}

/// A company name of that country around a stem.
pub(super) fn legal_name(country: &Country, stem: &str, rng: &mut super::rng::Rng) -> String {
    let activity = rng.pick(country.activities).unwrap_or_default();
    let form = rng.pick(country.forms).unwrap_or_default();
    match country.alpha2 {
        "FR" | "ES" | "LU" => format!("{activity} {stem} {form}"),
        _ => format!("{stem} {activity} {form}"),
    }
}

/// A SIREN with a sound check digit in a range that is not issued: `000` and five digits of `number`.
pub(super) fn siren(number: u64) -> String {
    let body = format!("000{:05}", number % 100_000);
    let sum: u32 = body
        .chars()
        .rev()
        .zip([2, 1].iter().cycle())
        .filter_map(|(c, weight)| c.to_digit(10).map(|digit| digit * weight))
        .map(|product| if product > 9 { product - 9 } else { product })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// The same SIREN with its check digit off by one.
pub(super) fn with_wrong_digit(siren: &str) -> String {
    let mut digits = siren.to_owned();
    let last = digits.pop().and_then(|c| c.to_digit(10)).unwrap_or(0);
    digits.push(char::from_digit((last + 1) % 10, 10).unwrap_or('0'));
    digits
}

/// The French VAT number of a SIREN.
pub(super) fn french_vat(siren: &str) -> String {
    let key = (12 + 3 * (siren.parse::<u64>().unwrap_or(0) % 97)) % 97;
    format!("FR{key:02}{siren}")
}

/// A VAT number in the shape of its country, out of the issued ranges; the insurer's tax key for the United States.
pub(super) fn foreign_number(alpha2: &str, number: u64) -> String {
    let n = number % 1_000_000;
    match alpha2 {
        "BE" => format!("BE00{n:06}{:02}", 97 - n % 97),
        "ES" => format!("ESB00{n:06}"),
        "IT" => format!("IT00000{n:06}"),
        "NL" => format!("NL000{n:06}B01"),
        "CH" => format!("CHE000{n:06}"),
        "LU" => format!("LU00{n:06}"),
        "US" => format!("000{n:06}"),
        other => format!("{other}000{n:06}"),
    }
}
