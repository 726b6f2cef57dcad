//! Which documents of the ledger a contract takes, and why it does not take the others.
//!
//! Invariant: every document that is offered is either in the selection or refused with one reason, never both and never
//! neither; what is selected is one currency. Reference: shared rules, "Factoring".

use std::collections::BTreeSet;

use crate::model::{AssignedBuyer, BuyerKind, Contract, Currency, Date, ItemKind, words};

words! {
    /// Why a document is not assigned. The first that holds, in this order.
    Refusal {
        /// A receipt is no claim on anybody.
        NotAClaim = "not_a_claim",
        /// It is in a batch of this contract already.
        Assigned = "already_assigned",
        /// It is assigned under another contract: what is sold to one factor cannot be sold to another.
        AssignedElsewhere = "assigned_elsewhere",
        /// The factor's form cannot hold it.
        DoesNotFit = "does_not_fit",
        /// A document of this contract has its number, and the factor takes a number once.
        NumberTaken = "number_taken",
        /// It belongs to the same group.
        Affiliate = "affiliate",
        /// It is a public body.
        Public = "public",
        /// It is a private person.
        PrivatePerson = "private_person",
        /// The factor does not know the buyer.
        UnknownBuyer = "unknown_to_factor",
        /// The contract has no such currency.
        Currency = "currency_not_in_contract",
        /// The contract does not take buyers of this country, or the country is not known.
        Country = "country_not_in_contract",
        /// It is dated before the contract begins, or after the day of the batch.
        OutsideContract = "outside_contract",
        /// The buyer contests it.
        Disputed = "disputed",
        /// It is past due for longer than the contract allows.
        Overdue = "overdue",
        /// Less of it is open than the contract takes.
        BelowMinimum = "below_minimum",
        /// The factor has approved no amount for the buyer.
        NoApproval = "no_approval",
        /// A credit note of a buyer of whom nothing is assigned.
        NothingAssigned = "nothing_assigned",
        /// The factor would pay nothing for it, and is asked for each document's financing by itself.
        NothingFinanced = "nothing_financed",
    }
}

impl Refusal {
    /// The same in words.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::NotAClaim => "a receipt is no claim on the buyer",
            Self::Assigned => "it is in a batch of this contract already",
            Self::AssignedElsewhere => "it is assigned under another contract, and can be sold once only",
            Self::DoesNotFit => "the factor's form cannot hold it",
            Self::NumberTaken => {
                "another document of this contract has its number, and the factor takes a number once"
            }
            Self::Affiliate => "the buyer belongs to the same group, and the contract excludes it",
            Self::Public => "the buyer is a public body, and the contract excludes it",
            Self::PrivatePerson => "the buyer is a private person, and the contract excludes it",
            Self::UnknownBuyer => "the factor does not know the buyer: the contract has no [[buyer]] for it",
            Self::Currency => "the contract has no such currency",
            Self::Country => "the contract does not take buyers of this country, or the country is not known",
            Self::OutsideContract => "its date is before the contract begins, or after the day of the batch",
            Self::Disputed => "the buyer contests it",
            Self::Overdue => "it is past due for longer than the contract allows",
            Self::BelowMinimum => "less of it is open than the contract takes",
            Self::NoApproval => "the factor has approved no amount for the buyer",
            Self::NothingAssigned => "it is a credit note, and nothing of its buyer is assigned",
            Self::NothingFinanced => {
                "the factor would pay nothing for it, and is asked to finance each document by itself"
            }
        }
    }
}

/// A document that is open in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The connection that it was read from.
    pub connection: String,
    /// The source's own key.
    pub external_id: String,
    /// Its number.
    pub number: String,
    /// Invoice, credit note or receipt.
    pub kind: ItemKind,
    /// Who owes it.
    pub buyer: AssignedBuyer,
    /// Currency of the amounts.
    pub currency: Currency,
    /// Its whole amount, minor units.
    pub total_minor: i64,
    /// What is open of it, minor units.
    pub open_minor: i64,
    /// The tax in the whole amount, where the ERP says so, minor units.
    pub tax_minor: Option<i64>,
    /// Date of the document.
    pub issued: Date,
    /// Due date.
    pub due: Date,
    /// The first due date it had: what overdue days are counted from.
    pub original_due: Date,
    /// The buyer contests it.
    pub disputed: bool,
    /// Of a credit note, the number of the one invoice that it credits.
    pub credits: Option<String>,
    /// The buyer's reference.
    pub reference: Option<String>,
}

/// A document that is not assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The document.
    pub document: Candidate,
    /// Why.
    pub reason: Refusal,
    /// What does not fit, and where.
    pub detail: Option<String>,
}

/// What a batch would hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Documents to assign, by buyer's code, date and number.
    pub documents: Vec<Candidate>,
    /// Those that are not, in the same order.
    pub refused: Vec<Refused>,
}

