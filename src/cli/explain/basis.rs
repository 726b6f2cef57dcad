//! What is said of the basis of a policy: whether tax counts, and which invoices carry no tax figure.

use encours::model::Basis;

use super::super::exposure::lacking;
use super::{Insured, Line};

/// Above the lines of cover.
pub(super) fn above(insured: &Insured<'_>) -> String {
    match insured.cover.basis {
        Basis::Gross => String::new(),
        Basis::Net => format!(
            "The policy counts net of tax: the amounts below are without it{}.\n",
            lacking(i64::from(insured.cover.lacks_tax))
        ),
    }
}

/// Behind the reason of a line.
pub(super) const fn behind(line: &Line<'_>) -> &'static str {
    if line.lacks_tax { "; no tax figure, so it counts whole" } else { "" }
}

/// Behind an amount that is owed.
pub(super) const fn of_owed(insured: &Insured<'_>) -> &'static str {
    match insured.cover.basis {
        Basis::Gross => "",
        Basis::Net => " net of tax",
    }
}
