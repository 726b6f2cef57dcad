//! Allocates a buyer's cover to its open invoices.
//!
//! Insurers cut a limit for new deliveries only, so each invoice is held against the limit in force on its own date,
//! and what earlier invoices used of it, under the terms of the period that contains that date. Every line keeps the
//! numbers it was decided with, so that "why?" has an answer.
//! Invariant: the covered amounts of a buyer never exceed the highest limit that one of its open invoices saw, and
//! `outstanding = covered + beyond the limit + ineligible − credit balance`.
//! Reference: shared rules, "Cover of each invoice", examples A and C; example B is
//! in [`super::stop`].

mod layers;
#[cfg(test)]
mod tests;

pub use layers::{Part, Stack};

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use super::discretionary::{Computed, Experience, discretionary};
use super::{Error, OpenItem, Stops, add, after_credits};
use crate::model::{
    Basis, Currency, Date, Decision, Exclusion, ItemKind, Layer, LayerKind, Limit, Policy, words,
};

words! {
    /// Why a limit is what it is on a day.
    CapReason {
        /// The insurer's layers that count on the day.
        Granted = "granted",
        /// Nothing was ever decided: the policyholder's own small cover.
        Discretionary = "discretionary",
        /// The insurer refused.
        Refused = "refused",
        /// The insurer withdrew its cover, or an announced withdrawal has taken effect.
        Withdrawn = "withdrawn",
        /// The policyholder gave the cover up.
        Cancelled = "cancelled",
        /// The limit, or the last of its layers, has ended by its own date.
        Expired = "expired",
        /// The insurer has decided, and the amount is zero.
        Zero = "zero",
        /// None of the layers that the insurer granted is cover under the policy.
        LayersNotCounted = "layers_not_counted",
        /// The policy does not insure the buyer.
        Excluded = "excluded",
    }
}

words! {
    /// Why an invoice is covered as far as it is, in the order in which the reasons are looked at.
    Reason {
        /// The policy does not count in the currency of the invoice.
        CurrencyNotCovered = "currency_not_covered",
        /// The invoice date is in no period of the policy.
        OutsidePeriod = "outside_period",
        /// The policy does not insure the buyer: it is public, a private person, or of the same group.
        ExcludedBuyer = "excluded_buyer",
        /// The policy does not insure buyers of this country.
        ExcludedCountry = "excluded_country",
        /// More days were given from the invoice date to the original due date than the policy insures.
        TermsTooLong = "terms_too_long",
        /// The buyer contests the invoice.
        Disputed = "disputed",
        /// Invoiced on or after the day on which an unpaid invoice stopped cover.
        AfterCoverStop = "after_cover_stop",
        /// Open credits settle all of it: nothing is left to cover.
        SettledByCredits = "settled_by_credits",
        /// Covered in full.
        Covered = "covered",
        /// There was no limit on the invoice date.
        NoLimit = "no_limit",
        /// Earlier invoices have used the limit, wholly or up to a rest.
        LimitUsed = "limit_used",
    }
}

impl Reason {
    /// Whether the invoice was held against a limit at all; otherwise its kind or its credits decided.
    #[must_use]
    pub const fn is_eligible(self) -> bool {
        match self {
            Self::CurrencyNotCovered
            | Self::OutsidePeriod
            | Self::ExcludedBuyer
            | Self::ExcludedCountry
            | Self::TermsTooLong
            | Self::Disputed
            | Self::AfterCoverStop => false,
            Self::SettledByCredits | Self::Covered | Self::NoLimit | Self::LimitUsed => true,
        }
    }
}

/// What the insurer had decided from a day on, until a later version takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitVersion {
    /// First day on which it counts.
    pub from: Date,
    /// The insurer's decision.
    pub decision: Decision,
    /// Its layers, minor units of the policy's currency; none when refused, withdrawn, cancelled or expired.
    pub layers: Vec<Layer>,
    /// Last day on which it counts; nothing is covered afterwards.
    pub effective_to: Option<Date>,
    /// First day without cover after an announced withdrawal; nothing changes before.
    pub withdrawal_on: Option<Date>,
}

