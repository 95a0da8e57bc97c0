//! What a backtest left: its files, and its tables as columns.

use crate::{
    desk::{FILLS, JSON, ORDERS, REFUSALS, TEARSHEET, TRADES},
    report::{self, Columns, Schema},
    server::{
        Answer, Problem,
        extract::{Part, Query},
        guard::Granted,
        state::App,
    },
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

/// Rows of a table in one answer.
const ROWS_MAX: usize = 500_000;

/// Which part of a table.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PartOfTable {
    /// The first row, from 0.
    #[serde(default)]
    from: usize,
    /// How many rows, at most 500,000.
    count: Option<usize>,
}

/// `GET /api/v1/backtests/{id}/result`
pub async fn result(app: State<App>, signed: Granted, id: Part<Uuid>) -> Answer<Response> {
    let bytes = read(app, signed, id, JSON).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response())
}

/// `GET /api/v1/backtests/{id}/tearsheet`
pub async fn tearsheet(app: State<App>, signed: Granted, id: Part<Uuid>) -> Answer<Response> {
    let bytes = read(app, signed, id, TEARSHEET).await?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], bytes).into_response())
}

/// `GET /api/v1/backtests/{id}/trades.csv`
pub async fn trades_csv(app: State<App>, signed: Granted, id: Part<Uuid>) -> Answer<Response> {
    csv(app, signed, id, TRADES).await
}

/// `GET /api/v1/backtests/{id}/fills.csv`
pub async fn fills_csv(app: State<App>, signed: Granted, id: Part<Uuid>) -> Answer<Response> {
    csv(app, signed, id, FILLS).await
}

/// `GET /api/v1/backtests/{id}/orders.csv`
pub async fn orders_csv(app: State<App>, signed: Granted, id: Part<Uuid>) -> Answer<Response> {
    csv(app, signed, id, ORDERS).await
}

/// `GET /api/v1/backtests/{id}/refusals.csv`
pub async fn refusals_csv(app: State<App>, signed: Granted, id: Part<Uuid>) -> Answer<Response> {
    csv(app, signed, id, REFUSALS).await
}

/// `GET /api/v1/backtests/{id}/fills`
pub async fn fills(
    app: State<App>,
    signed: Granted,
    id: Part<Uuid>,
    Query(part): Query<PartOfTable>,
) -> Answer<Response> {
    columns(app, signed, id, (FILLS, report::FILLS, part)).await
}

/// `GET /api/v1/backtests/{id}/orders`
pub async fn orders(
    app: State<App>,
    signed: Granted,
    id: Part<Uuid>,
    Query(part): Query<PartOfTable>,
) -> Answer<Response> {
    columns(app, signed, id, (ORDERS, report::ORDERS, part)).await
}

/// `GET /api/v1/backtests/{id}/refusals`
pub async fn refusals(
    app: State<App>,
    signed: Granted,
    id: Part<Uuid>,
    Query(part): Query<PartOfTable>,
) -> Answer<Response> {
    columns(app, signed, id, (REFUSALS, report::REFUSALS, part)).await
}

async fn csv(
    app: State<App>,
    signed: Granted,
    id: Part<Uuid>,
    name: &'static str,
) -> Answer<Response> {
    let bytes = read(app, signed, id, name).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, bytes).into_response())
}

async fn columns(
    app: State<App>,
    signed: Granted,
    id: Part<Uuid>,
    (name, schema, part): (&'static str, &'static Schema, PartOfTable),
) -> Answer<Response> {
    let bytes = read(app, signed, id, name).await?;
    let rows = (part.from, part.count.unwrap_or(ROWS_MAX).min(ROWS_MAX));
    let work = move || Columns::read(schema, &bytes, rows)?.to_json();
    let done = tokio::task::spawn_blocking(work).await.map_err(|e| Problem::internal(&e))?;
    let json = done.map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// A file of a person's result.
async fn read(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
    name: &'static str,
) -> Answer<Vec<u8>> {
    let path = app.desk().result_dir(&signed.tenant, id).await?.join(name);
    tokio::fs::read(&path).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Problem::new(StatusCode::GONE, "result-gone", "this file of the result is not there")
                .fix("run the backtest again: the same data and text give the same result")
        }
        _ => Problem::internal(&error),
    })
}
