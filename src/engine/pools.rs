//! Limits that buyers of a group share, between the ledger and the pure core.
//!
//! Nothing here is asked for, read or kept where no policy period pools groups. Where one does, whoever is in a tree with a
//! buyer is settled and told with it: an invoice of one may take cover from another. Reference: shared rules, "Groups".

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::past::Moment;
use super::settle::{open_item, statements};
use super::stops::periods;
use crate::credit::{Cover, Experience, LimitHistory, OpenItem, Share, Stops, Terms, allocate_pool};
use crate::ledger::{CoverStopRow, LimitRow, OpenItemRow, Tx};
use crate::model::{Date, Groups, NAMED, Policy};

/// One buyer of a group.
#[derive(Debug, Clone)]
pub struct Member<'m> {
    /// The legal buyer.
    pub buyer: &'m str,
    /// ISO 3166 alpha-2, or empty.
    pub country: &'m str,
    /// What is open.
    pub items: Vec<OpenItem<'m>>,
    /// What insurers stated on it, under any policy.
    pub limits: Vec<&'m LimitRow>,
    /// Its stops of cover, under any policy.
    pub stops: &'m [CoverStopRow],
    /// How it has paid, where a policy computes its discretionary limit.
    pub experience: Option<&'m Experience>,
}

/// The groups that some policy period pools.
#[must_use]
pub fn groups_of<'p>(policies: impl IntoIterator<Item = &'p Policy>) -> Option<&'p Groups> {
    policies.into_iter().map(|policy| &policy.pooled_groups).find(|groups| !groups.is_empty())
}

/// What a policy covers of each member, by buyer; nothing where no period of it pools groups. All that are in a tree with one
/// of the members are to be among them.
///
/// # Errors
/// A figure that cannot be computed; what `stops_of` says.
pub fn covers<'m>(
    policy: &Policy,
    policies: &[Policy],
    members: &[Member<'m>],
    day: Date,
    stops_of: impl Fn(&Member<'m>) -> Result<Stops, Error>,
) -> Result<BTreeMap<&'m str, Cover<'m>>, Error> {
    let periods = periods(policies, policy);
    if groups_of(periods.iter().copied()).is_none() {
        return Ok(BTreeMap::new());
    }
    let mut known = Vec::with_capacity(members.len());
    for member in members {
        known.push((member, history(policy, member)?, stops_of(member)?));
    }
    let shares: Vec<Share<'m, '_>> = known
        .iter()
        .map(|(member, limits, stops)| Share {
            open: &member.items,
            limits,
            terms: Terms {
                policy,
                periods: periods.clone(),
                buyer: member.buyer,
                country: member.country,
                experience: member.experience,
            },
            stops,
        })
        .collect();
    Ok(members.iter().map(|member| member.buyer).zip(allocate_pool(&shares, day)?).collect())
}

/// What was decided on a member under a policy.
fn history(policy: &Policy, member: &Member<'_>) -> Result<LimitHistory, Error> {
    let own = member.limits.iter();
    let own = own.filter(|row| row.connection == policy.connection && row.policy == policy.number);
    let (_, stated) = statements(&own.copied().collect::<Vec<_>>());
    Ok(LimitHistory::from_statements(stated, policy.currency)?)
}

/// Whose limit a new invoice of each member would be held against on a day: its own, or that of another one.
///
/// # Errors
/// A limit that cannot be read.
pub fn holders<'m>(
    policy: &'m Policy,
    members: &[Member<'m>],
    day: Date,
) -> Result<BTreeMap<&'m str, &'m str>, Error> {
    let mut decided = BTreeSet::new();
    for member in members {
        if history(policy, member)?.is_decided(day) {
            decided.insert(member.buyer);
        }
    }
    let holder = |buyer| policy.pooled_groups.holder(buyer, day, |id| decided.contains(id));
    Ok(members.iter().map(|member| (member.buyer, holder(member.buyer))).collect())
}

/// A buyer of a group as the ledger holds it.
#[derive(Debug)]
pub struct Neighbour {
    /// The legal buyer.
    pub buyer: String,
    /// ISO 3166 alpha-2, or empty.
    pub country: String,
    items: Vec<OpenItemRow>,
    limits: Vec<LimitRow>,
    stops: Vec<CoverStopRow>,
    experience: Option<Experience>,
}

impl Neighbour {
    /// The same as the pure core takes it.
    #[must_use]
    pub fn member(&self) -> Member<'_> {
        Member {
            buyer: &self.buyer,
            country: &self.country,
            items: self.items.iter().map(open_item).collect(),
            limits: self.limits.iter().collect(),
            stops: &self.stops,
            experience: self.experience.as_ref(),
        }
    }
}