impl LimitVersion {
    /// Reads a version out of a limit as the insurer states it; `None` while nothing is decided.
    ///
    /// The decision comes before the amount: a refusal that still shows an amount grants nothing. A code that is not
    /// known is the other way round. A limit that has ended starts, as a version without cover, on the day after its end;
    /// a withdrawal that names its day and still shows what is covered until then is read like its announcement.
    #[must_use]
    pub fn of(limit: &Limit) -> Option<Self> {
        let granted = || {
            let mut layers = limit.layers.clone();
            if layers.is_empty() {
                layers = Limit::layers_of(limit.amount_minor, &[]);
            }
            Some(Self {
                from: limit.effective_from,
                decision: limit.decision,
                layers,
                effective_to: limit.effective_to,
                withdrawal_on: limit.withdrawal_on,
            })
        };
        match limit.decision {
            Decision::Withdrawn if limit.withdrawal_on.is_some() && limit.amount_minor > 0 => granted(),
            Decision::Refused | Decision::Withdrawn | Decision::Cancelled | Decision::Expired => {
                let end = limit.withdrawal_on.or_else(|| limit.effective_to.and_then(|last| last.succ_opt()));
                Some(Self {
                    from: end.unwrap_or(limit.effective_from),
                    decision: limit.decision,
                    layers: Vec::new(),
                    effective_to: None,
                    withdrawal_on: None,
                })
            }
            Decision::Pending if limit.amount_minor == 0 && limit.layers.is_empty() => None,
            Decision::Approved
            | Decision::Partial
            | Decision::Kept
            | Decision::Reduced
            | Decision::NoticeOfWithdrawal
            | Decision::Pending
            | Decision::Unknown => granted(),
        }
    }

    /// What its layers give on a day, where `counts` takes their kind as cover.
    fn stack_on(&self, date: Date, counts: impl Fn(LayerKind) -> bool) -> (Stack, CapReason) {
        let none = Stack::NONE;
        if self.withdrawal_on.is_some_and(|day| date >= day) {
            return (none, CapReason::Withdrawn);
        }
        if self.effective_to.is_some_and(|last| date > last) {
            return (none, CapReason::Expired);
        }
        let mut stack = none;
        let (mut ended, mut not_counted) = (false, false);
        for layer in &self.layers {
            if layer.until.is_some_and(|last| date > last) {
                ended = true;
            } else if counts(layer.kind) {
                stack.put(layer);
            } else {
                not_counted |= layer.amount_minor > 0;
            }
        }
        if stack.sum() > 0 {
            return (stack, CapReason::Granted);
        }
        let reason = match self.decision {
            Decision::Refused => CapReason::Refused,
            Decision::Withdrawn => CapReason::Withdrawn,
            Decision::Cancelled => CapReason::Cancelled,
            Decision::Expired => CapReason::Expired,
            Decision::Approved
            | Decision::Partial
            | Decision::Kept
            | Decision::Reduced
            | Decision::NoticeOfWithdrawal
            | Decision::Pending
            | Decision::Unknown => {
                if not_counted {
                    CapReason::LayersNotCounted
                } else if ended {
                    CapReason::Expired
                } else {
                    CapReason::Zero
                }
            }
        };
        (none, reason)
    }
}

/// The limit on a buyer on one day, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitAt {
    /// What may be covered in all, minor units of the policy's currency; never negative.
    pub cap_minor: i64,
    /// Why it is that much.
    pub reason: CapReason,
    /// First day of the version that says so; none for the discretionary limit.
    pub since: Option<Date>,
    /// What of it the layers of each kind give; nothing for the discretionary limit.
    pub layers: Stack,
}

impl LimitAt {
    const fn own(cap_minor: i64) -> Self {
        Self::without_layers(cap_minor, CapReason::Discretionary)
    }

    /// A limit that no layer of the insurer makes up.
    pub(super) const fn without_layers(cap_minor: i64, reason: CapReason) -> Self {
        Self { cap_minor, reason, since: None, layers: Stack::NONE }
    }
}

/// Every version of the limit on one buyer under one policy, in the order of their days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitHistory {
    versions: Vec<LimitVersion>,
}

impl LimitHistory {
    /// Puts versions in order; of two that start on the same day, the later in the list counts.
    ///
    /// # Errors
    /// [`Error::NegativeLayer`] and [`Error::Overflow`], so that asking for a day cannot fail afterwards.
    pub fn new(mut versions: Vec<LimitVersion>) -> Result<Self, Error> {
        for version in &versions {
            let mut sum = 0;
            for layer in &version.layers {
                if layer.amount_minor < 0 {
                    return Err(Error::NegativeLayer { minor: layer.amount_minor });
                }
                add(&mut sum, layer.amount_minor, "the layers of a limit")?;
            }
        }
        versions.reverse();
        versions.sort_by_key(|version| version.from);
        versions.dedup_by_key(|version| version.from);
        Ok(Self { versions })
    }

