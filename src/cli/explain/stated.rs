//! What an insurer states and does not decide: open requests, and amounts in a second currency.

use encours::model::{InOtherCurrency, LimitRequest};

use super::super::table::amount;

/// `2026-03-08  asked for 100 000.00 EUR, reference 4711: pending`.
pub(super) fn asked(request: &LimitRequest) -> String {
    let day = request.requested_on.map_or_else(|| "          ".to_owned(), |day| day.to_string());
    let what = request.requested_minor.map_or_else(
        || "asked, for an amount that is not stated".to_owned(),
        |minor| format!("asked for {} {}", amount(minor, request.currency), request.currency),
    );
    let mut text = format!("{day}  {what}, reference {}: {}", request.reference, request.status);
    if let Some(other) = &request.in_other_currency {
        text.push_str(&stated_twice(other));
    }
    text.push('\n');
    text
}

/// `; stated as 372 500.00 DKK too, of which 149 000.00 until 2026-06-30`: for people only, nothing counts in it.
pub(super) fn stated_twice(other: &InOtherCurrency) -> String {
    let money = |minor| amount(minor, other.currency);
    let mut told = Vec::new();
    if let Some(minor) = other.amount_minor {
        let mut text = format!("stated as {} {} too", money(minor), other.currency);
        for layer in &other.layers {
            if let Some(until) = layer.until {
                text.push_str(&format!(", of which {} until {until}", money(layer.amount_minor)));
            }
        }
        told.push(text);
    }
    if let Some(asked) =
        other.requested_minor.filter(|asked| Some(*asked) != other.amount_minor && *asked > 0)
    {
        told.push(format!("{} {} were asked for", money(asked), other.currency));
    }
    if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
}
