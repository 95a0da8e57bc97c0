//! A deed: what one act stores, whole or not at all, with its leaves and its letters.
//!
//! Everything that was judged is compared again here, inside the transaction that writes, while
//! nobody else writes. That somebody was faster is an answer, not an error: read again and judge anew.

use crate::{
    Act, Change, Committed, Error, MemberSeed, PostingRow,
    accounts::{parsed, standing_name},
    scope::Scope,
    sql::{Statement, sql},
};
use audit::Entry;
use identity::{
    AccountId, AccountState, Council, Credential, EndReason, Ends, Event, Life, Means,
    OpenedSession, Resolution, Review, Role, Rotation, SealedChange, SealedClient, SealedGrant,
    Session, SessionId, Standing, TokenHash,
};
use jiff::Timestamp;

/// One thing that a deed stores.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// A change of one account.
    Change(&'a SealedChange),
    /// A step of a proposal; the change that it decides stands in the same deed.
    Step(&'a Resolution),
    /// A new account, by a link or an import.
    Member(&'a MemberSeed<'a>),
    /// A session, with the use of the factor that opened it. If the factor was thought lost, it is
    /// not any more.
    Session(&'a OpenedSession, &'a SealedClient),
    /// What came of presenting a refresh token: its successor, or the end of its session.
    Rotation(&'a Rotation),
    /// A session that ends for this reason, if it is not over already.
    End(&'a Session, EndReason),
    /// A link, in place of older ones of its purpose and holder.
    Link(&'a SealedGrant),
    /// An invitation, and by whom.
    Invitation(&'a SealedGrant, AccountId),
    /// An invitation that is taken back.
    Withdrawal(TokenHash),
    /// A new API token or bot.
    Credential(&'a Credential),
    /// One that is revoked.
    Revocation(&'a Credential),
    /// A review that is opened (nothing before it), signed or noted as overdue.
    Review(Option<&'a Review>, &'a Review),
}

/// What one act stores.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deed<'a> {
    /// What to write, in this order.
    pub parts: &'a [Part<'a>],
    /// What happened, beside what changes, steps, new accounts and sessions tell themselves.
    pub events: &'a [Event],
    /// The letters, in words and sealed.
    pub postings: &'a [PostingRow],
}

/// What became of a deed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a deed that was overtaken is not stored"]
pub enum Outcome {
    /// It is stored.
    Kept {
        /// Its leaves.
        committed: Committed,
        /// The sessions that ended with it.
        ended: Vec<(SessionId, EndReason)>,
    },
    /// Nothing of it is stored.
    Overtaken(Overtaken),
}

/// What is not any more as it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overtaken {
    /// The account's role, epoch or standing.
    Account,
    /// Who decides about others.
    Council,
    /// The link is used up, replaced or over.
    Link,
    /// The proof of a factor is used up.
    Factor,
    /// The session's refresh token has moved on, or it is over.
    Session,
    /// Another account has the address.
    Address,
    /// The passkey is known already.
    Passkey,
    /// The recovery of a lost factor was stopped, replaced or disproved.
    Loss,
    /// The proposal has moved on.
    Proposal,
    /// The review has moved on, or another one is open.
    Review,
    /// The list of grants is another than the one that was signed.
    Grants,
    /// The token is gone, or there are as many as there may be.
    Credential,
}

impl std::fmt::Display for Overtaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Account => "the account has changed",
            Self::Council => "other persons decide about others now",
            Self::Link => "the link is used up, replaced or over",
            Self::Factor => "the proof is used up",
            Self::Session => "the session has moved on",
            Self::Address => "another account has the address",
            Self::Passkey => "the passkey is known already",
            Self::Loss => "the recovery has moved on",
            Self::Proposal => "the proposal has moved on",
            Self::Review => "the review has moved on",
            Self::Grants => "the list of grants is another one now",
            Self::Credential => "the token is gone, or there are as many as there may be",
        })
    }
}

/// What writing a deed brought.
struct Written {
    ended: Vec<(SessionId, EndReason)>,
    /// What happened that only the database could tell.
    found: Vec<Event>,
}

