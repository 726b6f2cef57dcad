//! Landing items: what is new, changed, unchanged or gone, found by content hash before anything is written.
//!
//! A record whose hash the ledger already holds costs no write, so an unchanged file of a million rows is read and compared,
//! nothing more. New items go in by `COPY … BINARY` on PostgreSQL and by multi-row inserts on SQLite; changed ones move their
//! old version to history first.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::TryStreamExt as _;
use sqlx::{Acquire as _, AssertSqlSafe, Postgres, Transaction};
use tokio::sync::mpsc::Receiver;

use super::db::{Tx, marks, on, row};
use super::known::{Known, KnownItem, Seen};
use super::rows::{Existing, Rows};
use super::stream::{copied, quoted};
use super::{ControlTotal, Error};
use crate::ids::digest;
use crate::model::{Allocation, Currency, Date, Instant, Item, ItemKind};

/// Rows of one multi-row statement: 18 columns × 400 stays far below the 32 766 parameters of SQLite.
const ROWS_MAX: usize = 400;

/// New rows beside known ones are copied in pieces of this size: the last message of a COPY is held back by TCP for some
/// 40 ms, so many small ones cost more than the copying itself.
const WAITING_BYTES: usize = 8 << 20;

/// The rows of a first landing go into one COPY, in pieces of this size.
const PIECE_BYTES: usize = 1 << 18;

/// Signature, flags and extension of PostgreSQL's binary COPY form.
const COPY_HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Its end: a field count of −1.
const COPY_END: &[u8] = &[0xff, 0xff];

/// New items that change what PostgreSQL should know of the table.
const ANALYZE_MIN: u64 = 2_000;

const COLUMNS: &str = "connection, external_id, operation, number, kind, account, currency, total_minor, open_minor, tax_minor, issued, \
                       due, original_due, due_estimated, disputed, reference, content_hash, recorded_at";

/// An item that is ready to land, with its hashes.
#[derive(Debug, Clone)]
pub struct ItemRow {
    key: [u8; 16],
    hash: [u8; 16],
    item: Item,
}

impl ItemRow {
    /// Computes the hashes of an item.
    #[must_use]
    pub fn new(item: Item) -> Self {
        let key = digest(&[item.external_id.as_bytes()]);
        let mut numbers = [0_u8; 40];
        let days = |date: Date| i64::from(chrono::Datelike::num_days_from_ce(&date));
        let values = [
            item.total_minor,
            item.open_minor,
            item.tax_minor.unwrap_or(i64::MIN),
            days(item.issued),
            days(item.due),
        ];
        for (to, from) in numbers.chunks_exact_mut(8).zip(values) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        let flags =
            [u8::from(item.due_estimated), u8::from(item.disputed), u8::from(item.reference.is_some())];
        let hash = digest(&[
            item.number.as_bytes(),
            item.kind.as_str().as_bytes(),
            item.account.as_bytes(),
            item.currency.code().as_bytes(),
            &numbers,
            &flags,
            item.reference.as_deref().unwrap_or_default().as_bytes(),
        ]);
        Self { key, hash, item }
    }

    /// The item.
    #[must_use]
    pub const fn item(&self) -> &Item {
        &self.item
    }
}

/// What a landing did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landed {
    /// Items the ledger did not have.
    pub new: u64,
    /// Items whose content differed.
    pub changed: u64,
    /// Items that were as known.
    pub unchanged: u64,
    /// Items that a snapshot no longer lists, now settled.
    pub closed: u64,
    /// Accounts of the connection whose items changed.
    pub touched: BTreeSet<String>,
    /// By currency: what the ledger holds of what the source listed, read back from the ledger.
    pub ledger: BTreeMap<Currency, (i64, i64)>,
}

/// How the index of open items, and the one of the primary key, is kept while a landing goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    /// Row by row.
    Kept,
    /// The table is empty, so nobody uses it: building it once at the end is twice to three times as fast (PostgreSQL).
    Unused,
    /// It was dropped, and the primary key with it; both are built at the end, and are back with the savepoint if there is
    /// no end.
    ToBuild,
}

