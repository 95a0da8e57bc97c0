//! One-time values in links: random, stored as a hash, for one purpose, for a short time.
//!
//! A grant is used up by deleting its row in the transaction of the act that it admits; an act
//! that finds no row to delete fails as a whole. So a link works once, on however many servers.

use crate::{AccountId, AccountState, DeviceId, EmailAddress, Error, Role, TokenHash};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use seal::{Entropy, Secret, random};
use std::str::FromStr;

/// What a link is good for; a value made for one purpose is unknown to all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To go on with a registration that one asked for oneself.
    Register,
    /// To follow an invitation.
    Invite,
    /// To confirm a new address.
    AddressConfirm,
    /// To stop a change of address, sent to the old one.
    AddressStop,
    /// To choose a new password.
    Reset,
    /// To make this browser a known device; never a factor.
    Device,
    /// To say that the second factor is lost, and later to enrol a new one.
    Loss,
    /// To stop the recovery of a lost second factor.
    LossStop,
    /// To stop the erasure of an account.
    EraseStop,
    /// The link that the operator prints on the host.
    Recover,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Register,
        Self::Invite,
        Self::AddressConfirm,
        Self::AddressStop,
        Self::Reset,
        Self::Device,
        Self::Loss,
        Self::LossStop,
        Self::EraseStop,
        Self::Recover,
    ];

    /// Its name, as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Invite => "invite",
            Self::AddressConfirm => "address-confirm",
            Self::AddressStop => "address-stop",
            Self::Reset => "reset",
            Self::Device => "device",
            Self::Loss => "loss",
            Self::LossStop => "loss-stop",
            Self::EraseStop => "erase-stop",
            Self::Recover => "recover",
        }
    }

    /// From its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }

    /// How long such a link lives. What proves who is there lives ten minutes (ASVS 6.5.5); what
    /// only stops something lives as long as there is something to stop.
    #[must_use]
    pub const fn lifetime(self) -> SignedDuration {
        match self {
            Self::Reset | Self::Device | Self::Loss => SignedDuration::from_mins(10),
            Self::Recover => SignedDuration::from_mins(30),
            Self::Register | Self::AddressConfirm => SignedDuration::from_hours(1),
            Self::Invite | Self::AddressStop => SignedDuration::from_hours(72),
            Self::LossStop | Self::EraseStop => SignedDuration::from_hours(24 * 8),
        }
    }
}

/// The value in a link; only a POST consumes it. It does not print.
#[derive(Debug, Clone)]
pub struct OneTimeToken(Secret<[u8; 32]>);

impl OneTimeToken {
    /// For the link's fragment: 43 characters of base64url.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }

    /// What finds its row.
    #[must_use]
    pub fn hash(&self, purpose: Purpose) -> TokenHash {
        TokenHash::of(purpose.as_str(), self.0.expose())
    }
}

impl FromStr for OneTimeToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        crate::token::decode(text).map(Self).ok_or(Error::Ticket)
    }
}

/// For whom a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// An account, as it was in this epoch: a change of its rights or credentials kills the link.
    Account {
        /// Whose.
        account: AccountId,
        /// The epoch.
        epoch: u32,
    },
    /// An address that has no account yet.
    Address {
        /// The address; sealed where it is stored.
        email: EmailAddress,
        /// The role that following the link gives.
        role: Role,
    },
    /// A new address of an account.
    NewAddress {
        /// Whose.
        account: AccountId,
        /// The epoch.
        epoch: u32,
        /// The address; sealed where it is stored.
        email: EmailAddress,
    },
}

/// What is stored of a link. The newest of a purpose and holder replaces the ones before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The value's hash.
    pub hash: TokenHash,
    /// What it is good for.
    pub purpose: Purpose,
    /// For whom.
    pub holder: Holder,
    /// The browser that asked for it, if only that one may follow it (ASVS 6.6.2).
    pub device: Option<DeviceId>,
    /// Until when it is good.
    pub expires: Timestamp,
}

