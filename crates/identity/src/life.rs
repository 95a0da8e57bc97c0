//! What happens to an account in its life, for the audit log.

use crate::{DeviceId, FactorKind, Scheme};
use jiff::Timestamp;
use uuid::Uuid;

/// One thing that happened to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Its owner changed the password.
    PasswordChanged,
    /// A link was mailed to choose a new password.
    ResetAsked,
    /// A new password was chosen by a mailed link and the second factor.
    PasswordReset,
    /// A hash of another system was taken over, wrapped.
    PasswordImported(Scheme),
    /// A new address was asked for.
    AddressAsked,
    /// The address was changed.
    AddressChanged,
    /// The change of address was stopped.
    AddressKept,
    /// A second factor was removed.
    FactorRemoved(FactorKind),
    /// The second factor was said to be lost; it can be replaced from this time on.
    FactorLost(Timestamp),
    /// Another administrator vouched for who lost it.
    LossVouched,
    /// The recovery of the second factor was stopped.
    FactorKept,
    /// The second factor was replaced.
    FactorReplaced,
    /// A passkey's counter went back.
    PasskeyCloned,
    /// A mailed link made a device known.
    DeviceVouched(DeviceId),
    /// The operator printed a recovery link on the host; good until then.
    RecoverIssued(Timestamp),
    /// It was used.
    Recovered,
    /// All sessions were ended because of what they did.
    Suspected,
    /// All sessions were ended by an administrator.
    SessionsEnded,
    /// An administrator asked the owner to choose a new password.
    ResetBegun,
    /// The account's data were taken away as a file.
    Exported,
    /// The account will be erased at this time.
    ErasureAsked(Timestamp),
    /// The erasure was stopped.
    ErasureStopped,
    /// The account is erased; its data key is destroyed.
    Erased,
    /// An API token was made.
    TokenMade(Uuid),
    /// A program that asked for a token was granted it.
    TokenGranted(Uuid),
    /// A program that asked for a token was refused.
    TokenRefused,
    /// An API token was revoked.
    TokenRevoked(Uuid),
    /// A bot's certificate was bound to the account.
    BotBound(Uuid),
    /// A bot's certificate was unbound.
    BotUnbound(Uuid),
    /// Its owner wants to be called otherwise.
    Renamed,
    /// Somebody gave the right password several times and failed at the second factor.
    HalfSignedIn,
}

impl Life {
    /// Every kind, as the audit log names it.
    pub const KINDS: [&'static str; 31] = [
        "password.changed",
        "password.reset_asked",
        "password.reset",
        "password.imported",
        "address.asked",
        "address.changed",
        "address.kept",
        "factor.removed",
        "factor.lost",
        "factor.loss_vouched",
        "factor.kept",
        "factor.replaced",
        "passkey.cloned",
        "device.vouched",
        "recover.issued",
        "recover.used",
        "account.suspected",
        "account.sessions_ended",
        "account.reset_begun",
        "account.exported",
        "erasure.asked",
        "erasure.stopped",
        "account.erased",
        "token.made",
        "token.granted",
        "token.refused",
        "token.revoked",
        "bot.bound",
        "bot.unbound",
        "account.renamed",
        "account.half_signed_in",
    ];

    /// The name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PasswordChanged => "password.changed",
            Self::ResetAsked => "password.reset_asked",
            Self::PasswordReset => "password.reset",
            Self::PasswordImported(_) => "password.imported",
            Self::AddressAsked => "address.asked",
            Self::AddressChanged => "address.changed",
            Self::AddressKept => "address.kept",
            Self::FactorRemoved(_) => "factor.removed",
            Self::FactorLost(_) => "factor.lost",
            Self::LossVouched => "factor.loss_vouched",
            Self::FactorKept => "factor.kept",
            Self::FactorReplaced => "factor.replaced",
            Self::PasskeyCloned => "passkey.cloned",
            Self::DeviceVouched(_) => "device.vouched",
            Self::RecoverIssued(_) => "recover.issued",
            Self::Recovered => "recover.used",
            Self::Suspected => "account.suspected",
            Self::SessionsEnded => "account.sessions_ended",
            Self::ResetBegun => "account.reset_begun",
            Self::Exported => "account.exported",
            Self::ErasureAsked(_) => "erasure.asked",
            Self::ErasureStopped => "erasure.stopped",
            Self::Erased => "account.erased",
            Self::TokenMade(_) => "token.made",
            Self::TokenGranted(_) => "token.granted",
            Self::TokenRefused => "token.refused",
            Self::TokenRevoked(_) => "token.revoked",
            Self::BotBound(_) => "bot.bound",
            Self::BotUnbound(_) => "bot.unbound",
            Self::Renamed => "account.renamed",
            Self::HalfSignedIn => "account.half_signed_in",
        }
    }

    /// Everything else in it.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::PasswordImported(scheme) => vec![("scheme", scheme.as_str().to_owned())],
            Self::FactorRemoved(factor) => vec![("factor", factor.as_str().to_owned())],
            Self::DeviceVouched(device) => vec![("device", device.to_string())],
            Self::FactorLost(at) | Self::ErasureAsked(at) => vec![("due", at.to_string())],
            Self::RecoverIssued(at) => vec![("expires", at.to_string())],
            Self::TokenMade(id) | Self::TokenGranted(id) | Self::TokenRevoked(id) => {
                vec![("token", id.to_string())]
            }
            Self::BotBound(id) | Self::BotUnbound(id) => vec![("bot", id.to_string())],
            _ => Vec::new(),
        }
    }
}
