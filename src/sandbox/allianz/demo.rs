//! The customer that `encours sandbox allianz` plays when it is given none: invented buyers and their stories.
//!
//! Every company is invented. A SIREN made here begins with zeros, where nobody is numbered, and passes its checksum.
//! Invariant: the stories reach every status that the research lists, all three extensions and layers with a last day.

use chrono::NaiveDate;

use super::state::{BuyerSetup, Decision, Extension, Layer, Setup, Verdict, draw, earlier, later};

/// Invented names, with country.
const BUYERS: &[(&str, &str)] = &[
    ("Aciéries Brumeval SAS", "FR"),
    ("Bougies Cardelune SARL", "FR"),
    ("Carreaux Dorsenay SA", "FR"),
    ("Draps Elvagnac SAS", "FR"),
    ("Emballages Fourquevel SARL", "FR"),
    ("Farbenwerk Gintal GmbH", "DE"),
    ("Grains Hauterolle SAS", "FR"),
    ("Huiles Isancourt SA", "FR"),
    ("Instruments Jolivoix SAS", "FR"),
    ("Jouets Kervandal SARL", "FR"),
    ("Kettenbau Lorrhein GmbH", "DE"),
    ("Luminaires Mirandol-Est SAS", "FR"),
    ("Meules Nantuvelle SARL", "FR"),
    ("Noyers Orvaulac SAS", "FR"),
    ("Outillage Pervanchon SA", "FR"),
    ("Peintures Quincerval SARL", "FR"),
    ("Rubans Sauvelade SAS", "FR"),
    ("Selleries Tournevaux SARL", "FR"),
    ("Telas Umbría Seca SL", "ES"),
    ("Vernis Walcourtin SA", "FR"),
    ("Wagons Ysermont SAS", "FR"),
    ("Xérès Zamoral SL", "ES"),
    ("Ateliers Abrelune SAS", "FR"),
    ("Bâches Ciremont SARL", "FR"),
    ("Cordes Dunevel SAS", "FR"),
    ("Dentelles Eaurance SA", "FR"),
    ("Escaliers Flavinac SARL", "FR"),
    ("Fours Grandelande SAS", "FR"),
    ("Girouettes Hélicourt SARL", "FR"),
    ("Horlogerie Ispagneul SAS", "FR"),
];

impl Setup {
    /// A customer with thirty invented buyers, whose stories lie around `today`.
    ///
    /// Business unit `ACI`, policies 0090415, 0090416 (DCL) and 0090417 (CAP) in EUR, API key `sandbox-key`.
    #[must_use]
    pub fn demo(seed: u64, today: NaiveDate) -> Self {
        let buyers = BUYERS.iter().zip(0_u64..).map(|((name, country), index)| {
            let company_id = (90_004_001 + index * 53).to_string();
            let thousands = 5 + draw(seed, &company_id, 0, "demo amount", 60) * 5;
            let amount_minor = i64::try_from(thousands).unwrap_or(50) * 100_000;
            BuyerSetup {
                name: (*name).to_owned(),
                country: (*country).to_owned(),
                identifiers: identifiers(seed, &company_id, index, country),
                grade: u8::try_from(1 + draw(seed, &company_id, 0, "demo grade", 10)).unwrap_or(5),
                by_grade: index % 13 == 11,
                story: story(index % 13, amount_minor, today),
                company_id,
            }
        });
        Self {
            seed,
            today,
            business_unit: "ACI".to_owned(),
            policies: ["0090415", "0090416", "0090417"].map(str::to_owned),
            currency: "EUR".to_owned(),
            api_key: "sandbox-key".to_owned(),
            buyers: buyers.collect(),
            token_lifetime_seconds: 3_600,
            polls_max: 4,
            page_size_max: 5_000,
            webhook_header: "X-Callback".to_owned(),
            callback_milliseconds: 30_000,
        }
    }
}

/// One of thirteen stories around `today`; the last two are none, so that a first request finds buyers free.
fn story(which: u64, amount: i64, today: NaiveDate) -> Vec<Decision> {
    let layer =
        |amount_minor: i64, from: NaiveDate, until: Option<NaiveDate>| Layer { amount_minor, from, until };
    let decision = |on: NaiveDate, extension, verdict, requested_minor, layers| Decision {
        on,
        extension,
        verdict,
        requested_minor,
        layers,
    };
    let granted = |extension, days, amount| {
        let on = earlier(today, days);
        decision(on, extension, Verdict::Granted, amount, vec![layer(amount, on, None)])
    };
    let main = |days, amount| granted(Extension::Main, days, amount);
    let half = amount / 200_000 * 100_000;
    let soon = later(today, 12);
    match which {
        0 => vec![main(320, amount)],
        1 => {
            let on = earlier(today, 200);
            vec![decision(on, Extension::Main, Verdict::Granted, amount, vec![layer(half, on, None)])]
        }
        2 => vec![decision(earlier(today, 90), Extension::Main, Verdict::Refused, amount, Vec::new())],
        3 => vec![main(400, amount), granted(Extension::TopUp, 40, half)],
        4 => {
            let on = earlier(today, 50);
            let layers = vec![layer(amount, on, None), layer(half, on, Some(later(today, 40)))];
            vec![decision(on, Extension::Main, Verdict::Granted, amount + half, layers)]
        }
        5 => vec![
            main(500, amount),
            decision(soon, Extension::Main, Verdict::Granted, amount, vec![layer(half, soon, None)]),
        ],
        6 => vec![granted(Extension::Discretionary, 30, 1_000_000)],
        7 => vec![
            decision(earlier(today, 15), Extension::Main, Verdict::Refused, amount, Vec::new()),
            granted(Extension::TopUp, 10, 2_500_000),
        ],
        8 => vec![
            main(600, amount),
            decision(earlier(today, 20), Extension::Main, Verdict::Revoked, amount, Vec::new()),
        ],
        9 => vec![
            main(380, amount),
            granted(Extension::Discretionary, 100, 800_050),
            granted(Extension::TopUp, 20, half),
        ],
        10 => vec![main(60, amount), decision(soon, Extension::Main, Verdict::Revoked, amount, Vec::new())],
        _ => Vec::new(),
    }
}

/// Invented identifiers in the shape of their registries.
fn identifiers(seed: u64, company_id: &str, index: u64, country: &str) -> Vec<(String, String)> {
    let number = 100_000 + index * 2_000 + draw(seed, company_id, 0, "identifier", 2_000);
    match country {
        "FR" => vec![("SIREN".to_owned(), siren(&format!("{number:08}")))],
        "DE" => vec![("VAT".to_owned(), format!("DE{number:09}"))],
        _ => vec![("VAT".to_owned(), format!("ESB{number:08}"))],
    }
}

/// Eight digits and the ninth that makes the Luhn sum a multiple of ten.
fn siren(eight: &str) -> String {
    let sum: u32 = eight
        .chars()
        .zip([1, 2].into_iter().cycle())
        .filter_map(|(c, weight)| c.to_digit(10).map(|digit| digit * weight))
        .map(|product| product / 10 + product % 10)
        .sum();
    format!("{eight}{}", (10 - sum % 10) % 10)
}
