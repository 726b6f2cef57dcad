//! Batches of assigned documents: the layout of a connection and the way of its files, and the samples that prove a layout.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::connection::Connection;
use super::error::Error;
use super::load::Connector;
use super::manifest::Work;
use super::roles::Kind;
use super::sample::SampleReport;
use crate::mapping::layout::Layout;
use crate::model::{AssignedBuyer, AssignedDocument, BatchHead};
use crate::transport::place::Way;
use crate::transport::seal::Seal;

impl Connection {
    /// The layout of the files that assign documents, with the settings that it is written with; none where the connector
    /// has no layout.
    #[must_use]
    pub fn layout(&self) -> Option<(&Layout, &BTreeMap<String, String>)> {
        self.connector.mappings.layout.as_ref().map(|layout| (layout, &self.settings))
    }

    /// How the files of a batch go out; none where a person takes them.
    ///
    /// # Errors
    /// [`Error`]: the connector hands over no batches.
    pub fn batch_way(&self, operation: &str) -> Result<Option<Way>, Error> {
        let declared = self.operation(operation, "hand a batch over", |kind| kind == Kind::Batch)?;
        let Work::Batch(send) = &declared.work else {
            let reason = "it hands no batch over".to_owned();
            return Err(Error::Request { operation: operation.to_owned(), reason });
        };
        let folder = self.folder(Some(&send.folder))?.map(|folder| Way::Folder(folder.into()));
        Ok(self.delivery.clone().or(folder))
    }

    /// The same connection, whose batches go out another way than through a folder.
    ///
    /// # Errors
    /// [`Error::Settings`]: its connector hands no batch over, or a folder is given too.
    pub fn delivering(mut self, way: Way) -> Result<Self, Error> {
        let mut hands_over = false;
        for operation in self.connector.manifest.operations.values() {
            let Work::Batch(send) = &operation.work else { continue };
            hands_over = true;
            if self.folder(Some(&send.folder))?.is_some() {
                let name = send.folder.names().next().unwrap_or_default();
                let told =
                    "is given, and [connection.delivery] too: a batch goes one way, so take one of them out";
                return Err(Error::Settings(vec![format!("\"{name}\" {told}")]));
            }
        }
        if !hands_over {
            let told = format!(
                "\"delivery\" is for factors, and {} hands no batch over",
                self.connector.manifest.id
            );
            return Err(Error::Settings(vec![told]));
        }
        self.delivery = Some(way);
        Ok(self)
    }

    /// The same connection, whose batches are sealed.
    ///
    /// # Errors
    /// [`Error::Settings`]: its connector hands no batch over as files.
    pub fn sealing(mut self, seal: Seal) -> Result<Self, Error> {
        let manifest = &self.connector.manifest;
        if !manifest.operations.values().any(|operation| matches!(operation.work, Work::Batch(_))) {
            let told = format!(
                "\"openpgp\" is for factors that get files, and {} hands no batch over as files",
                manifest.id
            );
            return Err(Error::Settings(vec![told]));
        }
        self.seal = Some(Arc::new(seal));
        Ok(self)
    }
}

/// A sample of batches: what is the same for all of them, then each with what must come of it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    #[serde(default)]
    pub(super) settings: BTreeMap<String, String>,
    /// Buyers by the name that documents call them.
    pub(super) buyers: BTreeMap<String, AssignedBuyer>,
    pub(super) cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// Its name, which the names of the expected files begin with.
    pub(super) case: String,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, String>,
    pub(super) head: BatchHead,
    /// Documents whose buyer is a name of `buyers`.
    pub(super) documents: Vec<Json>,
}

