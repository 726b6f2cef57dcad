//! `encours indicators`: figures of the customer ledger, each with its definition, by whom and by when one likes.

mod capital;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use encours::credit::deadline::DeadlineState;
use encours::credit::indicators::{
    CoverKnown, Figure, Indicator, Language, Reason, Sums, Value, Window, figures, source_age,
};
use encours::credit::statement::Period;
use encours::engine::deadlines::deadlines;
use encours::ledger::{BuyerRow, BuyerSums, RunDay, SourceRead};
use encours::model::{Currency, Date, Policy, render_minor};
use serde_json::json;

use super::table::{Column, Table, amount, count, plural};
use super::{Books, Context, Exit, Misconfigured};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the figures are told for
    #[arg(long, value_enum, value_name = "WHOM", default_value_t = By::Company)]
    by: By,
    /// One currency; without it each one that occurs, none converted. With --fec that of the books, EUR if not given
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Calendar months that turnover and settlements are looked at, the current one included
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=120))]
    months: u32,
    /// Says that the ledger holds every document issued from this day on, also those that were paid before it was first read;
    /// without it complete_from of [ledger] in encours.toml, where that is set
    #[arg(long, value_name = "DATE")]
    complete_from: Option<Date>,
    /// Prints the definitions below the lists too
    #[arg(long)]
    definitions: bool,
    /// The language of labels, definitions and reasons
    #[arg(long, value_enum, value_name = "LANGUAGE", default_value_t = Lang::En)]
    lang: Lang,
    /// A whole French ledger (FEC) to tell the working capital requirement (BFR) of; needs no configuration
    #[arg(long, value_name = "FILE", conflicts_with_all = ["by", "months", "complete_from", "definitions"])]
    fec: Option<PathBuf>,
}

/// What figures are told for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// The whole company.
    Company,
    /// Each legal buyer.
    Buyer,
    /// Each insurer's connection.
    Insurer,
    /// Each country of buyers.
    Country,
    /// Each month, at its end.
    Month,
}

/// A language, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Lang {
    /// English.
    En,
    /// French.
    Fr,
}

impl By {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Buyer => "buyer",
            Self::Insurer => "insurer",
            Self::Country => "country",
            Self::Month => "month",
        }
    }
}

/// One of two texts.
const fn say<'t>(language: Language, english: &'t str, french: &'t str) -> &'t str {
    match language {
        Language::English => english,
        Language::French => french,
    }
}

/// The figures of one group in one currency.
struct Group {
    key: String,
    name: String,
    currency: Currency,
    sums: Sums,
    figures: Vec<Figure>,
}

/// Everything that is told.
struct Told {
    window: Window,
    groups: Vec<Group>,
    sources: Vec<SourceRead>,
}

/// Runs the command.
///
/// # Errors
/// A configuration, a ledger or a FEC that cannot be read, or a figure that does not fit.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let language = match args.lang {
        Lang::En => Language::English,
        Lang::Fr => Language::French,
    };
    let currency = match &args.currency {
        None => None,
        Some(code) => Some(Currency::parse(code).ok_or_else(|| {
            Misconfigured(format!("\"{code}\" is no currency of ISO 4217; write e.g. --currency EUR"))
        })?),
    };
    if let Some(file) = &args.fec {
        return capital::run(context, file, currency.unwrap_or(Currency::EUR), language);
    }
    let mut books = context.books().await?;
    let mut told = read(&mut books, args).await?;
    let head = books.close().await?;
    told.groups.retain(|group| currency.is_none_or(|wanted| wanted == group.currency));
    context.answer(
        || head.nothing_yet().unwrap_or_else(|| people(&told, args, language)),
        || program(&told, args.by, head.settled_on),
    )?;
    Ok(Exit::Fine)
}

