//! What payment processors told: each notice once, and how each payment stands after the last word that moved it.
//! What is done about a payment is decided elsewhere.

use crate::{
    Act, Error, Place, Store,
    scope::Scope,
    sql::{Row, Statement, sql},
    strategies::time,
};
use jiff::Timestamp;

/// Notices that are kept; more are not taken in.
pub const PAYMENT_NOTICES_MAX: u32 = 1_000_000;
/// Notices of one page.
pub const NOTICES_AT_ONCE: u32 = 200;

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeStanding {
    /// It is kept, and there is nothing to do about it.
    Noted,
    /// It is kept, changes nothing, and waits for a person.
    Quarantined,
}

impl NoticeStanding {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Noted => "noted",
            Self::Quarantined => "quarantined",
        }
    }
}

/// An amount as it was written, and what it is counted in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldSum {
    /// An exact decimal.
    pub amount: Option<String>,
    /// Of what.
    pub currency: Option<String>,
}

/// A notice: what it said in its named fields, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentNotice {
    /// By what it is known again, in 64 hexadecimal digits.
    pub digest: String,
    /// Whose it is: `nowpayments`.
    pub processor: String,
    /// What it is about: `payment`, `withdrawal`, `custody` or `other`.
    pub kind: String,
    /// The number of what it is about.
    pub payment: Option<String>,
    /// The payment that this one hangs on.
    pub parent: Option<String>,
    /// The merchant's name for the order.
    pub order: Option<String>,
    /// The processor's word.
    pub status: Option<String>,
    /// What was asked for.
    pub price: ToldSum,
    /// What was to be paid.
    pub due: ToldSum,
    /// What came in, in the same currency.
    pub paid: ToldSum,
    /// What of it reaches the merchant.
    pub outcome: ToldSum,
    /// What became of it.
    pub standing: NoticeStanding,
    /// Why it waits for a person, in a word.
    pub why: Option<String>,
    /// What its word was after those before it.
    pub step: Option<String>,
    /// The leaf of the log that holds it; none, where it came back with a backup: that log is another one.
    pub leaf: Option<u64>,
    /// When it came.
    pub received: Timestamp,
}

/// A leaf is no order: a log that begins anew gives its number again.
const BELOW: &str = "WHERE (n.received_us, n.notice_digest) <
     (SELECT b.received_us, b.notice_digest FROM payment_notices b WHERE b.notice_digest = $2)";
const KNOWN: &str = "SELECT 1 FROM payment_notices WHERE notice_digest = $1";

impl Store {
    /// Whether a notice was kept already.
    pub async fn payment_notice_known(&self, digest: &str) -> Result<bool, Error> {
        let row = sql(KNOWN)
            .bind(digest)
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        Ok(row.is_some())
    }

    /// Whether any notice waits for a person.
    pub async fn payment_notices_wait(&self) -> Result<bool, Error> {
        let row = sql("SELECT 1 FROM payment_notices WHERE standing = 'quarantined' LIMIT 1")
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        Ok(row.is_some())
    }

    /// Notices, the newest first, from behind the one with this digest on; each with how its payment stands now,
    /// and at most 200.
    pub async fn payment_notices(
        &self,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(PaymentNotice, Option<String>)>, Error> {
        let below = before.map_or("", |_| BELOW);
        let text = format!(
            "SELECT n.notice_digest, n.processor, n.kind, n.payment_ref, n.parent_ref,
             n.order_ref, n.status, n.price_amount, n.price_currency, n.pay_amount, n.paid_amount,
             n.pay_currency, n.outcome_amount, n.outcome_currency, n.standing, n.why, n.step,
             n.leaf_index, n.received_us, c.status AS stands
             FROM payment_notices n LEFT JOIN payment_courses c
             ON n.kind = 'payment' AND c.processor = n.processor AND c.payment_ref = n.payment_ref
             {below} ORDER BY n.received_us DESC, n.notice_digest DESC LIMIT $1"
        );
        let page = sql(sqlx::AssertSqlSafe(text)).bind(i64::from(limit.min(NOTICES_AT_ONCE)));
        let page = before.into_iter().fold(page, Statement::bind);
        let rows = page
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        let read = |row: &Row| {
            let stands = row.try_get("stands").map_err(|error| self.place().fault(error))?;
            Ok((notice(row, self.place())?, stands))
        };
        rows.iter().map(read).collect()
    }
}

impl Act {
    /// Whether a notice was kept already; nobody keeps it meanwhile.
    pub async fn payment_notice_known(&mut self, digest: &str) -> Result<bool, Error> {
        let (link, place) = self.parts(Scope::House).await?;
        let row = sql(KNOWN).bind(digest).fetch_optional(link).await;
        Ok(row.map_err(|error| place.fault(error))?.is_some())
    }

