//! Looking a buyer up at an insurer: asked because a person says so, never by a cycle; once, and its answer kept for ever.
//!
//! An insurer may charge for each question and says so on no answer. So the question is written down and committed before it
//! is asked; what leaves no answer in the ledger is in doubt, and only a person lets it be asked again.

use super::cycle::pause_refused;
use super::{Error, Setup, relink};
use crate::connector::{self, Connection, Reach, Role};
use crate::ledger::{AccountRow, Known, LookupAnswer, LookupKey, NewLink};
use crate::model::{Identifier, Instant, LinkKind, LinkReason, Scheme};
use crate::transport::{self, Verdict};

/// The operation.
pub const OPERATION: &str = "find_buyer";

/// Which numbers identify a buyer to an insurer, the best first.
const SCHEMES: &[Scheme] = &[Scheme::Siren, Scheme::Vat, Scheme::Lei, Scheme::Registration];

/// What an insurer is asked about a buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The connection.
    pub connection: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// The number that it is looked up by.
    pub identifier: Identifier,
}

/// Who lets it be asked.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// Whose name is kept.
    pub who: &'a str,
    /// Why a question without an answer is to be asked again; nothing when it is not.
    pub again_because: Option<&'a str>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The insurer's answer.
    Answered {
        /// What it says.
        answer: LookupAnswer,
        /// It was asked now; else it is what the ledger keeps.
        is_new: bool,
    },
    /// It was asked and no answer was kept: it may have been billed.
    InDoubt {
        /// When it was asked.
        since: Instant,
        /// What went wrong, when that was now.
        reason: Option<String>,
    },
    /// It was certainly not asked.
    NotAsked {
        /// Why.
        reason: String,
    },
}

/// One buyer of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The insurer's id.
    pub id: String,
    /// Its name there.
    pub name: String,
    /// Its country there, as the insurer writes it.
    pub country: String,
    /// Its status there, as the insurer writes it.
    pub status: String,
    /// Whether it is in the country that was asked about.
    pub fits: bool,
}

impl Question {
    /// The best question on a buyer: by the first of its sound numbers that the insurer can be asked by.
    ///
    /// # Errors
    /// Why none can be asked.
    pub fn on(connection: &Connection, accounts: &[AccountRow]) -> Result<Self, String> {
        let mut numbers: Vec<(Identifier, &str)> = Vec::new();
        for account in accounts {
            for identifier in account.identifiers().filter(Identifier::is_sound) {
                if let Some(siren) = identifier.siren() {
                    numbers.push((siren, "FR")); // a SIREN says its country
                }
                numbers.push((identifier, account.country.as_str()));
            }
        }
        let id = &connection.id;
        let mut reasons = Vec::new();
        for scheme in SCHEMES {
            for (identifier, country) in numbers.iter().filter(|(identifier, _)| identifier.scheme == *scheme)
            {
                if connection.word(OPERATION, "scheme", scheme.as_str()).is_none() {
                    reasons.push(format!("it is not asked by {scheme}"));
                } else if country.is_empty() {
                    reasons.push("no account says the buyer's country".to_owned());
                } else if connection.word(OPERATION, "country", country).is_none() {
                    reasons.push(format!("it has no word for the country {country}"));
                } else {
                    return Ok(Self {
                        connection: id.clone(),
                        country: (*country).to_owned(),
                        identifier: identifier.clone(),
                    });
                }
            }
        }
        reasons.dedup();
        Err(if reasons.is_empty() {
            format!("no account of the buyer has a sound number that {id} can be asked by")
        } else {
            format!("{id} cannot be asked: {}", reasons.join("; "))
        })
    }

    fn key(&self) -> LookupKey<'_> {
        LookupKey {
            connection: &self.connection,
            country: &self.country,
            scheme: self.identifier.scheme.as_str(),
            value: &self.identifier.value,
        }
    }

    /// The buyers of an answer.
    #[must_use]
    pub fn candidates(&self, connection: &Connection, answer: &LookupAnswer) -> Vec<Candidate> {
        let theirs = connection.word(OPERATION, "country", &self.country);
        let text = |row: &std::collections::BTreeMap<String, String>, name: &str| {
            row.get(name).cloned().unwrap_or_default()
        };
        let rows = answer.iter().filter(|row| row.get("insurer_buyer_id").is_some_and(|id| !id.is_empty()));
        rows.map(|row| {
            let country = text(row, "country");
            Candidate {
                // The question named the country: an answer without one is about it.
                fits: country.is_empty() || country == self.country || Some(country.as_str()) == theirs,
                id: text(row, "insurer_buyer_id"),
                name: text(row, "name"),
                status: text(row, "status"),
                country,
            }
        })
        .collect()
    }
}

/// The insurers that buyers can be looked up at.
#[must_use]
pub fn insurers(setup: &Setup) -> Vec<&Connection> {
    let able = |connection: &&Connection| {
        let manifest = &connection.connector.manifest;
        manifest.role == Role::Insurer && manifest.reach == Reach::Http && connection.has(OPERATION)
    };
    setup.connections.iter().filter(able).collect()
}

