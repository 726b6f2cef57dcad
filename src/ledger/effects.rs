//! Effects and every step of them: written down before anything is sent, so that a crash leaves a trace and not a doubt.
//!
//! A state is only ever changed from the states that it may be reached from, in one statement: of two workers one wins.
//! Reference: shared rules, "Effects happen once".

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::Error;
use super::db::{Tx, marks, on, row, values};
use crate::ids::fingerprint_hex;
use crate::model::{
    Action, Approval, Currency, Date, Effect, EffectKind, EffectState, Instant, LimitRequest, Money,
};

const ROWS_MAX: usize = 400;
/// The kinds of which one lives per buyer and policy, as the index of the table has them.
const REQUESTS: &str = "'request_limit', 'change_limit', 'cancel_limit'";

row! {
    /// An effect as it is stored.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EffectRow {
        /// Its id, a function of its cause.
        pub id: String,
        /// Kind, as text.
        pub kind: String,
        /// Action, as text.
        pub action: String,
        /// The connection that it goes through.
        pub connection: String,
        /// Policy number, or empty.
        pub policy: String,
        /// The legal buyer.
        pub buyer_id: String,
        /// Its name.
        pub name: String,
        /// Its country, or empty.
        pub country: String,
        /// What it is done to, in the partner's words.
        pub subject: String,
        /// Version of the cause.
        pub cause: String,
        /// State, as text.
        pub state: String,
        /// The partner has it and will decide.
        pub awaiting: bool,
        /// `automatic`, or why a person has to approve.
        pub approval: String,
        /// Why.
        pub why: String,
        /// What it is expected to change.
        pub expected: String,
        /// Amount, minor units.
        pub amount_minor: Option<i64>,
        /// What stood before, minor units.
        pub before_minor: Option<i64>,
        /// Fee, minor units.
        pub fee_minor: Option<i64>,
        /// Currency of the amounts, empty without any.
        pub currency: String,
        /// What the operation is given.
        pub facts: Json<BTreeMap<String, String>>,
        /// Our reference.
        pub our_reference: String,
        /// The partner's.
        pub partner_reference: Option<String>,
        /// The partner's last words, or why it is where it is.
        pub message: Option<String>,
        /// The file it went out in.
        pub batch: Option<String>,
        /// How often it was sent.
        pub attempts: i64,
        /// Counts its steps.
        pub version: i64,
        /// Until when whoever sends it is believed to live.
        pub lease_until: Option<Instant>,
        /// A person said no.
        pub declined: bool,
        /// Last day on which doing it makes sense.
        pub expires_on: Option<Date>,
        /// The business day on which it was proposed.
        pub proposed_on: Date,
        /// The business day on which it was last sent.
        pub sent_on: Option<Date>,
        /// The business day on which it came to an end.
        pub settled_on: Option<Date>,
        /// When it was last sent.
        pub sent_at: Option<Instant>,
        /// When it last changed.
        pub updated_at: Instant,
    }
}

row! {
    /// One step of an effect.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EffectStep {
        /// From 1.
        pub step: i64,
        /// When.
        pub at: Instant,
        /// The state it led to.
        pub state: String,
        /// Who did it: a person's name, or `encours`.
        pub who: String,
        /// What happened, in one sentence.
        pub note: String,
        /// The partner's answer, its secrets covered.
        pub answer: Option<String>,
    }
}

row! {
    /// An open invoice past its original due date.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OverdueRow {
        /// The legal buyer.
        pub buyer_id: String,
        /// The connection of the ERP.
        pub connection: String,
        /// The ERP's key.
        pub external_id: String,
        /// Number.
        pub number: String,
        /// The account's code.
        pub account: String,
        /// Currency code.
        pub currency: String,
        /// Total, minor units.
        pub total_minor: i64,
        /// Open amount, minor units.
        pub open_minor: i64,
        /// Date of the document.
        pub issued: Date,
        /// The first due date it had.
        pub original_due: Date,
    }
}

