//! Factors: kept in versions, checked and completed while they are written.

use super::strategies::{self, Choice, Completed, Finding, byte_at, units};
use crate::{
    desk::{Archived, Draft, EXPRESSION_BYTES_MAX},
    report::words,
    server::{
        Answer, Problem,
        extract::{Json, Part, Query},
        guard::Granted,
        state::App,
    },
};
use axum::extract::State;
use factor::{Diagnostic, Expression, Limits, Plan, Schema};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{FactorLine, FactorVersion};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A factor with its newest version.
#[derive(Debug, Serialize, ToSchema)]
pub struct Factor {
    id: Uuid,
    name: String,
    note: String,
    version: i64,
    text: String,
    created: String,
    updated: String,
    archived: bool,
}

/// A version of a factor; it never changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionRow {
    version: i64,
    text: String,
    note: String,
    created: String,
    text_sha256: String,
    /// The entry of the audit log that holds the text's hash.
    leaf_index: i64,
}

/// A new factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFactor {
    name: String,
    text: String,
    #[serde(default)]
    note: String,
    /// Whose fields the text is checked against; those that the library reads unless given.
    dataset: Option<String>,
}

/// A new version, with the one that the person saw.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVersion {
    text: String,
    #[serde(default)]
    note: String,
    base_version: i64,
    dataset: Option<String>,
}

/// What was kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeptFactor {
    id: Uuid,
    version: i64,
}

/// Which factors a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Whether what was put away is shown too.
    #[serde(default)]
    archived: bool,
}

/// An expression to look at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpressionText {
    text: String,
    dataset: Option<String>,
}

/// An expression and a cursor in it, in UTF-16 code units.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpressionCursor {
    text: String,
    offset: usize,
    dataset: Option<String>,
}

/// What is wrong with an expression, or what it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedExpression {
    problems: Vec<Finding>,
    expression: Option<Told>,
}

/// What is known of an expression before it runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Told {
    canonical: String,
    /// `number`, `truth` or `constant`.
    result: &'static str,
    /// Rows before the first full value.
    lookback: usize,
    /// Rows between the current one and the newest one that is read.
    lag: usize,
    fields: Vec<String>,
    groups: Vec<String>,
    nodes: usize,
    /// What it takes on the dataset; null without one.
    cost: Option<CostView>,
}

/// What a run takes, known before it starts.
#[derive(Debug, Serialize, ToSchema)]
pub struct CostView {
    /// Rows of the calendar, at most.
    rows: u64,
    names: usize,
    cells: u64,
    work: u64,
    bytes: u64,
    words: String,
}

fn view(line: FactorLine) -> Factor {
    let FactorLine { id, name, newest, created, archived } = line;
    Factor {
        id,
        name,
        note: newest.note,
        version: newest.version,
        text: newest.text,
        created: created.to_string(),
        updated: newest.created.to_string(),
        archived: archived.is_some(),
    }
}

/// The factors that are shipped.
#[derive(Debug, Serialize, ToSchema)]
pub struct Library {
    factors: Vec<Shipped>,
}

/// A factor that is shipped.
#[derive(Debug, Serialize, ToSchema)]
pub struct Shipped {
    name: &'static str,
    heading: &'static str,
    text: &'static str,
    summary: &'static str,
    /// How its source was read where that could be read otherwise; often empty.
    note: &'static str,
    source: &'static str,
    fields: Vec<String>,
    groups: Vec<String>,
}

/// `GET /api/v1/factors/library`
pub async fn library() -> Json<Library> {
    let shipped = |one: &factor::Entry| Shipped {
        name: one.name,
        heading: one.heading,
        text: one.text,
        summary: one.summary,
        note: one.note,
        source: one.source,
        fields: one.fields.clone(),
        groups: one.groups.clone(),
    };
    Json(Library { factors: factor::library().iter().map(shipped).collect() })
}

/// `GET /api/v1/factors`
pub async fn list(
    State(app): State<App>,
    signed: Granted,
    Query(asked): Query<Listed>,
) -> Answer<Json<Vec<Factor>>> {
    let archived = if asked.archived { Archived::Shown } else { Archived::Hidden };
    let lines = app.desk().factors(&signed.tenant, archived).await?;
    Ok(Json(lines.into_iter().map(view).collect()))
}

/// `POST /api/v1/factors`
pub async fn create(
    State(app): State<App>,
    signed: Granted,
    Json(new): Json<NewFactor>,
) -> Answer<(StatusCode, Json<KeptFactor>)> {
    let draft = Draft { text: &new.text, note: &new.note, dataset: new.dataset.as_deref() };
    let id = app.desk().create_factor(&signed.tenant, &new.name, draft).await?;
    Ok((StatusCode::CREATED, Json(KeptFactor { id, version: 1 })))
}

