//! What the simulated insurer knows: buyers, the products that cover them over time, and the orders that were made.
//!
//! Cover is not stored but told anew for every day, from the story of each buyer and the journal of orders.
//! Invariant: what is visible on a day depends on nothing that happens after it.
//! Almost nothing of the real rules is published: what decides an order here, and how fast, is assumed.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::icon::{Monitoring, Report};

/// Whole units up to which a good buyer is covered by its rating alone.
pub const RATING_LIMIT: u64 = 20_000;

/// The highest amount that is read as a number at all.
pub(super) const MOST: u64 = 1_000_000_000_000;

/// Everything a simulated policyholder of the insurer consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Seed of every decision.
    pub seed: u64,
    /// The first day.
    pub today: NaiveDate,
    /// The policy number, text with its zeros.
    pub policy: String,
    /// ISO 4217 code; every amount is in whole units of it.
    pub currency: String,
    /// The user of the sign-in.
    pub username: String,
    /// Its password; invented, and kept in saved files.
    pub password: String,
    /// Value of the `x-api-key` header.
    pub api_key: String,
    /// The buyers that the insurer knows.
    pub buyers: Vec<BuyerSetup>,
    /// Life of a token; 3600 at the insurer, 0 makes every token stale at once.
    pub token_lifetime_seconds: u64,
}

/// A buyer, and what the insurer decides on it by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyerSetup {
    /// The insurer's number: 14 digits with leading zeros, a text.
    pub easy_number: String,
    /// The number of the information service, which changes when the provider of a country changes.
    pub icon_number: String,
    /// The id of the information service.
    pub company_id: String,
    /// Registered name.
    pub name: String,
    /// ISO 3166 alpha-2 code.
    pub country: String,
    /// ISO 3166 alpha-3 code.
    pub country_alpha3: String,
    /// Kind of the identifier, for example `SIREN`.
    pub identifier_type: String,
    /// The identifier; without one the buyer cannot be looked up by it.
    pub identifier: Option<String>,
    /// Debtor risk assessment: 10 is best, 1 is extremely high risk, 0 is insolvent.
    pub dra: u8,
    /// Decisions, by date.
    pub story: Vec<Decision>,
}

/// A decision, visible from the day `on`. Without parts, a refused increase, a notice and an unknown code leave what stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Day of the decision, and first day of what it grants.
    pub on: NaiveDate,
    /// What was decided.
    pub code: DecisionCode,
    /// Whole units asked for; 0 when nothing was.
    pub requested: u64,
    /// What covers the buyer from then on.
    pub parts: Vec<Part>,
    /// Codes of reasons.
    pub reasons: Vec<String>,
    /// With a notice, the day on which the withdrawal follows by itself.
    pub withdrawal_on: Option<NaiveDate>,
}

/// A product that covers a buyer, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which product.
    pub product: Product,
    /// Whole units.
    pub amount: u64,
    /// Last day; nothing for what stays.
    pub until: Option<NaiveDate>,
}

/// The products in which the insurer grants cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Product {
    /// By the rating of the buyer, up to a fixed amount.
    RatingLimit,
    /// A small amount, decided at once.
    Express,
    /// Named, decided on the buyer; with a last day it is the temporary part.
    Agreement,
    /// A complement over the named limit.
    TopLiner,
}

impl Product {
    /// The word of the interface, as far as one can know.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RatingLimit => "RATING_LIMIT",
            Self::Express => "EXPRESS_AGREEMENT",
            Self::Agreement => "AGREEMENT",
            Self::TopLiner => "TOPLINER",
        }
    }
}

/// What is decided; any other text is a code that clients do not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecisionCode {
    /// What was asked for.
    Agreed,
    /// Less than what was asked for.
    Partial,
    /// Nothing.
    Refused,
    /// Not more than before.
    IncreaseRefused,
    /// Less than before.
    Reduced,
    /// A withdrawal is announced.
    WithdrawalNotice,
    /// Withdrawn.
    Withdrawn,
    /// Given up by the policyholder.
    Cancelled,
    /// Over by its own date.
    Expired,
    /// A code of tomorrow.
    Other(String),
}

