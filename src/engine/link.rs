//! Who is who: the legal buyer of each account and of each buyer that an insurer knows, with the reason.
//!
//! What a person said stands first, then the insurer's own id where an ERP stores it, then registry numbers; never a name.
//! The whole is derived anew from what is stored, so that an order of arrival or a link taken back leaves nothing behind;
//! only what differs from what was recorded is written.
//! Invariant: an insurer's id never joins two accounts whose registry numbers lead to two buyers.
//! Reference: shared rules, "Who is who".

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use crate::ledger::{AccountLink, AccountRow, LimitRow, LinkRow, NewLink, Tx};
use crate::model::{
    Break, BreakKind, Identifier, Identity, Instant, Limit, LinkKind, LinkReason, Money, Scheme, identify,
    own_buyer_id,
};
use crate::reconcile::{Directory, Party};

/// Who makes the links that no person makes.
const BY: &str = "encours";

/// Everything that is known of who is who.
pub(super) struct Resolved {
    pub(super) accounts: Vec<AccountRow>,
    pub(super) index: Index,
    /// Buyers that gained or lost an account or a limit.
    pub(super) touched: BTreeSet<String>,
}

/// The identities of all accounts of a company, to find an insurer's buyer among.
pub(super) struct Index {
    persons: BTreeMap<(String, String), Identity>,
    by_insurer_id: BTreeMap<String, BTreeSet<String>>,
    by_identifier: BTreeMap<Identifier, BTreeSet<String>>,
    /// Ids that two insurers use: no ERP says whose it stores, so they identify nobody.
    shared: BTreeSet<String>,
}

impl Index {
    fn new(
        accounts: &[AccountRow],
        persons: BTreeMap<(String, String), Identity>,
        said: &BTreeMap<(&str, &str, &str), &Limit>,
    ) -> Self {
        let mut insurers: BTreeMap<&str, &str> = BTreeMap::new();
        let mut shared = BTreeSet::new();
        for (connection, _, id) in said.keys() {
            if insurers.insert(id, connection).is_some_and(|other| other != *connection) {
                shared.insert((*id).to_owned());
            }
        }
        let mut index =
            Self { persons, by_insurer_id: BTreeMap::new(), by_identifier: BTreeMap::new(), shared };
        for account in accounts {
            if let Some(id) = &account.insurer_buyer_id {
                index.by_insurer_id.entry(id.clone()).or_default().insert(account.buyer_id.clone());
            }
            for identifier in account.identifiers() {
                for key in keys(&identifier) {
                    index.by_identifier.entry(key).or_default().insert(account.buyer_id.clone());
                }
            }
        }
        index
    }

    /// The buyer of a limit, or none; several when its identities lead to more than one.
    pub(super) fn identity_of(
        &self,
        connection: &str,
        limit: &Limit,
    ) -> Result<Option<Identity>, Vec<String>> {
        let id = &limit.insurer_buyer_id;
        if let Some(identity) = self.persons.get(&(connection.to_owned(), id.clone())) {
            return Ok(Some(identity.clone()));
        }
        if let Some(buyers) = self.by_insurer_id.get(id).filter(|_| !self.shared.contains(id)) {
            let buyer = one(buyers)?;
            let detail = format!("an account stores the insurer's id {id}");
            return Ok(buyer.map(|buyer| Identity { buyer, reason: LinkReason::InsurerId, detail }));
        }
        let mut buyers = BTreeSet::new();
        let mut said = None;
        for identifier in &limit.identifiers {
            for key in keys(identifier) {
                if let Some(known) = self.by_identifier.get(&key) {
                    said = said.or_else(|| identify("", std::slice::from_ref(identifier)));
                    buyers.extend(known.iter().cloned());
                }
            }
        }
        let Some(buyer) = one(&buyers)? else { return Ok(None) };
        Ok(said.map(|said| Identity { buyer, ..said }))
    }

    pub(super) fn buyer_of(&self, connection: &str, limit: &Limit) -> Option<String> {
        self.identity_of(connection, limit).ok().flatten().map(|identity| identity.buyer)
    }
}

