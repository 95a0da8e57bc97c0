//! Expressions on data: a date's cross-section, a name's history, and how much several say the same.

use crate::{
    desk::{Asked, Error, Evaluated, HISTORY_ROWS_MAX, Intent, Stop, newest, row_text},
    report::words,
    server::{Answer, Problem, extract::Json, finish::Gone, guard::Granted, state::App},
};
use axum::extract::State;
use http::StatusCode;
use market::{Adjustment, Symbol, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// How long a question may take; the connection itself is given up a little later.
const BUDGET: Duration = Duration::from_secs(50);

/// A named expression.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    name: String,
    text: String,
}

impl Named {
    pub(super) const fn new(name: String, text: String) -> Self {
        Self { name, text }
    }
}

/// What splits do to prices and volumes.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Adjust {
    /// They are applied forward.
    #[default]
    Splits,
    /// Nothing.
    None,
}

impl From<Adjust> for Adjustment {
    fn from(adjust: Adjust) -> Self {
        match adjust {
            Adjust::Splits => Self::Splits,
            Adjust::None => Self::Raw,
        }
    }
}

/// Expressions to look at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Look {
    dataset: String,
    #[serde(default)]
    adjust: Adjust,
    expressions: Vec<Named>,
    /// The newest row at or before it is shown, of a date without a time the newest row before the
    /// next midnight UTC; the last row unless given.
    date: Option<String>,
    /// Whose history is shown; nobody's unless given.
    symbol: Option<String>,
}

/// Expressions on data.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    dataset: String,
    rows: usize,
    names: usize,
    first: String,
    last: String,
    /// Distinct expressions tried on this dataset by now.
    trials: u64,
    date: String,
    previous: Option<String>,
    next: Option<String>,
    expressions: Vec<Shown>,
    section: Section,
    history: Option<History>,
}

/// An expression as it was understood.
#[derive(Debug, Serialize, ToSchema)]
pub struct Shown {
    name: String,
    canonical: String,
    result: &'static str,
    lookback: usize,
    /// Share of cells with a value.
    coverage: f64,
}

/// The values of one date: by expression, then by symbol.
#[derive(Debug, Serialize, ToSchema)]
pub struct Section {
    symbols: Vec<String>,
    values: Vec<Vec<Option<f64>>>,
}

/// The values of one name: by expression, then by time.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    symbol: String,
    times: Vec<String>,
    values: Vec<Vec<Option<f64>>>,
    /// There are more rows before these.
    cut: bool,
}

/// Expressions to compare.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    dataset: String,
    #[serde(default)]
    adjust: Adjust,
    /// Two at least.
    #[schema(min_items = 2)]
    expressions: Vec<Named>,
}

/// How much expressions say the same.
#[derive(Debug, Serialize, ToSchema)]
pub struct Compared {
    dataset: String,
    trials: u64,
    names: Vec<String>,
    /// Mean over dates of the rank correlation across names.
    matrix: Vec<Vec<Option<f64>>>,
    /// Correlation over all cells of each date's places between 0 and 1.
    pooled: Vec<Vec<Option<f64>>>,
}

/// `POST /api/v1/factors/preview`
pub async fn preview(
    State(app): State<App>,
    signed: Granted,
    gone: Gone,
    Json(look): Json<Look>,
) -> Answer<Json<Preview>> {
    let date = look.date.as_deref().map(time).transpose()?;
    let symbol = look.symbol.as_deref().map(str::parse::<Symbol>).transpose();
    let symbol = symbol.map_err(|e| Problem::invalid(e.to_string()).field("symbol"))?;
    let asked = asked(look.dataset.clone(), look.adjust, look.expressions, Intent::Look);
    let desk = app.desk().clone();
    let shown = within(&app, gone, async move |stop| {
        let evaluated = desk.evaluate(Some(&signed.tenant), asked, &stop).await?;
        evaluated.work(move |values| shown(look.dataset, values, date, symbol)).await
    })
    .await?;
    Ok(Json(shown?))
}

