//! What an insurer answers for a buyer: cover limits in layers, and the requests still open.
//!
//! Reference: shared rules, "Cover of each invoice".

use super::{Currency, Date, Identifier, render_minor, words};

words! {
    /// What the insurer decided, in one vocabulary for all of them.
    Decision {
        /// The requested amount, with or without conditions.
        Approved = "approved",
        /// Less than was requested.
        Partial = "partial",
        /// No cover.
        Refused = "refused",
        /// An increase was refused; the cover that was there stays.
        Kept = "kept",
        /// Lowered by the insurer.
        Reduced = "reduced",
        /// Will be withdrawn at a date to come; cover is valid until then.
        NoticeOfWithdrawal = "notice_of_withdrawal",
        /// Withdrawn by the insurer.
        Withdrawn = "withdrawn",
        /// Given up by the policyholder.
        Cancelled = "cancelled",
        /// Ended by its own date.
        Expired = "expired",
        /// Under review.
        Pending = "pending",
        /// A code that the mapping does not know. The amount decides; a break is open until the code is mapped.
        Unknown = "unknown",
    }
}

words! {
    /// Which layer of cover a limit is.
    LayerKind {
        /// The named limit, permanent.
        Permanent = "permanent",
        /// A part of the named limit that ends at a date.
        Temporary = "temporary",
        /// A second layer over the named limit (CAP, CAP+, `TopLiner`).
        TopUp = "top_up",
    }
}

words! {
    /// Where a request stands.
    RequestStatus {
        /// With the insurer.
        Pending = "pending",
        /// Answered; the limit tells how.
        Decided = "decided",
        /// Withdrawn before it was answered.
        Cancelled = "cancelled",
        /// A status that the mapping does not know.
        Unknown = "unknown",
    }
}

/// One layer of a limit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Layer {
    /// Permanent, temporary or top-up.
    pub kind: LayerKind,
    /// Minor units of the limit's currency.
    pub amount_minor: i64,
    /// Last day on which it counts, for a temporary layer.
    pub until: Option<Date>,
}

impl Layer {
    /// The kind of a part: without one it is temporary when it has a last day, and so is a permanent one that has.
    #[must_use]
    pub const fn kind_of(stated: Option<LayerKind>, until: Option<Date>) -> LayerKind {
        match (stated, until) {
            (Some(LayerKind::Permanent) | None, None) => LayerKind::Permanent,
            (Some(LayerKind::Permanent) | None, Some(_)) => LayerKind::Temporary,
            (Some(kind), _) => kind,
        }
    }
}

/// A condition or comment that comes with a decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Condition {
    /// The insurer's code.
    pub code: String,
    /// The insurer's words.
    pub text: String,
}

/// The amounts of a limit or a request once more, in a currency beside the policy's, as the insurer states them.
///
/// They are kept and shown. Encours never computes one of them, and nothing that it computes reads one: cover, breaks,
/// requests and what is written into an ERP count in the policy's currency.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InOtherCurrency {
    /// The currency of these amounts; never that of the limit.
    pub currency: Currency,
    /// What is covered in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
    /// What was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_minor: Option<i64>,
    /// The parts of the decision that are stated in this currency, as they are listed: they need not add up to the amount,
    /// since insurers round each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}

impl InOtherCurrency {
    /// What is left of it once the cover is gone and nobody has said so: what was asked.
    #[must_use]
    pub fn without_cover(&self) -> Option<Self> {
        let kept = Self { amount_minor: None, layers: Vec::new(), ..self.clone() };
        kept.requested_minor.is_some().then_some(kept)
    }

    /// As events and `--json` show it: amounts as decimal text.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let amount = |minor| render_minor(minor, self.currency);
        serde_json::json!({
            "currency": self.currency,
            "amount": self.amount_minor.map(amount),
            "requested": self.requested_minor.map(amount),
            "layers": self.layers.iter().map(|layer| serde_json::json!({
                "kind": layer.kind, "amount": amount(layer.amount_minor), "until": layer.until })).collect::<Vec<_>>(),
        })
    }
}

