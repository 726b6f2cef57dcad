//! Which layers of a limit cover an invoice, and what is paid of each part.
//!
//! Layers are used up in the order permanent, temporary, top-up, invoice by invoice: what a line uses of the limit of its date,
//! from what earlier invoices had used on, falls into the layers of that date.
//! Invariant: the parts of a line add up to what is covered of it, and each is more than nothing unless nothing is covered.
//! Reference: shared rules, "Cover of each invoice", example C.

use rust_decimal::Decimal;

use super::{CapReason, Line, Terms};
use crate::model::{Layer, LayerKind};

/// What the layers of a limit give by kind, minor units; they are used up in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stack {
    /// The permanent ones.
    pub permanent_minor: i64,
    /// The temporary ones that have not ended.
    pub temporary_minor: i64,
    /// The top-ups.
    pub top_up_minor: i64,
}

impl Stack {
    /// No layer.
    pub const NONE: Self = Self { permanent_minor: 0, temporary_minor: 0, top_up_minor: 0 };

    // Nothing overflows: the history has checked that all layers of a version fit.
    pub(super) const fn put(&mut self, layer: &Layer) {
        let own = match layer.kind {
            LayerKind::Permanent => &mut self.permanent_minor,
            LayerKind::Temporary => &mut self.temporary_minor,
            LayerKind::TopUp => &mut self.top_up_minor,
        };
        *own = own.saturating_add(layer.amount_minor);
    }

    /// All of them.
    #[must_use]
    pub const fn sum(self) -> i64 {
        self.permanent_minor.saturating_add(self.temporary_minor).saturating_add(self.top_up_minor)
    }

    /// What lies between two heights of the stack, by kind.
    fn between(self, from: i64, to: i64) -> impl Iterator<Item = (LayerKind, i64)> {
        let mut below = 0_i64;
        let layers = [
            (LayerKind::Permanent, self.permanent_minor),
            (LayerKind::Temporary, self.temporary_minor),
            (LayerKind::TopUp, self.top_up_minor),
        ];
        layers.into_iter().filter_map(move |(kind, amount)| {
            let (bottom, top) = (below, below.saturating_add(amount));
            below = top;
            let part = to.min(top).saturating_sub(from.max(bottom));
            (part > 0).then_some((kind, part))
        })
    }
}

/// A part of what is covered of an invoice, and the share of it that is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The kind of layer that covers it; none where the period makes no difference between layers, or no layer covers it.
    pub layer: Option<LayerKind>,
    /// Minor units.
    pub covered_minor: i64,
    /// The percentage of it that the insurer pays.
    pub percentage: Decimal,
}

impl Terms<'_> {
    /// What is covered of a line, each part with its percentage: that of its period and kind of limit, and of the layer where the
    /// period has a clause for layers. One part at least, also of a line that is not covered.
    pub fn parts(&self, line: &Line<'_>) -> impl Iterator<Item = Part> + use<> {
        let period = self.period_of(line.issued).unwrap_or(self.policy);
        let insured = period.insured_percentage;
        let whole = |percentage| {
            [Some(Part { layer: None, covered_minor: line.covered_minor, percentage }), None, None]
        };
        let parts: [Option<Part>; 3] = match line.limit {
            Some(limit) if limit.reason == CapReason::Discretionary => {
                whole(period.discretionary_percentage.unwrap_or(insured))
            }
            Some(limit) if !period.layers.is_empty() && line.covered_minor > 0 => {
                let from = line.used_before_minor;
                let between = limit.layers.between(from, from.saturating_add(line.covered_minor));
                let mut parts = [None; 3];
                for (slot, (kind, covered_minor)) in parts.iter_mut().zip(between) {
                    *slot = Some(Part {
                        layer: Some(kind),
                        covered_minor,
                        percentage: period.layer_percentage(kind).unwrap_or_default(), // what does not count covers nothing
                    });
                }
                parts
            }
            Some(_) | None => whole(insured),
        };
        parts.into_iter().flatten()
    }
}
