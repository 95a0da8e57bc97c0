//! What a payment processor tells: believed if it signed it, kept once, with its entry in the log.
//!
//! No order is made here yet, so there is none that a notice could fulfil: a payment's notice is kept, and waits for
//! a person. Whatever it says, nothing but the record changes.

use super::{Actor, Deed, Desk, Error, PaymentAct, Result, now};
use jiff::Timestamp;
use payments::nowpayments::{IpnSecret, Kind, Notice, Status, Step, Sum};
use serde::{Deserialize, Serialize};
use store::{NOTICES_AT_ONCE, NoticeStanding, PAYMENT_NOTICES_MAX, PaymentNotice, ToldSum};

/// The one processor, as rows and entries name it.
const PROCESSOR: &str = "nowpayments";
/// The secret under which its notices are signed.
pub const NOTICE_SECRET: &str = "nowpayments.ipn";

/// What came of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeEnd {
    /// There is no secret that it could be signed under: nobody is expected to tell anything.
    Unexpected,
    /// Nobody who knows the secret signed it.
    Refused,
    /// It was kept before.
    Known,
    /// It is kept.
    Kept(NoticeStanding),
}

/// A notice as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeView {
    /// By what it is known again.
    pub digest: String,
    /// Whose it is.
    pub processor: String,
    /// `payment`, `withdrawal`, `custody` or `other`.
    pub kind: String,
    /// The number of what it is about.
    pub payment: Option<String>,
    /// The payment that it hangs on.
    pub parent: Option<String>,
    /// The merchant's name for the order.
    pub order: Option<String>,
    /// The processor's word.
    pub status: Option<String>,
    /// How its payment stands now.
    pub stands: Option<String>,
    /// What was asked for.
    pub price: Option<String>,
    /// What was to be paid.
    pub due: Option<String>,
    /// What came in.
    pub paid: Option<String>,
    /// What of it reaches the merchant.
    pub outcome: Option<String>,
    /// `noted` or `quarantined`.
    pub standing: String,
    /// Why it waits for a person.
    pub why: Option<String>,
    /// What its word was after those before it.
    pub step: Option<String>,
    /// The leaf of the log that holds it; none, where it came back with a backup: that log is another one.
    pub leaf: Option<u64>,
    /// When it came.
    pub received: Timestamp,
}

/// A page of notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticePage {
    /// The newest first; 200 at most.
    pub notices: Vec<NoticeView>,
    /// Whether any notice waits for a person, on this page or on another one.
    pub waits: bool,
    /// The digest from behind which the next page goes on; none at the end.
    pub next: Option<String>,
}

impl NoticeView {
    fn of((row, stands): (PaymentNotice, Option<String>)) -> Self {
        Self {
            price: shown(&row.price),
            due: shown(&row.due),
            paid: shown(&row.paid),
            outcome: shown(&row.outcome),
            standing: row.standing.as_str().to_owned(),
            digest: row.digest,
            processor: row.processor,
            kind: row.kind,
            payment: row.payment,
            parent: row.parent,
            order: row.order,
            status: row.status,
            stands,
            why: row.why,
            step: row.step,
            leaf: row.leaf,
            received: row.received,
        }
    }

    /// One for tests of entries.
    #[cfg(test)]
    pub(in crate::desk) fn sample() -> Self {
        let row = PaymentNotice {
            digest: "ab".repeat(32),
            processor: PROCESSOR.to_owned(),
            kind: Kind::Payment.as_str().to_owned(),
            payment: Some("1".to_owned()),
            parent: None,
            order: None,
            status: Some("finished".to_owned()),
            price: ToldSum::default(),
            due: ToldSum::default(),
            paid: ToldSum::default(),
            outcome: ToldSum::default(),
            standing: NoticeStanding::Quarantined,
            why: None,
            step: None,
            leaf: Some(0),
            received: Timestamp::UNIX_EPOCH,
        };
        Self::of((row, None))
    }
}

/// `5 usd`, or as much of it as was told.
fn shown(sum: &ToldSum) -> Option<String> {
    match (&sum.amount, &sum.currency) {
        (Some(amount), Some(currency)) => Some(format!("{amount} {currency}")),
        (Some(amount), None) => Some(amount.clone()),
        (None, _) => None,
    }
}

