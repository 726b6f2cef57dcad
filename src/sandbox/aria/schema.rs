//! The fields that a public client of Aria's interface knows and requires. It leaves out what is null.

use axum::http::Uri;

use crate::sandbox::factor::Kind::{
    AboveZero, Among, Anything, Filled, Flag, Like, List, Moment, Of, OneOf, Text,
};
use crate::sandbox::factor::Need::{May, Must};
use crate::sandbox::factor::{Field, Kind, is_iban};

const CURRENCY: Kind = OneOf(&["EUR", "GBP", "USD"]);

const ATTACHMENT: Kind =
    Of(&[("type", Text, May), ("url", Like(is_url, "must be a URL"), Must), ("labels", List(&Text), May)]);

// SIRET numbers begin with the SIREN, and companies are found under either.
const IDENTIFIER: Kind = Of(&[
    ("type", OneOf(&["siren"]), Must),
    ("value", Like(is_siren, "must be nine or fourteen digits"), Must),
    ("country", OneOf(&["FR"]), Must),
]);

const CONTACT: Kind = Of(&[
    ("email", Like(is_email, "must be an address of mail"), Must),
    ("firstName", Text, May),
    ("lastName", Text, May),
    ("phoneNumber", Like(is_phone, "must be + and digits"), Must),
    ("position", Text, May),
]);

const DESTINATION: Kind = Of(&[
    ("accountNumberType", OneOf(&["IBAN"]), Must),
    ("accountNumber", Like(is_iban, "must be an IBAN without spaces"), Must),
    ("routingNumberType", Text, May),
    ("routingNumber", Text, May),
    ("type", OneOf(&["BANK_ACCOUNT"]), Must),
]);

/// What a token is fetched with.
pub(super) const TOKEN: &[Field] = &[
    ("client_id", Text, Must),
    ("client_secret", Text, Must),
    ("audience", Text, Must),
    ("grant_type", OneOf(&["client_credentials"]), Must),
];

/// An invoice.
pub(super) const INVOICE: &[Field] = &[
    ("debtorId", Text, May),
    ("attachments", Filled(&ATTACHMENT), Must),
    ("totalAmountIncludingTaxes", AboveZero, Must),
    ("totalAmountExcludingTaxes", AboveZero, Must),
    ("currency", CURRENCY, Must),
    ("invoiceDate", Moment, Must),
    ("invoiceNumber", Text, Must),
    ("invoiceOwner", OneOf(&["user", "company"]), May),
    ("debtorName", Text, Must),
    ("debtorIdentifier", IDENTIFIER, Must),
    ("contacts", List(&CONTACT), May),
    ("debtorMetadata", Anything, May),
    ("repaymentPeriod", Among(&[30, 45, 60]), Must),
];

/// A loan.
pub(super) const LOAN: &[Field] = &[
    ("amount", AboveZero, Must),
    ("currency", CURRENCY, Must),
    ("userId", Text, Must),
    ("invoiceId", Text, Must),
    ("paymentDestination", DESTINATION, Must),
    ("externalId", Text, May),
    ("quoteId", Text, May),
    ("payoutLabel", Text, May),
    ("attachments", List(&ATTACHMENT), May),
    ("guarantor", OneOf(&["company"]), May),
    ("preferInstantPayment", Flag, May),
];

fn is_url(text: &str) -> bool {
    let is_plain = !text.contains(['{', '}', ' ']);
    is_plain && text.parse::<Uri>().is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some())
}

fn is_siren(text: &str) -> bool {
    matches!(text.len(), 9 | 14) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.'))
}

fn is_phone(text: &str) -> bool {
    text.strip_prefix('+')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
