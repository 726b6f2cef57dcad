//! What was assigned against what the factor's statement says of it.
//!
//! A statement lists everything that the factor has, as it stands. Answers say only how a document stood when it was decided on: what they
//! do not name is unanswered, and what was paid since is not contradicted by them.
//! Invariant: every document on either side is counted once, `ours = matched + ours only` and `theirs = matched + theirs only`, in
//! number and in sum; a document that both sides are done with is no difference. Reference: shared rules, "Reconciliation".

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{BreakKind, Currency, FactorLine, FactorState, Listing, Money};

/// A document that the factor was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent<'a> {
    /// Its number as it was written for the factor.
    pub number: &'a str,
    /// The legal buyer.
    pub buyer: &'a str,
    /// Currency of the amounts.
    pub currency: Currency,
    /// The amount assigned, never negative, minor units.
    pub amount_minor: i64,
    /// What is open of it in the ledger, minor units; 0 where it went back to the seller.
    pub open_minor: i64,
    /// It went back to the seller.
    pub is_reassigned: bool,
    /// What the contract says is held of it, never negative, minor units.
    pub holdback_minor: i64,
    /// What the contract says is paid for it; negative for what a credit note takes back, minor units.
    pub available_minor: i64,
    /// What the contract says is charged for it, tax included, minor units.
    pub fee_minor: i64,
}

/// One difference on one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'a> {
    /// How they differ.
    pub kind: BreakKind,
    /// The document's number as the factor has it.
    pub number: &'a str,
    /// The buyer, where the document was assigned.
    pub buyer: Option<&'a str>,
    /// Our side in words.
    pub ours: String,
    /// Theirs in words.
    pub theirs: String,
}

/// Number and sum of one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Side {
    /// Documents.
    pub count: i64,
    /// Their sum, minor units.
    pub sum_minor: i64,
}

impl Side {
    fn add(&mut self, minor: i64) {
        self.count += 1;
        self.sum_minor = self.sum_minor.saturating_add(minor);
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, sum_minor: self.sum_minor.saturating_add(other.sum_minor) }
    }
}

/// What the factor states of its payments, and what was expected for the same documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stated {
    /// Documents of which it says something.
    pub documents: i64,
    /// What was expected for those, minor units.
    pub expected_minor: i64,
    /// What it says, minor units.
    pub stated_minor: i64,
}

impl Stated {
    fn add(&mut self, expected_minor: i64, stated_minor: i64) {
        self.documents += 1;
        self.expected_minor = self.expected_minor.saturating_add(expected_minor);
        self.stated_minor = self.stated_minor.saturating_add(stated_minor);
    }
}

/// What a comparison counted in one currency. Each sum is of the side's own amounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compared {
    /// Everything that was sent.
    pub ours: Side,
    /// Of it, what the statement lists.
    pub ours_matched: Side,
    /// Of it, what it does not list.
    pub ours_only: Side,
    /// Everything that the statement lists.
    pub theirs: Side,
    /// Of it, what was sent.
    pub theirs_matched: Side,
    /// Of it, what was not.
    pub theirs_only: Side,
    /// What it has paid.
    pub paid: Stated,
    /// What it has given back of the guarantee: of settled documents all of it is expected, of others nothing.
    pub released: Stated,
    /// What it charges, tax included.
    pub fees: Stated,
}

impl Compared {
    /// Whether nothing was counted twice or not at all.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.ours == self.ours_matched.plus(self.ours_only)
            && self.theirs == self.theirs_matched.plus(self.theirs_only)
            && self.ours_matched.count == self.theirs_matched.count
    }
}

