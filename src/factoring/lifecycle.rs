//! The statuses of the French life cycle of invoices that factoring has, 225 to 228.
//!
//! Which status an invoice should have follows from the contract, from whether the factor has it, and from what the factor said of it;
//! 228 takes back only what was said before. Reference: AFNOR XP Z12-012, as several implementations have it; shared rules, "Factoring".

use crate::model::{FactorState, LifecycleStatus};

/// The status that an assigned invoice should have; none where nothing has to be said of it.
#[must_use]
pub const fn lifecycle(
    contract: LifecycleStatus,
    is_sent: bool,
    state: Option<FactorState>,
    before: Option<LifecycleStatus>,
) -> Option<LifecycleStatus> {
    match state {
        // The factor has nothing to do with it: the buyer pays the seller.
        Some(FactorState::Rejected | FactorState::Definanced) => match before {
            Some(_) => Some(LifecycleStatus::NotFactored),
            None => None,
        },
        // Nobody has to pay it any more.
        Some(FactorState::Paid) => before,
        Some(
            FactorState::Received | FactorState::Accepted | FactorState::Financed | FactorState::Unknown,
        )
        | None => {
            if is_sent {
                Some(contract)
            } else {
                before
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LifecycleStatus::{Factored, FactoredConfidentially, NotFactored};

    #[test]
    fn an_invoice_is_factored_once_the_factor_has_it() {
        assert_eq!(lifecycle(Factored, false, None, None), None);
        assert_eq!(lifecycle(Factored, true, None, None), Some(Factored));
        assert_eq!(lifecycle(FactoredConfidentially, true, None, None), Some(FactoredConfidentially));
        for state in
            [FactorState::Received, FactorState::Accepted, FactorState::Financed, FactorState::Unknown]
        {
            assert_eq!(lifecycle(Factored, true, Some(state), Some(Factored)), Some(Factored), "{state}");
        }
    }

    #[test]
    fn what_the_factor_does_not_have_goes_back_to_the_seller_where_something_was_said() {
        for state in [FactorState::Rejected, FactorState::Definanced] {
            assert_eq!(lifecycle(Factored, true, Some(state), Some(Factored)), Some(NotFactored), "{state}");
            assert_eq!(
                lifecycle(Factored, true, Some(state), Some(NotFactored)),
                Some(NotFactored),
                "{state}"
            );
            assert_eq!(lifecycle(Factored, true, Some(state), None), None, "{state}");
        }
        assert_eq!(
            lifecycle(Factored, true, Some(FactorState::Accepted), Some(NotFactored)),
            Some(Factored),
            "the factor took it after all"
        );
    }

    #[test]
    fn what_is_paid_stays_as_it_was() {
        assert_eq!(lifecycle(Factored, true, Some(FactorState::Paid), Some(Factored)), Some(Factored));
        assert_eq!(lifecycle(Factored, true, Some(FactorState::Paid), None), None);
    }
}
