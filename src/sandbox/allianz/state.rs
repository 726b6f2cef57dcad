//! What the simulated insurer knows: buyers, their covers under three extensions of a policy, requests and jobs.
//!
//! A request is a job first. A job is done after some polls or when the day changes, and only then is there a request, or
//! a decision. What happens by itself is an event with a day; moving the day lets every event up to it happen, in order.
//! Invariant: the same seed, days and calls lead to the same state. Moving the day back undoes nothing.
//! What the published clients of the real interface leave open is marked "assumed".

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::operation::Environment;

/// From this grade on (1 is best, 10 worst) every new request is refused.
const GRADE_REFUSED: u8 = 9;

/// Everything a simulated customer of the insurer consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Seed of every decision and quirk.
    pub seed: u64,
    /// The first day.
    pub today: NaiveDate,
    /// Code of the entity that issued the policy.
    pub business_unit: String,
    /// Number of the main policy, of its DCL and of its CAP extension.
    pub policies: [String; 3],
    /// ISO 4217 code of a currency with two decimals.
    pub currency: String,
    /// The API key; invented, and kept in saved files.
    pub api_key: String,
    /// The buyers that the insurer knows.
    pub buyers: Vec<BuyerSetup>,
    /// Life of a token; 3600 at the insurer, 0 makes every token stale at once.
    pub token_lifetime_seconds: u64,
    /// How many polls a job needs at most; 0 processes every job at once.
    pub polls_max: u64,
    /// No page has more rows than this, whatever is asked.
    pub page_size_max: usize,
    /// The header that asks for a call back; the real name is not known.
    pub webhook_header: String,
    /// Time between two calls back; 30 000 at the insurer.
    pub callback_milliseconds: u64,
}

/// A buyer, and what the insurer decides on it by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyerSetup {
    /// The insurer's id, digits as a text.
    pub company_id: String,
    /// Registered name.
    pub name: String,
    /// ISO 3166 alpha-2 code.
    pub country: String,
    /// Registry numbers: type and value.
    pub identifiers: Vec<(String, String)>,
    /// 1 is best, 10 is worst.
    pub grade: u8,
    /// The policy covers it by its grade, without an amount on the row.
    pub by_grade: bool,
    /// Decisions on its covers, by date.
    pub story: Vec<Decision>,
}

/// An extension of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Extension {
    /// The policy itself.
    Main,
    /// Discretionary limits.
    Discretionary,
    /// The top-up.
    TopUp,
}

impl Extension {
    /// Every extension, in the order of [`Setup::policies`].
    pub const ALL: [Self; 3] = [Self::Main, Self::Discretionary, Self::TopUp];

    /// The code of the interface.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Discretionary => "DCL",
            Self::TopUp => "CAP",
        }
    }
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The layers are granted.
    Granted,
    /// Nothing is granted; a cover that stands stays.
    Refused,
    /// The cover ends today.
    Revoked,
    /// The layers are granted under a status that no client knows.
    Other(String),
}

/// A decision on one extension's cover of a buyer, visible from the day `on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Day of the decision.
    pub on: NaiveDate,
    /// Which extension it is under.
    pub extension: Extension,
    /// What is decided.
    pub verdict: Verdict,
    /// What was asked, minor units.
    pub requested_minor: i64,
    /// What is granted.
    pub layers: Vec<Layer>,
}

/// One amount of a cover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Minor units.
    pub amount_minor: i64,
    /// First day.
    pub from: NaiveDate,
    /// Last day; `None` for a permanent one.
    pub until: Option<NaiveDate>,
}

/// A cover, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cover {
    pub cover_id: String,
    pub company_id: String,
    pub extension: Extension,
    pub status: String,
    /// The code beside each amount.
    pub technical: String,
    pub requested_minor: i64,
    pub layers: Vec<Layer>,
    pub decided_on: Option<NaiveDate>,
    pub updated_on: NaiveDate,
    /// It is the one that stands, and is listed.
    pub stands: bool,
}

impl Cover {
    /// The layers that count on a day.
    pub fn layers_on(&self, day: NaiveDate) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(move |layer| layer.until.is_none_or(|last| day <= last))
    }

    pub fn amount_on(&self, day: NaiveDate) -> i64 {
        self.layers_on(day).map(|layer| layer.amount_minor).sum()
    }

    /// Whether a list of a day shows it: one whose last day has passed is gone without a word (assumed).
    pub fn is_listed(&self, day: NaiveDate) -> bool {
        self.stands && (self.layers.is_empty() || self.layers_on(day).next().is_some())
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    InProgress,
    Processed,
    Cancelled,
}

