//! The settings of a connection, checked against what its connector declares.

use std::collections::BTreeMap;

use super::manifest::{Manifest, Setting, SettingType};
use crate::model::Date;

/// What is wrong with a value; nothing when it fits.
pub(super) fn fault(setting: &Setting, value: &str) -> Option<String> {
    if !setting.values.is_empty() && !setting.values.iter().any(|known| known == value) {
        return Some(format!("is \"{value}\"; it is one of {}", setting.values.join(", ")));
    }
    let fits = match setting.kind {
        SettingType::Text | SettingType::Secret => return None,
        SettingType::Integer => value.parse::<i64>().is_ok(),
        SettingType::Date => value.parse::<Date>().is_ok(),
        SettingType::Flag => matches!(value, "true" | "false"),
    };
    (!fits).then(|| match setting.kind {
        SettingType::Integer => format!("is \"{value}\", not a whole number"),
        SettingType::Date => format!("is \"{value}\", not a date; write YYYY-MM-DD"),
        SettingType::Flag => format!("is \"{value}\"; write true or false"),
        SettingType::Text | SettingType::Secret => String::new(),
    })
}

/// The given settings with the defaults filled in.
///
/// # Errors
/// Every problem: what is missing, unknown or of another type. No secret is repeated.
pub(super) fn resolve(
    manifest: &Manifest,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<String>> {
    let mut problems = Vec::new();
    let mut settings = BTreeMap::new();
    for name in given.keys().filter(|name| !manifest.settings.contains_key(*name)) {
        let known = manifest.settings.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        problems.push(format!("\"{name}\" is not a setting of {}; it has {known}", manifest.id));
    }
    for (name, setting) in &manifest.settings {
        let value = given.get(name).filter(|value| !value.is_empty()).or(setting.default.as_ref());
        match value {
            None if setting.required => problems.push(format!("\"{name}\" is required: {}", setting.help)),
            None => {}
            Some(value) => {
                problems.extend(fault(setting, value).map(|fault| format!("\"{name}\" {fault}")));
                settings.insert(name.clone(), value.clone());
            }
        }
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}
