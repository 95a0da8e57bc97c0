//! A second factor in the making, in place of one that is gone: an authenticator's secret or a passkey.

use super::{Accounts, Known, PasskeyBegun, PasskeyMade, Result, Visitor, now};
use identity::{AccountId, NewFactor, Passkey, Profile, TotpSecret, UserVerification};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;

/// What a new second factor is made with.
#[derive(Debug)]
pub struct FreshFactor {
    /// Finds the authenticator's secret when its first code comes.
    pub ticket: String,
    /// To be typed into the authenticator.
    pub secret: Secret<String>,
    /// To be scanned.
    pub uri: Secret<String>,
    /// For a passkey in its place, where passkeys work.
    pub passkey: Option<PasskeyBegun>,
}

/// A new second factor as it came in.
#[derive(Debug)]
pub enum FactorMade {
    /// An authenticator's first code.
    Totp {
        /// Of the secret.
        ticket: String,
        /// What it shows.
        code: String,
    },
    /// A passkey.
    Passkey(PasskeyMade),
}

/// A new second factor whose ceremony was found.
pub(super) enum Fresh {
    Totp(TotpSecret, String),
    Passkey(Box<Passkey>),
}

impl Fresh {
    pub(super) fn factor(&self) -> NewFactor<'_> {
        match self {
            Self::Totp(secret, code) => NewFactor::Totp(secret, code),
            Self::Passkey(passkey) => NewFactor::Passkey((**passkey).clone()),
        }
    }
}

impl Accounts {
    /// Begins a new second factor of an account; nothing is stored.
    pub(super) async fn begin_factor(&self, known: &Known) -> Result<FreshFactor> {
        let now = now();
        let account = known.member.state.account;
        let mut entropy = SystemEntropy::new();
        let secret = TotpSecret::generate(&mut entropy);
        let (text, uri) = (secret.base32(), secret.uri(&known.profile.email));
        let ticket = self.live().enrolments.open((account, secret), now, &mut entropy);
        let ticket = ticket.expose().to_owned();
        let wanted = (account, UserVerification::Preferred);
        let passkey = self.offer_passkey(wanted, &known.profile, now).await?;
        Ok(FreshFactor { ticket, secret: text, uri, passkey })
    }

    /// Asks for a new passkey, where passkeys work.
    pub(super) async fn offer_passkey(
        &self,
        (account, verification): (AccountId, UserVerification),
        person: &Profile,
        now: Timestamp,
    ) -> Result<Option<PasskeyBegun>> {
        if self.passkey_origin().is_none() {
            return Ok(None);
        }
        Ok(Some(PasskeyBegun {
            ask: self.ask_new_passkey(account, verification, now).await?,
            handle: *account.as_bytes(),
            email: person.email.to_string(),
            display_name: person.display_name.to_string(),
        }))
    }

    /// Finds what a new factor was begun with. An authenticator's ticket stays until its code is
    /// right, a passkey's challenge is good once.
    pub(super) fn find_factor(
        &self,
        visitor: &Visitor,
        known: &Known,
        made: FactorMade,
        now: Timestamp,
    ) -> Result<Fresh> {
        match made {
            FactorMade::Totp { ticket, code } => {
                let found = self.live().enrolments.find(&ticket, now).cloned();
                let (account, secret) =
                    found.map_err(|error| self.link_refused(visitor, now, error))?;
                if account != known.member.state.account {
                    return Err(self.no_link(visitor, now));
                }
                Ok(Fresh::Totp(secret, code))
            }
            FactorMade::Passkey(made) => {
                Ok(Fresh::Passkey(Box::new(self.made_passkey(known, made, now)?)))
            }
        }
    }
}
