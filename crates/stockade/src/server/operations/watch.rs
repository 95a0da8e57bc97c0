//! Counts what is answered, and hands on what went wrong: of a request its method, its route and its end.

use super::visits::{Counting, Opening};
use crate::server::{headers::address_of, problem::Cause, state::App};
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use edge::Peer;
use http::{Method, StatusCode, header};
use std::time::Instant;

/// The route of what no row of the table answers.
const PAGE: &str = "(page)";

/// Counts a request once it is answered.
pub async fn watch(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| PAGE.to_owned());
    let opening = opening(&app, &request);
    let is_file = request.uri().path().contains('.');
    let began = Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    let operations = app.operations();
    operations.traffic().note((&method, &route), status.as_u16(), began.elapsed());
    // A page that a browser still has is opened as well.
    let known = status == StatusCode::NOT_MODIFIED && route == PAGE && !is_file;
    if let Some(opening) = opening.filter(|_| known || is_page(&response)) {
        operations.visits().count(&opening);
    }
    if let (Some(reporter), true) = (operations.reporter(), status.is_server_error()) {
        let cause = response.extensions().get::<Cause>();
        // A refusal of ours, such as of a server that closes, has no cause and is no error.
        if cause.is_some() || status == StatusCode::INTERNAL_SERVER_ERROR {
            let cause = cause.map_or("", |cause| cause.0.as_str());
            reporter.failed(&app, (&method, &route), status.as_u16(), cause);
        }
    }
    response
}

fn opening(app: &App, request: &Request) -> Option<Opening> {
    let is_on = app.operations().visits().counting() == Counting::On;
    if !is_on || request.method() != Method::GET {
        return None;
    }
    if app.observatory().mark().is_on(request.headers()) {
        return None;
    }
    let address = address_of(request.extensions().get::<Peer>());
    Opening::of(request.uri().path(), request.headers(), address)
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_html = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    response.status() == StatusCode::OK && is_html
}
