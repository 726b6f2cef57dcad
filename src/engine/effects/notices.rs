//! Overdue notices: proposed for every covered invoice in time, and missed aloud.

use super::super::Error;
use super::super::deadlines::{self, Deadline};
use super::Plan;
use super::book::Book;
use crate::credit::deadline::{DeadlineKind, DeadlineState};
use crate::ledger::Tx;
use crate::model::{Action, Approval, Automation, Break, BreakKind, Effect, EffectKind, Money, render_minor};

pub(super) async fn plan(book: &Book<'_>, tx: &mut Tx<'_>, plan: &mut Plan) -> Result<(), Error> {
    let company = book.setup.company.id.as_str();
    let all = deadlines::deadlines(tx, company, &book.setup.policies, book.day).await?;
    plan.deltas.extend(deadlines::deltas(&all, book.day));
    for deadline in all.iter().filter(|deadline| deadline.kind == DeadlineKind::OverdueNotice) {
        match deadline.state {
            DeadlineState::DueSoon | DeadlineState::Missed => one(book, deadline, plan),
            DeadlineState::Upcoming | DeadlineState::Met | DeadlineState::Moot => {}
        }
    }
    Ok(())
}

fn one(book: &Book<'_>, deadline: &Deadline<'_>, plan: &mut Plan) {
    let Deadline { policy, invoice, last_day: owed_by, .. } = deadline;
    let (left, subject) = (deadline.days_left(book.day), deadline.subject());
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
