//! `encours policy replay`: what the ledger's history would have come to under a draft, beside the policy in force.

use std::collections::BTreeSet;
use std::path::Path;

use encours::config::Config;
use encours::credit::replay::{Counts, Figures, Sums, Why, Window};
use encours::engine::replay::{Outcome, Wanted, run as replayed};
use encours::model::{Currency, Date, Policy, render_minor};
use serde_json::{Value, json};

use super::super::table::{Column, Table, amount, count, plural};
use super::super::{Books, Context, Exit, Misconfigured};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The draft: a policy file
    file: std::path::PathBuf,
    /// The first day
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// The last day
    #[arg(long, value_name = "DATE")]
    to: Date,
    /// The number of the policy that the draft is held against; else the one of its own number and connection
    #[arg(long, value_name = "NUMBER")]
    against: Option<String>,
}

/// What is told of a replay.
struct Told<'a> {
    file: &'a Path,
    in_force: Vec<&'a Policy>,
    draft: Vec<&'a Policy>,
    currency: Currency,
    window: Window,
    known_since: Date,
    sums: [Sums; 2],
    outcome: &'a Outcome,
    names: std::collections::BTreeMap<String, String>,
    notes: Vec<String>,
}

fn wrong(told: String) -> anyhow::Error {
    Misconfigured(told).into()
}

/// Runs the command.
///
/// # Errors
/// A draft that cannot be read or is of no policy; days that the ledger knows nothing of; what the ledger says.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let draft = Config::load_draft(&context.config, &args.file)
        .map_err(|problems| Misconfigured::problems(&problems))?;
    let draft: Vec<&Policy> = draft.policies.iter().collect();
    let mut books = context.books().await?;
    let policies = books.head.config.policies.clone();
    let in_force = against(&policies, &draft, args.against.as_deref())?;
    let currency = one_currency(&in_force, &draft)?;
    let (window, known_since) = window(&mut books, args.from, args.to).await?;
    let company = books.company();
    let wanted =
        Wanted { company: &company, in_force: &in_force, draft: &draft, policies: &policies, window };
    let outcome = replayed(&mut books.tx, wanted).await?;
    let movers: BTreeSet<String> = outcome.movers.iter().map(|mover| mover.buyer.clone()).collect();
    let names = books.tx.buyer_names(&movers).await?;
    books.close().await?;
    let notes = notes(args, window, known_since, &in_force, &draft);
    let sums = outcome.totals.sums(window)?;
    let outcome = &outcome;
    let told = Told {
        file: &args.file,
        in_force,
        draft,
        currency,
        window,
        known_since,
        sums,
        outcome,
        names,
        notes,
    };
    let (words, value) = (told.words()?, told.value()?);
    context.answer(|| words, || value)?;
    Ok(Exit::Fine)
}

/// The periods of the policy that a draft is held against.
fn against<'p>(
    policies: &'p [Policy],
    draft: &[&Policy],
    number: Option<&str>,
) -> anyhow::Result<Vec<&'p Policy>> {
    let Some(first) = draft.first() else {
        return Err(wrong("the draft has no period; write one as docs/policies.md shows".to_owned()));
    };
    let number = number.unwrap_or(&first.number);
    let named: Vec<&Policy> = policies.iter().filter(|policy| policy.number == number).collect();
    let own: Vec<&Policy> =
        named.iter().copied().filter(|policy| policy.connection == first.connection).collect();
    let connections: BTreeSet<&str> = named.iter().map(|policy| policy.connection.as_str()).collect();
    match (own.is_empty(), connections.len()) {
        (false, _) => Ok(own),
        (true, 1) => Ok(named),
        (true, 0) => {
            let all: BTreeSet<&str> = policies.iter().map(|policy| policy.number.as_str()).collect();
            let all: Vec<&str> = all.into_iter().collect();
            Err(wrong(format!(
                "no policy {number} stands in the configuration, so there is nothing to hold the draft against; name one with \
                 --against: {}",
                if all.is_empty() { "there is none".to_owned() } else { all.join(", ") }
            )))
        }
        (true, _) => Err(wrong(format!(
            "policy {number} is there with {}; write the connection of one of them into the draft",
            connections.into_iter().collect::<Vec<_>>().join(" and with ")
        ))),
    }
}

fn one_currency(in_force: &[&Policy], draft: &[&Policy]) -> anyhow::Result<Currency> {
    let all: BTreeSet<&str> = in_force.iter().chain(draft).map(|policy| policy.currency.code()).collect();
    match in_force.first() {
        Some(first) if all.len() == 1 => Ok(first.currency),
        _ => Err(wrong(format!(
            "the draft and the policy in force count in {}; amounts of two currencies are not set side by side",
            all.into_iter().collect::<Vec<_>>().join(" and ")
        ))),
    }
}

