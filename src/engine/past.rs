//! Figures of another day: what buyers owed and what was covered of it, from what the ledger knew at an instant.
//!
//! Two times are kept apart. The *day* is what the figures are of: ages, the limit of that day, the stops that stood on it;
//! what is dated later is not in them. The *instant* is what was known: what was paid, decided or linked later is as if it
//! had not happened. Nothing is written. Reference: shared rules, "Another day".

use std::collections::{BTreeMap, BTreeSet};

use super::settle::{exposure_row, open_item, put_net, statements};
use super::{Error, pools, stops};
use crate::credit::{self, Cover, LimitHistory, OpenItem, Stops, Terms};
use crate::ledger::{
    Begins, BuyerRow, CoverRow, CoverStopRow, ExposureRow, LimitRow, OpenItemRow, Tx, accounts_then,
};
use crate::model::{Date, Instant, Policy};

/// A day to reckon for, and an instant to know at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The day that the figures are of.
    pub as_of: Date,
    /// What was recorded later is not known.
    pub known_at: Instant,
    /// The day is after the last cycle that was known: no cycle has found the stops of cover that begin until then.
    pub is_ahead: bool,
}

/// The stops of a policy as they stood on the day of a moment: as they were told, and after the last cycle as they follow from
/// what is open, to each insured company.
///
/// # Errors
/// A word in the ledger that this version does not know; a figure that cannot be computed.
pub fn stops_on(
    rows: &[CoverStopRow],
    policy: &Policy,
    periods: &[Policy],
    open: &pools::ByCompany<'_, '_>,
    moment: Moment,
) -> Result<Stops, Error> {
    let told = stops::remembered(&stops::of_policy(rows, policy))?.as_of(moment.as_of);
    if !moment.is_ahead {
        return Ok(told);
    }
    Ok(told.brought_to_by(open, &stops::periods(periods, policy), moment.as_of)?)
}

/// What one buyer owed, and what was covered of it.
#[derive(Debug, Clone)]
pub struct Position {
    /// The legal buyer of then.
    pub buyer_id: String,
    /// By currency.
    pub exposures: Vec<ExposureRow>,
    /// By policy period of the day.
    pub covers: Vec<CoverRow>,
}

/// The positions of a moment.
#[derive(Debug, Clone, Default)]
pub struct Positions {
    /// Those of buyers of whom something was open, by their ids.
    pub buyers: Vec<Position>,
    /// Open documents that are known and dated after the day.
    pub later: usize,
    /// Everybody who was a buyer then, named as then, by id.
    pub names: BTreeMap<String, BuyerRow>,
    /// Accounts that are told as they were later, since what they were then was not kept.
    pub accounts_begin: Vec<Begins>,
}

