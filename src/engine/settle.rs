//! Settling: what follows from the ledger for each buyer, and what of it is worth saying.
//!
//! Works buyer by buyer over the open items in the order of buyers, so memory does not grow with the ledger. The functions
//! of the pure core do the reckoning; this module brings them their values and stores their results. Only buyers of groups that
//! a policy pools, and those that owe another insured company too, wait with their items.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Error, pools, stops};
use crate::credit::{self, Experience, LimitHistory, OpenItem, Stops, Terms};
use crate::ledger::{
    AccountRow, BreakRow, CoverRow, CoverStopRow, ExposureRow, LimitRow, OpenItemRow, Owed, StoredBreak, Tx,
};
use crate::model::{
    Basis, Break, BreakKind, Currency, Date, Delta, Event, Instant, Layer, Limit, Money, Policy, render_minor,
};
use crate::reconcile::{self, ErpAccount, InsurerIds, PolicyState, Stand, Stopped};

/// What settling needs to know beside the ledger.
pub(super) struct Context<'a> {
    pub(super) company: &'a str,
    /// The policy periods of the day.
    pub(super) policies: Vec<&'a Policy>,
    /// Every policy period, also those that are over.
    pub(super) periods: &'a [Policy],
    pub(super) day: Date,
    pub(super) now: Instant,
}

/// So many buyers are settled at once where their payments are looked at.
const PART_BUYERS: usize = 2_000;

/// Breaks about partners' answers rather than about buyers; the cycle compares them itself.
pub(super) const GLOBAL: &[BreakKind] =
    &[BreakKind::BuyerUnmatched, BreakKind::BuyerAmbiguous, BreakKind::UnknownCode];

/// Breaks that are found by planning, for all buyers at once.
pub(super) const PLANNED: &[BreakKind] = &[
    BreakKind::LimitChangedInErp,
    BreakKind::LimitNotEnforced,
    BreakKind::RequestUnknownToInsurer,
    BreakKind::RequestUnanswered,
    BreakKind::NoticeDue,
    BreakKind::NoticeMissed,
    BreakKind::NeverDeclared,
    BreakKind::DeclaredDiffers,
    BreakKind::MissingAtFactor,
    BreakKind::UnknownToLedger,
    BreakKind::AmountDiffers,
    BreakKind::Rejected,
    BreakKind::PaidNotReleased,
    BreakKind::HoldbackDiffers,
    BreakKind::Definanced,
];

/// Everything of one buyer.
struct Sheet<'a> {
    id: &'a str,
    accounts: &'a [&'a AccountRow],
    limits: BTreeMap<(&'a str, &'a str), Vec<&'a LimitRow>>,
    /// Its stops of cover, as they are remembered.
    stops: &'a [CoverStopRow],
}

/// What one policy says of one buyer.
struct State<'a> {
    policy: &'a Policy,
    /// The history, where the insurer has decided anything.
    decided: Option<LimitHistory>,
    /// The statement in force, with those of its layers that are cover under the policy.
    current: Option<(&'a LimitRow, Vec<Layer>)>,
    /// What a new invoice would be held against: its own limit, or the one that it shares.
    cap_minor: i64,
    covered_minor: i64,
    beyond_limit_minor: i64,
    stops: Stops,
}

#[derive(Default)]
struct Results {
    exposures: Vec<ExposureRow>,
    covers: Vec<CoverRow>,
    stops: Vec<CoverStopRow>,
    breaks: Vec<Break>,
    deltas: Vec<Delta>,
}