impl Grant {
    /// A fresh value and what to store of it.
    #[must_use]
    pub fn issue(
        purpose: Purpose,
        holder: Holder,
        device: Option<DeviceId>,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> (OneTimeToken, Self) {
        let token = OneTimeToken(Secret::new(random(entropy)));
        let expires = now.saturating_add(purpose.lifetime()).unwrap_or(Timestamp::MAX);
        let grant = Self { hash: token.hash(purpose), purpose, holder, device, expires };
        (token, grant)
    }

    /// For an account as it is now.
    #[must_use]
    pub fn for_account(
        purpose: Purpose,
        state: &AccountState,
        device: Option<DeviceId>,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> (OneTimeToken, Self) {
        let holder = Holder::Account { account: state.account, epoch: state.epoch };
        Self::issue(purpose, holder, device, now, entropy)
    }

    /// Whether the value is this one, for this purpose, from the right browser, in time. Every
    /// fault reads the same.
    pub fn admits(
        &self,
        purpose: Purpose,
        token: &OneTimeToken,
        device: Option<DeviceId>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let same = self.purpose == purpose && self.hash.matches(&token.hash(purpose));
        let at_home = self.device.is_none() || self.device == device;
        if same && at_home && now < self.expires { Ok(()) } else { Err(Error::Ticket) }
    }

    /// Whether it is still meant for this account as it is now.
    pub fn concerns(&self, state: &AccountState) -> Result<(), Error> {
        match &self.holder {
            Holder::Account { account, epoch } | Holder::NewAddress { account, epoch, .. }
                if *account == state.account && *epoch == state.epoch =>
            {
                Ok(())
            }
            _ => Err(Error::Ticket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standing;
    use seal::SeededEntropy;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).expect("in range")
    }

    fn state(epoch: u32) -> AccountState {
        let account = AccountId::new(at(0), &mut SeededEntropy::new(1));
        AccountState { account, role: Role::Trader, epoch, standing: Standing::Active }
    }

    #[test]
    fn a_link_is_good_for_its_purpose_its_browser_and_its_time() {
        let mut entropy = SeededEntropy::new(2);
        let own = DeviceId::new(at(0), &mut entropy);
        let other = DeviceId::new(at(0), &mut entropy);
        let make = |device, entropy: &mut SeededEntropy| {
            Grant::for_account(Purpose::Reset, &state(0), device, at(0), entropy)
        };
        let (token, grant) = make(Some(own), &mut entropy);
        let (stranger, _) = make(None, &mut entropy);
        let check = |purpose, token: &OneTimeToken, device, second, works: bool| {
            let want = if works { Ok(()) } else { Err(Error::Ticket) };
            assert_eq!(grant.admits(purpose, token, device, at(second)), want);
        };
        check(Purpose::Reset, &token, Some(own), 0, true);
        check(Purpose::Reset, &token, Some(own), 599, true);
        check(Purpose::Reset, &token, Some(own), 600, false);
        check(Purpose::Reset, &token, Some(other), 0, false);
        check(Purpose::Reset, &token, None, 0, false);
        check(Purpose::Device, &token, Some(own), 0, false);
        check(Purpose::Reset, &stranger, Some(own), 0, false);
        let read: OneTimeToken = token.text().expose().parse().expect("our own text");
        check(Purpose::Reset, &read, Some(own), 0, true);
    }

    #[test]
    fn a_change_of_the_account_kills_its_links() {
        let mut entropy = SeededEntropy::new(2);
        let (_, grant) = Grant::for_account(Purpose::Loss, &state(3), None, at(0), &mut entropy);
        assert_eq!(grant.concerns(&state(3)), Ok(()));
        assert_eq!(grant.concerns(&state(4)), Err(Error::Ticket));
        let stranger = AccountId::new(at(0), &mut entropy);
        let other = AccountState { account: stranger, ..state(3) };
        assert_eq!(grant.concerns(&other), Err(Error::Ticket));
    }

    #[test]
    fn hashes_of_one_value_differ_by_purpose_and_names_go_round() {
        let token = OneTimeToken(Secret::new([7; 32]));
        let hashes: std::collections::BTreeSet<_> =
            Purpose::ALL.into_iter().map(|purpose| token.hash(purpose)).collect();
        assert_eq!(hashes.len(), Purpose::ALL.len());
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::from_name(purpose.as_str()), Some(purpose));
            assert!(purpose.lifetime().is_positive());
        }
        for bad in ["", "x", &"A".repeat(44), &"=".repeat(43)] {
            assert!(bad.parse::<OneTimeToken>().is_err(), "{bad}");
        }
        assert!(!format!("{token:?}").contains(token.text().expose()));
    }
}