/// What an identifier is looked up by: itself and the SIREN in it. An unsound one leads nowhere.
fn keys(identifier: &Identifier) -> Vec<Identifier> {
    if !identifier.is_sound() || identifier.scheme == Scheme::Duns {
        return Vec::new();
    }
    let mut keys = vec![identifier.clone()];
    keys.extend(identifier.siren().filter(|siren| siren != identifier));
    keys
}

fn one(buyers: &BTreeSet<String>) -> Result<Option<String>, Vec<String>> {
    let mut all = buyers.iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Ok(Some(only.clone())),
        (Some(_), Some(_)) => Err(buyers.iter().cloned().collect()),
    }
}

/// Finds the buyer of every account and of every insurer's buyer, and writes what has changed. `arriving` are limits that
/// a connection is about to land: they say more than what is stored.
pub(super) async fn resolve(
    tx: &mut Tx<'_>,
    company: &str,
    arriving: Option<(&str, &[Limit])>,
    now: Instant,
) -> Result<Resolved, Error> {
    let mut accounts = tx.accounts(company).await?;
    let limits = tx.limits(company).await?;
    let persons = tx.persons_links(company).await?;
    let mut touched = BTreeSet::new();

    let arriving: BTreeMap<(&str, &str, &str), &Limit> = arriving
        .into_iter()
        .flat_map(|(connection, limits)| {
            limits.iter().map(move |limit| {
                ((connection, limit.policy.as_str(), limit.insurer_buyer_id.as_str()), limit)
            })
        })
        .collect();
    let stored = limits.iter().map(|row| {
        ((row.connection.as_str(), row.policy.as_str(), row.insurer_buyer_id.as_str()), &row.payload.0)
    });
    let mut said: BTreeMap<(&str, &str, &str), &Limit> = stored.collect();
    said.extend(arriving);

    let found = Accounts::new(&accounts, &said, &persons).all();
    let mut changed: Vec<(AccountLink, NewLink)> = Vec::new();
    for (account, (buyer, why)) in accounts.iter_mut().zip(found) {
        let link = why.as_ref().map(|(reason, detail)| format!("{reason} {buyer} {detail}"));
        if account.buyer_id == buyer && account.link == link {
            continue;
        }
        let new = NewLink {
            kind: LinkKind::Account,
            connection: account.connection.clone(),
            external_id: account.external_id.clone(),
            to: why.map(|(reason, detail)| (buyer.clone(), reason, detail)),
            score: None,
            previous_buyer: account.link.is_some().then(|| account.buyer_id.clone()),
            replaces: account.link.is_some(),
        };
        if account.buyer_id != buyer {
            touched.insert(std::mem::replace(&mut account.buyer_id, buyer.clone()));
            touched.insert(buyer.clone());
        }
        account.link.clone_from(&link);
        let (connection, external_id) = (new.connection.clone(), new.external_id.clone());
        changed.push((AccountLink { connection, external_id, buyer_id: buyer, link }, new));
    }
    let (rows, links): (Vec<AccountLink>, Vec<NewLink>) = changed.into_iter().unzip();
    tx.set_account_links(&rows).await?;
    // A person's link is in the ledger since it was made.
    let is_a_persons = |link: &NewLink| matches!(link.to, Some((_, LinkReason::Person, _)));
    let links: Vec<NewLink> = links.into_iter().filter(|link| !is_a_persons(link)).collect();
    tx.record_links(company, &links, BY, now).await?;
    tx.name_buyers(&touched, now).await?;

    let buyers: BTreeMap<String, String> = accounts
        .iter()
        .map(|row| (own_buyer_id(&row.connection, &row.external_id), row.buyer_id.clone()))
        .collect();
    let insurer_persons = persons.iter().filter(|link| link.kind == LinkKind::InsurerBuyer.as_str());
    let insurer_persons = insurer_persons.map(|link| {
        // Whoever was an account of its own when the person decided may have a registry number by now.
        let buyer = buyers.get(&link.buyer_id).unwrap_or(&link.buyer_id).clone();
        let identity = Identity { buyer, reason: LinkReason::Person, detail: link.detail.clone() };
        ((link.connection.clone(), link.external_id.clone()), identity)
    });
    let index = Index::new(&accounts, insurer_persons.collect(), &said);
    touched.append(&mut link_limits(tx, company, &limits, &said, &index, now).await?);
    Ok(Resolved { accounts, index, touched })
}

