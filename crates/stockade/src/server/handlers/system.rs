//! The server itself and its language.

use crate::{
    desk::now,
    report::words,
    server::{
        Answer, Problem,
        extract::{Json, Query},
        state::App,
    },
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use factor::Outcome;
use http::header;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Parts are looked at in turns of fifteen seconds and more.
const A_MOMENT: &str = "public, max-age=5";

/// That it is there.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    status: &'static str,
    version: &'static str,
}

/// The expression language.
#[derive(Debug, Serialize, ToSchema)]
pub struct Language {
    operators: Vec<Operator>,
    fields: Vec<String>,
    groups: Vec<String>,
}

/// An operator.
#[derive(Debug, Serialize, ToSchema)]
pub struct Operator {
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    /// When its value is missing.
    missing: &'static str,
    /// Where the definition comes from.
    source: &'static str,
    family: &'static str,
    /// `number`, `truth`, or `same`: truth if all its arguments are.
    result: &'static str,
    parameters: Vec<Parameter>,
    /// What it takes, in words.
    cost: String,
    /// The text that defines it, if it is written in the language itself.
    definition: Option<&'static str>,
}

/// A parameter of an operator.
#[derive(Debug, Serialize, ToSchema)]
pub struct Parameter {
    name: &'static str,
    kind: &'static str,
    /// What it takes, in words.
    takes: &'static str,
    /// What it is if left out; null too for `min`, which is then the window.
    default: Option<f64>,
    optional: bool,
}

/// Whose fields.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    /// Whose fields; those that the library reads unless given.
    dataset: Option<String>,
}

/// That all it needs works.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    ready: bool,
    version: &'static str,
}

/// `GET /health`
pub async fn health() -> Json<Alive> {
    Json(Alive { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// `GET /ready`
pub async fn ready(State(app): State<App>) -> Answer<Json<Ready>> {
    let lacking = app.operations().health().lacking(now());
    if !lacking.is_empty() {
        return Err(Problem::not_ready(&lacking));
    }
    Ok(Json(Ready { ready: true, version: env!("CARGO_PKG_VERSION") }))
}

/// `GET /.well-known/stockade/health.json`
pub async fn signed_health(State(app): State<App>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, A_MOMENT)];
    (headers, app.observatory().signed_health(&app)).into_response()
}

/// `GET /openapi.json`
pub async fn openapi(State(app): State<App>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (headers, app.document().to_owned()).into_response()
}

/// `GET /api/v1/language`
pub async fn language(
    State(app): State<App>,
    Query(asked): Query<Whose>,
) -> Answer<Json<Language>> {
    let schema = app.desk().factor_schema(asked.dataset.as_deref()).await?;
    Ok(Json(Language {
        operators: factor::operators().iter().map(operator).collect(),
        fields: schema.fields.into_iter().collect(),
        groups: schema.groups.into_iter().collect(),
    }))
}

fn operator(one: &factor::Operator) -> Operator {
    Operator {
        name: one.name,
        signature: one.signature,
        summary: one.summary,
        missing: one.missing,
        source: one.source,
        family: words::family(one.family),
        result: match one.result {
            Outcome::Number => "number",
            Outcome::Truth => "truth",
            Outcome::Same => "same",
        },
        parameters: one.parameters.iter().map(parameter).collect(),
        cost: one.cost(),
        definition: one.definition(),
    }
}

fn parameter(one: &factor::Parameter) -> Parameter {
    let (kind, takes) = words::parameter(one.kind);
    Parameter { name: one.name, kind, takes, default: one.default, optional: one.is_optional() }
}
