//! Letters to be sent: what happened and what the reader can do, without words or addresses of
//! servers. Whoever sends them knows templates, languages and queues.

use crate::{
    AccountId, DeviceId, EmailAddress, Event, FactorKind, Grant, Holder, Life, Member,
    OneTimeToken, Purpose, Role,
};
use jiff::Timestamp;
use seal::Entropy;

/// To whom a letter goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// One mailbox.
    Address(EmailAddress),
    /// Every channel that the account has: mailbox, open pages, chat.
    Account(AccountId),
    /// Everyone who runs this server.
    Admins,
}

/// What a letter says. A value that opens something is a [`OneTimeToken`], which does not print.
#[derive(Debug, Clone)]
pub enum Letter {
    /// Go on with the registration.
    Register(OneTimeToken),
    /// Someone asked to register with an address that has an account already.
    AlreadyMember,
    /// Come in, in this role.
    Invitation(OneTimeToken, Role),
    /// Choose a new password.
    Reset(OneTimeToken),
    /// Make this browser a known device.
    DeviceLink(OneTimeToken),
    /// The password was changed.
    PasswordChanged,
    /// Confirm that this is your address.
    AddressConfirm(OneTimeToken),
    /// A new address was asked for; stop it if that was not you.
    AddressChanging(OneTimeToken),
    /// The address was changed.
    AddressChanged,
    /// A second factor was enrolled.
    FactorEnrolled(FactorKind),
    /// A second factor was removed.
    FactorRemoved(FactorKind),
    /// Say with this link that the second factor is lost, or go on with that.
    FactorLink(OneTimeToken),
    /// Someone with your password said that the second factor is lost; stop it if that was not
    /// you. It can be replaced from this time on.
    FactorLost(OneTimeToken, Timestamp),
    /// The recovery of the second factor was stopped.
    FactorKept,
    /// The second factor was replaced.
    FactorReplaced,
    /// Someone signed in on a device that was not seen before.
    NewDevice,
    /// A session was ended because a used token came back: it may have been stolen.
    SessionRevoked,
    /// An administrator ended all sessions.
    SessionsEnded,
    /// An administrator asks for a new password: the reader begins a reset in their own browser.
    ResetBegun,
    /// Somebody knows the password and fails at the second factor (ASVS 6.3.5).
    HalfSignIns,
    /// A passkey's counter went back: it may have been copied.
    PasskeyCloned,
    /// What the reader may do was changed.
    RoleChanged(Role),
    /// The operator printed a recovery link on the host.
    RecoverIssued(Timestamp),
    /// It was used.
    Recovered,
    /// An act waits for a second person, or for this time.
    ActProposed(Option<Timestamp>),
    /// An act was carried out.
    ActCarried,
    /// The list of who may do what is due to be looked through.
    ReviewDue(Timestamp),
    /// An API token is about to expire.
    TokenExpires(Timestamp),
    /// The account will be erased at this time; stop it if that was not you.
    Erasing(OneTimeToken, Timestamp),
    /// The account is erased.
    Erased,
    /// The account's data were taken away as a file.
    Exported,
    /// A report of a weakness came, and is to be answered by this time.
    ReportReceived(Timestamp),
    /// What was promised to the sender of a report is due at this time, or was.
    ReportDue(Timestamp),
    /// The certificate for the server's names is not renewed, and holds until then; none is there where it says
    /// nothing.
    CertificateLate(Option<Timestamp>),
    /// It is renewed after all, and holds until then.
    CertificateRenewed(Timestamp),
}

/// A letter and its recipient: an intent, queued in the transaction of the act that it tells of.
#[derive(Debug, Clone)]
pub struct Mail {
    /// To whom.
    pub to: Recipient,
    /// What it says.
    pub letter: Letter,
}

impl Mail {
    pub(crate) const fn to_account(account: AccountId, letter: Letter) -> Self {
        Self { to: Recipient::Account(account), letter }
    }

    pub(crate) const fn to_address(email: EmailAddress, letter: Letter) -> Self {
        Self { to: Recipient::Address(email), letter }
    }

    pub(crate) const fn to_admins(letter: Letter) -> Self {
        Self { to: Recipient::Admins, letter }
    }
}

/// What an anonymous visitor asked to have mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// To register.
    Register,
    /// To choose a new password.
    Reset,
    /// To make this browser a known device.
    Device,
    /// To recover from the loss of the second factor.
    Loss,
}

/// A request for a letter, as it came: it goes into the mail queue before anyone looks whether
/// the address has an account, so that the answer and its time are the same for every address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// What was asked for.
    pub wish: Wish,
    /// Where the letter shall go.
    pub email: EmailAddress,
    /// The browser that asked.
    pub device: DeviceId,
    /// When.
    pub asked: Timestamp,
}

/// What comes of an errand: a link to store, at most, and letters to send.
#[derive(Debug)]
pub struct Delivery {
    /// The link's row.
    pub grant: Option<Grant>,
    /// The letters.
    pub mails: Vec<Mail>,
    /// What happened to the account that was found.
    pub events: Vec<Event>,
}

impl Errand {
    /// Runs the errand, in the queue's own time. `found` is the account of the address, if it has
    /// one that may come in; an unknown address gets no letter, except to register with.
    #[must_use]
    pub fn run(
        &self,
        found: Option<&Member>,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Delivery {
        let nothing = Delivery { grant: None, mails: Vec::new(), events: Vec::new() };
        let (purpose, letter): (_, fn(OneTimeToken) -> Letter) = match (self.wish, found) {
            (Wish::Register, None) => return self.registration(now, entropy),
            (Wish::Register, Some(_)) => {
                let mail = Mail::to_address(self.email.clone(), Letter::AlreadyMember);
                return Delivery { grant: None, mails: vec![mail], events: Vec::new() };
            }
            (_, None) => return nothing,
            (Wish::Reset, _) => (Purpose::Reset, Letter::Reset),
            (Wish::Device, _) => (Purpose::Device, Letter::DeviceLink),
            (Wish::Loss, _) => (Purpose::Loss, Letter::FactorLink),
        };
        let Some(member) = found.filter(|member| member.may_come_in()) else { return nothing };
        let device = Some(self.device);
        let (token, grant) = Grant::for_account(purpose, &member.state, device, now, entropy);
        let mail = Mail::to_address(self.email.clone(), letter(token));
        let asked = (self.wish == Wish::Reset).then(|| member.life(Life::ResetAsked));
        Delivery { grant: Some(grant), mails: vec![mail], events: asked.into_iter().collect() }
    }

    fn registration(&self, now: Timestamp, entropy: &mut dyn Entropy) -> Delivery {
        let holder = Holder::Address { email: self.email.clone(), role: Role::Trader };
        let device = Some(self.device);
        let (token, grant) = Grant::issue(Purpose::Register, holder, device, now, entropy);
        let mail = Mail::to_address(self.email.clone(), Letter::Register(token));
        Delivery { grant: Some(grant), mails: vec![mail], events: Vec::new() }
    }
}
