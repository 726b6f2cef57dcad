//! Indicators of a customer ledger: figures that people compare, each with the definition that it was reckoned by.
//!
//! A figure is a quotient of sums, so sums are gathered per buyer and currency ([`Sums`]), added up over whatever is asked
//! for, and divided once, at the end: the average of averages is nobody's figure. Quotients are exact decimals, rounded
//! half to even. What cannot be said is a reason, never a zero.
//! Invariant: the sums of a whole are those of its parts added up, whatever the order of items and of parts.
//! Reference: shared rules, "Indicators".

mod sums;
#[cfg(test)]
mod tests;

pub use sums::{OpenPart, Stake, Sums, Weighted};

use chrono::Months;
use rust_decimal::Decimal;

use super::Error;
use super::statement::Period;
use crate::model::{Date, words};

/// Decimals of a figure in days.
pub const DAYS_SCALE: u32 = 1;

/// Decimals of a figure in percent.
pub const PERCENT_SCALE: u32 = 2;

words! {
    /// What is told of a customer ledger.
    Indicator {
        /// Days of sales that are outstanding, counted back month by month.
        DsoCountBack = "dso_count_back",
        /// Days of sales that are outstanding, by the average of the window.
        DsoSimple = "dso_simple",
        /// Days of sales that would be outstanding if everybody paid on the due date.
        DsoContractual = "dso_contractual",
        /// Share of what is invoiced and open that is past its due date.
        OverdueRate = "overdue_rate",
        /// Share of it that is more than 90 days past.
        UnpaidRate = "unpaid_rate",
        /// How late invoices were settled.
        AverageDaysLate = "average_days_late",
        /// Share of what buyers owe that is covered.
        CoveredShare = "covered_share",
        /// What buyers owe that is not covered.
        UninsuredExposure = "uninsured_exposure",
        /// Share of the limits that is used.
        LimitUse = "limit_use",
        /// Share of what was requested that was granted.
        GrantedShare = "granted_share",
        /// Days until the next thing that an insurer has to be told.
        NextDeadline = "next_deadline",
        /// What customers tie up of the working capital.
        CustomerWorkingCapital = "customer_working_capital",
        /// Days since a source was last read.
        SourceAge = "source_age",
    }
}

words! {
    /// What a figure is counted in.
    Unit {
        /// Days.
        Days = "days",
        /// Hundredths.
        Percent = "percent",
        /// Minor units of the currency that the figure is of.
        Money = "money",
    }
}

words! {
    /// The language of a label or a definition.
    Language {
        /// English.
        English = "en",
        /// French.
        French = "fr",
    }
}

words! {
    /// Why a figure cannot be given.
    Reason {
        /// Nothing that an invoice says is open.
        NoOpenInvoice = "no_open_invoice",
        /// More is credited than is owed.
        NothingOwed = "nothing_owed",
        /// Nothing was invoiced within the window.
        NoTurnover = "no_turnover",
        /// The ledger does not hold what was invoiced and paid before it began.
        TurnoverNotKnown = "turnover_not_known",
        /// More is owed than was invoiced within the window.
        BeyondWindow = "beyond_window",
        /// No invoice was seen to be settled within the window.
        NoSettledInvoice = "no_settled_invoice",
        /// No insurer has decided a limit above zero.
        NoLimit = "no_limit",
        /// No insurer says what was requested.
        NoRequest = "no_request",
        /// Nothing has to be done by a day that is still to come.
        NoDeadline = "no_deadline",
        /// The ledger keeps what is covered today, not what was covered then.
        CoverNotKept = "cover_not_kept",
        /// The ledger knew nothing yet.
        BeforeLedger = "before_ledger",
        /// The source was never read.
        NeverRead = "never_read",
    }
}

impl Unit {
    /// The word for people.
    #[must_use]
    pub const fn word(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Days, Language::English) => "days",
            (Self::Days, Language::French) => "jours",
            (Self::Percent, _) => "%",
            (Self::Money, Language::English) => "money",
            (Self::Money, Language::French) => "montant",
        }
    }
}

