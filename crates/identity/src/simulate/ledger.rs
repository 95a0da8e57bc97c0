//! The laws, kept by somebody who looks at what was stored and answered and at nothing else.

use crate::{
    AccountId, Change, Council, EndReason, Ends, Event, Governed, LOSS_WAIT, Life, Means, Role,
    Rotation, SOLE_WAIT, SessionId, TokenHash, Write,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// No access token works beyond the bound after what kills it.
    RevokedWithinBound,
    /// No code or recovery code works twice.
    CodesWorkOnce,
    /// No link works twice.
    LinksWorkOnce,
    /// No change is stored that was judged on what was overtaken.
    NothingOvertaken,
    /// Used refresh tokens revoke, but for the second tab, once.
    ReuseRevokes,
    /// No reset and no change passes by the second factor.
    FactorNeverBypassed,
    /// A lost factor is replaced after its day, unless it was stopped.
    LossWaits,
    /// What needs two persons is never done by one.
    TwoPersons,
    /// There is always an owner.
    OwnerRemains,
    /// Staff without a second factor can do nothing.
    StaffHasFactor,
    /// A flood keeps no known device out.
    OwnerGetsIn,
    /// Answers do not tell who has an account.
    SameAnswers,
    /// Every change leaves an event.
    EventsLeft,
    /// An API token or bot is dead with its account's role.
    TokensDie,
}

/// A change that was stored, and what was there before it.
pub(super) struct Stored<'a> {
    pub change: &'a Change,
    pub council: &'a Council,
    pub has_factor: bool,
    pub stale: bool,
    pub at: Timestamp,
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub broken: Vec<(Law, String)>,
    used: BTreeSet<(AccountId, String)>,
    spent: BTreeSet<TokenHash>,
    ended: BTreeMap<SessionId, Timestamp>,
    epochs: BTreeMap<(AccountId, u32), Timestamp>,
    handed: BTreeMap<(SessionId, u32), u32>,
    reused: BTreeSet<SessionId>,
    losses: BTreeMap<AccountId, Timestamp>,
    proposals: BTreeMap<Uuid, (AccountId, Timestamp, Option<AccountId>)>,
}

/// The bound of M21 and M24, in the world's own time.
const BOUND: SignedDuration = SignedDuration::from_secs(1);

impl Ledger {
    pub(super) fn broke(&mut self, law: Law, what: impl Into<String>) {
        // A law that broke once is judged; a thousand lines say no more.
        if self.broken.len() < 20 {
            self.broken.push((law, what.into()));
        }
    }

    /// Something was used up; `name` tells one code of an account from every other.
    pub(super) fn used(&mut self, account: AccountId, name: &str) {
        if !self.used.insert((account, name.to_owned())) {
            self.broke(Law::CodesWorkOnce, format!("{name} of {account} worked twice"));
        }
    }

    pub(super) fn ended(&mut self, session: SessionId, at: Timestamp) {
        self.ended.entry(session).or_insert(at);
    }

    /// A request with a token of this session and epoch was let in. `slack` is by how much the
    /// server's clock was set back while it believed its memory.
    pub(super) fn admitted(
        &mut self,
        token: (AccountId, SessionId, u32),
        slack: SignedDuration,
        at: Timestamp,
    ) {
        let (account, session, epoch) = token;
        let bound = BOUND + slack;
        let late = |since: Option<&Timestamp>| since.is_some_and(|s| at.duration_since(*s) > bound);
        if late(self.ended.get(&session)) {
            self.broke(Law::RevokedWithinBound, format!("session {session} worked after its end"));
        }
        if late(self.epochs.get(&(account, epoch))) {
            let what = format!("a token of epoch {epoch} of {account} worked after the change");
            self.broke(Law::RevokedWithinBound, what);
        }
    }

    pub(super) fn kept(&mut self, account: AccountId) {
        self.losses.remove(&account);
    }

    pub(super) fn rotated(&mut self, rotation: &Rotation) {
        let session = rotation.family.session;
        if rotation.token.is_none() {
            self.reused.insert(session);
            return;
        }
        if self.reused.contains(&session) {
            self.broke(Law::ReuseRevokes, format!("session {session} went on after a reuse"));
        }
        let handed = self.handed.entry((session, rotation.family.generation)).or_default();
        *handed += 1;
        if *handed > 2 {
            let what = format!("a refresh token of {session} was handed out {handed} times");
            self.broke(Law::ReuseRevokes, what);
        }
    }

