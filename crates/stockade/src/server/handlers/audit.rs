//! The audit log, as people read it and take it away.

use crate::{
    desk::{self, Actor, LogLine},
    server::{
        Answer, Problem,
        extract::{Json, Part, Query},
        guard::Signed,
        state::App,
    },
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::header;
use serde::{Deserialize, Serialize};
use store::{Export, LogPage};
use utoipa::ToSchema;

/// Which part of the log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    before: Option<u64>,
    limit: Option<u32>,
    kind: Option<String>,
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page {
    checkpoint: CheckpointView,
    entries: Vec<Line>,
}

/// The newest signed checkpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckpointView {
    size: u64,
    root: String,
    time: String,
}

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct Line {
    index: u64,
    time: String,
    kind: String,
    actor: Option<String>,
    subject: Option<String>,
    summary: String,
    leaf_hash: String,
}

impl From<LogLine> for Line {
    fn from(line: LogLine) -> Self {
        Self {
            index: line.index,
            time: line.time.to_string(),
            kind: line.kind,
            actor: line.actor,
            subject: line.subject,
            summary: line.summary,
            leaf_hash: hex::encode(line.hash),
        }
    }
}

/// `GET /api/v1/audit`
pub async fn page(
    State(app): State<App>,
    signed: Signed,
    Query(which): Query<Which>,
) -> Answer<Json<Page>> {
    let kind = which.kind.filter(|kind| !kind.is_empty()).map(|kind| kind.parse()).transpose();
    let kind =
        kind.map_err(|error: audit::Error| Problem::invalid(error.to_string()).at("query, kind"))?;
    let limit = which.limit.unwrap_or(0);
    app.desk().log_view(app.views(), signed.tenant.account(), desk::now()).await?;
    let view = app.desk().log(&LogPage { before: which.before, kind, limit }).await?;
    let checkpoint = CheckpointView {
        size: view.head.checkpoint.size,
        root: hex::encode(view.head.checkpoint.root),
        time: view.head.time.to_string(),
    };
    Ok(Json(Page { checkpoint, entries: view.lines.into_iter().map(Line::from).collect() }))
}

const TEXT: &str = "text/plain; charset=utf-8";

/// `GET /api/v1/audit/{index}/receipt`
pub async fn receipt(
    State(app): State<App>,
    signed: Signed,
    Part(index): Part<u64>,
) -> Answer<Response> {
    // A receipt opens its entry: that is a look like any other.
    app.desk().log_view(app.views(), signed.tenant.account(), desk::now()).await?;
    let text = app.desk().receipt(index).await?;
    let name = format!("attachment; filename=\"entry-{index}.tlog-proof\"");
    let headers = [(header::CONTENT_TYPE, TEXT.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, text).into_response())
}

/// `GET /api/v1/audit/checkpoint`
pub async fn checkpoint(State(app): State<App>) -> Answer<Response> {
    let head = app.desk().log_head().await?;
    Ok(([(header::CONTENT_TYPE, TEXT)], head.note).into_response())
}

/// `GET /api/v1/audit/key`
pub async fn key(State(app): State<App>) -> Answer<Response> {
    let key = format!("{}\n", app.desk().log_key());
    Ok(([(header::CONTENT_TYPE, TEXT)], key).into_response())
}

/// `GET /api/v1/audit/export`
pub async fn export(State(app): State<App>, signed: Signed) -> Answer<Response> {
    let export = app.desk().export_log(Actor::Account(signed.tenant.account())).await?;
    let pieces = stream::try_unfold(export, |mut export: Export| async move {
        let piece = export.next().await?;
        Ok::<_, store::Error>(piece.map(|text| (Bytes::from(text), export)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"stockade-audit.jsonl\""),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
