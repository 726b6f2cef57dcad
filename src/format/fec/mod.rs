//! From a full French ledger (fichier des écritures comptables, FEC) to the open items of its customers.
//!
//! A FEC states postings, not what is owed: this module keeps the lines of the receivable accounts, settles them
//! (see `lettering`) and proves the result. It has no due dates: they are computed from terms and are estimates.
//! A row that cannot be used is set apart with its reason; a file that cannot be proved complete is refused, because a
//! ledger cut in two looks exactly like customers who have paid.
//!
//! Invariants: Σ debit = Σ credit over the whole file, rejected rows included; and to the cent, per customer and in
//! total, `Σ open(invoices) − Σ open(credit notes and receipts) + rejected + skipped opening lines = balance of the
//! receivable accounts`.
//!
//! Kinds. A debit is an invoice (a refund or a bounced cheque too: the buyer owes it). A credit is a receipt when its
//! entry touches cash (class 5), else a credit note when it touches sales, VAT collected or charges (classes 7, 4457,
//! 6: a written-off debt brings no money), else a receipt (set-off, bill of exchange, advance, transfer). Credits of an
//! opening journal are receipts, since their nature stayed in the previous year. Exporters that number every line as an
//! entry of its own leave no counterpart to look at: there the journal's other lines decide.
//!
//! Foreign currency. Items are in the bookkeeping currency, which is what the ledger balances in; `Montantdevise`
//! and `Idevise` stay beside the item as the document's own amount and take no part in any sum.
//!
//! Reference: LPF art. A47 A-1, BOI-CF-IOR-60-40-20.

mod balances;
mod lettering;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use balances::{AccountBalance, TrialBalance, trial_balance};
pub use lettering::{EXACT_AMOUNT, LETTERING, PARTIAL_LETTERING, PIECE_REF, Pairing};
pub use rows::Encoding;

use crate::ids::fingerprint_hex;
use crate::model::{Currency, Date, ItemKind, Money, MoneyError, render_minor};
use rows::{Reader, Row, parse_amount, parse_date};

/// How many unbalanced entries are named; the others are counted.
const UNBALANCED_NAMED_MAX: usize = 50;

/// What to do with the entries that carry last year's balances forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// They are open items whose document is in a year that is not loaded.
    KeepOpeningEntries,
    /// The previous year's file is loaded and holds the documents themselves.
    SkipOpeningEntries,
}

/// What a FEC does not say about itself.
#[derive(Debug, Clone)]
pub struct Options {
    /// Accounts of the chart that hold what customers owe, by their first digits.
    pub receivable_prefixes: Vec<String>,
    /// The currency the books are kept in.
    pub currency: Currency,
    /// Payment terms in days from the date of the piece, for customers without their own.
    pub default_terms_days: i64,
    /// Payment terms in days, by customer code.
    pub terms_days: BTreeMap<String, i64>,
    /// What to do with the opening entries.
    pub opening: Opening,
    /// Codes of journals of opening entries, besides those whose name says so (`à nouveaux`, `ouverture`).
    pub opening_journals: Vec<String>,
}

impl Options {
    /// The French chart: 411 customers, 413 bills receivable, 416 doubtful customers; opening entries are kept.
    #[must_use]
    pub fn new(currency: Currency, default_terms_days: i64) -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            receivable_prefixes: texts(&["411", "413", "416"]),
            currency,
            default_terms_days,
            terms_days: BTreeMap::new(),
            opening: Opening::KeepOpeningEntries,
            opening_journals: texts(&["AN", "ANO", "ANX", "RAN", "OUV"]),
        }
    }
}

/// Where an item comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A posting of this year.
    Ledger,
    /// A balance carried forward; its own date and number may be those of the opening entry.
    Opening,
}

