//! `encours indicators --fec`: the working capital requirement of a whole French ledger, read from its file alone.

use std::path::Path;

use anyhow::Context as _;
use encours::credit::indicators::Language;
use encours::credit::working_capital::{Balance, Part, WorkingCapital, definition, working_capital};
use encours::format::fec::{Options, TrialBalance, trial_balance};
use encours::model::{Currency, render_minor};
use serde_json::json;

use super::say;
use crate::cli::table::{Column, Table, amount, count};
use crate::cli::{Context, Exit};

/// Terms play no part in balances.
const NO_TERMS: i64 = 0;

/// Reads the file and answers.
///
/// # Errors
/// A file that cannot be read, is no FEC, or does not balance.
pub fn run(context: &Context, file: &Path, currency: Currency, language: Language) -> anyhow::Result<Exit> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let trial = trial_balance(&bytes, &Options::new(currency, NO_TERMS))
        .with_context(|| format!("{} has no working capital", file.display()))?;
    let balances = trial.accounts.iter().map(|(account, sums)| Balance {
        account,
        debit_minor: sums.debit_minor,
        credit_minor: sums.credit_minor,
    });
    let capital =
        working_capital(balances).with_context(|| format!("{} has no working capital", file.display()))?;
    context
        .answer(|| people(&trial, &capital, currency, language), || program(&trial, &capital, currency))?;
    Ok(Exit::Fine)
}

fn people(trial: &TrialBalance, capital: &WorkingCapital, currency: Currency, language: Language) -> String {
    let figure = Column::Figure(say(language, "amount", "montant"));
    let mut table = Table::new(&[Column::Word(say(language, "counted", "compté")), figure]);
    let line = |part: Part| [part.label(language).to_owned(), amount(of(capital, part), currency)];
    let parts = |wanted: fn(Part) -> bool| Part::ALL.iter().copied().filter(move |part| wanted(*part));
    for part in parts(Part::is_trade) {
        table.row(line(part));
    }
    let trade = say(language, "stocks + receivables − payables", "stocks + créances − dettes fournisseurs");
    table.row([format!("= {trade}"), amount(capital.trade_minor, currency)]);
    for part in parts(|part| part.is_counted() && !part.is_trade()) {
        table.row(line(part));
    }
    let whole = say(language, "whole requirement (BFR)", "besoin en fonds de roulement (BFR)");
    table.row([format!("= {whole}"), amount(capital.whole_minor, currency)]);
    let mut rest = Table::new(&[Column::Word(say(language, "not counted", "non compté")), figure]);
    for part in parts(|part| !part.is_counted()).filter(|part| of(capital, *part) != 0) {
        rest.row(line(part));
    }
    let title = say(language, "Working capital requirement", "Besoin en fonds de roulement");
    let days = trial.dates.map_or_else(String::new, |(first, last)| format!(", {first} – {last}"));
    let balanced = say(language, "debits = credits", "débits = crédits");
    let sum = amount(capital.debit_minor, currency);
    let entries = say(language, "rows", "lignes");
    let mut text = format!(
        "{title}{days}, {currency}\n{}\n\n{table}\n{rest}\n{balanced} = {sum} {currency}, {} {entries} ✓\n",
        definition(language),
        count(i64::try_from(trial.rows).unwrap_or(i64::MAX)),
    );
    if !trial.has_opening {
        text.push_str(say(
            language,
            "No journal of opening entries is in the file: if the company is older than it, stocks, claims and debts lack what \
             they were at its beginning.\n",
            "Aucun journal d'à-nouveaux dans le fichier : si la société est plus ancienne, il manque aux stocks, créances et \
             dettes ce qu'ils étaient au début.\n",
        ));
    }
    if of(capital, Part::NoAccount) != 0 {
        text.push_str(say(
            language,
            "Some rows have no account of the chart and are not counted; correct CompteNum and export again.\n",
            "Des lignes sans compte du plan ne sont pas comptées ; corrigez CompteNum et exportez à nouveau.\n",
        ));
    }
    text
}

fn of(capital: &WorkingCapital, part: Part) -> i64 {
    capital.parts.get(&part).copied().unwrap_or_default()
}

fn program(trial: &TrialBalance, capital: &WorkingCapital, currency: Currency) -> serde_json::Value {
    let amount = |minor| render_minor(minor, currency);
    let parts = Part::ALL.iter().map(|part| {
        json!({
            "id": part, "counted": part.is_counted(), "amount": amount(of(capital, *part)),
            "label": { "en": part.label(Language::English), "fr": part.label(Language::French) },
        })
    });
    json!({
        "currency": currency,
        "from": trial.dates.map(|(first, _)| first),
        "to": trial.dates.map(|(_, last)| last),
        "rows": trial.rows,
        "has_opening": trial.has_opening,
        "debit": amount(capital.debit_minor),
        "credit": amount(capital.credit_minor),
        "definition": { "en": definition(Language::English), "fr": definition(Language::French) },
        "parts": parts.collect::<Vec<_>>(),
        "trade": amount(capital.trade_minor),
        "whole": amount(capital.whole_minor),
    })
}