/// What a contract has assigned so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Documents by connection and key.
    pub documents: BTreeSet<(String, String)>,
    /// Documents that other contracts have, by connection and key.
    pub elsewhere: BTreeSet<(String, String)>,
    /// Numbers, as they were written for the factor.
    pub numbers: BTreeSet<String>,
    /// Buyers of whom something assigned is not paid.
    pub buyers: BTreeSet<String>,
}

/// How the factor's form writes a document's number, or what of the document it cannot hold.
pub type Writes<'w> = dyn Fn(&Candidate) -> Result<String, String> + 'w;

/// Selects what a contract takes of open documents, for a batch in one currency made on a day.
#[must_use]
pub fn select(
    candidates: Vec<Candidate>,
    contract: &Contract,
    taken: &Taken,
    currency: Currency,
    on: Date,
    writes: &Writes<'_>,
) -> Selection {
    let mut ordered = candidates;
    ordered.sort_by(|a, b| order(a).cmp(&order(b)));
    let reasons: Vec<Option<Refusal>> =
        ordered.iter().map(|document| refusal(document, contract, taken, currency, on)).collect();
    // What of a buyer is assigned decides on its credit notes.
    let mut assigned = taken.buyers.clone();
    let invoices = ordered
        .iter()
        .zip(&reasons)
        .filter(|(document, reason)| document.kind == ItemKind::Invoice && reason.is_none());
    assigned.extend(invoices.map(|(document, _)| document.buyer.id.clone()));
    let mut numbers = BTreeSet::new();
    let mut selection = Selection::default();
    for (document, mut reason) in ordered.into_iter().zip(reasons) {
        let mut detail = None;
        if reason.is_none() && document.kind == ItemKind::CreditNote && !assigned.contains(&document.buyer.id)
        {
            reason = Some(Refusal::NothingAssigned);
        }
        if reason.is_none() {
            // Of two documents with one number the factor would refuse the second, or take it for the first.
            match writes(&document) {
                Err(told) => (reason, detail) = (Some(Refusal::DoesNotFit), Some(told)),
                Ok(number) => {
                    let is_taken = taken.numbers.contains(&number) || !numbers.insert(number);
                    reason = is_taken.then_some(Refusal::NumberTaken);
                }
            }
        }
        match reason {
            None => selection.documents.push(document),
            Some(reason) => selection.refused.push(Refused { document, reason, detail }),
        }
    }
    selection
}

fn order(document: &Candidate) -> (&str, Date, &str, &str, &str) {
    (&document.buyer.code, document.issued, &document.number, &document.connection, &document.external_id)
}

/// Why the contract does not take a document, as far as the document tells by itself.
fn refusal(
    document: &Candidate,
    contract: &Contract,
    taken: &Taken,
    currency: Currency,
    on: Date,
) -> Option<Refusal> {
    let is_invoice = match document.kind {
        ItemKind::Invoice => true,
        ItemKind::CreditNote => false,
        ItemKind::Receipt => return Some(Refusal::NotAClaim),
    };
    let key = (document.connection.clone(), document.external_id.clone());
    if taken.documents.contains(&key) {
        return Some(Refusal::Assigned);
    }
    if taken.elsewhere.contains(&key) {
        return Some(Refusal::AssignedElsewhere);
    }
    let buyer = &document.buyer;
    if let Some(excluded) = contract.excluded_buyers.iter().find(|excluded| excluded.buyer == buyer.id) {
        return Some(match excluded.kind {
            BuyerKind::Affiliate => Refusal::Affiliate,
            BuyerKind::Public => Refusal::Public,
            BuyerKind::PrivatePerson => Refusal::PrivatePerson,
        });
    }
    let known = contract.buyer(&buyer.id);
    if known.is_none() && !contract.any_buyer {
        return Some(Refusal::UnknownBuyer);
    }
    if document.currency != currency || !contract.currencies.contains(&document.currency) {
        return Some(Refusal::Currency);
    }
    let is_known_country = !buyer.country.is_empty();
    if !is_known_country || !(contract.countries.is_empty() || contract.countries.contains(&buyer.country)) {
        return Some(Refusal::Country);
    }
    if document.issued < contract.valid_from || document.issued > on {
        return Some(Refusal::OutsideContract);
    }
    // What follows keeps claims from the factor that are worth less. A credit note lowers what the factor is owed, and goes.
    if !is_invoice {
        return None;
    }
    if document.disputed {
        return Some(Refusal::Disputed);
    }
    if (on - document.original_due).num_days() > contract.max_days_overdue {
        return Some(Refusal::Overdue);
    }
    if contract.minimum.get(&currency).is_some_and(|minimum| document.open_minor < *minimum) {
        return Some(Refusal::BelowMinimum);
    }
    let approved = known.and_then(|known| known.approval.as_ref()).and_then(|by| by.get(&currency)).copied();
    (contract.approval_required && approved.unwrap_or_default() <= 0).then_some(Refusal::NoApproval)
}

#[cfg(test)]
mod tests;
