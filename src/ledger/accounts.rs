//! Accounts and the legal buyers behind them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::db::{Tx, marks, on, row};
use super::rows::{Existing, Rows};
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

    /// The buyer of an account of the connection, as the ledger has it now.
    #[must_use]
    pub fn buyer_of(&self, external_id: &str) -> Option<&str> {
        self.known.get(external_id).map(|(_, buyer, _)| buyer.as_str())
    }

    async fn land(&mut self, tx: &mut Tx<'_>, accounts: Vec<Account>, customer: bool) -> Result<(), Error> {
        let mut rows: BTreeMap<String, (Account, Vec<u8>, String)> = BTreeMap::new();
        let mut touched = BTreeSet::new();
        let mut changed = Vec::new();
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
                    changed.push(account.external_id.clone());
                }
                None => self.landed.new += 1,
            }
            touched.insert(buyer.clone());
            self.known.insert(account.external_id.clone(), (hash.clone(), buyer.clone(), customer));
            rows.insert(account.external_id.clone(), (account, hash, buyer));
        }
        let rows: Vec<_> = rows.into_values().collect();
        tx.keep_accounts(&self.connection, &changed, self.now).await?;
        let (connection, now) = (self.connection.as_str(), self.now);
        let columns = Rows::of(&rows)
            .column("connection", |_| connection)
            .column("external_id", |(account, ..)| account.external_id.as_str())
            .column("code", |(account, ..)| account.code.as_str())
            .column("name", |(account, ..)| account.name.as_str())
            .column("country", |(account, ..)| account.country.as_str())
            .column("street", |(account, ..)| account.street.as_deref())
            .column("postcode", |(account, ..)| account.postcode.as_deref())
            .column("town", |(account, ..)| account.town.as_deref())
            .column("identifiers", |(account, ..)| {
                let pairs = account.identifiers.iter().map(|id| (id.scheme.as_str(), id.value.as_str()));
                Json(pairs.collect::<Vec<_>>())
            })
            .column("insurer_buyer_id", |(account, ..)| account.insurer_buyer_id.as_deref())
            .column("limit_minor", |(account, ..)| account.limit_minor)
            .column("limit_currency", |(account, ..)| account.limit_currency.as_ref().map(Currency::code))
            .column("terms_days", |(account, ..)| account.terms_days)
            .column("blocked", |(account, ..)| account.blocked)
            .column("buyer_id", |(.., buyer)| buyer.as_str())
            .column("origin", |_| if customer { "customer" } else { "item" })
            .column("content_hash", |(_, hash, _)| hash.as_slice())
            .column("recorded_at", |_| now)
            .column("first_recorded_at", |_| now);
        let key = "connection, external_id";
        tx.insert("account", columns, Existing::Replaced { key, but: &["first_recorded_at"] }).await?;
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
        let sql = |among: &str| {
            format!(
                "INSERT INTO buyer (id, name, country, recorded_at) SELECT buyer_id, name, country, $1 FROM \
                 (SELECT buyer_id, name, country, ROW_NUMBER() OVER (PARTITION BY buyer_id ORDER BY origin, connection, \
                 external_id) AS place FROM account WHERE buyer_id {among}) AS ranked WHERE place = 1 \
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, country = excluded.country, \
                 recorded_at = excluded.recorded_at WHERE buyer.name <> excluded.name OR buyer.country <> excluded.country"
            )
        };
        let touched: Vec<&String> = touched.iter().collect();
        match self {
            Self::Postgres(_) if touched.is_empty() => {}
            Self::Postgres(transaction) => {
                let query = sqlx::query(AssertSqlSafe(sql("= ANY($2)"))).bind(now).bind(&touched);
                query.execute(&mut **transaction).await?;
            }
            Self::Sqlite(transaction) => {
                for chunk in touched.chunks(ROWS_MAX) {
                    let among = format!("IN ({})", marks(2, chunk.len()));
                    let mut query = sqlx::query(AssertSqlSafe(sql(&among))).bind(now);
                    for buyer in chunk {
                        query = query.bind(*buyer);
                    }
                    query.execute(&mut **transaction).await?;
                }
            }
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
}
