//! Deadlines of the ledger's open invoices, each with how it stands and what proves that it was met.
//!
//! The pure core says which there are and when; this module brings it the items, the cover and what was sent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::settle::statements;
use super::{Error, Setup, pools, stops};
use crate::credit::deadline::{self, DeadlineKind, DeadlineState, Due, Proof};
use crate::credit::{Cover, Experience, LimitHistory, OpenItem, Terms, allocate};
use crate::ids::{fingerprint_hex, sha256_hex};
use crate::ledger::{AccountRow, CoverStopRow, EffectRow, LimitRow, OpenItemRow, OverdueRow, ProofRow, Tx};
use crate::model::{
    Date, Delta, EffectKind, EffectState, Event, Instant, ItemKind, Money, Policy, render_minor,
};

/// One deadline of one open invoice under the policy period that it falls in.
#[derive(Debug, Clone)]
pub struct Deadline<'p> {
    /// What has to be done.
    pub kind: DeadlineKind,
    /// How it stands.
    pub state: DeadlineState,
    /// Its last day; of a stop of cover, the day from which on nothing is covered.
    pub last_day: Date,
    /// The days on which it is warned of, the first one first.
    pub warnings: Vec<Date>,
    /// The policy period.
    pub policy: &'p Policy,
    /// The invoice, with its buyer and the ERP that it came from.
    pub invoice: OverdueRow,
    /// Name of the buyer.
    pub name: String,
    /// ISO 3166 alpha-2 of the buyer, or empty.
    pub country: String,
    /// What open credits leave of the invoice.
    pub at_stake: Money,
    /// What shows that it was met.
    pub proof: Option<Proof>,
}

impl Deadline<'_> {
    /// The invoice in the words of an effect: `<connection>/<the ERP's key>`.
    #[must_use]
    pub fn subject(&self) -> String {
        subject(&self.invoice)
    }

    /// Days left until the last one; negative once it is over.
    #[must_use]
    pub fn days_left(&self, on: Date) -> i64 {
        self.last_day.signed_duration_since(on).num_days()
    }

    /// What makes it this deadline and no other, on every machine.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}/{}", self.kind, self.policy.connection, self.policy.number, self.subject())
    }
}

fn subject(invoice: &OverdueRow) -> String {
    format!("{}/{}", invoice.connection, invoice.external_id)
}

/// All of one buyer that deadlines follow from.
#[derive(Default)]
struct File {
    items: Vec<OpenItemRow>,
    /// By the ERP's key; two ERPs may use the same one for two invoices of one buyer.
    invoices: BTreeMap<String, Vec<OverdueRow>>,
    limits: Vec<LimitRow>,
    stops: Vec<CoverStopRow>,
    account: Option<AccountRow>,
    experience: Option<Experience>,
}

/// The deadlines of every open invoice of a company on a day, in the order of their last days.
///
/// Those of buyers without cover are left out, and so are those of invoices that the policy does not insure, except that
/// such an invoice stops cover all the same. A request of extension is listed from its first warning to its last day: it
/// is a chance, no duty.
///
/// # Errors
/// What the ledger says; a figure that cannot be computed.
pub async fn deadlines<'p>(
    tx: &mut Tx<'_>,
    company: &str,
    policies: &'p [Policy],
    day: Date,
) -> Result<Vec<Deadline<'p>>, Error> {
    let has_any = |policy: &&Policy| {
        policy.notices.is_some()
            || policy.claims.is_some()
            || policy.cover_stop.is_some()
            || policy.extension_days_before.is_some()
    };
    if !policies.iter().any(|policy| has_any(&policy)) {
        return Ok(Vec::new());
    }
    let files = read(tx, company, policies, day).await?;
    let others = pools::neighbours(tx, company, policies, &files.keys().cloned().collect(), day).await?;
    let pooled = pooled(&files, &others, policies, day)?;
    let done: BTreeMap<(String, String), EffectRow> = tx
        .effects(company, &[EffectState::Done])
        .await?
        .into_iter()
        .filter(|row| row.kind == EffectKind::NotifyOverdue.as_str())
        .map(|row| ((row.connection.clone(), row.subject.clone()), row))
        .collect();
    let by_hand = tx.deadline_proofs(company).await?;
    let met = Met { done, by_hand: by_hand.iter().map(|row| (hand_key(row), row)).collect() };
    let mut found = Vec::new();
    for (buyer, file) in &files {
        for policy in policies.iter().filter(has_any) {
            let key = (policy.connection.as_str(), policy.number.as_str(), policy.valid_from);
            let pooled = pooled.get(&key).and_then(|covers| covers.get(buyer.as_str()));
            let pooled = pooled.map(|held| &held.cover);
            found.extend(file.deadlines(policy, policies, pooled, &met, day)?);
        }
    }
    let mut all: Vec<Deadline<'p>> = Vec::new();
    for (mut deadline, how) in found {
        deadline.proof = match how {
            None => None,
            Some(How::Effect(row)) => Some(proof(tx, row).await?),
            Some(How::Hand(row)) => Some(proof_by_hand(&deadline, row)),
        };
        all.push(deadline);
    }
    all.sort_by(|a, b| (a.last_day, a.kind, &a.name, a.key()).cmp(&(b.last_day, b.kind, &b.name, b.key())));
    Ok(all)
}

