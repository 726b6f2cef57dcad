//! `encours plan`: what Encours would do now, why, and what it costs. Changes nothing.

use std::collections::BTreeMap;

use encours::engine::Setup;
use encours::engine::effects::{self, Held};
use encours::ledger::effect_id;
use encours::model::{Approval, Currency, Date, Effect, EffectKind, EffectState, Money, render_minor};
use serde_json::{Value, json};

use super::statements::{self, Group};
use super::table::{Column, Table, count};
use super::{Context, Exit, sync};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The business day; the last cycle's without it
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,
    /// Only what the policies let go by themselves
    #[arg(long)]
    auto: bool,
}

/// How many digits of an id people are shown; any beginning that is unique will do.
pub const ID_SHOWN: usize = 8;

/// What is proposed and not yet decided on, with its id; and what would be and has to wait.
///
/// # Errors
/// What the ledger says.
pub async fn proposals(
    setup: &Setup,
    day: Option<Date>,
) -> anyhow::Result<(Date, Vec<(String, Effect)>, Vec<Held>)> {
    let company = setup.company.id.as_str();
    let mut tx = setup.ledger.read().await?;
    let day = match day {
        Some(day) => day,
        None => tx.settled_on(company).await?.unwrap_or_else(super::today),
    };
    let plan = effects::plan(&mut tx, setup, day).await?;
    let mut open = Vec::new();
    for effect in plan.effects {
        let id = effect_id(company, &effect);
        // What is past being proposed, or was declined, is not proposed again by the same cause.
        let known = tx.effect(&id).await?;
        let closed = known.is_some_and(|row| {
            row.declined
                || (row.state != EffectState::Proposed.as_str() && row.state != EffectState::Dropped.as_str())
        });
        if !closed {
            open.push((id, effect));
        }
    }
    tx.rollback().await?;
    Ok((day, open, plan.held))
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that fails.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let setup = sync::open(context).await?;
    let (day, mut open, held) = proposals(&setup, args.day).await?;
    if args.auto {
        open.retain(|(_, effect)| effect.approval == Approval::Automatic);
    }
    setup.ledger.close().await;
    let fees = fees(&open);
    let urgent: BTreeMap<&str, Money> = open
        .iter()
        .filter_map(|(id, effect)| Some((id.as_str(), effects::urgent_fee(&setup, effect, day).ok()?)))
        .collect();
    context.answer(
        || told(day, &open, &held, &fees, &urgent),
        || {
            let fees: BTreeMap<&str, String> = fees
                .iter()
                .map(|(currency, minor)| (currency.code(), render_minor(*minor, *currency)))
                .collect();
            let statements: Vec<Value> = Group::of(&open).iter().map(Group::value).collect();
            json!({
                "date": day, "plan": open.iter().map(|(id, effect)| value(id, effect, urgent.get(id.as_str()))).collect::<Vec<_>>(),
                "statements": statements, "fees": fees,
                "held": held.iter().map(|one| json!({
                    "buyer": one.effect.buyer_id, "name": one.effect.name, "connection": one.effect.connection,
                    "policy": one.effect.policy, "action": one.effect.action, "why": one.effect.why, "waits": one.why,
                    "amount": one.effect.amount.map(|money| render_minor(money.minor, money.currency)),
                    "currency": one.effect.amount.map(|money| money.currency),
                })).collect::<Vec<_>>(),
            })
        },
    )?;
    Ok(Exit::Fine)
}

fn fees(open: &[(String, Effect)]) -> BTreeMap<Currency, i64> {
    let mut fees: BTreeMap<Currency, i64> = BTreeMap::new();
    for fee in open.iter().filter_map(|(_, effect)| effect.fee).filter(|fee| fee.minor > 0) {
        let sum = fees.entry(fee.currency).or_default();
        *sum = sum.saturating_add(fee.minor);
    }
    fees
}