async fn read(books: &mut Books, args: &Args) -> anyhow::Result<Told> {
    let company = books.company();
    let on = books.head.day();
    let runs = books.tx.run_days(&company).await?;
    let seen = books.tx.known_whole_since(&company, &runs).await?;
    let said = args.complete_from.or(books.head.config.complete_from);
    let known_from = said.map_or(seen, |said| Some(seen.map_or(said, |seen| seen.min(said))));
    let window = Window { on, months: args.months, known_from };
    let buyers = books.tx.buyers(&company).await?;
    let policies: Vec<&Policy> =
        books.head.config.policies.iter().filter(|policy| policy.contains(on)).collect();
    let mut rows = books.tx.indicator_sums(&company, &window, &runs, None, Some(&policies)).await?;
    let ahead = next_deadlines(books, &company, on).await?;
    for row in &mut rows {
        for stake in &mut row.stakes {
            let key = (row.buyer_id.clone(), row.currency, stake.connection.clone());
            stake.next_deadline = ahead.get(&key).copied();
        }
    }
    let sources = books.tx.sources_read(&company).await?;
    let name = books.head.config.company.name.clone();
    let groups = match args.by {
        By::Company => grouped(&rows, &window, |_| vec![(company.clone(), name.clone())])?,
        By::Buyer => {
            let names: BTreeMap<&str, &BuyerRow> = buyers.iter().map(|row| (row.id.as_str(), row)).collect();
            let mut groups = grouped(&rows, &window, |row| {
                let name = names.get(row.buyer_id.as_str()).map_or(&row.buyer_id, |buyer| &buyer.name);
                vec![(row.buyer_id.clone(), name.clone())]
            })?;
            groups.sort_by_key(|group| {
                let owed = group.sums.invoices_minor.saturating_sub(group.sums.credits_minor);
                (group.currency, std::cmp::Reverse(owed), group.key.clone())
            });
            groups
        }
        By::Country => {
            let countries: BTreeMap<&str, &str> =
                buyers.iter().map(|row| (row.id.as_str(), row.country.as_str())).collect();
            grouped(&rows, &window, |row| {
                let country = countries.get(row.buyer_id.as_str()).copied().unwrap_or_default();
                vec![(country.to_owned(), country.to_owned())]
            })?
        }
        By::Insurer => by_insurer(&rows, &window)?,
        By::Month => by_month(books, &company, &rows, &window, &runs).await?,
    };
    Ok(Told { window, groups, sources })
}

/// The nearest last day of what is still to be done, by buyer, currency and insurer.
async fn next_deadlines(
    books: &mut Books,
    company: &str,
    on: Date,
) -> anyhow::Result<BTreeMap<(String, Currency, String), Date>> {
    let mut nearest: BTreeMap<(String, Currency, String), Date> = BTreeMap::new();
    for deadline in deadlines(&mut books.tx, company, &books.head.config.policies, on).await? {
        if matches!(deadline.state, DeadlineState::Upcoming | DeadlineState::DueSoon) {
            let insurer = deadline.policy.connection.clone();
            let key = (deadline.invoice.buyer_id.clone(), deadline.at_stake.currency, insurer);
            let day = nearest.entry(key).or_insert(deadline.last_day);
            *day = deadline.last_day.min(*day);
        }
    }
    Ok(nearest)
}

/// Adds up the rows of each group that `keys` names, with all that their insurers say.
fn grouped(
    rows: &[BuyerSums],
    window: &Window,
    keys: impl Fn(&BuyerSums) -> Vec<(String, String)>,
) -> anyhow::Result<Vec<Group>> {
    let mut groups: BTreeMap<(Currency, String, String), Sums> = BTreeMap::new();
    for row in rows {
        let mut own = row.sums.clone();
        own.add_cover(&row.stakes)?;
        for (key, name) in keys(row) {
            groups.entry((row.currency, key, name)).or_default().join(&own)?;
        }
    }
    finish(groups, window)
}

/// The same by insurer: a buyer that two insurers cover is in the figures of both, each with its own cover.
fn by_insurer(rows: &[BuyerSums], window: &Window) -> anyhow::Result<Vec<Group>> {
    let mut groups: BTreeMap<(Currency, String, String), Sums> = BTreeMap::new();
    for row in rows {
        let insurers: BTreeSet<&str> = row.stakes.iter().map(|stake| stake.connection.as_str()).collect();
        let insurers = if insurers.is_empty() { BTreeSet::from([""]) } else { insurers };
        for insurer in insurers {
            let mut own = row.sums.clone();
            own.add_cover(row.stakes.iter().filter(|stake| stake.connection == insurer))?;
            groups.entry((row.currency, insurer.to_owned(), insurer.to_owned())).or_default().join(&own)?;
        }
    }
    finish(groups, window)
}

fn finish(groups: BTreeMap<(Currency, String, String), Sums>, window: &Window) -> anyhow::Result<Vec<Group>> {
    groups
        .into_iter()
        .map(|((currency, key, name), sums)| {
            let figures = figures(&sums, window, CoverKnown::Today)?;
            Ok(Group { key, name, currency, sums, figures })
        })
        .collect()
}

