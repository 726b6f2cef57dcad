//! Limits that buyers of a group share, or several insured companies, between the ledger and the pure core.
//!
//! Nothing here is asked for, read or kept where no policy period pools groups or insures another company too. Where one pools,
//! whoever is in a tree with a buyer is settled and told with it: an invoice of one may take cover from another. Where one insures
//! several companies, what each is owed by a buyer is held against one limit and may stop cover for all.
//! Reference: shared rules, "Groups" and "Joint insured companies".

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::past::Moment;
use super::settle::{open_item, statements};
use super::stops::periods;
use crate::credit::{Cover, Experience, LimitHistory, OpenItem, Share, Stops, Terms, allocate_pool};
use crate::ledger::{CoverStopRow, LimitRow, OpenItemRow, Tx};
use crate::model::{Date, Groups, NAMED, Policy};

/// So many buyers are asked for by their ids; more are read with all others.
const FEW_BUYERS: usize = 400;

/// One buyer of a group, or of another insured company.
#[derive(Debug, Clone)]
pub struct Member<'m> {
    /// The other insured company that the items are owed to; none for that of the configuration.
    pub insured: Option<&'m str>,
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

/// What a policy covers of a buyer that shares a limit, and what stops it.
#[derive(Debug, Clone)]
pub struct Held<'m> {
    /// What is covered of what the company of the configuration is owed.
    pub cover: Cover<'m>,
    /// The stops on the buyer, by whatever insured company's invoice.
    pub stops: Stops,
}

/// What is open of one buyer, insured company by insured company.
pub type ByCompany<'i, 'm> = [&'i [OpenItem<'m>]];

/// One buyer with all that is owed by it: its limits, stops, country and experience.
type OfBuyer<'m> = (LimitHistory, Stops, &'m str, Option<&'m Experience>);

/// What a policy covers of each member, by buyer; nothing where no period of it pools groups and no member is owed to
/// another company that it insures. All that are in a tree with one of the members are to be among them.
///
/// # Errors
/// A figure that cannot be computed; what `stops_of` says.
pub fn covers<'m>(
    policy: &Policy,
    policies: &[Policy],
    members: &[Member<'m>],
    day: Date,
    stops_of: impl Fn(&[CoverStopRow], &ByCompany<'_, 'm>) -> Result<Stops, Error>,
) -> Result<BTreeMap<&'m str, Held<'m>>, Error> {
    let periods = periods(policies, policy);
    let is_insured = |company: &str| policy.insured_companies.iter().any(|id| id == company);
    let members: Vec<&Member<'m>> =
        members.iter().filter(|member| member.insured.is_none_or(is_insured)).collect();
    if groups_of(periods.iter().copied()).is_none() && members.iter().all(|member| member.insured.is_none()) {
        return Ok(BTreeMap::new());
    }
    let mut of_buyers: BTreeMap<&str, Vec<&Member<'m>>> = BTreeMap::new();
    for member in &members {
        of_buyers.entry(member.buyer).or_default().push(member);
    }
    let mut known: BTreeMap<&str, OfBuyer<'m>> = BTreeMap::new();
    for (buyer, all) in of_buyers {
        let own = all.iter().find(|member| member.insured.is_none());
        let limits = own.map_or_else(|| Ok(LimitHistory::default()), |own| history(policy, own))?;
        let items: Vec<&[OpenItem<'m>]> = all.iter().map(|member| member.items.as_slice()).collect();
        let stops = stops_of(own.map_or(&[], |own| own.stops), &items)?;
        let mut countries = own.into_iter().chain(&all).map(|member| member.country);
        let country = countries.find(|country| !country.is_empty()).unwrap_or_default();
        known.insert(buyer, (limits, stops, country, own.and_then(|own| own.experience)));
    }
    let shares: Vec<Share<'m, '_>> = members
        .iter()
        .filter_map(|member| {
            let (limits, stops, country, experience) = known.get(member.buyer)?;
            let terms = Terms {
                policy,
                periods: periods.clone(),
                buyer: member.buyer,
                country,
                experience: *experience,
            };
            Some(Share { open: &member.items, limits, terms, stops })
        })
        .collect();
    let covers = allocate_pool(&shares, day)?;
    let own = members.iter().zip(covers).filter(|(member, _)| member.insured.is_none());
    let held = own.filter_map(|(member, cover)| {
        let (_, stops, _, _) = known.get(member.buyer)?;
        Some((member.buyer, Held { cover, stops: stops.clone() }))
    });
    Ok(held.collect())
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

/// A buyer of a group, or of another insured company, as the ledger holds it.
#[derive(Debug)]
pub struct Neighbour {
    /// The other insured company that its items are owed to; none for that of the configuration.
    pub insured: Option<String>,
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
            insured: self.insured.as_deref(),
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
    let jointly = jointly(tx, company, policies, &buyers.union(&others).cloned().collect(), None).await?;
    if others.is_empty() {
        return Ok(jointly);
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
    let mut all = filled(found, limits, stops, experiences);
    all.extend(jointly);
    Ok(all)
}

/// The companies that some policy insures with one.
#[must_use]
pub fn insured_with<'p>(policies: &'p [Policy], company: &'p str) -> BTreeSet<&'p str> {
    policies.iter().flat_map(|policy| policy.insured_beside(company)).collect()
}

/// What some buyers owe to the companies that are insured with one, as of now or of a moment; buyers that owe them nothing are
/// left out. A buyer that is no legal entity by its number is of one company only, since its id is that of an account.
///
/// # Errors
/// What the ledger says.
pub async fn jointly(
    tx: &mut Tx<'_>,
    company: &str,
    policies: &[Policy],
    buyers: &BTreeSet<String>,
    moment: Option<Moment>,
) -> Result<Vec<Neighbour>, Error> {
    let mut all = Vec::new();
    for other in insured_with(policies, company) {
        let mut items: BTreeMap<String, Vec<OpenItemRow>> = BTreeMap::new();
        match moment {
            None => {
                let few = (buyers.len() <= FEW_BUYERS).then_some(buyers);
                tx.open_items(other, few, |buyer, item| {
                    if buyers.contains(buyer) {
                        items.entry(buyer.to_owned()).or_default().push(item);
                    }
                    Ok(())
                })
                .await?;
            }
            Some(moment) => {
                items = tx.open_items_known(other, moment.known_at).await?;
                items.retain(|buyer, rows| {
                    rows.retain(|item| item.issued <= moment.as_of);
                    buyers.contains(buyer) && !rows.is_empty()
                });
            }
        }
        let owing = items.keys().cloned().collect();
        let mut found = blank(tx, other, &owing).await?;
        for (buyer, items) in items {
            if let Some(found) = found.get_mut(&buyer) {
                found.insured = Some(other.to_owned());
                found.items = items;
            }
        }
        all.extend(found.into_values());
    }
    Ok(all)
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
    let all = buyers.union(&others).cloned().collect();
    let jointly = jointly(tx, company, policies, &all, Some(moment)).await?;
    if others.is_empty() {
        return Ok(jointly);
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
    let mut all = filled(found, limits, stops, experiences);
    all.extend(jointly);
    Ok(all)
}

async fn blank(
    tx: &mut Tx<'_>,
    company: &str,
    buyers: &BTreeSet<String>,
) -> Result<BTreeMap<String, Neighbour>, Error> {
    let one = |buyer: &String| Neighbour {
        insured: None,
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
