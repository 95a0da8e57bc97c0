//! The rules of how rights are given and taken, each with what to do instead.

use jiff::Timestamp;

/// Which rule forbids it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// More passkeys than an account may have.
    #[error("an account has at most {max} passkeys: remove one first")]
    PasskeysFull {
        /// The bound.
        max: usize,
    },
    /// The last second factor is not removed like the others.
    #[error("this is the last second factor: choose a password that stands alone with its removal")]
    LastFactor,
    /// Without a password it is the only way in.
    #[error("without a password this passkey is the only way in: choose a password first")]
    LastPasskey,
    /// There is another second factor.
    #[error("this is not the last second factor: remove it by itself")]
    NotLastFactor,
    /// Not a way to register.
    #[error("{text:?} is no registration mode: open invite closed")]
    Mode {
        /// The text as it came, cut to 32 characters.
        text: String,
    },
    /// An act of two persons.
    #[error("this needs two persons: propose it, and have another administrator approve it")]
    SecondPerson,
    /// Nobody decides about themselves.
    #[error("nobody decides this about themselves: ask another administrator")]
    OwnAct,
    /// The time in which it can be stopped is not over.
    #[error("this waits until {until}, so that it can be stopped: come back then")]
    Waiting {
        /// The end of the wait.
        until: Timestamp,
    },
    /// The server would have no owner.
    #[error("this is the last owner: make another one first")]
    LastOwner,
    /// An administrator decides about an owner.
    #[error("only an owner decides about an owner")]
    OwnersOnly,
    /// It is decided already, or its time is over.
    #[error("this proposal is decided or expired: propose it anew")]
    Over,
    /// There is no password to choose anew.
    #[error("this account has no password, it is entered with a passkey: there is none to reset")]
    NoPassword,
    /// The account may not come in.
    #[error("this account is disabled: enable it first")]
    Disabled,
    /// Nothing would change.
    #[error("this is how it is already")]
    Unchanged,
    /// What was signed is not the list as it is.
    #[error("the list changed while you read it: read it again, then sign")]
    ListChanged,
    /// A proposal was approved for another act.
    #[error("this was approved for another act")]
    OtherAct,
}
