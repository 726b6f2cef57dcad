//! Compares the limits that the ERPs hold on one buyer with the insurers', and what is owed with what is covered.
//!
//! A break that nobody needs to act on teaches people to look away, so what is one fact is said once: accounts of one
//! buyer may each hold the whole limit or split it, no limit and a limit of zero are the same, a limit within one's own
//! discretionary cover needs no insurer, and an ERP that keeps no limits at all is not asked for them.
//! Invariant: at most one break per kind and connection, in an order that the order of the input does not change.
//! Reference: shared rules, "Reconciliation".

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::model::{Break, BreakKind, Currency, Date, Layer, Money};

/// The least amount that counts as a limit. Some ERPs take zero for "unlimited", so 0.01 is written to mean none.
const LIMIT_MINOR_MIN: i64 = 2;

/// One account of the buyer in one ERP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErpAccount<'a> {
    /// The connection of the ERP.
    pub connection: &'a str,
    /// The code people use.
    pub code: &'a str,
    /// The limit that the account holds; none when it holds none.
    pub limit: Option<Money>,
    /// Whether any account of this ERP holds a limit: where none does, a missing one is no finding.
    pub erp_holds_limits: bool,
}

/// What the insurer says of the buyer today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand<'a> {
    /// Nothing was ever decided.
    Undecided {
        /// The policy's discretionary limit, minor units.
        discretionary_minor: i64,
    },
    /// A limit was decided, possibly of zero.
    Decided {
        /// What may be covered today, minor units; 0 when refused, withdrawn or ended.
        cap_minor: i64,
        /// The layers; those with a last day are looked at.
        layers: &'a [Layer],
        /// Last day of the whole limit: its own end, or the day before an announced withdrawal.
        last_day: Option<Date>,
    },
}

/// One policy that counts for the buyer's company, with the buyer's stand under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyState<'a> {
    /// The connection of the insurer.
    pub connection: &'a str,
    /// The policy number.
    pub policy: &'a str,
    /// The policy's currency: of every amount here.
    pub currency: Currency,
    /// How many days before an end it is announced.
    pub warning_days: i64,
    /// What the insurer says today.
    pub stand: Stand<'a>,
    /// Covered of the open invoices, minor units.
    pub covered_minor: i64,
    /// Of the eligible open invoices, what no limit covers, minor units.
    pub beyond_limit_minor: i64,
    /// The stop of cover in force.
    pub stopped: Option<Stopped<'a>>,
}

/// A stop of cover, as a break tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped<'a> {
    /// First day whose invoices are not covered.
    pub since: Date,
    /// The number of the invoice that caused it.
    pub cause: &'a str,
}

/// What the buyer owes in one currency: its outstanding exposure.
pub type Owed = Money;

/// Both sides of one buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buyer<'a> {
    /// The buyer's id.
    pub id: &'a str,
    /// The name people know it by.
    pub name: &'a str,
    /// ISO 3166 alpha-2, empty when unknown.
    pub country: &'a str,
    /// Its accounts in all ERPs.
    pub accounts: &'a [ErpAccount<'a>],
    /// Every policy in force, also those whose insurer has decided nothing on the buyer.
    pub policies: &'a [PolicyState<'a>],
    /// Its outstanding exposure, once per currency.
    pub owed: &'a [Owed],
}

/// Compares both sides of `buyer` on a day; the breaks come sorted by kind, then connection.
#[must_use]
pub fn breaks(buyer: &Buyer<'_>, on: Date) -> Vec<Break> {
    let mut accounts = buyer.accounts.to_vec();
    accounts.sort_unstable();
    let mut policies = buyer.policies.to_vec();
    policies.sort_unstable_by_key(|policy| (policy.connection, policy.policy, policy.currency));
    let mut owed = buyer.owed.to_vec();
    owed.sort_unstable_by_key(|amount| amount.currency);

    let mut found = Found { buyer, map: BTreeMap::new() };
    for erp in accounts.chunk_by(|a, b| a.connection == b.connection) {
        compare_limits(&mut found, erp, &Labels::of(&accounts), &policies);
    }
    compare_cover(&mut found, &policies, &owed);
    for policy in &policies {
        if let Some(Stopped { since, cause }) = policy.stopped {
            let theirs = format!("nothing invoiced from {since} on is covered");
            let ours = format!("{cause} was not paid within the extension period");
            found.put(BreakKind::CoverStopped, policy.connection, &ours, &theirs);
        }
    }
    find_ends(&mut found, &policies, &owed, on);
    if let [first, others @ ..] = accounts.as_slice()
        && !others.is_empty()
    {
        let label = |account: &ErpAccount<'_>| format!("{}/{}", account.connection, account.code);
        let theirs = others.iter().map(label).collect::<Vec<_>>().join(", ");
        found.put(BreakKind::SameBuyerTwoAccounts, first.connection, &label(first), &theirs);
    }
    found.map.into_values().collect()
}

