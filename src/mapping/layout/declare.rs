//! The text of a layout to its values, with every problem placed: what is unknown, what does not fit, what leaves a gap.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fact::{DatePattern, Fact, FileName, Of, Type};
use super::signs::{Charset, Missing, Signs};
use super::xml::{Frame, is_foreign, is_name, path};
use super::{Align, Choice, Decimals, Field, File, Form, Keep, Layout, Record, Shape, Source, When};
use crate::format::section::{Reader, Section, text, texts};
use crate::format::toml::Problem;
use crate::model::{DocumentKind, Market, NumberStyle};

/// The fixed width of a record, or none.
type Length = Option<usize>;

/// How fields are written where they do not say it themselves.
struct Defaults {
    date: Option<DatePattern>,
    money: Form,
    length: Length,
}

impl Layout {
    /// Reads a file that has a table `[layout]`.
    ///
    /// # Errors
    /// Every problem, placed.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        match DeTable::parse(text) {
            Ok(document) => Self::read_table(file, text, document.get_ref()),
            Err(error) => Err(vec![Problem::at(file, text, error.span(), error.message())]),
        }
    }

    /// Reads the tables of such a file.
    pub(in crate::mapping) fn read_table(
        file: &str,
        text: &str,
        document: &DeTable<'_>,
    ) -> Result<Self, Vec<Problem>> {
        let reader = Reader { file, text, problems: Vec::new().into() };
        let root = Section::new(&reader, document, 0..0);
        let layout = layout(&root);
        root.close();
        let mut problems = reader.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.dedup();
        match layout {
            Some(layout) if problems.is_empty() => Ok(layout),
            _ => Err(problems),
        }
    }

    /// The columns of a form: the names of the fields of its one record for documents or buyers.
    pub(super) fn columns(&self, form: &str) -> Option<Vec<&str>> {
        let is_row =
            |record: &&Record| record.form == form && matches!(record.when, When::Document | When::Buyer);
        let mut all = self
            .records
            .iter()
            .filter(is_row)
            .map(|record| record.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>());
        let first = all.next()?;
        all.all(|other| other == first).then_some(first)
    }
}

fn layout(root: &Section<'_>) -> Option<Layout> {
    let head = root.required("layout", root.section("layout"))?;
    let kind = head.required("kind", head.word("kind", &[("fixed", 0), ("delimited", 1), ("xml", 2)]));
    let charset = head.required("encoding", head.word("encoding", &words(Charset::ALL, Charset::as_str)));
    let signs = Signs {
        charset: charset.unwrap_or(Charset::Utf8),
        missing: head.word("missing", &words(Missing::ALL, Missing::as_str)).unwrap_or(Missing::Error),
        upper: head.word("case", &[("upper", true), ("as_is", false)]).unwrap_or(false),
        blank: head.text("blank").unwrap_or_default(),
    };
    let shape = match kind {
        Some(0) => {
            let length = head.required("length", head.integer("length"))?;
            if !signs.charset.is_single_byte() {
                head.problem(
                    head.span.clone(),
                    format!(
                        "a fixed width needs an encoding in which each sign is one byte; {} is none",
                        signs.charset
                    ),
                );
            }
            Shape::Fixed(usize::try_from(length).ok()?)
        }
        Some(1) => Shape::Delimited {
            separator: separator(&head)?,
            quotes: head.flag("quotes").unwrap_or(false),
            header: head.flag("header").unwrap_or(false),
        },
        Some(_) => {
            if charset.is_some_and(|charset| charset != Charset::Utf8) {
                head.problem(head.span.clone(), "files of XML are written in utf-8");
            }
            Shape::Xml
        }
        None => return None,
    };
    let length = match &shape {
        Shape::Fixed(length) => Some(*length),
        Shape::Delimited { .. } | Shape::Xml => None,
    };
    let defaults = Defaults {
        date: head.read("date", |value| DatePattern::parse(text(value)?)),
        money: money(&head).unwrap_or(Form::Cents),
        length,
    };
    let line_end = head.word("line_end", &[("crlf", "\r\n"), ("lf", "\n")]).unwrap_or("\r\n");
    let ends_last = head.flag("last_line_end").unwrap_or(true);
    let decimals = head.word("decimals", &[("currency", Decimals::OfCurrency)]).unwrap_or(Decimals::Two);
    head.close();
    let files = root.sections("file");
    let files: Vec<(Range<usize>, File)> =
        files.into_iter().filter_map(|table| Some((table.span.clone(), file(table, &shape)?))).collect();
    let records = root.sections("record");
    let mut layout = Layout {
        shape,
        signs,
        line_end,
        ends_last,
        decimals,
        files: files.iter().map(|(_, file)| file.clone()).collect(),
        records: Vec::new(),
    };
    let mut spans = Vec::new();
    for table in records {
        let span = table.span.clone();
        if let Some(record) = record(table, &layout, &defaults) {
            spans.push(span);
            layout.records.push(record);
        }
    }
    fits_together(root, &layout, &files, &spans);
    Some(layout)
}

