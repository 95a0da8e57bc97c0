//! Looking into a run: its ticks, and the account after each.

use super::workbench::within;
use crate::{
    desk::{Moment, Recording, Sort, Stop},
    report::{self, Columns, FILLS, Kind, ORDERS, PositionView, Schema, Tick, What, WorkingView},
    server::{
        Answer, Problem,
        extract::{Json, Part, Query},
        finish::Gone,
        guard::Granted,
        state::App,
    },
};
use axum::{extract::State, response::IntoResponse};
use http::{StatusCode, header};
use market::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Ticks in one answer.
const TICKS_MAX: usize = 100_000;
/// Ticks that a state tells of beside its own.
const EVENTS: usize = 12;

/// The columns of a list of ticks.
const TICKS: &Schema = &[
    ("tick", Kind::Count),
    ("row", Kind::Count),
    ("time", Kind::Time),
    ("what", Kind::Words),
    ("symbol", Kind::Words),
    ("side", Kind::Words),
    ("quantity", Kind::Figure),
    ("price", Kind::Figure),
    ("order", Kind::Count),
    ("text", Kind::Words),
];

/// Which ticks.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PartOfTicks {
    /// The first one's number, from 1.
    from: Option<usize>,
    /// How many, at most 100,000.
    count: Option<usize>,
}

/// Which state: after a tick, or at the end of the newest row at or before a second since 1970.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// The tick's number.
    tick: Option<usize>,
    /// Instead of it a second since 1970: the newest row by then.
    at: Option<i64>,
}

/// The account after a tick.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateView {
    tick: usize,
    /// Ticks of the run.
    ticks: usize,
    row: usize,
    /// Rows of the calendar.
    rows: usize,
    /// Microseconds since 1970.
    time: i64,
    /// `bar`, `fill`, `refusal`, or what a venue said: `accepted`, `triggered`, `ended`…
    what: &'static str,
    /// What it is about; null for all of a row.
    symbol: Option<String>,
    /// Whether the row's bars have closed by now.
    closed: bool,
    cash: String,
    equity: String,
    gross: String,
    fees: String,
    /// `normal`, `reduce_only` or `halted`; null where the engine has no gate.
    gate: Option<String>,
    positions: Vec<PositionView>,
    working: Vec<WorkingView>,
    near: Near,
    /// The last ticks up to this one, by column.
    #[schema(value_type = Object)]
    events: Columns,
}

/// The nearest ticks of each sort, before and after.
#[derive(Debug, Serialize, ToSchema)]
pub struct Near {
    bar: (Option<usize>, Option<usize>),
    fill: (Option<usize>, Option<usize>),
    refusal: (Option<usize>, Option<usize>),
}

/// `GET /api/v1/backtests/{id}/ticks`
pub async fn ticks(
    app: State<App>,
    signed: Granted,
    gone: Gone,
    Part(id): Part<Uuid>,
    Query(part): Query<PartOfTicks>,
) -> Answer<impl IntoResponse> {
    let run = recording(&app, &signed, gone, id).await?;
    let from = part.from.unwrap_or(1).max(1);
    let count = part.count.unwrap_or(TICKS_MAX).min(TICKS_MAX);
    let work = move || listed(&run, from, count).to_json();
    let done = tokio::task::spawn_blocking(work).await.map_err(|e| Problem::internal(&e))?;
    let json = done.map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json))
}

/// `GET /api/v1/backtests/{id}/state`
pub async fn state(
    app: State<App>,
    signed: Granted,
    gone: Gone,
    Part(id): Part<Uuid>,
    Query(which): Query<Which>,
) -> Answer<Json<StateView>> {
    let run = recording(&app, &signed, gone, id).await?;
    let tick = match (which.tick, which.at) {
        (Some(tick), None) => tick,
        (None, Some(second)) => run.at(Timestamp::from_nanos(second.saturating_mul(1_000_000_000))),
        _ => return Err(Problem::invalid("exactly one of tick and at says which state")),
    };
    let work = move || {
        let moment = run.moment(tick)?;
        let view = moment.map(|moment| view(&run, &moment)).transpose();
        view.map_err(|error| engine::Error::from(error).into())
    };
    let done: Result<_, crate::desk::Error> =
        tokio::task::spawn_blocking(work).await.map_err(|e| Problem::internal(&e))?;
    done?.map(Json).ok_or_else(Problem::not_found)
}

