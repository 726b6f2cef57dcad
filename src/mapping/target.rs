//! The canonical records a mapping can fill, field by field: the one table that loader, checks and documents share.

use crate::model::words;

words! {
    /// A canonical record.
    Target {
        /// A customer record of an ERP.
        Account = "customer",
        /// An invoice or credit note of an ERP.
        Invoice = "invoice",
        /// A receipt, allocated or not.
        Receipt = "receipt",
        /// A part of a receipt or credit note that settles an invoice.
        Allocation = "allocation",
        /// A customer's order, as far as it is not invoiced.
        Order = "order",
        /// A decided cover limit of an insurer.
        Limit = "limit",
        /// A request that an insurer has not decided.
        Request = "request",
        /// An insurer's rating of a buyer.
        Rating = "rating",
        /// What a factor's statement says of an assigned document.
        FactorLine = "factor_line",
        /// What a factor approves for a buyer.
        Approval = "approval",
        /// What a bank account says that a factor has paid or taken.
        FactorCash = "factor_cash",
    }
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, trimmed.
    Text,
    /// Text that records are found by, so that it must fit an index.
    Key,
    /// An ISO 4217 code.
    Currency,
    /// An amount in the record's currency.
    Money,
    /// A calendar date.
    Date,
    /// A whole number.
    Integer,
    /// Yes or no.
    Flag,
    /// One of a list of words, through a table of codes.
    Code(&'static [&'static str]),
    /// A list of records.
    List(&'static [Field]),
}

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Text | Self::Key => "text",
            Self::Currency => "currency",
            Self::Money => "money",
            Self::Date => "date",
            Self::Integer => "integer",
            Self::Flag => "flag",
            Self::Code(_) => "code",
            Self::List(_) => "list",
        }
    }
}

/// One field of a canonical record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

const ITEM_KINDS: &[&str] = &["invoice", "credit_note", "receipt", "ignore"];
const SCHEMES: &[&str] = &["siren", "siret", "vat", "lei", "registration", "duns", "ignore"];
const DECISIONS: &[&str] = &[
    "approved",
    "partial",
    "refused",
    "kept",
    "reduced",
    "notice_of_withdrawal",
    "withdrawn",
    "cancelled",
    "expired",
    "pending",
];
const LAYER_KINDS: &[&str] = &["permanent", "temporary", "top_up"];
const FACTOR_STATES: &[&str] = &["received", "accepted", "rejected", "financed", "paid", "definanced"];
const APPROVAL_STATES: &[&str] = &["granted", "withdrawn", "refused"];
const DIRECTIONS: &[&str] = &["credit", "debit"];
const REQUEST_STATUSES: &[&str] = &["pending", "decided", "cancelled"];

pub(super) const IDENTIFIER: &[Field] = &[must("scheme", Kind::Code(SCHEMES)), must("value", Kind::Key)];
pub(super) const INSTALMENT: &[Field] = &[must("due", Kind::Date), must("amount", Kind::Money)];
pub(super) const LAYER: &[Field] = &[
    may("kind", Kind::Code(LAYER_KINDS)),
    must("amount", Kind::Money),
    may("until", Kind::Date),
    may("other_amount", Kind::Money),
];
pub(super) const CONDITION: &[Field] = &[must("code", Kind::Text), may("text", Kind::Text)];

/// The currency of every field whose name begins with [`OTHER`]: the record's amounts once more, as they are stated.
pub(super) const OTHER_CURRENCY: &str = "other_currency";
/// How the names of amounts in the second currency begin.
pub(super) const OTHER: &str = "other_";

const IDENTIFIERS: Field = may("identifiers", Kind::List(IDENTIFIER));

pub(super) const ACCOUNT: &[Field] = &[
    must("external_id", Kind::Key),
    may("code", Kind::Text),
    must("name", Kind::Text),
    may("country", Kind::Key),
    may("street", Kind::Text),
    may("postcode", Kind::Text),
    may("town", Kind::Text),
    may("siren", Kind::Key),
    may("siret", Kind::Key),
    may("vat", Kind::Key),
    may("lei", Kind::Key),
    may("registration", Kind::Key),
    IDENTIFIERS,
    may("insurer_buyer_id", Kind::Key),
    may("currency", Kind::Currency),
    may("limit", Kind::Money),
    may("terms_days", Kind::Integer),
    may("blocked", Kind::Flag),
];

pub(super) const ITEM: &[Field] = &[
    may("external_id", Kind::Key),
    must("number", Kind::Key),
    may("kind", Kind::Code(ITEM_KINDS)),
    must("account", Kind::Key),
    may("currency", Kind::Currency),
    must("total", Kind::Money),
    may("open", Kind::Money),
    may("tax", Kind::Money),
    must("issued", Kind::Date),
    may("due", Kind::Date),
    may("due_estimated", Kind::Flag),
    may("terms_days", Kind::Integer),
    may("disputed", Kind::Flag),
    may("reference", Kind::Text),
    may("instalments", Kind::List(INSTALMENT)),
    may("account_name", Kind::Text),
    may("account_country", Kind::Key),
    may("account_siren", Kind::Key),
    may("account_siret", Kind::Key),
    may("account_vat", Kind::Key),
    may("account_insurer_buyer_id", Kind::Key),
];

