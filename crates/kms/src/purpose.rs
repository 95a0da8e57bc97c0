//! What a key is for: no two purposes share a key.

/// One use of one key; each yields unrelated keys for sealing, authentication and signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Signs the checkpoints of the audit log.
    AuditLog,
    /// Seals the bodies of the audit log for as long as the law wants them.
    Retention,
    /// Seals fields of accounts, such as TOTP secrets.
    Accounts,
    /// Looks up sealed fields: the blind index.
    BlindIndex,
    /// The pepper of password hashes.
    Passwords,
    /// Signs access tokens.
    AccessTokens,
    /// Derives the successors of refresh tokens.
    RefreshTokens,
    /// Authenticates device cookies.
    DeviceCookies,
    /// Wraps the key of a store of secrets.
    Secrets,
    /// Signs licences, leases and revocations.
    Licences,
    /// Cosigns checkpoints of other logs.
    Witness,
    /// Signs the ledger of backups, and seals what lies beside them.
    Backups,
    /// Signs what the server says of how its claims stand.
    Posture,
    /// Signs where weaknesses are reported (`security.txt`).
    Disclosure,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 14] = [
        Self::AuditLog,
        Self::Retention,
        Self::Accounts,
        Self::BlindIndex,
        Self::Passwords,
        Self::AccessTokens,
        Self::RefreshTokens,
        Self::DeviceCookies,
        Self::Secrets,
        Self::Licences,
        Self::Witness,
        Self::Backups,
        Self::Posture,
        Self::Disclosure,
    ];

    /// The name inside the key derivation; it never changes, or every key would.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuditLog => "audit-log",
            Self::Retention => "retention",
            Self::Accounts => "accounts",
            Self::BlindIndex => "blind-index",
            Self::Passwords => "passwords",
            Self::AccessTokens => "access-tokens",
            Self::RefreshTokens => "refresh-tokens",
            Self::DeviceCookies => "device-cookies",
            Self::Secrets => "secrets",
            Self::Licences => "licences",
            Self::Witness => "witness",
            Self::Backups => "backups",
            Self::Posture => "posture",
            Self::Disclosure => "disclosure",
        }
    }

    /// The purpose of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// Why its keys stay as they are when others are replaced, if they do.
    #[must_use]
    pub const fn lasts(self) -> Option<&'static str> {
        match self {
            Self::Accounts => None,
            Self::AuditLog | Self::Witness | Self::Licences | Self::Posture | Self::Disclosure => {
                Some("others know its public half and hold against it what was signed")
            }
            Self::Retention => Some("entries of the log are never sealed anew"),
            Self::BlindIndex => Some("every account is found by it"),
            Self::Passwords => {
                Some("every password's hash was made with it, and no password is kept")
            }
            Self::AccessTokens | Self::RefreshTokens | Self::DeviceCookies => Some(
                "they change by the month by themselves, or `stockade users` ends the sessions",
            ),
            Self::Backups => Some("the ledger beside the snapshots is held against it"),
            Self::Secrets => {
                Some("the store of secrets has a key of its own, which is replaced there")
            }
        }
    }

    /// Whether its key is another one after a restore: a log never takes back what it signed.
    #[must_use]
    pub const fn is_of_an_era(self) -> bool {
        matches!(self, Self::AuditLog | Self::Witness)
    }
}