/// A decided cover limit on one buyer under one policy, as the insurer states it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limit {
    /// The insurer's reference of the cover.
    pub reference: String,
    /// The insurer's id of the buyer: the only identity it answers for.
    pub insurer_buyer_id: String,
    /// The name the insurer gives the buyer, for people only.
    pub buyer_name: String,
    /// Registry identifiers that the insurer states, possibly none.
    pub identifiers: Vec<Identifier>,
    /// The policy number.
    pub policy: String,
    /// Canonical decision.
    pub decision: Decision,
    /// The insurer's own code, kept as it came.
    pub decision_code: String,
    /// What was asked, where the insurer says so. Never to be taken for the amount.
    pub requested_minor: Option<i64>,
    /// What is covered in all, minor units of the policy currency.
    pub amount_minor: i64,
    /// Currency of the amounts.
    pub currency: Currency,
    /// Layers; their amounts add up to `amount_minor`.
    pub layers: Vec<Layer>,
    /// First day on which the limit counts.
    pub effective_from: Date,
    /// Last day on which it counts; open-ended limits have none.
    pub effective_to: Option<Date>,
    /// The day on which an announced withdrawal takes effect.
    pub withdrawal_on: Option<Date>,
    /// Day of the decision.
    pub decided_on: Option<Date>,
    /// Conditions, sorted, each once.
    pub conditions: Vec<Condition>,
    /// The insurer's rating of the buyer, as text.
    pub rating: Option<String>,
    /// Our reference of the request that it answers, where the insurer keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub our_reference: Option<String>,
    /// The amounts in a second currency, where the insurer states them twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_other_currency: Option<InOtherCurrency>,
}

/// A request that the insurer lists as not yet decided.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LimitRequest {
    /// The insurer's reference.
    pub reference: String,
    /// Our own reference, where one was given.
    pub our_reference: Option<String>,
    /// The insurer's id of the buyer.
    pub insurer_buyer_id: String,
    /// The policy number.
    pub policy: String,
    /// What was asked, minor units.
    pub requested_minor: Option<i64>,
    /// Currency of the amount.
    pub currency: Currency,
    /// Where it stands.
    pub status: RequestStatus,
    /// Day of the request.
    pub requested_on: Option<Date>,
    /// The amount in a second currency, where the insurer states it twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_other_currency: Option<InOtherCurrency>,
}

impl Limit {
    /// Whether it differs from another statement in nothing but the amounts in a second currency: a rate moved, the cover did
    /// not.
    #[must_use]
    pub fn counts_like(&self, other: &Self) -> bool {
        let counted = |limit: &Self| Self { in_other_currency: None, ..limit.clone() };
        counted(self) == counted(other)
    }

    /// The layers, from the parts of a decision as the insurer lists them (amount, last day).
    ///
    /// Parts with a last day are temporary; whatever of the total they do not make up is permanent, so the layers always
    /// add up to the total even where the insurer lists fewer parts than it grants.
    #[must_use]
    pub fn layers_of(total_minor: i64, parts: &[(i64, Option<Date>)]) -> Vec<Layer> {
        let parts: Vec<_> = parts.iter().map(|(amount, until)| (None, *amount, *until)).collect();
        Self::stacked(total_minor, &parts)
    }

