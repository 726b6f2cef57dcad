//! `encours deadlines`: until when the insurer has to be told what, for how much, and what was done; also as a calendar.

use encours::credit::deadline::{DeadlineKind, DeadlineState};
use encours::engine::deadlines::{Deadline, MetByHand, deadlines, meet_by_hand, value, words};
use encours::model::Date;
use serde_json::json;

use super::table::{Column, Table, plural};
use super::{Context, Exit, Misconfigured, calendar, deadline_file, print, sync};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One buyer only: an account code, a registry number, a buyer id, or a part of the name
    #[arg(long, value_name = "BUYER")]
    buyer: Option<String>,
    /// Only those whose last day is at most so many days away, and those that are over
    #[arg(long, value_name = "DAYS")]
    within: Option<i64>,
    /// Prints an iCalendar to feed a calendar with, instead of a table
    #[arg(long, conflicts_with = "json")]
    ics: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What a person says of one.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say that an extension was asked for, an overdue invoice notified or a claim sent, by hand
    Met(MetArgs),
    /// Write what an insurer asks for in a claim, or for a later due date, as a file of our own columns
    File(deadline_file::FileArgs),
    /// List the files that were made, or write one again
    Files(deadline_file::FilesArgs),
}

#[derive(Debug, clap::Args)]
struct MetArgs {
    /// What was done
    #[arg(value_enum)]
    what: What,
    /// Number of the invoice; CONNECTION/KEY where two ERPs have the same
    invoice: String,
    /// How: by letter, on the portal, with which receipt; kept with it
    #[arg(long, value_name = "TEXT", required_unless_present = "undo")]
    because: Option<String>,
    /// The file that went out for it, by its id: `encours deadlines files` lists them
    #[arg(long, value_name = "ID", conflicts_with = "undo")]
    file: Option<String>,
    /// The day on which it was done; the day of the last cycle, unless another is said
    #[arg(long, value_name = "DATE")]
    on: Option<Date>,
    /// One policy only
    #[arg(long, value_name = "NUMBER")]
    policy: Option<String>,
    /// Takes back what was said
    #[arg(long)]
    undo: bool,
    /// Your name; kept with it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "a person")]
    by: String,
}

/// What can be done by hand.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// The request of an extension.
    Extension,
    /// The overdue notice.
    Notice,
    /// The claim.
    Claim,
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read; a figure that cannot be computed.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        Some(Command::Met(met)) => return said(context, met).await,
        Some(Command::File(file)) => return deadline_file::make(context, file).await,
        Some(Command::Files(files)) => return deadline_file::list(context, files).await,
        None => {}
    }
    let mut books = context.books().await?;
    let company = books.company();
    let day = books.head.day();
    let policies = books.head.config.policies.clone();
    let mut all = deadlines(&mut books.tx, &company, &policies, day).await?;
    if let Some(wanted) = &args.buyer {
        let found = books.tx.find_buyers(&company, wanted).await?;
        anyhow::ensure!(!found.is_empty(), "no buyer answers to \"{wanted}\": `encours buyers` lists them");
        all.retain(|deadline| found.iter().any(|buyer| buyer.id == deadline.invoice.buyer_id));
    }
    if let Some(days) = args.within {
        all.retain(|deadline| deadline.days_left(day) <= days);
    }
    let head = books.close().await?;
    if args.ics {
        let all: Vec<&Deadline<'_>> = all.iter().collect();
        print(&calendar::calendar(&company, &all, day, title))?;
        return Ok(Exit::Fine);
    }
    context.answer(
        || head.nothing_yet().unwrap_or_else(|| told(&all, &policies, day)),
        || json!({ "date": day, "deadlines": all.iter().map(|deadline| value(deadline, day)).collect::<Vec<_>>() }),
    )?;
    Ok(Exit::Fine)
}

