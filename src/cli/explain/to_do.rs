//! What is to be done about a buyer: its open differences, each with a next step.

use super::super::words;
use super::File;

impl File {
    /// The open differences, each with both sides and the next step.
    pub(super) fn to_do(&self) -> String {
        if self.breaks.is_empty() {
            return "Nothing: both sides agree on this buyer.\n".to_owned();
        }
        let mut text = String::new();
        for row in &self.breaks {
            let Ok(found) = row.to_break() else { continue };
            let age = match words::age(row.opened_on, self.day) {
                today if today == "today" => "since today".to_owned(),
                days => format!("for {days}"),
            };
            text.push_str(&format!("{} ({age}): {}\n", found.kind, words::break_meaning(found.kind)));
            let theirs = if found.theirs.is_empty() {
                String::new()
            } else {
                format!("; their side: {}", found.theirs)
            };
            text.push_str(&format!(
                "  our side: {}{theirs}\n  next: {}\n",
                found.ours,
                found.kind.next_step()
            ));
        }
        text
    }
}
