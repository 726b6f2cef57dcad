//! Exposure statements: made by a cycle when a month is over, proposed line by line, and held against the ledger after.
//!
//! A statement follows the ledger until a line of it is approved, declined or sent; then it stays as it is. It is made from
//! a cycle whose readings of the ERPs all succeeded, since only a cycle knows as of when the ledger is whole.
//! Reference: shared rules, "Exposure statements".

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Error, Setup};
use super::Plan;
use super::book::Book;
use crate::credit::statement::{self, Line, Party, Period};
use crate::ids::sha256_hex;
use crate::ledger::{EffectRow, Figures, StatementLineRow, StatementRow, Tx, statement_id};
use crate::model::{
    Action, Approval, Automation, Basis, Break, BreakKind, Date, Effect, EffectKind, EffectState, Instant,
    Money, Policy, StatementMethod, render_minor,
};

/// So many of the last months are held against what the ledger knows now.
const CHECKED_MONTHS: usize = 3;

/// A policy under which something is stated, and its method.
fn stating(setup: &Setup) -> impl Iterator<Item = (&Policy, StatementMethod, Date)> {
    setup.policies.iter().filter_map(|policy| {
        let rule = policy.statement.as_ref()?;
        let stated = policy.automation.statement != Automation::Never
            && setup.connections.iter().any(|connection| connection.id == policy.connection);
        stated.then_some((policy, rule.method, rule.from))
    })
}

/// The months of a policy that are over: those whose last day its period contains.
fn months(policy: &Policy, from: Date, day: Date) -> Vec<Period> {
    let mut months = Period::finished(from, day);
    months.retain(|period| policy.contains(period.last()));
    months
}

/// Effects of statements by the statement.
fn by_statement(rows: Vec<EffectRow>) -> BTreeMap<String, Vec<EffectRow>> {
    let mut map: BTreeMap<String, Vec<EffectRow>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.kind == EffectKind::ReportExposure.as_str()) {
        map.entry(row.cause.clone()).or_default().push(row);
    }
    map
}

/// Whether a line may still be made anew or proposed: nobody has said anything of it.
fn is_open(row: &EffectRow) -> bool {
    row.state == EffectState::Proposed.as_str()
        || (row.state == EffectState::Dropped.as_str() && !row.declined)
}

/// Makes the statements of months that are over, and makes those anew that nobody has touched and that would differ.
pub(in crate::engine) async fn make(
    tx: &mut Tx<'_>,
    setup: &Setup,
    day: Date,
    now: Instant,
) -> Result<(), Error> {
    if !stating(setup).any(|(policy, _, from)| !months(policy, from, day).is_empty()) {
        return Ok(());
    }
    let company = setup.company.id.as_str();
    tx.hold_statements(company).await?;
    let effects = by_statement(tx.effects(company, &[]).await?);
    let owed_since = tx.owed_since(company).await?;
    let book = Book::open(tx, setup, day).await?;
    for (policy, method, from) in stating(setup) {
        for period in months(policy, from, day) {
            let id = statement_id(company, &policy.connection, &policy.number, period, method);
            let stays = effects.get(&id).is_some_and(|rows| !rows.iter().all(is_open));
            // What buyers owed on a day before the ledger began nobody knows.
            let known =
                method == StatementMethod::Turnover || owed_since.is_some_and(|since| since <= period.last());
            if stays || !known {
                continue;
            }
            let figures = tx.figures(company, method, period, policy.basis, None).await?;
            let draft = draft(&book, tx, policy, method, period, &figures).await?;
            let stored = tx.statement(&id).await?;
            if let Some(stored) = &stored
                && stored.other_currency == draft.other_currency
                && stored.basis == policy.basis.as_str()
                && tx.statement_lines(&id).await? == draft.lines
            {
                continue;
            }
            let lines: Vec<Line> = draft.lines.iter().map(StatementLineRow::line).collect();
            let totals = statement::totals(&lines)?;
            let mut row = StatementRow {
                id,
                company: company.to_owned(),
                connection: policy.connection.clone(),
                policy: policy.number.clone(),
                method: method.as_str().to_owned(),
                period: period.to_string(),
                currency: policy.currency.code().to_owned(),
                basis: policy.basis.as_str().to_owned(),
                as_of: period.last(),
                made_on: day,
                known_at: now,
                line_count: i64::from(totals.lines),
                total_minor: totals.amount_minor,
                change_minor: totals.change_minor,
                not_stated: i64::from(totals.not_stated),
                other_currency: draft.other_currency,
                content_hash: String::new(),
                receipt: None,
                receipt_because: None,
                receipt_by: None,
                receipt_at: None,
            };
            row.content_hash = sha256_hex(&statement::bytes(&row.head()?, &lines)?);
            tx.write_statement(&row, &draft.lines).await?;
        }
    }
    Ok(())
}

/// What a statement would say.
struct Draft {
    lines: Vec<StatementLineRow>,
    /// Buyers with an amount in another currency than the policy's.
    other_currency: i64,
}