fn told(sum: &Sum) -> ToldSum {
    let amount = sum.amount.as_ref().map(ToString::to_string);
    ToldSum { amount, currency: sum.currency.clone() }
}

/// What a notice comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Judged {
    standing: NoticeStanding,
    why: Option<&'static str>,
    step: Option<Step>,
}

/// Judges a notice by how its payment stood before. Of several reasons to look at it the gravest is named; that
/// nobody knows the order holds of all of them.
fn judge(notice: &Notice, before: Option<Status>) -> Judged {
    let known_payment = notice.kind == Kind::Payment && notice.id.is_some();
    let step = notice.standing().filter(|_| known_payment).map(|status| status.after(before));
    let why = match notice.kind {
        _ if !notice.unread.is_empty() => Some("unreadable"),
        Kind::Other => Some("kind-unknown"),
        Kind::Withdrawal | Kind::Custody => None,
        Kind::Payment if notice.id.is_none() => Some("unreadable"),
        Kind::Payment if notice.is_hint() => Some("hangs-on-another"),
        Kind::Payment => Some(match step {
            None => "status-unknown",
            Some(Step::Late) => "late",
            Some(Step::Against) => "against",
            Some(Step::Onward | Step::Same | Step::Behind) => "order-unknown",
        }),
    };
    let standing = if why.is_some() { NoticeStanding::Quarantined } else { NoticeStanding::Noted };
    Judged { standing, why, step }
}

impl Desk {
    /// Takes in what somebody says is a processor's notice, with its signature.
    pub async fn take_notice(&self, raw: &[u8], signature: Option<&str>) -> Result<NoticeEnd> {
        let secrets = self.secrets()?;
        let secret = tokio::task::spawn_blocking(move || secrets.find(NOTICE_SECRET)).await??;
        let Some(secret) = secret.as_ref().and_then(IpnSecret::new) else {
            return Ok(NoticeEnd::Unexpected);
        };
        let believed = signature.map(|signature| Notice::verify(raw, signature, &secret));
        let Some(Ok(notice)) = believed else { return Ok(NoticeEnd::Refused) };
        self.keep_notice(&notice, now()).await
    }

    /// Keeps a notice with its entry, in one act; one that was kept before changes nothing.
    async fn keep_notice(&self, notice: &Notice, now: Timestamp) -> Result<NoticeEnd> {
        let digest = hex::encode(notice.digest);
        // Most that come twice are turned away here, without waiting for their turn to write.
        if self.store().payment_notice_known(&digest).await? {
            return Ok(NoticeEnd::Known);
        }
        let mut act = self.store().begin().await?;
        if act.payment_notice_known(&digest).await? {
            return Ok(NoticeEnd::Known);
        }
        let payment = notice.id.as_deref().filter(|_| notice.kind == Kind::Payment);
        let before = match payment {
            Some(payment) => act.payment_course(PROCESSOR, payment).await?,
            None => None,
        };
        let before = before.as_deref().and_then(Status::named);
        let judged = judge(notice, before);
        let row = row(notice, digest, judged, (act.first_index().await?, now));
        if !act.keep_payment_notice(&row).await? {
            return Err(Error::NoticesFull { limit: PAYMENT_NOTICES_MAX });
        }
        let moved = judged.step.filter(|step| step.moves()).and(notice.standing());
        if let (Some(payment), Some(status)) = (payment, moved) {
            act.move_payment((PROCESSOR, payment), status.as_str(), now).await?;
        }
        let stands = moved.or(before).map(|status| status.as_str().to_owned());
        let view = NoticeView::of((row, stands));
        let told = match judged.standing {
            NoticeStanding::Noted => PaymentAct::Notified(view),
            NoticeStanding::Quarantined => PaymentAct::Quarantined(view),
        };
        let deed = Deed::Payment(Box::new(told));
        act.commit(deed.entry(Actor::Processor), now).await?;
        Ok(NoticeEnd::Kept(judged.standing))
    }

