//! What buyers owe: nine months of invoices, credit notes and receipts, and what a day changes.
//!
//! Invariant: numbers are given in the order of dates, and nothing is dated after the day it is seen on.

use chrono::Datelike as _;

use super::buyers::{Buyer, Habit, Size, Standing};
use super::calendar::{self, shift};
use super::rng::Rng;
use crate::model::{Currency, Date, Item, ItemKind};

/// How far back the ledger goes, in days.
const HISTORY_DAYS: i64 = 270;

/// Sales of a month against those of October, in thirteenths: the trade stands still in August.
const SEASON: [i64; 12] = [9, 9, 11, 10, 9, 10, 8, 3, 12, 13, 12, 9];

/// Numbers of documents taken over from an older program, that a careless reader would turn into others.
const TRAPS: [&str; 3] = ["00012", "1E5", "005520135"];

/// The items of both days and what lies between them.
pub(super) struct Ledger {
    pub(super) first: Vec<Item>,
    pub(super) second: Vec<Item>,
    pub(super) changes: Changes,
    /// The number that a bad row repeats.
    pub(super) repeated: Option<Item>,
}

/// What the second day changes, by document number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Invoices settled since: on the second day their row says `0,00`.
    pub paid_in_full: Vec<String>,
    /// Invoices of which a part was paid.
    pub paid_in_part: Vec<String>,
    /// Receipts of the first day, allocated since to invoices of `paid_in_full`: their rows are gone.
    pub allocated_receipts: Vec<String>,
    /// Invoices made since.
    pub new_invoices: Vec<String>,
    /// Credit notes made since.
    pub new_credit_notes: Vec<String>,
    /// Invoices contested since.
    pub disputed: Vec<String>,
}

/// Invents the ledger of the buyers on both days.
pub(super) fn ledger(seed: u64, buyers: &[Buyer], first_day: Date, second_day: Date) -> Ledger {
    let mut invoices = invoices(seed, buyers, first_day);
    let mut rng = Rng::new(seed, "marks", 0);
    let open = |invoices: &[Item]| -> Vec<usize> {
        invoices.iter().enumerate().filter(|(_, i)| i.open_minor > 0).map(|(index, _)| index).collect()
    };
    let mut places = open(&invoices);
    for (place, number) in places.iter().zip(TRAPS) {
        if let Some(invoice) = invoices.get_mut(*place) {
            number.clone_into(&mut invoice.number);
            number.clone_into(&mut invoice.external_id);
            invoice.reference = Some("REPRISE".to_owned());
        }
    }
    places.drain(..TRAPS.len().min(places.len()));
    rng.shuffle(&mut places);
    let mut places = places.into_iter();
    for place in places.by_ref().take(22) {
        if let Some(invoice) = invoices.get_mut(place) {
            invoice.disputed = true;
        }
    }

    let credit_notes = credit_notes(seed, &mut invoices, first_day);
    let repeated = places
        .by_ref()
        .find_map(|place| invoices.get(place).filter(|i| i.currency == Currency::EUR).cloned());
    // What is left may be paid: neither contested, nor a trap, nor repeated by a bad row.
    let payable: Vec<usize> = places
        .filter(|place| {
            invoices.get(*place).is_some_and(|i| i.open_minor > 0 && i.due <= shift(first_day, 5))
        })
        .collect();
    let mut payable = payable.into_iter();
    let settled_later: Vec<usize> = payable.by_ref().take(3).collect();
    let receipts = receipts(seed, buyers, &invoices, &settled_later, first_day);

    let count = invoices.len();
    let mut first = invoices;
    first.extend(credit_notes);
    first.extend(receipts);
    let (second, changes) = next_day(seed, buyers, &first, count, &settled_later, payable, second_day);
    Ledger { first, second, changes, repeated }
}

/// Invoices in the order of their numbers, paid or not as the habit of each buyer has it.
fn invoices(seed: u64, buyers: &[Buyer], first_day: Date) -> Vec<Item> {
    let days = calendar::business_days(shift(first_day, -HISTORY_DAYS), shift(first_day, -1));
    let recent: Vec<Date> = days.iter().rev().take(12).copied().collect();
    let mut invoices = Vec::new();
    for (index, buyer) in (0_u64..).zip(buyers) {
        let mut rng = Rng::new(seed, "invoices", index);
        let count = match buyer.size {
            Size::Small => rng.between(4, 10),
            Size::Medium => rng.between(12, 22),
            Size::Large => rng.between(30, 52),
        };
        for rank in 0..count {
            // Who buys regularly has bought lately.
            let issued = if rank == 0 && buyer.size != Size::Small {
                rng.pick(&recent)
            } else {
                season_day(&days, &mut rng)
            };
            let issued = issued.unwrap_or(first_day);
            let mut invoice = invoice(buyer, issued, &mut rng);
            settle(&mut invoice, buyer.habit, first_day, &mut rng);
            invoices.push(invoice);
        }
    }
    invoices
        .sort_by(|a, b| (a.issued, &a.account, a.total_minor).cmp(&(b.issued, &b.account, b.total_minor)));
    for (number, invoice) in (41_873..).zip(&mut invoices) {
        invoice.number = format!("FA{number:06}");
        invoice.external_id.clone_from(&invoice.number);
    }
    invoices
}