/// One line of a receivable account that is not fully settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenItem {
    /// Line in the file, the header being 1.
    pub line: u64,
    /// Invoice, credit note or receipt; see the module for the rule.
    pub kind: ItemKind,
    /// `journal:entry:date:digest`, the same in every export of the ledger, whatever is lettered or added later.
    pub external_id: String,
    /// The piece's reference, or the entry's number where the piece has none.
    pub number: String,
    /// Customer code: `CompAuxNum`, else what follows the prefix in `CompteNum`.
    pub account: String,
    /// Name of the customer, as its last line has it.
    pub account_name: String,
    /// The bookkeeping currency.
    pub currency: Currency,
    /// Amount of the line, minor units, never negative.
    pub total_minor: i64,
    /// What is not settled of it, minor units, never negative.
    pub open_minor: i64,
    /// Date of the piece, or of the entry where the piece has none; a receipt has the date of its entry.
    pub issued: Date,
    /// `issued` plus terms, always an estimate; `issued` itself for a receipt.
    pub due: Date,
    /// The label of the line.
    pub reference: Option<String>,
    /// How the part already settled was inferred: [`PARTIAL_LETTERING`], [`PIECE_REF`] or [`EXACT_AMOUNT`].
    pub inferred: Option<&'static str>,
    /// This year's posting or a balance carried forward.
    pub origin: Origin,
    /// The document's own amount where it is in another currency, never negative.
    pub foreign: Option<Money>,
}

/// A row that was set apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Line in the file, the header being 1.
    pub line: u64,
    /// Why, for a person.
    pub reason: String,
    /// The row as it came, decoded.
    pub payload: String,
    /// Debit less credit that the exposure misses because of it; 0 when it is no receivable line.
    pub receivable_minor: i64,
}

/// An entry whose debits are not its credits, in a file that balances as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnbalancedEntry {
    /// Line of its first row.
    pub line: u64,
    /// `EcritureNum`.
    pub number: String,
    /// `JournalCode`.
    pub journal: String,
    /// Debit less credit.
    pub difference_minor: i64,
}

/// What a FEC says about its customers, with the totals that prove it.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// What is open, in the order of the file.
    pub items: Vec<OpenItem>,
    /// Rows set apart; their amounts are in the totals.
    pub rejected: Vec<Rejected>,
    /// Every tie that was made below the level of fully balanced letters.
    pub pairings: Vec<Pairing>,
    /// Rows of the file, without the header.
    pub entries_read: u64,
    /// Σ debit of the whole file.
    pub debit_minor: i64,
    /// Σ credit of the whole file, equal to `debit_minor`.
    pub credit_minor: i64,
    /// Σ debit − credit of the receivable accounts, as an accountant reads it on the trial balance.
    pub receivable_balance_minor: i64,
    /// The part of it in rejected rows.
    pub rejected_receivable_minor: i64,
    /// The part of it in opening entries that were skipped.
    pub skipped_opening_minor: i64,
    /// Rows on receivable accounts.
    pub receivable_count: u64,
    /// Receivable lines that ended fully settled.
    pub settled_count: u64,
    /// Balance of each customer whose lines were kept, zero included.
    pub balances: BTreeMap<String, i64>,
    /// Entries that do not balance, the first ones.
    pub unbalanced: Vec<UnbalancedEntry>,
    /// How many entries do not balance.
    pub unbalanced_count: u64,
    /// How the bytes were read.
    pub encoding: Encoding,
    /// The character between columns.
    pub separator: char,
}

