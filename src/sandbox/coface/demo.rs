//! The policyholder that `encours sandbox coface` plays when it is given none: invented buyers and their stories.
//!
//! Every company is invented. A SIREN made here passes its checksum, as clients check it.
//! Invariant: the stories reach every product and every decision, some in the past and some in days to come.

use chrono::NaiveDate;

use super::state::{BuyerSetup, Decision, DecisionCode, Part, Product, Setup, draw, earlier, later};

/// Invented names, with country (alpha-2, alpha-3) and kind of identifier.
const BUYERS: &[(&str, &str, &str, &str)] = &[
    ("Abattoirs du Pré Vaucelin SAS", "FR", "FRA", "SIREN"),
    ("Bétons Courcelange SARL", "FR", "FRA", "SIREN"),
    ("Confiserie Trémouillac SA", "FR", "FRA", "SIREN"),
    ("Drogherie Pontelago Srl", "IT", "ITA", "VAT"),
    ("Emballages Rochefeuil SAS", "FR", "FRA", "SIREN"),
    ("Feinblech Altmoorau GmbH", "DE", "DEU", "VAT"),
    ("Grainetier Hautmarsol SARL", "FR", "FRA", "SIREN"),
    ("Horlogerie Vallombray SA", "FR", "FRA", "SIREN"),
    ("Impresión Valdecarzana SL", "ES", "ESP", "VAT"),
    ("Jouets Bois-Minguet SAS", "FR", "FRA", "SIREN"),
    ("Kaolin d'Estrabelle SARL", "FR", "FRA", "SIREN"),
    ("Lavanderie Borgosereno Srl", "IT", "ITA", "VAT"),
    ("Métallerie Chauvignac SAS", "FR", "FRA", "SIREN"),
    ("Noix et Fruits Larzabeau SARL", "FR", "FRA", "SIREN"),
    ("Outillage Perrevaux SA", "FR", "FRA", "SIREN"),
    ("Plastiques Sorgueville SAS", "FR", "FRA", "SIREN"),
    ("Quartz et Silices Monteyral SARL", "FR", "FRA", "SIREN"),
    ("Robinetterie Clairvieux SAS", "FR", "FRA", "SIREN"),
    ("Schuhfabrik Nordenwald GmbH", "DE", "DEU", "VAT"),
    ("Tonnellerie Bassegrange SA", "FR", "FRA", "SIREN"),
    ("Urnes et Marbres Delauzet SARL", "FR", "FRA", "SIREN"),
    ("Vernis Fontargent SAS", "FR", "FRA", "SIREN"),
    ("Wagonnage Trois-Rivets SA", "FR", "FRA", "SIREN"),
    ("Yourtes et Toiles Aubersac SARL", "FR", "FRA", "SIREN"),
    ("Zingueur Pellegarde SARL", "FR", "FRA", "SIREN"),
    ("Ardoises Morlezan SAS", "FR", "FRA", "SIREN"),
    ("Biscuiterie Quatrelieues SA", "FR", "FRA", "SIREN"),
    ("Cordages Plouverzic SAS", "FR", "FRA", "SIREN"),
];

impl Setup {
    /// A policyholder with invented buyers, whose stories lie around `today`.
    ///
    /// Policy `0070412` in EUR, user `sandbox-user` with password `sandbox-password`, key `sandbox-key`.
    #[must_use]
    pub fn demo(seed: u64, today: NaiveDate) -> Self {
        let buyers = BUYERS.iter().zip(1_u64..).map(|((name, country, alpha3, kind), index)| {
            let easy_number = format!("{:014}", 41_000_000 + index * 1_009);
            let amount = (5 + draw(seed, &easy_number, 0, "demo amount", 30)) * 4_000;
            let story = story(index % 14, amount, today);
            let dra = match index % 14 {
                2 => 2,  // the refused one
                13 => 0, // one that no longer exists for the information service
                _ => u8::try_from(3 + draw(seed, &easy_number, 0, "demo dra", 8)).unwrap_or(5),
            };
            BuyerSetup {
                icon_number: (140_000_000 + index * 733).to_string(),
                company_id: format!("5a1dbb0c-0000-4000-8000-{:012}", index * 1_009),
                name: (*name).to_owned(),
                country: (*country).to_owned(),
                country_alpha3: (*alpha3).to_owned(),
                identifier_type: (*kind).to_owned(),
                identifier: (index % 11 != 9).then(|| identifier(index, alpha3)),
                dra,
                story,
                easy_number,
            }
        });
        Self {
            seed,
            today,
            policy: "0070412".to_owned(),
            currency: "EUR".to_owned(),
            username: "sandbox-user".to_owned(),
            password: "sandbox-password".to_owned(),
            api_key: "sandbox-key".to_owned(),
            buyers: buyers.collect(),
            token_lifetime_seconds: 3_600,
        }
    }
}

