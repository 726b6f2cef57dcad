//! What is assigned to a factor: documents, the buyers that owe them, and the batch that they travel in.
//!
//! Invariant: amounts are never negative; which way a document counts comes from its kind. A batch is of one contract and
//! one currency. Reference: shared rules, "Factoring".

use super::{BuyerId, Currency, Date, Identifier, Scheme, words};

words! {
    /// What a line of a batch tells the factor.
    DocumentKind {
        /// An invoice that is assigned.
        Invoice = "invoice",
        /// A credit note of an assigned buyer.
        CreditNote = "credit_note",
        /// Money that reached the seller for an assigned invoice: a direct payment.
        Payment = "payment",
        /// Another correction of an assigned invoice, against the buyer's debt.
        Adjustment = "adjustment",
        /// A word that the buyer contests an assigned invoice. It changes no debt.
        Dispute = "dispute",
    }
}

impl DocumentKind {
    /// What a form takes that does not say it: few have a place for disputes.
    pub const USUAL: &'static [Self] = &[Self::Invoice, Self::CreditNote, Self::Payment, Self::Adjustment];

    /// +1 for what the buyer owes, −1 for what lowers it, 0 for a word alone.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Invoice => 1,
            Self::CreditNote | Self::Payment | Self::Adjustment => -1,
            Self::Dispute => 0,
        }
    }
}

words! {
    /// Where a buyer is, as seen from the contract.
    Market {
        /// In the contract's own country.
        Domestic = "domestic",
        /// Elsewhere.
        Export = "export",
    }
}

/// A buyer as a factor is told of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AssignedBuyer {
    /// The legal buyer.
    pub id: BuyerId,
    /// The customer code of the ERP.
    pub code: String,
    /// Name as the ERP has it.
    pub name: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Street and number.
    pub street: Option<String>,
    /// Postcode.
    pub postcode: Option<String>,
    /// Town.
    pub town: Option<String>,
    /// Registry identifiers, sound ones only.
    pub identifiers: Vec<Identifier>,
    /// What the factor calls the buyer, where it gave it a number.
    pub factor_id: Option<String>,
    /// Domestic or export.
    pub market: Market,
}

impl AssignedBuyer {
    /// Its identifier of a registry; the SIREN also from a SIRET or a French VAT number.
    #[must_use]
    pub fn identifier(&self, scheme: Scheme) -> Option<String> {
        let own = self.identifiers.iter().find(|id| id.scheme == scheme).map(|id| id.value.clone());
        own.or_else(|| {
            let within = || self.identifiers.iter().find_map(Identifier::siren);
            (scheme == Scheme::Siren).then(within).flatten().map(|id| id.value)
        })
    }
}

/// One document of a batch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AssignedDocument {
    /// What it is.
    pub kind: DocumentKind,
    /// Its number; of a payment, an adjustment or a dispute, that of its invoice.
    pub number: String,
    /// Who owes it.
    pub buyer: AssignedBuyer,
    /// Currency of the amount: that of the batch.
    pub currency: Currency,
    /// What is assigned, tax included, minor units: what is open of the document when the batch is made; of a dispute, what is
    /// contested.
    pub amount_minor: i64,
    /// The whole document, tax included, minor units; of a payment, an adjustment or a dispute, its invoice. Nothing in batches of before
    /// it was kept.
    #[serde(default)]
    pub total_minor: Option<i64>,
    /// The tax in it, where the ERP says so, minor units.
    #[serde(default)]
    pub tax_minor: Option<i64>,
    /// Date of the document; of a payment, the day on which it came; of a dispute, the day on which it is told.
    pub issued: Date,
    /// Due date.
    pub due: Date,
    /// Of a credit note, the number of the one invoice that it credits, where the ledger knows it.
    pub credits: Option<String>,
    /// The buyer's reference.
    pub reference: Option<String>,
}

/// What is the same for all documents of a batch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BatchHead {
    /// The number of the contract.
    pub contract: String,
    /// The number of the batch in its contract, from 1 on, without gaps.
    pub batch: i64,
    /// The day on which it is made.
    pub date: Date,
    /// Currency of every amount.
    pub currency: Currency,
    /// Name of the company that assigns.
    pub company: String,
    /// The day of the factor's last statement that was taken into account.
    pub statement_date: Option<Date>,
}

