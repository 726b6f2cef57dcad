//! What the simulated insurer knows: debtors, what is decided on each over time, and what the policyholder asked and said.
//!
//! What stands is told anew for every day, from the story of each debtor and the journal of requests; the day can be moved.
//! Invariant: what is visible on a day depends on nothing that happens after it.
//! What the published pages leave open is marked "assumed".

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

/// From this rating on (1 is best, 10 worst) every request is refused.
const RATING_REFUSED: u8 = 9;

/// Above this amount, minor units, a person decides.
const MANUAL_FROM_MINOR: i64 = 15_000_000;

/// Movements reach back this many days, today being the first.
const MOVEMENT_DAYS: u64 = 2;

/// Everything a simulated policyholder consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Seed of every decision.
    pub seed: u64,
    /// The first day.
    pub today: NaiveDate,
    /// The contract's number.
    pub contract_no: String,
    /// ISO 4217 code of a currency with two decimals.
    pub currency: String,
    /// Client ID of the application.
    pub client_id: String,
    /// Its secret; invented, and kept in saved files.
    pub client_secret: String,
    /// User.
    pub username: String,
    /// Password; invented, and kept in saved files.
    pub password: String,
    /// Life of a token.
    pub token_lifetime_seconds: u64,
    /// The companies that the insurer knows.
    pub debtors: Vec<Debtor>,
}

/// A company, and what the insurer decides on it by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debtor {
    /// The insurer's code of it.
    pub code: String,
    /// Registered name.
    pub name: String,
    /// ISO 3166 alpha-2 code.
    pub country: String,
    /// Tax number, without the country.
    pub tax_code: String,
    /// 1 is best, 10 is worst.
    pub rating: u8,
    /// Decisions, by date.
    pub story: Vec<Change>,
}

/// A decision of the insurer's own, visible from the day `on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its day.
    pub on: NaiveDate,
    /// What stands from then on.
    pub status: Status,
    /// Minor units covered; ignored where the status ends or refuses.
    pub amount_minor: i64,
    /// Minor units that were asked for.
    pub requested_minor: i64,
    /// First day without cover, of an announced annulment.
    pub annul_on: Option<NaiveDate>,
    /// Last day of cover.
    pub last_day: Option<NaiveDate>,
}

/// Where a classification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// With a person at the insurer: 1, the only code that is published.
    InProcess,
    /// Covered.
    InForce,
    /// Not covered, and without an endorsement.
    Refused,
    /// Given up by the policyholder.
    GivenUp,
    /// Covered, and announced to end.
    Announced,
    /// Annulled by the insurer.
    Annulled,
    /// Past its last day.
    Expired,
    /// A code of tomorrow; the amount counts.
    Unknown,
}

impl Status {
    /// The code and its description, as the interface writes them; all but the first are assumed.
    pub(super) const fn code(self) -> (u64, &'static str) {
        match self {
            Self::InProcess => (1, "In process"),
            Self::InForce => (2, "Classified"),
            Self::Refused => (3, "Refused"),
            Self::GivenUp => (4, "Annulled by the policyholder"),
            Self::Announced => (5, "Annulment announced"),
            Self::Annulled => (6, "Annulled by Cesce"),
            Self::Expired => (7, "Expired"),
            Self::Unknown => (77, "Under special observation"),
        }
    }

    /// Whether the amount counts.
    pub(super) const fn covers(self) -> bool {
        match self {
            Self::InForce | Self::Announced | Self::Unknown => true,
            Self::InProcess | Self::Refused | Self::GivenUp | Self::Annulled | Self::Expired => false,
        }
    }
}

/// What the policyholder asked for, in the order in which it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    Request(Request),
    Annulment { debtor: String, on: NaiveDate, reference: Option<String> },
}

