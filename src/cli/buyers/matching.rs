//! `encours buyers match`: what waits for a person to say who it is, with those that have names alike, best first.
//!
//! Nothing is linked here: a name proposes, a person decides with `encours buyers link`.

use std::collections::{BTreeMap, BTreeSet};

use encours::engine::{insurer_party, party};
use encours::ledger::{AccountRow, BreakRow, BuyerRow, ExposureRow, LimitRow};
use encours::model::{BreakKind, own_buyer_id, render_minor};
use encours::reconcile::{Directory, Party, Score};
use serde_json::json;

use super::super::table::{amount, plural};
use super::super::{Context, Exit};
use super::{decimal, sums};

/// How many candidates are shown of each.
const CANDIDATES_MAX: usize = 5;

/// A buyer that it may be.
struct Candidate<'a> {
    buyer: &'a BuyerRow,
    score: Score,
}

/// What waits: an insurer's buyer, or an account.
struct Waiting<'a> {
    connection: &'a str,
    external_id: &'a str,
    name: &'a str,
    /// Several buyers answer to it, instead of none.
    several: Vec<String>,
    limits: Vec<&'a LimitRow>,
    account: Option<(&'a AccountRow, Vec<&'a ExposureRow>)>,
    candidates: Vec<Candidate<'a>>,
}

/// The parties to look among: the accounts, each standing for its buyer.
struct Known<'a> {
    accounts: &'a [AccountRow],
    buyers: BTreeMap<&'a str, &'a BuyerRow>,
    directory: Directory,
}

impl<'a> Known<'a> {
    /// The buyers that a party is like, each once by the account that is most alike; not `but`.
    fn like(&self, wanted: &Party<'_>, but: &str) -> Vec<Candidate<'a>> {
        let not = |place: usize| self.accounts.get(place).is_some_and(|account| account.buyer_id != but);
        let mut seen = BTreeSet::new();
        let found = self.directory.like(wanted, CANDIDATES_MAX * 8, not).into_iter().filter_map(|found| {
            let account = self.accounts.get(found.place)?;
            let buyer = *self.buyers.get(account.buyer_id.as_str())?;
            seen.insert(&account.buyer_id).then_some(Candidate { buyer, score: found.score })
        });
        found.take(CANDIDATES_MAX).collect()
    }
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read.
pub async fn run(context: &Context) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let company = books.company();
    let accounts = books.tx.accounts(&company).await?;
    let buyers = books.tx.buyers(&company).await?;
    let limits = books.tx.limits(&company).await?;
    let exposures = books.tx.exposures(&company, None).await?;
    let breaks = books.tx.open_breaks(&company).await?;
    let head = books.close().await?;

    let known = Known {
        accounts: &accounts,
        buyers: buyers.iter().map(|buyer| (buyer.id.as_str(), buyer)).collect(),
        directory: Directory::new(accounts.iter().map(party)),
    };
    let strangers = strangers(&limits, &breaks, &known);
    let nameless = nameless(&accounts, &limits, &exposures, &known);
    context.answer(
        || head.nothing_yet().unwrap_or_else(|| told(&strangers, &nameless)),
        || {
            json!({
                "date": head.settled_on,
                "insurer_buyers": strangers.iter().map(Waiting::json).collect::<Vec<_>>(),
                "accounts": nameless.iter().map(Waiting::json).collect::<Vec<_>>(),
            })
        },
    )?;
    Ok(Exit::Fine)
}

/// The insurers' buyers with cover that are no buyer of ours, or several.
fn strangers<'a>(limits: &'a [LimitRow], breaks: &[BreakRow], known: &Known<'a>) -> Vec<Waiting<'a>> {
    let mut by_id: BTreeMap<(&str, &str), Vec<&LimitRow>> = BTreeMap::new();
    for row in limits.iter().filter(|row| row.buyer_id.is_none() && row.payload.amount_minor > 0) {
        by_id.entry((&row.connection, &row.insurer_buyer_id)).or_default().push(row);
    }
    let ambiguous = breaks.iter().filter(|row| row.kind == BreakKind::BuyerAmbiguous.as_str());
    let ambiguous: BTreeMap<&str, &BreakRow> = ambiguous.map(|row| (row.subject.as_str(), row)).collect();
    let mut found: Vec<Waiting<'_>> = by_id
        .into_iter()
        .filter_map(|((connection, external_id), limits)| {
            let limit = &limits.first()?.payload.0;
            let subject = format!("{connection}/list_limits/{}/{external_id}", limit.policy);
            let several =
                ambiguous.get(subject.as_str()).map(|row| row.ours.split(", ").map(str::to_owned).collect());
            let candidates = known.like(&insurer_party(limit), "");
            Some(Waiting {
                connection,
                external_id,
                name: &limit.buyer_name,
                several: several.unwrap_or_default(),
                limits,
                account: None,
                candidates,
            })
        })
        .collect();
    found.sort_by_key(Waiting::place);
    found
}

/// The accounts that owe and that no number, no insurer and no person has given a buyer.
fn nameless<'a>(
    accounts: &'a [AccountRow],
    limits: &[LimitRow],
    exposures: &'a [ExposureRow],
    known: &Known<'a>,
) -> Vec<Waiting<'a>> {
    let insured: BTreeSet<&str> = limits.iter().filter_map(|row| row.buyer_id.as_deref()).collect();
    let mut owed: BTreeMap<&str, Vec<&ExposureRow>> = BTreeMap::new();
    for row in exposures.iter().filter(|row| row.outstanding_minor != 0) {
        owed.entry(&row.buyer_id).or_default().push(row);
    }
    let mut found: Vec<Waiting<'_>> = accounts
        .iter()
        .filter(|row| row.link.is_none() && row.buyer_id == own_buyer_id(&row.connection, &row.external_id))
        .filter(|row| !insured.contains(row.buyer_id.as_str()))
        .filter_map(|row| {
            let owed = owed.get(row.buyer_id.as_str())?.clone();
            Some(Waiting {
                connection: &row.connection,
                external_id: &row.external_id,
                name: &row.name,
                several: Vec::new(),
                limits: Vec::new(),
                account: Some((row, owed)),
                candidates: known.like(&party(row), &row.buyer_id),
            })
        })
        .collect();
    found.sort_by_key(Waiting::place);
    found
}

