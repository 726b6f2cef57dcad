//! The text of a manifest to its values.
//!
//! Reading a manifest touches nothing but its text. Everything that could be wrong is told at once, with line and column;
//! what is unknown is refused with what is known.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::limits::operations_of_limits;
use super::manifest::{
    Asks, BodyRule, Capabilities, Choice, CursorRule, FileOperation, FormatRule, HeaderRule, HeaderText,
    HttpOperation, Manifest, Mode, Operation, Outcome, Paging, Presence, Reach, Records, Request, Setting,
    SettingType, ShapeSpan, Stamp, Status, Then, Work,
};
use super::outcome::{findings, statuses, tests};
use super::read::{Parts as _, Reader, Section, integers, text};
use super::roles::{Kind, Purpose, Role};
use super::{environment, outgoing};
use crate::format::json::{self, Path};
use crate::format::table::{Kind as TableKind, RowChoice};
use crate::format::toml::Problem;
use crate::format::xml;
use crate::mapping::{Mappings, Target};
use crate::transport::http::{Auth, ErrorRules, Lifetime, Limit, Method, Token, TokenRequest};
use crate::transport::{JsonTemplate, Template, Verdict};

impl Manifest {
    /// Reads a manifest and checks it against the mappings of its system.
    ///
    /// # Errors
    /// Every problem, placed.
    pub fn parse(file: &str, text: &str, mappings: &Mappings) -> Result<Self, Vec<Problem>> {
        let document = match DeTable::parse(text) {
            Ok(document) => document,
            Err(error) => return Err(vec![Problem::at(file, text, error.span(), error.message())]),
        };
        let reader = Reader { file, text, problems: Vec::new().into() };
        let root = Section::new(&reader, document.get_ref(), 0..0);
        let manifest = manifest(&root, mappings);
        root.close();
        let mut problems = reader.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.dedup();
        match manifest {
            Some(manifest) if problems.is_empty() => Ok(manifest),
            _ => Err(problems),
        }
    }
}

pub(super) fn words_of<T: Copy>(
    all: &'static [T],
    name: impl Fn(T) -> &'static str,
) -> Vec<(&'static str, T)> {
    all.iter().map(|word| (name(*word), *word)).collect()
}

/// The names that templates may use at some place.
pub(super) struct Names<'a> {
    settings: &'a BTreeMap<String, Setting>,
    more: BTreeSet<&'a str>,
    /// Those that stand for steps of a path: the variables of the environments.
    steps: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn with(&self, more: impl IntoIterator<Item = &'a str>) -> Names<'a> {
        Names {
            settings: self.settings,
            more: self.more.iter().copied().chain(more).collect(),
            steps: self.steps.clone(),
        }
    }

    pub(super) fn check<'t>(
        &self,
        section: &Section<'_>,
        span: Range<usize>,
        used: impl IntoIterator<Item = &'t str>,
    ) {
        for name in used {
            if !self.settings.contains_key(name) && !self.more.contains(name) {
                let known: BTreeSet<&str> =
                    self.settings.keys().map(String::as_str).chain(self.more.iter().copied()).collect();
                let known = known.into_iter().collect::<Vec<_>>().join(", ");
                section.problem(span.clone(), format!("{{{name}}} is not known here; known are {known}"));
            }
        }
    }

    /// A template at a key, checked.
    pub(super) fn template(&self, section: &Section<'_>, key: &'static str) -> Option<Template> {
        let template = section.template(key)?;
        let span = section.entry(key)?.span();
        self.check(section, span, template.names());
        Some(template)
    }

    /// A table of templates at a key, checked.
    fn templates(&self, section: &Section<'_>, key: &'static str) -> Vec<(String, Template)> {
        let templates = section.templates(key);
        if let Some(entry) = section.entry(key) {
            self.check(section, entry.span(), templates.iter().flat_map(|(_, template)| template.names()));
        }
        templates
    }

    /// Whether a name stands for a number or a flag, to be written without quotes.
    fn is_bare(&self, name: &str) -> bool {
        match self.settings.get(name).map(|setting| setting.kind) {
            Some(SettingType::Integer | SettingType::Flag) => true,
            Some(SettingType::Text | SettingType::Secret | SettingType::Date) => false,
            None => matches!(name, "offset" | "end" | "size" | "page"),
        }
    }

    fn json(&self, value: &DeValue<'_>) -> Result<JsonTemplate, String> {
        Ok(match value {
            DeValue::String(text) => {
                let template = Template::parse(text)?;
                match template.only_name() {
                    Some(name) if self.is_bare(name) => JsonTemplate::Bare(template),
                    Some(_) => JsonTemplate::Text(template),
                    None if template.names().next().is_none() && !text.contains("{uuid}") => {
                        JsonTemplate::Fixed(json::text(text))
                    }
                    None => JsonTemplate::Text(template),
                }
            }
            DeValue::Integer(number) => {
                JsonTemplate::Fixed(json::number(number.as_str()).ok_or("write numbers in base ten")?)
            }
            DeValue::Float(number) => {
                JsonTemplate::Fixed(json::number(number.as_str()).ok_or("write numbers in base ten")?)
            }
            DeValue::Boolean(flag) => JsonTemplate::Fixed(crate::format::Value::Bool(*flag)),
            DeValue::Datetime(_) => return Err("write dates as texts".to_owned()),
            DeValue::Array(list) => JsonTemplate::List(
                list.iter().map(|item| self.json(item.get_ref())).collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => JsonTemplate::Table(
                table
                    .iter()
                    .map(|(key, item)| Ok((key.get_ref().to_string(), self.json(item.get_ref())?)))
                    .collect::<Result<_, String>>()?,
            ),
        })
    }
}

