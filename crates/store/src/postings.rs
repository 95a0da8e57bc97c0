//! Letters on their way: a row each, and every step a compare-and-set of the number of its tries.
//!
//! What a letter says and to whom comes sealed and stays sealed. When it is over, its texts are gone.

use crate::{
    Act, Error, Store,
    accounts::{parsed, u32_of},
    error::Place,
    scope::Scope,
    sql::{Row, Statement, sql},
    strategies::time,
};
use identity::{AccountId, SealedGrant};
use jiff::Timestamp;

/// The most letters that are read at once.
const PAGE_MAX: u32 = 1000;

/// A letter and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingRow {
    /// Its name for ever.
    pub id: String,
    /// Whom it is about, if it goes with that account's data key.
    pub account: Option<AccountId>,
    /// Who it is from: the server's own name and address, which are no secret.
    pub sender: String,
    /// The language of its texts.
    pub language: String,
    /// What its date says.
    pub date: Timestamp,
    /// The address, sealed.
    pub recipient: Vec<u8>,
    /// The subject, sealed.
    pub subject: Vec<u8>,
    /// The plain text, sealed; `None` when it is over.
    pub text: Option<Vec<u8>>,
    /// The same as HTML, sealed.
    pub html: Option<Vec<u8>>,
    /// When it was handed in.
    pub since: Timestamp,
    /// When it is of no use any more.
    pub until: Timestamp,
    /// Tries so far.
    pub tries: u32,
    /// Where it stands.
    pub standing: PostingStanding,
    /// What was said last, sealed.
    pub answer: Option<Vec<u8>>,
}

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostingStanding {
    /// It waits, and is not tried before then.
    Waiting(Timestamp),
    /// A try is under way since then.
    UnderWay(Timestamp),
    /// A server took it then.
    Sent(Timestamp),
    /// It was given up then.
    GivenUp(Timestamp),
}

impl PostingStanding {
    const fn parts(self) -> (&'static str, Timestamp) {
        match self {
            Self::Waiting(at) => ("waiting", at),
            Self::UnderWay(at) => ("under-way", at),
            Self::Sent(at) => ("sent", at),
            Self::GivenUp(at) => ("given-up", at),
        }
    }

    /// Whether it is sent or given up.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Sent(_) | Self::GivenUp(_))
    }
}

pub(crate) const COLUMNS: &str =
    "SELECT posting_id, account_id, sender, language, date_us, recipient,
     subject, body_text, body_html, since_us, until_us, tries, state, at_us, answer FROM postings";

impl Act {
    /// Hands a letter in; one that is there already stays as it is.
    pub(crate) async fn insert_posting(&mut self, posting: &PostingRow) -> Result<(), Error> {
        let (state, at) = posting.standing.parts();
        let row = sql("INSERT INTO postings (posting_id, account_id, sender, language, date_us,
                 recipient, subject, body_text, body_html, since_us, until_us, tries, state, at_us,
                 answer)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
             ON CONFLICT DO NOTHING")
        .bind(&posting.id)
        .bind(posting.account.map(|account| account.to_string()))
        .bind(&posting.sender)
        .bind(&posting.language)
        .bind(posting.date.as_microsecond())
        .bind(&posting.recipient)
        .bind(&posting.subject)
        .bind(posting.text.as_deref())
        .bind(posting.html.as_deref())
        .bind(posting.since.as_microsecond())
        .bind(posting.until.as_microsecond())
        .bind(i64::from(posting.tries))
        .bind(state)
        .bind(at.as_microsecond())
        .bind(posting.answer.as_deref());
        self.run(Scope::House, row).await?;
        Ok(())
    }
}

impl Store {
    /// Keeps what an anonymous visitor's errand brought, where it tells of nothing that happened: a
    /// link and letters. It is no act of anybody's before the link is followed, and makes no leaf.
    pub async fn keep_delivery(
        &self,
        link: Option<&SealedGrant>,
        postings: &[PostingRow],
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut act = self.begin().await?;
        if let Some(link) = link {
            act.write_link(link, None, now).await?;
        }
        for posting in postings {
            act.insert_posting(posting).await?;
        }
        act.keep_unlogged().await
    }

