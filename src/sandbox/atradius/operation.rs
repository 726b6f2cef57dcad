//! The operations of the interface, for scripting faults and reading the log of calls.

use crate::sandbox::fault::Calls;

/// An operation of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST /authenticate/v2/tokens`.
    Token,
    /// `GET …/buyers?country&uid&uidType`, which is billed.
    FindBuyer,
    /// `GET …/buyers/{buyerId}`.
    Buyer,
    /// `GET …/buyers/my-buyers`.
    MyBuyers,
    /// `GET …/covers`.
    Covers,
    /// `GET …/covers/decisions`.
    Decisions,
    /// `GET …/covers/applications`.
    Applications,
    /// `GET …/covers/historic`.
    Historic,
    /// `POST …/covers`.
    Apply,
    /// `PUT …/covers`.
    Change,
    /// `GET …/policies/details`.
    PolicyDetails,
    /// `POST` of a non-payment; its path is assumed.
    NonPayment,
    /// `GET` of the non-payments; its path is assumed.
    NonPayments,
}

impl Operation {
    /// The kind of call it is, in the words that all simulators share.
    #[must_use]
    pub const fn calls(self) -> Calls {
        match self {
            Self::Token => Calls::Token,
            Self::Apply | Self::Change | Self::NonPayment => Calls::Write,
            Self::FindBuyer
            | Self::Buyer
            | Self::MyBuyers
            | Self::Covers
            | Self::Decisions
            | Self::Applications
            | Self::Historic
            | Self::PolicyDetails
            | Self::NonPayments => Calls::Read,
        }
    }
}

/// What a fault spoils: one operation, or a kind of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// One operation.
    Operation(Operation),
    /// A kind of calls.
    Calls(Calls),
}

impl On {
    pub(super) fn fits(self, operation: Operation) -> bool {
        match self {
            Self::Operation(own) => own == operation,
            Self::Calls(Calls::Any) => true,
            Self::Calls(calls) => calls == operation.calls(),
        }
    }
}
