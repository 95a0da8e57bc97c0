//! What happened, for the audit log: every change of state returns its events.

use crate::{AccountId, DeviceId, Role, SessionId, Source, Stage};
use jiff::Timestamp;
use std::fmt;

/// What stands beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactorKind {
    /// A code from an authenticator app.
    Totp,
    /// A recovery code.
    Recovery,
}

impl FactorKind {
    /// Its name, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Recovery => "recovery",
        }
    }

    /// From its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Totp, Self::Recovery].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReason {
    /// The person signed out.
    SignOut,
    /// The person ended it from another session.
    Remote,
    /// Unused for too long.
    Idle,
    /// It reached its absolute end.
    Absolute,
    /// A used refresh token was presented again: it may be stolen.
    Reuse,
    /// The account was disabled.
    Disabled,
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::SignOut, Self::Remote, Self::Idle, Self::Absolute, Self::Reuse, Self::Disabled];

    /// Its name, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignOut => "sign_out",
            Self::Remote => "remote",
            Self::Idle => "idle",
            Self::Absolute => "absolute",
            Self::Reuse => "reuse",
            Self::Disabled => "disabled",
        }
    }

    /// From its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that happened. None holds a secret, an address or a name of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A one-time set-up link was printed.
    SetupIssued {
        /// Until when it is good.
        expires: Timestamp,
    },
    /// An account was made.
    AccountCreated {
        /// Whose.
        account: AccountId,
        /// What they may do.
        role: Role,
    },
    /// An account was disabled; its sessions end and its tokens die.
    AccountDisabled {
        /// Whose.
        account: AccountId,
    },
    /// An account may come in again.
    AccountEnabled {
        /// Whose.
        account: AccountId,
    },
    /// What a person may do was changed.
    RoleChanged {
        /// Whose.
        account: AccountId,
        /// The new role.
        role: Role,
    },
    /// A second factor was enrolled, or a set of recovery codes made.
    FactorEnrolled {
        /// Whose.
        account: AccountId,
        /// What kind.
        factor: FactorKind,
    },
    /// The password's hash was renewed under today's parameters.
    PasswordRehashed {
        /// Whose.
        account: AccountId,
    },
    /// A recovery code was used up.
    RecoveryUsed {
        /// Whose.
        account: AccountId,
        /// Its number.
        index: u8,
    },
    /// Someone signed in.
    SessionOpened {
        /// Who.
        account: AccountId,
        /// Under which session.
        session: SessionId,
        /// On which device.
        device: DeviceId,
        /// By which second factor.
        factor: FactorKind,
    },
    /// Someone proved again who they are, within a session.
    SessionSteppedUp {
        /// Who.
        account: AccountId,
        /// In which session.
        session: SessionId,
        /// By which second factor.
        factor: FactorKind,
    },
    /// The refresh token was exchanged for its successor.
    SessionRefreshed {
        /// Whose.
        account: AccountId,
        /// Which session.
        session: SessionId,
        /// The successor's number.
        generation: u32,
    },
    /// The same device asked for the same successor a second time: a second tab, or a lost answer.
    RefreshRepeated {
        /// Whose.
        account: AccountId,
        /// Which session.
        session: SessionId,
        /// The successor's number.
        generation: u32,
    },
    /// A used or moved refresh token was presented: the session was revoked. Alert its owner.
    RefreshReused {
        /// Whose.
        account: AccountId,
        /// Which session.
        session: SessionId,
        /// The number of the token presented.
        generation: u32,
    },
    /// A session is over.
    SessionEnded {
        /// Whose.
        account: AccountId,
        /// Which session.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
    /// Attempts from one source in one minute that were refused.
    SignInRefused {
        /// From where; `None` gathers what came from too many places to list.
        source: Option<Source>,
        /// At which step.
        stage: Stage,
        /// The minute's begin.
        minute: Timestamp,
        /// How many.
        count: u64,
    },
}

impl Event {
    /// Every kind, as the audit log names it.
    pub const KINDS: [&'static str; 15] = [
        "setup.issued",
        "account.created",
        "account.disabled",
        "account.enabled",
        "account.role_changed",
        "factor.enrolled",
        "password.rehashed",
        "recovery.used",
        "session.opened",
        "session.stepped_up",
        "session.refreshed",
        "refresh.repeated",
        "refresh.reused",
        "session.ended",
        "signin.refused",
    ];