fn manifest(root: &Section<'_>, mappings: &Mappings) -> Option<Manifest> {
    let settings = settings(root);
    let environments = environment::parse(root, &settings);
    let steps: BTreeSet<&str> =
        environments.values().flat_map(|environment| environment.vars.keys().map(String::as_str)).collect();
    let names = Names { settings: &settings, more: steps.clone(), steps };
    let (reach, head) = head(root)?;
    let auth = root.section("auth").map_or(Auth::None, |section| auth(section, &names));
    let http = root.section("http");
    if let (Reach::Files, Some(section)) = (reach, &http) {
        root.problem(section.span.clone(), "a connector of files has no [http]");
    }
    let (headers, limit, retries, timeout, errors) = http_rules(http, &names);
    let files = root.section("files");
    let (mut folder, mut archive) = (None, None);
    if let Some(section) = files {
        folder = names.template(&section, "folder");
        archive = names.template(&section, "archive");
        section.close();
    }
    let mut operations = BTreeMap::new();
    if let Some(section) = root.section("operations") {
        for (name, span, value) in section.entries() {
            let purpose = match Purpose::find(head.role, name) {
                Ok(purpose) => purpose,
                Err(known) => {
                    section.problem(
                        span,
                        format!(
                            "\"{name}\" is not an operation of the role {}; known are {known}",
                            head.role
                        ),
                    );
                    continue;
                }
            };
            let Some(table) = section.as_section(value) else { continue };
            operations.extend(
                operation(table, purpose, reach, &names, mappings)
                    .map(|operation| (name.to_owned(), operation)),
            );
        }
    }
    let reads = |operation: &Operation| matches!(operation.work, Work::File(_));
    let writes =
        root.section("operations").and_then(|section| section.entry("write_limit")).map(Spanned::span);
    if let Some(span) = writes {
        operations_of_limits(root, &head.capabilities, span);
    }
    if reach == Reach::Files && folder.is_none() && (operations.is_empty() || operations.values().any(reads))
    {
        root.problem(
            root.span.clone(),
            "a connector of files says where they are: [files] with folder = \"{folder}\"",
        );
    }
    let Head { id, name, role, status, notes, capabilities } = head;
    Some(Manifest {
        id,
        name,
        role,
        reach,
        status,
        notes,
        capabilities,
        settings,
        environments,
        auth,
        headers,
        limit,
        retries,
        timeout,
        errors,
        folder,
        archive,
        operations,
    })
}

struct Head {
    id: String,
    name: String,
    role: Role,
    status: Status,
    notes: String,
    capabilities: Capabilities,
}

