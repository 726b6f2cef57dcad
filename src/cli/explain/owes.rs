//! What a buyer owes: the sum, its ages, and the open items.

use encours::credit::Exposure;
use encours::ledger::ItemView;
use encours::model::{Currency, ItemKind};

use super::super::table::{Column, Table, amount, plural};
use super::File;

/// How many settled items are shown, the newest ones.
const SETTLED_MAX: usize = 5;

impl File {
    /// What it owes in each currency, and the items behind it.
    pub(super) fn owes(&self, owed: &[Exposure]) -> String {
        let mut text = String::new();
        for e in owed {
            text.push_str(&exposure_sentence(e));
        }
        if owed.is_empty() {
            text.push_str("Nothing.\n");
        }
        let open: Vec<&ItemView> = self.items.iter().filter(|item| item.open_minor > 0).collect();
        if !open.is_empty() {
            let mut table = Table::new(&[
                Column::Word("number"),
                Column::Word("kind"),
                Column::Word("date"),
                Column::Word("due"),
                Column::Figure("late"),
                Column::Figure("total"),
                Column::Figure("open"),
                Column::Word(""),
                Column::Text("remarks"),
            ])
            .indented(2);
            for item in open {
                table.row(self.item_cells(item));
            }
            text.push_str(&format!("\n{table}"));
        }
        let mut settled: Vec<&ItemView> = self.items.iter().filter(|item| item.open_minor == 0).collect();
        settled.sort_by_key(|item| std::cmp::Reverse(item.issued));
        if !settled.is_empty() {
            let numbers: Vec<&str> =
                settled.iter().take(SETTLED_MAX).map(|item| item.number.as_str()).collect();
            let more = if settled.len() > SETTLED_MAX { ", …" } else { "" };
            text.push_str(&format!(
                "\nSettled since the first reading: {} ({}{more})\n",
                settled.len(),
                numbers.join(", ")
            ));
        }
        text
    }

    fn item_cells(&self, item: &ItemView) -> Vec<String> {
        let sign = ItemKind::parse(&item.kind).map_or(1, ItemKind::sign);
        let money = |minor: i64| {
            Currency::parse(&item.currency).map_or_else(|| minor.to_string(), |c| amount(minor, c))
        };
        let invoice = item.kind == ItemKind::Invoice.as_str();
        let late = self.day.signed_duration_since(item.original_due).num_days();
        let mut remarks = Vec::new();
        if item.disputed {
            remarks.push("disputed".to_owned());
        }
        if item.due_estimated {
            remarks.push("due date estimated from terms".to_owned());
        }
        if item.original_due != item.due {
            remarks.push(format!("first due {}", item.original_due));
        }
        if self.accounts.len() > 1 {
            remarks.push(format!("account {}", item.account));
        }
        vec![
            item.number.clone(),
            item.kind.replace('_', " "),
            item.issued.to_string(),
            if invoice { item.due.to_string() } else { String::new() },
            if invoice && late > 0 { format!("{late} d") } else { String::new() },
            money(sign * item.total_minor),
            money(sign * item.open_minor),
            item.currency.clone(),
            remarks.join(", "),
        ]
    }
}

fn exposure_sentence(e: &Exposure) -> String {
    let money = |minor| format!("{} {}", amount(minor, e.currency), e.currency);
    let invoiced = e.outstanding_minor + e.credits_minor + e.unallocated_minor;
    let mut text = if e.outstanding_minor < 0 {
        format!("Nothing in {}: we owe it {}", e.currency, money(-e.outstanding_minor))
    } else {
        money(e.outstanding_minor)
    };
    text.push_str(&format!(": {} for {}", plural(e.invoice_count, "invoice", "invoices"), money(invoiced)));
    if e.credits_minor > 0 {
        text.push_str(&format!(", less {} of credit notes", money(e.credits_minor)));
    }
    if e.unallocated_minor > 0 {
        text.push_str(&format!(", less {} received and not yet allocated", money(e.unallocated_minor)));
    }
    text.push_str(".\n");
    let ages = [
        (e.not_due_minor, "not due"),
        (e.overdue_1_30_minor, "1–30 days late"),
        (e.overdue_31_60_minor, "31–60 days late"),
        (e.overdue_61_90_minor, "61–90 days late"),
        (e.overdue_over_90_minor, "more than 90 days late"),
    ];
    let ages = ages.iter().filter(|(minor, _)| *minor != 0);
    let ages: Vec<String> = ages.map(|(minor, age)| format!("{} {age}", money(*minor))).collect();
    if !ages.is_empty() {
        text.push_str(&format!("  Of the invoices: {}.\n", ages.join(", ")));
    }
    if e.disputed_minor > 0 {
        text.push_str(&format!("  The buyer contests {}.\n", money(e.disputed_minor)));
    }
    text
}