/// A landing of one operation, within a transaction.
pub struct ItemLanding {
    connection: String,
    operation: String,
    snapshot: bool,
    now: Instant,
    empty: bool,
    index: Index,
    /// New rows in PostgreSQL's binary COPY form, not sent yet.
    waiting: Vec<u8>,
    known: Known,
    seen: Seen,
    landed: Landed,
    /// Accounts whose items changed, until the end.
    touched: HashSet<String>,
    /// Listed as settled, which is not among what is open of a snapshot.
    settled: BTreeMap<Currency, i64>,
    keys: Vec<String>,
}

/// Drops the indexes of items if nobody else has to do with the table: whoever reads it is not waited for, and two first
/// landings do not wait for each other.
async fn drop_indexes(transaction: &mut Transaction<'_, Postgres>) -> Result<Index, Error> {
    let mut attempt = transaction.begin().await?;
    let alone = sqlx::query("LOCK TABLE item IN ACCESS EXCLUSIVE MODE NOWAIT").execute(&mut *attempt).await;
    if alone.is_err() {
        attempt.rollback().await?;
        return Ok(Index::Kept);
    }
    sqlx::query("ALTER TABLE item DROP CONSTRAINT item_pkey").execute(&mut *attempt).await?;
    sqlx::query("DROP INDEX item_open_by_account").execute(&mut *attempt).await?;
    attempt.commit().await?;
    Ok(Index::ToBuild)
}

row! {
    struct KnownRow { external_id: String, content_hash: Vec<u8>, operation: String }
}
row! {
    struct TotalRow { currency: String, count: i64, sum: i64 }
}

