//! What a factor and its payments say, put together before it lands: one word on each document, on each buyer, on each entry.
//!
//! Within one source the first word counts and another is told. Of several answers the later one counts: by the day that it bears, else by
//! the order of their names.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, btree_map};
use std::hash::Hash;

use crate::connector::Mode;
use crate::format::Place;
use crate::ids::fingerprint_hex;
use crate::ledger::BadRecord;
use crate::model::{Currency, Date, FactorApproval, FactorCash, FactorLine, Listing};

/// Something that a factor says of one subject.
pub(super) trait Said: serde::Serialize {
    type Subject: Eq + Hash;

    /// Of what it speaks.
    fn subject(&self) -> Self::Subject;
    /// When it was said.
    fn date(&self) -> Option<Date>;
    /// The same in words.
    fn told(&self) -> String;
    /// The amount.
    fn amount(&self) -> (Currency, i64);
}

impl Said for FactorLine {
    type Subject = (Option<String>, String, Currency);

    fn subject(&self) -> Self::Subject {
        (self.contract.clone(), self.number.clone(), self.currency)
    }

    fn date(&self) -> Option<Date> {
        self.date
    }

    fn told(&self) -> String {
        format!("{} is already in the same statement; the first line counts", self.number)
    }

    fn amount(&self) -> (Currency, i64) {
        (self.currency, self.amount_minor)
    }
}

impl Said for FactorApproval {
    type Subject = String;

    fn subject(&self) -> String {
        self.key()
    }

    fn date(&self) -> Option<Date> {
        self.date
    }

    fn told(&self) -> String {
        let buyer = Some(self.buyer_name.as_str()).filter(|name| !name.is_empty());
        let buyer = buyer.or(self.factor_id.as_deref()).unwrap_or("the buyer");
        format!(
            "an approval of {buyer} from the same day is already in the same source; the first one counts"
        )
    }

    fn amount(&self) -> (Currency, i64) {
        (self.currency, self.amount_minor)
    }
}

/// What a pull of this mode says of what it does not show.
pub(super) const fn listing(shown: Mode) -> Listing {
    match shown {
        Mode::Snapshot => Listing::Whole,
        Mode::Incremental => Listing::Answers,
    }
}

/// One word on each subject, and what was said besides it.
pub(super) fn once<T: Said>(said: Vec<(Place, T)>, listing: Listing) -> (Vec<T>, Vec<BadRecord>) {
    let mut kept: Vec<(Place, T)> = Vec::with_capacity(said.len());
    let mut at: HashMap<T::Subject, usize> = HashMap::new();
    let mut repeated = Vec::new();
    for (place, own) in said {
        let index = match at.entry(own.subject()) {
            Entry::Vacant(free) => {
                free.insert(kept.len());
                kept.push((place, own));
                continue;
            }
            Entry::Occupied(index) => *index.get(),
        };
        let Some(first) = kept.get_mut(index) else { continue };
        if listing == Listing::Answers && first.0.source != place.source {
            if own.date() >= first.1.date() {
                *first = (place, own);
            }
            continue;
        }
        let (currency, amount_minor) = own.amount();
        repeated.push(BadRecord {
            stage: "land",
            place: place.to_string(),
            reason: own.told(),
            payload: serde_json::to_string(&own).unwrap_or_default(),
            currency,
            amount_minor,
        });
    }
    (kept.into_iter().map(|(_, own)| own).collect(), repeated)
}

