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
use crate::connector::{Connection, Role};
use crate::credit::CapReason;
use crate::ledger::AccountRow;
use crate::model::{
    Action, Approval, Automation, Break, BreakKind, Currency, Date, Effect, EffectKind, Money, Policy,
    WhenEnded, render_minor,
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
        let minor = decided.cap_minor;
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
            | CapReason::Zero => Action::Zero,
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

/// A limit in the ERP as a value that can be compared: no limit and next to nothing are one.
pub(super) fn held(minor: Option<i64>) -> i64 {
    minor.filter(|minor| *minor >= LIMIT_MINOR_MIN).unwrap_or(0)
}

fn propose(
    book: &Book<'_>,
    writer: &Connection,
    account: &AccountRow,
    buyer: &str,
    wanted: &Wanted<'_>,
    plan: &mut Plan,
) {
    let (holds, currency) = match account.limit() {
        Some((minor, currency)) => (Some(minor), currency),
        None => (None, wanted.currency),
    };
    if currency != wanted.currency {
        return; // said as currency_differs
    }
    let key = (writer.id.clone(), account.external_id.clone());
    let able = &writer.connector.manifest.capabilities;
    let last = book.written.get(&key);
    let action = operation(wanted.action, able);
    let zero_now = holds == Some(0) || holds.is_some_and(|minor| minor < LIMIT_MINOR_MIN);
    let same = if wanted.action == Action::Set {
        held(holds) == wanted.minor
    } else if wanted.action == Action::Remove {
        holds.is_none()
    } else {
        // "No limit" is not zero: where the ERP holds none, zero still has to be written.
        zero_now || (action == Some(Action::Block) && last.is_some_and(|row| row.action == "block"))
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
    if wanted.minor == 0 && !able.enforces_limit && action != Some(Action::Block) {
        plan.breaks.push(finding(
            BreakKind::LimitNotEnforced,
            format!("{} does not stop deliveries on a limit", account.connection),
            wanted.why.clone(),
        ));
    }
    let money = |minor| Money::new(minor, wanted.currency);
    let changed = last.is_some_and(|row| {
        let wrote = if row.action == "remove" { None } else { row.amount_minor };
        let is_loaded = held(holds) == held(wrote) && holds.is_some() == wrote.is_some();
        // A file that nobody has loaded yet leaves the ERP as it was.
        let is_waiting = !writer.has("read_limit") && held(holds) == held(row.before_minor);
        !is_loaded && !is_waiting && row.action != "block"
    });
    if changed && let Some(row) = last {
        let wrote = row.amount_minor.map_or_else(|| "no limit".to_owned(), |minor| money(minor).to_string());
        let now = holds.map_or_else(|| "no limit".to_owned(), |minor| money(minor).to_string());
        plan.breaks.push(finding(
            BreakKind::LimitChangedInErp,
            format!("{} holds {now}", account.code),
            format!("Encours wrote {wrote}; {}", wanted.why),
        ));
    }
    if same || book.writing.contains(&key) {
        return;
    }
    let automation = wanted.policy.automation.write_back;
    let Some(action) = action.filter(|_| automation != Automation::Never) else { return };
    let waits_to_be_loaded = !writer.has("read_limit")
        && last.is_some_and(|row| {
            row.action == action.as_str()
                && row.amount_minor == amount_of(action, wanted.minor)
                && held(row.before_minor) == held(holds)
        });
    if waits_to_be_loaded {
        return;
    }
    let owed = book.owed(buyer, wanted.currency.code());
    let (ends, failed) =
        book.write_ends.get(&key).map_or((0, None), |(ends, failed)| (*ends, failed.as_ref()));
    let failed = failed.filter(|row| {
        row.action == action.as_str()
            && row.amount_minor == amount_of(action, wanted.minor)
            && last.is_none_or(|last| last.sent_at < row.sent_at)
    });
    let approval = if changed {
        Approval::Person("somebody changed in the ERP what Encours had written".to_owned())
    } else if last.is_none() && holds.is_some_and(|minor| minor >= LIMIT_MINOR_MIN) {
        Approval::Person("the ERP holds a limit that Encours did not write".to_owned())
    } else if let Some(row) = failed {
        Approval::Person(format!(
            "the last attempt failed: {}",
            row.message.as_deref().unwrap_or("no reason given")
        ))
    } else if able.refuses_below_exposure && wanted.minor < owed && action != Action::Block {
        Approval::Person(format!("the ERP refuses a limit below the {} that is owed", money(owed)))
    } else if automation == Automation::Person {
        Approval::Person("the policy asks for a person".to_owned())
    } else {
        Approval::Automatic
    };
    let amount = amount_of(action, wanted.minor);
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
    let before = holds.map_or_else(|| "no limit".to_owned(), |minor| money(minor).to_string());
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
        why: format!("{}; {} holds {before}.", wanted.why, account.code),
        expected: expected(action, &account.code, wanted),
        amount: amount.map(money),
        before: holds.map(money),
        fee: None,
        approval,
        facts,
        expires_on: None,
    });
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

/// The amount that an operation carries.
fn amount_of(action: Action, minor: i64) -> Option<i64> {
    if action == Action::Set { Some(minor) } else { (action == Action::Zero).then_some(0) }
}

/// How the ERP is told: the operation itself where it has a word for it; for zero, a block where it has none. Never more
/// than was meant: nothing stands in for taking a limit out.
fn operation(action: Action, able: &crate::connector::Capabilities) -> Option<Action> {
    let says = |action: &Action| able.limit_operations.iter().any(|word| word == action.as_str());
    if says(&action) {
        return Some(action);
    }
    let stands_in = [Action::Block, Action::Zero];
    stands_in.contains(&action).then(|| stands_in.into_iter().find(says)).flatten()
}
