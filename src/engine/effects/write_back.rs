//! The insurer's limit into the ERP: what each account should hold, and how its ERP is told.
//!
//! Three things must never happen: a limit of zero that the ERP takes for "no limit", a person's change that is written
//! over, and the same amount written twice. So the operation is one of four words and not a bare amount; what the ERP
//! holds is compared with what Encours wrote last; and a write waits for a person wherever it would replace what a person
//! has put there.

use std::collections::BTreeMap;

use super::super::Error;
use super::Plan;
use super::book::Book;
use crate::connector::{Capabilities, Connection, Role};
use crate::credit::CapReason;
use crate::ledger::{AccountRow, EffectRow};
use crate::model::{
    Action, Approval, Automation, Break, BreakKind, Currency, Date, Effect, EffectKind, Instant, Money,
    Policy, WhenEnded, render_minor,
};

/// The least amount that counts as a limit. Some ERPs take zero for "unlimited", so that 0.01 is written to mean none.
const LIMIT_MINOR_MIN: i64 = 2;

/// What an account should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted<'a> {
    action: Action,
    minor: i64,
    currency: Currency,
    until: Option<Date>,
    policy: &'a Policy,
    why: String,
}

pub(super) fn plan(book: &Book<'_>, plan: &mut Plan) -> Result<(), Error> {
    let writers = writers(book);
    if writers.is_empty() {
        return Ok(());
    }
    for (buyer, accounts) in &book.accounts {
        let mut told = None;
        for account in accounts {
            let Some(writer) = writers.get(account.connection.as_str()) else { continue };
            if told.is_none() {
                told = Some(wanted(book, buyer)?);
            }
            if let Some(Some(wanted)) = &told {
                propose(book, writer, account, buyer, wanted, plan);
            }
        }
    }
    Ok(())
}

/// Who writes into each ERP: itself, or a connection of files that stands in for it.
fn writers<'a>(book: &Book<'a>) -> BTreeMap<&'a str, &'a Connection> {
    let erps =
        book.setup.connections.iter().filter(|connection| connection.connector.manifest.role == Role::Erp);
    let mut writers = BTreeMap::new();
    for connection in erps.filter(|connection| connection.has("write_limit")) {
        match connection.settings.get("for") {
            Some(other) => {
                if let Some(other) = book.setup.connections.iter().find(|known| known.id == *other) {
                    writers.insert(other.id.as_str(), connection);
                }
            }
            None => {
                writers.entry(connection.id.as_str()).or_insert(connection);
            }
        }
    }
    writers
}

/// What the insurers say that the ERP should hold of a buyer; nothing while none has decided, or where their currencies
/// differ, which is a break of its own.
fn wanted<'a>(book: &Book<'a>, buyer: &str) -> Result<Option<Wanted<'a>>, Error> {
    let mut all: Option<Wanted<'a>> = None;
    for policy in &book.policies {
        let Some(decided) = book.decided(buyer, policy)? else { continue };
        let minor = if decided.cap_minor < LIMIT_MINOR_MIN { 0 } else { decided.cap_minor };
        let limit = &decided.row.payload;
        let action = match decided.reason {
            _ if minor > 0 => Action::Set,
            CapReason::Cancelled | CapReason::Expired => match policy.when_ended {
                WhenEnded::Zero => Action::Zero,
                WhenEnded::Remove => Action::Remove,
                WhenEnded::Block => Action::Block,
            },
            // A refusal is never said as "no limit".
            CapReason::Granted
            | CapReason::Discretionary
            | CapReason::Refused
            | CapReason::Withdrawn
            | CapReason::Zero
            | CapReason::LayersNotCounted
            | CapReason::Excluded => Action::Zero,
        };
        let own = Wanted {
            action,
            minor,
            currency: policy.currency,
            until: limit.effective_to.filter(|_| minor > 0),
            policy,
            why: format!(
                "{} covers {} ({})",
                policy.connection,
                Money::new(minor, policy.currency),
                decided.reason
            ),
        };
        all = Some(match all {
            None => own,
            Some(before) if before.currency != own.currency => return Ok(None),
            // Two insurers on one buyer: what both cover together; an end of one is an end of the sum.
            Some(before) => Wanted {
                action: if before.minor.saturating_add(own.minor) > 0 { Action::Set } else { Action::Zero },
                minor: before.minor.saturating_add(own.minor),
                until: match (before.until, own.until) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                },
                why: format!("{}; {}", before.why, own.why),
                ..before
            },
        });
    }
    Ok(all)
}

/// What an amount in an ERP comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// No limit at all: as much as the customer likes.
    Unlimited,
    /// Nothing may be delivered on credit.
    Nothing,
    /// A limit, minor units.
    Amount(i64),
}