/// The entries of a bank account by what tells them apart, and those that contradict another. An entry is known by the bank's reference;
/// without one by all that it says, and equal ones of one source are as many as there are.
pub(super) fn entries(
    said: Vec<(Place, FactorCash)>,
    known: &BTreeMap<String, FactorCash>,
) -> (BTreeMap<String, FactorCash>, Vec<BadRecord>) {
    let mut entries: BTreeMap<String, FactorCash> = BTreeMap::new();
    let mut repeated = Vec::new();
    let mut named: HashSet<(std::sync::Arc<str>, String)> = HashSet::new();
    let mut counted: HashMap<(std::sync::Arc<str>, String), usize> = HashMap::new();
    for (place, own) in said {
        let mut is_twice = false;
        let subject = match &own.reference {
            Some(reference) => {
                let subject = format!("{}/{reference}", own.account);
                is_twice = !named.insert((std::sync::Arc::clone(&place.source), subject.clone()));
                subject
            }
            None => {
                let content = serde_json::to_string(&own).unwrap_or_default();
                let content = fingerprint_hex(&[content.as_bytes()]);
                let count =
                    counted.entry((std::sync::Arc::clone(&place.source), content.clone())).or_default();
                *count += 1;
                format!("{}:{content}:{count}", own.account)
            }
        };
        let other = match entries.entry(subject.clone()) {
            btree_map::Entry::Occupied(other) => Some(other.get().clone()),
            btree_map::Entry::Vacant(_) => known.get(&subject).cloned(),
        };
        let money = |own: &FactorCash| (own.currency, own.amount_minor, own.direction);
        match other {
            Some(_) if is_twice => repeated.push(BadRecord {
                stage: "land",
                place: place.to_string(),
                reason: format!(
                    "the entry {} stands twice in one statement; the first one counts",
                    own.reference.as_deref().unwrap_or(&subject)
                ),
                payload: serde_json::to_string(&own).unwrap_or_default(),
                currency: own.currency,
                amount_minor: own.amount_minor,
            }),
            Some(other) if money(&other) != money(&own) => repeated.push(BadRecord {
                stage: "land",
                place: place.to_string(),
                reason: format!(
                    "the entry {} is known with another amount or direction; the first one counts",
                    own.reference.as_deref().unwrap_or(&subject)
                ),
                payload: serde_json::to_string(&own).unwrap_or_default(),
                currency: own.currency,
                amount_minor: own.amount_minor,
            }),
            Some(_) => {}
            None => drop(entries.insert(subject, own)),
        }
    }
    (entries, repeated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CashDirection, FactorState};

    fn line(number: &str, state: FactorState, date: Option<&str>) -> FactorLine {
        FactorLine {
            contract: None,
            number: number.to_owned(),
            currency: Currency::EUR,
            amount_minor: 100,
            state,
            financed_minor: None,
            holdback_minor: None,
            released_minor: None,
            fee_minor: None,
            reason: None,
            date: date.map(|day| day.parse().unwrap()),
        }
    }

    fn place(source: &str, line: u64) -> Place {
        Place { source: source.into(), line }
    }

    fn states(said: Vec<(Place, FactorLine)>, listing: Listing) -> (Vec<FactorState>, usize) {
        let (kept, repeated) = once(said, listing);
        (kept.iter().map(|own| own.state).collect(), repeated.len())
    }

    #[test]
    fn a_statement_says_one_thing_of_a_document_and_a_second_is_told() {
        use FactorState::{Accepted, Financed, Rejected};
        let said = || {
            vec![
                (place("a", 1), line("F1", Accepted, None)),
                (place("a", 2), line("F1", Financed, None)),
                (place("a", 3), line("F2", Rejected, None)),
            ]
        };
        assert_eq!(states(said(), Listing::Whole), (vec![Accepted, Rejected], 1));
        assert_eq!(states(said(), Listing::Answers), (vec![Accepted, Rejected], 1));
    }

    #[test]
    fn of_several_answers_the_later_one_counts_whatever_their_names() {
        use FactorState::{Financed, Received};
        let of = |first: Option<&str>, second: Option<&str>| {
            vec![(place("a", 1), line("F1", Received, first)), (place("b", 1), line("F1", Financed, second))]
        };
        let (early, late) = (Some("2026-04-01"), Some("2026-04-02"));
        assert_eq!(states(of(early, late), Listing::Answers), (vec![Financed], 0));
        assert_eq!(states(of(late, early), Listing::Answers), (vec![Received], 0));
        assert_eq!(
            states(of(early, early), Listing::Answers),
            (vec![Financed], 0),
            "the order of their names"
        );
        assert_eq!(
            states(of(early, late), Listing::Whole),
            (vec![Received], 1),
            "one statement in two files"
        );
    }

    fn entry(reference: Option<&str>, minor: i64) -> FactorCash {
        FactorCash {
            account: "FR62".to_owned(),
            reference: reference.map(str::to_owned),
            currency: Currency::EUR,
            amount_minor: minor,
            direction: CashDirection::Credit,
            reversal: false,
            booked: "2026-04-02".parse().unwrap(),
            valued: None,
            party: "Exemple Factor".to_owned(),
            text: None,
        }
    }

    #[test]
    fn an_entry_counts_once_whoever_tells_of_it() {
        let said = || {
            vec![
                (place("053", 1), entry(Some("A-1"), 100)),
                (place("054", 1), FactorCash { text: Some("notice".into()), ..entry(Some("A-1"), 100) }),
                (place("053", 2), entry(None, 7)),
                (place("053", 3), entry(None, 7)),
                (place("054", 2), entry(None, 7)),
            ]
        };
        let (new, repeated) = entries(said(), &BTreeMap::new());
        let mut minors: Vec<i64> = new.values().map(|own| own.amount_minor).collect();
        minors.sort_unstable();
        assert_eq!((minors, repeated.len()), (vec![7, 7, 100], 0), "two alike in one file are two");
        let (again, repeated) = entries(said(), &new);
        assert_eq!((again.len(), repeated.len()), (0, 0));
    }

    #[test]
    fn one_reference_twice_in_one_statement_is_told() {
        let twice = vec![(place("a", 1), entry(Some("A-1"), 100)), (place("a", 2), entry(Some("A-1"), 100))];
        let (new, repeated) = entries(twice, &BTreeMap::new());
        assert_eq!((new.len(), repeated.len()), (1, 1));
        assert!(repeated[0].reason.contains("stands twice in one statement"), "{}", repeated[0].reason);
    }

    #[test]
    fn an_entry_that_comes_back_with_another_amount_is_told() {
        let (known, _) = entries(vec![(place("a", 1), entry(Some("A-1"), 100))], &BTreeMap::new());
        let other = vec![(place("b", 1), entry(Some("A-1"), 101))];
        let (new, repeated) = entries(other, &known);
        assert_eq!((new.len(), repeated.len()), (0, 1));
        let debit = FactorCash { direction: CashDirection::Debit, ..entry(Some("A-1"), 100) };
        assert_eq!(entries(vec![(place("b", 1), debit)], &known).1.len(), 1);
    }
}
