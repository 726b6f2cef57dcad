//! What the simulated insurer knows: buyers, their cover over time, and the requests that were made.
//!
//! Cover is not stored but told anew for every day, from the story of each buyer and the journal of requests. So the day
//! can be moved, a saved file is small, and the same seed gives the same answers.
//! Invariant: what is visible on a day depends on nothing that happens after it.
//! What the published clients of the real interface leave open is marked "assumed".

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

/// Whole units of the policy currency that a credit check covers; the policy fixes it.
pub const CREDIT_CHECK_AMOUNT: u64 = 7_000;

/// Requests and partial decisions come in steps of this many whole units.
pub(super) const STEP: u64 = 1_000;

/// The highest amount that is read as a number at all.
pub(super) const MOST: u64 = 1_000_000_000_000;

/// From this rating on (1 is best, 100 worst) every new request is refused.
const RATING_REFUSED: u8 = 85;

/// From this rating on a credit check is refused.
const RATING_NO_CHECK: u8 = 60;

/// Everything a simulated customer of the insurer consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Seed of every decision and quirk.
    pub seed: u64,
    /// The first day.
    pub today: NaiveDate,
    /// The customer's number at the insurer.
    pub customer_id: u64,
    /// The policy number.
    pub policy_id: String,
    /// ISO 4217 code; every amount of a story is in whole units of it.
    pub policy_currency: String,
    /// ISO 4217 code of the user's currency, in which every amount is stated once more.
    #[serde(default = "super::demo::user_currency")]
    pub user_currency: String,
    /// Units of the user's currency for 100 of the policy's.
    #[serde(default = "super::demo::user_percent")]
    pub user_percent: u64,
    /// User part of the Basic credentials.
    pub client_id: String,
    /// Secret part of the Basic credentials; invented, and kept in saved files.
    pub client_secret: String,
    /// Value of the `Atradius-App-Key` header.
    pub app_key: String,
    /// The buyers that the insurer knows.
    pub buyers: Vec<BuyerSetup>,
    /// Life of a token; 1800 at the insurer, 0 makes every token stale at once.
    pub token_lifetime_seconds: u64,
}

/// A buyer, and what the insurer decides on it by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyerSetup {
    /// The insurer's number.
    pub buyer_id: u64,
    /// Registered name.
    pub name: String,
    /// ISO 3166 alpha-3 code.
    pub country_alpha3: String,
    /// VAT, NRN, CR, DB, FC, SN or TK; SN is the SIREN.
    pub uid_type: String,
    /// The identifier; without one the lists show none and the buyer cannot be looked up.
    pub uid: Option<String>,
    /// 1 is best, 100 is worst.
    pub rating: u8,
    /// Decisions on its credit limit, by date.
    pub story: Vec<Decision>,
}

/// A decision on a credit limit, visible from the day `on`.
///
/// With neither layer, `DC05` and `DC21` leave the amounts that stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Day of the decision.
    pub on: NaiveDate,
    /// Code of the decision.
    pub code: DecisionCode,
    /// Whole units asked for; 0 shows as an empty text.
    pub requested: u64,
    /// First layer, usually permanent.
    pub first: Option<LayerSetup>,
    /// Second layer, usually with a last day.
    pub second: Option<LayerSetup>,
    /// First day of the cover.
    pub effective_from: NaiveDate,
    /// With `DC21`, the day on which `DC08` follows by itself; with `DC08`, the day of the withdrawal.
    pub withdrawal_date: Option<NaiveDate>,
    /// What is scheduled: B, C, F, P, R, T, V or W. The cover counts all the same.
    pub pending_indicator: Option<String>,
}

/// One layer of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSetup {
    /// Whole units.
    pub amount: u64,
    /// Last day; `None` for a permanent layer. On the day after, `DC22` follows by itself, or the cover expires.
    pub expiry: Option<NaiveDate>,
    /// Conditions and comments.
    pub conditions: Vec<ConditionSetup>,
}

/// A condition or comment of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionSetup {
    /// The insurer's code.
    pub code: String,
    /// The insurer's words.
    pub text: String,
}