impl ItemLanding {
    /// Begins a landing; for a snapshot, reads what is open of the connection's operation.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn begin(
        tx: &mut Tx<'_>,
        connection: &str,
        operation: &str,
        snapshot: bool,
        now: Instant,
    ) -> Result<Self, Error> {
        let empty: Option<(String,)> = on!(tx, c => sqlx::query_as("SELECT external_id FROM item WHERE connection = $1 LIMIT 1")
            .bind(connection).fetch_optional(c).await?);
        let first = match &mut *tx {
            Tx::Postgres(transaction) if snapshot && empty.is_none() => {
                let any: Option<(String,)> = sqlx::query_as("SELECT external_id FROM item LIMIT 1")
                    .fetch_optional(&mut **transaction)
                    .await?;
                any.is_none()
            }
            Tx::Postgres(_) | Tx::Sqlite(_) => false,
        };
        let mut items = Vec::new();
        let mut know = |external_id: &[u8], hash: &[u8]| {
            let hash = hash.try_into().unwrap_or([0; 16]);
            items.push(KnownItem { key: digest(&[external_id]), hash, line: 0 });
        };
        match &mut *tx {
            _ if !snapshot || empty.is_none() => {}
            Tx::Postgres(transaction) => {
                let select = format!(
                    "SELECT external_id, content_hash FROM item WHERE connection = {} AND operation = {} AND open_minor > 0",
                    quoted(connection),
                    quoted(operation)
                );
                copied(transaction, &select, |[external_id, hash]| {
                    know(external_id, hash);
                    Ok(())
                })
                .await?;
            }
            Tx::Sqlite(transaction) => {
                let mut rows = sqlx::query_as::<_, (String, Vec<u8>)>(
                    "SELECT external_id, content_hash FROM item WHERE connection = $1 AND operation = $2 AND open_minor > 0",
                )
                .bind(connection)
                .bind(operation)
                .fetch(&mut **transaction);
                while let Some((external_id, hash)) = rows.try_next().await? {
                    know(external_id.as_bytes(), &hash);
                }
            }
        }
        Ok(Self {
            connection: connection.to_owned(),
            operation: operation.to_owned(),
            snapshot,
            now,
            empty: empty.is_none(),
            index: if first { Index::Unused } else { Index::Kept },
            waiting: Vec::new(),
            known: Known::new(items),
            seen: Seen::default(),
            landed: Landed::default(),
            touched: HashSet::new(),
            settled: BTreeMap::new(),
            keys: Vec::new(),
        })
    }

    /// Lands a batch; gives back the rows whose external id was already in this landing, with the line of the first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn write(
        &mut self,
        tx: &mut Tx<'_>,
        rows: Vec<(u64, ItemRow)>,
    ) -> Result<Vec<(u64, ItemRow, u64)>, Error> {
        let mut duplicates = Vec::new();
        let (mut candidates, mut changed) = (Vec::new(), Vec::new());
        for (line, row) in rows {
            if let Some(known) = self.known.find(&row.key) {
                if known.line != 0 {
                    duplicates.push((line, row, u64::from(known.line)));
                    continue;
                }
                known.line = short(line);
                if known.hash == row.hash {
                    self.landed.unchanged += 1;
                    self.count(&row);
                    continue;
                }
                self.count(&row);
                changed.push(row);
                continue;
            }
            if let Some(first) = self.repeats(line, &row) {
                duplicates.push((line, row, first));
                continue;
            }
            self.count(&row);
            candidates.push(row);
        }
        let new = if self.empty { candidates } else { self.not_new(tx, candidates, &mut changed).await? };
        for row in new.iter().chain(&changed) {
            self.touch(&row.item.account);
        }
        self.landed.new += new.len() as u64;
        self.landed.changed += changed.len() as u64;
        self.insert(tx, &new).await?;
        let left = self.update(tx, &changed).await?;
        self.touched.extend(left);
        Ok(duplicates)
    }

    /// Whether rows may go by [`Self::take`] and [`copy`]: PostgreSQL holds nothing of the connection to compare them with,
    /// and they are more than one statement takes.
    #[must_use]
    pub fn is_first(&self, tx: &Tx<'_>, rows: usize) -> bool {
        matches!(tx, Tx::Postgres(_)) && self.empty && rows > ROWS_MAX
    }

    /// Takes rows of a first landing, for the next [`Self::piece`]; gives back the rows whose external id was already in
    /// this landing, with the line of the first.
    pub fn take(&mut self, rows: Vec<(u64, ItemRow)>) -> Vec<(u64, ItemRow, u64)> {
        let mut duplicates = Vec::new();
        for (line, row) in rows {
            if let Some(first) = self.repeats(line, &row) {
                duplicates.push((line, row, first));
                continue;
            }
            self.count(&row);
            self.touch(&row.item.account);
            self.landed.new += 1;
            copy_row(&mut self.waiting, &self.connection, &self.operation, &row, self.now);
        }
        duplicates
    }

    /// The rows that wait for [`copy`], when they are enough or the `last`.
    pub fn piece(&mut self, last: bool) -> Option<Vec<u8>> {
        let enough = self.waiting.len() >= if last { 1 } else { PIECE_BYTES };
        enough.then(|| std::mem::replace(&mut self.waiting, Vec::with_capacity(PIECE_BYTES * 2)))
    }

    /// The line on which the external id of a row was seen before; else this one is the first.
    fn repeats(&mut self, line: u64, row: &ItemRow) -> Option<u64> {
        match self.seen.entry(row.key) {
            Entry::Occupied(first) => Some(u64::from(*first.get())),
            Entry::Vacant(place) => {
                place.insert(short(line));
                None
            }
        }
    }

    fn touch(&mut self, account: &str) {
        if !self.touched.contains(account) {
            self.touched.insert(account.to_owned());
        }
    }

    /// Notes what the read-back will need to know of an accepted row.
    fn count(&mut self, row: &ItemRow) {
        if !self.snapshot {
            self.keys.push(row.item.external_id.clone());
        } else if row.item.open_minor == 0 {
            *self.settled.entry(row.item.currency).or_default() += 1;
        }
    }

    /// Asks the ledger for candidates that it may hold settled; returns those it does not hold.
    async fn not_new(
        &mut self,
        tx: &mut Tx<'_>,
        candidates: Vec<ItemRow>,
        changed: &mut Vec<ItemRow>,
    ) -> Result<Vec<ItemRow>, Error> {
        let mut held: HashMap<[u8; 16], (Vec<u8>, String)> = HashMap::new();
        for chunk in candidates.chunks(ROWS_MAX) {
            let sql = format!(
                "SELECT external_id, content_hash, operation FROM item WHERE connection = $1 AND external_id IN ({})",
                marks(2, chunk.len())
            );
            let rows: Vec<KnownRow> = on!(&mut *tx, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(&self.connection);
                for row in chunk {
                    query = query.bind(&row.item.external_id);
                }
                query.fetch_all(c).await?
            });
            held.extend(
                rows.into_iter()
                    .map(|row| (digest(&[row.external_id.as_bytes()]), (row.content_hash, row.operation))),
            );
        }
        let (mut new, mut moved) = (Vec::new(), Vec::new());
        for row in candidates {
            match held.get(&row.key) {
                None => new.push(row),
                Some((hash, operation)) if hash.as_slice() == row.hash => {
                    self.landed.unchanged += 1;
                    if self.snapshot && *operation != self.operation {
                        moved.push(row.item.external_id);
                    }
                }
                Some(_) => changed.push(row),
            }
        }
        self.take_over(tx, &moved).await?;
        Ok(new)
    }

    /// Makes items of another operation this snapshot's own: what it lists it must also see vanish.
    async fn take_over(&self, tx: &mut Tx<'_>, ids: &[String]) -> Result<(), Error> {
        for chunk in ids.chunks(ROWS_MAX) {
            let sql = format!(
                "UPDATE item SET operation = $2 WHERE connection = $1 AND external_id IN ({})",
                marks(3, chunk.len())
            );
            on!(&mut *tx, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(&self.connection).bind(&self.operation);
                for id in chunk {
                    query = query.bind(id);
                }
                query.execute(c).await?;
            });
        }
        Ok(())
    }

    /// Makes way for the COPY of a first landing: an index that nobody uses yet is built at its end.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn make_way(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if let (Tx::Postgres(transaction), Index::Unused) = (tx, self.index) {
            self.index = drop_indexes(transaction).await?;
        }
        Ok(())
    }

    async fn insert(&mut self, tx: &mut Tx<'_>, rows: &[ItemRow]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        match tx {
            Tx::Postgres(_) if rows.len() > ROWS_MAX || !self.waiting.is_empty() => {
                self.make_way(tx).await?;
                for row in rows {
                    copy_row(&mut self.waiting, &self.connection, &self.operation, row, self.now);
                }
                if self.waiting.len() >= WAITING_BYTES {
                    self.send_waiting(tx).await?;
                }
            }
            Tx::Postgres(_) | Tx::Sqlite(_) => {
                tx.insert("item", self.columns(rows), Existing::Refused).await?;
            }
        }
        Ok(())
    }

    /// Copies the rows that wait into the ledger.
    async fn send_waiting(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let (sender, pieces) = tokio::sync::mpsc::channel(1);
        let waiting = std::mem::take(&mut self.waiting);
        let send = async move { sender.send(waiting).await };
        let (_, copied) = tokio::join!(send, copy(tx, pieces));
        copied
    }

    /// Moves the old versions of known items to history; returns the accounts they stood on before, which may be others.
    async fn update(&self, tx: &mut Tx<'_>, rows: &[ItemRow]) -> Result<BTreeSet<String>, Error> {
        let mut left = BTreeSet::new();
        for chunk in rows.chunks(ROWS_MAX) {
            let sql = format!(
                "SELECT DISTINCT account FROM item WHERE connection = $1 AND external_id IN ({})",
                marks(2, chunk.len())
            );
            let accounts: Vec<(String,)> = on!(&mut *tx, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(&self.connection);
                for row in chunk {
                    query = query.bind(&row.item.external_id);
                }
                query.fetch_all(c).await?
            });
            left.extend(accounts.into_iter().map(|(account,)| account));
            // What was written in this very run was never seen by anybody, and is no version.
            let sql = format!(
                "INSERT INTO item_history ({COLUMNS}, superseded_at) SELECT {COLUMNS}, $2 FROM item \
                 WHERE connection = $1 AND recorded_at <> $2 AND external_id IN ({}) \
                 ON CONFLICT (connection, external_id, recorded_at) DO NOTHING",
                marks(3, chunk.len())
            );
            on!(&mut *tx, c => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(&self.connection).bind(self.now);
                for row in chunk {
                    query = query.bind(&row.item.external_id);
                }
                query.execute(c).await?;
            });
        }
        // original_due stays as it was first read: every deadline counts from it. An incremental reading never sees an item
        // vanish, so it leaves the item to the snapshot that does.
        let but: &[&str] = if self.snapshot { &["original_due"] } else { &["original_due", "operation"] };
        let existing = Existing::Replaced { key: "connection, external_id", but };
        tx.insert("item", self.columns(rows), existing).await?;
        Ok(left)
    }

    fn columns<'a>(&'a self, rows: &'a [ItemRow]) -> Rows<'a, ItemRow> {
        let now = self.now;
        Rows::of(rows)
            .column("connection", |_| self.connection.as_str())
            .column("external_id", |row| row.item.external_id.as_str())
            .column("operation", |_| self.operation.as_str())
            .column("number", |row| row.item.number.as_str())
            .column("kind", |row| row.item.kind.as_str())
            .column("account", |row| row.item.account.as_str())
            .column("currency", |row| row.item.currency.code())
            .column("total_minor", |row| row.item.total_minor)
            .column("open_minor", |row| row.item.open_minor)
            .column("tax_minor", |row| row.item.tax_minor)
            .column("issued", |row| row.item.issued)
            .column("due", |row| row.item.due)
            .column("original_due", |row| row.item.due)
            .column("due_estimated", |row| row.item.due_estimated)
            .column("disputed", |row| row.item.disputed)
            .column("reference", |row| row.item.reference.as_deref())
            .column("content_hash", |row| row.hash.as_slice())
            .column("recorded_at", move |_| now)
    }

    /// Ends the landing: settles what a snapshot no longer lists and reads the control totals back from the ledger.
    ///
    /// # Errors
    /// [`Error::Vanished`] when more than `vanish_percent_max` of the open items would be settled so.
    pub async fn finish(mut self, tx: &mut Tx<'_>, vanish_percent_max: u64) -> Result<Landed, Error> {
        self.send_waiting(tx).await?;
        if self.snapshot {
            let gone = self.known.items.iter().filter(|known| known.line == 0).count() as u64;
            let open = self.known.items.len() as u64;
            if gone > 0 && gone * 100 > open * vanish_percent_max {
                return Err(Error::Vanished {
                    connection: self.connection,
                    operation: self.operation,
                    gone,
                    open,
                    share: gone * 100 / open,
                    limit: vanish_percent_max,
                });
            }
            if gone > 0 {
                self.close_gone(tx).await?;
            }
        }
        if let (Tx::Postgres(transaction), Index::ToBuild) = (&mut *tx, self.index) {
            for statement in [
                "SET LOCAL maintenance_work_mem = '128MB'",
                "ALTER TABLE item ADD CONSTRAINT item_pkey PRIMARY KEY (connection, external_id)",
                "CREATE INDEX item_open_by_account ON item (account, connection) WHERE open_minor > 0",
            ] {
                sqlx::query(statement).execute(&mut **transaction).await?;
            }
        }
        // Until PostgreSQL has looked at a table by itself, a minute after the commit, it takes every key for frequent and
        // reads the whole table to find a few, or expects a few and looks up each of all.
        if let (Tx::Postgres(transaction), true) = (&mut *tx, self.landed.new >= ANALYZE_MIN) {
            const ANALYZE: &str = "ANALYZE (SKIP_LOCKED) item (connection, external_id, operation, account, open_minor), \
                                   account (connection, external_id, buyer_id)";
            // A tenth of the sample it takes by itself shows that as well.
            sqlx::query("SET LOCAL default_statistics_target = 10").execute(&mut **transaction).await?;
            sqlx::query(ANALYZE).execute(&mut **transaction).await?;
        }
        self.read_back(tx).await?;
        self.landed.touched = self.touched.into_iter().collect();
        Ok(self.landed)
    }

    async fn close_gone(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let mut gone = Vec::new();
        on!(&mut *tx, c => {
            let mut rows = sqlx::query_as::<_, (String,)>(
                "SELECT external_id FROM item WHERE connection = $1 AND operation = $2 AND open_minor > 0")
                .bind(&self.connection).bind(&self.operation).fetch(c);
            while let Some((external_id,)) = rows.try_next().await? {
                let key = digest(&[external_id.as_bytes()]);
                if self.known.find(&key).is_some_and(|known| known.line == 0) {
                    gone.push(external_id);
                }
            }
        });
        for chunk in gone.chunks(ROWS_MAX) {
            let sql = format!(
                "SELECT {COLUMNS} FROM item WHERE connection = $1 AND external_id IN ({})",
                marks(2, chunk.len())
            );
            let rows: Vec<StoredItem> = on!(&mut *tx, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(&self.connection);
                for external_id in chunk {
                    query = query.bind(external_id);
                }
                query.fetch_all(c).await?
            });
            let mut closed = Vec::with_capacity(rows.len());
            for row in rows {
                closed.push(ItemRow::new(Item { open_minor: 0, ..row.into_item()? }));
            }
            self.landed.closed += closed.len() as u64;
            let left = self.update(tx, &closed).await?;
            self.touched.extend(left);
        }
        Ok(())
    }

    async fn read_back(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        const TOTAL: &str = "SELECT currency, COUNT(*) AS count, CAST(SUM(CASE WHEN kind = 'invoice' THEN open_minor ELSE \
                             -open_minor END) AS BIGINT) AS sum FROM item WHERE connection = $1";
        let mut statements = Vec::new();
        if self.snapshot {
            let sql = format!("{TOTAL} AND operation = $2 AND open_minor > 0 GROUP BY currency");
            statements.push((sql, vec![self.operation.clone()]));
        }
        self.keys.sort_unstable();
        self.keys.dedup();
        for chunk in self.keys.chunks(ROWS_MAX) {
            let sql = format!("{TOTAL} AND external_id IN ({}) GROUP BY currency", marks(2, chunk.len()));
            statements.push((sql, chunk.to_vec()));
        }
        for (sql, keys) in statements {
            let rows: Vec<TotalRow> = on!(&mut *tx, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(&self.connection);
                for key in &keys {
                    query = query.bind(key);
                }
                query.fetch_all(c).await?
            });
            for row in rows {
                let currency = Currency::parse(&row.currency)
                    .ok_or_else(|| Error::unreadable("currency", &row.currency))?;
                let total = self.landed.ledger.entry(currency).or_default();
                total.0 += row.count;
                total.1 = total.1.saturating_add(row.sum);
            }
        }
        for (currency, count) in &self.settled {
            self.landed.ledger.entry(*currency).or_default().0 += count;
        }
        Ok(())
    }
}