/// Settles some buyers, or all with `None`, and returns the deltas that follow. `accounts` are all of the company, each with
/// the buyer it has now.
pub(super) async fn settle(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    accounts: &[AccountRow],
    scope: Option<&BTreeSet<String>>,
) -> Result<Vec<Delta>, Error> {
    if scope.is_some_and(BTreeSet::is_empty) {
        return Ok(Vec::new());
    }
    let company = context.company;
    let pooled = pools::groups_of(context.periods);
    let asked = scope;
    let widened = scope.zip(pooled).map(|(scope, groups)| groups.related(scope));
    let scope = widened.as_ref().or(scope);
    let pooled: BTreeSet<&str> = pooled.map(crate::model::Groups::companies).unwrap_or_default();
    let holding: BTreeSet<String> = tx.connections_holding_limits(company).await?.into_iter().collect();
    let limits = tx.limit_versions(company, scope).await?;
    let exposures = by_buyer(tx.exposures(company, scope).await?, |row| &row.buyer_id);
    let covers = by_buyer(tx.covers(company, scope).await?, |row| &row.buyer_id);
    let stops = by_buyer(tx.cover_stops(company, scope).await?, |row| &row.buyer_id);

    let mut of_buyers: BTreeMap<&str, Vec<&AccountRow>> = BTreeMap::new();
    for row in accounts.iter().filter(|row| scope.is_none_or(|scope| scope.contains(&row.buyer_id))) {
        of_buyers.entry(&row.buyer_id).or_default().push(row);
    }
    for rows in of_buyers.values_mut() {
        rows.sort_unstable_by_key(|row| (&row.connection, &row.external_id));
    }
    let mut sheets: BTreeMap<&str, Sheet<'_>> = BTreeMap::new();
    let rows = exposures.keys().chain(covers.keys()).chain(stops.keys()).chain(asked.into_iter().flatten());
    // A limit that others share counts also where the company itself has no account.
    let shared = limits.iter().filter_map(|row| row.buyer_id.as_deref()).filter(|id| pooled.contains(id));
    let ids = of_buyers.keys().copied().chain(rows.map(String::as_str)).chain(shared);
    for id in ids {
        let rows = of_buyers.get(id).map(Vec::as_slice).unwrap_or_default();
        let stops = stops.get(id).map(Vec::as_slice).unwrap_or_default();
        sheets.entry(id).or_insert_with(|| Sheet { id, accounts: rows, limits: BTreeMap::new(), stops });
    }
    for row in &limits {
        if let Some(sheet) = row.buyer_id.as_deref().and_then(|id| sheets.get_mut(id)) {
            sheet.limits.entry((&row.connection, &row.policy)).or_default().push(row);
        }
    }

    let known: BTreeSet<String> =
        sheets.keys().copied().chain(pooled.iter().copied()).map(str::to_owned).collect();
    let jointly = pools::jointly(tx, company, context.periods, &known, None).await?;
    let joint: BTreeSet<&str> = jointly.iter().map(|other| other.buyer.as_str()).collect();

    // Where a policy computes the discretionary limit, some buyers at a time, each with how it has paid.
    let computes = context.periods.iter().any(|period| period.discretionary_rule.is_some());
    let ids: Vec<&str> = sheets.keys().copied().collect();
    let parts: Vec<Option<BTreeSet<String>>> = if computes {
        ids.chunks(PART_BUYERS).map(|ids| Some(ids.iter().map(|id| (*id).to_owned()).collect())).collect()
    } else {
        vec![scope.cloned()]
    };
    let mut results = Results::default();
    let mut pending = sheets.values().peekable();
    let mut items: Vec<OpenItemRow> = Vec::new();
    let mut none: Vec<OpenItemRow> = Vec::new();
    let mut failure = None;
    let mut experiences = BTreeMap::new();
    let mut waiting: Vec<Waiting<'_>> = Vec::new();
    let mut flush = |upto: Option<&str>,
                     items: &mut Vec<OpenItemRow>,
                     experiences: &BTreeMap<String, Experience>,
                     results: &mut Results|
     -> Result<(), Error> {
        // Buyers come in order; those without open items are settled on the way.
        while let Some(sheet) = pending.next_if(|sheet| upto.is_none_or(|upto| sheet.id <= upto)) {
            let own = if upto == Some(sheet.id) { &mut *items } else { &mut none };
            let experience = experiences.get(sheet.id);
            if pooled.contains(sheet.id) || joint.contains(sheet.id) {
                waiting.push(Waiting { sheet, items: std::mem::take(own), experience: experience.cloned() });
                continue;
            }
            let before = exposures.get(sheet.id).map(Vec::as_slice).unwrap_or_default();
            let covered = covers.get(sheet.id).map(Vec::as_slice).unwrap_or_default();
            let buyer = (sheet, own.as_slice(), experience);
            settle_buyer(context, buyer, (before, covered), &Pooled::new(), &holding, results)?;
        }
        Ok(())
    };
    let mut current = String::new();
    for part in parts {
        if let (true, Some(buyers)) = (computes, &part) {
            experiences = tx.experiences(company, context.periods, buyers, context.day, None).await?;
        }
        tx.open_items(company, part.as_ref(), |buyer, item| {
            if !items.is_empty() && current != buyer {
                if let Err(error) = flush(Some(&current), &mut items, &experiences, &mut results) {
                    failure.get_or_insert(error);
                }
                items.clear();
            }
            if items.is_empty() {
                buyer.clone_into(&mut current);
            }
            items.push(item);
            Ok(())
        })
        .await?;
        if !items.is_empty() {
            flush(Some(&current), &mut items, &experiences, &mut results)?;
            items.clear();
        }
        if let Some(last) = part.as_ref().and_then(BTreeSet::last) {
            flush(Some(last), &mut Vec::new(), &experiences, &mut results)?;
        }
    }
    flush(None, &mut Vec::new(), &experiences, &mut results)?;
    if let Some(error) = failure {
        return Err(error);
    }
    let shared = pooled_covers(context, &waiting, &jointly)?;
    for Waiting { sheet, items, experience } in &waiting {
        let before = exposures.get(sheet.id).map(Vec::as_slice).unwrap_or_default();
        let covered = covers.get(sheet.id).map(Vec::as_slice).unwrap_or_default();
        let buyer = (*sheet, items.as_slice(), experience.as_ref());
        settle_buyer(context, buyer, (before, covered), &shared, &holding, &mut results)?;
    }

    tx.write_exposures(company, &results.exposures, context.now).await?;
    let owed = results.exposures.iter().map(|row| Owed {
        buyer: &row.buyer_id,
        currency: &row.currency,
        minor: row.outstanding_minor,
        net_minor: row.net_minor,
        lacks_tax: row.lacks_tax,
    });
    tx.note_exposures(company, &owed.collect::<Vec<_>>(), context.day, context.now).await?;
    tx.write_covers(company, &results.covers, context.now).await?;
    tx.write_cover_stops(company, &results.stops, context.now).await?;
    let stored = match scope {
        None => tx.open_breaks(company).await?,
        Some(buyers) => tx.open_breaks_of(company, buyers).await?,
    };
    let stored: Vec<BreakRow> = stored
        .into_iter()
        .filter(|row| !GLOBAL.iter().chain(PLANNED).any(|kind| kind.as_str() == row.kind))
        .collect();
    let found = std::mem::take(&mut results.breaks);
    results.deltas.extend(compare_breaks(tx, context, &stored, &found).await?);
    Ok(results.deltas)
}