fn words<T: Copy>(all: &'static [T], name: impl Fn(T) -> &'static str) -> Vec<(&'static str, T)> {
    all.iter().map(|word| (name(*word), *word)).collect()
}

fn separator(head: &Section<'_>) -> Option<char> {
    head.required(
        "separator",
        head.read("separator", |value| {
            let text = text(value)?;
            let mut signs = text.chars();
            match (text, signs.next(), signs.next()) {
                ("tab", _, _) => Ok('\t'),
                (_, Some(sign), None) if sign.is_ascii() && sign != '"' => Ok(sign),
                _ => Err("a separator is one sign, or tab".to_owned()),
            }
        }),
    )
}

fn element(name: &str) -> Result<String, String> {
    if is_name(name) { Ok(name.to_owned()) } else { Err(format!("\"{name}\" is no name of an element")) }
}

/// The names of elements within one another: `Hdr/Dt`.
fn elements(path: &str) -> Result<Vec<String>, String> {
    path.split('/').map(element).collect()
}

fn money(section: &Section<'_>) -> Option<Form> {
    let known = [("cents", 0), ("point", 1), ("comma", 2)];
    Some(match section.word("money", &known)? {
        0 => Form::Cents,
        1 => Form::Decimal(NumberStyle::Point),
        _ => Form::Decimal(NumberStyle::Comma),
    })
}

fn file(table: Section<'_>, shape: &Shape) -> Option<File> {
    let name = table.required("name", table.read("name", |value| FileName::parse(text(value)?)));
    let market = table.word("market", &words(Market::ALL, Market::as_str));
    let form = table.text("form").unwrap_or_default();
    let frame = if let Shape::Xml = shape {
        let root = table.required("root", table.read("root", |value| element(text(value)?)));
        let namespace = table.required("namespace", table.text("namespace"));
        Some(Frame { root: root?, namespace: namespace? })
    } else {
        None
    };
    table.close();
    Some(File { name: name?, market, form, frame })
}