row! {
    struct StoredItem {
        external_id: String,
        number: String,
        kind: String,
        account: String,
        currency: String,
        total_minor: i64,
        open_minor: i64,
        tax_minor: Option<i64>,
        issued: Date,
        due: Date,
        due_estimated: bool,
        disputed: bool,
        reference: Option<String>,
    }
}

impl StoredItem {
    fn into_item(self) -> Result<Item, Error> {
        Ok(Item {
            kind: ItemKind::parse(&self.kind).ok_or_else(|| Error::unreadable("kind", &self.kind))?,
            currency: Currency::parse(&self.currency)
                .ok_or_else(|| Error::unreadable("currency", &self.currency))?,
            external_id: self.external_id,
            number: self.number,
            account: self.account,
            total_minor: self.total_minor,
            open_minor: self.open_minor,
            tax_minor: self.tax_minor,
            issued: self.issued,
            due: self.due,
            due_estimated: self.due_estimated,
            disputed: self.disputed,
            reference: self.reference,
        })
    }
}

/// Copies pieces of rows into the ledger, in one COPY that ends with the last piece. PostgreSQL works on what it was given
/// while the next piece is made.
///
/// # Errors
/// [`Error::Database`].
pub async fn copy(tx: &mut Tx<'_>, mut pieces: Receiver<Vec<u8>>) -> Result<(), Error> {
    let Tx::Postgres(transaction) = tx else { return Ok(()) };
    let sql = format!("COPY item ({COLUMNS}) FROM STDIN (FORMAT BINARY)");
    let mut copy = transaction.copy_in_raw(&sql).await?;
    copy.send(COPY_HEAD).await?;
    while let Some(piece) = pieces.recv().await {
        for chunk in piece.chunks(PIECE_BYTES) {
            copy.send(chunk).await?;
        }
    }
    copy.send(COPY_END).await?;
    copy.finish().await?;
    Ok(())
}

