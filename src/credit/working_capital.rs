//! The working capital requirement (besoin en fonds de roulement, BFR) out of the balances of a whole French ledger.
//!
//! Every account goes to exactly one part by its first digits, counted or not, so that the parts together are the ledger:
//! their sum is debits less credits, which is zero, or the ledger is not whole and no figure is given. Stocks and claims
//! are gross: what depreciation takes off them (39, 49) is shown and not counted, since it is not money that is tied up.
//! Invariant: Σ of all parts = Σ debit − Σ credit = 0. Reference: Plan comptable général (ANC 2014-03), list of accounts;
//! shared rules, "Indicators".

use std::collections::BTreeMap;

use super::indicators::Language;
use super::{Error, add};
use crate::model::words;

words! {
    /// Where an account counts.
    Part {
        /// 3 but 39: stocks and work in progress.
        Stocks = "stocks",
        /// 41 but 419: what customers owe, invoiced or to be invoiced.
        Receivables = "receivables",
        /// 40 but 404, 405, 4084 and 409: what suppliers of the operation are owed.
        Payables = "payables",
        /// 419: advances of customers and credits owed to them.
        CustomerAdvances = "customer_advances",
        /// 409: advances to suppliers and credits owed by them.
        SupplierAdvances = "supplier_advances",
        /// Accounts of 42, 43 and 44 on their debit side, but those that are not operating.
        OperatingClaims = "operating_claims",
        /// The same on their credit side.
        OperatingDebts = "operating_debts",
        /// 486: charges paid for later.
        PrepaidCharges = "prepaid_charges",
        /// 487: income received for later.
        DeferredIncome = "deferred_income",
        /// 404, 405 and 4084: suppliers of fixed assets. Not counted.
        InvestmentSuppliers = "investment_suppliers",
        /// 39 and 49: depreciation of stocks and of claims. Not counted.
        Depreciation = "depreciation",
        /// 444 income tax, 4411 investment grants, 44562 VAT on fixed assets, 45, 46, 47 and the rest of 48. Not counted.
        OtherThirdParties = "other_third_parties",
        /// Classes 1, 2, 5, 6, 7, 8 and 9. Not counted.
        Elsewhere = "elsewhere",
        /// What is no account of the chart. Not counted, and told.
        NoAccount = "no_account",
    }
}

impl Part {
    /// Whether it is part of stocks + receivables − payables.
    #[must_use]
    pub const fn is_trade(self) -> bool {
        matches!(self, Self::Stocks | Self::Receivables | Self::Payables)
    }