    /// Builds the history out of what the insurer stated, each with the day it was first seen.
    ///
    /// An insurer that changes an amount does not always move the first day of the limit. What was in force on earlier
    /// days stays in force for them: a statement that reaches back to the start of the one before counts from the day
    /// it was seen. One that was announced for a later day and replaced before then never counts. A statement that says
    /// of cover what the one before said (another rating, an amount in a second currency) counts from no day of its own.
    ///
    /// # Errors
    /// [`Error::LimitCurrency`] when a limit is not in `currency`, and those of [`LimitHistory::new`].
    pub fn from_statements<'l>(
        statements: impl IntoIterator<Item = (Date, &'l Limit)>,
        currency: Currency,
    ) -> Result<Self, Error> {
        let mut statements: Vec<_> = statements.into_iter().collect();
        statements.sort_by_key(|(seen, _)| *seen);
        let mut versions: Vec<LimitVersion> = Vec::new();
        let mut said: Option<LimitVersion> = None;
        for (seen, limit) in statements {
            if limit.currency != currency {
                return Err(Error::LimitCurrency {
                    reference: limit.reference.clone(),
                    found: limit.currency,
                    expected: currency,
                });
            }
            let Some(mut version) = LimitVersion::of(limit) else { continue };
            if said.as_ref() == Some(&version) {
                continue;
            }
            said = Some(version.clone());
            while versions.pop_if(|last| last.from >= seen && last.from >= version.from).is_some() {}
            if versions.last().is_some_and(|last| version.from <= last.from) {
                version.from = seen;
            }
            versions.push(version);
        }
        Self::new(versions)
    }

    /// The versions, earliest first.
    #[must_use]
    pub fn versions(&self) -> &[LimitVersion] {
        &self.versions
    }

    /// Whether the insurer had decided anything on this buyer by `date`.
    #[must_use]
    pub fn is_decided(&self, date: Date) -> bool {
        self.version_at(date).is_some()
    }

    fn version_at(&self, date: Date) -> Option<&LimitVersion> {
        let begun = self.versions.partition_point(|version| version.from <= date);
        self.versions.get(..begun).and_then(<[_]>::last)
    }

    /// What the insurer's own decisions gave on `date`, whatever a policy takes of it; none where it had decided nothing by then.
    #[must_use]
    pub fn decided_at(&self, date: Date) -> Option<LimitAt> {
        self.counted_at(date, |_| true)
    }

    fn counted_at(&self, date: Date, counts: impl Fn(LayerKind) -> bool) -> Option<LimitAt> {
        let version = self.version_at(date)?;
        let (layers, reason) = version.stack_on(date, counts);
        Some(LimitAt { cap_minor: layers.sum(), reason, since: Some(version.from), layers })
    }

    /// The limit in force on `date`: permanent and temporary layers while they are valid, and top-ups, as far as the policy takes
    /// their kinds as cover.
    ///
    /// The discretionary limit of the policy applies only where nothing was decided by that day: what was refused,
    /// withdrawn or has ended leaves 0. One that is computed is that of [`Terms::discretionary`], and nothing here.
    #[must_use]
    pub fn limit_at(&self, date: Date, policy: &Policy) -> LimitAt {
        let counts = |kind| policy.layer_percentage(kind).is_some();
        self.counted_at(date, counts).unwrap_or_else(|| LimitAt::own(policy.discretionary_minor.max(0)))
    }
}

/// The terms that one buyer's invoices are held against.
#[derive(Debug, Clone)]
pub struct Terms<'t> {
    /// The period in force on the day asked for: its currency counts, and a new invoice would be held against it.
    pub policy: &'t Policy,
    /// Every period of the policy: an invoice answers to the one that contains its date.
    pub periods: Vec<&'t Policy>,
    /// The legal buyer.
    pub buyer: &'t str,
    /// ISO 3166 alpha-2 of the buyer, or empty.
    pub country: &'t str,
    /// How it pays and is rated, for policies that compute its discretionary limit; none where nothing is known of it.
    pub experience: Option<&'t Experience>,
}

impl<'t> From<&'t Policy> for Terms<'t> {
    /// One period alone, of a buyer of whom nothing is known.
    fn from(policy: &'t Policy) -> Self {
        Self { policy, periods: vec![policy], buyer: "", country: "", experience: None }
    }
}

