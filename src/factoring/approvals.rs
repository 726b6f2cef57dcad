//! What the factor approves for each buyer: by the contract's file, and by what the factor itself says.
//!
//! Of the two the lower one counts, whichever is newer: an amount that is too low holds money back until the file is brought up to date, one
//! that is too high sells invoices for which nothing is paid. What the factor has never spoken of stays as the file says.
//! Invariant: an approval never raises what the contract's file names. Reference: shared rules, "Factoring"; docs/decisions.md.

use std::collections::BTreeMap;

use crate::model::{
    Amounts, ApprovalState, BuyerId, Contract, ContractBuyer, Currency, Date, FactorApproval,
};

/// What counts for one buyer in one currency, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The legal buyer; none where the factor names one that nothing here leads to.
    pub buyer: Option<BuyerId>,
    /// Currency of the amounts.
    pub currency: Currency,
    /// What the contract's file names, minor units.
    pub file_minor: Option<i64>,
    /// What the factor says, as of the day; none where it only refused more, or speaks of later days.
    pub stated_minor: Option<i64>,
    /// The lower one, which counts; none where neither is a limit.
    pub counts_minor: Option<i64>,
    /// The statement that holds, or the last one.
    pub last: FactorApproval,
}

/// A contract with what its factor says of buyers, as of a day, and what was taken from where. `left` is what it does not say any more: a
/// buyer of whom nothing else is said has left its list, and has no approval.
#[must_use]
pub fn with_approvals(
    contract: &Contract,
    stated: &[FactorApproval],
    left: &[FactorApproval],
    on: Date,
) -> (Contract, Vec<Approved>) {
    type Of = (Option<BuyerId>, String, Currency);
    let of = |own: &FactorApproval| -> Of {
        let buyer = buyer_of(contract, own);
        // Two numbers that lead nowhere are two buyers.
        let unknown = if buyer.is_none() { own.factor_id.clone().unwrap_or_default() } else { String::new() };
        (buyer, unknown, own.currency)
    };
    let ended = |own: &FactorApproval| FactorApproval {
        state: ApprovalState::Withdrawn,
        amount_minor: 0,
        from: None,
        to: None,
        reason: Some("the factor's list does not have it any more".to_owned()),
        ..own.clone()
    };
    let left: Vec<FactorApproval> = left.iter().map(ended).collect();
    let mut by_buyer: BTreeMap<Of, Vec<&FactorApproval>> = BTreeMap::new();
    for own in stated {
        by_buyer.entry(of(own)).or_default().push(own);
    }
    for own in &left {
        by_buyer.entry(of(own)).or_insert_with(|| vec![own]);
    }
    let mut effective = contract.clone();
    let mut all = Vec::new();
    for ((buyer, _, currency), said) in by_buyer {
        let file = buyer.as_deref().and_then(|buyer| contract.buyer(buyer));
        let file_minor = file.and_then(|own| own.approval.as_ref()?.get(&currency).copied());
        let Some((stated_minor, last)) = in_force(&said, on) else { continue };
        // Of a buyer that the factor has spoken of, what neither side approves that day is no limit that is missing.
        let counts_minor = match (file_minor, stated_minor) {
            (Some(file), Some(stated)) => Some(file.min(stated)),
            (None, None) => Some(0),
            (own, None) | (None, own) => own,
        };
        if let (Some(buyer), Some(minor)) = (&buyer, counts_minor) {
            apply(&mut effective, buyer, currency, minor, last);
        }
        all.push(Approved { buyer, currency, file_minor, stated_minor, counts_minor, last: last.clone() });
    }
    (effective, all)
}

/// The buyer of an approval: one that the contract knows by its registry number or by the factor's, else by its registry number.
fn buyer_of(contract: &Contract, own: &FactorApproval) -> Option<BuyerId> {
    let identity = own.identity();
    let known = identity.as_deref().and_then(|id| contract.buyer(id)).or_else(|| {
        let id = own.factor_id.as_deref()?;
        contract.buyers.iter().find(|known| known.factor_id.as_deref() == Some(id))
    });
    known.map(|known| known.buyer.clone()).or(identity)
}

