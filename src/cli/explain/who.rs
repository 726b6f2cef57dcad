//! Who a buyer is: its accounts, their numbers, what ties them together, and how insurers rate it.

use encours::ledger::RatingRow;

use super::super::buyers;
use super::super::table::amount;
use super::File;

impl File {
    /// How insurers rate it, a line each.
    pub(super) fn rated(&self) -> String {
        let line = |row: &RatingRow| {
            let rating = &row.payload;
            let class = rating.class.as_ref().map_or_else(String::new, |class| format!(" ({class})"));
            let before = rating.previous.as_ref().filter(|previous| **previous != rating.rating);
            let before = before.map_or_else(String::new, |previous| format!(", {previous} before"));
            let since = rating.changed_on.map_or_else(String::new, |day| format!(", since {day}"));
            format!(
                "{}: {}{class}{before}{since}; first read on {}\n",
                row.connection, rating.rating, row.seen_on
            )
        };
        self.ratings.iter().map(line).collect()
    }

    /// Its accounts, and why they are this buyer.
    pub(super) fn who(&self) -> String {
        let mut text = String::new();
        for account in &self.accounts {
            text.push_str(&format!("Account {} in {}: {}", account.code, account.connection, account.name));
            if !account.country.is_empty() {
                text.push_str(&format!(", {}", account.country));
            }
            text.push('\n');
            let ids: Vec<String> = account
                .identifiers()
                .map(|id| {
                    let sound = if id.is_sound() {
                        ""
                    } else {
                        " (wrong: its check digits do not fit, so it identifies nobody)"
                    };
                    format!("{} {}{sound}", id.scheme.as_str().to_uppercase(), id.value)
                })
                .collect();
            let ids = if ids.is_empty() {
                "no registry number: the insurer's limits cannot find it".to_owned()
            } else {
                ids.join(", ")
            };
            text.push_str(&format!("  {ids}\n"));
            text.push_str(&buyers::links::account_told(&self.links, account));
            if let Some(id) = &account.insurer_buyer_id {
                text.push_str(&format!("  known to the insurer as {id}\n"));
            }
            text.push_str(&match account.limit() {
                Some((minor, currency)) => {
                    format!("  the ERP holds a limit of {} {currency}\n", amount(minor, currency))
                }
                None => "  the ERP holds no limit\n".to_owned(),
            });
        }
        text.push_str(&buyers::links::insurers_told(&self.links));
        if self.accounts.len() > 1 {
            text.push_str("These accounts are one legal buyer, and share its cover.\n");
        }
        text
    }
}