/// The run behind a finished backtest, out of memory or run again.
pub(super) async fn recording(
    app: &App,
    signed: &Granted,
    gone: Gone,
    id: Uuid,
) -> Answer<Arc<Recording>> {
    let (desk, kept) = (app.desk().clone(), Arc::clone(app.recordings()));
    let tenant = signed.tenant;
    let work = async move |stop: Stop| desk.record(&tenant, id, &kept, &stop).await;
    within(app, gone, work).await?.ok_or_else(|| {
        let detail = "the data or the engine are not those of this run any more";
        Problem::new(StatusCode::CONFLICT, "not-reproducible", detail)
            .fix("run the backtest again and look into the new result")
    })
}

fn listed(run: &Recording, from: usize, count: usize) -> Columns {
    let mut columns = Columns::new(TICKS, from.saturating_sub(1));
    let all = (1..).zip(run.ticks());
    for (number, tick) in all.skip(from.saturating_sub(1)).take(count) {
        let added = columns.add(&line(run, number, *tick));
        added.expect("the cells are written by the columns' own kinds");
    }
    columns.total = run.ticks().len();
    columns
}

/// A tick as a row of [`TICKS`], out of what the tables say of it.
fn line(run: &Recording, number: usize, tick: Tick) -> Vec<String> {
    let row = tick.row as usize;
    let found = run.line(tick);
    let of = |name: &str| {
        let (schema, cells) = found?;
        let place = schema.iter().position(|(column, _)| *column == name)?;
        cells.get(place).cloned()
    };
    let order = match tick.what {
        What::Word(_, Some(order)) => Some(order.0.to_string()),
        _ => None,
    };
    let text = match found {
        Some((schema, _)) if schema == FILLS || schema == ORDERS => of("purpose"),
        _ => of("text"),
    };
    vec![
        number.to_string(),
        row.to_string(),
        run.time(row).to_string(),
        what(tick).to_owned(),
        of("symbol").unwrap_or_default(),
        of("side").unwrap_or_default(),
        of("quantity").unwrap_or_default(),
        of("price").unwrap_or_default(),
        order.or_else(|| of("order")).unwrap_or_default(),
        text.unwrap_or_default(),
    ]
}

const fn what(tick: Tick) -> &'static str {
    match (tick.what, tick.refusal) {
        (What::Bar, _) => "bar",
        (What::Fill(_), _) => "fill",
        (What::Word(..), Some(_)) => "refusal",
        (What::Word(name, _), None) => name,
    }
}

fn view(run: &Recording, moment: &Moment) -> Result<StateView, portfolio::Error> {
    let tick = run.ticks().get(moment.tick - 1).copied();
    let tick = tick.expect("a moment is that of a tick");
    let near = |sort| run.near(moment.tick, sort);
    let first = (moment.tick + 1).saturating_sub(EVENTS).max(1);
    let symbol = line(run, moment.tick, tick).swap_remove(4);
    let instruments = &run.outcome().instruments;
    Ok(StateView {
        tick: moment.tick,
        ticks: run.ticks().len(),
        row: moment.row,
        rows: run.rows(),
        time: report::micros(moment.time),
        what: what(tick),
        symbol: Some(symbol).filter(|symbol| !symbol.is_empty()),
        closed: moment.closed,
        cash: moment.state.cash.to_string(),
        equity: moment.state.equity.to_string(),
        gross: moment.state.gross.to_string(),
        fees: moment.state.fees.to_string(),
        gate: Some(moment.state.gate.to_string()),
        positions: report::positions(instruments, &moment.state)?,
        working: report::working(instruments, &moment.state),
        near: Near { bar: near(Sort::Bar), fill: near(Sort::Fill), refusal: near(Sort::Refusal) },
        events: listed(run, first, moment.tick + 1 - first),
    })
}