/// Gives stored limits the buyer that is known now, and records why.
async fn link_limits(
    tx: &mut Tx<'_>,
    company: &str,
    limits: &[LimitRow],
    said: &BTreeMap<(&str, &str, &str), &Limit>,
    index: &Index,
    now: Instant,
) -> Result<BTreeSet<String>, Error> {
    let mut touched = BTreeSet::new();
    let connections: BTreeSet<&str> = limits.iter().map(|row| row.connection.as_str()).collect();
    for connection in connections {
        let moved = tx
            .relink_limits(connection, |limit| {
                let key = (connection, limit.policy.as_str(), limit.insurer_buyer_id.as_str());
                index.buyer_of(connection, said.get(&key).unwrap_or(&limit))
            })
            .await?;
        touched.extend(moved);
    }
    let known: BTreeMap<(String, String), LinkRow> = tx
        .insurer_links(company)
        .await?
        .into_iter()
        .map(|row| ((row.connection.clone(), row.external_id.clone()), row))
        .collect();
    // One link an insurer's buyer: of several policies, what the first that identifies it says.
    let mut found: BTreeMap<(String, String), Option<Identity>> = BTreeMap::new();
    for ((connection, _, id), limit) in said {
        let entry = found.entry(((*connection).to_owned(), (*id).to_owned())).or_default();
        if entry.is_none() {
            *entry = index.identity_of(connection, limit).ok().flatten();
        }
    }
    let mut links = Vec::new();
    for (key, found) in found {
        let before = known.get(&key);
        let same = match (before, &found) {
            (None, None) => true,
            (Some(before), _) if before.is_a_persons() => true,
            (Some(before), Some(now)) => {
                before.buyer_id == now.buyer
                    && before.reason == now.reason.as_str()
                    && before.detail == now.detail
            }
            (None, Some(_)) | (Some(_), None) => false,
        };
        if !same {
            links.push(NewLink {
                kind: LinkKind::InsurerBuyer,
                connection: key.0,
                external_id: key.1,
                to: found.map(|identity| (identity.buyer, identity.reason, identity.detail)),
                score: None,
                previous_buyer: before.map(|before| before.buyer_id.clone()),
                replaces: before.is_some(),
            });
        }
    }
    tx.record_links(company, &links, BY, now).await?;
    Ok(touched)
}

/// Why an account is its buyer: the reason and its words.
type Why = Option<(LinkReason, String)>;

/// The accounts of a company on the way to their buyers.
struct Accounts<'a> {
    rows: &'a [AccountRow],
    own: Vec<Option<Identity>>,
    persons: BTreeMap<(&'a str, &'a str), &'a LinkRow>,
    /// Accounts by the buyer they are when nothing says more; only those that a person named.
    named: BTreeMap<&'a str, usize>,
    /// What each insurer's id that an account stores leads to.
    by_insurer_id: BTreeMap<&'a str, (String, String)>,
}