/// A buyer that waits for those that it shares a limit with.
struct Waiting<'w> {
    sheet: &'w Sheet<'w>,
    items: Vec<OpenItemRow>,
    experience: Option<Experience>,
}

/// What policies cover of buyers that share limits, by connection, number and buyer.
type Pooled<'p> = BTreeMap<(&'p str, &'p str, &'p str), pools::Held<'p>>;

/// What is covered of the buyers that wait for each other.
fn pooled_covers<'p>(
    context: &Context<'p>,
    waiting: &'p [Waiting<'_>],
    jointly: &'p [pools::Neighbour],
) -> Result<Pooled<'p>, Error> {
    let mut found = Pooled::new();
    if waiting.is_empty() {
        return Ok(found);
    }
    let member = |Waiting { sheet, items, experience }: &'p Waiting<'_>| pools::Member {
        insured: None,
        buyer: sheet.id,
        country: sheet.accounts.first().map_or("", |account| &account.country),
        items: items.iter().map(open_item).collect(),
        limits: sheet.limits.values().flatten().copied().collect(),
        stops: sheet.stops,
        experience: experience.as_ref(),
    };
    let own = waiting.iter().map(member);
    let members: Vec<pools::Member<'_>> = own.chain(jointly.iter().map(pools::Neighbour::member)).collect();
    for policy in &context.policies {
        let stops_of = |rows: &[CoverStopRow], open: &pools::ByCompany<'_, '_>| {
            let known = stops::of_policy(rows, policy);
            let periods = stops::periods(context.periods, policy);
            Ok(stops::remembered(&known)?.brought_to_by(open, &periods, context.day)?)
        };
        let covers = pools::covers(policy, context.periods, &members, context.day, stops_of)?;
        let key = |buyer| (policy.connection.as_str(), policy.number.as_str(), buyer);
        found.extend(covers.into_iter().map(|(buyer, held)| (key(buyer), held)));
    }
    Ok(found)
}

