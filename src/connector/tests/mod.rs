//! The built-in connectors, held against their folders and their samples; loading; pulls from files and over HTTP.

mod allianz;
mod atradius;
mod cesce;
mod coface;
mod documents;
mod files;
mod hand_over;
mod http;
mod layouts;
mod manifest;
mod partners;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::builtin::BUILTIN;
use super::*;
use crate::mapping::Terms;
use crate::model::Currency;

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn setup(connector: Connector, settings: &[(&str, &str)], base_url: Option<&str>) -> Setup {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Setup {
        id: "test".to_owned(),
        connector: Arc::new(connector),
        settings: texts(settings),
        environment: None,
        base_url: base_url.map(str::to_owned),
        terms: Terms { default_days: Some(30), by_account: BTreeMap::new() },
        currency: Currency::EUR,
    }
}

/// A whole pull: what it says about itself, and its records.
async fn pull(
    connection: &Connection,
    operation: &str,
    cursor: Option<&str>,
) -> Result<(Pulled, Vec<PulledRecord>), Error> {
    let (out, mut records) = tokio::sync::mpsc::channel::<Batch>(2);
    let collect = async {
        let mut all = Vec::new();
        while let Some(batch) = records.recv().await {
            all.extend(batch.records);
        }
        all
    };
    let (pulled, records) = tokio::join!(connection.pull(operation, cursor, out), collect);
    Ok((pulled?, records))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn names<T>(table: &[(&str, T)]) -> BTreeSet<String> {
    table.iter().map(|(name, _)| (*name).to_owned()).collect()
}

#[test]
fn the_table_of_built_in_connectors_is_the_folders() {
    let ids: BTreeSet<String> = BUILTIN.iter().map(|builtin| builtin.id.to_owned()).collect();
    assert_eq!(
        ids,
        files(&root().join("connectors")),
        "src/connector/builtin.rs lists every folder of connectors/, and no other"
    );
    assert_eq!(ids, files(&root().join("mappings")), "every connector has its folder in mappings/");
    for builtin in BUILTIN {
        let mappings = files(&root().join("mappings").join(builtin.id));
        assert_eq!(
            names(builtin.mappings),
            mappings,
            "mappings/{}: list each file in src/connector/builtin.rs",
            builtin.id
        );
        let samples = files(&root().join("connectors").join(builtin.id).join("samples"));
        assert_eq!(
            names(builtin.samples),
            samples,
            "connectors/{}/samples: list each file in src/connector/builtin.rs",
            builtin.id
        );
    }
}

#[test]
fn every_built_in_connector_loads_and_its_samples_give_what_is_expected() {
    for listed in list(None).unwrap() {
        let connector = Arc::new(load(&listed.id, None).unwrap_or_else(|error| panic!("{error}")));
        let (report, id) = (mapping_test(&connector), &listed.id);
        let told: Vec<String> = report
            .samples
            .iter()
            .flat_map(|sample| {
                sample
                    .differences
                    .iter()
                    .map(move |difference| format!("{id}/{}: {difference}", sample.operation))
            })
            .collect();
        assert!(
            report.is_good(),
            "run `cargo test accept_samples -- --ignored` when the new records are right:\n{}",
            told.join("\n")
        );
    }
}

/// Writes the expected records of every sample. What it writes is reviewed, not trusted.
#[test]
#[ignore = "writes into connectors/*/samples"]
fn accept_samples() {
    for listed in list(None).unwrap() {
        let connector = Arc::new(load(&listed.id, None).unwrap_or_else(|error| panic!("{error}")));
        for sample in mapping_test(&connector).samples {
            let problems: Vec<_> = sample
                .differences
                .iter()
                .filter(|problem| sample.actual.is_null() && !problem.is_empty())
                .collect();
            assert!(problems.is_empty(), "{}/{}: {problems:?}", listed.id, sample.operation);
            let name = format!("{}.expected.json", sample.operation);
            let path = root().join("connectors").join(&listed.id).join("samples").join(name);
            std::fs::write(path, format!("{}\n", serde_json::to_string_pretty(&sample.actual).unwrap()))
                .unwrap();
            for (name, bytes) in &sample.files {
                std::fs::write(root().join("connectors").join(&listed.id).join("samples").join(name), bytes)
                    .unwrap();
            }
            println!("{}/{}: {} records, {} bad", listed.id, sample.operation, sample.records, sample.bad);
            println!(
                "  unknown codes {:?}\n  without effect {:?}\n  never filled {:?}",
                sample.unknown_codes, sample.without_effect, sample.never_filled
            );
        }
    }
}