    /// The name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SetupIssued { .. } => "setup.issued",
            Self::AccountCreated { .. } => "account.created",
            Self::AccountDisabled { .. } => "account.disabled",
            Self::AccountEnabled { .. } => "account.enabled",
            Self::RoleChanged { .. } => "account.role_changed",
            Self::FactorEnrolled { .. } => "factor.enrolled",
            Self::PasswordRehashed { .. } => "password.rehashed",
            Self::RecoveryUsed { .. } => "recovery.used",
            Self::SessionOpened { .. } => "session.opened",
            Self::SessionSteppedUp { .. } => "session.stepped_up",
            Self::SessionRefreshed { .. } => "session.refreshed",
            Self::RefreshRepeated { .. } => "refresh.repeated",
            Self::RefreshReused { .. } => "refresh.reused",
            Self::SessionEnded { .. } => "session.ended",
            Self::SignInRefused { .. } => "signin.refused",
        }
    }

    /// The account that it is about, if one is known.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::SetupIssued { .. } | Self::SignInRefused { .. } => None,
            Self::AccountCreated { account, .. }
            | Self::AccountDisabled { account }
            | Self::AccountEnabled { account }
            | Self::RoleChanged { account, .. }
            | Self::FactorEnrolled { account, .. }
            | Self::PasswordRehashed { account }
            | Self::RecoveryUsed { account, .. }
            | Self::SessionOpened { account, .. }
            | Self::SessionSteppedUp { account, .. }
            | Self::SessionRefreshed { account, .. }
            | Self::RefreshRepeated { account, .. }
            | Self::RefreshReused { account, .. }
            | Self::SessionEnded { account, .. } => Some(*account),
        }
    }

    /// The session that it is about, if it is about one.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        match self {
            Self::SessionOpened { session, .. }
            | Self::SessionSteppedUp { session, .. }
            | Self::SessionRefreshed { session, .. }
            | Self::RefreshRepeated { session, .. }
            | Self::RefreshReused { session, .. }
            | Self::SessionEnded { session, .. } => Some(*session),
            _ => None,
        }
    }

    /// Everything else in it, as named facts for the log's body.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::SetupIssued { expires } => vec![("expires", expires.to_string())],
            Self::AccountCreated { role, .. } | Self::RoleChanged { role, .. } => {
                vec![("role", role.to_string())]
            }
            Self::AccountDisabled { .. }
            | Self::AccountEnabled { .. }
            | Self::PasswordRehashed { .. } => vec![],
            Self::FactorEnrolled { factor, .. } | Self::SessionSteppedUp { factor, .. } => {
                vec![("factor", factor.as_str().to_owned())]
            }
            Self::RecoveryUsed { index, .. } => vec![("code", index.to_string())],
            Self::SessionOpened { device, factor, .. } => {
                vec![("device", device.to_string()), ("factor", factor.as_str().to_owned())]
            }
            Self::SessionRefreshed { generation, .. }
            | Self::RefreshRepeated { generation, .. }
            | Self::RefreshReused { generation, .. } => {
                vec![("generation", generation.to_string())]
            }
            Self::SessionEnded { reason, .. } => vec![("reason", reason.to_string())],
            Self::SignInRefused { source, stage, minute, count } => vec![
                ("source", source.map_or_else(|| "many".to_owned(), |s| s.to_string())),
                ("stage", stage.as_str().to_owned()),
                ("minute", minute.to_string()),
                ("count", count.to_string()),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    fn one_of_each() -> Vec<Event> {
        let (now, mut entropy) = (Timestamp::UNIX_EPOCH, SeededEntropy::new(1));
        let account = AccountId::new(now, &mut entropy);
        let session = SessionId::new(now, &mut entropy);
        let device = DeviceId::new(now, &mut entropy);
        let (role, factor, generation) = (Role::Owner, FactorKind::Totp, 7);
        vec![
            Event::SetupIssued { expires: now },
            Event::AccountCreated { account, role },
            Event::AccountDisabled { account },
            Event::AccountEnabled { account },
            Event::RoleChanged { account, role },
            Event::FactorEnrolled { account, factor },
            Event::PasswordRehashed { account },
            Event::RecoveryUsed { account, index: 3 },
            Event::SessionOpened { account, session, device, factor },
            Event::SessionSteppedUp { account, session, factor },
            Event::SessionRefreshed { account, session, generation },
            Event::RefreshRepeated { account, session, generation },
            Event::RefreshReused { account, session, generation },
            Event::SessionEnded { account, session, reason: EndReason::Reuse },
            Event::SignInRefused { source: None, stage: Stage::Password, minute: now, count: 2 },
        ]
    }

    /// Held against the log's mapping: `kind` and `facts` match without a wildcard, so a new
    /// variant does not compile until it has a name, and this fails until the name is listed.
    #[test]
    fn every_event_has_a_name_in_the_log() {
        let kinds: Vec<&str> = one_of_each().iter().map(Event::kind).collect();
        assert_eq!(kinds, Event::KINDS);
        let distinct: std::collections::BTreeSet<&str> = kinds.iter().copied().collect();
        assert_eq!(distinct.len(), Event::KINDS.len());
        for event in one_of_each() {
            let anonymous = ["setup.issued", "signin.refused"].contains(&event.kind());
            assert_eq!(event.account().is_none(), anonymous, "{}", event.kind());
        }
    }

    #[test]
    fn names_go_round() {
        for reason in EndReason::ALL {
            assert_eq!(EndReason::from_name(reason.as_str()), Some(reason));
        }
        for kind in [FactorKind::Totp, FactorKind::Recovery] {
            assert_eq!(FactorKind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(EndReason::from_name("bored"), None);
    }
}
