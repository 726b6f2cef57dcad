//! The group of a buyer: what each level above it owes, and whose limit it shares.

use std::collections::BTreeSet;

use encours::credit::OpenItem;
use encours::engine::past::stops_on;
use encours::engine::pools::{self, Held, Member, Neighbour};
use encours::engine::stops;
use encours::ledger::CoverStopRow;
use encours::model::Policy;
use serde_json::{Value, json};

use super::super::Books;
use super::super::groups::{Figures, Level};
use super::super::language::Language;
use super::super::time::Asked;
use super::File;

/// The companies around a buyer.
#[derive(Default)]
pub(super) struct Group {
    /// The buyer and those above it, the nearest first, each with all below it: id, name, figures.
    levels: Vec<(String, String, Level)>,
    /// Whoever may share a limit with it, where a policy pools groups.
    neighbours: Vec<Neighbour>,
}

/// Whose limit a buyer shares.
pub(super) struct Shared<'a> {
    holder: &'a str,
    /// The others that share it, or to which it belongs.
    others: Vec<&'a str>,
    /// The other insured companies that are owed something by one of those that share it.
    companies: BTreeSet<&'a str>,
}

impl Group {
    pub(super) async fn read(books: &mut Books, buyer: &str, asked: Option<&Asked>) -> anyhow::Result<Self> {
        let groups = books.head.config.groups.clone();
        let own = BTreeSet::from([buyer.to_owned()]);
        let related = groups.related(&own);
        let day = asked.map_or_else(|| books.head.day(), |asked| asked.moment.as_of);
        let company = books.company();
        let policies = books.head.config.policies.clone();
        let neighbours = match asked {
            None => pools::neighbours(&mut books.tx, &company, &policies, &own, day).await?,
            Some(asked) => {
                pools::neighbours_known(&mut books.tx, &company, &policies, &own, asked.moment).await?
            }
        };
        if related == own {
            return Ok(Self { levels: Vec::new(), neighbours });
        }
        let figures = Figures::read(books, &related, asked).await?;
        let mut levels = Vec::new();
        for id in std::iter::once(buyer).chain(groups.above(buyer, day)) {
            levels.push((id.to_owned(), figures.name(id).to_owned(), figures.with_below(&groups, id)));
        }
        let is_alone = levels.len() == 1 && groups.owned(buyer, day).is_empty();
        Ok(Self { levels: if is_alone { Vec::new() } else { levels }, neighbours })
    }

    /// One line a level; none where the buyer is in no group on the day.
    pub(super) fn told(&self, say: Language) -> Option<String> {
        let ((_, _, own), above) = self.levels.split_first()?;
        let owed = own.told(say);
        let mut text = say.of(
            format!("With all that it owns it owes {owed}.\n"),
            format!("Avec tout ce qu'il possède il doit {owed}.\n"),
        );
        let mut owned = say.of("It is owned by", "Il appartient à");
        for (_, name, level) in above {
            let owed = level.told(say);
            text.push_str(&say.of(
                format!("{owned} {name}, which owes with all below {owed}.\n"),
                format!("{owned} {name}, qui doit avec tout ce qui est en dessous {owed}.\n"),
            ));
            owned = say.of("  owned by", "  qui appartient à");
        }
        Some(text)
    }

    pub(super) fn json(&self) -> Value {
        let levels = self.levels.iter();
        levels
            .map(|(id, name, level)| json!({ "id": id, "name": name, "with_below": level.json() }))
            .collect()
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.levels.iter().find(|(known, _, _)| known == id).map_or(id, |(_, name, _)| name)
    }

    /// `It shares the limit on Exemple Holding with 2 other companies.`
    pub(super) fn shared_told(&self, say: Language, buyer: &str, shared: &Shared<'_>) -> String {
        let mut told = String::new();
        if !shared.companies.is_empty() {
            let companies = shared.companies.iter().copied().collect::<Vec<_>>().join(", ");
            told = say.of(
                format!(
                    "The policy insures {companies} too, and their invoices use the same limit: what they use is in \"used before\".\n"
                ),
                format!(
                    "La police assure aussi {companies}, dont les factures utilisent le même agrément : ce qu'elles en utilisent est \
                     compté dans « déjà utilisé ».\n"
                ),
            );
        }
        if shared.others.is_empty() {
            return told;
        }
        let count = i64::try_from(shared.others.len()).unwrap_or(i64::MAX);
        let others =
            say.plural(count, ["other company", "other companies"], ["autre société", "autres sociétés"]);
        let whose = if shared.holder == buyer {
            say.of(
                format!("Its limit counts for {others} of its group"),
                format!("Son agrément vaut pour {others} de son groupe"),
            )
        } else {
            let holder = self.name(shared.holder);
            say.of(
                format!("It shares the limit on {holder} with {others} of its group"),
                format!("Il partage l'agrément de {holder} avec {others} de son groupe"),
            )
        };
        told + &say.of(
            format!("{whose}: what their invoices use is in \"used before\".\n"),
            format!("{whose} : ce que leurs factures en utilisent est compté dans « déjà utilisé ».\n"),
        )
    }
}

impl Shared<'_> {
    pub(super) fn json(&self) -> Value {
        json!({ "limit_on": self.holder, "with": self.others, "with_companies": self.companies })
    }
}

impl File {
    /// What a policy covers of the buyer with those that it shares a limit with; none where the policy pools nothing of it.
    pub(super) fn pooled<'a>(
        &'a self,
        policy: &'a Policy,
        items: &[OpenItem<'a>],
    ) -> anyhow::Result<Option<(Held<'a>, Option<Shared<'a>>)>> {
        if self.group.neighbours.is_empty() {
            return Ok(None);
        }
        let mut members = vec![Member {
            insured: None,
            buyer: &self.buyer.id,
            country: &self.buyer.country,
            items: items.to_vec(),
            limits: self.limits.iter().collect(),
            stops: &self.stops,
            experience: self.experience.as_ref(),
        }];
        members.extend(self.group.neighbours.iter().map(Neighbour::member));
        let stops_of = |rows: &[CoverStopRow], open: &pools::ByCompany<'_, '_>| match &self.asked {
            None => stops::remembered(&stops::of_policy(rows, policy)),
            Some(asked) => stops_on(rows, policy, &self.periods, open, asked.moment),
        };
        let mut covers = pools::covers(policy, &self.periods, &members, self.day, stops_of)?;
        let Some(held) = covers.remove(self.buyer.id.as_str()) else { return Ok(None) };
        let holders = pools::holders(policy, &members, self.day)?;
        let holder = holders.get(self.buyer.id.as_str()).copied().unwrap_or(&self.buyer.id);
        let sharing = holders.iter().filter(|(id, other)| **other == holder && **id != self.buyer.id);
        let others: Vec<&str> = sharing.map(|(id, _)| *id).collect();
        let of_companies = members.iter().filter(|member| holders.get(member.buyer) == Some(&holder));
        let insured = |company: &&str| policy.insured_companies.iter().any(|id| id == company);
        let companies: BTreeSet<&str> =
            of_companies.filter_map(|member| member.insured).filter(insured).collect();
        let is_shared = !others.is_empty() || !companies.is_empty();
        Ok(Some((held, is_shared.then_some(Shared { holder, others, companies }))))
    }
}
