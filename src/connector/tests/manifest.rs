//! Manifests that are wrong, and folders of the user's.

use super::*;

const MANIFEST: &str = r#"
[connector]
id = "shop"
name = "Shop"
role = "erp"
transport = "http"
status = "unverified"

[settings]
key = { type = "secret", required = true, help = "its key" }
company = { type = "integer", default = "1", help = "its number" }

[auth]
kind = "api_key"
header = "X-Key"
setting = "key"

[operations.customers]
get = "/customers"
query = { offset = "{offset}", company = "{company}" }
records = "items"
mode = "snapshot"
paging = { kind = "offset", size = 2 }
"#;

const MAPPING: &str = "[customer]\nexternal_id = \"id\"\nname = \"name\"\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

pub(super) fn user_connector(manifest: &str, mappings: &[(&str, &str)]) -> Result<Connector, LoadError> {
    let mut files = vec![("connectors/shop/connector.toml".to_owned(), manifest)];
    files.extend(mappings.iter().map(|(name, text)| (format!("mappings/shop/{name}.toml"), *text)));
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let dir = folder(&files);
    load("shop", Some(dir.path()))
}

fn told(manifest: &str) -> String {
    user_connector(manifest, &[("customer", MAPPING)]).unwrap_err().to_string()
}

#[test]
fn a_connector_of_the_users_loads_and_describes_itself() {
    let connector = user_connector(MANIFEST, &[("customer", MAPPING)]).unwrap();
    let described = connector.describe();
    assert_eq!((described.origin, described.operations[0].does.as_str()), (Origin::User, "GET /customers"));
    let json = serde_json::to_value(&described).unwrap();
    assert_eq!(json["settings"]["key"]["type"], "secret");
    assert_eq!(json["operations"][0]["into"], "customer");
}

#[test]
fn every_problem_is_told_with_its_place_and_what_is_known() {
    let wrong = MANIFEST
        .replace("role = \"erp\"", "role = \"erp\"\nvendor = \"x\"")
        .replace("\"secret\"", "\"secrt\"")
        .replace("[operations.customers]", "[operations.buyers]\nget = \"/b\"\n[operations.customers]")
        .replace("{company}", "{companie}")
        .replace("size = 2", "size = 2, sise = 3");
    let told = told(&wrong);
    for expected in [
        "connector.toml:6:1: unknown key \"vendor\", expected one of: capabilities, id, name,",
        "\"secrt\" is not known here; it is one of string, secret, integer, date, flag",
        "\"buyers\" is not an operation of the role erp; known are customers, invoices, receipts, allocations, orders, read_limit, write_limit",
        "{companie} is not known here; known are",
        "unknown key \"sise\", expected one of: kind, size",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
    assert!(told.contains(" | vendor = \"x\"\n"), "the line itself is shown: {told}");
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let without = |from: &str, to: &str| told(&MANIFEST.replace(from, to));
    assert!(without("get = \"/customers\"", "").contains("exactly one of get, post"), "");
    assert!(
        without("get = \"/customers\"", "get = \"/c\"\npost = \"/c\"").contains("exactly one of get, post")
    );
    assert!(without("mode = \"snapshot\"", "mode = \"incremental\"").contains("has a cursor"));
    assert!(without("records = \"items\"", "").contains("\"records\" is missing here"));
    assert!(without("records = \"items\"", "records = \"a..b\"").contains("empty step"));
    assert!(
        without("records = \"items\"", "records = \"items\"\nshape = \"map(\"").contains("does not parse")
    );
    assert!(
        without("records = \"items\"", "records = \"items\"\nbody = \"order\"").contains("no [send.order]")
    );
    assert!(without("{company}", "{last}").contains("{last} is not known here"), "offset paging has no last");
    assert!(
        without("default = \"1\"", "default = \"one\"")
            .contains("the default of \"company\" is \"one\", not a whole number")
    );
    assert!(without("setting = \"key\"", "setting = \"clé\"").contains("is no place"));
    assert!(without("id = \"shop\"", "id = \"shops\"").contains("they must be one"));
    assert!(without("[connector]", "[connector").contains("connector.toml:2"));
    let error = user_connector(
        MANIFEST,
        &[("invoice", "[invoice]\nnumber=\"a\"\naccount=\"b\"\ntotal=\"c\"\nissued=\"d\"\n")],
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("the mappings have no [customer] for the operation customers"),
        "{error}"
    );
}

#[test]
fn an_unknown_connector_is_answered_with_the_known_ones() {
    let error = load("atradus", None).unwrap_err().to_string();
    let ids: Vec<&str> = BUILTIN.iter().map(|builtin| builtin.id).collect();
    assert_eq!(error, format!("there is no connector \"atradus\"; there are: {}", ids.join(", ")));
    assert!(ids.len() > 4 && ids.is_sorted(), "{ids:?}");
}

#[test]
fn a_file_of_the_users_stands_for_the_built_in_one() {
    let codes = include_str!("../../../mappings/atradius/limit.toml")
        .replace("DC05 = \"kept\"", "DC05 = \"refused\"");
    let dir = folder(&[("mappings/atradius/limit.toml", codes.as_str())]);
    let connector = Arc::new(load("atradius", Some(dir.path())).unwrap());
    assert_eq!(connector.origin, Origin::Overridden);
    assert!(
        connector.manifest.operations.contains_key("list_requests"),
        "the other files are the built-in ones"
    );
    let report = mapping_test(&connector);
    assert!(!report.is_good());
    let told: Vec<String> = report.samples.iter().flat_map(|sample| sample.differences.clone()).collect();
    let told = told.join("\n");
    assert!(told.contains("decision: expected \"kept\", found \"refused\""), "{told}");
    let listed = list(Some(dir.path())).unwrap();
    assert_eq!(listed.iter().find(|listed| listed.id == "csv").unwrap().origin, Origin::Builtin);
}

#[test]
fn settings_are_checked_all_at_once_and_secrets_not_repeated() {
    let connector = user_connector(MANIFEST, &[("customer", MAPPING)]).unwrap();
    let error = Connection::new(setup(
        connector.clone(),
        &[("company", "x"), ("kee", "s3cret")],
        Some("http://127.0.0.1"),
    ))
    .unwrap_err();
    assert_eq!(error.verdict(), crate::transport::Verdict::FixConfiguration);
    let told = error.to_string();
    assert!(told.contains("\"kee\" is not a setting of shop; it has company, key"), "{told}");
    assert!(
        told.contains("\"key\" is required: its key")
            && told.contains("\"company\" is \"x\", not a whole number"),
        "{told}"
    );
    assert!(!told.contains("s3cret"), "{told}");
    let error = Connection::new(setup(connector, &[("key", "k")], None)).unwrap_err();
    assert!(error.to_string().contains("give the connection a url"), "{error}");

    let mut uat = setup(
        load("atradius", None).unwrap(),
        &[("client_id", "c"), ("client_secret", "s"), ("app_key", "a"), ("customer_id", "1")],
        None,
    );
    assert_eq!(Connection::new(uat.clone()).unwrap().base_url.as_deref(), Some("https://api.atradius.com"));
    uat.environment = Some("uat".to_owned());
    assert_eq!(
        Connection::new(uat.clone()).unwrap().base_url.as_deref(),
        Some("https://api-uat.atradius.com")
    );
    uat.environment = Some("test".to_owned());
    assert!(Connection::new(uat).unwrap_err().to_string().contains("it has: production, uat"));
}
