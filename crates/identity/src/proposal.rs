//! Acts of two persons (ASVS 2.3.5): one proposes, another approves, the first carries it out.
//!
//! Where nobody else can approve (a sole administrator, or the one to be removed being the only
//! other), the act waits 24 hours instead, everyone concerned hears of it, and it can be stopped.

use crate::{
    AccountId, Authenticated, Council, Error, Event, Governed, Letter, Mail, Permission, Role,
    Rule, id::version_7,
};
use jiff::{SignedDuration, Timestamp};
use seal::Entropy;
use std::fmt;
use uuid::Uuid;

/// A high-value act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HighAct {
    /// Give an account a role, or take it: wherever one of the two decides about others.
    SetRole {
        /// Whose.
        account: AccountId,
        /// The new role.
        role: Role,
    },
    /// Disable an account that decides about others.
    Disable {
        /// Whose.
        account: AccountId,
    },
    /// Take everybody's data away as a file.
    BulkExport,
    /// Keep things for so many days from now on.
    Retention {
        /// Days.
        days: u32,
    },
    /// Use the root key, for the request with this digest.
    RootKey {
        /// SHA-256 of what shall be signed or opened.
        digest: [u8; 32],
    },
}

impl HighAct {
    /// The permission that proposing and carrying it out needs, beside that of deciding.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        match self {
            Self::SetRole { .. } => Permission::RoleGrant,
            Self::Disable { .. } => Permission::AccountManage,
            Self::BulkExport => Permission::BulkExport,
            Self::Retention { .. } => Permission::RetentionSet,
            Self::RootKey { .. } => Permission::RootKeyUse,
        }
    }

    /// The account that it is about, if it is about one.
    #[must_use]
    pub const fn target(&self) -> Option<AccountId> {
        match self {
            Self::SetRole { account, .. } | Self::Disable { account } => Some(*account),
            _ => None,
        }
    }
}

impl fmt::Display for HighAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetRole { account, role } => write!(f, "set the role of {account} to {role}"),
            Self::Disable { account } => write!(f, "disable {account}"),
            Self::BulkExport => f.write_str("export the data of everybody"),
            Self::Retention { days } => write!(f, "keep things for {days} days"),
            Self::RootKey { digest } => {
                f.write_str("use the root key on ")?;
                digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProposalState {
    /// Not decided.
    Open,
    /// Approved by this person, not yet carried out.
    Approved(AccountId),
    /// Taken back or refused.
    Cancelled,
    /// Its time is over.
    Expired,
    /// Carried out.
    Carried,
}

/// A proposal as stored. Every step is stored by compare-and-set on its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposal {
    /// Which.
    pub id: Uuid,
    /// What shall be done.
    pub act: HighAct,
    /// By whom.
    pub by: AccountId,
    /// When.
    pub at: Timestamp,
    /// If nobody else can approve: not before this time.
    pub not_before: Option<Timestamp>,
    /// Until when it can be decided and carried out.
    pub expires: Timestamp,
    /// Where it stands.
    pub state: ProposalState,
}

/// A step of a proposal, to be stored if the stored state still is `before`.
#[derive(Debug)]
pub struct Resolution {
    /// The state that was judged; `None`: the proposal is new.
    pub before: Option<ProposalState>,
    /// Where it is carried out: those who decided about others when it was judged. It is stored
    /// only if they still are these.
    pub council: Option<Council>,
    /// The proposal as it becomes.
    pub proposal: Proposal,
    /// What happened.
    pub events: Vec<Event>,
    /// Whom to tell.
    pub mails: Vec<Mail>,
}

/// Proof that an act was decided as the rules ask; only [`Proposal::carry`] makes one. The act is
/// done in the same transaction that stores the resolution.
#[derive(Debug)]
pub struct Mandate(HighAct);

impl Mandate {
    /// What was decided.
    #[must_use]
    pub const fn act(&self) -> &HighAct {
        &self.0
    }

    /// Whether it is this act.
    pub fn covers(&self, act: &HighAct) -> Result<(), Error> {
        if self.0 == *act { Ok(()) } else { Err(Rule::OtherAct.into()) }
    }
}

/// So long everyone concerned can stop what one person decides alone.
pub const SOLE_WAIT: SignedDuration = SignedDuration::from_hours(24);
/// So long a proposal can be decided; after a wait, so long it can be carried out.
const OPEN: SignedDuration = SignedDuration::from_hours(72);

