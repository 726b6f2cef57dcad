//! Whether the partner is told of a fact at all.

use std::collections::BTreeMap;

use super::connection::Connection;
use super::error::Error;
use super::manifest::{BodyRule, Work};
use super::send::translated;

impl Connection {
    /// Whether what an operation sends says something else with a fact than without it.
    ///
    /// # Errors
    /// [`Error`]: the facts make no body.
    pub fn tells(
        &self,
        operation: &str,
        facts: &BTreeMap<String, String>,
        fact: (&str, &str),
    ) -> Result<bool, Error> {
        let manifest = &self.connector.manifest;
        let (name, codes) = match manifest.operations.get(operation).map(|declared| &declared.work) {
            Some(Work::HandOver(send)) => (&send.body, &send.codes),
            Some(Work::Http(http)) => match &http.request.body {
                BodyRule::Mapping(name) => (name, &http.codes),
                BodyRule::Nothing | BodyRule::Json(_) | BodyRule::Jq(_) => return Ok(false),
            },
            Some(Work::File(_) | Work::Batch(_)) | None => return Ok(false),
        };
        let Some(body) = self.connector.mappings.bodies.get(name) else { return Ok(false) };
        let made = |facts: &BTreeMap<String, String>| -> Result<_, Error> {
            Ok(body.render(&translated(codes, facts)?, &self.settings)?)
        };
        let (fact, value) = fact;
        let (mut with, mut without) = (facts.clone(), facts.clone());
        with.insert(fact.to_owned(), value.to_owned());
        without.remove(fact);
        Ok(made(&with)? != made(&without)?)
    }
}
