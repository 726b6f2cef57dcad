//! The files of a pack that are read out as they are known: documents, limits, decisions, links, stops, effects, terms.

use serde_json::{Value, json};

use super::reckoned::{Document, text};
use super::{File, Known, broken, pretty, shown};
use crate::engine::Error;
use crate::format::table::{Cell, CsvStyle, write_csv};
use crate::ids::sha256_hex;
use crate::ledger::{EffectRow, EffectStep};
use crate::model::{Currency, Date, EffectKind, EffectState, Instant, Limit, NumberStyle, render_minor};

/// Makes a file of rows: commas, decimal points, UTF-8.
pub(super) fn csv(
    name: &'static str,
    what: &'static str,
    header: &[&str],
    rows: &[Vec<Cell>],
) -> Result<File, Error> {
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let style =
        CsvStyle { delimiter: ",".to_owned(), encoding: "utf-8".to_owned(), decimal: NumberStyle::Point };
    Ok(File { name, what, bytes: write_csv(&header, rows, &style).map_err(broken)? })
}

fn json_file(name: &'static str, what: &'static str, value: &Value) -> Result<File, Error> {
    Ok(File { name, what, bytes: pretty(value)? })
}

fn date(value: Option<Date>) -> Cell {
    value.map_or(Cell::Empty, text)
}

fn instant(value: Option<Instant>) -> Cell {
    value.map_or(Cell::Empty, |at| text(shown(at)))
}

fn yes(value: bool) -> Cell {
    text(if value { "yes" } else { "no" })
}

/// Connection, key, number and what a document says, in the columns of [`DOCUMENT`].
fn document_cells(document: &Document) -> Vec<Cell> {
    let version = &document.version;
    vec![
        text(&version.connection),
        text(&version.external_id),
        text(&version.number),
        text(document.kind.as_str()),
        text(&version.account),
        text(document.currency),
        document.amount(version.total_minor),
        document.amount(version.open_minor),
        text(version.issued),
        text(version.due),
        text(version.original_due),
        yes(version.due_estimated),
        yes(version.disputed),
    ]
}

const DOCUMENT: &[&str] = &[
    "connection",
    "external_id",
    "number",
    "kind",
    "account",
    "currency",
    "total",
    "open",
    "issued",
    "due",
    "original_due",
    "due_estimated",
    "disputed",
];

/// Whether the partner may have been told: its figures stand from then on.
fn was_sent(steps: &[EffectStep]) -> bool {
    let sent = [
        EffectState::Sending,
        EffectState::Done,
        EffectState::Refused,
        EffectState::Failed,
        EffectState::Unknown,
    ];
    steps.iter().any(|step| sent.iter().any(|state| state.as_str() == step.state))
}