fn head(root: &Section<'_>) -> Option<(Reach, Head)> {
    let section = root.required("connector", root.section("connector"))?;
    let id = section.required("id", section.text("id"));
    let name = section.required("name", section.text("name"));
    let role = section.required("role", section.word("role", &words_of(Role::ALL, Role::as_str)));
    let reach =
        section.required("transport", section.word("transport", &words_of(Reach::ALL, Reach::as_str)));
    let status = section.required("status", section.word("status", &words_of(Status::ALL, Status::as_str)));
    let notes = section.text("notes").unwrap_or_default();
    let capabilities = section.section("capabilities").map(capabilities).unwrap_or_default();
    section.close();
    Some((reach?, Head { id: id?, name: name?, role: role?, status: status?, notes, capabilities }))
}

/// What can be said of a limit, in the words of the effects.
fn limit_operations(section: &Section<'_>) -> Vec<String> {
    const KNOWN: [&str; 4] = ["set", "zero", "remove", "block"];
    let words = section.texts("limit_operations");
    if let (Some(entry), Some(word)) =
        (section.entry("limit_operations"), words.iter().find(|word| !KNOWN.contains(&word.as_str())))
    {
        section.problem(entry.span(), format!("\"{word}\" is none of {}", KNOWN.join(", ")));
    }
    words
}

fn capabilities(section: Section<'_>) -> Capabilities {
    let has = |key| section.flag(key).unwrap_or(false);
    let capabilities = Capabilities {
        webhook: has("webhook"),
        idempotency_key: has("idempotency_key"),
        echoes_reference: has("echoes_reference"),
        changes_since: has("changes_since"),
        billed_lookup: has("billed_lookup"),
        change_over_ended: has("change_over_ended"),
        amount_step: section.integer("amount_step"),
        zero_is_unlimited: has("zero_is_unlimited"),
        refuses_below_exposure: has("refuses_below_exposure"),
        has_block_flag: has("has_block_flag"),
        has_validity: has("has_validity"),
        has_insurance_field: has("has_insurance_field"),
        company_scoped: has("company_scoped"),
        compare_and_set: has("compare_and_set"),
        limit_operations: limit_operations(&section),
        enforces_limit: has("enforces_limit"),
        visible_after_minutes: section.integer("visible_after_minutes").unwrap_or(0),
    };
    section.close();
    capabilities
}

fn settings(root: &Section<'_>) -> BTreeMap<String, Setting> {
    let mut settings = BTreeMap::new();
    let Some(section) = root.section("settings") else { return settings };
    for (name, span, value) in section.entries() {
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') || name == "uuid"
        {
            section.problem(span.clone(), "the name of a setting has small letters, digits and _");
        }
        let Some(table) = section.as_section(value) else { continue };
        let kind =
            table.required("type", table.word("type", &words_of(SettingType::ALL, SettingType::as_str)));
        let setting = Setting {
            kind: kind.unwrap_or(SettingType::Text),
            required: table.flag("required").unwrap_or(false),
            default: table.text("default"),
            values: table.texts("values"),
            help: table.required("help", table.text("help")).unwrap_or_default(),
        };
        if let Some(problem) =
            setting.default.as_deref().and_then(|default| super::settings::fault(&setting, default))
        {
            table.problem(span, format!("the default of \"{name}\" {problem}"));
        }
        table.close();
        settings.insert(name.to_owned(), setting);
    }
    settings
}

type HttpRules = (Vec<(String, Template)>, Limit, u64, Duration, ErrorRules);

fn http_rules(section: Option<Section<'_>>, names: &Names<'_>) -> HttpRules {
    let mut rules: HttpRules = (
        Vec::new(),
        Limit { period: Duration::from_millis(100), in_flight: 4 },
        4,
        Duration::from_secs(60),
        ErrorRules::default(),
    );
    let Some(section) = section else { return rules };
    rules.0 = names.templates(&section, "headers");
    if let Some(limit) = section.section("limit") {
        let per = |key, seconds: u64| {
            limit
                .integer(key)
                .map(|count| Duration::from_micros(seconds.saturating_mul(1_000_000) / count.max(1)))
        };
        rules.1.period = per("per_second", 1).or_else(|| per("per_minute", 60)).unwrap_or(rules.1.period);
        rules.1.in_flight =
            limit.integer("in_flight").and_then(|n| usize::try_from(n).ok()).unwrap_or(rules.1.in_flight);
        if limit.entry("per_second").is_some() && limit.entry("per_minute").is_some() {
            limit.problem(limit.span.clone(), "a limit has per_second or per_minute, not both");
        }
        limit.entry("per_minute");
        limit.close();
    }
    rules.2 = section.integer("retries").unwrap_or(rules.2);
    rules.3 = section.integer("timeout_seconds").map_or(rules.3, Duration::from_secs);
    if let Some(error) = section.section("error") {
        rules.4.message = error.paths("message");
        rules.4.reference = error.text("reference");
        rules.4.when = error.paths("when");
        let verdicts: Vec<(&str, Verdict)> = Verdict::NAMES
            .iter()
            .filter_map(|name| Verdict::parse(name).map(|verdict| (*name, verdict)))
            .collect();
        rules.4.verdicts = tests(&error, "verdicts", &verdicts);
        error.close();
    }
    section.close();
    rules
}

