//! What insurers state: limits, ratings, requests.

use super::super::target::{CONDITION, LAYER, LIMIT, RATING, REQUEST, index_of};
use super::{AMOUNT_MINOR_MAX, Sheet, field};
use crate::model::{
    Condition, Date, Decision, InOtherCurrency, Layer, LayerKind, Limit, LimitRequest, Rating, RequestStatus,
};

impl<'a, 'm: 'a> Sheet<'a, 'm> {
    pub(super) fn limit(&mut self) -> Option<Limit> {
        let reference = self.owned(field!(LIMIT, "reference"));
        let insurer_buyer_id = self.owned(field!(LIMIT, "insurer_buyer_id"));
        let buyer_name = self.owned(field!(LIMIT, "buyer_name")).unwrap_or_default();
        let identifiers = self.identifier_list(field!(LIMIT, "identifiers"));
        let policy = self.owned(field!(LIMIT, "policy"));
        let decision_code = self
            .rule(field!(LIMIT, "decision"))
            .and_then(|rule| self.source(rule).ok().flatten())
            .unwrap_or_default()
            .into_owned();
        let decision = match self.code(field!(LIMIT, "decision")) {
            Some(Ok(word)) => Decision::parse(&word).unwrap_or(Decision::Unknown),
            Some(Err(_)) => Decision::Unknown,
            None => Decision::Approved,
        };
        let currency = self.currency();
        let stated = self.rule(field!(LIMIT, "amount")).is_some();
        let amount = if stated { self.money(field!(LIMIT, "amount")) } else { None };
        let requested_minor = self.money(field!(LIMIT, "requested"));
        let other = self.other_currency(field!(LIMIT, "other_currency"));
        let other_minor = self.other_money(field!(LIMIT, "other_amount"), other);
        if other_minor.is_some_and(|minor| minor < 0) {
            self.fault(field!(LIMIT, "other_amount"), "is negative");
        }
        let other_requested = self.other_money(field!(LIMIT, "other_requested"), other);
        let parts = self.list(field!(LIMIT, "layers"), |part| {
            let kind = part.code(field!(LAYER, "kind")).and_then(|word| LayerKind::parse(&word.ok()?));
            let (amount, until) = (part.money(field!(LAYER, "amount")), part.date(field!(LAYER, "until")));
            let other_minor = part.other_money(field!(LAYER, "other_amount"), other);
            if other_minor.is_some_and(|minor| minor < 0) {
                part.fault(field!(LAYER, "other_amount"), "is negative");
            }
            let own = amount.map(|amount| (kind, amount, until));
            Some((
                own,
                other_minor.map(|minor| {
                    (amount, Layer { kind: Layer::kind_of(kind, until), amount_minor: minor, until })
                }),
            ))
        });
        let (parts, other_layers): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let parts: Vec<(Option<LayerKind>, i64, Option<Date>)> = parts.into_iter().flatten().collect();
        let mut other_layers: Vec<(Option<i64>, Layer)> = other_layers.into_iter().flatten().collect();
        let amount = if stated || currency.is_none() {
            amount
        } else {
            let sum = parts.iter().try_fold(0_i64, |sum, (_, part, _)| sum.checked_add(*part));
            sum.filter(|sum| sum.unsigned_abs() <= AMOUNT_MINOR_MAX).or_else(|| {
                self.fault(field!(LIMIT, "layers"), "add up to too large an amount");
                None
            })
        };
        let effective_from = self.date(field!(LIMIT, "effective_from"));
        let effective_to = self.date(field!(LIMIT, "effective_to"));
        let withdrawal_on = self.date(field!(LIMIT, "withdrawal_on"));
        let decided_on = self.date(field!(LIMIT, "decided_on"));
        let mut conditions = self.list(field!(LIMIT, "conditions"), |part| {
            Some(Condition {
                code: part.owned(field!(CONDITION, "code"))?,
                text: part.owned(field!(CONDITION, "text")).unwrap_or_default(),
            })
        });
        conditions.sort();
        conditions.dedup();
        let rating = self.owned(field!(LIMIT, "rating"));
        let our_reference = self.owned(field!(LIMIT, "our_reference"));
        let amount_minor = amount?;
        if amount_minor < 0 {
            self.fault(field!(LIMIT, "amount"), "is negative");
        }
        let layers_agree = other_layers.iter().all(|(own, layer)| *own == Some(layer.amount_minor));
        other_layers.retain(|(_, layer)| layer.amount_minor > 0);
        let in_other_currency = self.in_other_currency(
            field!(LIMIT, "other_currency"),
            other,
            |currency| InOtherCurrency {
                currency,
                amount_minor: other_minor,
                requested_minor: other_requested,
                layers: other_layers.into_iter().map(|(_, layer)| layer).collect(),
            },
            |stated| {
                stated.amount_minor.is_none_or(|minor| minor == amount_minor)
                    && (stated.requested_minor.is_none() || stated.requested_minor == requested_minor)
                    && layers_agree
            },
        );
        Some(Limit {
            reference: reference?,
            insurer_buyer_id: insurer_buyer_id?,
            buyer_name,
            identifiers,
            policy: policy?,
            decision,
            decision_code,
            requested_minor,
            amount_minor,
            currency: currency?,
            layers: Limit::stacked(amount_minor, &parts),
            effective_from: effective_from?,
            effective_to,
            withdrawal_on,
            decided_on,
            conditions,
            rating,
            our_reference,
            in_other_currency,
        })
    }

    pub(super) fn rating(&mut self) -> Option<Rating> {
        let insurer_buyer_id = self.owned(field!(RATING, "insurer_buyer_id"));
        let buyer_name = self.owned(field!(RATING, "buyer_name")).unwrap_or_default();
        let rating = self.owned(field!(RATING, "rating"));
        let class = self.owned(field!(RATING, "class"));
        let previous = self.owned(field!(RATING, "previous"));
        let changed_on = self.date(field!(RATING, "changed_on"));
        Some(Rating {
            insurer_buyer_id: insurer_buyer_id?,
            buyer_name,
            rating: rating?,
            class,
            previous,
            changed_on,
        })
    }

    pub(super) fn request(&mut self) -> Option<LimitRequest> {
        let reference = self.owned(field!(REQUEST, "reference"));
        let our_reference = self.owned(field!(REQUEST, "our_reference"));
        let insurer_buyer_id = self.owned(field!(REQUEST, "insurer_buyer_id"));
        let policy = self.owned(field!(REQUEST, "policy"));
        let requested_minor = self.money(field!(REQUEST, "requested"));
        let currency = self.currency();
        let status = match self.code(field!(REQUEST, "status")) {
            Some(Ok(word)) => RequestStatus::parse(&word).unwrap_or(RequestStatus::Unknown),
            Some(Err(_)) => RequestStatus::Unknown,
            None => RequestStatus::Pending,
        };
        let requested_on = self.date(field!(REQUEST, "requested_on"));
        let other = self.other_currency(field!(REQUEST, "other_currency"));
        let other_requested = self.other_money(field!(REQUEST, "other_requested"), other);
        let in_other_currency = self.in_other_currency(
            field!(REQUEST, "other_currency"),
            other,
            |currency| InOtherCurrency {
                currency,
                amount_minor: None,
                requested_minor: other_requested,
                layers: Vec::new(),
            },
            |stated| stated.requested_minor == requested_minor,
        );
        Some(LimitRequest {
            reference: reference?,
            our_reference,
            insurer_buyer_id: insurer_buyer_id?,
            policy: policy?,
            requested_minor,
            currency: currency?,
            status,
            requested_on,
            in_other_currency,
        })
    }
}