/// What was done, by whatever way.
struct Met<'h> {
    /// Notices that are with the insurer, by connection and subject.
    done: BTreeMap<(String, String), EffectRow>,
    by_hand: BTreeMap<[&'h str; 5], &'h ProofRow>,
}

enum How<'m> {
    Effect(&'m EffectRow),
    Hand(&'m ProofRow),
}

fn hand_key(row: &ProofRow) -> [&str; 5] {
    [&row.kind, &row.connection, &row.policy, &row.erp, &row.external_id]
}

impl Met<'_> {
    fn of(&self, kind: DeadlineKind, policy: &Policy, invoice: &OverdueRow) -> Option<How<'_>> {
        let sent = (kind == DeadlineKind::OverdueNotice)
            .then(|| self.done.get(&(policy.connection.clone(), subject(invoice))))
            .flatten();
        let key = [
            kind.as_str(),
            &policy.connection,
            &policy.number,
            invoice.connection.as_str(),
            invoice.external_id.as_str(),
        ];
        sent.map(How::Effect).or_else(|| self.by_hand.get(&key).map(|row| How::Hand(row)))
    }
}

async fn read(
    tx: &mut Tx<'_>,
    company: &str,
    policies: &[Policy],
    day: Date,
) -> Result<BTreeMap<String, File>, Error> {
    // Requests of extension look ahead of the due date.
    let ahead = policies.iter().filter_map(|policy| {
        let first = policy.deadline_warning_days.iter().max().copied().unwrap_or_default();
        policy.extension_days_before?.checked_add(first)?.checked_add(1)
    });
    let horizon = day.checked_add_signed(chrono::TimeDelta::days(ahead.max().unwrap_or_default()));
    let mut files: BTreeMap<String, File> = BTreeMap::new();
    for row in tx.overdue_invoices(company, horizon.unwrap_or(day)).await? {
        let file = files.entry(row.buyer_id.clone()).or_default();
        file.invoices.entry(row.external_id.clone()).or_default().push(row);
    }
    let buyers: BTreeSet<String> = files.keys().cloned().collect();
    tx.open_items(company, Some(&buyers), |buyer, item| {
        if let Some(file) = files.get_mut(buyer) {
            file.items.push(item);
        }
        Ok(())
    })
    .await?;
    for row in tx.limit_versions(company, Some(&buyers)).await? {
        if let Some(file) = row.buyer_id.as_ref().and_then(|buyer| files.get_mut(buyer)) {
            file.limits.push(row);
        }
    }
    for row in tx.cover_stops(company, Some(&buyers)).await? {
        if let Some(file) = files.get_mut(&row.buyer_id) {
            file.stops.push(row);
        }
    }
    for row in tx.accounts_of(company, &buyers).await? {
        if let Some(file) = files.get_mut(&row.buyer_id) {
            file.account.get_or_insert(row);
        }
    }
    for (buyer, experience) in tx.experiences(company, policies, &buyers, day, None).await? {
        if let Some(file) = files.get_mut(&buyer) {
            file.experience = Some(experience);
        }
    }
    Ok(files)
}

/// What policies cover of buyers that share limits: by connection, number and first day of the period, then by buyer.
type Pooled<'f> = BTreeMap<(&'f str, &'f str, Date), BTreeMap<&'f str, pools::Held<'f>>>;