fn auth(section: Section<'_>, names: &Names<'_>) -> Auth {
    let kinds = [("none", 0), ("basic", 1), ("api_key", 2), ("token", 3)];
    let auth = match section.required("kind", section.word("kind", &kinds)) {
        Some(1) => {
            let (user, password) =
                (section.text("user").unwrap_or_default(), section.text("password").unwrap_or_default());
            names.check(&section, section.span.clone(), [user.as_str(), password.as_str()]);
            let template =
                section.read("kind", |_| Template::parse(&format!("Basic {{base64:{user}:{password}}}")));
            Auth::Headers {
                headers: template
                    .map(|template| ("Authorization".to_owned(), template))
                    .into_iter()
                    .collect(),
            }
        }
        Some(2) => {
            let header = section.required("header", section.text("header")).unwrap_or_default();
            let setting = section.required("setting", section.text("setting")).unwrap_or_default();
            names.check(&section, section.span.clone(), [setting.as_str()]);
            let prefix = section.text("prefix").unwrap_or_default();
            let template = section.read("kind", |_| Template::parse(&format!("{prefix}{{{setting}}}")));
            Auth::Headers { headers: template.map(|template| (header, template)).into_iter().collect() }
        }
        Some(3) => token(&section, names).map_or(Auth::None, |token| Auth::Token(Box::new(token))),
        Some(_) | None => Auth::None,
    };
    section.close();
    auth
}

fn token(section: &Section<'_>, names: &Names<'_>) -> Option<Token> {
    let mut values = Vec::new();
    if let Some(table) = section.required("values", section.section("values")) {
        for (name, _, value) in table.entries() {
            values.extend(
                table.place(value, |value| Path::parse(text(value)?)).map(|path| (name.to_owned(), path)),
            );
        }
    }
    let value_names: Vec<String> = values.iter().map(|(name, _)| name.clone()).collect();
    let headers = names.with(value_names.iter().map(String::as_str)).templates(section, "header");
    if headers.is_empty() {
        section.problem(
            section.span.clone(),
            "a token goes into a header: header = { Authorization = \"Bearer {token}\" }",
        );
    }
    let lifetime = section.read("lifetime", |value| match value.as_str() {
        Some(path) => Path::parse(path).map(Lifetime::At),
        None => Ok(Lifetime::Fixed(Duration::from_secs(integers(value)?.into_iter().next().unwrap_or(0)))),
    });
    let (mut refused_status, mut refused_when_absent) = (Vec::new(), None);
    if let Some(refused) = section.section("refused") {
        refused_status = statuses(&refused, "status");
        refused_when_absent = refused.path("when_absent");
        refused.close();
    }
    let table = section.required("request", section.section("request"))?;
    let (method, path) = method_and_path(&table, names)?;
    let base = names.template(&table, "base");
    let basic =
        table.read("basic", |value| match value.as_array().map(|list| list.iter().collect::<Vec<_>>()) {
            Some(list) if list.len() == 2 => {
                let names = list.iter().map(|item| text(item.get_ref())).collect::<Result<Vec<_>, _>>()?;
                Template::parse(&format!("Basic {{base64:{}}}", names.join(":")))
            }
            _ => Err("basic names two settings: the user and the password".to_owned()),
        });
    if let Some(entry) = table.entry("basic") {
        names.check(&table, entry.span(), basic.iter().flat_map(Template::names));
    }
    let json = table.read("json", |value| names.json(value));
    if let Some(entry) = table.entry("json") {
        names.check(&table, entry.span(), json.iter().flat_map(JsonTemplate::names));
    }
    let request = TokenRequest {
        method,
        base,
        path,
        basic,
        headers: names.templates(&table, "headers"),
        query: names.templates(&table, "query"),
        json,
        form: names.templates(&table, "form"),
    };
    if request.json.is_some() && !request.form.is_empty() {
        table.problem(table.span.clone(), "a login has json or form, not both");
    }
    table.close();
    Some(Token {
        request,
        values,
        headers,
        lifetime: lifetime.unwrap_or(Lifetime::Unstated),
        refused_status,
        refused_when_absent,
    })
}

