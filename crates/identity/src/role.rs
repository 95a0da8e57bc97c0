//! Roles are sets of permissions; what no set names is denied.

use crate::Error;
use std::{fmt, str::FromStr};

/// What a person is here for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The first account: everything.
    Owner,
    /// Runs the server and its accounts; grants no roles.
    Admin,
    /// Helps people; sees who exists, not what they own.
    Support,
    /// Reads the log.
    Auditor,
    /// Works: data, strategies, backtests.
    Trader,
    /// Looks, changes nothing.
    Viewer,
}

/// One thing that can be allowed. Everything a person owns is moreover reached by its owner only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See and end one's own sessions.
    OwnSessions,
    /// See datasets and their bars.
    DataRead,
    /// Import, replace or remove a dataset.
    DataImport,
    /// See one's own strategies.
    StrategyRead,
    /// Change one's own strategies.
    StrategyWrite,
    /// See one's own backtests.
    BacktestRead,
    /// Start and cancel one's own backtests.
    BacktestRun,
    /// See the audit log.
    AuditRead,
    /// Take the audit log away as a file.
    AuditExport,
    /// See reports of the browsers' content security policy.
    ViolationRead,
    /// See which accounts exist.
    AccountRead,
    /// Enable and disable accounts, end their sessions.
    AccountManage,
    /// Change what a person may do.
    RoleGrant,
    /// Enrol, renew and remove one's own factors.
    OwnFactors,
    /// Make and revoke one's own API tokens and bots.
    OwnTokens,
    /// Take one's own data away, and have one's account erased.
    OwnData,
    /// Invite people.
    AccountInvite,
    /// Start a reset for somebody, vouch for who lost a factor; never set a password.
    AccountReset,
    /// Propose and approve what needs two persons.
    ActDecide,
    /// Sign off the quarter's review of who may do what.
    ReviewSign,
    /// Change how long things are kept.
    RetentionSet,
    /// Use the root key.
    RootKeyUse,
    /// Take everybody's data away as a file.
    BulkExport,
    /// Read the letters that wait, where nobody carries them: they hold people's ways in.
    LetterRead,
    /// See which keys of price vendors are sealed; never a key.
    VendorKeyRead,
    /// Put keys of price vendors in and take them out.
    VendorKeyWrite,
    /// See which machines belong, and how each stands.
    MachineRead,
    /// Let machines in and put them out.
    MachineManage,
    /// See reports of weaknesses and their clocks; never what they say.
    ReportRead,
    /// Take the sealed text of a report away, and take steps with it.
    ReportAnswer,
    /// See which licences were issued, and who has their seats.
    LicenceRead,
    /// Issue licences, suspend, resume and revoke them, and give seats back.
    LicenceManage,
}

/// How strong and how fresh the proof of who is there must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A live session: looking, and everyday work on what one owns.
    Read,
    /// Signed in within 15 minutes: what others notice, or what cannot be undone.
    Write,
    /// Signed in within 5 minutes, with a second factor: rights, exports, keys.
    Dangerous,
}

use Permission as P;

impl Permission {
    /// All of them, for the published table.
    pub const ALL: [Self; 32] = [
        P::OwnSessions,
        P::DataRead,
        P::DataImport,
        P::StrategyRead,
        P::StrategyWrite,
        P::BacktestRead,
        P::BacktestRun,
        P::AuditRead,
        P::AuditExport,
        P::ViolationRead,
        P::AccountRead,
        P::AccountManage,
        P::RoleGrant,
        P::OwnFactors,
        P::OwnTokens,
        P::OwnData,
        P::AccountInvite,
        P::AccountReset,
        P::ActDecide,
        P::ReviewSign,
        P::RetentionSet,
        P::RootKeyUse,
        P::BulkExport,
        P::LetterRead,
        P::VendorKeyRead,
        P::VendorKeyWrite,
        P::MachineRead,
        P::MachineManage,
        P::ReportRead,
        P::ReportAnswer,
        P::LicenceRead,
        P::LicenceManage,
    ];