impl Indicator {
    /// What the figure is counted in.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::DsoCountBack
            | Self::DsoSimple
            | Self::DsoContractual
            | Self::AverageDaysLate
            | Self::NextDeadline
            | Self::SourceAge => Unit::Days,
            Self::OverdueRate
            | Self::UnpaidRate
            | Self::CoveredShare
            | Self::LimitUse
            | Self::GrantedShare => Unit::Percent,
            Self::UninsuredExposure | Self::CustomerWorkingCapital => Unit::Money,
        }
    }

    /// Whether the figure of a whole is the sum of the figures of its buyers.
    #[must_use]
    pub const fn is_additive(self) -> bool {
        matches!(self, Self::UninsuredExposure | Self::CustomerWorkingCapital)
    }

    /// The name for people.
    #[must_use]
    pub const fn label(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::DsoCountBack, Language::English) => "DSO, count-back",
            (Self::DsoCountBack, Language::French) => "DSO par épuisement",
            (Self::DsoSimple, Language::English) => "DSO, simple",
            (Self::DsoSimple, Language::French) => "DSO simple",
            (Self::DsoContractual, Language::English) => "DSO, contractual",
            (Self::DsoContractual, Language::French) => "DSO contractuel",
            (Self::OverdueRate, Language::English) => "overdue rate",
            (Self::OverdueRate, Language::French) => "taux de retard",
            (Self::UnpaidRate, Language::English) => "unpaid rate (over 90 days)",
            (Self::UnpaidRate, Language::French) => "taux d'impayés (plus de 90 jours)",
            (Self::AverageDaysLate, Language::English) => "average days late",
            (Self::AverageDaysLate, Language::French) => "retard moyen de paiement",
            (Self::CoveredShare, Language::English) => "covered share",
            (Self::CoveredShare, Language::French) => "part garantie",
            (Self::UninsuredExposure, Language::English) => "uninsured exposure",
            (Self::UninsuredExposure, Language::French) => "encours non garanti",
            (Self::LimitUse, Language::English) => "limit use",
            (Self::LimitUse, Language::French) => "utilisation des agréments",
            (Self::GrantedShare, Language::English) => "granted of requested",
            (Self::GrantedShare, Language::French) => "accordé sur demandé",
            (Self::NextDeadline, Language::English) => "days to the next deadline",
            (Self::NextDeadline, Language::French) => "jours jusqu'à la prochaine échéance de police",
            (Self::CustomerWorkingCapital, Language::English) => "customers in working capital",
            (Self::CustomerWorkingCapital, Language::French) => "part clients du BFR",
            (Self::SourceAge, Language::English) => "age of the source",
            (Self::SourceAge, Language::French) => "ancienneté de la source",
        }
    }

    /// One sentence that says how the figure is reckoned. Goes wherever the figure goes.
    #[must_use]
    pub const fn definition(self, language: Language) -> &'static str {
        match language {
            Language::English => self.definition_english(),
            Language::French => self.definition_french(),
        }
    }

    const fn definition_english(self) -> &'static str {
        match self {
            Self::DsoCountBack => {
                "What customers owe, net of credits, is taken off the turnover (invoices less credit notes, tax included) of \
                 the current month and of the months before it; the days of the months used up are counted, and of the last \
                 one the share that was needed."
            }
            Self::DsoSimple => {
                "What customers owe, net of credits, ÷ turnover of the window (invoices less credit notes, tax included) × \
                 days of the window."
            }
            Self::DsoContractual => {
                "Days from invoice to original due date of the open invoices, weighted by their open amounts: the DSO if \
                 everybody paid on the day."
            }
            Self::OverdueRate => {
                "Open amounts of invoices past their original due date, disputed ones included, ÷ all open amounts of \
                 invoices, before credits."
            }
            Self::UnpaidRate => {
                "Open amounts of invoices more than 90 days past their original due date ÷ all open amounts of invoices, \
                 before credits."
            }
            Self::AverageDaysLate => {
                "Days from original due date to settlement of the invoices settled within the window, weighted by their \
                 totals, early ones counted as 0; settled is the last allocation's date where the source says it, else the \
                 business day on which the source was first read as settled."
            }
            Self::CoveredShare => {
                "What is covered ÷ what is owed, over the buyers who owe, in the currency of the policy; a buyer under \
                 several policies counts as covered up to what it owes."
            }
            Self::UninsuredExposure => "What is owed less what is covered, over the buyers who owe.",
            Self::LimitUse => {
                "What buyers with a decided limit above zero owe ÷ their limits of the day; discretionary limits do not count."
            }
            Self::GrantedShare => {
                "Amounts granted ÷ amounts requested, over the decided limits of known buyers of which the insurer says what \
                 was requested."
            }
            Self::NextDeadline => {
                "Days until the nearest last day, today included, of an extension request, a payment that keeps cover from \
                 stopping, an overdue notice or a claim that is neither met nor missed."
            }
            Self::CustomerWorkingCapital => {
                "Open invoices less open credit notes and unallocated receipts: what customers tie up of the working capital."
            }
            Self::SourceAge => {
                "Days since the last business day on which something of the source was read without error."
            }
        }
    }

    const fn definition_french(self) -> &'static str {
        match self {
            Self::DsoCountBack => {
                "Ce que doivent les clients, net des crédits, est imputé sur le chiffre d'affaires TTC (factures moins \
                 avoirs) du mois en cours puis des mois précédents ; on compte les jours des mois épuisés et, du dernier, la \
                 part nécessaire."
            }
            Self::DsoSimple => {
                "Ce que doivent les clients, net des crédits, ÷ chiffre d'affaires TTC de la période (factures moins avoirs) × \
                 jours de la période."
            }
            Self::DsoContractual => {
                "Jours de la facture à l'échéance d'origine des factures ouvertes, pondérés par leur reste dû : le DSO si \
                 chacun payait à l'échéance."
            }
            Self::OverdueRate => {
                "Reste dû des factures dont l'échéance d'origine est passée, litiges compris, ÷ reste dû de toutes les \
                 factures, avant crédits."
            }
            Self::UnpaidRate => {
                "Reste dû des factures échues depuis plus de 90 jours (échéance d'origine) ÷ reste dû de toutes les factures, \
                 avant crédits."
            }
            Self::AverageDaysLate => {
                "Jours de l'échéance d'origine au solde des factures soldées dans la période, pondérés par leur total, une \
                 avance comptant pour 0 ; le solde est daté du dernier lettrage si la source le donne, sinon du jour où la \
                 source a été lue soldée pour la première fois."
            }
            Self::CoveredShare => {
                "Ce qui est garanti ÷ ce qui est dû, sur les acheteurs débiteurs, dans la devise de la police ; un acheteur \
                 sous plusieurs polices n'est garanti qu'à hauteur de ce qu'il doit."
            }
            Self::UninsuredExposure => "Ce qui est dû moins ce qui est garanti, sur les acheteurs débiteurs.",
            Self::LimitUse => {
                "Ce que doivent les acheteurs ayant un agrément décidé et non nul ÷ leurs agréments du jour ; la zone non \
                 dénommée ne compte pas."
            }
            Self::GrantedShare => {
                "Montants accordés ÷ montants demandés, sur les agréments décidés d'acheteurs connus dont l'assureur indique \
                 la demande."
            }
            Self::NextDeadline => {
                "Jours jusqu'au dernier jour le plus proche, aujourd'hui compris, d'une demande de prorogation, d'un paiement \
                 qui évite l'arrêt de la garantie, d'une déclaration d'impayé ou d'une demande d'indemnisation qui reste à \
                 faire et n'est pas forclose."
            }
            Self::CustomerWorkingCapital => {
                "Factures ouvertes moins avoirs ouverts et encaissements non lettrés : ce que les clients immobilisent du \
                 besoin en fonds de roulement."
            }
            Self::SourceAge => {
                "Jours depuis le dernier jour où la source a été lue sans erreur, au moins en partie."
            }
        }
    }
}