/// Compares what was sent under a contract with what the factor says of it. Of several lines on one document the last counts.
#[must_use]
pub fn reconcile<'a>(
    sent: &'a [Sent<'a>],
    statement: &'a [FactorLine],
    listing: Listing,
) -> (Vec<Finding<'a>>, BTreeMap<Currency, Compared>) {
    let lines: BTreeMap<(&str, Currency), &FactorLine> =
        statement.iter().map(|line| ((line.number.as_str(), line.currency), line)).collect();
    let mut totals: BTreeMap<Currency, Compared> = BTreeMap::new();
    let mut findings = Vec::new();
    let mut matched = BTreeSet::new();
    for document in sent {
        let key = (document.number, document.currency);
        let own = totals.entry(document.currency).or_default();
        own.ours.add(document.amount_minor);
        match lines.get(&key) {
            Some(line) => {
                matched.insert(key);
                // A statement tells amounts without a sign.
                let sign = if document.available_minor < 0 { -1 } else { 1 };
                if let Some(minor) = line.financed_minor {
                    own.paid.add(document.available_minor, sign * minor);
                }
                if let Some(minor) = line.released_minor {
                    let due = if document.open_minor == 0 { document.holdback_minor } else { 0 };
                    own.released.add(sign * due, sign * minor);
                }
                if let Some(minor) = line.fee_minor {
                    own.fees.add(document.fee_minor, sign * minor);
                }
                own.ours_matched.add(document.amount_minor);
                own.theirs_matched.add(line.amount_minor);
                findings.extend(differences(document, line, listing));
            }
            None => {
                own.ours_only.add(document.amount_minor);
                // What is paid may have left the statement, and what has no answer yet was never on one.
                if document.open_minor > 0 && listing == Listing::Whole {
                    let ours = format!("sent, {} open", money(document.open_minor, document.currency));
                    findings.push(document.finding(
                        BreakKind::MissingAtFactor,
                        ours,
                        "not listed".to_owned(),
                    ));
                }
            }
        }
    }
    for (key, line) in &lines {
        let own = totals.entry(line.currency).or_default();
        own.theirs.add(line.amount_minor);
        if !matched.contains(key) {
            own.theirs_only.add(line.amount_minor);
            findings.push(Finding {
                kind: BreakKind::UnknownToLedger,
                number: &line.number,
                buyer: None,
                ours: "never assigned".to_owned(),
                theirs: format!("{}, {}", line.state, money(line.amount_minor, line.currency)),
            });
        }
    }
    findings.sort_by(|a, b| (a.number, a.kind).cmp(&(b.number, b.kind)));
    (findings, totals)
}

fn money(minor: i64, currency: Currency) -> String {
    Money::new(minor, currency).to_string()
}

impl<'a> Sent<'a> {
    fn finding(&self, kind: BreakKind, ours: String, theirs: String) -> Finding<'a> {
        Finding { kind, number: self.number, buyer: Some(self.buyer), ours, theirs }
    }
}

