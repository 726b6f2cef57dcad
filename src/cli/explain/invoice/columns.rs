//! Invoices in columns, for a file to the insurer: every value is one that the story of the invoice tells with its source.

use std::collections::{BTreeMap, BTreeSet};

use encours::credit::deadline::{DeadlineKind, last_day};
use encours::format::table::Cell;
use encours::ledger::{BuyerRow, ProofRow};
use encours::model::{Currency, Date, EffectKind, EffectState, Identifier, Policy, render_minor};

use super::super::super::{Books, Misconfigured};
use super::super::File;
use super::{Covered, Story};

/// One open invoice under the policy that it is claimed from.
pub(in super::super::super) struct InColumns {
    /// The insurer's connection.
    pub connection: String,
    /// Policy number.
    pub policy: String,
    /// The ERP.
    pub erp: String,
    /// The ERP's key.
    pub external_id: String,
    /// Its number.
    pub number: String,
    /// Its currency.
    pub currency: Currency,
    /// What is open, minor units.
    pub open_minor: i64,
    /// Its first due date.
    pub original_due: Date,
    /// Name and value, in the order of the file.
    pub columns: Vec<(&'static str, Cell)>,
}

/// Reads some invoices of a buyer, given as `<ERP>/<key>`, under the one policy that covers them, or the one that is named.
///
/// # Errors
/// No policy has them in a period of its own, or several do; what the ledger says.
pub(in super::super::super) async fn in_columns(
    books: &mut Books,
    buyer: BuyerRow,
    keys: &BTreeSet<String>,
    policy: Option<&str>,
    kind: DeadlineKind,
) -> anyhow::Result<Vec<InColumns>> {
    let company = books.company();
    let file = File::read(books, buyer).await?;
    let proofs = books.tx.deadline_proofs(&company).await?;
    let mut stories = Vec::new();
    for key in keys {
        stories.extend(super::read(books, &file, key).await?);
    }
    let items = file.open_items()?;
    let insured = periods(&file)
        .into_iter()
        .filter(|own| policy.is_none_or(|number| number == own.number))
        .map(|own| file.insured(own, &items))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut all = Vec::new();
    for story in &stories {
        for covered in story.covered(&file, &insured)? {
            all.push((story, covered));
        }
    }
    let policies = |covers: bool| -> BTreeSet<(String, String)> {
        let those = all.iter().filter(|(_, own)| own.period.is_some());
        let those = those.filter(|(_, own)| !covers || own.line.covered_minor > 0);
        those
            .map(|(_, own)| (own.insured.policy.connection.clone(), own.insured.policy.number.clone()))
            .collect()
    };
    let found = if policies(true).is_empty() { policies(false) } else { policies(true) };
    let found: Vec<_> = found.into_iter().collect();
    let (connection, number) = match found.as_slice() {
        [one] => one.clone(),
        [] => {
            let told = "no policy has these invoices in a period of its own; nothing was written";
            return Err(Misconfigured(told.to_owned()).into());
        }
        several => {
            let numbers: Vec<&str> = several.iter().map(|(_, number)| number.as_str()).collect();
            let told =
                format!("several policies cover them: {}; say which with --policy", numbers.join(", "));
            return Err(Misconfigured(told).into());
        }
    };
    all.retain(|(_, own)| own.insured.policy.connection == connection && own.insured.policy.number == number);
    Ok(all.iter().map(|(story, covered)| row(&file, story, covered, &proofs, kind)).collect())
}

/// One period of each policy: that of the day, else the last one that began, since a claim may outlive its policy.
fn periods(file: &File) -> Vec<&Policy> {
    let mut all: BTreeMap<(&str, &str), &Policy> = BTreeMap::new();
    for own in file.periods.iter().filter(|own| own.valid_from <= file.day) {
        let entry = all.entry((&own.connection, &own.number)).or_insert(own);
        if own.valid_from > entry.valid_from {
            *entry = own;
        }
    }
    all.into_values().collect()
}

/// When the insurer was told of an invoice, and how.
struct Notice {
    made_on: Option<Date>,
    how: String,
    reference: String,
    proof: String,
}

fn notice(story: &Story<'_>, covered: &Covered<'_>, proofs: &[ProofRow]) -> Notice {
    let (item, policy) = (story.item, covered.insured.policy);
    let proof = story
        .deadlines
        .iter()
        .find(|own| own.kind == DeadlineKind::OverdueNotice && own.policy.number == policy.number);
    let proof = proof.and_then(|own| own.proof.as_ref()).map(|proof| proof.payload_hash.clone());
    let by_hand = proofs.iter().find(|row| {
        row.kind == DeadlineKind::OverdueNotice.as_str()
            && (&row.connection, &row.policy) == (&policy.connection, &policy.number)
            && (&row.erp, &row.external_id) == (&item.connection, &item.external_id)
    });
    let sent = story.effects.iter().map(|(row, _)| row).find(|row| {
        row.kind == EffectKind::NotifyOverdue.as_str()
            && row.state == EffectState::Done.as_str()
            && row.connection == policy.connection
    });
    let proof = proof.unwrap_or_default();
    match (sent, by_hand) {
        (Some(row), _) => Notice {
            made_on: row.sent_on.or(row.settled_on),
            how: row.message.clone().unwrap_or_default(),
            reference: row.partner_reference.clone().unwrap_or_else(|| row.our_reference.clone()),
            proof,
        },
        (None, Some(row)) => {
            Notice { made_on: Some(row.done_on), how: row.how.clone(), reference: String::new(), proof }
        }
        (None, None) => {
            Notice { made_on: None, how: String::new(), reference: String::new(), proof: String::new() }
        }
    }
}

fn row(
    file: &File,
    story: &Story<'_>,
    covered: &Covered<'_>,
    proofs: &[ProofRow],
    kind: DeadlineKind,
) -> InColumns {
    let (item, line, policy) = (story.item, covered.line, covered.insured.policy);
    let text = |text: &str| if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) };
    let day = |day: Option<Date>| day.map_or(Cell::Empty, |day| Cell::Text(day.to_string()));
    let money = |minor| Cell::Number(render_minor(minor, line.currency));
    let identifiers: BTreeSet<String> = file
        .accounts
        .iter()
        .flat_map(|account| account.identifiers())
        .filter(Identifier::is_sound)
        .map(|id| format!("{} {}", id.scheme.as_str().to_uppercase(), id.value))
        .collect();
    let account = file
        .accounts
        .iter()
        .find(|own| (&own.connection, &own.external_id) == (&item.connection, &item.account));
    let known_as = covered.insured.statements.last().map(|row| row.insurer_buyer_id.as_str());
    let known_as = known_as.or_else(|| file.accounts.iter().find_map(|own| own.insurer_buyer_id.as_deref()));
    let received = story.allocations.iter().map(|row| {
        let amount = Currency::parse(&row.currency)
            .map_or_else(|| row.amount_minor.to_string(), |own| render_minor(row.amount_minor, own));
        format!("{amount} on {} ({})", row.allocated_on, row.from_number.as_ref().unwrap_or(&row.from_item))
    });
    let statement = covered.statement.map(|row| &row.payload.0);
    let notice = notice(story, covered, proofs);
    let period = covered.period.unwrap_or(policy);
    let each = covered.parts.iter().map(|part| part.percentage.normalize().to_string());
    let percentage = match covered.percentage() {
        Some(share) => Cell::Number(share.normalize().to_string()),
        None => text(&each.collect::<Vec<_>>().join("; ")),
    };
    let columns = vec![
        ("policy", text(&policy.number)),
        ("as_of", day(Some(file.day))),
        ("insurer_buyer_id", text(known_as.unwrap_or_default())),
        ("buyer_name", text(&file.buyer.name)),
        ("buyer_country", text(&file.buyer.country)),
        ("buyer_identifiers", text(&identifiers.into_iter().collect::<Vec<_>>().join(", "))),
        ("account", text(account.map_or(item.account.as_str(), |own| own.code.as_str()))),
        ("erp", text(&item.connection)),
        ("invoice", text(&item.number)),
        ("invoice_key", text(&item.external_id)),
        ("issued", day(Some(item.issued))),
        ("original_due", day(Some(item.original_due))),
        ("due", day(Some(item.due))),
        ("currency", text(line.currency.code())),
        ("total", money(item.total_minor)),
        ("received", money(item.total_minor - item.open_minor)),
        ("received_how", text(&received.collect::<Vec<_>>().join("; "))),
        ("open", money(item.open_minor)),
        ("open_credits", money(line.credited_minor)),
        ("limit_on_invoice_date", line.limit.map_or(Cell::Empty, |limit| money(limit.cap_minor))),
        ("limit_reference", text(statement.map_or("", |limit| limit.reference.as_str()))),
        ("limit_decided_on", day(statement.and_then(|limit| limit.decided_on))),
        ("covered", money(line.covered_minor)),
        ("reason", text(line.reason.as_str())),
        ("insured_percentage", percentage),
        ("indemnity", money(covered.indemnity_minor)),
        ("notice_made_on", day(notice.made_on)),
        ("notice_how", text(&notice.how)),
        ("notice_reference", text(&notice.reference)),
        ("notice_sha256", text(&notice.proof)),
        ("last_day", day(last_day(kind, item.original_due, period))),
    ];
    InColumns {
        connection: policy.connection.clone(),
        policy: policy.number.clone(),
        erp: item.connection.clone(),
        external_id: item.external_id.clone(),
        number: item.number.clone(),
        currency: line.currency,
        open_minor: item.open_minor,
        original_due: item.original_due,
        columns,
    }
}
