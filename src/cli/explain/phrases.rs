//! The words of the ledger in the language of a story: kinds, decisions, differences, what was stored as a sentence.
//!
//! Every list is matched whole, so a new word does not compile until it is said in both languages.

use std::collections::BTreeMap;

use encours::credit::deadline::DeadlineKind;
use encours::credit::{Part, Stop};
use encours::ledger::{Begins, DeltaRow, LinkRow};
use encours::model::{
    Action, BreakKind, BuyerKind, Currency, Date, Decision, EffectState, Event, ItemKind, LayerKind, Limit,
    LinkReason, NumberStyle, RequestStatus, Scheme, StopLifts, parse_minor,
};
use rust_decimal::Decimal;
use serde_json::Value;

use super::super::language::Language;
use super::super::time::{Asked, BEGIN_MAX, Unkept, shown};
use super::super::{buyers, limits, stops, words};

/// `90 %`, `97,5 %`.
pub(super) fn percent(say: Language, share: Decimal) -> String {
    let text = format!("{} %", share.normalize());
    say.of(text.clone(), text.replace('.', ","))
}

/// How much of what is covered is paid at each percentage, by layer.
pub(super) fn shares(say: Language, parts: &[Part], currency: Currency) -> String {
    let mut sums: BTreeMap<(Option<LayerKind>, Decimal), i64> = BTreeMap::new();
    for part in parts.iter().filter(|part| part.covered_minor > 0) {
        let sum = sums.entry((part.layer, part.percentage.normalize())).or_default();
        *sum = sum.saturating_add(part.covered_minor);
    }
    let share = |((layer, share), minor): (&(Option<LayerKind>, Decimal), &i64)| {
        let (percent, amount) = (percent(say, *share), say.money(*minor, currency));
        let of = layer.map_or("", |layer| match layer {
            LayerKind::Permanent => say.of(" in permanent layers", " en agrément permanent"),
            LayerKind::Temporary => say.of(" in temporary layers", " en agrément temporaire"),
            LayerKind::TopUp => say.of(" in top-ups", " en complément"),
        });
        say.of(format!("{percent} of {amount}{of}"), format!("{percent} de {amount}{of}"))
    };
    sums.iter().map(share).collect::<Vec<_>>().join(say.of(", ", " ; "))
}

/// A kind of document.
pub(super) fn item_kind(say: Language, kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Invoice => say.of("invoice", "facture"),
        ItemKind::CreditNote => say.of("credit note", "avoir"),
        ItemKind::Receipt => say.of("receipt", "encaissement"),
    }
}

/// A kind of number, as people write it before the number.
pub(super) fn scheme(say: Language, scheme: Scheme) -> String {
    let english = scheme.as_str().to_uppercase();
    let french = match scheme {
        Scheme::Vat => "TVA".to_owned(),
        Scheme::Registration => "immatriculation".to_owned(),
        Scheme::Siren | Scheme::Siret | Scheme::Lei | Scheme::Duns => english.clone(),
    };
    say.of(english, french)
}

/// Why an account or an insurer's buyer is this buyer.
pub(super) fn link(say: Language, link: &LinkRow) -> String {
    let day = say.date(link.recorded_at.date_naive());
    let french = match LinkReason::parse(&link.reason) {
        Some(LinkReason::Person) => {
            format!("selon {}, le {day} : « {} »", link.decided_by, link.detail)
        }
        Some(LinkReason::InsurerId) => "par l'identifiant que l'assureur lui donne".to_owned(),
        Some(LinkReason::Siren) | None => format!("par son {}", link.detail),
        Some(LinkReason::Siret) => "par le SIREN contenu dans son SIRET".to_owned(),
        Some(LinkReason::Vat) => "par son numéro de TVA".to_owned(),
        Some(LinkReason::Lei) => "par son LEI".to_owned(),
        Some(LinkReason::Registration) => "par son immatriculation".to_owned(),
    };
    say.of(buyers::links::why(link), french)
}

/// A decision of an insurer, in the middle of a sentence.
pub(super) fn decision(say: Language, decision: Decision) -> &'static str {
    let french = match decision {
        Decision::Approved => "accordé",
        Decision::Partial => "accordé en partie",
        Decision::Refused => "refusé",
        Decision::Kept => "augmentation refusée, garantie maintenue",
        Decision::Reduced => "réduit",
        Decision::NoticeOfWithdrawal => "retrait annoncé",
        Decision::Withdrawn => "retiré",
        Decision::Cancelled => "abandonné par nous",
        Decision::Expired => "arrivé à son terme",
        Decision::Pending => "à l'étude",
        Decision::Unknown => "code inconnu",
    };
    say.of(words::decision(decision), french)
}