/// What of the layout concerns several records or files at once.
fn fits_together(
    root: &Section<'_>,
    layout: &Layout,
    files: &[(Range<usize>, File)],
    spans: &[Range<usize>],
) {
    if files.is_empty() {
        root.problem(root.span.clone(), "a layout has at least one [[file]]");
    }
    for (span, file) in files {
        if !layout.records.iter().any(|record| record.form == file.form) {
            root.problem(span.clone(), format!("no [[record]] has the form \"{}\" of this file", file.form));
        }
    }
    for market in Market::ALL {
        let holds = |kind: &DocumentKind| {
            let mut hold = layout.files_of(*market).filter(|(_, file)| {
                let mut records = layout.records_of(&file.form, When::Document);
                records.any(|record| record.kinds.contains(kind))
            });
            hold.nth(1)
        };
        if let Some((index, _)) = DocumentKind::ALL.iter().find_map(holds) {
            let span = files.get(index).map_or(0..0, |(span, _)| span.clone());
            root.problem(span, format!("documents of {market} buyers would stand in two files"));
        }
    }
    places_of_elements(root, layout, spans);
    for (at, (record, span)) in layout.records.iter().zip(spans).enumerate() {
        if !layout.files.iter().any(|file| file.form == record.form) {
            root.problem(
                span.clone(),
                format!("no [[file]] has the form \"{}\" of this record", record.form),
            );
        }
        let mut earlier = layout.records.iter().take(at).filter(|other| other.form == record.form);
        if earlier.clone().any(|other| other.name == record.name) {
            root.problem(span.clone(), format!("two records are called \"{}\"", record.name));
        }
        let shared = |other: &Record| record.kinds.iter().find(|kind| other.kinds.contains(kind)).copied();
        let twice = earlier.find_map(|other| (other.when == record.when).then(|| shared(other)).flatten());
        if let Some(kind) = twice {
            root.problem(span.clone(), format!("the document \"{kind}\" has a record already"));
        }
        if record.when == When::Document {
            for kind in &record.kinds {
                if !record.fields.iter().any(|field| field.is(Fact::Number) && field.shows(*kind)) {
                    root.problem(
                        span.clone(),
                        format!(
                            "no field holds the number of the document (fact = \"number\") for \"{kind}\""
                        ),
                    );
                }
            }
        }
        let one_market = layout.files.iter().all(|file| file.form != record.form || file.market.is_some());
        let by_market = |field: &Field| {
            field.needs(Of::Market)
                || matches!(
                    &field.source,
                    Source::Setting(Choice::ByMarket(_)) | Source::Fact(Choice::ByMarket(_))
                )
        };
        let of_file = matches!(record.when, When::Start | When::End);
        if let Some(field) = record.fields.iter().find(|field| by_market(field) && of_file && !one_market) {
            root.problem(
                span.clone(),
                format!(
                    "the field \"{}\" depends on the market, and this record also stands in files of both",
                    field.name
                ),
            );
        }
        let has_header = matches!(layout.shape, Shape::Delimited { header: true, .. });
        if has_header && layout.columns(&record.form).is_none() {
            root.problem(span.clone(), "with header = true all records of documents have the same columns");
        }
    }
}

/// In XML one element is one field: of the records that add to open elements together, and of each other record alone.
fn places_of_elements(root: &Section<'_>, layout: &Layout, spans: &[Range<usize>]) {
    if !layout.is_xml() {
        return;
    }
    let repeats = |record: &Record| matches!(record.when, When::Document | When::Buyer);
    for (at, (record, span)) in layout.records.iter().zip(spans).enumerate() {
        let shared = |other: &&Record| other.form == record.form && !repeats(other) && !repeats(record);
        let earlier = layout.records.iter().take(at).filter(shared);
        let mut taken: Vec<Vec<&str>> =
            earlier.flat_map(|other| other.fields.iter().map(|field| path(other, field))).collect();
        for field in &record.fields {
            let own = path(record, field);
            let clash = taken.iter().find(|other| own.starts_with(other) || other.starts_with(&own));
            if let Some(other) = clash {
                let told =
                    format!("the element {} holds a field already, {}", own.join("/"), other.join("/"));
                root.problem(span.clone(), told);
            }
            taken.push(own);
        }
    }
}

