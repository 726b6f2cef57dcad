//! What is covered, invoice by invoice, and what all of it comes to.

use encours::credit::{CapReason, Line, Part, Reason};
use encours::ledger::ItemView;
use encours::model::{Exclusion, Policy};

use super::super::language::Language;
use super::super::table::{Column, Table};
use super::{Insured, basis, phrases};

/// Each open invoice with the limit that it is held against, and the sums.
pub(super) fn covered(say: Language, insured: &Insured<'_>, items: &[ItemView]) -> String {
    let (policy, cover) = (insured.policy, &insured.cover);
    if cover.lines.is_empty() {
        let cap = say.money(cover.today.cap_minor, policy.currency);
        return say.of(
            format!("No invoice is open. A new one would be held against {cap}.\n"),
            format!("Aucune facture n'est ouverte. Une nouvelle serait imputée sur {cap}.\n"),
        );
    }
    let mut text = say
        .of(
            "Each invoice is held against the limit of its own date, less what older invoices use of it.\n",
            "Chaque facture est imputée sur l'agrément de sa propre date, moins ce que des factures plus anciennes en utilisent.\n",
        )
        .to_owned();
    text.push_str(&basis::above(say, insured));
    let mut table = Table::new(&[
        Column::Word(say.of("number", "numéro")),
        Column::Word("date"),
        Column::Figure(say.of("open", "reste dû")),
        Column::Figure(say.of("limit then", "agrément alors")),
        Column::Figure(say.of("used before", "déjà utilisé")),
        Column::Figure(say.of("covered", "garanti")),
        Column::Figure(say.of("not covered", "non garanti")),
        Column::Text(say.of("why", "pourquoi")),
    ])
    .indented(2);
    for line in &cover.lines {
        let money = |minor| say.amount(minor, line.currency);
        let mut why = why(say, line, insured);
        if line.credited_minor > 0 && line.reason != Reason::SettledByCredits {
            let credited = money(line.credited_minor);
            why = say.of(
                format!("{credited} settled by open credits; {why}"),
                format!("{credited} soldés par des crédits ouverts ; {why}"),
            );
        }
        why.push_str(basis::behind(say, line));
        // An instalment has the number of its invoice: its due date tells it apart.
        let twins = items.iter().filter(|item| item.open_minor > 0 && item.number == line.number).count();
        let number = if twins > 1 {
            let (number, due) = (line.number, say.date(line.original_due));
            say.of(format!("{number} due {due}"), format!("{number} échéance {due}"))
        } else {
            line.number.to_owned()
        };
        table.row([
            number,
            say.date(line.issued),
            format!(
                "{}{}",
                money(line.open_minor),
                if line.currency == policy.currency { String::new() } else { format!(" {}", line.currency) }
            ),
            line.limit.map_or_else(|| "–".to_owned(), |limit| money(limit.cap_minor)),
            line.limit
                .map_or_else(|| "–".to_owned(), |_| say.amount(line.used_before_minor, policy.currency)),
            money(line.covered_minor),
            money(line.uncovered_minor),
            why,
        ]);
    }
    text.push_str(&format!("\n{table}\n"));
    text.push_str(&result(say, insured));
    if cover.credit_balance_minor > 0 {
        let balance = say.money(cover.credit_balance_minor, policy.currency);
        text.push_str(&say.of(
            format!("{balance} of open credits settle no invoice: we owe them to the buyer.\n"),
            format!(
                "{balance} de crédits ouverts ne soldent aucune facture : nous les devons à l'acheteur.\n"
            ),
        ));
    }
    text
}

