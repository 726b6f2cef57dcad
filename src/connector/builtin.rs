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
        id: "allianz",
        manifest: include_str!("../../connectors/allianz/connector.toml"),
        readme: include_str!("../../connectors/allianz/README.md"),
        mappings: &[
            ("limit.toml", include_str!("../../mappings/allianz/limit.toml")),
            ("request.toml", include_str!("../../mappings/allianz/request.toml")),
        ],
        samples: &[
            ("covers.also.json", include_bytes!("../../connectors/allianz/samples/covers.also.json")),
            ("covers.json", include_bytes!("../../connectors/allianz/samples/covers.json")),
            ("error_401.json", include_bytes!("../../connectors/allianz/samples/error_401.json")),
            (
                "find_buyer.expected.json",
                include_bytes!("../../connectors/allianz/samples/find_buyer.expected.json"),
            ),
            ("job.json", include_bytes!("../../connectors/allianz/samples/job.json")),
            (
                "list_limits.expected.json",
                include_bytes!("../../connectors/allianz/samples/list_limits.expected.json"),
            ),
            (
                "list_requests.expected.json",
                include_bytes!("../../connectors/allianz/samples/list_requests.expected.json"),
            ),
            ("matching.json", include_bytes!("../../connectors/allianz/samples/matching.json")),
            (
                "read_request.expected.json",
                include_bytes!("../../connectors/allianz/samples/read_request.expected.json"),
            ),
            ("requests.json", include_bytes!("../../connectors/allianz/samples/requests.json")),
            ("token.json", include_bytes!("../../connectors/allianz/samples/token.json")),
        ],
    },
    Builtin {
        id: "allianz-eolis",
        manifest: include_str!("../../connectors/allianz-eolis/connector.toml"),
        readme: include_str!("../../connectors/allianz-eolis/README.md"),
        mappings: &[
            ("limit.toml", include_str!("../../mappings/allianz-eolis/limit.toml")),
            ("request.toml", include_str!("../../mappings/allianz-eolis/request.toml")),
        ],
        samples: &[
            (
                "cancel_limit.expected.json",
                include_bytes!("../../connectors/allianz-eolis/samples/cancel_limit.expected.json"),
            ),
            (
                "change_limit.expected.json",
                include_bytes!("../../connectors/allianz-eolis/samples/change_limit.expected.json"),
            ),
            ("deletions.json", include_bytes!("../../connectors/allianz-eolis/samples/deletions.json")),
            ("limits.csv", include_bytes!("../../connectors/allianz-eolis/samples/limits.csv")),
            (
                "list_limits.expected.json",
                include_bytes!("../../connectors/allianz-eolis/samples/list_limits.expected.json"),
            ),
            (
                "request_limit.expected.json",
                include_bytes!("../../connectors/allianz-eolis/samples/request_limit.expected.json"),
            ),
            ("requests.json", include_bytes!("../../connectors/allianz-eolis/samples/requests.json")),
        ],
    },
    Builtin {
        id: "aria",
        manifest: include_str!("../../connectors/aria/connector.toml"),
        readme: include_str!("../../connectors/aria/README.md"),
        mappings: &[
            ("invoice.toml", include_str!("../../mappings/aria/invoice.toml")),
            ("statement.toml", include_str!("../../mappings/aria/statement.toml")),
        ],
        samples: &[
            ("documents.json", include_bytes!("../../connectors/aria/samples/documents.json")),
            ("loans.json", include_bytes!("../../connectors/aria/samples/loans.json")),
            (
                "read_statement.expected.json",
                include_bytes!("../../connectors/aria/samples/read_statement.expected.json"),
            ),
            (
                "send_document.expected.json",
                include_bytes!("../../connectors/aria/samples/send_document.expected.json"),
            ),
            ("settings.json", include_bytes!("../../connectors/aria/samples/settings.json")),
        ],
    },
    Builtin {
        id: "atradius",
        manifest: include_str!("../../connectors/atradius/connector.toml"),
        readme: include_str!("../../connectors/atradius/README.md"),
        mappings: &[
            ("limit.toml", include_str!("../../mappings/atradius/limit.toml")),
            ("rating.toml", include_str!("../../mappings/atradius/rating.toml")),
            ("request.toml", include_str!("../../mappings/atradius/request.toml")),
        ],
        samples: &[
            ("applications.json", include_bytes!("../../connectors/atradius/samples/applications.json")),
            ("covers.json", include_bytes!("../../connectors/atradius/samples/covers.json")),
            ("error_422.json", include_bytes!("../../connectors/atradius/samples/error_422.json")),
            ("historic.json", include_bytes!("../../connectors/atradius/samples/historic.json")),
            (
                "list_ended.expected.json",
                include_bytes!("../../connectors/atradius/samples/list_ended.expected.json"),
            ),
            (
                "list_limits.expected.json",
                include_bytes!("../../connectors/atradius/samples/list_limits.expected.json"),
            ),
            (
                "list_ratings.expected.json",
                include_bytes!("../../connectors/atradius/samples/list_ratings.expected.json"),
            ),
            (
                "list_requests.expected.json",
                include_bytes!("../../connectors/atradius/samples/list_requests.expected.json"),
            ),
            ("my_buyers.json", include_bytes!("../../connectors/atradius/samples/my_buyers.json")),
            (
                "policy.expected.json",
                include_bytes!("../../connectors/atradius/samples/policy.expected.json"),
            ),
            ("policy_details.json", include_bytes!("../../connectors/atradius/samples/policy_details.json")),
            ("token.json", include_bytes!("../../connectors/atradius/samples/token.json")),
        ],
    },
    Builtin {
        id: "bnp-paribas-factor",
        manifest: include_str!("../../connectors/bnp-paribas-factor/connector.toml"),
        readme: include_str!("../../connectors/bnp-paribas-factor/README.md"),
        mappings: &[("assignment.toml", include_str!("../../mappings/bnp-paribas-factor/assignment.toml"))],
        samples: &[
            ("batches.json", include_bytes!("../../connectors/bnp-paribas-factor/samples/batches.json")),
            (
                "mixed.assignment_20260331_7.csv",
                include_bytes!("../../connectors/bnp-paribas-factor/samples/mixed.assignment_20260331_7.csv"),
            ),
            (
                "send_batch.expected.json",
                include_bytes!("../../connectors/bnp-paribas-factor/samples/send_batch.expected.json"),
            ),
            (
                "yen.assignment_20260331_8.csv",
                include_bytes!("../../connectors/bnp-paribas-factor/samples/yen.assignment_20260331_8.csv"),
            ),
        ],
    },
    Builtin {
        id: "bpce-factor",
        manifest: include_str!("../../connectors/bpce-factor/connector.toml"),
        readme: include_str!("../../connectors/bpce-factor/README.md"),
        mappings: &[("assignment.toml", include_str!("../../mappings/bpce-factor/assignment.toml"))],
        samples: &[
            ("batches.json", include_bytes!("../../connectors/bpce-factor/samples/batches.json")),
            (
                "domestic.BPCE_20260331_007.txt",
                include_bytes!("../../connectors/bpce-factor/samples/domestic.BPCE_20260331_007.txt"),
            ),
            (
                "export.BPCE_20261231_008.txt",
                include_bytes!("../../connectors/bpce-factor/samples/export.BPCE_20261231_008.txt"),
            ),
            (
                "long-names.BPCE_20260331_999.txt",
                include_bytes!("../../connectors/bpce-factor/samples/long-names.BPCE_20260331_999.txt"),
            ),
            (
                "send_batch.expected.json",
                include_bytes!("../../connectors/bpce-factor/samples/send_batch.expected.json"),
            ),
        ],
    },
    Builtin {
        id: "camt",
        manifest: include_str!("../../connectors/camt/connector.toml"),
        readme: include_str!("../../connectors/camt/README.md"),
        mappings: &[("factor_cash.toml", include_str!("../../mappings/camt/factor_cash.toml"))],
        samples: &[
            ("camt.053.xml", include_bytes!("../../connectors/camt/samples/camt.053.xml")),
            ("settings.json", include_bytes!("../../connectors/camt/samples/settings.json")),
            (
                "statements.expected.json",
                include_bytes!("../../connectors/camt/samples/statements.expected.json"),
            ),
        ],
    },
    Builtin {
        id: "cesce",
        manifest: include_str!("../../connectors/cesce/connector.toml"),
        readme: include_str!("../../connectors/cesce/README.md"),
        mappings: &[
            ("limit.toml", include_str!("../../mappings/cesce/limit.toml")),
            ("request.toml", include_str!("../../mappings/cesce/request.toml")),
        ],
        samples: &[
            ("classifications.json", include_bytes!("../../connectors/cesce/samples/classifications.json")),
            (
                "list_decisions.expected.json",
                include_bytes!("../../connectors/cesce/samples/list_decisions.expected.json"),
            ),
            (
                "list_limits.expected.json",
                include_bytes!("../../connectors/cesce/samples/list_limits.expected.json"),
            ),
            (
                "list_requests.expected.json",
                include_bytes!("../../connectors/cesce/samples/list_requests.expected.json"),
            ),
        ],
    },
    Builtin {
        id: "cga",
        manifest: include_str!("../../connectors/cga/connector.toml"),
        readme: include_str!("../../connectors/cga/README.md"),
        mappings: &[("assignment.toml", include_str!("../../mappings/cga/assignment.toml"))],
        samples: &[
            ("batches.json", include_bytes!("../../connectors/cga/samples/batches.json")),
            (
                "mixed.assignment_20260331_7.csv",
                include_bytes!("../../connectors/cga/samples/mixed.assignment_20260331_7.csv"),
            ),
            (
                "send_batch.expected.json",
                include_bytes!("../../connectors/cga/samples/send_batch.expected.json"),
            ),
            (
                "yen.assignment_20260331_8.csv",
                include_bytes!("../../connectors/cga/samples/yen.assignment_20260331_8.csv"),
            ),
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
        id: "credendo",
        manifest: include_str!("../../connectors/credendo/connector.toml"),
        readme: include_str!("../../connectors/credendo/README.md"),
        mappings: &[
            ("limit.toml", include_str!("../../mappings/credendo/limit.toml")),
            ("request.toml", include_str!("../../mappings/credendo/request.toml")),
        ],
        samples: &[
            ("applications.json", include_bytes!("../../connectors/credendo/samples/applications.json")),
            (
                "cancel_limit.expected.json",
                include_bytes!("../../connectors/credendo/samples/cancel_limit.expected.json"),
            ),
            ("cancellations.json", include_bytes!("../../connectors/credendo/samples/cancellations.json")),
            (
                "change_limit.expected.json",
                include_bytes!("../../connectors/credendo/samples/change_limit.expected.json"),
            ),
            ("limits.csv", include_bytes!("../../connectors/credendo/samples/limits.csv")),
            (
                "list_limits.expected.json",
                include_bytes!("../../connectors/credendo/samples/list_limits.expected.json"),
            ),
            (
                "list_requests.expected.json",
                include_bytes!("../../connectors/credendo/samples/list_requests.expected.json"),
            ),
            (
                "request_limit.expected.json",
                include_bytes!("../../connectors/credendo/samples/request_limit.expected.json"),
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
            ("order.toml", include_str!("../../mappings/csv/order.toml")),
            ("receipt.toml", include_str!("../../mappings/csv/receipt.toml")),
        ],
        samples: &[
            ("clients.csv", include_bytes!("../../connectors/csv/samples/clients.csv")),
            ("commandes.csv", include_bytes!("../../connectors/csv/samples/commandes.csv")),
            (
                "customers.expected.json",
                include_bytes!("../../connectors/csv/samples/customers.expected.json"),
            ),
            ("encours.csv", include_bytes!("../../connectors/csv/samples/encours.csv")),
            ("invoices.expected.json", include_bytes!("../../connectors/csv/samples/invoices.expected.json")),
            ("orders.expected.json", include_bytes!("../../connectors/csv/samples/orders.expected.json")),
            ("receipts.expected.json", include_bytes!("../../connectors/csv/samples/receipts.expected.json")),
            ("reglements.csv", include_bytes!("../../connectors/csv/samples/reglements.csv")),
        ],
    },
    Builtin {
        id: "defacto",
        manifest: include_str!("../../connectors/defacto/connector.toml"),
        readme: include_str!("../../connectors/defacto/README.md"),
        mappings: &[
            ("loan.toml", include_str!("../../mappings/defacto/loan.toml")),
            ("statement.toml", include_str!("../../mappings/defacto/statement.toml")),
        ],
        samples: &[
            ("documents.json", include_bytes!("../../connectors/defacto/samples/documents.json")),
            ("loans.json", include_bytes!("../../connectors/defacto/samples/loans.json")),
            (
                "read_statement.expected.json",
                include_bytes!("../../connectors/defacto/samples/read_statement.expected.json"),
            ),
            (
                "send_document.expected.json",
                include_bytes!("../../connectors/defacto/samples/send_document.expected.json"),
            ),
        ],
    },
    Builtin {
        id: "eurofactor",
        manifest: include_str!("../../connectors/eurofactor/connector.toml"),
        readme: include_str!("../../connectors/eurofactor/README.md"),
        mappings: &[("assignment.toml", include_str!("../../mappings/eurofactor/assignment.toml"))],
        samples: &[
            ("batches.json", include_bytes!("../../connectors/eurofactor/samples/batches.json")),
            (
                "both.FAA11111_20261231_8.txt",
                include_bytes!("../../connectors/eurofactor/samples/both.FAA11111_20261231_8.txt"),
            ),
            (
                "both.FAA22222_20261231_8.txt",
                include_bytes!("../../connectors/eurofactor/samples/both.FAA22222_20261231_8.txt"),
            ),
            (
                "domestic.FAA11111_20260331_7.txt",
                include_bytes!("../../connectors/eurofactor/samples/domestic.FAA11111_20260331_7.txt"),
            ),
            (
                "largest.FAA11111_20260331_9.txt",
                include_bytes!("../../connectors/eurofactor/samples/largest.FAA11111_20260331_9.txt"),
            ),
            (
                "send_batch.expected.json",
                include_bytes!("../../connectors/eurofactor/samples/send_batch.expected.json"),
            ),
        ],
    },
    Builtin {
        id: "factofrance",
        manifest: include_str!("../../connectors/factofrance/connector.toml"),
        readme: include_str!("../../connectors/factofrance/README.md"),
        mappings: &[("assignment.toml", include_str!("../../mappings/factofrance/assignment.toml"))],
        samples: &[
            ("batches.json", include_bytes!("../../connectors/factofrance/samples/batches.json")),
            (
                "domestic.F007_20260331.txt",
                include_bytes!("../../connectors/factofrance/samples/domestic.F007_20260331.txt"),
            ),
            (
                "payments.F008_20260331.txt",
                include_bytes!("../../connectors/factofrance/samples/payments.F008_20260331.txt"),
            ),
            (
                "send_batch.expected.json",
                include_bytes!("../../connectors/factofrance/samples/send_batch.expected.json"),
            ),
            (
                "vat.F009_20261231.txt",
                include_bytes!("../../connectors/factofrance/samples/vat.F009_20261231.txt"),
            ),
        ],
    },
    Builtin {
        id: "factofrance-csv",
        manifest: include_str!("../../connectors/factofrance-csv/connector.toml"),
        readme: include_str!("../../connectors/factofrance-csv/README.md"),
        mappings: &[("assignment.toml", include_str!("../../mappings/factofrance-csv/assignment.toml"))],
        samples: &[
            ("batches.json", include_bytes!("../../connectors/factofrance-csv/samples/batches.json")),
            (
                "both.FBASS1234561A.005",
                include_bytes!("../../connectors/factofrance-csv/samples/both.FBASS1234561A.005"),
            ),
            (
                "both.FBASS1234561B.005",
                include_bytes!("../../connectors/factofrance-csv/samples/both.FBASS1234561B.005"),
            ),
            (
                "both.TIESS1234561A.005",
                include_bytes!("../../connectors/factofrance-csv/samples/both.TIESS1234561A.005"),
            ),
            (
                "both.TIESS1234561B.005",
                include_bytes!("../../connectors/factofrance-csv/samples/both.TIESS1234561B.005"),
            ),
            (
                "domestic.FBAFH1234561A.353",
                include_bytes!("../../connectors/factofrance-csv/samples/domestic.FBAFH1234561A.353"),
            ),
            (
                "domestic.TIEFH1234561A.353",
                include_bytes!("../../connectors/factofrance-csv/samples/domestic.TIEFH1234561A.353"),
            ),
            (
                "send_batch.expected.json",
                include_bytes!("../../connectors/factofrance-csv/samples/send_batch.expected.json"),
            ),
        ],
    },
    Builtin {
        id: "factor-files",
        manifest: include_str!("../../connectors/factor-files/connector.toml"),
        readme: include_str!("../../connectors/factor-files/README.md"),
        mappings: &[
            ("approval.toml", include_str!("../../mappings/factor-files/approval.toml")),
            ("assignment.toml", include_str!("../../mappings/factor-files/assignment.toml")),
            ("statement.toml", include_str!("../../mappings/factor-files/statement.toml")),
        ],
        samples: &[
            ("approvals.csv", include_bytes!("../../connectors/factor-files/samples/approvals.csv")),
            ("batches.json", include_bytes!("../../connectors/factor-files/samples/batches.json")),
            (
                "dinar.assignment_20260331_9.csv",
                include_bytes!("../../connectors/factor-files/samples/dinar.assignment_20260331_9.csv"),
            ),
            (
                "list_approvals.expected.json",
                include_bytes!("../../connectors/factor-files/samples/list_approvals.expected.json"),
            ),
            (
                "mixed.assignment_20260331_7.csv",
                include_bytes!("../../connectors/factor-files/samples/mixed.assignment_20260331_7.csv"),
            ),
            (
                "read_statement.expected.json",
                include_bytes!("../../connectors/factor-files/samples/read_statement.expected.json"),
            ),
            (
                "send_batch.expected.json",
                include_bytes!("../../connectors/factor-files/samples/send_batch.expected.json"),
            ),
            ("statement.csv", include_bytes!("../../connectors/factor-files/samples/statement.csv")),
            (
                "yen.assignment_20260331_8.csv",
                include_bytes!("../../connectors/factor-files/samples/yen.assignment_20260331_8.csv"),
            ),
        ],
    },
    Builtin {
        id: "factoring-kb",
        manifest: include_str!("../../connectors/factoring-kb/connector.toml"),
        readme: include_str!("../../connectors/factoring-kb/README.md"),
        mappings: &[("statement.toml", include_str!("../../mappings/factoring-kb/statement.toml"))],
        samples: &[
            ("0402FF01.DAT", include_bytes!("../../connectors/factoring-kb/samples/0402FF01.DAT")),
            (
                "read_statement.expected.json",
                include_bytes!("../../connectors/factoring-kb/samples/read_statement.expected.json"),
            ),
        ],
    },
    Builtin {
        id: "fci",
        manifest: include_str!("../../connectors/fci/connector.toml"),
        readme: include_str!("../../connectors/fci/README.md"),
        mappings: &[("assignment.toml", include_str!("../../mappings/fci/assignment.toml"))],
        samples: &[
            ("batches.json", include_bytes!("../../connectors/fci/samples/batches.json")),
            (
                "mixed.MSG09_FR00000_7.xml",
                include_bytes!("../../connectors/fci/samples/mixed.MSG09_FR00000_7.xml"),
            ),
            (
                "mixed.MSG12_FR00000_7.xml",
                include_bytes!("../../connectors/fci/samples/mixed.MSG12_FR00000_7.xml"),
            ),
            (
                "payments.MSG12_FR00000_8.xml",
                include_bytes!("../../connectors/fci/samples/payments.MSG12_FR00000_8.xml"),
            ),
            (
                "send_batch.expected.json",
                include_bytes!("../../connectors/fci/samples/send_batch.expected.json"),
            ),
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
            ("whole-ledger.txt", include_bytes!("../../connectors/fec/samples/whole-ledger.txt")),
        ],
    },
    Builtin {
        id: "insurer-files",
        manifest: include_str!("../../connectors/insurer-files/connector.toml"),
        readme: include_str!("../../connectors/insurer-files/README.md"),
        mappings: &[
            ("declaration.toml", include_str!("../../mappings/insurer-files/declaration.toml")),
            ("limit.toml", include_str!("../../mappings/insurer-files/limit.toml")),
            ("request.toml", include_str!("../../mappings/insurer-files/request.toml")),
        ],
        samples: &[
            (
                "cancel_limit.expected.json",
                include_bytes!("../../connectors/insurer-files/samples/cancel_limit.expected.json"),
            ),
            (
                "cancellations.json",
                include_bytes!("../../connectors/insurer-files/samples/cancellations.json"),
            ),
            (
                "change_limit.expected.json",
                include_bytes!("../../connectors/insurer-files/samples/change_limit.expected.json"),
            ),
            ("exposure.json", include_bytes!("../../connectors/insurer-files/samples/exposure.json")),
            ("limits.csv", include_bytes!("../../connectors/insurer-files/samples/limits.csv")),
            (
                "list_limits.expected.json",
                include_bytes!("../../connectors/insurer-files/samples/list_limits.expected.json"),
            ),
            (
                "list_requests.expected.json",
                include_bytes!("../../connectors/insurer-files/samples/list_requests.expected.json"),
            ),
            (
                "notify_overdue.expected.json",
                include_bytes!("../../connectors/insurer-files/samples/notify_overdue.expected.json"),
            ),
            ("open-requests.csv", include_bytes!("../../connectors/insurer-files/samples/open-requests.csv")),
            ("overdue.json", include_bytes!("../../connectors/insurer-files/samples/overdue.json")),
            (
                "report_exposure.expected.json",
                include_bytes!("../../connectors/insurer-files/samples/report_exposure.expected.json"),
            ),
            (
                "request_limit.expected.json",
                include_bytes!("../../connectors/insurer-files/samples/request_limit.expected.json"),
            ),
            ("requests.json", include_bytes!("../../connectors/insurer-files/samples/requests.json")),
            (
                "withdraw_request.expected.json",
                include_bytes!("../../connectors/insurer-files/samples/withdraw_request.expected.json"),
            ),
        ],
    },
    Builtin {
        id: "iso20022-assignment",
        manifest: include_str!("../../connectors/iso20022-assignment/connector.toml"),
        readme: include_str!("../../connectors/iso20022-assignment/README.md"),
        mappings: &[("assignment.toml", include_str!("../../mappings/iso20022-assignment/assignment.toml"))],
        samples: &[
            ("batches.json", include_bytes!("../../connectors/iso20022-assignment/samples/batches.json")),
            (
                "dinar.tsin006_A-1_10.xml",
                include_bytes!("../../connectors/iso20022-assignment/samples/dinar.tsin006_A-1_10.xml"),
            ),
            (
                "dinar.tsin009_A-1_10.xml",
                include_bytes!("../../connectors/iso20022-assignment/samples/dinar.tsin009_A-1_10.xml"),
            ),
            (
                "domestic.tsin006_A-1_7.xml",
                include_bytes!("../../connectors/iso20022-assignment/samples/domestic.tsin006_A-1_7.xml"),
            ),
            (
                "domestic.tsin009_A-1_7.xml",
                include_bytes!("../../connectors/iso20022-assignment/samples/domestic.tsin009_A-1_7.xml"),
            ),
            (
                "export.tsin006_A-1_8.xml",
                include_bytes!("../../connectors/iso20022-assignment/samples/export.tsin006_A-1_8.xml"),
            ),
            (
                "export.tsin009_A-1_8.xml",
                include_bytes!("../../connectors/iso20022-assignment/samples/export.tsin009_A-1_8.xml"),
            ),
            (
                "send_batch.expected.json",
                include_bytes!("../../connectors/iso20022-assignment/samples/send_batch.expected.json"),
            ),
            (
                "yen.tsin006_A-1_9.xml",
                include_bytes!("../../connectors/iso20022-assignment/samples/yen.tsin006_A-1_9.xml"),
            ),
            (
                "yen.tsin009_A-1_9.xml",
                include_bytes!("../../connectors/iso20022-assignment/samples/yen.tsin009_A-1_9.xml"),
            ),
        ],
    },
    Builtin {
        id: "iso20022-factor",
        manifest: include_str!("../../connectors/iso20022-factor/connector.toml"),
        readme: include_str!("../../connectors/iso20022-factor/README.md"),
        mappings: &[
            ("approval.toml", include_str!("../../mappings/iso20022-factor/approval.toml")),
            ("statement.toml", include_str!("../../mappings/iso20022-factor/statement.toml")),
        ],
        samples: &[
            (
                "assignment-status.xml",
                include_bytes!("../../connectors/iso20022-factor/samples/assignment-status.xml"),
            ),
            (
                "list_approvals.expected.json",
                include_bytes!("../../connectors/iso20022-factor/samples/list_approvals.expected.json"),
            ),
            ("party-status.xml", include_bytes!("../../connectors/iso20022-factor/samples/party-status.xml")),
            (
                "read_statement.expected.json",
                include_bytes!("../../connectors/iso20022-factor/samples/read_statement.expected.json"),
            ),
        ],
    },
    Builtin {
        id: "la-banque-postale",
        manifest: include_str!("../../connectors/la-banque-postale/connector.toml"),
        readme: include_str!("../../connectors/la-banque-postale/README.md"),
        mappings: &[("assignment.toml", include_str!("../../mappings/la-banque-postale/assignment.toml"))],
        samples: &[
            ("batches.json", include_bytes!("../../connectors/la-banque-postale/samples/batches.json")),
            (
                "mixed.assignment_20260331_7.csv",
                include_bytes!("../../connectors/la-banque-postale/samples/mixed.assignment_20260331_7.csv"),
            ),
            (
                "send_batch.expected.json",
                include_bytes!("../../connectors/la-banque-postale/samples/send_batch.expected.json"),
            ),
            (
                "yen.assignment_20260331_8.csv",
                include_bytes!("../../connectors/la-banque-postale/samples/yen.assignment_20260331_8.csv"),
            ),
        ],
    },
    Builtin {
        id: "limits-file",
        manifest: include_str!("../../connectors/limits-file/connector.toml"),
        readme: include_str!("../../connectors/limits-file/README.md"),
        mappings: &[("limit.toml", include_str!("../../mappings/limits-file/limit.toml"))],
        samples: &[
            ("limits.json", include_bytes!("../../connectors/limits-file/samples/limits.json")),
            (
                "write_limit.expected.json",
                include_bytes!("../../connectors/limits-file/samples/write_limit.expected.json"),
            ),
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
