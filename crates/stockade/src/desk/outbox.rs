//! The letters that wait, for the owner's eyes: with their texts only where nobody carries them.

use super::{Accounts, Actor, Deed, Result, now};
use identity::Tenant;
use jiff::Timestamp;
use notify::Standing;
use seal::Secret;

/// Letters that are shown.
const SHOWN_MAX: usize = 200;

/// What becomes of letters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// A mail server takes them.
    Sent,
    /// No mail server is set: they are kept, to be read and handed on.
    Kept,
}

/// A letter that waits.
#[derive(Debug)]
pub struct WaitingLetter {
    /// Its name.
    pub id: String,
    /// Whom it is to.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its plain text, one-time links included; only where letters are kept.
    pub text: Option<Secret<String>>,
    /// When it was written.
    pub since: Timestamp,
    /// When it is of no use any more.
    pub until: Timestamp,
    /// Tries so far.
    pub tries: u32,
    /// The next try, if it waits for one.
    pub next: Option<Timestamp>,
    /// What the mail server said last.
    pub answer: String,
}

/// The letters that wait, the newest first.
#[derive(Debug)]
pub struct Outbox {
    /// What becomes of them.
    pub post: Post,
    /// At most two hundred.
    pub letters: Vec<WaitingLetter>,
    /// How many wait in all.
    pub waiting: usize,
}

impl Accounts {
    /// Shows what waits. That somebody looked is in the log: a letter may hold somebody's way in.
    pub async fn outbox(&self, by: &Tenant) -> Result<Outbox> {
        let (store, now) = (self.0.desk.store(), now());
        let mut rows = Vec::new();
        let mut after = String::new();
        loop {
            let page = store.open_postings(&after).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            rows.extend(page.into_iter().filter(|row| row.until > now));
        }
        let waiting = rows.len();
        rows.sort_by(|a, b| (b.since, &b.id).cmp(&(a.since, &a.id)));
        rows.truncate(SHOWN_MAX);
        let mut letters = Vec::with_capacity(rows.len());
        for row in &rows {
            letters.push(self.waiting_letter(row).await?);
        }
        let entry = Deed::LettersViewed { count: letters.len() as u64 };
        let entry = entry.entry(Actor::Account(by.account()));
        store.begin().await?.commit(entry, now).await?;
        Ok(Outbox { post: self.0.post, letters, waiting })
    }

    async fn waiting_letter(&self, row: &store::PostingRow) -> Result<WaitingLetter> {
        let posting = self.posting(row).await?;
        let next = match posting.standing {
            Standing::Waiting { next } if self.0.post == Post::Sent => Some(next),
            _ => None,
        };
        let message = posting.message;
        let text = (self.0.post == Post::Kept).then(|| message.text.clone());
        Ok(WaitingLetter {
            id: message.id,
            to: message.to.to_string(),
            subject: message.subject,
            text,
            since: posting.since,
            until: posting.until,
            tries: posting.tries,
            next,
            answer: posting.why,
        })
    }
}