/// The company at the end of each month of the window, from the items as they were known then; cover is that of today only.
async fn by_month(
    books: &mut Books,
    company: &str,
    today: &[BuyerSums],
    window: &Window,
    runs: &[RunDay],
) -> anyhow::Result<Vec<Group>> {
    let mut groups = Vec::new();
    let mut period = Period::of(window.first());
    let currencies: BTreeSet<Currency> = today.iter().map(|row| row.currency).collect();
    while period.first() <= window.on {
        let month = period.to_string();
        let then = Window { on: period.last().min(window.on), ..*window };
        let is_now = then.on == window.on;
        // The last cycle of the month: what it read was known from the instant on at which it began.
        let known_at = runs.iter().filter(|run| run.on_date <= then.on).map(|run| run.started_at).next_back();
        if is_now {
            groups.extend(grouped(today, &then, |_| vec![(month.clone(), month.clone())])?);
        } else if known_at.is_some() {
            let rows = books.tx.indicator_sums(company, &then, runs, known_at, None).await?;
            for mut group in grouped(&rows, &then, |_| vec![(month.clone(), month.clone())])? {
                group.figures = figures(&group.sums, &then, CoverKnown::NotThen)?;
                groups.push(group);
            }
        } else {
            for currency in &currencies {
                let told = Indicator::ALL.iter().filter(|one| **one != Indicator::SourceAge);
                let figures =
                    told.map(|one| Figure { indicator: *one, value: Err(Reason::BeforeLedger) }).collect();
                groups.push(Group {
                    key: month.clone(),
                    name: month.clone(),
                    currency: *currency,
                    sums: Sums::default(),
                    figures,
                });
            }
        }
        period = period.next();
    }
    groups.sort_by(|a, b| (a.currency, &a.key).cmp(&(b.currency, &b.key)));
    Ok(groups)
}

/// `58.5`, `1 234.00`, or a dash.
fn figure_text(figure: &Figure, currency: Currency) -> String {
    match figure.value {
        Ok(Value::Decimal(decimal)) => decimal.to_string(),
        Ok(Value::Money(minor)) => amount(minor, currency),
        Err(_) => "–".to_owned(),
    }
}

fn people(told: &Told, args: &Args, language: Language) -> String {
    let Told { window, groups, sources } = told;
    let title = say(language, "Indicators on", "Indicateurs au");
    let mut text = format!("{title} {}\n", window.on);
    let currencies: BTreeSet<Currency> = groups.iter().map(|group| group.currency).collect();
    for currency in currencies {
        let own: Vec<&Group> = groups.iter().filter(|group| group.currency == currency).collect();
        text.push_str(&format!("\n{currency}\n"));
        match args.by {
            By::Company => {
                for group in own {
                    text.push_str(&sheet(group, language));
                }
            }
            By::Buyer | By::Insurer | By::Country | By::Month => {
                text.push_str(&list(&own, args.by, language));
            }
        }
    }
    if groups.is_empty() {
        text.push_str(say(language, "\nNothing is open.\n", "\nRien n'est ouvert.\n"));
    }
    text.push('\n');
    text.push_str(&notes(told, args.by, language));
    if args.definitions && args.by != By::Company {
        text.push('\n');
        for indicator in Indicator::ALL {
            text.push_str(&format!("{}: {}\n", indicator.label(language), indicator.definition(language)));
        }
    }
    if !sources.is_empty() {
        let mut table = Table::new(&[
            Column::Word(say(language, "source", "source")),
            Column::Word(say(language, "last read", "lue le")),
            Column::Figure(say(language, "days ago", "il y a (jours)")),
        ]);
        for source in sources {
            let age = source_age(source.read_on, window.on);
            let read_on = source
                .read_on
                .map_or_else(|| Reason::NeverRead.text(language).to_owned(), |day| day.to_string());
            table.row([source.connection.clone(), read_on, figure_text(&age, Currency::EUR)]);
        }
        text.push_str(&format!("\n{table}{}\n", Indicator::SourceAge.definition(language)));
    }
    text
}

/// One group: a line a figure, with its definition or why there is none.
fn sheet(group: &Group, language: Language) -> String {
    let mut table = Table::new(&[
        Column::Word(say(language, "indicator", "indicateur")),
        Column::Figure(say(language, "figure", "valeur")),
        Column::Word(""),
        Column::Text(say(language, "definition", "définition")),
    ]);
    for figure in &group.figures {
        let indicator = figure.indicator;
        let unit = match figure.value {
            Err(_) => "",
            Ok(Value::Money(_)) => group.currency.code(),
            Ok(Value::Decimal(_)) => indicator.unit().word(language),
        };
        let why =
            figure.value.err().map_or_else(String::new, |reason| format!("[{}] ", reason.text(language)));
        table.row([
            indicator.label(language).to_owned(),
            figure_text(figure, group.currency),
            unit.to_owned(),
            format!("{why}{}", indicator.definition(language)),
        ]);
    }
    table.to_string()
}