/// Decision codes of the insurer's appendix, and any other text for a code that clients do not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecisionCode {
    /// Fully approved.
    Dc01,
    /// Approved with conditions or comments.
    Dc02,
    /// Refused.
    Dc03,
    /// Partial, final.
    Dc04,
    /// Increase refused, existing cover stays.
    Dc05,
    /// Partial, preliminary.
    Dc06,
    /// Refused, preliminary.
    Dc07,
    /// Withdrawn by the insurer.
    Dc08,
    /// Reduction.
    Dc09,
    /// Revised terms.
    Dc10,
    /// Re-issue.
    Dc11,
    /// Notice of a withdrawal to come.
    Dc21,
    /// Reduction because a part expired.
    Dc22,
    /// A code of tomorrow.
    Other(String),
}

impl DecisionCode {
    /// The code as the interface writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Dc01 => "DC01",
            Self::Dc02 => "DC02",
            Self::Dc03 => "DC03",
            Self::Dc04 => "DC04",
            Self::Dc05 => "DC05",
            Self::Dc06 => "DC06",
            Self::Dc07 => "DC07",
            Self::Dc08 => "DC08",
            Self::Dc09 => "DC09",
            Self::Dc10 => "DC10",
            Self::Dc11 => "DC11",
            Self::Dc21 => "DC21",
            Self::Dc22 => "DC22",
            Self::Other(text) => text,
        }
    }

    /// What the interface says next to the code.
    pub(super) fn description(&self) -> &'static str {
        match self {
            Self::Dc01 => "Fully approved",
            Self::Dc02 => "Approved with conditions and/or comments",
            Self::Dc03 => "Refused",
            Self::Dc04 => "Partially approved - final",
            Self::Dc05 => "Refusal for increase, current cover remains unchanged",
            Self::Dc06 => "Partially approved - preliminary",
            Self::Dc07 => "Preliminary refusal",
            Self::Dc08 => "Withdrawal decided by Atradius",
            Self::Dc09 => "Reduction in cover",
            Self::Dc10 => "Revised terms of cover",
            Self::Dc11 => "Reissue of limit",
            Self::Dc21 => "Pre-notification of withdrawal",
            Self::Dc22 => "Reduction due to partial expiry",
            Self::Other(_) => "",
        }
    }

    /// Whether a decision of the insurer's own changes the cover that stands instead of making a new one.
    fn amends(&self) -> bool {
        match self {
            Self::Dc05 | Self::Dc08 | Self::Dc09 | Self::Dc10 | Self::Dc11 | Self::Dc21 | Self::Dc22 => true,
            Self::Dc01 | Self::Dc02 | Self::Dc03 | Self::Dc04 | Self::Dc06 | Self::Dc07 | Self::Other(_) => {
                false
            }
        }
    }

    /// Whether a final decision is still to come.
    fn is_preliminary(&self) -> bool {
        matches!(self, Self::Dc06 | Self::Dc07)
    }
}

/// The two kinds of cover that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CoverType {
    /// Any amount.
    CreditLimit,
    /// A fixed amount, yes or no at once.
    CreditCheck,
}

impl CoverType {
    /// The spelling of the interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreditLimit => "credit-limit",
            Self::CreditCheck => "credit-check",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::CreditLimit, Self::CreditCheck].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// `POST /covers`.
    New,
    /// `PUT /covers` with `supersede`: another amount, higher or lower.
    Supersede,
    /// `PUT /covers` with `reduce`.
    Reduce,
    /// `PUT /covers` with `cancel`.
    Cancel,
}

/// A request that a call made, with what is going to be decided on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub cover_id: u64,
    pub buyer_id: u64,
    pub cover_type: CoverType,
    pub action: Action,
    pub amount: u64,
    pub made_on: NaiveDate,
    pub effect_from: NaiveDate,
    pub reference: Option<String>,
    /// In order of date; the last is final.
    pub decisions: Vec<Decision>,
    pub cancelled_on: Option<NaiveDate>,
}

impl Request {
    /// Whether it is with the underwriters at the end of `day`.
    fn is_pending(&self, day: NaiveDate) -> bool {
        self.made_on <= day
            && self.cancelled_on.is_none_or(|on| on > day)
            && self.decisions.last().is_some_and(|last| last.on > day)
    }
}

/// A notice of non-payment that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonPayment {
    /// The number it was given.
    pub notification_id: u64,
    /// Its day.
    pub on: NaiveDate,
    /// The buyer.
    pub buyer_id: u64,
    /// Number of the invoice.
    pub invoice: String,
    /// Its original due date.
    pub due: NaiveDate,
    /// What is outstanding, as it was written.
    pub amount: String,
    /// The caller's `customerRefNumber`.
    pub reference: Option<String>,
}

