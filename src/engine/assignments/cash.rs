//! What the factor has paid by the bank, against what was expected of all batches and what the factor says.
//!
//! A credit of a factor mixes batches, releases and fees, so it is never matched with single invoices: only totals are compared, and what
//! differs is shown. Reference: shared rules, "Factoring".

use std::collections::{BTreeMap, BTreeSet};

use super::{Comparison, Error};
use crate::engine::Setup;
use crate::ledger::Tx;
use crate::model::{CashDirection, Currency, Date};

/// Totals in one currency, minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CashTotals {
    /// What was expected to be paid for all batches that were sent.
    pub expected_minor: i64,
    /// What the factor says that it has paid for documents, where it says so.
    pub stated_minor: Option<i64>,
    /// Paid into the account, reversals of debits with it.
    pub credited_minor: i64,
    /// Taken from it, reversals of credits with it.
    pub debited_minor: i64,
    /// How many entries there are.
    pub entries: u64,
}

impl CashTotals {
    const fn is_nothing(&self) -> bool {
        self.entries == 0 && self.expected_minor == 0 && matches!(self.stated_minor, None | Some(0))
    }

    /// What has come in all.
    #[must_use]
    pub const fn net_minor(&self) -> i64 {
        self.credited_minor.saturating_sub(self.debited_minor)
    }
}

/// A bank connection that contracts name, with what it says of their factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cash {
    /// The connection.
    pub connection: String,
    /// The contracts that name it.
    pub contracts: Vec<String>,
    /// The first and the last day on which something was booked.
    pub days: Option<(Date, Date)>,
    /// By currency.
    pub totals: BTreeMap<Currency, CashTotals>,
}

/// What every bank connection that a contract names says, beside what is expected of its contracts.
///
/// # Errors
/// [`Error`]: what the ledger says.
pub async fn cash(tx: &mut Tx<'_>, setup: &Setup, compared: &[Comparison]) -> Result<Vec<Cash>, Error> {
    let banks: BTreeSet<&str> = setup.contracts.iter().filter_map(|own| own.bank.as_deref()).collect();
    let mut all = Vec::new();
    for bank in banks {
        let mut own =
            Cash { connection: bank.to_owned(), contracts: Vec::new(), days: None, totals: BTreeMap::new() };
        let contracts = setup
            .contracts
            .iter()
            .zip(compared)
            .filter(|(contract, _)| contract.bank.as_deref() == Some(bank));
        for (contract, compared) in contracts {
            own.contracts.push(contract.number.clone());
            for (currency, minor) in &compared.expected {
                let totals = own.totals.entry(*currency).or_default();
                totals.expected_minor = totals.expected_minor.saturating_add(*minor);
            }
            for (currency, counted) in
                compared.totals.iter().filter(|(_, counted)| counted.paid.documents > 0)
            {
                let totals = own.totals.entry(*currency).or_default();
                let before = totals.stated_minor.unwrap_or_default();
                totals.stated_minor = Some(before.saturating_add(counted.paid.stated_minor));
            }
        }
        for row in tx.factor_cash(bank).await? {
            let entry = row.payload.0;
            let totals = own.totals.entry(entry.currency).or_default();
            let side = match entry.direction {
                CashDirection::Credit => &mut totals.credited_minor,
                CashDirection::Debit => &mut totals.debited_minor,
            };
            *side = side.saturating_add(entry.amount_minor);
            totals.entries += 1;
            let (first, last) = own.days.unwrap_or((entry.booked, entry.booked));
            own.days = Some((first.min(entry.booked), last.max(entry.booked)));
        }
        own.totals.retain(|_, totals| !totals.is_nothing());
        all.push(own);
    }
    Ok(all)
}