fn method_and_path(section: &Section<'_>, names: &Names<'_>) -> Option<(Method, Template)> {
    let mut found = Vec::new();
    for (key, method) in Method::ALL {
        found.extend(
            names
                .template(section, key)
                .map(|path| (*method, path.with_steps(|name| names.steps.contains(name)))),
        );
    }
    if found.len() > 1
        || (found.is_empty() && !Method::ALL.iter().any(|(key, _)| section.entry(key).is_some()))
    {
        section.problem(
            section.span.clone(),
            "a request has exactly one of get, post, put, patch and delete, with its path",
        );
        return None;
    }
    found.pop()
}

fn request(section: &Section<'_>, names: &Names<'_>, mappings: &Mappings) -> Option<Request> {
    let (method, path) = method_and_path(section, names)?;
    let query = names.templates(section, "query");
    let mut body = BodyRule::Nothing;
    if let Some(entry) = section.entry("json") {
        let is_filter =
            |table: &DeTable<'_>| table.len() == 1 && table.iter().any(|(key, _)| key.get_ref() == "jq");
        if entry.get_ref().as_table().is_some_and(is_filter) {
            let table = section.as_section(entry)?;
            body = table.filter("jq").map_or(BodyRule::Nothing, BodyRule::Jq);
        } else if let Some(template) = section.read("json", |value| names.json(value)) {
            names.check(section, entry.span(), template.names());
            body = BodyRule::Json(template);
        }
    }
    if let (Some(name), Some(entry)) = (section.text("body"), section.entry("body")) {
        if !mappings.bodies.contains_key(&name) {
            let known = mappings.bodies.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            section.problem(entry.span(), format!("the mappings have no [send.{name}]; they have: {known}"));
        }
        if !matches!(body, BodyRule::Nothing) {
            section.problem(entry.span(), "a request has json or body, not both");
        }
        body = BodyRule::Mapping(name);
    }
    Some(Request { method, path, query, body, accepts: Vec::new(), headers: headers(section, names) })
}

/// The headers of one request: name = template, or a JSON document in base64. Names may be templates too.
fn headers(section: &Section<'_>, names: &Names<'_>) -> Vec<HeaderRule> {
    let mut rules = Vec::new();
    let Some(table) = section.section("headers") else { return rules };
    for (name, span, value) in table.entries() {
        let name = match Template::parse(name) {
            Ok(name) => name,
            Err(problem) => {
                table.problem(span, problem);
                continue;
            }
        };
        names.check(&table, span, name.names());
        let text = if value.get_ref().is_table() {
            table.as_section(value).and_then(|section| {
                let document = section
                    .required("base64", section.read("base64", |document| names.json(document)))
                    .map(HeaderText::Base64);
                section.close();
                document
            })
        } else {
            table.place(value, |value| Template::parse(text(value)?)).map(HeaderText::Plain)
        };
        let used = match &text {
            Some(HeaderText::Plain(template)) => template.names().collect(),
            Some(HeaderText::Base64(document)) => document.names(),
            None => Vec::new(),
        };
        names.check(&table, value.span(), used);
        rules.extend(text.map(|text| HeaderRule { name, text }));
    }
    rules
}

/// The second call of a look-up.
fn then(section: &Section<'_>, purpose: &Purpose) -> Option<Then> {
    let table = section.section("then")?;
    let link = table.paths("link");
    if link.is_empty() {
        table.problem(table.span.clone(), "\"link\" is missing here: where the first answer has the link");
    }
    let records = table.required("records", records(&table));
    let fields = fields(&table, purpose);
    table.close();
    Some(Then { link, records: records?, fields })
}

