//! The audit log, as people read it and take it away.

use crate::{
    desk::{self, Actor, LogLine, Sight},
    server::{
        Answer, Problem,
        extract::{Json, Part, Query, exact},
        guard::Granted,
        state::App,
    },
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::header;
use identity::AccountId;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{fmt::Display, str::FromStr};
use store::{Export, LogPage};
use utoipa::{IntoParams, ToSchema};

/// Which part of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Only entries with a smaller index.
    #[serde(default, deserialize_with = "exact")]
    before: Option<u64>,
    /// How many; more than 500 are as 500.
    limit: Option<u32>,
    /// Only entries of this kind.
    kind: Option<String>,
    /// Only what this account did, or what was done to it.
    account: Option<String>,
    /// Only entries of this time or later: `2026-11-29`, or with a time of day and an offset.
    since: Option<String>,
    /// Only entries before this time; a date is its whole day.
    until: Option<String>,
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page {
    checkpoint: CheckpointView,
    entries: Vec<Line>,
    /// Where to go on, as `before`; null at the end.
    next: Option<u64>,
}

/// The newest signed checkpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckpointView {
    size: u64,
    root: String,
    time: String,
}

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogEntry)]
pub struct Line {
    index: u64,
    time: String,
    kind: String,
    actor: Option<String>,
    subject: Option<String>,
    summary: String,
    leaf_hash: String,
}

impl From<LogLine> for Line {
    fn from(line: LogLine) -> Self {
        Self {
            index: line.index,
            time: line.time.to_string(),
            kind: line.kind,
            actor: line.actor,
            subject: line.subject,
            summary: line.summary,
            leaf_hash: hex::encode(line.hash),
        }
    }
}

/// `GET /api/v1/audit`
pub async fn page(
    State(app): State<App>,
    signed: Granted,
    Query(which): Query<Which>,
) -> Answer<Json<Page>> {
    let page = LogPage {
        before: which.before,
        since: edge("query, since", which.since.as_deref(), Some)?,
        until: edge("query, until", which.until.as_deref(), |day| day.tomorrow().ok())?,
        kind: given("query, kind", which.kind.as_deref())?,
        account: given("query, account", which.account.as_deref())?,
        limit: which.limit.unwrap_or(0),
    };
    look(&app, signed.tenant.account(), Sight::Log).await?;
    let view = app.desk().log(&page).await?;
    let checkpoint = CheckpointView {
        size: view.head.checkpoint.size,
        root: hex::encode(view.head.checkpoint.root),
        time: view.head.time.to_string(),
    };
    let entries = view.lines.into_iter().map(Line::from).collect();
    Ok(Json(Page { checkpoint, entries, next: view.next }))
}

/// Writes down who looks at what, before they see it.
pub(super) async fn look(app: &App, who: AccountId, sight: Sight) -> Answer<()> {
    Ok(app.desk().note_view(app.views(), (who, sight), desk::now()).await?)
}

/// A parameter of the query that parses; an empty one is as none.
pub(super) fn given<T: FromStr<Err: Display>>(
    place: &str,
    text: Option<&str>,
) -> Answer<Option<T>> {
    let text = text.filter(|text| !text.is_empty());
    let value = text.map(str::parse).transpose();
    value.map_err(|error: T::Err| Problem::invalid(error.to_string()).at(place))
}

/// A moment of the query; a date stands for the midnight, in UTC, that `of_day` chooses.
fn edge(
    place: &str,
    text: Option<&str>,
    of_day: impl Fn(Date) -> Option<Date>,
) -> Answer<Option<Timestamp>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let midnight = |day: Date| Some(of_day(day)?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let moment = match text.parse::<Date>() {
        Ok(day) if text.len() <= "2026-11-29".len() => midnight(day),
        _ => text.parse().ok(),
    };
    let wrong = || Problem::invalid("this is no date and no time with an offset").at(place);
    moment.map(Some).ok_or_else(wrong)
}

const TEXT: &str = "text/plain; charset=utf-8";

/// `GET /api/v1/audit/{index}/receipt`
pub async fn receipt(
    State(app): State<App>,
    signed: Granted,
    Part(index): Part<u64>,
) -> Answer<Response> {
    // A receipt opens its entry: that is a look like any other.
    look(&app, signed.tenant.account(), Sight::Log).await?;
    let text = app.desk().receipt(index).await?;
    let name = format!("attachment; filename=\"entry-{index}.tlog-proof\"");
    let headers = [(header::CONTENT_TYPE, TEXT.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, text).into_response())
}

/// `GET /api/v1/audit/checkpoint`
pub async fn checkpoint(State(app): State<App>) -> Answer<Response> {
    let head = app.desk().log_head().await?;
    Ok(([(header::CONTENT_TYPE, TEXT)], head.note).into_response())
}

/// `GET /api/v1/audit/key`
pub async fn key(State(app): State<App>) -> Answer<Response> {
    let key = format!("{}\n", app.desk().log_key());
    Ok(([(header::CONTENT_TYPE, TEXT)], key).into_response())
}

/// `GET /api/v1/audit/export`
pub async fn export(State(app): State<App>, signed: Granted) -> Answer<Response> {
    let export = app.desk().export_log(Actor::Account(signed.tenant.account())).await?;
    let pieces = stream::try_unfold(export, |mut export: Export| async move {
        let piece = export.next().await?;
        Ok::<_, store::Error>(piece.map(|text| (Bytes::from(text), export)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"stockade-audit.jsonl\""),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