fn told(
    day: Date,
    open: &[(String, Effect)],
    held: &[Held],
    fees: &BTreeMap<Currency, i64>,
    urgent: &BTreeMap<&str, Money>,
) -> String {
    let waits = waits(held);
    if open.is_empty() {
        return format!("Nothing to do on {day}.\n{waits}");
    }
    let mut by_kind: BTreeMap<&str, Vec<&(String, Effect)>> = BTreeMap::new();
    for one in open.iter().filter(|(_, effect)| effect.kind != EffectKind::ReportExposure) {
        by_kind.entry(one.1.kind.as_str()).or_default().push(one);
    }
    let mut text = String::new();
    if !waits.is_empty() {
        text.push_str(&format!("{waits}\n"));
    }
    for (kind, effects) in by_kind {
        text.push_str(&format!("{kind}: {}\n", count(effects.len())));
        let mut table = Table::new(&[
            Column::Word("id"),
            Column::Text("buyer"),
            Column::Word("through"),
            Column::Word("action"),
            Column::Figure("now"),
            Column::Figure("then"),
            Column::Figure("fee"),
            Column::Text("goes by itself"),
        ]);
        for (id, effect) in &effects {
            let amount = |money: Option<Money>| money.map_or_else(String::new, |money| money.to_string());
            table.row([
                id.chars().take(ID_SHOWN).collect(),
                effect.name.clone(),
                effect.connection.clone(),
                effect.action.to_string(),
                amount(effect.before),
                amount(effect.amount),
                amount(effect.fee.filter(|fee| fee.minor > 0)),
                match &effect.approval {
                    Approval::Automatic => "yes".to_owned(),
                    Approval::Person(why) => format!("no: {why}"),
                },
            ]);
        }
        text.push_str(&table.to_string());
        for (id, effect) in effects {
            let short: String = id.chars().take(ID_SHOWN).collect();
            text.push_str(&format!("  {short}  {} → {}\n", effect.why, effect.expected));
            if let Some(fee) = urgent.get(id.as_str()).filter(|fee| fee.minor > 0) {
                text.push_str(&format!("  {short}  urgently, with `--urgent`, for {fee} more\n"));
            }
        }
        text.push('\n');
    }
    let groups = Group::of(open);
    if !groups.is_empty() {
        text.push_str(&format!("statements: {}\n{}\n", count(groups.len()), statements::table(&groups)));
    }
    for (currency, minor) in fees {
        text.push_str(&format!("Fees in all: {}.\n", Money::new(*minor, *currency)));
    }
    text.push_str("`encours apply ID…` does some of it, `encours apply` all of it, `encours apply --auto` what goes by itself.\n");
    text
}

/// What is not proposed although the figures ask for it, a line each.
fn waits(held: &[Held]) -> String {
    let line = |Held { effect, why }: &Held| {
        let amount = effect.amount.map_or_else(String::new, |money| format!(" to {money}"));
        format!("  {}, policy {}: {}{amount}: {why}\n", effect.name, effect.policy, effect.action)
    };
    if held.is_empty() {
        return String::new();
    }
    format!("held back: {}\n{}", count(held.len()), held.iter().map(line).collect::<String>())
}

fn value(id: &str, effect: &Effect, urgent: Option<&Money>) -> Value {
    let amount = |money: Option<Money>| money.map(|money| render_minor(money.minor, money.currency));
    let currency = [effect.amount, effect.before, effect.fee].into_iter().flatten().next();
    let (automatic, approval) = match &effect.approval {
        Approval::Automatic => (true, None),
        Approval::Person(why) => (false, Some(why)),
    };
    json!({
        "id": id, "kind": effect.kind, "action": effect.action, "connection": effect.connection, "policy": effect.policy,
        "buyer": effect.buyer_id, "name": effect.name, "country": effect.country, "subject": effect.subject,
        "before": amount(effect.before), "amount": amount(effect.amount), "fee": amount(effect.fee),
        "urgent_fee": amount(urgent.copied()),
        "currency": currency.map(|money| money.currency), "why": effect.why, "expected": effect.expected,
        "automatic": automatic, "needs_person_because": approval, "expires_on": effect.expires_on,
    })
}