/// A request that its job has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub request_id: String,
    pub cover_id: String,
    pub company_id: String,
    pub extension: Extension,
    pub amount_minor: i64,
    pub made_on: NaiveDate,
    pub updated_on: NaiveDate,
    pub stage: Stage,
    pub decision: Decision,
}

/// What a job is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Task {
    Request { company_id: String, extension: Extension, amount_minor: i64 },
    Cancel { cover_id: String },
    Withdraw { request_id: String },
    Overdue,
}

/// Where the insurer is to call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Webhook {
    pub url: String,
    /// Business decisions too, not only that the job is done.
    pub extended: bool,
}

/// A task on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    pub job_id: String,
    pub task: Task,
    pub environment: Environment,
    pub polls_left: u64,
    pub is_done: bool,
    /// The cover that it led to.
    pub cover_id: Option<String>,
    pub webhook: Option<Webhook>,
}

/// Something that happens by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Event {
    Story { company_id: String, decision: Decision },
    Job { job_id: String },
    Decide { request_id: String },
    Revoke { cover_id: String },
}

/// An overdue notice as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The simulator's day.
    pub on: NaiveDate,
    /// `OVD`, `EXP` or `RES`.
    pub category: String,
    /// The buyer.
    pub company_id: String,
    /// The number of the invoice.
    pub invoice: String,
}

/// A message that the insurer calls back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub url: String,
    pub body: serde_json::Value,
}

/// What a request of an amount would lead to, for choosing test amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// Days from the end of its job to the decision; 0 when the job's end is the decision.
    pub days: u64,
    /// What is decided.
    pub verdict: Verdict,
    /// Minor units that the request leads to; what stands when it is refused.
    pub total_minor: i64,
}

/// What is kept between two runs of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    pub setup: Setup,
    pub today: NaiveDate,
    pub covers: Vec<Cover>,
    pub requests: Vec<Request>,
    pub jobs: Vec<Job>,
    pub notices: Vec<Notice>,
    pub accepted: Vec<crate::sandbox::insurer::Accepted>,
    pub tokens_issued: u64,
    events: Vec<(NaiveDate, Event)>,
    next_id: u64,
    /// Not kept: a simulator that was stopped calls nobody back.
    #[serde(skip)]
    pub messages: Vec<Message>,
}

impl Book {
    pub fn new(setup: Setup) -> Self {
        let stories = setup.buyers.iter().flat_map(|buyer| {
            buyer.story.iter().map(|decision| {
                let event = Event::Story { company_id: buyer.company_id.clone(), decision: decision.clone() };
                (decision.on, event)
            })
        });
        let events: Vec<_> = stories.collect();
        let first = events.iter().map(|(on, _)| *on).min().unwrap_or(setup.today);
        let today = setup.today;
        let mut book = Self {
            today: first.min(today),
            setup,
            covers: Vec::new(),
            requests: Vec::new(),
            jobs: Vec::new(),
            notices: Vec::new(),
            accepted: Vec::new(),
            tokens_issued: 0,
            events,
            next_id: 0,
            messages: Vec::new(),
        };
        book.set_today(today);
        book
    }

    pub fn buyer(&self, company_id: &str) -> Option<&BuyerSetup> {
        self.setup.buyers.iter().find(|buyer| buyer.company_id == company_id)
    }

