//! Sums what a buyer owes, per currency, with the parts kept.
//!
//! A payment moves nothing between ages: an invoice is as old as its original due date says, however often it was put
//! off. Items are read once and nothing is allocated but one row per currency, since this runs over whole ledgers.
//! Invariant: the five ages add up to the open invoices, and `outstanding` is those less credits and unallocated
//! receipts. Reference: shared rules, "Exposure".

use super::{Error, add, after_credits};
use crate::model::{Basis, Currency, Date, ItemKind, share_minor};

/// One open item of a buyer, as the ledger holds it at the asked time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenItem<'a> {
    /// The ERP's connection: two of them may use the same key.
    pub connection: &'a str,
    /// The ERP's key of the item.
    pub id: &'a str,
    /// The number people quote.
    pub number: &'a str,
    /// Invoice, credit note or receipt: gives the sign.
    pub kind: ItemKind,
    /// Currency of the amounts.
    pub currency: Currency,
    /// What is not yet allocated, minor units, not negative; an item with 0 counts nowhere.
    pub open_minor: i64,
    /// What of it is not tax, minor units; none where the document carries no tax figure.
    pub net_minor: Option<i64>,
    /// Date of the document.
    pub issued: Date,
    /// Due date as first invoiced: no extension moves a deadline.
    pub original_due: Date,
    /// The buyer contests it.
    pub disputed: bool,
}

impl OpenItem<'_> {
    /// What `left_minor` of its open amount counts for, minor units: on the net basis its share of what is not tax, rounded
    /// half to even. Without a tax figure all of it counts, since nothing is guessed.
    #[must_use]
    pub fn on_basis(&self, left_minor: i64, basis: Basis) -> i64 {
        let net = match basis {
            Basis::Gross => None,
            Basis::Net => self.net_minor,
        };
        net.and_then(|net| share_minor(left_minor, net, self.open_minor)).unwrap_or(left_minor)
    }

    /// Whether it counts whole on a basis that asks for a tax figure, and carries none.
    #[must_use]
    pub fn lacks_tax(&self, basis: Basis) -> bool {
        basis == Basis::Net && self.net_minor.is_none()
    }
}

/// What one buyer owes in one currency net of tax.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetExposure {
    /// What open credits leave of the open invoices, without tax, less the credits that no invoice is left for. Never more
    /// than what it owes gross.
    pub outstanding_minor: i64,
    /// How many of those invoices carry no tax figure and count whole.
    pub lacks_tax: u32,
}

/// What a buyer owes net of tax in one currency.
///
/// A credit note and a receipt settle what is owed with its tax, so they come off the oldest invoices before the tax does; what
/// is left of them then counts whole.
///
/// # Errors
/// [`Error::NegativeItem`] and [`Error::Overflow`].
pub fn net_exposure(items: &[OpenItem<'_>], currency: Currency) -> Result<NetExposure, Error> {
    let mut net = NetExposure::default();
    let mut credits = 0;
    for item in items.iter().filter(|item| item.currency == currency && item.kind != ItemKind::Invoice) {
        add(&mut credits, item.open_minor, "open credits")?;
    }
    for (item, left) in after_credits(items)?.into_iter().filter(|(item, _)| item.currency == currency) {
        credits -= item.open_minor - left;
        add(&mut net.outstanding_minor, item.on_basis(left, Basis::Net), "open invoices")?;
        net.lacks_tax = net.lacks_tax.saturating_add(u32::from(left > 0 && item.lacks_tax(Basis::Net)));
    }
    net.outstanding_minor -= credits; // one of the two is 0
    Ok(net)
}

/// What one buyer owes in one currency at a date. Every amount is in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// Currency of every amount.
    pub currency: Currency,
    /// Open invoices less open credit notes and unallocated receipts. Negative when the company owes the buyer.
    pub outstanding_minor: i64,
    /// Open invoices whose original due date is the date asked for or later.
    pub not_due_minor: i64,
    /// Open invoices 1 to 30 days past their original due date.
    pub overdue_1_30_minor: i64,
    /// Open invoices 31 to 60 days past their original due date.
    pub overdue_31_60_minor: i64,
    /// Open invoices 61 to 90 days past their original due date.
    pub overdue_61_90_minor: i64,
    /// Open invoices more than 90 days past their original due date.
    pub overdue_over_90_minor: i64,
    /// Thereof contested by the buyer: already counted in one of the five ages.
    pub disputed_minor: i64,
    /// Open credit notes, as a positive amount.
    pub credits_minor: i64,
    /// Receipts not yet allocated, as a positive amount.
    pub unallocated_minor: i64,
    /// The earliest original due date of an open invoice; none when no invoice is open.
    pub oldest_original_due: Option<Date>,
    /// How many invoices are open; each instalment counts.
    pub invoice_count: u32,
}

