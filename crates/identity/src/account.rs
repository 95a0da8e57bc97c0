//! Accounts: who exists, in which role, and whether they may come in.

use crate::{AccountId, EmailAddress, Error, PasswordHash, Role};
use jiff::Timestamp;
use std::{fmt, str::FromStr};
use unicode_normalization::UnicodeNormalization;

/// A person's name as they want it shown: 1 to 80 characters, normalised, nothing invisible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name before the `@`, for who gives none.
    #[must_use]
    pub fn from_email(email: &EmailAddress) -> Self {
        Self(email.local().to_owned())
    }
}

impl FromStr for DisplayName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // Bounded before it is normalised: NFC can grow a text threefold.
        if text.len() > 1024 {
            return Err(Error::DisplayName);
        }
        let name: String = text.trim().nfc().collect();
        let fits = (1..=80).contains(&name.chars().count());
        if fits && !name.chars().any(is_invisible) {
            Ok(Self(name))
        } else {
            Err(Error::DisplayName)
        }
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Control characters, and those that reorder or hide text (a name must not spoof another).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether an account may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It may.
    Active,
    /// It may not, and the answer is the one for a wrong password.
    Disabled,
}

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name for good.
    pub id: AccountId,
    /// Where mail goes, and the name to sign in by.
    pub email: EmailAddress,
    /// How the person wants to be called.
    pub display_name: DisplayName,
    /// What they may do.
    pub role: Role,
    /// When it was made.
    pub created: Timestamp,
}

/// What every request must know about an account: small, and current within the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountState {
    /// Whose.
    pub account: AccountId,
    /// What they may do.
    pub role: Role,
    /// Grows whenever rights or credentials change: older access tokens die with it.
    pub epoch: u32,
    /// Whether they may come in.
    pub standing: Standing,
}

/// What a sign-in needs to know about an account.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Who, in which role, in which epoch, and whether at all.
    pub state: AccountState,
    /// The password's hash.
    pub password: PasswordHash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_it_is_written() {
        let check = |text: &str, want: Result<&str, Error>| {
            let name = text.parse::<DisplayName>().map(|n| n.to_string());
            assert_eq!(name, want.map(str::to_owned), "{text:?}");
        };
        check(" Ada Lovelace ", Ok("Ada Lovelace"));
        check("Zoe\u{308}", Ok("Zo\u{eb}"));
        check("", Err(Error::DisplayName));
        check("a\nb", Err(Error::DisplayName));
        check("admin\u{202e}", Err(Error::DisplayName));
        check(&"x".repeat(81), Err(Error::DisplayName));
        check(&"\u{958}".repeat(4000), Err(Error::DisplayName));
    }
}