impl DecisionCode {
    /// The code as the simulator writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Agreed => "AGREED",
            Self::Partial => "PARTIALLY_AGREED",
            Self::Refused => "REFUSED",
            Self::IncreaseRefused => "INCREASE_REFUSED",
            Self::Reduced => "REDUCED",
            Self::WithdrawalNotice => "WITHDRAWAL_NOTICE",
            Self::Withdrawn => "WITHDRAWN",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
            Self::Other(text) => text,
        }
    }

    /// Whether without parts it leaves those that stand.
    const fn keeps(&self) -> bool {
        match self {
            Self::IncreaseRefused | Self::WithdrawalNotice | Self::Other(_) => true,
            Self::Agreed
            | Self::Partial
            | Self::Refused
            | Self::Reduced
            | Self::Withdrawn
            | Self::Cancelled
            | Self::Expired => false,
        }
    }
}

/// What an order asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Cover where there is none.
    Request,
    /// Another amount.
    Modify,
    /// Nothing more.
    Delete,
}

impl Action {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "REQUEST" => Some(Self::Request),
            "MODIFY" => Some(Self::Modify),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// An order that a call made, with what is going to be decided on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub delivery_id: String,
    pub easy_number: String,
    pub action: Action,
    pub amount: u64,
    pub made_on: NaiveDate,
    pub reference: Option<String>,
    pub decision: Decision,
    /// Its place among what happened.
    pub sequence: u64,
    pub withdrawn_on: Option<NaiveDate>,
}

impl Order {
    /// Where it stands on a day, in the words of the interface.
    pub fn status(&self, day: NaiveDate) -> Status {
        if self.withdrawn_on.is_some_and(|on| on <= day) {
            Status::Cancelled
        } else if self.decision.on > day {
            Status::InPreparation
        } else {
            Status::Ready
        }
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    InPreparation,
    Ready,
    Cancelled,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InPreparation => "in-preparation",
            Self::Ready => "ready",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What stands on a buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub delivery_id: String,
    pub code: DecisionCode,
    pub requested: u64,
    pub parts: Vec<Part>,
    pub decided_on: NaiveDate,
    pub withdrawal_on: Option<NaiveDate>,
    pub reasons: Vec<String>,
    pub reference: Option<String>,
}

impl Position {
    /// Whole units in all.
    pub fn total(&self) -> u64 {
        self.parts.iter().map(|part| part.amount).sum()
    }

    /// The day on which it changes by itself.
    fn changes_on(&self) -> Option<NaiveDate> {
        let ends = self.parts.iter().filter_map(|part| part.until.and_then(|last| last.succ_opt()));
        let withdrawal = self.withdrawal_on.filter(|_| self.code == DecisionCode::WithdrawalNotice);
        ends.chain(withdrawal).min()
    }
}

/// What stood on a buyer from a day on; nothing once it was given up.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    pub current: Option<Position>,
    /// Every change, in order.
    pub changes: Vec<Position>,
}

impl Timeline {
    fn set(&mut self, position: Position) {
        self.changes.push(position.clone());
        self.current = Some(position).filter(|position| position.code != DecisionCode::Cancelled);
    }

    /// Lets announced withdrawals and last days come true up to and including `day`.
    fn advance(&mut self, day: NaiveDate) {
        while let Some((before, on)) = self.current.clone().and_then(|position| {
            let on = position.changes_on().filter(|on| *on <= day)?;
            Some((position, on))
        }) {
            let noticed = before.code == DecisionCode::WithdrawalNotice;
            let withdrawn = noticed && before.withdrawal_on == Some(on);
            let lives = |part: &Part| part.until.is_none_or(|last| last >= on);
            let parts: Vec<Part> = if withdrawn {
                Vec::new()
            } else {
                before.parts.iter().filter(|part| lives(part)).cloned().collect()
            };
            let code = match (withdrawn, parts.is_empty()) {
                (true, _) => DecisionCode::Withdrawn,
                (false, true) => DecisionCode::Expired,
                (false, false) if noticed => DecisionCode::WithdrawalNotice,
                (false, false) => DecisionCode::Reduced,
            };
            self.set(Position { code, parts, decided_on: on, reasons: Vec::new(), ..before });
        }
    }

    fn decide(&mut self, decision: &Decision, delivery_id: &str, reference: Option<&str>) {
        let standing = self.current.as_ref().map(|position| position.parts.clone()).unwrap_or_default();
        let parts = if decision.parts.is_empty() && decision.code.keeps() {
            standing
        } else {
            decision.parts.clone()
        };
        self.set(Position {
            delivery_id: delivery_id.to_owned(),
            code: decision.code.clone(),
            requested: decision.requested,
            parts,
            decided_on: decision.on,
            withdrawal_on: decision.withdrawal_on,
            reasons: decision.reasons.clone(),
            reference: reference.map(str::to_owned),
        });
    }
}

