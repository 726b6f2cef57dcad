//! Which legal buyer an insurer's buyer is: by the insurer's own id where an account stores it, else by a registry
//! identifier, never by name. Reference: shared rules, "Words".

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::AccountRow;
use crate::model::{Identifier, Limit, Scheme};

/// The identities of all accounts of a company.
pub(super) struct Index {
    by_insurer_id: BTreeMap<String, BTreeSet<String>>,
    by_identifier: BTreeMap<Identifier, BTreeSet<String>>,
}

impl Index {
    pub(super) fn new(accounts: &[AccountRow]) -> Self {
        let mut index = Self { by_insurer_id: BTreeMap::new(), by_identifier: BTreeMap::new() };
        for account in accounts {
            if let Some(id) = &account.insurer_buyer_id {
                index.by_insurer_id.entry(id.clone()).or_default().insert(account.buyer_id.clone());
            }
            for identifier in account.identifiers() {
                for key in keys(&identifier) {
                    index.by_identifier.entry(key).or_default().insert(account.buyer_id.clone());
                }
            }
        }
        index
    }

    /// The buyer, or none; several when the identities of the limit lead to more than one.
    pub(super) fn buyer_of(&self, limit: &Limit) -> Result<Option<String>, Vec<String>> {
        if let Some(buyers) = self.by_insurer_id.get(&limit.insurer_buyer_id) {
            return one(buyers);
        }
        let mut buyers = BTreeSet::new();
        for key in limit.identifiers.iter().flat_map(keys) {
            buyers.extend(self.by_identifier.get(&key).into_iter().flatten().cloned());
        }
        one(&buyers)
    }
}

/// What an identifier is looked up by: itself and the SIREN in it. An unsound one leads nowhere.
fn keys(identifier: &Identifier) -> Vec<Identifier> {
    if !identifier.is_sound() || identifier.scheme == Scheme::Duns {
        return Vec::new();
    }
    let mut keys = vec![identifier.clone()];
    keys.extend(identifier.siren().filter(|siren| siren != identifier));
    keys
}

fn one(buyers: &BTreeSet<String>) -> Result<Option<String>, Vec<String>> {
    let mut all = buyers.iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Ok(Some(only.clone())),
        (Some(_), Some(_)) => Err(buyers.iter().cloned().collect()),
    }
}
