//! All factors once more, for acts that ask for a fresh proof.

use super::proof::Proof;
use crate::server::{
    Answer,
    extract::Json,
    guard::{Caller, Signed},
    state::App,
};
use axum::extract::State;
use http::StatusCode;

/// `POST /api/v1/session/step-up`
pub async fn step_up(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<Proof>,
) -> Answer<StatusCode> {
    app.accounts().step_up(&visitor, &signed.session, form.read()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
