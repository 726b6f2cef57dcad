//! How the discretionary limit of a buyer was computed, line by line.

use encours::credit::discretionary::Ground;
use encours::credit::{CapReason, Computed};
use encours::model::{Block, Date, Money, render_minor};
use serde_json::{Value, json};

use super::super::table::plural;
use super::Insured;

/// What the limit of the day comes to, where a rule computes it and nothing was ever decided.
pub(super) fn computed(insured: &Insured<'_>, on: Date) -> anyhow::Result<Option<Computed>> {
    let is_own = insured.cover.today.reason == CapReason::Discretionary;
    if insured.policy.discretionary_rule.is_none() || !is_own {
        return Ok(None);
    }
    Ok(Some(insured.terms.discretionary(insured.policy, &insured.stops, on)?))
}

/// Each line with what it gives.
pub(super) fn told(insured: &Insured<'_>) -> String {
    let policy = insured.policy;
    let (Some(rule), Some(computed)) = (&policy.discretionary_rule, &insured.own) else {
        return String::new();
    };
    let money = |minor| Money::new(minor, policy.currency);
    let line = |ground: &Ground| match ground {
        Ground::Experience { payments, highest_minor, amount_minor } => format!(
            "{} paid in time within {}, {} of them owed at once: {} % of that give {}",
            plural(i64::from(*payments), "invoice", "invoices"),
            plural(i64::from(rule.experience_months), "month", "months"),
            money(*highest_minor),
            rule.share_percent.normalize(),
            money(*amount_minor)
        ),
        Ground::FewPayments { payments, needed } => format!(
            "{} paid in time within {}: experience takes {needed}",
            plural(i64::from(*payments), "invoice", "invoices"),
            plural(i64::from(rule.experience_months), "month", "months")
        ),
        Ground::WithoutExperience { amount_minor } => {
            format!("without experience the policy gives {}", money(*amount_minor))
        }
        Ground::Report { rating, amount_minor } => format!("rated {rating}: {}", money(*amount_minor)),
        Ground::RatingNotNamed { rating } => format!("rated {rating}, which the policy gives nothing for"),
        Ground::Blocked { block, number, since, ended, counts_from } => {
            let what = match block {
                Block::Overdue => format!("{number} was not paid in the days allowed, on {since}"),
                Block::CoverStop => format!("{number} stopped cover on {since}"),
            };
            match (ended, counts_from) {
                (Some(ended), Some(from)) => {
                    format!("{what}; that ended on {ended}, and the limit counts again from {from} on")
                }
                _ => format!("{what}, and that goes on: nothing counts"),
            }
        }
    };
    let mut text = format!("  at most {}\n", money(rule.amount_minor));
    for ground in &computed.grounds {
        text.push_str(&format!("  {}\n", line(ground)));
    }
    text
}

/// The same for programs.
pub(super) fn value(insured: &Insured<'_>) -> Value {
    let policy = insured.policy;
    let (Some(rule), Some(computed)) = (&policy.discretionary_rule, &insured.own) else {
        return Value::Null;
    };
    let amount = |minor| render_minor(minor, policy.currency);
    let grounds = computed.grounds.iter().map(|ground| match ground {
        Ground::Experience { payments, highest_minor, amount_minor } => json!({
            "ground": "experience", "payments": payments, "highest": amount(*highest_minor), "amount": amount(*amount_minor),
        }),
        Ground::FewPayments { payments, needed } => {
            json!({ "ground": "few_payments", "payments": payments, "needed": needed })
        }
        Ground::WithoutExperience { amount_minor } => {
            json!({ "ground": "without_experience", "amount": amount(*amount_minor) })
        }
        Ground::Report { rating, amount_minor } => {
            json!({ "ground": "report", "rating": rating, "amount": amount(*amount_minor) })
        }
        Ground::RatingNotNamed { rating } => json!({ "ground": "rating_not_named", "rating": rating }),
        Ground::Blocked { block, number, since, ended, counts_from } => json!({
            "ground": "blocked", "block": block, "number": number, "since": since, "ended": ended, "counts_from": counts_from,
        }),
    });
    json!({
        "most": amount(rule.amount_minor), "amount": amount(computed.amount_minor), "grounds": grounds.collect::<Vec<_>>(),
    })
}