impl Reason {
    /// The reason for people.
    #[must_use]
    pub const fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::NoOpenInvoice, Language::English) => "no invoice is open",
            (Self::NoOpenInvoice, Language::French) => "aucune facture ouverte",
            (Self::NothingOwed, Language::English) => "nothing is owed",
            (Self::NothingOwed, Language::French) => "rien n'est dû",
            (Self::NoTurnover, Language::English) => "nothing was invoiced in the window",
            (Self::NoTurnover, Language::French) => "rien n'a été facturé dans la période",
            (Self::TurnoverNotKnown, Language::English) => "turnover is not known that far back",
            (Self::TurnoverNotKnown, Language::French) => "chiffre d'affaires inconnu aussi loin",
            (Self::BeyondWindow, Language::English) => "more is owed than was invoiced in the window",
            (Self::BeyondWindow, Language::French) => "plus est dû que facturé dans la période",
            (Self::NoSettledInvoice, Language::English) => "no invoice was seen to be settled in the window",
            (Self::NoSettledInvoice, Language::French) => "aucune facture vue soldée dans la période",
            (Self::NoLimit, Language::English) => "no limit above zero is decided",
            (Self::NoLimit, Language::French) => "aucun agrément décidé non nul",
            (Self::NoRequest, Language::English) => "no insurer says what was requested",
            (Self::NoRequest, Language::French) => "aucun assureur n'indique la demande",
            (Self::NoDeadline, Language::English) => "no deadline is ahead",
            (Self::NoDeadline, Language::French) => "aucune échéance de police à venir",
            (Self::CoverNotKept, Language::English) => "cover of past days is not kept",
            (Self::CoverNotKept, Language::French) => "la garantie des jours passés n'est pas conservée",
            (Self::BeforeLedger, Language::English) => "the ledger had not begun",
            (Self::BeforeLedger, Language::French) => "le registre n'existait pas encore",
            (Self::NeverRead, Language::English) => "never read",
            (Self::NeverRead, Language::French) => "jamais lue",
        }
    }
}