    /// Lets everything up to a day happen, in the order of the days, and of one day in the order in which it was known.
    pub fn set_today(&mut self, day: NaiveDate) {
        loop {
            let due = self.events.iter().enumerate().filter(|(_, (on, _))| *on <= day);
            let Some((index, on)) =
                due.min_by_key(|(index, (on, _))| (*on, *index)).map(|(index, (on, _))| (index, *on))
            else {
                break;
            };
            let (_, event) = self.events.remove(index);
            self.today = self.today.max(on);
            self.happen(event);
        }
        self.today = day;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Story { company_id, decision } => {
                let cover_id = match self.standing(&company_id, decision.extension) {
                    Some(cover) => cover.cover_id.clone(),
                    None => self.id("C"),
                };
                self.decide(&cover_id, &company_id, &decision);
            }
            Event::Job { job_id } => self.process(&job_id),
            Event::Decide { request_id } => self.decide_request(&request_id),
            Event::Revoke { cover_id } => self.revoke(&cover_id),
        }
    }

    fn id(&mut self, kind: &str) -> String {
        self.next_id += 1;
        format!("{kind}-{:08}", 60_000_000 + self.next_id)
    }

    /// The cover that stands under an extension.
    pub fn standing(&self, company_id: &str, extension: Extension) -> Option<&Cover> {
        self.covers
            .iter()
            .find(|cover| cover.stands && cover.company_id == company_id && cover.extension == extension)
    }

    pub fn cover(&self, cover_id: &str) -> Option<&Cover> {
        self.covers.iter().find(|cover| cover.cover_id == cover_id)
    }

    /// What is covered per buyer, all extensions together; buyers without a listed cover are absent.
    pub fn snapshot(&self) -> BTreeMap<String, i64> {
        let mut covered = BTreeMap::new();
        for cover in self.covers.iter().filter(|cover| cover.is_listed(self.today)) {
            *covered.entry(cover.company_id.clone()).or_insert(0) += cover.amount_on(self.today);
        }
        covered
    }

    /// Writes a decision into a cover, new or standing.
    fn decide(&mut self, cover_id: &str, company_id: &str, decision: &Decision) {
        let standing = self.standing(company_id, decision.extension).map(|cover| cover.cover_id.clone());
        let granted = self
            .standing(company_id, decision.extension)
            .is_some_and(|cover| cover.amount_on(self.today) > 0);
        let (status, technical) = match &decision.verdict {
            Verdict::Granted => ("Agreement", "Agreed"),
            Verdict::Refused => ("Refused", "Refused"),
            Verdict::Revoked => ("Revoked", "Revoked"),
            Verdict::Other(code) => (code.as_str(), "Agreed"),
        };
        // A refused increase leaves the cover that stands; the new one is only found by its id (assumed).
        let keeps = decision.verdict == Verdict::Refused && granted && standing.as_deref() != Some(cover_id);
        if !keeps && let Some(old) = standing.filter(|old| old != cover_id) {
            self.covers
                .iter_mut()
                .filter(|cover| cover.cover_id == old)
                .for_each(|cover| cover.stands = false);
        }
        let decided = Cover {
            cover_id: cover_id.to_owned(),
            company_id: company_id.to_owned(),
            extension: decision.extension,
            status: status.to_owned(),
            technical: technical.to_owned(),
            requested_minor: decision.requested_minor,
            layers: if matches!(decision.verdict, Verdict::Granted | Verdict::Other(_)) {
                decision.layers.clone()
            } else {
                Vec::new()
            },
            decided_on: Some(self.today),
            updated_on: self.today,
            stands: !keeps,
        };
        match self.covers.iter_mut().find(|cover| cover.cover_id == cover_id) {
            Some(cover) => *cover = decided,
            None => self.covers.push(decided),
        }
    }

    fn decide_request(&mut self, request_id: &str) {
        let today = self.today;
        let Some(request) = self
            .requests
            .iter_mut()
            .find(|request| request.request_id == request_id && request.stage == Stage::InProgress)
        else {
            return;
        };
        request.stage = Stage::Processed;
        request.updated_on = today;
        let request = request.clone();
        self.decide(&request.cover_id, &request.company_id, &request.decision);
        let told = self.jobs.iter().find(|job| job.cover_id.as_deref() == Some(request.cover_id.as_str()));
        let webhook = told.and_then(|job| job.webhook.clone()).filter(|webhook| webhook.extended);
        if let Some(webhook) = webhook {
            let status = self.cover(&request.cover_id).map(|cover| cover.status.clone());
            let body = serde_json::json!({
                "notificationType": "Functional", "coverId": request.cover_id, "coverStatusCode": status,
            });
            self.messages.push(Message { url: webhook.url, body });
        }
    }

    pub fn revoke(&mut self, cover_id: &str) {
        let today = self.today;
        let cover = self.covers.iter_mut().find(|cover| cover.cover_id == cover_id && cover.stands);
        if let Some(cover) = cover {
            "Revoked".clone_into(&mut cover.status);
            "Revoked".clone_into(&mut cover.technical);
            cover.layers.clear();
            cover.decided_on = Some(today);
            cover.updated_on = today;
        }
    }

    /// Takes a task and gives its job's number.
    pub fn take(&mut self, task: Task, environment: Environment, webhook: Option<Webhook>) -> String {
        let count = u64::try_from(self.jobs.len()).unwrap_or(u64::MAX);
        let print = crate::ids::fingerprint_hex(&[
            b"sandbox allianz job",
            &self.setup.seed.to_le_bytes(),
            &count.to_le_bytes(),
        ]);
        let part = |from: usize, to: usize| print.get(from..to).unwrap_or_default();
        let job_id =
            format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32));
        let polls_left = match self.setup.polls_max {
            0 => 0,
            most => 1 + draw(self.setup.seed, &job_id, 0, "polls", most),
        };
        self.jobs.push(Job {
            job_id: job_id.clone(),
            task,
            environment,
            polls_left,
            is_done: false,
            cover_id: None,
            webhook,
        });
        if polls_left == 0 {
            self.process(&job_id);
        } else {
            self.events.push((later(self.today, 1), Event::Job { job_id: job_id.clone() }));
        }
        job_id
    }

    /// Looks at a job, which brings it nearer to its end.
    pub fn poll(&mut self, job_id: &str) -> Option<Job> {
        let job = self.jobs.iter_mut().find(|job| job.job_id == job_id)?;
        if !job.is_done {
            job.polls_left = job.polls_left.saturating_sub(1);
            if job.polls_left == 0 {
                self.process(job_id);
            }
        }
        self.jobs.iter().find(|job| job.job_id == job_id).cloned()
    }

    fn process(&mut self, job_id: &str) {
        let Some(job) = self.jobs.iter_mut().find(|job| job.job_id == job_id && !job.is_done) else { return };
        job.is_done = true;
        let job = job.clone();
        let cover_id = match &job.task {
            Task::Request { company_id, extension, amount_minor } => {
                Some(self.make_request(company_id, *extension, *amount_minor))
            }
            Task::Cancel { cover_id } => {
                self.cancel(cover_id);
                Some(cover_id.clone())
            }
            Task::Withdraw { request_id } => self.withdraw(request_id),
            Task::Overdue => None,
        };
        if let Some(job) = self.jobs.iter_mut().find(|job| job.job_id == job_id) {
            job.cover_id = cover_id;
        }
        if let Some(webhook) = job.webhook {
            let body = serde_json::json!({
                "notificationType": "Technical", "jobId": job.job_id, "jobStatusCode": "PROCESSED",
            });
            self.messages.push(Message { url: webhook.url, body });
        }
        // What needs no underwriter is decided with the job.
        let at_once =
            self.requests.last().filter(|r| r.stage == Stage::InProgress && r.decision.on <= self.today);
        if let Some(request_id) = at_once.map(|request| request.request_id.clone()) {
            self.decide_request(&request_id);
        }
    }

    /// The job of a request is done: there is a request now. Gives the cover's number.
    fn make_request(&mut self, company_id: &str, extension: Extension, amount_minor: i64) -> String {
        let seen = self.plan(company_id, extension, amount_minor);
        let today = self.today;
        if let Some(cover) = self
            .covers
            .iter_mut()
            .find(|cover| cover.stands && cover.company_id == company_id && cover.extension == extension)
            && cover.amount_on(today) == amount_minor
            && amount_minor > 0
        {
            "AlreadyAgreed".clone_into(&mut cover.technical);
            return cover.cover_id.clone();
        }
        let (cover_id, request_id) = (self.id("C"), self.id("R"));
        self.covers.push(Cover {
            cover_id: cover_id.clone(),
            company_id: company_id.to_owned(),
            extension,
            status: "Assessing".to_owned(),
            technical: "InProgress".to_owned(),
            requested_minor: amount_minor,
            layers: Vec::new(),
            decided_on: None,
            updated_on: today,
            stands: false,
        });
        self.requests.push(Request {
            request_id: request_id.clone(),
            cover_id: cover_id.clone(),
            company_id: company_id.to_owned(),
            extension,
            amount_minor,
            made_on: today,
            updated_on: today,
            stage: Stage::InProgress,
            decision: seen,
        });
        let on = self.requests.last().map_or(today, |request| request.decision.on);
        if on > today {
            self.events.push((on, Event::Decide { request_id }));
        }
        cover_id
    }

    fn cancel(&mut self, cover_id: &str) {
        let today = self.today;
        for cover in self.covers.iter_mut().filter(|cover| cover.cover_id == cover_id) {
            "Cancelled".clone_into(&mut cover.status);
            "Cancelled".clone_into(&mut cover.technical);
            cover.layers.clear();
            cover.updated_on = today;
            cover.stands = false;
        }
    }

    fn withdraw(&mut self, request_id: &str) -> Option<String> {
        let today = self.today;
        let request = self
            .requests
            .iter_mut()
            .find(|request| request.request_id == request_id && request.stage == Stage::InProgress)?;
        request.stage = Stage::Cancelled;
        request.updated_on = today;
        let cover_id = request.cover_id.clone();
        self.cancel(&cover_id);
        Some(cover_id)
    }

    /// What a request of the main policy would lead to if its job ended today.
    pub fn foresee(&self, company_id: &str, amount_minor: i64) -> Option<Foreseen> {
        self.buyer(company_id)?;
        let standing =
            self.standing(company_id, Extension::Main).map_or(0, |cover| cover.amount_on(self.today));
        let decision = self.plan(company_id, Extension::Main, amount_minor);
        let granted: i64 = decision.layers.iter().map(|layer| layer.amount_minor).sum();
        Some(Foreseen {
            days: u64::try_from((decision.on - self.today).num_days()).unwrap_or_default(),
            total_minor: if decision.verdict == Verdict::Refused { standing } else { granted },
            verdict: decision.verdict,
        })
    }

    /// What is decided on a request and when, from nothing but seed, buyer, amount and the cover that stands.
    fn plan(&self, company_id: &str, extension: Extension, amount_minor: i64) -> Decision {
        let standing = self.standing(company_id, extension).map_or(0, |cover| cover.amount_on(self.today));
        let draw = |what: &str, below: u64| {
            draw(self.setup.seed, company_id, u64::try_from(amount_minor).unwrap_or(0), what, below)
        };
        let decided = |days: u64, verdict, amounts: &[(i64, Option<u64>)]| {
            let on = later(self.today, days);
            let layer = |(amount_minor, days): &(i64, Option<u64>)| Layer {
                amount_minor: *amount_minor,
                from: on,
                until: days.map(|days| later(on, days)),
            };
            let layers = amounts.iter().filter(|(amount, _)| *amount > 0).map(layer).collect();
            Decision { on, extension, verdict, requested_minor: amount_minor, layers }
        };
        if amount_minor <= standing {
            return decided(0, Verdict::Granted, &[(amount_minor, None)]);
        }
        let days = if draw("at once", 100) < 50 { 0 } else { 1 + draw("days", 5) };
        let grade = self.buyer(company_id).map_or(5, |buyer| buyer.grade);
        if grade >= GRADE_REFUSED && standing == 0 {
            return decided(days, Verdict::Refused, &[]);
        }
        // Half of what is asked beyond the cover that stands, in whole thousands.
        let part = standing + (amount_minor - standing) / 2 / 100_000 * 100_000;
        match draw("outcome", 100) {
            0..50 => decided(days, Verdict::Granted, &[(amount_minor, None)]),
            50..68 if part > standing => decided(days, Verdict::Granted, &[(part, None)]),
            68..80 if part > standing => {
                decided(days, Verdict::Granted, &[(part, None), (amount_minor - part, Some(90))])
            }
            _ => decided(days, Verdict::Refused, &[]),
        }
    }

    /// Announces the end of a cover: its amounts get a last day, and it is revoked on the day after.
    pub fn announce(&mut self, cover_id: &str, on: NaiveDate) -> bool {
        let Some(last) = on.pred_opt().filter(|_| on > self.today) else { return false };
        let today = self.today;
        for cover in self.covers.iter_mut().filter(|cover| cover.cover_id == cover_id) {
            for layer in &mut cover.layers {
                layer.until = Some(layer.until.map_or(last, |until| until.min(last)));
            }
            cover.updated_on = today;
        }
        self.events.push((on, Event::Revoke { cover_id: cover_id.to_owned() }));
        true
    }
}

/// A number below `below` that depends on nothing else than the other arguments.
pub(super) fn draw(seed: u64, key: &str, amount: u64, what: &str, below: u64) -> u64 {
    let print = crate::ids::fingerprint(&[
        b"sandbox allianz",
        &seed.to_le_bytes(),
        key.as_bytes(),
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