impl<'t> Terms<'t> {
    /// The period that contains a date.
    #[must_use]
    pub fn period_of(&self, date: Date) -> Option<&'t Policy> {
        self.periods.iter().copied().find(|period| period.contains(date))
    }

    /// What the insurer would pay of one line alone. The lines of a buyer are rounded once, in their sum.
    ///
    /// # Errors
    /// [`Error::Overflow`] and [`Error::Percentage`].
    pub fn indemnity(&self, line: &Line<'_>) -> Result<i64, Error> {
        indemnity(self.parts(line))
    }

    /// The discretionary limit of the buyer on a day, under one of the periods.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn discretionary(&self, period: &Policy, stops: &Stops, on: Date) -> Result<Computed, Error> {
        match self.experience {
            Some(experience) => discretionary(period, experience, stops, on),
            None => discretionary(period, &Experience::default(), stops, on),
        }
    }

    /// The limit on a day: what was decided, else the discretionary limit.
    pub(super) fn limit_at(
        &self,
        limits: &LimitHistory,
        period: &Policy,
        stops: &Stops,
        on: Date,
    ) -> Result<LimitAt, Error> {
        if period.discretionary_rule.is_none() || limits.is_decided(on) {
            return Ok(limits.limit_at(on, period));
        }
        let cap_minor = self.discretionary(period, stops, on)?.amount_minor;
        Ok(LimitAt::own(cap_minor))
    }
}

/// One open invoice and what is covered of it. `open = credited + covered + uncovered`, in minor units of `currency` and on the
/// basis of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The ERP's connection.
    pub connection: &'a str,
    /// The ERP's key of the item.
    pub id: &'a str,
    /// The number people quote.
    pub number: &'a str,
    /// Currency of the amounts of this line.
    pub currency: Currency,
    /// Date of the invoice: the day whose limit it is held against.
    pub issued: Date,
    /// Original due date: decides which invoice open credits settle first.
    pub original_due: Date,
    /// What is open of the invoice.
    pub open_minor: i64,
    /// What open credit notes and receipts take off it.
    pub credited_minor: i64,
    /// What earlier invoices had used of the limit when this one's turn came.
    pub used_before_minor: i64,
    /// What is covered.
    pub covered_minor: i64,
    /// What is neither covered nor settled by credits.
    pub uncovered_minor: i64,
    /// The limit on the invoice date; none when the invoice is ineligible and was held against no limit.
    pub limit: Option<LimitAt>,
    /// Why.
    pub reason: Reason,
    /// The policy counts net of tax, and the invoice carries no tax figure: it counts whole.
    pub lacks_tax: bool,
}

impl<'a> Line<'a> {
    fn of(item: &OpenItem<'a>, terms: &Terms<'_>, stops: &Stops) -> Self {
        let days = item.original_due.signed_duration_since(item.issued).num_days();
        let reason = match terms.period_of(item.issued) {
            _ if item.currency != terms.policy.currency => Reason::CurrencyNotCovered,
            None => Reason::OutsidePeriod,
            Some(period) if period.currency != item.currency => Reason::CurrencyNotCovered,
            Some(period) => match period.exclusion(terms.buyer, terms.country) {
                Some(Exclusion::Buyer(_)) => Reason::ExcludedBuyer,
                Some(Exclusion::Country) => Reason::ExcludedCountry,
                None if period.maximum_terms_days.is_some_and(|maximum| days > maximum) => {
                    Reason::TermsTooLong
                }
                None if item.disputed => Reason::Disputed,
                None if stops.at(item.issued).is_some() => Reason::AfterCoverStop,
                None => Reason::NoLimit, // until its turn comes
            },
        };
        Self {
            connection: item.connection,
            id: item.id,
            number: item.number,
            currency: item.currency,
            issued: item.issued,
            original_due: item.original_due,
            open_minor: item.open_minor,
            credited_minor: 0,
            used_before_minor: 0,
            covered_minor: 0,
            uncovered_minor: item.open_minor,
            limit: None,
            reason,
            lacks_tax: false,
        }
    }

    /// Takes off what open credits settle of it, then the tax where the policy counts net of it.
    fn take_credits(&mut self, item: &OpenItem<'_>, left_minor: i64, basis: Basis) {
        self.open_minor = item.on_basis(item.open_minor, basis);
        self.uncovered_minor = item.on_basis(left_minor, basis);
        self.credited_minor = self.open_minor - self.uncovered_minor;
        self.lacks_tax = left_minor > 0 && item.lacks_tax(basis);
    }

