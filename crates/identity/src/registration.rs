//! Registration: who may ask, what is mailed, and the account that a followed link makes.
//!
//! An account exists from the moment its link is followed and not before: there are no accounts
//! with addresses that nobody confirmed, and nobody can take an address that is not theirs.

use crate::{
    Account, AccountId, AccountState, DeviceId, DisplayName, EmailAddress, Errand, Error, Event,
    FactorKind, FactorProof, Factors, Governed, Grant, Holder, Letter, Mail, NewPassword,
    OneTimeToken, Passkey, PasskeyProof, PasswordHash, Passwords, Permission, Purpose, Role, Rule,
    Standing, TokenHash, Wish,
};
use jiff::Timestamp;
use seal::Entropy;
use std::str::FromStr;

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Everyone, as a trader.
    Open,
    /// Who has an invitation.
    Invite,
    /// Nobody; invitations that are out are worth nothing.
    Closed,
}

impl RegistrationMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Invite, Self::Closed];

    /// Its name, as configured.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }
    }

    /// Takes in a stranger's wish to register. The refusal looks at the mode only.
    pub fn apply(
        self,
        email: EmailAddress,
        device: DeviceId,
        now: Timestamp,
    ) -> Result<Errand, Error> {
        match self {
            Self::Open => Ok(Errand { wish: Wish::Register, email, device, asked: now }),
            Self::Invite | Self::Closed => Err(Error::Closed),
        }
    }

    /// Whether such a link may still be followed to an account.
    pub fn admits(self, purpose: Purpose) -> Result<(), Error> {
        match (self, purpose) {
            (Self::Open, Purpose::Register) | (Self::Open | Self::Invite, Purpose::Invite) => {
                Ok(())
            }
            _ => Err(Error::Ticket),
        }
    }
}

impl FromStr for RegistrationMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        found.ok_or_else(|| Rule::Mode { text: text.chars().take(32).collect() }.into())
    }
}

/// An invitation: its row, its letter and its event.
#[derive(Debug)]
pub struct Invitation {
    /// The link's row.
    pub grant: Grant,
    /// The letter.
    pub mail: Mail,
    /// What happened.
    pub event: Event,
}

impl Invitation {
    /// Invites an address into a role that the inviter may give. The roles that run the server
    /// are given to accounts that exist, by the rules of [`HighAct`](crate::HighAct).
    pub fn issue(
        by: &crate::Authenticated,
        email: EmailAddress,
        role: Role,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, Error> {
        by.authorize(Permission::AccountInvite, now)?;
        if role.governs() {
            return Err(Rule::SecondPerson.into());
        }
        let holder = Holder::Address { email: email.clone(), role };
        let (token, grant) = Grant::issue(Purpose::Invite, holder, None, now, entropy);
        let by = by.session().account;
        let event = Event::Governed(Governed::Invited { by, role, expires: grant.expires });
        let mail = Mail::to_address(email, Letter::Invitation(token, role));
        Ok(Self { grant, mail, event })
    }

    /// Takes an invitation back: its row is deleted with this event.
    pub fn withdraw(
        grant: &Grant,
        by: &crate::Authenticated,
        now: Timestamp,
    ) -> Result<Event, Error> {
        by.authorize(Permission::AccountInvite, now)?;
        if grant.purpose != Purpose::Invite {
            return Err(Error::Ticket);
        }
        Ok(Event::Governed(Governed::InvitationWithdrawn { by: by.session().account }))
    }
}

/// With what the new account is entered first.
#[derive(Debug)]
pub enum FirstCredential<'a> {
    /// A password, long enough to stand alone.
    Password(&'a NewPassword, &'a Passwords),
    /// A passkey that verified its user: two factors at once, and no password at all.
    Passkey(&'a Passkey, PasskeyProof),
}

/// What a followed link's form holds.
#[derive(Debug)]
pub struct RegistrationForm<'a> {
    /// From the link.
    pub token: &'a OneTimeToken,
    /// How the person wants to be called.
    pub display_name: DisplayName,
    /// With what the account is entered.
    pub credential: FirstCredential<'a>,
    /// The browser that the form came from.
    pub device: DeviceId,
}

/// A new account, to be stored as a whole together with the use of its link; it is refused if the
/// address has an account by then.
#[derive(Debug)]
pub struct NewMember {
    /// Who.
    pub account: Account,
    /// The password's hash, unless a passkey stands alone.
    pub password: Option<PasswordHash>,
    /// The passkey, if one stands alone.
    pub passkey: Option<Passkey>,
    /// The link to use up.
    pub spend: TokenHash,
    /// Its rights.
    pub state: AccountState,
    /// What happened.
    pub events: Vec<Event>,
}

impl NewMember {
    /// Makes the account of a followed link, and a proof that is good for its first session; a
    /// password costs a hash: run it on the bounded pool.
    pub fn register(
        form: RegistrationForm<'_>,
        grant: &Grant,
        mode: RegistrationMode,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, FactorProof), Error> {
        mode.admits(grant.purpose)?;
        grant.admits(grant.purpose, form.token, Some(form.device), now)?;
        let Holder::Address { email, role } = &grant.holder else { return Err(Error::Ticket) };
        let id = form.credential.account(now, entropy);
        let (email, role) = (email.clone(), *role);
        let display_name = form.display_name;
        let account = Account { id, email, display_name, role, created: now };
        let state = AccountState { account: id, role, epoch: 0, standing: Standing::Active };
        let mut events = vec![Event::AccountCreated { account: id, role }];
        let (password, passkey, proof) = match form.credential {
            FirstCredential::Password(password, passwords) => {
                password.suits(Factors::PasswordOnly)?;
                let hash = passwords.hash(id, password, entropy);
                (Some(hash), None, FactorProof::alone_at_registration(state, now))
            }
            FirstCredential::Passkey(passkey, shown) => {
                let proof = FactorProof::passkey_at_registration(&shown, passkey, state, now)?;
                events.push(Event::FactorEnrolled { account: id, factor: FactorKind::Passkey });
                (None, Some(passkey.clone()), proof)
            }
        };
        Ok((Self { account, password, passkey, spend: grant.hash, state, events }, proof))
    }
}

impl FirstCredential<'_> {
    /// A passkey was made for an id (its user handle); a password is hashed for a fresh one.
    fn account(&self, now: Timestamp, entropy: &mut dyn Entropy) -> AccountId {
        match self {
            Self::Password(..) => AccountId::new(now, entropy),
            Self::Passkey(passkey, _) => passkey.account,
        }
    }
}