/// A line number in 32 bits, never 0.
fn short(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX).max(1)
}

/// Adds a row in PostgreSQL's binary COPY form: a field count and length-prefixed fields.
fn copy_row(out: &mut Vec<u8>, connection: &str, operation: &str, row: &ItemRow, now: Instant) {
    fn field(out: &mut Vec<u8>, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(bytes);
    }
    // PostgreSQL counts days and microseconds from 2000-01-01.
    fn days(date: Date) -> [u8; 4] {
        (chrono::Datelike::num_days_from_ce(&date) - 730_120).to_be_bytes()
    }
    fn absent(out: &mut Vec<u8>) {
        out.extend_from_slice(&(-1_i32).to_be_bytes());
    }
    let micros = (now.timestamp_micros() - 946_684_800_000_000).to_be_bytes();
    let item = &row.item;
    out.extend_from_slice(&18_i16.to_be_bytes());
    field(out, connection.as_bytes());
    field(out, item.external_id.as_bytes());
    field(out, operation.as_bytes());
    field(out, item.number.as_bytes());
    field(out, item.kind.as_str().as_bytes());
    field(out, item.account.as_bytes());
    field(out, item.currency.code().as_bytes());
    field(out, &item.total_minor.to_be_bytes());
    field(out, &item.open_minor.to_be_bytes());
    match item.tax_minor {
        Some(tax) => field(out, &tax.to_be_bytes()),
        None => absent(out),
    }
    field(out, &days(item.issued));
    field(out, &days(item.due));
    field(out, &days(item.due));
    field(out, &[u8::from(item.due_estimated)]);
    field(out, &[u8::from(item.disputed)]);
    match &item.reference {
        Some(reference) => field(out, reference.as_bytes()),
        None => absent(out),
    }
    field(out, &row.hash);
    field(out, &micros);
}