/// What all lines come to: covered, uninsured, what the insurer would pay, what is left of the limit.
fn result(say: Language, insured: &Insured<'_>) -> String {
    let (policy, cover) = (insured.policy, &insured.cover);
    let (currency, money) = (policy.currency, |minor| say.money(minor, policy.currency));
    let mut text = String::new();
    if cover.outstanding_minor <= 0 {
        text.push_str(&say.of(
            format!("Nothing is owed in {currency}, so there is nothing to cover.\n"),
            format!("Rien n'est dû en {currency}, il n'y a donc rien à garantir.\n"),
        ));
    } else {
        let (covered, owed) = (money(cover.covered_minor), money(cover.outstanding_minor));
        let net = basis::of_owed(say, insured);
        text.push_str(&say.of(
            format!("Covered: {covered} of the {owed}{net} owed in {currency}."),
            format!("Garanti : {covered} sur les {owed}{net} dus en {currency}."),
        ));
        let uninsured = money(cover.uninsured_minor);
        let (beyond, not) = (money(cover.beyond_limit_minor), money(cover.ineligible_minor));
        text.push_str(&match (cover.beyond_limit_minor, cover.ineligible_minor) {
            (0, 0) => String::new(),
            (_, 0) => say.of(
                format!(" Uninsured: {uninsured}, beyond the limit."),
                format!(" Non garanti : {uninsured}, au-delà de l'agrément."),
            ),
            (0, _) => say.of(
                format!(" Uninsured: {uninsured}, which the policy does not insure."),
                format!(" Non garanti : {uninsured}, que la police n'assure pas."),
            ),
            _ => say.of(
                format!(
                    " Uninsured: {uninsured}, of which {beyond} beyond the limit and {not} that the policy does not insure."
                ),
                format!(
                    " Non garanti : {uninsured}, dont {beyond} au-delà de l'agrément et {not} que la police n'assure pas."
                ),
            ),
        });
        text.push('\n');
        if cover.covered_minor > 0 {
            let indemnity = money(cover.indemnity_minor);
            let one = |period: &&Policy| {
                period.insured_percentage == policy.insured_percentage
                    && period.discretionary_percentage.is_none()
                    && period.layers.is_empty()
            };
            let share = if insured.terms.periods.iter().all(one) {
                let percent = phrases::percent(say, policy.insured_percentage);
                say.of(
                    format!("{percent} of what is covered"),
                    format!("quotité garantie : {percent} de ce qui est garanti"),
                )
            } else if insured.terms.periods.iter().any(|period| !period.layers.is_empty()) {
                let parts: Vec<Part> =
                    cover.lines.iter().flat_map(|line| insured.terms.parts(line)).collect();
                phrases::shares(say, &parts, policy.currency)
            } else {
                say.of(
                    "by the percentage of each invoice's period and kind of limit",
                    "selon la quotité garantie de l'exercice et du type d'agrément de chaque facture",
                )
                .to_owned()
            };
            text.push_str(&say.of(
                format!("If it does not pay, the insurer pays {indemnity} ({share}).\n"),
                format!("S'il ne paie pas, l'assureur verse {indemnity} ({share}).\n"),
            ));
        }
    }
    let free = (cover.today.cap_minor - cover.used_minor).max(0);
    let limit = if insured.is_another_day {
        say.of("the limit of that day", "l'agrément de ce jour-là")
    } else {
        say.of("today's limit", "l'agrément d'aujourd'hui")
    };
    text.push_str(&match (cover.today.cap_minor, free) {
        _ if insured.stops.in_force().is_some() => say
            .of(
                "A new invoice would not be covered: cover is stopped.\n",
                "Une nouvelle facture ne serait pas garantie : il y a arrêt de garantie.\n",
            )
            .to_owned(),
        (0, _) => say
            .of("A new invoice would not be covered.\n", "Une nouvelle facture ne serait pas garantie.\n")
            .to_owned(),
        (_, 0) => say.of(
            format!("A new invoice would find no room in {limit}.\n"),
            format!("Une nouvelle facture ne trouverait pas de place dans {limit}.\n"),
        ),
        (_, free) => {
            let free = money(free);
            say.of(
                format!("A new invoice would find room for {free} in {limit}.\n"),
                format!("Une nouvelle facture trouverait {free} de place dans {limit}.\n"),
            )
        }
    });
    text
}