    /// Whose turn it is: invoices take their part of a limit in this order.
    pub(super) const fn turn(line: &Line<'a>) -> (Date, &'a str, Date, &'a str, &'a str) {
        (line.issued, line.number, line.original_due, line.connection, line.id)
    }

    /// Takes its part of the limit of its date, of which earlier invoices have used `used`.
    pub(super) fn take(&mut self, limit: LimitAt, used: &mut i64) -> Result<(), Error> {
        self.used_before_minor = *used;
        if !self.reason.is_eligible() {
            return Ok(());
        }
        let due = self.uncovered_minor;
        let free = limit.cap_minor - *used; // neither is negative
        let covered = due.min(free).max(0);
        add(used, covered, "covered invoices")?;
        self.covered_minor = covered;
        self.uncovered_minor = due - covered;
        self.limit = Some(limit);
        self.reason = if due == 0 {
            Reason::SettledByCredits
        } else if covered == due {
            Reason::Covered
        } else if limit.cap_minor == 0 {
            Reason::NoLimit
        } else {
            Reason::LimitUsed
        };
        Ok(())
    }
}

/// What is covered of a buyer's debt under one policy. Totals are minor units of the policy's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover<'a> {
    /// The policy's currency.
    pub currency: Currency,
    /// Which amount of an invoice counts: that of the period in force, for all lines.
    pub basis: Basis,
    /// How many invoices count whole since they carry no tax figure.
    pub lacks_tax: u32,
    /// Open invoices in the order in which the limit was given out; those in other currencies are in no total.
    pub lines: Vec<Line<'a>>,
    /// Open invoices less open credits: what the exposure in this currency says too, gross or net. Negative when the buyer is
    /// owed.
    pub outstanding_minor: i64,
    /// Covered in all.
    pub covered_minor: i64,
    /// What the insurer would pay of it: covered × insured percentage of each invoice's period and kind of limit or layer, rounded
    /// half to even.
    pub indemnity_minor: i64,
    /// Owed and not covered; `outstanding − covered` unless the buyer is owed, then 0.
    pub uninsured_minor: i64,
    /// Thereof because no limit was there or it was used.
    pub beyond_limit_minor: i64,
    /// Thereof because the invoice is ineligible.
    pub ineligible_minor: i64,
    /// Open credit notes and receipts that no invoice is left for: what the company owes the buyer.
    pub credit_balance_minor: i64,
    /// The limit on the day asked for: what a new invoice would be held against.
    pub today: LimitAt,
    /// What is used of that limit, by all invoices that are held against it: in a pool, those of other buyers too.
    pub used_minor: i64,
}

/// Splits a buyer's open items into covered and uninsured parts under one policy, with the reason of each.
///
/// Open credit notes and receipts first settle the oldest invoices by original due date, then number, whether those are
/// eligible or not: that is how insurers impute money that nobody has allocated. Eligible invoices then take their part
/// of the limit of their own date, by invoice date, then number. What was invoiced during one of the `stops` has no part
/// in it. Each invoice answers to the terms of the period that contains its date; whether tax counts is said by the period
/// in force, since there is one limit for all. `on` only decides [`Cover::today`].
///
/// # Errors
/// [`Error::NegativeItem`], [`Error::Overflow`] and [`Error::Percentage`].
pub fn allocate<'a, 't>(
    open: &[OpenItem<'a>],
    limits: &LimitHistory,
    terms: impl Into<Terms<'t>>,
    stops: &Stops,
    on: Date,
) -> Result<Cover<'a>, Error> {
    let terms = terms.into();
    let mut draft = Draft::of(open, &terms, stops)?;
    let used = give_out(&mut draft.lines, limits, &terms, stops)?;
    let today = terms.limit_at(limits, terms.policy, stops, on)?;
    draft.finish(today, used, &terms)
}

/// A buyer's invoices with what credits leave of them, before any limit is given out.
pub(super) struct Draft<'a> {
    pub(super) lines: Vec<Line<'a>>,
    outstanding_minor: i64,
    credit_balance_minor: i64,
}

