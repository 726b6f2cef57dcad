//! Groups of companies: who is owned by whom, and since when.
//!
//! A company has one owner on a day, so that the tree of a day gives every company one way up. Nothing is decided here:
//! whether a limit on one company counts for those that it owns is said by the policy.
//! Invariant: no company is above itself on any day; whoever builds a tree out of a file of a person's looks for it.
//! Reference: shared rules, "Groups".

use std::collections::{BTreeMap, BTreeSet};

use super::{BuyerId, Date};

/// What the id of a company begins with that is nobody's customer and known by its name alone.
pub const NAMED: &str = "name:";

/// That a company is owned by another one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Owner {
    /// The owner: a buyer, or the name of a company that is none.
    pub parent: BuyerId,
    /// First day; none where it has always been so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last day; none while it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
}

impl Owner {
    /// Whether it owns the company on a day.
    #[must_use]
    pub fn contains(&self, on: Date) -> bool {
        self.from.is_none_or(|from| from <= on) && self.to.is_none_or(|to| on <= to)
    }

    /// Whether it owns the company on a day on which another owner does.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let begins_within =
            |one: &Self, other: &Self| one.to.zip(other.from).is_none_or(|(to, from)| from <= to);
        begins_within(self, other) && begins_within(other, self)
    }
}

/// Companies and their owners over time.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Groups {
    owners: BTreeMap<BuyerId, Vec<Owner>>,
    /// What people call them.
    #[serde(skip)]
    names: BTreeMap<BuyerId, String>,
}

impl Groups {
    /// Builds the trees out of who is owned by whom, in any order.
    #[must_use]
    pub fn new(owned: impl IntoIterator<Item = (BuyerId, Owner)>, names: BTreeMap<BuyerId, String>) -> Self {
        let mut owners: BTreeMap<BuyerId, Vec<Owner>> = BTreeMap::new();
        for (company, owner) in owned {
            owners.entry(company).or_default().push(owner);
        }
        for of in owners.values_mut() {
            of.sort_by_key(|owner| owner.from);
        }
        Self { owners, names }
    }

    /// Whether nobody owns anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// What people call a company, where the file says so.
    #[must_use]
    pub fn name(&self, company: &str) -> Option<&str> {
        self.names.get(company).map(String::as_str)
    }

    /// Every company that is in a tree on some day.
    #[must_use]
    pub fn companies(&self) -> BTreeSet<&str> {
        let parents = self.owners.values().flatten().map(|owner| owner.parent.as_str());
        self.owners.keys().map(String::as_str).chain(parents).collect()
    }

    /// Who owns a company on a day.
    #[must_use]
    pub fn owner(&self, company: &str, on: Date) -> Option<&str> {
        self.owners.get(company)?.iter().find(|owner| owner.contains(on)).map(|owner| owner.parent.as_str())
    }

    /// The companies above one on a day, the nearest first.
    #[must_use]
    pub fn above<'g>(&'g self, company: &'g str, on: Date) -> Vec<&'g str> {
        let mut found: Vec<&str> = Vec::new();
        let mut next = self.owner(company, on);
        while let Some(owner) = next.filter(|owner| *owner != company && !found.contains(owner)) {
            found.push(owner);
            next = self.owner(owner, on);
        }
        found
    }

    /// The companies that one owns itself on a day, by their ids.
    #[must_use]
    pub fn owned(&self, company: &str, on: Date) -> Vec<&str> {
        let is_owned = |id: &&BuyerId| self.owner(id, on) == Some(company);
        self.owners.keys().filter(is_owned).map(String::as_str).collect()
    }

    /// The heads of the trees of a day: those that own somebody and that nobody owns.
    #[must_use]
    pub fn heads(&self, on: Date) -> BTreeSet<&str> {
        let owners = self.owners.keys().filter_map(|id| self.owner(id, on));
        owners.filter(|owner| self.owner(owner, on).is_none()).collect()
    }

