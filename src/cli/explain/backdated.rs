//! Decisions that reach back before the day on which they were read, and what they changed.
//!
//! What was owed is held still: the open items of the eve, as they were known then, are covered once with the decisions
//! known then and once with the one that came. So the two figures differ by the decision and by nothing else. The first
//! reading of an insurer changes nothing, since nothing was reckoned before it.

use std::collections::BTreeSet;

use encours::credit::{LimitHistory, LimitVersion, Terms, allocate};
use encours::engine::stops;
use encours::ledger::{CoverStopRow, ItemVersion, ItemView, LimitRow, business_day};
use encours::model::{Currency, Date, Instant, render_minor};
use serde_json::{Value, json};

use super::super::Books;
use super::super::language::Language;

/// So many decisions are looked at, the newest ones.
const EVES_MAX: usize = 5;

/// What was known before a decision was read.
pub(super) struct Eve {
    key: (String, String, String),
    version: i64,
    /// The business day of the cycle before.
    day: Date,
    items: Vec<ItemView>,
    stops: Vec<CoverStopRow>,
}

/// What a decision changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    version: i64,
    from: Date,
    read_on: Date,
    eve: Date,
    owed_minor: i64,
    /// Before it was read, and with it.
    covered_minor: [i64; 2],
    /// The limit of the eve, likewise.
    limit_minor: [i64; 2],
}

/// Reads what was known before each of the last decisions on a buyer that reach back.
pub(super) async fn read(
    books: &mut Books,
    buyer: &str,
    accounts: &BTreeSet<(String, String)>,
    limits: &[LimitRow],
    known_at: Instant,
) -> anyhow::Result<Vec<Eve>> {
    let company = books.company();
    let mut reaching: Vec<&LimitRow> = limits.iter().filter(|row| reaches_back(row, limits)).collect();
    reaching.sort_by_key(|row| std::cmp::Reverse(row.recorded_at));
    if reaching.is_empty() {
        return Ok(Vec::new());
    }
    let runs = books.tx.run_days(&company).await?;
    reaching.retain(|row| runs.first().is_some_and(|first| first.started_at < row.recorded_at));
    reaching.truncate(EVES_MAX);
    let versions = books.tx.item_versions(accounts, known_at).await?;
    let buyers = BTreeSet::from([buyer.to_owned()]);
    let has_stops = !books.tx.cover_stops(&company, Some(&buyers)).await?.is_empty();
    let mut eves = Vec::new();
    for row in reaching {
        let before = row.recorded_at - chrono::TimeDelta::milliseconds(1);
        let day = business_day(&runs, before);
        let known = versions.iter().filter(|version| version.is_known_at(before) && version.issued <= day);
        eves.push(Eve {
            key: key(row),
            version: row.version,
            day,
            items: known.map(ItemVersion::view).collect(),
            stops: if has_stops {
                books.tx.stops_known(&company, Some(buyer), before).await?
            } else {
                Vec::new()
            },
        });
    }
    Ok(eves)
}

fn key(row: &LimitRow) -> (String, String, String) {
    (row.connection.clone(), row.policy.clone(), row.insurer_buyer_id.clone())
}

/// Whether a statement decides something new from a day before the one on which it was read.
fn reaches_back(row: &LimitRow, all: &[LimitRow]) -> bool {
    let Some(version) = LimitVersion::of(&row.payload) else { return false };
    let before = all.iter().filter(|other| key(other) == key(row) && other.version < row.version);
    let before = before.max_by_key(|other| other.version);
    version.from < row.seen_on
        && before.is_none_or(|before| LimitVersion::of(&before.payload).as_ref() != Some(&version))
}

/// What the decisions among some statements changed under a policy, the oldest first; those that changed nothing are none.
pub(super) fn changes(
    eves: &[Eve],
    terms: &Terms<'_>,
    statements: &[&LimitRow],
) -> anyhow::Result<Vec<Change>> {
    let policy = terms.policy;
    let mut found = Vec::new();
    for row in statements {
        let key = key(row);
        let Some(eve) = eves.iter().find(|eve| eve.key == key && eve.version == row.version) else {
            continue;
        };
        let items = super::open_items(&eve.items)?;
        let stops = stops::remembered(&stops::of_policy(&eve.stops, policy))?.as_of(eve.day);
        let cover_until = |version: i64| {
            let known = statements.iter().filter(|other| other.version <= version);
            let history = LimitHistory::from_statements(
                known.map(|row| (row.seen_on, &row.payload.0)),
                policy.currency,
            )?;
            allocate(&items, &history, terms.clone(), &stops, eve.day)
        };
        let (before, after) = (cover_until(row.version - 1)?, cover_until(row.version)?);
        let change = Change {
            version: row.version,
            from: LimitVersion::of(&row.payload).map_or(row.payload.effective_from, |version| version.from),
            read_on: row.seen_on,
            eve: eve.day,
            owed_minor: before.outstanding_minor,
            covered_minor: [before.covered_minor, after.covered_minor],
            limit_minor: [before.today.cap_minor, after.today.cap_minor],
        };
        let differs = |[before, after]: [i64; 2]| before != after;
        if differs(change.covered_minor) || differs(change.limit_minor) {
            found.push(change);
        }
    }
    Ok(found)
}

impl Change {
    /// `The decision from 2026-03-10 was read on 2026-03-14 …`, with both figures.
    pub(super) fn told(&self, say: Language, currency: Currency) -> String {
        let money = |minor| say.money(minor, currency);
        let ([limit_before, limit], [covered_before, covered]) = (self.limit_minor, self.covered_minor);
        let (from, read, eve) = (say.date(self.from), say.date(self.read_on), say.date(self.eve));
        let (owed, is) = (money(self.owed_minor), money(covered));
        let mut text = say.of(
            format!("The decision from {from} was first read on {read}, and reaches back: of the {owed} owed on {eve}, "),
            format!("La décision du {from} a été lue d'abord le {read}, et remonte avant : des {owed} dus le {eve}, "),
        );
        text.push_str(&if covered_before == covered {
            say.of(
                format!("{is} were reckoned as covered before it and still are"),
                format!("{is} étaient comptés garantis avant elle et le restent"),
            )
        } else {
            let was = money(covered_before);
            say.of(
                format!("{was} were reckoned as covered before it was known, {is} are with it"),
                format!("{was} étaient comptés garantis avant qu'elle fût connue, {is} le sont avec elle"),
            )
        });
        if limit_before != limit {
            let (was, is) = (money(limit_before), money(limit));
            text.push_str(&say.of(
                format!("; the limit of that day was {was} and is {is}"),
                format!(" ; l'agrément de ce jour-là était de {was} et est de {is}"),
            ));
        }
        text.push_str(".\n");
        text
    }

    pub(super) fn json(&self, currency: Currency) -> Value {
        let amount = |minor| render_minor(minor, currency);
        let ([limit_before, limit], [covered_before, covered]) = (self.limit_minor, self.covered_minor);
        json!({
            "version": self.version, "effective_from": self.from, "seen_on": self.read_on, "on": self.eve,
            "outstanding": amount(self.owed_minor), "covered_before": amount(covered_before),
            "covered_with_it": amount(covered), "limit_before": amount(limit_before), "limit_with_it": amount(limit),
        })
    }
}
