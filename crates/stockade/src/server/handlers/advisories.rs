//! Advisories, for everybody: pages, the files of CSAF and of OSV.

use super::posture::{html, language};
use crate::server::{
    Answer, Problem,
    advisories::{Files, Page},
    extract::{Part, Query},
    state::App,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use disclosure::Advisory;
use http::{HeaderMap, header};

pub use super::posture::Tongue;

const A_MINUTE: &str = "public, max-age=60";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// Where the files of CSAF lie.
const FOLDER: &str = "/.well-known/csaf/";

/// `GET /security/advisories`
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Tongue>,
) -> Answer<Response> {
    let page = page(&app, asked.lang.as_deref(), &headers)?;
    Ok(html(page.list(&app.desk().advisories().await?)))
}

/// `GET /security/advisories/{name}`
pub async fn advisory(
    State(app): State<App>,
    headers: HeaderMap,
    Part(name): Part<String>,
    Query(asked): Query<Tongue>,
) -> Answer<Response> {
    let page = page(&app, asked.lang.as_deref(), &headers)?;
    let all = app.desk().advisories().await?;
    let one = all.iter().find(|one| one.id.to_string() == name).ok_or_else(Problem::not_found)?;
    Ok(html(page.advisory(one)))
}

/// `GET /.well-known/stockade/advisories/{name}`
pub async fn osv(State(app): State<App>, Part(name): Part<String>) -> Answer<Response> {
    let all = app.desk().advisories().await?;
    let text = files(&app, &all).osv(&name).ok_or_else(Problem::not_found)?;
    Ok(handed(JSON, text))
}

/// `GET /.well-known/csaf/provider-metadata.json`
pub async fn metadata(State(app): State<App>) -> Answer<Response> {
    let all = app.desk().advisories().await?;
    Ok(handed(JSON, files(&app, &all).metadata()))
}

/// `GET /.well-known/csaf/index.txt`
pub async fn index(State(app): State<App>) -> Answer<Response> {
    let all = app.desk().advisories().await?;
    Ok(handed(TEXT, files(&app, &all).index()))
}

/// `GET /.well-known/csaf/changes.csv`
pub async fn changes(State(app): State<App>) -> Answer<Response> {
    let all = app.desk().advisories().await?;
    let name = (header::CONTENT_DISPOSITION, "attachment; filename=\"changes.csv\"");
    Ok(([name], handed("text/csv; charset=utf-8", files(&app, &all).changes())).into_response())
}

/// `GET /.well-known/csaf/`
pub async fn folder(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Tongue>,
) -> Answer<Response> {
    let all = app.desk().advisories().await?;
    let mut names: Vec<String> =
        ["provider-metadata.json", "index.txt", "changes.csv"].map(str::to_owned).to_vec();
    names.extend(files(&app, &all).years().into_iter().map(|year| year + "/"));
    Ok(html(page(&app, asked.lang.as_deref(), &headers)?.folder(FOLDER, &names)))
}

/// `GET /.well-known/csaf/{*place}`
pub async fn csaf(
    State(app): State<App>,
    headers: HeaderMap,
    Part(place): Part<String>,
    Query(asked): Query<Tongue>,
) -> Answer<Response> {
    let all = app.desk().advisories().await?;
    let files = files(&app, &all);
    if let Some(year) = place.strip_suffix('/') {
        let names = files.of_year(year);
        if names.is_empty() {
            return Err(Problem::not_found());
        }
        let page = page(&app, asked.lang.as_deref(), &headers)?;
        return Ok(html(page.folder(&format!("{FOLDER}{year}/"), &names)));
    }
    let file = files.csaf(&place).ok_or_else(Problem::not_found)?;
    Ok(handed(file.kind, file.text))
}

fn handed(kind: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, A_MINUTE)], text).into_response()
}

fn files<'a>(app: &'a App, advisories: &'a [Advisory]) -> Files<'a> {
    Files::new(&app.observatory().site().subject, app.reporting(), advisories)
}

/// Page and language of whoever asks.
fn page<'a>(app: &'a App, lang: Option<&str>, headers: &HeaderMap) -> Answer<Page<'a>> {
    let host = app.observatory().site().subject.trim_start_matches("https://");
    Ok(Page { host, language: language(lang, headers)? })
}
