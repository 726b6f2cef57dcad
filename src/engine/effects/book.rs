//! The ledger as planning sees it: read once, in whole.

use std::collections::{BTreeMap, BTreeSet};

use super::super::settle::statements;
use super::super::{Error, Setup, pools};
use crate::connector::{Connection, Role};
use crate::credit::{CapReason, LimitHistory};
use crate::ledger::{AccountRow, EffectRow, EndedRequests, ExposureRow, LimitRow, LinkRow, PeakRow, Tx};
use crate::model::{Basis, Date, EffectKind, EffectState, Policy, own_buyer_id};

/// What is known on a day.
pub(super) struct Book<'a> {
    pub(super) setup: &'a Setup,
    pub(super) day: Date,
    /// The policies in force.
    pub(super) policies: Vec<&'a Policy>,
    /// Accounts by buyer.
    pub(super) accounts: BTreeMap<String, Vec<AccountRow>>,
    owed: Owed,
    /// What is owed to the companies that a policy insures with ours, by their ids.
    beside: BTreeMap<String, Owed>,
    /// The limits of the day by buyer, connection and policy, where a policy computes the discretionary one.
    caps: BTreeMap<(String, String, String), i64>,
    limits: Vec<LimitRow>,
    by_buyer: BTreeMap<(String, String, String), Vec<usize>>,
    /// Requests of ours that live beyond a proposal: connection, policy and buyer.
    asked: BTreeSet<(String, String, String)>,
    /// Write-backs that were approved and are not done, by connection and account.
    pub(super) writing: BTreeSet<(String, String)>,
    /// Requests that ended, by connection, policy and buyer.
    pub(super) ended: BTreeMap<(String, String, String), EndedRequests>,
    /// Write-backs that were done, by connection and account: the last one.
    pub(super) written: BTreeMap<(String, String), EffectRow>,
    /// How many write-backs of an account came to an end, and the last that did not succeed.
    pub(super) write_ends: BTreeMap<(String, String), (i64, Option<EffectRow>)>,
    /// What insurers list as undecided: connection, policy and the insurer's id of the buyer.
    listed: BTreeSet<(String, String, String)>,
    /// The references of it, theirs and ours, by connection.
    references: BTreeSet<(String, String)>,
    /// Since when cover is stopped, by connection, policy and buyer.
    pub(super) stopped: BTreeMap<(String, String, String), Date>,
    /// The ids that persons, or look-ups that they had made, gave buyers: buyer and connection.
    given: BTreeMap<(String, String), String>,
}

/// What is owed to one company.
pub(super) struct Owed {
    /// Buyers with an account.
    buyers: BTreeSet<String>,
    exposures: BTreeMap<(String, String), ExposureRow>,
    /// What is ordered and not invoiced yet, by buyer and currency.
    backlogs: BTreeMap<(String, String), i64>,
    /// Peaks over the days of each policy's rule, by days back.
    peaks: BTreeMap<i64, BTreeMap<(String, String), PeakRow>>,
}

impl Owed {
    async fn read(
        tx: &mut Tx<'_>,
        company: &str,
        buyers: BTreeSet<String>,
        (spans, day): (&BTreeSet<i64>, Date),
    ) -> Result<Self, Error> {
        let exposures = tx.exposures(company, None).await?;
        let exposures =
            exposures.into_iter().map(|row| ((row.buyer_id.clone(), row.currency.clone()), row)).collect();
        let mut peaks = BTreeMap::new();
        for span in spans {
            let from = day.checked_sub_days(chrono::Days::new(span.unsigned_abs())).unwrap_or(day);
            let rows = tx.peaks(company, from).await?;
            let rows: BTreeMap<(String, String), PeakRow> =
                rows.into_iter().map(|row| ((row.buyer_id.clone(), row.currency.clone()), row)).collect();
            peaks.insert(*span, rows);
        }
        Ok(Self { buyers, exposures, backlogs: tx.order_backlogs(company, None).await?, peaks })
    }

    /// What a buyer has ordered in a currency and is not invoiced yet, minor units.
    pub(super) fn backlog(&self, buyer: &str, currency: &str) -> i64 {
        self.backlogs.get(&(buyer.to_owned(), currency.to_owned())).copied().unwrap_or_default()
    }

    /// What it owes as it counts under a policy: net of tax where the policy says so.
    pub(super) fn counted(&self, buyer: &str, policy: &Policy) -> i64 {
        let Some(row) = self.exposure(buyer, policy.currency.code()) else { return 0 };
        let net = row.net_minor.filter(|_| policy.basis == Basis::Net);
        net.unwrap_or(row.outstanding_minor)
    }