pub(super) const COLUMNS: &str = "id, kind, action, connection, policy, buyer_id, name, country, subject, cause, state, awaiting, approval, \
     why, expected, amount_minor, before_minor, fee_minor, currency, facts, our_reference, partner_reference, message, batch, \
     attempts, version, lease_until, declined, expires_on, proposed_on, sent_on, settled_on, sent_at, updated_at";

/// The word for an approval that no person has to give.
pub const AUTOMATIC: &str = "automatic";

fn unreadable(what: &'static str, value: &str) -> Error {
    Error::unreadable(what, value)
}

impl EffectRow {
    /// Its kind.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn kind(&self) -> Result<EffectKind, Error> {
        EffectKind::parse(&self.kind).ok_or_else(|| unreadable("kind of effect", &self.kind))
    }

    /// Its action.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn action(&self) -> Result<Action, Error> {
        Action::parse(&self.action).ok_or_else(|| unreadable("action", &self.action))
    }

    /// Its state.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn state(&self) -> Result<EffectState, Error> {
        EffectState::parse(&self.state).ok_or_else(|| unreadable("state of an effect", &self.state))
    }

    /// Whether it goes by itself.
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        self.approval == AUTOMATIC
    }

    fn money(&self, minor: Option<i64>) -> Option<Money> {
        Some(Money::new(minor?, Currency::parse(&self.currency)?))
    }

    /// What it carries.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        self.money(self.amount_minor)
    }

    /// What stood before.
    #[must_use]
    pub fn before(&self) -> Option<Money> {
        self.money(self.before_minor)
    }

    /// What it costs.
    #[must_use]
    pub fn fee(&self) -> Option<Money> {
        self.money(self.fee_minor)
    }

    /// Whether a request of the buyer under the policy is alive: nothing else may be asked meanwhile.
    #[must_use]
    pub fn is_live(&self) -> bool {
        EffectState::parse(&self.state).is_some_and(|state| match state {
            EffectState::Proposed | EffectState::Approved | EffectState::Sending | EffectState::Unknown => {
                true
            }
            EffectState::Done => self.awaiting,
            EffectState::Refused | EffectState::Failed | EffectState::Dropped => false,
        })
    }
}

/// How an effect goes on.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// The states that it may come from.
    pub from: &'a [EffectState],
    /// Where it goes.
    pub to: EffectState,
    /// The partner will decide.
    pub awaiting: bool,
    /// Who did it.
    pub who: &'a str,
    /// What happened.
    pub note: &'a str,
    /// The partner's answer, masked.
    pub answer: Option<&'a str>,
    /// The partner's reference, kept when none is given.
    pub reference: Option<&'a str>,
    /// The file that it goes out in, kept when none is given.
    pub batch: Option<&'a str>,
    /// Until when the sender is believed to live; only while sending.
    pub lease_until: Option<Instant>,
    /// A person said no.
    pub declined: bool,
    /// The business day.
    pub day: Date,
    /// When.
    pub now: Instant,
}

impl<'a> Step<'a> {
    /// A step with nothing beside it.
    #[must_use]
    pub const fn new(
        from: &'a [EffectState],
        to: EffectState,
        who: &'a str,
        note: &'a str,
        day: Date,
        now: Instant,
    ) -> Self {
        Self {
            from,
            to,
            awaiting: false,
            who,
            note,
            answer: None,
            reference: None,
            batch: None,
            lease_until: None,
            declined: false,
            day,
            now,
        }
    }
}

/// The id of an effect of a company.
#[must_use]
pub fn effect_id(company: &str, effect: &Effect) -> String {
    let mut parts = vec![company.as_bytes()];
    parts.extend(effect.identity().iter().map(|part| part.as_bytes()));
    fingerprint_hex(&parts)
}

/// Our reference of an effect: short, and of signs that every partner takes.
#[must_use]
pub fn reference_of(id: &str) -> String {
    let digits: String = id.chars().take(16).collect();
    format!("EN{}", digits.to_uppercase())
}

/// What became of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposed {
    /// It is new, or proposed again; its row.
    New(Box<EffectRow>),
    /// It was there; its figures were brought up to date if they had changed.
    Known,
    /// It is past being proposed, a person said no, or another request of the buyer lives.
    Closed,
}

