//! Items of a customer ledger: invoices, credit notes and receipts, and the allocations between them.
//!
//! Invariant: `total_minor` and `open_minor` are never negative; the sign an item has in the exposure comes from its
//! kind. Reference: shared rules, "Words" and "Exposure".

use super::{Currency, Date, words};

words! {
    /// What an item is, and so which way it counts.
    ItemKind {
        /// The buyer owes it.
        Invoice = "invoice",
        /// The company owes it back.
        CreditNote = "credit_note",
        /// Money in; what is open of it is not yet allocated.
        Receipt = "receipt",
    }
}

impl ItemKind {
    /// +1 for what the buyer owes, −1 for what lowers it.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Invoice => 1,
            Self::CreditNote | Self::Receipt => -1,
        }
    }
}

/// One item of one account, as its source states it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Item {
    /// The source's own key, text for ever (`00012`, `1E5`).
    pub external_id: String,
    /// The number people quote.
    pub number: String,
    /// Invoice, credit note or receipt.
    pub kind: ItemKind,
    /// The external id of the account that owes it.
    pub account: String,
    /// Currency of every amount below.
    pub currency: Currency,
    /// The amount of the document, tax included, minor units.
    pub total_minor: i64,
    /// What is not yet allocated, minor units; 0 when settled.
    pub open_minor: i64,
    /// The tax in `total_minor`, where the source says it.
    pub tax_minor: Option<i64>,
    /// Date of the document.
    pub issued: Date,
    /// Due date; for a receipt its own date.
    pub due: Date,
    /// The due date was computed from terms because the source has none.
    pub due_estimated: bool,
    /// The buyer contests it.
    pub disputed: bool,
    /// The buyer's or the bank's reference.
    pub reference: Option<String>,
}

/// The part of an amount of a document that is not tax: `amount × (total − tax) / total`, rounded half to even, minor units.
///
/// None where there is no tax figure, or one that no document of this total can have.
#[must_use]
pub fn net_minor(amount_minor: i64, total_minor: i64, tax_minor: Option<i64>) -> Option<i64> {
    let tax = tax_minor.filter(|tax| (0..=total_minor).contains(tax))?;
    if total_minor == 0 {
        return (amount_minor == 0).then_some(0);
    }
    share_minor(amount_minor, total_minor - tax, total_minor)
}

/// `amount × part / whole`, rounded half to even; none where `whole` is not above zero or the result does not fit.
#[must_use]
pub fn share_minor(amount_minor: i64, part_minor: i64, whole_minor: i64) -> Option<i64> {
    if whole_minor <= 0 {
        return None;
    }
    let (product, whole) = (i128::from(amount_minor) * i128::from(part_minor), i128::from(whole_minor));
    let (quotient, rest) = (product.div_euclid(whole), product.rem_euclid(whole));
    let up = match (rest * 2).cmp(&whole) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => quotient.rem_euclid(2),
        std::cmp::Ordering::Greater => 1,
    };
    i64::try_from(quotient + up).ok()
}

/// One due date of an invoice that is paid in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instalment {
    /// Its due date.
    pub due: Date,
    /// Its amount, minor units of the invoice's currency.
    pub amount_minor: i64,
}

impl Item {
    /// Splits an invoice into one item per due date; what was paid is taken from the earliest ones first.
    ///
    /// With fewer than two instalments the item is returned as it is. The parts keep the number and get the external
    /// ids `id#1`, `id#2`, …; their totals, open amounts and taxes add up to those of the whole, and each has its share of
    /// the tax.
    ///
    /// # Errors
    /// The sum of the instalments, when it is not the total of the invoice.
    pub fn split(self, instalments: &[Instalment]) -> Result<Vec<Self>, i64> {
        let mut parts: Vec<Instalment> = instalments.to_vec();
        parts.sort_by_key(|part| part.due);
        match parts.as_slice() {
            [] => return Ok(vec![self]),
            [only] => return Ok(vec![Self { due: only.due, due_estimated: false, ..self }]),
            _ => {}
        }
        let sum: i64 = parts.iter().map(|part| part.amount_minor).sum();
        if sum != self.total_minor {
            return Err(sum);
        }
        let mut paid = self.total_minor - self.open_minor;
        let (mut upto, mut taxed) = (0, 0);
        let items = parts.iter().enumerate().map(|(index, part)| {
            let settled = paid.min(part.amount_minor);
            paid -= settled;
            upto += part.amount_minor;
            let tax = self.tax_minor.and_then(|tax| share_minor(tax, upto, sum)).map(|tax| tax - taxed);
            taxed += tax.unwrap_or_default();
            Self {
                external_id: format!("{}#{}", self.external_id, index + 1),
                total_minor: part.amount_minor,
                open_minor: part.amount_minor - settled,
                tax_minor: tax,
                due: part.due,
                due_estimated: false,
                ..self.clone()
            }
        });
        Ok(items.collect())
    }
}