fn by_buyer<T>(rows: Vec<T>, id: impl Fn(&T) -> &String) -> BTreeMap<String, Vec<T>> {
    let mut map: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for row in rows {
        map.entry(id(&row).clone()).or_default().push(row);
    }
    map
}

/// Stores what opened, changed and closed between the breaks that were open and those found now.
pub(super) async fn compare_breaks(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    stored: &[BreakRow],
    found: &[Break],
) -> Result<Vec<Delta>, Error> {
    let before = stored.iter().map(BreakRow::to_break).collect::<Result<Vec<_>, _>>()?;
    let diff = reconcile::diff(&before, found);
    let mut deltas = Vec::new();
    for opened in diff.opened {
        let stored = tx.open_break(context.company, opened, context.now, context.day).await?;
        deltas.push(break_delta(Event::BreakOpened, &stored));
    }
    for still in diff.still_open.iter().filter(|still| still.is_changed()) {
        tx.update_break(context.company, still.now, context.now).await?;
    }
    for closed in diff.closed {
        let stored = tx.close_break(context.company, closed, context.now).await?;
        deltas.push(break_delta(Event::BreakClosed, &stored));
    }
    Ok(deltas)
}

fn break_delta(event: Event, stored: &StoredBreak) -> Delta {
    let Break { kind, subject, name, country, connection, ours, theirs } = &stored.found;
    let summary = if event == Event::BreakClosed {
        format!("{name}: {kind} is settled.")
    } else if theirs.is_empty() {
        format!("{name}: {kind} ({ours}). Next: {}.", kind.next_step())
    } else {
        format!("{name}: {kind} ({ours} / {theirs}). Next: {}.", kind.next_step())
    };
    Delta {
        event,
        subject: stored.id.clone(),
        version: stored.occurrence.to_string(),
        connection: connection.clone(),
        country: country.clone(),
        summary,
        data: json!({
            "break": stored.id, "kind": kind, "subject": subject, "name": name, "country": country,
            "connection": connection, "ours": ours, "theirs": theirs, "next_step": kind.next_step(),
            "occurrence": stored.occurrence,
        })
        .to_string(),
    }
}