impl Tx<'_> {
    /// Proposes an effect. The same cause is proposed once; while nobody has approved it, its figures follow the ledger.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn propose(
        &mut self,
        company: &str,
        effect: &Effect,
        day: Date,
        now: Instant,
    ) -> Result<Proposed, Error> {
        let id = effect_id(company, effect);
        let Some(known) = self.effect(&id).await? else {
            return match self.insert_effect(company, &id, effect, day, now).await? {
                true => {
                    self.step(&id, 1, EffectState::Proposed, "encours", &effect.why, None, now).await?;
                    let row = self.effect(&id).await?.ok_or_else(|| unreadable("effect", &id))?;
                    Ok(Proposed::New(Box::new(row)))
                }
                false => Ok(Proposed::Closed),
            };
        };
        let state = known.state()?;
        let again = state == EffectState::Dropped && !known.declined;
        if state != EffectState::Proposed && !again {
            return Ok(Proposed::Closed);
        }
        let approval = approval_text(&effect.approval);
        if !again && says_the_same(&known, effect, &approval) {
            return Ok(Proposed::Known);
        }
        // One that was dropped comes back only while no other request of the buyer lives.
        let sql = format!(
            "UPDATE effect SET kind = $2, action = $3, state = 'proposed', approval = $4, why = $5, expected = $6, \
             amount_minor = $7, before_minor = $8, fee_minor = $9, currency = $10, facts = $11, expires_on = $12, \
             updated_at = $13, subject = $14, name = $15, country = $16, settled_on = NULL, message = NULL \
             WHERE id = $1 AND (state = 'proposed' OR (state = 'dropped' AND NOT declined AND (kind NOT IN ({REQUESTS}) OR NOT EXISTS \
             (SELECT 1 FROM effect AS other WHERE other.company = effect.company AND other.connection = effect.connection \
             AND other.policy = effect.policy AND other.buyer_id = effect.buyer_id AND other.kind IN ({REQUESTS}) AND \
             (other.state IN ('proposed', 'approved', 'sending', 'unknown') OR (other.state = 'done' AND other.awaiting))))))"
        );
        let done = on!(&mut *self, c => sqlx::query(AssertSqlSafe(sql))
            .bind(&id)
            .bind(effect.kind.as_str())
            .bind(effect.action.as_str())
            .bind(&approval)
            .bind(&effect.why)
            .bind(&effect.expected)
            .bind(effect.amount.map(|money| money.minor))
            .bind(effect.before.map(|money| money.minor))
            .bind(effect.fee.map(|money| money.minor))
            .bind(currency_of(effect))
            .bind(Json(&effect.facts))
            .bind(effect.expires_on)
            .bind(now)
            .bind(&effect.subject)
            .bind(&effect.name)
            .bind(&effect.country)
            .execute(c).await?.rows_affected());
        if done == 0 {
            return Ok(Proposed::Closed);
        }
        if again {
            let row = self.next_step(&id, EffectState::Proposed, "encours", &effect.why, None, now).await?;
            return Ok(Proposed::New(Box::new(row)));
        }
        Ok(Proposed::Known)
    }

    async fn insert_effect(
        &mut self,
        company: &str,
        id: &str,
        effect: &Effect,
        day: Date,
        now: Instant,
    ) -> Result<bool, Error> {
        let sql = format!(
            "INSERT INTO effect (company, {COLUMNS}) VALUES {} ON CONFLICT DO NOTHING",
            values(self, 1, 35)
        );
        let done = on!(&mut *self, c => sqlx::query(AssertSqlSafe(sql))
            .bind(company)
            .bind(id)
            .bind(effect.kind.as_str())
            .bind(effect.action.as_str())
            .bind(&effect.connection)
            .bind(&effect.policy)
            .bind(&effect.buyer_id)
            .bind(&effect.name)
            .bind(&effect.country)
            .bind(&effect.subject)
            .bind(&effect.cause)
            .bind(EffectState::Proposed.as_str())
            .bind(false)
            .bind(approval_text(&effect.approval))
            .bind(&effect.why)
            .bind(&effect.expected)
            .bind(effect.amount.map(|money| money.minor))
            .bind(effect.before.map(|money| money.minor))
            .bind(effect.fee.map(|money| money.minor))
            .bind(currency_of(effect))
            .bind(Json(&effect.facts))
            .bind(reference_of(id))
            .bind(None::<String>)
            .bind(None::<String>)
            .bind(None::<String>)
            .bind(0_i64)
            .bind(1_i64)
            .bind(None::<Instant>)
            .bind(false)
            .bind(effect.expires_on)
            .bind(day)
            .bind(None::<Date>)
            .bind(None::<Date>)
            .bind(None::<Instant>)
            .bind(now)
            .execute(c).await?.rows_affected());
        Ok(done > 0)
    }

    /// Takes an effect one step on, if it still is where the step begins; its new row, or nothing when somebody was faster.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn advance(&mut self, id: &str, step: &Step<'_>) -> Result<Option<EffectRow>, Error> {
        let from = step.from.iter().filter(|from| may_lead(**from, step.to));
        let from: Vec<String> = from.map(|state| format!("'{state}'")).collect();
        if from.is_empty() {
            return Ok(None);
        }
        let sending = step.to == EffectState::Sending;
        let ended = match step.to {
            EffectState::Refused | EffectState::Failed | EffectState::Dropped => true,
            EffectState::Done => !step.awaiting,
            EffectState::Proposed | EffectState::Approved | EffectState::Sending | EffectState::Unknown => {
                false
            }
        };
        let sql = format!(
            "UPDATE effect SET state = $2, awaiting = $3, message = $4, partner_reference = COALESCE($5, partner_reference), \
             batch = COALESCE($6, batch), lease_until = $7, declined = $8, updated_at = $9, version = version + 1, \
             attempts = attempts + $10, sent_on = COALESCE($11, sent_on), sent_at = COALESCE($12, sent_at), settled_on = $13 \
             WHERE id = $1 AND state IN ({})",
            from.join(", ")
        );
        let done = on!(&mut *self, c => sqlx::query(AssertSqlSafe(sql))
            .bind(id)
            .bind(step.to.as_str())
            .bind(step.awaiting)
            .bind(step.note)
            .bind(step.reference)
            .bind(step.batch)
            .bind(step.lease_until)
            .bind(step.declined)
            .bind(step.now)
            .bind(i64::from(sending))
            .bind(sending.then_some(step.day))
            .bind(sending.then_some(step.now))
            .bind(ended.then_some(step.day))
            .execute(c).await?.rows_affected());
        if done == 0 {
            return Ok(None);
        }
        let row = self.effect(id).await?.ok_or_else(|| unreadable("effect", id))?;
        self.step(id, row.version, step.to, step.who, step.note, step.answer, step.now).await?;
        Ok(Some(row))
    }

    async fn next_step(
        &mut self,
        id: &str,
        state: EffectState,
        who: &str,
        note: &str,
        answer: Option<&str>,
        now: Instant,
    ) -> Result<EffectRow, Error> {
        on!(&mut *self, c => sqlx::query("UPDATE effect SET version = version + 1 WHERE id = $1").bind(id).execute(c).await?;);
        let row = self.effect(id).await?.ok_or_else(|| unreadable("effect", id))?;
        self.step(id, row.version, state, who, note, answer, now).await?;
        Ok(row)
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the columns of one row, given by two functions of this file"
    )]
    async fn step(
        &mut self,
        id: &str,
        step: i64,
        state: EffectState,
        who: &str,
        note: &str,
        answer: Option<&str>,
        now: Instant,
    ) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "INSERT INTO effect_step (effect, step, at, state, who, note, answer) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(id).bind(step).bind(now).bind(state.as_str()).bind(who).bind(note).bind(answer)
            .execute(c).await?;);
        Ok(())
    }

    /// One effect by its whole id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn effect(&mut self, id: &str) -> Result<Option<EffectRow>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM effect WHERE id = $1");
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(c).await?))
    }

    /// The effects of a company in some states, or in all, in the order in which they were proposed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn effects(&mut self, company: &str, states: &[EffectState]) -> Result<Vec<EffectRow>, Error> {
        let list: Vec<String> = states.iter().map(|state| format!("'{state}'")).collect();
        let filter =
            if list.is_empty() { String::new() } else { format!(" AND state IN ({})", list.join(", ")) };
        let sql = format!(
            "SELECT {COLUMNS} FROM effect WHERE company = $1{filter} ORDER BY proposed_on, connection, kind, buyer_id, subject, id"
        );
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?))
    }

    /// The steps of an effect.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn effect_steps(&mut self, id: &str) -> Result<Vec<EffectStep>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT step, at, state, who, note, answer FROM effect_step WHERE effect = $1 ORDER BY step")
            .bind(id).fetch_all(c).await?))
    }

    /// The last amount that was written into the ERP and read back, by connection and account.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn written_limits(
        &mut self,
        company: &str,
    ) -> Result<BTreeMap<(String, String), EffectRow>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT {COLUMNS}, ROW_NUMBER() OVER (PARTITION BY connection, subject ORDER BY \
             COALESCE(sent_at, updated_at) DESC, id) AS place FROM effect WHERE company = $1 AND kind = 'write_limit' AND state = 'done') AS written WHERE place = 1"
        );
        let rows: Vec<EffectRow> =
            on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?);
        Ok(rows.into_iter().map(|row| ((row.connection.clone(), row.subject.clone()), row)).collect())
    }

    /// What became of the requests of each buyer, by connection, policy and buyer.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ended_requests(
        &mut self,
        company: &str,
    ) -> Result<BTreeMap<(String, String, String), EndedRequests>, Error> {
        let rows: Vec<Ended> = on!(self, c => sqlx::query_as(
            "SELECT connection, policy, buyer_id, ended, refused_on, amount_minor, settled_on FROM (SELECT connection, policy, \
             buyer_id, amount_minor, settled_on, COUNT(*) OVER own AS ended, MAX(CASE WHEN state <> 'done' THEN settled_on END) \
             OVER own AS refused_on, ROW_NUMBER() OVER (PARTITION BY connection, policy, buyer_id \
             ORDER BY settled_on DESC, COALESCE(sent_at, updated_at) DESC, id) AS place \
             FROM effect WHERE company = $1 AND kind IN ('request_limit', 'change_limit', 'cancel_limit') \
             AND (state IN ('refused', 'failed') OR (state = 'done' AND NOT awaiting)) \
             WINDOW own AS (PARTITION BY connection, policy, buyer_id)) AS ends WHERE place = 1")
            .bind(company).fetch_all(c).await?);
        Ok(rows
            .into_iter()
            .map(|row| {
                let ended = EndedRequests {
                    ended: row.ended,
                    refused_on: row.refused_on,
                    last: row.amount_minor.zip(row.settled_on),
                };
                ((row.connection, row.policy, row.buyer_id), ended)
            })
            .collect())
    }

    /// The requests that an insurer lists as undecided, by its references.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn listed_requests(&mut self, connection: &str) -> Result<Vec<LimitRequest>, Error> {
        const SELECT: &str = "SELECT payload FROM limit_request WHERE connection = $1 ORDER BY reference";
        let rows: Vec<(Json<LimitRequest>,)> =
            on!(self, c => sqlx::query_as(SELECT).bind(connection).fetch_all(c).await?);
        Ok(rows.into_iter().map(|(payload,)| payload.0).collect())
    }

    /// Open invoices past their original due date that nobody disputes, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn overdue_invoices(&mut self, company: &str, day: Date) -> Result<Vec<OverdueRow>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT a.buyer_id, i.connection, i.external_id, i.number, a.code AS account, i.currency, i.total_minor, \
             i.open_minor, i.issued, i.original_due FROM item i JOIN account a ON a.connection = i.connection \
             AND a.external_id = i.account WHERE i.open_minor > 0 AND i.kind = 'invoice' AND NOT i.disputed \
             AND i.original_due < $2 AND i.connection IN (SELECT id FROM connection WHERE company = $1) \
             ORDER BY i.original_due, i.connection, i.external_id")
            .bind(company).bind(day).fetch_all(c).await?))
    }

    /// Puts a limit that was written into the ERP, and read back, beside the account, so that it is not written again before
    /// the ERP is read. The hash goes, so that the next reading counts whatever it says.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn know_written_limit(&mut self, row: &EffectRow, now: Instant) -> Result<(), Error> {
        self.keep_accounts(&row.connection, std::slice::from_ref(&row.subject), now).await?;
        let minor = if row.action == "remove" { None } else { row.amount_minor };
        let currency = minor.map(|_| row.currency.clone());
        let nothing: Vec<u8> = Vec::new();
        on!(self, c => sqlx::query(
            "UPDATE account SET limit_minor = $3, limit_currency = $4, content_hash = $5, recorded_at = $6 \
             WHERE connection = $1 AND external_id = $2")
            .bind(&row.connection).bind(&row.subject).bind(minor).bind(currency).bind(nothing).bind(now)
            .execute(c).await?;);
        Ok(())
    }

    /// Names of buyers, by id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn buyer_names(
        &mut self,
        buyers: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, String>, Error> {
        let mut names = BTreeMap::new();
        let buyers: Vec<&String> = buyers.iter().collect();
        for chunk in buyers.chunks(ROWS_MAX) {
            let sql = format!("SELECT id, name FROM buyer WHERE id IN ({})", marks(1, chunk.len()));
            let rows: Vec<(String, String)> = on!(&mut *self, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql));
                for buyer in chunk {
                    query = query.bind(*buyer);
                }
                query.fetch_all(c).await?
            });
            names.extend(rows);
        }
        Ok(names)
    }
}