/// A part of a receipt or credit note that settles part of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Allocation {
    /// The source's own key of the allocation.
    pub external_id: String,
    /// External id of the receipt or credit note; empty when the source does not say which.
    pub from: String,
    /// External id of the invoice that is settled.
    pub to: String,
    /// Currency of the amount.
    pub currency: Currency,
    /// Minor units.
    pub amount_minor: i64,
    /// When it was allocated.
    pub date: Date,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(total: i64, open: i64) -> Item {
        Item {
            external_id: "7".into(),
            number: "F7".into(),
            kind: ItemKind::Invoice,
            account: "C1".into(),
            currency: Currency::EUR,
            total_minor: total,
            open_minor: open,
            tax_minor: None,
            issued: Date::from_ymd_opt(2026, 1, 1).unwrap(),
            due: Date::from_ymd_opt(2026, 2, 1).unwrap(),
            due_estimated: true,
            disputed: false,
            reference: None,
        }
    }

    fn part(day: u32, amount_minor: i64) -> Instalment {
        Instalment { due: Date::from_ymd_opt(2026, 3, day).unwrap(), amount_minor }
    }

    #[test]
    fn a_payment_settles_the_earliest_instalment_first() {
        let parts = item(1000, 400).split(&[part(20, 500), part(10, 500)]).unwrap();
        let seen: Vec<_> =
            parts.iter().map(|p| (p.external_id.as_str(), p.due.to_string(), p.open_minor)).collect();
        assert_eq!(seen, [("7#1", "2026-03-10".to_owned(), 0), ("7#2", "2026-03-20".to_owned(), 400)]);
    }

    #[test]
    fn one_due_date_keeps_the_id_and_is_no_estimate() {
        let parts = item(1000, 400).split(&[part(10, 999)]).unwrap();
        assert_eq!(
            (parts[0].external_id.as_str(), parts[0].due_estimated, parts[0].open_minor),
            ("7", false, 400)
        );
    }

    #[test]
    fn instalments_that_are_not_the_total_are_refused() {
        assert_eq!(item(1000, 0).split(&[part(1, 500), part(2, 499)]), Err(999));
    }

    #[test]
    fn the_net_part_is_rounded_half_to_even_and_needs_a_tax_that_can_be() {
        assert_eq!(net_minor(12_000, 12_000, Some(2_000)), Some(10_000));
        assert_eq!(net_minor(6_000, 12_000, Some(2_000)), Some(5_000), "half of it is open");
        assert_eq!((net_minor(1, 2, Some(1)), net_minor(3, 2, Some(1))), (Some(0), Some(2)), "0.5 and 1.5");
        assert_eq!(net_minor(i64::MAX, i64::MAX, Some(0)), Some(i64::MAX));
        assert_eq!(net_minor(100, 100, None), None);
        assert_eq!((net_minor(100, 100, Some(101)), net_minor(100, 100, Some(-1))), (None, None));
        assert_eq!((net_minor(0, 0, Some(0)), net_minor(1, 0, Some(0))), (Some(0), None));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(amounts in prop::collection::vec(1_i64..10_000, 2..6), share in 0_i64..=100) {
            let total: i64 = amounts.iter().sum();
            let open = total * share / 100;
            let parts: Vec<_> = amounts.iter().zip(1..).map(|(a, d)| part(d, *a)).collect();
            let items = item(total, open).split(&parts).unwrap();
            prop_assert_eq!(items.iter().map(|i| i.total_minor).sum::<i64>(), total);
            prop_assert_eq!(items.iter().map(|i| i.open_minor).sum::<i64>(), open);
            let taxed = Item { tax_minor: Some(total / 6), ..item(total, open) }.split(&parts).unwrap();
            prop_assert_eq!(taxed.iter().filter_map(|i| i.tax_minor).sum::<i64>(), total / 6);
            prop_assert!(items.iter().all(|i| (0..=i.total_minor).contains(&i.open_minor)));
        }
    }
}