    /// Some companies and all that were ever in a tree with one of them.
    #[must_use]
    pub fn related(&self, companies: &BTreeSet<BuyerId>) -> BTreeSet<BuyerId> {
        let mut beside: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (company, owners) in &self.owners {
            for owner in owners {
                beside.entry(company).or_default().push(&owner.parent);
                beside.entry(&owner.parent).or_default().push(company);
            }
        }
        let mut found: BTreeSet<BuyerId> = companies.clone();
        let mut todo: Vec<&str> = companies.iter().map(String::as_str).collect();
        while let Some(company) = todo.pop() {
            for other in beside.get(company).into_iter().flatten() {
                if found.insert((*other).to_owned()) {
                    todo.push(other);
                }
            }
        }
        found
    }

    /// Whose limit counts for a company on a day: its own where the insurer had decided on it, else that of the nearest above
    /// that it had decided on, else its own, which is the discretionary limit.
    #[must_use]
    pub fn holder<'g>(&'g self, company: &'g str, on: Date, is_decided: impl Fn(&str) -> bool) -> &'g str {
        if self.is_empty() || is_decided(company) {
            return company;
        }
        self.above(company, on).into_iter().find(|owner| is_decided(owner)).unwrap_or(company)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn groups(owned: &[(&str, &str, &str, &str)]) -> Groups {
        let owned = owned.iter().map(|(company, parent, from, to)| {
            let date = |text: &str| (!text.is_empty()).then(|| day(text));
            let owner = Owner { parent: (*parent).to_owned(), from: date(from), to: date(to) };
            ((*company).to_owned(), owner)
        });
        Groups::new(owned, BTreeMap::new())
    }

    #[test]
    fn a_company_that_was_sold_is_in_another_tree_from_that_day() {
        let groups =
            groups(&[("a", "head", "", "2026-05-31"), ("a", "other", "2026-06-01", ""), ("b", "a", "", "")]);
        assert_eq!(groups.above("b", day("2026-05-31")), ["a", "head"]);
        assert_eq!(groups.above("b", day("2026-06-01")), ["a", "other"]);
        assert_eq!(groups.owned("head", day("2026-06-01")), Vec::<&str>::new());
        assert_eq!(groups.heads(day("2026-06-01")), BTreeSet::from(["other"]));
        let one = BTreeSet::from(["b".to_owned()]);
        let all = ["a", "b", "head", "other"].map(str::to_owned);
        assert_eq!(groups.related(&one), BTreeSet::from(all), "whoever was ever beside it");
        let stranger = BTreeSet::from(["c".to_owned()]);
        assert_eq!(groups.related(&stranger), stranger);
    }

    #[test]
    fn the_nearest_company_that_was_decided_on_holds_the_limit() {
        let groups = groups(&[("b", "a", "", ""), ("a", "head", "", "")]);
        let on = day("2026-05-31");
        let of = |decided: &[&str]| groups.holder("b", on, |id| decided.contains(&id)).to_owned();
        assert_eq!(
            (of(&["head"]), of(&["head", "a"]), of(&["head", "b"])),
            ("head".into(), "a".into(), "b".into())
        );
        assert_eq!(of(&[]), "b", "its own discretionary limit");
    }

    #[test]
    fn two_owners_overlap_when_one_day_has_both() {
        let owner = |from: &str, to: &str| {
            let date = |text: &str| (!text.is_empty()).then(|| day(text));
            Owner { parent: "p".into(), from: date(from), to: date(to) }
        };
        let first = owner("", "2026-05-31");
        assert!(!first.overlaps(&owner("2026-06-01", "")) && !owner("2026-06-01", "").overlaps(&first));
        assert!(first.overlaps(&owner("2026-05-31", "")) && owner("2026-05-31", "").overlaps(&first));
        assert!(owner("", "").overlaps(&owner("", "")));
    }

    #[test]
    fn a_tree_that_goes_round_ends_all_the_same() {
        let groups = groups(&[("a", "b", "", ""), ("b", "a", "", "")]);
        assert_eq!(groups.above("a", day("2026-05-31")), ["b"]);
    }
}
