//! The mail queue's own hands: letters that are due go to the mail server, one server at a time
//! each, and what became of a try is kept.

use super::{Accounts, Letters, Result, now};
use futures_util::future::join_all;
use identity::LetterPart;
use jiff::{SignedDuration, Timestamp};
use kms::SystemEntropy;
use notify::{Brake, Mailbox, Message, Posting, Relay, Sender, Standing, Verdict};
use seal::Secret;
use std::{sync::Arc, time::Duration};
use store::{PostingRow, PostingStanding};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Tries of this server at once.
const AT_ONCE: u32 = 4;
/// How long a stop waits for letters under way.
const GRACE: Duration = Duration::from_secs(5);
/// How often the table is looked at where nothing wakes the hands: another server may have added to
/// it, and waits end.
const LOOKING: Duration = Duration::from_secs(5);
/// Letters that are over are kept so long, without their texts.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);
/// How often they are swept out.
const SWEEPING: Duration = Duration::from_hours(1);

impl Accounts {
    /// Sends what is due until the server stops. Without a mail server letters wait in the table,
    /// where the outbox shows them, until they are of no use any more.
    pub async fn send_letters(self, relay: Option<Relay>, stop: CancellationToken) {
        let mut brake = Brake::default();
        let mut sweeping = tokio::time::interval(SWEEPING);
        loop {
            let done = match &relay {
                Some(relay) => {
                    let sending = self.send_due(relay, &mut brake);
                    tokio::pin!(sending);
                    tokio::select! {
                        done = &mut sending => done,
                        // A conversation that hangs is given up: its letter is tried again.
                        () = stop.cancelled() => match timeout(GRACE, sending).await {
                            Ok(done) => done,
                            Err(_) => return,
                        },
                    }
                }
                None => Ok(Step::Idle),
            };
            let done = done.unwrap_or_else(|error| {
                tracing::error!(%error, "letters could not be sent");
                Step::Idle
            });
            if done == Step::More && !stop.is_cancelled() {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.posted.notified() => {}
                () = tokio::time::sleep(LOOKING) => {}
                _ = sweeping.tick() => if let Err(error) = self.sweep_letters().await {
                    tracing::error!(%error, "old letters could not be swept out");
                },
            }
        }
    }

    /// Tries what is due, a few at once.
    async fn send_due(&self, relay: &Relay, brake: &mut Brake) -> Result<Step> {
        let now = now();
        if brake.until().is_some_and(|until| now < until) {
            return Ok(Step::Idle);
        }
        let store = self.0.desk.store();
        let due = store.due_postings(now, Posting::lost_before(now), AT_ONCE).await?;
        if due.is_empty() {
            return Ok(Step::Idle);
        }
        let tries = due.iter().map(|row| self.send_one(row, relay));
        let mut step = Step::Idle;
        for tried in join_all(tries).await {
            match tried {
                Ok(Some(verdict)) => {
                    step = Step::More;
                    brake.heard(&verdict, crate::desk::now());
                }
                Ok(None) => step = Step::More,
                // The rest of the letters is not kept from going.
                Err(error) => tracing::error!(%error, "a letter could not be sent"),
            }
        }
        Ok(step)
    }

    /// One try: kept before anything is sent, so that of two servers one sends. `None` where
    /// another was faster, or its time was over.
    async fn send_one(&self, row: &PostingRow, relay: &Relay) -> Result<Option<Verdict>> {
        let store = self.0.desk.store();
        let mut posting = self.posting(row).await?;
        let seen = row.tries;
        let Some(attempt) = posting.begin(now()) else {
            store.keep_posting(seen, &self.moved_on(row, &posting).await?).await?;
            return Ok(None);
        };
        if !store.keep_posting(seen, &self.moved_on(row, &posting).await?).await? {
            return Ok(None);
        }
        let verdict = relay.send(&posting.message, now()).await;
        posting.settle(attempt, &verdict, now());
        store.keep_posting(attempt, &self.moved_on(row, &posting).await?).await?;
        match &verdict {
            Verdict::Sent => {}
            Verdict::Later { why, .. } | Verdict::Refused { why } | Verdict::Denied { why } => {
                tracing::warn!(letter = %row.id, attempt, %why, "a letter did not go out");
            }
        }
        Ok(Some(verdict))
    }

