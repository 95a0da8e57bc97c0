//! The quarter's review of who may do what (M20): a list, a name under it, and a date.

use crate::{
    AccountId, Authenticated, Error, Event, Governed, Letter, Mail, Permission, Role, Rule,
    Standing, id::version_7,
};
use jiff::{SignedDuration, Timestamp};
use seal::{Entropy, sha256_parts};
use uuid::Uuid;

/// One account on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrantLine {
    /// Whose.
    pub account: AccountId,
    /// What they may do.
    pub role: Role,
    /// Whether they may come in.
    pub standing: Standing,
    /// How many API tokens and bots act for them.
    pub credentials: u32,
}

/// The list of grants, in the order of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantList(Vec<GrantLine>);

/// A review as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// Which.
    pub id: Uuid,
    /// When it was opened.
    pub opened: Timestamp,
    /// Until when it is to be signed.
    pub due: Timestamp,
    /// Who signed which list when.
    pub signed: Option<SignOff>,
    /// Whether the log heard that it is overdue.
    pub overdue_logged: bool,
}

/// A name under a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignOff {
    /// Who.
    pub by: AccountId,
    /// When.
    pub at: Timestamp,
    /// Digest of the list.
    pub grants: [u8; 32],
}

/// Where the duty stands; the claim register shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// The last sign-off is fresh.
    Done,
    /// To be signed until then.
    Due(Timestamp),
    /// Nobody signed in time: M20 is red.
    Overdue(Timestamp),
}

/// A sign-off is good for a quarter.
const QUARTER: SignedDuration = SignedDuration::from_hours(24 * 92);
/// The task opens so long before the quarter ends.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 14);

impl GrantList {
    /// Sorted by account.
    #[must_use]
    pub fn new(mut lines: Vec<GrantLine>) -> Self {
        lines.sort_unstable();
        Self(lines)
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[GrantLine] {
        &self.0
    }

    /// What a signature is put under.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let lines = self.0.iter().map(|line| {
            let (id, role) = (line.account, line.role);
            format!("{id} {role} {:?} {}\n", line.standing, line.credentials)
        });
        sha256_parts(&[b"stockade/v1 grants\n", lines.collect::<String>().as_bytes()])
    }
}

impl Review {
    /// When the next task opens, `last` being the last sign-off or the server's first day.
    #[must_use]
    pub fn opens(last: Timestamp) -> Timestamp {
        last.saturating_add(QUARTER - AHEAD).unwrap_or(Timestamp::MAX)
    }

    /// Opens the task.
    #[must_use]
    pub fn open(last: Timestamp, now: Timestamp, entropy: &mut dyn Entropy) -> (Self, Event, Mail) {
        let due = last.saturating_add(QUARTER).unwrap_or(Timestamp::MAX);
        let id = version_7(now, entropy);
        let review = Self { id, opened: now, due, signed: None, overdue_logged: false };
        let event = Event::Governed(Governed::ReviewOpened { review: id, due });
        (review, event, Mail::to_admins(Letter::ReviewDue(due)))
    }

    /// Signs the list that was read: `read` is the digest of what was shown, `list` what is there
    /// now. Late is better than never: an overdue review can still be signed.
    pub fn sign(
        &self,
        by: &Authenticated,
        read: &[u8; 32],
        list: &GrantList,
        now: Timestamp,
    ) -> Result<(Self, Event), Error> {
        by.authorize(Permission::ReviewSign, now)?;
        if self.signed.is_some() {
            return Err(Rule::Over.into());
        }
        let grants = list.digest();
        if grants != *read {
            return Err(Rule::ListChanged.into());
        }
        let by = by.session().account;
        let signed = Some(SignOff { by, at: now, grants });
        let event = Event::Governed(Governed::ReviewSigned { review: self.id, by, grants });
        Ok((Self { signed, ..*self }, event))
    }

    /// The letter that asks for the signature.
    #[must_use]
    pub const fn reminder(&self) -> Mail {
        Mail::to_admins(Letter::ReviewDue(self.due))
    }

    /// Where the duty stands.
    #[must_use]
    pub fn duty(&self, now: Timestamp) -> Duty {
        match self.signed {
            Some(signed) if now < signed.at.saturating_add(QUARTER).unwrap_or(Timestamp::MAX) => {
                Duty::Done
            }
            Some(signed) => {
                Duty::Overdue(signed.at.saturating_add(QUARTER).unwrap_or(Timestamp::MAX))
            }
            None if now < self.due => Duty::Due(self.due),
            None => Duty::Overdue(self.due),
        }
    }

    /// The one event of an overdue review.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Option<(Self, Event)> {
        let late = self.signed.is_none() && now >= self.due && !self.overdue_logged;
        let event = Event::Governed(Governed::ReviewOverdue { review: self.id });
        late.then_some((Self { overdue_logged: true, ..*self }, event))
    }
}
