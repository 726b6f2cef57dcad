//! Accounts of an ERP and the legal buyers behind them.
//!
//! Cover belongs to a legal entity, never to a name. Two accounts share a buyer only when a sound registry identifier, the
//! insurer's own id or a person says so. Reference: shared rules, "Who is who".

use super::{Currency, Identifier, Scheme, words};

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
    /// Street and number, where the source states an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// Postcode of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// Town of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub town: Option<String>,
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

words! {
    /// What a link is of.
    LinkKind {
        /// An account of an ERP.
        Account = "account",
        /// A buyer as an insurer knows it.
        InsurerBuyer = "insurer_buyer",
    }
}

words! {
    /// Why an account, or an insurer's buyer, is a legal buyer. The first that holds decides.
    LinkReason {
        /// A person said so.
        Person = "person",
        /// The insurer's own id of the buyer, stored in an ERP.
        InsurerId = "insurer_id",
        /// The same SIREN.
        Siren = "siren",
        /// The SIREN within a SIRET: a branch belongs to its company.
        Siret = "siret",
        /// The same VAT number, or the SIREN within a French one.
        Vat = "vat",
        /// The same LEI.
        Lei = "lei",
        /// The same number in the register of one country.
        Registration = "registration",
    }
}

/// The legal buyer that registry identifiers lead to, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The buyer.
    pub buyer: BuyerId,
    /// Which identifier says so.
    pub reason: LinkReason,
    /// The same in words.
    pub detail: String,
}

/// The legal buyer behind registry identifiers: by SIREN, SIRET, VAT, LEI, registration, in this order; none without a
/// sound one, so that a typing error never joins two companies.
#[must_use]
pub fn identify(country: &str, identifiers: &[Identifier]) -> Option<Identity> {
    let of = |scheme: Scheme| identifiers.iter().filter(move |id| id.scheme == scheme);
    let within = |scheme: Scheme, reason: LinkReason| {
        let (id, siren) = of(scheme).find_map(|id| Some((id, id.siren()?)))?;
        let detail = match reason {
            LinkReason::Siret => format!("SIRET {}, a branch of SIREN {}", id.value, siren.value),
            LinkReason::Vat => format!("VAT {}, which holds SIREN {}", id.value, siren.value),
            LinkReason::Person
            | LinkReason::InsurerId
            | LinkReason::Siren
            | LinkReason::Lei
            | LinkReason::Registration => format!("SIREN {}", siren.value),
        };
        Some(Identity { buyer: format!("{}:{}", siren.scheme, siren.value), reason, detail })
    };
    let whole = |scheme: Scheme, reason: LinkReason| {
        let id = of(scheme).find(|id| id.is_sound())?;
        let detail = format!("{} {}", scheme.as_str().to_uppercase(), id.value);
        Some(if scheme == Scheme::Registration {
            let detail = format!("registration {} of {country}", id.value);
            Identity { buyer: format!("registration:{country}:{}", id.value), reason, detail }
        } else {
            Identity { buyer: format!("{scheme}:{}", id.value), reason, detail }
        })
    };
    within(Scheme::Siren, LinkReason::Siren)
        .or_else(|| within(Scheme::Siret, LinkReason::Siret))
        .or_else(|| within(Scheme::Vat, LinkReason::Vat))
        .or_else(|| whole(Scheme::Vat, LinkReason::Vat))
        .or_else(|| whole(Scheme::Lei, LinkReason::Lei))
        .or_else(|| whole(Scheme::Registration, LinkReason::Registration))
}

/// The buyer that an account is when nothing says more.
#[must_use]
pub fn own_buyer_id(connection: &str, external_id: &str) -> BuyerId {
    format!("account:{connection}:{external_id}")
}

/// The legal buyer behind an account, as far as its own record tells: by [`identify`], else the account itself.
#[must_use]
pub fn buyer_id_of(connection: &str, account: &Account) -> BuyerId {
    identify(&account.country, &account.identifiers)
        .map_or_else(|| own_buyer_id(connection, &account.external_id), |identity| identity.buyer)
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
            street: None,
            postcode: None,
            town: None,
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

    #[test]
    fn a_branch_is_its_company_and_says_so() {
        let branch = account(&[(Scheme::Siret, "404 833 048 00022"), (Scheme::Lei, "529900T8BM49AURSDO55")]);
        let identity = identify(&branch.country, &branch.identifiers).unwrap();
        assert_eq!((identity.buyer.as_str(), identity.reason), ("siren:404833048", LinkReason::Siret));
        assert_eq!(identity.detail, "SIRET 40483304800022, a branch of SIREN 404833048");
    }

    #[test]
    fn the_cascade_goes_from_siren_to_registration() {
        let all = [
            (Scheme::Registration, "HRB 1"),
            (Scheme::Lei, "529900T8BM49AURSDO55"),
            (Scheme::Vat, "DE136695976"),
            (Scheme::Siren, "404833048"),
        ];
        let reasons: Vec<LinkReason> = (0..all.len())
            .map(|first| {
                let account = account(all.get(..=first).unwrap());
                identify("DE", &account.identifiers).unwrap().reason
            })
            .collect();
        use LinkReason::{Lei, Registration, Siren, Vat};
        assert_eq!(reasons, [Registration, Lei, Vat, Siren]);
        assert_eq!(identify("DE", &[]), None);
    }
}