pub(super) fn request_status(say: Language, status: RequestStatus) -> &'static str {
    let french = match status {
        RequestStatus::Pending => "en cours",
        RequestStatus::Decided => "décidée",
        RequestStatus::Cancelled => "annulée",
        RequestStatus::Unknown => "état inconnu",
    };
    say.of(status.as_str(), french)
}

pub(super) fn buyer_kind(say: Language, kind: BuyerKind) -> &'static str {
    let french = match kind {
        BuyerKind::Public => "un acheteur public",
        BuyerKind::PrivatePerson => "un particulier",
        BuyerKind::Affiliate => "une société du même groupe",
    };
    say.of(words::buyer_kind(kind), french)
}

/// When the cover of a limit ends.
pub(super) fn end(say: Language, limit: &Limit) -> String {
    let layers = limit.layers.iter().filter_map(|layer| {
        let until = say.date(layer.until?);
        Some(format!("{} jusqu'au {until}", say.amount(layer.amount_minor, limit.currency)))
    });
    let last = limit.effective_to.filter(|_| limit.withdrawal_on.is_none());
    let last = last.map(|day| format!("jusqu'au {}", say.date(day)));
    let withdrawn = limit.withdrawal_on.map(|day| format!("retiré le {}", say.date(day)));
    let french = layers.chain(last).chain(withdrawn).collect::<Vec<_>>().join(" ; ");
    say.of(limits::end(limit), french)
}

/// A stop in force.
pub(super) fn stop_told(say: Language, stop: &Stop) -> String {
    let end = match stop.lifts {
        StopLifts::Payment => "jusqu'à ce que plus rien n'ait dépassé le délai maximum de prorogation",
        StopLifts::Stays => "jusqu'à ce que l'assureur le lève",
    };
    let french = format!(
        "Arrêt de garantie depuis le {}, parce que {} n'a pas été payée dans le délai maximum de prorogation : ce qui est \
         facturé à partir de ce jour n'est pas garanti, {end}.\n",
        say.date(stop.since),
        stop.cause_number
    );
    say.of(stops::told(stop), french)
}

/// Why an invoice within a stop is not covered.
pub(super) fn stop_reason(say: Language, stop: &Stop) -> String {
    let since = say.date(stop.since);
    let french = format!("arrêt de garantie depuis le {since} : {} n'était pas payée", stop.cause_number);
    say.of(stops::reason(stop), french)
}

/// What a kind of difference means.
pub(super) fn break_meaning(say: Language, kind: BreakKind) -> &'static str {
    let french = match kind {
        BreakKind::LimitDiffers => "l'ERP et l'assureur portent des limites différentes",
        BreakKind::LimitMissingInErp => "l'assureur garantit l'acheteur, l'ERP ne porte aucune limite",
        BreakKind::LimitUnknownToInsurer => "l'ERP porte une limite qu'aucun assureur n'a décidée",
        BreakKind::CurrencyDiffers => "l'ERP et l'assureur portent des limites en devises différentes",
        BreakKind::OverLimit => "l'acheteur doit plus que ce qui est garanti",
        BreakKind::NoCover => "l'acheteur doit et rien n'est garanti",
        BreakKind::CoverStopped => {
            "arrêt de garantie par une facture impayée : les nouvelles livraisons ne sont pas garanties"
        }
        BreakKind::CoverExpiring => "une partie de la garantie prend bientôt fin",
        BreakKind::BuyerUnmatched => "l'assureur connaît un acheteur auquel aucun compte client ne répond",
        BreakKind::BuyerAmbiguous => "l'assureur connaît un acheteur auquel plusieurs acheteurs répondent",
        BreakKind::SameBuyerTwoAccounts => "un acheteur a deux comptes (pour information)",
        BreakKind::TwoInsurerIds => {
            "un assureur garantit un acheteur sous deux identifiants ; l'agrément le plus élevé compte"
        }
        BreakKind::UnknownCode => "un partenaire emploie un code que la correspondance ne connaît pas",
        BreakKind::LimitChangedInErp => "quelqu'un a changé dans l'ERP la limite qu'Encours y avait écrite",
        BreakKind::LimitNotEnforced => "rien n'est garanti et l'ERP n'arrête pas les livraisons",
        BreakKind::RequestUnknownToInsurer => "l'assureur ne cite pas une de nos demandes",
        BreakKind::RequestUnanswered => "l'assureur n'a pas répondu depuis longtemps à une demande",
        BreakKind::NoticeDue => "une facture échue est bientôt à déclarer impayée",
        BreakKind::NoticeMissed => "une facture échue n'a pas été déclarée impayée à temps",
        BreakKind::NeverDeclared => {
            "l'acheteur doit ou a été facturé et aucune déclaration ne peut le nommer"
        }
        BreakKind::DeclaredDiffers => "Encours connaît un autre chiffre que celui qui a été déclaré",
        BreakKind::MissingAtFactor => "cédée et ouverte, absente du relevé du factor",
        BreakKind::UnknownToLedger => "au relevé du factor, jamais cédée",
        BreakKind::AmountDiffers => "le factor porte un autre montant que celui qui a été cédé",
        BreakKind::Rejected => "le factor ne l'a pas prise",
        BreakKind::PaidNotReleased => "payée ici, le factor attend toujours l'acheteur",
        BreakKind::HoldbackDiffers => "le factor retient une autre garantie que celle du contrat",
        BreakKind::Definanced => "le factor a repris son financement",
    };
    say.of(words::break_meaning(kind), french)
}