/// What a factor's statements on one buyer approve on a day, and the one that says so. What ended approves nothing; what begins later says
/// nothing yet. A withdrawal ends what was granted when it was said or before, whenever that begins; a grant that was said later holds again.
fn in_force<'a>(said: &[&'a FactorApproval], on: Date) -> Option<(Option<i64>, &'a FactorApproval)> {
    let is = |state: ApprovalState| move |own: &&&FactorApproval| own.state == state;
    // A withdrawal without a first day holds from the day on which it was said.
    let begins = |own: &FactorApproval| match own.state {
        ApprovalState::Withdrawn => own.from.or(own.date),
        ApprovalState::Granted | ApprovalState::Refused | ApprovalState::Unknown => own.from,
    };
    let is_decided = |own: &&&FactorApproval| {
        matches!(own.state, ApprovalState::Granted | ApprovalState::Withdrawn)
            && begins(own).is_none_or(|from| from <= on)
    };
    let holds = |own: &&&FactorApproval| own.to.is_none_or(|to| on <= to);
    let now = || said.iter().filter(is_decided).filter(holds);
    let ends = |withdrawal: &FactorApproval, grant: &FactorApproval| match (grant.date, withdrawal.date) {
        (Some(granted), Some(withdrawn)) => granted <= withdrawn,
        (None, _) | (_, None) => {
            begins(withdrawal).is_none_or(|day| grant.from.is_none_or(|from| from <= day))
        }
    };
    let stands =
        |grant: &&&FactorApproval| !now().filter(is(ApprovalState::Withdrawn)).any(|own| ends(own, grant));
    if let Some(own) =
        now().filter(is(ApprovalState::Granted)).filter(stands).max_by_key(|own| (own.from, own.date))
    {
        return Some((Some(own.amount_minor), own));
    }
    let rank = |own: &&&FactorApproval| (begins(own), own.state == ApprovalState::Withdrawn, own.date);
    match said.iter().filter(is_decided).max_by_key(rank) {
        Some(ended) => Some((Some(0), ended)),
        None => said.iter().max_by_key(rank).map(|last| (None, *last)),
    }
}

