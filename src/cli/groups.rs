//! `encours groups`: who is owned by whom, and what each level of a group owes and has covered.

use std::collections::{BTreeMap, BTreeSet};

use encours::config::GROUPS;
use encours::engine::past::positions;
use encours::ledger::{CoverRow, ExposureRow};
use encours::model::{Date, Groups};
use serde_json::{Value, json};

use super::buyers::{cover_json, decimal, sums};
use super::language::Language;
use super::table::{Column, Table, plural};
use super::time::{self, Asked, Unkept};
use super::{Books, Context, Exit};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A company of the group: its name or a part of it, a buyer id, an account code or a registry number; all groups without it
    text: Option<String>,
    #[command(flatten)]
    time: time::Flags,
}

/// What groups of another day cannot tell as they were then.
const UNKEPT: &[Unkept] = &[Unkept::Payments, Unkept::Terms];

/// Amounts by currency, minor units. Currencies are never added up.
type Amounts = BTreeMap<String, i64>;

/// What one level of a group comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// What is owed.
    pub owed: Amounts,
    /// What is covered of it.
    pub covered: Amounts,
}

impl Level {
    fn add(&mut self, other: &Self) {
        for (sums, parts) in [(&mut self.owed, &other.owed), (&mut self.covered, &other.covered)] {
            for (currency, minor) in parts {
                let sum = sums.entry(currency.clone()).or_default();
                *sum = sum.saturating_add(*minor);
            }
        }
    }

    /// `130 000.00 EUR, covered 100 000.00 EUR`.
    pub fn told(&self, say: Language) -> String {
        if self.owed.is_empty() {
            return say.of("nothing", "rien").to_owned();
        }
        let (owed, covered) = (said(say, &self.owed), said(say, &self.covered));
        say.of(format!("{owed}, covered {covered}"), format!("{owed}, garantis {covered}"))
    }

    /// For programs, one entry a currency.
    pub fn json(&self) -> Value {
        let currencies: BTreeSet<&String> = self.owed.keys().chain(self.covered.keys()).collect();
        let of =
            |amounts: &Amounts, code: &str| decimal(amounts.get(code).copied().unwrap_or_default(), code);
        let all = currencies.into_iter().map(|code| {
            json!({ "currency": code, "outstanding": of(&self.owed, code), "covered": of(&self.covered, code) })
        });
        Value::Array(all.collect())
    }
}

/// The same as [`shown`], in a language: `1 234.00 EUR, 12.00 USD`, `1 234,00 EUR, 12,00 USD`.
fn said(say: Language, amounts: &Amounts) -> String {
    let text = shown(amounts);
    say.of(text.clone(), text.replace('.', ","))
}

fn shown(amounts: &Amounts) -> String {
    sums(amounts.iter().map(|(code, minor)| (code.clone(), *minor)))
}

/// The figures of the companies of groups on a day.
pub struct Figures {
    day: Date,
    names: BTreeMap<String, String>,
    own: BTreeMap<String, Level>,
    covers: BTreeMap<String, Vec<CoverRow>>,
}

impl Figures {
    /// Reads those of some companies as of now, or of the moment that was asked for.
    ///
    /// # Errors
    /// What the ledger says; a figure that cannot be computed.
    pub async fn read(
        books: &mut Books,
        companies: &BTreeSet<String>,
        asked: Option<&Asked>,
    ) -> anyhow::Result<Self> {
        let company = books.company();
        let (exposures, covers) = match asked {
            None => (
                books.tx.exposures(&company, Some(companies)).await?,
                books.tx.covers(&company, Some(companies)).await?,
            ),
            Some(asked) => {
                let policies = &books.head.config.policies;
                let found = positions(&mut books.tx, &company, policies, asked.moment).await?;
                let own = found.buyers.into_iter().filter(|position| companies.contains(&position.buyer_id));
                let (exposures, covers): (Vec<_>, Vec<_>) =
                    own.map(|position| (position.exposures, position.covers)).unzip();
                (exposures.concat(), covers.concat())
            }
        };
        let groups = &books.head.config.groups;
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for id in companies {
            names.extend(groups.name(id).map(|name| (id.clone(), name.to_owned())));
        }
        for row in books.tx.accounts_of(&company, companies).await? {
            names.entry(row.buyer_id).or_insert(row.name);
        }
        let day = asked.map_or_else(|| books.head.day(), |asked| asked.moment.as_of);
        Ok(Self::new(day, names, exposures, covers))
    }

    fn new(
        day: Date,
        names: BTreeMap<String, String>,
        exposures: Vec<ExposureRow>,
        covers: Vec<CoverRow>,
    ) -> Self {
        let mut own: BTreeMap<String, Level> = BTreeMap::new();
        for row in exposures.into_iter().filter(|row| row.outstanding_minor != 0) {
            own.entry(row.buyer_id).or_default().owed.insert(row.currency, row.outstanding_minor);
        }
        let mut by_buyer: BTreeMap<String, Vec<CoverRow>> = BTreeMap::new();
        for row in covers {
            let level = own.entry(row.buyer_id.clone()).or_default();
            let owed = level.owed.get(&row.currency).copied().unwrap_or_default().max(0);
            if owed > 0 {
                // What two policies cover is one debt.
                let covered = level.covered.entry(row.currency.clone()).or_default();
                *covered = covered.saturating_add(row.covered_minor).min(owed);
            }
            by_buyer.entry(row.buyer_id.clone()).or_default().push(row);
        }
        Self { day, names, own, covers: by_buyer }
    }

