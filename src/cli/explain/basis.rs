//! What is said of the basis of a policy: whether tax counts, and which invoices carry no tax figure.

use encours::credit::Line;
use encours::model::Basis;

use super::super::language::Language;
use super::Insured;

/// Above the lines of cover.
pub(super) fn above(say: Language, insured: &Insured<'_>) -> String {
    let lacking = match (insured.cover.basis, insured.cover.lacks_tax) {
        (Basis::Gross, _) => return String::new(),
        (Basis::Net, 0) => String::new(),
        (Basis::Net, 1) => say
            .of(
                ", in which 1 invoice without a tax figure counts whole",
                ", où 1 facture sans montant de taxe compte entière",
            )
            .to_owned(),
        (Basis::Net, count) => say.of(
            format!(", in which {count} invoices without a tax figure count whole"),
            format!(", où {count} factures sans montant de taxe comptent entières"),
        ),
    };
    say.of(
        format!("The policy counts net of tax: the amounts below are without it{lacking}.\n"),
        format!("La police compte hors taxes : les montants ci-dessous sont sans elles{lacking}.\n"),
    )
}

/// Behind the reason of a line.
pub(super) fn behind(say: Language, line: &Line<'_>) -> &'static str {
    match line.lacks_tax {
        true => say.of("; no tax figure, so it counts whole", " ; sans montant de taxe, elle compte entière"),
        false => "",
    }
}

/// Behind an amount that is owed.
pub(super) fn of_owed(say: Language, insured: &Insured<'_>) -> &'static str {
    match insured.cover.basis {
        Basis::Gross => "",
        Basis::Net => say.of(" net of tax", " hors taxes"),
    }
}
