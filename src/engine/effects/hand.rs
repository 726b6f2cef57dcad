//! What a person says of an effect: no, take it back, or how it ended where no partner can be asked.

use std::collections::BTreeMap;

use super::super::{Error, Setup};
use super::apply::{Options, Told, Which, after_step, carry_out};
use crate::ledger::{EffectRow, Proposed, Step};
use crate::model::{Action, Approval, Effect, EffectKind, EffectState};

/// How a person says that an effect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The partner has it: sent by hand, or confirmed on the telephone.
    Done,
    /// The partner decided against it.
    Refused,
    /// It never arrived: it may be sent again.
    NotSent,
}

/// Says how an effect ended; `None` when it is not at a point where a person may.
///
/// # Errors
/// What the ledger says.
pub async fn settle_by_hand(
    setup: &Setup,
    id: &str,
    verdict: Verdict,
    because: &str,
    options: &Options<'_>,
) -> Result<Option<EffectRow>, Error> {
    let (from, to): (&[EffectState], EffectState) = match verdict {
        Verdict::Done => (
            &[
                EffectState::Proposed,
                EffectState::Approved,
                EffectState::Unknown,
                EffectState::Failed,
                EffectState::Done,
            ],
            EffectState::Done,
        ),
        Verdict::Refused => (&[EffectState::Unknown, EffectState::Done], EffectState::Refused),
        Verdict::NotSent => (&[EffectState::Unknown], EffectState::Approved),
    };
    let mut tx = setup.ledger.begin().await?;
    let open =
        tx.effect(id).await?.is_some_and(|row| row.state != EffectState::Done.as_str() || row.awaiting);
    if !open {
        tx.rollback().await?;
        return Ok(None);
    }
    let step = Step::new(from, to, options.by, because, options.day, options.now);
    let row = tx.advance(id, &step).await?;
    if let Some(row) = &row {
        after_step(&mut tx, &setup.company.id, row, options, options.now).await?;
    }
    tx.commit().await?;
    Ok(row)
}

/// Says no to a proposal: its cause does not propose it again. `None` when it is past being declined.
///
/// # Errors
/// What the ledger says.
pub async fn decline(
    setup: &Setup,
    id: &str,
    because: &str,
    options: &Options<'_>,
) -> Result<Option<EffectRow>, Error> {
    let from = [EffectState::Proposed, EffectState::Approved];
    let step = Step {
        declined: true,
        ..Step::new(&from, EffectState::Dropped, options.by, because, options.day, options.now)
    };
    let mut tx = setup.ledger.begin().await?;
    let row = tx.advance(id, &step).await?;
    tx.commit().await?;
    Ok(row)
}

/// Takes back a request that the insurer has not decided: an effect of its own, sent at once.
///
/// # Errors
/// What the ledger says.
pub async fn withdraw(
    setup: &Setup,
    row: &EffectRow,
    because: &str,
    options: &Options<'_>,
) -> Result<Vec<Told>, Error> {
    let mut facts: BTreeMap<String, String> = row.facts.0.clone();
    facts.remove("from");
    facts.insert("our_reference".to_owned(), row.our_reference.clone());
    facts.insert("action".to_owned(), Action::Withdraw.as_str().to_owned());
    if let Some(reference) = &row.partner_reference {
        facts.insert("reference".to_owned(), reference.clone());
    }
    let effect = Effect {
        kind: EffectKind::WithdrawRequest,
        action: Action::Withdraw,
        connection: row.connection.clone(),
        policy: row.policy.clone(),
        buyer_id: row.buyer_id.clone(),
        name: row.name.clone(),
        country: row.country.clone(),
        subject: row.id.clone(),
        cause: row.attempts.to_string(),
        why: because.to_owned(),
        expected: "The insurer decides nothing; the limit stays as it is.".to_owned(),
        amount: row.amount(),
        before: row.before(),
        fee: None,
        approval: Approval::Person("only a person takes a request back".to_owned()),
        facts,
        expires_on: None,
    };
    let mut tx = setup.ledger.begin().await?;
    let proposed = tx.propose(&setup.company.id, &effect, options.day, options.now).await?;
    tx.commit().await?;
    let id = match proposed {
        Proposed::New(row) => row.id,
        Proposed::Known | Proposed::Closed => crate::ledger::effect_id(&setup.company.id, &effect),
    };
    let options = Options { which: Which::These([id].into()), ..options.clone() };
    carry_out(setup, &options).await
}
