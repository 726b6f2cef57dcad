//! Saying something to a partner, at most once; and asking one question.

use std::collections::BTreeMap;

use super::connection::Connection;
use super::error::Error;
use super::manifest::{HttpOperation, Operation, Outcome, Work};
use super::roles::Kind;
use super::source::records_of;
use crate::format::json::Path;
use crate::format::{Value, json};
use crate::transport;
use crate::transport::http::Effect;

/// What became of something that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Decided, pending, done or refused.
    pub outcome: Outcome,
    /// The partner's reference of it.
    pub reference: Option<String>,
    /// The partner's words on it.
    pub message: Option<String>,
    /// The answer, with the secrets of the connection covered.
    pub raw: String,
    /// The reference of the call that the partner's support asks for, else our correlation id.
    pub call_reference: String,
}

impl Connection {
    /// Says something to the partner, once.
    ///
    /// # Errors
    /// [`Error`]. Its verdict matters here: after [`crate::transport::Verdict::OutcomeUnknown`] the partner must be read before anything
    /// is sent again.
    pub async fn send(&self, operation: &str, facts: &BTreeMap<String, String>) -> Result<Sent, Error> {
        let http = http_of(self.operation(operation, "send", |kind| kind == Kind::Send)?)?;
        let facts = translated(&http.codes, facts)?;
        let input = self.filter_input(texts(&facts));
        let answer = self.request(operation, Effect::Write, &http.request, &[&facts], input, None).await?;
        let outcome = match http.outcome.iter().find(|(test, _)| test.holds(answer.status, &answer.body)) {
            Some((_, outcome)) => *outcome,
            None if http.outcome.is_empty() => Outcome::Done,
            None => {
                let reason =
                    format!("status {} is none of the outcomes that the manifest lists", answer.status);
                return Err(transport::Error::Answer { reason, effect: Effect::Write }.into());
            }
        };
        let masked = |text: &str| self.http.as_ref().map_or_else(String::new, |client| client.masked(text));
        Ok(Sent {
            outcome,
            reference: first(&http.reference, &answer.body),
            message: first(&http.message, &answer.body).map(|text| masked(&text)),
            raw: masked(&answer.body.to_string()),
            call_reference: answer.reference,
        })
    }

    /// Asks a question; each record of the answer is its named fields, those without a value left out.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn look_up(
        &self,
        operation: &str,
        facts: &BTreeMap<String, String>,
    ) -> Result<Vec<BTreeMap<String, String>>, Error> {
        let http = http_of(self.operation(operation, "look up", |kind| kind == Kind::LookUp)?)?;
        let facts = translated(&http.codes, facts)?;
        let input = self.filter_input(texts(&facts));
        let billed =
            http.billed || (operation == "find_buyer" && self.connector.manifest.capabilities.billed_lookup);
        let effect = if billed { Effect::Billed } else { Effect::Read };
        let answer = self.request(operation, effect, &http.request, &[&facts], input, None).await?;
        let wrong = |reason| Error::Shape { operation: operation.to_owned(), reason };
        let Some(then) = &http.then else { return fields_of(http, &answer.body).map_err(wrong) };
        let mut found = Vec::new();
        for record in records_of(&http.records, &answer.body).map_err(wrong)? {
            let mut fields = named(&http.fields, &record);
            match first(&then.link, &record) {
                None => found.push(in_our_words(http, fields)),
                Some(link) => {
                    let answer = self.follow(operation, link).await?;
                    for record in records_of(&then.records, &answer.body).map_err(wrong)? {
                        fields.extend(named(&then.fields, &record));
                        found.push(in_our_words(http, fields.clone()));
                    }
                }
            }
        }
        Ok(found)
    }
}

/// The named fields of each record of an answer.
pub(super) fn fields_of(http: &HttpOperation, body: &Value) -> Result<Vec<BTreeMap<String, String>>, String> {
    let records = records_of(&http.records, body)?;
    Ok(records.iter().map(|record| in_our_words(http, named(&http.fields, record))).collect())
}

fn named(fields: &[(String, Vec<Path>)], record: &Value) -> BTreeMap<String, String> {
    fields.iter().filter_map(|(name, paths)| Some((name.clone(), first(paths, record)?))).collect()
}

/// The fields in our words; a word that the manifest does not list stays as it came.
fn in_our_words(http: &HttpOperation, mut fields: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for (field, words) in &http.words {
        if let Some(value) = fields.get_mut(field)
            && let Some(ours) = words.get(value.as_str())
        {
            ours.clone_into(value);
        }
    }
    fields
}

fn http_of(operation: &Operation) -> Result<&HttpOperation, Error> {
    match &operation.work {
        Work::Http(http) => Ok(http),
        Work::File(_) | Work::HandOver(_) => Err(Error::Request {
            operation: operation.purpose.name.to_owned(),
            reason: "files are not called; use `pull` and `hand_over`".to_owned(),
        }),
    }
}

/// The facts in the partner's words.
pub(super) fn translated(
    codes: &BTreeMap<String, BTreeMap<String, String>>,
    facts: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut facts = facts.clone();
    for (fact, words) in codes {
        let Some(value) = facts.get_mut(fact) else { continue };
        match words.get(value.as_str()) {
            Some(theirs) => theirs.clone_into(value),
            None => {
                let known = words.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(Error::Fact { fact: fact.clone(), value: value.clone(), known });
            }
        }
    }
    Ok(facts)
}

fn texts(facts: &BTreeMap<String, String>) -> [(String, Value); 1] {
    let facts = facts.iter().map(|(name, text)| (name.clone(), json::text(text)));
    [("facts".to_owned(), json::object(facts))]
}

fn first(paths: &[Path], value: &Value) -> Option<String> {
    paths.iter().filter_map(|path| path.find(value)).find_map(json::scalar)
}
