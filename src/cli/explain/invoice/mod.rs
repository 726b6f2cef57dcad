//! `encours explain BUYER --invoice NUMBER`: the story of one invoice, from its record to cover, deadlines and proposals.
//!
//! Each figure is told with what it comes from: the record and when it was read, the clause of the policy, the decision of
//! the insurer. Two ERPs may have invoices of one number: then both are told.

mod columns;
mod json;
mod told;

use std::collections::BTreeSet;

use encours::credit::deadline::{self, DeadlineKind};
use encours::credit::{LimitHistory, Line, Part};
use encours::engine::deadlines::{Deadline, deadlines};
use encours::ledger::{
    AllocationRow, EffectRow, EffectStep, ItemVersion, ItemView, LimitRow, RunRow, SourceRow,
};
use encours::model::{ClaimFrom, Date, EffectKind, ItemKind, NoticeFrom, Policy};
use rust_decimal::Decimal;

use super::super::{Books, Misconfigured};
use super::{File, Insured};
pub(in super::super) use columns::{InColumns, in_columns};
pub(super) use json::json;
pub(super) use told::told;

/// How many runs back the cycle that read a record is looked up.
const RUNS_MAX: i64 = 10_000;

/// All that the ledger holds of one invoice.
pub(super) struct Story<'f> {
    item: &'f ItemView,
    source: Option<SourceRow>,
    /// How it was known over time, the oldest first, each with the cycle that read it.
    versions: Vec<(ItemVersion, Option<Cycle>)>,
    allocations: Vec<AllocationRow>,
    /// Those that stand on the day; none where another day is told.
    deadlines: Vec<Deadline<'f>>,
    /// What was proposed for it, or for the limit that it is held against.
    effects: Vec<(EffectRow, Vec<EffectStep>)>,
}

/// The cycle that read a record.
struct Cycle {
    run: String,
    day: Date,
}

impl Cycle {
    /// The last one that had begun by then.
    fn of(runs: &[RunRow], version: &ItemVersion) -> Option<Self> {
        let run = runs.iter().find(|run| run.started_at <= version.recorded_at)?; // the newest comes first
        Some(Self { run: run.id.clone(), day: run.on_date })
    }
}

/// What one policy covers of an invoice, and what decided it.
struct Covered<'a> {
    insured: &'a Insured<'a>,
    line: &'a Line<'a>,
    /// The period that the invoice falls in.
    period: Option<&'a Policy>,
    /// The statement of the insurer that gives the limit of the invoice's date.
    statement: Option<&'a LimitRow>,
    /// The older invoices that use the limit.
    earlier: Vec<&'a Line<'a>>,
    /// What covers it, each part with the percentage that is paid; one at least.
    parts: Vec<Part>,
    indemnity_minor: i64,
}

/// A deadline as the terms of a period give it.
struct Term<'a> {
    kind: DeadlineKind,
    last_day: Date,
    policy: &'a Policy,
    /// The clauses that it is made of, each with its days.
    clauses: Vec<(&'static str, i64)>,
    /// How it stands, where it does.
    deadline: Option<&'a Deadline<'a>>,
}

/// Reads the stories of the invoices that a text means: a number, or the ERP's key of one.
///
/// # Errors
/// No document of the buyer answers to it; what the ledger says.
pub(super) async fn read<'f>(
    books: &mut Books,
    file: &'f File,
    wanted: &str,
) -> anyhow::Result<Vec<Story<'f>>> {
    let company = books.company();
    let means = |item: &&ItemView| {
        item.number == wanted
            || item.external_id == wanted
            || format!("{}/{}", item.connection, item.external_id) == wanted
    };
    let items: Vec<&ItemView> = file.items.iter().filter(means).collect();
    if items.is_empty() {
        let name = &file.buyer.name;
        let told = format!("{name} has no document {wanted}; `encours explain` without --invoice lists them");
        return Err(Misconfigured(told).into());
    }
    let known_at = file.asked.as_ref().map_or_else(encours::clock::now, |asked| asked.moment.known_at);
    let accounts: BTreeSet<_> =
        items.iter().map(|item| (item.connection.clone(), item.account.clone())).collect();
    let versions = books.tx.item_versions(&accounts, known_at).await?;
    let runs = books.tx.runs(&company, RUNS_MAX).await?;
    let deadlines = match file.asked {
        None => deadlines(&mut books.tx, &company, &file.periods, file.day).await?,
        Some(_) => Vec::new(),
    };
    let effects = books.tx.effects_known(&company, &file.buyer.id, known_at).await?;
    let mut stories = Vec::new();
    for item in items {
        let (connection, key) = (item.connection.as_str(), item.external_id.as_str());
        let subject = format!("{connection}/{key}");
        let concerns = |row: &EffectRow| {
            row.subject == subject || EffectKind::parse(&row.kind).is_some_and(EffectKind::is_request)
        };
        let mut allocations = books.tx.allocations_to(connection, key).await?;
        allocations.retain(|row| row.recorded_at <= known_at);
        let own =
            versions.iter().filter(|version| version.connection == connection && version.external_id == key);
        stories.push(Story {
            item,
            source: books.tx.item_source(connection, key).await?,
            versions: own.map(|version| (version.clone(), Cycle::of(&runs, version))).collect(),
            allocations,
            deadlines: deadlines.iter().filter(|own| own.subject() == subject).cloned().collect(),
            effects: effects.iter().filter(|(row, _)| concerns(row)).cloned().collect(),
        });
    }
    Ok(stories)
}