    pub(super) fn stored(&mut self, stored: &Stored<'_>) {
        let change = stored.change;
        let account = change.before.account;
        if stored.stale {
            let what = format!("a change of {account} was stored over a newer one");
            self.broke(Law::NothingOvertaken, what);
        }
        if change.events.is_empty() {
            self.broke(Law::EventsLeft, format!("a change of {account} left no event"));
        }
        if let Some(token) = change.spend
            && !self.spent.insert(token)
        {
            self.broke(Law::LinksWorkOnce, format!("a link of {account} worked twice"));
        }
        if change.after.epoch > change.before.epoch || change.ends != Ends::None {
            self.epochs.entry((account, change.before.epoch)).or_insert(stored.at);
        }
        for event in &change.events {
            self.heard(event, stored);
        }
        self.role(stored);
    }

    fn heard(&mut self, event: &Event, stored: &Stored<'_>) {
        let Event::Life { account, what } = event else { return };
        let change = stored.change;
        let proved = change
            .writes
            .iter()
            .any(|write| matches!(write, Write::Use(means) if *means != Means::Alone));
        match what {
            Life::PasswordReset | Life::PasswordChanged | Life::AddressAsked
                if stored.has_factor && !proved =>
            {
                let what = format!("{} of {account} without its factor", what.kind());
                self.broke(Law::FactorNeverBypassed, what);
            }
            Life::FactorLost(_) => {
                self.losses.insert(*account, stored.at);
            }
            Life::FactorKept => {
                self.losses.remove(account);
            }
            Life::FactorReplaced => {
                let declared = self.losses.remove(account);
                // Servers' clocks are up to two seconds apart.
                let wait = LOSS_WAIT - SignedDuration::from_secs(5);
                if declared.is_none_or(|since| stored.at.duration_since(since) < wait) {
                    let what = format!("the factor of {account} was replaced before its time");
                    self.broke(Law::LossWaits, what);
                }
            }
            _ => {}
        }
    }

    /// A decision: who proposed, who approved.
    pub(super) fn governed(&mut self, decision: &Governed, council: &Council, at: Timestamp) {
        match decision {
            Governed::Proposed { proposal, by, .. } => {
                self.proposals.insert(*proposal, (*by, at, None));
            }
            Governed::Approved { proposal, by } => {
                if let Some((_, _, approved)) = self.proposals.get_mut(proposal) {
                    *approved = Some(*by);
                }
            }
            Governed::Carried { proposal, act } => {
                let Some((by, since, approved)) = self.proposals.get(proposal).copied() else {
                    return self.broke(Law::TwoPersons, "an act that nobody proposed");
                };
                let two = approved.is_some_and(|other| other != by && council.has(other));
                let wait = SOLE_WAIT - SignedDuration::from_secs(5);
                let alone = !council.has_another(by, act.target());
                let waited = alone && at.duration_since(since) >= wait;
                if !(two || waited) {
                    self.broke(Law::TwoPersons, format!("{act} by {by} alone"));
                }
            }
            _ => {}
        }
    }

    fn role(&mut self, stored: &Stored<'_>) {
        let (before, after) = (stored.change.before, stored.change.after);
        let lost = after.role != Role::Owner || after.standing != before.standing;
        if stored.council.is_last_owner(before.account) && lost && before.role == Role::Owner {
            self.broke(Law::OwnerRemains, "the last owner went");
        }
    }

    /// What only two persons do came without their mandate; `council` is as it was before.
    pub(super) fn unmandated(&mut self, change: &Change, council: &Council) {
        let (before, after) = (change.before, change.after);
        if before.standing != after.standing && council.needs(before.account) {
            let what = format!("{}, one of the last two, was removed by one", before.account);
            self.broke(Law::TwoPersons, what);
        }
        let governs = before.role.governs() || after.role.governs();
        if before.role != after.role && governs {
            let what = format!("{} became {} without a mandate", before.account, after.role);
            self.broke(Law::TwoPersons, what);
        }
    }

    pub(super) fn refused_known(&mut self, why: &crate::Error) {
        self.broke(Law::OwnerGetsIn, format!("a known device was kept out: {why}"));
    }
}

/// The reason that sessions end with, if they do.
pub(super) const fn reason(ends: Ends) -> Option<(Option<SessionId>, EndReason)> {
    match ends {
        Ends::None => None,
        Ends::AllBut(session, reason) => Some((Some(session), reason)),
        Ends::All(reason) => Some((None, reason)),
    }
}
