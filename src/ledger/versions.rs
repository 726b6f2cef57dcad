//! Accounts and the terms of policies as they were known at an instant.
//!
//! A version is written when it ends, so a landing of unchanged accounts writes nothing. Ledgers of before this history began
//! hold rows of which only the last version is known: `first_recorded_at` is absent there, and whoever asks about an instant
//! before that version is given it, and told so.
//! Invariant: nothing that is recorded after an instant changes what is read as of it, but for what was not kept yet.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::Error;
use super::accounts::AccountRow;
use super::db::{Tx, marks, on, placeholders_from, row};
use super::read::BuyerRow;
use crate::model::{Date, Instant, Policy};

const ROWS_MAX: usize = 400;

/// What both tables of accounts hold.
const ACCOUNT: &str = "connection, external_id, code, name, country, street, postcode, town, identifiers, insurer_buyer_id, \
                       limit_minor, limit_currency, terms_days, blocked, origin, recorded_at, first_recorded_at";

const POLICY: &str = "connection, number, valid_from, payload, recorded_at, first_recorded_at";

row! {
    /// An account as it was from one reading to the next.
    #[derive(Debug, Clone)]
    pub struct AccountVersion {
        /// The connection.
        pub connection: String,
        /// The source's key.
        pub external_id: String,
        /// The code people use.
        pub code: String,
        /// Its name.
        pub name: String,
        /// ISO 3166 alpha-2, or empty.
        pub country: String,
        /// Street and number, where the source states an address.
        pub street: Option<String>,
        /// Its postcode.
        pub postcode: Option<String>,
        /// Its town.
        pub town: Option<String>,
        /// `[["siren", "…"], …]`.
        pub identifiers: Json<Vec<(String, String)>>,
        /// The insurer's id of the buyer, where the ERP stores it.
        pub insurer_buyer_id: Option<String>,
        /// The limit the ERP holds.
        pub limit_minor: Option<i64>,
        /// Its currency.
        pub limit_currency: Option<String>,
        /// Payment terms, days.
        pub terms_days: Option<i64>,
        /// Blocked in the ERP.
        pub blocked: bool,
        /// `customer` or `item`: what describes it.
        pub origin: String,
        /// Since when it was known so.
        pub recorded_at: Instant,
        /// Since when the ledger has it at all; absent where its earlier versions were not kept.
        pub first_recorded_at: Option<Instant>,
        /// Since when it was known otherwise.
        pub superseded_at: Option<Instant>,
    }
}

row! {
    /// The terms of a policy period as they stood in the configuration from one reading to the next.
    #[derive(Debug, Clone)]
    pub struct PolicyVersion {
        /// The insurer's connection.
        pub connection: String,
        /// Policy number.
        pub number: String,
        /// First day of the period.
        pub valid_from: Date,
        payload: Json<serde_json::Value>,
        /// When it was first read so.
        pub recorded_at: Instant,
        /// Since when the ledger has the period at all; absent where its earlier versions were not kept.
        pub first_recorded_at: Option<Instant>,
        /// When it was first read otherwise, or was gone.
        pub superseded_at: Option<Instant>,
    }
}

/// Something of which earlier versions were not kept: it is told as it was first known afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begins {
    /// A code of an account, or a policy's number with its first day.
    pub what: String,
    /// When its oldest version that is kept was read.
    pub since: Instant,
}

/// The accounts of an instant.
#[derive(Debug, Clone, Default)]
pub struct AccountsThen {
    /// By connection and key, each with the buyer of then.
    pub accounts: Vec<AccountRow>,
    /// Their buyers, named as they were.
    pub buyers: BTreeMap<String, BuyerRow>,
    /// Those that are told as they were later.
    pub begin: Vec<Begins>,
}

/// The policy periods of an instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoliciesThen {
    /// By connection, number and first day.
    pub policies: Vec<Policy>,
    /// Those that are told as they were later.
    pub begin: Vec<Begins>,
}

/// What a version needs to be found by an instant.
trait Version {
    fn span(&self) -> (Instant, Option<Instant>);
    fn first(&self) -> Option<Instant>;
}

