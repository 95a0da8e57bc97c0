//! The server itself and its language.

use crate::server::{Answer, extract::Json, state::App};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use serde::Serialize;
use utoipa::ToSchema;

/// Whether it works.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
    version: &'static str,
}

/// The expression language.
#[derive(Debug, Serialize, ToSchema)]
pub struct Language {
    operators: Vec<Operator>,
    fields: Vec<String>,
}

/// An operator.
#[derive(Debug, Serialize, ToSchema)]
pub struct Operator {
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    /// When its value is missing.
    missing: &'static str,
}

/// `GET /health`
pub async fn health(State(app): State<App>) -> Answer<Json<Health>> {
    app.desk().log_head().await?;
    Ok(Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}

/// `GET /openapi.json`
pub async fn openapi(State(app): State<App>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (headers, app.document().to_owned()).into_response()
}

/// `GET /api/v1/language`
pub async fn language() -> Json<Language> {
    let operator = |one: &factor::Operator| Operator {
        name: one.name,
        signature: one.signature,
        summary: one.summary,
        missing: one.missing,
    };
    let operators = factor::operators().iter().map(operator).collect();
    Json(Language { operators, fields: factor::Schema::bars().fields.into_iter().collect() })
}