/// A request, with what is going to be decided on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub number: u64,
    pub debtor: String,
    pub on: NaiveDate,
    pub amount_minor: i64,
    /// Whether something stood when it was made.
    pub is_change: bool,
    pub reference: Option<String>,
    pub decided_on: NaiveDate,
    /// Nothing when it is refused.
    pub granted_minor: Option<i64>,
}

/// A declared sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The insurer's reference of it.
    pub reference: String,
    /// The simulator's day.
    pub on: NaiveDate,
    /// The debtor's code, where it was named.
    pub debtor: Option<String>,
    /// The debtor's country, where it was stated.
    pub country: Option<String>,
    /// The month of the invoices, as it came.
    pub month: String,
    /// Minor units; below zero for a credit note.
    pub amount_minor: i64,
    /// Credit terms in days.
    pub terms_days: Option<u64>,
    /// The caller's reference.
    pub our_reference: Option<String>,
}

/// A declared non-payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonPayment {
    /// The insurer's number of it.
    pub internal_no: u64,
    /// The claim's file: one for each debtor.
    pub dossier_no: u64,
    /// The simulator's day.
    pub on: NaiveDate,
    /// The debtor's code.
    pub debtor: String,
    /// Number of the invoice.
    pub invoice: String,
    /// Its due date.
    pub due: NaiveDate,
    /// Minor units not paid.
    pub unpaid_minor: i64,
    /// The caller's reference.
    pub our_reference: Option<String>,
}

/// What stands on a debtor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub endorsement_no: u64,
    pub request_no: u64,
    pub status: Status,
    pub amount_minor: i64,
    pub requested_minor: i64,
    pub requested_on: NaiveDate,
    pub decided_on: NaiveDate,
    pub effective_on: NaiveDate,
    pub annul_on: Option<NaiveDate>,
    pub last_day: Option<NaiveDate>,
    pub reference: Option<String>,
}

/// A debtor on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Timeline {
    /// The endorsement, also after it has ended.
    pub standing: Option<Standing>,
    /// The last request that was refused since something was granted.
    pub refused: Option<Request>,
    /// What stood after each change, with the day of the change.
    pub moves: Vec<(NaiveDate, Standing)>,
}

impl Timeline {
    fn put(&mut self, on: NaiveDate, standing: Standing) {
        self.moves.push((on, standing.clone()));
        self.standing = Some(standing);
    }

    /// Lets announced annulments and last days come true up to and including `day`.
    fn advance(&mut self, day: NaiveDate) {
        let Some(standing) = self.standing.clone().filter(|standing| standing.status.covers()) else {
            return;
        };
        let annulled = standing
            .annul_on
            .filter(|_| standing.status == Status::Announced)
            .map(|on| (on, Status::Annulled));
        let expired = standing.last_day.and_then(|last| last.succ_opt()).map(|on| (on, Status::Expired));
        if let Some((on, status)) =
            [annulled, expired].into_iter().flatten().filter(|(on, _)| *on <= day).min_by_key(|(on, _)| *on)
        {
            self.put(on, Standing { status, decided_on: on, effective_on: on, ..standing });
        }
    }

    fn change(&mut self, change: &Change, number: u64) {
        if change.status == Status::Refused {
            return; // a story that begins with a refusal shows nothing: there is no request to be seen
        }
        let before = self.standing.clone();
        let standing = match before {
            Some(before) => Standing {
                status: change.status,
                amount_minor: if change.status.covers() && change.amount_minor > 0 {
                    change.amount_minor
                } else {
                    before.amount_minor
                },
                decided_on: change.on,
                effective_on: if change.status == Status::Announced {
                    before.effective_on
                } else {
                    change.on
                },
                annul_on: change.annul_on.or((change.status == Status::Annulled).then_some(change.on)),
                last_day: change.last_day,
                ..before
            },
            None => Standing {
                endorsement_no: number,
                request_no: number,
                status: change.status,
                amount_minor: change.amount_minor,
                requested_minor: change.requested_minor,
                requested_on: change.on,
                decided_on: change.on,
                effective_on: change.on,
                annul_on: change.annul_on,
                last_day: change.last_day,
                reference: None,
            },
        };
        self.put(change.on, standing);
    }