impl Exposure {
    const fn nothing(currency: Currency) -> Self {
        Self {
            currency,
            outstanding_minor: 0,
            not_due_minor: 0,
            overdue_1_30_minor: 0,
            overdue_31_60_minor: 0,
            overdue_61_90_minor: 0,
            overdue_over_90_minor: 0,
            disputed_minor: 0,
            credits_minor: 0,
            unallocated_minor: 0,
            oldest_original_due: None,
            invoice_count: 0,
        }
    }

    fn count(&mut self, item: &OpenItem<'_>, on: Date) -> Result<(), Error> {
        match item.kind {
            ItemKind::CreditNote => {
                return add(&mut self.credits_minor, item.open_minor, "open credit notes");
            }
            ItemKind::Receipt => {
                return add(&mut self.unallocated_minor, item.open_minor, "unallocated receipts");
            }
            ItemKind::Invoice => {}
        }
        let age = match on.signed_duration_since(item.original_due).num_days() {
            ..=0 => &mut self.not_due_minor,
            1..=30 => &mut self.overdue_1_30_minor,
            31..=60 => &mut self.overdue_31_60_minor,
            61..=90 => &mut self.overdue_61_90_minor,
            91.. => &mut self.overdue_over_90_minor,
        };
        add(age, item.open_minor, "open invoices")?;
        if item.disputed {
            add(&mut self.disputed_minor, item.open_minor, "disputed invoices")?;
        }
        self.oldest_original_due =
            Some(self.oldest_original_due.map_or(item.original_due, |oldest| oldest.min(item.original_due)));
        self.invoice_count =
            self.invoice_count.checked_add(1).ok_or(Error::Overflow { what: "the count of invoices" })?;
        Ok(())
    }

    /// Credits come off last, so that the order of the items cannot decide whether a sum fits.
    fn close(&mut self) -> Result<(), Error> {
        let ages = [
            self.not_due_minor,
            self.overdue_1_30_minor,
            self.overdue_31_60_minor,
            self.overdue_61_90_minor,
            self.overdue_over_90_minor,
        ];
        let mut sum = 0;
        for age in ages {
            add(&mut sum, age, "open invoices")?;
        }
        let mut credits = 0;
        add(&mut credits, self.credits_minor, "open credits")?;
        add(&mut credits, self.unallocated_minor, "open credits")?;
        self.outstanding_minor = sum - credits; // both are at least 0
        Ok(())
    }
}

