//! What instances ask about licences: documents in, documents out. Whose a request is, its signature says.

use crate::{
    desk::Checked,
    server::{Answer, extract::Json, state::App},
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An instance that wants a seat.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The licence file as it was issued; it is sent this once.
    file: String,
    /// `stockade-activation/1`, signed by the instance's own key.
    request: String,
}

/// An instance that has one.
#[derive(Serialize, ToSchema)]
pub struct Seat {
    /// Its id from now on.
    instance: String,
    /// `stockade-lease/1`, signed by the issuer.
    lease: String,
}

/// An instance that asks how its licence stands.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// `stockade-check/1`, signed by the instance's own key.
    request: String,
}

/// How it stands: one of the two.
#[derive(Serialize, ToSchema)]
pub struct Standing {
    /// `stockade-lease/1`, signed by the issuer.
    lease: Option<String>,
    /// `stockade-revocation/1`, signed by the issuer.
    revocation: Option<String>,
}

/// `POST /v1/licences/activate`
pub async fn activate(State(app): State<App>, Json(asked): Json<Activation>) -> Answer<Json<Seat>> {
    let seated = app.desk().activate_licence(&asked.file, &asked.request).await?;
    Ok(Json(Seat { instance: seated.instance, lease: seated.lease }))
}

/// `POST /v1/licences/check`
pub async fn check(State(app): State<App>, Json(asked): Json<Question>) -> Answer<Json<Standing>> {
    let (lease, revocation) = match app.desk().check_licence(&asked.request).await? {
        Checked::Lease(text) => (Some(text), None),
        Checked::Revocation(text) => (None, Some(text)),
    };
    Ok(Json(Standing { lease, revocation }))
}
