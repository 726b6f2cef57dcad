//! What the insurer has decided on the buyers, and decides on the second day.
//!
//! Amounts are whole euros and multiples of 1 000. A story is the whole past of one buyer: the cover in force on a date
//! is its last decision on or before it.

use std::collections::BTreeMap;

use super::buyers::{Buyer, ErpLimit, Habit, Registered, Standing};
use super::calendar::{self, shift};
use super::rng::Rng;
use crate::model::{Account, Currency, Date, Item};

/// All that the insurer knows of one buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The insurer's own id of the buyer.
    pub insurer_buyer_id: u64,
    /// The name as the insurer writes it, in capitals.
    pub name: String,
    /// ISO 3166 alpha-3.
    pub country_alpha3: &'static str,
    /// The registry of `uid`: `SN` for a SIREN, `VAT`, or `TK` for a tax key of the United States.
    pub uid_type: &'static str,
    /// The registry number, where the insurer states one.
    pub uid: Option<String>,
    /// From 1, good, to 100.
    pub rating: u8,
    /// Decisions in the order of their dates; none where the first application is still open.
    pub decisions: Vec<StoryDecision>,
    /// Applications that were open on the first day.
    pub applications: Vec<StoryApplication>,
}

/// One decision of the insurer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryDecision {
    /// Day of the decision.
    pub on: Date,
    /// `DC01` approved, `DC02` with conditions, `DC03` refused, `DC04` partial, `DC05` increase refused, `DC08` withdrawn,
    /// `DC09` reduced, `DC21` notice of withdrawal, `DC22` reduced because a part ended.
    pub code: &'static str,
    /// What was asked last, whole euros.
    pub requested: u64,
    /// Amount in whole euros and last day of each part; none when nothing is covered.
    pub layers: Vec<(u64, Option<Date>)>,
    /// First day on which it counts.
    pub effective_from: Date,
    /// The day on which cover ends or has ended, where that is announced.
    pub withdrawal_on: Option<Date>,
    /// Code and words of conditions and reasons.
    pub conditions: Vec<(&'static str, &'static str)>,
}

/// A demand that the insurer has in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryApplication {
    /// Day of the demand.
    pub on: Date,
    /// Whole euros.
    pub requested: u64,
    /// Our own reference; none when it was typed on the insurer's site.
    pub our_reference: Option<String>,
    /// The day on which a decision of the story answers it; none when it stays open.
    pub answered_on: Option<Date>,
}

impl Story {
    /// The decision in force on a date.
    #[must_use]
    pub fn decision_on(&self, date: Date) -> Option<&StoryDecision> {
        self.decisions.iter().rev().find(|decision| decision.on <= date)
    }

    /// The applications that wait for an answer at the end of a date.
    pub fn pending_on(&self, date: Date) -> impl Iterator<Item = &StoryApplication> {
        self.applications.iter().filter(move |a| a.on <= date && a.answered_on.is_none_or(|on| on > date))
    }
}

impl StoryDecision {
    /// What is covered in all, whole euros.
    #[must_use]
    pub fn granted(&self) -> u64 {
        self.layers.iter().map(|(amount, _)| amount).sum()
    }
}

const TITLE: (&str, &str) = ("C01", "Clause de réserve de propriété à faire figurer sur les factures");
const ACCOUNTS: (&str, &str) = ("C12", "Garantie sous réserve de la communication des comptes annuels");
const TEMPORARY: (&str, &str) = ("C20", "Partie temporaire, valable jusqu'à la date indiquée");
const LAPSED: (&str, &str) = ("C21", "La partie temporaire est arrivée à son terme");
const WEAKER: (&str, &str) = ("R04", "Dégradation des comptes publiés");
const LATE: (&str, &str) = ("R09", "Incidents de paiement signalés");
const NOTICE: (&str, &str) =
    ("R30", "Préavis de retrait, la garantie reste acquise jusqu'à la date indiquée");

/// Writes the stories of all buyers that the insurer knows.
pub(super) fn stories(seed: u64, buyers: &[Buyer], items: &[Item], days: [Date; 2]) -> Vec<Story> {
    let exposure = exposure_euros(items);
    let stories = (0_u64..).zip(buyers).filter_map(|(index, buyer)| {
        let owed: i64 = buyer.accounts.iter().filter_map(|code| exposure.get(code.as_str())).sum();
        story(buyer, u64::try_from(owed).unwrap_or(0), days, &mut Rng::new(seed, "story", index))
    });
    stories.collect()
}

/// What each account owes in whole euros; the rates are rough, they only give limits a likely size.
fn exposure_euros(items: &[Item]) -> BTreeMap<&str, i64> {
    let mut exposure = BTreeMap::new();
    for item in items {
        let percent = match item.currency.code() {
            "GBP" => 117,
            "USD" => 92,
            _ => 100,
        };
        *exposure.entry(item.account.as_str()).or_insert(0) +=
            item.kind.sign() * item.open_minor * percent / 10_000;
    }
    exposure
}

