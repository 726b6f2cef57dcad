//! The customer that `encours sandbox atradius` plays when it is given none: forty invented buyers and their stories.
//!
//! Every company is invented. A SIREN made here passes its checksum, as clients check it.
//! Invariant: the stories reach every decision code that the research lists, some in the past and some in days to come.

use chrono::NaiveDate;

use super::state::{
    BuyerSetup, Decision, DecisionCode, LayerSetup, Setup, draw, earlier, later, sample_conditions,
};

/// Invented names, with country and kind of identifier.
const BUYERS: &[(&str, &str, &str)] = &[
    ("Ateliers Morvan-Lestrade SAS", "FRA", "SN"),
    ("Boulonnerie du Val Secret SARL", "FRA", "SN"),
    ("Cartonnages Aubrelle SA", "FRA", "SN"),
    ("Distribution Pernelle et Fils SAS", "FRA", "SN"),
    ("Electro-Froid Castagnol SARL", "FRA", "SN"),
    ("Fonderies de la Brèche Noire SA", "FRA", "SN"),
    ("Galvanic Oberland GmbH", "DEU", "VAT"),
    ("Halvorsen Verpackung GmbH", "DEU", "VAT"),
    ("Imprimerie des Trois Gués SAS", "FRA", "SN"),
    ("Jardins de Corbenac SARL", "FRA", "SN"),
    ("Kestrel & Thorne Fittings Ltd", "GBR", "CR"),
    ("Laiteries Montfaucon-Réal SA", "FRA", "SN"),
    ("Menuiserie Quatrefeuille SARL", "FRA", "SN"),
    ("Négoce Atlantique Brivaux SAS", "FRA", "SN"),
    ("Optique Lamberval SAS", "FRA", "SN"),
    ("Papelera Sierra Honda SL", "ESP", "VAT"),
    ("Quincaillerie Desorme SARL", "FRA", "SN"),
    ("Rulmeca Fiorente Srl", "ITA", "VAT"),
    ("Scierie du Haut Varenne SAS", "FRA", "SN"),
    ("Transports Écluse Blanche SARL", "FRA", "SN"),
    ("Usinage Précis Tavernois SAS", "FRA", "SN"),
    ("Verreries Saint-Aubrac SA", "FRA", "SN"),
    ("Wautersen Logistiek NV", "BEL", "VAT"),
    ("Xylo Panneaux Ormesson SARL", "FRA", "SN"),
    ("Ysaline Cosmétique SAS", "FRA", "SN"),
    ("Zinguerie Paloumet SARL", "FRA", "SN"),
    ("Armatures Belcastel SAS", "FRA", "SN"),
    ("Bois et Dérivés Quérigut SA", "FRA", "SN"),
    ("Câblerie Vaudremont SAS", "FRA", "SN"),
    ("Dalles et Pavés Rochambot SARL", "FRA", "SN"),
    ("Etanchéité Lussagnet SAS", "FRA", "SN"),
    ("Filature Maurienne-Dorval SA", "FRA", "SN"),
    ("Gráficas Río Tinaja SA", "ESP", "VAT"),
    ("Hydraulique Champsecret SAS", "FRA", "SN"),
    ("Isolants Grandvelle SARL", "FRA", "SN"),
    ("Joints et Raccords Sablonnet SAS", "FRA", "SN"),
    ("Kolbenring Westertal GmbH", "DEU", "VAT"),
    ("Literie Bellegarenne SARL", "FRA", "SN"),
    ("Moulins de Fontvieille-Haute SA", "FRA", "SN"),
    ("Nautic Port-Lambert SAS", "FRA", "SN"),
];

impl Setup {
    /// A customer with forty invented buyers, whose stories lie around `today`.
    ///
    /// Customer 4100123, policy 900123 in EUR, client `sandbox-client` with secret `sandbox-secret`, key `sandbox-key`.
    #[must_use]
    pub fn demo(seed: u64, today: NaiveDate) -> Self {
        let buyers = BUYERS.iter().zip(0_u64..).map(|((name, country, uid_type), index)| {
            let buyer_id = 31_004_001 + index * 37;
            let amount = (5 + draw(seed, buyer_id, 0, "demo amount", 60)) * 5_000;
            BuyerSetup {
                buyer_id,
                name: (*name).to_owned(),
                country_alpha3: (*country).to_owned(),
                uid_type: (*uid_type).to_owned(),
                uid: (index % 11 != 9).then(|| uid(seed, buyer_id, index, country, uid_type)),
                rating: u8::try_from(5 + draw(seed, buyer_id, 0, "demo rating", 90)).unwrap_or(50),
                story: story(index % 14, amount, today),
            }
        });
        Self {
            seed,
            today,
            customer_id: 4_100_123,
            policy_id: "900123".to_owned(),
            policy_currency: "EUR".to_owned(),
            user_currency: user_currency(),
            user_percent: user_percent(),
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            app_key: "sandbox-key".to_owned(),
            buyers: buyers.collect(),
            token_lifetime_seconds: 1_800,
        }
    }
}