impl<'a> Draft<'a> {
    pub(super) fn of(open: &[OpenItem<'a>], terms: &Terms<'_>, stops: &Stops) -> Result<Self, Error> {
        let policy = terms.policy;
        let left = after_credits(open)?; // which refuses negative items
        let (mut outstanding_minor, mut credit_balance_minor) = (0, 0);
        for item in open.iter().filter(|item| item.currency == policy.currency) {
            if item.kind != ItemKind::Invoice {
                add(&mut credit_balance_minor, item.open_minor, "open credits")?;
            }
        }
        let mut lines = Vec::with_capacity(left.len());
        for (item, left_minor) in left {
            let mut line = Line::of(item, terms, stops);
            if item.currency == policy.currency {
                credit_balance_minor -= item.open_minor - left_minor;
                line.take_credits(item, left_minor, policy.basis);
                add(&mut outstanding_minor, line.uncovered_minor, "open invoices")?;
            }
            lines.push(line);
        }
        outstanding_minor -= credit_balance_minor; // one of the two is 0
        Ok(Self { lines, outstanding_minor, credit_balance_minor })
    }

    /// Sums up once the limits are given out. `today` is the limit on the day asked for, `used_minor` what is used of it.
    pub(super) fn finish(
        self,
        today: LimitAt,
        used_minor: i64,
        terms: &Terms<'_>,
    ) -> Result<Cover<'a>, Error> {
        let policy = terms.policy;
        let (mut covered_minor, mut beyond_limit_minor, mut ineligible_minor) = (0, 0, 0);
        for line in self.lines.iter().filter(|line| line.currency == policy.currency) {
            let part =
                if line.reason.is_eligible() { &mut beyond_limit_minor } else { &mut ineligible_minor };
            add(part, line.uncovered_minor, "uncovered invoices")?;
            add(&mut covered_minor, line.covered_minor, "covered invoices")?;
        }
        let mut uninsured_minor = beyond_limit_minor;
        add(&mut uninsured_minor, ineligible_minor, "uncovered invoices")?;
        let lacking = self.lines.iter().filter(|line| line.lacks_tax).count();
        Ok(Cover {
            currency: policy.currency,
            basis: policy.basis,
            lacks_tax: u32::try_from(lacking).unwrap_or(u32::MAX),
            outstanding_minor: self.outstanding_minor,
            covered_minor,
            indemnity_minor: indemnity(self.lines.iter().flat_map(|line| terms.parts(line)))?,
            uninsured_minor,
            beyond_limit_minor,
            ineligible_minor,
            credit_balance_minor: self.credit_balance_minor,
            today: match policy.exclusion(terms.buyer, terms.country) {
                Some(_) => LimitAt::without_layers(0, CapReason::Excluded),
                None => today,
            },
            used_minor,
            lines: self.lines,
        })
    }
}

/// Gives the limit out, invoice by invoice; returns what is covered in all. Leaves the lines in that order.
fn give_out(
    lines: &mut [Line<'_>],
    limits: &LimitHistory,
    terms: &Terms<'_>,
    stops: &Stops,
) -> Result<i64, Error> {
    lines.sort_unstable_by_key(Line::turn);
    let mut used = 0_i64;
    let mut of_day: Option<(Date, LimitAt)> = None;
    for line in lines {
        let limit = match of_day.filter(|(day, _)| *day == line.issued) {
            Some((_, limit)) => limit,
            None => {
                let period = terms.period_of(line.issued).unwrap_or(terms.policy);
                terms.limit_at(limits, period, stops, line.issued)?
            }
        };
        of_day = Some((line.issued, limit));
        line.take(limit, &mut used)?;
    }
    Ok(used)
}

/// What the insurer would pay of covered amounts, each with its percentage, rounded once.
fn indemnity(parts: impl IntoIterator<Item = Part>) -> Result<i64, Error> {
    let overflow = || Error::Overflow { what: "the indemnity" };
    let mut sum = Decimal::ZERO;
    // Lines of one percentage follow each other: their sum is multiplied once.
    let mut parts = parts.into_iter().peekable();
    while let Some(Part { mut covered_minor, percentage, .. }) = parts.next() {
        while let Some(next) = parts.next_if(|next| next.percentage == percentage) {
            add(&mut covered_minor, next.covered_minor, "covered invoices")?;
        }
        if percentage < Decimal::ZERO || percentage > Decimal::ONE_HUNDRED {
            return Err(Error::Percentage(percentage));
        }
        let part = Decimal::from(covered_minor).checked_mul(percentage);
        sum = part.and_then(|part| sum.checked_add(part)).ok_or_else(overflow)?;
    }
    sum.checked_div(Decimal::ONE_HUNDRED)
        .and_then(|amount| amount.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven).to_i64())
        .ok_or_else(overflow)
}