    /// The letters to try now, the one that has waited longest first: those whose wait is over, and
    /// those whose try began before `lost` and was never heard of again. At most `limit`, and never
    /// more than 1000.
    pub async fn due_postings(
        &self,
        now: Timestamp,
        lost: Timestamp,
        limit: u32,
    ) -> Result<Vec<PostingRow>, Error> {
        let text = format!(
            "{COLUMNS} WHERE state IN ('waiting', 'under-way') AND at_us <= $1
             AND (state = 'waiting' OR at_us <= $2) ORDER BY at_us, since_us, posting_id LIMIT $3"
        );
        let due = sql(sqlx::AssertSqlSafe(text))
            .bind(now.as_microsecond())
            .bind(lost.as_microsecond())
            .bind(i64::from(limit.min(PAGE_MAX)));
        self.postings(due).await
    }

    /// The letters that are not over, for a queue that starts: after this id, at most 1000.
    pub async fn open_postings(&self, after: &str) -> Result<Vec<PostingRow>, Error> {
        let text = format!(
            "{COLUMNS} WHERE state IN ('waiting', 'under-way') AND posting_id > $1
             ORDER BY posting_id LIMIT $2"
        );
        let open = sql(sqlx::AssertSqlSafe(text)).bind(after).bind(i64::from(PAGE_MAX));
        self.postings(open).await
    }

    /// One letter.
    pub async fn posting(&self, id: &str) -> Result<Option<PostingRow>, Error> {
        let text = format!("{COLUMNS} WHERE posting_id = $1");
        Ok(self.postings(sql(sqlx::AssertSqlSafe(text)).bind(id)).await?.pop())
    }

    async fn postings(&self, statement: Statement) -> Result<Vec<PostingRow>, Error> {
        let rows = statement
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| posting(row, self.place())).collect()
    }

    /// Keeps a step of a letter, if it still has as many tries as were `seen` and is not over;
    /// whether it did. Who begins a try keeps it so before anything is sent: of two servers, one
    /// finds that the other was faster. A try is no act and makes no leaf.
    pub async fn keep_posting(&self, seen: u32, posting: &PostingRow) -> Result<bool, Error> {
        let (state, at) = posting.standing.parts();
        let is_over = posting.standing.is_over();
        let text = posting.text.as_deref().filter(|_| !is_over);
        let html = posting.html.as_deref().filter(|_| !is_over);
        let mut act = self.begin().await?;
        let row = sql("UPDATE postings SET body_text = $1, body_html = $2, tries = $3, state = $4,
                 at_us = $5, answer = $6
             WHERE posting_id = $7 AND tries = $8 AND state IN ('waiting', 'under-way')")
        .bind(text)
        .bind(html)
        .bind(i64::from(posting.tries))
        .bind(state)
        .bind(at.as_microsecond())
        .bind(posting.answer.as_deref())
        .bind(&posting.id)
        .bind(i64::from(seen));
        let done = act.run(Scope::House, row).await?;
        act.keep_unlogged().await?;
        Ok(done == 1)
    }

    /// Deletes letters that were over before a time; how many.
    pub async fn prune_postings(&self, before: Timestamp) -> Result<u64, Error> {
        let mut act = self.begin().await?;
        let over = sql("DELETE FROM postings WHERE state IN ('sent', 'given-up') AND at_us < $1")
            .bind(before.as_microsecond());
        let gone = act.run(Scope::House, over).await?;
        act.keep_unlogged().await?;
        Ok(gone)
    }
}

pub(crate) fn posting(row: &Row, place: &Place) -> Result<PostingRow, Error> {
    let fault = |error| place.fault(error);
    let id: String = row.try_get("posting_id").map_err(fault)?;
    let account: Option<String> = row.try_get("account_id").map_err(fault)?;
    let account = account.map(|_| parsed(row, "account_id", place)).transpose()?;
    let state: String = row.try_get("state").map_err(fault)?;
    let at = time(row, "at_us", place)?;
    let standing = match state.as_str() {
        "waiting" => PostingStanding::Waiting(at),
        "under-way" => PostingStanding::UnderWay(at),
        "sent" => PostingStanding::Sent(at),
        "given-up" => PostingStanding::GivenUp(at),
        _ => return Err(place.damaged("postings", id, "its state")),
    };
    Ok(PostingRow {
        id,
        account,
        sender: row.try_get("sender").map_err(fault)?,
        language: row.try_get("language").map_err(fault)?,
        date: time(row, "date_us", place)?,
        recipient: row.try_get("recipient").map_err(fault)?,
        subject: row.try_get("subject").map_err(fault)?,
        text: row.try_get("body_text").map_err(fault)?,
        html: row.try_get("body_html").map_err(fault)?,
        since: time(row, "since_us", place)?,
        until: time(row, "until_us", place)?,
        tries: u32_of(row, "tries", place)?,
        standing,
        answer: row.try_get("answer").map_err(fault)?,
    })
}