fn pooled<'f>(
    files: &'f BTreeMap<String, File>,
    others: &'f [pools::Neighbour],
    policies: &'f [Policy],
    day: Date,
) -> Result<Pooled<'f>, Error> {
    let mut found = Pooled::new();
    if pools::groups_of(policies).is_none() && others.is_empty() {
        return Ok(found);
    }
    let own = files.iter().map(|(buyer, file)| pools::Member {
        insured: None,
        buyer,
        country: file.account.as_ref().map_or("", |row| &row.country),
        items: file.items.iter().map(super::settle::open_item).collect(),
        limits: file.limits.iter().collect(),
        stops: &file.stops,
        experience: file.experience.as_ref(),
    });
    let members: Vec<_> = own.chain(others.iter().map(pools::Neighbour::member)).collect();
    for policy in policies {
        let periods = stops::periods(policies, policy);
        let stops_of = |rows: &[CoverStopRow], open: &pools::ByCompany<'_, '_>| {
            let known = stops::remembered(&stops::of_policy(rows, policy))?;
            Ok(known.brought_to_by(open, &periods, day)?)
        };
        let key = (policy.connection.as_str(), policy.number.as_str(), policy.valid_from);
        found.insert(key, pools::covers(policy, policies, &members, day, stops_of)?);
    }
    Ok(found)
}

impl File {
    /// The invoice that an open item is.
    fn invoice(&self, item: &OpenItem<'_>) -> Option<&OverdueRow> {
        let rows = self.invoices.get(item.id).filter(|_| item.kind == ItemKind::Invoice)?;
        rows.iter().find(|row| row.connection == item.connection)
    }

    fn deadlines<'p, 'd>(
        &self,
        policy: &'p Policy,
        policies: &[Policy],
        pooled: Option<&Cover<'_>>,
        met: &'d Met<'_>,
        day: Date,
    ) -> Result<Vec<(Deadline<'p>, Option<How<'d>>)>, Error> {
        let items: Vec<OpenItem<'_>> = self.items.iter().map(super::settle::open_item).collect();
        let due = deadline::deadlines(&items, policy, day)?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let own = self.limits.iter();
        let own = own.filter(|row| row.connection == policy.connection && row.policy == policy.number);
        let (_, stated) = statements(&own.collect::<Vec<_>>());
        let history = LimitHistory::from_statements(stated, policy.currency)?;
        let stops = stops::remembered(&stops::of_policy(&self.stops, policy))?.brought_to(
            &items,
            &stops::periods(policies, policy),
            day,
        )?;
        let buyer =
            self.account.as_ref().map_or(("", ""), |row| (row.buyer_id.as_str(), row.country.as_str()));
        let periods = stops::periods(policies, policy);
        let terms =
            Terms { policy, periods, buyer: buyer.0, country: buyer.1, experience: self.experience.as_ref() };
        let own = match pooled {
            Some(_) => None,
            None => Some(allocate(&items, &history, terms, &stops, day)?),
        };
        let Some(cover) = pooled.or(own.as_ref()) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for Due { kind, item, last_day, left_minor } in deadline::of_cover(due, cover) {
            let Some(invoice) = self.invoice(&item) else { continue };
            let how = met.of(kind, policy, invoice);
            let met_on = how.as_ref().map(|how| match how {
                // Who settles an effect by hand says that it was done, and no day: then it was in time.
                How::Effect(row) => row.sent_on.unwrap_or(last_day),
                How::Hand(row) => row.done_on,
            });
            let state = deadline::state(kind, last_day, policy, met_on, None, day);
            if !deadline::is_listed(kind, state) {
                continue;
            }
            let (name, country) = self
                .account
                .as_ref()
                .map_or((invoice.buyer_id.as_str(), ""), |row| (row.name.as_str(), row.country.as_str()));
            let deadline = Deadline {
                kind,
                state,
                last_day,
                warnings: deadline::warnings(last_day, policy),
                policy,
                invoice: invoice.clone(),
                name: name.to_owned(),
                country: country.to_owned(),
                at_stake: Money::new(left_minor, policy.currency),
                proof: None,
            };
            found.push((deadline, how));
        }
        Ok(found)
    }
}

/// What an effect that is done proves: who did it, when and how, and the hash of what was told.
async fn proof(tx: &mut Tx<'_>, row: &EffectRow) -> Result<Proof, Error> {
    let steps = tx.effect_steps(&row.id).await?;
    let last = steps.into_iter().rfind(|step| step.state == EffectState::Done.as_str());
    // A BTreeMap has one order, so the same facts have the same bytes.
    let payload = json!(row.facts.0).to_string();
    Ok(Proof {
        id: row.id.clone(),
        at: last.as_ref().map_or(row.updated_at, |step| step.at),
        who: last.as_ref().map_or_else(String::new, |step| step.who.clone()),
        how: last.map_or_else(String::new, |step| step.note),
        payload_hash: sha256_hex(payload.as_bytes()),
    })
}

