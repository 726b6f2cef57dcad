//! What factors state of assigned documents.

use super::super::target::{FACTOR_LINE, index_of};
use super::{Sheet, field};
use crate::model::{FactorLine, FactorState};

impl<'a, 'm: 'a> Sheet<'a, 'm> {
    pub(super) fn factor_line(&mut self) -> Option<FactorLine> {
        let contract = self.owned(field!(FACTOR_LINE, "contract"));
        let number = self.owned(field!(FACTOR_LINE, "number"));
        let currency = self.currency();
        let amount_minor = self.money(field!(FACTOR_LINE, "amount"));
        let state = match self.code(field!(FACTOR_LINE, "state")) {
            Some(Ok(word)) => FactorState::parse(&word).unwrap_or(FactorState::Unknown),
            Some(Err(_)) => FactorState::Unknown,
            None => {
                self.fault(field!(FACTOR_LINE, "state"), "is missing");
                return None;
            }
        };
        let financed_minor = self.money(field!(FACTOR_LINE, "financed"));
        let holdback_minor = self.money(field!(FACTOR_LINE, "holdback"));
        let reason = self.owned(field!(FACTOR_LINE, "reason"));
        let date = self.date(field!(FACTOR_LINE, "date"));
        Some(FactorLine {
            contract,
            number: number?,
            currency: currency?,
            // Some statements write credit notes with a minus; which way a document counts is known from its assignment.
            amount_minor: amount_minor?.checked_abs()?,
            state,
            financed_minor: financed_minor.and_then(i64::checked_abs),
            holdback_minor: holdback_minor.and_then(i64::checked_abs),
            reason,
            date,
        })
    }
}