impl Version for AccountVersion {
    fn span(&self) -> (Instant, Option<Instant>) {
        (self.recorded_at, self.superseded_at)
    }
    fn first(&self) -> Option<Instant> {
        self.first_recorded_at
    }
}

impl Version for PolicyVersion {
    fn span(&self) -> (Instant, Option<Instant>) {
        (self.recorded_at, self.superseded_at)
    }
    fn first(&self) -> Option<Instant> {
        self.first_recorded_at
    }
}

/// Of the versions of one thing, the oldest first, the one that was known at an instant; or the oldest that was kept, where
/// the ledger had the thing by then and no longer knows what it was.
fn known_at<V: Version>(versions: &[V], at: Instant) -> Option<(&V, Option<Instant>)> {
    let known = versions.iter().find(|version| {
        let (from, to) = version.span();
        from <= at && to.is_none_or(|to| to > at)
    });
    if let Some(known) = known {
        return Some((known, None));
    }
    let oldest = versions.first()?;
    let (from, _) = oldest.span();
    (oldest.first().is_none() && from > at).then_some((oldest, Some(from)))
}

/// The accounts of an instant, out of their versions by connection, key and instant; `buyers` are those of the instant. An account
/// that the ledger did not have by then is none of them.
#[must_use]
pub fn accounts_then(
    versions: &[AccountVersion],
    buyers: &BTreeMap<(String, String), String>,
    at: Instant,
) -> AccountsThen {
    let mut then = AccountsThen::default();
    let mut names: BTreeMap<&str, &AccountVersion> = BTreeMap::new();
    let same = |a: &AccountVersion, b: &AccountVersion| {
        a.connection == b.connection && a.external_id == b.external_id
    };
    for versions in versions.chunk_by(same) {
        let Some((version, begins)) = known_at(versions, at) else { continue };
        let Some(buyer) = buyers.get(&(version.connection.clone(), version.external_id.clone())) else {
            continue;
        };
        then.begin.extend(begins.map(|since| Begins { what: version.code.clone(), since }));
        then.accounts.push(version.row(buyer));
        // As buyers are named: after their first account, customer records before items.
        let rank =
            |one: &AccountVersion| (one.origin.clone(), one.connection.clone(), one.external_id.clone());
        let first = names.entry(buyer).or_insert(version);
        if rank(version) < rank(first) {
            *first = version;
        }
    }
    let named = names.into_iter().map(|(id, version)| {
        let row =
            BuyerRow { id: id.to_owned(), name: version.name.clone(), country: version.country.clone() };
        (id.to_owned(), row)
    });
    then.buyers = named.collect();
    then
}

/// The policy periods of an instant, out of their versions by connection, number, first day and instant.
///
/// # Errors
/// [`Error::Unreadable`] for terms that this version does not know.
pub fn policies_then(versions: &[PolicyVersion], at: Instant) -> Result<PoliciesThen, Error> {
    let mut then = PoliciesThen::default();
    let same = |a: &PolicyVersion, b: &PolicyVersion| {
        (&a.connection, &a.number, a.valid_from) == (&b.connection, &b.number, b.valid_from)
    };
    for versions in versions.chunk_by(same) {
        let Some((version, begins)) = known_at(versions, at) else { continue };
        then.policies.push(version.policy()?);
        then.begin.extend(begins.map(|since| Begins {
            what: format!("{} from {} on", version.number, version.valid_from),
            since,
        }));
    }
    Ok(then)
}

impl AccountVersion {
    fn row(&self, buyer: &str) -> AccountRow {
        AccountRow {
            connection: self.connection.clone(),
            external_id: self.external_id.clone(),
            code: self.code.clone(),
            name: self.name.clone(),
            country: self.country.clone(),
            street: self.street.clone(),
            postcode: self.postcode.clone(),
            town: self.town.clone(),
            identifiers: self.identifiers.clone(),
            insurer_buyer_id: self.insurer_buyer_id.clone(),
            limit_minor: self.limit_minor,
            limit_currency: self.limit_currency.clone(),
            buyer_id: buyer.to_owned(),
            link: None,
        }
    }
}