/// Sums the open items of one buyer at `on`: one exposure per currency in which something is open, sorted by currency.
///
/// Counts every item it is given; which versions were known at the asked time is the ledger's question. An invoice due
/// on the day itself is not overdue.
///
/// # Errors
/// [`Error::NegativeItem`] for an open amount below zero, [`Error::Overflow`] for a sum beyond 64 bits.
pub fn exposures<'i, 'a: 'i>(
    items: impl IntoIterator<Item = &'i OpenItem<'a>>,
    on: Date,
) -> Result<Vec<Exposure>, Error> {
    let mut all: Vec<Exposure> = Vec::new();
    for item in items {
        if item.open_minor < 0 {
            return Err(Error::NegativeItem { id: item.id.to_owned(), minor: item.open_minor });
        }
        if item.open_minor == 0 {
            continue;
        }
        if !all.iter().any(|exposure| exposure.currency == item.currency) {
            all.push(Exposure::nothing(item.currency));
        }
        for exposure in all.iter_mut().filter(|exposure| exposure.currency == item.currency) {
            exposure.count(item, on)?;
        }
    }
    for exposure in &mut all {
        exposure.close()?;
    }
    all.sort_unstable_by_key(|exposure| exposure.currency);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn item(kind: ItemKind, open_minor: i64, original_due: &str) -> OpenItem<'static> {
        OpenItem {
            connection: "erp",
            id: "1",
            number: "F1",
            kind,
            currency: Currency::EUR,
            open_minor,
            net_minor: None,
            issued: day("2026-01-01"),
            original_due: day(original_due),
            disputed: false,
        }
    }

    #[test]
    fn ages_are_counted_from_the_original_due_date_with_their_edges() {
        let on = day("2026-06-30");
        for (original_due, want) in [
            ("2026-07-01", [1, 0, 0, 0, 0]),
            ("2026-06-30", [1, 0, 0, 0, 0]),
            ("2026-06-29", [0, 1, 0, 0, 0]),
            ("2026-05-31", [0, 1, 0, 0, 0]),
            ("2026-05-30", [0, 0, 1, 0, 0]),
            ("2026-05-01", [0, 0, 1, 0, 0]),
            ("2026-04-30", [0, 0, 0, 1, 0]),
            ("2026-04-01", [0, 0, 0, 1, 0]),
            ("2026-03-31", [0, 0, 0, 0, 1]),
        ] {
            let sums = exposures(&[item(ItemKind::Invoice, 1, original_due)], on).unwrap();
            let e = sums[0];
            let ages = [
                e.not_due_minor,
                e.overdue_1_30_minor,
                e.overdue_31_60_minor,
                e.overdue_61_90_minor,
                e.overdue_over_90_minor,
            ];
            assert_eq!(ages, want, "{original_due}");
        }
    }

    #[test]
    fn credits_come_off_and_their_dates_age_nothing() {
        let mut contested = item(ItemKind::Invoice, 300, "2026-06-01");
        contested.disputed = true;
        let items = [
            item(ItemKind::Invoice, 1000, "2026-07-15"),
            contested,
            item(ItemKind::CreditNote, 200, "2020-01-01"),
            item(ItemKind::Receipt, 50, "2020-01-01"),
            item(ItemKind::Invoice, 0, "2019-01-01"),
        ];
        let sums = exposures(&items, day("2026-06-30")).unwrap();
        assert_eq!(
            sums,
            [Exposure {
                outstanding_minor: 1050,
                not_due_minor: 1000,
                overdue_1_30_minor: 300,
                disputed_minor: 300,
                credits_minor: 200,
                unallocated_minor: 50,
                oldest_original_due: Some(day("2026-06-01")),
                invoice_count: 2,
                ..Exposure::nothing(Currency::EUR)
            }]
        );
    }

    #[test]
    fn currencies_are_never_added_and_come_sorted() {
        let usd = Currency::parse("USD").unwrap();
        let mut dollars = item(ItemKind::Receipt, 70, "2026-01-01");
        dollars.currency = usd;
        let sums =
            exposures(&[dollars, item(ItemKind::Invoice, 5, "2026-01-01")], day("2026-01-01")).unwrap();
        let seen: Vec<_> = sums.iter().map(|e| (e.currency, e.outstanding_minor)).collect();
        assert_eq!(seen, [(Currency::EUR, 5), (usd, -70)]);
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error() {
        let items =
            [item(ItemKind::Invoice, i64::MAX, "2026-01-01"), item(ItemKind::Invoice, 1, "2026-07-01")];
        assert_eq!(
            exposures(&items, day("2026-06-30")),
            Err(Error::Overflow { what: "open invoices" }),
            "also when the two are of different ages"
        );
        let wrong = item(ItemKind::Invoice, -1, "2026-01-01");
        assert!(matches!(exposures(&[wrong], day("2026-06-30")), Err(Error::NegativeItem { minor: -1, .. })));
    }

    #[test]
    fn net_of_tax_each_currency_stands_alone_and_what_is_settled_lacks_no_tax() {
        let usd = Currency::parse("USD").unwrap();
        let taxed = |minor, due: &str| OpenItem {
            net_minor: Some(minor * 5 / 6),
            ..item(ItemKind::Invoice, minor, due)
        };
        let dollars = |item: OpenItem<'static>| OpenItem { currency: usd, ..item };
        let items = [
            taxed(1_200, "2026-03-01"),
            item(ItemKind::Invoice, 500, "2026-01-01"),
            item(ItemKind::Receipt, 500, "2026-02-01"),
            item(ItemKind::Invoice, 70, "2026-04-01"),
            dollars(item(ItemKind::CreditNote, 900, "2026-01-01")),
            dollars(taxed(600, "2026-01-01")),
        ];
        let net = |items: &[OpenItem<'_>], currency| {
            let net = net_exposure(items, currency).unwrap();
            (net.outstanding_minor, net.lacks_tax)
        };
        assert_eq!(
            net(&items, Currency::EUR),
            (1_070, 1),
            "the one of 500 is settled, that of 70 counts whole"
        );
        assert_eq!(net(&items, usd), (-300, 0), "what is left of a credit counts whole");
        assert_eq!(net(&items, Currency::parse("JPY").unwrap()), (0, 0));
        assert_eq!(net(&items[..1], Currency::EUR), (1_000, 0));
        let without = item(ItemKind::Invoice, 70, "2026-04-01");
        assert!(without.lacks_tax(Basis::Net) && !without.lacks_tax(Basis::Gross));
        assert!(!items[0].lacks_tax(Basis::Net) && !items[0].lacks_tax(Basis::Gross));
        assert_eq!(items[0].on_basis(600, Basis::Net), 500);
        assert_eq!((items[0].on_basis(600, Basis::Gross), without.on_basis(60, Basis::Net)), (600, 60));
    }

    fn kind() -> impl Strategy<Value = ItemKind> {
        prop::sample::select(ItemKind::ALL)
    }

    proptest! {
        #[test]
        fn parts_add_up_whatever_the_order_of_arrival(
            (items, shuffled) in prop::collection::vec((kind(), 0_i64..1_000_000, 0_u64..400, any::<bool>(), any::<bool>()), 0..30)
                .prop_map(|specs| specs.into_iter().map(|(kind, open, days, disputed, yen)| OpenItem {
                    original_due: day("2026-01-01") + chrono::Days::new(days),
                    disputed,
                    currency: if yen { Currency::parse("JPY").unwrap() } else { Currency::EUR },
                    ..item(kind, open, "2026-01-01")
                }).collect::<Vec<_>>())
                .prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
        ) {
            let on = day("2026-07-01");
            let sums = exposures(&items, on).unwrap();
            prop_assert_eq!(&sums, &exposures(&shuffled, on).unwrap());
            for e in &sums {
                let of = |kind: ItemKind| -> i64 {
                    items.iter().filter(|i| i.kind == kind && i.currency == e.currency).map(|i| i.open_minor).sum()
                };
                let ages = e.not_due_minor + e.overdue_1_30_minor + e.overdue_31_60_minor + e.overdue_61_90_minor
                    + e.overdue_over_90_minor;
                prop_assert_eq!(ages, of(ItemKind::Invoice));
                prop_assert_eq!(e.outstanding_minor, ages - of(ItemKind::CreditNote) - of(ItemKind::Receipt));
                prop_assert!((0..=ages).contains(&e.disputed_minor));
            }
            let signed: i64 = items.iter().map(|i| i.kind.sign() * i.open_minor).sum();
            prop_assert_eq!(sums.iter().map(|e| e.outstanding_minor).sum::<i64>(), signed);
        }
    }
}
