//! Prices, as people look at them.

use crate::server::{
    Answer,
    extract::{Json, Part},
    state::App,
};
use axum::extract::State;
use catalog::{Finding, Manifest, Summary};
use serde::Serialize;
use utoipa::ToSchema;

/// A dataset in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dataset {
    name: String,
    bar: String,
    symbols: Vec<String>,
    rows: u64,
    first: String,
    last: String,
    imported: String,
    digest: String,
    problems: u64,
    bytes: u64,
    /// Price fields that the source has; with `close` alone nothing can be filled at an open.
    #[schema(value_type = Vec<String>)]
    fields: Vec<catalog::Field>,
}

/// A dataset with what it says of itself and what is odd in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DatasetDetail {
    manifest: ManifestView,
    quality: Quality,
}

/// What a dataset says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManifestView {
    name: String,
    bar: String,
    rows: u64,
    first: String,
    last: String,
    imported: String,
    digest: String,
    source: String,
    source_sha256: String,
    source_bytes: u64,
    time_zone: String,
    time_form: String,
    partitions: usize,
    symbols: Vec<SymbolView>,
    splits: Vec<SplitView>,
    columns: Vec<ColumnView>,
}

/// A symbol of a dataset.
#[derive(Debug, Serialize, ToSchema)]
pub struct SymbolView {
    symbol: String,
    rows: u64,
    first: String,
    last: String,
    price_decimals: u8,
    currency: String,
}

/// A split.
#[derive(Debug, Serialize, ToSchema)]
pub struct SplitView {
    symbol: String,
    effective: String,
    numerator: u32,
    denominator: u32,
}

/// What a column of the source became.
#[derive(Debug, Serialize, ToSchema)]
pub struct ColumnView {
    column: String,
    role: String,
    origin: String,
}

/// What is odd in a dataset.
#[derive(Debug, Serialize, ToSchema)]
pub struct Quality {
    problems: u64,
    findings: Vec<FindingView>,
}

/// One oddity.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingView {
    #[schema(value_type = String)]
    kind: catalog::FindingKind,
    #[schema(value_type = String)]
    severity: catalog::Level,
    symbol: Option<String>,
    date: Option<String>,
    until: Option<String>,
    message: String,
}

/// `GET /api/v1/datasets`
pub async fn list(State(app): State<App>) -> Answer<Json<Vec<Dataset>>> {
    let dataset = |set: Summary| Dataset {
        name: set.name,
        bar: set.bar.to_string(),
        symbols: set.symbols,
        rows: set.rows,
        first: set.first.to_string(),
        last: set.last.to_string(),
        imported: set.imported.to_string(),
        digest: set.digest,
        problems: set.problems,
        bytes: set.bytes,
        fields: set.fields,
    };
    Ok(Json(app.desk().datasets().await?.into_iter().map(dataset).collect()))
}

/// `GET /api/v1/datasets/{name}`
pub async fn show(State(app): State<App>, Part(name): Part<String>) -> Answer<Json<DatasetDetail>> {
    let manifest = app.desk().manifest(&name).await?;
    let quality = Quality {
        problems: manifest.quality.problems(),
        findings: manifest.quality.findings.iter().map(finding).collect(),
    };
    Ok(Json(DatasetDetail { manifest: view(manifest), quality }))
}

fn finding(found: &Finding) -> FindingView {
    FindingView {
        kind: found.kind,
        severity: found.level,
        symbol: found.symbol.clone(),
        date: found.from.clone(),
        until: found.to.clone(),
        message: found.message.clone(),
    }
}

fn view(manifest: Manifest) -> ManifestView {
    let symbol = |one: &catalog::InstrumentEntry| SymbolView {
        symbol: one.symbol.to_string(),
        rows: one.rows,
        first: one.first.to_string(),
        last: one.last.to_string(),
        price_decimals: one.price_decimals,
        currency: one.currency.to_string(),
    };
    let split = |one: &catalog::SplitEntry| SplitView {
        symbol: one.symbol.to_string(),
        effective: one.effective.to_string(),
        numerator: one.numerator,
        denominator: one.denominator,
    };
    let column = |one: &catalog::ColumnUse| ColumnView {
        column: one.column.clone(),
        role: one.role.to_string(),
        origin: one.origin.to_string(),
    };
    ManifestView {
        bar: manifest.dataset.bar.to_string(),
        rows: manifest.dataset.rows,
        first: manifest.dataset.first.to_string(),
        last: manifest.dataset.last.to_string(),
        imported: manifest.dataset.imported.to_string(),
        source_bytes: manifest.source.bytes,
        partitions: manifest.partitions.len(),
        symbols: manifest.instruments.iter().map(symbol).collect(),
        splits: manifest.actions.iter().map(split).collect(),
        columns: manifest.source.columns.iter().map(column).collect(),
        name: manifest.dataset.name,
        digest: manifest.dataset.digest,
        source: manifest.source.file,
        source_sha256: manifest.source.sha256,
        time_zone: manifest.dataset.time_zone,
        time_form: manifest.source.time_form,
    }
}