pub(super) fn user_currency() -> String {
    "DKK".to_owned()
}

/// As far from 100 as a krone is from a euro, so that reading the wrong one of the two amounts cannot pass unseen.
pub(super) const fn user_percent() -> u64 {
    746
}

/// One of fourteen stories around `today`; the last is none, so that a first request finds buyers free.
fn story(which: u64, amount: u64, today: NaiveDate) -> Vec<Decision> {
    let layer = |amount: u64, expiry: Option<NaiveDate>, conditions: usize| {
        let conditions = sample_conditions().take(conditions).collect();
        Some(LayerSetup { amount, expiry, conditions })
    };
    let decision = |on: NaiveDate, code, requested, first, second| Decision {
        on,
        code,
        requested,
        first,
        second,
        effective_from: on,
        withdrawal_date: None,
        pending_indicator: None,
    };
    let granted =
        |days| decision(earlier(today, days), DecisionCode::Dc01, amount, layer(amount, None, 0), None);
    let half = amount / 2 / 1_000 * 1_000;
    match which {
        0 => vec![granted(320)],
        1 => vec![decision(earlier(today, 200), DecisionCode::Dc04, amount, layer(half, None, 1), None)],
        2 => vec![decision(earlier(today, 90), DecisionCode::Dc03, amount, None, None)],
        3 => vec![granted(400), decision(earlier(today, 30), DecisionCode::Dc05, amount * 2, None, None)],
        4 => vec![decision(
            earlier(today, 50),
            DecisionCode::Dc02,
            amount + half,
            layer(amount, None, 2),
            layer(half, Some(later(today, 40)), 2),
        )],
        5 => vec![
            granted(500),
            Decision {
                withdrawal_date: Some(later(today, 40)),
                pending_indicator: Some("W".to_owned()),
                ..decision(later(today, 10), DecisionCode::Dc21, amount, None, None)
            },
        ],
        6 => vec![
            granted(250),
            decision(later(today, 20), DecisionCode::Dc09, amount, layer(half, None, 1), None),
        ],
        7 => vec![decision(earlier(today, 15), DecisionCode::Dc02, amount, layer(amount, None, 2), None)],
        8 => vec![granted(600), decision(earlier(today, 20), DecisionCode::Dc08, amount, None, None)],
        9 => vec![
            decision(earlier(today, 3), DecisionCode::Dc06, amount, layer(half, None, 1), None),
            decision(later(today, 15), DecisionCode::Dc04, amount, layer(half, None, 1), None),
        ],
        10 => vec![
            granted(380),
            decision(earlier(today, 100), DecisionCode::Dc10, amount, layer(amount, None, 1), None),
            decision(later(today, 5), DecisionCode::Dc11, amount, layer(amount, None, 0), None),
        ],
        11 => vec![Decision { pending_indicator: Some("C".to_owned()), ..granted(120) }],
        12 => vec![
            decision(earlier(today, 5), DecisionCode::Dc07, amount, None, None),
            decision(later(today, 3), DecisionCode::Dc01, amount, layer(amount, None, 0), None),
        ],
        _ => Vec::new(),
    }
}

/// An invented identifier in the shape of its registry.
///
/// They begin with zeros, where registries number nobody, so that none is a real company's.
fn uid(seed: u64, buyer_id: u64, index: u64, country: &str, uid_type: &str) -> String {
    let number = index * 2_000 + draw(seed, buyer_id, 0, "uid", 2_000);
    match (country, uid_type) {
        (_, "SN") => siren(&format!("{number:08}")),
        ("DEU", _) => format!("DE{number:09}"),
        ("ESP", _) => format!("ESB{number:08}"),
        ("ITA", _) => format!("IT{number:011}"),
        ("BEL", _) => format!("BE{number:010}"),
        (_, _) => format!("{number:08}"),
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
