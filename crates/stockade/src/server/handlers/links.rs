//! Letters that are asked for, and links that are followed: registration, reset, address, device.

use super::{
    account::{self, Account, Password, SignedIn},
    passkeys::{PasskeyAttestation, PasskeyCreation, PasskeyRequest},
    proof::{GivenFactor, Proof},
};
use crate::{
    desk::{First, PasskeyMade},
    server::{
        Answer, Problem,
        cookies::{Cookie, lines},
        extract::Json,
        guard::{Caller, Signed},
        state::App,
    },
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use identity::{FactorKind, Wish};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A puzzle to solve before the next attempt.
#[derive(Serialize, ToSchema)]
pub struct PuzzleGiven {
    /// Find a text of at most 20 bytes such that SHA-256 of the puzzle, a dot and the text begins
    /// with `bits` zero bits; send both in `stockade-work`, with a dot between them.
    puzzle: String,
    bits: u8,
}

/// What somebody wants a letter for.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterWish {
    /// To register.
    Register,
    /// To choose a new password.
    Reset,
    /// To make this browser a known one.
    Device,
    /// To say that the second factor is lost.
    Loss,
}

/// A wish for a letter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LetterAsked {
    wish: LetterWish,
    email: String,
}

/// The value behind a link's `#`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkFollowed {
    pub(super) token: String,
}

/// Whom a link to register is for.
#[derive(Serialize, ToSchema)]
pub struct Newcomer {
    email: String,
    role: &'static str,
    /// For a passkey in place of a password; left out where passkeys do not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey: Option<PasskeyCreation>,
}

/// A new account: either a password or a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    token: String,
    display_name: Option<String>,
    #[schema(value_type = Option<String>)]
    password: Option<Password>,
    passkey: Option<MadePasskey>,
}

/// A passkey that was just made, where no other proof is asked beside the link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MadePasskey {
    ticket: String,
    /// What its owner calls it.
    label: String,
    attestation: PasskeyAttestation,
}

impl MadePasskey {
    /// As the desk takes it.
    pub(super) fn read(self) -> Answer<PasskeyMade> {
        let label = self
            .label
            .parse()
            .map_err(|error: identity::Error| Problem::invalid(error.to_string()).field("label"))?;
        self.attestation.read(self.ticket, label)
    }
}

/// What a reset asks for beside the new password.
#[derive(Serialize, ToSchema)]
pub struct ResetBegun {
    /// One of these; none: the account has no second factor.
    factors: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey: Option<PasskeyRequest>,
}

/// A new password, by link and second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasswordForm {
    token: String,
    #[schema(value_type = String)]
    password: Password,
    factor: Option<GivenFactor>,
}

/// A wish for another address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressAsked {
    email: String,
    proof: Proof,
}

/// `GET /api/v1/puzzle`
pub async fn puzzle(State(app): State<App>, Caller(visitor): Caller) -> Json<PuzzleGiven> {
    let puzzle = app.accounts().puzzle(&visitor);
    Json(PuzzleGiven { puzzle: puzzle.text, bits: puzzle.bits })
}

/// `POST /api/v1/letters`
pub async fn ask(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<LetterAsked>,
) -> Answer<Response> {
    let wish = match form.wish {
        LetterWish::Register => Wish::Register,
        LetterWish::Reset => Wish::Reset,
        LetterWish::Device => Wish::Device,
        LetterWish::Loss => Wish::Loss,
    };
    let device = app.accounts().ask_letter(&visitor, wish, &form.email).await?;
    let cookie = Cookie::Device.set(device.expose(), account::DEVICE_LIFETIME);
    Ok((StatusCode::ACCEPTED, lines([cookie])).into_response())
}

/// `POST /api/v1/register/begin`
pub async fn register_begin(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<LinkFollowed>,
) -> Answer<Json<Newcomer>> {
    let welcome = app.accounts().welcome(&visitor, &form.token).await?;
    let (email, role) = (welcome.email.to_string(), welcome.role.as_str());
    Ok(Json(Newcomer { email, role, passkey: welcome.passkey.map(PasskeyCreation::from) }))
}

/// `POST /api/v1/register/finish`
pub async fn register_finish(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<Registration>,
) -> Answer<Response> {
    let first = match (form.password, form.passkey) {
        (Some(password), None) => First::Password(password.0),
        (None, Some(made)) => First::Passkey(made.read()?),
        _ => {
            return Err(Problem::invalid("it needs a password or a passkey, and not both")
                .field("password"));
        }
    };
    let name = form.display_name.as_deref();
    let opened = app.accounts().register(&visitor, &form.token, name, first).await?;
    Ok((account::cookies(&opened), Json(SignedIn::of(Account::from(&opened.guest))))
        .into_response())
}

/// `POST /api/v1/reset/begin`
pub async fn reset_begin(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<LinkFollowed>,
) -> Answer<Json<ResetBegun>> {
    let asks = app.accounts().begin_reset(&visitor, &form.token).await?;
    let factors = asks.factors.into_iter().map(FactorKind::as_str).collect();
    Ok(Json(ResetBegun { factors, passkey: asks.passkey.map(PasskeyRequest::from) }))
}

/// `POST /api/v1/reset/finish`
pub async fn reset_finish(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<NewPasswordForm>,
) -> Answer<StatusCode> {
    let factor = form.factor.map(GivenFactor::read).transpose()?;
    app.accounts().finish_reset(&visitor, &form.token, form.password.0, factor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/address`
pub async fn address(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<AddressAsked>,
) -> Answer<StatusCode> {
    let proof = form.proof.read()?;
    app.accounts().ask_address(&visitor, &signed.session, &form.email, proof).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `POST /api/v1/address/confirm`
pub async fn address_confirm(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<LinkFollowed>,
) -> Answer<StatusCode> {
    app.accounts().confirm_address(&visitor, &form.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/address/stop`
pub async fn address_stop(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<LinkFollowed>,
) -> Answer<StatusCode> {
    app.accounts().stop_address(&visitor, &form.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/device`
pub async fn device(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<LinkFollowed>,
) -> Answer<StatusCode> {
    app.accounts().vouch_device(&visitor, &form.token).await?;
    Ok(StatusCode::NO_CONTENT)
}