impl<'a> Accounts<'a> {
    fn new(
        rows: &'a [AccountRow],
        said: &BTreeMap<(&'a str, &'a str, &'a str), &'a Limit>,
        persons: &'a [LinkRow],
    ) -> Self {
        let own: Vec<Option<Identity>> =
            rows.iter().map(|row| identify(&row.country, &row.identifiers().collect::<Vec<_>>())).collect();
        let of = |kind: LinkKind| {
            let of_kind = persons.iter().filter(move |link| link.kind == kind.as_str());
            of_kind.map(|link| ((link.connection.as_str(), link.external_id.as_str()), link))
        };
        let (persons, insurers): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (of(LinkKind::Account).collect(), of(LinkKind::InsurerBuyer).collect());
        let targets: BTreeSet<&str> = persons.values().map(|link| link.buyer_id.as_str()).collect();
        let mut named = BTreeMap::new();
        if !targets.is_empty() {
            for (place, row) in rows.iter().enumerate() {
                let id = own_buyer_id(&row.connection, &row.external_id);
                if let Some(id) = targets.get(id.as_str()) {
                    named.insert(*id, place);
                }
            }
        }
        let mut all = Self { rows, own, persons, named, by_insurer_id: BTreeMap::new() };
        all.by_insurer_id = all.insurer_ids(said, &insurers);
        all
    }

    /// Where each insurer's id leads: to the one buyer that a person, the accounts that store it and the insurer's own
    /// statement agree on. An id that two insurers use leads nowhere, since no ERP says whose it stores.
    fn insurer_ids(
        &self,
        said: &BTreeMap<(&'a str, &'a str, &'a str), &'a Limit>,
        persons: &BTreeMap<(&'a str, &'a str), &'a LinkRow>,
    ) -> BTreeMap<&'a str, (String, String)> {
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut needed = BTreeSet::new();
        for (place, (row, own)) in self.rows.iter().zip(&self.own).enumerate() {
            if let Some(id) = row.insurer_buyer_id.as_deref() {
                groups.entry(id).or_default().push(place);
                if own.is_none() {
                    needed.insert(id);
                }
            }
        }
        let mut insurers: BTreeMap<&str, BTreeMap<&str, Vec<&Identifier>>> = BTreeMap::new();
        for ((connection, _, id), limit) in said {
            if needed.contains(id) {
                let stated = insurers.entry(id).or_default().entry(connection).or_default();
                // A number of a register says nothing without its country, which a limit does not have.
                stated.extend(limit.identifiers.iter().filter(|id| id.scheme != Scheme::Registration));
            }
        }
        let mut found = BTreeMap::new();
        for id in needed {
            let Some(insurers) = insurers.get(id).filter(|insurers| insurers.len() == 1) else { continue };
            let Some((connection, stated)) = insurers.first_key_value() else { continue };
            if let Some(link) = persons.get(&(*connection, id)) {
                let detail = format!("{connection} knows it as {id}, which {} linked", link.decided_by);
                found.insert(id, (link.buyer_id.clone(), detail));
                continue;
            }
            let members = groups.get(id).map(Vec::as_slice).unwrap_or_default();
            let mut buyers: BTreeSet<String> = BTreeSet::new();
            for place in members {
                buyers.extend(self.said_of(*place).map(|(buyer, _)| buyer));
            }
            let stated: Vec<Identifier> = stated.iter().map(|id| (*id).clone()).collect();
            let stated = identify("", &stated);
            let by_statement = stated.as_ref().map(|identity| identity.buyer.clone());
            buyers.extend(by_statement.clone());
            let first = members.iter().filter_map(|place| self.rows.get(*place));
            let first = first.min_by_key(|row| (&row.connection, &row.external_id));
            match (one(&buyers), first) {
                (Ok(Some(buyer)), _) => {
                    let stated = stated.filter(|_| by_statement.as_ref() == Some(&buyer));
                    let detail = stated.map_or_else(
                        || format!("{connection} knows it as {id}, like another account"),
                        |stated| format!("{connection} knows it as {id}, {}", stated.detail),
                    );
                    found.insert(id, (buyer, detail));
                }
                (Ok(None), Some(row)) if members.len() > 1 => {
                    let detail = format!("{connection} knows it as {id}, like account {}", row.code);
                    found.insert(id, (own_buyer_id(&row.connection, &row.external_id), detail));
                }
                (Ok(None) | Err(_), _) => {}
            }
        }
        found
    }

    fn all(&self) -> Vec<(String, Why)> {
        (0..self.rows.len()).map(|place| self.buyer_of(place, &mut BTreeSet::new())).collect()
    }

    /// What a person or a registry number says of an account.
    fn said_of(&self, place: usize) -> Option<(String, Why)> {
        let row = self.rows.get(place)?;
        if let Some(link) = self.persons.get(&(row.connection.as_str(), row.external_id.as_str())) {
            return Some((link.buyer_id.clone(), Some((LinkReason::Person, link.detail.clone()))));
        }
        let own = self.own.get(place)?.clone()?;
        Some((own.buyer, Some((own.reason, own.detail))))
    }

    /// The buyer of an account. A person's link to another account follows that one to its buyer.
    fn buyer_of(&self, place: usize, seen: &mut BTreeSet<usize>) -> (String, Why) {
        let Some(row) = self.rows.get(place) else { return (String::new(), None) };
        seen.insert(place);
        let own = || own_buyer_id(&row.connection, &row.external_id);
        if let Some((buyer, why)) = self.said_of(place) {
            let next = self.named.get(buyer.as_str()).filter(|next| !seen.contains(next)).copied();
            let is_a_persons = matches!(why, Some((LinkReason::Person, _)));
            return match next.filter(|_| is_a_persons) {
                Some(next) => (self.buyer_of(next, seen).0, why),
                None => (buyer, why),
            };
        }
        let by_id = row.insurer_buyer_id.as_deref().and_then(|id| self.by_insurer_id.get(id));
        match by_id {
            Some((buyer, _)) if *buyer == own() => (own(), None),
            Some((buyer, detail)) => (buyer.clone(), Some((LinkReason::InsurerId, detail.clone()))),
            None => (own(), None),
        }
    }
}

/// The breaks about insurers' buyers that no account, or several, answer to. The nearest name is a hint and no more.
pub(super) fn breaks(resolved: &Resolved, limits: &[LimitRow]) -> Vec<Break> {
    let mut found = Vec::new();
    let mut directory = None;
    for row in limits {
        let limit = &row.payload.0;
        let (kind, ours) = match resolved.index.identity_of(&row.connection, limit) {
            Ok(Some(_)) => continue,
            Ok(None) if limit.amount_minor <= 0 => continue,
            Ok(None) => {
                let directory =
                    directory.get_or_insert_with(|| Directory::new(resolved.accounts.iter().map(party)));
                (BreakKind::BuyerUnmatched, hint(directory, &resolved.accounts, limit))
            }
            Err(_) if limit.amount_minor <= 0 => continue,
            Err(several) => (BreakKind::BuyerAmbiguous, several.join(", ")),
        };
        found.push(Break {
            kind,
            subject: format!("{}/list_limits/{}/{}", row.connection, limit.policy, limit.insurer_buyer_id),
            name: limit.buyer_name.clone(),
            country: String::new(),
            connection: row.connection.clone(),
            ours,
            theirs: Money::new(limit.amount_minor, limit.currency).to_string(),
        });
    }
    found
}

fn hint(directory: &Directory, accounts: &[AccountRow], limit: &Limit) -> String {
    let best = directory.like(&insurer_party(limit), 1, |_| true);
    let best = best.first().and_then(|best| Some((accounts.get(best.place)?, best.score.points)));
    best.map_or_else(
        || "no account".to_owned(),
        |(account, points)| {
            format!("no account; {} ({}) has a name alike, {points} of 100", account.name, account.buyer_id)
        },
    )
}

/// An account as names and addresses are compared.
#[must_use]
pub fn party(account: &AccountRow) -> Party<'_> {
    Party {
        name: &account.name,
        country: &account.country,
        street: account.street.as_deref().unwrap_or_default(),
        postcode: account.postcode.as_deref().unwrap_or_default(),
        town: account.town.as_deref().unwrap_or_default(),
    }
}

/// An insurer's buyer as names are compared: a limit states no address, and a country only within a VAT number.
#[must_use]
pub fn insurer_party(limit: &Limit) -> Party<'_> {
    let country = limit.identifiers.iter().find_map(|id| match id.scheme {
        Scheme::Siren | Scheme::Siret => Some("FR"),
        Scheme::Vat if id.is_sound() => id.value.get(..2),
        Scheme::Vat | Scheme::Lei | Scheme::Registration | Scheme::Duns => None,
    });
    // Greece has a letter code of its own in VAT numbers, and Northern Ireland is in the United Kingdom.
    let country = match country.unwrap_or_default() {
        "EL" => "GR",
        "XI" => "GB",
        other => other,
    };
    Party { name: &limit.buyer_name, country, ..Party::default() }
}

/// Finds anew who is who after a person's word, and leaves the buyers concerned to the next cycle; returns them.
///
/// # Errors
/// [`Error`] when the ledger fails.
pub async fn relink(tx: &mut Tx<'_>, company: &str, now: Instant) -> Result<BTreeSet<String>, Error> {
    let resolved = resolve(tx, company, None, now).await?;
    tx.touch_buyers(company, &resolved.touched).await?;
    Ok(resolved.touched)
}