    /// What people call a company.
    pub fn name<'f>(&'f self, company: &'f str) -> &'f str {
        self.names.get(company).map_or(company, String::as_str)
    }

    /// A company and everything below it.
    pub fn with_below(&self, groups: &Groups, company: &str) -> Level {
        let mut level = Level::default();
        if let Some(own) = self.own.get(company) {
            level.add(own);
        }
        for owned in groups.owned(company, self.day) {
            level.add(&self.with_below(groups, owned));
        }
        level
    }

    fn rows(&self, groups: &Groups, company: &str, depth: usize, table: &mut Table) {
        let none = Level::default();
        let (own, all) = (self.own.get(company).unwrap_or(&none), self.with_below(groups, company));
        let caps = self.covers.get(company).map(Vec::as_slice).unwrap_or_default();
        table.row([
            format!("{}{}", "  ".repeat(depth), self.name(company)),
            shown(&own.owed),
            shown(&own.covered),
            shown(&all.owed),
            shown(&all.covered),
            sums(caps.iter().map(|row| (row.currency.clone(), row.cap_minor))),
        ]);
        for owned in self.in_order(groups.owned(company, self.day)) {
            self.rows(groups, owned, depth + 1, table);
        }
    }

    fn json(&self, groups: &Groups, company: &str) -> Value {
        let none = Level::default();
        let owned = self.in_order(groups.owned(company, self.day));
        json!({
            "id": company,
            "name": self.name(company),
            "own": self.own.get(company).unwrap_or(&none).json(),
            "with_below": self.with_below(groups, company).json(),
            "cover": self.covers.get(company).into_iter().flatten().map(cover_json).collect::<Vec<_>>(),
            "owned": owned.into_iter().map(|one| self.json(groups, one)).collect::<Vec<_>>(),
        })
    }

    fn in_order<'g>(&self, companies: impl IntoIterator<Item = &'g str>) -> Vec<&'g str> {
        let mut all: Vec<&str> = companies.into_iter().collect();
        all.sort_by_key(|id| (self.name(id).to_lowercase(), *id));
        all
    }

    fn told(&self, groups: &Groups, heads: &[&str]) -> String {
        let mut table = Table::new(&[
            Column::Text("company"),
            Column::Figure("owes"),
            Column::Figure("covered"),
            Column::Figure("owes with all below"),
            Column::Figure("covered with all below"),
            Column::Figure("limit"),
        ]);
        for head in heads {
            self.rows(groups, head, 0, &mut table);
        }
        let mut text = table.to_string();
        if heads.iter().any(|head| self.with_below(groups, head).owed.len() > 1) {
            text.push_str("\nAmounts in several currencies stand side by side: nothing is converted, so they have no sum.\n");
        }
        text
    }
}

/// The heads of the groups that a company is in by what a text means; of all groups without one.
fn heads<'g>(
    groups: &'g Groups,
    figures: &Figures,
    meant: Option<(&str, &BTreeSet<String>)>,
) -> Vec<&'g str> {
    let heads = groups.heads(figures.day);
    let Some((text, ids)) = meant else { return figures.in_order(heads) };
    let part = text.to_lowercase();
    let is_meant =
        |id: &&str| *id == text || ids.contains(*id) || figures.name(id).to_lowercase().contains(&part);
    let found: BTreeSet<&str> = groups
        .companies()
        .into_iter()
        .filter(is_meant)
        .map(|id| groups.above(id, figures.day).last().copied().unwrap_or(id))
        .filter(|head| heads.contains(head))
        .collect();
    figures.in_order(found)
}

