//! Landing what one operation read, in a savepoint of its own: whole, or not at all.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver};

use super::answers::{entries, listing, once};
use super::{Error, OperationReport, Progress};
use crate::connector::{Batch, Mode, PulledRecord};
use crate::format::Place;
use crate::ledger::{
    AccountLanding, ApprovalsLanded, BadRecord, ControlTotal, FactorLineChange, ItemLanding, ItemRow,
    LimitChange, RatingChange, Tx, copy_items,
};
use crate::mapping::{AccountIn, Fault, ItemIn, OrderIn, Outcome, UnknownCode};
use crate::model::{
    Account, Allocation, Currency, Date, FactorApproval, FactorCash, FactorLine, Instant, Limit,
    LimitRequest, Order, Rating,
};

/// What is landed, and where.
pub(super) struct Landing<'a> {
    pub(super) run: &'a str,
    pub(super) company: &'a str,
    pub(super) connection: &'a str,
    pub(super) operation: &'a str,
    pub(super) mode: Mode,
    pub(super) day: Date,
    pub(super) now: Instant,
    pub(super) vanish_percent_max: u64,
    pub(super) progress: &'a (dyn Fn(Progress<'_>) + Sync),
}

/// What landed.
#[derive(Default)]
pub(super) struct Landed {
    pub(super) report: Option<OperationReport>,
    pub(super) totals: Vec<ControlTotal>,
    pub(super) buyers: BTreeSet<String>,
    pub(super) limits: Vec<LimitChange>,
    pub(super) ratings: Vec<RatingChange>,
    pub(super) factor_lines: Vec<FactorLineChange>,
    pub(super) unknown: BTreeSet<UnknownCode>,
}

type Totals = BTreeMap<Currency, (i64, i64)>;

fn add(totals: &mut Totals, (currency, minor): (Currency, i64), count: i64) {
    let entry = totals.entry(currency).or_default();
    entry.0 += count;
    entry.1 += minor;
}

/// One operation, taken in and not yet concluded.
pub(super) struct Consumed {
    /// What the ledger knows; not asked for when nothing arrived.
    known: Option<(AccountLanding, ItemLanding)>,
    arrived: Arrived,
}

/// What a batch holds that is compared with the ledger.
struct Sorted {
    customers: Vec<Account>,
    rows: Vec<(u64, ItemRow)>,
}

/// The source of a batch, as its places name it.
fn source_of(batch: &Batch) -> Option<Arc<str>> {
    batch.records.first().map(|record| Arc::clone(&record.place.source))
}

/// What has arrived so far of one operation.
#[derive(Default)]
struct Arrived {
    read: u64,
    source: Totals,
    quarantined: Totals,
    bad: Vec<BadRecord>,
    limits: Vec<(String, Limit)>,
    requests: Vec<LimitRequest>,
    ratings: Vec<Rating>,
    factor_lines: Vec<(Place, FactorLine)>,
    approvals: Vec<(Place, FactorApproval)>,
    cash: Vec<(Place, FactorCash)>,
    allocations: Vec<Allocation>,
    orders: BTreeMap<String, Order>,
    /// Accounts that items and orders describe, each once.
    described: Vec<Account>,
    accounts_seen: HashSet<String>,
    unknown: BTreeSet<UnknownCode>,
}

