//! `encours requests`: every effect with its history, the partner's reference and its masked answer; and what a person says
//! of it.

use std::collections::BTreeMap;

use encours::engine::effects::{Options, Verdict, Which, decline, settle_by_hand, title, withdraw};
use encours::engine::publish;
use encours::ledger::{EffectRow, EffectStep};
use encours::model::{Currency, EffectKind, EffectState, render_minor};
use serde_json::{Value, json};

use super::apply::{self, whole_id};
use super::plan::ID_SHOWN;
use super::table::{Column, Table, count};
use super::{Context, Exit, Misconfigured, statements, sync};

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// One of them, with every step; any beginning of its id that is unique
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Only those in a state: proposed, approved, sending, done, refused, failed, unknown, dropped
    #[arg(long, value_name = "STATE", value_parser = parse_state)]
    state: Option<EffectState>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What a person says of one.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say no to a proposal: the same cause does not propose it again
    Decline(Said),
    /// Take back a request that the insurer has not decided
    Withdraw(Said),
    /// Say how one ended that no partner can be asked about
    Settle(Settle),
}

#[derive(Debug, clap::Args)]
struct Said {
    /// Which; any beginning of its id that is unique
    #[arg(value_name = "ID")]
    id: String,
    /// Why; kept with it
    #[arg(long, value_name = "TEXT")]
    because: String,
    /// Your name; kept with it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "a person")]
    by: String,
}

#[derive(Debug, clap::Args)]
struct Settle {
    #[command(flatten)]
    said: Said,
    /// The partner has it: sent by hand, or confirmed
    #[arg(long, group = "verdict", required = true)]
    done: bool,
    /// The partner decided against it
    #[arg(long, group = "verdict")]
    refused: bool,
    /// It never arrived: it may be sent again
    #[arg(long, group = "verdict")]
    not_sent: bool,
}

fn parse_state(text: &str) -> Result<EffectState, String> {
    EffectState::parse(text).ok_or_else(|| {
        let known: Vec<_> = EffectState::ALL.iter().map(|state| state.as_str()).collect();
        format!("the states are {}", known.join(", "))
    })
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that fails.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        Some(Command::Decline(said)) => say(context, said, What::Decline).await,
        Some(Command::Withdraw(said)) => say(context, said, What::Withdraw).await,
        Some(Command::Settle(settle)) => {
            let verdict = if settle.done {
                Verdict::Done
            } else if settle.refused {
                Verdict::Refused
            } else {
                Verdict::NotSent
            };
            say(context, &settle.said, What::Settle(verdict)).await
        }
        None => match &args.id {
            Some(id) => one(context, id).await,
            None => list(context, args.state).await,
        },
    }
}

async fn list(context: &Context, state: Option<EffectState>) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let rows = books.tx.effects(&company, state.as_slice()).await?;
    let head = books.close().await?;
    context.answer(
        || {
            if let Some(told) = head.nothing_yet() {
                return told;
            }
            if rows.is_empty() {
                return "There is none.\n".to_owned();
            }
            let mut table = Table::new(&[
                Column::Word("id"),
                Column::Word("proposed"),
                Column::Word("state"),
                Column::Text("what"),
                Column::Word("theirs"),
                Column::Text("last word"),
            ]);
            let is_line = |row: &&EffectRow| row.kind == EffectKind::ReportExposure.as_str();
            for row in rows.iter().filter(|row| !is_line(row)) {
                table.row([
                    row.id.chars().take(ID_SHOWN).collect(),
                    row.proposed_on.to_string(),
                    state_word(row).to_owned(),
                    title(row),
                    row.partner_reference.clone().unwrap_or_default(),
                    row.message.clone().unwrap_or_default(),
                ]);
            }
            let mut statements: BTreeMap<&str, Vec<&EffectRow>> = BTreeMap::new();
            for row in rows.iter().filter(is_line) {
                statements.entry(&row.cause).or_default().push(row);
            }
            for (id, lines) in statements {
                let first = lines.first();
                let fact = |name: &str| first.and_then(|row| row.facts.get(name)).map_or("", String::as_str);
                table.row([
                    id.chars().take(ID_SHOWN).collect(),
                    first.map_or_else(String::new, |row| row.proposed_on.to_string()),
                    "statement".to_owned(),
                    format!("{} of {} under policy {}", fact("method"), fact("period"), fact("policy")),
                    String::new(),
                    format!("{} lines: {}", count(lines.len()), statements::states(&lines)),
                ]);
            }
            table.to_string()
        },
        || json!({ "date": head.settled_on, "requests": rows.iter().map(|row| value(row, None)).collect::<Vec<_>>() }),
    )?;
    Ok(Exit::Fine)
}

fn state_word(row: &EffectRow) -> &str {
    if row.awaiting { "awaiting" } else { &row.state }
}