fn apply(contract: &mut Contract, buyer: &str, currency: Currency, minor: i64, last: &FactorApproval) {
    match contract.buyers.iter_mut().find(|known| known.buyer == buyer) {
        Some(known) => {
            known.approval.get_or_insert_with(Amounts::new).insert(currency, minor);
            if known.factor_id.is_none() {
                known.factor_id.clone_from(&last.factor_id);
            }
        }
        // A buyer of whom the factor approves something is known to it; of whom it approves nothing, not more than before.
        None if minor > 0 || contract.any_buyer => contract.buyers.push(ContractBuyer {
            buyer: buyer.to_owned(),
            factor_id: last.factor_id.clone(),
            approval: Some([(currency, minor)].into()),
            holdback_percent: None,
        }),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{buyer, contract};
    use super::*;
    use crate::model::{Identifier, Scheme};
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn stated(state: ApprovalState, minor: i64, from: &str, to: &str) -> FactorApproval {
        FactorApproval {
            contract: None,
            factor_id: None,
            identifiers: Identifier::new(Scheme::Siren, "404833048").into_iter().collect(),
            buyer_name: "Exemple B1 SAS".to_owned(),
            currency: Currency::EUR,
            amount_minor: minor,
            state,
            from: from.parse().ok(),
            to: to.parse().ok(),
            date: None,
            reason: None,
        }
    }

    fn granted(minor: i64, from: &str, to: &str) -> FactorApproval {
        stated(ApprovalState::Granted, minor, from, to)
    }

    fn with_file(minor: Option<i64>) -> Contract {
        let mut own = contract();
        own.buyers[0].approval = minor.map(|minor| [(Currency::EUR, minor)].into());
        own
    }

    /// What counts for B1 on 10 April.
    fn counts(file: Option<i64>, stated: &[FactorApproval]) -> Option<i64> {
        let (effective, all) = with_approvals(&with_file(file), stated, &[], day("2026-04-10"));
        let own = super::super::approval(&effective, &buyer("B1").id, Currency::EUR);
        assert!(all.iter().all(|told| told.counts_minor == own), "{all:?}");
        own
    }

    #[test]
    fn the_lower_one_of_file_and_factor_counts() {
        assert_eq!(counts(Some(50_000), &[]), Some(50_000));
        assert_eq!(counts(None, &[granted(20_000, "2026-04-01", "")]), Some(20_000));
        assert_eq!(counts(Some(50_000), &[granted(20_000, "2026-04-01", "")]), Some(20_000));
        assert_eq!(counts(Some(50_000), &[granted(80_000, "2026-04-01", "")]), Some(50_000));
        assert_eq!(counts(None, &[]), None);
    }

    #[test]
    fn what_holds_is_the_last_that_has_begun_and_not_ended() {
        let permanent = granted(50_000, "2026-01-01", "");
        let temporary = |from, to| granted(80_000, from, to);
        assert_eq!(counts(None, &[temporary("2026-04-01", "2026-04-30"), permanent.clone()]), Some(80_000));
        assert_eq!(counts(None, &[temporary("2026-03-01", "2026-04-09"), permanent.clone()]), Some(50_000));
        assert_eq!(counts(None, &[temporary("2026-04-11", ""), permanent.clone()]), Some(50_000));
        assert_eq!(
            counts(None, &[granted(20_000, "2026-04-10", ""), permanent]),
            Some(20_000),
            "a reduction"
        );
        assert_eq!(
            counts(Some(9), &[temporary("2026-03-01", "2026-04-09")]),
            Some(0),
            "what ended approves nothing"
        );
        assert_eq!(
            counts(Some(9), &[temporary("2026-04-11", "")]),
            Some(9),
            "what begins later says nothing yet"
        );
        assert_eq!(counts(None, &[granted(7, "", "")]), Some(7));
    }

    #[test]
    fn a_withdrawal_ends_it_and_a_refusal_leaves_it() {
        let before = granted(50_000, "2026-01-01", "");
        let of = |state| stated(state, 0, "2026-04-01", "");
        let (withdrawn, refused) = (of(ApprovalState::Withdrawn), of(ApprovalState::Refused));
        assert_eq!(counts(None, &[withdrawn.clone(), before.clone()]), Some(0));
        assert_eq!(counts(Some(50_000), std::slice::from_ref(&withdrawn)), Some(0));
        let same_day = granted(50_000, "2026-04-01", "");
        assert_eq!(counts(None, &[withdrawn, same_day]), Some(0), "what is in doubt is not relied on");
        assert_eq!(counts(None, &[refused.clone(), before]), Some(50_000));
        assert_eq!(counts(Some(9), std::slice::from_ref(&refused)), Some(9));
        assert_eq!(counts(None, &[refused]), Some(0), "nothing was granted");
        assert_eq!(counts(Some(9), &[of(ApprovalState::Unknown)]), Some(9), "the word is not in the mapping");
        assert_eq!(counts(None, &[of(ApprovalState::Unknown)]), Some(0), "and the factor has spoken");
        assert_eq!(counts(None, &[granted(7, "2026-04-11", "")]), Some(0), "not yet");
    }

    #[test]
    fn a_withdrawal_ends_what_was_said_before_it_whenever_that_begins() {
        let said = |own: FactorApproval, date: &str| FactorApproval { date: Some(day(date)), ..own };
        let later = said(granted(80_000, "2026-04-09", ""), "2026-03-01");
        let ended = said(stated(ApprovalState::Withdrawn, 0, "2026-03-15", ""), "2026-03-15");
        assert_eq!(counts(None, &[later.clone(), ended.clone()]), Some(0));
        let again = said(granted(60_000, "2026-01-01", ""), "2026-03-20");
        assert_eq!(counts(None, &[later.clone(), ended, again.clone()]), Some(60_000), "granted again");
        let undated = said(stated(ApprovalState::Withdrawn, 0, "", ""), "2026-04-01");
        assert_eq!(counts(None, &[granted(50_000, "2026-01-01", ""), undated.clone()]), Some(0));
        assert_eq!(counts(None, &[later, undated.clone()]), Some(0));
        let ahead = said(stated(ApprovalState::Withdrawn, 0, "", ""), "2026-04-11");
        assert_eq!(counts(None, &[again, ahead]), Some(60_000), "tomorrow's");
    }

    #[test]
    fn a_buyer_that_left_the_factors_list_has_no_approval() {
        let before = granted(50_000, "2026-01-01", "");
        let counted = |file, stated: &[FactorApproval]| {
            let left = std::slice::from_ref(&before);
            let (effective, _) = with_approvals(&with_file(file), stated, left, day("2026-04-10"));
            super::super::approval(&effective, &buyer("B1").id, Currency::EUR)
        };
        assert_eq!((counted(None, &[]), counted(Some(9), &[])), (Some(0), Some(0)));
        assert_eq!(
            counted(None, &[granted(20_000, "2026-02-01", "")]),
            Some(20_000),
            "it stands otherwise now"
        );
    }

    #[test]
    fn a_buyer_is_found_by_its_registry_number_or_by_the_factors() {
        let mut own = contract();
        own.buyers[0].factor_id = Some("0001234".to_owned());
        let by_factor = FactorApproval {
            identifiers: Vec::new(),
            factor_id: Some("0001234".to_owned()),
            ..granted(7, "", "")
        };
        let unknown = FactorApproval { factor_id: Some("9".to_owned()), ..by_factor.clone() };
        let (effective, all) = with_approvals(&own, &[by_factor, unknown], &[], day("2026-04-10"));
        assert_eq!(super::super::approval(&effective, &buyer("B1").id, Currency::EUR), Some(7));
        let buyers: Vec<Option<&str>> = all.iter().map(|own| own.buyer.as_deref()).collect();
        assert_eq!(buyers, [None, Some("siren:404833048")]);
        assert_eq!(effective.buyers.len(), 1, "the other one leads nowhere, and is told");
    }

    #[test]
    fn a_buyer_of_whom_something_is_approved_is_known_to_the_factor() {
        let other = |minor| FactorApproval {
            identifiers: Identifier::new(Scheme::Siren, "005520135").into_iter().collect(),
            factor_id: Some("77".to_owned()),
            ..granted(minor, "", "")
        };
        let known = |minor| {
            let (effective, _) = with_approvals(&contract(), &[other(minor)], &[], day("2026-04-10"));
            effective.buyer(&buyer("B2").id).map(|own| own.factor_id.clone())
        };
        assert_eq!(known(5), Some(Some("77".to_owned())));
        assert_eq!(known(0), None);
        let (effective, _) =
            with_approvals(&Contract { any_buyer: true, ..contract() }, &[other(0)], &[], day("2026-04-10"));
        assert_eq!(super::super::approval(&effective, &buyer("B2").id, Currency::EUR), Some(0));
    }

    proptest! {
        #[test]
        fn no_statement_raises_what_the_file_names(
            file in 0_i64..100,
            said in prop::collection::vec((0_usize..4, 0_i64..100, 1_u32..28, 1_u32..28), 0..6),
        ) {
            let stated: Vec<FactorApproval> = said
                .iter()
                .map(|(state, minor, from, to)| {
                    let date = |day: u32| Date::from_ymd_opt(2026, 4, day).unwrap();
                    let own = granted(*minor, "", "");
                    FactorApproval {
                        state: ApprovalState::ALL[*state],
                        from: Some(date(*from.min(to))),
                        to: Some(date(*from.max(to))),
                        ..own
                    }
                })
                .collect();
            prop_assert!(counts(Some(file), &stated).is_some_and(|minor| minor <= file));
        }
    }
}
