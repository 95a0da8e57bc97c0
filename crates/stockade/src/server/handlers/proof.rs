//! All factors once more, as a part of a body that asks for them.

use super::{account::Password, passkeys::PasskeyAssertion};
use crate::{
    desk::{Given, ProofForm},
    server::{Answer, Problem},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Proof of all factors; either part is left out where the account has no such thing. A passkey that
/// verifies its user stands without a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    #[schema(value_type = Option<String>)]
    password: Option<Password>,
    factor: Option<GivenFactor>,
}

/// A second factor: a `code`, or of a passkey its `ticket` and `assertion`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenFactor {
    kind: Factor,
    code: Option<String>,
    ticket: Option<String>,
    assertion: Option<PasskeyAssertion>,
}

/// Kinds of second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// A code of an authenticator.
    Totp,
    /// A recovery code.
    Recovery,
    /// A passkey.
    Passkey,
}

impl Proof {
    /// As the desk takes it.
    pub fn read(self) -> Answer<ProofForm> {
        let factor = self.factor.map(GivenFactor::read).transpose()?;
        Ok(ProofForm { password: self.password.map(|password| password.0), factor })
    }
}

impl GivenFactor {
    /// As the desk takes it: with what its kind needs, and with nothing else.
    pub fn read(self) -> Answer<Given> {
        given(self.kind, (self.code, self.ticket, self.assertion))
    }
}

/// A second factor of the fields that a body may have.
pub(super) fn given(
    kind: Factor,
    fields: (Option<String>, Option<String>, Option<PasskeyAssertion>),
) -> Answer<Given> {
    let trimmed = |code: &str| code.trim().to_owned();
    match (kind, fields) {
        (Factor::Totp, (Some(code), None, None)) => Ok(Given::Totp(trimmed(&code))),
        (Factor::Recovery, (Some(code), None, None)) => Ok(Given::Recovery(trimmed(&code))),
        (Factor::Passkey, (None, Some(ticket), Some(assertion))) => {
            Ok(Given::Passkey(assertion.read(ticket)?))
        }
        (Factor::Passkey, _) => {
            Err(Problem::invalid("a passkey needs its ticket and its assertion, and no code"))
        }
        (Factor::Totp | Factor::Recovery, _) => {
            Err(Problem::invalid("this kind of factor needs a code, and nothing else"))
        }
    }
}
