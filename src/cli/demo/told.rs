//! The story of the second day: the changes that matter most, each with its cause, and what to try next.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use encours::ledger::DeltaRow;
use encours::model::Event;
use rust_decimal::Decimal;
use serde_json::Value;

use super::folder::Folder;
use crate::cli::summary::Cycle;
use crate::cli::table::count;
use crate::cli::words;

/// How many changes of a kind are told.
const TOLD_MAX: usize = 5;

/// The order in which they are told: what costs money first.
const ORDER: [Event; 11] = [
    Event::LimitWithdrawn,
    Event::LimitReduced,
    Event::LimitNoticeOfWithdrawal,
    Event::LimitExpired,
    Event::LimitExpiring,
    Event::LimitIncreased,
    Event::LimitGranted,
    Event::LimitRefused,
    Event::ExposureOverLimit,
    Event::ExposureBackWithinLimit,
    Event::ExposureChanged,
];

/// What moved in the ledger, by buyer: what happened, and to which documents.
#[derive(Debug, Default)]
pub struct Causes(BTreeMap<String, Vec<Cause>>);

/// What happened, for one document and for several, and the numbers of those it happened to.
type Cause = ((&'static str, &'static str), Vec<String>);

impl Causes {
    /// Notes that something happened to a document of a buyer.
    pub fn add(&mut self, buyer: &str, what: (&'static str, &'static str), number: &str) {
        let causes = self.0.entry(buyer.to_owned()).or_default();
        match causes.iter_mut().find(|(known, _)| *known == what) {
            Some((_, numbers)) => numbers.push(number.to_owned()),
            None => causes.push((what, vec![number.to_owned()])),
        }
    }

    fn told(&self, buyer: &str) -> Option<String> {
        let texts = self.0.get(buyer)?.iter().map(|((one, many), numbers)| match numbers.as_slice() {
            [only] => format!("{one} ({only})"),
            several => format!("{} {many} ({})", several.len(), several.join(", ")),
        });
        Some(texts.collect::<Vec<_>>().join(", "))
    }
}

/// Tells the changes of a cycle.
pub fn story(cycle: &Cycle, causes: &Causes) -> String {
    let mut groups: BTreeMap<Event, Vec<&DeltaRow>> = BTreeMap::new();
    for row in &cycle.deltas {
        if let Some(event) = Event::parse(&row.event) {
            groups.entry(event).or_default().push(row);
        }
    }
    let mut text = String::new();
    for event in ORDER {
        let Some(mut rows) = groups.remove(&event) else { continue };
        if event == Event::ExposureChanged {
            rows.sort_by_key(|row| std::cmp::Reverse(moved(&row.data)));
        }
        let _ = writeln!(text, "\n{}", words::event_heading(event)); // writing to a String cannot fail
        for row in rows.iter().take(TOLD_MAX) {
            let _ = writeln!(text, "  {}", row.summary);
            if let Some(why) = why(event, &row.data, causes, &cycle.deltas) {
                let _ = writeln!(text, "    {why}");
            }
        }
        if rows.len() > TOLD_MAX {
            let _ = writeln!(text, "  … and {} more", count(rows.len() - TOLD_MAX));
        }
    }
    if text.is_empty() {
        return "\nNothing has changed since the last reading.\n".to_owned();
    }
    text
}

/// The cause, as far as somebody states it: the insurer's conditions, or what happened to the invoices.
fn why(event: Event, data: &Value, causes: &Causes, deltas: &[DeltaRow]) -> Option<String> {
    if event.subject() == "limit" {
        let conditions = data.get("conditions")?.as_array()?;
        let texts = conditions.iter().filter_map(|condition| {
            Some(format!("{} {}", condition.get("code")?.as_str()?, condition.get("text")?.as_str()?))
        });
        let texts: Vec<String> = texts.collect();
        return (!texts.is_empty()).then(|| format!("The insurer says: {}.", texts.join("; ")));
    }
    let buyer = data.get("buyer")?.get("id")?.as_str()?;
    let mut told: Vec<String> = causes.told(buyer).into_iter().collect();
    if event != Event::ExposureChanged {
        let cuts = [Event::LimitReduced, Event::LimitWithdrawn, Event::LimitExpired, Event::LimitIncreased];
        let own = |row: &&DeltaRow| row.data.get("buyer").and_then(Value::as_str) == Some(buyer);
        let moved = deltas
            .iter()
            .filter(own)
            .filter_map(|row| Event::parse(&row.event))
            .find(|event| cuts.contains(event));
        told.extend(moved.map(|event| {
            format!("its limit was {}", if event == Event::LimitIncreased { "increased" } else { "cut" })
        }));
    }
    (!told.is_empty()).then(|| format!("Since yesterday: {}.", told.join(", ")))
}

/// By how much an exposure has moved, whichever its currency.
fn moved(data: &Value) -> Decimal {
    let read = |name: &str| {
        data.get(name)
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<Decimal>().ok())
            .unwrap_or_default()
    };
    (read("outstanding") - read("before")).abs()
}

/// What to try next, with a buyer that has a story. `stay`: the demo goes on, and so do its folder and its insurer.
pub fn next(last: &Cycle, folder: &Folder, stay: bool) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "encours".to_owned());
    let buyer = telling(last).unwrap_or_default();
    let config = folder.path().join("encours.toml").display().to_string();
    let day = last.report.day;
    if folder.is_temporary() && !stay {
        return format!(
            "\nThis ledger was temporary. To look around in it, keep it:\n  \
             {program} demo --data-dir demo\n  {program} --config demo/encours.toml explain {buyer}\n  \
             {program} --config demo/encours.toml breaks\n"
        );
    }
    let commands = format!(
        "  {program} --config {config} explain {buyer}\n  {program} --config {config} breaks\n  \
         {program} --config {config} deltas --limit 20\n"
    );
    if stay {
        return format!(
            "\nTry in another terminal:\n{commands}  {program} --config {config} sync --day {day}\n\
             The simulated insurer goes on answering until Ctrl-C.\n"
        );
    }
    format!("\nTry next:\n{commands}")
}

/// A buyer whose limit was cut or withdrawn, best one that owes more than what is left.
fn telling(cycle: &Cycle) -> Option<String> {
    let of = |event: Event| cycle.deltas.iter().filter(move |row| row.event == event.as_str());
    let limited =
        |event: Event| of(event).filter_map(|row| row.data.get("buyer")?.as_str().map(str::to_owned));
    let over: Vec<&str> =
        of(Event::ExposureOverLimit).filter_map(|row| row.data.get("buyer")?.get("id")?.as_str()).collect();
    let cut: Vec<String> = limited(Event::LimitReduced).chain(limited(Event::LimitWithdrawn)).collect();
    let both = cut.iter().find(|buyer| over.contains(&buyer.as_str())).cloned();
    both.or_else(|| cut.into_iter().next()).or_else(|| over.first().map(|buyer| (*buyer).to_owned()))
}