impl Standing {
    /// What an ERP that holds `minor` does with it; some take zero for "no limit".
    pub(super) fn of(minor: Option<i64>, zero_is_unlimited: bool) -> Self {
        match minor {
            None => Self::Unlimited,
            Some(0) if zero_is_unlimited => Self::Unlimited,
            Some(minor) if minor < LIMIT_MINOR_MIN => Self::Nothing,
            Some(minor) => Self::Amount(minor),
        }
    }

    /// What an earlier write-back left in the ERP; nothing can be said after a block.
    fn written(row: &EffectRow) -> Option<Self> {
        match row.action.as_str() {
            "block" => None,
            "remove" => Some(Self::Unlimited),
            "zero" => Some(Self::Nothing),
            _ => Some(Self::of(row.amount_minor, false)),
        }
    }

    fn told(self, currency: Currency) -> String {
        match self {
            Self::Unlimited => "no limit".to_owned(),
            Self::Nothing => Money::new(0, currency).to_string(),
            Self::Amount(minor) => Money::new(minor, currency).to_string(),
        }
    }
}

/// When an effect was sent, or settled without being sent.
fn moment(row: &EffectRow) -> Instant {
    row.sent_at.unwrap_or(row.updated_at)
}

fn propose(
    book: &Book<'_>,
    writer: &Connection,
    account: &AccountRow,
    buyer: &str,
    wanted: &Wanted<'_>,
    plan: &mut Plan,
) {
    let (minor, currency) = match account.limit() {
        Some((minor, currency)) => (Some(minor), currency),
        None => (None, wanted.currency),
    };
    if currency != wanted.currency {
        return; // said as currency_differs
    }
    let key = (writer.id.clone(), account.external_id.clone());
    let able = &writer.connector.manifest.capabilities;
    let erp = book.connection(&account.connection).map(|erp| &erp.connector.manifest.capabilities);
    let zero_is_unlimited = able.zero_is_unlimited || erp.is_some_and(|erp| erp.zero_is_unlimited);
    let holds = Standing::of(minor, zero_is_unlimited);
    let last = book.written.get(&key);
    let action = operation(wanted.action, able);
    let is_blocked = last.is_some_and(|row| row.action == "block");
    let same = if wanted.action == Action::Set {
        holds == Standing::Amount(wanted.minor) && !is_blocked
    } else if wanted.action == Action::Remove {
        holds == Standing::Unlimited && !is_blocked
    } else if action == Some(Action::Block) {
        is_blocked || (wanted.action == Action::Zero && holds == Standing::Nothing)
    } else {
        // "No limit" is not zero: where the ERP holds none, zero still has to be written.
        holds == Standing::Nothing
    };
    let finding = |kind, ours: String, theirs: String| Break {
        kind,
        subject: buyer.to_owned(),
        name: account.name.clone(),
        country: account.country.clone(),
        connection: writer.id.clone(),
        ours,
        theirs,
    };
    if wanted.minor == 0 && action.is_none() && !same {
        let ours = format!(
            "{} holds {}, and {} has no word to {} it",
            account.code,
            holds.told(currency),
            account.connection,
            wanted.action
        );
        find(plan, finding(BreakKind::LimitNotEnforced, ours, wanted.why.clone()));
    } else if wanted.minor == 0 && !able.enforces_limit && action != Some(Action::Block) {
        let ours = format!("{} does not stop deliveries on a limit", account.connection);
        find(plan, finding(BreakKind::LimitNotEnforced, ours, wanted.why.clone()));
    }
    let money = |minor| Money::new(minor, wanted.currency);
    // A file that nobody has loaded yet leaves the ERP as it was.
    let is_as_before = |row: &EffectRow| {
        !writer.has("read_limit") && Standing::of(row.before_minor, zero_is_unlimited) == holds
    };
    let changed = last
        .is_some_and(|row| Standing::written(row).is_some_and(|wrote| wrote != holds) && !is_as_before(row));
    if changed
        && !same
        && let Some(wrote) = last.and_then(Standing::written)
    {
        let ours = format!("{} holds {}", account.code, holds.told(currency));
        let theirs = format!("Encours wrote {}; {}", wrote.told(currency), wanted.why);
        find(plan, finding(BreakKind::LimitChangedInErp, ours, theirs));
    }
    if same || book.writing.contains(&key) {
        return;
    }
    let automation = wanted.policy.automation.write_back;
    let Some(action) = action.filter(|_| automation != Automation::Never) else { return };
    let amount = amount_of(action, wanted.minor, zero_is_unlimited);
    let is_alike = |row: &EffectRow| row.action == action.as_str() && row.amount_minor == amount;
    if last.is_some_and(|row| is_alike(row) && is_as_before(row)) {
        return; // it waits to be loaded
    }
    let owed = book.owed(buyer, wanted.currency.code());
    let (ends, failed) =
        book.write_ends.get(&key).map_or((0, None), |(ends, failed)| (*ends, failed.as_ref()));
    let failed = failed.filter(|row| is_alike(row) && last.is_none_or(|last| moment(last) < moment(row)));
    let approval = if changed {
        Approval::Person("somebody changed in the ERP what Encours had written".to_owned())
    } else if last.is_none() && matches!(holds, Standing::Amount(_)) {
        Approval::Person("the ERP holds a limit that Encours did not write".to_owned())
    } else if let Some(row) = failed {
        Approval::Person(format!(
            "the last attempt failed: {}",
            row.message.as_deref().unwrap_or("no reason given")
        ))
    } else if able.refuses_below_exposure && wanted.minor < owed && says_amount(action) {
        Approval::Person(format!("the ERP refuses a limit below the {} that is owed", money(owed)))
    } else if automation == Automation::Person {
        Approval::Person("the policy asks for a person".to_owned())
    } else {
        Approval::Automatic
    };
    let mut facts = BTreeMap::new();
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            facts.insert(name.to_owned(), value);
        }
    };
    fact("account", account.external_id.clone());
    fact("code", account.code.clone());
    fact("buyer_name", account.name.clone());
    fact("kind", action.as_str().to_owned());
    fact("currency", wanted.currency.code().to_owned());
    fact("policy", wanted.policy.number.clone());
    if let Some(minor) = amount {
        fact("amount", render_minor(minor, wanted.currency));
    }
    if let Some(until) = wanted.until {
        fact("until", until.to_string());
    }
    if is_blocked && action != Action::Block {
        fact("unblock", "true".to_owned());
    }
    plan.effects.push(Effect {
        kind: EffectKind::WriteLimit,
        action,
        connection: writer.id.clone(),
        policy: wanted.policy.number.clone(),
        buyer_id: buyer.to_owned(),
        name: account.name.clone(),
        country: account.country.clone(),
        subject: account.external_id.clone(),
        cause: ends.to_string(),
        why: format!("{}; {} holds {}.", wanted.why, account.code, holds.told(currency)),
        expected: expected(action, &account.code, wanted),
        amount: amount.map(money),
        before: minor.map(money),
        fee: None,
        approval,
        facts,
        expires_on: None,
    });
}

