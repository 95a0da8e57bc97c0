//! Whose rows a transaction may see: on PostgreSQL the database itself holds to it.

use identity::{AccountId, Tenant};
use std::fmt;

/// What the policies of the tables compare with; without one, nothing that a person owns is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One person's rows.
    Account(AccountId),
    /// Everybody's: signing in, sweeping up after a stop, and what only the house decides.
    House,
}

/// What stands for everybody; no account's id reads like it.
pub(crate) const HOUSE: &str = "*";

impl From<&Tenant> for Scope {
    fn from(tenant: &Tenant) -> Self {
        Self::Account(tenant.account())
    }
}

impl From<Option<&Tenant>> for Scope {
    fn from(tenant: Option<&Tenant>) -> Self {
        tenant.map_or(Self::House, Self::from)
    }
}

/// As the setting `stockade.tenant` has it: hexadecimal digits and dashes, or the house's sign.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "{account}"),
            Self::House => f.write_str(HOUSE),
        }
    }
}
