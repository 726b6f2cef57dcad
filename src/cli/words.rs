//! The words of the ledger as people say them.

use encours::model::{BreakKind, BuyerKind, Date, Decision, Event};

/// What a kind of break means, after "buyers" or on its own.
pub const fn break_meaning(kind: BreakKind) -> &'static str {
    match kind {
        BreakKind::LimitDiffers => "the ERP and the insurer hold different limits",
        BreakKind::LimitMissingInErp => "the insurer covers the buyer, the ERP holds no limit",
        BreakKind::LimitUnknownToInsurer => "the ERP holds a limit that no insurer decided",
        BreakKind::CurrencyDiffers => "the ERP and the insurer hold limits in different currencies",
        BreakKind::OverLimit => "the buyer owes more than is covered",
        BreakKind::NoCover => "the buyer owes and nothing is covered",
        BreakKind::CoverStopped => "an unpaid invoice stopped cover: new deliveries are not covered",
        BreakKind::CoverExpiring => "a part of the cover ends soon",
        BreakKind::BuyerUnmatched => "the insurer knows a buyer that no customer account answers to",
        BreakKind::BuyerAmbiguous => "the insurer knows a buyer that several buyers answer to",
        BreakKind::SameBuyerTwoAccounts => "one legal buyer has two accounts (information only)",
        BreakKind::TwoInsurerIds => {
            "one insurer covers one legal buyer under two ids; the higher limit counts"
        }
        BreakKind::UnknownCode => "a partner uses a code that the mapping does not know",
        BreakKind::LimitChangedInErp => "somebody changed in the ERP the limit that Encours had written",
        BreakKind::LimitNotEnforced => "nothing is covered and the ERP does not stop deliveries",
        BreakKind::RequestUnknownToInsurer => "the insurer does not list a request of ours",
        BreakKind::RequestUnanswered => "the insurer has not answered a request for long",
        BreakKind::NoticeDue => "an overdue invoice has to be notified soon",
        BreakKind::NoticeMissed => "an overdue invoice was not notified in time",
        BreakKind::NeverDeclared => "the buyer owes or was invoiced and no statement can name it",
        BreakKind::DeclaredDiffers => "the ledger knows another figure than was stated",
        BreakKind::MissingAtFactor => "assigned and open, and not on the factor's statement",
        BreakKind::UnknownToLedger => "on the factor's statement, and never assigned",
        BreakKind::AmountDiffers => "the factor has another amount than was assigned",
        BreakKind::Rejected => "the factor did not take it",
        BreakKind::PaidNotReleased => "paid here, and the factor still waits for the buyer",
        BreakKind::HoldbackDiffers => "the factor holds another guarantee than the contract says",
        BreakKind::Definanced => "the factor has taken its financing back",
    }
}

/// What an event counts, as a heading.
pub const fn event_heading(event: Event) -> &'static str {
    match event {
        Event::LimitGranted => "Limits granted",
        Event::LimitIncreased => "Limits increased",
        Event::LimitReduced => "Limits cut",
        Event::LimitWithdrawn => "Limits withdrawn",
        Event::LimitRefused => "Requests refused",
        Event::LimitExpiring => "Cover that ends soon",
        Event::LimitExpired => "Cover that has ended",
        Event::LimitNoticeOfWithdrawal => "Withdrawals announced",
        Event::RatingChanged => "Ratings changed",
        Event::ExposureChanged => "What buyers owe has changed",
        Event::ExposureOverLimit => "Gone over the limit",
        Event::ExposureBackWithinLimit => "Back within the limit",
        Event::CoverStopped => "Cover stopped",
        Event::CoverLifted => "Stops of cover lifted",
        Event::DeadlineUpcoming => "Deadlines near",
        Event::DeadlineMissed => "Deadlines missed",
        Event::DeadlineMet => "Deadlines met",
        Event::RequestProposed => "Requests proposed",
        Event::RequestSent => "Requests sent",
        Event::RequestDecided => "Requests answered",
        Event::BreakOpened => "Differences found",
        Event::BreakClosed => "Differences settled",
        Event::AssignmentSent => "Batches sent to factors",
        Event::AssignmentAccepted => "Documents accepted by factors",
        Event::AssignmentRejected => "Documents rejected by factors",
        Event::AssignmentFinanced => "Documents financed",
        Event::AssignmentDefinanced => "Documents definanced",
        Event::InvoiceStatus => "Invoices with another e-invoicing status",
        Event::ConnectionPaused => "Connections paused",
        Event::ConnectionRecovered => "Connections working again",
    }
}

/// A decision as a sentence has it: "reduced", "refused".
pub const fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Approved => "approved",
        Decision::Partial => "approved in part",
        Decision::Refused => "refused",
        Decision::Kept => "increase refused, cover kept",
        Decision::Reduced => "reduced",
        Decision::NoticeOfWithdrawal => "withdrawal announced",
        Decision::Withdrawn => "withdrawn",
        Decision::Cancelled => "given up by us",
        Decision::Expired => "expired",
        Decision::Pending => "under review",
        Decision::Unknown => "unknown code",
    }
}

/// Why a policy does not insure a buyer, in the middle of a sentence.
pub const fn buyer_kind(kind: BuyerKind) -> &'static str {
    match kind {
        BuyerKind::Public => "a public buyer",
        BuyerKind::PrivatePerson => "a private person",
        BuyerKind::Affiliate => "a company of the same group",
    }
}

/// The same of several.
pub const fn buyer_kinds(kind: BuyerKind) -> &'static str {
    match kind {
        BuyerKind::Public => "public buyers",
        BuyerKind::PrivatePerson => "private persons",
        BuyerKind::Affiliate => "companies of the same group",
    }
}

/// The name of an operation as people say it.
pub fn operation(name: &str) -> &str {
    match name {
        "list_limits" => "limits",
        "list_requests" => "requests",
        "list_ratings" => "ratings",
        "list_ended" => "limits that ended",
        "read_statement" => "statement",
        "list_approvals" => "approvals",
        other => other,
    }
}

/// `today`, `1 day`, `12 days`: how long something has lasted.
pub fn age(since: Date, day: Date) -> String {
    match day.signed_duration_since(since).num_days() {
        ..=0 => "today".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{} days", super::table::count(days)),
    }
}

/// Indents every line.
pub fn indent(text: &str, by: usize) -> String {
    let blanks = " ".repeat(by);
    text.lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{blanks}{line}\n") })
        .collect()
}

/// Wraps words into lines of at most `width` characters.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let fits = lines
            .last()
            .is_none_or(|line| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width);
        if !fits {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Cuts a text to `most` characters, saying so.
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wrap_and_are_never_lost() {
        let lines = wrap("one two three four", 9);
        assert_eq!(lines, ["one two", "three", "four"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
    }

    #[test]
    fn ages_are_said_as_people_do() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(age(day("2026-03-10"), day("2026-03-10")), "today");
        assert_eq!(age(day("2026-03-09"), day("2026-03-10")), "1 day");
        assert_eq!(age(day("2026-02-01"), day("2026-03-10")), "37 days");
    }
}
