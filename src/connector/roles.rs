//! What a system can be to a company, and what can be asked of it: the one table of operations.

use crate::mapping::Target;
use crate::model::words;

words! {
    /// What a system is to the company.
    Role {
        /// Holds customers, invoices and receipts.
        Erp = "erp",
        /// Covers buyers.
        Insurer = "insurer",
        /// Buys invoices.
        Factor = "factor",
        /// Keeps the accounts into which buyers pay.
        Bank = "bank",
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reads records that are mapped and land in the ledger.
    Pull(Target),
    /// Says something to the partner, at most once.
    Send,
    /// Asks one question; the answer is a few named fields.
    LookUp,
    /// Hands a batch of assigned documents over, in the layout of the mappings.
    Batch,
}

/// One operation of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose {
    /// Whose operation it is.
    pub role: Role,
    /// Its name in manifests, in the ledger and in logs.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// What the caller says with it, by name; all texts, amounts with a decimal point, dates as YYYY-MM-DD.
    pub facts: &'static [&'static str],
    /// What a look-up may answer, by name.
    pub fields: &'static [&'static str],
}

const fn pull(role: Role, name: &'static str, target: Target) -> Purpose {
    Purpose { role, name, kind: Kind::Pull(target), facts: &[], fields: &[] }
}

const fn send(role: Role, name: &'static str, facts: &'static [&'static str]) -> Purpose {
    Purpose { role, name, kind: Kind::Send, facts, fields: &[] }
}

const fn batch(role: Role, name: &'static str) -> Purpose {
    Purpose { role, name, kind: Kind::Batch, facts: &[], fields: &[] }
}

const fn look_up(
    role: Role,
    name: &'static str,
    facts: &'static [&'static str],
    fields: &'static [&'static str],
) -> Purpose {
    Purpose { role, name, kind: Kind::LookUp, facts, fields }
}

/// What is said with a request on cover. The ids of the buyer and of the policy are the insurer's; `action` is `new`,
/// `increase`, `reduce`, `supersede` or `cancel`; the rest of the buyer is for insurers that take a request in a file.
const REQUEST: &[&str] = &[
    "insurer_buyer_id",
    "policy",
    "action",
    "amount",
    "currency",
    "our_reference",
    "from",
    "reference",
    "urgent",
    "comment",
    "terms_days",
    "account",
    "buyer_name",
    "buyer_country",
    "buyer_address",
    "delivery_country",
    "identifier_scheme",
    "identifier",
];

/// What is said of one overdue invoice; `kind` is `overdue`, `extension` (to `new_due`) or `rescheduling`.
const NOTICE: &[&str] = &[
    "insurer_buyer_id",
    "policy",
    "kind",
    "number",
    "amount",
    "total",
    "currency",
    "issued",
    "due",
    "new_due",
    "our_reference",
    "buyer_name",
    "buyer_country",
    "account",
    "comment",
];

/// What is said with an order of information on a company; `product` is the partner's word for it. The amount and its
/// currency are for an opinion on that amount.
const REPORT: &[&str] = &["insurer_buyer_id", "product", "amount", "currency", "our_reference", "from"];

/// What is said of one line of an exposure statement; `method` is `balance` or `turnover`, `terms_days` the credit terms.
const STATEMENT: &[&str] = &[
    "policy",
    "method",
    "period",
    "date",
    "insurer_buyer_id",
    "buyer_name",
    "buyer_country",
    "account",
    "terms_days",
    "amount",
    "change",
    "currency",
    "our_reference",
];

/// What is said of one assigned document to a factor that takes them one by one. Amounts twice: as a decimal and in minor
/// units; `amount` is what is assigned, `available` what the factor is expected to pay for it, `net` and `tax` are there
/// where the ERP states the tax. `our_reference` is the same for the same document of a contract, for ever. `file` is the
/// document's own file in base64, where the operation has one. `document_reference` is the factor's id of the document, known
/// to what is said after it.
const DOCUMENT: &[&str] = &[
    "contract",
    "batch",
    "date",
    "company",
    "kind",
    "number",
    "reference",
    "issued",
    "due",
    "currency",
    "amount",
    "amount_minor",
    "total",
    "total_minor",
    "net",
    "net_minor",
    "tax",
    "tax_minor",
    "available",
    "available_minor",
    "buyer_code",
    "buyer_name",
    "buyer_country",
    "buyer_siren",
    "buyer_siret",
    "buyer_vat",
    "factor_id",
    "our_reference",
    "file",
    "file_name",
    "document_reference",
];

