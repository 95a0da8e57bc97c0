//! Sweeps: checked, started, followed, stopped, read.

use super::{
    backtests::{Follow, answer},
    sweep_rows::{self, MeasureView},
};
use crate::{
    desk::{self, SweepFault, SweepPlan, SweepWords},
    server::{
        Answer, Problem,
        extract::{Json, Part},
        guard::Granted,
        state::App,
        stream::Note,
    },
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{SweepProgress, SweepRow, SweepState};
use utoipa::ToSchema;
use uuid::Uuid;

/// A sweep that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSweep {
    strategy_id: Uuid,
    axes: Vec<AxisText>,
    #[serde(default)]
    conditions: Vec<String>,
}

/// A parameter and the values to try: `5..100:5`, or `5,10,20`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AxisText {
    name: String,
    values: String,
}

impl NewSweep {
    fn words(self) -> SweepWords {
        let axes = self.axes.into_iter().map(|axis| (axis.name, axis.values)).collect();
        SweepWords { axes, conditions: self.conditions }
    }
}

/// What would run, and what is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedSweep {
    /// The strategy's parameters with its own values.
    parameters: Vec<Setting>,
    /// Null where something is wrong.
    sets: Option<u64>,
    /// Bars that each set goes over.
    bars: Option<u64>,
    problems: Vec<Fault>,
}

/// A parameter's value, an exact decimal number.
#[derive(Debug, Serialize, ToSchema)]
pub struct Setting {
    name: String,
    value: String,
}

/// Something wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fault {
    /// `strategy`, `axes`, `axes.NAME` or `conditions`.
    field: String,
    message: String,
    help: Option<String>,
}

/// A sweep that was taken on.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartedSweep {
    id: Uuid,
}

/// One's own sweeps.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sweeps {
    items: Vec<Item>,
}

/// A sweep in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Item {
    id: Uuid,
    name: String,
    /// The dataset.
    data: String,
    /// `running`, `stopped`, `done` or `failed`.
    state: &'static str,
    sets: u64,
    done: u64,
    started: String,
    /// The set with the highest Sharpe ratio of those that were there when it last stopped.
    best: Option<Best>,
    problem: Option<String>,
}

/// A set and its Sharpe ratio.
#[derive(Debug, Serialize, ToSchema)]
pub struct Best {
    set: u64,
    sharpe: f64,
}

/// A sweep.
#[derive(Debug, Serialize, ToSchema)]
pub struct SweepView {
    #[serde(flatten)]
    item: Item,
    currency: String,
    axes: Vec<AxisView>,
    /// Parameters that are not swept.
    fixed: Vec<Setting>,
    conditions: Vec<String>,
    measures: Vec<MeasureView>,
}

/// An axis and its values in their order, exact decimal numbers.
#[derive(Debug, Serialize, ToSchema)]
pub struct AxisView {
    name: String,
    values: Vec<String>,
}

/// One set of a sweep.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetView {
    values: Vec<Setting>,
    /// The strategy with these values written in.
    text: String,
    /// The run id of its backtest; null until the set is run.
    run_id: Option<String>,
}

fn settings(pairs: Vec<(String, String)>) -> Vec<Setting> {
    pairs.into_iter().map(|(name, value)| Setting { name, value }).collect()
}

fn item(app: &App, signed: &Granted, row: SweepRow) -> Item {
    let SweepRow { id, name, dataset, state, sets, progress, created, .. } = row;
    let SweepProgress { done, best } = progress;
    let live = app.sweeping().find(&signed.tenant, id);
    let word = state.as_str();
    let problem = match state {
        SweepState::Failed { problem } => Some(problem),
        SweepState::Running | SweepState::Stopped | SweepState::Done => None,
    };
    Item {
        id,
        name,
        data: dataset,
        state: word,
        sets,
        done: live.map_or(done, |job| job.done().max(done)),
        started: created.to_string(),
        best: best.map(|(set, sharpe)| Best { set, sharpe }),
        problem,
    }
}

/// `GET /api/v1/sweeps`
pub async fn list(State(app): State<App>, signed: Granted) -> Answer<Json<Sweeps>> {
    let rows = app.desk().sweeps(&signed.tenant).await?;
    Ok(Json(Sweeps { items: rows.into_iter().map(|row| item(&app, &signed, row)).collect() }))
}