impl Covered<'_> {
    /// The percentage of what is covered that is paid; none where layers are paid at several.
    fn percentage(&self) -> Option<Decimal> {
        let (first, others) = self.parts.split_first()?;
        others.iter().all(|part| part.percentage == first.percentage).then_some(first.percentage)
    }
}

impl Story<'_> {
    fn is_open_invoice(&self) -> bool {
        self.item.open_minor > 0 && self.item.kind == ItemKind::Invoice.as_str()
    }

    /// What each policy of the day covers of it.
    fn covered<'a>(&self, file: &File, insured: &'a [Insured<'a>]) -> anyhow::Result<Vec<Covered<'a>>> {
        let mut all = Vec::new();
        for insured in insured {
            let Some((at, line)) = self.line(file, insured) else { continue };
            let before = insured.cover.lines.iter().take(at);
            all.push(Covered {
                insured,
                line,
                period: insured.terms.period_of(line.issued),
                statement: insured.deciding(line.issued)?,
                earlier: before.filter(|other| other.covered_minor > 0).collect(),
                parts: insured.terms.parts(line).collect(),
                indemnity_minor: insured.terms.indemnity(line)?,
            });
        }
        Ok(all)
    }

    /// Its line of cover. Two ERPs may have the same key for two invoices that are alike: then they are told apart by
    /// their order, and their lines say the same.
    fn line<'a>(&self, file: &File, insured: &'a Insured<'a>) -> Option<(usize, &'a Line<'a>)> {
        let item = self.item;
        let alike = |id: &str, number: &str, open: i64, issued: Date, due: Date| {
            (id, number, open, issued, due)
                == (&item.external_id, &item.number, item.open_minor, item.issued, item.original_due)
        };
        let place = file
            .items
            .iter()
            .filter(|o| alike(&o.external_id, &o.number, o.open_minor, o.issued, o.original_due))
            .position(|other| other.connection == item.connection)?;
        let lines = insured.cover.lines.iter().enumerate();
        lines
            .filter(|(_, l)| {
                alike(l.id, l.number, l.open_minor, l.issued, l.original_due)
                    && l.currency.code() == item.currency
            })
            .nth(place)
    }

    /// The deadlines that its period has, in the order of their days.
    fn terms<'a>(&'a self, insured: &'a [Insured<'a>]) -> Vec<Term<'a>> {
        let mut all = Vec::new();
        for insured in insured {
            let Some(policy) = insured.terms.period_of(self.item.issued) else { continue };
            for kind in DeadlineKind::ALL {
                let Some(last_day) = deadline::last_day(*kind, self.item.original_due, policy) else {
                    continue;
                };
                let stands = |own: &&Deadline<'_>| {
                    own.kind == *kind
                        && (&own.policy.connection, &own.policy.number)
                            == (&policy.connection, &policy.number)
                };
                let deadline = self.deadlines.iter().find(stands);
                all.push(Term { kind: *kind, last_day, policy, clauses: clauses(*kind, policy), deadline });
            }
        }
        all.sort_by_key(|term| (term.last_day, term.kind));
        all
    }
}

impl<'a> Insured<'a> {
    /// The statement from which on the limit of a day is what it is; none where the insurer had decided nothing by then.
    fn deciding(&self, day: Date) -> anyhow::Result<Option<&'a LimitRow>> {
        let after = |count: usize| {
            let known = self.statements.iter().take(count).map(|row| (row.seen_on, &row.payload.0));
            LimitHistory::from_statements(known, self.policy.currency).map(|all| all.decided_at(day))
        };
        let mut count = self.statements.len();
        let decided = after(count)?;
        if decided.is_none() {
            return Ok(None);
        }
        while count > 0 && after(count - 1)? == decided {
            count -= 1;
        }
        Ok(count.checked_sub(1).and_then(|last| self.statements.get(last)).copied())
    }
}

/// The clauses that a deadline is counted by, from the original due date on.
fn clauses(kind: DeadlineKind, policy: &Policy) -> Vec<(&'static str, i64)> {
    let extension = policy.mep_days.map(|days| ("mep_days", days));
    let notice = || {
        let rule = policy.notices.as_ref();
        let start = rule.filter(|rule| rule.from == NoticeFrom::ExtensionEnd).and(extension);
        start.into_iter().chain(rule.map(|rule| ("notices.days", rule.days))).collect::<Vec<_>>()
    };
    match kind {
        DeadlineKind::CoverStop => extension.into_iter().collect(),
        DeadlineKind::OverdueNotice => notice(),
        DeadlineKind::Claim => {
            let rule = policy.claims.as_ref();
            let mut all = match rule.map(|rule| rule.from) {
                Some(ClaimFrom::Notice) => notice(),
                Some(ClaimFrom::Due) | None => Vec::new(),
            };
            all.extend(rule.map(|rule| ("claims.days", rule.days)));
            all
        }
        DeadlineKind::ExtensionRequest => {
            policy.extension_days_before.map(|days| ("extension_days_before", -days)).into_iter().collect()
        }
    }
}