    /// A page of notices, the newest first, from behind the one with this digest on.
    pub async fn notices(&self, before: Option<&str>) -> Result<NoticePage> {
        if let Some(before) = before
            && !self.store().payment_notice_known(before).await?
        {
            return Err(Error::NotFound { what: "notice with this digest" });
        }
        let rows = self.store().payment_notices(before, NOTICES_AT_ONCE).await?;
        let is_full = rows.len() >= NOTICES_AT_ONCE as usize;
        let notices: Vec<NoticeView> = rows.into_iter().map(NoticeView::of).collect();
        let next = notices.last().map(|last| last.digest.clone()).filter(|_| is_full);
        Ok(NoticePage { notices, waits: self.store().payment_notices_wait().await?, next })
    }

    /// Whether there is a secret under which a processor could sign.
    pub async fn expects_notices(&self) -> Result<bool> {
        let secrets = self.secrets()?;
        let all = tokio::task::spawn_blocking(move || secrets.list()).await??;
        Ok(all.iter().any(|listed| listed.name == NOTICE_SECRET))
    }
}

fn row(
    notice: &Notice,
    digest: String,
    judged: Judged,
    (leaf, received): (u64, Timestamp),
) -> PaymentNotice {
    PaymentNotice {
        digest,
        processor: PROCESSOR.to_owned(),
        kind: notice.kind.as_str().to_owned(),
        payment: notice.id.clone(),
        parent: notice.parent.clone(),
        order: notice.order.clone(),
        status: notice.status.clone(),
        price: told(&notice.price),
        due: told(&notice.due),
        paid: told(&notice.paid),
        outcome: told(&notice.outcome),
        standing: judged.standing,
        why: judged.why.map(str::to_owned),
        step: judged.step.map(|step| step.as_str().to_owned()),
        leaf: Some(leaf),
        received,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::hmac;
    use seal::Secret;

    /// A notice that says this, signed.
    fn notice(text: &str) -> Notice {
        let secret = IpnSecret::new(&Secret::new(b"made-up".to_vec())).expect("a secret");
        let key = hmac::Key::new(hmac::HMAC_SHA512, b"made-up");
        let signature = hex::encode(hmac::sign(&key, text.as_bytes()));
        Notice::verify(text.as_bytes(), &signature, &secret).expect(text)
    }

    #[test]
    fn whatever_a_payments_notice_says_it_waits_for_a_person() {
        let check = |text: &str, before, why: Option<&str>, step: Option<Step>| {
            let judged = judge(&notice(text), before);
            let waits = judged.standing == NoticeStanding::Quarantined;
            assert_eq!((judged.why, judged.step, waits), (why, step, why.is_some()), "{text}");
        };
        let finished = r#"{"payment_id":1,"payment_status":"finished"}"#;
        let (unknown, onward) = (Some("order-unknown"), Some(Step::Onward));
        check(finished, None, unknown, onward);
        check(finished, Some(Status::Confirming), unknown, onward);
        check(finished, Some(Status::Finished), unknown, Some(Step::Same));
        let early = r#"{"payment_id":1,"payment_status":"confirming"}"#;
        check(early, Some(Status::Finished), unknown, Some(Step::Behind));
        check(finished, Some(Status::Expired), Some("late"), Some(Step::Late));
        check(finished, Some(Status::Refunded), Some("against"), Some(Step::Against));
        let strange = r#"{"payment_id":1,"payment_status":"wrong_asset"}"#;
        check(strange, Some(Status::Waiting), Some("status-unknown"), None);
        let hint = r#"{"payment_id":1,"payment_status":"finished","parent_payment_id":2}"#;
        check(hint, None, Some("hangs-on-another"), onward);
        let half = r#"{"payment_id":1,"payment_status":"finished","pay_amount":"much"}"#;
        check(half, None, Some("unreadable"), onward);
        check(r#"{"payment_status":"finished"}"#, None, Some("unreadable"), None);
        check(r#"{"id":1,"batch_withdrawal_id":2,"status":"FINISHED"}"#, None, None, None);
        check(r#"{"id":1,"status":"FINISHED"}"#, None, None, None);
        check("{}", None, Some("kind-unknown"), None);
    }
}