fn operation(
    section: Section<'_>,
    purpose: &'static Purpose,
    reach: Reach,
    names: &Names<'_>,
    mappings: &Mappings,
) -> Option<Operation> {
    let into = into(&section, purpose, mappings);
    let sample = section.text("sample");
    let work = match reach {
        Reach::Http if purpose.kind == Kind::Batch => {
            section.problem(section.span.clone(), "a batch goes out as files: transport = \"files\"");
            None
        }
        Reach::Http => {
            http_operation(&section, purpose, names, mappings).map(|work| Work::Http(Box::new(work)))
        }
        Reach::Files => match purpose.kind {
            Kind::Pull(_) => file_operation(&section, names).map(|work| Work::File(Box::new(work))),
            Kind::Send => outgoing::file_send(&section, purpose, names, mappings)
                .map(|work| Work::HandOver(Box::new(work))),
            Kind::LookUp => {
                section.problem(section.span.clone(), "a folder of files answers no questions");
                None
            }
            Kind::Batch => outgoing::batch_send(&section, names, mappings).map(Work::Batch),
        },
    };
    let steps =
        if matches!(purpose.kind, Kind::Send | Kind::Batch) { section.texts("steps") } else { Vec::new() };
    let is_pull = matches!(purpose.kind, Kind::Pull(_));
    let mode = if is_pull {
        section.required("mode", section.word("mode", &words_of(Mode::ALL, Mode::as_str)))
    } else {
        None
    };
    if let (Some(Work::Http(http)), Some(mode)) = (&work, mode)
        && (mode == Mode::Incremental) != http.cursor.is_some()
        && (http.asks == Asks::Once || mode == Mode::Snapshot)
    {
        section.problem(section.span.clone(), "an incremental operation has a cursor, and only it has one");
    }
    section.close();
    Some(Operation { purpose, into, mode: mode.unwrap_or(Mode::Incremental), sample, work: work?, steps })
}

fn into(section: &Section<'_>, purpose: &Purpose, mappings: &Mappings) -> Option<Target> {
    let Kind::Pull(natural) = purpose.kind else { return None };
    let into = section.word("into", &words_of(Target::ALL, Target::as_str)).unwrap_or(natural);
    let span = section.entry("into").map_or(section.span.clone(), toml::Spanned::span);
    if into != natural {
        section.problem(span, format!("the operation {} fills \"{natural}\", not \"{into}\"", purpose.name));
    } else if !mappings.records.contains_key(&into) {
        section.problem(span, format!("the mappings have no [{into}] for the operation {}", purpose.name));
    }
    Some(into)
}

fn records(section: &Section<'_>) -> Option<Records> {
    let entry = section.entry("records")?;
    if entry.get_ref().is_table() {
        let table = section.as_section(entry)?;
        let filter = table.required("jq", table.filter("jq"));
        table.close();
        return filter.map(Records::Jq);
    }
    if entry.get_ref().as_str() == Some(".") {
        return Some(Records::Root);
    }
    Some(Records::At(section.paths("records")))
}

