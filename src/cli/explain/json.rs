//! The same story for programs.

use encours::credit::{Exposure, LimitAt};
use encours::model::{InOtherCurrency, Limit, render_minor};
use serde_json::json;

use super::super::buyers::{self, account_json};
use super::super::language::Language;
use super::cover::why;
use super::group::Shared;
use super::{File, Insured, UNKEPT};

impl File {
    pub(super) fn json(&self, owed: &[Exposure], insured: &[Insured<'_>]) -> serde_json::Value {
        let exposure = owed.iter().map(|e| {
            let amount = |minor| render_minor(minor, e.currency);
            json!({
                "currency": e.currency,
                "outstanding": amount(e.outstanding_minor),
                "not_due": amount(e.not_due_minor),
                "overdue_1_30": amount(e.overdue_1_30_minor),
                "overdue_31_60": amount(e.overdue_31_60_minor),
                "overdue_61_90": amount(e.overdue_61_90_minor),
                "overdue_over_90": amount(e.overdue_over_90_minor),
                "disputed": amount(e.disputed_minor),
                "credits": amount(e.credits_minor),
                "unallocated": amount(e.unallocated_minor),
                "oldest_due": e.oldest_original_due,
                "invoices": e.invoice_count,
            })
        });
        let items = self.items.iter().map(|item| {
            let amount = |minor| buyers::decimal(minor, &item.currency);
            json!({
                "connection": item.connection, "external_id": item.external_id, "number": item.number, "kind": item.kind,
                "account": item.account, "currency": item.currency, "total": amount(item.total_minor),
                "tax": item.tax_minor.map(amount),
                "open": amount(item.open_minor), "issued": item.issued, "due": item.due,
                "original_due": item.original_due, "due_estimated": item.due_estimated, "disputed": item.disputed,
            })
        });
        let breaks = self.breaks.iter().filter_map(|row| row.to_break().ok().map(|found| (row, found))).map(|(row, found)| {
            json!({
                "id": row.id, "kind": found.kind, "connection": found.connection, "ours": found.ours, "theirs": found.theirs,
                "opened_on": row.opened_on, "next_step": found.kind.next_step(),
            })
        });
        let deltas = self.deltas.iter().map(|(day, row)| {
            json!({ "date": day, "id": row.id, "event": row.event, "summary": row.summary, "data": row.data.0, "created_at": row.created_at })
        });
        let mut value = json!({
            "date": self.day,
            "buyer": { "id": self.buyer.id, "name": self.buyer.name, "country": self.buyer.country },
            "accounts": self.accounts.iter().map(account_json).collect::<Vec<_>>(),
            "links": self.links.iter().map(buyers::links::link_json).collect::<Vec<_>>(),
            "exposure": exposure.collect::<Vec<_>>(),
            "orders": self.backlogs.iter().map(|(currency, minor)| {
                json!({ "currency": currency, "not_invoiced": buyers::decimal(*minor, currency) })
            }).collect::<Vec<_>>(),
            "items": items.collect::<Vec<_>>(),
            "ratings": self.ratings.iter().map(|row| json!({
                "connection": row.connection, "rating": row.payload.0, "seen_on": row.seen_on, "version": row.version,
            })).collect::<Vec<_>>(),
            "cover": insured.iter().map(Insured::json).collect::<Vec<_>>(),
            "breaks": breaks.collect::<Vec<_>>(),
            "deltas": deltas.collect::<Vec<_>>(),
        });
        if let (Some(object), Some(_)) = (value.as_object_mut(), self.group.told(Language::English)) {
            object.insert("group".to_owned(), self.group.json());
        }
        if let Some(asked) = &self.asked {
            asked.put_into(&mut value, UNKEPT);
        }
        value
    }
}

impl Insured<'_> {
    fn json(&self) -> serde_json::Value {
        let (policy, cover) = (self.policy, &self.cover);
        let amount = |minor| render_minor(minor, policy.currency);
        let at = |limit: LimitAt| json!({ "amount": amount(limit.cap_minor), "reason": limit.reason, "since": limit.since });
        let history = self.statements.iter().map(|row| {
            let limit: &Limit = &row.payload;
            json!({
                "version": row.version, "seen_on": row.seen_on, "recorded_at": row.recorded_at,
                "insurer_buyer_id": row.insurer_buyer_id, "reference": limit.reference, "decision": limit.decision,
                "decision_code": limit.decision_code, "requested": limit.requested_minor.map(amount),
                "amount": amount(limit.amount_minor), "effective_from": limit.effective_from,
                "effective_to": limit.effective_to, "withdrawal_on": limit.withdrawal_on, "decided_on": limit.decided_on,
                "conditions": limit.conditions, "rating": limit.rating,
                "in_other_currency": limit.in_other_currency.as_ref().map(InOtherCurrency::to_json),
                "layers": limit.layers.iter().map(|layer| json!({
                    "kind": layer.kind, "amount": amount(layer.amount_minor), "until": layer.until })).collect::<Vec<_>>(),
            })
        });
        let lines = cover.lines.iter().map(|line| {
            let amount = |minor| render_minor(minor, line.currency);
            json!({
                "connection": line.connection, "external_id": line.id, "number": line.number, "currency": line.currency, "issued": line.issued,
                "original_due": line.original_due, "open": amount(line.open_minor), "credited": amount(line.credited_minor),
                "used_before": render_minor(line.used_before_minor, policy.currency), "covered": amount(line.covered_minor),
                "uncovered": amount(line.uncovered_minor), "limit": line.limit.map(at), "reason": line.reason,
                "why": why(Language::English, line, self), "without_tax_figure": line.lacks_tax,
            })
        });
        let pending = self.pending.iter().map(|request| {
            json!({
                "reference": request.reference, "our_reference": request.our_reference,
                "insurer_buyer_id": request.insurer_buyer_id, "status": request.status,
                "requested": request.requested_minor.map(|minor| render_minor(minor, request.currency)),
                "currency": request.currency, "requested_on": request.requested_on,
                "in_other_currency": request.in_other_currency.as_ref().map(InOtherCurrency::to_json),
            })
        });
        json!({
            "connection": policy.connection,
            "policy": policy.number,
            "pending": pending.collect::<Vec<_>>(),
            "currency": policy.currency,
            "insured_percentage": policy.insured_percentage.normalize().to_string(), "layers": policy.layers,
            "history": history.collect::<Vec<_>>(),
            "lines": lines.collect::<Vec<_>>(),
            "stops": self.stops.all().iter().map(super::super::stops::value).collect::<Vec<_>>(),
            "backdated": self.changes.iter().map(|change| change.json(policy.currency)).collect::<Vec<_>>(),
            "terms_changed": self.terms_changes.iter().map(|change| change.json(policy.currency)).collect::<Vec<_>>(),
            "basis": cover.basis,
            "without_tax_figure": cover.lacks_tax,
            "limit_today": at(cover.today),
            "shared": self.shared.as_ref().map(Shared::json),
            "discretionary": super::own::value(self),
            "outstanding": amount(cover.outstanding_minor),
            "covered": amount(cover.covered_minor),
            "uninsured": amount(cover.uninsured_minor),
            "beyond_limit": amount(cover.beyond_limit_minor),
            "ineligible": amount(cover.ineligible_minor),
            "credit_balance": amount(cover.credit_balance_minor),
            "indemnity": amount(cover.indemnity_minor),
        })
    }
}
