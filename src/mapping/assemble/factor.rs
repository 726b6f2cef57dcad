//! What factors state of assigned documents and of buyers, and what banks say of their payments.

use super::super::target::{APPROVAL, FACTOR_CASH, FACTOR_LINE, index_of};
use super::{Sheet, field};
use crate::model::{
    ApprovalState, CashDirection, FactorApproval, FactorCash, FactorLine, FactorState, Identifier, Scheme,
};

impl<'a, 'm: 'a> Sheet<'a, 'm> {
    pub(super) fn factor_line(&mut self) -> Option<FactorLine> {
        let contract = self.owned(field!(FACTOR_LINE, "contract"));
        let number = self.owned(field!(FACTOR_LINE, "number"));
        let currency = self.currency();
        let amount_minor = self.money(field!(FACTOR_LINE, "amount"));
        let state = match self.code(field!(FACTOR_LINE, "state")) {
            Some(Ok(word)) => FactorState::parse(&word).unwrap_or(FactorState::Unknown),
            // Where there is none, that is a fault already.
            Some(Err(_)) | None => FactorState::Unknown,
        };
        let financed_minor = self.money(field!(FACTOR_LINE, "financed"));
        let holdback_minor = self.money(field!(FACTOR_LINE, "holdback"));
        let released_minor = self.money(field!(FACTOR_LINE, "released"));
        let fee_minor = self.money(field!(FACTOR_LINE, "fee"));
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
            released_minor: released_minor.and_then(i64::checked_abs),
            fee_minor: fee_minor.and_then(i64::checked_abs),
            reason,
            date,
        })
    }

    pub(super) fn approval(&mut self) -> Option<FactorApproval> {
        let contract = self.owned(field!(APPROVAL, "contract"));
        let factor_id = self.owned(field!(APPROVAL, "factor_id"));
        let numbers = [
            (field!(APPROVAL, "siren"), Scheme::Siren),
            (field!(APPROVAL, "siret"), Scheme::Siret),
            (field!(APPROVAL, "vat"), Scheme::Vat),
            (field!(APPROVAL, "lei"), Scheme::Lei),
        ];
        let identifiers = self.identifiers(&numbers, field!(APPROVAL, "identifiers"));
        if factor_id.is_none() && !identifiers.iter().any(Identifier::is_sound) {
            let told =
                "is empty, and no registry number with sound check digits is given: whose approval is it?";
            self.fault(field!(APPROVAL, "factor_id"), told);
        }
        let buyer_name = self.owned(field!(APPROVAL, "buyer_name")).unwrap_or_default();
        let currency = self.currency();
        let state = match self.code(field!(APPROVAL, "state")) {
            Some(Ok(word)) => ApprovalState::parse(&word).unwrap_or(ApprovalState::Unknown),
            Some(Err(_)) => ApprovalState::Unknown,
            None => ApprovalState::Granted,
        };
        let faults = self.faults.len();
        let amount = self.money(field!(APPROVAL, "amount"));
        if amount.is_some_and(|minor| minor < 0) {
            self.fault(field!(APPROVAL, "amount"), "is negative");
        }
        if state == ApprovalState::Granted && amount.is_none() && self.faults.len() == faults {
            self.fault(field!(APPROVAL, "amount"), "is empty");
        }
        let (from, to) = (self.date(field!(APPROVAL, "from")), self.date(field!(APPROVAL, "to")));
        if let (Some(first), Some(last)) = (from, to)
            && last < first
        {
            self.fault(field!(APPROVAL, "to"), format!("is {last}, before it begins on {first}"));
        }
        let date = self.date(field!(APPROVAL, "date"));
        let reason = self.owned(field!(APPROVAL, "reason"));
        Some(FactorApproval {
            contract,
            factor_id,
            identifiers,
            buyer_name,
            currency: currency?,
            amount_minor: if state == ApprovalState::Granted { amount? } else { 0 },
            state,
            from,
            to,
            date,
            reason,
        })
    }

    pub(super) fn factor_cash(&mut self) -> Option<FactorCash> {
        let account = self.owned(field!(FACTOR_CASH, "account"));
        let reference = self.owned(field!(FACTOR_CASH, "reference"));
        let currency = self.currency();
        let amount = self.money(field!(FACTOR_CASH, "amount"));
        if amount.is_some_and(|minor| minor < 0) {
            self.fault(field!(FACTOR_CASH, "amount"), "is negative: the direction says which way it went");
        }
        let direction = match self.code(field!(FACTOR_CASH, "direction")) {
            Some(Ok(word)) => CashDirection::parse(&word),
            Some(Err(word)) => {
                // Without its direction an amount can be added to nothing.
                self.fault(field!(FACTOR_CASH, "direction"), format!("\"{word}\" is not in the mapping"));
                None
            }
            None => None,
        };
        let reversal = self.flag(field!(FACTOR_CASH, "reversal"));
        let (booked, valued) =
            (self.date(field!(FACTOR_CASH, "booked")), self.date(field!(FACTOR_CASH, "valued")));
        let party = self.owned(field!(FACTOR_CASH, "party")).unwrap_or_default();
        let text = self.owned(field!(FACTOR_CASH, "text"));
        Some(FactorCash {
            account: account?,
            reference,
            currency: currency?,
            amount_minor: amount?,
            direction: direction?,
            reversal,
            booked: booked?,
            valued,
            party,
            text,
        })
    }
}