/// Many groups: a line a group, and below it why figures are missing.
fn list(groups: &[&Group], by: By, language: Language) -> String {
    let whom = match by {
        By::Company => say(language, "company", "société"),
        By::Buyer => say(language, "buyer", "acheteur"),
        By::Insurer => say(language, "insurer", "assureur"),
        By::Country => say(language, "country", "pays"),
        By::Month => say(language, "month", "mois"),
    };
    let told = Indicator::ALL.iter().filter(|one| **one != Indicator::SourceAge);
    let mut columns = vec![if by == By::Buyer { Column::Text(whom) } else { Column::Word(whom) }];
    columns.extend(told.map(|one| Column::Figure(heading(*one, language))));
    let mut table = Table::new(&columns);
    let mut missing: BTreeMap<(Indicator, Reason), i64> = BTreeMap::new();
    for group in groups {
        let name = if group.name.is_empty() {
            say(language, "(none)", "(aucun)").to_owned()
        } else {
            group.name.clone()
        };
        let mut cells = vec![name];
        for figure in &group.figures {
            if let Err(reason) = figure.value
                && reason != Reason::BeforeLedger
            {
                *missing.entry((figure.indicator, reason)).or_default() += 1;
            }
            cells.push(figure_text(figure, group.currency));
        }
        table.row(cells);
    }
    let mut text = table.to_string();
    let before = groups
        .iter()
        .filter(|group| group.figures.iter().any(|figure| figure.value == Err(Reason::BeforeLedger)));
    let before = before.count();
    if before > 0 {
        let month = plural(before, say(language, "month", "mois"), say(language, "months", "mois"));
        text.push_str(&format!("– {month}: {}\n", Reason::BeforeLedger.text(language)));
    }
    for ((indicator, reason), times) in missing {
        let label = heading(indicator, language);
        text.push_str(&format!("– {label} ({}): {}\n", count(times), reason.text(language)));
    }
    text
}

/// A short name for the head of a column.
const fn heading(indicator: Indicator, language: Language) -> &'static str {
    match indicator {
        Indicator::DsoCountBack => say(language, "DSO c.-b.", "DSO épuis."),
        Indicator::DsoSimple => "DSO",
        Indicator::DsoContractual => say(language, "DSO contr.", "DSO contr."),
        Indicator::OverdueRate => say(language, "overdue %", "retard %"),
        Indicator::UnpaidRate => say(language, "> 90 d %", "> 90 j %"),
        Indicator::AverageDaysLate => say(language, "days late", "retard moyen"),
        Indicator::CoveredShare => say(language, "covered %", "garanti %"),
        Indicator::UninsuredExposure => say(language, "uninsured", "non garanti"),
        Indicator::LimitUse => say(language, "use %", "utilisé %"),
        Indicator::GrantedShare => say(language, "granted %", "accordé %"),
        Indicator::NextDeadline => say(language, "deadline in", "échéance dans"),
        Indicator::CustomerWorkingCapital => say(language, "owed, net", "dû, net"),
        Indicator::SourceAge => say(language, "age", "âge"),
    }
}

/// What figures rest on and what is not known.
fn notes(told: &Told, by: By, language: Language) -> String {
    let Window { months, known_from, .. } = told.window;
    let first = told.window.first();
    let mut lines = Vec::new();
    lines.push(match language {
        Language::English => format!(
            "Window: {months} calendar months, from {first}. Currencies are not converted: each has figures of its own."
        ),
        Language::French => format!(
            "Période : {months} mois civils, depuis le {first}. Les devises ne sont pas converties : chacune a ses valeurs."
        ),
    });
    lines.push(match (language, known_from) {
        (Language::English, Some(day)) => format!(
            "Turnover is known whole from {day} on: what was issued and paid before was never listed. If the ledger holds it, \
             say so: complete_from in [ledger], or --complete-from DATE."
        ),
        (Language::French, Some(day)) => format!(
            "Le chiffre d'affaires est complet depuis le {day} : ce qui a été émis et payé avant n'a jamais été listé. Si le \
             registre le contient, indiquez-le : complete_from sous [ledger], ou --complete-from DATE."
        ),
        (_, None) => say(language, "The ledger holds no item.", "Le registre ne contient aucun poste.").to_owned(),
    });
    let estimated = told.groups.iter().any(|group| group.sums.estimated_minor > 0);
    if estimated {
        lines.push(
            say(
                language,
                "Some due dates were computed from terms, since their source has none; overdue and contractual figures rest on them.",
                "Des échéances ont été calculées d'après les délais, leur source n'en donnant pas ; retards et DSO contractuel en \
                 dépendent.",
            )
            .to_owned(),
        );
    }
    let undated: i64 = match by {
        By::Month => 0, // the same invoices in every month
        By::Company | By::Buyer | By::Insurer | By::Country => {
            told.groups.iter().map(|group| group.sums.undated_count).sum()
        }
    };
    if undated > 0 {
        let undated = count(undated);
        lines.push(match language {
            Language::English => {
                format!("{undated} invoices came settled and nobody says since when: they are in no average of days late.")
            }
            Language::French => {
                format!("{undated} factures sont arrivées soldées sans date : elles ne comptent pas dans le retard moyen.")
            }
        });
    }
    if by == By::Insurer {
        lines.push(
            say(
                language,
                "A buyer that two insurers cover is told under both, so insurers do not add up to the company.",
                "Un acheteur garanti par deux assureurs figure chez les deux : les assureurs ne s'additionnent pas.",
            )
            .to_owned(),
        );
    }
    lines.join("\n") + "\n"
}

