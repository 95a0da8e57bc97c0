//! Read-outs of factors: asked for, read again, as figures and as a page.

use super::workbench::{Adjust, Named, asked, within};
use crate::{
    desk::{Error, Kept, Reading, Studies},
    report::study,
    server::{
        Answer,
        extract::{Json, Part},
        finish::Gone,
        guard::Signed,
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
    signed: Signed,
    gone: Gone,
    Json(new): Json<NewStudy>,
) -> Answer<Json<StudyView>> {
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
    let asked = asked(new.dataset, new.adjust, expressions);
    let desk = app.desk().clone();
    let kept = within(&app, gone, async move |stop| {
        let evaluated = desk.evaluate(Some(&signed.tenant), asked, &stop).await?;
        let understood = evaluated.expressions.first().cloned();
        let understood = understood.ok_or(Error::NotFound { what: "factor" })?;
        let size = (evaluated.panel.rows(), evaluated.panel.symbols().len());
        let (digest, trials) = (evaluated.digest.clone(), evaluated.trials);
        let study = desk.study(evaluated, reading, &stop).await?;
        let (name, canonical, id) = (understood.name, understood.canonical, Studies::fresh_id());
        Ok(Kept { id, name, text, canonical, dataset, digest, size, trials, study })
    })
    .await?;
    let kept = app.studies().keep(&signed.tenant, kept);
    Ok(Json(view(&kept)))
}

/// `GET /api/v1/factors/studies/{id}`
pub async fn show(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<Uuid>,
) -> Answer<Json<StudyView>> {
    Ok(Json(view(&*app.studies().find(&signed.tenant, id)?)))
}

/// `GET /api/v1/factors/studies/{id}/report`
pub async fn report(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<Uuid>,
) -> Answer<impl IntoResponse> {
    let kept = app.studies().find(&signed.tenant, id)?;
    let page = crate::readout::render(&kept);
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page))
}

fn view(kept: &Kept) -> StudyView {
    StudyView { id: kept.id, trials: kept.trials, document: study::document(kept) }
}