fn told(strangers: &[Waiting<'_>], nameless: &[Waiting<'_>]) -> String {
    if strangers.is_empty() && nameless.is_empty() {
        return "Nothing waits: every limit has its buyer, and every account that owes has a number.\n"
            .to_owned();
    }
    let mut text = String::new();
    if !strangers.is_empty() {
        text.push_str("Buyers of insurers that no account answers to\n");
        text.extend(strangers.iter().map(Waiting::told));
    }
    let (alike, alone): (Vec<_>, Vec<_>) =
        nameless.iter().partition(|waiting| !waiting.candidates.is_empty());
    if !alike.is_empty() {
        let gap = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{gap}Accounts that owe and have no sound number, like others by name\n"));
        text.extend(alike.iter().map(|waiting| waiting.told()));
    }
    if !alone.is_empty() {
        let gap = if text.is_empty() { "" } else { "\n" };
        let accounts = plural(alone.len(), "account owes, has", "accounts owe, have");
        text.push_str(&format!(
            "{gap}{accounts} no sound number and no name like another's: no insurer's limit finds them. --json lists them.\n"
        ));
    }
    text.push_str("\nA name links nothing. Say who it is, and why:\n  encours buyers link ");
    let first = strangers.iter().chain(nameless).find(|waiting| !waiting.candidates.is_empty());
    let example = first.and_then(|waiting| Some((waiting, waiting.candidates.first()?)));
    text.push_str(&example.map_or_else(
        || "CONNECTION/ID BUYER --because \"…\"\n".to_owned(),
        |(waiting, best)| {
            format!("{}/{} {} --because \"…\"\n", waiting.connection, waiting.external_id, best.buyer.id)
        },
    ));
    text
}

impl Waiting<'_> {
    /// The nearest name first.
    fn place(&self) -> (std::cmp::Reverse<u8>, String, String) {
        let best = self.candidates.first().map_or(0, |best| best.score.points);
        (std::cmp::Reverse(best), self.connection.to_owned(), self.external_id.to_owned())
    }

    fn told(&self) -> String {
        let limits = self.limits.iter().map(|row| {
            let limit = &row.payload.0;
            format!("{} {} under {}", amount(limit.amount_minor, limit.currency), limit.currency, row.policy)
        });
        let mut facts: Vec<String> = limits.collect();
        if let Some((account, owed)) = &self.account {
            let owed = sums(owed.iter().map(|row| (row.currency.clone(), row.outstanding_minor)));
            facts.push(format!("owes {owed}"));
            let unsound = account.identifiers().filter(|id| !id.is_sound());
            facts.extend(unsound.map(|id| {
                format!("{} {} has wrong check digits", id.scheme.as_str().to_uppercase(), id.value)
            }));
        }
        let mut text =
            format!("  {}/{}  {}: {}\n", self.connection, self.external_id, self.name, facts.join(", "));
        if !self.several.is_empty() {
            text.push_str(&format!("       several answer to its numbers: {}\n", self.several.join(", ")));
        }
        for Candidate { buyer, score } in &self.candidates {
            text.push_str(&format!(
                "  {:>3}  {}, {}: {}\n",
                score.points,
                buyer.name,
                buyer.id,
                score.reasons.join("; ")
            ));
        }
        if self.candidates.is_empty() {
            text.push_str("       nobody has a name alike\n");
        }
        text
    }

    fn json(&self) -> serde_json::Value {
        let candidates = self.candidates.iter().map(|Candidate { buyer, score }| {
            json!({
                "buyer": buyer.id, "name": buyer.name, "country": buyer.country, "score": score.points,
                "reasons": score.reasons,
            })
        });
        let limits = self.limits.iter().map(|row| {
            let limit = &row.payload.0;
            json!({
                "policy": row.policy, "amount": render_minor(limit.amount_minor, limit.currency),
                "currency": limit.currency, "reference": limit.reference,
            })
        });
        let owed = self.account.iter().flat_map(|(_, owed)| owed).map(|row| {
            json!({ "currency": row.currency, "outstanding": decimal(row.outstanding_minor, &row.currency) })
        });
        json!({
            "connection": self.connection,
            "external_id": self.external_id,
            "name": self.name,
            "several": self.several,
            "limits": limits.collect::<Vec<_>>(),
            "owes": owed.collect::<Vec<_>>(),
            "candidates": candidates.collect::<Vec<_>>(),
        })
    }
}