async fn one(context: &Context, beginning: &str) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let rows = books.tx.effects(&company, &[]).await?;
    let lines = rows.iter().filter(|row| row.kind == EffectKind::ReportExposure.as_str());
    let known = rows.iter().map(|row| row.id.as_str()).chain(lines.map(|row| row.cause.as_str()));
    let id = whole_id(beginning, known, "effect")?;
    if rows.iter().all(|row| row.id != id) {
        books.close().await?;
        return statements::show(context, &id).await;
    }
    let steps = books.tx.effect_steps(&id).await?;
    books.close().await?;
    let row = rows.into_iter().find(|row| row.id == id);
    let row = row.ok_or_else(|| Misconfigured(format!("there is no effect {id}")))?;
    context.answer(
        || {
            let mut text = format!("{}\n{}\n\n", title(&row), row.why);
            let mut line = |name: &str, value: &str| {
                if !value.is_empty() {
                    text.push_str(&format!("{name:<17}{value}\n"));
                }
            };
            line("Id", &row.id);
            line("State", state_word(&row));
            line("Expected", &row.expected);
            line(
                "Fee",
                &row.fee().filter(|fee| fee.minor > 0).map(|fee| fee.to_string()).unwrap_or_default(),
            );
            line("Approval", if row.is_automatic() { "goes by itself" } else { &row.approval });
            line("Our reference", &row.our_reference);
            line("Their reference", row.partner_reference.as_deref().unwrap_or_default());
            line("File", row.batch.as_deref().unwrap_or_default());
            text.push('\n');
            for step in &steps {
                let at = step.at.format("%Y-%m-%d %H:%M:%S");
                text.push_str(&format!("{at}  {:<9} {}: {}\n", step.state, step.who, step.note));
                if let Some(answer) = &step.answer {
                    text.push_str(&format!("{:>21}the answer: {answer}\n", ""));
                }
            }
            text
        },
        || value(&row, Some(&steps)),
    )?;
    Ok(Exit::Fine)
}

fn value(row: &EffectRow, steps: Option<&[EffectStep]>) -> Value {
    let currency = Currency::parse(&row.currency);
    let amount =
        |minor: Option<i64>| minor.zip(currency).map(|(minor, currency)| render_minor(minor, currency));
    let mut value = json!({
        "id": row.id, "kind": row.kind, "action": row.action, "connection": row.connection, "policy": row.policy,
        "buyer": row.buyer_id, "name": row.name, "subject": row.subject, "state": row.state, "awaiting": row.awaiting,
        "amount": amount(row.amount_minor), "before": amount(row.before_minor), "fee": amount(row.fee_minor),
        "currency": currency, "why": row.why, "expected": row.expected, "automatic": row.is_automatic(),
        "our_reference": row.our_reference, "reference": row.partner_reference, "message": row.message, "batch": row.batch,
        "attempts": row.attempts, "proposed_on": row.proposed_on, "sent_on": row.sent_on, "settled_on": row.settled_on,
    });
    if let (Some(steps), Some(object)) = (steps, value.as_object_mut()) {
        let steps = steps.iter().map(|step| {
            json!({ "at": step.at, "state": step.state, "who": step.who, "note": step.note, "answer": step.answer })
        });
        object.insert("steps".to_owned(), steps.collect());
    }
    value
}

#[derive(Clone, Copy)]
enum What {
    Decline,
    Withdraw,
    Settle(Verdict),
}

async fn say(context: &Context, said: &Said, what: What) -> anyhow::Result<Exit> {
    let setup = sync::open(context).await?;
    let mut tx = setup.ledger.read().await?;
    let rows = tx.effects(&setup.company.id, &[]).await?;
    let day = tx.settled_on(&setup.company.id).await?.unwrap_or_else(super::today);
    tx.rollback().await?;
    let id = whole_id(&said.id, rows.iter().map(|row| row.id.as_str()), "effect")?;
    let Some(row) = rows.into_iter().find(|row| row.id == id) else {
        return Err(Misconfigured(format!("there is no effect {id}")).into());
    };
    let options = Options { which: Which::Approved, by: &said.by, day, now: encours::clock::now() };
    if let What::Withdraw = what
        && row.awaiting
    {
        let told = withdraw(&setup, &row, &said.because, &options).await?;
        publish(&setup).await?;
        let answer = || json!({ "effects": told.iter().map(apply::value).collect::<Vec<_>>() });
        context.answer(|| apply::text(&told), answer)?;
        return Ok(apply::exit(&told));
    }
    let after = match what {
        What::Decline | What::Withdraw => decline(&setup, &id, &said.because, &options).await?,
        What::Settle(verdict) => settle_by_hand(&setup, &id, verdict, &said.because, &options).await?,
    };
    publish(&setup).await?;
    let Some(after) = after else {
        let told = format!("it is {}: nothing can be said of it any more", state_word(&row));
        return Err(Misconfigured(told).into());
    };
    context.answer(|| format!("{}: {}.\n", title(&after), state_word(&after)), || value(&after, None))?;
    Ok(Exit::Fine)
}
