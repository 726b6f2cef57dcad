//! The discretionary limit of a buyer, computed from what it has paid, how it is rated, and what blocks it.
//!
//! A policy may let its holder cover a buyer that nobody has decided on up to what experience or a report bears out, within a
//! maximum, and takes that back while the buyer is late. How real policies word it: self-assessed by payment experience or
//! report with a maximum in the policy; two positive experiences as a test; negative information suspends it; the proof is
//! asked for at the claim. Each is a term of the policy, none is a constant here.
//! A day is reckoned by what had happened by its end, so that an invoice keeps the limit of its own date.
//! Invariant: payments that are too late, however many, never raise the amount, and it is never above the maximum.
//! Reference: shared rules, "Discretionary limit".

use chrono::Months;
use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{Error, Lifted, Stops, add};
use crate::model::{Basis, Block, Currency, Date, DiscretionaryRule, Policy};

/// An invoice of the buyer, paid or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoiced {
    /// The number people quote.
    pub number: String,
    /// Its currency.
    pub currency: Currency,
    /// Its amount, minor units.
    pub minor: i64,
    /// What of it is not tax; none where it carries no tax figure.
    pub net_minor: Option<i64>,
    /// Date of the document.
    pub issued: Date,
    /// Original due date.
    pub due: Date,
    /// The day on which it was settled; none while it is open.
    pub paid_on: Option<Date>,
    /// The buyer contests it: it blocks nothing.
    pub disputed: bool,
}

/// How an insurer rates the buyer from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rated {
    /// The insurer's connection.
    pub connection: String,
    /// First day.
    pub from: Date,
    /// The rating, as the insurer writes it.
    pub rating: String,
}

/// What is known of how a buyer pays and is rated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Experience {
    /// Its invoices, in any order.
    pub invoices: Vec<Invoiced>,
    /// Its ratings, in any order.
    pub ratings: Vec<Rated>,
}

/// One thing that the amount rests on. Amounts are minor units of the policy's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// It paid in time.
    Experience {
        /// How many invoices it paid in time within the window.
        payments: u32,
        /// The most that was owed of them at once.
        highest_minor: i64,
        /// What that gives.
        amount_minor: i64,
    },
    /// It paid too few invoices in time for its experience to count.
    FewPayments {
        /// How many it paid.
        payments: u32,
        /// How many the policy asks for.
        needed: u32,
    },
    /// What the policy gives without experience.
    WithoutExperience {
        /// The amount.
        amount_minor: i64,
    },
    /// Its rating is one that the policy names.
    Report {
        /// The rating.
        rating: String,
        /// What it gives.
        amount_minor: i64,
    },
    /// Its rating is none that the policy names.
    RatingNotNamed {
        /// The rating.
        rating: String,
    },
    /// Nothing counts, because of this.
    Blocked {
        /// What blocks.
        block: Block,
        /// The invoice that it hangs on.
        number: String,
        /// Since when.
        since: Date,
        /// When it ended; none while it goes on.
        ended: Option<Date>,
        /// First day on which the limit counts again, where that is known.
        counts_from: Option<Date>,
    },
}

/// The discretionary limit of a buyer on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The amount, minor units of the policy's currency.
    pub amount_minor: i64,
    /// What it rests on, in the order in which it was looked at: the highest amount counts, and none where something blocks.
    pub grounds: Vec<Ground>,
}

