//! The terms of a factoring contract.
//!
//! Values belong to the contract, never to code. Amounts are given by currency, because a contract may have several and
//! nothing is converted. Reference: shared rules, "Factoring".

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{BuyerId, Currency, Date, ExcludedBuyer, Market, words};

/// Amounts by currency, minor units.
pub type Amounts = BTreeMap<Currency, i64>;

/// A buyer that the factor knows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ContractBuyer {
    /// The legal buyer.
    pub buyer: BuyerId,
    /// What the factor calls it; none where it goes by its registry number.
    pub factor_id: Option<String>,
    /// What the factor approves, by currency; none where it states no limit.
    pub approval: Option<Amounts>,
    /// What is kept of its invoices, in percent, where that is not the contract's.
    pub holdback_percent: Option<Decimal>,
}

words! {
    /// The statuses of the French life cycle of invoices (AFNOR XP Z12-012) that factoring has.
    LifecycleStatus {
        /// The invoice is assigned, and the buyer is told whom to pay.
        Factored = "225",
        /// The invoice is assigned, and only the factor is told.
        FactoredConfidentially = "226",
        /// The buyer is told of another account, without a reason.
        AccountChanged = "227",
        /// The invoice is not assigned any more: the seller's account again.
        NotFactored = "228",
    }
}

/// What the platforms of the e-invoicing reform are told of assigned invoices.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EInvoicing {
    /// The status of an invoice that is assigned: 225, 226 or 227.
    pub status: LifecycleStatus,
    /// The factor's account.
    pub iban: String,
    /// Its bank.
    pub bic: Option<String>,
    /// Its holder.
    pub holder: String,
}

/// The subrogation receipt that comes with each batch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReceiptTerms {
    /// The factor's words, with places for `{company}`, `{factor}`, `{contract}`, `{batch}` and `{amount}`; neutral ones without.
    pub clause: Option<String>,
}

/// A factoring contract.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Contract {
    /// The contract's number at the factor.
    pub number: String,
    /// The factor, as people call it.
    pub factor: String,
    /// The connection with the factor, which has the layout of the files and the way that they take.
    pub connection: String,
    /// The connection with which the factor's answers are read; that of the files without it.
    #[serde(default)]
    pub answers: Option<String>,
    /// The bank connection that tells what the factor pays.
    #[serde(default)]
    pub bank: Option<String>,
    /// The companies whose invoices it takes.
    pub companies: Vec<String>,
    /// Its currencies. A batch is of one of them.
    pub currencies: Vec<Currency>,
    /// The country that counts as domestic, ISO 3166 alpha-2.
    pub country: String,
    /// Countries whose buyers it takes; all when empty.
    pub countries: Vec<String>,
    /// First day on which documents may be dated.
    pub valid_from: Date,
    /// Last day on which a batch may be made, where it has one.
    pub valid_to: Option<Date>,
    /// Days past due up to which an invoice may still be assigned; 0: not once it is overdue.
    pub max_days_overdue: i64,
    /// Days past due after which the factor takes its financing back; none without recourse.
    pub recourse_days: Option<i64>,
    /// Invoices below are not assigned, by currency.
    pub minimum: Amounts,
    /// Buyers that are not assigned, and why.
    pub excluded_buyers: Vec<ExcludedBuyer>,
    /// Buyers that the factor knows.
    pub buyers: Vec<ContractBuyer>,
    /// Every buyer may be assigned, not only those listed.
    pub any_buyer: bool,
    /// An invoice of a buyer without an approved amount is not assigned.
    pub approval_required: bool,
    /// What the factor keeps as a guarantee, in percent of the amount.
    pub holdback_percent: Decimal,
    /// The factoring commission, in percent of the amount of invoices.
    pub fee_percent: Decimal,
    /// Tax on the commission, in percent of it.
    pub fee_tax_percent: Decimal,
    /// What of all that is assigned one buyer may owe and be financed, in percent.
    pub concentration_percent: Option<Decimal>,
    /// The number of the first batch that Encours makes.
    pub first_batch: i64,
    /// The highest number that the factor's form holds, where it does.
    pub last_batch: Option<i64>,
    /// Another person than the one who made a batch approves it.
    pub four_eyes: bool,
    /// Persons who may approve; anybody when empty.
    pub approvers: Vec<String>,
    /// What the platforms of the e-invoicing reform are told; nothing without it.
    pub e_invoicing: Option<EInvoicing>,
    /// The receipt that is made with each batch; none without it.
    #[serde(default)]
    pub receipt: Option<ReceiptTerms>,
}

impl Contract {
    /// The connection with which the factor's answers are read.
    #[must_use]
    pub fn answers(&self) -> &str {
        self.answers.as_deref().unwrap_or(&self.connection)
    }

    /// Where a buyer of a country is.
    #[must_use]
    pub fn market(&self, country: &str) -> Market {
        if country == self.country { Market::Domestic } else { Market::Export }
    }

    /// The factor's knowledge of a buyer.
    #[must_use]
    pub fn buyer(&self, buyer: &str) -> Option<&ContractBuyer> {
        self.buyers.iter().find(|known| known.buyer == buyer)
    }

    /// What the factor keeps of a buyer's invoices, in percent.
    #[must_use]
    pub fn holdback_of(&self, buyer: &str) -> Decimal {
        self.buyer(buyer).and_then(|known| known.holdback_percent).unwrap_or(self.holdback_percent)
    }
}