impl Landing<'_> {
    /// Takes batches until the sender is done; nothing is concluded from what did not come yet.
    pub(super) async fn consume(
        &self,
        tx: &mut Tx<'_>,
        mut batches: Receiver<Batch>,
    ) -> Result<Consumed, Error> {
        let mut arrived = Arrived::default();
        let Some(mut batch) = batches.recv().await else { return Ok(Consumed { known: None, arrived }) };
        let (mut accounts, mut items) = self.known(tx, self.mode == Mode::Snapshot).await?;
        if self.is_items() && items.is_first(tx, batch.records.len()) {
            self.stream(tx, batch, batches, &mut arrived, &accounts, &mut items).await?;
            return Ok(Consumed { known: Some((accounts, items)), arrived });
        }
        loop {
            let source = source_of(&batch);
            let Sorted { customers, rows } = self.sort(batch, &mut arrived, &accounts);
            self.customers(tx, customers, source.as_deref(), &mut arrived, &mut accounts).await?;
            self.duplicates(items.write(tx, rows).await?, source.as_deref(), &mut arrived);
            self.tell(&arrived);
            batch = match batches.recv().await {
                Some(next) => next,
                None => return Ok(Consumed { known: Some((accounts, items)), arrived }),
            };
        }
    }

    async fn known(&self, tx: &mut Tx<'_>, snapshot: bool) -> Result<(AccountLanding, ItemLanding), Error> {
        let accounts = AccountLanding::begin(tx, self.connection, self.now).await?;
        let items = ItemLanding::begin(tx, self.connection, self.operation, snapshot, self.now).await?;
        Ok((accounts, items))
    }

    /// Lands the items of a connection of which the ledger has none: nothing needs to be asked, so the ledger copies what it
    /// was given while the next batch is read, mapped and hashed.
    async fn stream(
        &self,
        tx: &mut Tx<'_>,
        first: Batch,
        mut batches: Receiver<Batch>,
        arrived: &mut Arrived,
        accounts: &AccountLanding,
        items: &mut ItemLanding,
    ) -> Result<(), Error> {
        items.make_way(tx).await?;
        let (sender, pieces) = mpsc::channel(1);
        let take = async move {
            let mut next = Some(first);
            while let Some(batch) = next {
                let source = source_of(&batch);
                let rows = self.sort(batch, arrived, accounts).rows;
                self.duplicates(items.take(rows), source.as_deref(), arrived);
                self.tell(arrived);
                next = batches.recv().await;
                if let Some(piece) = items.piece(next.is_none())
                    && sender.send(piece).await.is_err()
                {
                    return; // the copy has failed and says why
                }
            }
        };
        let ((), copied) = tokio::join!(take, copy_items(tx, pieces));
        Ok(copied?)
    }

    fn tell(&self, arrived: &Arrived) {
        let Self { connection, operation, .. } = self;
        (self.progress)(Progress { connection, operation, read: arrived.read });
    }

    /// Lands what was consumed, once the pull has succeeded and said what it showed.
    pub(super) async fn finish(
        &self,
        tx: &mut Tx<'_>,
        consumed: Consumed,
        shown: Mode,
    ) -> Result<Landed, Error> {
        let snapshot = shown == Mode::Snapshot;
        let Consumed { known, mut arrived } = consumed;
        if !snapshot && arrived.read == 0 {
            // An optional source that is not there, or nothing new: no list to compare with.
            let report = Some(OperationReport::new(self.connection, self.operation));
            return Ok(Landed { report, ..Landed::default() });
        }
        let (mut accounts, items) = match known {
            Some(known) => known,
            None => self.known(tx, self.mode == Mode::Snapshot).await?,
        };
        accounts.write_from_items(tx, std::mem::take(&mut arrived.described)).await?;
        let mut landed = Landed { unknown: std::mem::take(&mut arrived.unknown), ..Landed::default() };
        let item_result = items.finish(tx, self.vanish_percent_max).await?;
        tx.land_allocations(self.connection, &arrived.allocations, self.now).await?;
        if self.operation == "list_ended" {
            let ended: Vec<Limit> =
                std::mem::take(&mut arrived.limits).into_iter().map(|(_, limit)| limit).collect();
            landed.limits = tx.land_ended(self.connection, &ended, self.day, self.now).await?;
        } else if !arrived.limits.is_empty() || self.is_limits() {
            self.limits(tx, &mut arrived, &mut landed).await?;
        }
        if self.operation == "list_requests" {
            tx.land_requests(self.connection, &arrived.requests, self.now).await?;
        }
        if self.operation == "read_statement" {
            let (lines, repeated) = once(std::mem::take(&mut arrived.factor_lines), listing(shown));
            arrived.bad.extend(repeated);
            landed.factor_lines =
                tx.land_factor_lines(self.connection, lines, listing(shown), self.now).await?;
        }
        let mut answers = ApprovalsLanded::default();
        if self.operation == "list_approvals" {
            let (said, repeated) = once(std::mem::take(&mut arrived.approvals), listing(shown));
            arrived.bad.extend(repeated);
            answers = tx.land_approvals(self.connection, said, listing(shown), self.now).await?;
        }
        if self.operation == "statements" {
            let known = tx.factor_cash(self.connection).await?;
            let known = known.into_iter().map(|row| (row.subject, row.payload.0)).collect();
            let (new, repeated) = entries(std::mem::take(&mut arrived.cash), &known);
            arrived.bad.extend(repeated);
            answers.new = tx.land_factor_cash(self.connection, &new, self.now).await?;
        }
        let ratings = std::mem::take(&mut arrived.ratings);
        if !ratings.is_empty() {
            landed.ratings = tx.land_ratings(self.connection, ratings, self.day, self.now).await?;
        }
        tx.quarantine(self.connection, self.operation, self.run, &arrived.bad, self.now).await?;
        if snapshot {
            tx.resolve_quarantine(self.connection, self.operation, self.run, self.now).await?;
        }
        if self.is_items() {
            landed.totals = item_result.control_totals(&arrived.source, &arrived.quarantined);
        }
        for total in &landed.totals {
            tx.record_control_total(self.run, self.connection, self.operation, total).await?;
            if !total.adds_up() {
                return Err(Error::ControlTotal {
                    connection: self.connection.to_owned(),
                    operation: self.operation.to_owned(),
                    total: *total,
                });
            }
        }
        let touched = item_result.touched.iter().filter_map(|account| accounts.buyer_of(account));
        landed.buyers.extend(touched.map(str::to_owned));
        landed.buyers.append(&mut accounts.buyers);
        let other = &accounts.landed;
        let items_or_accounts = if self.is_items() { &item_result } else { other };
        let orders = if self.operation == "orders" {
            let orders: Vec<Order> = std::mem::take(&mut arrived.orders).into_values().collect();
            Some(tx.land_orders(self.connection, &orders, snapshot, self.now).await?)
        } else {
            None
        };
        let mut report = OperationReport {
            read: arrived.read,
            quarantined: arrived.bad.len() as u64,
            new: items_or_accounts.new,
            changed: items_or_accounts.changed,
            unchanged: items_or_accounts.unchanged,
            closed: item_result.closed,
            ..OperationReport::new(self.connection, self.operation)
        };
        if self.is_limits() {
            report.new = landed.limits.iter().filter(|change| change.before.is_none()).count() as u64;
            report.changed = landed.limits.len() as u64 - report.new;
            report.unchanged = (report.read - report.quarantined.min(report.read))
                .saturating_sub(report.new + report.changed);
        }
        if let Some(orders) = orders {
            (report.new, report.changed) = (orders.new, orders.changed);
            (report.unchanged, report.closed) = (orders.unchanged, orders.closed);
        }
        if matches!(self.operation, "list_approvals" | "statements") {
            (report.new, report.changed, report.closed) = (answers.new, answers.changed, answers.closed);
            let read = report.read.saturating_sub(report.quarantined);
            report.unchanged = read.saturating_sub(report.new + report.changed);
        }
        landed.report = Some(report);
        Ok(landed)
    }

    fn is_items(&self) -> bool {
        matches!(self.operation, "invoices" | "receipts")
    }

    fn is_limits(&self) -> bool {
        self.operation == "list_limits"
    }

    /// Sorts the records of a batch by what they are; what needs no comparison with the ledger is kept in `arrived`.
    fn sort(&self, batch: Batch, arrived: &mut Arrived, accounts: &AccountLanding) -> Sorted {
        let mut rows: Vec<(u64, ItemRow)> = Vec::with_capacity(batch.records.len());
        let mut customers = Vec::new();
        for PulledRecord { place, mapped, raw } in batch.records {
            if mapped.outcome == Outcome::Ignored {
                continue;
            }
            arrived.read += 1;
            arrived.unknown.extend(mapped.unknown);
            match mapped.outcome {
                Outcome::Item(ItemIn { item, more, account }) => {
                    add(&mut arrived.source, mapped.control, 1 + more.len() as i64);
                    if !arrived.accounts_seen.contains(&item.account) {
                        arrived.accounts_seen.insert(item.account.clone());
                        arrived.described.extend(stub(&item.account, account, accounts));
                    }
                    rows.push((place.line, ItemRow::new(item)));
                    rows.extend(more.into_iter().map(|item| (place.line, ItemRow::new(item))));
                }
                Outcome::Account(account) => customers.push(account),
                Outcome::Allocation(allocation) => arrived.allocations.push(allocation),
                Outcome::Order(OrderIn { order, account }) => {
                    if arrived.accounts_seen.insert(order.account.clone()) {
                        arrived.described.extend(stub(&order.account, account, accounts));
                    }
                    match arrived.orders.entry(order.external_id.clone()) {
                        Entry::Vacant(place) => drop(place.insert(order)),
                        Entry::Occupied(_) => arrived.bad.push(BadRecord {
                            stage: "land",
                            place: place.to_string(),
                            reason: format!(
                                "{} is already in the same source; the first one counts",
                                order.number
                            ),
                            payload: serde_json::to_string(&order).unwrap_or_default(),
                            currency: order.currency,
                            amount_minor: order.open_minor,
                        }),
                    }
                }
                Outcome::Limit(limit) => arrived.limits.push((place.to_string(), limit)),
                Outcome::Request(request) => arrived.requests.push(request),
                Outcome::Rating(rating) => arrived.ratings.push(rating),
                Outcome::FactorLine(line) => arrived.factor_lines.push((place, line)),
                Outcome::Approval(approval) => arrived.approvals.push((place, *approval)),
                Outcome::FactorCash(cash) => arrived.cash.push((place, *cash)),
                Outcome::Bad(faults) => {
                    if self.is_items() {
                        add(&mut arrived.source, mapped.control, 1);
                        add(&mut arrived.quarantined, mapped.control, 1);
                    }
                    let reason = faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ");
                    let (currency, amount_minor) = mapped.control;
                    arrived.bad.push(BadRecord {
                        stage: "map",
                        place: place.to_string(),
                        reason,
                        payload: raw.unwrap_or_default(),
                        currency,
                        amount_minor,
                    });
                }
                Outcome::Ignored => {}
            }
        }
        Sorted { customers, rows }
    }

    async fn customers(
        &self,
        tx: &mut Tx<'_>,
        customers: Vec<Account>,
        source: Option<&str>,
        arrived: &mut Arrived,
        accounts: &mut AccountLanding,
    ) -> Result<(), Error> {
        accounts.write(tx, customers).await?;
        for account in std::mem::take(&mut accounts.repeated) {
            arrived.bad.push(BadRecord {
                stage: "land",
                place: source.unwrap_or(self.operation).to_owned(),
                reason: format!(
                    "a second record of customer {} says otherwise; the first one counts",
                    account.code
                ),
                payload: serde_json::to_string(&account).unwrap_or_default(),
                currency: account.limit_currency.unwrap_or(Currency::EUR),
                amount_minor: 0,
            });
        }
        Ok(())
    }

    /// Puts items whose key was already in this landing into quarantine.
    fn duplicates(&self, rows: Vec<(u64, ItemRow, u64)>, source: Option<&str>, arrived: &mut Arrived) {
        for (line, row, first) in rows {
            let item = row.item();
            let control = (item.currency, item.kind.sign() * item.open_minor);
            add(&mut arrived.quarantined, control, 1);
            arrived.bad.push(BadRecord {
                stage: "land",
                place: format!("{}:{line}", source.unwrap_or(self.operation)),
                reason: format!(
                    "{} is already on line {first} of the same source; the first one counts",
                    item.number
                ),
                payload: serde_json::to_string(item).unwrap_or_default(),
                currency: control.0,
                amount_minor: control.1,
            });
        }
    }

    async fn limits(&self, tx: &mut Tx<'_>, arrived: &mut Arrived, landed: &mut Landed) -> Result<(), Error> {
        // One limit a buyer and policy: the latest decision counts, another is told.
        let mut by_key: BTreeMap<(String, String), (String, Limit)> = BTreeMap::new();
        for (place, limit) in std::mem::take(&mut arrived.limits) {
            let key = (limit.policy.clone(), limit.insurer_buyer_id.clone());
            let rank = |limit: &Limit| (limit.effective_from, limit.decided_on, limit.reference.clone());
            let loser = match by_key.remove(&key) {
                None => {
                    by_key.insert(key, (place, limit));
                    continue;
                }
                Some(other) if rank(&other.1) >= rank(&limit) => {
                    by_key.insert(key, other);
                    (place, limit)
                }
                Some(other) => {
                    by_key.insert(key, (place, limit));
                    other
                }
            };
            let (place, limit) = loser;
            arrived.bad.push(BadRecord {
                stage: "land",
                place,
                reason: format!(
                    "a second limit on buyer {} of policy {}; the latest decision counts",
                    limit.insurer_buyer_id, limit.policy
                ),
                payload: serde_json::to_string(&limit).unwrap_or_default(),
                currency: limit.currency,
                amount_minor: 0,
            });
        }
        let limits: Vec<Limit> = by_key.into_values().map(|(_, limit)| limit).collect();
        let arriving = Some((self.connection, limits.as_slice()));
        let mut resolved = super::link::resolve(tx, self.company, arriving, self.now).await?;
        landed.buyers.append(&mut resolved.touched);
        landed.limits = tx
            .land_limits(
                self.connection,
                self.operation,
                limits,
                self.vanish_percent_max,
                self.day,
                self.now,
                |limit| resolved.index.buyer_of(self.connection, limit),
            )
            .await?;
        Ok(())
    }
}

/// The account that a record describes; without a description, one by its code if the ledger has none.
fn stub(account: &str, described: Option<Box<AccountIn>>, accounts: &AccountLanding) -> Option<Account> {
    let described = match described {
        Some(described) => *described,
        None if accounts.has(account) => return None,
        None => AccountIn {
            name: account.to_owned(),
            country: String::new(),
            identifiers: Vec::new(),
            insurer_buyer_id: None,
        },
    };
    Some(Account {
        external_id: account.to_owned(),
        code: account.to_owned(),
        name: described.name,
        country: described.country,
        street: None,
        postcode: None,
        town: None,
        identifiers: described.identifiers,
        insurer_buyer_id: described.insurer_buyer_id,
        limit_minor: None,
        limit_currency: None,
        terms_days: None,
        blocked: false,
    })
}