/// Two findings of one kind on the accounts of one buyer are one break that says both.
fn find(plan: &mut Plan, found: Break) {
    let known = plan.breaks.iter_mut().find(|known| {
        (known.kind, &known.subject, &known.connection) == (found.kind, &found.subject, &found.connection)
    });
    match known {
        Some(known) => {
            for (text, more) in [(&mut known.ours, found.ours), (&mut known.theirs, found.theirs)] {
                if !text.contains(&more) {
                    text.push_str(" | ");
                    text.push_str(&more);
                }
            }
        }
        None => plan.breaks.push(found),
    }
}

fn expected(action: Action, code: &str, wanted: &Wanted<'_>) -> String {
    if action == Action::Set {
        format!("{code} holds {}.", Money::new(wanted.minor, wanted.currency))
    } else if action == Action::Block {
        format!("{code} is blocked.")
    } else if action == Action::Remove {
        format!("{code} holds no limit.")
    } else {
        format!("{code} holds a limit of zero, which is not \"no limit\".")
    }
}

fn says_amount(action: Action) -> bool {
    action == Action::Set || action == Action::Zero
}

/// The amount that an operation carries. Where zero means "no limit", zero is said with the least amount there is.
fn amount_of(action: Action, minor: i64, zero_is_unlimited: bool) -> Option<i64> {
    let zero = if zero_is_unlimited { LIMIT_MINOR_MIN.saturating_sub(1) } else { 0 };
    says_amount(action).then_some(if action == Action::Set { minor } else { zero })
}

/// How the ERP is told: the operation itself where it has a word for it; for zero, a block where it has none. Never more
/// than was meant: nothing stands in for taking a limit out.
fn operation(action: Action, able: &Capabilities) -> Option<Action> {
    let says = |action: &Action| able.limit_operations.iter().any(|word| word == action.as_str());
    if says(&action) {
        return Some(action);
    }
    let stands_in = [Action::Block, Action::Zero];
    stands_in.contains(&action).then(|| stands_in.into_iter().find(says)).flatten()
}
