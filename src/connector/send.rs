//! Saying something to a partner, at most once; and asking one question.

use std::collections::BTreeMap;

use super::connection::Connection;
use super::error::Error;
use super::manifest::{Finding, HttpOperation, Operation, Outcome, Work};
use super::pull::{PAGES_MAX, Page};
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
        let body = self.body_of(operation, &http.request, &[&facts], input)?;
        self.say(operation, http, &facts, body).await
    }

    /// Says what was written before.
    pub(super) async fn say(
        &self,
        operation: &str,
        http: &HttpOperation,
        facts: &BTreeMap<String, String>,
        body: Option<Value>,
    ) -> Result<Sent, Error> {
        let answer = self.request_with(operation, Effect::Write, &http.request, &[facts], body, None).await?;
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

    /// Asks a question, page by page where its answer is paged; each record of the answer is its named fields, those
    /// without a value left out.
    ///
    /// Where the manifest lists outcomes and one of them holds, the field `status` is one of [`Finding`]'s words, in a
    /// record of its own when the answer has none.
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
        let effect = if self.is_billed(operation) { Effect::Billed } else { Effect::Read };
        let wrong = |reason: String| Error::Shape { operation: operation.to_owned(), reason };
        let (mut page, mut previous, mut rows) = (Page::first(&http.paging), None, Vec::new());
        for _ in 0..PAGES_MAX {
            let places = page.places(&http.paging);
            let more = page.filter_input(&http.paging, None);
            let input = self.filter_input(texts(&facts).into_iter().chain(more));
            let layers = [&places, &facts];
            let answer =
                self.request(operation, effect, &http.request, &layers, input, page.link.clone()).await?;
            let holds = http.findings.iter().find(|(test, _)| test.holds(answer.status, &answer.body));
            if let Some((_, finding)) = holds {
                rows.extend(found(http, *finding, &answer.body));
                return Ok(rows);
            }
            if previous.replace(answer.digest) == Some(answer.digest) {
                return Err(wrong(
                    "two pages are the same; the partner takes no notice of the paging".to_owned(),
                ));
            }
            let records = records_of(&http.records, &answer.body).map_err(wrong)?;
            for record in &records {
                rows.extend(self.followed(operation, http, record).await?);
            }
            match page.next(&http.paging, &answer, &records).map_err(wrong)? {
                Some(next) => page = next,
                None => return Ok(rows),
            }
        }
        Err(wrong(format!("it has not ended after {PAGES_MAX} pages")))
    }

    /// The fields of a record, with those of the second call where the record has a link to it.
    async fn followed(
        &self,
        operation: &str,
        http: &HttpOperation,
        record: &Value,
    ) -> Result<Vec<BTreeMap<String, String>>, Error> {
        let mut fields = named(&http.fields, record);
        let link = http.then.as_ref().and_then(|then| Some((then, first(&then.link, record)?)));
        let Some((then, link)) = link else { return Ok(vec![in_our_words(http, fields)]) };
        let answer = self.follow(operation, link).await?;
        let wrong = |reason: String| Error::Shape { operation: operation.to_owned(), reason };
        let mut rows = Vec::new();
        for record in records_of(&then.records, &answer.body).map_err(wrong)? {
            fields.extend(named(&then.fields, &record));
            rows.push(in_our_words(http, fields.clone()));
        }
        Ok(rows)
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

/// The records of an answer whose meaning the manifest states. Such an answer may have no body at all.
fn found(http: &HttpOperation, finding: Finding, body: &Value) -> Vec<BTreeMap<String, String>> {
    if finding == Finding::Nothing {
        return Vec::new();
    }
    let mut rows = fields_of(http, body).unwrap_or_default();
    if rows.is_empty() {
        rows.push(BTreeMap::new());
    }
    for row in &mut rows {
        row.insert("status".to_owned(), finding.as_str().to_owned());
    }
    rows
}

pub(super) fn http_of(operation: &Operation) -> Result<&HttpOperation, Error> {
    match &operation.work {
        Work::Http(http) => Ok(http),
        Work::File(_) | Work::HandOver(_) | Work::Batch(_) => Err(Error::Request {
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

pub(super) fn texts(facts: &BTreeMap<String, String>) -> [(String, Value); 1] {
    let facts = facts.iter().map(|(name, text)| (name.clone(), json::text(text)));
    [("facts".to_owned(), json::object(facts))]
}

fn first(paths: &[Path], value: &Value) -> Option<String> {
    paths.iter().filter_map(|path| path.find(value)).find_map(json::scalar)
}