impl NonPayment {
    /// As the list shows it.
    pub(super) fn row(&self) -> serde_json::Value {
        serde_json::json!({
            "notificationId": self.notification_id,
            "buyerId": self.buyer_id,
            "invoiceNumber": self.invoice,
            "originalDueDate": self.due,
            "notificationDate": self.on,
            "status": "SUBMITTED",
            "customerRefNumber": self.reference,
        })
    }
}

/// A cover as it stands, or stood, between two decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub cover_id: u64,
    pub cover_type: CoverType,
    pub code: DecisionCode,
    pub requested: u64,
    pub first: Option<LayerSetup>,
    pub second: Option<LayerSetup>,
    pub applied_on: NaiveDate,
    pub decided_on: NaiveDate,
    pub effective_from: NaiveDate,
    pub withdrawal_on: Option<NaiveDate>,
    pub pending_indicator: Option<String>,
    pub reference: Option<String>,
}

impl Version {
    /// Whole units covered by both layers.
    pub fn total(&self) -> u64 {
        [&self.first, &self.second].into_iter().flatten().map(|layer| layer.amount).sum()
    }

    /// The day on which it changes by itself.
    fn changes_on(&self) -> Option<NaiveDate> {
        let expiries = [&self.first, &self.second]
            .into_iter()
            .flatten()
            .filter_map(|layer| layer.expiry.and_then(|last| last.succ_opt()));
        let withdrawal = self.withdrawal_on.filter(|_| self.code == DecisionCode::Dc21);
        expiries.chain(withdrawal).min()
    }
}

/// A version that no longer counts, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub version: Version,
    pub historic_code: &'static str,
    pub on: NaiveDate,
}

/// What the insurer has on one buyer on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Timeline {
    pub current: Option<Version>,
    pub ended: Vec<Ended>,
}

/// A decision on its way into a timeline.
struct Arriving<'a> {
    decision: &'a Decision,
    cover_id: u64,
    cover_type: CoverType,
    applied_on: NaiveDate,
    source: Source<'a>,
}

/// Who brought a decision about.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// The insurer.
    Story,
    /// A call, with its `customerRefNumber`.
    Request(Option<&'a str>),
}

enum Event<'a> {
    Decided(Arriving<'a>),
    Cancelled,
}

impl Timeline {
    fn end(&mut self, historic_code: &'static str, on: NaiveDate) -> Option<Version> {
        let version = self.current.take()?;
        self.ended.push(Ended { version: version.clone(), historic_code, on });
        Some(version)
    }

    /// Lets announced withdrawals and last days come true up to and including `day`.
    fn advance(&mut self, day: NaiveDate) {
        while let Some(on) = self.current.as_ref().and_then(Version::changes_on).filter(|on| *on <= day) {
            let withdrawn = self
                .current
                .as_ref()
                .is_some_and(|v| v.code == DecisionCode::Dc21 && v.withdrawal_on == Some(on));
            if withdrawn {
                self.withdraw(on);
            } else {
                self.expire(on);
            }
        }
    }

    fn withdraw(&mut self, on: NaiveDate) {
        if let Some(before) = self.end("WCLD", on) {
            self.current = Some(Version {
                code: DecisionCode::Dc08,
                first: None,
                second: None,
                decided_on: on,
                effective_from: on,
                withdrawal_on: Some(on),
                pending_indicator: None,
                ..before
            });
        }
    }

    fn expire(&mut self, on: NaiveDate) {
        let lives = |layer: &LayerSetup| layer.expiry.is_none_or(|last| last >= on);
        let whole =
            self.current.as_ref().is_some_and(|v| ![&v.first, &v.second].into_iter().flatten().any(lives));
        if whole {
            self.end("ECLD", on);
        } else if let Some(before) = self.end("ACLD", on) {
            let mut left = [before.first.clone(), before.second.clone()].into_iter().flatten().filter(lives);
            let first = left.next();
            let second = left.next();
            let code =
                if before.code == DecisionCode::Dc21 { before.code.clone() } else { DecisionCode::Dc22 };
            self.current =
                Some(Version { code, first, second, decided_on: on, effective_from: on, ..before });
        }
    }

