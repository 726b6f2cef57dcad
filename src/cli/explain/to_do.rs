//! What is to be done about a buyer: its open differences, each with a next step.

use super::super::language::Language;
use super::{File, phrases};

impl File {
    /// The open differences, each with both sides and the next step.
    pub(super) fn to_do(&self, say: Language) -> String {
        if self.breaks.is_empty() {
            return say
                .of(
                    "Nothing: both sides agree on this buyer.\n",
                    "Rien : les deux côtés s'accordent sur cet acheteur.\n",
                )
                .to_owned();
        }
        let mut text = String::new();
        for row in &self.breaks {
            let Ok(found) = row.to_break() else { continue };
            let age = match self.day.signed_duration_since(row.opened_on).num_days() {
                ..=0 => say.of("since today", "depuis aujourd'hui").to_owned(),
                days => {
                    let days = say.plural(days, ["day", "days"], ["jour", "jours"]);
                    say.of(format!("for {days}"), format!("depuis {days}"))
                }
            };
            let meaning = phrases::break_meaning(say, found.kind);
            let (ours, theirs) = (phrases::side(say, &found.ours), phrases::side(say, &found.theirs));
            let next = phrases::next_step(say, found.kind);
            let kind = found.kind;
            text.push_str(&say.of(
                format!("{kind} ({age}): {meaning}\n  our side: {ours}"),
                format!("{kind} ({age}) : {meaning}\n  notre côté : {ours}"),
            ));
            if !theirs.is_empty() {
                text.push_str(&say.of(format!("; their side: {theirs}"), format!(" ; leur côté : {theirs}")));
            }
            text.push_str(&say.of(format!("\n  next: {next}\n"), format!("\n  à faire : {next}\n")));
        }
        text
    }
}
