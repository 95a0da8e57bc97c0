//! What an administrator does for somebody else's account without seeing or choosing any of its
//! secrets: nothing here holds a password, a code or a link that opens anything.

use crate::{
    Authenticated, Change, EndReason, Ends, Error, Letter, Level, Life, Member, Permission, Role,
    Rule, SessionId, Write,
};
use jiff::Timestamp;

/// What becomes of the session by which somebody ends everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnSession {
    /// It goes on.
    Kept,
    /// It ends with the others.
    Ended,
}

/// Whose owners' sessions end with everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Theirs too.
    Everyone,
    /// Theirs go on: only an owner ends what an owner has open.
    AllButOwners,
}

/// Leave to end everybody's sessions in one act: after a break-in nobody goes from account to account.
/// Only a fresh proof with a second factor makes one, or the operator on the machine itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndOfAll {
    kept: Option<SessionId>,
    reach: Reach,
}

impl EndOfAll {
    /// By somebody who runs the server.
    pub fn by(by: &Authenticated, own: OwnSession, now: Timestamp) -> Result<Self, Error> {
        by.authorize(Permission::AccountManage, now)?;
        if by.level(now) < Level::Dangerous {
            return Err(Error::Stale);
        }
        let kept = Some(by.session().id).filter(|_| own == OwnSession::Kept);
        let owner = by.role() == Role::Owner;
        Ok(Self { kept, reach: if owner { Reach::Everyone } else { Reach::AllButOwners } })
    }

    /// By the operator at the machine's own command line; never call it where a request is served.
    #[must_use]
    pub const fn host() -> Self {
        Self { kept: None, reach: Reach::Everyone }
    }

    /// The one session that goes on.
    #[must_use]
    pub const fn kept(&self) -> Option<SessionId> {
        self.kept
    }

    /// Whether owners' end.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }
}

impl Member {
    /// Ends everything that the account has open, on its next request; its devices, factors, tokens
    /// and bots stay.
    pub fn end_sessions(&self, by: &Authenticated, now: Timestamp) -> Result<Change, Error> {
        by.authorize(Permission::AccountManage, now)?;
        self.is_in_care_of(by)?;
        Ok(Change::of(self.state)
            .next_epoch()
            .ending(Ends::All(EndReason::Remote))
            .event(self.life(Life::SessionsEnded))
            .mail(self.letter(Letter::SessionsEnded)))
    }

    /// Begins a reset: everything that is open ends, and a letter asks the owner to choose a new
    /// password. It has no link that admits anybody: the owner asks for that one in the browser in
    /// which it will be followed (ASVS 6.6.2), and the second factor is asked for as in every reset.
    pub fn begin_reset(&self, by: &Authenticated, now: Timestamp) -> Result<Change, Error> {
        by.authorize(Permission::AccountReset, now)?;
        self.is_in_care_of(by)?;
        if !self.holdings.password {
            return Err(Rule::NoPassword.into());
        }
        Ok(Change::of(self.state)
            .next_epoch()
            .ending(Ends::All(EndReason::Remote))
            .write(Write::DropGrants)
            .event(self.life(Life::ResetBegun))
            .mail(self.letter(Letter::ResetBegun)))
    }

    /// Nobody does this to themselves, and only an owner to an owner.
    fn is_in_care_of(&self, by: &Authenticated) -> Result<(), Error> {
        if by.session().account == self.state.account {
            return Err(Rule::OwnAct.into());
        }
        if self.state.role == Role::Owner && by.role() != Role::Owner {
            return Err(Rule::OwnersOnly.into());
        }
        self.active().map(drop).map_err(|_| Rule::Disabled.into())
    }
}
