//! `encours buyers find`: asks an insurer which of its buyers one of ours is, once, and keeps the answer.

use encours::connector::Connection;
use encours::engine::Setup;
use encours::engine::lookup::{self, Asker, Candidate, Found, Question};
use serde_json::json;

use super::super::table::{Column, Table};
use super::super::{Context, Exit, Misconfigured, sync};
use super::links::{one_buyer, person};

/// What `find` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The legal buyer: its id, an account code, a registry number or its name
    buyer: String,
    /// The insurer's connection; needed where buyers can be looked up at several
    #[arg(long, value_name = "CONNECTION")]
    with: Option<String>,
    /// Link the buyer that is found, where it is one and in the same country
    #[arg(long)]
    link: bool,
    /// Ask again although it is not known whether it was asked, and billed, before
    #[arg(long, requires = "because")]
    repeat: bool,
    /// Why it is asked again; kept with the look-up
    #[arg(long, value_name = "TEXT", requires = "repeat")]
    because: Option<String>,
    /// Who says so; else the user of this machine
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// A buyer or an insurer that cannot be asked about; what the ledger says.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let because = args.because.as_deref().map(str::trim);
    if because.is_some_and(str::is_empty) {
        let told = "--because needs words: they are all that a later reader has".to_owned();
        return Err(Misconfigured(told).into());
    }
    let setup = sync::open(context).await?;
    let connection = insurer(&setup, args.with.as_deref())?;
    let mut tx = setup.ledger.read().await?;
    let buyer = one_buyer(&mut tx, &setup.company.id, &args.buyer).await?;
    let accounts = tx.accounts_of(&setup.company.id, &[buyer.clone()].into()).await?;
    tx.rollback().await?;
    let question = Question::on(connection, &accounts).map_err(anyhow::Error::msg)?;
    let who = person(args.by.as_ref());
    let now = encours::clock::now();

    let kept = lookup::kept(&setup, &question).await?;
    let asks = match &kept {
        None => true,
        Some(Found::InDoubt { .. }) => because.is_some(),
        Some(Found::Answered { .. } | Found::NotAsked { .. }) => false,
    };
    if asks && !context.json {
        eprintln!("Asking {} for {}. {}", connection.id, named(&question), cost(&setup, connection));
    }
    let asker = Asker { who: &who, again_because: because };
    let found = match kept {
        Some(kept) if !asks => kept,
        Some(_) | None => lookup::ask(&setup, connection, &question, asker, now).await?,
    };
    let (candidates, is_new) = match &found {
        Found::Answered { answer, is_new } => (question.candidates(connection, answer), *is_new),
        Found::InDoubt { .. } | Found::NotAsked { .. } => (Vec::new(), false),
    };
    let fitting: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.fits).collect();
    let one = match (fitting.as_slice(), candidates.len()) {
        ([one], 1) => Some(*one),
        _ => None,
    };
    let linked = match one.filter(|_| args.link) {
        Some(one) => Some(lookup::link(&setup, &question, one, &buyer, &who, now).await?),
        None => None,
    };
    let exit = match (&found, args.link, &linked) {
        (Found::InDoubt { .. } | Found::NotAsked { .. }, _, _) | (_, true, None | Some(Err(_))) => {
            Exit::Failed
        }
        (Found::Answered { .. }, _, _) => Exit::Fine,
    };
    context.answer(
        || {
            let mut text = said(&setup, connection, &question, &found, &candidates);
            text.push_str(&next(&question, &buyer, &candidates, one, linked.as_ref(), &found));
            text
        },
        || {
            json!({
                "buyer": buyer,
                "connection": connection.id,
                "country": question.country,
                "scheme": question.identifier.scheme,
                "value": question.identifier.value,
                "state": match &found {
                    Found::Answered { .. } => "answered",
                    Found::InDoubt { .. } => "in_doubt",
                    Found::NotAsked { .. } => "not_asked",
                },
                "asked_now": is_new,
                "candidates": candidates.iter().map(|one| json!({
                    "insurer_buyer_id": one.id, "name": one.name, "country": one.country, "status": one.status,
                    "same_country": one.fits,
                })).collect::<Vec<_>>(),
                "linked": linked.as_ref().is_some_and(Result::is_ok),
            })
        },
    )?;
    Ok(exit)
}

