//! Read-outs of factors: asked for, read again, as figures and as a page.

use super::workbench::{Adjust, Named, asked, within};
use crate::{
    desk::{Error, Evaluated, Intent, Kept, Reading, Result, Stop, Studies},
    report::study,
    server::{
        Answer,
        extract::{Json, Part},
        finish::Gone,
        guard::Granted,
        state::App,
    },
};
use axum::{extract::State, response::IntoResponse};
use http::header;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A factor to be read against later returns.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStudy {
    dataset: String,
    #[serde(default)]
    adjust: Adjust,
    name: Option<String>,
    text: String,
    /// Rows that a position is held; 1, 5 and 21 unless given.
    horizons: Option<Vec<usize>>,
    /// 5 unless given.
    quantiles: Option<usize>,
    /// The labels that names are grouped by.
    group: Option<String>,
    /// The price of entries and exits; `adj_close` if the data have it, else `close`.
    price: Option<String>,
    /// Rows between a value and the entry; 1 unless given.
    delay: Option<usize>,
    /// Share of traded value that a trade costs; 0 unless given.
    cost: Option<f64>,
}

/// A read-out.
#[derive(Debug, Serialize, ToSchema)]
pub struct StudyView {
    id: Uuid,
    /// Distinct expressions tried on this dataset by then.
    trials: u64,
    document: Value,
}

/// `POST /api/v1/factors/study`
pub async fn start(
    State(app): State<App>,
    signed: Granted,
    gone: Gone,
    Json(new): Json<NewStudy>,
) -> Answer<impl IntoResponse> {
    let name = new.name.clone().unwrap_or_else(|| "factor".to_owned());
    let usual = Reading::default();
    let reading = Reading {
        horizons: new.horizons.unwrap_or(usual.horizons),
        quantiles: new.quantiles.unwrap_or(usual.quantiles),
        group: new.group,
        price: new.price,
        delay: new.delay.unwrap_or(usual.delay),
        cost: new.cost.unwrap_or(usual.cost),
    };
    let expressions = vec![Named::new(name, new.text.clone())];
    let (text, dataset) = (new.text, new.dataset.clone());
    let asked = asked(new.dataset, new.adjust, expressions, Intent::Read(reading.clone()));
    let (desk, kept) = (app.desk().clone(), app.clone());
    let body = within(&app, gone, async move |stop| {
        let evaluated = desk.evaluate(Some(&signed.tenant), asked, &stop).await?;
        let work = move |values: &Evaluated| {
            let study = read(values, (text, dataset), &reading, &stop)?;
            body(&kept.studies().keep(&signed.tenant, study))
        };
        evaluated.work(work).await?
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body))
}

/// The first expression, typed as `text`, against later returns.
fn read(
    values: &Evaluated,
    (text, dataset): (String, String),
    reading: &Reading,
    stop: &Stop,
) -> Result<Kept> {
    let understood = values.expressions.first().ok_or(Error::NotFound { what: "factor" })?;
    Ok(Kept {
        id: Studies::fresh_id(),
        name: understood.name.clone(),
        text,
        canonical: understood.canonical.clone(),
        dataset,
        digest: values.digest.clone(),
        size: (values.panel.rows(), values.panel.symbols().len()),
        trials: values.trials,
        study: values.study(reading, stop)?,
    })
}

/// `GET /api/v1/factors/studies/{id}`
pub async fn show(
    State(app): State<App>,
    signed: Granted,
    gone: Gone,
    Part(id): Part<Uuid>,
) -> Answer<impl IntoResponse> {
    let kept = app.studies().find(&signed.tenant, id)?;
    let desk = app.desk().clone();
    let work = async move |stop: Stop| desk.in_turn(&stop, move || body(&kept)).await;
    let body = within(&app, gone, work).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body))
}

/// `GET /api/v1/factors/studies/{id}/report`
pub async fn report(
    State(app): State<App>,
    signed: Granted,
    gone: Gone,
    Part(id): Part<Uuid>,
) -> Answer<impl IntoResponse> {
    let kept = app.studies().find(&signed.tenant, id)?;
    let desk = app.desk().clone();
    let work = async move |stop: Stop| {
        desk.in_turn(&stop, move || Ok(crate::readout::render(&kept))).await
    };
    let page = within(&app, gone, work).await?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page))
}

/// A [`StudyView`] as text. Where it may block: a read-out has up to millions of figures.
fn body(kept: &Kept) -> Result<Vec<u8>> {
    let view = StudyView { id: kept.id, trials: kept.trials, document: study::document(kept) };
    serde_json::to_vec(&view).map_err(|e| Error::Report { problem: e.to_string() })
}