/// What a person should do next about a difference.
pub(super) fn next_step(say: Language, kind: BreakKind) -> &'static str {
    let french = match kind {
        BreakKind::LimitDiffers => {
            "charger le montant de l'assureur dans l'ERP, ou demander à l'assureur celui de l'ERP"
        }
        BreakKind::LimitMissingInErp => "charger le montant de l'assureur dans l'ERP",
        BreakKind::LimitUnknownToInsurer => {
            "demander un agrément à l'assureur, ou retirer la limite de l'ERP"
        }
        BreakKind::CurrencyDiffers => "porter dans l'ERP la limite dans la devise de la police",
        BreakKind::OverLimit => "demander une augmentation, recouvrer, ou arrêter les livraisons",
        BreakKind::NoCover => "demander un agrément avant la prochaine livraison",
        BreakKind::CoverStopped => {
            "arrêter les livraisons et recouvrer ; quand l'assureur l'a levé, le dire par `encours stops lift`"
        }
        BreakKind::CoverExpiring => {
            "demander un renouvellement avant la date, ou prévoir l'agrément plus faible"
        }
        BreakKind::BuyerUnmatched => {
            "ajouter le numéro d'immatriculation ou l'identifiant de l'assureur au client dans l'ERP, ou décider par \
             `encours buyers match`"
        }
        BreakKind::BuyerAmbiguous => {
            "corriger les numéros d'immatriculation pour qu'un seul acheteur reste, ou décider par `encours buyers match`"
        }
        BreakKind::SameBuyerTwoAccounts => "rien : les comptes partagent une garantie",
        BreakKind::TwoInsurerIds => {
            "demander à l'assureur de réunir ses deux identifiants, ou corriger le lien (`encours buyers links`)"
        }
        BreakKind::UnknownCode => "ajouter le code à la table [codes] de la correspondance",
        BreakKind::LimitChangedInErp => {
            "demander qui l'a changée ; approuver l'écriture pour la remplacer, ou demander à l'assureur le montant de l'ERP"
        }
        BreakKind::LimitNotEnforced => "arrêter les livraisons à la main : l'ERP ne le fera pas",
        BreakKind::RequestUnknownToInsurer => {
            "la réclamer à l'assureur par notre référence, puis dire ce qu'il en est par `encours requests settle`"
        }
        BreakKind::RequestUnanswered => {
            "appeler l'assureur, ou reprendre la demande par `encours requests withdraw`"
        }
        BreakKind::NoticeDue => {
            "approuver la déclaration d'impayé, ou l'envoyer à la main et le dire par `encours requests settle`"
        }
        BreakKind::NoticeMissed => "déclarer aussitôt et dire à l'assureur pourquoi c'est tardif",
        BreakKind::NeverDeclared => {
            "donner à l'acheteur l'identifiant de l'assureur dans l'ERP ou par `encours buyers link`, ou le déclarer à la main"
        }
        BreakKind::MissingAtFactor => "demander au factor s'il a la remise, avec son numéro et son empreinte",
        BreakKind::UnknownToLedger => "demander au factor d'où vient la pièce : Encours ne l'a jamais cédée",
        BreakKind::AmountDiffers => {
            "comparer la pièce avec celle du factor ; un avoir manque peut-être d'un côté"
        }
        BreakKind::Rejected => {
            "corriger ce que le factor indique, ou encaisser soi-même : elle n'est pas financée"
        }
        BreakKind::PaidNotReleased => {
            "reverser le règlement direct et le déclarer au factor, ou demander pourquoi son encaissement n'y figure pas"
        }
        BreakKind::HoldbackDiffers => "comparer le taux du contrat avec le relevé du factor",
        BreakKind::Definanced => "encaisser soi-même, et prévoir le financement repris",
        BreakKind::DeclaredDiffers => {
            "dire à l'assureur ce qui a changé depuis, et garder son reçu avec la déclaration"
        }
    };
    say.of(kind.next_step(), french)
}

