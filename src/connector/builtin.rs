//! The connectors that are part of the program: the one table, held against the folders by a test.

/// A connector as files.
pub(super) struct Builtin {
    /// The folder's name.
    pub(super) id: &'static str,
    /// `connectors/<id>/connector.toml`.
    pub(super) manifest: &'static str,
    /// `connectors/<id>/README.md`.
    pub(super) readme: &'static str,
    /// `mappings/<id>/*.toml`, by file name.
    pub(super) mappings: &'static [(&'static str, &'static str)],
    /// `connectors/<id>/samples/*`, by file name.
    pub(super) samples: &'static [(&'static str, &'static [u8])],
}

pub(super) const BUILTIN: &[Builtin] = &[
    Builtin {
        id: "atradius",
        manifest: include_str!("../../connectors/atradius/connector.toml"),
        readme: include_str!("../../connectors/atradius/README.md"),
        mappings: &[
            ("limit.toml", include_str!("../../mappings/atradius/limit.toml")),
            ("request.toml", include_str!("../../mappings/atradius/request.toml")),
        ],
        samples: &[
            ("applications.json", include_bytes!("../../connectors/atradius/samples/applications.json")),
            ("covers.json", include_bytes!("../../connectors/atradius/samples/covers.json")),
            ("error_422.json", include_bytes!("../../connectors/atradius/samples/error_422.json")),
            (
                "list_limits.expected.json",
                include_bytes!("../../connectors/atradius/samples/list_limits.expected.json"),
            ),
            (
                "list_requests.expected.json",
                include_bytes!("../../connectors/atradius/samples/list_requests.expected.json"),
            ),
            (
                "policy.expected.json",
                include_bytes!("../../connectors/atradius/samples/policy.expected.json"),
            ),
            ("policy_details.json", include_bytes!("../../connectors/atradius/samples/policy_details.json")),
            ("token.json", include_bytes!("../../connectors/atradius/samples/token.json")),
        ],
    },
    Builtin {
        id: "coface",
        manifest: include_str!("../../connectors/coface/connector.toml"),
        readme: include_str!("../../connectors/coface/README.md"),
        mappings: &[
            ("limit.toml", include_str!("../../mappings/coface/limit.toml")),
            ("request.toml", include_str!("../../mappings/coface/request.toml")),
        ],
        samples: &[
            ("companies.json", include_bytes!("../../connectors/coface/samples/companies.json")),
            ("delivery.json", include_bytes!("../../connectors/coface/samples/delivery.json")),
            (
                "find_buyer.expected.json",
                include_bytes!("../../connectors/coface/samples/find_buyer.expected.json"),
            ),
            (
                "list_decisions.expected.json",
                include_bytes!("../../connectors/coface/samples/list_decisions.expected.json"),
            ),
            (
                "list_limits.expected.json",
                include_bytes!("../../connectors/coface/samples/list_limits.expected.json"),
            ),
            (
                "list_notices.expected.json",
                include_bytes!("../../connectors/coface/samples/list_notices.expected.json"),
            ),
            (
                "list_requests.expected.json",
                include_bytes!("../../connectors/coface/samples/list_requests.expected.json"),
            ),
            ("not_finished.json", include_bytes!("../../connectors/coface/samples/not_finished.json")),
            ("notifications.json", include_bytes!("../../connectors/coface/samples/notifications.json")),
            ("orders.json", include_bytes!("../../connectors/coface/samples/orders.json")),
            ("overdues.json", include_bytes!("../../connectors/coface/samples/overdues.json")),
            ("policy.expected.json", include_bytes!("../../connectors/coface/samples/policy.expected.json")),
            ("policy.json", include_bytes!("../../connectors/coface/samples/policy.json")),
            ("portfolio.json", include_bytes!("../../connectors/coface/samples/portfolio.json")),
            (
                "read_request.expected.json",
                include_bytes!("../../connectors/coface/samples/read_request.expected.json"),
            ),
            ("token.json", include_bytes!("../../connectors/coface/samples/token.json")),
        ],
    },
    Builtin {
        id: "coface-icon",
        manifest: include_str!("../../connectors/coface-icon/connector.toml"),
        readme: include_str!("../../connectors/coface-icon/README.md"),
        mappings: &[("order.toml", include_str!("../../mappings/coface-icon/order.toml"))],
        samples: &[
            ("companies.json", include_bytes!("../../connectors/coface-icon/samples/companies.json")),
            (
                "error_cancelled.json",
                include_bytes!("../../connectors/coface-icon/samples/error_cancelled.json"),
            ),
            (
                "find_buyer.expected.json",
                include_bytes!("../../connectors/coface-icon/samples/find_buyer.expected.json"),
            ),
            (
                "list_notifications.expected.json",
                include_bytes!("../../connectors/coface-icon/samples/list_notifications.expected.json"),
            ),
            ("notifications.json", include_bytes!("../../connectors/coface-icon/samples/notifications.json")),
            ("publication.json", include_bytes!("../../connectors/coface-icon/samples/publication.json")),
            (
                "read_report.expected.json",
                include_bytes!("../../connectors/coface-icon/samples/read_report.expected.json"),
            ),
        ],
    },
    Builtin {
        id: "csv",
        manifest: include_str!("../../connectors/csv/connector.toml"),
        readme: include_str!("../../connectors/csv/README.md"),
        mappings: &[
            ("customer.toml", include_str!("../../mappings/csv/customer.toml")),
            ("invoice.toml", include_str!("../../mappings/csv/invoice.toml")),
            ("receipt.toml", include_str!("../../mappings/csv/receipt.toml")),
        ],
        samples: &[
            ("clients.csv", include_bytes!("../../connectors/csv/samples/clients.csv")),
            (
                "customers.expected.json",
                include_bytes!("../../connectors/csv/samples/customers.expected.json"),
            ),
            ("encours.csv", include_bytes!("../../connectors/csv/samples/encours.csv")),
            ("invoices.expected.json", include_bytes!("../../connectors/csv/samples/invoices.expected.json")),
            ("receipts.expected.json", include_bytes!("../../connectors/csv/samples/receipts.expected.json")),
            ("reglements.csv", include_bytes!("../../connectors/csv/samples/reglements.csv")),
        ],
    },
    Builtin {
        id: "fec",
        manifest: include_str!("../../connectors/fec/connector.toml"),
        readme: include_str!("../../connectors/fec/README.md"),
        mappings: &[("invoice.toml", include_str!("../../mappings/fec/invoice.toml"))],
        samples: &[
            ("README.md", include_bytes!("../../connectors/fec/samples/README.md")),
            ("invoices.expected.json", include_bytes!("../../connectors/fec/samples/invoices.expected.json")),
            ("opening-entries.txt", include_bytes!("../../connectors/fec/samples/opening-entries.txt")),
            ("partial-lettering.txt", include_bytes!("../../connectors/fec/samples/partial-lettering.txt")),
            (
                "pipe-cp1252-montant-sens.txt",
                include_bytes!("../../connectors/fec/samples/pipe-cp1252-montant-sens.txt"),
            ),
            (
                "tab-utf8-debit-credit.txt",
                include_bytes!("../../connectors/fec/samples/tab-utf8-debit-credit.txt"),
            ),
            ("trap-identifiers.txt", include_bytes!("../../connectors/fec/samples/trap-identifiers.txt")),
        ],
    },
    Builtin {
        id: "tryton",
        manifest: include_str!("../../connectors/tryton/connector.toml"),
        readme: include_str!("../../connectors/tryton/README.md"),
        mappings: &[
            ("allocation.toml", include_str!("../../mappings/tryton/allocation.toml")),
            ("customer.toml", include_str!("../../mappings/tryton/customer.toml")),
            ("invoice.toml", include_str!("../../mappings/tryton/invoice.toml")),
            ("receipt.toml", include_str!("../../mappings/tryton/receipt.toml")),
        ],
        samples: &[
            (
                "allocations.expected.json",
                include_bytes!("../../connectors/tryton/samples/allocations.expected.json"),
            ),
            ("allocations.json", include_bytes!("../../connectors/tryton/samples/allocations.json")),
            (
                "customers.expected.json",
                include_bytes!("../../connectors/tryton/samples/customers.expected.json"),
            ),
            ("customers.json", include_bytes!("../../connectors/tryton/samples/customers.json")),
            ("error_session.json", include_bytes!("../../connectors/tryton/samples/error_session.json")),
            ("error_user.json", include_bytes!("../../connectors/tryton/samples/error_user.json")),
            (
                "invoices.expected.json",
                include_bytes!("../../connectors/tryton/samples/invoices.expected.json"),
            ),
            ("invoices.json", include_bytes!("../../connectors/tryton/samples/invoices.json")),
            ("limit.json", include_bytes!("../../connectors/tryton/samples/limit.json")),
            ("login.json", include_bytes!("../../connectors/tryton/samples/login.json")),
            (
                "read_limit.expected.json",
                include_bytes!("../../connectors/tryton/samples/read_limit.expected.json"),
            ),
            ("receipts.also.json", include_bytes!("../../connectors/tryton/samples/receipts.also.json")),
            (
                "receipts.expected.json",
                include_bytes!("../../connectors/tryton/samples/receipts.expected.json"),
            ),
            ("receipts.json", include_bytes!("../../connectors/tryton/samples/receipts.json")),
        ],
    },
];