/// A value in the unit of its indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Days or percent.
    Decimal(Decimal),
    /// Minor units.
    Money(i64),
}

/// A figure, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Which.
    pub indicator: Indicator,
    /// Its value: days with [`DAYS_SCALE`] decimals, percent with [`PERCENT_SCALE`], money in minor units.
    pub value: Result<Value, Reason>,
}

/// The months that turnover and settlements are looked at, and since when turnover is known whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The day that the figures are of; its month counts up to it.
    pub on: Date,
    /// How many calendar months, that of `on` included; 1 at least.
    pub months: u32,
    /// From this day on the ledger holds every document that was issued, settled ones included; none when it never did.
    pub known_from: Option<Date>,
}

impl Window {
    /// The first day.
    #[must_use]
    pub fn first(&self) -> Date {
        let back = Months::new(self.months.saturating_sub(1));
        Period::of(self.on).first().checked_sub_months(back).unwrap_or(Date::MIN)
    }

    /// How many days, the first and the last included.
    #[must_use]
    pub fn days(&self) -> i64 {
        self.on.signed_duration_since(self.first()).num_days() + 1
    }

    /// Whether a day is in it.
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        self.first() <= day && day <= self.on
    }

    /// Its months, the latest first, each with the days of it that count.
    fn back(&self) -> impl Iterator<Item = (Period, i64)> + '_ {
        let mut last = Some(self.on);
        (0..self.months.max(1)).map_while(move |_| {
            let day = last?;
            let period = Period::of(day);
            last = period.first().pred_opt();
            Some((period, day.signed_duration_since(period.first()).num_days() + 1))
        })
    }

    fn knows(&self, period: Period) -> bool {
        self.known_from.is_some_and(|from| from <= period.first())
    }
}

/// Whether what is covered is known for the day that the figures are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverKnown {
    /// It is.
    Today,
    /// The ledger keeps it for the last cycle only.
    NotThen,
}

/// Every figure of some sums in one currency, in the order of [`Indicator::ALL`]; [`Indicator::SourceAge`] is of sources.
///
/// # Errors
/// [`Error::Overflow`] when a figure does not fit.
pub fn figures(sums: &Sums, window: &Window, cover: CoverKnown) -> Result<Vec<Figure>, Error> {
    let mut figures = Vec::new();
    for indicator in Indicator::ALL.iter().copied().filter(|one| *one != Indicator::SourceAge) {
        figures.push(Figure { indicator, value: value(indicator, sums, window, cover)? });
    }
    Ok(figures)
}

fn value(
    indicator: Indicator,
    sums: &Sums,
    window: &Window,
    cover: CoverKnown,
) -> Result<Result<Value, Reason>, Error> {
    let insured = matches!(cover, CoverKnown::Today);
    Ok(match indicator {
        Indicator::DsoCountBack => return count_back(sums, window),
        Indicator::DsoSimple => return simple(sums, window),
        Indicator::DsoContractual => return weighted(sums.terms, Reason::NoOpenInvoice),
        Indicator::OverdueRate => {
            return share(sums.overdue_minor, sums.invoices_minor, Reason::NoOpenInvoice);
        }
        Indicator::UnpaidRate => {
            return share(sums.over_90_minor, sums.invoices_minor, Reason::NoOpenInvoice);
        }
        Indicator::AverageDaysLate => return weighted(sums.late, Reason::NoSettledInvoice),
        Indicator::CoveredShare if insured => {
            return share(sums.covered_minor, sums.owed_minor, Reason::NothingOwed);
        }
        Indicator::UninsuredExposure if insured => {
            Ok(Value::Money(sums.owed_minor.saturating_sub(sums.covered_minor))) // covered is at most owed
        }
        Indicator::LimitUse if insured => {
            return share(sums.limited_owed_minor, sums.limits_minor, Reason::NoLimit);
        }
        Indicator::GrantedShare if insured => {
            return share(sums.granted_minor, sums.requested_minor, Reason::NoRequest);
        }
        Indicator::NextDeadline if insured => sums.next_deadline.map_or(Err(Reason::NoDeadline), |day| {
            Ok(Value::Decimal(Decimal::from(day.signed_duration_since(window.on).num_days())))
        }),
        Indicator::CoveredShare
        | Indicator::UninsuredExposure
        | Indicator::LimitUse
        | Indicator::GrantedShare
        | Indicator::NextDeadline => Err(Reason::CoverNotKept),
        Indicator::CustomerWorkingCapital => Ok(Value::Money(sums.outstanding_minor()?)),
        Indicator::SourceAge => Err(Reason::NeverRead),
    })
}

