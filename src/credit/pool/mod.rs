//! Allocates limits that several buyers of a group share, or several insured companies.
//!
//! Shares of one buyer are what it owes to companies that are insured together: they bring the same limits, terms and stops, and
//! their invoices take their parts in one order, while credits stay with the share.
//! Where a policy period pools groups, an invoice is held against one limit: that of its own buyer where the insurer had
//! decided on it by the invoice date, else that of the nearest company above it that the insurer had decided on, else the
//! buyer's discretionary limit. Each limit is given out over the invoices of all buyers that it counts for as over those of
//! one buyer. Everything else stays with each buyer: what makes an invoice ineligible, stops of cover, and credits, which
//! settle a buyer's own invoices only.
//! Invariant: the parts of the buyers add up to what is covered under each limit, and that is never more than the highest
//! limit that one of the invoices saw. Without a pool, and alone in one, a buyer's cover is that of [`super::allocate`].
//! Reference: shared rules, "Groups" and "Joint insured companies".

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::cover::{Cover, Draft, LimitHistory, Line, Terms};
use super::{Error, OpenItem, Stops};
use crate::model::Date;

/// What one buyer owes to one company.
#[derive(Debug, Clone)]
pub struct Share<'a, 's> {
    /// Its open items.
    pub open: &'s [OpenItem<'a>],
    /// What the insurer decided on it.
    pub limits: &'s LimitHistory,
    /// Its terms, by which its group is pooled or not.
    pub terms: Terms<'s>,
    /// Its stops of cover.
    pub stops: &'s Stops,
}

/// Splits the open items of buyers that may share limits under one policy; the covers come in the order of the shares.
///
/// All buyers that are in a tree with one of them must be among them, also those that owe nothing. Shares of one buyer have the same limits,
/// terms and stops.
///
/// # Errors
/// Those of [`super::allocate`].
pub fn allocate_pool<'a>(shares: &[Share<'a, '_>], on: Date) -> Result<Vec<Cover<'a>>, Error> {
    let of_buyer: BTreeMap<&str, &Share<'a, '_>> =
        shares.iter().map(|share| (share.terms.buyer, share)).collect();
    let mut drafts = Vec::with_capacity(shares.len());
    for share in shares {
        drafts.push((share, Draft::of(share.open, &share.terms, share.stops)?));
    }
    let mut turns: Vec<(&Share<'a, '_>, &mut Line<'a>)> = drafts
        .iter_mut()
        .flat_map(|(share, draft)| draft.lines.iter_mut().map(move |line| (*share, line)))
        .collect();
    turns.sort_by_key(|(share, line)| (Line::turn(line), share.terms.buyer));
    let mut used: BTreeMap<&str, i64> = BTreeMap::new();
    for (share, line) in turns {
        let holder = holder(&of_buyer, share, line.issued);
        let period = share.terms.period_of(line.issued).unwrap_or(share.terms.policy);
        let limit = share.terms.limit_at(holder.limits, period, share.stops, line.issued)?;
        line.take(limit, used.entry(holder.terms.buyer).or_default())?;
    }
    let finish = |(share, mut draft): (&Share<'a, '_>, Draft<'a>)| {
        draft.lines.sort_unstable_by_key(Line::turn);
        let holder = holder(&of_buyer, share, on);
        let used = used.get(holder.terms.buyer).copied().unwrap_or_default();
        let today = share.terms.limit_at(holder.limits, share.terms.policy, share.stops, on)?;
        draft.finish(today, used, &share.terms)
    };
    drafts.into_iter().map(finish).collect()
}

/// Whose limit an invoice of a date is held against.
fn holder<'m, 'a, 's>(
    of_buyer: &BTreeMap<&str, &'m Share<'a, 's>>,
    share: &'m Share<'a, 's>,
    on: Date,
) -> &'m Share<'a, 's> {
    let Some(period) = share.terms.period_of(on) else { return share };
    let is_decided = |id: &str| of_buyer.get(id).is_some_and(|other| other.limits.is_decided(on));
    of_buyer.get(period.pooled_groups.holder(share.terms.buyer, on, is_decided)).copied().unwrap_or(share)
}