/// Whoever may share a limit with one of some buyers and is none of them.
#[must_use]
pub fn beside(policies: &[Policy], buyers: &BTreeSet<String>) -> BTreeSet<String> {
    let related = groups_of(policies).map(|groups| groups.related(buyers)).unwrap_or_default();
    related.difference(buyers).filter(|id| !id.starts_with(NAMED)).cloned().collect()
}

/// Reads whoever may share a limit with one of some buyers, as of now.
///
/// # Errors
/// What the ledger says.
pub async fn neighbours(
    tx: &mut Tx<'_>,
    company: &str,
    policies: &[Policy],
    buyers: &BTreeSet<String>,
    day: Date,
) -> Result<Vec<Neighbour>, Error> {
    let others = beside(policies, buyers);
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = blank(tx, company, &others).await?;
    tx.open_items(company, Some(&others), |buyer, item| {
        if let Some(other) = found.get_mut(buyer) {
            other.items.push(item);
        }
        Ok(())
    })
    .await?;
    let limits = tx.limit_versions(company, Some(&others)).await?;
    let stops = tx.cover_stops(company, Some(&others)).await?;
    let experiences = tx.experiences(company, policies, &others, day, None).await?;
    Ok(filled(found, limits, stops, experiences))
}

/// The same as of a moment.
///
/// # Errors
/// What the ledger says.
pub async fn neighbours_known(
    tx: &mut Tx<'_>,
    company: &str,
    policies: &[Policy],
    buyers: &BTreeSet<String>,
    moment: Moment,
) -> Result<Vec<Neighbour>, Error> {
    let others = beside(policies, buyers);
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = blank(tx, company, &others).await?;
    for (buyer, mut items) in tx.open_items_known(company, moment.known_at).await? {
        if let Some(other) = found.get_mut(&buyer) {
            items.retain(|item| item.issued <= moment.as_of);
            other.items = items;
        }
    }
    let limits = tx.limits_known(company, moment.known_at).await?;
    let stops = tx.stops_known(company, None, moment.known_at).await?;
    let known_at = Some(moment.known_at);
    let experiences = tx.experiences(company, policies, &others, moment.as_of, known_at).await?;
    Ok(filled(found, limits, stops, experiences))
}

async fn blank(
    tx: &mut Tx<'_>,
    company: &str,
    buyers: &BTreeSet<String>,
) -> Result<BTreeMap<String, Neighbour>, Error> {
    let one = |buyer: &String| Neighbour {
        buyer: buyer.clone(),
        country: String::new(),
        items: Vec::new(),
        limits: Vec::new(),
        stops: Vec::new(),
        experience: None,
    };
    let mut found: BTreeMap<String, Neighbour> =
        buyers.iter().map(|buyer| (buyer.clone(), one(buyer))).collect();
    // The first account of a buyer says where it is.
    for account in tx.accounts_of(company, buyers).await?.into_iter().rev() {
        if let Some(other) = found.get_mut(&account.buyer_id) {
            other.country = account.country;
        }
    }
    Ok(found)
}

fn filled(
    mut found: BTreeMap<String, Neighbour>,
    limits: Vec<LimitRow>,
    stops: Vec<CoverStopRow>,
    experiences: BTreeMap<String, Experience>,
) -> Vec<Neighbour> {
    for row in limits {
        if let Some(other) = row.buyer_id.as_ref().and_then(|buyer| found.get_mut(buyer)) {
            other.limits.push(row);
        }
    }
    for row in stops {
        if let Some(other) = found.get_mut(&row.buyer_id) {
            other.stops.push(row);
        }
    }
    for (buyer, experience) in experiences {
        if let Some(other) = found.get_mut(&buyer) {
            other.experience = Some(experience);
        }
    }
    found.into_values().collect()
}