/// Number and sum of the documents of a batch, by kind: what both sides compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ControlTotals {
    /// Number of invoices.
    pub invoices: i64,
    /// Their sum, minor units.
    pub invoices_minor: i64,
    /// Number of credit notes.
    pub credit_notes: i64,
    /// Their sum, never negative, minor units.
    pub credit_notes_minor: i64,
    /// Number of direct payments.
    pub payments: i64,
    /// Their sum, never negative, minor units.
    pub payments_minor: i64,
    /// Number of adjustments.
    pub adjustments: i64,
    /// Their sum, never negative, minor units.
    pub adjustments_minor: i64,
    /// Number of disputes that are told.
    #[serde(default)]
    pub disputes: i64,
    /// What is contested, minor units: part of no other sum.
    #[serde(default)]
    pub disputes_minor: i64,
}

impl ControlTotals {
    /// Counts a document in; `None` when a sum does not fit any more.
    #[must_use]
    pub fn with(mut self, kind: DocumentKind, amount_minor: i64) -> Option<Self> {
        let (number, sum) = match kind {
            DocumentKind::Invoice => (&mut self.invoices, &mut self.invoices_minor),
            DocumentKind::CreditNote => (&mut self.credit_notes, &mut self.credit_notes_minor),
            DocumentKind::Payment => (&mut self.payments, &mut self.payments_minor),
            DocumentKind::Adjustment => (&mut self.adjustments, &mut self.adjustments_minor),
            DocumentKind::Dispute => (&mut self.disputes, &mut self.disputes_minor),
        };
        *number = number.checked_add(1)?;
        *sum = sum.checked_add(amount_minor)?;
        Some(self)
    }

    /// All documents.
    #[must_use]
    pub const fn count(&self) -> i64 {
        self.invoices + self.credit_notes + self.payments + self.adjustments + self.disputes
    }

    /// All amounts that change a debt, none of them negative, minor units; `None` when that does not fit.
    #[must_use]
    pub fn amounts_minor(&self) -> Option<i64> {
        let lowering = [self.credit_notes_minor, self.payments_minor, self.adjustments_minor];
        lowering.into_iter().try_fold(self.invoices_minor, i64::checked_add)
    }

    /// What the buyers owe of it: invoices less everything that lowers them, minor units; negative when that is more.
    #[must_use]
    pub const fn balance_minor(&self) -> i64 {
        self.invoices_minor - self.credit_notes_minor - self.payments_minor - self.adjustments_minor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_kept_by_kind_and_the_balance_takes_off_what_lowers_it() {
        let all = [
            (DocumentKind::Invoice, 10_000),
            (DocumentKind::Invoice, 5_000),
            (DocumentKind::CreditNote, 1_200),
            (DocumentKind::Payment, 300),
            (DocumentKind::Adjustment, 7),
            (DocumentKind::Dispute, 5_000),
        ];
        let totals = all
            .iter()
            .try_fold(ControlTotals::default(), |totals, (kind, minor)| totals.with(*kind, *minor))
            .unwrap();
        assert_eq!((totals.invoices, totals.invoices_minor), (2, 15_000));
        assert_eq!((totals.credit_notes, totals.credit_notes_minor), (1, 1_200));
        assert_eq!((totals.payments_minor, totals.adjustments_minor), (300, 7));
        assert_eq!((totals.disputes, totals.disputes_minor), (1, 5_000));
        assert_eq!((totals.count(), totals.balance_minor()), (6, 13_493), "a dispute changes no debt");
        assert_eq!(totals.amounts_minor(), Some(16_507));
        assert_eq!(ControlTotals { payments_minor: i64::MAX, ..totals }.amounts_minor(), None);
        assert_eq!(totals.balance_minor(), all.iter().map(|(kind, minor)| kind.sign() * minor).sum::<i64>());
        assert_eq!(totals.with(DocumentKind::Invoice, i64::MAX), None);
    }

    #[test]
    fn a_siren_is_found_in_a_siret() {
        let buyer = AssignedBuyer {
            id: "siren:404833048".into(),
            code: "C1".into(),
            name: "Exemple".into(),
            country: "FR".into(),
            street: None,
            postcode: None,
            town: None,
            identifiers: Identifier::new(Scheme::Siret, "404 833 048 00022").into_iter().collect(),
            factor_id: None,
            market: Market::Domestic,
        };
        assert_eq!(buyer.identifier(Scheme::Siren).as_deref(), Some("404833048"));
        assert_eq!(buyer.identifier(Scheme::Siret).as_deref(), Some("40483304800022"));
        assert_eq!(buyer.identifier(Scheme::Vat), None);
    }
}