/// What the policies state as the fee of a look-up, with the number of the policy.
pub fn fees<'a>(
    setup: &'a Setup,
    connection: &'a str,
) -> impl Iterator<Item = (&'a str, crate::model::Money)> + 'a {
    let own = setup.policies.iter().filter(move |policy| policy.connection == connection);
    own.filter(|policy| policy.fees.look_up_minor != 0).map(|policy| {
        (policy.number.as_str(), crate::model::Money::new(policy.fees.look_up_minor, policy.currency))
    })
}

/// What the ledger says of a question, without asking it; nothing when it was never asked.
///
/// # Errors
/// What the ledger says.
pub async fn kept(setup: &Setup, question: &Question) -> Result<Option<Found>, Error> {
    let mut tx = setup.ledger.read().await?;
    let row = tx.lookup(question.key()).await?;
    tx.rollback().await?;
    Ok(row.map(|row| match row.answer {
        Some(answer) => Found::Answered { answer: answer.0, is_new: false },
        None => Found::InDoubt { since: row.asked_at, reason: None },
    }))
}

/// Asks, unless it was asked before.
///
/// # Errors
/// What the ledger says. What the insurer says is part of the answer.
pub async fn ask(
    setup: &Setup,
    connection: &Connection,
    question: &Question,
    asker: Asker<'_>,
    now: Instant,
) -> Result<Found, Error> {
    let key = question.key();
    let mut tx = setup.ledger.begin().await?;
    let rows = tx.connections().await?;
    let paused = rows.into_iter().find(|row| row.id == connection.id).and_then(|row| row.paused_reason);
    if let Some(paused) = paused {
        tx.rollback().await?;
        return Ok(Found::NotAsked { reason: format!("{} is paused: {paused}", connection.id) });
    }
    match tx.known_lookup(key, now).await? {
        Known::AskNow => tx.note_lookup_ask(key, asker.who, "", now).await?,
        Known::Answered(answer) => {
            tx.rollback().await?;
            return Ok(Found::Answered { answer, is_new: false });
        }
        Known::AskedBefore { at } => match asker.again_because {
            Some(because) if tx.repeat_lookup(key, now).await? => {
                tx.note_lookup_ask(key, asker.who, because, now).await?;
            }
            Some(_) | None => {
                tx.rollback().await?;
                return Ok(Found::InDoubt { since: at, reason: None });
            }
        },
    }
    tx.commit().await?;

    let facts = [
        ("country".to_owned(), question.country.clone()),
        ("scheme".to_owned(), question.identifier.scheme.as_str().to_owned()),
        ("value".to_owned(), question.identifier.value.clone()),
    ];
    let result = connection.look_up(OPERATION, &facts.into()).await;
    let mut tx = setup.ledger.begin().await?;
    let found = match result {
        Ok(answer) => {
            tx.remember_lookup(key, &answer, crate::clock::now().max(now)).await?;
            Found::Answered { answer, is_new: true }
        }
        Err(error) if was_not_asked(connection, &error) => {
            tx.forget_lookup(key).await?;
            Found::NotAsked { reason: error.to_string() }
        }
        Err(error) => Found::InDoubt { since: now, reason: Some(error.to_string()) },
    };
    let deltas = pause_refused(&mut tx, setup, now).await?;
    tx.say(&setup.company.id, "look up", &deltas, now).await?;
    tx.commit().await?;
    Ok(found)
}

/// Whether a failed question certainly never reached the insurer's search.
fn was_not_asked(connection: &Connection, error: &connector::Error) -> bool {
    if !connection.is_one_call(OPERATION) {
        // A later call of the same question may be what failed.
        return matches!(error, connector::Error::Transport(transport::Error::Credentials { .. }));
    }
    match error.verdict() {
        Verdict::RetryLater { .. } | Verdict::FixConfiguration | Verdict::NotAllowed => true,
        Verdict::FixData => !matches!(error, connector::Error::Transport(_)),
        Verdict::Defect => matches!(error, connector::Error::Request { .. }),
        Verdict::OutcomeUnknown => false,
    }
}

/// Links what was found to the buyer: by a person's word, with the look-up as its reason. `Err` names the buyer that it is
/// linked to already.
///
/// # Errors
/// What the ledger says.
pub async fn link(
    setup: &Setup,
    question: &Question,
    candidate: &Candidate,
    buyer: &str,
    who: &str,
    now: Instant,
) -> Result<Result<(), String>, Error> {
    let company = setup.company.id.as_str();
    let mut tx = setup.ledger.begin().await?;
    let before = tx.link_of(LinkKind::InsurerBuyer, &question.connection, &candidate.id).await?;
    if let Some(before) = before {
        tx.rollback().await?;
        return Ok(if before.buyer_id == buyer { Ok(()) } else { Err(before.buyer_id) });
    }
    let new = NewLink {
        kind: LinkKind::InsurerBuyer,
        connection: question.connection.clone(),
        external_id: candidate.id.clone(),
        to: Some((buyer.to_owned(), LinkReason::Person, question.because())),
        score: None,
        previous_buyer: None,
        replaces: false,
    };
    tx.record_links(company, &[new], who, now).await?;
    relink(&mut tx, company, now).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

impl Question {
    /// The reason of a link that follows from it.
    #[must_use]
    pub fn because(&self) -> String {
        format!("the insurer's look-up by {} {}", self.identifier.scheme, self.identifier.value)
    }
}
