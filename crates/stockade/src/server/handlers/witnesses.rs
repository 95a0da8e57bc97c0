//! The log as anyone can check it, and as witnesses see it (<https://c2sp.org/tlog-tiles>,
//! <https://c2sp.org/tlog-witness>).

use crate::{
    desk::{NotCosigned, Sight, WitnessView},
    server::{
        Answer, Problem,
        extract::{Json, Part, body},
        finish::TREE_SIZE,
        guard::Granted,
        state::App,
    },
};
use audit::{Objection, Submission, TileId};
use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

const TEXT: &str = "text/plain; charset=utf-8";
/// A tile never changes.
const STAYS: &str = "public, max-age=31536000, immutable";

/// A text of the protocol.
#[derive(Debug, ToSchema)]
#[schema(value_type = String)]
pub struct NoteText(#[allow(dead_code, reason = "it is read as it comes")] String);

/// Who witnesses this log, and which logs this server witnesses.
#[derive(Debug, Serialize, ToSchema)]
pub struct Witnessing {
    /// This server's key as a witness: whoever runs a log that it shall cosign wants it.
    key: String,
    /// Logs that this server cosigns.
    logs: Vec<String>,
    witnesses: Vec<WitnessRow>,
}

/// A witness of this log.
#[derive(Debug, Serialize, ToSchema)]
pub struct WitnessRow {
    name: String,
    key: String,
    /// Where it is asked; null where it comes by itself.
    address: Option<String>,
    /// The largest size that it cosigned; null before it did.
    size: Option<u64>,
    /// When, by its clock.
    time: Option<String>,
    /// Why it did not cosign the newest checkpoint; null where nothing is wrong.
    trouble: Option<String>,
    /// Whether it refuses, rather than being away.
    refuses: bool,
}

impl From<WitnessView> for WitnessRow {
    fn from(view: WitnessView) -> Self {
        Self {
            name: view.key.name().to_owned(),
            key: view.key.to_string(),
            address: view.address,
            size: view.said.as_ref().map(|said| said.size),
            time: view.said.map(|said| said.time.to_string()),
            refuses: view.trouble.as_ref().is_some_and(|trouble| trouble.is_refusal),
            trouble: view.trouble.map(|trouble| trouble.what),
        }
    }
}

/// `GET /api/v1/audit/witnesses`
pub async fn witnesses(State(app): State<App>, signed: Granted) -> Answer<Json<Witnessing>> {
    super::audit::look(&app, signed.tenant.account(), Sight::Log).await?;
    let witnesses = app.witnesses();
    let rows = witnesses.views(app.desk()).await?;
    Ok(Json(Witnessing {
        key: witnesses.key().to_string(),
        logs: witnesses.logs().iter().map(ToString::to_string).collect(),
        witnesses: rows.into_iter().map(WitnessRow::from).collect(),
    }))
}

/// `GET /log/checkpoint`
pub async fn checkpoint(State(app): State<App>) -> Answer<Response> {
    Ok(text(app.desk().log_head().await?.note))
}

/// `GET /log/key`
pub async fn key(State(app): State<App>) -> Answer<Response> {
    Ok(text(format!("{}\n", app.desk().log_key())))
}

/// `GET /log/witness`
pub async fn witness(State(app): State<App>) -> Answer<Response> {
    Ok(text(format!("{}\n", app.witnesses().key())))
}

/// `GET /log/witnessed`
pub async fn witnessed(State(app): State<App>) -> Answer<Response> {
    let found = app.witnesses().witnessed(app.desk()).await?;
    found.map(text).ok_or_else(Problem::not_found)
}

/// `GET /log/tile/{level}/{*place}`
pub async fn tile(
    State(app): State<App>,
    Part((level, place)): Part<(String, String)>,
) -> Answer<Response> {
    let tile: TileId =
        format!("{level}/{place}").parse().map_err(|_: audit::Error| Problem::not_found())?;
    let bytes = app.desk().log_tile(tile).await?.ok_or_else(Problem::not_found)?;
    let headers =
        [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, STAYS)];
    Ok((headers, bytes).into_response())
}

/// `POST /log/add-checkpoint`
pub async fn add_checkpoint(State(app): State<App>, request: Request) -> Answer<Response> {
    let bytes = body(request, &app).await?;
    let submission = std::str::from_utf8(&bytes)
        .map_err(|_| Problem::invalid("the submission is not UTF-8"))
        .and_then(|text| Submission::parse(text).map_err(|error| malformed(&error)))?;
    match app.witnesses().cosign(app.desk(), &submission).await? {
        Ok(line) => Ok(text(line)),
        Err(NotCosigned::UnknownLog) => Err(Problem::not_found()),
        Err(NotCosigned::Objection(Objection::Elsewhere { size })) => {
            let headers = [(header::CONTENT_TYPE, TREE_SIZE)];
            Ok((StatusCode::CONFLICT, headers, format!("{size}\n")).into_response())
        }
        Err(NotCosigned::Objection(objection)) => {
            let status =
                StatusCode::from_u16(objection.status()).unwrap_or(StatusCode::BAD_REQUEST);
            Err(Problem::new(status, "not-cosigned", objection.to_string()))
        }
    }
}

/// `POST /log/cosignatures`
pub async fn cosignatures(State(app): State<App>, request: Request) -> Answer<StatusCode> {
    let bytes = body(request, &app).await?;
    let cosigned =
        std::str::from_utf8(&bytes).map_err(|_| Problem::invalid("the checkpoint is not UTF-8"))?;
    if app.witnesses().hear(app.desk(), cosigned).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = "no witness of this log signed it";
    Err(Problem::new(StatusCode::FORBIDDEN, "no-witness", detail)
        .fix("the operator names the witness's key in audit.heard"))
}

fn malformed(error: &audit::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "not-a-submission", error.to_string())
}

fn text(text: String) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], text).into_response()
}
