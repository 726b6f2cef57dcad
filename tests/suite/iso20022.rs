//! The sample messages of the ISO 20022 connector against ISO's own schemas, which are not ours to ship: a folder with them is named by
//! `ENCOURS_ISO20022_SCHEMAS`, or lies beside the project. Where there is none, nothing is validated, and that is said.

use std::path::{Path, PathBuf};
use std::process::Command;

fn schemas() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/iso20022-tsin");
    let folder = std::env::var_os("ENCOURS_ISO20022_SCHEMAS").map_or(beside, PathBuf::from);
    folder.join("tsin.006.001.01.xsd").exists().then_some(folder)
}

/// What xmllint says of a message; nothing when it is valid.
fn invalid(schema: &Path, message: &Path) -> Option<String> {
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .args([schema, message])
        .output()
        .expect("xmllint is there: Debian's package libxml2-utils");
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_sample_message_is_valid_by_its_schema() {
    let Some(schemas) = schemas() else {
        eprintln!("no schemas of ISO 20022 are there, so the samples are not validated");
        return;
    };
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/iso20022-assignment/samples");
    let mut validated = Vec::new();
    for entry in std::fs::read_dir(samples).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(message) =
            ["tsin.006", "tsin.009"].into_iter().find(|id| name.contains(&id.replace('.', "")))
        else {
            continue;
        };
        let told = invalid(&schemas.join(format!("{message}.001.01.xsd")), &path);
        assert_eq!(told, None, "{name}");
        validated.push(name);
    }
    assert_eq!(validated.len(), 8, "{validated:?}");

    // The check can fail: an element out of its place is told.
    let text = std::fs::read_to_string(validated_path(&validated)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.xml");
    std::fs::write(&broken, text.replacen("<Dt>", "<Date>", 1).replacen("</Dt>", "</Date>", 1)).unwrap();
    let told = invalid(&schemas.join("tsin.006.001.01.xsd"), &broken).expect("it is not valid");
    assert!(told.contains("Date"), "{told}");
}

fn validated_path(names: &[String]) -> PathBuf {
    let name = names.iter().find(|name| name.contains("tsin006")).unwrap();
    Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/iso20022-assignment/samples").join(name)
}
