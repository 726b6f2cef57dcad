//! `encours statements`: what insurers were told of every buyer for a month, their receipts, and the proof that it can be
//! made again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Context as _;
use encours::engine::effects::{Options, Verdict, Which, settle_by_hand};
use encours::ledger::{EffectRow, StatementLineRow, StatementRow, Tx};
use encours::model::{Approval, Basis, Effect, EffectKind, EffectState, Money, render_minor};
use serde_json::{Value, json};

use super::apply::whole_id;
use super::exposure::lacking;
use super::plan::ID_SHOWN;
use super::table::{Column, Table, count};
use super::{Context, Exit, Misconfigured, sync};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List them, oldest first; also without a word
    List,
    /// Show one: every line, what became of it, and the insurer's answers
    Show {
        /// Its month as 2026-05, or any beginning of its id that is unique
        #[arg(value_name = "PERIOD|ID")]
        which: String,
    },
    /// Make one again from the history and say whether its bytes are those that were made; exit code 1 if not
    Rebuild {
        /// Its month as 2026-05, or any beginning of its id that is unique
        #[arg(value_name = "PERIOD|ID")]
        which: String,
        /// Where its bytes are written
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Keep the insurer's word for having it
    Receipt {
        /// Its month as 2026-05, or any beginning of its id that is unique
        #[arg(value_name = "PERIOD|ID")]
        which: String,
        /// What the insurer calls it
        #[arg(long, value_name = "TEXT")]
        reference: String,
        /// How you know; kept with it
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// The receipt is of all lines: those that are not done are
        #[arg(long)]
        of_all: bool,
        /// Your name; kept with it
        #[arg(long, value_name = "NAME", env = "USER", default_value = "a person")]
        by: String,
    },
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that fails; a file that cannot be written.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        None | Some(Command::List) => list(context).await,
        Some(Command::Show { which }) => show(context, which).await,
        Some(Command::Rebuild { which, out }) => rebuild(context, which, out.as_ref()).await,
        Some(Command::Receipt { which, reference, because, of_all, by }) => {
            receipt(context, which, &Said { reference, because, by, of_all: *of_all }).await
        }
    }
}

struct Said<'a> {
    reference: &'a str,
    because: &'a str,
    by: &'a str,
    of_all: bool,
}

fn chosen(rows: Vec<StatementRow>, which: &str) -> anyhow::Result<StatementRow> {
    let of_month: Vec<&StatementRow> = rows.iter().filter(|row| row.period == which).collect();
    let id = match of_month.as_slice() {
        [one] => one.id.clone(),
        [] => whole_id(which, rows.iter().map(|row| row.id.as_str()), "statement")?,
        several => {
            let told: Vec<String> = several
                .iter()
                .map(|row| format!("{} (policy {}, {})", row.id, row.policy, row.method))
                .collect();
            let told = format!("{which} has several statements: {}", told.join(", "));
            return Err(Misconfigured(told).into());
        }
    };
    let row = rows.into_iter().find(|row| row.id == id);
    row.ok_or_else(|| Misconfigured(format!("there is no statement {id}")).into())
}

async fn effects_of(tx: &mut Tx<'_>, company: &str) -> anyhow::Result<BTreeMap<String, Vec<EffectRow>>> {
    let mut map: BTreeMap<String, Vec<EffectRow>> = BTreeMap::new();
    for row in tx.effects(company, &[]).await? {
        if row.kind == EffectKind::ReportExposure.as_str() {
            map.entry(row.cause.clone()).or_default().push(row);
        }
    }
    Ok(map)
}

/// The states of lines as people read them: `done`, or `310 done, 2 unknown`.
pub fn states(effects: &[&EffectRow]) -> String {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for row in effects {
        *states.entry(row.state.as_str()).or_default() += 1;
    }
    match states.keys().copied().collect::<Vec<_>>().as_slice() {
        [] => "nothing to state".to_owned(),
        [one] => (*one).to_owned(),
        _ => {
            let told: Vec<String> =
                states.iter().map(|(state, number)| format!("{} {state}", count(*number))).collect();
            told.join(", ")
        }
    }
}

/// Of the effects of a statement, those of its lines: what was dropped because it was made anew is none of it.
fn of_lines(effects: &[EffectRow]) -> Vec<&EffectRow> {
    let is_gone = |row: &EffectRow| row.state == EffectState::Dropped.as_str() && !row.declined;
    effects.iter().filter(|row| !is_gone(row)).collect()
}