/// Computes the discretionary limit of a buyer on a day; the fixed amount, with nothing to tell, where the policy has no rule.
///
/// # Errors
/// [`Error::Overflow`].
pub fn discretionary(
    policy: &Policy,
    experience: &Experience,
    stops: &Stops,
    on: Date,
) -> Result<Computed, Error> {
    let Some(rule) = &policy.discretionary_rule else {
        return Ok(Computed { amount_minor: policy.discretionary_minor.max(0), grounds: Vec::new() });
    };
    let own = || experience.invoices.iter().filter(|one| one.currency == policy.currency && one.issued <= on);
    let mut grounds = blocks(rule, own(), stops, on);
    if !grounds.is_empty() {
        return Ok(Computed { amount_minor: 0, grounds });
    }
    let mut amounts = vec![0];
    let (payments, highest_minor) = highest(rule, policy.basis, own(), on)?;
    if payments >= rule.min_payments && payments > 0 {
        let amount_minor = share(highest_minor, rule.share_percent)?.min(rule.amount_minor);
        grounds.push(Ground::Experience { payments, highest_minor, amount_minor });
        amounts.push(amount_minor);
    } else {
        grounds.push(Ground::FewPayments { payments, needed: rule.min_payments.max(1) });
    }
    if rule.without_experience_minor > 0 {
        let amount_minor = rule.without_experience_minor.min(rule.amount_minor);
        grounds.push(Ground::WithoutExperience { amount_minor });
        amounts.push(amount_minor);
    }
    let rated = experience.ratings.iter().filter(|one| one.connection == policy.connection && one.from <= on);
    if let (Some(rated), false) = (rated.max_by_key(|one| one.from), rule.reports.is_empty()) {
        let rating = rated.rating.clone();
        match rule.reports.iter().find(|report| report.rating == rating) {
            Some(report) => {
                let amount_minor = report.amount_minor.min(rule.amount_minor);
                grounds.push(Ground::Report { rating, amount_minor });
                amounts.push(amount_minor);
            }
            None => grounds.push(Ground::RatingNotNamed { rating }),
        }
    }
    Ok(Computed { amount_minor: amounts.into_iter().max().unwrap_or(0), grounds })
}

/// How many invoices were paid in time within the window, and the most that was owed of them at once, minor units. What
/// was owed after its due date raises nothing.
fn highest<'i>(
    rule: &DiscretionaryRule,
    basis: Basis,
    invoices: impl Iterator<Item = &'i Invoiced>,
    on: Date,
) -> Result<(u32, i64), Error> {
    let window = on.checked_sub_months(Months::new(rule.experience_months));
    let mut payments = 0_u32;
    // What is owed grows at the beginning of a day, and shrinks after its end.
    let mut steps: Vec<(Date, bool, i64)> = Vec::new();
    for one in invoices {
        let Some(paid) = one.paid_on.filter(|paid| *paid <= on && window.is_none_or(|from| *paid > from))
        else {
            continue;
        };
        if late_from(rule, one).is_some_and(|late| paid >= late) {
            continue;
        }
        payments = payments.saturating_add(1);
        let minor = match basis {
            Basis::Gross => one.minor,
            Basis::Net => one.net_minor.unwrap_or(one.minor),
        };
        steps.push((one.issued, false, minor));
        steps.push((paid.min(one.due).max(one.issued), true, minor));
    }
    steps.sort_unstable();
    let (mut owed, mut most) = (0_i64, 0);
    for (_, is_end, minor) in steps {
        if is_end {
            owed -= minor; // it was added before
        } else {
            add(&mut owed, minor, "invoices that were paid")?;
            most = most.max(owed);
        }
    }
    Ok((payments, most))
}

/// The first day on which an invoice that is not paid is too late.
fn late_from(rule: &DiscretionaryRule, invoice: &Invoiced) -> Option<Date> {
    invoice.due.checked_add_signed(chrono::TimeDelta::days(rule.max_days_late.saturating_add(1)))
}

/// What blocks the limit on a day: what goes on, and what ended less than the rebuild period ago.
fn blocks<'i>(
    rule: &DiscretionaryRule,
    invoices: impl Iterator<Item = &'i Invoiced>,
    stops: &Stops,
    on: Date,
) -> Vec<Ground> {
    let mut found = Vec::new();
    let mut block = |block: Block, number: &str, since: Date, ended: Option<Date>| {
        let ended = ended.filter(|day| *day <= on);
        let counts_from = ended.and_then(|day| day.checked_add_months(Months::new(rule.rebuild_months)));
        if since <= on && counts_from.is_none_or(|day| day > on) {
            let number = number.to_owned();
            found.push(Ground::Blocked { block, number, since, ended, counts_from });
        }
    };
    for one in invoices.filter(|one| rule.blocks.contains(&Block::Overdue) && !one.disputed) {
        if let Some(late) = late_from(rule, one).filter(|late| one.paid_on.is_none_or(|paid| paid >= *late)) {
            block(Block::Overdue, &one.number, late, one.paid_on);
        }
    }
    for stop in stops.all().iter().filter(|_| rule.blocks.contains(&Block::CoverStop)) {
        if stop.lift.is_none_or(|lift| lift.why != Lifted::Terms) {
            block(Block::CoverStop, &stop.cause_number, stop.since, stop.lift.map(|lift| lift.on));
        }
    }
    found
}