/// What a person says was done, with the hash of what stood there when it was said.
fn proof_by_hand(deadline: &Deadline<'_>, row: &ProofRow) -> Proof {
    Proof {
        id: fingerprint_hex(&[deadline.key().as_bytes(), row.recorded_at.to_rfc3339().as_bytes()]),
        at: row.recorded_at,
        who: row.said_by.clone(),
        how: format!("{}, on {}", row.how, row.done_on),
        payload_hash: sha256_hex(row.payload.as_bytes()),
    }
}

/// What a person says of one deadline.
#[derive(Debug, Clone, Copy)]
pub struct MetByHand<'a> {
    /// What was done.
    pub kind: DeadlineKind,
    /// Number of the invoice, the ERP's key of it, or `<connection>/<key>`.
    pub invoice: &'a str,
    /// Only under this policy.
    pub policy: Option<&'a str>,
    /// The day on which it was done.
    pub done_on: Date,
    /// Who says so.
    pub by: &'a str,
    /// How it was done.
    pub how: &'a str,
    /// The day whose deadlines are looked at.
    pub day: Date,
    /// The instant.
    pub now: Instant,
}

/// Why nothing was kept of what a person said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unkept {
    /// No open invoice of that number has such a deadline.
    #[error("no open invoice {0} has such a deadline; `encours deadlines` lists them. Nothing was changed")]
    NoDeadline(String),
    /// Several invoices of that number.
    #[error("several invoices are meant: {0}. Say which, as it stands there. Nothing was changed")]
    Several(String),
    /// A stop of cover is no duty towards the insurer.
    #[error(
        "a stop of cover ends by payment, or by the insurer's word: `encours stops lift`. Nothing was changed"
    )]
    Stop,
    /// It is among what Encours does, where its history is.
    #[error(
        "this notice is effect {0}: say it there, `encours requests settle {0} --done --because …`. Nothing was changed"
    )]
    Effect(String),
    /// It was met before.
    #[error("it was met already, by {0}. Nothing was changed; --undo takes back what was said by hand")]
    Met(String),
    /// Nothing was said by hand.
    #[error("nothing was said by hand of it. Nothing was changed")]
    NothingSaid,
    /// A day that is still to come.
    #[error("{0} is still to come. Nothing was changed")]
    Future(Date),
}

/// Keeps that a deadline was met by hand, or takes that back; returns the deadlines concerned, one a policy. The delta
/// follows with the next cycle.
///
/// # Errors
/// What the ledger says; a figure that cannot be computed.
pub async fn meet_by_hand<'p>(
    setup: &'p Setup,
    said: &MetByHand<'_>,
    undo: bool,
) -> Result<Result<Vec<Deadline<'p>>, Unkept>, Error> {
    if said.kind == DeadlineKind::CoverStop {
        return Ok(Err(Unkept::Stop));
    }
    if said.done_on > said.now.date_naive().max(said.day) {
        return Ok(Err(Unkept::Future(said.done_on)));
    }
    let company = setup.company.id.as_str();
    let mut tx = setup.ledger.begin().await?;
    let mut found = deadlines(&mut tx, company, &setup.policies, said.day).await?;
    found.retain(|own| {
        own.kind == said.kind
            && (own.invoice.number == said.invoice
                || own.invoice.external_id == said.invoice
                || own.subject() == said.invoice)
            && said.policy.is_none_or(|policy| policy == own.policy.number)
    });
    if found.is_empty() {
        return Ok(Err(Unkept::NoDeadline(said.invoice.to_owned())));
    }
    let subjects: BTreeSet<String> = found.iter().map(Deadline::subject).collect();
    if subjects.len() > 1 {
        return Ok(Err(Unkept::Several(subjects.into_iter().collect::<Vec<_>>().join(", "))));
    }
    let live: BTreeMap<(String, String), String> = tx
        .effects(company, &[])
        .await?
        .into_iter()
        .filter(|row| {
            row.kind == EffectKind::NotifyOverdue.as_str() && row.state != EffectState::Dropped.as_str()
        })
        .map(|row| ((row.connection, row.subject), row.id))
        .collect();
    for own in &found {
        let key = (own.policy.connection.clone(), own.subject());
        if let Some(id) = live.get(&key).filter(|_| own.kind == DeadlineKind::OverdueNotice) {
            return Ok(Err(Unkept::Effect(id.clone())));
        }
        let row = ProofRow {
            kind: own.kind.as_str().to_owned(),
            connection: own.policy.connection.clone(),
            policy: own.policy.number.clone(),
            erp: own.invoice.connection.clone(),
            external_id: own.invoice.external_id.clone(),
            done_on: said.done_on,
            said_by: said.by.to_owned(),
            how: said.how.to_owned(),
            payload: value(own, said.day).to_string(),
            recorded_at: said.now,
        };
        match (&own.proof, undo) {
            (Some(proof), false) => return Ok(Err(Unkept::Met(proof.who.clone()))),
            (None, false) => tx.prove_deadline(company, &row).await?,
            (_, true) if tx.take_back_proof(company, &row, said.by, said.now).await? => {}
            (_, true) => return Ok(Err(Unkept::NothingSaid)),
        }
    }
    tx.commit().await?;
    Ok(Ok(found))
}

