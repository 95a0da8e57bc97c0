//! One's own account: name, password, second factors.

use super::{
    account::{Password, Totp, totp},
    passkeys::{PasskeyAttestation, PasskeyCreation},
    proof::Proof,
};
use crate::{
    desk::FactorKept,
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
    response::{AppendHeaders, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderName, HeaderValue, StatusCode};
use identity::{OldFactor, PasskeyId};
use jiff::Timestamp;
use seal::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One's own account.
#[derive(Serialize, ToSchema)]
pub struct OwnAccount {
    email: String,
    display_name: String,
    role: &'static str,
    created: String,
    has_password: bool,
    /// Whether the role asks for a second factor.
    needs_factor: bool,
    /// Since when there is an authenticator.
    totp: Option<String>,
    /// How many recovery codes are left.
    recovery: u8,
    passkeys: Vec<PasskeyRow>,
    /// The origin at which passkeys work; none where the server has no name.
    passkey_origin: Option<String>,
    /// When the account will be erased, if that was asked for.
    erasure: Option<String>,
}

/// A passkey in its owner's list.
#[derive(Serialize, ToSchema)]
pub struct PasskeyRow {
    /// To remove it by.
    key: String,
    label: String,
    created: String,
    /// Whether it may be synchronised to other devices.
    synced: bool,
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    display_name: String,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedPassword {
    #[schema(value_type = String)]
    password: Password,
    proof: Proof,
}

/// An authenticator to be confirmed.
#[derive(Serialize, ToSchema)]
pub struct TotpOffer {
    ticket: String,
    totp: Totp,
}

/// The code that a new authenticator shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTotp {
    ticket: String,
    code: String,
    proof: Proof,
}

/// A passkey that was just made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    ticket: String,
    /// What its owner calls it.
    label: String,
    attestation: PasskeyAttestation,
    proof: Proof,
}

/// A second factor to be removed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OldFactorForm {
    kind: Removable,
    /// Which passkey.
    key: Option<String>,
    /// With the last factor: a password that stands alone.
    #[schema(value_type = Option<String>)]
    password: Option<Password>,
    proof: Proof,
}

/// Second factors that are removed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Removable {
    /// The authenticator.
    Totp,
    /// A passkey.
    Passkey,
}

/// Proof of all factors, and nothing else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    pub(super) proof: Proof,
}

/// Fresh recovery codes, shown once; none where the old ones go on.
#[derive(Serialize, ToSchema)]
pub struct FreshCodes {
    recovery_codes: Vec<String>,
}

/// `GET /api/v1/account`
pub async fn show(State(app): State<App>, signed: Signed) -> Answer<Json<OwnAccount>> {
    let own = app.accounts().own_account(&signed.session).await?;
    let time = |time: Timestamp| time.to_string();
    let passkey = |key: &identity::Passkey| PasskeyRow {
        key: URL_SAFE_NO_PAD.encode(key.id.as_bytes()),
        label: key.label.to_string(),
        created: key.created.to_string(),
        synced: key.may_be_copied,
    };
    Ok(Json(OwnAccount {
        email: own.profile.email.to_string(),
        display_name: own.profile.display_name.to_string(),
        role: own.role.as_str(),
        created: own.created.to_string(),
        has_password: own.has_password,
        needs_factor: own.role.is_staff(),
        totp: own.totp.map(time),
        recovery: own.recovery,
        passkeys: own.passkeys.iter().map(passkey).collect(),
        passkey_origin: app.accounts().passkey_origin().map(str::to_owned),
        erasure: own.erasure.map(time),
    }))
}

/// `POST /api/v1/account/name`
pub async fn rename(
    State(app): State<App>,
    signed: Signed,
    Json(form): Json<NewName>,
) -> Answer<StatusCode> {
    app.accounts().rename(&signed.session, form.display_name.parse()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/account/password`
pub async fn change_password(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<ChangedPassword>,
) -> Answer<Response> {
    let (accounts, proof) = (app.accounts(), form.proof.read()?);
    let access =
        accounts.change_password(&visitor, &signed.session, form.password.0, proof).await?;
    Ok((StatusCode::NO_CONTENT, renewed(&signed, &access)).into_response())
}

/// `POST /api/v1/account/totp/begin`
pub async fn totp_begin(State(app): State<App>, signed: Signed) -> Answer<Json<TotpOffer>> {
    let begun = app.accounts().begin_totp(&signed.session).await?;
    Ok(Json(TotpOffer { ticket: begun.ticket, totp: totp(&begun.secret, &begun.uri)? }))
}

/// `POST /api/v1/account/totp`
pub async fn totp_enrol(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<NewTotp>,
) -> Answer<Response> {
    let shown = (form.ticket.as_str(), form.code.trim());
    let proof = form.proof.read()?;
    let kept = app.accounts().enrol_totp(&visitor, &signed.session, shown, proof).await?;
    Ok(codes(&signed, &kept))
}

/// `POST /api/v1/account/passkeys/begin`
pub async fn passkey_begin(
    State(app): State<App>,
    signed: Signed,
) -> Answer<Json<PasskeyCreation>> {
    Ok(Json(app.accounts().begin_passkey(&signed.session).await?.into()))
}

/// `POST /api/v1/account/passkeys`
pub async fn passkey_enrol(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<NewPasskey>,
) -> Answer<Response> {
    let label = form
        .label
        .parse()
        .map_err(|error: identity::Error| Problem::invalid(error.to_string()).field("label"))?;
    let (made, proof) = (form.attestation.read(form.ticket, label)?, form.proof.read()?);
    let kept = app.accounts().enrol_passkey(&visitor, &signed.session, made, proof).await?;
    Ok(codes(&signed, &kept))
}

/// `POST /api/v1/account/factors/remove`
pub async fn remove_factor(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<OldFactorForm>,
) -> Answer<Response> {
    let factor = match (form.kind, form.key) {
        (Removable::Totp, None) => OldFactor::Totp,
        (Removable::Passkey, Some(key)) => {
            let bytes = URL_SAFE_NO_PAD.decode(&key).map_err(|_| Problem::not_found())?;
            let id = PasskeyId::from_bytes(&bytes).map_err(|_| Problem::not_found())?;
            OldFactor::Passkey(id)
        }
        (Removable::Totp, Some(_)) => {
            return Err(Problem::invalid("there is one authenticator at most").field("key"));
        }
        (Removable::Passkey, None) => {
            return Err(Problem::invalid("say which passkey").field("key"));
        }
    };
    let removal = (factor, form.password.map(|password| password.0));
    let proof = form.proof.read()?;
    let access = app.accounts().remove_factor(&visitor, &signed.session, removal, proof).await?;
    Ok((StatusCode::NO_CONTENT, renewed(&signed, &access)).into_response())
}

/// `POST /api/v1/account/recovery-codes`
pub async fn renew_codes(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<Proven>,
) -> Answer<Response> {
    let proof = form.proof.read()?;
    let kept = app.accounts().renew_codes(&visitor, &signed.session, proof).await?;
    Ok(codes(&signed, &kept))
}

fn codes(signed: &Signed, kept: &FactorKept) -> Response {
    let recovery_codes = kept.codes.iter().map(|code| code.expose().clone()).collect();
    (renewed(signed, &kept.access), Json(FreshCodes { recovery_codes })).into_response()
}

/// The cookie under which a session goes on in its account's new epoch.
fn renewed(
    signed: &Signed,
    access: &Secret<String>,
) -> AppendHeaders<Vec<(HeaderName, HeaderValue)>> {
    let left = signed.session.session().expires.duration_since(crate::desk::now());
    lines([Cookie::Access.set(access.expose(), left)])
}