/// `POST /api/v1/factors/correlate`
pub async fn correlate(
    State(app): State<App>,
    signed: Granted,
    gone: Gone,
    Json(wanted): Json<Comparison>,
) -> Answer<Json<Compared>> {
    if wanted.expressions.len() < 2 {
        return Err(
            Problem::invalid("two expressions at least can be compared").field("expressions")
        );
    }
    let asked = asked(wanted.dataset.clone(), wanted.adjust, wanted.expressions, Intent::Compare);
    let desk = app.desk().clone();
    let (trials, found) = within(&app, gone, async move |stop| {
        let evaluated = desk.evaluate(Some(&signed.tenant), asked, &stop).await?;
        let trials = evaluated.trials;
        let found = evaluated.work(move |values| values.correlate(&stop)).await??;
        Ok((trials, found))
    })
    .await?;
    let research::Correlations { names, mean, pooled } = found;
    Ok(Json(Compared { dataset: wanted.dataset, trials, names, matrix: mean, pooled }))
}

/// What the desk is asked.
pub(super) fn asked(
    dataset: String,
    adjust: Adjust,
    expressions: Vec<Named>,
    intent: Intent,
) -> Asked {
    let expressions = expressions.into_iter().map(|one| (one.name, one.text)).collect();
    Asked { dataset, adjustment: adjust.into(), expressions, intent }
}

/// Does work that stops when the client goes away, the server stops, or the time is up.
pub(super) async fn within<T>(
    app: &App,
    Gone(gone): Gone,
    work: impl AsyncFnOnce(Stop) -> Result<T, Error>,
) -> Answer<T> {
    let stop = Stop::default();
    let mut work = Box::pin(work(stop.clone()));
    let late = tokio::select! {
        done = &mut work => return Ok(done?),
        () = gone.cancelled() => false,
        () = app.stop().cancelled() => false,
        () = tokio::time::sleep(BUDGET) => true,
    };
    stop.stop();
    match work.await {
        Err(error) if late => Err(too_late(error)),
        done => Ok(done?),
    }
}

/// What is told when the time is up: whoever never had a turn did not ask for too much.
fn too_late(error: Error) -> Problem {
    if let Error::Busy { .. } = error {
        return error.into();
    }
    let detail = format!("it took more than {} s and was stopped", BUDGET.as_secs());
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "limit", detail)
        .fix("ask for fewer expressions, or use the command line, which has no such limit")
}

fn time(text: &str) -> Answer<Timestamp> {
    let wrong =
        |_| Problem::invalid("a date is written 2024-01-31, a time in RFC 3339").field("date");
    newest(text).map_err(wrong)
}

fn shown(
    dataset: String,
    evaluated: &Evaluated,
    date: Option<Timestamp>,
    symbol: Option<Symbol>,
) -> Answer<Preview> {
    let times = evaluated.panel.times();
    let at = |row: Option<usize>| row.and_then(|row| times.get(row)).map(ToString::to_string);
    let row = evaluated.row(date).ok_or_else(|| {
        Problem::invalid("the data begin after this date").field("date").fix("ask for a later one")
    })?;
    let history = match symbol {
        None => None,
        Some(symbol) => {
            let name = evaluated.name(&symbol)?;
            let first = times.len().saturating_sub(HISTORY_ROWS_MAX);
            Some(History {
                symbol: symbol.to_string(),
                times: times.iter().skip(first).map(ToString::to_string).collect(),
                values: evaluated.history(name, first..times.len()),
                cut: first > 0,
            })
        }
    };
    let expressions = evaluated.expressions.iter().zip(&evaluated.columns);
    let expression = |(one, column): (&crate::desk::Understood, &market::Column)| Shown {
        name: one.name.clone(),
        canonical: one.canonical.clone(),
        result: words::result(one.result),
        lookback: one.lookback,
        coverage: evaluated.coverage(column),
    };
    Ok(Preview {
        dataset,
        rows: times.len(),
        names: evaluated.panel.symbols().len(),
        first: at(Some(0)).unwrap_or_default(),
        last: at(times.len().checked_sub(1)).unwrap_or_default(),
        trials: evaluated.trials,
        date: row_text(times, row).unwrap_or_default(),
        previous: row.checked_sub(1).and_then(|row| row_text(times, row)),
        next: row_text(times, row + 1),
        expressions: expressions.map(expression).collect(),
        section: Section {
            symbols: evaluated.panel.symbols().iter().map(ToString::to_string).collect(),
            values: evaluated.section(row),
        },
        history,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_never_had_a_turn_is_told_to_come_back() {
        let busy = too_late(Error::Busy { what: "other evaluations", retry_after_s: 2 });
        assert_eq!((busy.status, busy.code), (StatusCode::TOO_MANY_REQUESTS, "busy"));
        let stopped = too_late(Error::Cancelled);
        assert_eq!((stopped.status, stopped.code), (StatusCode::UNPROCESSABLE_ENTITY, "limit"));
    }
}
