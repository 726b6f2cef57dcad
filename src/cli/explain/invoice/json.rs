//! The story of one invoice for programs: the same in every language.

use encours::engine::deadlines::value;
use encours::model::{Currency, render_minor};
use serde_json::{Value, json};

use super::super::super::buyers::decimal;
use super::super::super::language::Language;
use super::super::cover::why;
use super::super::{File, Insured, UNKEPT};
use super::{Covered, Story, Term};

/// All stories of a buyer's invoices that were asked for.
pub(in super::super) fn json(
    file: &File,
    stories: &[Story<'_>],
    insured: &[Insured<'_>],
) -> anyhow::Result<Value> {
    let invoices =
        stories.iter().map(|story| story.json(file, insured)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut value = json!({
        "date": file.day,
        "buyer": { "id": file.buyer.id, "name": file.buyer.name, "country": file.buyer.country },
        "invoices": invoices,
    });
    if let Some(asked) = &file.asked {
        asked.put_into(&mut value, UNKEPT);
    }
    Ok(value)
}

impl Story<'_> {
    fn json(&self, file: &File, insured: &[Insured<'_>]) -> anyhow::Result<Value> {
        let item = self.item;
        let amount = |minor| decimal(minor, &item.currency);
        let versions = self.versions.iter().map(|(version, cycle)| {
            json!({
                "recorded_at": version.recorded_at, "superseded_at": version.superseded_at,
                "total": amount(version.total_minor), "open": amount(version.open_minor), "due": version.due,
                "disputed": version.disputed, "run": cycle.as_ref().map(|cycle| &cycle.run),
                "run_day": cycle.as_ref().map(|cycle| cycle.day),
            })
        });
        let allocations = self.allocations.iter().map(|row| {
            json!({
                "external_id": row.external_id, "from": row.from_item, "from_number": row.from_number,
                "from_kind": row.from_kind, "currency": row.currency, "amount": decimal(row.amount_minor, &row.currency),
                "allocated_on": row.allocated_on, "recorded_at": row.recorded_at,
            })
        });
        let effects = self.effects.iter().map(|(row, steps)| {
            let currency = Currency::parse(&row.currency);
            let amount =
                |minor: Option<i64>| minor.zip(currency).map(|(minor, own)| render_minor(minor, own));
            json!({
                "id": row.id, "kind": row.kind, "action": row.action, "connection": row.connection, "policy": row.policy,
                "subject": row.subject, "why": row.why, "amount": amount(row.amount_minor), "currency": row.currency,
                "proposed_on": row.proposed_on, "reference": row.partner_reference, "our_reference": row.our_reference,
                "steps": steps.iter().map(|step| json!({
                    "state": step.state, "at": step.at, "who": step.who, "note": step.note })).collect::<Vec<_>>(),
            })
        });
        let covered = self.covered(file, insured)?;
        let terms = self.terms(insured);
        Ok(json!({
            "connection": item.connection, "external_id": item.external_id, "number": item.number, "kind": item.kind,
            "account": item.account, "currency": item.currency, "total": amount(item.total_minor),
            "open": amount(item.open_minor), "issued": item.issued, "due": item.due, "original_due": item.original_due,
            "due_estimated": item.due_estimated, "disputed": item.disputed,
            "operation": self.source.as_ref().map(|source| &source.operation),
            "reference": self.source.as_ref().and_then(|source| source.reference.as_ref()),
            "versions": versions.collect::<Vec<_>>(),
            "allocations": allocations.collect::<Vec<_>>(),
            "cover": covered.iter().map(Covered::json).collect::<Vec<_>>(),
            "deadlines": terms.iter().map(|term| term.json(file)).collect::<Vec<_>>(),
            "effects": effects.collect::<Vec<_>>(),
        }))
    }
}

impl Covered<'_> {
    fn json(&self) -> Value {
        let (line, policy) = (self.line, self.insured.policy);
        let amount = |minor| render_minor(minor, line.currency);
        let statement = self.statement.map(|row| {
            json!({
                "reference": row.payload.reference, "decision": row.payload.decision,
                "decision_code": row.payload.decision_code, "decided_on": row.payload.decided_on,
                "effective_from": row.payload.effective_from, "version": row.version, "seen_on": row.seen_on,
                "recorded_at": row.recorded_at, "insurer_buyer_id": row.insurer_buyer_id,
            })
        });
        json!({
            "connection": policy.connection, "policy": policy.number, "currency": policy.currency,
            "period": self.period.map(|period| json!({
                "valid_from": period.valid_from, "valid_to": period.valid_to,
                "maximum_terms_days": period.maximum_terms_days, "mep_days": period.mep_days })),
            "terms_days": line.original_due.signed_duration_since(line.issued).num_days(),
            "stopped_by": self.insured.stops.at(line.issued).map(super::super::super::stops::value),
            "limit": line.limit.map(|limit| json!({
                "amount": render_minor(limit.cap_minor, policy.currency), "reason": limit.reason, "since": limit.since,
                "statement": statement })),
            "used_before": render_minor(line.used_before_minor, policy.currency),
            "used_by": self.earlier.iter().map(|other| json!({
                "external_id": other.id, "number": other.number,
                "covered": render_minor(other.covered_minor, other.currency) })).collect::<Vec<_>>(),
            "open": amount(line.open_minor), "credited": amount(line.credited_minor),
            "covered": amount(line.covered_minor), "uncovered": amount(line.uncovered_minor),
            "reason": line.reason, "why": why(Language::English, line, self.insured),
            "percentage": self.percentage().map(|share| share.normalize().to_string()),
            "layers": self.parts.iter().filter_map(|part| Some(json!({
                "kind": part.layer?, "covered": amount(part.covered_minor),
                "percentage": part.percentage.normalize().to_string() }))).collect::<Vec<_>>(),
            "indemnity": amount(self.indemnity_minor),
        })
    }
}

impl Term<'_> {
    fn json(&self, file: &File) -> Value {
        json!({
            "kind": self.kind, "last_day": self.last_day, "connection": self.policy.connection,
            "policy": self.policy.number, "period_from": self.policy.valid_from,
            "clauses": self.clauses.iter().map(|(clause, days)| json!({ "clause": clause, "days": days })).collect::<Vec<_>>(),
            "stands": self.deadline.map(|own| value(own, file.day)),
        })
    }
}