/// What is known of a document that a factor has, where it is asked of each: its own number, what was assigned, and the
/// factor's ids of it and of its financing.
const HELD: &[&str] = &["contract", "number", "currency", "amount", "reference", "financing"];

/// Every operation that Encours knows.
pub const PURPOSES: &[Purpose] = &[
    pull(Role::Erp, "customers", Target::Account),
    pull(Role::Erp, "invoices", Target::Invoice),
    pull(Role::Erp, "receipts", Target::Receipt),
    pull(Role::Erp, "allocations", Target::Allocation),
    pull(Role::Erp, "orders", Target::Order),
    look_up(Role::Erp, "read_limit", &["account"], &["amount", "currency", "until", "blocked", "stamp"]),
    send(
        Role::Erp,
        "write_limit",
        &[
            "account",
            "code",
            "buyer_name",
            "kind",
            "amount",
            "currency",
            "until",
            "stamp",
            "policy",
            "our_reference",
            "unblock",
        ],
    ),
    pull(Role::Insurer, "list_limits", Target::Limit),
    pull(Role::Insurer, "list_requests", Target::Request),
    // Limits that left the list, and why; read after it.
    pull(Role::Insurer, "list_ended", Target::Limit),
    pull(Role::Insurer, "list_ratings", Target::Rating),
    look_up(
        Role::Insurer,
        "list_decisions",
        &["policy"],
        &["reference", "our_reference", "insurer_buyer_id", "policy", "code", "amount", "currency", "date"],
    ),
    // One request, by the partner's reference of it: for insurers that answer later.
    look_up(
        Role::Insurer,
        "read_request",
        &["reference", "our_reference", "insurer_buyer_id", "policy"],
        &[
            "reference",
            "our_reference",
            "insurer_buyer_id",
            "policy",
            "status",
            "code",
            "amount",
            "currency",
            "date",
        ],
    ),
    look_up(
        Role::Insurer,
        "find_buyer",
        &["country", "scheme", "value", "name"],
        &["insurer_buyer_id", "name", "country", "status"],
    ),
    look_up(Role::Insurer, "policy", &["policy"], &["policy", "currency", "starts", "ends", "status"]),
    send(Role::Insurer, "request_limit", REQUEST),
    send(Role::Insurer, "change_limit", REQUEST),
    send(Role::Insurer, "cancel_limit", REQUEST),
    // Takes back a request that is not decided yet.
    send(Role::Insurer, "withdraw_request", REQUEST),
    send(Role::Insurer, "report_exposure", STATEMENT),
    send(Role::Insurer, "notify_overdue", NOTICE),
    look_up(
        Role::Insurer,
        "list_notices",
        &["policy"],
        &["reference", "our_reference", "insurer_buyer_id", "status", "date"],
    ),
    // Information on a company, which is no cover and costs money: only when a person asks for it.
    send(Role::Insurer, "order_report", REPORT),
    send(Role::Insurer, "order_monitoring", REPORT),
    look_up(
        Role::Insurer,
        "read_report",
        &["reference"],
        &[
            "insurer_buyer_id",
            "product",
            "rating",
            "probability",
            "amount",
            "currency",
            "code",
            "text",
            "status",
            "date",
        ],
    ),
    // What changed at companies that are monitored, between two days.
    look_up(
        Role::Insurer,
        "list_notifications",
        &["from", "until"],
        &["reference", "our_reference", "insurer_buyer_id", "product", "status", "date"],
    ),
    batch(Role::Factor, "send_batch"),
    // One document of a batch, and then its financing: for factors that take no files.
    send(Role::Factor, "send_document", DOCUMENT),
    send(Role::Factor, "finance_document", DOCUMENT),
    look_up(Role::Factor, "read_responses", &["contract", "batch"], &["batch", "number", "status", "reason"]),
    // Every document that the factor has, as it stands with it.
    Purpose { facts: HELD, ..pull(Role::Factor, "read_statement", Target::FactorLine) },
    // What the factor approves for each buyer.
    pull(Role::Factor, "list_approvals", Target::Approval),
    // What a factor has paid into the company's account, and taken from it.
    pull(Role::Bank, "statements", Target::FactorCash),
];

impl Purpose {
    /// The operation of a role; `Err` with the known names when there is none.
    ///
    /// # Errors
    /// The names that the role knows.
    pub fn find(role: Role, name: &str) -> Result<&'static Self, String> {
        let of_role = || PURPOSES.iter().filter(|purpose| purpose.role == role);
        of_role()
            .find(|purpose| purpose.name == name)
            .ok_or_else(|| of_role().map(|purpose| purpose.name).collect::<Vec<_>>().join(", "))
    }
}
