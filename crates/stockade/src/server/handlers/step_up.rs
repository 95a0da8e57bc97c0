//! Both factors once more, for acts that ask for a fresh proof.

use super::account::{Factor, Password};
use crate::server::{
    Answer,
    extract::Json,
    guard::{Caller, Signed},
    state::App,
};
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// Both factors of whoever is signed in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepUpForm {
    #[schema(value_type = String)]
    password: Password,
    kind: Factor,
    code: String,
}

/// `POST /api/v1/session/step-up`
pub async fn step_up(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<StepUpForm>,
) -> Answer<StatusCode> {
    let factor = (form.kind.into(), form.code.trim());
    app.accounts().step_up(&visitor, &signed.session, form.password.0, factor).await?;
    Ok(StatusCode::NO_CONTENT)
}
