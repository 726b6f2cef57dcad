//! `groups.toml`: who is owned by whom, every problem told in its place.
//!
//! A company is named as a policy names an excluded buyer, or by its name alone where it is nobody's customer.
//! Invariant: what is read has one owner a company and day, and no company above itself. Reference: docs/groups.md.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::policy_file::{self, Content};
use super::reader::named_buyer;
use crate::format::toml::{Problem, read};
use crate::model::{BuyerId, Date, Groups, NAMED, Owner};

/// The file of the groups, beside `encours.toml`.
pub const GROUPS: &str = "groups.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    owned: Vec<Owned>,
}

/// `[[owned]]`: a company, and the one that owns it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Owned {
    company: Spanned<Company>,
    by: Spanned<Company>,
    from: Option<Spanned<String>>,
    to: Option<Spanned<String>>,
}

/// A company, by one registry number, by the id that Encours gives a buyer, or by its name alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Company {
    siren: Option<String>,
    vat: Option<String>,
    lei: Option<String>,
    buyer: Option<String>,
    name: Option<String>,
}

/// The file in the folder of the configuration, where there is one.
pub(super) fn of_folder(folder: &Path) -> Result<Option<Content>, Vec<Problem>> {
    let path = folder.join(GROUPS);
    if path.exists() { policy_file::content(&path).map(Some) } else { Ok(None) }
}

/// One `[[owned]]` as it was read, with where it stands.
struct Link {
    company: BuyerId,
    owner: Owner,
    span: std::ops::Range<usize>,
}

struct Reader<'a> {
    content: &'a Content,
    problems: &'a mut Vec<Problem>,
    names: BTreeMap<BuyerId, String>,
}

/// Reads the trees; those of a file with a problem are of no use.
pub(super) fn groups(content: &Content, problems: &mut Vec<Problem>) -> Groups {
    let file: File = match read(&content.name, &content.text) {
        Ok(file) => file,
        Err(problem) => {
            problems.push(problem);
            return Groups::default();
        }
    };
    let mut reader = Reader { content, problems, names: BTreeMap::new() };
    let links: Vec<Link> = file.owned.iter().filter_map(|owned| reader.link(owned)).collect();
    reader.tell_two_owners(&links);
    let span_of: BTreeMap<BuyerId, std::ops::Range<usize>> =
        links.iter().map(|link| (link.company.clone(), link.span.clone())).collect();
    let mut days: Vec<Date> = links.iter().filter_map(|link| link.owner.from).collect();
    days.push(Date::MIN);
    days.sort_unstable();
    days.dedup();
    let names = std::mem::take(&mut reader.names);
    let groups = Groups::new(links.into_iter().map(|link| (link.company, link.owner)), names);
    reader.tell_circles(&groups, &span_of, &days);
    groups
}

