//! Evidence on one buyer as of a day: what an insurer or a judge asks for, in files that anybody can read and check.
//!
//! Everything is read as known at an instant and from what has a history, so the same day and instant give the same bytes
//! whatever is read, paid or decided later. The terms of the policies are those that the ledger had read by then.
//! Invariant: no clock, no name of a machine and no version of the program is in it. Reference: docs/evidence.md.

mod reckoned;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Error;
use super::past::Moment;
use crate::credit::{Experience, exposures};
use crate::format::zip;
use crate::ids::sha256_hex;
use crate::ledger::{
    AccountVersion, Begins, CoverStopRow, EffectRow, EffectStep, LimitRow, LinkRow, RunDay, Tx, accounts_then,
};
use crate::model::{Instant, Policy, render_minor};
use reckoned::{Document, Other};

/// Of whom, and when.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The company.
    pub company: &'a str,
    /// The legal buyer, by its id.
    pub buyer: &'a str,
    /// The day, and what is known.
    pub moment: Moment,
    /// The policy periods that were known at the instant.
    pub policies: &'a [Policy],
    /// Those of them that are told as they were later, since what they were then was not kept.
    pub policies_begin: &'a [Begins],
}

/// One file of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// What it holds, in one sentence.
    pub what: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A pack that is ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The name of its folder; that of the archive without `.zip`.
    pub name: String,
    /// Its files, the index among them, by name.
    pub files: Vec<File>,
    /// The archive.
    pub zip: Vec<u8>,
    /// SHA-256 of the archive.
    pub sha256: String,
}

/// What the ledger knew of the buyer.
struct Known<'a> {
    wanted: Wanted<'a>,
    /// ISO 3166 alpha-2 of the buyer, or empty.
    country: String,
    /// Every version of its accounts that was known.
    accounts: Vec<AccountVersion>,
    /// Accounts of which it is not kept what they were.
    accounts_begin: Vec<Begins>,
    documents: Vec<Document>,
    limits: Vec<LimitRow>,
    links: Vec<LinkRow>,
    stops: Vec<CoverStopRow>,
    /// How it has paid, where a policy computes its discretionary limit.
    experience: Option<Experience>,
    effects: Vec<(EffectRow, Vec<EffectStep>)>,
    runs: Vec<RunDay>,
    /// Whoever may share its limit.
    others: Vec<Other>,
    /// The periods that have begun, of the policies that have decided on the buyer; of every policy where none has.
    policies: Vec<&'a Policy>,
}

/// What a reader has to keep in mind, in every pack.
const READ_SO: &[&str] = &[
    "All is as the ledger knew it at the instant above: what was read, paid, decided or linked later is not in it.",
    "Documents dated after the day above are left out. A document is known from the cycle on that first read it; what was issued \
     and settled before was never seen.",
    "Decisions are the insurer's statements as the mapping read them, each with the day on which it was first read; answers to \
     requests and notices are as the partner gave them, secrets covered.",
    "The terms of the policies are those that had been read from the configuration at the instant; policies.json holds them.",
];

fn broken(error: impl ToString) -> Error {
    Error::Evidence(error.to_string())
}

/// An instant as `--known-at` takes it.
fn shown(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// Gathers the evidence on a buyer.
///
/// # Errors
/// What the ledger says; a figure that cannot be computed; a file that cannot be made.
pub async fn pack(tx: &mut Tx<'_>, wanted: Wanted<'_>) -> Result<Pack, Error> {
    let known = Known::read(tx, wanted).await?;
    let mut files = vec![
        known.accounts_csv()?,
        known.documents_csv()?,
        known.versions_csv()?,
        known.limits_csv()?,
        known.decisions_json()?,
        known.links_csv()?,
        known.stops_csv()?,
        known.effects_json()?,
        known.notices_csv()?,
        known.cover_csv()?,
        known.policies_json()?,
    ];
    files.sort_by_key(|file| file.name);
    let index = known.index(&files)?;
    let text = known.index_text(&index);
    files.push(File { name: "index.json", what: "this list, for programs", bytes: pretty(&index)? });
    files.push(File { name: "index.txt", what: "this list, for people", bytes: text.into_bytes() });
    files.sort_by_key(|file| file.name);
    let name = name(&wanted);
    let packed: Vec<(String, &[u8])> =
        files.iter().map(|file| (format!("{name}/{}", file.name), file.bytes.as_slice())).collect();
    let zip = zip::pack(&format!("{name}.zip"), &packed).map_err(broken)?;
    let sha256 = sha256_hex(&zip);
    Ok(Pack { name, files, zip, sha256 })
}

/// `evidence-exemple-siren-000000018-2026-03-20`: signs that every file system takes.
fn name(wanted: &Wanted<'_>) -> String {
    let plain = |text: &str| -> String {
        text.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '-' }).collect()
    };
    format!("evidence-{}-{}-{}", plain(wanted.company), plain(wanted.buyer), wanted.moment.as_of)
}

