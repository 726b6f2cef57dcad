//! The operations of both interfaces, for scripting faults and reading the log of calls.

use crate::sandbox::fault::Calls;

/// An operation of the insurance interface, or of the information interface where it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST /authentication/v1/token`, of both.
    Token,
    /// `GET /companies/identifier`.
    Company,
    /// `GET /products`.
    Portfolio,
    /// `GET /products/orders`.
    Orders,
    /// `POST /products/orders`.
    Order,
    /// `DELETE /products/orders/{deliveryId}`.
    WithdrawOrder,
    /// `GET /products/deliveries/{deliveryId}`.
    Delivery,
    /// `GET /notifications`.
    Notifications,
    /// `GET /overdues`.
    Overdues,
    /// `POST /overdues`.
    Overdue,
    /// `GET /policy`.
    Policy,
    /// Information: `GET …/companies`.
    IconCompanies,
    /// Information: `POST …/publications/orders`.
    IconOrder,
    /// Information: `GET …/publications/orders`.
    IconOrders,
    /// Information: `GET …/publications`.
    IconContent,
    /// Information: `POST …/monitorings/orders`.
    IconMonitor,
    /// Information: `GET …/monitorings/{id}`.
    IconMonitoring,
    /// Information: `GET …/notifications`.
    IconNotifications,
}

impl Operation {
    /// The kind of call it is, in the words that all simulators share.
    #[must_use]
    pub const fn calls(self) -> Calls {
        match self {
            Self::Token => Calls::Token,
            Self::Order | Self::WithdrawOrder | Self::Overdue | Self::IconOrder | Self::IconMonitor => {
                Calls::Write
            }
            Self::Company
            | Self::Portfolio
            | Self::Orders
            | Self::Delivery
            | Self::Notifications
            | Self::Overdues
            | Self::Policy
            | Self::IconCompanies
            | Self::IconOrders
            | Self::IconContent
            | Self::IconMonitoring
            | Self::IconNotifications => Calls::Read,
        }
    }

    /// Whether it belongs to the information interface, which knows no policy.
    pub(super) const fn is_information(self) -> bool {
        match self {
            Self::IconCompanies
            | Self::IconOrder
            | Self::IconOrders
            | Self::IconContent
            | Self::IconMonitor
            | Self::IconMonitoring
            | Self::IconNotifications => true,
            Self::Token
            | Self::Company
            | Self::Portfolio
            | Self::Orders
            | Self::Order
            | Self::WithdrawOrder
            | Self::Delivery
            | Self::Notifications
            | Self::Overdues
            | Self::Overdue
            | Self::Policy => false,
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