/// Why a line is covered as far as it is.
pub(super) fn why(say: Language, line: &Line<'_>, insured: &Insured<'_>) -> String {
    let policy = insured.terms.period_of(line.issued).unwrap_or(insured.policy);
    let told = match line.reason {
        Reason::CurrencyNotCovered => {
            let (counts, currency) = (policy.currency, line.currency);
            return say.of(
                format!("the policy covers {counts}, the invoice is in {currency}"),
                format!("la police garantit en {counts}, la facture est en {currency}"),
            );
        }
        Reason::OutsidePeriod => {
            let from = say.date(policy.valid_from);
            let end = policy.valid_to.map_or_else(String::new, |day| {
                let day = say.date(day);
                say.of(format!(" to {day}"), format!(" au {day}"))
            });
            return say.of(
                format!("not invoiced in a period of the policy (today's is from {from}{end})"),
                format!(
                    "facturée hors de tout exercice de la police (celui d'aujourd'hui va du {from}{end})"
                ),
            );
        }
        Reason::ExcludedBuyer => {
            let not = say.of("the policy does not insure it", "la police ne l'assure pas");
            return match policy.exclusion(insured.terms.buyer, insured.terms.country) {
                Some(Exclusion::Buyer(kind)) => {
                    let kind = phrases::buyer_kind(say, kind);
                    say.of(format!("{not}: {kind}"), format!("{not} : {kind}"))
                }
                Some(Exclusion::Country) | None => not.to_owned(),
            };
        }
        Reason::ExcludedCountry => {
            let country = insured.terms.country;
            return say.of(
                format!("the policy does not insure buyers in {country}"),
                format!("la police n'assure pas les acheteurs du pays {country}"),
            );
        }
        Reason::TermsTooLong => {
            let terms = line.original_due.signed_duration_since(line.issued).num_days();
            let most = policy.maximum_terms_days.map_or_else(String::new, |most| {
                say.of(
                    format!(", the policy insures at most {most}"),
                    format!(", la police en assure {most} au plus"),
                )
            });
            return say.of(format!("{terms} days of credit{most}"), format!("{terms} jours de crédit{most}"));
        }
        Reason::AfterCoverStop => {
            return insured
                .stops
                .at(line.issued)
                .map_or_else(String::new, |stop| phrases::stop_reason(say, stop));
        }
        Reason::Disputed => say.of("the buyer contests it", "l'acheteur la conteste"),
        Reason::SettledByCredits => say.of("open credits settle it", "des crédits ouverts la soldent"),
        Reason::Covered => match line.limit.map(|limit| limit.reason) {
            Some(CapReason::Discretionary) => {
                say.of("within the discretionary limit", "dans la zone non dénommée")
            }
            _ => say.of("within the limit", "dans l'agrément"),
        },
        Reason::LimitUsed if line.covered_minor > 0 => say.of(
            "older invoices leave only this much of the limit",
            "des factures plus anciennes ne laissent que cela de l'agrément",
        ),
        Reason::LimitUsed => say.of(
            "older invoices use up the limit of that day",
            "des factures plus anciennes épuisent l'agrément de ce jour-là",
        ),
        Reason::NoLimit => match line.limit.map(|limit| limit.reason) {
            Some(CapReason::Refused) => say.of("cover was refused", "la garantie était refusée"),
            Some(CapReason::Withdrawn) => say.of("cover had been withdrawn", "la garantie avait été retirée"),
            Some(CapReason::Cancelled) => {
                say.of("cover had been given up", "la garantie avait été abandonnée")
            }
            Some(CapReason::Expired) => say.of("cover had ended", "la garantie était arrivée à son terme"),
            Some(CapReason::Discretionary) => say.of(
                "never decided, and no discretionary limit",
                "jamais décidé, et pas de zone non dénommée",
            ),
            Some(CapReason::LayersNotCounted) => say.of(
                "the policy does not take the layers of that day as cover",
                "la police ne retient pas les couches de ce jour-là",
            ),
            Some(CapReason::Zero | CapReason::Granted | CapReason::Excluded) | None => {
                say.of("the limit was zero", "l'agrément était nul")
            }
        },
    };
    told.to_owned()
}
