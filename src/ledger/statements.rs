//! Exposure statements as they were made, and the history that they can be made from again.
//!
//! A statement keeps whom it speaks of; its figures are found again as they were known at its instant, in the versions of
//! items, of links between accounts and buyers, and of what was owed at the end of each day.
//! Invariant: nothing that happens after a statement was approved changes what it can be rebuilt from. Reference: shared
//! rules, "Exposure statements".

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::Error;
use super::days::Owed;
use super::db::{Tx, on, row, values};
use super::past::own_buyer;
use super::rows::{Existing, Rows};
use crate::credit::statement::{self, Figure, Head, Line, Party, Period};
use crate::ids::{fingerprint_hex, sha256_hex};
use crate::model::{Basis, Currency, Date, Instant, LinkKind, StatementMethod};

row! {
    /// A statement.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct StatementRow {
        /// A function of company, connection, policy, period and method.
        pub id: String,
        /// The company.
        pub company: String,
        /// The connection of the insurer.
        pub connection: String,
        /// Policy number.
        pub policy: String,
        /// Method, as text.
        pub method: String,
        /// Month, as `2026-05`.
        pub period: String,
        /// Currency code.
        pub currency: String,
        /// Whether tax is in the figures, as text.
        pub basis: String,
        /// The last day of the month.
        pub as_of: Date,
        /// The business day on which it was made.
        pub made_on: Date,
        /// As of when the ledger is taken.
        pub known_at: Instant,
        /// How many buyers are stated.
        pub line_count: i64,
        /// Sum of what is stated, minor units.
        pub total_minor: i64,
        /// Sum of the changes, minor units.
        pub change_minor: i64,
        /// How many buyers have an amount and are not stated.
        pub not_stated: i64,
        /// How many buyers have an amount in another currency than the policy's.
        pub other_currency: i64,
        /// SHA-256 of its bytes.
        pub content_hash: String,
        /// The insurer's word for having it, where a person kept one.
        pub receipt: Option<String>,
        /// What the person said of it.
        pub receipt_because: Option<String>,
        /// Who.
        pub receipt_by: Option<String>,
        /// When.
        pub receipt_at: Option<Instant>,
    }
}

row! {
    /// One line of a statement.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct StatementLineRow {
        /// The legal buyer.
        pub buyer_id: String,
        /// The insurer's id of it; absent where the line could not be stated.
        pub insurer_buyer_id: Option<String>,
        /// Name.
        pub name: String,
        /// Country, or empty.
        pub country: String,
        /// The code of its account.
        pub account: String,
        /// What is stated, minor units.
        pub amount_minor: i64,
        /// How many documents are in it with their tax on the net basis, since they carry no tax figure.
        pub lacks_tax: i64,
        /// What was stated the last time.
        pub before_minor: Option<i64>,
        /// The statement that told it.
        pub before_statement: Option<String>,
    }
}

row! {
    /// What was last stated of a buyer.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LastStated {
        /// The legal buyer.
        pub buyer_id: String,
        /// The statement.
        pub statement: String,
        /// What it told, minor units.
        pub amount_minor: i64,
    }
}

const COLUMNS: &str = "id, company, connection, policy, method, period, currency, basis, as_of, made_on, known_at, line_count, total_minor, \
     change_minor, not_stated, other_currency, content_hash, receipt, receipt_because, receipt_by, receipt_at";
const LINE: &str = "buyer_id, insurer_buyer_id, name, country, account, amount_minor, lacks_tax, before_minor, before_statement";

/// The id of a statement.
#[must_use]
pub fn statement_id(
    company: &str,
    connection: &str,
    policy: &str,
    period: Period,
    method: StatementMethod,
) -> String {
    let period = period.to_string();
    let parts = ["statement", company, connection, policy, &period, method.as_str()];
    fingerprint_hex(&parts.map(str::as_bytes))
}

