//! What happened, for the audit log: every change of state returns its events.

use crate::{AccountId, DeviceId, Governed, Life, Role, SessionId, Source, Stage};
use jiff::Timestamp;
use std::fmt;

/// What stands beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactorKind {
    /// A code from an authenticator app.
    Totp,
    /// A recovery code.
    Recovery,
    /// A passkey.
    Passkey,
    /// Nothing: the password is the only factor that the account has.
    Password,
}

impl FactorKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Totp, Self::Recovery, Self::Passkey, Self::Password];

    /// Its name, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Recovery => "recovery",
            Self::Passkey => "passkey",
            Self::Password => "password",
        }
    }

    /// From its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReason {
    /// The person signed out, or in anew in the same browser.
    SignOut,
    /// The person ended it from another session.
    Remote,
    /// Unused for too long.
    Idle,
    /// It reached its absolute end.
    Absolute,
    /// A used refresh token was presented again: it may be stolen.
    Reuse,
    /// The account was disabled or erased.
    Disabled,
    /// A password, second factor or address was changed.
    Changed,
    /// What the person may do was changed.
    Role,
    /// What it did looked like a thief's work.
    Suspected,
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SignOut,
        Self::Remote,
        Self::Idle,
        Self::Absolute,
        Self::Reuse,
        Self::Disabled,
        Self::Changed,
        Self::Role,
        Self::Suspected,
    ];

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
            Self::Changed => "changed",
            Self::Role => "role",
            Self::Suspected => "suspected",
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
    /// Something in an account's life.
    Life {
        /// Whose.
        account: AccountId,
        /// What.
        what: Life,
    },
    /// A decision of those who run the server.
    Governed(Governed),
}

impl Event {
    /// Every kind, as the audit log names it.
    pub const KINDS: [&'static str; 57] = all_kinds();

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
            Self::Life { what, .. } => what.kind(),
            Self::Governed(decision) => decision.kind(),
        }
    }

    /// The account that it is about, if one is known.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::SetupIssued { .. } | Self::SignInRefused { .. } => None,
            Self::Governed(decision) => decision.by(),
            Self::Life { account, .. }
            | Self::AccountCreated { account, .. }
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
            Self::Life { what, .. } => what.facts(),
            Self::Governed(decision) => decision.facts(),
        }
    }
}

const SIGN_IN_KINDS: [&str; 15] = [
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

#[allow(clippy::indexing_slicing, reason = "the lengths are constants; a slip does not compile")]
const fn all_kinds() -> [&'static str; 57] {
    let mut all = [""; 57];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < 15 {
            SIGN_IN_KINDS[at]
        } else if at < 46 {
            Life::KINDS[at - 15]
        } else {
            Governed::KINDS[at - 46]
        };
        at += 1;
    }
    all
}