/// Why a whole file is refused. Nothing of it may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No byte but blanks.
    #[error("the file is empty")]
    Empty,
    /// A byte order mark of UTF-16.
    #[error("the file is UTF-16; export it as UTF-8, ISO-8859-15 or Windows-1252")]
    Utf16,
    /// The first line is not a header of FEC columns.
    #[error(
        "no FEC header: the first line should name JournalCode, EcritureNum, CompteNum and the other columns \
             apart by a tab or |, and it is \"{found}\""
    )]
    NoHeader {
        /// The beginning of the first line.
        found: String,
    },
    /// Commas between columns, and inside amounts.
    #[error("the columns are apart by commas, which amounts contain too; export with a tab or |")]
    CommaSeparated,
    /// Columns of the decree are missing.
    #[error("the header lacks {names}; export all 18 columns of the FEC")]
    MissingColumns {
        /// Names of the missing columns.
        names: String,
    },
    /// One name stands twice in the header.
    #[error("the header names {name} twice")]
    ColumnTwice {
        /// The name.
        name: &'static str,
    },
    /// The header and nothing else.
    #[error("the file has a header and no entry; an empty ledger would close every open item")]
    NoEntries,
    /// The last line stops before its end.
    #[error(
        "truncated file: line {line}, the last, stops after {found} of {expected} columns; export it again"
    )]
    CutShort {
        /// Line in the file.
        line: u64,
        /// Columns found.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// A row whose cells have no single place.
    #[error(
        "line {line} has {found} columns where the header has {expected}: a separator or line break inside a \
             text, or a damaged file"
    )]
    Width {
        /// Line in the file.
        line: u64,
        /// Columns found.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// An amount that cannot be read leaves nothing to balance the file with.
    #[error("line {line}: {column} {cause}; without it the file cannot be balanced")]
    Amount {
        /// Line in the file.
        line: u64,
        /// Name of the column.
        column: &'static str,
        /// What is wrong with the text.
        cause: MoneyError,
    },
    /// Neither debit nor credit.
    #[error("line {line}: Sens is \"{found}\", expected D, C, +1 or -1")]
    Sense {
        /// Line in the file.
        line: u64,
        /// The text of the cell.
        found: String,
    },
    /// Debits are not credits.
    #[error(
        "truncated or damaged file: debit {debit}, credit {credit}; a complete ledger balances, export it again"
    )]
    Unbalanced {
        /// Σ debit.
        debit: Money,
        /// Σ credit.
        credit: Money,
    },
    /// Not one row could be used.
    #[error("no row of the file can be used; line {line}: {reason}")]
    NothingUsable {
        /// First rejected line.
        line: u64,
        /// Why it was rejected.
        reason: String,
    },
    /// A sum beyond 64 bits.
    #[error("line {line}: the sums of the file are too large")]
    TooLarge {
        /// Line in the file.
        line: u64,
    },
    /// Terms that are no number of days a customer is given.
    #[error("terms of {days} days for {customer} are not between 0 and 3650")]
    Terms {
        /// Customer code, or `default`.
        customer: String,
        /// Days.
        days: i64,
    },
    /// A blank prefix would take every account for a receivable.
    #[error("receivable_prefixes holds no account, or a blank one; name the accounts, such as 411")]
    Prefixes,
    /// The open items are not the balance: a defect of Encours.
    #[error(
        "defect: open items of {customer} sum to {open}, its balance is {balance}; nothing was read, report it"
    )]
    Control {
        /// Customer code, or `all customers`.
        customer: String,
        /// Σ open.
        open: Money,
        /// The balance of the receivable accounts.
        balance: Money,
    },
}

/// Whether the first line names the columns of a FEC; [`read`] then says what may still be wrong with it.
#[must_use]
pub fn looks_like_fec(bytes: &[u8]) -> bool {
    rows::names_fec_columns(bytes)
}

/// Reads a whole FEC.
///
/// Rows are walked once; what stays in memory is the receivable lines and the entries they belong to.
///
/// # Errors
/// [`Error`] refuses the whole file, with a reason a person understands.
pub fn read(bytes: &[u8], options: &Options) -> Result<Ledger, Error> {
    check_options(options)?;
    let reader = Reader::open(bytes)?;
    let mut ledger = Gather::new(options);
    reader.rows(options.currency, |row| ledger.take(&row))?;
    ledger.finish(reader.encoding, reader.separator)
}

fn check_options(options: &Options) -> Result<(), Error> {
    let prefixes = &options.receivable_prefixes;
    if prefixes.is_empty() || prefixes.iter().any(|prefix| prefix.trim().is_empty()) {
        return Err(Error::Prefixes);
    }
    let default = ("default".to_owned(), options.default_terms_days);
    let own = options.terms_days.iter().map(|(customer, days)| (customer.clone(), *days));
    match std::iter::once(default).chain(own).find(|(_, days)| !(0..=3650).contains(days)) {
        Some((customer, days)) => Err(Error::Terms { customer, days }),
        None => Ok(()),
    }
}