    /// How a payment stands, by the last word that moved it.
    pub async fn payment_course(
        &mut self,
        processor: &str,
        payment: &str,
    ) -> Result<Option<String>, Error> {
        let (link, place) = self.parts(Scope::House).await?;
        let fault = |error| place.fault(error);
        let text = "SELECT status FROM payment_courses WHERE processor = $1 AND payment_ref = $2";
        let row = sql(text).bind(processor).bind(payment).fetch_optional(link).await;
        row.map_err(fault)?.map(|row| row.try_get(0)).transpose().map_err(fault)
    }

    /// Lets a payment stand where a word has moved it.
    pub async fn move_payment(
        &mut self,
        (processor, payment): (&str, &str),
        status: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let row = sql("INSERT INTO payment_courses (processor, payment_ref, status, moved_us)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (processor, payment_ref) DO UPDATE
             SET status = excluded.status, moved_us = excluded.moved_us")
        .bind(processor)
        .bind(payment)
        .bind(status)
        .bind(now.as_microsecond());
        self.run(Scope::House, row).await.map(drop)
    }

    /// Keeps a notice; `false` if there are as many as there may be.
    pub async fn keep_payment_notice(&mut self, new: &PaymentNotice) -> Result<bool, Error> {
        let text = "INSERT INTO payment_notices (notice_digest, processor, kind, payment_ref,
             parent_ref, order_ref, status, price_amount, price_currency, pay_amount, paid_amount,
             pay_currency, outcome_amount, outcome_currency, standing, why, step, leaf_index,
             received_us)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
             $18, $19 WHERE (SELECT COUNT(*) FROM payment_notices) < $20";
        let row = texts(sql(text), new)
            .bind(new.leaf.map(|leaf| i64::try_from(leaf).unwrap_or(i64::MAX)))
            .bind(new.received.as_microsecond())
            .bind(i64::from(PAYMENT_NOTICES_MAX));
        Ok(self.run(Scope::House, row).await? == 1)
    }
}

/// All columns that are texts, in their order.
fn texts(statement: Statement, new: &PaymentNotice) -> Statement {
    let statement =
        statement.bind(new.digest.as_str()).bind(new.processor.as_str()).bind(new.kind.as_str());
    let said = [
        &new.payment,
        &new.parent,
        &new.order,
        &new.status,
        &new.price.amount,
        &new.price.currency,
        &new.due.amount,
        &new.paid.amount,
        &new.due.currency,
        &new.outcome.amount,
        &new.outcome.currency,
    ];
    let statement = said.into_iter().fold(statement, |on, text| on.bind(text.clone()));
    statement.bind(new.standing.as_str()).bind(new.why.clone()).bind(new.step.clone())
}

fn notice(row: &Row, place: &Place) -> Result<PaymentNotice, Error> {
    let fault = |error| place.fault(error);
    let digest: String = row.try_get("notice_digest").map_err(fault)?;
    let damaged = |why: &str| place.damaged("payment_notices", &digest, why.to_owned());
    let said =
        |column: &str| -> Result<Option<String>, Error> { row.try_get(column).map_err(fault) };
    let sum = |amount: &str, currency: &str| -> Result<ToldSum, Error> {
        Ok(ToldSum { amount: said(amount)?, currency: said(currency)? })
    };
    let standing: String = row.try_get("standing").map_err(fault)?;
    let leaf: Option<i64> = row.try_get("leaf_index").map_err(fault)?;
    let leaf = leaf.map(u64::try_from).transpose();
    Ok(PaymentNotice {
        processor: row.try_get("processor").map_err(fault)?,
        kind: row.try_get("kind").map_err(fault)?,
        payment: said("payment_ref")?,
        parent: said("parent_ref")?,
        order: said("order_ref")?,
        status: said("status")?,
        price: sum("price_amount", "price_currency")?,
        due: sum("pay_amount", "pay_currency")?,
        paid: sum("paid_amount", "pay_currency")?,
        outcome: sum("outcome_amount", "outcome_currency")?,
        standing: match standing.as_str() {
            "noted" => NoticeStanding::Noted,
            "quarantined" => NoticeStanding::Quarantined,
            _ => return Err(damaged("it does not say what became of it")),
        },
        why: said("why")?,
        step: said("step")?,
        leaf: leaf.map_err(|_| damaged("its leaf is none"))?,
        received: time(row, "received_us", place)?,
        digest,
    })
}
