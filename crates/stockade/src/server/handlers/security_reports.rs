//! Reports of weaknesses, for everybody: `security.txt`, the terms, the form, the page of a receipt.

use super::posture::{html, language};
use crate::{
    desk::{Brought, ReportText, ReportView, Taken, Visitor, now},
    server::{
        Answer, Problem,
        extract::{Part, Query},
        guard::Caller,
        posture::page::Language,
        security_reports::{
            SCRIPT,
            page::{Page, tongue},
        },
        state::App,
    },
};
use axum::{
    Form,
    extract::{FromRequest, Request, State},
    response::{Html, IntoResponse, Response},
};
use disclosure::Policy;
use http::{HeaderMap, StatusCode, header};
use seal::Secret;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use std::fmt::Write as _;
use utoipa::ToSchema;

pub use super::posture::Tongue;

const TEXT: &str = "text/plain; charset=utf-8";
const AN_HOUR: &str = "public, max-age=3600";
const A_MINUTE: &str = "public, max-age=60";

/// What somebody typed who is not to be heard by others; it does not print.
struct Typed(Secret<String>);

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

/// A report, as a browser's form sends it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportForm {
    /// The text of a file of age, or plain words.
    #[schema(value_type = String)]
    text: Typed,
    /// `yes`: whoever sends it wants to be named.
    credit: Option<String>,
    /// A puzzle and its answer, as `stockade-work` has them elsewhere.
    work: Option<String>,
}

/// A receipt, as a browser's form sends it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptForm {
    /// `srr_…`
    #[schema(value_type = String)]
    receipt: Typed,
}

/// `GET /.well-known/security.txt`
pub async fn security_txt(State(app): State<App>) -> Answer<Response> {
    let text = app.reporting().security_txt(now()).ok_or_else(Problem::not_found)?;
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, AN_HOUR)], text).into_response())
}

/// `GET /.well-known/stockade/security-key.asc`
pub async fn key(State(app): State<App>) -> Response {
    let headers = [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, AN_HOUR)];
    (headers, app.reporting().key().published()).into_response()
}

/// `GET /security/policy`
pub async fn policy(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Tongue>,
) -> Answer<Response> {
    let page = page(&app, &asked, &headers)?;
    let tally = app.desk().report_tally().await?;
    let fingerprint = app.reporting().key().certificate().fingerprint();
    Ok(html(page.policy(&tally, &fingerprint)))
}

/// `GET /security/thanks`
pub async fn thanks(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Tongue>,
) -> Answer<Response> {
    let page = page(&app, &asked, &headers)?;
    Ok(html(page.thanks(&app.desk().thanked().await?)))
}

/// `GET /security/policy/{language}`
pub async fn policy_text(Part(name): Part<String>) -> Answer<Response> {
    let language = Language::named(&name).ok_or_else(Problem::not_found)?;
    let headers = [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, AN_HOUR)];
    Ok((headers, Policy::of(tongue(language)).text).into_response())
}

/// `GET /security/report/recipients`
pub async fn recipients(State(app): State<App>) -> Answer<Response> {
    let mut text = String::new();
    for recipient in app.reporting().recipients() {
        let _ = writeln!(text, "{recipient}");
    }
    if text.is_empty() {
        return Err(Problem::not_found());
    }
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, A_MINUTE)], text).into_response())
}

/// `GET /security/report`
pub async fn form(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Tongue>,
) -> Answer<Response> {
    Ok(html(page(&app, &asked, &headers)?.form(app.reporting())))
}

/// `GET /security/report.js`
pub async fn script() -> Response {
    let kind = (header::CONTENT_TYPE, "text/javascript; charset=utf-8");
    ([kind, (header::CACHE_CONTROL, AN_HOUR)], SCRIPT).into_response()
}

/// `POST /security/report`
pub async fn report(
    State(app): State<App>,
    Caller(visitor): Caller,
    Query(asked): Query<Tongue>,
    request: Request,
) -> Answer<Response> {
    let page = page(&app, &asked, request.headers())?;
    match take(&app, visitor, request).await {
        Ok(taken) => Ok((StatusCode::CREATED, Html(page.taken(&taken, now()))).into_response()),
        Err(problem) => Ok(refused(&page, "/security/report", &problem)),
    }
}

async fn take(app: &App, mut visitor: Visitor, request: Request) -> Answer<Taken> {
    let form: ReportForm = read(request).await?;
    visitor.work = visitor.work.take().or(form.work.filter(|work| !work.is_empty()));
    let credit = match form.credit.as_deref() {
        None | Some("") => false,
        Some("yes") => true,
        Some(_) => return Err(Problem::invalid("this is yes or left out").field("credit")),
    };
    let brought = Brought { text: ReportText::of(form.text.0), credit };
    let to = app.reporting().recipients();
    Ok(app.accounts().take_report(&visitor, brought, to).await?)
}

/// `GET /security/report/status`
pub async fn receipt(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Tongue>,
) -> Answer<Response> {
    Ok(html(page(&app, &asked, &headers)?.receipt()))
}

/// `POST /security/report/status`
pub async fn standing(
    State(app): State<App>,
    Caller(visitor): Caller,
    Query(asked): Query<Tongue>,
    request: Request,
) -> Answer<Response> {
    let page = page(&app, &asked, request.headers())?;
    match find(&app, &visitor, request).await {
        Ok(view) => Ok(Html(page.standing(&view, now())).into_response()),
        Err(problem) => Ok(refused(&page, "/security/report/status", &problem)),
    }
}

async fn find(app: &App, visitor: &Visitor, request: Request) -> Answer<ReportView> {
    let form: ReceiptForm = read(request).await?;
    Ok(app.accounts().report_of(visitor, form.receipt.0.expose()).await?)
}

/// Page and language of whoever asks.
fn page<'a>(app: &'a App, asked: &Tongue, headers: &HeaderMap) -> Answer<Page<'a>> {
    let host = app.observatory().site().subject.trim_start_matches("https://");
    Ok(Page { host, language: language(asked.lang.as_deref(), headers)? })
}

/// The fields of a browser's form, each once and none beside them.
async fn read<T: DeserializeOwned>(request: Request) -> Answer<T> {
    let form = Form::<T>::from_request(request, &()).await;
    form.map(|Form(form)| form).map_err(|_| {
        let detail = "the form lacks a field, or has one that is not known here or comes twice";
        Problem::invalid(detail).fix("use the form of the page")
    })
}

/// A refusal as a page: whoever has no script cannot read anything else.
fn refused(page: &Page<'_>, here: &str, problem: &Problem) -> Response {
    let fix = problem.fix.as_deref().unwrap_or_default();
    let text = page.refused(here, &problem.detail, fix);
    let (status, retry) = (problem.status, problem.retry_after_s);
    let mut response = (status, Html(text)).into_response();
    if let Some(seconds) = retry {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
