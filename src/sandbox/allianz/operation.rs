//! The operations of the interface and the paths under which each environment has them.
//!
//! The test environment is not production under another host: every service has a prefix of its own there.

use axum::http::Method;

use crate::sandbox::fault::Calls;

/// An operation of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST /v1/idp/oauth2/authorize`.
    Token,
    /// `POST /search/v2/companies/matching`.
    Match,
    /// `POST /company-referential/v1/companies/list`.
    Companies,
    /// `POST /riskinfo/v3/covers/search`.
    Covers,
    /// `GET /riskinfo/v3/covers/{coverId}`.
    Cover,
    /// `POST /riskinfo/v3/coverRequests/search`.
    Requests,
    /// `GET /riskinfo/v3/jobs/{jobId}`.
    Job,
    /// `POST /riskinfo/v3/covers`.
    Request,
    /// `DELETE /riskinfo/v3/covers/{coverId}`; the path is assumed.
    CancelCover,
    /// `DELETE /riskinfo/v3/coverRequests/{requestId}`; the path is assumed.
    WithdrawRequest,
    /// `POST /payment-overdues/v1/overdues`; the path is assumed.
    Overdue,
}

impl Operation {
    /// The kind of call it is, in the words that all simulators share.
    #[must_use]
    pub const fn calls(self) -> Calls {
        match self {
            Self::Token => Calls::Token,
            Self::Request | Self::CancelCover | Self::WithdrawRequest | Self::Overdue => Calls::Write,
            Self::Match | Self::Companies | Self::Covers | Self::Cover | Self::Requests | Self::Job => {
                Calls::Read
            }
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

/// Which of the insurer's two systems a path belongs to. A token of one is worth nothing in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Production.
    Production,
    /// User acceptance tests.
    Uat,
}

impl Environment {
    /// Where its covers, requests and jobs are.
    #[must_use]
    pub const fn risk(self) -> &'static str {
        match self {
            Self::Production => "/riskinfo/v3",
            Self::Uat => "/uatm/riskinfo/v3",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Idp,
    Risk,
    Search,
    Referential,
    Overdues,
}

const PREFIXES: &[(Environment, Service, &str)] = &[
    (Environment::Production, Service::Idp, "/v1/idp"),
    (Environment::Production, Service::Risk, "/riskinfo/v3"),
    (Environment::Production, Service::Search, "/search/v2"),
    (Environment::Production, Service::Referential, "/company-referential/v1"),
    (Environment::Production, Service::Overdues, "/payment-overdues/v1"),
    (Environment::Uat, Service::Idp, "/uatm/v1/idp"),
    (Environment::Uat, Service::Risk, "/uatm/riskinfo/v3"),
    (Environment::Uat, Service::Search, "/search/uatm-v2"),
    (Environment::Uat, Service::Referential, "/company-referential/uatm-v1"),
    (Environment::Uat, Service::Overdues, "/payment-overdues/uatm-v1"),
];

/// Where a call leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub environment: Environment,
    pub operation: Operation,
    /// The last step of the path, where it is an id.
    pub id: String,
}

/// What the gateway makes of a method and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Route(Route),
    WrongMethod,
    Nothing,
}

pub(super) fn find(method: &Method, path: &str) -> Found {
    for (environment, service, prefix) in PREFIXES {
        let Some(rest) = path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')) else { continue };
        let candidates = within(*service, rest);
        if candidates.is_empty() {
            continue;
        }
        return match candidates.into_iter().find(|(known, _, _)| known == method) {
            Some((_, operation, id)) => {
                Found::Route(Route { environment: *environment, operation, id: id.to_owned() })
            }
            None => Found::WrongMethod,
        };
    }
    Found::Nothing
}

/// What a service has at a path, by method.
fn within(service: Service, rest: &str) -> Vec<(Method, Operation, &str)> {
    match (service, rest) {
        (Service::Idp, "oauth2/authorize") => vec![(Method::POST, Operation::Token, "")],
        (Service::Search, "companies/matching") => vec![(Method::POST, Operation::Match, "")],
        (Service::Referential, "companies/list") => vec![(Method::POST, Operation::Companies, "")],
        (Service::Overdues, "overdues") => vec![(Method::POST, Operation::Overdue, "")],
        (Service::Risk, "covers") => vec![(Method::POST, Operation::Request, "")],
        (Service::Risk, "covers/search") => vec![(Method::POST, Operation::Covers, "")],
        (Service::Risk, "coverRequests/search") => vec![(Method::POST, Operation::Requests, "")],
        (Service::Risk, rest) => match rest.split_once('/') {
            Some((_, id)) if id.is_empty() || id.contains('/') => Vec::new(),
            Some(("covers", id)) => {
                vec![(Method::GET, Operation::Cover, id), (Method::DELETE, Operation::CancelCover, id)]
            }
            Some(("coverRequests", id)) => vec![(Method::DELETE, Operation::WithdrawRequest, id)],
            Some(("jobs", id)) => vec![(Method::GET, Operation::Job, id)],
            Some(_) | None => Vec::new(),
        },
        (Service::Idp | Service::Search | Service::Referential | Service::Overdues, _) => Vec::new(),
    }
}