fn story(buyer: &Buyer, owed: u64, [first_day, second_day]: [Date; 2], rng: &mut Rng) -> Option<Story> {
    use Standing as S;
    // A limit is made for the peak of the year, so even who owes little today has some thousands.
    let peak = owed.max(u64::try_from(rng.between(3_000, 14_000)).unwrap_or(0));
    let mut share =
        |of: u64, low: i64, high: i64| of * u64::try_from(rng.between(low, high)).unwrap_or(100) / 100;
    let (ample, tight) = (round_up(share(peak, 115, 300)), (share(owed, 55, 70) / 1000 * 1000).max(1000));
    let first_on = working(shift(first_day, -rng.between(300, 900)));
    let later_on = working(shift(first_day, -rng.between(40, 200)));
    let asked_on = working(shift(first_day, -rng.between(4, 14)));
    let soon = shift(first_day, rng.between(7, 25));

    let mut past = Past { decisions: vec![] };
    let mut applications = vec![];
    let mut ask = |requested: u64, answered_on: Option<Date>, typed: bool| {
        let our_reference = (!typed).then(|| format!("DEMO-{}", buyer.insurer_id % 1_000_000));
        applications.push(StoryApplication { on: asked_on, requested, our_reference, answered_on });
    };
    match buyer.standing {
        S::Undecided => return None,
        S::UndecidedAsking => ask(ample, None, false),
        S::Covered => match rng.between(1, 100) {
            ..=12 => {
                past.add(first_on, "DC04", round_up(ample * 3 / 2).max(ample + 1000), &[(ample, None)], &[])
            }
            13..=17 => past.add(first_on, "DC02", ample, &[(ample, None)], &[ACCOUNTS]),
            18..=22 => past.add(first_on, "DC02", ample, &[(ample, None)], &[ACCOUNTS, TITLE]),
            _ => past.add(first_on, "DC01", ample, &[(ample, None)], &[]),
        },
        S::OverLimit => past.add(first_on, "DC04", round_up(tight * 2), &[(tight, None)], &[LATE]),
        S::OverLimitAsking => {
            past.add(first_on, "DC01", tight, &[(tight, None)], &[]);
            ask(round_up(ample.max(tight + 1000)), None, buyer.insurer_id.is_multiple_of(2));
        }
        S::Increased => {
            let before = round_up(ample / 2).min(ample - 1000);
            past.add(first_on, "DC01", before, &[(before, None)], &[]);
            past.add(later_on, "DC01", ample, &[(ample, None)], &[]);
        }
        S::Kept => {
            past.add(first_on, "DC01", ample, &[(ample, None)], &[]);
            past.add(later_on, "DC05", round_up(ample * 2), &[(ample, None)], &[WEAKER]);
        }
        S::Reduced => {
            past.add(first_on, "DC01", ample, &[(ample, None)], &[]);
            let after = (owed * 9 / 10 / 1000 * 1000).clamp(1000, ample - 1000);
            past.add(later_on, "DC09", ample, &[(after, None)], &[WEAKER]);
        }
        S::Refused => past.add(first_on, "DC03", ample, &[], &[LATE]),
        S::Withdrawn => {
            past.add(first_on, "DC01", ample, &[(ample, None)], &[]);
            past.add(later_on, "DC08", ample, &[], &[LATE]);
            past.end(Some(later_on));
        }
        S::Notice => {
            past.add(first_on, "DC01", ample, &[(ample, None)], &[]);
            past.add(asked_on, "DC21", ample, &[(ample, None)], &[NOTICE]);
            past.end(Some(shift(asked_on, 30)));
        }
        S::Temporary => {
            let extra = round_up(ample / 3);
            past.add(first_on, "DC01", ample, &[(ample, None)], &[]);
            past.add(later_on, "DC02", ample + extra, &[(ample, None), (extra, Some(soon))], &[TEMPORARY]);
        }
        S::TemporaryLapsed | S::LapsedNext => {
            let extra = round_up(ample / 3);
            // The part counts to the end of the day before the decision.
            let (ended, on) = if buyer.standing == S::LapsedNext {
                (shift(second_day, -1), second_day)
            } else {
                (shift(asked_on, -1), asked_on)
            };
            past.add(
                later_on.min(shift(ended, -20)),
                "DC02",
                ample + extra,
                &[(ample, None), (extra, Some(ended))],
                &[TEMPORARY],
            );
            past.add(on, "DC22", ample + extra, &[(ample, None)], &[LAPSED]);
        }
        S::CutNext => {
            past.add(first_on, "DC01", ample, &[(ample, None)], &[]);
            let after = (owed * 3 / 5 / 1000 * 1000).clamp(1000, ample - 1000);
            past.add(second_day, "DC09", ample, &[(after, None)], &[WEAKER]);
        }
        S::WithdrawnNext => {
            past.add(first_on, "DC01", ample, &[(ample, None)], &[]);
            past.add(second_day, "DC08", ample, &[], &[LATE]);
            past.end(Some(second_day));
        }
        S::NoticeNext => {
            past.add(first_on, "DC01", ample, &[(ample, None)], &[]);
            past.add(second_day, "DC21", ample, &[(ample, None)], &[NOTICE]);
            past.end(Some(shift(second_day, 30)));
        }
        S::IncreasedNext => {
            let more = round_up(ample * 3 / 2).max(ample + 1000);
            past.add(first_on, "DC01", ample, &[(ample, None)], &[]);
            past.add(second_day, "DC01", more, &[(more, None)], &[]);
            ask(more, Some(second_day), false);
        }
        S::KeptNext => {
            let more = round_up(ample * 2);
            past.add(first_on, "DC01", ample, &[(ample, None)], &[]);
            past.add(second_day, "DC05", more, &[(ample, None)], &[WEAKER]);
            ask(more, Some(second_day), false);
        }
    }

    let rating = match buyer.habit {
        Habit::Prompt => rng.between(4, 38),
        Habit::Late => rng.between(30, 66),
        Habit::Bad => rng.between(58, 96),
    };
    // Of a French buyer without a number in the ERP the insurer states none either: a person has to join the two.
    let nameless = buyer.registered == Registered::Missing && buyer.country.alpha2 == "FR";
    Some(Story {
        insurer_buyer_id: buyer.insurer_id,
        name: buyer.name.to_uppercase(),
        country_alpha3: buyer.country.alpha3,
        uid_type: buyer.country.uid_type,
        uid: (!nameless).then(|| buyer.uid.clone()),
        rating: u8::try_from(rating).unwrap_or(50),
        decisions: past.decisions,
        applications,
    })
}