/// `GET /api/v1/factors/{id}`
pub async fn show(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<Json<Factor>> {
    Ok(Json(view(app.desk().factor(&signed.tenant, id).await?)))
}

/// `GET /api/v1/factors/{id}/versions`
pub async fn versions(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<Json<Vec<VersionRow>>> {
    let version = |one: FactorVersion| VersionRow {
        version: one.version,
        text_sha256: crate::desk::text_digest(&one.text),
        text: one.text,
        note: one.note,
        created: one.created.to_string(),
        leaf_index: one.leaf_index,
    };
    let found = app.desk().factor_versions(&signed.tenant, id).await?;
    Ok(Json(found.into_iter().map(version).collect()))
}

/// `POST /api/v1/factors/{id}/versions`
pub async fn add_version(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
    Json(new): Json<NewVersion>,
) -> Answer<(StatusCode, Json<KeptFactor>)> {
    let draft = Draft { text: &new.text, note: &new.note, dataset: new.dataset.as_deref() };
    let seen = (id, new.base_version);
    let version = app.desk().add_factor_version(&signed.tenant, seen, draft).await?;
    Ok((StatusCode::CREATED, Json(KeptFactor { id, version })))
}

/// `DELETE /api/v1/factors/{id}`
pub async fn archive(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<StatusCode> {
    app.desk().archive_factor(&signed.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/factors/check`
pub async fn check(
    State(app): State<App>,
    Json(asked): Json<ExpressionText>,
) -> Answer<Json<CheckedExpression>> {
    let text = sized(asked.text)?;
    let dataset = asked.dataset.as_deref();
    let schema = app.desk().factor_schema(dataset).await?;
    let parsed = Expression::parse(&text, &schema, &Limits::default());
    let (problems, expression) = match parsed {
        Ok(expression) => (Vec::new(), Some(told(&app, dataset, &schema, expression).await?)),
        Err(problems) => (problems.iter().map(|one| finding(&text, one)).collect(), None),
    };
    Ok(Json(CheckedExpression { problems, expression }))
}

/// `POST /api/v1/factors/complete`
pub async fn complete(
    State(app): State<App>,
    Json(asked): Json<ExpressionCursor>,
) -> Answer<Json<Completed>> {
    let text = sized(asked.text)?;
    let offset = byte_at(&text, asked.offset)
        .ok_or_else(|| Problem::invalid("the cursor lies outside the text").field("offset"))?;
    let schema = app.desk().factor_schema(asked.dataset.as_deref()).await?;
    let found = factor::complete(&text, offset, &schema);
    let from = found.first().map_or(asked.offset, |one| units(&text, one.from));
    let choice = |one: factor::Completion| Choice {
        info: factor::Operator::named(&one.label).map(|operator| operator.missing.to_owned()),
        label: one.label,
        kind: strategies::kind_in_expression(one.kind),
        detail: one.detail,
    };
    Ok(Json(Completed { from, options: found.into_iter().map(choice).collect() }))
}

async fn told(
    app: &App,
    dataset: Option<&str>,
    schema: &Schema,
    expression: Expression,
) -> Answer<Told> {
    let owned = |names: &mut dyn Iterator<Item = &str>| names.map(str::to_owned).collect();
    let mut told = Told {
        canonical: expression.to_string(),
        result: words::result(expression.result_type()),
        lookback: expression.lookback(),
        lag: expression.lag(),
        fields: owned(&mut expression.fields()),
        groups: owned(&mut expression.groups()),
        nodes: expression.nodes(),
        cost: None,
    };
    if let Some(dataset) = dataset {
        let manifest = app.desk().manifest(dataset).await?;
        let plan = Plan::new(&[(String::new(), expression)], schema, &Limits::default());
        let plan = plan.map_err(crate::desk::Error::from)?;
        // The longest history stands for the calendar, which is the union of all.
        let rows = longest(&manifest);
        let names = manifest.instruments.len();
        let cost = plan.cost(usize::try_from(rows).unwrap_or(usize::MAX), names);
        let words = words::cost(cost);
        let factor::Cost { cells, work, bytes } = cost;
        told.cost = Some(CostView { rows, names, cells, work, bytes, words });
    }
    Ok(told)
}

/// Bars of the symbol that has most.
fn longest(manifest: &catalog::Manifest) -> u64 {
    let mut rows = std::collections::BTreeMap::new();
    for span in manifest.partitions.iter().flat_map(|partition| &partition.spans) {
        *rows.entry(&span.symbol).or_insert(0) += span.rows;
    }
    rows.into_values().max().unwrap_or(0)
}

fn sized(text: String) -> Answer<String> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let detail = format!("the text has more than {EXPRESSION_BYTES_MAX} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).field("text"));
    }
    Ok(text)
}

/// A finding with its place as browsers count.
fn finding(text: &str, one: &Diagnostic) -> Finding {
    let before = text.get(..one.span.start).unwrap_or(text);
    Finding {
        from: units(text, one.span.start),
        to: units(text, one.span.end),
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
        severity: strategies::severity(one.severity),
        code: one.code.to_owned(),
        message: one.message.clone(),
        help: one.help.clone(),
    }
}
