//! Requests that the insurer leaves unanswered, or does not list at all.

use std::collections::BTreeSet;

use super::super::Error;
use super::book::Book;
use super::{Plan, tell};
use crate::ledger::Tx;
use crate::model::{Break, BreakKind, EffectState};

/// After so many days without an answer a person should know.
const ANSWER_DAYS: i64 = 10;

pub(super) async fn plan(book: &Book<'_>, tx: &mut Tx<'_>, plan: &mut Plan) -> Result<(), Error> {
    let company = book.setup.company.id.as_str();
    for row in tx.effects(company, &[EffectState::Done, EffectState::Unknown]).await? {
        let awaits = row.awaiting || row.state()? == EffectState::Unknown;
        let (true, true, Some(sent)) = (row.kind()?.is_request(), awaits, row.sent_on) else { continue };
        let days = book.day.signed_duration_since(sent).num_days();
        let ours = format!("{}, our reference {}", tell::title(&row), row.our_reference);
        let find = |kind, theirs: String| Break {
            kind,
            subject: format!("{}/{}", row.connection, row.id),
            name: row.name.clone(),
            country: row.country.clone(),
            connection: row.connection.clone(),
            ours: ours.clone(),
            theirs,
        };
        if days >= ANSWER_DAYS {
            plan.breaks.push(find(BreakKind::RequestUnanswered, format!("no answer since {sent}")));
        }
        let lists =
            book.connection(&row.connection).is_some_and(|connection| connection.has("list_requests"));
        let references: BTreeSet<&str> = [Some(row.our_reference.as_str()), row.partner_reference.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        // A day's grace: some insurers show a request only when it has been taken in.
        if lists && days >= 1 && !book.is_listed(&row.connection, &row.policy, &row.subject, &references) {
            plan.breaks.push(find(BreakKind::RequestUnknownToInsurer, format!("not listed since {sent}")));
        }
    }
    Ok(())
}