/// What every buyer of a company owed at a moment, and what was covered of it under the terms that are handed in.
///
/// # Errors
/// What the ledger says; a figure that cannot be computed.
pub async fn positions(
    tx: &mut Tx<'_>,
    company: &str,
    policies: &[Policy],
    moment: Moment,
) -> Result<Positions, Error> {
    let items = tx.open_items_known(company, moment.known_at).await?;
    let limits = tx.limits_known(company, moment.known_at).await?;
    let stops = tx.stops_known(company, None, moment.known_at).await?;
    let mut limits_of: BTreeMap<&str, Vec<&LimitRow>> = BTreeMap::new();
    for row in &limits {
        if let Some(buyer) = &row.buyer_id {
            limits_of.entry(buyer).or_default().push(row);
        }
    }
    let mut stops_of: BTreeMap<&str, Vec<CoverStopRow>> = BTreeMap::new();
    for row in &stops {
        stops_of.entry(&row.buyer_id).or_default().push(row.clone());
    }
    let versions = tx.account_versions(company, None).await?;
    let buyers = tx.buyers_known(company, moment.known_at).await?;
    let then = accounts_then(&versions, &buyers, moment.known_at);
    let in_force: Vec<&Policy> = policies.iter().filter(|policy| policy.contains(moment.as_of)).collect();
    let mut found = Positions { names: then.buyers, accounts_begin: then.begin, ..Positions::default() };
    let buyers: BTreeSet<String> = items.keys().cloned().collect();
    let experiences = tx.experiences(company, policies, &buyers, moment.as_of, Some(moment.known_at)).await?;
    // Whoever shares a limit is reckoned with those that share it.
    let mut sharing: BTreeSet<&str> =
        pools::groups_of(policies).map(crate::model::Groups::companies).unwrap_or_default();
    let all = items.keys().map(String::as_str).chain(sharing.iter().copied()).map(str::to_owned).collect();
    let jointly = pools::jointly(tx, company, policies, &all, Some(moment)).await?;
    sharing.extend(jointly.iter().map(|other| other.buyer.as_str()));
    let mut members: Vec<_> = jointly.iter().map(pools::Neighbour::member).collect();
    for company in sharing {
        let rows = items.get(company).map(Vec::as_slice).unwrap_or_default();
        members.push(pools::Member {
            insured: None,
            buyer: company,
            country: found.names.get(company).map(|row| row.country.as_str()).unwrap_or_default(),
            items: rows.iter().filter(|row| row.issued <= moment.as_of).map(open_item).collect(),
            limits: limits_of.get(company).cloned().unwrap_or_default(),
            stops: stops_of.get(company).map(Vec::as_slice).unwrap_or_default(),
            experience: experiences.get(company),
        });
    }
    let mut pooled = Vec::new();
    for policy in &in_force {
        let stops = |rows: &[CoverStopRow], open: &pools::ByCompany<'_, '_>| {
            stops_on(rows, policy, policies, open, moment)
        };
        pooled.push(pools::covers(policy, policies, &members, moment.as_of, stops)?);
    }
    for (buyer, rows) in &items {
        let limits = limits_of.get(buyer.as_str()).map(Vec::as_slice).unwrap_or_default();
        let stops = stops_of.get(buyer.as_str()).map(Vec::as_slice).unwrap_or_default();
        let (own, later): (Vec<&OpenItemRow>, Vec<_>) =
            rows.iter().partition(|row| row.issued <= moment.as_of);
        found.later += later.len();
        let own: Vec<OpenItem<'_>> = own.into_iter().map(open_item).collect();
        let exposures = credit::exposures(&own, moment.as_of)?;
        let covers = in_force.iter().zip(&pooled).map(|(policy, pooled)| {
            if let Some(held) = pooled.get(buyer.as_str()) {
                return Ok(cover_row(policy, buyer, &held.cover, moment.as_of));
            }
            let stops = stops_on(stops, policy, policies, &[&own], moment)?;
            let country = found.names.get(buyer).map(|row| row.country.as_str()).unwrap_or_default();
            let (periods, experience) = (stops::periods(policies, policy), experiences.get(buyer));
            let terms = Terms { policy, periods, buyer, country, experience };
            cover(&own, terms, limits, &stops, moment.as_of)
        });
        let mut rows = Vec::new();
        for one in &exposures {
            let mut row = exposure_row(buyer, one, moment.as_of);
            put_net(&mut row, &own, &in_force, one.currency)?;
            rows.push(row);
        }
        let covers = covers.collect::<Result<_, Error>>()?;
        found.buyers.push(Position { buyer_id: buyer.clone(), exposures: rows, covers });
    }
    Ok(found)
}

fn cover(
    items: &[OpenItem<'_>],
    terms: Terms<'_>,
    limits: &[&LimitRow],
    stops: &Stops,
    day: Date,
) -> Result<CoverRow, Error> {
    let (policy, buyer) = (terms.policy, terms.buyer);
    let own = limits.iter().filter(|row| row.connection == policy.connection && row.policy == policy.number);
    let own: Vec<&LimitRow> = own.copied().collect();
    let history = LimitHistory::from_statements(statements(&own).1, policy.currency)?;
    let cover = credit::allocate(items, &history, terms, stops, day)?;
    Ok(cover_row(policy, buyer, &cover, day))
}

fn cover_row(policy: &Policy, buyer: &str, cover: &Cover<'_>, day: Date) -> CoverRow {
    CoverRow {
        buyer_id: buyer.to_owned(),
        connection: policy.connection.clone(),
        policy: policy.number.clone(),
        currency: policy.currency.code().to_owned(),
        cap_minor: cover.today.cap_minor,
        covered_minor: cover.covered_minor,
        uninsured_minor: cover.uninsured_minor,
        indemnity_minor: cover.indemnity_minor,
        lacks_tax: i64::from(cover.lacks_tax),
        over_limit: cover.beyond_limit_minor > 0,
        version: 0,
        as_of: day,
    }
}
