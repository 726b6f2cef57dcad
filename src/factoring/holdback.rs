//! How old the guarantee is that a factor holds, on both sides: what the contract says, and what the statement says.
//!
//! The guarantee of a document is due back once the buyer has paid it. The two sides are told beside each other, and their difference is not
//! absorbed. Reference: shared rules, "Factoring".

use std::collections::BTreeMap;

use crate::model::{Currency, Date, words};

words! {
    /// How long ago a document was assigned.
    Age {
        /// Up to 30 days.
        UpTo30 = "0-30",
        /// 31 to 60.
        UpTo60 = "31-60",
        /// 61 to 90.
        UpTo90 = "61-90",
        /// More than 90.
        Older = "91+",
    }
}

impl Age {
    /// The age of what was assigned on a day.
    #[must_use]
    pub fn of(assigned: Date, on: Date) -> Self {
        match (on - assigned).num_days() {
            ..=30 => Self::UpTo30,
            31..=60 => Self::UpTo60,
            61..=90 => Self::UpTo90,
            91.. => Self::Older,
        }
    }
}

/// The guarantee of one document; negative for a credit note. Amounts in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Currency of the amounts.
    pub currency: Currency,
    /// The business day on which its batch was made.
    pub assigned: Date,
    /// What the contract says is kept of it.
    pub kept_minor: i64,
    /// What the statement says is held; none where it does not say.
    pub stated_minor: Option<i64>,
    /// The buyer has paid it, or it went back to the seller.
    pub is_settled: bool,
}

/// What is held of one age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Holding {
    /// Documents of which something is held on either side.
    pub documents: i64,
    /// What should be held: of documents that are not settled, minor units.
    pub ours_minor: i64,
    /// What the statement says is held, minor units.
    pub theirs_minor: i64,
    /// Of it, what is of settled documents, and due back, minor units.
    pub due_back_minor: i64,
}

/// The guarantee by currency and age; ages of which nothing is held are left out.
#[must_use]
pub fn holdbacks(held: &[Held], on: Date) -> BTreeMap<(Currency, Age), Holding> {
    let mut all: BTreeMap<(Currency, Age), Holding> = BTreeMap::new();
    for own in held {
        let ours = if own.is_settled { 0 } else { own.kept_minor };
        let theirs = own.stated_minor.unwrap_or_default();
        if ours == 0 && theirs == 0 {
            continue;
        }
        let holding = all.entry((own.currency, Age::of(own.assigned, on))).or_default();
        holding.documents += 1;
        holding.ours_minor = holding.ours_minor.saturating_add(ours);
        holding.theirs_minor = holding.theirs_minor.saturating_add(theirs);
        if own.is_settled {
            holding.due_back_minor = holding.due_back_minor.saturating_add(theirs);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn held(assigned: &str, kept_minor: i64, stated_minor: Option<i64>, is_settled: bool) -> Held {
        Held { currency: Currency::EUR, assigned: day(assigned), kept_minor, stated_minor, is_settled }
    }

    #[test]
    fn ages_end_with_their_last_day() {
        for (assigned, age) in [
            ("2026-06-30", Age::UpTo30),
            ("2026-05-31", Age::UpTo30),
            ("2026-05-30", Age::UpTo60),
            ("2026-05-01", Age::UpTo60),
            ("2026-04-30", Age::UpTo90),
            ("2026-04-01", Age::UpTo90),
            ("2026-03-31", Age::Older),
        ] {
            assert_eq!(Age::of(day(assigned), day("2026-06-30")), age, "{assigned}");
        }
    }

    #[test]
    fn what_is_settled_is_due_back_and_credit_notes_take_off() {
        let all = [
            held("2026-06-01", 11_500, Some(11_500), false),
            held("2026-06-01", -1_500, Some(-1_500), false),
            held("2026-06-02", 20_000, Some(20_000), true),
            held("2026-06-02", 5_000, None, true),
            held("2026-03-01", 700, None, false),
        ];
        let by_age = holdbacks(&all, day("2026-06-30"));
        let recent =
            Holding { documents: 3, ours_minor: 10_000, theirs_minor: 30_000, due_back_minor: 20_000 };
        let old = Holding { documents: 1, ours_minor: 700, ..Holding::default() };
        assert_eq!(
            by_age.into_iter().collect::<Vec<_>>(),
            [((Currency::EUR, Age::UpTo30), recent), ((Currency::EUR, Age::Older), old)]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_between_the_ages(
            rows in prop::collection::vec((0_u64..200, -1_000_i64..10_000, prop::option::of(-1_000_i64..10_000), any::<bool>()), 0..40)
        ) {
            let on = day("2026-12-31");
            let all: Vec<Held> = rows
                .iter()
                .map(|(days, kept, stated, settled)| Held { assigned: on - chrono::Days::new(*days), ..held("2026-01-01", *kept, *stated, *settled) })
                .collect();
            let by_age = holdbacks(&all, on);
            let sum = |of: fn(&Holding) -> i64| by_age.values().map(of).sum::<i64>();
            let open = all.iter().filter(|own| !own.is_settled);
            prop_assert_eq!(sum(|own| own.ours_minor), open.map(|own| own.kept_minor).sum::<i64>());
            let stated: i64 = all.iter().filter_map(|own| own.stated_minor).sum();
            prop_assert_eq!(sum(|own| own.theirs_minor), stated);
        }
    }
}