/// The days that can be replayed of those asked for, and since when items are known.
async fn window(books: &mut Books, from: Date, to: Date) -> anyhow::Result<(Window, Date)> {
    if from > to {
        return Err(wrong(format!("--from {from} is after --to {to}")));
    }
    let company = books.company();
    let runs = books.tx.run_days(&company).await?;
    let since = books.tx.known_whole_since(&company, &runs).await?;
    let (Some(since), Some(last)) = (since, runs.iter().map(|run| run.on_date).max()) else {
        return Err(wrong("the ledger knows no item yet: run `encours sync` first".to_owned()));
    };
    let window = Window { from: from.max(since), to: to.min(last) };
    if window.from > window.to {
        return Err(wrong(format!(
            "the ledger knows items from {since} to {last}; {from} to {to} has no day of these"
        )));
    }
    Ok((window, since))
}

/// What a reader has to keep in mind.
fn notes(
    args: &Args,
    window: Window,
    known_since: Date,
    in_force: &[&Policy],
    draft: &[&Policy],
) -> Vec<String> {
    let mut notes = vec![format!(
        "The ledger knows items since {known_since}, each from the cycle on that first read it; what was paid before it was ever read \
         is not in this."
    )];
    if window.from > args.from {
        let last = window.from.pred_opt().unwrap_or(window.from);
        notes.push(format!("{} to {last} is not replayed: nothing is known of it.", args.from));
    }
    if window.to < args.to {
        notes.push(format!("The days after {} are not replayed: no cycle has run for them.", window.to));
    }
    for (whose, periods) in [("the policy in force", in_force), ("the draft", draft)] {
        let outside = window.days().filter(|day| !periods.iter().any(|period| period.contains(*day))).count();
        if outside > 0 {
            notes.push(format!(
                "{} of these are in no period of {whose}: what was invoiced then is not covered by it.",
                plural(outside, "day", "days")
            ));
        }
        if !periods.iter().any(|period| period.claims.is_some()) {
            notes.push(format!("No period of {whose} has claims, so no loss is counted under it."));
        }
        if !periods.iter().any(|period| period.notices.is_some()) {
            notes.push(format!("No period of {whose} has notices, so none is owed under it."));
        }
    }
    if in_force.iter().chain(draft).any(|period| !period.pooled_groups.is_empty()) {
        notes.push(
            "Groups share a limit by these terms, and each buyer is replayed alone: what a subsidiary has covered by the limit on a \
             company above it is not in the figures."
                .to_owned(),
        );
    }
    notes.extend(
        [
            "What buyers ordered, paid and contested is taken as it was, and so are the insurer's decisions, each from its own day, by \
             all that is known of them today.",
            "Stops of cover follow from the terms of each; what a person passed on as the insurer's word lifts them under both.",
            "A notice is owed where the invoice is unpaid on its last day by these terms, and was made on the day of the real one, if \
             there was one. A loss is what is not covered of an invoice that is unpaid on the last day for its claim.",
            "Fees are those of the requests that were sent, and of watching over the limits that were held, by the day; look-ups aside.",
            "Buyers are those of today that are the policy's in force; in the draft, `countries` does not move them.",
        ]
        .map(str::to_owned),
    );
    notes
}

/// One line of the comparison, for both policies.
struct Row {
    what: &'static str,
    values: [i64; 2],
    is_money: bool,
}