    fn decide(&mut self, request: &Request) {
        let Some(granted) = request.granted_minor else {
            self.refused = Some(request.clone());
            return;
        };
        self.refused = None;
        let endorsement_no = self.standing.as_ref().map_or(request.number, |before| before.endorsement_no);
        let standing = Standing {
            endorsement_no,
            request_no: request.number,
            status: Status::InForce,
            amount_minor: granted,
            requested_minor: request.amount_minor,
            requested_on: request.on,
            decided_on: request.decided_on,
            effective_on: request.decided_on,
            annul_on: None,
            last_day: None,
            reference: request.reference.clone(),
        };
        self.put(request.decided_on, standing);
    }

    fn give_up(&mut self, on: NaiveDate) {
        if let Some(standing) = self.standing.clone().filter(|standing| standing.status.covers()) {
            self.put(on, Standing { status: Status::GivenUp, decided_on: on, effective_on: on, ..standing });
        }
    }
}

/// What is kept between two runs of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    pub setup: Setup,
    pub today: NaiveDate,
    pub journal: Vec<Entry>,
    pub sales: Vec<Sale>,
    pub non_payments: Vec<NonPayment>,
    pub tokens_issued: u64,
}

/// One step of a debtor's timeline.
enum Step<'a> {
    Story(&'a Change, u64),
    Decided(&'a Request),
    GivenUp,
}

impl Book {
    pub fn new(setup: Setup) -> Self {
        Self {
            today: setup.today,
            setup,
            journal: Vec::new(),
            sales: Vec::new(),
            non_payments: Vec::new(),
            tokens_issued: 0,
        }
    }

    pub fn debtor(&self, code: &str) -> Option<&Debtor> {
        self.setup.debtors.iter().find(|debtor| debtor.code == code)
    }

    pub fn debtor_by_tax_code(&self, country: &str, tax_code: &str) -> Option<&Debtor> {
        self.setup.debtors.iter().find(|debtor| debtor.country == country && debtor.tax_code == tax_code)
    }

    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.journal.iter().filter_map(|entry| match entry {
            Entry::Request(request) => Some(request),
            Entry::Annulment { .. } => None,
        })
    }

    /// Requests of a debtor that are in process on the simulator's day.
    pub fn in_process(&self, code: &str) -> Option<&Request> {
        self.requests().find(|request| {
            request.debtor == code && request.on <= self.today && request.decided_on > self.today
        })
    }

    /// What stands on a debtor on the simulator's day.
    pub fn timeline(&self, code: &str) -> Timeline {
        let mut steps: Vec<(NaiveDate, Step<'_>)> = Vec::new();
        let position = self.setup.debtors.iter().position(|debtor| debtor.code == code).unwrap_or(0);
        let number = 70_000_001 + u64::try_from(position).unwrap_or(0);
        let stories = self.setup.debtors.iter().filter(|debtor| debtor.code == code);
        steps.extend(
            stories.flat_map(|debtor| &debtor.story).map(|change| (change.on, Step::Story(change, number))),
        );
        for entry in &self.journal {
            match entry {
                Entry::Request(request) if request.debtor == code => {
                    steps.push((request.decided_on, Step::Decided(request)));
                }
                Entry::Annulment { debtor, on, .. } if debtor == code => steps.push((*on, Step::GivenUp)),
                Entry::Request(_) | Entry::Annulment { .. } => {}
            }
        }
        steps.retain(|(on, _)| *on <= self.today);
        steps.sort_by_key(|(on, _)| *on); // stable: on one day stories come first, then the journal in its order
        let mut timeline = Timeline::default();
        for (on, step) in &steps {
            timeline.advance(*on);
            match step {
                Step::Story(change, number) => timeline.change(change, *number),
                Step::Decided(request) => timeline.decide(request),
                Step::GivenUp => timeline.give_up(*on),
            }
        }
        timeline.advance(self.today);
        timeline
    }

    /// Minor units covered per debtor: 0 where something was refused or has ended, absent where nothing was ever decided.
    pub fn limits(&self) -> BTreeMap<String, i64> {
        let mut limits = BTreeMap::new();
        for debtor in &self.setup.debtors {
            let timeline = self.timeline(&debtor.code);
            let amount = match (&timeline.standing, &timeline.refused) {
                (Some(standing), _) if standing.status.covers() => Some(standing.amount_minor),
                (Some(_), _) | (None, Some(_)) => Some(0),
                (None, None) => None,
            };
            limits.extend(amount.map(|amount| (debtor.code.clone(), amount)));
        }
        limits
    }

    /// What stood after each change of the last two days, oldest first.
    pub fn movements(&self) -> Vec<(&Debtor, NaiveDate, Standing)> {
        let first = self.today.checked_sub_days(Days::new(MOVEMENT_DAYS - 1)).unwrap_or(self.today);
        let mut moves: Vec<(&Debtor, NaiveDate, Standing)> = Vec::new();
        for debtor in &self.setup.debtors {
            let own = self.timeline(&debtor.code).moves.into_iter();
            moves.extend(own.filter(|(on, _)| *on >= first).map(|(on, standing)| (debtor, on, standing)));
        }
        moves.sort_by_key(|(_, on, _)| *on);
        moves
    }

    /// Takes a request; gives its number.
    pub fn request(&mut self, code: &str, amount_minor: i64, reference: Option<String>) -> Option<u64> {
        let debtor = self.debtor(code)?;
        let standing = self.timeline(code).standing.filter(|standing| standing.status.covers());
        let (days, granted_minor) = self.plan(debtor, standing.as_ref(), amount_minor);
        let number = 80_000_001 + u64::try_from(self.requests().count()).unwrap_or(0);
        let decided_on = self.today.checked_add_days(Days::new(days)).unwrap_or(self.today);
        self.journal.push(Entry::Request(Request {
            number,
            debtor: code.to_owned(),
            on: self.today,
            amount_minor,
            is_change: standing.is_some(),
            reference,
            decided_on,
            granted_minor,
        }));
        Some(number)
    }

    /// After how many days a request is decided, and what is granted, from nothing but seed, debtor, amount and standing.
    pub fn plan(
        &self,
        debtor: &Debtor,
        standing: Option<&Standing>,
        amount_minor: i64,
    ) -> (u64, Option<i64>) {
        let draw = |what: &str, below: u64| draw(self.setup.seed, &debtor.code, amount_minor, what, below);
        let stands = standing.map_or(0, |standing| standing.amount_minor);
        if amount_minor <= stands {
            return (0, Some(amount_minor)); // less is always granted at once
        }
        let days = if amount_minor > MANUAL_FROM_MINOR || draw("manual", 100) < 35 {
            1 + draw("days", 6)
        } else {
            0
        };
        if debtor.rating >= RATING_REFUSED {
            return (days, None);
        }
        let part = stands + (amount_minor - stands) / 2;
        match draw("outcome", 100) {
            0..60 => (days, Some(amount_minor)),
            60..82 if part > 0 => (days, Some(part)),
            _ => (days, None),
        }
    }
}

/// A number below `below` that depends on nothing else than the other arguments.
pub(super) fn draw(seed: u64, code: &str, amount_minor: i64, what: &str, below: u64) -> u64 {
    let print = crate::ids::fingerprint(&[
        b"sandbox cesce",
        &seed.to_le_bytes(),
        code.as_bytes(),
        &amount_minor.to_le_bytes(),
        what.as_bytes(),
    ]);
    let number = print.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    number.checked_rem(below).unwrap_or(0)
}
