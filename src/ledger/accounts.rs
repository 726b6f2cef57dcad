//! Accounts and the legal buyers behind them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::db::{Tx, marks, on, row, values};
use super::{Error, Landed};
use crate::ids::fingerprint;
use crate::model::{Account, Currency, Identifier, Instant, Scheme, buyer_id_of};

const ROWS_MAX: usize = 400;

row! {
    /// An account.
    #[derive(Debug, Clone)]
    pub struct AccountRow {
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
        /// The legal buyer.
        pub buyer_id: String,
        /// Why it is, as it was last recorded among the links; `None` when nothing joins it to a buyer.
        pub link: Option<String>,
    }
}

const SELECT: &str = "SELECT connection, external_id, code, name, country, street, postcode, town, identifiers, insurer_buyer_id, limit_minor, \
                      limit_currency, buyer_id, link FROM account";

impl AccountRow {
    /// The identifiers as values.
    pub fn identifiers(&self) -> impl Iterator<Item = Identifier> + '_ {
        self.identifiers.0.iter().filter_map(|(scheme, value)| Identifier::new(Scheme::parse(scheme)?, value))
    }

    /// The limit the ERP holds, with its currency.
    #[must_use]
    pub fn limit(&self) -> Option<(i64, Currency)> {
        Some((self.limit_minor?, Currency::parse(self.limit_currency.as_deref()?)?))
    }
}

row! {
    struct Stored { external_id: String, content_hash: Vec<u8>, buyer_id: String, origin: String }
}

/// What the ledger knows of the accounts of a connection while a landing goes on.
pub struct AccountLanding {
    connection: String,
    now: Instant,
    known: HashMap<String, (Vec<u8>, String, bool)>,
    /// Customer records that this landing has taken.
    seen: HashSet<String>,
    /// Buyers whose accounts changed, before or after.
    pub buyers: BTreeSet<String>,
    /// Customer records under a key that another record of the same landing already had; the first one counts.
    pub repeated: Vec<Account>,
    /// What was done.
    pub landed: Landed,
}

impl AccountLanding {
    /// Reads what is known of the connection's accounts.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn begin(tx: &mut Tx<'_>, connection: &str, now: Instant) -> Result<Self, Error> {
        let rows: Vec<Stored> = on!(tx, c => sqlx::query_as(
            "SELECT external_id, content_hash, buyer_id, origin FROM account WHERE connection = $1")
            .bind(connection).fetch_all(c).await?);
        let known = rows
            .into_iter()
            .map(|r| (r.external_id, (r.content_hash, r.buyer_id, r.origin == "customer")))
            .collect();
        Ok(Self {
            connection: connection.to_owned(),
            now,
            known,
            seen: HashSet::new(),
            buyers: BTreeSet::new(),
            repeated: Vec::new(),
            landed: Landed::default(),
        })
    }

    /// Lands accounts that a customer record describes. Of several records of one key the first counts, or each reading
    /// would find a change; the others are in [`Self::repeated`] unless they say the same.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn write(&mut self, tx: &mut Tx<'_>, accounts: Vec<Account>) -> Result<(), Error> {
        self.land(tx, accounts, true).await
    }

    /// Lands accounts that only items describe: a customer record, where there is one, keeps the word.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn write_from_items(&mut self, tx: &mut Tx<'_>, accounts: Vec<Account>) -> Result<(), Error> {
        let open = accounts
            .into_iter()
            .filter(|a| self.known.get(&a.external_id).is_none_or(|(_, _, customer)| !customer));
        let open: Vec<Account> = open.collect();
        self.land(tx, open, false).await
    }

    /// Whether the connection has this account.
    #[must_use]
    pub fn has(&self, external_id: &str) -> bool {
        self.known.contains_key(external_id)
    }

    async fn land(&mut self, tx: &mut Tx<'_>, accounts: Vec<Account>, customer: bool) -> Result<(), Error> {
        let mut rows: BTreeMap<String, (Account, Vec<u8>, String)> = BTreeMap::new();
        let mut touched = BTreeSet::new();
        for account in accounts {
            let hash = hash(&account);
            let buyer = buyer_id_of(&self.connection, &account);
            if customer && !self.seen.insert(account.external_id.clone()) {
                if self.known.get(&account.external_id).is_some_and(|(known, _, _)| *known != hash) {
                    self.repeated.push(account);
                }
                continue;
            }
            match self.known.get(&account.external_id) {
                Some((known, _, was_customer)) if *known == hash && *was_customer == customer => {
                    self.landed.unchanged += 1;
                    continue;
                }
                Some((_, before, _)) => {
                    self.landed.changed += 1;
                    touched.insert(before.clone());
                }
                None => self.landed.new += 1,
            }
            touched.insert(buyer.clone());
            self.known.insert(account.external_id.clone(), (hash.clone(), buyer.clone(), customer));
            rows.insert(account.external_id.clone(), (account, hash, buyer));
        }
        let rows: Vec<_> = rows.into_values().collect();
        for chunk in rows.chunks(ROWS_MAX) {
            let sql = format!(
                "INSERT INTO account (connection, external_id, code, name, country, street, postcode, town, identifiers, insurer_buyer_id, \
                 limit_minor, limit_currency, terms_days, blocked, buyer_id, origin, content_hash, recorded_at) VALUES {} \
                 ON CONFLICT (connection, external_id) DO UPDATE SET code = excluded.code, name = excluded.name, \
                 country = excluded.country, street = excluded.street, postcode = excluded.postcode, \
                 town = excluded.town, identifiers = excluded.identifiers, insurer_buyer_id = excluded.insurer_buyer_id, \
                 limit_minor = excluded.limit_minor, limit_currency = excluded.limit_currency, terms_days = excluded.terms_days, \
                 blocked = excluded.blocked, buyer_id = excluded.buyer_id, origin = excluded.origin, \
                 content_hash = excluded.content_hash, recorded_at = excluded.recorded_at",
                values(tx, chunk.len(), 18)
            );
            on!(&mut *tx, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for (account, hash, buyer) in chunk {
                    let identifiers: Vec<_> = account.identifiers.iter().map(|id| (id.scheme.as_str(), id.value.as_str())).collect();
                    query = query
                        .bind(&self.connection)
                        .bind(&account.external_id)
                        .bind(&account.code)
                        .bind(&account.name)
                        .bind(&account.country)
                        .bind(&account.street)
                        .bind(&account.postcode)
                        .bind(&account.town)
                        .bind(Json(serde_json::json!(identifiers)))
                        .bind(&account.insurer_buyer_id)
                        .bind(account.limit_minor)
                        .bind(account.limit_currency.map(|currency| currency.code().to_owned()))
                        .bind(account.terms_days)
                        .bind(account.blocked)
                        .bind(buyer)
                        .bind(if customer { "customer" } else { "item" })
                        .bind(hash)
                        .bind(self.now);
                }
                query.execute(c).await?;
            });
        }
        tx.name_buyers(&touched, self.now).await?;
        self.buyers.append(&mut touched);
        Ok(())
    }
}