fn settle_buyer(
    context: &Context<'_>,
    (sheet, rows, experience): (&Sheet<'_>, &[OpenItemRow], Option<&Experience>),
    (before, covered_before): (&[ExposureRow], &[CoverRow]),
    pooled: &Pooled<'_>,
    holding: &BTreeSet<String>,
    results: &mut Results,
) -> Result<(), Error> {
    let items: Vec<OpenItem<'_>> = rows.iter().map(open_item).collect();
    let known_as = || context.policies.iter().find_map(|policy| policy.pooled_groups.name(sheet.id));
    let (name, country) = sheet
        .accounts
        .first()
        .map_or_else(|| (known_as().unwrap_or(sheet.id), ""), |a| (a.name.as_str(), a.country.as_str()));
    let who = json!({ "id": sheet.id, "name": name, "country": country });
    let connection = sheet.accounts.first().map_or("none", |account| account.connection.as_str());

    // Exposure, one row a currency; a currency that is settled whole keeps its row at zero.
    let now = credit::exposures(&items, context.day)?;
    let mut owed = Vec::new();
    let settled = before.iter().filter(|row| !now.iter().any(|e| e.currency.code() == row.currency));
    let mut next: Vec<ExposureRow> =
        now.iter().map(|exposure| exposure_row(sheet.id, exposure, context.day)).collect();
    next.extend(settled.map(|row| ExposureRow {
        said_minor: row.said_minor,
        version: row.version,
        ..empty_exposure(sheet.id, &row.currency, context.day)
    }));
    for mut row in next {
        let currency = currency(&row.currency)?;
        put_net(&mut row, &items, &context.policies, currency)?;
        owed.push(Money::new(row.outstanding_minor, currency));
        let known = before.iter().find(|known| known.currency == row.currency);
        (row.said_minor, row.version) = known.map_or((0, 0), |known| (known.said_minor, known.version));
        let policy = context.policies.iter().find(|policy| policy.currency == currency);
        let threshold = policy.map_or(0, |policy| policy.exposure_threshold_minor);
        if reconcile::exposure_event(row.said_minor, row.outstanding_minor, threshold).is_some() {
            let (was, is) =
                (Money::new(row.said_minor, currency), Money::new(row.outstanding_minor, currency));
            row.version += 1;
            let amount = |minor| render_minor(minor, currency);
            results.deltas.push(Delta {
                event: Event::ExposureChanged,
                subject: format!("{}/{currency}", sheet.id),
                version: row.version.to_string(),
                connection: connection.to_owned(),
                country: country.to_owned(),
                summary: format!("{name} owes {is}, before {was}."),
                data: json!({
                    "buyer": who, "currency": currency, "as_of": row.as_of, "before": amount(row.said_minor),
                    "outstanding": amount(row.outstanding_minor), "not_due": amount(row.not_due_minor),
                    "overdue_1_30": amount(row.overdue_30_minor), "overdue_31_60": amount(row.overdue_60_minor),
                    "overdue_61_90": amount(row.overdue_90_minor), "overdue_over_90": amount(row.overdue_more_minor),
                    "disputed": amount(row.disputed_minor), "credits": amount(row.credits_minor),
                    "unallocated": amount(row.unallocated_minor), "oldest_due": row.oldest_due,
                    "invoices": row.invoice_count, "version": row.version,
                }).to_string(),
            });
            row.said_minor = row.outstanding_minor;
        }
        if known != Some(&row) {
            results.exposures.push(row);
        }
    }

    // Cover, one row a policy.
    let mut states: Vec<State<'_>> = Vec::new();
    let mut ids: Vec<InsurerIds<'_>> = Vec::new();
    for policy in &context.policies {
        let rows = sheet
            .limits
            .get(&(policy.connection.as_str(), policy.number.as_str()))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let (current, statements) = statements(rows);
        ids.push(insurer_ids(policy, rows));
        let history = LimitHistory::from_statements(statements, policy.currency)?;
        let known = stops::of_policy(sheet.stops, policy);
        let periods = stops::periods(context.periods, policy);
        let held = pooled.get(&(policy.connection.as_str(), policy.number.as_str(), sheet.id));
        let stops = match held {
            Some(held) => held.stops.clone(),
            None => stops::remembered(&known)?.brought_to(&items, &periods, context.day)?,
        };
        for (row, delta) in stops::changes(&stops, &known, (sheet.id, name, country), policy, context.day) {
            results.stops.push(row);
            results.deltas.push(delta);
        }
        let terms = Terms { policy, periods, buyer: sheet.id, country, experience };
        let cover = match held {
            Some(held) => held.cover.clone(),
            None => credit::allocate(&items, &history, terms, &stops, context.day)?,
        };
        let over = cover.beyond_limit_minor > 0;
        let known = covered_before
            .iter()
            .find(|row| row.connection == policy.connection && row.policy == policy.number);
        let mut row = CoverRow {
            buyer_id: sheet.id.to_owned(),
            connection: policy.connection.clone(),
            policy: policy.number.clone(),
            currency: policy.currency.code().to_owned(),
            cap_minor: cover.today.cap_minor,
            covered_minor: cover.covered_minor,
            uninsured_minor: cover.uninsured_minor,
            indemnity_minor: cover.indemnity_minor,
            lacks_tax: i64::from(cover.lacks_tax),
            over_limit: over,
            version: known.map_or(0, |known| known.version),
            as_of: context.day,
        };
        if let Some(event) = reconcile::over_limit_event(known.is_some_and(|known| known.over_limit), over) {
            row.version += 1;
            let money = |minor| Money::new(minor, policy.currency);
            let summary = if over {
                let beyond = money(cover.beyond_limit_minor);
                format!("{name} is over its limit of {}: {beyond} is not covered.", money(row.cap_minor))
            } else {
                format!("{name} is back within its limit of {}.", money(row.cap_minor))
            };
            let amount = |minor| render_minor(minor, policy.currency);
            results.deltas.push(Delta {
                event,
                subject: format!("{}/{}", sheet.id, policy.number),
                version: row.version.to_string(),
                connection: policy.connection.clone(),
                country: country.to_owned(),
                summary,
                data: json!({
                    "buyer": who, "policy": policy.number, "currency": policy.currency, "as_of": row.as_of,
                    "limit": amount(row.cap_minor), "covered": amount(row.covered_minor),
                    "uninsured": amount(row.uninsured_minor), "beyond_limit": amount(cover.beyond_limit_minor),
                    "version": row.version,
                }).to_string(),
            });
        }
        if known != Some(&row) {
            results.covers.push(row);
        }
        let decided = history.is_decided(context.day).then_some(history);
        let counts = |layer: &&Layer| policy.layer_percentage(layer.kind).is_some();
        let counted = |row: &LimitRow| row.payload.layers.iter().filter(counts).cloned().collect();
        states.push(State {
            policy,
            decided,
            current: current.map(|row| (row, counted(row))),
            cap_minor: cover.today.cap_minor,
            covered_minor: cover.covered_minor,
            beyond_limit_minor: cover.beyond_limit_minor,
            stops,
        });
    }

    // Both sides.
    let erp: Vec<ErpAccount<'_>> = sheet
        .accounts
        .iter()
        .map(|account| ErpAccount {
            connection: &account.connection,
            code: &account.code,
            limit: account.limit().map(|(minor, currency)| Money::new(minor, currency)),
            erp_holds_limits: holding.contains(&account.connection),
        })
        .collect();
    let states: Vec<PolicyState<'_>> = states
        .iter()
        .map(|State { policy, decided, current, cap_minor, covered_minor, beyond_limit_minor, stops }| {
            PolicyState {
                connection: &policy.connection,
                policy: &policy.number,
                currency: policy.currency,
                warning_days: policy.warning_days,
                stand: match (decided, current) {
                    (Some(history), Some((row, layers))) => Stand::Decided {
                        cap_minor: history.limit_at(context.day, policy).cap_minor,
                        layers,
                        last_day: last_day(&row.payload),
                    },
                    // An ERP may hold any part of a limit that the insurer has not set on this buyer itself.
                    _ => Stand::Undecided { discretionary_minor: *cap_minor },
                },
                covered_minor: *covered_minor,
                beyond_limit_minor: *beyond_limit_minor,
                stopped: stops
                    .in_force()
                    .map(|stop| Stopped { since: stop.since, cause: &stop.cause_number }),
            }
        })
        .collect();
    let buyer =
        reconcile::Buyer { id: sheet.id, name, country, accounts: &erp, policies: &states, owed: &owed };
    results.breaks.extend(reconcile::breaks(&buyer, context.day));
    results.breaks.extend(reconcile::two_insurer_ids(sheet.id, name, country, &ids));
    Ok(())
}

/// The statements of one buyer under one policy, and the one in force.
///
/// Where an insurer has two ids for one legal buyer, the one with the higher current amount counts, and a break tells it.
pub(crate) fn statements<'l>(rows: &[&'l LimitRow]) -> (Option<&'l LimitRow>, Vec<(Date, &'l Limit)>) {
    let mut latest: BTreeMap<&str, &LimitRow> = BTreeMap::new();
    for row in rows {
        let entry = latest.entry(&row.insurer_buyer_id).or_insert(row);
        if row.version > entry.version {
            *entry = row;
        }
    }
    let current = latest
        .into_values()
        .max_by_key(|row| (row.payload.amount_minor, std::cmp::Reverse(&row.insurer_buyer_id)));
    let own = rows
        .iter()
        .filter(|row| current.is_some_and(|current| current.insurer_buyer_id == row.insurer_buyer_id));
    let mut own: Vec<&&LimitRow> = own.collect();
    own.sort_by_key(|row| row.version);
    (current, own.into_iter().map(|row| (row.seen_on, &row.payload.0)).collect())
}

