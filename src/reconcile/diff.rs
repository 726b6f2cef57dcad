//! Compares the breaks that were open with those found now.
//!
//! Invariant: every identity comes out once, as opened, still open or closed; after the result is stored, the same
//! comparison finds nothing new. Reference: shared rules, "Reconciliation".

use std::collections::BTreeMap;

use crate::model::{Break, BreakKind};

/// What makes two breaks the same one over runs: its age is counted on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity<'a> {
    /// What differs.
    pub kind: BreakKind,
    /// What it is about.
    pub subject: &'a str,
    /// The connection that the other side was read from.
    pub connection: &'a str,
}

impl<'a> Identity<'a> {
    /// The identity of a break; names and values are no part of it.
    #[must_use]
    pub fn of(found: &'a Break) -> Self {
        Self { kind: found.kind, subject: &found.subject, connection: &found.connection }
    }
}

/// A break that was open and is found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StillOpen<'a> {
    /// As it was stored.
    pub before: &'a Break,
    /// As it is found now: these values replace the stored ones.
    pub now: &'a Break,
}

impl StillOpen<'_> {
    /// Whether a value or the name changed, so that there is something to store.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.before != self.now
    }
}

/// What a run changes in the list of open breaks; each list is sorted by identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff<'a> {
    /// Found now, not open before.
    pub opened: Vec<&'a Break>,
    /// Open before and found again.
    pub still_open: Vec<StillOpen<'a>>,
    /// Open before, not found any more.
    pub closed: Vec<&'a Break>,
}

impl Diff<'_> {
    /// Whether nothing has to be stored or said.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.opened.is_empty() && self.closed.is_empty() && !self.still_open.iter().any(StillOpen::is_changed)
    }
}

/// Compares the open breaks stored `before` with those found `now`, in any order of arrival.
///
/// Both lists must be of the same scope: a subject that was not looked at now would count as closed.
#[must_use]
pub fn diff<'a>(before: &'a [Break], now: &'a [Break]) -> Diff<'a> {
    let mut stored = by_identity(before);
    let mut result = Diff::default();
    for (identity, now) in by_identity(now) {
        match stored.remove(&identity) {
            Some(before) => result.still_open.push(StillOpen { before, now }),
            None => result.opened.push(now),
        }
    }
    result.closed = stored.into_values().collect();
    result
}

/// One break per identity; of several, the one whose texts sort first, whatever came first.
fn by_identity(all: &[Break]) -> BTreeMap<Identity<'_>, &Break> {
    let texts = |found: &Break| (found.ours.clone(), found.theirs.clone(), found.name.clone());
    let mut map: BTreeMap<Identity<'_>, &Break> = BTreeMap::new();
    for found in all {
        map.entry(Identity::of(found))
            .and_modify(|kept| {
                if texts(found) < texts(kept) {
                    *kept = found;
                }
            })
            .or_insert(found);
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(kind: BreakKind, subject: &str, connection: &str, ours: &str) -> Break {
        Break {
            kind,
            subject: subject.into(),
            name: "Exemple".into(),
            country: "FR".into(),
            connection: connection.into(),
            ours: ours.into(),
            theirs: "5.00 EUR".into(),
        }
    }

    #[test]
    fn a_break_opens_stays_with_new_values_and_closes() {
        let before =
            [found(BreakKind::LimitDiffers, "b1", "ins", "1"), found(BreakKind::NoCover, "b2", "ins", "2")];
        let now = [
            found(BreakKind::LimitDiffers, "b1", "other", "1"),
            found(BreakKind::LimitDiffers, "b1", "ins", "9"),
        ];
        let diff = diff(&before, &now);
        assert_eq!(diff.opened, [&now[0]], "another connection is another break");
        assert_eq!(diff.still_open, [StillOpen { before: &before[0], now: &now[1] }]);
        assert!(diff.still_open[0].is_changed());
        assert_eq!(diff.closed, [&before[1]]);
        assert!(!diff.is_quiet());
    }

    fn breaks() -> impl Strategy<Value = Vec<Break>> {
        let one = (prop::sample::select(BreakKind::ALL), "b[12]", "ins|erp", "[0-3]");
        prop::collection::vec(one, 0..12)
            .prop_map(|all| all.into_iter().map(|(kind, s, c, ours)| found(kind, &s, &c, &ours)).collect())
    }

    proptest! {
        #[test]
        fn applied_twice_it_finds_nothing(before in breaks(), now in breaks()) {
            let first = diff(&before, &now);
            let stored: Vec<Break> =
                first.opened.iter().copied().chain(first.still_open.iter().map(|s| s.now)).cloned().collect();
            prop_assert!(diff(&stored, &now).is_quiet());
        }

        #[test]
        fn order_of_arrival_is_irrelevant(
            (before, other) in breaks().prop_flat_map(|b| (Just(b.clone()), Just(b).prop_shuffle())),
            (now, later) in breaks().prop_flat_map(|b| (Just(b.clone()), Just(b).prop_shuffle())),
        ) {
            prop_assert_eq!(diff(&before, &now), diff(&other, &later));
        }

        #[test]
        fn every_identity_comes_out_once(before in breaks(), now in breaks()) {
            let diff = diff(&before, &now);
            let mut seen: Vec<_> = diff.opened.iter().chain(&diff.closed).map(|b| Identity::of(b)).collect();
            seen.extend(diff.still_open.iter().map(|s| Identity::of(s.now)));
            let all: std::collections::BTreeSet<_> = before.iter().chain(&now).map(Identity::of).collect();
            prop_assert_eq!(seen.len(), all.len());
        }
    }
}