/// One side of a difference. The ledger keeps it as a text; one whose form is not known here is quoted as it stands.
pub(super) fn side(say: Language, text: &str) -> String {
    if say == Language::English || text.is_empty() {
        return text.to_owned();
    }
    let day = |text: &str| text.parse::<Date>().ok().map(|day| say.date(day));
    let around = |before: &str, after: &str| text.strip_prefix(before)?.strip_suffix(after);
    let parted = |at: &str| text.split_once(at);
    let french = match text {
        "never decided" => Some("jamais décidé".to_owned()),
        "no cover" => Some("aucune garantie".to_owned()),
        "nothing covered" => Some("rien de garanti".to_owned()),
        _ => day(around("nothing invoiced from ", " on is covered").unwrap_or_default())
            .map(|since| format!("rien de ce qui est facturé à partir du {since} n'est garanti"))
            .or_else(|| Some(format!("{} dus", figures(around("", " owed")?))))
            .or_else(|| Some(format!("{} garantis", figures(around("", " covered")?))))
            .or_else(|| {
                let cause = around("", " was not paid within the extension period")?;
                Some(format!("{cause} n'a pas été payée dans le délai maximum de prorogation"))
            })
            .or_else(|| {
                let currency = text.strip_prefix("no policy counts in ")?;
                Some(format!("aucune police ne compte en {currency}"))
            })
            .or_else(|| {
                let by = day(text.strip_prefix("notice owed by ")?)?;
                Some(format!("déclaration d'impayé à faire jusqu'au {by}"))
            })
            .or_else(|| {
                let (amount, due) = parted(" due on ")?;
                Some(format!("{} échus le {}", figures(amount), day(due)?))
            })
            .or_else(|| {
                let (amount, until) = parted(" until ")?;
                Some(format!("{} jusqu'au {}", figures(amount), day(until)?))
            })
            .or_else(|| {
                let erp = around("", " does not stop deliveries on a limit")?;
                Some(format!("{erp} n'arrête pas les livraisons d'après une limite"))
            })
            .or_else(|| is_plain(text).then(|| figures(text))),
    };
    french.unwrap_or_else(|| format!("« {text} »"))
}

/// Whether a text holds nothing but accounts and amounts: `C1 60 000.00 EUR, erp/C2 10.00 EUR`.
fn is_plain(text: &str) -> bool {
    let last = text.rsplit(' ').next().unwrap_or_default();
    Currency::parse(last).is_some() && !text.split(' ').any(|word| word.chars().all(char::is_lowercase))
}

/// The same text, with its amounts in French form: an amount is a number before a currency.
fn figures(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let is_amount = |at: usize| {
        words.get(at + 1).is_some_and(|next| Currency::parse(next.trim_end_matches([',', ';'])).is_some())
    };
    let told = words
        .iter()
        .enumerate()
        .map(|(at, word)| if is_amount(at) { word.replace('.', ",") } else { (*word).to_owned() });
    told.collect::<Vec<_>>().join(" ")
}

/// What an insurer is owed by a deadline, with its article.
pub(super) fn deadline_kind(say: Language, kind: DeadlineKind) -> &'static str {
    match kind {
        DeadlineKind::ExtensionRequest => say.of("request of extension", "demande de prorogation"),
        DeadlineKind::CoverStop => say.of("stop of cover", "arrêt de garantie"),
        DeadlineKind::OverdueNotice => say.of("overdue notice", "déclaration d'impayé"),
        DeadlineKind::Claim => say.of("claim", "demande d'indemnisation"),
    }
}