fn http_operation(
    section: &Section<'_>,
    purpose: &Purpose,
    names: &Names<'_>,
    mappings: &Mappings,
) -> Option<HttpOperation> {
    let cursor = section.section("cursor").and_then(cursor);
    let paging = section.section("paging").map_or(Some(Paging::None), paging).unwrap_or(Paging::None);
    let paged: &[&str] = match &paging {
        Paging::None | Paging::NextLink { .. } => &[],
        Paging::Offset { .. } => &["offset", "end", "size"],
        Paging::Page { size: Some(_), .. } => &["page", "size"],
        Paging::Page { size: None, .. } => &["page"],
        Paging::After { .. } => &["last", "size"],
    };
    let since: &[&str] = if cursor.is_some() { &["cursor"] } else { &[] };
    let asks = outgoing::asks(section, purpose);
    let facts = if asks == Asks::Once && matches!(purpose.kind, Kind::Pull(_)) { &[] } else { purpose.facts };
    let names = names.with(paged.iter().chain(since).chain(facts).copied());
    let attach = outgoing::attach(section, purpose, &names);
    let also = section.section("also").and_then(|table| {
        let request = request(&table, &names, mappings);
        table.close();
        request
    });
    let codes = words(section, "codes", "fact", purpose.name, purpose.facts);
    let words = words(section, "words", "field", purpose.name, purpose.fields);
    let then = if purpose.kind == Kind::LookUp { then(section, purpose) } else { None };
    let fields = fields(section, purpose);
    let billed = purpose.kind == Kind::LookUp && section.flag("billed").unwrap_or(false);
    let span = match section.flag("whole") {
        Some(true) if matches!(purpose.kind, Kind::Pull(_)) => ShapeSpan::Whole,
        Some(true) => {
            section.problem(section.span.clone(), "whole is of an operation that reads records");
            ShapeSpan::Page
        }
        Some(false) | None => ShapeSpan::Page,
    };
    let (records, shape, outcome, reference, message) = match purpose.kind {
        Kind::Pull(_) => (
            section.required("records", records(section)),
            section.filter("shape"),
            Vec::new(),
            Vec::new(),
            Vec::new(),
        ),
        Kind::LookUp => {
            (section.required("records", records(section)), None, Vec::new(), Vec::new(), Vec::new())
        }
        Kind::Send | Kind::Batch => {
            let outcome = tests(section, "outcome", &words_of(Outcome::ALL, Outcome::as_str));
            (None, None, outcome, section.paths("reference"), section.paths("message"))
        }
    };
    let findings = findings(section, purpose, then.is_some());
    let mut request = request(section, &names, mappings)?;
    outgoing::of_document(section, purpose, &request, &reference);
    request.accepts =
        findings.iter().filter(|(test, _)| !test.status.is_empty()).map(|(test, _)| test.clone()).collect();
    Some(HttpOperation {
        request,
        records: records.unwrap_or(Records::Root),
        also,
        shape,
        span,
        asks,
        attach,
        within_days: outgoing::within_days(section, purpose),
        paging,
        cursor,
        outcome,
        reference,
        message,
        billed,
        findings,
        fields,
        codes,
        words,
        then,
    })
}

/// Tables of words by fact (ours = theirs) or by field (theirs = ours).
pub(super) fn words(
    section: &Section<'_>,
    key: &'static str,
    what: &str,
    operation: &str,
    known: &[&str],
) -> BTreeMap<String, BTreeMap<String, String>> {
    let Some(table) = section.section(key) else { return BTreeMap::new() };
    let mut tables = BTreeMap::new();
    for (name, span, value) in table.entries() {
        if !known.contains(&name) {
            table.problem(
                span,
                format!("\"{name}\" is not a {what} of {operation}; it has {}", known.join(", ")),
            );
            continue;
        }
        let Some(words) = table.as_section(value) else { continue };
        let read = |(from, _, to)| Some((String::from(from), words.place(to, text)?.to_owned()));
        tables.insert(name.to_owned(), words.entries().filter_map(read).collect());
    }
    tables
}

fn fields(section: &Section<'_>, purpose: &Purpose) -> Vec<(String, Vec<Path>)> {
    if purpose.kind != Kind::LookUp {
        return Vec::new();
    }
    let Some(table) = section.required("fields", section.section("fields")) else { return Vec::new() };
    let mut fields = Vec::new();
    for known in purpose.fields {
        let paths = table.paths(known);
        if !paths.is_empty() {
            fields.push(((*known).to_owned(), paths));
        }
    }
    table.close();
    fields
}

fn cursor(section: Section<'_>) -> Option<CursorRule> {
    let filter = section.filter("jq");
    let paths = section.paths("path");
    let overlap = Duration::from_secs(section.integer("overlap_seconds").unwrap_or(0));
    let initial = section.text("initial");
    if filter.is_some() != paths.is_empty() {
        section.problem(section.span.clone(), "a cursor has exactly one of path and jq");
    }
    section.close();
    Some(CursorRule { stamp: filter.map_or(Stamp::At(paths), Stamp::Jq), overlap, initial })
}