    /// Gives up what is of no use any more, and deletes what was over long ago.
    async fn sweep_letters(&self) -> Result<()> {
        let (store, now) = (self.0.desk.store(), now());
        let mut after = String::new();
        loop {
            let open = store.open_postings(&after).await?;
            let Some(last) = open.last() else { break };
            after.clone_from(&last.id);
            for row in open.iter().filter(|row| row.until <= now) {
                let is_idle = match row.standing {
                    PostingStanding::UnderWay(since) => since <= Posting::lost_before(now),
                    _ => true,
                };
                if is_idle {
                    let standing = PostingStanding::GivenUp(now);
                    store.keep_posting(row.tries, &PostingRow { standing, ..row.clone() }).await?;
                }
            }
        }
        store.prune_postings(now.checked_sub(KEPT).unwrap_or(Timestamp::MIN)).await?;
        store.prune_links(now).await?;
        Ok(())
    }

    /// A row, opened.
    pub(super) async fn posting(&self, row: &PostingRow) -> Result<Posting> {
        let vault = match row.account {
            Some(account) => self.vault_of(account).await?,
            None => Arc::clone(&self.0.vault),
        };
        let open = |part, sealed: &[u8]| vault.open_letter((row.account, &row.id), part, sealed);
        let damaged = || identity::Error::Content { field: "sender of a letter" };
        let (name, address) = row.sender.rsplit_once(" <").ok_or_else(damaged)?;
        let address = address.strip_suffix('>').ok_or_else(damaged)?;
        let mut from = Sender::new(name, Mailbox::parse(address)?);
        if from.mailbox() == Letters::from_here_sender()?.mailbox() {
            // It was written before a sender was set, and goes out after.
            from = self.0.letters.head.from.clone();
        }
        let to = Mailbox::parse(open(LetterPart::Recipient, &row.recipient)?.expose())?;
        let mut message = Message::new(&row.id, from, to, row.date)?;
        message.language.clone_from(&row.language);
        message.subject.clone_from(open(LetterPart::Subject, &row.subject)?.expose());
        let text = row.text.as_deref().map(|sealed| open(LetterPart::Text, sealed)).transpose()?;
        message.text = text.unwrap_or_else(|| Secret::new(String::new()));
        let html = row.html.as_deref().map(|sealed| open(LetterPart::Html, sealed));
        message.html = html.transpose()?;
        let why = row.answer.as_deref().map(|sealed| open(LetterPart::Answer, sealed));
        let why = why.transpose()?.map(|why| why.expose().clone()).unwrap_or_default();
        let (since, until, tries) = (row.since, row.until, row.tries);
        Ok(Posting { message, since, until, tries, standing: standing(row.standing), why })
    }

    /// The row after a step; what it says and to whom stays sealed as it was.
    async fn moved_on(&self, row: &PostingRow, posting: &Posting) -> Result<PostingRow> {
        let standing = match posting.standing {
            Standing::Waiting { next } => PostingStanding::Waiting(next),
            Standing::UnderWay { since } => PostingStanding::UnderWay(since),
            Standing::Sent { at } => PostingStanding::Sent(at),
            Standing::GivenUp { at } => PostingStanding::GivenUp(at),
        };
        let vault = match row.account {
            Some(account) => self.vault_of(account).await?,
            None => Arc::clone(&self.0.vault),
        };
        let letter = (row.account, row.id.as_str());
        let sealed = |why: &str| {
            vault.seal_letter(letter, LetterPart::Answer, why, &mut SystemEntropy::new())
        };
        let answer = (!posting.why.is_empty()).then(|| sealed(&posting.why));
        Ok(PostingRow { tries: posting.tries, standing, answer, ..row.clone() })
    }
}

/// Whether there may be more to do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    More,
    Idle,
}

const fn standing(standing: PostingStanding) -> Standing {
    match standing {
        PostingStanding::Waiting(next) => Standing::Waiting { next },
        PostingStanding::UnderWay(since) => Standing::UnderWay { since },
        PostingStanding::Sent(at) => Standing::Sent { at },
        PostingStanding::GivenUp(at) => Standing::GivenUp { at },
    }
}
