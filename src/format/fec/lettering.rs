//! Ties credits to debits inside one customer's account, and says how each tie is known.
//!
//! Order: letters first (they are the accountant's own statement; a group that sums to nothing is closed, whatever the
//! case of its letter), then an equal piece reference, then one single debit of exactly the amount. What remains is left unallocated: the exposure is the same, and nothing is presented as paid
//! on a guess. Nothing is tied across accounts, because letters repeat there.
//! Invariant: a tie takes the same amount from both sides, so the sum of what is open never moves.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Line;
use crate::model::ItemKind;

/// Stated by a letter that leaves no choice.
pub const LETTERING: &str = "lettering";
/// Stated by a letter, but which of several lines stays open was chosen: same reference, then oldest first.
pub const PARTIAL_LETTERING: &str = "partial_lettering";
/// The credit carries the number of the debit.
pub const PIECE_REF: &str = "piece_ref";
/// One single earlier debit is open for exactly this amount.
pub const EXACT_AMOUNT: &str = "exact_amount";

/// A part of a credit that was tied to a debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairing {
    /// External id of the receipt or credit note.
    pub from: String,
    /// External id of the invoice.
    pub to: String,
    /// Minor units of the bookkeeping currency.
    pub amount_minor: i64,
    /// [`LETTERING`], [`PARTIAL_LETTERING`], [`PIECE_REF`] or [`EXACT_AMOUNT`]; all but the first are inferences.
    pub how: &'static str,
}

/// Settles the lines of every account; `customer_of` gives the customer of a line, to tell references from habits.
pub(super) fn settle(lines: &mut [Line], customer_of: impl Fn(&Line) -> usize) -> Vec<Pairing> {
    let habits = habitual_references(lines, customer_of);
    let mut pairings = Vec::new();
    lines.sort_by_key(|line| (line.holder, line.issued, line.line));
    for account in lines.chunk_by_mut(|a, b| a.holder == b.holder) {
        by_letter(account, &mut pairings);
        let leftovers = account.iter_mut().filter(|line| line.open != 0);
        by_reference(leftovers, &habits, PIECE_REF, &mut pairings);
        by_exact_amount(account, &mut pairings);
    }
    pairings
}

/// References that debits of several customers carry (`AN`, `VIR`): a habit of the bookkeeper, not a document.
fn habitual_references(lines: &[Line], customer_of: impl Fn(&Line) -> usize) -> HashSet<String> {
    let mut owners: HashMap<&str, usize> = HashMap::new();
    let mut habits = HashSet::new();
    for line in lines.iter().filter(|line| line.amount > 0) {
        let customer = customer_of(line);
        if *owners.entry(&line.number).or_insert(customer) != customer {
            habits.insert(line.number.clone());
        }
    }
    habits
}

fn by_letter(account: &mut [Line], pairings: &mut Vec<Pairing>) {
    let mut groups: BTreeMap<String, Vec<&mut Line>> = BTreeMap::new();
    for line in account.iter_mut().filter(|line| !line.letter.is_empty()) {
        groups.entry(line.letter.clone()).or_default().push(line);
    }
    for mut group in groups.into_values() {
        let rest: i128 = group.iter().map(|line| i128::from(line.open)).sum();
        if rest == 0 {
            for line in &mut group {
                line.open = 0;
            }
            continue;
        }
        let heavy = group.iter().filter(|line| (line.open > 0) == (rest > 0)).count();
        let how = if heavy == 1 { LETTERING } else { PARTIAL_LETTERING };
        by_reference(group.iter_mut().map(|line| &mut **line), &HashSet::new(), how, pairings);
        let (mut debits, mut credits) = sides(group.into_iter());
        oldest_first(&mut debits, &mut credits, how, pairings);
    }
}

/// Ties a credit to the debits of the one entry whose number it carries.
fn by_reference<'l>(
    lines: impl Iterator<Item = &'l mut Line>,
    habits: &HashSet<String>,
    how: &'static str,
    pairings: &mut Vec<Pairing>,
) {
    let mut documents: BTreeMap<String, Vec<&mut Line>> = BTreeMap::new();
    for line in lines {
        let reference = if line.open > 0 { &line.number } else { &line.piece };
        if !reference.is_empty() && !habits.contains(reference) {
            documents.entry(reference.clone()).or_default().push(line);
        }
    }
    for lines in documents.into_values() {
        let (mut debits, mut credits) = sides(lines.into_iter());
        // One reference on several entries (a contract number on every invoice) does not say which is paid.
        if debits.windows(2).all(|pair| matches!(pair, [a, b] if a.entry == b.entry)) {
            oldest_first(&mut debits, &mut credits, how, pairings);
        }
    }
}

/// Ties a receipt to the only debit that is open for its amount and is not younger than it.
///
/// Receipts go in the order of their dates, so that entries added later do not undo a tie.
fn by_exact_amount(account: &mut [Line], pairings: &mut Vec<Pairing>) {
    let (debits, mut credits) = sides(account.iter_mut());
    let mut open: HashMap<i64, Vec<&mut Line>> = HashMap::new();
    for debit in debits {
        open.entry(debit.open).or_default().push(debit);
    }
    for credit in credits.iter_mut().filter(|credit| credit.kind == ItemKind::Receipt) {
        let Some(same) = open.get_mut(&-credit.open) else { continue };
        let mut fitting = same.iter_mut().filter(|debit| debit.open > 0 && debit.issued <= credit.issued);
        if let (Some(debit), None) = (fitting.next(), fitting.next()) {
            tie(debit, credit, EXACT_AMOUNT, pairings);
        }
    }
}

fn sides<'l>(lines: impl Iterator<Item = &'l mut Line>) -> (Vec<&'l mut Line>, Vec<&'l mut Line>) {
    lines.filter(|line| line.open != 0).partition(|line| line.open > 0)
}

fn oldest_first(
    debits: &mut [&mut Line],
    credits: &mut [&mut Line],
    how: &'static str,
    pairings: &mut Vec<Pairing>,
) {
    let mut debits = debits.iter_mut().filter(|debit| debit.open > 0);
    let mut debit = debits.next();
    for credit in credits {
        while credit.open < 0 {
            let Some(current) = debit.as_mut() else { return };
            tie(current, credit, how, pairings);
            if current.open == 0 {
                debit = debits.next();
            }
        }
    }
}

fn tie(debit: &mut Line, credit: &mut Line, how: &'static str, pairings: &mut Vec<Pairing>) {
    let amount_minor = debit.open.min(credit.open.saturating_neg());
    debit.open -= amount_minor;
    credit.open += amount_minor;
    for line in [&mut *debit, &mut *credit] {
        if how != LETTERING {
            line.inferred = Some(how);
        }
    }
    pairings.push(Pairing { from: credit.id.clone(), to: debit.id.clone(), amount_minor, how });
}
