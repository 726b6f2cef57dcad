//! `encours assignments statement`: what was assigned beside the factor's last statement, totals of both sides, each difference, the
//! guarantee by its age, and what has to be told.

use encours::engine::Setup;
use encours::engine::assignments::{self, Comparison, Recourse};
use encours::factoring::{Side, Stated};
use encours::model::{Currency, Listing, Money, render_minor};
use serde_json::{Value, json};

use super::super::table::{Column, Table, count};
use super::super::{Context, today};
use super::answers;

fn side_value(side: &Side, currency: Currency) -> Value {
    json!({ "documents": side.count, "amount": render_minor(side.sum_minor, currency) })
}

fn stated_value(stated: &Stated, currency: Currency) -> Value {
    let amount = |minor: i64| render_minor(minor, currency);
    json!({ "documents": stated.documents, "expected": amount(stated.expected_minor), "stated": amount(stated.stated_minor) })
}

fn comparison_value(own: &Comparison) -> Value {
    let totals = own.totals.iter().map(|(currency, compared)| {
        let side = |side: &Side| side_value(side, *currency);
        json!({
            "currency": currency, "expected_of_stated": render_minor(compared.paid.expected_minor, *currency),
            "stated": render_minor(compared.paid.stated_minor, *currency), "released": stated_value(&compared.released, *currency),
            "fees": stated_value(&compared.fees, *currency), "ours": side(&compared.ours), "ours_matched": side(&compared.ours_matched),
            "ours_only": side(&compared.ours_only), "theirs": side(&compared.theirs), "theirs_matched": side(&compared.theirs_matched),
            "theirs_only": side(&compared.theirs_only),
        })
    });
    let holdback = own.holdback.iter().map(|((currency, age), held)| {
        let amount = |minor: i64| render_minor(minor, *currency);
        json!({
            "currency": currency, "days": age, "documents": held.documents, "ours": amount(held.ours_minor),
            "theirs": amount(held.theirs_minor), "due_back": amount(held.due_back_minor),
        })
    });
    let recourse = own.recourse.iter().map(|own| {
        json!({ "number": own.number, "due": own.due, "currency": own.currency, "open": render_minor(own.open_minor, own.currency) })
    });
    let differences = own.differences.iter().map(|difference| {
        json!({
            "kind": difference.kind, "number": difference.number, "buyer_id": difference.buyer, "ours": difference.ours,
            "theirs": difference.theirs,
        })
    });
    json!({
        "contract": own.contract, "factor": own.factor, "connection": own.connection, "has_stated": own.has_stated,
        "lines": own.lines,
        "totals": totals.collect::<Vec<_>>(), "differences": differences.collect::<Vec<_>>(),
        "holdback": holdback.collect::<Vec<_>>(),
        "past_recourse": recourse.collect::<Vec<_>>(), "disputed": own.disputed, "disputes_told": own.disputes_told,
        "approvals": answers::approvals_value(&own.approvals), "expected": answers::amounts_value(&own.expected),
    })
}

/// The guarantee by age; empty where nothing is held.
fn told_holdback(own: &Comparison) -> String {
    if own.holdback.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::Word("guarantee, days"),
        Column::Word("currency"),
        Column::Figure("documents"),
        Column::Figure("should be held"),
        Column::Figure("is held"),
        Column::Figure("due back"),
    ]);
    for ((currency, age), held) in &own.holdback {
        let money = |minor: i64| Money::new(minor, *currency).to_string();
        let stated = |minor: i64| if own.has_stated { money(minor) } else { String::new() };
        table.row([
            age.to_string(),
            currency.to_string(),
            held.documents.to_string(),
            money(held.ours_minor),
            stated(held.theirs_minor),
            stated(held.due_back_minor),
        ]);
    }
    format!("\n{table}")
}