fn record(table: Section<'_>, layout: &Layout, defaults: &Defaults) -> Option<Record> {
    let name = table.required("name", table.text("name"));
    let when = table.required("when", table.word("when", &words(When::ALL, When::as_str)));
    let form = table.text("form").unwrap_or_default();
    let stated = kinds(&table, "kinds");
    let kinds = match (when, stated) {
        (Some(When::Document), stated) => stated.unwrap_or_else(|| DocumentKind::USUAL.to_vec()),
        (_, None) => Vec::new(),
        (_, Some(_)) => {
            table.problem(table.span.clone(), "kinds is of records with when = \"document\"");
            Vec::new()
        }
    };
    let at = if layout.is_xml() { table.read("at", |value| elements(text(value)?)) } else { None };
    if layout.is_xml() && at.is_none() && when.is_some_and(|when| when != When::Start && when != When::End) {
        table.problem(table.span.clone(), "a document or a buyer has an element of its own: at = \"…\"");
    }
    let mut fields = Vec::new();
    let mut next = 1;
    let about = About { when: when.unwrap_or(When::Document), kinds: &kinds, layout, defaults };
    if table.entry("fields").is_none() {
        table.required::<()>("fields", None);
    }
    let mut last = table.span.clone();
    for section in table.sections("fields") {
        last = section.span.clone();
        let Some(length) = defaults.length else {
            fields.extend(field(section, None, &about));
            continue;
        };
        let at = section.required("at", section.read("at", |value| range(text(value)?)));
        let span = section.entry("at").map_or(last.clone(), Spanned::span);
        if let Some((from, to)) = at {
            if from != next {
                let what = if from > next { "is missing" } else { "is taken" };
                section.problem(span.clone(), format!("the field begins at {from}; position {next} {what}"));
            }
            if to > length {
                section.problem(span, format!("the field ends at {to}, the record at {length}"));
            }
            next = to + 1;
            fields.extend(field(section, Some(to + 1 - from), &about));
        } else {
            fields.extend(field(section, None, &about));
        }
    }
    if let Some(length) = defaults.length.filter(|length| next <= *length) {
        table.problem(last, format!("the record ends at {}, and has {length} positions", next - 1));
    }
    let named = |field: &&Field| !matches!(field.source, Source::Const(_));
    for (at, field) in fields.iter().enumerate() {
        if fields.iter().take(at).filter(named).any(|other| other.name == field.name) && named(&field) {
            table.problem(
                table.span.clone(),
                format!(
                    "two fields are called \"{}\"; give one of them a name = \"…\" of its own",
                    field.name
                ),
            );
        }
    }
    table.close();
    Some(Record { name: name?, form, when: when?, kinds, at: at.unwrap_or_default(), fields })
}

/// What a field has to fit.
struct About<'a> {
    when: When,
    kinds: &'a [DocumentKind],
    layout: &'a Layout,
    defaults: &'a Defaults,
}

/// `1-5`, or `6` for one position.
fn range(text: &str) -> Result<(usize, usize), String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (from.trim().parse(), to.trim().parse()) {
        (Ok(from), Ok(to)) if 0 < from && from <= to => Ok((from, to)),
        _ => Err(format!("\"{text}\" is no position; write \"7\" or \"7-11\", counted from 1")),
    }
}

fn kinds(table: &Section<'_>, key: &'static str) -> Option<Vec<DocumentKind>> {
    table.read(key, |value| {
        let parse = |word: &String| DocumentKind::parse(word).ok_or_else(|| unknown(word, &kind_words()));
        texts(value)?.iter().map(parse).collect()
    })
}

fn kind_words() -> Vec<&'static str> {
    DocumentKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

fn unknown(word: &str, known: &[&str]) -> String {
    format!("\"{word}\" is not known here; it is one of {}", known.join(", "))
}

/// One thing, or a table of them by market, by kind of document, or by the value of a setting.
fn choice<T>(
    value: &DeValue<'_>,
    about: &About<'_>,
    read: impl Fn(&DeValue<'_>) -> Result<T, String>,
) -> Result<Choice<T>, String> {
    let Some(table) = value.as_table() else { return read(value).map(Choice::One) };
    let mut setting = None;
    let mut pairs: Vec<(String, T)> = Vec::new();
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "setting" => setting = Some(text(value.get_ref())?.to_owned()),
            other => pairs.push((other.to_owned(), read(value.get_ref())?)),
        }
    }
    if let Some(setting) = setting {
        return Ok(Choice::BySetting(setting, pairs));
    }
    let missing =
        |all: &[&'static str]| all.iter().find(|word| pairs.iter().all(|(key, _)| key != *word)).copied();
    let markets: Vec<&str> = Market::ALL.iter().map(|market| market.as_str()).collect();
    if pairs.iter().all(|(key, _)| Market::parse(key).is_some()) {
        if let Some(missing) = missing(&markets) {
            return Err(format!("nothing is said for {missing}"));
        }
        return Ok(Choice::ByMarket(
            pairs.into_iter().filter_map(|(key, one)| Some((Market::parse(&key)?, one))).collect(),
        ));
    }
    if about.when != When::Document {
        return Err("only a record of documents has a choice by kind".to_owned());
    }
    if let Some((word, _)) = pairs.iter().find(|(key, _)| DocumentKind::parse(key).is_none()) {
        return Err(unknown(word, &[markets, kind_words()].concat()));
    }
    let own: Vec<&str> = about.kinds.iter().map(|kind| kind.as_str()).collect();
    if let Some(missing) = missing(&own) {
        return Err(format!("nothing is said for {missing}"));
    }
    Ok(Choice::ByKind(
        pairs.into_iter().filter_map(|(key, one)| Some((DocumentKind::parse(&key)?, one))).collect(),
    ))
}