    /// Its name, as stored in a token's scope.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            P::OwnSessions => "own-sessions",
            P::DataRead => "data-read",
            P::DataImport => "data-import",
            P::StrategyRead => "strategy-read",
            P::StrategyWrite => "strategy-write",
            P::BacktestRead => "backtest-read",
            P::BacktestRun => "backtest-run",
            P::AuditRead => "audit-read",
            P::AuditExport => "audit-export",
            P::ViolationRead => "violation-read",
            P::AccountRead => "account-read",
            P::AccountManage => "account-manage",
            P::RoleGrant => "role-grant",
            P::OwnFactors => "own-factors",
            P::OwnTokens => "own-tokens",
            P::OwnData => "own-data",
            P::AccountInvite => "account-invite",
            P::AccountReset => "account-reset",
            P::ActDecide => "act-decide",
            P::ReviewSign => "review-sign",
            P::RetentionSet => "retention-set",
            P::RootKeyUse => "root-key-use",
            P::BulkExport => "bulk-export",
            P::LetterRead => "letter-read",
            P::VendorKeyRead => "vendor-key-read",
            P::VendorKeyWrite => "vendor-key-write",
            P::MachineRead => "machine-read",
            P::MachineManage => "machine-manage",
            P::ReportRead => "report-read",
            P::ReportAnswer => "report-answer",
            P::LicenceRead => "licence-read",
            P::LicenceManage => "licence-manage",
        }
    }

    /// From its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == name)
    }

    /// The level that it asks for.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            P::OwnSessions
            | P::DataRead
            | P::StrategyRead
            | P::StrategyWrite
            | P::BacktestRead
            | P::BacktestRun
            | P::AuditRead
            | P::ViolationRead
            | P::AccountRead
            | P::VendorKeyRead
            | P::MachineRead
            | P::ReportRead
            | P::LicenceRead => Level::Read,
            P::DataImport
            | P::AccountManage
            | P::OwnFactors
            | P::OwnTokens
            | P::OwnData
            | P::AccountInvite
            | P::AccountReset
            | P::ReportAnswer => Level::Write,
            P::AuditExport
            | P::RoleGrant
            | P::ActDecide
            | P::ReviewSign
            | P::RetentionSet
            | P::RootKeyUse
            | P::BulkExport
            | P::LetterRead
            | P::VendorKeyWrite
            | P::MachineManage
            | P::LicenceManage => Level::Dangerous,
        }
    }

    /// What a session may do whose role asks for a second factor that it was opened without:
    /// enough to enrol one, and to leave.
    #[must_use]
    pub const fn needs_no_factor(self) -> bool {
        matches!(self, P::OwnSessions | P::OwnFactors)
    }

    /// Whether a token or a bot can ever have it: never what changes accounts and rights.
    #[must_use]
    pub const fn suits_tokens(self) -> bool {
        matches!(
            self,
            P::DataRead
                | P::DataImport
                | P::StrategyRead
                | P::StrategyWrite
                | P::BacktestRead
                | P::BacktestRun
                | P::AuditRead
        )
    }
}

/// What whoever runs the server may do.
const ADMIN: [Permission; 30] = [
    P::OwnSessions,
    P::DataRead,
    P::DataImport,
    P::StrategyRead,
    P::StrategyWrite,
    P::BacktestRead,
    P::BacktestRun,
    P::AuditRead,
    P::AuditExport,
    P::ViolationRead,
    P::AccountRead,
    P::AccountManage,
    P::OwnFactors,
    P::OwnTokens,
    P::OwnData,
    P::AccountInvite,
    P::AccountReset,
    P::ActDecide,
    P::ReviewSign,
    P::RetentionSet,
    P::RootKeyUse,
    P::BulkExport,
    P::VendorKeyRead,
    P::VendorKeyWrite,
    P::MachineRead,
    P::MachineManage,
    P::ReportRead,
    P::ReportAnswer,
    P::LicenceRead,
    P::LicenceManage,
];

impl Role {
    /// All of them, strongest first.
    pub const ALL: [Self; 6] =
        [Self::Owner, Self::Admin, Self::Support, Self::Auditor, Self::Trader, Self::Viewer];