impl PolicyVersion {
    /// The terms.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for terms that this version does not know.
    pub fn policy(&self) -> Result<Policy, Error> {
        serde_json::from_value(self.payload.0.clone())
            .map_err(|error| Error::unreadable("period of a policy", format!("{}: {error}", self.number)))
    }
}

impl Tx<'_> {
    /// Keeps some accounts of a connection as they are, before they are written otherwise. What was written at this very
    /// instant was never seen by anybody, and is no version.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(super) async fn keep_accounts(
        &mut self,
        connection: &str,
        external_ids: &[String],
        now: Instant,
    ) -> Result<(), Error> {
        for chunk in external_ids.chunks(ROWS_MAX) {
            let sql = format!(
                "INSERT INTO account_history ({ACCOUNT}, superseded_at) SELECT {ACCOUNT}, $2 FROM account WHERE connection = $1 \
                 AND recorded_at <> $2 AND external_id IN ({}) ON CONFLICT (connection, external_id, recorded_at) DO NOTHING",
                marks(3, chunk.len())
            );
            on!(&mut *self, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(connection).bind(now);
                for external_id in chunk {
                    query = query.bind(external_id);
                }
                query.execute(c).await?;
            });
        }
        Ok(())
    }

    /// Keeps a policy period as it is, before it is written otherwise or taken away.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(super) async fn keep_policy(
        &mut self,
        connection: &str,
        number: &str,
        from: Date,
        now: Instant,
    ) -> Result<(), Error> {
        let sql = format!(
            "INSERT INTO policy_history ({POLICY}, superseded_at) SELECT {POLICY}, $4 FROM policy WHERE connection = $1 \
             AND number = $2 AND valid_from = $3 AND recorded_at <> $4 \
             ON CONFLICT (connection, number, valid_from, recorded_at) DO NOTHING"
        );
        on!(self, c => sqlx::query(AssertSqlSafe(sql)).bind(connection).bind(number).bind(from).bind(now).execute(c).await?;);
        Ok(())
    }

    /// Every version of the accounts of a company, or of some of them, by connection, key and instant.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn account_versions(
        &mut self,
        company: &str,
        only: Option<&BTreeSet<(String, String)>>,
    ) -> Result<Vec<AccountVersion>, Error> {
        let select = |among: &str| {
            let scope = format!("WHERE connection IN (SELECT id FROM connection WHERE company = $1){among}");
            format!(
                "SELECT {ACCOUNT}, superseded_at FROM account_history {scope} UNION ALL SELECT {ACCOUNT}, NULL FROM account {scope}"
            )
        };
        let mut all: Vec<AccountVersion> = Vec::new();
        match only {
            None => {
                let sql = select("");
                all = on!(&mut *self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?);
            }
            Some(only) => {
                let only: Vec<&(String, String)> = only.iter().collect();
                for chunk in only.chunks(ROWS_MAX) {
                    let values = placeholders_from(2, chunk.len(), 2);
                    let sql = select(&format!(" AND (connection, external_id) IN (VALUES {values})"));
                    let rows: Vec<AccountVersion> = on!(&mut *self, c => {
                        let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(company);
                        for (connection, external_id) in chunk {
                            query = query.bind(connection).bind(external_id);
                        }
                        query.fetch_all(c).await?
                    });
                    all.extend(rows);
                }
            }
        }
        all.sort_by(|a, b| {
            (&a.connection, &a.external_id, a.recorded_at).cmp(&(
                &b.connection,
                &b.external_id,
                b.recorded_at,
            ))
        });
        Ok(all)
    }

    /// Every version of the policy periods of a company, by connection, number, first day and instant.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn policy_versions(&mut self, company: &str) -> Result<Vec<PolicyVersion>, Error> {
        let scope = "WHERE connection IN (SELECT id FROM connection WHERE company = $1)";
        let sql = format!(
            "SELECT {POLICY}, superseded_at FROM policy_history {scope} UNION ALL SELECT {POLICY}, NULL FROM policy {scope}"
        );
        let mut all: Vec<PolicyVersion> =
            on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?);
        all.sort_by(|a, b| {
            (&a.connection, &a.number, a.valid_from, a.recorded_at).cmp(&(
                &b.connection,
                &b.number,
                b.valid_from,
                b.recorded_at,
            ))
        });
        Ok(all)
    }
}