async fn said(context: &Context, args: &MetArgs) -> anyhow::Result<Exit> {
    let setup = sync::open(context).await?;
    let mut tx = setup.ledger.read().await?;
    let day = tx.settled_on(&setup.company.id).await?.unwrap_or_else(super::today);
    tx.rollback().await?;
    let kind = match args.what {
        What::Extension => DeadlineKind::ExtensionRequest,
        What::Notice => DeadlineKind::OverdueNotice,
        What::Claim => DeadlineKind::Claim,
    };
    let because = args.because.as_deref().unwrap_or_default();
    let how = match &args.file {
        None => because.to_owned(),
        Some(id) => {
            format!("{because}; {}", deadline_file::told(context, id, kind, &args.invoice).await?)
        }
    };
    let said = MetByHand {
        kind,
        invoice: &args.invoice,
        policy: args.policy.as_deref(),
        done_on: args.on.unwrap_or(day),
        by: &args.by,
        how: &how,
        day,
        now: encours::clock::now(),
    };
    let found = match meet_by_hand(&setup, &said, args.undo).await? {
        Ok(found) => found,
        Err(unkept) => return Err(Misconfigured(unkept.to_string()).into()),
    };
    context.answer(
        || {
            let line = |own: &Deadline<'_>| {
                let what = words(own.kind);
                let (number, name, policy) = (&own.invoice.number, &own.name, &own.policy.number);
                if args.undo {
                    format!("The {what} of {number}, {name}, policy {policy}, counts as not done: last day {}.\n", own.last_day)
                } else {
                    let late = if said.done_on > own.last_day { ", which was too late" } else { "" };
                    format!(
                        "The {what} of {number}, {name}, policy {policy}, counts as done on {}{late}. Its last day was {}.\n",
                        said.done_on, own.last_day
                    )
                }
            };
            found.iter().map(line).collect()
        },
        || json!({ "undone": args.undo, "deadlines": found.iter().map(|own| value(own, day)).collect::<Vec<_>>() }),
    )?;
    Ok(Exit::Fine)
}

fn told(all: &[Deadline<'_>], policies: &[encours::model::Policy], day: Date) -> String {
    if all.is_empty() {
        let has_terms = policies
            .iter()
            .any(|policy| policy.notices.is_some() || policy.cover_stop.is_some() || policy.claims.is_some());
        return if has_terms {
            format!("No deadline on {day}.\n")
        } else {
            "No policy has terms with deadlines: [policy.notices], [policy.cover_stop] and [policy.claims] are those.\n"
                .to_owned()
        };
    }
    let mut table = Table::new(&[
        Column::Word("last day"),
        Column::Word("state"),
        Column::Word("invoice"),
        Column::Text("buyer"),
        Column::Figure("at stake"),
        Column::Text("what to do"),
    ]);
    for deadline in all {
        table.row([
            deadline.last_day.to_string(),
            state(deadline, day),
            deadline.invoice.number.clone(),
            deadline.name.clone(),
            deadline.at_stake.to_string(),
            to_do(deadline),
        ]);
    }
    table.to_string()
}

fn state(deadline: &Deadline<'_>, day: Date) -> String {
    let days = |days: i64| plural(days, "day", "days");
    match (deadline.state, deadline.days_left(day)) {
        (DeadlineState::Met, _) => "met".to_owned(),
        (DeadlineState::Moot, _) => "moot".to_owned(),
        (DeadlineState::Missed, left) => format!("missed, {} ago", days(-left)),
        (DeadlineState::DueSoon, 0) => "due today".to_owned(),
        (DeadlineState::DueSoon, left) => format!("due soon, {}", days(left)),
        (DeadlineState::Upcoming, left) => format!("in {}", days(left)),
    }
}

/// What a person should do, or what was done.
fn to_do(deadline: &Deadline<'_>) -> String {
    if let Some(proof) = &deadline.proof {
        return format!("sent on {} by {}: {}", proof.at.date_naive(), proof.who, proof.how);
    }
    let is_late = deadline.state == DeadlineState::Missed;
    match deadline.kind {
        DeadlineKind::CoverStop if is_late => "stop deliveries and collect: cover is stopped (`encours stops`)",
        DeadlineKind::CoverStop => "collect: from this day on no delivery is covered",
        DeadlineKind::OverdueNotice if is_late => "notify at once, and tell the insurer why it is late",
        DeadlineKind::OverdueNotice => {
            "approve the notice (`encours plan`), or send it by hand and say so with `encours requests settle`"
        }
        DeadlineKind::Claim if is_late => "send the claim at once, and tell the insurer why it is late",
        DeadlineKind::Claim => "send the claim to the insurer, by hand, and say so with `encours deadlines met claim`",
        DeadlineKind::ExtensionRequest => "collect, or ask the insurer for an extension, by hand, and say so with `encours deadlines met extension`",
    }
    .to_owned()
}

/// A deadline as an entry of a calendar.
fn title(deadline: &Deadline<'_>) -> String {
    let (number, name) = (&deadline.invoice.number, &deadline.name);
    match deadline.kind {
        DeadlineKind::CoverStop => format!("Cover of {name} stops unless {number} is paid"),
        DeadlineKind::OverdueNotice => format!("Overdue notice of {number}, {name}"),
        DeadlineKind::Claim => format!("Claim of {number}, {name}"),
        DeadlineKind::ExtensionRequest => format!("Extension of {number}, {name}, to be asked for"),
    }
}
