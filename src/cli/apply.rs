//! `encours apply`: does what `encours plan` lists, once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use encours::engine::effects::{Options, Told, Which, carry_out, record, urgent_fee};
use encours::engine::{Setup, publish};
use encours::model::{Date, Effect, EffectKind, EffectState};
use serde_json::json;

use super::plan::{ID_SHOWN, proposals};
use super::statements::Group;
use super::table::count;
use super::{Context, Exit, Misconfigured, sync};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which; any beginning of an id that is unique, also of a statement with all its lines. All without one
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Only what the policies let go by themselves
    #[arg(long, conflicts_with = "ids")]
    auto: bool,
    /// Ask for these urgently, for the fee that `encours plan` tells: only requests, and of insurers that take urgent ones
    #[arg(long, requires = "ids")]
    urgent: bool,
    /// Your name, kept with what you approve
    #[arg(long, value_name = "NAME", env = "USER", default_value = "a person")]
    by: String,
    /// The business day; the last cycle's without it
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,
}

/// The id that a beginning stands for.
///
/// # Errors
/// [`Misconfigured`] when it is the beginning of none, or of several.
pub fn whole_id<'a>(
    beginning: &str,
    ids: impl Iterator<Item = &'a str>,
    what: &str,
) -> anyhow::Result<String> {
    let mut fits: Vec<&str> = ids.filter(|id| id.starts_with(beginning)).collect();
    fits.sort_unstable();
    fits.dedup();
    match fits.as_slice() {
        [one] if !beginning.is_empty() => Ok((*one).to_owned()),
        [] => Err(Misconfigured(format!("no {what} has an id that begins with \"{beginning}\"")).into()),
        _ => {
            let some: Vec<&str> = fits.iter().take(5).copied().collect();
            Err(Misconfigured(format!("\"{beginning}\" is the beginning of several: {}", some.join(", ")))
                .into())
        }
    }
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that fails; what a partner answers is part of the answer.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let setup = sync::open(context).await?;
    let (day, open, _) = proposals(&setup, args.day).await?;
    let which = if args.auto {
        Which::Automatic
    } else if args.ids.is_empty() {
        Which::All
    } else {
        let mut ids = BTreeSet::new();
        for beginning in &args.ids {
            // A statement is approved by its own id, with all its lines.
            let groups = Group::of(&open);
            let known = open.iter().map(|(id, _)| id.as_str()).chain(groups.iter().map(|group| group.id));
            let id = whole_id(beginning, known, "proposal")?;
            match groups.iter().find(|group| group.id == id) {
                Some(group) => ids.extend(group.lines.iter().map(|(line, _)| line.clone())),
                None => _ = ids.insert(id),
            }
        }
        if args.urgent {
            tell_urgent(&setup, &open, &ids, day)?;
            Which::Urgent(ids)
        } else {
            Which::These(ids)
        }
    };
    let now = encours::clock::now();
    record(&setup, day, now).await?;
    let options = Options { which, by: &args.by, day, now };
    let told = carry_out(&setup, &options).await?;
    let published = publish(&setup).await;
    context.answer(
        || text(&told),
        || json!({ "date": day, "effects": told.iter().map(value).collect::<Vec<_>>() }),
    )?;
    published.context("the deltas wait in the outbox")?;
    Ok(exit(&told))
}

/// Says before anything is sent what urgency costs.
fn tell_urgent(
    setup: &Setup,
    open: &[(String, Effect)],
    ids: &BTreeSet<String>,
    day: Date,
) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for (_, effect) in open.iter().filter(|(id, _)| ids.contains(id)) {
        let fee = urgent_fee(setup, effect, day)
            .map_err(|why| Misconfigured(format!("nothing was sent: {}: {why}", effect.name)))?;
        let usual = effect.fee.map_or_else(|| "no fee".to_owned(), |fee| fee.to_string());
        lines.push(match fee.minor {
            0 => format!("{}: asked urgently; no [policy.fees] urgent says what that costs", effect.name),
            _ => format!("{}: asked urgently, for {fee} beside {usual}", effect.name),
        });
    }
    for line in lines {
        eprintln!("{line}");
    }
    Ok(())
}

/// Failed when anything was held back, failed or is in doubt.
pub fn exit(told: &[Told]) -> Exit {
    let bad = |one: &Told| {
        one.held.is_some()
            || [EffectState::Failed, EffectState::Unknown, EffectState::Approved]
                .iter()
                .any(|state| one.row.state == state.as_str())
    };
    if told.iter().any(bad) { Exit::Failed } else { Exit::Fine }
}

/// What became of effects, for people.
pub fn text(told: &[Told]) -> String {
    if told.is_empty() {
        return "Nothing was to be done.\n".to_owned();
    }
    let mut by_state: BTreeMap<&str, usize> = BTreeMap::new();
    let mut text = String::new();
    // Lines of one statement that ended alike are one line here: there may be thousands.
    let mut statements: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for one in told {
        let id: String = one.row.id.chars().take(ID_SHOWN).collect();
        let (sign, state) = match (&one.held, EffectState::parse(&one.row.state)) {
            (Some(_), _) => ("·", "held back"),
            (None, Some(EffectState::Done)) if one.row.awaiting => ("✓", "sent, the decision is to come"),
            (None, Some(EffectState::Done)) => ("✓", "done"),
            (None, Some(EffectState::Unknown)) => ("?", "in doubt"),
            (None, Some(EffectState::Approved)) => ("·", "waiting to be sent"),
            (None, _) => ("✗", one.row.state.as_str()),
        };
        *by_state.entry(state).or_default() += 1;
        if one.row.kind == EffectKind::ReportExposure.as_str() {
            let alike = statements.entry((&one.row.cause, state)).or_default();
            *alike += 1;
            if *alike > 1 {
                continue;
            }
        }
        let note = one.held.as_deref().or(one.row.message.as_deref()).unwrap_or_default();
        text.push_str(&format!(
            "{sign} {id}  {}: {state}. {note}\n",
            encours::engine::effects::title(&one.row)
        ));
    }
    for ((id, state), number) in statements.iter().filter(|(_, number)| **number > 1) {
        let id: String = id.chars().take(ID_SHOWN).collect();
        text.push_str(&format!("  {id}  {} lines of the statement in all: {state}\n", count(*number)));
    }
    let sums: Vec<String> =
        by_state.iter().map(|(state, number)| format!("{} {state}", count(*number))).collect();
    text.push_str(&format!("{}.\n", sums.join(", ")));
    text
}

/// What became of an effect, for programs.
pub fn value(one: &Told) -> serde_json::Value {
    json!({
        "id": one.row.id, "kind": one.row.kind, "action": one.row.action, "connection": one.row.connection,
        "buyer": one.row.buyer_id, "name": one.row.name, "state": one.row.state, "awaiting": one.row.awaiting,
        "our_reference": one.row.our_reference, "reference": one.row.partner_reference, "message": one.row.message,
        "held_because": one.held,
    })
}