/// Why a deed stops half-way; either way nothing of it stays.
#[derive(Debug)]
pub(crate) enum Stop {
    Lost(Overtaken),
    Fault(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

/// Exactly one row was there to write, or the deed is overtaken.
pub(crate) const fn one(rows: u64, lost: Overtaken) -> Result<(), Stop> {
    if rows == 1 { Ok(()) } else { Err(Stop::Lost(lost)) }
}

impl Act {
    /// Stores a deed with a leaf for each of its events, or nothing; `entry` says how the log words
    /// an event.
    pub async fn keep(
        mut self,
        deed: &Deed<'_>,
        entry: impl Fn(&Event) -> Entry + Send,
        now: Timestamp,
    ) -> Result<Outcome, Error> {
        match self.write(deed, now).await {
            Ok(Written { ended, found }) => {
                let entries = deed.all_events().chain(&found).map(entry).collect();
                let committed = self.commit_all(entries, now).await?;
                Ok(Outcome::Kept { committed, ended })
            }
            Err(Stop::Lost(lost)) => Ok(Outcome::Overtaken(lost)),
            Err(Stop::Fault(error)) => Err(error),
        }
    }

    async fn write(&mut self, deed: &Deed<'_>, now: Timestamp) -> Result<Written, Stop> {
        // All judged the council before any of them changes it.
        self.compare_councils(deed).await?;
        let (mut ended, mut found) = (Vec::new(), Vec::new());
        for part in deed.parts {
            match part {
                Part::Change(change) => ended.extend(self.write_change(change, now).await?),
                Part::Step(step) => self.write_step(step, now).await?,
                Part::Member(member) => self.write_member(member, now).await?,
                Part::Session(opened, client) => {
                    let used = self.open_session(opened, client).await?;
                    one(u64::from(used), Overtaken::Factor)?;
                    found.extend(self.disprove_loss(opened).await?);
                }
                Part::Rotation(rotation) => {
                    let moved = self.rotate(rotation, now).await?;
                    one(u64::from(moved), Overtaken::Session)?;
                    ended.extend(rotation.ended().map(|reason| (rotation.before.session, reason)));
                }
                Part::End(session, reason) => {
                    if self.expire_session(session.id, *reason, now).await? {
                        ended.push((session.id, *reason));
                        found.push(session.end(*reason));
                    }
                }
                Part::Link(link) => self.write_link(link, None, now).await?,
                Part::Invitation(link, by) => self.write_link(link, Some(*by), now).await?,
                Part::Withdrawal(hash) => self.withdraw(hash).await?,
                Part::Credential(credential) => self.write_credential(credential).await?,
                Part::Revocation(credential) => self.revoke(credential).await?,
                Part::Review(before, review) => self.write_review(*before, review).await?,
            }
        }
        for posting in deed.postings {
            self.insert_posting(posting).await?;
        }
        Ok(Written { ended, found })
    }

    /// Who signs in with the second factor has not lost it: a recovery under way is over.
    async fn disprove_loss(&mut self, opened: &OpenedSession) -> Result<Option<Event>, Error> {
        let account = opened.state.account;
        if opened.means == Means::Alone {
            return Ok(None);
        }
        let loss = sql("DELETE FROM losses WHERE account_id = $1").bind(account.to_string());
        let was_there = self.run(Scope::Account(account), loss).await? == 1;
        Ok(was_there.then_some(Event::Life { account, what: Life::FactorKept }))
    }

    async fn compare_councils(&mut self, deed: &Deed<'_>) -> Result<(), Stop> {
        let judged = deed.parts.iter().filter_map(|part| match part {
            Part::Change(change) => change.council.as_ref(),
            Part::Step(step) => step.council.as_ref(),
            _ => None,
        });
        let judged: Vec<&Council> = judged.collect();
        if judged.is_empty() {
            return Ok(());
        }
        let council = self.council().await?;
        let same = judged.into_iter().all(|judged| *judged == council);
        if same { Ok(()) } else { Err(Stop::Lost(Overtaken::Council)) }
    }

    /// Those who decide about others, as this act finds them: nobody changes that before its end.
    pub async fn council(&mut self) -> Result<Council, Error> {
        let (link, place) = self.parts(Scope::House).await?;
        let rows = council_rows().fetch_all(link).await.map_err(|error| place.fault(error))?;
        council(&rows, place)
    }

    async fn write_change(
        &mut self,
        change: &SealedChange,
        now: Timestamp,
    ) -> Result<Vec<(SessionId, EndReason)>, Stop> {
        let account = change.before.account;
        let own = Scope::Account(account);
        one(self.run(own, swap(&change.before, &change.after)).await?, Overtaken::Account)?;
        if change.before != change.after {
            self.tell(Change::Account(account));
        }
        if change.after.standing == Standing::Disabled {
            // Erased or shut out: one that is out would let a machine in once they are back.
            self.void_machine_tokens(account).await?;
        }
        if let Some(hash) = &change.spend {
            let spend = sql("DELETE FROM links
                 WHERE token_hash = $1 AND account_id = $2 AND epoch = $3 AND expires_us > $4")
            .bind(hash.as_bytes().as_slice())
            .bind(account.to_string())
            .bind(i64::from(change.before.epoch))
            .bind(now.as_microsecond());
            one(self.run(own, spend).await?, Overtaken::Link)?;
        }
        // Before their rows can go with the account's other belongings.
        let ended = self.end_sessions(account, change.ends, now).await?;
        for write in &change.writes {
            self.write_row(account, write, now).await?;
        }
        Ok(ended)
    }

    async fn end_sessions(
        &mut self,
        account: AccountId,
        ends: Ends,
        now: Timestamp,
    ) -> Result<Vec<(SessionId, EndReason)>, Error> {
        let (kept, reason) = match ends {
            Ends::None => return Ok(Vec::new()),
            Ends::AllBut(session, reason) => (session.to_string(), reason),
            Ends::All(reason) => (String::new(), reason),
        };
        let (link, place) = self.parts(Scope::Account(account)).await?;
        let rows = sql("UPDATE sessions SET ended_us = $1, end_reason = $2
             WHERE account_id = $3 AND ended_us IS NULL AND session_id <> $4 RETURNING session_id")
        .bind(now.as_microsecond())
        .bind(reason.as_str())
        .bind(account.to_string())
        .bind(kept)
        .fetch_all(link)
        .await
        .map_err(|error| place.fault(error))?;
        let ids = rows.iter().map(|row| parsed(row, "session_id", place));
        let ids = ids.collect::<Result<Vec<SessionId>, Error>>()?;
        for id in &ids {
            self.tell(Change::Session(*id));
        }
        Ok(ids.into_iter().map(|id| (id, reason)).collect())
    }

    /// Executes a statement in a scope; how many rows it wrote.
    pub(crate) async fn run(
        &mut self,
        scope: impl Into<Scope>,
        statement: Statement,
    ) -> Result<u64, Error> {
        let (link, place) = self.parts(scope).await?;
        statement.execute(link).await.map_err(|error| place.fault(error))
    }
}

impl<'a> Deed<'a> {
    fn all_events(&self) -> impl Iterator<Item = &'a Event> {
        let told = self.parts.iter().flat_map(|part| match part {
            Part::Change(change) => change.events.as_slice(),
            Part::Step(step) => step.events.as_slice(),
            Part::Member(member) => member.events,
            Part::Session(opened, _) => opened.events.as_slice(),
            Part::Rotation(rotation) => rotation.events.as_slice(),
            _ => &[],
        });
        told.chain(self.events)
    }
}

/// The account becomes `after` if it still is `before`.
fn swap(before: &AccountState, after: &AccountState) -> Statement {
    sql("UPDATE accounts SET role = $1, standing = $2, epoch = $3
         WHERE account_id = $4 AND role = $5 AND standing = $6 AND epoch = $7
           AND erased_us IS NULL")
    .bind(after.role.as_str())
    .bind(standing_name(after.standing))
    .bind(i64::from(after.epoch))
    .bind(before.account.to_string())
    .bind(before.role.as_str())
    .bind(standing_name(before.standing))
    .bind(i64::from(before.epoch))
}

/// Reads [`council`].
pub(crate) fn council_rows() -> Statement {
    sql("SELECT account_id, role FROM accounts
         WHERE standing = 'active' AND role IN ('owner', 'admin')")
}

/// Those who decide about others.
pub(crate) fn council(
    rows: &[crate::sql::Row],
    place: &crate::error::Place,
) -> Result<Council, Error> {
    let seat = |row| Ok((parsed(row, "account_id", place)?, parsed(row, "role", place)?));
    let seats = rows.iter().map(seat).collect::<Result<Vec<(AccountId, Role)>, Error>>()?;
    Ok(Council::new(seats))
}