impl Known<'_> {
    pub(super) fn documents_csv(&self) -> Result<File, Error> {
        let at = self.wanted.moment.known_at;
        let first_read = self.first_read();
        let rows: Vec<Vec<Cell>> = self
            .documents
            .iter()
            .filter(|document| document.version.is_known_at(at))
            .map(|document| {
                let mut cells = document_cells(document);
                cells.push(instant(first_read.get(&document.key()).copied()));
                cells
            })
            .collect();
        let header = [DOCUMENT, &["first_read_at"]].concat();
        csv("invoices.csv", "invoices, credit notes and receipts as they were known", &header, &rows)
    }

    pub(super) fn versions_csv(&self) -> Result<File, Error> {
        let rows: Vec<Vec<Cell>> = self
            .documents
            .iter()
            .map(|document| {
                let mut cells = document_cells(document);
                cells.push(instant(Some(document.version.recorded_at)));
                cells.push(instant(document.version.superseded_at));
                cells
            })
            .collect();
        let header = [DOCUMENT, &["known_from", "known_until"]].concat();
        csv(
            "invoice-versions.csv",
            "every version of each document in invoices.csv, with its instants",
            &header,
            &rows,
        )
    }

    pub(super) fn accounts_csv(&self) -> Result<File, Error> {
        let optional = |value: &Option<String>| value.as_ref().map_or(Cell::Empty, text);
        let rows: Vec<Vec<Cell>> = self
            .accounts
            .iter()
            .map(|row| {
                let limit = row.limit_minor.zip(row.limit_currency.as_deref().and_then(Currency::parse));
                let ids = row.identifiers.0.iter().map(|(scheme, value)| format!("{scheme} {value}"));
                vec![
                    text(&row.connection),
                    text(&row.external_id),
                    text(&row.code),
                    text(&row.name),
                    text(&row.country),
                    text(ids.collect::<Vec<_>>().join("; ")),
                    optional(&row.insurer_buyer_id),
                    limit
                        .map_or(Cell::Empty, |(minor, currency)| Cell::Number(render_minor(minor, currency))),
                    limit.map_or(Cell::Empty, |(_, currency)| text(currency)),
                    instant(Some(row.recorded_at)),
                    instant(row.superseded_at),
                ]
            })
            .collect();
        let header = [
            "connection",
            "external_id",
            "code",
            "name",
            "country",
            "identifiers",
            "insurer_buyer_id",
            "erp_limit",
            "erp_limit_currency",
            "known_from",
            "known_until",
        ];
        csv(
            "accounts.csv",
            "the accounts in the ERP, every version of each with its instants",
            &header,
            &rows,
        )
    }

    pub(super) fn limits_csv(&self) -> Result<File, Error> {
        let rows: Vec<Vec<Cell>> = self
            .limits
            .iter()
            .map(|row| {
                let limit: &Limit = &row.payload;
                let amount = |minor| Cell::Number(render_minor(minor, limit.currency));
                let layers = limit.layers.iter().map(|layer| {
                    let until = layer.until.map_or_else(String::new, |day| format!(" until {day}"));
                    format!("{} {}{until}", layer.kind, render_minor(layer.amount_minor, limit.currency))
                });
                let conditions = limit.conditions.iter().map(|one| format!("{} {}", one.code, one.text));
                vec![
                    text(&row.connection),
                    text(&row.policy),
                    text(&row.insurer_buyer_id),
                    text(&limit.buyer_name),
                    text(row.version),
                    text(limit.decision),
                    text(&limit.decision_code),
                    limit.requested_minor.map_or(Cell::Empty, amount),
                    amount(limit.amount_minor),
                    text(limit.currency),
                    text(limit.effective_from),
                    date(limit.effective_to),
                    date(limit.withdrawal_on),
                    date(limit.decided_on),
                    text(layers.collect::<Vec<_>>().join("; ")),
                    text(conditions.collect::<Vec<_>>().join("; ")),
                    text(&limit.reference),
                    text(row.seen_on),
                    text(shown(row.recorded_at)),
                ]
            })
            .collect();
        let header = [
            "insurer",
            "policy",
            "insurer_buyer_id",
            "name",
            "version",
            "decision",
            "decision_code",
            "requested",
            "amount",
            "currency",
            "effective_from",
            "effective_to",
            "withdrawal_on",
            "decided_on",
            "layers",
            "conditions",
            "reference",
            "first_read_on",
            "recorded_at",
        ];
        csv("limits.csv", "every version of the insurers' limits, the oldest first", &header, &rows)
    }

    pub(super) fn decisions_json(&self) -> Result<File, Error> {
        let all = self.limits.iter().map(|row| {
            json!({
                "insurer": row.connection, "version": row.version, "first_read_on": row.seen_on,
                "recorded_at": shown(row.recorded_at), "statement": row.payload.0,
            })
        });
        let all: Vec<Value> = all.collect();
        json_file(
            "decisions.json",
            "the statements behind limits.csv, each with all that was kept of it",
            &json!(all),
        )
    }

    pub(super) fn links_csv(&self) -> Result<File, Error> {
        let rows: Vec<Vec<Cell>> = self
            .links
            .iter()
            .map(|link| {
                vec![
                    text(&link.kind),
                    text(&link.connection),
                    text(&link.external_id),
                    text(&link.buyer_id),
                    text(&link.reason),
                    text(&link.detail),
                    text(&link.decided_by),
                    text(shown(link.recorded_at)),
                ]
            })
            .collect();
        let header =
            ["kind", "connection", "external_id", "buyer", "reason", "detail", "decided_by", "recorded_at"];
        csv("links.csv", "why each account and each insurer's buyer is this buyer", &header, &rows)
    }

    pub(super) fn stops_csv(&self) -> Result<File, Error> {
        let optional = |value: &Option<String>| value.as_ref().map_or(Cell::Empty, text);
        let rows: Vec<Vec<Cell>> = self
            .stops
            .iter()
            .map(|row| {
                vec![
                    text(&row.connection),
                    text(&row.policy),
                    text(row.number),
                    text(row.stopped_on),
                    text(&row.cause_number),
                    text(&row.lifts),
                    text(row.known_since),
                    date(row.lifted_on),
                    date(row.covered_from),
                    optional(&row.lifted_why),
                    optional(&row.lifted_by),
                    optional(&row.because),
                ]
            })
            .collect();
        let header = [
            "insurer",
            "policy",
            "stop",
            "stopped_on",
            "cause",
            "lifts",
            "known_since",
            "lifted_on",
            "covered_from",
            "lifted_why",
            "lifted_by",
            "because",
        ];
        csv("stops.csv", "stops of cover, those that were lifted too", &header, &rows)
    }

    pub(super) fn effects_json(&self) -> Result<File, Error> {
        let all: Vec<Value> = self.effects.iter().map(|(row, steps)| effect(row, steps)).collect();
        json_file(
            "effects.json",
            "requests, notices, exposure stated and limits written: every step with the partner's answer",
            &json!(all),
        )
    }

    pub(super) fn notices_csv(&self) -> Result<File, Error> {
        let notices = self.effects.iter().filter(|(row, _)| row.kind == EffectKind::NotifyOverdue.as_str());
        let rows: Vec<Vec<Cell>> = notices
            .map(|(row, steps)| {
                let of = |state: EffectState| steps.iter().rfind(|step| step.state == state.as_str());
                let last = steps.last();
                let answer = steps.iter().rev().find_map(|step| step.answer.as_ref());
                let sent = was_sent(steps);
                let amount = row.amount().filter(|_| sent);
                vec![
                    text(&row.id),
                    text(&row.connection),
                    text(&row.policy),
                    text(if sent { row.subject.as_str() } else { "" }),
                    amount
                        .map_or(Cell::Empty, |money| Cell::Number(render_minor(money.minor, money.currency))),
                    text(amount.map_or_else(String::new, |money| money.currency.to_string())),
                    text(&row.our_reference),
                    instant(steps.first().map(|step| step.at)),
                    instant(of(EffectState::Approved).map(|step| step.at)),
                    of(EffectState::Approved).map_or(Cell::Empty, |step| text(&step.who)),
                    instant(of(EffectState::Sending).map(|step| step.at)),
                    last.map_or(Cell::Empty, |step| text(&step.state)),
                    instant(last.map(|step| step.at)),
                    last.map_or(Cell::Empty, |step| text(&step.note)),
                    answer.map_or(Cell::Empty, |answer| text(sha256_hex(answer.as_bytes()))),
                ]
            })
            .collect();
        let header = [
            "effect",
            "insurer",
            "policy",
            "invoice",
            "amount",
            "currency",
            "our_reference",
            "proposed_at",
            "approved_at",
            "approved_by",
            "sent_at",
            "state",
            "state_since",
            "last_word",
            "answer_sha256",
        ];
        csv(
            "notices.csv",
            "overdue notices and how they ended; the hash is of the insurer's receipt, which effects.json holds",
            &header,
            &rows,
        )
    }

    pub(super) fn policies_json(&self) -> Result<File, Error> {
        let all = self.policies.iter().map(|policy| {
            let amount = |minor| render_minor(minor, policy.currency);
            json!({
                "insurer": policy.connection, "number": policy.number, "currency": policy.currency,
                "valid_from": policy.valid_from, "valid_to": policy.valid_to,
                "insured_percentage": policy.insured_percentage.normalize().to_string(),
                "layers": policy.layers,
                "maximum_terms_days": policy.maximum_terms_days, "mep_days": policy.mep_days,
                "discretionary": amount(policy.discretionary_minor), "basis": policy.basis,
                "discretionary_rule": policy.discretionary_rule,
                "cover_stop": policy.cover_stop.as_ref().map(|rule| json!({
                    "threshold": amount(rule.threshold_minor), "lifts": rule.lifts,
                })),
            })
        });
        let all: Vec<Value> = all.collect();
        json_file("policies.json", "the terms that the figures were reckoned with", &json!(all))
    }
}

