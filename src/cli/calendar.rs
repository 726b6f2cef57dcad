//! Deadlines as a calendar (RFC 5545): the same deadlines give the same bytes, so a calendar that is fed twice shows each once.

use encours::credit::deadline::DeadlineState;
use encours::engine::deadlines::Deadline;
use encours::ids::fingerprint_hex;
use encours::model::Date;

/// The longest line, in octets, without its end.
const OCTETS_MAX: usize = 75;

/// An event of a whole day for each deadline that nothing has been done for, with an alarm on each warning day.
///
/// `stamp` is the day of the figures: it stands where the format wants an instant, so that the output depends on nothing
/// else.
pub fn calendar(
    company: &str,
    deadlines: &[&Deadline<'_>],
    stamp: Date,
    title: impl Fn(&Deadline<'_>) -> String,
) -> String {
    let mut out = String::new();
    let mut line = |text: &str| push_folded(&mut out, text);
    line("BEGIN:VCALENDAR");
    line("VERSION:2.0");
    line("PRODID:-//Encours//Deadlines//EN");
    line("CALSCALE:GREGORIAN");
    line(&format!("X-WR-CALNAME:{}", escaped(&format!("Encours {company}"))));
    for deadline in deadlines {
        match deadline.state {
            DeadlineState::Upcoming | DeadlineState::DueSoon | DeadlineState::Missed => {}
            DeadlineState::Met | DeadlineState::Moot => continue,
        }
        let day = deadline.last_day;
        line("BEGIN:VEVENT");
        line(&format!("UID:{}@encours", fingerprint_hex(&[company.as_bytes(), deadline.key().as_bytes()])));
        line(&format!("DTSTAMP:{}T000000Z", basic(stamp)));
        line(&format!("DTSTART;VALUE=DATE:{}", basic(day)));
        if let Some(next) = day.succ_opt() {
            line(&format!("DTEND;VALUE=DATE:{}", basic(next)));
        }
        let title = title(deadline);
        line(&format!("SUMMARY:{}", escaped(&title)));
        let (invoice, policy) = (&deadline.invoice, deadline.policy);
        let told = format!(
            "{}, invoice {} due on {}\n{} at stake, policy {} with {}",
            deadline.name,
            invoice.number,
            invoice.original_due,
            deadline.at_stake,
            policy.number,
            policy.connection
        );
        line(&format!("DESCRIPTION:{}", escaped(&told)));
        line(&format!("CATEGORIES:{}", escaped(deadline.kind.as_str())));
        line("TRANSP:TRANSPARENT");
        for warning in &deadline.warnings {
            let days = day.signed_duration_since(*warning).num_days();
            line("BEGIN:VALARM");
            line("ACTION:DISPLAY");
            line(&format!("TRIGGER:-P{days}D"));
            line(&format!("DESCRIPTION:{}", escaped(&title)));
            line("END:VALARM");
        }
        line("END:VEVENT");
    }
    line("END:VCALENDAR");
    out
}

/// `20270501`.
fn basic(day: Date) -> String {
    day.format("%Y%m%d").to_string()
}

/// Text with what would end or part it marked, and without control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Adds a line, folded between characters into lines of at most 75 octets, each ended by CRLF.
fn push_folded(out: &mut String, text: &str) {
    let mut octets = 0;
    for c in text.chars() {
        if octets + c.len_utf8() > OCTETS_MAX {
            out.push_str("\r\n ");
            octets = 1;
        }
        out.push(c);
        octets += c.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use encours::credit::deadline::DeadlineKind;
    use encours::ledger::OverdueRow;
    use encours::model::{Currency, Money, Policy};

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn deadline<'p>(policy: &'p Policy, name: &str) -> Deadline<'p> {
        Deadline {
            kind: DeadlineKind::OverdueNotice,
            state: DeadlineState::DueSoon,
            last_day: day("2027-05-01"),
            warnings: vec![day("2027-04-16"), day("2027-04-26")],
            policy,
            invoice: OverdueRow {
                buyer_id: "siren:000000018".into(),
                connection: "erp".into(),
                external_id: "00012".into(),
                number: "F1".into(),
                account: "C1".into(),
                currency: "EUR".into(),
                total_minor: 90_000,
                open_minor: 90_000,
                issued: day("2026-12-31"),
                original_due: day("2027-01-31"),
            },
            name: name.to_owned(),
            country: "FR".into(),
            at_stake: Money::new(90_000, Currency::EUR),
            proof: None,
        }
    }

    #[test]
    fn a_deadline_is_a_day_with_an_alarm_on_each_warning() {
        let policy = Policy::plain("insurer", "P1", Currency::EUR, day("2026-01-01"), 90.into());
        let one = deadline(&policy, "Lefèvre, Fils; & \\ Cie\r\nBEGIN:VEVENT");
        let print = || {
            calendar("exemple", &[&one], day("2027-04-20"), |d| {
                format!("Notify {} of {}", d.invoice.number, d.name)
            })
        };
        let text = print();
        assert_eq!(text, print(), "the same deadlines give the same bytes");
        for wanted in [
            "DTSTART;VALUE=DATE:20270501\r\nDTEND;VALUE=DATE:20270502\r\n",
            "DTSTAMP:20270420T000000Z\r\n",
            "TRIGGER:-P15D\r\n",
            "TRIGGER:-P5D\r\n",
            "SUMMARY:Notify F1 of Lefèvre\\, Fils\\; & \\\\ Cie\\nBEGIN:VEVENT\r\n",
        ] {
            assert!(text.contains(wanted), "{wanted:?} is not in\n{text}");
        }
        assert_eq!(
            text.lines().filter(|line| *line == "BEGIN:VEVENT").count(),
            1,
            "a name cannot begin an event"
        );
        assert!(text.split("\r\n").all(|line| line.len() <= OCTETS_MAX && !line.contains('\n')), "{text}");
        let met = Deadline { state: DeadlineState::Met, ..one };
        assert!(!calendar("exemple", &[&met], day("2027-04-20"), |_| String::new()).contains("VEVENT"));
    }

    #[test]
    fn lines_fold_between_characters_and_unfold_to_what_they_were() {
        let text = format!("SUMMARY:{}", "é€𝄞x".repeat(60));
        let mut out = String::new();
        push_folded(&mut out, &text);
        assert!(out.split("\r\n").all(|line| line.len() <= OCTETS_MAX));
        assert_eq!(out.trim_end_matches("\r\n").replace("\r\n ", ""), text);
    }
}