fn program(told: &Told, by: By, date: Option<Date>) -> serde_json::Value {
    let definitions: serde_json::Map<String, serde_json::Value> = Indicator::ALL
        .iter()
        .map(|one| {
            let both = |text: fn(Indicator, Language) -> &'static str| {
                json!({ "en": text(*one, Language::English), "fr": text(*one, Language::French) })
            };
            let value = json!({
                "unit": one.unit(), "label": both(Indicator::label), "definition": both(Indicator::definition),
            });
            (one.to_string(), value)
        })
        .collect();
    let sources = told.sources.iter().map(|source| {
        let mut value = figure_json(&source_age(source.read_on, told.window.on), Currency::EUR);
        if let Some(object) = value.as_object_mut() {
            object.insert("connection".to_owned(), json!(source.connection));
            object.insert("role".to_owned(), json!(source.role));
            object.insert("read_on".to_owned(), json!(source.read_on));
            object.insert("read_at".to_owned(), json!(source.read_at));
            object.insert("paused_since".to_owned(), json!(source.paused_since));
        }
        value
    });
    json!({
        "date": date,
        "by": by.as_str(),
        "window": {
            "from": told.window.first(), "to": told.window.on, "months": told.window.months,
            "turnover_known_from": told.window.known_from,
        },
        "definitions": definitions,
        "groups": told.groups.iter().map(group_json).collect::<Vec<_>>(),
        "sources": sources.collect::<Vec<_>>(),
    })
}

/// A figure for programs: decimal text, or null with the reason.
fn figure_json(figure: &Figure, currency: Currency) -> serde_json::Value {
    let value = figure.value.ok().map(|value| match value {
        Value::Decimal(decimal) => decimal.to_string(),
        Value::Money(minor) => render_minor(minor, currency),
    });
    json!({
        "id": figure.indicator, "unit": figure.indicator.unit(), "value": value, "reason": figure.value.err(),
    })
}

fn group_json(group: &Group) -> serde_json::Value {
    let sums = &group.sums;
    let amount = |minor| render_minor(minor, group.currency);
    let turnover: serde_json::Map<String, serde_json::Value> =
        sums.turnover.iter().map(|(period, minor)| (period.to_string(), json!(amount(*minor)))).collect();
    let lacks = |reason| group.figures.iter().any(|figure| figure.value == Err(reason));
    let is_known = !lacks(Reason::BeforeLedger);
    let cover = is_known && !lacks(Reason::CoverNotKept);
    let cover = |minor| cover.then(|| amount(minor));
    json!({
        "key": group.key,
        "name": group.name,
        "currency": group.currency,
        "figures": group.figures.iter().map(|one| figure_json(one, group.currency)).collect::<Vec<_>>(),
        "basis": is_known.then(|| json!({
            "open_invoices": amount(sums.invoices_minor),
            "overdue": amount(sums.overdue_minor),
            "overdue_over_90": amount(sums.over_90_minor),
            "estimated_due": amount(sums.estimated_minor),
            "credits": amount(sums.credits_minor),
            "turnover_listed": turnover,
            "settled": amount(sums.late.weight_minor),
            "settled_undated": sums.undated_count,
            "owed": amount(sums.owed_minor),
            "covered": cover(sums.covered_minor),
            "limits": cover(sums.limits_minor),
            "owed_under_limits": cover(sums.limited_owed_minor),
            "requested": cover(sums.requested_minor),
            "granted": cover(sums.granted_minor),
        })),
    })
}