/// An effect with the steps that were known. What its columns say may change until it is sent, so until then only the steps
/// tell of it.
fn effect(row: &EffectRow, steps: &[EffectStep]) -> Value {
    let told = steps.iter().map(|step| {
        json!({
            "step": step.step, "at": shown(step.at), "state": step.state, "who": step.who, "note": step.note,
            "answer": step.answer, "answer_sha256": step.answer.as_ref().map(|answer| sha256_hex(answer.as_bytes())),
        })
    });
    let mut value = json!({
        "id": row.id, "insurer_or_erp": row.connection, "policy": row.policy, "cause": row.cause,
        "our_reference": row.our_reference, "proposed_on": row.proposed_on, "steps": told.collect::<Vec<_>>(),
    });
    if let (Some(object), true) = (value.as_object_mut(), was_sent(steps)) {
        let amount = row.amount();
        object.insert("kind".to_owned(), json!(row.kind));
        object.insert("action".to_owned(), json!(row.action));
        object.insert("subject".to_owned(), json!(row.subject));
        object.insert(
            "amount".to_owned(),
            json!(amount.map(|money| render_minor(money.minor, money.currency))),
        );
        object.insert("currency".to_owned(), json!(amount.map(|money| money.currency)));
        object.insert("facts".to_owned(), json!(row.facts.0));
    }
    value
}