fn amount(row: &StatementRow, minor: i64) -> anyhow::Result<String> {
    Ok(Money::new(minor, row.currency()?).to_string())
}

fn value(row: &StatementRow, state: &str) -> anyhow::Result<Value> {
    let currency = row.currency()?;
    Ok(json!({
        "id": row.id, "connection": row.connection, "policy": row.policy, "method": row.method, "period": row.period,
        "basis": row.basis, "as_of": row.as_of, "made_on": row.made_on, "known_at": row.known_at, "currency": currency,
        "lines": row.line_count, "total": render_minor(row.total_minor, currency),
        "change": render_minor(row.change_minor, currency), "not_stated": row.not_stated,
        "other_currency": row.other_currency, "sha256": row.content_hash, "state": state, "receipt": row.receipt,
        "receipt_because": row.receipt_because, "receipt_by": row.receipt_by, "receipt_at": row.receipt_at,
    }))
}

async fn list(context: &Context) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let rows = books.tx.statements(&company).await?;
    let effects = effects_of(&mut books.tx, &company).await?;
    let head = books.close().await?;
    let none = Vec::new();
    let state = |row: &StatementRow| states(&of_lines(effects.get(&row.id).unwrap_or(&none)));
    let values = rows.iter().map(|row| value(row, &state(row))).collect::<anyhow::Result<Vec<_>>>()?;
    let mut table = Table::new(&[
        Column::Word("id"),
        Column::Word("period"),
        Column::Word("through"),
        Column::Word("policy"),
        Column::Word("method"),
        Column::Figure("lines"),
        Column::Figure("total"),
        Column::Figure("change"),
        Column::Figure("not stated"),
        Column::Text("state"),
        Column::Text("receipt"),
    ]);
    for row in &rows {
        table.row([
            row.id.chars().take(ID_SHOWN).collect(),
            row.period.clone(),
            row.connection.clone(),
            row.policy.clone(),
            row.method.clone(),
            row.line_count.to_string(),
            amount(row, row.total_minor)?,
            amount(row, row.change_minor)?,
            row.not_stated.to_string(),
            state(row),
            row.receipt.clone().unwrap_or_default(),
        ]);
    }
    context.answer(
        || {
            head.nothing_yet().unwrap_or_else(|| {
                if rows.is_empty() {
                    "There is none: a policy with [policy.statement] gets one for each month that is over.\n"
                        .to_owned()
                } else {
                    table.to_string()
                }
            })
        },
        || json!({ "date": head.settled_on, "statements": values }),
    )?;
    Ok(Exit::Fine)
}