/// Runs the command.
///
/// # Errors
/// A configuration or a ledger that cannot be read; no company of a group that answers to the text.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<Exit> {
    let mut books = context.books().await?;
    let asked = args.time.asked(&mut books).await?;
    let companies: BTreeSet<String> =
        books.head.config.groups.companies().into_iter().map(str::to_owned).collect();
    let figures = Figures::read(&mut books, &companies, asked.as_ref()).await?;
    let company = books.company();
    let ids = match &args.text {
        Some(text) => {
            let found = books.tx.find_buyers(&company, text).await?;
            found.into_iter().map(|buyer| buyer.id).collect()
        }
        None => BTreeSet::new(),
    };
    let head = books.close().await?;
    let groups = &head.config.groups;
    let shown = heads(groups, &figures, args.text.as_deref().map(|text| (text, &ids)));
    if let (Some(text), true) = (&args.text, shown.is_empty()) {
        anyhow::bail!(
            "no company of a group answers to \"{text}\" on {}: {GROUPS} says who is in one",
            figures.day
        );
    }
    context.answer(
        || {
            if shown.is_empty() {
                return format!(
                    "There is no group on {}: write into {GROUPS} who is owned by whom, as docs/groups.md shows.\n",
                    figures.day
                );
            }
            let above = asked.as_ref().map_or_else(String::new, |asked| format!("{}\n", asked.told(UNKEPT, 0)));
            let end = format!("\n{} on {}\n", plural(shown.len(), "group", "groups"), figures.day);
            format!("{above}{}{end}", figures.told(groups, &shown))
        },
        || {
            let trees = shown.iter().map(|one| figures.json(groups, one));
            let mut value = json!({ "date": head.settled_on, "groups": trees.collect::<Vec<_>>() });
            if let Some(asked) = &asked {
                asked.put_into(&mut value, UNKEPT);
            }
            value
        },
    )?;
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use encours::model::Owner;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn owes(buyer: &str, currency: &str, units: i64) -> ExposureRow {
        ExposureRow {
            buyer_id: buyer.into(),
            currency: currency.into(),
            outstanding_minor: units * 100,
            not_due_minor: units * 100,
            overdue_30_minor: 0,
            overdue_60_minor: 0,
            overdue_90_minor: 0,
            overdue_more_minor: 0,
            disputed_minor: 0,
            credits_minor: 0,
            unallocated_minor: 0,
            oldest_due: None,
            invoice_count: 1,
            net_minor: None,
            lacks_tax: 0,
            said_minor: 0,
            version: 0,
            as_of: day("2026-03-20"),
        }
    }

    fn covers(buyer: &str, policy: &str, cap: i64, covered: i64) -> CoverRow {
        CoverRow {
            buyer_id: buyer.into(),
            connection: "insurer".into(),
            policy: policy.into(),
            currency: "EUR".into(),
            cap_minor: cap * 100,
            covered_minor: covered * 100,
            uninsured_minor: 0,
            indemnity_minor: 0,
            over_limit: false,
            lacks_tax: 0,
            version: 0,
            as_of: day("2026-03-20"),
        }
    }

    /// A holding that owes nothing, two companies below it, one of them with a company of its own.
    fn example() -> (Groups, Figures) {
        let owner =
            |parent: &str, to: Option<&str>| Owner { parent: parent.into(), from: None, to: to.map(day) };
        let owned = [
            ("north", owner("name:Exemple Holding", None)),
            ("south", owner("name:Exemple Holding", None)),
            ("port", owner("north", None)),
            ("sold", owner("north", Some("2026-03-19"))),
        ];
        let names = [("name:Exemple Holding", "Exemple Holding"), ("north", "Exemple Nord")];
        let names: BTreeMap<String, String> =
            names.map(|(id, name)| (id.to_owned(), name.to_owned())).into_iter().collect();
        let groups = Groups::new(owned.map(|(one, owner)| (one.to_owned(), owner)), names.clone());
        let exposures = vec![
            owes("north", "EUR", 60_000),
            owes("south", "EUR", 50_000),
            owes("port", "USD", 7_000),
            owes("port", "EUR", 20_000),
            owes("sold", "EUR", 900),
        ];
        let covers = vec![
            covers("north", "P1", 40_000, 60_000),
            covers("north", "P2", 9_000, 9_000),
            covers("south", "P1", 0, 1_000),
        ];
        (groups, Figures::new(day("2026-03-20"), names, exposures, covers))
    }

    #[test]
    fn each_level_counts_itself_and_all_below_by_currency() {
        let (groups, figures) = example();
        let level = |id: &str| figures.with_below(&groups, id).told(Language::English);
        assert_eq!(level("name:Exemple Holding"), "130 000.00 EUR, 7 000.00 USD, covered 61 000.00 EUR");
        assert_eq!(level("north"), "80 000.00 EUR, 7 000.00 USD, covered 60 000.00 EUR");
        assert_eq!(level("nobody"), "nothing");
        let told = figures.told(&groups, &["name:Exemple Holding"]);
        assert!(told.contains("they have no sum") && !told.contains("sold"), "{told}");
        assert!(told.contains("\n     port ") && told.contains("40 000.00 EUR, 9 000.00 EUR"), "{told}");
        let value = figures.json(&groups, "name:Exemple Holding");
        assert_eq!(value["own"], json!([]));
        assert_eq!(
            value["with_below"][0],
            json!({ "currency": "EUR", "outstanding": "130000.00", "covered": "61000.00" })
        );
        assert_eq!(value["owned"][0]["owned"][0]["id"], "port");
    }

    #[test]
    fn a_text_means_the_whole_group_of_a_company() {
        let (groups, figures) = example();
        let none = BTreeSet::new();
        let found = |text: &str| heads(&groups, &figures, Some((text, &none))).join(" ");
        for text in ["port", "nord", "name:Exemple Holding", "south"] {
            assert_eq!(found(text), "name:Exemple Holding", "{text}");
        }
        assert_eq!((found("sold"), found("nobody")), (String::new(), String::new()));
        let by_number = BTreeSet::from(["south".to_owned()]);
        assert_eq!(heads(&groups, &figures, Some(("C7", &by_number))), ["name:Exemple Holding"]);
        assert_eq!(heads(&groups, &figures, None), ["name:Exemple Holding"]);
    }
}