impl StatementRow {
    /// Its method.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn method(&self) -> Result<StatementMethod, Error> {
        StatementMethod::parse(&self.method)
            .ok_or_else(|| Error::unreadable("method of a statement", &self.method))
    }

    /// Its month.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn period(&self) -> Result<Period, Error> {
        Period::parse(&self.period).ok_or_else(|| Error::unreadable("period of a statement", &self.period))
    }

    /// Its currency.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn currency(&self) -> Result<Currency, Error> {
        Currency::parse(&self.currency).ok_or_else(|| Error::unreadable("currency", &self.currency))
    }

    /// Whether tax is in its figures.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn basis(&self) -> Result<Basis, Error> {
        Basis::parse(&self.basis).ok_or_else(|| Error::unreadable("basis of a statement", &self.basis))
    }

    /// What stands above its lines.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn head(&self) -> Result<Head<'_>, Error> {
        Ok(Head {
            company: &self.company,
            connection: &self.connection,
            policy: &self.policy,
            method: self.method()?,
            period: self.period()?,
            currency: self.currency()?,
            basis: self.basis()?,
            known_at: self.known_at,
        })
    }
}

impl StatementLineRow {
    /// The line of the pure core.
    #[must_use]
    pub fn line(&self) -> Line {
        Line {
            buyer_id: self.buyer_id.clone(),
            party: self.party(),
            amount_minor: self.amount_minor,
            lacks_tax: self.lacks_tax,
            before_minor: self.before_minor,
        }
    }

    fn party(&self) -> Party {
        Party {
            insurer_buyer_id: self.insurer_buyer_id.clone(),
            name: self.name.clone(),
            country: self.country.clone(),
        }
    }
}

/// Figures of buyers by currency; nothing that is zero.
pub type Figures = BTreeMap<String, BTreeMap<String, Figure>>;

/// A statement that was made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// The statement as it was made.
    pub row: StatementRow,
    /// Its bytes, from the history.
    pub bytes: Vec<u8>,
    /// Their hash.
    pub hash: String,
}

impl Rebuilt {
    /// Whether they are the bytes that were made.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.hash == self.row.content_hash
    }
}

fn overflow(error: &crate::credit::Error) -> Error {
    Error::unreadable("statement", error.to_string())
}

