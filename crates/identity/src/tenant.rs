//! The capability to reach what a person owns.

use crate::AccountId;

/// Proof that what follows is done by, or for, one account: repositories ask for it, so code
/// that has none cannot name a person's rows.
///
/// It has no public constructor from an id. There are two sources:
/// [`Authenticated::tenant`](crate::Authenticated::tenant), after a token was verified and its
/// session found alive, and [`Tenant::host`], for the operator on the machine itself.
///
/// ```compile_fail
/// fn forge(account: identity::AccountId) -> identity::Tenant {
///     identity::Tenant { account }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenant {
    account: AccountId,
}

impl Tenant {
    pub(crate) const fn of(account: AccountId) -> Self {
        Self { account }
    }

    /// The operator at the machine's own command line, acting for the owner's account.
    ///
    /// Whoever may read the data directory and the key file can do all that this value allows
    /// anyhow; it exists so that the command line goes through the same repositories and the
    /// same audit log as everyone. Never call it where a request is served.
    #[must_use]
    pub const fn host(owner: AccountId) -> Self {
        Self { account: owner }
    }

    /// Whose things these are.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }
}
