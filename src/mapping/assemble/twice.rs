//! Amounts that a record states twice: in its own currency, and as they are in a second one.
//!
//! Invariant: nothing here converts, adds up or rounds; what is not stated stays unknown.

use super::super::target::OTHER_CURRENCY;
use super::{NO_CURRENCY, Sheet};
use crate::model::{Currency, InOtherCurrency};

/// The second currency of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Other {
    /// None is stated.
    Unstated,
    /// What is stated is none; the fault is noted.
    Unreadable,
    /// This one.
    Stated(Currency),
}

impl<'a, 'm: 'a> Sheet<'a, 'm> {
    /// The second currency in which a record states its amounts.
    pub(super) fn other_currency(&mut self, index: usize) -> Other {
        let Some(code) = self.text(index) else { return Other::Unstated };
        match Currency::parse(&code).filter(|currency| currency.code() != NO_CURRENCY) {
            Some(currency) => Other::Stated(currency),
            None => {
                self.fault(index, format!("\"{code}\" is not an ISO 4217 currency"));
                Other::Unreadable
            }
        }
    }

    /// An amount in the second currency, as it is stated.
    pub(super) fn other_money(&mut self, index: usize, other: Other) -> Option<i64> {
        let text = self.text(index);
        let rule = self.rule(index)?;
        let minus = rule.minus.as_ref().and_then(|reference| self.at(reference));
        let stated = text.as_ref().or(minus.as_ref())?;
        match other {
            Other::Stated(currency) => self.sum(index, text, minus, currency),
            Other::Unreadable => None,
            Other::Unstated => {
                let reason =
                    format!("\"{stated}\" is stated without its currency: {OTHER_CURRENCY} is empty");
                self.fault(index, reason);
                None
            }
        }
    }

    /// What a record states in a second currency beside its own; `same` tells whether that is all it states in its own.
    ///
    /// In one and the same currency the second amounts say nothing, unless they contradict the first.
    pub(super) fn in_other_currency(
        &mut self,
        index: usize,
        other: Other,
        stated: impl FnOnce(Currency) -> InOtherCurrency,
        same: impl FnOnce(&InOtherCurrency) -> bool,
    ) -> Option<InOtherCurrency> {
        let Other::Stated(currency) = other else { return None };
        let stated = stated(currency);
        if stated.amount_minor.is_none() && stated.requested_minor.is_none() && stated.layers.is_empty() {
            if self.faults.is_empty() {
                self.fault(index, format!("{currency} is stated without an amount in it"));
            }
            return None;
        }
        if self.currency != Ok(currency) {
            return Some(stated);
        }
        if !same(&stated) {
            self.fault(
                index,
                format!("{currency} is the record's own currency, and the amounts in it are stated twice and differ"),
            );
        }
        None
    }
}
