//! The fields that Defacto's schemas allow in what is sent.

use crate::sandbox::factor::Kind::{Anything, Flag, Like, List, Moment, Of, OneOf, Text, Whole};
use crate::sandbox::factor::Need::{May, MayBeNull, Must};
use crate::sandbox::factor::{Field, Kind, is_iban};

const CURRENCY: Kind = OneOf(&["EUR", "GBP"]);

const IDENTIFIER: Kind =
    Like(|text| !text.is_empty() && !text.contains(' '), "must be a text without spaces");

const IDENTIFIER_TYPE: Kind = OneOf(&[
    "belgium_registration_number",
    "bsn",
    "cif",
    "hr_nummer",
    "kvk",
    "name",
    "nif",
    "siren",
    "siret",
    "steuernummer",
    "vat_number",
]);

const BORROWER: Kind =
    Of(&[("identifier", IDENTIFIER, Must), ("identifier_type", IDENTIFIER_TYPE, MayBeNull)]);

const HOLDER: Kind = Of(&[("identifier", IDENTIFIER, Must), ("identifier_type", IDENTIFIER_TYPE, Must)]);

const ADDRESS: Kind = Of(&[
    ("address_line_1", Text, MayBeNull),
    ("address_line_2", Text, MayBeNull),
    ("city", Text, MayBeNull),
    ("country", Text, MayBeNull),
    ("postal_code", Text, MayBeNull),
    ("state", Text, MayBeNull),
]);

const CONTACT: Kind = Of(&[
    ("email", EMAIL, Must),
    ("first_name", Text, Must),
    ("last_name", Text, Must),
    ("phone_number", Text, Must),
]);

const EMAIL: Kind = Like(
    |text| text.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.')),
    "must be an address of mail",
);

const PARTY: Kind = Of(&[
    ("address", ADDRESS, MayBeNull),
    ("contact", CONTACT, MayBeNull),
    ("identifier", IDENTIFIER, MayBeNull),
    ("identifier_type", IDENTIFIER_TYPE, MayBeNull),
    ("name", Text, MayBeNull),
    ("vat_number", Text, MayBeNull),
]);

// Only IBANs are supported at the moment, says the field's description.
const ACCOUNT: Kind = Of(&[
    ("account_holder", HOLDER, MayBeNull),
    ("account_number", Like(is_iban, "must be an IBAN without spaces"), Must),
    ("account_number_type", OneOf(&["iban"]), May),
    ("bank_identifier", Text, MayBeNull),
    ("bank_identifier_type", OneOf(&["bic", "name", "routing_number", "undefined"]), May),
]);

/// An invoice inside a request for a loan.
const INVOICE_OF_LOAN: Kind = Of(&[
    ("address", ADDRESS, MayBeNull),
    ("buyer", PARTY, Must),
    ("currency", CURRENCY, MayBeNull),
    ("document", Text, Must),
    ("due_at", Moment, Must),
    ("invoice_number", Text, Must),
    ("invoice_type", OneOf(&["DEFACTO", "USER"]), MayBeNull),
    ("issued_at", Moment, Must),
    ("metadata", Anything, MayBeNull),
    ("net_amount", Whole, MayBeNull),
    ("seller", PARTY, Must),
    ("tax_amount", Whole, MayBeNull),
    ("to_account", ACCOUNT, MayBeNull),
    ("to_pay_amount", Whole, MayBeNull),
    ("total_amount", Whole, Must),
]);

/// A request for a loan.
pub(super) const LOAN: &[Field] = &[
    ("amount", Whole, Must),
    ("attachments", List(&Anything), May),
    ("auto_validate", Flag, May),
    ("borrower", BORROWER, MayBeNull),
    ("borrower_financial_product_id", Text, MayBeNull),
    ("currency", CURRENCY, May),
    ("documents", List(&Anything), May),
    ("installment_plan_type", OneOf(&["INSTALLMENTS", "IN_FINE"]), May),
    ("installments", List(&Anything), MayBeNull),
    ("invoice_ids", List(&Text), May),
    ("invoices", List(&INVOICE_OF_LOAN), May),
    ("loan_to", ACCOUNT, Must),
    ("loan_to_references", List(&Text), May),
    ("loan_type", OneOf(&["INVOICE_BASED_FINANCING"]), May), // the others finance no invoice
    ("metadata", Anything, MayBeNull),
    ("notification_emails", List(&EMAIL), May),
    ("repayment_from_references", List(&Text), May),
    ("salt_id", Text, MayBeNull),
    ("to_pay_at", Moment, Must),
    ("to_repay_at", Moment, Must),
    ("wait_for_validation", Flag, May),
];

/// An invoice by itself, which may be a draft.
pub(super) const INVOICE: &[Field] = &[
    ("buyer", PARTY, MayBeNull),
    ("currency", CURRENCY, MayBeNull),
    ("document", Text, Must),
    ("due_at", Moment, MayBeNull),
    ("invoice_number", Text, MayBeNull),
    ("is_draft", Flag, MayBeNull),
    ("issued_at", Moment, MayBeNull),
    ("metadata", Anything, MayBeNull),
    ("net_amount", Whole, MayBeNull),
    ("seller", PARTY, MayBeNull),
    ("tax_amount", Whole, MayBeNull),
    ("to_account", ACCOUNT, MayBeNull),
    ("to_pay_amount", Whole, MayBeNull),
    ("total_amount", Whole, MayBeNull),
];

/// Changes to a draft; the schema of it is not published, so these are the fields of an invoice.
pub(super) const CHANGES: &[Field] = &[
    ("buyer", PARTY, MayBeNull),
    ("currency", CURRENCY, MayBeNull),
    ("due_at", Moment, MayBeNull),
    ("invoice_number", Text, MayBeNull),
    ("issued_at", Moment, MayBeNull),
    ("metadata", Anything, MayBeNull),
    ("net_amount", Whole, MayBeNull),
    ("seller", PARTY, MayBeNull),
    ("tax_amount", Whole, MayBeNull),
    ("to_account", ACCOUNT, MayBeNull),
    ("to_pay_amount", Whole, MayBeNull),
    ("total_amount", Whole, MayBeNull),
];

/// What an invoice needs that is no draft.
pub(super) const COMPLETE: &[&str] =
    &["buyer", "due_at", "invoice_number", "issued_at", "seller", "total_amount"];
