//! How the discretionary limit of a buyer was computed, line by line.

use encours::credit::discretionary::Ground;
use encours::credit::{CapReason, Computed};
use encours::model::{Block, Date, DiscretionaryRule, render_minor};
use serde_json::{Value, json};

use super::super::language::Language;
use super::{Insured, phrases};

/// What the limit of the day comes to, where a rule computes it and nothing was ever decided.
pub(super) fn computed(insured: &Insured<'_>, on: Date) -> anyhow::Result<Option<Computed>> {
    let is_own = insured.cover.today.reason == CapReason::Discretionary;
    if insured.policy.discretionary_rule.is_none() || !is_own {
        return Ok(None);
    }
    Ok(Some(insured.terms.discretionary(insured.policy, &insured.stops, on)?))
}

/// Each line with what it gives.
pub(super) fn told(say: Language, insured: &Insured<'_>) -> String {
    let policy = insured.policy;
    let (Some(rule), Some(computed)) = (&policy.discretionary_rule, &insured.own) else {
        return String::new();
    };
    let money = |minor| say.money(minor, policy.currency);
    let most = money(rule.amount_minor);
    let mut text = say.of(format!("  at most {most}\n"), format!("  au plus {most}\n"));
    for ground in &computed.grounds {
        text.push_str(&format!("  {}\n", line(say, ground, rule, &money)));
    }
    text
}

fn line(say: Language, ground: &Ground, rule: &DiscretionaryRule, money: &dyn Fn(i64) -> String) -> String {
    let paid = |payments: u32| {
        let invoices = say.plural(i64::from(payments), ["invoice", "invoices"], ["facture", "factures"]);
        let months = say.plural(i64::from(rule.experience_months), ["month", "months"], ["mois", "mois"]);
        say.of(
            format!("{invoices} paid in time within {months}"),
            format!("{invoices} payées à temps en {months}"),
        )
    };
    match ground {
        Ground::Experience { payments, highest_minor, amount_minor } => {
            let (paid, highest, gives) = (paid(*payments), money(*highest_minor), money(*amount_minor));
            let percent = phrases::percent(say, rule.share_percent);
            say.of(
                format!("{paid}, {highest} of them owed at once: {percent} of that give {gives}"),
                format!("{paid}, dont {highest} dus à la fois : {percent} de cela donnent {gives}"),
            )
        }
        Ground::FewPayments { payments, needed } => {
            let paid = paid(*payments);
            say.of(
                format!("{paid}: experience takes {needed}"),
                format!("{paid} : l'expérience de paiement en demande {needed}"),
            )
        }
        Ground::WithoutExperience { amount_minor } => {
            let gives = money(*amount_minor);
            say.of(
                format!("without experience the policy gives {gives}"),
                format!("sans expérience de paiement la police donne {gives}"),
            )
        }
        Ground::Report { rating, amount_minor } => {
            let gives = money(*amount_minor);
            say.of(format!("rated {rating}: {gives}"), format!("noté {rating} : {gives}"))
        }
        Ground::RatingNotNamed { rating } => say.of(
            format!("rated {rating}, which the policy gives nothing for"),
            format!("noté {rating}, pour quoi la police ne donne rien"),
        ),
        Ground::Blocked { block, number, since, ended, counts_from } => {
            let since = say.date(*since);
            let what = match block {
                Block::Overdue => say.of(
                    format!("{number} was not paid in the days allowed, on {since}"),
                    format!("{number} n'était pas payée dans les jours permis, le {since}"),
                ),
                Block::CoverStop => say.of(
                    format!("{number} stopped cover on {since}"),
                    format!("{number} a arrêté la garantie le {since}"),
                ),
            };
            match (ended, counts_from) {
                (Some(ended), Some(from)) => {
                    let (ended, from) = (say.date(*ended), say.date(*from));
                    say.of(
                        format!("{what}; that ended on {ended}, and the limit counts again from {from} on"),
                        format!("{what} ; cela a pris fin le {ended}, et la zone compte de nouveau à partir du {from}"),
                    )
                }
                _ => say.of(
                    format!("{what}, and that goes on: nothing counts"),
                    format!("{what}, et cela dure : rien ne compte"),
                ),
            }
        }
    }
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