/// The insurer's ids of one buyer under a policy, with what each covers by its last statement.
fn insurer_ids<'l>(policy: &'l Policy, rows: &[&'l LimitRow]) -> InsurerIds<'l> {
    let mut latest: BTreeMap<&str, &LimitRow> = BTreeMap::new();
    for row in rows {
        if latest.get(row.insurer_buyer_id.as_str()).is_none_or(|known| known.version <= row.version) {
            latest.insert(&row.insurer_buyer_id, row);
        }
    }
    let amount = |row: &LimitRow| Money::new(row.payload.amount_minor, row.payload.currency);
    InsurerIds {
        connection: &policy.connection,
        policy: &policy.number,
        ids: latest.into_iter().map(|(id, row)| (id, amount(row))).collect(),
    }
}

fn last_day(limit: &Limit) -> Option<Date> {
    let eve = limit.withdrawal_on.and_then(|day| day.pred_opt());
    match (limit.effective_to, eve) {
        (Some(end), Some(eve)) => Some(end.min(eve)),
        (end, eve) => end.or(eve),
    }
}

fn currency(code: &str) -> Result<Currency, Error> {
    Currency::parse(code).ok_or_else(|| Error::Ledger(crate::ledger::Error::unreadable("currency", code)))
}

/// An open item of the ledger as the pure core takes it.
pub(super) fn open_item(row: &OpenItemRow) -> OpenItem<'_> {
    OpenItem {
        connection: &row.connection,
        id: &row.external_id,
        number: &row.number,
        kind: row.kind,
        currency: row.currency,
        open_minor: row.open_minor,
        net_minor: row.net_minor,
        issued: row.issued,
        original_due: row.original_due,
        disputed: row.disputed,
    }
}