    /// Its name, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Support => "support",
            Self::Auditor => "auditor",
            Self::Trader => "trader",
            Self::Viewer => "viewer",
        }
    }

    /// What it may do; everything else is denied.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Owner => &Permission::ALL,
            Self::Admin => &ADMIN,
            Self::Support => &[
                P::OwnSessions,
                P::AccountRead,
                P::ViolationRead,
                P::OwnFactors,
                P::OwnTokens,
                P::OwnData,
            ],
            Self::Auditor => &[
                P::OwnSessions,
                P::AuditRead,
                P::AuditExport,
                P::AccountRead,
                P::OwnFactors,
                P::OwnTokens,
                P::OwnData,
                P::ReviewSign,
                P::MachineRead,
                P::LicenceRead,
            ],
            Self::Trader => &[
                P::OwnSessions,
                P::DataRead,
                P::DataImport,
                P::StrategyRead,
                P::StrategyWrite,
                P::BacktestRead,
                P::BacktestRun,
                P::OwnFactors,
                P::OwnTokens,
                P::OwnData,
            ],
            Self::Viewer => &[
                P::OwnSessions,
                P::DataRead,
                P::StrategyRead,
                P::BacktestRead,
                P::OwnFactors,
                P::OwnTokens,
                P::OwnData,
            ],
        }
    }

    /// Whether it runs or watches the server: such a role asks for a second factor (M16).
    #[must_use]
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Owner | Self::Admin | Self::Support | Self::Auditor)
    }

    /// Whether it decides about others: giving and taking it is an act of two persons.
    #[must_use]
    pub const fn governs(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    /// Whether it may.
    #[must_use]
    pub fn allows(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| Error::Role { text: text.chars().take(32).collect() })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, a letter a role, as it is published: a change shows here first.
    #[test]
    fn who_may_do_what() {
        let row = |permission| {
            let letter =
                |role: Role| if role.allows(permission) { &role.as_str()[..1] } else { "-" };
            Role::ALL.map(letter).concat()
        };
        let check = |permission, want: &str| assert_eq!(row(permission), want, "{permission:?}");
        check(P::OwnSessions, "oasatv");
        check(P::DataRead, "oa--tv");
        check(P::DataImport, "oa--t-");
        check(P::StrategyRead, "oa--tv");
        check(P::StrategyWrite, "oa--t-");
        check(P::BacktestRead, "oa--tv");
        check(P::BacktestRun, "oa--t-");
        check(P::AuditRead, "oa-a--");
        check(P::AuditExport, "oa-a--");
        check(P::ViolationRead, "oas---");
        check(P::AccountRead, "oasa--");
        check(P::AccountManage, "oa----");
        check(P::RoleGrant, "o-----");
        check(P::OwnFactors, "oasatv");
        check(P::OwnTokens, "oasatv");
        check(P::OwnData, "oasatv");
        check(P::AccountInvite, "oa----");
        check(P::AccountReset, "oa----");
        check(P::ActDecide, "oa----");
        check(P::ReviewSign, "oa-a--");
        check(P::RetentionSet, "oa----");
        check(P::RootKeyUse, "oa----");
        check(P::BulkExport, "oa----");
        check(P::LetterRead, "o-----");
        check(P::VendorKeyRead, "oa----");
        check(P::VendorKeyWrite, "oa----");
        check(P::LicenceRead, "oa-a--");
        check(P::LicenceManage, "oa----");
    }

    #[test]
    fn names_go_round_and_no_other_is_a_role() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        for bad in ["", "Owner", "root", "owner "] {
            assert!(matches!(bad.parse::<Role>(), Err(Error::Role { .. })), "{bad}");
        }
    }

    #[test]
    fn what_changes_rights_or_leaves_the_house_is_dangerous() {
        assert_eq!(P::RoleGrant.level(), Level::Dangerous);
        assert_eq!(P::AuditExport.level(), Level::Dangerous);
        assert_eq!(P::VendorKeyWrite.level(), Level::Dangerous);
        assert!(Level::Read < Level::Write && Level::Write < Level::Dangerous);
    }
}
