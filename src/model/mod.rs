//! The words of the field as types: what is owed, by whom, and what an insurer answers for it.
//!
//! Nothing here reads a clock, a file or a database. Every type can be built in a test from plain values.
//! Invariant: money is an integer of minor units beside its currency, and identifiers are text.

mod assignment;
mod breaks;
mod contract;
mod delta;
mod effect;
mod factor_approval;
mod factor_cash;
mod factor_line;
mod group;
mod identifier;
mod item;
mod limit;
mod money;
mod order;
mod party;
mod policy;
mod rating;

pub use assignment::{AssignedBuyer, AssignedDocument, BatchHead, ControlTotals, DocumentKind, Market};
pub use breaks::{Break, BreakKind};
pub use contract::{Amounts, Contract, ContractBuyer, EInvoicing, LifecycleStatus, ReceiptTerms};
pub use delta::{Delta, Event};
pub use effect::{Action, Approval, Effect, EffectKind, EffectState};
pub use factor_approval::{ApprovalState, FactorApproval};
pub use factor_cash::{CashDirection, FactorCash};
pub use factor_line::{FactorLine, FactorState, Listing};
pub use group::{Groups, NAMED, Owner};
pub use identifier::{Identifier, Scheme, iban_is_sound};
pub use item::{Allocation, Instalment, Item, ItemKind, net_minor, share_minor};
pub use limit::{Condition, Decision, InOtherCurrency, Layer, LayerKind, Limit, LimitRequest, RequestStatus};
pub use money::{Currency, Money, MoneyError, NumberStyle, parse_minor, render_minor};
pub use order::Order;
pub use party::{Account, BuyerId, Identity, LinkKind, LinkReason, buyer_id_of, identify, own_buyer_id};
pub use policy::{
    Automation, AutomationRule, Basis, Block, BuyerKind, ClaimFrom, ClaimRule, DiscretionaryRule,
    ExcludedBuyer, Exclusion, Fees, LayerTerm, NoticeFrom, NoticeRule, Policy, Report, RequestRule,
    StatementMethod, StatementRule, StopLifts, StopRule, Threshold, ThresholdPer, WhenEnded,
};
pub use rating::Rating;

/// A calendar date without a zone. Everything that depends on "today" takes it as an argument.
pub type Date = chrono::NaiveDate;

/// An instant in UTC, always taken from [`crate::clock`] at the edge and passed in.
pub type Instant = chrono::DateTime<chrono::Utc>;

/// Lists every variant of a two-way text enum, so that the text in code, SQL, JSON and documents is one.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every value, in the order of the definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The one spelling used in the ledger, in messages and in mappings.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the spelling back; `None` when it is not one of ours.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| {
                    let known = Self::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", ");
                    serde::de::Error::custom(format!("unknown value \"{text}\", expected one of: {known}"))
                })
            }
        }
    };
}
pub(crate) use words;
