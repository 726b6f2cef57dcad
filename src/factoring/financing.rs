//! What the factor pays for a document, and what it keeps back.
//!
//! `amount = available + fee + tax on the fee + holdback + excess`, for every document, signed: a credit note takes all of its parts
//! back. The excess is what would be financed beyond what the factor approves for the buyer, or beyond the buyer's share of all
//! that is assigned. Percentages are rounded half to even. Reference: shared rules, "Factoring", example E.

use std::collections::BTreeMap;

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use super::Error;
use crate::model::{BuyerId, Contract, Currency, DocumentKind, words};

/// What is assigned of a buyer and not paid, and what is held of it, minor units of one currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Assigned and not paid.
    pub balance_minor: i64,
    /// Held as a guarantee.
    pub holdback_minor: i64,
    /// Held because it is beyond a limit.
    pub excess_minor: i64,
}

/// The positions of all buyers of a contract in one currency.
pub type Positions = BTreeMap<BuyerId, Position>;

words! {
    /// Which limit an excess is beyond.
    Bound {
        /// What the factor approves for the buyer.
        Approval = "approval",
        /// The share of all that is assigned which one buyer may have.
        Concentration = "concentration",
    }
}

/// What may be financed on a buyer, minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// What the factor approves; none where it states no limit.
    pub approval_minor: Option<i64>,
    /// The buyer's share of all that is assigned; none where the contract has none.
    pub concentration_minor: Option<i64>,
}

impl Limits {
    /// The lower one, and which it is.
    fn lowest(self) -> Option<(i64, Bound)> {
        let approval = self.approval_minor.map(|minor| (minor, Bound::Approval));
        let concentration = self.concentration_minor.map(|minor| (minor, Bound::Concentration));
        approval.into_iter().chain(concentration).min()
    }
}

/// What becomes of one document. Signed: negative for what a credit note takes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Financed {
    /// The amount, minor units; negative for a credit note.
    pub amount_minor: i64,
    /// The commission.
    pub fee_minor: i64,
    /// Tax on the commission.
    pub fee_tax_minor: i64,
    /// Kept as a guarantee.
    pub holdback_minor: i64,
    /// Kept because it is beyond a limit.
    pub excess_minor: i64,
    /// What the factor pays.
    pub available_minor: i64,
    /// Which limit the excess is beyond.
    pub bound: Option<Bound>,
}

/// `amount × percent / 100` of minor units, rounded half to even.
fn percent_of(amount_minor: i64, percent: Decimal) -> Option<i64> {
    let part = Decimal::from(amount_minor).checked_mul(percent)?.checked_div(Decimal::ONE_HUNDRED)?;
    part.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven).to_i64()
}

/// What has to be held of a buyer in all so that no more than the lowest limit is financed, and which limit that is.
fn beyond(balance_minor: i64, guarantee_minor: i64, limits: Limits) -> Option<(i64, Option<Bound>)> {
    let Some((limit, bound)) = limits.lowest() else { return Some((0, None)) };
    let beyond = balance_minor.checked_sub(limit)?.checked_sub(guarantee_minor)?;
    Some(if beyond > 0 { (beyond, Some(bound)) } else { (0, None) })
}

/// What the factor pays for a document where its buyer stands as it does, and how the buyer stands then. None where a sum does not
/// fit.
///
/// The commission is on invoices alone: it is earned once, and a credit note does not give it back. What is held already is set
/// free only by what lowers the balance.
fn financed(
    kind: DocumentKind,
    amount_minor: i64,
    contract: &Contract,
    buyer: &str,
    limits: Limits,
    before: Position,
) -> Option<(Financed, Position)> {
    if kind == DocumentKind::Dispute {
        return Some((Financed::default(), before));
    }
    let amount = amount_minor.checked_mul(kind.sign())?;
    let is_invoice = kind == DocumentKind::Invoice;
    let fee = if is_invoice { percent_of(amount, contract.fee_percent)? } else { 0 };
    let tax = percent_of(fee, contract.fee_tax_percent)?;
    // No more of the guarantee is given back than there is.
    let holdback = percent_of(amount, contract.holdback_of(buyer))?.max(-before.holdback_minor);
    let balance_minor = before.balance_minor.checked_add(amount)?;
    let holdback_minor = before.holdback_minor.checked_add(holdback)?;
    let (needed, bound) = beyond(balance_minor, holdback_minor, limits)?;
    let more = needed.checked_sub(before.excess_minor)?;
    let excess = if is_invoice { more.checked_sub(fee)?.checked_sub(tax)?.max(0) } else { more.min(0) };
    let kept = fee.checked_add(tax)?.checked_add(holdback)?.checked_add(excess)?;
    let financed = Financed {
        amount_minor: amount,
        fee_minor: fee,
        fee_tax_minor: tax,
        holdback_minor: holdback,
        excess_minor: excess,
        available_minor: amount.checked_sub(kept)?,
        bound: bound.filter(|_| excess > 0),
    };
    let excess_minor = before.excess_minor.checked_add(excess)?;
    Some((financed, Position { balance_minor, holdback_minor, excess_minor }))
}

