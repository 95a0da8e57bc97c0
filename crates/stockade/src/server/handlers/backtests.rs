//! Backtests: started, followed, stopped, read.

use crate::server::{
    Answer, Problem,
    extract::{Json, Part},
    guard::Granted,
    state::App,
    stream::{Note, Stream},
};
use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc};
use store::{BacktestRow, BacktestState};
use utoipa::ToSchema;
use uuid::Uuid;

/// What to run: a kept strategy or a text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBacktest {
    strategy_id: Option<Uuid>,
    text: Option<String>,
}

/// A backtest that was taken on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Started {
    id: Uuid,
}

/// A backtest.
#[derive(Debug, Serialize, ToSchema)]
pub struct Backtest {
    id: Uuid,
    name: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    state: &'static str,
    strategy_id: Option<Uuid>,
    run_id: Option<String>,
    created: String,
    finished: Option<String>,
    summary: Option<Value>,
    /// A few values of the equity curve.
    spark: Option<Value>,
    problem: Option<Value>,
}

fn view(app: &App, signed: &Granted, row: BacktestRow) -> Backtest {
    let (mut run_id, mut summary, mut spark, mut problem) = (None, None, None, None);
    let state = match row.state {
        BacktestState::Queued => {
            let job = app.jobs().find(&signed.tenant, row.id);
            if job.is_some_and(|job| job.is_running()) { "running" } else { "queued" }
        }
        BacktestState::Done { run_id: run, summary: text } => {
            run_id = Some(run);
            let mut figures: Value = serde_json::from_str(&text).unwrap_or_default();
            spark = figures.as_object_mut().and_then(|figures| figures.remove("spark"));
            summary = Some(figures);
            "done"
        }
        BacktestState::Failed { problem: text } => {
            problem = serde_json::from_str(&text).ok().map(in_words);
            "failed"
        }
        BacktestState::Cancelled => "cancelled",
    };
    Backtest {
        id: row.id,
        name: row.name,
        state,
        strategy_id: row.strategy,
        run_id,
        created: row.created.to_string(),
        finished: row.finished.map(|time| time.to_string()),
        summary,
        spark,
        problem,
    }
}

/// A stored failure in the form of a problem.
fn in_words(mut problem: Value) -> Value {
    if let Some(fields) = problem.as_object_mut()
        && let Some(message) = fields.remove("message")
    {
        fields.insert("title".to_owned(), "The backtest failed".into());
        fields.insert("detail".to_owned(), message);
    }
    problem
}

/// `GET /api/v1/backtests`
pub async fn list(State(app): State<App>, signed: Granted) -> Answer<Json<Vec<Backtest>>> {
    let rows = app.desk().backtests(&signed.tenant).await?;
    Ok(Json(rows.into_iter().map(|row| view(&app, &signed, row)).collect()))
}

/// `GET /api/v1/backtests/{id}`
pub async fn show(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<Json<Backtest>> {
    let row = app.desk().backtest(&signed.tenant, id).await?;
    Ok(Json(view(&app, &signed, row)))
}

/// `POST /api/v1/backtests`
pub async fn start(
    State(app): State<App>,
    signed: Granted,
    Json(new): Json<NewBacktest>,
) -> Answer<(StatusCode, Json<Started>)> {
    let text = match (new.strategy_id, new.text) {
        (Some(id), None) => app.desk().strategy(&signed.tenant, id).await?.text,
        (None, Some(text)) => text,
        _ => {
            let detail = "exactly one of strategy_id and text says what to run";
            return Err(Problem::invalid(detail));
        }
    };
    let id = app.jobs().submit(signed.tenant, new.strategy_id, text).await?;
    Ok((StatusCode::ACCEPTED, Json(Started { id })))
}

/// `POST /api/v1/backtests/{id}/cancel`
pub async fn cancel(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<StatusCode> {
    if !app.jobs().cancel(&signed.tenant, id) {
        // It is over already, or it is nobody's.
        app.desk().backtest(&signed.tenant, id).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// `DELETE /api/v1/backtests/{id}`
pub async fn remove(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<StatusCode> {
    app.desk().remove_backtest(&signed.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/backtests/{id}/events`
pub async fn events(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
    headers: HeaderMap,
) -> Answer<Response> {
    if let Some(job) = app.jobs().find(&signed.tenant, id) {
        return Ok(answer(app, signed, Follow::Live(Arc::clone(&job.stream)), &headers));
    }
    let row = app.desk().backtest(&signed.tenant, id).await?;
    let note = epilogue(&view(&app, &signed, row));
    Ok(answer(app, signed, Follow::Over(note), &headers))
}

/// What a reader hears who comes when all is over.
fn epilogue(backtest: &Backtest) -> Note {
    let (name, data) = match backtest.state {
        "done" => ("done", json!({ "run_id": backtest.run_id })),
        "cancelled" => ("cancelled", json!({})),
        _ => ("failed", json!({ "problem": backtest.problem })),
    };
    Note { id: 0, name, data: data.to_string(), last: true }
}

/// What there is to hear of a job.
pub(super) enum Follow {
    /// It is at work.
    Live(Arc<Stream>),
    /// It is over; this is the last thing to be said.
    Over(Note),
}

/// A stream of events after the one that the reader has seen.
pub(super) fn answer(app: App, signed: Granted, what: Follow, headers: &HeaderMap) -> Response {
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let seen: u64 = seen.unwrap_or(0);
    match what {
        Follow::Live(stream) => {
            let events = follow(app, signed, stream, seen);
            Sse::new(events).keep_alive(KeepAlive::default()).into_response()
        }
        Follow::Over(note) => {
            let note = Note { id: seen.saturating_add(1), ..note };
            Sse::new(stream::iter([Ok::<_, Infallible>(event(note))])).into_response()
        }
    }
}

/// The events of a live job, until it, the session or the server ends.
fn follow(
    app: App,
    signed: Granted,
    events: Arc<Stream>,
    seen: u64,
) -> impl stream::Stream<Item = Result<Event, Infallible>> {
    let ended = Box::pin(async move {
        tokio::select! {
            () = signed.ended(&app) => {}
            () = app.stop().cancelled() => {}
        }
    });
    stream::unfold((events, seen, ended), |(events, seen, mut ended)| async move {
        let note = tokio::select! {
            biased;
            () = &mut ended => None,
            note = events.after(seen) => note,
        }?;
        let seen = note.id;
        Some((Ok(event(note)), (events, seen, ended)))
    })
}

fn event(note: Note) -> Event {
    Event::default().id(note.id.to_string()).event(note.name).data(note.data)
}