/// An overdue that was declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notice {
    pub id: String,
    pub easy_number: String,
    pub kind: String,
    pub invoice: String,
    pub amount: String,
    pub made_on: NaiveDate,
    pub reference: Option<String>,
}

/// A decision that the insurer made of its own accord while it was running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Surprised {
    pub easy_number: String,
    pub decision: Decision,
    pub sequence: u64,
}

/// The simulator's whole state, as a saved file keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    pub setup: Setup,
    pub today: NaiveDate,
    pub orders: Vec<Order>,
    pub surprises: Vec<Surprised>,
    pub notices: Vec<Notice>,
    pub reports: Vec<Report>,
    pub monitorings: Vec<Monitoring>,
    pub billed_lookups: u64,
    pub tokens_issued: u64,
}

/// What an order would lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// What will be decided.
    pub code: DecisionCode,
    /// Days until then; 0 for an answer at once.
    pub days: u64,
    /// Whole units covered afterwards.
    pub total: u64,
}

impl Book {
    pub fn new(setup: Setup) -> Self {
        Self {
            today: setup.today,
            setup,
            orders: Vec::new(),
            surprises: Vec::new(),
            notices: Vec::new(),
            reports: Vec::new(),
            monitorings: Vec::new(),
            billed_lookups: 0,
            tokens_issued: 0,
        }
    }

    pub fn buyer(&self, easy_number: &str) -> Option<&BuyerSetup> {
        self.setup.buyers.iter().find(|buyer| buyer.easy_number == easy_number)
    }

    /// What stands on a buyer, as of the simulator's day.
    pub fn timeline(&self, easy_number: &str) -> Timeline {
        let today = self.today;
        let mut events: Vec<(u64, &Decision, String, Option<&str>)> = Vec::new();
        for buyer in self.setup.buyers.iter().filter(|buyer| buyer.easy_number == easy_number) {
            for (decision, number) in buyer.story.iter().zip(1_u64..) {
                let digits = easy_number.trim_start_matches('0');
                events.push((0, decision, format!("PD-S{digits}-{number}"), None));
            }
        }
        for order in self.orders.iter().filter(|order| order.easy_number == easy_number) {
            if order.status(today) == Status::Ready {
                let (id, reference) = (order.delivery_id.clone(), order.reference.as_deref());
                events.push((order.sequence, &order.decision, id, reference));
            }
        }
        for surprised in self.surprises.iter().filter(|surprised| surprised.easy_number == easy_number) {
            let id = format!("PD-X{:08}", surprised.sequence);
            events.push((surprised.sequence, &surprised.decision, id, None));
        }
        events.retain(|(_, decision, _, _)| decision.on <= today);
        // On one day stories come first, then what happened in the order in which it was asked for.
        events.sort_by_key(|(sequence, decision, _, _)| (decision.on, *sequence));
        let mut timeline = Timeline::default();
        for (_, decision, delivery_id, reference) in events {
            timeline.advance(decision.on);
            timeline.decide(decision, &delivery_id, reference);
        }
        timeline.advance(today);
        timeline
    }