    pub(super) fn exposure(&self, buyer: &str, currency: &str) -> Option<&ExposureRow> {
        self.exposures.get(&(buyer.to_owned(), currency.to_owned()))
    }

    /// What it owed at most within so many days.
    pub(super) fn peak(&self, buyer: &str, currency: &str, days: i64) -> Option<&PeakRow> {
        self.peaks.get(&days)?.get(&(buyer.to_owned(), currency.to_owned()))
    }
}

/// What the insurer says of a buyer under a policy.
pub(super) struct Decided<'a> {
    /// What may be covered today, minor units of the policy's currency.
    pub(super) cap_minor: i64,
    /// Why it is what it is.
    pub(super) reason: CapReason,
    /// Since when.
    pub(super) since: Date,
    /// The day on which the limit in force was first read, whatever it says in a second currency.
    pub(super) read_on: Date,
    /// The limit in force.
    pub(super) row: &'a LimitRow,
}

impl<'a> Book<'a> {
    pub(super) async fn open(tx: &mut Tx<'_>, setup: &'a Setup, day: Date) -> Result<Self, Error> {
        let company = setup.company.id.as_str();
        let policies: Vec<&Policy> = setup.policies.iter().filter(|policy| policy.contains(day)).collect();
        let mut accounts: BTreeMap<String, Vec<AccountRow>> = BTreeMap::new();
        for row in tx.accounts(company).await? {
            accounts.entry(row.buyer_id.clone()).or_default().push(row);
        }
        let given = given_ids(tx, company, &accounts).await?;
        let mut caps = BTreeMap::new();
        if policies.iter().any(|policy| policy.discretionary_rule.is_some()) {
            let covers = tx.covers(company, None).await?;
            caps.extend(
                covers.into_iter().map(|row| ((row.buyer_id, row.connection, row.policy), row.cap_minor)),
            );
        }
        let limits = tx.limit_versions(company, None).await?;
        let mut by_buyer: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
        for (index, row) in limits.iter().enumerate() {
            if let Some(buyer) = &row.buyer_id {
                let key = (buyer.clone(), row.connection.clone(), row.policy.clone());
                by_buyer.entry(key).or_default().push(index);
            }
        }
        let mut spans: BTreeSet<i64> = BTreeSet::new();
        for rule in policies.iter().filter_map(|policy| policy.requests.as_ref()) {
            spans.extend([rule.peak_days, rule.slack_days]);
        }
        let own = accounts.keys().cloned().collect();
        let owed = Owed::read(tx, company, own, (&spans, day)).await?;
        let mut beside = BTreeMap::new();
        for other in pools::insured_with(&setup.policies, company) {
            let buyers = tx.accounts(other).await?.into_iter().map(|row| row.buyer_id).collect();
            beside.insert(other.to_owned(), Owed::read(tx, other, buyers, (&spans, day)).await?);
        }
        let (mut asked, mut writing) = (BTreeSet::new(), BTreeSet::new());
        let mut write_ends: BTreeMap<(String, String), (i64, Option<EffectRow>)> = BTreeMap::new();
        for row in tx.effects(company, &[]).await? {
            let (kind, state) = (row.kind()?, row.state()?);
            if kind.is_request() && row.is_live() && state != EffectState::Proposed {
                asked.insert((row.connection, row.policy, row.buyer_id));
            } else if kind == EffectKind::WriteLimit {
                let key = (row.connection.clone(), row.subject.clone());
                match state {
                    EffectState::Proposed | EffectState::Dropped => {}
                    EffectState::Approved | EffectState::Sending | EffectState::Unknown => {
                        writing.insert(key);
                    }
                    EffectState::Done => write_ends.entry(key).or_default().0 += 1,
                    EffectState::Refused | EffectState::Failed => {
                        let ends = write_ends.entry(key).or_default();
                        ends.0 += 1;
                        if ends.1.as_ref().is_none_or(|known| known.updated_at <= row.updated_at) {
                            ends.1 = Some(row);
                        }
                    }
                }
            }
        }
        let (mut listed, mut references) = (BTreeSet::new(), BTreeSet::new());
        let insurers: BTreeSet<&str> = policies.iter().map(|policy| policy.connection.as_str()).collect();
        for connection in insurers {
            for request in tx.listed_requests(connection).await? {
                references.insert((connection.to_owned(), request.reference));
                references.extend(request.our_reference.map(|reference| (connection.to_owned(), reference)));
                listed.insert((connection.to_owned(), request.policy, request.insurer_buyer_id));
            }
        }
        let stopped = tx.cover_stops(company, None).await?.into_iter();
        let stopped = stopped.filter(|row| row.lifted_on.is_none());
        Ok(Self {
            stopped: stopped
                .map(|row| ((row.connection, row.policy, row.buyer_id), row.stopped_on))
                .collect(),
            setup,
            day,
            policies,
            accounts,
            owed,
            beside,
            caps,
            limits,
            by_buyer,
            asked,
            writing,
            ended: tx.ended_requests(company).await?,
            written: tx.written_limits(company).await?,
            write_ends,
            listed,
            references,
            given,
        })
    }

