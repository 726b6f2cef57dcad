//! The story of one invoice for people, each figure with its source in brackets.

use encours::credit::deadline::{DeadlineKind, DeadlineState};
use encours::credit::{CapReason, Reason};
use encours::model::{Action, Currency, EffectState, ItemKind};

use super::super::super::language::Language;
use super::super::super::words::indent;
use super::super::cover::why;
use super::super::{File, Insured, UNKEPT, phrases};
use super::{Covered, Story, Term};

/// All stories of a buyer's invoices that were asked for.
pub(in super::super) fn told(
    say: Language,
    file: &File,
    stories: &[Story<'_>],
    insured: &[Insured<'_>],
) -> anyhow::Result<String> {
    let (name, id, day) = (&file.buyer.name, &file.buyer.id, say.date(file.day));
    let mut text = say.of(format!("{name}\n{id}, on {day}\n"), format!("{name}\n{id}, au {day}\n"));
    if let Some(asked) = &file.asked {
        text.push_str(&format!("\n{}", phrases::asked(say, asked, UNKEPT, file.later)));
    }
    if stories.len() > 1 {
        let count = stories.len();
        text.push_str(&say.of(
            format!("\n{count} documents have this number or key; each is told.\n"),
            format!("\n{count} pièces portent ce numéro ou cette clé ; chacune est racontée.\n"),
        ));
    }
    for story in stories {
        text.push_str(&story.told(say, file, insured)?);
    }
    Ok(text)
}

/// A sentence and where it comes from.
fn from(sentence: &str, source: &str) -> String {
    format!("{sentence}  [{source}]\n")
}

impl Story<'_> {
    fn told(&self, say: Language, file: &File, insured: &[Insured<'_>]) -> anyhow::Result<String> {
        let item = self.item;
        let kind = ItemKind::parse(&item.kind)
            .map_or_else(|| item.kind.clone(), |kind| phrases::item_kind(say, kind).to_owned());
        let mut text = String::new();
        let mut part = |title: &str, body: String| text.push_str(&format!("\n{title}\n{}", indent(&body, 2)));
        let (number, connection) = (&item.number, &item.connection);
        let title = say.of(
            format!("The {kind} {number} in {connection}"),
            format!("Pièce {number} dans {connection} ({kind})"),
        );
        part(&title, self.record(say));
        part(say.of("What was allocated to it", "Ce qui y a été lettré"), self.allocated(say));
        let covered = self.covered(file, insured)?;
        if covered.is_empty() {
            part(say.of("Cover", "Garantie"), self.uncovered(say, insured.is_empty()));
        }
        for one in &covered {
            let (insurer, policy) = (&one.insured.policy.connection, &one.insured.policy.number);
            let title = say.of(
                format!("What is covered, {insurer}, policy {policy}"),
                format!("Ce qui est garanti, {insurer}, police {policy}"),
            );
            part(&title, one.told(say));
        }
        let terms = self.terms(insured);
        if !terms.is_empty() {
            let title = say.of("Until when what has to be done", "Ce qu'il faut faire, et jusqu'à quand");
            part(title, self.due(say, file, &terms));
        }
        part(say.of("What was proposed", "Ce qui a été proposé"), self.proposed(say));
        Ok(text)
    }

    fn money(&self, say: Language, minor: i64) -> String {
        Currency::parse(&self.item.currency)
            .map_or_else(|| format!("{minor} {}", self.item.currency), |own| say.money(minor, own))
    }

    fn record(&self, say: Language) -> String {
        let item = self.item;
        let (total, open) = (self.money(say, item.total_minor), self.money(say, item.open_minor));
        let (issued, due) = (say.date(item.issued), say.date(item.due));
        let mut sentence = say.of(
            format!("{total} of {issued}, due on {due}; {open} are open."),
            format!("{total} du {issued}, échéance {due} ; reste dû {open}."),
        );
        if item.original_due != item.due {
            let first = say.date(item.original_due);
            sentence.push_str(&say.of(
                format!(" First due on {first}: deadlines count from it."),
                format!(" Échéance d'origine {first} : les délais en partent."),
            ));
        }
        if item.due_estimated {
            sentence.push_str(
                say.of(
                    " The due date is estimated from terms.",
                    " L'échéance est estimée d'après les délais.",
                ),
            );
        }
        if item.disputed {
            sentence.push_str(say.of(" The buyer contests it.", " L'acheteur la conteste."));
        }
        let (connection, key, account) = (&item.connection, &item.external_id, &item.account);
        let operation =
            self.source.as_ref().map_or_else(String::new, |source| format!("/{}", source.operation));
        let mut text = from(
            &sentence,
            &say.of(
                format!("{connection}{operation}, key {key}, account {account}"),
                format!("{connection}{operation}, clé {key}, compte {account}"),
            ),
        );
        let mut open_before = None;
        for (version, cycle) in &self.versions {
            let open = self.money(say, version.open_minor);
            let sentence = match open_before {
                None => {
                    say.of(format!("First read: {open} open."), format!("Lue d'abord : reste dû {open}."))
                }
                Some(before) if before == version.open_minor => say
                    .of("Changed, but not in what is open.", "Changée, mais pas dans le reste dû.")
                    .to_owned(),
                Some(_) => say.of(format!("Then {open} open."), format!("Puis reste dû {open}.")),
            };
            open_before = Some(version.open_minor);
            let at = say.instant(version.recorded_at);
            let cycle = cycle.as_ref().map_or_else(String::new, |cycle| {
                let (run, day) = (&cycle.run, say.date(cycle.day));
                say.of(format!(", cycle {run} of {day}"), format!(", cycle {run} du {day}"))
            });
            text.push_str(&from(
                &sentence,
                &say.of(format!("read {at}{cycle}"), format!("lu le {at}{cycle}")),
            ));
        }
        text
    }

    fn allocated(&self, say: Language) -> String {
        let mut text = String::new();
        for row in &self.allocations {
            let amount = Currency::parse(&row.currency)
                .map_or_else(|| row.amount_minor.to_string(), |own| say.money(row.amount_minor, own));
            let kind = row.from_kind.as_deref().and_then(ItemKind::parse);
            let kind = kind.map_or(say.of("document", "pièce"), |kind| phrases::item_kind(say, kind));
            let number = row.from_number.as_ref().unwrap_or(&row.from_item);
            let (day, at) = (say.date(row.allocated_on), say.instant(row.recorded_at));
            let (connection, key) = (&self.item.connection, &row.external_id);
            text.push_str(&from(
                &say.of(
                    format!("{amount} of {kind} {number}, on {day}."),
                    format!("{amount} de la pièce {number} ({kind}), le {day}."),
                ),
                &say.of(
                    format!("allocation {key} of {connection}, read {at}"),
                    format!("lettrage {key} de {connection}, lu le {at}"),
                ),
            ));
        }
        if text.is_empty() {
            let none = say.of(
                "Nothing that the source names one by one; what is open is as it states it.\n",
                "Rien que la source nomme pièce par pièce ; le reste dû est celui qu'elle indique.\n",
            );
            text.push_str(none);
        }
        text
    }

    fn uncovered(&self, say: Language, no_policy: bool) -> String {
        let told = if !self.is_open_invoice() {
            say.of(
                "Nothing of it is open: nothing is to be covered.\n",
                "Rien n'en reste dû : rien n'est à garantir.\n",
            )
        } else if no_policy {
            say.of(
                "No policy of the configuration covers this day.\n",
                "Aucune police de la configuration ne garantit ce jour.\n",
            )
        } else {
            say.of("It is in no sum of cover.\n", "Elle n'entre dans aucune somme garantie.\n")
        };
        told.to_owned()
    }

    fn due(&self, say: Language, file: &File, terms: &[Term<'_>]) -> String {
        let original = say.date(self.item.original_due);
        let mut text = String::new();
        for term in terms {
            let (last, what) = (say.date(term.last_day), phrases::deadline_kind(say, term.kind));
            let days = |(_, days): &(&str, i64)| {
                let unit = say.of("days", "jours");
                format!(" {} {} {unit}", if *days < 0 { "−" } else { "+" }, days.abs())
            };
            let sum: String = term.clauses.iter().map(days).collect();
            let clauses: Vec<&str> = term.clauses.iter().map(|(clause, _)| *clause).collect();
            let (number, clauses) = (&term.policy.number, clauses.join(", "));
            let source =
                say.of(format!("policy {number}: {clauses}"), format!("police {number} : {clauses}"));
            let how = self.stands(say, file, term);
            text.push_str(&from(
                &say.of(
                    format!("{last}  {what}: {original}{sum}; {how}."),
                    format!("{last}  {what} : {original}{sum} ; {how}."),
                ),
                &source,
            ));
            let Some(proof) = term.deadline.and_then(|own| own.proof.as_ref()) else { continue };
            let (who, at) = (&proof.who, say.instant(proof.at));
            // What a person says of a deadline ends with the day of which it is said.
            let how = match proof.how.rsplit_once(", on ").map(|(how, day)| (how, day.parse())) {
                Some((how, Ok(day))) => {
                    let day = say.date(day);
                    say.of(format!("{how}, on {day}"), format!("« {how} », le {day}"))
                }
                Some((_, Err(_))) | None => say.of(proof.how.clone(), format!("« {} »", proof.how)),
            };
            text.push_str(&format!(
                "  {}",
                from(
                    &say.of(format!("Done by {who}: {how}."), format!("Fait par {who} : {how}.")),
                    &say.of(
                        format!("proof {}, {at}, SHA-256 {}", proof.id, proof.payload_hash),
                        format!("preuve {}, {at}, SHA-256 {}", proof.id, proof.payload_hash),
                    ),
                )
            ));
        }
        text
    }

    /// How a deadline stands.
    fn stands(&self, say: Language, file: &File, term: &Term<'_>) -> String {
        let Some(own) = term.deadline else {
            let told = if file.asked.is_some() {
                say.of("how it stood then is not told", "son état d'alors n'est pas raconté")
            } else if !self.is_open_invoice() {
                say.of("nothing is open", "rien ne reste dû")
            } else if term.kind != DeadlineKind::ExtensionRequest && self.item.original_due >= file.day {
                say.of("only if it stays unpaid", "seulement si elle reste impayée")
            } else {
                say.of("not owed as things stand", "rien n'est exigé en l'état")
            };
            return told.to_owned();
        };
        let left = own.days_left(file.day);
        let days = |days: i64| say.plural(days, ["day", "days"], ["jour", "jours"]);
        match own.state {
            DeadlineState::Met => say.of("met", "tenue").to_owned(),
            DeadlineState::Moot => say.of("paid before", "payée avant").to_owned(),
            DeadlineState::Missed => {
                say.of(format!("missed, {} ago", days(-left)), format!("manquée, il y a {}", days(-left)))
            }
            DeadlineState::DueSoon | DeadlineState::Upcoming => {
                say.of(format!("in {}", days(left)), format!("dans {}", days(left)))
            }
        }
    }

    fn proposed(&self, say: Language) -> String {
        let mut text = String::new();
        for (row, steps) in &self.effects {
            let what = Action::parse(&row.action)
                .map_or_else(|| row.action.clone(), |own| phrases::action(say, own).to_owned());
            let amount = row.amount_minor.zip(Currency::parse(&row.currency));
            let amount =
                amount.map_or_else(String::new, |(minor, own)| format!(", {}", say.money(minor, own)));
            let (policy, proposed) = (&row.policy, say.date(row.proposed_on));
            let mut sentence = say.of(
                format!("Proposed on {proposed}: {what}{amount}, policy {policy}"),
                format!("Proposé le {proposed} : {what}{amount}, police {policy}"),
            );
            if let Some(last) = steps.last() {
                let state = EffectState::parse(&last.state)
                    .map_or_else(|| last.state.clone(), |own| phrases::effect_state(say, own).to_owned());
                let (who, at) = (&last.who, say.instant(last.at));
                sentence.push_str(
                    &say.of(format!("; {state} on {at} by {who}"), format!(" ; {state} le {at} par {who}")),
                );
            }
            sentence.push('.');
            let id = &row.id;
            text.push_str(&from(&sentence, &say.of(format!("effect {id}"), format!("action {id}"))));
        }
        if text.is_empty() {
            text.push_str(say.of("Nothing.\n", "Rien.\n"));
        }
        text
    }
}

impl Covered<'_> {
    fn told(&self, say: Language) -> String {
        let (line, policy) = (self.line, self.insured.policy);
        let money = |minor| say.money(minor, line.currency);
        let clause = |names: &str| {
            let number = &policy.number;
            say.of(format!("policy {number}: {names}"), format!("police {number} : {names}"))
        };
        let mut text = String::new();
        if let Some(period) = self.period {
            let from_day = say.date(period.valid_from);
            let to = period.valid_to.map_or_else(
                || say.of(" on", "").to_owned(),
                |day| {
                    let day = say.date(day);
                    say.of(format!(" to {day}"), format!(" au {day}"))
                },
            );
            let sentence = say.of(
                format!("It falls in the period from {from_day}{to}."),
                format!("Elle relève de l'exercice à partir du {from_day}{to}."),
            );
            text.push_str(&from(&sentence, &clause("valid_from, valid_to")));
            if let Some(most) = period.maximum_terms_days {
                let days = line.original_due.signed_duration_since(line.issued).num_days();
                let sentence = say.of(
                    format!("{days} days of credit were given; at most {most} are insured."),
                    format!("{days} jours de crédit ont été accordés ; {most} au plus sont assurés."),
                );
                text.push_str(&from(&sentence, &clause("maximum_terms_days")));
            }
        }
        if let Some(stop) = self.insured.stops.at(line.issued) {
            let mut reason = phrases::stop_reason(say, stop);
            if let Some(first) = reason.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            text.push_str(&from(&format!("{reason}."), &clause("mep_days, cover_stop")));
        }
        self.limit(say, &mut text, &clause);
        if line.credited_minor > 0 {
            let credited = money(line.credited_minor);
            let sentence = say.of(
                format!("{credited} of it are settled by open credits, which take the oldest invoices first."),
                format!("{credited} en sont soldés par des crédits ouverts, qui prennent d'abord les factures les plus anciennes."),
            );
            let source = say.of("open credits of the buyer", "crédits ouverts de l'acheteur");
            text.push_str(&from(&sentence, source));
        }
        let (covered, not) = (money(line.covered_minor), money(line.uncovered_minor));
        let why = why(say, line, self.insured);
        let sentence = say.of(
            format!("Covered: {covered}; not covered: {not}: {why}."),
            format!("Garanti : {covered} ; non garanti : {not} : {why}."),
        );
        let rule = say.of("rule", "règle");
        text.push_str(&from(&sentence, &format!("{rule} {}", line.reason)));
        if line.covered_minor > 0 {
            let indemnity = money(self.indemnity_minor);
            let is_layered = self.parts.iter().any(|part| part.layer.is_some());
            let sentence = match self.percentage().filter(|_| !is_layered) {
                Some(percent) => {
                    let percent = phrases::percent(say, percent);
                    say.of(
                        format!("If it is not paid, the insurer pays {indemnity}: {percent} of what is covered."),
                        format!("Si elle n'est pas payée, l'assureur verse {indemnity} : quotité garantie de {percent}."),
                    )
                }
                None => {
                    let shares = phrases::shares(say, &self.parts, line.currency);
                    say.of(
                        format!("If it is not paid, the insurer pays {indemnity}: {shares}."),
                        format!("Si elle n'est pas payée, l'assureur verse {indemnity} : {shares}."),
                    )
                }
            };
            let own = line.limit.is_some_and(|limit| limit.reason == CapReason::Discretionary)
                && self.period.is_some_and(|period| period.discretionary_percentage.is_some());
            let name = if own {
                "discretionary_percentage"
            } else if is_layered {
                "insured_percentage, layers"
            } else {
                "insured_percentage"
            };
            text.push_str(&from(&sentence, &clause(name)));
        }
        text
    }

    /// The limit of its date, who gave it, and what older invoices use of it.
    fn limit(&self, say: Language, text: &mut String, clause: &dyn Fn(&str) -> String) {
        let line = self.line;
        let Some(limit) = line.limit else { return };
        let money = |minor| say.money(minor, line.currency);
        let (cap, issued) = (money(limit.cap_minor), say.date(line.issued));
        let since = limit.since.map_or_else(String::new, |day| {
            let day = say.date(day);
            say.of(format!(", since {day}"), format!(", depuis le {day}"))
        });
        let sentence = say.of(
            format!("The limit of its date, {issued}, is {cap}{since}."),
            format!("L'agrément à sa date, le {issued}, est de {cap}{since}."),
        );
        let source = self.statement.map_or_else(
            || clause("discretionary"),
            |row| {
                let (insurer, reference) = (&row.connection, &row.payload.reference);
                let what = phrases::decision(say, row.payload.decision);
                let code = &row.payload.decision_code;
                let decided = row.payload.decided_on.map_or_else(String::new, |day| {
                    let day = say.date(day);
                    say.of(format!(" on {day}"), format!(" le {day}"))
                });
                let (version, at) = (row.version, say.instant(row.recorded_at));
                say.of(
                    format!("{insurer}, decision {reference}: {what} ({code}){decided}; version {version}, read {at}"),
                    format!("{insurer}, décision {reference} : {what} ({code}){decided} ; version {version}, lue le {at}"),
                )
            },
        );
        text.push_str(&from(&sentence, &source));
        if line.used_before_minor > 0 && line.reason != Reason::SettledByCredits {
            let used = money(line.used_before_minor);
            let earlier: Vec<String> = self
                .earlier
                .iter()
                .map(|other| format!("{} {}", other.number, say.amount(other.covered_minor, other.currency)))
                .collect();
            let sentence = say.of(
                format!("Older invoices use {used} of it."),
                format!("Des factures plus anciennes en utilisent {used}."),
            );
            text.push_str(&from(&sentence, &earlier.join(", ")));
        }
    }
}
