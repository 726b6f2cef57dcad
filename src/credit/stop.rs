//! Stops of cover: an invoice that is unpaid after the maximum extension period ends cover for later deliveries.
//!
//! A stop begins with the *original* due date + the extension period, so an old invoice that arrives late stops cover
//! back to that day. What began is remembered by the caller and handed back in: a stop goes on until nothing is past the
//! extension period any more, or, where the policy says so, until the insurer lifts it.
//! Invariant: asking again with what came out changes nothing, and the order of the items never matters.
//! Reference: shared rules, "Stops of cover", example B.

use super::{Error, OpenItem, add};
use crate::model::{Date, ItemKind, Policy, StopLifts, words};

words! {
    /// What ended a stop.
    Lifted {
        /// No invoice is past the extension period any more: everything delivered meanwhile is covered again.
        Payment = "payment",
        /// A person passed on the insurer's word, and from which day on invoices are covered again.
        Person = "person",
        /// The policy has no such rule any more: as if there had never been one.
        Terms = "terms",
    }
}

/// The end of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lift {
    /// The day on which it ended.
    pub on: Date,
    /// First day whose invoices are covered again; the first day of the stop where everything is.
    pub from: Date,
    /// What ended it.
    pub why: Lifted,
}

/// One stop of cover on a buyer under a policy, from its first day to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// First day whose invoices are not covered: original due date of the cause + extension period.
    pub since: Date,
    /// The ERP's connection of the invoice that caused it; empty where it is not known which one it was.
    pub cause_connection: String,
    /// The ERP's key of it.
    pub cause: String,
    /// The number people quote of it.
    pub cause_number: String,
    /// How it ends.
    pub lifts: StopLifts,
    /// Its end, once there is one.
    pub lift: Option<Lift>,
}

impl Stop {
    fn order(&self) -> (Date, &str, &str, &str) {
        (self.since, &self.cause_number, &self.cause_connection, &self.cause)
    }

    /// Whether the same invoice caused both.
    fn is_caused_like(&self, other: &Self) -> bool {
        let same = other.cause_connection.is_empty() || self.cause_connection == other.cause_connection;
        same && self.cause == other.cause
    }

    /// Whether an invoice of this date is without cover because of it.
    #[must_use]
    pub fn takes(&self, issued: Date) -> bool {
        issued >= self.since && self.lift.is_none_or(|lift| issued < lift.from)
    }
}

/// Every stop that there was on one buyer under one policy, in the order in which they began to be known.
///
/// At most the last one has no end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stops(Vec<Stop>);

impl Stops {
    /// Stops as they were remembered.
    #[must_use]
    pub const fn new(stops: Vec<Stop>) -> Self {
        Self(stops)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Stop] {
        &self.0
    }

    /// The stop in force.
    #[must_use]
    pub fn in_force(&self) -> Option<&Stop> {
        self.0.last().filter(|stop| stop.lift.is_none())
    }

    /// The stop that an invoice of this date is without cover because of.
    #[must_use]
    pub fn at(&self, issued: Date) -> Option<&Stop> {
        self.0.iter().find(|stop| stop.takes(issued))
    }

    /// The stops as they stood on a day: what began later is none, and what ended later goes on.
    #[must_use]
    pub fn as_of(&self, day: Date) -> Self {
        let begun = self.0.iter().filter(|stop| stop.since <= day);
        Self(
            begun
                .map(|stop| Stop { lift: stop.lift.filter(|lift| lift.on <= day), ..stop.clone() })
                .collect(),
        )
    }