/// A receivable line on its way to being an item.
#[derive(Debug)]
struct Line {
    line: u64,
    holder: usize,
    journal: usize,
    entry: EntryKey,
    id: String,
    kind: ItemKind,
    booked: Date,
    piece_date: Option<Date>,
    issued: Date,
    /// Debit less credit.
    amount: i64,
    /// What is left of `amount`, with its sign.
    open: i64,
    letter: String,
    number: String,
    /// Empty when the piece has no reference.
    piece: String,
    label: String,
    origin: Origin,
    foreign: Option<Money>,
    inferred: Option<&'static str>,
}

/// One receivable account: a customer may have several (411 and 416).
#[derive(Debug)]
struct Holder {
    account: String,
    auxiliary: String,
    name: String,
    balance: i64,
}

/// Which classes of accounts an entry or a journal touches, the receivable ones aside.
#[derive(Debug, Clone, Copy, Default)]
struct Contra {
    cash: bool,
    sales: bool,
    charges: bool,
}

impl Contra {
    fn see(&mut self, account: &str) {
        self.cash |= account.starts_with('5');
        self.sales |= account.starts_with('7') || account.starts_with("4457");
        self.charges |= account.starts_with('6');
    }

    const fn credit_kind(self) -> ItemKind {
        if !self.cash && (self.sales || self.charges) { ItemKind::CreditNote } else { ItemKind::Receipt }
    }
}

#[derive(Debug)]
struct Journal {
    contra: Contra,
    origin: Origin,
}

type EntryKey = [u8; 16];

#[derive(Debug)]
struct Entry {
    first_line: u64,
    journal: String,
    number: String,
    difference: i64,
    contra: Contra,
    receivable: bool,
}

/// The entries that still matter: those with receivable lines, and those that do not balance (yet).
#[derive(Debug, Default)]
struct Entries {
    kept: HashMap<EntryKey, Entry>,
    current: Option<(EntryKey, Entry)>,
    /// Journal, number and date of the current entry.
    names: [String; 3],
}

impl Entries {
    fn see(&mut self, row: &Row<'_>, signed: i64, receivable: bool) -> Result<EntryKey, Error> {
        let names = [&row.journal, &row.entry, &row.date];
        let same = self.names.iter().zip(names).all(|(ours, theirs)| ours.as_str() == theirs.as_ref());
        let (key, mut entry) = match self.current.take() {
            Some(current) if same => current,
            other => {
                self.keep(other);
                self.names = names.map(|name| name.to_string());
                let key = crate::ids::fingerprint(&names.map(|name| name.as_bytes()));
                let entry = self.kept.remove(&key).unwrap_or_else(|| Entry {
                    first_line: row.line,
                    journal: row.journal.to_string(),
                    number: row.entry.to_string(),
                    difference: 0,
                    contra: Contra::default(),
                    receivable: false,
                });
                (key, entry)
            }
        };
        entry.difference = entry.difference.checked_add(signed).ok_or(Error::TooLarge { line: row.line })?;
        entry.receivable |= receivable;
        if !receivable {
            entry.contra.see(&row.account);
        }
        self.current = Some((key, entry));
        Ok(key)
    }

    fn keep(&mut self, left: Option<(EntryKey, Entry)>) {
        if let Some((key, entry)) = left.filter(|(_, entry)| entry.receivable || entry.difference != 0) {
            self.kept.insert(key, entry);
        }
    }
}

struct Gather<'o> {
    options: &'o Options,
    rows: u64,
    debit: i64,
    credit: i64,
    receivable_balance: i64,
    receivable_count: u64,
    rejected_receivable: i64,
    skipped_opening: i64,
    settled: u64,
    rejected: Vec<Rejected>,
    lines: Vec<Line>,
    entries: Entries,
    journals: Vec<Journal>,
    journal_index: HashMap<String, usize>,
    holders: Vec<Holder>,
    holder_index: HashMap<(String, String), usize>,
}

