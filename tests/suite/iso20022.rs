//! The sample messages of the ISO 20022 connectors against ISO's own schemas, which are not ours to ship: a folder with them is named by
//! `ENCOURS_ISO20022_SCHEMAS`. Where there is none, nothing is validated, and that is said.

use std::path::{Path, PathBuf};
use std::process::Command;

#[allow(clippy::disallowed_methods, reason = "where the schemas are is told by the environment")]
fn schemas() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("ENCOURS_ISO20022_SCHEMAS")?);
    assert!(folder.join("tsin.006.001.01.xsd").exists(), "{} holds no schemas", folder.display());
    Some(folder)
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
    let connectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors");
    let mut messages = vec![
        ("tsin.007", connectors.join("iso20022-factor/samples/assignment-status.xml")),
        ("tsin.010", connectors.join("iso20022-factor/samples/party-status.xml")),
    ];
    for entry in std::fs::read_dir(connectors.join("iso20022-assignment/samples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let known = ["tsin.006", "tsin.009"].into_iter().find(|id| name.contains(&id.replace('.', "")));
        messages.extend(known.map(|id| (id, path)));
    }
    assert_eq!(messages.len(), 10, "{messages:?}");
    for (id, path) in &messages {
        let told = invalid(&schemas.join(format!("{id}.001.01.xsd")), path);
        assert_eq!(told, None, "{}", path.display());
    }

    // The check can fail: an element out of its place is told.
    let (_, sound) = messages.iter().find(|(id, _)| *id == "tsin.006").unwrap();
    let text = std::fs::read_to_string(sound).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.xml");
    std::fs::write(&broken, text.replacen("<Dt>", "<Date>", 1).replacen("</Dt>", "</Date>", 1)).unwrap();
    let told = invalid(&schemas.join("tsin.006.001.01.xsd"), &broken).expect("it is not valid");
    assert!(told.contains("Date"), "{told}");
}