/// `POST /api/v1/sweeps/check`
pub async fn check(
    State(app): State<App>,
    signed: Granted,
    Json(new): Json<NewSweep>,
) -> Answer<Json<CheckedSweep>> {
    let (id, words) = (new.strategy_id, new.words());
    let plan = app.desk().plan_sweep(&signed.tenant, id, words).await?;
    let fault = |one: SweepFault| Fault { field: one.field, message: one.message, help: one.help };
    let SweepPlan { parameters, sets, bars, faults, .. } = plan;
    let problems = faults.into_iter().map(fault).collect();
    Ok(Json(CheckedSweep { parameters: settings(parameters), sets, bars, problems }))
}

/// `POST /api/v1/sweeps`
pub async fn start(
    State(app): State<App>,
    signed: Granted,
    Json(new): Json<NewSweep>,
) -> Answer<(StatusCode, Json<StartedSweep>)> {
    let (id, words) = (new.strategy_id, new.words());
    let plan = app.desk().plan_sweep(&signed.tenant, id, words).await?;
    if let Some(fault) = plan.faults.first() {
        // A fault names its axis by the parameter; the pointer leads to the list of them.
        let list = match fault.field.split('.').next() {
            Some("strategy") | None => "strategy_id",
            Some(list) => list,
        };
        let problem = Problem::invalid(fault.message.clone())
            .at(fault.field.clone())
            .pointer(format!("/{list}"));
        return Err(match &fault.help {
            Some(help) => problem.fix(help.clone()),
            None => problem,
        });
    }
    let id = app.sweeping().start(signed.tenant, plan).await?;
    Ok((StatusCode::ACCEPTED, Json(StartedSweep { id })))
}

/// `GET /api/v1/sweeps/{id}`
pub async fn show(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<Json<SweepView>> {
    let row = app.desk().sweep_row(&signed.tenant, id).await?;
    let about = app.desk().sweep_about(&signed.tenant, id).await?;
    let axes = about.axes.into_iter().map(|(name, values)| AxisView { name, values }).collect();
    Ok(Json(SweepView {
        item: item(&app, &signed, row),
        currency: about.currency,
        axes,
        fixed: settings(about.fixed),
        conditions: about.conditions,
        measures: sweep_rows::measures(),
    }))
}

/// `GET /api/v1/sweeps/{id}/rows`
pub async fn rows(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<impl IntoResponse> {
    let (names, rows) = app.desk().sweep_rows(&signed.tenant, id).await?;
    let work = move || sweep_rows::columns(&names, &rows);
    let json = tokio::task::spawn_blocking(work).await.map_err(|e| Problem::internal(&e))?;
    let json = json.map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json))
}

/// `GET /api/v1/sweeps/{id}/sets/{number}`
pub async fn set(
    State(app): State<App>,
    signed: Granted,
    Part((id, number)): Part<(Uuid, u64)>,
) -> Answer<Json<SetView>> {
    let set = app.desk().sweep_set(&signed.tenant, id, number).await?;
    let desk::SweepSet { values, text, run_id } = set;
    Ok(Json(SetView { values: settings(values), text, run_id }))
}

/// `GET /api/v1/sweeps/{id}/events`
pub async fn events(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
    headers: HeaderMap,
) -> Answer<Response> {
    if let Some(job) = app.sweeping().find(&signed.tenant, id) {
        return Ok(answer(app, signed, Follow::Live(job.stream.clone()), &headers));
    }
    let state = app.desk().sweep_row(&signed.tenant, id).await?.state;
    let data = match &state {
        SweepState::Failed { problem } => json!({ "problem": { "title": problem } }),
        SweepState::Running | SweepState::Stopped | SweepState::Done => json!({}),
    };
    // One that ended between the two questions is asked for again by whoever follows it.
    let name = if state == SweepState::Running { "stopped" } else { state.as_str() };
    let note = Note { id: 0, name, data: data.to_string(), last: true };
    Ok(answer(app, signed, Follow::Over(note), &headers))
}

/// `POST /api/v1/sweeps/{id}/stop`
pub async fn stop(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<StatusCode> {
    if !app.sweeping().stop(&signed.tenant, id) {
        // It is over already, or it is nobody's.
        app.desk().sweep_row(&signed.tenant, id).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// `POST /api/v1/sweeps/{id}/resume`
pub async fn resume(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<StatusCode> {
    app.sweeping().resume(signed.tenant, id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `DELETE /api/v1/sweeps/{id}`
pub async fn remove(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<StatusCode> {
    app.desk().remove_sweep(&signed.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