impl<'o> Gather<'o> {
    fn new(options: &'o Options) -> Self {
        Self {
            options,
            rows: 0,
            debit: 0,
            credit: 0,
            receivable_balance: 0,
            receivable_count: 0,
            rejected_receivable: 0,
            skipped_opening: 0,
            settled: 0,
            rejected: Vec::new(),
            lines: Vec::new(),
            entries: Entries::default(),
            journals: Vec::new(),
            journal_index: HashMap::new(),
            holders: Vec::new(),
            holder_index: HashMap::new(),
        }
    }

    fn take(&mut self, row: &Row<'_>) -> Result<(), Error> {
        let too_large = || Error::TooLarge { line: row.line };
        let add = |sum: i64, part: i64| sum.checked_add(part).ok_or_else(too_large);
        self.rows += 1;
        self.debit = add(self.debit, row.sides.debit)?;
        self.credit = add(self.credit, row.sides.credit)?;
        let signed = row.sides.debit.checked_sub(row.sides.credit).ok_or_else(too_large)?;
        let receivable = self.prefix_of(&row.account).is_some();
        let entry = self.entries.see(row, signed, receivable)?;
        let journal = self.journal(row);
        if receivable {
            self.receivable_count += 1;
            self.receivable_balance = add(self.receivable_balance, signed)?;
        } else if let Some(journal) = self.journals.get_mut(journal) {
            journal.contra.see(&row.account);
        }
        let (booked, piece_date) = match dates(row, receivable) {
            Ok(dates) => dates,
            Err(reason) => {
                let receivable_minor = if receivable { signed } else { 0 };
                self.rejected_receivable = add(self.rejected_receivable, receivable_minor)?;
                let payload = row.text.to_owned();
                self.rejected.push(Rejected { line: row.line, reason, payload, receivable_minor });
                return Ok(());
            }
        };
        if !receivable || signed == 0 {
            return Ok(());
        }
        let origin = self.journals.get(journal).map_or(Origin::Ledger, |journal| journal.origin);
        if origin == Origin::Opening && self.options.opening == Opening::SkipOpeningEntries {
            self.skipped_opening = add(self.skipped_opening, signed)?;
            return Ok(());
        }
        let holder = self.holder(row, signed)?;
        let id = external_id(row, signed);
        let piece = if is_no_reference(&row.piece) { String::new() } else { row.piece.to_string() };
        let number = [piece.as_str(), &row.entry, &id].into_iter().find(|text| !text.is_empty());
        self.lines.push(Line {
            line: row.line,
            holder,
            journal,
            entry,
            number: number.unwrap_or_default().to_owned(),
            id,
            kind: ItemKind::Invoice,
            booked,
            piece_date,
            issued: booked,
            amount: signed,
            open: signed,
            letter: row.letter.to_string(),
            piece,
            label: if is_no_reference(&row.label) { String::new() } else { row.label.to_string() },
            origin,
            foreign: foreign(row, self.options.currency),
            inferred: None,
        });
        Ok(())
    }