/// The insurer that is asked.
fn insurer<'a>(setup: &'a Setup, with: Option<&str>) -> anyhow::Result<&'a Connection> {
    let able = lookup::insurers(setup);
    let names = || able.iter().map(|connection| connection.id.as_str()).collect::<Vec<_>>().join(", ");
    let wrong = |told: String| anyhow::Error::from(Misconfigured(told));
    match (with, able.as_slice()) {
        (_, []) => Err(wrong("no connection of the configuration can look buyers up".to_owned())),
        (None, [one]) => Ok(one),
        (None, _) => Err(wrong(format!("say with which insurer: --with, one of {}", names()))),
        (Some(id), _) => able.iter().find(|connection| connection.id == id).copied().ok_or_else(|| {
            wrong(format!("buyers cannot be looked up with \"{id}\"; they can with {}", names()))
        }),
    }
}

fn named(question: &Question) -> String {
    format!("{} {} in {}", question.identifier.scheme, question.identifier.value, question.country)
}

/// What asking may cost.
fn cost(setup: &Setup, connection: &Connection) -> String {
    let fees: Vec<String> = lookup::fees(setup, &connection.id)
        .map(|(number, fee)| format!("policy {number} states a fee of {fee} for it"))
        .collect();
    match (connection.is_billed(lookup::OPERATION), fees.is_empty()) {
        (_, false) => format!("The insurer may charge for it: {}.", fees.join(", ")),
        (true, true) => "The insurer may charge for it; no [policy.fees] look_up says how much.".to_owned(),
        (false, true) => "Nothing says that the insurer charges for it.".to_owned(),
    }
}

/// What the insurer says, or why it says nothing.
fn said(
    setup: &Setup,
    connection: &Connection,
    question: &Question,
    found: &Found,
    candidates: &[Candidate],
) -> String {
    let what = named(question);
    match found {
        Found::NotAsked { reason } => format!("{} was not asked for {what}: {reason}\n", connection.id),
        Found::InDoubt { since, reason } => {
            let reason = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            format!(
                "{} was asked for {what} on {}, and no answer was kept{reason}.\nIt may have been billed. {}\nTo ask again, \
                 knowing that: --repeat --because TEXT\n",
                connection.id,
                since.date_naive(),
                cost(setup, connection)
            )
        }
        Found::Answered { is_new, .. } => {
            let when = if *is_new { "" } else { ", as it answered before; nothing was asked now" };
            if candidates.is_empty() {
                return format!("{} knows nobody as {what}{when}.\n", connection.id);
            }
            let mut table = Table::new(&[
                Column::Word("id"),
                Column::Text("name"),
                Column::Word("country"),
                Column::Text("status"),
            ]);
            for one in candidates {
                table.row([one.id.clone(), one.name.clone(), one.country.clone(), one.status.clone()]);
            }
            format!("{} says of {what}{when}:\n\n{table}\n", connection.id)
        }
    }
}

/// What to do next.
fn next(
    question: &Question,
    buyer: &str,
    candidates: &[Candidate],
    one: Option<&Candidate>,
    linked: Option<&Result<(), String>>,
    found: &Found,
) -> String {
    if !matches!(found, Found::Answered { .. }) || candidates.is_empty() {
        return String::new();
    }
    let id = |candidate: &Candidate| format!("{}/{}", question.connection, candidate.id);
    match (one, linked) {
        (Some(one), Some(Ok(()))) => format!(
            "{} is {buyer} now, by {}. `encours buyers unlink {}` takes it back.\n",
            id(one),
            question.because(),
            id(one)
        ),
        (Some(one), Some(Err(other))) => {
            format!(
                "{} is {other} already; nothing was changed. `encours buyers links {other}` says why.\n",
                id(one)
            )
        }
        (Some(one), None) => format!(
            "If it is {buyer}, link it:\n  encours buyers link {} {buyer} --because \"{}\"\n",
            id(one),
            question.because()
        ),
        (None, _) if candidates.len() == 1 => {
            format!("It is in another country than {}: nothing was linked.\n", question.country)
        }
        (None, _) => format!(
            "There are several: nothing was linked. Link the right one:\n  encours buyers link {}/ID {buyer} --because TEXT\n",
            question.connection
        ),
    }
}
