//! What a buyer owes, how much of it the insurer answers for, and the figures that are told of both.
//!
//! All are functions of values to values: the date comes in, reasons go out beside the figures. Amounts are integers
//! of minor units and every sum is checked, so a figure is right or it is an error, never wrapped.
//! Reference: shared rules, "Exposure", "Cover of each invoice" and "Indicators".

pub mod case;
pub mod clause;
mod cover;
pub mod deadline;
pub mod discretionary;
mod exposure;
pub mod indicators;
pub mod plan;
mod pool;
pub mod replay;
pub mod statement;
mod stop;
pub mod working_capital;

pub use cover::{
    CapReason, Cover, LimitAt, LimitHistory, LimitVersion, Line, Part, Reason, Stack, Terms, allocate,
};
pub use discretionary::{Computed, Experience};
pub use exposure::{Exposure, NetExposure, OpenItem, exposures, net_exposure};
pub use pool::{Share, allocate_pool};
pub use stop::{Lift, Lifted, Stop, Stops, after_credits, extension_end};

use rust_decimal::Decimal;

use crate::model::Currency;

/// Why a figure cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A sum of amounts does not fit 64 bits.
    #[error("the sum of {what} exceeds 64 bits; look for an amount read with a wrong scale")]
    Overflow {
        /// What was summed.
        what: &'static str,
    },
    /// An open amount is below zero, though the sign comes from the kind of the item.
    #[error("item {id} is open by {minor} minor units; an item that counts the other way needs another kind")]
    NegativeItem {
        /// The source's key of the item.
        id: String,
        /// The amount found.
        minor: i64,
    },
    /// A layer of a limit is below zero.
    #[error("a limit has a layer of {minor} minor units; correct the mapping of its amounts")]
    NegativeLayer {
        /// The amount found.
        minor: i64,
    },
    /// A limit is not in the currency that the policy counts in.
    #[error(
        "limit {reference} is in {found}, the policy counts in {expected}; correct the policy's currency"
    )]
    LimitCurrency {
        /// The insurer's reference of the limit.
        reference: String,
        /// The limit's currency.
        found: Currency,
        /// The policy's currency.
        expected: Currency,
    },
    /// The insured percentage of the policy period is no percentage.
    #[error("the insured percentage {0} is not between 0 and 100; correct the policy period")]
    Percentage(Decimal),
}

/// Adds `amount` to `sum`, or says what would not fit.
fn add(sum: &mut i64, amount: i64, what: &'static str) -> Result<(), Error> {
    *sum = sum.checked_add(amount).ok_or(Error::Overflow { what })?;
    Ok(())
}