/// A business day, the likelier the better its month sells.
fn season_day(days: &[Date], rng: &mut Rng) -> Option<Date> {
    for _ in 0..40 {
        let day = rng.pick(days)?;
        let weight =
            SEASON.iter().zip(1..).find(|(_, month)| *month == day.month()).map_or(1, |(weight, _)| *weight);
        if rng.between(1, 13) <= weight {
            return Some(day);
        }
    }
    rng.pick(days)
}

/// An unpaid invoice without a number.
fn invoice(buyer: &Buyer, issued: Date, rng: &mut Rng) -> Item {
    let (low, high) = match buyer.size {
        Size::Small => (25_000, 400_000),
        Size::Medium => (80_000, 1_800_000),
        Size::Large => (300_000, 8_000_000),
    };
    // The product of two draws: many small amounts, few large ones.
    let total_minor =
        low + (high - low) * rng.between(0, 1000) / 1000 * rng.between(0, 1000) / 1000 + rng.between(0, 99);
    let codes: Vec<&str> = buyer.accounts.iter().map(String::as_str).collect();
    Item {
        external_id: String::new(),
        number: String::new(),
        kind: ItemKind::Invoice,
        account: rng.pick(&codes).unwrap_or_default().to_owned(),
        currency: buyer.currency(),
        total_minor,
        open_minor: total_minor,
        tax_minor: None,
        issued,
        due: shift(issued, buyer.terms_days),
        due_estimated: false,
        disputed: false,
        reference: rng.percent(60).then(|| format!("BC-{}", rng.between(10_000, 99_999))),
    }
}

/// Takes off what the buyer has paid by the day.
fn settle(invoice: &mut Item, habit: Habit, day: Date, rng: &mut Rng) {
    let delay = match habit {
        Habit::Prompt => Some(rng.between(-3, 6)),
        Habit::Late => Some(rng.between(10, 40)),
        Habit::Bad => (!rng.percent(12)).then(|| rng.between(30, 150)),
    };
    let paid_on = delay.map(|days| shift(invoice.due, days));
    if paid_on.is_some_and(|on| on <= day) {
        invoice.open_minor = 0;
    } else if invoice.due < day && rng.percent(14) {
        invoice.open_minor = invoice.total_minor * rng.between(20, 80) / 100;
    }
}

/// Credit notes on about one invoice in thirty: tied to it, open and naming it, or open and naming nothing.
fn credit_notes(seed: u64, invoices: &mut [Item], first_day: Date) -> Vec<Item> {
    let mut rng = Rng::new(seed, "credit notes", 0);
    let mut notes = Vec::new();
    for invoice in invoices.iter_mut() {
        let issued = shift(invoice.issued, rng.between(4, 30));
        let issued =
            if calendar::is_business_day(issued) { issued } else { calendar::next_business_day(issued) };
        let share = rng.between(5, 30);
        let drawn = rng.percent(4);
        let fate = rng.between(1, 100);
        let whole = invoice.open_minor == invoice.total_minor;
        if !drawn || issued > first_day || (invoice.open_minor > 0 && !whole) {
            continue;
        }
        let amount = invoice.total_minor * share / 100;
        let (open_minor, reference) = match fate {
            ..=60 => (0, Some(invoice.number.clone())),
            61..=82 => (amount, Some(invoice.number.clone())),
            _ => (amount, None),
        };
        if open_minor == 0 && whole {
            invoice.open_minor -= amount;
        }
        notes.push(credit_note(invoice, issued, amount, open_minor, reference));
    }
    notes.sort_by(|a, b| (a.issued, &a.account, a.total_minor).cmp(&(b.issued, &b.account, b.total_minor)));
    for (number, note) in (1_204..).zip(&mut notes) {
        note.number = format!("AV{number:05}");
        note.external_id.clone_from(&note.number);
    }
    notes
}

fn credit_note(invoice: &Item, issued: Date, total: i64, open: i64, reference: Option<String>) -> Item {
    Item {
        kind: ItemKind::CreditNote,
        total_minor: total,
        open_minor: open,
        issued,
        due: issued,
        disputed: false,
        reference,
        ..invoice.clone()
    }
}