impl Tx<'_> {
    /// What a method states of each buyer for a month on a basis: as known at an instant, or as known now.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn figures(
        &mut self,
        company: &str,
        method: StatementMethod,
        period: Period,
        basis: Basis,
        known_at: Option<Instant>,
    ) -> Result<Figures, Error> {
        let mut figures = match method {
            StatementMethod::Balance => self.balances(company, period.last(), basis, known_at).await?,
            StatementMethod::Turnover => self.turnover(company, period, basis, known_at).await?,
        };
        for buyers in figures.values_mut() {
            buyers.retain(|_, figure| figure.minor != 0);
        }
        figures.retain(|_, buyers| !buyers.is_empty());
        Ok(figures)
    }

    async fn balances(
        &mut self,
        company: &str,
        day: Date,
        basis: Basis,
        known_at: Option<Instant>,
    ) -> Result<Figures, Error> {
        // Of a day on which no policy counted net of tax only the gross amount is kept: at least one invoice is whole in it.
        let figure = match basis {
            Basis::Gross => "outstanding_minor AS minor, 0 AS lacks_tax",
            Basis::Net => {
                "COALESCE(net_minor, outstanding_minor) AS minor, CASE WHEN net_minor IS NULL AND outstanding_minor <> 0 \
                 THEN 1 ELSE lacks_tax END AS lacks_tax"
            }
        };
        let of_day = format!("SELECT buyer_id, currency, as_of, {figure} FROM");
        let days = match known_at {
            None => format!("{of_day} exposure_day WHERE company = $1 AND as_of <= $2"),
            Some(_) => format!(
                "{of_day} exposure_day WHERE company = $1 AND as_of <= $2 AND (recorded_at IS NULL OR recorded_at <= $3) \
                 UNION ALL {of_day} exposure_day_history WHERE company = $1 AND as_of <= $2 \
                 AND (recorded_at IS NULL OR recorded_at <= $3) AND superseded_at > $3"
            ),
        };
        let sql = format!(
            "SELECT buyer_id, currency, minor, CAST(lacks_tax AS BIGINT) AS lacks_tax FROM (SELECT buyer_id, currency, minor, \
             lacks_tax, ROW_NUMBER() OVER (PARTITION BY buyer_id, currency ORDER BY as_of DESC) AS place \
             FROM ({days}) AS known) AS days WHERE place = 1"
        );
        let rows: Vec<(String, String, i64, i64)> = on!(self, c => {
            let query = sqlx::query_as(AssertSqlSafe(sql)).bind(company).bind(day);
            match known_at {
                None => query.fetch_all(c).await?,
                Some(at) => query.bind(at).fetch_all(c).await?,
            }
        });
        let mut figures = Figures::new();
        for (buyer, currency, minor, lacks_tax) in rows {
            figures.entry(currency).or_default().insert(buyer, Figure { minor, lacks_tax });
        }
        Ok(figures)
    }

    async fn turnover(
        &mut self,
        company: &str,
        period: Period,
        basis: Basis,
        known_at: Option<Instant>,
    ) -> Result<Figures, Error> {
        let documents = "SELECT connection, account, currency, kind, total_minor, tax_minor FROM";
        // As `net_minor` of the model has it.
        let (net, lacks) = match basis {
            Basis::Gross => ("0", "0"),
            Basis::Net => (
                "CASE WHEN tax_minor BETWEEN 0 AND total_minor THEN tax_minor ELSE 0 END",
                "CASE WHEN tax_minor BETWEEN 0 AND total_minor THEN 0 ELSE 1 END",
            ),
        };
        let of_period = "issued >= $2 AND issued <= $3 AND kind IN ('invoice', 'credit_note')";
        let items = match known_at {
            None => format!("{documents} item WHERE {of_period}"),
            Some(_) => format!(
                "{documents} item WHERE {of_period} AND recorded_at <= $4 UNION ALL \
                 {documents} item_history WHERE {of_period} AND recorded_at <= $4 AND superseded_at > $4"
            ),
        };
        let sql = format!(
            "SELECT connection, account, currency, CAST(SUM((CASE WHEN kind = 'invoice' THEN 1 ELSE -1 END) * (total_minor - {net})) \
             AS BIGINT) AS sum, CAST(SUM({lacks}) AS BIGINT) AS lacks_tax FROM ({items}) AS known WHERE connection IN (SELECT id FROM connection WHERE company = $1) \
             GROUP BY connection, account, currency"
        );
        let (first, last) = (period.first(), period.last());
        let rows: Vec<(String, String, String, i64, i64)> = on!(&mut *self, c => {
            let query = sqlx::query_as(AssertSqlSafe(sql)).bind(company).bind(first).bind(last);
            match known_at {
                None => query.fetch_all(c).await?,
                Some(at) => query.bind(at).fetch_all(c).await?,
            }
        });
        let buyers = self.buyers_of_all_accounts(company, known_at).await?;
        let mut figures = Figures::new();
        for (connection, account, currency, minor, lacks_tax) in rows {
            let key = (connection, account);
            let Some(buyer) = buyers.get(&key) else { continue };
            let sum = figures.entry(currency).or_default().entry(buyer.clone()).or_default();
            sum.lacks_tax = sum.lacks_tax.saturating_add(lacks_tax);
            sum.minor = sum
                .minor
                .checked_add(minor)
                .ok_or_else(|| overflow(&crate::credit::Error::Overflow { what: "turnover" }))?;
        }
        Ok(figures)
    }

    /// The buyer of each account, by connection and key: as known at an instant, or as known now.
    pub(super) async fn buyers_of_all_accounts(
        &mut self,
        company: &str,
        known_at: Option<Instant>,
    ) -> Result<BTreeMap<(String, String), String>, Error> {
        let rows: Vec<(String, String, String)> = on!(&mut *self, c => sqlx::query_as(
            "SELECT connection, external_id, buyer_id FROM account WHERE connection IN \
             (SELECT id FROM connection WHERE company = $1)")
            .bind(company).fetch_all(c).await?);
        let mut buyers: BTreeMap<(String, String), String> =
            rows.into_iter().map(|(connection, key, buyer)| ((connection, key), buyer)).collect();
        let Some(at) = known_at else { return Ok(buyers) };
        // Before its first link an account was a buyer of its own.
        for (key, then) in self.linked_otherwise(company, LinkKind::Account, at).await? {
            let then = then.unwrap_or_else(|| own_buyer(&key));
            buyers.insert(key, then);
        }
        Ok(buyers)
    }

    /// The first day of which the ledger knows what buyers owed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn owed_since(&mut self, company: &str) -> Result<Option<Date>, Error> {
        let row: (Option<Date>,) = on!(self, c => sqlx::query_as(
            "SELECT MIN(as_of) FROM exposure_day WHERE company = $1").bind(company).fetch_one(c).await?);
        Ok(row.0)
    }

    /// Keeps what was noted of a day before it is noted otherwise, where a statement may speak of it.
    pub(super) async fn keep_stated_day(
        &mut self,
        company: &str,
        exposures: &[Owed<'_>],
        day: Date,
        now: Instant,
    ) -> Result<(), Error> {
        let stated: (i64,) = on!(&mut *self, c => sqlx::query_as(
            "SELECT COUNT(*) FROM statement WHERE company = $1 AND as_of >= $2").bind(company).bind(day).fetch_one(c).await?);
        if stated.0 == 0 {
            return Ok(());
        }
        // What stays the same is kept too: noting may take a row away that says what the day before says.
        for Owed { buyer, currency, .. } in exposures {
            on!(&mut *self, c => sqlx::query(
                "INSERT INTO exposure_day_history (company, buyer_id, currency, as_of, outstanding_minor, net_minor, lacks_tax, \
                 recorded_at, superseded_at) SELECT company, buyer_id, currency, as_of, outstanding_minor, net_minor, lacks_tax, \
                 recorded_at, $5 FROM exposure_day WHERE company = $1 AND buyer_id = $2 AND currency = $3 AND as_of = $4")
                .bind(company).bind(*buyer).bind(*currency).bind(day).bind(now).execute(c).await?;);
        }
        Ok(())
    }

    /// What each buyer was last told to have under a policy in months before one: lines that the insurer has.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn last_stated(
        &mut self,
        company: &str,
        connection: &str,
        policy: &str,
        method: StatementMethod,
        before: Period,
    ) -> Result<Vec<LastStated>, Error> {
        Ok(on!(self, c => sqlx::query_as(
            "SELECT buyer_id, statement, amount_minor FROM (SELECT l.buyer_id, l.statement, l.amount_minor, ROW_NUMBER() OVER \
             (PARTITION BY l.buyer_id ORDER BY s.period DESC) AS place FROM statement s \
             JOIN statement_line l ON l.statement = s.id AND l.insurer_buyer_id IS NOT NULL \
             JOIN effect e ON e.cause = s.id AND e.buyer_id = l.buyer_id AND e.kind = 'report_exposure' AND e.state = 'done' \
             WHERE s.company = $1 AND s.connection = $2 AND s.policy = $3 AND s.method = $4 AND s.period < $5) AS told \
             WHERE place = 1 ORDER BY buyer_id")
            .bind(company).bind(connection).bind(policy).bind(method.as_str()).bind(before.to_string())
            .fetch_all(c).await?))
    }

    /// Holds the proposals of statements until the end of the transaction, so that nobody approves one that is made anew.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn hold_statements(&mut self, company: &str) -> Result<(), Error> {
        on!(self, c => sqlx::query(
            "UPDATE effect SET version = version WHERE company = $1 AND kind = 'report_exposure' AND state = 'proposed'")
            .bind(company).execute(c).await?;);
        Ok(())
    }

    /// The statements of a company, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn statements(&mut self, company: &str) -> Result<Vec<StatementRow>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM statement WHERE company = $1 ORDER BY period, connection, policy, method"
        );
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(company).fetch_all(c).await?))
    }

    /// One statement by its whole id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn statement(&mut self, id: &str) -> Result<Option<StatementRow>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM statement WHERE id = $1");
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(c).await?))
    }

    /// The lines of a statement, in the order of buyers.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn statement_lines(&mut self, id: &str) -> Result<Vec<StatementLineRow>, Error> {
        let sql = format!("SELECT {LINE} FROM statement_line WHERE statement = $1 ORDER BY buyer_id");
        Ok(on!(self, c => sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_all(c).await?))
    }

    /// Writes a statement with its lines, in the place of what it was while nobody had approved it. A receipt stays.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn write_statement(
        &mut self,
        row: &StatementRow,
        lines: &[StatementLineRow],
    ) -> Result<(), Error> {
        on!(&mut *self, c => sqlx::query("DELETE FROM statement_line WHERE statement = $1").bind(&row.id).execute(c).await?;);
        let sql = format!(
            "INSERT INTO statement ({COLUMNS}) VALUES {} ON CONFLICT (id) DO UPDATE SET currency = excluded.currency, basis = excluded.basis, \
             as_of = excluded.as_of, made_on = excluded.made_on, known_at = excluded.known_at, line_count = excluded.line_count, \
             total_minor = excluded.total_minor, change_minor = excluded.change_minor, not_stated = excluded.not_stated, \
             other_currency = excluded.other_currency, content_hash = excluded.content_hash",
            values(self, 1, 21)
        );
        on!(&mut *self, c => sqlx::query(AssertSqlSafe(sql))
            .bind(&row.id)
            .bind(&row.company)
            .bind(&row.connection)
            .bind(&row.policy)
            .bind(&row.method)
            .bind(&row.period)
            .bind(&row.currency)
            .bind(&row.basis)
            .bind(row.as_of)
            .bind(row.made_on)
            .bind(row.known_at)
            .bind(row.line_count)
            .bind(row.total_minor)
            .bind(row.change_minor)
            .bind(row.not_stated)
            .bind(row.other_currency)
            .bind(&row.content_hash)
            .bind(&row.receipt)
            .bind(&row.receipt_because)
            .bind(&row.receipt_by)
            .bind(row.receipt_at)
            .execute(c).await?;);
        let lines = Rows::of(lines)
            .column("statement", |_| row.id.as_str())
            .column("buyer_id", |line| line.buyer_id.as_str())
            .column("insurer_buyer_id", |line| line.insurer_buyer_id.as_deref())
            .column("name", |line| line.name.as_str())
            .column("country", |line| line.country.as_str())
            .column("account", |line| line.account.as_str())
            .column("amount_minor", |line| line.amount_minor)
            .column("lacks_tax", |line| line.lacks_tax)
            .column("before_minor", |line| line.before_minor)
            .column("before_statement", |line| line.before_statement.as_deref());
        self.insert("statement_line", lines, Existing::Refused).await?;
        Ok(())
    }

    /// Keeps the insurer's receipt of a statement; `false` when there is no such statement.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn keep_receipt(
        &mut self,
        id: &str,
        receipt: &str,
        because: &str,
        by: &str,
        now: Instant,
    ) -> Result<bool, Error> {
        let done = on!(self, c => sqlx::query(
            "UPDATE statement SET receipt = $2, receipt_because = $3, receipt_by = $4, receipt_at = $5 WHERE id = $1")
            .bind(id).bind(receipt).bind(because).bind(by).bind(now).execute(c).await?.rows_affected());
        Ok(done > 0)
    }

    /// Makes a statement again: whom it speaks of as it was kept, every figure from the history as it was known then.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn rebuild_statement(&mut self, id: &str) -> Result<Option<Rebuilt>, Error> {
        let Some(row) = self.statement(id).await? else { return Ok(None) };
        let kept = self.statement_lines(id).await?;
        let (method, period) = (row.method()?, row.period()?);
        let mut figures =
            self.figures(&row.company, method, period, row.basis()?, Some(row.known_at)).await?;
        let figures = figures.remove(&row.currency).unwrap_or_default();
        let mut before = BTreeMap::new();
        for line in &kept {
            let Some(earlier) = &line.before_statement else { continue };
            let told: Option<(i64,)> = on!(&mut *self, c => sqlx::query_as(
                "SELECT amount_minor FROM statement_line WHERE statement = $1 AND buyer_id = $2")
                .bind(earlier).bind(&line.buyer_id).fetch_optional(c).await?);
            before.extend(told.map(|(minor,)| (line.buyer_id.clone(), minor)));
        }
        let parties = kept.iter().map(|line| (line.buyer_id.clone(), line.party())).collect();
        let lines = statement::lines(method, &parties, &figures, &before);
        let bytes = statement::bytes(&row.head()?, &lines).map_err(|error| overflow(&error))?;
        let hash = sha256_hex(&bytes);
        Ok(Some(Rebuilt { row, bytes, hash }))
    }
}