/// A fact, or a list of facts of which the first that is known counts.
fn facts(value: &DeValue<'_>) -> Result<Vec<Fact>, String> {
    let known: Vec<&str> = Fact::ALL.iter().map(|fact| fact.as_str()).collect();
    let words = texts(value)?;
    if words.is_empty() {
        return Err("a list of facts has at least one".to_owned());
    }
    words.iter().map(|word| Fact::parse(word).ok_or_else(|| unknown(word, &known))).collect()
}

fn field(section: Section<'_>, width: Option<usize>, about: &About<'_>) -> Option<Field> {
    let span = section.span.clone();
    let wrong = |message: String| section.problem(span.clone(), message);
    let is_fixed = about.defaults.length.is_some();
    let constant = section.text("const");
    let setting = section.read("setting", |value| choice(value, about, |name| text(name).map(str::to_owned)));
    let fact = section.read("fact", |value| choice(value, about, facts));
    let stated = ["const", "setting", "fact"].iter().filter(|key| section.entry(key).is_some()).count();
    let source = match (constant, setting, fact) {
        (Some(text), _, _) => Some(Source::Const(text)),
        (_, Some(setting), _) => Some(Source::Setting(setting)),
        (_, _, Some(fact)) => Some(Source::Fact(fact)),
        (None, None, None) => None,
    };
    if stated != 1 {
        wrong("a field has exactly one of const, setting and fact; const = \"\" leaves it blank".to_owned());
    }
    let is_xml = about.layout.is_xml();
    let at = if is_xml {
        section.required("at", section.read("at", |value| elements(text(value)?)))
    } else {
        None
    };
    let with = if is_xml { attributes(&section) } else { None };
    let natural = match &source {
        Some(Source::Setting(Choice::One(name))) => Some(name.clone()),
        Some(Source::Fact(Choice::One(facts))) => facts.first().map(Fact::to_string),
        Some(Source::Const(_)) => Some(at.as_deref().unwrap_or_default().join("/")),
        Some(Source::Setting(_) | Source::Fact(_)) | None => None,
    };
    let name = section.text("name").or(natural);
    if name.is_none() && source.is_some() {
        wrong("a field with a choice has a name = \"…\"".to_owned());
    }
    let of_type = of_type(source.as_ref());
    if of_type.is_none() && source.is_some() {
        wrong("the facts of a choice are of one type: texts, amounts, dates or numbers".to_owned());
    }
    let form = form(&section, of_type.unwrap_or(Type::Text), about, width);
    let (align, pad) = match form {
        Form::Digits | Form::Number | Form::Cents => (Align::Right, '0'),
        Form::Decimal(_) => (Align::Right, ' '),
        Form::Text | Form::Date(_) => (Align::Left, ' '),
    };
    let codes = codes(&section);
    let max = if is_fixed { None } else { section.integer("max").and_then(|max| usize::try_from(max).ok()) };
    let stated_align = section.word("align", &[("left", Align::Left), ("right", Align::Right)]);
    let stated_pad = section.word("pad", &[("space", ' '), ("zero", '0')]);
    let flag = |key| section.flag(key).unwrap_or(false);
    let (optional, full, cut) = (flag("optional"), flag("full"), flag("cut"));
    let before = section.text("before").unwrap_or_default();
    let (only, keep) = (kinds(&section, "only"), section.word("keep", &words(Keep::ALL, Keep::as_str)));
    if !is_fixed && (stated_align.is_some() || stated_pad.is_some()) {
        wrong("align and pad are of fields with a position".to_owned());
    }
    let field = source.map(|source| Field {
        name: name.unwrap_or_default(),
        source,
        form,
        width: width.or(max),
        align: stated_align.unwrap_or(align),
        pad: stated_pad.unwrap_or(pad),
        only,
        optional,
        full,
        cut,
        keep,
        codes,
        before,
        at: at.unwrap_or_default(),
        with: with.unwrap_or_default(),
    });
    let faults = field.iter().flat_map(|field| faults(field, of_type.unwrap_or(Type::Text), about));
    faults.for_each(wrong);
    section.close();
    field
}