    fn decide(&mut self, arriving: &Arriving<'_>) {
        let decision = arriving.decision;
        let standing = self.current.as_ref();
        let keeps_amounts = matches!(decision.code, DecisionCode::Dc05 | DecisionCode::Dc21)
            && decision.first.is_none()
            && decision.second.is_none();
        let (first, second) = match (&decision.code, standing) {
            (DecisionCode::Dc08, _) => (None, None),
            (_, Some(version)) if keeps_amounts => (version.first.clone(), version.second.clone()),
            (_, _) => (decision.first.clone(), decision.second.clone()),
        };
        let (cover_id, applied_on, reference) = match (arriving.source, standing) {
            (Source::Story, Some(version)) if decision.code.amends() => {
                (version.cover_id, version.applied_on, version.reference.clone())
            }
            (Source::Story, _) => (arriving.cover_id, arriving.applied_on, None),
            (Source::Request(reference), _) => {
                (arriving.cover_id, arriving.applied_on, reference.map(str::to_owned))
            }
        };
        let same_cover = standing.is_some_and(|version| version.cover_id == cover_id);
        let historic_code = match &decision.code {
            DecisionCode::Dc08 => "WCLD",
            DecisionCode::Dc05 => "MCLD",
            DecisionCode::Dc11 => "ICLD",
            DecisionCode::Dc01
            | DecisionCode::Dc02
            | DecisionCode::Dc03
            | DecisionCode::Dc04
            | DecisionCode::Dc06
            | DecisionCode::Dc07
            | DecisionCode::Dc09
            | DecisionCode::Dc10
            | DecisionCode::Dc21
            | DecisionCode::Dc22
            | DecisionCode::Other(_) => {
                if same_cover {
                    "ACLD"
                } else {
                    "SCLD"
                }
            }
        };
        self.end(historic_code, decision.on);
        let withdrawal_on = match decision.code {
            DecisionCode::Dc21 => decision.withdrawal_date,
            DecisionCode::Dc08 => Some(decision.withdrawal_date.unwrap_or(decision.on)),
            DecisionCode::Dc01
            | DecisionCode::Dc02
            | DecisionCode::Dc03
            | DecisionCode::Dc04
            | DecisionCode::Dc05
            | DecisionCode::Dc06
            | DecisionCode::Dc07
            | DecisionCode::Dc09
            | DecisionCode::Dc10
            | DecisionCode::Dc11
            | DecisionCode::Dc22
            | DecisionCode::Other(_) => None,
        };
        self.current = Some(Version {
            cover_id,
            cover_type: arriving.cover_type,
            code: decision.code.clone(),
            requested: decision.requested,
            first,
            second,
            applied_on,
            decided_on: decision.on,
            effective_from: decision.effective_from,
            withdrawal_on,
            pending_indicator: decision.pending_indicator.clone(),
            reference,
        });
    }
}

/// What is kept between two runs of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    pub setup: Setup,
    pub today: NaiveDate,
    pub requests: Vec<Request>,
    #[serde(default)]
    pub non_payments: Vec<NonPayment>,
    pub billed_lookups: u64,
    pub tokens_issued: u64,
}

/// Where a request was left by the call that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipt {
    pub cover_id: u64,
    /// The code, when it was decided at once.
    pub decided: Option<DecisionCode>,
}

/// Why a request was not taken, in the insurer's words and with the parameter at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub detail: &'static str,
    pub parameter: &'static str,
}

/// A request as it arrives, its fields already checked one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub buyer_id: u64,
    pub cover_type: CoverType,
    pub action: Action,
    pub amount: u64,
    pub effect_from: Option<NaiveDate>,
    pub reference: Option<String>,
}

/// What a request of an amount would lead to, for choosing test amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// The decision codes to come, the last being final.
    pub codes: Vec<DecisionCode>,
    /// Days until the final decision; 0 for an answer at once.
    pub days: u64,
    /// Whole units covered after the final decision, both layers.
    pub total: u64,
}

impl Book {
    pub fn new(setup: Setup) -> Self {
        Self {
            today: setup.today,
            setup,
            requests: Vec::new(),
            non_payments: Vec::new(),
            billed_lookups: 0,
            tokens_issued: 0,
        }
    }

