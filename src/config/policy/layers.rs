//! `layers`: kinds of layers that a period pays otherwise, or does not take as cover.

use rust_decimal::Decimal;
use serde::Deserialize;
use toml::Spanned;

use crate::config::reader::{Reader, Text};
use crate::model::{LayerKind, LayerTerm};

/// One of `layers`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LayerTable {
    kind: Spanned<LayerKind>,
    #[serde(default = "counts")]
    counts: bool,
    insured_percentage: Option<Text>,
}

const fn counts() -> bool {
    true
}

/// The terms of the layers, each kind once.
pub(super) fn read(tables: &[LayerTable], reader: &mut Reader<'_>) -> Vec<LayerTerm> {
    let mut layers: Vec<LayerTerm> = Vec::new();
    for LayerTable { kind, counts, insured_percentage } in tables {
        if layers.iter().any(|known| known.kind == *kind.get_ref()) {
            reader.problem(kind, format!("layers of kind \"{}\" stand here twice", kind.get_ref()));
        }
        let insured_percentage = match (counts, insured_percentage) {
            (true, Some(field)) => reader.percentage(field, Decimal::ONE_HUNDRED),
            (false, Some(field)) => {
                reader.problem(field, "layers that do not count are paid at no percentage");
                None
            }
            (true, None) => {
                reader.problem(
                    kind,
                    "it says nothing of these layers: add insured_percentage = \"…\", or counts = false",
                );
                None
            }
            (false, None) => None,
        };
        layers.push(LayerTerm { kind: *kind.get_ref(), insured_percentage });
    }
    layers
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::Config;
    use super::*;

    const POLICY: &str = r#"
[company]
id = "acme"
name = "Exemple SAS"

[ledger]
url = "sqlite:encours.db"

[[connection]]
id = "insurer"
connector = "csv"

[[policy]]
number = "0042"
connection = "insurer"
valid_from = "2026-01-01"
insured_percentage = "90"
layers = [
  { kind = "top_up", insured_percentage = "72.5" },
  { kind = "temporary", counts = false },
]
"#;

    #[test]
    fn layers_are_paid_otherwise_or_are_no_cover() {
        let policy = Config::parse("encours.toml", POLICY, Path::new(".")).unwrap().policies.remove(0);
        assert_eq!(policy.layer_percentage(LayerKind::Permanent), Some(Decimal::from(90)));
        assert_eq!(policy.layer_percentage(LayerKind::TopUp), Some("72.5".parse().unwrap()));
        assert_eq!(policy.layer_percentage(LayerKind::Temporary), None);
        let kept = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<crate::model::Policy>(&kept).unwrap(), policy);
        let plain = crate::model::Policy { layers: Vec::new(), ..policy };
        let kept = serde_json::to_string(&plain).unwrap();
        assert!(
            !kept.contains("layers"),
            "or every policy of an older ledger would be a new version: {kept}"
        );
        assert_eq!(serde_json::from_str::<crate::model::Policy>(&kept).unwrap(), plain);
    }

    #[test]
    fn what_is_wrong_with_layers_is_told_in_its_place() {
        let told = |text: &str| {
            let problems = Config::parse("encours.toml", text, Path::new(".")).unwrap_err();
            problems.iter().map(|p| format!("{p}\n")).collect::<String>()
        };
        for (from, to, at, why) in [
            ("\"72.5\"", "\"172.5\"", ":19:43:", "from \"0\" to \"100\""),
            ("\"temporary\"", "\"top_up\"", ":20:12:", "twice"),
            ("\"temporary\"", "\"second\"", ":20:12:", "permanent, temporary, top_up"),
            ("counts = false", "counts = true", ":20:12:", "says nothing of these layers"),
            ("counts = false", "count = false", ":20:", "unknown field `count`"),
            (
                "counts = false",
                "counts = false, insured_percentage = \"80\"",
                ":20:62:",
                "paid at no percentage",
            ),
        ] {
            let wrong = told(&POLICY.replace(from, to));
            assert!(wrong.contains(at) && wrong.contains(why), "{at} {why}: {wrong}");
        }
    }
}