/// One of fourteen stories around `today`; two of them are none, so that a first request finds buyers free.
fn story(which: u64, amount: u64, today: NaiveDate) -> Vec<Decision> {
    let part = |product, amount, until| Part { product, amount, until };
    let named = |amount| vec![part(Product::Agreement, amount, None)];
    let decision = |on: NaiveDate, code, requested, parts, reasons: &[&str]| Decision {
        on,
        code,
        requested,
        parts,
        reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        withdrawal_on: None,
    };
    let granted = |days| decision(earlier(today, days), DecisionCode::Agreed, amount, named(amount), &[]);
    let half = amount / 2;
    match which {
        1 => vec![granted(320)],
        2 => vec![decision(earlier(today, 90), DecisionCode::Refused, amount, Vec::new(), &["AA04", "CA06"])],
        3 => {
            vec![decision(earlier(today, 200), DecisionCode::Partial, amount, named(half), &["AA14", "EA21"])]
        }
        4 => vec![decision(
            earlier(today, 50),
            DecisionCode::Agreed,
            amount + half,
            vec![
                part(Product::Agreement, amount, None),
                part(Product::Agreement, half, Some(later(today, 40))),
            ],
            &[],
        )],
        5 => vec![
            granted(300),
            decision(
                earlier(today, 12),
                DecisionCode::Agreed,
                amount + half,
                vec![
                    part(Product::Agreement, amount, None),
                    part(Product::TopLiner, half, Some(later(today, 60))),
                ],
                &[],
            ),
        ],
        6 => vec![decision(
            earlier(today, 30),
            DecisionCode::Agreed,
            15_000,
            vec![part(Product::RatingLimit, 15_000, None)],
            &[],
        )],
        7 => vec![decision(
            earlier(today, 15),
            DecisionCode::Agreed,
            20_000,
            vec![part(Product::Express, 20_000, Some(later(today, 75)))],
            &[],
        )],
        8 => vec![
            granted(400),
            decision(
                earlier(today, 30),
                DecisionCode::IncreaseRefused,
                amount * 2,
                Vec::new(),
                &["AB09", "EA03"],
            ),
        ],
        9 => vec![
            granted(500),
            Decision {
                withdrawal_on: Some(later(today, 40)),
                ..decision(later(today, 10), DecisionCode::WithdrawalNotice, amount, Vec::new(), &["BA06"])
            },
        ],
        10 => vec![
            granted(250),
            decision(later(today, 20), DecisionCode::Reduced, amount, named(half), &["BA03"]),
        ],
        11 => vec![
            granted(600),
            Decision {
                withdrawal_on: Some(earlier(today, 20)),
                ..decision(earlier(today, 20), DecisionCode::Withdrawn, amount, Vec::new(), &["CA07"])
            },
        ],
        12 => vec![decision(
            earlier(today, 120),
            DecisionCode::Agreed,
            amount,
            vec![part(Product::Agreement, amount, Some(earlier(today, 5)))],
            &[],
        )],
        _ => Vec::new(),
    }
}

/// An invented identifier in the shape of its registry; they begin with zeros, where registries number nobody.
fn identifier(index: u64, country: &str) -> String {
    let number = index * 2_003;
    match country {
        "FRA" => siren(&format!("{number:08}")),
        "DEU" => format!("DE{number:09}"),
        "ESP" => format!("ESB{number:08}"),
        _ => format!("IT{number:011}"),
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
