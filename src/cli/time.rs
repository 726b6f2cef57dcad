//! `--as-of` and `--known-at`: the day that figures are reckoned for, and the instant that the ledger is read as of.
//!
//! Without either of them a command answers as ever. What the ledger keeps no history of is said beside the figures, never
//! guessed.

use encours::engine::past::Moment;
use encours::ledger::{Begins, business_day, policies_then};
use encours::model::{Date, Instant, Policy};
use serde_json::{Value, json};

use super::table::plural;
use super::{Books, Misconfigured, today};

/// What the commands take that can answer for another day.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// Reckon for that day: ages, and the limit of that day; else for the last cycle's that was known
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// Know no more than the ledger did at that instant, as 2026-03-20T09:00:00Z, or at the end of that date in UTC
    #[arg(long, value_name = "INSTANT|DATE", value_parser = KnownAt::parse)]
    known_at: Option<KnownAt>,
}

/// An instant, or the end of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownAt {
    /// The instant itself.
    At(Instant),
    /// The end of a date in UTC, to the millisecond.
    EndOf(Date),
}

impl KnownAt {
    /// Reads `2026-03-20` or `2026-03-20T09:00:00Z`.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(date) = text.parse::<Date>() {
            return Ok(Self::EndOf(date));
        }
        let at = chrono::DateTime::parse_from_rfc3339(text)
            .map_err(|_| "write a date as 2026-03-20, or an instant as 2026-03-20T09:00:00Z".to_owned())?;
        Ok(Self::At(at.to_utc()))
    }

    fn date(self) -> Date {
        match self {
            Self::At(at) => at.date_naive(),
            Self::EndOf(date) => date,
        }
    }

    /// The instant; of a date that is not over, the present one.
    fn instant(self, now: Instant) -> Instant {
        match self {
            Self::At(at) => at,
            Self::EndOf(date) => {
                let next = date.succ_opt().and_then(|next| next.and_hms_opt(0, 0, 0));
                next.map_or(now, |end| (end.and_utc() - chrono::TimeDelta::milliseconds(1)).min(now))
            }
        }
    }
}

/// What a figure of another day may differ in from what was thought then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unkept {
    /// What was paid since.
    Payments,
    /// What accounts were before their history began.
    Accounts,
    /// The terms of policies before their history began.
    Terms,
    /// Differences and what insurers list as undecided.
    Open,
}

/// So many are named of which it is not kept what they were.
pub const BEGIN_MAX: usize = 5;

/// A moment that somebody asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The moment.
    pub moment: Moment,
    /// Whether the instant was given, and not only the day.
    pub is_known_at_given: bool,
    /// The policy periods to reckon with: those that were known at the instant, where it was given; else the configuration's.
    pub policies: Vec<Policy>,
    /// Periods that are told as they were later.
    pub terms_begin: Vec<Begins>,
    /// Accounts that are told as they were later.
    pub accounts_begin: Vec<Begins>,
}

impl Flags {
    /// The moment that is asked for, or none.
    ///
    /// # Errors
    /// [`Misconfigured`] for a day to come and for an instant before the first cycle; what the ledger says.
    pub async fn asked(&self, books: &mut Books) -> anyhow::Result<Option<Asked>> {
        if self.as_of.is_none() && self.known_at.is_none() {
            return Ok(None);
        }
        moment(books, self.as_of, self.known_at).await.map(Some)
    }
}

/// The moment of a day and an instant; without a day that of the last cycle, without an instant the present one.
///
/// # Errors
/// As [`Flags::asked`].
pub async fn moment(
    books: &mut Books,
    as_of: Option<Date>,
    known_at: Option<KnownAt>,
) -> anyhow::Result<Asked> {
    let wrong = |told: String| anyhow::Error::from(Misconfigured(told));
    let company = books.company();
    let runs = books.tx.run_days(&company).await?;
    let Some(first) = runs.first() else {
        return Err(wrong("the ledger knows nothing yet: run `encours sync` first".to_owned()));
    };
    let now = encours::clock::now();
    let at = known_at.map_or(now, |given| given.instant(now));
    if at > now || known_at.is_some_and(|given| given.date() > today()) {
        return Err(wrong(format!(
            "--known-at {} is still to come; leave it out for all that is known now",
            shown(at)
        )));
    }
    if at < first.started_at {
        return Err(wrong(format!(
            "the ledger knew nothing at {}: its first cycle began at {} (for {}); give that instant or a later one",
            shown(at),
            shown(first.started_at),
            first.on_date
        )));
    }
    let last = today().max(books.head.day());
    let last_known = business_day(&runs, at);
    let as_of = as_of.unwrap_or(last_known);
    if as_of > last {
        return Err(wrong(format!(
            "--as-of {as_of} is still to come: figures can be reckoned up to {last}, the day of the last cycle or today"
        )));
    }
    let mut asked = Asked {
        moment: Moment { as_of, known_at: at, is_ahead: as_of > last_known },
        is_known_at_given: known_at.is_some(),
        policies: books.head.config.policies.clone(),
        terms_begin: Vec::new(),
        accounts_begin: Vec::new(),
    };
    if asked.is_known_at_given {
        asked.take_terms_of_then(books).await?;
    }
    Ok(asked)
}