    pub fn buyer(&self, buyer_id: u64) -> Option<&BuyerSetup> {
        self.setup.buyers.iter().find(|buyer| buyer.buyer_id == buyer_id)
    }

    /// The cover of a buyer as of the simulator's day.
    pub fn timeline(&self, buyer_id: u64) -> Timeline {
        let today = self.today;
        let mut events: Vec<(NaiveDate, Event<'_>)> = Vec::new();
        let mut cover_ids = (50_000_001_u64..).step_by(1_000);
        for buyer in &self.setup.buyers {
            let first_id = cover_ids.next().unwrap_or_default();
            if buyer.buyer_id != buyer_id {
                continue;
            }
            for (decision, cover_id) in buyer.story.iter().zip(first_id..).filter(|(d, _)| d.on <= today) {
                events.push((
                    decision.on,
                    Event::Decided(Arriving {
                        decision,
                        cover_id,
                        cover_type: CoverType::CreditLimit,
                        applied_on: decision.on,
                        source: Source::Story,
                    }),
                ));
            }
        }
        for request in self.requests.iter().filter(|r| r.buyer_id == buyer_id && r.made_on <= today) {
            if request.action == Action::Cancel {
                events.push((request.made_on, Event::Cancelled));
            }
            for decision in &request.decisions {
                if decision.on <= today && request.cancelled_on.is_none_or(|on| decision.on <= on) {
                    events.push((
                        decision.on,
                        Event::Decided(Arriving {
                            decision,
                            cover_id: request.cover_id,
                            cover_type: request.cover_type,
                            applied_on: request.made_on,
                            source: Source::Request(request.reference.as_deref()),
                        }),
                    ));
                }
            }
        }
        events.sort_by_key(|(on, _)| *on); // stable: on one day stories come first, then requests as they were made

        let mut timeline = Timeline::default();
        for (on, event) in &events {
            timeline.advance(*on);
            match event {
                Event::Decided(arriving) => timeline.decide(arriving),
                Event::Cancelled => {
                    timeline.end("CCLD", *on);
                }
            }
        }
        timeline.advance(today);
        timeline
    }

    /// Requests that are with the underwriters on the simulator's day.
    pub fn pending(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(|request| request.is_pending(self.today))
    }

    /// Whether the buyer belongs to the customer's portfolio: something was ever decided or asked.
    pub fn is_mine(&self, buyer_id: u64) -> bool {
        let timeline = self.timeline(buyer_id);
        timeline.current.is_some()
            || !timeline.ended.is_empty()
            || self.pending().any(|request| request.buyer_id == buyer_id)
    }

    /// Whole units covered per buyer; refused and withdrawn covers count 0, cancelled and expired ones are absent.
    pub fn snapshot(&self) -> BTreeMap<u64, u64> {
        self.setup
            .buyers
            .iter()
            .filter_map(|buyer| {
                self.timeline(buyer.buyer_id).current.map(|version| (buyer.buyer_id, version.total()))
            })
            .collect()
    }

    /// Takes a request and writes it into the journal, or says why not.
    pub fn request(&mut self, asked: &Asked) -> Result<Receipt, Refused> {
        let Some(buyer) = self.buyer(asked.buyer_id) else {
            return Err(Refused { detail: "No buyer match found", parameter: "buyerId" });
        };
        let current = self.timeline(asked.buyer_id).current;
        let pending = self.pending().any(|request| request.buyer_id == asked.buyer_id);
        admit(asked, current.as_ref(), pending)?;
        let decisions = self.plan(buyer, current.as_ref(), asked);
        let next_id = 80_000_001 + u64::try_from(self.requests.len()).unwrap_or(u64::MAX / 2);
        let cover_id = match (&current, asked.action) {
            (Some(version), Action::Reduce | Action::Cancel) => version.cover_id,
            (Some(_), Action::New | Action::Supersede) | (None, _) => next_id,
        };
        let today = self.today;
        if asked.action == Action::Cancel {
            for request in
                self.requests.iter_mut().filter(|r| r.buyer_id == asked.buyer_id && r.is_pending(today))
            {
                request.cancelled_on = Some(today);
            }
        }
        let decided = decisions
            .first()
            .filter(|first| first.on <= today && !first.code.is_preliminary())
            .map(|first| first.code.clone());
        self.requests.push(Request {
            cover_id,
            buyer_id: asked.buyer_id,
            cover_type: asked.cover_type,
            action: asked.action,
            amount: asked.amount,
            made_on: today,
            effect_from: asked.effect_from.unwrap_or(today),
            reference: asked.reference.clone(),
            decisions,
            cancelled_on: None,
        });
        Ok(Receipt { cover_id, decided })
    }

    /// What a request would lead to if it were made now; `None` when the buyer is unknown.
    pub fn foresee(&self, buyer_id: u64, action: Action, amount: u64) -> Option<Foreseen> {
        let buyer = self.buyer(buyer_id)?;
        let current = self.timeline(buyer_id).current;
        let asked = Asked {
            buyer_id,
            cover_type: CoverType::CreditLimit,
            action,
            amount,
            effect_from: None,
            reference: None,
        };
        let decisions = self.plan(buyer, current.as_ref(), &asked);
        let last = decisions.last()?;
        let kept = matches!(last.code, DecisionCode::Dc05 | DecisionCode::Dc21);
        let layers = [&last.first, &last.second].into_iter().flatten().map(|layer| layer.amount).sum();
        Some(Foreseen {
            days: u64::try_from((last.on - self.today).num_days()).unwrap_or_default(),
            total: if kept { current.map_or(0, |version| version.total()) } else { layers },
            codes: decisions.iter().map(|decision| decision.code.clone()).collect(),
        })
    }

    /// What is decided on a request and when, from nothing but seed, buyer, amount and the cover that stands.
    fn plan(&self, buyer: &BuyerSetup, current: Option<&Version>, asked: &Asked) -> Vec<Decision> {
        let standing = current.map_or(0, Version::total);
        let amount = asked.amount;
        let draw = |what: &str, below: u64| draw(self.setup.seed, buyer.buyer_id, amount, what, below);
        let decision = |days: u64, code, first, second| {
            let on = later(self.today, days);
            Decision {
                on,
                code,
                requested: amount,
                first,
                second,
                effective_from: asked.effect_from.unwrap_or(on).max(on),
                withdrawal_date: None,
                pending_indicator: None,
            }
        };
        let plain = |amount| Some(LayerSetup { amount, expiry: None, conditions: Vec::new() });
        match (asked.action, asked.cover_type) {
            (Action::Cancel, _) => return Vec::new(),
            (_, CoverType::CreditCheck) => {
                return vec![if buyer.rating < RATING_NO_CHECK {
                    decision(0, DecisionCode::Dc01, plain(CREDIT_CHECK_AMOUNT), None)
                } else {
                    decision(0, DecisionCode::Dc03, None, None)
                }];
            }
            (Action::Reduce, CoverType::CreditLimit) => {
                return vec![decision(0, DecisionCode::Dc09, plain(amount), None)];
            }
            (Action::Supersede, CoverType::CreditLimit) if standing == amount => {
                return vec![decision(0, DecisionCode::Dc11, plain(amount), None)];
            }
            (Action::Supersede, CoverType::CreditLimit) if standing > amount => {
                return vec![decision(0, DecisionCode::Dc01, plain(amount), None)];
            }
            (Action::New | Action::Supersede, CoverType::CreditLimit) => {}
        }

        let days = if draw("at once", 100) < 55 { 0 } else { 1 + draw("days", 5) };
        let outcome = draw("outcome", 100);
        let conditioned =
            |amount| Some(LayerSetup { amount, expiry: None, conditions: self.conditions(buyer, amount) });
        let temporary = |amount| {
            let expiry = Some(later(self.today, days + 90));
            Some(LayerSetup { amount, expiry, conditions: self.conditions(buyer, amount) })
        };

        if standing > 0 {
            let half = (amount - standing) / 2 / STEP * STEP;
            return vec![match outcome {
                0..40 => decision(days, DecisionCode::Dc01, plain(amount), None),
                40..55 if half > 0 => decision(days, DecisionCode::Dc04, plain(standing + half), None),
                40..75 => decision(days, DecisionCode::Dc05, None, None),
                75..90 => {
                    decision(days, DecisionCode::Dc02, conditioned(standing), temporary(amount - standing))
                }
                _ => Decision {
                    withdrawal_date: Some(later(self.today, days + 30)),
                    pending_indicator: Some("W".to_owned()),
                    ..decision(days, DecisionCode::Dc21, None, None)
                },
            }];
        }

        let share =
            [40, 50, 60, 75].into_iter().nth(usize::try_from(draw("share", 4)).unwrap_or(0)).unwrap_or(50);
        let part = (amount * share / 100 / STEP * STEP).max(STEP);
        if buyer.rating >= RATING_REFUSED {
            return vec![decision(days, DecisionCode::Dc03, None, None)];
        }
        match outcome {
            0..45 => vec![decision(days, DecisionCode::Dc01, plain(amount), None)],
            45..58 => vec![decision(days, DecisionCode::Dc02, conditioned(amount), None)],
            58..72 if part < amount => vec![decision(days, DecisionCode::Dc04, conditioned(part), None)],
            72..80 if part < amount => {
                vec![decision(days, DecisionCode::Dc02, conditioned(part), temporary(amount - part))]
            }
            80..90 => vec![decision(days, DecisionCode::Dc03, None, None)],
            90.. if days > 0 && part < amount => {
                let (first, last) = (1 + draw("first word", 2), draw("last word", 3) + 1);
                let preliminary = if draw("which", 2) == 0 {
                    decision(first, DecisionCode::Dc06, conditioned(part), None)
                } else {
                    decision(first, DecisionCode::Dc07, None, None)
                };
                let end = if draw("end", 3) == 0 {
                    decision(first + last, DecisionCode::Dc03, None, None)
                } else {
                    decision(first + last, DecisionCode::Dc04, conditioned(part), None)
                };
                vec![preliminary, end]
            }
            _ => vec![decision(days, DecisionCode::Dc01, plain(amount), None)],
        }
    }

    fn conditions(&self, buyer: &BuyerSetup, amount: u64) -> Vec<ConditionSetup> {
        let take = 1 + draw(self.setup.seed, buyer.buyer_id, amount, "conditions", 2);
        let skip = draw(self.setup.seed, buyer.buyer_id, amount, "which conditions", 3);
        sample_conditions()
            .skip(usize::try_from(skip).unwrap_or(0))
            .take(usize::try_from(take).unwrap_or(1))
            .collect()
    }
}

/// Whether a request may be made at all, given what stands.
fn admit(asked: &Asked, current: Option<&Version>, pending: bool) -> Result<(), Refused> {
    let existing = |version: &&Version| version.code != DecisionCode::Dc03; // assumed: a refusal does not block
    match asked.action {
        Action::New if pending || current.filter(existing).is_some() => Err(Refused {
            detail: "Credit limit/credit check already exists for this buyer.",
            parameter: "buyerId",
        }),
        Action::New => Ok(()),
        Action::Cancel if pending => Ok(()),
        Action::Supersede | Action::Reduce if pending => {
            Err(Refused { detail: "New Application cannot supersede existing cover", parameter: "buyerId" })
        }
        Action::Supersede | Action::Reduce | Action::Cancel => match current {
            None => Err(Refused { detail: "No existing cover found for this buyer.", parameter: "buyerId" }),
            Some(version) if version.cover_type != asked.cover_type => Err(Refused {
                detail: "No existing cover of this type found for this buyer.",
                parameter: "coverType",
            }),
            Some(version) if asked.action == Action::Reduce && asked.amount >= version.total() => {
                Err(Refused {
                    detail: "Amount must be lower than the existing cover.",
                    parameter: "creditLimitAmount",
                })
            }
            Some(_) => Ok(()),
        },
    }
}

/// Invented conditions.
pub(super) fn sample_conditions() -> impl Iterator<Item = ConditionSetup> {
    [
        ("X101", "Cover applies to invoices with payment terms of at most 60 days."),
        ("X102", "Our decision is based on the latest published accounts."),
        ("X103", "Please send us recent payment experience before asking for an increase."),
        ("X104", "The amount is limited by the size of the company."),
    ]
    .into_iter()
    .map(|(code, text)| ConditionSetup { code: code.to_owned(), text: text.to_owned() })
}

/// A number below `below` that depends on nothing else than the other arguments.
pub(super) fn draw(seed: u64, buyer_id: u64, amount: u64, what: &str, below: u64) -> u64 {
    let print = crate::ids::fingerprint(&[
        b"sandbox atradius",
        &seed.to_le_bytes(),
        &buyer_id.to_le_bytes(),
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