/// What an effect does.
pub(super) fn action(say: Language, action: Action) -> &'static str {
    match action {
        Action::New => say.of("ask for cover", "demander un agrément"),
        Action::Increase => say.of("ask for more cover", "demander une augmentation"),
        Action::Reduce => say.of("ask for less cover", "demander une réduction"),
        Action::Supersede => say.of("ask for cover again", "redemander un agrément"),
        Action::Cancel => say.of("give cover up", "abandonner l'agrément"),
        Action::Withdraw => say.of("take a request back", "reprendre une demande"),
        Action::Set => say.of("write the limit into the ERP", "écrire la limite dans l'ERP"),
        Action::Zero => say.of("write a limit of zero into the ERP", "écrire une limite nulle dans l'ERP"),
        Action::Remove => say.of("take the limit out of the ERP", "retirer la limite de l'ERP"),
        Action::Block => say.of("stop deliveries in the ERP", "bloquer les livraisons dans l'ERP"),
        Action::Notify => say.of("notify the overdue invoice", "déclarer la facture impayée"),
        Action::State => say.of("state what is owed", "déclarer l'encours"),
    }
}

/// Where an effect stands.
pub(super) fn effect_state(say: Language, state: EffectState) -> &'static str {
    match state {
        EffectState::Proposed => say.of("proposed", "proposé"),
        EffectState::Approved => say.of("approved", "approuvé"),
        EffectState::Sending => say.of("being sent", "en cours d'envoi"),
        EffectState::Done => say.of("done", "fait"),
        EffectState::Refused => say.of("refused", "refusé"),
        EffectState::Failed => say.of("failed", "échoué"),
        EffectState::Unknown => say.of("in doubt", "dans le doute"),
        EffectState::Dropped => say.of("dropped", "abandonné"),
    }
}

/// What an event says, as a heading.
const fn event(event: Event) -> &'static str {
    match event {
        Event::LimitGranted => "agrément accordé",
        Event::LimitIncreased => "agrément augmenté",
        Event::LimitReduced => "agrément réduit",
        Event::LimitWithdrawn => "agrément retiré",
        Event::LimitRefused => "demande refusée",
        Event::LimitExpiring => "garantie qui prend bientôt fin",
        Event::LimitExpired => "garantie arrivée à son terme",
        Event::LimitNoticeOfWithdrawal => "retrait annoncé",
        Event::RatingChanged => "notation changée",
        Event::ExposureChanged => "l'encours a changé",
        Event::ExposureOverLimit => "agrément dépassé",
        Event::ExposureBackWithinLimit => "encours revenu dans l'agrément",
        Event::CoverStopped => "arrêt de garantie",
        Event::CoverLifted => "arrêt de garantie levé",
        Event::DeadlineUpcoming => "échéance proche",
        Event::DeadlineMissed => "échéance manquée",
        Event::DeadlineMet => "échéance tenue",
        Event::RequestProposed => "demande proposée",
        Event::RequestSent => "demande envoyée",
        Event::RequestDecided => "demande décidée",
        Event::BreakOpened => "écart constaté",
        Event::BreakClosed => "écart réglé",
        Event::AssignmentSent => "remise envoyée au factor",
        Event::AssignmentAccepted => "pièce acceptée par le factor",
        Event::AssignmentRejected => "pièce rejetée par le factor",
        Event::AssignmentFinanced => "pièce financée",
        Event::AssignmentDefinanced => "pièce définancée",
        Event::InvoiceStatus => "statut de facturation électronique",
        Event::ConnectionPaused => "connexion suspendue",
        Event::ConnectionRecovered => "connexion rétablie",
    }
}

/// One delta in a sentence. Its own is English; in French it is made of its facts.
pub(super) fn delta(say: Language, row: &DeltaRow) -> String {
    match say {
        Language::English => row.summary.clone(),
        Language::French => {
            let heading =
                Event::parse(&row.event).map_or_else(|| row.event.clone(), |own| event(own).to_owned());
            let facts: Vec<String> =
                FACTS.iter().filter_map(|(name, word)| fact(&row.data, name, word)).collect();
            if facts.is_empty() {
                format!("{heading}.")
            } else {
                format!("{heading} : {}.", facts.join(", "))
            }
        }
    }
}