    /// The longest receivable prefix of an account.
    fn prefix_of(&self, account: &str) -> Option<&'o str> {
        let prefixes = self.options.receivable_prefixes.iter().map(|prefix| prefix.trim());
        prefixes.filter(|prefix| account.starts_with(prefix)).max_by_key(|prefix| prefix.len())
    }

    fn journal(&mut self, row: &Row<'_>) -> usize {
        if let Some(index) = self.journal_index.get(row.journal.as_ref()) {
            return *index;
        }
        let opening = is_opening(self.options, &row.journal, &row.journal_name);
        let origin = if opening { Origin::Opening } else { Origin::Ledger };
        self.journals.push(Journal { contra: Contra::default(), origin });
        self.journal_index.insert(row.journal.to_string(), self.journals.len() - 1);
        self.journals.len() - 1
    }

    fn holder(&mut self, row: &Row<'_>, signed: i64) -> Result<usize, Error> {
        let key = (row.account.to_string(), row.auxiliary.to_string());
        let index = *self.holder_index.entry(key).or_insert_with(|| {
            self.holders.push(Holder {
                account: row.account.to_string(),
                auxiliary: row.auxiliary.to_string(),
                name: String::new(),
                balance: 0,
            });
            self.holders.len() - 1
        });
        if let Some(holder) = self.holders.get_mut(index) {
            holder.balance = holder.balance.checked_add(signed).ok_or(Error::TooLarge { line: row.line })?;
            let name = if row.auxiliary_name.is_empty() { &row.account_name } else { &row.auxiliary_name };
            if !name.is_empty() && holder.name != *name {
                holder.name = name.to_string();
            }
        }
        Ok(index)
    }

    fn finish(mut self, encoding: Encoding, separator: char) -> Result<Ledger, Error> {
        let money = |minor| Money::new(minor, self.options.currency);
        if self.rows == 0 {
            return Err(Error::NoEntries);
        }
        if self.debit != self.credit {
            return Err(Error::Unbalanced { debit: money(self.debit), credit: money(self.credit) });
        }
        if let Some(first) = self.rejected.first().filter(|_| self.rejected.len() as u64 == self.rows) {
            return Err(Error::NothingUsable { line: first.line, reason: first.reason.clone() });
        }
        let left = self.entries.current.take();
        self.entries.keep(left);
        let customers = self.customers();
        self.decide_kinds();
        tell_repeats_apart(&mut self.lines);
        let mut codes: HashMap<&str, usize> = HashMap::new();
        let numbers: Vec<usize> = customers
            .iter()
            .map(|code| {
                let next = codes.len();
                *codes.entry(code).or_insert(next)
            })
            .collect();
        let pairings =
            lettering::settle(&mut self.lines, |line| numbers.get(line.holder).copied().unwrap_or_default());
        self.lines.sort_by_key(|line| line.line);
        let balances = self.prove(&customers)?;
        let lines = std::mem::take(&mut self.lines);
        self.settled = lines.iter().filter(|line| line.open == 0).count() as u64;
        let items =
            lines.into_iter().filter(|line| line.open != 0).map(|line| self.item(line, &customers)).collect();
        let mut unbalanced: Vec<_> =
            self.entries.kept.into_values().filter(|entry| entry.difference != 0).collect();
        unbalanced.sort_by_key(|entry| entry.first_line);
        Ok(Ledger {
            items,
            rejected: self.rejected,
            pairings,
            entries_read: self.rows,
            debit_minor: self.debit,
            credit_minor: self.credit,
            receivable_balance_minor: self.receivable_balance,
            rejected_receivable_minor: self.rejected_receivable,
            skipped_opening_minor: self.skipped_opening,
            receivable_count: self.receivable_count,
            settled_count: self.settled,
            balances,
            unbalanced_count: unbalanced.len() as u64,
            unbalanced: unbalanced
                .into_iter()
                .take(UNBALANCED_NAMED_MAX)
                .map(UnbalancedEntry::from)
                .collect(),
            encoding,
            separator,
        })
    }

    /// The customer of each holder.
    ///
    /// Without an auxiliary account the customer is what follows the prefix (411DUPONT). An account that has auxiliaries
    /// elsewhere in the file, or whose suffix is that of the chart itself (411000, 41110000), is no customer's own: its
    /// bare lines go to a customer named by the whole account.
    fn customers(&self) -> Vec<String> {
        let split: HashSet<&str> = self
            .holders
            .iter()
            .filter(|holder| !holder.auxiliary.is_empty())
            .map(|holder| holder.account.as_str())
            .collect();
        let code = |holder: &Holder| {
            if !holder.auxiliary.is_empty() {
                return holder.auxiliary.clone();
            }
            let prefix = self.prefix_of(&holder.account).unwrap_or_default();
            let suffix = holder.account.strip_prefix(prefix).unwrap_or_default().trim();
            let of_chart = suffix.chars().enumerate().all(|(index, ch)| match ch {
                '0' => true,
                '1'..='9' => index == 0,
                _ => false,
            });
            let collective = of_chart || split.contains(holder.account.as_str());
            if collective { holder.account.clone() } else { suffix.to_owned() }
        };
        self.holders.iter().map(code).collect()
    }

    fn decide_kinds(&mut self) {
        for line in &mut self.lines {
            let own = self.entries.kept.get(&line.entry).filter(|entry| entry.difference == 0);
            let contra = own.map(|entry| entry.contra).or_else(|| {
                let partial = self.entries.kept.get(&line.entry).map(|entry| entry.contra);
                let journal = self.journals.get(line.journal).map(|journal| journal.contra);
                partial.filter(|contra| contra.cash || contra.sales || contra.charges).or(journal)
            });
            line.kind = match (line.amount > 0, line.origin) {
                (true, _) => ItemKind::Invoice,
                (false, Origin::Opening) => ItemKind::Receipt,
                (false, Origin::Ledger) => contra.unwrap_or_default().credit_kind(),
            };
            // A receipt's piece is often the invoice it pays, with that invoice's date.
            let by_piece = line.kind != ItemKind::Receipt || line.origin == Origin::Opening;
            line.issued = line.piece_date.filter(|_| by_piece).unwrap_or(line.booked);
        }
    }

    /// Compares what is open with the balances that were summed while reading.
    fn prove(&self, customers: &[String]) -> Result<BTreeMap<String, i64>, Error> {
        let money = |minor: i128| {
            Money::new(i64::try_from(minor).unwrap_or(i64::MAX), self.options.currency) // only for a message
        };
        let mut sums: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
        for (holder, customer) in self.holders.iter().zip(customers) {
            sums.entry(customer).or_default().1 += i128::from(holder.balance);
        }
        for line in &self.lines {
            let customer = customers.get(line.holder).map_or("", String::as_str);
            sums.entry(customer).or_default().0 += i128::from(line.open);
        }
        let open: i128 = sums.values().map(|(open, _)| open).sum();
        let kept = i128::from(self.receivable_balance)
            - i128::from(self.rejected_receivable)
            - i128::from(self.skipped_opening);
        let wrong = sums.iter().find(|(_, (open, balance))| open != balance);
        let (customer, open, balance) = match wrong {
            Some((customer, (open, balance))) => (*customer, *open, *balance),
            None => ("all customers", open, kept),
        };
        if open != balance {
            let customer = customer.to_owned();
            return Err(Error::Control { customer, open: money(open), balance: money(balance) });
        }
        let exact = |(customer, (_, balance)): (&str, (i128, i128))| {
            i64::try_from(balance).ok().map(|balance| (customer.to_owned(), balance))
        };
        let balances: Option<_> = sums.into_iter().map(exact).collect();
        balances.ok_or(Error::TooLarge { line: self.rows })
    }

    fn item(&self, line: Line, customers: &[String]) -> OpenItem {
        let account = customers.get(line.holder).cloned().unwrap_or_default();
        let name = self.holders.get(line.holder).map(|holder| holder.name.clone()).unwrap_or_default();
        let terms = match line.kind {
            ItemKind::Invoice | ItemKind::CreditNote => {
                *self.options.terms_days.get(&account).unwrap_or(&self.options.default_terms_days)
            }
            ItemKind::Receipt => 0,
        };
        let due = line.issued.checked_add_signed(chrono::TimeDelta::days(terms)).unwrap_or(line.issued);
        OpenItem {
            line: line.line,
            kind: line.kind,
            external_id: line.id,
            number: line.number,
            account,
            account_name: name,
            currency: self.options.currency,
            total_minor: line.amount.saturating_abs(),
            open_minor: line.open.saturating_abs(),
            issued: line.issued,
            due,
            reference: Some(line.label).filter(|label| !label.is_empty()),
            inferred: line.inferred,
            origin: line.origin,
            foreign: line.foreign,
        }
    }
}