/// Shows one statement by its month or the beginning of its id.
///
/// # Errors
/// A configuration or a ledger that fails.
pub async fn show(context: &Context, which: &str) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let row = chosen(books.tx.statements(&company).await?, which)?;
    let lines = books.tx.statement_lines(&row.id).await?;
    let mut effects = effects_of(&mut books.tx, &company).await?;
    let effects = effects.remove(&row.id).unwrap_or_default();
    let own = of_lines(&effects);
    let mut files: BTreeSet<String> = BTreeSet::new();
    let mut answers: BTreeMap<&str, String> = BTreeMap::new();
    for effect in &own {
        for step in books.tx.effect_steps(&effect.id).await? {
            if effect.batch.is_some() && step.state == EffectState::Sending.as_str() {
                files.insert(step.note);
            }
            if let Some(answer) = step.answer {
                answers.insert(&effect.id, answer);
            }
        }
    }
    books.close().await?;
    let currency = row.currency()?;
    let effect_of = |line: &StatementLineRow| {
        own.iter().find(|effect| {
            effect.buyer_id == line.buyer_id && Some(&effect.subject) == line.insurer_buyer_id.as_ref()
        })
    };
    let mut table = Table::new(&[
        Column::Word("effect"),
        Column::Text("buyer"),
        Column::Word("insurer's id"),
        Column::Figure("amount"),
        Column::Figure("change"),
        Column::Word("state"),
        Column::Word("theirs"),
        Column::Text("last word"),
    ]);
    let mut values = Vec::new();
    for line in &lines {
        let effect = effect_of(line);
        let change = line.line().change_minor()?;
        let state = match (effect, &line.insurer_buyer_id) {
            (Some(effect), _) => effect.state.as_str(),
            (None, Some(_)) => "to be proposed",
            (None, None) => "not stated",
        };
        table.row([
            effect.map_or_else(String::new, |effect| effect.id.chars().take(ID_SHOWN).collect()),
            line.name.clone(),
            line.insurer_buyer_id.clone().unwrap_or_default(),
            format!(
                "{}{}",
                render_minor(line.amount_minor, currency),
                if line.lacks_tax > 0 { " ¹" } else { "" }
            ),
            render_minor(change, currency),
            state.to_owned(),
            effect.and_then(|effect| effect.partner_reference.clone()).unwrap_or_default(),
            effect.and_then(|effect| effect.message.clone()).unwrap_or_default(),
        ]);
        values.push(json!({
            "buyer": line.buyer_id, "insurer_buyer_id": line.insurer_buyer_id, "name": line.name, "country": line.country,
            "amount": render_minor(line.amount_minor, currency), "without_tax_figure": line.lacks_tax, "change": render_minor(change, currency),
            "state": state, "effect": effect.map(|effect| &effect.id),
            "our_reference": effect.map(|effect| &effect.our_reference),
            "reference": effect.and_then(|effect| effect.partner_reference.as_ref()),
            "message": effect.and_then(|effect| effect.message.as_ref()),
            "answer": effect.and_then(|effect| answers.get(effect.id.as_str())),
        }));
    }
    let mut whole = value(&row, &states(&own))?;
    if let Some(object) = whole.as_object_mut() {
        object.insert("buyers".to_owned(), values.into());
        object.insert("files".to_owned(), files.iter().cloned().collect());
    }
    let (total, change) = (amount(&row, row.total_minor)?, amount(&row, row.change_minor)?);
    context.answer(
        || {
            let mut text = format!(
                "Statement of {} under policy {} of {}, by {}\n\n",
                row.period, row.policy, row.connection, row.method
            );
            let mut line = |name: &str, value: &str| {
                if !value.is_empty() {
                    text.push_str(&format!("{name:<17}{value}\n"));
                }
            };
            line("Id", &row.id);
            line("As of", &row.as_of.to_string());
            if row.basis == Basis::Net.as_str() {
                let lacks = lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.lacks_tax));
                line("Basis", &format!("net of tax{}", lacking(lacks)));
            }
            line(
                "Made on",
                &format!("{}, as known at {}", row.made_on, row.known_at.format("%Y-%m-%d %H:%M:%S UTC")),
            );
            line("Total", &format!("{total}, {change} since the last; {} buyers", row.line_count));
            line("State", &states(&own));
            line("SHA-256", &row.content_hash);
            for file in &files {
                line("File", file);
            }
            let (receipt, because) =
                (row.receipt.as_deref(), row.receipt_because.as_deref().unwrap_or_default());
            let by = row.receipt_by.as_deref().unwrap_or_default();
            line(
                "Receipt",
                &receipt.map_or_else(String::new, |receipt| format!("{receipt} ({by}: {because})")),
            );
            if row.other_currency > 0 {
                let note = format!(
                    "{} buyers have amounts in another currency, which are left out",
                    row.other_currency
                );
                line("Left out", &note);
            }
            let note = if lines.iter().any(|line| line.lacks_tax > 0) {
                "¹ with the tax of documents that carry no tax figure\n"
            } else {
                ""
            };
            format!("{text}\n{table}{note}")
        },
        || whole,
    )?;
    Ok(Exit::Fine)
}

async fn rebuild(context: &Context, which: &str, out: Option<&PathBuf>) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let row = chosen(books.tx.statements(&company).await?, which)?;
    let rebuilt = books.tx.rebuild_statement(&row.id).await?;
    books.close().await?;
    let rebuilt = rebuilt.ok_or_else(|| Misconfigured(format!("there is no statement {}", row.id)))?;
    if let Some(path) = out {
        std::fs::write(path, &rebuilt.bytes)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    context.answer(
        || {
            let told = if rebuilt.is_same() {
                format!("the same bytes as when it was made: SHA-256 {}", rebuilt.hash)
            } else {
                format!("OTHER bytes than when it was made: SHA-256 {}, then {}", rebuilt.hash, row.content_hash)
            };
            format!("Statement of {} under policy {}: {told}.\n", row.period, row.policy)
        },
        || {
            json!({
                "id": row.id, "period": row.period, "policy": row.policy, "same": rebuilt.is_same(),
                "sha256": rebuilt.hash, "sha256_made": row.content_hash, "bytes": rebuilt.bytes.len(), "file": out,
            })
        },
    )?;
    Ok(if rebuilt.is_same() { Exit::Fine } else { Exit::Failed })
}