impl Position {
    /// How a buyer stands, from what is owed of its documents and what was held of them: no more of the excess is held than is
    /// needed. None where a sum does not fit.
    #[must_use]
    pub fn standing(owed: Self, limits: Limits) -> Option<Self> {
        let (needed, _) = beyond(owed.balance_minor, owed.holdback_minor, limits)?;
        Some(Self { excess_minor: owed.excess_minor.min(needed), ..owed })
    }
}

/// What the factor approves for a buyer; none where it states no limit. An approval in other currencies is nothing in this one.
#[must_use]
pub fn approval(contract: &Contract, buyer: &str, currency: Currency) -> Option<i64> {
    let by_currency = contract.buyer(buyer)?.approval.as_ref()?;
    Some(by_currency.get(&currency).copied().unwrap_or_default())
}

/// One document that is to be financed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due<'a> {
    /// What it is.
    pub kind: DocumentKind,
    /// The legal buyer.
    pub buyer: &'a str,
    /// Its amount, minor units.
    pub amount_minor: i64,
}

/// What the factor pays for the documents of a batch, one after the other, and how the buyers stand then.
///
/// # Errors
/// [`Error::Overflow`].
pub fn finance(
    documents: &[Due<'_>],
    contract: &Contract,
    currency: Currency,
    positions: &mut Positions,
) -> Result<Vec<Financed>, Error> {
    let overflow = || Error::Overflow { contract: contract.number.clone() };
    let concentration_minor = concentration(documents, contract, positions).ok_or_else(overflow)?;
    let mut all = Vec::with_capacity(documents.len());
    for document in documents {
        let approval_minor = approval(contract, document.buyer, currency);
        let limits = Limits { approval_minor, concentration_minor };
        let position = positions.entry(document.buyer.to_owned()).or_default();
        let (financed, after) =
            financed(document.kind, document.amount_minor, contract, document.buyer, limits, *position)
                .ok_or_else(overflow)?;
        *position = after;
        all.push(financed);
    }
    Ok(all)
}

/// The share of all that is assigned, this batch included, which one buyer may have; `None` within where the contract has none.
fn concentration(documents: &[Due<'_>], contract: &Contract, positions: &Positions) -> Option<Option<i64>> {
    let Some(percent) = contract.concentration_percent else { return Some(None) };
    let before = positions.values().try_fold(0_i64, |sum, own| sum.checked_add(own.balance_minor))?;
    let all = documents
        .iter()
        .try_fold(before, |sum, own| sum.checked_add(own.amount_minor.checked_mul(own.kind.sign())?))?;
    percent_of(all.max(0), percent).map(Some)
}

impl Financed {
    /// The sum of two; `None` when one does not fit. What bound them is not one thing any more.
    #[must_use]
    pub fn plus(self, other: &Self) -> Option<Self> {
        Some(Self {
            amount_minor: self.amount_minor.checked_add(other.amount_minor)?,
            fee_minor: self.fee_minor.checked_add(other.fee_minor)?,
            fee_tax_minor: self.fee_tax_minor.checked_add(other.fee_tax_minor)?,
            holdback_minor: self.holdback_minor.checked_add(other.holdback_minor)?,
            excess_minor: self.excess_minor.checked_add(other.excess_minor)?,
            available_minor: self.available_minor.checked_add(other.available_minor)?,
            bound: None,
        })
    }
}

/// What the factor sets free when it is paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Released {
    /// Of the guarantee.
    pub holdback_minor: i64,
    /// Of what was held because it was beyond a limit.
    pub excess_minor: i64,
}

/// What is set free when an amount of an invoice is paid, with what is held as a guarantee on it; brings the position up to date.
///
/// # Errors
/// [`Error::Overflow`].
pub fn release(
    paid_minor: i64,
    holdback_minor: i64,
    contract: &Contract,
    limits: Limits,
    position: &mut Position,
) -> Result<Released, Error> {
    let reckon = || {
        let balance = position.balance_minor.checked_sub(paid_minor)?;
        let guarantee = position.holdback_minor.checked_sub(holdback_minor)?;
        let (needed, _) = beyond(balance, guarantee, limits)?;
        let excess = position.excess_minor.checked_sub(needed)?.max(0);
        let after = Position {
            balance_minor: balance,
            holdback_minor: guarantee,
            excess_minor: position.excess_minor - excess,
        };
        Some((Released { holdback_minor, excess_minor: excess }, after))
    };
    let (released, after) = reckon().ok_or_else(|| Error::Overflow { contract: contract.number.clone() })?;
    *position = after;
    Ok(released)
}

#[cfg(test)]
mod tests;