/// What is worth saying of deadlines on a day: each warning, each miss and each proof is one fact, said once.
pub(super) fn deltas(deadlines: &[Deadline<'_>], day: Date) -> Vec<Delta> {
    deadlines.iter().filter_map(|deadline| delta(deadline, day)).collect()
}

fn delta(deadline: &Deadline<'_>, day: Date) -> Option<Delta> {
    let Deadline { kind, last_day, invoice, name, at_stake, .. } = deadline;
    let is_stop = *kind == DeadlineKind::CoverStop;
    let number = &invoice.number;
    let what = format!("{name}: the {} of {number} ({at_stake})", words(*kind));
    let (event, version, summary) = match deadline.state {
        DeadlineState::Upcoming | DeadlineState::Moot => return None,
        DeadlineState::DueSoon => {
            let warned = deadline.warnings.iter().rfind(|warning| **warning <= day)?;
            let summary = if is_stop {
                format!(
                    "{name}: unless {number} ({at_stake}) is paid before {last_day}, cover stops: nothing invoiced from that day \
                     on is covered."
                )
            } else {
                format!("{what} is near: {last_day}.")
            };
            (Event::DeadlineUpcoming, format!("{last_day}/{warned}"), summary)
        }
        DeadlineState::Missed => {
            let summary = if is_stop {
                format!(
                    "{name}: {number} ({at_stake}) was not paid before {last_day}, the end of its extension period: cover is stopped, \
                     nothing invoiced from that day on is covered; what was invoiced before keeps its cover."
                )
            } else {
                format!("{what} was missed: {last_day}.")
            };
            (Event::DeadlineMissed, last_day.to_string(), summary)
        }
        DeadlineState::Met => {
            let who = deadline.proof.as_ref().map_or("", |proof| proof.who.as_str());
            (Event::DeadlineMet, last_day.to_string(), format!("{what} was met: sent by {who}."))
        }
    };
    Some(Delta {
        event,
        subject: deadline.key(),
        version,
        connection: deadline.policy.connection.clone(),
        country: deadline.country.clone(),
        summary,
        data: value(deadline, day).to_string(),
    })
}

/// A deadline in the middle of a sentence.
#[must_use]
pub const fn words(kind: DeadlineKind) -> &'static str {
    match kind {
        DeadlineKind::ExtensionRequest => "request of extension",
        DeadlineKind::CoverStop => "stop of cover because",
        DeadlineKind::OverdueNotice => "overdue notice",
        DeadlineKind::Claim => "claim",
    }
}

/// A deadline as programs read it, in answers and in deltas.
#[must_use]
pub fn value(deadline: &Deadline<'_>, day: Date) -> serde_json::Value {
    let Deadline { invoice, policy, at_stake, .. } = deadline;
    json!({
        "kind": deadline.kind, "state": deadline.state, "last_day": deadline.last_day,
        "days_left": deadline.days_left(day), "warnings": deadline.warnings,
        "buyer": { "id": invoice.buyer_id, "name": deadline.name, "country": deadline.country },
        "connection": policy.connection, "policy": policy.number,
        "erp": invoice.connection, "external_id": invoice.external_id, "number": invoice.number,
        "account": invoice.account, "issued": invoice.issued, "original_due": invoice.original_due,
        "currency": at_stake.currency, "at_stake": render_minor(at_stake.minor, at_stake.currency),
        "proof": deadline.proof.as_ref().map(|proof| json!({
            "id": proof.id, "at": proof.at, "who": proof.who, "how": proof.how, "payload_hash": proof.payload_hash,
        })),
    })
}