/// Money in that nobody has allocated: some of it pays the invoices at `settled_later` to the cent.
fn receipts(
    seed: u64,
    buyers: &[Buyer],
    invoices: &[Item],
    settled_later: &[usize],
    first_day: Date,
) -> Vec<Item> {
    let mut rng = Rng::new(seed, "receipts", 0);
    let days = calendar::business_days(shift(first_day, -25), shift(first_day, -1));
    let regular: Vec<&Buyer> = buyers.iter().filter(|buyer| buyer.size != Size::Small).collect();
    let mut receipts = Vec::new();
    for _ in 0..30 {
        let (Some(buyer), Some(day)) = (rng.pick(&regular), rng.pick(&days)) else { continue };
        let mut receipt = invoice(buyer, day, &mut rng);
        receipt.total_minor = rng.between(30_000, 600_000);
        receipt.reference = Some(format!("VIR {}", rng.between(100_000, 999_999)));
        receipts.push(receipt);
    }
    for invoice in settled_later.iter().filter_map(|place| invoices.get(*place)) {
        let issued = days.last().copied().unwrap_or(first_day);
        let reference = Some("VIREMENT SANS LIBELLÉ".to_owned());
        receipts.push(Item { total_minor: invoice.open_minor, issued, reference, ..invoice.clone() });
    }
    receipts
        .sort_by(|a, b| (a.issued, &a.account, a.total_minor).cmp(&(b.issued, &b.account, b.total_minor)));
    for (number, receipt) in (20_518..).zip(&mut receipts) {
        receipt.kind = ItemKind::Receipt;
        receipt.number = format!("RG{number:06}");
        receipt.external_id.clone_from(&receipt.number);
        receipt.open_minor = receipt.total_minor;
        receipt.due = receipt.issued;
        receipt.disputed = false;
    }
    receipts
}

/// The ledger one business day later: 25 payments, 12 invoices, 2 credit notes and a dispute.
fn next_day(
    seed: u64,
    buyers: &[Buyer],
    first: &[Item],
    invoices: usize,
    settled_later: &[usize],
    mut payable: impl Iterator<Item = usize>,
    day: Date,
) -> (Vec<Item>, Changes) {
    let mut rng = Rng::new(seed, "second day", 0);
    let mut items = first.to_vec();
    let mut changes = Changes::default();

    for place in settled_later {
        let Some(paid) = first.get(*place) else { continue };
        let receipt = items.iter_mut().find(|item| {
            item.kind == ItemKind::Receipt
                && item.account == paid.account
                && item.open_minor == paid.open_minor
        });
        if let Some(receipt) = receipt {
            receipt.open_minor = 0;
            changes.allocated_receipts.push(receipt.number.clone());
        }
    }
    for place in settled_later.iter().copied().chain(payable.by_ref().take(15)) {
        if let Some(item) = items.get_mut(place) {
            item.open_minor = 0;
            changes.paid_in_full.push(item.number.clone());
        }
    }
    for place in payable.by_ref().take(7) {
        if let Some(item) = items.get_mut(place) {
            item.open_minor = item.open_minor * rng.between(25, 75) / 100;
            changes.paid_in_part.push(item.number.clone());
        }
    }
    if let Some(item) = payable.next().and_then(|place| items.get_mut(place)) {
        item.disputed = true;
        changes.disputed.push(item.number.clone());
    }

    // Two deliveries go to buyers whose cover changes that day, the others to whoever buys regularly.
    let touched =
        buyers.iter().filter(|b| matches!(b.standing, Standing::CutNext | Standing::WithdrawnNext)).take(2);
    let regular: Vec<&Buyer> = buyers.iter().filter(|buyer| buyer.size != Size::Small).collect();
    let others: Vec<&Buyer> = (0..10).filter_map(|_| rng.pick(&regular)).collect();
    for (number, buyer) in (41_873 + invoices..).zip(touched.chain(others)) {
        let mut invoice = invoice(buyer, day, &mut rng);
        invoice.number = format!("FA{number:06}");
        invoice.external_id.clone_from(&invoice.number);
        changes.new_invoices.push(invoice.number.clone());
        items.push(invoice);
    }

    let notes = first.iter().filter(|item| item.kind == ItemKind::CreditNote).count();
    for (number, place) in (1_204 + notes..).zip(payable.take(2)) {
        let Some(invoice) = first.get(place) else { continue };
        let amount = invoice.total_minor * rng.between(5, 20) / 100;
        // One names its invoice, the other names nothing.
        let reference = changes.new_credit_notes.is_empty().then(|| invoice.number.clone());
        let mut note = credit_note(invoice, day, amount, amount, reference);
        note.number = format!("AV{number:05}");
        note.external_id.clone_from(&note.number);
        changes.new_credit_notes.push(note.number.clone());
        items.push(note);
    }
    (items, changes)
}