    /// Orders that are not decided on the simulator's day.
    pub fn pending(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.status(self.today) == Status::InPreparation)
    }

    /// Whole units covered per buyer: 0 where refused, withdrawn or expired; absent where given up or never asked for.
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        let covered = self.setup.buyers.iter().filter_map(|buyer| {
            let current = self.timeline(&buyer.easy_number).current?;
            Some((buyer.easy_number.clone(), current.total()))
        });
        covered.collect()
    }

    /// The next place among what happens.
    fn next_sequence(&self) -> u64 {
        let happened = self.orders.len() + self.surprises.len() + 1;
        u64::try_from(happened).unwrap_or(u64::MAX)
    }

    /// Lets the insurer decide something by itself.
    pub fn surprise(&mut self, easy_number: &str, decision: Decision) {
        let sequence = self.next_sequence();
        self.surprises.push(Surprised { easy_number: easy_number.to_owned(), decision, sequence });
    }

    /// Takes an order and writes it into the journal, or says why not.
    pub fn order(
        &mut self,
        easy_number: &str,
        action: Action,
        amount: u64,
        reference: Option<&str>,
    ) -> Result<&Order, (u16, &'static str)> {
        let buyer = self.buyer(easy_number).ok_or((404, "company not found"))?;
        let current = self.timeline(easy_number).current;
        let total = current.as_ref().map_or(0, Position::total);
        if self.pending().any(|order| order.easy_number == easy_number) {
            return Err((409, "an order on this company is in preparation"));
        }
        match action {
            Action::Request if total > 0 => {
                return Err((409, "a product exists for this company, modify it"));
            }
            Action::Modify | Action::Delete if current.is_none() => {
                return Err((409, "no product exists for this company"));
            }
            Action::Request | Action::Modify | Action::Delete => {}
        }
        let decision = self.plan(buyer, total, action, amount);
        let (number, sequence) = (self.orders.len() + 1, self.next_sequence());
        self.orders.push(Order {
            delivery_id: format!("PD-{number:08}"),
            easy_number: easy_number.to_owned(),
            action,
            amount,
            made_on: self.today,
            reference: reference.map(str::to_owned),
            decision,
            sequence,
            withdrawn_on: None,
        });
        self.orders.last().ok_or((500, "the journal is empty"))
    }

    /// What an order would lead to if it were made now; `None` when the buyer is unknown.
    pub fn foresee(&self, easy_number: &str, action: Action, amount: u64) -> Option<Foreseen> {
        let buyer = self.buyer(easy_number)?;
        let standing = self.timeline(easy_number).current.map_or(0, |position| position.total());
        let decision = self.plan(buyer, standing, action, amount);
        let total = decision.parts.iter().map(|part| part.amount).sum();
        Some(Foreseen {
            days: u64::try_from((decision.on - self.today).num_days()).unwrap_or_default(),
            total: if decision.code.keeps() { standing } else { total },
            code: decision.code,
        })
    }

    /// What is decided and when, from nothing but seed, buyer, amount and the cover that stands.
    fn plan(&self, buyer: &BuyerSetup, standing: u64, action: Action, amount: u64) -> Decision {
        let draw = |what: &str, below: u64| draw(self.setup.seed, &buyer.easy_number, amount, what, below);
        let decided = |days: u64, code, parts, reasons: &[&str]| Decision {
            on: later(self.today, days),
            code,
            requested: amount,
            parts,
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
            withdrawal_on: None,
        };
        let part = |product, amount, until| Part { product, amount, until };
        let named = |amount| vec![part(Product::Agreement, amount, None)];
        if action == Action::Delete {
            return decided(0, DecisionCode::Cancelled, Vec::new(), &[]);
        }
        if standing >= amount {
            return decided(0, DecisionCode::Agreed, named(amount), &[]);
        }
        if buyer.dra <= 2 {
            let code = if standing > 0 { DecisionCode::IncreaseRefused } else { DecisionCode::Refused };
            return decided(0, code, Vec::new(), &["CA06", "BA03"]);
        }
        if standing == 0 && amount <= RATING_LIMIT && buyer.dra >= 6 {
            let product = if buyer.dra >= 8 { Product::RatingLimit } else { Product::Express };
            return decided(0, DecisionCode::Agreed, vec![part(product, amount, None)], &[]);
        }
        let days = if draw("at once", 100) < 45 { 0 } else { 1 + draw("days", 5) };
        let half = standing + (amount - standing) / 2;
        match draw("outcome", 100) {
            0..45 => decided(days, DecisionCode::Agreed, named(amount), &[]),
            45..65 if half > 0 => decided(days, DecisionCode::Partial, named(half), &["AA14", "EA21"]),
            65..80 if half > 0 => {
                let until = Some(later(self.today, days + 90));
                let mut parts = named(half);
                parts.push(part(Product::Agreement, amount - half, until));
                decided(days, DecisionCode::Agreed, parts, &[])
            }
            _ if standing > 0 => decided(days, DecisionCode::IncreaseRefused, Vec::new(), &["AA04"]),
            _ => decided(days, DecisionCode::Refused, Vec::new(), &["AA04", "AB09"]),
        }
    }
}

/// A number below `below` that depends on nothing else than the other arguments.
pub(super) fn draw(seed: u64, buyer: &str, amount: u64, what: &str, below: u64) -> u64 {
    let print = crate::ids::fingerprint(&[
        b"sandbox coface",
        &seed.to_le_bytes(),
        buyer.as_bytes(),
        &amount.to_le_bytes(),
        what.as_bytes(),
    ]);
    let number = print.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    number.checked_rem(below).unwrap_or(0)
}

/// The day `days` after `day`.
pub(super) fn later(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(NaiveDate::MAX)
}

/// The day `days` before `day`.
pub(super) fn earlier(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}
