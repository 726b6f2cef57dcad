//! What is covered, invoice by invoice, and what all of it comes to.

use encours::credit::{CapReason, Line, Reason};
use encours::ledger::ItemView;
use encours::model::{Exclusion, Policy};

use super::super::table::{Column, Table, amount};
use super::super::{stops, words};
use super::Insured;

/// Each open invoice with the limit that it is held against, and the sums.
pub(super) fn covered(insured: &Insured<'_>, items: &[ItemView]) -> String {
    let (policy, cover) = (insured.policy, &insured.cover);
    let money = |minor| format!("{} {}", amount(minor, policy.currency), policy.currency);
    if cover.lines.is_empty() {
        return format!(
            "No invoice is open. A new one would be held against {}.\n",
            money(cover.today.cap_minor)
        );
    }
    let mut text =
        "Each invoice is held against the limit of its own date, less what older invoices use of it.\n"
            .to_owned();
    let mut table = Table::new(&[
        Column::Word("number"),
        Column::Word("date"),
        Column::Figure("open"),
        Column::Figure("limit then"),
        Column::Figure("used before"),
        Column::Figure("covered"),
        Column::Figure("not covered"),
        Column::Text("why"),
    ])
    .indented(2);
    for line in &cover.lines {
        let money = |minor| amount(minor, line.currency);
        let mut why = why(line, insured);
        if line.credited_minor > 0 && line.reason != Reason::SettledByCredits {
            why = format!("{} settled by open credits; {why}", money(line.credited_minor));
        }
        // An instalment has the number of its invoice: its due date tells it apart.
        let twins = items.iter().filter(|item| item.open_minor > 0 && item.number == line.number).count();
        let number = if twins > 1 {
            format!("{} due {}", line.number, line.original_due)
        } else {
            line.number.to_owned()
        };
        table.row([
            number,
            line.issued.to_string(),
            format!(
                "{}{}",
                money(line.open_minor),
                if line.currency == policy.currency { String::new() } else { format!(" {}", line.currency) }
            ),
            line.limit.map_or_else(|| "–".to_owned(), |limit| money(limit.cap_minor)),
            line.limit.map_or_else(|| "–".to_owned(), |_| amount(line.used_before_minor, policy.currency)),
            money(line.covered_minor),
            money(line.uncovered_minor),
            why,
        ]);
    }
    text.push_str(&format!("\n{table}\n"));
    text.push_str(&result(insured));
    if cover.credit_balance_minor > 0 {
        text.push_str(&format!(
            "{} of open credits settle no invoice: we owe them to the buyer.\n",
            money(cover.credit_balance_minor)
        ));
    }
    text
}

/// What all lines come to: covered, uninsured, what the insurer would pay, what is left of the limit.
fn result(insured: &Insured<'_>) -> String {
    let (policy, cover) = (insured.policy, &insured.cover);
    let money = |minor| format!("{} {}", amount(minor, policy.currency), policy.currency);
    let mut text = String::new();
    if cover.outstanding_minor <= 0 {
        text.push_str(&format!("Nothing is owed in {}, so there is nothing to cover.\n", policy.currency));
    } else {
        let owed = money(cover.outstanding_minor);
        text.push_str(&format!(
            "Covered: {} of the {owed} owed in {}.",
            money(cover.covered_minor),
            policy.currency
        ));
        let uninsured = money(cover.uninsured_minor);
        text.push_str(&match (cover.beyond_limit_minor, cover.ineligible_minor) {
            (0, 0) => String::new(),
            (_, 0) => format!(" Uninsured: {uninsured}, beyond the limit."),
            (0, _) => format!(" Uninsured: {uninsured}, which the policy does not insure."),
            (beyond, not) => format!(
                " Uninsured: {uninsured}, of which {} beyond the limit and {} that the policy does not insure.",
                money(beyond),
                money(not)
            ),
        });
        text.push('\n');
        if cover.covered_minor > 0 {
            let indemnity = money(cover.indemnity_minor);
            let one = |period: &&Policy| {
                period.insured_percentage == policy.insured_percentage
                    && period.discretionary_percentage.is_none()
            };
            let share = match insured.terms.periods.iter().all(one) {
                true => format!("{} % of what is covered", policy.insured_percentage.normalize()),
                false => "by the percentage of each invoice's period and kind of limit".to_owned(),
            };
            text.push_str(&format!("If it does not pay, the insurer pays {indemnity} ({share}).\n"));
        }
    }
    let free = (cover.today.cap_minor - cover.covered_minor).max(0);
    let limit = if insured.is_another_day { "the limit of that day" } else { "today's limit" };
    text.push_str(&match (cover.today.cap_minor, free) {
        _ if insured.stops.in_force().is_some() => {
            "A new invoice would not be covered: cover is stopped.\n".to_owned()
        }
        (0, _) => "A new invoice would not be covered.\n".to_owned(),
        (_, 0) => format!("A new invoice would find no room in {limit}.\n"),
        (_, free) => format!("A new invoice would find room for {} in {limit}.\n", money(free)),
    });
    text
}

/// Why a line is covered as far as it is.
pub(super) fn why(line: &Line<'_>, insured: &Insured<'_>) -> String {
    let policy = insured.terms.period_of(line.issued).unwrap_or(insured.policy);
    match line.reason {
        Reason::CurrencyNotCovered => {
            format!("the policy covers {}, the invoice is in {}", policy.currency, line.currency)
        }
        Reason::OutsidePeriod => {
            let end = policy.valid_to.map_or_else(String::new, |day| format!(" to {day}"));
            format!("not invoiced in a period of the policy (today's is from {}{end})", policy.valid_from)
        }
        Reason::ExcludedBuyer => match policy.exclusion(insured.terms.buyer, insured.terms.country) {
            Some(Exclusion::Buyer(kind)) => {
                format!("the policy does not insure it: {}", words::buyer_kind(kind))
            }
            Some(Exclusion::Country) | None => "the policy does not insure it".to_owned(),
        },
        Reason::ExcludedCountry => format!("the policy does not insure buyers in {}", insured.terms.country),
        Reason::TermsTooLong => {
            let terms = line.original_due.signed_duration_since(line.issued).num_days();
            let most = policy
                .maximum_terms_days
                .map_or_else(String::new, |days| format!(", the policy insures at most {days}"));
            format!("{terms} days of credit{most}")
        }
        Reason::Disputed => "the buyer contests it".to_owned(),
        Reason::AfterCoverStop => insured.stops.at(line.issued).map_or_else(String::new, stops::reason),
        Reason::SettledByCredits => "open credits settle it".to_owned(),
        Reason::Covered => match line.limit.map(|limit| limit.reason) {
            Some(CapReason::Discretionary) => "within the discretionary limit".to_owned(),
            _ => "within the limit".to_owned(),
        },
        Reason::LimitUsed if line.covered_minor > 0 => {
            "older invoices leave only this much of the limit".to_owned()
        }
        Reason::LimitUsed => "older invoices use up the limit of that day".to_owned(),
        Reason::NoLimit => match line.limit.map(|limit| limit.reason) {
            Some(CapReason::Refused) => "cover was refused".to_owned(),
            Some(CapReason::Withdrawn) => "cover had been withdrawn".to_owned(),
            Some(CapReason::Cancelled) => "cover had been given up".to_owned(),
            Some(CapReason::Expired) => "cover had ended".to_owned(),
            Some(CapReason::Discretionary) => "never decided, and no discretionary limit".to_owned(),
            Some(CapReason::Zero | CapReason::Granted | CapReason::Excluded) | None => {
                "the limit was zero".to_owned()
            }
        },
    }
}