/// An instant as `--known-at` takes it, to the millisecond.
pub fn shown(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

impl Asked {
    /// Reckons with the terms that the ledger had read by the instant, in the order of the configuration.
    ///
    /// # Errors
    /// What the ledger says.
    pub async fn take_terms_of_then(&mut self, books: &mut Books) -> anyhow::Result<()> {
        let company = books.company();
        let then = policies_then(&books.tx.policy_versions(&company).await?, self.moment.known_at)?;
        let place = |policy: &Policy| {
            let same = |own: &Policy| own.connection == policy.connection && own.number == policy.number;
            books.head.config.policies.iter().position(same).unwrap_or(usize::MAX)
        };
        (self.policies, self.terms_begin) = (then.policies, then.begin);
        self.policies.sort_by_key(place);
        Ok(())
    }

    /// What is not known as of then, one sentence each.
    pub fn not_kept(&self, unkept: &[Unkept]) -> Vec<String> {
        let told = unkept.iter().filter_map(|one| match one {
            Unkept::Payments => (!self.is_known_at_given).then(|| {
                format!(
                    "What was paid after {} counts as paid here; --known-at tells what was open then.",
                    self.moment.as_of
                )
            }),
            Unkept::Accounts => begin_told("account", "accounts", &self.accounts_begin),
            Unkept::Terms => begin_told("period of policy", "periods of policies", &self.terms_begin),
            Unkept::Open => Some(
                "Differences and requests that were open then are not told: their history is not kept."
                    .to_owned(),
            ),
        });
        told.collect()
    }

    /// The lines above an answer: the two times, and what to keep in mind.
    pub fn told(&self, unkept: &[Unkept], later: usize) -> String {
        let Moment { as_of, known_at, .. } = self.moment;
        let mut text = format!("As of {as_of}, from what was known at {}.\n", shown(known_at));
        if later > 0 {
            text.push_str(&format!(
                "{} known and dated after {as_of}: not in it.\n",
                plural(later, "document is", "documents are")
            ));
        }
        for line in self.not_kept(unkept) {
            text.push_str(&format!("{line}\n"));
        }
        text
    }

    /// Puts both times, and what is not kept, into an answer for programs.
    pub fn put_into(&self, value: &mut Value, unkept: &[Unkept]) {
        if let Some(object) = value.as_object_mut() {
            object.insert("date".to_owned(), json!(self.moment.as_of));
            object.insert("as_of".to_owned(), json!(self.moment.as_of));
            object.insert("known_at".to_owned(), json!(shown(self.moment.known_at)));
            object.insert("not_kept".to_owned(), json!(self.not_kept(unkept)));
        }
    }
}

/// `What account C1 was before 2026-03-20 is not kept: it is told as it was then.`
fn begin_told(one: &str, several: &str, begin: &[Begins]) -> Option<String> {
    match begin {
        [] => None,
        [only] => {
            let (what, day) = (&only.what, only.since.date_naive());
            Some(format!("What {one} {what} was before {day} is not kept: it is told as it was known then."))
        }
        all => {
            let told = all.iter().take(BEGIN_MAX);
            let told = told.map(|one| format!("{} (before {})", one.what, one.since.date_naive()));
            let more = if all.len() > BEGIN_MAX { ", …" } else { "" };
            Some(format!(
                "What {} {several} were is not kept, and they are told as they were first known afterwards: {}{more}.",
                all.len(),
                told.collect::<Vec<_>>().join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_means_its_end_and_never_the_future() {
        let now: Instant = "2026-03-21T08:00:00Z".parse().unwrap();
        let at = |text: &str| shown(KnownAt::parse(text).unwrap().instant(now));
        assert_eq!(at("2026-03-20"), "2026-03-20T23:59:59.999Z");
        assert_eq!(at("2026-03-21"), "2026-03-21T08:00:00.000Z", "a day that is not over is known so far");
        assert_eq!(at("2026-03-20T10:00:00+02:00"), "2026-03-20T08:00:00.000Z");
        for wrong in ["20/03/2026", "2026-03-20 10:00", "yesterday", ""] {
            assert!(KnownAt::parse(wrong).is_err(), "{wrong}");
        }
    }
}