async fn receipt(context: &Context, which: &str, said: &Said<'_>) -> anyhow::Result<Exit> {
    let setup = sync::open(context).await?;
    let company = setup.company.id.as_str();
    let now = encours::clock::now();
    let mut tx = setup.ledger.begin().await?;
    let row = chosen(tx.statements(company).await?, which)?;
    let day = tx.settled_on(company).await?.unwrap_or_else(super::today);
    tx.keep_receipt(&row.id, said.reference, said.because, said.by, now).await?;
    let mut effects = effects_of(&mut tx, company).await?;
    tx.commit().await?;
    let effects = effects.remove(&row.id).unwrap_or_default();
    let mut settled = 0_usize;
    if said.of_all {
        let options = Options { which: Which::Approved, by: said.by, day, now };
        for effect in of_lines(&effects) {
            let done = settle_by_hand(&setup, &effect.id, Verdict::Done, said.because, &options).await?;
            settled += usize::from(done.is_some());
        }
    }
    setup.ledger.close().await;
    context.answer(
        || {
            let lines = if settled > 0 {
                format!(" {} lines are done by it.", count(settled))
            } else {
                String::new()
            };
            format!("The receipt {} of the statement of {} is kept.{lines}\n", said.reference, row.period)
        },
        || json!({ "id": row.id, "receipt": said.reference, "settled": settled }),
    )?;
    Ok(Exit::Fine)
}

/// Proposals that are lines of one statement.
#[derive(Debug)]
pub struct Group<'a> {
    /// The statement.
    pub id: &'a str,
    /// Its lines, with their ids.
    pub lines: Vec<&'a (String, Effect)>,
}

impl<'a> Group<'a> {
    /// The statements that proposals belong to.
    pub fn of(open: &'a [(String, Effect)]) -> Vec<Self> {
        let mut groups: BTreeMap<&str, Vec<&(String, Effect)>> = BTreeMap::new();
        for one in open.iter().filter(|(_, effect)| effect.kind == EffectKind::ReportExposure) {
            groups.entry(&one.1.cause).or_default().push(one);
        }
        groups.into_iter().map(|(id, lines)| Self { id, lines }).collect()
    }

    fn fact(&self, name: &str) -> &'a str {
        let first = self.lines.first();
        first.and_then(|(_, effect)| effect.facts.get(name)).map_or("", String::as_str)
    }

    fn total(&self) -> Option<Money> {
        let mut amounts = self.lines.iter().filter_map(|(_, effect)| effect.amount);
        let first = amounts.next()?;
        Some(Money::new(amounts.fold(first.minor, |sum, one| sum.saturating_add(one.minor)), first.currency))
    }

    fn approval(&self) -> Option<&'a Approval> {
        self.lines.first().map(|(_, effect)| &effect.approval)
    }

    /// For programs.
    pub fn value(&self) -> Value {
        let total = self.total();
        json!({
            "id": self.id, "connection": self.lines.first().map(|(_, effect)| &effect.connection),
            "policy": self.fact("policy"), "period": self.fact("period"), "method": self.fact("method"),
            "as_of": self.fact("date"), "lines": self.lines.len(),
            "total": total.map(|money| render_minor(money.minor, money.currency)),
            "currency": total.map(|money| money.currency),
            "automatic": self.approval() == Some(&Approval::Automatic),
        })
    }
}

/// Statements that are proposed, a row each.
pub fn table(groups: &[Group<'_>]) -> String {
    let mut table = Table::new(&[
        Column::Word("id"),
        Column::Word("period"),
        Column::Word("through"),
        Column::Word("policy"),
        Column::Word("method"),
        Column::Figure("lines"),
        Column::Figure("total"),
        Column::Text("goes by itself"),
    ]);
    for group in groups {
        table.row([
            group.id.chars().take(ID_SHOWN).collect(),
            group.fact("period").to_owned(),
            group.lines.first().map_or_else(String::new, |(_, effect)| effect.connection.clone()),
            group.fact("policy").to_owned(),
            group.fact("method").to_owned(),
            group.lines.len().to_string(),
            group.total().map_or_else(String::new, |money| money.to_string()),
            match group.approval() {
                Some(Approval::Person(why)) => format!("no: {why}"),
                Some(Approval::Automatic) | None => "yes".to_owned(),
            },
        ]);
    }
    format!("{table}  `encours statements show ID` lists the lines of one.\n")
}