    /// Brings the stops up to date with what is open on a day.
    ///
    /// `periods` are the periods of one policy, of which each invoice answers to the one that contains its date. Open
    /// credits settle the oldest invoices first, by original due date and number; what they leave, on the basis of the
    /// period, is held against the threshold. Disputed invoices and those in another currency stop nothing, and neither does
    /// what was past the extension period on the day of a person's lift.
    ///
    /// # Errors
    /// [`Error::NegativeItem`] and [`Error::Overflow`].
    pub fn brought_to(&self, open: &[OpenItem<'_>], periods: &[&Policy], on: Date) -> Result<Self, Error> {
        self.brought_to_by(&[open], periods, on)
    }

    /// The same where several companies are insured together and each is owed something by the buyer: an invoice of any of them
    /// stops cover for all, and credits settle the invoices of the company that gave them.
    ///
    /// # Errors
    /// As [`Self::brought_to`].
    pub fn brought_to_by(
        &self,
        open: &[&[OpenItem<'_>]],
        periods: &[&Policy],
        on: Date,
    ) -> Result<Self, Error> {
        let mut next = self.clone();
        let has_rule = periods.iter().any(|period| period.cover_stop.is_some());
        if !has_rule && next.in_force().is_none() {
            return Ok(next);
        }
        let excused = self.0.iter().filter_map(|stop| stop.lift.filter(|lift| lift.why == Lifted::Person));
        let excused = excused.map(|lift| lift.on).max();
        let mut causes = causes(open, periods, on)?;
        causes.retain(|cause| excused.is_none_or(|day| cause.since > day));
        let stays = causes.iter().any(|cause| cause.lifts == StopLifts::Stays);
        let first = causes.first();
        match next.0.last_mut().filter(|stop| stop.lift.is_none()) {
            None => next.0.extend(first.cloned().map(|stop| of_all(stop, stays))),
            Some(stop) => match first {
                None if !has_rule => stop.lift = Some(Lift { on, from: stop.since, why: Lifted::Terms }),
                None if stop.lifts == StopLifts::Payment => {
                    stop.lift = Some(Lift { on, from: stop.since, why: Lifted::Payment });
                }
                None => {} // the insurer has not said a word
                Some(first) => {
                    let is_unpaid = causes.iter().any(|cause| cause.is_caused_like(stop));
                    // Its own cause says since when, as long as it is open: the terms may have been corrected.
                    if is_unpaid || first.since < stop.since {
                        *stop = of_all(first.clone(), stays || stop.lifts == StopLifts::Stays && !is_unpaid);
                    } else if stays {
                        stop.lifts = StopLifts::Stays;
                    }
                }
            },
        }
        Ok(next)
    }
}

/// A stop that several invoices cause ends by the strictest of their terms.
fn of_all(stop: Stop, stays: bool) -> Stop {
    Stop { lifts: if stays { StopLifts::Stays } else { stop.lifts }, ..stop }
}

/// The open invoices that are past the extension period of their own policy period, earliest first, each as the stop that
/// it would cause alone.
fn causes(open: &[&[OpenItem<'_>]], periods: &[&Policy], on: Date) -> Result<Vec<Stop>, Error> {
    let mut causes = Vec::new();
    let mut invoices = Vec::new();
    for of_company in open {
        invoices.extend(after_credits(of_company)?);
    }
    for (item, left) in invoices {
        let period = periods.iter().find(|period| period.contains(item.issued));
        let Some((period, rule)) = period.and_then(|period| Some((period, period.cover_stop.as_ref()?)))
        else {
            continue;
        };
        let Some(since) = extension_end(item.original_due, period).filter(|since| *since <= on) else {
            continue;
        };
        let counts = item.on_basis(left, period.basis);
        if item.currency == period.currency && !item.disputed && counts >= rule.threshold_minor.max(1) {
            causes.push(Stop {
                since,
                cause_connection: item.connection.to_owned(),
                cause: item.id.to_owned(),
                cause_number: item.number.to_owned(),
                lifts: rule.lifts,
                lift: None,
            });
        }
    }
    causes.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok(causes)
}

/// The end of the maximum extension period of an invoice; none where the period of the policy names none.
#[must_use]
pub fn extension_end(original_due: Date, policy: &Policy) -> Option<Date> {
    original_due.checked_add_signed(chrono::TimeDelta::days(policy.mep_days?))
}

/// What open credits of the same currency leave of each open invoice, minor units: they settle the oldest first, by
/// original due date, then number, whether those are insured or not. Invoices that are settled whole come with 0;
/// they come in no order that means anything.
///
/// # Errors
/// [`Error::NegativeItem`] and [`Error::Overflow`].
pub fn after_credits<'i, 'a>(open: &'i [OpenItem<'a>]) -> Result<Vec<(&'i OpenItem<'a>, i64)>, Error> {
    let mut credits = std::collections::BTreeMap::new();
    let mut invoices = Vec::new();
    for item in open {
        if item.open_minor < 0 {
            return Err(Error::NegativeItem { id: item.id.to_owned(), minor: item.open_minor });
        }
        match item.kind {
            ItemKind::Invoice if item.open_minor > 0 => invoices.push((item, item.open_minor)),
            ItemKind::Invoice => {}
            ItemKind::CreditNote | ItemKind::Receipt => {
                add(credits.entry(item.currency).or_insert(0), item.open_minor, "open credits")?;
            }
        }
    }
    if credits.is_empty() {
        return Ok(invoices);
    }
    invoices.sort_by_key(|(item, _)| (item.original_due, item.number, item.issued, item.connection, item.id));
    for (item, left) in &mut invoices {
        if let Some(rest) = credits.get_mut(&item.currency) {
            let taken = (*left).min(*rest);
            *left -= taken;
            *rest -= taken;
        }
    }
    Ok(invoices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credit::{LimitHistory, LimitVersion, Reason, allocate};
    use crate::model::{Currency, Decision, Layer, LayerKind, StopRule};
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn policy(lifts: StopLifts) -> Policy {
        Policy {
            mep_days: Some(60),
            cover_stop: Some(StopRule { threshold_minor: 50_000, lifts }),
            ..Policy::plain("insurer", "P1", Currency::EUR, day("2025-01-01"), Decimal::from(90))
        }
    }

    fn invoice(number: &'static str, euros: i64, issued: &str, due: &str) -> OpenItem<'static> {
        OpenItem {
            connection: "erp",
            id: number,
            number,
            kind: ItemKind::Invoice,
            currency: Currency::EUR,
            open_minor: euros * 100,
            net_minor: None,
            issued: day(issued),
            original_due: day(due),
            disputed: false,
        }
    }

    fn f1() -> OpenItem<'static> {
        invoice("F1", 60_000, "2025-12-16", "2026-01-15")
    }

    fn example() -> [OpenItem<'static>; 3] {
        [
            f1(),
            invoice("F2", 5_000, "2026-03-14", "2026-04-13"),
            invoice("F3", 7_000, "2026-03-18", "2026-04-17"),
        ]
    }

    fn limits() -> LimitHistory {
        let layer = Layer { kind: LayerKind::Permanent, amount_minor: 10_000_000, until: None };
        let version = LimitVersion {
            from: day("2025-01-01"),
            decision: Decision::Approved,
            layers: vec![layer],
            effective_to: None,
            withdrawal_on: None,
        };
        LimitHistory::new(vec![version]).unwrap()
    }

    fn run(stops: &Stops, open: &[OpenItem<'_>], policy: &Policy, on: &str) -> Stops {
        let next = stops.brought_to(open, &[policy], day(on)).unwrap();
        assert_eq!(
            next.brought_to(open, &[policy], day(on)).unwrap(),
            next,
            "asked again it changes nothing"
        );
        next
    }

    /// (number, covered in euros, reason)
    fn covered(
        open: &[OpenItem<'static>],
        policy: &Policy,
        stops: &Stops,
        on: &str,
    ) -> Vec<(String, i64, Reason)> {
        let limits = limits();
        let cover = allocate(open, &limits, policy, stops, day(on)).unwrap();
        cover.lines.iter().map(|l| (l.number.to_owned(), l.covered_minor / 100, l.reason)).collect()
    }

    #[test]
    fn on_an_earlier_day_a_stop_has_not_begun_and_has_not_ended() {
        let policy = policy(StopLifts::Payment);
        let stopped = run(&Stops::default(), &example(), &policy, "2026-03-20");
        let lifted = run(&stopped, &example()[1..], &policy, "2026-03-25");
        assert!(lifted.in_force().is_none());
        let since = stopped.in_force().unwrap().since;
        assert_eq!(lifted.as_of(since.pred_opt().unwrap()), Stops::default());
        assert_eq!(lifted.as_of(since), stopped);
        assert_eq!(lifted.as_of(day("2026-03-24")), stopped);
        assert_eq!(lifted.as_of(day("2026-03-25")), lifted);
    }

    #[test]
    fn example_b_an_unpaid_invoice_stops_cover_after_the_extension_period() {
        let (open, policy) = (example(), policy(StopLifts::Payment));
        let stops = run(&Stops::default(), &open, &policy, "2026-03-20");
        let stop = stops.in_force().unwrap();
        assert_eq!(
            (stop.since, stop.cause_number.as_str()),
            (day("2026-03-16"), "F1"),
            "15 January + 60 days"
        );
        let told = covered(&open, &policy, &stops, "2026-03-20");
        let line = |number: &str, euros, reason| (number.to_owned(), euros, reason);
        assert_eq!(
            told,
            [
                line("F1", 60_000, Reason::Covered),
                line("F2", 5_000, Reason::Covered),
                line("F3", 0, Reason::AfterCoverStop),
            ]
        );

        // F1 is paid on 25 March: F3 regains cover where stops lift by payment, and only there.
        let [_, f2, f3] = open;
        let paid = run(&stops, &[f2, f3], &policy, "2026-03-25");
        assert_eq!(paid.in_force(), None);
        assert_eq!(
            paid.all()[0].lift,
            Some(Lift { on: day("2026-03-25"), from: day("2026-03-16"), why: Lifted::Payment })
        );
        let told = covered(&[f2, f3], &policy, &paid, "2026-03-25");
        assert_eq!(told, [line("F2", 5_000, Reason::Covered), line("F3", 7_000, Reason::Covered)]);

        let strict = super::tests::policy(StopLifts::Stays);
        let stops = run(&Stops::default(), &open, &strict, "2026-03-20");
        let paid = run(&stops, &[f2, f3], &strict, "2026-03-25");
        assert_eq!(paid, stops, "only the insurer lifts it");
        let told = covered(&[f2, f3], &strict, &paid, "2026-03-25");
        assert_eq!(told, [line("F2", 5_000, Reason::Covered), line("F3", 0, Reason::AfterCoverStop)]);
    }

    #[test]
    fn it_begins_on_the_day_itself_and_not_before() {
        let policy = policy(StopLifts::Payment);
        assert_eq!(run(&Stops::default(), &[f1()], &policy, "2026-03-15").in_force(), None);
        assert!(run(&Stops::default(), &[f1()], &policy, "2026-03-16").in_force().is_some());
    }

    #[test]
    fn an_old_invoice_that_arrives_late_stops_cover_back_to_its_own_day() {
        let policy = policy(StopLifts::Stays);
        let stops = run(&Stops::default(), &[f1()], &policy, "2026-03-20");
        let f0 = invoice("F0", 900, "2025-12-01", "2025-12-31");
        let later = run(&stops, &[f1(), f0], &policy, "2026-03-21");
        let stop = later.in_force().unwrap();
        assert_eq!((stop.since, stop.cause_number.as_str(), later.all().len()), (day("2026-03-01"), "F0", 1));
        assert_eq!(
            later,
            run(&Stops::default(), &[f0, f1()], &policy, "2026-03-21"),
            "as if it had come in time"
        );
    }

    #[test]
    fn it_goes_on_from_its_first_day_until_the_last_of_them_is_paid() {
        let policy = policy(StopLifts::Payment);
        let f4 = invoice("F4", 900, "2026-01-02", "2026-02-01");
        let stops = run(&Stops::default(), &[f1(), f4], &policy, "2026-04-02");
        let half = run(&stops, &[f4], &policy, "2026-04-03");
        assert_eq!(half.in_force().map(|stop| stop.since), Some(day("2026-03-16")), "F4 is past it too");
        assert_eq!(run(&half, &[], &policy, "2026-04-04").in_force(), None);
    }

    #[test]
    fn another_cause_of_the_same_day_does_not_take_the_place_of_the_first() {
        let policy = policy(StopLifts::Payment);
        let twin = invoice("F4", 900, "2025-12-17", "2026-01-15");
        let stops = run(&Stops::default(), &[f1(), twin], &policy, "2026-03-20");
        let paid = run(&stops, &[twin], &policy, "2026-03-21");
        assert_eq!(paid.in_force().map(|stop| stop.cause_number.as_str()), Some("F1"), "nothing has moved");
        assert_eq!(paid, stops);
    }

    /// A period of 2025 whose stops lift by payment, and one of 2026 whose stops stay; extensions are of 60 days.
    fn stricter() -> [Policy; 2] {
        let old = Policy { valid_to: Some(day("2025-12-31")), ..policy(StopLifts::Payment) };
        [old, Policy { valid_from: day("2026-01-01"), ..policy(StopLifts::Stays) }]
    }

    #[test]
    fn a_stop_of_several_causes_ends_by_the_strictest_of_their_terms() {
        let [old, new] = stricter();
        let lenient = f1(); // of 2025
        let strict = invoice("F5", 900, "2026-01-02", "2026-02-01");
        let brought = |stops: &Stops, open: &[OpenItem<'_>], on: &str| {
            let next = stops.brought_to(open, &[&old, &new], day(on)).unwrap();
            assert_eq!(next.brought_to(open, &[&old, &new], day(on)).unwrap(), next);
            next
        };
        let stop_of = |stops: &Stops| {
            stops.in_force().map(|stop| (stop.cause_number.clone(), stop.lifts, stop.since.to_string()))
        };
        let told = |number: &str, lifts, since: &str| Some((number.to_owned(), lifts, since.to_owned()));
        let first = brought(&Stops::default(), &[lenient], "2026-03-20");
        assert_eq!(stop_of(&first), told("F1", StopLifts::Payment, "2026-03-16"));
        let both = brought(&first, &[lenient, strict], "2026-04-02");
        assert_eq!(stop_of(&both), told("F1", StopLifts::Stays, "2026-03-16"));
        let at_once = brought(&Stops::default(), &[lenient, strict], "2026-04-02");
        assert_eq!(at_once, both);
        assert_eq!(brought(&both, &[], "2026-04-03"), both, "payment does not end it any more");
    }

    #[test]
    fn terms_that_were_corrected_count_while_the_cause_is_unpaid() {
        let strict = run(&Stops::default(), &[f1()], &policy(StopLifts::Stays), "2026-03-20");
        let corrected = run(&strict, &[f1()], &policy(StopLifts::Payment), "2026-03-21");
        assert_eq!(corrected.in_force().map(|stop| stop.lifts), Some(StopLifts::Payment));
        assert_eq!(run(&corrected, &[], &policy(StopLifts::Payment), "2026-03-22").in_force(), None);
    }

    #[test]
    fn an_older_cause_that_arrives_late_does_not_soften_a_stop_nor_harden_it() {
        let [old, new] = stricter();
        let older = invoice("F0", 900, "2025-12-01", "2025-12-31");
        for (first, lifts) in [
            (invoice("F5", 900, "2026-01-02", "2026-02-01"), StopLifts::Stays),
            (invoice("F1", 900, "2025-12-16", "2026-01-15"), StopLifts::Payment),
        ] {
            let stops = Stops::default().brought_to(&[first], &[&old, &new], day("2026-04-02")).unwrap();
            let paid = stops.brought_to(&[older], &[&old, &new], day("2026-04-03")).unwrap();
            let stop = paid.in_force().unwrap();
            assert_eq!((stop.since, stop.lifts), (day("2026-03-01"), lifts), "{}", first.number);
        }
    }

    #[test]
    fn credits_settle_the_oldest_invoice_and_what_is_open_by_nothing_counts_nowhere() {
        let credit = |minor| OpenItem { kind: ItemKind::CreditNote, open_minor: minor, ..f1() };
        let [f2, f3] = [("F2", "2026-04-13"), ("F3", "2026-04-17")]
            .map(|(number, due)| invoice(number, 50, "2026-03-14", due));
        let nothing = OpenItem { open_minor: 0, ..f1() };
        let left = |open: &[OpenItem<'_>]| -> Vec<(String, i64)> {
            let left = after_credits(open).unwrap();
            left.into_iter().map(|(item, left)| (item.number.to_owned(), left)).collect()
        };
        let told = |f2: i64, f3: i64| vec![("F2".to_owned(), f2), ("F3".to_owned(), f3)];
        assert_eq!(left(&[nothing, f2, f3]), told(5_000, 5_000));
        assert_eq!(left(&[f3, credit(0), f2]), told(5_000, 5_000));
        assert_eq!(left(&[f3, credit(7_000), nothing, f2]), told(0, 3_000));
        assert_eq!(left(&[f3, credit(70_000), f2]), told(0, 0));
        let negative = OpenItem { open_minor: -1, ..f2 };
        assert_eq!(after_credits(&[negative]), Err(Error::NegativeItem { id: "F2".to_owned(), minor: -1 }));
    }

    #[test]
    fn small_disputed_foreign_and_credited_invoices_stop_nothing() {
        let policy = policy(StopLifts::Payment);
        let credit = OpenItem { kind: ItemKind::CreditNote, id: "A1", number: "A1", ..f1() };
        let silent = [
            vec![OpenItem { open_minor: 49_999, ..f1() }],
            vec![OpenItem { disputed: true, ..f1() }],
            vec![OpenItem { currency: Currency::parse("USD").unwrap(), ..f1() }],
            vec![OpenItem { issued: day("2024-12-31"), ..f1() }],
            vec![f1(), OpenItem { open_minor: 5_950_001, ..credit }],
        ];
        for open in silent {
            assert_eq!(run(&Stops::default(), &open, &policy, "2026-06-01"), Stops::default(), "{open:?}");
        }
        let just = [f1(), OpenItem { open_minor: 5_950_000, ..credit }];
        assert!(run(&Stops::default(), &just, &policy, "2026-06-01").in_force().is_some(), "500.00 are left");
    }

    #[test]
    fn a_persons_lift_excuses_what_was_late_by_then_and_nothing_else() {
        let policy = policy(StopLifts::Stays);
        let stop = run(&Stops::default(), &[f1()], &policy, "2026-03-20").all()[0].clone();
        let lift = Some(Lift { on: day("2026-04-01"), from: day("2026-03-28"), why: Lifted::Person });
        let lifted = Stops::new(vec![Stop { lift, ..stop }]);
        assert_eq!(
            run(&lifted, &[f1()], &policy, "2026-04-10"),
            lifted,
            "F1 is still open: the insurer knows"
        );
        assert!(lifted.at(day("2026-03-27")).is_some() && lifted.at(day("2026-03-28")).is_none());
        // Past it from the day of the lift on, and from the day after.
        let on_the_day = invoice("F4", 900, "2026-01-01", "2026-01-31");
        assert_eq!(run(&lifted, &[f1(), on_the_day], &policy, "2026-04-10"), lifted, "late by then");
        let after = invoice("F5", 900, "2026-01-02", "2026-02-01");
        let again = run(&lifted, &[f1(), on_the_day, after], &policy, "2026-04-10");
        assert_eq!(again.in_force().map(|stop| stop.since), Some(day("2026-04-02")));
    }

    #[test]
    fn the_terms_are_those_of_the_period_that_the_invoice_falls_in() {
        let old = Policy { valid_to: Some(day("2025-12-31")), ..policy(StopLifts::Payment) };
        let new = Policy { valid_from: day("2026-01-01"), mep_days: Some(10), ..policy(StopLifts::Payment) };
        let f6 = invoice("F6", 900, "2026-01-01", "2026-03-10");
        let found = |open: &[OpenItem<'_>]| {
            let stops = Stops::default().brought_to(open, &[&new, &old], day("2026-03-25")).unwrap();
            stops.in_force().map(|stop| (stop.since, stop.cause_number.clone()))
        };
        assert_eq!(found(&[f1(), f6]), Some((day("2026-03-16"), "F1".to_owned())));
        assert_eq!(found(&[f6]), Some((day("2026-03-20"), "F6".to_owned())));
    }

    #[test]
    fn without_the_rule_what_was_stopped_is_as_if_it_never_had_been() {
        let stops = run(&Stops::default(), &[f1()], &policy(StopLifts::Stays), "2026-03-20");
        let plain = Policy { cover_stop: None, ..policy(StopLifts::Stays) };
        let after = run(&stops, &[f1()], &plain, "2026-03-21");
        assert_eq!(after.all()[0].lift.map(|lift| lift.why), Some(Lifted::Terms));
        assert_eq!(after.at(day("2026-03-18")), None);
    }

    #[test]
    fn an_unpaid_invoice_of_any_insured_company_stops_cover_and_credits_stay_with_their_own() {
        let policy = policy(StopLifts::Payment);
        let theirs = [OpenItem { connection: "beta", ..f1() }];
        let credit =
            OpenItem { kind: ItemKind::CreditNote, ..invoice("A1", 90_000, "2026-01-10", "2026-01-10") };
        let ours = [credit];
        let brought = |parties: &[&[OpenItem<'_>]]| {
            Stops::default().brought_to_by(parties, &[&policy], day("2026-03-20")).unwrap()
        };
        let stops = brought(&[&ours, &theirs]);
        let stop = stops.in_force().unwrap();
        assert_eq!((stop.cause_connection.as_str(), stop.cause.as_str()), ("beta", "F1"));
        assert_eq!(brought(&[&theirs, &ours]), stops);
        assert_eq!(brought(&[&ours]), Stops::default());
        let together = [ours[0], theirs[0]];
        assert_eq!(brought(&[&together]), Stops::default(), "of one company the credit would settle it");
        let paid = stops.brought_to_by(&[&ours, &[]], &[&policy], day("2026-03-25")).unwrap();
        assert_eq!(paid.all()[0].lift.unwrap().why, Lifted::Payment);
    }

    #[test]
    fn twins_of_two_erps_are_two_causes() {
        let policy = policy(StopLifts::Payment);
        let (ours, theirs) =
            (f1(), OpenItem { connection: "other", original_due: day("2026-01-20"), ..f1() });
        let both = run(&Stops::default(), &[ours, theirs], &policy, "2026-03-25");
        let cause = |stops: &Stops| stops.in_force().map(|stop| (stop.since, stop.cause_connection.clone()));
        assert_eq!(cause(&both), Some((day("2026-03-16"), "erp".to_owned())));
        // The other one is unpaid all the same: the stop goes on, since its own day as before.
        let paid = run(&both, &[theirs], &policy, "2026-03-26");
        assert_eq!(
            cause(&paid),
            Some((day("2026-03-16"), "erp".to_owned())),
            "paying the first moves nothing"
        );
        let unknown = Stops::new(vec![Stop { cause_connection: String::new(), ..both.all()[0].clone() }]);
        assert_eq!(cause(&run(&unknown, &[ours], &policy, "2026-03-25")).unwrap().1, "erp", "it is learnt");
        let cover = allocate(&[ours, theirs], &limits(), &policy, &both, day("2026-03-25")).unwrap();
        let order: Vec<_> = cover.lines.iter().map(|line| (line.connection, line.id)).collect();
        assert_eq!(order, [("erp", "F1"), ("other", "F1")]);
    }

    fn items() -> impl Strategy<Value = Vec<OpenItem<'static>>> {
        let one = (0_usize..6, 0_u64..90, 0_i64..2_000, any::<bool>(), 0_u8..6);
        prop::collection::vec(one, 0..7).prop_map(|all| {
            let names = ["I0", "I1", "I2", "I3", "I4", "I5", "I6"];
            let items = all.into_iter().zip(names).map(|((_, late, euros, disputed, kind), id)| OpenItem {
                connection: "erp",
                id,
                kind: if kind == 0 { ItemKind::Receipt } else { ItemKind::Invoice },
                original_due: day("2026-01-01") + chrono::Days::new(late),
                disputed,
                ..invoice(id, euros, "2025-12-15", "2026-01-01")
            });
            items.collect()
        })
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_is_irrelevant_and_a_second_time_changes_nothing(
            (open, mixed) in items().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
            known in 0_usize..7,
            lifts in prop::sample::select(StopLifts::ALL),
        ) {
            let policy = policy(lifts);
            let whole = run(&Stops::default(), &open, &policy, "2026-04-20");
            prop_assert_eq!(&whole, &run(&Stops::default(), &mixed, &policy, "2026-04-20"));
            // Invoices that come one after the other lead where all of them at once lead, as long as no credit is among them.
            if open.iter().all(|item| item.kind == ItemKind::Invoice) {
                let first = run(&Stops::default(), &mixed[..known.min(mixed.len())], &policy, "2026-04-20");
                prop_assert_eq!(&whole, &run(&first, &mixed, &policy, "2026-04-20"));
            }
            prop_assert!(whole.all().iter().filter(|stop| stop.lift.is_none()).count() <= 1);
        }

        #[test]
        fn days_that_were_missed_make_no_difference_while_nothing_is_paid(
            open in items(), days in prop::collection::btree_set(0_u64..120, 0..6),
            lifts in prop::sample::select(StopLifts::ALL),
        ) {
            let policy = policy(lifts);
            let end = day("2026-05-31");
            let mut stops = Stops::default();
            for after in days {
                stops = stops.brought_to(&open, &[&policy], day("2026-01-31") + chrono::Days::new(after)).unwrap();
            }
            let stepped = stops.brought_to(&open, &[&policy], end).unwrap();
            prop_assert_eq!(stepped, Stops::default().brought_to(&open, &[&policy], end).unwrap());
        }
    }
}