pub(super) const ALLOCATION: &[Field] = &[
    must("external_id", Kind::Key),
    may("from", Kind::Key),
    must("to", Kind::Key),
    may("currency", Kind::Currency),
    must("amount", Kind::Money),
    must("date", Kind::Date),
];

pub(super) const ORDER: &[Field] = &[
    may("external_id", Kind::Key),
    must("number", Kind::Key),
    must("account", Kind::Key),
    may("currency", Kind::Currency),
    must("open", Kind::Money),
    must("ordered", Kind::Date),
    may("account_name", Kind::Text),
    may("account_country", Kind::Key),
    may("account_siren", Kind::Key),
    may("account_siret", Kind::Key),
    may("account_vat", Kind::Key),
    may("account_insurer_buyer_id", Kind::Key),
];

pub(super) const LIMIT: &[Field] = &[
    must("reference", Kind::Key),
    must("insurer_buyer_id", Kind::Key),
    may("buyer_name", Kind::Text),
    IDENTIFIERS,
    must("policy", Kind::Key),
    may("decision", Kind::Code(DECISIONS)),
    may("requested", Kind::Money),
    must("amount", Kind::Money),
    must("currency", Kind::Currency),
    may("layers", Kind::List(LAYER)),
    must("effective_from", Kind::Date),
    may("effective_to", Kind::Date),
    may("withdrawal_on", Kind::Date),
    may("decided_on", Kind::Date),
    may("conditions", Kind::List(CONDITION)),
    may("rating", Kind::Text),
    may("our_reference", Kind::Text),
    may("other_currency", Kind::Currency),
    may("other_amount", Kind::Money),
    may("other_requested", Kind::Money),
];

pub(super) const REQUEST: &[Field] = &[
    must("reference", Kind::Key),
    may("our_reference", Kind::Text),
    must("insurer_buyer_id", Kind::Key),
    must("policy", Kind::Key),
    may("requested", Kind::Money),
    must("currency", Kind::Currency),
    may("status", Kind::Code(REQUEST_STATUSES)),
    may("requested_on", Kind::Date),
    may("other_currency", Kind::Currency),
    may("other_requested", Kind::Money),
];

pub(super) const RATING: &[Field] = &[
    must("insurer_buyer_id", Kind::Key),
    may("buyer_name", Kind::Text),
    must("rating", Kind::Text),
    may("class", Kind::Text),
    may("previous", Kind::Text),
    may("changed_on", Kind::Date),
];

pub(super) const FACTOR_LINE: &[Field] = &[
    may("contract", Kind::Key),
    must("number", Kind::Key),
    may("currency", Kind::Currency),
    must("amount", Kind::Money),
    must("state", Kind::Code(FACTOR_STATES)),
    may("financed", Kind::Money),
    may("holdback", Kind::Money),
    may("released", Kind::Money),
    may("fee", Kind::Money),
    may("reason", Kind::Text),
    may("date", Kind::Date),
];

pub(super) const APPROVAL: &[Field] = &[
    may("contract", Kind::Key),
    may("factor_id", Kind::Key),
    may("siren", Kind::Key),
    may("siret", Kind::Key),
    may("vat", Kind::Key),
    may("lei", Kind::Key),
    IDENTIFIERS,
    may("buyer_name", Kind::Text),
    must("currency", Kind::Currency),
    may("amount", Kind::Money),
    may("state", Kind::Code(APPROVAL_STATES)),
    may("from", Kind::Date),
    may("to", Kind::Date),
    may("date", Kind::Date),
    may("reason", Kind::Text),
];

pub(super) const FACTOR_CASH: &[Field] = &[
    must("account", Kind::Key),
    may("reference", Kind::Key),
    must("currency", Kind::Currency),
    must("amount", Kind::Money),
    must("direction", Kind::Code(DIRECTIONS)),
    may("reversal", Kind::Flag),
    must("booked", Kind::Date),
    may("valued", Kind::Date),
    may("party", Kind::Text),
    may("text", Kind::Text),
];

/// The index of a field in its record, found by the compiler: a name that is not there does not build.
#[allow(
    clippy::indexing_slicing,
    reason = "runs in the compiler only, where a wrong index is an error of the build"
)]
pub(super) const fn index_of(fields: &[Field], name: &str) -> usize {
    let mut index = 0;
    while index < fields.len() {
        let (have, want) = (fields[index].name.as_bytes(), name.as_bytes());
        let mut same = have.len() == want.len();
        let mut at = 0;
        while same && at < have.len() {
            same = have[at] == want[at];
            at += 1;
        }
        if same {
            return index;
        }
        index += 1;
    }
    panic!("no such field in this record")
}

impl Target {
    pub(super) const fn fields(self) -> &'static [Field] {
        match self {
            Self::Account => ACCOUNT,
            Self::Invoice | Self::Receipt => ITEM,
            Self::Allocation => ALLOCATION,
            Self::Order => ORDER,
            Self::Limit => LIMIT,
            Self::Request => REQUEST,
            Self::Rating => RATING,
            Self::FactorLine => FACTOR_LINE,
            Self::Approval => APPROVAL,
            Self::FactorCash => FACTOR_CASH,
        }
    }
}
