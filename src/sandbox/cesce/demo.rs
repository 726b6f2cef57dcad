//! The policyholder that `encours sandbox cesce` plays: invented companies and their stories.
//!
//! Every company is invented, and so is every number: they begin with zeros, where registries number nobody.

use chrono::{Days, NaiveDate};

use super::state::{Change, Debtor, Setup, Status, draw};

/// Invented names, with their country.
const DEBTORS: &[(&str, &str)] = &[
    ("Papelera Sierra Honda SL", "ES"),
    ("Azulejos Peñarrubia SL", "ES"),
    ("Tubos Marismela SA", "ES"),
    ("Hilaturas Brañaseca SA", "ES"),
    ("Conservas Ríoquedo SL", "ES"),
    ("Cartonnages Aubrelle SA", "FR"),
    ("Gráficas Río Tinaja SA", "ES"),
    ("Muebles Valdecarra SL", "ES"),
    ("Bodegas Cerrolobo SA", "ES"),
    ("Moldes Quintavar SL", "ES"),
    ("Scierie du Haut Varenne SAS", "FR"),
    ("Cerâmica Vale Sombrio Lda", "PT"),
    ("Envases Torremuria SA", "ES"),
    ("Ferretería Almoraz SL", "ES"),
    ("Plásticos Guadamiel SA", "ES"),
    ("Cortiças Monte Alvor Lda", "PT"),
    ("Lácteos Puertofrío SL", "ES"),
    ("Joints et Raccords Sablonnet SAS", "FR"),
    ("Recambios Hozalera SL", "ES"),
    ("Vidrios Campoluengo SA", "ES"),
    ("Calzados Arroyomorán SL", "ES"),
    ("Textiles Lloncada SA", "ES"),
    ("Maderas Fresnedosa SL", "ES"),
    ("Pinturas Altagredo SA", "ES"),
];

impl Setup {
    /// A contract with 24 invented debtors, whose stories lie around `today`.
    #[must_use]
    pub fn demo(seed: u64, today: NaiveDate) -> Self {
        let debtors = DEBTORS.iter().zip(0_u64..).map(|((name, country), index)| {
            let code = format!("D{:07}", 101 + index);
            let number = index * 3_000 + draw(seed, &code, 0, "tax code", 3_000);
            let amount = i64::try_from(1 + draw(seed, &code, 0, "demo amount", 40)).unwrap_or(1) * 500_000;
            Debtor {
                name: (*name).to_owned(),
                country: (*country).to_owned(),
                tax_code: match *country {
                    "FR" => siren(number),
                    "PT" => format!("{number:09}"),
                    _ => format!("B{number:08}"),
                },
                rating: u8::try_from(1 + draw(seed, &code, 0, "demo rating", 10)).unwrap_or(5),
                story: story(index % 8, amount, today),
                code,
            }
        });
        Self {
            seed,
            today,
            contract_no: "30004711".to_owned(),
            currency: "EUR".to_owned(),
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            username: "sandbox-user".to_owned(),
            password: "sandbox-password".to_owned(),
            token_lifetime_seconds: 3_600,
            debtors: debtors.collect(),
        }
    }
}

/// One of eight stories around `today`; the last two are none, so that a first request finds debtors free.
fn story(which: u64, amount_minor: i64, today: NaiveDate) -> Vec<Change> {
    let ago = |days| today.checked_sub_days(Days::new(days)).unwrap_or(today);
    let ahead = |days| today.checked_add_days(Days::new(days)).unwrap_or(today);
    let change = |on, status, amount_minor| Change {
        on,
        status,
        amount_minor,
        requested_minor: amount_minor,
        annul_on: None,
        last_day: None,
    };
    let granted = |days| change(ago(days), Status::InForce, amount_minor);
    match which {
        0 => vec![granted(300)],
        1 => vec![granted(200), change(ahead(3), Status::InForce, amount_minor / 2)],
        2 => vec![Change { requested_minor: amount_minor * 2, ..granted(120) }],
        3 => vec![
            granted(250),
            Change { annul_on: Some(ahead(35)), ..change(ahead(5), Status::Announced, amount_minor) },
        ],
        4 => vec![Change { last_day: Some(ahead(20)), ..granted(90) }],
        5 => vec![granted(400), change(ago(10), Status::Annulled, amount_minor)],
        _ => Vec::new(),
    }
}

/// A number of nine digits that passes the checksum of the French registry.
fn siren(number: u64) -> String {
    let eight = format!("{number:08}");
    let sum: u32 = eight
        .chars()
        .zip([1, 2].into_iter().cycle())
        .filter_map(|(digit, weight)| digit.to_digit(10).map(|digit| digit * weight))
        .map(|product| product / 10 + product % 10)
        .sum();
    format!("{eight}{}", (10 - sum % 10) % 10)
}