fn paging(section: Section<'_>) -> Option<Paging> {
    let kinds = [("none", 0), ("offset", 1), ("page", 2), ("after", 3), ("next_link", 4)];
    let kind = section.required("kind", section.word("kind", &kinds))?;
    let size = || section.integer("size").filter(|size| *size > 0);
    let paging = match kind {
        1 => section.required("size", size()).map(|size| Paging::Offset { size }),
        2 => Some(Paging::Page {
            size: size(),
            first: section.integer("first").unwrap_or(1),
            more: section.path("more"),
        }),
        3 => {
            let (size, key) =
                (section.required("size", size()), section.required("key", section.path("key")));
            let first = section.text("first").unwrap_or_default();
            size.zip(key).map(|(size, key)| Paging::After { size, key, first })
        }
        4 => section.required("path", section.path("path")).map(|path| Paging::NextLink { path }),
        _ => Some(Paging::None),
    };
    section.close();
    paging
}

fn file_operation(section: &Section<'_>, names: &Names<'_>) -> Option<FileOperation> {
    let file = section.required("file", names.template(section, "file"));
    let mut format = None;
    let mut records_of_tree = None;
    let mut shape = None;
    if let Some(table) = section.required("format", section.section("format")) {
        let kinds =
            [("csv", 0), ("json", 1), ("fec", 2), ("xlsx", 3), ("table", 4), ("xml", 5), ("lines", 6)];
        format = match table.required("kind", table.word("kind", &kinds)) {
            Some(0) => {
                let columns = table.texts("columns");
                Some(FormatRule::Csv {
                    delimiter: names.template(&table, "delimiter"),
                    encoding: names.template(&table, "encoding"),
                    skip_lines: names.template(&table, "skip_lines"),
                    columns: (!columns.is_empty()).then_some(columns),
                })
            }
            Some(kind @ (1 | 5 | 6)) => {
                records_of_tree = records(section);
                shape = section.filter("shape");
                Some(match kind {
                    5 => FormatRule::Xml(xml::Options {
                        namespaces: table.texts("namespaces"),
                        lists: table.texts("lists"),
                    }),
                    6 => FormatRule::Lines {
                        delimiter: names.template(&table, "delimiter"),
                        comment: names.template(&table, "comment"),
                        encoding: names.template(&table, "encoding"),
                        parts: table.texts("parts"),
                    },
                    _ => FormatRule::Json,
                })
            }
            Some(2) => Some(FormatRule::Fec {
                receivable: names.template(&table, "receivable"),
                terms_days: names.template(&table, "terms_days"),
                opening: names.template(&table, "opening"),
            }),
            Some(kind @ (3 | 4)) => Some(FormatRule::Table {
                kind: if kind == 3 { TableKind::Xlsx } else { TableKind::Either },
                delimiter: names.template(&table, "delimiter").filter(|_| kind == 4),
                encoding: names.template(&table, "encoding").filter(|_| kind == 4),
                skip_lines: names.template(&table, "skip_lines"),
                sheet: names.template(&table, "sheet"),
                decimal: names.template(&table, "decimal"),
            }),
            Some(_) | None => None,
        };
        table.close();
    }
    let choice = if section.flag("all") == Some(true) { Choice::All } else { Choice::Newest };
    let presence =
        if section.flag("optional") == Some(true) { Presence::Optional } else { Presence::Required };
    let rows = row_choices(section);
    if !rows.is_empty() && !matches!(format, None | Some(FormatRule::Csv { .. } | FormatRule::Table { .. })) {
        section.problem(section.span.clone(), "only and except choose rows of a csv, xlsx or table");
    }
    Some(FileOperation {
        file: file?,
        format: format?,
        choice,
        presence,
        records: records_of_tree.unwrap_or(Records::Root),
        shape,
        rows,
    })
}

/// `only` and `except`: which rows count, by the text of a column; each a table, or a list of tables that all hold.
fn row_choices(section: &Section<'_>) -> Vec<RowChoice> {
    let mut found = Vec::new();
    for (key, except) in [("only", false), ("except", true)] {
        let Some(entry) = section.entry(key) else { continue };
        let tables = if entry.get_ref().is_array() {
            section.sections(key)
        } else {
            section.section(key).into_iter().collect()
        };
        for table in tables {
            let column = table.required("column", table.text("column"));
            let is = table.texts("is");
            if is.is_empty() {
                table.problem(table.span.clone(), "is = [\"…\"] lists the texts of the column");
            }
            table.close();
            found.extend(column.map(|column| RowChoice { column, is, except }));
        }
    }
    found
}
