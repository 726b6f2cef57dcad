//! Overdue notices: proposed for every covered invoice in time, and missed aloud.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Error;
use super::Plan;
use super::book::Book;
use crate::ledger::{OverdueRow, Tx};
use crate::model::{
    Action, Approval, Automation, Break, BreakKind, Date, Effect, EffectKind, EffectState, Money, NoticeFrom,
    NoticeRule, Policy, render_minor,
};

/// The last day on which the notice of an invoice is in time.
#[must_use]
pub fn deadline(original_due: Date, policy: &Policy, rule: &NoticeRule) -> Date {
    let days = match rule.from {
        NoticeFrom::Due => rule.days,
        NoticeFrom::ExtensionEnd => rule.days.saturating_add(policy.mep_days.unwrap_or_default()),
    };
    original_due.checked_add_signed(chrono::TimeDelta::days(days)).unwrap_or(Date::MAX)
}

pub(super) async fn plan(book: &Book<'_>, tx: &mut Tx<'_>, plan: &mut Plan) -> Result<(), Error> {
    if book.policies.iter().all(|policy| policy.notices.is_none()) {
        return Ok(());
    }
    let company = book.setup.company.id.as_str();
    let done: BTreeSet<(String, String)> = tx
        .effects(company, &[EffectState::Done])
        .await?
        .into_iter()
        .filter(|row| row.kind == EffectKind::NotifyOverdue.as_str())
        .map(|row| (row.connection, row.subject))
        .collect();
    let covers = tx.covers(company, None).await?;
    let covered: BTreeMap<(&str, &str, &str), i64> = covers
        .iter()
        .map(|row| ((row.connection.as_str(), row.policy.as_str(), row.buyer_id.as_str()), row.covered_minor))
        .collect();
    let invoices = tx.overdue_invoices(company, book.day).await?;
    for policy in &book.policies {
        let Some(rule) = &policy.notices else { continue };
        for invoice in invoices.iter().filter(|invoice| invoice.currency == policy.currency.code()) {
            let key = (policy.connection.as_str(), policy.number.as_str(), invoice.buyer_id.as_str());
            let is_covered = covered.get(&key).is_some_and(|minor| *minor > 0);
            if !is_covered || invoice.open_minor < rule.threshold_minor.max(1) {
                continue;
            }
            let subject = format!("{}/{}", invoice.connection, invoice.external_id);
            if done.contains(&(policy.connection.clone(), subject.clone())) {
                continue;
            }
            one(book, policy, rule, invoice, subject, plan);
        }
    }
    Ok(())
}

fn one(
    book: &Book<'_>,
    policy: &Policy,
    rule: &NoticeRule,
    invoice: &OverdueRow,
    subject: String,
    plan: &mut Plan,
) {
    let owed_by = deadline(invoice.original_due, policy, rule);
    let left = owed_by.signed_duration_since(book.day).num_days();
    if left > rule.warning_days {
        return;
    }
    let amount = Money::new(invoice.open_minor, policy.currency);
    let (name, country) = book.name(&invoice.buyer_id);
    plan.breaks.push(Break {
        kind: if left < 0 { BreakKind::NoticeMissed } else { BreakKind::NoticeDue },
        subject: format!("{}/{subject}", policy.connection),
        name: format!("{name}, {}", invoice.number),
        country: country.to_owned(),
        connection: policy.connection.clone(),
        ours: format!("{amount} due on {}", invoice.original_due),
        theirs: format!("notice owed by {owed_by}"),
    });
    let approval = match policy.automation.notice {
        Automation::Never => return,
        Automation::Person => Approval::Person("the policy asks for a person".to_owned()),
        // A notice that is too late changes what the insurer owes: a person has to know.
        Automation::Automatic if left < 0 => Approval::Person("the deadline has passed".to_owned()),
        Automation::Automatic => Approval::Automatic,
    };
    let facts = [
        (
            "insurer_buyer_id",
            book.insurer_id(&invoice.buyer_id, &policy.connection).unwrap_or_default().to_owned(),
        ),
        ("policy", policy.number.clone()),
        ("kind", "overdue".to_owned()),
        ("number", invoice.number.clone()),
        ("amount", render_minor(invoice.open_minor, policy.currency)),
        ("total", render_minor(invoice.total_minor, policy.currency)),
        ("currency", policy.currency.code().to_owned()),
        ("issued", invoice.issued.to_string()),
        ("due", invoice.original_due.to_string()),
        ("buyer_name", name.to_owned()),
        ("buyer_country", country.to_owned()),
        ("account", invoice.account.clone()),
    ];
    plan.effects.push(Effect {
        kind: EffectKind::NotifyOverdue,
        action: Action::Notify,
        connection: policy.connection.clone(),
        policy: policy.number.clone(),
        buyer_id: invoice.buyer_id.clone(),
        name: name.to_owned(),
        country: country.to_owned(),
        subject,
        cause: invoice.original_due.to_string(),
        why: if left < 0 {
            format!(
                "{} was due on {}; its notice was owed by {owed_by} and is late.",
                invoice.number, invoice.original_due
            )
        } else {
            format!(
                "{} was due on {}; its notice is owed by {owed_by}.",
                invoice.number, invoice.original_due
            )
        },
        expected: "The insurer answers for the invoice, if the debt is not paid.".to_owned(),
        amount: Some(amount),
        before: None,
        fee: None,
        approval,
        facts: facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(n, v)| (n.to_owned(), v))
            .collect(),
        expires_on: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_d_a_notice_thirty_days_after_the_extension_period() {
        let rule =
            NoticeRule { from: NoticeFrom::ExtensionEnd, days: 30, threshold_minor: 0, warning_days: 15 };
        let day = |text: &str| text.parse::<Date>().unwrap();
        let plain = Policy::plain("insurer", "P1", crate::model::Currency::EUR, day("2026-01-01"), 90.into());
        let policy = Policy { mep_days: Some(60), ..plain };
        assert_eq!(deadline(day("2027-01-31"), &policy, &rule), day("2027-05-01"));
        assert_eq!(
            deadline(day("2027-01-31"), &policy, &NoticeRule { from: NoticeFrom::Due, ..rule }),
            day("2027-03-02")
        );
    }
}