/// What the factor may take back, and what it has to be told; empty where there is nothing.
fn told_recourse(own: &Comparison) -> String {
    let one = |own: &Recourse| {
        format!("{} (due {}, {} open)", own.number, own.due, Money::new(own.open_minor, own.currency))
    };
    let all: Vec<String> = own.recourse.iter().map(one).collect();
    let mut disputed = String::new();
    for (numbers, what) in [
        (&own.disputed, "tell it"),
        (&own.disputes_told, "a batch told it once, so tell it yourself where the buyer contests it anew"),
    ] {
        if !numbers.is_empty() {
            let numbers = numbers.join(", ");
            disputed
                .push_str(&format!("\nContested by the buyer, and with the factor; {what}: {numbers}.\n"));
        }
    }
    if all.is_empty() {
        return disputed;
    }
    disputed
        + &format!(
            "\nPast the days of recourse, so the factor may take its financing back: {}.\n",
            all.join(", ")
        )
}

fn told_comparison(own: &Comparison) -> String {
    let title = format!("Contract {} with {}", own.contract, own.factor);
    if !own.has_stated {
        let none = format!("{title}: no statement was read yet through \"{}\".\n", own.connection);
        return none + &told_holdback(own) + &told_recourse(own);
    }
    let what = match own.listing {
        Listing::Whole => "lines in its last statement",
        Listing::Answers => "documents answered",
    };
    let mut text = format!("{title}: {} {what}.\n\n", count(own.lines));
    let mut table = Table::new(&[
        Column::Word("side"),
        Column::Word("currency"),
        Column::Figure("documents"),
        Column::Figure("amount"),
        Column::Figure("on both"),
        Column::Figure("amount"),
        Column::Figure("this side only"),
        Column::Figure("amount"),
    ]);
    for (currency, compared) in &own.totals {
        let sides = [
            ("assigned", &compared.ours, &compared.ours_matched, &compared.ours_only),
            ("statement", &compared.theirs, &compared.theirs_matched, &compared.theirs_only),
        ];
        for (word, all, both, alone) in sides {
            let mut cells = vec![word.to_owned(), currency.to_string()];
            for side in [all, both, alone] {
                cells.extend([side.count.to_string(), Money::new(side.sum_minor, *currency).to_string()]);
            }
            table.row(cells);
        }
    }
    text.push_str(&table.to_string());
    if own.differences.is_empty() {
        return text + "\nThe two sides agree.\n" + &told_holdback(own) + &told_recourse(own);
    }
    let mut table = Table::new(&[
        Column::Word("number"),
        Column::Word("difference"),
        Column::Text("here"),
        Column::Text("with the factor"),
    ]);
    for own in &own.differences {
        table.row([own.number.clone(), own.kind.to_string(), own.ours.clone(), own.theirs.clone()]);
    }
    text + &format!("\n{table}\n`encours breaks` tells the next step of each.\n")
        + &told_holdback(own)
        + &told_recourse(own)
}

pub(super) async fn statement(
    context: &Context,
    setup: &Setup,
    contract: Option<&str>,
) -> anyhow::Result<()> {
    let chosen = contract.map(|number| assignments::contract(setup, Some(number))).transpose()?;
    let mut tx = setup.ledger.read().await?;
    let day = tx.settled_on(&setup.company.id).await?.unwrap_or_else(today);
    let mut all = assignments::compare(&mut tx, setup, day).await?;
    let mut cash = assignments::cash(&mut tx, setup, &all).await?;
    tx.rollback().await?;
    if let Some(chosen) = chosen {
        all.retain(|own| (&own.factor, &own.contract) == (&chosen.factor, &chosen.number));
        cash.retain(|own| chosen.bank.as_ref() == Some(&own.connection));
    }
    context.answer(
        || {
            if all.is_empty() {
                return "There is no factoring contract: write one into contracts/, beside encours.toml.\n"
                    .to_owned();
            }
            let told = |own: &Comparison| {
                told_comparison(own)
                    + &answers::told_financing(own)
                    + &answers::told_approvals(&own.approvals)
            };
            let banks = cash.iter().map(answers::told_cash);
            all.iter().map(told).chain(banks).collect::<Vec<_>>().join("\n")
        },
        || {
            json!({
                "contracts": all.iter().map(comparison_value).collect::<Vec<_>>(),
                "banks": cash.iter().map(answers::cash_value).collect::<Vec<_>>(),
            })
        },
    )
}