impl From<Entry> for UnbalancedEntry {
    fn from(entry: Entry) -> Self {
        Self {
            line: entry.first_line,
            number: entry.number,
            journal: entry.journal,
            difference_minor: entry.difference,
        }
    }
}

impl UnbalancedEntry {
    /// Says it to a person: `line 7: entry 12 of journal OD is off by 0.01 EUR`.
    #[must_use]
    pub fn describe(&self, currency: Currency) -> String {
        let Self { line, number, journal, difference_minor } = self;
        let off = render_minor(*difference_minor, currency);
        format!("line {line}: entry {number} of journal {journal} is off by {off} {currency}")
    }
}

/// The dates of the entry and of the piece, or why the row cannot be used.
///
/// The piece's date matters on receivable lines only. All zeros is how some exporters write a blank date.
fn dates(row: &Row<'_>, receivable: bool) -> Result<(Date, Option<Date>), String> {
    if row.account.is_empty() {
        return Err("CompteNum is blank".to_owned());
    }
    let wrong = |column: &str, text: &str| format!("{column} \"{text}\" is not a day written AAAAMMJJ");
    let booked = parse_date(&row.date).ok_or_else(|| wrong("EcritureDate", &row.date))?;
    if !receivable || row.piece_date.chars().all(|ch| ch == '0') {
        return Ok((booked, None));
    }
    let piece = parse_date(&row.piece_date).ok_or_else(|| wrong("PieceDate", &row.piece_date))?;
    Ok((booked, Some(piece)))
}