impl Told<'_> {
    fn rows(&self) -> anyhow::Result<Vec<Row>> {
        let money =
            |what, of: fn(&Sums) -> i64| Row { what, values: self.sums.each_ref().map(of), is_money: true };
        let counts = &self.outcome.totals.counts;
        let counted = |what, is_money, of: fn(&Counts) -> i64| Row {
            what,
            values: counts.each_ref().map(of),
            is_money,
        };
        let [old, new] = counts;
        Ok(vec![
            money("owed, on average", |sums| sums.average.outstanding_minor),
            money("uninsured, on average", |sums| sums.average.uninsured_minor),
            money("uninsured, at the most", |sums| sums.peak.uninsured_minor),
            money("covered, on average", |sums| sums.average.covered_minor),
            money("what the insurer would pay, on average", |sums| sums.average.indemnity_minor),
            counted("stops of cover that began", false, |counts| counts.stops),
            money("uncovered after them, at the most", |sums| sums.peak.stopped_minor),
            counted("overdue notices owed", false, |counts| counts.notices),
            counted("… and not made in time", false, |counts| counts.missed),
            counted("… covered until then", true, |counts| counts.missed_minor),
            counted("invoices unpaid on the last day to claim", false, |counts| counts.claims),
            counted("… open of them", true, |counts| counts.claims_minor),
            counted("… and lost, not being covered", true, |counts| counts.lost_minor),
            Row { what: "fees", values: [old.fees_minor()?, new.fees_minor()?], is_money: true },
        ])
    }

    fn words(&self) -> anyhow::Result<String> {
        let money = |minor| amount(minor, self.currency);
        let signed = |minor: i64, text: String| if minor > 0 { format!("+{text}") } else { text };
        let number = self.in_force.first().map_or("", |policy| policy.number.as_str());
        let mut text = format!(
            "Policy {number} in force beside the draft {}, {} to {} ({}), in {}\n\n",
            self.file.display(),
            self.window.from,
            self.window.to,
            plural(self.window.count(), "day", "days"),
            self.currency
        );
        let mut table = Table::new(&[
            Column::Text(""),
            Column::Figure("in force"),
            Column::Figure("draft"),
            Column::Figure("difference"),
        ]);
        for Row { what, values: [old, new], is_money } in self.rows()? {
            let told = |value| if is_money { money(value) } else { count(value) };
            let gap = new.saturating_sub(old);
            let difference = if gap == 0 { "–".to_owned() } else { signed(gap, told(gap)) };
            table.row([what.to_owned(), told(old), told(new), difference]);
        }
        text.push_str(&table.to_string());
        if let [Some(old), Some(new)] = self.sums.map(|sums| sums.peak_on) {
            text.push_str(&format!("Most was uninsured on {old} in force, on {new} under the draft.\n"));
        }
        let mut table = Table::new(&[
            Column::Word("uninsured in"),
            Column::Figure("on average"),
            Column::Figure("draft"),
            Column::Figure("at the most"),
            Column::Figure("draft"),
        ]);
        for month in self.outcome.totals.months(self.window)? {
            let [old, new] = month.sums;
            table.row([
                month.window.from.format("%Y-%m").to_string(),
                money(old.average.uninsured_minor),
                money(new.average.uninsured_minor),
                money(old.peak.uninsured_minor),
                money(new.peak.uninsured_minor),
            ]);
        }
        text.push_str(&format!("\n{table}"));
        let buyers = plural(self.outcome.buyers, "buyer", "buyers");
        if self.outcome.movers.is_empty() {
            text.push_str(&format!("\nOn none of {buyers} do they differ in what is covered or paid.\n"));
        } else {
            let mut table = Table::new(&[
                Column::Text("buyer"),
                Column::Figure("uninsured"),
                Column::Figure("insurer pays"),
                Column::Word("mostly"),
            ]);
            for mover in &self.outcome.movers {
                table.row([
                    self.names.get(&mover.buyer).unwrap_or(&mover.buyer).clone(),
                    signed(mover.uninsured_minor, money(mover.uninsured_minor)),
                    signed(mover.indemnity_minor, money(mover.indemnity_minor)),
                    mover.why.map_or("", Why::as_str).to_owned(),
                ]);
            }
            text.push_str(&format!(
                "\nThey differ on {} of {buyers}; by the draft, on average of the days:\n\n{table}",
                count(self.outcome.differing)
            ));
        }
        text.push_str("\nHow it is reckoned\n");
        for note in &self.notes {
            text.push_str(&format!("- {note}\n"));
        }
        Ok(text)
    }

    fn value(&self) -> anyhow::Result<Value> {
        let money = |minor| render_minor(minor, self.currency);
        let figures = |figures: &Figures| {
            json!({
                "outstanding": money(figures.outstanding_minor), "covered": money(figures.covered_minor),
                "uninsured": money(figures.uninsured_minor), "indemnity": money(figures.indemnity_minor),
                "after_cover_stop": money(figures.stopped_minor),
            })
        };
        let side = |sums: &Sums, counts: &Counts| -> anyhow::Result<Value> {
            Ok(json!({
                "average": figures(&sums.average), "peak": figures(&sums.peak), "uninsured_peak_on": sums.peak_on,
                "stops": counts.stops, "notices": counts.notices, "notices_missed": counts.missed,
                "covered_without_notice": money(counts.missed_minor), "claims": counts.claims,
                "claims_amount": money(counts.claims_minor), "claims_lost": money(counts.lost_minor),
                "requests": counts.requests, "changes": counts.changes, "fees": money(counts.fees_minor()?),
            }))
        };
        let ([old, new], [old_counts, new_counts]) = (&self.sums, &self.outcome.totals.counts);
        let months = self.outcome.totals.months(self.window)?;
        let months = months.iter().map(|month| {
            let [old, new] = &month.sums;
            let of = |sums: &Sums| json!({ "average": figures(&sums.average), "peak": figures(&sums.peak) });
            json!({ "from": month.window.from, "to": month.window.to, "in_force": of(old), "draft": of(new) })
        });
        let movers = self.outcome.movers.iter().map(|mover| {
            json!({
                "buyer": mover.buyer, "name": self.names.get(&mover.buyer), "uninsured": money(mover.uninsured_minor),
                "indemnity": money(mover.indemnity_minor), "why": mover.why.map(Why::as_str),
            })
        });
        let (policy, draft) = (self.in_force.first(), self.draft.first());
        Ok(json!({
            "policy": policy.map(|one| &one.number), "connection": policy.map(|one| &one.connection),
            "draft_file": self.file, "draft_policy": draft.map(|one| &one.number), "currency": self.currency,
            "from": self.window.from, "to": self.window.to, "days": self.window.count(), "known_since": self.known_since,
            "buyers": self.outcome.buyers, "buyers_differing": self.outcome.differing,
            "in_force": side(old, old_counts)?, "draft": side(new, new_counts)?,
            "months": months.collect::<Vec<_>>(), "movers": movers.collect::<Vec<_>>(), "notes": self.notes,
        }))
    }
}