/// How a document differs from its line.
fn differences<'a>(document: &Sent<'a>, line: &FactorLine, listing: Listing) -> Vec<Finding<'a>> {
    let currency = document.currency;
    let mut found = Vec::new();
    // An answer stays what it was: of what is settled since it says nothing.
    if listing == Listing::Answers && document.open_minor == 0 {
        return found;
    }
    let reason = || line.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    if line.state == FactorState::Rejected {
        let ours = format!("sent, {}", money(document.amount_minor, currency));
        found.push(document.finding(BreakKind::Rejected, ours, format!("rejected{}", reason())));
        return found;
    }
    if line.amount_minor != document.amount_minor {
        let (ours, theirs) = (money(document.amount_minor, currency), money(line.amount_minor, currency));
        found.push(document.finding(BreakKind::AmountDiffers, ours, theirs));
    }
    if line.state == FactorState::Definanced && document.open_minor > 0 {
        let ours = format!("{} open", money(document.open_minor, currency));
        found.push(document.finding(BreakKind::Definanced, ours, format!("definanced{}", reason())));
    }
    if document.open_minor == 0 && line.state.is_open() {
        let theirs = format!("{}, {}", line.state, money(line.amount_minor, currency));
        let ours = if document.is_reassigned { "went back to you" } else { "paid" };
        found.push(document.finding(BreakKind::PaidNotReleased, ours.to_owned(), theirs));
    }
    // Of a part given back nothing follows: a credit note may have taken the rest of the guarantee back before.
    let is_due = document.open_minor == 0 && line.state == FactorState::Paid && document.holdback_minor > 0;
    if is_due && line.released_minor == Some(0) {
        let ours = format!("paid, {} held", money(document.holdback_minor, currency));
        found.push(document.finding(
            BreakKind::PaidNotReleased,
            ours,
            "nothing of the guarantee given back".to_owned(),
        ));
    }
    if let Some(theirs) =
        line.holdback_minor.filter(|held| line.state.is_open() && *held != document.holdback_minor)
    {
        let (ours, theirs) = (money(document.holdback_minor, currency), money(theirs, currency));
        found.push(document.finding(BreakKind::HoldbackDiffers, ours, theirs));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent(number: &str) -> Sent<'_> {
        Sent {
            number,
            buyer: "siren:404833048",
            currency: Currency::EUR,
            amount_minor: 115_000,
            open_minor: 115_000,
            is_reassigned: false,
            holdback_minor: 11_500,
            available_minor: 103_500,
            fee_minor: 0,
        }
    }

    fn line(number: &str, state: FactorState) -> FactorLine {
        FactorLine {
            contract: None,
            number: number.into(),
            currency: Currency::EUR,
            amount_minor: 115_000,
            state,
            financed_minor: Some(103_500),
            holdback_minor: Some(11_500),
            released_minor: None,
            fee_minor: None,
            reason: None,
            date: None,
        }
    }

    /// Kind, our side and theirs of each finding on one document.
    fn told(document: Option<Sent<'_>>, line: Option<FactorLine>) -> Vec<(BreakKind, String, String)> {
        let (sent, lines) = (Vec::from_iter(document), Vec::from_iter(line));
        let (findings, totals) = reconcile(&sent, &lines, Listing::Whole);
        assert!(totals.values().all(Compared::adds_up), "{totals:?}");
        findings.iter().map(|own| (own.kind, own.ours.clone(), own.theirs.clone())).collect()
    }

    #[test]
    fn a_document_that_both_sides_tell_alike_is_no_difference() {
        for state in [FactorState::Received, FactorState::Accepted, FactorState::Financed] {
            assert_eq!(told(Some(sent("F1")), Some(line("F1", state))), []);
        }
        let paid = Sent { open_minor: 0, ..sent("F1") };
        assert_eq!(told(Some(paid.clone()), Some(line("F1", FactorState::Paid))), []);
        assert_eq!(told(Some(paid), None), [], "it was paid, and has left the statement");
    }

    #[test]
    fn what_the_factor_does_not_say_that_it_has_paid_is_not_counted() {
        let said = |financed_minor| {
            let lines = [FactorLine { financed_minor, ..line("F1", FactorState::Financed) }];
            let (_, totals) = reconcile(&[sent("F1")], &lines, Listing::Whole);
            let own = totals[&Currency::EUR];
            (own.paid.documents, own.paid.stated_minor, own.paid.expected_minor)
        };
        assert_eq!(said(None), (0, 0, 0));
        assert_eq!(said(Some(0)), (1, 0, 103_500));
    }

    #[test]
    fn each_difference_by_itself() {
        use BreakKind::{
            AmountDiffers, Definanced, HoldbackDiffers, MissingAtFactor, PaidNotReleased, Rejected,
            UnknownToLedger,
        };
        let f1 = || Some(sent("F1"));
        let paid = || Some(Sent { open_minor: 0, ..sent("F1") });
        let one = |kind, ours: &str, theirs: &str| vec![(kind, ours.to_owned(), theirs.to_owned())];
        let financed = || line("F1", FactorState::Financed);
        assert_eq!(told(f1(), None), one(MissingAtFactor, "sent, 1 150.00 EUR open", "not listed"));
        assert_eq!(
            told(None, Some(financed())),
            one(UnknownToLedger, "never assigned", "financed, 1 150.00 EUR")
        );
        assert_eq!(
            told(f1(), Some(FactorLine { amount_minor: 115_001, ..financed() })),
            one(AmountDiffers, "1 150.00 EUR", "1 150.01 EUR")
        );
        let reason = Some("no approval".to_owned());
        let refused =
            FactorLine { reason: reason.clone(), amount_minor: 0, ..line("F1", FactorState::Rejected) };
        assert_eq!(told(f1(), Some(refused)), one(Rejected, "sent, 1 150.00 EUR", "rejected: no approval"));
        assert_eq!(told(paid(), Some(financed())), one(PaidNotReleased, "paid", "financed, 1 150.00 EUR"));
        let back = Sent { open_minor: 0, is_reassigned: true, ..sent("F1") };
        assert_eq!(
            told(Some(back.clone()), Some(financed())),
            one(PaidNotReleased, "went back to you", "financed, 1 150.00 EUR")
        );
        assert_eq!(told(Some(back.clone()), Some(line("F1", FactorState::Definanced))), []);
        assert_eq!(told(Some(back), None), []);
        assert_eq!(
            told(f1(), Some(FactorLine { holdback_minor: Some(23_000), ..financed() })),
            one(HoldbackDiffers, "115.00 EUR", "230.00 EUR")
        );
        assert_eq!(
            told(f1(), Some(FactorLine { holdback_minor: None, ..financed() })),
            [],
            "a statement that does not say it differs in nothing"
        );
        let back = FactorLine { reason: Some("overdue".into()), ..line("F1", FactorState::Definanced) };
        assert_eq!(
            told(f1(), Some(back.clone())),
            one(Definanced, "1 150.00 EUR open", "definanced: overdue")
        );
        assert_eq!(told(paid(), Some(back)), [], "the buyer has paid since");
    }

    #[test]
    fn what_was_paid_at_the_factor_and_is_open_here_is_no_difference_of_the_assignment() {
        assert_eq!(told(Some(sent("F1")), Some(line("F1", FactorState::Paid))), []);
    }

    #[test]
    fn what_is_given_back_of_the_guarantee_is_due_once_the_buyer_has_paid() {
        let paid = || Sent { open_minor: 0, ..sent("F1") };
        let said = |released, state| FactorLine { released_minor: Some(released), ..line("F1", state) };
        let told_of = |document, line: FactorLine| told(Some(document), Some(line));
        let held = (
            BreakKind::PaidNotReleased,
            "paid, 115.00 EUR held".to_owned(),
            "nothing of the guarantee given back".to_owned(),
        );
        assert_eq!(told_of(paid(), said(11_500, FactorState::Paid)), []);
        assert_eq!(told_of(paid(), said(1, FactorState::Paid)), [], "a credit note may have had the rest");
        assert_eq!(told_of(paid(), said(0, FactorState::Paid)), [held]);
        let free = Sent { holdback_minor: 0, ..paid() };
        assert_eq!(told_of(free, said(0, FactorState::Paid)), []);
        assert_eq!(told_of(sent("F1"), said(0, FactorState::Paid)), [], "it is open here");
        let back = told_of(paid(), said(0, FactorState::Financed));
        assert_eq!(back.len(), 1, "one difference, not two: {back:?}");

        let counted = |document: Sent<'_>, released| {
            let lines = [said(released, FactorState::Paid)];
            reconcile(&[document], &lines, Listing::Whole).1[&Currency::EUR].released
        };
        let of = |expected_minor, stated_minor| Stated { documents: 1, expected_minor, stated_minor };
        assert_eq!(counted(paid(), 4_000), of(11_500, 4_000));
        assert_eq!(counted(sent("F1"), 4_000), of(0, 4_000));
        let note = Sent { open_minor: 0, available_minor: -103_500, ..sent("F1") };
        assert_eq!(counted(note, 11_500), of(-11_500, -11_500));
    }

    #[test]
    fn what_is_charged_is_counted_where_the_factor_says_it() {
        let fees = |fee_minor| {
            let lines = [FactorLine { fee_minor, ..line("F1", FactorState::Financed) }];
            let document = Sent { fee_minor: 690, ..sent("F1") };
            reconcile(&[document], &lines, Listing::Whole).1[&Currency::EUR].fees
        };
        let note = Sent { available_minor: -9_000, ..sent("A1") };
        let lines = [FactorLine { fee_minor: Some(200), ..line("A1", FactorState::Financed) }];
        let back = reconcile(&[note], &lines, Listing::Whole).1[&Currency::EUR].fees;
        assert_eq!(back.stated_minor, -200, "of a credit note it is given back");
        assert_eq!(fees(None), Stated::default());
        assert_eq!(fees(Some(700)), Stated { documents: 1, expected_minor: 690, stated_minor: 700 });
    }

    #[test]
    fn totals_show_both_sides() {
        let ours = [sent("F1"), sent("F2")];
        let theirs = [
            line("F2", FactorState::Financed),
            FactorLine { amount_minor: 7, ..line("F3", FactorState::Accepted) },
        ];
        let (_, totals) = reconcile(&ours, &theirs, Listing::Whole);
        let side = |count, sum_minor| Side { count, sum_minor };
        assert_eq!(
            totals.get(&Currency::EUR),
            Some(&Compared {
                ours: side(2, 230_000),
                ours_matched: side(1, 115_000),
                ours_only: side(1, 115_000),
                theirs: side(2, 115_007),
                theirs_matched: side(1, 115_000),
                theirs_only: side(1, 7),
                paid: Stated { documents: 1, expected_minor: 103_500, stated_minor: 103_500 },
                ..Compared::default()
            })
        );
    }

    #[test]
    fn an_answer_speaks_of_what_it_names_and_of_that_day() {
        let one = |document: Sent<'_>, line: FactorLine| {
            let (sent, lines) = (vec![document], vec![line]);
            let (findings, totals) = reconcile(&sent, &lines, Listing::Answers);
            assert!(totals.values().all(Compared::adds_up), "{totals:?}");
            findings.iter().map(|own| own.kind).collect::<Vec<_>>()
        };
        let paid = || Sent { open_minor: 0, ..sent("F1") };
        let (financed, rejected) = (line("F1", FactorState::Financed), line("F1", FactorState::Rejected));
        assert_eq!(one(paid(), financed), [], "it was open when the factor answered");
        assert_eq!(one(paid(), rejected.clone()), [], "the buyer has paid the seller");
        assert_eq!(one(sent("F1"), rejected), [BreakKind::Rejected]);
        let (sent, other) = ([sent("F1")], [line("F2", FactorState::Financed)]);
        let (findings, totals) = reconcile(&sent, &other, Listing::Answers);
        let kinds: Vec<BreakKind> = findings.iter().map(|own| own.kind).collect();
        assert_eq!(kinds, [BreakKind::UnknownToLedger], "F1 has no answer yet");
        assert_eq!(totals.get(&Currency::EUR).unwrap().ours_only.count, 1);
    }

    #[test]
    fn what_a_credit_note_takes_back_is_taken_off_what_is_paid() {
        let note = Sent { available_minor: -9_000, ..sent("A1") };
        let lines = [FactorLine { financed_minor: Some(9_000), ..line("A1", FactorState::Financed) }];
        let sent = [note];
        let (_, totals) = reconcile(&sent, &lines, Listing::Whole);
        let own = totals.get(&Currency::EUR).unwrap();
        assert_eq!((own.paid.expected_minor, own.paid.stated_minor), (-9_000, -9_000));
    }

    proptest! {
        #[test]
        fn nothing_is_counted_twice_or_not_at_all(
            ours in prop::collection::btree_set(0_u8..20, 0..20),
            theirs in prop::collection::vec((0_u8..20, 0_usize..6, 0_i64..3), 0..30),
        ) {
            let numbers: Vec<String> = ours.iter().map(|number| format!("F{number}")).collect();
            let sent: Vec<Sent<'_>> = numbers.iter().map(|number| sent(number)).collect();
            let lines: Vec<FactorLine> = theirs
                .iter()
                .map(|(number, state, amount)| FactorLine {
                    amount_minor: 114_999 + amount,
                    ..line(&format!("F{number}"), FactorState::ALL[*state])
                })
                .collect();
            let (findings, totals) = reconcile(&sent, &lines, Listing::Whole);
            prop_assert!(totals.values().all(Compared::adds_up));
            let listed: BTreeSet<&str> = lines.iter().map(|line| line.number.as_str()).collect();
            let counted = totals.get(&Currency::EUR).copied().unwrap_or_default();
            prop_assert_eq!(usize::try_from(counted.ours.count).unwrap(), sent.len());
            prop_assert_eq!(usize::try_from(counted.theirs.count).unwrap(), listed.len());
            let missing = findings.iter().filter(|own| own.kind == BreakKind::MissingAtFactor).count();
            prop_assert_eq!(i64::try_from(missing).unwrap(), counted.ours_only.count, "all of them are open");
            let unknown = findings.iter().filter(|own| own.kind == BreakKind::UnknownToLedger).count();
            prop_assert_eq!(i64::try_from(unknown).unwrap(), counted.theirs_only.count);
        }
    }
}