/// How old a source is: `read_on` is the last day on which something of it was read.
#[must_use]
pub fn source_age(read_on: Option<Date>, on: Date) -> Figure {
    let days = read_on.map(|day| Value::Decimal(Decimal::from(on.signed_duration_since(day).num_days())));
    Figure { indicator: Indicator::SourceAge, value: days.ok_or(Reason::NeverRead) }
}

fn share(part: i64, whole: i64, none: Reason) -> Result<Result<Value, Reason>, Error> {
    if whole <= 0 {
        return Ok(Err(none));
    }
    quotient(i128::from(part) * 100, i128::from(whole), PERCENT_SCALE).map(Ok)
}

fn weighted(sum: Weighted, none: Reason) -> Result<Result<Value, Reason>, Error> {
    if sum.weight_minor <= 0 {
        return Ok(Err(none));
    }
    quotient(sum.minor_days, i128::from(sum.weight_minor), DAYS_SCALE).map(Ok)
}

fn simple(sums: &Sums, window: &Window) -> Result<Result<Value, Reason>, Error> {
    let owed = sums.outstanding_minor()?;
    if owed < 0 {
        return Ok(Err(Reason::NothingOwed));
    }
    let mut turnover = 0_i128;
    for (period, _) in window.back() {
        if !window.knows(period) {
            return Ok(Err(Reason::TurnoverNotKnown));
        }
        turnover += i128::from(sums.turnover_of(period));
    }
    if turnover <= 0 {
        return Ok(Err(Reason::NoTurnover));
    }
    quotient(i128::from(owed) * i128::from(window.days()), turnover, DAYS_SCALE).map(Ok)
}

/// Takes what is owed off one month after the other. A month in which more was credited than invoiced adds to what is left.
fn count_back(sums: &Sums, window: &Window) -> Result<Result<Value, Reason>, Error> {
    let mut left = i128::from(sums.outstanding_minor()?);
    if left < 0 || (left == 0 && sums.turnover.is_empty()) {
        return Ok(Err(Reason::NothingOwed));
    }
    let mut days = 0_i128;
    for (period, of_month) in window.back() {
        if left == 0 {
            break;
        }
        if !window.knows(period) {
            return Ok(Err(Reason::TurnoverNotKnown));
        }
        let turnover = i128::from(sums.turnover_of(period));
        if turnover > left {
            let share = days * turnover + i128::from(of_month) * left;
            return quotient(share, turnover, DAYS_SCALE).map(Ok);
        }
        days += i128::from(of_month);
        left -= turnover;
    }
    if left > 0 {
        return Ok(Err(Reason::BeyondWindow));
    }
    quotient(days, 1, DAYS_SCALE).map(Ok)
}

/// `part ÷ whole` to `scale` decimals, half to even. The whole is above zero.
fn quotient(part: i128, whole: i128, scale: u32) -> Result<Value, Error> {
    let overflow = Error::Overflow { what: "an indicator" };
    let unit = 10_i128.pow(scale);
    let Some(scaled) = part.checked_mul(unit) else { return Err(overflow) };
    let (Some(floor), Some(rest)) = (scaled.checked_div_euclid(whole), scaled.checked_rem_euclid(whole))
    else {
        return Err(overflow);
    };
    let up = match (whole - rest).cmp(&rest) {
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Equal => floor.rem_euclid(2) == 1,
        std::cmp::Ordering::Greater => false,
    };
    let rounded = floor + i128::from(up);
    Decimal::try_from_i128_with_scale(rounded, scale).map(Value::Decimal).map_err(|_| overflow)
}
