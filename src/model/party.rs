//! Accounts of an ERP and the legal buyers behind them.
//!
//! Cover belongs to a legal entity, never to a name. Two accounts share a buyer only when a sound registry identifier
//! says so. Reference: shared rules, "Words".

use super::{Currency, Identifier, Scheme};

/// The key of a legal buyer, the same on every machine: `siren:404833048`, `vat:DE136695976` or, where no registry
/// number is known, `account:<connection>:<external id>`.
pub type BuyerId = String;

/// One customer record of one ERP.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Account {
    /// The source's own key, text for ever.
    pub external_id: String,
    /// The code people use.
    pub code: String,
    /// Name as the ERP has it.
    pub name: String,
    /// ISO 3166 alpha-2, empty when unknown.
    pub country: String,
    /// Registry identifiers, sound or not.
    pub identifiers: Vec<Identifier>,
    /// The insurer's own id of this buyer, where the ERP stores one: (insurer connection or empty, id).
    pub insurer_buyer_id: Option<String>,
    /// The credit limit that the ERP holds, minor units; `None` when it holds none.
    pub limit_minor: Option<i64>,
    /// Currency of that limit.
    pub limit_currency: Option<Currency>,
    /// Payment terms in days, where the ERP states them.
    pub terms_days: Option<i64>,
    /// The ERP blocks deliveries.
    pub blocked: bool,
}

/// The legal buyer behind an account: by SIREN, else VAT, else LEI, else registration, else the account itself.
///
/// Only sound identifiers count, so that a typing error never joins two companies.
#[must_use]
pub fn buyer_id_of(connection: &str, account: &Account) -> BuyerId {
    let siren = account.identifiers.iter().find_map(Identifier::siren);
    let other = || {
        [Scheme::Vat, Scheme::Lei, Scheme::Registration].iter().find_map(|scheme| {
            account.identifiers.iter().find(|id| id.scheme == *scheme && id.is_sound()).cloned()
        })
    };
    match siren.or_else(other) {
        Some(id) if id.scheme == Scheme::Registration => {
            format!("registration:{}:{}", account.country, id.value)
        }
        Some(id) => format!("{}:{}", id.scheme, id.value),
        None => format!("account:{connection}:{}", account.external_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(identifiers: &[(Scheme, &str)]) -> Account {
        Account {
            external_id: "00012".into(),
            code: "00012".into(),
            name: "Exemple".into(),
            country: "FR".into(),
            identifiers: identifiers.iter().filter_map(|(s, v)| Identifier::new(*s, v)).collect(),
            insurer_buyer_id: None,
            limit_minor: None,
            limit_currency: None,
            terms_days: None,
            blocked: false,
        }
    }

    #[test]
    fn siret_siren_and_french_vat_lead_to_one_buyer() {
        let by_siren = buyer_id_of("erp", &account(&[(Scheme::Siren, "404 833 048")]));
        assert_eq!(by_siren, "siren:404833048");
        assert_eq!(buyer_id_of("crm", &account(&[(Scheme::Vat, "FR83404833048")])), by_siren);
    }

    #[test]
    fn a_wrong_digit_joins_nobody() {
        assert_eq!(buyer_id_of("erp", &account(&[(Scheme::Siren, "404 833 049")])), "account:erp:00012");
    }

    #[test]
    fn a_foreign_vat_number_is_an_identity() {
        assert_eq!(buyer_id_of("erp", &account(&[(Scheme::Vat, "DE136695976")])), "vat:DE136695976");
    }
}