/// The type of what a field is made from; none where the facts of a choice are of several.
fn of_type(source: Option<&Source>) -> Option<Type> {
    match source? {
        Source::Const(_) | Source::Setting(_) => Some(Type::Text),
        Source::Fact(choice) => {
            let mut types = choice.all().into_iter().flatten().map(|fact| fact.of_type());
            let first = types.next()?;
            types.all(|other| other == first).then_some(first)
        }
    }
}

fn form(section: &Section<'_>, of_type: Type, about: &About<'_>, width: Option<usize>) -> Form {
    let as_word = section.word("as", &[("text", false), ("digits", true)]);
    let money = money(section);
    let date = section.read("date", |value| DatePattern::parse(text(value)?));
    let only_of = |key: &'static str, wanted: &str| {
        if let Some(entry) = section.entry(key) {
            section.problem(entry.span(), format!("{key} is of {wanted}"));
        }
    };
    let is_text = matches!(of_type, Type::Text | Type::Name);
    if !is_text {
        only_of("as", "texts");
    }
    if of_type != Type::Money {
        only_of("money", "amounts");
    }
    if of_type != Type::Date {
        only_of("date", "dates");
    }
    match of_type {
        Type::Text | Type::Name if as_word == Some(true) => Form::Digits,
        Type::Text | Type::Name => Form::Text,
        Type::Number => Form::Number,
        Type::Money => money.unwrap_or_else(|| about.defaults.money.clone()),
        Type::Date => {
            let Some(pattern) = date.or_else(|| about.defaults.date.clone()) else {
                section.problem(
                    section.span.clone(),
                    "a date has a pattern: date = \"YYYYMMDD\" here, or in [layout] for all",
                );
                return Form::Text;
            };
            if let Some(width) = width.filter(|width| *width != pattern.length) {
                section.problem(
                    section.span.clone(),
                    format!("the date has {} signs, and the field {width}", pattern.length),
                );
            }
            Form::Date(pattern)
        }
    }
}

/// Attributes and the facts of the batch that they hold.
fn attributes(section: &Section<'_>) -> Option<Vec<(String, Fact)>> {
    section.read("with", |value| {
        let table = value.as_table().ok_or_else(|| "with is a table of attribute = \"fact\"".to_owned())?;
        let pair = |(name, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let fact = text(value.get_ref())?;
            match Fact::parse(fact) {
                Some(own @ (Fact::Currency | Fact::Contract)) => Ok((element(name.get_ref())?, own)),
                Some(_) | None => Err(unknown(fact, &["currency", "contract"])),
            }
        };
        table.iter().map(pair).collect()
    })
}

fn codes(section: &Section<'_>) -> Option<BTreeMap<String, String>> {
    section.read("codes", |value| {
        let table = value.as_table().ok_or_else(|| "codes is a table of ours = \"theirs\"".to_owned())?;
        let pair = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let theirs = value.get_ref().as_str().ok_or_else(|| "a code is mapped to a text".to_owned())?;
            Ok((key.get_ref().to_string(), theirs.to_owned()))
        };
        table.iter().map(pair).collect()
    })
}

