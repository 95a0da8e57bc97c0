//! Strategies: kept, checked and completed while they are written.

use crate::{
    desk::{Error, TEXT_BYTES_MAX, schema_of, title},
    server::{
        Answer, Problem,
        extract::{Json, Part},
        guard::Granted,
        state::App,
    },
};
use axum::extract::State;
use engine::CompletionKind;
use factor::{Schema, Severity};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A strategy in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StrategyLine)]
pub struct Line {
    id: Uuid,
    name: String,
    updated: String,
}

/// A strategy.
#[derive(Debug, Serialize, ToSchema)]
pub struct Strategy {
    id: Uuid,
    name: String,
    text: String,
    revision: i64,
    updated: String,
}

/// A new strategy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStrategy {
    name: Option<String>,
    text: String,
}

/// A changed strategy, with the revision that the person saw.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedStrategy {
    name: Option<String>,
    text: String,
    revision: i64,
}

/// What was kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct Kept {
    id: Uuid,
    revision: i64,
}

/// A text to look at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    text: String,
}

/// What is wrong with a text.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checked {
    problems: Vec<Finding>,
    title: String,
}

/// One thing that is wrong, its place in UTF-16 code units as browsers count.
#[derive(Debug, Serialize, ToSchema)]
pub struct Finding {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) severity: &'static str,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// A text and a cursor in it, in UTF-16 code units.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    text: String,
    offset: usize,
}

/// What may stand at the cursor.
#[derive(Debug, Serialize, ToSchema)]
pub struct Completed {
    pub(super) from: usize,
    pub(super) options: Vec<Choice>,
}

/// One word that may stand there.
#[derive(Debug, Serialize, ToSchema)]
pub struct Choice {
    pub(super) label: String,
    pub(super) kind: &'static str,
    pub(super) detail: String,
    pub(super) info: Option<String>,
}

/// `GET /api/v1/strategies`
pub async fn list(State(app): State<App>, signed: Granted) -> Answer<Json<Vec<Line>>> {
    let rows = app.desk().strategies(&signed.tenant).await?;
    let line = |row: store::StrategyLine| Line {
        id: row.id,
        name: row.name,
        updated: row.updated.to_string(),
    };
    Ok(Json(rows.into_iter().map(line).collect()))
}

/// `POST /api/v1/strategies`
pub async fn create(
    State(app): State<App>,
    signed: Granted,
    Json(new): Json<NewStrategy>,
) -> Answer<(StatusCode, Json<Kept>)> {
    let id = app.desk().create_strategy(&signed.tenant, new.name.as_deref(), &new.text).await?;
    Ok((StatusCode::CREATED, Json(Kept { id, revision: 1 })))
}