async fn draft(
    book: &Book<'_>,
    tx: &mut Tx<'_>,
    policy: &Policy,
    method: StatementMethod,
    period: Period,
    figures: &Figures,
) -> Result<Draft, Error> {
    let company = book.setup.company.id.as_str();
    let last = tx.last_stated(company, &policy.connection, &policy.number, method, period).await?;
    let last: BTreeMap<String, (i64, String)> =
        last.into_iter().map(|row| (row.buyer_id, (row.amount_minor, row.statement))).collect();
    let before = last.iter().map(|(buyer, (minor, _))| (buyer.clone(), *minor)).collect();
    let none = BTreeMap::new();
    let own = figures.get(policy.currency.code()).unwrap_or(&none);
    let mut parties = BTreeMap::new();
    // Who was stated under the policy is until it has nothing more, whoever covers it by then.
    for buyer in own.keys().filter(|buyer| is_of(book, buyer, policy, period)).chain(last.keys()) {
        let (name, country) = book.name(buyer);
        let party = Party {
            insurer_buyer_id: book.insurer_id(buyer, &policy.connection).map(str::to_owned),
            name: if name.is_empty() { buyer.clone() } else { name.to_owned() },
            country: country.to_owned(),
        };
        parties.insert(buyer.clone(), party);
    }
    let lines = statement::lines(method, &parties, own, &before);
    let others = figures.iter().filter(|(currency, _)| currency.as_str() != policy.currency.code());
    let others: BTreeSet<&String> = others
        .flat_map(|(_, buyers)| buyers.keys())
        .filter(|buyer| is_of(book, buyer, policy, period))
        .collect();
    let lines = lines.into_iter().map(|line| {
        let account = book.accounts.get(&line.buyer_id).and_then(|rows| rows.first());
        StatementLineRow {
            account: account.map_or_else(String::new, |row| row.code.clone()),
            before_statement: last.get(&line.buyer_id).map(|(_, statement)| statement.clone()),
            insurer_buyer_id: line.party.insurer_buyer_id,
            name: line.party.name,
            country: line.party.country,
            amount_minor: line.amount_minor,
            lacks_tax: line.lacks_tax,
            before_minor: line.before_minor,
            buyer_id: line.buyer_id,
        }
    });
    Ok(Draft { lines: lines.collect(), other_currency: i64::try_from(others.len()).unwrap_or(i64::MAX) })
}

/// Whether a buyer is stated under a policy: the policies that have decided on it, else the first that takes its country.
fn is_of(book: &Book<'_>, buyer: &str, policy: &Policy, period: Period) -> bool {
    let in_force = || book.setup.policies.iter().filter(|policy| policy.contains(period.last()));
    if in_force().any(|policy| book.has_limit(buyer, policy)) {
        return book.has_limit(buyer, policy);
    }
    let (_, country) = book.name(buyer);
    let first = in_force().find(|one| one.currency == policy.currency && one.takes(country));
    first.is_some_and(|one| one.connection == policy.connection && one.number == policy.number)
}

pub(super) async fn plan(book: &Book<'_>, tx: &mut Tx<'_>, plan: &mut Plan) -> Result<(), Error> {
    if stating(book.setup).next().is_none() {
        return Ok(());
    }
    let company = book.setup.company.id.as_str();
    let effects = by_statement(tx.effects(company, &[]).await?);
    let all = tx.statements(company).await?;
    for (policy, method, from) in stating(book.setup) {
        let months = months(policy, from, book.day);
        let own = |row: &&StatementRow| {
            row.connection == policy.connection
                && row.policy == policy.number
                && row.method == method.as_str()
                && months.iter().any(|period| period.to_string() == row.period)
        };
        let rows: Vec<&StatementRow> = all.iter().filter(own).collect();
        let checked = rows.len().saturating_sub(CHECKED_MONTHS);
        for (index, row) in rows.iter().enumerate() {
            let none = Vec::new();
            let sent = effects.get(&row.id).unwrap_or(&none);
            let is_last = index.saturating_add(1) == rows.len();
            let stays = !sent.iter().all(is_open);
            let closed = sent.iter().filter(|row| !is_open(row)).count();
            let whole = i64::try_from(closed).is_ok_and(|closed| closed >= row.line_count);
            if whole && !is_last && index < checked {
                continue;
            }
            let lines = tx.statement_lines(&row.id).await?;
            if !whole {
                propose(policy, row, &lines, sent, plan)?;
            }
            if is_last {
                plan.breaks.extend(lines.iter().filter_map(|line| never_declared(policy, row, line)));
            }
            if stays && index >= checked {
                differs(book, tx, policy, row, &lines, sent, plan).await?;
            }
        }
    }
    Ok(())
}