impl Proposal {
    /// Proposes an act.
    pub fn propose(
        act: HighAct,
        by: &Authenticated,
        council: &Council,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Resolution, Error> {
        let who = may_decide(&act, by, council, now)?;
        if act.target() == Some(who) {
            return Err(Rule::OwnAct.into());
        }
        let later = |wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        let alone = !council.has_another(who, act.target());
        let not_before = alone.then(|| later(SOLE_WAIT));
        let expires = not_before.unwrap_or(now).saturating_add(OPEN).unwrap_or(Timestamp::MAX);
        let (id, state) = (version_7(now, entropy), ProposalState::Open);
        let proposal = Self { id, act, by: who, at: now, not_before, expires, state };
        let event = Governed::Proposed { proposal: id, by: who, act, not_before };
        let mut mails = vec![Mail::to_admins(Letter::ActProposed(not_before))];
        mails.extend(
            act.target().map(|account| Mail::to_account(account, Letter::ActProposed(not_before))),
        );
        let events = vec![Event::Governed(event)];
        Ok(Resolution { before: None, council: None, proposal, events, mails })
    }

    /// Another person approves.
    pub fn approve(
        &self,
        by: &Authenticated,
        council: &Council,
        now: Timestamp,
    ) -> Result<Resolution, Error> {
        self.open(now)?;
        let who = by.session().account;
        by.authorize(Permission::ActDecide, now)?;
        if !council.has(who) {
            return Err(Error::Permission);
        }
        if who == self.by || Some(who) == self.act.target() {
            return Err(Rule::OwnAct.into());
        }
        let event = Governed::Approved { proposal: self.id, by: who };
        Ok(self.becomes(ProposalState::Approved(who), event))
    }

    /// Takes it back, or refuses it. The one that it is about can stop it too, unless an owner
    /// decides about who is none.
    pub fn cancel(
        &self,
        by: &Authenticated,
        council: &Council,
        now: Timestamp,
    ) -> Result<Resolution, Error> {
        if !matches!(self.state, ProposalState::Open | ProposalState::Approved(_)) {
            return Err(Rule::Over.into());
        }
        let who = by.session().account;
        by.authorize(Permission::ActDecide, now)?;
        if !council.has(who) {
            return Err(Error::Permission);
        }
        let about_self = self.act.target() == Some(who);
        if about_self && by.role() != Role::Owner && council.is_owner(self.by) {
            return Err(Rule::OwnersOnly.into());
        }
        let event = Governed::Cancelled { proposal: self.id, by: who };
        Ok(self.becomes(ProposalState::Cancelled, event))
    }

    /// Lets it expire: for whoever tidies up.
    #[must_use]
    pub fn expire(&self, now: Timestamp) -> Option<Resolution> {
        let open = matches!(self.state, ProposalState::Open | ProposalState::Approved(_));
        let event = Governed::Expired { proposal: self.id };
        (open && now >= self.expires).then(|| self.becomes(ProposalState::Expired, event))
    }

    /// Carries it out: by who proposed it, after another one's approval, or after the wait if
    /// there still is nobody else. Both must still be who they were.
    pub fn carry(
        &self,
        by: &Authenticated,
        council: &Council,
        now: Timestamp,
    ) -> Result<(Mandate, Resolution), Error> {
        let who = may_decide(&self.act, by, council, now)?;
        if who != self.by {
            return Err(Rule::OwnAct.into());
        }
        if now >= self.expires {
            return Err(Rule::Over.into());
        }
        match self.state {
            ProposalState::Approved(other) if other != who && council.has(other) => {}
            ProposalState::Approved(_) => return Err(Rule::SecondPerson.into()),
            ProposalState::Open => self.waited(council, now)?,
            _ => return Err(Rule::Over.into()),
        }
        let event = Governed::Carried { proposal: self.id, act: self.act };
        let mut resolution = self.becomes(ProposalState::Carried, event);
        resolution.council = Some(council.clone());
        resolution.mails.push(Mail::to_admins(Letter::ActCarried));
        Ok((Mandate(self.act), resolution))
    }

    fn waited(&self, council: &Council, now: Timestamp) -> Result<(), Error> {
        let Some(until) = self.not_before else { return Err(Rule::SecondPerson.into()) };
        if council.has_another(self.by, self.act.target()) {
            return Err(Rule::SecondPerson.into());
        }
        if now < until { Err(Rule::Waiting { until }.into()) } else { Ok(()) }
    }

    fn open(&self, now: Timestamp) -> Result<(), Error> {
        let open = self.state == ProposalState::Open && now < self.expires;
        if open { Ok(()) } else { Err(Rule::Over.into()) }
    }

    fn becomes(&self, state: ProposalState, event: Governed) -> Resolution {
        let proposal = Self { state, ..*self };
        let events = vec![Event::Governed(event)];
        let before = Some(self.state);
        Resolution { before, council: None, proposal, events, mails: Vec::new() }
    }
}

fn may_decide(
    act: &HighAct,
    by: &Authenticated,
    council: &Council,
    now: Timestamp,
) -> Result<AccountId, Error> {
    by.authorize(Permission::ActDecide, now)?;
    by.authorize(act.permission(), now)?;
    let who = by.session().account;
    if council.has(who) { Ok(who) } else { Err(Error::Permission) }
}