/// `GET /api/v1/strategies/{id}`
pub async fn show(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<Json<Strategy>> {
    let row = app.desk().strategy(&signed.tenant, id).await?;
    Ok(Json(Strategy {
        id,
        name: row.line.name,
        text: row.text,
        revision: row.line.revision,
        updated: row.line.updated.to_string(),
    }))
}

/// `PUT /api/v1/strategies/{id}`
pub async fn change(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
    Json(new): Json<ChangedStrategy>,
) -> Answer<Json<Kept>> {
    let seen = (id, new.revision);
    let name = new.name.as_deref();
    let revision = app.desk().change_strategy(&signed.tenant, seen, name, &new.text).await?;
    Ok(Json(Kept { id, revision }))
}

/// `DELETE /api/v1/strategies/{id}`
pub async fn remove(
    State(app): State<App>,
    signed: Granted,
    Part(id): Part<Uuid>,
) -> Answer<StatusCode> {
    app.desk().remove_strategy(&signed.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/strategies/check`
pub async fn check(State(app): State<App>, Json(asked): Json<Text>) -> Answer<Json<Checked>> {
    let text = sized(asked.text)?;
    let schema = schema(&app, &text).await;
    let mut problems: Vec<Finding> = engine::check_strategy(&text, schema.as_ref().ok())
        .iter()
        .map(|problem| finding(&text, problem))
        .collect();
    if let Err(Some(missing)) = schema {
        problems.push(missing);
        problems.sort_by_key(|problem| problem.from);
    }
    Ok(Json(Checked { problems, title: title(&text) }))
}

/// `POST /api/v1/strategies/complete`
pub async fn complete(
    State(app): State<App>,
    Json(asked): Json<Cursor>,
) -> Answer<Json<Completed>> {
    let text = sized(asked.text)?;
    let offset = byte_at(&text, asked.offset)
        .ok_or_else(|| Problem::invalid("the cursor lies outside the text").field("offset"))?;
    let schema = schema(&app, &text).await.unwrap_or_else(|_| Schema::bars());
    let found = engine::complete_strategy(&text, offset, &schema);
    let from = found.first().map_or(asked.offset, |one| units(&text, one.from));
    let choice = |one: engine::Completion| Choice {
        label: one.label,
        kind: kind(one.kind),
        detail: one.detail,
        info: None,
    };
    Ok(Json(Completed { from, options: found.into_iter().map(choice).collect() }))
}

const fn kind(kind: CompletionKind) -> &'static str {
    match kind {
        CompletionKind::Key => "key",
        CompletionKind::Value => "value",
        CompletionKind::Expression(inner) => kind_in_expression(inner),
    }
}

pub(super) const fn kind_in_expression(kind: factor::CompletionKind) -> &'static str {
    match kind {
        factor::CompletionKind::Field => "field",
        factor::CompletionKind::Group => "group",
        factor::CompletionKind::Operator => "operator",
        factor::CompletionKind::Word => "word",
        factor::CompletionKind::Keyword => "keyword",
    }
}

fn sized(text: String) -> Answer<String> {
    if text.len() > TEXT_BYTES_MAX {
        let detail = format!("the text has more than {TEXT_BYTES_MAX} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).field("text"));
    }
    Ok(text)
}

/// The names of the dataset that a text means, even while the text has errors; `Err(Some(…))`
/// if it names one that is not there, `Err(None)` if it names none.
async fn schema(app: &App, text: &str) -> Result<Schema, Option<Finding>> {
    let mut start = 0;
    let named = text.split_inclusive('\n').find_map(|line| {
        let here = start;
        start += line.len();
        let value = line.strip_prefix("data:")?.split(" #").next()?;
        let name = value.trim().trim_matches(['"', '\'']);
        let at = here + line.find(name)?;
        (!name.is_empty()).then_some((name, at))
    });
    let Some((name, at)) = named else { return Err(None) };
    match app.desk().manifest(name).await {
        Ok(manifest) => Ok(schema_of(&manifest)),
        Err(error) => Err(Some(Finding {
            from: units(text, at),
            to: units(text, at + name.len()),
            line: text.get(..at).unwrap_or_default().matches('\n').count() + 1,
            column: "data: ".len() + 1,
            severity: "error",
            code: "no-dataset".to_owned(),
            message: missing(name, &error),
            help: Some("import it, or name one of the datasets on the data page".to_owned()),
        })),
    }
}

fn missing(name: &str, error: &Error) -> String {
    match error {
        Error::Catalog(inner @ catalog::Error::NoDataset { .. }) => inner.to_string(),
        _ => format!("the dataset {name:?} cannot be read"),
    }
}

/// A problem of the engine with its place as browsers count.
fn finding(text: &str, problem: &engine::Problem) -> Finding {
    Finding {
        from: units(text, problem.span.start),
        to: units(text, problem.span.end),
        line: problem.line,
        column: problem.column,
        severity: severity(problem.severity),
        code: problem.code.to_owned(),
        message: problem.message.clone(),
        help: problem.help.clone(),
    }
}

pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// UTF-16 code units before a byte; an offset inside a character counts as its start.
pub(super) fn units(text: &str, byte: usize) -> usize {
    text.char_indices()
        .take_while(|(at, c)| at + c.len_utf8() <= byte)
        .map(|(_, c)| c.len_utf16())
        .sum()
}

/// The byte at a number of UTF-16 code units; `None` outside the text or inside a character.
pub(super) fn byte_at(text: &str, units: usize) -> Option<usize> {
    let mut seen = 0;
    for (at, c) in text.char_indices() {
        if seen >= units {
            return (seen == units).then_some(at);
        }
        seen += c.len_utf16();
    }
    (seen == units).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_code_units_convert() {
        let check = |text: &str, byte: usize, unit: usize| {
            assert_eq!(units(text, byte), unit, "{text} {byte}");
            assert_eq!(byte_at(text, unit), Some(byte), "{text} {unit}");
        };
        check("abc", 0, 0);
        check("abc", 3, 3);
        check("ä=b", 2, 1);
        check("😀x", 4, 2);
        check("😀x", 5, 3);
        assert_eq!(byte_at("😀x", 1), None);
        assert_eq!(byte_at("x", 2), None);
        assert_eq!(units("ä", 1), 0);
    }
}