fn propose(
    policy: &Policy,
    row: &StatementRow,
    lines: &[StatementLineRow],
    sent: &[EffectRow],
    plan: &mut Plan,
) -> Result<(), Error> {
    let closed: BTreeSet<&str> =
        sent.iter().filter(|row| !is_open(row)).map(|row| row.buyer_id.as_str()).collect();
    for line in lines.iter().filter(|line| !closed.contains(line.buyer_id.as_str())) {
        let Some(insurer_id) = &line.insurer_buyer_id else { continue };
        let money = |minor| Money::new(minor, policy.currency);
        let change = line.line().change_minor()?;
        let (what, name) = (what(row), &line.name);
        let facts = [
            ("policy", row.policy.clone()),
            ("method", row.method.clone()),
            ("period", row.period.clone()),
            ("date", row.as_of.to_string()),
            ("insurer_buyer_id", insurer_id.clone()),
            ("buyer_name", name.clone()),
            ("buyer_country", line.country.clone()),
            ("account", line.account.clone()),
            ("amount", render_minor(line.amount_minor, policy.currency)),
            ("change", render_minor(change, policy.currency)),
            ("currency", policy.currency.code().to_owned()),
        ];
        plan.effects.push(Effect {
            kind: EffectKind::ReportExposure,
            action: Action::State,
            connection: row.connection.clone(),
            policy: row.policy.clone(),
            buyer_id: line.buyer_id.clone(),
            name: name.clone(),
            country: line.country.clone(),
            subject: insurer_id.clone(),
            cause: row.id.clone(),
            why: format!("The statement of {} under policy {}: {what}.", row.period, row.policy),
            expected: "The insurer knows the figure; limits and cover stay as they are.".to_owned(),
            amount: Some(money(line.amount_minor)),
            before: line.before_minor.map(money),
            fee: None,
            approval: match policy.automation.statement {
                Automation::Automatic => Approval::Automatic,
                Automation::Person | Automation::Never => {
                    Approval::Person("the policy asks for a person".to_owned())
                }
            },
            facts: facts
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            expires_on: None,
        });
    }
    Ok(())
}

/// What the figures of a statement are.
fn what(row: &StatementRow) -> String {
    let net = if row.basis == Basis::Net.as_str() { ", net of tax" } else { "" };
    if row.method == StatementMethod::Turnover.as_str() {
        format!("invoiced less credit notes in {}{net}", row.period)
    } else {
        format!("owed on {}{net}", row.as_of)
    }
}

fn never_declared(policy: &Policy, row: &StatementRow, line: &StatementLineRow) -> Option<Break> {
    line.insurer_buyer_id.is_none().then(|| Break {
        kind: BreakKind::NeverDeclared,
        subject: format!("{}/{}/{}", row.connection, row.policy, line.buyer_id),
        name: line.name.clone(),
        country: line.country.clone(),
        connection: row.connection.clone(),
        ours: format!("{}, {}", Money::new(line.amount_minor, policy.currency), what(row)),
        theirs: "not in the statement: the insurer's id of the buyer is not known".to_owned(),
    })
}

/// Compares what the insurer was told with what the ledger knows now of the same month.
async fn differs(
    book: &Book<'_>,
    tx: &mut Tx<'_>,
    policy: &Policy,
    row: &StatementRow,
    lines: &[StatementLineRow],
    sent: &[EffectRow],
    plan: &mut Plan,
) -> Result<(), Error> {
    let told: BTreeSet<&str> = sent
        .iter()
        .filter(|row| row.state == EffectState::Done.as_str())
        .map(|row| row.buyer_id.as_str())
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    let (method, period) = (row.method()?, row.period()?);
    let mut figures = tx.figures(&row.company, method, period, row.basis()?, None).await?;
    let figures = figures.remove(&row.currency).unwrap_or_default();
    let now = |buyer: &str| statement::stated(method, figures.get(buyer).map_or(0, |figure| figure.minor));
    let money = |minor| Money::new(minor, policy.currency);
    let find = |buyer: &str, name: &str, country: &str, stated: i64| Break {
        kind: BreakKind::DeclaredDiffers,
        subject: format!("{}/{}/{}/{buyer}", row.connection, row.policy, row.period),
        name: name.to_owned(),
        country: country.to_owned(),
        connection: row.connection.clone(),
        ours: format!("{}, {}", money(now(buyer)), what(row)),
        theirs: format!("{} was stated", money(stated)),
    };
    for line in lines.iter().filter(|line| told.contains(line.buyer_id.as_str())) {
        if now(&line.buyer_id) != line.amount_minor {
            plan.breaks.push(find(&line.buyer_id, &line.name, &line.country, line.amount_minor));
        }
    }
    // Who had nothing then and has something now.
    let kept: BTreeSet<&str> = lines.iter().map(|line| line.buyer_id.as_str()).collect();
    for buyer in figures.keys().filter(|buyer| !kept.contains(buyer.as_str()) && now(buyer) != 0) {
        if is_of(book, buyer, policy, period) && book.insurer_id(buyer, &policy.connection).is_some() {
            let (name, country) = book.name(buyer);
            plan.breaks.push(find(buyer, name, country, 0));
        }
    }
    Ok(())
}
