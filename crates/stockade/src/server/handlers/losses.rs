//! A lost second factor, and the operator's recovery: another factor in place of all old ones.

use super::{
    account::{Password, Totp, totp},
    links::{LinkFollowed, MadePasskey},
    passkeys::PasskeyCreation,
};
use crate::{
    desk::{FactorMade, FreshFactor, LossStage},
    server::{
        Answer, Problem,
        extract::Json,
        guard::{Caller, Signed},
        state::App,
    },
};
use axum::extract::State;
use http::StatusCode;
use identity::{AccountId, Voucher};
use seal::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far the recovery of a second factor is.
#[derive(Serialize, ToSchema)]
pub struct LossShown {
    /// `open`, `waiting` or `ready`.
    state: &'static str,
    /// Not before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<String>,
    /// Whether another administrator must vouch yet.
    vouching: bool,
    /// To enrol, where it is time.
    #[serde(skip_serializing_if = "Option::is_none")]
    factor: Option<FactorBegun>,
}

/// With what a new second factor is made.
#[derive(Serialize, ToSchema)]
pub struct FactorBegun {
    /// Of the authenticator.
    ticket: String,
    totp: Totp,
    /// For a passkey in its place; left out where passkeys do not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey: Option<PasskeyCreation>,
}

/// The password beside the link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LossDeclared {
    token: String,
    #[schema(value_type = String)]
    password: Password,
}

/// A new second factor by link and password: an authenticator's first code, or a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorReplaced {
    token: String,
    #[schema(value_type = String)]
    password: Password,
    totp: Option<FirstCode>,
    passkey: Option<MadePasskey>,
}

/// An authenticator's first code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstCode {
    ticket: String,
    code: String,
}

/// Fresh recovery codes; shown once.
#[derive(Serialize, ToSchema)]
pub struct CodesShown {
    recovery_codes: Vec<String>,
}

/// Whose recovery; one's own where nobody is named.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LossOf {
    account: Option<String>,
}

impl LossOf {
    fn account(&self, signed: &Signed) -> Answer<AccountId> {
        match &self.account {
            None => Ok(signed.tenant.account()),
            Some(id) => id.parse().map_err(|_| Problem::not_found()),
        }
    }
}

impl FactorReplaced {
    fn read(self) -> Answer<(String, Secret<String>, FactorMade)> {
        let made = match (self.totp, self.passkey) {
            (Some(first), None) => {
                let code = first.code.trim().to_owned();
                FactorMade::Totp { ticket: first.ticket, code }
            }
            (None, Some(made)) => FactorMade::Passkey(made.read()?),
            _ => {
                let detail = "it needs an authenticator's first code or a passkey, and not both";
                return Err(Problem::invalid(detail).field("totp"));
            }
        };
        Ok((self.token, self.password.0, made))
    }
}

fn begun(fresh: FreshFactor) -> Answer<FactorBegun> {
    let totp = totp(&fresh.secret, &fresh.uri)?;
    let passkey = fresh.passkey.map(PasskeyCreation::from);
    Ok(FactorBegun { ticket: fresh.ticket, totp, passkey })
}

fn shown(stage: LossStage, factor: Option<FreshFactor>) -> Answer<Json<LossShown>> {
    let (name, ready, vouching) = match stage {
        LossStage::Open => ("open", None, false),
        LossStage::Waiting { ready, voucher } => {
            ("waiting", Some(ready.to_string()), voucher == Voucher::Awaited)
        }
        LossStage::Ready => ("ready", None, false),
    };
    let factor = factor.map(begun).transpose()?;
    Ok(Json(LossShown { state: name, ready, vouching, factor }))
}

fn codes(codes: &[Secret<String>]) -> Json<CodesShown> {
    Json(CodesShown { recovery_codes: codes.iter().map(|code| code.expose().clone()).collect() })
}

/// `POST /api/v1/loss/begin`
pub async fn begin(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<LinkFollowed>,
) -> Answer<Json<LossShown>> {
    let page = app.accounts().loss_page(&visitor, &form.token).await?;
    shown(page.stage, page.factor)
}

/// `POST /api/v1/loss/declare`
pub async fn declare(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<LossDeclared>,
) -> Answer<Json<LossShown>> {
    let stage = app.accounts().declare_loss(&visitor, &form.token, form.password.0).await?;
    shown(stage, None)
}

/// `POST /api/v1/loss/replace`
pub async fn replace(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<FactorReplaced>,
) -> Answer<Json<CodesShown>> {
    let (token, password, made) = form.read()?;
    Ok(codes(&app.accounts().replace_factor(&visitor, &token, password, made).await?))
}

/// `POST /api/v1/loss/stop`
pub async fn stop_by_link(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<LinkFollowed>,
) -> Answer<StatusCode> {
    app.accounts().stop_loss_by_link(&visitor, &form.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/loss/vouch`
pub async fn vouch(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<LossOf>,
) -> Answer<StatusCode> {
    let account = form.account(&signed)?;
    app.accounts().vouch_for(&visitor, &signed.session, account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/loss/cancel`
pub async fn cancel(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<LossOf>,
) -> Answer<StatusCode> {
    let account = form.account(&signed)?;
    app.accounts().stop_loss(&visitor, &signed.session, account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/recover/begin`
pub async fn recover_begin(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<LinkFollowed>,
) -> Answer<Json<FactorBegun>> {
    let fresh = app.accounts().begin_recovery(&visitor, &form.token).await?;
    Ok(Json(begun(fresh)?))
}

/// `POST /api/v1/recover/finish`
pub async fn recover_finish(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<FactorReplaced>,
) -> Answer<Json<CodesShown>> {
    let (token, password, made) = form.read()?;
    Ok(codes(&app.accounts().finish_recovery(&visitor, &token, password, made).await?))
}