/// The facts of a delta that a sentence has, in their order.
const FACTS: &[(&str, &str)] = &[
    ("kind", ""),
    ("action", ""),
    ("number", ""),
    ("outstanding", "dû"),
    ("limit", "agrément"),
    ("amount", "montant"),
    ("requested", "demandé"),
    ("before", "avant"),
    ("rating", "désormais"),
    ("status", "statut"),
    ("covered", "garanti"),
    ("beyond_limit", "au-delà de l'agrément"),
    ("at_stake", "en jeu"),
    ("stopped_on", "depuis le"),
    ("cause", "à cause de"),
    ("lifted_on", "levé le"),
    ("covered_from", "de nouveau garanti à partir du"),
    ("effective_from", "à partir du"),
    ("withdrawal_on", "retrait le"),
    ("last_day", "dernier jour"),
];

fn fact(data: &Value, name: &str, word: &str) -> Option<String> {
    let say = Language::French;
    let value = data.get(name)?.as_str()?;
    let currency = data.get("currency").and_then(Value::as_str).and_then(Currency::parse);
    let told = match name {
        "kind" => BreakKind::parse(value)
            .map(|kind| break_meaning(say, kind))
            .or_else(|| DeadlineKind::parse(value).map(|kind| deadline_kind(say, kind)))?
            .to_owned(),
        "action" => action(say, Action::parse(value)?).to_owned(),
        _ => value.parse::<Date>().map(|day| say.date(day)).unwrap_or_else(|_| {
            let minor =
                currency.and_then(|own| Some((parse_minor(value, own, NumberStyle::Point).ok()?, own)));
            // A number of an invoice may read like an amount.
            let minor = minor.filter(|_| name != "number" && name != "cause");
            minor.map_or_else(|| value.to_owned(), |(minor, own)| say.money(minor, own))
        }),
    };
    Some(if word.is_empty() { told } else { format!("{word} {told}") })
}

/// Of what the history began later than the moment that is asked for, in French: `[one, several]`.
fn begin([one, several]: [&str; 2], all: &[Begins]) -> Option<String> {
    let say = Language::French;
    let day = |begins: &Begins| say.date(begins.since.date_naive());
    Some(match all {
        [] => return None,
        [only] => format!(
            "Ce qui était connu {one} {} avant le {} n'est pas gardé : c'est dit comme on l'a connu alors.",
            only.what,
            day(only)
        ),
        all => {
            let told = all.iter().take(BEGIN_MAX).map(|one| format!("{} (avant le {})", one.what, day(one)));
            let more = if all.len() > BEGIN_MAX { ", …" } else { "" };
            format!(
                "Ce qu'étaient {} {several} n'est pas gardé : ils sont dits comme on les a connus d'abord ensuite : {}{more}.",
                all.len(),
                told.collect::<Vec<_>>().join(", ")
            )
        }
    })
}

/// What the answer of another day says above it: both times, and what is not kept.
pub(super) fn asked(say: Language, asked: &Asked, unkept: &[Unkept], later: usize) -> String {
    if say == Language::English {
        return asked.told(unkept, later);
    }
    let as_of = say.date(asked.moment.as_of);
    let mut text = format!("Au {as_of}, d'après ce qui était connu à {}.\n", shown(asked.moment.known_at));
    if later > 0 {
        let later = i64::try_from(later).unwrap_or(i64::MAX);
        let later = say.plural(later, ["", ""], ["pièce connue et datée", "pièces connues et datées"]);
        text.push_str(&format!("{later} d'après le {as_of} : hors de ce récit.\n"));
    }
    for one in unkept {
        let line = match one {
            Unkept::Payments if asked.is_known_at_given => continue,
            Unkept::Payments => format!(
                "Ce qui a été payé après le {as_of} compte ici comme payé ; --known-at dit ce qui restait dû alors."
            ),
            Unkept::Accounts => match begin(["du compte", "comptes"], &asked.accounts_begin) {
                Some(line) => line,
                None => continue,
            },
            Unkept::Terms => {
                match begin(["de l'exercice de police", "exercices de polices"], &asked.terms_begin) {
                    Some(line) => line,
                    None => continue,
                }
            }
            Unkept::Open => {
                "Les écarts et les demandes qui étaient ouverts alors ne sont pas dits : leur historique n'est pas gardé."
                    .to_owned()
            }
        };
        text.push_str(&format!("{line}\n"));
    }
    text
}
