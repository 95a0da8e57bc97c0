//! What the log says of oneself, taking one's data away, and having one's account erased.

use super::{audit::Line, security::Proven};
use crate::{
    desk::{LogLine, Takeout},
    server::{
        Answer, Problem,
        extract::{Json, Part, Query, exact},
        guard::{Caller, Signed},
        state::App,
    },
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which part of one's history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct WhichEntries {
    /// Only entries with a smaller index.
    #[serde(default, deserialize_with = "exact")]
    before: Option<u64>,
    /// How many; more than 500 are as 500.
    limit: Option<u32>,
}

/// One's own entries of the log, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnHistory {
    entries: Vec<Line>,
}

/// An erasure that waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureAsked {
    /// When it is carried out.
    due: String,
}

/// The value of a link that stops something.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopLink {
    token: String,
}

/// `GET /api/v1/account/history`
pub async fn history(
    State(app): State<App>,
    signed: Signed,
    Query(which): Query<WhichEntries>,
) -> Answer<Json<OwnHistory>> {
    let limit = which.limit.unwrap_or(0);
    let records = app.desk().store().own_log(&signed.tenant, which.before, limit).await;
    let records = records.map_err(crate::desk::Error::from)?;
    let line = |record| Line::from(LogLine::from(record));
    Ok(Json(OwnHistory { entries: records.into_iter().map(line).collect() }))
}

/// `GET /api/v1/account/history/{index}/receipt`
pub async fn receipt(
    State(app): State<App>,
    signed: Signed,
    Part(index): Part<u64>,
) -> Answer<Response> {
    let found = app.desk().store().own_receipt(&signed.tenant, index).await;
    let receipt = found.map_err(crate::desk::Error::from)?.ok_or_else(Problem::not_found)?;
    let name = format!("attachment; filename=\"entry-{index}.tlog-proof\"");
    let kind = "text/plain; charset=utf-8".to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], receipt.to_text())
        .into_response())
}

/// `POST /api/v1/account/export`
pub async fn export(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
) -> Answer<Response> {
    let takeout = app.accounts().take_out(&visitor, &signed.session).await?;
    let pieces = stream::try_unfold(takeout, |mut takeout: Takeout| async move {
        let piece = takeout.next().await?;
        Ok::<_, crate::desk::Error>(piece.map(|text| (Bytes::from(text), takeout)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"stockade-account.jsonl\""),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// `POST /api/v1/account/erasure`
pub async fn erase(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
    Json(form): Json<Proven>,
) -> Answer<Json<ErasureAsked>> {
    let proof = form.proof.read()?;
    let due = app.accounts().ask_erasure(&visitor, &signed.session, proof).await?;
    Ok(Json(ErasureAsked { due: due.to_string() }))
}

/// `POST /api/v1/account/erasure/stop`
pub async fn keep(
    State(app): State<App>,
    Caller(visitor): Caller,
    signed: Signed,
) -> Answer<StatusCode> {
    app.accounts().stop_erasure(&visitor, &signed.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/account/erasure/stop-by-link`
pub async fn keep_by_link(
    State(app): State<App>,
    Caller(visitor): Caller,
    Json(form): Json<StopLink>,
) -> Answer<StatusCode> {
    app.accounts().stop_erasure_by_link(&visitor, &form.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /.well-known/jwks.json`
pub async fn jwks(State(app): State<App>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/jwk-set+json")];
    (kind, app.accounts().jwks()).into_response()
}
