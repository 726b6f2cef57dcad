//! A contract and buyers that the tests of this floor share.

use rust_decimal::Decimal;

use crate::model::{AssignedBuyer, Contract, ContractBuyer, Currency, Identifier, Market, Scheme};

/// An invented buyer in France; `B1` is the one that the contract knows.
pub fn buyer(code: &str) -> AssignedBuyer {
    let siren = match code {
        "B1" => "404833048",
        "B2" => "005520135",
        other => other,
    };
    AssignedBuyer {
        id: format!("siren:{siren}"),
        code: code.to_owned(),
        name: format!("Exemple {code} SAS"),
        country: "FR".to_owned(),
        street: None,
        postcode: None,
        town: None,
        identifiers: Identifier::new(Scheme::Siren, siren).into_iter().filter(Identifier::is_sound).collect(),
        factor_id: None,
        market: Market::Domestic,
    }
}

/// A contract in euros: 10 % holdback, no fee, from 100.00 on, French buyers, nothing that is overdue.
pub fn contract() -> Contract {
    Contract {
        number: "12345".to_owned(),
        factor: "Exemple Factor".to_owned(),
        connection: "factor".to_owned(),
        answers: None,
        bank: None,
        companies: vec!["acme".to_owned()],
        currencies: vec![Currency::EUR],
        country: "FR".to_owned(),
        countries: vec!["FR".to_owned()],
        valid_from: "2026-01-01".parse().unwrap(),
        valid_to: None,
        max_days_overdue: 0,
        recourse_days: Some(60),
        minimum: [(Currency::EUR, 10_000)].into(),
        excluded_buyers: Vec::new(),
        buyers: vec![ContractBuyer {
            buyer: buyer("B1").id,
            factor_id: None,
            approval: None,
            holdback_percent: None,
        }],
        any_buyer: false,
        approval_required: false,
        holdback_percent: Decimal::TEN,
        fee_percent: Decimal::ZERO,
        fee_tax_percent: Decimal::ZERO,
        concentration_percent: None,
        first_batch: 1,
        last_batch: None,
        four_eyes: true,
        approvers: Vec::new(),
        e_invoicing: None,
        receipt: None,
    }
}