/// Writes the batches of a sample and holds each file against `samples/<case>.<name of the file>`, byte for byte; then reads
/// it back. An error that the layout gives is a result like any other.
///
/// # Errors
/// A sentence: what is wrong with the sample itself.
pub(super) fn sample(
    connector: &Connector,
    bytes: &[u8],
    report: &mut SampleReport,
) -> Result<Vec<Json>, String> {
    let layout = connector.mappings.layout.as_ref().ok_or("the mappings have no [layout]")?;
    let sample: Sample = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let defaults = connector.manifest.settings.iter();
    let mut settings: BTreeMap<String, String> =
        defaults.filter_map(|(name, setting)| Some((name.clone(), setting.default.clone()?))).collect();
    settings.extend(sample.settings);
    let mut results = Vec::new();
    for case in sample.cases {
        let mut settings = settings.clone();
        settings.extend(case.settings);
        let documents = case.documents.into_iter().map(|document| placed(document, &sample.buyers));
        let documents: Vec<AssignedDocument> = documents
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the case \"{}\": {error}", case.case))?;
        let written = match layout.write(&case.head, &settings, &documents) {
            Ok(written) => written,
            Err(error) => {
                results.push(json!({ "case": case.case, "error": error.to_string() }));
                continue;
            }
        };
        let mut files = Vec::new();
        for file in written.files {
            let name = format!("{}.{}", case.case, file.name);
            let difference = match connector.samples.get(&name) {
                None => Some("is not there".to_owned()),
                Some(expected) => differs(expected, &file.out),
            };
            report.differences.extend(difference.map(|difference| format!("samples/{name} {difference}")));
            match layout.read(file.place, &file.out) {
                Ok(records) if i64::try_from(records.len()) == Ok(file.records) => {}
                Ok(records) => {
                    let (wrote, read) = (file.records, records.len());
                    report.differences.push(format!("samples/{name}: {wrote} records written, {read} read"));
                }
                Err(error) => report.differences.push(format!("samples/{name} is not read back: {error}")),
            }
            files.push(json!({
                "name": file.name,
                "market": file.market,
                "records": file.records,
                "totals": file.totals,
            }));
            report.files.insert(name, file.out);
        }
        results.push(json!({
            "case": case.case,
            "files": files,
            "numbers": written.numbers,
            "totals": written.totals,
        }));
    }
    Ok(results)
}

/// A document of a sample with its buyer in place of the buyer's name.
pub(super) fn placed(
    mut document: Json,
    buyers: &BTreeMap<String, AssignedBuyer>,
) -> Result<AssignedDocument, String> {
    let name = document.get("buyer").and_then(Json::as_str).ok_or("a document has no buyer")?.to_owned();
    let buyer = buyers.get(&name).ok_or_else(|| format!("there is no buyer \"{name}\""))?;
    if let Some(place) = document.get_mut("buyer") {
        *place = json!(buyer);
    }
    serde_json::from_value(document).map_err(|error| error.to_string())
}

/// Where two files differ first; nothing when they are the same.
fn differs(expected: &[u8], actual: &[u8]) -> Option<String> {
    let at = expected.iter().zip(actual).position(|(expected, actual)| expected != actual);
    let at = at.or_else(|| (expected.len() != actual.len()).then(|| expected.len().min(actual.len())))?;
    let before = actual.get(..at).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    let excerpt = |bytes: &[u8]| {
        let rest: Vec<u8> = bytes.iter().skip(at).take(20).copied().collect();
        String::from_utf8_lossy(&rest).into_owned()
    };
    Some(format!(
        "differs in line {line} from position {}: expected {:?}, found {:?}",
        at - start + 1,
        excerpt(expected),
        excerpt(actual)
    ))
}

/// The expected files that no case made: a case that was dropped or renamed would leave them behind untested.
pub(super) fn left_over(connector: &Connector, made: &BTreeSet<&str>) -> Vec<String> {
    let given: BTreeSet<&str> =
        connector.manifest.operations.values().filter_map(|own| own.sample.as_deref()).collect();
    let names = connector.samples.keys().map(String::as_str);
    let other = names
        .filter(|name| !given.contains(name) && !name.ends_with(".expected.json") && !made.contains(name));
    other.map(|name| format!("samples/{name} is made by no case")).collect()
}