struct Past {
    decisions: Vec<StoryDecision>,
}

impl Past {
    fn add(
        &mut self,
        on: Date,
        code: &'static str,
        requested: u64,
        layers: &[(u64, Option<Date>)],
        conditions: &[(&'static str, &'static str)],
    ) {
        self.decisions.push(StoryDecision {
            on,
            code,
            requested,
            layers: layers.to_vec(),
            // What leaves the cover as it was leaves its first day too.
            effective_from: match (code, self.decisions.last()) {
                ("DC05" | "DC21", Some(before)) => before.effective_from,
                _ => on,
            },
            withdrawal_on: None,
            conditions: conditions.to_vec(),
        });
    }

    /// States when the cover of the last decision ends.
    fn end(&mut self, on: Option<Date>) {
        if let Some(last) = self.decisions.last_mut() {
            last.withdrawal_on = on;
        }
    }
}

/// Loads the limits of the first day into the accounts, save where the ERP is to differ.
pub(super) fn load_limits(accounts: &mut [Account], buyers: &[Buyer], stories: &[Story], first_day: Date) {
    let stories: BTreeMap<u64, &Story> =
        stories.iter().map(|story| (story.insurer_buyer_id, story)).collect();
    let owners: BTreeMap<&str, &Buyer> = buyers
        .iter()
        .flat_map(|buyer| buyer.accounts.iter().map(move |code| (code.as_str(), buyer)))
        .collect();
    for account in accounts {
        let Some(buyer) = owners.get(account.code.as_str()) else { continue };
        let granted = stories
            .get(&buyer.insurer_id)
            .and_then(|story| story.decision_on(first_day))
            .and_then(|decision| i64::try_from(decision.granted() * 100).ok());
        let limit = match (buyer.erp_limit, granted) {
            (ErpLimit::Agrees, Some(minor)) => Some((minor, Currency::EUR)),
            (ErpLimit::Differs, Some(minor)) => Some((minor / 200_000 * 100_000 + 500_000, Currency::EUR)),
            (ErpLimit::OtherCurrency, Some(minor)) => Some((minor / 100 * 85, buyer.currency())),
            (ErpLimit::Alone, None) => Some((1_000_000, Currency::EUR)),
            _ => None,
        };
        account.limit_minor = limit.map(|(minor, _)| minor);
        account.limit_currency = limit.map(|(_, currency)| currency);
    }
}

/// The business day on or just after a date in the past.
fn working(date: Date) -> Date {
    calendar::next_business_day(shift(date, -1))
}

/// Rounds up as people ask: to thousands, then to larger steps.
fn round_up(amount: u64) -> u64 {
    let step = match amount {
        ..10_000 => 1_000,
        10_000..100_000 => 5_000,
        100_000..500_000 => 10_000,
        _ => 25_000,
    };
    (amount.div_ceil(step) * step).max(5_000)
}
