//! All factors once more, for acts that ask for a fresh proof.

use super::proof::Proof;
use crate::{
    desk::now,
    server::{
        Answer,
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

/// `POST /api/v1/session/step-up`
pub async fn step_up(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<Proof>,
) -> Answer<Response> {
    let renewed = app.accounts().step_up(&visitor, &signed.session, form.read()?).await?;
    let left = renewed.expires.duration_since(now());
    let cookies = lines([
        Cookie::Access.set(renewed.access.expose(), left),
        Cookie::Refresh.set(renewed.refresh.expose(), left),
    ]);
    Ok((StatusCode::NO_CONTENT, cookies).into_response())
}