/// Whether a journal carries balances forward, by its code or by its name.
fn is_opening(options: &Options, code: &str, name: &str) -> bool {
    let code = code.trim().to_uppercase();
    let listed = options.opening_journals.iter().any(|own| own.trim().to_uppercase() == code);
    let name = name.to_lowercase().replace('à', "a").replace('-', " ");
    let named = ["a nouveau", "ouverture", "balance initiale", "opening"];
    listed || named.iter().any(|word| name.contains(word))
}

/// Blank, or the dashes that exporters write where the decree wants something.
fn is_no_reference(text: &str) -> bool {
    text.chars().all(|ch| matches!(ch, '-' | '.' | ' '))
}

/// `journal:entry:date:` and a digest of what an entry's lines are told apart by.
///
/// Neither the letter, nor the label, nor the place in the file takes part: lettering, renaming, reordering and later
/// entries leave it as it is. Validated entries are immutable by law, so amounts and references stay.
fn external_id(row: &Row<'_>, signed: i64) -> String {
    let amount = signed.to_string();
    let parts = [&row.account, &row.auxiliary, &row.piece, &row.piece_date].map(|part| part.as_bytes());
    let [account, auxiliary, piece, piece_date] = parts;
    let digest = fingerprint_hex(&[account, auxiliary, piece, piece_date, amount.as_bytes()]);
    let digest: String = digest.chars().take(12).collect();
    format!("{}:{}:{}:{digest}", row.journal, row.entry, row.date)
}

/// Numbers the lines that nothing tells apart, in the order of the file: the second one ends in `#2`.
fn tell_repeats_apart(lines: &mut [Line]) {
    lines.sort_by(|a, b| a.id.cmp(&b.id).then(a.line.cmp(&b.line)));
    for same in lines.chunk_by_mut(|a, b| a.id == b.id) {
        for (line, ordinal) in same.iter_mut().zip(1_u64..).skip(1) {
            line.id = format!("{}#{ordinal}", line.id);
        }
    }
}

/// The document's own amount, where it is readable and in another currency; it is information, so no reason to reject.
fn foreign(row: &Row<'_>, bookkeeping: Currency) -> Option<Money> {
    let currency = Currency::parse(&row.foreign_currency).filter(|currency| *currency != bookkeeping)?;
    let minor = parse_amount(&row.foreign_amount, currency).ok().filter(|minor| *minor != 0)?;
    Some(Money::new(minor.saturating_abs(), currency))
}