fn pretty(value: &Value) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(broken)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl<'a> Known<'a> {
    async fn read(tx: &mut Tx<'_>, wanted: Wanted<'a>) -> Result<Self, Error> {
        let Wanted { company, buyer, moment, policies, .. } = wanted;
        let buyers = tx.buyers_known(company, moment.known_at).await?;
        let own: BTreeSet<(String, String)> =
            buyers.iter().filter(|(_, id)| *id == buyer).map(|(key, _)| key.clone()).collect();
        let mut accounts = tx.account_versions(company, Some(&own)).await?;
        let then = accounts_then(&accounts, &buyers, moment.known_at);
        accounts.retain(|version| version.recorded_at <= moment.known_at);
        for version in &mut accounts {
            version.superseded_at = version.superseded_at.filter(|end| *end <= moment.known_at);
        }
        let mut versions = tx.item_versions(&own, moment.known_at).await?;
        versions.retain(|version| version.issued <= moment.as_of);
        let mut limits = tx.limits_known(company, moment.known_at).await?;
        limits.retain(|row| row.buyer_id.as_deref() == Some(buyer));
        let mut links = tx.links_known(company, moment.known_at).await?;
        links.retain(|link| link.buyer_id == buyer);
        // Counted over the whole ledger, so it tells how much others were linked meanwhile.
        links.iter_mut().for_each(|link| link.seq = 0);
        let mut runs = tx.run_days(company).await?;
        runs.retain(|run| run.started_at <= moment.known_at);
        let deciding: BTreeSet<(&str, &str)> =
            limits.iter().map(|row| (row.connection.as_str(), row.policy.as_str())).collect();
        let has_decided = |policy: &Policy| {
            deciding.is_empty()
                || deciding.contains(&(policy.connection.as_str(), policy.number.as_str()))
                || policy.pooled_groups.companies().contains(buyer)
        };
        let own_buyer = BTreeSet::from([buyer.to_owned()]);
        let experience = tx
            .experiences(company, policies, &own_buyer, moment.as_of, Some(moment.known_at))
            .await?
            .remove(buyer);
        let mut policies: Vec<&Policy> = policies
            .iter()
            .filter(|policy| policy.valid_from <= moment.as_of && has_decided(policy))
            .collect();
        policies.sort_by_key(|policy| (&policy.connection, &policy.number, policy.valid_from));
        Ok(Self {
            others: Other::read(tx, &wanted).await?,
            country: then.buyers.get(buyer).map_or_else(String::new, |named| named.country.clone()),
            accounts,
            accounts_begin: then.begin,
            documents: versions.into_iter().map(Document::new).collect::<Result<_, _>>()?,
            stops: tx.stops_known(company, Some(buyer), moment.known_at).await?,
            effects: tx.effects_known(company, buyer, moment.known_at).await?,
            experience,
            wanted,
            limits,
            links,
            runs,
            policies,
        })
    }

    /// What a reader has to keep in mind.
    fn read_so(&self) -> Vec<String> {
        let mut lines: Vec<String> = READ_SO.iter().map(|line| (*line).to_owned()).collect();
        lines.extend(self.accounts_begin.iter().map(|one| {
            format!(
                "What account {} was before {} is not kept; the buyer's country, which a policy may exclude, is that of then.",
                one.what,
                shown(one.since)
            )
        }));
        lines.extend(self.wanted.policies_begin.iter().map(|one| {
            format!(
                "The terms of policy {} before {} were not kept; those of then count.",
                one.what,
                shown(one.since)
            )
        }));
        let companies: BTreeSet<&str> =
            self.others.iter().filter_map(|other| other.insured.as_deref()).collect();
        if !companies.is_empty() {
            let companies = companies.into_iter().collect::<Vec<_>>().join(", ");
            lines.push(format!(
                "The policy insures several companies: cover is reckoned together with what is owed to {companies}, whose documents are \
                 not in the pack."
            ));
        }
        let own = self.others.iter().filter(|other| other.insured.is_none());
        let names: Vec<&str> = own.map(|other| other.buyer.as_str()).collect();
        if !names.is_empty() {
            lines.push(format!(
                "The policy pools groups: cover is reckoned together with the companies that the buyer may share a limit with ({}), \
                 whose documents and decisions are not in the pack.",
                names.join(", ")
            ));
        }
        lines
    }

    fn index(&self, files: &[File]) -> Result<Value, Error> {
        let Moment { as_of, known_at, .. } = self.wanted.moment;
        let items = self.open_on(known_at, as_of);
        let owed = exposures(&items, as_of)?;
        let owed = owed.iter().map(|one| {
            let amount = |minor| render_minor(minor, one.currency);
            json!({
                "currency": one.currency, "outstanding": amount(one.outstanding_minor),
                "not_due": amount(one.not_due_minor), "overdue_1_30": amount(one.overdue_1_30_minor),
                "overdue_31_60": amount(one.overdue_31_60_minor), "overdue_61_90": amount(one.overdue_61_90_minor),
                "overdue_over_90": amount(one.overdue_over_90_minor), "disputed": amount(one.disputed_minor),
                "credits": amount(one.credits_minor), "unallocated": amount(one.unallocated_minor),
                "oldest_due": one.oldest_original_due, "invoices": one.invoice_count,
            })
        });
        let mut covered = Vec::new();
        for policy in self.policies.iter().filter(|policy| policy.contains(as_of)) {
            let cover = self.cover(policy, &items, known_at, as_of)?;
            let amount = |minor| render_minor(minor, policy.currency);
            covered.push(json!({
                "connection": policy.connection, "policy": policy.number, "currency": policy.currency,
                "limit": amount(cover.today.cap_minor), "limit_reason": cover.today.reason,
                "outstanding": amount(cover.outstanding_minor), "covered": amount(cover.covered_minor),
                "uninsured": amount(cover.uninsured_minor), "indemnity": amount(cover.indemnity_minor),
                "basis": cover.basis, "without_tax_figure": cover.lacks_tax,
            }));
        }
        let mut insurers: BTreeMap<(&str, &str, &str), &str> = BTreeMap::new();
        for row in &self.limits {
            let key = (row.connection.as_str(), row.policy.as_str(), row.insurer_buyer_id.as_str());
            insurers.insert(key, &row.payload.buyer_name);
        }
        let insurers = insurers.into_iter().map(|((connection, policy, id), name)| {
            json!({ "connection": connection, "policy": policy, "insurer_buyer_id": id, "name": name })
        });
        let files = files.iter().map(|file| {
            json!({
                "name": file.name, "what": file.what, "bytes": file.bytes.len(), "sha256": sha256_hex(&file.bytes),
            })
        });
        Ok(json!({
            "form": 1,
            "company": self.wanted.company,
            "buyer": self.wanted.buyer,
            "on": as_of,
            "known_at": shown(known_at),
            "insurers": insurers.collect::<Vec<_>>(),
            "exposure": owed.collect::<Vec<_>>(),
            "cover": covered,
            "files": files.collect::<Vec<_>>(),
            "read_so": self.read_so(),
        }))
    }

    fn index_text(&self, index: &Value) -> String {
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let list = |name: &str| index.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let (buyer, on, known_at) = (text(index, "buyer"), text(index, "on"), text(index, "known_at"));
        let mut told = format!(
            "Evidence on {buyer}, as of {on}\n\nCompany   {}\nKnown at  {known_at}\n",
            text(index, "company")
        );
        for one in list("insurers") {
            told.push_str(&format!(
                "Insured   by {} under policy {} as {}, \"{}\"\n",
                text(&one, "connection"),
                text(&one, "policy"),
                text(&one, "insurer_buyer_id"),
                text(&one, "name")
            ));
        }
        told.push('\n');
        for one in list("exposure") {
            told.push_str(&format!("Owed      {} {}\n", text(&one, "outstanding"), text(&one, "currency")));
        }
        for one in list("cover") {
            told.push_str(&format!(
                "Covered   {} {} under policy {}; the limit of that day is {}\n",
                text(&one, "covered"),
                text(&one, "currency"),
                text(&one, "policy"),
                text(&one, "limit")
            ));
        }
        told.push_str("\nFiles, each with its SHA-256\n");
        for one in list("files") {
            told.push_str(&format!(
                "{}  {}\n    {}\n",
                text(&one, "sha256"),
                text(&one, "name"),
                text(&one, "what")
            ));
        }
        told.push_str("\nHow it is to be read\n");
        for line in self.read_so() {
            told.push_str(&format!("- {line}\n"));
        }
        told.push_str(&format!(
            "\nIt is made again to the same bytes by: encours evidence {buyer} --on {on} --known-at {known_at}\n"
        ));
        told
    }
}