fn share(minor: i64, percent: Decimal) -> Result<i64, Error> {
    let overflow = || Error::Overflow { what: "the discretionary limit" };
    let part = Decimal::from(minor).checked_mul(percent).ok_or_else(overflow)?;
    let part = part.checked_div(Decimal::ONE_HUNDRED).ok_or_else(overflow)?;
    part.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven).to_i64().ok_or_else(overflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credit::{Lift, Stop};
    use crate::model::{Report, StopLifts};
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn rule() -> DiscretionaryRule {
        DiscretionaryRule {
            amount_minor: 2_500_000,
            share_percent: Decimal::from(100),
            experience_months: 12,
            min_payments: 2,
            without_experience_minor: 300_000,
            max_days_late: 30,
            reports: vec![Report { rating: "2".to_owned(), amount_minor: 1_500_000 }],
            blocks: Block::ALL.to_vec(),
            rebuild_months: 6,
        }
    }

    fn policy(rule: DiscretionaryRule) -> Policy {
        let plain = Policy::plain("insurer", "P1", Currency::EUR, day("2025-01-01"), Decimal::from(90));
        Policy { discretionary_rule: Some(rule), ..plain }
    }

    fn paid(number: &str, euros: i64, issued: &str, paid: &str) -> Invoiced {
        let issued = day(issued);
        Invoiced {
            number: number.to_owned(),
            currency: Currency::EUR,
            minor: euros * 100,
            net_minor: Some(euros * 80),
            issued,
            due: issued + chrono::Days::new(30),
            paid_on: (!paid.is_empty()).then(|| day(paid)),
            disputed: false,
        }
    }

    /// F1 and F2 are owed at once for ten days, F3 by itself.
    fn good() -> Vec<Invoiced> {
        vec![
            paid("F1", 6_000, "2026-01-05", "2026-02-04"),
            paid("F2", 5_000, "2026-01-25", "2026-03-01"),
            paid("F3", 9_000, "2026-04-01", "2026-04-20"),
        ]
    }

    fn run(policy: &Policy, invoices: Vec<Invoiced>, on: &str) -> Computed {
        let experience = Experience { invoices, ratings: Vec::new() };
        discretionary(policy, &experience, &Stops::default(), day(on)).unwrap()
    }

    #[test]
    fn the_highest_balance_that_was_paid_in_time_is_the_limit() {
        let policy = policy(rule());
        let computed = run(&policy, good(), "2026-06-01");
        assert_eq!(computed.amount_minor, 1_100_000, "6 000 and 5 000 were owed at once");
        assert_eq!(
            computed.grounds,
            [
                Ground::Experience { payments: 3, highest_minor: 1_100_000, amount_minor: 1_100_000 },
                Ground::WithoutExperience { amount_minor: 300_000 },
            ]
        );
        assert_eq!(run(&policy, good(), "2027-02-03").amount_minor, 1_100_000);
        assert_eq!(run(&policy, good(), "2027-02-04").amount_minor, 900_000, "a year later F1 is forgotten");
        assert_eq!(run(&policy, good(), "2027-03-02").amount_minor, 300_000, "one payment is no experience");
        assert_eq!(run(&policy, good(), "2026-02-03").amount_minor, 300_000, "nothing was paid yet");
        let half = super::tests::policy(DiscretionaryRule { share_percent: Decimal::from(50), ..rule() });
        assert_eq!(run(&half, good(), "2026-06-01").amount_minor, 550_000);
        let most = super::tests::policy(DiscretionaryRule { amount_minor: 1_000_000, ..rule() });
        assert_eq!(run(&most, good(), "2026-06-01").amount_minor, 1_000_000, "the policy's maximum");
        let net = Policy { basis: Basis::Net, ..policy };
        assert_eq!(run(&net, good(), "2026-06-01").amount_minor, 880_000);
    }

    #[test]
    fn invoices_of_another_currency_and_of_later_days_are_no_experience() {
        let policy = policy(DiscretionaryRule { blocks: vec![Block::Overdue], ..rule() });
        let before = run(&policy, good(), "2026-06-01");
        let yen = |one: Invoiced| Invoiced { currency: Currency::parse("JPY").unwrap(), ..one };
        let mut more = good();
        more.push(yen(paid("F4", 90_000, "2026-01-10", "2026-02-04")));
        more.push(yen(paid("F5", 90_000, "2026-01-10", ""))); // which is late in any currency
        more.push(paid("F6", 90_000, "2026-06-02", "2026-06-01")); // paid before it was invoiced
        assert_eq!(run(&policy, more, "2026-06-01"), before);
    }

    #[test]
    fn what_nothing_gives_is_not_told_as_a_ground() {
        let told = |rule: DiscretionaryRule| run(&policy(rule), Vec::new(), "2026-06-01");
        let no_least = DiscretionaryRule { min_payments: 0, ..rule() };
        assert_eq!(
            told(no_least).grounds,
            [
                Ground::FewPayments { payments: 0, needed: 1 },
                Ground::WithoutExperience { amount_minor: 300_000 },
            ],
            "no payment is no experience, however few are asked for"
        );
        let nothing = DiscretionaryRule { without_experience_minor: 0, ..rule() };
        assert_eq!(
            told(nothing),
            Computed { amount_minor: 0, grounds: vec![Ground::FewPayments { payments: 0, needed: 2 }] }
        );
    }

    #[test]
    fn a_late_invoice_blocks_only_where_the_policy_says_so() {
        let mut late = good();
        late.push(paid("F9", 50_000, "2026-02-01", ""));
        let amount = |blocks: Vec<Block>| {
            run(&policy(DiscretionaryRule { blocks, ..rule() }), late.clone(), "2026-06-01").amount_minor
        };
        assert_eq!((amount(vec![Block::Overdue]), amount(vec![Block::CoverStop])), (0, 1_100_000));
    }

    #[test]
    fn a_payment_beyond_the_days_allowed_is_no_experience_and_blocks_until_it_is_rebuilt() {
        let policy = policy(rule());
        let mut late = good();
        late.push(paid("F9", 50_000, "2026-02-01", "2026-05-10")); // due on 3 March, too late from 3 April on
        let blocked = |on: &str| run(&policy, late.clone(), on);
        assert_eq!(blocked("2026-04-02").amount_minor, 1_100_000, "thirty days late are allowed");
        let since = day("2026-04-03");
        let told = |ended: Option<&str>, from: Option<&str>| Ground::Blocked {
            block: Block::Overdue,
            number: "F9".to_owned(),
            since,
            ended: ended.map(day),
            counts_from: from.map(day),
        };
        assert_eq!(
            blocked("2026-05-09"),
            Computed { amount_minor: 0, grounds: vec![told(None, None)] },
            "it is open on that day"
        );
        assert_eq!(
            blocked("2026-05-10").grounds,
            [told(Some("2026-05-10"), Some("2026-11-10"))],
            "paid, and to be rebuilt"
        );
        assert_eq!(blocked("2026-11-09").amount_minor, 0);
        assert_eq!(blocked("2026-11-10").amount_minor, 1_100_000, "its 50 000 are no experience");
        late.last_mut().unwrap().disputed = true;
        assert_eq!(run(&policy, late, "2026-05-09").amount_minor, 1_100_000, "who contests is not late");
    }

    #[test]
    fn a_rating_that_the_policy_names_gives_its_amount_and_another_says_so() {
        let policy = policy(rule());
        let rated = |rating: &str, from: &str| Rated {
            connection: "insurer".to_owned(),
            from: day(from),
            rating: rating.to_owned(),
        };
        let elsewhere = Rated { connection: "other".to_owned(), ..rated("2", "2026-05-01") };
        let run = |ratings: Vec<Rated>, on: &str| {
            let experience = Experience { invoices: Vec::new(), ratings };
            discretionary(&policy, &experience, &Stops::default(), day(on)).unwrap()
        };
        let all = vec![rated("2", "2026-02-01"), rated("7", "2026-04-01"), elsewhere];
        assert_eq!(run(all.clone(), "2026-03-01").amount_minor, 1_500_000);
        let worse = run(all, "2026-04-01");
        assert_eq!(worse.amount_minor, 300_000);
        assert_eq!(worse.grounds.last(), Some(&Ground::RatingNotNamed { rating: "7".to_owned() }));
    }

    #[test]
    fn a_stop_of_cover_blocks_until_it_is_lifted_and_rebuilt() {
        let policy = policy(rule());
        let experience = Experience { invoices: good(), ratings: Vec::new() };
        let stop = |lift: Option<(&str, Lifted)>| {
            Stops::new(vec![Stop {
                since: day("2026-05-01"),
                cause_connection: "erp".to_owned(),
                cause: "1".to_owned(),
                cause_number: "F9".to_owned(),
                lifts: StopLifts::Stays,
                lift: lift.map(|(on, why)| Lift { on: day(on), from: day(on), why }),
            }])
        };
        let on = |stops: &Stops, on: &str| {
            discretionary(&policy, &experience, stops, day(on)).unwrap().amount_minor
        };
        assert_eq!((on(&stop(None), "2026-04-30"), on(&stop(None), "2026-05-01")), (1_100_000, 0));
        let lifted = stop(Some(("2026-05-20", Lifted::Person)));
        assert_eq!((on(&lifted, "2026-11-19"), on(&lifted, "2026-11-20")), (0, 1_100_000));
        assert_eq!(on(&stop(Some(("2026-05-20", Lifted::Terms))), "2026-05-21"), 1_100_000);
    }

    fn invoices() -> impl Strategy<Value = Vec<Invoiced>> {
        let one = (0_u64..400, 0_i64..20_000, 0_u64..60);
        prop::collection::vec(one, 0..12).prop_map(|all| {
            all.into_iter()
                .map(|(issued, euros, after)| {
                    let issued = day("2025-06-01") + chrono::Days::new(issued);
                    Invoiced {
                        issued,
                        due: issued + chrono::Days::new(30),
                        paid_on: Some(issued + chrono::Days::new(after)),
                        ..paid("F1", euros, "2026-01-01", "")
                    }
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn more_late_payments_never_raise_it(
            timely in invoices(), late in invoices(), by in 61_u64..200, on in 0_u64..600, blocking in any::<bool>()
        ) {
            let on = day("2025-06-01") + chrono::Days::new(on);
            let blocks = if blocking { Block::ALL.to_vec() } else { Vec::new() };
            let policy = policy(DiscretionaryRule { blocks, ..rule() });
            let run = |invoices: Vec<Invoiced>| {
                let experience = Experience { invoices, ratings: Vec::new() };
                discretionary(&policy, &experience, &Stops::default(), on).unwrap().amount_minor
            };
            let late = late.into_iter().map(|one| Invoiced { paid_on: Some(one.issued + chrono::Days::new(by)), ..one });
            let without = run(timely.clone());
            let with = run(timely.iter().cloned().chain(late).collect());
            prop_assert!(with <= without, "{} became {}", without, with);
            prop_assert!((0..=2_500_000).contains(&without));
            let mut put_off = timely.clone();
            if let Some(first) = put_off.first_mut() {
                first.paid_on = Some(first.issued + chrono::Days::new(by));
            }
            prop_assert!(run(put_off) <= without, "a payment that comes too late");
        }
    }
}