    /// Whether it is part of the whole requirement.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        match self {
            Self::Stocks
            | Self::Receivables
            | Self::Payables
            | Self::CustomerAdvances
            | Self::SupplierAdvances
            | Self::OperatingClaims
            | Self::OperatingDebts
            | Self::PrepaidCharges
            | Self::DeferredIncome => true,
            Self::InvestmentSuppliers
            | Self::Depreciation
            | Self::OtherThirdParties
            | Self::Elsewhere
            | Self::NoAccount => false,
        }
    }

    /// The name and the accounts for people.
    #[must_use]
    pub const fn label(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Stocks, Language::English) => "stocks (3 but 39)",
            (Self::Stocks, Language::French) => "stocks et en-cours (3 hors 39)",
            (Self::Receivables, Language::English) => "customers (41 but 419)",
            (Self::Receivables, Language::French) => "clients (41 hors 419)",
            (Self::Payables, Language::English) => "suppliers (40 but 404, 405, 4084, 409)",
            (Self::Payables, Language::French) => "fournisseurs (40 hors 404, 405, 4084, 409)",
            (Self::CustomerAdvances, Language::English) => "customers in credit (419)",
            (Self::CustomerAdvances, Language::French) => "clients créditeurs (419)",
            (Self::SupplierAdvances, Language::English) => "suppliers in debit (409)",
            (Self::SupplierAdvances, Language::French) => "fournisseurs débiteurs (409)",
            (Self::OperatingClaims, Language::English) => "staff, social bodies, State: claims (42, 43, 44)",
            (Self::OperatingClaims, Language::French) => "personnel, sociaux, État : créances (42, 43, 44)",
            (Self::OperatingDebts, Language::English) => "staff, social bodies, State: debts (42, 43, 44)",
            (Self::OperatingDebts, Language::French) => "personnel, sociaux, État : dettes (42, 43, 44)",
            (Self::PrepaidCharges, Language::English) => "prepaid charges (486)",
            (Self::PrepaidCharges, Language::French) => "charges constatées d'avance (486)",
            (Self::DeferredIncome, Language::English) => "deferred income (487)",
            (Self::DeferredIncome, Language::French) => "produits constatés d'avance (487)",
            (Self::InvestmentSuppliers, Language::English) => "suppliers of fixed assets (404, 405, 4084)",
            (Self::InvestmentSuppliers, Language::French) => {
                "fournisseurs d'immobilisations (404, 405, 4084)"
            }
            (Self::Depreciation, Language::English) => "depreciation of stocks and claims (39, 49)",
            (Self::Depreciation, Language::French) => "dépréciations des stocks et des tiers (39, 49)",
            (Self::OtherThirdParties, Language::English) => {
                "income tax, investment grants and VAT, group, sundry (444, 4411, 44562, 45–48)"
            }
            (Self::OtherThirdParties, Language::French) => {
                "impôt sur les bénéfices, subventions et TVA d'investissement, groupe, divers (444, 4411, 44562, 45–48)"
            }
            (Self::Elsewhere, Language::English) => "classes 1, 2, 5, 6, 7, 8, 9",
            (Self::Elsewhere, Language::French) => "classes 1, 2, 5, 6, 7, 8, 9",
            (Self::NoAccount, Language::English) => "rows without an account of the chart",
            (Self::NoAccount, Language::French) => "lignes sans compte du plan",
        }
    }

    /// The part of an account, by the side that its balance is on.
    #[must_use]
    pub fn of(account: &str, balance_minor: i64) -> Self {
        let account = account.trim();
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| account.starts_with(prefix));
        if !account.starts_with(|first: char| first.is_ascii_digit() && first != '0') {
            Self::NoAccount
        } else if begins(&["39", "49"]) {
            Self::Depreciation
        } else if begins(&["3"]) {
            Self::Stocks
        } else if begins(&["419"]) {
            Self::CustomerAdvances
        } else if begins(&["41"]) {
            Self::Receivables
        } else if begins(&["404", "405", "4084"]) {
            Self::InvestmentSuppliers
        } else if begins(&["409"]) {
            Self::SupplierAdvances
        } else if begins(&["40"]) {
            Self::Payables
        } else if begins(&["444", "4411", "44562"]) {
            Self::OtherThirdParties
        } else if begins(&["42", "43", "44"]) {
            if balance_minor < 0 { Self::OperatingDebts } else { Self::OperatingClaims }
        } else if begins(&["486"]) {
            Self::PrepaidCharges
        } else if begins(&["487"]) {
            Self::DeferredIncome
        } else if begins(&["4"]) {
            Self::OtherThirdParties
        } else {
            Self::Elsewhere
        }
    }
}

/// An account's debits and credits, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance<'a> {
    /// The account's number.
    pub account: &'a str,
    /// Σ debit.
    pub debit_minor: i64,
    /// Σ credit.
    pub credit_minor: i64,
}

/// The requirement and all that it is made of; amounts are debit less credit, minor units, so a debt is below zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingCapital {
    /// Stocks + receivables − payables.
    pub trade_minor: i64,
    /// That and the other claims and debts of the operation.
    pub whole_minor: i64,
    /// Every part, in the order of [`Part::ALL`], zero included.
    pub parts: BTreeMap<Part, i64>,
    /// Σ debit of the ledger.
    pub debit_minor: i64,
    /// Σ credit of the ledger, equal to `debit_minor`.
    pub credit_minor: i64,
}