    /// The connection of an id, where the configuration has it.
    pub(super) fn connection(&self, id: &str) -> Option<&'a Connection> {
        self.setup.connections.iter().find(|connection| connection.id == id)
    }

    /// Every buyer that owes something, has an account or a limit.
    pub(super) fn buyers(&self) -> BTreeSet<&str> {
        let by_limit = self.by_buyer.keys().map(|(buyer, _, _)| buyer.as_str());
        self.accounts.keys().map(String::as_str).chain(by_limit).collect()
    }

    /// What a buyer owes today in a currency, minor units.
    pub(super) fn owed(&self, buyer: &str, currency: &str) -> i64 {
        self.exposure(buyer, currency).map_or(0, |row| row.outstanding_minor)
    }

    /// What is owed to our company and to those that a policy insures with it.
    pub(super) fn insured<'b>(&'b self, policy: &'b Policy) -> impl Iterator<Item = &'b Owed> {
        let beside = policy.insured_beside(&self.setup.company.id).filter_map(|id| self.beside.get(id));
        std::iter::once(&self.owed).chain(beside)
    }

    /// Whether another insured company makes the requests on a buyer and those that share its limit: the first one that the
    /// policy names and that has an account of one of them, else the first one of this ledger.
    pub(super) fn is_asked_elsewhere(&self, buyer: &str, sharing: &[&str], policy: &Policy) -> bool {
        let own = self.setup.company.id.as_str();
        let named = policy.insured_companies.iter().map(String::as_str);
        let here: Vec<(&str, &Owed)> = named
            .filter_map(|id| Some((id, if id == own { &self.owed } else { self.beside.get(id)? })))
            .filter(|(id, owed)| *id == own || !owed.buyers.is_empty())
            .collect();
        let has = |owed: &Owed| sharing.iter().chain([&buyer]).any(|one| owed.buyers.contains(*one));
        let first = here.iter().find(|(_, owed)| has(owed)).or(here.first());
        first.is_some_and(|(id, _)| *id != own)
    }

    /// The discretionary limit of a buyer that a policy has not decided on, as it was settled.
    pub(super) fn discretionary(&self, buyer: &str, policy: &Policy) -> i64 {
        if policy.discretionary_rule.is_none() {
            return policy.discretionary_minor;
        }
        let key = (buyer.to_owned(), policy.connection.clone(), policy.number.clone());
        self.caps.get(&key).copied().unwrap_or(0)
    }

    fn exposure(&self, buyer: &str, currency: &str) -> Option<&ExposureRow> {
        self.owed.exposure(buyer, currency)
    }

    /// Name and country of a buyer.
    pub(super) fn name(&self, buyer: &str) -> (&str, &str) {
        let account = self.accounts.get(buyer).and_then(|rows| rows.first());
        let known_as = || self.policies.iter().find_map(|policy| policy.pooled_groups.name(buyer));
        account
            .map_or_else(|| (known_as().unwrap_or(""), ""), |row| (row.name.as_str(), row.country.as_str()))
    }

    /// Whether an insurer ever stated a limit on a buyer under a policy.
    pub(super) fn has_limit(&self, buyer: &str, policy: &Policy) -> bool {
        self.by_buyer.contains_key(&(buyer.to_owned(), policy.connection.clone(), policy.number.clone()))
    }

    /// What was decided on a buyer under a policy; nothing where nothing ever was.
    pub(super) fn decided(&self, buyer: &str, policy: &Policy) -> Result<Option<Decided<'_>>, Error> {
        let key = (buyer.to_owned(), policy.connection.clone(), policy.number.clone());
        let Some(indexes) = self.by_buyer.get(&key) else { return Ok(None) };
        let rows: Vec<&LimitRow> = indexes.iter().filter_map(|index| self.limits.get(*index)).collect();
        let (Some(row), own) = statements(&rows) else { return Ok(None) };
        let alike = own.iter().rev().take_while(|(_, limit)| limit.counts_like(&row.payload));
        let read_on = alike.last().map_or(row.seen_on, |(seen, _)| *seen);
        let history = LimitHistory::from_statements(own, policy.currency)?;
        if !history.is_decided(self.day) {
            return Ok(None);
        }
        let at = history.limit_at(self.day, policy);
        Ok(Some(Decided {
            cap_minor: at.cap_minor,
            reason: at.reason,
            since: at.since.unwrap_or(self.day),
            read_on,
            row,
        }))
    }

    /// Whose limit a new invoice of a buyer would be held against: its own, or that of a company above it.
    pub(super) fn holder<'b>(&'b self, buyer: &'b str, policy: &'b Policy) -> &'b str {
        // A figure that cannot be computed is told where the buyer itself is planned for.
        let is_decided = |id: &str| self.decided(id, policy).is_ok_and(|decided| decided.is_some());
        policy.pooled_groups.holder(buyer, self.day, is_decided)
    }

    /// The buyers whose new invoices would be held against the limit of another one, by that one.
    pub(super) fn sharing<'b>(&'b self, policy: &'b Policy) -> BTreeMap<&'b str, Vec<&'b str>> {
        let mut sharing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for company in policy.pooled_groups.companies() {
            let holder = self.holder(company, policy);
            if holder != company {
                sharing.entry(holder).or_default().push(company);
            }
        }
        sharing
    }

    /// The insurer's id of a buyer: from its limits, else from what a person said, else from what the ERP stores. No ERP
    /// says whose id it stores, so that of two insurers neither is asked about it.
    pub(super) fn insurer_id(&self, buyer: &str, connection: &str) -> Option<&str> {
        let first = (buyer.to_owned(), connection.to_owned(), String::new());
        let own = self.by_buyer.range(first..).next().filter(|((b, c, _), _)| b == buyer && c == connection);
        if let Some(row) = own.and_then(|(_, indexes)| self.limits.get(*indexes.first()?)) {
            return Some(&row.insurer_buyer_id);
        }
        if let Some(id) = self.given.get(&(buyer.to_owned(), connection.to_owned())) {
            return Some(id);
        }
        let insurers = self.setup.connections.iter().map(|connection| &connection.connector.manifest);
        let insurers: BTreeSet<&str> = insurers
            .filter(|manifest| manifest.role == Role::Insurer)
            .map(|manifest| manifest.id.as_str())
            .collect();
        let accounts = self.accounts.get(buyer).filter(|_| insurers.len() == 1)?;
        accounts.iter().find_map(|account| account.insurer_buyer_id.as_deref())
    }

    /// Whether a request of the buyer is alive: one of ours beyond a proposal, or anybody's at the insurer.
    pub(super) fn is_asked(&self, buyer: &str, policy: &Policy) -> bool {
        let key = |last: &str| (policy.connection.clone(), policy.number.clone(), last.to_owned());
        self.asked.contains(&key(buyer))
            || self.insurer_id(buyer, &policy.connection).is_some_and(|id| self.listed.contains(&key(id)))
    }

    /// Whether the insurer lists a request: by one of its references, else any on the buyer.
    pub(super) fn is_listed(
        &self,
        connection: &str,
        policy: &str,
        insurer_id: &str,
        references: &BTreeSet<&str>,
    ) -> bool {
        references.iter().any(|one| self.references.contains(&(connection.to_owned(), (*one).to_owned())))
            || self.listed.contains(&(connection.to_owned(), policy.to_owned(), insurer_id.to_owned()))
    }
}

/// The insurers' ids that persons gave buyers, by buyer and connection; of several, the last.
async fn given_ids(
    tx: &mut Tx<'_>,
    company: &str,
    accounts: &BTreeMap<String, Vec<AccountRow>>,
) -> Result<BTreeMap<(String, String), String>, Error> {
    let links = tx.insurer_links(company).await?;
    let mut given = BTreeMap::new();
    for link in links.into_iter().filter(LinkRow::is_a_persons) {
        // Whoever was an account of its own when the person decided may have a registry number by now.
        let own = |row: &&AccountRow| own_buyer_id(&row.connection, &row.external_id) == link.buyer_id;
        let buyer = match accounts.contains_key(&link.buyer_id) {
            true => link.buyer_id.clone(),
            false => accounts.values().flatten().find(own).map_or(link.buyer_id, |row| row.buyer_id.clone()),
        };
        given.insert((buyer, link.connection), link.external_id);
    }
    Ok(given)
}
