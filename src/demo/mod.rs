//! The demo: an invented mid-size company, its buyers, its ledger and its insurer, on two business days.
//!
//! A pure function of a seed and a date: no clock, no file, no network. The same seed gives the same bytes on every
//! machine, so that what the pipeline makes of the files can be held against [`Demo::expected`]. Every situation that
//! the shared rules speak of occurs. Invariant: no name and no registry number belongs to anybody.
//! Reference: shared rules, whole.

mod buyers;
mod calendar;
mod export;
mod insurer;
mod ledger;
mod names;
mod rng;
#[cfg(test)]
mod tests;

pub use calendar::{business_days, is_business_day, next_business_day};
pub use export::{BadRow, CLIENTS_HEADER, Defect, Expected, ITEMS_HEADER, Totals};
pub use insurer::{Story, StoryApplication, StoryDecision};
pub use ledger::Changes;

use crate::model::{
    Account, ClaimFrom, ClaimRule, Currency, Date, Item, NoticeFrom, NoticeRule, Policy, RequestRule,
    Threshold, ThresholdPer,
};

/// One of the two days of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// The day on which Encours meets the company.
    First,
    /// The next business day.
    Second,
}

impl Day {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];
}

/// The company of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Its legal name.
    pub name: String,
    /// Its SIREN, sound and not issued.
    pub siren: String,
    /// Its VAT number.
    pub vat: String,
    /// What everything was invented from.
    pub seed: u64,
}

/// The company and two days of its life.
pub struct Demo {
    company: Company,
    days: [Date; 2],
    accounts: Vec<Account>,
    ledger: ledger::Ledger,
    bad_rows: Vec<BadRow>,
    stories: Vec<Story>,
}

impl Demo {
    /// Invents the company as it stands at the end of `first_day`.
    #[must_use]
    pub fn new(seed: u64, first_day: Date) -> Self {
        let second_day = next_business_day(first_day);
        let days = [first_day, second_day];
        let buyers = buyers::buyers(seed);
        let ledger = ledger::ledger(seed, &buyers, first_day, second_day);
        let stories = insurer::stories(seed, &buyers, &ledger.first, days);
        let mut accounts: Vec<Account> = buyers.iter().flat_map(buyers::Buyer::accounts).collect();
        accounts.sort_by(|a, b| a.code.cmp(&b.code));
        insurer::load_limits(&mut accounts, &buyers, &stories, first_day);
        let mut rng = rng::Rng::new(seed, "bad rows", 0);
        let bad_rows = export::bad_rows(&accounts, ledger.repeated.as_ref(), first_day, &mut rng);
        let siren = names::siren(4_217);
        let vat = names::french_vat(&siren);
        let company = Company { name: "Emballages Valdorix SAS".to_owned(), siren, vat, seed };
        Self { company, days, accounts, ledger, bad_rows, stories }
    }

    /// The company.
    #[must_use]
    pub const fn company(&self) -> &Company {
        &self.company
    }

    /// The date of a day.
    #[must_use]
    pub const fn date(&self, day: Day) -> Date {
        let [first, second] = self.days;
        match day {
            Day::First => first,
            Day::Second => second,
        }
    }

    /// Both dates: the first day and the business day after it.
    #[must_use]
    pub const fn business_days(&self) -> [Date; 2] {
        self.days
    }

    /// The policy that the company is insured under, as read through `connection`.
    ///
    /// Overdue invoices are notified 30 days after the extension period, and claimed for later; no stop of cover is agreed. A
    /// few buyers have terms of 120 days, longer than it insures; a few that were never decided owe more than the
    /// discretionary limit.
    #[must_use]
    pub fn policy(&self, connection: &str) -> Policy {
        let [first_day, _] = self.days;
        let opening = calendar::shift(first_day, -365);
        let begins = chrono::Datelike::with_ordinal(&opening, 1).unwrap_or(opening);
        Policy {
            maximum_terms_days: Some(90),
            discretionary_minor: 1_500_000,
            exposure_threshold_minor: 500_000,
            mep_days: Some(60),
            notices: Some(NoticeRule {
                from: NoticeFrom::ExtensionEnd,
                days: 30,
                threshold: Threshold { minor: 50_000, per: ThresholdPer::Invoice },
            }),
            claims: Some(ClaimRule {
                from: ClaimFrom::Notice,
                days: 120,
                threshold: Threshold { minor: 50_000, per: ThresholdPer::Invoice },
            }),
            requests: Some(RequestRule {
                headroom_percent: rust_decimal::Decimal::TEN,
                step_minor: 500_000,
                peak_days: 90,
                slack_percent: rust_decimal::Decimal::ONE_HUNDRED,
                slack_days: 60,
                cool_off_days: 90,
                idle_days: 365,
                automatic_max_minor: None,
                expires_days: 30,
            }),
            ..Policy::plain(connection, "0000417", Currency::EUR, begins, rust_decimal::Decimal::from(90))
        }
    }

    /// The customer records of the ERP, the same on both days.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Every document of the last nine months as it stands at the end of a day, settled ones included.
    #[must_use]
    pub fn items(&self, day: Day) -> &[Item] {
        match day {
            Day::First => &self.ledger.first,
            Day::Second => &self.ledger.second,
        }
    }

    /// What the second day changes in the ledger.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.ledger.changes
    }

    /// The rows of the open items file that end in quarantine, the same on both days.
    #[must_use]
    pub fn bad_rows(&self) -> &[BadRow] {
        &self.bad_rows
    }

    /// What the insurer has decided, up to the end of the second day.
    #[must_use]
    pub fn insurer_stories(&self) -> &[Story] {
        &self.stories
    }
}