/// One sentence that says how both figures are reckoned.
#[must_use]
pub const fn definition(language: Language) -> &'static str {
    match language {
        Language::English => {
            "Stocks + receivables − payables by the accounts of the Plan comptable général, gross of depreciation; the whole \
             requirement adds advances (409, 419), claims and debts of 42, 43 and 44, prepaid charges and deferred income."
        }
        Language::French => {
            "Stocks + créances clients − dettes fournisseurs selon les comptes du Plan comptable général, avant \
             dépréciations ; le besoin complet y ajoute les avances (409, 419), les créances et dettes 42, 43 et 44, et les \
             charges et produits constatés d'avance."
        }
    }
}

/// Why there is no requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Debits are not credits, so something is missing.
    #[error(
        "debits and credits of the ledger differ by {difference_minor} minor units, so it is not whole; export it again"
    )]
    Unbalanced {
        /// Σ debit − Σ credit.
        difference_minor: i64,
    },
    /// A sum does not fit.
    #[error(transparent)]
    Sum(#[from] Error),
}

/// Sums the balances of a whole ledger into the working capital requirement. An account may stand in several rows.
///
/// # Errors
/// [`Refused::Unbalanced`] when debits are not credits, [`Refused::Sum`] when a sum does not fit 64 bits.
pub fn working_capital<'a>(
    balances: impl IntoIterator<Item = Balance<'a>>,
) -> Result<WorkingCapital, Refused> {
    let mut accounts: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let (mut debit_minor, mut credit_minor) = (0, 0);
    for balance in balances {
        let (debit, credit) = accounts.entry(balance.account.trim()).or_default();
        add(debit, balance.debit_minor, "the debits of an account")?;
        add(credit, balance.credit_minor, "the credits of an account")?;
        add(&mut debit_minor, balance.debit_minor, "debits")?;
        add(&mut credit_minor, balance.credit_minor, "credits")?;
    }
    let difference = debit_minor.checked_sub(credit_minor).ok_or(Error::Overflow { what: "debits" })?;
    if difference != 0 {
        return Err(Refused::Unbalanced { difference_minor: difference });
    }
    let mut parts: BTreeMap<Part, i64> = Part::ALL.iter().map(|part| (*part, 0)).collect();
    for (account, (debit, credit)) in accounts {
        let balance = debit.checked_sub(credit).ok_or(Error::Overflow { what: "a balance" })?;
        add(parts.entry(Part::of(account, balance)).or_default(), balance, "balances of accounts")?;
    }
    let (mut trade_minor, mut whole_minor) = (0, 0);
    for (part, minor) in &parts {
        if part.is_trade() {
            add(&mut trade_minor, *minor, "the requirement")?;
        }
        if part.is_counted() {
            add(&mut whole_minor, *minor, "the requirement")?;
        }
    }
    Ok(WorkingCapital { trade_minor, whole_minor, parts, debit_minor, credit_minor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn balances<'a>(rows: &'a [(&'a str, i64)]) -> impl Iterator<Item = Balance<'a>> {
        rows.iter().map(|(account, minor)| Balance {
            account,
            debit_minor: (*minor).max(0),
            credit_minor: (-*minor).max(0),
        })
    }

    #[test]
    fn a_company_with_every_kind_of_account_adds_up_by_hand() {
        let rows = [
            ("101000", -50_000),
            ("218300", 30_000),
            ("310000", 8_000),
            ("355000", 4_000),
            ("397000", -1_000),
            ("411000", 20_000),
            ("416000", 2_000),
            ("418100", 3_000),
            ("419100", -1_500),
            ("491000", -2_000),
            ("401000", -9_000),
            ("408100", -1_000),
            ("404000", -6_000),
            ("408400", -500),
            ("409100", 700),
            ("421000", -2_500),
            ("431000", -1_200),
            ("445660", 1_100),
            ("445710", -3_300),
            ("445620", 900),
            ("444000", -400),
            ("455000", -5_000),
            ("486000", 600),
            ("487000", -800),
            ("512000", 13_900),
        ];
        let got = working_capital(balances(&rows)).unwrap();
        // 12 000 stocks + 25 000 receivables − 10 000 payables
        assert_eq!(got.trade_minor, 27_000);
        // + 700 − 1 500, + 1 100 − 7 000 (2 500 + 1 200 + 3 300), + 600 − 800
        assert_eq!(got.whole_minor, 20_100);
        let seen: Vec<_> =
            got.parts.iter().filter(|(_, minor)| **minor != 0).map(|(part, minor)| (*part, *minor)).collect();
        assert_eq!(
            seen,
            [
                (Part::Stocks, 12_000),
                (Part::Receivables, 25_000),
                (Part::Payables, -10_000),
                (Part::CustomerAdvances, -1_500),
                (Part::SupplierAdvances, 700),
                (Part::OperatingClaims, 1_100),
                (Part::OperatingDebts, -7_000),
                (Part::PrepaidCharges, 600),
                (Part::DeferredIncome, -800),
                (Part::InvestmentSuppliers, -6_500),
                (Part::Depreciation, -3_000),
                (Part::OtherThirdParties, -4_500),
                (Part::Elsewhere, -6_100),
            ]
        );
    }

    #[test]
    fn a_ledger_that_does_not_balance_has_no_requirement() {
        let rows = [("411000", 100), ("707000", -99)];
        assert_eq!(working_capital(balances(&rows)), Err(Refused::Unbalanced { difference_minor: 1 }));
    }

    #[test]
    fn the_side_of_an_account_is_that_of_its_balance_not_of_a_row() {
        let rows = [("445510", 500), ("445510", -800), ("512000", 300)];
        let got = working_capital(balances(&rows)).unwrap();
        assert_eq!((got.parts[&Part::OperatingDebts], got.parts[&Part::OperatingClaims]), (-300, 0));
    }

    #[test]
    fn every_part_has_a_name_of_its_own_in_both_languages() {
        for language in Language::ALL {
            let names: std::collections::BTreeSet<&str> =
                Part::ALL.iter().map(|part| part.label(*language)).collect();
            assert_eq!(names.len(), Part::ALL.len());
            assert!(definition(*language).starts_with("Stocks + "), "{language:?}");
        }
        assert_ne!(definition(Language::English), definition(Language::French));
    }

    #[test]
    fn an_account_without_a_balance_is_a_claim() {
        assert_eq!(Part::of("421000", 0), Part::OperatingClaims);
        assert_eq!(Part::of("421000", -1), Part::OperatingDebts);
    }

    #[test]
    fn what_is_no_account_is_told_and_not_counted() {
        let rows = [("", 100), ("CLIENT", 50), ("512000", -150)];
        let got = working_capital(balances(&rows)).unwrap();
        assert_eq!((got.parts[&Part::NoAccount], got.whole_minor), (150, 0));
    }

    proptest! {
        #[test]
        fn the_parts_are_the_ledger_whatever_the_order(
            (rows, shuffled) in prop::collection::vec(("[1-8][0-9]{2,5}", -1_000_000_i64..1_000_000), 1..40)
                .prop_map(|mut rows| {
                    let sum: i64 = rows.iter().map(|(_, minor)| minor).sum();
                    rows.push(("512000".to_owned(), -sum));
                    rows
                })
                .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))
        ) {
            fn view(rows: &[(String, i64)]) -> Vec<(&str, i64)> {
                rows.iter().map(|(account, minor)| (account.as_str(), *minor)).collect()
            }
            let got = working_capital(balances(&view(&rows))).unwrap();
            prop_assert_eq!(&got, &working_capital(balances(&view(&shuffled))).unwrap());
            prop_assert_eq!(got.parts.values().sum::<i64>(), 0);
            let left: i64 = got.parts.iter().filter(|(part, _)| !part.is_counted()).map(|(_, minor)| minor).sum();
            prop_assert_eq!(got.whole_minor, -left);
        }
    }
}
