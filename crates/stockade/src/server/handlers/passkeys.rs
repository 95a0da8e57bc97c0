//! Passkeys as browsers speak of them: bytes as base64url (WebAuthn Level 3, 5.1).

use super::account::{Account, SignedIn, cookies};
use crate::{
    desk::{PasskeyAnswer, PasskeyAsk, PasskeyBegun, PasskeyMade, now},
    server::{
        Answer, Problem,
        extract::Json,
        guard::{Caller, Signed},
        state::App,
    },
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::{DisplayName, PASSKEY_ALGORITHMS, UserVerification};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What `navigator.credentials.get` is asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyRequest {
    /// To send back with the answer; good once.
    ticket: String,
    challenge: String,
    rp_id: String,
    /// `required` or `preferred`.
    user_verification: &'static str,
    /// Credentials that are asked for; none: whichever the person picks.
    allow: Vec<String>,
}

/// What `navigator.credentials.create` is asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyCreation {
    /// To send back with the answer; good once.
    ticket: String,
    challenge: String,
    rp_id: String,
    /// The account, as the authenticator keeps it.
    user_id: String,
    user_name: String,
    user_display_name: String,
    user_verification: &'static str,
    /// COSE algorithms, the best first.
    algorithms: Vec<i64>,
    /// Credentials that the account has already.
    exclude: Vec<String>,
}

/// What a passkey that is there answers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAssertion {
    credential: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

/// What a passkey that was just made answers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAttestation {
    client_data: String,
    attestation_object: String,
}

/// A sign-in by a passkey alone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySignIn {
    ticket: String,
    assertion: PasskeyAssertion,
}

impl From<PasskeyAsk> for PasskeyRequest {
    fn from(ask: PasskeyAsk) -> Self {
        Self {
            user_verification: verification(ask.verification),
            allow: encoded(&ask.credentials),
            ticket: ask.ticket,
            challenge: ask.challenge,
            rp_id: ask.host,
        }
    }
}

impl From<PasskeyBegun> for PasskeyCreation {
    fn from(begun: PasskeyBegun) -> Self {
        Self {
            user_verification: verification(begun.ask.verification),
            exclude: encoded(&begun.ask.credentials),
            ticket: begun.ask.ticket,
            challenge: begun.ask.challenge,
            rp_id: begun.ask.host,
            user_id: URL_SAFE_NO_PAD.encode(begun.handle),
            user_name: begun.email,
            user_display_name: begun.display_name,
            algorithms: PASSKEY_ALGORITHMS.to_vec(),
        }
    }
}

impl PasskeyAssertion {
    /// The answer in bytes.
    pub(super) fn read(self, ticket: String) -> Answer<PasskeyAnswer> {
        Ok(PasskeyAnswer {
            ticket,
            credential: decoded("credential", &self.credential)?,
            client_data: decoded("client_data", &self.client_data)?,
            authenticator_data: decoded("authenticator_data", &self.authenticator_data)?,
            signature: decoded("signature", &self.signature)?,
            user_handle: match &self.user_handle {
                Some(text) => Some(decoded("user_handle", text)?),
                None => None,
            },
        })
    }
}

impl PasskeyAttestation {
    /// The answer in bytes.
    pub(super) fn read(self, ticket: String, label: DisplayName) -> Answer<PasskeyMade> {
        Ok(PasskeyMade {
            ticket,
            label,
            client_data: decoded("client_data", &self.client_data)?,
            object: decoded("attestation_object", &self.attestation_object)?,
        })
    }
}

fn encoded(credentials: &[Vec<u8>]) -> Vec<String> {
    credentials.iter().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).collect()
}

fn decoded(name: &str, text: &str) -> Answer<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    bytes.map_err(|_| Problem::invalid("this is no base64url without padding").at(name))
}

const fn verification(verification: UserVerification) -> &'static str {
    match verification {
        UserVerification::Required => "required",
        UserVerification::Preferred => "preferred",
    }
}

/// `POST /api/v1/sign-in/passkey/begin`
pub async fn sign_in_begin(State(app): State<App>) -> Answer<Json<PasskeyRequest>> {
    Ok(Json(app.accounts().ask_any_passkey(now())?.into()))
}

/// `POST /api/v1/sign-in/passkey`
pub async fn sign_in(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<PasskeySignIn>,
) -> Answer<Response> {
    let answer = form.assertion.read(form.ticket)?;
    let opened = app.accounts().sign_in_by_passkey(&visitor, &answer).await?;
    let body = Json(SignedIn::of(Account::from(&opened.guest)));
    Ok((cookies(&opened), body).into_response())
}

/// `POST /api/v1/session/passkey`
pub async fn own(State(app): State<App>, signed: Signed) -> Answer<Json<PasskeyRequest>> {
    let ask = app.accounts().ask_own_passkey(signed.tenant.account(), now()).await?;
    Ok(Json(ask.into()))
}