fn hash(account: &Account) -> Vec<u8> {
    let text = serde_json::to_vec(account).unwrap_or_default();
    fingerprint(&[&text]).to_vec()
}

impl Tx<'_> {
    /// Names buyers after their first account, customer records before items: whatever order they came in.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn name_buyers(&mut self, touched: &BTreeSet<String>, now: Instant) -> Result<(), Error> {
        let touched: Vec<&String> = touched.iter().collect();
        for chunk in touched.chunks(ROWS_MAX) {
            let sql = format!(
                "INSERT INTO buyer (id, name, country, recorded_at) SELECT buyer_id, name, country, $1 FROM \
                 (SELECT buyer_id, name, country, ROW_NUMBER() OVER (PARTITION BY buyer_id ORDER BY origin, connection, \
                 external_id) AS place FROM account WHERE buyer_id IN ({})) AS ranked WHERE place = 1 \
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, country = excluded.country, \
                 recorded_at = excluded.recorded_at WHERE buyer.name <> excluded.name OR buyer.country <> excluded.country",
                marks(2, chunk.len())
            );
            on!(&mut *self, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now);
                for buyer in chunk {
                    query = query.bind(*buyer);
                }
                query.execute(c).await?;
            });
        }
        Ok(())
    }

    /// All accounts of a company, by buyer.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn accounts(&mut self, company: &str) -> Result<Vec<AccountRow>, Error> {
        let sql = format!(
            "{SELECT} WHERE connection IN (SELECT id FROM connection WHERE company = $1) ORDER BY buyer_id, connection, external_id"
        );
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?))
    }

    /// The accounts of some buyers.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn accounts_of(
        &mut self,
        company: &str,
        buyers: &BTreeSet<String>,
    ) -> Result<Vec<AccountRow>, Error> {
        let mut all = Vec::new();
        let buyers: Vec<&String> = buyers.iter().collect();
        for chunk in buyers.chunks(ROWS_MAX) {
            let sql = format!(
                "{SELECT} WHERE connection IN (SELECT id FROM connection WHERE company = $1) AND buyer_id IN ({}) \
                 ORDER BY buyer_id, connection, external_id",
                marks(2, chunk.len())
            );
            let rows: Vec<AccountRow> = on!(&mut *self, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(company);
                for buyer in chunk {
                    query = query.bind(*buyer);
                }
                query.fetch_all(c).await?
            });
            all.extend(rows);
        }
        Ok(all)
    }

    /// The buyers behind accounts of a connection.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn buyers_of_accounts(
        &mut self,
        connection: &str,
        accounts: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, Error> {
        let mut buyers = BTreeSet::new();
        let accounts: Vec<&String> = accounts.iter().collect();
        for chunk in accounts.chunks(ROWS_MAX) {
            let sql = format!(
                "SELECT DISTINCT buyer_id FROM account WHERE connection = $1 AND external_id IN ({})",
                marks(2, chunk.len())
            );
            let rows: Vec<(String,)> = on!(&mut *self, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(connection);
                for account in chunk {
                    query = query.bind(*account);
                }
                query.fetch_all(c).await?
            });
            buyers.extend(rows.into_iter().map(|(id,)| id));
        }
        Ok(buyers)
    }
}