row! {
    struct Ended {
        connection: String,
        policy: String,
        buyer_id: String,
        ended: i64,
        refused_on: Option<Date>,
        amount_minor: Option<i64>,
        settled_on: Option<Date>,
    }
}

/// The requests of one buyer under one policy that came to an end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndedRequests {
    /// How many.
    pub ended: i64,
    /// The last day on which one was refused, or could not be taken.
    pub refused_on: Option<Date>,
    /// What the last one asked for, minor units, and when it was answered.
    pub last: Option<(i64, Date)>,
}

/// Whether a step may lead from one state to another, whatever the step itself says: what is sent was approved since it was
/// last sent, and what has ended does not come to life again.
const fn may_lead(from: EffectState, to: EffectState) -> bool {
    let is_open = match from {
        EffectState::Proposed | EffectState::Approved | EffectState::Sending | EffectState::Unknown => true,
        EffectState::Done | EffectState::Refused | EffectState::Failed | EffectState::Dropped => false,
    };
    match to {
        EffectState::Proposed => false, // only a plan proposes
        EffectState::Sending => matches!(from, EffectState::Approved),
        EffectState::Approved | EffectState::Unknown => is_open,
        EffectState::Done | EffectState::Refused | EffectState::Failed | EffectState::Dropped => {
            !matches!(from, EffectState::Refused | EffectState::Dropped)
        }
    }
}

/// Whether a proposal shows what the plan says today.
fn says_the_same(known: &EffectRow, effect: &Effect, approval: &str) -> bool {
    known.amount() == effect.amount
        && known.before() == effect.before
        && known.fee() == effect.fee
        && known.kind == effect.kind.as_str()
        && known.action == effect.action.as_str()
        && known.why == effect.why
        && known.expected == effect.expected
        && known.approval == approval
        && (&known.subject, &known.name, &known.country) == (&effect.subject, &effect.name, &effect.country)
        && known.facts.0 == effect.facts
}

fn approval_text(approval: &Approval) -> String {
    match approval {
        Approval::Automatic => AUTOMATIC.to_owned(),
        Approval::Person(why) => why.clone(),
    }
}

fn currency_of(effect: &Effect) -> String {
    [effect.amount, effect.before, effect.fee]
        .into_iter()
        .flatten()
        .next()
        .map_or_else(String::new, |money| money.currency.code().to_owned())
}