/// The breaks so far. Two findings of one identity become one break that says both.
struct Found<'a> {
    buyer: &'a Buyer<'a>,
    map: BTreeMap<(BreakKind, &'a str), Break>,
}

impl<'a> Found<'a> {
    fn put(&mut self, kind: BreakKind, connection: &'a str, ours: &str, theirs: &str) {
        match self.map.entry((kind, connection)) {
            Entry::Vacant(entry) => {
                entry.insert(Break {
                    kind,
                    subject: self.buyer.id.to_owned(),
                    name: self.buyer.name.to_owned(),
                    country: self.buyer.country.to_owned(),
                    connection: connection.to_owned(),
                    ours: ours.to_owned(),
                    theirs: theirs.to_owned(),
                });
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                for (text, more) in [(&mut known.ours, ours), (&mut known.theirs, theirs)] {
                    if !text.split("; ").any(|part| part == more) {
                        text.push_str("; ");
                        text.push_str(more);
                    }
                }
            }
        }
    }
}

/// How accounts are told apart in a text: not at all, by code, or by connection and code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Labels {
    None,
    Code,
    ConnectionAndCode,
}

impl Labels {
    fn of(accounts: &[ErpAccount<'_>]) -> Self {
        match accounts {
            [] | [_] => Self::None,
            [first, others @ ..] if others.iter().all(|a| a.connection == first.connection) => Self::Code,
            _ => Self::ConnectionAndCode,
        }
    }

    fn before(self, account: &ErpAccount<'_>, text: &str) -> String {
        match self {
            Self::None => text.to_owned(),
            Self::Code => format!("{} {text}", account.code),
            Self::ConnectionAndCode => format!("{}/{} {text}", account.connection, account.code),
        }
    }
}

fn texts(accounts: &[(&ErpAccount<'_>, Money)], labels: Labels) -> String {
    accounts
        .iter()
        .map(|(account, limit)| labels.before(account, &limit.to_string()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Compares the accounts of one ERP with what all insurers say.
fn compare_limits<'a>(
    found: &mut Found<'a>,
    erp: &[ErpAccount<'a>],
    labels: &Labels,
    policies: &[PolicyState<'a>],
) {
    if !erp.iter().any(|account| account.erp_holds_limits) {
        return;
    }
    let held: Vec<(&ErpAccount<'_>, Money)> = erp
        .iter()
        .filter_map(|account| Some((account, account.limit.filter(|limit| limit.minor >= LIMIT_MINOR_MIN)?)))
        .collect();
    let decided: Vec<(&PolicyState<'_>, Money)> = policies
        .iter()
        .filter_map(|policy| match policy.stand {
            Stand::Decided { cap_minor, .. } => Some((policy, Money::new(cap_minor, policy.currency))),
            Stand::Undecided { .. } => None,
        })
        .collect();
    let granted: Vec<_> = decided.iter().filter(|(_, cap)| cap.minor > 0).collect();

    if held.is_empty() {
        for (policy, cap) in granted {
            let ours = erp.iter().map(|account| labels.before(account, "no limit")).collect::<Vec<_>>();
            found.put(BreakKind::LimitMissingInErp, policy.connection, &ours.join(", "), &cap.to_string());
        }
        return;
    }
    let Some((first, _)) = decided.first() else {
        let own = |limit: Money| policies.iter().any(|policy| within_discretion(policy, limit));
        let unknown: Vec<_> = held.iter().filter(|(_, limit)| !own(*limit)).copied().collect();
        if let (Some(policy), false) = (policies.first(), unknown.is_empty()) {
            let ours = texts(&unknown, *labels);
            found.put(BreakKind::LimitUnknownToInsurer, policy.connection, &ours, "never decided");
        }
        return;
    };
    if granted.is_empty() {
        found.put(BreakKind::LimitDiffers, first.connection, &texts(&held, *labels), "no cover");
        return;
    }

    let mut currencies: Vec<Currency> = held.iter().map(|(_, limit)| limit.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    for currency in currencies {
        let ours: Vec<_> = held.iter().filter(|(_, limit)| limit.currency == currency).copied().collect();
        let theirs: Vec<_> = granted.iter().filter(|(_, cap)| cap.currency == currency).collect();
        let Some((policy, _)) = theirs.first() else {
            for (policy, cap) in &granted {
                let kind = BreakKind::CurrencyDiffers;
                found.put(kind, policy.connection, &texts(&ours, *labels), &cap.to_string());
            }
            continue;
        };
        let caps: Vec<i64> = theirs.iter().map(|(_, cap)| cap.minor).collect();
        let limits: Vec<i64> = ours.iter().map(|(_, limit)| limit.minor).collect();
        if !agree(&limits, &caps) {
            let caps = theirs.iter().map(|(_, cap)| cap.to_string()).collect::<Vec<_>>().join(" + ");
            found.put(BreakKind::LimitDiffers, policy.connection, &texts(&ours, *labels), &caps);
        }
    }
}

/// Whether the accounts each hold, or together hold, one insurer's limit or that of all insurers.
fn agree(limits: &[i64], caps: &[i64]) -> bool {
    let sum = |amounts: &[i64]| amounts.iter().try_fold(0_i64, |sum, amount| sum.checked_add(*amount));
    let together = sum(limits);
    caps.iter().copied().chain(sum(caps)).any(|cap| together == Some(cap) || limits.iter().all(|l| *l == cap))
}

fn within_discretion(policy: &PolicyState<'_>, limit: Money) -> bool {
    match policy.stand {
        Stand::Undecided { discretionary_minor } => {
            limit.currency == policy.currency && limit.minor <= discretionary_minor
        }
        Stand::Decided { .. } => false,
    }
}

/// Compares what is owed with what is covered, per currency, under the policy that covers most of it.
fn compare_cover<'a>(found: &mut Found<'a>, policies: &[PolicyState<'a>], owed: &[Owed]) {
    for amount in owed.iter().filter(|amount| amount.minor > 0) {
        let same = policies.iter().filter(|policy| policy.currency == amount.currency);
        // Of equals the first, so that the identity of the break stays.
        let best = same.reduce(|best, policy| {
            if (policy.covered_minor, best.beyond_limit_minor)
                > (best.covered_minor, policy.beyond_limit_minor)
            {
                policy
            } else {
                best
            }
        });
        let ours = format!("{amount} owed");
        match (best, policies.first()) {
            (Some(policy), _) if policy.beyond_limit_minor > 0 => {
                if policy.covered_minor > 0 {
                    let covered = Money::new(policy.covered_minor, policy.currency);
                    let theirs = format!("{covered} covered");
                    found.put(BreakKind::OverLimit, policy.connection, &ours, &theirs);
                } else {
                    found.put(BreakKind::NoCover, policy.connection, &ours, "nothing covered");
                }
            }
            (None, Some(policy)) => {
                let theirs = format!("no policy counts in {}", amount.currency);
                found.put(BreakKind::NoCover, policy.connection, &ours, &theirs);
            }
            (Some(_) | None, _) => {}
        }
    }
}

/// Looks for layers and limits whose last day is today or within the policy's warning days.
fn find_ends<'a>(found: &mut Found<'a>, policies: &[PolicyState<'a>], owed: &[Owed], on: Date) {
    for policy in policies {
        let Stand::Decided { cap_minor, layers, last_day } = policy.stand else { continue };
        let soon = |last: Date| {
            (0..=policy.warning_days.max(0)).contains(&last.signed_duration_since(on).num_days())
        };
        let mut ends: Vec<(Date, i64)> = Vec::new();
        if let Some(last) = last_day.filter(|last| soon(*last) && cap_minor > 0) {
            ends.push((last, cap_minor)); // the whole of it, layers included
        } else {
            ends.extend(layers.iter().filter_map(|layer| {
                Some((layer.until.filter(|last| soon(*last) && layer.amount_minor > 0)?, layer.amount_minor))
            }));
        }
        ends.sort_unstable();
        let owes = owed.iter().find(|amount| amount.currency == policy.currency);
        let ours = owes.copied().unwrap_or(Money::new(0, policy.currency));
        for (last, amount) in ends {
            let theirs = format!("{} until {last}", Money::new(amount, policy.currency));
            found.put(BreakKind::CoverExpiring, policy.connection, &format!("{ours} owed"), &theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LayerKind;
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn eur(euros: i64) -> Money {
        Money::new(euros * 100, Currency::EUR)
    }

    fn usd(dollars: i64) -> Money {
        Money::new(dollars * 100, Currency::parse("USD").unwrap())
    }

    fn account(code: &'static str, limit: Option<Money>) -> ErpAccount<'static> {
        ErpAccount { connection: "erp", code, limit, erp_holds_limits: true }
    }

    fn state(stand: Stand<'static>) -> PolicyState<'static> {
        PolicyState {
            connection: "insurer",
            policy: "P1",
            currency: Currency::EUR,
            warning_days: 15,
            stand,
            covered_minor: 0,
            beyond_limit_minor: 0,
            stopped: None,
        }
    }

    fn decided(euros: i64) -> PolicyState<'static> {
        state(Stand::Decided { cap_minor: euros * 100, layers: &[], last_day: None })
    }

    fn undecided(euros: i64) -> PolicyState<'static> {
        state(Stand::Undecided { discretionary_minor: euros * 100 })
    }

    fn run(accounts: &[ErpAccount<'_>], policies: &[PolicyState<'_>], owed: &[Owed]) -> Vec<Break> {
        let buyer = Buyer { id: "siren:404833048", name: "Exemple", country: "FR", accounts, policies, owed };
        breaks(&buyer, day("2026-06-20"))
    }

    /// (kind, connection, ours, theirs)
    fn told(found: &[Break]) -> Vec<(&str, &str, &str, &str)> {
        found
            .iter()
            .map(|b| (b.kind.as_str(), b.connection.as_str(), b.ours.as_str(), b.theirs.as_str()))
            .collect()
    }

    #[test]
    fn limits_that_differ_are_named_with_both_amounts() {
        let found = run(&[account("C1", Some(eur(50_000)))], &[decided(40_000)], &[]);
        assert_eq!(told(&found), [("limit_differs", "insurer", "50 000.00 EUR", "40 000.00 EUR")]);
        assert_eq!((found[0].subject.as_str(), found[0].country.as_str()), ("siren:404833048", "FR"));
        let found = run(&[account("C1", Some(eur(50_000)))], &[decided(0)], &[]);
        assert_eq!(told(&found), [("limit_differs", "insurer", "50 000.00 EUR", "no cover")]);
    }

    #[test]
    fn a_limit_that_the_erp_lacks_is_missing_there() {
        for none in [None, Some(eur(0)), Some(Money::new(1, Currency::EUR))] {
            let found = run(&[account("C1", none)], &[decided(40_000)], &[]);
            assert_eq!(told(&found), [("limit_missing_in_erp", "insurer", "no limit", "40 000.00 EUR")]);
        }
    }

    #[test]
    fn an_erp_that_keeps_no_limits_is_not_asked_for_them() {
        let silent = ErpAccount { erp_holds_limits: false, ..account("C1", None) };
        assert_eq!(run(&[silent], &[decided(40_000)], &[]), []);
        let crm = ErpAccount { connection: "crm", ..silent };
        let found = run(&[crm, account("C2", Some(eur(40_000)))], &[decided(40_000)], &[]);
        assert_eq!(told(&found), [("same_buyer_two_accounts", "crm", "crm/C1", "erp/C2")]);
    }

    #[test]
    fn no_limit_and_a_limit_of_zero_agree() {
        for none in [None, Some(eur(0)), Some(usd(0))] {
            assert_eq!(run(&[account("C1", none)], &[decided(0)], &[]), []);
            assert_eq!(run(&[account("C1", none)], &[undecided(0)], &[]), []);
        }
    }

    #[test]
    fn a_limit_that_no_insurer_knows_is_said_unless_within_own_cover() {
        let found = run(&[account("C1", Some(eur(10_001)))], &[undecided(10_000)], &[]);
        let want = ("limit_unknown_to_insurer", "insurer", "10 001.00 EUR", "never decided");
        assert_eq!(told(&found), [want]);
        assert_eq!(run(&[account("C1", Some(eur(10_000)))], &[undecided(10_000)], &[]), []);
        assert_eq!(run(&[account("C1", Some(eur(10_000)))], &[], &[]), [], "there is no insurer to ask");
    }

    #[test]
    fn currencies_that_differ_are_not_compared_as_amounts() {
        let found = run(&[account("C1", Some(usd(40_000)))], &[decided(40_000)], &[]);
        assert_eq!(told(&found), [("currency_differs", "insurer", "40 000.00 USD", "40 000.00 EUR")]);
    }

    #[test]
    fn accounts_may_share_or_split_the_limit() {
        for (first, second) in
            [(Some(eur(40)), Some(eur(40))), (Some(eur(30)), Some(eur(10))), (Some(eur(40)), None)]
        {
            let found = run(&[account("C2", second), account("C1", first)], &[decided(40)], &[]);
            assert_eq!(told(&found), [("same_buyer_two_accounts", "erp", "erp/C1", "erp/C2")]);
        }
        let found = run(&[account("C2", Some(eur(5))), account("C1", Some(eur(40)))], &[decided(40)], &[]);
        assert_eq!(told(&found)[0], ("limit_differs", "insurer", "C1 40.00 EUR, C2 5.00 EUR", "40.00 EUR"));
    }

    #[test]
    fn two_insurers_may_add_up_or_either_be_held() {
        let second = PolicyState { connection: "second", ..decided(15) };
        for held in [40, 15, 55] {
            assert_eq!(run(&[account("C1", Some(eur(held)))], &[second, decided(40)], &[]), [], "{held}");
        }
        let found = run(&[account("C1", Some(eur(41)))], &[second, decided(40)], &[]);
        assert_eq!(told(&found), [("limit_differs", "insurer", "41.00 EUR", "40.00 EUR + 15.00 EUR")]);
    }

    #[test]
    fn two_erps_make_one_break_that_says_both() {
        let other = ErpAccount { connection: "erp-2", ..account("00012", Some(eur(9))) };
        let found = run(&[other, account("C1", Some(eur(7)))], &[decided(8)], &[]);
        assert_eq!(
            told(&found)[0],
            ("limit_differs", "insurer", "erp/C1 7.00 EUR; erp-2/00012 9.00 EUR", "8.00 EUR")
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn what_is_owed_beyond_the_limit_is_over_limit_or_without_cover() {
        let over =
            PolicyState { covered_minor: 10_000_000, beyond_limit_minor: 3_000_000, ..decided(40_000) };
        assert_eq!(
            told(&run(&[], &[over], &[eur(130_000)])),
            [("over_limit", "insurer", "130 000.00 EUR owed", "100 000.00 EUR covered")]
        );
        let none = PolicyState { beyond_limit_minor: 500, ..decided(0) };
        assert_eq!(
            told(&run(&[], &[none], &[eur(5)])),
            [("no_cover", "insurer", "5.00 EUR owed", "nothing covered")]
        );
        let elsewhere = PolicyState { connection: "z", covered_minor: 500, ..decided(5) };
        assert_eq!(run(&[], &[none, elsewhere], &[eur(5)]), [], "covered by the other insurer");
        assert_eq!(run(&[], &[decided(0)], &[eur(5)]), [], "disputed or outside the period: no limit helps");
        assert_eq!(run(&[], &[none], &[eur(-5)]), [], "the company owes the buyer");
        assert_eq!(
            told(&run(&[], &[none], &[usd(7), eur(5)])),
            [(
                "no_cover",
                "insurer",
                "5.00 EUR owed; 7.00 USD owed",
                "nothing covered; no policy counts in USD"
            )]
        );
    }

    #[test]
    fn a_stop_of_cover_is_told_with_the_invoice_that_caused_it() {
        let stopped = Some(Stopped { since: day("2026-03-16"), cause: "F1" });
        let found = run(&[], &[PolicyState { stopped, ..decided(5) }], &[eur(3)]);
        let theirs = "nothing invoiced from 2026-03-16 on is covered";
        assert_eq!(
            told(&found),
            [("cover_stopped", "insurer", "F1 was not paid within the extension period", theirs)]
        );
    }

    #[test]
    fn an_end_is_announced_from_the_warning_days_to_the_last_day() {
        fn ending(until: &str) -> Vec<Break> {
            let layers = [
                Layer { kind: LayerKind::Permanent, amount_minor: 500, until: None },
                Layer { kind: LayerKind::Temporary, amount_minor: 200, until: Some(day(until)) },
            ];
            let stand = Stand::Decided { cap_minor: 700, layers: &layers, last_day: None };
            let policies = [PolicyState { stand, ..decided(7) }];
            let buyer = Buyer {
                id: "b",
                name: "B",
                country: "",
                accounts: &[],
                policies: &policies,
                owed: &[eur(3)],
            };
            breaks(&buyer, day("2026-06-20"))
        }
        for until in ["2026-06-20", "2026-07-05"] {
            let theirs = format!("2.00 EUR until {until}");
            assert_eq!(
                told(&ending(until)),
                [("cover_expiring", "insurer", "3.00 EUR owed", theirs.as_str())]
            );
        }
        assert_eq!((ending("2026-06-19"), ending("2026-07-06")), (vec![], vec![]));
    }

    #[test]
    fn the_end_of_a_whole_limit_is_said_once() {
        let last_day = Some(day("2026-06-30"));
        let stand = Stand::Decided { cap_minor: 700, layers: &[], last_day };
        let found = run(&[], &[state(stand)], &[]);
        assert_eq!(
            told(&found),
            [("cover_expiring", "insurer", "0.00 EUR owed", "7.00 EUR until 2026-06-30")]
        );
    }

    proptest! {
        #[test]
        fn input_order_is_irrelevant_and_each_identity_comes_once(
            (accounts, mixed) in prop::collection::vec((0..3_usize, prop::option::of(0_i64..4), any::<bool>(), any::<bool>()), 0..5)
                .prop_map(|specs| specs.into_iter().zip(["C1", "C2", "C3", "C4", "C5"]).map(|((erp, limit, dollars, holds), code)| ErpAccount {
                    connection: ["crm", "erp", "erp-2"][erp],
                    code,
                    limit: limit.map(|amount| if dollars { usd(amount) } else { eur(amount) }),
                    erp_holds_limits: holds,
                }).collect::<Vec<_>>())
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
            (policies, shuffled) in prop::collection::vec((prop::option::of(0_i64..4), 0_i64..3, 0_i64..3, any::<bool>()), 0..4)
                .prop_map(|specs| specs.into_iter().zip(["P1", "P2", "P3", "P4"]).map(|((cap, covered, beyond, dollars), policy)| PolicyState {
                    connection: if policy == "P3" { "second" } else { "insurer" },
                    policy,
                    currency: if dollars { usd(0).currency } else { Currency::EUR },
                    covered_minor: covered,
                    beyond_limit_minor: beyond,
                    ..cap.map_or(undecided(2), decided)
                }).collect::<Vec<_>>())
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            let found = run(&accounts, &policies, &[eur(3), usd(2)]);
            prop_assert_eq!(&found, &run(&mixed, &shuffled, &[usd(2), eur(3)]));
            let seen: Vec<_> = found.iter().map(super::super::Identity::of).collect();
            prop_assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once: {seen:?}");
        }
    }
}
