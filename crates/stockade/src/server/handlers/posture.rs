//! How the claims stand, for everybody: page, history, badge, and the signed form.

use crate::{
    desk,
    server::{
        Answer, Problem,
        extract::{Part, Query},
        posture::{
            page::{self, Filter, House, Language, STYLE},
            scan,
        },
        state::App,
    },
};
use audit::{ClaimKind, Duty};
use axum::{
    body::Body,
    extract::State,
    response::{Html, IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde::Deserialize;
use utoipa::IntoParams;

/// What is said here is a minute old at most, so it may be kept for a minute.
const A_MINUTE: &str = "public, max-age=60";
const AN_HOUR: &str = "public, max-age=3600";
const TEXT: &str = "text/plain; charset=utf-8";

/// Which claims, in which language.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// `self-tested`, `attested`, `not-met`, `not-checked` or `replaced`.
    state: Option<String>,
    /// `sw`, `dep` or `org`.
    kind: Option<String>,
    /// `platform` or `host`.
    owner: Option<String>,
    /// `en` or `de`; without it, what the browser asks for.
    lang: Option<String>,
}

/// In which language.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Tongue {
    /// `en` or `de`; without it, what the browser asks for.
    pub(super) lang: Option<String>,
}

/// `GET /security`
pub async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    Query(shown): Query<Shown>,
) -> Answer<Response> {
    let language = language(shown.lang.as_deref(), &headers)?;
    let filter = Filter {
        state: named("state", shown.state.as_deref(), page::state)?,
        kind: named("kind", shown.kind.as_deref(), |word| match word {
            "sw" => Some(ClaimKind::Sw),
            "dep" => Some(ClaimKind::Dep),
            "org" => Some(ClaimKind::Org),
            _ => None,
        })?,
        owner: named("owner", shown.owner.as_deref(), |word| match word {
            "platform" => Some(Duty::Platform),
            "host" => Some(Duty::Host),
            _ => None,
        })?,
    };
    let signed = app.observatory().signed(&app).await?;
    let house = house(&app).await?;
    Ok(html(page::list(&signed.posture, &house, filter, language)))
}

/// `GET /security/{claim}`
pub async fn claim(
    State(app): State<App>,
    headers: HeaderMap,
    Part(id): Part<String>,
    Query(tongue): Query<Tongue>,
) -> Answer<Response> {
    let language = language(tongue.lang.as_deref(), &headers)?;
    let claim = audit::claim(&id).ok_or_else(Problem::not_found)?;
    let signed = app.observatory().signed(&app).await?;
    let posture = &signed.posture;
    let row = posture.rows.iter().find(|row| row.id == id).ok_or_else(Problem::not_found)?;
    let turns = app.desk().turns(&id).await?;
    Ok(html(page::history(posture, (row, claim), &turns, language)))
}

/// `GET /security/style.css`
pub async fn style() -> Response {
    let kind = (header::CONTENT_TYPE, "text/css; charset=utf-8");
    ([kind, (header::CACHE_CONTROL, AN_HOUR)], STYLE).into_response()
}

/// `GET /security/badge.svg`
pub async fn badge(State(app): State<App>) -> Answer<Response> {
    let signed = app.observatory().signed(&app).await?;
    let kind = (header::CONTENT_TYPE, "image/svg+xml");
    let headers = [kind, (header::CACHE_CONTROL, A_MINUTE)];
    Ok((headers, page::badge(&signed.posture)).into_response())
}

/// `GET /security/scan.json`
pub async fn scan() -> Response {
    built_in(scan::RECORD)
}

/// `GET /security/sbom.cdx.json`
pub async fn bom() -> Response {
    built_in(scan::BOM)
}

/// `GET /security/findings.sarif`
pub async fn findings() -> Response {
    built_in(scan::FINDINGS)
}

/// `GET /security/findings`
pub async fn known(
    State(app): State<App>,
    headers: HeaderMap,
    Query(tongue): Query<Tongue>,
) -> Answer<Response> {
    let language = language(tongue.lang.as_deref(), &headers)?;
    let (scanned, known) = scan::known().map_err(|error| Problem::internal(&error))?;
    let host = app.observatory().site().subject.trim_start_matches("https://");
    Ok(html(page::findings(host, scanned, &known, language)))
}

/// JSON that this program carries.
fn built_in(text: &'static str) -> Response {
    let kind = (header::CONTENT_TYPE, "application/json");
    ([kind, (header::CACHE_CONTROL, AN_HOUR)], text).into_response()
}

/// `GET /security/evidence/{sha256}`
pub async fn evidence(State(app): State<App>, Part(sha256): Part<String>) -> Answer<Response> {
    let found = app.desk().public_evidence(&sha256).await?;
    let bytes = found.ok_or_else(Problem::not_found)?;
    // What others wrote is taken away and never shown as a page of ours.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{sha256}\"")),
        (header::CACHE_CONTROL, AN_HOUR.to_owned()),
    ];
    Ok((headers, Body::from(bytes)).into_response())
}

/// `GET /.well-known/stockade/posture.json`
pub async fn posture(State(app): State<App>) -> Answer<Response> {
    let signed = app.observatory().signed(&app).await?;
    let kind = (header::CONTENT_TYPE, "application/json");
    let headers = [kind, (header::CACHE_CONTROL, A_MINUTE)];
    Ok((headers, signed.envelope.clone()).into_response())
}

/// `GET /.well-known/stockade/posture-key`
pub async fn key(State(app): State<App>) -> Response {
    let headers = [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, AN_HOUR)];
    (headers, format!("{}\n", app.observatory().key())).into_response()
}

async fn house(app: &App) -> Answer<House> {
    let (observatory, desk) = (app.observatory(), app.desk());
    let served = observatory.served();
    let head = desk.log_head().await?;
    let views = app.witnesses().views(desk).await?;
    let cosigned = views.iter().filter_map(|view| Some(view.said.as_ref()?.size)).max();
    Ok(House {
        key: observatory.key(),
        issuer: served.as_ref().map(|served| served.issuer.clone()),
        expires: served.map(|served| served.expires),
        checkpoint: Some((head.checkpoint.size, head.time)),
        witnesses: (views.len(), cosigned),
    })
}

pub(super) fn language(asked: Option<&str>, headers: &HeaderMap) -> Answer<Language> {
    let liked = || {
        let line = headers.get(header::ACCEPT_LANGUAGE).and_then(|line| line.to_str().ok());
        Language::of_header(line.unwrap_or_default())
    };
    Ok(named("lang", asked, Language::named)?.unwrap_or_else(liked))
}

/// A word of the query; an empty one is as none.
fn named<T>(name: &str, word: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Answer<Option<T>> {
    let Some(word) = word.filter(|word| !word.is_empty()) else { return Ok(None) };
    let wrong = || {
        Problem::invalid(format!("{name} has no such value"))
            .at(format!("query, {name}"))
            .fix("take a link of the page, or leave it out")
    };
    read(word).map(Some).ok_or_else(wrong)
}

pub(super) fn html(text: String) -> Response {
    let headers = [(header::CACHE_CONTROL, A_MINUTE), (header::VARY, "accept-language")];
    (headers, Html(text)).into_response()
}

/// A server that has just taken a document shows it at once.
pub async fn taken(app: &App, new: desk::NewEvidence) -> desk::Result<desk::KeptEvidence> {
    let kept = app.desk().add_evidence(desk::Actor::Host, new).await?;
    app.observatory().forget_signed().await;
    Ok(kept)
}