    /// The same, from parts whose kind may be stated (kind, amount, last day).
    ///
    /// A part without a kind is temporary when it has a last day, and so is a permanent one that has.
    #[must_use]
    pub fn stacked(total_minor: i64, parts: &[(Option<LayerKind>, i64, Option<Date>)]) -> Vec<Layer> {
        let mut layers = Vec::new();
        let mut rest = total_minor;
        for (kind, amount, until) in parts {
            let kind = Layer::kind_of(*kind, *until);
            if kind == LayerKind::Permanent {
                continue; // the rest
            }
            let amount = (*amount).clamp(0, rest.max(0));
            if amount > 0 {
                layers.push(Layer { kind, amount_minor: amount, until: *until });
                rest -= amount;
            }
        }
        if rest > 0 {
            layers.insert(0, Layer { kind: LayerKind::Permanent, amount_minor: rest, until: None });
        }
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_dated_part_is_temporary_and_the_rest_permanent() {
        let layers = Limit::layers_of(7_000_000, &[(5_000_000, None), (2_000_000, Some(day("2026-06-30")))]);
        assert_eq!(
            layers,
            [
                Layer { kind: LayerKind::Permanent, amount_minor: 5_000_000, until: None },
                Layer { kind: LayerKind::Temporary, amount_minor: 2_000_000, until: Some(day("2026-06-30")) },
            ]
        );
    }

    #[test]
    fn a_top_up_stays_one_with_and_without_a_last_day() {
        let parts = [
            (Some(LayerKind::Permanent), 5_000_000, None),
            (Some(LayerKind::Permanent), 2_000_000, Some(day("2026-06-30"))),
            (Some(LayerKind::TopUp), 1_500_000, None),
        ];
        let kinds: Vec<_> =
            Limit::stacked(8_500_000, &parts).iter().map(|l| (l.kind, l.amount_minor, l.until)).collect();
        assert_eq!(
            kinds,
            [
                (LayerKind::Permanent, 5_000_000, None),
                (LayerKind::Temporary, 2_000_000, Some(day("2026-06-30"))),
                (LayerKind::TopUp, 1_500_000, None),
            ]
        );
    }

    fn stated() -> InOtherCurrency {
        InOtherCurrency {
            currency: Currency::parse("TND").unwrap(),
            amount_minor: Some(1_500),
            requested_minor: Some(2_000),
            layers: vec![Layer { kind: LayerKind::Permanent, amount_minor: 1_500, until: None }],
        }
    }

    #[test]
    fn amounts_in_a_second_currency_are_shown_with_its_decimals_and_all_their_fields() {
        let json = |stated: &InOtherCurrency| stated.to_json().to_string();
        assert_eq!(
            json(&stated()),
            r#"{"amount":"1.500","currency":"TND","layers":[{"amount":"1.500","kind":"permanent","until":null}],"requested":"2.000"}"#
        );
        let asked = stated().without_cover().unwrap();
        assert_eq!(json(&asked), r#"{"amount":null,"currency":"TND","layers":[],"requested":"2.000"}"#);
        assert_eq!(InOtherCurrency { requested_minor: None, ..stated() }.without_cover(), None);
    }

    /// A limit as ledgers hold it that were written before insurers' second amounts were kept.
    const KEPT: &str = r#"{"reference":"R1","insurer_buyer_id":"B1","buyer_name":"Exemple","identifiers":[],"policy":"P1","decision":"approved","decision_code":"DC01","requested_minor":null,"amount_minor":500,"currency":"EUR","layers":[],"effective_from":"2026-01-01","effective_to":null,"withdrawal_on":null,"decided_on":null,"conditions":[],"rating":null}"#;

    #[test]
    fn a_limit_of_an_older_ledger_is_read_and_written_as_it_was() {
        let limit: Limit = serde_json::from_str(KEPT).unwrap();
        assert_eq!(limit.in_other_currency, None);
        assert_eq!(serde_json::to_string(&limit).unwrap(), KEPT, "or every limit would be a new version");
    }

    #[test]
    fn only_the_second_amounts_leave_what_counts_as_it_is() {
        let limit: Limit = serde_json::from_str(KEPT).unwrap();
        let twice = Limit { in_other_currency: Some(stated()), ..limit.clone() };
        assert!(limit.counts_like(&twice) && limit != twice);
        assert!(!twice.counts_like(&Limit { rating: Some("30".to_owned()), ..twice.clone() }));
    }

    #[test]
    fn layers_add_up_to_the_total_whatever_the_parts_say() {
        for parts in
            [vec![], vec![(900, None)], vec![(900, Some(day("2026-01-01"))), (900, Some(day("2026-02-01")))]]
        {
            let layers = Limit::layers_of(1000, &parts);
            assert_eq!(layers.iter().map(|l| l.amount_minor).sum::<i64>(), 1000, "{parts:?}");
        }
        assert_eq!(Limit::layers_of(0, &[(0, None)]), []);
    }
}
