//! The letters that a system of accounts sends, as forms with blanks: what is filled in is given, when and
//! why one is sent is not known here.

mod english;
mod foreign;
mod german;
mod html;
mod plain;
mod words;

pub use foreign::Foreign;

use crate::{Error, Link, Mailbox, Message, Origin, Sender};
use jiff::Timestamp;
use seal::Secret;

/// A language that letters are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its tag (BCP 47).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language of a tag such as `de`, `de-AT` or `en_GB`; `None` if there are no letters in it.
    #[must_use]
    pub fn of(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }
}

/// When, where and on what something was done.
#[derive(Debug, Clone)]
pub struct Occasion {
    /// When.
    pub at: Timestamp,
    /// Where, as far as is known: a town, a network, an address.
    pub place: Foreign,
    /// On what: a browser and a system.
    pub device: Foreign,
}

/// A second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// Codes of an app.
    Codes,
    /// A passkey.
    Passkey,
    /// Recovery codes.
    RecoveryCodes,
}

/// Whom a letter about a changed address goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The address that was in force.
    Old,
    /// The address that is in force now.
    New,
}

/// What a second person said to an act that needs two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is done.
    Approved,
    /// It is not done.
    Refused,
    /// Nobody said anything in time.
    Expired,
}

/// Whether there is still time for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Yes.
    Soon,
    /// No.
    Over,
}

/// A form of a letter with what is filled in.
#[derive(Debug, Clone)]
#[allow(
    missing_docs,
    reason = "the fields are the blanks of the form, named for what stands in them"
)]
pub enum Letter {
    /// Shows that the address is the account's: a link, and until when it works.
    Verification { link: Link, until: Timestamp },
    /// Asks somebody in.
    Invitation { by: Foreign, role: Foreign, link: Link, until: Timestamp },
    /// Lets somebody choose another password.
    PasswordReset { link: Link, until: Timestamp, asked: Occasion },
    /// Tells that the password is another one now.
    PasswordChanged { done: Occasion, secure: Link },
    /// Lets a browser that is not known be known (never a factor).
    DeviceLink { link: Link, until: Timestamp, asked: Occasion },
    /// Tells of a sign-in from a device that was not seen before.
    NewDevice { done: Occasion, secure: Link },
    /// Tells of a second factor that was added.
    FactorAdded { factor: Factor, done: Occasion, secure: Link },
    /// Tells of a second factor that was removed.
    FactorRemoved { factor: Factor, done: Occasion, secure: Link },
    /// Tells of a recovery that waits, and how to stop it.
    RecoveryStarted { done: Occasion, ends: Timestamp, cancel: Link },
    /// Tells of a recovery that was stopped.
    RecoveryCancelled { done: Occasion },
    /// Tells both addresses of an account that one replaced the other.
    AddressChanged { side: Side, old: Mailbox, new: Mailbox, done: Occasion, secure: Link },
    /// Tells that a session was used from two places, and was ended.
    SessionTheft { done: Occasion, secure: Link },
    /// Asks for a second person's word.
    ApprovalRequested { act: Foreign, by: Foreign, until: Timestamp, link: Link },
    /// Tells what the second person said.
    ApprovalDecided { act: Foreign, by: Foreign, decision: Decision, at: Timestamp },
    /// Asks for a look at who may do what.
    AccessReview { due: Due, by: Timestamp, grants: u32, link: Link },
    /// Tells that an account is gone.
    Erased { at: Timestamp },
    /// Tells every administrator that somebody on the machine made a way into an account.
    RecoveryLinkUsed { account: Mailbox, done: Occasion, link: Link },
    /// Answers a wish to register with an address that has an account.
    AlreadyMember { link: Link, asked: Occasion },
    /// Tells the address in force that another one was asked for, and how to stop it.
    AddressChanging { done: Occasion, cancel: Link },
    /// Lets somebody say that the second factor is lost.
    FactorLink { link: Link, until: Timestamp, asked: Occasion },
    /// Tells that a lost second factor was replaced.
    FactorReplaced { done: Occasion, secure: Link },
    /// Tells of failures at the second factor after a right password.
    HalfSignIns { done: Occasion, secure: Link },
    /// Tells that a passkey may have been copied.
    PasskeyCloned { done: Occasion, secure: Link },
    /// Tells of another role.
    RoleChanged { role: Foreign, at: Timestamp },
    /// Tells every administrator that somebody on the machine made a way into an account.
    RecoveryLinkMade { account: Mailbox, done: Occasion, until: Timestamp, link: Link },
    /// Tells that an API token ends.
    TokenExpires { at: Timestamp, link: Link },
    /// Tells of an erasure that waits, and how to stop it.
    Erasing { done: Occasion, ends: Timestamp, cancel: Link },
    /// Tells that an administrator ended all sessions.
    SessionsEnded { done: Occasion, secure: Link },
    /// Asks, for an administrator, for a new password: the page where a reset begins.
    ResetBegun { link: Link, asked: Occasion },
    /// Tells that an account's data were taken away.
    Exported { done: Occasion, secure: Link },
    /// Tells that a report of a weakness came, and until when it is to be answered.
    ReportReceived { by: Timestamp, link: Link },
    /// Tells that a promise to the sender of a report is about to be broken, or is.
    ReportDue { due: Due, by: Timestamp, link: Link },
    /// Tells that the certificate for the server's names is not renewed, and until when it holds, if there is one.
    CertificateLate { ends: Option<Timestamp>, link: Link },
    /// Tells that it is renewed after all, and until when it holds.
    CertificateRenewed { ends: Timestamp, link: Link },
    /// Shows that mail arrives.
    Test { at: Timestamp },
}

/// Who writes: what every letter says of its sender.
#[derive(Debug, Clone)]
pub struct Letterhead {
    /// Who it is from.
    pub from: Sender,
    /// Where the installation is found.
    pub origin: Origin,
}

impl Letter {
    /// The letter to one address; `id` names it for ever: a second try has the same.
    pub fn write(
        &self,
        head: &Letterhead,
        to: &Mailbox,
        language: Language,
        (id, date): (&str, Timestamp),
    ) -> Result<Message, Error> {
        let texts = match language {
            Language::English => &english::TEXTS,
            Language::German => &german::TEXTS,
        };
        let words = texts.words(self);
        let footer = texts.foot(head, to);
        let text = plain::set(&words, &footer);
        let html = html::set(&words, &footer, language);
        let mut message = Message::new(id, head.from.clone(), to.clone(), date)?;
        language.tag().clone_into(&mut message.language);
        words.subject.clone_into(&mut message.subject);
        message.text = Secret::new(text);
        message.html = Some(Secret::new(html));
        Ok(message)
    }

    /// When the letter is of no use any more, if ever: a link that has run out need not be delivered.
    #[must_use]
    pub const fn useful_until(&self) -> Option<Timestamp> {
        match self {
            Self::Verification { until, .. }
            | Self::Invitation { until, .. }
            | Self::PasswordReset { until, .. }
            | Self::DeviceLink { until, .. }
            | Self::ApprovalRequested { until, .. }
            | Self::FactorLink { until, .. } => Some(*until),
            _ => None,
        }
    }
}