/// What is wrong with a field besides its place.
fn faults(field: &Field, of_type: Type, about: &About<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let signs = &about.layout.signs;
    let fits = |text: &str| {
        let length = text.chars().count();
        let long = field.width.filter(|width| length > *width);
        let foreign =
            text.chars().find(|sign| !signs.charset.has(*sign) || sign.is_control() || is_foreign(*sign));
        match (long, foreign) {
            (Some(width), _) => Some(format!("\"{text}\" has {length} signs, and the field holds {width}")),
            (None, Some(sign)) => {
                Some(format!("\"{text}\" has the sign {sign:?}, which {} has not", signs.charset))
            }
            (None, None) => None,
        }
    };
    if let Source::Const(text) = &field.source {
        faults.extend(fits(text));
        let rules = [
            ("optional", field.optional),
            ("full", field.full),
            ("cut", field.cut),
            ("keep", field.keep.is_some()),
            ("codes", field.codes.is_some()),
            ("before", !field.before.is_empty()),
        ];
        let stated = rules.iter().find(|(_, stated)| *stated);
        faults
            .extend(stated.map(|(name, _)| format!("a constant has no {name}: it stands as it is written")));
    }
    faults.extend(field.codes.iter().flat_map(BTreeMap::values).filter_map(|code| fits(code)));
    faults.extend(fits(&field.before));
    if field.codes.is_some() {
        let words: &[&str] = if field.is(Fact::Kind) {
            &about.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>()
        } else if field.is(Fact::Market) {
            &["domestic", "export"]
        } else {
            &[]
        };
        let has = |word: &str| field.codes.as_ref().is_some_and(|codes| codes.contains_key(word));
        let shown = |word: &&&str| DocumentKind::parse(word).is_none_or(|kind| field.shows(kind));
        let missing = words.iter().filter(shown).find(|word| !has(word));
        faults.extend(missing.map(|word| format!("codes has no word for {word}")));
        if !matches!(of_type, Type::Text | Type::Name) {
            faults.push("codes is of texts".to_owned());
        }
    }
    if field.cut && of_type != Type::Name {
        let what = match &field.source {
            Source::Fact(_) => "an amount, a date, a number or an identifier",
            Source::Const(_) | Source::Setting(_) => "a setting",
        };
        faults.push(format!(
            "{what} is never cut; a name, a street or a town may be (company, buyer.name, buyer.street, buyer.town)"
        ));
    }
    if field.cut && field.width.is_none() {
        faults.push("cut needs a max".to_owned());
    }
    if field.keep.is_some() && !matches!(of_type, Type::Text | Type::Name) {
        faults.push("keep is of texts".to_owned());
    }
    if let Form::Decimal(_) = field.form
        && field.pad == '0'
    {
        faults.push("an amount with decimals has room for a minus, and is padded with spaces".to_owned());
    }
    if let Form::Date(_) | Form::Cents | Form::Number | Form::Decimal(_) = field.form
        && field.align == Align::Left
        && field.pad == '0'
    {
        faults.push("zeros behind a number would change it".to_owned());
    }
    let only = field.only.iter().flatten().find(|kind| !about.kinds.contains(kind));
    faults.extend(only.map(|kind| format!("this record is not for \"{kind}\"")));
    let here: &[Of] = match about.when {
        When::Start => &[Of::Batch, Of::Market, Of::Record, Of::File],
        When::Buyer => &[Of::Batch, Of::Market, Of::Record, Of::Buyer],
        When::Document => &[Of::Batch, Of::Market, Of::Record, Of::Buyer, Of::Document],
        When::End => &[Of::Batch, Of::Market, Of::Record, Of::File],
    };
    let foreign = field.facts().into_iter().find(|fact| !here.contains(&fact.of()));
    faults.extend(foreign.map(|fact| {
        if fact.of() == Of::File {
            format!("\"{fact}\" is of the whole file: it stands in records with when = \"start\" or \"end\"")
        } else {
            format!("\"{fact}\" is not known in a record with when = \"{}\"", about.when)
        }
    }));
    faults
}
