//! What a factor says besides its lines, and what the bank says of it: approvals, and what was paid.

use std::collections::BTreeMap;

use encours::engine::assignments::{Cash, Comparison};
use encours::factoring::Approved;
use encours::model::{Currency, Date, Money, render_minor};
use serde_json::{Value, json};

use super::super::table::{Column, Table};

/// What the factor approves, beside what the contract's file names; empty where it says nothing.
pub(super) fn told_approvals(approvals: &[Approved]) -> String {
    if approvals.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::Text("buyer"),
        Column::Figure("in the file"),
        Column::Figure("by the factor"),
        Column::Figure("counts"),
        Column::Word("says"),
        Column::Word("from"),
        Column::Word("to"),
        Column::Text("why"),
    ]);
    for own in approvals {
        let money = |minor: Option<i64>| {
            minor.map(|minor| Money::new(minor, own.currency).to_string()).unwrap_or_default()
        };
        let last = &own.last;
        let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
        table.row([
            name(own),
            money(own.file_minor),
            money(own.stated_minor),
            if own.buyer.is_some() { money(own.counts_minor) } else { "nothing here".to_owned() },
            last.state.to_string(),
            day(last.from),
            day(last.to),
            last.reason.clone().unwrap_or_default(),
        ]);
    }
    format!("\nWhat the factor approves; of file and factor the lower one counts:\n\n{table}")
}

fn name(own: &Approved) -> String {
    let last = &own.last;
    let known = Some(last.buyer_name.clone()).filter(|name| !name.is_empty());
    known.or_else(|| last.factor_id.clone()).or_else(|| own.buyer.clone()).unwrap_or_default()
}

/// The same for programs.
pub(super) fn approvals_value(approvals: &[Approved]) -> Value {
    let one = |own: &Approved| {
        let amount = |minor: Option<i64>| minor.map(|minor| render_minor(minor, own.currency));
        json!({
            "buyer_id": own.buyer, "buyer": own.last.buyer_name, "factor_id": own.last.factor_id, "currency": own.currency,
            "file": amount(own.file_minor), "factor": amount(own.stated_minor), "counts": amount(own.counts_minor),
            "state": own.last.state, "from": own.last.from, "to": own.last.to, "stated_on": own.last.date, "reason": own.last.reason,
        })
    };
    approvals.iter().map(one).collect()
}

/// Amounts by currency.
pub(super) fn amounts_value(amounts: &BTreeMap<Currency, i64>) -> Value {
    amounts
        .iter()
        .map(|(currency, minor)| (currency.to_string(), json!(render_minor(*minor, *currency))))
        .collect()
}

/// What was expected to be paid for the batches, and what the factor says that it has paid; empty where nothing was sent.
pub(super) fn told_financing(own: &Comparison) -> String {
    let mut text = String::new();
    for (currency, expected) in &own.expected {
        let money = |minor: i64| Money::new(minor, *currency).to_string();
        text.push_str(&format!(
            "\nExpected to be paid for all batches, in {currency}: {}.",
            money(*expected)
        ));
        let said = own.totals.get(currency).copied().unwrap_or_default();
        for (what, stated) in [
            ("it has paid", said.paid),
            ("it has given back of the guarantee", said.released),
            ("it charges", said.fees),
        ] {
            if stated.documents == 0 {
                continue;
            }
            text.push_str(&format!(
                " Where the factor says what {what}: {}, of {} expected for those documents; difference {}.",
                money(stated.stated_minor),
                money(stated.expected_minor),
                money(stated.stated_minor.saturating_sub(stated.expected_minor)),
            ));
        }
        text.push('\n');
    }
    text
}

/// What a bank account says of the factor, beside what was expected of it.
pub(super) fn told_cash(own: &Cash) -> String {
    let contracts = own.contracts.join(", ");
    let Some((first, last)) = own.days else {
        return format!(
            "Bank \"{}\", for {contracts}: no payment of the factor was read yet.\n",
            own.connection
        );
    };
    let mut table = Table::new(&[
        Column::Word("currency"),
        Column::Figure("entries"),
        Column::Figure("into the account"),
        Column::Figure("out of it"),
        Column::Figure("in all"),
        Column::Figure("expected"),
        Column::Figure("difference"),
        Column::Figure("by the factor"),
        Column::Figure("difference"),
    ]);
    for (currency, totals) in &own.totals {
        let money = |minor: i64| Money::new(minor, *currency).to_string();
        let from = |minor: i64| money(totals.net_minor().saturating_sub(minor));
        table.row([
            currency.to_string(),
            totals.entries.to_string(),
            money(totals.credited_minor),
            money(totals.debited_minor),
            money(totals.net_minor()),
            money(totals.expected_minor),
            from(totals.expected_minor),
            totals.stated_minor.map(money).unwrap_or_default(),
            totals.stated_minor.map(from).unwrap_or_default(),
        ]);
    }
    format!(
        "Bank \"{}\", for {contracts}: what was booked with the factor from {first} to {last}, against what was expected of all batches and \
         what the factor says that it has paid.\n\n{table}\nReleases, fees and what was paid for other sendings are in what was booked and \
         not in the others: a difference is shown, never matched with single invoices.\n",
        own.connection
    )
}

/// The same for programs.
pub(super) fn cash_value(own: &Cash) -> Value {
    let totals = own.totals.iter().map(|(currency, totals)| {
        let amount = |minor: i64| render_minor(minor, *currency);
        json!({
            "currency": currency, "entries": totals.entries, "credited": amount(totals.credited_minor),
            "debited": amount(totals.debited_minor), "net": amount(totals.net_minor()), "expected": amount(totals.expected_minor),
            "stated": totals.stated_minor.map(amount),
        })
    });
    json!({
        "connection": own.connection, "contracts": own.contracts, "first": own.days.map(|days| days.0),
        "last": own.days.map(|days| days.1), "totals": totals.collect::<Vec<_>>(),
    })
}
