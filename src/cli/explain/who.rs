//! Who a buyer is: its accounts, their numbers, what ties them together, and how insurers rate it.

use encours::ledger::RatingRow;
use encours::model::LinkKind;

use super::super::language::Language;
use super::{File, phrases};

impl File {
    /// How insurers rate it, a line each.
    pub(super) fn rated(&self, say: Language) -> String {
        let line = |row: &RatingRow| {
            let rating = &row.payload;
            let class = rating.class.as_ref().map_or_else(String::new, |class| format!(" ({class})"));
            let before = rating.previous.as_ref().filter(|previous| **previous != rating.rating);
            let before = before.map_or_else(String::new, |previous| {
                say.of(format!(", {previous} before"), format!(", auparavant {previous}"))
            });
            let since = rating.changed_on.map_or_else(String::new, |day| {
                let day = say.date(day);
                say.of(format!(", since {day}"), format!(", depuis le {day}"))
            });
            let (connection, rating, seen) = (&row.connection, &rating.rating, say.date(row.seen_on));
            say.of(
                format!("{connection}: {rating}{class}{before}{since}; first read on {seen}\n"),
                format!("{connection} : {rating}{class}{before}{since} ; lue d'abord le {seen}\n"),
            )
        };
        self.ratings.iter().map(line).collect()
    }

    /// Its accounts, and why they are this buyer.
    pub(super) fn who(&self, say: Language) -> String {
        let mut text = String::new();
        for account in &self.accounts {
            let (code, connection, name) = (&account.code, &account.connection, &account.name);
            text.push_str(&say.of(
                format!("Account {code} in {connection}: {name}"),
                format!("Compte {code} dans {connection} : {name}"),
            ));
            if !account.country.is_empty() {
                text.push_str(&format!(", {}", account.country));
            }
            text.push('\n');
            let wrong = say.of(
                " (wrong: its check digits do not fit, so it identifies nobody)",
                " (faux : sa clé de contrôle ne convient pas, il n'identifie donc personne)",
            );
            let ids: Vec<String> = account
                .identifiers()
                .map(|id| {
                    let sound = if id.is_sound() { "" } else { wrong };
                    format!("{} {}{sound}", phrases::scheme(say, id.scheme), id.value)
                })
                .collect();
            let ids = if ids.is_empty() {
                say.of(
                    "no registry number: the insurer's limits cannot find it",
                    "aucun numéro d'immatriculation : les agréments de l'assureur ne peuvent pas le trouver",
                )
                .to_owned()
            } else {
                ids.join(", ")
            };
            text.push_str(&format!("  {ids}\n"));
            let link = self.links.iter().find(|link| {
                link.kind == LinkKind::Account.as_str()
                    && link.connection == account.connection
                    && link.external_id == account.external_id
            });
            if let Some(link) = link {
                let why = phrases::link(say, link);
                text.push_str(
                    &say.of(format!("  it is this buyer {why}\n"), format!("  c'est cet acheteur {why}\n")),
                );
            }
            if let Some(id) = &account.insurer_buyer_id {
                text.push_str(&say.of(
                    format!("  known to the insurer as {id}\n"),
                    format!("  connu de l'assureur sous {id}\n"),
                ));
            }
            text.push_str(&match account.limit() {
                Some((minor, currency)) => {
                    let limit = say.money(minor, currency);
                    say.of(
                        format!("  the ERP holds a limit of {limit}\n"),
                        format!("  l'ERP porte une limite de {limit}\n"),
                    )
                }
                None => say.of("  the ERP holds no limit\n", "  l'ERP ne porte aucune limite\n").to_owned(),
            });
        }
        for link in self.links.iter().filter(|link| link.kind == LinkKind::InsurerBuyer.as_str()) {
            let (connection, id, why) = (&link.connection, &link.external_id, phrases::link(say, link));
            text.push_str(&say.of(
                format!("{connection} {id} is this buyer {why}\n"),
                format!("{connection} {id} est cet acheteur {why}\n"),
            ));
        }
        if self.accounts.len() > 1 {
            text.push_str(say.of(
                "These accounts are one legal buyer, and share its cover.\n",
                "Ces comptes sont un seul acheteur et partagent sa garantie.\n",
            ));
        }
        text
    }
}
