//! What a buyer owes: the sum, its ages, and the open items.

use encours::credit::Exposure;
use encours::ledger::ItemView;
use encours::model::{Currency, ItemKind};

use super::super::language::Language;
use super::super::table::{Column, Table};
use super::{File, phrases};

/// How many settled items are shown, the newest ones.
const SETTLED_MAX: usize = 5;

impl File {
    /// What it owes in each currency, and the items behind it.
    pub(super) fn owes(&self, say: Language, owed: &[Exposure]) -> String {
        let mut text = String::new();
        for e in owed {
            text.push_str(&exposure_sentence(say, e));
        }
        if owed.is_empty() {
            text.push_str(say.of("Nothing.\n", "Rien.\n"));
        }
        for (code, minor) in &self.backlogs {
            let ordered = Currency::parse(code).map_or_else(|| minor.to_string(), |c| say.money(*minor, c));
            text.push_str(&say.of(
                format!("Ordered and not invoiced yet: {ordered}, which the limit to ask for counts too.\n"),
                format!(
                    "Commandé et pas encore facturé : {ordered}, que l'agrément à demander compte aussi.\n"
                ),
            ));
        }
        let open: Vec<&ItemView> = self.items.iter().filter(|item| item.open_minor > 0).collect();
        if !open.is_empty() {
            let mut table = Table::new(&[
                Column::Word(say.of("number", "numéro")),
                Column::Word(say.of("kind", "nature")),
                Column::Word(say.of("date", "date")),
                Column::Word(say.of("due", "échéance")),
                Column::Figure(say.of("late", "retard")),
                Column::Figure(say.of("total", "total")),
                Column::Figure(say.of("open", "reste dû")),
                Column::Word(""),
                Column::Text(say.of("remarks", "remarques")),
            ])
            .indented(2);
            for item in open {
                table.row(self.item_cells(say, item));
            }
            text.push_str(&format!("\n{table}"));
        }
        let mut settled: Vec<&ItemView> = self.items.iter().filter(|item| item.open_minor == 0).collect();
        settled.sort_by_key(|item| std::cmp::Reverse(item.issued));
        if !settled.is_empty() {
            let numbers: Vec<&str> =
                settled.iter().take(SETTLED_MAX).map(|item| item.number.as_str()).collect();
            let more = if settled.len() > SETTLED_MAX { ", …" } else { "" };
            let (count, numbers) = (settled.len(), numbers.join(", "));
            text.push_str(&say.of(
                format!("\nSettled since the first reading: {count} ({numbers}{more})\n"),
                format!("\nSoldées depuis la première lecture : {count} ({numbers}{more})\n"),
            ));
        }
        text
    }

    fn item_cells(&self, say: Language, item: &ItemView) -> Vec<String> {
        let kind = ItemKind::parse(&item.kind);
        let sign = kind.map_or(1, ItemKind::sign);
        let money = |minor: i64| {
            Currency::parse(&item.currency).map_or_else(|| minor.to_string(), |c| say.amount(minor, c))
        };
        let invoice = kind == Some(ItemKind::Invoice);
        let late = self.day.signed_duration_since(item.original_due).num_days();
        let mut remarks = Vec::new();
        if item.disputed {
            remarks.push(say.of("disputed", "litigieuse").to_owned());
        }
        if item.due_estimated {
            remarks.push(
                say.of("due date estimated from terms", "échéance estimée d'après les délais").to_owned(),
            );
        }
        if item.original_due != item.due {
            let first = say.date(item.original_due);
            remarks.push(say.of(format!("first due {first}"), format!("échéance d'origine {first}")));
        }
        if self.accounts.len() > 1 {
            let account = &item.account;
            remarks.push(say.of(format!("account {account}"), format!("compte {account}")));
        }
        vec![
            item.number.clone(),
            kind.map_or_else(|| item.kind.clone(), |kind| phrases::item_kind(say, kind).to_owned()),
            say.date(item.issued),
            if invoice { say.date(item.due) } else { String::new() },
            if invoice && late > 0 {
                say.of(format!("{late} d"), format!("{late} j"))
            } else {
                String::new()
            },
            money(sign * item.total_minor),
            money(sign * item.open_minor),
            item.currency.clone(),
            remarks.join(", "),
        ]
    }
}

fn exposure_sentence(say: Language, e: &Exposure) -> String {
    let money = |minor| say.money(minor, e.currency);
    let invoiced = money(e.outstanding_minor + e.credits_minor + e.unallocated_minor);
    let mut text = if e.outstanding_minor < 0 {
        let (currency, back) = (e.currency, money(-e.outstanding_minor));
        say.of(
            format!("Nothing in {currency}: we owe it {back}"),
            format!("Rien en {currency} : nous lui devons {back}"),
        )
    } else {
        money(e.outstanding_minor)
    };
    let invoices = say.plural(i64::from(e.invoice_count), ["invoice", "invoices"], ["facture", "factures"]);
    text.push_str(&say.of(format!(": {invoices} for {invoiced}"), format!(" : {invoices} pour {invoiced}")));
    if e.credits_minor > 0 {
        let credits = money(e.credits_minor);
        text.push_str(
            &say.of(format!(", less {credits} of credit notes"), format!(", moins {credits} d'avoirs")),
        );
    }
    if e.unallocated_minor > 0 {
        let received = money(e.unallocated_minor);
        text.push_str(&say.of(
            format!(", less {received} received and not yet allocated"),
            format!(", moins {received} encaissés et non lettrés"),
        ));
    }
    text.push_str(".\n");
    let ages = [
        (e.not_due_minor, say.of("not due", "non échus")),
        (e.overdue_1_30_minor, say.of("1–30 days late", "de 1 à 30 jours de retard")),
        (e.overdue_31_60_minor, say.of("31–60 days late", "de 31 à 60 jours de retard")),
        (e.overdue_61_90_minor, say.of("61–90 days late", "de 61 à 90 jours de retard")),
        (e.overdue_over_90_minor, say.of("more than 90 days late", "de plus de 90 jours de retard")),
    ];
    let ages = ages.iter().filter(|(minor, _)| *minor != 0);
    let ages: Vec<String> = ages.map(|(minor, age)| format!("{} {age}", money(*minor))).collect();
    if !ages.is_empty() {
        let ages = ages.join(", ");
        text.push_str(
            &say.of(format!("  Of the invoices: {ages}.\n"), format!("  Parmi les factures : {ages}.\n")),
        );
    }
    if e.disputed_minor > 0 {
        let disputed = money(e.disputed_minor);
        text.push_str(&say.of(
            format!("  The buyer contests {disputed}.\n"),
            format!("  L'acheteur conteste {disputed}.\n"),
        ));
    }
    text
}