impl Tx<'_> {
    /// Lands allocations; returns how many are new or changed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn land_allocations(
        &mut self,
        connection: &str,
        rows: &[Allocation],
        now: Instant,
    ) -> Result<u64, Error> {
        // Of one key listed twice the last one counts: one statement cannot write a row twice.
        let rows: BTreeMap<&str, &Allocation> =
            rows.iter().map(|row| (row.external_id.as_str(), row)).collect();
        let rows: Vec<&Allocation> = rows.into_values().collect();
        let hash = |row: &Allocation| {
            digest(&[
                row.from.as_bytes(),
                row.to.as_bytes(),
                row.currency.code().as_bytes(),
                &row.amount_minor.to_le_bytes(),
                row.date.to_string().as_bytes(),
            ])
        };
        let rows = Rows::of(&rows)
            .column("connection", |_| connection)
            .column("external_id", |row| row.external_id.as_str())
            .column("from_item", |row| row.from.as_str())
            .column("to_item", |row| row.to.as_str())
            .column("currency", |row| row.currency.code())
            .column("amount_minor", |row| row.amount_minor)
            .column("allocated_on", |row| row.date)
            .column("content_hash", move |row| hash(row).to_vec())
            .column("recorded_at", |_| now);
        let key = "connection, external_id";
        self.insert("allocation", rows, Existing::ReplacedIfOther { key, columns: &["content_hash"] }).await
    }
}

impl Landed {
    /// The ledger side of the control totals, beside the source side.
    #[must_use]
    pub fn control_totals(
        &self,
        source: &BTreeMap<Currency, (i64, i64)>,
        quarantined: &BTreeMap<Currency, (i64, i64)>,
    ) -> Vec<ControlTotal> {
        let currencies: BTreeSet<Currency> =
            self.ledger.keys().chain(source.keys()).chain(quarantined.keys()).copied().collect();
        currencies
            .into_iter()
            .map(|currency| {
                let (source_count, source_minor) = source.get(&currency).copied().unwrap_or_default();
                let (ledger_count, ledger_minor) = self.ledger.get(&currency).copied().unwrap_or_default();
                let (quarantined_count, quarantined_minor) =
                    quarantined.get(&currency).copied().unwrap_or_default();
                ControlTotal {
                    currency,
                    source_count,
                    source_minor,
                    ledger_count,
                    ledger_minor,
                    quarantined_count,
                    quarantined_minor,
                }
            })
            .collect()
    }
}