/// Adds what is owed net of tax, where a policy of the day counts so in the currency.
pub(super) fn put_net(
    row: &mut ExposureRow,
    items: &[OpenItem<'_>],
    policies: &[&Policy],
    currency: Currency,
) -> Result<(), Error> {
    if policies.iter().any(|policy| policy.currency == currency && policy.basis == Basis::Net) {
        let net = credit::net_exposure(items, currency)?;
        (row.net_minor, row.lacks_tax) = (Some(net.outstanding_minor), i64::from(net.lacks_tax));
    }
    Ok(())
}

pub(super) fn exposure_row(buyer: &str, exposure: &credit::Exposure, day: Date) -> ExposureRow {
    ExposureRow {
        outstanding_minor: exposure.outstanding_minor,
        not_due_minor: exposure.not_due_minor,
        overdue_30_minor: exposure.overdue_1_30_minor,
        overdue_60_minor: exposure.overdue_31_60_minor,
        overdue_90_minor: exposure.overdue_61_90_minor,
        overdue_more_minor: exposure.overdue_over_90_minor,
        disputed_minor: exposure.disputed_minor,
        credits_minor: exposure.credits_minor,
        unallocated_minor: exposure.unallocated_minor,
        oldest_due: exposure.oldest_original_due,
        invoice_count: i64::from(exposure.invoice_count),
        ..empty_exposure(buyer, exposure.currency.code(), day)
    }
}

fn empty_exposure(buyer: &str, currency: &str, day: Date) -> ExposureRow {
    ExposureRow {
        buyer_id: buyer.to_owned(),
        currency: currency.to_owned(),
        outstanding_minor: 0,
        not_due_minor: 0,
        overdue_30_minor: 0,
        overdue_60_minor: 0,
        overdue_90_minor: 0,
        overdue_more_minor: 0,
        disputed_minor: 0,
        credits_minor: 0,
        unallocated_minor: 0,
        oldest_due: None,
        invoice_count: 0,
        net_minor: None,
        lacks_tax: 0,
        said_minor: 0,
        version: 0,
        as_of: day,
    }
}