impl Reader<'_> {
    fn problem(&mut self, span: std::ops::Range<usize>, message: impl Into<String>) {
        self.problems.push(Problem::at(&self.content.name, &self.content.text, Some(span), message));
    }

    fn link(&mut self, owned: &Owned) -> Option<Link> {
        let (company, parent) = (self.company(&owned.company), self.company(&owned.by));
        let (from, to) = (self.date(owned.from.as_ref()), self.date(owned.to.as_ref()));
        let (company, parent, from, to) = (company?, parent?, from?, to?);
        if let (Some(first), Some(last), Some(field)) = (from, to, &owned.to)
            && last < first
        {
            self.problem(field.span(), format!("it ends on {last}, before it begins on {first}"));
        }
        Some(Link { company, owner: Owner { parent, from, to }, span: owned.company.span() })
    }

    fn date(&mut self, field: Option<&Spanned<String>>) -> Option<Option<Date>> {
        let Some(field) = field else { return Some(None) };
        let parsed = field.get_ref().parse::<Date>().ok();
        if parsed.is_none() {
            self.problem(field.span(), format!("\"{}\" is not a date (YYYY-MM-DD)", field.get_ref()));
        }
        parsed.map(Some)
    }

    fn company(&mut self, field: &Spanned<Company>) -> Option<BuyerId> {
        let Company { siren, vat, lei, buyer, name } = field.get_ref();
        let is_numbered = siren.is_some() || vat.is_some() || lei.is_some() || buyer.is_some();
        let id = match (name, is_numbered) {
            (Some(name), false) => format!("{NAMED}{name}"),
            _ => match named_buyer(siren.as_deref(), vat.as_deref(), lei.as_deref(), buyer.as_deref()) {
                Ok(id) => id,
                Err(told) => {
                    let more =
                        if is_numbered { "" } else { "; a company that is nobody's customer by its name" };
                    self.problem(field.span(), format!("{told}{more}"));
                    return None;
                }
            },
        };
        let Some(name) = name else { return Some(id) };
        let other = self.names.iter().find(|(known, called)| (**known == id) != (*called == name));
        let told = other.map(|(known, called)| {
            if *known == id {
                format!("{id} is called \"{called}\" above: one company has one name")
            } else {
                format!("{known} is called \"{name}\" above: two companies have two names, and one company is written alike each time")
            }
        });
        match told {
            Some(told) => self.problem(field.span(), told),
            None => drop(self.names.insert(id.clone(), name.clone())),
        }
        Some(id)
    }

    fn tell_two_owners(&mut self, links: &[Link]) {
        let mut of_company: BTreeMap<&str, Vec<&Link>> = BTreeMap::new();
        for link in links {
            let earlier = of_company.entry(&link.company).or_default();
            if let Some(other) = earlier.iter().find(|other| other.owner.overlaps(&link.owner)) {
                let told = format!(
                    "{} has two owners on one day, {} and {}: end the first with to = \"…\" on the day before the second begins",
                    link.company, other.owner.parent, link.owner.parent
                );
                self.problem(link.span.clone(), told);
            }
            earlier.push(link);
        }
    }

    /// Looks for a company above itself, on each day on which an owner begins.
    fn tell_circles(
        &mut self,
        groups: &Groups,
        span_of: &BTreeMap<BuyerId, std::ops::Range<usize>>,
        days: &[Date],
    ) {
        for (company, span) in span_of {
            let goes_round = |on: &&Date| {
                let top = groups.above(company, **on).last().copied().unwrap_or(company);
                groups.owner(top, **on) == Some(company)
            };
            if let Some(on) = days.iter().find(goes_round) {
                let mut way = vec![company.as_str()];
                way.extend(groups.above(company, *on));
                way.push(company);
                let since = if *on == Date::MIN { String::new() } else { format!(" on {on}") };
                let told = format!("a company is above itself{since}: {}", way.join(" is owned by "));
                self.problem(span.clone(), told);
                return; // everybody on the way round would be told again
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[[owned]]
company = { siren = "404 833 048", name = "Exemple Nord" }
by = { name = "Exemple Holding" }

[[owned]]
company = { buyer = "account:erp:7" }
by = { siren = "404833048" }
from = "2026-01-01"
to = "2026-05-31"

[[owned]]
company = { buyer = "account:erp:7" }
by = { lei = "529900T8BM49AURSDO55" }
from = "2026-06-01"
"#;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn parse(text: &str) -> Result<Groups, String> {
        let content = Content { name: GROUPS.into(), text: text.to_owned() };
        let mut problems = Vec::new();
        let groups = groups(&content, &mut problems);
        let told = problems.iter().map(|problem| format!("{problem}\n")).collect::<String>();
        if problems.is_empty() { Ok(groups) } else { Err(told) }
    }

    #[test]
    fn companies_are_named_by_number_by_id_or_by_name() {
        let groups = parse(FILE).unwrap();
        assert_eq!(
            groups.above("account:erp:7", day("2026-03-01")),
            ["siren:404833048", "name:Exemple Holding"]
        );
        assert_eq!(groups.above("account:erp:7", day("2026-06-01")).len(), 1);
        assert_eq!(groups.name("siren:404833048"), Some("Exemple Nord"));
        assert_eq!(groups.name("name:Exemple Holding"), Some("Exemple Holding"));
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_in_its_place() {
        let told = |from: &str, to: &str| parse(&FILE.replace(from, to)).unwrap_err();
        assert!(told("by = { name", "buy = { name").contains("groups.toml:4:1: unknown field `buy`"));
        assert!(told("404 833 048", "404 833 049").contains("groups.toml:3:11: 404 833 049 is no SIREN"));
        let nobody = told("{ name = \"Exemple Holding\" }", "{}");
        assert!(nobody.contains("groups.toml:4:6:") && nobody.contains("by its name"), "{nobody}");
        assert!(told("2026-05-31", "2026-05-32").contains("groups.toml:10:6: \"2026-05-32\" is not a date"));
        assert!(told("2026-05-31", "2025-05-31").contains("groups.toml:10:6: it ends on 2025-05-31, before"));
        let two = told("to = \"2026-05-31\"", "");
        assert!(two.contains("groups.toml:13:11: account:erp:7 has two owners on one day"), "{two}");
        let renamed =
            told("by = { siren = \"404833048\" }", "by = { siren = \"404833048\", name = \"Autre\" }");
        assert!(renamed.contains("8:6: siren:404833048 is called \"Exemple Nord\""), "{renamed}");
        let twice = told("by = { siren = \"404833048\" }", "by = { buyer = \"x\", name = \"Exemple Nord\" }");
        assert!(twice.contains("8:6: siren:404833048 is called \"Exemple Nord\" above: two"), "{twice}");
    }

    #[test]
    fn a_company_above_itself_is_told_once_with_the_way_round() {
        let circle = "\n[[owned]]\ncompany = { name = \"Exemple Holding\" }\nby = { buyer = \"account:erp:7\" }\nfrom = \"2026-02-01\"\n";
        let told = parse(&format!("{FILE}{circle}")).unwrap_err();
        assert_eq!(told.matches("above itself on 2026-02-01").count(), 1, "{told}");
        assert!(told.contains("account:erp:7 is owned by siren:404833048 is owned by name:Exemple Holding is owned by account:erp:7"), "{told}");
        let later = circle.replace("2026-02-01", "2026-06-01");
        assert!(parse(&format!("{FILE}{later}")).is_ok(), "by then it is owned by somebody else");
        let own = "[[owned]]\ncompany = { buyer = \"a\" }\nby = { buyer = \"a\" }\n";
        assert!(
            parse(own).unwrap_err().contains("groups.toml:2:11: a company is above itself: a is owned by a")
        );
    }
}
