//! What the audit log says of payments: what a processor told and signed, in the same words as the row that is kept.

use super::super::payments::NoticeView;
use serde_json::{Value, json};

/// What becomes of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentAct {
    /// It is kept, and there is nothing to do about it.
    Notified(NoticeView),
    /// It is kept, changes nothing, and waits for a person.
    Quarantined(NoticeView),
}

impl PaymentAct {
    /// Kind, subject and detail.
    pub(super) fn parts(&self) -> (&'static str, String, Value) {
        let (kind, told) = match self {
            Self::Notified(told) => ("payment.notified", told),
            Self::Quarantined(told) => ("payment.quarantined", told),
        };
        let subject = told.payment.clone().unwrap_or_else(|| told.processor.clone());
        let detail = json!({
            "digest": told.digest,
            "about": told.kind,
            "status": told.status,
            "step": told.step,
            "why": told.why,
            "parent": told.parent,
            "order": told.order,
            "price": told.price,
            "due": told.due,
            "paid": told.paid,
            "outcome": told.outcome,
        });
        (kind, subject, detail)
    }
}

/// One of each.
#[cfg(test)]
pub(super) fn samples() -> [PaymentAct; 2] {
    let told = NoticeView::sample();
    [PaymentAct::Notified(told.clone()), PaymentAct::Quarantined(told)]
}
