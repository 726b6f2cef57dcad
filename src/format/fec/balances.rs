//! The balance of every account of a FEC: what an accountant reads on the trial balance.
//!
//! Amounts are read as strictly as for open items and nothing is set apart: a row whose date or account cannot be read
//! still has its amounts, and a ledger without them would not balance.
//! Invariant: Σ debit = Σ credit over the accounts, or the file is refused.

use std::collections::{BTreeMap, HashSet};

use super::rows::{Encoding, Reader, parse_date};
use super::{Error, Options, is_opening};
use crate::model::{Currency, Date, Money};

/// What was posted to one account, minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountBalance {
    /// `CompteLib`, as the last row that has one says it.
    pub name: String,
    /// Σ debit.
    pub debit_minor: i64,
    /// Σ credit.
    pub credit_minor: i64,
}

/// All accounts of a FEC, by `CompteNum`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialBalance {
    /// By account number; rows without one stand under the empty text.
    pub accounts: BTreeMap<String, AccountBalance>,
    /// The bookkeeping currency.
    pub currency: Currency,
    /// Rows of the file, without the header.
    pub rows: u64,
    /// The first and the last date of an entry, where one can be read.
    pub dates: Option<(Date, Date)>,
    /// Whether a journal of opening entries is in it. Without one, balances are the movements of the file alone.
    pub has_opening: bool,
    /// How the bytes were read.
    pub encoding: Encoding,
}

/// Reads the balance of every account.
///
/// # Errors
/// [`Error`] refuses the whole file: the form, an amount that cannot be read, or debits that are not credits.
pub fn trial_balance(bytes: &[u8], options: &Options) -> Result<TrialBalance, Error> {
    let reader = Reader::open(bytes)?;
    let mut accounts: BTreeMap<String, AccountBalance> = BTreeMap::new();
    let (mut rows, mut debit, mut credit) = (0, 0_i64, 0_i64);
    let mut dates: Option<(Date, Date)> = None;
    let mut journals: HashSet<String> = HashSet::new();
    let mut has_opening = false;
    reader.rows(options.currency, |row| {
        let add = |sum: i64, amount: i64| sum.checked_add(amount).ok_or(Error::TooLarge { line: row.line });
        if !accounts.contains_key(row.account.as_ref()) {
            accounts.insert(row.account.to_string(), AccountBalance::default());
        }
        if let Some(account) = accounts.get_mut(row.account.as_ref()) {
            account.debit_minor = add(account.debit_minor, row.sides.debit)?;
            account.credit_minor = add(account.credit_minor, row.sides.credit)?;
            if !row.account_name.is_empty() && account.name != row.account_name {
                account.name = row.account_name.to_string();
            }
        }
        debit = add(debit, row.sides.debit)?;
        credit = add(credit, row.sides.credit)?;
        rows += 1;
        if let Some(day) = parse_date(&row.date) {
            dates = Some(dates.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
        }
        if !journals.contains(row.journal.as_ref()) {
            has_opening |= is_opening(options, &row.journal, &row.journal_name);
            journals.insert(row.journal.to_string());
        }
        Ok(())
    })?;
    if rows == 0 {
        return Err(Error::NoEntries);
    }
    if debit != credit {
        let money = |minor| Money::new(minor, options.currency);
        return Err(Error::Unbalanced { debit: money(debit), credit: money(credit) });
    }
    let (currency, encoding) = (options.currency, reader.encoding);
    Ok(TrialBalance { accounts, currency, rows, dates, has_opening, encoding })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Debit less credit of accounts, and Σ debit, of a sample.
    fn read(sample: &str) -> TrialBalance {
        let path = format!("{}/connectors/fec/samples/{sample}", env!("CARGO_MANIFEST_DIR"));
        trial_balance(&std::fs::read(path).unwrap(), &Options::new(Currency::EUR, 30)).unwrap()
    }

    fn balances(trial: &TrialBalance) -> Vec<(&str, i64)> {
        trial
            .accounts
            .iter()
            .map(|(account, sums)| (account.as_str(), sums.debit_minor - sums.credit_minor))
            .collect()
    }

    #[test]
    fn accounts_have_the_balances_that_were_summed_by_hand() {
        let opening = read("opening-entries.txt");
        // 411100: 1 200.00 − 80.00 + 240.00 + 154.40 − 100.00; 445710: 40.00 + 25.73; 512001: 500.00 + 100.00; 707100: 200.00 + 128.67
        assert_eq!(
            balances(&opening),
            [
                ("120000", -162_000),
                ("411100", 141_440),
                ("445710", -6_573),
                ("512001", 60_000),
                ("707100", -32_867)
            ]
        );
        assert!(opening.has_opening);
        assert_eq!(opening.dates, Some(("2026-01-01".parse().unwrap(), "2026-03-20".parse().unwrap())));
        let movements = read("pipe-cp1252-montant-sens.txt");
        // 411: 600.00 + 1 234.56 − 120.00 − 600.00 + 920.00
        let customers = movements.accounts.get("41110000").unwrap();
        assert_eq!(customers.debit_minor - customers.credit_minor, 203_456);
        assert!(!movements.has_opening, "no journal of it carries balances forward");
    }

    #[test]
    fn a_whole_ledger_has_the_requirement_of_the_samples_readme() {
        let of = |sample: &str| {
            let trial = read(sample);
            let balances =
                trial.accounts.iter().map(|(account, sums)| crate::credit::working_capital::Balance {
                    account,
                    debit_minor: sums.debit_minor,
                    credit_minor: sums.credit_minor,
                });
            let capital = crate::credit::working_capital::working_capital(balances).unwrap();
            (capital.trade_minor, capital.whole_minor, capital.debit_minor)
        };
        assert_eq!(of("tab-utf8-debit-credit.txt"), (329_400, 262_000, 479_400));
        assert_eq!(of("pipe-cp1252-montant-sens.txt"), (203_456, 174_880, 347_456));
        assert_eq!(of("opening-entries.txt"), (141_440, 134_867, 219_440));
        assert_eq!(of("whole-ledger.txt"), (1_860_000, 1_500_000, 8_045_000));
    }

    #[test]
    fn a_row_without_an_account_keeps_its_amounts() {
        let text = "JournalCode\tEcritureNum\tEcritureDate\tCompteNum\tCompAuxNum\tPieceRef\tPieceDate\tEcritureLet\tDebit\tCredit\n\
                    VE\t1\t20260101\t\t\tF1\t20260101\t\t10,00\t0,00\nVE\t1\t20269999\t707000\t\tF1\t20260101\t\t0,00\t10,00\n";
        let trial = trial_balance(text.as_bytes(), &Options::new(Currency::EUR, 30)).unwrap();
        assert_eq!(balances(&trial), [("", 1_000), ("707000", -1_000)]);
        let cut =
            text.replace("707000\t\tF1\t20260101\t\t0,00\t10,00", "707000\t\tF1\t20260101\t\t0,00\t9,99");
        assert!(matches!(
            trial_balance(cut.as_bytes(), &Options::new(Currency::EUR, 30)),
            Err(Error::Unbalanced { .. })
        ));
    }
}
